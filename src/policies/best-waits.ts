import type { SettleMix } from './settle-mix.ts';

/** What a schedule costs, and what it gives, for a mix of payments. */
export interface Economy {
  readonly queriesPerPayment: number;
  /** From settlement to the query that sees it: the mean of what settles before the deadline. */
  readonly meanLatencyMs: number;
}

/** No query follows another sooner, nor later, whatever the mix says. */
export const SHORTEST_WAIT_MS = 500;
const BOUND = { ratio: 1 / 16, leastMs: 120_000, mostMs: 600_000 };

/** The longest wait, for what has been waited for so long. */
const longestWaitMs = (elapsedMs: number): number =>
  Math.min(BOUND.mostMs, Math.max(BOUND.leastMs, BOUND.ratio * elapsedMs));

/** Points in time at which a query may be made, close together at first: a second matters less the later it is. */
const GRID = { finestMs: 50, ratio: 0.0075 };

/**
 * Which times are the best to ask at, for a mix of payments: those that cost the fewest queries for a latency, or the
 * other way round. The last is the deadline, where tillpaid asks anyway.
 */
export class BestWaits {
  /** Times, in milliseconds. The first is 0, and the last the deadline. */
  readonly #times: Float64Array;
  readonly #settled: Float64Array;
  /** The area below the share settled: milliseconds of latency, had nobody asked. */
  readonly #area: Float64Array;

  constructor(mix: SettleMix, deadlineMs: number) {
    const times = [0];
    for (let atMs = 0; atMs < deadlineMs; times.push(atMs))
      atMs = Math.min(deadlineMs, atMs + Math.max(GRID.finestMs, GRID.ratio * atMs));
    this.#times = Float64Array.from(times);
    this.#settled = this.#times.map(atMs => mix.settledBy(atMs));
    this.#area = new Float64Array(times.length);
    for (let at = 1; at < times.length; at++) this.#area[at] = this.#areaBefore(at);
  }

  #areaBefore(at: number): number {
    const wideMs = this.#timeAt(at) - this.#timeAt(at - 1);
    return (this.#area[at - 1] ?? 0) + (wideMs * (this.#settledAt(at) + this.#settledAt(at - 1))) / 2;
  }

  #timeAt(at: number): number {
    return this.#times[at] ?? 0;
  }

  #settledAt(at: number): number {
    return this.#settled[at] ?? 0;
  }

  /** What the queries at these points cost. Each is made if the one before found the payment open. */
  #economyOf(points: readonly number[]): Economy {
    let queriesPerPayment = 0;
    let latency = 0;
    let from = 0;
    for (const to of points) {
      queriesPerPayment += 1 - this.#settledAt(from);
      latency += this.#latency(from, to);
      from = to;
    }
    return { queriesPerPayment, meanLatencyMs: latency / Math.max(this.#settledAt(from), 1e-9) };
  }

  /** Of what settles between two queries, until the later one. */
  #latency(from: number, to: number): number {
    const area = (this.#area[to] ?? 0) - (this.#area[from] ?? 0);
    return area - this.#settledAt(from) * (this.#timeAt(to) - this.#timeAt(from));
  }

  /** What a schedule costs that asks at these times. The deadline is added. */
  economyAt(timesMs: readonly number[]): Economy {
    const points: number[] = [];
    let at = 0;
    for (const timeMs of timesMs) {
      while (at < this.#times.length - 1 && this.#timeAt(at) < timeMs) at++;
      if (at > (points.at(-1) ?? 0)) points.push(at);
    }
    const last = this.#times.length - 1;
    if (points.at(-1) !== last) points.push(last);
    return this.#economyOf(points);
  }

  /** Of the schedule that minimises queries + `worth` x seconds of mean latency. */
  economyFor(worth: number): Economy {
    const last = this.#times.length - 1;
    // What never settles has no latency.
    return this.#economyOf(this.#cheapest(worth / Math.max(this.#settledAt(last), 1e-9)));
  }

  /**
   * The waits of the cheapest schedule that has at most so many queries, or at most such a latency.
   *
   * @param mostWorth the most that a second of mean latency is worth, in queries
   */
  within(most: Partial<Economy>, mostWorth = 1e4): { readonly delaysMs: number[]; readonly economy: Economy } {
    let [low, high] = [1e-6, mostWorth];
    let best = this.#cheapest(most.meanLatencyMs === undefined ? low : high);
    for (let round = 0; round < 30 && high / low > 1.001; round++) {
      const worth = Math.sqrt(low * high);
      const points = this.#cheapest(worth);
      const economy = this.#economyOf(points);
      const isMore =
        most.meanLatencyMs === undefined
          ? economy.queriesPerPayment > (most.queriesPerPayment ?? Infinity)
          : economy.meanLatencyMs <= most.meanLatencyMs;
      if (isMore) high = worth;
      else low = worth;
      if (isMore === (most.meanLatencyMs !== undefined)) best = points;
    }
    const delaysMs = best.map((point, index) => Math.round(this.#timeAt(point) - this.#timeAt(best[index - 1] ?? 0)));
    return { delaysMs, economy: this.#economyOf(best) };
  }

  /**
   * The points that minimise queries + `worth` x seconds of latency, found backwards from the deadline. The later a
   * query, the later is the best next one, so that few have to be compared.
   */
  #cheapest(worth: number): number[] {
    const last = this.#times.length - 1;
    const cost = new Float64Array(last + 1);
    const next = new Int32Array(last + 1).fill(last);
    for (let from = last - 1; from >= 0; from--) {
      const fromMs = this.#timeAt(from);
      const mostMs = Math.max(longestWaitMs(fromMs), this.#timeAt(from + 1) - fromMs);
      let least = Infinity;
      for (let to = next[from + 1] ?? last; to > from; to--) {
        const waitMs = this.#timeAt(to) - fromMs;
        if (waitMs > mostMs) continue;
        if (waitMs < SHORTEST_WAIT_MS && least < Infinity) break;
        const total = (worth / 1000) * this.#latency(from, to) + (cost[to] ?? 0);
        if (total < least) [least, next[from]] = [total, to];
      }
      cost[from] = 1 - this.#settledAt(from) + least;
    }
    const points: number[] = [];
    for (let at = 0; at < last; at = next[at] ?? last) points.push(next[at] ?? last);
    return points;
  }
}
