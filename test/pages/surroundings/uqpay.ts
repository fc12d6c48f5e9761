import { createGateway, type Gateway } from 'tillpaid';
import type { Adapter } from 'tillpaid/adapter';
import { uqpay, type UqpayAnswers, type UqpayCredentials, type UqpayFields } from 'tillpaid/adapters/uqpay';
import type { Simulator } from 'tillpaid/testing';
import { uqpayNotice, uqpayVoice } from 'tillpaid/testing/uqpay';
import { takeOrder } from '../take-order.ts';

/** A shop that is paid through UQPAY. */
export const credentials: UqpayCredentials & { webhookSecret: string } = {
  clientId: 'SHOP',
  apiKey: 'secret-1',
  webhookSecret: 'secret-2',
  environment: 'sandbox',
};
export const clientId: string = credentials.clientId;
export const apiKey: string = credentials.apiKey;
export const webhookSecret: string = credentials.webhookSecret;
export const adapter: Adapter<UqpayFields, UqpayAnswers> = uqpay(credentials);
export const gateway: Gateway<UqpayFields, UqpayAnswers> = createGateway({ adapter });
export const start_time: string = new Date(Date.now() - 3_600_000).toISOString();
export const end_time: string = new Date().toISOString();
export const fields: UqpayFields['payment.create'] = {
  amount: '10.12',
  currency: 'SGD',
  merchant_order_id: 'ORDER-7',
  description: 'Two coffees',
  return_url: 'https://shop.example/back',
};

const taken = await takeOrder(adapter, uqpayVoice(credentials), its => its.settle('payment.create', fields));
export const simulated: Simulator = taken.simulated;
export const request: Request = await uqpayNotice(credentials, taken.entry, Date.now());
