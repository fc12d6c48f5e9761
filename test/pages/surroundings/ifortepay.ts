import { createGateway, type Gateway } from 'tillpaid';
import type { Adapter } from 'tillpaid/adapter';
import { ifortepay, type IfortepayAnswers, type IfortepayFields } from 'tillpaid/adapters/ifortepay';
import type { Simulator } from 'tillpaid/testing';
import { ifortepayNotice, ifortepayVoice } from 'tillpaid/testing/ifortepay';
import { credentials as madeUp } from '../../samples/ifortepay.ts';
import { takeOrder } from '../take-order.ts';

/** A shop that is paid through iFortepay. */
export const credentials: typeof madeUp = { ...madeUp, notifyUrl: 'https://shop.example/ifortepay' };
export const partnerId: string = credentials.partnerId;
export const privateKey: string = credentials.privateKey;
export const clientSecret: string = credentials.clientSecret;
export const adapter: Adapter<IfortepayFields, IfortepayAnswers> = ifortepay(credentials);
export const gateway: Gateway<IfortepayFields, IfortepayAnswers> = createGateway({ adapter });
export const fields: IfortepayFields['qris.create'] = {
  partnerReferenceNo: 'ORDER7',
  amount: { value: '10000.00', currency: 'IDR' },
  additionalInfo: { callbackUrl: 'https://shop.example/ifortepay' },
};

const taken = await takeOrder(adapter, ifortepayVoice(credentials), its => its.settle('qris.create', fields));
export const simulated: Simulator = taken.simulated;
export const request: Request = await ifortepayNotice(credentials, taken.entry, Date.now());
