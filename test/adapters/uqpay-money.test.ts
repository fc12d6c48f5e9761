import ky from 'ky';
import { describe, expect, it } from 'vitest';
import { constant, createGateway, type Gateway, type Policy, type Settlement, type Ticket } from '../../src/index.ts';
import { uqpay, type UqpayFields } from '../../src/adapters/uqpay/index.ts';
import { uqpayVoice, type StrangeIntent } from '../../src/adapters/uqpay/simulator.ts';
import {
  always,
  lives,
  manualClock,
  simulateGateway,
  type ManualClock,
  type Simulator,
} from '../../src/testing/index.ts';

const HOUR_MS = 3_600_000;
const order = {
  amount: '10.12',
  currency: 'SGD',
  merchant_order_id: 'O1',
  description: 'Shoes',
  return_url: 'https://shop.example',
};
let clients = 0;

/** A client of its own for each test: tokens are kept per client and process. */
function shop(
  policy?: Policy,
  strangers?: readonly StrangeIntent[],
): { gateway: Gateway<UqpayFields>; process: () => Gateway<UqpayFields>; clock: ManualClock; simulator: Simulator } {
  const credentials = { clientId: `money-${++clients}`, apiKey: 'api-key', environment: 'sandbox' as const };
  const clock = manualClock();
  const simulator = simulateGateway({
    voice: uqpayVoice(credentials, { ...(strangers !== undefined && { strangers }) }),
    clock,
    lives: { create: lives.open() },
  });
  const client = ky.create({ fetch: simulator.fetch });
  const process = (): Gateway<UqpayFields> =>
    createGateway({ adapter: uqpay(credentials), client, clock, ...(policy !== undefined && { policy }) });
  return { gateway: process(), process, clock, simulator };
}

/** The same with a list that does not answer: then nothing but the key is left. */
function unlisted(policy: Policy): ReturnType<typeof shop> {
  const made = shop(policy);
  made.simulator.script('payment.list', { onQuery: [always('maintenance')] });
  return made;
}

