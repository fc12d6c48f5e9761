/**
 * How long payments take to settle, as shares of cells of time: estimated from samples, each of which may be known only
 * to within two queries, over a prior that stands for what is usual.
 */
export interface SettleMix {
  /** The share that has settled by then, in [0, 1). */
  settledBy(atMs: number): number;
}

/** It settled after `afterMs` and by `byMs`, which is `Infinity` where it was not seen to. */
export interface SettledWithin {
  readonly afterMs: number;
  readonly byMs: number;
}

/** What is usual: most payers are quick, some are slow, and a few never pay. The mix that the default is made for. */
const usual: readonly { readonly share: number; readonly medianMs: number; readonly sigma: number }[] = [
  { share: 0.8, medianMs: 6000, sigma: 1 },
  { share: 0.15, medianMs: 90_000, sigma: 0.8 },
];

/** As many samples as the usual mix weighs. */
export const PRIOR_SAMPLES = 30;

const FIRST_MS = 50;
/** Of a cell, by the logarithm of time. */
const WIDTH = 0.025;
const ROUNDS = 25;
/** What is known exactly is known to within a cell. */
const EXACT = Math.exp(WIDTH / 2);

/** Cells from `FIRST_MS` to the deadline, with one before them; what is left over never settles. */
class Cells {
  readonly count: number;
  readonly #deadlineMs: number;

  constructor(deadlineMs: number) {
    this.#deadlineMs = deadlineMs;
    this.count = 1 + Math.max(1, Math.ceil(Math.log(Math.max(1, deadlineMs / FIRST_MS)) / WIDTH));
  }

