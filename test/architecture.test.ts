import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

/**
 * Which room may import which, from the ground up; docs/architecture.md draws it. A new room needs a row here.
 *
 * `rooms`: other rooms whose files it may import, its own folder always included. `files`: single files of other rooms.
 * `packages`: from package.json.
 */
const table = {
  /** The words, the doctrine and the decision: JSON in, JSON out. */
  core: { rooms: ['policies'], files: [], packages: [] },
  /** Small values that know no provider and no ky. */
  policies: { rooms: [], files: ['core/errors.ts'], packages: [] },
  /** The one door of time and chance. */
  clock: { rooms: [], files: ['core/decide.ts'], packages: [] },
  /** What describes a provider. */
  kit: { rooms: ['core', 'policies', 'clock'], files: [], packages: ['@noble/hashes'] },
  /** Carries a payment out: the wire, the loops, who is open or settled. */
  engine: { rooms: ['core', 'policies', 'clock', 'kit'], files: [], packages: ['p-retry', 'p-limit', '@noble/hashes'] },
  /** What outlives the process: rows about money, and who works on them. */
  journal: {
    rooms: ['core', 'policies', 'clock', 'kit', 'engine'],
    files: [],
    packages: ['p-limit', 'node:sqlite', 'pg-boss'],
  },
  /** The only room that knows ky. */
  client: { rooms: ['core', 'policies', 'clock', 'kit', 'engine'], files: [], packages: ['ky'] },
  /** One folder per provider, which never knows another one. */
  adapter: { rooms: ['core', 'policies', 'clock', 'kit'], files: [], packages: [] },
  /** The same folder's simulator: no adapter needs it to work. */
  voice: { rooms: ['core', 'policies', 'clock', 'kit', 'adapter', 'testing'], files: [], packages: ['@noble/hashes'] },
  /** How long payments take, and what follows from it: it looks on from outside. */
  learn: { rooms: ['core', 'policies', 'clock'], files: [], packages: [] },
  /** Spans and metrics of what happens: it looks on from outside. */
  otel: {
    rooms: ['core'],
    files: ['client/options.ts', 'journal/store.ts', 'journal/worker/events.ts'],
    packages: ['@opentelemetry/api'],
  },
  /** The same events on Node's diagnostics channels. */
  diagnostics: {
    rooms: ['core'],
    files: ['client/options.ts', 'journal/worker/events.ts'],
    packages: ['node:diagnostics_channel'],
  },
  testing: { rooms: ['core', 'clock', 'kit'], files: ['journal/store.ts'], packages: ['vitest'] },
  /** The simulated gateway behind a real HTTP server: it runs on Node. */
  serve: { rooms: ['core', 'clock', 'testing'], files: [], packages: ['node:http'] },
  /** What an adapter's tables say, for people: by the same doctrine and decision. */
  explain: {
    rooms: ['core', 'policies', 'kit'],
    files: ['engine/plan.ts', 'engine/question.ts', 'engine/seal.ts'],
    packages: [],
  },
  /** Node's requests and responses, by their shape alone. */
  node: { rooms: [], files: ['core/errors.ts'], packages: [] },
  /** What a schema of the user's says of an answer: nothing about the money. */
  schema: { rooms: [], files: ['core/settlement.ts'], packages: [] },
  /** The command line: a thin shell; with `serve`, the only room that may import `node:` as it is loaded. */
  cli: {
    rooms: ['core', 'kit', 'explain', 'journal', 'testing', 'serve', 'index'],
    files: ['clock.ts'],
    packages: ['commander', 'node:fs', 'node:path', 'node:readline', 'node:stream', 'pg'],
  },
  /** Names only. */
  index: { rooms: ['core', 'policies', 'clock', 'kit', 'engine', 'client'], files: [], packages: [] },
} satisfies Record<string, { rooms: string[]; files: string[]; packages: string[] }>;

type Room = keyof typeof table;

