import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLimiter, type Lane, type Limiter, type Turn } from '../../src/engine/limiter.ts';
import { urgencies, type Urgency } from '../../src/engine/line.ts';
import type { Progress } from '../../src/engine/rate.ts';
import { manualClock, type ManualClock } from '../../src/testing/manual-clock.ts';
import { sleep } from '../../src/testing/sleep.ts';

/** Who goes next when permits are scarce, and that a gateway never receives more than it takes. */

const never = new AbortController().signal;

/** One who comes, and what becomes of his exchange. */
interface Visit {
  readonly atMs: number;
  readonly lane: Lane;
  readonly urgency: Urgency;
  /** From its turn to its first byte; `-1`: it never leaves. */
  readonly signingMs: number;
  /** From the first byte to its arrival at the gateway. */
  readonly underWayMs: number;
  /** From its arrival to the answer; `-1`: it is never answered. */
  readonly answerMs: number;
  readonly abortAfterMs: number | undefined;
}

const ms = (max: number): fc.Arbitrary<number> => fc.integer({ min: 0, max });
const visit: fc.Arbitrary<Visit> = fc.record({
  atMs: fc.oneof(ms(50), ms(5000), ms(90_000)),
  lane: fc.constantFrom<Lane[]>('write', 'read'),
  urgency: fc.constantFrom(...urgencies),
  signingMs: fc.oneof(fc.constant(0), fc.constant(-1), ms(3000)),
  underWayMs: fc.oneof(fc.constant(0), ms(1000)),
  answerMs: fc.oneof(fc.constant(0), ms(300), ms(9000), fc.constant(-1)),
  abortAfterMs: fc.option(fc.oneof(ms(100), ms(10_000)), { freq: 2, nil: undefined }),
});

/** Plays an exchange: what leaves arrives, whoever still waits for its answer. */
const play =
  (clock: ManualClock, { signingMs, underWayMs, answerMs }: Visit, signal: AbortSignal, arrived: () => void) =>
  async (progress: Progress): Promise<void> => {
    const isGone = (): boolean => signal.aborted;
    const ended = Promise.withResolvers<undefined>();
    signal.addEventListener('abort', () => ended.resolve(undefined));
    const converse = async (): Promise<void> => {
      await sleep(clock, Math.max(0, signingMs));
      if (isGone() || signingMs < 0) return;
      progress.left();
      void sleep(clock, underWayMs).then(arrived);
      await sleep(clock, underWayMs + Math.max(0, answerMs));
      if (answerMs < 0) await sleep(clock, 10_000);
      else if (!isGone()) progress.answered();
    };
    await Promise.race([converse(), ended.promise]);
  };

/** The most that any span of so long has seen. */
const mostWithin = (lengthMs: number, timesMs: readonly number[]): number =>
  Math.max(0, ...timesMs.map(fromMs => timesMs.filter(atMs => atMs >= fromMs && atMs < fromMs + lengthMs).length));

async function received(
  limits: { concurrency: number; perSecond: number; perMinute: number },
  visits: readonly Visit[],
): Promise<{ arrivedMs: number[]; ended: number; pending: number }> {
  const clock = manualClock();
  const limiter = createLimiter(limits, clock);
  const arrivedMs: number[] = [];
  let ended = 0;
  const come = async (one: Visit): Promise<void> => {
    await sleep(clock, one.atMs);
    const controller = new AbortController();
    const { signal } = controller;
    const { lane, urgency, abortAfterMs } = one;
    const cancel = abortAfterMs === undefined ? undefined : clock.timer(abortAfterMs, () => controller.abort('gone'));
    const exchange = play(clock, one, signal, () => arrivedMs.push(clock.monotonicMs()));
    await limiter.run({ lane, urgency, signal }, exchange).catch(() => undefined);
    cancel?.();
    ended++;
  };
  await clock.run(Promise.all(visits.map(come)));
  await clock.run(sleep(clock, 20_000));
  return { arrivedMs: arrivedMs.sort((one, other) => one - other), ended, pending: clock.pending };
}

