import { generateKeyPairSync } from 'node:crypto';
import ky from 'ky';
import { describe, expect, it } from 'vitest';
import { ifortepay, type IfortepayCredentials, type IfortepayFields } from '../../src/adapters/ifortepay/index.ts';
import { credentials, samples } from '../samples/ifortepay.ts';
import { ifortepayVoice, type IfortepayVoiceOptions } from '../../src/adapters/ifortepay/simulator.ts';
import { judge } from '../../src/core/doctrine.ts';
import { isInputError } from '../../src/core/errors.ts';
import { isWrite, operationOf, type Fields } from '../../src/core/operation.ts';
import { subjectOfTicket } from '../../src/core/subject.ts';
import { openTicket, writeOf } from '../../src/engine/open-ticket.ts';
import { createGateway, type Policy } from '../../src/index.ts';
import type { EncodedSend, SendContext } from '../../src/kit/adapter.ts';
import type { Token, TokenStore } from '../../src/kit/token.ts';
import { lives, manualClock, simulateGateway, type SimulatorOptions } from '../../src/testing/index.ts';

const { adapter } = samples;
/** 10:30 in Jakarta. */
const nowMs = Date.UTC(2026, 10, 21, 3, 30);
const timestamp = '2026-11-21T10:30:00+07:00';
const body = JSON.stringify(samples.complete['qris.create']);

function memoryStore(): TokenStore & { readonly kept: Map<string, Token> } {
  const kept = new Map<string, Token>();
  return { kept, get: key => kept.get(key), set: (key, token) => kept.set(key, token) };
}

const sendOf = (more: Partial<EncodedSend> = {}): EncodedSend => ({
  operation: 'qris.create',
  nowMs,
  openedAtMs: nowMs,
  sendId: '179525340000012345',
  unsent: {},
  reauthenticate: false,
  memory: new Map(),
  fetch: () => Promise.reject(new Error('nothing is sent here')),
  signal: new AbortController().signal,
  method: 'POST',
  path: '/v1.0/qr/qr-mpm-generate',
  fields: samples.complete['qris.create'] ?? {},
  body,
  ...more,
});

/** A token endpoint: `token-1`, `token-2`, …, and every request it got. */
function tokenEndpoint(answer: Record<string, unknown> = { expiresIn: '900' }): {
  fetch: SendContext['fetch'];
  requests: Request[];
} {
  const requests: Request[] = [];
  return {
    requests,
    async fetch(request) {
      requests.push(request);
      await Promise.resolve();
      return Response.json({
        responseCode: '2007300',
        accessToken: `token-${requests.length}`,
        tokenType: 'Bearer',
        ...answer,
      });
    },
  };
}

const symmetric = (more: Partial<IfortepayCredentials> = {}) =>
  ifortepay({ ...credentials, signature: 'symmetric', tokens: memoryStore(), ...more });

/*
 * The vectors below are openssl's. With the key of test/samples in key.pem, the body of its qris.create in
 * body.json:
 *
 *   hash=$(openssl dgst -sha256 -hex < body.json | sed 's/.*= //'); t=2026-11-21T10:30:00+07:00
 *   printf '%s' "POST:/v1.0/qr/qr-mpm-generate:$hash:$t" | openssl dgst -sha256 -sign key.pem | base64 -w0
 *   printf '%s' "POST:/v1.0/qr/qr-mpm-generate:token-1:$hash:$t" | openssl dgst -sha512 -hmac sample-client-secret-6b1f
 * -binary | base64 -w0
 *   printf '%s' "IFP2024067944|$t" | openssl dgst -sha256 -sign key.pem | base64 -w0
 *   printf '%s' "IFP2024067944:$t" | openssl dgst -sha256 -sign key.pem | base64 -w0
 */
const vectors = {
  body: '{"partnerReferenceNo":"ORDER20261120001","amount":{"value":"10000.00","currency":"IDR"},"additionalInfo":{"callbackUrl":"https://shop.example/ifortepay"}}',
  rsa: 'Lpcg7VbltERVeYFg5X152fSDDjzCqVFo00yAlsqvTOwCgsWvAtYKUmU0+9czJN6IEFaFjjJFfxmVisea7eLc1+Fp5g0ywXU0pOoinmE459RQSW5YoMGt2SAxxh2N7Y77SInEFQWMR79WgN8mVLqN4l/VC48N31csLepQv8dbcYC5vezVd7mz+752ei69G829xxL33OOIeflnIOMWbx8+Z+jbK4Lwz6BEsYXbbtvwCFnsB6VKnImDP3n3fLijg2gahQWQTxSS50UUcWTk2PZraTUztMSd629Hxd20tDL9+60Smg6YcncaAOXa28rmXo7brCNtBFllW7RDqjLn3LOE8w==',
  hmac: 'gPEY4mhlMTnH/pnqWPC2GTxDap3ub1MAcb3QWfyIQa2Id0v7DOXbZEzRNr21vnemdjlnMKGdwXQVZ2pG1lnxug==',
  tokenPipe:
    'fcQ+2HmQo6Zbbgq3qJ6ZMHcbfCcWXzMpa8RxtyXFblK899ZgaBJo4I2dBv4wXoU+COOG126yF9+oprptLzUlHWV1f6voP8q1XMpTQ68+bB8EZ/JGt5vzT+7Na219Gf6xKz4owVpvWeUmcgKiDBdOsv92xDEUxUfyEDbXv20UpAflTOyW1XU1AB8a4kFPf86OYLXTjWW9bU4aOYvevi0vWJz8ncRyHy29zCypzd9Vsv4BqlTfUmKJR4z3YD123sxXucNdFCD1fr93ONSb2Ic0liB97OmvuGM0lmTl1VnZt2WFw5UfA6puZkXwLz/sic/KbvRGJZgqjSn2khMvwcFnvA==',
  tokenColon:
    'cZJCOyBldCSutT7GTfVWfaay8o4hmmiNCflGK44oIK/tvf72dfhlBacg6/S1GlPyHftAt92OWwFypQEQ9le1ukJTkUFPd1Saonu3lU+SMc0qSyMXONIdQfMZfLbhxZ2tFI0AO0vGhkVifRSstG3uMjQIjj7M2XVloXKvmYExY4ZppiiFnUb52Eq0lCdvAD3V6rN7bDqo6F12nIRxK2tHN21KoLvtcTWkplKr1ixfi+4/dqjk8J7P8De8uVcD2/43n1V4CH08YXVG2m1M673GXmodBHkpDiNyB93CuZU6kx8NnxPVVy9SH9kU8uucS3QJEGjiE9eD3HWDV9Wy81MRrg==',
};

