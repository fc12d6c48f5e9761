import type { CodeTable, Row } from '../../core/code-table.ts';
import {
  askedOnce,
  canceled,
  created,
  declined,
  duplicate,
  expired,
  failed,
  pollRequired,
  refunded,
  rejected,
  retryable,
  succeeded,
} from '../../kit/rows.ts';

/*
 * A `responseCode` is three digits of HTTP status, two of service and two of case, so that one list serves every
 * operation: here `500/00` stands for 5005400 of service 54 and for 5004700 of service 47. For the service of a failure
 * the manual says "any": 00 reads like the operation's own. A query's row adds the payment's own state: `200/00/06` is
 * `2005500/06`, and
 * `2005500/06/4035414` where the answer also tells which answer the charge had got (`originalResponseCode`).
 *
 * Source, read in November 2026: https://developer.ifortepay.id/appendix
 */

/** The request was refused before anything was done with it, whatever it asked for. */
const refused = {
  '400/00': rejected('invalid-request', 'The gateway could not read the request.'),
  '400/01': rejected('invalid-request', 'A field has the wrong format.'),
  '400/02': rejected('invalid-request', 'A mandatory field is missing or malformed.'),
  '401/00': rejected('authentication', 'Check partnerId, the key and this machine’s clock.'),
  '401/01': retryable('authentication', { remedy: 'reauthenticate' }),
  '401/02': rejected('authentication', 'The customer’s token has ended: bind the account again.'),
  '401/03': retryable('authentication', { remedy: 'reauthenticate' }),
  '401/04': rejected('authentication', 'The customer’s token is unknown: bind the account again.'),
  '403/01': rejected('permission', 'iFortepay has not enabled this product for the merchant.'),
  '403/06': retryable('maintenance', {
    delayMs: 5000,
    advice: 'The channel is in its daily cut-off: try again once it is over.',
  }),
  '403/10': rejected('limit-exceeded', 'The customer’s token needs a limit before it can be used.'),
  '403/19': rejected('permission', 'The merchant is suspended: contact iFortepay.'),
  '403/20': rejected('limit-exceeded', 'The merchant’s own limit of the day is used up.'),
  '403/21': rejected('unsupported', 'This token takes no limit.'),
  '403/22': rejected('invalid-request', 'The token limit is outside the agreed range.'),
  '404/02': rejected('configuration', 'Wrong path or routing: check channelId.'),
  '404/03': rejected('unsupported', 'The switch does not reach this bank.'),
  '404/05': rejected('permission', 'The merchant may not register cards.'),
  '404/06': rejected('invalid-request', 'Request an OTP first.'),
  '404/07': rejected('invalid-request', 'The journey is unknown.'),
  '404/08': rejected('configuration', 'The merchant is unknown or not active.'),
  '404/09': rejected('unsupported', 'There is no issuer for this payment.'),
  '404/12': rejected('invalid-request', 'The bill or virtual account is blocked, suspended or unknown.'),
  '404/13': rejected('invalid-request', 'The amount is not the one expected.'),
  '404/16': rejected('configuration', 'partnerId is unknown.'),
  '404/17': rejected('configuration', 'The terminal is unknown.'),
  '405/00': rejected('unsupported'),
  '405/01': rejected('unsupported', 'The payment cannot be canceled or refunded now.'),
} satisfies CodeTable;

/** Said of a charge, these decline it. */
const declines = {
  '403/02': declined('limit-exceeded', 'The amount is above the limit of one transaction.'),
  '403/03': declined('risk'),
  '403/04': declined('limit-exceeded', 'The payer has paid too often in a short time.'),
  '403/05': declined('declined', 'The account or user is not in order.'),
  '403/07': declined('declined', 'The card is blocked.'),
  '403/08': declined('declined', 'The card is expired.'),
  '403/09': declined('declined', 'The account is dormant.'),
  '403/11': declined('declined', 'The payer’s OTP is blocked.'),
  '403/14': declined('insufficient-funds'),
  '403/15': declined('declined', 'The transaction is not permitted.'),
  '403/17': declined('limit-exceeded', 'The amount is above the token’s limit.'),
  '403/18': declined('declined', 'The card, account or customer is inactive.'),
  '403/23': declined('limit-exceeded', 'The account’s limit of the day is used up.'),
  '404/11': declined('declined', 'The card, account or virtual account is not valid.'),
} satisfies CodeTable;

