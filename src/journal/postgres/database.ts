import { InputError } from '../../core/errors.ts';

/** What is used of a `pg.Pool`, or of anything like it. It stays the user's: nothing here ends it. */
export interface PostgresPool {
  readonly options?: { readonly max?: number };
  query(query: string | PostgresQuery, values?: unknown[]): Promise<{ rows: unknown[] }>;
  connect(): Promise<PostgresClient>;
  on?(event: 'error', listener: (error: Error) => void): unknown;
  on?(event: 'connect', listener: (client: PostgresClient) => void): unknown;
}

export interface PostgresClient {
  query(query: string | PostgresQuery, values?: unknown[]): Promise<{ rows: unknown[] }>;
  release(destroy?: boolean): void;
  on?(event: 'error', listener: (error: Error) => void): unknown;
  removeListener?(event: 'error', listener: (error: Error) => void): unknown;
}

/** A statement that is planned once for each connection, by its name. */
export interface PostgresQuery {
  readonly name: string;
  readonly text: string;
  readonly values: unknown[];
}

/**
 * Somebody's transaction, in pg-boss's shape: its `fromDrizzle`, `fromKysely`, `fromKnex` and `fromPrisma` make one of
 * theirs. With `pg` itself: `{ executeSql: (text, values) => client.query(text, values) }`.
 */
export interface PostgresTransaction {
  executeSql(text: string, values?: unknown[]): Promise<{ rows: unknown[] }>;
}

/** A transaction of the journal's own. */
export interface OwnTransaction extends PostgresTransaction {
  readonly client: PostgresClient;
}

/** The user's database, which explains what goes wrong in it. */
export interface Database {
  readonly name: string;
  readonly schema: string;
  /** As the pool has it, with the errors as they are. */
  readonly raw: PostgresTransaction;
  readonly query: (text: string, values?: unknown[], db?: PostgresTransaction) => Promise<Record<string, unknown>[]>;
  /** Runs it in a transaction. What `work` rejects with undoes it, and is passed on as it is. */
  readonly transaction: <T>(work: (db: OwnTransaction) => Promise<T>) => Promise<T>;
  /** Whether it is one of these. */
  readonly isOwn: (db: PostgresTransaction) => boolean;
  /** @throws {Error} that says whose error it was, and what to do */
  readonly explain: <T>(asked: Promise<T>) => Promise<T>;
}

export interface DatabaseOptions {
  /** For messages: whose database it is. */
  readonly name: string;
  readonly schema: string;
  readonly prepare: boolean;
}

/** @throws {InputError} for what is no pool, and for a schema with anything but small letters, digits and `_` */
export function openDatabase(pool: PostgresPool, { name, schema, prepare }: DatabaseOptions): Database {
  if (['query', 'connect'].some(method => typeof (Object(pool) as Record<string, unknown>)[method] !== 'function'))
    throw new InputError(`${name}: the pool must be a pg.Pool: new pg.Pool({ connectionString }).`);
  if (!/^[a-z_][a-z0-9_]{0,39}$/.test(schema))
    throw new InputError(`${name}: schema must be small letters, digits and _, 40 at most.`);
  hearEnds(pool);

  const explain = async <T>(asked: Promise<T>): Promise<T> => {
    try {
      return await asked;
    } catch (error) {
      if (error instanceof InputError) throw error;
      throw new Error(
        `${name}, schema ${schema}: ${wordsOf(error)}. Nothing is known of what was asked of the database: see that it can be reached, and ask again.`,
        { cause: error },
      );
    }
  };
  const own = new WeakMap<PostgresTransaction, PostgresClient>();
  const raw: PostgresTransaction = { executeSql: (text, values) => pool.query(text, values) };
  const ask = async (text: string, values?: unknown[], db?: PostgresTransaction): Promise<unknown[]> => {
    const client = db === undefined ? pool : own.get(db);
    if (db !== undefined && client === undefined) return (await db.executeSql(text, values)).rows;
    const isPrepared = prepare && values !== undefined;
    const { rows } = await (client ?? pool).query(isPrepared ? { name: nameOf(text), text, values } : text, values);
    return rows;
  };
  return {
    ...{ name, schema, raw, explain },
    query: async (text, values, db) => (await explain(ask(text, values, db))) as Record<string, unknown>[],
    async transaction(work) {
      const client = await explain(pool.connect());
      const db: OwnTransaction = {
        client,
        async executeSql(text, values) {
          if (!own.has(db)) throw overFor(name);
          if (ending.test(text))
            throw new InputError(`${name}: a handler must not end its transaction. Let it write only.`);
          return client.query(text, values);
        },
      };
      return inTransaction(client, explain, async () => {
        own.set(db, client);
        return work(db).finally(() => own.delete(db));
      });
    },
    isOwn: db => own.has(db),
  };
}

/** @throws {InputError} for what is not of the shape */
export function transactionOf(db: unknown, name: string): PostgresTransaction | undefined {
  if (db === undefined) return undefined;
  if (typeof (Object(db) as Partial<PostgresTransaction>).executeSql !== 'function')
    throw new InputError(`${name}: db must have executeSql(text, values), which runs in your transaction.`);
  return db as PostgresTransaction;
}

/** What ends a transaction; `ROLLBACK TO` a savepoint does not. */
const ending = /^\s*(?:commit|end|abort|prepare\s+transaction|rollback(?!\s+(?:(?:work|transaction)\s+)?to\b))\b/i;

const overFor = (name: string): InputError =>
  new InputError(
    `${name}: the transaction of this db has ended: its handler has ended, failed, or took too long. Write before, and ` +
      'wait for it.',
  );

async function inTransaction<T>(
  client: PostgresClient,
  explain: Database['explain'],
  work: () => Promise<T>,
): Promise<T> {
  client.on?.('error', ignore);
  let isBroken = true;
  try {
    await explain(client.query('BEGIN ISOLATION LEVEL READ COMMITTED'));
    const result = await work();
    await explain(client.query('COMMIT'));
    isBroken = false;
    return result;
  } catch (error) {
    isBroken = await client.query('ROLLBACK').then(
      () => false,
      () => true,
    );
    throw error;
  } finally {
    client.removeListener?.('error', ignore);
    client.release(isBroken);
  }
}

/**
 * A server that restarts ends connections, which then say so; unheard, that ends the process. Whoever uses one is told
 * by what he asks. A new connection may end in the very moment that it is handed out: it is heard before.
 */
function hearEnds(pool: PostgresPool): void {
  if (heard.has(pool)) return;
  heard.add(pool);
  pool.on?.('error', ignore);
  pool.on?.('connect', client => client.on?.('error', ignore));
}

/** Planning one of ours takes longer than running it. There are few: no value is in a text. */
const nameOf = (text: string): string => {
  const known = names.get(text);
  if (known !== undefined) return known;
  const name = `tillpaid_${names.size}`;
  names.set(text, name);
  return name;
};

const names = new Map<string, string>();
const heard = new WeakSet<PostgresPool>();
const ignore = (): void => undefined;

/** Node's error for several addresses that were tried has no message. */
function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.message !== '') return error.message.replace(/\.$/, '');
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}
