import {
  asRecord,
  hmacOf,
  MINUTE_MS,
  recordOf,
  sha512,
  textOf,
  timingSafeEqual,
  toHex,
  type Exchange,
  type Reading,
} from '../../kit/index.ts';
import {
  refused,
  signedNotices,
  tellsSuccess,
  unreceivable,
  wrongSignature,
  type Delivery,
  type Notice,
  type Replies,
  type Webhook,
} from '../../kit/webhook.ts';
import { notice } from './codes.ts';

/**
 * UQPAY's webhooks. What is signed is told by UQPAY's SDKs, since the manual leaves the time out.
 *
 * The master account's address hears of all connected accounts, and only a payout's event says whose it is:
 * `account_id`. Whoever acts for one of them asks before the others are believed.
 *
 * `read` reads an answer, which is what an event's data looks like.
 * @see https://developers-sandbox.uqpaytech.com/account-center/v1.6/guide/webhooks-overview
 * @see https://github.com/uqpay/uqpay-sdk-go/blob/51129d6/webhook/verifier.go
 * @see https://developers-sandbox.uqpaytech.com/account-center/v1.6/guide/connected-accounts
 * @see https://developers-sandbox.uqpaytech.com/global-acquiring/v1.6/webhooks/payout-final-state
 */
export function uqpayWebhook(account: {
  readonly webhookSecret: string | undefined;
  readonly onBehalfOf: string | undefined;
  readonly read: (exchange: Exchange) => Reading;
}): Webhook {
  const { webhookSecret, onBehalfOf, read } = account;
  if (webhookSecret === undefined)
    return unreceivable(notice, 'uqpay: pass webhookSecret to receive webhooks: it is the key of their signatures.');
  /** Notices that may be another account's. */
  const doubtful = new WeakSet<Notice>();
  return signedNotices({
    codes: notice,
    // Two intents may share a merchant_order_id: that one of them ended unpaid must not end the loop of the other.
    confirm: heard => doubtful.has(heard) || (heard.operation === 'payment.create' && !tellsSuccess(notice, heard)),
    replies,
    whatIsWrong: delivery => whatIsWrong(delivery, webhookSecret),
    noticeOf(event) {
      const heard = noticeOf(event, read);
      if (onBehalfOf !== undefined && textOf(recordOf(event, 'data'), 'account_id') !== onBehalfOf) doubtful.add(heard);
      return heard;
    },
  });
}

/** "Return 200 to acknowledge receipt." How often UQPAY tries again is not said. */
const replies: Replies = {
  stored: { body: 'OK' },
  again: { status: 500, body: 'AGAIN' },
  refused: { status: 401, body: 'REFUSED' },
};

/** The first number that is milliseconds: as seconds it would be the year 33658. */
const FIRST_MILLISECONDS = 1e12;

const whatIsWrong = (delivery: Delivery, webhookSecret: string): ReturnType<typeof wrongSignature> =>
  wrongSignature(delivery, {
    header: 'x-wk-signature',
    isRight: (given, timestamp) =>
      timingSafeEqual(toHex(hmacOf(sha512, webhookSecret, delivery.bytes, timestamp)), given.toLowerCase()),
    // The tolerance of UQPAY's own SDKs.
    time: {
      header: 'x-wk-timestamp',
      withinMs: 5 * MINUTE_MS,
      read(timestamp) {
        const number = /^\d{1,16}$/.test(timestamp) ? Number(timestamp) : NaN;
        return number >= FIRST_MILLISECONDS ? number : number * 1000;
      },
    },
  });

/** What an event is about. */
interface Subject {
  readonly operation: string;
  /** What its state is called: `<kind>_status` in the data, `<kind>/…` in a verdict. */
  readonly kind: string;
  /** The numbers it goes by, the merchant's first. */
  readonly numbers: readonly string[];
}

const intent = { operation: 'payment.create', numbers: ['merchant_order_id', 'payment_intent_id'] };

/** By the second word of an event's type. */
const subjects: Readonly<Record<string, Subject>> = {
  payment_intent: { ...intent, kind: 'intent' },
  payment_attempt: { ...intent, kind: 'attempt' },
  cancel: { operation: 'payment.cancel', kind: 'cancel', numbers: ['payment_intent_id'] },
  // It names its intent too, but so do the intent's other refunds.
  refund: { operation: 'refund.create', kind: 'refund', numbers: ['payment_refund_id'] },
  payout: { operation: 'payout.create', kind: 'payout', numbers: ['payout_id'] },
};

function noticeOf(event: unknown, read: (exchange: Exchange) => Reading): Notice {
  const data = asRecord(asRecord(event)?.['data']);
  const [, word = ''] = /^acquiring\.(\w+)\.\w+$/.exec(textOf(event, 'event_type') ?? '') ?? [];
  const subject = Object.hasOwn(subjects, word) ? subjects[word] : undefined;
  if (subject === undefined || data === undefined) return refused('it is about nothing that tillpaid follows');

  const { operation, kind, numbers } = subject;
  const { reference = {}, madeAtMs, ...told } = read({ operation, status: 200, body: data });
  if (numbers.every(number => reference[number] === undefined)) return refused('it names no order');
  const state = textOf(data, `${kind}_status`);
  return {
    ...told,
    verified: true,
    operation,
    names: [state === undefined ? kind : `${kind}/${state}`],
    reference: Object.fromEntries(numbers.map(number => [number, reference[number]])),
    // An attempt's time is its own, and not the intent's.
    ...(kind !== 'attempt' && madeAtMs !== undefined && { madeAtMs, openedAtMs: madeAtMs }),
  };
}