/** Said of anything else, the same words refuse the request: they are the outcome of the call, not the payment's. */
const declinedRequests = mapRows(declines, ({ reason, advice }) => rejected(reason, advice));

/**
 * These speak of the payment in the place where the manual keeps the outcome of the call. Only the status query keeps
 * the payment's state, so it is asked.
 */
const hints = {
  '202/00': pollRequired('processing'),
  '403/00': pollRequired('expired'),
  '403/12': pollRequired('expired', { advice: 'The OTP has expired; the payment is over when the query says 05.' }),
  // HTTP 403, and no failure.
  '403/13': pollRequired('awaiting-payer', { advice: 'The OTP is on its way to the payer.' }),
  // Suspended for now, or for good: the text does not say.
  '403/16': pollRequired('unknown-outcome', { advice: 'The transaction is suspended: ask iFortepay if it stays so.' }),
  '404/00': pollRequired('unknown-outcome', { advice: 'The payment is in a state that does not allow this.' }),
  '404/01': pollRequired('not-found'),
  '404/04': pollRequired('canceled', { advice: 'The payer is said to have canceled.' }),
  '404/10': pollRequired('unknown-outcome', { advice: 'The payment’s journey is past this step.' }),
  // HTTP 404, and it says "paid".
  '404/14': pollRequired('unknown-outcome', { advice: 'The bill is said to be paid: do not charge again.' }),
  '404/15': pollRequired('awaiting-payer', {
    advice: 'The OTP was wrong; the payment is over when the query says 05.',
  }),
  '404/19': pollRequired('expired'),
} satisfies CodeTable;

/**
 * "The bill has been paid" and "transaction has already succeeded with the same partnerReferenceNo" are one meaning:
 * this request was refused because of another that was paid. What became of that one is asked, and never reported as
 * this one's success.
 */
const paidBefore = askedOnce(
  duplicate(
    'Another order has this number, and iFortepay calls it paid: hold that against otherVerdict, and charge nothing again before both agree.',
  ),
);

const proveNothing = pollRequired('unknown-outcome', {
  advice: 'A failure on iFortepay’s side proves nothing: ask before sending again.',
});

/** What every write may answer. */
const write = {
  ...refused,
  ...declinedRequests,
  ...hints,
  '404/14': paidBefore,
  '404/18': duplicate(
    'This number belongs to a request with other content: look it up, and use one number for one order.',
  ),
  // X-EXTERNAL-ID is new but after a lost answer: whatever used it before was a copy of this very send.
  '409/00': pollRequired('duplicate', {
    acknowledges: true,
    advice: 'This very send has arrived before: ask what became of it.',
  }),
  '409/01': paidBefore,
  // "Maximum transaction limit exceeded": the manual does not say that the request was left undone.
  '429/00': pollRequired('rate-limited'),
  '500/00': proveNothing,
  // "Please retry", says the manual, and not under which number.
  '500/01': proveNothing,
  '500/02': proveNothing,
  '504/00': proveNothing,
} satisfies CodeTable;

/** An order that its payer pays later. */
const create = {
  ...write,
  '200/00': created(),
  '403/00': expired(),
  '404/04': canceled(),
  '404/19': expired(),
} satisfies CodeTable;

const charge = {
  ...write,
  ...declines,
  // The call succeeded; whether the money moved is the query's to say.
  '200/00': pollRequired('processing'),
  '403/00': expired(),
  '403/12': expired('expired', 'The payer’s OTP came too late: make a new payment.'),
  // HTTP 403, and what 2005400 is in the same flow: the payer has the OTP, and the merchant its page to ask for.
  '403/13': created('awaiting-payer', 'The OTP is on its way to the payer: follow the ticket.'),
  '404/04': canceled(),
  '404/19': expired(),
} satisfies CodeTable;

const cancel = {
  ...write,
  '200/00': succeeded('canceled'),
  '404/00': rejected('already-final', 'The payment’s state does not allow a cancel: ask for it.'),
  '404/01': rejected('not-found', 'iFortepay has no payment of these two numbers.'),
  '404/14': failed('already-final', 'The payment is paid: it can only be given back.'),
} satisfies CodeTable;

