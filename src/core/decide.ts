import { backoffFrom, type Backoff } from '../policies/backoff.ts';
import { withoutInfinity, type ResolvedPolicy } from '../policies/policy.ts';
import {
  doubtedPaid,
  isDoubtedPaid,
  isPaid,
  isUndone,
  openBesideCancel,
  paidBesideCancel,
  type CancelStanding,
  type KnownCancel,
} from './cancel.ts';
import type { Follows, SameReference } from './operation.ts';
import type { SettledBy, Settlement } from './settlement.ts';
import type { Effect, PollRequiredVerdict, RetryableVerdict, TerminalVerdict, Verdict } from './verdict.ts';

/**
 * The whole decision: what to do next about one intention, given what was just seen. Pure: no network, no clock, no
 * chance of its own. State and observation may pass through JSON before each step. The ky hooks and the p-retry loop
 * only carry it out, and so can any other engine.
 *
 * @throws {InputError} for a state from JSON whose backoff is one of your own: see `defineBackoff`
 */
export function decide(before: State, observation: Observation, moment: Moment): { state: State; decision: Decision } {
  const state = withCircumstances(attached(before), observation, moment);
  switch (observation.type) {
    case 'started':
      return start(state, moment);
    case 'due':
      return due(state, moment);
    case 'answered':
      return answered(state, observation, moment);
    case 'lost':
      return unanswered(state, observation, moment);
    case 'status':
      return status(state, observation, moment);
    case 'notice':
      return notice(state, observation, moment);
    case 'hint':
      return hint(state, moment);
    case 'quiet':
      return quiet(state, moment);
    case 'in-line':
      return inLine(state, observation, moment);
    case 'again':
      return again(state);
    case 'cancel':
      return canceled(state, observation, moment);
  }
}

/**
 * What an observation brings along, whatever it is: when the gateway wants to be asked again, what can be asked, and
 * what stands against a send.
 */
function withCircumstances(before: State, observation: Observation, { nowMs }: Moment): State {
  const barred = 'barred' in observation ? observation.barred : undefined;
  const state = barred === before.barred ? before : { ...before, barred };
  const retryAfterMs = 'retryAfterMs' in observation ? observation.retryAfterMs : undefined;
  const askable = 'askable' in observation ? observation.askable : undefined;
  const lookable = 'lookable' in observation ? observation.lookable : undefined;
  if (retryAfterMs === undefined && askable === undefined && lookable === undefined) return state;
  return {
    ...state,
    ...(retryAfterMs !== undefined && { notBeforeMs: nowMs + finite(retryAfterMs) }),
    askable: askable ?? state.askable,
    lookable: lookable ?? state.lookable,
  };
}

/** A point in time with one draw of chance: all a decision may know of either. */
export interface Moment {
  /** The time of the call: the wall clock's when it began, and counted on from there by the monotonic one. */
  readonly nowMs: number;
  /** The wall clock's. Default: the same. */
  readonly wallMs?: number;
  readonly chance: number;
  /** The gateway's notices come. Default: nothing is known of that. */
  readonly notices?: NoticesCome;
}

/** The notices of payments like this one come, and can be waited for. */
interface NoticesCome {
  /** As a rule so many milliseconds after the payment was opened. */
  readonly withinMs: number;
  /** All the same it is asked about no more seldom than this. */
  readonly atMostMs: number;
}

/** What does not change while an intention is settled. */
export interface Plan {
  readonly effect: Effect;
  readonly follows: Follows;
  readonly sameReference: SameReference;
  /** How long the provider knows a second send for the first, from when the ticket was opened. Default: for ever. */
  readonly remembersForMs?: number;
  readonly policy: ResolvedPolicy;
  /** When the call began: all times but `openedAtMs` and `expiresAtMs` are of the call, see {@link Moment}. */
  readonly startedAtMs: number;
  /** When the ticket was opened. */
  readonly openedAtMs: number;
  /** When the order stops being payable. Default: not known. */
  readonly expiresAtMs?: number;
  /**
   * How long an order without a known end of its life is followed, from when the ticket was opened. Default: to the
   * policy's deadline.
   */
  readonly followedForMs?: number;
  /** How long the provider answers for an order. Default: for ever. */
  readonly answersForMs?: number;
  /** The payer needs the write's own answer. */
  readonly payerNeedsAnswer: boolean;
  /** It acts on an older order: what a query shows first may be a state from before this write. Default: no. */
  readonly ofOlderOrder?: boolean;
  /** The money is taken in the call. Default: no. */
  readonly charge?: boolean;
  /**
   * How long the request can still succeed at all, from when the ticket was opened. Default: not known for a charge, for
   * ever for anything else.
   */
  readonly chargeableForMs?: number;
  /**
   * At the deadline it is canceled, and that is confirmed within so long. Default: it stays open.
   */
  readonly cancelsWithinMs?: number;
  /** The provider refuses to cancel what is paid. Default: it may give the money back. */
  readonly cancelSparesPaid?: boolean;
  /** Until then a cancel that was sent before may give back what is paid. Default: there was none. */
  readonly mayBeGivenBackUntilMs?: number;
  /** Only ask: a ticket is followed, and it is never sent. */
  readonly followOnly: boolean;
  /** How long the line of those is that began to be followed just before it. Default: it is asked about at once. */
  readonly lineMs?: number;
  /** A job queue redelivered: a send may have left before this call. */
  readonly mayHaveBeenSent: boolean;
}

/** What is known so far. Plain JSON: of its backoffs `JSON.stringify` writes what a gateway reads again. */
export interface State {
  readonly plan: Plan;
  /** The status query can be asked with what the ticket knows. */
  readonly askable: boolean;
  /** It can at least be looked for in a list, where it cannot be asked about. */
  readonly lookable: boolean;
  /** The gateway's own answer to the write was received, whatever it said of the order. */
  readonly heard: boolean;
  /** A query has shown the order since the write was answered. */
  readonly shown?: boolean;
  readonly attempts: number;
  readonly polls: number;
  /** How many of them never left: a hook threw, no token was had, or their turn did not come. Default: none. */
  readonly unsentPolls?: number;
  /** A send may have reached the gateway. */
  readonly landed: boolean;
  /** The gateway has acknowledged the order. */
  readonly seen: boolean;
  /** The next send repeats one that may have landed and was not answered. */
  readonly repeatsSend: boolean;
  /** This write's own answer was a final refusal, whatever the doctrine made of it. */
  readonly refused: boolean;
  /** What the write's own last answer meant. */
  readonly own?: Verdict | undefined;
  /** `own` holds what the payer needs to go on. */
  readonly createdWhenOpen?: boolean;
  /** `own` stated that nothing was done, by a code that is believed only once the order is not found. */
  readonly refusal?: boolean;
  /** `own` is a final refusal because the number belongs to another order, whose state is asked for before the end. */
  readonly askedOnce?: boolean;
  /** The answer to that query. */
  readonly other?: Verdict;
  /** The state of a charge in the last query; from `untilMs` on it is believed to be the charge's end. */
  readonly unchanged?: { readonly code: string; readonly untilMs: number } | undefined;
  /**
   * When the last send ended, by the time of the call and by the wall clock. Unset: the ticket that is followed names
   * no send.
   */
  readonly sentAtMs?: number | undefined;
  readonly sentWallMs?: number | undefined;
  /** When polling began, and how many waits there were: for a ticket, counted over the life of its payment. */
  readonly pollingSinceMs?: number;
  readonly pollWaits: number;
  /** Whether the payer was at it when a query last showed the order. Unset: none has. */
  readonly paying?: boolean;
  /** A notice has told how the payment ended, and a query has yet to confirm it. */
  readonly noticed?: boolean;
  /** When the next query would be due, were there no notices to wait for. Unset: it is due then. */
  readonly usuallyDueMs?: number | undefined;
  /** How often news of him has brought the pace back to its start. Default: never. */
  readonly quickened?: number;
  /** The verdict of the last send that the gateway did not process. */
  readonly unprocessed?: Verdict;
  /** "Not found" in this loop. */
  readonly notFounds: number;
  /** Refused status queries in a row. */
  readonly refusedPolls: number;
  /**
   * A send, or the last status query, was refused for its token: one that is refused again is a refusal like any other.
   */
  readonly reauthenticated: boolean;
  /** The next exchange carries a new token, since the last one's was refused. */
  readonly needsToken: boolean;
  /** What stands against a send, as the last observation told. */
  readonly barred?: Barred | undefined;
  /** What a wait is for. */
  readonly next?: 'send' | 'ask';
  /** Nothing is sent or asked before this time (`Retry-After`). */
  readonly notBeforeMs?: number;
  /** The last status query was answered, and has shown the order open. Unset: something has happened since. */
  readonly shownOpen?: boolean | undefined;
  /** A cancel was sent at its deadline, or was to be: it is never sent again itself. */
  readonly cancel?: KnownCancel;
  /** How it was settled. */
  readonly end?: End;
}

