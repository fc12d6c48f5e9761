import { describe, expect, it } from 'vitest';
import type { CodeTable } from '../../src/core/code-table.ts';
import {
  decide,
  initialState,
  unknownOutcome,
  type Decision,
  type Observation,
  type Plan,
  type State,
} from '../../src/core/decide.ts';
import { judge, lost, reconcile, type Judgement } from '../../src/core/doctrine.ts';
import { operationOf } from '../../src/core/operation.ts';
import { subjectOfTicket, type Subject } from '../../src/core/subject.ts';
import type { Ticket } from '../../src/core/ticket.ts';
import type { PollRequiredVerdict, Reason, RetryableVerdict, Verdict } from '../../src/core/verdict.ts';
import { evidenceOf } from '../../src/engine/evidence.ts';
import { defineAdapter, type Adapter, type AdapterDefinition } from '../../src/kit/adapter.ts';
import { pollRequired } from '../../src/kit/rows.ts';
import { constant, growing } from '../../src/policies/backoff.ts';
import { defaultPolicy, mergePolicy, type Policy } from '../../src/policies/policy.ts';
import { acme, readAcme, states, writes, type StateCode } from '../testing/acme.ts';

/**
 * The edges of judging and deciding: where one step further, one word less or one field fewer makes another verdict,
 * another wait or another proof.
 */

/** The invented gateway, which calls an order by another name when it is asked about it. */
const shop = acme({ queryField: 'orderNumber' });
const order = 'A1';
const ours: Subject = { reference: { order }, follows: 'payment' };

const asked = (body: unknown, subject: Partial<Subject> = {}, status = 200): Judgement =>
  judge(shop, { operation: 'payment.query', status, body }, { ...ours, ...subject });

interface OneField {
  'payment.charge': { order?: unknown };
  'payment.query': { order?: unknown };
}

/** An adapter whose one thing of interest is given. */
function adapterWith(
  rest: Partial<Pick<AdapterDefinition<OneField>, 'read'>> & {
    codes?: CodeTable;
    write?: Partial<AdapterDefinition<OneField>['operations']['payment.charge']>;
  },
): Adapter<OneField> {
  const { codes = states, write = {}, read = readAcme } = rest;
  return defineAdapter<OneField>({
    name: 'invented',
    account: 'shop-1',
    environment: 'sandbox',
    baseUrl: 'https://invented.test',
    encodings: ['json'],
    read,
    operations: {
      'payment.charge': {
        path: '/charge',
        required: {},
        codes: writes,
        reference: ['order'],
        sameReference: 'unknown',
        ...write,
      },
      'payment.query': { path: '/query', required: {}, codes, reference: { order: 'order' } },
    },
  });
}

describe('what the fields that were sent say the answer should be about', () => {
  const charged = (
    sent: Record<string, unknown>,
    about: object,
    adapter: Adapter<OneField> = adapterWith({}),
  ): Verdict => adapter.classify({ operation: 'payment.charge', status: 200, sent, body: { code: '0000', ...about } });
  const conflict = { kind: 'poll-required', reason: 'conflict' };
  const paid = { kind: 'terminal', outcome: 'succeeded' };

  it('a number names an order as its text does', () => {
    expect(charged({ order: 7 }, { order: '7' })).toMatchObject(paid);
    expect(charged({ order: 7 }, { order: '8' })).toMatchObject(conflict);
  });

  it.each([
    [{}],
    [{ order: '' }],
    [{ order: '  ' }],
    [{ order: null }],
    [{ order: {} }],
  ])('%j names no order, so no answer is about another', sent => {
    expect(charged(sent, { order })).toMatchObject(paid);
  });

  it('a reference that is made of the fields counts as one that is copied', () => {
    const adapter = adapterWith({ write: { reference: ({ order: number }) => ({ order: `shop-${String(number)}` }) } });
    expect(charged({ order }, { order: 'shop-A1' }, adapter)).toMatchObject(paid);
    expect(charged({ order }, { order }, adapter)).toMatchObject(conflict);
  });

  it('fields that were only half given name nothing and expect nothing', () => {
    const choking = adapterWith({ write: { expect: () => expect.fail('the amount is missing') } });
    expect(charged({ order }, { order: 'B2', amount: 1 }, choking)).toMatchObject(paid);
  });

  it('an amount that is no number is not expected of the answer', () => {
    const careless = adapterWith({ write: { expect: () => ({ amount: 'undefined' }) } });
    expect(charged({ order }, { order, amount: 100 }, careless)).toMatchObject(paid);
  });

  it('an answer in the currency and amount that were asked for is believed', () => {
    expect(
      asked({ code: 'paid', amount: 100, currency: 'EUR' }, { expect: { amount: '100', currency: 'EUR' } }).verdict,
    ).toMatchObject(paid);
  });
});

