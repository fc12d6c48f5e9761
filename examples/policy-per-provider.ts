import ky from 'ky';
import { createGateway, exponential, steps, type Policy } from 'tillpaid';
import { qfpay, type QfpayCredentials } from 'tillpaid/adapters/qfpay';
import { zalopay, type ZalopayCredentials } from 'tillpaid/adapters/zalopay';
import { lives, manualClock, simulateGateway } from 'tillpaid/testing';
import { qfpayVoice } from 'tillpaid/testing/qfpay';
import { zalopayVoice } from 'tillpaid/testing/zalopay';

/** A shop's till: the payer stands there, so ask often, and not for long. */
const atTheTill: Policy = {
  retry: { attempts: 2, backoff: exponential({ baseMs: 200, maxMs: 2000 }) },
  poll: { backoff: steps([1000, 1000, 2000, 3000, 5000]), deadlineMs: 60_000 },
};

/** A web shop: the payer may take ten minutes, and nobody waits beside him. */
const online: Policy = {
  poll: { backoff: steps([5000, 10_000, 20_000, 30_000]), deadlineMs: 15 * 60_000 },
  limit: { concurrency: 8 },
};

// The gateways are simulated, and so is time. Both payers pay after fifty seconds.
const clock = manualClock();
const late = lives.paidAfter(50_000);
const wallet: QfpayCredentials = { appCode: 'SHOP', clientKey: 'secret', environment: 'sandbox' };
const web: ZalopayCredentials = { appId: 2553, key1: 'secret-1', key2: 'secret-2', environment: 'sandbox' };
const simulatedTill = simulateGateway({ voice: qfpayVoice(wallet), lives: { charge: late }, clock });
const simulatedWeb = simulateGateway({ voice: zalopayVoice(web), lives: { create: late }, clock });

const till = createGateway({
  adapter: qfpay(wallet),
  policy: atTheTill,
  client: ky.create({ fetch: simulatedTill.fetch }),
  clock,
});
const shop = createGateway({
  adapter: zalopay(web),
  policy: online,
  client: ky.create({ fetch: simulatedWeb.fetch }),
  clock,
});

export async function main(): Promise<string[]> {
  const scanned = {
    out_trade_no: 'ORDER-1',
    txamt: 1250,
    txcurrcd: 'HKD',
    pay_type: '800108',
    auth_code: '284957310466312987',
  };
  const order = { app_trans_id: '260101_0001', app_user: 'user-7', amount: 50_000, description: 'Tea for two' };
  const atTill = await clock.run(till.settle('payment.charge', scanned));
  const created = await clock.run(shop.settle('payment.create', order));
  const onWeb = await clock.run(shop.untilSettled(created.ticket));
  return [
    `till: ${String(atTheTill.poll?.backoff)} gave ${atTill.outcome} after ${atTill.elapsedMs / 1000} s and ${atTill.polls} queries`,
    `web:  ${String(online.poll?.backoff)} gave ${onWeb.outcome} after ${onWeb.elapsedMs / 1000} s and ${onWeb.polls} queries`,
  ];
}

if (import.meta.main) console.log((await main()).join('\n'));
