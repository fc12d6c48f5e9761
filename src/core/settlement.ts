import type { Ticket } from './ticket.ts';
import type { Outcome, Verdict } from './verdict.ts';

/** Outcomes that only a loop can reach, beside those an answer can state. None of them means failed. */
export type LoopOutcome =
  /** The gateway has no such order, for long enough to believe it. Re-send only under the same reference. */
  | 'absent'
  /** The deadline came first, or nothing could be asked; the ticket can be polled again. */
  | 'unresolved'
  /** No attempt left this machine; nothing can have happened. */
  | 'unsent';

/** Where the settling word came from. */
export type SettledBy = 'answer' | 'query' | 'webhook' | 'none';

interface SettlementBase<Answer> {
  /** The last word on the payment. */
  verdict: Verdict;
  settledBy: SettledBy;
  /** The write's own body (`order_url`, `qrcode`), when it was received. */
  answer?: Answer;
  /**
   * What the write's own last answer meant, where `verdict` is not about it: its code and message are kept beside the
   * query's.
   */
  ownVerdict?: Verdict;
  /**
   * Of a duplicate whose number a paid order owns: what the status query said of that order. It is not this write's
   * outcome.
   */
  otherVerdict?: Verdict;
  /** The same was asked for again: this is the latest word on it, and nothing was sent. */
  repeated?: true;
  /** The body of the exchange that settled it. */
  body: unknown;
  /** The response of the exchange that settled it. */
  response?: Response;
  reference: { merchant: string; provider?: string };
  /** Sends, the first included. */
  attempts: number;
  /** Status queries. */
  polls: number;
  elapsedMs: number;
  /** Every send, answer and wait, in order: plain JSON, no secrets. */
  timeline: TimelineEntry[];
  /** What ended the loop from outside, such as an error a hook threw. */
  cause?: unknown;
}

/** What `settle` and `untilSettled` resolve to, discriminated by `outcome`. */
export type Settlement<Answer = unknown> =
  | (SettlementBase<Answer> & { outcome: Exclude<Outcome, 'created' | 'authorized'> | 'unsent'; ticket: Ticket })
  | (SettlementBase<Answer> & { outcome: 'created' | 'authorized' | 'unresolved' | 'absent'; ticket: Ticket });

/** One line of a payment's story. */
export type TimelineEntry = { readonly at: string; readonly elapsedMs: number } & TimelineFact;

export type TimelineFact =
  /** The ticket is made and about to be stored. */
  | { readonly type: 'ticket'; readonly seen: boolean }
  /** A send left, or was about to. */
  | { readonly type: 'send'; readonly attempt: number }
  /** A send was answered. */
  | { readonly type: 'answer'; readonly attempt: number; readonly status: number; readonly verdict: Verdict }
  /** A send or a poll got no answer. */
  | { readonly type: 'lost'; readonly of: 'send' | 'poll'; readonly evidence: Evidence; readonly code: string }
  | { readonly type: 'wait'; readonly delayMs: number; readonly next: 'send' | 'ask' }
  /** A status query left, or was about to. */
  | { readonly type: 'ask'; readonly poll: number }
  /** A status query was answered. */
  | { readonly type: 'status'; readonly poll: number; readonly status: number; readonly verdict: Verdict }
  /** A verified webhook about this payment came. */
  | { readonly type: 'notice'; readonly verdict: Verdict }
  /** No row matched a code: the tables may need one. */
  | { readonly type: 'unlisted'; readonly code: string }
  /** Two sources contradict each other, or one reference was paid more than once. */
  | { readonly type: 'conflict'; readonly code: string }
  /** A second send was refused: the first may have been processed. */
  | { readonly type: 'resend-refused' }
  /** The caller's `onTicket` failed after the first send; the loop went on. */
  | { readonly type: 'ticket-not-stored' }
  | { readonly type: 'settled'; readonly outcome: Settlement['outcome']; readonly settledBy: SettledBy };

/** What the gate saw of a send. */
export type Evidence =
  /** It never left: failed in the queue, while signing, by DNS, by a refused connection or a certificate check. */
  | 'not-sent'
  /** It was answered, unprocessed. */
  | 'refused'
  /** No answer, and no proof that it did not arrive. */
  | 'maybe-sent';

/** What `onEvent` gets. */
export type GatewayEvent = PaymentEvent | UnmatchedEvent;

/** A timeline entry with the payment it belongs to. */
export type PaymentEvent = TimelineEntry & {
  readonly gateway: string;
  readonly operation: string;
  readonly reference: Readonly<Record<string, string>>;
};

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
