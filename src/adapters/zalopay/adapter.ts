import {
  knownOf,
  asRecord,
  askBy,
  baseUrlOf,
  checkCredentials,
  checkFields,
  defineAdapter,
  HOUR_MS,
  idOf,
  InputError,
  integerOf,
  MINUTE_MS,
  oneOf,
  optional,
  statedOf,
  text,
  textOf,
  textUpTo,
  whole,
  type Adapter,
  type Advice,
  type CodeTable,
  type Exchange,
  type FieldCheck,
  type Location,
  type Money,
  type Reading,
  type ReadName,
  type OwnCancel,
  type StatusQuery,
  headerTextUpTo,
} from '../../kit/index.ts';
import type { ZalopayAnswers } from './answers.ts';
import * as codes from './codes.ts';
import type { ZalopayFields } from './fields.ts';
import { sign } from './sign.ts';

/** What {@link zalopay} needs to know of a merchant. */
export interface ZalopayCredentials extends Location {
  /** The app's number, from the merchant portal. */
  appId: number;
  /** The "mac key": signs requests. */
  key1: string;
  /** The "callback key": verifies what ZaloPay sends. */
  key2: string;
  /** Paths that no public page confirms. The two without a default cannot be sent until they are named here. */
  paths?: ZalopayPaths;
}

/** Defaults: `/v2/cancel`, `/v2/tokenization/bind` and `/v2/tokenization/query`; none for the last two. */
export interface ZalopayPaths {
  'payment.cancel'?: string;
  'card-binding.create'?: string;
  'card-binding.query'?: string;
  'card-binding.cancel'?: string;
  'card-payment.charge'?: string;
}

const dong: FieldCheck = {
  expects: 'a whole number of dong, 1 or more',
  accepts: value => whole.accepts(value) && Number(value) > 0,
  readable: whole.accepts,
};

/** Where ZaloPay is, by environment. */
export const baseUrls = { sandbox: 'https://sb-openapi.zalopay.vn', production: 'https://openapi.zalopay.vn' } as const;

/**
 * ZaloPay’s adapter, as `terse.ts` gives it; `index.ts` adds the sentences of `advice.ts`.
 *
 * @param advice the sentence for a row, told with each verdict. Default: rows that keep theirs apart have none
 * @throws {InputError} for credentials of the wrong shape
 */
