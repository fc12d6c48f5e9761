import {
  baseUrlOf,
  checkCredentials,
  DAY_MS,
  defineAdapter,
  effectOf,
  headerTextUpTo,
  idOf,
  InputError,
  knownOf,
  MINUTE_MS,
  moneyOf,
  oneOf,
  optional,
  record,
  text,
  textOf,
  textUpTo,
  wallTime,
  type Adapter,
  type Advice,
  type BatchQuery,
  type FieldCheck,
  type Fields,
  type Location,
  type Money,
  type StatusQuery,
  type Ticket,
  type WriteOperation,
} from '../../kit/index.ts';
import { growing } from '../../policies/backoff.ts';
import { cancellation, charge, order, paymentState, refund, refundState } from './codes.ts';
import type { QfpayAnswers } from './answers.ts';
import type { QfpayCancellationFields, QfpayFields, QfpayPaymentFields, QfpayQueryFields } from './fields.ts';
import { readCancellation, readPayment, readRefund, readRows, rowsOfOne } from './read.ts';
import { sign, type SignType } from './sign.ts';

/** What QFPay issues to a merchant, and how to speak to it. */
export interface QfpayCredentials extends Location {
  /** The app code. Not a secret: tickets name it. */
  appCode: string;
  /** The client key that signs. */
  clientKey: string;
  /** The hash of the signature. Default `SHA256`. */
  signType?: SignType;
  /** The merchant ID, where QFPay issued one: it then goes with every request. One adapter serves one merchant ID. */
  mchid?: string;
  /** The manuals contradict each other on the method of these two. Default `POST` for both. */
  methods?: { 'payment.reverse'?: 'GET' | 'POST'; 'payment.close'?: 'GET' | 'POST' };
}

/** @see https://sdk.qfapi.com/docs/preparation/environments */
export const baseUrls = {
  production: 'https://openapi-hk.qfapi.com',
  sandbox: 'https://openapi-int.qfapi.com',
} as const;

/**
 * The pay types whose QR code expires, by default after 30 minutes.
 *
 * @see https://sdk.qfapi.com/docs/api-reference/request-format
 */
const expiring: ReadonlySet<unknown> = new Set([
  '800201',
  '800101',
  '801512',
  '801501',
  '801107',
  '801101',
  '801010',
  '801510',
]);
const EXPIRES_AFTER_MINUTES = 30;

/** A query splits its numbers at commas: such an order could never be asked about. */
const orderNumber: FieldCheck = {
  expects: 'a text of at most 128 characters without a comma',
  accepts: value => textUpTo(128).accepts(value) && !(value as string).includes(','),
};

const methodsByOperation: FieldCheck = {
  expects: 'an object of GET or POST, by payment.reverse and payment.close',
  accepts: value =>
    record.accepts(value) && Object.values(value as object).every(optional(oneOf('GET', 'POST')).accepts),
};

/** Written in one way only, so that an answer's amount can be compared with it. */
const currencyCode: FieldCheck = {
  expects: 'a currency of three capital letters, such as HKD',
  accepts: value => typeof value === 'string' && /^[A-Z]{3}$/.test(value),
};

const inMinorUnits = (value: unknown): boolean =>
  (typeof value === 'number' || typeof value === 'string') && /^(?:0|[1-9]\d{0,10})$/.test(String(value));

const minorUnits: FieldCheck = {
  expects: 'a whole number of minor units (100 is 1.00), 1 or more, of at most 11 digits',
  accepts: value => inMinorUnits(value) && Number(value) > 0,
  readable: inMinorUnits,
};

/**
 * QFPay’s adapter, as `terse.ts` gives it; `index.ts` adds the sentences of `advice.ts`.
 *
 * @param advice the sentence for a row, told with each verdict. Default: rows that keep theirs apart have none
 * @throws {InputError} for credentials of the wrong shape
 */
