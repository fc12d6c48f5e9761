import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { InputError } from '../../core/errors.ts';
import { textOf } from '../../kit/readers.ts';
import { timingSafeEqual } from '../../kit/timing-safe.ts';
import type { Delivery, HeardNotice, Notice, Reply, Webhook } from '../../kit/webhook.ts';
import { notice } from './codes.ts';
import { account, order, recordIn } from './read.ts';
import { hmacSignature } from './sign.ts';

/**
 * iFortepay's notifications: of QRIS payments, of direct debits and wallets, of virtual accounts.
 *
 * @see https://developer.ifortepay.id/snap/auth/payment-notify
 */
export function ifortepayWebhook({ clientSecret, notifyUrl }: { clientSecret?: string; notifyUrl?: string }): Webhook {
  if (clientSecret === undefined) return { codes: notice, hear: withoutSecret, reply: withoutSecret };
  return {
    codes: notice,
    // A number may be used again after a failure, and a failure's notice may come late: only a success is surely this
    // payment's.
    confirm: ({ names }) => !names.some(isPaid),
    reply: (word, heard) => replyTo(word, heard?.operation ?? ''),
    hear(delivery) {
      const wrong = whatIsWrong(delivery, clientSecret, notifyUrl ?? delivery.url.href);
      return wrong === undefined ? noticeOf(JSON.parse(delivery.text)) : unsigned(wrong, delivery.text);
    },
  };
}

function withoutSecret(): never {
  throw new InputError('ifortepay: pass clientSecret to receive notifications: it is the key of their signatures.');
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

const refused = (reason: string): Notice => ({ verified: false, reason });

/**
 * A virtual account's "will not need verification" for now, says the manual: then it is heard as a hint, and iFortepay
 * need not repeat it.
 */
function unsigned(reason: string, text: string): Notice {
  const { verified: _heard, ...hint } = accountNotice(parsed(text));
  if (!namesOne(hint)) return refused(reason);
  const { operation } = hint;
  return {
    verified: false,
    reason: `${reason}; ask about the virtual account instead`,
    reply: replyTo('stored', operation),
    hint,
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isPaid(name: string): boolean {
  const row = notice[name];
  return row?.kind === 'terminal' && row.outcome === 'succeeded';
}

/** The manual sets no limit, and does not say whether a notification that is sent again is signed anew. */
const FRESH_MS = 15 * 60_000;

function whatIsWrong({ headers, bytes, nowMs }: Delivery, clientSecret: string, notifyUrl: string): string | undefined {
  const given = headers.get('x-signature');
  const timestamp = headers.get('x-timestamp');
  if (given === null) return 'the header X-SIGNATURE is missing';
  if (timestamp === null) return 'the header X-TIMESTAMP is missing';
  const digest = bytesToHex(sha256(minified(bytes)));
  const right = hmacSignature(clientSecret, [notifyUrl, headers.get('x-version') ?? 'v1', digest, timestamp].join(':'));
  if (!timingSafeEqual(right, given)) return 'the signature is not that of this notification';
  const ageMs = nowMs - Date.parse(timestamp);
  return Math.abs(ageMs) <= FRESH_MS ? undefined : 'X-TIMESTAMP is not within 15 minutes of this machine’s clock';
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
  const data = recordIn(body, 'virtualAccountData') ?? body;
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
  const namesMerchant = textOf(recordIn(body, 'additionalInfo'), 'merchantId') !== undefined;
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
