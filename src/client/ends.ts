import type { Settlement } from '../core/settlement.ts';

/** How one loop of this gateway object ended, as far as a notice may be held against it. */
export type End = Pick<Settlement, 'ticket' | 'outcome' | 'verdict'>;

/** How payments ended, kept until the first notice asks for them: what reads notices loads with it. */
export interface Ends {
  /** A loop has ended. */
  readonly settled: (settlement: Settlement) => void;
  /** The ends since the last call, the oldest first. They are then the caller's to keep. */
  readonly take: () => readonly End[];
}

/** How many settled payments are remembered, to notice a webhook that contradicts them. */
export const MOST_SETTLED = 10_000;

/** Ends of a loop that are no end of the payment. */
const notOver: ReadonlySet<Settlement['outcome']> = new Set<Settlement['outcome']>([
  'created',
  'authorized',
  'unresolved',
  'unsent',
  'rejected',
]);

export function createEnds(): Ends {
  let ends: End[] = [];
  return {
    settled({ ticket, outcome, verdict }) {
      if (notOver.has(outcome)) return;
      ends.push({ ticket, outcome, verdict });
      if (ends.length > 2 * MOST_SETTLED) ends = ends.slice(-MOST_SETTLED);
    },
    take() {
      const taken = ends;
      ends = [];
      return taken;
    },
  };
}
