import pg from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { JournalStore, Row } from '../../src/journal/index.ts';
import {
  postgresJournal,
  type PostgresPool,
  postgresTokenStore,
  type PostgresTransaction,
} from '../../src/journal/postgres.ts';
import { InputError } from '../../src/index.ts';
import { contentOf, endOf, many, rowOf } from '../testing/journal-rows.ts';
import { testDatabase } from '../testing/postgres-database.ts';
import { databaseTime } from '../testing/postgres-time.ts';
import { startPostgres } from '../testing/postgres.ts';

const database = await testDatabase(import.meta.url);

const LEASE_MS = 60_000;

/** A store of its own, as another process has it. */
const storeOf = (pool: pg.Pool, schema = 'tillpaid'): JournalStore => {
  const { store } = postgresJournal(pool, { schema });
  onTestFinished(() => store.close());
  return store;
};

/** One call may still get a connection that has just ended. */
const again = async <T>(ask: () => Promise<T>): Promise<T> => {
  for (let left = 20; left > 0; left--) {
    const answer = await ask().then(
      value => ({ value }),
      () => undefined,
    );
    if (answer !== undefined) return answer.value;
  }
  return ask();
};

describe.skipIf(database === undefined)('the postgres journal', () => {
  if (database === undefined) return;
  let schemas = 0;

  /** A schema of the test's own, with two stores on it, and a time that it lets pass. */
  const bench = async () => {
    const schema = `test_${schemas++}`;
    const pools = [database.pool(), database.pool()] as const;
    const one = storeOf(pools[0], schema);
    const other = storeOf(pools[1], schema);
    await one.salt();
    const time = databaseTime(pools[0], schema);
    const worker = async (store: JournalStore, holder: string, limit = 100): Promise<Row[]> => {
      await store.renew(holder, LEASE_MS);
      return store.take({ holder, accounts: ['shop'], limit });
    };
    return { schema, pools, one, other, time, worker, sql: (text: string) => pools[0].query(text) };
  };
  const ids = (rows: readonly Row[]): string[] => rows.map(({ id }) => id);

  describe('pg-boss has the turns, and the row is right', () => {
    it('a worker that dies with turns taken loses them to the next, as soon as its lease has ended', async () => {
      const { one, other, time, worker, sql, schema } = await bench();
      for (const number of many(5, each => each)) await one.insert(rowOf('shop', number, { dueAtMs: time.nowMs() }));
      expect(await worker(one, 'dies')).toHaveLength(5);
      expect(await worker(other, 'lives')).toEqual([]);
      await time.pass(LEASE_MS + 1);
      const taken = await worker(other, 'lives');
      expect(ids(taken)).toEqual([4, 3, 2, 1, 0].map(number => `shop ${number}`));
      expect(taken.map(({ fence, holder }) => [fence, holder])).toEqual(many(5, () => [3, 'lives']));
      const { rows } = await sql(`SELECT DISTINCT state, retry_count FROM ${schema}_boss.job WHERE name <> 'dead'`);
      expect(rows).toEqual([{ state: 'active', retry_count: 1 }]);
    });

    it('a row in the middle of which ten workers have died is parked, and says so; it can be looked at again', async () => {
      const { one, other, time, worker, sql, schema } = await bench();
      await one.insert(rowOf('shop', 1, { state: 'settled', dueAtMs: time.nowMs() }));
      for (const each of many(10, at => at)) {
        expect(await worker(each % 2 === 0 ? one : other, `dies ${each}`)).toHaveLength(1);
        await time.pass(LEASE_MS + 1);
      }
      expect(await worker(one, 'lives')).toEqual([]);
      const row = await other.get('shop 1');
      expect(row).toMatchObject({ state: 'parked', holder: undefined, dueAtMs: undefined });
      expect(row?.data.parked?.from).toBe('settled');
      expect(row?.data.parked?.reason).toContain('10 workers ended');
      expect((await sql(`SELECT * FROM ${schema}_boss.job`)).rows).toEqual([]);
      if (row === undefined) return;
      const again = contentOf(row, { state: 'settled', dueAtMs: time.nowMs() });
      expect(await one.update([{ row, set: again }])).toEqual([true]);
      expect(ids(await worker(other, 'lives'))).toEqual(['shop 1']);
    });

    it('jobs that were lost are made again: no row is forgotten', async () => {
      const { one, other, time, worker, sql, schema } = await bench();
      for (const number of many(20, each => each)) await one.insert(rowOf('shop', number, { dueAtMs: time.nowMs() }));
      await sql(`DELETE FROM ${schema}_boss.job`);
      expect(await worker(other, 'worker')).toEqual([]);
      await time.pass(15_000);
      const taken = [...(await worker(one, 'worker')), ...(await worker(other, 'worker'))];
      expect(new Set(ids(taken)).size).toBe(20);
    });

    it('a job that comes too early or too late, or whose row is gone or held, takes nothing', async () => {
      const { one, other, time, worker, sql, schema } = await bench();
      const dueAtMs = time.nowMs() + 40_000;
      for (const number of [1, 2, 3]) await one.insert(rowOf('shop', number, { dueAtMs }));
      await sql(`UPDATE ${schema}.rows SET holder = 'gateway', due_at_ms = 0 WHERE id = 'shop 2'`);
      await sql(`DELETE FROM ${schema}.rows WHERE id = 'shop 3'`);
      await one.renew('gateway', 50_000);
      await one.insert(rowOf('shop', 4, { dueAtMs: time.nowMs() }));
      await sql(`UPDATE ${schema}_boss.job SET start_after = now() - interval '1 minute'`);
      expect(ids(await worker(other, 'worker'))).toEqual(['shop 4']);
      const waiting = await sql(`SELECT start_after FROM ${schema}_boss.job WHERE state = 'created'`);
      expect(waiting.rows).toEqual([{ start_after: new Date(dueAtMs) }]);
      await time.pass(40_001);
      expect(ids(await worker(other, 'worker'))).toEqual(['shop 1']);
      await time.pass(10_000);
      expect(ids(await worker(other, 'worker'))).toEqual(['shop 2']);
    });

    it('a turn that takes longer than pg-boss gives it is still its worker’s, while his lease is good', async () => {
      const { one, other, time, worker, sql, schema } = await bench();
      await one.insert(rowOf('shop', 1, { dueAtMs: time.nowMs() }));
      const [row] = await worker(one, 'slow');
      await sql(`UPDATE ${schema}_boss.job SET state = 'retry'`);
      await one.insert(rowOf('shop', 2, { dueAtMs: time.nowMs() }));
      expect(ids(await worker(other, 'quick'))).toEqual(['shop 2']);
      if (row === undefined) throw new Error('nothing was taken');
      const next = contentOf(row, { holder: undefined, dueAtMs: time.nowMs() });
      expect(await one.update([{ row, set: next }])).toEqual([true]);
      expect(ids(await worker(other, 'quick'))).toEqual(['shop 1']);
    });

    it('a notice makes a row due now that was due later, and a settled row has no job left', async () => {
      const { one, other, time, worker, sql, schema } = await bench();
      await one.insert(rowOf('shop', 1, { dueAtMs: time.nowMs() + 3_600_000 }));
      const row = await other.get('shop 1');
      if (row === undefined) throw new Error('no row');
      await other.update([{ row, set: contentOf(row, { dueAtMs: time.nowMs() }) }]);
      const [taken] = await worker(one, 'worker');
      if (taken === undefined) throw new Error('nothing was taken');
      expect(await one.update([{ row: taken, set: endOf(taken) }])).toEqual([true]);
      expect((await sql(`SELECT * FROM ${schema}_boss.job`)).rows).toEqual([]);
    });

    it('is not deadlocked by notices that change rows just when they are taken', async () => {
      const { one, other, time, worker } = await bench();
      for (const number of many(20, each => each)) await one.insert(rowOf('shop', number, { dueAtMs: time.nowMs() }));
      const notice = async (number: number): Promise<void> => {
        const row = await other.get(`shop ${number}`);
        if (row !== undefined && !row.isHeld)
          await other.update([{ row, set: contentOf(row, { dueAtMs: time.nowMs() }) }]);
      };
      for (const round of many(8, each => each)) {
        const [taken] = await Promise.all([
          worker(one, `worker ${round}`),
          ...many(20, number => notice(number)),
          ...many(20, number => notice(19 - number)),
        ]);
        await one.update(
          taken.map(row => ({ row, set: contentOf(row, { holder: undefined, dueAtMs: time.nowMs() }) })),
        );
      }
      await time.pass(15_000);
      const rest = new Set<string>();
      for (let each = 0; each < 5; each++) for (const id of ids(await worker(one, 'last'))) rest.add(id);
      expect(rest.size).toBe(20);
    });
  });

  describe('the caller’s own transaction', () => {
    const write = async (pool: pg.Pool, end: 'COMMIT' | 'ROLLBACK', work: (db: unknown) => Promise<unknown>) => {
      const client = await pool.connect();
      await client.query('BEGIN');
      await work({ executeSql: (text: string, values?: unknown[]) => client.query(text, values) });
      await client.query(end);
      client.release();
    };

    it('has the row with his own, or neither; a worker takes it at once', async () => {
      const { one, other, pools, time, worker, sql } = await bench();
      await sql('CREATE TABLE IF NOT EXISTS orders (id int)');
      for (const [number, end] of [
        [1, 'COMMIT'],
        [2, 'ROLLBACK'],
      ] as const)
        await write(pools[0], end, async db => {
          await pools[0].query('SELECT 1');
          expect(await one.insert(rowOf('shop', number, { dueAtMs: time.nowMs() }), db)).toBe(true);
        });
      expect(ids(await worker(other, 'worker'))).toEqual(['shop 1']);
    });

    it('needs no second connection, even as the first thing that a process does', async () => {
      const { schema, one, time, worker } = await bench();
      const pool = database.pool({ max: 1 });
      const fresh = storeOf(pool, schema);
      await write(pool, 'COMMIT', db => fresh.insert(rowOf('shop', 1, { dueAtMs: time.nowMs() }), db));
      expect(ids(await worker(one, 'worker'))).toEqual(['shop 1']);
    });

    it('is of the shape that pg-boss takes: anything else is refused before it is asked', async () => {
      const { one } = await bench();
      await expect(one.insert(rowOf('shop', 1), { query: () => undefined })).rejects.toThrow(InputError);
    });
  });

  it('lets nobody end its own transaction from within: what he wrote, and the mark of it, would not be one', async () => {
    const { one, other, sql, schema } = await bench();
    await sql(`CREATE TABLE ${schema}.orders (id text)`);
    await other.insert(rowOf('shop', 1));
    for (const text of ['COMMIT', ' rollback work', 'END;', 'ABORT', 'Commit and chain', "PREPARE TRANSACTION 'x'"]) {
      const work = one.transaction(async db => {
        const own = db as PostgresTransaction;
        await own.executeSql(`INSERT INTO ${schema}.orders VALUES ('1')`);
        await own.executeSql(text);
      });
      await expect(work).rejects.toThrow(InputError);
      await expect(work).rejects.toThrow('a handler must not end its transaction. Let it write only');
    }
    expect((await sql(`SELECT * FROM ${schema}.orders`)).rows).toEqual([]);
    await one.transaction(async db => {
      const own = db as PostgresTransaction;
      await own.executeSql('SAVEPOINT mine');
      await own.executeSql(`INSERT INTO ${schema}.orders VALUES ('1')`);
      await own.executeSql('ROLLBACK TO SAVEPOINT mine');
      await own.executeSql(`INSERT INTO ${schema}.orders VALUES ('2')`);
    });
    expect((await sql(`SELECT * FROM ${schema}.orders`)).rows).toEqual([{ id: '2' }]);
  });

  it('does everything with a pool of one connection', async () => {
    const { schema, time } = await bench();
    const store = storeOf(database.pool({ max: 1 }), schema);
    await Promise.all(many(10, number => store.insert(rowOf('shop', number, { dueAtMs: time.nowMs() }))));
    await store.renew('worker', LEASE_MS);
    const taken = await store.take({ holder: 'worker', accounts: ['shop'], limit: 100 });
    expect(taken).toHaveLength(10);
    const made = await store.update(taken.map(row => ({ row, set: endOf(row) })));
    expect(made).toEqual(many(10, () => true));
    await store.release('worker');
    expect(await store.purge('delivered', time.nowMs() + 1000)).toBe(10);
  });

  it('grants no more than the rate, over four connections at once', async () => {
    const { schema, time } = await bench();
    const stores = many(4, () => storeOf(database.pool({ max: 1 }), schema));
    let granted = 0;
    for (const passedMs of [0, 100, 900, 1000, 3000]) {
      await time.pass(passedMs);
      const grants = await Promise.all(many(80, async each => (await stores[each % 4]?.permits('shop', 3, 50)) ?? 0));
      granted += grants.reduce((sum, each) => sum + each, 0);
    }
    // One at first, then 5, 45, 50 and a second's worth, and what the clock went on by itself.
    expect(granted).toBeGreaterThanOrEqual(1 + 5 + 45 + 50 + 50);
    expect(granted).toBeLessThan(1 + 5 + 45 + 50 + 50 + 50);
  });

  it('permits again at once where the clock is behind the one before it, and not more for a clock that lags a little', async () => {
    const { one, time, sql, schema } = await bench();
    expect(await one.permits('shop', 5, 10)).toBe(1);
    await sql(`UPDATE ${schema}.buckets SET at_ms = at_ms + 600000`);
    expect(await one.permits('shop', 5, 10)).toBe(0);
    await time.pass(300);
    expect(await one.permits('shop', 5, 10)).toBeGreaterThanOrEqual(3);
    await sql(`UPDATE ${schema}.buckets SET at_ms = at_ms + 900`);
    for (let each = 0; each < 3; each++) expect(await one.permits('shop', 5, 10)).toBe(0);
  });

  it('forgets holders whose lease ended a day ago, and never shortens a lease', async () => {
    const { one, other, time, sql, schema } = await bench();
    const holders = async (): Promise<unknown> =>
      (await sql(`SELECT holder FROM ${schema}.holders ORDER BY holder`)).rows;
    for (const holder of ['a', 'b', 'c']) await one.renew(holder, 1000);
    await time.pass(24 * 3_600_000 + 2000);
    await Promise.all([one.renew('a', LEASE_MS), other.renew('b', LEASE_MS)]);
    await one.renew('b', 1);
    expect(await holders()).toEqual([{ holder: 'a' }, { holder: 'b' }]);
    await one.insert(rowOf('shop', 1, { holder: 'b', dueAtMs: time.nowMs() }));
    await time.pass(LEASE_MS / 2);
    expect(await other.get('shop 1')).toMatchObject({ isHeld: true });
  });

  it.each([1, 4, 10])('leaves others connections of its pool of %i: handlers have fewer transactions', async max => {
    const { schema } = await bench();
    const pool = database.pool({ max });
    const [one, other] = [storeOf(pool, schema), storeOf(pool, schema)];
    let open = 0;
    let most = 0;
    const handler = async (): Promise<void> => {
      most = Math.max(most, ++open);
      if (max > 1) await pool.query('SELECT 1');
      open--;
    };
    await Promise.all(many(20, async at => (at % 2 === 0 ? one : other).transaction(handler)));
    expect(open).toBe(0);
    expect(most).toBeLessThanOrEqual(Math.max(1, max - 2));
  });

  describe('its tables', () => {
    it('are made once, by four who begin at the same moment, with one salt for all', async () => {
      for (const round of many(5, each => each)) {
        const stores = many(4, () => storeOf(database.pool({ max: 3 }), `race_${round}`));
        const salts = await Promise.all(stores.map(store => store.salt()));
        expect(new Set(salts.map(salt => salt.join())).size).toBe(1);
        const inserted = await Promise.all(stores.map(store => store.insert(rowOf('shop', 1, { dueAtMs: 0 }))));
        expect(inserted.filter(Boolean)).toHaveLength(1);
      }
    });

    it('of a newer release are left alone, and the error says what to do', async () => {
      const { schema, sql } = await bench();
      await sql(`UPDATE ${schema}.meta SET value = '99' WHERE name = 'version'`);
      await expect(storeOf(database.pool(), schema).get('shop 1')).rejects.toThrow(
        /newer release.*Update this process/,
      );
    });

    it('have plain names: another schema is refused', () => {
      for (const schema of ['', 'Shop', 'a;b', 'a"b', 'x'.repeat(41)])
        expect(() => postgresJournal(database.pool(), { schema })).toThrow(InputError);
      expect(() => postgresJournal({} as PostgresPool)).toThrow(InputError);
    });
  });

  describe('a database that fails', () => {
    it('is named in the error, and works again when it is back: nothing that was promised is lost', async () => {
      const server = await startPostgres();
      onTestFinished(() => server.stop());
      const pool = new pg.Pool({ connectionString: server.url, connectionTimeoutMillis: 2000 });
      const store = storeOf(pool);
      await store.insert(rowOf('shop', 1, { dueAtMs: 0 }));
      await store.renew('worker', LEASE_MS);
      const work = many(20, async number => store.insert(rowOf('shop', 10 + number, { dueAtMs: 0 })));
      const restart = server.restart();
      const promised = (await Promise.allSettled(work)).flatMap(({ status }, number) =>
        status === 'fulfilled' ? [`shop ${10 + number}`] : [],
      );
      await restart;
      await again(() => store.renew('worker', LEASE_MS));
      const taken = await store.take({ holder: 'worker', accounts: ['shop'], limit: 100 });
      expect(ids(taken)).toEqual(expect.arrayContaining(['shop 1', ...promised]));
      const made = await store.update(taken.map(row => ({ row, set: endOf(row) })));
      expect(made.every(Boolean)).toBe(true);
      await pool.end();
    });

    it('may end connections at any time: who waits is told, a transaction is undone, and the next call has another', async () => {
      const { schema, one, sql } = await bench();
      await one.insert(rowOf('shop', 1));
      const pool = database.pool({ application_name: 'dies' });
      const store = storeOf(pool, schema);
      const kill = () => sql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'dies'`);
      const row = await store.get('shop 1');
      if (row === undefined) throw new Error('no row');
      await kill();
      await again(() => store.get('shop 1'));
      const work = store.transaction(async db => {
        await store.update([{ row, set: endOf(row) }], db);
        await kill();
        await store.insert(rowOf('shop', 2), db);
      });
      await expect(work).rejects.toThrow(/postgres journal, schema test_\d+: .+ask again/);
      expect(await one.get('shop 2')).toBeUndefined();
      expect((await again(() => store.get('shop 1')))?.fence).toBe(1);
    });

    it('that is not there is named, with what it said', async () => {
      const pool = new pg.Pool({ host: '127.0.0.1', port: 1, user: 'nobody', password: 'hush' });
      const error: unknown = await storeOf(pool)
        .get('shop 1')
        .catch((reason: unknown) => reason);
      expect(String(error)).toMatch(/postgres journal, schema tillpaid: .*ECONNREFUSED.*see that it can be reached/);
      expect(String(error)).not.toContain('hush');
      await pool.end();
    });
  });

  describe('the token store', () => {
    const key = new Uint8Array(32).fill(7);
    const token = { value: 'very-secret-token', expiresAtMs: 4_000_000_000_000 };

    it('gives back what any machine has put there, and holds no token that can be read', async () => {
      const { schema, pools } = await bench();
      const [one, other] = pools.map(pool => postgresTokenStore(pool, { schema, key }));
      expect(await one?.get('acme')).toBeUndefined();
      await one?.set('acme', { ...token, value: 'old' });
      await one?.set('acme', token);
      expect(await other?.get('acme')).toEqual(token);
      const { rows } = await pools[0].query(`SELECT * FROM ${schema}.tokens`);
      expect(JSON.stringify(rows)).not.toContain('secret');
      expect(Buffer.from((rows as { sealed: string }[])[0]?.sealed ?? '', 'base64').toString('latin1')).not.toContain(
        'secret',
      );
    });

    it('knows nothing of what another key has sealed, or what was changed or moved where it is stored', async () => {
      const { schema, pools } = await bench();
      const store = postgresTokenStore(pools[0], { schema, key: Buffer.from(key).toString('base64') });
      for (const name of ['acme', 'beta']) await store.set(name, { ...token, value: name });
      const stranger = postgresTokenStore(pools[0], { schema, key: new Uint8Array(32) });
      expect(await stranger.get('acme')).toBeUndefined();
      await pools[0].query(
        `UPDATE ${schema}.tokens SET sealed = (SELECT sealed FROM ${schema}.tokens WHERE key = 'beta')`,
      );
      expect(await store.get('acme')).toBeUndefined();
      expect(await store.get('beta')).toMatchObject({ value: 'beta' });
      await pools[0].query(`UPDATE ${schema}.tokens SET sealed = 'no base64'`);
      expect(await store.get('beta')).toBeUndefined();
    });

    it('makes the tables itself, and refuses a key of any other length, without quoting it', async () => {
      const pool = database.pool();
      const store = postgresTokenStore(pool, { schema: 'tokens_alone', key });
      await store.set('acme', token);
      expect(await store.get('acme')).toEqual(token);
      for (const wrong of ['short', '', new Uint8Array(16), undefined as unknown as string])
        expect(() => postgresTokenStore(pool, { key: wrong })).toThrow(
          /^postgresTokenStore: key must be 32 bytes, or their Base64\.$/,
        );
    });
  });
});
