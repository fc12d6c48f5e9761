import { createHmac } from 'node:crypto';
import ky from 'ky';
import { describe, expect, it } from 'vitest';
import { uqpay, type UqpayCredentials, type UqpayFields } from '../../src/adapters/uqpay/index.ts';
import { uqpayNotice, uqpayVoice } from '../../src/adapters/uqpay/simulator.ts';
import { createGateway, isInputError, type Gateway, type GatewayEvent, type Received } from '../../src/index.ts';
import { lives, manualClock, simulateGateway, type Entry, type ManualClock } from '../../src/testing/index.ts';
import { refused, verified } from './received.ts';

const nowMs = Date.UTC(2026, 10, 21, 3, 30);
const MINUTE_MS = 60_000;
const webhookSecret = 'sample-webhook-secret-d08e6b31';

let clients = 0;
/** Tokens are shared by everybody in a process who uses one `clientId`: each scene has its own. */
const ownCredentials = () =>
  ({
    clientId: `hook-client-${++clients}`,
    apiKey: 'api-key-4f0e',
    webhookSecret,
    environment: 'sandbox',
  }) satisfies UqpayCredentials;

const shop = (clock: ManualClock = manualClock({ startMs: nowMs })): Gateway<UqpayFields> =>
  createGateway({ adapter: uqpay(ownCredentials()), clock });

const signatureOf = (body: string, at = String(nowMs), secret = webhookSecret): string =>
  createHmac('sha512', secret)
    .update(body + at)
    .digest('hex');

const headersOf = (signature: string, at = String(nowMs)): Record<string, string> => ({
  'x-wk-timestamp': at,
  'x-wk-signature': signature,
});

const deliver = (body: string, headers: Record<string, string> = headersOf(signatureOf(body))): Request =>
  new Request('https://shop.example/uqpay', { method: 'POST', headers, body });

const tell = (told: unknown): Request => deliver(JSON.stringify(told));

const heard = async (told: unknown): Promise<Received & { verified: true }> =>
  verified(await shop().receive(tell(told)));

const event = (event_type: string, data: object): object => ({
  version: 'V1.6.0',
  event_name: 'ACQUIRING',
  event_type,
  event_id: '10a83d0c-1dc8-425b-b120-029ea48f9ac8',
  data,
});

/**
 * The data of https://developers-sandbox.uqpaytech.com/global-acquiring/v1.6/webhooks/paymentintent-result and its
 * neighbours.
 */
const intent = {
  amount: '8.88',
  create_time: '2026-04-13T17:54:15+08:00',
  currency: 'SGD',
  intent_status: 'SUCCEEDED',
  merchant_order_id: '56dd76dd-1279-4214-9cd0-2a4224088fc1',
  payment_intent_id: 'PI2043628825316691968',
};
const attempt = {
  amount: '8.88',
  attempt_status: 'FAILED',
  create_time: '2026-04-13T17:54:15+08:00',
  currency: 'SGD',
  failure_code: 'do_not_honor',
  failure_message: '',
  merchant_order_id: intent.merchant_order_id,
  payment_attempt_id: 'PA2043628825429938176',
  payment_intent_id: intent.payment_intent_id,
};
const refund = {
  amount: '8.88',
  create_time: '2026-04-13T17:57:42+08:00',
  currency: 'SGD',
  payment_attempt_id: attempt.payment_attempt_id,
  payment_intent_id: intent.payment_intent_id,
  payment_refund_id: 'RF2043629695899013120',
  refund_status: 'SUCCEEDED',
};
const cancellation = {
  amount: '8.88',
  cancel_status: 'SUCCEEDED',
  cancel_time: '2026-04-13T18:06:35+08:00',
  currency: 'SGD',
  payment_intent_id: 'PI2043631660116742144',
};
const payout = {
  create_time: '2026-04-13T18:13:32+08:00',
  payout_amount: 1.11,
  payout_currency: 'SGD',
  payout_id: 'PO2043633677040095232',
  payout_status: 'COMPLETED',
};

