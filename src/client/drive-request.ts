import { SettledError, UnresolvedError } from '../core/errors.ts';
import { isWrite, type Fields, type Operation } from '../core/operation.ts';
import type { Settlement } from '../core/settlement.ts';
import { subjectOf } from '../core/subject.ts';
import type { Ticket } from '../core/ticket.ts';
import { keyOf } from '../engine/identity.ts';
import { Intention } from '../engine/intention.ts';
import { isAbandoned, whenEnded } from '../engine/loops.ts';
import type { Admission } from '../engine/registry.ts';
import { anotherResponseOf } from '../engine/results.ts';
import { checkEffect, checkResend } from '../policies/policy.ts';
import type { Desk } from './desk.ts';
import type { Call, Middleware } from './drop-in.ts';
import { repeated, type Joining } from './joining.ts';
import { KyDriver } from './ky-driver.ts';
import type { Found } from './match.ts';
import { openWrite, startOf } from './open-write.ts';
import { checkContext, checkOptions, dropInOptions, type DropInContext } from './options.ts';

/** Nothing stands against a read, nor against a write that nothing names. */
const fresh: Admission & { type: 'fresh' } = { type: 'fresh', newTry: false, earlierNumbers: [] };

/** The drop-in's side of a gateway: makes an intention of a request, or hands out how another caller's was settled. */
export function createDriveRequest(desk: Desk, joining: Joining): Middleware['match'] {
  const { adapter, registry, digestOf } = desk;

  const drive: Middleware['match'] = async (found, call) => {
    const { operation, fields } = found;
    const context = contextOf(`${adapter.name} ${operation.name}`, call);
    const ticket = ticketOf(desk, found, context);
    const key = isWrite(operation) ? keyOf(ticket, operation) : undefined;
    const digest = key === undefined ? undefined : digestOf(operation, fields);
    const newTry = context.newTry === true;
    const admission = digest === undefined ? fresh : registry.admit(key, { ticket, digest, newTry });
    if (admission.type === 'settled') return responseFor(repeated(admission.settlement, context));
    if (admission.type === 'join') {
      const { loop } = admission;
      if (!isAbandoned(loop)) {
        const { signal } = call;
        return responseFor(await joining.join(loop, operation, { ...context, ...(signal && { signal }) }));
      }
      await whenEnded(loop);
      return drive(found, call);
    }
    const start = startOf(desk, admission, context, ticket);
    if (start.mayHaveBeenSent !== true) checkResend(context.policy);
    const policy = desk.policyOf(context.policy);
    const onTicket = desk.onTicketOf(context.onTicket);
    const intention = new Intention(desk.engine, {
      operation,
      fields,
      encoding: found.encoding,
      policy,
      attemptTimeoutMs: desk.attemptTimeoutMs(policy, call.clientTimeout, call.timeout),
      ...start,
      road: call.road,
      ...(onTicket !== undefined && { onTicket }),
      reporter: desk.reporter,
    });
    if (context.onProgress !== undefined) intention.timeline.listen(context.onProgress);
    if (!isWrite(operation)) {
      // Each answer counts, a later one that a hook has asked for, too.
      intention.timeline.listen(entry => {
        if (entry.type === 'answer') registry.receiveRead(ticket, entry.verdict);
      });
    }
    joining.begin(key, { digest, intention, done: intention.ended, endsWithCallers: false });
    return new KyDriver(intention, call.signal);
  };
  return drive;
}

/** @throws {InputError} for an option that is not known, or cannot be meant */
function contextOf(who: string, call: Call): DropInContext {
  checkContext(who, call.context);
  const context = call.context?.tillpaid ?? {};
  checkOptions(`${who}: context.tillpaid`, context, dropInOptions);
  checkEffect(context.policy);
  return context;
}

function ticketOf(desk: Desk, { operation, fields, headers }: Found, context: DropInContext): Ticket {
  if (!isWrite(operation)) return ticketOfRead(desk, operation, fields);
  const header = operation.idempotencyKey?.header;
  const key = context.idempotencyKey ?? (header === undefined ? undefined : (headers.get(header) ?? undefined));
  const given = { ...context, ...(key !== undefined && { idempotencyKey: key }) };
  const ticket = openWrite(desk, operation, fields, 'reference', given);
  desk.reportMisspelt(operation, fields, ticket);
  return ticket;
}

/** A read of the drop-in client has no payment to follow; only its messages need a name. */
const ticketOfRead = ({ adapter, engine }: Desk, operation: Operation, fields: Fields): Ticket => ({
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
