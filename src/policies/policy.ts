import { InputError } from '../core/errors.ts';
import { backoffFrom, duration, exponential, growing, type Backoff, type BackoffData } from './backoff.ts';
import type { Circuit } from './circuit.ts';
import { checkQuota, defaultQuota, type QuotaPolicy } from './quota.ts';

/**
 * When to send again, how to poll, how much at once. Every part is optional: call over gateway over adapter over these
 * defaults.
 */
export interface Policy {
  retry?: RetryPolicy;
  poll?: PollPolicy;
  limit?: LimitPolicy;
  /** Holds new sends back while the provider is down: `circuit()`. Default `false`: none is. */
  circuit?: false | Circuit;
  /**
   * How long one exchange may take, in milliseconds, from the moment it has its slot. Default: the client's timeout,
   * else 10,000.
   */
  attemptTimeoutMs?: number;
}

/**
 * What one call may set: all but what calls share (`limit`, `circuit`, `retry.quota`, `poll.batch`), and `poll.notices`
 * only to `false`.
 */
export interface CallPolicy extends Omit<Policy, 'retry' | 'poll' | 'limit' | 'circuit'> {
  retry?: Omit<RetryPolicy, 'quota'>;
  poll?: CallPollPolicy;
}

/** How one call polls. */
export interface CallPollPolicy extends Omit<PollPolicy, 'batch' | 'notices'> {
  notices?: false;
}

/** What one question may set (`ask`, `step`): it sends nothing, and so cancels nothing. */
export interface AskPolicy extends Omit<CallPolicy, 'poll'> {
  poll?: Omit<CallPollPolicy, 'cancelAtDeadline' | 'cancelWithinMs'> & { cancelAtDeadline?: false };
}

export interface RetryPolicy {
  /** The most sends of one intention, the first included. Default 3. */
  attempts?: number;
  /** The wait before the next send. Default `exponential({ baseMs: 500, maxMs: 10_000 })`. */
  backoff?: Backoff;
  /** A longer `Retry-After` than this ends the loop. Milliseconds, default 60,000. */
  maxRetryAfterMs?: number;
  /** How many sends may be repeated while others fail too; `false`: all. Default: AWS's numbers. */
  quota?: false | QuotaPolicy;
}

export interface PollPolicy {
  /**
   * The wait before the next status query; or a function that chooses one for a payment, once, when its polling begins.
   * `undefined`, and whatever the function throws, is the default: a payment that is sent is asked about. Default
   * `growing()`.
   */
  backoff?: Backoff | ChooseBackoff;
  /**
   * From the call to the start of the last status query, in milliseconds. Default: of an order that is followed, its
   * own life and a minute; else the adapter's, else 120,000.
   */
  deadlineMs?: number;
  /**
   * How long after the last send "not found" may be believed, in milliseconds: no longer than `deadlineMs`. Default:
   * the adapter's, else never.
   */
  absentAfterMs?: number;
  /**
   * The provider's notices reach `gateway.receive` of this very object. While they come, a payment that is followed
   * (`untilSettled`, `step`) is asked about rarely, and never for a charge; when they stop coming, at the usual pace
   * again. Whether they come is watched: nothing is trusted on your word. Not for one call, but `false`. Default `false`.
   */
  notices?: boolean;
  /** Send again, under the same reference, once the order is absent, which needs `absentAfterMs`. Default `false`. */
  resendWhenAbsent?: boolean;
  /**
   * A payment that is still open at the deadline is canceled at the gateway: by one cancel of its own, after one more
   * query that was answered and shows it open. Only the payment's own query, or a notice, then says how it ended: `canceled`; `succeeded`, where the money
   * came first; `refunded`, where the cancel gave it back; else it stays `unresolved`. For `settle` and the drop-in, and
   * in `untilSettled` where its own call says so. A gateway's policy means the writes that have a cancel; a call's is
   * refused for one that has none. A second caller of one payment waits for the end of the first one's loop; what that
   * leaves open is canceled at his own deadline, or at once where that is over. Default `false`.
   */
  cancelAtDeadline?: boolean;
  /**
   * How long a cancel and its confirmation may take, in milliseconds, from the end of the query before it: the last query
   * starts by then. The call lasts to the deadline, two attempts and this; `Retry-After` may put the cancel off by as much
   * again. No less than one attempt may take. Default 60,000, or one attempt where that is longer.
   */
  cancelWithinMs?: number;
  /**
   * Payments that are asked about at about the same time share one request, where the provider answers about many at
   * once (QFPay). `true`: with the defaults of {@link BatchPolicy}. It holds for a whole gateway, and not for the calls
   * of the drop-in, whose requests may differ; a `beforeRequest` hook of the client runs once for them all. Default
   * `false`: a query may wait a moment for others, and one answer then is about many payments. In a worker each that
   * waits holds one of its `concurrency`: make that several times `most`, or sharing slows it down.
   */
  batch?: boolean | BatchPolicy;
}