describe('a webhook of UQPAY', () => {
  it('of an intent gives its verdict, and the ticket of its order', async () => {
    const { verdict, ticket } = await heard(event('acquiring.payment_intent.succeeded', intent));
    expect(verdict).toMatchObject({ kind: 'terminal', outcome: 'succeeded', code: 'intent/SUCCEEDED', listed: true });
    expect(ticket).toMatchObject({
      gateway: 'uqpay',
      operation: 'payment.create',
      openedAt: '2026-04-13T09:54:15.000Z',
      seen: true,
      expect: { amount: '8.88', currency: 'SGD' },
    });
    expect(ticket.reference).toEqual({
      merchant_order_id: intent.merchant_order_id,
      payment_intent_id: 'PI2043628825316691968',
    });
  });

  it.each([
    ['created', 'REQUIRES_PAYMENT_METHOD', { kind: 'poll-required', reason: 'awaiting-payer' }],
    ['requires_action', 'REQUIRES_CUSTOMER_ACTION', { kind: 'poll-required', reason: 'awaiting-payer' }],
    ['created', 'PENDING', { kind: 'poll-required', reason: 'processing' }],
    ['created', 'REQUIRES_CAPTURE', { kind: 'terminal', outcome: 'authorized' }],
    ['failed', 'FAILED', { kind: 'terminal', outcome: 'failed', reason: 'expired' }],
    ['failed', 'CANCELLED', { kind: 'terminal', outcome: 'canceled' }],
    ['failed', 'REQUIRES_PAYMENT_METHOD', { kind: 'poll-required', reason: 'awaiting-payer' }],
    ['canceled', 'CANCELED', { kind: 'terminal', outcome: 'canceled', listed: true }],
    ['requires_action', 'REQUIRES_ACTION', { kind: 'poll-required', reason: 'awaiting-payer' }],
    ['succeeded', '__proto__', { kind: 'poll-required', reason: 'unknown-outcome', listed: false }],
  ])('of an intent that is said to have %s, and is %s, reads as the query would', async (word, intent_status, verdict) => {
    const { verdict: found } = await heard(event(`acquiring.payment_intent.${word}`, { ...intent, intent_status }));
    expect(found).toMatchObject({ code: `intent/${intent_status}`, ...verdict });
  });

  it.each([
    ['failed', 'FAILED', 'declined'],
    ['cancelled', 'CANCELLED', 'awaiting-payer'],
    ['canceled', 'CANCELED', 'awaiting-payer'],
    ['created', 'INITIATED', 'processing'],
    ['capture_requested', 'CAPTURE_REQUESTED', 'processing'],
    ['succeeded', 'SUCCEEDED', 'processing'],
  ])('of an attempt that has %s leaves the intent open: it is a reason to ask', async (word, attempt_status, reason) => {
    const { verdict, ticket } = await heard(event(`acquiring.payment_attempt.${word}`, { ...attempt, attempt_status }));
    expect(verdict).toMatchObject({
      kind: 'poll-required',
      code: `attempt/${attempt_status}`,
      reason,
      listed: true,
      message: 'do_not_honor',
    });
    expect(ticket).toMatchObject({
      operation: 'payment.create',
      reference: { payment_intent_id: intent.payment_intent_id },
    });
    expect(Date.parse(ticket.openedAt)).toBe(nowMs);
  });

  it.each([
    ['created', 'INITIATED', { kind: 'poll-required', reason: 'processing' }],
    ['succeeded', 'SUCCEEDED', { outcome: 'succeeded', reason: 'refunded' }],
    ['failed', 'FAILED', { outcome: 'failed' }],
    ['succeeded', 'REVERSAL_SUCCEEDED', { kind: 'poll-required', reason: 'unknown-outcome' }],
  ])('of a refund that has %s goes by the refund’s own number', async (word, refund_status, verdict) => {
    const received = await heard(event(`acquiring.refund.${word}`, { ...refund, refund_status }));
    expect(received.verdict).toMatchObject({ code: `refund/${refund_status}`, ...verdict });
    expect(received.ticket).toMatchObject({ operation: 'refund.create', openedAt: '2026-04-13T09:57:42.000Z' });
    expect(received.ticket.reference).toEqual({ payment_refund_id: 'RF2043629695899013120' });
  });

  it('of a cancellation speaks of the cancel, and of one that failed only says that it did', async () => {
    const done = await heard(event('acquiring.cancel.succeeded', cancellation));
    expect(done.verdict).toMatchObject({ outcome: 'succeeded', reason: 'canceled', code: 'cancel/SUCCEEDED' });
    expect(done.ticket).toMatchObject({
      operation: 'payment.cancel',
      reference: { payment_intent_id: 'PI2043631660116742144' },
    });
    const failed = await heard(event('acquiring.cancel.failed', { ...cancellation, cancel_status: 'FAILED' }));
    expect(failed.verdict).toMatchObject({ kind: 'poll-required', reason: 'already-final' });
  });

  it('of a payout, whose amount is a number', async () => {
    const { verdict, ticket } = await heard(event('acquiring.payout.succeeded', payout));
    expect(verdict).toMatchObject({ outcome: 'succeeded', code: 'payout/COMPLETED' });
    expect(ticket).toMatchObject({
      operation: 'payout.create',
      reference: { payout_id: payout.payout_id },
      expect: { amount: '1.11', currency: 'SGD' },
    });
    expect(
      (await heard(event('acquiring.payout.failed', { ...payout, payout_status: 'FAILED_REFUNDED' }))).verdict,
    ).toMatchObject({ outcome: 'failed', reason: 'refunded' });
  });

  it('heard for a connected account is confirmed by a query, since it does not say whose it is', async () => {
    const asBoth = async (told: object, onBehalfOf: string): Promise<boolean[]> => {
      const gateway = createGateway({
        adapter: uqpay({ ...ownCredentials(), onBehalfOf }),
        clock: manualClock({ startMs: nowMs }),
      });
      return [await heard(told), verified(await gateway.receive(tell(told)))].map(({ confirm }) => confirm);
    };
    const own = 'b1b89684-c2c4-4d54-b8a8-3572727fd120';
    for (const told of [
      event('acquiring.payment_intent.succeeded', intent),
      event('acquiring.refund.succeeded', refund),
      event('acquiring.cancel.succeeded', cancellation),
      event('acquiring.payout.succeeded', { ...payout, account_id: 'another-account' }),
      event('acquiring.payout.succeeded', { ...payout, account_id: [own] }),
    ]) {
      expect(await asBoth(told, own)).toEqual([false, true]);
    }
    // Only a payout's event names its account.
    expect(await asBoth(event('acquiring.payout.succeeded', { ...payout, account_id: own }), own)).toEqual([
      false,
      false,
    ]);
  });

  it('without a state decides nothing', async () => {
    expect(
      (await heard(event('acquiring.payment_intent.succeeded', { ...intent, intent_status: undefined }))).verdict,
    ).toMatchObject({ kind: 'poll-required', code: 'intent', listed: false });
  });

  it('is answered 200 once it is stored, and 500 to have it again', async () => {
    const { reply, askAgain } = await heard(event('acquiring.payment_intent.succeeded', intent));
    expect([reply.status, await reply.text()]).toEqual([200, 'OK']);
    expect(askAgain.status).toBe(500);
  });

  it.each([
    'acquiring.payment.settlement',
    'acquiring.dispute.created',
    'issuing.transaction.authorization',
    'payout.completed',
    'acquiring.constructor.created',
    'xacquiring.refund.created',
    '',
  ])('of another product (%s) is refused: it is about nothing that can be followed', async event_type => {
    expect(refused(await shop().receive(tell(event(event_type, { ...intent, ...refund, ...payout }))))).toContain(
      'nothing that tillpaid follows',
    );
  });
});

