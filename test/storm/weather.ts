import type { Adapter, Backoff, Policy } from '../../src/index.ts';
import { circuit, constant, exponential, growing, steps } from '../../src/index.ts';
import { learned } from '../../src/policies/learned.ts';
import type { LimitPolicy } from '../../src/policies/policy.ts';
import { isWrite, type Operation } from '../../src/core/operation.ts';
import type { FaultName, Life, Voice } from '../../src/testing/index.ts';
import { lives } from '../../src/testing/index.ts';
import { assumptions } from './assumptions.ts';
import type { Dice } from './dice.ts';
import type { Provider, Scene } from './providers.ts';

/** Everything that happens to one payment, drawn before it begins: plain data, so that it can be printed. */
export interface Weather {
  readonly way: Way;
  readonly policy: Policy;
  /** How the payment goes on at the gateway; for a cancel or a capture, how the payment it is about does. */
  readonly life: Life;
  /** How it ends, when it is still open after the storm. */
  readonly end: 'paid' | 'over';
  readonly sends: Trouble;
  readonly queries: Trouble;
  /** What goes wrong with token requests. */
  readonly tokens: Trouble;
  /** Queries are answered by a replica that is so far behind. 0: by the gateway itself. */
  readonly lagMs: number;
  /** How far the gateway's clock is ahead of the merchant's. */
  readonly skewMs: number;
  readonly sameReference?: Voice['sameReference'];
  /** Somebody else has used this number before. */
  readonly taken: boolean;
  readonly notices: readonly NoticePlan[];
  /** When the caller leaves, or his process dies. */
  readonly leavesAfterMs: number;
  /** When another machine fetches a token, which ends ours. */
  readonly tokenStolenAfterMs?: number;
  /** Somebody follows its ticket while the storm still blows. */
  readonly follows: boolean;
  /** How long nobody asks, after the first call. */
  readonly sleepsMs: number;
  /** The merchant's process sleeps in the middle, as a laptop or a paused container does. */
  readonly frozen?: { readonly afterMs: number; readonly forMs: number };
  /** The merchant's own ky is told to send again whatever it can. */
  readonly isEager: boolean;
  /** Once the order is called absent, it is sent again, as its advice says. */
  readonly sendsAgain: boolean;
  /** What the shop's own `fetch` does beside sending. */
  readonly shopFetch: ShopFetch;
  /** So often a client over the drop-in sends again whatever is thrown. */
  readonly retries: number;
  /** Each of them with an idempotency key of its own, as some vendors' SDKs do. */
  readonly freshKeys: boolean;
  /**
   * The same number is settled again once it has ended: by a second click or a redelivery, or by mistake for another
   * intention.
   */
  readonly again?: 'same fields' | 'other fields';
  /** After a decline, the number is used for another try. */
  readonly nextTry?: NextTry;
  /** Slots are few, and a payment of somebody else's holds one while this one would be sent again. */
  readonly isCrowded: boolean;
  /** So many processes follow the ticket and die; each hands on what `onTicket` has told it. */
  readonly deaths: readonly number[];
  /** Who leaves so long after the gateway has acknowledged the order, instead of after his call began. */
  readonly leavesOnceSeen?: 'caller' | 'follower';
  /** Somebody sets the merchant's wall clock wrong, and right again, while the first call goes on. */
  readonly clockSteps: readonly ClockStep[];
  /** The ticket was made so long before the send. */
  readonly madeBeforeMs: number;
  /** Another process follows that ticket from the first, and knows nothing of the send. */
  readonly isWatched: boolean;
}

export type ShopFetch =
  /** It sends each request once, and the gateway object is told so. */
  | { readonly does: 'sends-once' }
  /** The same, and nobody has said so. */
  | { readonly does: 'sends' }
  /** After the answer it writes a record to a host that refuses, and fails with that: so many times. */
  | { readonly does: 'audits'; readonly fails: number }
  /** It sends again by itself what failed, so many times. */
  | { readonly does: 'repeats'; readonly times: number };