export type Observation =
  | (Sendable & { readonly type: 'started' })
  /** A wait is over. */
  | { readonly type: 'due' }
  | AnsweredObservation
  /** A send got no answer. `left`: the exchange got past fetching its token. Default: it did. */
  | LostObservation
  | StatusObservation
  | NoticeObservation
  /** An unsigned notice came while a query is waited for. */
  | { readonly type: 'hint' }
  /** The notices have stopped for which a query is waited with longer than usual. */
  | { readonly type: 'quiet' }
  /** It was due together with so many others that each must wait for its place, in milliseconds. */
  | { readonly type: 'in-line'; readonly lineMs: number }
  /** The caller, or a hook, wants what is settled to be sent once more. */
  | (Sendable & { readonly type: 'again' })
  | CancelObservation;

/** Why nothing is to be sent now: the circuit is open, or a re-send is more than the retry quota has left. */
export type Barred = 'circuit' | 'quota';

/** Whether it may be sent now. Default: it may. */
interface Sendable {
  readonly barred?: Barred | undefined;
}

/** What can be asked about by now. Default: what could be before. */
interface Reach extends Sendable {
  readonly askable?: boolean;
  readonly lookable?: boolean;
}

/** A send got no answer. */
interface LostObservation extends Reach {
  readonly type: 'lost';
  readonly verdict: Verdict;
  readonly landed: boolean;
  /** It got as far as its token. Default: it did. */
  readonly left?: boolean;
}

/** A verified webhook came, while no exchange was on the wire. `confirm`: ask before it is believed. */
export interface NoticeObservation extends Reach {
  readonly type: 'notice';
  readonly verdict: Verdict;
  readonly confirm: boolean;
}

/** A send was answered. */
interface AnsweredObservation extends Reach {
  readonly type: 'answered';
  readonly verdict: Verdict;
  readonly acknowledges: boolean;
  /** It would be a final refusal, were this the first send. */
  readonly refused: boolean;
  /** It states that nothing was done, by a code that no table makes final. */
  readonly refuses?: boolean;
  /** It is final, because the number belongs to another order: the state of that one is asked for first. */
  readonly askedOnce?: boolean;
  /** It is about an earlier send of this write. */
  readonly ofAnotherSend?: boolean;
  /** It holds what the payer needs to go on, should a query show the order open. */
  readonly createdWhenOpen?: boolean;
  readonly askable: boolean;
  readonly retryAfterMs?: number;
}

/** The cancel at the deadline was carried out, as far as it could be. */
interface CancelObservation extends Reach {
  readonly type: 'cancel';
  readonly standing: CancelStanding;
  /** When that began, by the time of the call. */
  readonly sinceMs: number;
  readonly retryAfterMs?: number;
}

/** A status query was answered, or got no answer (then its verdict is retryable). */
interface StatusObservation extends Reach {
  readonly type: 'status';
  readonly verdict: Verdict;
  readonly acknowledges: boolean;
  /** The exchange got past fetching its token. Default: it did. */
  readonly left?: boolean;
  /** The row states that the write was refused. */
  readonly refuses?: boolean;
  /** The query lacked a field that the provider may insist on. */
  readonly incomplete?: boolean;
  /** The payer or the merchant must act, and this answer holds what is needed. */
  readonly needsAction?: boolean;
  /** The payer is at it. */
  readonly paying?: boolean;
  /** For a charge: the same code in queries this far apart is its end. */
  readonly failedWhenUnchangedForMs?: number;
  readonly retryAfterMs?: number;
}

export type Decision =
  /** A permit for exactly one send. */
  | { readonly type: 'send' }
  | { readonly type: 'ask' }
  /** A permit for one cancel, by the payment's own cancel operation. */
  | { readonly type: 'cancel' }
  | { readonly type: 'wait'; readonly delayMs: number; readonly next: 'send' | 'ask' }
  | End;

interface End {
  readonly type: 'settle';
  readonly outcome: Settlement['outcome'];
  readonly verdict: Verdict;
  readonly settledBy: SettledBy;
}

type Step = { state: State; decision: Decision };

/**
 * Following a ticket goes on after these ends of a send: a create ends when its order exists, and the refusal of a send
 * says nothing about the payment that the ticket follows.
 */
export const endsOfASendAlone: ReadonlySet<Settlement['outcome']> = new Set<Settlement['outcome']>([
  'created',
  'unsent',
  'rejected',
]);

/** Refused status queries in a row that end a loop: the fourth would be refused too. */
const REFUSED_POLLS = 3;
/** One "not found" may be a replica that lags. */
const NOT_FOUNDS = 2;

/** How long queries are repeated without a number that the provider may insist on. */
const BLIND_FOR_MS = 45_000;

const ONLY_A_NOTICE =
  'The status query lacks a number that only the lost answer had, and finds nothing: it is not repeated. Only a notice can settle it now: hand it to gateway.receive.';

const ANSWER_LOST =
  'The order exists, but its answer was lost: cancel it before making another, or wait until it is over.';

const ABSENT = 'The gateway has no such order. Send again only under the same reference.';

const NOT_PROCESSED =
  'The gateway did not process it, however often it was sent: nothing was done. Send it again later, under the same reference.';
const BARRED: Readonly<Record<Barred, string>> = {
  circuit:
    'The gateway did not answer the last sends, or said that it is down, and none leaves until it is back. Nothing was done: send it again later, under the same reference.',
  quota:
    'So many sends fail that the retry quota is used up. Nothing was done: send it again later, under the same reference.',
};

/** Held back by the circuit, before the first byte: nothing was sent, and the same may be tried again. */
export const circuitOpen: RetryableVerdict = {
  kind: 'retryable',
  code: 'circuit-open',
  reason: 'unavailable',
  listed: false,
  advice: BARRED.circuit,
};

const REFUSED_UNLISTED =
  'It was refused with a code that is not in the tables, and nothing was done. Report it to the adapter’s maintainer.';

/**
 * @param known `sentAtMs`: when the last send left, as far as it is known; `polls`: how often a ticket was asked about
 * before
 */
