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
  type CodeTable,
  type Row,
} from '../../kit/index.ts';

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
export const refused: CodeTable = {
  '400/00': rejected('invalid-request'),
  '400/01': rejected('invalid-request'),
  '400/02': rejected('invalid-request'),
  '401/00': rejected('authentication'),
  '401/01': retryable('authentication', { remedy: 'reauthenticate' }),
  '401/02': rejected('authentication'),
  '401/03': retryable('authentication', { remedy: 'reauthenticate' }),
  '401/04': rejected('authentication'),
  '403/01': rejected('permission'),
  '403/06': retryable('maintenance', { delayMs: 5000 }),
  '403/10': rejected('limit-exceeded'),
  '403/19': rejected('permission'),
  '403/20': rejected('limit-exceeded'),
  '403/21': rejected('unsupported'),
  '403/22': rejected('invalid-request'),
  '404/02': rejected('configuration'),
  '404/03': rejected('unsupported'),
  '404/05': rejected('permission'),
  '404/06': rejected('invalid-request'),
  '404/07': rejected('invalid-request'),
  '404/08': rejected('configuration'),
  '404/09': rejected('unsupported'),
  '404/12': rejected('invalid-request'),
  '404/13': rejected('invalid-request'),
  '404/16': rejected('configuration'),
  '404/17': rejected('configuration'),
  '405/00': rejected('unsupported'),
  '405/01': rejected('unsupported'),
};

/** Said of a charge, these decline it. */
export const declines: CodeTable = {
  '403/02': declined('limit-exceeded'),
  '403/03': declined('risk'),
  '403/04': declined('limit-exceeded'),
  '403/05': declined(),
  '403/07': declined(),
  '403/08': declined(),
  '403/09': declined(),
  '403/11': declined(),
  '403/14': declined('insufficient-funds'),
  '403/15': declined(),
  '403/17': declined('limit-exceeded'),
  '403/18': declined(),
  '403/23': declined('limit-exceeded'),
  '404/11': declined(),
};

/** Said of anything else, the same words refuse the request: they are the outcome of the call, not the payment's. */
export const declinedRequests: CodeTable = mapRows(declines, ({ reason }) => rejected(reason));

/**
 * These speak of the payment in the place where the manual keeps the outcome of the call. Only the status query keeps
 * the payment's state, so it is asked.
 */
export const hints: CodeTable = {
  '202/00': pollRequired('processing'),
  '403/00': pollRequired('expired'),
  '403/12': pollRequired('expired'),
  // HTTP 403, and no failure.
  '403/13': pollRequired('awaiting-payer'),
  // Suspended for now, or for good: the text does not say.
  '403/16': pollRequired('unknown-outcome'),
  '404/00': pollRequired('unknown-outcome'),
  '404/01': pollRequired('not-found'),
  '404/04': pollRequired('canceled'),
  '404/10': pollRequired('unknown-outcome'),
  // HTTP 404, and it says "paid".
  '404/14': pollRequired('unknown-outcome'),
  '404/15': pollRequired('awaiting-payer'),
  '404/19': pollRequired('expired'),
};

/**
 * "The bill has been paid" and "transaction has already succeeded with the same partnerReferenceNo" are one meaning:
 * this request was refused because of another that was paid. What became of that one is asked, and never reported as
 * this one's success.
 */
export const paidBefore: Row = askedOnce(duplicate());

export const proveNothing: Row = pollRequired('unknown-outcome');

/** What every write may answer. */
export const write: CodeTable = {
  ...refused,
  ...declinedRequests,
  ...hints,
  '404/14': paidBefore,
  '404/18': duplicate(),
  // X-EXTERNAL-ID is new but after a lost answer: whatever used it before was a copy of this very send.
  '409/00': pollRequired('duplicate', { acknowledges: true }),
  '409/01': paidBefore,
  // "Maximum transaction limit exceeded": the manual does not say that the request was left undone.
  '429/00': pollRequired('rate-limited'),
  '500/00': proveNothing,
  // "Please retry", says the manual, and not under which number.
  '500/01': proveNothing,
  '500/02': proveNothing,
  '504/00': proveNothing,
};

/** An order that its payer pays later. */
const create = {
  ...write,
  '200/00': created(),
  '403/00': expired(),
  '404/04': canceled(),
  '404/19': expired(),
} satisfies CodeTable;

export const charge: CodeTable = {
  ...write,
  ...declines,
  // The call succeeded; whether the money moved is the query's to say.
  '200/00': pollRequired('processing'),
  '403/00': expired(),
  '403/12': expired(),
  // HTTP 403, and what 2005400 is in the same flow: the payer has the OTP, and the merchant its page to ask for.
  '403/13': created(),
  '404/04': canceled(),
  '404/19': expired(),
};

