import { settledBy, settledSecondsBy, usual } from '../bench/frontier-mix.ts';

/** What a schedule costs, and how soon it tells, on the usual mix of payments. */
export interface Cost {
  readonly queries: number;
  /** From settlement to the query that sees it, in the mean, over what settles before the deadline. Seconds. */
  readonly meanS: number;
}

/** Exact: integrated over the mix. The last time is the deadline. Seconds since the payment was opened. */
export function costAt(timesS: readonly number[]): Cost {
  let [queries, latencyS, settled, seconds] = [0, 0, 0, 0];
  for (const atS of timesS) {
    queries += 1 - settled;
    const [settledNow, secondsNow] = [settledBy(usual, atS), settledSecondsBy(usual, atS)];
    latencyS += atS * (settledNow - settled) - (secondsNow - seconds);
    [settled, seconds] = [settledNow, secondsNow];
  }
  return { queries, meanS: latencyS / Math.max(settled, 1e-9) };
}

/** How dear a second of latency is against a query, from hardly to very. */
const prices = Array.from({ length: 44 }, (_each, index) => 0.0004 * 1.35 ** index);
/** Times at which a query may be made: close together at first, since a second matters less the later it is. */
const GRID = { finestS: 0.05, ratio: 0.0075 };

/**
 * The least latency for each number of queries, of all schedules that know the mix and nothing of the payment: for each
 * price of a second the cheapest one, found backwards from the deadline. From few queries to many.
 */
export function limitFor(deadlineS: number): Cost[] {
  const grid = gridFor(deadlineS);
  return prices.map(price => costAt(cheapest(grid, price)));
}

interface Grid {
  readonly timesS: Float64Array;
  readonly settled: Float64Array;
  readonly seconds: Float64Array;
}

function gridFor(deadlineS: number): Grid {
  const times = [0];
  for (let atS = 0; atS < deadlineS; times.push(atS))
    atS = Math.min(deadlineS, atS + Math.max(GRID.finestS, GRID.ratio * atS));
  const timesS = Float64Array.from(times);
  const of = (value: (atS: number) => number): Float64Array => timesS.map(atS => (atS === 0 ? 0 : value(atS)));
  return { timesS, settled: of(atS => settledBy(usual, atS)), seconds: of(atS => settledSecondsBy(usual, atS)) };
}

/** The later a query, the later is the best next one, so that few have to be compared. */
function cheapest({ timesS, settled, seconds }: Grid, price: number): number[] {
  const last = timesS.length - 1;
  const at = (values: Float64Array | Int32Array, index: number): number => values[index] ?? 0;
  const costs = new Float64Array(last + 1);
  const next = new Int32Array(last + 1).fill(last);
  for (let from = last - 1; from >= 0; from--) {
    let least = Infinity;
    for (let to = at(next, from + 1); to > from; to--) {
      const latencyS = at(timesS, to) * (at(settled, to) - at(settled, from)) - (at(seconds, to) - at(seconds, from));
      const cost = price * latencyS + at(costs, to);
      if (cost < least) [least, next[from]] = [cost, to];
    }
    costs[from] = 1 - at(settled, from) + least;
  }
  const found: number[] = [];
  for (let index = 0; index < last; ) found.push(at(timesS, (index = at(next, index))));
  return found;
}

/** The limit with so many queries, between its points. `undefined` outside of them. */
export function limitAt(limit: readonly Cost[], queries: number): number | undefined {
  const index = limit.findIndex(point => point.queries >= queries);
  const [from, to] = [limit[index - 1], limit[index]];
  if (from === undefined || to === undefined) return undefined;
  const part = Math.log(queries / from.queries) / Math.log(to.queries / from.queries);
  return from.meanS * (to.meanS / from.meanS) ** part;
}
