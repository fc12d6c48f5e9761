import { describe, expect, it } from 'vitest';
import type { Outcome, Ticket, Verdict } from '../../src/index.ts';
import type { EntryState, LedgerEntry } from '../../src/testing/index.ts';
import {
  asksCalmly,
  bookedAtMostOnce,
  goesOnAsking,
  keepsToTheLimit,
  noticesAreTrue,
  openHasATicket,
  overIsNeverPaidLater,
  paidIsNeverCalledOver,
  settledStaysSettled,
  successIsTrue,
  tellsTheTruth,
  unsentIsTrue,
  type Asking,
  type Ending,
  type Moment,
} from './invariants.ts';
import type { Scene } from './providers.ts';

/** The rules of the storm are only worth what they would notice. */

const scene = (more: Partial<Scene> = {}): Scene => ({
  operation: 'payment.create',
  opens: 'create',
  wants: 'paid',
  namesItsOrder: true,
  queryNamesItsOrder: true,
  fields: () => ({}),
  ...more,
});
const cancel = scene({ operation: 'payment.cancel', wants: 'off' });

const entry = (state: EntryState, more: Partial<LedgerEntry> = {}): LedgerEntry => ({
  kind: 'payment',
  operation: 'payment.create',
  act: 'create',
  reference: 'A1',
  providerId: 'P9',
  fields: {},
  amount: '100',
  currency: 'EUR',
  openedAtMs: 0,
  state,
  bookings: ['paid', 'refunded'].includes(state) ? 1 : 0,
  of: undefined,
  refundedAmount: undefined,
  sends: 1,
  queries: 0,
  answers: [],
  ...more,
});

const ticket: Ticket = {
  version: 1,
  gateway: 'acme',
  account: 'shop-1',
  environment: 'sandbox',
  operation: 'payment.create',
  reference: { order: 'A1' },
  openedAt: '2026-01-01T00:00:00.000Z',
  seen: true,
  polls: 0,
};
const verdictOf = (outcome: Outcome, reason: Verdict['reason'] = 'approved'): Verdict => ({
  kind: 'terminal',
  outcome,
  reason,
  code: outcome,
  listed: true,
});

const moment = (outcome: Ending['outcome'], found: LedgerEntry | undefined, more: Partial<Moment> = {}): Moment => ({
  ending: { outcome, settledBy: 'answer', ticket },
  scene: scene(),
  entry: found,
  amount: '100',
  isTaken: false,
  isCopied: false,
  isMisled: false,
  ...more,
});

const overs = ['failed', 'canceled', 'expired', 'absent', 'unsent', 'rejected'] as const;

describe('what is paid', () => {
  it.each(overs)('may not be called %s, nor what was given back since', outcome => {
    for (const state of ['paid', 'refunded'] as const)
      expect(paidIsNeverCalledOver(moment(outcome, entry(state)))).toContain(`${outcome} `);
    for (const state of ['open', 'pending', 'declined', 'canceled', 'expired'] as const)
      expect(paidIsNeverCalledOver(moment(outcome, entry(state)))).toBeUndefined();
    expect(paidIsNeverCalledOver(moment(outcome, undefined))).toBeUndefined();
  });

  it.each(overs)('may not have been called %s before', outcome => {
    expect(overIsNeverPaidLater(moment(outcome, entry('paid')))).toContain(`${outcome} `);
  });

  it('may be called a duplicate only where another intention owns the number, or a proxy has made a copy', () => {
    const duplicate: Ending = { outcome: 'rejected', verdict: verdictOf('rejected', 'duplicate') };
    const declined: Ending = { outcome: 'failed', verdict: verdictOf('failed', 'declined') };
    expect(paidIsNeverCalledOver(moment('rejected', entry('paid'), { ending: duplicate }))).toBeDefined();
    expect(
      paidIsNeverCalledOver(moment('rejected', entry('paid'), { ending: duplicate, isTaken: true })),
    ).toBeUndefined();
    expect(
      paidIsNeverCalledOver(moment('rejected', entry('paid'), { ending: duplicate, isCopied: true })),
    ).toBeUndefined();
    expect(paidIsNeverCalledOver(moment('failed', entry('paid'), { ending: declined, isCopied: true }))).toBeDefined();
    const unprocessed: Ending = {
      outcome: 'rejected',
      verdict: { kind: 'retryable', reason: 'maintenance', code: 'x', listed: true },
    };
    expect(paidIsNeverCalledOver(moment('rejected', entry('paid'), { ending: unprocessed }))).toBeDefined();
    expect(
      paidIsNeverCalledOver(moment('rejected', entry('paid'), { ending: unprocessed, isCopied: true })),
    ).toBeUndefined();
  });

  it('of a cancel is a payment that is off the table by the cancel, and not by itself', () => {
    expect(paidIsNeverCalledOver(moment('failed', entry('canceled'), { scene: cancel }))).toBeDefined();
    expect(paidIsNeverCalledOver(moment('failed', entry('expired'), { scene: cancel }))).toBeUndefined();
    expect(paidIsNeverCalledOver(moment('failed', entry('paid'), { scene: cancel }))).toBeUndefined();
  });
});

