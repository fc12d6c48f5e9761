import { InputError } from '../../core/errors.ts';

/** What is used of `DatabaseSync` of `node:sqlite`. */
export interface Database {
  exec(sql: string): void;
  prepare(sql: string): Statement;
  close(): void;
  /** Since Node 22.16. */
  readonly isTransaction?: boolean;
}

export interface Statement {
  run(...values: readonly Value[]): { changes: number | bigint };
  get(...values: readonly Value[]): Found | undefined;
  all(...values: readonly Value[]): Found[];
}

type DatabaseClass = new (path: string, options?: { readOnly: boolean }) => Database;

export type Value = string | number | Uint8Array | null;
export type Found = Readonly<Record<string, unknown>>;

/** What is used of the runtime: by its global, so that importing this needs none of it. */
type Process = { getBuiltinModule?(name: string): unknown } | undefined;

interface Files {
  openSync(path: string, flags: string, mode: number): number;
  closeSync(file: number): void;
  statSync(path: string, options: { bigint: true }): Stat;
}

interface Stat {
  readonly dev: bigint;
  readonly ino: bigint;
  isDirectory(): boolean;
}

/** A file of a journal, which may be deleted or replaced while it is open. */
export interface JournalFile {
  /** Wherever the process goes. */
  readonly path: string;
  /** @throws {InputError} where it cannot be opened */
  open(): Database;
  /** @throws {Error} once the file of this path is another than was opened, or none */
  check(): void;
}

/** @throws {InputError} where there is no `node:sqlite` */
function builtins(): {
  DatabaseSync: DatabaseClass;
  files: Files;
  paths: { resolve(path: string): string };
} {
  const process = Reflect.get(globalThis, 'process') as Process;
  const sqlite = process?.getBuiltinModule?.('node:sqlite') as { DatabaseSync: DatabaseClass } | undefined;
  const files = process?.getBuiltinModule?.('node:fs') as Files | undefined;
  if (sqlite === undefined || files === undefined)
    throw new InputError(
      'sqliteJournal: this runtime has no node:sqlite. Use Node 22.13 or newer (22.12: with --experimental-sqlite), or ' +
        'postgresJournal.',
    );
  const paths = process?.getBuiltinModule?.('node:path') as { resolve(path: string): string };
  return { DatabaseSync: sqlite.DatabaseSync, files, paths };
}

/**
 * A database file, made, for its owner alone, when there is none.
 *
 * @param readOnly it is only looked at: then it must be there
 * @throws {InputError} where it cannot be made, or looked at
 */
export function journalFile(given: string, readOnly: boolean): JournalFile {
  const { DatabaseSync, files, paths } = builtins();
  const path = paths.resolve(given);
  if (!readOnly) makeFile(files, path);
  const first = statOf(files, path);
  if (first.isDirectory()) throw new InputError(`sqlite ${path}: it is a directory. Name a file in it.`);
  const isThere = (): boolean => {
    try {
      const { dev, ino } = files.statSync(path, { bigint: true });
      return dev === first.dev && ino === first.ino;
    } catch (error) {
      if (['ENOENT', 'ENOTDIR'].includes(codeOf(error))) return false;
      throw error;
    }
  };
  const check = (): void => {
    if (!isThere())
      throw new Error(
        `sqlite ${path}: the file was deleted or replaced while it was open. Nothing is sent: restart this process once ` +
          'the file is what you want.',
      );
  };
  return {
    path,
    open() {
      check();
      const db = readOnly ? new DatabaseSync(path, { readOnly }) : new DatabaseSync(path);
      try {
        check();
        return db;
      } catch (error) {
        db.close();
        throw error;
      }
    },
    check,
  };
}

function makeFile(files: Files, path: string): void {
  try {
    files.closeSync(files.openSync(path, 'wx', 0o600));
  } catch (error) {
    if (codeOf(error) !== 'EEXIST')
      throw new InputError(
        `sqlite ${path}: the file cannot be made (${codeOf(error)}). Its directory must exist, and be writable.`,
        { cause: error },
      );
  }
}

