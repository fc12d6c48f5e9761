/**
 * The words every provider's answers are translated into.
 */

/** What an exchange means for the money. */
export type Verdict = TerminalVerdict | RetryableVerdict | PollRequiredVerdict;

interface VerdictBase {
  /**
   * The row that decided, in the provider's words (`2/-54`), or what came instead of an answer (`network/ECONNRESET`).
   */
  code: string;
  /** The meaning, in the same words for every provider. */
  reason: Reason;
  /** `false` when no row of the adapter's tables matched and a fallback rule decided. */
  listed: boolean;
  /** One sentence for the engineer on call. */
  advice?: string;
  /** The provider's own message, as received. */
  message?: string;
}

/** The exchange answered the question: nothing more will come of waiting or re-sending. */
export interface TerminalVerdict extends VerdictBase {
  kind: 'terminal';
  outcome: Outcome;
}

/** The provider did not process the request, or it was only a question: it may be sent again. */
export interface RetryableVerdict extends VerdictBase {
  kind: 'retryable';
  /** The least wait before the next send, in milliseconds. */
  delayMs?: number;
  /** What to do first. `reauthenticate`: fetch a new machine token. */
  remedy?: 'reauthenticate';
}

/** Accepted, in progress, or not known: only the provider can say, so ask it. */
export interface PollRequiredVerdict extends VerdictBase {
  kind: 'poll-required';
  /** The least wait before the next status query, in milliseconds. */
  delayMs?: number;
}

/**
 * How a request or a payment ended.
 *
 * - `succeeded`: the operation's effect happened (paid, refunded, captured, canceled: what it asked for).
 * - `failed`: final; the effect did not happen and will not under this reference.
 * - `canceled`, `expired`, `refunded`: the payment's final state.
 * - `authorized`: funds are held; the merchant must capture.
 * - `created`: the order exists and the payer must act.
 * - `rejected`: the gateway refused this request before doing anything. On a query it says nothing about the payment.
 */
export type Outcome =
  | 'succeeded'
  | 'failed'
  | 'canceled'
  | 'expired'
  | 'refunded'
  | 'authorized'
  | 'created'
  | 'rejected';

/** Why, in the same words for every provider. */
export type Reason =
  | 'approved'
  | 'authorized'
  | 'processing'
  | 'awaiting-payer'
  | 'awaiting-merchant'
  | 'unknown-outcome'
  | 'not-found'
  | 'duplicate'
  | 'conflict'
  | 'declined'
  | 'insufficient-funds'
  | 'limit-exceeded'
  | 'risk'
  | 'expired'
  | 'canceled'
  | 'refunded'
  | 'partially-refunded'
  | 'already-final'
  | 'invalid-request'
  | 'authentication'
  | 'permission'
  | 'configuration'
  | 'unsupported'
  | 'rate-limited'
  | 'maintenance'
  | 'unavailable'
  | 'unreachable'
  | 'unreadable';

/** Whether an operation changes something at the provider (`write`) or only asks (`read`). */
export type Effect = 'write' | 'read';

/**
 * The effect an operation's name announces: a read ends in `.query` or `.list`. `defineAdapter` holds every adapter to
 * it.
 */
export function effectOf(operation: string): Effect {
  return /\.(?:query|list)$/.test(operation) ? 'read' : 'write';
}

/**
 * Whether a verdict ends the payment.
 *
 * `created` and `authorized` do not (the payer or the merchant must still act), nor does the refusal of a read: a
 * query that was refused says nothing about what it asked for.
 *
 * @param operation the operation's name, or anything with its `effect`
 */
export function isFinal(verdict: Verdict, operation: string | { readonly effect: Effect }): boolean {
  if (verdict.kind !== 'terminal') return false;
  if (verdict.outcome === 'created' || verdict.outcome === 'authorized') return false;
  const effect = typeof operation === 'string' ? effectOf(operation) : operation.effect;
  return !(verdict.outcome === 'rejected' && effect === 'read');
}
