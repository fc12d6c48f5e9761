import { DatabaseSync } from 'node:sqlite';
import pLimit from 'p-limit';
import type { Pool } from 'pg';
import type { Trap } from './points.ts';

/** A delivery, as the shop's own table has it. */
export interface BookedDelivery {
  readonly deliveryId: string;
  readonly order: string;
  readonly outcome: string;
  readonly code: string;
  /** In a transaction of the shop's own, or in the journal's. */
  readonly books: 'own' | 'journal';
  readonly process: string;
  readonly atMs: number;
}

/** The shop's own table. A delivery that came twice is in it twice: it is the judge who looks. */
export interface Books {
  /** In a transaction of its own, with the points before and after its commit. */
  book(delivery: BookedDelivery, trap: Trap): Promise<void>;
  /** In the journal's transaction. */
  bookWith(db: unknown, delivery: BookedDelivery): Promise<void>;
  all(): Promise<BookedDelivery[]>;
  close(): Promise<void>;
}

const COLUMNS = '"deliveryId", "order", outcome, code, books, process, "atMs"';
const CREATE = `CREATE TABLE IF NOT EXISTS booked ("deliveryId" TEXT, "order" TEXT, outcome TEXT, code TEXT, books TEXT, process TEXT, "atMs" BIGINT)`;

const valuesOf = ({ deliveryId, order, outcome, code, books, process, atMs }: BookedDelivery): (string | number)[] => [
  ...[deliveryId, order, outcome, code, books, process],
  atMs,
];

/** @param file of the shop's own @param journalFile where the same table is for deliveries in the journal's transaction */
export function booksInSqlite(file: string, journalFile: string): Books {
  const open = (name: string): DatabaseSync => {
    const db = new DatabaseSync(name, { timeout: 10_000 });
    db.exec('PRAGMA journal_mode = WAL');
    db.exec(CREATE);
    return db;
  };
  const [own, beside] = [open(file), open(journalFile)];
  const oneByOne = pLimit(1);
  const insert = `INSERT INTO booked (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)`;
  return {
    book: (delivery, trap) =>
      oneByOne(async () => {
        own.exec('BEGIN IMMEDIATE');
        own.prepare(insert).run(...valuesOf(delivery));
        await trap('before-commit');
        own.exec('COMMIT');
        await trap('after-commit');
      }),
    bookWith(db, delivery) {
      (db as DatabaseSync).prepare(insert).run(...valuesOf(delivery));
      return Promise.resolve();
    },
    all: () =>
      Promise.resolve(
        [own, beside].flatMap(db => db.prepare(`SELECT ${COLUMNS} FROM booked`).all() as unknown as BookedDelivery[]),
      ),
    close() {
      own.close();
      beside.close();
      return Promise.resolve();
    },
  };
}

/** What the journal's transaction is, for who writes in it. */
interface Transaction {
  executeSql(text: string, values: unknown[]): Promise<unknown>;
}

/** Once, before anybody books. */
export async function makeBooks(pool: Pool): Promise<void> {
  // Two at once would both find no table there.
  await pool.query(`BEGIN; SELECT pg_advisory_xact_lock(7461); ${CREATE}; COMMIT`);
}

export function booksInPostgres(pool: Pool): Books {
  const insert = `INSERT INTO booked (${COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7)`;
  return {
    async book(delivery, trap) {
      const client = await pool.connect();
      try {
        await client.query('BEGIN');
        await client.query(insert, valuesOf(delivery));
        await trap('before-commit');
        await client.query('COMMIT');
      } catch (error) {
        await client.query('ROLLBACK').catch(() => undefined);
        throw error;
      } finally {
        client.release();
      }
      await trap('after-commit');
    },
    async bookWith(db, delivery) {
      await (db as Transaction).executeSql(insert, valuesOf(delivery));
    },
    async all() {
      const { rows } = await pool.query<Omit<BookedDelivery, 'atMs'> & { readonly atMs: string }>(
        `SELECT ${COLUMNS} FROM booked`,
      );
      return rows.map(row => ({ ...row, atMs: Number(row.atMs) }));
    },
    close: () => Promise.resolve(),
  };
}
