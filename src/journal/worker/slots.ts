import type { Clock } from '../../clock.ts';

/** No row is put off for longer at once: by then it may have ended, or there may be more workers. */
const MOST_AHEAD_MS = 10 * 60_000;

/**
 * When rows that got no permit come again: one after the other at the rate, whatever their number, and not all at once.
 * The one put off first is the first to come.
 */
export function createSlots(clock: Clock, perSecond: number): () => number {
  const everyMs = 1000 / perSecond;
  let nextMs = 0;
  return () => {
    const nowMs = clock.now();
    // A wall clock that was set back leaves slots far ahead.
    if (nextMs < nowMs || nextMs > nowMs + MOST_AHEAD_MS + 2 * everyMs) nextMs = nowMs;
    if (nextMs + everyMs > nowMs + MOST_AHEAD_MS)
      return Math.ceil(nowMs + everyMs + clock.random() * Math.max(0, MOST_AHEAD_MS - everyMs));
    nextMs += everyMs;
    return Math.ceil(nextMs + clock.random() * everyMs);
  };
}
