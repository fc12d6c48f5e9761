import {
  knownOf,
  asRecord,
  askBy,
  baseUrlOf,
  checkCredentials,
  DAY_MS,
  defineAdapter,
  HOUR_MS,
  idOf,
  instantOf,
  integerOf,
  MINUTE_MS,
  moneyOf,
  newKey,
  optional,
  statedOf,
  text,
  textOf,
  textUpTo,
  tokenStore,
  UNREADABLE,
  visibleText,
  whole,
  type Adapter,
  type Advice,
  type Exchange,
  type FieldCheck,
  type Location,
  type Money,
  type Reading,
  type OwnCancel,
  type StatusQuery,
  type Ticket,
  type TokenStore,
  type WriteOperation,
} from '../../kit/index.ts';
import {
  paymentCancel,
  paymentCapture,
  paymentConfirm,
  paymentCreate,
  paymentList,
  paymentQuery,
  payoutCreate,
  payoutList,
  payoutQuery,
  refundCreate,
  refundList,
  refundQuery,
} from './codes.ts';
import type { UqpayAnswers } from './answers.ts';
import type { UqpayFields } from './fields.ts';
import { tokenOf } from './sign.ts';

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

/**
 * UQPAY closes an intent by itself. https://developers-sandbox.uqpaytech.com/global-acquiring/v1.6/guide/core-concepts
 */
const INTENT_LIVES_MS = 30 * MINUTE_MS;

/** Where UQPAY is, by environment. */
export const baseUrls = {
  production: 'https://api.uqpay.com/api',
  sandbox: 'https://api-sandbox.uqpaytech.com/api',
} as const;

const amount: FieldCheck = {
  expects: 'a decimal text, such as "10.12", more than 0',
  accepts: value => typeof value === 'string' && Number(decimalOf(value) ?? 0) > 0,
  readable: value => decimalOf(value) !== undefined,
};

const intent = { payment_intent_id: text };

/** Only under UQPAY's own number: an intent whose answer was lost cannot be canceled. */
const cancel: OwnCancel = { operation: 'payment.cancel', fields: knownOf('payment_intent_id') };

/**
 * A repeated key is answered with the first send's result, a failure included, and is new again after 24 hours.
 *
 * https://developers-sandbox.uqpaytech.com/global-acquiring/v1.6/guide/integration-faq
 */
const keyed = {
  sameReference: 'replays',
  idempotencyKey: { rememberedForMs: 24 * HOUR_MS, header: 'x-idempotency-key' },
} satisfies Pick<WriteOperation, 'sameReference' | 'idempotencyKey'>;

/**
 * A list is asked for so much time before a ticket's opening and after its last send: clocks differ, and the way is
 * long.
 */
const LIST_AROUND_MS = 5 * MINUTE_MS;

/** A whole page, of what was made around the ticket's sends. */
const pageAround = (
  { openedAt, lastSentAt }: Ticket,
  aroundMs = LIST_AROUND_MS,
): { page_size: number; page_number: number; start_time: string; end_time: string } => ({
  page_size: 100,
  page_number: 1,
  start_time: new Date(Date.parse(openedAt) - aroundMs).toISOString(),
  end_time: new Date(Date.parse(lastSentAt ?? openedAt) + aroundMs).toISOString(),
});

/** Looks through the intents of that time for the order number. */
const findIntent: StatusQuery = {
  operation: 'payment.list',
  fields: ticket => ({ ...pageAround(ticket), merchant_order_id: ticket.reference['merchant_order_id'] }),
};

/** The payment's refunds of that time. */
const findRefund: StatusQuery = {
  operation: 'refund.list',
  fields: ticket => ({ ...pageAround(ticket), payment_intent_id: ticket.reference['payment_intent_id'] }),
};

/** The payouts are listed by day, and nobody says by whose: the days around are asked for too. */
const findPayout: StatusQuery = {
  operation: 'payout.list',
  fields(ticket) {
    const { start_time, end_time, ...page } = pageAround(ticket, DAY_MS);
    return {
      ...page,
      start_time: start_time.slice(0, 10),
      end_time: end_time.slice(0, 10),
      statement_descriptor: ticket.reference['statement_descriptor'],
    };
  },
};

/**
 * Queries that must carry a key, says their reference: a fresh one each, since a repeated key is answered with what was
 * true before.
 */
const keyedQueries: ReadonlySet<string> = new Set(['payout.query', 'payout.list']);

