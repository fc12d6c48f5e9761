import { describe, expect, it } from 'vitest';
import { createGateway } from '../../src/index.ts';
import { InputError } from '../../src/core/errors.ts';
import { memoryJournal } from '../../src/journal/memory.ts';
import { createWorker } from '../../src/journal/worker.ts';
import { manualClock } from '../../src/testing/index.ts';
import { after, delivery, fakeGateway, rowOf, scene, settled, stillOpen } from './scene.ts';
import { acme } from '../testing/acme.ts';

const HOUR_MS = 60 * 60_000;

describe('the types of a journal', () => {
  it('refuse what is no gateway, and a state that must not be purged', () => {
    const journal = memoryJournal();
    const uncalled = (...calls: (() => unknown)[]): void => calls.forEach(call => expect(call).toBeTypeOf('function'));
    uncalled(
      () => createWorker({ gateways: [createGateway({ adapter: acme(), journal })], journal }),
      // @ts-expect-error it is no gateway
      () => createWorker({ gateways: [{}], journal }),
      // @ts-expect-error it is no gateway
      () => createWorker({ gateways: [new Date()], journal }),
      () => journal.purge({ state: 'delivered', olderThanMs: 1 }),
      () => journal.purge({ state: 'archived', olderThanMs: 1 }),
      () => journal.purge({ state: 'unsent', olderThanMs: 1 }),
      // @ts-expect-error it may be open
      () => journal.purge({ state: 'open', olderThanMs: 1 }),
      // @ts-expect-error it has something to deliver
      () => journal.purge({ state: 'settled', olderThanMs: 1 }),
      // @ts-expect-error a person has to look at it
      () => journal.purge({ state: 'parked', olderThanMs: 1 }),
    );
  });
});

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

/** How many of these times fall into the busiest second. */
function busiestSecond(atMs: readonly number[]): number {
  return Math.max(...atMs.map(from => atMs.filter(each => each >= from && each < from + 1000).length));
}

