import ky from 'ky';
import { describe, expect, it } from 'vitest';
import { judge } from '../../src/core/doctrine.ts';
import { operationOf } from '../../src/core/operation.ts';
import { constant, createGateway, type OpenPayment, type Policy, type Ticket } from '../../src/index.ts';
import { qfpay } from '../../src/adapters/qfpay/index.ts';
import { qfpayVoice } from '../../src/adapters/qfpay/simulator.ts';
import { uqpay } from '../../src/adapters/uqpay/index.ts';
import { zalopay } from '../../src/adapters/zalopay/index.ts';
import { lives, manualClock, simulateGateway, type Life } from '../../src/testing/index.ts';
import type { Adapter } from '../../src/kit/adapter.ts';
import { samples as ofIfortepay } from '../samples/ifortepay.ts';
import { samples as ofRebell } from '../samples/rebell.ts';
import { acme, states, type AcmeFields } from '../testing/acme.ts';
import { bench, json, longest, said, type Bench, type Step } from '../testing/bench.ts';

const MINUTE_MS = 60_000;
const SCANNED_MS = 4 * MINUTE_MS;
/** Longer than a stretched wait by then, so that a query sees him scan before he pays. */
const PAID_MS = SCANNED_MS + 30_000;

/** Acme, whose order says `pending` when its payer has scanned it, and lives for half an hour. */
function scanning(flagged = true): Adapter<AcmeFields> {
  const plain = acme();
  const pending = { ...states.pending, ...(flagged && { paying: true as const }) };
  const query = { ...operationOf(plain, 'payment.query'), codes: { ...states, pending } };
  return Object.freeze({ ...plain, operations: { ...plain.operations, 'payment.query': query } });
}

/** What its order shows, by how long the scene has lasted. */
const showing =
  (
    scene: () => Bench,
    at: (elapsedMs: number) => string,
    more: (elapsedMs: number) => ResponseInit = () => ({}),
  ): Step =>
  () => {
    const elapsedMs = scene().clock.now() - Date.UTC(2026, 0, 1);
    return json({ state: at(elapsedMs) }, more(elapsedMs));
  };

const comesAfter4Minutes = (elapsedMs: number): string =>
  elapsedMs >= PAID_MS ? 'paid' : elapsedMs >= SCANNED_MS ? 'pending' : 'open';

function scene(
  options: {
    at?: (elapsedMs: number) => string;
    flagged?: boolean;
    policy?: Policy;
    more?: (ms: number) => ResponseInit;
  } = {},
): Bench {
  const { at = comesAfter4Minutes, flagged, policy, more } = options;
  const made: Bench = bench({
    adapter: scanning(flagged),
    sends: [said('CREATED')],
    polls: [showing(() => made, at, more)],
    random: longest,
    ...(policy !== undefined && { policy }),
  });
  return made;
}

const order = ({ gateway, clock }: Bench): Ticket => ({
  ...gateway.ticketFor('payment.create', { order: 'A1', amount: 100 }),
  seen: true,
  expiresAt: new Date(clock.now() + 30 * MINUTE_MS).toISOString(),
});

const waitsOf = ({ polls }: Bench): number[] =>
  polls.slice(1).map(({ atMs }, index) => atMs - (polls[index]?.atMs ?? 0));

