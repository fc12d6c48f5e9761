import ky from 'ky';
import { createGateway, type Gateway, type LimitPolicy, type Ticket } from 'tillpaid';
import { seeded } from './chance.ts';
import { BenchClock } from './clock.ts';
import { modelAdapter, type ModelFields, type ModelRow } from './model.ts';
import { printTable } from './table.ts';

/**
 * A thousand at once: orders that are made within one second, or tickets that a process takes up after a restart. All of
 * them stay open. Meanwhile somebody comes to the till each second, and is charged. On a clock of the bench’s own.
 */
const MANY = 1000;
const S = 1000;
const LATENCY_MS = 200;
/** At least so long, and until all were asked about once. */
const AT_LEAST_MS = 30 * S;
const AT_MOST_MS = 900 * S;
/** Of the tickets after a restart, the oldest was made so long ago. */
const OLDEST_MS = 600 * S;
/** Timers fall due in steps of this. */
const STEP_MS = 10;

interface Way {
  readonly name: string;
  readonly limit: LimitPolicy;
  readonly batch?: boolean;
  /** The till’s part, where it has a gateway object of its own. */
  readonly till?: LimitPolicy;
}

/** As QFPay allows. */
const allowed = { perSecond: 100, perMinute: 400 };
const ways: readonly Way[] = [
  { name: 'no limit, 1,000 on the wire', limit: { concurrency: 1000 } },
  { name: 'no limit (32 on the wire)', limit: {} },
  { name: '100 a second', limit: { perSecond: 100 } },
  { name: '100 a second, 400 a minute', limit: allowed },
  { name: '… and `batch: true`', limit: allowed, batch: true },
  {
    name: '… in two parts, one for the till',
    limit: { perSecond: 75, perMinute: 300 },
    till: { perSecond: 25, perMinute: 100 },
  },
];

/** The gateway, and what has reached it when. */
class Counter {
  readonly reachedMs: number[] = [];
  readonly asked = new Set<string>();
  /** How long each charge at the till waited. */
  readonly waitedMs: number[] = [];
  readonly #clock: BenchClock;
  readonly #cameMs = new Map<string, number>();
  #allAskedMs: number | undefined;

  constructor(clock: BenchClock) {
    this.#clock = clock;
  }

  /** Somebody is to be charged. */
  comes(order: string): void {
    this.#cameMs.set(order, this.#clock.nowMs);
  }

  /** When the last of the many was asked about for the first time. */
  get allAskedMs(): number | undefined {
    return this.#allAskedMs;
  }

  /** Since when those wait who have not been charged. */
  get stillWaiting(): number[] {
    return [...this.#cameMs.values()].map(cameMs => this.#clock.nowMs - cameMs);
  }

  readonly fetch = async (request: Request): Promise<Response> => {
    const { order } = JSON.parse(await request.text()) as { order: string };
    const { nowMs } = this.#clock;
    this.reachedMs.push(nowMs);
    const orders = order.split(',');
    if (request.url.endsWith('/query') && order.startsWith('many-')) {
      for (const each of orders) this.asked.add(each);
      if (this.asked.size === MANY) this.#allAskedMs ??= nowMs;
    }
    const cameMs = this.#cameMs.get(order);
    if (cameMs !== undefined) this.waitedMs.push(nowMs - cameMs);
    this.#cameMs.delete(order);
    await this.#clock.wait(LATENCY_MS);
    const isOrder = request.url.endsWith('/create');
    const state = order.startsWith('till-') ? 'paid' : isOrder ? 'created' : 'open';
    const [row, ...others] = orders.map((each): ModelRow => ({ order: each, state }));
    return Response.json(others.length === 0 ? row : { rows: [row, ...others], more: false });
  };
}

type Begin = (gateway: Gateway<ModelFields>, clock: BenchClock, number: number) => void;

const ignore = (): void => undefined;

const herds: Readonly<Record<string, Begin>> = {
  'made within a second'(gateway, clock, number) {
    const follow = async (): Promise<unknown> => {
      const { ticket } = await gateway.settle('payment.create', { order: `many-${number}` });
      return gateway.untilSettled(ticket);
    };
    clock.timer((number * S) / MANY, () => void follow().catch(ignore));
  },
  'taken up after a restart'(gateway, clock, number) {
    const made: Ticket = gateway.ticketFor('payment.create', { order: `many-${number}` });
    const openedAt = new Date(clock.now() - (OLDEST_MS * number) / MANY).toISOString();
    void gateway.untilSettled({ ...made, seen: true, openedAt, lastSentAt: openedAt }).catch(ignore);
  },
};

async function play(begin: Begin, { limit, batch = false, till = limit }: Way): Promise<string[]> {
  const clock = new BenchClock(STEP_MS);
  const counter = new Counter(clock);
  const open = (its: LimitPolicy): Gateway<ModelFields> =>
    createGateway<ModelFields>({
      adapter: modelAdapter(),
      client: ky.create({ fetch: counter.fetch as typeof fetch }),
      fetchSendsOnce: true,
      clock,
      policy: { limit: its, poll: { batch, deadlineMs: AT_MOST_MS } },
    });
  const gateway = open(limit);
  const ofTheTill = till === limit ? gateway : open(till);
  // What asks about many loads on its own time.
  await new Promise(resolve => void setTimeout(resolve, 20));
  for (let number = 0; number < MANY; number++) begin(gateway, clock, number);
  const chance = seeded(5);
  for (let atMs = 0; atMs < AT_MOST_MS; atMs += S)
    clock.timer(atMs + chance() * S, () => {
      const order = `till-${atMs}`;
      counter.comes(order);
      void ofTheTill.settle('payment.charge', { order, amount: 100 }).catch(ignore);
    });
  let endMs = AT_LEAST_MS;
  await clock.runUntil(endMs);
  while (counter.allAskedMs === undefined && endMs < AT_MOST_MS) await clock.runUntil((endMs += S));
  const waited = [...counter.waitedMs, ...counter.stillWaiting].sort((a, b) => a - b);
  const at = (part: number): string => inSeconds(waited[Math.min(waited.length - 1, Math.floor(part * waited.length))]);
  return [
    ...[String(peakWithin(S, counter.reachedMs)), String(peakWithin(60 * S, counter.reachedMs))],
    ...[counter.allAskedMs === undefined ? `${counter.asked.size} were` : inSeconds(counter.allAskedMs)],
    ...[String(waited.length), at(0.5), at(0.95), at(1)],
  ];
}

const inSeconds = (ms = Number.NaN): string => (ms / S).toFixed(2);

/** The most in any span of so long; `timesMs` in order. */
function peakWithin(lengthMs: number, timesMs: readonly number[]): number {
  let [most, from] = [0, 0];
  for (const [index, atMs] of timesMs.entries()) {
    while ((timesMs[from] ?? atMs) <= atMs - lengthMs) from++;
    most = Math.max(most, index + 1 - from);
  }
  return most;
}

export async function printHerd(): Promise<void> {
  for (const [title, begin] of Object.entries(herds)) {
    console.log(`\n${MANY.toLocaleString('en')} open payments, ${title}: what reaches the gateway, and who waits\n`);
    const head = [
      'most in a second',
      'in a minute',
      'all asked after s',
      'charges',
      'waited p50 s',
      'p95 s',
      'longest',
    ];
    const lines: string[][] = [];
    for (const way of ways) lines.push([way.name, ...(await play(begin, way))]);
    printTable(['', ...head], lines);
  }
}
