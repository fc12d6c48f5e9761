import { readFileSync } from 'node:fs';

/** What nobody uses: the doors and the command line are where users come in, tests and examples use the rest. */
const { exports } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8')) as {
  exports: Readonly<Record<string, string | { readonly types: string }>>;
};
const doors = Object.values(exports).flatMap(target =>
  typeof target === 'string' ? [] : [target.types.replace('./dist/', 'src/').replace(/\.d\.ts$/, '.ts')],
);

interface Settings {
  readonly entry: readonly string[];
  readonly project: readonly string[];
  readonly include: readonly string[];
}

const config: Settings = {
  entry: [
    ...doors,
    'src/cli/main.ts',
    // Loaded by name, when they are needed.
    'src/adapters/*/advice.ts',
    'src/client/cancel-at-deadline.ts',
    '{bench,examples,explorer,test}/**/*.ts',
  ],
  project: ['src/**/*.ts', '{bench,examples,explorer,test}/**/*.ts'],
  include: ['files', 'exports', 'unlisted'],
};

export default config;
