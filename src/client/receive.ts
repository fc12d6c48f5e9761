import type { Adapter, HeardNotice, Reply } from '../adapter.ts';
import { isWrite, operationOf, type Operation } from '../adapter.ts';
import { judgeNotice, reconcile, subjectOfTicket, type Judgement } from '../classify.ts';
import { noLongerNeeded, type Clock } from '../clock.ts';
import { InputError, isInputError } from '../errors.ts';
import type { Sealer } from '../seal.ts';
import type { Settlement } from '../settlement.ts';
import { isTicketText, type Ticket } from '../ticket.ts';
import { UNREADABLE } from '../exchange.ts';
import { isFinal, type Verdict } from '../verdict.ts';
import type { Intention } from './intention.ts';
import { readUpTo } from '../read-up-to.ts';

/** What `receive` makes of a webhook request. */
export type Received =
  | {
      readonly verified: true;
      readonly verdict: Verdict;
      /** The provider asks to confirm its notices by a query, or it is not signed well enough to be believed: `ask(ticket)`. */
      readonly confirm: boolean;
      /** Follows the payment, with `ask` or `untilSettled`. */
      readonly ticket: Ticket;
      /** Send this once you have stored what it says. */
      readonly reply: Response;
      /** Send this instead when you could not store it: the provider tries again. */
      readonly askAgain: Response;
    }
  | { readonly verified: false; readonly reason: string; readonly reply: Response };

/** Notices are small; a longer one is somebody else's. */
const MOST_BYTES = 256 * 1024;

/** How long a notice may take to arrive. Providers send theirs in one piece; whoever drips must not be waited for. */
const BODY_WITHIN_MS = 10_000;

/** How many settled payments are remembered, to notice a webhook that contradicts them. */
const MOST_SETTLED = 10_000;

/** How a payment ended, in the payment's own words: a cancel that succeeded is remembered as a canceled payment. */
interface Settled {
  readonly ticket: Ticket;
  readonly outcome: Settlement['outcome'];
  readonly verdict: Verdict;
}

/**
 * Webhooks: verified, read, brought to the loops that wait for them, and held against what was settled before. A notice that
 * contradicts a settled payment never moves it: the gateway is asked, and the query decides.
 */
