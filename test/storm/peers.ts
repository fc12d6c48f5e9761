import { monitorEventLoopDelay } from 'node:perf_hooks';
import axios from 'axios';
import axiosRetry, { exponentialDelay, isNetworkError, isRetryableError, type IAxiosRetryConfig } from 'axios-retry';
import { ExponentialBackoff, handleWhen, retry } from 'cockatiel';
import got from 'got';
import ky from 'ky';
import pRetry from 'p-retry';
import { createGateway, defineAdapter, type Adapter, type Fields } from '../../src/index.ts';
import { declined, pollRequired, refunded, retryable, succeeded, text, textUpTo } from '../../src/kit/index.ts';
import { idOf, textOf } from '../../src/kit/readers.ts';
import {
  always,
  anothersAnswer,
  deliveredLate,
  lagging,
  simulateGateway,
  slowed,
  withRetryAfter,
  type Fault,
  type FaultList,
  type FaultName,
  type LedgerEntry,
  type Script,
  type Simulator,
  type Voice,
} from '../../src/testing/index.ts';
import { serveSimulator } from '../../src/serve/index.ts';
import { dice } from './dice.ts';
import type { Provider, Scene } from './providers.ts';
import { draw, type FaultPlan, type Trouble } from './weather.ts';

/*
 * What other clients make of the same weather. Each is set up as its README says for a POST that should survive a bad
 * network, with its own default waits and ten seconds for an answer. A merchant reads it as its README does: a promise
 * that resolves is a payment, one that rejects is none.
 *
 * The gateway is made up, and stands behind a real HTTP server: POST /payments takes the money in the call, and GET
 * /payments/<order> tells its state. It knows no second send of an order, but an `Idempotency-Key`. All rows run side
 * by side, each against a gateway of its own, in a process whose clock runs fifty times as fast.
 */

const FASTER = 50;
/**
 * In the storm's time, as everything below. The default of ky and of tillpaid; got, axios and fetch wait for ever if
 * they are not told.
 */
const TIMEOUT_MS = 10_000;
/** A row begins a payment so often. All rows together then keep one core busy for less than half of the time. */
const SPACING_MS = 10_000;
/** Payments of each row on a clear day, which show that nothing here is slower than the weather asks. */
const CLEAR_DAY_PAYMENTS = 20;

type Said = 'paid' | 'unresolved';

interface Client {
  readonly name: string;
  /** Once for a gateway. The payment resolves with what the merchant reads from it, or rejects. */
  readonly open: (origin: string, hasKeys: boolean) => (order: string) => Promise<Said>;
}

type HeaderFields = Readonly<Record<string, string>>;

const AMOUNT = 1250;
const paid = (order: string): { order: string; amount: number } => ({ order, amount: AMOUNT });
const keyed = (key: string | undefined): HeaderFields => (key === undefined ? {} : { 'idempotency-key': key });

/** A client that knows of success and failure. */
const peer = (name: string, pay: (url: string, order: string, headers: HeaderFields) => Promise<unknown>): Client => ({
  name,
  open: (origin, hasKeys) => async order => {
    await pay(`${origin}/payments`, order, keyed(hasKeys ? `key-${order}` : undefined));
    return 'paid';
  },
});

class DeclinedError extends Error {}
const isWorthARetry = (error: Error): boolean => !(error instanceof DeclinedError);

/** `fetch` as one writes it around a retry library. */
async function post(url: string, order: string, headers: HeaderFields): Promise<unknown> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(paid(order)),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (response.status === 402) throw new DeclinedError();
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  return response.json();
}

/**
 * https://github.com/softonic/axios-retry#usage. By itself it sends a POST again after a network error, but not after a
 * 5xx.
 */
function axiosPeer(name: string, options: IAxiosRetryConfig): Client {
  const client = axios.create({ timeout: TIMEOUT_MS });
  axiosRetry(client, { retries: 3, retryDelay: exponentialDelay, ...options });
  return peer(name, (url, order, headers) => client.post(url, paid(order), { headers }));
}

/** https://github.com/connor4312/cockatiel#cockatiel */
const cockatiel = retry(handleWhen(isWorthARetry), { maxAttempts: 3, backoff: new ExponentialBackoff() });

