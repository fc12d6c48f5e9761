import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { InputError } from '../../src/core/errors.ts';
import { sqliteJournal } from '../../src/journal/sqlite.ts';
import type { JournalStore } from '../../src/journal/store.ts';
import { journalContract, manualClock } from '../../src/testing/index.ts';
import { rowFor } from './rows.ts';

const directory = mkdtempSync(join(tmpdir(), 'tillpaid-sqlite-'));
const opened: JournalStore[] = [];
let files = 0;

/** A path that nobody has used. */
const newPath = (): string => join(directory, `${files++}.db`);

function open(path: string, options?: Parameters<typeof sqliteJournal>[1]): JournalStore {
  const { store } = sqliteJournal(path, options);
  opened.push(store);
  return store;
}

afterEach(async () => {
  vi.restoreAllMocks();
  for (const store of opened.splice(0)) await store.close();
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** The journal of this runtime opens its files by another class than `DatabaseSync`. */
function openBy(database: unknown): void {
  const builtin = process.getBuiltinModule.bind(process) as (name: string) => unknown;
  const replaced = (name: string): unknown =>
    name === 'node:sqlite' ? database && { DatabaseSync: database } : builtin(name);
  vi.spyOn(process, 'getBuiltinModule').mockImplementation(replaced as typeof process.getBuiltinModule);
}

const clock = manualClock();
const path = newPath();

journalContract(
  {
    name: 'sqlite',
    // Whether it is durable is not what is checked here.
    open: () => sqliteJournal(path, { clock, synchronous: 'NORMAL' }).store,
    nowMs: () => clock.now(),
    pass: ms => clock.advance(ms),
    async userTransaction(work) {
      const db = new DatabaseSync(path);
      try {
        db.exec('BEGIN IMMEDIATE');
        await work(db);
        db.exec('COMMIT');
      } finally {
        db.close();
      }
    },
  },
  { describe, it },
);

describe('processes on one file', () => {
  const script = fileURLToPath(new URL('sqlite-process.ts', import.meta.url));
  const start = (file: string, name: string, rows: number): ReturnType<typeof spawn> =>
    spawn(process.execPath, [script, file, name, `${rows}`], { stdio: ['ignore', 'pipe', 'inherit'] });

  /** Its lines; each is heard by `onLine` as it is printed. */
  async function linesOf(
    child: ReturnType<typeof spawn>,
    onLine: (line: string) => void = () => undefined,
  ): Promise<string[]> {
    const lines: string[] = [];
    if (child.stdout === null) throw new Error('The process has no output.');
    for await (const line of createInterface(child.stdout)) {
      lines.push(line);
      onLine(line);
    }
    return lines;
  }

  it('make it together, insert each row once, and deliver each row once', async () => {
    const file = newPath();
    const total = 60;
    const outputs = await Promise.all(['a', 'b', 'c'].map(name => linesOf(start(file, name, total))));
    const results = outputs.map(lines => JSON.parse(lines.at(-1) ?? '') as { inserted: number; delivered: number });
    expect(results.reduce((sum, { inserted }) => sum + inserted, 0)).toBe(total);
    expect(results.reduce((sum, { delivered }) => sum + delivered, 0)).toBe(total);
    const rows = await open(file).list({ limit: 1000 });
    expect(rows.map(({ state, fence }) => `${state} ${fence}`)).toEqual(
      Array.from({ length: total }, () => 'delivered 3'),
    );
  });

  it('lose nothing that was inserted before one of them was killed', async () => {
    const file = newPath();
    const child = start(file, 'a', 100_000);
    const lines = await linesOf(child, line => {
      if (line === '40') child.kill('SIGKILL');
    });
    const survivor = open(file);
    for (const line of lines) expect((await survivor.get(rowFor(Number(line)).id))?.fence).toBe(1);
    expect(lines.length).toBeGreaterThan(40);
    expect(await survivor.insert(rowFor(-1))).toBe(true);
  });
});

describe('a machine whose clock was a year ahead', () => {
  const YEAR_MS = 365 * 24 * 60 * 60_000;

  it('leaves neither a lease nor a due time in the future, once the clock is right', async () => {
    const file = newPath();
    const right = manualClock();
    const ahead = open(file, { clock: manualClock({ startMs: right.now() + YEAR_MS }) });
    const atMs = right.now() + YEAR_MS;
    await ahead.renew('gone', 30_000);
    await ahead.insert({ ...rowFor(1, { dueAtMs: atMs + 30_000 }), openedAtMs: atMs, holder: 'gone' });
    const store = open(file, { clock: right });
    const { account, id } = rowFor(1);
    expect(await store.get(id)).toMatchObject({ isHeld: false });
    const [taken] = await store.take({ holder: 'me', accounts: [account], limit: 10 });
    expect(taken).toMatchObject({ id, holder: 'me', isHeld: false });
    if (taken === undefined) return;
    await store.update([{ row: taken, set: { ...taken, holder: undefined, dueAtMs: right.now() + 1000 } }]);
    expect(await store.take({ holder: 'me', accounts: [account], limit: 10 })).toEqual([]);
  });

  it('ends no lease by a step of seconds', async () => {
    const file = newPath();
    const right = manualClock();
    const ahead = open(file, { clock: manualClock({ startMs: right.now() + 30_000 }) });
    await ahead.renew('living', 30_000);
    await ahead.insert({ ...rowFor(1, { dueAtMs: right.now() }), holder: 'living' });
    const store = open(file, { clock: right });
    expect(await store.get(rowFor(1).id)).toMatchObject({ isHeld: true });
    expect(await store.take({ holder: 'me', accounts: [rowFor(1).account], limit: 10 })).toEqual([]);
  });
});

describe('while another transaction is open', () => {
  it('waits for it, and holds up nothing else of the process', async () => {
    const file = newPath();
    const store = open(file);
    const other = new DatabaseSync(file);
    other.exec('BEGIN IMMEDIATE');
    const insert = store.insert(rowFor(1));
    expect(await Promise.race([insert, wait(20, 'nothing yet')])).toBe('nothing yet');
    expect(await store.get(rowFor(1).id)).toBe(undefined);
    other.exec('COMMIT');
    expect(await insert).toBe(true);
    other.close();
  });

  it('gives up after busyTimeoutMs, and says why', async () => {
    const file = newPath();
    const store = open(file, { busyTimeoutMs: 20 });
    const other = new DatabaseSync(file);
    other.exec('BEGIN IMMEDIATE');
    const said = `sqlite ${file}: it was busy for 20 ms. Another process, or a handler`;
    await Promise.all([1, 2].map(number => expect(store.insert(rowFor(number))).rejects.toThrow(said)));
    other.exec('COMMIT');
    other.close();
    expect(await store.insert(rowFor(1))).toBe(true);
  });

  it('a write that its own handler waits for is refused in time, and the transaction undone', async () => {
    const store = open(newPath(), { busyTimeoutMs: 20 });
    const transaction = store.transaction(async db => {
      await store.insert(rowFor(1), db);
      await store.insert(rowFor(2));
    });
    await expect(transaction).rejects.toThrow('busy for 20 ms');
    expect(await store.list({})).toEqual([]);
    expect(await store.insert(rowFor(2))).toBe(true);
  });

  it('writes come in between transactions, in the order they were asked for', async () => {
    const store = open(newPath());
    const done: string[] = [];
    const transaction = (name: string): Promise<unknown> =>
      store.transaction(() => wait(2)).then(() => done.push(name));
    await Promise.all([
      transaction('first'),
      transaction('second'),
      store.insert(rowFor(1)).then(() => done.push('insert')),
      transaction('third'),
    ]);
    expect(done).toEqual(['first', 'second', 'insert', 'third']);
  });

  it('ends it before it closes, and is closed then', async () => {
    const store = open(newPath());
    const transaction = store.transaction(async db => {
      await wait(2);
      return store.insert(rowFor(1), db);
    });
    await store.close();
    expect(await transaction).toBe(true);
    const late = [
      () => store.get('x'),
      () => store.insert(rowFor(2)),
      () => store.transaction(() => Promise.resolve()),
      () => store.purge('open', 1),
    ];
    for (const each of late) await expect(each()).rejects.toThrow('it was closed');
    await store.close();
  });
});

describe('writes that are asked for at the same time', () => {
  it('are one commit', async () => {
    let commits = 0;
    openBy(
      class extends DatabaseSync {
        override prepare(sql: string): ReturnType<DatabaseSync['prepare']> {
          const statement = super.prepare(sql);
          if (sql !== 'COMMIT') return statement;
          const run = statement.run.bind(statement);
          return Object.assign(statement, { run: () => (commits++, run()) });
        }
      },
    );
    const store = open(newPath());
    const before = commits;
    const inserts = Array.from({ length: 50 }, (_none, number) => store.insert(rowFor(number % 40)));
    expect((await Promise.all(inserts)).filter(Boolean)).toHaveLength(40);
    expect(commits).toBe(before + 1);
  });

  it('do not suffer from one that cannot be made', async () => {
    const store = open(newPath());
    const broken = { ...rowFor(2), account: null as unknown as string };
    const results = await Promise.allSettled([rowFor(1), broken, rowFor(3), rowFor(1)].map(row => store.insert(row)));
    expect(results.map(result => (result.status === 'fulfilled' ? result.value : 'rejected'))).toEqual([
      ...[true, 'rejected', true, false],
    ]);
    expect((await store.list({})).map(({ id }) => id)).toEqual([3, 1].map(number => rowFor(number).id));
  });
});

describe('your own transaction', () => {
  it('is refused where it is on another file, or is none', async () => {
    const store = open(newPath());
    const elsewhere = newPath();
    const journal = new DatabaseSync(elsewhere);
    await expect(store.insert(rowFor(1), journal)).rejects.toThrow('db is open on another file');
    open(elsewhere);
    await expect(store.insert(rowFor(1), journal)).rejects.toThrow('db is open on another file');
    for (const db of [{}, 'db', null, 7]) {
      await expect(store.insert(rowFor(1), db)).rejects.toThrow('db is no DatabaseSync');
      await expect(store.insert(rowFor(1), db)).rejects.toThrow(InputError);
    }
    journal.close();
  });

  it('keeps what you wrote yourself, when a change of the journal cannot be made', async () => {
    const file = newPath();
    const store = open(file);
    const db = new DatabaseSync(file);
    db.exec('CREATE TABLE orders (id TEXT); PRAGMA user_version = 42');
    db.exec("BEGIN; INSERT INTO orders VALUES ('1')");
    expect(await store.insert(rowFor(1), db)).toBe(true);
    db.exec('DROP TABLE tillpaid_names');
    await expect(store.insert(rowFor(2), db)).rejects.toThrow(`sqlite ${file}:`);
    expect(db.prepare('SELECT id FROM orders').all()).toHaveLength(1);
    expect(db.prepare('SELECT id FROM tillpaid_rows').all()).toEqual([{ id: rowFor(1).id }]);
    db.exec('ROLLBACK');
    expect(db.prepare('PRAGMA user_version').get()).toEqual({ user_version: 42 });
    db.close();
  });
});

describe('a disk that is full', () => {
  it('is named by what rejects, which tells nothing of the row; with room again the journal goes on', async () => {
    const connections: DatabaseSync[] = [];
    openBy(
      class extends DatabaseSync {
        constructor(file: string) {
          super(file);
          connections.push(this);
        }
      },
    );
    const file = newPath();
    const store = open(file);
    await store.transaction(db => store.insert(rowFor(1, { dueAtMs: 1 }), db));
    for (const connection of connections) connection.exec('PRAGMA max_page_count = 1');

    const long = (number: number): ReturnType<typeof rowFor> => {
      const row = rowFor(number);
      return { ...row, data: { ...row.data, key: 'a word of the row '.repeat(5000) } };
    };
    const known = await store.get(rowFor(1).id);
    if (known === undefined) throw new Error('The first row is missing.');
    const failures = await Promise.allSettled([
      store.insert(long(2)),
      store.update([{ row: known, set: long(1) }]),
      store.transaction(db => store.insert(long(3), db)),
    ]);
    for (const failure of failures) {
      const error = (failure as PromiseRejectedResult).reason as Error;
      expect(error.message).toBe(`sqlite ${file}: the disk is full. Make room: the journal then goes on by itself.`);
      expect(`${String(error)} ${String(error.cause)} ${JSON.stringify(error)}`).not.toContain('a word of the row');
    }
    expect(await store.list({})).toEqual([known]);

    for (const connection of connections) connection.exec('PRAGMA max_page_count = 100000');
    expect(await store.update([{ row: known, set: long(1) }])).toEqual([true]);
    expect(await store.insert(long(2))).toBe(true);
    expect(await store.transaction(db => store.insert(long(3), db))).toBe(true);
  });
});

describe('opening a journal', () => {
  const opening = (file: string, options?: Parameters<typeof sqliteJournal>[1]) => () => open(file, options);

  it('needs node:sqlite, and says which runtimes have it', () => {
    openBy(undefined);
    const file = newPath();
    expect(opening(file)).toThrow(InputError);
    expect(opening(file)).toThrow('this runtime has no node:sqlite. Use Node 22.13 or newer');
    expect(() => statSync(file)).toThrow('ENOENT');
  });

  it('makes a file that its owner alone can read', async () => {
    const file = newPath();
    await open(file).insert(rowFor(1));
    for (const each of [file, `${file}-wal`, `${file}-shm`])
      expect(statSync(each).mode & 0o777).toBe(process.platform === 'win32' ? 0o666 : 0o600);
  });

  it('refuses what is no database, and leaves it as it was', () => {
    const file = newPath();
    const text = 'a list of things to buy, '.repeat(100);
    writeFileSync(file, text);
    expect(opening(file)).toThrow(InputError);
    expect(opening(file)).toThrow(`sqlite ${file}: the file is no SQLite database. Name another one.`);
    expect(readFileSync(file, 'utf8')).toBe(text);
  });

  it('refuses a directory, and a file in a directory that is not there', () => {
    expect(opening(directory)).toThrow(InputError);
    expect(opening(directory)).toThrow(`sqlite ${directory}: it is a directory. Name a file in it.`);
    const file = join(directory, 'none', 'journal.db');
    expect(opening(file)).toThrow(InputError);
    expect(opening(file)).toThrow(`sqlite ${file}: the file cannot be made (ENOENT). Its directory must exist`);
  });

  it('refuses a file that can only be read', () => {
    openBy(
      class extends DatabaseSync {
        constructor(file: string) {
          super(file, { readOnly: true });
        }
      },
    );
    const file = newPath();
    expect(opening(file)).toThrow(InputError);
    expect(opening(file)).toThrow(`sqlite ${file}: it is read-only. The file, and its directory, must be writable.`);
  });

  it('refuses a file of a newer release, and changes nothing in it', () => {
    const file = newPath();
    open(file);
    const db = new DatabaseSync(file);
    db.exec("UPDATE tillpaid_meta SET value = 2 WHERE name = 'schema'");
    expect(opening(file)).toThrow(InputError);
    expect(opening(file)).toThrow(
      `sqlite ${file}: a newer release of tillpaid made it (schema 2, and this one knows 1)`,
    );
    expect(db.prepare("SELECT value FROM tillpaid_meta WHERE name = 'schema'").get()).toEqual({ value: 2 });
    db.close();
  });

  it('refuses what names no file, and options that are none', () => {
    for (const name of ['', ':memory:', 'file:journal.db', undefined])
      expect(opening(name as string)).toThrow('name a file. For a journal in memory there is memoryJournal()');
    expect(opening(newPath(), { synchronous: 'OFF' as 'FULL' })).toThrow("synchronous must be 'FULL' or 'NORMAL'");
    for (const busyTimeoutMs of [-1, Number.NaN, Number.POSITIVE_INFINITY])
      expect(opening(newPath(), { busyTimeoutMs })).toThrow('busyTimeoutMs must be milliseconds');
  });
});
