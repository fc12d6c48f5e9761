import { describe, expect, it } from 'vitest';
import { InputError } from '../../src/core/errors.ts';
import type { JournalStore } from '../../src/journal/store.ts';
import { after, delivery, fakeGateway, rowOf, scene, settled, stillOpen, withStore, type Scene } from './scene.ts';

const HOUR_MS = 60 * 60_000;

describe('stop', () => {
  it('while it rests ends at once, frees its lease, and leaves nothing behind', async () => {
    const released: string[] = [];
    const all = scene(undefined, {
      over: store => ({
        release(holder) {
          released.push(holder);
          return store.release(holder);
        },
      }),
    });
    const made = all.worker();
    await all.pass(2000);
    const before = all.clock.now();
    await all.clock.run(Promise.all([made.stop(), made.stop({ drainMs: 5 })]));
    expect(all.clock.now()).toBe(before);
    expect(all.clock.pending).toBe(0);
    expect(released).toHaveLength(1);
    await made.stop();
    expect(released).toHaveLength(1);
    expect(() => made.start()).toThrow(InputError);
    await all.insert(rowOf(all.clock, 'A1'));
    made.poke();
    await all.pass(HOUR_MS);
    expect(all.asked).toEqual([]);
  });

  it('of a worker that was never started resolves, and nothing begins', async () => {
    const all = scene();
    const made = all.worker();
    await made.stop();
    await expect(made.stop({ drainMs: -1 })).rejects.toThrow(InputError);
    await expect(made.stop(JSON.parse('{ "drainMS": 1 }') as object)).rejects.toThrow(/Did you mean drainMs/);
    expect(all.clock.pending).toBe(0);
  });

  it('while an exchange is on the wire lets it end, stores what was said, and gives back the rest', async () => {
    const all = scene(async row => {
      await after(all.clock, 3000);
      return settled(row);
    });
    for (let at = 0; at < 20; at++) await all.insert(rowOf(all.clock, `A${at}`));
    const heard: string[] = [];
    const made = all.worker({
      ...{ concurrency: 2, ratePerSecond: 1000 },
      onSettled: (_settlement, { deliveryId }) => heard.push(deliveryId),
    });
    await all.pass(1000);
    const startMs = all.clock.now();
    const inWork = all.asked.map(({ number }) => number);
    await all.clock.run(made.stop());
    expect(all.clock.now() - startMs).toBeLessThan(3000);
    expect(all.asked).toHaveLength(inWork.length);
    for (const number of inWork) {
      // It is for another worker to deliver, now.
      expect(await all.row(number)).toMatchObject({ state: 'settled', holder: undefined, data: { deliveries: [{}] } });
      expect((await all.row(number)).dueAtMs).toBeLessThanOrEqual(all.clock.now());
    }
    expect(heard).toEqual([]);
    const rest = (await all.store.list({ limit: 100 })).filter(({ data }) => !inWork.includes(data.key));
    expect(rest.every(({ holder, isHeld, state }) => holder === undefined && !isHeld && state === 'open')).toBe(true);
    expect(made.health()).toMatchObject({ running: false, inHand: 0 });
    expect(all.clock.pending).toBe(0);
  });

  it('while a handler runs lets it end, and marks what it took', async () => {
    const all = scene();
    await all.insert(
      rowOf(all.clock, 'A1', {
        state: 'settled',
        data: { deliveries: [delivery('A1', 'created', 1), delivery('A1', 'succeeded', 2)] },
      }),
    );
    const heard: string[] = [];
    const made = all.worker({
      onSettled: async (_settlement, { deliveryId }) => {
        heard.push(deliveryId);
        await after(all.clock, 4000);
      },
    });
    await all.pass(1000);
    await all.clock.run(made.stop());
    expect(heard).toEqual(['A1#1']);
    expect(await all.row('A1')).toMatchObject({
      state: 'settled',
      holder: undefined,
      data: { deliveries: [{ id: 'A1#2' }] },
    });
    expect(all.clock.pending).toBe(0);
  });

  it.each([
    false,
    true,
  ])('aborts what hangs after drainMs, and nothing of it is stored later (transaction: %s)', async transaction => {
    const hanging = Promise.withResolvers<undefined>();
    const all = scene(async row => {
      if (row.data.key === 'H1') await hanging.promise;
      return settled(row);
    });
    await all.insert(
      rowOf(all.clock, 'H1'),
      rowOf(all.clock, 'A1', { state: 'settled', data: { deliveries: [delivery('A1')] } }),
    );
    const signals: AbortSignal[] = [];
    const made = all.worker({
      transaction,
      onSettled: async (_settlement, { signal }) => {
        signals.push(signal);
        await hanging.promise;
      },
    });
    await all.pass(1000);
    const startMs = all.clock.now();
    await all.clock.run(made.stop({ drainMs: 2000 }));
    expect(all.clock.now() - startMs).toBe(2000);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
    expect(all.clock.pending).toBe(0);
    const fences = [(await all.row('H1')).fence, (await all.row('A1')).fence];
    hanging.resolve(undefined);
    await all.clock.untilQuiet();
    expect([(await all.row('H1')).fence, (await all.row('A1')).fence]).toEqual(fences);
    expect(await all.row('A1')).toMatchObject({
      state: 'settled',
      isHeld: false,
      data: { deliveries: [{}], failures: 0 },
    });
    expect(await all.row('H1')).toMatchObject({ state: 'open', isHeld: false });
    // Another one goes on at once: the lease was given back.
    const heard: string[] = [];
    all.worker({ transaction, onSettled: (_settlement, { deliveryId }) => heard.push(deliveryId) });
    await all.pass(2000);
    expect(heard.toSorted()).toEqual(['A1#1', 'H1#1']);
    await all.end();
  });

  it.each([
    'take',
    'update',
    'renew',
    'permits',
    'overdue',
    'release',
    'get',
  ] as const)('ends although the store’s %s never answers', async method => {
    const all = scene(undefined, { over: () => ({ [method]: () => new Promise(() => undefined) }) });
    await all.insert(rowOf(all.clock, 'A1'));
    const made = all.worker({ onSettled: () => undefined });
    await all.pass(5000);
    const startMs = all.clock.now();
    await all.clock.run(made.stop({ drainMs: 3000 }));
    expect(all.clock.now() - startMs).toBeLessThanOrEqual(5000);
    expect(all.clock.pending).toBe(0);
  });
});

