import ky from 'ky';
import { describe, expect, it } from 'vitest';
import { qfpay, type QfpayChargeFields } from '../../src/adapters/qfpay/index.ts';
import { qfpayVoice } from '../../src/adapters/qfpay/simulator.ts';
import { createGateway, parseTicket, type Gateway } from '../../src/index.ts';
import type { QfpayAnswers, QfpayFields } from '../../src/adapters/qfpay/index.ts';
import { lives, manualClock, simulateGateway, type ManualClock, type Simulator } from '../../src/testing/index.ts';

const credentials = { appCode: 'SHOP', clientKey: 'secret', environment: 'sandbox' } as const;
const scanned = {
  txamt: 1000,
  txcurrcd: 'HKD',
  pay_type: '800108',
  out_trade_no: 'ORDER-1',
  auth_code: '134857901234588557',
} satisfies QfpayChargeFields;
const { auth_code: _scanned, ...order } = scanned;

interface Till {
  readonly clock: ManualClock;
  readonly bank: Simulator;
  /** Another one knows nothing of what this one did. */
  readonly open: () => Gateway<QfpayFields, QfpayAnswers>;
}

function till(script: Parameters<Simulator['script']>[1] = {}): Till {
  const clock = manualClock();
  const bank = simulateGateway({ voice: qfpayVoice(credentials), clock });
  bank.script('ORDER-1', script);
  const client = ky.create({ fetch: bank.fetch });
  return { clock, bank, open: () => createGateway({ adapter: qfpay(credentials), client, clock }) };
}

const names = ['payment.charge', 'payment.create'] as const;

describe('payment.charge', () => {
  it('is that for the simulator too: a fault for it alone is played', async () => {
    const { clock, bank, open } = till({ on: { 'payment.charge': ['maintenance'] } });
    expect(await clock.run(open().settle('payment.charge', scanned))).toMatchObject({
      outcome: 'succeeded',
      attempts: 2,
    });
    expect(bank.ledger.payment('ORDER-1')).toMatchObject({ operation: 'payment.charge', bookings: 1 });
  });

  it('takes the money in the call: 0000 is paid, a decline is final', async () => {
    const paid = till();
    const settlement = await paid.clock.run(paid.open().settle('payment.charge', scanned));
    expect(settlement).toMatchObject({ outcome: 'succeeded', settledBy: 'answer' });
    expect(settlement.answer?.syssn).toBe(paid.bank.ledger.payment('ORDER-1')?.providerId);
    expect(settlement.ticket).toMatchObject({ operation: 'payment.charge', charge: true });
    expect(JSON.stringify(settlement.ticket)).not.toContain(scanned.auth_code);

    const declined = till({ life: lives.declined() });
    expect(await declined.clock.run(declined.open().settle('payment.charge', scanned))).toMatchObject({
      outcome: 'failed',
      settledBy: 'answer',
    });
  });

  it('wants a scanned code', async () => {
    const { open, bank } = till();
    await expect(open().settle('payment.charge', order as QfpayChargeFields)).rejects.toThrow(
      /qfpay payment\.charge.*auth_code/,
    );
    await expect(open().settle('payment.charge', { ...scanned, auth_code: '' })).rejects.toThrow(/auth_code/);
    expect(() => open().ticketFor('payment.charge', order as QfpayChargeFields)).toThrow(/auth_code/);
    expect(bank.ledger.entries).toEqual([]);
  });

  it('is sent, read and asked about as payment.create with auth_code is', async () => {
    const [charged, created] = await Promise.all(
      names.map(async name => {
        const { clock, bank, open } = till({ life: lives.paidAfter(20_000), onSend: ['reset-after-booking'] });
        const settlement = await clock.run(open().settle(name, scanned));
        expect(settlement).toMatchObject({ outcome: 'succeeded', settledBy: 'query', attempts: 1 });
        expect(bank.ledger.payment('ORDER-1')).toMatchObject({ sends: 1, bookings: 1 });
        return { ...settlement, ticket: { ...settlement.ticket, operation: '' } };
      }),
    );
    expect(charged).toEqual(created);
    expect(charged?.ticket).toMatchObject({ charge: true, repeats: true, reference: { out_trade_no: 'ORDER-1' } });
  });

  it('without a scanned code, which only a drop-in request can lack, makes an order: 0000 is never read as paid', async () => {
    const { clock, open } = till();
    const gateway = open();
    const body = new URLSearchParams({ ...order, txamt: '1000' });
    const context = { tillpaid: { operation: 'payment.charge' } };
    const response = await clock.run(gateway.client.post('trade/v1/payment', { body, context }));
    expect(gateway.verdictOf(response)).toMatchObject({ outcome: 'created' });
    expect(gateway.ticketOf(response)).not.toHaveProperty('charge');
  });
});

