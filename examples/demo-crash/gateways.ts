import { createGateway, steps, type Gateway, type Policy, type Settlement, type TokenStore } from 'tillpaid';
import { qfpay, type QfpayAnswers, type QfpayCredentials, type QfpayFields } from 'tillpaid/adapters/qfpay';
import { uqpay, type UqpayAnswers, type UqpayCredentials, type UqpayFields } from 'tillpaid/adapters/uqpay';
import { zalopay, type ZalopayAnswers, type ZalopayCredentials, type ZalopayFields } from 'tillpaid/adapters/zalopay';
import type { Journal } from 'tillpaid/journal';

/** The shop's accounts at three gateways: every process of the shop opens the same. */
export const qfpayAccount: QfpayCredentials = {
  appCode: 'DEMO',
  clientKey: 'demo-client-key',
  environment: 'sandbox',
};
export const zalopayAccount: ZalopayCredentials = {
  appId: 2553,
  key1: 'demo-key-1',
  key2: 'demo-key-2',
  environment: 'sandbox',
};
export const uqpayAccount: UqpayCredentials = { clientId: 'DEMO', apiKey: 'demo-api-key', environment: 'sandbox' };

export type Provider = 'qfpay' | 'zalopay' | 'uqpay';
export const providers: readonly Provider[] = ['qfpay', 'zalopay', 'uqpay'];

export interface Gateways {
  readonly qfpay: Gateway<QfpayFields, QfpayAnswers>;
  readonly zalopay: Gateway<ZalopayFields, ZalopayAnswers>;
  readonly uqpay: Gateway<UqpayFields, UqpayAnswers>;
}

/** Real schedules wait for seconds; a demo should not. */
const policy: Policy = {
  retry: { backoff: steps([400]) },
  poll: { backoff: steps([400, 600, 800, 1200]), deadlineMs: 120_000 },
  // Nor does a simulated QFPay take only 400 requests a minute.
  limit: { perSecond: Infinity, perMinute: Infinity },
  attemptTimeoutMs: 2000,
};

/** @param baseUrls where the simulated gateways listen, in the order of `providers` */
export function openGateways(
  [forQfpay = '', forZalopay = '', forUqpay = '']: string[],
  { journal, tokens }: { readonly journal: Journal; readonly tokens?: TokenStore },
): Gateways {
  return {
    qfpay: createGateway({ adapter: qfpay({ ...qfpayAccount, baseUrl: forQfpay }), policy, journal }),
    zalopay: createGateway({ adapter: zalopay({ ...zalopayAccount, baseUrl: forZalopay }), policy, journal }),
    uqpay: createGateway({
      adapter: uqpay({ ...uqpayAccount, baseUrl: forUqpay, ...(tokens && { tokens }) }),
      policy,
      journal,
    }),
  };
}

export interface Order {
  readonly provider: Provider;
  /** The shop's own number. */
  readonly number: string;
}

/** ZaloPay's numbers start with the day in Vietnam. */
const day = new Date(Date.now() + 7 * 3_600_000).toISOString().slice(2, 10).replaceAll('-', '');

const numbered = (count: number, provider: Provider, prefix: string): Order[] =>
  Array.from({ length: count }, (_, index) => ({
    provider,
    number: `${prefix}${String(index + 1).padStart(3, '0')}`,
  }));

/** 80 charges of a scanned code, 60 of an agreement, and 60 orders that their payers pay later. */
export const orders: readonly Order[] = [
  ...numbered(80, 'qfpay', 'TEA-'),
  ...numbered(60, 'zalopay', `${day}_`),
  ...numbered(60, 'uqpay', 'tea-'),
];

/**
 * As the shop sends it.
 *
 * @param idempotencyKey the same however often it is called for an order
 */
export function send(gateways: Gateways, { provider, number }: Order, idempotencyKey: string): Promise<Settlement> {
  switch (provider) {
    case 'qfpay': {
      const money = { txamt: 10_000, txcurrcd: 'HKD', pay_type: '800108' };
      return gateways.qfpay.settle('payment.charge', {
        ...money,
        out_trade_no: number,
        auth_code: '280000000000000000',
      });
    }
    case 'zalopay': {
      const payer = { identifier: 'user-7', pay_token: 'demo-token', zp_trans_token: `ZP${number}` };
      return gateways.zalopay.settle('payment.charge', { ...payer, app_trans_id: number });
    }
    case 'uqpay': {
      const money = { amount: '12.50', currency: 'SGD' };
      const tea = { ...money, description: 'Tea for two', return_url: 'https://shop.example/thanks' };
      return gateways.uqpay.settle('payment.create', { ...tea, merchant_order_id: number }, { idempotencyKey });
    }
  }
}
