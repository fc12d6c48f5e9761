import { initialState, type Plan, type State } from '../core/decide.ts';
import { isWrite, type Fields, type Operation } from '../core/operation.ts';
import type { Ticket } from '../core/ticket.ts';
import type { ResolvedPolicy, StartingPayment } from '../policies/policy.ts';
import type { Canceler } from './canceler.ts';

/** What an intention starts from, as far as its decision is concerned. */
export interface Beginning {
  readonly operation: Operation;
  /** Empty when only a ticket is followed. */
  readonly fields: Fields;
  readonly ticket: Ticket;
  readonly policy: ResolvedPolicy;
  /** Only ask: nothing is ever sent. */
  readonly followOnly?: boolean;
  readonly mayHaveBeenSent?: boolean;
  /** How long the line of those is that began just before it. Default: it is asked about at once. */
  readonly lineMs?: number;
  /** An earlier loop ended `absent`: one more "not found" is enough. */
  readonly absentBefore?: boolean;
  /** At the deadline it is canceled. Default: it stays open. */
  readonly canceler?: Canceler | undefined;
}

/** What is known of a payment from its start, and names nobody. */
export function startOfTicket(ticket: Ticket): StartingPayment {
  const { gateway, account, environment, operation, openedAt, lastSentAt, expiresAt, charge, expect } = ticket;
  return Object.freeze({
    ...{ gateway, account, environment, operation, openedAt },
    ...(lastSentAt !== undefined && { lastSentAt }),
    ...(expiresAt !== undefined && { expiresAt }),
    ...(charge !== undefined && { charge }),
    ...(expect !== undefined && { expect: Object.freeze({ ...expect }) }),
  });
}

/**
 * How long before a provider forgets a key nothing more is sent on its strength: clocks differ, and a send may be long
 * on its way.
 */
const KEY_MARGIN_MS = 5 * 60_000;

/**
 * The first state of an intention's decision.
 *
 * @param nowMs later than when the call began, where that has waited for others first
 */
export function firstState(
  beginning: Beginning,
  startedAtMs: number,
  reach: { askable: boolean; lookable: boolean },
  nowMs: number = startedAtMs,
): State {
  const { ticket, absentBefore } = beginning;
  const sentAtMs = lastSendOf(beginning, nowMs);
  return initialState(planOf(beginning, startedAtMs), {
    seen: ticket.seen,
    polls: ticket.polls,
    notFounds: absentBefore === true ? 1 : 0,
    ...reach,
    ...(sentAtMs !== undefined && { sentAtMs }),
  });
}

function planOf(beginning: Beginning, startedAtMs: number): Plan {
  const { operation, fields, ticket, policy, canceler } = beginning;
  const { followOnly = false, mayHaveBeenSent = false, lineMs = 0 } = beginning;
  const write = isWrite(operation) ? operation : undefined;
  const remembersForMs = remembersForMsOf(beginning);
  const chargeableForMs = followOnly ? undefined : write?.chargeableForMs?.(fields);
  const deadlineMs = !followOnly && policy.poll.mayEndEarly === true ? write?.deadlineMs : undefined;
  return {
    effect: operation.effect,
    follows: write?.follows ?? 'payment',
    sameReference: write?.sameReference ?? 'unknown',
    ...(remembersForMs !== undefined && { remembersForMs }),
    policy: deadlineMs === undefined ? policy : withDeadline(policy, deadlineMs),
    startedAtMs,
    openedAtMs: Date.parse(ticket.openedAt),
    ...(ticket.expiresAt !== undefined && { expiresAtMs: Date.parse(ticket.expiresAt) }),
    ...(write?.followedForMs !== undefined && { followedForMs: write.followedForMs }),
    ...(write?.query?.answersForMs !== undefined && { answersForMs: write.query.answersForMs }),
    payerNeedsAnswer: write?.payerNeedsAnswer?.(fields) ?? false,
    ofOlderOrder: write?.identity === 'target',
    charge: ticket.charge === true,
    ...(canceler !== undefined && { cancelsWithinMs: canceler.withinMs, cancelSparesPaid: canceler.sparesPaid }),
    ...(ticket.mayBeGivenBackUntil !== undefined && { mayBeGivenBackUntilMs: Date.parse(ticket.mayBeGivenBackUntil) }),
    ...(chargeableForMs !== undefined && { chargeableForMs }),
    followOnly,
    ...(lineMs > 0 && { lineMs }),
    mayHaveBeenSent,
  };
}

/** Many payments share one policy, and a write's own deadline makes but one more of it. */
const withDeadlines = new WeakMap<ResolvedPolicy, Map<number, ResolvedPolicy>>();

function withDeadline(policy: ResolvedPolicy, deadlineMs: number): ResolvedPolicy {
  let made = withDeadlines.get(policy);
  if (made === undefined) withDeadlines.set(policy, (made = new Map<number, ResolvedPolicy>()));
  let found = made.get(deadlineMs);
  if (found === undefined) made.set(deadlineMs, (found = { ...policy, poll: { ...policy.poll, deadlineMs } }));
  return found;
}

/** Redelivered without its ticket, the key's age is not known: then it permits no second send. */
function remembersForMsOf({ operation, ticket }: Beginning): number | undefined {
  const rememberedForMs = isWrite(operation) ? operation.idempotencyKey?.rememberedForMs : undefined;
  if (rememberedForMs === undefined) return undefined;
  return ticket.ageUnknown === true ? 0 : Math.max(0, rememberedForMs - KEY_MARGIN_MS);
}

/** When the last send left, as far as anybody knows; `undefined` where none is known of. */
function lastSendOf(beginning: Beginning, nowMs: number): number | undefined {
  const { ticket, followOnly, absentBefore, mayHaveBeenSent } = beginning;
  // Without its ticket, an earlier run may have sent until now; with its ticket, no later send is known of.
  const goesOn = mayHaveBeenSent === true && ticket.ageUnknown !== true;
  if (followOnly !== true && absentBefore !== true && !goesOn) return nowMs;
  const sentAt = absentBefore === true ? (ticket.lastSentAt ?? ticket.openedAt) : ticket.lastSentAt;
  return sentAt === undefined ? undefined : Date.parse(sentAt);
}
