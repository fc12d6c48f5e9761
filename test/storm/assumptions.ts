import type { Policy } from '../../src/index.ts';

/**
 * What the storm grants, since no client could do without it. Whoever cannot grant it to his gateway leaves
 * `absentAfterMs` unset: then nothing is ever called absent, and a lost payment ends `unresolved`.
 *
 * 1. "Not found" is believed after `absentAfterMs`. By then whatever was sent has arrived or never will, and every
 * replica has
 *    caught up: a request is never later than `absentAfterMs`, and no replica lags as long as that.
 * 2. An answer about another order is noticed when it names the order, or is about another amount. One that names
 * neither is taken
 *    for the order's own (`namesItsOrder` in providers.ts).
 * 3. A final word is final: what a gateway calls declined for good, expired or canceled is not paid afterwards.
 * 4. A gateway that books a second request under the same number also books the copy of a proxy, and what the shop's
 * own `fetch` sends
 *    again by itself: the client sent once.
 * 5. Such a copy may be answered "this number is taken" to a client that sent it once, or "not processed" when it is
 * the shop's own
 *    `fetch` that hides a first answer. `rejected` for the reason `duplicate` therefore never means "not paid", but
 * "look it up".
 * 6. An idempotency key is not used again after the time for which the provider remembers it.
 * 7. Clocks differ by less than a minute where an order's end is told by the merchant's own clock.
 * 8. A state may flap: of an order that the gateway has told of it may say "not found" at any time. Who has heard of
 * the order knows
 *    better, and so does who goes on with his ticket; who died before he had has only 1 to go by.
 * 9. What a ticket tells, it tells in wall time: while a call begins and while something is sent, the wall clock is
 * wrong by no more
 *    than `smallStepMs`. In the middle of a call it may be wrong by hours.
 * 10. Once a payment was canceled at its deadline, a replica is behind by no more than half of `cancelWithinMs`; with a journal,
 * whose worker
 *    does not know of the cancel, none is.
 */
export const assumptions: {
  /** The shortest `absentAfterMs` of the storm. An adapter's own is longer. */
  readonly shortestAbsenceMs: number;
  /** Half of the time before absence is believed, less a little: for a late request, or for a replica. */
  readonly latestMs: (policy: Policy) => number;
  /** After this an idempotency key counts as used up. */
  readonly keyLivesMs: number;
  /** How far the merchant's wall clock may be off for a while. */
  readonly smallStepMs: number;
  /** Orders expire within this. */
  readonly payableForMs: number;
} = {
  shortestAbsenceMs: 60_000,
  latestMs: ({ poll }) => (Math.min(poll?.absentAfterMs ?? Infinity, ADAPTERS_ABSENCE_MS) - 20_000) / 2,
  keyLivesMs: 20 * 3_600_000,
  smallStepMs: 15_000,
  payableForMs: 14 * 60_000,
};

/** Where an adapter knows that no request can arrive later, its own `absentAfterMs` is at least this. */
const ADAPTERS_ABSENCE_MS = 5 * 60_000;