/** How payments share a status query. */
export interface BatchPolicy {
  /**
   * How long a query that is due waits for others, in milliseconds. One that somebody waits for at a till (a charge in
   * its first half minute) does not wait. Default 250.
   */
  windowMs?: number;
  /** The most payments in one request: 2 or more. Default: as many as the adapter allows (QFPay: 50). */
  most?: number;
}

/** What is known of a payment when its polling begins. A ticket is more than that. */
export interface StartingPayment {
  /** The adapter's name. */
  readonly gateway: string;
  readonly account: string;
  readonly environment: string;
  /** The write, such as `payment.create`. */
  readonly operation: string;
  /** ISO 8601. */
  readonly openedAt: string;
  /** When the last send left. ISO 8601. Missing: none is known to have left. */
  readonly lastSentAt?: string;
  /** When the order stops being payable. ISO 8601. */
  readonly expiresAt?: string;
  /** The money is taken in the call: a scanned code, a token. */
  readonly charge?: true;
  readonly expect?: { readonly amount: string; readonly currency?: string };
}

/** Chooses how a payment is polled. Pure, and quick: everything waits for it. */
export type ChooseBackoff = (payment: StartingPayment) => Backoff | undefined;

/**
 * What one gateway object keeps to, in all its calls. Where several of them, or several processes, share an account,
 * give each its part.
 */
export interface LimitPolicy {
  /** The most exchanges on the wire at once; writes and status queries each have as many. Default 32. */
  concurrency?: number;
  /**
   * The most requests that may reach the gateway in any second, writes and queries together: a whole number. Default: the
   * adapter's, where the provider's manual has one, else `Infinity`, which is no limit. What an adapter asks for besides
   * is not counted: UQPAY's takes a token (`/connect/token`) before a request, when it has none that is good.
   */
  perSecond?: number;
  /** The same for any minute. */
  perMinute?: number;
}

/** A policy with every default filled in. */
export interface ResolvedPolicy {
  readonly retry: Readonly<Required<Omit<RetryPolicy, 'quota'>>> & {
    /** Default: none. */
    readonly quota?: false | Readonly<Required<QuotaPolicy>>;
  };
  readonly poll: Readonly<Required<Omit<PollPolicy, Undecided | 'backoff'>> & Pick<PollPolicy, Undecided>> &
    Fitting & {
      /** While none is chosen. */
      readonly backoff: Backoff;
      /** Not asked yet. */
      readonly chooseBackoff?: ChooseBackoff | undefined;
    };
  readonly limit: Readonly<LimitPolicy & { concurrency: number }>;
  /** Default: there is none. */
  readonly circuit?: Circuit;
  readonly attemptTimeoutMs?: number;
}

/** What has no default here. */
type Undecided = 'absentAfterMs' | 'batch' | 'notices' | 'cancelAtDeadline' | 'cancelWithinMs';

/** What is made to fit the payment, where the user has set nothing. */
interface Fitting {
  /** An order that is followed has a deadline of its own: its life, and a minute. `deadlineMs` is then a charge's. */
  readonly followsOrder?: boolean;
  /** The user has set nothing that a shorter deadline would cut off. */
  readonly mayEndEarly?: boolean;
  /** The longer an order has been waited for, the longer is the wait. */
  readonly stretches?: boolean;
  /** The wait before the first query about a charge in the call, in milliseconds. */
  readonly firstOfChargeMs?: number;
}

