import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { Journal } from '../../src/journal/journal.ts';
import type { Row } from '../../src/journal/store.ts';
import { booksInPostgres, booksInSqlite, makeBooks, type BookedDelivery, type Books } from './books.ts';

/** Where a journal is, and the shop's own books: plain JSON, for the processes that work there. */
export type Place =
  | { readonly kind: 'sqlite'; readonly file: string; readonly booksFile: string }
  | { readonly kind: 'postgres'; readonly url: string };

/** The same, open in one process. */
export interface OpenPlace {
  readonly journal: Journal;
  readonly books: Books;
  close(): Promise<void>;
}

export async function openPlace(place: Place): Promise<OpenPlace> {
  if (place.kind === 'sqlite') {
    const { sqliteJournal } = await import('../../src/journal/sqlite.ts');
    const journal = sqliteJournal(place.file);
    const books = booksInSqlite(place.booksFile, place.file);
    return {
      journal,
      books,
      async close() {
        await journal.store.close();
        await books.close();
      },
    };
  }
  const { postgresJournal } = await import('../../src/journal/postgres.ts');
  const pool = new pg.Pool({ connectionString: place.url, options: '-c jit=off' });
  // A connection that ends while nobody uses it.
  pool.on('error', () => undefined);
  const journal = postgresJournal(pool);
  return {
    journal,
    books: booksInPostgres(pool),
    async close() {
      await journal.store.close();
      await pool.end();
    },
  };
}

/** A place that was made for one run, as who judges sees it. */
export interface Premises {
  readonly place: Place;
  rows(): Promise<readonly Row[]>;
  deliveries(): Promise<readonly BookedDelivery[]>;
  /** All that the journal has written, byte by byte. */
  bytes(): Promise<readonly Buffer[]>;
  /** Restarts the database while everybody works; where it is a server. */
  restart?(): Promise<void>;
  close(): Promise<void>;
}

const ALL = 1_000_000;

export async function sqlitePremises(): Promise<Premises> {
  const folder = mkdtempSync(join(tmpdir(), 'tillpaid-crash-'));
  const place: Place = { kind: 'sqlite', file: join(folder, 'journal.db'), booksFile: join(folder, 'books.db') };
  const opened = await openPlace(place);
  const { journal, books } = opened;
  return {
    place,
    rows: () => journal.store.list({ limit: ALL }),
    deliveries: () => books.all(),
    bytes: () =>
      Promise.resolve(
        readdirSync(folder)
          .filter(name => name.startsWith('journal.db'))
          .map(name => readFileSync(join(folder, name))),
      ),
    async close() {
      await opened.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** @param restart of the server that `url` is of */
export async function postgresPremises(url: string, restart?: () => Promise<void>): Promise<Premises> {
  const place: Place = { kind: 'postgres', url };
  const pool = new pg.Pool({ connectionString: url });
  await makeBooks(pool).finally(() => pool.end());
  const opened = await openPlace(place);
  const { journal, books } = opened;
  return {
    place,
    rows: () => journal.store.list({ limit: ALL }),
    deliveries: () => books.all(),
    bytes: () => dump(url),
    ...(restart !== undefined && { restart }),
    close: () => opened.close(),
  };
}

/** Every row of every table, as text. */
async function dump(url: string): Promise<Buffer[]> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    const tables = await client.query<{ name: string }>(
      `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
       WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
    );
    const texts: Buffer[] = [];
    for (const { name } of tables.rows) {
      const { rows } = await client.query<{ line: string }>(`SELECT t::text AS line FROM ${name} t`);
      texts.push(Buffer.from(rows.map(({ line }) => line).join('\n')));
    }
    return texts;
  } finally {
    await client.end();
  }
}
