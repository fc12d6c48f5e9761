import { createHash, createHmac } from 'node:crypto';
import ky from 'ky';
import { describe, expect, it } from 'vitest';
import { ifortepay, type IfortepayCredentials, type IfortepayFields } from '../../src/adapters/ifortepay/index.ts';
import { credentials, samples } from '../samples/ifortepay.ts';
import { ifortepayNotice, ifortepayVoice } from '../../src/adapters/ifortepay/simulator.ts';
import { createGateway, isInputError, type Gateway, type GatewayEvent, type Received } from '../../src/index.ts';
import { lives, manualClock, simulateGateway, type Entry, type ManualClock } from '../../src/testing/index.ts';
import { refused, verified } from './received.ts';

/** 10:30 in Jakarta. */
const nowMs = Date.UTC(2026, 10, 21, 3, 30);
const timestamp = '2026-11-21T10:30:00+07:00';
const notifyUrl = 'https://shop.example/ifortepay';
const MINUTE_MS = 60_000;

type Shop = Gateway<IfortepayFields>;
const shop = (more: Partial<IfortepayCredentials> = {}, clock: ManualClock = manualClock({ startMs: nowMs })): Shop =>
  createGateway({ adapter: ifortepay({ ...credentials, ...more }), clock });

interface Signing {
  url?: string;
  secret?: string;
  at?: string;
  version?: string;
}

/** iFortepay's signature of a body that has no white space between its tokens. */
function signatureOf(
  body: string,
  { url = notifyUrl, secret = credentials.clientSecret, at = timestamp, version = 'v1' }: Signing = {},
): string {
  const digest = createHash('sha256').update(body).digest('hex');
  return createHmac('sha512', secret).update(`${url}:${version}:${digest}:${at}`).digest('base64');
}

const deliver = (
  body: string,
  headers: Record<string, string> = { 'X-TIMESTAMP': timestamp, 'X-SIGNATURE': signatureOf(body) },
  url = notifyUrl,
): Request => new Request(url, { method: 'POST', headers, body });

const tell = (told: unknown): Request => deliver(JSON.stringify(told));

const heard = async (told: unknown, of = shop()): Promise<Received & { verified: true }> =>
  verified(await of.receive(tell(told)));

/** As printed at https://developer.ifortepay.id/snap/payment-gateway/direct-debit/payment/notify */
const debit = {
  originalPartnerReferenceNo: 'QA-20240913-004',
  originalReferenceNo: '0191e99a-c403-7cb2-b653-48a54b3a45d7',
  merchantId: 'IFP2024078302',
  amount: { value: '10000.00', currency: 'IDR' },
  latestTransactionStatus: '00',
  transactionStatusDesc: 'Success',
  createdTime: '2024-09-13T11:18:40+07:00',
  finishedTime: '2024-09-13T11:18:40+07:00',
};

/** The fields of https://developer.ifortepay.id/snap/payment-gateway/qris/payment-notification */
const qris = {
  originalReferenceNo: '01907cf4e9dd7f01b99da9a25dae6c8e',
  originalPartnerReferenceNo: 'ORDER20261120001',
  latestTransactionStatus: '00',
  transactionStatusDesc: 'Success',
  amount: { value: '10000.00', currency: 'IDR' },
  additionalInfo: {
    merchantId: '936008600000000000',
    paymentChannel: 'NOBU',
    issuer: 'OVO',
    retrievalReferenceNo: '432109876543',
  },
};

/** As SNAP has it: we have no sample of iFortepay's. */
const accountNumbers = {
  trxId: 'ORDER20261120001',
  virtualAccountNo: '   8916920261120000001',
  partnerServiceId: '   89169',
  customerNo: '20261120000001',
};
const account = {
  ...accountNumbers,
  paymentRequestId: '2026112000000001',
  paidAmount: { value: '10000.00', currency: 'IDR' },
};

