import axios from 'axios';
import { Hono } from 'hono';
import ky, { type KyInstance } from 'ky';
import ky1 from 'ky-1';
import { describe, expect, it } from 'vitest';
import { qfpay, type QfpayChargeFields, type QfpayCredentials, type QfpayFields } from '../src/adapters/qfpay/index.ts';
import { zalopay } from '../src/adapters/zalopay/index.ts';
import {
  circuit,
  createGateway,
  exponential,
  growing,
  parseTicket,
  steps,
  type Gateway,
  type GatewayOptions,
} from '../src/index.ts';
import { createWorker, memoryJournal } from '../src/journal/index.ts';
import { toRequest } from '../src/node/index.ts';
import { byAmount, observeSettleTimes, settleTimes } from '../src/learn/index.ts';
import { learned } from '../src/policies/index.ts';
import { qfpayVoice } from '../src/adapters/qfpay/simulator.ts';
import { manualClock } from '../src/testing/manual-clock.ts';
import { simulateGateway } from '../src/testing/simulator.ts';

const account: QfpayCredentials = { appCode: 'SHOP', clientKey: 'secret', environment: 'sandbox' };
const order: QfpayChargeFields = {
  out_trade_no: 'ORDER-1',
  txamt: 1000,
  txcurrcd: 'HKD',
  pay_type: '800108',
  auth_code: '284957310466312987',
};
const path = 'https://openapi-int.qfapi.com/trade/v1/payment';

/** What only JavaScript lets through. */
const untyped = (value: unknown): never => value as never;

/** A shop with QFPay as the simulator plays it. */
interface Shop {
  readonly gateway: Gateway<QfpayFields>;
  /** The same gateway, set up in another way. */
  readonly make: (options?: Partial<GatewayOptions<QfpayFields>>) => Gateway<QfpayFields>;
  readonly client: KyInstance;
  /** Each event in few words. */
  readonly events: string[];
}

/** @returns what the newcomer is told */
type Told = (shop: Shop) => unknown;

type Row = readonly [mistake: string, told: Told, pattern: RegExp];

const ticketOfOrder = ({ gateway }: Shop): ReturnType<Shop['gateway']['ticketFor']> =>
  gateway.ticketFor('payment.charge', order);
const charge =
  (fields: object, options?: object): Told =>
  ({ gateway }) =>
    gateway.settle('payment.charge', untyped({ ...order, ...fields }), untyped(options));
const withPolicy =
  (policy: unknown): Told =>
  ({ make }) =>
    make({ policy: untyped(policy) });
const dropIn =
  (init: object, url = path): Told =>
  ({ gateway }) =>
    gateway.client.post(url, untyped(init));
const form = (fields: object): URLSearchParams =>
  new URLSearchParams(Object.entries(fields).map(([name, value]) => [name, String(value)]));

const credentials: readonly Row[] = [
  [
    'an environment that there is not',
    // @ts-expect-error -- the compiler refuses it already
    () => qfpay({ ...account, environment: 'live' }),
    /^qfpay: environment must be .*sandbox.*/,
  ],
  ['no environment', () => qfpay(untyped({ appCode: 'SHOP', clientKey: 'secret' })), /^qfpay: .*environment/],
  [
    'a key that is not set',
    () => qfpay({ ...account, clientKey: untyped(undefined) }),
    /clientKey is missing: it must be/,
  ],
  [
    'a key that was made a text',
    () => qfpay({ ...account, clientKey: String(undefined) }),
    /is the environment variable set\?/,
  ],
  [
    'a key with a newline at its end',
    () => qfpay({ ...account, clientKey: 'secret\n' }),
    /clientKey must be .*white space/,
  ],
  [
    'an app code with a newline at its end',
    () => qfpay({ ...account, appCode: 'SHOP\n' }),
    /appCode must be .*white space/,
  ],
  ['a misspelt credential', () => qfpay(untyped({ ...account, mchId: '1' })), /"mchId"\. Did you mean mchid/],
  [
    'an app id as text',
    () => zalopay({ appId: untyped('2553'), key1: 'a', key2: 'b', environment: 'sandbox' }),
    /appId must be/,
  ],
  [
    'a ZaloPay key with a newline',
    () => zalopay({ appId: 2553, key1: 'a\n', key2: 'b', environment: 'sandbox' }),
    /key1 must be/,
  ],
  ['the adapter function itself', ({ make }) => make({ adapter: untyped(qfpay) }), /pass an adapter, such as/],
];

