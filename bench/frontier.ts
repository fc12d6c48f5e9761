import { growing, type Backoff } from '../src/index.ts';
import { findProviders } from '../test/storm/providers.ts';
import { seeded } from './chance.ts';
import { limitAt, limitOf, type Point } from './frontier-limit.ts';
import { measure, others, usual, type Measured, type Mix, type Times } from './frontier-mix.ts';
import { asDecided, draw, formerDefault, ofBackoff, peers, type Schedule } from './frontier-schedules.ts';
import { savePlot } from './plot.ts';
import { printTable } from './table.ts';

const DRAWS = 100;
/** How soon a charge is first asked about, at the latest. */
const FIRST_OF_CHARGE_S = 1.5;

/** Our schedule with other numbers, which asks no more often than a peer, and tells sooner by every measure. */
const inPlaceOf: Readonly<Record<string, Backoff>> = {
  'every 2 s (Azure core-lro)': growing({ firstMs: 1500, baseMs: 500, ratio: 0.02, maxMs: 60_000 }),
  'every 4 s (WeChat Pay’s advice)': growing({ firstMs: 2000, baseMs: 800, ratio: 0.05, maxMs: 60_000 }),
  'every 5 s': growing({ firstMs: 1500, baseMs: 1500, ratio: 0.05, maxMs: 60_000 }),
  'AWS waiter, 2 to 10 s': growing({ firstMs: 3500, baseMs: 2600, ratio: 0.05, maxMs: 60_000 }),
  'AWS waiter’s default, 2 to 120 s': growing({ firstMs: 3500, baseMs: 4100, ratio: 0.2, maxMs: 120_000 }),
  'Fibonacci, to 60 s': growing({ firstMs: 5000, baseMs: 2600, ratio: 0.2, maxMs: 300_000 }),
  '5 s x 1.5, to 300 s, full jitter': growing({ firstMs: 6000, baseMs: 4000, ratio: 0.25, maxMs: 300_000 }),
  'hyperswitch’s default': growing({ firstMs: 60_000, baseMs: 150_000, ratio: 2, maxMs: 900_000 }),
};

/** Queries per payment against how late a settlement is seen; with `draws`, the plot too. */
export async function printFrontier(draws: boolean): Promise<void> {
  const limit = limitOf(usual);
  const ours: Readonly<Record<string, Schedule>> = {
    'growing(), the default schedule': ofBackoff(growing()),
    'growing() of the first release': ofBackoff(formerDefault),
    'an order, as it is followed': asDecided('order'),
    'a charge, as it is asked about': asDecided('charge'),
    ...(await byAdapter()),
  };
  const measured = (schedules: Readonly<Record<string, Schedule>>): [string, Measured][] =>
    Object.entries(schedules).map(([name, schedule]) => [name, measure(draw(schedule, DRAWS), usual)]);
  const [oursMeasured, peersMeasured] = [measured(ours), measured(peers)];
  console.log('\nStatus queries per payment, and seconds from settlement to its detection, on the usual mix\n');
  printTable(
    ['', 'queries', 'mean s', 'p50 s', 'p95 s', 'limit’s s', 'later', 'limit’s queries', 'more'],
    [
      ...[...oursMeasured, ...peersMeasured].map(([name, row]) => [name, ...cells(row), ...off(limit, row)]),
      ...limitRows(limit).map(([name, row]) => [name, ...cells(row)]),
    ],
  );
  printEarlyFirst(oursMeasured);
  printInPlaceOf(peersMeasured);
  for (const [name, mix] of Object.entries(others)) printOther(name, mix);
  printCrowd();
  if (draws) plot(limit, oursMeasured, peersMeasured);
}

/** What the adapters with a schedule of their own do. */
async function byAdapter(): Promise<Record<string, Schedule>> {
  const found = (await findProviders()).map(
    provider => [provider.name, provider.open(1, false).adapter.policy] as const,
  );
  return Object.fromEntries(
    found
      .filter(([, policy]) => policy.poll?.backoff !== undefined)
      .flatMap(([name, policy]) =>
        (['order', 'charge'] as const).map(kind => [`${name}’s own: ${kind}`, asDecided(kind, policy)] as const),
      ),
  );
}

const limitRows = (limit: readonly Point[]): [string, Measured][] =>
  [3.5, 5, 6.3, 8.6, 12].map(queries => {
    const nearest = limit.reduce((a, b) => (Math.abs(b.queries - queries) < Math.abs(a.queries - queries) ? b : a));
    return [
      `the limit: at ${nearest.times
        .slice(0, 4)
        .map(s => s.toFixed(1))
        .join(', ')} …`,
      nearest,
    ];
  });

const cells = ({ queries, meanS, p50S, p95S }: Measured): string[] =>
  [queries, meanS, p50S, p95S].map(value => value.toFixed(2));

/** The limit with as many queries, and with the same mean latency; and by how much each is missed. */
function off(limit: readonly Point[], row: Measured): string[] {
  const at = limitAt(limit, row);
  return [at.meanS.toFixed(2), percent(row.meanS / at.meanS), at.queries.toFixed(2), percent(row.queries / at.queries)];
}

const percent = (ratio: number): string => `${((ratio - 1) * 100).toFixed(1)} %`;

