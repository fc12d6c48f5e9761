import { statSync } from 'node:fs';
import { InputError } from '../core/errors.ts';
import type { Journal } from '../journal/index.ts';
import { variableOf } from './credentials.ts';
import type { Console } from './output.ts';

export const WHERE = 'a SQLite file, or env:NAME, an environment variable with a PostgreSQL URL';

export interface SourceOptions {
  readonly schema?: string;
  readonly pooler?: boolean;
}

export interface OpenJournal {
  readonly journal: Journal;
  readonly close: () => Promise<void>;
}

/** Longer than any look at a table takes. */
const QUERY_TIMEOUT_MS = 30_000;

/**
 * The journal that was named. It is never made: one that is not there is a wrong name.
 *
 * @param readOnly it is only looked at, and whoever works on it is not held up
 * @throws {InputError} for one that is not there, and where something must be installed
 */
export async function openJournal(
  named: string,
  options: SourceOptions,
  readOnly: boolean,
  terminal: Console,
): Promise<OpenJournal> {
  if (/^postgres(?:ql)?:/i.test(named))
    throw new InputError(
      'The command line can be read by every process of this machine, and the URL holds a password: put it into an ' +
        'environment variable, and name that: env:DATABASE_URL.',
    );
  if (named.startsWith('env:')) return inPostgres(variableOf(named.slice(4), terminal.env), options, readOnly);
  if (options.schema !== undefined || options.pooler === true)
    throw new InputError('--schema and --pooler are for PostgreSQL: name the journal as env:DATABASE_URL.');
  return inSqlite(named, readOnly);
}

async function inSqlite(path: string, readOnly: boolean): Promise<OpenJournal> {
  if (statSync(path, { throwIfNoEntry: false }) === undefined)
    throw new InputError(`There is no file ${JSON.stringify(path)}. A journal is named by ${WHERE}.`);
  const { sqliteJournal } = await import('../journal/sqlite.ts');
  if (!readOnly) await sqliteJournal(path, { readOnly: true }).close();
  const journal = sqliteJournal(path, { readOnly });
  return { journal, close: () => journal.close() };
}

async function inPostgres(
  url: string,
  { schema, pooler = false }: SourceOptions,
  readOnly: boolean,
): Promise<OpenJournal> {
  const { default: pg } = await import('pg').catch((cause: unknown) => {
    throw new InputError('A journal in PostgreSQL needs the package pg: npm install pg, beside tillpaid.', { cause });
  });
  if (!URL.canParse(url)) throw new InputError('The environment variable holds no URL: postgres://user@host/database.');
  const { postgresJournal } = await import('../journal/postgres.ts');
  const session = ['-c jit=off', ...(readOnly ? ['-c default_transaction_read_only=on'] : [])];
  const pool = new pg.Pool({
    ...{ connectionString: url, max: 3, connectionTimeoutMillis: 5000, query_timeout: QUERY_TIMEOUT_MS },
    ...(!pooler && { options: session.join(' ') }),
  });
  const of = { ...(schema !== undefined && { schema }), prepare: !pooler };
  const close = async (...journals: readonly Journal[]): Promise<void> => {
    for (const each of journals) await each.close();
    await pool.end();
  };
  try {
    const looking = postgresJournal(pool, { ...of, readOnly: true });
    // It is there, before anything may be made beside it.
    await looking.counts();
    const journal = readOnly ? looking : postgresJournal(pool, of);
    return { journal, close: () => close(journal) };
  } catch (error) {
    await pool.end();
    throw error;
  }
}