export interface NextTry {
  readonly fields: 'equal' | 'other';
  readonly life: Life;
  readonly sends: Trouble;
  readonly queries: Trouble;
}

export interface ClockStep {
  readonly afterMs: number;
  readonly forMs: number;
  readonly byMs: number;
}

/** How the merchant's code goes about it. */
export type Way =
  | 'settle'
  /** The drop-in client. */
  | 'client'
  /** The drop-in `fetch`. */
  | 'fetch'
  /** Two callers settle it at once. */
  | 'twice'
  /** The caller aborts; somebody else follows the ticket. */
  | 'abort'
  /** The process dies; a job queue delivers the job again. */
  | 'redelivered';

/** One fault for each exchange, in order; then the last one, every time. */
export interface Trouble {
  readonly first: readonly FaultPlan[];
  readonly then: FaultPlan;
}

export interface FaultPlan {
  readonly fault: FaultName | 'delivered-late' | 'another-order';
  /** How much longer the answer takes, or how late the request is delivered. */
  readonly delayMs?: number;
  /** Seconds, told as such or as a date. */
  readonly retryAfter?: { readonly seconds: number; readonly as: 'seconds' | 'date' };
}

export interface NoticePlan {
  /**
   * It comes in the middle of something, as soon as there is anything to tell: between the permit and the bytes, on the
   * way, before the next decision.
   */
  readonly during?: Moment;
  /** When the gateway writes it, of what is true then. */
  readonly writtenAfterMs: number;
  /** How long it is on its way. */
  readonly delayMs: number;
  readonly times: number;
  /** By somebody who has not got the key. */
  readonly forged: boolean;
}

export type Moment =
  /** A second or later send is signed, or fetches its token. */
  | 'signing'
  /** It waits for a slot (`isCrowded`). */
  | 'queueing'
  /** A send is on the wire. */
  | 'sending'
  /** A query is on the wire; what it says decides whether there is another send. */
  | 'asking';

export const calm: Trouble = { first: [], then: { fault: 'none' } };

/** Some payments that can be are canceled at their deadline. Drawn by itself: all else stays as it was. */
export function withCancel(dice: Dice, weather: Weather, operation: Operation | undefined): Weather {
  const can = operation !== undefined && 'cancel' in operation;
  if (!can || !dice.percent(30)) return weather;
  const { poll, attemptTimeoutMs = 0 } = weather.policy;
  const cancelWithinMs = Math.max(dice.pick([0, 5_000, 20_000, 60_000, 60_000]), attemptTimeoutMs);
  return {
    ...weather,
    // A replica that has not seen the cancel would say "paid" to whoever asks next (assumptions.ts, 10).
    lagMs: Math.min(weather.lagMs, cancelWithinMs / 2),
    policy: { ...weather.policy, poll: { ...poll, cancelAtDeadline: true, cancelWithinMs } },
  };
}

/** How much longer a call may take for it: Retry-After may put it off for as long as it may take. */
export const cancelMsOf = ({ policy: { poll = {}, attemptTimeoutMs = 0 } }: Weather): number =>
  poll.cancelAtDeadline === true ? 2 * (poll.cancelWithinMs ?? 0) + 2 * attemptTimeoutMs : 0;

/**
 * How a shop's gateway goes easy on the provider: shared queries, a limit, a quota that is soon used up, a circuit that
 * opens soon, notices, a schedule with chance or a learned one. Drawn by dice of its own: all else stays as it was.
 */
export function withManners(dice: Dice, weather: Weather, adapter: Adapter): Weather {
  return { ...weather, policy: { ...weather.policy, ...drawManners(dice, weather.policy, adapter) } };
}