export function createReceiver(deps: {
  readonly adapter: Adapter;
  readonly clock: Clock;
  readonly sealer: Sealer;
  /** The loops of this process. */
  readonly loops: () => Iterable<Intention>;
  readonly ask: (ticket: Ticket) => Promise<Verdict>;
  readonly onConflict: (ticket: Ticket, code: string) => void;
}): { receive: (request: Request) => Promise<Received>; settled: (settlement: Settlement) => void } {
  const { adapter, clock, sealer } = deps;
  const memory = new Map<string, Settled>();

  const keysOf = (operation: Operation, reference: Readonly<Record<string, string | undefined>>): string[] =>
    Object.entries(reference).flatMap(([name, value]) => (value === undefined ? [] : [JSON.stringify([familyOf(operation), name, value])]));

  const remember = (operation: Operation, facts: Settled): void => {
    for (const key of keysOf(operation, facts.ticket.reference)) {
      memory.delete(key);
      memory.set(key, facts);
    }
    for (const key of memory.keys()) {
      if (memory.size <= MOST_SETTLED) break;
      memory.delete(key);
    }
  };

  const recall = (operation: Operation, reference: Ticket['reference']): Settled | undefined =>
    keysOf(operation, reference)
      .map((key) => memory.get(key))
      .find((found) => found !== undefined && isSamePayment(found.ticket.reference, reference));

  const receive = async (request: Request): Promise<Received> => {
    const { webhook } = adapter;
    if (webhook === undefined) throw new InputError(`${adapter.name} sends no webhooks that can be verified: poll instead.`);
    if (request.bodyUsed) throw new InputError('receive: the body of this request has been read already. Pass the request as it came, or a clone of it.');
    const refuse = (reason: string, reply: Reply = webhook.reply('refused', undefined)): Received => ({ verified: false, reason, reply: responseOf(reply) });
    const late = new AbortController();
    const stopTimer = clock.timer(BODY_WITHIN_MS, () => late.abort(noLongerNeeded));
    let notice;
    try {
      const bytes = await readUpTo(request.body, MOST_BYTES, late.signal).finally(stopTimer);
      const text = new TextDecoder().decode(bytes);
      notice = await webhook.hear({ method: request.method, url: new URL(request.url), headers: request.headers, bytes, text, nowMs: clock.now() });
    } catch (error) {
      if (isInputError(error)) throw error;
      // It may have been genuine, on a slow line: whoever sent it may try again.
      if (late.signal.aborted) return refuse('the body did not arrive in time', webhook.reply('again', undefined));
      return refuse('it could not be read as a notice of this provider');
    }
    if (!notice.verified) return refuse(notice.reason, notice.reply);
    if (Object.values(notice.reference ?? {}).some((value) => value === UNREADABLE || (value !== undefined && !isTicketText(value)))) return refuse('a number in it cannot be read');
    const operation = operationOf(adapter, notice.operation);
    const told = ticketOf(operation, notice);
    const confirm = typeof webhook.confirm === 'function' ? webhook.confirm(notice) : (webhook.confirm ?? false);
    const judged = (followed: Operation, by: Ticket): Judgement => judgeNotice(webhook, notice, subjectOfTicket(followed, by, false, clock.now()));
    const isOwn = ({ operation: followed }: Intention): boolean => kindOf(followed) === kindOf(operation);

    const loops = [...deps.loops()].filter((loop) => familyOf(loop.operation) === familyOf(operation) && isSamePayment(loop.reference, told.reference));
    const waiting = loops.find(isOwn);
    const known = recall(operation, told.reference);
    // What was sent, or settled before, knows the amount and the numbers that the notice must agree with.
    const ticket = sealer.seal(completed(told, waiting?.ticket ?? known?.ticket));
    const judgement = judged(operation, ticket);
    let { verdict } = judgement;
    const stands = known !== undefined && verdict.kind === 'terminal' ? reconcile(known.outcome, verdict.outcome) : undefined;
    const contradicts = known !== undefined && (judgement.conflict || stands?.conflict === true);

    for (const loop of loops) {
      // What a payment's notice means for its cancel or capture is for the query to say; so is whose it is, while the loop knows
      // none of the provider's numbers and the merchant's need not be unique.
      const { expect, ...moneyless } = loop.ticket;
      const own = isOwn(loop);
      loop.notify(judged(loop.operation, own ? loop.ticket : moneyless), confirm || contradicts || !own || isDoubtful(loop));
    }
    if (contradicts) {
      deps.onConflict(ticket, verdict.code);
      const asked = await deps.ask(ticket).catch(() => undefined);
      const overruled = judgement.conflict || stands?.outcome === known.outcome;
      verdict = asked !== undefined && isFinal(asked, { effect: 'read' }) ? asked : overruled ? known.verdict : verdict;
    }
    if (verdict.kind === 'terminal' && isFinal(verdict, operation) && (contradicts || !confirm)) remember(operation, { ticket, outcome: verdict.outcome, verdict });
    return {
      verified: true,
      verdict,
      confirm: confirm && !contradicts,
      ticket,
      reply: responseOf(webhook.reply('stored', notice)),
      askAgain: responseOf(webhook.reply('again', notice)),
    };
  };

  const ticketOf = (operation: Operation, notice: HeardNotice): Ticket => {
    const reference = Object.entries(notice.reference ?? {}).filter((pair): pair is [string, string] => pair[1] !== undefined);
    return {
      version: 1,
      gateway: adapter.name,
      account: adapter.account,
      environment: adapter.environment,
      ...(adapter.ownBaseUrl && { baseUrl: adapter.baseUrl }),
      operation: operation.name,
      reference: Object.fromEntries(reference),
      openedAt: new Date(isDate(notice.openedAtMs) ? notice.openedAtMs : clock.now()).toISOString(),
      seen: true,
      polls: 0,
      ...(notice.amount !== undefined && { expect: { amount: notice.amount, ...(notice.currency !== undefined && { currency: notice.currency }) } }),
    };
  };

  /** The notice's ticket with what is known of its payment; a ticket of its cancel or capture lends only numbers and age. */
  const completed = (told: Ticket, known: Ticket | undefined): Ticket => {
    if (known === undefined) return told;
    const reference = { ...known.reference, ...told.reference };
    const openedAt = known.openedAt < told.openedAt ? known.openedAt : told.openedAt;
    const isOwn = kindOf(operationOf(adapter, known.operation)) === kindOf(operationOf(adapter, told.operation));
    return { ...told, ...(isOwn && known), reference, openedAt, seen: true };
  };

  return {
    receive,
    settled({ ticket, outcome, verdict }) {
      const operation = adapter.operations[ticket.operation];
      if (operation === undefined || notOver.has(outcome)) return;
      const follows = kindOf(operation);
      if (follows === 'payment' || follows === 'refund') return remember(operation, { ticket, outcome, verdict });
      // A cancel or capture that failed says nothing of the payment.
      if (outcome !== 'succeeded') return;
      const ofPayment = follows === 'cancel' ? 'canceled' : 'succeeded';
      const known = recall(operation, ticket.reference);
      if (known !== undefined && reconcile(known.outcome, ofPayment).outcome === known.outcome) return;
      remember(operation, { ticket, outcome: ofPayment, verdict: { ...verdict, kind: 'terminal', outcome: ofPayment } });
    },
  };
}

/** A notice may name a time that no `Date` can hold. */
const isDate = (atMs: number | undefined): atMs is number => atMs !== undefined && !Number.isNaN(new Date(atMs).getTime());

const notOver: ReadonlySet<Settlement['outcome']> = new Set<Settlement['outcome']>(['created', 'authorized', 'unresolved', 'unsent', 'rejected']);

const kindOf = (operation: Operation): string => (isWrite(operation) ? (operation.follows ?? 'payment') : 'read');

/** Writes that are asked about by the same query speak of the same thing: a payment, its cancel and its capture; a refund; a binding. */
const familyOf = (operation: Operation): string => (isWrite(operation) ? operation.query?.operation : undefined) ?? operation.name;

/** Known by an idempotency key alone: the merchant's number may be another intention's too. */
function isDoubtful({ operation, ticket }: Intention): boolean {
  if (!isWrite(operation) || operation.idempotencyKey === undefined) return false;
  return (operation.learns ?? []).some((name) => ticket.reference[name] === undefined);
}

/** They share a number, and no number tells them apart. */
function isSamePayment(one: Readonly<Record<string, string>>, other: Readonly<Record<string, string>>): boolean {
  const shared = Object.keys(one).filter((name) => Object.hasOwn(other, name));
  return shared.length > 0 && shared.every((name) => one[name] === other[name]);
}

function responseOf({ status = 200, headers, body }: Reply): Response {
  return typeof body === 'string'
    ? new Response(body, { status, headers: { 'content-type': 'text/plain; charset=UTF-8', ...headers } })
    : Response.json(body, { status, ...(headers !== undefined && { headers }) });
}
