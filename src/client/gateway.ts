import type { KyInstance } from 'ky';
import type { ReadName } from '../core/operation.ts';
import type { Settlement } from '../core/settlement.ts';
import type { Ticket } from '../core/ticket.ts';
import type { Verdict } from '../core/verdict.ts';
import type { Step } from '../engine/durable.ts';
import type { OpenPayment } from '../engine/open-payment.ts';
import type { ticketOf, verdictOf } from '../engine/results.ts';
import type { Adapter, AnswersByOperation, FieldsByOperation } from '../kit/adapter.ts';
import type {
  AskOptions,
  EventListener,
  FollowOptions,
  ObserveOptions,
  PrepareOptions,
  SettleOptions,
} from './options.ts';
import type { FetchInit } from './plain-fetch.ts';
import type { Received } from './receive.ts';

type WriteName<F> = Exclude<keyof F & string, ReadName>;

/** A write's own answer, where the adapter says what is in it. */
type AnswerOf<A, K extends string> = (A & Record<K, unknown>)[K];

/** A provider's API, with every payment followed to its end. */
export interface Gateway<F extends FieldsByOperation<F>, A extends AnswersByOperation<F, A> = object> {
  readonly adapter: Adapter<F, A>;
  /**
   * The drop-in: a ky instance. Requests that match an operation are signed, classified, sent again and polled; all
   * others behave exactly as `client` would.
   *
   * @throws {SettledError} when a write was settled by a query or a webhook, and not as a success
   * @throws {UnresolvedError} when a write is still open at the deadline
   */
  readonly client: KyInstance;
  /**
   * The same middleware as a `fetch`, for clients other than ky: whatever native `fetch` takes means the same, and
   * beside it
   * `context.tillpaid` and Node's `dispatcher`. No option of ky's means anything here. A relative URL is below the
   * adapter's base URL.
   */
  readonly fetch: (input: string | URL | Request, init?: FetchInit) => Promise<Response>;
  /**
   * Sends a write and follows it to its end. Never throws for a business outcome. Of a literal the compiler takes the
   * fields that the adapter knows; what the gateway takes beside goes in `options.extraFields`. A payment that this
   * object left open (aborted, or unresolved) is asked about before it is sent again.
   *
   * The settlement's `answer` is the write's own, with what the payer or the next call needs. It may be missing: it may
   * have been lost.
   *
   * @throws {InputError} for bad input, before anything is sent
   * @throws {ReferenceInUseError} when the same reference is being settled, or was left open, with other fields
   * @throws the signal's reason when it aborts; the ticket is out by then
   */
  settle<K extends WriteName<F>>(
    operation: K,
    fields: F[K],
    options?: SettleOptions,
  ): Promise<Settlement<AnswerOf<A, K>>>;
  /**
   * Asks about a ticket until it is settled, or its deadline has come. Never sends anything again.
   *
   * @throws {TicketError} for a ticket that cannot be used here
   */
  untilSettled(ticket: Ticket, options?: FollowOptions): Promise<Settlement>;
  /**
   * One step of following a payment, for an engine of yours (a job queue, a durable workflow, a store that is looked
   * through): one status query at most, then the settlement, or what to store and when to come again. It sends no
   * write, and waits for nothing: before its time a payment is given back unasked. `untilSettled` makes the same
   * decisions in one loop.
   *
   * All that a loop remembers is in `open`: policy, deadline and pace are the first step's, whatever process makes the
   * next one. The timeline of a settlement is that of its step; what earlier ones did, `onProgress` and `onEvent` have
   * told.
   *
   * @param payment a ticket, for the first step, or the `open` of the step before, as it was or back from its JSON
   * @param options `policy` for the first step only
   * @throws {TicketError} for what cannot be used here: another version, gateway or account, and what was changed since
   * it was sealed
   * @throws {InputError} for a policy with a backoff of your own that `createGateway({ backoffs })` does not have
   * @example
   * ```ts
   * const { done, open, dueInMs } = await gateway.step(stored.open ?? stored.ticket);
   * if (done === undefined) await store(open, Date.now() + dueInMs);
   * ```
   */
  step(payment: Ticket | OpenPayment, options?: AskOptions): Promise<Step>;
  /** One status query. What the network does is part of the verdict. @throws {TicketError} */
  ask(ticket: Ticket, options?: AskOptions): Promise<Verdict>;
  /**
   * A webhook: verified over its raw bytes, read, and brought to the loop that waits for it.
   *
   * @throws {InputError} when the adapter lacks what verifies it
   */
  receive(request: Request): Promise<Received>;
  /**
   * One more listener of everything that happens, beside `onEvent`: as `onEvent` it may be async, and what it throws or
   * rejects with is ignored. With a payment's events it gets what is known of that payment from its start.
   *
   * @returns a function that ends it
   * @throws {InputError} for what is no function
   */
  observe(listener: EventListener, options?: ObserveOptions): () => void;
  /** What the events of a ticket's payment, and its spans, go by: see `AboutPayment`. */
  correlationIdOf(ticket: Pick<Ticket, 'operation' | 'reference'>): string;
  /** What a drop-in response meant: see {@link verdictOf}. */
  readonly verdictOf: typeof verdictOf;
  /** The ticket to follow a drop-in write by: see {@link ticketOf}. */
  readonly ticketOf: typeof ticketOf;
  /** The ticket of a write, to be stored before it is sent. Sends nothing. @throws {InputError} */
  ticketFor<K extends WriteName<F>>(operation: K, fields: F[K]): Ticket;
  /**
   * Stores a write in the journal, in your own transaction beside your order: once that is committed it will be sent,
   * by `settle` of the same fields, or by a worker before `sendUntil`; if that passes, it ends `unsent`. Sends nothing.
   * The same again gives the same ticket. Prepared writes have no order among each other: prepare a cancel once what it
   * cancels is settled.
   *
   * @throws {InputError} without a journal, for a field that no journal may store (a payment code, a token), and for a
   * write whose payer needs the answer (a QR code): send that with `settle`
   * @throws {ReferenceInUseError} while its number stands for a write with other fields
   * @example
   * ```ts
   * await refunds.insert(refund, { transaction });
   * await gateway.prepare('refund.create', refund, { db: transaction });
   * ```
   */
  prepare<K extends WriteName<F>>(operation: K, fields: F[K], options?: PrepareOptions): Promise<Ticket>;
}
