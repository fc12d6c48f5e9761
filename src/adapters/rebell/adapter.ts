import {
  knownOf,
  asRecord,
  askBy,
  baseUrlOf,
  checkCredentials,
  DAY_MS,
  defineAdapter,
  effectOf,
  jsonOf,
  MINUTE_MS,
  moneyOf,
  msUntil,
  oneOf,
  optional,
  pemBody,
  pemKey,
  record,
  recordOf,
  rsaSigner,
  rsaVerifier,
  statedOf,
  textOf,
  textUpTo,
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
  type WriteOperation,
} from '../../kit/index.ts';
import { growing } from '../../policies/backoff.ts';
import type { RebellAnswers } from './answers.ts';
import * as codes from './codes.ts';
import type { Payment, RebellFields } from './fields.ts';
import { isSigned, signatureHeader, stringToSign, timeOf, writtenAs, type SignatureEncoding } from './sign.ts';

export interface RebellCredentials extends Location {
  /** Rebell's name for the merchant, sent as `Client-Id`. */
  clientId: string;
  /** The merchant's RSA key: PKCS#8 in PEM (`-----BEGIN PRIVATE KEY-----`). */
  privateKey: string;
  /**
   * Rebell's RSA key: SPKI in PEM. When given, an answer it did not sign is unreadable, whatever it says. Needed for
   * notifications.
   */
  gatewayPublicKey?: string;
  /** Which of the merchant's registered keys `privateKey` is. */
  keyVersion: number | string;
  /** The manual holds both. Default `v1`, "the current version". */
  version?: 'v1' | 'v2';
  /** Paths that replace those of the version, by operation, such as `{ 'payment.capture': '/v2/payments/capture' }`. */
  paths?: Partial<Record<keyof RebellFields, string>>;
  /**
   * What a payment is asked about by: one page asks for `paymentId`, one for either. Default `paymentRequestId`, with
   * `paymentId` once known.
   */
  inquireBy?: 'paymentRequestId' | 'paymentId';
  /** The path that Rebell notifies, as it has it: it is signed. Default: the one the request was received at. */
  notifyPath?: string;
  /** How the signature is written: one page says Base64URL. Default `base64`. */
  signatureEncoding?: SignatureEncoding;
}

/** Each operation's place below the version. Where several APIs do the same, the default comes first. */
const placesOf = (version: 'v1' | 'v2'): Readonly<Record<keyof RebellFields, string>> => ({
  'payment.charge': 'payments/{api:pay|retailPay}',
  'payment.create': 'payments/{api:createQrOrder|createQROrder|linkPayCreate}',
  'payment.query': 'payments/inquiryPayment',
  'payment.cancel': 'payments/cancel',
  'payment.void': 'payments/void',
  'payment.capture': 'payments/capture',
  'refund.create': version === 'v1' ? 'payments/{api:refund|refundApply}' : 'payments/{api:refundApply|refund}',
  'refund.query': 'payments/inquiryRefund',
  'void.query': 'payments/inquiryVoid',
  'capture.query': 'payments/inquiryCapture',
  'message.send': 'messages/{api:sendPush|sendInbox|sendSms|sendEmail}',
});