describe('what an account’s gateway receives', () => {
  it('is never more than it takes in any second or minute, whoever comes, leaves, fails, or is long under way', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          concurrency: fc.integer({ min: 1, max: 40 }),
          perSecond: fc.oneof(fc.integer({ min: 1, max: 10 }), fc.constant(Infinity)),
          perMinute: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constant(Infinity)),
        }),
        fc.array(visit, { minLength: 1, maxLength: 60 }),
        async (limits, visits) => {
          const { arrivedMs, ended, pending } = await received(limits, visits);
          expect(mostWithin(1000, arrivedMs)).toBeLessThanOrEqual(limits.perSecond);
          expect(mostWithin(60_000, arrivedMs)).toBeLessThanOrEqual(limits.perMinute);
          // Nobody waits without end, and no timer is left behind.
          expect({ ended, pending }).toEqual({ ended: visits.length, pending: 0 });
        },
      ),
      { numRuns: 60 },
    );
  }, 60_000);

  it('is as much as it takes, where payers at the till want that much', async () => {
    const clock = manualClock();
    const limiter = createLimiter({ concurrency: 32, perSecond: 10, perMinute: 300 }, clock);
    const leftMs: number[] = [];
    const all = Array.from({ length: 400 }, () =>
      limiter.run({ lane: 'read', urgency: 'charge', signal: never }, progress => {
        progress.left();
        leftMs.push(clock.monotonicMs());
        progress.answered();
        return Promise.resolve();
      }),
    );
    await clock.run(Promise.all(all));
    const inSecond = (second: number): number => leftMs.filter(atMs => Math.floor(atMs / 1000) === second).length;
    expect(Array.from({ length: 30 }, (_each, second) => inSecond(second))).toEqual(
      Array.from({ length: 30 }, () => 10),
    );
    expect(leftMs.filter(atMs => atMs < 60_000)).toHaveLength(300);
    expect(leftMs.at(-1)).toBe(69_000);
  });

  it('is three quarters of a minute at most where nobody waits at a till, so that a payer who comes does not wait', async () => {
    const clock = manualClock();
    const limiter = createLimiter({ concurrency: 32, perSecond: 100, perMinute: 400 }, clock);
    const leftMs: Record<string, number[]> = { 'old-query': [], charge: [] };
    const exchange = (lane: Turn['lane'], urgency: 'old-query' | 'charge'): Promise<void> =>
      limiter.run({ lane, urgency, signal: never }, progress => {
        progress.left();
        leftMs[urgency]?.push(clock.monotonicMs());
        progress.answered();
        return Promise.resolve();
      });
    const queries = Array.from({ length: 1000 }, () => exchange('read', 'old-query'));
    const charges: Promise<void>[] = [];
    for (const atMs of [10_000, 30_000, 50_000])
      clock.timer(atMs, () => void charges.push(...[1, 2, 3].map(() => exchange('write', 'charge'))));
    await clock.run(Promise.all(queries));
    await clock.run(Promise.all(charges));
    const began = leftMs['old-query']?.[0] ?? 0;
    expect(leftMs['charge']?.map(atMs => atMs - began)).toEqual(
      [10_000, 30_000, 50_000].flatMap(atMs => [atMs, atMs, atMs]),
    );
    // Spread over the minute, and what the payers took of it is taken from them.
    expect(leftMs['old-query']?.filter(atMs => atMs - began < 60_000)).toHaveLength(300 - 9);
  });

  it('is not used up in a moment by old payments and workers: a new payment is asked about soon', async () => {
    const clock = manualClock();
    const limiter = createLimiter({ concurrency: 32, perSecond: 100, perMinute: 400 }, clock);
    const exchange = (urgency: Urgency): Promise<number> =>
      limiter.run({ lane: 'read', urgency, signal: never }, progress => {
        progress.left();
        progress.answered();
        return Promise.resolve(clock.monotonicMs());
      });
    const startMs = clock.monotonicMs();
    const old = Array.from({ length: 600 }, (_each, index) => exchange(index % 2 ? 'old-query' : 'background'));
    const young: Promise<number>[] = [];
    for (const atMs of [10_500, 20_500, 30_500]) clock.timer(atMs, () => void young.push(exchange('young-query')));
    const oldMs = await clock.run(Promise.all(old));
    expect(await Promise.all(young)).toEqual([10_500, 20_500, 30_500].map(atMs => startMs + atMs));
    // They have their turn no later for that.
    expect(Math.max(...oldMs) - startMs).toBeLessThan(130_000);
  });

  it('is had by who waits long, too, where payers want more than there is', async () => {
    const clock = manualClock();
    const limiter = createLimiter({ concurrency: 32, perMinute: 8 }, clock);
    const left: string[] = [];
    const exchange = (lane: Turn['lane'], urgency: 'old-query' | 'charge'): Promise<void> =>
      limiter.run({ lane, urgency, signal: never }, progress => {
        progress.left();
        left.push(urgency);
        progress.answered();
        return Promise.resolve();
      });
    const all = [
      ...Array.from({ length: 40 }, () => exchange('write', 'charge')),
      ...Array.from({ length: 4 }, () => exchange('read', 'old-query')),
    ];
    await clock.run(Promise.all(all));
    expect(left.slice(0, 24).filter(each => each === 'old-query')).toHaveLength(4);
  });

  it.each([
    50, 58,
  ])('is had by who waits long beside payers who never wait themselves: %i of 60 a minute', async perMinute => {
    const clock = manualClock();
    const limiter = createLimiter({ concurrency: 32, perMinute: 60 }, clock);
    const leftMs: Record<string, number[]> = { background: [], charge: [] };
    const exchange = (lane: Turn['lane'], urgency: 'background' | 'charge'): Promise<void> =>
      limiter.run({ lane, urgency, signal: never }, progress => {
        progress.left();
        leftMs[urgency]?.push(clock.monotonicMs());
        progress.answered();
        return Promise.resolve();
      });
    const charges: Promise<void>[] = [];
    for (let at = 0; at < 10 * perMinute; at++)
      clock.timer((at * 60_000) / perMinute, () => void charges.push(exchange('write', 'charge')));
    const asking = (async (): Promise<void> => {
      // One after the other, as somebody who follows a payment asks.
      while (clock.monotonicMs() < 600_000) {
        await exchange('read', 'background');
        await sleep(clock, 20_000);
      }
    })();
    await clock.run(asking);
    await clock.run(Promise.all(charges));
    expect(leftMs['background']?.length).toBeGreaterThanOrEqual(7);
    const times = [...(leftMs['background'] ?? []), ...(leftMs['charge'] ?? [])];
    expect(mostWithin(60_000, times)).toBeLessThanOrEqual(60);
    expect(leftMs['charge']).toHaveLength(10 * perMinute);
  });

  it('counts what hangs as received after a second, so that a gateway that hangs keeps no permit', async () => {
    const clock = manualClock();
    const limiter = createLimiter({ concurrency: 32, perSecond: 1 }, clock);
    const leftMs: number[] = [];
    const all = [1, 2, 3].map(() =>
      limiter.run({ lane: 'write', urgency: 'charge', signal: never }, async progress => {
        progress.left();
        leftMs.push(clock.monotonicMs());
        await sleep(clock, 10_000);
      }),
    );
    await clock.run(Promise.all(all));
    expect(leftMs).toEqual([0, 2000, 4000]);
  });

  it('is not held back by what was never sent', async () => {
    const clock = manualClock();
    const limiter = createLimiter({ concurrency: 32, perMinute: 1 }, clock);
    const turn: Turn = { lane: 'read', urgency: 'old-query', signal: never };
    await limiter.run(turn, () => Promise.resolve());
    await expect(limiter.run(turn, () => Promise.reject(new Error('unsigned')))).rejects.toThrow('unsigned');
    const left = await limiter.run(turn, progress => (progress.left(), Promise.resolve(clock.monotonicMs())));
    expect(left).toBe(0);
  });
});