export function qfpay(credentials: QfpayCredentials, advice?: Advice): Adapter<QfpayFields, QfpayAnswers> {
  checkCredentials('qfpay', credentials, {
    appCode: headerTextUpTo(128),
    clientKey: headerTextUpTo(1024),
    signType: optional(oneOf('SHA256', 'MD5')),
    mchid: optional(textUpTo(16)),
    methods: optional(methodsByOperation),
  });
  const { appCode, clientKey, signType = 'SHA256', mchid, methods = {} } = credentials;

  return defineAdapter<QfpayFields, QfpayAnswers>({
    name: 'qfpay',
    advice,
    account: mchid === undefined ? appCode : `${appCode}/${mchid}`,
    ...baseUrlOf('qfpay', credentials, baseUrls),
    encodings: ['form'],
    read: readPayment,
    perSend: ['txdtm'],
    secret: () => clientKey,
    webhook: async () => (await import('./webhook.ts')).qfpayWebhook({ clientKey, mchid }),
    policy: {
      // Of each merchant: https://sdk.qfapi.com, API usage guidelines.
      limit: { perSecond: 100, perMinute: 400 },
      poll: {
        // "If the order keeps returning 1143 or 1145 for more than 2 minutes, close it":
        // https://github.com/QFPay/QFPAY_Global, 6_QR_code_pay.md
        deadlineMs: 2 * MINUTE_MS,
        // The first look comes soon enough for a payer who only presses a finger; a password takes longer, so the next
        // ones come calmly.
        backoff: growing({ firstMs: 1500, baseMs: 3500 }),
      },
    },

    operations: {
      'payment.create': {
        ...payment,
        required: paymentChecks,
        optional: ['auth_code', ...paymentOptions],
        // Neither a scanned code, nor what tells who pays or with which device.
        storable: [
          'txamt',
          'txcurrcd',
          'pay_type',
          'out_trade_no',
          'txdtm',
          'expired_time',
          'goods_name',
          'notify_url',
          'return_url',
          'limit_pay',
        ],
        codes: ({ sent = {} }) => (isScanned(sent) ? charge : order),
      },
      // The same request by another name: a drop-in request keeps the older one.
      'payment.charge': {
        ...payment,
        required: { ...paymentChecks, auth_code: textUpTo(128) },
        optional: paymentOptions,
        // A drop-in request of this name may lack the code: then 0000 only says that there is an order.
        codes: ({ sent }) => (sent === undefined || isScanned(sent) ? charge : order),
        match: isScanned,
      },
      'payment.query': {
        path: '/trade/v1/query',
        required: {},
        codes: paymentState,
        read: readRows('payment'),
        reference: { out_trade_no: 'out_trade_no', syssn: 'syssn' },
      },
      'payment.reverse': {
        path: '/trade/v1/reversal',
        method: methods['payment.reverse'] ?? 'POST',
        ...undoing,
      },
      'payment.close': {
        path: '/trade/v1/close',
        method: methods['payment.close'] ?? 'POST',
        ...undoing,
      },
      'refund.create': {
        path: '/trade/v1/refund',
        required: { txamt: minorUnits, out_trade_no: orderNumber, syssn: textUpTo(128) },
        optional: ['txdtm', 'udid'],
        storable: ['txamt', 'out_trade_no', 'syssn', 'txdtm'],
        codes: refund,
        read: readRefund,
        reference: ['out_trade_no', 'syssn'],
        identity: ownNumber,
        query: { operation: 'refund.query', fields: askForRefund, batch: askForMany },
        follows: 'refund',
        sameReference: 'unknown',
        expect,
      },
      'refund.query': {
        path: '/trade/v1/query',
        required: {},
        codes: refundState,
        read: readRows('refund'),
        reference: { out_trade_no: 'out_trade_no' },
      },
    },

    body: (fields, { operation, openedAtMs }) => {
      if (given(fields, 'mchid') && fields['mchid'] !== mchid) {
        throw new InputError(
          `qfpay ${operation}: mchid belongs to the adapter, not to the fields: make one adapter for each.`,
        );
      }
      return {
        // An empty field is left out of the signature (https://sdk.qfapi.com/docs/api-reference/signature-generation):
        // it is not sent either.
        ...Object.fromEntries(Object.entries(fields).filter(([name]) => given(fields, name))),
        ...(mchid !== undefined && { mchid }),
        ...(effectOf(operation) === 'write' && { txdtm: textOf(fields, 'txdtm') ?? timeInHongKong(openedAtMs) }),
      };
    },

    // What is signed is read back from what is sent: the two cannot differ.
    headers: ({ method, path, body }) => ({
      'X-QF-APPCODE': appCode,
      'X-QF-SIGN': sign(new URLSearchParams(method === 'GET' ? path.split('?')[1] : body), clientKey, signType),
      'X-QF-SIGNTYPE': signType,
    }),
  });
}

/** Payments and refunds share one space: "unique for each payment and refund request". */
const ownNumber = { number: 'out_trade_no', space: 'out_trade_no' } as const;

/** A form carries an absent field as an empty one. */
const given = (fields: object, name: string): boolean => {
  const value = (fields as Fields)[name];
  return value !== undefined && value !== null && value !== '';
};

const isScanned = (fields: object): boolean => given(fields, 'auth_code');

function expect(fields: object): Money | undefined {
  const amount = idOf(fields, 'txamt');
  // What is written in another way could not be compared.
  return inMinorUnits(amount) ? moneyOf(amount, textOf(fields, 'txcurrcd')) : undefined;
}

function payableForMs(fields: object): number | undefined {
  if (isScanned(fields)) return undefined;
  const minutes = Number(
    idOf(fields, 'expired_time') ?? (expiring.has(idOf(fields, 'pay_type')) ? EXPIRES_AFTER_MINUTES : NaN),
  );
  return minutes >= 5 && minutes <= 120 ? minutes * MINUTE_MS : undefined;
}

