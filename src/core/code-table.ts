import type { Outcome, Reason } from './verdict.ts';

/** A row of a code table: what one of a provider's codes means on a first send. */
export type Row = TerminalRow | RetryableRow | PollRequiredRow;

interface RowBase {
  readonly reason: Reason;
  readonly advice?: string;
}

export interface TerminalRow extends RowBase {
  readonly kind: 'terminal';
  readonly outcome: Outcome;
  /** The payer may try again under the same reference: seen on a query, an open order stays open (doctrine 11). */
  readonly payerMayRetry?: true;
  /** It ends whatever was tried under the number, so that it needs no proof of whose try it was (doctrine 13). */
  readonly endsNumber?: true;
  /**
   * A first send's refusal because of another order of its number: the gateway is asked once what became of that one,
   * then the refusal is told.
   */
  readonly askedOnce?: true;
}

export interface RetryableRow extends RowBase {
  readonly kind: 'retryable';
  readonly delayMs?: number;
  readonly remedy?: 'reauthenticate';
}

export interface PollRequiredRow extends RowBase {
  readonly kind: 'poll-required';
  readonly delayMs?: number;
  /** The answer can only exist if our order does, although the reason alone would not say so. */
  readonly acknowledges?: true;
  /**
   * On a query: the payer or the merchant must act, and what he needs for it is in this very answer. A create that was
   * answered "pending" before has its real answer here: it is `created`.
   */
  readonly needsAction?: true;
  /**
   * Of a write: its answer says where the payer goes on. Once a query shows the order open, it is `created`, with this
   * answer.
   */
  readonly createdWhenOpen?: true;
  /** It speaks of another send of this write: that one's own answer is still to come. */
  readonly ofAnotherSend?: true;
  /** Of an order that the gateway had acknowledged, and that can no longer be paid, it means `expired`. */
  readonly expiredWhenOver?: true;
  /** Of a charge in the call, the same code in queries at least this far apart means `failed`. Milliseconds. */
  readonly failedWhenUnchangedForMs?: number;
}

/** A provider's codes, each with what it means. Codes are matched exactly. */
export type CodeTable = Readonly<Record<string, Row>>;

/** The sentence for a row, where it is kept apart from its table; else the row's own counts. */
export type Advice = (row: Row) => string | undefined;
