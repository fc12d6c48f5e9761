import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isInputError } from '../../src/core/errors.ts';
import {
  backoffFrom,
  constant,
  defineBackoff,
  exponential,
  growing,
  steps,
  type Backoff,
} from '../../src/policies/backoff.ts';
import { manualClock } from '../../src/testing/manual-clock.ts';

describe('a backoff can be printed', () => {
  it.each<[Backoff, number[], string]>([
    [constant(250), [250, 250, 250, 250, 250, 250], 'constant 250, 250, 250, 250, 250, …'],
    [steps([1000, 2000, 5000]), [1000, 2000, 5000, 5000, 5000, 5000], 'steps 1000, 2000, 5000, 5000, 5000, …'],
    [
      exponential({ baseMs: 100, maxMs: 1000 }),
      [100, 200, 400, 800, 1000, 1000],
      'exponential 100, 200, 400, 800, 1000, …',
    ],
    [
      exponential({ baseMs: 100, maxMs: 1000, jitter: 'none', factor: 3 }),
      [100, 300, 900, 1000, 1000, 1000],
      'exponential 100, 300, 900, 1000, 1000, …',
    ],
    [
      growing({ firstMs: 3000, baseMs: 2000, ratio: 0.5, maxMs: 10_000, jitter: 0 }),
      [3000, 3500, 5250, 7875, 10_000, 10_000],
      'growing 3000, 3500, 5250, 7875, 10000, …',
    ],
    [
      growing({ firstMs: 3000, baseMs: 2000, ratio: 0.5, easesAfterMs: 4000 }),
      [3000, 3500, 4625, 5781, 7227, 9033],
      'growing 3000, 3500, 4625, 5781, 7227, …, each up to 20 % shorter',
    ],
  ])('%s', (backoff, waits, printed) => {
    expect(backoff.list(6)).toEqual(waits);
    expect(String(backoff)).toBe(printed);
  });

  it('as eight waits, unless told otherwise', () => {
    expect(constant(1).list()).toHaveLength(8);
    expect(constant(1).list(0)).toEqual([]);
  });

  it('and is a value that nobody changes', () => {
    const waits = [1, 2];
    const backoff = steps(waits);
    waits[0] = 99;
    expect(backoff.list(2)).toEqual([1, 2]);
    expect(Object.isFrozen(backoff)).toBe(true);
  });
});

