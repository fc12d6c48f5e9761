import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serve } from '@hono/node-server';
import ky from 'ky';
import { createGateway, type Verdict } from 'tillpaid';
import { qfpay, type QfpayCredentials } from 'tillpaid/adapters/qfpay';
import { zalopay, type ZalopayCredentials } from 'tillpaid/adapters/zalopay';
import { sendResponse, toRequest } from 'tillpaid/node';
import { simulateGateway, type Simulator } from 'tillpaid/testing';
import { qfpayNotice, qfpayVoice } from 'tillpaid/testing/qfpay';
import { zalopayNotice, zalopayVoice } from 'tillpaid/testing/zalopay';
import { afterEach, describe, expect, it } from 'vitest';
import { expressShop } from '../../examples/frameworks/express.ts';
import { fastifyShop } from '../../examples/frameworks/fastify.ts';
import { honoShop } from '../../examples/frameworks/hono.ts';
import { nextRoute } from '../../examples/frameworks/next-route.ts';
import { webhook, type Receiver, type Store } from '../../examples/frameworks/webhook.ts';

/** Each route as a server on this machine, and notices as the simulated providers sign them. */

const open: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

/** @returns where it listens */
async function listening(server: Server): Promise<string> {
  if (!server.listening) await once(server.listen(0, '127.0.0.1'), 'listening');
  open.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

type Route = (gateway: Receiver, store: Store) => Promise<string>;

const node =
  (answer: (gateway: Receiver, store: Store) => (request: Request) => Promise<Response>): Route =>
  async (gateway, store) => {
    const route = answer(gateway, store);
    return listening(createServer((req, res) => void route(toRequest(req)).then(reply => sendResponse(reply, res))));
  };

const routes: readonly (readonly [string, Route])[] = [
  [
    'Hono',
    async (gateway, store) => {
      const server = serve({ fetch: honoShop(gateway, store).fetch, port: 0, hostname: '127.0.0.1' }) as Server;
      if (!server.listening) await once(server, 'listening');
      return listening(server);
    },
  ],
  ['Express', (gateway, store) => listening(createServer(expressShop(gateway, store) as RequestListener))],
  [
    'Fastify',
    async (gateway, store) => {
      const app = fastifyShop(gateway, store);
      open.push(async () => {
        app.server.closeAllConnections();
        await app.close();
      });
      return app.listen({ port: 0, host: '127.0.0.1' });
    },
  ],
  ['Next.js, behind node:http', node(nextRoute)],
  ['node:http', node((gateway, store) => request => webhook(request, gateway, store))],
];

const zalopayAccount: ZalopayCredentials = { appId: 2553, key1: 'secret-1', key2: 'secret-2', environment: 'sandbox' };
const qfpayAccount: QfpayCredentials = { appCode: 'SHOP', clientKey: 'secret', environment: 'sandbox' };

interface Provider {
  readonly gateway: Receiver;
  readonly simulated: Simulator;
  /** Of an order that is paid. */
  readonly notice: Request;
  readonly forged: Request;
  readonly replies: { readonly stored: string; readonly refused: string; readonly refusedWith: number };
}

async function zalopayOrder(): Promise<Provider> {
  const simulated = simulateGateway({ voice: zalopayVoice(zalopayAccount) });
  const gateway = createGateway({ adapter: zalopay(zalopayAccount), client: ky.create({ fetch: simulated.fetch }) });
  await gateway.settle('payment.create', {
    ...{ app_trans_id: '260101_1', app_user: 'user-7', amount: 50_000, description: 'Tea for two' },
  });
  const entry = simulated.ledger.payment('260101_1') ?? expect.fail('no order');
  return {
    gateway,
    simulated,
    notice: zalopayNotice(zalopayAccount, entry, Date.now()),
    forged: zalopayNotice({ ...zalopayAccount, key2: 'guessed' }, entry, Date.now()),
    replies: {
      stored: '{"return_code":1,"return_message":"success"}',
      refused: '{"return_code":-1,"return_message":"mac not equal"}',
      refusedWith: 200,
    },
  };
}

async function qfpayCharge(): Promise<Provider> {
  const simulated = simulateGateway({ voice: qfpayVoice(qfpayAccount) });
  const gateway = createGateway({ adapter: qfpay(qfpayAccount), client: ky.create({ fetch: simulated.fetch }) });
  await gateway.settle('payment.charge', {
    ...{ out_trade_no: 'ORDER-1', txamt: 1000, txcurrcd: 'HKD', pay_type: '800108', auth_code: '284957310466312987' },
  });
  const entry = simulated.ledger.payment('ORDER-1') ?? expect.fail('no charge');
  return {
    gateway,
    simulated,
    notice: qfpayNotice(qfpayAccount, entry, Date.now()),
    forged: qfpayNotice({ ...qfpayAccount, clientKey: 'guessed' }, entry, Date.now()),
    replies: { stored: 'SUCCESS', refused: 'REFUSED', refusedWith: 400 },
  };
}

interface Scene extends Provider {
  /** Sends a notice as the provider does. */
  readonly send: (notice: Request, change?: RequestInit) => Promise<{ status: number; text: string }>;
  readonly stored: Verdict[];
}

async function scene(route: Route, provider: Provider, store?: Store): Promise<Scene> {
  const stored: Verdict[] = [];
  const origin = await route(
    provider.gateway,
    store ??
      ((_ticket, verdict) => {
        stored.push(verdict);
        return Promise.resolve();
      }),
  );
  return {
    ...provider,
    stored,
    async send(notice, change) {
      const copy = notice.clone();
      const { method, headers } = copy;
      const response = await fetch(`${origin}/webhooks/pay`, { method, headers, body: await copy.bytes(), ...change });
      return { status: response.status, text: await response.text() };
    },
  };
}

describe.each([
  ['ZaloPay', zalopayOrder],
  ['QFPay, which wants its notices confirmed by a query,', qfpayCharge],
] as const)('a webhook of %s', (_name, provider) => {
  describe.each(routes)('through %s', (_framework, route) => {
    it('is verified over the bytes as they came, stored, and acknowledged', async () => {
      const { send, notice, stored, replies } = await scene(route, await provider());
      expect(await send(notice)).toEqual({ status: 200, text: replies.stored });
      expect(stored).toMatchObject([{ kind: 'terminal', outcome: 'succeeded' }]);
    });

    it('is refused in the provider’s own words when it is forged, and stores nothing', async () => {
      const { send, forged, notice, stored, replies } = await scene(route, await provider());
      const refused = { status: replies.refusedWith, text: replies.refused };
      expect(await send(forged)).toEqual(refused);
      const text = await notice.clone().text();
      expect(await send(notice, { body: text.replace(/0/, '9') })).toEqual(refused);
      expect(await send(notice, { body: '' })).toEqual(refused);
      expect(stored).toEqual([]);
    });

    it('is refused when it is big, and the connection lives on', async () => {
      const { send, notice, stored, replies } = await scene(route, await provider());
      const big = `${(await notice.clone().text()).slice(0, -1)}, "more": "${'x'.repeat(400_000)}"}`;
      expect(await send(notice, { body: big })).toEqual({ status: replies.refusedWith, text: replies.refused });
      expect((await send(notice)).text).toBe(replies.stored);
      expect(stored).toHaveLength(1);
    });

    it('that comes twice is acknowledged twice, with the same word', async () => {
      const { send, notice, stored, replies, simulated } = await scene(route, await provider());
      for (const one of await Promise.all([send(notice), send(notice)])) expect(one.text).toBe(replies.stored);
      expect(stored.map(({ kind, code }) => [kind, code])).toEqual([
        [stored[0]?.kind, stored[0]?.code],
        [stored[0]?.kind, stored[0]?.code],
      ]);
      expect(simulated.ledger.entries.map(({ bookings }) => bookings)).toEqual([1]);
    });

    it('that the shop cannot store is asked for again', async () => {
      const { send, notice, replies } = await scene(route, await provider(), () =>
        Promise.reject(new Error('The database is down.')),
      );
      const { text } = await send(notice);
      expect(text).toMatch(/again/i);
      expect(text).not.toBe(replies.stored);
    });
  });
});
