// Not at run time: it is the types that are added to.
import type {} from 'vitest';
import type { LoopOutcome } from '../core/settlement.ts';
import type { Outcome } from '../core/verdict.ts';
import { booksAgree, charged, nobodyChargedTwice, refunded, settledAs, type Finding, type Told } from './money.ts';
import type { Simulator } from './simulator.ts';

interface Result {
  readonly pass: boolean;
  readonly message: () => string;
}

type Of<T, Subject, Matcher> = unknown extends T ? Matcher : T extends Subject ? Matcher : never;

declare module 'vitest' {
  // As vitest declares it, so that the two are one. A matcher is there for what it is about alone.
  interface Matchers<R extends void | Promise<void> = void | Promise<void>, T = unknown> {
    /** The payment's money moved once: not never, and not twice. */
    toHaveChargedOnce: Of<T, Books, (reference: string) => R>;
    /** No money moved under this number. */
    toHaveNeverCharged: Of<T, Books, (reference: string) => R>;
    /** A refund's money went back once; `reference` is the refund's own number. */
    toHaveRefundedOnce: Of<T, Books, (reference: string) => R>;
    /** No number of the whole ledger was booked more than once. */
    toHaveChargedNobodyTwice: Of<T, Books, () => R>;
    /**
     * The gateway's books and what the shop was told agree, number by number: nobody charged twice, nothing paid called
     * failed, nothing called paid that was not booked, nothing forgotten.
     *
     * @param told settlements, or the shop's own rows: `{ reference: 'ORDER-1', outcome: 'succeeded' }`
     */
    toAgreeWith: Of<T, Books, (told: Iterable<Told>) => R>;
    /** How a settlement ended. */
    toBeSettledAs: Of<T, { readonly outcome: string }, (outcome: Outcome | LoopOutcome) => R>;
  }
}

type Books = Pick<Simulator, 'ledger'>;

/**
 * Matchers for vitest: `expect.extend(moneyMatchers)`, once, in a set-up file or at the head of a test. Importing this
 * file adds their types, as vitest 5 declares them; with an older vitest the functions of `tillpaid/testing`
 * (`assertChargedOnce` and others) say the same.
 *
 * @example
 * ```ts
 * expect.extend(moneyMatchers);
 *
 * const settlement = await clock.run(payOrder('260101_0001', { fetch: simulated.fetch, clock }));
 *
 * expect(settlement).toBeSettledAs('succeeded');
 * expect(simulated).toHaveChargedOnce('260101_0001');
 * expect(simulated).toAgreeWith([settlement]);
 * ```
 */
export const moneyMatchers: {
  toHaveChargedOnce(simulated: Books, reference: string): Result;
  toHaveNeverCharged(simulated: Books, reference: string): Result;
  toHaveRefundedOnce(simulated: Books, reference: string): Result;
  toHaveChargedNobodyTwice(simulated: Books): Result;
  toBeSettledAs(settlement: unknown, outcome: Outcome | LoopOutcome): Result;
  toAgreeWith(simulated: Books, told: Iterable<Told>): Result;
} = {
  toHaveChargedOnce: (simulated, reference) => result(charged(simulated, reference, 1)),
  toHaveNeverCharged: (simulated, reference) => result(charged(simulated, reference, 0)),
  toHaveRefundedOnce: (simulated, reference) => result(refunded(simulated, reference, 1)),
  toHaveChargedNobodyTwice: simulated => result(nobodyChargedTwice(simulated)),
  toBeSettledAs: (settlement, outcome) => result(settledAs(settlement, outcome)),
  toAgreeWith: (simulated, told) => result(booksAgree(simulated, told)),
};

/** A message is asked for when a matcher fails: after `.not`, when the finding holds. */
const result = ({ holds, message }: Finding): Result => ({
  pass: holds,
  message: () => (holds ? `not expected: ${message}` : message),
});
