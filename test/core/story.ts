import fc from 'fast-check';
import {
  decide,
  initialState,
  unknownOutcome,
  type Decision,
  type Moment,
  type Observation,
  type Plan,
  type State,
} from '../../src/core/decide.ts';
import { constant, exponential, growing, steps } from '../../src/policies/backoff.ts';
import type { Outcome, Reason, TerminalVerdict, Verdict } from '../../src/core/verdict.ts';

/** One turn of a story: what was decided, on what, and what was known before and after. */
export interface Turn {
  readonly before: State;
  readonly observation: Observation;
  readonly nowMs: number;
  readonly wallMs: number;
  readonly chance: number;
  /** All three, and what is known of notices. */
  readonly moment: Moment;
  readonly after: State;
  readonly decision: Decision;
}

/** What the world does in answer to one decision. Parts that do not fit the decision are ignored. */
export interface Card {
  /** How long the exchange took. */
  readonly tookMs: number;
  /** How much later than asked a timer fired. */
  readonly lateMs: number;
  readonly chance: number;
  readonly kind: Verdict['kind'];
  readonly outcome: Outcome;
  readonly reason: Reason;
  readonly delayMs: number | undefined;
  readonly retryAfterMs: number | undefined;
  readonly reauthenticate: boolean;
  /** A send got no answer; whether it may have landed. */
  readonly lost: 'no' | 'not-sent' | 'maybe-sent';
  readonly acknowledges: boolean;
  /** A query shows the payer at it. */
  readonly paying: boolean;
  readonly refused: boolean;
  /** A send’s answer that no table makes final says that nothing was done. */
  readonly refuses: boolean;
  /** A query lacked what the provider may insist on. */
  readonly incomplete: boolean;
  /** Which of a few codes a query gives, and whether going on with it ends a charge. */
  readonly code: string;
  readonly unchangedForMs: number | undefined;
  /** By how much the wall clock is set meanwhile. */
  readonly stepMs: number;
  readonly askable: boolean;
  readonly lookable: boolean;
  /** A notice comes during a wait, and whether it must be confirmed. */
  readonly notice: 'no' | 'believed' | 'to confirm';
  /** What is known by now of whether notices come. */
  readonly notices: Moment['notices'];
  /** Where a query was put off for a notice: they stop meanwhile. */
  readonly quiet: boolean;
}

export interface Story {
  readonly plan: Plan;
  readonly known: { readonly seen: boolean; readonly askable: boolean; readonly lookable: boolean };
  readonly cards: readonly Card[];
}

/**
 * Tells a story to its end, or until the cards are used up. Verdicts are such as `classify` gives: by what may have
 * landed.
 *
 * @param kept what a store makes of state and observation between two turns; default: it keeps them as they are
 */
export function tell({ plan, known, cards }: Story, kept: <T>(value: T) => T = value => value): Turn[] {
  const turns: Turn[] = [];
  let nowMs = plan.startedAtMs;
  let wallMs = nowMs;
  let state = kept(initialState(plan, { ...known, sentAtMs: plan.openedAtMs }));
  const observe = (observation: Observation, chance: number, notices?: Moment['notices']): Decision => {
    const moment = { nowMs, wallMs, chance, ...(notices !== undefined && { notices }) };
    const { state: after, decision } = decide(state, kept(observation), moment);
    turns.push({ before: state, observation, nowMs, wallMs, chance, moment, after, decision });
    state = kept(after);
    return decision;
  };

  let decision = observe({ type: 'started' }, 0, cards[0]?.notices);
  for (const card of cards) {
    if (decision.type === 'settle' && card.notice === 'no') break;
    const isQuiet = decision.type === 'wait' && card.quiet && state.usuallyDueMs !== undefined;
    const interrupted = isQuiet || ((decision.type === 'wait' || decision.type === 'settle') && card.notice !== 'no');
    const passedMs =
      decision.type === 'settle'
        ? 0
        : decision.type !== 'wait'
          ? card.tookMs
          : interrupted
            ? Math.floor(decision.delayMs / 2)
            : decision.delayMs + card.lateMs;
    nowMs += passedMs;
    wallMs += passedMs + card.stepMs;
    decision = isQuiet
      ? observe({ type: 'quiet' }, card.chance)
      : observe(interrupted ? noticeOf(card) : observationOf(decision, card, state, nowMs), card.chance, card.notices);
  }
  return turns;
}