const clients: readonly Client[] = [
  // https://github.com/sindresorhus/ky#retry. Twice by default; a timeout only if asked to.
  peer('ky 2, retry.methods: post', (url, order, headers) =>
    ky.post(url, { json: paid(order), headers, timeout: TIMEOUT_MS, retry: { methods: ['post'] } }).json(),
  ),
  peer('ky 2, retryOnTimeout too', (url, order, headers) =>
    ky
      .post(url, {
        json: paid(order),
        headers,
        timeout: TIMEOUT_MS,
        retry: { methods: ['post'], retryOnTimeout: true },
      })
      .json(),
  ),
  // https://github.com/sindresorhus/got/blob/main/documentation/7-retry.md. Twice by default, timeouts included.
  peer('got 14, retry.methods: POST', (url, order, headers) =>
    got
      .post(url, { json: paid(order), headers, timeout: { request: TIMEOUT_MS }, retry: { methods: ['POST'] } })
      .json(),
  ),
  axiosPeer('axios 1 with axios-retry 4', {}),
  axiosPeer('axios 1 with axios-retry 4, 5xx too', {
    retryCondition: error => isNetworkError(error) || isRetryableError(error),
  }),
  // https://github.com/sindresorhus/p-retry#usage
  peer('p-retry 9 around fetch', (...request) =>
    pRetry(() => post(...request), { retries: 5, shouldRetry: ({ error }) => isWorthARetry(error) }),
  ),
  peer('cockatiel 3 around fetch', (...request) => cockatiel.execute(() => post(...request))),
  {
    // With the policy that it has by itself.
    name: 'tillpaid',
    open(origin, hasKeys) {
      const gateway = createGateway({ adapter: till(origin, hasKeys) });
      return async order => {
        const { outcome } = await gateway.settle('payment.charge', paid(order));
        if (outcome === 'succeeded') return 'paid';
        if (outcome === 'unresolved') return 'unresolved';
        throw new Error(outcome);
      };
    },
  },
];

interface TillFields {
  'payment.charge': { order: string; amount: number };
  'payment.query': { order: string };
}

function till(origin: string, hasKeys: boolean): Adapter<TillFields> {
  const refusals = { 'rate-limited': retryable('rate-limited'), maintenance: retryable('maintenance') };
  return defineAdapter<TillFields>({
    name: 'till',
    account: 'storm',
    environment: 'sandbox',
    baseUrl: origin,
    encodings: ['json'],
    read: ({ body }) => ({
      names: [textOf(body, 'status') ?? ''].filter(name => name !== ''),
      reference: { order: idOf(body, 'order') },
      amount: idOf(body, 'amount'),
    }),
    operations: {
      'payment.charge': {
        path: '/payments',
        required: { order: text, amount: { expects: 'an amount', accepts: Number.isSafeInteger } },
        codes: {
          ...refusals,
          paid: succeeded(),
          pending: pollRequired('processing'),
          declined: declined(),
          refunded: refunded(),
          'system-error': pollRequired('unknown-outcome'),
        },
        reference: ['order'],
        sameReference: hasKeys ? 'replays' : 'unknown',
        ...(hasKeys && { idempotencyKey: { rememberedForMs: 86_400_000, header: 'idempotency-key' } }),
        query: {
          operation: 'payment.query',
          fields: ({ reference: { order } }) => (order === undefined ? undefined : { order }),
        },
        expect: ({ amount }) => ({ amount: String(amount) }),
      },
      'payment.query': {
        path: '/payments/{order}',
        method: 'GET',
        required: { order: textUpTo(64) },
        codes: {
          ...refusals,
          paid: succeeded(),
          pending: pollRequired('processing'),
          declined: declined(),
          refunded: refunded(),
          'not-found': pollRequired('not-found'),
          'system-error': retryable('unavailable'),
        },
        reference: { order: 'order' },
      },
    },
    ...(hasKeys && { headers: ({ idempotencyKey }) => keyed(idempotencyKey) }),
  });
}

const tillVoice = (sameReference: Voice['sameReference']): Voice => ({
  gateway: 'till',
  sameReference,
  hear({ method, url, headers, body }) {
    const [, asked] = /^\/payments\/(.+)$/.exec(url.pathname) ?? [];
    if (method === 'GET' && asked !== undefined)
      return { operation: 'payment.query', act: 'query', fields: {}, reference: asked };
    const fields = JSON.parse(body) as Fields;
    const idempotencyKey = headers.get('idempotency-key');
    return {
      operation: 'payment.charge',
      act: 'charge',
      fields,
      reference: String(fields['order']),
      amount: String(fields['amount']),
      ...(idempotencyKey !== null && { idempotencyKey }),
    };
  },
  say({ answer, entry }) {
    const status = answer === 'state' && entry !== undefined ? entry.state : answer;
    return {
      status: statuses[status] ?? 200,
      body: { status, ...(entry !== undefined && { order: entry.reference, amount: Number(entry.amount) }) },
    };
  },
});

