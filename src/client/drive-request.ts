import { SettledError, UnresolvedError } from '../core/errors.ts';
import { isWrite, type Fields, type Operation } from '../core/operation.ts';
import type { Settlement } from '../core/settlement.ts';
import { subjectOf } from '../core/subject.ts';
import type { Ticket } from '../core/ticket.ts';
import { keyOf } from '../engine/identity.ts';
import { Intention } from '../engine/intention.ts';
import type { Admission } from '../engine/registry.ts';
import { anotherResponseOf } from '../engine/results.ts';
import { checkEffect, checkResend } from '../policies/policy.ts';
import type { GatewayParts } from './parts.ts';
import type { Call, Middleware } from './drop-in.ts';
import { repeated, type Joining } from './joining.ts';
import { KyDriver } from './ky-driver.ts';
import type { Found } from './match.ts';
import { openWrite, startOf, type Start } from './open-write.ts';
import { checkContext, checkOptions, dropInOptions, type DropInContext } from './options.ts';

/** Nothing stands against a read, nor against a write that nothing names. */
const fresh: Admission & { type: 'fresh' } = { type: 'fresh', newTry: false, earlierNumbers: [] };

/** The drop-in's side of a gateway: makes an intention of a request, or hands out how another caller's was settled. */
export function createDriveRequest(parts: GatewayParts, joining: Joining): Middleware['match'] {
  const { adapter, registry, digestOf } = parts;

  return async (found, call) => {
    const { operation, fields } = found;
    const context = contextOf(`${adapter.name} ${operation.name}`, call);
    for (let isFirst = true; ; isFirst = false) {
      const ticket = ticketOf(parts, found, context, isFirst);
      const key = isWrite(operation) ? keyOf(ticket, operation) : undefined;
      const digest = key === undefined ? undefined : digestOf(operation, fields);
      const newTry = context.newTry === true;
      const admission = digest === undefined ? fresh : registry.admit(key, { ticket, digest, newTry });
      if (admission.type === 'settled') return responseFor(repeated(admission.settlement, context));
      if (admission.type === 'join') {
        const { signal } = call;
        const settlement = await joining.join(admission.loop, operation, { ...context, ...(signal && { signal }) });
        if (settlement !== undefined) return responseFor(settlement);
        continue;
      }
      const intention = intentionOf(parts, found, call, { context, start: startOf(parts, admission, context, ticket) });
      if (!isWrite(operation)) {
        // Each answer counts, a later one that a hook has asked for, too.
        intention.timeline.listen(entry => {
          if (entry.type === 'answer') registry.receiveRead(ticket, entry.verdict);
        });
      }
      joining.begin(key, { digest, intention, done: intention.ended, endsWithCallers: false });
      return new KyDriver(intention, call.signal);
    }
  };
}

function intentionOf(
  parts: GatewayParts,
  { operation, fields, encoding }: Found,
  call: Call,
  { context, start }: { context: DropInContext; start: Start },
): Intention {
  if (start.mayHaveBeenSent !== true) checkResend(context.policy);
  const policy = parts.policyOf(context.policy);
  const onTicket = parts.onTicketOf(context.onTicket);
  const intention = new Intention(parts.engine, {
    operation,
    fields,
    encoding,
    policy,
    attemptTimeoutMs: parts.attemptTimeoutMs(policy, call.clientTimeout, call.timeout),
    ...start,
    road: call.road,
    ...(onTicket !== undefined && { onTicket }),
    reporter: parts.reporter,
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
  { operation, fields, headers }: Found,
  context: DropInContext,
  isFirst: boolean,
): Ticket {
  if (!isWrite(operation)) return ticketOfRead(parts, operation, fields);
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