function observationOf(decision: Decision, card: Card, state: State, nowMs: number): Observation {
  if (decision.type === 'cancel') return canceledBy(card, nowMs - card.tookMs);
  if (decision.type === 'wait') return { type: 'due' };
  const retryAfter = card.retryAfterMs === undefined ? {} : { retryAfterMs: card.retryAfterMs };
  if (decision.type === 'ask') {
    return {
      type: 'status',
      verdict: verdictOf(card),
      acknowledges: card.acknowledges && card.kind !== 'retryable' && card.reason !== 'not-found',
      paying: card.paying,
      refuses: card.refuses,
      incomplete: card.incomplete,
      ...(card.unchangedForMs !== undefined &&
        card.kind === 'poll-required' && { failedWhenUnchangedForMs: card.unchangedForMs }),
      ...retryAfter,
    };
  }
  if (card.lost !== 'no') {
    const landed = card.lost === 'maybe-sent';
    const verdict: Verdict = landed
      ? unknownOutcome('network/ECONNRESET')
      : { kind: 'retryable', reason: 'unreachable', code: 'network/ECONNREFUSED', listed: false };
    return { type: 'lost', landed, verdict };
  }
  const { acknowledges, refused, askable, lookable } = card;
  const verdict = softened(verdictOf(card), state);
  return {
    type: 'answered',
    verdict,
    acknowledges,
    refused,
    refuses: card.refuses && verdict.kind === 'poll-required',
    askable,
    lookable,
    ...retryAfter,
  };
}

/** A cancel at the deadline, by what a send of that card would have come to. */
const canceledBy = ({ kind, lost }: Card, sinceMs: number): Observation => ({
  type: 'cancel',
  standing:
    lost === 'no' ? (kind === 'terminal' ? 'accepted' : 'refused') : lost === 'not-sent' ? 'not-sent' : 'unknown',
  sinceMs,
});

const noticeOf = (card: Card): Observation => ({
  type: 'notice',
  verdict: verdictOf(card),
  confirm: card.notice === 'to confirm',
});

/**
 * Doctrine 5, as `classify` holds to it: after a send that may have landed only the operation's own success is final.
 */
function softened(verdict: Verdict, state: State): Verdict {
  const isFinal =
    verdict.kind !== 'terminal' || !state.landed || ['succeeded', 'created', 'authorized'].includes(verdict.outcome);
  return isFinal ? verdict : { ...wordsOf(verdict), kind: 'poll-required' };
}

const wordsOf = ({ reason, code, listed }: TerminalVerdict): Pick<Verdict, 'reason' | 'code' | 'listed'> => ({
  reason,
  code,
  listed,
});

function verdictOf({ kind, outcome, reason, code, delayMs, reauthenticate }: Card): Verdict {
  const base = { reason, code, listed: true };
  const wait = delayMs === undefined ? {} : { delayMs };
  if (kind === 'terminal') return { kind, outcome, ...base };
  return kind === 'retryable'
    ? { kind, ...base, ...wait, ...(reauthenticate && { remedy: 'reauthenticate' as const }) }
    : { kind, ...base, ...wait };
}

const ms = (max: number): fc.Arbitrary<number> => fc.integer({ min: 0, max });
const startMs = Date.UTC(2026, 10, 1);

const backoff = fc.oneof(
  ms(30_000).map(constant),
  fc.array(ms(30_000), { minLength: 1, maxLength: 4 }).map(steps),
  fc
    .record({ baseMs: ms(5000), maxMs: ms(60_000), jitter: fc.constantFrom('full' as const, 'none' as const) })
    .map(exponential),
  fc.record({ firstMs: ms(5000), baseMs: ms(5000), maxMs: ms(60_000) }).map(growing),
);