const fields: readonly Row[] = [
  ['an amount in major units', charge({ txamt: 10.5 }), /txamt must be a whole number of minor units \(100 is 1\.00\)/],
  ['an amount as text with a point', charge({ txamt: '10.00' }), /txamt must be a whole number of minor units/],
  ['an amount with a comma', charge({ txamt: '1,000' }), /txamt must be a whole number of minor units/],
  ['a negative amount', charge({ txamt: -1 }), /txamt must be a whole number of minor units/],
  ['NaN as the amount', charge({ txamt: Number.NaN }), /txamt must be a whole number of minor units/],
  ['an amount of nothing', charge({ txamt: 0 }), /txamt must be a whole number of minor units.*1 or more/],
  ['an amount of another type', charge({ txamt: {} }), /txamt must be a whole number of minor units/],
  ['a currency in lower case', charge({ txcurrcd: 'hkd' }), /txcurrcd must be .*capital/],
  [
    'a misspelt field',
    async ({ gateway, events }) => {
      await gateway.settle('payment.charge', untyped({ ...order, auth_code: undefined, authCode: '1' }));
      throw new Error(events.join());
    },
    /misspelt|auth_code/,
  ],
  ['an order without a number', charge({ out_trade_no: undefined }), /out_trade_no is missing: it must be/],
  ['no fields', ({ gateway }) => gateway.settle('payment.charge', untyped(undefined)), /pass the fields as an object/],
  [
    'a refund without a number',
    ({ gateway }) => gateway.settle('refund.create', untyped({ syssn: '1', txamt: 1, txdtm: '2026-01-01 00:00:00' })),
    /out_trade_no is missing: it must be/,
  ],
];

const calls: readonly Row[] = [
  [
    'a misspelt operation',
    ({ gateway }) => gateway.settle(untyped('payment.chrage'), untyped(order)),
    /no operation .* Known: .*payment\.charge/,
  ],
  [
    'settle of a query',
    ({ gateway }) => gateway.settle(untyped('payment.query'), untyped(order)),
    /payment\.query only asks.*Use gateway\.ask/,
  ],
  ['settle of an object alone', ({ gateway }) => gateway.settle(untyped(order), untyped(undefined)), /operation/],
  ['an idempotency key where the provider has none', charge({}, { idempotencyKey: 'k' }), /leave idempotencyKey out/],
  ['a misspelt option', charge({}, { onTickets: () => 1 }), /onTickets.*Did you mean onTicket/],
  [
    'cancelOnDeadline',
    charge({}, { policy: { poll: { cancelOnDeadline: true } } }),
    /cancelOnDeadline.*cancelAtDeadline/,
  ],
  ['an onTicket that is no function', charge({}, { onTicket: 'store' }), /onTicket must be a function/],
  ['a controller as the signal', charge({}, { signal: new AbortController() }), /signal must be an AbortSignal/],
  ['policy.limit of a call', charge({}, { policy: { limit: { perSecond: 1 } } }), /limit.*createGateway/],
  ['prepare without a journal', ({ gateway }) => gateway.prepare('payment.charge', order), /Pass one to createGateway/],
  ['createGateway without anything', () => createGateway(untyped(undefined)), /createGateway: pass/],
  [
    'axios as the client',
    ({ make }) => make({ client: untyped(axios) }),
    /client must be a ky instance.*gateway\.fetch/,
  ],
  ['a fetch as the client', ({ make }) => make({ client: untyped(fetch) }), /client must be a ky instance.*ky\.create/],
  ['a ky 1 client', ({ make }) => make({ client: untyped(ky1) }), /npm install ky@2/],
];

