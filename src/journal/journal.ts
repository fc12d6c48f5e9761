import type { JournalStore } from './store.ts';

/**
 * Where every write is kept from before its first byte until its end is delivered, for `createGateway({ journal })`.
 * Gateway objects and processes that share one never send the same write twice.
 */
export interface Journal {
  readonly store: JournalStore;
}

/** A journal over a store of your own: see {@link JournalStore}, and `journalContract` of `tillpaid/testing`. */
export function createJournal(store: JournalStore): Journal {
  return { store };
}
