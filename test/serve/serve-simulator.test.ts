import { request } from 'node:http';
import ky from 'ky';
import { afterEach, describe, expect, it } from 'vitest';
import { constant, createGateway } from 'tillpaid';
import { qfpay, type QfpayCredentials } from 'tillpaid/adapters/qfpay';
import { zalopay, type ZalopayCredentials } from 'tillpaid/adapters/zalopay';
import { lives, manualClock, sendNotices, simulateGateway, type NoticeRecord } from 'tillpaid/testing';
import {
  serveHandler,
  serveSimulator,
  type LogLine,
  type ServedSimulator,
  type ServeOptions,
} from 'tillpaid/testing/serve';
import { qfpayVoice } from 'tillpaid/testing/qfpay';
import { uqpayVoice } from 'tillpaid/testing/uqpay';
import { zalopayVoice } from 'tillpaid/testing/zalopay';
import { acmeVoice, call } from '../testing/acme.ts';

const credentials: ZalopayCredentials = { appId: 2553, key1: 'a-key-1', key2: 'a-key-2', environment: 'sandbox' };

const atQfpay: QfpayCredentials = { appCode: 'DEMO', clientKey: 'a-client-key', environment: 'sandbox' };

const open: { close: () => Promise<void> }[] = [];
afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});

async function serve(options: ServeOptions): Promise<ServedSimulator> {
  const served = await serveSimulator(options);
  open.push(served);
  return served;
}

async function shop(handle: (request: Request) => Promise<Response>): Promise<{ url: string }> {
  const served = await serveHandler(handle);
  open.push(served);
  return { url: `${served.url}/webhooks` };
}

const charge = (served: ServedSimulator, order: string, signal?: AbortSignal): Promise<unknown> =>
  call({ fetch }, 'payment.charge', { order, amount: '5' }, { origin: served.url, ...(signal && { signal }) });

const pageOf = async (served: ServedSimulator, page: string): Promise<unknown> =>
  (await fetch(served.url + page)).json();

const post = (served: ServedSimulator, page: string, body: unknown): Promise<Response> =>
  fetch(served.url + page, { method: 'POST', body: JSON.stringify(body) });