const policies: readonly Row[] = [
  ['policy.retries', withPolicy({ retries: 3 }), /retries.*retry/],
  ['retry.limit', withPolicy({ retry: { limit: 3 } }), /limit.*attempts/],
  ['retry as a number', withPolicy({ retry: 3 }), /retry.*attempts/],
  ['poll.deadline', withPolicy({ poll: { deadline: 60_000 } }), /no poll\.deadline.*deadlineMs/],
  ['poll.interval', withPolicy({ poll: { interval: 60_000 } }), /interval.*backoff/],
  ['limit.rps', withPolicy({ limit: { rps: 3 } }), /rps.*perSecond/],
  ['a number as the backoff', withPolicy({ poll: { backoff: 1000 } }), /backoff.*constant\(/],
  [
    'resendWhenAbsent with one attempt',
    charge({}, { policy: { retry: { attempts: 1 }, poll: { resendWhenAbsent: true } } }),
    /resendWhenAbsent has no effect.*: /,
  ],
  [
    'a deadline in seconds',
    withPolicy({ poll: { deadlineMs: 120 } }),
    /deadlineMs \(120\) ends the polling before the first status query.*in milliseconds: two minutes are 120_000/,
  ],
  [
    'cancelWithinMs alone',
    withPolicy({ poll: { cancelWithinMs: 30_000 } }),
    /cancelWithinMs has no effect without poll\.cancelAtDeadline: set that to true/,
  ],
  [
    'cancelWithinMs alone, of a call',
    charge({}, { policy: { poll: { cancelWithinMs: 30_000 } } }),
    /cancelWithinMs has no effect.*set poll\.cancelAtDeadline to true/,
  ],
  [
    'cancelWithinMs in a call that only follows',
    shop =>
      shop
        .make({ policy: { poll: { cancelAtDeadline: true } } })
        .untilSettled(ticketOfOrder(shop), { policy: { poll: { cancelWithinMs: 30_000 } } }),
    /untilSettled: poll\.cancelWithinMs has no effect.*set poll\.cancelAtDeadline/,
  ],
  [
    'cancelWithinMs where a query is asked alone',
    shop => shop.gateway.ask(ticketOfOrder(shop), untyped({ policy: { poll: { cancelWithinMs: 30_000 } } })),
    /ask: it sends nothing.*leave it out/,
  ],
  [
    'a batch that waits for ever',
    withPolicy({ poll: { batch: { windowMs: 1e12 } } }),
    /batch\.windowMs must be 60000 milliseconds at most/,
  ],
  [
    'a batch that its deadline leaves no time for',
    withPolicy({ poll: { batch: true, deadlineMs: 10_000 } }),
    /batch has no effect.*\(10250\) takes all of poll\.deadlineMs: lower attemptTimeoutMs/,
  ],
  [
    'a batch of attempts without a timeout',
    ({ make, client }) => make({ client: client.extend({ timeout: false }), policy: { poll: { batch: true } } }),
    /batch has no effect.*\(no timeout\).*: lower attemptTimeoutMs/,
  ],
  ['a circuit that stays open', () => circuit({ openForMs: Infinity }), /openForMs must be a day \(86400000\) at most/],
  [
    'a backoff of his own that gives no number',
    withPolicy({ poll: { backoff: { maxMs: 1000, delayMs: () => Number.NaN, list: () => [], toString: () => '' } } }),
    /poll\.backoff gives NaN for its first wait: a backoff must give milliseconds/,
  ],
  [
    'a backoff of his own for every payment that gives no number',
    async ({ make, events }) => {
      const backoff = untyped({ maxMs: Number.NaN, delayMs: () => 1000, list: () => [], toString: () => '' });
      const gateway = make({
        policy: { poll: { backoff: () => backoff } },
        onEvent: said => events.push(`${said.type} ${'message' in said ? said.message : ''}`),
      });
      await gateway.untilSettled(gateway.ticketFor('payment.charge', order));
      throw new Error(events.join());
    },
    /backoff-not-chosen policy: .* gives NaN for maxMs/,
  ],
  [
    'settle times that keep too few to learn from',
    () => settleTimes({ keep: 1, learnFrom: 50 }),
    /keep \(1\) must be at least 30 more than learnFrom \(50\)/,
  ],
  ['settle times of no gateway', () => observeSettleTimes(untyped({})), /pass the gateway to observe/],
  ['settle times of nothing', () => settleTimes().observe(untyped(undefined)), /pass the gateway to observe/],
  ['amounts without one', () => byAmount([]), /byAmount: pass one amount or more/],
  ['amounts as texts', () => byAmount(untyped(['1'])), /byAmount: pass .* numbers in rising order/],
  ['circuit: true', withPolicy({ circuit: true }), /circuit.*circuit\(/],
  ['circuit: circuit', withPolicy({ circuit }), /circuit.*circuit\(/],
  ['a jitter in percent', () => growing(untyped({ jitter: 20 })), /jitter/],
  ['steps of a number', () => steps(untyped(1000)), /steps.*list/],
  ['a list for learned', () => learned(untyped([1000, 2000])), /learned.*/],
  ['exponential of a number', () => exponential(untyped(1000)), /exponential.*/],
];

const tickets: readonly Row[] = [
  [
    'a settlement instead of its ticket',
    ({ gateway }) =>
      gateway.untilSettled(untyped({ outcome: 'unresolved', ticket: gateway.ticketFor('payment.charge', order) })),
    /pass its \.ticket/,
  ],
  ['the promise of a settlement', ({ gateway }) => gateway.untilSettled(untyped(Promise.resolve())), /so await it/],
  ['an order number', ({ gateway }) => gateway.untilSettled(untyped('ORDER-1')), /ticket/i],
  ['nothing', ({ gateway }) => gateway.untilSettled(untyped(undefined)), /ticket/i],
  [
    'a ticket of another account',
    shop => shop.gateway.untilSettled({ ...ticketOfOrder(shop), account: 'OTHER' }),
    /account/,
  ],
  [
    'a ticket of another gateway',
    shop => shop.gateway.untilSettled({ ...ticketOfOrder(shop), gateway: 'zalopay' }),
    /zalopay/,
  ],
  [
    'a ticket of another environment',
    shop => shop.gateway.untilSettled({ ...ticketOfOrder(shop), environment: 'production' }),
    /production|environment/,
  ],
  [
    'a ticket of another version',
    shop => shop.gateway.untilSettled({ ...ticketOfOrder(shop), version: untyped(2) }),
    /version is 2.*/,
  ],
  ['parseTicket of text that is none', () => parseTicket('ORDER-1'), /Pass the ticket exactly as/],
  [
    'settle with the ticket of another amount',
    shop => shop.gateway.settle('payment.charge', { ...order, txamt: 1001 }, { ticket: ticketOfOrder(shop) }),
    /amount|txamt/,
  ],
];

const dropIns: readonly Row[] = [
  ['JSON to a form gateway', dropIn({ json: order }), /json cannot be signed\. Send `body: new URLSearchParams/],
  ['a misspelt context', dropIn({ body: form(order), context: { tilpaid: {} } }), /Did you mean tillpaid/],
  [
    'a misspelt option in the context',
    dropIn({ body: form(order), context: { tillpaid: { mayHaveBeenSend: true } } }),
    /Did you mean mayHaveBeenSent/,
  ],
  [
    'a wrong path',
    async ({ make, events }) => {
      await make({ unmatched: 'event' })
        .client.post(`${path}s`, { body: form(order) })
        .catch(() => undefined);
      throw new Error(events.join());
    },
    /unmatched/,
  ],
  [
    'a wrong path, refused',
    ({ make }) => make({ unmatched: 'refuse' }).client.post(`${path}s`, { body: form(order) }),
    /unmatched|Nothing was sent|matches/,
  ],
  [
    'an amount with a comma',
    dropIn({ body: form({ ...order, txamt: '10,00' }) }),
    /txamt must be a whole number of minor units \(100 is 1\.00\)/,
  ],
  [
    'an amount in major units',
    dropIn({ body: form({ ...order, txamt: '10.00' }) }),
    /txamt must be a whole number of minor units \(100 is 1\.00\)/,
  ],
  ['the form as a text', dropIn({ body: form(order).toString() }), /form|URLSearchParams/],
];

const webhooks: readonly Row[] = [
  [
    'an Express req',
    ({ gateway }) => gateway.receive(untyped({ method: 'POST', url: '/hook', headers: {}, on: () => 1, body: {} })),
    /receive: .*Express.*gateway\.receive\(toRequest\(req\)\)/,
  ],
  [
    'the context of Hono, and its request',
    async ({ gateway }) => {
      const told: unknown[] = [];
      const app = new Hono();
      app.post('/hook', async c => {
        for (const given of [c, c.req])
          await gateway.receive(untyped(given)).catch((error: unknown) => told.push(error));
        return c.text('');
      });
      await app.request('/hook', { method: 'POST', body: '{}' });
      throw new Error(told.join());
    },
    /(?:receive: .*gateway\.receive\(c\.req\.raw\).*){2}/,
  ],
  [
    'an Express req whose body was parsed',
    ({ gateway }) => gateway.receive(toRequest({ method: 'POST', headers: {}, ...{ body: { a: 1 } } })),
    /toRequest: a body parser has read.*above app\.use\(express\.json\(\)\)/,
  ],
  ['a parsed body', ({ gateway }) => gateway.receive(untyped({ notify_type: 'payment' })), /receive: .*raw bytes/],
  ['the raw text', ({ gateway }) => gateway.receive(untyped('{}')), /receive: .*Request/],
  ['nothing', ({ gateway }) => gateway.receive(untyped(undefined)), /receive: .*Request/],
  ['a promise', ({ gateway }) => gateway.receive(untyped(Promise.resolve())), /receive: .*await it/],
  [
    'a body that was read',
    async ({ gateway }) => {
      const request = new Request('https://shop.test/hook', { method: 'POST', body: '{}' });
      await request.text();
      return gateway.receive(request);
    },
    /has been read already\. Pass the request as it came, or a clone/,
  ],
  [
    'a body that another reader holds',
    async ({ gateway }) => {
      const request = new Request('https://shop.test/hook', { method: 'POST', body: '{}' });
      request.body?.getReader();
      return gateway.receive(request);
    },
    /has been read already\. Pass the request as it came, or a clone/,
  ],
  [
    'a body that Hono has parsed',
    async ({ gateway }) => {
      let told: unknown;
      const app = new Hono();
      app.post('/hook', async c => {
        await c.req.json();
        await gateway.receive(c.req.raw).catch((error: unknown) => (told = error));
        return c.text('');
      });
      await app.request('/hook', { method: 'POST', body: '{}' });
      throw told;
    },
    /has been read already\. Pass the request as it came, or a clone/,
  ],
];

const journals: readonly Row[] = [
  [
    'a path as the journal',
    ({ make }) => make({ journal: untyped('payments.db') }),
    /journal must be a journal, such as sqliteJournal/,
  ],
  [
    'a promise of a journal',
    ({ make }) => make({ journal: untyped(Promise.resolve(memoryJournal())) }),
    /journal must be a journal/,
  ],
  [
    'a worker with a gateway of no journal',
    ({ gateway }) => createWorker({ gateways: [gateway], journal: memoryJournal() }),
    /journal/,
  ],
  [
    'a worker with a gateway of another journal',
    ({ make }) => createWorker({ gateways: [make({ journal: memoryJournal() })], journal: memoryJournal() }),
    /Make both with the same one/,
  ],
  [
    'a worker with one gateway, not a list',
    ({ make }) => {
      const journal = memoryJournal();
      return createWorker({ gateways: untyped(make({ journal })), journal });
    },
    /gateways must be a list/,
  ],
  [
    'a worker with a misspelt batchsize',
    ({ make }) => {
      const journal = memoryJournal();
      return createWorker(untyped({ gateways: [make({ journal })], journal, batchsize: 10 }));
    },
    /Did you mean batchSize/,
  ],
];

async function toldOf(mistake: Told): Promise<{ told: string; sent: number }> {
  const clock = manualClock();
  const events: string[] = [];
  const simulated = simulateGateway({ voice: qfpayVoice(account), clock });
  const client = ky.create({ fetch: simulated.fetch, retry: 0 });
  const make: Shop['make'] = options =>
    createGateway({ adapter: qfpay(account), client, clock, onEvent: event => events.push(event.type), ...options });
  const told = async (): Promise<string> => {
    try {
      await clock.run(Promise.resolve(mistake({ gateway: make(), make, client, events })));
      return `accepted ${events.join()}`;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  };
  return { told: await told(), sent: simulated.ledger.payment('ORDER-1')?.bookings ?? 0 };
}

describe.each([
  ['credentials', credentials],
  ['fields', fields],
  ['calls', calls],
  ['policies', policies],
  ['tickets', tickets],
  ['the drop-in', dropIns],
  ['webhooks', webhooks],
  ['journals', journals],
] as const)('a mistake in %s is told with what to do, and charges nobody', (_where, rows) => {
  it.each(rows)('%s', async (_mistake, mistake, pattern) => {
    const { told, sent } = await toldOf(mistake);
    expect(told).toMatch(pattern);
    expect(sent).toBe(0);
  });
});
