import ky from 'ky';
import { createGateway, parseTicket, type Gateway } from 'tillpaid';
import { zalopay, type ZalopayFields } from 'tillpaid/adapters/zalopay';
import { lives, manualClock, simulateGateway } from 'tillpaid/testing';
import { zalopayVoice } from 'tillpaid/testing/zalopay';

// The gateway is simulated, and so is time: its payer needs four minutes, which pass at once.
const account = { appId: 2553, key1: 'secret-1', key2: 'secret-2', environment: 'sandbox' } as const;
const clock = manualClock();
const simulated = simulateGateway({ voice: zalopayVoice(account), lives: { create: lives.paidAfter(240_000) }, clock });
const openGateway = (): Gateway<ZalopayFields> =>
  createGateway({ adapter: zalopay(account), client: ky.create({ fetch: simulated.fetch }), clock });

const database = new Map<string, string>();

/** Makes the order. What the payer sees comes from its answer; what we keep is its ticket. */
async function makeOrder(number: string): Promise<string> {
  const settlement = await openGateway().settle(
    'payment.create',
    { app_trans_id: number, app_user: 'user-7', amount: 50_000, description: 'Tea for two' },
    // Called before the first byte leaves: an order nobody remembers must not exist.
    { onTicket: (ticket) => database.set(number, JSON.stringify(ticket)) },
  );
  if (settlement.outcome !== 'created') return `no order: ${settlement.verdict.reason}`;
  const { order_url: link } = settlement.answer as { order_url: string };
  return link;
}

/** Follows it by its ticket: in a worker, after a restart, on another machine. */
async function followOrder(number: string): Promise<string> {
  const { outcome, polls, elapsedMs } = await openGateway().untilSettled(parseTicket(database.get(number)));
  return `${number} ${outcome}, after ${Math.round(elapsedMs / 1000)} s and ${polls} status queries`;
}

export async function main(): Promise<{ link: string; end: string }> {
  const number = '260101_0001';
  const link = await clock.run(makeOrder(number));
  const end = await clock.run(followOrder(number));
  return { link, end };
}

if (import.meta.main) {
  const { link, end } = await main();
  console.log(`QR code: ${link}\n${end}`);
}
