import type { CodeTable, Row } from '../../core/code-table.ts';
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
} from '../../kit/rows.ts';

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

/** Codes that have no business in an answer: should one come all the same, nothing follows from it. */
const outOfPlace = (...codes: readonly string[]): CodeTable =>
  each(
    codes,
    pollRequired('unknown-outcome', {
      advice: 'No answer of this kind should carry this code: nothing follows from it.',
    }),
  );

/** What a write is refused for before anything is done, whatever it asked for. */
const refusals: CodeTable = {
  '1001': rejected('authentication', 'QFPay does not know the app code: it holds for one country and one environment.'),
  // "Delayed retry", says the grouped page; how long, nobody says, and it is not over within a second.
  '1100': retryable('maintenance', { delayMs: 15_000 }),
  '1103': rejected('invalid-request'),
  '1104': rejected(
    'invalid-request',
    '"filter error" in the message means that the pay_type is not open for this merchant.',
  ),
  '1105': rejected('configuration', 'Have QFPay activate the device (udid).'),
  '1106': rejected('configuration', 'QFPay does not know the device (udid).'),
  '1107': rejected('permission', 'The device (udid) may not do this.'),
  '1108': rejected(
    'authentication',
    'Check app code, client key and signType; keys hold for one country and one environment.',
  ),
  '1241': rejected('configuration', 'The store does not exist or is not active.'),
  '1242': rejected('configuration', 'QFPay must finish setting up the store.'),
  '1243': rejected('permission', 'The store is disabled.'),
  '1250': rejected('permission', 'QFPay forbids this transaction: its support knows why.'),
  '1251': rejected('configuration', 'QFPay is correcting the set-up of the store.'),
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
const open: CodeTable = {
  '1101': pollRequired('unknown-outcome', {
    advice: 'An older manual asks for a reversal after this code: reverse it if it stays open.',
  }),
  '1145': pollRequired('processing'),
  '1147': pollRequired('unknown-outcome', { advice: 'WeChat Pay failed to take it or to say so.' }),
  '1161': pollRequired('unknown-outcome'),
  '1204': pollRequired('unknown-outcome', { advice: 'The bank or wallet failed to take it or to say so.' }),
  '1205': pollRequired('unknown-outcome', { advice: 'The channel reports a failure: the query confirms it.' }),
  '1252': pollRequired('unknown-outcome'),
  '1254': pollRequired('unknown-outcome'),
  '1295': pollRequired('unknown-outcome'),
  '1296': pollRequired('unknown-outcome', {
    advice: 'The manual offers another payment method here: ask first, the payer may have paid.',
  }),
  '1297': pollRequired('unknown-outcome', {
    advice: 'The manual offers another payment method here: ask first, the payer may have paid.',
  }),
  '1298': pollRequired('unknown-outcome', { advice: 'The payer may have paid: do not repeat the payment.' }),
  '2999': pollRequired('processing', {
    advice: 'Its text says failed; QFPay says pending, usually for less than 5 seconds.',
  }),
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
const query: CodeTable = {
  ...Object.fromEntries(Object.entries(failedQuery).map(([code, row]) => [`query/${code}`, row])),
  'another-order': pollRequired('conflict', {
    advice: 'The rows are of another order: what became of yours was not said.',
  }),
  'several-orders': pollRequired('unknown-outcome', {
    advice: 'The rows are of several orders: ask for one number to get one verdict.',
  }),
  'one-page': pollRequired('unknown-outcome', {
    advice: 'It is one page of several: a row on another page may say otherwise. Look at all of them.',
  }),
};

const REFRESH_THE_CODE =
  'Have the payer refresh the payment code, and charge it as a new payment, under a number of its own.';

/** Everything but success, on the answer to a payment. */
const payment: CodeTable = {
  ...refusals,
  ...open,
  '1143': pollRequired('awaiting-payer'),
  '1201': declined('insufficient-funds', 'Ask the payer for another payment method.'),
  '1202': declined('declined', REFRESH_THE_CODE),
  '1203': declined('configuration', "The English manual means the merchant's account, the Chinese one the payer's."),
  '1212': declined('unsupported', 'Have the payer show the UnionPay code for abroad.'),
  '1294': failed('risk', 'The bank forbids it: do not repeat it by machine.'),
  '2005': declined('declined', REFRESH_THE_CODE),
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
  '0000/contradicted': pollRequired('unknown-outcome', {
    advice:
      'QFPay says "success" and contradicts it (no syssn, a QR code, a cancel flag, or another status): it is asked.',
  }),
};

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
  '0000/no-syssn': pollRequired('unknown-outcome', {
    advice: 'The answer has no syssn of its own: this pay_type may not be cancelable.',
  }),
  '1143': pollRequired('processing'),
  '1150': rejected('unsupported'),
  '1155': failed('declined'),
  '1203': rejected('configuration'),
  '1260': failed('already-final', 'It is paid: refund it instead.'),
  '1266': rejected('invalid-request', "txamt must be the payment's."),
  '1267': rejected('invalid-request', "txamt and txdtm must be the payment's."),
  '1297': pollRequired('unknown-outcome', {
    advice: 'Close answers so for a pay_type it cannot cancel: refund the payment if it is paid.',
  }),
  ...each(
    ['1102', '1251/out_trade_no', '2011'],
    pollRequired('unknown-outcome', { advice: 'It was asked for before: the query tells what became of it.' }),
  ),
  ...each(
    ['1125', '1142', '1181', '1262', '1263', '1264'],
    pollRequired('already-final', { advice: 'The payment seems to be off the table: the query confirms it.' }),
  ),
  ...each(
    ['1136', '1268'],
    pollRequired('not-found', { advice: 'The payment may not be visible yet: it is not safe to make another.' }),
  ),
  ...outOfPlace('1124', '1201', '1202', '1212', '1261', '1265', '1269', '1270', '1271', '1272', '1294', '2005'),
};

const REFUND_LATER = 'Refund it later, under a new number, once the query shows nothing.';
const NOT_REFUNDABLE =
  'Between 23:30 and 00:30 in Hong Kong nothing is refunded: do it later, under a new number, once the query shows nothing. Past the refund period pay it back in another way.';

/**
 * A refund that has a number or a row, and that QFPay's words call impossible: the integrator counts it as pending all
 * the same (Refund.md).
 */
const wholeOnly = pollRequired('unsupported', {
  acknowledges: true,
  advice:
    'On the day of the payment a card takes back the whole amount only. It may still be carried out: no other refund before the query shows its end.',
});

const ASKED_BEFORE = 'Usually the same refund was asked for before: look up the refunds of this payment.';

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
  '1124/no-syssn': rejected(
    'unsupported',
    'On the day of the payment a card takes back the whole amount only: refund all of it, or a part tomorrow.',
  ),
  '1125': failed('already-final', 'The payment is refunded already.'),
  '1136': rejected('not-found', 'syssn must be the number of the payment, not of a refund.'),
  '1142': failed('already-final', 'The order was closed: there is nothing to refund.'),
  '1143': pollRequired('processing'),
  '1150': rejected('unsupported'),
  '1155': failed('declined'),
  '1181': failed('already-final', 'The order expired: there is nothing to refund.'),
  '1201': pollRequired('insufficient-funds'),
  '1203': rejected('configuration'),
  '1251/out_trade_no': duplicate(ASKED_BEFORE),
  '1261': rejected('invalid-request', 'The payment is not paid: there is nothing to refund.'),
  '1262': failed('already-final', 'The payment is refunded already.'),
  '1263': failed('already-final', 'The payment was canceled: there is nothing to refund.'),
  '1264': duplicate(ASKED_BEFORE),
  '1265': pollRequired('declined', { advice: NOT_REFUNDABLE }),
  '1266': rejected('invalid-request'),
  '1267': rejected('invalid-request'),
  '1268': rejected('not-found', 'syssn must be the number of the payment, not of a refund.'),
  '1269': pollRequired('insufficient-funds', { advice: REFUND_LATER }),
  '1270': rejected('unsupported', 'Refund the whole amount: this currency knows no partial refund.'),
  '1271': rejected('unsupported', 'Refund the whole amount: this payment knows no partial refund.'),
  '1272': rejected('limit-exceeded', 'Less than this amount is left to refund.'),
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
const channelFailed = pollRequired('declined', {
  failedWhenUnchangedForMs: 10_000,
  advice: 'Once it stays so, have the payer choose another payment method.',
});

/**
 * The rows of `payment.query`. Final is only what names a final state: a row that merely failed may be one try of
 * several, and the manual's "all other codes indicate failure" contradicts its own list of pending ones.
 *
 * @see https://sdk.qfapi.com/docs/common-api/transaction-enquiry
 */
export const paymentState: CodeTable = {
  ...query,
  ...open,
  ...each(['1147', '1204', '1205', '1297'], channelFailed),
  'not-found': pollRequired('not-found', {
    advice: 'No manual says how soon a payment has a row: an empty answer is no proof.',
  }),
  '0000': succeeded(),
  '0000/cancel=1': canceled('canceled', 'It was paid and then reversed.'),
  '0000/cancel=2': canceled('canceled', 'Canceled; one older page says refunded. Either way the money is not kept.'),
  '0000/cancel=3': refunded(),
  '0000/cancel=4': pollRequired('unknown-outcome', {
    advice: 'A finished pre-authorisation: tell by its capture whether it was paid.',
  }),
  '0000/cancel=5': succeeded('partially-refunded'),
  '1125': refunded(),
  '1142': canceled(),
  '1143': pollRequired('awaiting-payer'),
  '1181': expired(),
  '1201': declined('insufficient-funds'),
  '1202': declined('declined', 'The payment code was wrong or expired.'),
  '1203': declined('declined', 'An account is not set up for this payment.'),
  '1212': declined('declined', 'Have the payer show the UnionPay code for abroad.'),
  '1261': pollRequired('awaiting-payer'),
  '1262': refunded(),
  '1263': canceled(),
  '1264': canceled(),
  '1294': declined('risk'),
  '2005': declined('declined', 'The payment code was wrong or expired.'),
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
  'not-found': pollRequired('not-found', {
    advice: 'No manual says how soon a refund has a row: an empty answer is no proof.',
  }),
  '0000': succeeded('refunded'),
  '1124': wholeOnly,
  '1143': pollRequired('processing'),
  '1150': failed('unsupported'),
  '1155': failed('declined'),
  '1201': pollRequired('insufficient-funds'),
  '1265': pollRequired('declined', { advice: NOT_REFUNDABLE }),
  '1269': pollRequired('insufficient-funds', { advice: REFUND_LATER }),
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
