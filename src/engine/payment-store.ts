import type { Ticket } from '../core/ticket.ts';
import type { LastVerdict } from './last-verdict.ts';

/** What is known of one payment: plain JSON, without a field that was sent. */
export type Entry = OpenEntry | SettledEntry | NoticedEntry;

interface EntryBase {
  readonly key: string;
  /** Of the business fields, see `fieldsDigest`; `undefined` when only a ticket was followed. */
  readonly digest: string | undefined;
  /** When the gateway last spoke of it, or when its loop ended. */
  readonly atMs: number;
  /** The provider's numbers of earlier tries under the merchant's number, the latest last. */
  readonly earlierNumbers: readonly string[];
}

/** It may have been sent, and its end is not known. */
interface OpenEntry extends EntryBase {
  readonly state: 'open';
  readonly ticket: Ticket;
  /** The gateway has said once, for long enough, that there is no such order. */
  readonly absent: boolean;
}

/** The gateway has said how it ended, or that its payer or the merchant must act. */
export interface SettledEntry extends EntryBase {
  readonly state: 'settled';
  readonly ticket: Ticket;
  readonly last: LastVerdict;
}

/** The gateway has spoken of it, and nothing was sent from here. */
export interface NoticedEntry extends EntryBase {
  readonly state: 'noticed';
  readonly ticket: Ticket;
  /**
   * The read of the drop-in that showed it, by name: then `ticket` is of one write out of those that this read asks
   * about, and nothing is known of it but its number.
   */
  readonly read?: string;
}

/**
 * Where it is kept what is known of payments: this gateway object's memory, which a journal may stand behind
 * (`durable.ts`).
 *
 * - A key has one entry. `put` replaces it as a whole, and every later `get` of whoever shares the store has it.
 * - What is open is never dropped: once there is no room for more, `isFull` says so, and new writes are refused.
 * - What is settled is kept for a day, or until `MOST_SETTLED` others have settled since; what is only noticed likewise,
 *   by a count of its own, so that notices push out no settlement.
 * - From a `get` that finds nothing to the `put` or the loop that follows from it no other caller comes between, since
 *   nothing here waits. A store that waits, or that processes share, must make that one step: whoever comes second finds
 *   the first.
 */
export interface PaymentStore {
  get(key: string | undefined): Entry | undefined;
  put(entry: Entry): void;
  delete(key: string): void;
  /** @param running how many payments have a loop and are not open here yet: each may be left open */
  isFull(running: number): boolean;
  /** The key of the payment that a number of the provider's (`numbersOf`) is of. */
  ownerOf(number: string): string | undefined;
  /** Every entry that is open. */
  open(): Iterable<OpenEntry>;
}

const DAY_MS = 24 * 60 * 60_000;
const MOST_SETTLED = 100_000;
const MOST_NOTICED = 100_000;
export const MOST_OPEN = 100_000;

/**
 * The store of one gateway object, in memory.
 *
 * @param nowMs a time that no step of the wall clock moves: nothing grows old by one
 * @param numbersOf the provider's numbers in a ticket, each with its name
 * @param isCache a journal keeps what is known: then only the newest are kept here, open or not, however old
 */
export function memoryStore(
  nowMs: () => number,
  numbersOf: (ticket: Ticket) => string[],
  isCache = false,
): PaymentStore {
  const open = new Map<string, OpenEntry>();
  /** The oldest first, as in `noticed`. */
  const settled = new Map<string, SettledEntry>();
  const noticed = new Map<string, NoticedEntry>();
  const owners = new Map<string, string>();

  const find = (key: string): Entry | undefined => open.get(key) ?? settled.get(key) ?? noticed.get(key);

  const remove = (key: string): void => {
    const entry = find(key);
    if (entry === undefined) return;
    for (const map of [open, settled, noticed]) map.delete(key);
    for (const number of numbersOf(entry.ticket)) if (owners.get(number) === key) owners.delete(number);
  };

  const dropOldest = (map: ReadonlyMap<string, Entry>, most: number, sinceMs: number): void => {
    for (const { key, atMs } of map.values()) {
      if (map.size <= most && atMs > sinceMs) break;
      remove(key);
    }
  };

  const dropOld = (): void => {
    const sinceMs = isCache ? -Infinity : nowMs() - DAY_MS;
    if (settled.size > 0) dropOldest(settled, MOST_SETTLED, sinceMs);
    if (noticed.size > 0) dropOldest(noticed, MOST_NOTICED, sinceMs);
    if (isCache && open.size > MOST_OPEN) dropOldest(open, MOST_OPEN, sinceMs);
  };

  return {
    get(key) {
      if (key === undefined) return undefined;
      dropOld();
      return find(key);
    },
    put(entry) {
      remove(entry.key);
      if (entry.state === 'open') open.set(entry.key, entry);
      else if (entry.state === 'settled') settled.set(entry.key, entry);
      else noticed.set(entry.key, entry);
      for (const number of numbersOf(entry.ticket)) owners.set(number, entry.key);
      dropOld();
    },
    delete: remove,
    isFull: running => !isCache && open.size + running >= MOST_OPEN,
    ownerOf: number => owners.get(number),
    open: () => open.values(),
  };
}
