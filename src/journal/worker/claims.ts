import type { Lease } from './lease.ts';
import type { Row } from '../store.ts';

/** One taking of a row by its holder. */
export interface Claim extends Pick<Lease, 'holder' | 'leftMs'> {
  /**
   * Whether this worker has not taken the row again since. A change whose answer was lost may have given it back: then it
   * is the holder's, and yet not this claim's.
   */
  isLatest(): Promise<boolean>;
  /** Nothing more is done under it. */
  end(): void;
}

export interface Claimed {
  readonly row: Row;
  readonly claim: Claim;
}

/** Takes rows under a lease, and knows which taking of a row was the last. */
export type TakeRows = (lease: Lease, take: () => Promise<Row[]>) => Promise<Claimed[]>;

export function createClaims(): TakeRows {
  const latest = new Map<string, Claim>();
  let taking: Promise<unknown> = Promise.resolve();
  const claimOn = ({ id }: Row, lease: Lease): Claim => {
    const claim: Claim = {
      holder: lease.holder,
      leftMs: () => lease.leftMs(),
      async isLatest() {
        // What has taken the row may not know it yet.
        await taking;
        return latest.get(id) === claim;
      },
      end() {
        lease.inHand--;
        if (latest.get(id) === claim) latest.delete(id);
      },
    };
    lease.inHand++;
    latest.set(id, claim);
    return claim;
  };
  return (lease, take) => {
    const claimed = take().then(rows => rows.map(row => ({ row, claim: claimOn(row, lease) })));
    taking = claimed.catch(() => undefined);
    return claimed;
  };
}
