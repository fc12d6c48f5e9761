import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { putDesk } from '../../src/journal/desk/desk.ts';
import { postgresJournal, type PostgresTransaction } from '../../src/journal/postgres.ts';
import { sqliteJournal } from '../../src/journal/sqlite.ts';
import type { JournalStore } from '../../src/journal/store.ts';
import { createWorker, type WorkerOptions } from '../../src/journal/worker.ts';
import { manualClock } from '../../src/testing/index.ts';
import { testDatabase } from '../testing/postgres-database.ts';
import { ACCOUNT, noGateway, rowOf, settled, stillOpen, type ServedGateway } from './scene.ts';

const folder = mkdtempSync(join(tmpdir(), 'tillpaid-worker-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const database = await testDatabase(import.meta.url);

const ROWS = 60;

/** On the machine's clock, since the stores have theirs. */
const now = manualClock({ startMs: Date.now() });

/** A gateway that says at the second look how a payment ended. */
function gatewayOn(store: JournalStore, asked: Set<string>): ServedGateway {
  const gateway = noGateway();
  putDesk(gateway, {
    ...{ account: ACCOUNT, adapterVersion: 1, store, leaseMs: 5000, clock: systemClock },
    takeUp: row => {
      const isFirst = !asked.has(row.id);
      asked.add(row.id);
      return Promise.resolve(isFirst ? stillOpen(row, Date.now() + 40 * Math.random()) : settled(row));
    },
  });
  return gateway;
}

/** Two workers, each on a journal of its own, until all is delivered. */
async function settleAll(journals: readonly Journal[], options: Partial<WorkerOptions>): Promise<void> {
  const [first] = journals;
  if (first === undefined) return;
  for (let at = 0; at < ROWS; at++) await first.store.insert(rowOf(now, `A${at}`, { openedAtMs: Date.now() - at }));
  const asked = new Set<string>();
  const errors: unknown[] = [];
  const workers = journals.map(journal =>
    createWorker({
      ...{ gateways: [gatewayOn(journal.store, asked)], journal, idleMs: 20, ratePerSecond: 2000, batchSize: 20 },
      onEvent: event => event.type === 'store-error' && errors.push(event),
      ...options,
    }),
  );
  for (const worker of workers) worker.start();
  await expect
    .poll(async () => (await first.store.list({ state: 'delivered', limit: 1000 })).length, { timeout: 15_000 })
    .toBe(ROWS);
  await Promise.all(workers.map(worker => worker.stop()));
  expect(errors).toEqual([]);
  const rows = await first.store.list({ limit: 1000 });
  expect(rows.every(({ holder, dueAtMs }) => holder === undefined && dueAtMs === undefined)).toBe(true);
}

/** Each is heard once, since nothing dies; and it fails once for some. */
function once(): { readonly heard: Map<string, number>; readonly onSettled: WorkerOptions['onSettled'] } {
  const heard = new Map<string, number>();
  const failed = new Set<string>();
  return {
    heard,
    onSettled(_settlement, { deliveryId }) {
      if (deliveryId.includes('7') && !failed.has(deliveryId)) {
        failed.add(deliveryId);
        throw new Error('once');
      }
      heard.set(deliveryId, (heard.get(deliveryId) ?? 0) + 1);
    },
  };
}

const ids = Array.from({ length: ROWS }, (_each, at) => [`A${at}#1`, 1] as const).sort();

describe('workers on a SQLite file', () => {
  it.each([false, true])('deliver every settlement once while nothing dies (transaction: %s)', async transaction => {
    const file = join(folder, `journal-${transaction}.db`);
    const journals = [sqliteJournal(file), sqliteJournal(file)];
    const { heard, onSettled } = once();
    await settleAll(journals, { transaction, ...(onSettled !== undefined && { onSettled }) });
    expect([...heard].sort()).toEqual(ids);
    await Promise.all(journals.map(journal => journal.close()));
  });
});

describe.skipIf(database === undefined)('workers on PostgreSQL', () => {
  if (database === undefined) return;

  it('deliver every settlement once while nothing dies', async () => {
    const journals = [database.pool(), database.pool()].map(pool => postgresJournal(pool, { schema: 'plain' }));
    const { heard, onSettled } = once();
    await settleAll(journals, onSettled === undefined ? {} : { onSettled });
    expect([...heard].sort()).toEqual(ids);
    await Promise.all(journals.map(journal => journal.close()));
  });

  it('write what the handler does and its mark in one transaction: a handler that fails leaves nothing', async () => {
    const pool = database.pool();
    await pool.query('CREATE TABLE shipped (id text)');
    const journals = [pool, database.pool()].map(each => postgresJournal(each, { schema: 'together' }));
    const failed = new Set<string>();
    await settleAll(journals, {
      transaction: true,
      async onSettled(_settlement, { deliveryId, db }) {
        await (db as PostgresTransaction).executeSql('INSERT INTO shipped VALUES ($1)', [deliveryId]);
        if (failed.has(deliveryId) || !deliveryId.includes('7')) return;
        failed.add(deliveryId);
        throw new Error('once, after the write');
      },
    });
    const { rows } = await pool.query<{ id: string }>('SELECT id FROM shipped');
    expect(rows.map(({ id }) => id).sort()).toEqual(ids.map(([id]) => id));
    await Promise.all(journals.map(journal => journal.close()));
  });
});
