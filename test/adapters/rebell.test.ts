import { createSign, generateKeyPairSync } from 'node:crypto';
import ky from 'ky';
import { describe, expect, it } from 'vitest';
import { rebell, type RebellCredentials, type RebellFields } from '../../src/adapters/rebell/index.ts';
import { defaultPolicy, mergePolicy } from '../../src/policies/policy.ts';
import { madeUp, samples } from '../samples/rebell.ts';
import { rebellVoice, type RebellVoiceOptions } from '../../src/adapters/rebell/simulator.ts';
import { createGateway } from '../../src/client/create-gateway.ts';
import type { Gateway } from '../../src/client/gateway.ts';
import { judge } from '../../src/core/doctrine.ts';
import { InputError } from '../../src/core/errors.ts';
import { isWrite, operationOf, type Fields } from '../../src/core/operation.ts';
import type { Settlement } from '../../src/core/settlement.ts';
import { encode, encodingOf } from '../../src/engine/encode.ts';
import { openTicket, writeOf } from '../../src/engine/open-ticket.ts';
import type { Adapter, EncodedSend } from '../../src/kit/adapter.ts';
import type { Policy } from '../../src/policies/policy.ts';
import { lives, manualClock, simulateGateway, type SimulatorOptions } from '../../src/testing/index.ts';

const adapter = rebell(madeUp);
const nowMs = Date.parse('2026-11-21T05:00:00Z');
const charge = { paymentRequestId: 'order-1', paymentAmount: { currency: 'EUR', value: '1250' } };
const paymentId = '2026112112345678901234';

/** A send as the gate makes it. */
async function sent(of: Adapter, name: string, fields: Fields): Promise<{ send: EncodedSend; headers: Headers }> {
  const operation = operationOf(of, name);
  const context = {
    ...{
      operation: name,
      nowMs,
      openedAtMs: nowMs,
      sendId: '000000000000000001',
      unsent: {},
      reauthenticate: false,
      memory: new Map<string, string>(),
    },
    ...{ fetch: () => Promise.reject(new Error('nothing is fetched')), signal: new AbortController().signal },
  };
  const complete = of.body(fields, context);
  const { method, path, body } = encode(of, operation, complete, encodingOf(of, operation));
  const send: EncodedSend = { ...context, method, path, fields: complete, body };
  return { send, headers: new Headers(await of.headers(send)) };
}

const ticketOf = (name: string, fields: Fields = samples.complete[name] ?? {}) =>
  openTicket(adapter, writeOf(adapter, name), fields, nowMs, 'all');

const queryOf = (name: string, reference: Record<string, string>, of: Adapter = adapter): Fields | undefined => {
  const write = operationOf(of, name);
  return isWrite(write) ? write.query?.fields({ ...ticketOf(name), reference }, nowMs) : undefined;
};

/**
 * Made with the keys of test/samples: `printf 'POST /v1/payments/pay\nTEST_5X00000000000000.<time>.<body>' | openssl dgst
 * -sha256 -sign key.pem | openssl base64 -A`.
 */
const vectors = {
  /** 2026-11-21T05:00:00Z, the charge's body, the merchant's key. */
  request:
    'bmlDWpPUcOa3Z04JSWuf50LtVeZxNADegxoK4JefSE3yAY5ObacdVXPMCwCd95G4ouj73M4/6e8apLhZXbQQVvyWAyblYRLkxuwflKxiYdjWMdXL+KyE5I3cLZO78tKBiariTerqC4S8xtWuRql8VWrwIPX2vUUYDhZUYn9DmOubjV97RGWKW6HDlMEhVVVX/zJGg02hVcv0xh+hj5Ukec+UsWqORnz0ogpW/J/4nX1dqS+JLxD1hBdL2BDFoePkLtI9mIEIE3bJ9b/eOfiiLXIrS5NaQ3/4KC6GkRuP47qFMZPZn7rX6ElF2bBRh70/7sOSSPxeIt7aCZmApwRjrw==',
  /** 2026-11-21T05:00:01Z, the answer's body, the gateway's key. */
  answer:
    'kUxOsq92a2Apa5imS3AdWBGvuS9ULRfd+1t4DpWv1xf4SsF58WgTO5uKzxJMTuO6+mI005exChAjoSF/TKq57VAlIk4RDgDcyfEJqJGgzrkf5U+9sstwDvrbXOUoa8Ksi/4JoYZ0JcK/qH8oaBinGHnBl8te8zy3MR0RpFmivwHXyAc+BLyToTwEXQsaQWy3yVCYd+kAxah3eip1vTp8uDCvkq+y0F44Ycdvv4JhrFJVh53cpeSq9kmbz+LfHG7QZRyZOv8Ze3dtGF3D8Gz1TJ1683XhyAjEpRnet9lyjh/Tsw5YcLTVFaHfbZVvhcDWmx7Ela3Sj8OMTQXdOISSrQ==',
  /** The same, but with the merchant's key. */
  forgery:
    'of5YVsmS3uDb+LM/Ffo2c4X38+Txz7WXXuegiDonvTmtccvVcPwJoV4Ok3wSWF5HLBks9YET1T9phSDpluHuyZX3wjexLaiOc7+dBuxqwv6Qbr7kasPkvV5N/pJ2LC64JDuqPyLW45SWZOV0aFM896YCVt+LJCavdUlOJyNMAcRE9W5rdSl+pnBo/tjcnrBBP6xq6HjnWcQDdRaZdDERMCUj3ZS8dClF3F0/k/3cWIn2fK7kA1WbwrQa/V9/iMQzleQEREImYZnMat5BL/HeGWpRk3WBGHv2BFpO1+rYiCplEL3Z1+nzR8V2SWRddxJu+wB++oEWtC/uGuFjia3nuw==',
};
const answerText =
  '{"result":{"resultCode":"SUCCESS","resultStatus":"S","resultMessage":"success"},"paymentRequestId":"order-1","paymentId":"2026112112345678901234"}';

