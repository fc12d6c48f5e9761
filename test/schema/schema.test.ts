import ky, { SchemaValidationError } from 'ky';
import * as v from 'valibot';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { createGateway, type Gateway, type GatewayEvent, type Settlement, type Ticket } from '../../src/index.ts';
import { zalopay, type ZalopayAnswers, type ZalopayFields } from '../../src/adapters/zalopay/index.ts';
import { zalopayVoice } from '../../src/adapters/zalopay/simulator.ts';
import { memoryJournal } from '../../src/journal/index.ts';
import { validateAnswer, type StandardSchema } from '../../src/schema/index.ts';
import { lives, simulateGateway, type Script, type Simulator } from '../../src/testing/index.ts';

const account = { appId: 2553, key1: 'secret-1', key2: 'secret-2', environment: 'sandbox' } as const;
const order = { app_trans_id: '260101_1', app_user: 'user-7', amount: 50_000, description: 'Tea for two' };
const refund = {
  m_refund_id: '260101_2553_1',
  zp_trans_id: '260101000000001',
  amount: 10_000,
  description: 'Cold tea',
};

interface Shop {
  readonly gateway: Gateway<ZalopayFields, ZalopayAnswers>;
  readonly simulated: Simulator;
  readonly events: GatewayEvent[];
  readonly tickets: Ticket[];
}

function open(script: Script = {}, options: { journal?: ReturnType<typeof memoryJournal> } = {}): Shop {
  const simulated = simulateGateway({ voice: zalopayVoice(account) });
  for (const reference of [order.app_trans_id, refund.m_refund_id]) simulated.script(reference, script);
  const events: GatewayEvent[] = [];
  const tickets: Ticket[] = [];
  const gateway = createGateway({
    ...{ adapter: zalopay(account), client: ky.create({ fetch: simulated.fetch }) },
    ...{ onEvent: event => events.push(event), onTicket: ticket => tickets.push(ticket), ...options },
  });
  return { gateway, simulated, events, tickets };
}

const zodOrder = z.object({ order_url: z.url(), zp_trans_token: z.string() });
const valibotOrder = v.object({ order_url: v.pipe(v.string(), v.url()), zp_trans_token: v.string() });
const right: readonly (readonly [string, StandardSchema<{ order_url: string }>])[] = [
  ['zod', zodOrder],
  ['valibot', valibotOrder],
];
const wrong: readonly (readonly [string, StandardSchema])[] = [
  ['zod', zodOrder.extend({ order_url: z.number() })],
  ['valibot', v.object({ order_url: v.number() })],
];
const hostile: readonly (readonly [string, StandardSchema])[] = [
  ['throws', z.any().transform(() => JSON.parse('{') as unknown)],
  ['rejects', { '~standard': { version: 1, validate: () => Promise.reject(new TypeError('no')) } }],
  [
    'changes what it is given',
    {
      '~standard': {
        version: 1,
        validate: value => {
          if (typeof value === 'object' && value !== null) Reflect.deleteProperty(value, 'order_url');
          return { issues: [{ message: 'emptied' }] };
        },
      },
    },
  ],
];

// The simulator numbers payments by the day.
beforeEach(() => void vi.useFakeTimers({ now: Date.UTC(2026, 0, 1, 5) }));
afterEach(() => void vi.useRealTimers());

/** Lets time pass until it ends. */
async function ends<T>(promise: Promise<T>): Promise<T> {
  const over = vi.fn();
  promise.then(over, over);
  while (over.mock.calls.length === 0) await vi.advanceTimersByTimeAsync(250);
  return promise;
}