const places: readonly (readonly [RegExp, Room])[] = [
  [/^index\.ts$/, 'index'],
  [/^clock\.ts$/, 'clock'],
  [/^core\/[\w-]+\.ts$/, 'core'],
  [/^policies\/[\w-]+\.ts$/, 'policies'],
  [/^kit\/[\w-]+\.ts$/, 'kit'],
  [/^engine\/[\w-]+\.ts$/, 'engine'],
  [/^client\/[\w-]+\.ts$/, 'client'],
  [/^journal\/(?:\w+\/)?[\w-]+\.ts$/, 'journal'],
  [/^explain\/[\w-]+\.ts$/, 'explain'],
  [/^cli\/[\w-]+\.ts$/, 'cli'],
  [/^node\/[\w-]+\.ts$/, 'node'],
  [/^schema\/[\w-]+\.ts$/, 'schema'],
  [/^learn\/[\w-]+\.ts$/, 'learn'],
  [/^otel\/[\w-]+\.ts$/, 'otel'],
  [/^diagnostics\/[\w-]+\.ts$/, 'diagnostics'],
  [/^testing\/[\w-]+\.ts$/, 'testing'],
  [/^serve\/[\w-]+\.ts$/, 'serve'],
  [/^adapters\/[\w-]+\/simulator\.ts$/, 'voice'],
  [/^adapters\/[\w-]+\/[\w-]+\.ts$/, 'adapter'],
];

const root = new URL('../', import.meta.url);
const source = new URL('src/', root);
const files = readdirSync(source, { recursive: true, encoding: 'utf8' })
  .map(file => file.replaceAll('\\', '/'))
  .filter(file => file.endsWith('.ts'))
  .sort();
const adapters = readdirSync(new URL('adapters/', source), { withFileTypes: true })
  .filter(entry => entry.isDirectory())
  .map(({ name }) => name);

const roomOf = (file: string): Room | undefined => places.find(([place]) => place.test(file))?.[1];
const adapterOf = (file: string): string | undefined => /^adapters\/([\w-]+)\//.exec(file)?.[1];
const textOf = (file: string): string => readFileSync(new URL(file, source), 'utf8');

/** What a file imports, types and dynamic imports included: files of src by their path, packages by their name. */
function importsOf(file: string): { files: string[]; packages: string[] } {
  const names = ts.preProcessFile(textOf(file), true, true).importedFiles.map(({ fileName }) => fileName);
  const relative = names.filter(name => name.startsWith('.'));
  return {
    files: relative.map(name =>
      fileURLToPath(new URL(name, new URL(file, source)))
        .slice(fileURLToPath(source).length)
        .replaceAll('\\', '/'),
    ),
    packages: names.filter(name => !name.startsWith('.')),
  };
}

/** Files that reach themselves through imports, each with the shortest way round. */
function circles(): string[] {
  const imports = new Map(files.map(file => [file, importsOf(file).files]));
  return files.flatMap(start => {
    const ways: string[][] = (imports.get(start) ?? []).map(next => [next]);
    const seen = new Set<string>();
    for (let way = ways.shift(); way !== undefined; way = ways.shift()) {
      const at = way.at(-1) ?? start;
      if (at === start) return [[start, ...way].join(' > ')];
      if (seen.has(at)) continue;
      seen.add(at);
      for (const next of imports.get(at) ?? []) ways.push([...way, next]);
    }
    return [];
  });
}

const printer = ts.createPrinter({ removeComments: true });

/** Every file's code, without its comments. */
const code = new Map(
  files.map(file => [file, printer.printFile(ts.createSourceFile(file, textOf(file), ts.ScriptTarget.ESNext))]),
);

/** The files whose code says something. */
const filesThatSay = (what: RegExp): string[] => files.filter(file => what.test(code.get(file) ?? ''));

const isOf = (imported: string, name: string): boolean => imported === name || imported.startsWith(`${name}/`);

