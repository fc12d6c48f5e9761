import { newSecret } from '../../clock.ts';
import { InputError } from '../../core/errors.ts';
import { drawPermits } from '../permits.ts';
import type { Connection, Found, Value } from './connection.ts';
import type {
  Change,
  JournalStore,
  Overdue,
  Row,
  RowContent,
  RowCount,
  RowData,
  RowFilter,
  RowState,
  Turn,
} from '../store.ts';

/** Of the tables below. A change of them needs a new one, and a way from the old. */
const SCHEMA = 1;

/**
 * The version is in a table of its own: `user_version` is the user's, whose own tables may be in the file.
 *
 * `tillpaid_due` has all that choosing whom to take needs, so that no row is read for it; `tillpaid_states` likewise
 * counts and lists, and `tillpaid_old` purges.
 */
const tables = `
CREATE TABLE IF NOT EXISTS tillpaid_meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tillpaid_rows (
  row INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  account TEXT NOT NULL,
  state TEXT NOT NULL,
  holder TEXT,
  due_at_ms INTEGER,
  fence INTEGER NOT NULL,
  opened_at_ms INTEGER NOT NULL,
  changed_at_ms INTEGER NOT NULL,
  deliveries INTEGER NOT NULL,
  names TEXT NOT NULL,
  data TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS tillpaid_due ON tillpaid_rows (account, due_at_ms, opened_at_ms, holder, state)
  WHERE due_at_ms IS NOT NULL;
CREATE INDEX IF NOT EXISTS tillpaid_states ON tillpaid_rows (state, account, opened_at_ms);
CREATE INDEX IF NOT EXISTS tillpaid_old ON tillpaid_rows (state, changed_at_ms) WHERE deliveries = 0;
CREATE TABLE IF NOT EXISTS tillpaid_names (name TEXT, row INTEGER, PRIMARY KEY (name, row)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tillpaid_holders (
  holder TEXT PRIMARY KEY, until_ms INTEGER NOT NULL, for_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tillpaid_permits (
  account TEXT PRIMARY KEY, tokens REAL NOT NULL, at_ms INTEGER NOT NULL
) WITHOUT ROWID;
`;

/** Makes what is missing. @returns the salt @throws {InputError} for a file of a newer release */
export function prepareTables(connection: Connection, name: string): Uint8Array {
  const known = saltIn(connection, name);
  if (known !== undefined) return known;
  return connection.atomically(() => {
    connection.db.exec(tables);
    const add = 'INSERT INTO tillpaid_meta VALUES (?, ?) ON CONFLICT (name) DO NOTHING';
    connection.run(add, 'schema', SCHEMA);
    connection.run(add, 'salt', newSecret());
    const made = saltIn(connection, name);
    if (made === undefined) throw new Error(`${name}: its salt is missing.`);
    return made;
  });
}

/** Of a journal that is only looked at. @throws {InputError} where there is none, and for one of a newer release */
export function saltThere(connection: Connection, name: string): Uint8Array {
  const salt = saltIn(connection, name);
  if (salt === undefined)
    throw new InputError(`${name}: there is no journal in it. Name the file that your gateway has.`);
  return salt;
}

/** `undefined`: there is no journal in it. @throws {InputError} for one of a newer release */
export function saltIn(connection: Connection, name: string): Uint8Array | undefined {
  const hasTables = connection.get("SELECT 1 FROM sqlite_schema WHERE name = 'tillpaid_meta'") !== undefined;
  if (!hasTables) return undefined;
  const valueOf = (key: string): unknown =>
    connection.get('SELECT value FROM tillpaid_meta WHERE name = ?', key)?.['value'];
  const schema = Number(valueOf('schema') ?? 0);
  if (schema > SCHEMA)
    throw new InputError(
      `${name}: a newer release of tillpaid made it (schema ${schema}, and this one knows ${SCHEMA}). Install that ` +
        'release here too, or name another file.',
    );
  const salt = valueOf('salt');
  return salt instanceof Uint8Array ? salt : undefined;
}