/** A query that failed says nothing about the payment. */
const query = {
  ...refused,
  ...declinedRequests,
  ...hints,
  '200/00': pollRequired('unknown-outcome', {
    advice: 'The query succeeded without naming the payment’s state: this is not "paid".',
  }),
  // Blocked, suspended or not found in one code: too little to call the order absent.
  '404/12': pollRequired('unknown-outcome', {
    advice: 'The bill is blocked, suspended or unknown: the code does not say which.',
  }),
  '404/18': rejected('conflict', 'The numbers of this query do not belong together.'),
  '409/00': retryable('conflict'),
  '409/01': pollRequired('duplicate'),
  '429/00': retryable('rate-limited', { delayMs: 5000 }),
  '500/00': retryable('unavailable'),
  '500/01': retryable('unavailable'),
  '500/02': retryable('unavailable'),
  '504/00': retryable('unavailable'),
} satisfies CodeTable;

const onlyANotice =
  'The create’s answer was lost, and iFortepay is asked without its own number: wait for its notification.';
const unheard = pollRequired('unknown-outcome', { advice: onlyANotice });

/**
 * The same, asked by the merchant's number alone, which the manual does not provide for: "not found" says nothing here,
 * and a refusal is repeated by nobody. A state still counts: it is read only from an answer that names the order.
 */
const blindQuery = mapRows(query, (row: Row) => {
  if (row.kind === 'retryable' || row.reason === 'authentication' || row.reason === 'permission') return row;
  return row.kind === 'terminal' ? { ...row, advice: onlyANotice } : unheard;
});

/** `latestTransactionStatus` of QRIS and direct debit; there is no 02. */
const status = {
  '200/00/00': succeeded(),
  '200/00/01': pollRequired('awaiting-payer'),
  '200/00/03': pollRequired('processing'),
  '200/00/04': refunded(),
  '200/00/05': canceled(),
  '200/00/06': failed(),
} satisfies CodeTable;

const qrisStatus = {
  ...status,
  // "Not found", and in one version of the appendix also where an expired QR code ends.
  '200/00/07': pollRequired('not-found', {
    expiredWhenOver: true,
    advice: 'Not found, or expired unpaid: QRIS has one status for both.',
  }),
} satisfies CodeTable;

const debitStatus = {
  ...status,
  '200/00/05': canceled('canceled', 'It was canceled, or the payer’s OTP was wrong or came too late.'),
  // "Not found. Bank card token is expired": the second would be a decline, the first may be a lag. Only 00 and 06 are
  // called final.
  '200/00/07': pollRequired('expired', {
    advice: 'The card token is expired, or the payment unknown: ask before charging again.',
  }),
} satisfies CodeTable;

/**
 * Why a payment has failed, where the status query tells: `originalResponseCode` is what the write's own answer was, or
 * would have been. From siblings of the standard (DANA, DOKU, Winpay); iFortepay's page does not show it.
 */
function failedBecause(service: string): CodeTable {
  return Object.fromEntries(
    Object.entries(declines).map(([name, { reason, advice }]) => [
      `200/00/06/${name.replace('/', service)}`,
      failed(reason, advice),
    ]),
  );
}

/**
 * Virtual accounts speak words. `paymentFlagStatus` is a number: that of the bill's payment notice (service 25), which
 * siblings of the standard (BCA, Mandiri, Faspay) answer in place of a word. Only its 00 is the same everywhere.
 */
const virtualAccountStatus = {
  '200/00/PAID': succeeded(),
  '200/00/ACTIVE': pollRequired('awaiting-payer'),
  '200/00/PROCESSING': pollRequired('processing'),
  '200/00/EXPIRED': expired(),
  '200/00/CANCELED': canceled(),
  '200/00/paymentFlagStatus=00': succeeded(),
  '200/00/paymentFlagStatus=01': pollRequired('unknown-outcome', {
    advice: 'Rejected or not paid yet, depending on the bank: ask again.',
  }),
  '200/00/paymentFlagStatus=02': pollRequired('unknown-outcome', { advice: 'The bank timed out: ask again.' }),
} satisfies CodeTable;

/** "Any", says the manual of the service in a code that tells of a failure. */
const ANY_SERVICE = '00';