/** JSON has no Infinity: the largest safe integer stands for it, longer than any wait. */
export const withoutInfinity = <T extends object>(values: T): T =>
  Object.fromEntries(
    Object.entries(values).map(([name, value]: [string, unknown]) => [
      name,
      typeof value === 'number' ? Math.min(value, Number.MAX_SAFE_INTEGER) : value,
    ]),
  ) as T;

export const defaultPolicy: ResolvedPolicy = Object.freeze({
  retry: {
    attempts: 3,
    backoff: exponential({ baseMs: 500, maxMs: 10_000 }),
    maxRetryAfterMs: 60_000,
    quota: defaultQuota,
  },
  poll: { backoff: growing(), deadlineMs: 120_000, resendWhenAbsent: false },
  limit: { concurrency: 32 },
});

type Check = (where: string, value: unknown) => void;

const durationField: Check = (where, value) => void duration('policy', where, value);
const countField: Check = (where, value) => {
  if (value !== Infinity && !(Number.isInteger(value) && (value as number) >= 1)) {
    throw new InputError(`policy: ${where} must be a whole number, 1 or more; got ${String(value)}.`);
  }
};
const rateField: Check = (where, value) => {
  if (value !== Infinity && !(Number.isSafeInteger(value) && (value as number) >= 1)) {
    throw new InputError(
      `policy: ${where} must be a whole number, 1 or more, or Infinity for no limit; got ${String(value)}. Less than one a second is said by limit.perMinute.`,
    );
  }
};
const flagField: Check = (where, value) => {
  if (typeof value !== 'boolean') throw new InputError(`policy: ${where} must be true or false; got ${String(value)}.`);
};
const backoffField: Check = (where, value) => {
  const found = value as Partial<Backoff> | null;
  if (
    typeof found !== 'object' ||
    found === null ||
    typeof found.delayMs !== 'function' ||
    typeof found.maxMs !== 'number'
  ) {
    throw new InputError(`policy: ${where} must be a backoff: exponential(), steps([…]), constant(ms) or growing().`);
  }
};
const backoffOrChoice: Check = (where, value) => {
  if (typeof value !== 'function') backoffField(where, value);
};

const wholeField: Check = (where, value) => {
  if (!(Number.isSafeInteger(value) && (value as number) >= 1))
    throw new InputError(`policy: ${where} must be a whole number, 1 or more; got ${String(value)}.`);
};
type Checks = Readonly<Record<string, Check>>;

/** One of the user's own may give anything. @throws {InputError} for what would make a storm of queries */
function checkWaits(where: string, backoff: unknown): void {
  if (typeof backoff !== 'object' || backoff === null) return;
  const own = backoff as Backoff;
  const waits = { 'its first wait': own.delayMs({ step: 1, elapsedMs: 0, chance: 0.5 }), maxMs: own.maxMs };
  for (const [what, ms] of Object.entries<unknown>(waits))
    if (typeof ms !== 'number' || !(ms >= 0))
      throw new InputError(
        `policy: ${where} gives ${String(ms)} for ${what}: a backoff must give milliseconds, 0 or more.`,
      );
}

const quotaField: Check = (where, value) => {
  if (value !== false) checkFields(where, value, tokens);
};
const tokens: Checks = { tokens: wholeField, perRetry: wholeField, perTimeout: wholeField, perSuccess: wholeField };
const circuitField: Check = (where, value) => {
  if (value !== false && typeof (value as Partial<Circuit> | null)?.watch !== 'function')
    throw new InputError(`policy: ${where} must be circuit(), or false.`);
};
/** Each query is put off by it. */
const LONGEST_WINDOW_MS = 60_000;
const batchChecks: Checks = {
  windowMs(where, value) {
    if (duration('policy', where, value) > LONGEST_WINDOW_MS)
      throw new InputError(
        `policy: ${where} must be ${LONGEST_WINDOW_MS} milliseconds at most, since each query waits so long for others; got ${String(value)}.`,
      );
  },
  most(where, value) {
    countField(where, value);
    if (value === 1) throw new InputError(`policy: ${where} must be 2 or more: one alone shares nothing.`);
  },
};
const batchField: Check = (where, value) => {
  if (typeof value === 'boolean') return;
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new InputError(`policy: ${where} must be true, false or { windowMs, most }; got ${String(value)}.`);
  checkFields(where, value, batchChecks);
};

