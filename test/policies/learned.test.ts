import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isInputError } from '../../src/core/errors.ts';
import { backoffFrom, constant, defaultPolicy, growing, learned, steps } from '../../src/policies/index.ts';
import type { Backoff, LearnedOptions, SettleTime } from '../../src/policies/index.ts';
import { BestWaits } from '../../src/policies/best-waits.ts';
import { settleMix } from '../../src/policies/settle-mix.ts';

const DEADLINE_MS = 900_000;
const usual = defaultPolicy.poll.backoff;

/** Evenly through the distribution: no chance is needed to draw from it. */
const lognormal = (count: number, medianMs: number, sigma: number): number[] =>
  Array.from({ length: count }, (_, index) => medianMs * Math.exp(sigma * normalQuantile((index + 0.5) / count)));

/** By bisection of a good enough normal distribution. */
function normalQuantile(part: number): number {
  let [low, high] = [-8, 8];
  for (let round = 0; round < 60; round++) {
    const middle = (low + high) / 2;
    if (1 / (1 + Math.exp(-1.5976 * middle - 0.07056 * middle ** 3)) < part) low = middle;
    else high = middle;
  }
  return low;
}

const usualTimes = (count: number): number[] => [
  ...lognormal(Math.round(count * 0.8), 6000, 1),
  ...lognormal(Math.round(count * 0.15), 90_000, 0.8),
  ...new Array<number>(Math.round(count * 0.05)).fill(Infinity),
];

/** The times it asks at, up to the deadline, where each exchange takes so long. */
function timesOf(backoff: Backoff, { chance = 0.5, exchangeMs = 0, deadlineMs = DEADLINE_MS } = {}): number[] {
  const times: number[] = [];
  for (let step = 1, elapsedMs = 0; ; step++) {
    elapsedMs += backoff.delayMs({ step, elapsedMs, chance });
    if (elapsedMs >= deadlineMs || step > 5000) return times;
    times.push(elapsedMs);
    elapsedMs += exchangeMs;
  }
}

const economyOf = (backoff: Backoff, settleTimes: readonly number[]): ReturnType<BestWaits['economyAt']> => {
  const within = settleTimes.map(atMs => ({ afterMs: atMs, byMs: atMs }));
  return new BestWaits(settleMix(within, 0, DEADLINE_MS), DEADLINE_MS).economyAt(timesOf(backoff));
};

function expectRefusal(make: () => unknown, message: RegExp): void {
  let thrown: unknown;
  try {
    make();
  } catch (error) {
    thrown = error;
  }
  expect(isInputError(thrown)).toBe(true);
  expect((thrown as Error).message).toMatch(message);
}

const aTime = fc.oneof(
  fc.double({ min: 0, max: 2e6, noNaN: true }),
  fc.constant(Infinity),
  fc.constant(0),
  fc
    .tuple(fc.double({ min: 0, max: 1e6, noNaN: true }), fc.double({ min: 0, max: 1e6, noNaN: true }))
    .map(([one, other]) => ({ afterMs: Math.min(one, other), byMs: Math.max(one, other) })),
  fc.double({ min: 0, max: 1e6, noNaN: true }).map(afterMs => ({ afterMs, byMs: Infinity })),
);

const someOptions: fc.Arbitrary<LearnedOptions> = fc.record(
  {
    settleTimesMs: fc.array(aTime, { minLength: 1, maxLength: 60 }),
    unsettled: fc.nat({ max: 1000 }),
    deadlineMs: fc.integer({ min: 1, max: 90_000_000 }),
  },
  { requiredKeys: ['settleTimesMs'] },
);

