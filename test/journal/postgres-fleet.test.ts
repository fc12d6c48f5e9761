import type pg from 'pg';
import { describe, expect, it } from 'vitest';
import type { JournalStore } from '../../src/journal/index.ts';
import { postgresJournal } from '../../src/journal/postgres.ts';
import { contentOf, endOf, many, rowOf } from '../testing/journal-rows.ts';
import { testDatabase } from '../testing/postgres-database.ts';
import { type DatabaseTime, databaseTime } from '../testing/postgres-time.ts';

const database = await testDatabase(import.meta.url);

const ROWS = 40;
const LEASE_MS = 30_000;
const accounts = ['shop 1', 'shop 2'];

/** The same each time. */
function dice(seed: number): () => number {
  let state = seed * 7919;
  return () => (state = (state * 1_103_515_245 + 12_345) % 2 ** 31) / 2 ** 31;
}

/** Three processes on one journal, and what has been seen of them. */
class Fleet {
  readonly stores: readonly JournalStore[];
  readonly chance: () => number;
  readonly wrongs: string[] = [];
  readonly #pools: readonly pg.Pool[];
  readonly #schema: string;
  readonly #fences = new Map<string, number>();
  readonly #holders = new Map<string, string>();
  #time: DatabaseTime | undefined;

  constructor(pools: readonly pg.Pool[], seed: number) {
    this.#schema = `fleet_${seed}`;
    this.#pools = pools;
    this.stores = pools.map(pool => postgresJournal(pool, { schema: this.#schema }).store);
    this.chance = dice(seed);
  }

  get time(): DatabaseTime {
    return (this.#time ??= databaseTime(this.sql, this.#schema));
  }

  get sql(): pg.Pool {
    const [pool] = this.#pools;
    if (pool === undefined) throw new Error('a fleet has a pool');
    return pool;
  }

  any(): JournalStore {
    const store = this.stores[Math.floor(this.chance() * this.stores.length)];
    if (store === undefined) throw new Error('a fleet has stores');
    return store;
  }

  /** Some have a holder without a lease, and some come in a transaction of the caller's. */
  async insert(number: number): Promise<void> {
    const dueAtMs = this.time.nowMs() + this.chance() * 20_000;
    const row = rowOf(accounts[number % 2] ?? '', number, {
      dueAtMs: Math.floor(dueAtMs),
      ...(this.chance() < 0.3 && { holder: 'gateway that died' }),
    });
    if (this.chance() < 0.7) await this.any().insert(row);
    else {
      const client = await this.sql.connect();
      await client.query('BEGIN');
      await this.any().insert(row, { executeSql: (text: string, values?: unknown[]) => client.query(text, values) });
      await client.query('COMMIT');
      client.release();
    }
  }

  /** Takes a turn, and dies in the middle of it, or makes an end of some rows, and has others looked at again. */
  async work(holder: string): Promise<void> {
    const store = this.any();
    await store.renew(holder, LEASE_MS);
    const rows = await store.take({ holder, accounts, limit: 20 });
    for (const { id, fence } of rows) {
      if (fence <= (this.#fences.get(id) ?? 0)) this.wrongs.push(`${id}: fence ${fence} was there before`);
      const other = this.#holders.get(id);
      if (other !== undefined) this.wrongs.push(`${id}: ${holder} took it from ${other}, who is at work`);
      this.#fences.set(id, fence);
      this.#holders.set(id, holder);
    }
    await this.sql.query('SELECT pg_sleep(0.005)');
    const dies = this.chance() < 0.25;
    if (!dies) {
      const again = this.time.nowMs() + 3000;
      const made = await store.update(
        rows.map(row => ({
          row,
          set: this.chance() < 0.5 ? endOf(row) : contentOf(row, { holder: undefined, dueAtMs: again }),
        })),
      );
      if (made.includes(false)) this.wrongs.push(`${holder} lost a row while his lease was good`);
    }
    for (const { id } of rows) this.#holders.delete(id);
    if (!dies && this.chance() < 0.5) await store.release(holder);
  }

  async notice(number: number): Promise<void> {
    const row = await this.any().get(`${accounts[number % 2] ?? ''} ${number}`);
    if (row === undefined || row.isHeld || row.state === 'delivered') return;
    await this.any().update([{ row, set: contentOf(row, { dueAtMs: this.time.nowMs() }) }]);
  }

  /** What pg-boss must never be relied upon for. */
  async harm(): Promise<void> {
    const jobs = `${this.#schema}_boss.job`;
    if (this.chance() < 0.5) await this.sql.query(`DELETE FROM ${jobs} WHERE state = 'created' AND random() < 0.5`);
    if (this.chance() < 0.5) await this.sql.query(`UPDATE ${jobs} SET state = 'retry' WHERE state = 'active'`);
  }

  async left(): Promise<number> {
    const { rows } = await this.sql.query<{ left: number }>(
      `SELECT count(*) FILTER (WHERE state <> 'delivered')::int AS left FROM ${this.#schema}.rows`,
    );
    return rows[0]?.left ?? Number.NaN;
  }

  async jobs(): Promise<readonly unknown[]> {
    return (await this.sql.query<object>(`SELECT * FROM ${this.#schema}_boss.job`)).rows;
  }
}

describe.skipIf(database === undefined)('a fleet on one PostgreSQL', () => {
  it.each([
    1, 2,
  ])('comes to an end of every row, each in one hand at a time, whatever dies and whatever is lost (seed %i)', async seed => {
    if (database === undefined) return;
    const fleet = new Fleet(
      many(3, () => database.pool({ max: 4 })),
      seed,
    );
    await fleet.any().salt();
    for (const number of many(ROWS, each => each)) await fleet.insert(number);
    for (let round = 0; round < 200 && (await fleet.left()) > 0; round++) {
      await Promise.all([
        ...many(3, each => fleet.work(`worker ${round}.${each}`)),
        ...many(2, () => fleet.notice(Math.floor(fleet.chance() * ROWS))),
      ]);
      await fleet.harm();
      await fleet.time.pass(fleet.chance() * 8000);
    }
    expect(fleet.wrongs).toEqual([]);
    expect(await fleet.left()).toBe(0);
    expect(await fleet.jobs()).toEqual([]);
    for (const store of fleet.stores) await store.close();
  });
});
