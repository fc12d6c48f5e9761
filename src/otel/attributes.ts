/**
 * The names of all attributes. Those of metrics have few values each; what names a single payment is on spans alone.
 */
export const names = {
  gateway: 'tillpaid.gateway',
  operation: 'tillpaid.operation',
  outcome: 'tillpaid.outcome',
  settledBy: 'tillpaid.settled_by',
  code: 'tillpaid.code',
  reason: 'tillpaid.reason',
  event: 'tillpaid.event',
  exchange: 'tillpaid.exchange',
  evidence: 'tillpaid.evidence',
  resend: 'tillpaid.resend',
  result: 'tillpaid.result',
  state: 'tillpaid.state',
  errorType: 'error.type',
  /** On spans alone, from here on. */
  correlationId: 'tillpaid.correlation_id',
  reference: 'tillpaid.reference',
  attempts: 'tillpaid.attempts',
  polls: 'tillpaid.polls',
  follows: 'tillpaid.follows',
  parted: 'tillpaid.parted',
  stopped: 'tillpaid.stopped',
  httpStatus: 'http.response.status_code',
} as const;

/** What OpenTelemetry calls a value that is none of the known ones. */
const OTHER = '_OTHER';
const MOST_CODES = 100;

/** A code is the gateway's to say: it is kept short, plain and few, so that no metric grows without end. */
export class Codes {
  readonly #known = new Set<string>();

  /** The code itself, or `_OTHER` where it may be a number of a payment's, or where there are too many by now. */
  shortened(code: string): string {
    if (this.#known.has(code)) return code;
    if (this.#known.size >= MOST_CODES || !/^[\w./ -]{1,60}$/.test(code) || /\d{7,}|\w{33,}/.test(code)) return OTHER;
    this.#known.add(code);
    return code;
  }
}
