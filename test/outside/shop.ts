import ky from 'ky';
import {
  createGateway,
  isSettledError,
  responseOf,
  type Gateway,
  type GatewayEvent,
  type Settlement,
  type Ticket,
} from 'tillpaid';
import { defineAdapter, succeeded, text } from 'tillpaid/adapter';
import { ifortepay, type IfortepayCredentials } from 'tillpaid/adapters/ifortepay';
import { qfpay, type QfpayAnswers, type QfpayCredentials, type QfpayFields } from 'tillpaid/adapters/qfpay';
import { qfpay as terse } from 'tillpaid/adapters/qfpay/terse';
import { rebell, type RebellCredentials } from 'tillpaid/adapters/rebell';
import { uqpay, type UqpayCredentials } from 'tillpaid/adapters/uqpay';
import { zalopay, type ZalopayCredentials } from 'tillpaid/adapters/zalopay';
import { createJournal, memoryJournal, type Journal, type JournalStore } from 'tillpaid/journal';
import { sqliteJournal } from 'tillpaid/journal/sqlite';
import { steps } from 'tillpaid/policies';
import { journalContract, lives, manualClock, simulateGateway, type JournalContractRunner } from 'tillpaid/testing';
import { ifortepayVoice } from 'tillpaid/testing/ifortepay';
import { qfpayVoice } from 'tillpaid/testing/qfpay';
import { rebellVoice } from 'tillpaid/testing/rebell';
import { uqpayVoice } from 'tillpaid/testing/uqpay';
import { zalopayVoice } from 'tillpaid/testing/zalopay';

// A shop as an outside user writes it, for the compiler alone: every door of the package, every provider, and no cast.

/** Every declaration file that a user can reach is read for these. */
export const voices: readonly unknown[] = [ifortepayVoice, qfpayVoice, rebellVoice, uqpayVoice, zalopayVoice];

export interface Keys {
  readonly qfpay: QfpayCredentials;
  readonly zalopay: ZalopayCredentials;
  readonly ifortepay: IfortepayCredentials;
  readonly rebell: RebellCredentials;
  readonly uqpay: UqpayCredentials;
}

export const till = (keys: Keys): Gateway<QfpayFields, QfpayAnswers> => {
  const clock = manualClock();
  const simulated = simulateGateway({ voice: qfpayVoice(keys.qfpay), clock, lives: { charge: lives.paid() } });
  const policy = { poll: { backoff: steps([1000, 2000]) } };
  const onEvent = (event: GatewayEvent): void => console.log(event.type, event.gateway);
  return createGateway({
    adapter: terse(keys.qfpay),
    client: ky.create({ fetch: simulated.fetch }),
    clock,
    policy,
    onEvent,
  });
};

/** Every journal in a line, and a store of his own, which the contract checks. */
export const journals = (store: JournalStore): readonly Journal[] => [
  memoryJournal(),
  sqliteJournal('payments.db', { synchronous: 'NORMAL', busyTimeoutMs: 1000 }),
  createJournal(store),
];
export const journaled = (keys: Keys, journal: Journal): object =>
  createGateway({ adapter: rebell(keys.rebell), journal });
export const checked = (store: JournalStore, runner: JournalContractRunner): void =>
  journalContract({ name: 'own', open: () => store, nowMs: () => 0, pass: () => undefined }, runner);

/** What the payer needs of each provider's order, by name. */
export async function show(keys: Keys, number: string): Promise<(string | undefined)[]> {
  const scanned = { txamt: 1000, txcurrcd: 'HKD', pay_type: '800108', out_trade_no: number };
  const qr = await createGateway({ adapter: qfpay(keys.qfpay) }).settle('payment.create', scanned);
  const order = { app_trans_id: number, app_user: 'u', amount: 10_000, description: 'Tea' };
  const link = await createGateway({ adapter: zalopay(keys.zalopay) }).settle('payment.create', order);
  const qris = await createGateway({ adapter: ifortepay(keys.ifortepay) }).settle('qris.create', {
    partnerReferenceNo: number,
    amount: { value: '10000.00', currency: 'IDR' },
    additionalInfo: { callbackUrl: 'https://shop.example' },
  });
  const code = await createGateway({ adapter: rebell(keys.rebell) }).settle(
    'payment.create',
    { paymentRequestId: number, paymentAmount: { currency: 'EUR', value: '1250' } },
    { extraFields: { terminal: 'T7' } },
  );
  const intent = await createGateway({ adapter: uqpay(keys.uqpay) }).settle('payment.create', {
    amount: '12.50',
    currency: 'SGD',
    merchant_order_id: number,
    description: 'Tea',
    return_url: 'https://shop.example',
  });
  return [
    qr.answer?.qrcode,
    link.answer?.order_url,
    qris.answer?.qrContent,
    code.answer?.qrCode,
    intent.answer?.client_secret,
    intent.answer?.next_action?.redirect_to_url?.url,
  ];
}

/** Each outcome has its own shape. */
export function tell(settlement: Settlement): string {
  switch (settlement.outcome) {
    case 'succeeded':
    case 'failed':
    case 'canceled':
    case 'expired':
    case 'refunded':
    case 'authorized':
    case 'created':
      return `${settlement.verdict.outcome} by ${settlement.settledBy}, HTTP ${responseOf(settlement)?.status ?? '?'}`;
    case 'rejected':
      return settlement.otherVerdict?.reason ?? settlement.verdict.reason;
    case 'absent':
      return settlement.ticket.operation;
    case 'unresolved':
    case 'unsent':
      return String(settlement.cause);
  }
}

export async function charge(keys: Keys, fields: QfpayFields['payment.charge']): Promise<Ticket> {
  try {
    const { outcome, ticket, answer } = await till(keys).settle('payment.charge', fields);
    console.log(outcome, answer?.syssn);
    return ticket;
  } catch (error) {
    if (isSettledError(error)) console.log(tell(error.settlement));
    throw error;
  }
}

interface KioskFields {
  'payment.charge': { order: string; note?: string };
  'payment.query': { order: string };
}
const kiosk = defineAdapter<KioskFields, { 'payment.charge': { receipt?: string } }>({
  name: 'kiosk',
  account: 'shop-1',
  environment: 'sandbox',
  baseUrl: 'https://kiosk.test',
  encodings: ['json'],
  operations: {
    'payment.charge': {
      path: '/charge',
      required: { order: text },
      optional: ['note'],
      codes: { OK: succeeded() },
      reference: ['order'],
      sameReference: 'unknown',
    },
    'payment.query': { path: '/query', required: { order: text }, codes: {} },
  },
  read: () => ({ names: [] }),
});
export const receipt = async (): Promise<string | undefined> =>
  (await createGateway({ adapter: kiosk }).settle('payment.charge', { order: 'A1' })).answer?.receipt;
