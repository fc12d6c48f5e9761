import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { retryAfterMs } from '../../src/policies/retry-after.ts';

const nowMs = Date.UTC(2026, 10, 1, 8, 0, 0);
const read = (value?: string): number | undefined =>
  retryAfterMs(new Headers(value === undefined ? {} : { 'retry-after': value }), nowMs);

describe('Retry-After', () => {
  it('is absent when there is none', () => {
    expect(read()).toBeUndefined();
  });

  it.each([
    ['0', 0],
    ['1', 1000],
    ['120', 120_000],
    [' 120 ', 120_000],
    ['007', 7000],
    ['3000000', 3_000_000_000],
  ])('is understood in seconds: %j', (value, delayMs) => {
    expect(read(value)).toBe(delayMs);
  });

  it.each([
    ['Sun, 01 Nov 2026 08:00:30 GMT', 30_000],
    ['Sun, 01 Nov 2026 08:00:00 GMT', 0],
    ['Sunday, 01-Nov-26 08:00:30 GMT', 30_000],
    ['Wed, 01 Jan 2126 00:00:00 GMT', Date.UTC(2126, 0, 1) - nowMs],
  ])('is understood as a date: %s', (value, delayMs) => {
    expect(read(value)).toBe(delayMs);
  });

  it('that has passed is no wait', () => {
    expect(read('Sun, 01 Nov 2026 07:59:59 GMT')).toBe(0);
    expect(read('Thu, 01 Jan 1970 00:00:00 GMT')).toBe(0);
  });

  it.each([
    ...['-5', '1.5', '+5', '5s', '1e3', '0x10', '120, 120', 'NaN', 'Infinity'],
    ...['', ' ', 'abc', 'Mon', 'Soon', '2026-11-01T08:00:30Z', 'Sun, 99 Nov 2026 08:00:00 GMT'],
  ])('that is malformed is ignored: %j', value => {
    expect(read(value)).toBeUndefined();
  });

  it('without end is a wait without end, not none', () => {
    expect(read('9'.repeat(400))).toBe(Number.MAX_VALUE);
    expect(read('9'.repeat(20))).toBeGreaterThan(1e20);
  });

  it('is a wait of 0 or more or nothing at all, whatever is sent', () => {
    const date = fc.date({ noInvalidDate: true }).map(given => given.toUTCString());
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.integer().map(String), fc.double().map(String), date), value => {
        fc.pre(/^[\x20-\x7e]*$/.test(value));
        const delayMs = read(value);
        if (delayMs !== undefined) expect(delayMs).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});
