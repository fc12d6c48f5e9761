import { soon, systemClock, type Clock } from '../clock.ts';
import { aClock, aFlag, checkOptions, elsewhere } from '../core/check-options.ts';
import { InputError } from '../core/errors.ts';
import { createJournal, type Journal } from './journal.ts';
import {
  busyFor,
  Connection,
  inWords,
  isBusy,
  journalFile,
  type Database,
  type JournalFile,
} from './sqlite/connection.ts';
import { beginHandle, endedEarly, type Handle } from './sqlite/handle.ts';
import {
  changeRow,
  countOverdue,
  countRows,
  endLease,
  findRows,
  getRow,
  insertRow,
  isAnyDue,
  listRows,
  preparedChange,
  preparedRow,
  prepareTables,
  purgeRows,
  renewLease,
  saltIn,
  saltThere,
  takePermits,
  takeRows,
} from './sqlite/rows.ts';
import { readOnlyStore } from './read-only.ts';
import type { JournalStore } from './store.ts';
import { Turns } from './sqlite/turns.ts';

export interface SqliteJournalOptions {
  /**
   * `FULL`: what is stored survives the machine's end too. `NORMAL`: it survives the process, and the last moments may be
   * lost with the machine; several times as quick. Default `FULL`.
   */
  readonly synchronous?: 'FULL' | 'NORMAL';
  /** By which leases and due times are judged. Default: the machine's. */
  readonly clock?: Clock;
  /** How long a write waits for another process, or for an open transaction. Default 5,000 milliseconds. */
  readonly busyTimeoutMs?: number;
  /** See `JournalOptions`. Milliseconds, default 30,000. */
  readonly leaseMs?: number;
  /**
   * Only to look at: the file must be a journal already, nothing in it changes, and what would change it rejects, so
   * that a gateway with it sends nothing. Whoever works on the file meanwhile is not held up. Default `false`.
   */
  readonly readOnly?: boolean;
}

/**
 * A journal in a SQLite file, by `node:sqlite`: for one machine, and as many processes on it as there are. The file is
 * made when there is none, readable by its owner alone; it may hold your own tables too.
 *
 * `db`, where a gateway takes one, is your own `DatabaseSync` on the same file, with your transaction open. Where
 * `onSettled` gets one, it is in a transaction of the journal's: until the handler ends nobody else writes to the file,
 * so let it write and nothing else.
 *
 * @throws {InputError} where the runtime has no `node:sqlite` (Node before 22.13), and for a path that is no database,
 *   cannot be written, or was made by a newer release
 */
export function sqliteJournal(path: string, options: SqliteJournalOptions = {}): Journal {
  checkOptions('sqliteJournal', options, {
    synchronous: elsewhere,
    clock: aClock,
    busyTimeoutMs: elsewhere,
    leaseMs: elsewhere,
    readOnly: aFlag,
  });
  const { synchronous = 'FULL', clock = systemClock, busyTimeoutMs = 5000, leaseMs, readOnly = false } = options;
  if (typeof path !== 'string' || path === '' || path.startsWith(':') || path.startsWith('file:'))
    throw new InputError('sqliteJournal: name a file. For a journal in memory there is memoryJournal().');
  if (!['FULL', 'NORMAL'].includes(synchronous))
    throw new InputError("sqliteJournal: synchronous must be 'FULL' or 'NORMAL'.");
  if (!Number.isFinite(busyTimeoutMs) || busyTimeoutMs < 0)
    throw new InputError('sqliteJournal: busyTimeoutMs must be milliseconds, 0 or more.');
  const store = new SqliteStore(path, { synchronous, clock, busyTimeoutMs, readOnly });
  return createJournal(readOnly ? readOnlyStore(store) : store, { clock, leaseMs });
}

/** How many rows are purged in one transaction. */
const PURGED_AT_ONCE = 500;

/** A write that waits to be made. */
interface Job {
  /** Writes. What it returns is called once that is durable. */
  readonly attempt: (connection: Connection) => () => void;
  readonly reject: (reason: unknown) => void;
}

class SqliteStore implements JournalStore {
  readonly name: string;
  readonly #file: JournalFile;
  readonly #options: Required<Omit<SqliteJournalOptions, 'leaseMs'>>;
  readonly #main: Connection;
  readonly #salt: Uint8Array;
  /** Who writes, of this process: SQLite lets one write at a time, and would not say whose turn is next. */
  readonly #turns = new Turns();
  /** Of open transactions: made when one is needed. */
  #second: Connection | undefined;
  /** What the handlers of its transactions have. */
  readonly #handles = new WeakMap<object, Handle>();
  /** The user's own connections, once they are known to be on this file. */
  readonly #others = new WeakMap<object, Connection>();
  /** What is written next, all of it at once. */
  #jobs: Job[] = [];
  #isClosed = false;

