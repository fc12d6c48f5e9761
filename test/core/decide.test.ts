import { describe, expect, it } from 'vitest';
import {
  decide,
  initialState,
  unknownOutcome,
  type Decision,
  type Observation,
  type Plan,
  type State,
} from '../../src/core/decide.ts';
import type { Follows } from '../../src/core/operation.ts';
import { constant, steps, type Backoff } from '../../src/policies/backoff.ts';
import { defaultPolicy, mergePolicy, type Policy } from '../../src/policies/policy.ts';
import type {
  Outcome,
  PollRequiredVerdict,
  Reason,
  RetryableVerdict,
  TerminalVerdict,
  Verdict,
} from '../../src/core/verdict.ts';

const startMs = Date.UTC(2026, 10, 1);
const deadlineMs = 60_000;
const usual: Policy = {
  retry: { attempts: 3, backoff: constant(100), maxRetryAfterMs: 20_000 },
  poll: { backoff: steps([1000, 2000, 4000]), deadlineMs },
};

const terminal = (outcome: Outcome, reason: Reason = 'approved'): TerminalVerdict => ({
  kind: 'terminal',
  outcome,
  reason,
  code: outcome,
  listed: true,
});
const unprocessed = (more: Partial<RetryableVerdict> = {}): RetryableVerdict => ({
  kind: 'retryable',
  reason: 'maintenance',
  code: 'BUSY',
  listed: true,
  ...more,
});
const pending = (more: Partial<PollRequiredVerdict> = {}): PollRequiredVerdict => ({
  kind: 'poll-required',
  reason: 'processing',
  code: 'PENDING',
  listed: true,
  ...more,
});
const notFound: PollRequiredVerdict = { kind: 'poll-required', reason: 'not-found', code: 'none', listed: true };
const unreachable: RetryableVerdict = {
  kind: 'retryable',
  reason: 'unreachable',
  code: 'network/ECONNREFUSED',
  listed: false,
};
const refusal = terminal('rejected', 'authentication');
const againLater: unknown = expect.stringMatching(/nothing was done\. Send it again later, under the same reference/);

/** A write that may be asked about. */
function planOf(plan: Partial<Omit<Plan, 'policy'>> = {}, policy: Policy = {}): Plan {
  return {
    effect: 'write',
    follows: 'payment',
    sameReference: 'unknown',
    remembersForMs: Infinity,
    policy: mergePolicy(mergePolicy(defaultPolicy, usual), policy),
    startedAtMs: startMs,
    openedAtMs: startMs,
    answersForMs: Infinity,
    payerNeedsAnswer: false,
    followOnly: false,
    mayHaveBeenSent: false,
    ...plan,
  };
}

/** What is known after the first send left, unless told otherwise. */
function stateOf(known: Partial<State> = {}, plan: Partial<Omit<Plan, 'policy'>> = {}, policy: Policy = {}): State {
  return {
    ...initialState(planOf(plan, policy), { seen: false, askable: true, sentAtMs: startMs }),
    attempts: 1,
    ...known,
  };
}

const answered = (
  verdict: Extract<Observation, { type: 'answered' }>['verdict'],
  more: Partial<Extract<Observation, { type: 'answered' }>> = {},
): Observation => ({
  type: 'answered',
  verdict,
  acknowledges: false,
  refused: false,
  askable: true,
  ...more,
});
const lost = (landed: boolean): Observation =>
  landed
    ? { type: 'lost', landed, verdict: unknownOutcome('network/ECONNRESET') }
    : { type: 'lost', landed, verdict: unreachable };
const status = (
  verdict: Extract<Observation, { type: 'status' }>['verdict'],
  more: Partial<Extract<Observation, { type: 'status' }>> = {},
): Observation => ({
  type: 'status',
  verdict,
  acknowledges: false,
  ...more,
});
const notice = (verdict: Extract<Observation, { type: 'notice' }>['verdict'], confirm = false): Observation => ({
  type: 'notice',
  verdict,
  confirm,
});

/** What is decided, so many milliseconds after the call began; every draw of chance is 1. */
const next = (state: State, observation: Observation, afterMs = 0): Decision =>
  decide(state, observation, { nowMs: startMs + afterMs, chance: 1 }).decision;

const toSend = (delayMs: number): Decision => ({ type: 'wait', next: 'send', delayMs });
const toAsk = (delayMs: number): Decision => ({ type: 'wait', next: 'ask', delayMs });
const settled = (outcome: string, settledBy: string): object => ({ type: 'settle', outcome, settledBy });

/**
 * What is known when a query is on its way, after so many waits for one. Every query before it found the payment
 * pending.
 */
function asking(
  waits = 1,
  known: Partial<State> = {},
  plan: Partial<Omit<Plan, 'policy'>> = {},
  policy: Policy = {},
): State {
  const at = { nowMs: startMs, chance: 1 };
  let state = stateOf({}, plan, policy);
  for (let waited = 0; waited < waits; waited++) {
    state = decide(state, waited === 0 ? lost(true) : status(pending()), at).state;
    state = decide(state, { type: 'due' }, at).state;
  }
  return { ...state, ...known };
}

const landed: Partial<State> = { landed: true };
const replays: Partial<Plan> = { sameReference: 'replays' };

describe('the start', () => {
  const fresh = (plan: Partial<Omit<Plan, 'policy'>> = {}, askable = true): State =>
    initialState(planOf(plan), { seen: false, askable, sentAtMs: startMs });

  it('sends, once, when nothing can have left before', () => {
    const step = decide(fresh(), { type: 'started' }, { nowMs: startMs, chance: 0 });
    expect([step.decision, step.state.attempts]).toEqual([{ type: 'send' }, 1]);
  });

  it('asks at once when a send may have left before, or only a ticket is followed', () => {
    expect(next(fresh({ mayHaveBeenSent: true }), { type: 'started' })).toEqual({ type: 'ask' });
    expect(next(fresh({ followOnly: true }), { type: 'started' })).toEqual({ type: 'ask' });
  });

  it('is unresolved when a send may have left before and nobody can be asked', () => {
    expect(next(fresh({ mayHaveBeenSent: true }, false), { type: 'started' })).toMatchObject(
      settled('unresolved', 'none'),
    );
    expect(next(fresh({ mayHaveBeenSent: true, sameReference: 'refuses' }, false), { type: 'started' })).toMatchObject(
      settled('unresolved', 'none'),
    );
  });

  it('sends in place of asking only where the provider replays, and never for a ticket', () => {
    expect(next(fresh({ mayHaveBeenSent: true, ...replays }, false), { type: 'started' })).toEqual({ type: 'send' });
    expect(next(fresh({ followOnly: true, ...replays }, false), { type: 'started' })).toMatchObject(
      settled('unresolved', 'none'),
    );
  });
});

