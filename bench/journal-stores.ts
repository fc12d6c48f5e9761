import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { DatabaseSync, StatementSync } from 'node:sqlite';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { memoryJournal, type Journal, type Row } from 'tillpaid/journal';
import { postgresJournal, type PostgresPool } from 'tillpaid/journal/postgres';
import { sqliteJournal } from 'tillpaid/journal/sqlite';
import { startPostgres } from '../test/testing/postgres.ts';
import { TEMPLATE } from './journal-shop.ts';

/** A journal that counts what it asks of its database. */
export interface Store {
  readonly name: string;
  /** The file, or the URL of the database, for another process to open. */
  readonly address: string;
  readonly journal: Journal;
  /** Statements so far, and how long the database was at work on them. `undefined`: it has none. */
  readonly cost: () => Promise<{ readonly statements: number; readonly databaseMs: number } | undefined>;
  /** Rows like this one, each under a number of its own, due one a millisecond: until there are so many. */
  readonly fill: (row: Row, rows: number, dueAtMs: number) => Promise<void>;
  /** Of all tables, with their indexes. */
  readonly bytes: () => Promise<number>;
  readonly end: () => Promise<void>;
}

export type OpenStore = () => Promise<Store>;

export const openMemory: OpenStore = () =>
  Promise.resolve({
    ...{ name: 'memory', address: '', journal: memoryJournal(), cost: () => Promise.resolve(undefined) },
    ...{ fill: () => Promise.resolve(), bytes: () => Promise.resolve(0), end: () => Promise.resolve() },
  });

/** What SQLite was asked, once that is counted. */
export const asked: { statements: number; databaseMs: number } = { statements: 0, databaseMs: 0 };

/** Every statement of this process, from now on. */
export function countStatements(): void {
  for (const [prototype, names] of [
    [StatementSync.prototype, ['run', 'get', 'all']],
    [DatabaseSync.prototype, ['exec']],
  ] as const)
    for (const name of names) {
      const original = Reflect.get(prototype, name) as (...values: unknown[]) => unknown;
      const counted = function (this: unknown, ...values: unknown[]): unknown {
        const startedMs = performance.now();
        try {
          return original.apply(this, values);
        } finally {
          asked.statements++;
          asked.databaseMs += performance.now() - startedMs;
        }
      };
      Reflect.set(prototype, name, counted);
    }
}

let isCounting = false;

export const openSqlite =
  (synchronous: 'FULL' | 'NORMAL'): OpenStore =>
  () => {
    if (!isCounting) countStatements();
    isCounting = true;
    const directory = mkdtempSync(join(tmpdir(), 'tillpaid-bench-'));
    const path = join(directory, 'payments.db');
    const journal = sqliteJournal(path, { synchronous });
    const other = new DatabaseSync(path);
    let filled = 0;
    return Promise.resolve({
      ...{ name: `SQLite, ${synchronous}`, address: path, journal },
      cost: () => Promise.resolve({ ...asked }),
      async fill(row, rows, dueAtMs) {
        if (filled === 0) await journal.store.insert({ ...row, holder: undefined, dueAtMs });
        const first = Math.max(1, filled);
        const replaced = (column: string): string => `replace(${column}, '${TEMPLATE}', number)`;
        other.exec(`
          INSERT INTO tillpaid_rows
            (id, account, state, due_at_ms, fence, opened_at_ms, changed_at_ms, deliveries, names, data)
          WITH RECURSIVE numbers (i, number) AS (
            SELECT ${first}, printf('ORDER-%08d', ${first})
            UNION ALL SELECT i + 1, printf('ORDER-%08d', i + 1) FROM numbers WHERE i < ${rows - 1}
          )
          SELECT ${replaced('id')}, account, state, ${dueAtMs} + i, 1, opened_at_ms + i, changed_at_ms, deliveries,
            ${replaced('names')}, ${replaced('data')}
          FROM numbers, tillpaid_rows WHERE row = 1;
          INSERT OR IGNORE INTO tillpaid_names SELECT value, row FROM tillpaid_rows, json_each(names) WHERE row > ${first};
        `);
        filled = rows;
      },
      bytes() {
        other.exec('PRAGMA wal_checkpoint(TRUNCATE)');
        return Promise.resolve(statSync(path).size);
      },
      async end() {
        other.close();
        await journal.store.close();
        rmSync(directory, { recursive: true });
      },
    } satisfies Store);
  };

/** What this process asks through it is counted. */
export function counted(pool: pg.Pool, count: () => void): PostgresPool {
  return {
    query: (text, values) => {
      count();
      return pool.query(text, values);
    },
    async connect() {
      const client = await pool.connect();
      return {
        query: (text, values) => {
          count();
          return client.query(text, values);
        },
        release: destroy => client.release(destroy),
      };
    },
  };
}

/** One server for all tables, as its own `initdb` sets it up: every commit waits for the disk. */
export interface Postgres {
  readonly settings: string;
  /** A pool of so many connections, in a database of its own. */
  readonly database: (connections: number) => Promise<PostgresDatabase>;
  readonly stop: () => Promise<void>;
}