/**
 * UQPAY’s adapter, as `terse.ts` gives it; `index.ts` adds the sentences of `advice.ts`.
 *
 * @param advice the sentence for a row, told with each verdict. Default: rows that keep theirs apart have none
 * @throws {InputError} for credentials of the wrong shape
 */
export function uqpay(credentials: UqpayCredentials, advice?: Advice): Adapter<UqpayFields, UqpayAnswers> {
  checkCredentials('uqpay', credentials, {
    clientId: visibleText,
    apiKey: visibleText,
    webhookSecret: optional(text),
    onBehalfOf: optional(visibleText),
    tokens: optional(tokenStore),
  });
  const { clientId, apiKey, webhookSecret, onBehalfOf, tokens } = credentials;
  const location = baseUrlOf('uqpay', credentials, baseUrls);
  const token = tokenOf({ baseUrl: location.baseUrl, clientId, apiKey, tokens });

  return defineAdapter<UqpayFields, UqpayAnswers>({
    name: 'uqpay',
    advice,
    account: onBehalfOf === undefined ? clientId : `${clientId}/${onBehalfOf}`,
    ...location,
    encodings: ['json'],
    read,
    answerSecrets: ['client_secret'],
    secret: () => apiKey,
    webhook: async () => (await import('./webhook.ts')).uqpayWebhook({ webhookSecret, onBehalfOf, read }),
    headers: async send => ({
      'x-auth-token': `Bearer ${await token(send)}`,
      'x-client-id': clientId,
      ...(onBehalfOf !== undefined && { 'x-on-behalf-of': onBehalfOf }),
      ...(keyedQueries.has(send.operation) && { 'x-idempotency-key': newKey() }),
    }),
    operations: {
      'payment.create': {
        path: '/v2/payment_intents/create',
        required: {
          amount,
          currency: text,
          merchant_order_id: textUpTo(36),
          description: textUpTo(32),
          return_url: textUpTo(1024),
        },
        optional: [
          'payment_method',
          'ip_address',
          'browser_info',
          'customer',
          'customer_id',
          'payment_orders',
          'metadata',
        ],
        // Neither a card, nor what tells of the payer; nor `metadata`, which is the merchant's to fill.
        storable: ['amount', 'currency', 'merchant_order_id', 'description', 'return_url'],
        codes: paymentCreate,
        ...keyed,
        reference: ['merchant_order_id'],
        identity: { number: 'merchant_order_id' },
        // UQPAY makes as many intents of one number as it is asked for.
        numberRepeats: () => true,
        learns: ['payment_intent_id'],
        query: askBy('payment.query', 'payment_intent_id'),
        lookUp: findIntent,
        expect: fields => moneyIn(fields.amount, fields.currency),
        payableForMs: () => INTENT_LIVES_MS,
        cancel,
        // `client_secret` and `next_action` are in this answer; the same key brings it back.
        payerNeedsAnswer: () => true,
      },
      // No charge to the core: a failed attempt that a query sees may be an earlier one, while this one is still on its
      // way.
      'payment.confirm': {
        path: '/v2/payment_intents/{payment_intent_id}/confirm',
        required: intent,
        optional: ['payment_method', 'ip_address', 'browser_info', 'return_url'],
        codes: paymentConfirm,
        ...keyed,
        reference: ['payment_intent_id'],
        identity: 'target',
        query: askBy('payment.query', 'payment_intent_id'),
        // At the longest: the intent is older than its confirm.
        payableForMs: () => INTENT_LIVES_MS,
        cancel,
        // An intent that still waits for its payer says that a lost confirm did not land, or that its next step was
        // lost with it.
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
        read: readIntents,
        // What a page is searched for: UQPAY has no such filter.
        unsent: ['merchant_order_id'],
        reference: { merchant_order_id: 'merchant_order_id' },
      },
      'payment.capture': {
        path: '/v2/payment_intents/{payment_intent_id}/capture',
        required: intent,
        optional: ['amount_to_capture'],
        storable: ['payment_intent_id', 'amount_to_capture'],
        codes: paymentCapture,
        ...keyed,
        reference: ['payment_intent_id'],
        // Two partial captures of one amount are two intentions, and UQPAY has no number for either.
        identity: {},
        query: askBy('payment.query', 'payment_intent_id'),
        follows: 'capture',
      },
      'payment.cancel': {
        path: '/v2/payment_intents/{payment_intent_id}/cancel',
        required: intent,
        optional: ['cancellation_reason'],
        storable: ['payment_intent_id', 'cancellation_reason'],
        codes: paymentCancel,
        ...keyed,
        reference: ['payment_intent_id'],
        identity: 'target',
        query: askBy('payment.query', 'payment_intent_id'),
        follows: 'cancel',
      },
      'refund.create': {
        path: '/v2/payment/refunds',
        required: { payment_intent_id: text, amount, reason: textUpTo(100) },
        optional: ['payment_attempt_id', 'metadata', 'merchant_refund_id'],
        storable: ['payment_intent_id', 'amount', 'reason', 'payment_attempt_id', 'merchant_refund_id'],
        codes: refundCreate,
        ...keyed,
        reference: ['merchant_refund_id', 'payment_intent_id'],
        identity: { number: 'merchant_refund_id' },
        unsent: ['merchant_refund_id'],
        learns: ['payment_refund_id'],
        query: askBy('refund.query', 'payment_refund_id'),
        lookUp: findRefund,
        follows: 'refund',
        expect: fields => moneyIn(fields.amount),
      },
      'refund.query': {
        path: '/v2/payment/refunds/{payment_refund_id}',
        method: 'GET',
        required: { payment_refund_id: text },
        codes: refundQuery,
        reference: { payment_refund_id: 'payment_refund_id' },
      },
      'refund.list': {
        path: '/v2/payment/refunds',
        method: 'GET',
        required: { page_size: whole, page_number: whole },
        codes: refundList,
        read: readRefunds,
        reference: { payment_intent_id: 'payment_intent_id', merchant_order_id: 'merchant_order_id' },
      },
      'payout.create': {
        path: '/v2/payment/payout/create',
        required: { payout_currency: text, payout_amount: amount, statement_descriptor: textUpTo(15) },
        optional: ['internal_note', 'payout_account_id', 'merchant_payout_id'],
        // Neither a note of any content nor an account to pay to: without one, the bank account on file is paid.
        storable: ['payout_currency', 'payout_amount', 'statement_descriptor', 'merchant_payout_id'],
        codes: payoutCreate,
        ...keyed,
        reference: ['merchant_payout_id', 'statement_descriptor'],
        identity: { number: 'merchant_payout_id' },
        unsent: ['merchant_payout_id'],
        learns: ['payout_id'],
        query: askBy('payout.query', 'payout_id'),
        lookUp: findPayout,
        expect: fields => moneyIn(fields.payout_amount, fields.payout_currency),
      },
      'payout.query': {
        path: '/v2/payment/payout/{payout_id}',
        method: 'GET',
        required: { payout_id: text },
        codes: payoutQuery,
        reference: { payout_id: 'payout_id' },
      },
      'payout.list': {
        path: '/v2/payment/payout',
        method: 'GET',
        required: { page_size: whole, page_number: whole },
        codes: payoutList,
        read: readPayouts,
        unsent: ['statement_descriptor'],
        reference: { statement_descriptor: 'statement_descriptor' },
      },
    },
  });
}

