import { toHex } from '../../kit/bytes.ts';
import { digestOf, sha256 } from '../../kit/hashes.ts';
import type { Database, PostgresTransaction } from './database.ts';
import type { Job } from './jobs.ts';
import type { Change, Overdue, Row, RowContent, RowCount, RowData, RowFilter, RowState } from '../store.ts';

/** What has become of a row, as far as its job needs to know. */
export interface Changed {
  readonly id: string;
  readonly uid: string;
  readonly account: string;
  readonly fence: number;
  readonly openedAtMs: number;
  /** `undefined`: nobody is to look at it by himself, or somebody is busy with it. */
  readonly dueAtMs: number | undefined;
  /** Whether its job must go: another takes its place, or none. */
  readonly isJobOver: boolean;
}

type NewRow = Omit<Row, 'fence' | 'isHeld' | 'changedAtMs' | 'turn'>;
type Read = Record<string, unknown>;
type Freed = Changed & { readonly hadJob: boolean };

/** The statements about rows: each is one round trip, however many rows it is about. */
export interface RowTable {
  /**
   * @param isScheduled whether the row gets a job, if it is due once and nobody has it
   * @returns what was inserted, unless there is one of that id
   */
  readonly insert: (row: NewRow, isScheduled: boolean, db?: PostgresTransaction) => Promise<Changed | undefined>;
  readonly get: (id: string, db?: PostgresTransaction) => Promise<Row | undefined>;
  readonly find: (account: string, names: readonly string[]) => Promise<Row[]>;
  readonly list: (filter: RowFilter) => Promise<Row[]>;
  readonly counts: () => Promise<RowCount[]>;
  readonly overdue: () => Promise<Overdue[]>;
  /**
   * @param isScheduled whether those that are due once and that nobody has get a job
   * @returns those whose fence was what was read
   */
  readonly update: (changes: readonly Change[], isScheduled: boolean, db?: PostgresTransaction) => Promise<Changed[]>;
  /** Those of these that are due and free. The rest is told apart, for its jobs. */
  readonly take: (
    uids: readonly string[],
    holder: string,
    db: PostgresTransaction,
  ) => Promise<{ taken: Row[]; rest: Changed[] }>;
  /** Of these accounts: those that have due rows which nobody has. */
  readonly dueAccounts: (accounts: readonly string[]) => Promise<DueAccount[]>;
  /** Rows that are due and have no job. From now on they have one. @returns some of them */
  readonly schedule: (account: string, db: PostgresTransaction) => Promise<Changed[]>;
  /** They have no job, after all. */
  readonly unschedule: (uids: readonly string[], db: PostgresTransaction) => Promise<void>;
  /** The rows that have been due the longest, if it is for long. */
  readonly late: (account: string, db: PostgresTransaction) => Promise<Changed[]>;
  /** Those who have rows, and no lease. */
  readonly deadHolders: () => Promise<string[]>;
  /** Whose rows he has. */
  readonly accountsOf: (holder: string) => Promise<string[]>;
  /** Takes rows from a holder. @param evenAlive whether he gives them back himself @returns some of them */
  readonly free: (holder: string, evenAlive: boolean, db: PostgresTransaction) => Promise<Freed[]>;
  /** Those of these rows that are due once, and that nobody has. */
  readonly waiting: (uids: readonly string[], db: PostgresTransaction) => Promise<Row[]>;
  /** @returns some of those that were deleted */
  readonly purge: (state: RowState, changedBeforeMs: number, db: PostgresTransaction) => Promise<Changed[]>;
}

export interface DueAccount {
  readonly account: string;
  /** Some of its due rows have no job. */
  readonly lacksJobs: boolean;
  /** Some have been due for long. */
  readonly isLate: boolean;
}

/** How many rows one transaction frees, schedules or deletes. */
export const AT_ONCE = 1000;
const LATE_MS = 10_000;