describe('signing a request', () => {
  it('signs method, path, client, time and body as openssl does', async () => {
    const { send, headers } = await sent(adapter, 'payment.charge', charge);
    expect(send.body).toBe('{"paymentRequestId":"order-1","paymentAmount":{"currency":"EUR","value":"1250"}}');
    expect(Object.fromEntries(headers)).toEqual({
      'client-id': 'TEST_5X00000000000000',
      'request-time': '2026-11-21T05:00:00Z',
      'content-type': 'application/json; charset=UTF-8',
      signature: `algorithm=SHA256withRSA, keyVersion=1, signature=${vectors.request}`,
    });
  });

  it('writes the signature in Base64URL where that is asked for', async () => {
    const { headers } = await sent(rebell({ ...madeUp, signatureEncoding: 'base64url' }), 'payment.charge', charge);
    expect(headers.get('signature')).toBe(
      `algorithm=SHA256withRSA, keyVersion=1, signature=${vectors.request.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')}`,
    );
  });

  it('signs the path that stands before the version too', async () => {
    const { send } = await sent(
      rebell({ ...madeUp, baseUrl: 'http://127.0.0.1:9/api/open/', version: 'v2' }),
      'payment.charge',
      charge,
    );
    expect(send.path).toBe('/api/open/v2/payments/pay');
  });

  it('leaves an amount as it was given, text or number', async () => {
    const { send } = await sent(adapter, 'payment.charge', {
      ...charge,
      paymentAmount: { currency: 'EUR', value: 1250 },
    });
    expect(send.body).toContain('"value":1250');
  });
});

describe('verifying an answer', () => {
  const verified = async (
    change: { text?: string; headers?: Record<string, string> } = {},
  ): Promise<boolean | undefined> => {
    const { send } = await sent(adapter, 'payment.charge', charge);
    const headers = new Headers({
      'response-time': '2026-11-21T05:00:01Z',
      signature: `algorithm=SHA256withRSA, keyVersion=1, signature=${vectors.answer}`,
      ...change.headers,
    });
    return adapter.verify?.({ send, status: 200, headers, text: change.text ?? answerText });
  };

  it('believes an answer that the gateway signed', async () => expect(await verified()).toBe(true));

  it('believes it in Base64URL too', async () => {
    expect(
      await verified({
        headers: {
          signature: `signature=${vectors.answer.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')}`,
        },
      }),
    ).toBe(true);
  });

  it('falls back to the time the gateway repeats as Request-Time', async () => {
    const { send } = await sent(adapter, 'payment.charge', charge);
    const headers = new Headers({ 'request-time': '2026-11-21T05:00:01Z', signature: `signature=${vectors.answer}` });
    expect(await adapter.verify?.({ send, status: 200, headers, text: answerText })).toBe(true);
  });

  it.each([
    encodeURIComponent(vectors.answer),
    encodeURIComponent(vectors.answer.replaceAll('+', '-').replaceAll('/', '_')),
  ])('believes it URL-encoded, as siblings of Rebell write it', async signature => {
    expect(signature).toContain('%');
    expect(
      await verified({ headers: { signature: `algorithm=SHA256withRSA, keyVersion=1, signature=${signature}` } }),
    ).toBe(true);
  });

  it.each<[string, Record<string, unknown>, boolean]>([
    ['299 seconds before', { atMs: nowMs - 299_000 }, true],
    ['299 seconds after', { atMs: nowMs + 299_000 }, true],
    ['301 seconds before', { atMs: nowMs - 301_000 }, false],
    ['301 seconds after', { atMs: nowMs + 301_000 }, false],
    ['years before', { atMs: Date.parse('2019-05-28T12:12:00Z') }, false],
    [
      '301 seconds after, saying that the clock is wrong',
      { atMs: nowMs + 301_000, result: { resultCode: 'REQUEST_TIME_INVALID', resultStatus: 'F' } },
      true,
    ],
    [
      'years before, saying that the clock is wrong',
      { atMs: Date.parse('2019-05-28T12:12:00Z'), result: { resultCode: 'REQUEST_TIME_INVALID', resultStatus: 'F' } },
      false,
    ],
    [
      '301 seconds after, declining',
      { atMs: nowMs + 301_000, result: { resultCode: 'INSUFFICIENT_BALANCE', resultStatus: 'F' } },
      false,
    ],
  ])('of an answer signed %s the request left believes only what is fresh', async (_when, {
    atMs,
    result = { resultCode: 'SUCCESS', resultStatus: 'S' },
  }, believed) => {
    const { send } = await sent(adapter, 'payment.charge', charge);
    const time = new Date(Number(atMs)).toISOString();
    const text = JSON.stringify({ result });
    const signature = createSign('RSA-SHA256')
      .update(`POST ${send.path}\n${madeUp.clientId}.${time}.${text}`)
      .sign(madeUp.gatewayPrivateKey, 'base64');
    const headers = new Headers({ 'response-time': time, signature: `signature=${signature}` });
    expect(await adapter.verify?.({ send, status: 200, headers, text })).toBe(believed);
  });

  it('does not believe an answer whose time is none', async () => {
    const { send } = await sent(adapter, 'payment.charge', charge);
    const signature = createSign('RSA-SHA256')
      .update(`POST ${send.path}\n${madeUp.clientId}.soon.${answerText}`)
      .sign(madeUp.gatewayPrivateKey, 'base64');
    expect(
      await adapter.verify?.({
        send,
        status: 200,
        headers: new Headers({ 'response-time': 'soon', signature: `signature=${signature}` }),
        text: answerText,
      }),
    ).toBe(false);
  });

  it.each([
    ['another body', { text: answerText.replace('order-1', 'order-2') }],
    ['a body parsed and written again', { text: JSON.stringify(JSON.parse(answerText), undefined, 1) }],
    ['another time', { headers: { 'response-time': '2026-11-21T05:00:02Z' } }],
    ['another key', { headers: { signature: `algorithm=SHA256withRSA, keyVersion=1, signature=${vectors.forgery}` } }],
    ['no signature', { headers: { signature: '' } }],
    [
      'a signature that is not Base64',
      { headers: { signature: 'algorithm=SHA256withRSA, keyVersion=1, signature=_' } },
    ],
  ])('does not believe an answer with %s', async (_what, change) => expect(await verified(change)).toBe(false));

  it('does not believe another operation’s answer', async () => {
    const { send } = await sent(adapter, 'payment.query', { paymentRequestId: 'order-1' });
    const headers = new Headers({ 'response-time': '2026-11-21T05:00:01Z', signature: `signature=${vectors.answer}` });
    expect(await adapter.verify?.({ send, status: 200, headers, text: answerText })).toBe(false);
  });

  it('verifies nothing without the gateway’s key', () => {
    const { clientId, privateKey, keyVersion, environment } = madeUp;
    expect(rebell({ clientId, privateKey, keyVersion, environment }).verify).toBeUndefined();
  });

  it('finds out about a key it cannot read before anything is sent, and does not quote it', async () => {
    const { privateKey } = generateKeyPairSync('ec', {
      namedCurve: 'P-256',
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    });
    await expect(sent(rebell({ ...madeUp, privateKey }), 'payment.charge', charge)).rejects.toThrow(
      new InputError('rebell: privateKey is not an RSA key.'),
    );
    const gatewayPublicKey = `-----BEGIN PUBLIC KEY-----\n${btoa('not a key')}\n-----END PUBLIC KEY-----`;
    await expect(sent(rebell({ ...madeUp, gatewayPublicKey }), 'payment.charge', charge)).rejects.toThrow(
      new InputError('rebell: gatewayPublicKey is not an RSA key.'),
    );
  });
});

