import { InputError } from '../core/errors.ts';
import type { Settlement } from '../core/settlement.ts';
import type { Ticket } from '../core/ticket.ts';
import type { Step } from '../engine/durable.ts';
import type { Intention } from '../engine/intention.ts';
import { followedOf, isOpenPayment, readOpen, type OpenPayment, type ReadOpen } from '../engine/open-payment.ts';
import { askableTicket } from '../engine/open-ticket.ts';
import { followPolicyData, type FollowPolicyData } from '../policies/policy.ts';
import { refuseCancel } from './canceling.ts';
import { attended, changeBy, followerOf } from './follow.ts';
import { checkOptions, followOptions, type AskOptions } from './options.ts';
import type { GatewayParts } from './parts.ts';

/** Payments whose last step was refused for its token, and who are about to ask again at once. */
const MOST_MEMORIES = 10_000;

/** The last instant that a `Date` can hold. */
const LAST_DATE_MS = 8.64e15;

/**
 * The step door. It remembers the token of a payment whose last step was refused for it: the next one takes a new one.
 *
 * @param isBackground a worker steps, at its own rate, and nobody waits for it
 */
export function createStep(
  parts: GatewayParts,
  onSettled: (settlement: Settlement) => void,
  isBackground = false,
): (payment: Ticket | OpenPayment, options?: AskOptions) => Promise<Step> {
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

const numberOf = ({ operation, reference }: Ticket): string => JSON.stringify([operation, reference]);
