import ky from 'ky';
import { describe, expect, it } from 'vitest';
import { uqpay, type UqpayFields } from '../../src/adapters/uqpay/index.ts';
import { createGateway, type Gateway, type Settlement } from '../../src/index.ts';
import { manualClock, type ManualClock } from '../../src/testing/index.ts';

const startMs = Date.UTC(2026, 10, 21, 3, 30);
const order = {
  amount: '10.12',
  currency: 'SGD',
  merchant_order_id: 'ORDER-1',
  description: 'Two coffees',
  return_url: 'https://shop.example/back',
};
const withCard = { ...order, payment_method: { type: 'card' } };
const nextAction = { type: 'redirect_to_url', redirect_to_url: { url: 'https://issuer.example/3ds' } };

interface Call {
  readonly isQuery: boolean;
  readonly path: string;
  readonly seconds: number;
  /** Which send of a write it is; the first is 1. */
  readonly send: number;
}
type Answer = { readonly status?: number; readonly body: object } | 'lost';

const intent = (intent_status: string, attempt_status?: string, more: object = {}): Answer => ({
  body: {
    payment_intent_id: 'PI1',
    ...order,
    intent_status,
    client_secret: 'for-the-browser',
    create_time: new Date(startMs + 500).toISOString(),
    latest_payment_attempt:
      attempt_status === undefined
        ? null
        : { attempt_id: 'PA1', attempt_status, failure_code: attempt_status === 'FAILED' ? 'do_not_honor' : '' },
    ...more,
  },
});
const error = (status: number, type: string, code: string, message = code): Answer => ({
  status,
  body: { type, code, message },
});
const page = (...rows: Answer[]): Answer => ({
  body: { total_pages: 1, total_items: rows.length, data: rows.flatMap(row => (row === 'lost' ? [] : [row.body])) },
});

let clients = 0;

/** UQPAY as it answers in these tests, and when each request came, in seconds. */
function till(answer: (call: Call) => Answer): {
  gateway: Gateway<UqpayFields>;
  clock: ManualClock;
  sentAt: number[];
  tokens: () => number;
} {
  const clock = manualClock({ startMs });
  const sentAt: number[] = [];
  let tokens = 0;
  const fetch = (request: Request): Promise<Response> => {
    const { pathname } = new URL(request.url);
    const headers = { date: new Date(clock.now()).toUTCString() };
    if (pathname.endsWith('/connect/token'))
      return Promise.resolve(
        Response.json({ auth_token: `token-${++tokens}`, expired_at: clock.now() / 1000 + 1800 }, { headers }),
      );
    const isQuery = request.method === 'GET';
    const seconds = (clock.now() - startMs) / 1000;
    if (!isQuery) sentAt.push(seconds);
    const answered = answer({ isQuery, path: pathname, seconds, send: sentAt.length });
    if (answered === 'lost')
      return Promise.reject(
        new TypeError('fetch failed', { cause: Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }) }),
      );
    return Promise.resolve(Response.json(answered.body, { status: answered.status ?? 200, headers }));
  };
  const adapter = uqpay({ clientId: `told-${++clients}`, apiKey: 'api-key', environment: 'sandbox' });
  return {
    gateway: createGateway({ adapter, client: ky.create({ fetch: fetch as typeof globalThis.fetch }), clock }),
    clock,
    sentAt,
    tokens: () => tokens,
  };
}

const elapsed = ({ elapsedMs }: Settlement): number => elapsedMs / 1000;

