import { about, adviceFrom, type Advice, type Sentences } from '../../kit/index.ts';
import {
  aborts,
  cancel,
  capture,
  charge,
  contradicts,
  failedBecause,
  message,
  namesNothing,
  outcomeUnknown,
  payment,
  refund,
  refused,
  tellsNoState,
  voiding,
  write,
  wrongClock,
} from './codes.ts';

/** What to do about a row of `codes.ts`: a sentence for the engineer on call. */
export const sentences: readonly Sentences[] = [
  about(
    { wrongClock, namesNothing, contradicts, tellsNoState },
    {
      wrongClock: 'Set this machine’s clock: Rebell accepts five minutes either way.',
      namesNothing: 'The answer does not name what it is about: the inquiry has to confirm it.',
      contradicts: 'It says "success" beside another state: the inquiry knows which.',
      tellsNoState: 'The notification tells no state.',
    },
  ),
  about(refused, {
    INVALID_SIGNATURE:
      'Check privateKey and keyVersion, and that Rebell has the matching public key for this environment.',
    INVALID_CLIENT: 'Check clientId and the environment: sandbox and production have different ones.',
    INVALID_ACCESS_TOKEN: 'The payer’s access token is not valid: have it authorised again.',
    EXPIRED_ACCESS_TOKEN: 'The payer’s access token has expired: refresh it.',
    INSUFFICIENT_SCOPE: 'The payer’s access token does not cover this operation: ask for more scopes.',
    INVALID_AMOUNT: 'Amounts are whole numbers of the currency’s minor unit.',
    INVALID_CURRENCY: 'Use a three-letter ISO 4217 code that the contract covers.',
    PARTNER_STATUS_ABNORMAL: 'Rebell has suspended the merchant: call its support.',
    INVALID_AUTH_CLIENT_STATUS: 'The authorization client is disabled: call Rebell’s support.',
    INVALID_CODE: 'The scanned or authorization code is not valid.',
    EXPIRED_CODE: 'The scanned or authorization code has expired.',
    USED_CODE: 'The authorization code was used before: go on with the tokens it gave.',
    INVALID_API: 'The gateway has no such API: check version and paths.',
  }),
  about(outcomeUnknown, {
    PROCESS_FAIL: 'Listed as failed and as worth retrying: ask, and send again only under the same number.',
  }),
  about(write, {
    REPEAT_REQ_INCONSISTENT:
      'This number was sent before with other fields, and may be paid: look it up before anything else.',
    PARTNER_BALANCE_NOT_ENOUGH: 'The merchant’s own balance is too small for this.',
  }),
  about(aborts, {
    QR_EXPIRED: 'The QR code is too old: make a new order.',
  }),
  about(payment, {
    'ACCEPT/redirect': 'Send the payer to redirectActionForm, then follow the ticket.',
    'PAYMENT_IN_PROCESS/redirect': 'Send the payer to redirectActionForm, then follow the ticket.',
    PAYMENT_TIMEOUT: 'Timed out is not unpaid: make no other payment before this one is known to have failed.',
    ORDER_IS_CLOSED: 'Closed may mean paid: the inquiry knows which.',
    ORDER_STATUS_INVALID: 'An order of this number exists, in a state that does not allow this.',
    USER_NOT_EXIST: 'Check the payer’s id or token.',
    INVALID_AUTH_CODE: 'The payer’s payment code is wrong or older than its minute: have it refreshed.',
  }),
  about(charge, {
    'SUCCESS/redirect':
      'It says "success", and is not paid: send the payer to redirectActionForm, then follow the ticket.',
    'SUCCESS/form': 'It says "success" and wants the payer to act: the inquiry knows which.',
    AUTH_CODE_ALREADY_USED:
      'The payer’s code was used by another request, which may be paid: look that one up before scanning again.',
    USED_CODE:
      'The payer’s code was used by another request, which may be paid: look that one up before scanning again.',
    USER_REJECTED: 'The payer refused.',
  }),
  about(cancel, {
    ORDER_IS_CLOSED: 'Already paid or already canceled: ask payment.query which, and refund it if paid.',
    ORDER_STATUS_INVALID: 'Ask payment.query for the state, and refund it if paid.',
    CANCEL_NOT_ALLOWED: 'Ask payment.query for the state, and refund it if paid.',
  }),
  about(voiding, {
    ORDER_NOT_EXIST: 'Check paymentId.',
    VOID_NOT_ALLOWED: 'If it was not voided, refund it instead.',
    ORDER_ALREADY_SETTLED: 'If it was not voided, refund it instead.',
  }),
  about(capture, {
    ORDER_NOT_EXIST: 'Check paymentId.',
    CAPTURE_AMOUNT_EXCEED: 'More than was authorised, or than is left of it.',
    AUTHORIZATION_EXPIRED: 'The hold on the payer’s funds is gone.',
  }),
  about(refund, {
    ORDER_NOT_EXIST: 'Check paymentId.',
    REFUND_AMOUNT_EXCEED: 'More than is left to refund: count the refunds already made.',
    REFUND_NOT_ALLOWED: 'Check that the payment is paid and still refundable.',
    REFUND_WINDOW_EXCEED: 'The time in which this payment could be refunded is over.',
  }),
  about(message, {
    USER_NOT_EXIST: 'Check targetUserId.',
    USER_NOT_SUBSCRIBED: 'The user has turned notifications off.',
    MESSAGE_CONTENT_INVALID: 'The text breaks Rebell’s content rules.',
  }),
  about(failedBecause, {
    'payment/FAIL/PARTNER_BALANCE_NOT_ENOUGH': 'The merchant’s own balance is too small for this.',
  }),
];

export const advice: Advice = adviceFrom(sentences);
