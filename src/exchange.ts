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
 * What one row of an answer says, before anybody decides what it means.
 */
export interface Reading {
  /** The names the answer goes by, most telling first (`['2/-54', '2']`); the first with a row decides. */
  names: readonly string[];
  /** The provider's message. */
  message?: string | undefined;
  /** Which order the answer is about, by the ticket's own reference names; what the ticket lacks is learnt from here. */
  reference?: Readonly<Record<string, string | undefined>>;
  /** The amount the answer speaks of, in the unit of the ticket's `expect.amount`: `100` and `100.00` are one amount. */
  amount?: string | undefined;
  currency?: string | undefined;
  /** The provider's own number of what this row tells of, where `reference` leaves it out because several may stand under one reference. */
  number?: string | undefined;
  /** When the provider made what this row tells of, by the provider's own clock: milliseconds since the epoch, rounded down as the provider does. */
  madeAtMs?: number | undefined;
  /** A write's own answer: it states that nothing was done, whatever its code. Asked about, and believed once the order is not found twice. */
  refuses?: boolean | undefined;
}

/** A body as an object with string keys, or `undefined` for anything else. */
export function asRecord(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : undefined;
}

/** An own property that is a non-empty string. Numbers are not strings: `0` is not `'0000'`. */
export function textOf(value: unknown, key: string): string | undefined {
  const record = asRecord(value);
  if (record === undefined || !Object.hasOwn(record, key)) return undefined;
  const found = record[key];
  return typeof found === 'string' && found !== '' ? found : undefined;
}

/** An own property that is an identifier or an amount: a non-empty string, or a safe integer written as one. */
export function idOf(value: unknown, key: string): string | undefined {
  const stated = statedOf(value, key);
  return stated === UNREADABLE ? undefined : stated;
}

/** What an answer states but nobody can read: it agrees with no number, and is never learnt. */
export const UNREADABLE = '(unreadable)';

/** As {@link idOf}, for what an answer is about: absent, `null` and `''` state nothing; anything else that is no number or text is {@link UNREADABLE}. */
export function statedOf(value: unknown, key: string): string | undefined {
  const record = asRecord(value);
  const found = record !== undefined && Object.hasOwn(record, key) ? record[key] : undefined;
  if (found === undefined || found === null || found === '') return undefined;
  if (typeof found === 'number' && Number.isSafeInteger(found)) return String(found);
  return typeof found === 'string' ? found : UNREADABLE;
}

/** An own property that is an integer. Strings are not numbers. */
export function integerOf(value: unknown, key: string): number | undefined {
  const record = asRecord(value);
  if (record === undefined || !Object.hasOwn(record, key)) return undefined;
  const found = record[key];
  return Number.isSafeInteger(found) ? (found as number) : undefined;
}

/** An own property that is an ISO 8601 time, in milliseconds since the epoch. Without its offset from UTC, nobody knows whose clock is meant. */
export function instantOf(value: unknown, key: string): number | undefined {
  const time = textOf(value, key) ?? '';
  const atMs = /^\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:?\d\d)$/.test(time) ? Date.parse(time) : NaN;
  return Number.isNaN(atMs) ? undefined : atMs;
}