/** Over a payment's policy, that of its gateway. */
export function drawManners(dice: Dice, policy: Policy, adapter: Adapter): Policy {
  const { retry, poll, limit, attemptTimeoutMs = 10_000 } = policy;
  const isQuota = dice.percent(25);
  const quota = { tokens: dice.between(10, 20), perRetry: dice.pick([5, 10]) };
  const isCircuit = dice.percent(25);
  const opens = { failures: dice.between(1, 3), withinMs: 60_000, openForMs: dice.between(500, 30_000) };
  const isBatch = canShare(adapter) && dice.percent(50);
  const batch = { windowMs: dice.pick([0, 250, 2_000, 20_000]), most: dice.between(2, 50) };
  // Else it could never act, and is refused.
  const hasTime = (poll?.deadlineMs ?? Infinity) > batch.windowMs + attemptTimeoutMs;
  const isNotified = adapter.webhook !== undefined && dice.percent(25);
  const backoff = dice.weigh<Backoff | undefined>([
    [80, undefined],
    [10, growing()],
    [10, learnedOnce()],
  ]);
  return {
    retry: { ...retry, ...(isQuota && { quota }) },
    poll: {
      ...poll,
      ...(isBatch && hasTime && { batch }),
      ...(isNotified && { notices: true }),
      ...(backoff !== undefined && { backoff }),
    },
    limit: { ...limit, ...drawRate(dice) },
    ...(isCircuit && { circuit: circuit(opens) }),
  };
}

/** What a gateway may be asked for in a second or a minute: small, so that it is felt. */
const drawRate = (dice: Dice): LimitPolicy => {
  const perSecond = dice.percent(20) ? dice.between(1, 3) : undefined;
  const perMinute = dice.percent(20) ? dice.between(4, 20) : undefined;
  return { ...(perSecond !== undefined && { perSecond }), ...(perMinute !== undefined && { perMinute }) };
};

const canShare = ({ operations }: Adapter): boolean =>
  Object.values(operations).some(each => isWrite(each) && each.query?.batch !== undefined);

let learnt: Backoff | undefined;
/** From a day on which most paid within half a minute. */
const learnedOnce = (): Backoff =>
  (learnt ??= learned({
    settleTimesMs: Array.from({ length: 200 }, (_, index) => 800 + 150 * index),
    unsettled: 20,
    deadlineMs: 300_000,
  }));

/** One payment's weather. */
export function draw(dice: Dice, provider: Provider, scene: Scene): Weather {
  const weather = drawMixed(dice, provider, scene);
  const sort = dice.weigh<Sort>([
    [77, 'mixed'],
    [9, 'late'],
    [3, 'flaps'],
    [3, 'steps'],
    [4, 'tries'],
    [4, 'told'],
  ]);
  if (sort === 'late') return allIsLate(dice, weather);
  if (sort === 'flaps' && scene.opens !== undefined) return flaps(dice, weather);
  if (sort === 'steps') return clockSteps(dice, weather, provider);
  if (sort === 'tries' && scene.triesAgain === true) return triesAgain(dice, weather);
  return sort === 'told' && scene.opens !== undefined ? isTold(dice, weather) : weather;
}

type Sort = 'mixed' | 'late' | 'flaps' | 'steps' | 'tries' | 'told';

/**
 * The wall clock is far off in the middle of a call, by hours or by no more than "not found" takes to be believed. It
 * is right again when the call ends, and whenever something is sent: what a ticket tells in wall time is as good as the
 * clock (assumptions.ts, 9).
 */
