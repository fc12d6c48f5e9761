import { decimalOf } from '../core/decimal.ts';
import { InputError, TicketError } from '../core/errors.ts';
import {
  isSameRequest,
  isWrite,
  operationOf,
  type Operation,
  type WriteOperation,
  type FieldCheck,
  type Fields,
} from '../core/operation.ts';
import { parseTicket } from '../core/parse-ticket.ts';
import { referenceOf } from '../core/subject.ts';
import { isTicketText, type Ticket } from '../core/ticket.ts';
import type { Adapter } from '../kit/adapter.ts';
import { checkFields } from '../kit/fields.ts';
import type { Sealer } from './seal.ts';

type Write = WriteOperation & { readonly name: string; readonly effect: 'write' };

/** The write of that name. @throws {InputError} for an unknown operation, a read, or one without a confirmed path */
export function writeOf(adapter: Adapter, name: string): Write & Operation {
  const operation = operationOf(adapter, name);
  if (!isWrite(operation))
    throw new InputError(
      `${adapter.name} ${name} only asks; settle() sends writes. Use gateway.ask(ticket), or gateway.client.`,
    );
  return operation;
}

/**
 * Makes the ticket of a write before it is sent.
 *
 * `'all'` checks every required field. `'reference'`, for the drop-in client, checks only what names the order and is
 * sent, and an amount: the gateway judges the rest, but an order without a name must not leave, nor money that no answer
 * can be held against.
 *
 * @throws {InputError} naming the fields that are missing or wrong
 */
export function openTicket(
  adapter: Adapter,
  operation: Write,
  fields: Fields,
  nowMs: number,
  check: 'all' | 'reference',
): Ticket {
  const who = `${adapter.name} ${operation.name}`;
  checkFields(who, fields, check === 'all' ? operation.required : checksOfNames(operation, fields));
  const reference = referenceOf(operation, fields);
  const mayBeNameless = check === 'reference' && operation.unsent !== undefined;
  if (Object.keys(reference).length === 0 && !mayBeNameless)
    throw new InputError(`${who}: nothing in the fields names the order.`);
  const payableForMs = operation.payableForMs?.(fields, nowMs);
  const expect = operation.expect?.(fields);
  const unreadable = unreadableIn(reference) ?? unreadableIn(expect);
  if (unreadable !== undefined)
    throw new InputError(
      `${who}: ${unreadable} must be a well-formed text of at most 256 characters, or no ticket could hold it.`,
    );
  const isCharge = operation.charge?.(fields) ?? operation.name.endsWith('.charge');
  return {
    version: 1,
    gateway: adapter.name,
    account: adapter.account,
    environment: adapter.environment,
    ...(adapter.ownBaseUrl && { baseUrl: adapter.baseUrl }),
    operation: operation.name,
    reference,
    openedAt: new Date(nowMs).toISOString(),
    ...(payableForMs !== undefined && { expiresAt: new Date(nowMs + payableForMs).toISOString() }),
    seen: false,
    polls: 0,
    ...(isCharge && { charge: true as const }),
    ...(operation.numberRepeats?.(fields) === true && { repeats: true as const }),
    ...(expect !== undefined && { expect }),
  };
}

/** The checks of what names an order and is sent, and of an amount that could be compared with no answer's. */
function checksOfNames({ required, reference, unsent }: Write, fields: Fields): Record<string, FieldCheck> {
  const checks: [string, FieldCheck][] = Object.entries(required);
  const names = Array.isArray(reference) ? reference : [];
  return Object.fromEntries(
    checks.filter(([name, { readable }]) => {
      const isUnreadable = readable !== undefined && fields[name] !== undefined && !readable(fields[name]);
      return isUnreadable || (names.includes(name) && unsent?.includes(name) !== true);
    }),
  );
}

/** What no ticket can hold. */
function unreadableIn(texts: Readonly<Record<string, unknown>> | undefined): string | undefined {
  for (const name in texts) if (texts[name] !== undefined && !isTicketText(texts[name])) return name;
  return undefined;
}

/**
 * A ticket of this adapter and account, as it was sealed.
 *
 * @throws {TicketError} for a ticket of another gateway, account, environment, base URL, version or adapter, and one
 * that was changed
 */
