import ky from 'ky';
import { describe, expect, it } from 'vitest';
import { uqpay, type UqpayCredentials, type UqpayFields } from '../../src/adapters/uqpay/index.ts';
import { samples } from '../samples/uqpay.ts';
import { uqpayVoice } from '../../src/adapters/uqpay/simulator.ts';
import { judge } from '../../src/core/doctrine.ts';
import type { Reading } from '../../src/core/exchange.ts';
import { isWrite, operationOf, type Fields } from '../../src/core/operation.ts';
import { subjectOfTicket } from '../../src/core/subject.ts';
import { openTicket, writeOf } from '../../src/engine/open-ticket.ts';
import {
  constant,
  createGateway,
  isInputError,
  isReferenceInUseError,
  isUnresolvedError,
  verdictOf,
  type Gateway,
  type Policy,
  type Settlement,
  type Ticket,
  type TokenStore,
} from '../../src/index.ts';
import type { EncodedSend } from '../../src/kit/adapter.ts';
import { only, without } from '../../src/kit/fields.ts';
import {
  always,
  lives,
  manualClock,
  simulateGateway,
  type FaultName,
  type ManualClock,
  type Simulator,
  type SimulatorOptions,
} from '../../src/testing/index.ts';

const MINUTE_MS = 60_000;
const nowMs = Date.UTC(2026, 10, 21, 3, 30);
const key = '6f1c2f5e-3a0b-4c8d-9e2f-5b7a1c0d4e6f';

let clients = 0;
/** Tokens are shared by everybody in a process who uses one `clientId`: each test has its own. */
const ownCredentials = (): UqpayCredentials => ({
  clientId: `client-${++clients}`,
  apiKey: `api-key-${clients}-4f0e`,
  environment: 'sandbox',
});

const adapter = uqpay(ownCredentials());
const order: UqpayFields['payment.create'] = {
  amount: '10.12',
  currency: 'SGD',
  merchant_order_id: 'ORDER-1',
  description: 'Two coffees',
  return_url: 'https://shop.example/back',
};

const tokenAnswer = (value: string, expiresAtMs = nowMs + 30 * MINUTE_MS): Response =>
  Response.json({ auth_token: value, expired_at: expiresAtMs / 1000 });

/** A send about to get its headers, and the token requests that this made. */
function sendOf(given: Partial<EncodedSend> & { answer?: () => Response | Promise<Response> } = {}): {
  send: EncodedSend;
  requests: Request[];
} {
  const { answer = () => tokenAnswer('token-1'), ...rest } = given;
  const requests: Request[] = [];
  const send: EncodedSend = {
    operation: 'payment.create',
    nowMs,
    openedAtMs: nowMs,
    sendId: '000000000000000001',
    unsent: {},
    idempotencyKey: key,
    reauthenticate: false,
    memory: new Map(),
    fetch: async request => {
      requests.push(request);
      return answer();
    },
    signal: new AbortController().signal,
    method: 'POST',
    path: '/api/v2/payment_intents/create',
    fields: {},
    body: '{}',
    ...rest,
  };
  return { send, requests };
}

const ticketOf = (operation: keyof UqpayFields, fields: object, learnt: Record<string, string> = {}): Ticket => {
  const ticket = openTicket(adapter, writeOf(adapter, operation), fields as Record<string, unknown>, nowMs, 'all');
  return { ...ticket, reference: { ...ticket.reference, ...learnt } };
};
const queryFieldsOf = (ticket: Ticket): unknown => {
  const operation = writeOf(adapter, ticket.operation);
  return { operation: operation.query?.operation, fields: operation.query?.fields(ticket, nowMs) };
};

describe('credentials', () => {
  it.each([
    [undefined],
    [{ environment: 'sandbox' }],
    [{ clientId: 'c', apiKey: '', environment: 'sandbox' }],
    [{ clientId: 'c', apiKey: 'sekrit\n', environment: 'sandbox' }],
    [{ clientId: 'c', apiKey: 'sekrit', environment: 'live' }],
    [{ clientId: 'c', apiKey: 'sekrit', environment: 'sandbox', baseUrl: 'ftp://sekrit.example' }],
    [{ clientId: 'c', apiKey: 'sekrit', environment: 'sandbox', onBehalfOf: '' }],
    [{ clientId: 'c', apiKey: 'sekrit', environment: 'sandbox', webhookSecret: 7 }],
    [{ clientId: 'c', apiKey: 'sekrit', environment: 'sandbox', tokens: { get: () => undefined } }],
  ])('that cannot be right are refused, and not quoted: %#', credentials => {
    const make = (): unknown => uqpay(credentials as unknown as UqpayCredentials);
    expect(make).toThrow(/^uqpay/);
    try {
      make();
    } catch (error) {
      expect(isInputError(error)).toBe(true);
      expect(String(error)).not.toContain('sekrit');
    }
  });

  it('name the account, and the connected account that is acted for', () => {
    const own = ownCredentials();
    expect(uqpay(own).account).toBe(own.clientId);
    expect(uqpay({ ...own, onBehalfOf: 'acct-2' }).account).toBe(`${own.clientId}/acct-2`);
    expect(uqpay({ ...own, environment: 'production' }).baseUrl).toBe('https://api.uqpay.com/api');
  });
});