/**
 * A lease that was given more than a minute from now is none: the machine's clock was ahead then, and has been set back
 * since. Whoever lives renews it.
 */
const isHeld = `EXISTS (SELECT 1 FROM tillpaid_holders h
  WHERE h.holder = r.holder AND ? BETWEEN h.until_ms - h.for_ms - 60000 AND h.until_ms - 1)`;
const select = `SELECT r.*, ${isHeld} AS held FROM tillpaid_rows r`;

/** A row, or a change, as it is stored: nothing of it is the caller's any more, and what cannot be stored is known. */
export interface Prepared<Of> {
  readonly of: Of;
  readonly names: readonly string[];
  readonly values: ReturnType<typeof valuesOf>;
}

type NewRow = Parameters<JournalStore['insert']>[0];

export const preparedRow = (row: NewRow): Prepared<Pick<NewRow, 'id' | 'account' | 'openedAtMs'>> => ({
  of: { id: row.id, account: row.account, openedAtMs: row.openedAtMs },
  names: [...row.names],
  values: valuesOf(row),
});

export const preparedChange = ({ row: { id, fence }, set }: Change): Prepared<Pick<Row, 'id' | 'fence'>> => ({
  of: { id, fence },
  names: [...set.names],
  values: valuesOf(set),
});

export function insertRow(
  connection: Connection,
  { of: { id, account, openedAtMs }, names, values }: ReturnType<typeof preparedRow>,
  nowMs: number,
): boolean {
  const { state, holder, dueAtMs, deliveries, names: namesText, data } = values;
  const inserted = connection.get(
    `INSERT INTO tillpaid_rows
       (id, account, state, holder, due_at_ms, fence, opened_at_ms, changed_at_ms, deliveries, names, data)
     VALUES (?, ?, ?, ?, ?, 1, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING RETURNING row`,
    ...[id, account, state, holder, dueAtMs, openedAtMs, nowMs, deliveries, namesText, data],
  );
  if (inserted === undefined) return false;
  addNames(connection, Number(inserted['row']), names);
  return true;
}

export function changeRow(
  connection: Connection,
  { of: { id, fence }, names, values }: ReturnType<typeof preparedChange>,
  nowMs: number,
): boolean {
  const found = connection.get('SELECT row, names FROM tillpaid_rows WHERE id = ? AND fence = ?', id, fence);
  if (found === undefined) return false;
  const row = Number(found['row']);
  const { state, holder, dueAtMs, deliveries, names: namesText, data } = values;
  connection.run(
    `UPDATE tillpaid_rows SET state = ?, holder = ?, due_at_ms = ?, fence = fence + 1, changed_at_ms = ?,
       deliveries = ?, names = ?, data = ? WHERE row = ?`,
    ...[state, holder, dueAtMs, nowMs, deliveries, namesText, data, row],
  );
  if (found['names'] !== namesText) {
    removeNames(connection, found);
    addNames(connection, row, names);
  }
  return true;
}

export function getRow(connection: Connection, id: string, nowMs: number): Row | undefined {
  const found = connection.get(`${select} WHERE r.id = ?`, nowMs, id);
  return found && rowOf(found);
}

export const findRows = (connection: Connection, account: string, names: readonly string[], nowMs: number): Row[] =>
  connection
    .all(
      `${select} WHERE r.account = ? AND r.row IN
         (SELECT n.row FROM tillpaid_names n WHERE n.name IN (SELECT value FROM json_each(?)))`,
      ...[nowMs, account, JSON.stringify(names)],
    )
    .map(rowOf);

const freeWhere = (condition: string): string => `FROM tillpaid_rows r INDEXED BY tillpaid_due
  WHERE r.account IN (SELECT value FROM json_each(?)) AND ${condition} AND NOT ${isHeld}`;

const due = freeWhere('r.due_at_ms <= ?');

