import { beginCall, type Call } from '../clock.ts';
import { conceal, withoutQuotes } from '../core/conceal.ts';
import { InputError, ReferenceInUseError } from '../core/errors.ts';
import type { Fields } from '../core/operation.ts';
import type { Settlement } from '../core/settlement.ts';
import type { Ticket } from '../core/ticket.ts';
import { carryOut } from '../engine/carry-out.ts';
import type { CancelGate, Canceler } from '../engine/canceler.ts';
import type { Sender } from '../engine/durable.ts';
import type { Hold } from '../engine/hold.ts';
import { keyOf } from '../engine/identity.ts';
import { Intention } from '../engine/intention.ts';
import { attend, type Loop } from '../engine/loops.ts';
import { writeOf } from '../engine/open-ticket.ts';
import type { Wanted } from '../engine/registry.ts';
import { checkEffect, checkResend, type ResolvedPolicy } from '../policies/policy.ts';
import type { Canceling } from './canceling.ts';
import { isDeep } from './depth.ts';
import { enter } from './entrance.ts';
import type { GatewayParts } from './parts.ts';
import { withExtraFields } from './extra-fields.ts';
import { repeated, type Joining } from './joining.ts';
import { openWrite, refuseNameless, startOf, type Start } from './open-write.ts';
import { checkOptions, settleOptions, type SettleOptions } from './options.ts';

/** @param gate of a cancel that another payment sends at its deadline: that one is asked about, and not the cancel */
type Settle = (
  name: string,
  fields: Fields,
  options?: SettleOptions,
  sender?: Sender,
  gate?: CancelGate,
) => Promise<Settlement>;

/** `settle`: one intention, one loop over its decision; a second caller of the same joins it. */
export function createSettle(parts: GatewayParts, joining: Joining, canceling: Canceling): Settle {
  const { durable } = parts;
  return async (name, fields, options = {}, sender, gate) => {
    const call = beginCall(parts.engine.clock);
    const asked = { ...askedFor(parts, canceling, { name, fields, options, gate }), sender, call };
    const { operation, given } = asked;
    if (durable !== undefined) await durable.ready();
    const digest = parts.digestOf(operation, asked.whole);
    let lost: Intention | undefined;
    for (let ticket = asked.ticket; ; ticket = reopened(parts, asked)) {
      given.signal?.throwIfAborted();
      const wanted = { ticket, digest, newTry: given.newTry === true };
      const met = await settled(parts, joining, asked, wanted, lost);
      if (met instanceof Intention) lost = met;
      else if (met !== undefined) return met;
    }
  };
}

/**
 * How it ended, for this caller. `undefined`: the loop that he waited for is no end of his, and the way may be free. An
 * intention: another process has taken it over, and this caller waits for that one.
 *
 * @param lost what he had begun, and another process has taken over
 */
async function settled(
  parts: GatewayParts,
  joining: Joining,
  asked: Asked,
  wanted: Wanted,
  lost: Intention | undefined,
): Promise<Settlement | Intention | undefined> {
  const { operation, given, sender } = asked;
  const { ticket, digest } = wanted;
  const key = keyOf(ticket, operation);
  const { signal } = given;
  const mayHaveBeenSent = given.mayHaveBeenSent ?? given.ticket !== undefined;
  const entering = enter(parts, { key, wanted, mayHaveBeenSent, signal, sender }, (admission, hold) => {
    if (lost !== undefined) return { passedOn: () => joining.passedOn(lost, admission, given) };
    const intention = intentionOf(parts, asked, startOf(parts, admission, given, ticket), hold);
    const begun = { digest, intention, done: settlementOf(intention), endsWithCallers: true };
    const loop = joining.begin(key, begun, hold);
    carryOut(intention, true);
    return { loop };
  });
  const entered = entering instanceof Promise ? await entering : entering;
  if (entered.type === 'settled') return repeated(entered.settlement, given);
  // A cancel of somebody's is on its way: whether it arrives, the payment says.
  if (entered.type === 'join' && asked.gate !== undefined) throw new ReferenceInUseError(entered.loop.intention.ticket);
  if (entered.type === 'join') return joining.join(entered.loop, operation, given, asked.canceler !== undefined);
  if (entered.begun.passedOn !== undefined) return entered.begun.passedOn();
  const { loop } = entered.begun;
  return attend(loop, given).then(
    // Another process goes on with it: this caller waits for that one.
    settlement => (loop.hold?.isLost === true && isNoEnd(loop, settlement) ? loop.intention : settlement),
    (error: unknown) => {
      signal?.throwIfAborted();
      if (loop.hold?.isLost === true) return loop.intention;
      throw error;
    },
  );
}

