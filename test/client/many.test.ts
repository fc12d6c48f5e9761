import { describe, expect, it, vi } from 'vitest';
import { constant } from '../../src/index.ts';
import { sleep } from '../../src/testing/sleep.ts';
import { bench, said, state } from '../testing/bench.ts';

/** Many payments at once, and payments that are asked about for long: what is not needed is let go of. */

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/** A signal whose listeners are counted. */
function watched(): { controller: AbortController; listeners: () => number; most: () => number } {
  const controller = new AbortController();
  const { signal } = controller;
  let listeners = 0;
  let most = 0;
  const watch = (name: 'addEventListener' | 'removeEventListener', by: number): void => {
    const original = signal[name].bind(signal) as (...given: unknown[]) => void;
    vi.spyOn(signal, name).mockImplementation((...given: unknown[]) => {
      listeners += by;
      most = Math.max(most, listeners);
      original(...given);
    });
  };
  watch('addEventListener', 1);
  watch('removeEventListener', -1);
  return { controller, listeners: () => listeners, most: () => most };
}

const open = { poll: { backoff: constant(MINUTE_MS), deadlineMs: 3 * DAY_MS } };

describe('many payments on one signal', () => {
  const orders = Array.from({ length: 500 }, (_, at) => ({ order: `A${at}`, amount: 100 }));

  it('are one listener to it, whichever door they came by, and all end when it aborts', async () => {
    const { gateway, clock } = bench({ sends: [said('PENDING')], polls: [state('pending')], policy: open });
    const { controller, listeners, most } = watched();
    const { signal } = controller;
    const all = orders.map((order, at) =>
      at % 2 === 0
        ? gateway.settle('payment.charge', order, { signal })
        : gateway.untilSettled({ ...gateway.ticketFor('payment.charge', order), seen: true }, { signal }),
    );
    const ended = Promise.allSettled(all);
    await clock.run(sleep(clock, 10 * MINUTE_MS));
    expect([listeners(), most()]).toEqual([1, 1]);
    const reason = new Error('The shop closes.');
    controller.abort(reason);
    for (const each of await ended) expect(each).toEqual({ status: 'rejected', reason });
    expect(listeners()).toBe(0);
  });

  it('leave none behind when they end by themselves', async () => {
    const { gateway, clock } = bench({ sends: [said('PAID')], policy: open });
    const { controller, listeners } = watched();
    await clock.run(
      Promise.all(orders.map(order => gateway.settle('payment.charge', order, { signal: controller.signal }))),
    );
    expect(listeners()).toBe(0);
  });

  it('send nothing more, though callers of one payment leave it in the same moment', async () => {
    const { gateway, clock, sends } = bench({ sends: [said('BUSY')], policy: { retry: { backoff: constant(1000) } } });
    const controller = new AbortController();
    const call = (): Promise<unknown> =>
      gateway.settle('payment.charge', { order: 'A1', amount: 100 }, { signal: controller.signal });
    const ended = Promise.allSettled([call(), call(), call()]);
    await clock.run(sleep(clock, 500));
    const before = sends.length;
    expect(before).toBe(1);
    controller.abort();
    await clock.run(sleep(clock, MINUTE_MS));
    await ended;
    expect(sends).toHaveLength(before);
  });
});

describe('a timeline', () => {
  it('of days has its first 100 lines and its last 200, and says how many were left out', async () => {
    const { gateway, clock } = bench({ sends: [said('PENDING')], polls: [state('pending')], policy: open });
    let told = 0;
    const { timeline, polls } = await clock.run(
      gateway.settle('payment.charge', { order: 'A1', amount: 100 }, { onProgress: () => told++ }),
    );
    expect(polls).toBeGreaterThan(4000);
    expect(timeline).toHaveLength(301);
    expect(timeline[0]).toMatchObject({ type: 'ticket' });
    expect(timeline[100]).toMatchObject({ type: 'left-out', lines: told - 300 });
    expect(timeline.at(-1)).toMatchObject({ type: 'settled', outcome: 'unresolved' });
    const times = timeline.map(({ elapsedMs }) => elapsedMs);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  });

  it('of no more than 300 lines has all of them', async () => {
    const { gateway, clock } = bench({ sends: [said('PENDING')], polls: [state('pending')], policy: open });
    let told = 0;
    const { timeline } = await clock.run(
      gateway.settle(
        'payment.charge',
        { order: 'A1', amount: 100 },
        { policy: { poll: { deadlineMs: 98 * MINUTE_MS } }, onProgress: () => told++ },
      ),
    );
    expect(told).toBeGreaterThan(290);
    expect(told).toBeLessThanOrEqual(300);
    expect(timeline).toHaveLength(told);
  });
});
