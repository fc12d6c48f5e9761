import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build, type Metafile, type OutputFile } from 'esbuild';
import { printTable } from './table.ts';

/**
 * `npm run size`: what a bundle grows by for whoever imports the built package, minified, as it is and as gzip. The
 * dependencies (`ky`, `p-retry`, `p-limit`, `@noble/hashes`) are not counted. "At first" is what loads with the bundle;
 * "later" are chunks that load when they are needed, such as what verifies notices, or carries out a call of the drop-in.
 *
 * A limit is in kB of gzip, loaded at first, and a little above what was reached: to raise it is a decision.
 */
const limits: Readonly<Record<string, number>> = {
  createGateway: 56.6,
  'tillpaid, every name': 59.2,
  'tillpaid/learn': 9.1,
  'tillpaid/policies': 7.7,
  'adapters/ifortepay': 10,
  'adapters/ifortepay/terse': 8.2,
  'adapters/qfpay': 8.7,
  'adapters/qfpay/terse': 6.7,
  'adapters/rebell': 9.6,
  'adapters/rebell/terse': 7.9,
  'adapters/uqpay': 9.4,
  'adapters/uqpay/terse': 8.1,
  'adapters/zalopay': 8.8,
  'adapters/zalopay/terse': 6.9,
  'every adapter, terse': 25.6,
};

const root = fileURLToPath(new URL('../', import.meta.url));
const dependencies = ['ky', 'p-retry', 'p-limit', '@noble/hashes/*'];

interface Size {
  readonly minified: number;
  readonly gzip: number;
}

interface Bundle {
  readonly first: Size;
  readonly later: Size;
  /** Of an adapter: at first, with the gateway that it goes with. */
  readonly together?: Size;
}

/** Of what loads together, as one: into how many files it is cut is the bundler's affair. */
function sizeOf(files: readonly OutputFile[]): Size {
  if (files.length === 0) return { minified: 0, gzip: 0 };
  const all = Buffer.concat(files.map(({ contents }) => contents));
  return { minified: all.length, gzip: gzipSync(all).length };
}

const minus = (a: Size, b: Size): Size => ({ minified: a.minified - b.minified, gzip: a.gzip - b.gzip });

/** The outputs that an entry cannot do without. */
function loadedAtFirst(outputs: Metafile['outputs'], file: string, seen = new Set<string>()): Set<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  for (const { kind, path, external } of outputs[file]?.imports ?? [])
    if (kind === 'import-statement' && external !== true) loadedAtFirst(outputs, path, seen);
  return seen;
}

/** Bundles what a user writes. */
async function bundle(code: string): Promise<Bundle> {
  const { outputFiles, metafile } = await build({
    stdin: { contents: code, resolveDir: root },
    absWorkingDir: root,
    outdir: 'bundle',
    entryNames: 'entry',
    bundle: true,
    minify: true,
    splitting: true,
    format: 'esm',
    platform: 'neutral',
    target: 'es2023',
    // The package as it is installed: not the sources that tsconfig.json's paths lead to.
    tsconfigRaw: {},
    external: dependencies,
    metafile: true,
    write: false,
  });
  const first = loadedAtFirst(metafile.outputs, 'bundle/entry.js');
  const isFirst = ({ path }: OutputFile): boolean => first.has(path.slice(root.length).replaceAll('\\', '/'));
  return {
    first: sizeOf(outputFiles.filter(isFirst)),
    later: sizeOf(outputFiles.filter(file => !isFirst(file))),
  };
}

const gateway = `export { createGateway } from 'tillpaid';`;
const alone = await bundle(gateway);
const entries = new Map<string, Bundle>([
  ['createGateway', alone],
  ['tillpaid, every name', await bundle(`export * from 'tillpaid';`)],
  ['tillpaid/learn', await bundle(`export * from 'tillpaid/learn';`)],
  ['tillpaid/policies', await bundle(`export * from 'tillpaid/policies';`)],
]);
const adapters = readdirSync(new URL('../dist/adapters/', import.meta.url)).sort();
const withAdapters = (names: readonly string[], entry = ''): Promise<Bundle> =>
  bundle([gateway, ...names.map(name => `export { ${name} } from 'tillpaid/adapters/${name}${entry}';`)].join('\n'));
for (const name of adapters) {
  for (const entry of ['', '/terse']) {
    const { first, later } = await withAdapters([name], entry);
    const added = { first: minus(first, alone.first), later: minus(later, alone.later) };
    entries.set(`adapters/${name}${entry}`, { ...added, together: first });
  }
}
const all = await withAdapters(adapters, '/terse');
entries.set('every adapter, terse', {
  first: minus(all.first, alone.first),
  later: minus(all.later, alone.later),
  together: all.first,
});

const kB = (bytes: number): string => (bytes / 1000).toFixed(1);
const head = ['kB (1000 bytes)', 'at first, min', 'gz', 'limit', 'later, gz', 'with createGateway, gz'];
const rows = [...entries].map(([name, { first, later, together }]) => [
  name,
  kB(first.minified),
  kB(first.gzip),
  limits[name]?.toFixed(1) ?? 'none',
  kB(later.gzip),
  together === undefined ? '' : kB(together.gzip),
]);
printTable(head, rows);

for (const [name, { first }] of entries) {
  const limit = limits[name];
  if (limit !== undefined && first.gzip <= limit * 1000) continue;
  const what = limit === undefined ? 'has no limit: give it one' : 'is over its limit: find out what grew, or raise it';
  console.error(`${name} ${what}, in bench/size.ts.`);
  process.exitCode = 1;
}
