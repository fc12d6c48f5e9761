import { beginCall } from '../clock.ts';
import { SettledError, UnresolvedError } from '../core/errors.ts';
import { isWrite, type Fields, type Operation, type WriteOperation } from '../core/operation.ts';
import type { Settlement } from '../core/settlement.ts';
import { subjectOf } from '../core/subject.ts';
import type { Ticket } from '../core/ticket.ts';
import type { Canceler } from '../engine/canceler.ts';
import type { Hold } from '../engine/hold.ts';
import { keyOf } from '../engine/identity.ts';
import { Intention } from '../engine/intention.ts';
import { anotherResponseOf } from '../engine/results.ts';
import { checkEffect, checkResend } from '../policies/policy.ts';
import type { GatewayParts } from './parts.ts';
import type { Canceling } from './canceling.ts';
import type { Call, Middleware } from './drop-in.ts';
import { enter } from './entrance.ts';
import { repeated, type Joining } from './joining.ts';
import { KyDriver } from './ky-driver.ts';
import type { Found } from './match.ts';
import { openWrite, startOf, type Start } from './open-write.ts';
import { checkContext, checkOptions, dropInOptions, type DropInContext } from './options.ts';

/** The drop-in's side of a gateway: makes an intention of a request, or hands out how another caller's was settled. */
export function createDriveRequest(parts: GatewayParts, joining: Joining, canceling: Canceling): Middleware['match'] {
  const { adapter, durable } = parts;

  return async (found, call) => {
    const { operation } = found;
    const began = beginCall(parts.engine.clock);
    const who = `${adapter.name} ${operation.name}`;
    const context = contextOf(who, call);
    const canceler = canceling.of(who, operation, context.policy, parts.policyOf(context.policy));
    if (!isWrite(operation)) return driveRead(parts, joining, found, call, context);
    if (durable !== undefined) await durable.ready();
    let lost: Intention | undefined;
    for (let isFirst = true; ; isFirst = false) {
      const ticket = ticketOf(parts, found, operation, context, isFirst);
      const key = keyOf(ticket, operation);
      const wanted = { ticket, digest: parts.digestOf(operation, found.fields), newTry: context.newTry === true };
      const { signal } = call;
      const mayHaveBeenSent = context.mayHaveBeenSent ?? context.ticket !== undefined;
      const joined = { ...context, ...(signal && { signal }) };
      const entering = enter(parts, { key, wanted, mayHaveBeenSent, signal }, (admission, hold) => {
        if (lost !== undefined) return joining.passedOn(lost, admission, joined).then(responseFor);
        const start = startOf(parts, admission, context, ticket);
        const intention = intentionOf(parts, found, call, { context, start, hold, canceler, began });
        const begun = { digest: wanted.digest, intention, done: intention.ended, endsWithCallers: false };
        const loop = joining.begin(key, begun, hold);
        return new KyDriver(intention, call.signal, hold === undefined ? undefined : loop.done);
      });
      const entered = entering instanceof Promise ? await entering : entering;
      if (entered.type === 'begun') return entered.begun;
      if (entered.type === 'settled')
        return responseFor(await joining.answered(repeated(entered.settlement, context), operation, joined));
      const met = await joining.join(entered.loop, operation, joined, canceler !== undefined);
      if (met instanceof Intention) lost = met;
      else if (met !== undefined) return responseFor(await joining.answered(met, operation, joined));
    }
  };
}

/** Nothing stands against a read, and no other caller joins it. */
function driveRead(parts: GatewayParts, joining: Joining, found: Found, call: Call, context: DropInContext): KyDriver {
  const ticket = ticketOfRead(parts, found.operation, found.fields);
  const start = startOf(parts, { type: 'fresh', newTry: false, earlierNumbers: [] }, context, ticket);
  const intention = intentionOf(parts, found, call, { context, start });
  // Each answer counts, a later one that a hook has asked for, too.
  intention.timeline.listen(entry => {
    if (entry.type === 'answer') parts.registry.receiveRead(ticket, entry.verdict);
  });
  joining.begin(undefined, { digest: undefined, intention, done: intention.ended, endsWithCallers: false }, undefined);
  return new KyDriver(intention, call.signal, undefined);
}

function intentionOf(
  parts: GatewayParts,
  { operation, fields, encoding }: Found,
  call: Call,
  {
    context,
    start,
    hold,
    canceler,
    began,
  }: {
    context: DropInContext;
    start: Start;
    hold?: Hold | undefined;
    canceler?: Canceler | undefined;
    began?: ReturnType<typeof beginCall>;
  },
): Intention {
  if (start.mayHaveBeenSent !== true) checkResend(context.policy);
  const asked = parts.policyOf(context.policy);
  const policy = isWrite(operation) ? parts.policyFor(asked, start.ticket) : asked;
  const onTicket = parts.onTicketOf(context.onTicket);
  const intention = new Intention(parts.engine, {
    operation,
    fields,
    encoding,
    policy,
    attemptTimeoutMs: parts.attemptTimeoutMs(policy, call.clientTimeout, call.timeout),
    ...start,
    ...(start.mayHaveBeenSent === true && began !== undefined && { call: began }),
    road: call.road,
    ...(onTicket !== undefined && { onTicket }),
    reporter: parts.reporter,
    hold,
    canceler,
  });
  if (context.onProgress !== undefined) intention.timeline.listen(context.onProgress);
  return intention;
}

/** @throws {InputError} for an option that is not known, or cannot be meant */
function contextOf(who: string, call: Call): DropInContext {
  checkContext(who, call.context);
  const context = call.context?.tillpaid ?? {};
  checkOptions(`${who}: context.tillpaid`, context, dropInOptions);
  checkEffect(context.policy);
  // What the caller does to his object afterwards changes nothing.
  return { ...context };
}

function ticketOf(
  parts: GatewayParts,
  { fields, headers }: Found,
  operation: Operation & WriteOperation & { readonly effect: 'write' },
  context: DropInContext,
  isFirst: boolean,
): Ticket {
  const header = operation.idempotencyKey?.header;
  const key = context.idempotencyKey ?? (header === undefined ? undefined : (headers.get(header) ?? undefined));
  const given = { ...context, ...(key !== undefined && { idempotencyKey: key }) };
  const ticket = openWrite(parts, operation, fields, 'reference', given);
  if (isFirst) parts.reportMisspelt(operation, fields, ticket);
  return ticket;
}

/** A read of the drop-in client has no payment to follow; only its messages need a name. */
const ticketOfRead = ({ adapter, engine }: GatewayParts, operation: Operation, fields: Fields): Ticket => ({
  version: 1,
  gateway: adapter.name,
  account: adapter.account,
  environment: adapter.environment,
  operation: operation.name,
  reference: { ...subjectOf(operation, fields).reference },
  openedAt: new Date(engine.clock.now()).toISOString(),
  seen: false,
  polls: 0,
});

/** What a second caller of a drop-in write gets. */
function responseFor(settlement: Settlement): Response {
  const { outcome, settledBy } = settlement;
  const isAnswer = settledBy === 'answer' || (settledBy === 'query' && outcome === 'succeeded');
  const response = isAnswer ? anotherResponseOf(settlement) : undefined;
  if (response !== undefined) return response;
  throw outcome === 'unresolved' ? new UnresolvedError(settlement.ticket, settlement) : new SettledError(settlement);
}
