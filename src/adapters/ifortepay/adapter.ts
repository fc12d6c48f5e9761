import {
  baseUrlOf,
  checkAddress,
  checkCredentials,
  checkFields,
  DAY_MS,
  defineAdapter,
  headerTextUpTo,
  hmacOf,
  MINUTE_MS,
  msUntil,
  oneOf,
  optional,
  pemBody,
  pemKey,
  record,
  recordOf,
  rsaSigner,
  sha512,
  text,
  textOf,
  textUpTo,
  toBase64,
  tokenKeeper,
  tokenStore,
  webAddress,
  type Adapter,
  type Advice,
  type EncodedSend,
  type FieldCheck,
  type Fields,
  type Location,
  type Ticket,
  type TokenStore,
} from '../../kit/index.ts';
import type { IfortepayAnswers } from './answers.ts';
import * as codes from './codes.ts';
import type { IfortepayFields } from './fields.ts';
import { account, askedBy, asksForOtp, order, payerMustAct, statusQuery, sumOf } from './read.ts';
import { jakartaTime, textToSign, tokenRequest } from './sign.ts';

/** Where iFortepay is, by environment. */
export const baseUrls = { production: 'https://api.ifortepay.id', sandbox: 'https://api-stage.ifortepay.id' } as const;
export const tokenUrls = {
  production: 'https://kronos.ifortepay.id/auth/merchants/v1.0/access-token/b2b',
  sandbox: 'https://kronos-stage.ifortepay.id/auth/merchants/v1.0/access-token/b2b',
} as const;

/** What a merchant has of iFortepay. */
export interface IfortepayCredentials extends Location {
  /** The merchant's id, sent as `X-PARTNER-ID`. */
  partnerId: string;
  /** The RSA key whose public half iFortepay has, in PKCS #8 PEM. */
  privateKey: string;
  /** The payment channel, sent as `CHANNEL-ID`: `QR004`, `VA013`, `DD003`, … One adapter speaks of one channel. */
  channelId: string;
  /**
   * How requests are signed. Default `'asymmetric'`: SHA256withRSA, no token. `'symmetric'`: HMAC-SHA512 with a B2B
   * token.
   */
  signature?: 'asymmetric' | 'symmetric';
  /** Signs symmetric requests, and every notification. */
  clientSecret?: string;
  /** The address that iFortepay notifies, to the letter: it is signed. Default: the one the request was received at. */
  notifyUrl?: string;
  /** Sent as `X-CLIENT-KEY` for a token. Default: `partnerId`. */
  clientId?: string;
  /** Where tokens are fetched. Default: iFortepay's, or the same path below your own `baseUrl`. */
  tokenUrl?: string;
  /** Between client id and timestamp in what a token request signs. Default `'|'`, as in SNAP; the manual has both. */
  tokenSeparator?: '|' | ':';
  /** Where B2B tokens are kept. Default: in this process. */
  tokens?: TokenStore;
}

/**
 * iFortepay’s adapter, as `terse.ts` gives it; `index.ts` adds the sentences of `advice.ts`.
 *
 * @param advice the sentence for a row, told with each verdict. Default: rows that keep theirs apart have none
 * @throws {InputError} for credentials of the wrong shape
 */
