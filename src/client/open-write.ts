import { newKey } from '../clock.ts';
import { InputError } from '../core/errors.ts';
import type { Fields, Operation, WriteOperation } from '../core/operation.ts';
import { isTicketText, latest, type Ticket } from '../core/ticket.ts';
import { isNamed } from '../engine/identity.ts';
import type { IntentionOptions } from '../engine/intention.ts';
import { openTicket, storedTicket } from '../engine/open-ticket.ts';
import type { Admission } from '../engine/registry.ts';
import { refuseMisspelt } from '../core/did-you-mean.ts';
import type { GatewayParts } from './parts.ts';
import type { SettleOptions } from './options.ts';

type Write = Operation & WriteOperation & { readonly effect: 'write' };

/**
 * A write's ticket: the stored one, or a new one with its idempotency key where the provider has them.
 *
 * @throws {InputError} {TicketError} for what cannot be sent, or is of another intention
 */
export function openWrite(
  { adapter, engine }: Pick<GatewayParts, 'adapter' | 'engine'>,
  operation: Write,
  fields: Fields,
  check: 'all' | 'reference',
  given: SettleOptions = {},
): Ticket {
  const { idempotencyKey } = given;
  const who = `${adapter.name} ${operation.name}`;
  if (check === 'all') refuseMisspelt(who, operation, fields);
  const fresh = openTicket(adapter, operation, fields, engine.clock.now(), check);
  if (operation.idempotencyKey === undefined && idempotencyKey !== undefined)
    throw new InputError(`${who} has no idempotency key: leave idempotencyKey out.`);
  if (idempotencyKey !== undefined && (!isTicketText(idempotencyKey) || idempotencyKey.trim() === ''))
    throw new InputError(`${who}: idempotencyKey must be a non-empty text of at most 256 characters.`);
  const ticket = given.ticket === undefined ? fresh : storedTicket(adapter, engine.sealer, fresh, given.ticket);
  if (operation.idempotencyKey === undefined) return ticket;
  const stored = ticket.reference['idempotencyKey'];
  if (stored !== undefined && idempotencyKey !== undefined && stored !== idempotencyKey)
    throw new InputError(`${who}: the ticket has another idempotencyKey. Use one key for one intention.`);
  const key = idempotencyKey ?? stored;
  // What it was sent under is not known: nothing is sent on the strength of a new key.
  const isLost = given.ticket !== undefined && key === undefined;
  const reference = { ...ticket.reference, idempotencyKey: key ?? newKey() };
  return { ...ticket, reference, ...(isLost && { ageUnknown: true as const }) };
}

/** A write without any name could not be told from an equal one. @throws {InputError} */
export function refuseNameless(
  who: string,
  operation: Write,
  ticket: Ticket,
  { idempotencyKey, ticket: stored }: SettleOptions,
): void {
  if (isNamed(ticket, operation) || idempotencyKey !== undefined || stored !== undefined) return;
  throw new InputError(`${who}: ${whatNames(operation)}`);
}

/** What to do about a write that has no name. */
const whatNames = ({ identity, idempotencyKey }: WriteOperation): string => {
  const ways = [
    typeof identity === 'object' && identity.number !== undefined ? [identity.number] : [],
    idempotencyKey === undefined ? [] : ['an idempotencyKey'],
  ].flat();
  return `two of them with equal fields are two intentions, and nothing names this one. Pass ${ways.join(' or ')}, the same for each try.`;
};

/** What an intention starts from. */
export type Start = Pick<
  IntentionOptions,
  'ticket' | 'mayHaveBeenSent' | 'absentBefore' | 'newTry' | 'earlierNumbers' | 'ownersFor' | 'idempotencyKey'
>;

/**
 * What is known of a write that is about to be sent, or to be asked about first: what was left open here comes before
 * what the caller says.
 */
export function startOf(
  { registry }: Pick<GatewayParts, 'registry'>,
  admission: Admission & { type: 'fresh' | 'open' },
  given: SettleOptions,
  fresh: Ticket,
): Start {
  const isOpen = admission.type === 'open';
  const ticket = isOpen
    ? completed(admission.ticket, admission.sentElsewhere && given.ticket !== undefined ? fresh : undefined)
    : newTicket(fresh, given, admission.earlierTry);
  const idempotencyKey = ticket.reference['idempotencyKey'];
  return {
    ticket,
    mayHaveBeenSent: isOpen || (given.mayHaveBeenSent ?? given.ticket !== undefined),
    absentBefore: isOpen && admission.absent,
    newTry: !isOpen && admission.newTry,
    earlierNumbers: admission.earlierNumbers,
    ownersFor: registry.ownersFor,
    ...(idempotencyKey !== undefined && { idempotencyKey }),
  };
}

/** The stored ticket knows the send: its key, and when it was. What the gateway has told since is added. */
function completed(known: Ticket, stored: Ticket | undefined): Ticket {
  if (stored === undefined) return known;
  const { seal: _outdated, ...rest } = stored;
  const lastSentAt = latest(stored.lastSentAt, known.lastSentAt);
  const until = latest(stored.mayBeGivenBackUntil, known.mayBeGivenBackUntil);
  return {
    ...rest,
    reference: { ...known.reference, ...stored.reference },
    seen: stored.seen || known.seen,
    ...(lastSentAt !== undefined && { lastSentAt }),
    ...(until !== undefined && { mayBeGivenBackUntil: until }),
  };
}

function newTicket(fresh: Ticket, given: SettleOptions, earlierTry: Ticket | undefined): Ticket {
  // Redelivered without its ticket, it is not known when it was first sent, or its key first used.
  if (given.mayHaveBeenSent === true && given.ticket === undefined) return { ...fresh, ageUnknown: true };
  return earlierTry === undefined ? fresh : openedAfter(earlierTry, fresh);
}

/** Times at a provider are whole seconds: two tries of one number that were opened in the same one would look alike. */
const openedAfter = (before: Ticket, ticket: Ticket): Ticket => {
  const earliestMs = Date.parse(before.openedAt) + 1000;
  return Date.parse(ticket.openedAt) >= earliestMs
    ? ticket
    : { ...ticket, openedAt: new Date(earliestMs).toISOString() };
};
