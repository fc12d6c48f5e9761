import { orAbort, type Clock } from '../../clock.ts';
import { exponential, type Backoff } from '../../policies/backoff.ts';
import { pause } from './rest.ts';
import type { Change, JournalStore } from '../store.ts';
import { UnansweredError } from '../timed-store.ts';

/** Stores changes, many in one transaction. */
export interface Writer {
  /**
   * Whether it was made. It is tried until the store has said so: while the store fails, the change waits. Rejects once
   * the signal aborts.
   */
  change(change: Change): Promise<boolean>;
  /** The store has not answered since the last of them was given up: it is not known what can be stored. */
  isUnanswered(): boolean;
}

interface Waiting extends PromiseWithResolvers<boolean> {
  readonly change: Change;
}

/** So long a change waits for others. */
const GATHER_MS = 10;

const storeBackoff: Backoff = exponential({ baseMs: 250, maxMs: 30_000, jitter: 'none' });

/** How long to wait after so many failures in a row: half of it is chance. */
export const backoffMs = (clock: Clock, failures: number): number =>
  Math.round(storeBackoff.delayMs({ step: failures, elapsedMs: 0, chance: 1 }) * (0.5 + clock.random() / 2));

/** @param onError what the store said, and in how many milliseconds it is tried again */
export function createWriter(
  store: JournalStore,
  clock: Clock,
  batchSize: number,
  signal: AbortSignal,
  onError: (error: unknown, retryInMs: number) => void,
): Writer {
  const waiting: Waiting[] = [];
  let isBusy = false;
  let failures = 0;
  let isUnanswered = false;

  const storeBatch = async (): Promise<void> => {
    // After a failure one by one, each behind the others: one that cannot be stored must not hold up the rest.
    const batch = waiting.splice(0, failures > 0 ? 1 : batchSize);
    try {
      const made = await orAbort(store.update(batch.map(({ change }) => change)), signal);
      failures = 0;
      isUnanswered = false;
      batch.forEach((each, index) => each.resolve(made[index] === true));
    } catch (error) {
      waiting.push(...batch);
      if (signal.aborted) return;
      isUnanswered = error instanceof UnansweredError;
      const retryInMs = backoffMs(clock, ++failures);
      onError(error, retryInMs);
      await pause(clock, retryInMs, signal);
    }
  };
  const storeAll = async (): Promise<void> => {
    isBusy = true;
    while (waiting.length > 0) {
      if (waiting.length < batchSize && failures === 0) await pause(clock, GATHER_MS, signal);
      if (signal.aborted) break;
      await storeBatch();
    }
    isBusy = false;
    if (signal.aborted) for (const each of waiting.splice(0)) each.reject(signal.reason);
  };

  return {
    isUnanswered: () => isUnanswered,
    change(change) {
      if (signal.aborted) return Promise.reject(signal.reason);
      const each: Waiting = { change, ...Promise.withResolvers<boolean>() };
      waiting.push(each);
      if (!isBusy) void storeAll();
      return each.promise;
    },
  };
}