describe('a served simulator', () => {
  it('cuts the socket where it should, and the payment is settled by asking, over real HTTP', async () => {
    const served = await serve({ voice: qfpayVoice(atQfpay) });
    served.simulated.script('ORDER-1', { onSend: ['reset-after-booking'] });
    const gateway = createGateway({
      adapter: qfpay({ ...atQfpay, baseUrl: served.url }),
      policy: { poll: { backoff: constant(1) } },
    });
    const settlement = await gateway.settle('payment.charge', {
      ...{
        out_trade_no: 'ORDER-1',
        txamt: 10_000,
        txcurrcd: 'HKD',
        pay_type: '800108',
        auth_code: '280000000000000000',
      },
    });
    expect(settlement).toMatchObject({ outcome: 'succeeded', settledBy: 'query' });
    const page = await pageOf(served, '/__ledger?reference=ORDER-1');
    expect(page).toMatchObject({
      gateway: 'qfpay',
      payments: {
        'ORDER-1': {
          ...{ operation: 'payment.charge', state: 'paid', amount: '10000', currency: 'HKD' },
          ...{ bookings: 1, sends: 1, queries: 1, answers: ['reset-after-booking', 'paid'] },
        },
      },
      sums: { requests: 2, bookings: 1, bookedTwice: 0 },
    });
    expect(JSON.stringify(page)).not.toMatch(/280000000000000000|client-key/);
    expect(JSON.stringify(await pageOf(served, '/__requests'))).not.toMatch(/280000000000000000|client-key/);
  });

  it('is scripted from any language, and emptied', async () => {
    const served = await serve({ voice: acmeVoice() });
    const scripted = await post(served, '/__script', {
      reference: 'A1',
      life: 'declined',
      onSend: 'maintenance',
      onQuery: [{ always: 'system-error' }],
    });
    expect(await scripted.json()).toEqual({ scripted: 'A1' });
    expect(await charge(served, 'A1')).toEqual({ code: 'maintenance' });
    expect(await charge(served, 'A1')).toMatchObject({ state: 'declined' });
    expect(await pageOf(served, '/__ledger')).toMatchObject({ payments: { A1: { state: 'declined', bookings: 0 } } });
    await post(served, '/__reset', undefined);
    expect(await pageOf(served, '/__ledger')).toMatchObject({ payments: {}, sums: { requests: 0 } });
    expect(await charge(served, 'A1')).toMatchObject({ state: 'paid' });
  });

  it.each([
    [{ life: 'paid' }, 'Name the order that this is about: {"reference":"ORDER-1", ...}.'],
    [{ reference: 'A', live: 'paid' }, 'a script has no "live". Did you mean life?'],
    [{ reference: 'A', life: 'payd' }, 'There is no life "payd". Did you mean paid?'],
    [
      { reference: 'A', life: 'paidAfter' },
      'The life paidAfter needs a whole number of milliseconds: "paidAfter:3000" for 3000.',
    ],
    [
      { reference: 'A', life: [{ state: 'declind' }] },
      'A step of a life: there is no state "declind". Did you mean declined?',
    ],
    [
      { reference: 'A', onSend: ['reset-after-boking'] },
      'There is no fault "reset-after-boking". Did you mean reset-after-booking?',
    ],
    [{ reference: 'A', onSend: ['always:empti'] }, 'There is no fault "empti". Did you mean empty?'],
    [{ reference: 'A', onSend: [{ slowedMs: -1 }] }, 'a fault: slowedMs must be a whole number, 0 or more.'],
    ['nonsense', 'The body must be a JSON object, such as {"reference":"ORDER-1","life":"declined"}.'],
  ])('refuses the script %j and says what to do', async (script, error) => {
    const served = await serve({ voice: acmeVoice() });
    const answer = await post(served, '/__script', script);
    expect([answer.status, await answer.json()]).toEqual([400, { error }]);
  });

  it('lists its pages, and says which one was meant', async () => {
    const served = await serve({ voice: acmeVoice() });
    const { pages, faults } = (await pageOf(served, '/__')) as { pages: object; faults: string[] };
    expect(Object.keys(pages)).toContain('GET /__ledger');
    expect(faults).toContain('reset-after-booking');
    expect(await pageOf(served, '/__leger')).toEqual({
      error: 'The simulator has no page "/__leger". Did you mean /__ledger?',
    });
    expect((await fetch(`${served.url}/__reset`)).status).toBe(405);
  });

  it('tells a live log of each request once it ended, and of no secret', async () => {
    const lines: LogLine[] = [];
    const served = await serve({ voice: acmeVoice(), onLog: line => lines.push(line) });
    served.simulated.script('A1', { onSend: ['reset-before-booking', 'truncated', 'hang-after-booking'] });
    await expect(charge(served, 'A1')).rejects.toThrow('fetch failed');
    await expect(charge(served, 'A1')).rejects.toThrow('terminated');
    const giveUp = new AbortController();
    const hung = charge(served, 'A1', giveUp.signal);
    await expect.poll(() => served.simulated.requests.length).toBe(3);
    giveUp.abort('gave up');
    await expect(hung).rejects.toBe('gave up');
    await charge(served, 'A1');
    await (await fetch(`${served.url}/payment.charge`)).text();
    await expect.poll(() => lines.length).toBe(5);
    const about = {
      type: 'request',
      method: 'POST',
      path: '/payment.charge',
      operation: 'payment.charge',
      act: 'charge',
    };
    expect(lines).toMatchObject([
      { ...about, reference: 'A1', result: 'not-taken', fault: 'reset-before-booking', ended: 'cut' },
      { ...about, result: 'paid', fault: 'truncated', status: 200, ended: 'cut' },
      { ...about, result: 'duplicate', fault: 'hang-after-booking', ended: 'client-left' },
      { ...about, result: 'duplicate', fault: 'none', status: 200, ended: 'answered' },
      { type: 'request', method: 'GET', result: 'refused', fault: 'none', status: 401, ended: 'answered' },
    ]);
    expect(lines[0]).not.toHaveProperty('status');
    expect(lines[2]).not.toHaveProperty('status');
  });
});

