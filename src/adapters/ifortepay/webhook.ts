import {
  digestOf,
  hmacOf,
  jsonOf,
  MINUTE_MS,
  recordOf,
  sha256,
  sha512,
  textOf,
  timingSafeEqual,
  toBase64,
  toHex,
} from '../../kit/index.ts';
import {
  refused,
  signedNotices,
  tellsSuccess,
  unreceivable,
  wrongSignature,
  type Delivery,
  type HeardNotice,
  type Notice,
  type Reply,
  type Webhook,
} from '../../kit/webhook.ts';
import { notice } from './codes.ts';
import { account, order } from './read.ts';

/**
 * iFortepay's notifications: of QRIS payments, of direct debits and wallets, of virtual accounts.
 *
 * @see https://developer.ifortepay.id/snap/auth/payment-notify
 */
export function ifortepayWebhook({
  clientSecret,
  notifyUrl,
}: {
  clientSecret: string | undefined;
  notifyUrl: string | undefined;
}): Webhook {
  if (clientSecret === undefined)
    return unreceivable(
      notice,
      'ifortepay: pass clientSecret to receive notifications: it is the key of their signatures.',
    );
  return signedNotices({
    codes: notice,
    // A number may be used again after a failure, and a failure's notice may come late: only a success is surely this
    // payment's.
    confirm: heard => !tellsSuccess(notice, heard),
    replies: (word, heard) => replyTo(word, heard?.operation ?? ''),
    whatIsWrong: delivery => whatIsWrong(delivery, clientSecret, notifyUrl ?? delivery.url.href),
    noticeOf,
    unsigned: (reason, { text }) => unsigned(reason, text),
  });
}

/** Anything but HTTP 200 makes iFortepay send it again, three times. */
const replies = {
  stored: { status: 200, responseMessage: 'Successful' },
  again: { status: 500, responseMessage: 'General Error' },
  refused: { status: 401, responseMessage: 'Unauthorized. Signature' },
};

/**
 * The notification's own service, by the write it is about. The manual names none for virtual accounts; 25 is SNAP's.
 */
const services: Readonly<Record<string, string>> = { 'qris.create': '52', 'va.create': '25', 'debit.charge': '56' };

function replyTo(word: keyof typeof replies, operation: string): Reply {
  const { status, responseMessage } = replies[word];
  return { status, body: { responseCode: `${status}${services[operation] ?? '00'}00`, responseMessage } };
}

/**
 * A virtual account's "will not need verification" for now, says the manual: then it is heard as a hint, and iFortepay
 * need not repeat it.
 */
function unsigned(reason: string, text: string): Notice {
  const { verified: _heard, ...hint } = accountNotice(jsonOf(text));
  if (!namesOne(hint)) return refused(reason);
  const { operation } = hint;
  return {
    verified: false,
    reason: `${reason}; ask about the virtual account instead`,
    reply: replyTo('stored', operation),
    hint,
  };
}

function whatIsWrong(delivery: Delivery, clientSecret: string, notifyUrl: string): ReturnType<typeof wrongSignature> {
  const version = delivery.headers.get('x-version') ?? 'v1';
  return wrongSignature(delivery, {
    header: 'X-SIGNATURE',
    // The manual sets no limit, and does not say whether a notification that is sent again is signed anew.
    time: { header: 'X-TIMESTAMP', withinMs: 15 * MINUTE_MS },
    isRight(given, timestamp) {
      const digest = toHex(digestOf(sha256, minified(delivery.bytes)));
      const right = hmacOf(sha512, clientSecret, [notifyUrl, version, digest, timestamp].join(':'));
      return timingSafeEqual(toBase64(right), given);
    },
  });
}

const whiteSpace: ReadonlySet<number> = new Set([' ', '\t', '\n', '\r'].map(character => character.charCodeAt(0)));
const QUOTE = '"'.charCodeAt(0);
const BACKSLASH = '\\'.charCodeAt(0);

/**
 * JSON without the white space between its tokens. Parsing and writing it again would change how numbers and texts are
 * spelt.
 */
function minified(json: Uint8Array): Uint8Array {
  let inText = false;
  let escaped = false;
  return json.filter(byte => {
    const kept = inText || !whiteSpace.has(byte);
    if (byte === QUOTE && !escaped) inText = !inText;
    escaped = inText && byte === BACKSLASH && !escaped;
    return kept;
  });
}

const namesOne = ({ reference = {} }: Omit<HeardNotice, 'verified'>): boolean =>
  Object.values(reference).some(number => number !== undefined);

function noticeOf(body: unknown): Notice {
  return [accountNotice(body), orderNotice(body)].find(namesOne) ?? refused('it names no order');
}

/** Neither where the account's numbers stand nor what else it tells is shown: it is heard as a hint to ask. */
function accountNotice(body: unknown): HeardNotice {
  const data = recordOf(body, 'virtualAccountData') ?? body;
  const reference = Object.fromEntries([account.own, ...account.theirs].map(name => [name, textOf(data, name)]));
  return { verified: true, operation: 'va.create', names: ['va'], reference };
}

const orders = {
  qris: { operation: 'qris.create', serviceCode: '47' },
  debit: { operation: 'debit.charge', serviceCode: '54' },
};

/**
 * The path is the merchant's own choice and tells nothing. Only a QRIS notification has to name its merchant in
 * `additionalInfo`.
 */
function orderNotice(body: unknown): HeardNotice {
  const namesMerchant = textOf(recordOf(body, 'additionalInfo'), 'merchantId') !== undefined;
  const kind = namesMerchant || textOf(body, 'serviceCode') === orders.qris.serviceCode ? 'qris' : 'debit';
  const { operation, serviceCode } = orders[kind];
  const { reference = {}, amount, currency, madeAtMs } = order.read({ operation, status: 200, body });
  const state = order.state(body);
  return {
    verified: true,
    operation,
    names: [state === undefined ? kind : `${kind}/${state}`],
    message: textOf(body, 'transactionStatusDesc'),
    // All orders share their service: it must not be what a loop is found by, so it only goes along with the merchant's
    // number.
    reference: { ...reference, ...(reference[order.own] !== undefined && { serviceCode }) },
    amount,
    currency,
    madeAtMs,
    ...(madeAtMs !== undefined && { openedAtMs: madeAtMs }),
  };
}
