import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import axios from 'axios';
import axiosRetry from 'axios-retry';
import { ExponentialBackoff, handleWhen, retry } from 'cockatiel';
import got from 'got';
import ky from 'ky';
import pRetry, { AbortError } from 'p-retry';
import { createGateway, declined, defineAdapter, pollRequired, retryable, steps, succeeded, text, textUpTo, type Adapter, type Fields } from '../../src/index.ts';
import { idOf, textOf } from '../../src/exchange.ts';
import { deliveredLate, slowed } from '../../src/testing/faults.ts';
import { always, isCut, simulateGateway, type Fault, type FaultName, type Life, type Simulator, type Voice } from '../../src/testing/index.ts';
import { dice } from './dice.ts';
import { draw, type FaultPlan } from './weather.ts';
import type { Provider, Scene } from './providers.ts';

/*
 * What other clients make of the same weather. Each is set up as its README suggests for a POST that should survive a bad network,
 * and a merchant reads it as they do: a promise that resolves is a payment, one that rejects is none.
 *
 * The gateway is made up, and stands behind a real HTTP server: POST /payments takes the money in the call, and GET /payments/<order>
 * tells its state. It knows no second send of an order, but an `Idempotency-Key`. All times are a fiftieth of the storm's.
 */

const FASTER = 50;
const TIMEOUT_MS = 250;
const pause = (attempt: number): number => 6 * 2 ** (attempt - 1);

/** One payment through one client: resolves with what the merchant gets, or rejects. */
type Pay = (origin: string, order: string, key: string | undefined) => Promise<unknown>;

interface Peer {
  readonly name: string;
  readonly pay: Pay;
}

const AMOUNT = 1250;
const keyed = (key: string | undefined): Record<string, string> => (key === undefined ? {} : { 'idempotency-key': key });
const paid = (order: string): { order: string; amount: number } => ({ order, amount: AMOUNT });

/** `fetch` as one writes it around a retry library. */
async function post(origin: string, order: string, key: string | undefined): Promise<unknown> {
  const response = await fetch(`${origin}/payments`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...keyed(key) },
    body: JSON.stringify(paid(order)),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (response.status === 402) throw new AbortError('declined');
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  return response.json();
}

const axiosClient = axios.create({ timeout: TIMEOUT_MS });
axiosRetry(axiosClient, { retries: 3, retryDelay: pause });

const cockatiel = retry(handleWhen((error) => !(error instanceof AbortError)), { maxAttempts: 3, backoff: new ExponentialBackoff({ initialDelay: pause(1), maxDelay: 100 }) });

const peers: readonly Peer[] = [
  {
    name: 'ky 2, retry.methods: post',
    pay: (origin, order, key) =>
      ky.post(`${origin}/payments`, { json: paid(order), headers: keyed(key), timeout: TIMEOUT_MS, retry: { limit: 2, methods: ['post'], delay: pause } }).json(),
  },
  {
    name: 'got 14, retry.methods: POST',
    pay: (origin, order, key) =>
      got
        .post(`${origin}/payments`, {
          json: paid(order),
          headers: keyed(key),
          timeout: { request: TIMEOUT_MS },
          retry: { limit: 2, methods: ['POST'], calculateDelay: ({ attemptCount, computedValue }) => (computedValue === 0 ? 0 : pause(attemptCount)) },
        })
        .json(),
  },
  {
    name: 'axios 1 with axios-retry 4',
    pay: async (origin, order, key) => (await axiosClient.post<unknown>(`${origin}/payments`, paid(order), { headers: keyed(key) })).data,
  },
  {
    name: 'p-retry 9 around fetch',
    pay: (origin, order, key) => pRetry(() => post(origin, order, key), { retries: 3, minTimeout: pause(1), maxTimeout: 100 }),
  },
  { name: 'cockatiel 3 around fetch', pay: (origin, order, key) => cockatiel.execute(() => post(origin, order, key)) },
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
    read: ({ body }) => ({ names: [textOf(body, 'status') ?? ''].filter((name) => name !== ''), reference: { order: idOf(body, 'order') }, amount: idOf(body, 'amount') }),
    operations: {
      'payment.charge': {
        path: '/payments',
        required: { order: text, amount: { expects: 'an amount', accepts: Number.isSafeInteger } },
        codes: { ...refusals, paid: succeeded(), pending: pollRequired('processing'), declined: declined(), 'system-error': pollRequired('unknown-outcome') },
        reference: ['order'],
        sameReference: hasKeys ? 'replays' : 'unknown',
        ...(hasKeys && { idempotencyKey: { rememberedForMs: 86_400_000, header: 'idempotency-key' } }),
        query: { operation: 'payment.query', fields: ({ reference: { order } }) => (order === undefined ? undefined : { order }) },
        expect: ({ amount }) => ({ amount: String(amount) }),
      },
      'payment.query': {
        path: '/payments/{order}',
        method: 'GET',
        required: { order: textUpTo(64) },
        codes: { ...refusals, paid: succeeded(), pending: pollRequired('processing'), declined: declined(), 'not-found': pollRequired('not-found'), 'system-error': retryable('unavailable') },
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
    if (method === 'GET' && asked !== undefined) return { operation: 'payment.query', act: 'query', fields: {}, reference: asked };
    const fields = JSON.parse(body) as Fields;
    const idempotencyKey = headers.get('idempotency-key');
    return { operation: 'payment.charge', act: 'charge', fields, reference: String(fields['order']), amount: String(fields['amount']), ...(idempotencyKey !== null && { idempotencyKey }) };
  },
  say({ answer, entry }) {
    const status = answer === 'state' && entry !== undefined ? entry.state : answer;
    return { status: statuses[status] ?? 200, body: { status, ...(entry !== undefined && { order: entry.reference, amount: Number(entry.amount) }) } };
  },
});

