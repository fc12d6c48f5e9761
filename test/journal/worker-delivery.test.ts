import { describe, expect, it } from 'vitest';
import type { Settlement } from '../../src/core/settlement.ts';
import type { DeliveryContext } from '../../src/journal/worker/courier.ts';
import type { RowSummary } from '../../src/journal/summary.ts';
import { after, delivery, fakeGateway, rowOf, scene, settled, stillOpen, withStore } from './scene.ts';

const MINUTE_MS = 60_000;

/** A handler that notes what it gets, and fails so often. */
function handler(failsBefore = 0): {
  readonly heard: string[];
  readonly atMs: number[];
  readonly onSettled: (settlement: Settlement, context: DeliveryContext) => void;
  now: () => number;
} {
  const self = {
    heard: [] as string[],
    atMs: [] as number[],
    now: () => 0,
    onSettled({ outcome }: Settlement, { deliveryId }: DeliveryContext): void {
      self.heard.push(`${deliveryId} ${outcome}`);
      self.atMs.push(self.now());
      if (self.heard.length <= failsBefore) throw new Error('the mail server is down');
    },
  };
  return self;
}

describe('a delivery', () => {
  it('is stored before the handler hears of it, and is held by the worker meanwhile', async () => {
    const all = scene();
    await all.insert(rowOf(all.clock, 'A1'));
    const seen: unknown[] = [];
    all.worker({
      onSettled: async () => {
        const { state, isHeld, data } = await all.row('A1');
        seen.push({ state, isHeld, ids: data.deliveries.map(({ id }) => id) });
      },
    });
    await all.pass(2000);
    expect(seen).toEqual([{ state: 'settled', isHeld: true, ids: ['A1#1'] }]);
    await all.end();
  });

  it('of an order that is created is made once, and the order stays open until its end is another one', async () => {
    let polls = 0;
    const all = scene(row => (++polls < 3 ? stillOpen(row, all.clock.now() + 5000) : settled(row)));
    const { heard, onSettled } = handler();
    await all.insert(rowOf(all.clock, 'A1', { data: { deliveries: [delivery('A1', 'created')], delivered: 1 } }));
    all.worker({ onSettled });
    await all.pass(4000);
    expect(heard).toEqual(['A1#1 created']);
    expect(await all.row('A1')).toMatchObject({ state: 'open', data: { deliveries: [] } });
    await all.pass(20_000);
    expect(heard).toEqual(['A1#1 created', 'A1#2 succeeded']);
    expect(await all.stateOf('A1')).toBe('delivered');
    expect(polls).toBe(3);
    await all.end();
  });

  it('comes in order: none before the one that was there first, however often that fails', async () => {
    const all = scene();
    const { heard, onSettled } = handler(2);
    const deliveries = [delivery('A1', 'created', 1), delivery('A1', 'succeeded', 2)];
    await all.insert(rowOf(all.clock, 'A1', { state: 'settled', data: { deliveries, delivered: 2 } }));
    all.worker({ onSettled });
    await all.pass(10_000);
    expect(heard).toEqual(['A1#1 created', 'A1#1 created', 'A1#1 created', 'A1#2 succeeded']);
    await all.end();
  });

  it('needs no permit: it is made at once where no exchange is allowed', async () => {
    const all = scene(undefined, { over: () => ({ permits: () => Promise.resolve(0) }) });
    const { heard, onSettled } = handler();
    await all.insert(
      rowOf(all.clock, 'A1', { state: 'settled', data: { deliveries: [delivery('A1')] } }),
      rowOf(all.clock, 'A2', { data: { deliveries: [delivery('A2', 'created')] } }),
    );
    all.worker({ onSettled });
    await all.pass(1000);
    expect(heard.toSorted()).toEqual(['A1#1 succeeded', 'A2#1 created']);
    expect(all.asked).toEqual([]);
    expect(await all.stateOf('A1')).toBe('delivered');
    expect(await all.row('A2')).toMatchObject({ state: 'open', holder: undefined, data: { deliveries: [] } });
    await all.end();
  });

  it('that fails is tried again after a pause that doubles from a second to ten minutes', async () => {
    const all = scene();
    const noted = handler(14);
    noted.now = () => all.clock.now();
    await all.insert(rowOf(all.clock, 'A1'));
    const made = all.worker({ onSettled: noted.onSettled, maxDeliveries: 100, idleMs: 1000 });
    await all.pass(2 * 60 * MINUTE_MS);
    const pauses = noted.atMs.slice(1).map((atMs, index) => atMs - (noted.atMs[index] ?? 0));
    expect(pauses).toHaveLength(14);
    for (const [index, pauseMs] of pauses.entries()) {
      const most = Math.min(10 * MINUTE_MS, 1000 * 2 ** index);
      expect(pauseMs).toBeGreaterThanOrEqual(0.75 * most);
      expect(pauseMs).toBeLessThanOrEqual(most + 1100);
    }
    expect(made.health()).toMatchObject({ delivered: 1, failures: 14, parked: 0 });
    expect(made.health().lastError).toMatchObject({
      during: 'onSettled',
      message: 'Error: the mail server is down',
    });
    await all.end();
  });

  it('that has failed maxDeliveries times parks the row: nothing of it is lost, and somebody is told', async () => {
    const all = scene();
    const noted = handler(99);
    const told: RowSummary[] = [];
    await all.insert(rowOf(all.clock, 'A1'));
    const made = all.worker({ onSettled: noted.onSettled, maxDeliveries: 3, onParked: row => told.push(row) });
    await all.pass(60 * MINUTE_MS);
    expect(noted.heard).toHaveLength(3);
    expect(await all.row('A1')).toMatchObject({
      ...{ state: 'parked', dueAtMs: undefined, holder: undefined },
      data: {
        ...{ failures: 3, deliveries: [{ id: 'A1#1' }] },
        parked: {
          from: 'settled',
          reason: 'onSettled failed 3 times in a row, the last time with Error: the mail server is down.',
        },
      },
    });
    expect((await all.row('A1')).data.parked?.advice).toMatch(/journal\.redrive\(id\)/);
    expect(told).toHaveLength(1);
    expect(told[0]).toMatchObject({ id: (await all.row('A1')).id, state: 'parked', deliveriesWaiting: 1 });
    expect(made.health()).toMatchObject({ parked: 1, failures: 3, delivered: 0 });
    expect(all.events.filter(({ type }) => type === 'parked')).toHaveLength(1);
    await all.end();
  });

  it('that has failed too often does not end the following of an order that is still open', async () => {
    const endsAtMs = { value: 0 };
    const all = scene(row =>
      all.clock.now() < endsAtMs.value ? stillOpen(row, all.clock.now() + 30_000) : settled(row),
    );
    endsAtMs.value = all.clock.now() + 20 * MINUTE_MS;
    const noted = handler(99);
    const deliveries = [delivery('A1', 'created')];
    await all.insert(rowOf(all.clock, 'A1', { data: { deliveries, delivered: 1 } }));
    all.worker({ onSettled: noted.onSettled, maxDeliveries: 3 });
    await all.pass(10 * MINUTE_MS);
    expect(noted.heard).toHaveLength(3);
    expect(await all.stateOf('A1')).toBe('open');
    await all.pass(11 * MINUTE_MS);
    expect(await all.row('A1')).toMatchObject({
      state: 'parked',
      data: { deliveries: [{ id: 'A1#1' }, { id: 'A1#2' }], parked: { from: 'settled' } },
    });
    await all.end();
  });

  it('of a handler that hangs has failed when its time is over, and its signal tells it so', async () => {
    const all = scene();
    let aborted: unknown;
    const calls: number[] = [];
    await all.insert(rowOf(all.clock, 'A1'));
    all.worker({
      handlerTimeoutMs: 5000,
      onSettled: (_settlement, { signal }) => {
        calls.push(all.clock.now());
        if (calls.length > 1) return undefined;
        signal.addEventListener('abort', () => void (aborted = signal.reason as unknown));
        return new Promise(() => undefined);
      },
    });
    await all.pass(4000);
    expect(aborted).toBeUndefined();
    await all.pass(5000);
    expect(String(aborted)).toMatch(/took longer than 5000 ms/);
    expect(calls).toHaveLength(2);
    expect(await all.stateOf('A1')).toBe('delivered');
    await all.end();
    expect(all.clock.pending).toBe(0);
  });

  it('whose handler keeps and changes its settlement changes nothing that is stored', async () => {
    const all = scene();
    const calls: Settlement[] = [];
    await all.insert(rowOf(all.clock, 'A1'));
    all.worker({
      onSettled(given) {
        calls.push(structuredClone(given));
        given.ticket.reference = { order: 'spoilt' };
        if (calls.length === 1) throw new Error('again');
      },
    });
    await all.pass(10_000);
    expect(calls.map(({ ticket }) => ticket.reference)).toEqual([{ order: 'A1' }, { order: 'A1' }]);
    await all.end();
  });

  it('shows in an error neither a password nor a number of a card', async () => {
    const all = scene();
    await all.insert(rowOf(all.clock, 'A1'));
    const made = all.worker({
      maxDeliveries: 1,
      onSettled() {
        throw new TypeError('postgres://shop:hunter2@db/x refused card 4111 1111 1111 1111\n password=hunter2');
      },
    });
    await all.pass(2000);
    const said = JSON.stringify([made.health(), all.events, await all.row('A1')]);
    expect(said).toMatch(/TypeError/);
    expect(said).not.toMatch(/hunter2|4111|1111/);
    await all.end();
  });
});

