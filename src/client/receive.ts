import type { Clock } from '../clock.ts';
import type { AdapterFault } from '../core/adapter-fault.ts';
import { mayBeGivenBack } from '../core/cancel.ts';
import { judgeNotice, reconcile, type Judgement } from '../core/doctrine.ts';
import { InputError } from '../core/errors.ts';
import { isWrite, operationOf, type Operation } from '../core/operation.ts';
import { subjectOfTicket, type Subject } from '../core/subject.ts';
import type { AboutPayment, GatewayEvent } from '../core/events.ts';
import { printable } from '../core/printable.ts';
import type { Ticket } from '../core/ticket.ts';
import { isFinal, type Verdict } from '../core/verdict.ts';
import type { Recalled } from '../engine/durable.ts';
import type { Intention } from '../engine/intention.ts';
import type { Notices } from '../engine/notices.ts';
import type { Sealer } from '../engine/seal.ts';
import type { Adapter } from '../kit/adapter.ts';
import type { HeardNotice, Notice, Reply, Webhook } from '../kit/webhook.ts';
import { readDelivery } from './delivery.ts';
import type { Ends } from './ends.ts';
import {
  familyOf,
  isOfItself,
  isSamePayment,
  kindOf,
  knownEnds,
  paymentWord,
  type KnownEnds,
  type Settled,
} from './known-ends.ts';
import { noticeLimits } from './notice-limits.ts';
import { NoticeObserver } from './notice-watch.ts';
import { completedTicket, noticeTicket, statedIn } from './notice-ticket.ts';

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

/**
 * So often of late the same notice makes the loop of an open payment ask, when it does not contradict what is known.
 */
const MOST_WAKES = 5;

/** What a receiver works with. */
export interface ReceiverParts {
  readonly adapter: Adapter;
  readonly clock: Clock;
  readonly sealer: Sealer;
  /** The loops of this gateway object. */
  readonly loops: () => Iterable<Intention>;
  readonly ask: (ticket: Ticket) => Promise<Verdict>;
  /** What a journal knows of the payment, whichever process has sent it. */
  readonly recall: (operation: Operation, reference: Ticket['reference']) => Promise<Recalled | undefined> | undefined;
  /** A final verdict that needs no confirmation. It is stored once this resolves. */
  readonly onFinal: (ticket: Ticket, verdict: Verdict) => void | Promise<void>;
  /** The gateway has this order, whatever became of it. */
  readonly onSeen: (ticket: Ticket, verdict: Verdict) => void | Promise<void>;
  readonly onConflict: (ticket: Ticket, code: string) => void;
  /** The adapter threw at a notice. */
  readonly onFault: (fault: AdapterFault) => void;
  /** How payments ended before the notice. */
  readonly ends: Ends;
  /** Where the watch over the notices is put. Default: nobody wants one. */
  readonly notices?: Notices;
  readonly inform: (event: GatewayEvent) => void;
  /** Whether anybody is informed. */
  readonly listens: () => boolean;
  readonly about: (ticket: Ticket) => AboutPayment;
  /** The ticket of a payment that no loop follows, and that is open as far as is known here. */
  readonly openTicket: (ticket: Ticket) => Ticket | undefined;
}

/** What a verified notice is about, and what it means there. */
interface Case {
  readonly webhook: Webhook;
  readonly notice: HeardNotice;
  /** The write that the notice names. */
  readonly operation: Operation;
  /** The loops that wait for this payment, its cancel and its capture among them. */
  readonly loops: readonly Intention[];
  /** The one of them that waits for this very write. */
  readonly own: Intention | undefined;
  readonly recalled: Recalled | undefined;
  /** How the payment ended before. */
  readonly known: Settled | undefined;
  /** When the payment was opened is known from here, and not only by notices. */
  readonly followed: boolean;
  readonly ticket: Ticket;
  readonly judgement: Judgement;
  /** The same for the same notice, however often it comes. */
  readonly content: string;
  /** `known`, where the notice contradicts it. */
  readonly contradicted: Settled | undefined;
}

/**
 * Webhooks: verified, read, brought to the loops that wait for them, and held against what was settled before. A notice
 * that contradicts a settled payment never moves it: the gateway is asked, and the query decides.
 */
export function createReceiver(parts: ReceiverParts): (request: Request) => Promise<Received> {
  const receiver = new Receiver(parts);
  return request => receiver.receive(request);
}

class Receiver {
  readonly #parts: ReceiverParts;
  readonly #ends: KnownEnds;
  readonly #limits: ReturnType<typeof noticeLimits>;
  readonly #watch: NoticeObserver | undefined;