export function zalopay(credentials: ZalopayCredentials, advice?: Advice): Adapter<ZalopayFields, ZalopayAnswers> {
  checkCredentials('zalopay', credentials, { appId: positive, key1: headerTextUpTo(1024), key2: headerTextUpTo(1024) });
  const { appId, key1, key2 } = credentials;
  const account = { appId, key1 };
  const paths: ZalopayPaths = { ...usualPaths, ...checkedPaths(credentials.paths) };

  return defineAdapter<ZalopayFields, ZalopayAnswers>({
    name: 'zalopay',
    advice,
    account: String(account.appId),
    ...baseUrlOf('zalopay', credentials, baseUrls),
    encodings: ['json', 'form'],
    operations: {
      // Not storable: `app_user` says who pays, `identifier` whose wallet it is, and codes and tokens are as good as money.
      'payment.create': {
        path: '/v2/create',
        required: { app_trans_id: appTransId, app_user: textUpTo(50), amount: dong, description: textUpTo(256) },
        optional: [
          ...orderOptions,
          'expire_duration_seconds',
          'bank_code',
          'title',
          'sub_app_id',
          'product_code',
          'phone',
          'email',
          'address',
        ],
        ...answers(codes.paymentCreate),
        reference: ['app_trans_id'],
        identity: orderNumber,
        learns: ['zp_trans_id'],
        query: asked('payment.query', 'app_trans_id'),
        sameReference: 'refuses',
        expect: inDong,
        // More than the longest there is, or no number at all, is ZaloPay's to refuse.
        payableForMs: ({ expire_duration_seconds: seconds = 900 }) =>
          seconds <= 2_592_000 ? seconds * 1000 : undefined,
        payerNeedsAnswer: () => true,
        cancel: cancelOrder,
      },
      'payment.query': {
        path: '/v2/query',
        required: { app_trans_id: appTransId },
        codes: codes.paymentQuery,
        read: readPayment,
        reference: { app_trans_id: 'app_trans_id' },
      },
      'payment.cancel': {
        ...pathFrom(paths, 'payment.cancel'),
        required: { app_trans_id: appTransId },
        optional: ['app_id'],
        storable: ['app_trans_id', 'app_id'],
        ...answers(codes.paymentCancel),
        reference: ['app_trans_id'],
        identity: 'target',
        query: asked('payment.query', 'app_trans_id'),
        follows: 'cancel',
        sameReference: 'unknown',
      },
      'payment.charge': { path: '/v2/agreement/pay', ...answers(codes.paymentCharge, readCharge), ...tokenPayment },
      'payment.scan': {
        path: '/v2/quick_pay',
        required: {
          app_trans_id: appTransId,
          app_user: textUpTo(50),
          amount: dong,
          description: textUpTo(100),
          payment_code: text,
          payment_code_raw: text,
        },
        optional: [...orderOptions, 'userip'],
        ...answers(codes.paymentScan, readScan),
        unsent: ['payment_code_raw'],
        reference: ['app_trans_id'],
        identity: orderNumber,
        learns: ['zp_trans_id'],
        query: asked('payment.query', 'app_trans_id'),
        sameReference: 'unknown',
        expect: inDong,
        charge: () => true,
        // The app shows a new code every minute, and its payer has one for the PIN.
        chargeableForMs: () => MINUTE_MS,
        deadlineMs: 2 * MINUTE_MS,
        cancel: cancelOrder,
      },
      'refund.create': {
        path: '/v2/refund',
        required: { m_refund_id: refundId, zp_trans_id: text, amount: dong, description: textUpTo(100) },
        optional: ['app_id', 'refund_fee_amount'],
        storable: ['m_refund_id', 'zp_trans_id', 'amount', 'description', 'app_id', 'refund_fee_amount'],
        ...answers(codes.refundCreate),
        reference: ['m_refund_id'],
        identity: { number: 'm_refund_id' },
        learns: ['refund_id'],
        query: asked('refund.query', 'm_refund_id'),
        follows: 'refund',
        sameReference: 'unknown',
      },
      'refund.query': {
        path: '/v2/query_refund',
        required: { m_refund_id: refundId },
        codes: codes.refundQuery,
        reference: { m_refund_id: 'm_refund_id' },
      },
      'binding.create': {
        path: '/v2/agreement/bind',
        required: { app_trans_id: appTransId, identifier: text },
        optional: [
          'app_id',
          'binding_data',
          'binding_type',
          'max_amount',
          'callback_url',
          'redirect_url',
          'redirect_deep_link',
        ],
        ...answers(codes.bindingCreate),
        reference: ['app_trans_id'],
        identity: { number: 'app_trans_id' },
        learns: ['binding_id'],
        query: asked('binding.query', 'app_trans_id'),
        sameReference: 'refuses',
        payerNeedsAnswer: () => true,
      },
      'binding.query': {
        path: '/v2/agreement/query',
        required: { app_trans_id: appTransId },
        codes: codes.bindingQuery,
        read: readBinding,
        reference: { app_trans_id: 'app_trans_id' },
      },
      'binding.cancel': {
        path: '/v2/agreement/unbind',
        required: { identifier: text, binding_id: text },
        optional: ['app_id', 'app_trans_id'],
        ...answers(codes.bindingCancel),
        reference: ['binding_id', 'app_trans_id'],
        identity: 'target',
        unsent: ['app_trans_id'],
        query: asked('binding.query', 'app_trans_id'),
        follows: 'cancel',
        sameReference: 'unknown',
      },
      'balance.query': {
        path: '/v2/agreement/balance',
        required: { identifier: text, pay_token: text, amount: whole },
        codes: codes.balanceQuery,
      },
      'user.query': { path: '/v2/agreement/query_user', required: { access_token: text }, codes: codes.userQuery },
      'card-binding.create': {
        ...pathFrom(paths, 'card-binding.create'),
        required: {
          app_trans_id: appTransId,
          identifier: text,
          binding_type: oneOf('WALLET', 'CARD'),
          binding_mode: oneOf('BIND', 'BIND_AND_PAY'),
          device_type: oneOf('MOBILE', 'DESKTOP'),
        },
        ...answers(codes.cardBindingCreate),
        reference: ['app_trans_id'],
        identity: { number: 'app_trans_id' },
        learns: ['zp_trans_id'],
        query: asked('card-binding.query', 'app_trans_id'),
        sameReference: 'refuses',
        payerNeedsAnswer: () => true,
      },
      'card-binding.query': {
        ...pathFrom(paths, 'card-binding.query'),
        required: { app_trans_id: appTransId },
        codes: codes.cardBindingQuery,
        read: readBinding,
        reference: { app_trans_id: 'app_trans_id' },
      },
      'card-binding.cancel': {
        ...pathFrom(paths, 'card-binding.cancel'),
        required: { identifier: text, binding_id: text },
        ...answers(codes.cardBindingCancel),
        reference: ['binding_id', 'app_trans_id'],
        identity: 'target',
        unsent: ['app_trans_id'],
        query: asked('card-binding.query', 'app_trans_id'),
        follows: 'cancel',
        sameReference: 'unknown',
      },
      'card-payment.charge': {
        ...pathFrom(paths, 'card-payment.charge'),
        ...answers(codes.cardPaymentCharge, readCharge),
        ...tokenPayment,
      },
    },
    read: readPlainly,
    body: (fields, context) => sign(context.operation as keyof ZalopayFields, fields, account, context),
    // A code that is encrypted twice gives two texts: the one that was scanned tells them apart.
    perSend: ['app_time', 'req_date', 'timestamp', 'mac', 'payment_code'],
    answerSecrets: ['zp_trans_token', 'order_token'],
    secret: () => key1,
    webhook: async () => (await import('./webhook.ts')).zalopayWebhook({ appId, key2 }),
    // A first request that comes later than this is refused for its timestamp, and by then an order of the usual 15
    // minutes has ended: one more minute to hear either.
    policy: { poll: { absentAfterMs: 15 * MINUTE_MS, deadlineMs: 16 * MINUTE_MS } },
  });
}