function clockSteps(dice: Dice, weather: Weather, { skewMs }: Provider): Weather {
  const late = allIsLate(dice, weather);
  const lasts = { afterMs: dice.between(1_000, 30_000), forMs: 3_600_000 };
  const byMs = dice.pick([60_000, 16 * 60_000, 3_600_000, 26 * 3_600_000]) * dice.pick([-1, 1]);
  const back = dice.percent(30)
    ? [{ afterMs: lasts.afterMs + dice.between(1_000, 60_000), forMs: 3_600_000, byMs: -byMs - dice.pick([0, 30_000]) }]
    : [];
  const { frozen: _frozen, ...awake } = dice.percent(50) ? late : weather;
  return {
    ...awake,
    policy: { ...awake.policy, retry: { ...awake.policy.retry, attempts: 1 } },
    way: dice.pick(['settle', 'settle', 'client', 'fetch']),
    retries: 0,
    skewMs: 0,
    madeBeforeMs: 0,
    clockSteps: skewMs === Infinity || dice.percent(50) ? [{ ...lasts, byMs }, ...back] : [],
  };
}

/** A charge was declined, and is tried again under its number: the answer to that is lost, and the old row is there. */
function triesAgain(dice: Dice, weather: Weather): Weather {
  const soonMs = dice.between(100, 20_000);
  const mild = drawTrouble(dice, 30, 2, chance => ({
    fault: chance.pick(['reset-before-booking', 'truncated', 'garbage', 'rate-limited', 'none']),
  }));
  return {
    ...weather,
    way: dice.pick(['settle', 'settle', 'settle', 'client', 'fetch']),
    life: dice.pick([lives.declined(), [{ afterMs: soonMs, state: 'declined' }]]),
    sends: mild,
    queries: mild,
    lagMs: 0,
    sameReference: 'books-again',
    taken: false,
    clockSteps: [],
    shopFetch: { does: 'sends-once' },
    nextTry: {
      fields: dice.pick(['equal', 'other']),
      life: dice.pick([
        lives.paid(),
        lives.paid(),
        lives.paidAfter(soonMs),
        lives.declined(),
        lives.open(),
        [{ afterMs: soonMs, state: 'declined' }],
      ]),
      sends: drawTrouble(dice, 80, 2, chance => drawSendFault(chance, assumptions.latestMs(weather.policy))),
      queries: drawTrouble(dice, 30, 4, drawQueryFault),
    },
  };
}

/**
 * The gateway tells by a notice what no query says, just before what is believed absent would be sent again. Here a
 * replica never catches up (assumptions.ts, 1), and only the notice can tell.
 */
function isTold(dice: Dice, weather: Weather): Weather {
  const { frozen: _frozen, again: _again, ...late } = allIsLate(dice, weather);
  const { policy } = late;
  return {
    ...late,
    way: dice.pick(['settle', 'settle', 'client', 'fetch', 'twice']),
    follows: false,
    shopFetch: { does: 'sends' },
    policy: {
      ...policy,
      retry: { ...policy.retry, attempts: dice.between(2, 4) },
      poll: { ...policy.poll, resendWhenAbsent: true, deadlineMs: 3 * (policy.poll?.absentAfterMs ?? 0) },
      limit: { concurrency: 1 },
    },
    life: lives.paid(),
    queries: { first: [], then: { fault: 'not-found' } },
    notices: dice
      .pick<Moment[]>([['signing'], ['queueing'], ['queueing', 'signing'], ['asking']])
      .map(during => ({ during, writtenAfterMs: 0, delayMs: 0, times: 1, forged: false })),
    isCrowded: true,
    madeBeforeMs: 0,
  };
}

/**
 * The answer is lost, and both the request and the replica are as late as they may be: is absence believed too soon?
 */
function allIsLate(dice: Dice, weather: Weather): Weather {
  const absentAfterMs = dice.between(assumptions.shortestAbsenceMs, 2 * assumptions.shortestAbsenceMs);
  const policy = {
    ...weather.policy,
    poll: {
      ...weather.policy.poll,
      absentAfterMs,
      deadlineMs: 2 * absentAfterMs,
      backoff: constant(dice.between(absentAfterMs / 4, absentAfterMs / 2)),
    },
  };
  const latestMs = assumptions.latestMs(policy);
  const lost = dice.pick<FaultPlan>([
    { fault: 'reset-after-booking' },
    { fault: 'delivered-late', delayMs: latestMs },
    { fault: 'delivered-late', delayMs: latestMs / 2 },
  ]);
  return {
    ...weather,
    policy,
    sends: { first: [lost], then: { fault: 'none' } },
    queries: calm,
    lagMs: dice.pick([latestMs, latestMs / 2]),
  };
}