describe('a notification of iFortepay', () => {
  it('of a QRIS payment gives its verdict, and the ticket of its order', async () => {
    const { verdict, ticket } = await heard(qris);
    expect(verdict).toMatchObject({
      kind: 'terminal',
      outcome: 'succeeded',
      code: 'qris/00',
      message: 'Success',
      listed: true,
    });
    expect(ticket).toMatchObject({
      gateway: 'ifortepay',
      account: 'IFP2024067944',
      operation: 'qris.create',
      seen: true,
      expect: { amount: '10000.00', currency: 'IDR' },
    });
    expect(ticket.reference).toEqual({
      originalPartnerReferenceNo: 'ORDER20261120001',
      originalReferenceNo: qris.originalReferenceNo,
      serviceCode: '47',
    });
  });

  it('of a direct debit also tells when it was opened', async () => {
    const { verdict, ticket } = await heard(debit);
    expect(verdict).toMatchObject({ outcome: 'succeeded', code: 'debit/00' });
    expect(ticket).toMatchObject({ operation: 'debit.charge', openedAt: '2024-09-13T04:18:40.000Z' });
    expect(ticket.reference).toEqual({
      originalPartnerReferenceNo: 'QA-20240913-004',
      originalReferenceNo: debit.originalReferenceNo,
      serviceCode: '54',
    });
  });

  it('of a direct debit may name iFortepay’s number alone: then the service, which all orders share, does not stand in for the merchant’s', async () => {
    const { ticket } = await heard({ ...debit, originalPartnerReferenceNo: undefined });
    expect(ticket.reference).toEqual({ originalReferenceNo: debit.originalReferenceNo });
  });

  it('of a virtual account is a reason to ask, whatever it says', async () => {
    for (const told of [
      account,
      { ...account, latestTransactionStatus: 'PAID' },
      { virtualAccountData: { ...account, status: 'PAID' } },
    ]) {
      const { verdict, ticket } = await heard(told);
      expect(verdict).toMatchObject({ kind: 'poll-required', reason: 'processing', code: 'va', listed: true });
      expect([ticket.operation, ticket.reference]).toEqual(['va.create', accountNumbers]);
    }
  });

  it('of a QRIS payment is told by its service too, where another version of the manual sends it', async () => {
    expect((await heard({ ...qris, additionalInfo: undefined, serviceCode: '47' })).ticket.operation).toBe(
      'qris.create',
    );
  });

  it.each([
    ['qris', '04', { kind: 'terminal', outcome: 'refunded' }],
    ['qris', '05', { kind: 'terminal', outcome: 'canceled' }],
    ['qris', '07', { kind: 'poll-required', reason: 'not-found' }],
    ['qris', '01', { kind: 'poll-required', reason: 'awaiting-payer' }],
    ['debit', '06', { kind: 'terminal', outcome: 'failed' }],
    ['debit', '07', { kind: 'poll-required', reason: 'expired' }],
    ['debit', '02', { kind: 'poll-required', reason: 'unknown-outcome', listed: false }],
    ['debit', 'PAID', { kind: 'poll-required', reason: 'unknown-outcome', listed: false }],
    ['debit', '__proto__', { kind: 'poll-required', reason: 'unknown-outcome', listed: false }],
  ])('of %s with status %s reads as the query would', async (kind, latestTransactionStatus, verdict) => {
    const told = { ...(kind === 'qris' ? qris : debit), latestTransactionStatus };
    expect((await heard(told)).verdict).toMatchObject({ code: `${kind}/${latestTransactionStatus}`, ...verdict });
  });

  it('without a status, or with a number for one, decides nothing', async () => {
    for (const latestTransactionStatus of [undefined, 0, null, ['00']]) {
      expect((await heard({ ...qris, latestTransactionStatus })).verdict).toMatchObject({
        kind: 'poll-required',
        reason: 'unknown-outcome',
        code: 'qris',
      });
    }
  });

  it.each([
    ['QRIS', qris, '52'],
    ['direct debit', debit, '56'],
    ['a virtual account', account, '25'],
  ])('of %s is answered in its service’s codes: 200 once it is stored, 500 to have it again', async (_what, told, service) => {
    const { reply, askAgain } = await heard(told);
    expect([reply.status, await reply.json()]).toEqual([
      200,
      { responseCode: `200${service}00`, responseMessage: 'Successful' },
    ]);
    expect([askAgain.status, await askAgain.json()]).toEqual([
      500,
      { responseCode: `500${service}00`, responseMessage: 'General Error' },
    ]);
  });
});