export function initialState(
  plan: Plan,
  known: { seen: boolean; askable: boolean; lookable?: boolean; sentAtMs?: number; polls?: number; notFounds?: number },
): State {
  return {
    plan: finitePlan(plan),
    askable: known.askable,
    lookable: known.lookable ?? false,
    heard: false,
    seen: known.seen,
    sentAtMs: known.sentAtMs,
    sentWallMs: known.sentAtMs,
    attempts: 0,
    polls: 0,
    landed: plan.followOnly || plan.mayHaveBeenSent,
    refused: false,
    pollWaits: known.polls ?? 0,
    notFounds: known.notFounds ?? 0,
    refusedPolls: 0,
    repeatsSend: false,
    reauthenticated: false,
    needsToken: false,
  };
}

const finite = (value: number): number => Math.min(value, Number.MAX_SAFE_INTEGER);

/** JSON has no Infinity: the largest safe integer stands for it. */
function finitePlan(plan: Plan): Plan {
  const { remembersForMs, answersForMs, followedForMs, chargeableForMs, expiresAtMs } = plan;
  return {
    ...plan,
    policy: finitePolicy(plan.policy),
    ...(remembersForMs !== undefined && { remembersForMs: finite(remembersForMs) }),
    ...(answersForMs !== undefined && { answersForMs: finite(answersForMs) }),
    ...(followedForMs !== undefined && { followedForMs: finite(followedForMs) }),
    ...(chargeableForMs !== undefined && { chargeableForMs: finite(chargeableForMs) }),
    ...(expiresAtMs !== undefined && { expiresAtMs: finite(expiresAtMs) }),
  };
}

/** Many payments share one policy. */
const finitePolicies = new WeakMap<ResolvedPolicy, ResolvedPolicy>();

function finitePolicy(policy: ResolvedPolicy): ResolvedPolicy {
  const known = finitePolicies.get(policy);
  if (known !== undefined) return known;
  const { retry, poll, limit } = policy;
  const made = withoutInfinity({
    ...policy,
    retry: withoutInfinity(retry),
    poll: withoutInfinity(poll),
    limit: withoutInfinity(limit),
  });
  finitePolicies.set(policy, made);
  return made;
}

/**
 * A state that came from JSON, with its backoffs again. `decide` does this by itself, but for a backoff of your own.
 *
 * @param own the backoffs of your own that it may be using
 * @throws {InputError} for a backoff that is neither tillpaid's nor among them
 */
export function attached(state: State, own: readonly Backoff[] = []): State {
  const { plan } = state;
  const { retry, poll } = plan.policy;
  const isWhole = ({ backoff }: { backoff: Partial<Backoff> }): boolean => typeof backoff.delayMs === 'function';
  if (isWhole(retry) && isWhole(poll)) return state;
  const whole = <T extends { backoff: Backoff }>(part: T): T =>
    isWhole(part) ? part : { ...part, backoff: backoffFrom(part.backoff, own) };
  return { ...state, plan: { ...plan, policy: { ...plan.policy, retry: whole(retry), poll: whole(poll) } } };
}

function start(before: State, moment: Moment): Step {
  if (!before.landed) return before.barred === undefined ? send(before) : settle(before, 'unsent', circuitOpen, 'none');
  // Redelivered or resumed: ask first, and go on at the pace that the payment's age has brought it to.
  const { nowMs } = moment;
  const { plan, sentAtMs } = before;
  const state: State = {
    ...before,
    pollingSinceMs: Math.min(nowMs, plan.followOnly ? (sentAtMs ?? plan.openedAtMs) : plan.openedAtMs),
  };
  if (!state.askable) return cannotAsk(state, unknownOutcome('not-asked'), moment);
  const firstInMs = firstOfOrderInMs(state, moment);
  const rareMs = isFresh(state, moment) ? rarelyMs(state, moment) : undefined;
  const isRare = rareMs !== undefined && rareMs > firstInMs && nowMs + rareMs < deadlineOf(state);
  const delayMs = isRare ? rareMs : firstInMs > 0 ? firstInMs : placeMs(state, moment);
  if (delayMs === 0) return { state, decision: { type: 'ask' } };
  const pollWaits = firstInMs > 0 ? 1 : state.pollWaits;
  return {
    state: { ...state, pollWaits, next: 'ask', ...(isRare && { usuallyDueMs: nowMs + firstInMs }) },
    decision: { type: 'wait', delayMs, next: 'ask' },
  };
}

/**
 * Nobody has paid an order by the moment it is made: one that is followed from then on is first asked about after the
 * usual first wait. 0: at once.
 */
function firstOfOrderInMs(state: State, moment: Moment): number {
  const { plan, pollWaits, pollingSinceMs = moment.nowMs } = state;
  const isFitted = stretchesFromMs(state) !== undefined;
  if (!plan.followOnly || !isFitted || pollWaits > 0) return 0;
  const firstMs = paceMs({ ...state, pollWaits: 1 }, { ...moment, nowMs: pollingSinceMs });
  return Math.max(0, Math.min(pollingSinceMs + firstMs, deadlineOf(state)) - moment.nowMs);
}

/**
 * From which time of polling on the waits grow with an order's age. A learned schedule is tillpaid's own too: after what
 * it has learned. `undefined`: never, since the user has set the schedule, or it is no order.
 */
function stretchesFromMs(state: State): number | undefined {
  const { stretches, backoff } = state.plan.policy.poll;
  if (orderLifeOf(state) === undefined) return undefined;
  if (stretches === true) return 0;
  const data = backoff.toJSON?.();
  if (data?.name !== 'learned' || !('delaysMs' in data)) return undefined;
  const { delaysMs } = data;
  return delaysMs.reduce((sum, delayMs) => sum + delayMs, 0) - (delaysMs.at(-1) ?? 0) / 2;
}

/** Its payer still waits, and nobody has asked about it yet. */
const isFresh = ({ pollWaits, pollingSinceMs }: State, { nowMs }: Moment): boolean =>
  pollWaits === 0 && nowMs - (pollingSinceMs ?? nowMs) < FRESH_FOR_MS;

/** Up to this age a payment is taken for one whose payer still waits. */
const FRESH_FOR_MS = 60_000;

/** Over so long the first queries of many may be spread, however quick their pace is. */
const LEAST_SPREAD_MS = 5000;

/**
 * Many tickets resumed at the same moment must not all query at that moment: beyond the first few each waits for its
 * place in the line. Where the line is longer than its usual pace, and than seconds, any time within that is as good: so
 * new payments come before old ones.
 */
function placeMs(state: State, moment: Moment): number {
  const { plan } = state;
  return plan.followOnly ? spreadMs(state, plan.lineMs ?? 0, moment) : 0;
}

function spreadMs(state: State, lineMs: number, moment: Moment): number {
  const { pollWaits } = state;
  if (lineMs === 0) return 0;
  const usualMs = paceMs({ ...state, pollWaits: pollWaits + 1 }, moment);
  const mostMs = Math.min(Math.max(LEAST_SPREAD_MS, usualMs), Math.max(0, deadlineOf(state) - moment.nowMs));
  return Math.floor(lineMs <= mostMs ? lineMs : moment.chance * mostMs);
}

/** The wait for its place, within its pace, and not past its deadline. */
const inLine = (state: State, { lineMs }: { lineMs: number }, moment: Moment): Step => ({
  state: { ...state, next: 'ask' },
  decision: { type: 'wait', delayMs: spreadMs(state, lineMs, moment), next: 'ask' },
});

