import { defineConfig, type ViteUserConfig } from 'vitest/config';

/** `npm run test:browser`: what needs a browser, which a machine may not have. */
const config: ViteUserConfig = defineConfig({
  test: { include: ['test/**/*.browser.ts'], testTimeout: 120_000, hookTimeout: 120_000, fileParallelism: false },
});

export default config;