describe('the rate', () => {
  it('300 payments that are due at once leave at the rate, the newest first, and never in a burst', async () => {
    const all = scene(row => stillOpen(row, all.clock.now() + 24 * HOUR_MS));
    const startMs = all.clock.now();
    for (let at = 0; at < 300; at++)
      await all.insert(rowOf(all.clock, `A${at}`, { openedAtMs: startMs - at * 1000, dueAtMs: startMs - HOUR_MS }));
    const made = all.worker({ ratePerSecond: 10 });
    await all.pass(32_000);
    const times = all.asked.map(({ atMs }) => atMs);
    expect(times).toHaveLength(300);
    expect(busiestSecond(times)).toBeLessThanOrEqual(20);
    for (const second of [5, 10, 20, 29]) {
      const sofar = times.filter(atMs => atMs < startMs + second * 1000).length;
      expect(sofar).toBeGreaterThanOrEqual(10 * (second - 2));
      expect(sofar).toBeLessThanOrEqual(10 * second + 1);
    }
    const order = all.asked.map(({ number }) => Number(number.slice(1)));
    // What waits for its permit was put off once, in the order of its age: a second's worth may change places.
    order.forEach((number, place) => expect(Math.abs(number - place)).toBeLessThanOrEqual(20));
    expect(made.health().taken).toBeLessThan(700);
    await all.end();
  });

  it('is kept by several workers together', async () => {
    const all = scene(row => stillOpen(row, all.clock.now() + 24 * HOUR_MS));
    for (let at = 0; at < 200; at++) await all.insert(rowOf(all.clock, `A${at}`));
    for (let count = 0; count < 3; count++) all.worker({ ratePerSecond: 10 });
    await all.pass(10_000);
    expect(all.asked.length).toBeLessThanOrEqual(101);
    expect(all.asked.length).toBeGreaterThan(80);
    await all.pass(40_000);
    expect(all.asked).toHaveLength(200);
    await all.end();
  });

  it('what is put off is not put off by more than ten minutes, however much waits', async () => {
    const all = scene(row => stillOpen(row, all.clock.now() + 24 * HOUR_MS));
    for (let at = 0; at < 900; at++) await all.insert(rowOf(all.clock, `A${at}`));
    all.worker({ ratePerSecond: 1 });
    await all.pass(5000);
    const rows = await all.store.list({ limit: 1000 });
    const waiting = rows.map(({ dueAtMs = 0 }) => dueAtMs).filter(dueAtMs => dueAtMs < all.clock.now() + HOUR_MS);
    expect(Math.max(...waiting)).toBeLessThanOrEqual(all.clock.now() + 10 * 60_000);
    expect(busiestSecond(waiting)).toBeLessThanOrEqual(10);
    await all.end();
  });

  it('a payment that is new is asked about before all that waits', async () => {
    const all = scene(row => stillOpen(row, all.clock.now() + 24 * HOUR_MS));
    for (let at = 0; at < 300; at++)
      await all.insert(rowOf(all.clock, `A${at}`, { openedAtMs: all.clock.now() - HOUR_MS }));
    all.worker({ ratePerSecond: 10 });
    await all.pass(5000);
    await all.insert(rowOf(all.clock, 'NEW'));
    const insertedAtMs = all.clock.now();
    await all.pass(5000);
    const asked = all.asked.find(({ number }) => number === 'NEW');
    expect((asked?.atMs ?? Infinity) - insertedAtMs).toBeLessThanOrEqual(1000);
    await all.end();
  });

  it('no more exchanges run at once than concurrency says', async () => {
    let now = 0;
    let most = 0;
    const all = scene(async row => {
      most = Math.max(most, ++now);
      await after(all.clock, 700);
      now--;
      return settled(row);
    });
    for (let at = 0; at < 50; at++) await all.insert(rowOf(all.clock, `A${at}`));
    all.worker({ concurrency: 4, ratePerSecond: 1000 });
    await all.pass(20_000);
    expect(most).toBe(4);
    expect(all.asked).toHaveLength(50);
    await all.end();
  });

  it('a gateway that hangs holds up no other, and is not given more and more', async () => {
    const all = scene();
    const hanging = fakeGateway(all.clock, all.store, () => new Promise(() => undefined), { account: 'hangs' });
    const quick = fakeGateway(all.clock, all.store, row => settled(row), { account: 'quick' });
    for (let at = 0; at < 400; at++) await all.insert(rowOf(all.clock, `H${at}`, { account: 'hangs' }));
    const made = all.worker({ gateways: [hanging, quick], ratePerSecond: 1000 });
    await all.pass(5000);
    expect(made.health().inHand).toBeLessThanOrEqual(150);
    for (let at = 0; at < 50; at++) await all.insert(rowOf(all.clock, `Q${at}`, { account: 'quick' }));
    await all.pass(2000);
    expect(await all.store.list({ account: 'quick', state: 'settled' })).toHaveLength(50);
    await all.clock.run(made.stop({ drainMs: 100 }));
    await all.end();
  });
});

