import { InputError } from '../core/errors.ts';
import type { Attached, Durable, JournalPort } from '../engine/durable.ts';
import { GatewayDesk } from './gateway-desk.ts';
import type { JournalStore } from './store.ts';

/**
 * Where every write is kept from before its first byte until its end is delivered, for `createGateway({ journal })`.
 * Gateway objects and processes that share one never send the same write twice.
 */
export interface Journal extends JournalPort {
  readonly store: JournalStore;
  /** How long others wait before they take over what a process held that is gone. Milliseconds. */
  readonly leaseMs: number;
}

export interface JournalOptions {
  /**
   * How long others wait before they take over what a process held that is gone, or stands still. Longer where an
   * attempt may take longer. Milliseconds, default 30,000.
   */
  readonly leaseMs?: number;
}

const LEASE_MS = 30_000;
const SHORTEST_LEASE_MS = 100;

/**
 * A journal over a store of your own: see {@link JournalStore}, and `journalContract` of `tillpaid/testing`.
 *
 * @throws {InputError} for a lease that is none
 */
export function createJournal(store: JournalStore, { leaseMs = LEASE_MS }: JournalOptions = {}): Journal {
  if (!Number.isFinite(leaseMs) || leaseMs < SHORTEST_LEASE_MS)
    throw new InputError(`${store.name}: leaseMs must be at least ${SHORTEST_LEASE_MS} milliseconds.`);
  return { store, leaseMs, attach: (parts: Attached): Durable => new GatewayDesk(parts, store, leaseMs) };
}
