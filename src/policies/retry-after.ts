/**
 * `Retry-After` in milliseconds from now: seconds or an HTTP date; `undefined` when absent or malformed.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
 */
export function retryAfterMs(headers: Headers, nowMs: number): number | undefined {
  const value = headers.get('retry-after')?.trim();
  if (value === undefined) return undefined;
  // However long: a number that JSON can hold.
  if (/^\d+$/.test(value)) return Math.min(Number(value) * 1000, Number.MAX_VALUE);
  // `Date.parse` alone would read "-5" and "1.5" as years.
  const dateMs = /^[A-Z][a-z]{2}/.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(dateMs) ? undefined : Math.max(0, dateMs - nowMs);
}
