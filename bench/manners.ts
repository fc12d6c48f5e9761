import ky from 'ky';
import { circuit, createGateway, type Gateway, type Policy, type Ticket } from 'tillpaid';
import { seeded } from './chance.ts';
import { BenchClock } from './clock.ts';
import { modelAdapter, type ModelFields, type ModelRow } from './model.ts';
import { savePlot, type Series } from './plot.ts';
import { printTable } from './table.ts';

/**
 * A provider that is down for five minutes: it refuses connections, then answers 503, then answers nothing, while half
 * of what it is sent is booked. A thousand payments are open, and five new charges come each second. On a clock of the
 * bench’s own: runs differ by a few requests.
 */
const OPEN = 1000;
const PER_SECOND = 5;
const S = 1000;
/** Of the whole, and when the provider is down. */
const END_MS = 660 * S;
const DOWN_MS = { from: 120 * S, refuses503: 220 * S, hangs: 320 * S, until: 420 * S } as const;
const LATENCY_MS = 200;
const TIMEOUT_MS = 10 * S;
const PLAIN_POLL_MS = 5 * S;
/** Timers fall due in steps of this. */
const STEP_MS = 50;

/** The provider: what it has booked, and when it is asked. */
class Provider {
  /** When each order is paid, and how often it was booked. */
  readonly orders = new Map<string, { paidAtMs: number; bookings: number }>();
  /** Requests in each second. */
  readonly perSecond: number[] = Array.from({ length: END_MS / S + 1 }, () => 0);
  readonly #clock: BenchClock;
  readonly #chance = seeded(3);

  constructor(clock: BenchClock) {
    this.#clock = clock;
  }

  readonly fetch = async (request: Request): Promise<Response> => {
    const { order } = JSON.parse(await request.text()) as { order: string };
    const answer = await this.answer(order, request.url.endsWith('/query'), request.signal);
    return answer === undefined ? new Response('<html>', { status: 503 }) : Response.json(answer);
  };

  /** `undefined`: a 503. */
  async answer(order: string, isQuery: boolean, signal: AbortSignal): Promise<ModelRow | undefined> {
    const { nowMs } = this.#clock;
    const second = Math.floor(nowMs / S);
    this.perSecond[second] = (this.perSecond[second] ?? 0) + 1;
    const { from, refuses503, hangs, until } = DOWN_MS;
    if (nowMs < from || nowMs >= until) {
      if (!isQuery) this.#book(order);
      await this.#clock.wait(LATENCY_MS);
      return this.#say(order, isQuery);
    }
    await this.#clock.wait(20);
    if (nowMs < refuses503)
      throw Object.assign(new TypeError('fetch failed'), {
        cause: Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }),
      });
    if (nowMs < hangs) return undefined;
    if (!isQuery && this.#chance() < 0.5) this.#book(order);
    return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
  }

  #book(order: string): void {
    const known = this.orders.get(order);
    if (known !== undefined) {
      known.bookings++;
      return;
    }
    // Three of ten payers must confirm first.
    const paidAtMs = this.#clock.nowMs + (this.#chance() < 0.3 ? 4 * S + this.#chance() * 26 * S : 0);
    this.orders.set(order, { paidAtMs, bookings: 1 });
  }

  #say(order: string, isQuery: boolean): ModelRow {
    const known = this.orders.get(order);
    if (isQuery && known === undefined) return { order, state: 'none' };
    return { order, state: (known?.paidAtMs ?? 0) <= this.#clock.nowMs ? 'paid' : 'open' };
  }
}

/** Its requests are signed with the time, and good for a minute. */
const adapter = modelAdapter({ poll: { absentAfterMs: 60 * S } });

/** What a shop has been told of one payment. */
type Told = 'paid' | 'unsent' | 'rejected' | 'absent' | 'failed';

/** What came of one way to do it. */
class Shop {
  readonly told = new Map<string, Told>();
  /** When each payment that was open was known to be paid. */
  readonly knownAtMs = new Map<string, number>();
  unresolved = 0;
}

/** How a shop sends and follows. */
interface Way {
  readonly name: string;
  readonly charge: (order: string) => Promise<void>;
  readonly follow: (order: string) => Promise<void>;
}