export const cancel: CodeTable = {
  ...write,
  '200/00': succeeded('canceled'),
  '404/00': rejected('already-final'),
  '404/01': rejected('not-found'),
  '404/14': failed('already-final'),
};

/** A query that failed says nothing about the payment. */
export const query: CodeTable = {
  ...refused,
  ...declinedRequests,
  ...hints,
  '200/00': pollRequired('unknown-outcome'),
  // Blocked, suspended or not found in one code: too little to call the order absent.
  '404/12': pollRequired('unknown-outcome'),
  '404/18': rejected('conflict'),
  '409/00': retryable('conflict'),
  '409/01': pollRequired('duplicate'),
  '429/00': retryable('rate-limited', { delayMs: 5000 }),
  '500/00': retryable('unavailable'),
  '500/01': retryable('unavailable'),
  '500/02': retryable('unavailable'),
  '504/00': retryable('unavailable'),
};

export const unheard: Row = pollRequired('unknown-outcome');

/**
 * The same, asked by the merchant's number alone, which the manual does not provide for: "not found" says nothing here,
 * and a refusal is repeated by nobody. A state still counts: it is read only from an answer that names the order.
 */
export const blindQuery: CodeTable = mapRows(query, row => {
  if (row.kind === 'retryable' || row.reason === 'authentication' || row.reason === 'permission') return row;
  // A row of its own, since its advice is another one.
  return row.kind === 'terminal' ? { ...row } : unheard;
});

/**
 * `latestTransactionStatus` of QRIS and direct debit; there is no 02. A payment is made 01 ("initiated"); 03 ("pending")
 * comes after somebody has begun to pay.
 */
const status = {
  '200/00/00': succeeded(),
  '200/00/01': pollRequired('awaiting-payer'),
  '200/00/03': pollRequired('processing', { paying: true }),
  '200/00/04': refunded(),
  '200/00/05': canceled(),
  '200/00/06': failed(),
} satisfies CodeTable;

export const qrisStatus: CodeTable = {
  ...status,
  // "Not found", and in one version of the appendix also where an expired QR code ends.
  '200/00/07': pollRequired('not-found', { expiredWhenOver: true }),
};

export const debitStatus: CodeTable = {
  ...status,
  '200/00/05': canceled(),
  // "Not found. Bank card token is expired": the second would be a decline, the first may be a lag. Only 00 and 06 are
  // called final.
  '200/00/07': pollRequired('expired'),
};

/**
 * Why a payment has failed, where the status query tells: `originalResponseCode` is what the write's own answer was, or
 * would have been. From siblings of the standard (DANA, DOKU, Winpay); iFortepay's page does not show it.
 */
export const failures: CodeTable = mapRows(declines, ({ reason }) => failed(reason));
const failedBecause = (service: string): CodeTable =>
  Object.fromEntries(Object.entries(failures).map(([name, row]) => [`200/00/06/${name.replace('/', service)}`, row]));

/**
 * Virtual accounts speak words. `paymentFlagStatus` is a number: that of the bill's payment notice (service 25), which
 * siblings of the standard (BCA, Mandiri, Faspay) answer in place of a word. Only its 00 is the same everywhere.
 */
export const virtualAccountStatus: CodeTable = {
  '200/00/PAID': succeeded(),
  '200/00/ACTIVE': pollRequired('awaiting-payer'),
  '200/00/PROCESSING': pollRequired('processing', { paying: true }),
  '200/00/EXPIRED': expired(),
  '200/00/CANCELED': canceled(),
  '200/00/paymentFlagStatus=00': succeeded(),
  '200/00/paymentFlagStatus=01': pollRequired('unknown-outcome'),
  '200/00/paymentFlagStatus=02': pollRequired('unknown-outcome'),
};

/** "Any", says the manual of the service in a code that tells of a failure. */
const ANY_SERVICE = '00';

/** Names the rows as the gateway does: with the service's number. */
function ofService(service: string, rows: CodeTable): CodeTable {
  const named = (number: string, entries: [string, Row][]): CodeTable =>
    Object.fromEntries(entries.map(([name, row]) => [name.replace('/', number), row]));
  const failures = Object.entries(rows).filter(([name]) => !name.startsWith('2'));
  return { ...named(ANY_SERVICE, failures), ...named(service, Object.entries(rows)) };
}

function mapRows(rows: CodeTable, change: (row: Row) => Row): CodeTable {
  return Object.fromEntries(Object.entries(rows).map(([name, row]) => [name, change(row)]));
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
export const endedOrLate: Row = pollRequired('not-found', { acknowledges: true, expiredWhenOver: true });
export const qrisQueryTold: CodeTable = {
  ...qrisQueryBlind,
  ...ofService('51', { '200/00/07': endedOrLate }),
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
  va: pollRequired('processing'),
};