/** A charge is asked about early for those whose payer is quick: what the limit is then. */
function printEarlyFirst(rows: readonly [string, Measured][]): void {
  const limit = limitOf(usual, FIRST_OF_CHARGE_S);
  const charge = rows.find(([name]) => name.startsWith('a charge'))?.[1];
  if (charge === undefined) return;
  const { meanS } = limitAt(limit, charge);
  console.log(
    `\nA charge is first asked about after ${FIRST_OF_CHARGE_S} s at the latest. The limit of schedules that do so is ${meanS.toFixed(2)} s with as many queries: ours is ${percent(charge.meanS / meanS)} later.`,
  );
}

function printInPlaceOf(rows: readonly [string, Measured][]): void {
  console.log('\nIn place of a peer: our schedule with other numbers, no more queries, and sooner by every measure\n');
  printTable(
    ['', 'queries', 'mean s', 'p50 s', 'p95 s'],
    rows.flatMap(([name, row]) => {
      const backoff = inPlaceOf[name];
      if (backoff === undefined) return [];
      return [
        [name, ...cells(row)],
        [`  ${String(backoff)}`, ...cells(measure(draw(ofBackoff(backoff), DRAWS), usual))],
      ];
    }),
  );
}

function printOther(name: string, mix: Mix): void {
  const limit = limitOf(mix);
  const schedules = {
    'growing(), the default schedule': ofBackoff(growing()),
    'growing() of the first release': ofBackoff(formerDefault),
    'an order, as it is followed': asDecided('order'),
    'a charge, as it is asked about': asDecided('charge'),
    'every 4 s': peers['every 4 s (WeChat Pay’s advice)'] ?? ofBackoff(growing()),
    'AWS waiter, 2 to 10 s': peers['AWS waiter, 2 to 10 s'] ?? ofBackoff(growing()),
  };
  console.log(`\nAnother mix, ${name}\n`);
  printTable(
    ['', 'queries', 'mean s', 'p50 s', 'p95 s', 'limit’s s', 'later', 'limit’s queries', 'more'],
    Object.entries(schedules).map(([each, schedule]) => {
      const row = measure(draw(schedule, DRAWS), mix);
      return [each, ...cells(row), ...off(limit, row)];
    }),
  );
}

const CROWD = 1000;

/** How many of a crowd, opened evenly within one second, ask in the worst second; all of them stay open. */
function printCrowd(): void {
  const chance = seeded(2);
  const crowd = (schedule: Schedule): Times[] =>
    draw(schedule, CROWD).map(times => {
      const openedS = chance();
      return times.map(s => openedS + s);
    });
  const spans = [
    [0, 4.5],
    [4.5, 10],
    [10, 30],
    [30, 60],
    [60, 120],
  ] as const;
  console.log(
    `\nThe worst second, in queries, of ${CROWD} payments that were opened within one second and stay open\n`,
  );
  printTable(
    ['', ...spans.map(([from, to]) => `${from} to ${to} s`)],
    Object.entries({
      'growing() of the first release': ofBackoff(formerDefault),
      'growing({ jitter: 0 })': ofBackoff(growing({ jitter: 0 })),
      'growing()': ofBackoff(growing()),
      'an order, as it is followed': asDecided('order'),
      'a charge, as it is asked about': asDecided('charge'),
    }).map(([name, schedule]) => {
      const times = crowd(schedule)
        .flat()
        .sort((a, b) => a - b);
      return [name, ...spans.map(([from, to]) => String(worstSecond(times.filter(s => s >= from && s < to))))];
    }),
  );
}

function worstSecond(sorted: readonly number[]): number {
  let [most, first] = [0, 0];
  sorted.forEach((s, last) => {
    while (s - (sorted[first] ?? s) >= 1) first++;
    most = Math.max(most, last - first + 1);
  });
  return most;
}

/** Our schedule from eager to calm. */
const family = [0.16, 0.25, 0.4, 0.6, 0.8, 1, 1.4, 2, 3, 4.5, 7].map(scale =>
  growing({
    firstMs: 3000 * scale ** 0.7,
    baseMs: 2000 * scale,
    ratio: 0.13 * scale,
    easesAfterMs: 30_000,
    maxMs: 300_000,
  }),
);

function plot(
  limit: readonly Point[],
  ours: readonly [string, Measured][],
  others: readonly [string, Measured][],
): void {
  const inView = limit.filter(({ queries }) => queries >= 2 && queries < 40);
  const point = (name: string, { queries, meanS }: Measured, side: 'left' | 'right' = 'right') =>
    [queries, meanS, name, side] as const;
  const [schedule, , , charge] = ours;
  savePlot('frontier', {
    title: 'Status queries against latency',
    subtitle: '80 % settle around 6 s, 15 % around 90 s, 5 % never; deadline 900 s. Lower and further left is better.',
    x: { name: 'status queries per payment', log: true, min: 1, max: 50 },
    y: { name: 'mean seconds from settlement to its detection', log: true, min: 0.4, max: 100 },
    series: [
      { name: 'the limit', points: inView.map(({ queries, meanS }) => [queries, meanS]) },
      {
        name: 'growing(), from eager to calm',
        points: family.map(backoff => {
          const { queries, meanS } = measure(draw(ofBackoff(backoff), DRAWS), usual);
          return [queries, meanS];
        }),
      },
      {
        name: 'tillpaid’s default',
        as: 'points',
        points: [
          ...(schedule === undefined ? [] : [point('the default', schedule[1], 'left')]),
          ...(charge === undefined ? [] : [point('of a charge', charge[1])]),
        ],
      },
      { name: 'others', as: 'points', points: others.map(([name, row]) => point(name.replace(/ \(.*\)/, ''), row)) },
    ],
  });
}