/** Every field a policy may have. A misspelt one is refused: a policy that is silently ignored costs money. */
const groups: Readonly<Record<'retry' | 'poll' | 'limit', Checks>> = {
  retry: { attempts: countField, backoff: backoffField, maxRetryAfterMs: durationField, quota: quotaField },
  poll: {
    backoff: backoffOrChoice,
    deadlineMs: durationField,
    absentAfterMs: durationField,
    resendWhenAbsent: flagField,
    cancelAtDeadline: flagField,
    cancelWithinMs: durationField,
    batch: batchField,
    notices: flagField,
  },
  limit: { concurrency: countField, perSecond: rateField, perMinute: rateField },
};

function checkPolicy(policy: Policy): void {
  if (typeof (policy as unknown) !== 'object' || (policy as unknown) === null)
    throw new InputError('policy: pass an object, such as { retry: { attempts: 2 } }.');
  for (const [group, fields] of Object.entries(policy) as [string, unknown][]) {
    if (fields === undefined) continue;
    if (group === 'attemptTimeoutMs') durationField(group, fields);
    else if (group === 'circuit') circuitField(group, fields);
    else if (Object.hasOwn(groups, group)) checkFields(group, fields, groups[group as keyof typeof groups]);
    else
      throw new InputError(
        `policy: there is no group "${group}". Known: retry, poll, limit, attemptTimeoutMs, circuit.`,
      );
  }
}

function checkFields(group: string, fields: unknown, checks: Checks): void {
  if (typeof fields !== 'object' || fields === null)
    throw new InputError(`policy: ${group} must be an object. Known in it: ${Object.keys(checks).join(', ')}.`);
  for (const [name, value] of Object.entries(fields) as [string, unknown][]) {
    if (value === undefined) continue;
    const check = Object.hasOwn(checks, name) ? checks[name] : undefined;
    if (check === undefined)
      throw new InputError(`policy: there is no ${group}.${name}. Known: ${Object.keys(checks).join(', ')}.`);
    check(`${group}.${name}`, value);
  }
}

/** The fields that are there. */
const given = <T extends object>(fields: T | undefined): Partial<T> =>
  Object.fromEntries(Object.entries(fields ?? {}).filter(([, value]) => value !== undefined)) as Partial<T>;

/** A backoff stands in place of a choice, and a choice before the backoff that is there already. */
function chosenOver({ backoff, ...rest }: PollPolicy): Partial<ResolvedPolicy['poll']> {
  if (typeof backoff === 'function') return { ...rest, chooseBackoff: backoff };
  return backoff === undefined ? rest : { ...rest, backoff, chooseBackoff: undefined };
}

const quotaOver = (
  base: ResolvedPolicy['retry']['quota'],
  over: RetryPolicy['quota'],
): false | Required<QuotaPolicy> =>
  over === undefined || over === false
    ? (over ?? base ?? false)
    : { ...defaultQuota, ...(base === false ? {} : base), ...given(over) };

/** Lays one policy over another, group by group and field by field. */
export function mergePolicy(base: ResolvedPolicy, over: Policy | undefined): ResolvedPolicy {
  if (over === undefined) return base;
  checkPolicy(over);
  const quota = quotaOver(base.retry.quota, over.retry?.quota);
  if (quota !== false) checkQuota(quota);
  const circuit = over.circuit ?? base.circuit;
  return {
    retry: { ...base.retry, ...given(over.retry), quota },
    poll: { ...base.poll, ...chosenOver(given(over.poll)) },
    limit: { ...base.limit, ...given(over.limit) },
    ...(circuit && { circuit }),
    ...((over.attemptTimeoutMs ?? base.attemptTimeoutMs) !== undefined && {
      attemptTimeoutMs: over.attemptTimeoutMs ?? (base.attemptTimeoutMs as number),
    }),
  };
}

