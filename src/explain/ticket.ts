import { isWrite, type WriteOperation } from '../core/operation.ts';
import { printable } from '../core/printable.ts';
import type { Ticket } from '../core/ticket.ts';
import { isFinal, type Verdict } from '../core/verdict.ts';
import { reach } from '../engine/question.ts';
import type { Adapter } from '../kit/adapter.ts';
import { afterEnd } from './todo.ts';

/** An open payment in plain words, for people: JSON that may be printed and logged. */
export interface TicketExplanation {
  readonly provider: string;
  readonly operation: string;
  readonly account: string;
  readonly environment: string;
  /** When it is not the provider's own. */
  readonly baseUrl?: string;
  /** The merchant's numbers first, the provider's once known. */
  readonly reference: Readonly<Record<string, string>>;
  readonly expect?: Ticket['expect'];
  /** ISO 8601, as the three below. */
  readonly openedAt: string;
  /** When the last send left. Missing: none is known to have left. */
  readonly lastSentAt?: string;
  /** When the order stops being payable. */
  readonly expiresAt?: string;
  readonly isSealed: boolean;
  /** The status query that asks about it. Missing: nothing can be asked. */
  readonly query?: string;
  /** What is known of it, in sentences. */
  readonly known: readonly string[];
  /** What a person should do. */
  readonly todo: string;
}

/**
 * A ticket in words. Pure: no network, no clock; a seal is not looked at, see {@link checkTicketSeal}.
 *
 * @param ticket as `parseTicket` gives it
 * @param options `adapter`: of the ticket's gateway, any account; without one, or with another's, nothing is said of how
 * it is asked about. `nowMs`: milliseconds since the epoch
 */
export function explainTicket(
  ticket: Ticket,
  { adapter, nowMs }: { readonly adapter?: Adapter | undefined; readonly nowMs: number },
): TicketExplanation {
  const { baseUrl, lastSentAt, expiresAt, expect } = ticket;
  const own = adapter?.name === ticket.gateway ? adapter : undefined;
  const write = own && writeIn(own, ticket);
  const asked = own && write && whatAsks(own, write, ticket, nowMs);
  const query = asked?.operation;
  return {
    provider: printable(ticket.gateway),
    operation: printable(ticket.operation),
    account: printable(ticket.account),
    environment: printable(ticket.environment),
    ...(baseUrl !== undefined && { baseUrl: printable(baseUrl) }),
    reference: Object.fromEntries(
      Object.entries(ticket.reference).map(([name, value]) => [printable(name), printable(value)]),
    ),
    ...(expect !== undefined && {
      expect: {
        amount: printable(expect.amount),
        ...(expect.currency !== undefined && { currency: printable(expect.currency) }),
      },
    }),
    openedAt: printable(ticket.openedAt),
    ...(lastSentAt !== undefined && { lastSentAt: printable(lastSentAt) }),
    ...(expiresAt !== undefined && { expiresAt: printable(expiresAt) }),
    isSealed: ticket.seal !== undefined,
    ...(query !== undefined && { query }),
    known: knownOf(ticket, nowMs),
    todo: todoOf(ticket, { own, write, asked, nowMs }),
  };
}

type Write = WriteOperation & { readonly name: string; readonly effect: 'write' };
type Asking = NonNullable<WriteOperation['query']>;

function writeIn({ operations }: Adapter, { operation: name }: Ticket): Write | undefined {
  const operation = Object.hasOwn(operations, name) ? operations[name] : undefined;
  return operation !== undefined && isWrite(operation) ? operation : undefined;
}

function whatAsks(adapter: Adapter, write: Write, ticket: Ticket, nowMs: number): Asking | undefined {
  const { askable, lookable } = reach(adapter, write, ticket, nowMs);
  return askable ? write.query : lookable ? write.lookUp : undefined;
}