describe('succeeded', () => {
  it.each([
    'open',
    'pending',
    'authorized',
    'declined',
    'canceled',
    'expired',
  ] as const)('may not be said of what is %s', state => {
    expect(successIsTrue(moment('succeeded', entry(state)))).toBeDefined();
  });

  it('may be said of what is paid: by this intention, and for its amount', () => {
    expect(successIsTrue(moment('succeeded', entry('paid')))).toBeUndefined();
    expect(successIsTrue(moment('succeeded', undefined))).toBeDefined();
    expect(successIsTrue(moment('succeeded', entry('paid', { amount: '101' })))).toBeDefined();
    expect(successIsTrue(moment('succeeded', entry('paid'), { isTaken: true }))).toBeDefined();
  });

  it('may be said by another order’s answer only where that names no order, and never by a query', () => {
    const misled = (settledBy: 'answer' | 'query'): Partial<Moment> => ({
      isMisled: true,
      ending: { outcome: 'succeeded', settledBy, ticket },
    });
    expect(successIsTrue(moment('succeeded', entry('open'), misled('answer')))).toBeUndefined();
    expect(successIsTrue(moment('succeeded', entry('open'), misled('query')))).toBeDefined();
  });

  it('of a cancel may not be said of what is paid', () => {
    expect(successIsTrue(moment('succeeded', entry('paid'), { scene: cancel }))).toBeDefined();
    expect(successIsTrue(moment('succeeded', entry('canceled'), { scene: cancel }))).toBeUndefined();
  });

  it.each([
    ['refunded', 'paid', 'refunded'],
    ['authorized', 'paid', 'authorized'],
  ] as const)('so with %s: not of what is %s', (outcome, wrong, right) => {
    expect(successIsTrue(moment(outcome, entry(wrong)))).toBeDefined();
    expect(successIsTrue(moment(outcome, entry(right)))).toBeUndefined();
  });

  it('so with created: not of what is not there', () => {
    expect(successIsTrue(moment('created', undefined))).toBeDefined();
    expect(successIsTrue(moment('created', undefined, { isMisled: true }))).toBeUndefined();
    expect(successIsTrue(moment('created', entry('open')))).toBeUndefined();
  });
});