const positive: FieldCheck = {
  expects: 'a whole number above 0',
  accepts: value => Number.isSafeInteger(value) && (value as number) > 0,
};
const appTransId = textUpTo(40);
/** What every order may have. */
const orderOptions = ['app_id', 'item', 'embed_data', 'callback_url', 'redirect_url', 'device_info'] as const;
const refundId = textUpTo(45);

/** ZaloPay knows an order by it, whichever call made the order. */
const orderNumber = { number: 'app_trans_id', space: 'app_trans_id' } as const;

const inDong = ({ amount }: { amount: unknown }): Money | undefined =>
  whole.accepts(amount) ? { amount: String(amount), currency: 'VND' } : undefined;

/**
 * "The transaction is valid only within 48 hours": later, "not found" means nothing. Older v2 pages,
 * docs.zalopay.vn/en/v2
 */
const ANSWERS_FOR_MS = 48 * HOUR_MS;

/** How long an order must go on telling the same end, after it was seen open, before it is a charge's of its. */
const ENDS_WHEN_UNCHANGED_FOR_MS = 10_000;

const asked = (operation: ReadName, name: string): StatusQuery =>
  askBy(operation, name, { answersForMs: ANSWERS_FOR_MS });

/** [codes] "Cancel Order", -403: what is paid is refused. */
const cancelOrder: OwnCancel = {
  operation: 'payment.cancel',
  fields: knownOf('app_trans_id'),
  sparesPaid: true,
};