describe('an asymmetric signature', () => {
  it('is openssl’s, over the body as it is sent', async () => {
    expect(body).toBe(vectors.body);
    expect(await adapter.headers(sendOf())).toEqual({
      'X-TIMESTAMP': timestamp,
      'X-PARTNER-ID': 'IFP2024067944',
      'X-EXTERNAL-ID': '179525340000012345',
      'CHANNEL-ID': 'QR004',
      'X-SIGNATURE': vectors.rsa,
    });
  });

  it('is the same when the key’s line ends came through an environment variable', async () => {
    const escaped = ifortepay({ ...credentials, privateKey: credentials.privateKey.replaceAll('\n', '\\n') });
    expect(await escaped.headers(sendOf())).toMatchObject({ 'X-SIGNATURE': vectors.rsa });
  });

  it.each<[string, Partial<EncodedSend>]>([
    ['time', { nowMs: nowMs + 1000 }],
    ['path', { path: '/v1.0/qr/qr-mpm-query' }],
    ['body', { body: `${body} ` }],
  ])('changes with the %s', async (_what, change) => {
    expect((await adapter.headers(sendOf(change)))['X-SIGNATURE']).not.toBe(vectors.rsa);
  });

  it('asks for no token', async () => {
    const { fetch, requests } = tokenEndpoint();
    await adapter.headers(sendOf({ fetch }));
    expect(requests).toEqual([]);
  });

  it('with a key that cannot be read is refused without quoting it', async () => {
    const wrong = ifortepay({
      ...credentials,
      privateKey: '-----BEGIN PRIVATE KEY-----\nbm90IGEga2V5\n-----END PRIVATE KEY-----',
    });
    const error: unknown = await Promise.resolve(wrong.headers(sendOf())).catch((reason: unknown) => reason);
    expect(isInputError(error)).toBe(true);
    expect(JSON.stringify([String(error), (error as Error).cause])).not.toContain('bm90');
  });
});

describe('a symmetric signature', () => {
  it('is openssl’s, with the B2B token in it and beside it', async () => {
    const { fetch, requests } = tokenEndpoint();
    expect(await symmetric().headers(sendOf({ fetch }))).toMatchObject({
      Authorization: 'Bearer token-1',
      'X-SIGNATURE': vectors.hmac,
    });

    const [request] = requests;
    expect(request?.url).toBe('https://kronos-stage.ifortepay.id/auth/merchants/v1.0/access-token/b2b');
    expect(await request?.json()).toEqual({ grantType: 'client_credentials' });
    expect(Object.fromEntries(request?.headers ?? [])).toMatchObject({
      'content-type': 'application/json',
      'x-client-key': 'IFP2024067944',
      'x-timestamp': timestamp,
      'x-signature': vectors.tokenPipe,
    });
  });

  it('signs the token request with a colon where the merchant says so', async () => {
    const { fetch, requests } = tokenEndpoint();
    await symmetric({ tokenSeparator: ':' }).headers(sendOf({ fetch }));
    expect(requests[0]?.headers.get('x-signature')).toBe(vectors.tokenColon);
  });

  it.each<[string, Partial<IfortepayCredentials>, string]>([
    [
      'in production',
      { environment: 'production' },
      'https://kronos.ifortepay.id/auth/merchants/v1.0/access-token/b2b',
    ],
    [
      'below the merchant’s own base URL',
      { baseUrl: 'http://127.0.0.1:8080/ifp/' },
      'http://127.0.0.1:8080/ifp/auth/merchants/v1.0/access-token/b2b',
    ],
    ['where the merchant says', { tokenUrl: 'https://tokens.example/b2b' }, 'https://tokens.example/b2b'],
  ])('fetches its token %s', async (_where, more, url) => {
    const { fetch, requests } = tokenEndpoint();
    await symmetric(more).headers(sendOf({ fetch }));
    expect(requests.map(request => request.url)).toEqual([url]);
  });

  it('keeps a token until it has ended, but for the seconds on its way', async () => {
    const { fetch, requests } = tokenEndpoint();
    const { headers } = symmetric();
    const tokenAt = async (atMs: number): Promise<string | undefined> =>
      (await headers(sendOf({ fetch, nowMs: atMs })))['Authorization'];
    expect(await tokenAt(nowMs)).toBe('Bearer token-1');
    expect(await tokenAt(nowMs + 894_999)).toBe('Bearer token-1');
    expect(await tokenAt(nowMs + 895_000)).toBe('Bearer token-2');
    expect(requests).toHaveLength(2);
  });

  it.each<[string, unknown, number]>([
    ['a text', '3600', 3_600_000],
    ['a number', 3600, 3_600_000],
    ['nothing', undefined, 900_000],
    ['nonsense', 'soon', 900_000],
  ])('reads a lifetime told as %s', async (_as, expiresIn, lifetimeMs) => {
    const tokens = memoryStore();
    await symmetric({ tokens }).headers(sendOf({ fetch: tokenEndpoint({ expiresIn }).fetch }));
    expect([...tokens.kept.values()]).toEqual([{ value: 'token-1', expiresAtMs: nowMs + lifetimeMs }]);
  });

  it('fetches one token for fifty sends at once', async () => {
    const { fetch, requests } = tokenEndpoint();
    const { headers } = symmetric();
    const sent = await Promise.all(Array.from({ length: 50 }, async () => headers(sendOf({ fetch }))));
    expect(requests).toHaveLength(1);
    expect(new Set(sent.map(({ Authorization }) => Authorization))).toEqual(new Set(['Bearer token-1']));
  });

  it('replaces a refused token once, for all whose token it was', async () => {
    const { fetch, requests } = tokenEndpoint();
    const { headers } = symmetric();
    const memories = Array.from({ length: 10 }, () => new Map<string, string>());
    for (const memory of memories) await headers(sendOf({ fetch, memory }));
    const again = await Promise.all(
      memories.map(async memory => headers(sendOf({ fetch, memory, reauthenticate: true }))),
    );
    expect(requests).toHaveLength(2);
    expect(new Set(again.map(({ Authorization }) => Authorization))).toEqual(new Set(['Bearer token-2']));
  });

  it('shares no token with somebody who has another private key', async () => {
    const tokens = memoryStore();
    const { fetch, requests } = tokenEndpoint();
    const { privateKey } = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    });
    for (const more of [{}, { privateKey }, {}]) await symmetric({ tokens, ...more }).headers(sendOf({ fetch }));
    expect(requests).toHaveLength(2);
    expect(tokens.kept.size).toBe(2);
    expect([...tokens.kept.keys()].join()).not.toMatch(/PRIVATE|MII/);
  });

  it('shares no token with another account or another place', async () => {
    const tokens = memoryStore();
    const { fetch, requests } = tokenEndpoint();
    for (const more of [
      {},
      { partnerId: 'IFP2' },
      { environment: 'production' as const },
      { baseUrl: 'http://127.0.0.1:8080' },
    ]) {
      await symmetric({ tokens, ...more }).headers(sendOf({ fetch }));
    }
    expect(requests).toHaveLength(4);
    expect([...tokens.kept.keys()].join()).not.toContain(credentials.clientSecret);
  });

  it.each<[string, () => Response]>([
    [
      'refused',
      () =>
        Response.json(
          { responseCode: '4017300', responseMessage: 'Unauthorized. stringToSign', accessToken: 'leaked' },
          { status: 401 },
        ),
    ],
    ['answered without a token', () => Response.json({ responseCode: '2007300' })],
    ['answered by a proxy', () => new Response('<html>', { status: 502 })],
  ])('fails to be made when the token request is %s, and tells no secret', async (_how, respond) => {
    const headers = Promise.resolve(symmetric().headers(sendOf({ fetch: () => Promise.resolve(respond()) })));
    const error: unknown = await headers.catch((reason: unknown) => reason);
    expect(String(error)).toMatch(/no B2B token \(HTTP \d+, responseCode (none|\d{7})\)/);
    expect(String(error)).not.toMatch(/leaked|stringToSign|sample-client-secret/);
  });
});

