import { generateKeyPairSync } from 'node:crypto';
import {
  createGateway,
  steps,
  type FollowOptions,
  type Policy,
  type Settlement,
  type SettleOptions,
  type Ticket,
} from 'tillpaid';
import { ifortepay, type IfortepayCredentials } from 'tillpaid/adapters/ifortepay';
import { qfpay, type QfpayCredentials } from 'tillpaid/adapters/qfpay';
import { rebell, type RebellCredentials } from 'tillpaid/adapters/rebell';
import { uqpay, type UqpayCredentials } from 'tillpaid/adapters/uqpay';
import { zalopay, type ZalopayCredentials } from 'tillpaid/adapters/zalopay';
import { lives, simulateGateway, type Simulator } from 'tillpaid/testing';
import { ifortepayVoice } from 'tillpaid/testing/ifortepay';
import { qfpayVoice } from 'tillpaid/testing/qfpay';
import { rebellVoice } from 'tillpaid/testing/rebell';
import { uqpayVoice } from 'tillpaid/testing/uqpay';
import { zalopayNotice, zalopayVoice } from 'tillpaid/testing/zalopay';

/**
 * A simulated gateway, and how a shop's own code speaks to it. One more provider is one more object like those below.
 */
export interface Provider<Shop> {
  readonly name: string;
  readonly gateway: Simulator;
  /** A merchant's number as this provider wants it. */
  readonly reference: (name: string) => string;
  /** A new gateway object, as each process makes its own. */
  readonly open: (baseUrl: string) => Shop;
}

type Write = (reference: string, options: SettleOptions) => Promise<Settlement>;

/** Takes the money in the call: a scanned code, a token. */
export interface Charges {
  readonly charge: Write;
}

export interface Follows {
  readonly follow: (ticket: Ticket, options: FollowOptions) => Promise<Settlement>;
}

/** Makes an order, such as a QR code, that the payer pays later. */
export interface Orders extends Follows {
  readonly order: Write;
}

export interface Webhooks {
  /** The gateway's notice about an order arrives, as far as there is anything to tell. */
  readonly hearOf: (reference: string) => Promise<unknown>;
}

export interface Refunds {
  readonly refund: (payment: Settlement, options: SettleOptions) => Promise<Settlement>;
}

/** Real schedules wait for seconds; a demo should not. */
const policy: Policy = {
  retry: { backoff: steps([400]) },
  poll: { backoff: steps([400, 500, 600, 700, 800]), deadlineMs: 10_000 },
  attemptTimeoutMs: 2500,
};

const scannedCode = '280000000000000000';

const keys = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});

function simulatedQfpay(): Provider<Charges & Follows & Refunds> {
  const credentials: QfpayCredentials = { appCode: 'DEMO', clientKey: 'demo-client-key', environment: 'sandbox' };
  const money = { txamt: 10_000, txcurrcd: 'HKD' };
  return {
    name: 'QFPay',
    gateway: simulateGateway({ voice: qfpayVoice(credentials), lives: { refund: lives.paidAfter(900) } }),
    reference: name => `DEMO-${name}`,
    open(baseUrl) {
      const gateway = createGateway({ adapter: qfpay({ ...credentials, baseUrl }), policy });
      return {
        charge: (out_trade_no, options) =>
          gateway.settle(
            'payment.charge',
            { ...money, out_trade_no, pay_type: '800108', auth_code: scannedCode },
            options,
          ),
        refund: ({ reference: { merchant, provider: syssn = '' } }, options) =>
          gateway.settle('refund.create', { txamt: money.txamt, out_trade_no: `${merchant}-REFUND`, syssn }, options),
        follow: (ticket, options) => gateway.untilSettled(ticket, options),
      };
    },
  };
}

