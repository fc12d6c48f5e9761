import { asRecord, idOf, textOf, timingSafeEqual } from '../../kit/index.ts';
import {
  refused,
  signedNotices,
  wrongSignature,
  type Delivery,
  type HeardNotice,
  type Notice,
  type Replies,
  type Webhook,
} from '../../kit/webhook.ts';
import { notice } from './codes.ts';
import { hongKongTime, readRows } from './read.ts';
import { digest, isSignType } from './sign.ts';

/**
 * QFPay's asynchronous notifications.
 *
 * @see https://sdk.qfapi.com/docs/common-api/async-notifications
 */
export function qfpayWebhook({ clientKey, mchid }: { clientKey: string; mchid: string | undefined }): Webhook {
  return signedNotices({
    codes: notice,
    // QFPay strongly recommends an enquiry besides.
    confirm: true,
    replies,
    whatIsWrong: delivery => whatIsWrong(delivery, clientKey),
    noticeOf: body => noticeOf(body, mchid),
  });
}

/** Anything but `SUCCESS` makes QFPay send it again: after 2, 10, 10 and 60 minutes, 2, 6 and 15 hours. */
const replies: Replies = {
  stored: { body: 'SUCCESS' },
  again: { status: 500, body: 'AGAIN' },
  refused: { status: 400, body: 'REFUSED' },
};

/**
 * The signature is the hash of the body as it came with the key right behind it: MD5 says the manual, whatever the
 * requests are signed with. Should QFPay name a better hash, it is believed: no forger gains by that, since MD5 is
 * taken anyway.
 */
function whatIsWrong(delivery: Delivery, clientKey: string): ReturnType<typeof wrongSignature> | string {
  const type = (delivery.headers.get('x-qf-signtype') ?? 'MD5').toUpperCase();
  if (!isSignType(type)) return 'X-QF-SIGNTYPE names a hash that QFPay does not use';
  return wrongSignature(delivery, {
    header: 'X-QF-SIGN',
    isRight: given => timingSafeEqual(digest(type, delivery.bytes, clientKey), given.toUpperCase()),
  });
}

const SUCCESSFUL = '1';

function noticeOf(body: unknown, mchid: string | undefined): Notice {
  const told = asRecord(body);
  if (told === undefined) return refused('the body is not an object');
  // One address serves every merchant ID of an app code. Where one is stated, only the very text is the merchant's.
  if (mchid !== undefined && Object.hasOwn(told, 'mchid') && told['mchid'] !== mchid)
    return refused('it is about another mchid');

  const type = typeOf(told);
  const kind = type === 'refund' ? 'refund' : 'payment';
  // A notice holds what a row of the enquiry holds, and is read as one.
  const [row] = [
    readRows(kind)({
      operation: `${kind}.query`,
      status: 200,
      body: { respcd: '0000', data: [{ ...told, order_type: kind }] },
    }),
  ].flat();
  const { names = [], reference = {}, ...rest } = row ?? {};
  if (reference['out_trade_no'] === undefined && reference['syssn'] === undefined) return refused('it names no order');

  const status = told['status'] === undefined ? SUCCESSFUL : (idOf(told, 'status') ?? '?');
  const openedAtMs = openedAt(told);
  return {
    ...rest,
    verified: true,
    operation: `${kind}.create`,
    names: names.map(name => `${type}/${name}${status === SUCCESSFUL ? '' : `/status=${status}`}`),
    reference,
    ...(openedAtMs !== undefined && { openedAtMs }),
  };
}

/**
 * What it is about. The notifications of online cards have `order_type` only. Those of refunds were called `cancel`
 * until 2026 (https://github.com/odoo/odoo/pull/245834), and are told by the payment they name.
 *
 * A signed text without a type may be the answer to a request: it is signed in the same way, and its 0000 is not a
 * payment.
 */
function typeOf(told: Readonly<Record<string, unknown>>): string {
  const type = textOf(told, 'notify_type') ?? textOf(told, 'order_type') ?? 'answer';
  const namesPayment = ['orig_syssn', 'orig_out_trade_no'].some(name => idOf(told, name) !== undefined);
  return type === 'cancel' && namesPayment ? 'refund' : type;
}

/**
 * The earlier of the merchant's time and QFPay's: the window of the confirming enquiry begins there. Not every
 * merchant's time is Hong Kong's, so neither alone will do.
 */
function openedAt(told: Readonly<Record<string, unknown>>): HeardNotice['openedAtMs'] {
  const times = (['txdtm', 'sysdtm'] as const).flatMap(name => hongKongTime(told, name) ?? []);
  return times.length === 0 ? undefined : Math.min(...times);
}
