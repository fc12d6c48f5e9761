import { createSign } from 'node:crypto';
import ky from 'ky';
import { describe, expect, it } from 'vitest';
import { rebell, type RebellCredentials, type RebellFields } from '../../src/adapters/rebell/index.ts';
import { madeUp } from '../samples/rebell.ts';
import { rebellNotice, rebellVoice } from '../../src/adapters/rebell/simulator.ts';
import { createGateway, isInputError, type Gateway, type GatewayEvent, type Received } from '../../src/index.ts';
import {
  lives,
  manualClock,
  simulateGateway,
  type Entry,
  type Life,
  type ManualClock,
} from '../../src/testing/index.ts';
import { refused, verified } from './received.ts';

const nowMs = Date.parse('2026-11-21T05:00:00Z');
const time = '2026-11-21T05:00:00Z';
const path = '/rebell/webhook';
const MINUTE_MS = 60_000;

const shop = (
  more: Partial<RebellCredentials> = {},
  clock: ManualClock = manualClock({ startMs: nowMs }),
): Gateway<RebellFields> => createGateway({ adapter: rebell({ ...madeUp, ...more }), clock });

interface Signing {
  key?: string;
  at?: string;
  method?: string;
  path?: string;
  client?: string;
}

function signatureOf(
  body: string,
  {
    key = madeUp.gatewayPrivateKey,
    at = time,
    method = 'POST',
    path: signedPath = path,
    client = madeUp.clientId,
  }: Signing = {},
): string {
  return createSign('RSA-SHA256').update(`${method} ${signedPath}\n${client}.${at}.${body}`).sign(key, 'base64');
}

const headersOf = (signature: string, at = time): Record<string, string> => ({
  'Request-Time': at,
  Signature: `algorithm=SHA256withRSA, keyVersion=1, signature=${signature}`,
});

const deliver = (
  body: string,
  headers: Record<string, string> = headersOf(signatureOf(body)),
  url = `https://shop.example${path}`,
): Request => new Request(url, { method: 'POST', headers, body });

const tell = (told: unknown): Request => deliver(JSON.stringify(told));

const heard = async (told: unknown): Promise<Received & { verified: true }> =>
  verified(await shop().receive(tell(told)));

/** As printed at https://docs.rebellapp.com/payment-integration/webhooks */
const payment = {
  eventType: 'PAYMENT_RESULT',
  paymentId: '2024032100123456',
  paymentRequestId: 'checkout-20240321-987',
  paymentStatus: 'SUCCESS',
  paymentAmount: { currency: 'EUR', value: 499 },
  paymentTime: '2024-03-21T10:15:33Z',
  failureReason: null,
  merchantData: { externalStoreId: 'STORE-77' },
};

/** As printed at https://docs.rebellapp.com/openapis/payments/notifyPayment */
const retail = {
  paymentId: '2024011012345678901234',
  paymentRequestId: 'RETAIL-20240110-001',
  paymentStatus: 'FAIL',
  paymentAmount: { currency: 'EUR', value: '2500' },
  paymentTime: '2024-01-10T14:30:45+01:00',
  paymentCreatedTime: '2024-01-10T14:30:00+01:00',
};

/** As printed at https://docs.rebellapp.com/openapis/payments/notifyRefund */
const refund = {
  refundId: '2024011198765432101234',
  refundRequestId: 'REFUND-20240111-001',
  paymentId: '2024011012345678901234',
  refundStatus: 'SUCCESS',
  refundAmount: { currency: 'EUR', value: '1500' },
  refundTime: '2024-01-11T10:15:30+01:00',
};

/** As printed at https://docs.rebellapp.com/openapis/payments/notifyCashierUrl */
const cashier = {
  paymentId: '2024011012345678901234',
  paymentRequestId: 'LINK-20240110-001',
  cashierUrl: 'https://pay.rebellapp.com/c/abc123',
  status: 'CREATED',
};

