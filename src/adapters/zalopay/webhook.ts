import { asRecord, idOf, integerOf, textOf } from '../../kit/index.ts';
import { refused, signedNotices, type Notice, type Replies, type Webhook } from '../../kit/webhook.ts';
import { notice } from './codes.ts';
import { isGenuineCallback } from './sign.ts';

/**
 * ZaloPay's callbacks: a text `data`, its `mac`, and a `type` that is outside the mac and so is not read.
 *
 * @see https://beta-docs.zalopay.vn/docs/developer-tools/knowledge-base/callback
 */
export function zalopayWebhook({ appId, key2 }: { appId: number; key2: string }): Webhook {
  return signedNotices({
    codes: notice,
    // The order page says that a callback makes a query needless, and that it may still find the order in progress. The
    // page of scanned codes says that what failed is called back too, and not how that looks:
    // https://docs.zalopay.vn/v2/docs/quickpay/api.html
    confirm: (_notice, followed) => followed === 'payment.scan',
    replies,
    whatIsWrong: ({ text }) => whatIsWrong(JSON.parse(text), key2),
    // The checksum of a redirect is made with the same key, and the payer sees it: its data is no JSON, which ends
    // here.
    noticeOf: callback => noticeOf(JSON.parse(textOf(callback, 'data') ?? ''), appId),
  });
}

function whatIsWrong(callback: unknown, key2: string): string | undefined {
  const data = textOf(callback, 'data');
  const mac = textOf(callback, 'mac');
  if (data === undefined || mac === undefined) return 'data or mac is missing';
  return isGenuineCallback(key2, data, mac) ? undefined : 'the mac is not that of this data';
}

/** What ZaloPay's own samples answer. 0 makes it call back, up to three times in all. */
const replies: Replies = {
  stored: { body: { return_code: 1, return_message: 'success' } },
  again: { body: { return_code: 0, return_message: 'callback again' } },
  refused: { body: { return_code: -1, return_message: 'mac not equal' } },
};

/** An order that was paid tells its amount, a binding its status; each is a callback of its own. */
function noticeOf(data: unknown, appId: number): Notice {
  const told = asRecord(data);
  if (idOf(told, 'app_id') !== String(appId)) return refused('it is about another app_id');
  const app_trans_id = idOf(told, 'app_trans_id');
  const amount = idOf(told, 'amount');
  const status = idOf(told, 'status');
  if (app_trans_id === undefined || (amount === undefined) === (status === undefined))
    return refused('it is about neither an order nor a binding');

  if (amount === undefined) {
    const reference = { app_trans_id, binding_id: idOf(told, 'binding_id') };
    return { verified: true, operation: 'binding.create', names: [`agreement/${status ?? ''}`], reference };
  }
  const openedAtMs = integerOf(told, 'app_time');
  return {
    verified: true,
    operation: 'payment.create',
    names: ['order'],
    reference: { app_trans_id, zp_trans_id: idOf(told, 'zp_trans_id') },
    amount,
    currency: 'VND',
    // The time of the payment; what a query calls `server_time` may be the time of its answer.
    madeAtMs: integerOf(told, 'server_time'),
    ...(openedAtMs !== undefined && Math.abs(openedAtMs) <= LATEST_DATE_MS && { openedAtMs }),
  };
}

/** The last moment that a `Date` can hold. */
const LATEST_DATE_MS = 8.64e15;