/** A payer whose PIN takes a second is not kept waiting. */
const FIRST_OF_CHARGE_MS = 1500;
/** From when absence may be concluded to a default deadline: time for a query or two. */
const AFTER_ABSENCE_MS = 60_000;

/** What one call cannot have for itself, and why. */
const shared: readonly (readonly [name: string, of: (policy: Policy) => unknown, why: string])[] = [
  ['limit', ({ limit }) => limit, 'all of them share it'],
  ['circuit and retry.quota', ({ circuit, retry }) => circuit ?? retry?.quota, 'all of them share them'],
  ['poll.batch', ({ poll }) => poll?.batch, 'calls share their requests'],
];

/** @throws {InputError} */
function refuseShared(call: Policy, isWatched: boolean): void {
  const refuse = (name: string, why: string): never => {
    const [has, it] = name.includes(' and ') ? ['have', 'them'] : ['has', 'it'];
    throw new InputError(`policy: ${name} ${has} no effect on one call, since ${why}: give ${it} to createGateway.`);
  };
  for (const [name, of, why] of shared) if (of(call) !== undefined) refuse(name, why);
  if (call.poll?.notices === true && !isWatched) refuse('poll.notices', 'notices are watched from the first one on');
}

/**
 * The policy of a call: the user's, call over gateway, over the adapter's own, over the defaults. What the user did not
 * set is made to fit: an adapter's deadline is a charge's, and no default comes before another that it would keep from
 * ever acting.
 *
 * @throws {InputError} for a policy of the user's that cannot be meant, or that could never act
 */
export function layeredPolicy(adapter: Policy | undefined, gateway?: Policy, call?: Policy): ResolvedPolicy {
  if (call !== undefined) refuseShared(call, (gateway ?? adapter)?.poll?.notices === true);
  if (
    call?.poll?.cancelWithinMs !== undefined &&
    (call.poll.cancelAtDeadline ?? gateway?.poll?.cancelAtDeadline) !== true
  )
    throw new InputError(
      'policy: poll.cancelWithinMs has no effect, since nothing is canceled: set poll.cancelAtDeadline to true too.',
    );
  const users = [gateway, call];
  const merged = users.reduce<ResolvedPolicy>(mergePolicy, mergePolicy(defaultPolicy, adapter));
  for (const policy of users) {
    checkWaits('retry.backoff', policy?.retry?.backoff);
    checkWaits('poll.backoff', policy?.poll?.backoff);
  }
  const isOwn = (name: keyof PollPolicy): boolean => users.some(policy => policy?.poll?.[name] !== undefined);
  const { absentAfterMs, deadlineMs, resendWhenAbsent } = merged.poll;
  if (resendWhenAbsent && absentAfterMs === undefined) {
    throw new InputError(
      'policy: poll.resendWhenAbsent has no effect, since nothing is ever called absent here: set poll.absentAfterMs too.',
    );
  }
  const isTooShort = !isOwn('deadlineMs') && absentAfterMs !== undefined && absentAfterMs >= deadlineMs;
  return {
    ...merged,
    poll: {
      ...merged.poll,
      ...(isTooShort && { deadlineMs: absentAfterMs + AFTER_ABSENCE_MS }),
      followsOrder: !isOwn('deadlineMs'),
      mayEndEarly: !isOwn('deadlineMs') && !isOwn('absentAfterMs') && !isOwn('resendWhenAbsent'),
      stretches: !users.some(policy => typeof policy?.poll?.backoff === 'object'),
      ...(merged.poll.backoff === defaultPolicy.poll.backoff && { firstOfChargeMs: FIRST_OF_CHARGE_MS }),
    },
  };
}

/** Many payments share one policy, and each backoff that is chosen makes but one more of it. */
const withBackoffs = new WeakMap<ResolvedPolicy, WeakMap<Backoff, ResolvedPolicy>>();

