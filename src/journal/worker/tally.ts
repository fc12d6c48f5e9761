import type { Clock } from '../../clock.ts';
import { errorText } from '../../core/error-text.ts';
import { isOpenState } from '../row-content.ts';
import type { Overdue, Row } from '../store.ts';
import { correlationOfRow, isoOf, summaryOf, type RowSummary } from '../summary.ts';
import type { WorkerEvent, WorkerFact, WorkerHealth } from './events.ts';

/** What a worker has done, for `health` and for whoever listens. */
export interface Tally {
  /** @param row whose payment it is about */
  readonly report: (fact: WorkerFact, row?: Row) => void;
  readonly storeFailed: (during: string, error: unknown, retryInMs: number) => void;
  readonly stored: (before: Row, now: Row) => void;
  readonly took: (rows: number) => void;
  readonly asked: () => void;
  /** What is overdue in the journal, by its own count. @param isServed whether a gateway of this worker serves the account */
  counted(due: readonly Overdue[], isServed: (account: string) => boolean): void;
  health(running: boolean, inHand: number): WorkerHealth;
}

interface Listeners {
  readonly clock: Clock;
  readonly onParked?: ((row: RowSummary) => unknown) | undefined;
  readonly onEvent?: ((event: WorkerEvent) => unknown) | undefined;
}

export function createTally({ clock, onParked, onEvent }: Listeners): Tally {
  const sum = { taken: 0, asked: 0, settled: 0, delivered: 0, failures: 0, parked: 0, newer: 0 };
  const now = (): string => isoOf(clock.now());
  let lastTurnAt: string | undefined;
  let lastError: WorkerHealth['lastError'];
  let lagMs = 0;
  let unserved: WorkerHealth['unserved'] = [];

  const report: Tally['report'] = (fact, row) => {
    if (fact.type === 'delivered') sum.delivered++;
    else if (fact.type === 'delivery-failed') sum.failures++;
    else if (fact.type === 'newer') sum.newer++;
    const during = { 'store-error': 'journal', 'delivery-failed': 'onSettled', fault: 'takeUp' };
    if ('message' in fact) {
      const where = fact.type === 'store-error' ? `${during[fact.type]} ${fact.during}` : during[fact.type];
      lastError = { at: now(), during: where, message: fact.message };
    }
    if (onEvent === undefined) return;
    const correlationId = row && { correlationId: correlationOfRow(row.data) };
    safely(() => onEvent({ at: now(), ...correlationId, ...fact }));
  };

  return {
    report,
    storeFailed: (during, error, retryInMs) =>
      report({ type: 'store-error', during, message: errorText(error), retryInMs }),
    stored(before, row) {
      if (row.state === before.state) return;
      const summary = summaryOf(row);
      if (row.state === 'settled' || (row.state === 'delivered' && isOpenState(before.state))) {
        sum.settled++;
        report({ type: 'settled', id: row.id, outcome: summary.outcome ?? 'unresolved' }, row);
      }
      if (row.state !== 'parked') return;
      sum.parked++;
      report({ type: 'parked', row: summary }, row);
      if (onParked !== undefined) safely(() => onParked(summary));
    },
    took(rows) {
      sum.taken += rows;
      lastTurnAt = now();
    },
    asked() {
      sum.asked++;
    },
    counted(due, isServed) {
      const nowMs = clock.now();
      const oldestMs = Math.min(
        ...due.filter(({ account }) => isServed(account)).map(({ oldestDueAtMs }) => oldestDueAtMs),
      );
      lagMs = Math.max(0, nowMs - Math.min(nowMs, oldestMs));
      const known = new Set(unserved.map(({ account }) => account));
      unserved = due.filter(({ account }) => !isServed(account)).map(({ account, rows }) => ({ account, rows }));
      for (const each of unserved) if (!known.has(each.account)) report({ type: 'unserved', ...each });
    },
    health: (running, inHand) => ({
      ...{ running, ...sum, inHand, lagMs, unserved: unserved.map(each => ({ ...each })) },
      ...(lastTurnAt !== undefined && { lastTurnAt }),
      ...(lastError !== undefined && { lastError: { ...lastError } }),
    }),
  };
}

/** A listener's fault must not cost a payment. */
function safely(call: () => unknown): void {
  try {
    const result = call();
    if (result !== undefined) Promise.resolve(result).catch(() => undefined);
  } catch {
    // It is the listener's own.
  }
}
