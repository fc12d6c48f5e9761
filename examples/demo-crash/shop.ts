import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';
import type { TokenStore } from 'tillpaid';
import { createJournal, type Journal } from 'tillpaid/journal';

/** The shop's own table of orders, and the journal beside it in the same database. */
export interface Shop {
  readonly journal: Journal;
  /** One machine token for all processes, where they share a database: a gateway's new one may end the one before. */
  readonly tokens?: TokenStore;
  /** Writes down how an order ended, in the journal's transaction: both are stored, or neither. */
  settle(db: unknown, number: string, outcome: string): Promise<void>;
  /** The orders that have ended, each with its outcome. */
  ends(): Promise<ReadonlyMap<string, string>>;
  close(): Promise<void>;
}

/** How long others wait for a process that is gone: short, as everything here. */
const LEASE_MS = 3000;

const CREATE = 'CREATE TABLE IF NOT EXISTS orders (number TEXT PRIMARY KEY, outcome TEXT NOT NULL)';
const UPSERT = 'ON CONFLICT (number) DO UPDATE SET outcome = excluded.outcome';
/** `created` is the end of a request: its payer has still to act. */
const SELECT = "SELECT number, outcome FROM orders WHERE outcome <> 'created'";

/** @param place a file, or the URL of a database */
export function openShop(place: string): Promise<Shop> {
  return place.startsWith('postgres:') ? shopInPostgres(place) : shopInSqlite(place);
}

async function shopInSqlite(file: string): Promise<Shop> {
  const { sqliteJournal } = await import('tillpaid/journal/sqlite');
  const journal = createJournal(sqliteJournal(file).store, { leaseMs: LEASE_MS });
  const orders = new DatabaseSync(file, { timeout: 5000 });
  orders.exec(CREATE);
  return {
    journal,
    settle(db, number, outcome) {
      if (!(db instanceof DatabaseSync)) throw new Error('This is no transaction of the journal.');
      db.prepare(`INSERT INTO orders VALUES (?, ?) ${UPSERT}`).run(number, outcome);
      return Promise.resolve();
    },
    ends() {
      const rows = orders.prepare(SELECT).all();
      return Promise.resolve(new Map(rows.map(({ number, outcome }) => [String(number), String(outcome)])));
    },
    async close() {
      orders.close();
      await journal.store.close();
    },
  };
}

async function shopInPostgres(url: string): Promise<Shop> {
  const { postgresJournal, postgresTokenStore } = await import('tillpaid/journal/postgres');
  const pool = new pg.Pool({ connectionString: url, options: '-c jit=off' });
  const journal = createJournal(postgresJournal(pool).store, { leaseMs: LEASE_MS });
  // Processes that make it at the same time may be in each other's way.
  await pool.query(CREATE).catch(() => pool.query(CREATE));
  return {
    journal,
    tokens: postgresTokenStore(pool, { key: new TextEncoder().encode('demo'.repeat(8)) }),
    async settle(db, number, outcome) {
      if (!isTransaction(db)) throw new Error('This is no transaction of the journal.');
      await db.executeSql(`INSERT INTO orders VALUES ($1, $2) ${UPSERT}`, [number, outcome]);
    },
    async ends() {
      const { rows } = await pool.query<{ number: string; outcome: string }>(SELECT);
      return new Map(rows.map(({ number, outcome }) => [number, outcome]));
    },
    async close() {
      await journal.store.close();
      await pool.end();
    },
  };
}

interface Transaction {
  executeSql(text: string, values: unknown[]): Promise<unknown>;
}

const isTransaction = (db: unknown): db is Transaction => typeof db === 'object' && db !== null && 'executeSql' in db;

/** A database that is made for the demo, and gone after it. */
export async function openDatabase(
  isFleet: boolean,
): Promise<{ readonly name: string; readonly place: string; readonly close: () => Promise<void> }> {
  if (isFleet) {
    const { startPostgres } = await import('../../test/testing/postgres.ts');
    const server = await startPostgres({ durable: true });
    return { name: 'PostgreSQL', place: server.url, close: () => server.stop() };
  }
  const folder = mkdtempSync(join(tmpdir(), 'tillpaid-demo-'));
  return {
    name: 'SQLite',
    place: join(folder, 'payments.db'),
    close: () => Promise.resolve(rmSync(folder, { recursive: true, force: true })),
  };
}