describe('credentials and fields', () => {
  it.each([
    ['clientId', { clientId: 'two words' }],
    ['privateKey', { privateKey: madeUp.privateKey.replaceAll('PRIVATE', 'RSA PRIVATE') }],
    ['privateKey', { privateKey: '-----BEGIN PRIVATE KEY-----\n!!\n-----END PRIVATE KEY-----' }],
    ['gatewayPublicKey', { gatewayPublicKey: madeUp.privateKey }],
    ['keyVersion', { keyVersion: 'first' }],
    ['version', { version: 'v3' }],
    ['paths', { paths: { 'payment.pay': '/v1/payments/pay' } }],
    ['paths', { paths: { 'payment.charge': 'v1/payments/pay' } }],
    ['inquireBy', { inquireBy: 'orderId' }],
    ['signatureEncoding', { signatureEncoding: 'hex' }],
    ['environment', { environment: 'staging' }],
    ['baseUrl', { baseUrl: 'ftp://api.rebellapp.com' }],
  ])('a wrong %s is refused by name', (name, wrong) => {
    const make = () => rebell({ ...madeUp, ...wrong } as unknown as RebellCredentials);
    expect(make).toThrow(InputError);
    expect(make).toThrow(name);
    expect(make).not.toThrow('MII');
  });

  it.each([
    ['no amount', {}],
    ['an amount in major units', { paymentAmount: { currency: 'EUR', value: '12.50' } }],
    ['an amount of nothing', { paymentAmount: { currency: 'EUR', value: 0 } }],
    ['a currency in small letters', { paymentAmount: { currency: 'eur', value: '1250' } }],
    ['a number that is too long', { paymentRequestId: 'x'.repeat(65), paymentAmount: charge.paymentAmount }],
  ])('a charge with %s is refused', (_what, wrong) => {
    expect(() => ticketOf('payment.charge', { paymentRequestId: 'order-1', ...wrong })).toThrow(InputError);
  });

  it('a cancel must name its payment by one number or the other', () => {
    expect(() => ticketOf('payment.cancel', {})).toThrow(InputError);
    expect(ticketOf('payment.cancel', { paymentId }).reference).toEqual({ paymentId });
    expect(ticketOf('payment.cancel', { paymentRequestId: 'order-1' }).reference).toEqual({
      paymentRequestId: 'order-1',
    });
  });

  it('a ticket holds numbers and the amount, and neither code nor token', () => {
    expect(
      ticketOf('payment.charge', { ...charge, paymentAuthCode: '289123456789012345', accessToken: 'token' }),
    ).toMatchObject({
      gateway: 'rebell',
      account: madeUp.clientId,
      reference: { paymentRequestId: 'order-1' },
      expect: { amount: '1250', currency: 'EUR' },
      charge: true,
    });
    expect(
      JSON.stringify(
        ticketOf('payment.charge', { ...charge, paymentAuthCode: '289123456789012345', accessToken: 'token' }),
      ),
    ).not.toMatch(/289123|token/);
  });
});

