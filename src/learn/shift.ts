import type { SettledWithin, SettleMix } from '../policies/settle-mix.ts';

/** So many of the latest samples are compared with what was learned. */
export const COMPARED = 100;

/**
 * How much further apart than chance two histories must be, in units of the test of Kolmogorov and Smirnov: at this
 * value one in 30,000 comparisons is a false alarm, and neighbouring ones have most of their samples in common.
 */
const APART = 2.35;

/** The turns of a golden angle fall evenly into any interval: no chance is needed. */
const GOLDEN = (Math.sqrt(5) - 1) / 2;

/**
 * Whether the latest samples are of another mix than the one that was learned: by the test of Kolmogorov and Smirnov,
 * with a place drawn for each sample within the interval that it is known to.
 *
 * @param samples how many the mix was learned from
 * @param weightOfHistory how much of the mix they are
 */
export function isShifted(
  latest: readonly SettledWithin[],
  mix: SettleMix,
  samples: number,
  weightOfHistory: number,
): boolean {
  const below = (atMs: number): number => (atMs === Infinity ? 1 : mix.settledBy(atMs));
  const places = latest.map(({ afterMs, byMs }, index) => {
    const from = below(afterMs);
    return from + (below(byMs) - from) * ((index * GOLDEN) % 1);
  });
  places.sort((a, b) => a - b);
  const count = places.length;
  const furthest = places.reduce(
    (most, place, index) => Math.max(most, place - index / count, (index + 1) / count - place),
    0,
  );
  return furthest > APART * Math.sqrt(1 / count + 1 / samples) + (1 - weightOfHistory);
}
