import type { KyInstance } from 'ky';
import type { Clock } from '../clock.ts';
import { InputError } from '../core/errors.ts';
import type { FieldCheck, Fields } from '../core/operation.ts';
import type { AboutPayment, GatewayEvent } from '../core/events.ts';
import type { TimelineEntry } from '../core/settlement.ts';
import type { Ticket } from '../core/ticket.ts';
import type { JournalPort } from '../engine/durable.ts';
import type { TicketSeal } from '../engine/seal.ts';
import type { Adapter, AnswersByOperation, FieldsByOperation } from '../kit/adapter.ts';
import type { Backoff } from '../policies/backoff.ts';
import type { AskPolicy, CallPolicy, Policy, StartingPayment } from '../policies/policy.ts';
import { aClock, elsewhere, type Checks } from '../core/check-options.ts';
import { nearest } from '../core/did-you-mean.ts';

export { checkOptions } from '../core/check-options.ts';

/** What `createGateway` takes. */
export interface GatewayOptions<F extends FieldsByOperation<F>, A extends AnswersByOperation<F, A> = object> {
  /** What tillpaid knows of the provider, such as `zalopay({ … })`. */
  adapter: Adapter<F, A>;
  /** Any ky instance; its hooks and options keep working. Default: plain ky. */
  client?: KyInstance;
  /** Merged over the adapter's own defaults. */
  policy?: Policy;
  /**
   * Everything that happens, as it happens. May be async; what it throws or rejects with is ignored, and nothing waits
   * for it.
   */
  onEvent?: (event: GatewayEvent) => unknown;
  /** Seals every ticket that goes out, and refuses those that were changed since. Default: tickets have no seal. */
  ticketSeal?: TicketSeal;
  /**
   * For every write, the drop-in's and `fetch`'s included: called before the first byte leaves, and whenever the ticket
   * learns more, whoever follows it. Store it, so that nothing is forgotten, even if a client of yours has a time limit.
   * When it throws the first time, nothing is sent. An `onTicket` of the call's own is called beside it.
   */
  onTicket?: (ticket: Ticket) => unknown;
  /**
   * What becomes of a write of the drop-in or `fetch` that matches no operation and goes to the gateway. `refuse`: an
   * {@link InputError}, nothing is sent. Default `event`: it is sent as it is. Either way there is an `unmatched`
   * event.
   */
  unmatched?: 'event' | 'refuse';
  /**
   * Whether an error of the `fetch` below may prove that nothing was sent (a refused connection, an unknown host).
   * `true`: a `fetch` or `dispatcher` of yours sends each request at most once, and fails only with what happened to
   * it. `false`: not even the platform's own is believed: for a process that patched it, or set a global dispatcher that
   * retries. Default: only the platform's own
   * `fetch` without a `dispatcher` of yours is believed. What is not believed may have been sent, and is asked about.
   */
  fetchSendsOnce?: boolean;
  /** Backoffs of your own that `step` may find in a stored payment, each made with `defineBackoff`. Default: none. */
  backoffs?: readonly Backoff[];
  /** Time and chance. Default: the machine's. */
  clock?: Clock;
  /**
   * Where every write is kept from before its first byte until its end is delivered, such as
   * `sqliteJournal('payments.db')`: all that share it are one. Default: this object's memory alone.
   */
  journal?: JournalPort;
}

/**
 * Is told what happens: see `observe`.
 *
 * @param payment missing where the event is of no payment
 */
export type EventListener = (event: GatewayEvent, payment: StartingPayment | undefined) => unknown;

/** An exchange that is about to begin, with all that is done for it: a send, a status query, the cancel at a deadline. */
export interface AboutExchange extends AboutPayment {
  readonly type: 'send' | 'ask' | 'cancel';
}

/** What `observe` takes. */
export interface ObserveOptions {
  /**
   * Runs an exchange in a context of yours, such as a tracer's active span: call `run` at once. It is run once, whatever
   * you do: what you throw, give back or forget changes nothing. Default: exchanges run in their caller's context.
   */
  around?: (exchange: AboutExchange, run: () => void) => unknown;
  /** While it gives `false` nothing is told, and nothing is made to be told. Quick: it is asked often. Default: always. */
  when?: () => boolean;
}

/** What `prepare` takes. */
export interface PrepareOptions {
  /** The caller's own transaction, as his journal takes it. Default: a transaction of its own. */
  db?: unknown;
  /** Not sent later than this: nobody is charged hours after he left. ISO 8601, or a `Date`. Default: in 15 minutes. */
  sendUntil?: string | Date;
  /** For a provider that has them. Default: a fresh UUID. */
  idempotencyKey?: string;
}

/** What `untilSettled` takes. */
export interface FollowOptions {
  /** Ends everything: nothing is sent after it aborts, and the promise rejects with its reason. */
  signal?: AbortSignal;
  /**
   * Each line of the timeline as it is written. May be async; what it throws or rejects with is ignored, and nothing
   * waits for it.
   */
  onProgress?: (entry: TimelineEntry) => unknown;
  /** Merged over the gateway's policy. */
  policy?: CallPolicy;
  /**
   * Called whenever the ticket learns more (that the gateway knows the order, the provider's number): store it, so that
   * whoever goes on starts from there.
   */
  onTicket?: (ticket: Ticket) => unknown;
}

/** What `step` and `ask` take. */
export interface AskOptions extends Omit<FollowOptions, 'policy'> {
  /** Merged over the gateway's policy. */
  policy?: AskPolicy;
}