/**
 * The state flaps: the gateway has told of the order, then knows nothing of it or cannot say, and then tells again.
 * Once it has been heard of, it must not be called absent (assumptions.ts, 8), not by whoever goes on with the ticket
 * either: nobody dies before that.
 */
function flaps(dice: Dice, weather: Weather): Weather {
  const absentAfterMs = assumptions.shortestAbsenceMs;
  const deadlineMs = 2 * absentAfterMs;
  const unsure = (): FaultPlan => ({
    fault: dice.pick(['not-found', 'not-found', 'not-found', 'not-found', 'system-error', 'empty', 'garbage']),
  });
  const told: FaultPlan = { fault: 'none' };
  const laterMs = dice.between(20_000, deadlineMs);
  return {
    ...weather,
    way: dice.pick(['settle', 'settle', 'client', 'fetch', 'twice']),
    policy: {
      ...weather.policy,
      poll: { ...weather.policy.poll, absentAfterMs, deadlineMs, backoff: constant(dice.between(10_000, 30_000)) },
    },
    life: dice.pick([
      lives.paidAfter(laterMs),
      lives.steps([
        { afterMs: dice.between(0, 15_000), state: 'pending' },
        { afterMs: laterMs, state: 'paid' },
      ]),
    ]),
    sends: {
      first: [
        { fault: dice.pick(['none', 'reset-after-booking', 'hang-after-booking', '504-after-booking', 'truncated']) },
      ],
      then: told,
    },
    queries: {
      first: [told, ...Array.from({ length: dice.between(1, 8) }, () => (dice.percent(80) ? unsure() : told))],
      then: told,
    },
    lagMs: 0,
    sleepsMs: 0,
    clockSteps: [],
    shopFetch: { does: 'sends-once' },
    ...(dice.percent(50) && {
      way: 'abort',
      follows: true,
      deaths: [dice.between(0, 20_000)],
      ...dice.pick<Pick<Weather, 'leavesOnceSeen' | 'leavesAfterMs'>>([
        { leavesOnceSeen: 'caller', leavesAfterMs: dice.between(0, 20_000) },
        { leavesOnceSeen: 'follower', leavesAfterMs: dice.between(0, 5_000) },
      ]),
    }),
  };
}