describe('the headers of a send', () => {
  it('carry the token and the client; the key of the intention is declared, and goes with every write', async () => {
    const own = ownCredentials();
    const { send, requests } = sendOf();
    expect(await uqpay(own).headers(send)).toEqual({ 'x-auth-token': 'Bearer token-1', 'x-client-id': own.clientId });
    for (const operation of Object.values(adapter.operations)) {
      if (isWrite(operation))
        expect(operation.idempotencyKey).toEqual({ rememberedForMs: 24 * 60 * MINUTE_MS, header: 'x-idempotency-key' });
    }
    expect(requests.map(({ method, url, redirect }) => ({ method, url, redirect }))).toEqual([
      { method: 'POST', url: 'https://api-sandbox.uqpaytech.com/api/v1/connect/token', redirect: 'manual' },
    ]);
    expect(requests[0]?.headers.get('x-client-id')).toBe(own.clientId);
    expect(requests[0]?.headers.get('x-api-key')).toBe(own.apiKey);
  });

  it('of a query carry no key: a repeated one would be answered with what was true before', async () => {
    const { send } = sendOf({ operation: 'payment.query', method: 'GET', body: '' });
    expect(Object.keys(await uqpay(ownCredentials()).headers(send))).not.toContain('x-idempotency-key');
  });

  it('of a payout query carry a fresh key each time, since UQPAY wants one there too', async () => {
    const own = uqpay(ownCredentials());
    const keys = [];
    for (const operation of ['payout.query', 'payout.list', 'payout.query']) {
      const { send } = sendOf({ operation, method: 'GET', body: '' });
      keys.push((await own.headers(send))['x-idempotency-key']);
    }
    for (const each of keys) expect(each).toMatch(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
    expect(new Set([...keys, key]).size).toBe(4);
    for (const operation of ['refund.query', 'refund.list', 'payment.list']) {
      expect(Object.keys(await own.headers(sendOf({ operation, method: 'GET', body: '' }).send))).not.toContain(
        'x-idempotency-key',
      );
    }
  });

  it('name the connected account', async () => {
    expect(await uqpay({ ...ownCredentials(), onBehalfOf: 'acct-2' }).headers(sendOf().send)).toMatchObject({
      'x-on-behalf-of': 'acct-2',
    });
  });

  it('of many sends at once share one token, also across adapters of one client', async () => {
    const own = ownCredentials();
    let fetched = 0;
    const { send } = sendOf({ answer: () => tokenAnswer(`token-${++fetched}`) });
    const adapters = [
      uqpay(own),
      uqpay({ ...own, onBehalfOf: 'acct-2' }),
      uqpay({ ...own, baseUrl: 'https://api-sandbox.uqpaytech.com/api/' }),
    ];
    const headers = await Promise.all(adapters.flatMap(each => [each, each]).map(async each => each.headers(send)));
    expect(fetched).toBe(1);
    expect(new Set(headers.map(each => each['x-auth-token']))).toEqual(new Set(['Bearer token-1']));
  });

  it('do not share a token with another base URL', async () => {
    const own = ownCredentials();
    let fetched = 0;
    const { send } = sendOf({ answer: () => tokenAnswer(`token-${++fetched}`) });
    await uqpay(own).headers(send);
    expect(await uqpay({ ...own, environment: 'production' }).headers(send)).toMatchObject({
      'x-auth-token': 'Bearer token-2',
    });
  });

  it('get another token when theirs was refused', async () => {
    const own = uqpay(ownCredentials());
    let fetched = 0;
    const { send } = sendOf({ answer: () => tokenAnswer(`token-${++fetched}`) });
    await own.headers(send);
    expect(await own.headers({ ...send, reauthenticate: true })).toMatchObject({ 'x-auth-token': 'Bearer token-2' });
  });

  it.each([
    ['a refusal', () => Response.json({ error: 'bad api key' }, { status: 401 })],
    ['a redirect', () => new Response(null, { status: 302, headers: { location: 'https://elsewhere.example' } })],
    ['a page', () => new Response('<html>', { status: 200 })],
    ['an answer cut short', () => new Response('{"auth_token":"half-a-token', { status: 200 })],
    ['an answer without an end', () => Response.json({ auth_token: 'half-a-token' })],
    ['an answer of other types', () => Response.json({ auth_token: 7, expired_at: 'soon' })],
  ])('fail on %s without a token, and tell no secret', async (_what, answer) => {
    const own = ownCredentials();
    const failure: unknown = await Promise.resolve(uqpay(own).headers(sendOf({ answer }).send)).catch(
      (error: unknown) => error,
    );
    expect(failure).toBeInstanceOf(Error);
    expect(String(failure)).toMatch(/uqpay: the token request got no token \(HTTP \d+\)/);
    expect(String(failure)).not.toMatch(/api-key|half-a-token/);
  });
});

describe('a request', () => {
  /** As the wire has it made: without what stays here. */
  const bodyOf = (operation: string, fields: Fields): Fields => {
    const unsent = adapter.operations[operation]?.unsent ?? [];
    return adapter.body(without(fields, unsent), { ...sendOf({ operation }).send, unsent: only(fields, unsent) });
  };

  it('of the list is sent without the order that is looked for, since UQPAY has no such filter', () => {
    const fields = { page_size: 100, page_number: 1, start_time: '2026-11-21T00:00:00Z', merchant_order_id: 'ORDER-1' };
    expect(bodyOf('payment.list', fields)).toEqual({
      page_size: 100,
      page_number: 1,
      start_time: '2026-11-21T00:00:00Z',
    });
  });

  it('of the payout list is sent without the descriptor that is looked for', () => {
    expect(bodyOf('payout.list', { page_size: 100, page_number: 1, statement_descriptor: 'WEEK 47' })).toEqual({
      page_size: 100,
      page_number: 1,
    });
    expect(bodyOf('payout.create', { payout_currency: 'SGD', statement_descriptor: 'WEEK 47' })).toEqual({
      payout_currency: 'SGD',
      statement_descriptor: 'WEEK 47',
    });
  });

  it('of the list may come from the drop-in client, and is answered for the order that is looked for', async () => {
    const asked: string[] = [];
    const intents = [
      { merchant_order_id: 'ORDER-1', intent_status: 'PENDING' },
      { merchant_order_id: 'ORDER-2', intent_status: 'SUCCEEDED' },
    ];
    const fetch = (input: Request | URL | string): Promise<Response> => {
      const { url } = new Request(input);
      asked.push(url);
      const page = Response.json({ total_pages: 1, total_items: 2, data: intents });
      return Promise.resolve(url.endsWith('/token') ? tokenAnswer('token-1') : page);
    };
    const { client } = createGateway({
      adapter: uqpay(ownCredentials()),
      client: ky.create({ fetch }),
      clock: manualClock({ startMs: nowMs }),
    });
    const page = await client.get('v2/payment_intents', {
      searchParams: { page_size: 100, page_number: 1, merchant_order_id: 'ORDER-1' },
    });
    expect(verdictOf(page)).toMatchObject({ kind: 'poll-required', reason: 'processing', code: 'intent/PENDING' });
    expect(asked[1]).toBe('https://api-sandbox.uqpaytech.com/api/v2/payment_intents?page_size=100&page_number=1');
  });

  it('needs an amount written as a decimal text', () => {
    for (const amount of ['10.12', '10', '0.5', '100000000'])
      expect(() => ticketOf('payment.create', { ...order, amount })).not.toThrow();
    for (const amount of [10.12, '', '-1', '1,000.00', '1e3', ' 1', '.5', '9'.repeat(60)]) {
      expect(() => ticketOf('payment.create', { ...order, amount })).toThrow(/amount must be/);
    }
  });
});

describe('a row of a list', () => {
  const pageOf = (...data: object[]): object => ({ total_pages: 1, total_items: data.length, data });
  const readList = (operation: string, sent: Record<string, unknown>, body: unknown): readonly Reading[] =>
    [
      operationOf(adapter, operation).read?.({
        operation,
        status: 200,
        sent: { page_size: 100, page_number: 1, ...sent },
        body,
      }) ?? [],
    ].flat();

  it('gives the intent’s own numbers, its money, and when UQPAY made it', () => {
    const row = {
      payment_intent_id: 'PI1',
      merchant_order_id: 'ORDER-1',
      amount: '10.120',
      currency: 'sgd',
      intent_status: 'SUCCEEDED',
    };
    const times = ['2026-11-21T11:30:00+08:00', '2026-11-21T03:30:00.716846826Z', '2026-11-21T11:30:00', 'soon', ''];
    const rows = readList(
      'payment.list',
      { merchant_order_id: 'ORDER-1' },
      pageOf(...times.map(create_time => ({ ...row, create_time })), { ...row, merchant_order_id: 'ORDER-2' }),
    );
    expect(rows.map(({ madeAtMs }) => madeAtMs)).toEqual([nowMs, nowMs + 716, undefined, undefined, undefined]);
    expect(rows[0]).toMatchObject({
      reference: { payment_intent_id: 'PI1', merchant_order_id: 'ORDER-1' },
      amount: '10.12',
      currency: 'SGD',
    });
  });

  it('of a refund is that of the payment UQPAY was asked for, unless it says otherwise', () => {
    const row = {
      payment_refund_id: 'RF1',
      amount: '5',
      currency: 'SGD',
      refund_status: 'SUCCEEDED',
      create_time: '2026-11-21T11:30:00+08:00',
    };
    const rows = readList(
      'refund.list',
      { payment_intent_id: 'PI1' },
      pageOf(row, { ...row, payment_refund_id: 'RF2', payment_intent_id: 'PI2' }),
    );
    expect(rows).toMatchObject([
      { reference: { payment_refund_id: 'RF1', payment_intent_id: 'PI1' }, amount: '5', madeAtMs: nowMs },
    ]);
    expect(rows).toHaveLength(1);
  });

  it('of a payout names it by what its bank shows', () => {
    const row = {
      payout_id: 'PO1',
      payout_currency: 'SGD',
      payout_amount: '100.00',
      statement_descriptor: 'WEEK 47',
      payout_status: 'COMPLETED',
      create_time: '2026-11-21T11:30:00+08:00',
    };
    const rows = readList(
      'payout.list',
      { statement_descriptor: 'WEEK 47' },
      pageOf(row, { ...row, statement_descriptor: 'WEEK 46' }),
    );
    expect(rows).toMatchObject([
      {
        reference: { payout_id: 'PO1', statement_descriptor: 'WEEK 47' },
        amount: '100',
        currency: 'SGD',
        madeAtMs: nowMs,
      },
    ]);
    expect(rows).toHaveLength(1);
  });

  it('may not be the only one while there are other pages', () => {
    const row = { payment_intent_id: 'PI1', merchant_order_id: 'ORDER-1', intent_status: 'FAILED' };
    const rows = readList('payment.list', { merchant_order_id: 'ORDER-1' }, { total_pages: 2, data: [row] });
    expect(rows.map(({ names }) => names[0])).toEqual(['intent/FAILED', 'list/incomplete']);
  });
});

describe('a ticket', () => {
  it('of an intent asks by its id, once that is known', () => {
    expect(queryFieldsOf(ticketOf('payment.create', order))).toEqual({ operation: 'payment.query', fields: undefined });
    expect(queryFieldsOf(ticketOf('payment.create', order, { payment_intent_id: 'PI1' }))).toEqual({
      operation: 'payment.query',
      fields: { payment_intent_id: 'PI1' },
    });
  });

  it.each([
    'payment.confirm',
    'payment.capture',
    'payment.cancel',
  ] as const)('of %s asks by the intent’s id at once', operation => {
    expect(queryFieldsOf(ticketOf(operation, { payment_intent_id: 'PI1' }))).toEqual({
      operation: 'payment.query',
      fields: { payment_intent_id: 'PI1' },
    });
  });

  it('of a refund and a payout asks by their own ids', () => {
    const refund = { payment_intent_id: 'PI1', amount: '5', reason: 'Returned' };
    const payout = { payout_currency: 'SGD', payout_amount: '100', statement_descriptor: 'WEEK 47' };
    expect(queryFieldsOf(ticketOf('refund.create', refund))).toEqual({ operation: 'refund.query', fields: undefined });
    expect(queryFieldsOf(ticketOf('refund.create', refund, { payment_refund_id: 'RF1' }))).toEqual({
      operation: 'refund.query',
      fields: { payment_refund_id: 'RF1' },
    });
    expect(queryFieldsOf(ticketOf('payout.create', payout))).toEqual({ operation: 'payout.query', fields: undefined });
    expect(queryFieldsOf(ticketOf('payout.create', payout, { payout_id: 'PO1' }))).toEqual({
      operation: 'payout.query',
      fields: { payout_id: 'PO1' },
    });
  });

  const lookUpOf = (ticket: Ticket): unknown => {
    const { lookUp } = writeOf(adapter, ticket.operation);
    return { operation: lookUp?.operation, fields: lookUp?.fields(ticket, nowMs) };
  };

  it('of an intent, a refund or a payout whose answer was lost looks for it among those of that time', () => {
    const page = { page_size: 100, page_number: 1 };
    const time = { start_time: '2026-11-21T03:25:00.000Z', end_time: '2026-11-21T03:35:00.000Z' };
    expect(lookUpOf(ticketOf('payment.create', order))).toEqual({
      operation: 'payment.list',
      fields: { ...page, ...time, merchant_order_id: 'ORDER-1' },
    });
    const refund = ticketOf('refund.create', {
      payment_intent_id: 'PI1',
      amount: '5',
      reason: 'Returned',
      merchant_refund_id: 'R-1',
    });
    expect(lookUpOf(refund)).toEqual({
      operation: 'refund.list',
      fields: { ...page, ...time, payment_intent_id: 'PI1' },
    });
    const payout = ticketOf('payout.create', {
      payout_currency: 'SGD',
      payout_amount: '100',
      statement_descriptor: 'WEEK 47',
      merchant_payout_id: 'P-1',
    });
    expect(lookUpOf({ ...payout, lastSentAt: '2026-11-21T20:00:00.000Z' })).toEqual({
      operation: 'payout.list',
      fields: { ...page, start_time: '2026-11-20', end_time: '2026-11-22', statement_descriptor: 'WEEK 47' },
    });
  });

  it('is one intention’s by the merchant’s own number, by its target, or by its key alone', () => {
    const identities = Object.values(adapter.operations).flatMap(operation =>
      isWrite(operation) ? [[operation.name, operation.identity]] : [],
    );
    expect(Object.fromEntries(identities)).toEqual({
      'payment.create': { number: 'merchant_order_id' },
      'payment.confirm': 'target',
      'payment.capture': {},
      'payment.cancel': 'target',
      'refund.create': { number: 'merchant_refund_id' },
      'payout.create': { number: 'merchant_payout_id' },
    });
  });

  it('of a refund is called by the merchant’s own number first, which is never sent', () => {
    const ticket = ticketOf('refund.create', {
      payment_intent_id: 'PI1',
      amount: '5',
      reason: 'Returned',
      merchant_refund_id: 'R-1',
    });
    expect(Object.values(ticket.reference)[0]).toBe('R-1');
    expect(writeOf(adapter, 'refund.create').unsent).toEqual(['merchant_refund_id']);
    expect(writeOf(adapter, 'payout.create').unsent).toEqual(['merchant_payout_id']);
  });

  it('expects the amount however many zeros it is written with', () => {
    expect(ticketOf('payment.create', { ...order, amount: '010.00', currency: 'sgd' }).expect).toEqual({
      amount: '10',
      currency: 'SGD',
    });
    expect(ticketOf('payment.create', { ...order, amount: '0.50' }).expect).toEqual({ amount: '0.5', currency: 'SGD' });
  });

  it('of an intent says when UQPAY will have closed it', () => {
    const closedBy = new Date(nowMs + 30 * MINUTE_MS).toISOString();
    expect(ticketOf('payment.create', order).expiresAt).toBe(closedBy);
    expect(ticketOf('payment.confirm', { payment_intent_id: 'PI1' }).expiresAt).toBe(closedBy);
  });

  const asked = (ticket: Ticket, body: unknown, refused = false): unknown =>
    judge(
      adapter,
      { operation: 'payment.query', status: 200, body },
      subjectOfTicket(writeOf(adapter, ticket.operation), ticket, refused),
    ).verdict;
  const state = (intent_status: string, more: object = {}): object => ({
    payment_intent_id: 'PI1',
    merchant_order_id: 'ORDER-1',
    amount: '10.12',
    currency: 'SGD',
    intent_status,
    ...more,
  });

  it('of a create is not settled by an amount that is not its own, whatever its type', () => {
    const ticket = ticketOf('payment.create', order, { payment_intent_id: 'PI1' });
    expect(asked(ticket, state('SUCCEEDED', { amount: 10.12 }))).toMatchObject({ outcome: 'succeeded' });
    expect(asked(ticket, state('SUCCEEDED', { amount: 101.2 }))).toMatchObject({
      kind: 'poll-required',
      reason: 'conflict',
    });
  });

  it('of a confirm stays open on a failed attempt, which may be an earlier one, and tells why it failed', () => {
    const failed = (more: object): object =>
      state('REQUIRES_PAYMENT_METHOD', { latest_payment_attempt: { attempt_status: 'FAILED', ...more } });
    const ticket = ticketOf('payment.confirm', { payment_intent_id: 'PI1' });
    expect(asked(ticket, failed({ failure_code: 'do_not_honor' }))).toMatchObject({
      kind: 'poll-required',
      reason: 'declined',
      message: 'do_not_honor',
    });
    expect(asked(ticket, failed({ failure_code: 'do_not_honor', failure_message: 'Do not honor' }))).toMatchObject({
      message: 'Do not honor',
    });
    expect(asked(ticket, failed({ failure_code: '' }))).not.toHaveProperty('message');
  });

  it('of a cancel reads the intent’s state for the cancel', () => {
    const ticket = ticketOf('payment.cancel', { payment_intent_id: 'PI1' });
    for (const spelled of ['CANCELLED', 'CANCELED'])
      expect(asked(ticket, state(spelled))).toMatchObject({ outcome: 'succeeded' });
    expect(asked(ticket, state('FAILED'))).toMatchObject({ outcome: 'succeeded' });
    expect(asked(ticket, state('SUCCEEDED'))).toMatchObject({ kind: 'poll-required' });
    expect(asked(ticket, state('SUCCEEDED'), true)).toMatchObject({ outcome: 'failed', reason: 'already-final' });
  });

  it('of a capture reads the intent’s state for the capture', () => {
    const ticket = ticketOf('payment.capture', { payment_intent_id: 'PI1', amount_to_capture: '5.00' });
    expect(asked(ticket, state('SUCCEEDED'))).toMatchObject({ outcome: 'succeeded' });
    expect(asked(ticket, state('REQUIRES_CAPTURE'))).toMatchObject({ kind: 'poll-required' });
    for (const spelled of ['CANCELLED', 'CANCELED'])
      expect(asked(ticket, state(spelled))).toMatchObject({ outcome: 'failed' });
  });
});

describe('after a send that may have landed', () => {
  it('no refusal and no decline of a later one is final', () => {
    for (const { exchange } of samples.samples) {
      if (!isWrite(operationOf(adapter, exchange.operation)) || exchange.status !== 400) continue;
      expect(adapter.classify({ ...exchange, attempt: 2 })).toMatchObject({ kind: 'poll-required' });
    }
  });
});

interface Bench {
  gateway: Gateway<UqpayFields>;
  simulator: Simulator;
  clock: ManualClock;
  settle: (...given: Parameters<Gateway<UqpayFields>['settle']>) => Promise<Settlement>;
  /** The idempotency keys of every write that reached the gateway. */
  keys: (string | null)[];
  tokensFetched: () => number;
  /** A second gateway of the same client, with a token store of its own. */
  machine: (tokens: TokenStore) => Gateway<UqpayFields>;
}

const once = { policy: { retry: { attempts: 1 } } };
const quick: Policy = { retry: { backoff: constant(100) }, poll: { backoff: constant(1000), deadlineMs: 10_000 } };

/** The whole of it against the simulator. */
function bench(
  options: Omit<SimulatorOptions, 'voice' | 'clock'> & { policy?: Policy; tokens?: TokenStore; defaults?: true } = {},
): Bench {
  const { policy, tokens, defaults, ...simulated } = options;
  const credentials = ownCredentials();
  const clock = manualClock({ startMs: nowMs });
  const simulator = simulateGateway({ voice: uqpayVoice(credentials), clock, ...simulated });
  const keys: (string | null)[] = [];
  const fetch = async (input: Request | URL | string, init?: RequestInit): Promise<Response> => {
    const request = new Request(input, init);
    if (request.method === 'POST' && !request.url.endsWith('/connect/token'))
      keys.push(request.headers.get('x-idempotency-key'));
    return simulator.fetch(request);
  };
  const machine = (own: TokenStore | undefined): Gateway<UqpayFields> =>
    createGateway({
      adapter: uqpay({ ...credentials, ...(own !== undefined && { tokens: own }) }),
      client: ky.create({ fetch }),
      clock,
      ...(defaults !== true && { policy: { ...quick, ...policy, poll: { ...quick.poll, ...policy?.poll } } }),
    });
  const gateway = machine(tokens);
  return {
    gateway,
    simulator,
    clock,
    keys,
    machine,
    settle: (...given) => clock.run(gateway.settle(...given)),
    tokensFetched: () => simulator.requests.filter(({ operation }) => operation === 'token').length,
  };
}

const storeOf = (): TokenStore => {
  const kept = new Map<string, Awaited<ReturnType<TokenStore['get']>>>();
  return { get: name => kept.get(name), set: (name, token) => void kept.set(name, token) };
};

describe('a payment', () => {
  it('is created, followed and paid', async () => {
    const { gateway, settle, clock } = bench({ lives: { create: lives.paidAfter(3000) } });
    const created = await settle('payment.create', order);
    expect(created).toMatchObject({
      outcome: 'created',
      attempts: 1,
      reference: { merchant: 'ORDER-1', provider: expect.stringMatching(/^PI\d+$/) as string },
    });
    expect(await clock.run(gateway.untilSettled(created.ticket))).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'query',
    });
  });

  const losses: FaultName[] = [
    'reset-after-booking',
    'hang-after-booking',
    '503-after-booking',
    'truncated',
    'drip',
    'garbage',
    'empty',
    'system-error-after-booking',
    'redirect-after-booking',
  ];

  it.each(losses)('whose create was lost (%s) is sent again with the same key, and made once', async fault => {
    const { simulator, settle, keys } = bench({ policy: { poll: { deadlineMs: 60_000 } } });
    simulator.script('ORDER-1', { onSend: [fault] });
    expect(await settle('payment.create', order)).toMatchObject({
      outcome: 'created',
      attempts: 2,
      answer: { client_secret: expect.any(String) as string },
    });
    expect(simulator.ledger.entries).toHaveLength(1);
    expect(keys).toHaveLength(2);
    expect(new Set(keys).size).toBe(1);
    expect(keys[0]).toMatch(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
  });

  it('is never sent again with a key whose 24 hours are over', async () => {
    const { gateway, simulator, clock, settle } = bench();
    simulator.script('ORDER-1', { onSend: ['reset-after-booking'] });
    simulator.script('payment.list', { onQuery: [always('maintenance')] });
    const lost = await settle('payment.create', order, { policy: { retry: { attempts: 1 } } });
    expect(lost).toMatchObject({
      outcome: 'unresolved',
      ticket: { reference: { merchant_order_id: 'ORDER-1', idempotencyKey: expect.any(String) as string } },
    });
    clock.advance(25 * 60 * MINUTE_MS);
    expect(await clock.run(gateway.untilSettled(lost.ticket))).toMatchObject({ outcome: 'unresolved', attempts: 0 });
    expect(simulator.ledger.payment('ORDER-1')).toMatchObject({ sends: 1 });
  });

  it('keeps the key its drop-in request came with', async () => {
    const { gateway, clock, keys } = bench();
    await clock.run(
      Promise.resolve(
        gateway.client.post('v2/payment_intents/create', { json: order, headers: { 'x-idempotency-key': key } }),
      ),
    );
    expect(keys).toEqual([key]);
  });

  it('asked for again by an SDK that makes a fresh key for each retry is one payment, and the first key stays on the wire', async () => {
    const { gateway, clock, keys, simulator } = bench({
      policy: { retry: { attempts: 1 }, poll: { deadlineMs: 2000 } },
    });
    simulator.script('ORDER-1', { onSend: ['503-after-booking'] });
    simulator.script('payment.list', { onQuery: [always('maintenance')] });
    const fresh = [key, '0d9e3c11-7a52-4f7e-8c39-2b5d1e6f7a80', 'e1f2a3b4-c5d6-4e7f-9a0b-1c2d3e4f5a6b'];
    const post = (own: string): Promise<Response> =>
      clock.run(
        Promise.resolve(
          gateway.fetch('https://api-sandbox.uqpaytech.com/api/v2/payment_intents/create', {
            method: 'POST',
            headers: { 'content-type': 'application/json', 'x-idempotency-key': own },
            body: JSON.stringify(order),
          }),
        ),
      );
    await expect(post(fresh[0] ?? '')).rejects.toSatisfy(isUnresolvedError);
    const answers = [await post(fresh[1] ?? ''), await post(fresh[2] ?? '')];
    expect(
      await Promise.all(
        answers.map(async answer => ((await answer.json()) as { intent_status: string }).intent_status),
      ),
    ).toEqual(['REQUIRES_PAYMENT_METHOD', 'REQUIRES_PAYMENT_METHOD']);
    expect(keys).toEqual([key, key]);
    simulator.script('ORDER-1', { life: lives.paid() });
    expect(simulator.ledger.entries).toMatchObject([{ bookings: 1 }]);
  });

  it('is captured under a key of its own only, since nothing else tells two equal captures apart', async () => {
    const { settle, simulator, gateway } = bench({ lives: { create: lives.authorized() } });
    const { ticket } = await settle('payment.create', order);
    const capture = { payment_intent_id: ticket.reference['payment_intent_id'] ?? '', amount_to_capture: '5.00' };
    await expect(gateway.settle('payment.capture', capture)).rejects.toThrow(/idempotencyKey/);
    expect(await settle('payment.capture', capture, { idempotencyKey: key })).toMatchObject({
      outcome: 'succeeded',
      attempts: 1,
    });
    expect(await settle('payment.capture', capture, { idempotencyKey: key })).toMatchObject({
      outcome: 'succeeded',
      repeated: true,
    });
    expect(simulator.requests.filter(({ operation }) => operation === 'payment.capture')).toHaveLength(1);
  });

  it.each([
    ['paid by a slow payer after 20 minutes', lives.paidAfter(20 * MINUTE_MS), { outcome: 'succeeded' }],
    [
      'closed by UQPAY after its 30 minutes',
      lives.expiresAfter(30 * MINUTE_MS),
      { outcome: 'failed', verdict: { reason: 'expired' } },
    ],
  ])('is followed for as long as it lives, under the defaults: %s', async (_what, life, end) => {
    const { gateway, clock } = bench({ lives: { create: life }, defaults: true });
    const { ticket } = await clock.run(gateway.settle('payment.create', order));
    const settlement = await clock.run(gateway.untilSettled(ticket));
    expect(settlement).toMatchObject(end);
    expect(settlement.polls).toBeLessThan(60);
  });

  it('is confirmed and paid in the call', async () => {
    const { settle, simulator } = bench({ lives: { create: lives.open() } });
    const { ticket } = await settle('payment.create', order);
    const confirm = {
      payment_intent_id: ticket.reference['payment_intent_id'] ?? '',
      payment_method: { type: 'card' },
    };
    expect(await settle('payment.confirm', confirm)).toMatchObject({ outcome: 'succeeded', settledBy: 'answer' });
    expect(simulator.ledger.payment('ORDER-1')).toMatchObject({ state: 'paid', bookings: 1 });
  });

  it('whose confirm was lost is asked about, and charged once', async () => {
    const { settle, simulator } = bench({ lives: { create: lives.open() } });
    const { ticket } = await settle('payment.create', order);
    simulator.script('ORDER-1', { on: { 'payment.confirm': ['reset-after-booking'] } });
    const confirm = { payment_intent_id: ticket.reference['payment_intent_id'] ?? '' };
    expect(await settle('payment.confirm', confirm)).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'query',
      attempts: 1,
    });
    expect(simulator.ledger.payment('ORDER-1')).toMatchObject({ bookings: 1 });
  });

  it('whose confirm was refused is declined, and can be confirmed again', async () => {
    const { settle, simulator } = bench({ lives: { create: lives.open(), charge: lives.declined() } });
    const { ticket } = await settle('payment.create', order);
    const confirm = { payment_intent_id: ticket.reference['payment_intent_id'] ?? '' };
    expect(await settle('payment.confirm', confirm)).toMatchObject({
      outcome: 'failed',
      verdict: { code: 'payment_error/payment_refused' },
    });
    simulator.script('ORDER-1', { life: lives.paid() });
    expect(await settle('payment.confirm', confirm)).toMatchObject({ outcome: 'succeeded' });
    expect(simulator.ledger.payment('ORDER-1')).toMatchObject({ bookings: 1 });
  });

  it('is canceled, and captured, by its id', async () => {
    const { settle, simulator } = bench({ lives: { create: lives.authorized() } });
    const first = await settle('payment.create', order);
    const second = await settle('payment.create', { ...order, merchant_order_id: 'ORDER-2' });
    const idOf = ({ ticket }: Settlement): { payment_intent_id: string } => ({
      payment_intent_id: ticket.reference['payment_intent_id'] ?? '',
    });
    expect(await settle('payment.cancel', idOf(first))).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'answer',
      polls: 0,
      verdict: { code: 'intent/CANCELED' },
    });
    expect(await settle('payment.capture', idOf(second), { idempotencyKey: crypto.randomUUID() })).toMatchObject({
      outcome: 'succeeded',
    });
    expect(await settle('payment.cancel', idOf(second))).toMatchObject({
      outcome: 'rejected',
      verdict: { reason: 'already-final' },
    });
    expect(simulator.ledger.entries.map(({ state }) => state)).toEqual(['canceled', 'paid']);
  });
});