describe('a notification of Rebell', () => {
  it('of a payment gives its verdict, and the ticket of its payment', async () => {
    const { verdict, ticket } = await heard(payment);
    expect(verdict).toMatchObject({ kind: 'terminal', outcome: 'succeeded', code: 'payment/SUCCESS', listed: true });
    expect(ticket).toMatchObject({
      gateway: 'rebell',
      account: madeUp.clientId,
      operation: 'payment.create',
      seen: true,
      expect: { amount: '499', currency: 'EUR' },
    });
    expect(ticket.reference).toEqual({ paymentRequestId: 'checkout-20240321-987', paymentId: '2024032100123456' });
  });

  it('may tell no event, but when the payment was made', async () => {
    const { verdict, ticket } = await heard(retail);
    expect(verdict).toMatchObject({ kind: 'terminal', outcome: 'failed', code: 'payment/FAIL' });
    expect(ticket).toMatchObject({ openedAt: '2024-01-10T13:30:00.000Z', expect: { amount: '2500', currency: 'EUR' } });
  });

  it('of a refund goes by the refund’s own numbers, not by the payment’s, which it shares with others', async () => {
    const { verdict, ticket } = await heard(refund);
    expect(verdict).toMatchObject({ outcome: 'succeeded', reason: 'refunded', code: 'refund/SUCCESS' });
    expect(ticket).toMatchObject({ operation: 'refund.create', expect: { amount: '1500', currency: 'EUR' } });
    expect(ticket.reference).toEqual({ refundRequestId: 'REFUND-20240111-001', refundId: '2024011198765432101234' });
  });

  it('tells why a payment failed', async () => {
    expect(
      (await heard({ ...payment, paymentStatus: 'FAIL', failureReason: 'INSUFFICIENT_BALANCE' })).verdict,
    ).toMatchObject({
      outcome: 'failed',
      message: 'INSUFFICIENT_BALANCE',
    });
  });

  it('that tells no state, such as a cashier’s, is a reason to ask', async () => {
    expect((await heard(cashier)).verdict).toMatchObject({
      kind: 'poll-required',
      reason: 'unknown-outcome',
      code: 'payment',
      listed: true,
    });
    expect((await heard({ ...refund, refundStatus: 7 })).verdict).toMatchObject({
      kind: 'poll-required',
      code: 'refund',
    });
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['another event', { eventType: 'PAYMENT_HELD' }, 'PAYMENT_HELD/payment/SUCCESS'],
    ['an event that belongs to refunds', { eventType: 'REFUND_RESULT' }, 'REFUND_RESULT/payment/SUCCESS'],
    ['an unknown state', { paymentStatus: 'AUTHORIZED' }, 'payment/AUTHORIZED'],
    ['a state in other letters', { paymentStatus: 'success' }, 'payment/success'],
    ['a state that has the name of an object’s own', { paymentStatus: '__proto__' }, 'payment/__proto__'],
  ])('with %s is genuine and decides nothing', async (_what, change, code) => {
    expect((await heard({ ...payment, ...change })).verdict).toMatchObject({
      kind: 'poll-required',
      reason: 'unknown-outcome',
      listed: false,
      code,
    });
  });

  it('is answered with a success once it is stored, and otherwise with none in either place', async () => {
    const { reply, askAgain } = await heard(payment);
    expect([reply.status, await reply.json()]).toEqual([
      200,
      { result: { resultCode: 'SUCCESS', resultStatus: 'S', resultMessage: 'success' } },
    ]);
    expect(askAgain.status).toBe(500);
    expect(await askAgain.json()).toMatchObject({ result: { resultStatus: 'U' } });
  });
});

