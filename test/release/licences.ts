import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A package that comes with an installation of tillpaid. */
interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
  readonly repository?: string | { readonly url: string };
  readonly dependencies?: Readonly<Record<string, string>>;
}

const root = fileURLToPath(new URL('../../', import.meta.url));
const manifestOf = (folder: string): Manifest =>
  JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;

/** The folder that a package finds another one in. */
function folderOf(name: string, from: string): string {
  const places = createRequire(join(from, 'package.json')).resolve.paths(name) ?? [];
  const found = places.map(place => join(place, name)).find(folder => manifestIsIn(folder));
  if (found === undefined) throw new Error(`${name} is not installed: npm ci`);
  return found;
}

function manifestIsIn(folder: string): boolean {
  try {
    return manifestOf(folder).name !== '';
  } catch {
    return false;
  }
}

/** All that `dependencies` bring, and theirs. */
function installed(from: string = root, found = new Map<string, Manifest>()): readonly Manifest[] {
  for (const name of Object.keys(manifestOf(from).dependencies ?? {})) {
    const folder = folderOf(name, from);
    if (found.has(folder)) continue;
    found.set(folder, manifestOf(folder));
    installed(folder, found);
  }
  return [...found.values()].sort((a, b) => a.name.localeCompare(b.name));
}

function addressOf({ name, repository }: Manifest): string {
  const url = typeof repository === 'string' ? repository : (repository?.url ?? '');
  const [path] = /[\w.-]+\/[\w.-]+$/.exec(url.replace(/\.git$/, '')) ?? [];
  if (path === undefined) throw new Error(`${name} does not say where its source is.`);
  return `https://github.com/${path}`;
}

/** The licences that the package may be given on under, with what it brings. */
export const permitted: readonly string[] = ['MIT', 'ISC', 'BSD-2-Clause', 'BSD-3-Clause', 'Apache-2.0', '0BSD'];

/** `THIRD-PARTY.md`, as the installed packages have it. */
export function thirdParty(): string {
  const rows = installed().map(manifest => {
    const { name, version, license = 'none' } = manifest;
    if (!permitted.includes(license))
      throw new Error(`${name} ${version} is under ${license}: not among those permitted.`);
    return `| [${name}](${addressOf(manifest)}) | ${version} | ${license} |`;
  });
  return [
    '# Third-party licences',
    '',
    'What an installation of tillpaid brings with it: its dependencies and theirs, in the versions that it was tested with. Each is installed as',
    'its authors published it, with its own licence file. `npm run licences` writes this page, and a test',
    'holds it to what is installed.',
    '',
    '| package | version | licence |',
    '| --- | --- | --- |',
    ...rows,
    '',
    'The optional peers (`pg`, `pg-boss` and others in `peerDependencies`) are yours to install, under licences of their own.',
    '',
  ].join('\n');
}