export function rowTable(database: Database): RowTable {
  const { schema } = database;
  const sql = statements(schema);
  const rowsOf = async (text: string, values: unknown[], db?: PostgresTransaction): Promise<Row[]> =>
    (await database.query(`SELECT ${columns(schema)} FROM ${schema}.rows r ${text}`, values, db)).map(rowFrom);
  const changedBy = async (text: string, values: unknown[], db?: PostgresTransaction): Promise<Changed[]> =>
    (await database.query(text, values, db)).map(changedFrom);

  return {
    async insert({ id, account, openedAtMs, ...set }, isScheduled, db) {
      const input = inputOf({ uid: uidOf(id), id, account, opened: openedAtMs }, set);
      return (await changedBy(sql.insert, [`[${input}]`, isScheduled], db))[0];
    },
    get: async (id, db) => (await rowsOf('WHERE r.uid = $1', [uidOf(id)], db))[0],
    find: (account, names) => rowsOf(sql.named, [account, names]),
    list: ({ state, account, limit = 100, openedBeforeMs }) =>
      rowsOf(sql.listed, [state === undefined ? states : [state], account, openedBeforeMs, limit]),
    counts: async () => (await database.query(sql.counts)).map(countFrom),
    overdue: async () => (await database.query(sql.overdue)).map(overdueFrom),
    update: (changes, isScheduled, db) =>
      changedBy(sql.update, [`[${changes.map(changeOf).join(',')}]`, isScheduled], db),
    async take(uids, holder, db) {
      const taken = (await database.query(sql.take, [uids, holder], db)).map(rowFrom);
      const isTaken = new Set(taken.map(({ turn }) => turn));
      const others = uids.filter(uid => !isTaken.has(uid));
      return { taken, rest: others.length === 0 ? [] : await changedBy(sql.untaken, [others], db) };
    },
    dueAccounts: async accounts => (await database.query(sql.dueAccounts, [accounts, LATE_MS])).map(dueFrom),
    schedule: (account, db) => changedBy(sql.schedule, [account, AT_ONCE], db),
    async unschedule(uids, db) {
      await database.query(`UPDATE ${schema}.rows SET job = false WHERE uid = ANY($1::uuid[])`, [uids], db);
    },
    late: (account, db) => changedBy(sql.late, [account, LATE_MS, AT_ONCE], db),
    deadHolders: async () => (await database.query(sql.deadHolders)).map(({ holder }) => holder as string),
    accountsOf: async holder =>
      (await database.query(`SELECT DISTINCT account FROM ${schema}.rows WHERE holder = $1`, [holder])).map(
        ({ account }) => account as string,
      ),
    free: async (holder, evenAlive, db) =>
      (await database.query(sql.free, [holder, evenAlive, AT_ONCE], db)).map(each => ({
        ...changedFrom(each),
        hadJob: each['had_job'] === true,
      })),
    waiting: (uids, db) =>
      rowsOf('WHERE r.uid = ANY($1::uuid[]) AND r.holder IS NULL AND r.due_at_ms IS NOT NULL', [uids], db),
    purge: (state, changedBeforeMs, db) => changedBy(sql.purge, [state, changedBeforeMs, AT_ONCE], db),
  };
}

/** The job that such a row has to have, if any. */
export const jobOf = ({ uid, account, openedAtMs, dueAtMs }: Changed): Job[] =>
  dueAtMs === undefined ? [] : [{ uid, account, openedAtMs, dueAtMs }];

const states: readonly RowState[] = [
  ...(['intended', 'leaving', 'open', 'settled', 'delivered', 'archived', 'unsent', 'parked'] as const),
];

const columns = (schema: string): string => `
  r.uid, r.id, r.account, r.state, r.fence, r.holder, r.due_at_ms, r.opened_at_ms, r.changed_at_ms, r.names, r.job,
  r.data::text AS data,
  EXISTS (SELECT FROM ${schema}.holders h WHERE h.holder = r.holder AND h.until_ms > ${schema}.now_ms()) AS is_held`;

/** What the statements that change rows say of them: see `changedFrom`. */
const told = 'uid, id, account, fence, opened_at_ms, CASE WHEN holder IS NULL THEN due_at_ms END AS next_ms';

/** Input comes as JSON, which passes any driver. */
const content = 'state text, holder text, due double precision, names json, undelivered boolean, data json, odd text';
const dataOf = (input: string): string => `coalesce(${input}.odd::json, ${input}.data)`;
const namesOf = (input: string): string => `ARRAY(SELECT json_array_elements_text(${input}.names))`;