describe('paths', () => {
  const urlOf = async (name: string, fields: Fields = {}, options: Partial<RebellCredentials> = {}): Promise<string> =>
    (await sent(rebell({ ...madeUp, ...options }), name, { ...samples.complete[name], ...fields })).send.path;

  it('are those of v1 by default', async () => {
    const paths = await Promise.all(
      Object.keys(adapter.operations).map(async name => [name, await urlOf(name)] as const),
    );
    expect(Object.fromEntries(paths)).toEqual({
      'payment.charge': '/v1/payments/pay',
      'payment.create': '/v1/payments/createQrOrder',
      'payment.query': '/v1/payments/inquiryPayment',
      'payment.cancel': '/v1/payments/cancel',
      'payment.void': '/v1/payments/void',
      'payment.capture': '/v1/payments/capture',
      'refund.create': '/v1/payments/refund',
      'refund.query': '/v1/payments/inquiryRefund',
      'void.query': '/v1/payments/inquiryVoid',
      'capture.query': '/v1/payments/inquiryCapture',
      'message.send': '/v1/messages/sendPush',
    });
  });

  it('are those of v2 where that is asked for', async () => {
    expect(await urlOf('payment.charge', {}, { version: 'v2' })).toBe('/v2/payments/pay');
    expect(await urlOf('refund.create', {}, { version: 'v2' })).toBe('/v2/payments/refundApply');
  });

  it('name the API that the fields ask for, which is not sent', async () => {
    const { send } = await sent(adapter, 'payment.charge', { ...charge, api: 'retailPay' });
    expect(send).toMatchObject({ path: '/v1/payments/retailPay', body: JSON.stringify(charge) });
    expect(await urlOf('payment.create', { api: 'linkPayCreate' })).toBe('/v1/payments/linkPayCreate');
    expect(await urlOf('message.send', { api: 'sendInbox' })).toBe('/v1/messages/sendInbox');
    await expect(urlOf('payment.charge', { api: 'inquiryPayment' })).rejects.toThrow(InputError);
  });

  it('can be replaced one by one', async () => {
    const paths = { 'payment.charge': '/v3/pay' };
    expect(await urlOf('payment.charge', {}, { paths })).toBe('/v3/pay');
    expect(await urlOf('payment.query', {}, { paths })).toBe('/v1/payments/inquiryPayment');
  });
});

describe('status queries', () => {
  it('ask by the merchant’s number, and by the gateway’s too once it is known', () => {
    expect(queryOf('payment.charge', { paymentRequestId: 'order-1' })).toEqual({ paymentRequestId: 'order-1' });
    expect(queryOf('payment.create', { paymentRequestId: 'order-1', paymentId })).toEqual({
      paymentRequestId: 'order-1',
      paymentId,
    });
    expect(queryOf('payment.cancel', { paymentId })).toEqual({ paymentId });
    expect(queryOf('refund.create', { refundRequestId: 'r-1', paymentId })).toEqual({ refundRequestId: 'r-1' });
    expect(queryOf('payment.void', { voidRequestId: 'v-1', paymentId, voidId: '7' })).toEqual({
      voidRequestId: 'v-1',
      voidId: '7',
    });
    expect(queryOf('payment.capture', { captureRequestId: 'c-1', paymentId })).toEqual({ captureRequestId: 'c-1' });
  });

  it('wait for the gateway’s number where only that is taken', () => {
    const strict = rebell({ ...madeUp, inquireBy: 'paymentId' });
    expect(queryOf('payment.charge', { paymentRequestId: 'order-1' }, strict)).toBeUndefined();
    expect(queryOf('payment.charge', { paymentRequestId: 'order-1', paymentId }, strict)).toEqual({
      paymentRequestId: 'order-1',
      paymentId,
    });
  });

  it('are three seconds apart at first, and less often later', () => {
    const waits = mergePolicy(defaultPolicy, adapter.policy).poll.backoff.list(12);
    expect(waits[0]).toBe(3000);
    expect(waits.every((wait, index) => wait >= 3000 && wait >= (waits[index - 1] ?? 0))).toBe(true);
    expect(adapter.policy.poll?.absentAfterMs).toBe(300_000);
  });

  it('are 3 to 5 seconds apart in the first 20 seconds, and go on until absence can be believed', () => {
    const { backoff, absentAfterMs = Infinity, deadlineMs } = mergePolicy(defaultPolicy, adapter.policy).poll;
    const waits = backoff.list(12);
    const soon = waits.filter((_wait, index) => waits.slice(0, index).reduce((sum, each) => sum + each, 0) < 20_000);
    expect(soon.length).toBeGreaterThan(4);
    for (const wait of soon) expect(wait).toBeLessThanOrEqual(5000);
    expect(deadlineMs).toBeGreaterThan(absentAfterMs);
  });
});

describe('status and code', () => {
  const cases = Object.entries(samples.manual).flatMap(([operation, codes]) =>
    codes.filter(code => !code.includes('/')).map(code => ({ operation, code })),
  );
  const verdictsOf = ({ operation, code }: { operation: string; code: string }) =>
    ['S', 'A', 'U', 'F', 's', undefined].map(resultStatus =>
      adapter.classify({ operation, status: 200, body: { result: { resultCode: code, resultStatus }, paymentId } }),
    );

  it('every code counts under one status, and under no other', () => {
    for (const each of cases) {
      const listed = verdictsOf(each).filter(verdict => verdict.listed);
      expect(listed.length, `${each.operation} ${each.code}`).toBe(1);
      expect(listed[0]?.code).toBe(each.code);
    }
  });

  it('nothing is final under U or A, and only SUCCESS is a success', () => {
    for (const each of cases) {
      const [done, accepted, unknown, failed] = verdictsOf(each);
      expect(accepted?.kind).not.toBe('terminal');
      expect(unknown?.kind).not.toBe('terminal');
      expect(failed).not.toMatchObject({ outcome: 'succeeded' });
      if (each.code !== 'SUCCESS') expect(done?.kind).not.toBe('terminal');
    }
  });
});