/** What was opened later than now, and is due in more than a day, has its time from a clock that was ahead: it is due. */
const takeable = `SELECT r.row, r.opened_at_ms ${due} UNION ALL
  SELECT r.row, r.opened_at_ms ${freeWhere(`r.due_at_ms > ? + ${24 * 60 * 60_000} AND r.opened_at_ms > ?`)}`;

const takeableFor = ({ accounts }: Turn, nowMs: number): Value[] => {
  const served = JSON.stringify(accounts);
  return [served, nowMs, nowMs, served, nowMs, nowMs, nowMs];
};

/** Whether there is anything to take: a look, which waits for nobody. */
export const isAnyDue = (connection: Connection, turn: Turn, nowMs: number): boolean =>
  turn.limit > 0 && connection.get(`${takeable} LIMIT 1`, ...takeableFor(turn, nowMs)) !== undefined;

export function takeRows(connection: Connection, turn: Turn, nowMs: number): Row[] {
  const { holder, limit } = turn;
  const chosen = connection.all(`${takeable} ORDER BY 2 DESC LIMIT ?`, ...[...takeableFor(turn, nowMs), limit]);
  return chosen.flatMap(({ row }) => {
    const number = Number(row);
    connection.run('UPDATE tillpaid_rows SET holder = ?, fence = fence + 1 WHERE row = ?', holder, number);
    const taken = connection.get(`${select} WHERE r.row = ?`, nowMs, number);
    return taken === undefined ? [] : [rowOf(taken)];
  });
}

const DAY_MS = 24 * 60 * 60_000;

export function renewLease(connection: Connection, holder: string, forMs: number, nowMs: number): void {
  connection.run('DELETE FROM tillpaid_holders WHERE until_ms < ?', nowMs - DAY_MS);
  connection.run(
    // None shortens another, unless that was given by a clock that has been set back since.
    `INSERT INTO tillpaid_holders VALUES (?1, ?2 + ?3, ?3)
     ON CONFLICT (holder) DO UPDATE SET until_ms = excluded.until_ms, for_ms = excluded.for_ms
       WHERE until_ms < excluded.until_ms OR until_ms > ?2 + for_ms`,
    ...[holder, nowMs, forMs],
  );
}

export const endLease = (connection: Connection, holder: string): void =>
  void connection.run('DELETE FROM tillpaid_holders WHERE holder = ?', holder);

export function takePermits(
  connection: Connection,
  { account, wanted, perSecond, nowMs }: { account: string; wanted: number; perSecond: number; nowMs: number },
): number {
  const found = connection.get('SELECT tokens, at_ms FROM tillpaid_permits WHERE account = ?', account);
  const bucket = found && { tokens: Number(found['tokens']), atMs: Number(found['at_ms']) };
  const { granted, left } = drawPermits(bucket, { wanted, perSecond, nowMs });
  connection.run(
    `INSERT INTO tillpaid_permits VALUES (?, ?, ?)
     ON CONFLICT (account) DO UPDATE SET tokens = excluded.tokens, at_ms = excluded.at_ms`,
    ...[account, left.tokens, left.atMs],
  );
  return granted;
}

export function listRows(connection: Connection, filter: RowFilter, nowMs: number): Row[] {
  const { state, account, limit = 100, openedBeforeMs } = filter;
  const conditions: readonly (readonly [string, Value | undefined])[] = [
    ['state = ?', state],
    ['account = ?', account],
    ['opened_at_ms < ?', openedBeforeMs],
  ];
  const set = conditions.flatMap(([sql, value]) => (value === undefined ? [] : [{ sql, value }]));
  const where = set.length === 0 ? '' : `WHERE ${set.map(({ sql }) => sql).join(' AND ')}`;
  // Chosen by the index alone: else the data of every row is read for it.
  const chosen = `SELECT row FROM tillpaid_rows INDEXED BY tillpaid_states ${where} ORDER BY opened_at_ms DESC LIMIT ?`;
  return connection
    .all(
      `${select} WHERE r.row IN (${chosen}) ORDER BY r.opened_at_ms DESC`,
      ...[nowMs, ...set.map(({ value }) => value), limit],
    )
    .map(rowOf);
}