function read({ body, status }: Exchange): Reading {
  const attempt = own(body, 'latest_payment_attempt');
  return {
    names: [...errorNames(body, status), ...stateNames(body)],
    message: messageOf(body) ?? failureOf(body) ?? failureOf(attempt),
    reference: {
      payment_intent_id: statedOf(body, 'payment_intent_id'),
      merchant_order_id: statedOf(body, 'merchant_order_id'),
      payment_refund_id: statedOf(body, 'payment_refund_id'),
      payout_id: statedOf(body, 'payout_id'),
    },
    madeAtMs: instantOf(body, 'create_time'),
    ...moneyStated(body),
  };
}

const messageOf = (body: unknown): string | undefined => textOf(body, 'message') ?? textOf(body, 'error');

/** Why an attempt failed, in the issuer's words or by their code. */
function failureOf(body: unknown): string | undefined {
  return textOf(body, 'failure_message') ?? textOf(body, 'failure_code');
}

function moneyStated(body: unknown): Pick<Reading, 'amount' | 'currency'> {
  const amount = own(body, 'amount') ?? own(body, 'payout_amount');
  const currency = statedOf(body, 'currency') ?? statedOf(body, 'payout_currency');
  const stated = amount !== undefined && amount !== null && amount !== '';
  return {
    amount: stated ? (decimalOf(amount) ?? UNREADABLE) : undefined,
    currency: currency === UNREADABLE ? currency : currency?.toUpperCase(),
  };
}

const readIntents = (exchange: Exchange): Reading | readonly Reading[] => readPage(exchange, 'merchant_order_id');

