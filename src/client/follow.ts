import { beginCall, orAbort } from '../clock.ts';
import { doubtedPaid, mayBeGivenBack } from '../core/cancel.ts';
import type { Settlement } from '../core/settlement.ts';
import { InputError } from '../core/errors.ts';
import { isWrite, type Operation } from '../core/operation.ts';
import { latest, type Ticket } from '../core/ticket.ts';
import type { Verdict } from '../core/verdict.ts';
import { carryOut } from '../engine/carry-out.ts';
import { keyOf } from '../engine/identity.ts';
import { Intention, type IntentionOptions } from '../engine/intention.ts';
import type { Loop } from '../engine/loops.ts';
import { askableTicket } from '../engine/open-ticket.ts';
import type { Known } from '../engine/registry.ts';
import type { ResolvedPolicy } from '../policies/policy.ts';
import { isLeftUncanceled, refuseCancel, type Canceling } from './canceling.ts';
import type { GatewayParts } from './parts.ts';
import type { Joining } from './joining.ts';
import { checkOptions, followOptions, type AskOptions, type FollowOptions } from './options.ts';

/** Payments that are only asked about: nothing here ever sends a write. */
export interface Following {
  untilSettled(ticket: Ticket, options?: FollowOptions): Promise<Settlement>;
  ask(ticket: Ticket, options?: AskOptions): Promise<Verdict>;
}

/**
 * @param joining of this gateway: made after this, since a caller who joined may go on by following
 */
export function createFollowing(parts: GatewayParts, joining: () => Joining, canceling: Canceling): Following {
  const { adapter, registry, engine } = parts;
  return {
    async untilSettled(given, options = {}) {
      checkOptions(`${adapter.name} untilSettled`, options, followOptions);
      const { ticket, operation } = askableTicket(adapter, engine.sealer, given);
      const policy = parts.policyOf(options.policy);
      // Who only follows sends nothing, but what this very call asks for.
      const cancels = options.policy?.poll?.cancelAtDeadline === true;
      if (!cancels && options.policy?.poll?.cancelWithinMs !== undefined)
        throw new InputError(
          `${adapter.name} untilSettled: poll.cancelWithinMs has no effect, since this call cancels nothing: set poll.cancelAtDeadline to true too.`,
        );
      const canceler = cancels
        ? canceling.of(`${adapter.name} untilSettled`, operation, options.policy, policy)
        : undefined;
      const key = keyOf(ticket, operation);
      const call = beginCall(engine.clock);
      const begin = (): Loop => {
        const intention = followerOf(parts, ticket, operation, parts.policyFor(policy, ticket), { canceler, call });
        const begun = { digest: undefined, intention, done: intention.ended, endsWithCallers: true };
        const loop = joining().begin(key, begun, undefined);
        carryOut(intention, false);
        return loop;
      };
      for (;;) {
        if (parts.durable !== undefined) await unlessAborted(parts.durable.load(ticket), options.signal);
        options.signal?.throwIfAborted();
        const running = registry.running(key);
        const settlement = await joining().follow(running ?? begin(), options);
        const mayBeLeft = running !== undefined && canceler !== undefined;
        if (settlement !== undefined && !(mayBeLeft && isLeftUncanceled(running, settlement))) return settlement;
      }
    },
    async ask(given, options = {}) {
      checkOptions(`${adapter.name} ask`, options, followOptions);
      refuseCancel(`${adapter.name} ask`, options.policy);
      const { ticket, operation } = askableTicket(adapter, engine.sealer, given);
      if (parts.durable !== undefined) await parts.durable.load(ticket);
      options.signal?.throwIfAborted();
      const intention = followerOf(parts, ticket, operation, parts.policyOf(options.policy), { asksOnce: true });
      const verdict = await attended(intention, options, () => intention.askOnce());
      const asked = intention.ticket;
      await changeBy(parts, asked, verdict);
      return mayBeGivenBack(asked, verdict, engine.clock.now()) ? doubtedPaid(verdict, false) : verdict;
    },
  };
}

/** A single query was answered: what is known of the payment changes by it. */
export function changeBy({ registry, change }: GatewayParts, ticket: Ticket, verdict: Verdict | undefined): unknown {
  return change(ticket, () => registry.receiveAnswer(ticket, verdict));
}

/** An intention that only asks. What this object knows of the payment holds for a caller with an older ticket too. */
export function followerOf(
  parts: GatewayParts,
  ticket: Ticket,
  operation: Operation,
  policy: ResolvedPolicy,
  more: Pick<
    IntentionOptions,
    'resumed' | 'memory' | 'asksOnce' | 'isBackground' | 'stepped' | 'canceler' | 'call'
  > = {},
): Intention {
  const { registry, engine, road, clientOptions } = parts;
  const known = registry.known(isWrite(operation) ? keyOf(ticket, operation) : undefined);
  const onTicket = parts.onTicketOf(undefined);
  return new Intention(engine, {
    ...more,
    operation,
    fields: {},
    ticket: withKnown(ticket, known),
    policy,
    attemptTimeoutMs: parts.attemptTimeoutMs(policy, clientOptions.timeout),
    followOnly: true,
    earlierNumbers: known.earlierNumbers,
    ownersFor: registry.ownersFor,
    road,
    sharesQueries: true,
    ...(onTicket !== undefined && { onTicket }),
    reporter: parts.reporter,
  });
}

const unlessAborted = <T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> =>
  signal === undefined ? promise : orAbort(promise, signal);

function withKnown(ticket: Ticket, known: Known): Ticket {
  const seen = known.seen || ticket.seen;
  const until = latest(ticket.mayBeGivenBackUntil, known.mayBeGivenBackUntil);
  if (seen === ticket.seen && until === ticket.mayBeGivenBackUntil) return ticket;
  const { seal: _outdated, ...unsealed } = ticket;
  return { ...unsealed, seen, ...(until !== undefined && { mayBeGivenBackUntil: until }) };
}

/** One exchange at most, for one caller: with his abort, and his ticket store. */
export async function attended<T>(
  intention: Intention,
  { signal, onProgress, onTicket }: AskOptions,
  exchange: () => Promise<T>,
): Promise<T> {
  intention.stopOn(signal);
  if (onProgress !== undefined) intention.timeline.listen(onProgress);
  const forget = onTicket && intention.alsoNotify(onTicket);
  try {
    return await exchange();
  } finally {
    forget?.();
    intention.stop();
  }
}