describe('without an onSettled', () => {
  it('settlements stay for a worker that has one, and are not taken again and again', async () => {
    const all = scene();
    await all.insert(rowOf(all.clock, 'A1'));
    const made = all.worker();
    await all.pass(3 * 60 * MINUTE_MS);
    expect(await all.row('A1')).toMatchObject({
      state: 'settled',
      holder: undefined,
      data: { deliveries: [{ id: 'A1#1' }] },
    });
    expect(all.asked).toHaveLength(1);
    expect(made.health().taken).toBeLessThan(30);
    await all.clock.run(made.stop());
    const { heard, onSettled } = handler();
    all.worker({ onSettled });
    await all.pass(16 * MINUTE_MS);
    expect(heard).toEqual(['A1#1 succeeded']);
    await all.end();
  });

  it('a young settlement waits a minute at most for the worker that has one', async () => {
    const all = scene();
    await all.insert(rowOf(all.clock, 'A1'));
    all.worker();
    await all.pass(2000);
    const { heard, onSettled } = handler();
    all.worker({ onSettled });
    await all.pass(61_000);
    expect(heard).toEqual(['A1#1 succeeded']);
    await all.end();
  });

  it('an order that is created is followed to its end, and nothing of it is lost', async () => {
    let polls = 0;
    const all = scene(row => (++polls < 3 ? stillOpen(row, all.clock.now() + 5000) : settled(row)));
    await all.insert(rowOf(all.clock, 'A1', { data: { deliveries: [delivery('A1', 'created')], delivered: 1 } }));
    all.worker();
    await all.pass(20_000);
    expect(polls).toBe(3);
    expect((await all.row('A1')).data.deliveries.map(({ id }) => id)).toEqual(['A1#1', 'A1#2']);
    await all.end();
  });
});

