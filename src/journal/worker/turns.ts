import { orAbort, type Clock } from '../../clock.ts';
import { createClaims, type Claimed, type TakeRows } from './claims.ts';
import type { Courier } from './courier.ts';
import type { Leases } from './lease.ts';
import { createRest, pause, type Rest } from './rest.ts';
import { needsExchange, type DeliveryTerms } from '../row-content.ts';
import type { RowKeeper } from './row-keeper.ts';
import { workOn, type Served } from './row-work.ts';
import type { JournalStore } from '../store.ts';
import type { Tally } from './tally.ts';
import { isNewer } from '../desk/upgrade.ts';
import { backoffMs, type Writer } from './writer.ts';

export interface TurnsParts {
  readonly store: JournalStore;
  readonly clock: Clock;
  readonly terms: DeliveryTerms;
  readonly settings: { readonly ratePerSecond: number; readonly batchSize: number; readonly idleMs: number };
  readonly accounts: ReadonlyMap<string, Served>;
  readonly leases: Leases;
  readonly leaseMs: number;
  readonly tally: Tally;
  readonly keeper: RowKeeper;
  readonly courier: Courier;
  readonly writer: Pick<Writer, 'isUnanswered'>;
  readonly stopping: AbortSignal;
  readonly ended: AbortSignal;
  readonly report: Tally['report'];
}

/** The loops of a worker: turns, its lease, and what the journal counts. */
export interface Turns {
  start(): void;
  isRunning(): boolean;
  inHand(): number;
  poke(): void;
  /** Once `stopping` has aborted: resolves when nothing runs. What has not ended after so long, `end` ends. */
  drain(drainMs: number, end: () => void): Promise<void>;
}

const hasAborted = (signal: AbortSignal): boolean => signal.aborted;

/** How often the journal counts its rows: never so often that counting is more than a fiftieth of the time. */
const COUNT_EVERY_MS = 15_000;
const COUNT_SHARE = 50;
/** How long the store may take to free a holder's rows; without it they are free when the lease ends. */
const RELEASE_MS = 2000;

export function createTurns(parts: TurnsParts): Turns {
  const { clock, stopping, leases, tally } = parts;
  const rest = createRest(clock, stopping);
  const inHand = new Set<Promise<void>>();
  const loops: Promise<void>[] = [];
  let isRunning = false;

  const begin: Begin = (account, { row, claim }, mayAsk) => {
    const isCrowded = isFull(parts, account);
    const job = workOn({ ...parts, onAsked: tally.asked }, account, row, claim, mayAsk)
      // It has ended, and nothing more can be done: the row is free when the lease is.
      .catch(() => undefined)
      .finally(() => {
        claim.end();
        inHand.delete(job);
        if (isCrowded) rest.wake();
      });
    inHand.add(job);
  };

  return {
    start() {
      if (isRunning) return;
      isRunning = true;
      loops.push(takeTurns(parts, rest, begin), keepLeases(parts), keepCount(parts));
    },
    isRunning: () => isRunning,
    inHand: () => inHand.size,
    poke: rest.wake,
    async drain(drainMs, end) {
      const cancel = clock.timer(drainMs, end);
      await loops[0];
      while (inHand.size > 0) await Promise.all(inHand);
      for (const { desk } of parts.accounts.values())
        if (desk.idle !== undefined) await orAbort(desk.idle(), parts.ended).catch(() => undefined);
      cancel();
      end();
      await Promise.all(loops);
      const isLate = new AbortController();
      const cancelRelease = clock.timer(RELEASE_MS, () => isLate.abort());
      await orAbort(leases.release(), isLate.signal).catch(() => undefined);
      cancelRelease();
      isRunning = false;
    },
  };
}

type Begin = (account: Served, claimed: Claimed, mayAsk: boolean) => void;

/** So many of its rows wait that no more are taken. */
const isFull = ({ settings }: TurnsParts, { waiting }: Served): boolean => waiting > settings.batchSize / 2;

