import { systemClock, type Clock } from '../clock.ts';
import { aClock, checkOptions, type Checks } from '../core/check-options.ts';
import { InputError } from '../core/errors.ts';
import { createCourier, type OnSettled } from './worker/courier.ts';
import { deskOf, type Desk } from './desk/desk.ts';
import type { Journal } from './journal.ts';
import { createLeases } from './worker/lease.ts';
import { createLeftRows } from './worker/left-rows.ts';
import type { DeliveryTerms } from './row-content.ts';
import { createRowKeeper } from './worker/row-keeper.ts';
import { served, type Served } from './worker/row-work.ts';
import type { RowSummary } from './summary.ts';
import { createTally } from './worker/tally.ts';
import { timedStore, untimed } from './timed-store.ts';
import { createTurns } from './worker/turns.ts';
import type { WorkerEvent, WorkerHealth } from './worker/events.ts';
import { createWriter } from './worker/writer.ts';

/** What `createWorker` takes. */
export interface WorkerOptions {
  /** Whose payments it follows: one gateway for each account, each made with `journal`. */
  readonly gateways: readonly { readonly prepare: (operation: never, fields: never) => Promise<object> }[];
  readonly journal: Journal;
  /**
   * Takes each settlement, at least once: after a crash it may come again, with the same `deliveryId`. It may be async.
   * What it throws or rejects with is a failure, and it is called again after a pause that grows from a second to ten
   * minutes. Default: settlements stay in the journal, for a worker that has one.
   */
  readonly onSettled?: OnSettled;
  /** A row was parked: a person has to look at it. What it throws is ignored, and nothing waits for it. */
  readonly onParked?: (row: RowSummary) => unknown;
  /** All that happens. What it throws is ignored, and nothing waits for it. */
  readonly onEvent?: (event: WorkerEvent) => unknown;
  /** The most exchanges in a second with one account, over all workers of the journal. Default 10. */
  readonly ratePerSecond?: number;
  /** The most exchanges at once with one account, and the most calls of `onSettled` at once. Default 10. */
  readonly concurrency?: number;
  /** The most rows taken, and stored, at once. Default 100. */
  readonly batchSize?: number;
  /** How long it rests when nothing is due, at most. Milliseconds, default 500. */
  readonly idleMs?: number;
  /**
   * `onSettled` is called in a transaction of the journal's database, which `db` is, and in which the delivery is marked
   * as made: what it does with `db` is done exactly once. On PostgreSQL at most `max - 2` of the pool's connections (one
   * at least) are in such transactions at once, whatever `concurrency` is. Default `false`.
   */
  readonly transaction?: boolean;
  /** How often in a row `onSettled` may fail before the row is parked. Default 10. */
  readonly maxDeliveries?: number;
  /** How long `onSettled` may take. Milliseconds, default 30,000. */
  readonly handlerTimeoutMs?: number;
  /** Time and chance. Default: the machine's. */
  readonly clock?: Clock;
}

/** Follows the payments of a journal, whatever process they were begun in, and delivers how they ended. */
export interface Worker {
  /** Begins; once is enough. @throws {InputError} after `stop` */
  start(): void;
  /** Looks for due rows now, and not only after its rest. */
  poke(): void;
  /**
   * Takes nothing more, lets what is on the wire and in a handler end, gives back the rest. What has not ended after
   * `drainMs` (default 10,000) is aborted. When it resolves nothing of the worker runs.
   *
   * @throws {InputError} for a `drainMs` that cannot be
   */
  stop(options?: { readonly drainMs?: number }): Promise<void>;
  health(): WorkerHealth;
}

const LONGEST_MS = 2 ** 31 - 1;

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

const aFunction = { expects: 'a function', accepts: (value: unknown) => typeof value === 'function' };
const aCount = (most: number): { expects: string; accepts: (value: unknown) => boolean } => ({
  expects: `a whole number from 1 to ${most}`,
  accepts: value => Number.isInteger(value) && (value as number) >= 1 && (value as number) <= most,
});
const someTime = (most: number): { expects: string; accepts: (value: unknown) => boolean } => ({
  expects: `a number of milliseconds from 1 to ${most}`,
  accepts: value => typeof value === 'number' && value >= 1 && value <= most,
});

const workerOptions: Checks<WorkerOptions> = {
  gateways: {
    expects: 'a list of gateways, one at least',
    accepts: value => Array.isArray(value) && value.length > 0 && value.every(isObject),
  },
  journal: {
    expects: 'a journal, such as sqliteJournal(…)',
    accepts: value => isObject(value) && isObject(Reflect.get(value, 'store')),
  },
  onSettled: aFunction,
  onParked: aFunction,
  onEvent: aFunction,
  ratePerSecond: {
    expects: 'a number above 0, at most 100000',
    accepts: value => typeof value === 'number' && value > 0 && value <= 100_000,
  },
  concurrency: aCount(1000),
  batchSize: aCount(10_000),
  idleMs: someTime(60_000),
  transaction: { expects: 'true or false', accepts: value => typeof value === 'boolean' },
  maxDeliveries: aCount(1000),
  handlerTimeoutMs: someTime(LONGEST_MS),
  clock: aClock,
};

