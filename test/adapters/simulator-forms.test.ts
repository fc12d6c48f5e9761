import { createHash, createHmac, createSign, generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { manualClock, simulateGateway, type Simulator, type Voice } from 'tillpaid/testing';
import { ifortepayVoice } from 'tillpaid/testing/ifortepay';
import { qfpayVoice } from 'tillpaid/testing/qfpay';
import { rebellVoice } from 'tillpaid/testing/rebell';
import { uqpayVoice } from 'tillpaid/testing/uqpay';
import { zalopayVoice } from 'tillpaid/testing/zalopay';

/** Amounts, currencies and dates in a form that the provider does not take, signed rightly: refused in its own words. */

type Fields = Readonly<Record<string, unknown>>;

const startMs = Date.UTC(2026, 0, 31, 4);
const simulate = (voice: Voice): Simulator => simulateGateway({ voice, clock: manualClock({ startMs }) });
const { privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});
const rsa = (text: string): string => createSign('sha256').update(text).sign(privateKey, 'base64');
const bodyOf = async (response: Response): Promise<Fields> => (await response.json()) as Fields;

async function toQfpay(path: string, fields: Fields): Promise<unknown> {
  const simulated = simulate(qfpayVoice({ appCode: 'APP', clientKey: 'KEY' }));
  const form = Object.entries(fields).map(([name, value]): [string, string] => [name, String(value)]);
  const signed = form
    .sort()
    .map(pair => pair.join('='))
    .join('&');
  const response = await simulated.fetch(`https://openapi-hk.qfapi.com/trade/v1/${path}`, {
    method: 'POST',
    headers: { 'x-qf-appcode': 'APP', 'x-qf-sign': createHash('md5').update(`${signed}KEY`).digest('hex') },
    body: new URLSearchParams(form),
  });
  expect(simulated.ledger.entries.length).toBe(
    (await bodyOf(response.clone()))['respcd'] === '0000' && path === 'payment' ? 1 : 0,
  );
  return (await bodyOf(response))['respcd'];
}

async function toZalopay(path: string, signed: readonly string[], fields: Fields): Promise<unknown> {
  const simulated = simulate(zalopayVoice({ appId: 2553, key1: 'KEY', key2: 'KEY2' }));
  const told: Fields = { app_id: 2553, key1: 'KEY', ...fields };
  const text = signed.map(name => String(told[name])).join('|');
  const { key1: _secret, ...sent } = told;
  const response = await simulated.fetch(`https://sb-openapi.zalopay.vn/v2/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...sent, mac: createHmac('sha256', 'KEY').update(text).digest('hex') }),
  });
  return (await bodyOf(response))['sub_return_code'];
}

async function toIfortepay(path: string, fields: Fields): Promise<unknown> {
  const simulated = simulate(ifortepayVoice({ partnerId: 'PARTNER', privateKey }));
  const body = JSON.stringify(fields);
  const timestamp = '2026-01-31T11:00:00+07:00';
  const digest = createHash('sha256').update(body).digest('hex');
  const response = await simulated.fetch(`https://api-stage.ifortepay.id${path}`, {
    method: 'POST',
    headers: {
      'x-timestamp': timestamp,
      'x-signature': rsa(`POST:${path}:${digest}:${timestamp}`),
      'x-partner-id': 'PARTNER',
      ...{ 'x-external-id': '1', 'channel-id': 'QR004' },
    },
    body,
  });
  return (await bodyOf(response))['responseCode'];
}

async function toRebell(api: string, fields: Fields, time = new Date(startMs).toISOString()): Promise<unknown> {
  const simulated = simulate(rebellVoice({ clientId: 'CLIENT', privateKey }));
  const body = JSON.stringify(fields);
  const signature = rsa(`POST /v1/payments/${api}\nCLIENT.${time}.${body}`);
  const response = await simulated.fetch(`https://sandbox-api.rebellapp.com/v1/payments/${api}`, {
    method: 'POST',
    headers: {
      ...{ 'client-id': 'CLIENT', 'request-time': time },
      signature: `algorithm=SHA256withRSA, keyVersion=1, signature=${signature}`,
    },
    body,
  });
  return ((await bodyOf(response))['result'] as Fields)['resultCode'];
}

