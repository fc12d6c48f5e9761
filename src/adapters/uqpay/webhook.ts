import { hmac } from '@noble/hashes/hmac.js';
import { sha512 } from '@noble/hashes/sha2.js';
import { bytesToHex, concatBytes, utf8ToBytes } from '@noble/hashes/utils.js';
import { InputError } from '../../core/errors.ts';
import type { Exchange, Reading } from '../../core/exchange.ts';
import { asRecord, textOf } from '../../kit/readers.ts';
import { timingSafeEqual } from '../../kit/timing-safe.ts';
import type { Delivery, Notice, Reply, Webhook } from '../../kit/webhook.ts';
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
  if (webhookSecret === undefined) return { codes: notice, hear: withoutSecret, reply: withoutSecret };
  /** Notices that may be another account's. */
  const doubtful = new WeakSet<Notice>();
  return {
    codes: notice,
    // Two intents may share a merchant_order_id: that one of them ended unpaid must not end the loop of the other.
    confirm: heard => doubtful.has(heard) || (heard.operation === 'payment.create' && !heard.names.some(isPaid)),
    reply: word => replies[word],
    hear(delivery) {
      const wrong = whatIsWrong(delivery, webhookSecret);
      if (wrong !== undefined) return refused(wrong);
      const event: unknown = JSON.parse(delivery.text);
      const heard = noticeOf(event, read);
      if (onBehalfOf !== undefined && textOf(asRecord(event)?.['data'], 'account_id') !== onBehalfOf)
        doubtful.add(heard);
      return heard;
    },
  };
}

function withoutSecret(): never {
  throw new InputError('uqpay: pass webhookSecret to receive webhooks: it is the key of their signatures.');
}

/** "Return 200 to acknowledge receipt." How often UQPAY tries again is not said. */
const replies: Readonly<Record<'stored' | 'again' | 'refused', Reply>> = {
  stored: { body: 'OK' },
  again: { status: 500, body: 'AGAIN' },
  refused: { status: 401, body: 'REFUSED' },
};

const refused = (reason: string): Notice => ({ verified: false, reason });

function isPaid(name: string): boolean {
  const row = notice[name];
  return row?.kind === 'terminal' && row.outcome === 'succeeded';
}

/** The tolerance of UQPAY's own SDKs. */
const FRESH_MS = 300_000;

/** The first number that is milliseconds: as seconds it would be the year 33658. */
const FIRST_MILLISECONDS = 1e12;

function whatIsWrong({ headers, bytes, nowMs }: Delivery, webhookSecret: string): string | undefined {
  const given = headers.get('x-wk-signature');
  const timestamp = headers.get('x-wk-timestamp');
  if (given === null) return 'the header x-wk-signature is missing';
  if (timestamp === null) return 'the header x-wk-timestamp is missing';
  const right = bytesToHex(hmac(sha512, utf8ToBytes(webhookSecret), concatBytes(bytes, utf8ToBytes(timestamp))));
  if (!timingSafeEqual(right, given.toLowerCase())) return 'the signature is not that of this body and time';
  const number = /^\d{1,16}$/.test(timestamp) ? Number(timestamp) : NaN;
  const ageMs = nowMs - (number >= FIRST_MILLISECONDS ? number : number * 1000);
  return Math.abs(ageMs) <= FRESH_MS ? undefined : 'x-wk-timestamp is not within five minutes of this machine’s clock';
}

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