describe('what can only be looked for', () => {
  const blind: Partial<State> = { askable: false, lookable: true };
  const fresh = (plan: Partial<Omit<Plan, 'policy'>>): State =>
    initialState(planOf(plan), { seen: false, askable: false, lookable: true, sentAtMs: startMs });

  it('is looked for where nothing better is left', () => {
    expect(next(stateOf(blind), lost(true))).toEqual(toAsk(1000));
    expect(next(stateOf({ askable: false }), answered(pending(), { askable: false, lookable: true }))).toEqual(
      toAsk(1000),
    );
    expect(next(stateOf({ ...blind, ...landed }), answered(unprocessed(), { askable: false }))).toEqual(toAsk(1000));
    expect(next(fresh({ followOnly: true }), { type: 'started' })).toMatchObject({ next: 'ask' });
    expect(next(stateOf(blind), notice(pending()))).toEqual({ type: 'ask' });
  });

  it('is sent again first where the provider replays, and looked for once attempts, memory or time are used up', () => {
    expect(next(stateOf(blind, replays), lost(true))).toEqual(toSend(100));
    expect(next(stateOf({ ...blind, attempts: 3 }, replays), lost(true))).toEqual(toAsk(1000));
    expect(next(stateOf(blind, { ...replays, remembersForMs: 5000 }), lost(true), 5000)).toEqual(toAsk(1000));
    expect(next(stateOf(blind, replays), lost(true), deadlineMs - 50)).toEqual(toAsk(50));
    expect(next(stateOf({ ...blind, ...landed, next: 'send' }, replays), { type: 'due' }, deadlineMs + 1)).toEqual(
      toAsk(0),
    );
  });

  it('is not confirmed by a look: a replayed success stands', () => {
    expect(
      next(stateOf({ ...blind, ...landed }, replays), answered(terminal('succeeded'), { askable: false })),
    ).toMatchObject(settled('succeeded', 'answer'));
  });
});

describe('a wait that is over', () => {
  it('leads to what it was for', () => {
    expect(next(stateOf({ next: 'send' }), { type: 'due' }, 100)).toEqual({ type: 'send' });
    expect(next(stateOf({ next: 'ask' }), { type: 'due' }, 100)).toEqual({ type: 'ask' });
  });

  it('ends in no send when the process slept through its deadline', () => {
    const late = deadlineMs + 1;
    expect(next(stateOf({ next: 'send' }), { type: 'due' }, deadlineMs)).toEqual({ type: 'send' });
    expect(next(stateOf({ next: 'send' }), { type: 'due' }, late)).toMatchObject(settled('unsent', 'none'));
    expect(next(stateOf({ next: 'send', unprocessed: unprocessed() }), { type: 'due' }, late)).toMatchObject(
      settled('rejected', 'answer'),
    );
    expect(next(stateOf({ next: 'send', ...landed, askable: false }, replays), { type: 'due' }, late)).toMatchObject(
      settled('unresolved', 'none'),
    );
    expect(next(stateOf({ next: 'send', ...landed }, replays), { type: 'due' }, late)).toEqual(toAsk(0));
  });

  it('that ends in no send asks without delay: what an earlier answer told to wait has been waited', () => {
    const told: Partial<State> = { next: 'send', ...landed, unprocessed: unprocessed({ delayMs: 7000 }) };
    expect(next(stateOf(told, replays), { type: 'due' }, deadlineMs + 1)).toEqual(toAsk(0));
    expect(next(stateOf(told, { ...replays, remembersForMs: 5000 }), { type: 'due' }, 5000)).toEqual(toAsk(1000));
  });

  it('still asks one last question, however late', () => {
    expect(next(stateOf({ next: 'ask', ...landed }), { type: 'due' }, 10 * deadlineMs)).toEqual({ type: 'ask' });
  });

  it('ends in no send once the provider has forgotten the reference meanwhile', () => {
    const plan: Partial<Plan> = { ...replays, remembersForMs: 1000 };
    const waiting = decide(stateOf({ askable: false }, plan), answered(pending(), { askable: false }), {
      nowMs: startMs + 950,
      chance: 1,
    });
    expect(waiting.decision).toEqual(toSend(100));
    expect(decide(waiting.state, { type: 'due' }, { nowMs: startMs + 1050, chance: 1 }).decision).toMatchObject(
      settled('unresolved', 'none'),
    );
  });
});

describe('a write’s answer', () => {
  it.each<Outcome>([
    'succeeded',
    'failed',
    'canceled',
    'expired',
    'refunded',
    'authorized',
    'created',
    'rejected',
  ])('settles it when it is terminal: %s', outcome => {
    expect(next(stateOf(), answered(terminal(outcome)))).toEqual({
      type: 'settle',
      outcome,
      verdict: terminal(outcome),
      settledBy: 'answer',
    });
  });

  it('is confirmed by a query when it may be the first send’s, replayed', () => {
    expect(next(stateOf(landed, replays), answered(terminal('succeeded')))).toEqual(toAsk(1000));
    expect(next(stateOf(landed, replays), answered(terminal('succeeded'), { retryAfterMs: 5000 }))).toEqual(
      toAsk(5000),
    );
    expect(next(stateOf(landed, replays), answered(terminal('succeeded'), { askable: false }))).toMatchObject(
      settled('succeeded', 'answer'),
    );
    expect(next(stateOf({}, replays), answered(terminal('succeeded')))).toMatchObject(settled('succeeded', 'answer'));
    expect(next(stateOf(landed, replays), answered(terminal('created')))).toMatchObject(settled('created', 'answer'));
    expect(next(stateOf(landed), answered(terminal('succeeded')))).toMatchObject(settled('succeeded', 'answer'));
  });

  it('is polled when it is pending, and from then on a send has landed', () => {
    const step = decide(stateOf(), answered(pending()), { nowMs: startMs, chance: 1 });
    expect([step.decision, step.state.landed, step.state.next]).toEqual([toAsk(1000), true, 'ask']);
  });

  it('that is pending and cannot be asked about is unresolved', () => {
    expect(next(stateOf(), answered(pending(), { askable: false }))).toEqual({
      type: 'settle',
      outcome: 'unresolved',
      verdict: pending(),
      settledBy: 'none',
    });
  });

  it('that is pending and cannot be asked about is sent again only where the provider replays, remembers, and attempts are left', () => {
    const cannotAsk = answered(pending(), { askable: false });
    expect(next(stateOf({}, replays), cannotAsk)).toEqual(toSend(100));
    expect(next(stateOf({}, { sameReference: 'refuses' }), cannotAsk)).toMatchObject(settled('unresolved', 'none'));
    expect(next(stateOf({}, { ...replays, remembersForMs: 5000 }), cannotAsk, 5000)).toMatchObject(
      settled('unresolved', 'none'),
    );
    expect(next(stateOf({ attempts: 3 }, replays), cannotAsk)).toMatchObject(settled('unresolved', 'none'));
    expect(next(stateOf({}, replays), cannotAsk, deadlineMs)).toMatchObject(settled('unresolved', 'none'));
  });

  it('may be what makes it possible to ask', () => {
    expect(next(stateOf({ askable: false }), answered(pending(), { askable: true }))).toEqual(toAsk(1000));
  });

  it('remembers what it acknowledges and refuses', () => {
    const { state } = decide(stateOf(), answered(pending(), { acknowledges: true, refused: true }), {
      nowMs: startMs + 5,
      chance: 1,
    });
    expect(state).toMatchObject({ seen: true, refused: true, sentAtMs: startMs + 5 });
    const later = decide({ ...state, attempts: 2 }, answered(pending()), { nowMs: startMs + 9, chance: 1 });
    expect(later.state).toMatchObject({ seen: true, refused: true });
  });
});

