import { newKey, type Clock } from '../../clock.ts';
import type { JournalStore } from '../store.ts';

/** One holder and his lease. Once it has ended it stays ended: what he took is not his any more. */
export interface Lease {
  readonly holder: string;
  /** How long it is good at least, in milliseconds: by the larger of monotonic and wall time since it was asked for. */
  leftMs(): number;
  /** How many rows of his are being worked on. */
  inHand: number;
}

/** The leases of one worker: one is in use, and earlier ones end when what they cover has ended. */
export interface Leases {
  /**
   * One that is good: a new one, of a new holder, where the last has ended. Rejects as the store does.
   *
   * @param onEnded how many rows were being worked on when it ended
   */
  good(onEnded: (rows: number) => void): Promise<Lease>;
  /** It is not known what its holder has: nothing more is taken under it, so that it ends. */
  giveUp(lease: Lease): void;
  /** Renews all that are in use. Rejects as the store does, once all were tried. */
  renew(): Promise<void>;
  /** Frees what their holders have. Rejects as the store does. */
  release(): Promise<void>;
}

interface Renewable extends Lease {
  renew(): Promise<void>;
}

export function createLeases(store: JournalStore, clock: Clock, forMs: number): Leases {
  let current: Renewable | undefined;
  const earlier = new Set<Renewable>();
  const retire = (): void => {
    if (current !== undefined) earlier.add(current);
    current = undefined;
  };
  const keep = async (lease: Renewable): Promise<void> => {
    const isOver = earlier.has(lease) && (lease.inHand === 0 || lease.leftMs() === 0);
    if (!isOver) await lease.renew();
    else if (lease.inHand === 0) {
      await store.release(lease.holder);
      earlier.delete(lease);
    }
  };
  return {
    async good(onEnded) {
      if (current !== undefined && current.leftMs() === 0) {
        onEnded(current.inHand);
        retire();
      }
      if (current === undefined) {
        const fresh = createLease(store, clock, forMs);
        await fresh.renew();
        current = fresh;
      }
      return current;
    },
    giveUp(lease) {
      if (current === lease) retire();
    },
    async renew() {
      const all = [...earlier, ...(current === undefined ? [] : [current])];
      // None waits for another's answer.
      const results = await Promise.allSettled(all.map(keep));
      const failure = results.find(result => result.status === 'rejected');
      if (failure !== undefined) throw failure.reason;
    },
    async release() {
      retire();
      const all = [...earlier];
      earlier.clear();
      await Promise.all(all.map(({ holder }) => store.release(holder)));
    },
  };
}

function createLease(store: JournalStore, clock: Clock, forMs: number): Renewable {
  const monotonicMs = (): number => clock.monotonicMs?.() ?? clock.now();
  let since: { readonly monotonicMs: number; readonly wallMs: number } | undefined;
  let hasEnded = false;
  const lease: Renewable = {
    holder: newKey(),
    inHand: 0,
    leftMs() {
      if (hasEnded || since === undefined) return 0;
      const passedMs = Math.max(monotonicMs() - since.monotonicMs, clock.now() - since.wallMs);
      hasEnded = passedMs >= forMs;
      return hasEnded ? 0 : forMs - passedMs;
    },
    async renew() {
      if (since !== undefined && lease.leftMs() === 0) return;
      // The store counts from later.
      const asked = { monotonicMs: monotonicMs(), wallMs: clock.now() };
      await store.renew(lease.holder, forMs);
      if (since === undefined || lease.leftMs() > 0) since = asked;
    },
  };
  return lease;
}