describe('the rooms', () => {
  it('every file of src is in a room of the table', () => {
    expect(files.filter(file => roomOf(file) === undefined)).toEqual([]);
    expect(files.length).toBeGreaterThan(20);
  });

  it.each(Object.entries(table))('%s imports only what its row allows', (room, row) => {
    const rooms: readonly string[] = [room, ...row.rooms];
    const single: readonly string[] = row.files;
    const packages: readonly string[] = row.packages;
    const forbidden = files
      .filter(file => roomOf(file) === room)
      .flatMap(file => {
        const imports = importsOf(file);
        return [
          ...imports.files.filter(
            imported => !rooms.includes(roomOf(imported) ?? 'nowhere') && !single.includes(imported),
          ),
          ...imports.packages.filter(imported => !packages.some(name => isOf(imported, name))),
        ].map(imported => `${file} imports ${imported}`);
      });
    expect(forbidden).toEqual([]);
  });

  it('no file imports itself by way of others, types included', () => {
    expect(circles()).toEqual([]);
  });

  it('no adapter imports a sibling', () => {
    const siblings = files.flatMap(file =>
      importsOf(file)
        .files.filter(imported => adapterOf(imported) !== undefined && adapterOf(imported) !== adapterOf(file))
        .map(imported => `${file} imports ${imported}`),
    );
    expect(siblings).toEqual([]);
  });

  it('nothing that ships imports samples', () => {
    expect(files.filter(file => importsOf(file).files.some(imported => /\bsamples\b/.test(imported)))).toEqual([]);
  });

  it('every import of a file names the file as it is', () => {
    const broken = files.flatMap(file =>
      importsOf(file)
        .files.filter(imported => !files.includes(imported))
        .map(imported => `${file} imports ${imported}`),
    );
    expect(broken).toEqual([]);
  });
});

describe('the house keeps itself in order', () => {
  it('src uses web standards only: nothing of node:, the command line, the simulator’s server and the diagnostics channels apart', () => {
    const onNode: readonly (Room | undefined)[] = ['cli', 'serve', 'diagnostics'];
    const elsewhere = files.filter(file => !onNode.includes(roomOf(file)));
    expect(elsewhere.flatMap(file => importsOf(file).packages.filter(name => name.startsWith('node:')))).toEqual([]);
  });

  it('every exported name is written down: no export *', () => {
    expect(filesThatSay(/\bexport\s+(?:type\s+)?\*/)).toEqual([]);
  });

  it('time and chance enter through one door', () => {
    const doors: readonly string[] = ['clock.ts', 'testing/event-loop.ts'];
    const time =
      /\bDate\.now\b|\bnew Date\(\)|\bperformance\b|\bset(?:Timeout|Interval|Immediate)\b|\bqueueMicrotask\b|\bAbortSignal\.timeout\b/;
    const chance = /\bMath\.random\b|\brandomUUID\b|\bgetRandomValues\b/;
    expect([...filesThatSay(time), ...filesThatSay(chance)].filter(file => !doors.includes(file))).toEqual([]);
  });

  it('index, core, policies, kit, engine, testing, serve and explain name no provider', () => {
    const shared: readonly (Room | undefined)[] = [
      'index',
      'core',
      'policies',
      'clock',
      'kit',
      'engine',
      'testing',
      'serve',
      'explain',
    ];
    const provider = new RegExp(`\\b(?:${adapters.join('|')})`, 'i');
    expect(filesThatSay(provider).filter(file => shared.includes(roomOf(file)))).toEqual([]);
  });

  it('nobody turns a rule off', () => {
    expect(files.filter(file => /eslint-disable|@ts-ignore|@ts-expect-error|@ts-nocheck/.test(textOf(file)))).toEqual(
      [],
    );
  });

  it('has no room for odds and ends', () => {
    expect(
      files.filter(file => /(?:^|\/)(?:utils?|helpers?|common|misc|shared|managers?)(?:\/|\.ts$)/.test(file)),
    ).toEqual([]);
  });
});

describe('an adapter folder', () => {
  it.each(adapters)('%s has every file a folder has', name => {
    const missing = [
      'index.ts',
      'terse.ts',
      'adapter.ts',
      'codes.ts',
      'advice.ts',
      'manual.ts',
      'sign.ts',
      'simulator.ts',
      'README.md',
    ].filter(file => !existsSync(new URL(`adapters/${name}/${file}`, source)));
    expect(missing).toEqual([]);
  });

  it.each(adapters)('%s has samples that its tests are made of', name => {
    expect(existsSync(new URL(`test/samples/${name}.ts`, root))).toBe(true);
  });

  it.each(adapters)('%s has a terse entry that loads none of the tables’ advice', name => {
    const reached = new Set([`adapters/${name}/terse.ts`]);
    for (const file of reached) for (const next of importsOf(file).files) reached.add(next);
    expect(reached).toContain(`adapters/${name}/codes.ts`);
    expect([...reached].filter(file => file === `adapters/${name}/advice.ts`)).toEqual([]);
  });

  it.each(adapters)('%s is found by its folder alone: nothing else names its files', name => {
    expect(
      files.filter(
        file => adapterOf(file) !== name && importsOf(file).files.some(imported => adapterOf(imported) === name),
      ),
    ).toEqual([]);
  });
});