describe('the webhooks of a served simulator', () => {
  const order = {
    app_trans_id: '261101_1',
    app_user: 'u',
    amount: 1000,
    item: '[]',
    embed_data: '{}',
    description: 'Tea',
  };

  it('tell the shop in signed words, again until it says that it has heard', async () => {
    const clock = manualClock();
    const simulated = simulateGateway({
      voice: zalopayVoice(credentials),
      clock,
      lives: { create: lives.paidAfter(60_000) },
    });
    const gateway = createGateway({
      adapter: zalopay(credentials),
      clock,
      client: ky.create({ fetch: simulated.fetch }),
    });
    const heardAll = Promise.withResolvers<undefined>();
    const heard: boolean[] = [];
    const own = await shop(async request => {
      const received = await gateway.receive(request);
      heard.push(received.verified);
      if (heard.length === 3) heardAll.resolve(undefined);
      return heard.length < 3 ? new Response('busy', { status: 500 }) : received.reply;
    });
    const lines: LogLine[] = [];
    const served = await serve({ simulated, notifyUrl: own.url, onLog: line => lines.push(line) });
    expect(await clock.run(gateway.settle('payment.create', order))).toMatchObject({ outcome: 'created' });
    expect(heard).toEqual([]);
    await clock.run(heardAll.promise);
    await clock.untilQuiet();
    expect(heard).toEqual([true, true, true]);
    expect(lines).toMatchObject([
      {
        type: 'notice',
        reference: '261101_1',
        state: 'paid',
        attempt: 1,
        status: 500,
        acknowledged: false,
        againInMs: 1000,
      },
      { attempt: 2, status: 500, acknowledged: false, againInMs: 2000 },
      { attempt: 3, status: 200, acknowledged: true },
    ]);
    expect(await pageOf(served, '/__notices')).toMatchObject({
      notices: [{ attempt: 1 }, { attempt: 2 }, { attempt: 3 }],
    });
    await served.close();
    expect(clock.pending).toBe(0);
  });

  it('are not sent again once the gateway was emptied', async () => {
    let heard = 0;
    const own = await shop(() => Promise.resolve(new Response('busy', { status: 500 + heard++ })));
    const served = await serve({ voice: qfpayVoice(atQfpay), notifyUrl: own.url, notifyAgainAfterMs: [200] });
    const gateway = createGateway({ adapter: qfpay({ ...atQfpay, baseUrl: served.url }) });
    await gateway.settle('payment.charge', {
      ...{
        out_trade_no: 'ORDER-2',
        txamt: 10_000,
        txcurrcd: 'HKD',
        pay_type: '800108',
        auth_code: '280000000000000000',
      },
    });
    await expect.poll(() => heard).toBe(1);
    await post(served, '/__reset', undefined);
    await new Promise(resolve => setTimeout(resolve, 250));
    expect(heard).toBe(1);
    expect(await pageOf(served, '/__notices')).toEqual({ notices: [] });
  });

  it('end with the last of the provider’s tries when nobody listens', async () => {
    const clock = manualClock();
    const notices: NoticeRecord[] = [];
    const simulated = simulateGateway({ voice: zalopayVoice(credentials), clock });
    const gateway = createGateway({
      adapter: zalopay(credentials),
      clock,
      client: ky.create({ fetch: simulated.fetch }),
    });
    const over = Promise.withResolvers<undefined>();
    const stop = sendNotices(simulated, {
      url: 'https://shop.example/webhooks',
      deliver: () => Promise.reject(new TypeError('fetch failed')),
      onNotice(notice) {
        notices.push(notice);
        if (notice.againInMs === undefined) over.resolve(undefined);
      },
    });
    await clock.run(Promise.all([gateway.settle('payment.create', order), over.promise]));
    expect(notices).toMatchObject([
      { againInMs: 1000 },
      { againInMs: 2000 },
      { againInMs: 4000 },
      { problem: 'fetch failed' },
    ]);
    stop();
    expect(clock.pending).toBe(0);
  });

  it('need the key that they are signed with', async () => {
    const voice = uqpayVoice({ clientId: 'DEMO', apiKey: 'a-key' });
    await expect(serveSimulator({ voice, notifyUrl: 'http://127.0.0.1:9/' })).rejects.toThrow(
      'The simulated uqpay has no key to sign notices with: give its voice the webhook secret too',
    );
  });
});