  constructor(path: string, options: Required<Omit<SqliteJournalOptions, 'leaseMs'>>) {
    this.#file = journalFile(path, options.readOnly);
    this.name = `sqlite ${this.#file.path}`;
    this.#options = options;
    this.#main = this.#inWords(() => this.#connect());
    try {
      this.#salt = options.readOnly ? saltThere(this.#main, this.name) : prepareTables(this.#main, this.name);
    } catch (error) {
      this.#main.db.close();
      throw inWords(error, this.name);
    }
    waitsForNobody(this.#main);
  }

  readonly insert: JournalStore['insert'] = async (row, db) => {
    const prepared = preparedRow(row);
    return this.#write(connection => insertRow(connection, prepared, this.#nowMs()), db);
  };

  readonly get: JournalStore['get'] = async (id, db) =>
    this.#read(connection => getRow(connection, id, this.#nowMs()), db);

  readonly find: JournalStore['find'] = (account, names) =>
    this.#read(connection => findRows(connection, account, names, this.#nowMs()));

  readonly update: JournalStore['update'] = async (changes, db) => {
    const prepared = changes.map(preparedChange);
    if (prepared.length === 0) return [];
    return this.#write(connection => prepared.map(each => changeRow(connection, each, this.#nowMs())), db);
  };

  readonly take: JournalStore['take'] = async turn => {
    if (!(await this.#read(connection => isAnyDue(connection, turn, this.#nowMs())))) return [];
    return this.#write(connection => takeRows(connection, turn, this.#nowMs()));
  };

  readonly renew: JournalStore['renew'] = (holder, forMs) =>
    this.#write(connection => renewLease(connection, holder, forMs, this.#nowMs()));

  readonly release: JournalStore['release'] = holder => this.#write(connection => endLease(connection, holder));

  readonly permits: JournalStore['permits'] = (account, wanted, perSecond) =>
    this.#write(connection => takePermits(connection, { account, wanted, perSecond, nowMs: this.#nowMs() }));

  readonly transaction: JournalStore['transaction'] = async work => {
    await this.#turns.take();
    try {
      const handle = await this.#retried(() => {
        this.#file.check();
        this.#second ??= waitsForNobody(this.#connect());
        return beginHandle(this.#second, this.name);
      });
      return await this.#inHandle(handle, work);
    } finally {
      this.#turns.pass();
    }
  };

  readonly list: JournalStore['list'] = filter => this.#read(connection => listRows(connection, filter, this.#nowMs()));

  readonly counts: JournalStore['counts'] = () => this.#read(connection => countRows(connection, this.#nowMs()));

  readonly overdue: JournalStore['overdue'] = () => this.#read(connection => countOverdue(connection, this.#nowMs()));

  readonly purge: JournalStore['purge'] = async (state, changedBeforeMs) => {
    for (let purged = 0; ; ) {
      const more = await this.#write(connection => purgeRows(connection, state, changedBeforeMs, PURGED_AT_ONCE));
      purged += more;
      if (more < PURGED_AT_ONCE) return purged;
      // Whoever waits for the event loop, or for the file, comes in between.
      await soon();
    }
  };

  readonly salt: JournalStore['salt'] = () => Promise.resolve(this.#salt.slice());

  readonly close: JournalStore['close'] = async () => {
    await this.#turns.take();
    try {
      if (this.#isClosed) return;
      this.#isClosed = true;
      this.#second?.db.close();
      this.#main.db.close();
    } finally {
      this.#turns.pass();
    }
  };

  async #inHandle<T>(handle: Handle, work: (db: unknown) => Promise<T>): Promise<T> {
    const connection = handle.connection();
    this.#handles.set(handle.db, handle);
    try {
      const result = await work(handle.db);
      handle.end();
      if (!handle.isWhole()) throw endedEarly(this.name);
      await this.#retried(() => {
        this.#file.check();
        connection.run('COMMIT');
      });
      return result;
    } catch (error) {
      handle.end();
      connection.attempt('ROLLBACK');
      throw error;
    }
  }

  #nowMs(): number {
    return this.#options.clock.now();
  }

