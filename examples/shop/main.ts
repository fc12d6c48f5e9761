import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serve } from '@hono/node-server';
import type { QfpayCredentials } from 'tillpaid/adapters/qfpay';
import type { ZalopayCredentials } from 'tillpaid/adapters/zalopay';
import { lives } from 'tillpaid/testing';
import { qfpayVoice } from 'tillpaid/testing/qfpay';
import { serveSimulator } from 'tillpaid/testing/serve';
import { zalopayVoice } from 'tillpaid/testing/zalopay';
import { openShop } from './shop.ts';

// The shop on this machine, with simulated providers that send it webhooks: `node examples/shop/main.ts`.
const address = 'http://127.0.0.1:3000';
const qfpay: QfpayCredentials = { appCode: 'SHOP', clientKey: 'secret', environment: 'sandbox' };
const zalopay: ZalopayCredentials = { appId: 2553, key1: 'secret-1', key2: 'secret-2', environment: 'sandbox' };
const till = await serveSimulator({ voice: qfpayVoice(qfpay), notifyUrl: `${address}/webhooks/qfpay` });
const web = await serveSimulator({
  ...{ voice: zalopayVoice(zalopay), notifyUrl: `${address}/webhooks/zalopay` },
  lives: { create: lives.paidAfter(20_000) },
});
const { app, worker } = openShop({
  file: join(mkdtempSync(join(tmpdir(), 'shop-')), 'shop.db'),
  ...{ qfpay: { ...qfpay, baseUrl: till.url }, zalopay: { ...zalopay, baseUrl: web.url } },
});
worker.start();
serve({ fetch: app.fetch, port: 3000, hostname: '127.0.0.1' });
console.log(`curl ${address}/orders -d '{"provider":"zalopay","amount":50000}'   # or qfpay
curl ${address}/orders/<number>/pay -d '{"code":"284957310466312987"}'
curl ${address}/orders/<number>
curl -X POST ${address}/orders/<number>/refund
The providers' books: ${till.url}/__ledger ${web.url}/__ledger`);