/** Gives back what another worker takes of it, one row after the other. */
const takenByAnother = async ({ store }: Scene, holder = 'another'): Promise<string[]> => {
  await store.renew(holder, HOUR_MS);
  const rows = await store.take({ holder, accounts: ['acme/shop-1/sandbox'], limit: 100 });
  return rows.map(({ data }) => data.key).sort();
};

describe('the lease', () => {
  it('is renewed for as long as anything takes: no other worker gets a row of a slow handler', async () => {
    let running = 0;
    let most = 0;
    const all = scene(undefined, { desk: { leaseMs: 3000 } });
    await all.insert(rowOf(all.clock, 'A1'));
    const onSettled = async (): Promise<void> => {
      most = Math.max(most, ++running);
      await after(all.clock, 20_000);
      running--;
    };
    const first = all.worker({ onSettled });
    const second = all.worker({ onSettled });
    await all.pass(30_000);
    expect([most, first.health().delivered + second.health().delivered]).toEqual([1, 1]);
    await all.end();
  });

  it('is renewed while a stop waits', async () => {
    const all = scene(undefined, { desk: { leaseMs: 3000 } });
    await all.insert(rowOf(all.clock, 'A1'));
    const made = all.worker({ onSettled: () => after(all.clock, 9000) });
    await all.pass(1000);
    const stopped = made.stop();
    await all.pass(7000);
    expect(await takenByAnother(all)).toEqual([]);
    await all.clock.run(stopped);
    expect(await all.stateOf('A1')).toBe('delivered');
  });

  it.each([
    ['slept, so that only the wall clock went on', (all: Scene) => all.clock.stepWall(31_000)],
    ['was stopped, and both clocks went on', (all: Scene) => all.clock.advance(31_000)],
  ])('a worker that %s does nothing with the rows it had taken, and takes anew', async (_how, pause) => {
    let holders: unknown[] = [];
    const all = scene(
      async row => {
        holders.push(row.holder);
        await after(all.clock, 2000);
        return stillOpen(row, all.clock.now() + HOUR_MS);
      },
      { desk: { leaseMs: 30_000 } },
    );
    for (let at = 0; at < 10; at++) await all.insert(rowOf(all.clock, `A${at}`));
    const made = all.worker({ concurrency: 1, ratePerSecond: 1000 });
    await all.pass(1000);
    const before = [...holders];
    expect(before).toHaveLength(1);
    holders = [];
    pause(all);
    await all.pass(60_000);
    // The nine that waited for the wire were taken again, by a new holder, before they were asked about.
    expect(holders.length).toBeGreaterThanOrEqual(9);
    expect(holders).not.toContain(before[0]);
    expect(new Set(holders).size).toBe(1);
    expect(all.events.filter(({ type }) => type === 'lease-ended')).toHaveLength(1);
    expect(new Set(all.asked.map(({ number }) => number)).size).toBe(10);
    expect(made.health().running).toBe(true);
    await all.end();
  });

  it('what another worker took meanwhile is his: a late answer changes nothing', async () => {
    const answer = Promise.withResolvers<undefined>();
    const all = scene(async row => {
      await answer.promise;
      return settled(row);
    });
    await all.insert(rowOf(all.clock, 'A1'));
    const made = all.worker();
    await all.pass(1000);
    // It is stopped for longer than its lease: no timer of it runs.
    all.clock.stepWall(31_000);
    await all.store.release((await all.row('A1')).holder ?? '');
    expect(await takenByAnother(all)).toEqual(['A1']);
    const { fence } = await all.row('A1');
    answer.resolve(undefined);
    await all.pass(2000);
    expect(await all.row('A1')).toMatchObject({ fence, state: 'open', holder: 'another' });
    await all.clock.run(made.stop());
    await all.end();
  });

  it('that ended between two deliveries ends the deliveries: another worker makes the rest', async () => {
    const all = scene();
    const deliveries = [delivery('A1', 'created', 1), delivery('A1', 'succeeded', 2)];
    await all.insert(rowOf(all.clock, 'A1', { state: 'settled', data: { deliveries } }));
    const heard: string[] = [];
    all.worker({
      onSettled(_settlement, { deliveryId }) {
        heard.push(`${deliveryId} ${all.events.some(({ type }) => type === 'lease-ended') ? 'anew' : 'at first'}`);
        if (heard.length === 1) all.clock.stepWall(31_000);
      },
    });
    await all.pass(60_000);
    expect(heard).toEqual(['A1#1 at first', 'A1#2 anew']);
    expect(await all.stateOf('A1')).toBe('delivered');
    await all.end();
  });

  it('tells the desk how much of it is left, by the clock that has gone further', async () => {
    const left: number[] = [];
    const all = scene(
      async (row, { leftMs }) => {
        left.push(leftMs());
        await after(all.clock, 1000);
        left.push(leftMs());
        all.clock.stepWall(5000);
        left.push(leftMs());
        return settled(row);
      },
      { desk: { leaseMs: 30_000 } },
    );
    await all.insert(rowOf(all.clock, 'A1'));
    all.worker();
    await all.pass(2000);
    expect(left).toEqual([30_000, 29_000, 24_000]);
    await all.end();
  });

  it('cannot be renewed: when it is over nothing more is done under it, and the worker begins again', async () => {
    let isDown = false;
    const all = scene(
      async row => {
        await after(all.clock, 8000);
        return stillOpen(row, all.clock.now() + HOUR_MS);
      },
      {
        over: store => ({
          renew: (holder, forMs) => (isDown ? Promise.reject(new Error('down')) : store.renew(holder, forMs)),
        }),
      },
    );
    for (let at = 0; at < 12; at++) await all.insert(rowOf(all.clock, `A${at}`));
    const made = all.worker({ concurrency: 1, ratePerSecond: 1000 });
    await all.pass(1000);
    isDown = true;
    await all.pass(120_000);
    // Thirty seconds of lease, of which each exchange took eight.
    expect(all.asked.length).toBeLessThanOrEqual(5);
    isDown = false;
    await all.pass(5 * 60_000);
    expect(new Set(all.asked.map(({ number }) => number)).size).toBe(12);
    expect(made.health().lastError).toMatchObject({ message: 'Error: down' });
    await all.end();
  });
});