describe('iFortepay’s signature of a notification', () => {
  /*
   * openssl's, with the text below in body.json, and in min.json without the white space between its tokens:
   *
   *   hash=$(openssl dgst -sha256 -hex < min.json | sed 's/.*= //'); t=2026-11-21T10:30:00+07:00
   *   printf '%s' "https://shop.example/ifortepay:v1:$hash:$t" | openssl dgst -sha512 -hmac sample-client-secret-6b1f
   * -binary | base64 -w0
   */
  const body = `{
    "originalReferenceNo": "01907cf4e9dd7f01b99da9a25dae6c8e",
    "originalPartnerReferenceNo": "ORDER20261120001",
    "latestTransactionStatus": "00",
    "transactionStatusDesc": "Paid  by \\"Siti\\" \\\\",
    "amount": { "value": "10000.00", "currency": "IDR" },
    "additionalInfo": { "merchantId": "936008600000000000", "score": 1.50 }
}
`;
  const v1 = 'ZiyHtRdbk5NGNCFK3gZzV2iH/NbUbRORJTT5sT2Z5Eg8A8P/SrvVhT9foGl0zmpiwicEJ7K8Honb5nql73h5wQ==';
  const v2 = 'dZFd1O9Wk6MVq1vVqRxw7Bw5ULOaV5HE7qh8xvDaEonWZZlJdrXLdpcgXJWPlWKGYFhiWJBzjlM2r5tEdxp83A==';
  const signed = (signature: string, more: Record<string, string> = {}): Record<string, string> => ({
    'X-TIMESTAMP': timestamp,
    'X-SIGNATURE': signature,
    ...more,
  });

  it('is openssl’s, over the body without the white space between its tokens, and with all there is within its texts', async () => {
    const { verdict } = verified(await shop().receive(deliver(body, signed(v1))));
    expect(verdict).toMatchObject({ outcome: 'succeeded', message: 'Paid  by "Siti" \\' });
    expect(await shop().receive(deliver(body.replaceAll('\n', '\r\n\t'), signed(v1)))).toMatchObject({
      verified: true,
    });
  });

  it('is made with the version that the header names', async () => {
    expect(await shop().receive(deliver(body, signed(v2, { 'X-VERSION': 'v2' })))).toMatchObject({ verified: true });
    refused(await shop().receive(deliver(body, signed(v1, { 'X-VERSION': 'v2' }))));
  });

  it('is over the address as iFortepay has it, which notifyUrl names when the request came by way of a proxy', async () => {
    const proxied = deliver(body, signed(v1), 'http://10.0.0.7:8080/hooks/ifortepay');
    refused(await shop().receive(proxied.clone()));
    expect(await shop({ notifyUrl }).receive(proxied.clone())).toMatchObject({ verified: true });
    // Addresses of single orders cannot all be in one option.
    expect(await shop().receive(new Request(notifyUrl, proxied))).toMatchObject({ verified: true });
  });

  it.each<[string, Request]>([
    ['another amount', deliver(body.replace('10000.00', '1000.00'), signed(v1))],
    ['a number spelt otherwise', deliver(body.replace('1.50', '1.5'), signed(v1))],
    ['a blank less in a text', deliver(body.replace('Paid  by', 'Paid by'), signed(v1))],
    ['another escape in a text', deliver(body.replace('Siti', '\\u0053iti'), signed(v1))],
    ['more after the end', deliver(`${body}{}`, signed(v1))],
    [
      'another secret',
      deliver(body, signed(signatureOf(JSON.stringify(JSON.parse(body)), { secret: 'another-secret' }))),
    ],
    ['an empty secret', deliver(body, signed(signatureOf(JSON.stringify(JSON.parse(body)), { secret: '' })))],
    ['another address', deliver(body, signed(v1), 'https://shop.example/ifortepay?order=2')],
    ['another time', deliver(body, signed(v1, { 'X-TIMESTAMP': '2026-11-21T10:30:01+07:00' }))],
    ['the same time in other letters', deliver(body, signed(v1, { 'X-TIMESTAMP': '2026-11-21T03:30:00Z' }))],
    ['no X-SIGNATURE', deliver(body, { 'X-TIMESTAMP': timestamp })],
    ['an empty X-SIGNATURE', deliver(body, signed(''))],
    ['half a signature', deliver(body, signed(v1.slice(0, 44)))],
    ['two signatures', deliver(body, signed(`${v1}, ${v1}`))],
    ['no X-TIMESTAMP', deliver(body, { 'X-SIGNATURE': v1 })],
  ])('refuses %s, and the reason quotes nothing', async (_what, request) => {
    const received = await shop().receive(request);
    expect(refused(received)).not.toMatch(/ZiyH|secret-|ORDER2026|10000|shop\.example/);
    expect([received.reply.status, await received.reply.json()]).toEqual([
      401,
      { responseCode: '4010000', responseMessage: 'Unauthorized. Signature' },
    ]);
  });

  it.each([
    [14, true],
    [-14, true],
    [16, false],
    [-16, false],
  ])('that is %d minutes old is believed: %s', async (minutes, believed) => {
    const at = timestamp;
    const clock = manualClock({ startMs: nowMs + minutes * MINUTE_MS });
    expect((await shop({}, clock).receive(deliver(body, signed(v1, { 'X-TIMESTAMP': at })))).verified).toBe(believed);
  });

  it('of a time nobody can read is refused', async () => {
    const told = JSON.stringify(qris);
    for (const at of ['', 'now', '1795232400000']) {
      expect(
        refused(await shop().receive(deliver(told, { 'X-TIMESTAMP': at, 'X-SIGNATURE': signatureOf(told, { at }) }))),
      ).toContain('X-TIMESTAMP');
    }
  });

  it('makes nobody believe a virtual account’s notification that lacks it, but the reply is 200: the manual lets it go for now', async () => {
    for (const headers of [
      {},
      { 'X-TIMESTAMP': timestamp },
      signed('85be817c55b2c135157c7e89f52499bf0c25ad6eeebe04a986e8c862561b19a5'),
    ]) {
      const received = await shop().receive(deliver(JSON.stringify(account), headers));
      expect(refused(received)).toContain('ask about the virtual account');
      expect([received.reply.status, await received.reply.json()]).toEqual([
        200,
        { responseCode: '2002500', responseMessage: 'Successful' },
      ]);
    }
    for (const told of [qris, debit, {}])
      expect((await shop().receive(deliver(JSON.stringify(told), { 'X-TIMESTAMP': timestamp }))).reply.status).toBe(
        401,
      );
  });

  it('does not make a notification of what is none: signed rubbish is refused, and nothing throws', async () => {
    for (const told of [
      {},
      [],
      null,
      7,
      true,
      'SUCCESS',
      { latestTransactionStatus: '00' },
      { ...qris, originalReferenceNo: 7, originalPartnerReferenceNo: [] },
      { trxId: '' },
      { virtualAccountData: [] },
    ]) {
      refused(await shop().receive(tell(told)));
    }
    for (const text of ['', ' ', '{', '"', '"\\', '\u0000', 'a=b', '\uFEFF'])
      refused(await shop().receive(deliver(text)));
    for (const text of ['[['.repeat(50_000), `"${'x'.repeat(300_000)}"`]) refused(await shop().receive(deliver(text)));
    refused(await shop().receive(new Request(notifyUrl)));
    refused(await shop().receive(new Request(notifyUrl, { method: 'POST', body: new Uint8Array([0xff, 0x22, 0x5c]) })));
  });

  it('cannot be checked without clientSecret: whoever receives is told what to configure', async () => {
    const { clientSecret, ...rest } = credentials;
    const blind = createGateway({ adapter: ifortepay(rest) });
    const error: unknown = await blind.receive(tell(qris)).catch((reason: unknown) => reason);
    expect(isInputError(error)).toBe(true);
    expect(String(error)).toMatch(/clientSecret/);
    expect(String(error)).not.toContain(clientSecret);
  });

  it('is never made with an empty secret, nor over an address that is none', () => {
    for (const wrong of [{ clientSecret: '' }, { clientSecret: ' ' }, { notifyUrl: '/ifortepay' }, { notifyUrl: '' }]) {
      expect(() => ifortepay({ ...credentials, ...wrong })).toThrow(/clientSecret|notifyUrl/);
    }
  });
});