type MakeWay = (clock: BenchClock, provider: Provider, shop: Shop) => Way;

/** What is written without a library: three tries of each request, and a question every five seconds. */
const plain: MakeWay = (clock, provider, shop) => {
  const ask = async (isQuery: boolean, order: string): Promise<string> => {
    for (let attempt = 1; ; attempt++) {
      const controller = new AbortController();
      const stop = clock.timer(TIMEOUT_MS, () => controller.abort(new Error('timeout')));
      try {
        const answer = await provider.answer(order, isQuery, controller.signal);
        if (answer === undefined) throw new Error('http');
        return answer.state;
      } catch (error) {
        if (attempt === 3) throw error;
      } finally {
        stop();
      }
      await clock.wait(300 * 2 ** (attempt - 1));
    }
  };
  const follow = async (order: string): Promise<void> => {
    for (;;) {
      await clock.wait(PLAIN_POLL_MS);
      const state = await ask(true, order).catch(() => 'down');
      if (state !== 'paid') continue;
      shop.told.set(order, 'paid');
      shop.knownAtMs.set(order, clock.nowMs);
      return;
    }
  };
  return {
    name: 'three tries, and asked every 5 s',
    follow,
    async charge(order) {
      const state = await ask(false, order).catch(() => 'down');
      if (state === 'open') return follow(order);
      shop.told.set(order, state === 'paid' ? 'paid' : 'failed');
    },
  };
};

const tillpaid =
  (name: string, policy: Policy): MakeWay =>
  (clock, provider, shop) => {
    const gateway: Gateway<ModelFields> = createGateway<ModelFields>({
      adapter,
      client: ky.create({ fetch: provider.fetch as typeof fetch }),
      fetchSendsOnce: true,
      clock,
      policy: { limit: { concurrency: 1000 }, attemptTimeoutMs: TIMEOUT_MS, ...policy },
    });
    const followed = async (ticket: Ticket): Promise<void> => {
      const [order = ''] = Object.values(ticket.reference);
      const { outcome } = await gateway.untilSettled(ticket, { policy: { poll: { deadlineMs: END_MS } } });
      if (outcome === 'succeeded') shop.told.set(order, 'paid');
      else if (outcome === 'absent') shop.told.set(order, 'absent');
      if (outcome === 'succeeded') shop.knownAtMs.set(order, clock.nowMs);
    };
    return {
      name,
      follow(order) {
        const ticket = gateway.ticketFor('payment.charge', { order, amount: 100 });
        const sentAt = new Date(clock.now()).toISOString();
        return followed({ ...ticket, seen: true, lastSentAt: sentAt });
      },
      async charge(order) {
        const { outcome, ticket } = await gateway.settle('payment.charge', { order, amount: 100 });
        if (outcome === 'unresolved') {
          shop.unresolved++;
          return followed(ticket);
        }
        shop.told.set(order, outcome === 'succeeded' ? 'paid' : (outcome as Told));
      },
    };
  };

interface Result {
  readonly name: string;
  readonly provider: Provider;
  readonly shop: Shop;
}

async function play(make: MakeWay): Promise<Result> {
  const clock = new BenchClock(STEP_MS);
  const provider = new Provider(clock);
  const shop = new Shop();
  const way = make(clock, provider, shop);
  const chance = seeded(11);
  for (let at = 0; at < OPEN; at++) {
    const order = `open-${at}`;
    // Opened in the minute before; paid while the provider is down.
    const beganAtMs = DOWN_MS.from - chance() * 60 * S;
    const paidAtMs = DOWN_MS.from + chance() * (DOWN_MS.until - DOWN_MS.from);
    provider.orders.set(order, { paidAtMs, bookings: 1 });
    clock.timer(beganAtMs, () => void way.follow(order).catch(() => undefined));
  }
  for (let at = 0; at < (END_MS / S) * PER_SECOND; at++)
    clock.timer((at * S) / PER_SECOND, () => void way.charge(`new-${at}`).catch(() => undefined));
  await clock.runUntil(END_MS);
  return { name: way.name, provider, shop };
}

