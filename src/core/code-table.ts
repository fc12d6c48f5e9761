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
  /** It ends every try under the number: no proof is needed that it belongs to this one (doctrine 13). */
  readonly endsNumber?: true;
  /**
   * A first send was refused because the number belongs to another order: the gateway is asked once for the state of
   * that order, then the refusal is returned.
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
   * On a query: the payer or the merchant must act, and this answer holds what is needed for it. A create that was
   * answered "pending" before gets its real answer here: it is `created`.
   */
  readonly needsAction?: true;
  /**
   * On a query: the payer is at it (he has scanned, or confirmed, or enters his PIN), so that the end is near. Not for a
   * state in which an order is, too, that nobody has opened yet.
   */
  readonly paying?: true;
  /**
   * Of a write: its answer holds what the payer needs to go on. Once a query shows the order open, the write is
   * `created`, with this answer.
   */
  readonly createdWhenOpen?: true;
  /** The answer is about an earlier send of this write, whose own answer is not known yet. */
  readonly ofAnotherSend?: true;
  /** For an order that the gateway had acknowledged and that can no longer be paid, the code means `expired`. */
  readonly expiredWhenOver?: true;
  /** For a charge in the call: the same code in queries at least this far apart means `failed`. Milliseconds. */
  readonly failedWhenUnchangedForMs?: number;
}

/** A provider's codes, each with what it means. Codes are matched exactly. */
export type CodeTable = Readonly<Record<string, Row>>;

/** The sentence for a row, where it is kept apart from its table; else the row's own counts. */
export type Advice = (row: Row) => string | undefined;
