import pLimit, { type LimitFunction } from 'p-limit';
import { aFlag, checkOptions, elsewhere } from '../core/check-options.ts';
import { InputError } from '../core/errors.ts';
import { createJournal, type Journal } from './journal.ts';
import {
  openDatabase,
  type Database,
  type PostgresPool,
  type PostgresTransaction,
  transactionOf,
} from './postgres/database.ts';
import { type Jobs, openJobs } from './postgres/jobs.ts';
import { AT_ONCE, jobOf, rowTable } from './postgres/rows.ts';
import { isSchemaThere, openSchema, saltIn } from './postgres/schema.ts';
import { type Turns, turnsOf, updateAlone } from './postgres/turns.ts';
import { readOnlyStore } from './read-only.ts';
import type { JournalStore } from './store.ts';

export { postgresTokenStore, type PostgresTokenStoreOptions } from './postgres/tokens.ts';
export type { OwnTransaction, PostgresClient, PostgresPool, PostgresTransaction } from './postgres/database.ts';

export interface PostgresJournalOptions {
  /** Where the tables are made, with pg-boss's in `<schema>_boss`. Default `tillpaid`. */
  readonly schema?: string;
  /**
   * Whether statements are prepared, which spares more than half of their time. Default `true`; `false` behind a pooler
   * that gives each transaction another connection and keeps no prepared statements (PgBouncer before 1.21).
   */
  readonly prepare?: boolean;
  /** What goes wrong in pg-boss's own maintenance, which nobody waits for. Default: nothing is done about it. */
  readonly onError?: (error: unknown) => void;
  /** See `JournalOptions`. Milliseconds, default 30,000. */
  readonly leaseMs?: number;
  /**
   * Only to look at: no table is made, pg-boss is not needed, and what would change something rejects, so that a gateway
   * with it sends nothing. Default `false`.
   */
  readonly readOnly?: boolean;
}

const NAME = 'postgres journal';
const DAY_MS = 24 * 60 * 60_000;

/**
 * A journal for many processes on many machines, in PostgreSQL 13 or newer. Its tables are made at its first use. Rows
 * are the truth about money; pg-boss, a package of its own, says whose turn it is to look at them.
 *
 * `db` of its transactions, and of those of yours that you hand in, is `{ executeSql(text, values) }`, as in pg-boss.
 *
 * @param pool of `pg`: `new pg.Pool({ connectionString, options: '-c jit=off' })`; it stays yours, and you end it
 * @throws {InputError} for what is no pool, and for a schema with anything but small letters, digits and `_`
 */
export function postgresJournal(pool: PostgresPool, options: PostgresJournalOptions = {}): Journal {
  checkOptions('postgresJournal', options, {
    schema: elsewhere,
    prepare: elsewhere,
    onError: elsewhere,
    leaseMs: elsewhere,
    readOnly: aFlag,
  });
  const { schema = 'tillpaid', prepare = true, onError = () => undefined, leaseMs, readOnly = false } = options;
  const database = openDatabase(pool, { name: NAME, schema, prepare });
  const store = storeIn(database, laneOf(pool), { onError, readOnly });
  return createJournal(readOnly ? readOnlyStore(store) : store, { leaseMs });
}

/** So many connections of a pool are left to what is no handler's transaction. */
const LEFT = 2;
const USUAL_CONNECTIONS = 10;
const lanes = new WeakMap<PostgresPool, LimitFunction>();

/** In which handlers have their transactions: one of them may ask the pool for another connection, and so may we. */
function laneOf(pool: PostgresPool): LimitFunction {
  const known = lanes.get(pool);
  if (known !== undefined) return known;
  const lane = pLimit(Math.max(1, (pool.options?.max ?? USUAL_CONNECTIONS) - LEFT));
  lanes.set(pool, lane);
  return lane;
}