/** Whatever it would choose: the policy as it is without a choice, or with this backoff. */
export function withBackoff(policy: ResolvedPolicy, backoff: Backoff = policy.poll.backoff): ResolvedPolicy {
  let made = withBackoffs.get(policy);
  if (made === undefined) withBackoffs.set(policy, (made = new WeakMap<Backoff, ResolvedPolicy>()));
  let found = made.get(backoff);
  if (found === undefined) {
    const { chooseBackoff: _over, ...asItIs } = policy.poll;
    const { firstOfChargeMs: _ofTheDefault, ...rest } = asItIs;
    const poll = backoff === asItIs.backoff ? asItIs : { ...rest, backoff, stretches: false };
    made.set(backoff, (found = { ...policy, poll }));
  }
  return found;
}

/**
 * The policy for a payment whose polling begins, with the backoff that is chosen for it.
 *
 * @param stored the user's own backoffs, where it is to be stored: others cannot be
 * @throws what the choice throws, and {@link InputError} for what is no backoff
 */
export function policyFor(
  policy: ResolvedPolicy,
  payment: StartingPayment,
  stored: readonly Backoff[] | undefined,
): ResolvedPolicy {
  const chosen: unknown = policy.poll.chooseBackoff?.(payment);
  if (chosen === undefined) return withBackoff(policy);
  // What an async function rejects with has nobody else who hears it.
  if (chosen instanceof Promise) chosen.catch(() => undefined);
  backoffField('what poll.backoff gives for a payment', chosen);
  checkWaits('what poll.backoff gives for a payment', chosen);
  if (stored !== undefined) backoffFrom((chosen as Backoff).toJSON?.(), stored);
  return withBackoff(policy, chosen as Backoff);
}

/**
 * Refuses a policy for writes whose numbers contradict each other. Of two policies the nearer one may well mean to cut
 * the other short; and whoever only follows may have a ticket that is old enough.
 *
 * @throws {InputError}
 */
export function checkEffect(policy: Policy | undefined): void {
  if (policy === undefined) return;
  checkPolicy(policy);
  const { absentAfterMs = 0, deadlineMs = Infinity } = policy.poll ?? {};
  if (absentAfterMs > deadlineMs) {
    throw new InputError(
      `policy: poll.absentAfterMs (${absentAfterMs}) has no effect, since poll.deadlineMs (${deadlineMs}) ends the polling first: make the deadline longer, leave absentAfterMs out, or give the deadline to untilSettled alone.`,
    );
  }
}

/**
 * Refuses a gateway's policy of which a part could never act.
 *
 * @param policy what it comes to
 * @param attemptTimeoutMs how long one exchange may take
 * @throws {InputError}
 */
export function checkActs(own: Policy | undefined, { poll }: ResolvedPolicy, attemptTimeoutMs: number): void {
  const { deadlineMs = Infinity, cancelWithinMs, cancelAtDeadline } = own?.poll ?? {};
  if (cancelWithinMs !== undefined && cancelAtDeadline === undefined)
    throw new InputError(
      'policy: poll.cancelWithinMs has no effect without poll.cancelAtDeadline: set that to true, or to false where single calls ask for it.',
    );
  // 0 asks once, at once. A nearer policy, of a call, may well mean to cut this one short.
  const firstMs = poll.chooseBackoff === undefined ? earliestQueryMs(poll) : 0;
  if (deadlineMs > 0 && deadlineMs < Math.min(firstMs, ONE_SECOND_MS))
    throw new InputError(
      `policy: poll.deadlineMs (${deadlineMs}) ends the polling before the first status query of poll.backoff, which comes after ${firstMs} at the earliest. Both are in milliseconds: two minutes are 120_000.`,
    );
  if (poll.batch === undefined || poll.batch === false) return;
  const { windowMs = BATCH_WINDOW_MS } = poll.batch === true ? {} : poll.batch;
  if (attemptTimeoutMs === Number.MAX_SAFE_INTEGER || deadlineMs <= windowMs + attemptTimeoutMs)
    throw new InputError(
      `policy: poll.batch has no effect, since a shared query must leave time to ask alone, and its window with one attempt (${attemptTimeoutMs === Number.MAX_SAFE_INTEGER ? 'no timeout' : windowMs + attemptTimeoutMs}) takes all of poll.deadlineMs: lower attemptTimeoutMs, or give the deadline to single calls.`,
    );
}