describe('UQPAY’s signature of a webhook', () => {
  /* openssl's: `printf '%s' "$body$timestamp" | openssl dgst -sha512 -hmac sample-webhook-secret-d08e6b31`. The body is a fixture of uqpay-sdk-go. */
  const body =
    '{"version":"V1.6.0","event_name":"ACQUIRING","event_type":"acquiring.payment_intent.succeeded","event_id":"2a88cf2e-5c1d-4c6c-a6aa-1cccdf259e5e","source_id":"PI2013833849980588032","data":{"amount":"101","cancel_time":null,"cancellation_reason":"","complete_time":"2026-01-21T13:15:22.456+08:00","create_time":"2026-01-21T12:39:39.716846826+08:00","currency":"USD","description":"Test payment intent","intent_status":"SUCCEEDED","merchant_order_id":"test-order-002","metadata":{"test":"true"},"payment_intent_id":"PI2013833849980588032","payment_method":null}}';
  const inMilliseconds =
    'bfd26b5b3a53c8221b3df99402fc71371b09f3300b9810dd0fd5ef409349efea46f4e1346729f8290429983ced06bef6d874ba4af7e34e12535a9d690965f3c7';
  const inSeconds =
    'a3803aee40e5e00b1257ec31875397a691d0576f707417f45317a70a7bec09a248e0a4ba1801e97b0359bfe05fdee200e9e92a1ff110edc905f57e32efb6a623';
  const right = headersOf(inMilliseconds, '1795231800000');

  it('is openssl’s, over the body as it came and the time in milliseconds', async () => {
    const { ticket } = verified(await shop().receive(deliver(body, right)));
    expect(ticket).toMatchObject({ openedAt: '2026-01-21T04:39:39.716Z', expect: { amount: '101', currency: 'USD' } });
  });

  it('may be over a time in seconds, as it was before, and in capitals', async () => {
    expect(await shop().receive(deliver(body, headersOf(inSeconds, '1795231800')))).toMatchObject({ verified: true });
    expect(await shop().receive(deliver(body, headersOf(inSeconds.toUpperCase(), '1795231800')))).toMatchObject({
      verified: true,
    });
  });

  it.each<[string, Request]>([
    ['another amount', deliver(body.replace('"101"', '"100"'), right)],
    ['a body written again', deliver(JSON.stringify(JSON.parse(body), undefined, 1), right)],
    ['a line feed at the end', deliver(`${body}\n`, right)],
    ['a byte order mark', deliver(`\uFEFF${body}`, right)],
    ['another secret', deliver(body, headersOf(signatureOf(body, '1795231800000', 'another-secret'), '1795231800000'))],
    ['an empty secret', deliver(body, headersOf(signatureOf(body, '1795231800000', ''), '1795231800000'))],
    [
      'the body’s signature alone, as the manual reads',
      deliver(body, headersOf(createHmac('sha512', webhookSecret).update(body).digest('hex'), '1795231800000')),
    ],
    ['another time', deliver(body, { ...right, 'x-wk-timestamp': '1795231800001' })],
    ['the same time in the other unit', deliver(body, { ...right, 'x-wk-timestamp': '1795231800' })],
    ['a digit of the time in the body', deliver(`${body}1`, { ...right, 'x-wk-timestamp': '795231800000' })],
    ['no x-wk-signature', deliver(body, { 'x-wk-timestamp': '1795231800000' })],
    ['an empty x-wk-signature', deliver(body, headersOf('', '1795231800000'))],
    ['half a signature', deliver(body, headersOf(inMilliseconds.slice(0, 64), '1795231800000'))],
    ['two signatures', deliver(body, headersOf(`${inMilliseconds}, ${inMilliseconds}`, '1795231800000'))],
    ['no x-wk-timestamp', deliver(body, { 'x-wk-signature': inMilliseconds })],
  ])('refuses %s, and the reason quotes nothing', async (_what, request) => {
    const received = await shop().receive(request);
    expect(refused(received)).not.toMatch(/bfd26b|secret-|PI2013|test-order|17952/);
    expect([received.reply.status, await received.reply.text()]).toEqual([401, 'REFUSED']);
  });

  it.each([
    [5, true],
    [-5, true],
    [6, false],
    [-6, false],
  ])('that is %d minutes old is believed: %s', async (minutes, believed) => {
    const clock = manualClock({ startMs: nowMs + minutes * MINUTE_MS });
    expect((await shop(clock).receive(deliver(body, right))).verified).toBe(believed);
    expect((await shop(clock).receive(deliver(body, headersOf(inSeconds, '1795231800')))).verified).toBe(believed);
  });

  it('of a time nobody can read is refused', async () => {
    for (const at of [
      '',
      'now',
      '2026-11-21T03:30:00Z',
      '1795231800000.0',
      '-1795231800000',
      '0x1a1f6c0a0c0',
      '1e12',
      '99999999999999999',
    ]) {
      expect(refused(await shop().receive(deliver(body, headersOf(signatureOf(body, at), at))))).toContain(
        'x-wk-timestamp',
      );
    }
  });

  it('does not make a webhook of what is none: signed rubbish is refused, and nothing throws', async () => {
    const intentEvent = (data: unknown): object => ({ event_type: 'acquiring.payment_intent.succeeded', data });
    for (const told of [
      {},
      [],
      null,
      7,
      true,
      'OK',
      intentEvent(undefined),
      intentEvent(null),
      intentEvent([intent]),
      intentEvent({ intent_status: 'SUCCEEDED' }),
      { data: intent },
    ]) {
      refused(await shop().receive(tell(told)));
    }
    refused(await shop().receive(tell({ event_type: ['acquiring.payment_intent.succeeded'], data: intent })));
    refused(await shop().receive(tell(intentEvent({ ...intent, payment_intent_id: {}, merchant_order_id: 7 }))));
    for (const text of ['', ' ', '{', '"', '\u0000', 'a=b']) refused(await shop().receive(deliver(text)));
    for (const text of ['[['.repeat(50_000), `"${'x'.repeat(300_000)}"`]) refused(await shop().receive(deliver(text)));
    refused(await shop().receive(new Request('https://shop.example/uqpay')));
  });

  it('cannot be checked without webhookSecret: whoever receives is told what to configure', async () => {
    const { webhookSecret: secret, ...rest } = ownCredentials();
    const error: unknown = await createGateway({ adapter: uqpay(rest) })
      .receive(deliver(body, right))
      .catch((reason: unknown) => reason);
    expect(isInputError(error)).toBe(true);
    expect(String(error)).toMatch(/webhookSecret/);
    expect(String(error)).not.toContain(secret);
  });

  it('is never made with an empty secret', () => {
    for (const wrong of ['', ' '])
      expect(() => uqpay({ ...ownCredentials(), webhookSecret: wrong })).toThrow(/webhookSecret/);
  });
});

