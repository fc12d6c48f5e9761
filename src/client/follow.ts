import { beginCall, orAbort } from '../clock.ts';
import { doubtedPaid, mayBeGivenBack } from '../core/cancel.ts';
import type { Settlement } from '../core/settlement.ts';
import { InputError } from '../core/errors.ts';
import { isWrite, type Operation } from '../core/operation.ts';
import { latest, type Ticket } from '../core/ticket.ts';
import type { Verdict } from '../core/verdict.ts';
import { carryOut } from '../engine/carry-out.ts';
import type { Step } from '../engine/durable.ts';
import { keyOf } from '../engine/identity.ts';
import { Intention, type IntentionOptions } from '../engine/intention.ts';
import type { Loop } from '../engine/loops.ts';
import { followedOf, isOpenPayment, readOpen, type OpenPayment, type ReadOpen } from '../engine/open-payment.ts';
import { askableTicket } from '../engine/open-ticket.ts';
import type { Known } from '../engine/registry.ts';
import { followPolicyData, type FollowPolicyData, type ResolvedPolicy } from '../policies/policy.ts';
import { isLeftUncanceled, refuseCancel, type Canceling } from './canceling.ts';
import type { GatewayParts } from './parts.ts';
import type { Joining } from './joining.ts';
import { checkOptions, followOptions, type AskOptions, type FollowOptions } from './options.ts';

/** Payments that are only asked about: nothing here ever sends a write. */
export interface Following {
  untilSettled(ticket: Ticket, options?: FollowOptions): Promise<Settlement>;
  step(payment: Ticket | OpenPayment, options?: AskOptions): Promise<Step>;
  ask(ticket: Ticket, options?: AskOptions): Promise<Verdict>;
}

/** Payments whose last step was refused for its token, and who are about to ask again at once. */
const MOST_MEMORIES = 10_000;

/** The last instant that a `Date` can hold. */
const LAST_DATE_MS = 8.64e15;

/**
 * @param joining of this gateway: made after this, since a caller who joined may go on by following
 * @param onSettled informed of what a step has settled
 */
export function createFollowing(
  parts: GatewayParts,
  joining: () => Joining,
  canceling: Canceling,
  onSettled: (settlement: Settlement) => void,
): Following {
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
    step: createStep(parts, onSettled),
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

/**
 * The step door. It remembers the token of a payment whose last step was refused for it: the next one takes a new one.
 *
 * @param isBackground a worker steps, at its own rate, and nobody waits for it
 */
export function createStep(
  parts: GatewayParts,
  onSettled: (settlement: Settlement) => void,
  isBackground = false,
): Following['step'] {
  const { adapter, engine, backoffs } = parts;
  const { sealer, clock } = engine;
  const who = `${adapter.name} step`;
  const memories = new Map<string, Map<string, string>>();

  return async (given, options = {}) => {
    checkOptions(who, options, followOptions);
    refuseCancel(who, options.policy);
    const resumed = isOpenPayment(given) ? readOpen(adapter, sealer, parts.policy, backoffs, given) : undefined;
    if (resumed !== undefined && options.policy !== undefined)
      throw new InputError(
        `${who}: an open payment keeps the policy of its first step. Leave policy out, or follow it anew from its ticket: step(open.ticket).`,
      );
    const { ticket, operation } = resumed ?? askableTicket(adapter, sealer, given);
    const policy = resumed?.policy ?? parts.policyFor(parts.policyOf(options.policy), ticket, 'stored');
    const policyData = followPolicyData(policy, backoffs);
    options.signal?.throwIfAborted();
    // A wall clock that was set back makes no caller wait longer than was decided.
    const leftMs = resumed === undefined ? 0 : Math.min(resumed.dueAtMs - clock.now(), resumed.dueInMs);
    if (resumed !== undefined && leftMs > 0)
      return openIn(parts, sealer.seal(ticket, ticket), leftMs, resumed, policyData);
    if (parts.durable !== undefined) await parts.durable.load(ticket);
    const number = numberOf(ticket);
    const memory = memories.get(number) ?? new Map<string, string>();
    memories.delete(number);
    const more = { memory, isBackground, stepped: true, ...(resumed !== undefined && { resumed }) };
    const intention = followerOf(parts, ticket, operation, policy, more);
    const done = await attended(intention, options, () => oneStep(intention));
    await changeBy(parts, intention.ticket, done?.verdict);
    if (done !== undefined) {
      onSettled(done);
      return { done };
    }
    const { state, dueInMs } = intention.left;
    if (state.needsToken && memories.size < MOST_MEMORIES) memories.set(numberOf(intention.ticket), memory);
    const known = { startedAtMs: state.plan.startedAtMs, followed: followedOf(state) };
    return openIn(parts, intention.ticket, dueInMs, known, policyData);
  };
}

/** A single query was answered: what is known of the payment changes by it. */
function changeBy({ registry, change }: GatewayParts, ticket: Ticket, verdict: Verdict | undefined): unknown {
  return change(ticket, () => registry.receiveAnswer(ticket, verdict));
}

/** One status query, if it is time to ask; the settlement, if that is its end. */
async function oneStep(intention: Intention): Promise<Settlement | undefined> {
  intention.arrive();
  if (intention.next?.type === 'ask') await intention.ask();
  return intention.settlement;
}

/** What is to be stored until the next step. */
function openIn(
  { engine: { clock, sealer } }: GatewayParts,
  ticket: Ticket,
  dueInMs: number,
  { startedAtMs, followed }: Pick<ReadOpen, 'startedAtMs' | 'followed'>,
  policy: FollowPolicyData,
): Step {
  const dueAt = new Date(Math.min(clock.now() + dueInMs, LAST_DATE_MS)).toISOString();
  const open: OpenPayment = { version: 1, ticket, dueAt, dueInMs, state: { startedAtMs, policy, ...followed } };
  return { open: sealer.sealOpen(open), dueInMs };
}

/** An intention that only asks. What this object knows of the payment holds for a caller with an older ticket too. */
function followerOf(
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
async function attended<T>(
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

const numberOf = ({ operation, reference }: Ticket): string => JSON.stringify([operation, reference]);