describe('what an answer says', () => {
  const reading = (operation: string, body: object) =>
    operationOf(adapter, operation).read?.({ operation, sent: {}, status: 200, body });

  it('of a failed payment is why, not the inquiry’s own "success"', () => {
    const failed = {
      result: { resultCode: 'SUCCESS', resultStatus: 'S', resultMessage: 'success' },
      paymentId,
      paymentStatus: 'FAIL',
    };
    expect(adapter.classify({ operation: 'payment.query', status: 200, body: failed }).message).toBeUndefined();
    expect(
      adapter.classify({
        operation: 'payment.query',
        status: 200,
        body: { ...failed, paymentResultMessage: 'Not enough money.' },
      }).message,
    ).toBe('Not enough money.');
    expect(
      adapter.classify({
        operation: 'payment.query',
        status: 200,
        body: { ...failed, failureReason: 'USER_REJECTED', paymentResultMessage: 'x' },
      }).message,
    ).toBe('USER_REJECTED');
  });

  it.each([
    ['WALLET_ON_HOLIDAY', 'F', true],
    ['QR_EXPIRED', 'F', true],
    ['USER_REJECTED', 'F', true],
    ['WALLET_ON_HOLIDAY', 'U', false],
    ['WALLET_ON_HOLIDAY', undefined, false],
    ['SUCCESS', 'F', false],
    ['PROCESS_FAIL', 'F', true],
    ['PAYMENT_TIMEOUT', 'F', true],
    ['ORDER_IS_CLOSED', 'F', true],
  ])('%s under %s refuses: %s', (resultCode, resultStatus, refuses) => {
    expect(reading('payment.create', { result: { resultCode, resultStatus } })).toMatchObject({ refuses });
  });
});

describe('a write', () => {
  const writeNamed = (name: string) => writeOf(adapter, name);

  it('shares its number with those of its kind: charges and orders, but no refund', () => {
    expect(writeNamed('payment.charge').identity).toEqual(writeNamed('payment.create').identity);
    expect(writeNamed('refund.create').identity).toBeUndefined();
  });

  it('is a refusal of a cancel too, unless the payment may only be late', () => {
    const reading = (resultCode: string) =>
      adapter.read({ operation: 'payment.cancel', status: 200, body: { result: { resultCode, resultStatus: 'F' } } });
    expect(reading('WALLET_ON_HOLIDAY')).toMatchObject({ refuses: true });
    expect(reading('ORDER_NOT_EXIST')).toMatchObject({ refuses: false });
  });

  it('can be charged for a minute by a scanned code', () => {
    expect(writeNamed('payment.charge').chargeableForMs?.({ ...charge, paymentAuthCode: '289123456789012345' })).toBe(
      60_000,
    );
    expect(writeNamed('payment.charge').chargeableForMs?.(charge)).toBe(300_000);
  });

  it('ends when it says so', () => {
    expect(ticketOf('payment.create', { ...charge, paymentExpiryTime: '2026-11-21T06:15:00+01:00' }).expiresAt).toBe(
      '2026-11-21T05:15:00.000Z',
    );
    expect(ticketOf('payment.create', charge).expiresAt).toBe('2026-11-21T05:30:00.000Z');
    expect(ticketOf('payment.charge', charge).expiresAt).toBeUndefined();
  });
});

describe('what a query means for a cancel', () => {
  const asked = (paymentStatus: string, refused: boolean) =>
    judge(
      adapter,
      {
        operation: 'payment.query',
        status: 200,
        body: { result: { resultCode: 'SUCCESS', resultStatus: 'S' }, paymentRequestId: 'order-1', paymentStatus },
      },
      { reference: { paymentRequestId: 'order-1' }, follows: 'cancel', refused },
    ).verdict;

  it('a failed payment is a cancel that succeeded', () =>
    expect(asked('FAIL', false)).toMatchObject({ outcome: 'succeeded' }));
  it('a paid payment leaves it open until the cancel was refused', () => {
    expect(asked('SUCCESS', false)).toMatchObject({ kind: 'poll-required' });
    expect(asked('SUCCESS', true)).toMatchObject({ outcome: 'failed', reason: 'already-final' });
  });
});