/** What is meant as seconds is less. */
const ONE_SECOND_MS = 1000;

/** How soon a payment may be asked about. */
function earliestQueryMs({ backoff, firstOfChargeMs = Infinity }: ResolvedPolicy['poll']): number {
  const [shortestMs = 0, longestMs = 0] = [0, 1].map(chance => backoff.delayMs({ step: 1, elapsedMs: 0, chance }));
  return Math.round(Math.min(shortestMs, (firstOfChargeMs * shortestMs) / longestMs));
}

/** A quarter of a second is little beside any wait between two queries. */
export const BATCH_WINDOW_MS = 250;

/**
 * Refuses a policy for one write that was not sent before: it says when to send again, and that nothing is sent again.
 * What may have been sent is sent once more by it, and so a gateway may have it.
 *
 * @throws {InputError}
 */
export function checkResend(policy: Policy | undefined): void {
  if (policy?.poll?.resendWhenAbsent === true && policy.retry?.attempts === 1) {
    throw new InputError(
      'policy: poll.resendWhenAbsent has no effect, since retry.attempts is 1, and the first send counts: make it 2.',
    );
  }
}

/** The part of a policy that following a payment needs, as JSON. */
export interface FollowPolicyData {
  readonly poll: Omit<
    ResolvedPolicy['poll'],
    'backoff' | 'batch' | 'chooseBackoff' | 'resendWhenAbsent' | 'cancelAtDeadline' | 'cancelWithinMs'
  > & {
    readonly backoff: BackoffData;
  };
  readonly maxRetryAfterMs: number;
  readonly attemptTimeoutMs?: number;
}

/** @throws {InputError} for a backoff that could not be read again: it has no name, or is not among `own` */
export function followPolicyData(
  { poll, retry, attemptTimeoutMs }: ResolvedPolicy,
  own: readonly Backoff[],
): FollowPolicyData {
  const {
    backoff,
    // How requests are shared is a gateway's affair, and no payment's.
    batch: _shared,
    chooseBackoff: _over,
    resendWhenAbsent: _send,
    cancelAtDeadline: _cancel,
    cancelWithinMs: _within,
    ...rest
  } = poll;
  const data = backoff.toJSON?.();
  backoffFrom(data, own);
  const { maxRetryAfterMs } = retry;
  return JSON.parse(
    JSON.stringify(
      withoutInfinity({ poll: withoutInfinity({ ...rest, backoff: data }), maxRetryAfterMs, attemptTimeoutMs }),
    ),
  ) as FollowPolicyData;
}

/**
 * The policy that `data` was made of.
 *
 * @param here the policy for all that `data` does not hold
 * @throws {InputError} for what is no such policy, and for a backoff that is neither tillpaid's nor among `own`
 */
export function followPolicyFrom(
  data: FollowPolicyData,
  here: ResolvedPolicy,
  own: readonly Backoff[],
): ResolvedPolicy {
  const { maxRetryAfterMs, attemptTimeoutMs } = data;
  const { backoff, deadlineMs, absentAfterMs, followsOrder, stretches, firstOfChargeMs, notices } = data.poll;
  const poll = { backoff: backoffFrom(backoff, own), deadlineMs, resendWhenAbsent: false, ...given({ absentAfterMs }) };
  checkPolicy({ poll, retry: { maxRetryAfterMs }, ...given({ attemptTimeoutMs }) });
  durationField('deadlineMs', deadlineMs);
  durationField('maxRetryAfterMs', maxRetryAfterMs);
  if (firstOfChargeMs !== undefined) durationField('firstOfChargeMs', firstOfChargeMs);
  const { attemptTimeoutMs: _ofHere, ...rest } = here;
  return {
    ...rest,
    retry: { ...here.retry, maxRetryAfterMs },
    poll: {
      ...poll,
      followsOrder: followsOrder === true,
      stretches: stretches === true,
      ...given({ firstOfChargeMs }),
      ...(notices === true && { notices }),
    },
    ...given({ attemptTimeoutMs }),
  };
}
