import { describe, expect, it } from 'vitest';
import { timingSafeEqual } from '../../src/kit/timing-safe.ts';

describe('timingSafeEqual', () => {
  it('is true for equal texts only', () => {
    for (const text of ['', 'a', '1E2CE7C2', 'trà đá', '\u0000']) expect(timingSafeEqual(text, text)).toBe(true);
    for (const [one, other] of [
      ['a', 'b'],
      ['a', ''],
      ['', 'a'],
      ['ab', 'a'],
      ['a', 'ab'],
      ['a', 'a\u0000'],
      ['\u0000', ''],
      ['A', 'a'],
      ['ab', 'ba'],
    ] as const) {
      expect(timingSafeEqual(one, other), JSON.stringify([one, other])).toBe(false);
    }
  });
});
