import { describe, expect, it } from 'vitest';
import { createWorker } from '../../src/journal/worker.ts';
import { fakeGateway, rowOf, scene, settled, type Scene } from './scene.ts';

/** A deploy: workers of the release before run beside those of the next, on one journal. */

const SECOND_MS = 1000;
const MINUTE_MS = 60_000;
const newer = { data: { adapterVersion: 2 } };

/** A worker of the next release. */
function nextRelease({ clock, store, journal }: Scene): { asked: string[]; worker: ReturnType<typeof createWorker> } {
  const asked: string[] = [];
  const gateway = fakeGateway(
    clock,
    store,
    row => {
      asked.push(row.data.key);
      return settled(row);
    },
    { adapterVersion: 2 },
  );
  return { asked, worker: createWorker({ gateways: [gateway], journal, clock, onSettled: () => undefined }) };
}

describe('an older worker that meets rows of a newer release', () => {
  it('gives them back with their own time', async () => {
    const all = scene();
    const row = rowOf(all.clock, 'B1', newer);
    await all.insert(row);
    const made = all.worker();
    for (let second = 0; second < 29; second++) {
      await all.pass(SECOND_MS);
      expect(await all.row('B1')).toMatchObject({ state: 'open', dueAtMs: row.dueAtMs, holder: undefined });
    }
    // It does not take them over and over.
    expect(made.health().newer).toBeGreaterThan(3);
    expect(made.health().newer).toBeLessThan(20);
    expect(all.asked).toEqual([]);
    await all.end();
  });

  it('delays none of them: the newer worker asks about each in the second after its time', async () => {
    const all = scene();
    const numbers = Array.from({ length: 300 }, (_, at) => `B${at}`);
    await all.insert(
      ...numbers.map((number, at) => rowOf(all.clock, number, { ...newer, dueAtMs: all.clock.now() + at * 100 })),
    );
    all.worker({ ratePerSecond: 1000 });
    const { worker, asked } = nextRelease(all);
    worker.start();
    for (let second = 1; second <= 30; second++) {
      await all.pass(SECOND_MS);
      expect(asked.length).toBeGreaterThanOrEqual((second - 3) * 10);
    }
    expect(new Set(asked).size).toBeGreaterThan(270);
    await all.clock.run(worker.stop());
    await all.end();
  });

  it('gets past them when no newer worker is left, however many they are', async () => {
    const all = scene();
    const { clock } = all;
    const old = rowOf(clock, 'A1', { openedAtMs: clock.now() - MINUTE_MS });
    await all.insert(old, ...Array.from({ length: 1000 }, (_, at) => rowOf(clock, `B${at}`, newer)));
    all.worker({ ratePerSecond: 1000 });
    await all.pass(2 * MINUTE_MS);
    expect(all.asked.map(({ number }) => number)).toEqual(['A1']);
    expect(await all.stateOf('B7')).toBe('open');
    await all.end();
  });

  it('goes on with what it can read of other accounts meanwhile', async () => {
    const all = scene();
    const other = 'acme/shop-2/sandbox';
    const asked: string[] = [];
    const gateway = fakeGateway(
      all.clock,
      all.store,
      row => {
        asked.push(row.data.key);
        return settled(row);
      },
      { account: other },
    );
    const own = fakeGateway(all.clock, all.store, row => settled(row));
    await all.insert(rowOf(all.clock, 'B1', newer), rowOf(all.clock, 'A1', { account: other }));
    all.worker({ gateways: [own, gateway] });
    await all.pass(SECOND_MS);
    await all.insert(rowOf(all.clock, 'A2', { account: other }));
    await all.pass(2 * SECOND_MS);
    expect(asked).toEqual(['A1', 'A2']);
    await all.end();
  });
});