describe('due rows', () => {
  it('a notice that made a row due now is handled within idleMs, and at once after a poke', async () => {
    const all = scene(row => (row.data.delivered > 0 ? settled(row) : stillOpen(row, all.clock.now() + HOUR_MS)));
    await all.insert(rowOf(all.clock, 'A1'));
    const made = all.worker({ idleMs: 500 });
    const notice = async (): Promise<number> => {
      const row = await all.row('A1');
      await all.store.update([{ row, set: { ...row, dueAtMs: all.clock.now() } }]);
      return all.clock.now();
    };
    await all.pass(2000);
    const first = await notice();
    await all.pass(600);
    expect((all.asked.at(-1)?.atMs ?? 0) - first).toBeLessThanOrEqual(500);
    expect(all.asked).toHaveLength(2);
    await all.pass(10_000);
    const second = await notice();
    made.poke();
    await all.clock.untilQuiet();
    expect(all.asked.at(-1)?.atMs).toBe(second);
    await all.end();
  });

  it('a poke that comes while a turn is made is not lost', async () => {
    const all = scene(undefined, {
      over: store => ({ take: async turn => all.clock.during(store.take(turn)) }),
    });
    const made = all.worker({ idleMs: 60_000 });
    await all.pass(1);
    made.poke();
    made.poke();
    await all.insert(rowOf(all.clock, 'A1'));
    made.poke();
    await all.clock.untilQuiet();
    expect(all.asked).toHaveLength(1);
    await all.end();
  });

  it('what was only intended, and by nobody who lives, needs no permit', async () => {
    const all = scene(row => ({ ...settled(row), state: 'unsent' }), {
      over: () => ({ permits: () => Promise.resolve(0) }),
    });
    await all.insert(rowOf(all.clock, 'A1', { state: 'intended', holder: 'dead' }));
    const heard: string[] = [];
    const made = all.worker({ onSettled: (_settlement, { deliveryId }) => heard.push(deliveryId) });
    await all.pass(2000);
    expect(heard).toEqual(['A1#1']);
    expect(await all.row('A1')).toMatchObject({ state: 'unsent', dueAtMs: undefined, data: { deliveries: [] } });
    expect(made.health().asked).toBe(0);
    await all.end();
  });

  it('a prepared write is sent only with a permit', async () => {
    let permits = 0;
    const all = scene(undefined, { over: () => ({ permits: () => Promise.resolve(permits) }) });
    const prepared = { fields: {}, sendUntilMs: all.clock.now() + HOUR_MS };
    await all.insert(rowOf(all.clock, 'A1', { state: 'intended', data: { prepared } }));
    all.worker();
    await all.pass(5000);
    expect(all.asked).toEqual([]);
    permits = 1;
    await all.pass(5000);
    expect(all.asked).toHaveLength(1);
    await all.end();
  });

  it('a row that the desk has parked is reported to onParked, and taken no more', async () => {
    const all = scene(row => {
      const { names, data } = row;
      const parked = { reason: 'It cannot be asked about.', advice: 'Look.', atMs: 0, from: 'leaving' } as const;
      return { state: 'parked', holder: undefined, dueAtMs: undefined, names, data: { ...data, parked } };
    });
    const told: string[] = [];
    await all.insert(rowOf(all.clock, 'A1', { state: 'leaving', holder: 'dead' }));
    const made = all.worker({ onParked: ({ parked }) => told.push(parked?.reason ?? '') });
    await all.pass(60_000);
    expect(told).toEqual(['It cannot be asked about.']);
    expect(made.health()).toMatchObject({ parked: 1, asked: 1, taken: 1 });
    await all.end();
  });

  it('an account that no gateway serves stays untouched, and is reported once', async () => {
    const all = scene();
    await all.insert(rowOf(all.clock, 'B1', { account: 'other' }), rowOf(all.clock, 'B2', { account: 'other' }));
    const made = all.worker();
    await all.pass(60_000);
    expect(await all.store.get('other B1')).toMatchObject({ fence: 1, state: 'open', holder: undefined });
    expect(made.health()).toMatchObject({ taken: 0, lagMs: 0, unserved: [{ account: 'other', rows: 2 }] });
    expect(all.events.filter(({ type }) => type === 'unserved')).toHaveLength(1);
    await all.end();
  });

  it.each([
    ['of a newer adapter', { adapterVersion: 2 }],
    ['of a newer layout', { version: 2 as 1 }],
  ])('a row %s is left as it is, reported, and tried again later', async (_which, data) => {
    const all = scene();
    await all.insert(rowOf(all.clock, 'A1', { data: { ...data, deliveries: [delivery('A1')] } }));
    const before = (await all.row('A1')).data;
    const heard: string[] = [];
    const made = all.worker({ onSettled: (_settlement, { deliveryId }) => heard.push(deliveryId) });
    await all.pass(10 * 60_000);
    const { state, data: now, holder } = await all.row('A1');
    expect({ state, data: now, holder }).toEqual({ state: 'open', data: before, holder: undefined });
    expect([all.asked, heard]).toEqual([[], []]);
    expect(made.health().newer).toBeGreaterThan(8);
    expect(made.health().newer).toBeLessThan(25);
    expect(all.events.find(({ type }) => type === 'newer')).toMatchObject(data);
    await all.end();
  });

  it('health tells how late the oldest due row is, and that the worker goes on', async () => {
    const all = scene(undefined, { over: () => ({ permits: () => Promise.resolve(0) }) });
    await all.insert(rowOf(all.clock, 'A1', { dueAtMs: all.clock.now() - HOUR_MS }));
    const made = all.worker();
    await all.pass(1);
    const health = made.health();
    expect(health.lagMs).toBeGreaterThanOrEqual(HOUR_MS - 1000);
    expect(health.lastTurnAt).toBe('2026-01-01T00:00:00.000Z');
    expect(JSON.parse(JSON.stringify(health))).toEqual(health);
    await all.end();
    expect(made.health().running).toBe(false);
  });
});