const pathsByOperation: FieldCheck = {
  expects: `an object of paths, each beginning with a slash, by any of ${Object.keys(placesOf('v1')).join(', ')}`,
  accepts: value =>
    record.accepts(value) &&
    Object.entries(value as object).every(
      ([name, path]) => Object.hasOwn(placesOf('v1'), name) && typeof path === 'string' && /^\/[^{}?#]+$/.test(path),
    ),
};

const ownPath: FieldCheck = {
  expects: 'a path that begins with a slash, and its query if it has one',
  accepts: value => typeof value === 'string' && /^\/[^\s#]*$/.test(value),
};

const id = textUpTo(64);

/** By the merchant's own number, which is always known. */
const cancel: OwnCancel = { operation: 'payment.cancel', fields: knownOf('paymentRequestId') };

/** What every payment may have. */
const paymentOptions = [
  'api',
  'productCode',
  'order',
  'paymentNotifyUrl',
  'paymentRedirectUrl',
  'paymentExpiryTime',
  'settlementStrategy',
  'extendInfo',
] as const;

const amount: FieldCheck = {
  expects: 'an amount: { currency: three capital letters, value: a whole number of minor units or its digits }',
  readable: value => /^\d+(?:\.\d+)?$/.test(String(asRecord(value)?.['value'])),
  accepts: value => {
    const { currency, value: minor } = asRecord(value) ?? {};
    const digits = typeof minor === 'number' && Number.isSafeInteger(minor) ? String(minor) : minor;
    return (
      typeof currency === 'string' &&
      /^[A-Z]{3}$/.test(currency) &&
      typeof digits === 'string' &&
      /^[1-9]\d*$/.test(digits)
    );
  },
};

/** Where Rebell is, by environment. */
export const baseUrls = {
  production: 'https://api.rebellapp.com',
  sandbox: 'https://sandbox-api.rebellapp.com',
} as const;

/**
 * Rebell’s adapter, as `terse.ts` gives it; `index.ts` adds the sentences of `advice.ts`.
 *
 * @param advice the sentence for a row, told with each verdict. Default: rows that keep theirs apart have none
 * @throws {InputError} for credentials of the wrong shape
 */
export function rebell(credentials: RebellCredentials, advice?: Advice): Adapter<RebellFields, RebellAnswers> {
  checkCredentials('rebell', credentials, {
    clientId: visibleText,
    privateKey: pemKey('PRIVATE KEY'),
    gatewayPublicKey: optional(pemKey('PUBLIC KEY')),
    keyVersion: whole,
    version: optional(oneOf('v1', 'v2')),
    paths: optional(pathsByOperation),
    inquireBy: optional(oneOf('paymentRequestId', 'paymentId')),
    notifyPath: optional(ownPath),
    signatureEncoding: optional(oneOf('base64', 'base64url')),
  });
  const { clientId, keyVersion, version = 'v1', paths = {}, inquireBy = 'paymentRequestId', notifyPath } = credentials;
  const { privateKey, gatewayPublicKey, signatureEncoding = 'base64' } = credentials;
  const sign = rsaSigner('rebell: privateKey', privateKey);
  const gateway =
    gatewayPublicKey === undefined ? undefined : rsaVerifier('rebell: gatewayPublicKey', gatewayPublicKey);
  const places = placesOf(version);
  const pathOf = (operation: keyof RebellFields): string => paths[operation] ?? `/${version}/${places[operation]}`;
  const byNumbers = askBy('payment.query', ['paymentRequestId', 'paymentId']);
  const paymentQuery: StatusQuery = {
    ...byNumbers,
    fields: (ticket, nowMs) =>
      inquireBy === 'paymentId' && ticket.reference['paymentId'] === undefined
        ? undefined
        : byNumbers.fields(ticket, nowMs),
  };

  return defineAdapter<RebellFields, RebellAnswers>({
    name: 'rebell',
    advice,
    account: clientId,
    secret: () => pemBody(privateKey),
    ...baseUrlOf('rebell', credentials, baseUrls),
    encodings: ['json'],
    operations: {
      'payment.charge': {
        path: pathOf('payment.charge'),
        required: { paymentRequestId: id, paymentAmount: amount },
        optional: [
          ...paymentOptions,
          'paymentAuthCode',
          'accessToken',
          'cashierNotifyUrl',
          'agreedAmount',
          'serviceExpireTime',
          'nextPaymentDate',
        ],
        codes: codes.charge,
        reference: ['paymentRequestId'],
        learns: ['paymentId'],
        query: paymentQuery,
        sameReference: 'replays',
        identity: payment,
        // A scanned code lives about a minute; a payer's token outlives every loop, and is charged once per number.
        chargeableForMs: ({ paymentAuthCode }) => (paymentAuthCode === undefined ? FIVE_MINUTES_MS : 60_000),
        payableForMs: untilExpiry,
        cancel,
        ...amountIn('paymentAmount'),
      },
      'payment.create': {
        path: pathOf('payment.create'),
        required: { paymentRequestId: id, paymentAmount: amount },
        optional: [...paymentOptions, 'bizType', 'codeType'],
        // `order` may tell who buys and what; `settlementStrategy` and `extendInfo` hold whatever there is to say.
        storable: [
          'paymentRequestId',
          'paymentAmount',
          'api',
          'productCode',
          'paymentNotifyUrl',
          'paymentRedirectUrl',
          'paymentExpiryTime',
          'bizType',
          'codeType',
        ],
        codes: codes.create,
        reference: ['paymentRequestId'],
        learns: ['paymentId'],
        query: paymentQuery,
        sameReference: 'replays',
        identity: payment,
        chargeableForMs: () => FIVE_MINUTES_MS,
        // Nobody says how long a QR code or a link lives: it is followed for half an hour.
        payableForMs: (fields, openedAtMs) => untilExpiry(fields, openedAtMs) ?? 30 * 60_000,
        cancel,
        ...amountIn('paymentAmount'),
        payerNeedsAnswer: () => true,
      },
      'payment.query': {
        path: pathOf('payment.query'),
        required: {},
        codes: codes.paymentState,
        read: inquiry('payment'),
        reference: { paymentRequestId: 'paymentRequestId', paymentId: 'paymentId' },
      },
      'payment.cancel': {
        path: pathOf('payment.cancel'),
        required: {},
        optional: ['paymentRequestId', 'paymentId'],
        storable: ['paymentRequestId', 'paymentId'],
        codes: codes.cancel,
        reference: ['paymentRequestId', 'paymentId'],
        learns: ['paymentId'],
        query: paymentQuery,
        follows: 'cancel',
        // It has no number of its own, but a payment can only be called off once.
        sameReference: 'replays',
      },
      'payment.void': {
        path: pathOf('payment.void'),
        required: { voidRequestId: id, paymentId: id },
        storable: ['voidRequestId', 'paymentId'],
        codes: codes.voiding,
        reference: ['voidRequestId', 'paymentId'],
        learns: ['voidId'],
        query: askBy('void.query', ['voidRequestId', 'voidId']),
        // Like a refund it has a query of its own, whose success is the void's and not the payment's.
        follows: 'refund',
        sameReference: 'replays',
        chargeableForMs: () => FIVE_MINUTES_MS,
      },
      'payment.capture': {
        path: pathOf('payment.capture'),
        required: { captureRequestId: id, paymentId: id, captureAmount: amount },
        storable: ['captureRequestId', 'paymentId', 'captureAmount'],
        codes: codes.capture,
        reference: ['captureRequestId', 'paymentId'],
        learns: ['captureId'],
        query: askBy('capture.query', ['captureRequestId', 'captureId']),
        follows: 'capture',
        sameReference: 'replays',
        ...amountIn('captureAmount'),
      },
      'refund.create': {
        path: pathOf('refund.create'),
        required: { refundRequestId: id, paymentId: id, refundAmount: amount },
        optional: ['api', 'refundReason', 'refundNotifyUrl'],
        storable: ['refundRequestId', 'paymentId', 'refundAmount', 'api', 'refundReason', 'refundNotifyUrl'],
        codes: codes.refund,
        reference: ['refundRequestId', 'paymentId'],
        learns: ['refundId'],
        query: askBy('refund.query', ['refundRequestId', 'refundId']),
        follows: 'refund',
        sameReference: 'replays',
        chargeableForMs: () => FIVE_MINUTES_MS,
        ...amountIn('refundAmount'),
      },
      'refund.query': {
        path: pathOf('refund.query'),
        required: {},
        codes: codes.refundState,
        read: inquiry('refund'),
        reference: { refundRequestId: 'refundRequestId', refundId: 'refundId' },
      },
      'void.query': {
        path: pathOf('void.query'),
        required: {},
        codes: codes.voidState,
        read: inquiry('void'),
        reference: { voidRequestId: 'voidRequestId', voidId: 'voidId' },
      },
      'capture.query': {
        path: pathOf('capture.query'),
        required: {},
        codes: codes.captureState,
        read: inquiry('capture'),
        reference: { captureRequestId: 'captureRequestId', captureId: 'captureId' },
      },
      'message.send': {
        path: pathOf('message.send'),
        required: { requestId: id },
        optional: ['api', 'targetUserId'],
        codes: codes.message,
        reference: ['requestId'],
        learns: ['messageId'],
        sameReference: 'replays',
      },
    },
    read: answered,
    webhook: async () => (await import('./webhook.ts')).rebellWebhook({ clientId, notifyPath, gateway, read: inquiry }),
    headers: async ({ method, path, body, nowMs }) => {
      const time = timeOf(nowMs);
      const [signature] = await Promise.all([
        sign(stringToSign({ method, path, clientId, time, body })),
        gateway?.ready(),
      ]);
      return {
        'Client-Id': clientId,
        'Request-Time': time,
        Signature: signatureHeader(keyVersion, writtenAs[signatureEncoding](signature)),
        'Content-Type': 'application/json; charset=UTF-8',
      };
    },
    ...(gateway !== undefined && {
      verify: ({ send, headers, text }) => {
        const time = headers.get('response-time') ?? headers.get('request-time') ?? timeOf(send.nowMs);
        // An answer that was signed long ago answers something else.
        const mostMs = codes.refusesClock(recordOf(jsonOf(text), 'result')) ? DAY_MS : FIVE_MINUTES_MS;
        if (!(Math.abs(Date.parse(time) - send.nowMs) <= mostMs)) return false;
        return isSigned(gateway, stringToSign({ ...send, clientId, time, body: text }), headers.get('signature'));
      },
    }),
    policy: {
      poll: {
        // "Every 3-5 seconds", which no jitter shortens to less; less often for the few that take long.
        backoff: growing({ firstMs: 3000, baseMs: 3600, ratio: 0.08, maxMs: 30_000, jitter: 0.2 }),
        // A signed request older than this is refused: what has not arrived by then never will.
        absentAfterMs: FIVE_MINUTES_MS,
        // Long enough for that, after three sends; "a timeout the merchant defines", says the manual.
        deadlineMs: 6 * 60_000,
      },
    },
  });
}

/**
 * As long as Rebell itself believes a request; and as long as what it does not know is sent again: how long it
 * remembers a number it does not say.
 */
const FIVE_MINUTES_MS = 5 * MINUTE_MS;

/** Charges and orders share their numbers: `paymentRequestId` is "unique per transaction". */
const payment = { number: 'paymentRequestId', space: 'payment' };

const untilExpiry = (fields: Payment, openedAtMs: number): number | undefined =>
  msUntil(fields, 'paymentExpiryTime', openedAtMs);

/** What every answer has: the result, and the numbers it is about. */
function answered({ body, operation }: Pick<Exchange, 'body' | 'operation'>): Reading {
  const result = asRecord(body)?.['result'];
  const name = codes.resultName(result);
  const words = [
    ...formOf(body),
    ...(isOtherwise(operation, body) ? ['otherwise'] : []),
    ...(isNamed(body, references) ? [] : ['unnamed']),
  ];
  return {
    names: name === undefined ? [] : [...words.map(word => `${name}/${word}`).filter(codes.isListed), name],
    message: textOf(body, 'failureReason') ?? (codes.isAsItSays(result) ? textOf(result, 'resultMessage') : undefined),
    reference: Object.fromEntries(references.map(reference => [reference, statedOf(body, reference)])),
    // What refuses a query says nothing of the payment.
    refuses: effectOf(operation) === 'write' && codes.refuses(operation, result),
  };
}

const references =
  'paymentRequestId paymentId refundRequestId refundId voidRequestId voidId captureRequestId captureId messageId'.split(
    ' ',
  );

const isNamed = (body: unknown, numbers: readonly string[]): boolean =>
  numbers.some(number => statedOf(body, number) !== undefined);

/** Where the answer to a write may tell a state of what it made, beside the result. */
const statesOfWrites: Readonly<Record<string, string>> = {
  'payment.charge': 'paymentStatus',
  'payment.void': 'voidStatus',
  'payment.capture': 'captureStatus',
  'refund.create': 'refundStatus',
};

/** The result is one thing, and the state beside it another. */
function isOtherwise(operation: string, body: unknown): boolean {
  const place = Object.hasOwn(statesOfWrites, operation) ? statesOfWrites[operation] : undefined;
  const state = place === undefined ? undefined : statedOf(body, place);
  return state !== undefined && state !== 'SUCCESS';
}

/**
 * Where the payer goes on: a page that the form names, as the manual spells it or as the sandbox of a sibling (VodaPay)
 * does. Any other wish that he act is a `form`.
 */
function formOf(body: unknown): readonly ['redirect' | 'form'] | readonly [] {
  const forms = ['redirectActionForm', 'actionForm'].map(name => formIn(asRecord(body)?.[name]));
  const pages = forms.map(form => textOf(form, 'redirectionUrl') ?? textOf(form, 'redirectUrl'));
  if (pages.some(page => page !== undefined)) return ['redirect'];
  const isForm = forms.some(form => form !== undefined) || isNamed(body, ['redirectionUrl', 'redirectUrl', 'qrCode']);
  return isForm ? ['form'] : [];
}

/** A form as an object, or as siblings (Antom) write it, as the JSON text of one. */
function formIn(form: unknown): unknown {
  if (typeof form === 'string' && form !== '') return asRecord(jsonOf(form)) ?? { form };
  return form === null || form === '' ? undefined : form;
}

/**
 * An inquiry's `result` is about the inquiry alone; what it found stands beside it, and counts only if the inquiry went
 * well.
 */
function inquiry(kind: 'payment' | 'refund' | 'void' | 'capture'): (exchange: Exchange) => Reading {
  return exchange => {
    const { body } = exchange;
    const reading = { ...answered(exchange), ...amountOf(body, `${kind}Amount`) };
    const state = textOf(body, `${kind}Status`);
    if (!reading.names.includes('SUCCESS') || state === undefined) return reading;
    const name = `${kind}/${state}`;
    // Of several refunds of one payment its number names none.
    const unnamed = isNamed(body, [`${kind}RequestId`, `${kind}Id`]) ? [] : [`${name}/unnamed`];
    const why = ['failureReason', 'paymentResultCode'].flatMap(place => textOf(body, place) ?? []);
    // "success", says the inquiry, of a payment that has failed.
    const message =
      textOf(body, 'failureReason') ?? textOf(body, 'paymentResultMessage') ?? textOf(body, 'paymentResultCode');
    return {
      ...reading,
      names: [...unnamed, ...why.map(code => `${name}/${code}`), name].filter(
        each => each === name || codes.isListed(each),
      ),
      message,
    };
  };
}

/** A write whose amount stands under the same name in its request and in its answer. */
function amountIn(name: string): Pick<WriteOperation, 'read'> & { expect: (fields: object) => Money | undefined } {
  return {
    expect: fields => {
      // Fields of the drop-in client come unchecked.
      const { amount: value, currency } = amountOf(fields, name);
      return moneyOf(value, currency);
    },
    read: exchange => ({ ...answered(exchange), ...amountOf(exchange.body, name) }),
  };
}

function amountOf(holder: unknown, name: string): { amount: string | undefined; currency: string | undefined } {
  const found = asRecord(holder)?.[name];
  return { amount: statedOf(found, 'value'), currency: statedOf(found, 'currency') };
}
