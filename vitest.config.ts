import { fileURLToPath } from 'node:url';
import { defineConfig, type ViteUserConfig } from 'vitest/config';

const source = (path: string): string => fileURLToPath(new URL(`src/${path}`, import.meta.url));

const config: ViteUserConfig = defineConfig({
  // Tests and examples import the package by its public names, and run its source.
  resolve: {
    alias: [
      { find: /^tillpaid$/, replacement: source('index.ts') },
      { find: /^tillpaid\/adapter$/, replacement: source('kit/index.ts') },
      { find: /^tillpaid\/adapter\/webhook$/, replacement: source('kit/webhook.ts') },
      { find: /^tillpaid\/(policies|testing)$/, replacement: source('$1/index.ts') },
      { find: /^tillpaid\/testing\/(.+)$/, replacement: source('adapters/$1/simulator.ts') },
      { find: /^tillpaid\/adapters\/(.+)\/terse$/, replacement: source('adapters/$1/terse.ts') },
      { find: /^tillpaid\/adapters\/(.+)$/, replacement: source('adapters/$1/index.ts') },
    ],
  },
  // Nothing waits in real time; the limit is for a loaded machine, not for the tests.
  test: { include: ['test/**/*.test.ts'], testTimeout: 30_000 },
});

export default config;
