import { createHash } from 'node:crypto';
import ky, { type KyInstance } from 'ky';
import type { Simulator } from 'tillpaid/testing';
import { qfpayDemo } from './providers.ts';

export interface Compared {
  readonly client: string;
  readonly charges: number;
  /** What its caller is left with. */
  readonly caller: string;
}

/** The lost answer once more, for clients without tillpaid: the request is booked, and its connection cut. */
export async function withoutTillpaid(baseUrlOf: (gateway: Simulator) => string): Promise<Compared[]> {
  const baseUrl = baseUrlOf(qfpayDemo.gateway);
  return Promise.all([
    compare('ky', ky, 'DEMO-KY-1', baseUrl),
    compare("ky, retry: { methods: ['post'] }", ky.extend({ retry: { methods: ['post'] } }), 'DEMO-KY-2', baseUrl),
  ]);
}

async function compare(client: string, http: KyInstance, reference: string, baseUrl: string): Promise<Compared> {
  const { gateway } = qfpayDemo;
  gateway.script(reference, { onSend: ['reset-after-booking', 'reset-after-booking'] });
  const caller = await charge(http, reference, baseUrl);
  return { client, caller, charges: gateway.ledger.payment(reference)?.bookings ?? 0 };
}

/** A charge as a shop without tillpaid writes it. */
async function charge(http: KyInstance, out_trade_no: string, baseUrl: string): Promise<string> {
  const fields = {
    auth_code: '280000000000000000',
    out_trade_no,
    pay_type: '800108',
    txamt: '10000',
    txcurrcd: 'HKD',
    txdtm: '2026-11-21 12:00:00',
  };
  const signed = Object.entries(fields)
    .map(pair => pair.join('='))
    .join('&');
  const headers = {
    'x-qf-appcode': 'DEMO',
    'x-qf-signtype': 'SHA256',
    'x-qf-sign': createHash('sha256').update(`${signed}demo-client-key`).digest('hex'),
  };
  try {
    const answer = http.post(`${baseUrl}/trade/v1/payment`, { body: new URLSearchParams(fields), headers });
    const { respcd } = await answer.json<{ respcd: string }>();
    return `reads ${respcd}: paid`;
  } catch (error) {
    return `catches ${error instanceof Error ? error.name : 'something'}: paid or not?`;
  }
}
