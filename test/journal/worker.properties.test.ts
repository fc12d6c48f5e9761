import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { memoryJournal } from '../../src/journal/memory.ts';
import type { JournalStore } from '../../src/journal/store.ts';
import { createWorker, type Worker } from '../../src/journal/worker.ts';
import { manualClock, type ManualClock } from '../../src/testing/index.ts';
import { ACCOUNT, after, delivery, fakeGateway, rowOf, settled, stillOpen, withStore } from './scene.ts';

/** What may go wrong between a worker and its store. */
interface Weather {
  readonly seed: number;
  readonly workers: number;
  readonly rows: number;
  readonly transaction: boolean;
  /** How many of a hundred calls fail before they are made, or after. */
  readonly failPercent: number;
  /** How long a call takes at most, each way. Milliseconds. */
  readonly slowMs: number;
  /** After so long the first worker's process is killed. Milliseconds. */
  readonly killAfterMs: number;
  /** How many of a hundred calls of the handler fail. */
  readonly handlerFailPercent: number;
  readonly notices: number;
}

const weather: fc.Arbitrary<Weather> = fc.record({
  seed: fc.integer({ min: 1, max: 2 ** 31 }),
  workers: fc.integer({ min: 1, max: 3 }),
  rows: fc.integer({ min: 1, max: 12 }),
  transaction: fc.boolean(),
  failPercent: fc.constantFrom(0, 5, 20),
  slowMs: fc.constantFrom(0, 20, 200),
  killAfterMs: fc.constantFrom(50, 500, 3000, Infinity),
  handlerFailPercent: fc.constantFrom(0, 30),
  notices: fc.integer({ min: 0, max: 10 }),
});

const methods = ['get', 'update', 'take', 'renew', 'release', 'permits', 'overdue', 'transaction'] as const;

/** The same store, as a process sees it over a slow and broken line; dead, it hears nothing more. */
function seenBy(clock: ManualClock, { failPercent, slowMs }: Weather, isDead: () => boolean) {
  const isUnlucky = (): boolean => clock.random() * 100 < failPercent;
  const wait = async (): Promise<void> => {
    if (slowMs > 0) await after(clock, clock.random() * slowMs);
    if (isDead()) await new Promise(() => undefined);
  };
  return (store: JournalStore): Partial<JournalStore> =>
    Object.fromEntries(
      methods.map(method => [
        method,
        async (...given: unknown[]) => {
          await wait();
          if (isUnlucky()) throw new Error(`${method} did not arrive`);
          const call = Reflect.get(store, method) as (...all: unknown[]) => Promise<unknown>;
          const result = await Reflect.apply(call, store, given);
          await wait();
          if (isUnlucky()) throw new Error(`the answer of ${method} was lost`);
          return result;
        },
      ]),
    );
}

/** Who is in which row now. */
class Rooms {
  readonly inside = new Map<string, Set<number>>();
  readonly crowds: string[] = [];

  async visit<T>(key: string, who: number, stay: () => Promise<T>): Promise<T> {
    const room = this.inside.get(key) ?? new Set();
    this.inside.set(key, room.add(who));
    if (room.size > 1) this.crowds.push(`${key}: ${[...room].join(' and ')}`);
    try {
      return await stay();
    } finally {
      room.delete(who);
    }
  }

  leave(who: number): void {
    for (const room of this.inside.values()) room.delete(who);
  }
}

