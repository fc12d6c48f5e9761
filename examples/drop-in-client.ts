import ky, { type KyInstance } from 'ky';
import { createGateway, isSettledError, isUnresolvedError } from 'tillpaid';
import { zalopay, type ZalopayCredentials } from 'tillpaid/adapters/zalopay';
import { lives, manualClock, simulateGateway, type ManualClock, type Simulator } from 'tillpaid/testing';
import { zalopayVoice } from 'tillpaid/testing/zalopay';

// The gateway is simulated, and so is time: sixteen minutes pass at once.
const account: ZalopayCredentials = { appId: 2553, key1: 'secret-1', key2: 'secret-2', environment: 'sandbox' };
export const clock: ManualClock = manualClock();
export const simulated: Simulator = simulateGateway({ voice: zalopayVoice(account), clock });

/** Code that was there before, and knows nothing of tillpaid: it posts, and looks for success in the answer. */
async function refund(http: KyInstance, number: string, amount: number): Promise<string> {
  const json = { m_refund_id: number, zp_trans_id: '260101000000001', amount, description: 'Cold tea' };
  const answer = await http.post('v2/refund', { json }).json<{ return_code: number; sub_return_code: number }>();
  if (answer.return_code === 1) return 'refunded';
  return answer.sub_return_code === -23 ? 'the number was used before: look that refund up' : 'refused';
}

// This is all that changes: the client it is given signs, waits and asks. ZaloPay's 1 means "accepted"; here it means
// done.
const gateway = createGateway({ adapter: zalopay(account), client: ky.create({ fetch: simulated.fetch }), clock });
const http = gateway.client;

/** And what its caller can now tell apart. */
export async function tryRefund(number: string, amount = 10_000): Promise<string> {
  try {
    return await refund(http, number, amount);
  } catch (error) {
    if (isSettledError(error)) return `${error.settlement.outcome}: ${error.settlement.verdict.reason}`;
    if (isUnresolvedError(error))
      return `still open: ask again with the ticket of ${error.ticket.reference['m_refund_id'] ?? ''}`;
    throw error;
  }
}

/** What is refunded below. */
export async function sell(): Promise<string> {
  const { outcome } = await gateway.settle('payment.create', {
    app_trans_id: '260101_0001',
    app_user: 'user-7',
    amount: 50_000,
    description: 'Tea for two',
  });
  return outcome;
}

export async function main(): Promise<Record<string, string>> {
  await clock.run(sell());
  simulated.script('260101_2553_1', { life: lives.paidAfter(90_000), onSend: ['reset-after-booking'] });
  simulated.script('260101_2553_2', { life: lives.declined() });
  simulated.script('260101_2553_3', { life: lives.open() });

  const results: Record<string, string> = {};
  for (const number of ['260101_2553_1', '260101_2553_2', '260101_2553_3'])
    results[number] = await clock.run(tryRefund(number));
  return results;
}

if (import.meta.main) console.table(await main());
