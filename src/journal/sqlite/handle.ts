import { InputError } from '../../core/errors.ts';
import type { Connection, Database } from './connection.ts';

/** What a handler has of the journal's connection: all of it, until its transaction has ended. */
export interface Handle {
  readonly db: Database;
  /** @throws {Error} when the transaction has ended: here, or in the handler */
  connection(): Connection;
  /** Whether the transaction is still the one that was begun; it is then about to be committed. */
  isWhole(): boolean;
  /** From now on all of it is refused, its statements too. */
  end(): void;
}

/** Gone with the transaction, whoever ends it, and whatever is begun then. */
const MARK = 'tillpaid_handler';

/** Begins a transaction. */
export function beginHandle(connection: Connection, name: string): Handle {
  let isOver = false;
  const check = (): void => {
    if (isOver)
      throw new InputError(
        `${name}: the transaction of this db has ended: its handler has ended, failed, or took too long. Write before, ` +
          'and wait for it.',
      );
    if (!connection.isInTransaction()) throw endedEarly(name);
  };
  connection.run('BEGIN IMMEDIATE');
  connection.attempt(`SAVEPOINT ${MARK}`);
  const db = guarded(connection.db, check, method => {
    if (closing.includes(method.toString()))
      throw new InputError(`${name}: this db is the journal’s, which closes it. Let the handler write only.`);
  });
  return {
    db,
    connection() {
      check();
      return connection;
    },
    isWhole: () => connection.isInTransaction() && connection.attempt(`RELEASE ${MARK}`),
    end() {
      isOver = true;
    },
  };
}

export const endedEarly = (name: string): Error =>
  new Error(
    `${name}: a handler’s transaction ended before it did, by COMMIT, ROLLBACK, OR ROLLBACK, or a full disk. Nothing is ` +
      'marked. Let it write only.',
  );

const closing: readonly string[] = ['close', 'deserialize', 'Symbol(Symbol.dispose)'];
/** What makes something that works on the database later. */
const making: readonly string[] = ['prepare', 'iterate', 'createSession', 'createTagStore'];

/** The same object, each of whose methods is checked for first; likewise what it makes. */
function guarded<T extends object>(
  target: T,
  check: () => void,
  checkMethod: (method: string | symbol) => void = () => undefined,
): T {
  const guard: T = new Proxy(target, {
    get(_target, name): unknown {
      const value: unknown = Reflect.get(target, name, target);
      if (isObject(value)) return guarded(value, check, checkMethod);
      if (typeof value !== 'function') return value;
      return (...values: unknown[]): unknown => {
        check();
        checkMethod(name);
        const result: unknown = Reflect.apply(value, target, values);
        if (result === target) return guard;
        return isObject(result) && making.includes(name.toString()) ? guarded(result, check) : result;
      };
    },
  });
  return guard;
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