describe('a request', () => {
  const bodyOf = (operation: string, fields: Fields): Fields => adapter.body(fields, sendOf({ operation }));

  it('carries what the manual fixes, unless it says otherwise', () => {
    const numbers = { originalPartnerReferenceNo: 'ORDER1', originalReferenceNo: 'ifp-1' };
    expect(bodyOf('qris.query', numbers)).toEqual({ ...numbers, serviceCode: '47' });
    expect(bodyOf('debit.query', numbers)).toEqual({ ...numbers, serviceCode: '54' });
    expect(bodyOf('qris.cancel', { ...numbers, reason: 'x' })).toEqual({
      ...numbers,
      reason: 'x',
      additionalInfo: { type: 'DYNAMIC' },
    });
    expect(bodyOf('qris.query', { ...numbers, serviceCode: '48' })).toMatchObject({ serviceCode: '48' });
  });

  it('is otherwise sent as it was given', () => {
    for (const operation of ['qris.create', 'va.create', 'va.query', 'debit.charge', 'debit.cancel']) {
      const fields = samples.complete[operation] ?? {};
      expect(bodyOf(operation, fields)).toEqual(fields);
    }
  });
});

describe('a ticket', () => {
  const ticketOf = (operation: string, more: Fields = {}) =>
    openTicket(adapter, writeOf(adapter, operation), { ...samples.complete[operation], ...more }, nowMs, 'all');
  const own = 'ORDER20261120001';
  const theirs = '01907cf4e9dd7f01b99da9a25dae6c8e';
  const numbers = {
    partnerServiceId: '   89169',
    customerNo: '20261120000001',
    virtualAccountNo: '   8916920261120000001',
  };

  it.each<[string, Fields, Fields]>([
    ['qris.create', { originalPartnerReferenceNo: own, serviceCode: '47' }, { originalPartnerReferenceNo: own }],
    ['debit.charge', { originalPartnerReferenceNo: own, serviceCode: '54' }, { originalPartnerReferenceNo: own }],
    [
      'qris.cancel',
      { originalPartnerReferenceNo: own, originalReferenceNo: theirs, serviceCode: '47' },
      { originalPartnerReferenceNo: own, originalReferenceNo: theirs },
    ],
    [
      'debit.cancel',
      { originalPartnerReferenceNo: own, originalReferenceNo: theirs, serviceCode: '54' },
      { originalPartnerReferenceNo: own, originalReferenceNo: theirs },
    ],
    ['va.create', { trxId: own }, { trxId: own }],
  ])('of %s names its order, and is asked about with all it knows', (operation, reference, asked) => {
    const ticket = ticketOf(operation);
    expect(ticket.reference).toEqual(reference);
    expect(writeOf(adapter, operation).query?.fields(ticket, nowMs)).toEqual(asked);
  });

  it('keeps the numbers a merchant chose for a virtual account', () =>
    expect(ticketOf('va.create', numbers).reference).toEqual({ trxId: own, ...numbers }));

  const answerTo = (operation: string, rest: Fields, more: Fields = {}) => {
    const ticket = ticketOf(operation, more);
    const sent = { ...samples.complete[operation], ...more };
    return judge(adapter, { operation, sent, status: 200, body: { ...rest } }, { reference: ticket.reference });
  };

  it.each([
    ['qris.create', '2004700'],
    ['debit.charge', '2005400'],
  ])('of %s learns iFortepay’s number from the answer', (operation, responseCode) => {
    expect(answerTo(operation, { responseCode, referenceNo: theirs, partnerReferenceNo: own }).reference).toMatchObject(
      { originalReferenceNo: theirs },
    );
    expect(writeOf(adapter, operation).learns).toEqual(['originalReferenceNo']);
  });

  it('of a virtual account learns the numbers iFortepay chose, and holds none of the merchant’s own against the answer', () => {
    const virtualAccountData = { ...numbers, trxId: own };
    expect(answerTo('va.create', { responseCode: '2002700', virtualAccountData }).reference).toEqual({
      trxId: own,
      ...numbers,
    });
    const trimmed = { ...virtualAccountData, partnerServiceId: '89169' };
    const told = answerTo(
      'va.create',
      { responseCode: '2002700', virtualAccountData: trimmed },
      { partnerServiceId: '   89169' },
    );
    expect(told).toMatchObject({ conflict: false, verdict: { outcome: 'created' } });
    expect(answerTo('va.create', { responseCode: '2002700', virtualAccountData: { trxId: 'ORDER2' } })).toMatchObject({
      conflict: true,
    });
  });

  it('ends with its QR code or its virtual account, to the millisecond where the order says when', () => {
    expect(ticketOf('qris.create').expiresAt).toBe('2026-11-21T03:45:00.000Z');
    expect(ticketOf('qris.create', { validityPeriod: '2026-11-21T11:00:00+07:00' }).expiresAt).toBe(
      '2026-11-21T04:00:00.000Z',
    );
    expect(ticketOf('va.create').expiresAt).toBe('2026-11-22T03:30:00.000Z');
    expect(ticketOf('va.create', { virtualAccountTrxType: 'X' }).expiresAt).toBeUndefined();
    expect(ticketOf('va.create', { expiredDate: '2026-11-22T23:59:59.500+07:00' }).expiresAt).toBe(
      '2026-11-22T16:59:59.500Z',
    );
  });

  it.each([
    '2026-11-21T11:00:00',
    'in half an hour',
    '',
    30,
  ])('of a QR code ends after the longest time there is, where nobody can tell the moment: %s', validityPeriod => {
    expect(ticketOf('qris.create', { validityPeriod }).expiresAt).toBe('2026-11-21T04:30:00.000Z');
    expect(ticketOf('va.create', { expiredDate: validityPeriod }).expiresAt).toBeUndefined();
  });

  it.each([
    'qris.create',
    'debit.charge',
    'qris.cancel',
    'debit.cancel',
  ] as const)('of %s is not opened by a service alone, which names no order', operation => {
    const nameless = {
      ...samples.complete[operation],
      partnerReferenceNo: ' ',
      originalPartnerReferenceNo: undefined,
      originalReferenceNo: '',
    };
    expect(() => openTicket(adapter, writeOf(adapter, operation), nameless, nowMs, 'reference')).toThrow(
      /nothing in the fields names the order/,
    );
  });

  it('of a charge ends with the wallet’s page or the OTP, where its payer must act', () => {
    expect(ticketOf('debit.charge').expiresAt).toBeUndefined();
    expect(ticketOf('debit.charge').charge).toBe(true);
    expect(ticketOf('debit.charge', { bankCardToken: undefined }).charge).toBeUndefined();
    expect(ticketOf('debit.charge', { bankCardToken: undefined }).expiresAt).toBe('2026-11-21T03:45:00.000Z');
    expect(ticketOf('debit.charge', { additionalInfo: { isWithOtp: 'Y' } }).expiresAt).toBe('2026-11-21T03:45:00.000Z');
  });

  it('expects the amount that was sent', () => {
    const sum = { amount: '10000.00', currency: 'IDR' };
    for (const operation of ['qris.create', 'va.create', 'debit.charge'])
      expect(ticketOf(operation).expect).toEqual(sum);
  });

  it('expects no amount where the payer may pay another', () => {
    const tipped = { additionalInfo: { callbackUrl: 'https://shop.example', tip: { type: '01' } } };
    expect(ticketOf('qris.create', tipped).expect).toBeUndefined();
    expect(ticketOf('va.create', { virtualAccountTrxType: 'O' }).expect).toBeUndefined();
    expect(ticketOf('va.create', { virtualAccountTrxType: 'I' }).expect).toBeUndefined();
    expect(ticketOf('va.create', { totalAmount: undefined }).expect).toBeUndefined();
  });

  it('holds no card token', () => {
    for (const [name, operation] of Object.entries(adapter.operations)) {
      if (isWrite(operation)) expect(JSON.stringify(ticketOf(name))).not.toContain('made-up-card-token');
    }
  });

  const statusOf = (operation: string, rest: Fields, { refused = false, status = 200 } = {}) => {
    const write = writeOf(adapter, operation);
    const ticket = ticketOf(operation);
    const exchange = {
      operation: write.query?.operation ?? '',
      sent: { ...write.query?.fields(ticket, nowMs) },
      status,
      body: { ...rest },
    };
    // What the codes mean of a try that is known for this one.
    return judge(adapter, exchange, { ...subjectOfTicket(write, ticket, refused), repeats: false });
  };
  const unknown = { kind: 'poll-required', reason: 'unknown-outcome' };
  const conflict = { kind: 'poll-required', reason: 'conflict' };
  const qris = (latestTransactionStatus: string, more: Fields = {}): Fields => ({
    responseCode: '2005100',
    originalPartnerReferenceNo: own,
    latestTransactionStatus,
    ...more,
  });

  it('of a lost create learns iFortepay’s number from an answer that names the order, and from no other', () => {
    const named = statusOf('qris.create', qris('01', { originalReferenceNo: theirs }));
    expect(named).toMatchObject({ acknowledges: true, reference: { originalReferenceNo: theirs } });
    const unnamed = statusOf(
      'qris.create',
      qris('00', { originalPartnerReferenceNo: undefined, originalReferenceNo: theirs }),
    );
    expect(unnamed).toMatchObject({ acknowledges: false, verdict: unknown });
    expect(unnamed.reference['originalReferenceNo']).toBeUndefined();
  });

  it('of a lost create is not settled, acknowledged or called absent by anything else', () => {
    for (const responseCode of ['4005101', '4005102', '4045116', '4055100', '4045118']) {
      const judged = statusOf('qris.create', { responseCode }, { status: Number(responseCode.slice(0, 3)) });
      expect(judged, responseCode).toMatchObject({
        acknowledges: false,
        verdict: { outcome: 'rejected', advice: expect.stringContaining('notification') as string },
      });
    }
    const saysNothing = ['2005100', '2025100', '4035100', '4035113', '4045100', '4045101', '4045114'];
    for (const responseCode of saysNothing) {
      const judged = statusOf('qris.create', { responseCode }, { status: Number(responseCode.slice(0, 3)) });
      expect(judged, responseCode).toMatchObject({ acknowledges: false, verdict: { ...unknown, code: responseCode } });
    }
    // The gateway repeats what it was asked; it has found nothing.
    expect(statusOf('qris.create', qris('07')).verdict).toMatchObject(unknown);
    expect(statusOf('debit.charge', { ...qris('07'), responseCode: '2005500' }).verdict).toMatchObject(unknown);
  });

  it('of a lost create is acknowledged by a 07 that tells iFortepay’s own number, which nobody had asked by', () => {
    expect(statusOf('qris.create', qris('07', { originalReferenceNo: theirs }))).toMatchObject({
      acknowledges: true,
      reference: { originalReferenceNo: theirs },
      verdict: { kind: 'poll-required', reason: 'not-found' },
    });
    expect(statusOf('qris.create', qris('07', { originalReferenceNo: [] }))).toMatchObject({ acknowledges: false });
  });

  it('of a lost create still tells when the key, and not the question, is wrong', () => {
    const badKey = statusOf('qris.create', { responseCode: '4015100' }, { status: 401 });
    expect(badKey.verdict).toMatchObject({ outcome: 'rejected', reason: 'authentication' });
    const tooOften = statusOf('qris.create', { responseCode: '4295100' });
    expect(tooOften.verdict).toMatchObject({ kind: 'retryable', reason: 'rate-limited' });
  });

  it('says that a query lacks iFortepay’s numbers until an answer has told them', () => {
    const lacks = (operation: string, more: Fields = {}): boolean | undefined =>
      writeOf(adapter, operation).query?.incomplete?.(ticketOf(operation, more));
    for (const operation of ['qris.create', 'debit.charge', 'va.create']) expect(lacks(operation)).toBe(true);
    for (const operation of ['qris.cancel', 'debit.cancel']) expect(lacks(operation)).toBe(false);
    expect(lacks('va.create', numbers)).toBe(false);
  });

  it('says of direct debit alone that an earlier try may stand under its number, and when a row was made', () => {
    const repeats = (operation: string): boolean | undefined =>
      writeOf(adapter, operation).numberRepeats?.(samples.complete[operation] ?? {});
    expect([repeats('debit.charge'), repeats('qris.create'), repeats('va.create')]).toEqual([
      true,
      undefined,
      undefined,
    ]);
    const row = { ...qris('00'), createdTime: '2026-11-21T10:30:00+07:00' };
    const read = (body: Fields) =>
      operationOf(adapter, 'debit.query').read?.({
        operation: 'debit.query',
        sent: {},
        status: 200,
        body: { ...body },
      });
    expect(read(row)).toMatchObject({ madeAtMs: nowMs });
    expect(read({ ...row, createdTime: '2026-11-21T10:30:00' })).toMatchObject({ madeAtMs: undefined });
    const paid = { ...qris('00'), paidTime: '2026-11-21T10:30:00+07:00' };
    expect(read(paid)).toMatchObject({ madeAtMs: nowMs });
    expect(read({ ...paid, createdTime: '2026-11-21T10:29:00+07:00' })).toMatchObject({ madeAtMs: nowMs - 60_000 });
    expect(read({ ...paid, latestTransactionStatus: '04' })).toMatchObject({ madeAtMs: undefined });
  });

  it('is settled by the same amount written another way', () => {
    for (const value of ['10000', '10000.0', '010000.00']) {
      expect(statusOf('qris.create', qris('00', { amount: { value, currency: 'IDR' } })).verdict).toMatchObject({
        outcome: 'succeeded',
      });
    }
  });

  it('of a failed payment carries the reason, not the call’s own "Successful"', () => {
    const failed = { ...qris('06'), responseMessage: 'Successful' };
    expect(statusOf('qris.create', { ...failed, transactionStatusDesc: 'Insufficient balance' }).verdict).toMatchObject(
      { outcome: 'failed', message: 'Insufficient balance' },
    );
    expect(
      statusOf('qris.create', {
        ...failed,
        originalResponseCode: '4034714',
        originalResponseMessage: 'Insufficient Funds',
      }).verdict,
    ).toMatchObject({
      outcome: 'failed',
      reason: 'insufficient-funds',
      message: 'Insufficient Funds',
    });
  });

  it('is not settled by another amount', () => {
    for (const amount of [
      { value: '9999.00', currency: 'IDR' },
      { value: '10000.00', currency: 'USD' },
    ]) {
      expect(statusOf('qris.create', qris('00', { amount })).verdict).toMatchObject(conflict);
    }
    const rupiah = (value: string): Fields => ({ value, currency: 'IDR' });
    const paid = (sum: string): Fields => ({
      responseCode: '2003000',
      virtualAccountData: { trxId: own, totalAmount: rupiah('10000.00'), paidAmount: rupiah(sum), status: 'PAID' },
    });
    expect(statusOf('va.create', paid('10000.00')).verdict).toMatchObject({ outcome: 'succeeded' });
    expect(statusOf('va.create', paid('5000.00')).verdict).toMatchObject(conflict);
  });

  it('of a QR code that was acknowledged reads 07 as expired once its time is over, and not before', () => {
    const write = writeOf(adapter, 'qris.create');
    const known = {
      ...ticketOf('qris.create'),
      reference: { originalPartnerReferenceNo: own, originalReferenceNo: theirs },
    };
    const at = (minutes: number, seen: boolean) => {
      const ticket = { ...known, seen };
      const exchange = {
        operation: 'qris.query',
        sent: { ...write.query?.fields(ticket, nowMs) },
        status: 200,
        body: { ...qris('07') },
      };
      return judge(adapter, exchange, subjectOfTicket(write, ticket, false, nowMs + minutes * 60_000)).verdict;
    };
    expect(at(16, true)).toMatchObject({ kind: 'terminal', outcome: 'expired', code: '2005100/07' });
    expect(at(14, true)).toMatchObject({ kind: 'poll-required', reason: 'not-found' });
    expect(at(16, false)).toMatchObject({ kind: 'poll-required', reason: 'not-found' });
  });

  it('of a cancel ends well when the payment is off the table, and as already final when it was paid and the cancel refused', () => {
    for (const state of ['04', '05', '06'])
      expect(statusOf('qris.cancel', qris(state)).verdict).toMatchObject({ outcome: 'succeeded' });
    expect(statusOf('qris.cancel', qris('00')).verdict).toMatchObject({ kind: 'poll-required' });
    expect(statusOf('qris.cancel', qris('00'), { refused: true }).verdict).toMatchObject({
      outcome: 'failed',
      reason: 'already-final',
    });
  });
});