  /** Where a time is among the cells: 2.5 is the middle of the third. */
  placeOf(atMs: number): number {
    if (atMs <= FIRST_MS) return Math.max(0, atMs / FIRST_MS);
    if (atMs >= this.#deadlineMs) return this.count;
    return Math.min(this.count, 1 + Math.log(atMs / FIRST_MS) / WIDTH);
  }

  endOf(cell: number): number {
    return FIRST_MS * Math.exp(cell * WIDTH);
  }
}

/**
 * The mix of the samples, with the usual one weighing as much as `PRIOR_SAMPLES` of them.
 *
 * @param unsettled how many more were open at the deadline
 */
export function settleMix(samples: readonly SettledWithin[], unsettled: number, deadlineMs: number): SettleMix {
  const cells = new Cells(deadlineMs);
  const prior = usualShares(cells);
  const count = samples.length + unsettled;
  if (count === 0) return mixOf(cells, prior);
  const bounds = boundsOf(samples, cells);
  let shares = prior;
  for (let round = 0; round < ROUNDS; round++) {
    const counts = expected(bounds, shares);
    counts[cells.count] = (counts[cells.count] ?? 0) + unsettled;
    const next = blended(prior, smoothed(counts, cells.count), count);
    const moved = next.reduce((sum, share, cell) => sum + Math.abs(share - (shares[cell] ?? 0)), 0);
    shares = next;
    if (moved < 1e-3) break;
  }
  return mixOf(cells, shares);
}

/** The share of each cell, and last that of what never settles. */
type Shares = Float64Array;

function usualShares(cells: Cells): Shares {
  const shares = new Float64Array(cells.count + 1);
  let before = 0;
  for (let cell = 0; cell < cells.count; cell++) {
    const endMs = cells.endOf(cell);
    const by = usual.reduce(
      (sum, { share, medianMs, sigma }) => sum + share * normalBelow(Math.log(endMs / medianMs) / sigma),
      0,
    );
    shares[cell] = by - before;
    before = by;
  }
  shares[cells.count] = 1 - before;
  return shares;
}

function mixOf(cells: Cells, shares: Shares): SettleMix {
  const settled = cumulated(shares);
  return { settledBy: atMs => at(settled, Math.min(cells.placeOf(atMs), cells.count)) };
}

/** Each sample's two places among the cells, one after the other. The last cell, of what never settles, is one wide. */
function boundsOf(samples: readonly SettledWithin[], cells: Cells): Float64Array {
  const bounds = new Float64Array(samples.length * 2);
  samples.forEach(({ afterMs, byMs }, index) => {
    const isExact = byMs < afterMs * EXACT * EXACT;
    bounds[2 * index] = cells.placeOf(isExact ? Math.sqrt(afterMs * byMs) / EXACT : afterMs);
    bounds[2 * index + 1] = Number.isFinite(byMs)
      ? cells.placeOf(isExact ? Math.sqrt(afterMs * byMs) * EXACT : byMs)
      : cells.count + 1;
  });
  return bounds;
}

/** The sum of the shares before each cell. */
function cumulated(shares: Shares): Float64Array {
  const sums = new Float64Array(shares.length + 1);
  shares.forEach((share, cell) => (sums[cell + 1] = (sums[cell] ?? 0) + share));
  return sums;
}

function at(sums: Float64Array, place: number): number {
  const cell = Math.min(Math.floor(place), sums.length - 2);
  const from = sums[cell] ?? 0;
  return from + (place - cell) * ((sums[cell + 1] ?? from) - from);
}

/**
 * Where the samples are expected, given what the shares are taken for: one step of expectation maximisation
 * (Turnbull, 1976, for samples that are known to within an interval).
 */
function expected(bounds: Float64Array, shares: Shares): Shares {
  const settled = cumulated(shares);
  const weights = new Float64Array(shares.length + 1);
  const add = (cell: number, weight: number): void => void (weights[cell] = (weights[cell] ?? 0) + weight);
  for (let index = 0; index < bounds.length; index += 2) {
    const from = bounds[index] ?? 0;
    const to = Math.max(bounds[index + 1] ?? 0, from + 1e-6);
    const weight = 1 / Math.max(at(settled, to) - at(settled, from), 1e-12);
    const [first, last] = [Math.floor(from), Math.min(Math.floor(to), shares.length - 1)];
    // Whole cells from the first to the one before the last, as a step up and a step down; then the parts.
    add(first, weight * (1 - (from - first)));
    add(first + 1, weight * (from - first));
    add(last, weight * (to - last - 1));
    add(last + 1, -weight * (to - last));
  }
  let weight = 0;
  return shares.map((share, cell) => (weight += weights[cell] ?? 0) * share);
}

/** Smoothed by a normal kernel over the logarithm of time, the narrower the more samples there are. Adds up to 1. */
function smoothed(counts: Shares, never: number): Shares {
  const reach = kernelFor(counts.subarray(0, never));
  const shares = new Float64Array(counts.length);
  let sum = 0;
  for (let cell = 0; cell < never; cell++) {
    const count = counts[cell] ?? 0;
    if (count === 0) continue;
    for (let offset = 1 - reach.length; offset < reach.length; offset++) {
      // Neither before the first cell nor after the deadline: what would go there is reflected.
      const to = reflected(cell + offset, never);
      shares[to] = (shares[to] ?? 0) + count * (reach[Math.abs(offset)] ?? 0);
    }
    sum += count;
  }
  shares[never] = counts[never] ?? 0;
  sum += counts[never] ?? 0;
  return shares.map(share => share / sum);
}

const reflected = (cell: number, count: number): number => {
  const mirrored = cell < 0 ? -1 - cell : cell >= count ? 2 * count - 1 - cell : cell;
  return Math.max(0, Math.min(count - 1, mirrored));
};

/** Half of a kernel that adds up to 1, from its middle on. */
function kernelFor(counts: Float64Array): readonly number[] {
  const settled = counts.reduce((sum, count) => sum + count, 0);
  const width = Math.max(1, Math.min(20, (0.5 * spreadOf(counts)) / Math.max(1, settled) ** 0.2));
  const half = Array.from({ length: Math.ceil(3 * width) + 1 }, (_, offset) => Math.exp(-((offset / width) ** 2) / 2));
  const sum = half.reduce((total, part, offset) => total + (offset === 0 ? part : 2 * part), 0);
  return half.map(part => part / sum);
}

/** From the first quartile to the third, as a standard deviation, in cells. */
function spreadOf(counts: Float64Array): number {
  const sums = cumulated(counts);
  const total = sums.at(-1) ?? 0;
  const quartile = (part: number): number => sums.findIndex(sum => sum >= part * total);
  return (quartile(0.75) - quartile(0.25)) / 1.34;
}

const blended = (prior: Shares, history: Shares, samples: number): Shares =>
  prior.map((share, cell) => (PRIOR_SAMPLES * share + samples * (history[cell] ?? 0)) / (PRIOR_SAMPLES + samples));

/** The normal distribution function, after Abramowitz and Stegun, 26.2.17 (error below 1e-7). */
function normalBelow(z: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(z));
  const series = [0.31938153, -0.356563782, 1.781477937, -1.821255978, 1.330274429].reduceRight(
    (sum, factor) => t * (factor + sum),
    0,
  );
  const tail = (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * series;
  return z < 0 ? tail : 1 - tail;
}
