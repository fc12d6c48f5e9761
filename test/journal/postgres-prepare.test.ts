import ky from 'ky';
import type pg from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createGateway, isReferenceInUseError, type Gateway } from '../../src/index.ts';
import { postgresJournal } from '../../src/journal/postgres.ts';
import { acme, type AcmeFields } from '../testing/acme.ts';
import { contentOf, many } from '../testing/journal-rows.ts';
import { testDatabase } from '../testing/postgres-database.ts';

const database = await testDatabase(import.meta.url);

describe.skipIf(database === undefined)('prepare in the caller’s own transaction', () => {
  if (database === undefined) return;

  /** A process that has asked its journal nothing yet; the tables are there. */
  const cold = async (max: number) => {
    const made = postgresJournal(database.pool());
    await made.list();
    const pool = database.pool({ max });
    const journal = postgresJournal(pool);
    onTestFinished(async () => {
      await made.close();
      await journal.close();
    });
    const gateway = createGateway<AcmeFields>({
      adapter: acme(),
      client: ky.create({ fetch: () => Promise.resolve(Response.json({ code: 'PAID' })) }),
      journal,
    });
    return { pool, gateway, store: made.store };
  };
  const within = async (pool: pg.Pool, work: (db: unknown) => Promise<unknown>): Promise<void> => {
    const client = await pool.connect();
    await client.query('BEGIN');
    try {
      await work({ executeSql: (text: string, values?: unknown[]) => client.query(text, values) });
    } finally {
      await client.query('COMMIT');
      client.release();
    }
  };
  const order = (name: string) => ({ order: name, amount: 100 });
  const prepare = (gateway: Gateway<AcmeFields>, name: string, db: unknown) =>
    gateway.prepare('payment.charge', order(name), { db });

  it('needs no other connection of the pool, as the first thing of a process whose transactions have them all', async () => {
    const { pool, gateway, store } = await cold(3);
    await Promise.all(many(3, at => within(pool, db => prepare(gateway, `C${at}`, db))));
    const rows = (await store.list({})).filter(({ data }) => String(data.ticket.reference['order']).startsWith('C'));
    expect(rows.map(({ state }) => state)).toEqual(many(3, () => 'intended'));
  });

  it('is the same when it is prepared twice in one transaction, and refused with other fields', async () => {
    const { pool, gateway } = await cold(1);
    await within(pool, async db => {
      const ticket = await prepare(gateway, 'T1', db);
      expect(await prepare(gateway, 'T1', db)).toEqual(ticket);
      const other = gateway.prepare('payment.charge', { ...order('T1'), amount: 200 }, { db });
      await expect(other).rejects.toSatisfy(isReferenceInUseError);
    });
  });

  it('needs no other connection where the number is known already, and where it ended unsent', async () => {
    const first = await cold(1);
    const ticket = await first.gateway.prepare('payment.charge', order('U1'));
    const second = await cold(1);
    await within(second.pool, async db => expect(await prepare(second.gateway, 'U1', db)).toEqual(ticket));
    const row = (await first.store.list({})).find(({ data }) => data.ticket.reference['order'] === 'U1');
    if (row === undefined) throw new Error('no row');
    await first.store.update([{ row, set: contentOf(row, { state: 'unsent', dueAtMs: undefined }) }]);
    const third = await cold(1);
    await within(third.pool, db => prepare(third.gateway, 'U1', db));
    expect(await first.store.get(row.id)).toMatchObject({ state: 'intended', fence: 3 });
  });
});