describe('a later send', () => {
  const later = (responseCode: string, mayHaveLanded: boolean) => {
    const status = Number(responseCode.slice(0, 3));
    const sent = { ...samples.complete['debit.charge'] };
    return judge(adapter, {
      operation: 'debit.charge',
      attempt: 2,
      mayHaveLanded,
      sent,
      status,
      body: { responseCode },
    });
  };

  it.each([
    '4095400',
    '4095401',
    '4045418',
  ])('answered %s says that an earlier one, which may have landed, did', responseCode => {
    expect(later(responseCode, true)).toMatchObject({
      acknowledges: true,
      verdict: { kind: 'poll-required', reason: 'duplicate' },
    });
  });

  it('answered 409xx01 after sends that landed nowhere is refused: the number is another order’s', () => {
    expect(later('4095401', false)).toMatchObject({
      acknowledges: false,
      verdict: { outcome: 'rejected', reason: 'duplicate' },
    });
  });

  it('that is declined decides nothing once an earlier one may have landed', () => {
    expect(later('4035414', true).verdict).toMatchObject({ kind: 'poll-required', reason: 'insufficient-funds' });
    expect(later('4035414', false).verdict).toMatchObject({ outcome: 'failed', reason: 'insufficient-funds' });
  });
});

describe('the factory', () => {
  it('sends to iFortepay’s hosts, or to the merchant’s own', () => {
    expect(adapter).toMatchObject({ name: 'ifortepay', account: 'IFP2024067944', encodings: ['json'] });
    expect(adapter).toMatchObject({ baseUrl: 'https://api-stage.ifortepay.id', ownBaseUrl: false });
    expect(ifortepay({ ...credentials, environment: 'production' }).baseUrl).toBe('https://api.ifortepay.id');
    expect(ifortepay({ ...credentials, baseUrl: 'http://127.0.0.1:8080/' })).toMatchObject({
      baseUrl: 'http://127.0.0.1:8080',
      ownBaseUrl: true,
    });
  });

  it.each<[string, Record<string, unknown>]>([
    ['no partnerId', { partnerId: undefined }],
    ['no channelId', { channelId: '' }],
    ['a PKCS #1 key', { privateKey: credentials.privateKey.replaceAll('PRIVATE KEY', 'RSA PRIVATE KEY') }],
    ['a key without its frame', { privateKey: credentials.privateKey.replaceAll(/-----.*-----/g, '') }],
    ['another signature', { signature: 'md5' }],
    ['a symmetric signature without a secret', { signature: 'symmetric', clientSecret: undefined }],
    ['another separator', { tokenSeparator: '' }],
    ['a token URL that is none', { tokenUrl: 'kronos.ifortepay.id' }],
    ['another environment', { environment: 'staging' }],
    ['a base URL that is none', { baseUrl: 'api.ifortepay.id' }],
  ])('refuses %s without telling a secret', (_title, wrong) => {
    try {
      ifortepay({ ...credentials, ...wrong });
      expect.unreachable();
    } catch (error) {
      expect(isInputError(error)).toBe(true);
      expect(String(error)).not.toMatch(/sample-client-secret|MIIEvAIBADAN/);
    }
  });

  it('refuses an amount without two decimals before anything is sent', () => {
    const charge = writeOf(adapter, 'debit.charge');
    const wrong = (amount: unknown) => () =>
      openTicket(adapter, charge, { ...samples.complete['debit.charge'], amount }, nowMs, 'all');
    for (const amount of [
      '10000.00',
      10_000,
      { value: 10_000, currency: 'IDR' },
      { value: '10000', currency: 'IDR' },
      { value: '10000.00' },
    ]) {
      expect(wrong(amount)).toThrow(/amount must be .*two decimals/);
    }
  });

  it('knows only the codes of each operation’s own service', () => {
    for (const [operation, names] of Object.entries(samples.manual)) {
      const services = new Set(names.map(name => name.slice(3, 5)));
      expect([operation, services.size]).toEqual([operation, 1]);
    }
    expect(new Set(Object.values(samples.manual).map(([name = '']) => name.slice(3, 5))).size).toBe(9);
  });
});