function drawMixed(dice: Dice, provider: Provider, scene: Scene): Weather {
  const sorts = dice.weigh<readonly [number, number]>([
    [20, [0, 0]],
    [42, [35, 15]],
    [25, [70, 40]],
    [13, [90, 70]],
  ]);
  const policy = drawPolicy(dice);
  const [onSend, onQuery] = sorts;
  const latestMs = assumptions.latestMs(policy);
  const skewMs = drawSkew(dice, provider);
  const life = scene.opens === undefined ? drawPayerInTheWay(dice, scene) : drawLife(dice, scene);
  return {
    way: dice.weigh<Way>([
      [60, 'settle'],
      [14, 'client'],
      [5, 'fetch'],
      [4, 'twice'],
      [9, 'abort'],
      [8, 'redelivered'],
    ]),
    policy,
    life,
    end: dice.percent(60) ? 'paid' : 'over',
    sends: dice.percent(3)
      ? always(dice, downs)
      : drawTrouble(dice, onSend, 3, chance => drawSendFault(chance, latestMs)),
    queries: dice.percent(5) ? always(dice, downs) : drawTrouble(dice, onQuery, 6, drawQueryFault),
    tokens: drawTrouble(dice, onQuery / 3, 2, drawQueryFault),
    lagMs: dice.percent(25) ? dice.between(200, assumptions.latestMs(policy)) : 0,
    skewMs,
    ...(provider.mayBookAgain && dice.percent(50) && { sameReference: 'refuses' as const }),
    taken: scene.opens !== undefined && dice.percent(3),
    notices: dice.percent(25) ? Array.from({ length: dice.between(1, 3) }, () => drawNotice(dice, life)) : [],
    leavesAfterMs: dice.weigh([
      [1, dice.between(0, 50)],
      [2, dice.between(50, 3_000)],
      [2, dice.between(3_000, 40_000)],
    ]),
    ...(dice.percent(10) && { tokenStolenAfterMs: dice.between(100, 30_000) }),
    follows: dice.percent(30),
    sleepsMs: dice.weigh([
      [70, 0],
      [20, dice.between(1_000, 600_000)],
      [8, dice.between(20, 26) * 3_600_000],
      [2, 49 * 3_600_000],
    ]),
    ...(dice.percent(8) && {
      frozen: {
        afterMs: dice.between(0, dice.pick([2_000, 30_000])),
        forMs: dice.pick([dice.between(5_000, 120_000), dice.between(10, 60) * 60_000]),
      },
    }),
    isEager: dice.percent(15),
    sendsAgain: dice.percent(50),
    shopFetch: drawShopFetch(dice),
    retries: dice.percent(50) ? dice.between(1, 4) : 0,
    freshKeys: dice.percent(30),
    ...(dice.percent(20) && { again: dice.pick(['same fields', 'same fields', 'other fields']) }),
    isCrowded: false,
    deaths: dice.percent(25) ? Array.from({ length: dice.between(1, 3) }, () => dice.between(50, 60_000)) : [],
    clockSteps: dice.percent(8) ? Array.from({ length: dice.between(1, 3) }, () => drawStep(dice, provider)) : [],
    madeBeforeMs: dice.percent(4) ? dice.pick([60_000, 16 * 60_000, 2 * 3_600_000]) : 0,
    isWatched: dice.percent(50),
  };
}

function drawShopFetch(dice: Dice): ShopFetch {
  return dice.weigh<ShopFetch>([
    [78, { does: 'sends-once' }],
    [8, { does: 'sends' }],
    [7, { does: 'audits', fails: dice.between(1, 8) }],
    [7, { does: 'repeats', times: dice.between(1, 3) }],
  ]);
}

/** Small enough for what is told in wall time (assumptions.ts, 9). */
function drawStep(dice: Dice, { skewMs }: Provider): ClockStep {
  const mostMs = Math.min(assumptions.smallStepMs, skewMs / 2);
  return {
    afterMs: dice.between(0, 120_000),
    forMs: dice.between(1_000, 600_000),
    byMs: dice.between(-mostMs, mostMs),
  };
}

function drawPolicy(dice: Dice): Policy {
  const deadlineMs = dice.pick([0, 5_000, 20_000, 60_000, 60_000, 120_000, 120_000, 300_000, 900_000]);
  const pollMs = Math.max(1_000, Math.round(deadlineMs / dice.between(1, 4)));
  const drawnMs = dice.percent(35) ? dice.between(assumptions.shortestAbsenceMs, 240_000) : undefined;
  // What could never act is refused.
  const absentAfterMs = drawnMs !== undefined && drawnMs <= deadlineMs ? drawnMs : undefined;
  const resendWhenAbsent = dice.percent(40) && absentAfterMs !== undefined;
  return {
    retry: {
      attempts: dice.between(1, 4),
      backoff: dice.pick([
        constant(dice.between(0, 2_000)),
        exponential({ baseMs: dice.between(100, 1_000), maxMs: 8_000 }),
        steps([200, 1_000, 5_000]),
      ]),
      maxRetryAfterMs: dice.pick([0, 10_000, 60_000]),
    },
    poll: {
      backoff: dice.pick([
        constant(pollMs),
        exponential({ baseMs: pollMs, maxMs: 4 * pollMs, jitter: dice.pick(['full', 'none']) }),
        growing({ firstMs: Math.min(3_000, pollMs), baseMs: pollMs, ratio: 0.15, maxMs: 3 * pollMs }),
        steps([1_000, 2_000, pollMs, 2 * pollMs]),
      ]),
      deadlineMs,
      ...(absentAfterMs !== undefined && { absentAfterMs }),
      resendWhenAbsent,
    },
    limit: { concurrency: dice.between(1, 3) },
    attemptTimeoutMs: dice.pick([1_000, 3_000, 10_000]),
  };
}