const stopOptions: Checks<{ drainMs?: number }> = {
  drainMs: {
    expects: `a number of milliseconds from 0 to ${LONGEST_MS}`,
    accepts: value => typeof value === 'number' && value >= 0 && value <= LONGEST_MS,
  },
};

/** The options with every default filled in. */
export type Settings = ReturnType<typeof settingsOf>;

/** @throws {InputError} */
function settingsOf(
  options: WorkerOptions,
): Required<Omit<WorkerOptions, 'onSettled' | 'onParked' | 'onEvent'>> &
  Pick<WorkerOptions, 'onSettled' | 'onParked' | 'onEvent'> {
  if ((options as unknown) === undefined) throw new InputError('createWorker: pass { gateways, journal }.');
  checkOptions('createWorker', options, workerOptions);
  const given: Partial<WorkerOptions> = options;
  for (const name of ['gateways', 'journal'] as const)
    if (given[name] === undefined)
      throw new InputError(`createWorker: ${name} is missing; it must be ${workerOptions[name].expects}.`);
  if (options.transaction === true && options.onSettled === undefined)
    throw new InputError('createWorker: transaction has no effect without onSettled, which would be called in it.');
  const { ratePerSecond = 10, concurrency = 10, batchSize = 100, idleMs = 500 } = options;
  const { transaction = false, maxDeliveries = 10, handlerTimeoutMs = 30_000, clock = systemClock } = options;
  return {
    ...options,
    ...{ ratePerSecond, concurrency, batchSize, idleMs, transaction, maxDeliveries, handlerTimeoutMs, clock },
  };
}

/** The desks of the gateways, by account. @throws {InputError} */
function desksOf({ gateways, journal }: Settings): Map<string, Desk> {
  const desks = new Map<string, Desk>();
  for (const gateway of gateways) {
    const desk = deskOf(gateway);
    if (untimed(desk.store) !== untimed(journal.store))
      throw new InputError('createWorker: a gateway has another journal than the worker. Make both with the same one.');
    if (desks.has(desk.account))
      throw new InputError(`createWorker: two gateways have the account ${desk.account}. Pass one of them.`);
    desks.set(desk.account, desk);
  }
  return desks;
}

/**
 * Makes a worker: it takes up every payment of the journal that nobody follows, asks about it at a rate, and hands every
 * settlement to `onSettled`. Any number of them may work on one journal.
 *
 * @example
 * ```ts
 * const worker = createWorker({ gateways: [gateway], journal, onSettled: settlement => ship(settlement) });
 * worker.start();
 * process.once('SIGTERM', () => void worker.stop());
 * ```
 * @throws {InputError} for options that cannot be, and for a gateway without this journal
 */
export function createWorker(options: WorkerOptions): Worker {
  const settings = settingsOf(options);
  const { journal, clock, onSettled, concurrency, batchSize, ratePerSecond } = settings;
  const desks = desksOf(settings);
  const accounts = new Map<string, Served>();
  for (const [account, desk] of desks) accounts.set(account, served(desk, clock, concurrency, ratePerSecond));
  const leaseMs = Math.max(...[...desks.values()].map(desk => desk.leaseMs));

  const stopping = new AbortController();
  const ended = new AbortController();
  const store = timedStore(journal.store, clock, leaseMs, ended.signal);
  const tally = createTally(settings);
  const terms: DeliveryTerms = {
    delivers: onSettled !== undefined,
    maxDeliveries: settings.maxDeliveries,
    leaveForMs: createLeftRows(clock),
  };
  const { report, storeFailed: onStoreError } = tally;
  const signals = { ended: ended.signal, stopping: stopping.signal };
  const base = { store, clock, terms, ...signals, report, onStoreError };
  const writer = createWriter(store, clock, batchSize, ended.signal, (error, retryInMs) =>
    onStoreError('update', error, retryInMs),
  );
  const keeper = createRowKeeper({ ...base, writer, onStored: tally.stored });
  const { transaction, handlerTimeoutMs } = settings;
  const courier = createCourier({ ...base, keeper, onSettled, transaction, handlerTimeoutMs, concurrency });
  const leases = createLeases(store, clock, leaseMs);
  const turns = createTurns({ ...base, settings, accounts, leases, leaseMs, tally, keeper, courier, writer });

  let stopped: Promise<void> | undefined;
  const stop = async (drainMs: number): Promise<void> => {
    stopping.abort();
    if (turns.isRunning()) await turns.drain(drainMs, () => ended.abort());
    ended.abort();
  };
  return {
    start() {
      if (stopped !== undefined) throw new InputError('worker.start: it was stopped. Make another with createWorker.');
      turns.start();
    },
    poke: () => turns.poke(),
    async stop(given = {}) {
      checkOptions('worker.stop', given, stopOptions);
      stopped ??= stop(given.drainMs ?? 10_000);
      await stopped;
    },
    health: () => tally.health(turns.isRunning(), turns.inHand()),
  };
}
