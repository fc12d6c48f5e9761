/** When payments settle: some quickly, some slowly, the rest never. Each part is lognormal. */
export interface Mix {
  readonly parts: readonly { readonly share: number; readonly medianS: number; readonly sigma: number }[];
}

/** The mix that every schedule is compared on: most pay at once, some are slow, a few never settle. */
export const usual: Mix = {
  parts: [
    { share: 0.8, medianS: 6, sigma: 1 },
    { share: 0.15, medianS: 90, sigma: 0.8 },
  ],
};

/** Mixes that no schedule was fitted to. */
export const others: Readonly<Record<string, Mix>> = {
  'quick: 95 % around 3 s': { parts: [{ share: 0.95, medianS: 3, sigma: 0.8 }] },
  'QR code: 85 % pay after 30 to 300 s': { parts: [{ share: 0.85, medianS: 95, sigma: 0.7 }] },
  'mostly slow: 65 % around 120 s, 25 % around 6 s': {
    parts: [
      { share: 0.65, medianS: 120, sigma: 1 },
      { share: 0.25, medianS: 6, sigma: 1 },
    ],
  },
};

/** Every schedule ends with a query at the deadline, as tillpaid's do. */
export const DEADLINE_S = 900;

/** When a payment that never settles is asked about, in seconds since it was opened; the last is the deadline. */
export type Times = readonly number[];

/** What a schedule costs, and how soon it tells, over the payments that settle before the deadline. */
export interface Measured {
  readonly queries: number;
  readonly meanS: number;
  readonly p50S: number;
  readonly p95S: number;
}

/** The share of all payments that has settled by then. */
export const settledBy = ({ parts }: Mix, atS: number): number =>
  parts.reduce((sum, { share, medianS, sigma }) => sum + share * normalBelow(Math.log(atS / medianS) / sigma), 0);

/** The integral of the time of settlement over those that have settled by then. */
export const settledSecondsBy = ({ parts }: Mix, atS: number): number =>
  parts.reduce(
    (sum, { share, medianS, sigma }) =>
      sum + share * medianS * Math.exp(sigma ** 2 / 2) * normalBelow(Math.log(atS / medianS) / sigma - sigma),
    0,
  );

/** Queries and mean latency, integrated over the mix: exact, but for the many draws of a schedule with jitter. */
export function costOf(draws: readonly Times[], mix: Mix): Pick<Measured, 'queries' | 'meanS'> {
  let [queries, latencyS] = [0, 0];
  for (const times of draws) {
    let [settled, seconds] = [0, 0];
    for (const atS of times) {
      queries += 1 - settled;
      const [settledNow, secondsNow] = [settledBy(mix, atS), settledSecondsBy(mix, atS)];
      latencyS += atS * (settledNow - settled) - (secondsNow - seconds);
      [settled, seconds] = [settledNow, secondsNow];
    }
  }
  return { queries: queries / draws.length, meanS: latencyS / draws.length / settledBy(mix, DEADLINE_S) };
}

export function measure(draws: readonly Times[], mix: Mix): Measured {
  return { ...costOf(draws, mix), p50S: quantile(draws, mix, 0.5), p95S: quantile(draws, mix, 0.95) };
}

/** The latency that so large a part of the settled payments does not exceed. */
function quantile(draws: readonly Times[], mix: Mix, part: number): number {
  const goal = part * settledBy(mix, DEADLINE_S) * draws.length;
  let [low, high] = [0, DEADLINE_S];
  while (high - low > 0.001) {
    const middle = (low + high) / 2;
    if (seenWithin(draws, mix, middle) < goal) low = middle;
    else high = middle;
  }
  return high;
}

const seenWithin = (draws: readonly Times[], mix: Mix, latencyS: number): number =>
  draws.reduce(
    (all, times) =>
      times.reduce((sum, atS, index) => {
        const sinceS = Math.max(times[index - 1] ?? 0, atS - latencyS);
        return sum + settledBy(mix, atS) - settledBy(mix, sinceS);
      }, all),
    0,
  );

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