const ways: readonly MakeWay[] = [
  plain,
  tillpaid('tillpaid without quota', { retry: { quota: false } }),
  tillpaid('tillpaid', {}),
  tillpaid('tillpaid with a circuit', { circuit: circuit() }),
];

export async function printManners(draws: boolean): Promise<void> {
  const results: Result[] = [];
  for (const way of ways) results.push(await play(way));
  console.log(
    `\nA provider that is down for five minutes, ${OPEN.toLocaleString('en')} open payments, ${PER_SECOND} new charges each second\n`,
  );
  const { from, refuses503, hangs, until } = DOWN_MS;
  const spans = {
    before: [0, from],
    refuses: [from, refuses503],
    'says 503': [refuses503, hangs],
    hangs: [hangs, until],
    back: [until, END_MS],
  } as const;
  printTable(
    ['requests a second, mean / peak', ...Object.keys(spans)],
    results.map(({ name, provider }) => [name, ...Object.values(spans).map(([a, b]) => load(provider, a, b))]),
  );
  console.log('\nWhat the shop was told of its charges, and of the open payments once the provider was back\n');
  printTable(
    [
      '',
      'charges paid',
      'not sent',
      'not there',
      'unresolved at first',
      'still open',
      'booked twice',
      'failed, yet paid',
      'open ones known after: p50 s',
      'all s',
    ],
    results.map(row),
  );
  if (draws) savePlot('manners', plotOf(results));
}

const load = ({ perSecond }: Provider, fromMs: number, untilMs: number): string => {
  const part = perSecond.slice(fromMs / S, untilMs / S);
  return `${(part.reduce((a, b) => a + b, 0) / part.length).toFixed(0)} / ${Math.max(...part)}`;
};

function row({ name, provider, shop }: Result): string[] {
  const charges = [...shop.told].filter(([order]) => order.startsWith('new-'));
  const count = (...told: Told[]): string => String(charges.filter(([, how]) => told.includes(how)).length);
  const all = (END_MS / S) * PER_SECOND;
  const twice = [...provider.orders.values()].filter(({ bookings }) => bookings > 1).length;
  const wrong = charges.filter(([order, how]) => how !== 'paid' && provider.orders.has(order)).length;
  const late = [...shop.knownAtMs]
    .filter(([order, atMs]) => order.startsWith('open-') && atMs >= DOWN_MS.until)
    .map(([, atMs]) => (atMs - DOWN_MS.until) / S)
    .sort((a, b) => a - b);
  const known = [...shop.knownAtMs.keys()].filter(order => order.startsWith('open-')).length;
  return [
    name,
    count('paid'),
    count('unsent', 'rejected'),
    count('absent'),
    String(shop.unresolved),
    String(all - charges.length),
    String(twice),
    String(wrong),
    (late[Math.floor(late.length / 2)] ?? 0).toFixed(1),
    known === OPEN ? (late.at(-1) ?? 0).toFixed(1) : `${OPEN - known} not`,
  ];
}

const MEAN_OF_S = 5;

function plotOf(results: readonly Result[]): Parameters<typeof savePlot>[1] {
  const series = results.map(({ name, provider: { perSecond } }): Series => {
    const points: [number, number][] = [];
    for (let from = 60; from < END_MS / S; from += MEAN_OF_S) {
      const part = perSecond.slice(from, from + MEAN_OF_S);
      points.push([from - DOWN_MS.from / S, Math.max(1, part.reduce((a, b) => a + b, 0) / part.length)]);
    }
    return { name, points };
  });
  const { from, refuses503, hangs, until } = DOWN_MS;
  const at = (ms: number): number => (ms - from) / S;
  return {
    title: 'Requests per second while a provider is down',
    subtitle: `${OPEN.toLocaleString('en')} payments are open, ${PER_SECOND} new charges come each second. Means of ${MEAN_OF_S} seconds.`,
    x: { name: 'seconds since the outage began', min: -60, max: at(END_MS) },
    y: { name: 'requests per second', log: true, min: 1 },
    series,
    spans: [
      { name: 'refuses connections', from: 0, to: at(refuses503) },
      { name: 'answers 503', from: at(refuses503), to: at(hangs) },
      { name: 'answers nothing', from: at(hangs), to: at(until) },
    ],
  };
}