async function takeTurns(parts: TurnsParts, rest: Rest, begin: Begin): Promise<void> {
  const takeRows = createClaims();
  const { clock, settings, stopping, tally } = parts;
  let failures = 0;
  while (!hasAborted(stopping)) {
    let restMs = settings.idleMs * (0.5 + clock.random() / 2);
    try {
      if (await takeTurn(parts, takeRows, begin)) restMs = 0;
      failures = 0;
    } catch (error) {
      if (hasAborted(parts.ended)) return;
      restMs = backoffMs(clock, ++failures);
      tally.storeFailed('take', error, restMs);
    }
    if (restMs > 0) await rest.wait(restMs);
  }
}

/** @returns whether more may be due */
async function takeTurn(parts: TurnsParts, takeRows: TakeRows, begin: Begin): Promise<boolean> {
  const { store, settings, leases, ended, tally } = parts;
  // What it cannot give back it does not take, nor keep from others.
  if (parts.writer.isUnanswered()) return false;
  const limit = settings.batchSize;
  const mayTake = (served: Served): boolean => !isFull(parts, served) && !served.newer.isResting();
  const accounts = [...parts.accounts].filter(([, served]) => mayTake(served)).map(([account]) => account);
  if (accounts.length === 0) return false;
  const lease = await orAbort(
    leases.good(rows => parts.report({ type: 'lease-ended', rows })),
    ended,
  );
  let rows: Claimed[];
  try {
    const taking = takeRows(lease, () => store.take({ holder: lease.holder, accounts, limit }));
    rows = await orAbort(taking, ended);
  } catch (error) {
    // It may have taken some all the same.
    leases.giveUp(lease);
    throw error;
  }
  tally.took(rows.length);
  await handOut(parts, begin, rows);
  return rows.length >= limit;
}

/** Those without a permit are put off, and so nothing is kept that others could do. Rejects as the store does. */
async function handOut(parts: TurnsParts, begin: Begin, rows: readonly Claimed[]): Promise<void> {
  const { store, settings, ended } = parts;
  const failures: unknown[] = [];
  for (const [name, own] of Map.groupBy(rows, ({ row }) => row.account)) {
    const account = parts.accounts.get(name);
    if (account === undefined) continue;
    const newestFirst = own.sort((one, other) => other.row.openedAtMs - one.row.openedAtMs);
    const asking = newestFirst.filter(({ row }) => needsExchange(row) && !isNewer(row, account.desk.adapterVersion));
    let granted = 0;
    try {
      if (asking.length > 0) granted = await orAbort(store.permits(name, asking.length, settings.ratePerSecond), ended);
    } catch (error) {
      failures.push(error);
    }
    const permitted = new Set(asking.slice(0, Math.max(0, granted)));
    for (const each of newestFirst) begin(account, each, permitted.has(each) || !needsExchange(each.row));
  }
  if (failures.length > 0) throw failures[0];
}

/** Renews them until the last row is given back, and not only until `stop`. */
async function keepLeases({ clock, leases, leaseMs, ended, tally, writer }: TurnsParts): Promise<void> {
  let failures = 0;
  let waitMs = leaseMs / 3;
  for (;;) {
    await pause(clock, waitMs, ended);
    if (hasAborted(ended)) return;
    try {
      if (!writer.isUnanswered()) await orAbort(leases.renew(), ended);
      failures = 0;
      waitMs = leaseMs / 3;
    } catch (error) {
      if (hasAborted(ended)) return;
      waitMs = Math.min(leaseMs / 3, backoffMs(clock, ++failures));
      tally.storeFailed('renew', error, waitMs);
    }
  }
}

async function keepCount({ store, clock, accounts, stopping, tally }: TurnsParts): Promise<void> {
  const monotonicMs = (): number => clock.monotonicMs?.() ?? clock.now();
  while (!hasAborted(stopping)) {
    const sinceMs = monotonicMs();
    try {
      tally.counted(await orAbort(store.overdue(), stopping), account => accounts.has(account));
    } catch (error) {
      if (!hasAborted(stopping)) tally.storeFailed('overdue', error, COUNT_EVERY_MS);
    }
    await pause(clock, Math.max(COUNT_EVERY_MS, COUNT_SHARE * (monotonicMs() - sinceMs)), stopping);
  }
}