/** Its send came to something that does not stand. */
const isNoEnd = ({ intention }: Loop, { outcome }: Settlement): boolean =>
  intention.settlement !== undefined && intention.settlement.outcome !== outcome;

/** What a call asks for, as it was when the call began: what the caller does to his objects afterwards changes nothing. */
interface Asked {
  readonly call: Call;
  readonly operation: ReturnType<typeof writeOf>;
  readonly fields: Fields;
  /** The fields, and what the gateway takes beside them. */
  readonly whole: Fields;
  readonly given: SettleOptions;
  readonly policy: ResolvedPolicy;
  readonly ticket: Ticket;
  /** It is a worker's. Default: a caller's. */
  readonly sender?: Sender | undefined;
  readonly canceler: Canceler | undefined;
  readonly gate: CancelGate | undefined;
}

/** @throws {InputError} {TicketError} for what cannot be sent */
function askedFor(
  parts: GatewayParts,
  canceling: Canceling,
  { name, fields, options, gate }: Pick<Asked, 'fields' | 'gate'> & { readonly name: string; options: SettleOptions },
): Omit<Asked, 'call' | 'sender'> {
  const { adapter } = parts;
  const who = `${adapter.name} ${name}`;
  checkOptions(`${adapter.name} settle`, options, settleOptions);
  const known = writeOf(adapter, name);
  const operation = gate === undefined ? known : unasked(known);
  if (operation.sendable === false)
    throw new InputError(`${who} has no confirmed path: name one in the adapter's paths option.`);
  const { extraFields, signal } = options;
  checkEffect(options.policy);
  const policy = parts.policyOf(options.policy);
  const canceler = canceling.of(who, operation, options.policy, policy);
  if (isDeep(fields) || isDeep(extraFields)) throw new InputError(`${who}: the fields are nested too deeply.`);
  const ticket = openWrite(parts, operation, fields, 'all', options);
  const whole = withExtraFields(who, operation, fields, extraFields);
  signal?.throwIfAborted();
  refuseNameless(who, operation, ticket, options);
  const own = copyOf(fields);
  const sent = extraFields === undefined ? own : copyOf(whole);
  return { operation, fields: own, whole: sent, given: { ...options }, policy, ticket, canceler, gate };
}

/** It ends with its send, and no second one follows what may have landed: it is confirmed by whoever sends it. */
function unasked({ query: _query, lookUp: _lookUp, ...operation }: Asked['operation']): Asked['operation'] {
  return { ...operation, sameReference: 'unknown' };
}

/** A ticket's times are those of its send: without a stored one it is made again after a wait. */
const reopened = (parts: GatewayParts, { operation, fields, given, ticket }: Asked): Ticket =>
  given.ticket === undefined ? openWrite(parts, operation, fields, 'all', given) : ticket;

function intentionOf(
  parts: GatewayParts,
  { operation, whole, given, policy: asked, canceler, gate, call }: Asked,
  start: Start,
  hold: Hold | undefined,
): Intention {
  if (start.mayHaveBeenSent !== true) {
    checkResend(given.policy);
    gate?.begins();
  }
  const policy = parts.policyFor(asked, start.ticket);
  const onTicket = parts.onTicketOf(given.onTicket);
  return new Intention(parts.engine, {
    operation,
    fields: whole,
    policy,
    attemptTimeoutMs: parts.attemptTimeoutMs(policy, parts.clientOptions.timeout),
    ...start,
    ...(start.mayHaveBeenSent === true && { call }),
    road: parts.road,
    sharesQueries: true,
    ...(onTicket !== undefined && { onTicket }),
    reporter: parts.reporter,
    hold,
    canceler,
    gate,
  });
}

/** What fails once a send may have landed leaves the payment open. */
const settlementOf = (intention: Intention): Promise<Settlement> =>
  intention.ended.catch((error: unknown) => {
    if (!intention.isFailed) throw error;
    if (intention.exposed) return intention.unresolved(error);
    conceal(error);
    throw withoutQuotes(error);
  });

const copyOf = (fields: Fields): Fields =>
  Object.values(fields).every(value => typeof value === 'string' || typeof value === 'number')
    ? { ...fields }
    : structuredClone(fields);
