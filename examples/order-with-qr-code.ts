import ky from 'ky';
import { createGateway, parseTicket, type Gateway } from 'tillpaid';
import { zalopay, type ZalopayAnswers, type ZalopayCredentials, type ZalopayFields } from 'tillpaid/adapters/zalopay';
import { lives, manualClock, simulateGateway, type ManualClock, type Simulator } from 'tillpaid/testing';
import { zalopayVoice } from 'tillpaid/testing/zalopay';

// The gateway is simulated, and so is time: its payer needs four minutes, which pass at once.
const account: ZalopayCredentials = { appId: 2553, key1: 'secret-1', key2: 'secret-2', environment: 'sandbox' };
export const clock: ManualClock = manualClock();
export const simulated: Simulator = simulateGateway({
  voice: zalopayVoice(account),
  lives: { create: lives.paidAfter(240_000) },
  clock,
});
const openGateway = (): Gateway<ZalopayFields, ZalopayAnswers> =>
  createGateway({ adapter: zalopay(account), client: ky.create({ fetch: simulated.fetch }), clock });

const database = new Map<string, string>();

/** Makes the order. What the payer sees comes from its answer; what we keep is its ticket. */
export async function makeOrder(number: string): Promise<string> {
  const { outcome, verdict, answer } = await openGateway().settle(
    'payment.create',
    { app_trans_id: number, app_user: 'user-7', amount: 50_000, description: 'Tea for two' },
    // Called before the first byte leaves: an order nobody remembers must not exist.
    { onTicket: ticket => database.set(number, JSON.stringify(ticket)) },
  );
  switch (outcome) {
    case 'created': {
      // The order can be there though its answer was lost, and with it what the payer must see.
      const link = answer?.order_url;
      return link === undefined
        ? `${number}: made, but its QR code was lost. Cancel it before you make another.`
        : `QR code: ${link}`;
    }
    case 'succeeded':
    case 'authorized':
      return `${number}: paid already.`;
    case 'refunded':
      return `${number}: was paid, and the money was given back.`;
    case 'failed':
    case 'canceled':
    case 'expired':
      return `${number}: no order (${verdict.reason}), nothing can be paid under it.`;
    case 'rejected':
      if (verdict.reason === 'duplicate') return `${number}: the number was used before. Look up what became of it.`;
      return `${number}: no order (${verdict.reason}). ${verdict.advice ?? ''}`;
    case 'unsent':
      return `${number}: never sent. Try again, under the same number.`;
    case 'absent':
    case 'unresolved':
      return `${number}: nobody knows yet whether there is an order. Follow its ticket before you make another.`;
  }
}

/** Follows it by its ticket: in a worker, after a restart, on another machine. */
export async function followOrder(number: string): Promise<string> {
  const { outcome, polls, elapsedMs } = await openGateway().untilSettled(parseTicket(database.get(number)));
  return `${number} ${outcome}, after ${Math.round(elapsedMs / 1000)} s and ${polls} status queries`;
}

export async function main(): Promise<string[]> {
  const number = '260101_0001';
  return [await clock.run(makeOrder(number)), await clock.run(followOrder(number))];
}

if (import.meta.main) console.log((await main()).join('\n'));