const statuses: Readonly<Partial<Record<string, number>>> = { declined: 402, 'not-found': 404, 'rate-limited': 429, maintenance: 503, 'system-error': 500 };

/** What happens to one payment: the storm's own weather for a charge, in less time. */
function weatherOf(seed: number): { readonly life: Life; readonly onSend: readonly (FaultName | Fault)[]; readonly onQuery: readonly (FaultName | Fault)[] } {
  const { life, sends, queries } = draw(dice(seed), made, scene);
  const list = (plans: readonly FaultPlan[]): (FaultName | Fault)[] => plans.map(faultOf);
  // The storm's paths that stay down, and its replicas, would only tell apart those who ask from those who do not.
  return { life: life.map((step) => ({ ...step, ...(step.afterMs !== undefined && { afterMs: step.afterMs / FASTER }) })), onSend: list(sends.first), onQuery: list(queries.first) };
}

const scene: Scene = { operation: 'payment.charge', opens: 'charge', wants: 'paid', namesItsOrder: true, queryNamesItsOrder: true, fields: () => ({}) };
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

function faultOf({ fault, delayMs = 0 }: FaultPlan): FaultName | Fault {
  if (fault === 'delivered-late') return deliveredLate(delayMs / FASTER);
  // A proxy's copy is booked whoever the client is; another order's answer needs another order.
  const plain = fault.startsWith('delivered-twice') ? 'none' : fault === 'another-order' ? 'garbage' : fault;
  return delayMs === 0 ? plain : slowed(delayMs / FASTER, plain);
}

interface Row {
  readonly client: string;
  readonly payments: number;
  doubleCharges: number;
  failedThoughPaid: number;
  takenForPaid: number;
  unresolved: number;
  readonly requests: number;
}

/** One client against its own gateway. */
async function row(client: string, payments: number, hasKeys: boolean, pay: (origin: string, order: string) => Promise<'paid' | 'unresolved'>): Promise<Row> {
  const simulator = simulateGateway({ voice: tillVoice(hasKeys ? 'replays' : 'books-again') });
  const { origin, close } = await serve(simulator.fetch);
  const told = new Map<string, 'paid' | 'unresolved' | 'failed'>();
  let takenForPaid = 0;
  const one = async (seed: number): Promise<void> => {
    const order = `ORDER-${seed}`;
    const { life, onSend, onQuery } = weatherOf(seed);
    simulator.script(order, { life, onSend: [...onSend, always('none')], onQuery: [...onQuery, always('none')] });
    const outcome = await pay(origin, order).catch(() => 'failed' as const);
    told.set(order, outcome);
    if (outcome === 'paid' && simulator.ledger.payment(order)?.state !== 'paid') takenForPaid++;
  };
  let next = 1;
  const queue = async (): Promise<void> => {
    for (let seed = next++; seed <= payments; seed = next++) await one(seed);
  };
  await Promise.all(Array.from({ length: 40 }, queue));
  // The last late request and the last slow payment.
  await new Promise((resolve) => void setTimeout(resolve, 225_000 / FASTER));
  const found: Row = { client, payments, doubleCharges: 0, failedThoughPaid: 0, takenForPaid, unresolved: 0, requests: simulator.requests.length };
  for (const { reference, state, bookings } of simulator.ledger.entries) {
    if (bookings > 1) found.doubleCharges++;
    if (state === 'paid' && told.get(reference) === 'failed') found.failedThoughPaid++;
  }
  found.unresolved = [...told.values()].filter((outcome) => outcome === 'unresolved').length;
  await close();
  return found;
}