/** Names the rows as the gateway does: with the service's number. */
function ofService(service: string, rows: CodeTable): CodeTable {
  const named = (number: string, entries: [string, Row][]): CodeTable =>
    Object.fromEntries(entries.map(([name, row]) => [name.replace('/', number), row]));
  const failures = Object.entries(rows).filter(([name]) => !name.startsWith('2'));
  return { ...named(ANY_SERVICE, failures), ...named(service, Object.entries(rows)) };
}

function mapRows<Name extends string, From extends Row, To extends Row>(
  rows: Readonly<Record<Name, From>>,
  change: (row: From) => To,
): Record<Name, To> {
  return Object.fromEntries(Object.entries<From>(rows).map(([name, row]) => [name, change(row)])) as Record<Name, To>;
}

/** https://developer.ifortepay.id/snap/payment-gateway/qris/generate-qr */
export const qrisCreate: CodeTable = ofService('47', create);
/** https://developer.ifortepay.id/snap/payment-gateway/qris/query-payment */
export const qrisQuery: CodeTable = ofService('51', { ...query, ...qrisStatus, ...failedBecause('47') });
export const qrisQueryBlind: CodeTable = ofService('51', {
  ...blindQuery,
  ...status,
  ...failedBecause('47'),
  '200/00/07': unheard,
});
/** Who tells his own number has the order: 07 is then its end once its time is over. */
export const qrisQueryTold: CodeTable = {
  ...qrisQueryBlind,
  ...ofService('51', {
    '200/00/07': pollRequired('not-found', {
      acknowledges: true,
      expiredWhenOver: true,
      advice: 'Not found, or expired unpaid: QRIS has one status for both.',
    }),
  }),
};
/** https://developer.ifortepay.id/snap/payment-gateway/qris/cancel-payment */
export const qrisCancel: CodeTable = ofService('77', cancel);

/** https://developer.ifortepay.id/snap/payment-gateway/virtual-account/create */
export const vaCreate: CodeTable = ofService('27', create);
/** https://developer.ifortepay.id/snap/payment-gateway/virtual-account/inquiry */
export const vaQuery: CodeTable = ofService('30', { ...query, ...virtualAccountStatus });
export const vaQueryBlind: CodeTable = ofService('30', { ...blindQuery, ...virtualAccountStatus });

/** https://developer.ifortepay.id/snap/payment-gateway/direct-debit/payment */
export const debitCharge: CodeTable = ofService('54', charge);
/** The same, where the payer must still act: on the wallet's page, or with an OTP. */
export const debitChargeByPayer: CodeTable = ofService('54', { ...charge, '200/00': created() });
/** https://developer.ifortepay.id/snap/payment-gateway/direct-debit/payment/status */
export const debitQuery: CodeTable = ofService('55', { ...query, ...debitStatus, ...failedBecause('54') });
export const debitQueryBlind: CodeTable = ofService('55', {
  ...blindQuery,
  ...debitStatus,
  ...failedBecause('54'),
  '200/00/07': unheard,
});
/** https://developer.ifortepay.id/snap/payment-gateway/direct-debit/payment/cancel */
export const debitCancel: CodeTable = ofService('57', cancel);

/**
 * https://developer.ifortepay.id/payment-gateway/bnpl/check-transaction-status: pay later, whose orders this adapter
 * does not make.
 */
export const bnplQuery: CodeTable = ofService('94', { ...query, ...status, '200/00/07': pollRequired('not-found') });
export const bnplQueryBlind: CodeTable = ofService('94', { ...blindQuery, ...status, '200/00/07': unheard });

/** The status query's states under another name. */
function notified(kind: string, states: CodeTable): CodeTable {
  return Object.fromEntries(Object.entries(states).map(([name, row]) => [name.replace('200/00', kind), row]));
}

/**
 * Notifications, by what they are about and its `latestTransactionStatus`: `qris/00`, `debit/06`.
 *
 * https://developer.ifortepay.id/snap/payment-gateway/qris/payment-notification,
 * https://developer.ifortepay.id/snap/payment-gateway/direct-debit/payment/notify
 */
export const notice: CodeTable = {
  ...notified('qris', qrisStatus),
  ...notified('debit', debitStatus),
  // Their signature "will not need verification" for now, says the manual: then only the query can have the last word.
  va: pollRequired('processing', {
    advice: 'A notification of a virtual account is a reason to ask; the query tells what became of it.',
  }),
};
