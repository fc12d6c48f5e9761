import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { InputError } from '../../src/core/errors.ts';
import type { DeliveryContext } from '../../src/journal/worker/courier.ts';
import type { Journal } from '../../src/journal/index.ts';
import { sqliteJournal } from '../../src/journal/sqlite.ts';
import { createWorker, type WorkerOptions } from '../../src/journal/worker.ts';
import { manualClock } from '../../src/testing/index.ts';
import { ACCOUNT, after, fakeGateway, rowOf, settled } from './scene.ts';

let directory = '';
const opened: Journal[] = [];
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'tillpaid-transaction-'))));
afterEach(async () => {
  vi.restoreAllMocks();
  for (const journal of opened.splice(0)) await journal.close();
  rmSync(directory, { recursive: true, force: true });
});

/** A shop whose orders are in the journal's file, and a payment that has just succeeded. */
async function shop(onSettled: (db: DatabaseSync, call: number) => unknown, options: Partial<WorkerOptions> = {}) {
  const clock = manualClock();
  const file = join(directory, 'shop.db');
  const journal = sqliteJournal(file, { clock, synchronous: 'NORMAL' });
  opened.push(journal);
  const own = new DatabaseSync(file);
  own.exec("CREATE TABLE customers (id TEXT PRIMARY KEY); INSERT INTO customers VALUES ('c1')");
  own.exec('CREATE TABLE credits (call INT)');
  await journal.store.insert(rowOf(clock, 'A1'));
  const messages: string[] = [];
  let calls = 0;
  const gateway = fakeGateway(clock, journal.store, row => settled(row));
  const worker = createWorker({
    ...{ gateways: [gateway], journal, clock, transaction: true },
    onEvent: event => event.type === 'delivery-failed' && messages.push(event.message),
    onSettled: (_settlement, { db }: DeliveryContext) => onSettled(db as DatabaseSync, ++calls),
    ...options,
  });
  worker.start();
  const credits = (): unknown[] =>
    own
      .prepare('SELECT call FROM credits')
      .all()
      .map(({ call }) => call);
  return {
    ...{ clock, journal, own, worker, messages, credits },
    calls: () => calls,
    async row() {
      const row = await journal.store.get(`${ACCOUNT} A1`);
      if (row === undefined) throw new Error('There is no row.');
      return row;
    },
    pass: (delayMs: number) => clock.run(after(clock, delayMs)),
    async end() {
      await clock.run(worker.stop());
      own.close();
    },
  };
}

const credit = (db: DatabaseSync, call: number): unknown => db.prepare('INSERT INTO credits VALUES (?)').run(call);

const endings: Readonly<Record<string, (db: DatabaseSync) => void>> = {
  'rolls back by itself, for INSERT OR ROLLBACK': db => {
    try {
      db.exec("INSERT OR ROLLBACK INTO customers VALUES ('c1')");
    } catch {
      // He is a customer already.
    }
  },
  'was told to ROLLBACK': db => db.exec('ROLLBACK'),
  'was told to ROLLBACK and to BEGIN another': db => db.exec('ROLLBACK; BEGIN IMMEDIATE'),
};