export function ifortepay(
  credentials: IfortepayCredentials,
  advice?: Advice,
): Adapter<IfortepayFields, IfortepayAnswers> {
  checkCredentials('ifortepay', credentials, {
    partnerId: headerTextUpTo(36),
    privateKey: pemKey('PRIVATE KEY'),
    channelId: headerTextUpTo(36),
    signature: optional(oneOf('asymmetric', 'symmetric')),
    tokenSeparator: optional(oneOf('|', ':')),
    clientId: optional(headerTextUpTo(128)),
    tokenUrl: optional(webAddress),
    clientSecret: optional(text),
    notifyUrl: optional(webAddress),
    tokens: optional(tokenStore),
  });
  const { partnerId, channelId, clientSecret, notifyUrl } = credentials;
  const location = baseUrlOf('ifortepay', credentials, baseUrls);
  const signature = credentials.signature === 'symmetric' ? symmetric(credentials) : asymmetric(credentials);

  return defineAdapter<IfortepayFields, IfortepayAnswers>({
    name: 'ifortepay',
    advice,
    account: partnerId,
    secret: () => pemBody(credentials.privateKey),
    ...location,
    encodings: ['json'],
    read: order.read,
    webhook: async () => (await import('./webhook.ts')).ifortepayWebhook({ clientSecret, notifyUrl }),
    body: (fields, { operation }) => ({ ...fixed[operation], ...fields }),
    async headers(send) {
      const timestamp = jakartaTime(send.nowMs);
      return {
        'X-TIMESTAMP': timestamp,
        'X-PARTNER-ID': partnerId,
        'X-EXTERNAL-ID': send.sendId,
        'CHANNEL-ID': channelId,
        ...(await signature(send, timestamp)),
      };
    },
    operations: {
      'qris.create': {
        path: '/v1.0/qr/qr-mpm-generate',
        required: { partnerReferenceNo: textUpTo(64), amount, additionalInfo: record },
        // Not storable: `additionalInfo` holds whatever the merchant puts there.
        optional: ['validityPeriod', 'terminalId'],
        codes: codes.qrisCreate,
        reference: ({ partnerReferenceNo }) => named('47', { originalPartnerReferenceNo: partnerReferenceNo }),
        identity: ownNumber,
        learns: ['originalReferenceNo'],
        query: askedBy(order, 'qris.query'),
        sameReference: 'unknown',
        // A tip is paid on top of the amount.
        expect: fields => (recordOf(fields.additionalInfo, 'tip') === undefined ? sumOf(fields.amount) : undefined),
        // An hour is the longest there is: too late an expiry only means a longer wait.
        payableForMs: (fields, openedAtMs) =>
          fields.validityPeriod === undefined
            ? 15 * MINUTE_MS
            : (msUntil(fields, 'validityPeriod', openedAtMs) ?? 60 * MINUTE_MS),
        payerNeedsAnswer: () => true,
        cancel: { operation: 'qris.cancel', fields: canceled },
      },
      'qris.query': {
        path: '/v1.0/qr/qr-mpm-query',
        required: { originalPartnerReferenceNo: textUpTo(64) },
        ...statusQuery(order, codes.qrisQuery, codes.qrisQueryBlind, codes.qrisQueryTold),
      },
      'qris.cancel': {
        path: '/v1.0/qr/qr-mpm-cancel',
        required: {
          originalPartnerReferenceNo: textUpTo(64),
          originalReferenceNo: textUpTo(64),
          reason: textUpTo(256),
        },
        optional: ['additionalInfo'],
        storable: ['originalPartnerReferenceNo', 'originalReferenceNo', 'reason'],
        codes: codes.qrisCancel,
        reference: ({ originalPartnerReferenceNo, originalReferenceNo }) =>
          named('47', { originalPartnerReferenceNo, originalReferenceNo }),
        query: askedBy(order, 'qris.query'),
        follows: 'cancel',
        sameReference: 'unknown',
      },
      'va.create': {
        path: '/v1.0/transfer-va/create-va',
        required: { trxId: textUpTo(64) },
        optional: [
          'virtualAccountName',
          'virtualAccountTrxType',
          'totalAmount',
          'expiredDate',
          'partnerServiceId',
          'customerNo',
          'virtualAccountNo',
          'virtualAccountEmail',
          'virtualAccountPhone',
          'billDetails',
          'additionalInfo',
        ],
        // Not who the customer is, nor an account's number.
        storable: ['trxId', 'virtualAccountTrxType', 'totalAmount', 'expiredDate'],
        codes: codes.vaCreate,
        read: account.read,
        reference: ['trxId', 'virtualAccountNo', 'partnerServiceId', 'customerNo'],
        learns: ['virtualAccountNo', 'partnerServiceId', 'customerNo'],
        query: askedBy(account, 'va.query'),
        sameReference: 'unknown',
        payableForMs: (fields, openedAtMs) =>
          fields.expiredDate === undefined
            ? usualLifeMs(fields.virtualAccountTrxType)
            : msUntil(fields, 'expiredDate', openedAtMs),
        // An open account takes any amount, an instalment account parts of it.
        expect: ({ virtualAccountTrxType: type, totalAmount }) =>
          type === 'O' || type === 'I' ? undefined : sumOf(totalAmount),
        payerNeedsAnswer: () => true,
      },
      'va.query': {
        path: '/v1.0/transfer-va/inquiry-va',
        required: { trxId: textUpTo(64) },
        ...statusQuery(account, codes.vaQuery, codes.vaQueryBlind),
      },
      'debit.charge': {
        path: '/v1.0/debit/payment-host-to-host',
        required: { partnerReferenceNo: textUpTo(64), amount },
        optional: [
          'bankCardToken',
          'chargeToken',
          'urlParams',
          'pointOfInitiation',
          'payOptionDetails',
          'additionalInfo',
        ],
        codes: exchange => (payerMustAct(exchange) ? codes.debitChargeByPayer : codes.debitCharge),
        reference: ({ partnerReferenceNo }) => named('54', { originalPartnerReferenceNo: partnerReferenceNo }),
        identity: ownNumber,
        learns: ['originalReferenceNo'],
        query: askedBy(order, 'debit.query'),
        sameReference: 'unknown',
        expect: fields => sumOf(fields.amount),
        // A number may be used again after a decline: only one that has succeeded is refused as a duplicate.
        numberRepeats: () => true,
        charge: fields => !isPayers(fields),
        payerNeedsAnswer: isPayers,
        // A wallet's page lives no longer than a QR code, nor does an OTP.
        payableForMs: fields => (isPayers(fields) ? 15 * MINUTE_MS : undefined),
        // What was paid is voided.
        cancel: { operation: 'debit.cancel', fields: canceled },
      },
      'debit.query': {
        path: '/v1.0/debit/status',
        required: {},
        ...statusQuery(order, codes.debitQuery, codes.debitQueryBlind),
      },
      'debit.cancel': {
        path: '/v1.0/debit/cancel',
        required: { originalPartnerReferenceNo: textUpTo(64), originalReferenceNo: textUpTo(64) },
        optional: ['reason', 'additionalInfo'],
        storable: ['originalPartnerReferenceNo', 'originalReferenceNo', 'reason'],
        codes: codes.debitCancel,
        reference: ({ originalPartnerReferenceNo, originalReferenceNo }) =>
          named('54', { originalPartnerReferenceNo, originalReferenceNo }),
        query: askedBy(order, 'debit.query'),
        follows: 'cancel',
        sameReference: 'unknown',
      },
      'bnpl.query': {
        path: '/v1.0/bnpl/check-transaction-status',
        required: {
          originalPartnerReferenceNo: textUpTo(64),
          originalReferenceNo: textUpTo(64),
          serviceCode: oneOf('91', '92'),
        },
        ...statusQuery(order, codes.bnplQuery, codes.bnplQueryBlind),
      },
    },
  });
}