describe('package.json', () => {
  interface Package {
    readonly type: string;
    readonly sideEffects: boolean;
    readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
    readonly files: readonly string[];
    readonly dependencies: Readonly<Record<string, string>>;
    readonly devDependencies: Readonly<Record<string, string>>;
    readonly peerDependencies: Readonly<Record<string, string>>;
    readonly peerDependenciesMeta: Readonly<Record<string, { readonly optional: boolean }>>;
  }
  const manifest = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as Package;
  const { dependencies, devDependencies, peerDependencies, peerDependenciesMeta, exports } = manifest;
  const targets = Object.entries(exports).flatMap(([subpath, target]) =>
    typeof target === 'string' ? [] : Object.values(target).map(path => [subpath, path] as const),
  );

  it('is ESM without side effects', () => {
    expect(manifest).toMatchObject({ type: 'module', sideEffects: false });
  });

  it.each(targets)('exports %s as %s, which is built from files that exist', (subpath, target) => {
    const built = /^\.\/dist\/(.+?)(?:\.d\.ts|\.js)$/.exec(target)?.[1];
    expect(built).toBeDefined();
    const names = subpath.includes('*') ? adapters : [''];
    const missing = names
      .map(name => `${(built ?? '').replaceAll('*', name)}.ts`)
      .filter(file => !files.includes(file));
    expect(missing).toEqual([]);
  });

  it('gives types and code of the same file', () => {
    for (const target of Object.values(exports)) {
      if (typeof target === 'string') continue;
      expect(Object.keys(target)).toEqual(['types', 'default']);
      expect(target['types']?.replace(/\.d\.ts$/, '')).toBe(target['default']?.replace(/\.js$/, ''));
    }
  });

  it('exports every room that is the public’s: what is inside by the index, and no path to it', () => {
    expect(Object.keys(exports).sort()).toEqual([
      '.',
      './adapter',
      './adapter/webhook',
      './adapters/*',
      './adapters/*/manual',
      './adapters/*/terse',
      './diagnostics',
      './explain',
      './journal',
      './journal/postgres',
      './journal/sqlite',
      './learn',
      './node',
      './otel',
      './package.json',
      './policies',
      './schema',
      './testing',
      './testing/*',
      './testing/serve',
      './testing/vitest',
    ]);
  });

  it('ships the sources its source maps point to, and no samples', () => {
    expect(manifest.files).toEqual(expect.arrayContaining(['dist', 'src']));
    expect(manifest.files.filter(file => file.startsWith('test'))).toEqual([]);
    expect(files.filter(file => file.includes('samples'))).toEqual([]);
  });

  it('pins every dependency exactly', () => {
    const loose = Object.entries({ ...dependencies, ...devDependencies }).filter(
      ([, version]) => !/^(?:npm:[a-z-]+@)?\d+\.\d+\.\d+(?:-[a-z]+\.\d+)?$/.test(version),
    );
    expect(loose).toEqual([]);
  });

  it('depends on what src imports, and on nothing else; what one door alone needs is optional', () => {
    const imported = new Set(
      files
        .flatMap(file => importsOf(file).packages.filter(name => !name.startsWith('node:')))
        .map(name => /^(?:@[^/]+\/)?[^/]+/.exec(name)?.[0] ?? name),
    );
    const optional = ['@opentelemetry/api', 'pg', 'pg-boss', 'vitest'];
    expect(Object.keys(peerDependencies)).toEqual(optional);
    expect(peerDependenciesMeta).toEqual(Object.fromEntries(optional.map(name => [name, { optional: true }])));
    expect([...imported].filter(name => !optional.includes(name)).sort()).toEqual(Object.keys(dependencies).sort());
  });
});
