import type { AdapterFault } from './adapter-fault.ts';
import type { CancelStanding, DeadlineCancel } from './cancel.ts';
import type { Ticket } from './ticket.ts';
import type { PollRequiredVerdict, RetryableVerdict, TerminalVerdict, Verdict } from './verdict.ts';

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

/** What every settlement has, however the payment ended. */
interface SettlementBase {
  /** Where the payment can be asked about, whatever is known by now. */
  ticket: Ticket;
  reference: { merchant: string; provider?: string };
  /** Sends, the first included. */
  attempts: number;
  /** Status queries that left, shared ones included. */
  polls: number;
  /** What was sent by `policy.poll.cancelAtDeadline`. It does not say how the payment ended. */
  cancel?: DeadlineCancel;
  elapsedMs: number;
  /** Every send, answer and wait, in order: plain JSON, no secrets. */
  timeline: TimelineEntry[];
}

/** What came back, where something did. */
interface Answered<Answer> {
  /** The write's own body (`order_url`, `qrcode`): missing where it was lost, or is no longer kept. */
  answer?: Answer;
  /** It came from a journal, which stores no answers: `answer` is missing for that reason alone. */
  answerOmitted?: true;
  /** The body of the exchange that settled it: missing where a webhook did, or where it is no longer kept. */
  body?: unknown;
  /**
   * Not enumerable.
   *
   * @deprecated Use `responseOf(settlement)`. Ends with 0.3.0.
   */
  readonly response?: Response;
  /**
   * What the write's own last answer meant, where `verdict` is not about it: its code and message are kept beside the
   * query's.
   */
  ownVerdict?: Verdict;
  /** The same was asked for again: this is the latest word on it, and nothing was sent. */
  repeated?: true;
}

/** What no settlement of this kind has. Each stays readable: its type says that there is nothing. */
type None<Names extends keyof Answered<unknown> | 'otherVerdict' | 'cause'> = { [Name in Names]?: undefined };

/** The gateway's last word on the payment: nothing more will come. */
export interface FinalSettlement<Answer = unknown>
  extends SettlementBase,
    Answered<Answer>,
    None<'otherVerdict' | 'cause'> {
  outcome: 'succeeded' | 'failed' | 'canceled' | 'expired' | 'refunded';
  verdict: TerminalVerdict;
  settledBy: 'answer' | 'query' | 'webhook';
}

/** The order exists, and its payer must act. Follow the ticket. */
export interface CreatedSettlement<Answer = unknown>
  extends SettlementBase,
    Answered<Answer>,
    None<'otherVerdict' | 'cause'> {
  outcome: 'created';
  verdict: TerminalVerdict;
  settledBy: 'answer' | 'query';
}

/** The money is held, and you must capture it. Follow the ticket. */
export interface AuthorizedSettlement<Answer = unknown>
  extends SettlementBase,
    Answered<Answer>,
    None<'otherVerdict' | 'cause'> {
  outcome: 'authorized';
  verdict: TerminalVerdict;
  settledBy: 'answer' | 'query' | 'webhook';
}

/**
 * The gateway refused this request before doing anything. A `retryable` verdict: it did not process it, however often
 * it was sent.
 */
export interface RejectedSettlement<Answer = unknown>
  extends SettlementBase,
    Omit<Answered<Answer>, 'ownVerdict' | 'repeated'>,
    None<'ownVerdict' | 'repeated' | 'cause'> {
  outcome: 'rejected';
  verdict: TerminalVerdict | RetryableVerdict;
  settledBy: 'answer';
  /**
   * For a duplicate whose number belongs to a paid order: what the status query said of that order. It is not this
   * write's outcome.
   */
  otherVerdict?: Verdict;
}

/** The gateway has no such order. Its body is the last query's. */
export interface AbsentSettlement
  extends SettlementBase,
    None<'answer' | 'answerOmitted' | 'repeated' | 'otherVerdict' | 'cause'> {
  outcome: 'absent';
  verdict: PollRequiredVerdict;
  settledBy: 'query';
  body?: unknown;
  /**
   * Not enumerable.
   *
   * @deprecated Use `responseOf(settlement)`. Ends with 0.3.0.
   */
  readonly response?: Response;
  /** What the write's own last answer meant, when there was one. */
  ownVerdict?: Verdict;
}