describe('a write that was not processed', () => {
  it('is sent again after the backoff, as often as the policy allows', () => {
    expect(next(stateOf(), answered(unprocessed()))).toEqual(toSend(100));
    expect(next(stateOf({ attempts: 2 }), answered(unprocessed()))).toEqual(toSend(100));
    expect(next(stateOf({ attempts: 3 }), answered(unprocessed()))).toEqual({
      type: 'settle',
      outcome: 'rejected',
      verdict: { ...unprocessed(), advice: againLater },
      settledBy: 'answer',
    });
  });

  it('takes the backoff’s waits in their order', () => {
    const policy: Policy = { retry: { backoff: steps([10, 20]) } };
    expect([1, 2].map(attempts => next(stateOf({ attempts }, {}, policy), answered(unprocessed())))).toEqual([
      toSend(10),
      toSend(20),
    ]);
  });

  it('is not sent before the answer’s own wait or Retry-After', () => {
    expect(next(stateOf(), answered(unprocessed({ delayMs: 7000 })))).toEqual(toSend(7000));
    expect(next(stateOf(), answered(unprocessed(), { retryAfterMs: 9000 }))).toEqual(toSend(9000));
    expect(next(stateOf(), answered(unprocessed({ delayMs: 7000 }), { retryAfterMs: 9000 }))).toEqual(toSend(9000));
  });

  it('is rejected when it would have to wait too long', () => {
    expect(next(stateOf(), answered(unprocessed(), { retryAfterMs: 20_001 }))).toMatchObject(
      settled('rejected', 'answer'),
    );
    expect(next(stateOf(), answered(unprocessed(), { retryAfterMs: Infinity }))).toMatchObject(
      settled('rejected', 'answer'),
    );
    expect(next(stateOf(), answered(unprocessed({ delayMs: deadlineMs + 1 })))).toMatchObject(
      settled('rejected', 'answer'),
    );
    expect(next(stateOf(), answered(unprocessed()), deadlineMs - 99)).toMatchObject(settled('rejected', 'answer'));
    expect(next(stateOf(), answered(unprocessed()), deadlineMs - 100)).toEqual(toSend(100));
  });

  it('renews the machine token at once, and once only', () => {
    const expired = unprocessed({ remedy: 'reauthenticate', reason: 'authentication' });
    const first = decide(stateOf(), answered(expired), { nowMs: startMs, chance: 1 });
    expect(first.decision).toEqual(toSend(0));
    expect(next({ ...first.state, attempts: 2 }, answered(expired))).toEqual({
      type: 'settle',
      outcome: 'rejected',
      verdict: expired,
      settledBy: 'answer',
    });
    expect(next({ ...first.state, attempts: 2 }, answered(unprocessed()))).toEqual(toSend(100));
    expect(next(stateOf(), answered({ ...expired, delayMs: 300 }))).toEqual(toSend(300));
  });

  it('is asked about when an earlier send may have landed', () => {
    expect(next(stateOf(landed), answered(unprocessed()))).toEqual(toAsk(1000));
    expect(next(stateOf({ ...landed, attempts: 3 }), answered(unprocessed()))).toEqual(toAsk(1000));
    expect(next(stateOf(landed), answered(unprocessed(), { retryAfterMs: 5000 }))).toEqual(toAsk(5000));
    expect(next(stateOf(landed), answered(unprocessed(), { askable: false }))).toMatchObject(
      settled('unresolved', 'none'),
    );
    expect(next(stateOf(landed, replays), answered(unprocessed(), { askable: false, retryAfterMs: 5000 }))).toEqual(
      toSend(5000),
    );
  });
});

describe('a send without an answer', () => {
  it('is sent again when it never left, as often as the policy allows; then it is unsent', () => {
    expect(next(stateOf(), lost(false))).toEqual(toSend(100));
    expect(next(stateOf({ attempts: 3 }), lost(false))).toEqual({
      type: 'settle',
      outcome: 'unsent',
      verdict: unreachable,
      settledBy: 'none',
    });
    expect(next(stateOf(), lost(false), deadlineMs)).toMatchObject(settled('unsent', 'none'));
  });

  it('is rejected by the gateway’s own word when an earlier send was answered unprocessed', () => {
    expect(next(stateOf({ attempts: 3, unprocessed: unprocessed() }), lost(false))).toEqual({
      type: 'settle',
      outcome: 'rejected',
      verdict: { ...unprocessed(), advice: againLater },
      settledBy: 'answer',
    });
  });

  it('is asked about when it may have landed, on the last attempt too', () => {
    for (const attempts of [1, 3]) {
      const step = decide(stateOf({ attempts }), lost(true), { nowMs: startMs + 10, chance: 1 });
      expect([step.decision, step.state.landed, step.state.sentAtMs]).toEqual([toAsk(1000), true, startMs + 10]);
    }
  });

  it('is asked about when an earlier one may have landed, though this one never left', () => {
    expect(next(stateOf(landed), lost(false))).toEqual(toAsk(1000));
  });

  it('that may have landed and cannot be asked about is unresolved, or replayed where that is safe', () => {
    const blind: Partial<State> = { askable: false };
    expect(next(stateOf(blind), lost(true))).toMatchObject(settled('unresolved', 'none'));
    expect(next(stateOf(blind, { sameReference: 'refuses' }), lost(true))).toMatchObject(settled('unresolved', 'none'));
    expect(next(stateOf(blind, replays), lost(true))).toEqual(toSend(100));
    expect(next(stateOf({ ...blind, attempts: 3 }, replays), lost(true))).toMatchObject(settled('unresolved', 'none'));
  });

  it('is asked about even when the deadline has passed: one last question is always right', () => {
    expect(next(stateOf(), lost(true), deadlineMs + 5000)).toEqual(toAsk(0));
  });
});

describe('a read of its own', () => {
  const read: Partial<Plan> = { effect: 'read' };

  it('is settled by its answer; pending is an answer', () => {
    expect(next(stateOf({}, read), answered(terminal('succeeded')))).toMatchObject(settled('succeeded', 'answer'));
    expect(next(stateOf({}, read), answered(refusal))).toMatchObject(settled('rejected', 'answer'));
    expect(next(stateOf({}, read), answered(pending()))).toMatchObject(settled('unresolved', 'answer'));
  });

  it('is sent again when it was lost or not processed, as often as the policy allows', () => {
    for (const observation of [answered(unprocessed()), lost(true), lost(false)]) {
      expect(next(stateOf({}, read), observation)).toEqual(toSend(100));
      expect(next(stateOf({ attempts: 3 }, read), observation)).toMatchObject(settled('rejected', 'answer'));
    }
  });
});