  constructor(parts: ReceiverParts) {
    this.#parts = parts;
    this.#ends = knownEnds(parts.adapter, parts.ends);
    this.#limits = noticeLimits(parts.clock);
    this.#watch = parts.notices && new NoticeObserver(parts);
    if (parts.notices !== undefined && this.#watch !== undefined) parts.notices.watch = this.#watch;
  }

  async receive(request: Request): Promise<Received> {
    const { adapter, clock, onFault } = this.#parts;
    if (!isRequest(request)) throw new InputError(`receive: ${whatToPass(request)}`);
    const webhook = await webhookOf(adapter);
    if (request.bodyUsed || request.body?.locked === true)
      throw new InputError(
        'receive: the body of this request has been read already. Pass the request as it came, or a clone of it that was made before: gateway.receive(request.clone()), then request.json().',
      );
    const notice = await readDelivery(request, webhook, clock, onFault);
    if (!notice.verified) {
      if (notice.hint !== undefined) this.#hint(webhook, notice.hint);
      return this.#refuse(webhook, notice);
    }
    const operation = operationOf(adapter, notice.operation);
    const stated = noticeTicket(adapter, operation, notice, clock.now());
    if (Object.keys(stated.reference).length === 0)
      return this.#refuse(webhook, { verified: false, reason: 'it names no order' });
    // What a loop here waits for is brought to it at once: no byte leaves before.
    const isHere = this.#loopsOf(operation, stated.reference).some(loop => isOwn(loop, operation));
    const recalled = isHere ? undefined : await this.#parts.recall(operation, stated.reference);
    return this.#take(this.#caseOf(webhook, notice, operation, stated, recalled));
  }

  async #take(found: Case): Promise<Received> {
    const { webhook, notice, ticket, contradicted } = found;
    this.#tellThatItCame(found);
    this.#noteThatItCame(found);
    this.#notifyLoops(found);
    const verdict = contradicted === undefined ? found.judgement.verdict : await this.#askAbout(found, contradicted);
    const confirm = contradicted === undefined && (confirms(found, ticket.operation) || this.#mayBeGivenBack(found));
    await this.#keep(found, verdict, confirm);
    return {
      verified: true,
      verdict,
      confirm,
      ticket,
      reply: responseOf(webhook.reply('stored', notice)),
      askAgain: responseOf(webhook.reply('again', notice)),
    };
  }

  #caseOf(
    webhook: Webhook,
    notice: HeardNotice,
    operation: Operation,
    stated: Ticket,
    recalled: Recalled | undefined,
  ): Case {
    const { adapter, sealer } = this.#parts;
    const loops = this.#loopsOf(operation, stated.reference);
    const own = loops.find(loop => isOwn(loop, operation));
    const known = this.#ends.recall(operation, stated.reference) ?? this.#settledElsewhere(recalled);
    // What was sent, or settled before, knows the amount and the numbers that the notice must agree with.
    const ticketBefore = own?.ticket ?? (known === undefined ? recalled?.ticket : undefined);
    const before = ticketBefore === undefined ? known : { ticket: ticketBefore, followed: true };
    const ticket = sealer.seal(completedTicket(adapter, stated, before));
    const judgement = this.#judge(webhook, notice, own?.subject ?? this.#subjectOf(operation, ticket));
    const { verdict } = judgement;
    const content = JSON.stringify([operation.name, verdict.code, stated.reference, stated.expect]);
    const contradicted = isContradicted(known, operation, judgement) ? known : undefined;
    const followed = before?.followed ?? false;
    return {
      webhook,
      notice,
      operation,
      loops,
      own,
      recalled,
      known,
      followed,
      ticket,
      judgement,
      content,
      contradicted,
    };
  }

  /** How another process has settled it, in the payment's own words. */
  #settledElsewhere(recalled: Recalled | undefined): Settled | undefined {
    if (recalled?.last === undefined) return undefined;
    const { ticket, last } = recalled;
    const outcome = paymentWord(operationOf(this.#parts.adapter, ticket.operation), last.outcome);
    return outcome && { ticket, followed: true, outcome, verdict: { ...last.verdict, kind: 'terminal', outcome } };
  }

  #loopsOf(operation: Operation, reference: Ticket['reference']): Intention[] {
    const family = familyOf(operation);
    return [...this.#parts.loops()].filter(
      loop => familyOf(loop.operation) === family && isSamePayment(loop.reference, reference),
    );
  }

