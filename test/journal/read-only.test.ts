import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { createGateway, InputError } from '../../src/index.ts';
import type { Journal } from '../../src/journal/index.ts';
import { postgresJournal } from '../../src/journal/postgres.ts';
import { sqliteJournal } from '../../src/journal/sqlite.ts';
import type { JournalStore } from '../../src/journal/store.ts';
import { acme } from '../testing/acme.ts';
import { testDatabase } from '../testing/postgres-database.ts';
import { rowFor } from './rows.ts';

const database = await testDatabase(import.meta.url);

let directory = '';
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'tillpaid-read-only-'))));
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** Closed when the test is over. */
function opened(journal: Journal): Journal {
  onTestFinished(() => journal.close());
  return journal;
}

async function seesButChangesNothing(writing: JournalStore, reading: Journal): Promise<void> {
  await writing.insert(rowFor(1, { dueAtMs: 1, state: 'parked' }));
  expect(await reading.list()).toMatchObject([{ id: 'acme 1' }]);
  expect(await reading.find('1')).toMatchObject([{ id: 'acme 1' }]);
  expect(await reading.counts()).toMatchObject([{ account: 'acme', state: 'parked', rows: 1 }]);
  const { store } = reading;
  const row = await store.get('acme 1');
  if (row === undefined) throw new Error('There is no row.');
  expect(await store.salt()).toEqual(await writing.salt());
  const writes: Readonly<Record<string, () => Promise<unknown>>> = {
    insert: () => store.insert(rowFor(2)),
    update: () => store.update([{ row, set: rowFor(1) }]),
    take: () => store.take({ holder: 'worker', accounts: ['acme'], limit: 1 }),
    renew: () => store.renew('holder', 60_000),
    release: () => store.release('holder'),
    permits: () => store.permits('acme', 1, 10),
    purge: () => store.purge('open', 1e15),
    transaction: () => store.transaction(() => Promise.reject(new Error('It was run.'))),
    redrive: () => reading.redrive({}),
    archive: () => reading.archive('acme 1'),
  };
  for (const [name, write] of Object.entries(writes)) {
    await expect(write(), name).rejects.toThrow('it was opened with readOnly, so nothing in it can be changed.');
    await expect(write(), name).rejects.toBeInstanceOf(InputError);
  }
  expect(await writing.get('acme 1')).toEqual(row);
  expect(await writing.list({})).toHaveLength(1);
}

describe('a SQLite journal that is opened with readOnly', () => {
  it('shows what others write, and changes nothing', async () => {
    const file = join(directory, 'journal.db');
    const writing = opened(sqliteJournal(file, { synchronous: 'NORMAL' })).store;
    await seesButChangesNothing(writing, opened(sqliteJournal(file, { readOnly: true })));
  });

  it('makes no file where there is none, and no table where there is no journal', () => {
    const file = join(directory, 'jurnal.db');
    expect(() => sqliteJournal(file, { readOnly: true })).toThrow(`sqlite ${file}: there is no such file`);
    expect(existsSync(file)).toBe(false);
    const other = join(directory, 'shop.db');
    const db = new DatabaseSync(other);
    db.exec('CREATE TABLE orders (number TEXT)');
    db.close();
    expect(() => sqliteJournal(other, { readOnly: true })).toThrow('there is no journal in it');
    const text = join(directory, 'text.db');
    writeFileSync(text, 'a text that is long enough to be no database at all, whatever one thinks of it'.repeat(20));
    expect(() => sqliteJournal(text, { readOnly: true })).toThrow('the file is no SQLite database');
    expect(readdirSync(directory).sort()).toEqual(['shop.db', 'text.db']);
  });

  it('lets a gateway send nothing', async () => {
    const file = join(directory, 'journal.db');
    opened(sqliteJournal(file, { synchronous: 'NORMAL' }));
    const journal = opened(sqliteJournal(file, { readOnly: true }));
    let requests = 0;
    const fetch = (): Promise<Response> => {
      requests += 1;
      return Promise.reject(new Error('Nothing may be sent.'));
    };
    const { default: ky } = await import('ky');
    const gateway = createGateway({ adapter: acme(), journal, client: ky.create({ fetch }) });
    const sending = gateway.settle('payment.charge', { order: 'A1', amount: 100 });
    await expect(sending).rejects.toThrow('it was opened with readOnly');
    expect(requests).toBe(0);
  });
});

describe.skipIf(database === undefined)('a PostgreSQL journal that is opened with readOnly', () => {
  if (database === undefined) return;

  it('shows what others write, and changes nothing', async () => {
    const schema = 'test_read_only';
    const writing = opened(postgresJournal(database.pool(), { schema })).store;
    await writing.salt();
    const pool = database.pool({ options: '-c default_transaction_read_only=on' });
    await seesButChangesNothing(writing, opened(postgresJournal(pool, { schema, readOnly: true })));
  });

  it('makes no table where there is no journal', async () => {
    const pool = database.pool();
    const reading = opened(postgresJournal(pool, { schema: 'test_nobodys', readOnly: true }));
    await expect(reading.list()).rejects.toThrow('there is no journal in schema test_nobodys');
    const { rows } = await pool.query("SELECT FROM pg_namespace WHERE nspname LIKE 'test_nobodys%'");
    expect(rows).toEqual([]);
  });
});