describe('an order whose payer comes', () => {
  it('is asked about at the quick start of the schedule again', async () => {
    const [before, after] = [scene({ flagged: false }), scene()];
    const late: number[] = [];
    for (const each of [before, after]) {
      const settlement = await each.clock.run(each.gateway.untilSettled(order(each)));
      expect(settlement.outcome).toBe('succeeded');
      late.push(settlement.elapsedMs - PAID_MS);
    }
    const [lateBefore = 0, lateAfter = 0] = late;
    expect(lateAfter).toBeLessThan(lateBefore);
    expect(lateAfter).toBeLessThan(4000);
    const seenAt = after.polls.findIndex(({ atMs }) => atMs - Date.UTC(2026, 0, 1) >= SCANNED_MS);
    // From the query that saw him on, the waits are those of a fresh payment.
    expect(waitsOf(after)[seenAt]).toBe((after.polls[0]?.atMs ?? 0) - Date.UTC(2026, 0, 1));
  });

  it('comes back to seconds from minutes', async () => {
    const hours = 2 * 60 * MINUTE_MS;
    const made = scene({ at: ms => (ms >= hours + 60_000 ? 'paid' : ms >= hours ? 'pending' : 'open') });
    const ticket = { ...order(made), expiresAt: new Date(made.clock.now() + 2 * hours).toISOString() };
    await made.clock.run(made.gateway.untilSettled(ticket));
    const waits = waitsOf(made);
    const last = made.polls.at(-1)?.atMs ?? 0;
    expect(Math.max(...waits)).toBeGreaterThan(MINUTE_MS);
    expect(last - Date.UTC(2026, 0, 1) - hours - 60_000).toBeLessThan(10_000);
  });

  it('is asked about quickly when a process takes it up after he came', async () => {
    const made = scene({ at: () => 'pending' });
    const openedAt = new Date(made.clock.now() - 10 * MINUTE_MS).toISOString();
    const ticket = { ...order(made), openedAt, lastSentAt: openedAt, polls: 30 };
    void made.gateway.untilSettled(ticket, { policy: { poll: { deadlineMs: MINUTE_MS } } });
    await made.clock.untilQuiet();
    expect(made.polls.length).toBe(1);
    made.clock.advance(3000);
    await made.clock.untilQuiet();
    expect(made.polls.length).toBe(2);
  });

  it('is asked about no more often for a state that comes and goes all the time', async () => {
    let turn = 0;
    const flapping = scene({ at: () => (turn++ % 2 === 0 ? 'open' : 'pending') });
    const calm = scene({ at: () => 'open' });
    for (const each of [flapping, calm]) await each.clock.run(each.gateway.untilSettled(order(each)));
    const twoStarts = 2 * calm.polls.filter(({ atMs }) => atMs - Date.UTC(2026, 0, 1) <= 5 * MINUTE_MS).length;
    expect(flapping.polls.length).toBeGreaterThan(calm.polls.length);
    expect(flapping.polls.length).toBeLessThanOrEqual(calm.polls.length + twoStarts);
  });

  it('is asked about no earlier than Retry-After says', async () => {
    const made = scene({ more: ms => (ms >= SCANNED_MS ? { headers: { 'retry-after': '20' } } : {}) });
    await made.clock.run(made.gateway.untilSettled(order(made)));
    const seenAt = made.polls.findIndex(({ atMs }) => atMs - Date.UTC(2026, 0, 1) >= SCANNED_MS);
    expect(waitsOf(made)[seenAt]).toBeGreaterThanOrEqual(20_000);
  });

  it('keeps a pace of the user’s own that is no quicker at its start', async () => {
    const made = scene({ policy: { poll: { backoff: constant(10_000) } } });
    await made.clock.run(made.gateway.untilSettled(order(made)));
    expect(new Set(waitsOf(made))).toEqual(new Set([10_000]));
  });

  it('keeps the pace of a charge in the call, which is quick anyway', async () => {
    const [plain, flagged] = [false, true].map(flag => {
      const made: Bench = bench({
        adapter: scanning(flag),
        sends: [said('PENDING')],
        polls: [
          showing(
            () => made,
            () => 'pending',
          ),
        ],
      });
      return made;
    });
    for (const each of [plain, flagged])
      await each?.clock.run(each.gateway.settle('payment.charge', { order: 'A1', amount: 100 }));
    expect(flagged && waitsOf(flagged)).toEqual(plain && waitsOf(plain));
  });

  it('is stepped at the same pace, through JSON', async () => {
    const [looped, stepped] = [scene(), scene()];
    await looped.clock.run(looped.gateway.untilSettled(order(looped)));
    let payment: Ticket | OpenPayment = order(stepped);
    for (;;) {
      const step = await stepped.clock.run(stepped.gateway.step(payment));
      if (step.done !== undefined) break;
      payment = JSON.parse(JSON.stringify(step.open)) as OpenPayment;
      stepped.clock.advance(step.dueInMs);
    }
    expect(stepped.polls.map(({ atMs }) => atMs)).toEqual(looped.polls.map(({ atMs }) => atMs));
  });

  it('is found sooner at QFPay, whose rows say 1145 then', async () => {
    const credentials = { appCode: 'SHOP', clientKey: 'secret' };
    const clock = manualClock();
    const life: Life = lives.steps([
      { afterMs: SCANNED_MS, state: 'pending' },
      { afterMs: PAID_MS, state: 'paid' },
    ]);
    const bank = simulateGateway({ voice: qfpayVoice(credentials), clock, lives: { create: life } });
    const client = ky.create({ fetch: bank.fetch });
    const gateway = createGateway({ adapter: qfpay({ ...credentials, environment: 'sandbox' }), client, clock });
    const fields = {
      txamt: '100',
      txcurrcd: 'HKD',
      pay_type: '800201',
      out_trade_no: 'Q1',
      txdtm: '2026-01-01 08:00:00',
    };
    const created = await clock.run(gateway.settle('payment.create', fields));
    if (created.outcome !== 'created') throw new Error(`it ended ${created.outcome}`);
    const settlement = await clock.run(gateway.untilSettled(created.ticket));
    expect(settlement).toMatchObject({ outcome: 'succeeded' });
    expect(settlement.elapsedMs - PAID_MS).toBeLessThan(5000);
  });
});