describe('a backoff can be stored as JSON', () => {
  const stored = (backoff: Backoff): unknown => JSON.parse(JSON.stringify(backoff));

  it.each<[Backoff, object]>([
    [constant(250), { name: 'constant', everyMs: 250 }],
    [steps([1000, 2000]), { name: 'steps', delaysMs: [1000, 2000] }],
    [exponential({ baseMs: 100 }), { name: 'exponential', baseMs: 100, maxMs: 30_000, factor: 2, jitter: 'full' }],
    [
      growing(),
      {
        ...{ name: 'growing', firstMs: 3000, baseMs: 2000, ratio: 0.13, maxMs: 60_000 },
        ...{ easesAfterMs: 30_000, jitter: 0.2 },
      },
    ],
    // As a release without jitter wrote it.
    [growing({ ratio: 0.5, jitter: 0 }), { name: 'growing', firstMs: 3000, baseMs: 2000, ratio: 0.5, maxMs: 60_000 }],
    [defineBackoff('at night', () => 5), { name: 'at night' }],
  ])('as its name and its numbers: %s', (backoff, data) => expect(stored(backoff)).toEqual(data));

  it('and gives the same waits when it is read again', () => {
    for (const backoff of [
      constant(250),
      steps([0, Infinity]),
      exponential({ baseMs: 3, factor: Infinity, jitter: 'none' }),
      growing({ maxMs: Infinity, ratio: Infinity }),
      growing({ jitter: 0.5, easesAfterMs: 0 }),
      growing({ easesAfterMs: Infinity }),
    ]) {
      expect(backoffFrom(stored(backoff)).list(20)).toEqual(backoff.list(20));
      expect(backoff.list(20).every(Number.isFinite)).toBe(true);
    }
  });

  it('and waits as it did when a release without jitter stored it', () => {
    const former = backoffFrom({ name: 'growing', firstMs: 3000, baseMs: 2000, ratio: 0.08, maxMs: 45_000 });
    expect(former.list(4)).toEqual([3000, 2240, 2419, 2613]);
    for (const chance of [0, 0.5, 0.999]) {
      expect(former.delayMs({ step: 2, elapsedMs: 3000, chance })).toBe(2240);
      expect(former.delayMs({ step: 30, elapsedMs: 100_000, chance })).toBe(10_000);
      expect(former.delayMs({ step: 50, elapsedMs: 3_600_000, chance })).toBe(45_000);
    }
    expect(stored(former)).toEqual({ name: 'growing', firstMs: 3000, baseMs: 2000, ratio: 0.08, maxMs: 45_000 });
  });

  it('as its name alone when it is the user’s own, who passes it again', () => {
    const atNight = defineBackoff('at night', ({ step }) => step * 1000, { maxMs: 3000 });
    expect(atNight.list(5)).toEqual([1000, 2000, 3000, 3000, 3000]);
    expect(backoffFrom(stored(atNight), [defineBackoff('by day', () => 1), atNight])).toBe(atNight);
    expectRefusal(() => backoffFrom(stored(atNight)), /no "at night" here.*createGateway\(\{ backoffs/);
  });

  it('but not as another one: a copy that waits otherwise has no name', () => {
    expectRefusal(() => backoffFrom(stored({ ...constant(250), delayMs: () => 5 })), /has no name.*defineBackoff/);
  });

  it.each([
    null,
    5,
    'constant',
    {},
    { name: 5 },
    { name: 'constant', everyMs: -1 },
    { name: 'steps' },
    { name: 'growing', ratio: 'x' },
    { name: 'toString' },
  ])('not from %j', data => {
    expectRefusal(() => backoffFrom(data), /./);
  });

  it.each(['', ' ', 'growing', 'x'.repeat(101), null])('not under the name %j', name => {
    expectRefusal(() => defineBackoff(name as string, () => 1), /^defineBackoff: /);
  });
});

describe('the defaults', () => {
  it('of exponential are half a second, doubled up to half a minute, and drawn', () => {
    expect(exponential().list()).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
    expect(exponential().delayMs({ step: 1, elapsedMs: 0, chance: 0 })).toBe(0);
  });

  it('of growing are three seconds, then two and an eighth of what has passed, half as much after half a minute, up to a minute', () => {
    expect(growing().list(4)).toEqual([3000, 2390, 2701, 3052]);
    expect(growing().maxMs).toBe(60_000);
    const longest = (elapsedMs: number): number => growing().delayMs({ step: 20, elapsedMs, chance: 1 });
    expect([30_000, 40_000, 3_600_000].map(longest)).toEqual([5900, 6550, 60_000]);
    expect(growing().delayMs({ step: 50, elapsedMs: 3_600_000, chance: 0.5 })).toBe(54_000);
  });

  it('of growing do not ease where the ratio is the user’s own, unless he says when', () => {
    const at = { step: 20, elapsedMs: 100_000, chance: 1 };
    expect(growing({ ratio: 0.1 }).delayMs(at)).toBe(12_000);
    expect(growing({ ratio: 0.1, easesAfterMs: 50_000 }).delayMs(at)).toBe(9500);
  });
});

describe('full jitter', () => {
  const drawn = exponential({ baseMs: 1000, maxMs: 8000 });

  it('draws evenly between nothing and the whole wait', () => {
    expect([0, 0.25, 0.5, 1].map(chance => drawn.delayMs({ step: 2, elapsedMs: 0, chance }))).toEqual([
      0, 500, 1000, 2000,
    ]);
  });

  it('can be turned off', () => {
    const plain = exponential({ baseMs: 1000, maxMs: 8000, jitter: 'none' });
    expect([0, 0.5, 1].map(chance => plain.delayMs({ step: 2, elapsedMs: 0, chance }))).toEqual([2000, 2000, 2000]);
  });

  it('is only in exponential: steps and constant waits come at their time', () => {
    for (const backoff of [constant(100), steps([100, 200]), growing({ jitter: 0 })]) {
      const waits = [0, 0.5, 0.999].map(chance => backoff.delayMs({ step: 2, elapsedMs: 1000, chance }));
      expect(new Set(waits).size).toBe(1);
    }
  });
});

describe('the jitter of growing', () => {
  it('takes a share of the wait at most', () => {
    const at = { step: 1, elapsedMs: 0 };
    expect([0, 0.5, 1].map(chance => growing().delayMs({ ...at, chance }))).toEqual([2400, 2700, 3000]);
    expect([0, 0.5, 1].map(chance => growing({ jitter: 1 }).delayMs({ ...at, chance }))).toEqual([0, 1500, 3000]);
  });

  it('spreads a thousand payments of one second, more with each step', () => {
    const backoff = growing();
    const clock = manualClock();
    const asked = Array.from({ length: 1000 }, (_payment, openedMs) => {
      let elapsedMs = 0;
      return Array.from({ length: 10 }, (_each, index) => {
        elapsedMs += backoff.delayMs({ step: index + 1, elapsedMs, chance: clock.random() });
        return openedMs + elapsedMs;
      });
    });
    const mostInOneSecond = (step: number): number => {
      const at = asked.map(each => each[step] ?? 0);
      return Math.max(...at.map(fromMs => at.filter(ms => ms >= fromMs && ms < fromMs + 1000).length));
    };
    expect(mostInOneSecond(0)).toBeLessThan(900);
    expect(mostInOneSecond(4)).toBeLessThan(700);
    expect(mostInOneSecond(9)).toBeLessThan(500);
  });
});

describe('whatever the step', () => {
  const ms = fc.integer({ min: 0, max: 3_600_000 });
  const backoff = fc.oneof(
    ms.map(constant),
    fc.array(ms, { minLength: 1, maxLength: 10 }).map(steps),
    fc
      .record(
        {
          baseMs: ms,
          maxMs: ms,
          factor: fc.double({ min: 1, max: 100, noNaN: true }),
          jitter: fc.constantFrom('full' as const, 'none' as const),
        },
        { requiredKeys: [] },
      )
      .map(exponential),
    fc
      .record(
        {
          ...{ firstMs: ms, baseMs: ms, ratio: fc.double({ min: 0, max: 100, noNaN: true }), maxMs: ms },
          ...{ easesAfterMs: ms, jitter: fc.double({ min: 0, max: 1, noNaN: true }) },
        },
        { requiredKeys: [] },
      )
      .map(growing),
  );
  const step = fc.record({
    step: fc.integer({ min: 1, max: 100_000 }),
    elapsedMs: fc.integer({ min: 0, max: 10 ** 12 }),
    chance: fc.double({ min: 0, max: 1, noNaN: true }),
  });

  it('a wait is a number from 0 to maxMs', () => {
    fc.assert(
      fc.property(backoff, step, (given, at) => {
        const delayMs = given.delayMs(at);
        expect(delayMs).toBeGreaterThanOrEqual(0);
        expect(delayMs).toBeLessThanOrEqual(given.maxMs);
      }),
      { numRuns: 1000 },
    );
  });

  it('no wait stays no wait for ever', () => {
    for (const given of [
      exponential({ baseMs: 0 }),
      exponential({ baseMs: 0, jitter: 'none' }),
      constant(0),
      steps([0]),
    ]) {
      expect(given.delayMs({ step: 2000, elapsedMs: 0, chance: 0.5 })).toBe(0);
    }
  });

  it('the same step gives the same wait', () => {
    fc.assert(fc.property(backoff, step, (given, at) => given.delayMs(at) === given.delayMs(at)));
  });

  it('it gives the same wait when it was stored and read again', () => {
    fc.assert(
      fc.property(backoff, step, (given, at) => {
        expect(backoffFrom(JSON.parse(JSON.stringify(given))).delayMs(at)).toBe(given.delayMs(at));
      }),
    );
  });

  it('a growing wait never shrinks as time passes, nor as chance takes less of it', () => {
    const options = fc.record(
      { baseMs: ms, ratio: fc.double({ min: 0, max: 100, noNaN: true }), maxMs: ms, easesAfterMs: ms },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(options, step, ms, fc.double({ min: 0, max: 1, noNaN: true }), (given, at, laterMs, part) => {
        const later = growing(given).delayMs({ ...at, step: 2, elapsedMs: at.elapsedMs + laterMs });
        const now = growing(given).delayMs({ ...at, step: 2 });
        expect(later).toBeGreaterThanOrEqual(now);
        expect(now).toBeGreaterThanOrEqual(growing(given).delayMs({ ...at, step: 2, chance: part * at.chance }));
      }),
    );
  });

  it('an exponential wait never shrinks from one step to the next', () => {
    fc.assert(
      fc.property(ms, ms, fc.integer({ min: 1, max: 500 }), (baseMs, maxMs, at) => {
        const given = exponential({ baseMs: baseMs + 1, maxMs });
        expect(given.delayMs({ step: at + 1, elapsedMs: 0, chance: 1 })).toBeGreaterThanOrEqual(
          given.delayMs({ step: at, elapsedMs: 0, chance: 1 }),
        );
      }),
    );
  });
});

describe('bad input is refused', () => {
  const notDurations: unknown[] = [-1, -0.001, Number.NaN, -Infinity, '1000', null, {}, [], true];

  it.each<[string, (value: never) => Backoff, RegExp]>([
    ['constant', value => constant(value), /^constant: delayMs must be a number of milliseconds, 0 or more/],
    ['steps', value => steps([1, value]), /^steps: wait 2 must be/],
    ['exponential’s baseMs', value => exponential({ baseMs: value }), /^exponential: baseMs must be/],
    ['exponential’s maxMs', value => exponential({ maxMs: value }), /^exponential: maxMs must be/],
    ['growing’s firstMs', value => growing({ firstMs: value }), /^growing: firstMs must be/],
    ['growing’s baseMs', value => growing({ baseMs: value }), /^growing: baseMs must be/],
    ['growing’s maxMs', value => growing({ maxMs: value }), /^growing: maxMs must be/],
    ['growing’s easesAfterMs', value => growing({ easesAfterMs: value }), /^growing: easesAfterMs must be/],
    ['growing’s jitter', value => growing({ jitter: value }), /^growing: jitter must be 0 or more/],
    ['growing’s ratio', value => growing({ ratio: value }), /^growing: ratio must be 0 or more/],
  ])('%s: whatever is no duration', (_what, make, message) => {
    for (const value of notDurations) expectRefusal(() => make(value as never), message);
  });

  it.each([0.5, 0, -2, Number.NaN, '2', null])('exponential: a factor of %s, which would not grow', factor => {
    expectRefusal(() => exponential({ factor: factor as number }), /^exponential: factor must be 1 or more/);
  });

  it.each([1.1, 20, Infinity])('growing: a jitter of %s, which is no share', jitter => {
    expectRefusal(() => growing({ jitter }), /^growing: jitter is a share of the wait, from 0 to 1/);
  });

  it.each(['half', '', null, 1, {}])('exponential: a jitter of %s', jitter => {
    expectRefusal(() => exponential({ jitter: jitter as 'full' }), /^exponential: jitter is 'full' or 'none'/);
  });

  it.each([undefined, null, 1000, '1000', { 0: 1 }, []])('steps: %s instead of a list with a wait', delaysMs => {
    expectRefusal(() => steps(delaysMs as number[]), /^steps: pass/);
  });
});

function expectRefusal(act: () => unknown, message: RegExp): void {
  let thrown: unknown;
  try {
    act();
  } catch (error) {
    thrown = error;
  }
  expect(isInputError(thrown)).toBe(true);
  expect((thrown as Error).message).toMatch(message);
}