describe('at least once', () => {
  it('is a mark made again that the store did not take at first', async () => {
    let updates = 0;
    const all = scene(undefined, {
      over: store => ({
        update: async (changes, db) => {
          // The second is the mark.
          if (++updates === 2) return changes.map(() => false);
          return store.update(changes, db);
        },
      }),
    });
    const { heard, onSettled } = handler();
    await all.insert(rowOf(all.clock, 'A1'));
    all.worker({ onSettled });
    await all.pass(5000);
    expect(heard).toEqual(['A1#1 succeeded']);
    expect(await all.stateOf('A1')).toBe('delivered');
    await all.end();
  });

  it('is a delivery whose worker ended between handler and mark made by another worker', async () => {
    const heard: string[] = [];
    const all = scene();
    const dead = new Set<string>();
    // All that the first worker asks for after its handler has run gets no answer, as if its process were gone.
    const deadFor = withStore(all.journal, all.clock, store => ({
      update: (changes, db) => (dead.has('first') ? new Promise(() => undefined) : store.update(changes, db)),
      renew: (holder, forMs) => (dead.has('first') ? new Promise(() => undefined) : store.renew(holder, forMs)),
      take: turn => (dead.has('first') ? new Promise(() => undefined) : store.take(turn)),
    }));
    await all.insert(rowOf(all.clock, 'A1'));
    all.worker({
      journal: deadFor,
      gateways: [fakeGateway(all.clock, deadFor.store, row => settled(row))],
      onSettled(_settlement, { deliveryId }) {
        heard.push(`first ${deliveryId}`);
        dead.add('first');
      },
    });
    await all.pass(10_000);
    all.worker({ onSettled: (_settlement, { deliveryId }) => heard.push(`second ${deliveryId}`) });
    await all.pass(15_000);
    expect(heard).toEqual(['first A1#1']);
    await all.pass(10_000);
    expect(heard).toEqual(['first A1#1', 'second A1#1']);
    expect(await all.stateOf('A1')).toBe('delivered');
    await all.end();
  });

  it('keeps what a notice has changed while the handler ran, and its own mark', async () => {
    const all = scene();
    const { heard, onSettled } = handler();
    await all.insert(rowOf(all.clock, 'A1'));
    all.worker({
      onSettled: async (given, context) => {
        onSettled(given, context);
        if (heard.length > 1) return;
        const row = await all.row('A1');
        const deliveries = [...row.data.deliveries, delivery('A1', 'failed', 2)];
        const noticed = { ...row, dueAtMs: all.clock.now(), data: { ...row.data, deliveries, delivered: 2 } };
        expect(await all.store.update([{ row, set: noticed }])).toEqual([true]);
      },
    });
    await all.pass(5000);
    expect(heard).toEqual(['A1#1 succeeded', 'A1#2 failed']);
    expect(await all.stateOf('A1')).toBe('delivered');
    await all.end();
  });
});

