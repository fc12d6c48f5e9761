import {
  costOf,
  DEADLINE_S,
  measure,
  settledBy,
  settledSecondsBy,
  type Measured,
  type Mix,
  type Times,
} from './frontier-mix.ts';

/** The limit for one price of a second: the schedule, and what it costs. */
export interface Point extends Measured {
  readonly times: Times;
}

/** How dear a second of latency is against a query, from hardly to very. */
const prices = Array.from({ length: 32 }, (_each, index) => 0.0005 * 1.5 ** index);

/**
 * The best that any schedule can do which knows the mix and nothing of the payment: for each price the one with the
 * least `queries + price x seconds of latency`.
 *
 * @param startS nothing is asked before; the first query comes then. Default: whenever is best
 */
export const limitOf = (mix: Mix, startS = 0): Point[] =>
  prices.map(price => {
    const times = polished(bestOnGrid(mix, price, startS), mix, price, startS);
    return { times, ...measure([times], mix) };
  });

/** The limit's mean latency with so many queries, and its number of queries with that mean latency. */
export function limitAt(
  limit: readonly Point[],
  { queries, meanS }: Pick<Measured, 'queries' | 'meanS'>,
): { meanS: number; queries: number } {
  return {
    meanS: between(
      limit.map(point => [point.queries, point.meanS]),
      queries,
    ),
    queries: between(limit.map((point): [number, number] => [point.meanS, point.queries]).reverse(), meanS),
  };
}

/** Interpolated on logarithmic scales, on which the limit is nearly straight. `NaN` where it was not looked at. */
function between(points: readonly (readonly [number, number])[], x: number): number {
  const index = points.findIndex(([atX]) => atX >= x);
  const [from, to] = [points[index - 1], points[index]];
  if (from === undefined || to === undefined) return Number.NaN;
  const part = Math.log(x / from[0]) / Math.log(to[0] / from[0]);
  return from[1] * (to[1] / from[1]) ** part;
}

const GRID_S = 0.25;

/** By dynamic programming, backwards from the deadline. */
function bestOnGrid(mix: Mix, price: number, startS: number): number[] {
  const last = DEADLINE_S / GRID_S;
  const settled = Float64Array.from({ length: last + 1 }, (_each, i) => (i === 0 ? 0 : settledBy(mix, i * GRID_S)));
  const seconds = Float64Array.from({ length: last + 1 }, (_each, i) =>
    i === 0 ? 0 : settledSecondsBy(mix, i * GRID_S),
  );
  const costs = new Float64Array(last + 1);
  const next = new Int32Array(last + 1);
  for (let from = last - 1; from >= 0; from--) {
    const [settledThen = 0, secondsThen = 0] = [settled[from], seconds[from]];
    let least = Infinity;
    for (let to = from + 1; to <= last; to++) {
      const latencyS = to * GRID_S * ((settled[to] ?? 0) - settledThen) - ((seconds[to] ?? 0) - secondsThen);
      const cost = 1 - settledThen + price * latencyS + (costs[to] ?? 0);
      if (cost < least) {
        least = cost;
        next[from] = to;
      }
    }
    costs[from] = least;
  }
  const times = startS === 0 ? [] : [startS];
  for (let at = startS / GRID_S; at < last; ) times.push((at = next[at] ?? last) * GRID_S);
  return times;
}

/** The same off the grid: each time moved to where it is best between its neighbours, over and over. */
function polished(onGrid: readonly number[], mix: Mix, price: number, startS: number): number[] {
  const times = [...onGrid];
  const settles = settledBy(mix, DEADLINE_S);
  const cost = (around: Times): number => {
    const { queries, meanS } = costOf([around], mix);
    return queries + price * settles * meanS;
  };
  for (let round = 0; round < 6; round++) {
    for (let index = startS === 0 ? 0 : 1; index < times.length - 1; index++) {
      const [before = 0, at = 0, after = 0] = [times[index - 1], times[index], times[index + 1]];
      const rest = index === 0 ? [] : [before];
      let [best, reachS] = [at, GRID_S / 2];
      for (; reachS > 0.01; reachS /= 2) {
        const near = [best - reachS, best, best + reachS].filter(s => s > before && s < after);
        best = near.reduce((a, b) => (cost([...rest, b, after]) < cost([...rest, a, after]) ? b : a));
      }
      times[index] = best;
    }
  }
  return times;
}