describe('which answers prove that our order exists', () => {
  it('a refusal proves nothing after a send that may have landed, unless it is for a duplicate', () => {
    const later = (code: string): boolean =>
      judge(shop, { operation: 'payment.charge', status: 200, attempt: 2, body: { code } }, ours).acknowledges;
    expect([later('REFUSED'), later('DUPLICATE')]).toEqual([false, true]);
  });

  it.each<[Reason, boolean]>([
    ['processing', true],
    ['awaiting-payer', true],
    ['awaiting-merchant', true],
    ['already-final', true],
    ['unknown-outcome', false],
    ['not-found', false],
    ['declined', false],
    ['conflict', false],
  ])('a row that is open with reason %s proves that the order exists: %s', (reason, proves) => {
    const adapter = adapterWith({ codes: { open: pollRequired(reason) } });
    expect(judge(adapter, { operation: 'payment.query', status: 200, body: { code: 'open' } }, ours).acknowledges).toBe(
      proves,
    );
  });
});

describe('what nobody can read', () => {
  const nothing = { acknowledges: false, unlisted: false, conflict: false, isOfOtherOrder: false, reference: {} };

  it('is no conflict, no unlisted code and no other order’s', () => {
    expect(asked({ rows: [] })).toEqual({
      ...nothing,
      verdict: { kind: 'retryable', code: 'unreadable', reason: 'unreadable', listed: false },
    });
  });

  it('an unlisted code is unlisted, and no more than that', () => {
    expect(asked({ code: 'novel' })).toMatchObject({ ...nothing, unlisted: true });
  });

  it.each([
    ['<html>paid</html>'],
    [null],
  ])('%j is no answer, even to a reader that finds a name in everything', body => {
    const believing = adapterWith({ read: () => ({ names: ['0000'] }) });
    expect(believing.classify({ operation: 'payment.charge', status: 200, body })).toMatchObject({
      kind: 'poll-required',
      listed: false,
      code: 'unreadable',
    });
  });

  it('a name that is no list of names is none', () => {
    const careless = adapterWith({ read: () => ({ names: 'paid' }) as unknown as { names: string[] } });
    expect(careless.classify({ operation: 'payment.query', status: 200, body: {} })).toMatchObject({
      kind: 'retryable',
      code: 'unreadable',
    });
  });

  it.each([0, 103, 199, 300])('a final word under HTTP %i is not believed', status => {
    expect(asked({ code: 'paid' }, {}, status).verdict).toMatchObject({ kind: 'poll-required', listed: false });
  });

  it('HTTP 300 is called by its status, as every redirect is', () => {
    expect(asked({ code: 'paid' }, {}, 300).verdict.code).toBe('http/300');
  });
});

describe('of several rows', () => {
  const decider = (...codes: string[]): string =>
    asked({ rows: codes.map(code => ({ code, order })) }, { charge: true }).verdict.code;
  const places: StateCode[][] = [
    ['paid'],
    ['open', 'pending', 'known'],
    ['held'],
    ['refunded', 'made'],
    ['canceled'],
    ['expired'],
    ['blocked', 'declined'],
    ['refused'],
    ['none', 'busy'],
  ];
  const pairs = places.flatMap((winners, place) =>
    winners.flatMap(winner =>
      places.slice(place + 1).flatMap(losers => losers.map((loser): [StateCode, StateCode] => [winner, loser])),
    ),
  );

  it.each(pairs)('%s wins over %s, in whatever order they come', (winner, loser) => {
    expect([decider(winner, loser), decider(loser, winner)]).toEqual([winner, winner]);
  });

  it('the first speaks where they are worth the same', () => {
    expect([decider('open', 'pending'), decider('pending', 'open')]).toEqual(['open', 'pending']);
  });

  it.each<Reason>([
    'declined',
    'insufficient-funds',
    'limit-exceeded',
    'risk',
  ])('one that is open after a decline (%s) does not hide how the order ended', reason => {
    const adapter = adapterWith({ codes: { ...states, 'may retry': pollRequired(reason) } });
    for (const codes of [
      ['may retry', 'expired'],
      ['expired', 'may retry'],
    ]) {
      const body = { rows: codes.map(code => ({ code, order })) };
      expect(judge(adapter, { operation: 'payment.query', status: 200, body }, ours).verdict).toMatchObject({
        outcome: 'expired',
      });
    }
  });
});

