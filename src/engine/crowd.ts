import { monotonicOf, type Clock } from '../clock.ts';

/** A few who begin at once are asked about at once. */
const A_FEW = 5;
/** Of more, so many begin in a second. */
const PER_SECOND = 60;

/**
 * Counts those who begin to follow a payment. Each is told when its turn for a first question comes, in milliseconds: 0
 * for the first few, and the later the more have begun just before it.
 */
export function createCrowd(clock: Clock): () => number {
  let size = 0;
  let atMs = 0;
  return () => {
    const nowMs = monotonicOf(clock);
    size = Math.max(0, size - (Math.max(0, nowMs - atMs) * PER_SECOND) / 1000) + 1;
    atMs = nowMs;
    return (Math.max(0, size - A_FEW) * 1000) / PER_SECOND;
  };
}