const order: UqpayFields['payment.create'] = {
  amount: '10.12',
  currency: 'SGD',
  merchant_order_id: 'ORDER-1',
  description: 'Two coffees',
  return_url: 'https://shop.example/back',
};

/** A gateway whose payments do what `script` says, and the loops that wait for them. */
function scene(more: Pick<UqpayCredentials, 'onBehalfOf'> = {}) {
  const clock = manualClock({ startMs: nowMs });
  const events: GatewayEvent[] = [];
  const credentials = { ...ownCredentials(), ...more };
  const simulator = simulateGateway({
    voice: uqpayVoice(credentials),
    clock,
    lives: { create: lives.open(), refund: lives.open(), charge: lives.open() },
  });
  const paying = createGateway({
    adapter: uqpay(credentials),
    client: ky.create({ fetch: simulator.fetch }),
    clock,
    onEvent: fact => events.push(fact),
  });
  const noticeOf = (entry: Entry | undefined, change: Partial<Entry> = {}): Promise<Request> => {
    if (entry === undefined) throw new Error('there is no such entry');
    return uqpayNotice(credentials, { ...entry, ...change }, clock.now());
  };
  return {
    clock,
    simulator,
    paying,
    conflicts: () => events.filter(({ type }) => type === 'conflict'),
    queries: () => simulator.requests.filter(({ act }) => act === 'query' || act === 'refund-query').length,
    notice: (change: Partial<Entry> = {}) => noticeOf(simulator.ledger.payment('ORDER-1'), change),
    noticeOf,
    created: async () => (await clock.run(paying.settle('payment.create', order))).ticket,
    tell: (event_type: string, data: object) => {
      const text = JSON.stringify(event(event_type, data));
      return paying.receive(deliver(text, headersOf(signatureOf(text, String(clock.now())), String(clock.now()))));
    },
  };
}

