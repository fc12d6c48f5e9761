import type { Settlement } from '../core/settlement.ts';

/** What watches whether a gateway's notices come. It loads with what reads them. */
export interface NoticeWatch {
  /** How long after a payment was opened its notice comes as a rule, in milliseconds. `undefined`: that is not trusted. */
  withinMs(operation: string): number | undefined;
  /** A loop, or a step, has ended. */
  ended(settlement: Settlement): void;
}

/** Of one gateway object. `watch` is set when the first notice comes, where the policy wants to hear of it. */
export interface Notices {
  watch?: NoticeWatch;
}

/** While notices come, a payment is asked about no more seldom than this, in milliseconds. */
export const MOST_RARELY_MS = 600_000;
/** The same of one that is stepped: nothing wakes it when the notices stop. */
export const MOST_RARELY_STEPPED_MS = 115_000;
