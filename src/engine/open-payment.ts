import type { State } from '../core/decide.ts';
import { TicketError } from '../core/errors.ts';
import type { Operation, WriteOperation } from '../core/operation.ts';
import type { Ticket } from '../core/ticket.ts';
import type { Adapter } from '../kit/adapter.ts';
import type { Backoff } from '../policies/backoff.ts';
import { followPolicyFrom, type FollowPolicyData, type ResolvedPolicy } from '../policies/policy.ts';
import { askableTicket } from './open-ticket.ts';
import type { Sealer } from './seal.ts';

/**
 * A payment that is followed step by step, between two steps: plain JSON, for any store. It outlives the process and
 * the release. It holds no secret.
 */
export interface OpenPayment {
  readonly version: 1;
  /**
   * As it is now. What cannot be used any more, a later release's state, is followed anew from here:
   * `gateway.step(open.ticket)`.
   */
  readonly ticket: Ticket;
  /** When the next step is due. ISO 8601. */
  readonly dueAt: string;
  /** How long after it was written that is. Milliseconds. */
  readonly dueInMs: number;
  /** What is known so far. For tillpaid alone to read. */
  readonly state: OpenState;
  /** Shows that it was not changed, where the gateway has a `ticketSeal`. */
  readonly seal?: string;
}

/** All times are the wall clock's, in milliseconds since the epoch: deadlines stay where they are. */
interface OpenState extends Followed {
  /** When the first step was made. */
  readonly startedAtMs: number;
  readonly policy: FollowPolicyData;
}

/**
 * What a decision has found out about a payment that is only followed; all else of its state follows from ticket and
 * adapter.
 */
type Followed = Pick<
  State,
  | 'polls'
  | 'unsentPolls'
  | 'pollWaits'
  | 'notFounds'
  | 'refusedPolls'
  | 'reauthenticated'
  | 'needsToken'
  | 'pollingSinceMs'
  | 'notBeforeMs'
  | 'unchanged'
  | 'paying'
  | 'quickened'
>;

/** An open payment as it was read. */
export interface ReadOpen {
  readonly ticket: Ticket;
  readonly operation: WriteOperation & Operation & { readonly effect: 'write' };
  readonly dueAtMs: number;
  readonly dueInMs: number;
  readonly startedAtMs: number;
  readonly policy: ResolvedPolicy;
  readonly followed: Followed;
}

/** Of a state, what is to be kept. */
export function followedOf({
  polls,
  unsentPolls,
  pollWaits,
  notFounds,
  refusedPolls,
  reauthenticated,
  needsToken,
  pollingSinceMs,
  notBeforeMs,
  unchanged,
  paying,
  quickened,
}: State): Followed {
  return {
    ...{ polls, pollWaits, notFounds, refusedPolls, reauthenticated, needsToken },
    ...(unsentPolls !== undefined && { unsentPolls }),
    ...(pollingSinceMs !== undefined && { pollingSinceMs }),
    ...(notBeforeMs !== undefined && { notBeforeMs }),
    ...(unchanged !== undefined && { unchanged }),
    ...(paying !== undefined && { paying }),
    ...(quickened !== undefined && { quickened }),
  };
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** What `step` was given is no ticket, but what an earlier step gave. */
export const isOpenPayment = (given: unknown): given is Readonly<Record<string, unknown>> =>
  isObject(given) && Object.hasOwn(given, 'ticket');

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isFlag = (value: unknown): value is boolean => typeof value === 'boolean';
const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);
const orNone =
  (check: (value: unknown) => boolean) =>
  (value: unknown): boolean =>
    value === undefined || check(value);

const checks: Readonly<Record<keyof OpenState, (value: unknown) => boolean>> = {
  startedAtMs: isNumber,
  policy: value => isObject(value) && isObject(value['poll']),
  polls: isCount,
  unsentPolls: orNone(isCount),
  pollWaits: isCount,
  notFounds: isCount,
  refusedPolls: isCount,
  reauthenticated: isFlag,
  needsToken: isFlag,
  pollingSinceMs: orNone(isNumber),
  notBeforeMs: orNone(isNumber),
  paying: orNone(isFlag),
  quickened: orNone(isCount),
  unchanged: orNone(value => isObject(value) && typeof value['code'] === 'string' && isNumber(value['untilMs'])),
};

/**
 * Reads what an earlier step gave, from wherever it was stored.
 *
 * @throws {TicketError} for another version, another gateway or account, and what was changed
 * @throws {InputError} for a policy that cannot be meant, and for a backoff that is not among `backoffs`
 */
export function readOpen(
  adapter: Adapter,
  sealer: Sealer,
  here: ResolvedPolicy,
  backoffs: readonly Backoff[],
  given: Readonly<Record<string, unknown>>,
): ReadOpen {
  const refuse = (why: string): never => {
    throw new TicketError(
      `Not an open payment this version can use: ${why}. Pass what step gave exactly as it was, or follow it anew from its ticket: step(open.ticket).`,
    );
  };
  const { version, dueAt, dueInMs, state } = given;
  if (version !== 1) refuse(`its version is ${typeof version === 'number' ? String(version) : 'missing'}, known is 1`);
  const dueAtMs = typeof dueAt === 'string' ? Date.parse(dueAt) : Number.NaN;
  if (Number.isNaN(dueAtMs) || !isNumber(dueInMs)) return refuse('when it is due is not a time');
  if (!isObject(state)) return refuse('its state is missing');
  for (const [name, check] of Object.entries(checks)) {
    if (!check(state[name])) refuse(`state.${name} is not what it was`);
  }
  const own = askableTicket(adapter, sealer, given['ticket']);
  sealer.checkOpen(given);
  const { startedAtMs, policy: told } = state as unknown as OpenState;
  const policy = followPolicyFrom(told, here, backoffs);
  return { ...own, dueAtMs, dueInMs, startedAtMs, policy, followed: followedOf(state as unknown as State) };
}
