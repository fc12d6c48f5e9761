import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { env } from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build, type Plugin } from 'esbuild';
import { printTable } from '../../bench/table.ts';
import { installPacked, npm } from '../outside/packed.ts';
import { nodeIn, runtimes, type Runtime } from './runtimes.ts';
import type { Passed } from './smoke.ts';

/**
 * `npm run smoke`: the same file in every runtime. What runs is the package as it is published: packed, unpacked, and
 * bundled with `smoke.ts` for no runtime in particular.
 *
 * `--without Chromium` leaves one out (may be given again). What this machine lacks is told; where `CI` is set it fails.
 * `--node <file>` runs it in that Node alone, and installs none.
 */
const { values } = parseArgs({
  options: { without: { type: 'string', multiple: true, default: [] }, node: { type: 'string' } },
});

const here = fileURLToPath(new URL('./', import.meta.url));

/** The runtimes have a lock file of their own, so that who installs the package's does not load them. */
async function installRuntimes(): Promise<void> {
  const folder = join(here, 'runtimes');
  const stamp = join(folder, 'node_modules', '.installed');
  const lock = createHash('sha256')
    .update(readFileSync(join(folder, 'package-lock.json')))
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  await npm(folder, 'ci', '--ignore-scripts', '--no-audit', '--no-fund');
  writeFileSync(stamp, lock);
}

/** The unpacked package, in place of whatever this repository has under the same names. */
const packed = (project: string): Plugin => ({
  name: 'packed',
  setup(bundler) {
    bundler.onResolve({ filter: /^tillpaid(?:\/|$)/ }, ({ path, kind, resolveDir }) =>
      resolveDir === project ? undefined : bundler.resolve(path, { kind, resolveDir: project }),
    );
    // The samples name the files that they are samples of.
    bundler.onResolve({ filter: /^\.\.\/\.\.\/src\// }, ({ path }) => ({
      path: join(project, 'node_modules/tillpaid', path.replace('../../src/', 'dist/').replace(/\.ts$/, '.js')),
    }));
  },
});

/** One module of web standards: an import of `node:` is an error here. */
async function bundleInto(project: string): Promise<string> {
  await installPacked(project);
  const outfile = join(project, 'smoke.mjs');
  await build({
    entryPoints: [join(here, 'smoke.ts')],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'neutral',
    target: 'es2023',
    tsconfigRaw: {},
    plugins: [packed(project)],
  });
  return outfile;
}

const columns = ['runtime', 'version', 'samples', 'settled', 'webhooks', 'tickets', 'ms'];

async function row({ name, versionOf, run }: Runtime, binary: string, bundle: string): Promise<readonly string[]> {
  const version = await versionOf(binary);
  const startedAt = performance.now();
  const { samples, settled, webhooks, tickets } = JSON.parse(await run(binary, bundle)) as Passed;
  const ms = Math.round(performance.now() - startedAt);
  return [name, version, ...[samples, settled, webhooks, tickets, ms].map(String)];
}

const project = mkdtempSync(join(tmpdir(), 'tillpaid-smoke-'));
const wrong: string[] = [];
try {
  if (values.node === undefined) await installRuntimes();
  const all = values.node === undefined ? runtimes() : [nodeIn(values.node)];
  const unknown = values.without.filter(name => !all.some(runtime => runtime.name === name));
  if (unknown.length > 0)
    throw new Error(`--without ${unknown.join(', ')}: there is ${all.map(({ name }) => name).join(', ')}.`);
  const bundle = await bundleInto(project);
  const rows: (readonly string[])[] = [];
  for (const runtime of all.filter(({ name }) => !values.without.includes(name))) {
    const { name, binary, hint } = runtime;
    if (binary === undefined) {
      rows.push([name, 'not here']);
      wrong.push(`${name} is not here: ${hint}.`);
      continue;
    }
    try {
      rows.push(await row(runtime, binary, bundle));
    } catch (error) {
      rows.push([name, 'failed']);
      process.exitCode = 1;
      wrong.push(`${name} failed: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  printTable(columns, rows);
} finally {
  rmSync(project, { recursive: true, force: true });
}
for (const text of wrong) console.error(text);
if (wrong.length > 0 && env['CI'] !== undefined) process.exitCode = 1;