function statOf(files: Files, path: string): Stat {
  try {
    return files.statSync(path, { bigint: true });
  } catch (error) {
    throw new InputError(`sqlite ${path}: there is no such file (${codeOf(error)}).`, { cause: error });
  }
}

const codeOf = (error: unknown): string => String((error as { code?: unknown }).code);

/** One connection: its statements are prepared once. */
export class Connection {
  readonly db: Database;
  readonly #statements = new Map<string, Statement>();

  constructor(db: Database) {
    this.db = db;
  }

  run(sql: string, ...values: readonly Value[]): number {
    return Number(this.#statement(sql).run(...values).changes);
  }

  get(sql: string, ...values: readonly Value[]): Found | undefined {
    return this.#statement(sql).get(...values);
  }

  all(sql: string, ...values: readonly Value[]): Found[] {
    return this.#statement(sql).all(...values);
  }

  /**
   * All that `work` writes, durable when this returns, or nothing. Nobody else writes between what it reads and writes.
   *
   * @param check of the last moment before it is durable
   */
  atomically<T>(work: () => T, check: () => void = () => undefined): T {
    this.run('BEGIN IMMEDIATE');
    try {
      const result = work();
      check();
      this.run('COMMIT');
      return result;
    } catch (error) {
      this.attempt('ROLLBACK');
      throw error;
    }
  }

  /** The same as a part of whatever transaction is open on this connection. */
  nested<T>(work: () => T): T {
    this.run('SAVEPOINT tillpaid');
    try {
      const result = work();
      this.run('RELEASE tillpaid');
      return result;
    } catch (error) {
      this.attempt('ROLLBACK TO tillpaid');
      this.attempt('RELEASE tillpaid');
      throw error;
    }
  }

  /** Some failures have undone the transaction already. @returns whether it could be done */
  attempt(sql: string): boolean {
    try {
      this.run(sql);
      return true;
    } catch {
      // Then there is nothing to undo.
      return false;
    }
  }

  isInTransaction(): boolean {
    const { isTransaction } = this.db;
    if (isTransaction !== undefined) return isTransaction;
    // There is one where none can be begun.
    if (!this.attempt('BEGIN')) return true;
    this.run('ROLLBACK');
    return false;
  }

  #statement(sql: string): Statement {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const made = this.db.prepare(sql);
    this.#statements.set(sql, made);
    return made;
  }
}

/** SQLite's result codes: https://sqlite.org/rescode.html */
const BUSY = 5;
const sayings: Readonly<Record<number, string>> = {
  10: 'it could not be read or written (I/O error). Look at the disk.',
  11: 'the file is damaged. Stop what uses it, and restore a copy, or recover it with the sqlite3 shell.',
  13: 'the disk is full. Make room: the journal then goes on by itself.',
};
/** Those that are the caller's to mend. */
const mistakes: Readonly<Record<number, string>> = {
  3: 'permission was denied. The file, and its directory, must be writable.',
  8: 'it is read-only. The file, and its directory, must be writable.',
  14: 'it cannot be opened. The file, and its directory, must be writable.',
  26: 'the file is no SQLite database. Name another one.',
};

const resultOf = (error: unknown): number | undefined => {
  const { errcode } = error as { errcode?: unknown };
  return typeof errcode === 'number' ? errcode & 0xff : undefined;
};

/** Another connection is writing, or has a transaction open. */
export const isBusy = (error: unknown): boolean => error instanceof Error && resultOf(error) === BUSY;

/** The same in words, with the file's name and nothing of what was stored. What is not SQLite's stays what it is. */
export function inWords(error: unknown, name: string): unknown {
  const result = error instanceof Error ? resultOf(error) : undefined;
  if (result === undefined) return error;
  const mistake = mistakes[result];
  if (mistake !== undefined) return new InputError(`${name}: ${mistake}`, { cause: error });
  return new Error(`${name}: ${sayings[result] ?? `it failed (SQLite result ${result}).`}`, { cause: error });
}

export const busyFor = (name: string, waitedMs: number, cause?: unknown): Error =>
  new Error(
    `${name}: it was busy for ${waitedMs} ms. Another process, or a handler of onSettled, has a transaction open on it: ` +
      'keep them short.',
    { cause },
  );
