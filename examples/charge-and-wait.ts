import ky from 'ky';
import { createGateway } from 'tillpaid';
import { qfpay, type QfpayCredentials } from 'tillpaid/adapters/qfpay';
import { lives, manualClock, simulateGateway, type ManualClock, type Simulator } from 'tillpaid/testing';
import { qfpayVoice } from 'tillpaid/testing/qfpay';

// The gateway is simulated, and so is time: a minute passes at once. Your own code has neither `client` nor `clock`
// here.
const account: QfpayCredentials = { appCode: 'SHOP', clientKey: 'secret', environment: 'sandbox' };
export const clock: ManualClock = manualClock();
export const simulated: Simulator = simulateGateway({ voice: qfpayVoice(account), clock });
const gateway = createGateway({ adapter: qfpay(account), client: ky.create({ fetch: simulated.fetch }), clock });

/** Charges the code scanned from the payer's phone, and waits until it is known whether it is paid. */
export async function charge(order: string, scanned: string): Promise<string> {
  const { outcome, verdict, elapsedMs } = await gateway.settle('payment.charge', {
    out_trade_no: order,
    txamt: 12_50,
    txcurrcd: 'HKD',
    pay_type: '800108',
    auth_code: scanned,
  });
  // Every outcome, and no `default`: what is not known to be unpaid may be paid.
  switch (outcome) {
    case 'succeeded':
      return `${order}: paid, known after ${elapsedMs / 1000} s. Hand over the goods.`;
    case 'failed':
    case 'canceled':
    case 'expired':
      return `${order}: not paid (${verdict.reason}). ${verdict.advice ?? ''}`;
    case 'rejected':
      // Somebody else's payment has this number, or our own of another day: that one may well be paid.
      if (verdict.reason === 'duplicate')
        return `${order}: the number was used before. Look up what became of it before you charge again.`;
      return `${order}: refused (${verdict.reason}), nothing was charged. ${verdict.advice ?? ''}`;
    case 'unsent':
      return `${order}: never sent, nothing was charged. Try again, under the same number.`;
    case 'refunded':
      return `${order}: was paid, and the money was given back.`;
    case 'created':
    case 'authorized':
    case 'absent':
    case 'unresolved':
      return `${order}: still open. Keep its ticket, and ask again later: do not charge under another number.`;
  }
}

export async function main(): Promise<string[]> {
  simulated.script('ORDER-1', { life: lives.paidAfter(40_000) });
  simulated.script('ORDER-2', { onSend: ['503-after-booking'] });
  simulated.script('ORDER-3', { life: lives.declined() });
  simulated.script('ORDER-4', { life: lives.open() });
  const orders = ['ORDER-1', 'ORDER-2', 'ORDER-3', 'ORDER-4'];
  return clock.run(Promise.all(orders.map(order => charge(order, '284957310466312987'))));
}

if (import.meta.main) console.log((await main()).join('\n'));