describe('a status query’s answer', () => {
  it.each<Outcome>([
    'succeeded',
    'failed',
    'canceled',
    'expired',
    'refunded',
    'authorized',
    'created',
  ])('settles the payment when it is terminal: %s', outcome => {
    expect(next(asking(), status(terminal(outcome)))).toEqual({
      type: 'settle',
      outcome,
      verdict: terminal(outcome),
      settledBy: 'query',
    });
  });

  it('that is open, lost or unprocessed is followed by the next query, in the backoff’s order', () => {
    for (const verdict of [pending(), unreachable, unprocessed(), notFound])
      expect(next(asking(), status(verdict))).toEqual(toAsk(2000));
    expect(next(asking(2), status(pending()))).toEqual(toAsk(4000));
    expect(next(asking(8), status(pending()))).toEqual(toAsk(4000));
  });

  it('tells the backoff how long the polling has lasted', () => {
    const asked: number[] = [];
    const backoff: Backoff = { ...constant(5), delayMs: ({ elapsedMs }) => asked.push(elapsedMs) };
    next(asking(1, { pollingSinceMs: startMs + 1000 }, {}, { poll: { backoff } }), status(pending()), 8000);
    expect(asked.at(-1)).toBe(7000);
  });

  it('is not asked for before its own wait or Retry-After', () => {
    expect(next(asking(), status(pending({ delayMs: 9000 })))).toEqual(toAsk(9000));
    expect(next(asking(), status(unprocessed({ delayMs: 9000 })))).toEqual(toAsk(9000));
    expect(next(asking(), status(pending(), { retryAfterMs: 15_000 }))).toEqual(toAsk(15_000));
  });

  it('ends unresolved when it would have to wait too long', () => {
    expect(next(asking(), status(pending(), { retryAfterMs: 20_001 }))).toEqual({
      type: 'settle',
      outcome: 'unresolved',
      verdict: pending(),
      settledBy: 'none',
    });
    expect(next(asking(), status(pending(), { retryAfterMs: 15_000 }), deadlineMs - 14_999)).toMatchObject(
      settled('unresolved', 'none'),
    );
    expect(next(asking(), status(pending({ delayMs: 15_000 })), deadlineMs - 14_999)).toMatchObject(
      settled('unresolved', 'none'),
    );
  });

  it('is asked for a last time at the deadline, and then it is unresolved', () => {
    expect(next(asking(9), status(pending()), deadlineMs - 1500)).toEqual(toAsk(1500));
    expect(next(asking(10), status(pending()), deadlineMs)).toMatchObject(settled('unresolved', 'none'));
    expect(next(asking(10), status(notFound), deadlineMs + 7000)).toEqual({
      type: 'settle',
      outcome: 'unresolved',
      verdict: notFound,
      settledBy: 'none',
    });
  });

  it('is asked for at the start of a ticket’s loop; the first wait after that is the backoff’s first', () => {
    const followed = initialState(planOf({ followOnly: true }), { seen: true, askable: true, sentAtMs: startMs });
    const asking = decide(followed, { type: 'started' }, { nowMs: startMs, chance: 1 });
    expect(asking.decision).toEqual({ type: 'ask' });
    expect(next(asking.state, status(pending()))).toEqual(toAsk(1000));
  });
});

describe('a status query that is refused', () => {
  it('says nothing about the payment: it is asked again at the backoff’s largest interval', () => {
    expect(next(asking(), status(refusal))).toEqual(toAsk(4000));
    expect(next(asking(1, { refusedPolls: 1 }), status(refusal))).toEqual(toAsk(4000));
    expect(next(asking(), status(refusal, { retryAfterMs: 5000 }))).toEqual(toAsk(5000));
  });

  it('three times in a row ends unresolved', () => {
    expect(next(asking(1, { refusedPolls: 2 }), status(refusal))).toEqual({
      type: 'settle',
      outcome: 'unresolved',
      verdict: refusal,
      settledBy: 'none',
    });
  });

  it('ends unresolved at the deadline, with what it said', () => {
    expect(next(asking(4), status(refusal), deadlineMs)).toEqual({
      type: 'settle',
      outcome: 'unresolved',
      verdict: refusal,
      settledBy: 'none',
    });
  });

  it('starts to count anew after any other answer', () => {
    const { state } = decide(asking(1, { refusedPolls: 2 }), status(pending()), { nowMs: startMs, chance: 1 });
    expect(state.refusedPolls).toBe(0);
    expect(next(state, status(refusal))).toEqual(toAsk(4000));
  });
});

describe('a send after one that may have landed', () => {
  const after = (...seen: Observation[]): State =>
    seen.reduce(
      (state, each) => decide(state, each, { nowMs: startMs, chance: 1 }).state,
      stateOf({}, { sameReference: 'replays' }, { retry: { attempts: 9 } }),
    );

  it('repeats it, until there is an answer: not one that never left either makes it another', () => {
    expect(after().repeatsSend).toBe(false);
    expect(after(lost(false)).repeatsSend).toBe(false);
    expect(after(lost(true)).repeatsSend).toBe(true);
    expect(after(lost(true), status(notFound)).repeatsSend).toBe(true);
    expect(after(lost(true), lost(false)).repeatsSend).toBe(true);
    expect(after(lost(true), answered(unprocessed())).repeatsSend).toBe(false);
  });
});

describe('a send whose token was refused', () => {
  const expired = unprocessed({ remedy: 'reauthenticate', reason: 'authentication' });
  const after = (state: State, seen: Observation): State => decide(state, seen, { nowMs: startMs, chance: 1 }).state;
  const unreachable = { type: 'lost', verdict: unprocessed({ reason: 'unreachable' }), landed: false } as const;

  it('needs a new token, until one was used', () => {
    const refused = after(stateOf(), answered(expired));
    expect([stateOf().needsToken, refused.needsToken]).toEqual([false, true]);
    expect(after(refused, answered(unprocessed())).needsToken).toBe(false);
    expect(after(refused, { ...unreachable, left: true }).needsToken).toBe(false);
    expect(after(refused, { ...unreachable, left: false }).needsToken).toBe(true);
  });
});

describe('a status query whose token was refused', () => {
  const expired = unprocessed({ remedy: 'reauthenticate', reason: 'authentication' });

  it('is asked again at once with a new token', () => {
    const step = decide(asking(), status(expired), { nowMs: startMs, chance: 1 });
    expect([step.decision, step.state.reauthenticated]).toEqual([{ type: 'ask' }, true]);
  });

  it('is refused like any other when the new token is refused too', () => {
    expect(next(asking(1, { reauthenticated: true }), status(expired))).toEqual(toAsk(4000));
    expect(next(asking(1, { reauthenticated: true, refusedPolls: 2 }), status(expired))).toEqual({
      type: 'settle',
      outcome: 'unresolved',
      verdict: expired,
      settledBy: 'none',
    });
  });

  it('needs a new token, until one was used: once for each', () => {
    const needed = (state: State, seen: Observation): boolean =>
      decide(state, seen, { nowMs: startMs, chance: 1 }).state.needsToken;
    const refused = decide(asking(), status(expired), { nowMs: startMs, chance: 1 }).state;
    const nothing = unprocessed({ reason: 'unreachable' });
    expect(refused.needsToken).toBe(true);
    expect(needed(refused, status(expired))).toBe(false);
    expect(needed(refused, status(pending()))).toBe(false);
    expect(needed(refused, status(nothing, { left: true }))).toBe(false);
    // The token itself could not be had.
    expect(needed(refused, status(nothing, { left: false }))).toBe(true);
  });

  it('may have its token renewed anew after it was answered', () => {
    const { state } = decide(asking(1, { reauthenticated: true }), status(pending()), { nowMs: startMs, chance: 1 });
    expect(next(state, status(expired))).toEqual({ type: 'ask' });
  });

  it('is not asked again after the deadline', () => {
    expect(next(asking(4), status(expired), deadlineMs)).toMatchObject(settled('unresolved', 'none'));
  });
});