describe('serveSimulator', () => {
  it.each([
    [{ port: 70_000 }, 'serveSimulator: port must be a port: 0 (the system picks one) to 65535.'],
    [
      { notifyUrl: '/webhooks' },
      'serveSimulator: notifyUrl must be an absolute http address, such as http://127.0.0.1:3000/webhooks.',
    ],
    [{ latencyMs: -1 }, 'serveSimulator: latencyMs must be milliseconds, or a function that tells them.'],
  ])('refuses %j', async (options, message) => {
    await expect(serveSimulator({ voice: acmeVoice(), ...options })).rejects.toThrow(message);
  });

  it('says that a port is taken, and what to do', async () => {
    const { port } = await serve({ voice: acmeVoice() });
    await expect(serveSimulator({ voice: acmeVoice(), port })).rejects.toThrow(
      `Port ${port} of 127.0.0.1 is taken. Give another one, or 0 for one that is free.`,
    );
  });

  it('is closed at the end of its scope', async () => {
    let url: string;
    {
      await using served = await serveSimulator({ voice: acmeVoice() });
      url = served.url;
      expect((await fetch(`${url}/__`)).status).toBe(200);
    }
    await expect(fetch(`${url}/__`)).rejects.toThrow('fetch failed');
  });

  it('answers what is no request with 400, and ends a body that is too long', async () => {
    const served = await serve({ voice: acmeVoice() });
    expect((await fetch(served.url, { method: 'POST', body: 'x'.repeat(1_100_000) })).status).toBe(400);
    expect(served.simulated.requests).toEqual([]);
  });
});

describe('what a web page that the developer happens to have open can do', () => {
  const script = JSON.stringify({ reference: 'A1', life: 'declined' });
  /** As a browser sends it: `fetch` of Node sets no other `Host`. */
  const statusOf = (served: ServedSimulator, method: string, path: string, headers: Record<string, string>) =>
    new Promise<number | undefined>((resolve, reject) => {
      const asked = request(served.url + path, { method, headers }, answer => {
        answer.resume();
        resolve(answer.statusCode);
      });
      asked.on('error', reject).end(method === 'POST' ? script : undefined);
    });

  it.each([
    ['reads nothing by a name of its own that leads to this machine', 'GET', '/__ledger', { host: 'evil.example' }],
    ['scripts nothing by such a name', 'POST', '/__script', { host: 'evil.example:4000' }],
    ['scripts nothing from its own origin', 'POST', '/__script', { origin: 'https://evil.example' }],
    ['empties nothing from a frame without an origin', 'POST', '/__reset', { origin: 'null' }],
  ])('%s', async (_what, method, path, headers) => {
    const served = await serve({ voice: acmeVoice() });
    await charge(served, 'A1');
    expect(await statusOf(served, method, path, headers)).toBe(403);
    expect(served.simulated.ledger.payment('A1')).toMatchObject({ bookings: 1 });
  });

  it.each([
    'localhost:4000',
    '[::1]:4000',
    '10.0.2.2',
    'host.docker.internal:4000',
    'gateway',
    'pay.localhost',
  ])('stands in nobody’s way who asks for it as %s', async host => {
    const served = await serve({ voice: acmeVoice() });
    expect(await statusOf(served, 'POST', '/__script', { host })).toBe(200);
    expect(await statusOf(served, 'POST', '/__script', { origin: `http://${host}` })).toBe(200);
  });
});
