import ky, { type KyInstance } from 'ky';
import { createGateway, type Gateway, type OpenPayment, type Settlement, type Ticket, type Verdict } from 'tillpaid';
import { qfpay, type QfpayAnswers, type QfpayCredentials, type QfpayFields } from 'tillpaid/adapters/qfpay';
import { createWorker, memoryJournal, type Journal, type OnSettled, type Worker } from 'tillpaid/journal';
import type { Simulator } from 'tillpaid/testing';
import { settleTimes } from 'tillpaid/learn';
import { qfpayNotice, qfpayVoice } from 'tillpaid/testing/qfpay';
import type { Adapter } from 'tillpaid/adapter';
import { takeOrder } from '../take-order.ts';

/** What a shop has around the lines that a page shows. Its gateway is QFPay's, simulated. */
export { expect } from 'vitest';

export const account: QfpayCredentials = { appCode: 'SHOP', clientKey: 'secret', environment: 'sandbox' };
export const appCode: string = account.appCode;
export const clientKey: string = account.clientKey;
export const adapter: Adapter<QfpayFields, QfpayAnswers> = qfpay(account);

export const journal: Journal = memoryJournal();
export const gateway: Gateway<QfpayFields, QfpayAnswers> = createGateway({ adapter, journal });
export const otherGateway: Gateway<QfpayFields, QfpayAnswers> = createGateway({ adapter });
export const gateways: [typeof gateway] = [gateway];
export const yourKy: KyInstance = ky;

export const out_trade_no = 'ORDER-7';
export const auth_code = '284957310466312987';
export const scanned: string = auth_code;
/** A charge of a scanned code. */
export const fields: QfpayFields['payment.charge'] = {
  out_trade_no,
  txamt: 12_50,
  txcurrcd: 'HKD',
  pay_type: '800108',
  auth_code,
};
export const refund: QfpayFields['refund.create'] = { out_trade_no: 'REFUND-7', syssn: '20260101000001', txamt: 12_50 };
export const ticket: Ticket = otherGateway.ticketFor('payment.charge', { ...fields, out_trade_no: 'ORDER-8' });

export const order: string = fields.out_trade_no;

/** Keeps anything, as a database would. */
export const store: (what: Ticket | OpenPayment, more?: Verdict | number) => Promise<boolean> = () =>
  Promise.resolve(true);
export const stored: { ticket: Ticket; open?: OpenPayment } = { ticket };
const texts = new Map<string, string>();
export const database: {
  save(number: string, text: string): Promise<void>;
  load(number: string): Promise<string>;
} = {
  save: (number, text) => Promise.resolve(void texts.set(number, text)),
  load: number => Promise.resolve(texts.get(number) ?? JSON.stringify(ticket)),
};
export const orders: { settle(deliveryId: string, settlement: Settlement): Promise<void> } = {
  settle: () => Promise.resolve(),
};
export const refunds: { insert(row: object, options: { transaction?: unknown }): Promise<void> } = {
  insert: () => Promise.resolve(),
};
/** A journal in memory has no database: its transaction is nothing. */
export const transaction: undefined = undefined;
export const onSettled: OnSettled = () => undefined;
export const worker: Worker = createWorker({ gateways, journal });

export const ship: (settlement: Settlement) => void = () => undefined;
export const showQrCode: (link: string) => void = () => undefined;
export const cancelAndMakeAnother: (ticket: Ticket) => Promise<void> = () => Promise.resolve();
export const handOver = (): void => undefined;
export const read: (file: string) => Promise<string> = () => Promise.resolve(JSON.stringify(settleTimes()));
export const log: (message: string) => void = () => undefined;
/** Of a database that nobody connects to here. */
export const connectionString = 'postgres://127.0.0.1/shop';
export const alert: (what: unknown) => void = () => undefined;
export const error: unknown = new Error('the network is down');

const taken = await takeOrder(adapter, qfpayVoice(account), its =>
  its.settle('payment.charge', { ...fields, out_trade_no: 'ORDER-1' }),
);
export const simulated: Simulator = taken.simulated;
export const settlement: Settlement = taken.settlement;
const notice = qfpayNotice(account, taken.entry, Date.now());
/** A notice that this order is paid, signed, at the address of one merchant. */
export const request: Request = new Request(`${notice.url}?merchant=tea-house`, notice);