describe('money that goes back', () => {
  const paid = async (given: Parameters<typeof bench>[0] = {}): Promise<ReturnType<typeof bench> & { id: string }> => {
    const own = bench(given);
    const created = await own.settle('payment.create', order);
    await own.clock.run(own.gateway.untilSettled(created.ticket));
    return { ...own, id: created.ticket.reference['payment_intent_id'] ?? '' };
  };

  it('is refunded once, though the answer was lost', async () => {
    const { settle, simulator, id } = await paid({ faults: { on: { 'refund.create': ['reset-after-booking'] } } });
    expect(
      await settle('refund.create', {
        payment_intent_id: id,
        amount: '5.00',
        reason: 'Returned',
        merchant_refund_id: 'R-1',
      }),
    ).toMatchObject({ outcome: 'succeeded', attempts: 2 });
    expect(simulator.ledger.entries.filter(({ kind }) => kind === 'refund')).toMatchObject([
      { amount: '5.00', bookings: 1 },
    ]);
  });

  it('is found in the payment’s list, once nothing may be sent again', async () => {
    const { settle, simulator, id } = await paid({ faults: { on: { 'refund.create': ['reset-after-booking'] } } });
    const settlement = await settle(
      'refund.create',
      { payment_intent_id: id, amount: '5.00', reason: 'Returned', merchant_refund_id: 'R-1' },
      once,
    );
    expect(settlement).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'query',
      attempts: 1,
      reference: { merchant: 'R-1', provider: expect.stringMatching(/^RF/) as string },
    });
    expect(simulator.ledger.entries.filter(({ kind }) => kind === 'refund')).toMatchObject([{ bookings: 1 }]);
  });

  it('is not taken for another refund of the same amount that this gateway knows', async () => {
    const { settle, simulator, clock, id } = await paid();
    const refund = { payment_intent_id: id, amount: '2.00', reason: 'Returned' };
    const first = await settle('refund.create', { ...refund, merchant_refund_id: 'R-1' });
    // Within the second that UQPAY's times are cut to, so that no time tells the two apart.
    const idempotencyKey = crypto.randomUUID();
    simulator.script(idempotencyKey, { onSend: ['reset-after-booking'] });
    const second = await settle('refund.create', { ...refund, merchant_refund_id: 'R-2' }, { ...once, idempotencyKey });
    expect(second).toMatchObject({ outcome: 'succeeded', settledBy: 'query' });
    expect(second.reference.provider).not.toBe(first.reference.provider);
    expect(clock.pending).toBe(0);
    expect(simulator.ledger.entries.filter(({ kind }) => kind === 'refund').map(({ bookings }) => bookings)).toEqual([
      1, 1,
    ]);
  });

  it('of more than was paid is refused at once', async () => {
    const { settle, id } = await paid();
    const settlement = await settle('refund.create', {
      payment_intent_id: id,
      amount: '50.00',
      reason: 'Returned',
      merchant_refund_id: 'R-1',
    });
    expect(settlement).toMatchObject({
      outcome: 'rejected',
      polls: 0,
      verdict: { code: 'refund_error', message: 'Amount exceeded' },
    });
  });

  it('that was only accepted is not yet given back', async () => {
    const { settle, id } = await paid({ lives: { refund: lives.paidAfter(3000) } });
    expect(
      await settle('refund.create', {
        payment_intent_id: id,
        amount: '5.00',
        reason: 'Returned',
        merchant_refund_id: 'R-1',
      }),
    ).toMatchObject({ outcome: 'succeeded', settledBy: 'query' });
  });

  it('is refunded as often as the merchant has numbers for it, and not at all without one', async () => {
    const { gateway, clock, simulator, id } = await paid();
    const refund = { payment_intent_id: id, amount: '2.00', reason: 'Returned' };
    const twice = (first: object, second: object): Promise<[Settlement, Settlement]> =>
      clock.run(
        Promise.all([
          gateway.settle('refund.create', { ...refund, ...first }),
          gateway.settle('refund.create', { ...refund, ...second }),
        ]),
      );
    const refunds = (): number => simulator.ledger.entries.filter(({ kind }) => kind === 'refund').length;
    await expect(gateway.settle('refund.create', refund)).rejects.toThrow(
      /two intentions, and nothing names this one\. Pass merchant_refund_id or an idempotencyKey/,
    );
    expect(refunds()).toBe(0);
    await twice({ merchant_refund_id: 'R-1' }, { merchant_refund_id: 'R-1' });
    expect(refunds()).toBe(1);
    await twice({ merchant_refund_id: 'R-1' }, { merchant_refund_id: 'R-2' });
    expect(refunds()).toBe(2);
    await expect(twice({ merchant_refund_id: 'R-3' }, { merchant_refund_id: 'R-3', amount: '3.00' })).rejects.toSatisfy(
      isReferenceInUseError,
    );
  });

  it('is paid out once, though the answer was lost', async () => {
    const { settle, simulator } = bench({
      faults: { on: { 'payout.create': ['reset-after-booking'] } },
      lives: { charge: lives.paidAfter(2000) },
    });
    expect(
      await settle('payout.create', {
        payout_currency: 'SGD',
        payout_amount: '100',
        statement_descriptor: 'WEEK 47',
        merchant_payout_id: 'P-1',
      }),
    ).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'query',
      attempts: 2,
      verdict: { code: 'payout/COMPLETED' },
    });
    expect(simulator.ledger.entries).toMatchObject([{ operation: 'payout.create', bookings: 1 }]);
  });

  it('is found among the payouts of its days, once nothing may be sent again', async () => {
    const { settle, simulator } = bench({
      faults: { on: { 'payout.create': ['reset-after-booking'] } },
      lives: { charge: lives.paidAfter(2000) },
    });
    const payout = {
      payout_currency: 'SGD',
      payout_amount: '100',
      statement_descriptor: 'WEEK 47',
      merchant_payout_id: 'P-1',
    };
    expect(await settle('payout.create', payout, once)).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'query',
      attempts: 1,
      reference: { merchant: 'P-1' },
    });
    expect(simulator.ledger.entries).toMatchObject([{ operation: 'payout.create', bookings: 1 }]);
  });
});

