import { fileURLToPath } from 'node:url';
import { defineConfig, type ViteUserConfig } from 'vitest/config';

const source = (path: string): string => fileURLToPath(new URL(`src/${path}`, import.meta.url));

/** They look at the memory of the whole process. */
const alone = ['test/client/forgetting.test.ts', 'test/kit/read-up-to.test.ts', 'test/engine/wire.test.ts'];

const config: ViteUserConfig = defineConfig({
  // Tests and examples import the package by its public names, and run its source.
  resolve: {
    alias: [
      { find: /^tillpaid$/, replacement: source('index.ts') },
      { find: /^tillpaid\/adapter$/, replacement: source('kit/index.ts') },
      { find: /^tillpaid\/adapter\/webhook$/, replacement: source('kit/webhook.ts') },
      { find: /^tillpaid\/(policies|learn|journal|node|schema|testing)$/, replacement: source('$1/index.ts') },
      { find: /^tillpaid\/journal\/(.+)$/, replacement: source('journal/$1.ts') },
      { find: /^tillpaid\/testing\/serve$/, replacement: source('serve/index.ts') },
      { find: /^tillpaid\/testing\/(.+)$/, replacement: source('adapters/$1/simulator.ts') },
      { find: /^tillpaid\/adapters\/(.+)\/terse$/, replacement: source('adapters/$1/terse.ts') },
      { find: /^tillpaid\/adapters\/(.+)$/, replacement: source('adapters/$1/index.ts') },
    ],
  },
  test: {
    // As many files at once as there are cores: by default it would be one less, of two.
    maxWorkers: '100%',
    // Nothing waits in real time; the limit is for a loaded machine, not for the tests.
    testTimeout: 30_000,
    unstubGlobals: true,
    projects: [
      { extends: true, test: { name: 'alone', include: alone } },
      // One process for many files: half of a file's time would be spent on starting one and importing the same again.
      {
        extends: true,
        test: {
          name: 'together',
          include: ['test/**/*.test.ts'],
          exclude: alone,
          isolate: false,
          globalSetup: 'test/testing/postgres-setup.ts',
        },
      },
    ],
  },
});

export default config;
