import ky, { type KyInstance } from 'ky';
import { createGateway, type Exchange } from 'tillpaid';
import { qfpay } from 'tillpaid/adapters/qfpay';
import { zalopay } from 'tillpaid/adapters/zalopay';
import { printTable } from './table.ts';

/**
 * What tillpaid costs beside ky, in one process and one run: only the ratios mean anything on another machine. `fetch`
 * is mocked, so the network, which takes a thousand times longer, is left out.
 */
const ROUNDS = 20;
const REQUESTS = 300;

const baseUrl = 'https://gateway.example';
const named = { out_trade_no: 'ORDER-1', txamt: '1250', txcurrcd: 'HKD', pay_type: '800108' };
const order = { ...named, auth_code: '284957310466312987' };
const answer = { ...named, respcd: '0000', resperr: '', respmsg: '', syssn: '20260101000000001' };
/** Each write is an order of its own: the same one again would only be told how it ended. */
let orders = 0;
const nextOrder = (): typeof order => ({ ...order, out_trade_no: `ORDER-${++orders}` });
const [before = '', after = ''] = JSON.stringify(answer).split('ORDER-1');
const fetch = (): Promise<Response> =>
  Promise.resolve(
    new Response(`${before}ORDER-${orders}${after}`, { headers: { 'content-type': 'application/json' } }),
  );

const plain = ky.create({ fetch });
const adapter = qfpay({ appCode: 'SHOP', clientKey: 'secret', environment: 'sandbox', baseUrl });
const gateway = createGateway({ adapter, client: plain });
const zalopayAdapter = zalopay({ appId: 2553, key1: 'secret-1', key2: 'secret-2', environment: 'sandbox' });

const unmatched = (client: KyInstance) => (): Promise<unknown> => client.get(`${baseUrl}/shop/prices`).json();
const write = (client: KyInstance) => (): Promise<unknown> =>
  client.post(`${baseUrl}/trade/v1/payment`, { body: new URLSearchParams(nextOrder()) }).json();

const charged: Exchange = { operation: 'payment.create', sent: order, status: 200, body: answer };
const row = { ...answer, cancel: '0', order_type: 'payment' };
const rows = { respcd: '0000', data: [row, { ...row, respcd: '1201' }] };
const asked: Exchange = { operation: 'payment.query', sent: { out_trade_no: 'ORDER-1' }, status: 200, body: rows };
const over = { return_code: 2, sub_return_code: -54 };
const expired: Exchange = { operation: 'payment.query', sent: { app_trans_id: '260101_1' }, status: 200, body: over };

const subjects = {
  'ky: a GET': unmatched(plain),
  'gateway.client: a GET that matches nothing': unmatched(gateway.client),
  'ky: a POST, not signed': write(plain),
  'gateway.client: a write (signed, ticket, verdict)': write(gateway.client),
  'gateway.settle: the same write': () => gateway.settle('payment.create', nextOrder()),
  'classify: qfpay, a charge': () => adapter.classify(charged),
  'classify: qfpay, a query with two rows': () => adapter.classify(asked),
  'classify: zalopay, a query': () => zalopayAdapter.classify(expired),
} satisfies Record<string, () => unknown>;
type Name = keyof typeof subjects;

/** What each is held against. */
const against: Readonly<Partial<Record<Name, Name>>> = {
  'gateway.client: a GET that matches nothing': 'ky: a GET',
  'gateway.client: a write (signed, ticket, verdict)': 'ky: a POST, not signed',
  'gateway.settle: the same write': 'ky: a POST, not signed',
};

async function microseconds(subject: () => unknown): Promise<number> {
  const began = performance.now();
  for (let i = 0; i < REQUESTS; i++) await subject();
  return ((performance.now() - began) / REQUESTS) * 1000;
}

export async function printCost(): Promise<void> {
  const names = Object.keys(subjects) as Name[];
  const measured = new Map<Name, number[]>(names.map(name => [name, []]));
  for (let round = -3; round < ROUNDS; round++) {
    // Side by side in each round, so that whatever slows the machine slows all of them; the first three only warm up.
    for (const name of names) {
      const time = await microseconds(subjects[name]);
      if (round >= 0) measured.get(name)?.push(time);
    }
  }

  /** The quickest round: what slows a round is the machine's other work. */
  const best = (name: Name): number => Math.min(...(measured.get(name) ?? []));
  const cost = (name: Name): string[] => {
    const beside = against[name];
    return beside === undefined
      ? ['', '']
      : [`${(best(name) / best(beside)).toFixed(1)} x`, `+${(best(name) - best(beside)).toFixed(0)}`];
  };
  console.log(`\nMicroseconds for one request, fetch mocked (the best of ${ROUNDS} rounds)\n`);
  printTable(
    ['', 'us', 'ratio', 'more'],
    names.map(name => [name, best(name).toFixed(1), ...cost(name)]),
  );
}