describe('a scanned code by either name', () => {
  const pairs = names.flatMap(first => names.map(second => [first, second] as const));

  it.each(pairs)('%s while the same is on its way as %s: joins it', async (second, first) => {
    const { clock, bank, open } = till({ life: lives.paidAfter(10_000) });
    const gateway = open();
    const both = await clock.run(Promise.all([gateway.settle(first, scanned), gateway.settle(second, scanned)]));
    expect(both).toMatchObject([{ outcome: 'succeeded' }, { outcome: 'succeeded' }]);
    expect(bank.ledger.payment('ORDER-1')).toMatchObject({ sends: 1, bookings: 1 });
  });

  it.each(pairs)('%s after the same was paid as %s: says so again, and sends nothing', async (second, first) => {
    const { clock, bank, open } = till();
    const gateway = open();
    const paid = await clock.run(gateway.settle(first, scanned));
    expect(await clock.run(gateway.settle(second, scanned))).toMatchObject({
      outcome: 'succeeded',
      repeated: true,
      answer: paid.answer,
    });
    expect(bank.ledger.payment('ORDER-1')).toMatchObject({ sends: 1, bookings: 1 });
  });

  it.each(pairs)('%s after the same was left open as %s: asks first', async (second, first) => {
    const { clock, bank, open } = till({ life: lives.paidAfter(300_000), onSend: ['reset-after-booking'] });
    const gateway = open();
    expect(await clock.run(gateway.settle(first, scanned))).toMatchObject({ outcome: 'unresolved' });
    clock.advance(200_000);
    expect(await clock.run(gateway.settle(second, scanned))).toMatchObject({ outcome: 'succeeded', attempts: 0 });
    expect(bank.ledger.payment('ORDER-1')).toMatchObject({ sends: 1, bookings: 1 });
  });

  it.each(pairs)('%s with another code while %s is paid: refused', async (second, first) => {
    const { clock, bank, open } = till();
    const gateway = open();
    await clock.run(gateway.settle(first, scanned));
    const other = { ...scanned, auth_code: '284957310466312987' };
    await expect(gateway.settle(second, other)).rejects.toMatchObject({ name: 'ReferenceInUseError' });
    expect(bank.ledger.payment('ORDER-1')?.sends).toBe(1);
  });

  it.each(pairs)('%s goes on with the stored ticket of %s, in another process', async (second, first) => {
    const { clock, bank, open } = till({ life: lives.paidAfter(300_000), onSend: ['reset-after-booking'] });
    const { ticket } = await clock.run(open().settle(first, scanned));
    clock.advance(200_000);
    const stored = parseTicket(JSON.stringify(ticket));
    expect(await clock.run(open().settle(second, scanned, { ticket: stored }))).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'query',
      ticket: { operation: first },
    });
    expect(await clock.run(open().untilSettled(stored))).toMatchObject({ outcome: 'succeeded' });
    expect(bank.ledger.payment('ORDER-1')).toMatchObject({ sends: 1, bookings: 1 });
  });

  it('a charge does not join an order of its number that is to be paid later, nor take its ticket', async () => {
    const { clock, bank, open } = till();
    const gateway = open();
    const { ticket } = await clock.run(gateway.settle('payment.create', order));
    await expect(gateway.settle('payment.charge', scanned)).rejects.toMatchObject({ name: 'ReferenceInUseError' });
    await expect(open().settle('payment.charge', scanned, { ticket })).rejects.toMatchObject({ name: 'TicketError' });
    expect(bank.ledger.payment('ORDER-1')?.sends).toBe(1);
  });

  it('a charge does not join an order that is only followed by its ticket', async () => {
    const { clock, bank, open } = till({ life: lives.paidAfter(60_000) });
    const { ticket } = await clock.run(open().settle('payment.create', order));
    const gateway = open();
    const following = gateway.untilSettled(ticket);
    await expect(gateway.settle('payment.charge', scanned)).rejects.toMatchObject({ name: 'ReferenceInUseError' });
    await clock.run(following);
    expect(bank.ledger.payment('ORDER-1')?.sends).toBe(1);
  });

  it('a refund under the same number is another intention', async () => {
    const { clock, open } = till();
    const gateway = open();
    await clock.run(gateway.settle('payment.charge', scanned));
    const refund = { txamt: 1000, out_trade_no: 'ORDER-1', syssn: '1' };
    await expect(gateway.settle('refund.create', refund)).rejects.toMatchObject({ name: 'ReferenceInUseError' });
  });
});

describe('the drop-in', () => {
  it('goes on calling a scanned code payment.create, as stored tickets and events have it', async () => {
    const { clock, open } = till();
    const gateway = open();
    const body = new URLSearchParams({ ...scanned, txamt: '1000' });
    const response = await clock.run(gateway.client.post('trade/v1/payment', { body }));
    expect(gateway.ticketOf(response)).toMatchObject({ operation: 'payment.create', charge: true });
    expect(gateway.verdictOf(response)).toMatchObject({ outcome: 'succeeded' });
  });

  it('is the same intention as settle, by either name', async () => {
    const { clock, bank, open } = till();
    const gateway = open();
    const body = new URLSearchParams({ ...scanned, txamt: '1000' });
    await clock.run(gateway.client.post('trade/v1/payment', { body }));
    expect(await clock.run(gateway.settle('payment.charge', scanned))).toMatchObject({ repeated: true });
    expect(bank.ledger.payment('ORDER-1')?.sends).toBe(1);
  });
});