describe('Rebell’s signature of a notification', () => {
  /*
   * openssl's, with the gateway's and the merchant's keys of test/samples in key.pem:
   *
   *   printf 'POST /rebell/webhook\nTEST_5X00000000000000.2026-11-21T05:00:00Z.%s' "$body" | openssl dgst -sha256 -sign
   * key.pem | openssl base64 -A
   */
  const body = JSON.stringify(payment);
  const right =
    'mzAw9FhnH3opBES6UB6MR5KmUSfVkJFoyggrkR7ekUYlrmwI3o7E3Yd1+AsN0haawJGWvoaIq6FRUwXo+7xX+JRq4/u2yWIJ8xsIJJO+h642S5bSOfgrSMTXuuICUFB4DZcbJwgJmMe67vVZcBGjGBzSGlA2bFOz+qO3bznL6BP8XOMGDl/iaWgsQMA3ENRYd/pIGBPAJND9KsEMQolaPg9IaHEdkY/AkAb5P9vMuUcPZIZ3ehoW6wvMfSW1C/7bN2Z5GV4po3CzsUiwoDVU6acmyQYb3httOCN2upYjLBn4QOpP1HVjzPL5dR5TKlCotES5gg8NasGx/4Wr3JEGKw==';
  const merchants =
    'kZ4smRJewZQNnU8pLuTMDNpeeVTFWdwPNpHk/BiYuvNw8HXvTIvNhUuhFYeHq88X5zRo9qDWJNd7fRwgFX5SP+9eV8nP1SPeB9+Uh7KgUn+Svy7CAX5+gRCPpuULt+U46A9P2Ame7c/UOtcH4HPSqIJlpM+GtkGkce+FedtFL5/FUHYbVVK1Bv8m9PjTSl4p9Cvc+hZ1B5ZASpUcXhDtFpuaqASQHt3Ty6RM1yRZ/+eNG3o/vU4DTxD8cqTQX11RXfdYmCMnXDhGO4p61oxHr25tb4YlaKnIVB0Kx98hRqVK8gkcE/eeEJSYKx+mAoJFtGojZgsRWX0vNqwEpdvxCQ==';

  it('is openssl’s, over the body as it came', async () => {
    expect(signatureOf(body)).toBe(right);
    expect(await shop().receive(deliver(body, headersOf(right)))).toMatchObject({ verified: true });
  });

  it('may be written in Base64URL, as one page of the manual has it', async () => {
    const url = right.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
    expect(await shop().receive(deliver(body, headersOf(url)))).toMatchObject({ verified: true });
  });

  it('is over the path as Rebell has it, which notifyPath names when a proxy has changed it', async () => {
    const proxied = deliver(body, headersOf(right), 'http://10.0.0.7:8080/webhook');
    refused(await shop().receive(proxied.clone()));
    expect(await shop({ notifyPath: path }).receive(proxied)).toMatchObject({ verified: true });
    const asked = deliver(
      body,
      headersOf(signatureOf(body, { path: `${path}?shop=7` })),
      `https://shop.example${path}?shop=7`,
    );
    expect(await shop().receive(asked)).toMatchObject({ verified: true });
  });

  it.each<[string, Request]>([
    ['another amount', deliver(body.replace('499', '498'), headersOf(right))],
    ['a body written again', deliver(JSON.stringify(payment, undefined, 2), headersOf(right))],
    ['a line feed at the end', deliver(`${body}\n`, headersOf(right))],
    ['the merchant’s own key', deliver(body, headersOf(merchants))],
    [
      'another merchant’s notification',
      deliver(body, headersOf(signatureOf(body, { client: 'TEST_5X00000000000001' }))),
    ],
    ['another path', deliver(body, headersOf(right), 'https://shop.example/rebell/refunds')],
    ['another method', new Request(`https://shop.example${path}`, { method: 'PUT', headers: headersOf(right), body })],
    ['another time', deliver(body, headersOf(right, '2026-11-21T05:00:01Z'))],
    ['no Signature', deliver(body, { 'Request-Time': time })],
    ['an empty Signature', deliver(body, { 'Request-Time': time, Signature: '' })],
    ['a Signature without its name', deliver(body, { 'Request-Time': time, Signature: right })],
    ['half a signature', deliver(body, headersOf(right.slice(0, 172)))],
    ['a signature that is no Base64', deliver(body, headersOf('='))],
    ['no Request-Time', deliver(body, { Signature: headersOf(right)['Signature'] ?? '' })],
  ])('refuses %s, and the reason quotes nothing', async (_what, request) => {
    const received = await shop().receive(request);
    expect(refused(received)).not.toMatch(/mzAw|kZ4s|checkout-|499|\/rebell/);
    expect([received.reply.status, await received.reply.json()]).toMatchObject([
      401,
      { result: { resultStatus: 'F', resultCode: 'INVALID_SIGNATURE' } },
    ]);
  });

  it.each([
    [5, true],
    [-5, true],
    [6, false],
    [-6, false],
  ])('that is %d minutes old is believed: %s', async (minutes, believed) => {
    const clock = manualClock({ startMs: nowMs + minutes * MINUTE_MS });
    expect((await shop({}, clock).receive(deliver(body, headersOf(right)))).verified).toBe(believed);
  });

  it('of a time nobody can read is refused', async () => {
    for (const at of ['', 'now', '1795237200000'])
      expect(refused(await shop().receive(deliver(body, headersOf(signatureOf(body, { at }), at))))).toContain(
        'Request-Time',
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
      { paymentStatus: 'SUCCESS' },
      { ...payment, paymentId: {}, paymentRequestId: [] },
      { refundId: '' },
      [payment],
    ]) {
      refused(await shop().receive(tell(told)));
    }
    for (const text of ['', ' ', '{', '"', '\u0000', 'a=b']) refused(await shop().receive(deliver(text)));
    for (const text of ['[['.repeat(50_000), `"${'x'.repeat(300_000)}"`]) refused(await shop().receive(deliver(text)));
    refused(await shop().receive(new Request(`https://shop.example${path}`)));
    const bytes = new Uint8Array([...new TextEncoder().encode(body.slice(0, -1)), 0xff, 0x7d]);
    refused(
      await shop().receive(
        new Request(`https://shop.example${path}`, { method: 'POST', headers: headersOf(right), body: bytes }),
      ),
    );
  });

  it('cannot be checked without gatewayPublicKey: whoever receives is told what to configure', async () => {
    const { gatewayPublicKey, ...rest } = madeUp;
    const blind = createGateway({ adapter: rebell(rest as RebellCredentials) });
    const error: unknown = await blind.receive(tell(payment)).catch((reason: unknown) => reason);
    expect(isInputError(error)).toBe(true);
    expect(String(error)).toMatch(/gatewayPublicKey/);
    expect(String(error)).not.toContain(gatewayPublicKey.slice(30, 60));
  });

  it('is never asked for over a path that is none', () => {
    for (const notifyPath of ['', 'rebell', 'https://shop.example/rebell', '/rebell#top', '/rebell path'])
      expect(() => rebell({ ...madeUp, notifyPath })).toThrow(/notifyPath/);
  });
});