const statuses: Readonly<Partial<Record<string, number>>> = {
  declined: 402,
  'not-found': 404,
  'rate-limited': 429,
  maintenance: 503,
  'system-error': 500,
};

interface Forecast {
  /** What happens to one payment. */
  readonly scriptOf: (seed: number, simulator: Simulator) => Script;
  /** After the last payment was told: until the latest request has arrived, and the slowest payment has ended. */
  readonly settlesWithinMs: number;
}

const clearDay: Forecast = { scriptOf: () => ({}), settlesWithinMs: 0 };

/** The storm's own weather for a charge. */
const storm: Forecast = {
  scriptOf(seed, { ledger }) {
    const { life, sends, queries, lagMs } = draw(dice(seed), made, scene);
    const replica = lagging(lagMs, () => ledger.payment(orderOf(seed))?.openedAtMs);
    const list = ({ first, then }: Trouble, calm: FaultName | Fault): FaultList => [
      ...first.map(plan => faultOf(plan, calm)),
      always(faultOf(then, calm)),
    ];
    return { life, onSend: list(sends, 'none'), onQuery: list(queries, replica) };
  },
  settlesWithinMs: 400_000,
};

const orderOf = (seed: number): string => `ORDER-${seed}`;

const scene: Scene = {
  operation: 'payment.charge',
  opens: 'charge',
  wants: 'paid',
  namesItsOrder: true,
  queryNamesItsOrder: true,
  fields: () => ({}),
};
const made: Provider = {
  name: 'till',
  weight: 1,
  skewMs: 0,
  mayBookAgain: false,
  scenes: { charge: scene },
  open: () => {
    throw new Error('It is opened here.');
  },
};

const anotherOrder = anothersAnswer(() => Response.json({ ...paid('ORDER-0'), status: 'paid' }));

/** ky waits for as long as it is told, and the storm may tell it to wait for a day. */
const LONGEST_RETRY_AFTER_S = 90;

function faultOf({ fault, delayMs, retryAfter }: FaultPlan, calm: FaultName | Fault): FaultName | Fault {
  if (fault === 'delivered-late') return deliveredLate(delayMs ?? 0);
  // A proxy's copy is booked whoever the client is. What never leaves in the storm is a reset here: a real server is
  // always reached.
  let found =
    fault === 'another-order'
      ? anotherOrder
      : fault === 'none' || fault.startsWith('delivered-twice')
        ? calm
        : (fault as FaultName);
  if (delayMs !== undefined) found = slowed(delayMs, found);
  if (retryAfter === undefined) return found;
  const seconds = Math.min(retryAfter.seconds, LONGEST_RETRY_AFTER_S);
  return withRetryAfter(
    retryAfter.as === 'seconds' ? String(seconds) : nowMs => new Date(nowMs + seconds * 1000).toUTCString(),
    found,
  );
}

interface Row {
  readonly client: string;
  readonly payments: number;
  readonly doubleCharges: number;
  readonly failedThoughPaid: number;
  readonly takenForPaid: number;
  readonly unresolved: number;
  /** Of these. Whoever asks with the ticket now is told. */
  readonly decidedSince: number;
  readonly requests: number;
}

/**
 * One client against its own gateway. A payment begins when it is its turn, whether the ones before have ended or not.
 * What is returned then counts, and is to be called when everything late has arrived.
 */
async function row(
  { name, open }: Client,
  hasKeys: boolean,
  payments: number,
  scriptOf: Forecast['scriptOf'],
): Promise<() => Promise<Row>> {
  const simulator = simulateGateway({ voice: tillVoice(hasKeys ? 'replays' : 'books-again') });
  const served = await serveSimulator({ simulated: simulator });
  const pay = open(served.url, hasKeys);
  const told = new Map<string, Said | 'failed'>();
  let takenForPaid = 0;
  const one = async (seed: number): Promise<void> => {
    await wait(seed * SPACING_MS);
    const order = orderOf(seed);
    simulator.script(order, scriptOf(seed, simulator));
    const said = await pay(order).catch(() => 'failed' as const);
    told.set(order, said);
    // One that was paid may have been refunded since.
    if (said === 'paid' && (simulator.ledger.payment(order)?.bookings ?? 0) === 0) takenForPaid++;
  };
  await Promise.all(Array.from({ length: payments }, (_, index) => one(index + 1)));
  return async () => {
    await served.close();
    const { entries } = simulator.ledger;
    const isTold =
      (said: Said | 'failed', ...states: readonly string[]) =>
      ({ reference, state }: LedgerEntry): boolean =>
        told.get(reference) === said && states.includes(state);
    return {
      client: `${name}${hasKeys ? ', with a key' : ''}`,
      payments,
      doubleCharges: entries.filter(({ bookings }) => bookings > 1).length,
      failedThoughPaid: entries.filter(isTold('failed', 'paid')).length,
      takenForPaid,
      unresolved: [...told.values()].filter(said => said === 'unresolved').length,
      decidedSince: entries.filter(isTold('unresolved', 'paid', 'declined', 'refunded')).length,
      requests: simulator.requests.length,
    };
  };
}