describe('the idempotency key', () => {
  it('is not used again after its 24 hours, though a wait slept through them', async () => {
    const { gateway, clock, simulator } = unlisted({
      retry: { backoff: constant(25 * HOUR_MS) },
      poll: { backoff: constant(12 * HOUR_MS), deadlineMs: 72 * HOUR_MS },
    });
    simulator.script('O1', { onSend: ['reset-after-booking'] });
    const settlement = await clock.run(gateway.settle('payment.create', order));
    expect(settlement).toMatchObject({ attempts: 1, outcome: 'unresolved' });
    expect(simulator.ledger.entries).toHaveLength(1);
  });

  it('of unknown age sends nothing for a job that was redelivered to another process', async () => {
    const { gateway, process, clock, simulator } = unlisted({ retry: { attempts: 1 }, poll: { deadlineMs: 1000 } });
    simulator.script('O1', { onSend: ['reset-after-booking'] });
    const first = await clock.run(gateway.settle('payment.create', order));
    const sends = simulator.ledger.payment('O1')?.sends;
    for (const idempotencyKey of [undefined, first.ticket.reference['idempotencyKey']]) {
      const again = await clock.run(
        process().settle('payment.create', order, {
          mayHaveBeenSent: true,
          ...(idempotencyKey !== undefined && { idempotencyKey }),
        }),
      );
      expect(again).toMatchObject({ attempts: 0, outcome: 'unresolved' });
    }
    expect(simulator.ledger.payment('O1')?.sends).toBe(sends);
  });

  it('of a payment that this process left open is sent again within its 24 hours', async () => {
    const { gateway, clock, simulator } = unlisted({ retry: { attempts: 1 }, poll: { deadlineMs: 1000 } });
    simulator.script('O1', { onSend: ['reset-after-booking'] });
    await clock.run(gateway.settle('payment.create', order));
    expect(await clock.run(gateway.settle('payment.create', order))).toMatchObject({
      attempts: 1,
      outcome: 'created',
      answer: { merchant_order_id: 'O1' },
    });
    expect(simulator.ledger.entries).toHaveLength(1);
  });

  it('of a payment that was left open stays on the wire, and once that is settled nothing is sent', async () => {
    const { gateway, clock, simulator } = unlisted({ retry: { attempts: 1 }, poll: { deadlineMs: 1000 } });
    simulator.script('O1', { onSend: ['reset-after-booking'] });
    const first = await clock.run(gateway.settle('payment.create', order));
    const second = await clock.run(gateway.settle('payment.create', order, { idempotencyKey: 'A-FRESH-ONE' }));
    const third = await clock.run(gateway.settle('payment.create', order));
    expect([first, second, third].map(({ outcome, attempts }) => [outcome, attempts])).toEqual([
      ['unresolved', 1],
      ['created', 1],
      ['created', 1],
    ]);
    const [one, two, three] = [first, second, third].map(({ ticket }) => ticket.reference['idempotencyKey']);
    expect([one === two, two === three, third.repeated]).toEqual([true, true, true]);
    expect(simulator.ledger.entries).toHaveLength(1);
  });

  it('of a stored ticket is sent again within its 24 hours, and never after', async () => {
    const { gateway, clock, simulator } = unlisted({ retry: { attempts: 1 }, poll: { deadlineMs: 1000 } });
    simulator.script('O1', { onSend: ['reset-after-booking'] });
    const { ticket } = await clock.run(gateway.settle('payment.create', order));
    expect(await clock.run(gateway.settle('payment.create', order, { ticket }))).toMatchObject({
      attempts: 1,
      outcome: 'created',
      answer: { merchant_order_id: 'O1' },
    });
    clock.advance(24 * HOUR_MS);
    expect(await clock.run(gateway.settle('payment.create', order, { ticket }))).toMatchObject({
      attempts: 0,
      outcome: 'unresolved',
    });
    expect(simulator.ledger.entries).toHaveLength(1);
  });

  it('of another intention’s ticket is refused', async () => {
    const { gateway, clock } = shop();
    const { ticket } = await clock.run(gateway.settle('payment.create', order));
    await expect(
      gateway.settle('payment.create', { ...order, merchant_order_id: 'O2' }, { ticket }),
    ).rejects.toMatchObject({ name: 'TicketError' });
    await expect(gateway.settle('payment.create', order, { ticket, idempotencyKey: 'other' })).rejects.toMatchObject({
      name: 'InputError',
    });
  });

  it('tells two equal refunds apart', async () => {
    const { gateway, clock, simulator } = shop();
    simulator.script('O1', { life: lives.paid() });
    const { ticket } = await clock.run(gateway.settle('payment.create', order));
    await clock.run(gateway.untilSettled(ticket));
    const refund = { payment_intent_id: ticket.reference['payment_intent_id'] ?? '', amount: '1.00', reason: 'torn' };
    const keys = [crypto.randomUUID(), crypto.randomUUID()];
    const both = await clock.run(
      Promise.all(keys.map(idempotencyKey => gateway.settle('refund.create', refund, { idempotencyKey }))),
    );
    expect(new Set(both.map(settlement => settlement.ticket.reference['payment_refund_id'])).size).toBe(2);
    expect(simulator.ledger.entries.filter(({ kind }) => kind === 'refund')).toHaveLength(2);
  });
});