const charge = { paymentRequestId: 'order-1', paymentAmount: { currency: 'EUR', value: '1250' } };

/** A gateway whose payments do what `script` says, and the loops that wait for them. */
function scene(options: { create?: Life; charge?: Life } = {}) {
  const clock = manualClock({ startMs: nowMs });
  const events: GatewayEvent[] = [];
  const simulator = simulateGateway({
    voice: rebellVoice(madeUp),
    clock,
    lives: { create: lives.open(), charge: lives.open(), refund: lives.open(), ...options },
  });
  const paying = createGateway({
    adapter: rebell(madeUp),
    client: ky.create({ fetch: simulator.fetch }),
    clock,
    onEvent: event => events.push(event),
  });
  // A signature is made by a thread, which the clock cannot see.
  const run = <T>(work: Promise<T>): Promise<T> => clock.run(work);
  const noticeOf = (entry: Entry | undefined, change: Partial<Entry>): Promise<Request> => {
    if (entry === undefined) throw new Error('there is no such entry');
    return rebellNotice(madeUp, { ...entry, ...change }, clock.now());
  };
  return {
    clock,
    simulator,
    paying,
    run,
    conflicts: () => events.filter(({ type }) => type === 'conflict'),
    queries: () => simulator.requests.filter(({ act }) => act === 'query' || act === 'refund-query').length,
    notice: (change: Partial<Entry> = {}) => noticeOf(simulator.ledger.payment('order-1'), change),
    refundNotice: (reference: string, change: Partial<Entry> = {}) =>
      noticeOf(simulator.ledger.refund(reference), change),
    created: async () => (await run(paying.settle('payment.create', charge))).ticket,
  };
}

