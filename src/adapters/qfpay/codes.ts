import {
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

/**
 * The codes are those of https://sdk.qfapi.com/docs/api-reference/status-codes, which gives one meaning for every
 * operation; https://sdk.qfapi.com/integration/api-reference/status-codes groups them and says what to do. 1161 and
 * 2999 come from https://github.com/QFPay/QFPAY_Global (appendix.md, CommonQuestions_171103.docx). 1001 is an answer in
 * the tests of Odoo's
 * `payment_qfpay` (https://github.com/odoo/odoo/pull/262954). What 1124, 1251, 1265 and 1269 say in real answers is
 * told by an integrator: https://github.com/CHI-KEKE/joy_, QFPay.md.
 */

/** The same row for each of the codes. */
const each = (codes: readonly string[], row: Row): CodeTable => Object.fromEntries(codes.map(code => [code, row]));

/** A code that has no business in an answer: should it come all the same, nothing follows from it. */
export const nothingFollows: Row = pollRequired('unknown-outcome');
const outOfPlace = (...codes: readonly string[]): CodeTable => each(codes, nothingFollows);

/** What a write is refused for before anything is done, whatever it asked for. */
export const refusals: CodeTable = {
  '1001': rejected('authentication'),
  // "Delayed retry", says the grouped page; how long, nobody says, and it is not over within a second.
  '1100': retryable('maintenance', { delayMs: 15_000 }),
  '1103': rejected('invalid-request'),
  '1104': rejected('invalid-request'),
  '1105': rejected('configuration'),
  '1106': rejected('configuration'),
  '1107': rejected('permission'),
  '1108': rejected('authentication'),
  '1241': rejected('configuration'),
  '1242': rejected('configuration'),
  '1243': rejected('permission'),
  '1250': rejected('permission'),
  '1251': rejected('configuration'),
  // "Do not use duplicate out_trade_no for request(1251)", with "out_trade_no is used" beside it: an integrator's
  // answer.
  '1251/out_trade_no': duplicate(),
};

/**
 * What leaves the outcome of a write open. The grouped page counts 1147, 1204, 1205 and 1297 as errors of the channel
 * after which a new payment may be made; a channel that failed to answer may still have taken the money, so it is asked
 * first:
 * `channelFailed` says when the query is believed.
 */
export const open: CodeTable = {
  '1101': pollRequired('unknown-outcome'),
  '1145': pollRequired('processing'),
  '1147': pollRequired('unknown-outcome'),
  '1161': pollRequired('unknown-outcome'),
  '1204': pollRequired('unknown-outcome'),
  '1205': pollRequired('unknown-outcome'),
  '1252': pollRequired('unknown-outcome'),
  '1254': pollRequired('unknown-outcome'),
  '1295': pollRequired('unknown-outcome'),
  '1296': pollRequired('unknown-outcome'),
  '1297': pollRequired('unknown-outcome'),
  '1298': pollRequired('unknown-outcome'),
  '2999': pollRequired('processing'),
};

/** The codes of a status query that failed as a whole: it says nothing of the payment. */
const failedQuery: CodeTable = {
  ...refusals,
  '1100': retryable('maintenance'),
  ...each(
    ['1101', '1102', '1147', '1161', '1204', '1205', '1252', '1254', '1295', '1296', '1297', '1298', '2011', '2999'],
    retryable('unavailable'),
  ),
  '1136': pollRequired('not-found'),
  '1203': rejected('configuration'),
  '1268': pollRequired('not-found'),
  ...outOfPlace(
    '1124',
    '1125',
    '1142',
    '1143',
    '1145',
    '1150',
    '1155',
    '1181',
    '1201',
    '1202',
    '1212',
    '1260',
    '1261',
    '1262',
    '1263',
    '1264',
    '1265',
    '1266',
    '1267',
    '1269',
    '1270',
    '1271',
    '1272',
    '1294',
    '2005',
  ),
};

/** What every status query can say. Paid, pending and the rest are said by rows (`readRows`). */
export const query: CodeTable = {
  ...Object.fromEntries(Object.entries(failedQuery).map(([code, row]) => [`query/${code}`, row])),
  'another-order': pollRequired('conflict'),
  'several-orders': pollRequired('unknown-outcome'),
  'one-page': pollRequired('unknown-outcome'),
};

/** Everything but success, on the answer to a payment. */
export const payment: CodeTable = {
  ...refusals,
  ...open,
  '1143': pollRequired('awaiting-payer'),
  '1201': declined('insufficient-funds'),
  '1202': declined(),
  '1203': declined('configuration'),
  '1212': declined('unsupported'),
  '1294': failed('risk'),
  '2005': declined(),
  // A number that already has a state is a number that was used before.
  ...each(
    ['1102', '1125', '1142', '1181', '1260', '1261', '1262', '1263', '1264', '1266', '1267', '2011'],
    duplicate(),
  ),
  ...outOfPlace('1124', '1136', '1150', '1155', '1265', '1268', '1269', '1270', '1271', '1272'),
};

/** `payment.create` without `auth_code`: an order that the payer pays later. */
export const order: CodeTable = { ...payment, '0000': created() };

/**
 * `payment.create` with `auth_code`: the money is taken in the call. `0000/contradicted` is a success without a number
 * of the payment's, or with one of these beside it: what a payer would still have to pay
 * (https://sdk.qfapi.com/docs/api-reference/response-format has
 * `qrcode`, `pay_url`), a flag of `cancel`, or `data.txstatus` other than SUCCESS (the same page, and no sample).
 */
export const charge: CodeTable = {
  ...payment,
  '0000': succeeded(),
  '0000/contradicted': pollRequired('unknown-outcome'),
};

export const askedBefore: Row = pollRequired('unknown-outcome');
export const offTheTable: Row = pollRequired('already-final');
export const notVisibleYet: Row = pollRequired('not-found');

/**
 * `payment.reverse` and `payment.close`. Whatever the payment is said to be already, its status query has the last
 * word.
 *
 * @see https://sdk.qfapi.com/docs/common-api/reversal
 */
export const cancellation: CodeTable = {
  ...refusals,
  ...open,
  '0000': succeeded('canceled'),
  '0000/no-syssn': pollRequired('unknown-outcome'),
  '1143': pollRequired('processing'),
  '1150': rejected('unsupported'),
  '1155': failed('declined'),
  '1203': rejected('configuration'),
  '1260': failed('already-final'),
  '1266': rejected('invalid-request'),
  '1267': rejected('invalid-request'),
  '1297': pollRequired('unknown-outcome'),
  ...each(['1102', '1251/out_trade_no', '2011'], askedBefore),
  ...each(['1125', '1142', '1181', '1262', '1263', '1264'], offTheTable),
  ...each(['1136', '1268'], notVisibleYet),
  ...outOfPlace('1124', '1201', '1202', '1212', '1261', '1265', '1269', '1270', '1271', '1272', '1294', '2005'),
};

/**
 * A refund that has a number or a row, and that QFPay's words call impossible: the integrator counts it as pending all
 * the same (Refund.md).
 */
export const wholeOnly: Row = pollRequired('unsupported', { acknowledges: true });

/**
 * `refund.create`. A name with `/no-syssn` is an answer without a number of its own. In an integrator's answers
 * (https://github.com/CHI-KEKE/joy_, QFPay.md) 1124 then says "it must be a full refund, please correct refund amount
 * and re-initiate it", 1269 "unable to process the refund request for this transaction at this moment. Please try again
 * after the data update at 11 AM" or that the refundable balance is 0, and 1265 that the refund period is over.
 *
 * @see https://sdk.qfapi.com/docs/common-api/refund
 */
export const refund: CodeTable = {
  ...refusals,
  ...open,
  '0000': succeeded('refunded'),
  '1102': duplicate(),
  '1124': wholeOnly,
  '1124/no-syssn': rejected('unsupported'),
  '1125': failed('already-final'),
  '1136': rejected('not-found'),
  '1142': failed('already-final'),
  '1143': pollRequired('processing'),
  '1150': rejected('unsupported'),
  '1155': failed('declined'),
  '1181': failed('already-final'),
  '1201': pollRequired('insufficient-funds'),
  '1203': rejected('configuration'),
  '1251/out_trade_no': duplicate(),
  '1261': rejected('invalid-request'),
  '1262': failed('already-final'),
  '1263': failed('already-final'),
  '1264': duplicate(),
  '1265': pollRequired('declined'),
  '1266': rejected('invalid-request'),
  '1267': rejected('invalid-request'),
  '1268': rejected('not-found'),
  '1269': pollRequired('insufficient-funds'),
  '1270': rejected('unsupported'),
  '1271': rejected('unsupported'),
  '1272': rejected('limit-exceeded'),
  '1294': failed('risk'),
  '2011': duplicate(),
  ...outOfPlace('1202', '1212', '1260', '2005'),
};

/** Answers to a refund that say, where they have no `syssn` of their own, that none was made. */
export const refusedRefunds: ReadonlySet<unknown> = new Set(['1265', '1269']);

/**
 * The channel's errors, as rows: "prompt the consumer to change payment method; a new transaction may be allowed", says
 * https://sdk.qfapi.com/integration/api-reference/status-codes. No manual calls them the channel's last word, so one
 * look is not enough; unchanged they are a decline.
 */
export const channelFailed: Row = pollRequired('declined', { failedWhenUnchangedForMs: 10_000 });

/**
 * The rows of `payment.query`. Final is only what names a final state: a row that merely failed may be one try of
 * several, and the manual's "all other codes indicate failure" contradicts its own list of pending ones. 1143 says "has
 * not been paid, or the password is being entered", so that it is the state of an order, too, that nobody has opened; 1145
 * ("please wait while processing") and 2999 ("usually for less than 5 seconds") are not: somebody pays. 1298 may be
 * near its end as well, but its page asks for a delayed query.
 *
 * @see https://sdk.qfapi.com/docs/common-api/transaction-enquiry
 */
export const paymentState: CodeTable = {
  ...query,
  ...open,
  ...each(['1147', '1204', '1205', '1297'], channelFailed),
  '1145': pollRequired('processing', { paying: true }),
  '2999': pollRequired('processing', { paying: true }),
  'not-found': pollRequired('not-found'),
  '0000': succeeded(),
  '0000/cancel=1': canceled(),
  '0000/cancel=2': canceled(),
  '0000/cancel=3': refunded(),
  '0000/cancel=4': pollRequired('unknown-outcome'),
  '0000/cancel=5': succeeded('partially-refunded'),
  '1125': refunded(),
  '1142': canceled(),
  '1143': pollRequired('awaiting-payer'),
  '1181': expired(),
  '1201': declined('insufficient-funds'),
  '1202': declined(),
  '1203': declined(),
  '1212': declined(),
  '1261': pollRequired('awaiting-payer'),
  '1262': refunded(),
  '1263': canceled(),
  '1264': canceled(),
  '1294': declined('risk'),
  '2005': declined(),
  ...outOfPlace(
    '1001',
    '1100',
    '1102',
    '1103',
    '1104',
    '1105',
    '1106',
    '1107',
    '1108',
    '1124',
    '1136',
    '1150',
    '1155',
    '1241',
    '1242',
    '1243',
    '1250',
    '1251',
    '1260',
    '1265',
    '1266',
    '1267',
    '1268',
    '1269',
    '1270',
    '1271',
    '1272',
    '2011',
  ),
};

/**
 * The rows of `refund.query`: the refund's own, never the payment's. The refund page calls all but 0000, 1143 and 1145
 * failed, and an integrator saw a row with 1265 stay for days (https://github.com/CHI-KEKE/joy_, RefundIssues.md), but
 * counts 1265 and 1269 as pending (Refund.md): they end a refund only where its own answer had said the same.
 */
export const refundState: CodeTable = {
  ...query,
  ...open,
  'not-found': pollRequired('not-found'),
  '0000': succeeded('refunded'),
  '1124': wholeOnly,
  '1143': pollRequired('processing'),
  '1150': failed('unsupported'),
  '1155': failed('declined'),
  '1201': pollRequired('insufficient-funds'),
  '1265': pollRequired('declined'),
  '1269': pollRequired('insufficient-funds'),
  '1270': failed('unsupported'),
  '1271': failed('unsupported'),
  '1272': failed('limit-exceeded'),
  '1294': failed('risk'),
  ...outOfPlace(
    '1001',
    '1100',
    '1102',
    '1103',
    '1104',
    '1105',
    '1106',
    '1107',
    '1108',
    '1125',
    '1136',
    '1142',
    '1181',
    '1202',
    '1203',
    '1212',
    '1241',
    '1242',
    '1243',
    '1250',
    '1251',
    '1260',
    '1261',
    '1262',
    '1263',
    '1264',
    '1266',
    '1267',
    '1268',
    '2005',
    '2011',
  ),
};

const successesOf = (kind: string, states: CodeTable): CodeTable =>
  Object.fromEntries(
    Object.entries(states).flatMap(([code, row]) => (code.startsWith('0000') ? [[`${kind}/${code}`, row]] : [])),
  );

/**
 * Notifications, by what they are about. Only successes are notified, in the words of the enquiry's rows; anything else
 * that one might say is unknown.
 *
 * @see https://sdk.qfapi.com/docs/common-api/async-notifications
 */
export const notice: CodeTable = { ...successesOf('payment', paymentState), ...successesOf('refund', refundState) };
