import { defineAdapter, type Adapter, type ReadName, type StatusQuery, type WriteOperation } from '../../adapter.ts';
import { asRecord, idOf, integerOf, statedOf, textOf, UNREADABLE, type Exchange, type Reading } from '../../exchange.ts';
import { baseUrlOf, checkFields, text, textUpTo, whole, type FieldCheck, type Location } from '../../fields.ts';
import type { TokenStore } from '../../token.ts';
import {
  paymentCancel,
  paymentCapture,
  paymentConfirm,
  paymentCreate,
  paymentList,
  paymentQuery,
  payoutCreate,
  payoutQuery,
  refundCreate,
  refundQuery,
} from './codes.ts';
import { tokenOf } from './sign.ts';
import { uqpayWebhook } from './webhook.ts';

/** What UQPAY's dashboard gives a merchant. */
export interface UqpayCredentials extends Location {
  /** Public: it names the account in tickets. */
  clientId: string;
  /** Secret: exchanged for a token. */
  apiKey: string;
  /** Secret: signs webhooks. Needed to receive them. */
  webhookSecret?: string;
  /** The account id of a connected account to act for. Default: the account itself. */
  onBehalfOf?: string;
  /** Where the token is kept. Machines that use one `clientId` must share it. Default: this process. */
  tokens?: TokenStore;
}

/** Why an intent is canceled. */
export type CancellationReason = 'duplicate' | 'fraudulent' | 'requested_by_customer' | 'abandoned';