describe('an open order whose payer needs the lost answer', () => {
  const payer: Partial<Plan> = { payerNeedsAnswer: true };
  const open = status(pending({ reason: 'awaiting-payer' }), { acknowledges: true });

  it('is created, without its answer, and the advice says so', () => {
    expect(next(asking(1, {}, payer), open)).toMatchObject({
      ...settled('created', 'query'),
      verdict: {
        kind: 'terminal',
        outcome: 'created',
        reason: 'awaiting-payer',
        advice: expect.stringContaining('cancel it') as string,
      },
    });
  });

  it('is sent again to recover the answer where the provider replays, remembers, and attempts are left', () => {
    const replaying: Partial<Plan> = { ...payer, ...replays, remembersForMs: 30_000 };
    expect(next(asking(1, {}, replaying), open, 29_999)).toEqual({ type: 'send' });
    expect(next(asking(1, {}, replaying), open, 30_000)).toMatchObject(settled('created', 'query'));
    expect(next(asking(1, { attempts: 3 }, replaying), open)).toMatchObject(settled('created', 'query'));
    expect(next(asking(1, {}, { ...payer, sameReference: 'refuses' }), open)).toMatchObject(
      settled('created', 'query'),
    );
  });

  it('is sent again no earlier than Retry-After says, and not at all when that is too long', () => {
    const replaying: Partial<Plan> = { ...payer, ...replays };
    const openLater = (retryAfterMs: number): Observation =>
      status(pending({ reason: 'awaiting-payer' }), { acknowledges: true, retryAfterMs });
    expect(next(asking(1, {}, replaying), openLater(5000))).toEqual(toSend(5000));
    expect(next(asking(1, {}, replaying), openLater(20_001))).toMatchObject(settled('unresolved', 'none'));
    expect(next(asking(1, {}, replaying), openLater(5000), deadlineMs - 4999)).toMatchObject(
      settled('unresolved', 'none'),
    );
  });

  it('goes on being polled when the answer was heard: its payer has what he needs', () => {
    const heard = decide(stateOf({}, payer), answered(pending({ reason: 'awaiting-payer' }), { acknowledges: true }), {
      nowMs: startMs,
      chance: 1,
    });
    expect(next(heard.state, open)).toEqual(toAsk(2000));
  });

  it('has lost its answer too when that could not be read, or was of a gateway in trouble', () => {
    for (const code of ['unreadable', 'http/503']) {
      const unread = decide(stateOf({}, payer), answered(unknownOutcome(code)), { nowMs: startMs, chance: 1 });
      expect(next(unread.state, open)).toMatchObject(settled('created', 'query'));
    }
  });

  it('has lost its answer too when that spoke of another send, or was about no order', () => {
    for (const told of [
      answered(pending(), { acknowledges: true, ofAnotherSend: true }),
      answered(pending({ reason: 'rate-limited' })),
    ]) {
      const { state } = decide(stateOf({}, payer), told, { nowMs: startMs, chance: 1 });
      expect(next(state, open)).toMatchObject(settled('created', 'query'));
    }
  });

  it('goes on being polled where nobody waits for the answer, where only a ticket is followed, or while it is not found', () => {
    expect(next(asking(), open)).toEqual(toAsk(2000));
    expect(next(asking(1, {}, { ...payer, followOnly: true }), open)).toEqual(toAsk(2000));
    expect(next(asking(1, {}, payer), status(notFound))).toEqual(toAsk(2000));
    expect(next(asking(1, {}, payer), status(unreachable))).toEqual(toAsk(2000));
  });
});

describe('an order that was answered "pending", and of which a query says that somebody must act,', () => {
  const payer: Partial<Plan> = { payerNeedsAnswer: true };
  const acts = status(pending({ reason: 'declined', code: 'ATTEMPT' }), { acknowledges: true, needsAction: true });
  const told = (verdict: Extract<Observation, { type: 'answered' }>['verdict'], plan: Partial<Plan>): State =>
    decide(stateOf({}, plan), answered(verdict, { acknowledges: true }), { nowMs: startMs, chance: 1 }).state;

  it('is created, as the query says', () => {
    expect(next(told(pending(), payer), acts)).toMatchObject({
      ...settled('created', 'query'),
      verdict: { reason: 'declined', code: 'ATTEMPT' },
    });
  });

  it('where it is older than the write, is created once a query before has shown it: the first may tell of before', () => {
    const older = told(pending(), { ...payer, ofOlderOrder: true });
    const first = decide(older, acts, { nowMs: startMs, chance: 1 });
    expect(first.decision).toEqual(toAsk(2000));
    expect(next(first.state, acts)).toMatchObject(settled('created', 'query'));
    const second = decide(first.state, answered(pending(), { acknowledges: true }), { nowMs: startMs, chance: 1 });
    expect(next(second.state, acts)).toMatchObject({ type: 'wait', next: 'ask' });
  });

  it('goes on being polled where only a ticket is followed, where nobody waits for the answer, or where that said paid', () => {
    expect(next(told(pending(), { ...payer, followOnly: true }), acts)).toEqual(toAsk(2000));
    expect(next(told(pending(), {}), acts)).toEqual(toAsk(2000));
    const paid = decide(
      stateOf(landed, { ...payer, ...replays }),
      answered(terminal('succeeded'), { acknowledges: true }),
      { nowMs: startMs, chance: 1 },
    );
    expect(next(paid.state, acts)).toMatchObject({ type: 'wait', next: 'ask' });
  });
});

describe('absence', () => {
  const absentAfterMs = 10_000;
  const policy: Policy = { poll: { absentAfterMs } };
  const resending: Policy = { poll: { absentAfterMs, resendWhenAbsent: true } };
  /** One “not found” was seen already; the next would be the second. */
  const almost: Partial<State> = { notFounds: 1 };
  const again = status(notFound);

  it('is concluded from the second “not found” that comes absentAfterMs after the last send', () => {
    expect(next(asking(2, almost, {}, policy), again, absentAfterMs)).toMatchObject({
      ...settled('absent', 'query'),
      verdict: { reason: 'not-found', advice: expect.stringContaining('same reference') as string },
    });
  });

  it.each<[string, Partial<State>, Partial<Plan>, Policy, number]>([
    ['the policy names no time', almost, {}, {}, absentAfterMs],
    ['the time has not passed', almost, {}, policy, absentAfterMs - 1],
    ['the last send was later', { ...almost, sentAtMs: startMs + 1 }, {}, policy, absentAfterMs],
    ['it is the first “not found”', { ...almost, notFounds: 0 }, {}, policy, absentAfterMs],
    ['the gateway has acknowledged the order', { ...almost, seen: true }, {}, policy, absentAfterMs],
    [
      'the provider no longer answers for orders this old',
      almost,
      { answersForMs: absentAfterMs },
      policy,
      absentAfterMs,
    ],
  ])('is not concluded when %s', (_why, state, plan, given, afterMs) => {
    expect(next(asking(2, state, plan, given), again, afterMs)).toMatchObject({ type: 'wait', next: 'ask' });
  });

  it('is not concluded from an answer that acknowledges the order, whatever it is called', () => {
    expect(next(asking(2, almost, {}, policy), status(notFound, { acknowledges: true }), absentAfterMs)).toMatchObject({
      type: 'wait',
      next: 'ask',
    });
  });

  it('is not concluded from queries that were refused or lost', () => {
    for (const verdict of [terminal('rejected', 'not-found'), unprocessed({ reason: 'not-found' })]) {
      const once = decide(asking(1, { notFounds: 0 }, {}, policy), status(verdict), {
        nowMs: startMs + absentAfterMs,
        chance: 1,
      });
      expect(next(once.state, again, absentAfterMs)).toMatchObject({ type: 'wait', next: 'ask' });
    }
  });

  it('sends again only when the policy says so, and then counts anew', () => {
    const step = decide(asking(2, almost, {}, resending), again, { nowMs: startMs + absentAfterMs, chance: 1 });
    expect([step.decision, step.state.attempts, step.state.notFounds, step.state.landed]).toEqual([
      { type: 'send' },
      2,
      0,
      true,
    ]);
  });

  it('sends again no earlier than Retry-After says', () => {
    expect(next(asking(2, almost, {}, resending), status(notFound, { retryAfterMs: 5000 }), absentAfterMs)).toEqual(
      toSend(5000),
    );
    expect(
      next(asking(2, almost, {}, resending), status(notFound, { retryAfterMs: 20_001 }), absentAfterMs),
    ).toMatchObject(settled('unresolved', 'none'));
  });

  it.each<[string, Partial<State>, Partial<Plan>, number]>([
    ['attempts are used up', { ...almost, attempts: 3 }, {}, absentAfterMs],
    ['the deadline has come', almost, {}, deadlineMs],
    ['the provider has forgotten the key', almost, { remembersForMs: absentAfterMs }, absentAfterMs],
    ['only a ticket is followed', almost, { followOnly: true }, absentAfterMs],
  ])('sends nothing when %s: the order is absent', (_why, state, plan, afterMs) => {
    expect(next(asking(2, state, plan, resending), again, afterMs)).toMatchObject(settled('absent', 'query'));
  });
});