function due(state: State, moment: Moment): Step {
  // A process that slept does not send past its deadline, nor what the provider would take for a new request by now.
  // One last query is always right.
  const tooLate = moment.nowMs > deadlineOf(state) || (state.landed && isForgotten(state, moment));
  // The wait that an earlier answer asked for is over by now.
  if (state.next === 'send' && tooLate)
    return giveUp(state, (state.landed ? undefined : state.unprocessed) ?? unknownOutcome('deadline'), moment);
  return state.next === 'send' ? send(state) : { state, decision: { type: 'ask' } };
}

function answered(before: State, seen: AnsweredObservation, moment: Moment): Step {
  const { verdict } = seen;
  const state: State = {
    ...before,
    heard: before.heard || isAnswer(seen),
    shown: false,
    seen: before.seen || seen.acknowledges,
    refused: before.refused || seen.refused,
    own: verdict,
    createdWhenOpen: seen.createdWhenOpen === true,
    // Once an earlier send may have landed, a later refusal proves nothing about it (doctrine 5), unless the provider
    // answers a later send with the first one's result.
    refusal: seen.refuses === true && (!before.landed || replays(before, moment)),
    // A "not found" from before was about another send.
    ...(seen.refuses === true && { notFounds: 0 }),
    unchanged: undefined,
    needsToken: isForToken(verdict),
    repeatsSend: false,
    shownOpen: undefined,
    ...sentAt(moment),
  };
  if (state.plan.effect === 'read') {
    return verdict.kind === 'retryable'
      ? resend(state, verdict, moment, seen.retryAfterMs)
      : settle(state, endOf(verdict), verdict, 'answer');
  }
  if (verdict.kind === 'terminal') {
    if (seen.askedOnce === true && verdict.outcome === 'rejected' && state.askable) {
      // The gateway knows that order already: there is nothing to wait for.
      const asking = { ...state, askedOnce: true, pollingSinceMs: moment.nowMs };
      return seen.retryAfterMs === undefined
        ? { state: asking, decision: { type: 'ask' } }
        : askOther(asking, verdict, moment, seen.retryAfterMs);
    }
    // A replayed answer is the first send's: where the gateway can be asked, a query decides.
    const replayed =
      before.landed && state.plan.sameReference === 'replays' && state.askable && verdict.outcome === 'succeeded';
    return replayed
      ? ask(state, verdict, moment, seen.retryAfterMs)
      : settle(state, verdict.outcome, verdict, 'answer');
  }
  if (verdict.kind === 'retryable') {
    if (!before.landed) return resend({ ...state, unprocessed: verdict }, verdict, moment, seen.retryAfterMs);
    return state.askable
      ? ask(state, verdict, moment, seen.retryAfterMs)
      : cannotAsk(state, verdict, moment, seen.retryAfterMs);
  }
  const landed = { ...state, landed: true };
  return state.askable
    ? ask(landed, verdict, moment, seen.retryAfterMs)
    : cannotAsk(landed, verdict, moment, seen.retryAfterMs);
}

/** It was refused for its machine token. */
const isForToken = (verdict: Verdict): boolean => verdict.kind === 'retryable' && verdict.remedy === 'reauthenticate';

/**
 * Whether the gateway itself says something about this write's order: a proxy's page, a "system error" or a rate limit
 * does not, whatever came with it, nor does an answer about an earlier send.
 */
export function isAnswer({
  verdict,
  acknowledges,
  ofAnotherSend,
}: Pick<AnsweredObservation, 'verdict' | 'acknowledges' | 'ofAnotherSend'>): boolean {
  if (verdict.kind === 'terminal') return true;
  return (
    verdict.kind === 'poll-required' && verdict.reason !== 'unknown-outcome' && acknowledges && ofAnotherSend !== true
  );
}

function unanswered(before: State, { verdict, landed, left = true }: LostObservation, moment: Moment): Step {
  const needsToken = before.needsToken && !left;
  const repeatsSend = before.repeatsSend || landed;
  const state: State = {
    ...before,
    ...sentAt(moment),
    needsToken,
    repeatsSend,
    landed: before.landed || landed,
    shownOpen: undefined,
    ...(landed && { refusal: false, unchanged: undefined }),
  };
  if (state.plan.effect === 'read' || !state.landed) return resend(state, verdict, moment);
  return state.askable ? ask(state, verdict, moment) : cannotAsk(state, verdict, moment);
}

/** A status query's answer, and what it has changed. */
interface Asked {
  readonly before: State;
  readonly state: State;
  readonly seen: StatusObservation;
  readonly moment: Moment;
  /** The query itself was refused: it says nothing about the payment. */
  readonly isRefused: boolean;
}

/** What a status query's answer leads to: the first rule that applies decides; where none does, it is asked again. */
const statusRules: readonly ((asked: Asked) => Step | undefined)[] = [
  otherOrder,
  refusedQuery,
  paidAfterCancel,
  ({ state, seen: { verdict } }) =>
    verdict.kind === 'terminal' ? settle(state, verdict.outcome, verdict, 'query') : undefined,
  newToken,
  endWithoutCode,
  blindQuery,
  answerLost,
  payerMustAct,
  payerWasSentOn,
  notFound,
];

function status(before: State, seen: StatusObservation, moment: Moment): Step {
  const { verdict } = seen;
  // A new token that is refused too is a refusal like any other (doctrine 10).
  const isRefused =
    (verdict.kind === 'terminal' && verdict.outcome === 'rejected') || (isForToken(verdict) && before.reauthenticated);
  const state = withPayer(withStatus(before, seen, moment, isRefused), before, seen, moment);
  for (const rule of statusRules) {
    const step = rule({ before, state, seen, moment, isRefused });
    if (step !== undefined) return step;
  }
  return ask(state, verdict, moment, seen.retryAfterMs);
}

function withStatus(before: State, seen: StatusObservation, moment: Moment, isRefused: boolean): State {
  const { verdict, acknowledges, left = true } = seen;
  const reauthenticate = isForToken(verdict);
  return {
    ...before,
    polls: before.polls + 1,
    ...(!left && { unsentPolls: (before.unsentPolls ?? 0) + 1 }),
    shownOpen: left && acknowledges && showsOpen(verdict),
    seen: before.seen || acknowledges,
    notFounds: before.notFounds + (isNotFound(verdict) ? 1 : 0),
    refusedPolls: isRefused ? before.refusedPolls + 1 : 0,
    reauthenticated: reauthenticate,
    // Once for each token: what is refused again is not the token's fault.
    needsToken: reauthenticate ? !before.reauthenticated : before.needsToken && !left,
    unchanged: unchanged(before, seen, moment.nowMs),
    shown: before.shown === true || acknowledges,
  };
}

/** Not lost, not refused, not found, and in a state that is known. */
const showsOpen = ({ kind, reason }: Verdict): boolean =>
  kind === 'poll-required' && !['not-found', 'unknown-outcome', 'conflict'].includes(reason);

/** How often a payer who comes brings the pace back: a state that comes and goes makes few queries more. */
const MOST_QUICKENED = 2;

/**
 * Where the payer comes, the end is near: the pace goes back to its start. What a query shows first is no coming, unless
 * the payment was left alone before.
 */
function withPayer(
  state: State,
  before: State,
  { verdict, acknowledges, paying = false }: StatusObservation,
  moment: Moment,
): State {
  if (verdict.kind !== 'poll-required' || !acknowledges) return state;
  const { plan, paying: wasPaying = !plan.followOnly } = before;
  const known: State = { ...state, paying };
  return paying && !wasPaying ? quickened(known, moment) : known;
}

