import ky from 'ky';
import { createGateway, type Gateway, type PollPolicy } from 'tillpaid';
import { drawing, seeded } from './chance.ts';
import { BenchClock } from './clock.ts';
import { usual } from './frontier-mix.ts';
import { modelAdapter, type ModelFields, type ModelRow } from './model.ts';
import { savePlot } from './plot.ts';
import { printTable } from './table.ts';

/**
 * Requests per settled payment where about a thousand are open all the time: as many are opened as end. A model gateway
 * on a manual clock answers about one order, or about many; the payments settle as in the mix of the frontier: 80 %
 * around 6 s, 15 % around 90 s, 5 % never, followed for four minutes.
 */
const OPENED_PER_S = 29;
const FOLLOWED_MS = 240_000;
/** By then as many are open as there ever are. */
const WARM_MS = FOLLOWED_MS;
const MEASURED_MS = 60_000;
/** From the request to its answer. */
const AWAY_MS = 80;
/** Timers fall due in steps of this. */
const STEP_MS = 10;

interface Variant {
  readonly name: string;
  readonly batch: NonNullable<PollPolicy['batch']>;
  /** Of a hundred orders, so many have no row in a list. */
  readonly unlistedPercent?: number;
}

const variants: readonly Variant[] = [
  { name: 'each alone (the default)', batch: false },
  { name: 'together, windowMs 100', batch: { windowMs: 100 } },
  { name: 'together, windowMs 250 (`batch: true`)', batch: true },
  { name: 'together, windowMs 1000', batch: { windowMs: 1000 } },
  { name: '… 250, and 10 % of the orders are in no list', batch: true, unlistedPercent: 10 },
];

interface Measured {
  readonly requests: number;
  /** How many orders the requests were about. */
  readonly asked: number;
  readonly settled: number;
  readonly open: number;
  readonly latenciesMs: readonly number[];
}

export async function printBatch(draws = false): Promise<void> {
  const measured: (Measured & { readonly name: string })[] = [];
  for (const variant of variants) measured.push({ name: variant.name, ...(await measure(variant)) });
  console.log(
    `\nRequests per settled payment, about ${Math.round(measured[0]?.open ?? 0)} open at any time, and seconds from settlement to its detection (${MEASURED_MS / 1000} s, manual clock)\n`,
  );
  const head = ['', 'requests / settled', 'requests / s', 'orders / request', 'mean s', 'p95 s'];
  printTable(
    head,
    measured.map(({ name, requests, asked, settled, latenciesMs }) => [
      name,
      (requests / settled).toFixed(2),
      (requests / (MEASURED_MS / 1000)).toFixed(1),
      (asked / requests).toFixed(1),
      (meanOf(latenciesMs) / 1000).toFixed(2),
      ((latenciesMs[Math.floor(0.95 * latenciesMs.length)] ?? Number.NaN) / 1000).toFixed(2),
    ]),
  );
  if (draws) draw(measured);
}

function draw(measured: readonly (Measured & { readonly name: string })[]): void {
  const labels = ['each alone', 'windowMs 100', 'windowMs 250', 'windowMs 1000', '250, 10 % in no list'];
  savePlot('batch', {
    title: 'What one request for many payments saves, and what it costs',
    subtitle: 'A thousand open payments: requests for each that settles, against how late its settlement is seen',
    x: { name: 'requests per settled payment', min: 0 },
    y: { name: 'mean latency, seconds', min: 0 },
    series: measured.map(({ requests, settled, latenciesMs }, index) => ({
      name: labels[index] ?? '',
      as: 'points',
      points: [[requests / settled, meanOf(latenciesMs) / 1000]],
    })),
  });
}

const meanOf = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0) / numbers.length;

async function measure({ batch, unlistedPercent = 0 }: Variant): Promise<Measured> {
  const clock = new BenchClock(STEP_MS);
  const beginMs = clock.now() + WARM_MS;
  const endMs = beginMs + MEASURED_MS;
  const isMeasured = (): boolean => clock.now() >= beginMs && clock.now() < endMs;
  const shop = { clock, settlesAtMs: new Map<string, number>(), unlistedPercent };
  let [requests, asked, open] = [0, 0, 0];
  const gateway = model(shop, batch, orders => {
    if (!isMeasured()) return;
    requests++;
    asked += orders;
  });
  // What asks about many loads on its own time.
  await new Promise(resolve => void setTimeout(resolve, 20));
  const latenciesMs: number[] = [];
  const settlesAfterMs = drawing(usual, seeded(7));
  const ended = new AbortController();
  const begin = (number: number): void => {
    const order = `${number}`;
    const atMs = clock.now() + settlesAfterMs();
    shop.settlesAtMs.set(order, atMs);
    open++;
    gateway
      .untilSettled(gateway.ticketFor('payment.create', { order }), { signal: ended.signal })
      .then(({ outcome }) => {
        open--;
        shop.settlesAtMs.delete(order);
        if (outcome === 'succeeded' && isMeasured()) latenciesMs.push(clock.now() - atMs);
      })
      .catch(() => undefined);
    if (clock.now() < endMs) clock.timer((1000 * number) / OPENED_PER_S - clock.nowMs, () => begin(number + 1));
  };
  begin(1);
  await clock.runUntil(WARM_MS + MEASURED_MS);
  const openAtEnd = open;
  ended.abort('measured');
  latenciesMs.sort((a, b) => a - b);
  return { requests, asked, settled: latenciesMs.length, open: openAtEnd, latenciesMs };
}

interface Shop {
  readonly clock: BenchClock;
  readonly settlesAtMs: ReadonlyMap<string, number>;
  readonly unlistedPercent: number;
}

/** A gateway that knows when each order is paid, and says so to whoever asks. */
function model(
  { clock, settlesAtMs, unlistedPercent }: Shop,
  batch: Variant['batch'],
  onAsked: (orders: number) => void,
): Gateway<ModelFields> {
  const rowOf = (order: string): ModelRow => ({
    order,
    state: (settlesAtMs.get(order) ?? Infinity) <= clock.now() ? 'paid' : 'open',
  });
  const isListed = (order: string): boolean => Number(order) % 100 >= unlistedPercent;
  const fetch = async (request: Request): Promise<Response> => {
    const orders = ((await request.json()) as { order: string }).order.split(',');
    onAsked(orders.length);
    await clock.wait(AWAY_MS);
    return Response.json(
      orders.length === 1 ? rowOf(orders[0] ?? '') : { rows: orders.filter(isListed).map(rowOf), more: false },
    );
  };
  return createGateway<ModelFields>({
    adapter: modelAdapter(),
    client: ky.create({ fetch: fetch as typeof globalThis.fetch }),
    clock,
    policy: { poll: { deadlineMs: FOLLOWED_MS, batch }, limit: { concurrency: 1000 } },
  });
}