/** A decline is the payment's end, or the payer tries again. */
function drawLife(dice: Dice, scene: Scene): Life {
  const soonMs = dice.between(100, 20_000);
  const laterMs = soonMs + dice.between(1_000, 200_000);
  const { payableForMs } = assumptions;
  /** By somebody else, at the provider's own desk. A refund and a payout are not given back. */
  const paidThenRefunded =
    scene.opens === 'refund' || scene.byKey === true
      ? lives.paid()
      : lives.steps([
          { afterMs: soonMs, state: 'paid' },
          { afterMs: laterMs, state: 'refunded' },
        ]);
  if (scene.opens === 'create') {
    return dice.weigh<Life>([
      [15, lives.open()],
      [28, lives.paidAfter(dice.percent(50) ? soonMs : laterMs)],
      [2, paidThenRefunded],
      [8, lives.paidAfterQueries(dice.between(1, 5))],
      [15, lives.expiresAfter(dice.between(30_000, payableForMs))],
      [10, [{ afterMs: soonMs, state: 'declined' }]],
      [
        10,
        scene.declineIsFinal
          ? [{ afterMs: soonMs, state: 'declined' }]
          : lives.steps([
              { afterMs: soonMs, state: 'declined' },
              { afterMs: laterMs, state: 'paid' },
            ]),
      ],
      [
        6,
        lives.steps([
          { afterMs: soonMs, state: 'pending' },
          { afterMs: laterMs, state: 'paid' },
        ]),
      ],
      [4, [{ afterMs: soonMs, state: 'canceled' }]],
    ]);
  }
  return dice.weigh<Life>([
    [38, lives.paid()],
    [2, paidThenRefunded],
    [12, lives.declined()],
    [10, lives.open()],
    [20, lives.paidAfter(dice.percent(60) ? soonMs : laterMs)],
    [6, lives.paidAfterQueries(dice.between(1, 5))],
    [12, [{ afterMs: dice.percent(60) ? soonMs : laterMs, state: 'declined' }]],
  ]);
}

/** The payer may pay while the merchant cancels. */
function drawPayerInTheWay(dice: Dice, { about }: Scene): Life {
  const before: Life = about === 'open' || about === undefined ? [] : [{ state: about }];
  if (about !== 'open' || dice.percent(70)) return before;
  return [{ afterMs: dice.between(0, 20_000), state: dice.pick(['paid', 'paid', 'pending', 'expired']) }];
}

function drawTrouble(dice: Dice, percent: number, most: number, fault: (dice: Dice) => FaultPlan): Trouble {
  const count = dice.between(0, most);
  const first = Array.from(
    { length: count },
    (): FaultPlan => (dice.percent(percent) ? fault(dice) : { fault: 'none' }),
  );
  return { first, then: { fault: 'none' } };
}

/** A path that is down stays down while the storm lasts. */
const downs: readonly [FaultPlan, ...FaultPlan[]] = [
  { fault: 'refused-connection' },
  { fault: 'reset-before-booking' },
  { fault: 'hang-before-booking' },
  { fault: '503-before-booking' },
  { fault: 'captive-portal' },
  { fault: 'maintenance' },
  { fault: 'rate-limited', retryAfter: { seconds: 7, as: 'seconds' } },
  { fault: 'system-error' },
];

