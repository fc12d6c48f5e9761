import type { Settlement } from '../../src/core/settlement.ts';
import { putDesk, type Desk, type Tenure } from '../../src/journal/desk/desk.ts';
import { createJournal, type Journal } from '../../src/journal/journal.ts';
import { memoryJournal } from '../../src/journal/memory.ts';
import type { Delivery, JournalStore, Row, RowContent, RowData, RowState } from '../../src/journal/store.ts';
import type { WorkerEvent } from '../../src/journal/worker/events.ts';
import { createWorker, type Worker, type WorkerOptions } from '../../src/journal/worker.ts';
import { manualClock, type ManualClock } from '../../src/testing/index.ts';

export const ACCOUNT = 'acme/shop-1/sandbox';

/** Resolves when the clock has moved on by so much. */
export const after = (clock: ManualClock, delayMs: number): Promise<void> =>
  new Promise(resolve => void clock.timer(delayMs, resolve));

export function settlement(outcome: 'succeeded' | 'failed' | 'created', number: string): Settlement {
  const ticket = {
    ...({ version: 1, gateway: 'acme', account: 'shop-1', environment: 'sandbox' } as const),
    ...{ operation: 'payment.charge', reference: { order: number }, openedAt: '2026-01-01T00:00:00.000Z' },
    ...{ seen: true, polls: 1 },
  };
  const verdict = { kind: 'terminal', outcome, code: 'OK', reason: 'approved', listed: true } as const;
  const facts = { ticket, reference: { merchant: number }, attempts: 1, polls: 1, elapsedMs: 10, timeline: [] };
  return { ...facts, verdict, outcome, settledBy: 'query' };
}

export const delivery = (
  number: string,
  outcome: 'succeeded' | 'failed' | 'created' = 'succeeded',
  count = 1,
): Delivery => ({
  id: `${number}#${count}`,
  settlement: settlement(outcome, number),
});

interface Given {
  readonly state?: RowState;
  readonly account?: string;
  readonly openedAtMs?: number;
  readonly dueAtMs?: number | undefined;
  readonly holder?: string;
  readonly data?: Partial<RowData>;
}

export type NewRow = Parameters<JournalStore['insert']>[0];

export function rowOf(clock: ManualClock, number: string, given: Given = {}): NewRow {
  const { state = 'open', account = ACCOUNT, openedAtMs = clock.now(), holder, data } = given;
  return {
    ...{ id: `${account} ${number}`, account, state, holder, openedAtMs, names: [] },
    dueAtMs: 'dueAtMs' in given ? given.dueAtMs : clock.now(),
    data: {
      ...({ version: 1, adapterVersion: 1, key: number, deliveries: [], delivered: 0, failures: 0 } as const),
      ticket: settlement('created', number).ticket,
      ...data,
    },
  };
}

/** What a desk says of a payment that has ended: the row is settled, and has one more delivery. */
export function settled(row: Row, outcome: 'succeeded' | 'failed' = 'succeeded'): RowContent {
  const { names, data } = row;
  const delivered = data.delivered + 1;
  const deliveries = [...data.deliveries, delivery(data.key, outcome, delivered)];
  return { state: 'settled', holder: undefined, dueAtMs: undefined, names, data: { ...data, deliveries, delivered } };
}

/** What a desk says of one that is still open. */
export const stillOpen = (row: Row, dueAtMs: number): RowContent => ({
  ...{ state: 'open', holder: undefined, dueAtMs, names: row.names, data: row.data },
});

export type TakeUp = (row: Row, tenure: Tenure) => Promise<RowContent | undefined> | RowContent | undefined;

export type ServedGateway = WorkerOptions['gateways'][number];

/** One that prepares nothing, and has no desk. */
export const noGateway = (): ServedGateway => ({
  prepare: () => Promise.reject(new Error('Nothing is prepared here.')),
});

/** A gateway whose desk does as it is told. */
export function fakeGateway(
  clock: ManualClock,
  store: JournalStore,
  takeUp: TakeUp,
  given: Partial<Desk> = {},
): ServedGateway {
  const gateway = noGateway();
  putDesk(gateway, {
    ...{ account: ACCOUNT, adapterVersion: 1, store, leaseMs: 30_000, clock },
    takeUp: async (row, tenure) => takeUp(row, tenure),
    ...given,
  });
  return gateway;
}

/** A store that does as another does, but for some of its methods. */
export const withStore = (
  journal: Journal,
  clock: ManualClock,
  over: (store: JournalStore) => Partial<JournalStore>,
): Journal => createJournal({ ...journal.store, ...over(journal.store) }, { clock });

export interface Scene {
  readonly clock: ManualClock;
  readonly journal: Journal;
  readonly store: JournalStore;
  readonly events: WorkerEvent[];
  /** Every time a row was taken up: when, and which. */
  readonly asked: { readonly atMs: number; readonly number: string }[];
  readonly worker: (options?: Partial<WorkerOptions>) => Worker;
  readonly insert: (...rows: NewRow[]) => Promise<void>;
  readonly row: (number: string) => Promise<Row>;
  readonly stateOf: (number: string) => Promise<RowState>;
  readonly pass: (delayMs: number) => Promise<void>;
  /** Stops every worker, and looks that nothing is left behind. */
  readonly end: () => Promise<void>;
}

export function scene(
  takeUp: TakeUp = row => settled(row),
  options: { desk?: Partial<Desk>; over?: (store: JournalStore) => Partial<JournalStore>; clock?: ManualClock } = {},
): Scene {
  const { clock = manualClock(), desk, over = () => ({}) } = options;
  const journal = withStore(memoryJournal({ clock }), clock, over);
  const { store } = journal;
  const events: WorkerEvent[] = [];
  const asked: { atMs: number; number: string }[] = [];
  const workers: Worker[] = [];
  const gateway = fakeGateway(
    clock,
    store,
    (row, tenure) => {
      asked.push({ atMs: clock.now(), number: row.data.key });
      return takeUp(row, tenure);
    },
    desk,
  );
  const self: Scene = {
    ...{ clock, journal, store, events, asked },
    worker(given = {}) {
      const made = createWorker({
        ...{ gateways: [gateway], journal, clock, onEvent: event => events.push(event) },
        ...given,
      });
      workers.push(made);
      made.start();
      return made;
    },
    async insert(...rows) {
      for (const row of rows) if (!(await store.insert(row))) throw new Error(`There is a row ${row.id}.`);
    },
    async row(number) {
      const found = await store.get(`${ACCOUNT} ${number}`);
      if (found === undefined) throw new Error(`There is no row ${number}.`);
      return found;
    },
    stateOf: async number => (await self.row(number)).state,
    pass: delayMs => clock.run(after(clock, delayMs)),
    end: () => clock.run(Promise.all(workers.map(worker => worker.stop())).then(() => undefined)),
  };
  return self;
}
