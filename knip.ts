import { readFileSync, readdirSync } from 'node:fs';
import { posix } from 'node:path';

/** What nobody uses: the doors and the command line are where users come in, tests and examples use the rest. */
const { exports } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8')) as {
  exports: Readonly<Record<string, string | { readonly types: string }>>;
};
const doors = Object.values(exports).flatMap(target =>
  typeof target === 'string' ? [] : [target.types.replace('./dist/', 'src/').replace(/\.d\.ts$/, '.ts')],
);

/** What is loaded when it is needed, `import('./receive.ts')`: knip does not see which of its names are used. */
const later = readdirSync(new URL('src/', import.meta.url), { recursive: true, encoding: 'utf8' })
  .filter(name => name.endsWith('.ts'))
  .map(name => posix.join('src', name.replaceAll('\\', '/')))
  .flatMap(file =>
    [...readFileSync(new URL(file, import.meta.url), 'utf8').matchAll(/\bimport\('(\.[^']+)'\)/g)].map(
      ([, path = '']) => posix.join(posix.dirname(file), path),
    ),
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
    ...later,
    // A test finds them by their folders.
    'src/adapters/*/advice.ts',
    '{bench,examples,explorer,test}/**/*.ts',
  ],
  project: ['src/**/*.ts', '{bench,examples,explorer,test}/**/*.ts'],
  include: ['files', 'exports', 'unlisted'],
};

export default config;