const policy = {
  retry: { attempts: 3, backoff: steps([pause(1), pause(2)]) },
  poll: { backoff: steps([20, 30, 50, 80, 120, 200, 400, 800]), deadlineMs: 6_000 },
  attemptTimeoutMs: TIMEOUT_MS,
};

function tillpaid(payments: number, hasKeys: boolean): Promise<Row> {
  return row(`tillpaid${hasKeys ? ', with a key' : ''}`, payments, hasKeys, async (origin, order) => {
    const gateway = createGateway({ adapter: till(origin, hasKeys), policy });
    const { outcome } = await gateway.settle('payment.charge', paid(order));
    if (outcome === 'succeeded') return 'paid';
    if (outcome === 'unresolved') return 'unresolved';
    throw new Error(outcome);
  });
}

function peer({ name, pay }: Peer, payments: number, hasKeys: boolean): Promise<Row> {
  return row(`${name}${hasKeys ? ', with a key' : ''}`, payments, hasKeys, async (origin, order) => {
    await pay(origin, order, hasKeys ? `key-${order}` : undefined);
    return 'paid';
  });
}

/** A table with a row for each client, and one more for each that carries an idempotency key. */
export async function comparePeers(payments: number): Promise<string> {
  const runs = [...peers.map((each) => (hasKeys: boolean, count: number) => peer(each, count, hasKeys)), (hasKeys: boolean, count: number) => tillpaid(count, hasKeys)];
  // What is compiled and connected the first time is nobody's fault.
  await Promise.all(runs.map((run) => run(false, 20)));
  const rows: Row[] = [];
  // One after the other: real time is short here, and they would take it from each other.
  for (const run of runs) rows.push(await run(false, payments), await run(true, payments));
  return table(rows);
}

const columns: readonly (readonly [string, (row: Row) => string | number])[] = [
  ['client', ({ client }) => client],
  ['payments', ({ payments }) => payments],
  ['double charges', ({ doubleCharges }) => doubleCharges],
  ['"failed" though paid', ({ failedThoughPaid }) => failedThoughPaid],
  ['pending taken for success', ({ takenForPaid }) => takenForPaid],
  ['unresolved, with a ticket', ({ unresolved }) => unresolved],
  ['requests', ({ requests }) => requests],
];

function table(rows: readonly Row[]): string {
  const lines = [columns.map(([title]) => title), ...rows.map((each) => columns.map(([, cell]) => String(cell(each))))];
  const widths = columns.map((_column, index) => Math.max(...lines.map((line) => line[index]?.length ?? 0)));
  return lines
    .map((line) => line.map((cell, index) => (index === 0 ? cell.padEnd(widths[index] ?? 0) : cell.padStart(widths[index] ?? 0))).join('   '))
    .join('\n');
}

/** The simulator behind a real HTTP server, broken connections included. */
async function serve(handle: Simulator['fetch']): Promise<{ origin: string; close: () => Promise<void> }> {
  const answer = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const gone = new AbortController();
    outgoing.on('close', () => gone.abort());
    try {
      const response = await handle(await requestOf(incoming, gone.signal));
      outgoing.writeHead(response.status, Object.fromEntries(response.headers)).flushHeaders();
      for await (const bytes of response.body ?? []) outgoing.write(bytes);
      outgoing.end();
    } catch (error) {
      if (gone.signal.aborted) return;
      if (!isCut(error)) throw error;
      if (outgoing.headersSent) outgoing.destroy();
      else incoming.socket.resetAndDestroy();
    }
  };
  const server = createServer((incoming, outgoing) => void answer(incoming, outgoing));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close };
}

async function requestOf(incoming: IncomingMessage, signal: AbortSignal): Promise<Request> {
  const { method = 'GET', url = '/', headers } = incoming;
  const chunks: Uint8Array[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Uint8Array);
  const named = Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)]);
  const body = method === 'GET' ? {} : { body: Buffer.concat(chunks) };
  return new Request(new URL(url, `http://${headers.host ?? '127.0.0.1'}`), { method, headers: named, signal, redirect: 'manual', ...body });
}