describe('from send to settlement', () => {
  const setUp = (
    options: Omit<SimulatorOptions, 'voice' | 'clock'> & { voice?: RebellVoiceOptions } = {},
    of: Adapter = adapter,
  ) => {
    const clock = manualClock({ startMs: nowMs });
    const { voice, ...rest } = options;
    const bank = simulateGateway({ voice: rebellVoice(madeUp, voice), clock, ...rest });
    const gateway = createGateway({ adapter: of as typeof adapter, clock, client: ky.create({ fetch: bank.fetch }) });
    // A signature is made by a thread, which the clock cannot see.
    const run = <T>(work: Promise<T>): Promise<T> => clock.run(work);
    return { bank, gateway, run };
  };

  /** A gateway of fixed words, unsigned: what the inquiry says, and what every other call does. */
  const saying = (of: { write: (call: number) => object; inquiry: object }, policy: Policy = {}) => {
    const clock = manualClock({ startMs: nowMs });
    const { gatewayPublicKey: _key, ...unsigned } = madeUp;
    let calls = 0;
    const fetch = (input: RequestInfo | URL): Promise<Response> => {
      const isInquiry = new URL(input instanceof Request ? input.url : input).pathname.includes('inquiry');
      const body = isInquiry ? of.inquiry : of.write((calls += 1));
      return Promise.resolve(Response.json(body));
    };
    const gateway = createGateway({ adapter: rebell(unsigned), clock, client: ky.create({ fetch }), policy });
    return { gateway, run: <T>(work: Promise<T>): Promise<T> => clock.run(work) };
  };
  const said = (resultStatus: string, resultCode: string, extra: object = {}): object => ({
    result: { resultStatus, resultCode, resultMessage: resultCode.toLowerCase() },
    ...extra,
  });
  const ours = { paymentRequestId: 'order-1', paymentId };

  it('a charge whose answer was lost is found by its number, and was made once', async () => {
    const { bank, gateway, run } = setUp({ faults: { onSend: ['reset-after-booking'] } });
    expect(await run(gateway.settle('payment.charge', charge))).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'query',
      attempts: 1,
    });
    expect(bank.ledger.payment('order-1')).toMatchObject({ bookings: 1, sends: 1 });
  });

  it.each([
    'reset-before-booking',
    'rate-limited',
    '504-before-booking',
  ] as const)('a charge that the inquiry does not know after %s is sent again under its number within 10 seconds, and made once', async fault => {
    for (const paymentAuthCode of ['289123456789012345', undefined]) {
      const { bank, gateway, run } = setUp({ faults: { onSend: [fault] } });
      const settled = await run(
        gateway.settle('payment.charge', { ...charge, ...(paymentAuthCode !== undefined && { paymentAuthCode }) }),
      );
      expect(settled).toMatchObject({ outcome: 'succeeded', attempts: 2 });
      expect(settled.elapsedMs).toBeLessThan(10_000);
      expect(bank.ledger.payment('order-1')).toMatchObject({ bookings: 1 });
    }
  });

  it.each([
    'reset-before-booking',
    'rate-limited',
    '504-before-booking',
  ] as const)('an order that the inquiry does not know after %s has its code within 10 seconds, and was made once', async fault => {
    const { bank, gateway, run } = setUp({ lives: { create: lives.open() }, faults: { onSend: [fault] } });
    const settled = await run(gateway.settle('payment.create', charge));
    expect(settled).toMatchObject({
      outcome: 'created',
      attempts: 2,
      answer: { qrCode: expect.stringContaining('https://') as unknown },
    });
    expect(settled.elapsedMs).toBeLessThan(10_000);
    expect(bank.ledger.entries).toHaveLength(1);
  });

  it.each([
    'refund.create',
    'payment.void',
  ] as const)('a %s that was lost on the way is made within 10 seconds, and once', async operation => {
    const { bank, gateway, run } = setUp({ faults: { on: { [operation]: ['reset-before-booking'] } } });
    const { reference } = await run(gateway.settle('payment.charge', charge));
    const of = { paymentId: reference.provider ?? '' };
    const refund = () =>
      gateway.settle('refund.create', { ...of, refundRequestId: 'refund-1', refundAmount: charge.paymentAmount });
    const settled = await run(
      operation === 'refund.create' ? refund() : gateway.settle('payment.void', { ...of, voidRequestId: 'void-1' }),
    );
    expect(settled).toMatchObject({ outcome: 'succeeded', attempts: 2 });
    expect(settled.elapsedMs).toBeLessThan(10_000);
    expect(bank.ledger.payment('order-1')).toMatchObject({
      state: operation === 'refund.create' ? 'refunded' : 'canceled',
    });
  });

  it('an order or a refund that never arrives is sent three times at most, and within five minutes', async () => {
    const lost = setUp({ faults: { onSend: Array.from({ length: 9 }, () => 'reset-before-booking' as const) } });
    expect(await lost.run(lost.gateway.settle('payment.create', charge))).toMatchObject({
      outcome: 'absent',
      attempts: 3,
    });
    const old = setUp();
    const ticket = { ...ticketOf('payment.create', charge), openedAt: new Date(nowMs - 300_000).toISOString() };
    expect(
      await old.run(old.gateway.settle('payment.create', charge, { ticket, mayHaveBeenSent: true })),
    ).toMatchObject({ attempts: 0 });
  });

  it('a charge that was lost, and whose second send is declined, is failed within 15 seconds though the inquiry knows of neither', async () => {
    const { gateway, run } = saying({
      write: call => (call === 1 ? said('U', 'UNKNOWN_EXCEPTION') : said('F', 'INSUFFICIENT_BALANCE')),
      inquiry: said('F', 'ORDER_NOT_EXIST'),
    });
    const settled = await run(gateway.settle('payment.charge', charge));
    expect(settled).toMatchObject({
      outcome: 'failed',
      attempts: 2,
      verdict: { code: 'INSUFFICIENT_BALANCE', reason: 'insufficient-funds' },
    });
    expect(settled.elapsedMs).toBeLessThan(15_000);
  });

  it.each([
    'AUTH_CODE_ALREADY_USED',
    'INVALID_AUTH_CODE',
    'REPEAT_REQ_INCONSISTENT',
    'ORDER_IS_CLOSED',
  ])('a charge that was lost, and whose second send is answered %s, is not said to have failed', async code => {
    const { gateway, run } = saying({
      write: call => (call === 1 ? said('U', 'UNKNOWN_EXCEPTION') : said('F', code)),
      inquiry: said('F', 'ORDER_NOT_EXIST'),
    });
    expect((await run(gateway.settle('payment.charge', charge))).outcome).not.toBe('failed');
  });

  it.each([
    'WALLET_ON_HOLIDAY',
    'QR_EXPIRED',
    'PROCESS_FAIL',
    'PAYMENT_TIMEOUT',
    'ORDER_NOT_EXIST',
    'ORDER_IS_CLOSED',
    'ORDER_STATUS_INVALID',
  ])('a charge refused with %s under F, which the inquiry twice does not know, is failed within 10 seconds', async refusal => {
    const { bank, gateway, run } = setUp({ voice: { refusal } });
    const settled = await run(gateway.settle('payment.charge', charge));
    expect(settled).toMatchObject({ outcome: 'failed', attempts: 1, polls: 2, verdict: { code: refusal } });
    expect(settled.elapsedMs).toBeLessThan(10_000);
    expect(bank.ledger.payment('order-1')).toBeUndefined();
  });

  it.each([
    'redirectionUrl',
    'redirectUrl',
  ] as const)('a payer is sent to the cashier, whose page stands in %s', async cashier => {
    const { gateway, run } = setUp({ voice: { cashier }, lives: { create: lives.paidAfter(20_000) } });
    const made = await run(gateway.settle('payment.charge', charge));
    expect(made).toMatchObject({
      outcome: 'created',
      polls: 0,
      answer: { redirectActionForm: { [cashier]: expect.stringContaining('https://') as unknown } },
    });
    expect(await run(gateway.untilSettled(made.ticket))).toMatchObject({ outcome: 'succeeded', settledBy: 'query' });
  });

  it.each<[string, (gateway: Gateway<RebellFields>) => Promise<Settlement>]>([
    ['charge', gateway => gateway.settle('payment.charge', charge)],
    [
      'refund',
      gateway =>
        gateway.settle('refund.create', { refundRequestId: 'refund-1', paymentId, refundAmount: charge.paymentAmount }),
    ],
    ['void', gateway => gateway.settle('payment.void', { voidRequestId: 'void-1', paymentId })],
  ])('a success that names nothing makes no %s succeed: the inquiry says what became of it', async (what, settle) => {
    const clock = manualClock({ startMs: nowMs });
    const { gatewayPublicKey: _key, ...unsigned } = madeUp;
    const paths: string[] = [];
    const fetch = (input: RequestInfo | URL): Promise<Response> => {
      paths.push(new URL(input instanceof Request ? input.url : input).pathname);
      const isInquiry = paths.at(-1)?.includes('inquiry') === true;
      const code = what === 'refund' ? 'REFUND_NOT_EXIST' : 'ORDER_NOT_EXIST';
      return Promise.resolve(
        Response.json({
          result: isInquiry ? { resultCode: code, resultStatus: 'F' } : { resultCode: 'SUCCESS', resultStatus: 'S' },
        }),
      );
    };
    const gateway = createGateway({
      adapter: rebell(unsigned),
      clock,
      client: ky.create({ fetch }),
      policy: { retry: { attempts: 1 } },
    });
    const settled = await clock.run(settle(gateway));
    expect(settled.outcome).not.toBe('succeeded');
    expect(settled.timeline).toContainEqual(
      expect.objectContaining({
        type: 'answer',
        verdict: expect.objectContaining({ kind: 'poll-required', code: 'SUCCESS/unnamed' }) as unknown,
      }),
    );
    expect(paths.length).toBeGreaterThan(2);
  });

  it.each<[string, object]>([
    ['the state FAIL', { paymentStatus: 'FAIL' }],
    ['the state PROCESSING', { paymentStatus: 'PROCESSING' }],
    ['a form that is the text of one', { redirectActionForm: '{"redirectUrl":"https://cashier.example"}' }],
    [
      'a form that names its page by another word',
      { redirectActionForm: { method: 'GET', url: 'https://cashier.example' } },
    ],
    ['a form by a sibling’s name', { actionForm: '{"redirectUrl":"https://cashier.example"}' }],
    ['a page beside it', { redirectUrl: 'https://cashier.example' }],
  ])('a charge that says "success" beside %s is not paid before the inquiry says so', async (_what, extra) => {
    const open = saying({
      write: () => said('S', 'SUCCESS', { ...ours, ...extra }),
      inquiry: said('S', 'SUCCESS', { ...ours, paymentStatus: 'PROCESSING' }),
    });
    expect((await open.run(open.gateway.settle('payment.charge', charge))).outcome).not.toBe('succeeded');
    const paid = saying({
      write: () => said('S', 'SUCCESS', { ...ours, ...extra }),
      inquiry: said('S', 'SUCCESS', { ...ours, paymentStatus: 'SUCCESS' }),
    });
    expect(await paid.run(paid.gateway.settle('payment.charge', charge))).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'query',
    });
  });

  it.each([
    ['S', 'SUCCESS'],
    ['U', 'PAYMENT_IN_PROCESS'],
  ])('a payer whom %s %s sends to a page is sent there once the inquiry says that nothing is paid yet', async (status, code) => {
    const redirectActionForm = { redirectUrl: 'https://cashier.example' };
    const { gateway, run } = saying({
      write: () => said(status, code, { ...ours, redirectActionForm }),
      inquiry: said('S', 'SUCCESS', { ...ours, paymentStatus: 'PROCESSING' }),
    });
    const settled = await run(gateway.settle('payment.charge', charge));
    expect(settled).toMatchObject({
      outcome: 'created',
      settledBy: 'query',
      polls: 1,
      answer: { redirectActionForm },
      verdict: { reason: 'awaiting-payer', advice: expect.stringContaining('redirectActionForm') as string },
    });
  });

  it('a drop-in client is never given a "success" that the inquiry calls open', async () => {
    const { gateway, run } = saying({
      write: () => said('S', 'SUCCESS', { ...ours, redirectActionForm: { redirectUrl: 'https://cashier.example' } }),
      inquiry: said('S', 'SUCCESS', { ...ours, paymentStatus: 'PROCESSING' }),
    });
    await expect(run(gateway.client.post('v1/payments/pay', { json: charge }))).rejects.toMatchObject({
      name: 'SettledError',
      settlement: { outcome: 'created' },
    });
  });

  it.each([
    'SUCCESS',
    'FAIL',
    'CANCELED',
  ])('an inquiry that says %s and names no payment settles none', async paymentStatus => {
    const { gateway, run } = saying({
      write: () => said('A', 'ACCEPT', ours),
      inquiry: said('S', 'SUCCESS', { paymentStatus }),
    });
    expect(await run(gateway.settle('payment.charge', charge))).toMatchObject({
      outcome: 'unresolved',
      verdict: { code: `payment/${paymentStatus}/unnamed` },
    });
  });

  it('an inquiry that is itself refused with the charge’s own code ends nothing', async () => {
    const { gateway, run } = saying({ write: () => said('F', 'GATEWAY_ERR'), inquiry: said('F', 'GATEWAY_ERR') });
    expect((await run(gateway.settle('payment.charge', charge))).outcome).toBe('unresolved');
  });

  it('a refusal with the message "success" tells no such message', async () => {
    const { gateway, run } = saying({
      write: () => ({ result: { resultStatus: 'F', resultCode: 'WALLET_ON_HOLIDAY', resultMessage: 'success' } }),
      inquiry: said('F', 'ORDER_NOT_EXIST'),
    });
    const { outcome, verdict } = await run(gateway.settle('payment.charge', charge));
    expect([outcome, verdict.code, verdict.message]).toEqual(['failed', 'WALLET_ON_HOLIDAY', undefined]);
  });

  it('a charge without a query to ask by is sent again under its number, and made once', async () => {
    const { bank, gateway, run } = setUp(
      { faults: { onSend: ['reset-after-booking'] } },
      rebell({ ...madeUp, inquireBy: 'paymentId' }),
    );
    expect(await run(gateway.settle('payment.charge', charge))).toMatchObject({ outcome: 'succeeded', attempts: 2 });
    expect(bank.ledger.payment('order-1')).toMatchObject({ bookings: 1, sends: 2 });
  });

  it('a success that the gateway did not sign is never a success', async () => {
    const clock = manualClock({ startMs: nowMs });
    const bank = simulateGateway({ voice: rebellVoice({ ...madeUp, gatewayPrivateKey: madeUp.privateKey }), clock });
    const gateway = createGateway({ adapter, clock, client: ky.create({ fetch: bank.fetch }) });
    const settlement = await clock.run(gateway.settle('payment.charge', charge));
    expect(settlement).toMatchObject({ outcome: 'unresolved', verdict: { code: 'unreadable' }, attempts: 1 });
    expect(bank.ledger.payment('order-1')?.bookings).toBe(1);
  });

  it('an order whose code was lost gets it from a second send', async () => {
    const { bank, gateway, run } = setUp({
      lives: { create: lives.open() },
      faults: { onSend: ['reset-after-booking'] },
    });
    expect(await run(gateway.settle('payment.create', charge))).toMatchObject({
      outcome: 'created',
      attempts: 2,
      answer: { qrCode: expect.stringContaining('https://') as unknown },
    });
    expect(bank.ledger.entries).toHaveLength(1);
  });

  it('a payment is charged, voided, and asked about by the void’s own number', async () => {
    const { bank, gateway, run } = setUp({ faults: { on: { 'payment.void': ['reset-after-booking'] } } });
    const { reference } = await run(gateway.settle('payment.charge', charge));
    expect(
      await run(gateway.settle('payment.void', { voidRequestId: 'void-1', paymentId: reference.provider ?? '' })),
    ).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'query',
      verdict: { code: 'void/SUCCESS' },
    });
    expect(bank.ledger.payment('order-1')).toMatchObject({ state: 'canceled' });
  });

  it('the drop-in client keeps the API that its path names', async () => {
    const { bank, gateway, run } = setUp({ faults: { onSend: ['reset-after-booking'] } });
    const answer = await run(
      gateway.client
        .post('v1/payments/retailPay', { json: { ...charge, paymentAuthCode: '289123456789012345' } })
        .json(),
    );
    expect(answer).toMatchObject({ paymentStatus: 'SUCCESS' });
    expect(bank.requests.map(({ path }) => path)).toEqual(['/v1/payments/retailPay', '/v1/payments/inquiryPayment']);
    expect(bank.ledger.payment('order-1')).toMatchObject({ bookings: 1, sends: 1 });
  });

  it('a refund on its way is followed to its end', async () => {
    const { gateway, run } = setUp({ lives: { refund: lives.paidAfter(20_000) } });
    const { reference } = await run(gateway.settle('payment.charge', charge));
    const refund = {
      refundRequestId: 'refund-1',
      paymentId: reference.provider ?? '',
      refundAmount: { currency: 'EUR', value: 500 },
    };
    expect(await run(gateway.settle('refund.create', refund))).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'query',
      verdict: { code: 'refund/SUCCESS' },
    });
  });

  it('the gateway refuses a signature of another key and a clock that is off', async () => {
    const other = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    });
    const { gateway, run } = setUp({}, rebell({ ...madeUp, privateKey: other.privateKey }));
    expect(await run(gateway.settle('payment.charge', charge))).toMatchObject({
      outcome: 'rejected',
      verdict: { code: 'INVALID_SIGNATURE' },
    });

    const late = simulateGateway({ voice: rebellVoice(madeUp), clock: manualClock({ startMs: nowMs + 301_000 }) });
    const clock = manualClock({ startMs: nowMs });
    const behind = createGateway({ adapter, clock, client: ky.create({ fetch: late.fetch }) });
    expect(await clock.run(behind.settle('payment.charge', charge))).toMatchObject({
      outcome: 'rejected',
      verdict: { code: 'REQUEST_TIME_INVALID' },
    });
  });
});
