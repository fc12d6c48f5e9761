import { hmacOf, InputError, sha256, timingSafeEqual, toHex, type Fields, type SendContext } from '../../kit/index.ts';
import type { ZalopayFields } from './fields.ts';

/** How one call is signed. */
interface Signature {
  /** The field that tells ZaloPay when the call was made; it refuses what is more than 15 minutes off. */
  readonly stamp?: 'app_time' | 'req_date' | 'timestamp';
  /** What ZaloPay wants in a field that is empty. */
  readonly defaults?: Fields;
  /** The fields of the mac in order; `key1` is the key itself. */
  readonly mac: readonly string[];
  /** A field of the mac that stays here: who leaves it out may have signed himself. */
  readonly unsent?: 'payment_code_raw';
}

const order = ['app_id', 'app_trans_id', 'app_user', 'amount', 'app_time', 'embed_data', 'item'] as const;
const emptyOrder: Fields = { embed_data: '{}', item: '[]' };
const pay: Signature = { stamp: 'req_date', mac: ['app_id', 'identifier', 'zp_trans_token', 'pay_token', 'req_date'] };
const lookUpBinding: Signature = { stamp: 'req_date', mac: ['app_id', 'app_trans_id', 'req_date'] };
const unbind: Signature = { stamp: 'req_date', mac: ['app_id', 'identifier', 'binding_id', 'req_date'] };

/** The formula on each call's page under https://docs.zalopay.vn/docs/specs/, such as …/order-create */
const signatures: Readonly<Record<keyof ZalopayFields, Signature>> = {
  'payment.create': { stamp: 'app_time', defaults: emptyOrder, mac: order },
  // The order and the code as it was scanned; sent is the encrypted one.
  // https://docs.zalopay.vn/v2/docs/quickpay/api.html, whose formula only the page of version 1 shows in full
  // (developers.zalopay.vn/v1/docs/quickpay/api.html), and ZaloPay's demos.
  'payment.scan': {
    stamp: 'app_time',
    defaults: emptyOrder,
    mac: [...order, 'payment_code_raw'],
    unsent: 'payment_code_raw',
  },
  'payment.query': { mac: ['app_id', 'app_trans_id', 'key1'] },
  'payment.cancel': { mac: ['app_id', 'app_trans_id', 'key1'] },
  'payment.charge': pay,
  'refund.create': {
    stamp: 'timestamp',
    mac: ['app_id', 'zp_trans_id', 'amount', 'refund_fee_amount', 'description', 'timestamp'],
  },
  'refund.query': { stamp: 'timestamp', mac: ['app_id', 'm_refund_id', 'timestamp'] },
  'binding.create': {
    stamp: 'req_date',
    // Optional in the manual but part of the mac: sent always, so that nobody has to guess how a hole is signed.
    defaults: { binding_data: '{}', binding_type: 'WALLET', max_amount: 0 },
    mac: ['app_id', 'app_trans_id', 'binding_data', 'binding_type', 'identifier', 'max_amount', 'req_date'],
  },
  'binding.query': lookUpBinding,
  'binding.cancel': unbind,
  'balance.query': { stamp: 'req_date', mac: ['app_id', 'pay_token', 'identifier', 'amount', 'req_date'] },
  'user.query': { stamp: 'req_date', mac: ['app_id', 'access_token', 'req_date'] },
  'card-binding.create': {
    stamp: 'req_date',
    defaults: { binding_data: '{}', payment_data: '{}' },
    mac: [
      'app_id',
      'app_trans_id',
      'identifier',
      'binding_mode',
      'binding_type',
      'device_type',
      'binding_data',
      'payment_data',
      'req_date',
    ],
  },
  'card-binding.query': lookUpBinding,
  // No page gives these two formulas: signed as the wallet's.
  'card-binding.cancel': unbind,
  'card-payment.charge': pay,
};

/**
 * Completes a call: the account, the time of this send, and the mac over both.
 *
 * @throws {InputError} for another account's `app_id`, or a signed field that is missing or neither text nor number
 */
export function sign(
  call: keyof ZalopayFields,
  given: Fields,
  account: { appId: number; key1: string },
  { nowMs, unsent: kept }: Pick<SendContext, 'nowMs' | 'unsent'>,
): Fields {
  const { stamp, defaults, mac, unsent } = signatures[call];
  const { app_id: givenAppId = account.appId, ...rest } = Object.fromEntries(
    Object.entries(given).filter(([, value]) => value !== undefined),
  );
  if (givenAppId !== account.appId && givenAppId !== String(account.appId)) {
    throw new InputError(
      `zalopay ${call}: app_id is not the one this adapter signs for. Leave it out, or make an adapter for it.`,
    );
  }
  // What the caller signed himself, with a part that is not in the request, nobody else can sign: it goes as it is.
  if (unsent !== undefined && !Object.hasOwn(kept, unsent) && Object.hasOwn(rest, 'mac'))
    return { ...rest, app_id: account.appId };
  const fields: Fields = {
    ...defaults,
    ...rest,
    app_id: account.appId,
    ...(stamp !== undefined && { [stamp]: nowMs }),
  };
  const signed: Fields = { ...kept, ...fields, key1: account.key1 };
  // A refund without a fee is signed without one, not with an empty one.
  const names = mac.filter(name => name !== 'refund_fee_amount' || Object.hasOwn(fields, name));
  return { ...fields, mac: macOf(account.key1, names.map(name => signedText(call, name, signed)).join('|')) };
}

function signedText(call: keyof ZalopayFields, name: string, fields: Fields): string {
  const value = Object.hasOwn(fields, name) ? fields[name] : undefined;
  if (typeof value === 'string' || typeof value === 'number') return String(value);
  throw new InputError(`zalopay ${call}: ${name} is part of the signature and must be a text or a number.`);
}

/**
 * Whether a callback is ZaloPay's: its mac is over the `data` text exactly as it came, with `key2`.
 *
 * @see https://beta-docs.zalopay.vn/docs/developer-tools/knowledge-base/callback
 */
export function isGenuineCallback(key2: string, data: string, mac: string): boolean {
  return timingSafeEqual(macOf(key2, data), mac);
}

/** A mac as ZaloPay writes it: HMAC-SHA256 in lower-case hex. */
export const macOf = (key: string, data: string): string => toHex(hmacOf(sha256, key, data));