describe('a loop that waits for Rebell', () => {
  it.each([
    ['paid', 'succeeded'],
    ['declined', 'failed'],
  ] as const)('of an order ends at once when it is %s, without another query', async (state, outcome) => {
    const { clock, paying, queries, notice, created } = scene();
    const following = paying.untilSettled(await created());
    await clock.untilQuiet();
    const before = [clock.now(), queries()];
    const { ticket } = verified(await paying.receive(await notice({ state })));
    const settlement = await following;
    expect(settlement).toMatchObject({ outcome, settledBy: 'webhook' });
    expect(settlement.ticket.reference).toEqual(ticket.reference);
    expect([clock.now(), queries(), clock.pending]).toEqual([...before, 0]);
  });

  it('of a charge in progress ends at once as well', async () => {
    const { clock, simulator, paying, notice } = scene();
    const charging = paying.settle('payment.charge', charge);
    await clock.untilQuiet();
    verified(await paying.receive(await notice({ state: 'paid' })));
    expect(await charging).toMatchObject({ outcome: 'succeeded', settledBy: 'webhook', attempts: 1 });
    expect([simulator.ledger.payment('order-1')?.sends, clock.now() - nowMs, clock.pending]).toEqual([1, 0, 0]);
  });

  it('of one refund is not ended by another refund of the same payment, nor is its void', async () => {
    const { clock, paying, run, queries, refundNotice } = scene({ charge: lives.paid() });
    const { reference } = await run(paying.settle('payment.charge', charge));
    const paymentId = reference.provider ?? '';
    const refundAmount = { currency: 'EUR', value: '500' };
    const first = paying.settle('refund.create', { refundRequestId: 'refund-1', paymentId, refundAmount });
    const second = paying.settle('refund.create', { refundRequestId: 'refund-2', paymentId, refundAmount });
    const voiding = paying.untilSettled(paying.ticketFor('payment.void', { voidRequestId: 'void-1', paymentId }), {
      policy: { poll: { deadlineMs: 120_000 } },
    });
    await clock.untilQuiet();
    const before = [clock.now(), queries()];
    verified(await paying.receive(await refundNotice('refund-1', { state: 'paid' })));
    expect(await first).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'webhook',
      verdict: { code: 'refund/SUCCESS' },
    });
    await clock.untilQuiet();
    expect([clock.now(), queries()]).toEqual(before);
    verified(await paying.receive(await refundNotice('refund-2', { state: 'declined' })));
    expect(await second).toMatchObject({ outcome: 'failed', settledBy: 'webhook' });
    expect(clock.pending).toBe(1);
    expect(await run(voiding)).toMatchObject({ settledBy: 'none' });
  });

  it('is not ended by another payment’s notice, a forgery, or one without a state', async () => {
    const { clock, paying, run, queries, notice, created } = scene();
    const following = paying.untilSettled(await created());
    await clock.untilQuiet();
    const before = queries();
    await paying.receive(tell(payment));
    const genuine = await notice({ state: 'paid' });
    await paying.receive(new Request(genuine.clone(), { body: (await genuine.text()).replace('1250', '1') }));
    await clock.untilQuiet();
    expect([queries(), clock.pending]).toEqual([before, 1]);
    await paying.receive(tell({ ...cashier, paymentRequestId: 'order-1', paymentId: undefined }));
    await clock.untilQuiet();
    expect([queries(), clock.pending]).toEqual([before + 1, 1]);
    expect(await run(following)).toMatchObject({ outcome: 'unresolved' });
  });

  it('is not ended by a notice of another amount: it asks, and there is a conflict', async () => {
    const { clock, paying, run, conflicts, notice, created } = scene();
    const following = paying.untilSettled(await created());
    await clock.untilQuiet();
    await paying.receive(await notice({ state: 'paid', amount: '1' }));
    await clock.untilQuiet();
    expect([conflicts().length, clock.pending]).toEqual([1, 1]);
    expect(await run(following)).toMatchObject({ outcome: 'unresolved' });
  });
});

describe('a late or repeated notification of Rebell', () => {
  it('says the same again, and asks nobody', async () => {
    const { clock, paying, queries, conflicts, notice, created } = scene();
    await created();
    const before = queries();
    for (let repeat = 0; repeat < 3; repeat++) {
      clock.advance(MINUTE_MS);
      expect(verified(await paying.receive(await notice({ state: 'paid' }))).verdict).toMatchObject({
        outcome: 'succeeded',
      });
    }
    expect([queries(), conflicts().length]).toEqual([before, 0]);
  });

  it('that is replayed after five minutes is refused', async () => {
    const { clock, paying, notice, created } = scene();
    await created();
    const recorded = await notice({ state: 'paid' });
    expect(await paying.receive(recorded.clone())).toMatchObject({ verified: true });
    clock.advance(6 * MINUTE_MS);
    refused(await paying.receive(recorded));
  });

  it('"failed" after "paid" does not move it back: the query decides, and there is a conflict', async () => {
    const { simulator, paying, run, conflicts, notice, created } = scene();
    const ticket = await created();
    simulator.script('order-1', { life: lives.paid() });
    expect(await run(paying.untilSettled(ticket))).toMatchObject({ outcome: 'succeeded' });
    const late = verified(await run(paying.receive(await notice({ state: 'declined' }))));
    expect(late.verdict).toMatchObject({ outcome: 'succeeded', code: 'payment/SUCCESS' });
    expect(conflicts()).toHaveLength(1);
  });

  it('"paid" after "failed" is asked about, since money may be there', async () => {
    const { simulator, paying, run, conflicts, notice, created } = scene({ create: lives.declined() });
    expect(await run(paying.untilSettled(await created()))).toMatchObject({ outcome: 'failed' });
    simulator.script('order-1', { life: lives.paid() });
    expect(verified(await run(paying.receive(await notice()))).verdict).toMatchObject({ outcome: 'succeeded' });
    expect(conflicts()).toHaveLength(1);
  });

  it('gives a ticket that can be asked about', async () => {
    const { simulator, paying, run, notice, created } = scene();
    await created();
    simulator.script('order-1', { life: lives.paid() });
    const { ticket } = verified(await paying.receive(await notice()));
    expect(await run(paying.ask(ticket))).toMatchObject({ outcome: 'succeeded' });
  });
});