/** At the pace of a fresh payment, where that is quicker. */
function quickened(state: State, moment: Moment): State {
  const { quickened: times = 0 } = state;
  const quick: State = { ...state, quickened: times + 1, pollingSinceMs: moment.nowMs, pollWaits: 0 };
  const isQuicker = times < MOST_QUICKENED && nextPaceMs(quick, moment) < nextPaceMs(state, moment);
  return isQuicker ? quick : state;
}

const nextPaceMs = (state: State, moment: Moment): number =>
  usable(paceMs({ ...state, pollWaits: state.pollWaits + 1 }, moment));

/** The query was about the order that the number belongs to. */
function otherOrder({ state, seen: { verdict, retryAfterMs }, moment }: Asked): Step | undefined {
  if (state.askedOnce !== true || state.own === undefined) return undefined;
  return askOther({ ...state, other: verdict }, state.own, moment, retryAfterMs);
}

/** The fault may be ours and temporary: ask less often, then stop. A field that the query lacks stays missing. */
function refusedQuery({ state, seen, moment, isRefused }: Asked): Step | undefined {
  const { verdict, retryAfterMs, incomplete } = seen;
  if (!isRefused) return undefined;
  if (incomplete === true) return settle(state, 'unresolved', { ...verdict, advice: ONLY_A_NOTICE }, 'none');
  return state.refusedPolls >= REFUSED_POLLS
    ? settle(state, 'unresolved', verdict, 'none')
    : ask(state, verdict, moment, retryAfterMs, 'slowly');
}

/** The cancel that was sent may still give the money back, or was accepted: both are not the whole truth yet. */
function paidAfterCancel({ state, seen: { verdict, retryAfterMs }, moment }: Asked): Step | undefined {
  return isDoubted(state, verdict, moment) ? ask(state, verdict, moment, retryAfterMs) : undefined;
}

/** A cancel of this loop's, or of one before it. */
const isDoubted = ({ cancel, plan }: State, verdict: Verdict, { nowMs }: Moment): boolean =>
  isDoubtedPaid(cancel, plan.cancelSparesPaid === true, verdict) ||
  (nowMs < (plan.mayBeGivenBackUntilMs ?? 0) && isPaid(verdict));

/** Refused for its token: asked again at once, with a new one. */
function newToken({ state, seen: { verdict, retryAfterMs }, moment }: Asked): Step | undefined {
  const isNow = retryAfterMs === undefined && moment.nowMs < deadlineOf(state);
  return isForToken(verdict) && isNow ? { state, decision: { type: 'ask' } } : undefined;
}

/** The provider has no code for "failed" here, and yet states it (doctrine 14). */
function endWithoutCode({ before, state, seen, moment }: Asked): Step | undefined {
  const ended = endOfRefused(state, seen, moment) ?? endOfUnchanged(before, state, seen.verdict, moment.nowMs);
  return ended && settle(state, 'failed', ended, 'query');
}

/** A query that lacks a number and says nothing for so long will say nothing later. */
function blindQuery({ state, seen: { verdict, incomplete }, moment: { nowMs } }: Asked): Step | undefined {
  const saysNothing =
    incomplete === true &&
    !state.seen &&
    !state.plan.followOnly &&
    verdict.kind === 'poll-required' &&
    verdict.reason === 'unknown-outcome';
  const isLong = nowMs - (state.pollingSinceMs ?? nowMs) >= BLIND_FOR_MS;
  return saysNothing && isLong ? settle(state, 'unresolved', { ...verdict, advice: ONLY_A_NOTICE }, 'none') : undefined;
}

/** A query shows that the order is there and open, and this loop may have sent it. */
const isShownOpen = ({ state, seen: { verdict, acknowledges } }: Asked): boolean =>
  verdict.kind === 'poll-required' && acknowledges && !state.plan.followOnly;

/** The order is open, but the link or QR code that its payer needs was lost with the answer. */
function answerLost(asked: Asked): Step | undefined {
  const { state, seen, moment } = asked;
  const { verdict, retryAfterMs } = seen;
  if (!isShownOpen(asked) || !state.plan.payerNeedsAnswer || state.heard) return undefined;
  if (replays(state, moment) && maySend(state, moment.nowMs)) return sendAgain(state, verdict, moment, retryAfterMs);
  return settleCreated(state, { ...verdict, advice: ANSWER_LOST });
}

/**
 * The write was answered "pending", and only this query says that the payer or the merchant must act. For an order that
 * is older than the write, what a query shows first may be from before the write.
 */
function payerMustAct(asked: Asked): Step | undefined {
  const { before, state, seen } = asked;
  const { plan, own } = state;
  const isOfThisWrite = own?.kind === 'poll-required' && (plan.ofOlderOrder !== true || before.shown === true);
  const mustAct = isShownOpen(asked) && plan.payerNeedsAnswer && seen.needsAction === true;
  return mustAct && isOfThisWrite ? settleCreated(state, seen.verdict) : undefined;
}

/** The write's own answer holds what the payer needs to go on, although its code says something else. */
function payerWasSentOn(asked: Asked): Step | undefined {
  const { state, seen } = asked;
  if (!isShownOpen(asked) || state.createdWhenOpen !== true) return undefined;
  const advice = state.own?.advice;
  const { verdict } = seen;
  return settleCreated(state, { ...verdict, reason: 'awaiting-payer', ...(advice !== undefined && { advice }) });
}

const settleCreated = (state: State, verdict: Verdict): Step =>
  settle(state, 'created', { ...verdict, kind: 'terminal', outcome: 'created' }, 'query');

/** No such order: sent again where that cannot act twice, or absent once it may be believed (doctrine 6). */
function notFound({ state, seen: { verdict, retryAfterMs }, moment }: Asked): Step | undefined {
  if (!isNotFound(verdict)) return undefined;
  const again = (): Step => sendAgain({ ...state, notFounds: 0 }, verdict, moment, retryAfterMs);
  if (canStillBeDone(state, moment)) return again();
  if (!isAbsent(state, moment)) return undefined;
  const { resendWhenAbsent } = state.plan.policy.poll;
  if (resendWhenAbsent && !isForgotten(state, moment)) {
    if (maySend(state, moment.nowMs)) return again();
    // What is to be sent again, and may not be now, is not called absent: it is asked about until it may.
    if (maySend({ ...state, barred: undefined }, moment.nowMs)) return undefined;
  }
  return settle(state, 'absent', { ...verdict, advice: ABSENT }, 'query');
}

/**
 * Asks for the state of the order that the number belongs to, until there is any answer. Whatever that is, this write
 * was refused.
 */
function askOther(state: State, own: Verdict, moment: Moment, retryAfterMs?: number): Step {
  const { polls, other } = state;
  const isKnown = other !== undefined && other.kind !== 'retryable';
  const step = isKnown || polls >= REFUSED_POLLS ? undefined : ask(state, own, moment, retryAfterMs);
  return step?.decision.type === 'wait' ? step : settle(state, 'rejected', own, 'answer');
}

/** The state of a charge in a query, while it may be its end. A query that was lost or refused changes nothing. */
function unchanged(
  before: State,
  { verdict, failedWhenUnchangedForMs: forMs }: StatusObservation,
  nowMs: number,
): State['unchanged'] {
  if (verdict.kind !== 'poll-required') return before.unchanged;
  if (forMs === undefined || before.plan.charge !== true) return undefined;
  return before.unchanged?.code === verdict.code ? before.unchanged : { code: verdict.code, untilMs: nowMs + forMs };
}