describe('what tells that the payer has come', () => {
  const query = (adapter: Adapter, operation: string, body: object, sent: object = {}): boolean =>
    judge(adapter, { operation, sent: { ...sent }, status: 200, body }).paying === true;

  it('at QFPay is a row that is processed, and none that may be of an order nobody has opened', () => {
    const adapter = qfpay({ appCode: 'SHOP', clientKey: 'secret', environment: 'sandbox' });
    const row = (respcd: string): object => ({
      respcd: '0000',
      data: [{ respcd, out_trade_no: 'Q1', order_type: 'payment', syssn: '1' }],
    });
    const found = ['1143', '1145', '1261', '1298', '2999'].filter(code =>
      query(adapter, 'payment.query', row(code), { out_trade_no: 'Q1' }),
    );
    expect(found).toEqual(['1145', '2999']);
  });

  it('at ZaloPay is 3 with the number that an order has once its payer has confirmed', () => {
    const adapter = zalopay({ appId: 2553, key1: 'one', key2: 'two', environment: 'sandbox' });
    expect(query(adapter, 'payment.query', { return_code: 3, zp_trans_id: 0 })).toBe(false);
    expect(query(adapter, 'payment.query', { return_code: 3 })).toBe(false);
    expect(query(adapter, 'payment.query', { return_code: 3, zp_trans_id: 261_121_000_006_575 })).toBe(true);
  });

  it('at iFortepay is pending, as against initiated', () => {
    const state = (latestTransactionStatus: string): object => ({ responseCode: '2005100', latestTransactionStatus });
    expect(['01', '03'].filter(status => query(ofIfortepay.adapter, 'qris.query', state(status)))).toEqual(['03']);
  });

  it('at Rebell is only the word for a payment that its payer has completed', () => {
    const { adapter } = ofRebell;
    const state = (paymentStatus: string): object => ({
      result: { resultCode: 'SUCCESS', resultStatus: 'S', resultMessage: 'Success' },
      paymentStatus,
      paymentId: 'P1',
    });
    expect(['PROCESSING', 'PENDING'].filter(word => query(adapter, 'payment.query', state(word)))).toEqual(['PENDING']);
  });

  it('at UQPAY is an intent that waits for nobody but its channel', () => {
    const adapter = uqpay({ clientId: 'SHOP', apiKey: 'key', environment: 'sandbox' });
    const words = ['REQUIRES_PAYMENT_METHOD', 'REQUIRES_CUSTOMER_ACTION', 'REQUIRES_ACTION', 'PENDING', 'PROCESSING'];
    const found = words.filter(intent_status =>
      query(adapter, 'payment.query', { payment_intent_id: 'PI1', intent_status }),
    );
    expect(found).toEqual(['PENDING', 'PROCESSING']);
  });

  it('is no state of a write’s own answer, of a refund, or of a payment that is over', () => {
    const adapter = scanning();
    expect(query(adapter, 'payment.query', { state: 'pending' })).toBe(true);
    expect(query(adapter, 'payment.query', { state: 'paid' })).toBe(false);
    expect(query(adapter, 'payment.charge', { code: 'PENDING' })).toBe(false);
  });
});
