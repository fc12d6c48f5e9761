/**
 * One request sent and what came back. This is what an adapter reads; it never sees a `Response`.
 */
export interface Exchange {
  /** The operation's name, such as `payment.create`. */
  operation: string;
  /** Which send of the intention this is; the first is 1. Default 1. */
  attempt?: number;
  /** An earlier send of this intention may have reached the gateway. Default: `attempt > 1`. */
  mayHaveLanded?: boolean;
  /** The request's fields, path parameters included. */
  sent?: Record<string, unknown>;
  /** The HTTP status. */
  status: number;
  headers?: Headers | Record<string, string>;
  /** The parsed JSON, or the text where it was not JSON. */
  body: unknown;
}

/**
 * What one row of an answer says, before it is decided what it means.
 */
export interface Reading {
  /** The names of the answer, most specific first (`['2/-54', '2']`); the first that has a row in the table decides. */
  names: readonly string[];
  /** The provider's message. */
  message?: string | undefined;
  /**
   * Which order the answer is about, by the ticket's own reference names; what the ticket lacks is learnt from here.
   */
  reference?: Readonly<Record<string, string | undefined>>;
  /**
   * The amount the answer speaks of, in the unit of the ticket's `expect.amount`: `100` and `100.00` are one amount.
   */
  amount?: string | undefined;
  currency?: string | undefined;
  /**
   * The provider's own number of what this row is about, where `reference` leaves it out because several may share one
   * reference.
   */
  number?: string | undefined;
  /**
   * When the provider created what this row is about, by the provider's own clock: milliseconds since the epoch,
   * rounded down as the provider does.
   */
  madeAtMs?: number | undefined;
  /**
   * What the row repeats of the send that created it, such as the merchant's own time: compared with
   * the write's own `echo`.
   */
  echo?: string | undefined;
  /**
   * In a write's own answer: it states that nothing was done, by a code that has no row or whose row leaves it open.
   * The order is asked about, and the statement is believed once the order was not found twice. In a query's row: it
   * states the same of the write, which confirms it.
   */
  refuses?: boolean | undefined;
  /** In a query's row: the payer is at it, where no code says so. See `paying` of a row. */
  paying?: boolean | undefined;
}
