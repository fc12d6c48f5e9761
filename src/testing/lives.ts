import { InputError } from '../core/errors.ts';
import type { EntryState } from './voice.ts';

/** How a payment or a refund goes on after it was accepted: plain data, one step after the other. */
export type Life = readonly LifeStep[];

export interface LifeStep {
  /** Milliseconds since it was accepted (or since the script changed its life). Default 0. */
  readonly afterMs?: number;
  /** How many queries must have found it in the state before. Default 0. */
  readonly afterQueries?: number;
  readonly state: EntryState;
}

/**
 * The usual lives. A charge or a refund begins `pending`, an order `open`: its payer acts only after its answer was
 * given.
 *
 * @example
 * ```ts
 * simulated.script('ORDER-1', { life: lives.paidAfter(90_000) });
 * simulated.script('ORDER-2', {
 *   life: lives.steps([
 *     { afterMs: 1_000, state: 'pending' },
 *     { afterMs: 5_000, state: 'declined' },
 *   ]),
 * });
 * ```
 */
export const lives = {
  /** Paid at once; a refund: given back at once. */
  paid(): Life {
    return [{ state: 'paid' }];
  },
  declined(): Life {
    return [{ state: 'declined' }];
  },
  /** The funds are held until a capture or a cancel. */
  authorized(): Life {
    return [{ state: 'authorized' }];
  },
  /** Nothing happens until a script gives it another life. */
  open(): Life {
    return [];
  },
  paidAfter(delayMs: number): Life {
    return [{ afterMs: delayMs, state: 'paid' }];
  },
  expiresAfter(delayMs: number): Life {
    return [{ afterMs: delayMs, state: 'expired' }];
  },
  /** So many queries find it open; the next one finds it paid. */
  paidAfterQueries(queries: number): Life {
    return [{ afterQueries: queries, state: 'paid' }];
  },
  /**
   * Any course, such as declined and then paid.
   *
   * @throws {InputError} when a step comes earlier than the one before it
   */
  steps(steps: readonly LifeStep[]): Life {
    let beforeMs = 0;
    for (const { afterMs = beforeMs, state } of steps) {
      if (!(afterMs >= beforeMs))
        throw new InputError(
          `lives.steps: "${state}" after ${afterMs} ms comes too late in the list; steps go forward in time.`,
        );
      beforeMs = afterMs;
    }
    return steps;
  },
};
