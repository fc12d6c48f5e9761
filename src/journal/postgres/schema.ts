import { newSecret } from '../../clock.ts';
import { fromBase64, toBase64 } from '../../kit/bytes.ts';
import type { Database, PostgresTransaction } from './database.ts';

/** Of the tables below. */
const VERSION = 1;

/**
 * Times are milliseconds since the epoch. `uid` is made of the id, and is what the row's job is called; `job` says that
 * there is one.
 */
const tables = (schema: string): string => `
  CREATE SCHEMA IF NOT EXISTS ${schema};
  CREATE FUNCTION ${schema}.now_ms() RETURNS double precision LANGUAGE sql STABLE
    AS 'SELECT round(extract(epoch FROM now()) * 1000)::double precision';
  CREATE TABLE ${schema}.meta (name text PRIMARY KEY, value text NOT NULL);
  CREATE TABLE ${schema}.rows (
    uid uuid PRIMARY KEY,
    id text COLLATE "C" NOT NULL,
    account text COLLATE "C" NOT NULL,
    state text NOT NULL,
    fence integer NOT NULL,
    holder text COLLATE "C",
    due_at_ms double precision,
    opened_at_ms double precision NOT NULL,
    changed_at_ms double precision NOT NULL,
    names text[] NOT NULL,
    undelivered boolean NOT NULL,
    job boolean NOT NULL,
    data json NOT NULL
  ) WITH (autovacuum_vacuum_scale_factor = 0.05);
  CREATE INDEX rows_due ON ${schema}.rows (hashtextextended(account, 0), due_at_ms)
    WHERE due_at_ms IS NOT NULL AND holder IS NULL;
  CREATE INDEX rows_jobless ON ${schema}.rows (hashtextextended(account, 0), due_at_ms)
    WHERE due_at_ms IS NOT NULL AND holder IS NULL AND NOT job;
  CREATE INDEX rows_held ON ${schema}.rows (holder) WHERE holder IS NOT NULL;
  CREATE INDEX rows_listed ON ${schema}.rows (state, opened_at_ms) INCLUDE (account);
  CREATE TABLE ${schema}.names (hash bigint, uid uuid, PRIMARY KEY (hash, uid));
  CREATE TABLE ${schema}.holders (holder text COLLATE "C" PRIMARY KEY, until_ms double precision NOT NULL);
  CREATE TABLE ${schema}.buckets (
    account text COLLATE "C" PRIMARY KEY,
    tokens double precision NOT NULL,
    at_ms double precision NOT NULL,
    granted integer NOT NULL
  ) WITH (fillfactor = 20);
  CREATE TABLE ${schema}.tokens (
    key text COLLATE "C" PRIMARY KEY,
    sealed text NOT NULL,
    expires_at_ms double precision NOT NULL
  );
`;

/**
 * Makes the tables where there are none, once, however many processes begin at the same time.
 *
 * @throws {Error} for tables of a newer release
 */
export async function openSchema(database: Database): Promise<void> {
  const { schema } = database;
  if ((await versionIn(database)) !== undefined) return;
  await database.transaction(async db => {
    await database.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`tillpaid ${schema}`], db);
    if ((await versionIn(database, db)) !== undefined) return;
    await database.query(tables(schema), undefined, db);
    await database.query(
      `INSERT INTO ${schema}.meta (name, value) VALUES ('version', $1), ('salt', $2)`,
      [`${VERSION}`, toBase64(newSecret())],
      db,
    );
  });
}

/** Asked in the caller's transaction, if he has one. @throws {Error} for tables of a newer release */
export async function isSchemaThere(database: Database, db?: PostgresTransaction): Promise<boolean> {
  return (await versionIn(database, db)) !== undefined;
}

async function versionIn(database: Database, db?: PostgresTransaction): Promise<number | undefined> {
  const { name, schema } = database;
  // Of the catalogue's rows: what to_regclass remembers may be older than what another process has just made.
  const found = await database.query(
    "SELECT FROM pg_catalog.pg_tables WHERE schemaname = $1 AND tablename = 'meta'",
    [schema],
    db,
  );
  if (found.length === 0) return undefined;
  const [row] = await database.query(`SELECT value FROM ${schema}.meta WHERE name = 'version'`, [], db);
  const version = Number(row?.['value']);
  if (version > VERSION)
    throw new Error(
      `${name}: schema ${schema} was made by a newer release of tillpaid (version ${version}, here ${VERSION}). Update this process before it goes on.`,
    );
  return version;
}

export async function saltIn(database: Database, db?: PostgresTransaction): Promise<Uint8Array> {
  const [row] = await database.query(`SELECT value FROM ${database.schema}.meta WHERE name = 'salt'`, [], db);
  const salt = fromBase64(String(row?.['value']));
  if (salt?.length !== 32) throw new Error(`${database.name}: schema ${database.schema} has lost its salt.`);
  return salt;
}