const resolvedPolicy = fc.record({
  retry: fc.record({ attempts: fc.integer({ min: 1, max: 5 }), backoff, maxRetryAfterMs: ms(60_000) }),
  poll: fc.record(
    {
      backoff,
      deadlineMs: ms(200_000),
      resendWhenAbsent: fc.boolean(),
      absentAfterMs: ms(20_000),
      followsOrder: fc.boolean(),
      firstOfChargeMs: fc.constant(1500),
      notices: fc.boolean(),
    },
    { requiredKeys: ['backoff', 'deadlineMs', 'resendWhenAbsent'] },
  ),
  limit: fc.constant({ concurrency: 32 }),
});

const sometimes = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { freq: 2, nil: undefined });

/** Plans of every kind; what a provider remembers and answers for is finite, as JSON has no Infinity. */
export const plans: fc.Arbitrary<Plan> = fc
  .record({
    effect: fc.constant('write' as const),
    follows: fc.constantFrom('payment' as const, 'cancel' as const, 'capture' as const, 'refund' as const),
    sameReference: fc.constantFrom('replays' as const, 'refuses' as const, 'unknown' as const),
    remembersForMs: fc.oneof(ms(100_000), fc.constant(Number.MAX_SAFE_INTEGER)),
    policy: resolvedPolicy,
    startedAtMs: fc.constant(startMs),
    openedAtMs: ms(50_000).map(agoMs => startMs - agoMs),
    answersForMs: fc.oneof(ms(100_000), fc.constant(Number.MAX_SAFE_INTEGER)),
    payerNeedsAnswer: fc.boolean(),
    followOnly: fc.boolean(),
    mayHaveBeenSent: fc.boolean(),
    charge: fc.boolean(),
    chargeableForMs: sometimes(ms(100_000)),
    expiresAtMs: sometimes(ms(400_000).map(inMs => startMs - 100_000 + inMs)),
    followedForMs: sometimes(ms(400_000)),
  })
  .map(({ chargeableForMs, expiresAtMs, followedForMs, ...plan }) => ({
    ...plan,
    ...(followedForMs !== undefined && { followedForMs }),
    ...(chargeableForMs !== undefined && { chargeableForMs }),
    ...(expiresAtMs !== undefined && { expiresAtMs }),
  }));

const card: fc.Arbitrary<Card> = fc.record({
  tookMs: ms(15_000),
  lateMs: fc.oneof(fc.constant(0), ms(50), ms(100_000)),
  chance: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  // Stories that end at once show little.
  kind: fc.constantFrom<Verdict['kind'][]>(
    'poll-required',
    'poll-required',
    'poll-required',
    'retryable',
    'retryable',
    'terminal',
  ),
  outcome: fc.constantFrom<Outcome[]>(
    'succeeded',
    'failed',
    'canceled',
    'expired',
    'refunded',
    'authorized',
    'created',
    'rejected',
    'rejected',
  ),
  reason: fc.constantFrom<Reason[]>(
    'processing',
    'awaiting-payer',
    'not-found',
    'not-found',
    'not-found',
    'unknown-outcome',
    'declined',
  ),
  delayMs: sometimes(ms(30_000)),
  retryAfterMs: sometimes(ms(80_000)),
  reauthenticate: fc.boolean(),
  lost: fc.constantFrom<Card['lost'][]>('no', 'no', 'not-sent', 'maybe-sent'),
  acknowledges: fc.boolean(),
  paying: fc.boolean(),
  refused: fc.boolean(),
  refuses: fc.boolean(),
  incomplete: fc.constantFrom(false, false, false, true),
  code: fc.constantFrom('x', 'x', 'y'),
  unchangedForMs: sometimes(ms(15_000)),
  stepMs: fc.oneof(
    { weight: 6, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.integer({ min: -100_000, max: 100_000 }) },
  ),
  askable: fc.boolean(),
  lookable: fc.boolean(),
  notices: sometimes(fc.record({ withinMs: ms(100_000), atMostMs: ms(600_000) })),
  quiet: fc.boolean(),
  notice: fc.constantFrom<Card['notice'][]>('no', 'no', 'no', 'no', 'no', 'no', 'believed', 'to confirm'),
});

/** Stories of up to forty turns. */
export const stories: fc.Arbitrary<Story> = fc.record({
  plan: plans,
  known: fc.record({ seen: fc.boolean(), askable: fc.boolean(), lookable: fc.boolean() }),
  cards: fc.array(card, { minLength: 1, maxLength: 40 }),
});
