import { describe, expect, it } from 'vitest';
import { createJournal } from '../../src/journal/journal.ts';
import { memoryJournal } from '../../src/journal/memory.ts';
import type { JournalStore } from '../../src/journal/store.ts';
import { timedStore, UnansweredError } from '../../src/journal/timed-store.ts';
import { createWorker } from '../../src/journal/worker.ts';
import { manualClock } from '../../src/testing/index.ts';
import { ACCOUNT, after, fakeGateway, rowOf, scene, settled, stillOpen } from './scene.ts';

const MINUTE_MS = 60_000;

/** Its method is never answered while it is told so; what it does all the same is `late`. */
const hanging =
  (method: keyof JournalStore, isHung: () => boolean, late = false) =>
  (store: JournalStore): Partial<JournalStore> => ({
    [method]: (...given: unknown[]) => {
      const real = (): unknown =>
        Reflect.apply(Reflect.get(store, method) as (...all: unknown[]) => unknown, store, given);
      if (!isHung()) return real();
      if (late) real();
      return new Promise(() => undefined);
    },
  });

/** True the first time. */
function once(): () => boolean {
  let isFirst = true;
  return () => {
    const was = isFirst;
    isFirst = false;
    return was;
  };
}

describe('a store that never answers', () => {
  it.each(
    (['take', 'renew', 'update', 'permits', 'overdue'] as const).flatMap(method => [
      [method, 'and did nothing', false] as const,
      [method, 'and did it all the same', true] as const,
    ]),
  )('one %s (%s) stops no worker: it is said, and the work goes on', async (method, _which, late) => {
    const all = scene(undefined, { over: hanging(method, once(), late) });
    for (let at = 0; at < 5; at++) await all.insert(rowOf(all.clock, `A${at}`));
    const heard: string[] = [];
    const made = all.worker({
      ratePerSecond: 100,
      onSettled: (_settlement, { deliveryId }) => heard.push(deliveryId),
    });
    await all.pass(90_000);
    expect(new Set(heard).size).toBe(5);
    expect(all.events.filter(event => event.type === 'store-error')).toHaveLength(1);
    expect(made.health().lastError?.message).toMatch(new RegExp(`memory: ${method} was not answered within \\d+ ms`));
    await all.end();
  });

  it('a row that is read again is asked for anew', async () => {
    let isHung = false;
    const all = scene(
      async row => {
        const [latest] = await all.store.list({});
        // A notice comes in between, and then the store does not answer.
        if (latest !== undefined) await all.store.update([{ row: latest, set: { ...latest } }]);
        isHung = asked++ === 0;
        return settled(row);
      },
      {
        over: hanging('get', () => {
          const was = isHung;
          isHung = false;
          return was;
        }),
      },
    );
    let asked = 0;
    await all.insert(rowOf(all.clock, 'A1'));
    all.worker();
    await all.pass(2 * MINUTE_MS);
    expect(asked).toBeGreaterThan(1);
    await all.end();
  });

  it('update for hours keeps its rows from nobody: others deliver them', async () => {
    const clock = manualClock();
    const base = memoryJournal({ clock });
    let isHung = true;
    const store = { ...base.store, ...hanging('update', () => isHung)(base.store) };
    const journal = createJournal(store, { clock });
    for (let at = 0; at < 50; at++) await base.store.insert(rowOf(clock, `A${at}`));
    let asked = 0;
    const sick = createWorker({
      ...{ gateways: [fakeGateway(clock, store, row => (asked++, settled(row)))], journal, clock },
      ...{ ratePerSecond: 100, onSettled: () => undefined },
    });
    sick.start();
    await clock.run(after(clock, 5000));
    const heard: string[] = [];
    const gateway = fakeGateway(clock, base.store, row => settled(row));
    const well = createWorker({
      ...{ gateways: [gateway], journal: base, clock, ratePerSecond: 100 },
      onSettled: (_settlement, { deliveryId }) => heard.push(deliveryId),
    });
    well.start();
    await clock.run(after(clock, 2 * MINUTE_MS));
    expect(new Set(heard).size).toBe(50);
    // It knows that it cannot keep what it is told: it asks no more.
    expect(asked).toBeLessThanOrEqual(50);
    isHung = false;
    await clock.run(after(clock, 2 * MINUTE_MS));
    await base.store.insert(rowOf(clock, 'B1'));
    await clock.run(well.stop());
    await clock.run(after(clock, 10_000));
    expect((await base.store.get(`${ACCOUNT} B1`))?.state).toBe('delivered');
    await clock.run(sick.stop());
  });

  it('a late take leaves its rows to others, or to the same worker, within a lease', async () => {
    const answers: (() => void)[] = [];
    const isHung = once();
    const all = scene(row => stillOpen(row, all.clock.now() + 60 * MINUTE_MS), {
      over: store => ({
        take: turn => {
          if (!isHung()) return store.take(turn);
          return new Promise(resolve => answers.push(() => void store.take(turn).then(resolve)));
        },
      }),
    });
    await all.insert(rowOf(all.clock, 'A1', { dueAtMs: all.clock.now() + 45_000 }));
    all.worker();
    await all.pass(45_000);
    // Rows come for a holder that was given up.
    for (const answer of answers) answer();
    await all.pass(45_000);
    expect(all.asked).toHaveLength(1);
    await all.end();
  });
});

describe('a timed store', () => {
  it('rejects what is not answered in time, and leaves no timer behind of what was', async () => {
    const clock = manualClock();
    const { store } = memoryJournal({ clock });
    const timed = timedStore({ ...store, get: () => new Promise(() => undefined) }, clock, 1000);
    await timed.insert(rowOf(clock, 'A1'));
    expect(clock.pending).toBe(0);
    const got = timed.get('x');
    await expect(clock.run(got)).rejects.toThrow(new UnansweredError('memory: get was not answered within 1000 ms'));
    expect(clock.pending).toBe(0);
  });

  it('does not limit what is done in a transaction', async () => {
    const clock = manualClock();
    const { store } = memoryJournal({ clock });
    const timed = timedStore(store, clock, 1000);
    const work = timed.transaction(async db => {
      await after(clock, 5000);
      return timed.insert(rowOf(clock, 'A1'), db);
    });
    expect(await clock.run(work)).toBe(true);
  });
});