/** Fails for as long as it is told to. */
const failing =
  (method: keyof JournalStore, isDown: () => boolean, message = 'terminating connection') =>
  (store: JournalStore): Partial<JournalStore> => ({
    [method]: (...given: unknown[]) =>
      isDown()
        ? Promise.reject(Object.assign(new Error(message), { code: '57P01' }))
        : Reflect.apply<JournalStore, unknown[], unknown>(
            Reflect.get(store, method) as (...all: unknown[]) => unknown,
            store,
            given,
          ),
  });

describe('a store that fails', () => {
  it.each([
    'take',
    'permits',
    'renew',
    'overdue',
  ] as const)('in %s is tried again with growing pauses, and the worker goes on by itself', async method => {
    let isDown = true;
    const all = scene(undefined, { over: failing(method, () => isDown) });
    for (let at = 0; at < 5; at++) await all.insert(rowOf(all.clock, `A${at}`));
    const made = all.worker({ ratePerSecond: 100 });
    await all.pass(2 * 60_000);
    const errors = all.events.filter(event => event.type === 'store-error');
    expect(errors.length).toBeGreaterThan(3);
    expect(errors.length).toBeLessThan(30);
    expect(errors.at(-1)).toMatchObject({ message: 'Error 57P01: terminating connection' });
    expect(made.health().lastError?.message).toBe('Error 57P01: terminating connection');
    isDown = false;
    await all.pass(60_000);
    expect(all.asked).toHaveLength(5);
    await all.end();
  });

  it('when what the gateway said is to be stored keeps it until it can: nothing is asked twice', async () => {
    let isDown = true;
    const all = scene(undefined, { over: failing('update', () => isDown, 'database or disk is full') });
    for (let at = 0; at < 30; at++) await all.insert(rowOf(all.clock, `A${at}`));
    const made = all.worker({ ratePerSecond: 100 });
    await all.pass(10 * 60_000);
    expect(made.health().lastError).toMatchObject({ during: 'journal update' });
    const asked = all.asked.length;
    expect(asked).toBeGreaterThan(0);
    isDown = false;
    await all.pass(60_000);
    const rows = await all.store.list({ state: 'settled' });
    expect(rows).toHaveLength(30);
    expect(all.asked).toHaveLength(30);
    await all.end();
  });

  it('in take, having taken rows all the same, keeps none of them for longer than a lease', async () => {
    let isLost = true;
    const all = scene(undefined, {
      over: store => ({
        async take(turn) {
          const rows = await store.take(turn);
          if (isLost && rows.length > 0) {
            isLost = false;
            throw new Error('the answer was lost');
          }
          return rows;
        },
      }),
    });
    for (let at = 0; at < 5; at++) await all.insert(rowOf(all.clock, `A${at}`));
    all.worker({ ratePerSecond: 100 });
    await all.pass(32_000);
    expect(all.asked).toHaveLength(5);
    await all.end();
  });

  it('in update, having made the changes all the same, costs nothing', async () => {
    let isLost = true;
    const all = scene(undefined, {
      over: store => ({
        async update(changes, db) {
          const made = await store.update(changes, db);
          if (isLost) {
            isLost = false;
            throw new Error('the answer was lost');
          }
          return made;
        },
      }),
    });
    await all.insert(rowOf(all.clock, 'A1'));
    const heard: string[] = [];
    all.worker({ onSettled: (_settlement, { deliveryId }) => heard.push(deliveryId) });
    await all.pass(60_000);
    expect(heard).toEqual(['A1#1']);
    expect(await all.stateOf('A1')).toBe('delivered');
    await all.end();
  });

  it('for one row alone holds up no other', async () => {
    const all = scene(undefined, {
      over: store => ({
        update: (changes, db) =>
          changes.some(({ row }) => row.id.endsWith('BAD'))
            ? Promise.reject(new Error('invalid byte sequence'))
            : store.update(changes, db),
      }),
    });
    await all.insert(rowOf(all.clock, 'BAD'));
    for (let at = 0; at < 50; at++) await all.insert(rowOf(all.clock, `A${at}`));
    const made = all.worker({ ratePerSecond: 100 });
    await all.pass(60_000);
    expect(await all.store.list({ state: 'settled' })).toHaveLength(50);
    await all.clock.run(made.stop({ drainMs: 100 }));
    await all.end();
  });

  it('stores many results in one update', async () => {
    const sizes: number[] = [];
    const all = scene(undefined, {
      over: store => ({
        update(changes, db) {
          sizes.push(changes.length);
          return store.update(changes, db);
        },
      }),
    });
    for (let at = 0; at < 200; at++) await all.insert(rowOf(all.clock, `A${at}`));
    all.worker({ ratePerSecond: 10_000, concurrency: 100, batchSize: 100 });
    await all.pass(10_000);
    expect(await all.store.list({ state: 'settled', limit: 1000 })).toHaveLength(200);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(100);
    expect(sizes.length).toBeLessThan(40);
    await all.end();
  });
});