const hash = 'hashtextextended(r.account, 0)';
const isWaiting = 'r.due_at_ms IS NOT NULL AND r.holder IS NULL';

const statements = (schema: string) => ({
  insert: `
    WITH input AS (
      SELECT * FROM json_to_recordset($1::text::json)
        AS x (uid uuid, id text, account text, opened double precision, ${content})
    ), entry AS (
      INSERT INTO ${schema}.rows (uid, id, account, state, fence, holder, due_at_ms, opened_at_ms, changed_at_ms,
        names, undelivered, job, data)
      SELECT uid, id, account, state, 1, holder, due, opened, ${schema}.now_ms(), ${namesOf('input')}, undelivered,
        $2::boolean AND due IS NOT NULL AND holder IS NULL, ${dataOf('input')}
      FROM input ON CONFLICT (uid) DO NOTHING
      RETURNING *
    ), named AS (
      INSERT INTO ${schema}.names SELECT DISTINCT hashtextextended(name, 0), uid FROM entry, unnest(names) name
    )
    SELECT ${told}, false AS is_job_over FROM entry`,
  // Locked in one order, so that two who change the same rows do not wait for each other.
  update: `
    WITH input AS (
      SELECT * FROM json_to_recordset($1::text::json) AS x (uid uuid, fence integer, ${content})
    ), old AS (
      SELECT r.uid, r.names AS old_names, r.fence, ${namesOf('i')} AS names, i.state, i.holder, i.due, i.undelivered,
        ${dataOf('i')} AS data, r.job AND i.holder IS NOT NULL AND r.holder IS NOT NULL AS keeps_job, r.job AS had_job
      FROM ${schema}.rows r JOIN input i ON r.uid = i.uid AND r.fence = i.fence
      ORDER BY r.uid FOR UPDATE OF r
    ), changed AS (
      UPDATE ${schema}.rows r SET state = old.state, holder = old.holder, due_at_ms = old.due, names = old.names,
        undelivered = old.undelivered, data = old.data, fence = r.fence + 1, changed_at_ms = ${schema}.now_ms(),
        job = old.keeps_job OR ($2::boolean AND old.due IS NOT NULL AND old.holder IS NULL)
      FROM old WHERE r.uid = old.uid AND r.fence = old.fence
      RETURNING r.*, old.old_names, old.had_job AND NOT old.keeps_job AS is_job_over
    ), unnamed AS (
      DELETE FROM ${schema}.names n USING changed c, unnest(c.old_names) name
      WHERE n.uid = c.uid AND n.hash = hashtextextended(name, 0) AND name <> ALL (c.names)
    ), named AS (
      INSERT INTO ${schema}.names SELECT DISTINCT hashtextextended(name, 0), c.uid FROM changed c, unnest(c.names) name
      WHERE name <> ALL (c.old_names) ON CONFLICT DO NOTHING
    )
    SELECT ${told}, is_job_over FROM changed`,
  named: `
    WHERE r.account = $1 AND r.names && $2::text[]
      AND r.uid IN (SELECT n.uid FROM ${schema}.names n, unnest($2::text[]) name WHERE n.hash = hashtextextended(name, 0))`,
  // By state, so that one index has them in their order.
  listed: `
    WHERE r.uid IN (
      SELECT newest.uid FROM unnest($1::text[]) s (state), LATERAL (
        SELECT l.uid, l.opened_at_ms FROM ${schema}.rows l
        WHERE l.state = s.state AND l.opened_at_ms < coalesce($3, 'infinity'::double precision)
          AND ($2::text IS NULL OR l.account = $2)
        ORDER BY l.opened_at_ms DESC LIMIT $4
      ) newest ORDER BY newest.opened_at_ms DESC LIMIT $4
    ) ORDER BY r.opened_at_ms DESC`,
  // What is counted is in `rows_listed` alone: no row is read for it.
  counts: `
    WITH RECURSIVE ${overdueRows(schema)}, late AS (
      SELECT account, state, count(*)::integer AS overdue, min(due_at_ms) AS oldest FROM due GROUP BY account, state
    ), counted AS (
      SELECT account, state, count(*)::integer AS rows FROM ${schema}.rows GROUP BY account, state
    )
    SELECT account, state, rows, coalesce(overdue, 0) AS overdue, oldest
    FROM counted LEFT JOIN late USING (account, state)`,
  overdue: `
    WITH RECURSIVE ${overdueRows(schema)}
    SELECT account, count(*)::integer AS rows, min(due_at_ms) AS oldest FROM due GROUP BY account`,
  // Whoever takes has locked the job, and waits for no row: he who changes it waits for the job.
  take: `
    WITH r AS (
      UPDATE ${schema}.rows SET holder = $2, fence = fence + 1, changed_at_ms = ${schema}.now_ms(), job = true
      WHERE uid IN (
        SELECT uid FROM ${schema}.rows WHERE uid = ANY($1::uuid[]) AND holder IS NULL AND due_at_ms <= ${schema}.now_ms()
        FOR UPDATE SKIP LOCKED
      ) RETURNING *
    )
    SELECT ${columns(schema)} FROM r`,
  untaken: `
    UPDATE ${schema}.rows SET job = due_at_ms IS NOT NULL AND holder IS NULL WHERE uid IN (
      SELECT uid FROM ${schema}.rows WHERE uid = ANY($1::uuid[]) FOR UPDATE SKIP LOCKED
    ) RETURNING ${told}, true AS is_job_over`,
  dueAccounts: `
    SELECT a.account, due.oldest < ${schema}.now_ms() - $2 AS is_late, EXISTS (
      SELECT FROM ${schema}.rows r WHERE ${dueRows(schema, 'a.account')} AND NOT r.job
    ) AS lacks_jobs
    FROM unnest($1::text[]) a (account), LATERAL (
      SELECT r.due_at_ms AS oldest FROM ${schema}.rows r WHERE ${dueRows(schema, 'a.account')} ORDER BY r.due_at_ms LIMIT 1
    ) due`,
  schedule: `
    UPDATE ${schema}.rows SET job = true WHERE uid IN (
      SELECT r.uid FROM ${schema}.rows r WHERE ${dueRows(schema, '$1')} AND NOT r.job LIMIT $2 FOR UPDATE SKIP LOCKED
    ) RETURNING ${told}, false AS is_job_over`,
  late: `
    SELECT ${told}, false AS is_job_over FROM ${schema}.rows r
    WHERE ${dueRows(schema, '$1')} AND due_at_ms < ${schema}.now_ms() - $2 ORDER BY due_at_ms LIMIT $3
    FOR UPDATE SKIP LOCKED`,
  // From one holder to the next by the index: they are few, and their rows may be many.
  deadHolders: `
    WITH RECURSIVE held AS (
      SELECT min(holder) AS holder FROM ${schema}.rows WHERE holder IS NOT NULL
      UNION ALL
      SELECT (SELECT min(r.holder) FROM ${schema}.rows r WHERE r.holder > held.holder) FROM held
      WHERE held.holder IS NOT NULL
    )
    SELECT held.holder FROM held LEFT JOIN ${schema}.holders h USING (holder)
    WHERE held.holder IS NOT NULL AND coalesce(h.until_ms, 0) <= ${schema}.now_ms()`,
  free: `
    WITH held AS (
      SELECT uid, job AS had_job FROM ${schema}.rows WHERE holder = $1
        AND ($2 OR NOT EXISTS (SELECT FROM ${schema}.holders h WHERE h.holder = $1 AND h.until_ms > ${schema}.now_ms()))
      LIMIT $3 FOR UPDATE SKIP LOCKED
    ), freed AS (
      UPDATE ${schema}.rows r SET holder = NULL, job = r.due_at_ms IS NOT NULL FROM held WHERE r.uid = held.uid
      RETURNING r.*, held.had_job
    )
    SELECT ${told}, had_job, false AS is_job_over FROM freed`,
  purge: `
    WITH gone AS (
      DELETE FROM ${schema}.rows WHERE uid IN (
        SELECT uid FROM ${schema}.rows WHERE state = $1 AND changed_at_ms < $2 AND NOT undelivered LIMIT $3
      ) AND state = $1 AND changed_at_ms < $2 AND NOT undelivered RETURNING *
    ), unnamed AS (
      DELETE FROM ${schema}.names n USING gone, unnest(gone.names) name
      WHERE n.uid = gone.uid AND n.hash = hashtextextended(name, 0)
    )
    SELECT ${told}, job AS is_job_over FROM gone`,
});

