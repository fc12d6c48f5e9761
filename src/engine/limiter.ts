import pLimit from 'p-limit';
import { orAbort } from '../clock.ts';

/** Which queue an exchange stands in: a failing charge path must not hold up status queries. */
export type Lane = 'write' | 'read';

/** Slots on the wire. */
export interface Limiter {
  /** Runs `exchange` when a slot of the lane is free. Leaving the queue by abort is prompt, and then nothing is run. */
  run<T>(lane: Lane, signal: AbortSignal, exchange: () => Promise<T>): Promise<T>;
}

/** @param concurrency the most exchanges at once in each lane */
export function createLimiter(concurrency: number): Limiter {
  const lanes = { write: createSlots(concurrency), read: createSlots(concurrency) };
  return { run: (lane, signal, exchange) => lanes[lane](signal, exchange) };
}

type Slots = <T>(signal: AbortSignal, exchange: () => Promise<T>) => Promise<T>;

/** p-limit, and a way past its queue while nothing waits: to stand in it costs more than the slot itself. */
function createSlots(concurrency: number): Slots {
  const limit = pLimit(concurrency);
  /** How many run past the queue. p-limit has so many slots fewer; its concurrency is changed when there is a queue. */
  let past = 0;
  const runPast = async <T>(exchange: () => Promise<T>): Promise<T> => {
    past++;
    try {
      return await exchange();
    } finally {
      past--;
      if (limit.pendingCount > 0) limit.concurrency = concurrency - past;
    }
  };
  return (signal, exchange) => {
    if (signal.aborted) return Promise.reject(signal.reason);
    // The last slot is always p-limit's: it knows no concurrency of none.
    const isFree = past + 1 < concurrency && past + limit.activeCount < concurrency;
    if (isFree && limit.pendingCount === 0) return runPast(exchange);
    limit.concurrency = concurrency - past;
    const queued = limit(() => {
      signal.throwIfAborted();
      return exchange();
    });
    return orAbort(queued, signal);
  };
}