/** Doctrine 14: a state of a charge in the call that stays the same for long enough is its end. */
function endOfUnchanged(
  before: State,
  { unchanged: now }: State,
  verdict: Verdict,
  nowMs: number,
): TerminalVerdict | undefined {
  if (verdict.kind !== 'poll-required' || now === undefined || now !== before.unchanged || nowMs < now.untilMs)
    return undefined;
  return failedAs(verdict);
}

/**
 * A write's own refusal is believed when the gateway finds no such order, twice, or has a row of it that was refused
 * for the same.
 */
function endOfRefused(
  { plan, own, refusal, seen, notFounds }: State,
  { verdict, refuses }: StatusObservation,
  moment: Moment,
): TerminalVerdict | undefined {
  if (own === undefined || refusal !== true || verdict.kind !== 'poll-required' || verdict.reason === 'conflict')
    return undefined;
  const isNowhere = isNotFound(verdict) && !seen && notFounds >= NOT_FOUNDS && !isOver(plan, plan.answersForMs, moment);
  const isRepeated = refuses === true && verdict.code === own.code;
  return isNowhere || isRepeated ? failedAs(own) : undefined;
}

/** The same verdict, now final. A code that no table knows says only that it was declined. */
function failedAs({ code, reason, listed, advice, message }: Verdict): TerminalVerdict {
  const isKnown = reason !== 'unknown-outcome';
  return {
    kind: 'terminal',
    outcome: 'failed',
    code,
    reason: isKnown ? reason : 'declined',
    listed,
    ...(!isKnown && { advice: REFUSED_UNLISTED }),
    ...(isKnown && advice !== undefined && { advice }),
    ...(message !== undefined && { message }),
  };
}

/**
 * The gateway does not know the order, and answers a second send with the first one's result: it is sent again, as long
 * as the request can still succeed. For a charge, the adapter must say how long that is. A query that follows a cancel
 * or a capture shows the payment, not the write.
 */
function canStillBeDone(state: State, moment: Moment): boolean {
  const { plan, seen, refusal } = state;
  const isOwnQuery = plan.follows === 'payment' || plan.follows === 'refund';
  const isAlive =
    (plan.charge !== true || plan.chargeableForMs !== undefined) &&
    !isOver(plan, plan.chargeableForMs, moment) &&
    !isExpired(plan, moment);
  return isOwnQuery && isAlive && !seen && refusal !== true && replays(state, moment) && maySend(state, moment.nowMs);
}

/** The order can no longer be paid, by either clock. */
const isExpired = ({ expiresAtMs }: Plan, moment: Moment): boolean =>
  expiresAtMs !== undefined && Math.max(moment.nowMs, wallMsOf(moment)) >= expiresAtMs;

/** Where it disagrees with how the payment was settled, the gateway is asked. */
function notice({ end, ...before }: State, { verdict, confirm: mustConfirm }: NoticeObservation, moment: Moment): Step {
  // The gateway speaks of the order, so a send has landed.
  const known: State = { ...before, landed: true, seen: true, shownOpen: undefined };
  if (
    end !== undefined &&
    verdict.kind === 'terminal' &&
    verdict.outcome === end.outcome &&
    verdict.outcome !== 'rejected'
  )
    return { state: { ...known, end }, decision: end };
  // It is about the order that the number belongs to.
  if (before.askedOnce === true && before.own !== undefined)
    return settle({ ...before, other: verdict }, 'rejected', before.own, 'answer');
  // That nothing was heard in time contradicts nothing.
  const isDecided = end !== undefined && (end.outcome !== 'unresolved' || end.verdict.reason === 'conflict');
  const confirm = mustConfirm || isDecided || isDoubted(before, verdict, moment);
  const polling: State = { ...known, pollingSinceMs: before.pollingSinceMs ?? moment.nowMs };
  const final = verdict.kind === 'terminal' && verdict.outcome !== 'rejected' && verdict.outcome !== 'created';
  // What it told may be visible to queries a little later.
  const state: State = final && confirm ? { ...quickened(polling, moment), noticed: true } : polling;
  if (final && !confirm) return settle(state, verdict.outcome, verdict, 'webhook');
  const leftMs = Math.max(0, (before.notBeforeMs ?? 0) - moment.nowMs);
  if (canAsk(state)) {
    if (leftMs === 0) return { state, decision: { type: 'ask' } };
    if (isTooLong(state, leftMs, moment.nowMs))
      return atDeadline(state, final ? unknownOutcome('not-asked') : verdict, moment, leftMs);
    return { state: { ...state, next: 'ask' }, decision: { type: 'wait', delayMs: leftMs, next: 'ask' } };
  }
  // What must be confirmed and cannot be asked about stays open.
  return final && !mustConfirm && !isDoubted(before, verdict, moment)
    ? settle(state, verdict.outcome, verdict, 'webhook')
    : cannotAsk(state, verdict, moment, leftMs);
}

/** Asks at once, but not before the gateway wants to hear anything. It proves nothing: anybody can have sent it. */
function hint(state: State, { nowMs }: Moment): Step {
  const delayMs = Math.max(0, (state.notBeforeMs ?? 0) - nowMs);
  return { state, decision: delayMs === 0 ? { type: 'ask' } : { type: 'wait', delayMs, next: 'ask' } };
}

/** Whatever became of the cancel: only the payment's own query, or a notice, says how the payment ended. */
function canceled(before: State, { standing, sinceMs }: CancelObservation, moment: Moment): Step {
  const { pollingSinceMs: _before, ...state } = before;
  const forMs = isUndone(standing) ? 0 : (state.plan.cancelsWithinMs ?? 0);
  const asking: State = { ...state, pollWaits: 0, next: 'ask', cancel: { standing, untilMs: sinceMs + forMs } };
  const leftMs = Math.max(0, (state.notBeforeMs ?? 0) - moment.nowMs);
  if (leftMs > 0 && isTooLong(asking, leftMs, moment.nowMs))
    return settle(asking, 'unresolved', unknownOutcome('not-asked'), 'none');
  // Asked at the pace of a fresh payment, and once at least.
  return hint(asking, moment);
}

/** A read may be sent again, as often as the policy allows. A write that is settled stays so. */
function again(state: State): Step {
  const { end, ...open } = state;
  const { effect, policy } = state.plan;
  if (effect === 'read' && state.attempts < policy.retry.attempts && state.barred === undefined) return send(open);
  return end === undefined ? { state, decision: { type: 'ask' } } : { state, decision: end };
}

/** The gateway looked and found no order; a query that was refused or lost proves nothing. */
const isNotFound = (verdict: Verdict): boolean => verdict.kind === 'poll-required' && verdict.reason === 'not-found';

/** Whether "not found" may be believed by now. Of the two clocks the one that has seen less time pass is believed. */
function isAbsent({ plan, seen, notFounds, sentAtMs, sentWallMs }: State, moment: Moment): boolean {
  const { absentAfterMs } = plan.policy.poll;
  if (sentAtMs === undefined || absentAfterMs === undefined) return false;
  const sinceMs = Math.min(moment.nowMs - sentAtMs, wallMsOf(moment) - (sentWallMs ?? sentAtMs));
  return !seen && notFounds >= NOT_FOUNDS && sinceMs >= absentAfterMs && !isOver(plan, plan.answersForMs, moment);
}

const wallMsOf = ({ nowMs, wallMs }: Moment): number => wallMs ?? nowMs;

const sentAt = (moment: Moment): Pick<State, 'sentAtMs' | 'sentWallMs'> => ({
  sentAtMs: moment.nowMs,
  sentWallMs: wallMsOf(moment),
});

/** A payment made in an order's last moment may become visible this much later. */
const AFTER_ITS_LIFE_MS = 60_000;

