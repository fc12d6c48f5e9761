import { InputError } from '../core/errors.ts';
import type { JournalStore } from './store.ts';

/** A store that is only looked at: what would change it rejects, before it is asked for. */
export function readOnlyStore(store: JournalStore): JournalStore {
  const refuse = (): Promise<never> =>
    Promise.reject(new InputError(`${store.name}: it was opened with readOnly, so nothing in it can be changed.`));
  return {
    ...store,
    ...{ insert: refuse, update: refuse, take: refuse, renew: refuse, release: refuse, permits: refuse },
    ...{ transaction: refuse, purge: refuse },
  };
}