describe('a payment that is left open', () => {
  it.each([
    'created',
    'authorized',
    'unresolved',
    'absent',
  ] as const)('has a ticket that survives JSON: %s', outcome => {
    const ending = (given?: Ticket): Moment =>
      moment(outcome, undefined, { ending: { outcome, ...(given !== undefined && { ticket: given }) } });
    expect(openHasATicket(ending(ticket))).toBeUndefined();
    expect(openHasATicket(ending())).toBe(`${outcome} without a ticket`);
    expect(openHasATicket(ending({ ...ticket, reference: {} }))).toContain('TicketError');
    expect(openHasATicket(ending({ ...ticket, reference: { order: 'x'.repeat(300) } }))).toContain('TicketError');
  });

  it('tells the truth in the end: unresolved is none', () => {
    const told = (outcome: Ending['outcome'], found: LedgerEntry | undefined): boolean =>
      tellsTheTruth({ outcome }, scene(), found) === undefined;
    expect(
      ['succeeded', 'refunded', 'unresolved', 'failed', 'absent'].map(outcome =>
        told(outcome as Outcome, entry('paid')),
      ),
    ).toEqual([true, true, false, false, false]);
    expect(['absent', 'unresolved', 'failed', 'succeeded'].map(outcome => told(outcome as Outcome, undefined))).toEqual(
      [true, false, false, false],
    );
    expect(
      ['expired', 'unresolved', 'created', 'succeeded'].map(outcome => told(outcome as Outcome, entry('expired'))),
    ).toEqual([true, false, false, false]);
  });
});

describe('what is held back', () => {
  const held = (outcome: 'unsent' | 'rejected'): Partial<Moment> => ({
    ending: { outcome, verdict: { kind: 'retryable', reason: 'unavailable', code: 'circuit-open', listed: false } },
  });

  it.each(['unsent', 'rejected'] as const)('is not in the ledger, not even open: %s', outcome => {
    expect(unsentIsTrue(moment(outcome, entry('open'), held(outcome)))).toContain('circuit-open');
    expect(unsentIsTrue(moment(outcome, undefined, held(outcome)))).toBeUndefined();
  });

  it('may be there where it is another’s: one that owns the number, a copy, or the payment that it is about', () => {
    const unsent = held('unsent');
    expect(unsentIsTrue(moment('unsent', entry('open'), { ...unsent, isTaken: true }))).toBeUndefined();
    expect(unsentIsTrue(moment('unsent', entry('open'), { ...unsent, isCopied: true }))).toBeUndefined();
    const confirm = scene({ opens: 'charge', after: 'order' });
    expect(unsentIsTrue(moment('unsent', entry('open'), { ...unsent, scene: confirm }))).toBeUndefined();
  });

  it('says nothing of a final refusal', () => {
    const refused: Ending = { outcome: 'rejected', verdict: verdictOf('rejected', 'duplicate') };
    expect(unsentIsTrue(moment('rejected', entry('open'), { ending: refused }))).toBeUndefined();
  });
});

describe('an intention', () => {
  it('is booked once, and once more for each copy a proxy made', () => {
    expect(bookedAtMostOnce(undefined, 0)).toBeUndefined();
    expect(bookedAtMostOnce(entry('paid'), 0)).toBeUndefined();
    expect(bookedAtMostOnce(entry('paid', { bookings: 2 }), 0)).toBeDefined();
    expect(bookedAtMostOnce(entry('paid', { bookings: 2 }), 1)).toBeUndefined();
    expect(bookedAtMostOnce(entry('paid', { bookings: 3 }), 1)).toBeDefined();
  });

  it('is booked under no other number or key either', () => {
    expect(bookedAtMostOnce(entry('paid'), 0, [entry('paid', { reference: 'A1-again' })])).toContain('A1-again');
    expect(bookedAtMostOnce(undefined, 0, [entry('open', { reference: 'A1-again' })])).toBeDefined();
  });
});

describe('what is settled', () => {
  const settled = (outcome: Ending['outcome'], more: Partial<Ending> = {}): Ending => ({ outcome, ...more });

  it.each([
    'succeeded',
    'failed',
    'canceled',
    'expired',
    'refunded',
    'authorized',
    'created',
  ] as const)('as %s sends nothing again, and is told as before', outcome => {
    expect(settledStaysSettled(settled(outcome), settled(outcome, { repeated: true }), 0, false)).toBeUndefined();
    expect(settledStaysSettled(settled(outcome), settled(outcome, { repeated: true }), 1, false)).toContain('1 sends');
    expect(settledStaysSettled(settled(outcome), settled(outcome, { repeated: false }), 0, false)).toContain(
      'repeated',
    );
    expect(settledStaysSettled(settled(outcome), settled('rejected'), 0, false)).toContain(`after ${outcome}`);
    expect(settledStaysSettled(settled(outcome), settled('refunded'), 0, true)).toBeUndefined();
  });

  it.each(['absent', 'unresolved', 'unsent', 'rejected', 'aborted'] as const)('is not what was %s', outcome => {
    expect(settledStaysSettled(settled(outcome), settled('succeeded'), 1, false)).toBeUndefined();
  });
});

