import { about, adviceFrom, type Advice, type Sentences } from '../../kit/index.ts';
import {
  attemptFailed,
  attemptStates,
  closedToChange,
  forbidden,
  intentStates,
  notice,
  pages,
  paidAsItSeems,
  paymentCreate,
  paymentErrors,
  payoutCreate,
  payoutStates,
  reauthenticate,
  refundErrors,
  refundStates,
  refusals,
  write,
} from './codes.ts';

/** What to do about a row of `codes.ts`: a sentence for the engineer on call. */
export const sentences: readonly Sentences[] = [
  about(
    { forbidden, closedToChange, attemptFailed, paidAsItSeems, reauthenticate },
    {
      forbidden: 'The account may not do this, or its credentials are those of the other environment.',
      closedToChange: 'The intent is closed: ask payment.query how it ended.',
      attemptFailed: 'The attempt failed; the intent stays open for another one until it closes after 30 minutes.',
      paidAsItSeems: 'The attempt got through; the payment is made when the intent says so.',
      reauthenticate:
        'The token was not taken: it ended, or a newer one replaced it (machines that share a clientId must share a token store). Else see the message.',
    },
  ),
  about(refusals, {
    'account_error/sub_account_not_found': 'Check onBehalfOf: the sub-account is unknown or not active.',
    'account_error/product_not_found': 'Ask UQPAY to activate the product.',
  }),
  about(write, {
    'idempotence_error/request_being_processed': 'The first send is still running: keep its key.',
    'idempotence_error/key_mismatch_account': 'Another account used this key first: make a key for each intention.',
    'idempotence_error/key_mismatch_api': 'Another call used this key first: make a key for each intention.',
    'idempotence_error/invalid_key_format': 'The idempotency key must be a UUID v4.',
    'idempotence_error/key_conflict': 'The key is in use: ask about its first send, and keep the key.',
  }),
  about(paymentErrors, {
    'payment_error/invalid_refund_window': 'It is too late to refund this payment through its channel.',
    'payment_error/data_mismatch': 'The request contradicts the order it is about: compare them.',
    'payment_error/payment_refused': 'Ask the payer for another payment method, and send it with a new key.',
    'payment_error/invalid_qr_code': 'Ask the payer for a fresh code.',
    'payment_error/3DS_required': 'The issuer wants 3-D Secure: try again with three_ds_action "enforce_3ds".',
    'payment_error/closed_order': 'A closed order may be a paid one: ask before making another.',
  }),
  about(paymentCreate, {
    'intent/REQUIRES_CONFIRMATION': 'Call payment.confirm: the intent waits for it.',
  }),
  about(intentStates, {
    'intent/REQUIRES_PAYMENT_METHOD/FAILED':
      'The attempt failed; the intent stays open until it closes after 30 minutes.',
  }),
  about(pages, {
    list: 'A page tells of many: say which one to look for.',
    'list/none-of-these': 'Not among those that were asked for: ask for more of them.',
    'list/incomplete': 'There are other pages: narrow the time, or ask for the next page.',
  }),
  about(refundStates, {
    'refund/REVERSAL_SUCCEEDED': 'UQPAY does not say which way the money went: look at the refund in the dashboard.',
  }),
  about(refundErrors, {
    refund_error: 'The refund breaks a rule of UQPAY’s: its code and message say which one.',
  }),
  about(payoutStates, {
    'payout/FAILED_REFUNDED': 'The payout failed, and its amount is back on the balance.',
  }),
  about(payoutCreate, {
    'payout_error/payout_disabled': 'Ask UQPAY to enable payouts.',
    'payout_error/insufficient_balance': 'Wait for the next settlement, and send it with a new key.',
  }),
  about(attemptStates, {
    'attempt/FAILED': 'The attempt failed; the intent stays open for another one until it closes after 30 minutes.',
  }),
  about(notice, {
    'cancel/FAILED': 'The intent could not be canceled: ask payment.query how it stands.',
  }),
];

export const advice: Advice = adviceFrom(sentences);
