import type { Clock } from '../clock.ts';
import type { JournalStore } from './store.ts';

/** A store did not answer in time: nothing is known of what it did, and what it says later is not heard. */
export class UnansweredError extends Error {
  override readonly name = 'UnansweredError';
}

/** A renewal that is not answered is asked for again while the lease is good. */
const RENEWALS = 3;
/** A process that stood still hears what has been answered meanwhile: so much of the limit is left then. */
const LAST_PART = 1 / 10;

/**
 * A store whose calls end: one that is not answered within `limitMs` rejects, as any that fails. A statement on a
 * connection that is half open would else be waited for without end. Not limited is what is done in a user's own
 * transaction, and what a user waits for himself.
 *
 * @param ended nothing is limited, and no timer left, once it aborts: nobody waits any more
 */
export function timedStore(of: JournalStore, clock: Clock, limitMs: number, ended?: AbortSignal): JournalStore {
  const cancels = new Set<() => void>();
  ended?.addEventListener('abort', () => {
    for (const cancel of cancels) cancel();
    cancels.clear();
  });
  const limited = (forMs: number, onOver: () => void): (() => void) => {
    let cancelTimer = clock.timer(forMs * (1 - LAST_PART), () => {
      cancelTimer = clock.timer(forMs * LAST_PART, onOver);
    });
    const cancel = (): void => cancelTimer();
    cancels.add(cancel);
    return () => {
      cancels.delete(cancel);
      cancel();
    };
  };
  const timed = <T>(what: string, answer: Promise<T>, forMs: number = limitMs): Promise<T> => {
    if (ended?.aborted === true) return answer;
    return new Promise((resolve, reject) => {
      const settling =
        <V>(settle: (value: V) => void) =>
        (value: V): void => {
          cancel();
          settle(value);
        };
      const cancel = limited(forMs, () =>
        settling(reject)(new UnansweredError(`${of.name}: ${what} was not answered within ${Math.ceil(forMs)} ms`)),
      );
      answer.then(settling(resolve), settling(reject));
    });
  };
  const store: JournalStore = {
    name: of.name,
    insert: (row, db) => (db === undefined ? timed('insert', of.insert(row)) : of.insert(row, db)),
    get: (id, db) => (db === undefined ? timed('get', of.get(id)) : of.get(id, db)),
    find: (account, names) => timed('find', of.find(account, names)),
    update: (changes, db) => (db === undefined ? timed('update', of.update(changes)) : of.update(changes, db)),
    take: turn => timed('take', of.take(turn)),
    renew: (holder, forMs) => timed('renew', of.renew(holder, forMs), limitMs / RENEWALS),
    release: holder => timed('release', of.release(holder)),
    permits: (account, wanted, perSecond) => timed('permits', of.permits(account, wanted, perSecond)),
    counts: () => timed('counts', of.counts()),
    overdue: () => timed('overdue', of.overdue()),
    salt: db => (db === undefined ? timed('salt', of.salt()) : of.salt(db)),
    transaction: work => of.transaction(work),
    list: filter => of.list(filter),
    purge: (state, changedBeforeMs) => of.purge(state, changedBeforeMs),
    close: () => of.close(),
  };
  originals.set(store, of);
  return store;
}

/** The store that a timed one goes to; another is what it is. */
export const untimed = (store: JournalStore): JournalStore => originals.get(store) ?? store;

const originals = new WeakMap<JournalStore, JournalStore>();