describe('what a verdict carries', () => {
  it('has no key for what its row leaves out', () => {
    expect(Object.keys(asked({ code: 'open' }).verdict).sort()).toEqual(['code', 'kind', 'listed', 'reason']);
  });

  it('tells the engineer on call what to do where no table can', () => {
    const another = asked({ code: 'paid', order: 'B2' }).verdict;
    const unlisted = shop.classify({ operation: 'payment.charge', status: 200, body: { code: 'novel' } });
    expect([
      another.advice,
      unlisted.advice,
      lost('write', 'not-sent', 'x').advice,
      lost('write', 'maybe-sent', 'x').advice,
    ]).toEqual([
      expect.stringContaining('not believed'),
      expect.stringContaining('ask the gateway'),
      expect.stringContaining('network'),
      expect.stringContaining('ask before sending again'),
    ]);
  });

  it('is of no row where nobody answered', () => {
    expect(lost('write', 'maybe-sent', 'timeout').listed).toBe(false);
    expect(unknownOutcome('deadline')).toEqual({
      kind: 'poll-required',
      code: 'deadline',
      reason: 'unknown-outcome',
      listed: false,
    });
  });
});

it('an order is over a minute after its time, and not before', () => {
  const ticket: Ticket = {
    version: 1,
    gateway: 'acme',
    account: 'shop-1',
    environment: 'sandbox',
    operation: 'payment.create',
    reference: { order },
    openedAt: '2026-01-01T00:00:00.000Z',
    expiresAt: '2026-01-01T00:15:00.000Z',
    seen: true,
    polls: 0,
  };
  const isOver = (at: string): boolean | undefined =>
    subjectOfTicket(operationOf(shop, 'payment.create'), ticket, false, Date.parse(at)).over;
  expect([isOver('2026-01-01T00:15:59.999Z'), isOver('2026-01-01T00:16:00.000Z')]).toEqual([false, true]);
});

describe('two final words that contradict each other', () => {
  it.each([
    ['failed', 'refunded', 'refunded'],
    ['expired', 'canceled', 'canceled'],
    ['absent', 'refunded', 'refunded'],
    ['absent', 'failed', 'absent'],
    ['failed', 'expired', 'failed'],
    ['canceled', 'refunded', 'canceled'],
    ['refunded', 'canceled', 'refunded'],
    ['refunded', 'expired', 'refunded'],
  ] as const)('%s, then %s: %s stands, and it is a contradiction', (known, heard, outcome) => {
    expect(reconcile(known, heard)).toEqual({ outcome, conflict: true });
  });
});

const startMs = Date.UTC(2026, 10, 1);
const deadlineMs = 60_000;
const maxRetryAfterMs = 20_000;
const usual: Policy = {
  retry: { attempts: 3, backoff: constant(100), maxRetryAfterMs },
  poll: { backoff: constant(1000), deadlineMs },
};

const pending: PollRequiredVerdict = { kind: 'poll-required', reason: 'awaiting-payer', code: 'PENDING', listed: true };
const notFound: PollRequiredVerdict = { kind: 'poll-required', reason: 'not-found', code: 'none', listed: true };
const unprocessed: RetryableVerdict = { kind: 'retryable', reason: 'maintenance', code: 'BUSY', listed: true };
const tokenRefused: RetryableVerdict = { ...unprocessed, reason: 'authentication', remedy: 'reauthenticate' };