const wait = (delayMs: number): Promise<void> => new Promise(resolve => void setTimeout(resolve, delayMs));

interface Comparison {
  readonly rows: readonly Row[];
  /** How long this process let a timer or an answer wait, at most. */
  readonly lateMs: number;
}

/** All clients at once, without a key and with one, each a moment after the other. */
async function compare(payments: number, { scriptOf, settlesWithinMs }: Forecast): Promise<Comparison> {
  const lateness = monitorEventLoopDelay({ resolution: 5 });
  lateness.enable();
  const runs = clients.flatMap(client =>
    [false, true].map(hasKeys => (): ReturnType<typeof row> => row(client, hasKeys, payments, scriptOf)),
  );
  const counts = await Promise.all(
    runs.map(async (run, index) => (await wait((index * SPACING_MS) / runs.length), run())),
  );
  lateness.disable();
  await wait(settlesWithinMs);
  return { rows: await Promise.all(counts.map(count => count())), lateMs: Math.round(lateness.max / 1e6) };
}

/** A table with a row for each client, and one more for each that carries an idempotency key. */
export async function comparePeers(payments: number): Promise<string> {
  const slowDown = hasten();
  try {
    // What is compiled and connected the first time is nobody's fault.
    await compare(1, clearDay);
    const { rows: clear } = await compare(CLEAR_DAY_PAYMENTS, clearDay);
    const disturbed = clear.find(
      row => row.requests !== CLEAR_DAY_PAYMENTS || row.failedThoughPaid + row.takenForPaid + row.unresolved > 0,
    );
    if (disturbed !== undefined)
      throw new Error(
        `This machine is too busy: without a fault, not every payment by ${disturbed.client} ended with its first send.`,
      );
    const { rows, lateMs } = await compare(payments, storm);
    const waitMs = TIMEOUT_MS / FASTER;
    return `${table(rows)}\n\nThis process was at most ${lateMs} ms late; clients wait ${waitMs} ms for an answer.${lateMs < waitMs ? '' : ' Some of their timeouts may be its own.'}`;
  } finally {
    slowDown();
  }
}

/** From now on this process's clock runs faster; what is returned ends it. */
function hasten(): () => void {
  const { setTimeout } = globalThis;
  const now = Date.now.bind(Date);
  const timeout = AbortSignal.timeout.bind(AbortSignal);
  const beganAtMs = now();
  Object.assign(globalThis, {
    setTimeout: (callback: (...rest: unknown[]) => void, delayMs = 0, ...rest: unknown[]) =>
      setTimeout(callback, delayMs / FASTER, ...rest),
  });
  Date.now = () => beganAtMs + Math.round((now() - beganAtMs) * FASTER);
  AbortSignal.timeout = delayMs => timeout(Math.ceil(delayMs / FASTER));
  return () => {
    Object.assign(globalThis, { setTimeout });
    Date.now = now;
    AbortSignal.timeout = timeout;
  };
}

const columns: readonly (readonly [string, (row: Row) => string | number])[] = [
  ['client', ({ client }) => client],
  ['payments', ({ payments }) => payments],
  ['double charges', ({ doubleCharges }) => doubleCharges],
  ['"failed" though paid', ({ failedThoughPaid }) => failedThoughPaid],
  ['pending taken for success', ({ takenForPaid }) => takenForPaid],
  ['unresolved, with a ticket', ({ unresolved }) => unresolved],
  ['of these decided since', ({ decidedSince }) => decidedSince],
  ['requests', ({ requests }) => requests],
];

function table(rows: readonly Row[]): string {
  const lines = [columns.map(([title]) => title), ...rows.map(each => columns.map(([, cell]) => String(cell(each))))];
  const widths = columns.map((_column, index) => Math.max(...lines.map(line => line[index]?.length ?? 0)));
  return lines
    .map(line =>
      line
        .map((cell, index) => (index === 0 ? cell.padEnd(widths[index] ?? 0) : cell.padStart(widths[index] ?? 0)))
        .join('   '),
    )
    .join('\n');
}