/** Not known yet: it may have been processed. Keep the ticket, and ask again. */
export interface UnresolvedSettlement<Answer = unknown> extends SettlementBase, None<'body' | 'response' | 'repeated'> {
  outcome: 'unresolved';
  /** The last word there was, of a send or of a query. */
  verdict: Verdict;
  settledBy: 'none';
  /** The body of the write's own answer, where it was received and says something about the order. */
  answer?: Answer;
  /** It came from a journal, which stores no answers: `answer` is missing for that reason alone. */
  answerOmitted?: true;
  /** What the write's own last answer meant, where `verdict` is not about it. */
  ownVerdict?: Verdict;
  /** Of a duplicate: what the status query said of the order that owns the number, before something ended the loop. */
  otherVerdict?: Verdict;
  /** Not enumerable. What ended it from outside, such as an error that a hook threw, or the last network error. */
  readonly cause?: unknown;
}

/** No attempt left this machine. Nothing was answered, and nothing can have happened. */
export interface UnsentSettlement
  extends SettlementBase,
    None<'answer' | 'answerOmitted' | 'body' | 'response' | 'ownVerdict' | 'repeated' | 'otherVerdict'> {
  outcome: 'unsent';
  verdict: RetryableVerdict | PollRequiredVerdict;
  settledBy: 'none';
  /** Not enumerable. The last network error. */
  readonly cause?: unknown;
}

/**
 * What `settle` and `untilSettled` resolve to, discriminated by `outcome`: plain data, which `structuredClone` and
 * `JSON.stringify` take as it is. `Answer`: the write's own body, by the adapter.
 */
export type Settlement<Answer = unknown> =
  | FinalSettlement<Answer>
  | CreatedSettlement<Answer>
  | AuthorizedSettlement<Answer>
  | RejectedSettlement<Answer>
  | AbsentSettlement
  | UnresolvedSettlement<Answer>
  | UnsentSettlement;

/** What a settlement is made of; its outcome decides which of these it has. */
export interface SettlementFacts extends SettlementBase, Omit<Answered<unknown>, 'response' | 'repeated'> {
  outcome: Settlement['outcome'];
  verdict: Verdict;
  settledBy: SettledBy;
  otherVerdict?: Verdict;
  repeated?: true | undefined;
}

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
  /** Nothing is done for so long, unless a webhook ends the wait. Then it is sent again, or asked about. */
  | { readonly type: 'wait'; readonly delayMs: number; readonly next: 'send' | 'ask' }
  /** A status query left, or was about to. `sharedBy`: it was one request for so many payments (`poll.batch`). */
  | { readonly type: 'ask'; readonly poll: number; readonly sharedBy?: number }
  /** A status query was answered. */
  | { readonly type: 'status'; readonly poll: number; readonly status: number; readonly verdict: Verdict }
  /** A verified webhook about this payment came. */
  | { readonly type: 'notice'; readonly verdict: Verdict }
  /** No row matched a code: the tables may need one. */
  | { readonly type: 'unlisted'; readonly code: string }
  /** Two sources contradict each other, or one reference was paid more than once. */
  | { readonly type: 'conflict'; readonly code: string }
  /** A function of the adapter's threw. The payment is as open as before. */
  | { readonly type: 'adapter-fault'; readonly fault: AdapterFault }
  /** A second send was refused: the first may have been processed. */
  | { readonly type: 'resend-refused' }
  /** The caller's `onTicket` failed after the first send; the loop went on. */
  | { readonly type: 'ticket-not-stored' }
  /** The journal could not take what the gateway has said: it is handed out, and a worker asks the gateway again. */
  | { readonly type: 'not-journaled' }
  /** The cancel at the deadline was sent, or could not be: how it stands, and what its own answer meant. */
  | {
      readonly type: 'cancel';
      readonly operation?: string;
      readonly standing: CancelStanding;
      readonly verdict?: Verdict;
    }
  /** So many lines were let go here: of a long story a timeline has the first 100 and the last 200. */
  | { readonly type: 'left-out'; readonly lines: number }
  /** The policy's function that chooses a backoff for this payment threw, or gave none: it is polled by the default. */
  | { readonly type: 'backoff-not-chosen'; readonly message: string }
  /** How the call ended: the last line. */
  | { readonly type: 'settled'; readonly outcome: Settlement['outcome']; readonly settledBy: SettledBy };

/** What is known about whether a send left this machine. */
export type Evidence =
  /** It never left: failed in the queue, while signing, by DNS, by a refused connection or a certificate check. */
  | 'not-sent'
  /** It was answered, unprocessed. */
  | 'refused'
  /** No answer, and no proof that it did not arrive. */
  | 'maybe-sent';