describe('a row that a worker gave back without hearing so', () => {
  it('and took again is let alone by its earlier work: nobody else gets it meanwhile', async () => {
    let loses = 2;
    let permits = 0;
    const all = scene(
      async row => {
        expect(await takenByAnother(all)).toEqual([]);
        await after(all.clock, 20_000);
        expect((await all.row('A1')).isHeld).toBe(true);
        return settled(row);
      },
      {
        over: store => ({
          permits: () => Promise.resolve(permits),
          async update(changes, db) {
            const made = await store.update(changes, db);
            // It was given back, and its worker tries to give it back for some time.
            if (loses-- > 0) throw new Error('the answer was lost');
            return made;
          },
        }),
      },
    );
    await all.insert(rowOf(all.clock, 'A1'));
    all.worker();
    await all.pass(100);
    permits = 1;
    await all.pass(30_000);
    expect(await all.stateOf('A1')).toBe('settled');
    expect(all.asked).toHaveLength(1);
    await all.end();
  });

  it('is not delivered under the old taking, though its pause is over by the time it hears so', async () => {
    let updates = 0;
    const held: boolean[] = [];
    const all = scene(undefined, {
      over: store => ({
        async update(changes, db) {
          const made = await store.update(changes, db);
          // The mark of the first failure takes longer than the pause that it begins.
          if (++updates === 1) await after(all.clock, 5000);
          return made;
        },
      }),
    });
    await all.insert(rowOf(all.clock, 'A1', { state: 'settled', data: { deliveries: [delivery('A1')] } }));
    all.worker({
      onSettled: async () => {
        held.push((await all.row('A1')).isHeld);
        if (held.length === 1) throw new Error('not yet');
      },
    });
    await all.pass(20_000);
    expect(held).toEqual([true, true]);
    expect(await all.stateOf('A1')).toBe('delivered');
    await all.end();
  });
});

