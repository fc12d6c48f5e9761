import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import ky from 'ky';
import { createGateway, type Clock, type Gateway, type Settlement, type Ticket } from 'tillpaid';
import type { Adapter } from 'tillpaid/adapter';
import { zalopay, type ZalopayAnswers, type ZalopayCredentials, type ZalopayFields } from 'tillpaid/adapters/zalopay';
import type { Simulator } from 'tillpaid/testing';
import { zalopayNotice, zalopayVoice } from 'tillpaid/testing/zalopay';
import { takeOrder } from '../take-order.ts';

/** A shop that is paid through ZaloPay. */
export const credentials: ZalopayCredentials = {
  appId: 2553,
  key1: 'secret-1',
  key2: 'secret-2',
  environment: 'sandbox',
};
export const key1: string = credentials.key1;
export const key2: string = credentials.key2;
export const adapter: Adapter<ZalopayFields, ZalopayAnswers> = zalopay(credentials);
export const gateway: Gateway<ZalopayFields, ZalopayAnswers> = createGateway({ adapter });
export const otherGateway: Gateway<ZalopayFields, ZalopayAnswers> = createGateway({ adapter });

export const app_trans_id = '260101_0007';
export const app_user = 'user-7';
export const amount = 50_000;
export const description = 'Tea for two';
/** An order that its payer pays later. */
export const fields: ZalopayFields['payment.create'] = { app_trans_id, app_user, amount, description };
/** One that was made and paid. */
export const refund: ZalopayFields['refund.create'] = {
  m_refund_id: '260101_2553_0007',
  zp_trans_id: '260101000000001',
  amount,
  description: 'Cold tea',
};
export const ticket: Ticket = gateway.ticketFor('payment.create', { ...fields, app_trans_id: '260101_0008' });

const texts = new Map<string, string>();
export const database: {
  save(number: string, text: string): Promise<void>;
  load(number: string): Promise<string>;
} = {
  save: (number, text) => Promise.resolve(void texts.set(number, text)),
  load: number => Promise.resolve(texts.get(number) ?? JSON.stringify(ticket)),
};

/** What the payer's app shows, and the key that ZaloPay gave the merchant for it. */
export const payment_code_raw = '180000000000000001';
export const key: KeyObject = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey;

/** A shop's own code, on whatever network and clock it is given. */
export function payOrder(number: string, its: { fetch: typeof fetch; clock?: Clock }): Promise<Settlement> {
  const { clock } = its;
  const paying = createGateway({ adapter, client: ky.create({ fetch: its.fetch }), ...(clock && { clock }) });
  return paying
    .settle('payment.create', { ...fields, app_trans_id: number })
    .then(made => paying.untilSettled(made.ticket));
}

const taken = await takeOrder(adapter, zalopayVoice(credentials), its => its.settle('payment.create', fields));
export const simulated: Simulator = taken.simulated;
export const request: Request = zalopayNotice(credentials, taken.entry, Date.now());