/** From one account to the next by the index of what is due; what somebody has is little, and has its own. */
const overdueRows = (schema: string): string => `
    known AS (
      (SELECT ${hash} AS hash FROM ${schema}.rows r WHERE ${isWaiting} ORDER BY ${hash} LIMIT 1)
      UNION ALL
      SELECT (SELECT ${hash} FROM ${schema}.rows r WHERE ${isWaiting} AND ${hash} > known.hash ORDER BY ${hash} LIMIT 1)
      FROM known WHERE known.hash IS NOT NULL
    ), due AS (
      SELECT own.* FROM known, LATERAL (
        SELECT r.account, r.state, r.due_at_ms FROM ${schema}.rows r
        WHERE ${hash} = known.hash AND ${isWaiting} AND r.due_at_ms <= ${schema}.now_ms()
      ) own
      UNION ALL
      SELECT r.account, r.state, r.due_at_ms FROM ${schema}.rows r
      WHERE r.holder IS NOT NULL AND r.due_at_ms <= ${schema}.now_ms() AND NOT EXISTS (
        SELECT FROM ${schema}.holders h WHERE h.holder = r.holder AND h.until_ms > ${schema}.now_ms()
      )
    )`;

/** Due, and nobody's: as the index has them. */
const dueRows = (schema: string, account: string): string =>
  `hashtextextended(r.account, 0) = hashtextextended(${account}, 0) AND r.account = ${account}
    AND r.holder IS NULL AND r.due_at_ms <= ${schema}.now_ms()`;