describe('with transaction', () => {
  it('handler and mark are one: a handler that fails undoes what it wrote, and is called again', async () => {
    const all = scene();
    await all.insert(rowOf(all.clock, 'A1'), rowOf(all.clock, 'S1', { state: 'unsent', dueAtMs: undefined }));
    const own = await all.row('S1');
    let calls = 0;
    const seen: number[] = [];
    all.worker({
      transaction: true,
      onSettled: async (_settlement, { db }) => {
        seen.push((await all.row('S1')).fence);
        const { fence } = await all.row('S1');
        expect(await all.store.update([{ row: { ...own, fence }, set: own }], db)).toEqual([true]);
        if (++calls < 3) throw new Error('after my write');
      },
    });
    await all.pass(10_000);
    expect(seen).toEqual([1, 1, 1]);
    expect((await all.row('S1')).fence).toBe(2);
    expect(await all.stateOf('A1')).toBe('delivered');
    await all.end();
  });

  it('a crash between handler and commit delivers again, and undoes what the handler wrote', async () => {
    let commits = 0;
    const all = scene(undefined, {
      over: store => ({
        transaction: work =>
          store.transaction(async db => {
            const result = await work(db);
            if (++commits === 1) throw new Error('the process died');
            return result;
          }),
      }),
    });
    const { heard, onSettled } = handler();
    await all.insert(rowOf(all.clock, 'A1'));
    all.worker({ onSettled, transaction: true });
    await all.pass(10_000);
    expect(heard).toEqual(['A1#1 succeeded', 'A1#1 succeeded']);
    expect(await all.stateOf('A1')).toBe('delivered');
    await all.end();
  });

  it('a commit whose answer was lost is not done twice: the row tells that it was made', async () => {
    let commits = 0;
    const all = scene(undefined, {
      over: store => ({
        transaction: async work => {
          const result = await store.transaction(work);
          if (++commits === 1) throw new Error('the connection was lost');
          return result;
        },
      }),
    });
    const { heard, onSettled } = handler();
    await all.insert(rowOf(all.clock, 'A1'));
    all.worker({ onSettled, transaction: true });
    await all.pass(10_000);
    expect(heard).toEqual(['A1#1 succeeded']);
    expect(await all.stateOf('A1')).toBe('delivered');
    await all.end();
  });

  it('a handler that hangs is rolled back when its time is over', async () => {
    const all = scene();
    let calls = 0;
    await all.insert(rowOf(all.clock, 'A1'));
    all.worker({
      ...{ transaction: true, handlerTimeoutMs: 1000 },
      onSettled: () => (++calls === 1 ? new Promise(() => undefined) : undefined),
    });
    await all.pass(10_000);
    expect(calls).toBe(2);
    expect(await all.stateOf('A1')).toBe('delivered');
    await all.end();
  });

  it('a notice that comes while the handler runs undoes it: it is called again with what is known then', async () => {
    const all = scene();
    const { heard, onSettled } = handler();
    await all.insert(rowOf(all.clock, 'A1'));
    all.worker({
      transaction: true,
      onSettled: async (given, context) => {
        onSettled(given, context);
        if (heard.length > 1) return;
        const row = await all.row('A1');
        await all.store.update([{ row, set: { ...row, dueAtMs: all.clock.now() } }]);
      },
    });
    await all.pass(10_000);
    expect(heard).toEqual(['A1#1 succeeded', 'A1#1 succeeded']);
    expect(await all.row('A1')).toMatchObject({ state: 'delivered', data: { failures: 0 } });
    await all.end();
  });

  it('a transaction that the journal does not give is no failure of the handler’s', async () => {
    let refusals = 0;
    const all = scene(undefined, {
      over: store => ({
        transaction: work => (++refusals < 6 ? Promise.reject(new Error('busy')) : store.transaction(work)),
      }),
    });
    const { heard, onSettled } = handler();
    await all.insert(rowOf(all.clock, 'A1'));
    const made = all.worker({ onSettled, transaction: true, maxDeliveries: 2 });
    await all.pass(60_000);
    expect(heard).toEqual(['A1#1 succeeded']);
    expect(made.health()).toMatchObject({ failures: 0, delivered: 1, parked: 0 });
    expect(all.events.some(event => event.type === 'store-error' && event.during === 'transaction')).toBe(true);
    await all.end();
  });

  it('db is there, and without it nothing is', async () => {
    const all = scene();
    const dbs: unknown[] = [];
    await all.insert(rowOf(all.clock, 'A1'));
    const first = all.worker({ onSettled: (_settlement, { db }) => dbs.push(db) });
    await all.pass(2000);
    await all.clock.run(first.stop());
    await all.insert(rowOf(all.clock, 'A2'));
    all.worker({ transaction: true, onSettled: (_settlement, { db }) => dbs.push(db) });
    await all.pass(2000);
    expect(dbs).toEqual([undefined, expect.any(Object)]);
    await all.end();
  });
});

describe('a handler that is slow', () => {
  it('holds up no exchange, and loses no delivery', async () => {
    const all = scene();
    const rows = Array.from({ length: 60 }, (_each, at) => rowOf(all.clock, `A${at}`));
    await all.insert(...rows);
    const heard = new Set<string>();
    all.worker({
      ...{ concurrency: 1, ratePerSecond: 100 },
      onSettled: async (_settlement, { deliveryId }) => {
        await after(all.clock, 3000);
        heard.add(deliveryId);
      },
    });
    await all.pass(3000);
    expect(all.asked).toHaveLength(60);
    await all.pass(5 * MINUTE_MS);
    expect(heard.size).toBe(60);
    await all.end();
  });
});