describe('a status query that lacks what the provider insists on', () => {
  const blind = status(refusal, { incomplete: true });

  it('is not repeated once it was refused: only a notice can tell', () => {
    expect(next(asking(), blind)).toMatchObject({
      ...settled('unresolved', 'none'),
      verdict: {
        code: refusal.code,
        outcome: 'rejected',
        advice: expect.stringContaining('gateway.receive') as string,
      },
    });
  });

  it('goes on as usual while it is answered, and as usual when it was complete', () => {
    expect(next(asking(), status(pending(), { incomplete: true }))).toEqual(toAsk(2000));
    expect(next(asking(), status(notFound, { incomplete: true }))).toEqual(toAsk(2000));
    expect(next(asking(), status(refusal))).toEqual(toAsk(4000));
  });
});

describe('a code that a charge goes on giving', () => {
  const stuck = pending({ reason: 'declined', code: '1204', message: 'wrong password', advice: 'Another method.' });
  const seen = status(stuck, { failedWhenUnchangedForMs: 10_000, acknowledges: true });
  const charge: Partial<Plan> = { charge: true };
  const at = (state: State, observation: Observation, afterMs: number): State =>
    decide(state, observation, { nowMs: startMs + afterMs, chance: 1 }).state;

  it('is its end, in queries that are at least so far apart', () => {
    const once = at(asking(1, {}, charge), seen, 2000);
    expect(next(once, seen, 11_999)).toMatchObject({ type: 'wait', next: 'ask' });
    expect(next(once, seen, 12_000)).toEqual({
      type: 'settle',
      outcome: 'failed',
      settledBy: 'query',
      verdict: {
        kind: 'terminal',
        outcome: 'failed',
        reason: 'declined',
        code: '1204',
        listed: true,
        advice: 'Another method.',
        message: 'wrong password',
      },
    });
  });

  it('is asked about when it can be believed, and not later', () => {
    const slow: Policy = { poll: { backoff: constant(30_000) } };
    expect(next(asking(1, {}, charge, slow), seen, 2000)).toEqual(toAsk(10_000));
    expect(next(at(asking(1, {}, charge, slow), seen, 2000), status(unreachable), 9000)).toEqual(toAsk(3000));
  });

  it('counts anew after anything else, but not after a query that was lost', () => {
    const once = at(asking(1, {}, charge), seen, 2000);
    const other = at(once, status(pending(), { acknowledges: true }), 6000);
    expect(next(at(other, seen, 8000), seen, 12_000)).toMatchObject({ type: 'wait', next: 'ask' });
    expect(next(at(once, status(unreachable), 6000), seen, 12_000)).toMatchObject(settled('failed', 'query'));
    const changed = at(once, status({ ...stuck, code: '1205' }, { failedWhenUnchangedForMs: 10_000 }), 6000);
    expect(next(changed, seen, 12_000)).toMatchObject({ type: 'wait', next: 'ask' });
    const sentAgain = at(once, lost(true), 6000);
    expect(next(sentAgain, seen, 12_000)).toMatchObject({ type: 'wait', next: 'ask' });
  });

  it('leaves an order open whose payer may try again', () => {
    expect(next(at(asking(), seen, 2000), seen, 60_000 - 1)).toMatchObject({ type: 'wait', next: 'ask' });
  });
});

describe('a refusal that no table makes final', () => {
  const unclear = pending({
    reason: 'unknown-outcome',
    code: 'F_NEW',
    listed: false,
    message: 'abort',
    advice: 'Not in the tables.',
  });
  const refuses = answered(unclear, { refuses: true });
  const ends = {
    type: 'settle',
    outcome: 'failed',
    settledBy: 'query',
    verdict: {
      kind: 'terminal',
      outcome: 'failed',
      code: 'F_NEW',
      reason: 'declined',
      listed: false,
      message: 'abort',
      advice: expect.stringMatching(/not in the tables, and nothing was done/) as unknown,
    },
  };
  const told = (state: State, ...observations: Observation[]): Decision =>
    next(
      observations
        .slice(0, -1)
        .reduce((each, observation) => decide(each, observation, { nowMs: startMs, chance: 1 }).state, state),
      observations.at(-1) ?? { type: 'due' },
    );

  it('is believed, in its own words, once the gateway twice knows no such order', () => {
    expect(told(stateOf(), refuses, status(notFound))).toMatchObject({ type: 'wait', next: 'ask' });
    expect(told(stateOf(), refuses, status(notFound), status(notFound))).toEqual(ends);
  });

  it('is believed at once when a row of it was refused for the same, and not when a query goes by the same code', () => {
    expect(told(stateOf(), refuses, status(pending({ code: 'F_NEW' }), { acknowledges: true, refuses: true }))).toEqual(
      ends,
    );
    expect(told(stateOf(), refuses, status(pending({ code: 'F_NEW' }), { acknowledges: true }))).toMatchObject({
      type: 'wait',
      next: 'ask',
    });
    expect(
      told(stateOf(), refuses, status(pending({ code: 'F_NEW', reason: 'conflict' }), { refuses: true })),
    ).toMatchObject({ type: 'wait', next: 'ask' });
  });

  it('keeps the reason and the advice of a row that has them', () => {
    const row = pending({ reason: 'limit-exceeded', code: '1269', advice: 'Later.' });
    expect(told(stateOf(), answered(row, { refuses: true }), status(notFound), status(notFound))).toMatchObject({
      outcome: 'failed',
      verdict: { reason: 'limit-exceeded', code: '1269', advice: 'Later.', listed: true },
    });
  });

  it('is not believed of an order that was seen, that is too old to be asked about, or that an earlier send may have made', () => {
    const twice = [status(notFound), status(notFound)];
    const open = { type: 'wait', next: 'ask' };
    expect(told(stateOf(), refuses, status(pending(), { acknowledges: true }), ...twice)).toMatchObject(open);
    expect(told(stateOf({}, { answersForMs: 0 }), refuses, ...twice)).toMatchObject(open);
    expect(told(stateOf(landed), refuses, ...twice)).toMatchObject(open);
    expect(told(stateOf(), refuses, lost(true), ...twice)).toMatchObject(open);
    expect(told(stateOf(), answered(unclear), ...twice)).toMatchObject(open);
  });
});

