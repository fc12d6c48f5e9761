import type { GatewayEvent } from 'tillpaid';
import { settleTimes, type Observed } from 'tillpaid/learn';
import { defaultPolicy, learned, type Backoff, type SettleTime } from 'tillpaid/policies';
import { drawing, seeded } from './chance.ts';
import { limitAt, limitOf, type Point } from './frontier-limit.ts';
import { DEADLINE_S, measure, others, usual, type Measured, type Mix } from './frontier-mix.ts';
import { draw, ofBackoff } from './frontier-schedules.ts';
import { printTable } from './table.ts';

const DRAWS = 40;
const mixes: Readonly<Record<string, Mix>> = { 'the usual mix': usual, ...others };
const byDefault = defaultPolicy.poll.backoff;

const measured = (backoff: Backoff, mix: Mix): Measured => measure(draw(ofBackoff(backoff), DRAWS), mix);
const scaled = ({ parts }: Mix, by: number): Mix => ({
  parts: parts.map(part => ({ ...part, medianS: part.medianS * by })),
});
const percent = (ratio: number): string => `${ratio < 1 ? '' : '+'}${((ratio - 1) * 100).toFixed(1)} %`;
const aboveLimit = (limit: readonly Point[], found: Measured): string =>
  percent(found.meanS / limitAt(limit, found).meanS);

/** What is learned from a gateway's own history, how soon, and what becomes of it when the history changes. */
export function printLearned(): void {
  console.log(
    '\nA schedule learned from samples as a gateway’s own queries see them; its mean latency against the limit at equal queries\n',
  );
  printTable(
    [
      '',
      'samples',
      'queries',
      'mean s',
      'above limit',
      'x 1.5',
      '/ 1.5',
      'default: queries',
      'mean s',
      'above limit',
      'ms to learn',
    ],
    Object.entries(mixes).flatMap(([name, mix]) => rowsFor(name, mix)),
  );
  console.log('\nThrough a shift of the usual mix: queries and mean seconds per payment\n');
  printTable(
    [
      'all times',
      'noticed after',
      'learned after',
      'learned before',
      'until noticed',
      'by the default',
      'learned anew',
      'the default then',
    ],
    [3, 2, 1.5, 1 / 1.5, 1 / 3].map(by => throughShift(by)),
  );
  console.log('\nFalse alarms while nothing changes\n');
  printTable(
    ['', 'payments', 'alarms', 'per 10,000'],
    Object.entries(mixes).map(([name, mix], index) => falseAlarms(name, mix, index === 0 ? 200_000 : 60_000)),
  );
}

/** What the queries of a schedule see of it, and when they are made. */
function seenBy(
  backoff: Backoff,
  settledMs: number,
  chance: () => number,
): { afterMs: number; byMs: number; queries: number } {
  for (let step = 1, afterMs = 0; ; step++) {
    const byMs = Math.min(DEADLINE_S * 1000, afterMs + backoff.delayMs({ step, elapsedMs: afterMs, chance: chance() }));
    if (settledMs <= byMs) return { afterMs, byMs, queries: step };
    if (byMs >= DEADLINE_S * 1000) return { afterMs: byMs, byMs: Infinity, queries: step };
    afterMs = byMs;
  }
}

function samplesOf(mix: Mix, count: number, seed: number, backoff: Backoff): SettleTime[] {
  const chance = seeded(seed);
  const next = drawing(mix, chance);
  return Array.from({ length: count }, () => {
    const { afterMs, byMs } = seenBy(backoff, next(), chance);
    return { afterMs, byMs };
  });
}

function rowsFor(name: string, mix: Mix): string[][] {
  const limit = limitOf(mix);
  const shifted = [1.5, 1 / 1.5].map(by => ({ mix: scaled(mix, by), limit: limitOf(scaled(mix, by)) }));
  const usually = measured(byDefault, mix);
  const row = (label: string, backoffs: readonly Backoff[], ms: number): string[] => {
    const mean = (of: (backoff: Backoff) => number): number =>
      backoffs.reduce((sum, backoff) => sum + of(backoff), 0) / backoffs.length;
    const over = (at: readonly Point[], of: Mix): string =>
      percent(
        mean(backoff => {
          const found = measured(backoff, of);
          return found.meanS / limitAt(at, found).meanS;
        }),
      );
    return [
      name,
      label,
      mean(backoff => measured(backoff, mix).queries).toFixed(2),
      mean(backoff => measured(backoff, mix).meanS).toFixed(2),
      ...[over(limit, mix), ...shifted.map(each => over(each.limit, each.mix))],
      ...[usually.queries.toFixed(2), usually.meanS.toFixed(2), aboveLimit(limit, usually)],
      ms.toFixed(1),
    ];
  };
  const learn = (count: number, seed: number, seen: Backoff): { backoff: Backoff; ms: number } => {
    const settleTimesMs = samplesOf(mix, count, seed, seen);
    const startMs = performance.now();
    const backoff = learned({ settleTimesMs });
    return { backoff, ms: performance.now() - startMs };
  };
  const rows = [0, 10, 100, 1000, 10_000].map(count => {
    const seeds = count === 0 ? [1] : count < 1000 ? [1, 2, 3, 4, 5, 6, 7, 8] : [1, 2, 3];
    const lessons = seeds.map(seed => learn(count, seed, byDefault));
    return row(
      String(count),
      lessons.map(({ backoff }) => backoff),
      Math.min(...lessons.map(({ ms }) => ms)),
    );
  });
  const first = learn(10_000, 1, byDefault).backoff;
  const lessons = [4, 5].map(seed => learn(10_000, seed, first));
  return [
    ...rows,
    row(
      '10000, once more',
      lessons.map(({ backoff }) => backoff),
      Math.min(...lessons.map(({ ms }) => ms)),
    ),
  ];
}