  #judge(webhook: Webhook, notice: Omit<HeardNotice, 'verified'>, subject: Subject): Judgement {
    return judgeNotice(webhook, notice, subject, this.#parts.adapter.advice);
  }

  #subjectOf(operation: Operation, ticket: Ticket): Subject {
    return subjectOfTicket(operation, ticket, false, this.#parts.clock.now());
  }

  /**
   * An unsigned notice is no more than a reason to ask, for a loop that waits: once in a while, since anybody can send
   * it.
   */
  #hint(webhook: Webhook, notice: Omit<HeardNotice, 'verified'>): void {
    const operation = operationOf(this.#parts.adapter, notice.operation);
    for (const loop of this.#loopsOf(operation, statedIn(notice.reference))) {
      if (this.#limits.hasWoken(loop, 'hint', 1)) continue;
      loop.hint(this.#judge(webhook, notice, this.#subjectOf(loop.operation, loop.ticket)));
    }
  }

  #refuse(webhook: Webhook, notice: Notice & { verified: false }): Received {
    if (this.#parts.listens()) {
      const { adapter, clock, inform } = this.#parts;
      const at = new Date(clock.now()).toISOString();
      const of = { gateway: adapter.name, operation: '', reference: {} } as const;
      inform({ type: 'notice-refused', at, elapsedMs: 0, ...of, why: printable(notice.reason) });
    }
    return refusal(webhook, notice);
  }

  /** Whether or not anybody waits for it here. */
  #tellThatItCame({ ticket, judgement: { verdict } }: Case): void {
    const { clock, inform, listens, about } = this.#parts;
    if (!listens()) return;
    const at = new Date(clock.now()).toISOString();
    inform({ type: 'notice-received', at, elapsedMs: 0, ...about(ticket), verdict });
  }