const readPayouts = (exchange: Exchange): Reading | readonly Reading[] => readPage(exchange, 'statement_descriptor');

/**
 * The rows name neither payment nor order: they are those of the payment, or of the order, that UQPAY was asked for.
 */
function readRefunds(exchange: Exchange): Reading | readonly Reading[] {
  const filter = ['payment_intent_id', 'merchant_order_id'].find(name => idOf(exchange.sent, name) !== undefined);
  return filter === undefined
    ? readPage(exchange, 'payment_intent_id')
    : readPage(exchange, filter, idOf(exchange.sent, filter));
}

/**
 * A page, read for what was asked for: its rows, each with its own numbers, money and time. What is not there is said
 * to be so; where there are more pages than this one, that is said beside its rows, since another one may be on them.
 *
 * @param meant what a row means that does not state this name
 */
function readPage(exchange: Exchange, name: string, meant?: string): Reading | readonly Reading[] {
  const pages = integerOf(exchange.body, 'total_pages');
  // An empty page may come as null.
  const rows = own(exchange.body, 'data') ?? (pages === undefined ? undefined : []);
  // What is no page tells of no row, whatever it looks like: it can only refuse.
  if (!Array.isArray(rows))
    return { names: errorNames(exchange.body, exchange.status), message: messageOf(exchange.body) };
  const wanted = idOf(exchange.sent, name);
  if (wanted === undefined) return { names: ['list'] };
  const found = rows
    .filter((row: unknown) => (statedOf(row, name) ?? meant) === wanted)
    .map((row: unknown) => {
      const reading = read({ ...exchange, body: row });
      return { ...reading, reference: { ...reading.reference, [name]: wanted } };
    });
  const { page_size: _size, page_number, [name]: _name, ...filters } = exchange.sent ?? {};
  if (pages === undefined || pages > 1 || String(page_number) !== '1')
    return [...found, { names: ['list/incomplete'] }];
  return found.length > 0 ? found : { names: [Object.keys(filters).length > 0 ? 'list/none-of-these' : 'list/none'] };
}

function errorNames(body: unknown, status: number): string[] {
  const given = textOf(body, 'type');
  // The error code reference has one spelling, the error codes guide the other.
  const type = given === 'idempotency_error' ? 'idempotence_error' : given;
  const code = textOf(body, 'code');
  if (status === 401 && saysNotAllowed(messageOf(body))) return ['unauthorized_error/forbidden'];
  if (type !== undefined) return code === undefined ? [type] : [`${type}/${code}`, type];
  // The guard in front of the API says `{ error }`, and perhaps a message.
  if (status === 401) return [...olderNames(body, status), 'unauthorized_error'];
  return status === 403 && textOf(body, 'error') !== undefined ? ['forbidden'] : olderNames(body, status);
}

/**
 * A 401 for want of a permission, and not for the token: a new token would change nothing, and end the one that other
 * machines use. UQPAY's SDKs, too, tell an ended token by the message alone.
 */
const saysNotAllowed = (message = ''): boolean => /\bpermissions?\b/i.test(message) && !/\btoken\b/i.test(message);

/**
 * What is said of a send that is still running: the code's own text in the error code reference, and the older
 * envelope's, which UQPAY's SDKs look for in any case.
 * https://github.com/uqpay/uqpay-node/blob/d9d5b59/tests/error.test.ts
 */
const stillRunning: ReadonlySet<string> = new Set([
  'request is being processed',
  'request is processing',
  'request is processing, please try again later',
]);

/**
 * The older envelope has no type, and its number is the HTTP status, or 200 under HTTP 400: the status counts, and
 * these very words tell more.
 */
function olderNames(body: unknown, status: number): string[] {
  const number = integerOf(body, 'code');
  if (number === undefined) return [];
  const message = textOf(body, 'message')?.toLowerCase() ?? '';
  return stillRunning.has(message) ? ['idempotence_error/request_being_processed'] : [`numeric/${status}`];
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
const moneyIn = (amount: unknown, currency?: unknown): Money | undefined =>
  moneyOf(decimalOf(amount), typeof currency === 'string' ? currency.toUpperCase() : undefined);

function decimalOf(value: unknown): string | undefined {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  const [, units, decimals = ''] = /^0{0,20}(\d{1,20})(?:\.(\d{1,20}))?$/.exec(String(value)) ?? [];
  if (units === undefined) return undefined;
  const significant = decimals.replace(/0+$/, '');
  return significant === '' ? units : `${units}.${significant}`;
}
