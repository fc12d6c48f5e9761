import ky from 'ky';
import { createGateway } from 'tillpaid';
import { qfpay } from 'tillpaid/adapters/qfpay';
import { lives, manualClock, simulateGateway } from 'tillpaid/testing';
import { qfpayVoice } from 'tillpaid/testing/qfpay';

// The gateway is simulated, and so is time: a minute passes at once. Your own code has neither `client` nor `clock` here.
const account = { appCode: 'SHOP', clientKey: 'secret', environment: 'sandbox' } as const;
const clock = manualClock();
const simulated = simulateGateway({ voice: qfpayVoice(account), clock });
const gateway = createGateway({ adapter: qfpay(account), client: ky.create({ fetch: simulated.fetch }), clock });

/** Charges the code scanned from the payer's phone, and waits until it is known whether it is paid. */
async function charge(order: string, scanned: string): Promise<string> {
  const settlement = await gateway.settle('payment.create', {
    out_trade_no: order,
    txamt: 12_50,
    txcurrcd: 'HKD',
    pay_type: '800108',
    auth_code: scanned,
  });
  switch (settlement.outcome) {
    case 'succeeded':
      return `${order}: paid, known after ${settlement.elapsedMs / 1000} s. Hand over the goods.`;
    case 'failed':
      return `${order}: not paid (${settlement.verdict.reason}). ${settlement.verdict.advice ?? ''}`;
    case 'unresolved':
      return `${order}: still open. Keep the ticket of ${settlement.reference.merchant}, and ask again later.`;
    default:
      return `${order}: ${settlement.outcome}, nothing was charged.`;
  }
}

export async function main(): Promise<string[]> {
  simulated.script('ORDER-1', { life: lives.paidAfter(40_000) });
  simulated.script('ORDER-2', { onSend: ['503-after-booking'] });
  simulated.script('ORDER-3', { life: lives.declined() });
  simulated.script('ORDER-4', { life: lives.open() });
  const orders = ['ORDER-1', 'ORDER-2', 'ORDER-3', 'ORDER-4'];
  return clock.run(Promise.all(orders.map((order) => charge(order, '284957310466312987'))));
}

if (import.meta.main) console.log((await main()).join('\n'));