  /** Only what is paid, and is this object's to follow, shows that notices come. */
  #noteThatItCame(found: Case): void {
    const { own, known, recalled, ticket, contradicted } = found;
    const { verdict, conflict, older } = found.judgement;
    const isPaid = verdict.kind === 'terminal' && verdict.outcome === 'succeeded';
    if (this.#watch === undefined || !isPaid || conflict || older === true || contradicted !== undefined) return;
    if (own !== undefined && isDoubtful(own)) return;
    const open = own ?? (isOver(known?.outcome) ? undefined : this.#openElsewhere(recalled, ticket));
    const payment = open?.ticket ?? known?.ticket;
    if (payment !== undefined) this.#watch.told(payment, open !== undefined, confirms(found, payment.operation));
  }

  /** A cancel of it is out: "paid" is no end yet. */
  #mayBeGivenBack({ own, recalled, ticket, judgement }: Case): boolean {
    const open = own ?? recalled ?? { ticket: this.#parts.openTicket(ticket) };
    return open.ticket !== undefined && mayBeGivenBack(open.ticket, judgement.verdict, this.#parts.clock.now());
  }

  #openElsewhere(recalled: Recalled | undefined, ticket: Ticket): Pick<Recalled, 'ticket'> | undefined {
    if (recalled !== undefined) return isOver(recalled.last?.outcome) ? undefined : recalled;
    const open = this.#parts.openTicket(ticket);
    return open && { ticket: open };
  }

  #notifyLoops(found: Case): void {
    const { webhook, notice, operation, loops, judgement, content, contradicted } = found;
    // "Absent" was never the gateway's verdict: a loop may accept a notice for a payment that was called absent.
    const isDoubted = contradicted !== undefined && (judgement.conflict || contradicted.outcome !== 'absent');
    for (const loop of loops) {
      // What a payment's notice means for its cancel or capture is for the query to say; so is whose it is, while the
      // loop knows none of the provider's numbers and the merchant's need not be unique.
      const { expect, ...moneyless } = loop.ticket;
      const own = isOwn(loop, operation);
      const subject = own ? loop.subject : this.#subjectOf(loop.operation, moneyless);
      const means = this.#judge(webhook, notice, subject);
      // Of an earlier try under the same number: nothing of what this loop sent.
      if (means.older === true || this.#limits.hasWoken(loop, content, means.conflict ? 1 : MOST_WAKES)) continue;
      const isOurs = own && !isDoubtful(loop);
      loop.notify(means, confirms(found, loop.operation.name) || isDoubted || !isOurs, isOurs);
    }
  }

  /** What stands after a notice that contradicts: what the gateway says, or else the later of the two. */
  async #askAbout({ operation, ticket, judgement, content }: Case, known: Settled): Promise<Verdict> {
    const { ask, onConflict } = this.#parts;
    const { verdict, conflict } = judgement;
    onConflict(ticket, verdict.code);
    const answer = await this.#limits.askOnce(content, () => ask(ticket));
    if (answer !== undefined && isFinal(answer, { effect: 'read' })) return answer;
    // Known was only that a cancel was accepted: that the money went back is the payment's own word, and says more.
    const isInferred = !isOfItself(operationOf(this.#parts.adapter, known.ticket.operation));
    if (isInferred && verdict.kind === 'terminal' && verdict.outcome === 'refunded') return verdict;
    return conflict || standing(known, operation, verdict)?.outcome === known.outcome ? known.verdict : verdict;
  }

  /** @param confirm the verdict is not believed until a query has confirmed it */
  async #keep(
    { operation, ticket, followed, judgement, known }: Case,
    verdict: Verdict,
    confirm: boolean,
  ): Promise<void> {
    const { onFinal, onSeen } = this.#parts;
    if (verdict.kind === 'terminal' && isFinal(verdict, operation) && !confirm) {
      const outcome = paymentWord(operation, verdict.outcome);
      if (outcome !== undefined)
        this.#ends.remember(operation, { ticket, followed, outcome, verdict: { ...verdict, outcome } });
      // What is known of the payment is no verdict on its cancel.
      if (verdict !== known?.verdict || isOfItself(operation)) await onFinal(ticket, verdict);
    } else if (!judgement.conflict && judgement.older !== true) await onSeen(ticket, verdict);
  }
}

/** One of another realm or a framework's own too, but no Node `req`, and no body alone. */
const isRequest = (given: unknown): given is Request =>
  typeof given === 'object' &&
  given !== null &&
  'bodyUsed' in given &&
  typeof Reflect.get(Object(Reflect.get(given, 'headers')), 'get') === 'function';

/** What to write instead of what is no `Request`. */
function whatToPass(given: unknown): string {
  const of = (name: string): unknown =>
    typeof given === 'object' && given !== null ? Reflect.get(given, name) : undefined;
  if (typeof of('then') === 'function') return 'this is a promise: await it, and pass the web-standard Request.';
  if (isRequest(of('raw')) || isRequest(Reflect.get(Object(of('req')), 'raw')))
    return 'of Hono pass the web-standard Request: gateway.receive(c.req.raw).';
  if (typeof of('headers') === 'object' && typeof of('method') === 'string')
    return "this is a Node req (Express, Fastify, node:http). Make a web-standard Request of it: import { toRequest } from 'tillpaid/node', then gateway.receive(toRequest(req)), in a route that no body parser comes before.";
  return 'pass the web-standard Request as it came, with its headers and its raw body, and not what was made of it: the raw bytes are what is signed.';
}

/** The adapter's webhook, loaded. @throws {InputError} where it has none */
async function webhookOf({ name, webhook }: Adapter): Promise<Webhook> {
  if (webhook === undefined) throw new InputError(`${name} sends no webhooks that can be verified: poll instead.`);
  return typeof webhook === 'function' ? webhook() : webhook;
}

const refusal = (webhook: Webhook, { reason, reply }: Notice & { verified: false }): Received => ({
  verified: false,
  reason,
  reply: responseOf(reply ?? webhook.reply('refused', undefined)),
});

/** An order that was made is the end of its write alone. */
const isOver = (outcome: Settled['outcome'] | undefined): boolean => outcome !== undefined && outcome !== 'created';

/** Whether the provider asks to confirm the notice by a query, where it is about this write. */
const confirms = ({ webhook, notice }: Case, followed: string): boolean =>
  typeof webhook.confirm === 'function' ? webhook.confirm(notice, followed) : (webhook.confirm ?? false);

const isOwn = ({ operation: followed }: Intention, operation: Operation): boolean =>
  kindOf(followed) === kindOf(operation);

/** Which of the two ends of a payment stands; `undefined` where the notice tells of none. */
function standing(
  known: Settled,
  operation: Operation,
  verdict: Verdict,
): ReturnType<typeof reconcile<Settled['outcome']>> | undefined {
  const next = verdict.kind === 'terminal' ? paymentWord(operation, verdict.outcome) : undefined;
  return next === undefined ? undefined : reconcile(known.outcome, next);
}

const isContradicted = (
  known: Settled | undefined,
  operation: Operation,
  { conflict, verdict }: Judgement,
): known is Settled => known !== undefined && (conflict || standing(known, operation, verdict)?.conflict === true);

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
