import ky from 'ky';
import { describe, expect, it } from 'vitest';
import { createGateway, type Gateway, type Settlement } from '../../src/index.ts';
import { createWorker, memoryJournal, type Journal } from '../../src/journal/index.ts';
import { zalopay, type ZalopayAnswers, type ZalopayFields } from '../../src/adapters/zalopay/index.ts';
import { zalopayNotice, zalopayVoice } from '../../src/adapters/zalopay/simulator.ts';
import { lives, manualClock, simulateGateway, type ManualClock, type Simulator } from '../../src/testing/index.ts';

/** An order is paid, and nobody follows it: its callback alone tells the number that a refund must name. */
const account = { appId: 2553, key1: 'secret-1', key2: 'secret-2', environment: 'sandbox' } as const;
const order = { app_trans_id: '260101_1', app_user: 'user-7', amount: 50_000, description: 'Tea for two' };

interface Scene {
  readonly clock: ManualClock;
  readonly simulated: Simulator;
  readonly gateway: Gateway<ZalopayFields, ZalopayAnswers>;
  readonly hear: (change?: object) => Promise<unknown>;
}

async function paidOrder(options: { journal?: Journal; ticketSeal?: { key: string } } = {}): Promise<Scene> {
  const clock = manualClock();
  const simulated = simulateGateway({ voice: zalopayVoice(account), clock, lives: { create: lives.paidAfter(1000) } });
  const client = ky.create({ fetch: simulated.fetch });
  const gateway = createGateway({ adapter: zalopay(account), client, clock, ...options });
  expect((await clock.run(gateway.settle('payment.create', order))).reference).toEqual({ merchant: '260101_1' });
  await clock.run(new Promise<void>(resolve => clock.timer(2000, resolve)));
  const hear = (change: object = {}): Promise<unknown> => {
    const entry = simulated.ledger.payment(order.app_trans_id) ?? expect.fail('no order');
    return clock.run(gateway.receive(zalopayNotice(account, { ...entry, ...change }, clock.now())));
  };
  return { clock, simulated, gateway, hear };
}

describe('the provider’s number in a notice', () => {
  const reference = { merchant: '260101_1', provider: '260101000000001' };

  it.each([
    ['kept in memory', {}],
    ['under a seal', { ticketSeal: { key: 'k'.repeat(32) } }],
    ['in a journal', { journal: memoryJournal() }],
  ])('is learnt where nobody follows the payment: %s', async (_where, options) => {
    const { clock, gateway, hear } = await paidOrder(options);
    await hear();
    const again = await clock.run(gateway.settle('payment.create', order));
    expect(again).toMatchObject({ outcome: 'succeeded', settledBy: 'webhook', reference });
    expect(again.ticket.reference).toEqual({ app_trans_id: '260101_1', zp_trans_id: '260101000000001' });
    expect(Object.keys(again.ticket.reference)[0]).toBe('app_trans_id');
    // The ticket is still one: with its seal, where there is one.
    expect(await clock.run(gateway.ask(again.ticket))).toMatchObject({ outcome: 'succeeded' });
  });

  it('reaches whoever a worker tells', async () => {
    const journal = memoryJournal();
    const { clock, gateway, hear, simulated } = await paidOrder({ journal });
    const told: Settlement[] = [];
    const onSettled = (settlement: Settlement): unknown => told.push(settlement);
    await hear();
    const worker = createWorker({ gateways: [gateway], journal, onSettled, clock });
    worker.start();
    await clock.run(new Promise<void>(resolve => clock.timer(10_000, resolve)));
    await clock.run(worker.stop());
    expect(told.at(-1)).toMatchObject({ outcome: 'succeeded', settledBy: 'webhook', reference });
    expect(simulated.ledger.payment(order.app_trans_id)?.queries).toBe(0);
  });

  it('is not learnt from a notice about other money', async () => {
    const { clock, gateway, hear } = await paidOrder();
    await hear({ amount: '1', providerId: '260101000000099' });
    const again = await clock.run(gateway.settle('payment.create', order));
    expect(again.reference.provider).not.toBe('260101000000099');
  });

  it('does not replace the one that is known', async () => {
    const { clock, gateway, hear } = await paidOrder();
    await hear();
    await hear({ providerId: '260101000000099' });
    expect((await clock.run(gateway.settle('payment.create', order))).reference).toEqual(reference);
  });
});
