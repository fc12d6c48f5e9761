import { systemClock, type Clock } from '../clock.ts';
import { aTimeOfDay, checkOptions, elsewhere } from '../core/check-options.ts';
import { InputError } from '../core/errors.ts';
import type { Attached, Durable, JournalPort } from '../engine/durable.ts';
import { GatewayDesk } from './desk/gateway-desk.ts';
import type { JournalStore, RowCount, RowFilter } from './store.ts';
import type { RowSummary } from './summary.ts';
import { archive, each, find, list, purge, redrive, type Age, type Purgeable, type ToArchive } from './upkeep.ts';

/**
 * Where every write is kept from before its first byte until its end is delivered, for `createGateway({ journal })`.
 * Gateway objects and processes that share one never send the same write twice.
 */
export interface Journal extends JournalPort {
  readonly store: JournalStore;
  /** How long others wait before they take over what a process held that is gone. Milliseconds. */
  readonly leaseMs: number;
  /** Rows in plain words, the newest first. Default: 100 of all. @throws {InputError} for a filter that cannot be */
  list(filter?: RowFilter): Promise<RowSummary[]>;
  /** Every row in plain words, the newest first, page by page. Default: all. @throws {InputError} for a filter that cannot be */
  each(filter?: Omit<RowFilter, 'limit'>): AsyncIterable<RowSummary>;
  /** The row of that `id`, or the rows that go by a number, the merchant's own or the provider's. @throws {InputError} */
  find(number: string): Promise<RowSummary[]>;
  /** How many rows each account has in each state, and how many of them are overdue. */
  counts(): Promise<RowCount[]>;
  /**
   * Parked rows go on where they were, at once: what failed is tried anew, and what was followed to the end of its time
   * is asked about for ten minutes more. A prepared write whose time to be sent is over is not sent any more.
   *
   * @param which the `id` of one row, or all that are parked, or those of an account
   * @returns how many
   * @throws {InputError} for a row that is not there, or not parked
   */
  redrive(which: string | { readonly account?: string }): Promise<number>;
  /**
   * Of what is settled, and has not changed for so long, only that is kept by which its number is not used again: its
   * ticket and its outcome. What `onSettled` has still to take stays, unless `undelivered` is set: where no worker delivers.
   * Then what is `unsent` and was never delivered is taken too, so that it can be purged.
   *
   * @param which how old, or the `id` of one row, which may be `unsent` or parked: a person has found out how it ended
   * @param options for one row. What was parked while it was `open` or `leaving` needs no `undelivered`
   * @returns how many
   * @throws {InputError} for a row that is not there, may be open, is in a process's hands, or has something to deliver
   */
  archive(which: ToArchive | string, options?: Pick<ToArchive, 'undelivered'>): Promise<number>;
  /**
   * Deletes rows that have not changed for so long: their numbers can then be used again, so let them be older than any
   * second try. Rows with something to deliver stay: deliver them, or archive them with `undelivered` first.
   *
   * @param which `state` one of `delivered`, `archived` and `unsent`: what may be open is never deleted
   * @returns how many
   * @throws {InputError}
   */
  purge(which: Age & { readonly state: Purgeable }): Promise<number>;
  /** Closes its files and connections. */
  close(): Promise<void>;
}

export interface JournalOptions {
  /**
   * How long others wait before they take over what a process held that is gone, or stands still. Longer where an
   * attempt may take longer. Milliseconds, default 30,000.
   */
  readonly leaseMs?: number | undefined;
  /** By which ages are judged. Default: the machine's. */
  readonly clock?: Pick<Clock, 'now'>;
}

const LEASE_MS = 30_000;
const SHORTEST_LEASE_MS = 100;

/**
 * A journal over a store of your own: see {@link JournalStore}, and `journalContract` of `tillpaid/testing`.
 *
 * @throws {InputError} for what is no store, and for a lease that is none
 */
export function createJournal(store: JournalStore, options: JournalOptions = {}): Journal {
  checkStore(store);
  checkOptions('createJournal', options, { leaseMs: elsewhere, clock: aTimeOfDay });
  const { leaseMs = LEASE_MS, clock = systemClock } = options;
  if (!Number.isFinite(leaseMs) || leaseMs < SHORTEST_LEASE_MS)
    throw new InputError(`${store.name}: leaseMs must be at least ${SHORTEST_LEASE_MS} milliseconds.`);
  return {
    ...{ store, leaseMs },
    attach: (parts: Attached): Durable => new GatewayDesk(parts, store, leaseMs),
    list: filter => list(store, filter),
    each: filter => each(store, filter),
    find: number => find(store, number),
    counts: () => store.counts(),
    redrive: which => redrive(store, clock, which),
    archive: (which, options) => archive(store, clock, which, options),
    purge: which => purge(store, clock, which),
    close: () => store.close(),
  };
}

const methods: readonly (keyof JournalStore)[] = [
  ...(['insert', 'get', 'find', 'update', 'take', 'renew', 'release', 'permits', 'transaction'] as const),
  ...(['list', 'counts', 'purge', 'salt', 'close'] as const),
];

/** @throws {InputError} */
function checkStore(store: unknown): void {
  const given = typeof store === 'object' && store !== null ? store : {};
  const missing = methods.filter(name => typeof Reflect.get(given, name) !== 'function');
  if (missing.length > 0)
    throw new InputError(`createJournal: pass a store (JournalStore); it lacks ${missing.join(', ')}.`);
}