/** A limiter whose one permit a second goes to one of those who wait. */
function oneASecond(): {
  clock: ManualClock;
  limiter: Limiter;
  went: string[];
  come: (lane: Lane, urgency: Urgency, name: string, more?: Partial<Turn>) => Promise<unknown>;
} {
  const clock = manualClock();
  const limiter = createLimiter({ concurrency: 4, perSecond: 1 }, clock);
  const went: string[] = [];
  return {
    clock,
    limiter,
    went,
    come: (lane, urgency, name, more = {}) =>
      limiter.run(
        { lane, urgency, signal: never, ...more },
        progress => {
          progress.left();
          went.push(name);
          progress.answered();
          return Promise.resolve();
        },
        () => void went.push(`${name} gave up`),
      ),
  };
}

describe('whoever waits', () => {
  it('goes in order: payers at the till, queries before what is sent again, new before old, a worker last', async () => {
    const { clock, went, come } = oneASecond();
    const first = come('write', 'charge', 'the permit');
    // Few enough that nobody has been passed too often.
    await clock.run(
      Promise.all([
        first,
        come('write', 're-send', 're-send'),
        come('read', 'young-query', 'young'),
        come('write', 'charge', 'charge'),
      ]),
    );
    expect(went).toEqual(['the permit', 'charge', 'young', 're-send']);
    went.length = 0;
    await clock.run(
      Promise.all([
        come('read', 'background', 'background'),
        come('read', 'old-query', 'old'),
        come('read', 'charge-query', 'charge query'),
      ]),
    );
    expect(went).toEqual(['charge query', 'old', 'background']);
    expect(urgencies).toEqual([
      'charge',
      'first-send',
      'last-query',
      'cancel',
      'charge-query',
      'young-query',
      're-send',
      'old-query',
      'background',
    ]);
  });

  it('goes in the order they came, where they are alike', async () => {
    const { clock, went, come } = oneASecond();
    const names = Array.from({ length: 20 }, (_each, index) => String(index));
    await clock.run(Promise.all(names.map(name => come('read', 'old-query', name))));
    expect(went).toEqual(names);
  });

  it('is never passed by more than is bounded, however many come that are more urgent', async () => {
    const busy = fc.record({
      lane: fc.constantFrom<Lane[]>('write', 'read'),
      urgency: fc.constantFrom(...urgencies),
    });
    await fc.assert(
      fc.asyncProperty(busy, fc.array(busy, { minLength: 40, maxLength: 40 }), async (patient, crowd) => {
        const { clock, went, come } = oneASecond();
        const before = crowd.slice(0, 3).map(({ lane, urgency }, index) => come(lane, urgency, `before ${index}`));
        const patiently = come(patient.lane, patient.urgency, 'patient');
        const after = crowd.slice(3).map(({ lane, urgency }, index) => come(lane, urgency, `after ${index}`));
        await clock.run(Promise.all([...before, patiently, ...after]));
        // A fourth of the permits for a lane, and a fourth of those for whoever has waited longest in it.
        expect(went.indexOf('patient')).toBeLessThanOrEqual(4 * 4 * 3 + 1);
        expect(went).toHaveLength(41);
      }),
      { numRuns: 60 },
    );
    const { clock, went, come } = oneASecond();
    const all = [come('write', 'charge', 'the permit'), come('read', 'background', 'patient')];
    for (let count = 0; count < 100; count++)
      all.push(come('read', 'charge-query', 'query'), come('write', 'charge', 'charge'));
    await clock.run(Promise.all(all));
    expect(went.indexOf('patient')).toBeLessThanOrEqual(16);
  });

  it('has a fourth of the permits for queries at least, however many charges come, and the other way round', async () => {
    for (const [busy, other] of [
      ['write', 'read'],
      ['read', 'write'],
    ] as const) {
      const { clock, went, come } = oneASecond();
      const all = Array.from({ length: 100 }, () => come(busy, 'charge', 'busy'));
      for (let count = 0; count < 20; count++) all.push(come(other, 'background', 'other'));
      await clock.run(Promise.all(all));
      expect(went.slice(0, 81).filter(name => name === 'other').length).toBeGreaterThanOrEqual(19);
    }
  });

  it('does not wait behind a lane that hangs: the permits go to the other', async () => {
    const clock = manualClock();
    const limiter = createLimiter({ concurrency: 2, perSecond: 5 }, clock);
    const hanging = [1, 2, 3, 4].map(() =>
      limiter.run({ lane: 'write', urgency: 'charge', signal: never }, async progress => {
        progress.left();
        await sleep(clock, 60_000);
      }),
    );
    const polledMs: number[] = [];
    const polls = Array.from({ length: 9 }, () =>
      limiter.run({ lane: 'read', urgency: 'old-query', signal: never }, progress => {
        progress.left();
        polledMs.push(clock.monotonicMs());
        progress.answered();
        return Promise.resolve();
      }),
    );
    await clock.run(Promise.all([...hanging, ...polls]));
    expect(polledMs).toEqual([0, 0, 0, 1000, 1000, 1000, 2000, 2000, 2000]);
  });

  it('leaves at once by abort; whoever is behind goes in his place, and no timer is left', async () => {
    const { clock, went, come } = oneASecond();
    await come('read', 'old-query', 'the permit');
    const controller = new AbortController();
    const left = come('read', 'old-query', 'left', { signal: controller.signal });
    const behind = come('read', 'old-query', 'behind');
    controller.abort('closing');
    await expect(left).rejects.toBe('closing');
    await clock.run(behind);
    expect(went).toEqual(['the permit', 'behind']);
    const alone = new AbortController();
    const last = come('read', 'old-query', 'last', { signal: alone.signal });
    expect(clock.pending).toBe(1);
    alone.abort('closing');
    await expect(last).rejects.toBe('closing');
    expect(clock.pending).toBe(0);
  });

  it('gives up when its patience ends, and then nothing was run', async () => {
    const { clock, went, come } = oneASecond();
    const all = [
      come('read', 'old-query', '1'),
      come('read', 'old-query', '2'),
      come('read', 'old-query', '3', { patienceMs: 1500 }),
    ];
    await clock.run(Promise.all(all));
    expect(went).toEqual(['1', '2', '3 gave up']);
    expect(clock.pending).toBe(0);
  });

  it('is one of ten thousand and more, of whom each goes and most leave, in a time that grows no faster than they', async () => {
    const clock = manualClock();
    const limiter = createLimiter({ concurrency: 1 }, clock);
    const gate = Promise.withResolvers<undefined>();
    const first = limiter.run({ lane: 'read', urgency: 'old-query', signal: never }, () => gate.promise);
    let went = 0;
    const all = Array.from({ length: 40_000 }, (_each, index) => {
      const controller = new AbortController();
      const turn: Turn = { lane: 'read', urgency: urgencies[index % 8] ?? 'charge', signal: controller.signal };
      return { controller, run: limiter.run(turn, () => Promise.resolve(went++)) };
    });
    const ended = Promise.allSettled(all.map(({ run }) => run));
    all.forEach(({ controller }, index) => index % 4 > 0 && controller.abort('closing'));
    gate.resolve(undefined);
    await first;
    await ended;
    expect(went).toBe(10_000);
  });
});

