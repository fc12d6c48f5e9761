import { operationOf, type Operation } from '../core/operation.ts';
import { isTicketText, type Ticket } from '../core/ticket.ts';
import type { Adapter } from '../kit/adapter.ts';
import { UNREADABLE } from '../kit/readers.ts';
import type { HeardNotice } from '../kit/webhook.ts';
import { kindOf, type Known } from './known-ends.ts';

/** Any notice's order was made since, and by tomorrow: other times are nonsense, however well they are signed. */
const EARLIEST_MS = Date.UTC(2000, 0, 1);
const DAY_MS = 24 * 3_600_000;

/** The ticket of a payment, as far as its notice tells. */
export function noticeTicket(adapter: Adapter, operation: Operation, notice: HeardNotice, nowMs: number): Ticket {
  const { openedAtMs } = notice;
  const isPlausible = openedAtMs !== undefined && openedAtMs >= EARLIEST_MS && openedAtMs <= nowMs + DAY_MS;
  return {
    version: 1,
    gateway: adapter.name,
    account: adapter.account,
    environment: adapter.environment,
    ...(adapter.ownBaseUrl && { baseUrl: adapter.baseUrl }),
    operation: operation.name,
    reference: statedIn(notice.reference),
    openedAt: new Date(isPlausible ? openedAtMs : nowMs).toISOString(),
    seen: true,
    polls: 0,
    ...expectOf(notice),
  };
}

/** The numbers that a notice tells. */
export const statedIn = (reference: HeardNotice['reference'] = {}): Record<string, string> =>
  Object.fromEntries(Object.entries(reference).filter((pair): pair is [string, string] => pair[1] !== undefined));

/**
 * The notice's ticket with what is known of its payment; a ticket of its cancel or capture lends only numbers and age.
 * The age that an earlier notice gave is not taken over: one wrong time would stay for all later ones.
 */
export function completedTicket(adapter: Adapter, stated: Ticket, known: Known | undefined): Ticket {
  if (known === undefined) return stated;
  const { ticket, followed } = known;
  const isOwn = kindOf(operationOf(adapter, ticket.operation)) === kindOf(operationOf(adapter, stated.operation));
  const isOlder = followed && (isOwn || ticket.openedAt < stated.openedAt);
  return {
    ...stated,
    ...(isOwn && ticket),
    reference: { ...ticket.reference, ...stated.reference },
    openedAt: (isOlder ? ticket : stated).openedAt,
    seen: true,
  };
}

/** The amount a notice tells, where it can be read: a ticket that expects anything else would contradict every answer. */
function expectOf({ amount, currency }: HeardNotice): Pick<Ticket, 'expect'> {
  if (!isReadable(amount)) return {};
  return { expect: { amount, ...(isReadable(currency) && { currency }) } };
}

const isReadable = (value: unknown): value is string => isTicketText(value) && value !== UNREADABLE;