/** Without a card token the payer confirms on a wallet's page. */
const walletCharge: object = { bankCardToken: undefined };

/** A gateway whose payments do what `script` says, and the loops that wait for them. */
function scene() {
  const clock = manualClock({ startMs: nowMs });
  const events: GatewayEvent[] = [];
  const simulator = simulateGateway({
    voice: ifortepayVoice(credentials),
    clock,
    lives: { create: lives.open(), charge: lives.open() },
  });
  const paying = createGateway({
    adapter: ifortepay(credentials),
    client: ky.create({ fetch: simulator.fetch }),
    clock,
    onEvent: event => events.push(event),
  });
  return {
    clock,
    simulator,
    paying,
    conflicts: () => events.filter(({ type }) => type === 'conflict'),
    queries: () => simulator.requests.filter(({ act }) => act === 'query').length,
    /** What iFortepay would send of the order as it is; or as `change` has it. */
    notice: (change: Partial<Entry> = {}): Promise<Request> => {
      const entry = simulator.ledger.payment('ORDER20261120001');
      if (entry === undefined) throw new Error('there is no such order');
      return ifortepayNotice(credentials, { ...entry, ...change }, clock.now());
    },
    created: async <K extends 'qris.create' | 'va.create' | 'debit.charge'>(
      operation: K,
      more: Partial<IfortepayFields[K]> = {},
    ) => {
      const fields = { ...samples.complete[operation], ...more } as IfortepayFields[K] & Record<string, unknown>;
      return (await clock.run(paying.settle(operation, fields))).ticket;
    },
  };
}

