import { readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { npm, root } from '../outside/packed.ts';
import { doors } from './doors.ts';

/**
 * Looks at what would be published, once `npm run build` has built it: all of it, nothing stray, and not much of it.
 *
 * `src` is a part of it, for the source maps: a stack trace and "go to definition" lead to the code as it was written,
 * with its reasons, and whoever must answer for what runs in his till can read it. It costs nobody but the disk.
 */
const MOST_PACKED_BYTES = 1_700_000;
const MOST_UNPACKED_BYTES = 7_000_000;

interface Packed {
  readonly size: number;
  readonly unpackedSize: number;
  readonly files: readonly { readonly path: string }[];
}

const isPacked = (value: unknown): value is Packed => typeof value === 'object' && value !== null && 'files' in value;

/** npm tells it as a list, and newer ones by name. */
function packedOf(said: string): Packed {
  const packed = Object.values(JSON.parse(said) as object).find(isPacked);
  if (packed === undefined) throw new Error('npm pack --dry-run --json says nothing of files.');
  return packed;
}

const packed = packedOf(await npm(root, 'pack', '--dry-run', '--json', '--ignore-scripts'));
const paths = packed.files.map(({ path }) => path).sort();
const has = new Set(paths);

const expected = [
  /^dist\/.+\.(?:js|d\.ts)(?:\.map)?$/,
  /^src\/.+\.ts$/,
  /^src\/adapters\/[\w-]+\/README\.md$/,
  /^docs\/.+\.(?:md|svg)$/,
  /^examples\/.+\.(?:ts|md|json|ya?ml)$/,
  /^(?:CHANGELOG|CONTRIBUTING|README|SECURITY|THIRD-PARTY)\.md$/,
  /^LICENSE$/,
  /^package\.json$/,
];
const neverPublished = /(?:^|\/)(?:samples|fixtures|coverage|node_modules)\/|\.(?:env|pem|key|db|tgz|log)$|^test\//;

const textOf = (path: string): string => readFileSync(join(root, path), 'utf8');

/** What a page leads to, in this package. */
const linksOf = (page: string): string[] =>
  [...textOf(page).matchAll(/\]\((?![a-z]+:|#)([^)#\s]+)/g)].map(([, link = '']) =>
    posix.normalize(posix.join(posix.dirname(page), link)).replace(/\/$/, ''),
  );

const isThere = (path: string): boolean => has.has(path) || paths.some(each => each.startsWith(`${path}/`));

const sourceOf = (built: string): string =>
  built.replace(/^dist\//, 'src/').replace(/(?:\.d\.ts|\.js)(?:\.map)?$/, '.ts');

const pages = paths.filter(path => path.endsWith('.md'));
const built = paths.filter(path => path.startsWith('dist/'));
const sources = paths.filter(path => path.startsWith('src/') && path.endsWith('.ts'));
const { bin } = JSON.parse(textOf('package.json')) as { bin: Readonly<Record<string, string>> };

const faults: readonly (readonly [string, readonly string[]])[] = [
  ['is stray', paths.filter(path => !expected.some(pattern => pattern.test(path)))],
  ['must not be published', paths.filter(path => neverPublished.test(path))],
  ['was built of a source that is gone: npm run build', built.filter(path => !has.has(sourceOf(path)))],
  [
    'was not built: npm run build',
    sources.filter(path => !has.has(path.replace('src/', 'dist/').replace('.ts', '.js'))),
  ],
  [
    'is a door whose declarations are not in it',
    doors().flatMap(({ types }) => (has.has(posix.normalize(types)) ? [] : [types])),
  ],
  ['is a command that is not in it', Object.values(bin).filter(path => !has.has(path))],
  [
    'is missing',
    ['LICENSE', 'README.md', 'CHANGELOG.md', 'package.json', 'docs/upgrade.md'].filter(path => !has.has(path)),
  ],
  [
    'has a link that leads out of the package',
    pages.flatMap(page =>
      linksOf(page)
        .filter(path => !isThere(path))
        .map(path => `${page}: ${path}`),
    ),
  ],
  [
    'names a folder of somebody’s machine',
    paths.filter(path => /\/(?:root|home\/\w+|Users\/\w+|tmp\/wt)\//.test(textOf(path))),
  ],
];

const told = faults.flatMap(([fault, which]) => which.map(path => `${path} ${fault}`));
if (packed.size > MOST_PACKED_BYTES) told.push(`The tarball has ${packed.size} bytes, more than ${MOST_PACKED_BYTES}.`);
if (packed.unpackedSize > MOST_UNPACKED_BYTES)
  told.push(`Unpacked it has ${packed.unpackedSize} bytes, more than ${MOST_UNPACKED_BYTES}.`);

const kilobytes = (bytes: number): string => `${Math.round(bytes / 1000)} kB`;
if (told.length > 0) {
  console.error(told.join('\n'));
  process.exitCode = 1;
} else
  console.log(`tarball: ${paths.length} files, ${kilobytes(packed.size)}, unpacked ${kilobytes(packed.unpackedSize)}`);