/** The merchant's number finds every try of the order, a second paid one too; QFPay's finds only its own. */
const askForPayment: StatusQuery['fields'] = (ticket, nowMs) =>
  askForRefund(ticket, nowMs) ?? within(ticket, nowMs, 'syssn');

const askForRefund: StatusQuery['fields'] = (ticket, nowMs) => within(ticket, nowMs, 'out_trade_no');

/** Half a page: an order that was tried twice has two rows. */
const MOST_ORDERS = 50;

/**
 * One query for many orders, of payments or of refunds: `out_trade_no` takes a list with commas. The window is that of
 * the oldest of them.
 *
 * @see https://sdk.qfapi.com/docs/common-api/transaction-enquiry
 */
const askForMany: BatchQuery = {
  most: MOST_ORDERS,
  fields(orders) {
    const each = orders.map(({ fields }) => fields);
    const numbers = each.map(fields => textOf(fields, 'out_trade_no'));
    // Where a number is not known, or would be taken for two, that order is asked about alone.
    if (numbers.some(number => number === undefined || number.includes(','))) return undefined;
    const times = (name: string): string[] => each.map(fields => textOf(fields, name) ?? '').sort();
    return {
      out_trade_no: [...new Set(numbers)].join(','),
      start_time: times('start_time')[0],
      end_time: times('end_time').at(-1),
      page_size: 100,
    };
  },
  part: rowsOfOne,
};

function within(ticket: Ticket, nowMs: number, number: string): Fields | undefined {
  const named = knownOf(number)(ticket);
  return named && { ...named, ...everythingSince(ticket, nowMs) };
}

const paymentChecks = { txamt: minorUnits, txcurrcd: currencyCode, pay_type: text, out_trade_no: orderNumber };

const paymentOptions = [
  'txdtm',
  'expired_time',
  'goods_name',
  'udid',
  'notify_url',
  'return_url',
  'sub_openid',
  'limit_pay',
] as const;

/** Of a payment, by either name: whether the money is taken in the call is told by what is sent. */
const payment = {
  path: '/trade/v1/payment',
  reference: ['out_trade_no'],
  identity: ownNumber,
  numberRepeats: () => true,
  // The `txdtm` that the adapter gives: QFPay's rows repeat it. One of the merchant's own may be another try's too.
  echo: ({ openedAt }) => timeInHongKong(Date.parse(openedAt)),
  learns: ['syssn'],
  query: { operation: 'payment.query', fields: askForPayment, batch: askForMany },
  sameReference: 'unknown',
  expect,
  charge: isScanned,
  payerNeedsAnswer: fields => !isScanned(fields),
  payableForMs,
  // Links, and codes of other pay types: as long as the codes whose life is known.
  followedForMs: EXPIRES_AFTER_MINUTES * MINUTE_MS,
  // "If paid, refund and close", says the manual of 2017 of a reversal, and Japan's of a close.
  cancel: {
    operation: ({ charge }) => (charge === true ? 'payment.reverse' : 'payment.close'),
    fields: ({ reference: { out_trade_no, syssn }, expect: money }) =>
      money && { txamt: money.amount, out_trade_no, ...(syssn !== undefined && { syssn }) },
  },
} satisfies Omit<WriteOperation<QfpayPaymentFields>, 'required' | 'codes'>;

/** Of a reversal and a close alike. */
const undoing = {
  required: { txamt: minorUnits },
  optional: ['out_trade_no', 'syssn', 'txdtm', 'udid'],
  storable: ['txamt', 'out_trade_no', 'syssn', 'txdtm'],
  codes: cancellation,
  read: readCancellation,
  // It goes by the payment's numbers: either is enough.
  reference: ({ out_trade_no, syssn }: QfpayCancellationFields) => ({ out_trade_no, syssn }),
  identity: 'target',
  learns: ['syssn'],
  query: { operation: 'payment.query', fields: askForPayment, batch: askForMany },
  follows: 'cancel',
  sameReference: 'unknown',
  expect,
} satisfies Omit<WriteOperation<QfpayCancellationFields>, 'path'>;

/**
 * Without a window QFPay looks through the current month only, and an order of last month's last minute is not found. A
 * day on either side covers clocks and time zones that differ. A page has ten rows unless more are asked for, and 100
 * at most.
 *
 * @see https://sdk.qfapi.com/docs/common-api/transaction-enquiry
 */
function everythingSince(
  ticket: Ticket,
  nowMs: number,
): Pick<QfpayQueryFields, 'start_time' | 'end_time' | 'page_size'> {
  return {
    start_time: timeInHongKong(Date.parse(ticket.openedAt) - DAY_MS),
    end_time: timeInHongKong(nowMs + DAY_MS),
    page_size: 100,
  };
}

/** `YYYY-MM-DD HH:mm:ss` at +0800. */
const timeInHongKong = (atMs: number): string => wallTime(atMs, 8).replace('T', ' ');