describe('a gateway that wants no queries for a while', () => {
  it('gets none but the last ones of their payments; charges go', async () => {
    const { clock, limiter, went, come } = oneASecond();
    limiter.holdQueries(10_000);
    const start = clock.monotonicMs();
    const all = [
      come('read', 'charge-query', 'query'),
      come('read', 'last-query', 'last'),
      come('write', 'charge', 'charge'),
    ];
    await clock.run(Promise.all(all.slice(1)));
    expect(went).toEqual(['last', 'charge']);
    expect(clock.monotonicMs() - start).toBe(1000);
    await clock.run(Promise.all(all));
    expect(clock.monotonicMs() - start).toBe(10_000);
    // A shorter word does not end a longer one.
    limiter.holdQueries(5000);
    limiter.holdQueries(1000);
    await clock.run(come('read', 'charge-query', 'later'));
    expect(clock.monotonicMs() - start).toBe(15_000);
    expect(clock.pending).toBe(0);
  });

  it('gets those who waited for it one after another within seconds, and the last ones of their payments at once', async () => {
    const clock = manualClock();
    const limiter = createLimiter({ concurrency: 200 }, clock);
    const ask = async (urgency: Urgency, beganMs: number[]): Promise<void> =>
      limiter.run({ lane: 'read', urgency, signal: never }, async progress => {
        beganMs.push(clock.monotonicMs());
        progress.left();
        await sleep(clock, 20);
        progress.answered();
      });
    for (const [waiting, mostIn100Ms, withinMs] of [
      [60, 11, 1100],
      [1000, 27, 5000],
      [8000, 190, 5000],
    ] as const) {
      limiter.holdQueries(20_000);
      const endMs = clock.monotonicMs() + 20_000;
      const [askedMs, lastMs]: [number[], number[]] = [[], []];
      clock.timer(20_500, () => void ask('last-query', lastMs));
      await clock.run(Promise.all(Array.from({ length: waiting }, () => ask('old-query', askedMs))));
      expect(askedMs[0]).toBe(endMs);
      expect(mostWithin(100, askedMs)).toBeLessThanOrEqual(mostIn100Ms);
      expect(Math.max(...askedMs)).toBeLessThanOrEqual(endMs + withinMs);
      expect(lastMs).toEqual([endMs + 500]);
      await clock.run(sleep(clock, 10_000));
      expect(clock.pending).toBe(0);
    }
  });

  it('gets all that come again, none later than seconds, and then at once, whatever comes while they are let go', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 12_000 }), { minLength: 1, maxLength: 200 }),
        fc.integer({ min: 1, max: 6000 }),
        async (comingMs, heldMs) => {
          const clock = manualClock();
          const limiter = createLimiter({ concurrency: 300 }, clock);
          let went = 0;
          limiter.holdQueries(heldMs);
          const come = async (atMs: number): Promise<void> => {
            await sleep(clock, atMs);
            await limiter.run({ lane: 'read', urgency: 'old-query', signal: never }, () => {
              went++;
              if (atMs >= heldMs + 5000) expect(clock.monotonicMs()).toBe(atMs);
              expect(clock.monotonicMs()).toBeGreaterThanOrEqual(heldMs);
              expect(clock.monotonicMs()).toBeLessThanOrEqual(Math.max(atMs, heldMs + 5000));
              return Promise.resolve();
            });
          };
          await clock.run(Promise.all(comingMs.map(come)));
          expect(went).toBe(comingMs.length);
          expect(clock.pending).toBe(0);
        },
      ),
      { numRuns: 60 },
    );
  });
});