/** What `settle` takes. In the drop-in client: `context: { tillpaid: { … } }`. */
export interface SettleOptions extends FollowOptions {
  /**
   * Called before the first byte leaves, and whenever the ticket learns more: store it, so that nothing is forgotten.
   * The first time nothing is sent until it has resolved, or when it throws. It is called with later ones one after the other,
   * and nothing waits for them.
   */
  onTicket?: (ticket: Ticket) => unknown;
  /** For a provider that has them. Default: a fresh UUID. Use one key for one intention. */
  idempotencyKey?: string;
  /**
   * A job queue redelivered: start with a status query, and read answers as after a send that may have landed. `false`
   * overrides nothing that this object remembers.
   */
  mayHaveBeenSent?: boolean;
  /**
   * The number was used before, and that try ended `failed`, `canceled` or `expired`: this is another one, with equal
   * fields. It is believed only after such an end; what is open or paid is not sent again. With other fields it goes
   * without saying.
   */
  newTry?: boolean;
  /**
   * The stored ticket of an earlier run of the same intention, which `mayHaveBeenSent` then knows all about: its
   * idempotency key and how old that is, the provider's number, when it was opened. Implies `mayHaveBeenSent`. A ticket
   * of another amount or currency than the fields is refused.
   */
  ticket?: Ticket;
  /**
   * What the gateway takes beside the fields that the adapter knows: sent as given, and part of what makes two calls the
   * same. It is in no ticket. A field that the adapter knows is refused here. Default: nothing.
   */
  extraFields?: Fields;
}

/** `context.tillpaid` of a drop-in request, which says itself what it sends. */
export interface DropInContext extends Omit<SettleOptions, 'signal' | 'extraFields'> {
  /** Which operation it is, where two share a path. */
  operation?: string;
}

declare module 'ky' {
  interface Options {
    /** What `gateway.client` takes beside what ky does. */
    context?: Record<string, unknown> & { tillpaid?: DropInContext };
  }
}

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const ofType = (expects: string, type: 'function' | 'boolean' | 'string'): FieldCheck => ({
  expects,
  accepts: value => typeof value === type,
});

const aFunction = ofType('a function', 'function');
const aFlag = ofType('true or false', 'boolean');
const aText = ofType('a text', 'string');

const aSignal: FieldCheck = {
  expects: 'an AbortSignal',
  accepts: value => isObject(value) && 'aborted' in value && 'throwIfAborted' in value && 'addEventListener' in value,
};

/** Each of them, and no two, has a name of its own. */
const areNamed = (value: unknown): boolean => {
  const names = Array.isArray(value)
    ? value.map(each => (isObject(each) ? (each as Partial<Backoff>).toJSON?.().name : undefined))
    : [undefined];
  return !names.includes(undefined) && new Set(names).size === names.length;
};

/** Of `createGateway`. */
export const gatewayOptions: Checks<GatewayOptions<object>> = {
  adapter: elsewhere,
  client: elsewhere,
  policy: elsewhere,
  onEvent: aFunction,
  onTicket: aFunction,
  ticketSeal: elsewhere,
  unmatched: { expects: "'event' or 'refuse'", accepts: value => value === 'event' || value === 'refuse' },
  fetchSendsOnce: aFlag,
  backoffs: { expects: 'a list of backoffs, each made with defineBackoff', accepts: areNamed },
  clock: aClock,
  journal: {
    expects: "a journal, such as sqliteJournal('payments.db')",
    accepts: value => isObject(value) && typeof Reflect.get(value, 'attach') === 'function',
  },
};

/** One that every machine reads alike. */
const timeWithZone = (value: unknown): number =>
  typeof value === 'string' && /T.*(?:Z|[+-]\d\d:?\d\d)$/i.test(value) ? Date.parse(value) : Number.NaN;

/** Of `observe`. */
export const observeOptions: Checks<ObserveOptions> = { around: aFunction, when: aFunction };

/** Of `prepare`. */
export const prepareOptions: Checks<PrepareOptions> = {
  db: elsewhere,
  sendUntil: {
    expects: 'a Date or a time like 2026-01-31T12:00:00Z',
    accepts: value => !Number.isNaN(value instanceof Date ? value.getTime() : timeWithZone(value)),
  },
  idempotencyKey: elsewhere,
};

/** Of `untilSettled`, `step` and `ask`. */
export const followOptions: Checks<FollowOptions> = {
  signal: aSignal,
  onProgress: aFunction,
  onTicket: aFunction,
  policy: elsewhere,
};

/** Of `settle`. */
export const settleOptions: Checks<SettleOptions> = {
  ...followOptions,
  idempotencyKey: elsewhere,
  mayHaveBeenSent: aFlag,
  newTry: aFlag,
  ticket: elsewhere,
  extraFields: { expects: 'an object of fields', accepts: isObject },
};

const { signal: _ofTheCall, extraFields: _ofSettle, ...ofAWrite } = settleOptions;

/** Of `context.tillpaid`; the call's own `signal` is the drop-in's. */
export const dropInOptions: Checks<DropInContext> = { ...ofAWrite, operation: aText };

/** A misspelt `context.tillpaid` would be ignored. @throws {InputError} */
export function checkContext(who: string, context: Readonly<Record<string, unknown>> | undefined): void {
  const misspelt = Object.keys(context ?? {}).find(
    name => name !== 'tillpaid' && /^t/i.test(name) && nearest(name, ['tillpaid']) !== undefined,
  );
  if (misspelt !== undefined) throw new InputError(`${who}: context has "${misspelt}". Did you mean tillpaid?`);
}
