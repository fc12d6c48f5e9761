import type { Clock } from '../../clock.ts';

const FIRST_MS = 2000;
const LONGEST_MS = 15 * 60_000;
const MOST_KNOWN = 10_000;

/**
 * How long a worker leaves a row that only others can deliver: short at first, since they may not have seen it yet, and
 * each time it comes across it again twice as long.
 */
export function createLeftRows(clock: Clock): (id: string) => number {
  /** How often each was left; the longest not seen first. */
  const times = new Map<string, number>();
  return id => {
    const before = times.get(id) ?? 0;
    times.delete(id);
    times.set(id, before + 1);
    const [oldest] = times.keys();
    if (times.size > MOST_KNOWN && oldest !== undefined) times.delete(oldest);
    return Math.ceil(Math.min(LONGEST_MS, FIRST_MS * 2 ** before) * (0.5 + clock.random() / 2));
  };
}