async function toUqpay(path: string, fields: Fields): Promise<unknown> {
  const simulated = simulate(uqpayVoice({ clientId: 'FORMS', apiKey: 'KEY' }));
  const base = 'https://api-sandbox.uqpaytech.com/api';
  const headers = { 'x-client-id': 'FORMS', 'x-api-key': 'KEY' };
  const token = await bodyOf(await simulated.fetch(`${base}/v1/connect/token`, { method: 'POST', headers }));
  const response = await simulated.fetch(`${base}/v2/${path}`, {
    method: 'POST',
    headers: {
      'x-client-id': 'FORMS',
      'x-auth-token': `Bearer ${String(token['auth_token'])}`,
      'x-idempotency-key': '6f8a1f3e-8a4b-4c1e-9d3a-2b6f1a7c5d10',
    },
    body: JSON.stringify(fields),
  });
  const { type, code } = (await response.json()) as { type?: string; code?: string };
  return type === undefined ? 'taken' : `${type}/${code ?? ''}`;
}

describe('a simulated provider refuses what the real one would', () => {
  const payment = {
    out_trade_no: 'A-1',
    txamt: 100,
    txcurrcd: 'HKD',
    pay_type: '800101',
    txdtm: '2026-01-31 12:00:00',
  };
  it.each<[string, Fields, string]>([
    ['takes a payment', {}, '0000'],
    ['a fraction of a cent', { txamt: '10.5' }, '1104'],
    ['a negative amount', { txamt: -100 }, '1104'],
    ['nothing', { txamt: 0 }, '1104'],
    ['twelve digits', { txamt: '100000000000' }, '1104'],
    ['a currency in lower case', { txcurrcd: 'hkd' }, '1104'],
    ['a currency that there is not', { txcurrcd: 'ZZZ' }, '1104'],
    ['a date of another form', { txdtm: '2026-01-31T12:00:00Z' }, '1104'],
    ['the 31st of February', { txdtm: '2026-02-31 12:00:00' }, '1104'],
  ])('qfpay: %s', async (_what, change, code) => {
    expect(await toQfpay('payment', { ...payment, ...change })).toBe(code);
  });

  it.each<[string, Fields, string]>([
    ['takes a query', {}, '0000'],
    ['a window of another form', { start_time: '2026-01-01', end_time: '2026-01-31' }, '1104'],
    ['more rows than a page has', { page_size: 101 }, '1104'],
  ])('qfpay: of a query, %s', async (_what, change, code) => {
    expect(await toQfpay('query', { out_trade_no: 'A-1', ...change })).toBe(code);
  });

  const newOrder = ['app_id', 'app_trans_id', 'app_user', 'amount', 'app_time', 'embed_data', 'item'];
  const order = {
    app_trans_id: '260131_1',
    app_user: 'u',
    amount: 1000,
    app_time: startMs,
    embed_data: '{}',
    item: '[]',
  };
  it.each<[string, Fields, number]>([
    ['takes an order', {}, 1],
    ['half a dong', { amount: 1000.5 }, -401],
    ['a negative amount', { amount: -1 }, -401],
    ['a number without its day', { app_trans_id: 'ORDER-1' }, -401],
    ['a number of a day that there is not', { app_trans_id: '260231_1' }, -401],
    ['a number of 41 characters', { app_trans_id: `260131_${'1'.repeat(34)}` }, -401],
    ['a time of the machine in seconds', { app_time: Math.floor(startMs / 1000) }, -401],
    ['a life of a minute', { expire_duration_seconds: 60 }, -401],
  ])('zalopay: %s', async (_what, change, code) => {
    expect(await toZalopay('create', newOrder, { ...order, ...change })).toBe(code);
  });

  it('zalopay: a query’s number without its day, by a code of its own', async () => {
    expect(await toZalopay('query', ['app_id', 'app_trans_id', 'key1'], { app_trans_id: 'ORDER-1' })).toBe(-92);
    expect(await toZalopay('query', ['app_id', 'app_trans_id', 'key1'], { app_trans_id: '260131_1' })).toBe(-101);
  });

  const qris = { partnerReferenceNo: 'A1', amount: { value: '10000.00', currency: 'IDR' } };
  it.each<[string, Fields, string]>([
    ['takes an order', {}, '2004700'],
    ['rupiah without decimals', { amount: { value: '10000', currency: 'IDR' } }, '4004701'],
    ['a number for a text', { amount: { value: 10_000, currency: 'IDR' } }, '4004701'],
    ['nothing', { amount: { value: '0.00', currency: 'IDR' } }, '4004701'],
    ['a negative amount', { amount: { value: '-1.00', currency: 'IDR' } }, '4004701'],
    ['another currency', { amount: { value: '10.00', currency: 'USD' } }, '4004701'],
    ['a number with a dash', { partnerReferenceNo: 'A-1' }, '4004701'],
    ['a number of 65 letters', { partnerReferenceNo: 'A'.repeat(65) }, '4004701'],
  ])('ifortepay: %s', async (_what, change, code) => {
    expect(await toIfortepay('/v1.0/qr/qr-mpm-generate', { ...qris, ...change })).toBe(code);
  });

  const charge = { paymentRequestId: 'A-1', paymentAmount: { value: '1250', currency: 'USD' } };
  it.each<[string, Fields, string]>([
    ['takes an order', {}, 'SUCCESS'],
    ['a fraction of a cent', { paymentAmount: { value: '12.50', currency: 'USD' } }, 'INVALID_AMOUNT'],
    ['a negative amount', { paymentAmount: { value: '-1', currency: 'USD' } }, 'INVALID_AMOUNT'],
    ['a currency that there is not', { paymentAmount: { value: '1', currency: 'ZZZ' } }, 'INVALID_CURRENCY'],
    ['a currency in lower case', { paymentAmount: { value: '1', currency: 'usd' } }, 'INVALID_CURRENCY'],
    ['a number of 65 characters', { paymentRequestId: 'A'.repeat(65) }, 'PARAM_ILLEGAL'],
    ['an expiry without a zone', { paymentExpiryTime: '2026-01-31 12:00' }, 'PARAM_ILLEGAL'],
  ])('rebell: %s', async (_what, change, code) => {
    expect(await toRebell('createQrOrder', { ...charge, ...change })).toBe(code);
  });

  it('rebell: a Request-Time that is no ISO 8601', async () => {
    expect(await toRebell('createQrOrder', charge, new Date(startMs).toUTCString())).toBe('REQUEST_TIME_INVALID');
  });

  const intent = {
    ...{ amount: '10.12', currency: 'SGD', merchant_order_id: 'A-1', description: 'Tea' },
    return_url: 'https://shop.example/thanks',
  };
  it.each<[string, Fields, string]>([
    ['takes an intent', {}, 'taken'],
    ['a third decimal', { amount: '10.125' }, 'payment_error/invalid_order_amount'],
    ['a negative amount', { amount: '-1.00' }, 'payment_error/invalid_order_amount'],
    ['nothing', { amount: '0.00' }, 'payment_error/invalid_order_amount'],
    ['half a yen', { amount: '10.5', currency: 'JPY' }, 'payment_error/invalid_order_amount'],
    ['a number for a text', { amount: 10.12 }, 'invalid_request_error/missing_parameter'],
    ['a currency that there is not', { currency: 'ZZZ' }, 'payment_error/invalid_order_currency'],
  ])('uqpay: %s', async (_what, change, code) => {
    expect(await toUqpay('payment_intents/create', { ...intent, ...change })).toBe(code);
  });

  it('uqpay: of a payout and a refund, by codes of their own', async () => {
    const payout = { payout_currency: 'SGD', payout_amount: '5.00', statement_descriptor: 'S' };
    expect(await toUqpay('payment/payout/create', { ...payout, payout_amount: '5.001' })).toBe(
      'payout_error/invalid_amount',
    );
    expect(await toUqpay('payment/payout/create', { ...payout, payout_currency: 'ZZZ' })).toBe(
      'payout_error/invalid_currency',
    );
    const refund = { payment_intent_id: 'PI1', amount: '-1', reason: 'r' };
    expect(await toUqpay('payment/refunds', refund)).toBe('invalid_request_error/invalid_parameter');
  });
});
