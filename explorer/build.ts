import { build } from 'esbuild';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { providerNames, providerOf } from '../src/cli/providers.ts';
import { pagesOf } from './pages.ts';
import type { Provider } from './provider.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
const textOf = (path: string): string => readFileSync(join(here, path), 'utf8');

/** What surrounds the explorer. */
export interface ExplorerOptions {
  /** The address of the documentation's first page, seen from the explorer's own: `../index.html`. Default: no link. */
  readonly home?: string;
}

/**
 * Builds the explorer: static pages with relative addresses, one for each code of each provider, which work from a
 * folder and without a network.
 *
 * @param intoFolder is emptied first
 * @returns how many files were written
 */
export async function buildExplorer(intoFolder: string, options: ExplorerOptions = {}): Promise<number> {
  const files = await explorerFiles(options);
  rmSync(intoFolder, { recursive: true, force: true });
  const folders = new Set([...files.keys()].map(path => dirname(join(intoFolder, path))));
  for (const folder of folders) mkdirSync(folder, { recursive: true });
  for (const [path, text] of files) writeFileSync(join(intoFolder, path), text);
  return files.size;
}

/** Every file of it, by its path. */
export async function explorerFiles({ home }: ExplorerOptions = {}): Promise<Map<string, string>> {
  const providers = await Promise.all(providerNames().map(loaded));
  const { version } = JSON.parse(textOf('../package.json')) as { version: string };
  const [script, page] = await Promise.all([
    scriptFor(providers),
    bundled({ entryPoints: [join(here, 'browser/page.ts')] }),
  ]);
  const files = pagesOf(providers, { version, home });
  return files.set('explorer.css', textOf('explorer.css')).set('explorer.js', script).set('page.js', page);
}

async function loaded(name: string): Promise<Provider> {
  const { adapter, manual } = await providerOf(name);
  // A folder's README begins with the provider's name.
  const [, title = name] = /^# ([\p{L}\d]+)/u.exec(textOf(`../src/adapters/${name}/README.md`)) ?? [];
  return { name, title, adapter, manual };
}

/** The script that explains: with every adapter that there is a folder of. */
function scriptFor(providers: readonly Provider[]): Promise<string> {
  const imports = providers.flatMap(({ name }) => [
    `import { ${name} } from '../src/adapters/${name}/index.ts';`,
    `import { manual as ${name}Manual } from '../src/adapters/${name}/manual.ts';`,
  ]);
  const values = providers.map(
    ({ name, title }) =>
      `{ name: '${name}', title: ${JSON.stringify(title)}, adapter: ${name}(noCredentials), manual: ${name}Manual }`,
  );
  const contents = [
    ...imports,
    `import { noCredentials } from '../src/cli/no-credentials.ts';`,
    `import { start } from './browser/start.ts';`,
    `start([${values.join(', ')}]);`,
  ].join('\n');
  return bundled({ stdin: { contents, resolveDir: here, loader: 'ts' } });
}

async function bundled(entry: Pick<Parameters<typeof build>[0], 'stdin' | 'entryPoints'>): Promise<string> {
  // A classic script: a page from a file may not load modules.
  const { outputFiles } = await build({
    ...entry,
    bundle: true,
    write: false,
    minify: true,
    format: 'iife',
    target: 'es2024',
    legalComments: 'none',
  });
  return outputFiles[0]?.text ?? '';
}