describe('validateAnswer', () => {
  it.each(right)('gives what the payer needs, checked and typed, by a schema of %s', async (_name, schema) => {
    const { gateway } = open();
    const { value, issues } = await validateAnswer(await gateway.settle('payment.create', order), schema);
    expect(issues).toBeUndefined();
    const link: string | undefined = value?.order_url;
    expect(link).toMatch(/^https:/);
  });

  it.each([
    ...wrong,
    ...hostile,
  ])('leaves the settlement as it is, and another caller’s too, where the schema of %s objects', async (_name, schema) => {
    const { gateway, simulated, events } = open();
    const settlement = await gateway.settle('payment.create', order);
    const before = structuredClone(settlement);
    const { value, issues } = await validateAnswer(settlement, schema);
    expect(value).toBeUndefined();
    expect(issues).toHaveLength(1);
    expect(structuredClone(settlement)).toEqual(before);
    expect(events.filter(({ type }) => type === 'settled')).toHaveLength(1);
    // What was settled is settled: the same again sends nothing, and has the answer.
    const again = await gateway.settle('payment.create', order);
    expect(again).toMatchObject({ outcome: 'created', answer: before.answer });
    expect(simulated.ledger.payment(order.app_trans_id)?.sends).toBe(1);
  });

  it('says that there is no answer, where it was lost or is not kept, and what that means', async () => {
    const lost = open({ life: lives.paid(), onSend: ['reset-after-booking'] });
    await ends(lost.gateway.settle('payment.create', { ...order, app_trans_id: '260101_0' }));
    const settlement = await ends(lost.gateway.settle('refund.create', refund));
    expect(settlement.outcome).toBe('succeeded');
    expect(await validateAnswer(settlement, zodOrder)).toEqual({
      issues: [{ message: 'There is no answer: it was lost, or none came. The outcome stands.' }],
    });
    const journal = memoryJournal();
    await open({}, { journal }).gateway.settle('payment.create', order);
    const elsewhere = await open({}, { journal }).gateway.settle('payment.create', order);
    expect(await validateAnswer(elsewhere, zodOrder)).toEqual({
      issues: [{ message: 'There is no answer: it comes from a journal, which keeps none. The outcome stands.' }],
    });
  });

  it('takes a settlement of whatever outcome', async () => {
    const { gateway } = open({ life: lives.declined() });
    const settlement: Settlement = await ends(gateway.settle('refund.create', refund));
    expect(await validateAnswer(settlement, z.looseObject({ return_code: z.literal(2) }))).toMatchObject({
      value: { return_code: 2 },
    });
  });
});

describe('a schema in ky’s own .json(schema), through gateway.client', () => {
  const Refunded = z.object({ return_code: z.literal(1) });

  it('checks the answer that settles it: here a query’s, after the write’s own was lost', async () => {
    const { gateway, simulated } = open({ onSend: ['reset-after-booking'] });
    await ends(gateway.settle('payment.create', { ...order, app_trans_id: '260101_0' }));
    expect(await ends(gateway.client.post('v2/refund', { json: refund }).json(Refunded))).toEqual({ return_code: 1 });
    expect(simulated.ledger.refund(refund.m_refund_id)).toMatchObject({ bookings: 1, sends: 1 });
  });

  it('that objects is no word about the money: the refund is settled, its ticket is out, and nothing is sent again', async () => {
    const { gateway, simulated, events, tickets } = open();
    await ends(gateway.settle('payment.create', { ...order, app_trans_id: '260101_0' }));
    const post = (): Promise<unknown> =>
      ends(gateway.client.post('v2/refund', { json: refund }).json(Refunded.extend({ missing: z.string() })));
    await expect(post()).rejects.toBeInstanceOf(SchemaValidationError);
    await expect(post()).rejects.toBeInstanceOf(SchemaValidationError);
    expect(simulated.ledger.refund(refund.m_refund_id)).toMatchObject({ bookings: 1, sends: 1 });
    expect(events.filter(({ type }) => type === 'settled').at(-1)).toMatchObject({ outcome: 'succeeded' });
    expect(tickets.at(-1)?.reference).toMatchObject({ m_refund_id: refund.m_refund_id });
  });

  it('is asked apart from the money by whoever takes the response first', async () => {
    const { gateway } = open();
    await ends(gateway.settle('payment.create', { ...order, app_trans_id: '260101_0' }));
    const response = await ends(Promise.resolve(gateway.client.post('v2/refund', { json: refund })));
    expect(gateway.verdictOf(response)).toMatchObject({ outcome: 'succeeded' });
    expect(Refunded.extend({ missing: z.string() }).safeParse(await response.json()).success).toBe(false);
  });
});