function ownTicket(adapter: Adapter, sealer: Sealer, given: unknown): { ticket: Ticket; operation: Write & Operation } {
  const ticket = parseTicket(given);
  const here = {
    gateway: adapter.name,
    account: adapter.account,
    environment: adapter.environment,
    baseUrl: adapter.ownBaseUrl ? adapter.baseUrl : undefined,
  };
  for (const key of ['gateway', 'account', 'environment', 'baseUrl'] as const) {
    if (ticket[key] === here[key]) continue;
    throw new TicketError(
      `This ticket is of ${key} ${ticket[key] ?? '(the provider’s own)'}, this gateway is ${here[key] ?? '(the provider’s own)'}: ask through the gateway that opened it.`,
    );
  }
  const operation = Object.hasOwn(adapter.operations, ticket.operation)
    ? adapter.operations[ticket.operation]
    : undefined;
  if (operation === undefined || !isWrite(operation))
    throw new TicketError(
      `${adapter.name} has no write ${JSON.stringify(ticket.operation.slice(0, 60))}: the ticket is of another version of the adapter.`,
    );
  sealer.check(ticket);
  return { ticket: { ...ticket, reference: inOrder(operation, ticket.reference) }, operation };
}

/** As it was written, the merchant's own number first: what keeps tickets (`jsonb`, say) may order keys in its own way. */
function inOrder({ reference, learns = [] }: Write, stored: Ticket['reference']): Ticket['reference'] {
  const names = typeof reference === 'function' ? namesOf(reference) : reference;
  const others = Object.keys(stored).filter(name => !learns.includes(name));
  return Object.fromEntries(
    [...new Set([...names, ...others, ...learns])].flatMap(name => {
      const value = Object.hasOwn(stored, name) ? stored[name] : undefined;
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

/** Which numbers there are, in order, does not depend on the fields. */
function namesOf(reference: (fields: Fields) => object): string[] {
  try {
    return Object.keys(reference({}));
  } catch {
    return [];
  }
}

/**
 * A ticket that can be asked about. @throws {TicketError} as {@link ownTicket}, and for a write without a status query
 */
export function askableTicket(
  adapter: Adapter,
  sealer: Sealer,
  given: unknown,
): { ticket: Ticket; operation: Write & Operation } {
  const own = ownTicket(adapter, sealer, given);
  if (own.operation.query === undefined) {
    throw new TicketError(
      `${adapter.name} ${own.operation.name} has no status query: its outcome is known only from its own answer or a webhook.`,
    );
  }
  return own;
}

/**
 * The stored ticket of an earlier run, for the same intention sent again. @throws {TicketError} when it is another
 * one's, or of other money
 */
export function storedTicket(adapter: Adapter, sealer: Sealer, fresh: Ticket, given: unknown): Ticket {
  const { ticket } = ownTicket(adapter, sealer, given);
  const who = `${fresh.gateway} ${fresh.operation} ${Object.values(fresh.reference)[0] ?? ''}`;
  const same =
    isSameRequest(adapter, ticket.operation, fresh.operation) &&
    Object.entries(fresh.reference).every(([name, value]) => ticket.reference[name] === value);
  if (!same) throw new TicketError(`This ticket is not of ${who}: pass the ticket this intention had, or none.`);
  const differs = whatDiffers(ticket, fresh);
  if (differs !== undefined)
    throw new TicketError(
      `This ticket of ${who} has another ${differs} than the fields: pass the ticket and the fields of one intention. Nothing was sent.`,
    );
  // What an older ticket does not tell, the fields do.
  return { ...ticket, ...(fresh.expect !== undefined && { expect: { ...fresh.expect, ...ticket.expect } }) };
}

/** What no answer may confirm under the other one's name. */
function whatDiffers(stored: Ticket, fresh: Ticket): string | undefined {
  const [known, meant] = [stored.expect, fresh.expect];
  if (known !== undefined && (meant === undefined || decimalOf(known.amount) !== decimalOf(meant.amount)))
    return 'amount';
  if (known?.currency !== undefined && known.currency !== meant?.currency) return 'currency';
  return stored.charge === fresh.charge ? undefined : 'kind of payment (taken in the call, or paid later)';
}
