import type { TimelineEntry } from './settlement.ts';
import type { Reason, Verdict } from './verdict.ts';

/**
 * What `onEvent` gets: one union, discriminated by `type`. Plain JSON: no credential, signature, token, card number or
 * body is in it.
 */
export type GatewayEvent =
  | PaymentEvent
  | BatchOffEvent
  | CircuitEvent
  | QuotaEvent
  | NoticesEvent
  | NoticeReceivedEvent
  | NoticeRefusedEvent
  | MisspeltEvent
  | UnmatchedEvent;

/** A line of a payment's timeline, or that a call has left it open, with the payment that it belongs to. */
export type PaymentEvent = (
  | Exclude<TimelineEntry, { readonly type: 'lost' | 'settled' }>
  | LostEntry
  | SettledEntry
  | StoppedEntry
) &
  AboutPayment;

/** Which payment an event is about, and which call tells it. */
export interface AboutPayment {
  readonly gateway: string;
  readonly operation: string;
  /** The merchant's numbers first, the provider's once known. */
  readonly reference: Readonly<Record<string, string>>;
  /**
   * One for each payment: the same in every process, for its sends, later queries and webhooks, and for a ticket of an
   * earlier release; a further try under the same number has it too. 32 hexadecimal digits: a digest of account and
   * number. Empty: it is of no payment, such as a fault of the adapter's at a webhook.
   */
  readonly correlationId: string;
  /**
   * Which call of this gateway object tells it, counted from 1: a `settle`, a drop-in request, an `untilSettled`, a
   * `step`. Missing: it is of none, or that call has ended before.
   */
  readonly call?: number;
  /** The call only asks about the payment (`untilSettled`, `step`, `ask`): it sends no write. */
  readonly follows?: true;
}

/** What an event of a lost exchange says beside the line of the timeline. */
export type LostEntry = Extract<TimelineEntry, { readonly type: 'lost' }> & {
  /** What the error says, and its causes: a line without what is secret. */
  readonly error?: string;
};

/** What an event of an end says beside the line of the timeline. */
export type SettledEntry = Extract<TimelineEntry, { readonly type: 'settled' }> & {
  /** The code that decided. */
  readonly code: string;
  readonly reason: Reason;
  /** Sends of this call, the first included. */
  readonly attempts: number;
  /** Status queries about the payment, those of earlier calls included. */
  readonly polls: number;
  /** How long it took since the payment was opened, in whatever process. Milliseconds. */
  readonly openForMs: number;
  /** What the error says that left it unknown, where one did. */
  readonly error?: string;
};

/** A call has ended, and the payment has not: it is as open as before, and its ticket can be followed. */
export interface StoppedEntry {
  readonly type: 'stopped';
  readonly at: string;
  readonly elapsedMs: number;
  /**
   * `aborted`: by its caller. `fault`: of the caller's, his hook's or his ticket store's. `left`: it was for one query
   * (`step`, `ask`), or somebody else goes on with it.
   */
  readonly why: 'aborted' | 'fault' | 'left';
  /** Of a fault: what the error says, without what is secret. */
  readonly error?: string;
}

/** The circuit of an operation has changed, by what this gateway object has seen: see `policy.circuit`. */
export interface CircuitEvent {
  readonly type: 'circuit';
  readonly at: string;
  readonly elapsedMs: 0;
  readonly gateway: string;
  /** Whose sends are held back, or no longer. */
  readonly operation: string;
  /** Empty: it is of no payment. */
  readonly reference: Readonly<Record<string, string>>;
  /**
   * `open`: new sends end `unsent`, and open payments are asked about as before. `half-open`: one send is let through to
   * try. `closed`: all are.
   */
  readonly state: 'open' | 'half-open' | 'closed';
  /** What the last send that failed came to, such as `timeout` or `http/503`. */
  readonly code: string;
  /** How many sends have failed in a row. */
  readonly failures: number;
}

/** The retry quota of an operation is used up: until sends are answered again, none is repeated. See `retry.quota`. */
export interface QuotaEvent {
  readonly type: 'quota';
  readonly at: string;
  readonly elapsedMs: 0;
  readonly gateway: string;
  readonly operation: string;
  /** Empty: it is of no payment. */
  readonly reference: Readonly<Record<string, string>>;
  /** The tokens that are left: too few for a re-send. */
  readonly tokens: number;
}

/**
 * A write that went through the drop-in or `gateway.fetch` with a field whose name is nearly that of a known one that
 * is missing. It was sent as it is; `settle` would have refused it.
 */
export interface MisspeltEvent {
  readonly type: 'misspelt';
  readonly at: string;
  readonly elapsedMs: 0;
  readonly gateway: string;
  readonly operation: string;
  readonly reference: Readonly<Record<string, string>>;
  /** The field's name, as it was sent. */
  readonly field: string;
  /** The known field that may have been meant. */
  readonly meant: string;
}

/**
 * With `poll.batch`: the gateway refused one request for many payments, or such requests kept failing. Each payment is
 * asked about alone until `forMs` are over.
 */
export interface BatchOffEvent {
  readonly type: 'batch-off';
  readonly at: string;
  readonly elapsedMs: 0;
  readonly gateway: string;
  /** The status query. */
  readonly operation: string;
  /** Empty: it is about many. */
  readonly reference: Readonly<Record<string, string>>;
  /** Why: the code of the last answer, or of the error. */
  readonly code: string;
  /** Milliseconds. */
  readonly forMs: number;
}

/**
 * A write that went through the drop-in or `gateway.fetch` and matches no operation: nothing signed it, and nothing
 * protects it.
 */
export interface UnmatchedEvent {
  readonly type: 'unmatched';
  readonly at: string;
  readonly elapsedMs: 0;
  readonly gateway: string;
  /** Empty: it is none. */
  readonly operation: '';
  /** Empty: nothing is known of it. */
  readonly reference: Readonly<Record<string, string>>;
  readonly method: string;
  /** Without credentials, query and fragment. */
  readonly url: string;
  /** What may have been meant. */
  readonly hint?: string;
}

/**
 * With `policy.poll.notices`: the notices of an operation's payments come, so that they are asked about rarely; or they
 * have stopped.
 */
export interface NoticesEvent {
  readonly type: 'notices';
  readonly at: string;
  readonly elapsedMs: 0;
  readonly gateway: string;
  readonly operation: string;
  /** Empty: it is of no single payment. */
  readonly reference: Readonly<Record<string, string>>;
  /** They come. */
  readonly trusted: boolean;
  /** The same in words, with what to do about it. */
  readonly text: string;
}

/**
 * `receive` was given a webhook that is genuine, whether or not anybody waits for its payment here. A loop that does
 * tells the event `notice` as well.
 */
export interface NoticeReceivedEvent {
  readonly type: 'notice-received';
  readonly at: string;
  readonly elapsedMs: 0;
  readonly gateway: string;
  /** The write that it is about. */
  readonly operation: string;
  readonly reference: Readonly<Record<string, string>>;
  /** Its payment's. */
  readonly correlationId: string;
  readonly verdict: Verdict;
}

/** `receive` was given what is no genuine webhook of this account, or could not be read: the reply refuses it. */
export interface NoticeRefusedEvent {
  readonly type: 'notice-refused';
  readonly at: string;
  readonly elapsedMs: 0;
  readonly gateway: string;
  /** Empty: nothing in it is believed. */
  readonly operation: '';
  /** Empty: nothing in it is believed. */
  readonly reference: Readonly<Record<string, string>>;
  /** Why, in a sentence. */
  readonly why: string;
}