describe('the token', () => {
  it('is fetched once for many payments, and renewed when its half hour is over: a new one would end the old one sooner', async () => {
    const { gateway, settle, clock, tokensFetched } = bench();
    const orders = Array.from({ length: 8 }, (_each, index) => ({ ...order, merchant_order_id: `ORDER-${index}` }));
    await clock.run(Promise.all(orders.map(each => gateway.settle('payment.create', each))));
    expect(tokensFetched()).toBe(1);
    clock.advance(29 * MINUTE_MS);
    expect(await settle('payment.create', { ...order, merchant_order_id: 'LATER' })).toMatchObject({
      outcome: 'created',
      attempts: 1,
    });
    expect(tokensFetched()).toBe(1);
    clock.advance(MINUTE_MS);
    expect(await settle('payment.create', { ...order, merchant_order_id: 'LATEST' })).toMatchObject({
      outcome: 'created',
      attempts: 1,
    });
    expect(tokensFetched()).toBe(2);
  });

  it('is shared between equal credentials only: no other api key settles with it, and a wrong one denies nobody', async () => {
    const clock = manualClock({ startMs: nowMs });
    const carried: string[] = [];
    const fetch = (request: Request): Promise<Response> => {
      const key = request.headers.get('x-api-key');
      if (key === 'wrong') return Promise.resolve(Response.json({ type: 'unauthorized_error' }, { status: 401 }));
      if (key !== null)
        return Promise.resolve(Response.json({ auth_token: `token-of-${key}`, expired_at: nowMs / 1000 + 1800 }));
      carried.push(request.headers.get('x-auth-token') ?? '');
      return Promise.resolve(Response.json({ payment_intent_id: 'PI1', intent_status: 'REQUIRES_PAYMENT_METHOD' }));
    };
    const send = (apiKey: string): Promise<string> => {
      const adapter = uqpay({ clientId: 'one-client', apiKey, environment: 'sandbox' });
      const gateway = createGateway({
        adapter,
        client: ky.create({ fetch: fetch as typeof globalThis.fetch }),
        clock,
        policy: { retry: { attempts: 1 } },
      });
      return gateway
        .settle('payment.create', { ...order, merchant_order_id: `ORDER-${apiKey}` })
        .then(({ outcome }) => outcome);
    };
    expect(await clock.run(Promise.all(['wrong', 'right', 'tenant-2', 'right'].map(send)))).toEqual([
      'unsent',
      'created',
      'created',
      'created',
    ]);
    expect([...new Set(carried)].sort()).toEqual(['Bearer token-of-right', 'Bearer token-of-tenant-2']);
  });

  it('that another machine’s ended is fetched again, once, and the payment goes on with its key', async () => {
    const { settle, machine, clock, keys, tokensFetched } = bench();
    await settle('payment.create', order);
    await clock.run(machine(storeOf()).settle('payment.create', { ...order, merchant_order_id: 'ORDER-2' }));
    expect(await settle('payment.create', { ...order, merchant_order_id: 'ORDER-3' })).toMatchObject({
      outcome: 'created',
      attempts: 2,
    });
    expect(keys.slice(2)).toHaveLength(2);
    expect(new Set(keys.slice(2)).size).toBe(1);
    expect(tokensFetched()).toBe(3);
  });

  it('is one for all machines that share a store', async () => {
    const tokens = storeOf();
    const { settle, machine, clock, tokensFetched } = bench({ tokens });
    await settle('payment.create', order);
    await clock.run(machine(tokens).settle('payment.create', { ...order, merchant_order_id: 'ORDER-2' }));
    expect(tokensFetched()).toBe(1);
  });

  it('that cannot be had means that nothing was sent', async () => {
    const credentials = ownCredentials();
    const clock = manualClock({ startMs: nowMs });
    const simulator = simulateGateway({ voice: uqpayVoice({ ...credentials, apiKey: 'another' }), clock });
    const gateway = createGateway({
      adapter: uqpay(credentials),
      client: ky.create({ fetch: simulator.fetch }),
      clock,
      policy: quick,
    });
    expect(await clock.run(gateway.settle('payment.create', order))).toMatchObject({
      outcome: 'unsent',
      cause: expect.any(Error) as Error,
    });
    expect(simulator.ledger.entries).toEqual([]);
  });
});

