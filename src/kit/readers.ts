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

/** Stands for what an answer states but cannot be read: it equals no number, and is never learnt. */
export const UNREADABLE = '(unreadable)';

/**
 * As {@link idOf}, for what an answer is about: absent, `null` and `''` state nothing; anything else that is no number
 * or text is {@link UNREADABLE}.
 */
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

/**
 * An own property that is an ISO 8601 time, in milliseconds since the epoch. Without its offset from UTC, nobody knows
 * whose clock is meant.
 */
export function instantOf(value: unknown, key: string): number | undefined {
  const time = textOf(value, key) ?? '';
  const atMs = /^\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:?\d\d)$/.test(time) ? Date.parse(time) : NaN;
  return Number.isNaN(atMs) ? undefined : atMs;
}

/** An own property that is an object with fields of its own. */
export function recordOf(value: unknown, key: string): Readonly<Record<string, unknown>> | undefined {
  const record = asRecord(value);
  return record !== undefined && Object.hasOwn(record, key) ? asRecord(record[key]) : undefined;
}

/**
 * What a JSON text holds, or `undefined` for what is none. Where the text is secret or anybody's: a parser's own error
 * would quote it.
 */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** An amount and its currency as a ticket expects them; `undefined` without an amount. */
export function moneyOf(amount: string | undefined, currency?: string): Money | undefined {
  if (amount === undefined) return undefined;
  return { amount, ...(currency !== undefined && currency !== '' && { currency }) };
}

/** What `expect` says of a write. */
export interface Money {
  amount: string;
  currency?: string;
}