describe('a refusal because a paid order owns the number', () => {
  const owned = terminal('rejected', 'duplicate');
  const refused = answered(owned, { refused: true, askedOnce: true });
  const told = { type: 'settle', outcome: 'rejected', settledBy: 'answer', verdict: owned };
  const at = (state: State, observation: Observation): ReturnType<typeof decide> =>
    decide(state, observation, { nowMs: startMs, chance: 1 });
  const claimed = at(stateOf(), refused).state;

  it('is asked about at once, and told with whatever became of that order: its success is not this write’s', () => {
    expect(next(stateOf(), refused)).toEqual({ type: 'ask' });
    for (const verdict of [terminal('succeeded'), pending(), notFound, refusal]) {
      const { decision, state } = at(claimed, status(verdict, { incomplete: true, acknowledges: true }));
      expect([decision, state.other]).toEqual([told, verdict]);
    }
  });

  it('is asked about again when the question was lost, three times at most', () => {
    const again = at(claimed, status(unreachable));
    expect(again.decision).toMatchObject({ type: 'wait', next: 'ask' });
    const thrice = at(at(again.state, status(unreachable)).state, status(unreachable));
    expect([thrice.decision, thrice.state.other]).toEqual([told, unreachable]);
    expect(next(claimed, status(unreachable), deadlineMs + 1)).toEqual(told);
  });

  it('is asked about no earlier than the gateway wants to hear anything, and told where that is too late', () => {
    expect(next(stateOf(), { ...refused, retryAfterMs: 7000 } as Observation)).toEqual(toAsk(7000));
    expect(next(stateOf(), { ...refused, retryAfterMs: 90_000 } as Observation)).toEqual(told);
  });

  it('is told when a notice of that order comes meanwhile', () => {
    expect(next(claimed, notice(terminal('succeeded')))).toEqual(told);
  });

  it('is told unasked where nothing can be asked', () => {
    expect(next(stateOf(), { ...refused, askable: false } as Observation)).toEqual(told);
  });

  it('is the first send’s, perhaps, once an earlier send may have landed', () => {
    const duplicate = pending({ reason: 'duplicate' });
    expect(
      next(at(stateOf(landed), answered(duplicate, { askedOnce: true })).state, status(terminal('succeeded'))),
    ).toMatchObject(settled('succeeded', 'query'));
  });
});

describe('a charge that the gateway does not know, where it replays', () => {
  const code: Partial<Plan> = { ...replays, charge: true, chargeableForMs: 30_000 };

  it('is sent again under the same reference after one “not found”, while what is charged lives', () => {
    const step = decide(asking(1, {}, code), status(notFound), { nowMs: startMs + 29_999, chance: 1 });
    expect([step.decision, step.state.attempts, step.state.notFounds]).toEqual([{ type: 'send' }, 2, 0]);
    expect(next(asking(1, {}, code), status(notFound), 30_000)).toMatchObject({ type: 'wait', next: 'ask' });
  });

  it.each<[string, Partial<Plan>, Partial<State>]>([
    ['the provider does not replay', { ...code, sameReference: 'refuses' }, {}],
    ['it has forgotten the key', { ...code, remembersForMs: 0 }, {}],
    ['nobody says how long it can be charged', { ...replays, charge: true }, {}],
    ['it can no longer be paid', { ...code, expiresAtMs: startMs }, {}],
    ['it is a cancel, whose query is of the payment', { ...replays, follows: 'cancel' }, {}],
    ['it is a capture, whose query is of the payment', { ...replays, follows: 'capture' }, {}],
    ['it is a refund that can no longer be had', { ...replays, follows: 'refund', chargeableForMs: 0 }, {}],
    ['only a ticket is followed', { ...code, followOnly: true }, {}],
    ['attempts are used up', code, { attempts: 3 }],
    ['the gateway has acknowledged it', code, { seen: true }],
    ['its own answer was a refusal', code, { own: pending(), refusal: true }],
  ])('is only asked about when %s', (_why, plan, known) => {
    expect(next(asking(1, known, plan), status(notFound))).toMatchObject({ type: 'wait', next: 'ask' });
  });
});

describe('an order or a refund that the gateway does not know, where it replays', () => {
  it.each<Follows>([
    'payment',
    'refund',
  ])('is sent again under the same reference after one “not found”, as long as the provider remembers: %s', follows => {
    const plan: Partial<Plan> = { ...replays, follows, remembersForMs: 30_000 };
    expect(next(asking(1, {}, plan), status(notFound), 29_999)).toEqual({ type: 'send' });
    expect(next(asking(1, {}, plan), status(notFound), 30_000)).toMatchObject({ type: 'wait', next: 'ask' });
    expect(next(asking(1, { attempts: 3 }, plan), status(notFound))).toMatchObject({ type: 'wait', next: 'ask' });
  });
});

describe('an answer that says where the payer goes on, and else what is not so', () => {
  const told: State = decide(stateOf(), answered(pending({ advice: 'go there' }), { createdWhenOpen: true }), {
    nowMs: startMs,
    chance: 1,
  }).state;

  it('is created once a query shows the order open, and asked about until then', () => {
    expect(next(told, status(pending(), { acknowledges: true }))).toMatchObject({
      type: 'settle',
      outcome: 'created',
      settledBy: 'query',
      verdict: { reason: 'awaiting-payer', advice: 'go there' },
    });
    expect(next(told, status(notFound))).toMatchObject({ type: 'wait', next: 'ask' });
    expect(next(told, status(terminal('succeeded')))).toMatchObject(settled('succeeded', 'query'));
    expect(
      next({ ...told, plan: { ...told.plan, followOnly: true } }, status(pending(), { acknowledges: true })),
    ).toMatchObject({ type: 'wait', next: 'ask' });
  });
});

describe('a decline that a later send is answered', () => {
  const declined = (plan: Partial<Plan>): State =>
    decide(stateOf(landed, plan), answered(pending(), { refuses: true }), { nowMs: startMs, chance: 1 }).state;

  it('is the end where the provider replays, once the gateway twice knows no such order', () => {
    const once = decide(declined(replays), status(notFound), { nowMs: startMs, chance: 1 });
    expect(once.decision).toMatchObject({ type: 'wait', next: 'ask' });
    expect(next(once.state, status(notFound))).toMatchObject(settled('failed', 'query'));
  });

  it('is no end where the provider does not replay, or has forgotten the number', () => {
    for (const plan of [{}, { ...replays, remembersForMs: 0 }]) {
      const once = decide(declined(plan), status(notFound), { nowMs: startMs, chance: 1 });
      expect(next(once.state, status(notFound))).toMatchObject({ type: 'wait', next: 'ask' });
    }
  });

  it('counts no “not found” from before it', () => {
    const state = decide(stateOf({ ...landed, notFounds: 5 }, replays), answered(pending(), { refuses: true }), {
      nowMs: startMs,
      chance: 1,
    }).state;
    expect(next(state, status(notFound))).toMatchObject({ type: 'wait', next: 'ask' });
  });
});

