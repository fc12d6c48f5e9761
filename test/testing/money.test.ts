import ky from 'ky';
import { beforeEach, describe, expect, it } from 'vitest';
import { createGateway } from 'tillpaid';
import { qfpay } from 'tillpaid/adapters/qfpay';
import {
  assertBooksAgree,
  assertChargedOnce,
  assertNeverCharged,
  assertNobodyChargedTwice,
  assertRefundedOnce,
  assertSettledAs,
  lives,
  manualClock,
  simulateGateway,
  type Simulator,
  type Told,
} from 'tillpaid/testing';
import { qfpayVoice } from 'tillpaid/testing/qfpay';
import { moneyMatchers } from 'tillpaid/testing/vitest';
import { acmeVoice, call } from './acme.ts';

expect.extend(moneyMatchers);

let simulated: Simulator;
beforeEach(() => {
  simulated = simulateGateway({ voice: acmeVoice('books-again'), clock: manualClock() });
});

const charge = (order: string): Promise<unknown> => call(simulated, 'payment.charge', { order, amount: '5' });

describe('what a shop’s tests say about money', () => {
  it('sees a payment that was charged once, and one that never was', async () => {
    simulated.script('B', { life: lives.declined() });
    await charge('A');
    await charge('B');
    expect(simulated).toHaveChargedOnce('A');
    expect(simulated).toHaveNeverCharged('B');
    expect(simulated).toHaveNeverCharged('C');
    expect(simulated).toHaveChargedNobodyTwice();
    expect(simulated).not.toHaveChargedOnce('B');
    assertChargedOnce(simulated, 'A');
    assertNeverCharged(simulated, 'B');
    assertNobodyChargedTwice(simulated);
  });

  it('catches a payment that was charged twice, by each of its doors, and says what the ledger saw', async () => {
    await charge('A');
    await charge('A');
    const seen = 'payment A: paid, 5 EUR, booked 2 times, 2 sends, 0 queries (paid, paid)';
    const once = `payment A should have been booked once; the ledger has: ${seen}`;
    expect(() => expect(simulated).toHaveChargedOnce('A')).toThrow(once);
    expect(() => assertChargedOnce(simulated, 'A')).toThrow(once);
    expect(() => assertNobodyChargedTwice(simulated)).toThrow(`booked more than once: ${seen}`);
    expect(() => expect(simulated).toHaveChargedNobodyTwice()).toThrow(`booked more than once: ${seen}`);
    expect(() => expect(simulated).not.toHaveChargedNobodyTwice()).not.toThrow();
    expect(() => assertBooksAgree(simulated, [{ reference: 'A', outcome: 'succeeded' }])).toThrow(
      'A was booked 2 times',
    );
  });

  it('catches a number that is not there, and says which are', async () => {
    await charge('ORDER-1');
    expect(() => assertChargedOnce(simulated, 'ORDER-2')).toThrow(
      'payment ORDER-2 should have been booked once; the ledger has no such payment. It has ORDER-1',
    );
    expect(() => expect(simulated).not.toHaveChargedOnce('ORDER-1')).toThrow(
      'not expected: payment ORDER-1 was booked once',
    );
  });

  it('counts a refund by its own number', async () => {
    const { id = '' } = await call(simulated, 'payment.charge', { order: 'A', amount: '5' });
    await call(simulated, 'refund.create', { order: 'R1', of: id, amount: '2' });
    expect(simulated).toHaveRefundedOnce('R1');
    assertRefundedOnce(simulated, 'R1');
    expect(() => assertRefundedOnce(simulated, 'A')).toThrow('the ledger has no such refund. It has R1');
  });

  it('throws what a runner knows for a failed assertion', () => {
    expect(() => assertChargedOnce(simulated, 'A')).toThrow(
      expect.objectContaining({ name: 'AssertionError', code: 'ERR_ASSERTION' }),
    );
  });

  it('sees how a settlement ended, and why', async () => {
    const credentials = { appCode: 'A', clientKey: 'K', environment: 'sandbox' } as const;
    const clock = manualClock();
    const gateway = simulateGateway({ voice: qfpayVoice(credentials), clock, lives: { charge: lives.declined() } });
    const shop = createGateway({
      adapter: qfpay(credentials),
      client: ky.create({ fetch: gateway.fetch }),
      clock,
    });
    const money = { txamt: 100, txcurrcd: 'HKD', pay_type: '800108', auth_code: '280000000000000000' };
    const settlement = await clock.run(shop.settle('payment.charge', { ...money, out_trade_no: 'ORDER-1' }));
    expect(settlement).toBeSettledAs('failed');
    assertSettledAs(settlement, 'failed');
    expect(() => assertSettledAs(settlement, 'succeeded')).toThrow(
      'payment.charge should be settled as succeeded, and is failed, code 1201 (insufficient-funds), after 1 sends and 0 queries',
    );
    expect(() => assertSettledAs(Promise.resolve(settlement), 'failed')).toThrow(
      'is no settlement: await what settle returns',
    );
    expect(gateway).toAgreeWith([settlement]);
  });

  it.each<[string, Told[], string | undefined]>([
    [
      'the books and the shop',
      [
        { reference: 'A', outcome: 'succeeded' },
        { reference: { merchant: 'B' }, outcome: 'failed' },
      ],
      undefined,
    ],
    [
      'a payment that is not known yet',
      [
        { reference: 'A', outcome: 'unresolved' },
        { reference: 'B', outcome: 'unresolved' },
      ],
      undefined,
    ],
    [
      'a canceled one',
      [
        { reference: 'A', outcome: 'succeeded' },
        { reference: 'B', outcome: 'failed' },
        { reference: 'B', outcome: 'succeeded', ticket: { operation: 'payment.cancel' } },
      ],
      undefined,
    ],
    [
      'a paid one that is called failed',
      [
        { reference: 'A', outcome: 'failed' },
        { reference: 'B', outcome: 'failed' },
      ],
      'A is called failed, and money moved',
    ],
    [
      'a declined one that is called succeeded',
      [
        { reference: 'A', outcome: 'succeeded' },
        { reference: 'B', outcome: 'succeeded' },
      ],
      'B is called succeeded, and no money moved',
    ],
    ['one that is forgotten', [{ reference: 'A', outcome: 'succeeded' }], 'B is forgotten: the shop has no word of it'],
    [
      'one that the gateway does not know',
      [
        { reference: 'A', outcome: 'succeeded' },
        { reference: 'B', outcome: 'failed' },
        { reference: 'C', outcome: 'succeeded' },
      ],
      'C is called succeeded, and the gateway has no such number',
    ],
  ])('compares %s', async (_what, told, wrong) => {
    simulated.script('B', { life: lives.declined() });
    await charge('A');
    await charge('B');
    const compare = () => expect(simulated).toAgreeWith(told);
    if (wrong === undefined) expect(compare).not.toThrow();
    else expect(compare).toThrow(wrong);
  });
});
