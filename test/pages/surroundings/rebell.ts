import { createGateway, type Gateway } from 'tillpaid';
import type { Adapter } from 'tillpaid/adapter';
import { rebell, type RebellAnswers, type RebellFields } from 'tillpaid/adapters/rebell';
import type { Simulator } from 'tillpaid/testing';
import { rebellNotice, rebellVoice } from 'tillpaid/testing/rebell';
import { madeUp } from '../../samples/rebell.ts';
import { takeOrder } from '../take-order.ts';

/** A shop that is paid through Rebell. */
export const credentials: typeof madeUp = madeUp;
export const clientId: string = madeUp.clientId;
export const privateKey: string = madeUp.privateKey;
export const gatewayPublicKey: string = madeUp.gatewayPublicKey;
export const adapter: Adapter<RebellFields, RebellAnswers> = rebell(madeUp);
export const gateway: Gateway<RebellFields, RebellAnswers> = createGateway({ adapter });
export const fields: RebellFields['payment.charge'] = {
  api: 'retailPay',
  paymentRequestId: 'order-7',
  paymentAuthCode: '284957310466312987',
  paymentAmount: { currency: 'EUR', value: '1250' },
};

const taken = await takeOrder(adapter, rebellVoice(madeUp), its => its.settle('payment.charge', fields));
export const simulated: Simulator = taken.simulated;
export const request: Request = await rebellNotice(madeUp, taken.entry, Date.now());