/** 128 bits of its hash: one short index has the ids, and names the jobs. */
const uidOf = (id: string): string =>
  toHex(digestOf(sha256, id).subarray(0, 16)).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');

const changeOf = ({ row: { id, fence }, set }: Change): string => inputOf({ uid: uidOf(id), fence }, set);

/** A record of the input. */
function inputOf(row: object, { state, holder, dueAtMs, names, data }: RowContent): string {
  const undelivered = data.deliveries.length > 0;
  const record = JSON.stringify({ ...row, state, holder, due: dueAtMs, names, undelivered });
  const text = JSON.stringify(data);
  // Of these no record can be read, though they are JSON: they are taken as a text.
  const isOdd = /\\u(?:0000|d[89a-f])/.test(text);
  return `${record.slice(0, -1)},${isOdd ? `"odd":${JSON.stringify(text)}` : `"data":${text}`}}`;
}

function rowFrom(read: Read): Row {
  const text = (name: string): string => read[name] as string;
  const holder = read['holder'] as string | null;
  const due = read['due_at_ms'];
  return {
    ...{ id: text('id'), account: text('account'), state: read['state'] as RowState, fence: Number(read['fence']) },
    ...{ holder: holder ?? undefined, isHeld: read['is_held'] === true },
    dueAtMs: due === null ? undefined : Number(due),
    ...{ openedAtMs: Number(read['opened_at_ms']), changedAtMs: Number(read['changed_at_ms']) },
    ...{ names: read['names'] as string[], data: JSON.parse(text('data')) as RowData },
    ...(read['job'] === true && { turn: text('uid') }),
  };
}

const changedFrom = (read: Read): Changed => ({
  ...{ id: read['id'] as string, uid: read['uid'] as string, account: read['account'] as string },
  fence: Number(read['fence']),
  openedAtMs: Number(read['opened_at_ms']),
  dueAtMs: read['next_ms'] === null ? undefined : Number(read['next_ms']),
  isJobOver: read['is_job_over'] === true,
});

const dueFrom = (read: Read): DueAccount => ({
  account: read['account'] as string,
  lacksJobs: read['lacks_jobs'] === true,
  isLate: read['is_late'] === true,
});

const countFrom = ({ account, state, rows, overdue, oldest }: Read): RowCount => ({
  ...{ account: account as string, state: state as RowState, rows: Number(rows), overdue: Number(overdue) },
  ...(oldest !== null && { oldestDueAtMs: Number(oldest) }),
});

const overdueFrom = ({ account, rows, oldest }: Read): Overdue => ({
  ...{ account: account as string, rows: Number(rows), oldestDueAtMs: Number(oldest) },
});