/**
 * How long a virtual account that is paid once, or once in parts, lives where nobody says otherwise; the others live
 * for years.
 *
 * https://developer.ifortepay.id/payment-gateway/virtual-account/create
 */
function usualLifeMs(type: unknown): number | undefined {
  return type === 'C' || type === 'I' ? DAY_MS : undefined;
}

/**
 * Without a card token a wallet is charged, on a page where its owner confirms; a card's owner may have to type in an
 * OTP.
 */
const isPayers = (fields: { readonly bankCardToken?: unknown }): boolean =>
  fields.bankCardToken === undefined || asksForOtp(fields);

/** What an order goes by. All orders share their service, which alone names none. */
function named(serviceCode: string, numbers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const isNumber = (value: unknown): boolean => typeof value === 'number' || text.accepts(value);
  return Object.values(numbers).some(isNumber) ? { ...numbers, serviceCode } : {};
}

/** A cancel needs both numbers: one whose answer was lost cannot be sent. */
function canceled({
  reference: { originalPartnerReferenceNo, originalReferenceNo },
}: Pick<Ticket, 'reference'>): Fields | undefined {
  return originalReferenceNo === undefined
    ? undefined
    : { originalPartnerReferenceNo, originalReferenceNo, reason: 'Not paid in time' };
}

/** Named, since `serviceCode` may come first in a ticket whose names a database has sorted. */
const ownNumber = { number: order.own } as const;

/** What the manual fixes, so that the caller need not say it. */
const fixed: Readonly<Record<string, Fields>> = {
  'qris.query': { serviceCode: '47' },
  'qris.cancel': { additionalInfo: { type: 'DYNAMIC' } },
  'debit.query': { serviceCode: '54' },
};

type Signature = (send: EncodedSend, timestamp: string) => Promise<Readonly<Record<string, string>>>;

function asymmetric({ privateKey }: IfortepayCredentials): Signature {
  const sign = rsaSigner('ifortepay: privateKey', privateKey);
  return async (send, timestamp) => ({ 'X-SIGNATURE': toBase64(await sign(textToSign({ ...send, timestamp }))) });
}

function symmetric(credentials: IfortepayCredentials): Signature {
  checkFields('ifortepay with a symmetric signature', credentials, { clientSecret: text });
  const {
    partnerId,
    privateKey,
    clientSecret = '',
    clientId = partnerId,
    tokenSeparator = '|',
    tokens: store,
  } = credentials;
  const { environment, baseUrl } = credentials;
  const ownUrl =
    baseUrl === undefined ? undefined : baseUrl.replace(/\/+$/, '') + new URL(tokenUrls[environment]).pathname;
  const url = credentials.tokenUrl ?? ownUrl ?? tokenUrls[environment];
  checkAddress('ifortepay: tokenUrl', url, environment, tokenUrls);
  const token = tokenKeeper({
    account: `ifortepay ${url} ${clientId}`,
    secret: JSON.stringify([privateKey, tokenSeparator]),
    fetchToken: tokenRequest({
      url,
      clientId,
      separator: tokenSeparator,
      sign: rsaSigner('ifortepay: privateKey', privateKey),
    }),
    store,
  });
  return async (send, timestamp) => {
    const value = await token(send);
    return {
      Authorization: `Bearer ${value}`,
      'X-SIGNATURE': toBase64(hmacOf(sha512, clientSecret, textToSign({ ...send, timestamp, token: value }))),
    };
  };
}

const amount: FieldCheck = {
  expects: "an object such as { value: '10000.00', currency: 'IDR' }, with two decimals, more than 0",
  accepts: value =>
    /^(?!0+\.00$)\d{1,16}\.\d{2}$/.test(textOf(value, 'value') ?? '') && textOf(value, 'currency') !== undefined,
  readable: value => /^\d+(?:\.\d+)?$/.test(textOf(value, 'value') ?? ''),
};