/** What is known after the first send left, unless told otherwise. */
function stateOf(known: Partial<State> = {}, plan: Partial<Omit<Plan, 'policy'>> = {}, policy: Policy = {}): State {
  const whole: Plan = {
    effect: 'write',
    follows: 'payment',
    sameReference: 'unknown',
    policy: mergePolicy(mergePolicy(defaultPolicy, usual), policy),
    startedAtMs: startMs,
    openedAtMs: startMs,
    payerNeedsAnswer: false,
    followOnly: false,
    mayHaveBeenSent: false,
    ...plan,
  };
  return { ...initialState(whole, { seen: false, askable: true, sentAtMs: startMs }), attempts: 1, ...known };
}

const answered = (verdict: Verdict, retryAfterMs?: number): Observation => ({
  type: 'answered',
  verdict,
  acknowledges: false,
  refused: false,
  askable: true,
  ...(retryAfterMs !== undefined && { retryAfterMs }),
});
const status = (verdict: Verdict, more: { acknowledges?: boolean; retryAfterMs?: number } = {}): Observation => ({
  type: 'status',
  verdict,
  acknowledges: false,
  ...more,
});
const due: Observation = { type: 'due' };

const step = (state: State, observation: Observation, afterMs = 0): { state: State; decision: Decision } =>
  decide(state, observation, { nowMs: startMs + afterMs, chance: 1 });
const next = (state: State, observation: Observation, afterMs = 0): Decision =>
  step(state, observation, afterMs).decision;

const replays: Partial<Plan> = { sameReference: 'replays' };
const toSend = (delayMs: number): Decision => ({ type: 'wait', next: 'send', delayMs });
const toAsk = (delayMs: number): Decision => ({ type: 'wait', next: 'ask', delayMs });

describe('what an answer does not prove is not remembered', () => {
  it('an unprocessed send has neither shown the order nor refused it', () => {
    expect(step(stateOf(), answered(unprocessed)).state).toMatchObject({ seen: false, refused: false, landed: false });
  });

  it('“not processed” is not the answer that the payer of an open order waits for', () => {
    const busy = step(stateOf({ landed: true }, { payerNeedsAnswer: true }), answered(unprocessed));
    expect(busy.state.heard).toBe(false);
    expect(next(busy.state, status(pending, { acknowledges: true }))).toMatchObject({
      type: 'settle',
      outcome: 'created',
      settledBy: 'query',
    });
  });
});

describe('a send whose wait is over', () => {
  it('leaves when an earlier one may have landed, while the provider still replays', () => {
    expect(next(stateOf({ landed: true, next: 'send' }, { ...replays, remembersForMs: 5000 }), due, 4999)).toEqual({
      type: 'send',
    });
  });

  it('leaves however long ago the ticket was opened, when no earlier one landed: there is nothing to forget', () => {
    expect(next(stateOf({ next: 'send' }, { ...replays, remembersForMs: 5000 }), due, 5000)).toEqual({ type: 'send' });
  });

  it('that a query has called for is a send, not a query', () => {
    const resending: Policy = { poll: { absentAfterMs: 0, resendWhenAbsent: true } };
    const waiting = step(
      stateOf({ landed: true, notFounds: 1, next: 'ask' }, {}, resending),
      status(notFound, { retryAfterMs: 5000 }),
    );
    expect(waiting.decision).toEqual(toSend(5000));
    expect(next(waiting.state, due, 5000)).toEqual({ type: 'send' });
  });

  it('turns into a query once a notice has come meanwhile', () => {
    const waiting = step(stateOf({ next: 'send' }), answered(unprocessed, 5000));
    const told = step(waiting.state, { type: 'notice', verdict: pending, confirm: false }, 1000);
    expect([told.decision, told.state.next]).toEqual([toAsk(4000), 'ask']);
    expect(next(told.state, due, 5000)).toEqual({ type: 'ask' });
  });
});