describe('a call', () => {
  it('asks no more often than its pace', () => {
    expect(asksCalmly(21, 1_000)).toBeUndefined();
    expect(asksCalmly(850, 3_000)).toBe('850 questions in 3000 ms');
    expect(asksCalmly(850, 900_000)).toBeUndefined();
  });
});

describe('a call that waits', () => {
  const asking = (more: Partial<Asking> = {}): Asking => ({
    ...{ beganAtMs: 1_000, endedAtMs: 61_000, deadlineMs: 60_000, asks: 5, lastAskAtMs: 61_000 },
    ...{ notBeforeMs: 0, longestQuietMs: 10_000, ...more },
  });

  it('asks at its pace', () => {
    expect(goesOnAsking(asking(), true, 10_000, 1_000)).toBeUndefined();
    expect(goesOnAsking(asking({ longestQuietMs: 11_001 }), false, 10_000, 1_000)).toContain('quiet for 11001 ms');
  });

  it('asks at its deadline, if it ends open then and the gateway wants to hear it', () => {
    const early = { lastAskAtMs: 50_000 };
    expect(goesOnAsking(asking(early), true, 10_000, 1_000)).toContain('11000 ms before');
    expect(goesOnAsking(asking(early), false, 10_000, 1_000)).toBeUndefined();
    expect(goesOnAsking(asking({ ...early, endedAtMs: 50_000 }), true, 10_000, 1_000)).toBeUndefined();
    expect(goesOnAsking(asking({ ...early, notBeforeMs: 62_000 }), true, 10_000, 1_000)).toBeUndefined();
    expect(goesOnAsking(asking({ ...early, asks: 0 }), true, 10_000, 1_000)).toBeUndefined();
  });
});

describe('a limit', () => {
  it('holds for any second, wherever it begins', () => {
    expect(keepsToTheLimit([0, 900, 1_000, 1_900], 2, 1_000)).toBeUndefined();
    expect(keepsToTheLimit([0, 900, 999], 2, 1_000)).toBe('3 requests within 1000 ms, the last at 999');
    expect(keepsToTheLimit([0, 0, 0, 0], Infinity, 1_000)).toBeUndefined();
  });
});

describe('a notice', () => {
  it.each<[Outcome, EntryState, follows: string | undefined, isTrue: boolean]>([
    ['succeeded', 'paid', undefined, true],
    ['succeeded', 'refunded', undefined, true],
    ['succeeded', 'open', undefined, false],
    ['succeeded', 'canceled', undefined, false],
    ['succeeded', 'canceled', 'cancel', true],
    ['succeeded', 'paid', 'cancel', false],
    ['refunded', 'refunded', undefined, true],
    ['refunded', 'paid', undefined, false],
    ['failed', 'declined', undefined, true],
    ['failed', 'paid', undefined, false],
    ['canceled', 'paid', undefined, false],
    ['expired', 'refunded', undefined, false],
    ['rejected', 'paid', undefined, false],
    ['created', 'paid', undefined, true],
  ])('that says %s of what is %s (of a %s): %s', (outcome, state, follows, isTrue) => {
    expect(noticesAreTrue(verdictOf(outcome), entry(state), follows) === undefined).toBe(isTrue);
  });

  it('that says nothing final contradicts nothing', () => {
    expect(
      noticesAreTrue({ kind: 'poll-required', reason: 'processing', code: 'x', listed: true }, entry('paid')),
    ).toBeUndefined();
  });
});