/** Lives through it all, and tells what each handler took. */
async function live(given: Weather) {
  const clock = manualClock({ seed: given.seed });
  const journal = memoryJournal({ clock });
  const rooms = new Rooms();
  const heard = new Map<string, string[]>();
  const twice: string[] = [];
  let leasesEnded = 0;
  const dead = new Set<number>();
  const polls = new Map<string, number>();

  const start = (who: number): Worker => {
    const isDead = (): boolean => dead.has(who);
    const own = withStore(journal, clock, seenBy(clock, given, isDead));
    const gateway = fakeGateway(clock, own.store, row =>
      rooms.visit(row.data.key, who, async () => {
        await after(clock, clock.random() * 400);
        const count = (polls.get(row.data.key) ?? 0) + 1;
        polls.set(row.data.key, count);
        return count < 3 ? stillOpen(row, clock.now() + clock.random() * 3000) : settled(row);
      }),
    );
    const made = createWorker({
      ...{ gateways: [gateway], journal: own, clock, transaction: given.transaction },
      ...{ ratePerSecond: 1000, batchSize: 5, concurrency: 3, maxDeliveries: 1000 },
      onEvent: ({ type }) => (leasesEnded += type === 'lease-ended' ? 1 : 0),
      onSettled: ({ ticket }, { deliveryId, db }) =>
        rooms.visit(Object.values(ticket.reference)[0] ?? '', who, async () => {
          await after(clock, clock.random() * 300);
          if (isDead()) await new Promise(() => undefined);
          if (clock.random() * 100 < given.handlerFailPercent) throw new Error('not now');
          // In one transaction with the mark, where there is one.
          const isFirst = await journal.store.insert(
            { ...rowOf(clock, `effect ${deliveryId}`, { state: 'archived', dueAtMs: undefined }), account: 'shop' },
            db,
          );
          if (!isFirst) twice.push(deliveryId);
          const number = Object.values(ticket.reference)[0] ?? '';
          heard.set(number, [...(heard.get(number) ?? []), deliveryId]);
        }),
    });
    made.start();
    return made;
  };

  for (let at = 0; at < given.rows; at++) {
    const deliveries = at % 3 === 0 ? [delivery(`A${at}`, 'created', 1)] : [];
    await journal.store.insert(rowOf(clock, `A${at}`, { data: { deliveries, delivered: deliveries.length } }));
  }
  const workers = Array.from({ length: given.workers }, (_each, who) => start(who));
  const kill = (): void => {
    dead.add(0);
    rooms.leave(0);
  };
  if (given.killAfterMs !== Infinity) clock.timer(given.killAfterMs, kill);
  for (let notice = 0; notice < given.notices; notice++)
    clock.timer(clock.random() * 8000, () => void makeDue(journal.store, clock, given.rows));
  await clock.run(after(clock, 10_000));
  // Whoever was killed is followed by another process.
  if (dead.size > 0) workers.push(start(99));
  let rows = await journal.store.list({ account: ACCOUNT });
  for (let minute = 0; minute < 600 && rows.some(({ state }) => state !== 'delivered'); minute++) {
    await clock.run(after(clock, 60_000));
    rows = await journal.store.list({ account: ACCOUNT });
  }
  kill();
  await clock.run(Promise.all(workers.slice(1).map(worker => worker.stop({ drainMs: 100 }))));
  return { rows, rooms, heard, twice, leasesEnded };
}

/** What a notice of another process does to a row: its word bumps the fence, and it is due now. */
async function makeDue(store: JournalStore, clock: ManualClock, rows: number): Promise<void> {
  const row = await store.get(`${ACCOUNT} A${Math.floor(clock.random() * rows)}`);
  if (row === undefined || row.state !== 'open') return;
  await store.update([{ row, set: { ...row, dueAtMs: clock.now() } }]);
}

describe('whatever happens between workers and their store', () => {
  it('no row has two workers at once, every settlement is delivered in order, and with a transaction once', async () => {
    await fc.assert(
      fc.asyncProperty(weather, async given => {
        const { rows, rooms, heard, twice, leasesEnded } = await live(given);
        // Whose lease has ended, since no renewal came through, may still be busy when another begins.
        if (leasesEnded === 0) expect(rooms.crowds).toEqual([]);
        expect(rows.map(({ state }) => state)).toEqual(rows.map(() => 'delivered'));
        expect(rows).toHaveLength(given.rows);
        for (const { data } of rows) {
          const ids = Array.from({ length: data.delivered }, (_each, at) => `${data.key}#${at + 1}`);
          expect([...new Set(heard.get(data.key))]).toEqual(ids);
        }
        if (given.transaction) expect(twice).toEqual([]);
      }),
      { numRuns: 30 },
    );
  });
});