describe('Retry-After is waited for up to the very limit', () => {
  const resending: Policy = { poll: { absentAfterMs: 0, resendWhenAbsent: true } };
  const absent = (retryAfterMs: number, afterMs = 0): Decision =>
    next(stateOf({ landed: true, notFounds: 1 }, {}, resending), status(notFound, { retryAfterMs }), afterMs);

  it('of the policy: before a query, a send, and a send that a query has called for', () => {
    expect(next(stateOf({ landed: true }), status(pending, { retryAfterMs: maxRetryAfterMs }))).toEqual(
      toAsk(maxRetryAfterMs),
    );
    expect(next(stateOf(), answered(unprocessed, maxRetryAfterMs))).toEqual(toSend(maxRetryAfterMs));
    expect(absent(maxRetryAfterMs)).toEqual(toSend(maxRetryAfterMs));
  });

  it('of the deadline: before a send that a query has called for', () => {
    expect(absent(5000, deadlineMs - 5000)).toEqual(toSend(5000));
  });
});

describe('a send that was not processed', () => {
  it('waits by how long the call has lasted', () => {
    const policy: Policy = { retry: { backoff: growing({ firstMs: 100, baseMs: 100, ratio: 0.5, maxMs: 10_000 }) } };
    expect(next(stateOf({ attempts: 2 }, {}, policy), answered(unprocessed), 2000)).toEqual(toSend(1100));
  });

  it('may have its token renewed after it was sent again for another reason', () => {
    const again = step(stateOf(), answered(unprocessed));
    expect(again.state.reauthenticated).toBe(false);
    expect(next({ ...again.state, attempts: 2 }, answered(tokenRefused))).toEqual(toSend(0));
  });
});

describe('a verdict that nobody answered is called by what happened', () => {
  it('nothing could be asked', () => {
    const blind = { ...stateOf({}, { followOnly: true }), askable: false };
    expect(next(blind, { type: 'started' })).toMatchObject({
      type: 'settle',
      outcome: 'unresolved',
      verdict: { code: 'not-asked' },
    });
  });

  it('the deadline came first', () => {
    expect(next(stateOf({ next: 'send' }), due, deadlineMs + 1)).toMatchObject({
      type: 'settle',
      outcome: 'unsent',
      verdict: { code: 'deadline' },
    });
  });
});

describe('which failures prove that nothing was sent', () => {
  const proves = (error: unknown): string => evidenceOf(error).evidence;
  const coded = (code: string, more: object = {}): Error => Object.assign(new Error(code), { code, ...more });

  it.each([
    ...['EAI_FAIL', 'EAI_NODATA', 'EAI_NONAME'],
    ...['CERT_NOT_YET_VALID', 'CERT_REVOKED', 'CERT_UNTRUSTED', 'SELF_SIGNED_CERT_IN_CHAIN'],
    ...['UNABLE_TO_GET_ISSUER_CERT', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY'],
  ])('%s comes before a connection stands', code => {
    expect(proves(coded(code))).toBe('not-sent');
  });

  it.each(['ENETDOWN', 'EHOSTDOWN'])('%s proves it only of the connect call', code => {
    expect([proves(coded(code, { syscall: 'connect' })), proves(coded(code, { syscall: 'read' }))]).toEqual([
      'not-sent',
      'maybe-sent',
    ]);
  });

  it('the words of Deno count in whatever case, but only as whole words', () => {
    expect(proves(new Error('DNS error: no such host'))).toBe('not-sent');
    expect([proves(new Error('dns errors: 0')), proves(new Error('mdns error'))]).toEqual(['maybe-sent', 'maybe-sent']);
  });

  it('one address that was tried must prove it too, whatever the error around it is called', () => {
    expect(
      proves(Object.assign(new AggregateError([coded('ECONNRESET', { syscall: 'read' })]), { code: 'ECONNREFUSED' })),
    ).toBe('maybe-sent');
  });

  it('an error of odd make proves nothing, and chokes nobody', () => {
    expect(proves({ errors: 'all of them' })).toBe('maybe-sent');
    expect(proves({ message: ['dns error'] })).toBe('maybe-sent');
    expect(proves({ message: Object.create(null) as unknown })).toBe('maybe-sent');
  });

  it('is looked for eight causes deep, and no deeper', () => {
    const wrapped = (times: number): Error =>
      times === 0 ? coded('ECONNREFUSED') : new Error('wrapped', { cause: wrapped(times - 1) });
    expect([proves(wrapped(7)), proves(wrapped(8))]).toEqual(['not-sent', 'maybe-sent']);
  });
});