  #connect(): Connection {
    const { synchronous, busyTimeoutMs, readOnly } = this.#options;
    const db = this.#file.open();
    if (readOnly) return new Connection(db);
    try {
      db.exec(`PRAGMA busy_timeout = ${busyTimeoutMs}; PRAGMA synchronous = ${synchronous}`);
      const connection = new Connection(db);
      if (connection.get('PRAGMA journal_mode = WAL')?.['journal_mode'] === 'wal') return connection;
    } catch (error) {
      db.close();
      throw error;
    }
    db.close();
    throw new InputError(`${this.name}: it cannot be used in WAL mode. Use a file of a local disk.`);
  }

  /** In the caller's transaction, or of what is committed. */
  async #read<T>(work: (connection: Connection) => T, db?: unknown): Promise<T> {
    if (db === undefined) return this.#retried(() => work(this.#main));
    const connection = this.#connectionOf(db);
    return this.#inWords(() => work(connection));
  }

  /**
   * In the caller's transaction, or durable when it resolves. What is asked for at about the same time is one commit: it
   * is the disk that takes time, and the whole process waits for it.
   */
  async #write<T>(work: (connection: Connection) => T, db?: unknown): Promise<T> {
    if (db !== undefined) {
      this.#file.check();
      const connection = this.#connectionOf(db);
      return this.#inWords(() => connection.nested(() => work(connection)));
    }
    return new Promise((resolve, reject) => {
      const attempt: Job['attempt'] = connection => {
        const result = work(connection);
        return () => resolve(result);
      };
      if (this.#jobs.push({ attempt, reject }) === 1) void this.#writeJobs();
    });
  }

  async #writeJobs(): Promise<void> {
    const { busyTimeoutMs } = this.#options;
    const isOurs = this.#turns.takeNow() || (await this.#turns.take(busyTimeoutMs));
    if (isOurs) await soon();
    const jobs = this.#jobs;
    this.#jobs = [];
    if (isOurs) await this.#commit(jobs);
    else for (const { reject } of jobs) reject(busyFor(this.name, busyTimeoutMs));
    if (isOurs) this.#turns.pass();
  }

  /** Settles all of them; never rejects. */
  async #commit(jobs: readonly Job[]): Promise<void> {
    try {
      const done = await this.#retried(() =>
        this.#main.atomically(
          () => jobs.map(({ attempt }) => attempt(this.#main)),
          () => this.#file.check(),
        ),
      );
      for (const resolve of done) resolve();
    } catch (error) {
      if (jobs.length === 1 || isBusy((error as Error).cause)) for (const { reject } of jobs) reject(error);
      // One that cannot be made has undone the others: now each for itself.
      else for (const job of jobs) await this.#commit([job]);
    }
  }

  /** Waits without holding up the process, which SQLite itself would. */
  async #retried<T>(work: () => T): Promise<T> {
    const { busyTimeoutMs } = this.#options;
    for (let waitedMs = 0; ; ) {
      try {
        if (this.#isClosed) throw new Error(`${this.name}: it was closed.`);
        return work();
      } catch (error) {
        if (!isBusy(error)) throw inWords(error, this.name);
        if (waitedMs >= busyTimeoutMs) throw busyFor(this.name, busyTimeoutMs, error);
      }
      const delayMs = 1 + Math.floor(systemClock.random() * 4);
      await pause(delayMs);
      waitedMs += delayMs;
    }
  }

  #inWords<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw inWords(error, this.name);
    }
  }

  /** @throws {InputError} for what is no open connection to this file */
  #connectionOf(db: unknown): Connection {
    if (!isDatabase(db))
      throw new InputError(`${this.name}: db is no DatabaseSync of node:sqlite. Give the one your transaction is on.`);
    const known = this.#handles.get(db)?.connection() ?? this.#others.get(db);
    if (known !== undefined) return known;
    const connection = new Connection(db);
    const salt = this.#inWords(() => saltIn(connection, this.name));
    if (salt === undefined || salt.toString() !== this.#salt.toString())
      throw new InputError(`${this.name}: db is open on another file. Open it on the journal's.`);
    this.#others.set(db, connection);
    return connection;
  }
}

/** From now on: what is busy is tried again, and the process goes on meanwhile. */
function waitsForNobody(connection: Connection): Connection {
  connection.db.exec('PRAGMA busy_timeout = 0');
  return connection;
}

const isDatabase = (db: unknown): db is Database =>
  typeof db === 'object' && db !== null && typeof Reflect.get(db, 'prepare') === 'function';

const pause = (delayMs: number): Promise<void> =>
  new Promise(resolve => {
    systemClock.timer(delayMs, resolve);
  });