export function countRows(connection: Connection, nowMs: number): RowCount[] {
  const counted = connection.all('SELECT account, state, count(*) AS rows FROM tillpaid_rows GROUP BY state, account');
  const overdue = connection.all(
    `SELECT account, state, count(*) AS rows, min(due_at_ms) AS oldest ${due} GROUP BY account, state`,
    ...[JSON.stringify([...new Set(counted.map(({ account }) => account))]), nowMs, nowMs],
  );
  return counted.map(({ account, state, rows }) => {
    const late = overdue.find(each => each['account'] === account && each['state'] === state);
    return {
      ...{ account: String(account), state: state as RowState, rows: Number(rows) },
      overdue: Number(late?.['rows'] ?? 0),
      ...(late !== undefined && { oldestDueAtMs: Number(late['oldest']) }),
    };
  });
}

/** From one account to the next by the index: they are few, and their rows may be many. */
export function countOverdue(connection: Connection, nowMs: number): Overdue[] {
  const next = (more: string): string =>
    `SELECT min(account) FROM tillpaid_rows INDEXED BY tillpaid_due WHERE due_at_ms IS NOT NULL ${more}`;
  const accounts = connection.all(
    `WITH RECURSIVE known (account) AS (
       ${next('')} UNION ALL
       SELECT (${next('AND account > known.account')}) FROM known WHERE known.account IS NOT NULL
     ) SELECT account FROM known WHERE account IS NOT NULL`,
  );
  const overdue = connection.all(
    `SELECT account, count(*) AS rows, min(due_at_ms) AS oldest ${due} GROUP BY account`,
    ...[JSON.stringify(accounts.map(({ account }) => account)), nowMs, nowMs],
  );
  return overdue.map(({ account, rows, oldest }) => ({
    ...{ account: String(account), rows: Number(rows), oldestDueAtMs: Number(oldest) },
  }));
}

/** At most `limit`: a transaction is to be short. @returns how many */
export function purgeRows(connection: Connection, state: RowState, changedBeforeMs: number, limit: number): number {
  const purged = connection.all(
    `DELETE FROM tillpaid_rows WHERE row IN
       (SELECT row FROM tillpaid_rows WHERE state = ? AND changed_at_ms < ? AND deliveries = 0 LIMIT ?)
     RETURNING row, names`,
    ...[state, changedBeforeMs, limit],
  );
  for (const each of purged) removeNames(connection, each);
  return purged.length;
}

function addNames(connection: Connection, row: number, names: readonly string[]): void {
  for (const name of names)
    connection.run('INSERT INTO tillpaid_names VALUES (?, ?) ON CONFLICT DO NOTHING', name, row);
}

function removeNames(connection: Connection, { row, names }: Found): void {
  for (const name of JSON.parse(String(names)) as string[])
    connection.run('DELETE FROM tillpaid_names WHERE name = ? AND row = ?', name, Number(row));
}

const valuesOf = ({
  state,
  holder,
  dueAtMs,
  names,
  data,
}: RowContent): Readonly<Record<'state' | 'names' | 'data', string>> & {
  readonly holder: string | null;
  readonly dueAtMs: number | null;
  readonly deliveries: number;
} => ({
  ...{ state, holder: holder ?? null, dueAtMs: dueAtMs ?? null, deliveries: data.deliveries.length },
  ...{ names: JSON.stringify(names), data: JSON.stringify(data) },
});

const rowOf = (found: Found): Row => ({
  id: String(found['id']),
  account: String(found['account']),
  state: found['state'] as RowState,
  holder: typeof found['holder'] === 'string' ? found['holder'] : undefined,
  dueAtMs: found['due_at_ms'] === null ? undefined : Number(found['due_at_ms']),
  fence: Number(found['fence']),
  isHeld: found['held'] === 1,
  openedAtMs: Number(found['opened_at_ms']),
  changedAtMs: Number(found['changed_at_ms']),
  names: JSON.parse(String(found['names'])) as string[],
  data: JSON.parse(String(found['data'])) as RowData,
});
