import { describe, expect, it } from 'vitest';
import { InputError } from '../../src/core/errors.ts';
import { memoryJournal } from '../../src/journal/memory.ts';
import { createWorker } from '../../src/journal/worker.ts';
import { manualClock } from '../../src/testing/index.ts';
import { fakeGateway, rowOf, scene, settled } from './scene.ts';

describe('the options of a worker', () => {
  const clock = manualClock();
  const journal = memoryJournal({ clock });
  const gateway = fakeGateway(clock, journal.store, row => settled(row));
  const make = (given: object): unknown => createWorker({ gateways: [gateway], journal, ...given });

  it.each([
    [{ gateways: [] }, /gateways must be a list/],
    [{ gateways: undefined }, /gateways is missing/],
    [{ journal: undefined }, /journal is missing/],
    [{ journal: {} }, /journal must be a journal/],
    [{ onSetled: () => 0 }, /no option "onSetled"\. Did you mean onSettled\?/],
    [{ onSettled: 1 }, /onSettled must be a function/],
    [{ ratePerSecond: 0 }, /ratePerSecond must be/],
    [{ ratePerSecond: Infinity }, /ratePerSecond must be/],
    [{ concurrency: 1.5 }, /concurrency must be/],
    [{ batchSize: 0 }, /batchSize must be/],
    [{ idleMs: -1 }, /idleMs must be/],
    [{ idleMs: Number.NaN }, /idleMs must be/],
    [{ maxDeliveries: 0 }, /maxDeliveries must be/],
    [{ handlerTimeoutMs: 2 ** 31 }, /handlerTimeoutMs must be/],
    [{ transaction: 1 }, /transaction must be/],
    [{ transaction: true }, /transaction has no effect without onSettled/],
    [{ clock: {} }, /clock must be/],
    [{ gateways: [{}] }, /a gateway has no journal/],
    [{ gateways: [gateway, gateway] }, /two gateways have the account/],
    [{ journal: memoryJournal({ clock }) }, /a gateway has another journal/],
  ])('%j is refused at once', (given, message) => {
    expect(() => make(given)).toThrow(InputError);
    expect(() => make(given)).toThrow(message);
  });

  it('are refused where there are none', () => {
    expect(() => void Reflect.apply(createWorker, undefined, [])).toThrow(InputError);
    expect(() => void Reflect.apply(createWorker, undefined, [null])).toThrow(InputError);
  });
});

describe('a worker', () => {
  it('takes up a due row, stores what the gateway says, and delivers it', async () => {
    const { insert, clock, worker, pass, row, end } = scene();
    await insert(rowOf(clock, 'A1'));
    const heard: string[] = [];
    const made = worker({ onSettled: ({ outcome }, { deliveryId }) => heard.push(`${deliveryId} ${outcome}`) });
    await pass(2000);
    expect(heard).toEqual(['A1#1 succeeded']);
    expect(await row('A1')).toMatchObject({ state: 'delivered', holder: undefined, dueAtMs: undefined });
    expect(made.health()).toMatchObject({ running: true, taken: 1, asked: 1, settled: 1, delivered: 1, failures: 0 });
    await end();
    expect(clock.pending).toBe(0);
  });
});
