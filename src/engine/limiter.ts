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
  const lanes = { write: pLimit(concurrency), read: pLimit(concurrency) };
  return {
    run(lane, signal, exchange) {
      const queued = lanes[lane](() => {
        signal.throwIfAborted();
        return exchange();
      });
      return orAbort(queued, signal);
    },
  };
}
