import { about, adviceFrom, type Advice, type Sentences } from '../../kit/index.ts';
import {
  awaitsApproval,
  bindingCancel,
  bindingRefusals,
  canceledByPayer,
  cardBindingCancel,
  cardPaymentCharge,
  codeExpired,
  contradicted,
  disabledBinding,
  failedTries,
  malformedNumber,
  numberTaken,
  openTries,
  paymentCancel,
  paymentCharge,
  paymentScan,
  pendingRefunds,
  read,
  refundCreate,
  refundQuery,
  refusals,
  tokenRefusals,
  write,
  wrongParameter,
} from './codes.ts';

/** What to do about a row of `codes.ts`: a sentence for the engineer on call. */
export const sentences: readonly Sentences[] = [
  about(
    { canceledByPayer, awaitsApproval, malformedNumber, numberTaken, contradicted, disabledBinding, wrongParameter },
    {
      canceledByPayer:
        'The payer canceled the payment. An order stays open: cancel it before taking the money another way.',
      awaitsApproval: 'It waits for approval and has not failed. Asking alone will not help: contact ZaloPay.',
      malformedNumber: 'app_trans_id has the wrong format.',
      numberTaken: 'Another order owns this app_trans_id. Look it up; its link cannot be had again.',
      contradicted: 'ZaloPay says "success" and contradicts it (is_processing, or no zp_trans_id): it is asked again.',
      disabledBinding: 'ZaloPay has disabled this binding: its token cannot be charged.',
      wrongParameter: 'A field is missing or has the wrong format.',
    },
  ),
  about(write, {
    '2': 'ZaloPay said FAIL without saying why: only a query tells whether anything happened.',
    '2/-401': 'A field is missing or has the wrong format.',
    '2/-402': 'Check appId, key1 and the environment.',
    '2/-500': 'A system error proves nothing: ask before sending again.',
  }),
  about(refusals, {
    '2/10': 'ZaloPay found another mac ("MAC not equal"): check key1 and what is signed.',
    '-2/-201': 'ZaloPay found the mac invalid: check key1 and what is signed.',
    '2/-10': 'ZaloPay calls the order invalid: check its fields.',
    '2/-16': 'ZaloPay calls the order invalid: check its fields.',
  }),
  about(read, {
    '2': 'ZaloPay said FAIL without saying why: it may be the query that failed.',
    '2/-401': 'A field of the query is missing or has the wrong format.',
    '2/-402': 'Check appId, key1 and the environment.',
    '2/-403': 'ZaloPay refused the signature: check key1.',
  }),
  about(bindingRefusals, {
    '2/-403': 'ZaloPay refused the signature: check key1.',
  }),
  about(failedTries, {
    '2/-63':
      'The order is still open, and its payer can top up and pay it: cancel it before taking the money another way.',
    '2/-332': 'The rules of a promotion stopped the payment.',
    '2/-333': 'The rules of a promotion stopped the payment.',
    '2/-1013': 'The amount is above the payer’s spending limit.',
    '2/-1330': 'The payer’s daily limit is used up.',
    '2/-1331': 'The payer’s daily limit is used up.',
    '2/-1332': 'The payer’s daily limit is used up.',
    '2/-1333': 'The payer’s daily limit is used up.',
    '2/-1340': 'The payer’s monthly limit is used up.',
    '2/-1341': 'The payer’s monthly limit is used up.',
    '2/-1342': 'The payer’s monthly limit is used up.',
    '2/-1343': 'The payer’s monthly limit is used up.',
  }),
  about(codeExpired, {
    '2/-322': 'The payment code had expired and nothing was debited: scan a new one, under a new app_trans_id.',
  }),
  about(openTries, {
    '2/-34': 'The payer’s channel is under maintenance: another one may work.',
    '2/-35': 'The payer’s channel is not supported or under maintenance: another one may work.',
    '2/-43': 'The payer’s bank is under maintenance: another one may work.',
    '2/-49':
      'Closed or canceled, as others read it; ZaloPay itself has said it of paid orders too. Look it up before taking other money.',
    '2/-217': 'The payer’s bank reported an error.',
  }),
  about(paymentCancel, {
    '2/-101': 'ZaloPay has no order of this app_trans_id.',
    '2/-403': 'The order is paid: refund it instead.',
  }),
  about(pendingRefunds, {
    '2/-16': 'In progress on ZaloPay’s side; if it stays so, contact ZaloPay.',
  }),
  about(refundCreate, {
    '2/0': 'A system error proves nothing: ask before refunding again.',
    '2/-13': 'The payment is too old to refund, or this machine’s clock is more than 15 minutes off.',
    '2/-14': 'The amount cannot be refunded.',
    '2/-23': 'Another refund owns this m_refund_id: look it up before choosing a new one.',
    '2/-24': 'm_refund_id must be yymmdd_appid_….',
    '2/-25': 'm_refund_id must start with today’s date in Vietnam, yymmdd.',
    '2/-26': 'm_refund_id must name this app_id.',
    '2/-32': 'This payment can only be refunded in full, or not at all.',
    '2/-101': 'ZaloPay has no payment of this zp_trans_id.',
  }),
  about(refundQuery, {
    '2/0': 'Ask ZaloPay why before refunding again.',
    '2/-2': 'ZaloPay does not know this type of refund.',
    '2/-13': 'The payment is too old to refund.',
    '2/-14': 'The amount cannot be refunded.',
    '2/-32': 'This payment can only be refunded in full, or not at all.',
  }),
  about(tokenRefusals, {
    '2/-101': 'ZaloPay has no such pay_token: bind the payer again.',
    '2/-1002': 'The payer has unbound this token: bind again.',
    '2/-1007': 'The token is expired: bind the payer again.',
    '2/-1009': 'The payer’s account is locked.',
    '2/-1011': 'This pay_token belongs to another app_id.',
    '2/-1800': 'The payer’s account has reached the limit of its verification level.',
  }),
  about(paymentCharge, {
    '2/-1010': 'The payer’s account cannot pay.',
    '2/-1013': 'The amount is above the payer’s spending limit.',
    '2/-1019': 'The amount is above the limit of the payer’s binding.',
  }),
  about(paymentScan, {
    '2/-33': 'Under maintenance, and perhaps after it was taken in: ask before scanning another code.',
    '2/-68': 'Another order owns this app_trans_id: look it up before choosing a new one.',
  }),
  about(bindingCancel, {
    '2/-101': 'ZaloPay has no binding of this binding_id.',
    '2/-1011': 'This binding belongs to another app_id.',
  }),
  about(cardBindingCancel, {
    '2/-101': 'ZaloPay has no such binding.',
    '2/-7216': 'The identifier is not the one the card was bound with.',
  }),
  about(cardPaymentCharge, {
    '2/-7032': 'The order is unknown or timed out: ask before paying another way.',
    '2/-7041': 'ZaloPay has no such card token: bind the card again.',
    '2/-7202': 'The zp_trans_token is not valid: take it from the answer of payment.create.',
    '2/-7217': 'The card token is no longer active: bind the card again.',
    '2/-7223': 'ZaloPay has no such card token: bind the card again.',
  }),
];

export const advice: Advice = adviceFrom(sentences);