describe('a create that was answered "pending"', () => {
  const settle = async (answer: (call: Call) => Answer): Promise<Settlement> => {
    const { gateway, clock } = till(answer);
    return clock.run(gateway.settle('payment.create', withCard));
  };

  it('and then declined is told within seconds, in the issuer’s words, and its ticket follows what the payer does next', async () => {
    const { gateway, clock } = till(({ isQuery, seconds }) =>
      !isQuery || seconds < 4
        ? intent('PENDING', 'PENDING_AUTHORIZATION')
        : seconds < 60
          ? intent('REQUIRES_PAYMENT_METHOD', 'FAILED')
          : intent('SUCCEEDED', 'SUCCEEDED'),
    );
    const settlement = await clock.run(gateway.settle('payment.create', withCard));
    expect(settlement).toMatchObject({
      outcome: 'created',
      settledBy: 'query',
      verdict: { reason: 'declined', message: 'do_not_honor' },
      attempts: 1,
    });
    expect(elapsed(settlement)).toBeLessThan(6);
    expect(await clock.run(gateway.untilSettled(settlement.ticket))).toMatchObject({ outcome: 'succeeded' });
  });

  it.each([
    'REQUIRES_CUSTOMER_ACTION',
    'REQUIRES_ACTION',
  ])('and then wants 3-D Secure (%s) gives the payer his next action at once', async status => {
    const settlement = await settle(({ isQuery, seconds }) =>
      !isQuery || seconds < 4 ? intent('PENDING') : intent(status, undefined, { next_action: nextAction }),
    );
    expect(settlement).toMatchObject({
      outcome: 'created',
      settledBy: 'query',
      verdict: { reason: 'awaiting-payer' },
      body: { next_action: nextAction },
    });
    expect(elapsed(settlement)).toBeLessThan(6);
  });

  it.each(['CANCELLED', 'CANCELED', 'EXPIRED'])('and whose attempt then ended %s wants another one', async attempt => {
    const settlement = await settle(({ isQuery }) =>
      isQuery ? intent('REQUIRES_PAYMENT_METHOD', attempt) : intent('PENDING'),
    );
    expect(settlement).toMatchObject({ outcome: 'created', settledBy: 'query' });
  });

  it('and that a query shows as it was before its attempt is still asked about: the card may be on its way', async () => {
    const settlement = await settle(({ isQuery, seconds }) =>
      !isQuery
        ? intent('PENDING')
        : seconds < 20
          ? intent('REQUIRES_PAYMENT_METHOD')
          : intent('SUCCEEDED', 'SUCCEEDED'),
    );
    expect(settlement).toMatchObject({ outcome: 'succeeded', attempts: 1 });
  });

  it('is followed by its ticket past a decline: the payer may try again', async () => {
    const { gateway, clock } = till(({ seconds }) =>
      seconds < 60 ? intent('REQUIRES_PAYMENT_METHOD', 'FAILED') : intent('SUCCEEDED', 'SUCCEEDED'),
    );
    const ticket = gateway.ticketFor('payment.create', withCard);
    const known = { ...ticket, seen: true, reference: { ...ticket.reference, payment_intent_id: 'PI1' } };
    expect(await clock.run(gateway.untilSettled(known))).toMatchObject({ outcome: 'succeeded' });
  });
});

describe('a create that was answered', () => {
  it.each([
    ['REQUIRES_ACTION', 'awaiting-payer'],
    ['REQUIRES_CONFIRMATION', 'awaiting-merchant'],
  ])('%s is created, with the answer', async (status, reason) => {
    const { gateway, clock } = till(() => intent(status, undefined, { next_action: nextAction }));
    expect(await clock.run(gateway.settle('payment.create', withCard))).toMatchObject({
      outcome: 'created',
      verdict: { reason },
      polls: 0,
      answer: { next_action: nextAction },
    });
  });
});