/**
 * The number of the very try that an answer is about. The order's other tries have others, so that only a charge learns
 * it.
 */
const TRY = 'try_zp_trans_id';

/** Paying with a token, by wallet or card. */
const tokenPayment = {
  required: { app_trans_id: appTransId, identifier: text, zp_trans_token: text, pay_token: text },
  reference: ['app_trans_id'],
  // Its order was made under this number by another call, which is another intention: charges are told apart among
  // themselves.
  identity: { number: 'app_trans_id', space: 'charge of app_trans_id' },
  // [codes] -63: "If order not yet expired, user can top up, and retry payment."
  numberRepeats: () => true,
  unsent: ['app_trans_id'],
  learns: ['zp_trans_id', TRY],
  // It tells what the last try came to, and seldom that try's number.
  query: { ...asked('payment.query', 'app_trans_id'), endsWhenUnchangedForMs: ENDS_WHEN_UNCHANGED_FOR_MS },
  sameReference: 'unknown',
  charge: () => true,
  cancel: cancelOrder,
} as const;

/** In use by public integrations, but on none of ZaloPay's own pages. */
const usualPaths: ZalopayPaths = {
  'payment.cancel': '/v2/cancel',
  'card-binding.create': '/v2/tokenization/bind',
  'card-binding.query': '/v2/tokenization/query',
};

const path = optional({
  expects: 'a path such as /v2/cancel',
  accepts: value => typeof value === 'string' && /^(?:\/[\w-]+)+$/.test(value),
});
const pathChecks: Readonly<Record<keyof ZalopayPaths, FieldCheck>> = {
  'payment.cancel': path,
  'card-binding.create': path,
  'card-binding.query': path,
  'card-binding.cancel': path,
  'card-payment.charge': path,
};

function checkedPaths(paths: ZalopayPaths = {}): ZalopayPaths {
  const unknown = Object.keys(paths).filter(name => !Object.hasOwn(pathChecks, name));
  if (unknown.length > 0)
    throw new InputError(
      `zalopay paths: ${unknown.join(', ')} cannot be set. Known: ${Object.keys(pathChecks).join(', ')}.`,
    );
  checkFields('zalopay paths', paths, pathChecks);
  return paths;
}

/** Without a path there is only the table: the operation is classified and never sent. */
function pathFrom(paths: ZalopayPaths, name: keyof ZalopayPaths): { path: string; sendable: boolean } {
  return { path: paths[name] ?? '/unconfirmed', sendable: paths[name] !== undefined };
}

/**
 * `return_code` with its `sub_return_code`. A failure with a code of its own goes by that code alone: one that is not
 * in the tables is unknown, not a plain failure.
 */
function namesOf(body: unknown): readonly string[] {
  const code = integerOf(body, 'return_code');
  if (code === undefined) return [];
  const detail = integerOf(body, 'sub_return_code');
  // Success with an error, or something unreadable, as its detail contradicts itself: no row is meant for it.
  const stated = statedOf(body, 'sub_return_code');
  if (code === SUCCESS && stated !== undefined && !/^\d+$/.test(stated)) return [`${code}/${stated}`];
  // The manual lists system errors as sub codes of 2; the gateway also sends them as return codes.
  if (code < 0) return detail === undefined || detail === code ? [`2/${code}`] : [`${code}/${detail}`, `2/${code}`];
  // Without a detail the sub code repeats the code.
  if (detail === undefined || detail === code) return [String(code)];
  return code === FAIL ? [`${code}/${detail}`] : [`${code}/${detail}`, String(code)];
}

const SUCCESS = 1;
const FAIL = 2;
const PROCESSING = 3;
/** Success, and beside it something that says otherwise. */
const CONTRADICTED = [`${SUCCESS}/processing`];