/** When the last status query starts, by the time of the call. */
export const deadlineOf = (state: State): number =>
  state.cancel?.untilMs ?? orderDeadlineOf(state) ?? chargeDeadlineOf(state);

const chargeDeadlineOf = ({ plan }: State): number => plan.startedAtMs + plan.policy.poll.deadlineMs;

/**
 * An order without a deadline set by the user is followed to the end of its own life; one that the gateway has not
 * acknowledged, to a charge's deadline at least.
 */
function orderDeadlineOf(state: State): number | undefined {
  const { plan, heard, seen } = state;
  const expiresAtMs = orderLifeOf(state);
  if (plan.policy.poll.followsOrder !== true || expiresAtMs === undefined) return undefined;
  const endMs = Math.max(plan.startedAtMs, expiresAtMs) + AFTER_ITS_LIFE_MS;
  return plan.expiresAtMs !== undefined && (heard || seen) ? endMs : Math.max(endMs, chargeDeadlineOf(state));
}

/** When an order that its payer pays has ended by itself. `undefined`: it is none. */
function orderLifeOf({ plan, heard, seen }: State): number | undefined {
  const isOrder = plan.charge !== true && plan.follows === 'payment' && (plan.followOnly || heard || seen);
  if (!isOrder) return undefined;
  return plan.expiresAtMs ?? (plan.followedForMs === undefined ? undefined : plan.openedAtMs + plan.followedForMs);
}

/** A second send now would be answered with the first one's result. */
const replays = (state: State, moment: Moment): boolean =>
  state.plan.sameReference === 'replays' && !isForgotten(state, moment);

/** The provider would take a second send for a new one: past this, only look up. */
export const isForgotten = ({ plan }: Pick<State, 'plan'>, moment: Moment): boolean =>
  isOver(plan, plan.remembersForMs, moment);

/** A time counted from when the ticket was opened is over, by either clock; one that is not set never is. */
const isOver = ({ openedAtMs }: Plan, lastsMs: number | undefined, moment: Moment): boolean =>
  typeof lastsMs === 'number' && Math.max(moment.nowMs, wallMsOf(moment)) - openedAtMs >= lastsMs;

const canAsk = ({ askable, lookable }: State): boolean => askable || lookable;

const maySend = (state: State, nowMs: number): boolean =>
  !state.plan.followOnly &&
  state.cancel === undefined &&
  state.barred === undefined &&
  state.attempts < state.plan.policy.retry.attempts &&
  nowMs < deadlineOf(state);

/** A permit for one send; queries after it start at the pace of a fresh payment. */
function send(state: State): Step {
  const { pollingSinceMs: _before, ...fresh } = state;
  return { state: { ...fresh, pollWaits: 0, attempts: state.attempts + 1 }, decision: { type: 'send' } };
}

/** Whether `Retry-After` is longer than this loop may wait. */
const isTooLong = (state: State, retryAfterMs: number, nowMs: number): boolean =>
  retryAfterMs > state.plan.policy.retry.maxRetryAfterMs || nowMs + retryAfterMs > deadlineOf(state);

/** A second send after a query: at once, but not before `Retry-After` allows it. */
function sendAgain(state: State, verdict: Verdict, moment: Moment, retryAfterMs = 0): Step {
  if (retryAfterMs === 0) return send(state);
  if (isTooLong(state, retryAfterMs, moment.nowMs)) return atDeadline(state, verdict, moment, retryAfterMs);
  return { state: { ...state, next: 'send' }, decision: { type: 'wait', delayMs: retryAfterMs, next: 'send' } };
}

/**
 * Waits for the next status query, the last of which starts at the deadline. `slowly`: at the backoff's largest
 * interval.
 */
function ask(
  before: State,
  verdict: Verdict,
  moment: Moment,
  retryAfterMs = 0,
  pace: 'usual' | 'slowly' = 'usual',
): Step {
  const { nowMs } = moment;
  const pollingSinceMs = before.pollingSinceMs ?? nowMs;
  const state: State = { ...before, pollingSinceMs, pollWaits: before.pollWaits + 1, next: 'ask' };
  const leftMs = deadlineOf(state) - nowMs;
  const leastMs = Math.max(retryAfterMs, requestedMs(verdict));
  const tooLong = retryAfterMs > state.plan.policy.retry.maxRetryAfterMs || leastMs > Math.max(0, leftMs);
  if (tooLong || (leftMs <= 0 && state.polls > 0)) return atDeadline(state, verdict, moment, leastMs);
  const believedInMs = state.unchanged === undefined ? Infinity : Math.max(0, state.unchanged.untilMs - nowMs);
  const usualMs =
    pace === 'slowly' ? state.plan.policy.poll.backoff.maxMs : Math.min(paceMs(state, moment), believedInMs);
  const dueInMs = Math.max(usable(usualMs), leastMs);
  const rareMs = rarelyMs(state, moment) ?? 0;
  return {
    state: { ...state, usuallyDueMs: rareMs > dueInMs ? nowMs + dueInMs : undefined },
    decision: { type: 'wait', delayMs: Math.max(0, Math.min(Math.max(dueInMs, rareMs), leftMs)), next: 'ask' },
  };
}

/** From then on it is asked about when half as much time again has passed; and those who wait, a little apart. */
const RARE_RATIO = 0.5;
const RARE_SPREAD = 0.2;

/**
 * The wait while notices come: until they have come as a rule, then longer and longer. Only for what is
 * followed, and is there: who sends waits in the call, and so does the payer of a charge. What a notice has told already
 * is not waited for.
 */
function rarelyMs({ plan, seen, noticed, cancel }: State, { nowMs, chance, notices }: Moment): number | undefined {
  const mayWait = plan.policy.poll.notices === true && plan.followOnly && plan.charge !== true && seen;
  if (notices === undefined || !mayWait || noticed === true || cancel !== undefined) return undefined;
  const waitedMs = Math.max(0, nowMs - plan.openedAtMs);
  const leftMs = notices.withinMs - waitedMs;
  return Math.round(
    Math.min(notices.atMostMs, leftMs > 0 ? leftMs : RARE_RATIO * waitedMs) * (1 + RARE_SPREAD * chance),
  );
}

/** The wait for a query that was put off for a notice: what is left of the usual one, or a part of it, so that not all ask at once. */
function quiet(state: State, moment: Moment): Step {
  const { nowMs, chance } = moment;
  const { usuallyDueMs = nowMs, notBeforeMs = 0 } = state;
  const usualMs = usuallyDueMs > nowMs ? usuallyDueMs - nowMs : Math.floor(chance * nextPaceMs(state, moment));
  const delayMs = Math.max(Math.min(usualMs, Math.max(0, deadlineOf(state) - nowMs)), notBeforeMs - nowMs, 0);
  return { state: { ...state, usuallyDueMs: undefined }, decision: { type: 'wait', delayMs, next: 'ask' } };
}

/**
 * It is open at its deadline, or may not be asked about again before that: it is canceled then, if its policy says so.
 * What contradicts itself is for people to look at.
 *
 * @param leastMs before that the gateway wants to hear nothing: neither a query nor a cancel
 */
