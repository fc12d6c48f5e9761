import { didYouMean } from '../core/did-you-mean.ts';
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
  /** @throws {InputError} when it is no number of milliseconds, 0 or more */
  paidAfter(delayMs: number): Life {
    return [{ afterMs: count('paidAfter', 'milliseconds', delayMs), state: 'paid' }];
  },
  /** @throws {InputError} when it is no number of milliseconds, 0 or more */
  expiresAfter(delayMs: number): Life {
    return [{ afterMs: count('expiresAfter', 'milliseconds', delayMs), state: 'expired' }];
  },
  /**
   * So many queries find it open; the next one finds it paid.
   *
   * @throws {InputError} when it is no number of queries, 0 or more
   */
  paidAfterQueries(queries: number): Life {
    return [{ afterQueries: count('paidAfterQueries', 'queries', queries), state: 'paid' }];
  },
  /**
   * Any course, such as declined and then paid.
   *
   * @throws {InputError} when a step comes earlier than the one before it, or is in a state that there is not
   */
  steps(steps: readonly LifeStep[]): Life {
    refuseNoLife('lives.steps', steps);
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

/** The states that there are. */
export const states: readonly EntryState[] = [
  ...(['open', 'pending', 'authorized', 'paid', 'declined', 'canceled', 'expired', 'refunded'] as const),
];

function count(life: string, unit: string, given: unknown): number {
  if (typeof given === 'number' && given >= 0) return given;
  throw new InputError(`lives.${life}: pass a number of ${unit}, 0 or more.`);
}

/** @throws {InputError} for what is no life, and a state that there is not */
export function refuseNoLife(who: string, life: unknown): void {
  if (!Array.isArray(life))
    throw new InputError(`${who}: a life is a list of steps; take one of lives, such as lives.paid().`);
  for (const step of life as readonly (Partial<LifeStep> | undefined)[]) {
    const state: unknown = step?.state;
    if (!states.some(each => each === state))
      throw new InputError(
        `${who}: there is no state ${didYouMean(typeof state === 'string' ? state : typeof state, states)}`,
      );
  }
}