function knownOf(ticket: Ticket, nowMs: number): string[] {
  const { environment, seen, lastSentAt, polls, charge, repeats, ageUnknown, expiresAt } = ticket;
  const { mayBeGivenBackUntil: givenBack } = ticket;
  const hasPassed = (at: string): boolean => Date.parse(at) <= nowMs;
  return [
    ...(environment === 'sandbox' ? ['It is of the sandbox: no real money.'] : []),
    seen
      ? 'The gateway has acknowledged it.'
      : lastSentAt === undefined
        ? 'No send is known to have left: this ticket was stored before one did.'
        : 'It was sent, and the gateway has not acknowledged it: it may have been processed or not.',
    ...(polls === 0 ? [] : [`It was asked about ${polls === 1 ? 'once' : `${polls} times`}.`]),
    ...(charge === true ? ['The money is taken in the call: a decline is final.'] : []),
    ...(expiresAt === undefined
      ? []
      : [hasPassed(expiresAt) ? 'Its time to be paid is over.' : 'The payer can still pay it.']),
    ...(repeats === true
      ? ['Its number may have been used before: what is found under it may be an earlier try’s.']
      : []),
    ...(ageUnknown === true ? ['It was delivered again without its first ticket: it may be older than it says.'] : []),
    ...(givenBack === undefined || hasPassed(givenBack)
      ? []
      : [`A cancel was sent: until ${printable(givenBack)} “paid” is not its end.`]),
  ];
}

interface Known {
  readonly own: Adapter | undefined;
  readonly write: Write | undefined;
  readonly asked: Asking | undefined;
  readonly nowMs: number;
}

const KEEP = 'Do not take the money another way before the gateway has said how it ended.';

function todoOf(ticket: Ticket, { own, write, asked, nowMs }: Known): string {
  const provider = printable(ticket.gateway);
  if (own === undefined) return `Ask through the gateway that opened it: gateway.untilSettled(ticket). ${KEEP}`;
  if (write === undefined)
    return `${provider}’s adapter has no such write: use the release of tillpaid that made the ticket. ${KEEP}`;
  if (write.query === undefined && write.lookUp === undefined)
    return `It cannot be asked about: only its own answer or a webhook tells. Look it up at ${provider} by its number. ${KEEP}`;
  if (asked === undefined)
    return `The ticket lacks what the query needs: wait for the webhook, or look it up at ${provider} by its number. ${KEEP}`;
  const answersForMs = asked.answersForMs ?? Infinity;
  if (nowMs - Date.parse(ticket.openedAt) > answersForMs)
    return `It is older than what ${provider} answers for, so “not found” means nothing now: look it up at ${provider}. ${KEEP}`;
  if (ticket.lastSentAt === undefined && !ticket.seen)
    return 'Ask about it first. If it is to be sent after all, then with mayHaveBeenSent: true, which asks before it sends.';
  return `Ask the gateway: “tillpaid ticket ask”, or gateway.untilSettled(ticket). ${KEEP}`;
}

/** What a person should do about the verdict of one status query, as `gateway.ask(ticket)` gives it. */
export function todoAfterAsking(verdict: Verdict, provider: string): string {
  const { advice, reason, kind } = verdict;
  const own = advice === undefined ? [] : [advice];
  if (isFinal(verdict, { effect: 'read' }) || (kind === 'terminal' && verdict.outcome === 'authorized'))
    return [...own, ...(own.length > 0 || kind !== 'terminal' ? [] : [afterEnd[verdict.outcome]])].join(' ');
  const open =
    kind === 'terminal' && verdict.outcome === 'rejected'
      ? 'The query was refused, which says nothing about the payment: correct the credentials or the ticket’s numbers, and ask again.'
      : kind === 'retryable'
        ? `There was no word from ${provider}, which says nothing about the payment: ask again later.`
        : reason === 'not-found'
          ? `${provider} does not show it (yet): ask again in a few minutes. If it is to be sent again, only under the same number.`
          : 'It is still open: ask again later.';
  return [...own, open, 'Do not take the money another way meanwhile.'].join(' ');
}
