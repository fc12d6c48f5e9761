import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig, type ViteUserConfig } from 'vitest/config';
import { blocksOfPages } from './test/pages/plugin.ts';

/** The package's doors, as `tsconfig.json` tells the compiler: the exact ones first, then the longer of two patterns. */
const { compilerOptions } = JSON.parse(readFileSync(new URL('tsconfig.json', import.meta.url), 'utf8')) as {
  compilerOptions: { paths: Record<string, [string]> };
};
const doors = Object.entries(compilerOptions.paths)
  .sort(([one], [other]) => Number(one.includes('*')) - Number(other.includes('*')) || other.length - one.length)
  .map(([door, [file]]) => ({
    find: new RegExp(`^${door.replace('*', '(.+)')}$`),
    replacement: fileURLToPath(new URL(file.replace('*', '$1'), import.meta.url)),
  }));

/** They look at the memory of the whole process, or msw patches it, which it does not take back wholly. */
const alone = [
  'test/client/forgetting.test.ts',
  'test/kit/read-up-to.test.ts',
  'test/engine/wire.test.ts',
  'test/testing/wire.test.ts',
  'test/testing/msw.test.ts',
];

const config: ViteUserConfig = defineConfig({
  plugins: [blocksOfPages],
  // Tests and examples import the package by its public names, and run its source.
  resolve: { alias: doors },
  test: {
    // As many files at once as there are cores: by default it would be one less, of two.
    maxWorkers: '100%',
    // Nothing waits in real time; the limit is for a loaded machine, not for the tests.
    testTimeout: 30_000,
    unstubGlobals: true,
    // `npm run coverage`.
    coverage: { provider: 'v8', include: ['src/**/*.ts'], reporter: ['text-summary', 'json-summary', 'html'] },
    projects: [
      { extends: true, test: { name: 'alone', include: alone } },
      // One process for many files: half of a file's time would be spent on starting one and importing the same again.
      {
        extends: true,
        test: {
          name: 'together',
          include: ['test/**/*.test.ts', 'examples/shop/*.test.ts'],
          exclude: alone,
          isolate: false,
          globalSetup: 'test/testing/postgres-setup.ts',
        },
      },
    ],
  },
});

export default config;