describe('a learned schedule', () => {
  it('is the default exactly while there are no samples', () => {
    const backoff = learned({ settleTimesMs: [] });
    expect(backoff.list(100)).toEqual(usual.list(100));
    expect(backoff.maxMs).toBe(usual.maxMs);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 90 }), fc.nat({ max: 1e6 }), fc.double({ min: 0, max: 0.99 }), (...of) => {
        const [step, elapsedMs, chance] = of;
        expect(backoff.delayMs({ step, elapsedMs, chance })).toBe(usual.delayMs({ step, elapsedMs, chance }));
      }),
    );
    expect(learned({ settleTimesMs: [], otherwise: constant(70) }).list(3)).toEqual([70, 70, 70]);
  });

  it('asks sooner for the same number of queries than the default does', () => {
    for (const times of [lognormal(1000, 2500, 0.4), lognormal(1000, 60_000, 0.7), usualTimes(1000)]) {
      const now = economyOf(learned({ settleTimesMs: times }), times);
      const before = economyOf(usual, times);
      expect(now.queriesPerPayment).toBeLessThanOrEqual(before.queriesPerPayment * 1.02);
      expect(now.meanLatencyMs).toBeLessThan(before.meanLatencyMs);
    }
  });

  it('is as good when the samples are known only to within two queries, as a gateway sees them', () => {
    const times = lognormal(2000, 6000, 0.7);
    const asked = [0, ...timesOf(usual, { chance: 0.3 }), ...timesOf(usual, { chance: 0.9 })].sort((a, b) => a - b);
    const seen = times.map((atMs, index): SettleTime => {
      const own = asked.filter((_, at) => at % 2 === index % 2);
      return { afterMs: own.findLast(each => each < atMs) ?? 0, byMs: own.find(each => each >= atMs) ?? Infinity };
    });
    const [exact, within] = [times, seen].map(settleTimesMs => economyOf(learned({ settleTimesMs }), times));
    expect(within?.meanLatencyMs).toBeLessThan((exact?.meanLatencyMs ?? 0) * 1.08);
  });

  it('costs at most the queries it is given, or is at most as late as it may be', () => {
    const settleTimesMs = usualTimes(2000);
    for (const queriesPerPayment of [4, 8, 16]) {
      const { queriesPerPayment: made } = economyOf(learned({ settleTimesMs, queriesPerPayment }), settleTimesMs);
      expect(made).toBeGreaterThan(queriesPerPayment * 0.9);
      expect(made).toBeLessThan(queriesPerPayment * 1.05);
    }
    for (const maxMeanLatencyMs of [1000, 2000, 5000])
      expect(economyOf(learned({ settleTimesMs, maxMeanLatencyMs }), settleTimesMs).meanLatencyMs).toBeLessThan(
        maxMeanLatencyMs * 1.05,
      );
  });

  it('changes little by a few samples', () => {
    const mix = usualTimes(2000);
    const before = economyOf(usual, mix);
    for (const settleTimesMs of [[1], [6000], [800_000], [Infinity], [100, 200, 300, 400], lognormal(10, 6000, 1)]) {
      const { queriesPerPayment, meanLatencyMs } = economyOf(learned({ settleTimesMs }), mix);
      expect(queriesPerPayment / before.queriesPerPayment + meanLatencyMs / before.meanLatencyMs).toBeLessThan(2.1);
    }
  });

  it('is not moved by one payment that took a million seconds', () => {
    const times = lognormal(1000, 6000, 1);
    const [without, withIt] = [times, [...times, 1e9]].map(settleTimesMs => timesOf(learned({ settleTimesMs })));
    withIt?.slice(0, 20).forEach((atMs, at) => expect(Math.abs(atMs / (without?.[at] ?? 0) - 1)).toBeLessThan(0.06));
  });

  it('asks just after the moment at which all have settled so far, and goes on asking', () => {
    const times = timesOf(learned({ settleTimesMs: new Array<number>(1000).fill(5000) }));
    expect(times[0]).toBeGreaterThanOrEqual(5000);
    expect(times[0]).toBeLessThan(5500);
    expect(times[1]).toBeLessThan(15_000);
    expect(times.length).toBeGreaterThan(10);
    const never = timesOf(learned({ settleTimesMs: [], unsettled: 1000 }));
    expect(never.length).toBeGreaterThan(5);
  });

  it('whatever the samples, never asks more often than twice a second, nor stops before the deadline', () => {
    fc.assert(
      fc.property(
        someOptions,
        fc.double({ min: 0, max: 0.99, noNaN: true }),
        fc.nat({ max: 2000 }),
        (options, ...of) => {
          const [chance, exchangeMs] = of;
          const backoff = learned(options);
          let elapsedMs = 0;
          for (let step = 1; elapsedMs < (options.deadlineMs ?? DEADLINE_MS) * 2 && step < 300; step++) {
            const waitMs = backoff.delayMs({ step, elapsedMs, chance });
            expect(waitMs).toBeGreaterThanOrEqual(500);
            expect(waitMs).toBeLessThanOrEqual(backoff.maxMs);
            elapsedMs += waitMs + exchangeMs;
          }
          expect(backoff.maxMs).toBeLessThanOrEqual(660_000);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('is stored as JSON and read again with the same waits', () => {
    fc.assert(
      fc.property(someOptions, options => {
        const backoff = learned(options);
        const text = JSON.stringify(backoff);
        const again = backoffFrom(JSON.parse(text));
        expect(again.list(80)).toEqual(backoff.list(80));
        expect(String(again)).toBe(String(backoff));
        expect(again.maxMs).toBe(backoff.maxMs);
        expect(JSON.stringify(again)).toBe(text);
        expect(text.length).toBeLessThan(1400);
      }),
      { numRuns: 60 },
    );
    const none = learned({ settleTimesMs: [], otherwise: growing({ firstMs: 10 }) });
    expect(backoffFrom(JSON.parse(JSON.stringify(none))).list(9)).toEqual(none.list(9));
  });

  it('keeps to its times, whatever answers take, and however often it was asked about in between', () => {
    const backoff = learned({ settleTimesMs: usualTimes(500) });
    const [first = 0, second = 0, third = 0] = timesOf(backoff);
    expect(backoff.delayMs({ step: 2, elapsedMs: first + 300, chance: 0.5 })).toBe(second - first - 300);
    expect(backoff.delayMs({ step: 9, elapsedMs: first + 300, chance: 0.5 })).toBe(second - first - 300);
    expect(backoff.delayMs({ step: 2, elapsedMs: second - 100, chance: 0.5 })).toBe(third - second + 100);
  });

  it('keeps apart what began together', () => {
    const backoff = learned({ settleTimesMs: usualTimes(500) });
    const wait = (chance: number): number => backoff.delayMs({ step: 1, elapsedMs: 0, chance });
    expect(wait(0) / wait(0.5)).toBeCloseTo(0.9, 2);
    expect(wait(1) / wait(0.5)).toBeCloseTo(1.1, 2);
  });

  it('says how sure it is, and why', () => {
    const of = (count: number): LearnedOptions => ({ settleTimesMs: lognormal(count, 6000, 1), unsettled: 1 });
    expect([learned({ settleTimesMs: [] }), ...[5, 200, 5000].map(count => learned(of(count)))].map(String)).toEqual([
      expect.stringMatching(/^learned [\d, ]+… \(not sure: there is no history: this is the default\)$/),
      expect.stringMatching(/\(hardly sure: 16\.7 % is the history of 6 payments, 5 of them settled; the rest /),
      expect.stringMatching(/\(fairly sure: 87 % is the history of 201 payments, 200 of them settled/),
      expect.stringMatching(/\(very sure: 99\.4 % is the history of 5001 payments, 5000 of them settled/),
    ]);
    expect(learned(of(5)).confidence).toMatchObject({ samples: 6, settled: 5, weightOfHistory: 0.1667 });
  });

  it.each<[string, unknown, RegExp]>([
    ['no list', { settleTimesMs: 5 }, /settleTimesMs must be a list/],
    ['NaN', { settleTimesMs: [1, NaN] }, /settleTimesMs\[1\] must be milliseconds.*got NaN/],
    ['a negative time', { settleTimesMs: [-1] }, /settleTimesMs\[0\].*got -1/],
    ['a text', { settleTimesMs: ['5'] }, /settleTimesMs\[0\].*got 5/],
    ['nothing', { settleTimesMs: [null] }, /settleTimesMs\[0\].*got null/],
    [
      'a time that ends before it begins',
      { settleTimesMs: [{ afterMs: 9, byMs: 5 }] },
      /\[0\].*\{ afterMs: 9, byMs: 5 \}/,
    ],
    ['half a payment', { settleTimesMs: [], unsettled: 0.5 }, /unsettled must be a whole number/],
    ['a deadline of none', { settleTimesMs: [], deadlineMs: 0 }, /deadlineMs must be a number above 0/],
    ['two goals', { settleTimesMs: [], queriesPerPayment: 5, maxMeanLatencyMs: 5 }, /queriesPerPayment or maxMean/],
    ['a misspelt option', { settleTimesMs: [], deadline: 5 }, /there is no option "deadline"/],
  ])('refuses %s, and says what is wrong', (_title, options, message) => {
    expectRefusal(() => learned(options as LearnedOptions), message);
  });

  it('refuses what is no learned schedule when it is read', () => {
    for (const data of [
      { name: 'learned' },
      { name: 'learned', delaysMs: [] },
      { name: 'learned', delaysMs: [-1], confidence: {} },
    ])
      expectRefusal(() => backoffFrom(data), /learned/);
  });
});

describe('the best times to ask at', () => {
  it('are better than any others', () => {
    const mix = settleMix(
      usualTimes(400).map(atMs => ({ afterMs: atMs, byMs: atMs })),
      0,
      60_000,
    );
    const best = new BestWaits(mix, 60_000);
    const aSchedule = fc.array(fc.integer({ min: 500, max: 59_000 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(aSchedule, fc.double({ min: 0.05, max: 20, noNaN: true }), (times, worth) => {
        const apart = times.sort((a, b) => a - b).filter((atMs, at) => atMs - (times[at - 1] ?? 0) >= 600);
        const [any, cheapest] = [best.economyAt(apart), best.economyFor(worth)].map(
          ({ queriesPerPayment, meanLatencyMs }) => queriesPerPayment + (worth * meanLatencyMs) / 1000,
        );
        expect(cheapest).toBeLessThanOrEqual((any ?? 0) + 1e-9);
      }),
    );
  });
});

describe('a schedule to compare with that never waits', () => {
  it('makes a schedule that asks soon, and no rare one', () => {
    const settleTimesMs = Array.from({ length: 100 }, () => 3000);
    for (const otherwise of [constant(0), steps([0]), growing({ firstMs: 0, baseMs: 0, ratio: 0 }), constant(50)]) {
      const [first = Infinity, second = Infinity] = learned({ settleTimesMs, otherwise }).list();
      expect([first < 4000, second < 4000]).toEqual([true, true]);
    }
  });
});