describe('through a gateway', () => {
  const policy: Policy = { poll: { deadlineMs: 120_000 } };

  function setUp(
    options: {
      voice?: IfortepayVoiceOptions;
      simulator?: Partial<SimulatorOptions>;
      credentials?: Partial<IfortepayCredentials>;
      policy?: Policy;
    } = {},
  ) {
    const clock = manualClock({ startMs: nowMs });
    const simulator = simulateGateway({
      voice: ifortepayVoice(credentials, options.voice),
      clock,
      ...options.simulator,
    });
    const externalIds: string[] = [];
    const base = 'http://127.0.0.1:8080';
    const fetch: typeof globalThis.fetch = (input, init) => {
      const request = new Request(input, init);
      externalIds.push(request.headers.get('x-external-id') ?? 'none');
      return simulator.fetch(request);
    };
    const gateway = createGateway({
      adapter: ifortepay({ ...credentials, baseUrl: base, tokens: memoryStore(), ...options.credentials }),
      client: ky.create({ fetch }),
      policy: options.policy ?? policy,
      clock,
    });
    return { clock, simulator, gateway, externalIds };
  }

  const charge = samples.complete['debit.charge'] as IfortepayFields['debit.charge'];
  const qris = samples.complete['qris.create'] as IfortepayFields['qris.create'];
  const account = samples.complete['va.create'] as IfortepayFields['va.create'];
  const own = 'ORDER20261120001';

  it('a QR code is created, and followed to its payment', async () => {
    const { clock, simulator, gateway } = setUp({ simulator: { lives: { create: lives.paidAfter(40_000) } } });
    const made = await clock.run(gateway.settle('qris.create', qris));
    expect(made).toMatchObject({ outcome: 'created', attempts: 1, answer: { responseCode: '2004700' } });
    const paid = await clock.run(gateway.untilSettled(made.ticket));
    expect(paid).toMatchObject({ outcome: 'succeeded', settledBy: 'query', verdict: { code: '2005100/00' } });
    expect(simulator.ledger.payment(own)).toMatchObject({ state: 'paid', bookings: 1 });
  });

  it('a QR code nobody pays is expired, where QRIS says only 07', async () => {
    const { clock, gateway } = setUp({ simulator: { lives: { create: lives.expiresAfter(900_000) } } });
    const { ticket } = await clock.run(gateway.settle('qris.create', qris));
    const ended = await clock.run(gateway.untilSettled(ticket, { policy: { poll: { deadlineMs: 16 * 60_000 } } }));
    expect(ended).toMatchObject({ outcome: 'expired', settledBy: 'query', verdict: { code: '2005100/07' } });
  });

  it.each([
    20, 0.5,
  ])('an order is followed to its end under every default, by questions that have numbers of their own: paid after %d minutes, from a clock that tells fractions', async minutes => {
    for (const [operation, fields] of [
      ['qris.create', { ...qris, validityPeriod: '2026-11-21T11:00:00+07:00' }],
      ['va.create', account],
      ['debit.charge', { ...charge, bankCardToken: undefined }],
    ] as const) {
      const { clock, gateway, externalIds } = setUp({
        policy: {},
        simulator: { lives: { create: lives.paidAfter((operation === 'debit.charge' ? 0.5 : minutes) * 60_000) } },
      });
      clock.advance(0.4);
      const { ticket } = await clock.run(gateway.settle(operation, fields as IfortepayFields[typeof operation]));
      expect(await clock.run(gateway.untilSettled(ticket))).toMatchObject({ outcome: 'succeeded', settledBy: 'query' });
      for (const id of externalIds) expect(id).toMatch(/^\d{18}$/);
    }
  });

  it('a virtual account is created, and asked about by the numbers iFortepay chose', async () => {
    const { clock, gateway } = setUp({ simulator: { lives: { create: lives.expiresAfter(20_000) } } });
    const made = await clock.run(gateway.settle('va.create', account));
    expect(Object.keys(made.ticket.reference).sort()).toEqual([
      'customerNo',
      'partnerServiceId',
      'trxId',
      'virtualAccountNo',
    ]);
    expect(await clock.run(gateway.untilSettled(made.ticket))).toMatchObject({
      outcome: 'expired',
      verdict: { code: '2003000/EXPIRED' },
    });
  });

  it('a wallet’s owner is sent to its page, and voided when it is canceled after paying', async () => {
    const { clock, simulator, gateway } = setUp();
    const { partnerReferenceNo, amount } = charge;
    const made = await clock.run(gateway.settle('debit.charge', { partnerReferenceNo, amount }));
    expect(made).toMatchObject({
      outcome: 'created',
      answer: { webRedirectUrl: expect.stringContaining('https://') as string },
    });
    const { originalPartnerReferenceNo = '', originalReferenceNo = '' } = made.ticket.reference;
    const undone = await clock.run(gateway.settle('debit.cancel', { originalPartnerReferenceNo, originalReferenceNo }));
    expect(undone).toMatchObject({ outcome: 'succeeded', verdict: { code: '2005700', reason: 'canceled' } });
    expect(simulator.ledger.payment(own)).toMatchObject({ state: 'canceled' });
  });

  it.each([
    'reset-after-booking',
    '504-after-booking',
    'rate-limited',
    'system-error',
  ] as const)('a create that ended in %s and can only be asked about blindly ends within seconds, open', async fault => {
    for (const operation of ['qris.create', 'debit.charge'] as const) {
      const { clock, simulator, gateway } = setUp();
      simulator.script(own, { onSend: [fault] });
      const settled = await clock.run(gateway.settle(operation, operation === 'qris.create' ? qris : charge));
      expect(settled).toMatchObject({
        outcome: 'unresolved',
        attempts: 1,
        polls: 1,
        verdict: { reason: 'invalid-request', advice: expect.stringContaining('gateway.receive') as string },
      });
      expect(settled.elapsedMs).toBeLessThan(15_000);
      expect(settled.ticket.reference).toMatchObject({ originalPartnerReferenceNo: own });
    }
  });

  it('a charge whose OTP is on its way is created, and followed to the payer’s answer', async () => {
    const { clock, gateway } = setUp({ simulator: { lives: { create: lives.paidAfter(40_000) } } });
    const made = await clock.run(gateway.settle('debit.charge', { ...charge, additionalInfo: { isWithOtp: 'Y' } }));
    expect(made).toMatchObject({
      outcome: 'created',
      attempts: 1,
      verdict: { code: '4035413', reason: 'awaiting-payer' },
    });
    expect(await clock.run(gateway.untilSettled(made.ticket))).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'query',
    });
  });

  it('a failed charge tells why', async () => {
    const { clock, gateway } = setUp({
      simulator: { lives: { charge: lives.steps([{ afterMs: 5000, state: 'declined' }]) } },
    });
    expect(await clock.run(gateway.settle('debit.charge', charge))).toMatchObject({
      outcome: 'failed',
      verdict: { code: '2005500/06', message: 'Insufficient balance' },
    });
  });

  it('a number used again after a decline is not failed by the earlier try, when the new one’s answer was lost', async () => {
    const { clock, simulator, gateway } = setUp({
      voice: { answersOwnNumberAlone: true },
      simulator: { sameReference: 'books-again' },
    });
    simulator.script(own, { life: lives.declined(), nextTry: lives.paid(), onSend: ['none', 'reset-before-booking'] });
    expect(await clock.run(gateway.settle('debit.charge', charge))).toMatchObject({
      outcome: 'failed',
      verdict: { code: '4035405' },
    });
    clock.advance(60_000);
    const other = createGateway({
      adapter: ifortepay({ ...credentials, baseUrl: 'http://127.0.0.1:8080' }),
      client: ky.create({ fetch: simulator.fetch }),
      clock,
    });
    const again = await clock.run(other.settle('debit.charge', charge));
    expect(again).toMatchObject({ outcome: 'unresolved', attempts: 1 });
  });

  it('a number that a paid order owns is asked about once, and refused with what became of that order', async () => {
    const { clock, simulator, gateway } = setUp({ voice: { answersOwnNumberAlone: true } });
    expect(await clock.run(gateway.settle('debit.charge', charge))).toMatchObject({ outcome: 'succeeded' });
    const other = createGateway({
      adapter: ifortepay({ ...credentials, baseUrl: 'http://127.0.0.1:8080' }),
      client: ky.create({ fetch: simulator.fetch }),
      clock,
    });
    const again = await clock.run(other.settle('debit.charge', charge));
    expect(again).toMatchObject({
      outcome: 'rejected',
      settledBy: 'answer',
      attempts: 1,
      polls: 1,
      verdict: { code: '4095401', reason: 'duplicate' },
      otherVerdict: { outcome: 'succeeded', code: '2005500/00' },
      ticket: { reference: { originalPartnerReferenceNo: own } },
    });
    expect(simulator.ledger.payment(own)).toMatchObject({ bookings: 1, sends: 2 });
  });

  it('a number that a paid order owns is refused though nobody can ask about that order', async () => {
    const { clock, simulator, gateway } = setUp();
    expect(await clock.run(gateway.settle('debit.charge', charge))).toMatchObject({ outcome: 'succeeded' });
    const other = createGateway({
      adapter: ifortepay({ ...credentials, baseUrl: 'http://127.0.0.1:8080' }),
      client: ky.create({ fetch: simulator.fetch }),
      clock,
    });
    const again = await clock.run(other.settle('debit.charge', charge));
    expect(again).toMatchObject({
      outcome: 'rejected',
      polls: 1,
      verdict: { reason: 'duplicate' },
      otherVerdict: { outcome: 'rejected', code: '4005502' },
    });
    expect(again.elapsedMs).toBeLessThan(1000);
  });

  it('a lost charge is found where the gateway answers for the merchant’s number alone, and never sent again', async () => {
    const { clock, simulator, gateway } = setUp({
      voice: { answersOwnNumberAlone: true },
      simulator: { lives: { charge: lives.paidAfter(20_000) } },
    });
    simulator.script(own, { onSend: ['hang-after-booking'] });
    const settled = await clock.run(gateway.settle('debit.charge', charge));
    expect(settled).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'query',
      attempts: 1,
      reference: { merchant: own },
    });
    expect(settled.ticket.reference['originalReferenceNo']).toBeDefined();
    expect(simulator.ledger.payment(own)).toMatchObject({ bookings: 1, sends: 1 });
  });

  /** A charge whose answer is lost, and a query that says this of it. */
  const lostCharge = async (row: Fields) => {
    const clock = manualClock({ startMs: nowMs });
    const found = {
      responseCode: '2005500',
      responseMessage: 'Successful',
      originalPartnerReferenceNo: own,
      originalReferenceNo: 'R1',
      ...row,
    };
    const fetch = (input: RequestInfo | URL): Promise<Response> => {
      const isQuery = new URL(input instanceof Request ? input.url : input).pathname.endsWith('/status');
      return isQuery
        ? Promise.resolve(Response.json(found, { headers: { date: new Date(clock.now()).toUTCString() } }))
        : Promise.reject(new TypeError('fetch failed'));
    };
    const gateway = createGateway({
      adapter: ifortepay({ ...credentials, baseUrl: 'http://127.0.0.1:8080' }),
      client: ky.create({ fetch }),
      policy,
      clock,
    });
    return clock.run(gateway.settle('debit.charge', charge));
  };

  it('a lost charge is not paid by what was paid under its number the day before', async () => {
    const yesterday = await lostCharge({ latestTransactionStatus: '00', paidTime: '2026-11-20T10:30:00+07:00' });
    expect(yesterday).toMatchObject({
      outcome: 'unresolved',
      attempts: 1,
      verdict: { reason: 'conflict', advice: expect.stringContaining('before this send') as string },
    });
    expect(await lostCharge({ latestTransactionStatus: '00', paidTime: '2026-11-21T10:30:01+07:00' })).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'query',
    });
    expect(await lostCharge({ latestTransactionStatus: '00' })).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'query',
    });
  });

  it('a lost charge of which the query knows nothing is left to a notice within a minute', async () => {
    const settled = await lostCharge({ latestTransactionStatus: '07', originalReferenceNo: undefined });
    expect(settled).toMatchObject({
      outcome: 'unresolved',
      attempts: 1,
      verdict: { advice: expect.stringContaining('receive') as string },
    });
    expect(settled.elapsedMs).toBeLessThan(60_000);
    expect(settled.polls).toBeLessThan(16);
  });

  it('a lost charge that failed has no message where the query gives none but "Successful"', async () => {
    const { outcome, verdict } = await lostCharge({
      latestTransactionStatus: '06',
      createdTime: '2026-11-21T10:30:01+07:00',
    });
    expect([outcome, verdict.code, verdict.message]).toEqual(['failed', '2005500/06', undefined]);
  });

  it('a channel in its cut-off is tried again no sooner than five seconds later', async () => {
    const { clock, gateway } = setUp({ simulator: { faults: { onSend: ['maintenance', 'none'] } } });
    expect(await clock.run(gateway.settle('debit.charge', charge))).toMatchObject({
      outcome: 'succeeded',
      attempts: 2,
      timeline: expect.arrayContaining([
        expect.objectContaining({ type: 'wait', delayMs: 5000, next: 'send' }),
      ]) as unknown,
    });
  });

  it('a lost QR code that a query finds is created without its code', async () => {
    const { clock, simulator, gateway } = setUp({
      voice: { answersOwnNumberAlone: true },
      simulator: { lives: { create: lives.open() } },
    });
    simulator.script(own, { onSend: ['truncated'] });
    const settled = await clock.run(gateway.settle('qris.create', qris));
    expect(settled).toMatchObject({ outcome: 'created', settledBy: 'query', attempts: 1 });
    expect(settled.answer).toBeUndefined();
    expect(simulator.ledger.payment(own)).toMatchObject({ sends: 1 });
  });

  it('every query, and every send after an answered refusal, has an X-EXTERNAL-ID of its own', async () => {
    const { clock, simulator, gateway, externalIds } = setUp({
      simulator: { lives: { charge: lives.paidAfter(30_000) } },
    });
    simulator.script(own, { onSend: ['maintenance'] });
    expect(await clock.run(gateway.settle('debit.charge', charge))).toMatchObject({
      outcome: 'succeeded',
      attempts: 2,
    });
    expect(new Set(externalIds).size).toBe(externalIds.length);
    for (const id of externalIds) expect(id).toMatch(/^\d{18}$/);
    expect(simulator.ledger.payment(own)).toMatchObject({ bookings: 1, sends: 2 });
  });

  it('a token that ends in the middle of a payment is renewed, and the payment goes on', async () => {
    const { clock, simulator, gateway } = setUp({
      credentials: { signature: 'symmetric' },
      voice: { tokenLifetimeS: 90 },
      simulator: { lives: { charge: lives.paidAfter(100_000) } },
    });
    expect(await clock.run(gateway.settle('debit.charge', charge))).toMatchObject({ outcome: 'succeeded' });
    expect(simulator.requests.filter(({ operation }) => operation === 'token').length).toBeGreaterThan(1);
    expect(simulator.requests.filter(({ result }) => result === 'refused')).toEqual([]);
  });

  it('a token the gateway has forgotten is fetched again once', async () => {
    const tokens = memoryStore();
    const { clock, simulator, gateway } = setUp({ credentials: { signature: 'symmetric', tokens } });
    tokens.get = key => tokens.kept.get(key) ?? { value: 'forgotten', expiresAtMs: nowMs + 3_600_000 };
    expect(await clock.run(gateway.settle('debit.charge', charge))).toMatchObject({
      outcome: 'succeeded',
      attempts: 2,
    });
    expect(simulator.requests.map(({ operation = 'refused' }) => operation)).toEqual([
      'refused',
      'token',
      'debit.charge',
      'debit.query',
    ]);
  });

  it('a token endpoint that cannot be reached means that nothing was sent', async () => {
    const { clock, simulator, gateway } = setUp({
      credentials: { signature: 'symmetric', tokenUrl: 'http://127.0.0.1:8080/elsewhere' },
    });
    expect(await clock.run(gateway.settle('debit.charge', charge))).toMatchObject({ outcome: 'unsent' });
    expect(simulator.ledger.payment(own)).toBeUndefined();
  });

  it('a request of another partner is refused, and charges nothing', async () => {
    const { clock, gateway } = setUp({ credentials: { partnerId: 'IFP1' } });
    const refused = await clock.run(gateway.settle('debit.charge', charge));
    expect(refused).toMatchObject({ outcome: 'rejected', verdict: { code: '4015400', reason: 'authentication' } });
  });
});