export interface PostgresDatabase {
  readonly address: string;
  readonly pool: pg.Pool;
  readonly counted: PostgresPool;
  readonly cost: () => Promise<{ statements: number; databaseMs: number }>;
  readonly end: () => Promise<void>;
}

export async function openPostgres(): Promise<Postgres> {
  const server = await startPostgres({ durable: true, settings: ['shared_preload_libraries=pg_stat_statements'] });
  const main = new pg.Client(server.url);
  await main.connect();
  await main.query('CREATE EXTENSION pg_stat_statements');
  const { rows } = await main.query<{ name: string; setting: string }>(
    "SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit', 'full_page_writes', 'shared_buffers', 'server_version')",
  );
  let databases = 0;
  return {
    settings: rows.map(({ name, setting }) => `${name} ${setting}`).join(', '),
    async database(connections) {
      const name = `bench_${++databases}`;
      await main.query(`CREATE DATABASE ${name}`);
      const connectionString = server.url.replace(/\/postgres$/, `/${name}`);
      const pool = new pg.Pool({ connectionString, max: connections, options: '-c jit=off' });
      // The database is dropped under its connections.
      pool.on('error', () => undefined);
      let statements = 0;
      return {
        address: connectionString,
        pool,
        counted: counted(pool, () => {
          statements++;
        }),
        async cost() {
          const { rows: found } = await main.query<{ ms: number }>(
            'SELECT sum(total_exec_time) AS ms FROM pg_stat_statements WHERE dbid = (SELECT oid FROM pg_database WHERE datname = $1)',
            [name],
          );
          return { statements, databaseMs: found[0]?.ms ?? 0 };
        },
        async end() {
          await pool.end();
          await main.query(`DROP DATABASE ${name} WITH (FORCE)`);
        },
      };
    },
    async stop() {
      await main.end();
      await server.stop();
    },
  };
}

export const openPostgresStore =
  (postgres: Postgres): OpenStore =>
  async () => {
    const { address, pool, counted: journalPool, cost, end } = await postgres.database(16);
    const journal = postgresJournal(journalPool);
    let filled = 0;
    return {
      ...{ name: 'PostgreSQL, 16 connections', address, journal, cost },
      async fill(row, rows, dueAtMs) {
        // The first makes tables and a job, which the others are made from.
        if (filled === 0) await journal.store.insert({ ...row, holder: undefined, dueAtMs });
        await fillFrom(pool, row.id, { first: Math.max(1, filled), rows, dueAtMs });
        filled = rows;
      },
      async bytes() {
        const { rows } = await pool.query<{ bytes: string }>(
          "SELECT sum(pg_total_relation_size(oid)) AS bytes FROM pg_class WHERE relkind = 'r' AND relnamespace::regnamespace::text LIKE 'tillpaid%'",
        );
        return Number(rows[0]?.bytes);
      },
      async end() {
        await journal.store.close();
        await end();
      },
    };
  };

async function fillFrom(
  pool: pg.Pool,
  template: string,
  { first, rows, dueAtMs }: { first: number; rows: number; dueAtMs: number },
): Promise<void> {
  const replaced = (column: string): string => `replace(${column}, '${TEMPLATE}', number)`;
  const made = `tillpaid.rows r JOIN numbered USING (uid)`;
  await pool.query(`
    CREATE TEMP TABLE numbered AS
    SELECT i, number,
      encode(substring(sha256(convert_to(${replaced('id')}, 'UTF8')) FOR 16), 'hex')::uuid AS uid
    FROM (SELECT i, 'ORDER-' || lpad(i::text, 8, '0') AS number FROM generate_series(${first}, ${rows - 1}) i) n,
      tillpaid.rows
    WHERE id = '${template}';
    INSERT INTO tillpaid.rows
      (uid, id, account, state, fence, due_at_ms, opened_at_ms, changed_at_ms, names, undelivered, job, data)
    SELECT n.uid, ${replaced('id')}, account, state, 1, ${dueAtMs} + i, opened_at_ms + i, changed_at_ms,
      ARRAY(SELECT ${replaced('name')} FROM unnest(names) name), undelivered, true, ${replaced('data::text')}::json
    FROM numbered n, tillpaid.rows WHERE id = '${template}';
    INSERT INTO tillpaid.names SELECT hashtextextended(name, 0), uid FROM ${made}, unnest(names) name;
    INSERT INTO tillpaid_boss.job
    SELECT cloned.* FROM tillpaid_boss.job template, ${made}, LATERAL jsonb_populate_record(template,
        jsonb_build_object('id', r.uid, 'start_after', to_timestamp(r.due_at_ms / 1000))) cloned
      WHERE template.id = (SELECT uid FROM tillpaid.rows WHERE id = '${template}');
    DROP TABLE numbered`);
  await pool.query('VACUUM ANALYZE');
}