function simulatedZalopay(): Provider<Charges & Orders & Webhooks> {
  const account = { appId: 2553, key1: 'demo-key-1', key2: 'demo-key-2' };
  const credentials: ZalopayCredentials = { ...account, environment: 'sandbox' };
  // ZaloPay's numbers start with the day in Vietnam.
  const day = new Date(Date.now() + 7 * 3_600_000).toISOString().slice(2, 10).replaceAll('-', '');
  const simulated = simulateGateway({ voice: zalopayVoice(credentials) });
  return {
    name: 'ZaloPay',
    gateway: simulated,
    reference: name => `${day}_${name}`,
    open(baseUrl) {
      const gateway = createGateway({ adapter: zalopay({ ...credentials, baseUrl }), policy });
      const payer = { identifier: 'user-7', pay_token: 'demo-token' };
      const tea = { app_user: 'user-7', amount: 50_000, description: 'Tea for two' };
      return {
        charge: (app_trans_id, options) =>
          gateway.settle('payment.charge', { ...payer, app_trans_id, zp_trans_token: `ZP${app_trans_id}` }, options),
        order: (app_trans_id, options) => gateway.settle('payment.create', { ...tea, app_trans_id }, options),
        follow: (ticket, options) => gateway.untilSettled(ticket, options),
        async hearOf(reference) {
          const entry = simulated.ledger.payment(reference);
          return entry?.state === 'paid' ? gateway.receive(zalopayNotice(credentials, entry, Date.now())) : undefined;
        },
      };
    },
  };
}

function simulatedIfortepay(): Provider<Orders> {
  const credentials: IfortepayCredentials = {
    partnerId: 'DEMO',
    privateKey: keys.privateKey,
    channelId: 'QR004',
    environment: 'sandbox',
  };
  return {
    name: 'iFortepay',
    gateway: simulateGateway({ voice: ifortepayVoice(credentials) }),
    reference: name => `DEMO${name}`,
    open(baseUrl) {
      const gateway = createGateway({ adapter: ifortepay({ ...credentials, baseUrl }), policy });
      const amount = { value: '10000.00', currency: 'IDR' };
      const additionalInfo = { callbackUrl: 'https://shop.example/paid' };
      return {
        order: (partnerReferenceNo, options) =>
          gateway.settle('qris.create', { partnerReferenceNo, amount, additionalInfo }, options),
        follow: (ticket, options) => gateway.untilSettled(ticket, options),
      };
    },
  };
}

function simulatedRebell(): Provider<Charges> {
  const credentials: Pick<RebellCredentials, 'clientId' | 'privateKey' | 'environment'> = {
    clientId: 'DEMO',
    privateKey: keys.privateKey,
    environment: 'sandbox',
  };
  return {
    name: 'Rebell',
    gateway: simulateGateway({ voice: rebellVoice({ ...credentials, gatewayPrivateKey: keys.privateKey }) }),
    reference: name => `demo-${name}`,
    open(baseUrl) {
      const adapter = rebell({ ...credentials, gatewayPublicKey: keys.publicKey, keyVersion: 1, baseUrl });
      const gateway = createGateway({ adapter, policy });
      const paymentAmount = { currency: 'EUR', value: '1250' };
      return {
        charge: (paymentRequestId, options) =>
          gateway.settle('payment.charge', { paymentRequestId, paymentAuthCode: scannedCode, paymentAmount }, options),
      };
    },
  };
}

function simulatedUqpay(): Provider<Orders> {
  const credentials: UqpayCredentials = { clientId: 'DEMO', apiKey: 'demo-api-key', environment: 'sandbox' };
  return {
    name: 'UQPAY',
    gateway: simulateGateway({ voice: uqpayVoice(credentials) }),
    reference: name => `demo-${name}`,
    open(baseUrl) {
      const gateway = createGateway({ adapter: uqpay({ ...credentials, baseUrl }), policy });
      const tea = {
        amount: '12.50',
        currency: 'SGD',
        description: 'Tea for two',
        return_url: 'https://shop.example/thanks',
      };
      return {
        order: (merchant_order_id, options) => gateway.settle('payment.create', { ...tea, merchant_order_id }, options),
        follow: (ticket, options) => gateway.untilSettled(ticket, options),
      };
    },
  };
}

export const qfpayDemo: ReturnType<typeof simulatedQfpay> = simulatedQfpay();
export const zalopayDemo: ReturnType<typeof simulatedZalopay> = simulatedZalopay();
export const ifortepayDemo: ReturnType<typeof simulatedIfortepay> = simulatedIfortepay();
export const rebellDemo: ReturnType<typeof simulatedRebell> = simulatedRebell();
export const uqpayDemo: ReturnType<typeof simulatedUqpay> = simulatedUqpay();