describe('a confirm that was answered "pending"', () => {
  const confirm = async (answer: (call: Call) => Answer): Promise<Settlement> => {
    const { gateway, clock } = till(answer);
    return clock.run(gateway.settle('payment.confirm', { payment_intent_id: 'PI1', payment_method: { type: 'card' } }));
  };

  it('and then declined is told within seconds', async () => {
    const settlement = await confirm(({ isQuery, seconds }) =>
      !isQuery || seconds < 4 ? intent('PENDING') : intent('REQUIRES_PAYMENT_METHOD', 'FAILED'),
    );
    expect(settlement).toMatchObject({
      outcome: 'created',
      settledBy: 'query',
      verdict: { reason: 'declined', message: 'do_not_honor' },
    });
    expect(elapsed(settlement)).toBeLessThan(6);
  });

  it('is not told declined by the first thing that a query shows: that may be the attempt before', async () => {
    const settlement = await confirm(({ isQuery, seconds }) =>
      !isQuery
        ? intent('PENDING')
        : seconds < 4
          ? intent('REQUIRES_PAYMENT_METHOD', 'FAILED')
          : intent('SUCCEEDED', 'SUCCEEDED'),
    );
    expect(settlement).toMatchObject({ outcome: 'succeeded', attempts: 1 });
  });
});

describe('a create whose answer tells nothing of its intent', () => {
  it.each([
    ['429', error(429, 'api_error', 'velocity_limit_exceeded')],
    ['429 in the older envelope', { status: 429, body: { code: 429, message: 'Too many requests' } }],
    ['409', error(409, 'idempotency_error', 'key_conflict')],
    ['409 in the older envelope', { status: 409, body: { code: 409, message: 'Conflict occurred' } }],
  ] as const)('(%s) is sent again with time between, and no longer waited for than one that was lost', async (_which, answer) => {
    const { gateway, clock, sentAt } = till(({ isQuery }) => (isQuery ? page() : answer));
    const settlement = await clock.run(gateway.settle('payment.create', order));
    expect(settlement).toMatchObject({ outcome: 'unresolved', attempts: 3 });
    expect(sentAt).toEqual([0, 5, 10]);
    expect(elapsed(settlement)).toBeLessThanOrEqual(130);
    expect(settlement.answer).toBeUndefined();
  });

  it('(expired_order) is no longer waited for than one that was lost', async () => {
    const { gateway, clock } = till(({ isQuery }) => (isQuery ? page() : error(400, 'payment_error', 'expired_order')));
    const settlement = await clock.run(gateway.settle('payment.create', order));
    expect(settlement.outcome).toBe('unresolved');
    expect(elapsed(settlement)).toBeLessThanOrEqual(130);
  });

  it('(its first send is still running) gets that one’s answer when it has come', async () => {
    const { gateway, clock, sentAt } = till(({ send, seconds, isQuery }) =>
      isQuery
        ? page()
        : send === 1
          ? 'lost'
          : seconds < 5
            ? error(400, 'idempotence_error', 'request_being_processed')
            : intent('REQUIRES_PAYMENT_METHOD'),
    );
    expect(await clock.run(gateway.settle('payment.create', order))).toMatchObject({
      outcome: 'created',
      settledBy: 'answer',
      answer: { client_secret: 'for-the-browser' },
    });
    expect(sentAt).toHaveLength(3);
  });

  it('(its first send is still running when the sends are used up) is created once the list shows its intent', async () => {
    const { gateway, clock } = till(({ send, isQuery }) =>
      isQuery
        ? page(intent('REQUIRES_PAYMENT_METHOD'))
        : send === 1
          ? 'lost'
          : error(400, 'idempotence_error', 'request_being_processed'),
    );
    const settlement = await clock.run(gateway.settle('payment.create', order));
    expect(settlement).toMatchObject({
      outcome: 'created',
      settledBy: 'query',
      ticket: { reference: { payment_intent_id: 'PI1' } },
    });
    expect(settlement.answer).toBeUndefined();
    expect(elapsed(settlement)).toBeLessThan(20);
  });
});