/** A gateway without a network: its payments begin one after the other, and are polled by what is learned by then. */
function shop(onChange: (state: string) => void) {
  let told: Parameters<Observed['observe']>[0] = () => undefined;
  let nowMs = Date.UTC(2026, 0, 1);
  const times = settleTimes({ clock: { now: () => nowMs }, onChange: ({ state }) => onChange(state) });
  times.observe({ observe: listener => ((told = listener), () => undefined) });
  const chance = seeded(7);
  let order = 0;
  return (settledMs: number): { queries: number; latencyMs: number | undefined; state: string } => {
    nowMs += 1000;
    const openedAt = new Date(nowMs).toISOString();
    const payment = {
      gateway: 'g',
      account: 'a',
      environment: 'e',
      operation: 'payment.charge',
      openedAt,
      charge: true,
    } as const;
    const backoff = times.backoff(payment);
    const { afterMs, byMs, queries } = seenBy(backoff ?? byDefault, settledMs, chance);
    const reference = { order: String(++order) };
    const tell = (atMs: number, fact: object): void => {
      const line = { at: new Date(nowMs + atMs).toISOString(), elapsedMs: atMs, ...payment, reference, ...fact };
      told(line as unknown as GatewayEvent, payment);
    };
    tell(0, { type: 'send' });
    tell(0, { type: 'answer' });
    if (afterMs > 0) {
      tell(afterMs, { type: 'ask' });
      tell(afterMs, { type: 'status', verdict: { kind: 'poll-required', reason: 'processing' } });
    }
    if (byMs === Infinity) tell(afterMs, { type: 'settled', outcome: 'unresolved', settledBy: 'none' });
    else {
      tell(byMs, { type: 'ask' });
      tell(byMs, { type: 'settled', outcome: 'succeeded', settledBy: 'query' });
    }
    const state = backoff === undefined ? 'default' : 'learned';
    return { queries, latencyMs: byMs === Infinity ? undefined : byMs - settledMs, state };
  };
}

const BEFORE = 6000;
const AFTER = 6000;

function throughShift(by: number): string[] {
  let at = 0;
  const changes: [string, number][] = [];
  const pay = shop(state => changes.push([state, at]));
  const chance = seeded(11);
  const [before, after] = [drawing(usual, chance), drawing(scaled(usual, by), chance)];
  const paid = Array.from({ length: BEFORE + AFTER }, () => pay((at++ < BEFORE ? before : after)()));
  const noticed = changes.find(([state, when]) => state === 'shifted' && when > BEFORE)?.[1];
  const again = changes.find(([state, when]) => state === 'learned' && when > BEFORE)?.[1];
  const over = (from: number, to: number): string => {
    const part = paid.slice(from, to);
    if (part.length === 0) return '-';
    const latencies = part.flatMap(({ latencyMs }) => (latencyMs === undefined ? [] : [latencyMs / 1000]));
    const queries = part.reduce((sum, each) => sum + each.queries, 0) / part.length;
    return `${queries.toFixed(2)}, ${(latencies.reduce((a, b) => a + b, 0) / latencies.length).toFixed(2)} s`;
  };
  const then = measured(byDefault, scaled(usual, by));
  return [
    `x ${by.toFixed(2)}`,
    noticed === undefined ? 'never' : `${noticed - BEFORE} payments`,
    again === undefined ? '-' : `${again - BEFORE} payments`,
    over(BEFORE - 3000, BEFORE),
    over(BEFORE, noticed ?? BEFORE + AFTER),
    noticed === undefined ? '-' : over(noticed, again ?? BEFORE + AFTER),
    again === undefined ? '-' : over(BEFORE + AFTER - 3000, BEFORE + AFTER),
    `${then.queries.toFixed(2)}, ${then.meanS.toFixed(2)} s`,
  ];
}

function falseAlarms(name: string, mix: Mix, payments: number): string[] {
  let alarms = 0;
  const pay = shop(state => {
    if (state === 'shifted') alarms++;
  });
  const next = drawing(mix, seeded(13));
  for (let count = 0; count < payments; count++) pay(next());
  return [name, String(payments), String(alarms), ((alarms / payments) * 10_000).toFixed(2)];
}
