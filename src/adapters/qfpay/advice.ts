import { about, adviceFrom, type Advice, type Sentences } from '../../kit/index.ts';
import {
  askedBefore,
  cancellation,
  channelFailed,
  charge,
  nothingFollows,
  notVisibleYet,
  offTheTable,
  open,
  payment,
  paymentState,
  query,
  refund,
  refundState,
  refusals,
  wholeOnly,
} from './codes.ts';

const REFRESH_THE_CODE =
  'Have the payer refresh the payment code, and charge it as a new payment, under a number of its own.';

const REFUND_LATER = 'Refund it later, under a new number, once the query shows nothing.';

const NOT_REFUNDABLE =
  'Between 23:30 and 00:30 in Hong Kong nothing is refunded: do it later, under a new number, once the query shows nothing. Past the refund period pay it back in another way.';

const ASKED_BEFORE = 'Usually the same refund was asked for before: look up the refunds of this payment.';

/** What to do about a row of `codes.ts`: a sentence for the engineer on call. */
export const sentences: readonly Sentences[] = [
  about(
    { nothingFollows, askedBefore, offTheTable, notVisibleYet, channelFailed, wholeOnly },
    {
      nothingFollows: 'No answer of this kind should carry this code: nothing follows from it.',
      askedBefore: 'It was asked for before: the query tells what became of it.',
      offTheTable: 'The payment seems to be off the table: the query confirms it.',
      notVisibleYet: 'The payment may not be visible yet: it is not safe to make another.',
      channelFailed: 'Once it stays so, have the payer choose another payment method.',
      wholeOnly:
        'On the day of the payment a card takes back the whole amount only. It may still be carried out: no other refund before the query shows its end.',
    },
  ),
  about(refusals, {
    '1001': 'QFPay does not know the app code: it holds for one country and one environment.',
    '1104': '"filter error" in the message means that the pay_type is not open for this merchant.',
    '1105': 'Have QFPay activate the device (udid).',
    '1106': 'QFPay does not know the device (udid).',
    '1107': 'The device (udid) may not do this.',
    '1108': 'Check app code, client key and signType; keys hold for one country and one environment.',
    '1241': 'The store does not exist or is not active.',
    '1242': 'QFPay must finish setting up the store.',
    '1243': 'The store is disabled.',
    '1250': 'QFPay forbids this transaction: its support knows why.',
    '1251': 'QFPay is correcting the set-up of the store.',
  }),
  about(open, {
    '1101': 'An older manual asks for a reversal after this code: reverse it if it stays open.',
    '1147': 'WeChat Pay failed to take it or to say so.',
    '1204': 'The bank or wallet failed to take it or to say so.',
    '1205': 'The channel reports a failure: the query confirms it.',
    '1296': 'The manual offers another payment method here: ask first, the payer may have paid.',
    '1297': 'The manual offers another payment method here: ask first, the payer may have paid.',
    '1298': 'The payer may have paid: do not repeat the payment.',
    '2999': 'Its text says failed; QFPay says pending, usually for less than 5 seconds.',
  }),
  about(query, {
    'another-order': 'The rows are of another order: what became of yours was not said.',
    'several-orders': 'The rows are of several orders: ask for one number to get one verdict.',
    'one-page': 'It is one page of several: a row on another page may say otherwise. Look at all of them.',
  }),
  about(payment, {
    '1201': 'Ask the payer for another payment method.',
    '1202': REFRESH_THE_CODE,
    '1203': "The English manual means the merchant's account, the Chinese one the payer's.",
    '1212': 'Have the payer show the UnionPay code for abroad.',
    '1294': 'The bank forbids it: do not repeat it by machine.',
    '2005': REFRESH_THE_CODE,
  }),
  about(charge, {
    '0000/contradicted':
      'QFPay says "success" and contradicts it (no syssn, a QR code, a cancel flag, or another status): it is asked.',
  }),
  about(cancellation, {
    '0000/no-syssn': 'The answer has no syssn of its own: this pay_type may not be cancelable.',
    '1260': 'It is paid: refund it instead.',
    '1266': "txamt must be the payment's.",
    '1267': "txamt and txdtm must be the payment's.",
    '1297': 'Close answers so for a pay_type it cannot cancel: refund the payment if it is paid.',
  }),
  about(refund, {
    '1124/no-syssn':
      'On the day of the payment a card takes back the whole amount only: refund all of it, or a part tomorrow.',
    '1125': 'The payment is refunded already.',
    '1136': 'syssn must be the number of the payment, not of a refund.',
    '1142': 'The order was closed: there is nothing to refund.',
    '1181': 'The order expired: there is nothing to refund.',
    '1251/out_trade_no': ASKED_BEFORE,
    '1261': 'The payment is not paid: there is nothing to refund.',
    '1262': 'The payment is refunded already.',
    '1263': 'The payment was canceled: there is nothing to refund.',
    '1264': ASKED_BEFORE,
    '1265': NOT_REFUNDABLE,
    '1268': 'syssn must be the number of the payment, not of a refund.',
    '1269': REFUND_LATER,
    '1270': 'Refund the whole amount: this currency knows no partial refund.',
    '1271': 'Refund the whole amount: this payment knows no partial refund.',
    '1272': 'Less than this amount is left to refund.',
  }),
  about(paymentState, {
    'not-found': 'No manual says how soon a payment has a row: an empty answer is no proof.',
    '0000/cancel=1': 'It was paid and then reversed.',
    '0000/cancel=2': 'Canceled; one older page says refunded. Either way the money is not kept.',
    '0000/cancel=4': 'A finished pre-authorisation: tell by its capture whether it was paid.',
    '1202': 'The payment code was wrong or expired.',
    '1203': 'An account is not set up for this payment.',
    '1212': 'Have the payer show the UnionPay code for abroad.',
    '2005': 'The payment code was wrong or expired.',
  }),
  about(refundState, {
    'not-found': 'No manual says how soon a refund has a row: an empty answer is no proof.',
    '1265': NOT_REFUNDABLE,
    '1269': REFUND_LATER,
  }),
];

export const advice: Advice = adviceFrom(sentences);
