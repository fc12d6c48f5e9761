import type { PollRequiredRow, RetryableRow, TerminalRow } from '../core/code-table.ts';
import type { Outcome, Reason } from '../core/verdict.ts';

/**
 * Rows of a code table. Each builder is one line of a provider's manual, read aloud:
 *
 * ```ts
 * export const payment = {
 *   '0000': succeeded('approved'),
 *   '1145': pollRequired('processing'),
 *   '1201': declined('insufficient-funds', 'Ask the payer for another payment method.'),
 * } satisfies CodeTable;
 * ```
 */

const terminal =
  (outcome: Outcome, usual: Reason) =>
  (reason: Reason = usual, advice?: string): TerminalRow => ({
    kind: 'terminal',
    outcome,
    reason,
    ...(advice !== undefined && { advice }),
  });

type TerminalBuilder = (reason?: Reason, advice?: string) => TerminalRow;

/** The operation's effect happened. */
export const succeeded: TerminalBuilder = terminal('succeeded', 'approved');
/** Final: the provider states that the effect did not happen and will not under this reference. */
export const failed: TerminalBuilder = terminal('failed', 'declined');
/** The payment's final state: canceled. */
export const canceled: TerminalBuilder = terminal('canceled', 'canceled');
/** The payment's final state: expired unpaid. */
export const expired: TerminalBuilder = terminal('expired', 'expired');
/** The payment's final state: paid and refunded in full. */
export const refunded: TerminalBuilder = terminal('refunded', 'refunded');
/** Funds are held; the merchant must capture. */
export const authorized: TerminalBuilder = terminal('authorized', 'authorized');
/** The order exists; the payer must act. */
export const created: TerminalBuilder = terminal('created', 'awaiting-payer');
/** The gateway refused this request before doing anything. */
export const rejected: TerminalBuilder = terminal('rejected', 'invalid-request');

/** Declined: `failed` for a charge in the call, still open on a query of an order the payer can try again. */
export function declined(reason: Reason = 'declined', advice?: string): TerminalRow {
  return { ...failed(reason, advice), payerMayRetry: true };
}

/** This reference is taken. On a first send another intention owns it; after a send that may have landed, ask. */
export function duplicate(
  advice: string = 'Another order owns this number: look it up before choosing a new one.',
): TerminalRow {
  return rejected('duplicate', advice);
}

/** The same, and the gateway is asked once for the state of the order that owns the number: the caller gets both. */
export function askedOnce(row: TerminalRow): TerminalRow {
  return { ...row, askedOnce: true };
}

/** The provider states that it did not process the request, or the operation is a read. */
export function retryable(
  reason: Reason,
  options: { delayMs?: number; remedy?: 'reauthenticate'; advice?: string } = {},
): RetryableRow {
  return { kind: 'retryable', reason, ...options };
}

/**
 * Accepted, in progress, or not known. `acknowledges`: the answer proves that the order exists. `expiredWhenOver`: of
 * an order that was acknowledged and whose time is over, it means `expired`. `failedWhenUnchangedForMs`: of a charge in
 * the call that keeps this state, it means `failed`. `needsAction`: on a query, the payer or the merchant must act, and
 * this answer holds what is needed. `paying`: on a query, the payer is at it. `ofAnotherSend`: it is about an earlier send of the same write. `createdWhenOpen`:
 * a write's answer holds what the payer needs to go on, and is `created` once a query shows the order open.
 */
export function pollRequired(reason: Reason, options: Omit<PollRequiredRow, 'kind' | 'reason'> = {}): PollRequiredRow {
  return { kind: 'poll-required', reason, ...options };
}