describe('a row that somebody else changes meanwhile', () => {
  it('is asked about again, with what he has stored: neither word is lost', async () => {
    const all = scene(async row => {
      if (all.asked.length === 1) {
        // A notice, in another process, while the query is on its way.
        const now = await all.row('A1');
        const data = { ...now.data, entry: undefined as never, followUntilMs: 42 };
        await all.store.update([{ row: now, set: { ...now, dueAtMs: all.clock.now() + HOUR_MS, data } }]);
      }
      return settled(row);
    });
    await all.insert(rowOf(all.clock, 'A1'));
    all.worker();
    await all.pass(5000);
    expect(all.asked).toHaveLength(2);
    expect(await all.row('A1')).toMatchObject({
      state: 'settled',
      data: { followUntilMs: 42, deliveries: [{ id: 'A1#1' }] },
    });
    expect(all.events.filter(({ type }) => type === 'changed-elsewhere')).toHaveLength(1);
    await all.end();
  });

  it('is left to him where another holder has it by now', async () => {
    const all = scene(async row => {
      const now = await all.row('A1');
      await all.store.renew('gateway', 10 * HOUR_MS);
      await all.store.update([{ row: now, set: { ...now, holder: 'gateway' } }]);
      return settled(row);
    });
    await all.insert(rowOf(all.clock, 'A1'));
    all.worker();
    await all.pass(HOUR_MS / 10);
    expect(await all.row('A1')).toMatchObject({ state: 'open', holder: 'gateway', fence: 3 });
    await all.end();
  });

  it('is not touched where the desk has made it the gateway’s own', async () => {
    const all = scene(async row => {
      await all.store.renew('gateway', 10 * HOUR_MS);
      await all.store.update([{ row, set: { ...row, state: 'leaving', holder: 'gateway' } }]);
      return undefined;
    });
    await all.insert(rowOf(all.clock, 'A1'));
    all.worker();
    await all.pass(HOUR_MS / 10);
    expect(await all.row('A1')).toMatchObject({ state: 'leaving', holder: 'gateway', fence: 3 });
    expect(all.asked).toHaveLength(1);
    await all.end();
  });

  it('is given back where the desk began nothing after all: it is not forgotten', async () => {
    const all = scene(row => (all.asked.length < 3 ? undefined : settled(row)));
    await all.insert(rowOf(all.clock, 'A1'));
    all.worker();
    await all.pass(10 * 60_000);
    expect(await all.stateOf('A1')).toBe('settled');
    expect(all.asked).toHaveLength(3);
    await all.end();
  });

  it('a desk that throws, which none should, costs no row', async () => {
    const all = scene(row => {
      if (all.asked.length < 3) throw new TypeError('a bug');
      return settled(row);
    });
    await all.insert(rowOf(all.clock, 'A1'));
    const made = all.worker();
    await all.pass(10 * 60_000);
    expect(await all.stateOf('A1')).toBe('settled');
    expect(made.health().lastError).toMatchObject({ during: 'takeUp', message: 'TypeError: a bug' });
    await all.end();
  });
});