/** The fields of each operation, as UQPAY names them. Amounts are decimal texts in the currency's main unit, such as `'10.12'`. */
export interface UqpayFields {
  'payment.create': {
    amount: string;
    /** Three letters, such as `SGD`. */
    currency: string;
    /** Your order number, 36 characters at most. UQPAY does not keep it unique: use each one once. */
    merchant_order_id: string;
    /** What the payer sees, 32 characters at most. */
    description: string;
    /** Where the payer comes back to, 1,024 characters at most. */
    return_url: string;
    /** With it the intent is confirmed at once: a card is charged in this call. Default: `payment.confirm` brings it later. */
    payment_method?: Readonly<Record<string, unknown>>;
    /** The payer's address, needed for 3-D Secure. */
    ip_address?: string;
    /** The payer's browser, needed for 3-D Secure. */
    browser_info?: Readonly<Record<string, unknown>>;
    customer?: Readonly<Record<string, unknown>>;
    customer_id?: string;
    payment_orders?: Readonly<Record<string, unknown>>;
    /** 512 bytes of JSON at most. */
    metadata?: Readonly<Record<string, string>>;
  };
  'payment.confirm': {
    payment_intent_id: string;
    payment_method?: Readonly<Record<string, unknown>>;
    ip_address?: string;
    browser_info?: Readonly<Record<string, unknown>>;
    return_url?: string;
  };
  'payment.query': { payment_intent_id: string };
  'payment.list': {
    /** 1 to 100. */
    page_size: number | string;
    /** From 1. */
    page_number: number | string;
    /** ISO 8601, exclusive. */
    start_time?: string;
    /** ISO 8601, exclusive. */
    end_time?: string;
    /** As the Go SDK and the CLI filter; the Node SDK says `intent_status`. */
    payment_intent_status?: string;
    intent_status?: string;
    /** Looks for this order on the page. Never sent: UQPAY has no such filter. */
    merchant_order_id?: string;
  };
  'payment.capture': {
    payment_intent_id: string;
    /** Default: all that was authorized. */
    amount_to_capture?: string;
  };
  'payment.cancel': { payment_intent_id: string; cancellation_reason?: CancellationReason };
  'refund.create': {
    payment_intent_id: string;
    amount: string;
    /** 100 characters at most. */
    reason: string;
    payment_attempt_id?: string;
    metadata?: Readonly<Record<string, string>>;
    /** Your number of this refund. Never sent, as UQPAY has no field for it: it keeps two refunds of one payment apart. */
    merchant_refund_id?: string;
  };
  'refund.query': { payment_refund_id: string };
  'payout.create': {
    payout_currency: string;
    payout_amount: string;
    /** What the receiving bank shows, 15 characters at most. */
    statement_descriptor: string;
    internal_note?: string;
    /** A UQPAY account to pay to. Default: the bank account on file. */
    payout_account_id?: string;
    /** Your number of this payout. Never sent, as UQPAY has no field for it: it keeps two payouts apart. */
    merchant_payout_id?: string;
  };
  'payout.query': { payout_id: string };
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** UQPAY closes an intent by itself. https://developers-sandbox.uqpaytech.com/global-acquiring/v1.6/guide/core-concepts */
const INTENT_LIVES_MS = 30 * MINUTE_MS;

const baseUrls = { production: 'https://api.uqpay.com/api', sandbox: 'https://api-sandbox.uqpaytech.com/api' };

const headerText: FieldCheck = {
  expects: 'a text of letters, digits and signs, without spaces',
  accepts: (value) => typeof value === 'string' && /^[\x21-\x7e]+$/.test(value),
};

const amount: FieldCheck = {
  expects: 'a decimal text, such as "10.12"',
  accepts: (value) => typeof value === 'string' && decimalOf(value) !== undefined,
};

const tokenStore: FieldCheck = {
  expects: 'a token store with get and set',
  accepts: (value) => typeof asRecord(value)?.['get'] === 'function' && typeof asRecord(value)?.['set'] === 'function',
};

const intent = { payment_intent_id: text };

/**
 * A repeated key is answered with the first send's result, a failure included, and is new again after 24 hours.
 *
 * https://developers-sandbox.uqpaytech.com/global-acquiring/v1.6/guide/integration-faq
 */
const keyed = {
  sameReference: 'replays',
  idempotencyKey: { rememberedForMs: 24 * HOUR_MS, header: 'x-idempotency-key' },
} satisfies Pick<WriteOperation, 'sameReference' | 'idempotencyKey'>;

/** Asks by the provider's own number, once the ticket has it; before, only the same key can tell. */
function askBy(operation: ReadName, name: string): StatusQuery {
  return {
    operation,
    fields: ({ reference }) => (reference[name] === undefined ? undefined : { [name]: reference[name] }),
  };
}

/** The list shows an intent at most so long before and after its ticket was opened: clocks differ, and a send may be repeated. */
const LIST_BEFORE_MS = 5 * 60_000;
const LIST_AFTER_MS = 30 * 60_000;

/** Looks through the intents of that time for the order number; the first page of a hundred has to do. */
const findIntent: StatusQuery = {
  operation: 'payment.list',
  fields: ({ reference, openedAt, lastSentAt }) => ({
    page_size: 100,
    page_number: 1,
    merchant_order_id: reference['merchant_order_id'],
    start_time: new Date(Date.parse(openedAt) - LIST_BEFORE_MS).toISOString(),
    end_time: new Date(Date.parse(lastSentAt ?? openedAt) + LIST_AFTER_MS).toISOString(),
  }),
};

/**
 * UQPAY, Global Acquiring v1.6.
 *
 * @example
 * ```ts
 * const gateway = createGateway({ adapter: uqpay({ clientId, apiKey, environment: 'sandbox' }) });
 * ```
 * @throws {InputError} for credentials that cannot be right
 */
export function uqpay(credentials: UqpayCredentials): Adapter<UqpayFields> {
  checkFields('uqpay', credentials, { clientId: headerText, apiKey: headerText });
  const { clientId, apiKey, webhookSecret, onBehalfOf, tokens } = credentials;
  checkFields('uqpay', credentials, {
    ...(webhookSecret !== undefined && { webhookSecret: text }),
    ...(onBehalfOf !== undefined && { onBehalfOf: headerText }),
    ...(tokens !== undefined && { tokens: tokenStore }),
  });
  const location = baseUrlOf('uqpay', credentials, baseUrls);
  const token = tokenOf({ baseUrl: location.baseUrl.replace(/\/+$/, ''), clientId, apiKey, tokens });

  return defineAdapter<UqpayFields>({
    name: 'uqpay',
    account: onBehalfOf === undefined ? clientId : `${clientId}/${onBehalfOf}`,
    environment: credentials.environment,
    ...location,
    encodings: ['json'],
    read,
    webhook: uqpayWebhook(webhookSecret, read),
    body: (fields, { operation }) =>
      operation === 'payment.list' ? Object.fromEntries(Object.entries(fields).filter(([name]) => name !== 'merchant_order_id')) : fields,
    headers: async (send) => ({
      'x-auth-token': `Bearer ${await token(send)}`,
      'x-client-id': clientId,
      ...(onBehalfOf !== undefined && { 'x-on-behalf-of': onBehalfOf }),
      ...(send.idempotencyKey !== undefined && send.method !== 'GET' && { 'x-idempotency-key': send.idempotencyKey }),
    }),
    operations: {
      'payment.create': {
        path: '/v2/payment_intents/create',
        required: { amount, currency: text, merchant_order_id: textUpTo(36), description: textUpTo(32), return_url: textUpTo(1024) },
        codes: paymentCreate,
        ...keyed,
        reference: ['merchant_order_id'],
        learns: ['payment_intent_id'],
        query: askBy('payment.query', 'payment_intent_id'),
        lookUp: findIntent,
        expect: (fields) => moneyOf(fields.amount, fields.currency),
        payableForMs: () => INTENT_LIVES_MS,
      },
      // No charge to the core: a failed attempt that a query sees may be an earlier one, while this one is still on its way.
      'payment.confirm': {
        path: '/v2/payment_intents/{payment_intent_id}/confirm',
        required: intent,
        codes: paymentConfirm,
        ...keyed,
        reference: ['payment_intent_id'],
        query: askBy('payment.query', 'payment_intent_id'),
        // An intent that still waits for its payer says that a lost confirm did not land, or that its next step was lost with it.
        payerNeedsAnswer: () => true,
      },
      'payment.query': {
        path: '/v2/payment_intents/{payment_intent_id}',
        method: 'GET',
        required: intent,
        codes: paymentQuery,
        reference: { payment_intent_id: 'payment_intent_id' },
      },
      'payment.list': {
        path: '/v2/payment_intents',
        method: 'GET',
        required: { page_size: whole, page_number: whole },
        codes: paymentList,
        read: readList,
        reference: { merchant_order_id: 'merchant_order_id' },
      },
      'payment.capture': {
        path: '/v2/payment_intents/{payment_intent_id}/capture',
        required: intent,
        codes: paymentCapture,
        ...keyed,
        reference: ['payment_intent_id'],
        query: askBy('payment.query', 'payment_intent_id'),
        follows: 'capture',
      },
      'payment.cancel': {
        path: '/v2/payment_intents/{payment_intent_id}/cancel',
        required: intent,
        codes: paymentCancel,
        ...keyed,
        reference: ['payment_intent_id'],
        query: askBy('payment.query', 'payment_intent_id'),
        follows: 'cancel',
      },
      'refund.create': {
        path: '/v2/payment/refunds',
        required: { payment_intent_id: text, amount, reason: textUpTo(100) },
        codes: refundCreate,
        ...keyed,
        reference: ['merchant_refund_id', 'payment_intent_id'],
        unsent: ['merchant_refund_id'],
        learns: ['payment_refund_id'],
        query: askBy('refund.query', 'payment_refund_id'),
        follows: 'refund',
        expect: (fields) => moneyOf(fields.amount),
      },
      'refund.query': {
        path: '/v2/payment/refunds/{payment_refund_id}',
        method: 'GET',
        required: { payment_refund_id: text },
        codes: refundQuery,
        reference: { payment_refund_id: 'payment_refund_id' },
      },
      'payout.create': {
        path: '/v2/payment/payout/create',
        required: { payout_currency: text, payout_amount: amount, statement_descriptor: textUpTo(15) },
        codes: payoutCreate,
        ...keyed,
        reference: ['merchant_payout_id', 'statement_descriptor'],
        unsent: ['merchant_payout_id'],
        learns: ['payout_id'],
        query: askBy('payout.query', 'payout_id'),
        expect: (fields) => moneyOf(fields.payout_amount, fields.payout_currency),
      },
      'payout.query': {
        path: '/v2/payment/payout/{payout_id}',
        method: 'GET',
        required: { payout_id: text },
        codes: payoutQuery,
        reference: { payout_id: 'payout_id' },
      },
    },
  });
}

function read({ body, status }: Exchange): Reading {
  return {
    names: [...errorNames(body, status), ...stateNames(body)],
    message: textOf(body, 'message') ?? textOf(body, 'error'),
    reference: {
      payment_intent_id: statedOf(body, 'payment_intent_id'),
      merchant_order_id: statedOf(body, 'merchant_order_id'),
      payment_refund_id: statedOf(body, 'payment_refund_id'),
      payout_id: statedOf(body, 'payout_id'),
    },
    ...moneyStated(body),
  };
}

function moneyStated(body: unknown): Pick<Reading, 'amount' | 'currency'> {
  const amount = own(body, 'amount') ?? own(body, 'payout_amount');
  const currency = statedOf(body, 'currency') ?? statedOf(body, 'payout_currency');
  const stated = amount !== undefined && amount !== null && amount !== '';
  return { amount: stated ? (decimalOf(amount) ?? UNREADABLE) : undefined, currency: currency === UNREADABLE ? currency : currency?.toUpperCase() };
}

/** A page of intents, read for the one order that was asked for. A page without it says so. */
function readList(exchange: Exchange): Reading | readonly Reading[] {
  const pages = integerOf(exchange.body, 'total_pages');
  // An empty page may come as null.
  const rows = own(exchange.body, 'data') ?? (pages === undefined ? undefined : []);
  if (!Array.isArray(rows)) return read(exchange);
  const wanted = idOf(exchange.sent, 'merchant_order_id');
  if (wanted === undefined) return { names: ['list'] };
  const found = rows.filter((row: unknown) => textOf(row, 'merchant_order_id') === wanted);
  if (found.length > 0) return found.map((row: unknown) => read({ ...exchange, body: row }));
  return { names: [pages !== undefined && pages <= 1 ? 'list/none' : 'list/incomplete'] };
}

function errorNames(body: unknown, status: number): string[] {
  const given = textOf(body, 'type');
  // The error code reference has one spelling, the error codes guide the other.
  const type = given === 'idempotency_error' ? 'idempotence_error' : given;
  const code = textOf(body, 'code');
  if (type !== undefined) return code === undefined ? [type] : [`${type}/${code}`, type];
  // The guard in front of the API says `{ error }` and nothing else.
  return status === 401 ? [...olderNames(body), 'unauthorized_error'] : olderNames(body);
}

/**
 * What is said of a send that is still running: the code's own text in the error code reference, and the older envelope's, which
 * UQPAY's SDKs look for in any case. https://github.com/uqpay/uqpay-node/blob/d9d5b59/tests/error.test.ts
 */
const stillRunning: ReadonlySet<string> = new Set([
  'request is being processed',
  'request is processing',
  'request is processing, please try again later',
]);

/** The older envelope has no type, and its number is no code (under HTTP 400 it may say 200): only these very words tell. */
function olderNames(body: unknown): string[] {
  const number = integerOf(body, 'code');
  if (number === undefined) return [];
  const message = textOf(body, 'message')?.toLowerCase() ?? '';
  return [stillRunning.has(message) ? 'idempotence_error/request_being_processed' : `numeric/${number}`];
}

function stateNames(body: unknown): string[] {
  const intentStatus = textOf(body, 'intent_status');
  const attemptStatus = textOf(own(body, 'latest_payment_attempt'), 'attempt_status');
  const states = { intent: intentStatus, refund: textOf(body, 'refund_status'), payout: textOf(body, 'payout_status') };
  return [
    ...(intentStatus === undefined || attemptStatus === undefined ? [] : [`intent/${intentStatus}/${attemptStatus}`]),
    ...Object.entries(states).flatMap(([kind, state]) => (state === undefined ? [] : [`${kind}/${state}`])),
  ];
}

function own(body: unknown, name: string): unknown {
  const record = asRecord(body);
  return record !== undefined && Object.hasOwn(record, name) ? record[name] : undefined;
}

/** An amount and its currency, so written that `10`, `10.0` and `10.00` are one. */
function moneyOf(given: unknown, currency?: unknown): { amount: string; currency?: string } | undefined {
  const decimal = decimalOf(given);
  if (decimal === undefined) return undefined;
  return { amount: decimal, ...(typeof currency === 'string' && currency !== '' && { currency: currency.toUpperCase() }) };
}

function decimalOf(value: unknown): string | undefined {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  const [, units, decimals = ''] = /^0{0,20}(\d{1,20})(?:\.(\d{1,20}))?$/.exec(String(value)) ?? [];
  if (units === undefined) return undefined;
  const significant = decimals.replace(/0+$/, '');
  return significant === '' ? units : `${units}.${significant}`;
}