describe('a confirm that was not taken for too many requests', () => {
  it('is sent again with the same key once a query shows that its intent still waits for it', async () => {
    const { gateway, clock } = till(({ isQuery, send }) =>
      isQuery && send === 1
        ? intent('REQUIRES_PAYMENT_METHOD')
        : send === 1
          ? error(429, 'api_error', 'velocity_limit_exceeded')
          : intent('SUCCEEDED', 'SUCCEEDED'),
    );
    expect(await clock.run(gateway.settle('payment.confirm', { payment_intent_id: 'PI1' }))).toMatchObject({
      outcome: 'succeeded',
      attempts: 2,
    });
  });
});

describe('a token', () => {
  it.each([
    ['no permission for this product', 'permission', 1, 1],
    ['token has expired', 'authentication', 2, 2],
  ])('is fetched again when it has ended, and not because the account may not do this: %s', async (message, reason, attempts, tokens) => {
    const made = till(() => error(401, 'unauthorized_error', 'unauthorized', message));
    const settlement = await made.clock.run(made.gateway.settle('payment.create', order));
    expect(settlement).toMatchObject({ outcome: 'rejected', verdict: { reason, message }, attempts });
    expect(made.tokens()).toBe(tokens);
  });
});

describe('the older envelope’s 403 and 404', () => {
  it.each([
    [403, 'permission'],
    [404, 'not-found'],
  ])('(%s) refuses a write', async (code, reason) => {
    const { gateway, clock } = till(({ isQuery }) =>
      isQuery ? page() : { status: code, body: { code, message: 'no' } },
    );
    expect(await clock.run(gateway.settle('payment.create', order))).toMatchObject({
      outcome: 'rejected',
      verdict: { reason, listed: true },
      attempts: 1,
    });
  });
});

describe('two equal refunds of one payment, both lost,', () => {
  const refund = { payment_intent_id: 'PI1', amount: '1.00', reason: 'torn' };
  const row = (amount = '1.00'): Answer => ({
    body: {
      payment_refund_id: 'RF1',
      payment_attempt_id: 'PA1',
      amount,
      currency: 'SGD',
      refund_status: 'SUCCEEDED',
      create_time: new Date(startMs + 500).toISOString(),
    },
  });
  const lostBut = (listed: Answer): ReturnType<typeof till> => till(({ isQuery }) => (isQuery ? listed : 'lost'));

  it('and one row in the list, are both still open: nothing tells whose it is', async () => {
    const { gateway, clock } = lostBut(page(row()));
    const both = await clock.run(
      Promise.all(
        ['R1', 'R2'].map(merchant_refund_id => gateway.settle('refund.create', { ...refund, merchant_refund_id })),
      ),
    );
    for (const settlement of both) {
      expect(settlement).toMatchObject({ outcome: 'unresolved', verdict: { reason: 'conflict' } });
      expect(settlement.ticket.reference).not.toHaveProperty('payment_refund_id');
    }
  });

  it('one after the other: the second one does not take the row while the first is open', async () => {
    const listed = { rows: page() };
    const { gateway, clock } = till(({ isQuery }) => (isQuery ? listed.rows : 'lost'));
    expect(await clock.run(gateway.settle('refund.create', { ...refund, merchant_refund_id: 'R1' }))).toMatchObject({
      outcome: 'unresolved',
    });
    listed.rows = page({
      body: { ...(row() as { body: object }).body, create_time: new Date(clock.now() + 1000).toISOString() },
    });
    expect(await clock.run(gateway.settle('refund.create', { ...refund, merchant_refund_id: 'R2' }))).toMatchObject({
      outcome: 'unresolved',
      verdict: { reason: 'conflict' },
    });
  });

  it('are told apart by their amounts', async () => {
    const { gateway, clock } = lostBut(page(row()));
    const [ours, other] = await clock.run(
      Promise.all([
        gateway.settle('refund.create', { ...refund, merchant_refund_id: 'R1' }),
        gateway.settle('refund.create', { ...refund, amount: '2.00', merchant_refund_id: 'R2' }),
      ]),
    );
    expect([ours.outcome, other.outcome]).toEqual(['succeeded', 'unresolved']);
  });
});
