import type { Adapter, HeardNotice, Reply } from '../adapter.ts';
import { isWrite, operationOf, type Operation } from '../adapter.ts';
import { judgeNotice, reconcile, subjectOfTicket } from '../classify.ts';
import type { Clock } from '../clock.ts';
import { InputError } from '../errors.ts';
import type { Settlement } from '../settlement.ts';
import type { Ticket } from '../ticket.ts';
import { isFinal, type Verdict } from '../verdict.ts';
import type { Intention } from './intention.ts';
import { readUpTo } from './read-up-to.ts';

/** What `receive` makes of a webhook request. */
export type Received =
  | {
      readonly verified: true;
      readonly verdict: Verdict;
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

/** How many settled payments are remembered, to notice a webhook that contradicts them. */
const MOST_SETTLED = 10_000;

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
  /** The loops of this process. */
  readonly loops: () => Iterable<Intention>;
  readonly ask: (ticket: Ticket) => Promise<Verdict>;
  readonly onConflict: (ticket: Ticket, code: string) => void;
}): { receive: (request: Request) => Promise<Received>; settled: (settlement: Settlement) => void } {
  const { adapter, clock } = deps;
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

  const receive = async (request: Request): Promise<Received> => {
    const { webhook } = adapter;
    if (webhook === undefined) throw new InputError(`${adapter.name} sends no webhooks that can be verified: poll instead.`);
    const refuse = (reason: string): Received => ({ verified: false, reason, reply: responseOf(webhook.reply('refused', undefined)) });
    let notice;
    try {
      const bytes = await readUpTo(request.body, MOST_BYTES);
      const text = new TextDecoder().decode(bytes);
      notice = await webhook.hear({ method: request.method, url: new URL(request.url), headers: request.headers, bytes, text, nowMs: clock.now() });
    } catch {
      return refuse('it could not be read as a notice of this provider');
    }
    if (!notice.verified) return refuse(notice.reason);
    const operation = operationOf(adapter, notice.operation);
    const ticket = ticketOf(operation, notice);
    let { verdict } = judgeNotice(webhook, notice, subjectOfTicket(operation, ticket, false, clock.now()));
    const confirm = typeof webhook.confirm === 'function' ? webhook.confirm(notice) : (webhook.confirm ?? false);

    for (const loop of deps.loops()) {
      if (!isWrite(loop.operation) || !isSamePayment(loop.ticket.reference, ticket.reference)) continue;
      const judgement = judgeNotice(webhook, notice, subjectOfTicket(loop.operation, loop.ticket, false, clock.now()));
      // What a payment's notice means for its cancel or capture is for the query to say.
      if (kindOf(loop.operation) === kindOf(operation)) loop.notify(judgement, confirm);
      else if (familyOf(loop.operation) === familyOf(operation)) loop.notify(judgement, true);
    }

    const known = keysOf(operation, ticket.reference)
      .map((key) => memory.get(key))
      .find((found) => found !== undefined && isSamePayment(found.ticket.reference, ticket.reference));
    if (known !== undefined && verdict.kind === 'terminal') {
      const { conflict } = reconcile(known.outcome, verdict.outcome);
      if (conflict) {
        deps.onConflict(known.ticket, verdict.code);
        const asked = await deps.ask(known.ticket).catch(() => undefined);
        verdict = asked !== undefined && isFinal(asked, { effect: 'read' }) ? asked : known.verdict;
      }
    }
    if (verdict.kind === 'terminal' && isFinal(verdict, operation) && !confirm) remember(operation, { ticket: known?.ticket ?? ticket, outcome: verdict.outcome, verdict });
    return {
      verified: true,
      verdict,
      ticket: known?.ticket ?? ticket,
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
      openedAt: new Date(notice.openedAtMs ?? clock.now()).toISOString(),
      seen: true,
      polls: 0,
      ...(notice.amount !== undefined && { expect: { amount: notice.amount, ...(notice.currency !== undefined && { currency: notice.currency }) } }),
    };
  };

  return {
    receive,
    settled(settlement) {
      const operation = adapter.operations[settlement.ticket.operation];
      const isOver = !['created', 'authorized', 'unresolved', 'unsent', 'rejected'].includes(settlement.outcome);
      if (operation !== undefined && isOver) remember(operation, { ticket: settlement.ticket, outcome: settlement.outcome, verdict: settlement.verdict });
    },
  };
}

const kindOf = (operation: Operation): string => (isWrite(operation) ? (operation.follows ?? 'payment') : 'read');

/** A payment's cancel and capture speak of the payment; a refund has a life of its own. */
const familyOf = (operation: Operation): string => (kindOf(operation) === 'refund' ? 'refund' : 'payment');

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