describe('an intent with the same merchant_order_id that is not ours', () => {
  const nowMs = Date.UTC(2026, 0, 1);
  const stranger = (created: number, more: Partial<StrangeIntent> = {}): StrangeIntent => ({
    payment_intent_id: 'PI777',
    merchant_order_id: 'O1',
    amount: '10.12',
    currency: 'SGD',
    intent_status: 'SUCCEEDED',
    create_time: new Date(created).toISOString(),
    ...more,
  });
  /** A create that never arrived, sent once, while the list shows these. */
  const lost = async (...strangers: StrangeIntent[]): Promise<Settlement> => {
    const { gateway, clock, simulator } = shop({ retry: { attempts: 1 }, poll: { deadlineMs: 60_000 } }, strangers);
    simulator.script('O1', { onSend: ['reset-before-booking'] });
    const settlement = await clock.run(gateway.settle('payment.create', order));
    expect(simulator.ledger.entries).toEqual([]);
    return settlement;
  };

  it.each([
    ['made before our send', [stranger(nowMs - 120_000)]],
    ['canceled before our send', [stranger(nowMs - 120_000, { intent_status: 'CANCELED' })]],
    ['whose time cannot be read', [stranger(nowMs + 10, { create_time: '2026-01-01 00:00:01' })]],
    ['of other money', [stranger(nowMs + 10, { amount: '10.13' })]],
    ['one of two', [stranger(nowMs + 2000), stranger(nowMs + 3000, { payment_intent_id: 'PI778' })]],
  ])('(%s) is not taken for it, and its number is not learnt', async (_which, strangers) => {
    const settlement = await lost(...strangers);
    expect(settlement).toMatchObject({ outcome: 'unresolved', settledBy: 'none' });
    expect(settlement.ticket.reference).not.toHaveProperty('payment_intent_id');
  });
});

describe('a lost answer', () => {
  it('of a confirm that did not land is sent again with the same key', async () => {
    const { gateway, clock, simulator } = shop();
    const { ticket } = await clock.run(gateway.settle('payment.create', order));
    simulator.script('O1', { on: { 'payment.confirm': ['reset-before-booking'] } });
    const settlement = await clock.run(
      gateway.settle('payment.confirm', { payment_intent_id: ticket.reference['payment_intent_id'] ?? '' }),
    );
    expect(settlement.attempts).toBe(2);
    expect(settlement.outcome).not.toBe('unresolved');
  });

  it('is looked for in the list once nothing else is left, and followed by the number found there', async () => {
    const asked: string[] = [];
    const clock = manualClock();
    const intent = {
      payment_intent_id: 'PI9',
      merchant_order_id: 'O1',
      amount: '10.12',
      currency: 'SGD',
      create_time: new Date(clock.now()).toISOString(),
    };
    const fetch = (request: Request): Promise<Response> => {
      const { pathname, searchParams } = new URL(request.url);
      asked.push(`${pathname} ${searchParams.get('start_time') ?? ''}`.trim());
      if (pathname.endsWith('/token'))
        return Promise.resolve(Response.json({ auth_token: 't', expired_at: Math.floor(clock.now() / 1000) + 1800 }));
      const other = { ...intent, merchant_order_id: 'O2', intent_status: 'SUCCEEDED' };
      const page = { total_pages: 1, data: [other, { ...intent, intent_status: 'PENDING' }] };
      if (pathname.endsWith('/payment_intents'))
        return Promise.resolve(Response.json(page, { headers: { date: new Date(clock.now()).toUTCString() } }));
      return Promise.resolve(Response.json({ ...intent, intent_status: 'SUCCEEDED' }));
    };
    const adapter = uqpay({ clientId: 'list-1', apiKey: 'api-key', environment: 'sandbox' });
    const gateway = createGateway({ adapter, client: ky.create({ fetch: fetch as typeof globalThis.fetch }), clock });
    const ticket: Ticket = gateway.ticketFor('payment.create', order);
    expect(await clock.run(gateway.untilSettled(ticket))).toMatchObject({
      outcome: 'succeeded',
      ticket: { reference: { payment_intent_id: 'PI9' } },
    });
    expect(asked).toEqual([
      '/api/v1/connect/token',
      '/api/v2/payment_intents 2025-12-31T23:55:00.000Z',
      '/api/v2/payment_intents/PI9',
    ]);
  });
});