describe('the simulated gateway', () => {
  it('charges twice when a retry makes itself a new key, elsewhere than here', async () => {
    const { gateway, clock, simulator, machine } = bench();
    const [one, other] = [crypto.randomUUID(), crypto.randomUUID()];
    const first = await clock.run(gateway.settle('payment.create', order, { idempotencyKey: one }));
    const again = await clock.run(gateway.settle('payment.create', order, { idempotencyKey: other }));
    expect(again).toMatchObject({
      outcome: 'created',
      repeated: true,
      answer: first.answer,
      ticket: { reference: { idempotencyKey: one } },
    });
    expect(simulator.ledger.payment('ORDER-1')).toMatchObject({ sends: 1 });
    await clock.run(machine(storeOf()).settle('payment.create', order));
    simulator.script('ORDER-1', { life: lives.paid() });
    expect(simulator.ledger.payment('ORDER-1')).toMatchObject({ sends: 2, bookings: 2 });
  });

  const base = 'https://api-sandbox.uqpaytech.com/api';

  /** A client without any of tillpaid in it. */
  function bare(): {
    clock: ManualClock;
    simulator: Simulator;
    post: (path: string, body: object, headers?: Record<string, string>) => Promise<Response>;
  } {
    const { clientId, apiKey } = ownCredentials();
    const clock = manualClock({ startMs: nowMs });
    const simulator = simulateGateway({ voice: uqpayVoice({ clientId, apiKey }), clock });
    const tokenOf = async (): Promise<string> => {
      const answer = await simulator.fetch(`${base}/v1/connect/token`, {
        method: 'POST',
        headers: { 'x-client-id': clientId, 'x-api-key': apiKey },
      });
      return ((await answer.json()) as { auth_token: string }).auth_token;
    };
    return {
      clock,
      simulator,
      async post(path, body, headers = {}) {
        const usual = {
          'x-auth-token': `Bearer ${await tokenOf()}`,
          'x-client-id': clientId,
          'x-idempotency-key': key,
        };
        return simulator.fetch(base + path, {
          method: 'POST',
          headers: { ...usual, ...headers },
          body: JSON.stringify(body),
        });
      },
    };
  }

  it('answers a key again for a day, and takes it for a new one after that', async () => {
    const { clock, simulator, post } = bare();
    const first: unknown = await (await post('/v2/payment_intents/create', order)).json();
    clock.advance(24 * 60 * MINUTE_MS - 1);
    expect(await (await post('/v2/payment_intents/create', order)).json()).toEqual(first);
    clock.advance(1);
    await post('/v2/payment_intents/create', order);
    simulator.script('ORDER-1', { life: lives.paid() });
    expect(simulator.ledger.payment('ORDER-1')).toMatchObject({ sends: 3, bookings: 2 });
  });

  it('refuses a key that another call used, and forgets one whose request never arrived', async () => {
    const { simulator, post } = bare();
    const refund = { payment_intent_id: 'PI1', amount: '5.00', reason: 'Returned' };
    simulator.script('ORDER-1', { onSend: ['reset-before-booking'] });
    await expect(post('/v2/payment_intents/create', order)).rejects.toThrow();
    expect(await (await post('/v2/payment/refunds', refund)).json()).toMatchObject({ type: 'not_found' });
    await post('/v2/payment_intents/create', order);
    expect(await (await post('/v2/payment/refunds', refund)).json()).toMatchObject({
      type: 'idempotence_error',
      code: 'key_mismatch_api',
    });
  });

  it.each<[string, Record<string, string>, number, string]>([
    ['without a token', { 'x-auth-token': '' }, 401, 'unauthorized_error'],
    ['with another token', { 'x-auth-token': 'Bearer other' }, 401, 'unauthorized_error'],
    ['without a key', { 'x-idempotency-key': '' }, 400, 'idempotence_error'],
    ['with a key that is no UUID v4', { 'x-idempotency-key': 'ORDER-1' }, 400, 'idempotence_error'],
    ['for another client', { 'x-client-id': 'other' }, 400, 'account_error'],
    ['for another account', { 'x-on-behalf-of': 'other' }, 400, 'account_error'],
  ])('refuses a create %s', async (_what, headers, status, type) => {
    const { simulator, post } = bare();
    const refused = await post('/v2/payment_intents/create', order, headers);
    expect([refused.status, ((await refused.json()) as { type: string }).type]).toEqual([status, type]);
    expect(simulator.ledger.entries).toEqual([]);
    expect((await post('/v2/payment_intents/create', order)).status).toBe(200);
  });
});
