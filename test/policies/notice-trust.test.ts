import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isStale, noticesWithinMs, noTrust, withEnd, type NoticeTrust } from '../../src/policies/notice-trust.ts';

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

/** `h`: its notice came 30 seconds after it was opened; `m`: it did not come. One a second. */
const after = (ends: string, from: NoticeTrust = noTrust): NoticeTrust =>
  Array.from(ends).reduce(
    (trust, end, index) => withEnd(trust, { atMs: index * 1000, ...(end === 'h' && { afterMs: 30_000 }) }),
    from,
  );
const hits = (count: number): string => 'h'.repeat(count);

describe('whether notices come', () => {
  it.each([
    ['nothing has ended yet', '', false],
    ['few have come', hits(9), false],
    ['ten have come', hits(10), true],
    ['nine of ten have come', `${hits(4)}m${hits(5)}`, true],
    ['two of ten were missing', `hm${hits(3)}m${hits(4)}`, false],
    ['the last one is missing', `${hits(9)}m`, false],
    ['one is missing now', `${hits(10)}m`, true],
    ['one is missing now and then', `${hits(10)}m${hits(6)}m${hits(6)}m${hits(6)}m`, true],
    ['two in a row are missing', `${hits(30)}mm`, false],
    ['one of three is missing', `${hits(12)}mhhmhhmhhm`, false],
    ['they begin again', `${hits(12)}mm${hits(9)}`, false],
    ['they have begun again', `${hits(12)}mm${hits(10)}`, true],
  ])('%s', (_name, ends, isTrusted) => {
    expect(after(ends).isTrusted).toBe(isTrusted);
  });

  it('is not known from an hour ago', () => {
    const trust = after(hits(10));
    expect(noticesWithinMs(trust, HOUR_MS)).toBe(30_000);
    expect(noticesWithinMs(trust, 2 * HOUR_MS)).toBeUndefined();
    expect(isStale(trust, 2 * HOUR_MS)).toBe(true);
    expect(isStale(noTrust, 2 * HOUR_MS)).toBe(false);
  });

  it('says within which time three of four came, between 20 seconds and 5 minutes', () => {
    const of = (...seconds: number[]): number | undefined => {
      const trust = seconds.reduce((before, each) => withEnd(before, { atMs: 0, afterMs: each * 1000 }), noTrust);
      return noticesWithinMs(trust, 0);
    };
    expect(of(40, 41, 42, 43, 44, 45, 46, 47, 48, 400)).toBe(47_000);
    expect(of(1, 1, 1, 1, 1, 1, 1, 1, 1, 1)).toBe(20_000);
    expect(of(...Array.from({ length: 10 }, () => 9000))).toBe(5 * MINUTE_MS);
  });

  const ends = fc.array(
    fc.record({ atMs: fc.nat(HOUR_MS), afterMs: fc.option(fc.nat(HOUR_MS), { nil: undefined, freq: 3 }) }),
    { maxLength: 60 },
  );
  const told = (each: readonly { atMs: number; afterMs: number | undefined }[]): NoticeTrust =>
    each.reduce(
      (trust, { atMs, afterMs }) => withEnd(trust, { atMs, ...(afterMs !== undefined && { afterMs }) }),
      noTrust,
    );

  it('holds for all: trust needs nine notices of late, two missing in a row end it, and it stays small and plain', () => {
    fc.assert(
      fc.property(ends, each => {
        const trust = told(each);
        const last = each.slice(-10);
        if (trust.isTrusted) {
          expect(each.filter(({ afterMs }) => afterMs !== undefined).length).toBeGreaterThanOrEqual(9);
          expect(last.slice(-2).every(({ afterMs }) => afterMs === undefined)).toBe(false);
          const withinMs = noticesWithinMs(trust, Math.min(trust.lastAtMs ?? 0, HOUR_MS));
          expect(withinMs).toBeGreaterThanOrEqual(20_000);
          expect(withinMs).toBeLessThanOrEqual(5 * MINUTE_MS);
        } else expect(noticesWithinMs(trust, 0)).toBeUndefined();
        expect(trust.ends.length).toBeLessThanOrEqual(20);
        expect(JSON.parse(JSON.stringify(trust))).toEqual(trust);
      }),
    );
  });

  it('holds for all: what is missing never makes it trusted, and what comes never makes it doubted', () => {
    fc.assert(
      fc.property(ends, fc.nat(HOUR_MS), (each, afterMs) => {
        const trust = told(each);
        if (withEnd(trust, { atMs: 0 }).isTrusted) expect(trust.isTrusted).toBe(true);
        if (trust.isTrusted) expect(withEnd(trust, { atMs: 0, afterMs }).isTrusted).toBe(true);
      }),
    );
  });
});