describe('a loop that waits for UQPAY', () => {
  it('of an intent ends at once when it is paid, without another query', async () => {
    const { clock, paying, queries, notice, created } = scene();
    const following = paying.untilSettled(await created());
    await clock.untilQuiet();
    const before = [clock.now(), queries()];
    const { ticket } = verified(await paying.receive(await notice({ state: 'paid' })));
    const settlement = await following;
    expect(settlement).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'webhook',
      verdict: { code: 'intent/SUCCEEDED' },
    });
    expect(settlement.ticket.reference).toMatchObject(ticket.reference);
    expect([clock.now(), queries(), clock.pending]).toEqual([...before, 0]);
  });

  it('for a connected account is not ended by an event that may be another account’s: it asks, and goes on', async () => {
    const { clock, simulator, paying, queries, notice, created } = scene({ onBehalfOf: 'acct-2' });
    const following = paying.untilSettled(await created());
    await clock.untilQuiet();
    const asked = queries();
    const received = verified(await paying.receive(await notice({ state: 'paid' })));
    expect(received.confirm).toBe(true);
    await clock.untilQuiet();
    expect([queries(), clock.pending]).toEqual([asked + 1, 1]);
    simulator.script('ORDER-1', { life: lives.paid() });
    await paying.receive(await notice({ state: 'paid' }));
    expect(await following).toMatchObject({ outcome: 'succeeded', settledBy: 'query' });
  });

  it('of an intent asks at once when it is said to have failed, and ends by that', async () => {
    const { clock, simulator, paying, queries, notice, created } = scene();
    const following = paying.untilSettled(await created());
    await clock.untilQuiet();
    simulator.script('ORDER-1', { life: lives.expiresAfter(0) });
    const [atMs, asked] = [clock.now(), queries()];
    verified(await paying.receive(await notice()));
    expect(await following).toMatchObject({ outcome: 'failed', settledBy: 'query', verdict: { reason: 'expired' } });
    expect([clock.now(), queries(), clock.pending]).toEqual([atMs, asked + 1, 0]);
  });

  it('of an intent asks after a failed attempt, and goes on', async () => {
    const { clock, simulator, paying, queries, notice, created } = scene();
    const following = paying.untilSettled(await created());
    await clock.untilQuiet();
    const asked = queries();
    verified(await paying.receive(await notice({ state: 'declined' })));
    await clock.untilQuiet();
    expect([queries(), clock.pending]).toEqual([asked + 1, 1]);
    simulator.script('ORDER-1', { life: lives.paid() });
    expect(await clock.run(following)).toMatchObject({ outcome: 'succeeded', settledBy: 'query' });
  });

  it('of an intent whose number it does not know yet is not ended by the failure of another one with the same merchant_order_id', async () => {
    const { clock, paying, tell: deliverTo } = scene();
    const following = paying.untilSettled(paying.ticketFor('payment.create', order));
    await clock.untilQuiet();
    const other = { ...intent, merchant_order_id: 'ORDER-1', amount: '10.12' };
    await deliverTo('acquiring.payment_intent.failed', { ...other, intent_status: 'FAILED' });
    await clock.untilQuiet();
    expect(clock.pending).toBe(1);
    expect(await clock.run(following)).toMatchObject({ outcome: 'unresolved' });
  });

  it('of one refund is not ended by another refund of the same payment', async () => {
    const { clock, simulator, paying, noticeOf, created } = scene();
    const ticket = await created();
    simulator.script('ORDER-1', { life: lives.paid() });
    await clock.run(paying.untilSettled(ticket));
    const { payment_intent_id = '' } = ticket.reference;
    const refunding = ['refund-1', 'refund-2'].map(merchant_refund_id =>
      paying.settle('refund.create', { payment_intent_id, amount: '5.00', reason: 'Returned', merchant_refund_id }),
    );
    await clock.untilQuiet();
    const [first, second] = simulator.ledger.entries.filter(({ kind }) => kind === 'refund');
    await paying.receive(await noticeOf(first, { state: 'paid' }));
    const ended = await Promise.race(
      refunding.map((settling, index) => settling.then(settlement => ({ settlement, index }))),
    );
    expect(ended.settlement).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'webhook',
      verdict: { code: 'refund/SUCCEEDED' },
    });
    await clock.untilQuiet();
    expect(clock.pending).toBe(1);
    await paying.receive(await noticeOf(second, { state: 'declined' }));
    expect(await refunding[1 - ended.index]).toMatchObject({ outcome: 'failed', settledBy: 'webhook' });
    expect(clock.pending).toBe(0);
  });

  it('of a cancel ends at once when UQPAY tells that it succeeded; of its payment, after asking', async () => {
    const { clock, simulator, paying, tell: deliverTo, created } = scene();
    const ticket = await created();
    const { payment_intent_id = '' } = ticket.reference;
    const canceling = paying.untilSettled(paying.ticketFor('payment.cancel', { payment_intent_id }));
    const following = paying.untilSettled(ticket);
    await clock.untilQuiet();
    simulator.script('ORDER-1', { life: lives.steps([{ state: 'canceled' }]) });
    const before = clock.now();
    await deliverTo('acquiring.cancel.succeeded', { ...cancellation, payment_intent_id, amount: '10.12' });
    expect(await canceling).toMatchObject({ outcome: 'succeeded', settledBy: 'webhook' });
    expect(await following).toMatchObject({ outcome: 'canceled', settledBy: 'query' });
    expect([clock.now(), clock.pending]).toEqual([before, 0]);
  });

  it('of a payout ends at once', async () => {
    const { clock, simulator, paying, noticeOf } = scene();
    const paid = paying.settle('payout.create', {
      payout_currency: 'SGD',
      payout_amount: '100.00',
      statement_descriptor: 'WEEK 47',
      merchant_payout_id: 'P-1',
    });
    await clock.untilQuiet();
    verified(await paying.receive(await noticeOf(simulator.ledger.entries[0], { state: 'paid' })));
    expect(await paid).toMatchObject({ outcome: 'succeeded', settledBy: 'webhook' });
    expect(clock.pending).toBe(0);
  });

  it('is not ended by another order’s event, a forgery, or another amount', async () => {
    const { clock, paying, conflicts, queries, notice, created } = scene();
    const following = paying.untilSettled(await created());
    await clock.untilQuiet();
    const before = queries();
    await paying.receive(tell(event('acquiring.payment_intent.succeeded', intent)));
    const genuine = await notice({ state: 'paid' });
    await paying.receive(new Request(genuine.clone(), { body: (await genuine.text()).replace('10.12', '0.12') }));
    await clock.untilQuiet();
    expect([queries(), conflicts().length, clock.pending]).toEqual([before, 0, 1]);
    await paying.receive(await notice({ state: 'paid', amount: '0.12' }));
    await clock.untilQuiet();
    expect([queries(), conflicts().length, clock.pending]).toEqual([before + 1, 1, 1]);
    expect(await clock.run(following)).toMatchObject({ outcome: 'unresolved' });
  });
});