describe('a verified notice', () => {
  it.each<Outcome>([
    'succeeded',
    'failed',
    'canceled',
    'expired',
    'refunded',
    'authorized',
  ])('settles the payment when it is final: %s', outcome => {
    expect(next(stateOf(landed), notice(terminal(outcome)))).toEqual({
      type: 'settle',
      outcome,
      verdict: terminal(outcome),
      settledBy: 'webhook',
    });
  });

  it('makes the gateway be asked at once when it is to be confirmed, or says nothing final', () => {
    const waiting: Partial<State> = { ...landed, next: 'ask' };
    for (const observation of [
      notice(terminal('succeeded'), true),
      notice(pending()),
      notice(refusal),
      notice(terminal('created')),
    ]) {
      expect(next(stateOf(waiting), observation, 1234)).toEqual({ type: 'ask' });
    }
  });

  it('that comes before an end is told leaves it as it is when it says the same, and makes the gateway be asked when it does not', () => {
    const after = (ended: Verdict, told: Verdict): Decision => {
      const { state } = decide(stateOf({}), answered(ended), { nowMs: startMs, chance: 1 });
      return next(JSON.parse(JSON.stringify(state)) as State, notice(told));
    };
    for (const outcome of ['succeeded', 'failed', 'created'] as const)
      expect(after(terminal(outcome), terminal(outcome))).toEqual({
        type: 'settle',
        outcome,
        verdict: terminal(outcome),
        settledBy: 'answer',
      });
    for (const told of [terminal('succeeded'), pending(), terminal('rejected')])
      expect(after(terminal('failed'), told)).toEqual({ type: 'ask' });
    // Nobody rejects what the gateway tells of.
    expect(after(terminal('rejected'), terminal('rejected'))).toEqual({ type: 'ask' });
    expect(after(terminal('succeeded'), terminal('refunded'))).toEqual({ type: 'ask' });
  });

  it('makes the gateway be asked no earlier than it wanted to hear anything', () => {
    const waiting = decide(asking(), status(pending(), { retryAfterMs: 5000 }), { nowMs: startMs, chance: 1 });
    expect(waiting.decision).toEqual(toAsk(5000));
    expect(next(waiting.state, notice(pending()), 2000)).toEqual(toAsk(3000));
    expect(next(waiting.state, notice(terminal('succeeded'), true), 2000)).toEqual(toAsk(3000));
    expect(next(waiting.state, notice(terminal('succeeded')), 2000)).toMatchObject(settled('succeeded', 'webhook'));
    expect(next(waiting.state, notice(pending()), 5000)).toEqual({ type: 'ask' });
  });

  it('leaves the payment open when the gateway wants to hear nothing for longer than the policy or the deadline allows', () => {
    const policy: Policy = { retry: { maxRetryAfterMs: 10_000 }, poll: { deadlineMs: 60_000 } };
    const told = (retryAfterMs: number): State =>
      decide(asking(1, {}, {}, policy), status(pending(), { retryAfterMs }), { nowMs: startMs, chance: 1 }).state;
    expect(next(told(100_000_000), notice(pending()), 2000)).toMatchObject(settled('unresolved', 'none'));
    expect(next(told(10_001), notice(pending()))).toMatchObject(settled('unresolved', 'none'));
    expect(next(told(10_000), notice(pending()))).toEqual(toAsk(10_000));
    expect(next({ ...told(10_000), notBeforeMs: startMs + 60_001 }, notice(pending()), 55_000)).toMatchObject(
      settled('unresolved', 'none'),
    );
    // What is still to be confirmed is not called a success, not even in the verdict of an open payment.
    const unconfirmed = next(told(100_000_000), notice(terminal('succeeded'), true));
    expect(unconfirmed).toMatchObject({
      ...settled('unresolved', 'none'),
      verdict: { kind: 'poll-required', reason: 'unknown-outcome', code: 'not-asked' },
    });
  });

  it('hastens no send that the gateway wanted to hear nothing of', () => {
    const blind = answered(unprocessed(), { retryAfterMs: 5000, askable: false });
    const waiting = decide(stateOf({ askable: false }, replays), blind, { nowMs: startMs, chance: 1 });
    expect(waiting.decision).toEqual(toSend(5000));
    expect(next(waiting.state, notice(pending()), 2000)).toEqual(toSend(3000));
  });

  it('proves that a send has landed and the order is known', () => {
    const { state } = decide(stateOf({ next: 'send' }), notice(pending()), { nowMs: startMs + 50, chance: 1 });
    expect(state).toMatchObject({ landed: true, seen: true, pollingSinceMs: startMs + 50 });
  });

  it('is the last word where nobody can be asked, it is final and need not be confirmed; else the payment stays open', () => {
    const blind: Partial<State> = { askable: false };
    expect(next(stateOf(blind), notice(terminal('succeeded')))).toMatchObject(settled('succeeded', 'webhook'));
    expect(next(stateOf(blind), notice(terminal('succeeded'), true))).toMatchObject(settled('unresolved', 'none'));
    expect(next(stateOf(blind), notice(pending()))).toMatchObject(settled('unresolved', 'none'));
    expect(next(stateOf(blind, replays), notice(pending()))).toEqual(toSend(100));
  });
});

describe('what is settled and wanted once more', () => {
  const settledOnce = (plan: Partial<Omit<Plan, 'policy'>>, attempts = 1): State => {
    const end = { type: 'settle', outcome: 'succeeded', verdict: terminal('succeeded'), settledBy: 'answer' } as const;
    return { ...stateOf({}, plan), attempts, end };
  };
  const moment = { nowMs: startMs, chance: 0 };

  it('is sent again when it only asks, as often as the policy allows', () => {
    const { state, decision } = decide(settledOnce({ effect: 'read' }), { type: 'again' }, moment);
    expect([decision.type, state.attempts, state.end]).toEqual(['send', 2, undefined]);
    expect(decide(settledOnce({ effect: 'read' }, 3), { type: 'again' }, moment).decision.type).toBe('settle');
  });

  it('stays settled when it is a write', () => {
    const { state, decision } = decide(settledOnce({}), { type: 'again' }, moment);
    expect([decision, state.attempts]).toEqual([state.end, 1]);
  });
});

describe('whatever a backoff of one’s own gives', () => {
  const broken = (delayMs: number): Backoff => ({ ...constant(5), delayMs: () => delayMs });

  it.each([-1, -Infinity])('%s is no wait at all', delayMs => {
    const policy: Policy = { retry: { backoff: broken(delayMs) }, poll: { backoff: broken(delayMs) } };
    expect(next(stateOf({}, {}, policy), lost(false))).toEqual(toSend(0));
    expect(next(stateOf({}, {}, policy), answered(pending()))).toEqual(toAsk(0));
  });

  it.each([Number.NaN, undefined as never])('%s is five seconds, and no storm of queries', delayMs => {
    const policy: Policy = { retry: { backoff: broken(delayMs) }, poll: { backoff: broken(delayMs) } };
    expect(next(stateOf({}, {}, policy), lost(false))).toEqual(toSend(5000));
    expect(next(stateOf({}, {}, policy), answered(pending()))).toEqual(toAsk(5000));
  });

  it('a wait beyond the deadline is cut to it', () => {
    expect(next(stateOf({}, {}, { poll: { backoff: broken(Infinity) } }), answered(pending()))).toEqual(
      toAsk(deadlineMs),
    );
  });
});