describe('a loop that waits for iFortepay', () => {
  it.each([
    'qris.create',
    'debit.charge',
  ] as const)('of a %s ends at once by a paid one, without another query', async operation => {
    const { clock, paying, queries, notice, created } = scene();
    const following = paying.untilSettled(await created(operation, operation === 'debit.charge' ? walletCharge : {}));
    await clock.untilQuiet();
    const before = [clock.now(), queries()];
    const { ticket } = verified(await paying.receive(await notice({ state: 'paid' })));
    const settlement = await following;
    expect(settlement).toMatchObject({ outcome: 'succeeded', settledBy: 'webhook' });
    expect(settlement.ticket.reference).toEqual(ticket.reference);
    expect([clock.now(), queries(), clock.pending]).toEqual([...before, 0]);
  });

  it('of a virtual account ends at once, after the query that has the last word', async () => {
    const { clock, simulator, paying, queries, notice, created } = scene();
    const following = paying.untilSettled(await created('va.create'));
    await clock.untilQuiet();
    simulator.script('ORDER20261120001', { life: lives.paid() });
    const [atMs, asked] = [clock.now(), queries()];
    verified(await paying.receive(await notice()));
    expect(await following).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'query',
      verdict: { code: '2003000/PAID' },
    });
    expect([clock.now(), queries(), clock.pending]).toEqual([atMs, asked + 1, 0]);
  });

  it('of a virtual account asks at once when an unsigned notice names it, however many of them come', async () => {
    const { clock, simulator, paying, queries, notice, created } = scene();
    const following = paying.untilSettled(await created('va.create'));
    await clock.untilQuiet();
    const before = queries();
    const forged = async (): Promise<Request> =>
      new Request(notifyUrl, { method: 'POST', body: await (await notice()).text() });
    for (let time = 0; time < 5; time++) {
      refused(await paying.receive(await forged()));
      await clock.untilQuiet();
    }
    expect(queries()).toBe(before + 1);
    simulator.script('ORDER20261120001', { life: lives.paid() });
    clock.advance(2 * MINUTE_MS);
    await clock.untilQuiet();
    refused(await paying.receive(await forged()));
    expect(await following).toMatchObject({ outcome: 'succeeded', settledBy: 'query' });
  });

  it('asks before it believes a failure: the number may be in use again', async () => {
    const { clock, simulator, paying, notice, created } = scene();
    const following = paying.untilSettled(await created('qris.create'));
    await clock.untilQuiet();
    verified(await paying.receive(await notice({ state: 'declined' })));
    await clock.untilQuiet();
    expect(clock.pending).toBe(1);
    simulator.script('ORDER20261120001', { life: lives.paid() });
    expect(await clock.run(following)).toMatchObject({ outcome: 'succeeded', settledBy: 'query' });
  });

  it('is not ended by a notice of another order, of another product, or of iFortepay’s number alone', async () => {
    const { clock, paying, queries, created } = scene();
    const following = paying.untilSettled(await created('qris.create'));
    await clock.untilQuiet();
    const before = queries();
    await paying.receive(tell({ ...qris, originalPartnerReferenceNo: 'ORDER2', originalReferenceNo: 'another' }));
    await paying.receive(tell({ ...debit, originalPartnerReferenceNo: 'ORDER20261120001' }));
    await paying.receive(tell({ ...debit, originalPartnerReferenceNo: undefined }));
    await clock.untilQuiet();
    expect([queries(), clock.pending]).toEqual([before, 1]);
    expect(await clock.run(following)).toMatchObject({ outcome: 'unresolved' });
  });

  it('is not ended by a notice of another amount: it asks, and there is a conflict', async () => {
    const { clock, paying, conflicts, notice, created } = scene();
    const following = paying.untilSettled(await created('qris.create'));
    await clock.untilQuiet();
    await paying.receive(await notice({ state: 'paid', amount: '1.00' }));
    await clock.untilQuiet();
    expect([conflicts().length, clock.pending]).toEqual([1, 1]);
    expect(await clock.run(following)).toMatchObject({ outcome: 'unresolved' });
  });

  it('whose create lost its answer ends by the notice that names its order', async () => {
    const { clock, simulator, paying, notice } = scene();
    simulator.script('ORDER20261120001', { onSend: ['reset-after-booking'], life: lives.paid() });
    const settling = paying.settle('debit.charge', samples.complete['debit.charge'] as IfortepayFields['debit.charge']);
    await clock.untilQuiet();
    verified(await paying.receive(await notice()));
    expect(await settling).toMatchObject({ outcome: 'succeeded', settledBy: 'webhook', attempts: 1 });
    expect(simulator.ledger.payment('ORDER20261120001')).toMatchObject({ bookings: 1, sends: 1 });
    expect(clock.pending).toBe(0);
  });
});

