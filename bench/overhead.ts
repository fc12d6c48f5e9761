import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import axios, { type AxiosInstance } from 'axios';
import axiosRetry from 'axios-retry';
import got, { type Got } from 'got';
import ky, { type KyInstance } from 'ky';
import { Readable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import { createGateway, type Exchange, type Policy } from 'tillpaid';
import { qfpay } from 'tillpaid/adapters/qfpay';
import { zalopay } from 'tillpaid/adapters/zalopay';
import { collectGarbage } from './gc.ts';
import { printTable } from './table.ts';

/**
 * What tillpaid costs beside other clients, all rows side by side in each round: only the ratios mean anything on
 * another machine. `fetch` is mocked, so the network, which takes a thousand times longer, is left out.
 *
 * Writes are held against "ky, signed by hand": a ky whose `fetch` does the least that a signed call needs. It signs
 * with the same hash, reads the answer to its end and makes a `Response` of it again. What matches nothing is held
 * against the same request through plain ky.
 */
const ROUNDS = 31;
const WARM_UP_ROUNDS = 6;
const REQUESTS = 100;
const FIRST_REQUESTS = 10;

const origin = 'https://gateway.example';
const unmatchedUrl = `${origin}/shop/prices`;
const key = 'secret';

/** One provider's charge, as every client makes it. */
interface Shop {
  readonly url: string;
  readonly order: (number: number) => Record<string, string | number>;
  readonly encoding: 'form' | 'json';
  /** The gateway's answer. */
  readonly answer: (number: number) => string;
  /** The signature by hand, as the provider's manual has it. */
  readonly sign: (body: string, headers: Headers) => string;
}

/** QFPay: a form, and SHA-256 over its sorted pairs. */
const form: Shop = {
  url: `${origin}/trade/v1/payment`,
  encoding: 'form',
  order: number => ({
    txamt: '1250',
    txcurrcd: 'HKD',
    pay_type: '800108',
    auth_code: '284957310466312987',
    out_trade_no: `ORDER-${number}`,
  }),
  answer: number =>
    `{"respcd":"0000","resperr":"","respmsg":"","syssn":"20260101000000001","txamt":"1250","txcurrcd":"HKD",` +
    `"pay_type":"800108","out_trade_no":"ORDER-${number}"}`,
  sign: (body, headers) => {
    const parameters = new URLSearchParams(body);
    parameters.sort();
    const pairs = [...parameters].map(([name, value]) => `${name}=${value}`);
    headers.set('X-QF-APPCODE', 'SHOP');
    headers.set('X-QF-SIGN', bytesToHex(sha256(utf8ToBytes(pairs.join('&') + key))).toUpperCase());
    headers.set('X-QF-SIGNTYPE', 'SHA256');
    return body;
  },
};

/** ZaloPay: JSON, and HMAC-SHA256 over seven fields. Of the three with JSON it is the one whose hash is cheap. */
const json: Shop = {
  url: `${origin}/v2/create`,
  encoding: 'json',
  order: number => ({
    app_trans_id: `260101_${number}`,
    app_user: 'user-7',
    amount: 10_000,
    description: 'Tea',
    item: '[]',
    embed_data: '{}',
  }),
  answer: () =>
    '{"return_code":1,"return_message":"Success","sub_return_code":1,"sub_return_message":"Success",' +
    '"order_url":"https://gateway.example/o","zp_trans_token":"AC000000000000000001","order_token":"AC1"}',
  sign: body => {
    const order = { ...(JSON.parse(body) as Record<string, string | number>), app_id: 2553, app_time: Date.now() };
    const signed = ['app_id', 'app_trans_id', 'app_user', 'amount', 'app_time', 'embed_data', 'item'] as const;
    const text = signed.map(name => String((order as Record<string, string | number>)[name])).join('|');
    return JSON.stringify({ ...order, mac: bytesToHex(hmac(sha256, utf8ToBytes(key), utf8ToBytes(text))) });
  },
};

/** Each write is a new order: a number that is settled already would be answered from memory. */
let orders = 0;
const nextOrder = (shop: Shop): Record<string, string | number> => shop.order(++orders);
const textual = (order: Record<string, string | number>): Record<string, string> => order as Record<string, string>;

/** The mocked transport: it answers the last order, and reads nothing of what it is given. */
const fetchOf = (shop: Shop) => (): Promise<Response> =>
  Promise.resolve(new Response(shop.answer(orders), { headers: { 'content-type': 'application/json' } }));

const bodyOf = (shop: Shop): { body: URLSearchParams } | { json: object } => {
  const order = nextOrder(shop);
  return shop.encoding === 'json' ? { json: order } : { body: new URLSearchParams(textual(order)) };
};

const post = (client: KyInstance, shop: Shop) => (): Promise<unknown> => client.post(shop.url, bodyOf(shop)).json();

/** Without any client: what the platform's own classes cost. */
const bare = (shop: Shop): (() => Promise<unknown>) => {
  const fetch: (request: Request) => Promise<Response> = fetchOf(shop);
  return async () => {
    const given = bodyOf(shop);
    const body = 'json' in given ? JSON.stringify(given.json) : given.body;
    return (await fetch(new Request(shop.url, { method: 'POST', body }))).json() as Promise<unknown>;
  };
};

const signedByHand = (shop: Shop): KyInstance => {
  const base: (url: string, init: RequestInit) => Promise<Response> = fetchOf(shop);
  const fetch = async (request: Request): Promise<Response> => {
    const { url, method, headers, signal } = request;
    const body = shop.sign(await request.text(), headers);
    const answered = await base(url, { method, headers, body, signal });
    const text = await answered.text();
    return new Response(text, { status: answered.status, statusText: answered.statusText, headers: answered.headers });
  };
  return ky.create({ fetch: fetch as typeof globalThis.fetch });
};

const readsBody = async ({ response }: { response: Response }): Promise<void> => {
  await response.json();
};
const setsHeader = ({ request }: { request: Request }): void => request.headers.set('x-trace', 'trace-1');

/**
 * The transport of got is Node's `http.request`: in its place stands a function that returns what Node would, an
 * `IncomingMessage` in all that got looks at. Nobody reads the body, here as little as in the mocked `fetch`.
 */
const gotOn = (shop: Shop): Got =>
  got.extend({
    request: () =>
      Object.assign(Readable.from([Buffer.from(shop.answer(orders))]), {
        statusCode: 200,
        statusMessage: 'OK',
        headers: { 'content-type': 'application/json' },
        rawHeaders: [],
        complete: true,
      }) as never,
  });

/** axios' own `fetch` adapter, with the same mocked `fetch` as ky's below it. */
const axiosOn = (shop: Shop): AxiosInstance => {
  const instance = axios.create({ adapter: 'fetch', env: { fetch: fetchOf(shop) } });
  axiosRetry(instance, { retries: 2 });
  return instance;
};

/** Limits that are kept, and far from reached: QFPay's own would make the bench wait. */
const policy: Policy = { limit: { perSecond: 1_000_000, perMinute: 10_000_000 } };

const qfpayAdapter = qfpay({ appCode: 'SHOP', clientKey: key, environment: 'sandbox', baseUrl: origin });
const zalopayAdapter = zalopay({ appId: 2553, key1: key, key2: key, environment: 'sandbox', baseUrl: origin });

interface Row {
  readonly run: () => Promise<unknown>;
  /** The row that it is held against. */
  readonly against?: string;
  readonly goal?: number;
}

const plainKy = (shop: Shop): string => `ky, a POST of ${shop.encoding}`;
const byHand = (shop: Shop): string => `ky, signed by hand, ${shop.encoding}`;

/** One shop through tillpaid: the drop-in and `settle`, without hooks and with one. */
function throughTillpaid(
  shop: Shop,
  gatewayOf: (client: KyInstance) => {
    client: KyInstance;
    settle: (order: Record<string, string | number>) => Promise<unknown>;
  },
): Record<string, Row> {
  const plain = gatewayOf(ky.create({ fetch: fetchOf(shop) }));
  const hooked = gatewayOf(ky.create({ fetch: fetchOf(shop), hooks: { beforeRequest: [setsHeader] } }));
  const against = byHand(shop);
  return {
    [`client, ${shop.encoding}`]: { run: post(plain.client, shop), against, goal: 1.3 },
    [`client, ${shop.encoding}, one beforeRequest hook`]: { run: post(hooked.client, shop), against, goal: 1.8 },
    [`settle, ${shop.encoding}`]: { run: () => plain.settle(nextOrder(shop)), against, goal: 0.9 },
    [`settle, ${shop.encoding}, one beforeRequest hook`]: { run: () => hooked.settle(nextOrder(shop)), against },
  };
}

function rowsOf(): Record<string, Row> {
  const plain = ky.create({ fetch: fetchOf(form) });
  const reading = ky.create({ fetch: fetchOf(form), hooks: { afterResponse: [readsBody] } });
  const gotForm = gotOn(form);
  const axiosForm = axiosOn(form);
  const dropIn = createGateway({ adapter: qfpayAdapter, policy, client: plain }).client;
  const get = (client: KyInstance) => (): Promise<unknown> => client.get(unmatchedUrl).json();
  const unmatchedPost = (client: KyInstance) => (): Promise<unknown> =>
    client.post(unmatchedUrl, { body: new URLSearchParams(textual(nextOrder(form))) }).json();
  return {
    'bare fetch': { run: bare(form), against: plainKy(form) },
    [plainKy(form)]: { run: post(plain, form) },
    'ky, an afterResponse hook reads the body': { run: post(reading, form), against: plainKy(form) },
    got: { run: () => gotForm.post(form.url, { form: nextOrder(form) }).json(), against: plainKy(form) },
    'axios + axios-retry': {
      run: async () => (await axiosForm.post(form.url, new URLSearchParams(textual(nextOrder(form))))).data as unknown,
      against: plainKy(form),
    },
    [byHand(form)]: { run: post(signedByHand(form), form), against: plainKy(form) },
    ...throughTillpaid(form, client => {
      const gateway = createGateway({ adapter: qfpayAdapter, policy, client });
      return { client: gateway.client, settle: order => gateway.settle('payment.create', order as never) };
    }),
    [byHand(json)]: { run: post(signedByHand(json), json) },
    ...throughTillpaid(json, client => {
      const gateway = createGateway({ adapter: zalopayAdapter, client });
      return { client: gateway.client, settle: order => gateway.settle('payment.create', order as never) };
    }),
    'ky, a GET': { run: get(plain) },
    'client, an unmatched GET': { run: get(dropIn), against: 'ky, a GET', goal: 1.1 },
    'ky, the same POST': { run: unmatchedPost(plain) },
    'client, an unmatched POST': { run: unmatchedPost(dropIn), against: 'ky, the same POST', goal: 1.1 },
  };
}

const charged: Exchange = {
  operation: 'payment.create',
  sent: form.order(1),
  status: 200,
  body: JSON.parse(form.answer(1)) as unknown,
};
const row = { ...(JSON.parse(form.answer(1)) as object), cancel: '0', order_type: 'payment' };
const asked: Exchange = {
  operation: 'payment.query',
  sent: { out_trade_no: 'ORDER-1' },
  status: 200,
  body: { respcd: '0000', data: [row, { ...row, respcd: '1201' }] },
};
const expired: Exchange = {
  operation: 'payment.query',
  sent: { app_trans_id: '260101_1' },
  status: 200,
  body: { return_code: 2, sub_return_code: -54 },
};

const classifications: Record<string, Row> = {
  'classify: qfpay, a charge': { run: () => Promise.resolve(qfpayAdapter.classify(charged)) },
  'classify: qfpay, a query with two rows': { run: () => Promise.resolve(qfpayAdapter.classify(asked)) },
  'classify: zalopay, a query': { run: () => Promise.resolve(zalopayAdapter.classify(expired)) },
};

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;

/**
 * Of one request. The processor's time of this thread, so that other work on the machine does not count; garbage is
 * collected on the same thread (`--single-threaded-gc`, see the script in package.json), so that it does.
 */
async function microseconds(run: () => Promise<unknown>): Promise<number> {
  // What a gateway learns with its first request is not each request's.
  for (let i = 0; i < FIRST_REQUESTS; i++) await run();
  // A thread's account is brought up to date when it rests.
  await setTimeout(1);
  const before = process.threadCpuUsage();
  for (let i = 0; i < REQUESTS; i++) await run();
  await setTimeout(1);
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / REQUESTS;
}

/**
 * Microseconds of each row in each round. Gateways are new in each, so that what they remember does not grow; rows come
 * in another order, and none pays for another's garbage.
 */
async function measure(rowsOf: () => Record<string, Row>): Promise<Map<string, number[]>> {
  const times = new Map<string, number[]>();
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
    for (const [name, { run }] of shuffled(Object.entries(rowsOf()))) {
      collectGarbage({ type: 'minor' });
      const tookUs = await microseconds(run);
      if (round >= 0) times.set(name, [...(times.get(name) ?? []), tookUs]);
    }
  }
  return times;
}

const shuffled = <T>(items: readonly T[]): T[] =>
  items
    .map(item => ({ item, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);

export async function printOverhead(): Promise<void> {
  const rows = rowsOf();
  const times = await measure(rowsOf);
  const timesOf = (name: string): readonly number[] => times.get(name) ?? [];
  console.log(`\nOne request, fetch mocked: the median of ${ROUNDS} rounds, all rows side by side in each\n`);
  printTable(
    ['', 'us', 'ratio', 'to', 'goal'],
    Object.entries(rows).map(([name, { against, goal }]) => {
      const us = median(timesOf(name)).toFixed(1);
      if (against === undefined) return [name, us];
      const beside = timesOf(against);
      const ratio = median(timesOf(name).map((time, round) => time / (beside[round] ?? Number.NaN)));
      return [name, us, ratio.toFixed(2), against, goal?.toFixed(1) ?? ''];
    }),
  );
  const classified = await measure(() => classifications);
  console.log('\nOne answer read by its table\n');
  printTable(
    ['', 'us'],
    Object.keys(classifications).map(name => [name, median(classified.get(name) ?? []).toFixed(2)]),
  );
}