describe('a late or repeated webhook of UQPAY', () => {
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

  it('"created" and a failed attempt, which come after "paid", move nothing back', async () => {
    const { clock, simulator, paying, conflicts, notice, created } = scene();
    const ticket = await created();
    simulator.script('ORDER-1', { life: lives.paid() });
    expect(await clock.run(paying.untilSettled(ticket))).toMatchObject({ outcome: 'succeeded' });
    for (const state of ['open', 'declined'] as const) {
      expect(verified(await paying.receive(await notice({ state }))).verdict).toMatchObject({ kind: 'poll-required' });
    }
    expect(conflicts()).toEqual([]);
  });

  it('"failed" after "paid" is asked about, and it stays paid', async () => {
    const { clock, simulator, paying, queries, conflicts, notice, created } = scene();
    const ticket = await created();
    simulator.script('ORDER-1', { life: lives.paid() });
    expect(await clock.run(paying.untilSettled(ticket))).toMatchObject({ outcome: 'succeeded' });
    const before = queries();
    const { verdict } = verified(await clock.run(paying.receive(await notice({ state: 'expired' }))));
    expect(verdict).toMatchObject({ outcome: 'succeeded', code: 'intent/SUCCEEDED' });
    expect([queries(), conflicts().length]).toEqual([before + 1, 1]);
  });

  it('gives a ticket that can be asked about', async () => {
    const { clock, simulator, paying, notice, created } = scene();
    await created();
    simulator.script('ORDER-1', { life: lives.paid() });
    const { ticket } = verified(await paying.receive(await notice()));
    expect(await clock.run(paying.ask(ticket))).toMatchObject({ outcome: 'succeeded' });
  });
});

it('a notice of a cancel that comes twice contradicts nothing: the cancel stays done, nobody is asked, and nothing is sent again', async () => {
  const { clock, paying, simulator, conflicts, queries, created, tell } = scene();
  const intentId = (await created()).reference['payment_intent_id'] ?? '';
  const cancel = { payment_intent_id: intentId };
  expect(await clock.run(paying.settle('payment.cancel', cancel))).toMatchObject({ outcome: 'succeeded' });
  const asked = queries();
  for (let times = 0; times < 2; times++) {
    const received = verified(await tell('acquiring.cancel.succeeded', { ...cancellation, ...cancel }));
    expect(received.verdict).toMatchObject({ outcome: 'succeeded', code: 'cancel/SUCCEEDED' });
  }
  await tell('acquiring.cancel.failed', { ...cancellation, ...cancel, cancel_status: 'FAILED' });
  expect([conflicts().length, queries() - asked]).toEqual([0, 0]);
  expect(await paying.settle('payment.cancel', cancel)).toMatchObject({ outcome: 'succeeded', repeated: true });
  expect(simulator.requests.filter(({ act }) => act === 'cancel').length).toBe(1);
});