describe('a transaction that has ended within its handler', () => {
  for (const [title, ends] of Object.entries(endings))
    it(`and SQLite ${title}: nothing is marked, the delivery has failed, and comes again`, async () => {
      const all = await shop((db, call) => {
        credit(db, call);
        if (call === 1) ends(db);
      });
      await all.pass(600);
      expect(await all.row()).toMatchObject({ state: 'settled', data: { failures: 1, deliveries: [{ id: 'A1#1' }] } });
      expect([all.calls(), all.credits()]).toEqual([1, []]);
      expect(all.messages).toEqual([expect.stringContaining('transaction ended before it did')]);
      expect(all.messages[0]).toContain('Let it write only');
      await all.pass(5000);
      expect(await all.row()).toMatchObject({ state: 'delivered' });
      expect(all.credits()).toEqual([2]);
      await all.end();
    });

  it('and was committed there: the delivery has failed all the same, since its mark is not in it', async () => {
    const all = await shop(
      (db, call) => {
        credit(db, call);
        db.exec('COMMIT');
      },
      { maxDeliveries: 2 },
    );
    await all.pass(10_000);
    expect(await all.row()).toMatchObject({ state: 'parked', data: { failures: 2, deliveries: [{ id: 'A1#1' }] } });
    expect(all.messages[0]).toContain('transaction ended before it did');
    await all.end();
  });

  it('is seen where DatabaseSync cannot tell (Node before 22.16)', async () => {
    function Older(file: string): Pick<DatabaseSync, 'exec' | 'prepare' | 'close'> {
      const db = new DatabaseSync(file);
      return { exec: sql => db.exec(sql), prepare: sql => db.prepare(sql), close: () => db.close() };
    }
    const builtin = process.getBuiltinModule.bind(process) as (name: string) => unknown;
    const replaced = (name: string): unknown => (name === 'node:sqlite' ? { DatabaseSync: Older } : builtin(name));
    vi.spyOn(process, 'getBuiltinModule').mockImplementation(replaced as typeof process.getBuiltinModule);
    const all = await shop((db, call) => {
      credit(db, call);
      if (call === 1) db.exec('ROLLBACK');
      if (call === 2) db.exec('ROLLBACK; BEGIN');
    });
    await all.pass(10_000);
    expect([all.credits(), all.messages.length, (await all.row()).state]).toEqual([[3], 2, 'delivered']);
    await all.end();
  });

  it('takes nothing more of the handler, which would be written outside of it', async () => {
    const refused: unknown[] = [];
    const all = await shop((db, call) => {
      if (call > 1) return;
      db.exec('ROLLBACK');
      for (const write of [() => credit(db, call), () => db.exec('BEGIN'), () => db.exec('DELETE FROM customers')])
        expect(write).toThrow('transaction ended before it did');
      refused.push(db);
    });
    await all.pass(5000);
    expect([refused.length, all.credits()]).toEqual([1, []]);
    expect(all.own.prepare('SELECT * FROM customers').all()).toHaveLength(1);
    expect(await all.row()).toMatchObject({ state: 'delivered' });
    await all.end();
  });
});

describe('the db of a handler', () => {
  it('takes nothing once the handler has timed out: its late write is refused, and the next one’s is kept', async () => {
    const late: (() => unknown)[] = [];
    const all = await shop(
      (db, call) => {
        if (call > 1) return credit(db, call);
        const insert = db.prepare('INSERT INTO credits VALUES (?)');
        const rows = db.prepare('SELECT id FROM customers').iterate();
        late.push(
          ...[
            () => credit(db, call),
            () => insert.run(call),
            () => rows.next(),
            () => db.exec('DELETE FROM customers'),
          ],
        );
        return new Promise(() => undefined);
      },
      { handlerTimeoutMs: 500 },
    );
    await all.pass(700);
    for (const write of late) {
      expect(write).toThrow(InputError);
      expect(write).toThrow('the transaction of this db has ended');
    }
    await all.pass(5000);
    expect([all.credits(), (await all.row()).state]).toEqual([[2], 'delivered']);
    for (const write of late) expect(write).toThrow('the transaction of this db has ended');
    await all.end();
  });

  it('cannot be closed: neither the worker nor the journal is without it', async () => {
    const all = await shop((db, call) => {
      credit(db, call);
      if (call === 1) db.close();
      if (call === 2) db[Symbol.dispose]();
    });
    await all.pass(10_000);
    expect(all.messages).toHaveLength(2);
    for (const message of all.messages) expect(message).toContain('this db is the journal’s');
    expect([all.credits(), (await all.row()).state]).toEqual([[3], 'delivered']);
    await all.end();
  });

  it('is a DatabaseSync in all else: its statements, iterators, and functions work', async () => {
    const seen: unknown[] = [];
    const all = await shop(db => {
      db.function('twice', value => 2 * Number(value));
      const insert = db.prepare('INSERT INTO credits VALUES (twice(?))');
      db.exec('SAVEPOINT mine');
      for (const value of [1, 2]) seen.push(insert.run(value).changes);
      for (const { call } of db.prepare('SELECT call FROM credits').iterate()) seen.push(call);
      seen.push(db instanceof DatabaseSync, db.prepare('SELECT call FROM credits').all().length);
    });
    await all.pass(2000);
    expect(seen).toEqual([1, 1, 2, 4, true, 2]);
    expect([all.credits(), (await all.row()).state]).toEqual([[2, 4], 'delivered']);
    await all.end();
  });
});