describe('listeners', () => {
  it('that throw or reject cost nothing', async () => {
    const all = scene();
    await all.insert(rowOf(all.clock, 'A1'));
    const made = all.worker({
      maxDeliveries: 1,
      onEvent: () => Promise.reject(new Error('theirs')),
      onParked() {
        throw new Error('theirs');
      },
      onSettled: () => Promise.reject(new Error('no')),
    });
    await all.pass(2000);
    expect(made.health()).toMatchObject({ parked: 1 });
    await all.end();
  });
});

describe('two workers on one journal', () => {
  it('share the work, and are never in one row at once', async () => {
    const inRow = new Map<string, number>();
    let most = 0;
    const all = scene(async row => {
      const { key } = row.data;
      inRow.set(key, (inRow.get(key) ?? 0) + 1);
      most = Math.max(most, inRow.get(key) ?? 0);
      await after(all.clock, 300);
      inRow.set(key, (inRow.get(key) ?? 0) - 1);
      return settled(row);
    });
    for (let at = 0; at < 100; at++) await all.insert(rowOf(all.clock, `A${at}`));
    const other = withStore(all.journal, all.clock, () => ({}));
    const first = all.worker({ ratePerSecond: 1000, batchSize: 10 });
    const second = all.worker({
      ...{ journal: other, ratePerSecond: 1000, batchSize: 10 },
      gateways: [fakeGateway(all.clock, other.store, row => settled(row))],
    });
    await all.pass(20_000);
    expect(most).toBe(1);
    expect(first.health().asked + second.health().asked).toBe(100);
    expect(Math.min(first.health().asked, second.health().asked)).toBeGreaterThan(0);
    await all.end();
  });
});