function storeIn(
  database: Database,
  lane: LimitFunction,
  { onError, readOnly }: Required<Pick<PostgresJournalOptions, 'onError' | 'readOnly'>>,
): JournalStore {
  const rows = rowTable(database);
  const { schema } = database;
  const { parts, close } = opener(database, async () => {
    const jobs = await openJobs(database, onError);
    return { jobs, turns: turnsOf({ database, rows, jobs }) };
  });
  let isThere = false;
  /**
   * For statements that need the tables alone. A caller's transaction may have the pool's last connection: then nothing
   * may wait for another one.
   */
  const inTables = async <T>(ask: () => Promise<T>, caller?: PostgresTransaction): Promise<T> => {
    if (caller !== undefined || readOnly) isThere ||= await isSchemaThere(database, caller);
    if (readOnly && !isThere)
      throw new InputError(`${NAME}: there is no journal in schema ${schema}. Name the schema that your gateway has.`);
    if (!readOnly && (caller === undefined || !isThere)) await parts();
    return ask();
  };

  return {
    name: `postgres ${schema}`,
    async insert(given, db) {
      const row = structuredClone(given);
      const caller = transactionOf(db, NAME);
      if (caller !== undefined)
        return inTables(async () => (await rows.insert(row, false, caller)) !== undefined, caller);
      const { jobs } = await parts();
      if (row.holder !== undefined || row.dueAtMs === undefined) return (await rows.insert(row, false)) !== undefined;
      await jobs.prepare(row.account);
      return database.transaction(async own => {
        const inserted = await rows.insert(row, true, own);
        if (inserted !== undefined) await jobs.add(jobOf(inserted), own);
        return inserted !== undefined;
      });
    },
    async get(id, db) {
      const caller = transactionOf(db, NAME);
      return inTables(() => rows.get(id, caller), caller);
    },
    find: (account, names) => inTables(() => rows.find(account, names)),
    list: filter => inTables(() => rows.list(filter)),
    counts: () => inTables(() => rows.counts()),
    overdue: () => inTables(() => rows.overdue()),
    async update(given, db) {
      const changes = structuredClone(given);
      const caller = transactionOf(db, NAME);
      if (changes.length === 0) return [];
      if (caller !== undefined && !database.isOwn(caller))
        return inTables(() => updateAlone(rows, changes, caller), caller);
      return (await parts()).turns.update(changes, caller);
    },
    take: async turn => (await parts()).turns.take(turn),
    renew: (holder, forMs) =>
      inTables(async () => {
        await database.query(
          `INSERT INTO ${schema}.holders AS h VALUES ($1, ${schema}.now_ms() + $2)
           ON CONFLICT (holder) DO UPDATE SET until_ms = greatest(h.until_ms, excluded.until_ms)`,
          [holder, forMs],
        );
        // By itself, and waiting for nobody: two that renew at once are no deadlock.
        await database.query(
          `DELETE FROM ${schema}.holders WHERE holder IN (SELECT holder FROM ${schema}.holders
             WHERE until_ms < ${schema}.now_ms() - $1 LIMIT $2 FOR UPDATE SKIP LOCKED)`,
          [DAY_MS, AT_ONCE],
        );
      }),
    async release(holder) {
      const { turns } = await parts();
      await database.query(`DELETE FROM ${schema}.holders WHERE holder = $1`, [holder]);
      await turns.free(holder, false);
    },
    permits: (account, wanted, perSecond) =>
      inTables(async () => {
        const most = Math.max(0, Math.floor(wanted));
        const [bucket] = await database.query(draw(schema), [account, most, perSecond]);
        return Number(bucket?.['granted']);
      }),
    transaction: work => inTables(() => lane(() => database.transaction(work))),
    async purge(state, changedBeforeMs) {
      const { turns } = await parts();
      const some = (): Promise<number> =>
        database.transaction(async db => {
          const gone = await rows.purge(state, changedBeforeMs, db);
          await turns.follow(
            gone.map(each => ({ ...each, dueAtMs: undefined })),
            db,
          );
          return gone.length;
        });
      let purged = 0;
      for (let count = AT_ONCE; count === AT_ONCE; purged += count) count = await some();
      return purged;
    },
    async salt(db) {
      const caller = transactionOf(db, NAME);
      return inTables(() => saltIn(database, caller), caller);
    },
    close,
  };
}

interface Opened {
  readonly jobs: Jobs;
  readonly turns: Turns;
}

/** Opens the schema and pg-boss at the first use, and again after that has failed. */
function opener(
  database: Database,
  open: () => Promise<Opened>,
): { parts: () => Promise<Opened>; close: () => Promise<void> } {
  let opening: Promise<Opened> | undefined;
  let isClosed = false;
  return {
    parts() {
      if (isClosed) return Promise.reject(new Error(`${NAME}, schema ${database.schema}: it was closed.`));
      const mine = (opening ??= openSchema(database).then(open));
      mine.catch(() => {
        if (opening === mine) opening = undefined;
      });
      return mine;
    },
    async close() {
      isClosed = true;
      const opened = await opening?.catch(() => undefined);
      await opened?.jobs.stop();
    },
  };
}

/** Whoever waits for another has the earlier time; by more than this the clock was set back, or is another machine's. */
const CLOCK_STEP_MS = 1000;

/** The same bucket as `drawPermits` has, in one statement, so that whoever comes second waits for the first. */
function draw(schema: string): string {
  const filled = `least(greatest(1, $3::double precision), b.tokens
    + greatest(0, ${schema}.now_ms() - b.at_ms) * $3::double precision / 1000)`;
  const granted = `least($2::integer, floor(${filled})::integer)`;
  return `
    INSERT INTO ${schema}.buckets AS b (account, tokens, at_ms, granted)
    VALUES ($1, 1 - least($2::integer, 1), ${schema}.now_ms(), least($2::integer, 1))
    ON CONFLICT (account) DO UPDATE SET
      granted = ${granted}, tokens = ${filled} - ${granted},
      at_ms = CASE WHEN b.at_ms > ${schema}.now_ms() + ${CLOCK_STEP_MS} THEN ${schema}.now_ms()
        ELSE greatest(b.at_ms, ${schema}.now_ms()) END
    RETURNING granted`;
}
