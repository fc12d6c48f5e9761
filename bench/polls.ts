import { constant, exponential, steps, type Backoff } from 'tillpaid';
import { defaultPolicy } from 'tillpaid/policies';
import { printTable } from './table.ts';

/**
 * Status queries per payment against how late the settlement is seen, on a synthetic mix: 80 % settle lognormally
 * around 6 s (sigma 1), 15 % around 90 s (sigma 0.8), 5 % never. The deadline is 900 s, with a last query at the
 * deadline, as tillpaid polls.
 */
const DEADLINE_MS = 900_000;
const PAYMENTS = 100_000;
const quick = { share: 0.8, medianMs: 6000, sigma: 1 };
const slow = { share: 0.15, medianMs: 90_000, sigma: 0.8 };

const schedules: Readonly<Record<string, Backoff>> = {
  'tillpaid’s default: growing()': defaultPolicy.poll.backoff,
  'every 2 s': constant(2000),
  'every 4 s': constant(4000),
  'exponential, 1 s to 60 s': exponential({ baseMs: 1000, maxMs: 60_000, jitter: 'none' }),
  'exponential, 5 s x 1.5 to 300 s, full jitter': exponential({ baseMs: 5000, factor: 1.5, maxMs: 300_000 }),
};

export function printPolls(): void {
  const rows = Object.entries({ ...schedules, 'the best fixed times for this mix': steps(bestWaits(4)) }).map(
    ([name, backoff]) => {
      const { polls, latenciesMs } = measure(backoff);
      return [name, polls.toFixed(1), ...latenciesMs.map(latencyMs => (latencyMs / 1000).toFixed(2))];
    },
  );
  console.log(
    `\nStatus queries per payment, and seconds from settlement to its detection (${PAYMENTS.toLocaleString('en')} payments)\n`,
  );
  printTable(['', 'queries', 'mean s', 'p50 s', 'p95 s'], rows);
  console.log(`\n${String(defaultPolicy.poll.backoff)}\n`);
}

/** Queries per payment, and from settlement to detection: the mean, the median and the 95th percentile. */
function measure(backoff: Backoff): { polls: number; latenciesMs: number[] } {
  const chance = seeded(1);
  const latencies: number[] = [];
  let polls = 0;
  for (let payment = 0; payment < PAYMENTS; payment++) {
    const settledMs = drawSettlement(chance);
    let nowMs = 0;
    let step = 0;
    do {
      step++;
      nowMs = Math.min(DEADLINE_MS, nowMs + backoff.delayMs({ step, elapsedMs: nowMs, chance: chance() }));
    } while (nowMs < settledMs && nowMs < DEADLINE_MS);
    polls += step;
    if (settledMs <= DEADLINE_MS) latencies.push(nowMs - settledMs);
  }
  latencies.sort((a, b) => a - b);
  const quantile = (q: number): number => latencies[Math.floor(q * latencies.length)] ?? Number.NaN;
  const mean = latencies.reduce((a, b) => a + b) / latencies.length;
  return { polls: polls / PAYMENTS, latenciesMs: [mean, quantile(0.5), quantile(0.95)] };
}

function drawSettlement(chance: () => number): number {
  const kind = chance();
  const normal = Math.sqrt(-2 * Math.log(1 - chance())) * Math.cos(2 * Math.PI * chance());
  if (kind >= quick.share + slow.share) return Infinity;
  const { medianMs, sigma } = kind < quick.share ? quick : slow;
  return medianMs * Math.exp(sigma * normal);
}

/** Mulberry32: small, and the same numbers on every machine. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * The waits that minimise queries + `lambda` x seconds of latency, found backwards from the deadline on a grid of 250
 * ms. A bound for every schedule that does not know the payment, and only for a mix that is known.
 */
function bestWaits(lambda: number): number[] {
  const gridMs = 250;
  const last = DEADLINE_MS / gridMs;
  const settledBy = Array.from({ length: last + 1 }, (_, i) => share(i * gridMs, quick) + share(i * gridMs, slow));
  // The area under the share settled: seconds of latency between two queries.
  const area = [0];
  for (let i = 1; i <= last; i++)
    area[i] = (area[i - 1] ?? 0) + (gridMs / 1000) * 0.5 * ((settledBy[i] ?? 0) + (settledBy[i - 1] ?? 0));
  const cost = new Array<number>(last + 1).fill(0);
  const next = new Array<number>(last + 1).fill(last);
  for (let from = last - 1; from >= 0; from--) {
    const open = 1 - (settledBy[from] ?? 0);
    let least = Infinity;
    for (let to = from + 1; to <= last; to++) {
      const latency = (area[to] ?? 0) - (area[from] ?? 0) - (settledBy[from] ?? 0) * (to - from) * (gridMs / 1000);
      const total = open + lambda * latency + (cost[to] ?? 0);
      if (total < least) [least, next[from]] = [total, to];
    }
    cost[from] = least;
  }
  const waits: number[] = [];
  for (let at = 0; at < last; at = next[at] ?? last) waits.push(((next[at] ?? last) - at) * gridMs);
  return waits;
}

function share(atMs: number, { share: part, medianMs, sigma }: typeof quick): number {
  return atMs === 0 ? 0 : part * normalBelow(Math.log(atMs / medianMs) / sigma);
}

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