describe('a late or repeated notification of iFortepay', () => {
  it('says the same again, and asks nobody', async () => {
    const { clock, paying, queries, conflicts, notice, created } = scene();
    await created('qris.create');
    const before = queries();
    for (let time = 0; time < 3; time++) {
      clock.advance(MINUTE_MS);
      expect(verified(await paying.receive(await notice({ state: 'paid' }))).verdict).toMatchObject({
        outcome: 'succeeded',
      });
    }
    expect([queries(), conflicts().length]).toEqual([before, 0]);
  });

  it('that is replayed after 15 minutes is refused', async () => {
    const { clock, paying, notice, created } = scene();
    await created('qris.create');
    const recorded = await notice({ state: 'paid' });
    expect(await paying.receive(recorded.clone())).toMatchObject({ verified: true });
    clock.advance(16 * MINUTE_MS);
    refused(await paying.receive(recorded));
  });

  it('a failure after "paid" does not move it back: the query decides, and there is a conflict', async () => {
    const { clock, simulator, paying, conflicts, notice, created } = scene();
    const ticket = await created('qris.create');
    simulator.script('ORDER20261120001', { life: lives.paid() });
    expect(await clock.run(paying.untilSettled(ticket))).toMatchObject({ outcome: 'succeeded' });
    const late = verified(await clock.run(paying.receive(await notice({ state: 'declined' }))));
    expect(late.verdict).toMatchObject({ outcome: 'succeeded', code: '2005100/00' });
    expect(late.ticket.reference).toEqual(ticket.reference);
    expect(conflicts()).toHaveLength(1);
  });

  it.each([
    'qris.create',
    'va.create',
    'debit.charge',
  ] as const)('of %s gives a ticket that can be asked about', async operation => {
    const { clock, simulator, paying, notice, created } = scene();
    await created(operation, operation === 'debit.charge' ? walletCharge : {});
    simulator.script('ORDER20261120001', { life: lives.paid() });
    const { ticket } = verified(await paying.receive(await notice()));
    expect(ticket.operation).toBe(operation);
    expect(await clock.run(paying.ask(ticket))).toMatchObject({ outcome: 'succeeded' });
  });
});
