import ky from 'ky';
import {
  createGateway,
  findTillpaidError,
  isSettledError,
  isUnresolvedError,
  type Gateway,
  type Ticket,
} from 'tillpaid';
import { zalopay, type ZalopayCredentials, type ZalopayFields } from 'tillpaid/adapters/zalopay';
import { manualClock, simulateGateway, type ManualClock, type Script, type Simulator } from 'tillpaid/testing';
import { zalopayVoice } from 'tillpaid/testing/zalopay';

/** What every client here is given in place of `fetch`. */
export type GatewayFetch = Gateway<object>['fetch'];

export const baseUrl = 'https://sb-openapi.zalopay.vn';

/** A refund, as each of these clients sends it. What must be signed, tillpaid signs. */
export const refund: ZalopayFields['refund.create'] = {
  m_refund_id: '260101_2553_1',
  zp_trans_id: '260101000000001',
  amount: 10_000,
  description: 'Cold tea',
};

export interface RefundAnswer {
  readonly return_code: number;
}

export interface Shop {
  readonly fetch: GatewayFetch;
  readonly simulated: Simulator;
  readonly clock: ManualClock;
  /** What is stored before the first byte leaves, whatever the client's own time limit is. */
  readonly tickets: Ticket[];
}

/** ZaloPay and time are simulated, and an order is paid. Yours passes neither `client` nor `clock`. */
export async function openShop(script: Script): Promise<Shop> {
  const account: ZalopayCredentials = { appId: 2553, key1: 'secret-1', key2: 'secret-2', environment: 'sandbox' };
  const clock = manualClock();
  const simulated = simulateGateway({ voice: zalopayVoice(account), clock });
  const tickets: Ticket[] = [];
  const gateway = createGateway({
    ...{ adapter: zalopay(account), client: ky.create({ fetch: simulated.fetch }), clock },
    onTicket: ticket => tickets.push(ticket),
  });
  const order = { app_trans_id: '260101_1', app_user: 'user-7', amount: 50_000, description: 'Tea for two' };
  await clock.run(gateway.settle('payment.create', order));
  simulated.script(refund.m_refund_id, script);
  return { fetch: gateway.fetch, simulated, clock, tickets };
}

/** What the caller of a client can tell apart, whatever error that client made of ours. */
export async function told(answer: Promise<RefundAnswer | undefined>): Promise<string> {
  try {
    const answered = await answer;
    return answered?.return_code === 1 ? 'refunded' : 'refused';
  } catch (error) {
    const ours = findTillpaidError(error);
    if (isSettledError(ours)) return `${ours.settlement.outcome}: ${ours.settlement.verdict.reason}`;
    if (isUnresolvedError(ours))
      return `still open: ask with the ticket of ${ours.ticket.reference['m_refund_id'] ?? ''}`;
    throw error;
  }
}
