import { noLongerNeeded, type Clock } from '../clock.ts';
import { judgeNotice, reconcile, type Judgement } from '../core/doctrine.ts';
import { adviceOn, faultOf, type AdapterFault } from '../core/adapter-fault.ts';
import { InputError, isInputError } from '../core/errors.ts';
import { isWrite, operationOf, type Operation } from '../core/operation.ts';
import { subjectOfTicket, type Subject } from '../core/subject.ts';
import { isTicketText, type Ticket } from '../core/ticket.ts';
import { isFinal, type Verdict } from '../core/verdict.ts';
import type { Intention } from '../engine/intention.ts';
import type { Sealer } from '../engine/seal.ts';
import type { Adapter } from '../kit/adapter.ts';
import { readUpTo } from '../kit/read-up-to.ts';
import { UNREADABLE } from '../kit/readers.ts';
import type { HeardNotice, Reply, Webhook } from '../kit/webhook.ts';
import {
  familyOf,
  isOfItself,
  isSamePayment,
  keepNewest,
  kindOf,
  paymentWord,
  type Known,
  type KnownEnds,
} from './known-ends.ts';

/** What `receive` makes of a webhook request. */
export type Received =
  | {
      readonly verified: true;
      readonly verdict: Verdict;
      /**
       * The provider asks to confirm its notices by a query, or it is not signed well enough to be believed:
       * `ask(ticket)`.
       */
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

/** A notice that contradicts makes no other query so soon, however often it is sent: a captured one can be replayed. */
const ASKED_AGAIN_AFTER_MS = 2 * 60_000;

/**
 * So often within that time the same notice makes the loop of an open payment ask, when it does not contradict what is
 * known.
 */
const MOST_WAKES = 5;

/** How many notices are remembered for that: of all payments that were settled, and of each that is not. */
const MOST_ASKED = 1000;
const MOST_WOKEN = 20;

/** Any notice's order was made since, and by tomorrow: other times are nonsense, however well they are signed. */
const EARLIEST_MS = Date.UTC(2000, 0, 1);
const DAY_MS = 24 * 3_600_000;

/** How often one notice woke a loop, and since when. */
interface Wakes {
  readonly atMs: number;
  readonly count: number;
}

/** What a receiver works with. */
export interface ReceiverParts {
  readonly adapter: Adapter;
  readonly clock: Clock;
  readonly sealer: Sealer;
  /** The loops of this process. */
  readonly loops: () => Iterable<Intention>;
  readonly ask: (ticket: Ticket) => Promise<Verdict>;
  /** A final word that needs no confirmation. */
  readonly onFinal: (ticket: Ticket, verdict: Verdict) => void;
  /** The gateway has this order, whatever became of it. */
  readonly onSeen: (ticket: Ticket, verdict: Verdict) => void;
  readonly onConflict: (ticket: Ticket, code: string) => void;
  /** The adapter threw at a notice. */
  readonly onFault: (fault: AdapterFault) => void;
  /** How payments ended before the notice. */
  readonly ends: KnownEnds;
}

/**
 * Webhooks: verified, read, brought to the loops that wait for them, and held against what was settled before. A notice
 * that contradicts a settled payment never moves it: the gateway is asked, and the query decides.
 */
export function createReceiver(deps: ReceiverParts): (request: Request) => Promise<Received> {
  const { adapter, clock, sealer, ends } = deps;
  const asked = new Map<string, { readonly atMs: number; readonly verdict: Promise<Verdict | undefined> }>();
  const woken = new WeakMap<Intention, Map<string, Wakes>>();

  const meaningOf = (webhook: Webhook, notice: Omit<HeardNotice, 'verified'>, subject: Subject): Judgement =>
    judgeNotice(webhook, notice, subject, adapter.advice);

  const isRecent = (atMs: number): boolean => Math.abs(clock.now() - atMs) < ASKED_AGAIN_AFTER_MS;

  /** What the gateway says about a notice that contradicts: asked once, for all who bring the same one meanwhile. */
  const askOnce = (content: string, ticket: Ticket): Promise<Verdict | undefined> => {
    const before = asked.get(content);
    if (before !== undefined && isRecent(before.atMs)) return before.verdict;
    const verdict = deps.ask(ticket).catch(() => undefined);
    asked.delete(content);
    asked.set(content, { atMs: clock.now(), verdict });
    keepNewest(asked, MOST_ASKED);
    return verdict;
  };

  /** Whether the same notice has made the loop ask often enough for now. */
  const hasWoken = (loop: Intention, content: string, most: number): boolean => {
    const contents = woken.get(loop) ?? new Map<string, Wakes>();
    const before = contents.get(content);
    const recent = before !== undefined && isRecent(before.atMs) ? before : { atMs: clock.now(), count: 0 };
    if (recent.count >= most) return true;
    contents.delete(content);
    contents.set(content, { ...recent, count: recent.count + 1 });
    keepNewest(contents, MOST_WOKEN);
    woken.set(loop, contents);
    return false;
  };

  /**
   * An unsigned notice is no more than a reason to ask, for a loop that waits: once in a while, since anybody can send
   * it.
   */
  const hint = (webhook: Webhook, notice: Omit<HeardNotice, 'verified'>): void => {
    const operation = operationOf(adapter, notice.operation);
    const reference = Object.fromEntries(
      Object.entries(notice.reference ?? {}).filter((pair): pair is [string, string] => pair[1] !== undefined),
    );
    for (const loop of deps.loops()) {
      if (
        familyOf(loop.operation) !== familyOf(operation) ||
        !isSamePayment(loop.reference, reference) ||
        hasWoken(loop, 'hint', 1)
      )
        continue;
      loop.notify(
        meaningOf(webhook, notice, subjectOfTicket(loop.operation, loop.ticket, false, clock.now())),
        true,
        false,
      );
    }
  };

  const receive = async (request: Request): Promise<Received> => {
    if (adapter.webhook === undefined)
      throw new InputError(`${adapter.name} sends no webhooks that can be verified: poll instead.`);
    const webhook = typeof adapter.webhook === 'function' ? await adapter.webhook() : adapter.webhook;
    if (request.bodyUsed)
      throw new InputError(
        'receive: the body of this request has been read already. Pass the request as it came, or a clone of it.',
      );
    const refuse = (reason: string, reply: Reply = webhook.reply('refused', undefined)): Received => ({
      verified: false,
      reason,
      reply: responseOf(reply),
    });
    const late = new AbortController();
    const stopTimer = clock.timer(BODY_WITHIN_MS, () => late.abort(noLongerNeeded));
    let notice;
    let text: string | undefined;
    try {
      const bytes = await readUpTo(request.body, MOST_BYTES, late.signal).finally(stopTimer);
      text = new TextDecoder().decode(bytes);
      notice = await webhook.hear({
        method: request.method,
        url: new URL(request.url),
        headers: request.headers,
        bytes,
        text,
        nowMs: clock.now(),
      });
    } catch (error) {
      if (isInputError(error)) throw error;
      // It may have been genuine, on a slow line: whoever sent it may try again.
      if (late.signal.aborted) return refuse('the body did not arrive in time', webhook.reply('again', undefined));
      const fault = mistakeIn(error, [text, request.headers]);
      if (fault === undefined) return refuse('it could not be read as a notice of this provider');
      deps.onFault(fault);
      return refuse(adviceOn(fault));
    }
    if (!notice.verified) {
      if (notice.hint !== undefined) hint(webhook, notice.hint);
      return refuse(notice.reason, notice.reply);
    }
    if (
      Object.values(notice.reference ?? {}).some(
        value => value === UNREADABLE || (value !== undefined && !isTicketText(value)),
      )
    )
      return refuse('a number in it cannot be read');
    const operation = operationOf(adapter, notice.operation);
    const told = ticketOf(operation, notice);
    if (Object.keys(told.reference).length === 0) return refuse('it names no order');
    const confirms = (followed: string): boolean =>
      typeof webhook.confirm === 'function' ? webhook.confirm(notice, followed) : (webhook.confirm ?? false);
    const judged = (followed: Operation, by: Ticket): Judgement =>
      meaningOf(webhook, notice, subjectOfTicket(followed, by, false, clock.now()));
    const isOwn = ({ operation: followed }: Intention): boolean => kindOf(followed) === kindOf(operation);

    const loops = [...deps.loops()].filter(
      loop => familyOf(loop.operation) === familyOf(operation) && isSamePayment(loop.reference, told.reference),
    );
    const waiting = loops.find(isOwn);
    const known = ends.recall(operation, told.reference);
    // What was sent, or settled before, knows the amount and the numbers that the notice must agree with.
    const before = waiting === undefined ? known : { ticket: waiting.ticket, followed: true };
    const ticket = sealer.seal(completed(told, before));
    const confirm = confirms(ticket.operation);
    const judgement = waiting === undefined ? judged(operation, ticket) : meaningOf(webhook, notice, waiting.subject);
    let { verdict } = judgement;
    const content = JSON.stringify([operation.name, verdict.code, told.reference, told.expect]);
    const ofPayment = verdict.kind === 'terminal' ? paymentWord(operation, verdict.outcome) : undefined;
    const stands = known !== undefined && ofPayment !== undefined ? reconcile(known.outcome, ofPayment) : undefined;
    const contradicts = known !== undefined && (judgement.conflict || stands?.conflict === true);
    // "Absent" was never the gateway's word on the payment: a loop that goes on with it believes what tells of it.
    const isDoubted = contradicts && (judgement.conflict || known.outcome !== 'absent');

    for (const loop of loops) {
      // What a payment's notice means for its cancel or capture is for the query to say; so is whose it is, while the
      // loop knows none of the provider's numbers and the merchant's need not be unique.
      const { expect, ...moneyless } = loop.ticket;
      const own = isOwn(loop);
      const means = own ? meaningOf(webhook, notice, loop.subject) : judged(loop.operation, moneyless);
      // Of an earlier try under the same number: nothing of what this loop sent.
      if (means.older === true || hasWoken(loop, content, means.conflict ? 1 : MOST_WAKES)) continue;
      const isOurs = own && !isDoubtful(loop);
      loop.notify(means, confirms(loop.operation.name) || isDoubted || !isOurs, isOurs);
    }
    if (contradicts) {
      deps.onConflict(ticket, verdict.code);
      const answer = await askOnce(content, ticket);
      const overruled = judgement.conflict || stands?.outcome === known.outcome;
      verdict =
        answer !== undefined && isFinal(answer, { effect: 'read' }) ? answer : overruled ? known.verdict : verdict;
    }
    if (verdict.kind === 'terminal' && isFinal(verdict, operation) && (contradicts || !confirm)) {
      const outcome = paymentWord(operation, verdict.outcome);
      if (outcome !== undefined)
        ends.remember(operation, {
          ticket,
          followed: before?.followed ?? false,
          outcome,
          verdict: { ...verdict, outcome },
        });
      // What is known of the payment is no word on its cancel.
      if (verdict !== known?.verdict || isOfItself(operation)) deps.onFinal(ticket, verdict);
    } else if (!judgement.conflict && judgement.older !== true) deps.onSeen(ticket, verdict);
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
    const reference = Object.entries(notice.reference ?? {}).filter(
      (pair): pair is [string, string] => pair[1] !== undefined,
    );
    return {
      version: 1,
      gateway: adapter.name,
      account: adapter.account,
      environment: adapter.environment,
      ...(adapter.ownBaseUrl && { baseUrl: adapter.baseUrl }),
      operation: operation.name,
      reference: Object.fromEntries(reference),
      openedAt: new Date(isPlausible(notice.openedAtMs) ? notice.openedAtMs : clock.now()).toISOString(),
      seen: true,
      polls: 0,
      ...expectOf(notice),
    };
  };

  const isPlausible = (openedAtMs: number | undefined): openedAtMs is number =>
    openedAtMs !== undefined && openedAtMs >= EARLIEST_MS && openedAtMs <= clock.now() + DAY_MS;

  /**
   * The notice's ticket with what is known of its payment; a ticket of its cancel or capture lends only numbers and
   * age. What another notice told of its age is not lent: one wrong time would stick to all that follow.
   */
  const completed = (told: Ticket, known: Known | undefined): Ticket => {
    if (known === undefined) return told;
    const { ticket, followed } = known;
    const isOwn = kindOf(operationOf(adapter, ticket.operation)) === kindOf(operationOf(adapter, told.operation));
    const isOlder = followed && (isOwn || ticket.openedAt < told.openedAt);
    return {
      ...told,
      ...(isOwn && ticket),
      reference: { ...ticket.reference, ...told.reference },
      openedAt: (isOlder ? ticket : told).openedAt,
      seen: true,
    };
  };

  return receive;
}

/**
 * The amount a notice tells, where somebody can read it: a ticket that expects anything else would contradict every
 * answer.
 */
function expectOf({ amount, currency }: HeardNotice): Pick<Ticket, 'expect'> {
  if (!isReadable(amount)) return {};
  return { expect: { amount, ...(isReadable(currency) && { currency }) } };
}

const isReadable = (value: unknown): value is string => isTicketText(value) && value !== UNREADABLE;

/** Known by an idempotency key alone: the merchant's number may be another intention's too. */
function isDoubtful({ operation, ticket }: Intention): boolean {
  if (!isWrite(operation) || operation.idempotencyKey === undefined) return false;
  return (operation.learns ?? []).some(name => ticket.reference[name] === undefined);
}

function responseOf({ status = 200, headers, body }: Reply): Response {
  return typeof body === 'string'
    ? new Response(body, { status, headers: { 'content-type': 'text/plain; charset=UTF-8', ...headers } })
    : Response.json(body, { status, ...(headers !== undefined && { headers }) });
}

/**
 * The adapter's bug that an error is. Whoever sends what is no JSON, or no URI, shows none; nor does whoever sends too
 * much, or stops halfway: then there is no `text`.
 */
function mistakeIn(error: unknown, [text, headers]: readonly [string | undefined, Headers]): AdapterFault | undefined {
  const isOfTheSender = text === undefined || error instanceof SyntaxError || error instanceof URIError;
  return isOfTheSender ? undefined : faultOf('notices', 'hear', error, [text, headers]);
}