function atDeadline(state: State, verdict: Verdict, moment: Moment, leastMs: number): Step {
  const { nowMs } = moment;
  const { cancelsWithinMs } = state.plan;
  if (isDoubted(state, verdict, moment))
    return settle(state, 'unresolved', doubtedPaid(verdict, state.cancel?.standing === 'accepted'), 'none');
  if (cancelsWithinMs === undefined || state.cancel !== undefined || verdict.reason === 'conflict')
    return settle(state, 'unresolved', verdict, 'none');
  const deadlineMs = deadlineOf(state);
  const atMs = Math.max(deadlineMs, nowMs + leastMs, state.notBeforeMs ?? 0);
  if (atMs > deadlineMs + cancelsWithinMs) return uncanceled(state, verdict, moment);
  if (atMs > nowMs)
    return { state: { ...state, next: 'ask' }, decision: { type: 'wait', delayMs: atMs - nowMs, next: 'ask' } };
  // A query comes right before it, whatever has happened in between.
  if (state.shownOpen === undefined && canAsk(state)) return { state, decision: { type: 'ask' } };
  // It may be paid: what the last query did not show open is not canceled.
  return state.shownOpen === true ? { state, decision: { type: 'cancel' } } : uncanceled(state, verdict, moment);
}

const uncanceled = (state: State, verdict: Verdict, { nowMs }: Moment): Step =>
  settle({ ...state, cancel: { standing: 'not-sent', untilMs: nowMs } }, 'unresolved', verdict, 'none');

/**
 * The next query of an order comes after a tenth of the time it has waited already, so that its end is reported within
 * two minutes; more seldom where the order lives so long that no payer waits at the screen. After two hours the two
 * minutes grow too.
 */
export const ORDER_PACE: {
  readonly [name in 'ratio' | 'longRatio' | 'longMs' | 'maxMs' | 'lateRatio']: number;
} = { ratio: 0.1, longRatio: 0.25, longMs: 3_600_000, maxMs: 115_000, lateRatio: 0.018 };

/** The wait before the next status query: the backoff's. A default backoff is fitted to what is waited for. */
function paceMs(state: State, { nowMs, chance }: Moment): number {
  const { plan, pollWaits, pollingSinceMs = nowMs } = state;
  const { backoff, firstOfChargeMs } = plan.policy.poll;
  const step = { step: pollWaits, elapsedMs: nowMs - pollingSinceMs };
  const usualMs = usable(backoff.delayMs({ ...step, chance }));
  const isEarly = plan.charge === true && firstOfChargeMs !== undefined && pollWaits <= 1;
  const isStretched = step.elapsedMs >= (stretchesFromMs(state) ?? Infinity);
  if (!isEarly && !isStretched) return usualMs;
  // What is fitted is drawn as the backoff itself is.
  const longestMs = backoff.delayMs({ ...step, chance: 1 });
  const drawn = usualMs < longestMs ? usualMs / longestMs : 1;
  // A quick PIN waits less, for the price of some half a query.
  if (isEarly) return Math.min(usualMs, Math.round(drawn * firstOfChargeMs));
  const isLong = (plan.expiresAtMs ?? 0) - plan.openedAtMs >= ORDER_PACE.longMs;
  const mostMs = Math.max(ORDER_PACE.maxMs, ORDER_PACE.lateRatio * step.elapsedMs);
  const stretchedMs = Math.min((isLong ? ORDER_PACE.longRatio : ORDER_PACE.ratio) * step.elapsedMs, mostMs);
  return Math.max(usualMs, Math.round(drawn * stretchedMs));
}

/** Waits for the next send of what was not processed; ends when sends or time are used up. */
function resend(state: State, verdict: Verdict, moment: Moment, retryAfterMs = 0): Step {
  const { nowMs, chance } = moment;
  const { retry } = state.plan.policy;
  if (state.attempts >= retry.attempts) return giveUp(state, verdict, moment, retryAfterMs);
  const reauthenticate = isForToken(verdict);
  if (reauthenticate && state.reauthenticated) return giveUp(state, verdict, moment, retryAfterMs);
  // A new token is no load that an outage makes.
  if (state.barred === 'circuit' || (state.barred === 'quota' && !reauthenticate))
    return giveUp(state, verdict, moment, retryAfterMs, state.barred);
  const leastMs = Math.max(retryAfterMs, requestedMs(verdict));
  const usualMs = reauthenticate
    ? 0
    : retry.backoff.delayMs({ step: state.attempts, elapsedMs: nowMs - state.plan.startedAtMs, chance });
  const delayMs = Math.max(usable(usualMs), leastMs);
  if (retryAfterMs > retry.maxRetryAfterMs || nowMs + delayMs > deadlineOf(state))
    return giveUp(state, verdict, moment, retryAfterMs);
  return {
    state: { ...state, next: 'send', reauthenticated: state.reauthenticated || reauthenticate },
    decision: { type: 'wait', delayMs, next: 'send' },
  };
}

/**
 * A send may have landed and cannot be asked about: a provider that replays may be sent the same again, then it is
 * looked for.
 */
function cannotAsk(state: State, verdict: Verdict, moment: Moment, retryAfterMs = 0): Step {
  if (replays(state, moment) && maySend(state, moment.nowMs)) {
    return state.attempts === 0
      ? sendAgain(state, verdict, moment, retryAfterMs)
      : resend(state, verdict, moment, retryAfterMs);
  }
  return state.lookable ? ask(state, verdict, moment, retryAfterMs) : settle(state, 'unresolved', verdict, 'none');
}

/**
 * Sends or time are used up, or nothing may be sent now. What may have landed can still be asked about.
 *
 * @param barred why nothing may be sent now, where that is why
 */
function giveUp(state: State, given: Verdict, moment: Moment, retryAfterMs = 0, barred?: Barred): Step {
  const verdict = barred === undefined ? given : { ...given, advice: BARRED[barred] };
  if (state.plan.effect === 'read') return settle(state, 'rejected', verdict, 'answer');
  if (state.landed)
    return canAsk(state) ? ask(state, given, moment, retryAfterMs) : settle(state, 'unresolved', given, 'none');
  // The gateway's own refusal says more than the network error that came after it.
  const { unprocessed } = state;
  if (unprocessed === undefined) return settle(state, 'unsent', verdict, 'none');
  const told = barred === undefined ? advised(unprocessed) : { ...unprocessed, advice: BARRED[barred] };
  return settle(state, 'rejected', told, 'answer');
}

/** Refused credentials are not accepted later either: no advice to send again. */
const advised = (unprocessed: Verdict): Verdict =>
  unprocessed.advice !== undefined || 'remedy' in unprocessed ? unprocessed : { ...unprocessed, advice: NOT_PROCESSED };

function settle(state: State, outcome: Settlement['outcome'], meant: Verdict, settledBy: SettledBy): Step {
  const isOpen = outcome === 'unresolved' && state.cancel !== undefined && meant.advice !== paidBesideCancel;
  const verdict = isOpen ? { ...meant, advice: openBesideCancel[state.cancel.standing] } : meant;
  const end: End = { type: 'settle', outcome, verdict, settledBy };
  return { state: { ...state, end }, decision: end };
}

/** In place of NaN. */
const INSTEAD_MS = 5000;

/** A wait from a backoff of the user's own, which may give anything: what is no number must not make a storm of queries. */
const usable = (delayMs: number): number => (delayMs > 0 ? delayMs : delayMs <= 0 ? 0 : INSTEAD_MS);

/** The least wait a verdict itself asks for. */
const requestedMs = (verdict: Verdict): number => ('delayMs' in verdict ? (verdict.delayMs ?? 0) : 0);

const endOf = (verdict: Verdict): Settlement['outcome'] =>
  verdict.kind === 'terminal' ? verdict.outcome : 'unresolved';

/** What is known of a write that was not answered. */
export function unknownOutcome(code: string): PollRequiredVerdict {
  return { kind: 'poll-required', code, reason: 'unknown-outcome', listed: false };
}
