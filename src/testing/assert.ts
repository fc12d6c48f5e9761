import type { LoopOutcome } from '../core/settlement.ts';
import type { Outcome } from '../core/verdict.ts';
import { booksAgree, charged, nobodyChargedTwice, refunded, settledAs, type Finding, type Told } from './money.ts';
import type { Simulator } from './simulator.ts';

/*
 * For `node:test` and any other runner: each throws an error that says what the ledger saw.
 */

/** The payment's money moved once: not never, and not twice. */
export const assertChargedOnce = (simulated: Pick<Simulator, 'ledger'>, reference: string): void =>
  hold(charged(simulated, reference, 1));

/** No money moved under this number. */
export const assertNeverCharged = (simulated: Pick<Simulator, 'ledger'>, reference: string): void =>
  hold(charged(simulated, reference, 0));

/** A refund's money went back once; `reference` is the refund's own number. */
export const assertRefundedOnce = (simulated: Pick<Simulator, 'ledger'>, reference: string): void =>
  hold(refunded(simulated, reference, 1));

/** No number of the whole ledger was booked more than once. */
export const assertNobodyChargedTwice = (simulated: Pick<Simulator, 'ledger'>): void =>
  hold(nobodyChargedTwice(simulated));

/** How a settlement ended. */
export const assertSettledAs = (settlement: unknown, outcome: Outcome | LoopOutcome): void =>
  hold(settledAs(settlement, outcome));

/**
 * The gateway's books and what the shop was told agree, number by number: nobody charged twice, nothing paid called
 * failed, nothing called paid that was not booked, nothing forgotten.
 *
 * @param told settlements, or the shop's own rows: `{ reference: 'ORDER-1', outcome: 'succeeded' }`
 */
export const assertBooksAgree = (simulated: Pick<Simulator, 'ledger'>, told: Iterable<Told>): void =>
  hold(booksAgree(simulated, told));

/** As `node:assert` names it, so that a runner shows the message alone. */
class AssertionError extends Error {
  override readonly name = 'AssertionError';
  readonly code = 'ERR_ASSERTION';
}

function hold({ holds, message }: Finding): void {
  if (!holds) throw new AssertionError(message);
}