function readingOf(body: unknown, names: readonly string[], about: unknown = body, numberOfTry?: string): Reading {
  return {
    names,
    message: textOf(body, 'sub_return_message') ?? textOf(body, 'return_message'),
    reference: {
      app_trans_id: statedOf(about, 'app_trans_id'),
      zp_trans_id: numberOf(about, 'zp_trans_id'),
      refund_id: numberOf(about, 'refund_id'),
      binding_id: statedOf(about, 'binding_id'),
      [TRY]: numberOfTry,
    },
  };
}

function readPlainly({ body }: Exchange): Reading {
  return readingOf(body, namesOf(body));
}

/**
 * Every name that some table has a row for: what is open, or a state of its own, for one call is not nothing for
 * another.
 */
const known = new Set(Object.values(codes).flatMap(table => Object.keys(table)));

/** A write's own answers. FAIL with a code that no table of ZaloPay's knows is its word that it did nothing. */
function answers(
  table: CodeTable,
  read: (exchange: Exchange) => Reading = readPlainly,
): { codes: CodeTable; read: (exchange: Exchange) => Reading } {
  return {
    codes: table,
    read: exchange => {
      const reading = read(exchange);
      const code = integerOf(exchange.body, 'return_code');
      const failed = code !== undefined && (code === FAIL || code < 0);
      return { ...reading, refuses: failed && !reading.names.some(name => known.has(name)) };
    },
  };
}

/** ZaloPay's own numbers; 0 stands for none. */
function numberOf(body: unknown, key: string): string | undefined {
  const found = statedOf(body, key);
  return found === '0' ? undefined : found;
}

/**
 * The amount is there "only when paid"; before, a `zp_trans_id` is that of a try, and the next try may have another. It
 * "exists only once the user confirms": 3 alone is also an order that nobody has opened.
 */
function readPayment({ body }: Exchange): Reading {
  const code = integerOf(body, 'return_code');
  const number = numberOf(body, 'zp_trans_id');
  const app_trans_id = idOf(body, 'app_trans_id');
  if (code !== SUCCESS) {
    const reading = readingOf(body, namesOf(body), { app_trans_id }, code === FAIL ? number : undefined);
    return { ...reading, paying: code === PROCESSING && number !== undefined };
  }
  // The SDK knows answers without it; whatever is there and is not `false` says that something is still going on.
  const settled = number !== undefined && (asRecord(body)?.['is_processing'] ?? false) === false;
  if (settled) return { ...readingOf(body, namesOf(body)), amount: statedOf(body, 'amount') };
  // Before it is paid, an amount of 0 stands for none.
  return { ...readingOf(body, CONTRADICTED, { app_trans_id }), amount: numberOf(body, 'amount') };
}

/**
 * A charge's own answer tells the number of its try. It has no `is_processing` to say; where it has, it must be over.
 */
function readCharge({ body }: Exchange): Reading {
  const number = numberOf(body, 'zp_trans_id');
  const settled = number !== undefined && (asRecord(body)?.['is_processing'] ?? false) === false;
  return readingOf(body, paidNames(body, settled), body, number);
}

/** Success is believed of a scanned code when the answer itself says that it is over. */
function readScan({ body }: Exchange): Reading {
  const settled = numberOf(body, 'zp_trans_id') !== undefined && asRecord(body)?.['is_processing'] === false;
  return { ...readingOf(body, paidNames(body, settled)), amount: numberOf(body, 'amount') };
}

function paidNames(body: unknown, settled: boolean): readonly string[] {
  return integerOf(body, 'return_code') === SUCCESS && !settled ? CONTRADICTED : namesOf(body);
}

/** The query worked; whether the binding stands is its status. */
function readBinding({ body }: Exchange): Reading {
  const about = asRecord(asRecord(body)?.['data']) ?? body;
  // A status that is stated and cannot be read is none of those the tables know.
  const status = integerOf(about, 'status') ?? statedOf(about, 'status')?.replace(/^/, '?');
  const found = integerOf(body, 'return_code') === SUCCESS && status !== undefined;
  return readingOf(body, found ? [`${SUCCESS}/${status}`] : namesOf(body), about);
}