const always = (dice: Dice, choices: readonly [FaultPlan, ...FaultPlan[]]): Trouble => ({
  first: [],
  then: dice.pick(choices),
});

/** What can happen to any exchange. */
const everywhere: readonly (readonly [number, FaultName])[] = [
  [4, 'refused-connection'],
  [2, 'unknown-host'],
  [1, 'bad-certificate'],
  [2, 'reset-before-reading'],
  [3, 'reset-before-booking'],
  [2, 'hang-before-booking'],
  [2, '502-before-booking'],
  [2, '503-before-booking'],
  [2, '504-before-booking'],
  [4, 'truncated'],
  [3, 'drip'],
  [3, 'garbage'],
  [2, 'captive-portal'],
  [3, 'empty'],
  [4, 'maintenance'],
  [4, 'rate-limited'],
  [3, 'system-error'],
  [1, 'redirect'],
];

function drawSendFault(dice: Dice, latestMs: number): FaultPlan {
  const fault = dice.weigh<FaultPlan['fault']>([
    ...everywhere,
    [10, 'reset-after-booking'],
    [6, 'hang-after-booking'],
    [2, '502-after-booking'],
    [3, '503-after-booking'],
    [3, '504-after-booking'],
    [4, 'system-error-after-booking'],
    [1, 'redirect-after-booking'],
    [3, 'delivered-twice'],
    [2, 'delivered-twice-second-answer'],
    [2, 'delivered-twice-later'],
    [2, 'reset-booked-later'],
    [2, '504-booked-later'],
    [7, 'delivered-late'],
    [3, 'another-order'],
    [6, 'none'],
  ]);
  if (fault === 'delivered-late')
    return { fault, delayMs: dice.percent(80) ? dice.between(500, 20_000) : dice.between(500, latestMs) };
  return told(dice, fault);
}

const drawQueryFault = (dice: Dice): FaultPlan =>
  told(dice, dice.weigh<FaultPlan['fault']>([...everywhere, [4, 'another-order'], [6, 'none']]));

/** Answers that come whole, which may come late or say when to come again. */
const spoken: ReadonlySet<string> = new Set([
  'none',
  'maintenance',
  'rate-limited',
  'system-error',
  'system-error-after-booking',
  '503-before-booking',
  '503-after-booking',
  'captive-portal',
]);

function told(dice: Dice, fault: FaultPlan['fault']): FaultPlan {
  if (!spoken.has(fault)) return { fault };
  return {
    fault,
    ...(dice.percent(25) && { delayMs: dice.between(100, 12_000) }),
    ...(dice.percent(25) && {
      retryAfter: { seconds: dice.pick([0, 1, 3, 8, 30, 90, 100_000]), as: dice.pick(['seconds', 'date']) },
    }),
  };
}

function drawSkew(dice: Dice, { skewMs }: Provider): number {
  const mostMs = dice.weigh([
    [85, 0],
    [8, 30_000],
    [5, 3 * 60_000],
    [2, 20 * 60_000],
  ]);
  return Math.min(mostMs, skewMs) * dice.pick([-1, 1]);
}

/**
 * Most are written when something has happened; so the one that was written first may come last, and before the write's
 * own answer.
 */
function drawNotice(dice: Dice, life: Life): NoticePlan {
  const happenedMs = dice.pick([0, ...life.map(({ afterMs = 0 }) => afterMs)]);
  return {
    writtenAfterMs: dice.percent(50)
      ? happenedMs + dice.between(20, 3_000)
      : dice.between(20, dice.pick([500, 20_000, 200_000])),
    delayMs: dice.pick([0, 0, dice.between(100, 5_000), dice.between(5_000, 600_000)]),
    times: dice.pick([1, 1, 2]),
    forged: dice.percent(5),
    ...(dice.percent(30) && { during: dice.pick<Moment>(['signing', 'sending', 'asking']) }),
  };
}
