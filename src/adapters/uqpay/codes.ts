import {
  authorized,
  canceled,
  created,
  declined,
  failed,
  pollRequired,
  rejected,
  retryable,
  succeeded,
  type CodeTable,
  type Row,
} from '../../kit/index.ts';

/*
 * An error is named `<type>/<code>`, or by its type alone where the type says enough; a state `intent/<intent_status>`,
 * with
 * `/<attempt_status>` where the latest attempt tells more, `refund/<refund_status>` or `payout/<payout_status>`.
 *
 * Sources, read in November 2026:
 * [codes]  https://developers.uqpay.com/global-acquiring/v1.6/guide/error-code-reference
 * [types]  https://developers-sandbox.uqpaytech.com/global-acquiring/v1.6/guide/error-codes (what each type means)
 * [states] https://developers-sandbox.uqpaytech.com/global-acquiring/v1.6/guide/core-concepts and
 * …/guide/direct-api-integration [node]   https://github.com/uqpay/uqpay-node/blob/d9d5b59/src/error.ts and
 * …/tests/error.test.ts [go]     https://github.com/uqpay/uqpay-sdk-go/blob/51129d6/webhook/acquiring.go and
 * …/test/payments_test.go
 */

export const reauthenticate: Row = retryable('authentication', { remedy: 'reauthenticate' });

export const forbidden: Row = rejected('permission');

/** Types that refuse a request, whatever it asks for: [types], [codes]. */
export const refusals: CodeTable = {
  invalid_request_error: rejected(),
  'invalid_request_error/missing_parameter': rejected(),
  'invalid_request_error/invalid_parameter': rejected(),
  account_error: rejected('configuration'),
  'account_error/account_not_found': rejected('configuration'),
  'account_error/sub_account_not_found': rejected('configuration'),
  'account_error/user_not_found': rejected('configuration'),
  'account_error/product_not_found': rejected('configuration'),
  customer_error: rejected(),
  product_error: rejected('configuration'),
  unauthorized_error: reauthenticate,
  // Named for a 403 on https://developers-sandbox.uqpaytech.com/card-issuance/v1.6/guide/error-codes
  'unauthorized_error/forbidden': forbidden,
  // A 403 by [node]; the guard's own words are on …/global-account/v1.6/guide/integration-faq
  forbidden,
  'forbidden/forbidden': forbidden,
  'numeric/403': forbidden,
};

/** The least wait before the next send of what is still running, or of one too many. UQPAY names none. */
const A_WHILE_MS = 5000;

/** What every write may answer: [types], [codes]. */
export const write: CodeTable = {
  ...refusals,
  not_found: rejected('not-found'),
  'numeric/404': rejected('not-found'),
  // "Ensure requests are not sent too frequently", says [codes]; but it is no rate limit: the first send is still
  // running.
  'idempotence_error/request_being_processed': pollRequired('processing', { delayMs: A_WHILE_MS, ofAnotherSend: true }),
  'idempotence_error/key_mismatch_account': rejected('conflict'),
  'idempotence_error/key_mismatch_api': rejected('conflict'),
  'idempotence_error/invalid_key_format': rejected('invalid-request'),
  // A 409 in [node], and explained nowhere: this key's first send may have been ours, and may be on its way.
  'idempotence_error/key_conflict': pollRequired('conflict', { delayMs: A_WHILE_MS }),
  // The older envelope, whose number is the HTTP status: [types] "Envelope B", [node]. It does not say what was done.
  'numeric/400': pollRequired('unknown-outcome'),
  'numeric/409': pollRequired('conflict', { delayMs: A_WHILE_MS }),
  'numeric/429': pollRequired('rate-limited', { delayMs: A_WHILE_MS }),
  // A catch-all for faults and risk control: nothing says that the request was not processed.
  api_error: pollRequired('unknown-outcome'),
  'api_error/api_error': pollRequired('unknown-outcome'),
  'api_error/velocity_limit_exceeded': pollRequired('rate-limited', { delayMs: A_WHILE_MS }),
};

/** What every read may answer: it says nothing about what was asked for. [types], [codes]. */
const read = {
  ...refusals,
  not_found: pollRequired('not-found'),
  // Payout queries carry a key too, a fresh one each.
  'idempotence_error/request_being_processed': retryable('unavailable'),
  'idempotence_error/key_conflict': retryable('unavailable'),
  'idempotence_error/key_mismatch_account': rejected('conflict'),
  'idempotence_error/key_mismatch_api': rejected('conflict'),
  'idempotence_error/invalid_key_format': rejected(),
  'numeric/400': retryable('unavailable'),
  'numeric/404': retryable('unavailable'),
  'numeric/409': retryable('unavailable'),
  'numeric/429': retryable('rate-limited'),
  api_error: retryable('unavailable'),
  'api_error/api_error': retryable('unavailable'),
  'api_error/velocity_limit_exceeded': retryable('rate-limited'),
} satisfies CodeTable;

/**
 * [codes] "payment_error": final declines and open outcomes under one type and one HTTP status. The key remembers a
 * failure too, so that another try needs another key.
 */
export const paymentErrors: CodeTable = {
  // The request is wrong: nothing was tried.
  'payment_error/missing_billing_info': rejected(),
  'payment_error/missing_shipping_info': rejected(),
  'payment_error/invalid_billing_info_error': rejected(),
  'payment_error/invalid_shipping_info': rejected(),
  'payment_error/invalid_order_currency': rejected(),
  'payment_error/invalid_order_amount': rejected(),
  'payment_error/order_amount_too_small': rejected(),
  'payment_error/invalid_encoding': rejected(),
  'payment_error/channel_parameters_error': rejected(),
  'payment_error/invalid_payment_method': rejected('unsupported'),
  'payment_error/transtype_error': rejected('unsupported'),
  'payment_error/reversal_not_supported': rejected('unsupported'),
  'payment_error/invalid_refund_window': rejected('expired'),
  'payment_error/resource_not_found': rejected('not-found'),
  'payment_error/not_found_id': rejected('not-found'),
  'payment_error/data_mismatch': rejected('conflict'),

  // The payer, the issuer or risk control said no.
  'payment_error/payment_refused': declined(),
  'payment_error/payment_rejected': declined(),
  'payment_error/avs_declined': declined(),
  'payment_error/restricted_card': declined(),
  'payment_error/expired_card': declined(),
  'payment_error/invalid_card_number': declined(),
  'card_error/invalid_number': declined(), // [node]
  'payment_error/invalid_card_expire_date': declined(),
  'payment_error/invalid_cardholder_info': declined(),
  'payment_error/invalid_qr_code': declined(),
  'payment_error/invalid_pin': declined(),
  'payment_error/pin_retry_exceeded': declined(),
  'payment_error/pin_validation_not_possible': declined(),
  'payment_error/card_requires_online_pin': declined(),
  'payment_error/mobile_pin_required': declined(),
  'payment_error/3ds_not_authenticated': declined(),
  'payment_error/3ds_not_authenticated_error': declined(),
  'payment_error/3ds_not_authenticated_failed': declined(),
  'payment_error/3DS_required': declined(),
  'payment_error/transaction_cancelled': declined('canceled'),
  'payment_error/not_enough_balance': declined('insufficient-funds'),
  'payment_error/amount_exceeded': declined('limit-exceeded'),
  'payment_error/count_exceeded': declined('limit-exceeded'),
  'payment_error/fraud': declined('risk'),
  'payment_error/risk_reject': declined('risk'),

  // Money may have moved, or still may.
  'payment_error/timeout': pollRequired('unknown-outcome'),
  'payment_error/system_error': pollRequired('unknown-outcome'),
  'payment_error/internal_error': pollRequired('unknown-outcome'),
  'payment_error/retrieve_payment_fail': pollRequired('unknown-outcome'),
  'payment_error/retrieve_payment_intent_failed': pollRequired('unknown-outcome'), // [types]
  'payment_error/issuer_unavailable': pollRequired('unknown-outcome'),
  // Our calls carry no signature: it is one between UQPAY and its channel, perhaps that of the channel's answer.
  'payment_error/signature_verify_fail': pollRequired('unknown-outcome'),
  // May be a fault as well as a suspicion.
  'payment_error/abnormal_transaction': pollRequired('unknown-outcome'),
  'payment_error/operation_in_progress': pollRequired('processing'),
  'payment_error/awaiting_user_input': pollRequired('awaiting-payer'),

  // About another state of the order than the one this request would make.
  'payment_error/order_conflict': pollRequired('conflict'),
  'payment_error/idempotency_violation': pollRequired('conflict'),
  'payment_error/closed_order': pollRequired('already-final'),
  'payment_error/transaction_already_reversed': pollRequired('already-final'),
  'payment_error/expired_order': pollRequired('expired'),
};

/** The other writes change an order that is there: a closed one refuses them, however it ended. */
export const closedToChange: Row = rejected('already-final');

/** The states that only [go] names, in its words for webhooks; each is as open as its neighbour of [states]. */
const otherWords = {
  'intent/REQUIRES_CONFIRMATION': pollRequired('awaiting-merchant'),
  'intent/REQUIRES_ACTION': pollRequired('awaiting-payer'),
  'intent/PROCESSING': pollRequired('processing'),
} satisfies CodeTable;

/** A failed attempt is not a failed intent. */
export const attemptFailed: Row = created('declined');

/**
 * REQUIRES_PAYMENT_METHOD is the state of a fresh intent and of one whose attempt failed: an attempt on its way is
 * neither.
 */
const attemptOnItsWay = {
  'intent/REQUIRES_PAYMENT_METHOD/INITIATED': pollRequired('processing'),
  'intent/REQUIRES_PAYMENT_METHOD/PENDING_AUTHORIZATION': pollRequired('processing'),
  'intent/REQUIRES_PAYMENT_METHOD/AUTHORIZED': pollRequired('processing'),
  'intent/REQUIRES_PAYMENT_METHOD/CAPTURE_REQUESTED': pollRequired('processing'),
} satisfies CodeTable;

/**
 * https://developers.uqpay.com/global-acquiring/v1.6/api-reference/create-payment-intent, [states]. CANCELLED is the
 * API reference's word, CANCELED that of [go], which takes either for an answer to a cancel: one state, here and below.
 */
export const paymentCreate: CodeTable = {
  ...write,
  ...paymentErrors,
  ...attemptOnItsWay,
  ...otherWords,
  'intent/REQUIRES_PAYMENT_METHOD': created(),
  'intent/REQUIRES_PAYMENT_METHOD/FAILED': attemptFailed,
  'intent/REQUIRES_CUSTOMER_ACTION': created(),
  'intent/REQUIRES_ACTION': created(),
  'intent/REQUIRES_CONFIRMATION': created('awaiting-merchant'),
  'intent/REQUIRES_CAPTURE': authorized(),
  'intent/PENDING': pollRequired('processing'),
  'intent/SUCCEEDED': succeeded(),
  'intent/CANCELLED': canceled(),
  'intent/CANCELED': canceled(),
  'intent/FAILED': failed(),
};

/** https://developers.uqpay.com/global-acquiring/v1.6/api-reference/confirm-payment-intent, [states] */
export const paymentConfirm: CodeTable = {
  ...paymentCreate,
  'intent/REQUIRES_PAYMENT_METHOD': attemptFailed,
};

/** As [states] has them; core-concepts says that captures are not available yet, the SDKs offer them. */
export const paymentCapture: CodeTable = {
  ...write,
  ...paymentErrors,
  'payment_error/closed_order': closedToChange,
  ...otherWords,
  'intent/REQUIRES_PAYMENT_METHOD': pollRequired('awaiting-payer'),
  'intent/REQUIRES_CUSTOMER_ACTION': pollRequired('awaiting-payer'),
  'intent/REQUIRES_CAPTURE': pollRequired('processing'),
  'intent/PENDING': pollRequired('processing'),
  'intent/SUCCEEDED': succeeded(),
  'intent/CANCELLED': failed('canceled'),
  'intent/CANCELED': failed('canceled'),
  'intent/FAILED': failed(),
};

/**
 * https://developers-sandbox.uqpaytech.com/global-acquiring/v1.6/guide/cancellation: the answer may still show the
 * state from before, and of a wallet payment that was paid the same day even that is no refusal.
 */
export const paymentCancel: CodeTable = {
  ...write,
  ...paymentErrors,
  'payment_error/closed_order': closedToChange,
  'payment_error/transaction_cancelled': pollRequired('already-final'),
  ...otherWords,
  'intent/REQUIRES_PAYMENT_METHOD': pollRequired('processing'),
  'intent/REQUIRES_CUSTOMER_ACTION': pollRequired('processing'),
  'intent/REQUIRES_CAPTURE': pollRequired('processing'),
  'intent/PENDING': pollRequired('processing'),
  'intent/SUCCEEDED': pollRequired('processing'),
  'intent/CANCELLED': succeeded('canceled'),
  'intent/CANCELED': succeeded('canceled'),
  // Nothing is left to cancel, which is what was asked for.
  'intent/FAILED': succeeded('already-final'),
};

/** What the payer needs for it (`next_action`) is in the answer. */
const payerActs = pollRequired('awaiting-payer', { needsAction: true });

/** [states] "wait for the webhook": the payer has done his part. */
const underWay = pollRequired('processing', { paying: true });

/**
 * What an intent's state means to whoever asks for it, or is told: [states]. Of the open ones only PENDING, and the Go
 * SDK's PROCESSING, are past the payer: REQUIRES_CUSTOMER_ACTION is a QR code or a page that nobody need have opened.
 */
export const intentStates: CodeTable = {
  ...otherWords,
  'intent/PROCESSING': underWay,
  // Without its attempt it may be the state from before one that is on its way.
  'intent/REQUIRES_PAYMENT_METHOD': pollRequired('awaiting-payer'),
  // The payer can try again, so that it is no end (doctrine 11); whoever waits for the answer to a create is told.
  'intent/REQUIRES_PAYMENT_METHOD/FAILED': pollRequired('declined', { acknowledges: true, needsAction: true }),
  'intent/REQUIRES_PAYMENT_METHOD/CANCELLED': payerActs,
  'intent/REQUIRES_PAYMENT_METHOD/CANCELED': payerActs,
  'intent/REQUIRES_PAYMENT_METHOD/EXPIRED': payerActs,
  'intent/REQUIRES_CUSTOMER_ACTION': payerActs,
  'intent/REQUIRES_ACTION': payerActs,
  'intent/REQUIRES_CONFIRMATION': pollRequired('awaiting-merchant', { needsAction: true }),
  'intent/REQUIRES_CAPTURE': authorized(),
  'intent/PENDING': underWay,
  'intent/SUCCEEDED': succeeded(),
  'intent/CANCELLED': canceled(),
  'intent/CANCELED': canceled(),
  // An intent fails only by closing unpaid after its 30 minutes.
  'intent/FAILED': failed('expired'),
};

/** https://developers.uqpay.com/global-acquiring/v1.6/api-reference/retrieve-payment-intent */
export const paymentQuery: CodeTable = {
  ...read,
  'payment_error/resource_not_found': pollRequired('not-found'),
  'payment_error/not_found_id': pollRequired('not-found'),
  'payment_error/retrieve_payment_fail': retryable('unavailable'),
  'payment_error/retrieve_payment_intent_failed': retryable('unavailable'), // [types]
  'payment_error/system_error': retryable('unavailable'),
  'payment_error/internal_error': retryable('unavailable'),
  'payment_error/timeout': retryable('unavailable'),
  'payment_error/operation_in_progress': retryable('unavailable'),
  ...intentStates,
};

/** What a page tells as a whole, beside the states of its rows. */
export const pages: CodeTable = {
  list: pollRequired('unknown-outcome'),
  'list/none': pollRequired('not-found'),
  // What is not among some is not absent; and whoever asks for a time asks by a clock that UQPAY's rows need not agree
  // with.
  'list/none-of-these': pollRequired('unknown-outcome'),
  'list/incomplete': pollRequired('unknown-outcome'),
};

/** https://developers.uqpay.com/global-acquiring/v1.6/api-reference/list-payment-intents */
export const paymentList: CodeTable = { ...paymentQuery, ...pages };

/**
 * A refund's states. What the three REVERSAL states mean is nowhere said: that the money went back by way of a
 * reversal, or that the refund was taken back.
 *
 * https://developers.uqpay.com/global-acquiring/v1.6/api-reference/create-refund and
 * https://docs.uqpay.com/docs/refunds
 */
export const refundStates: CodeTable = {
  'refund/INITIATED': pollRequired('processing'),
  'refund/PROCESSING': pollRequired('processing'),
  'refund/PENDING': pollRequired('processing'), // [go]
  'refund/SUCCEEDED': succeeded('refunded'),
  'refund/FAILED': failed(),
  'refund/REVERSAL_INITIATED': pollRequired('processing'),
  'refund/REVERSAL_PROCESSING': pollRequired('processing'),
  'refund/REVERSAL_SUCCEEDED': pollRequired('unknown-outcome', { acknowledges: true }),
};

/**
 * [types] "refund_error": HTTP 400, "Refund resource rule violated". [codes] lists none of its codes, so that the type
 * refuses; but whatever `payment_error` leaves open under a code stays open under it here too.
 */
export const refundErrors: CodeTable = {
  refund_error: rejected('invalid-request'),
  ...Object.fromEntries(
    Object.entries(paymentErrors).flatMap(([name, row]) =>
      row.kind === 'poll-required' ? [[name.replace('payment_error', 'refund_error'), row]] : [],
    ),
  ),
};

export const refundCreate: CodeTable = {
  ...write,
  ...paymentErrors,
  ...refundErrors,
  ...refundStates,
};

/** https://developers.uqpay.com/global-acquiring/v1.6/api-reference/retrieve-refund */
export const refundQuery: CodeTable = {
  ...read,
  refund_error: rejected(),
  'payment_error/resource_not_found': pollRequired('not-found'),
  'payment_error/not_found_id': pollRequired('not-found'),
  ...refundStates,
};

/** https://developers.uqpay.com/global-acquiring/v1.6/api-reference/list-refunds */
export const refundList: CodeTable = { ...refundQuery, ...pages };

/**
 * The API reference says COMPLETED and FAILED_REFUNDED (…/api-reference/retrieve-payout), the Node SDK's types
 * SUCCEEDED.
 */
export const payoutStates: CodeTable = {
  'payout/INITIATED': pollRequired('processing'),
  'payout/PROCESSING': pollRequired('processing'),
  'payout/COMPLETED': succeeded(),
  'payout/SUCCEEDED': succeeded(),
  'payout/FAILED': failed(),
  'payout/FAILED_REFUNDED': failed('refunded'),
};

/** [codes] "payout_error", https://developers.uqpay.com/global-acquiring/v1.6/api-reference/create-payout */
export const payoutCreate: CodeTable = {
  ...write,
  'payout_error/payout_disabled': rejected('permission'),
  'payout_error/disabled_transfer_type': rejected('permission'),
  'payout_error/invalid_currency': rejected(),
  'payout_error/invalid_amount': rejected(),
  'payout_error/invalid_parameter': rejected(),
  'payout_error/merchant_account_invalid': rejected('configuration'),
  'payout_error/insufficient_balance': failed('insufficient-funds'),
  // It does not say how far it came.
  'payout_error/payout_create_fail': pollRequired('unknown-outcome'),
  'payout_error/payout_not_found': rejected('not-found'),
  ...payoutStates,
};

/** [codes] "payout_error", https://developers.uqpay.com/global-acquiring/v1.6/api-reference/retrieve-payout */
export const payoutQuery: CodeTable = {
  ...read,
  'payout_error/payout_not_found': pollRequired('not-found'),
  'payout_error/payout_disabled': rejected('permission'),
  'payout_error/invalid_parameter': rejected(),
  'payout_error/merchant_account_invalid': rejected('configuration'),
  ...payoutStates,
};

/** https://developers.uqpay.com/global-acquiring/v1.6/api-reference/list-payouts */
export const payoutList: CodeTable = { ...payoutQuery, ...pages };

export const paidAsItSeems: Row = pollRequired('processing');

/** A failed attempt is not a failed intent, and only the intent's own state ends it. */
export const attemptStates: CodeTable = {
  'attempt/INITIATED': pollRequired('processing'),
  'attempt/AUTHENTICATION_REDIRECTED': pollRequired('awaiting-payer'),
  'attempt/PENDING_AUTHORIZATION': pollRequired('processing'),
  'attempt/PENDING': pollRequired('processing'), // [go]
  'attempt/AUTHORIZED': pollRequired('processing'),
  'attempt/CAPTURE_REQUESTED': paidAsItSeems,
  'attempt/SUCCEEDED': paidAsItSeems,
  'attempt/SETTLED': paidAsItSeems,
  'attempt/CANCELLED': pollRequired('awaiting-payer'),
  'attempt/CANCELED': pollRequired('awaiting-payer'),
  'attempt/EXPIRED': pollRequired('awaiting-payer'),
  'attempt/FAILED': pollRequired('declined'),
};

/**
 * Webhooks, by the state that their data tells.
 *
 * https://developers.uqpay.com/global-acquiring/v1.6/webhooks/paymentintent-result, `paymentattempt-result`,
 * `payment-refund`,
 * `payment-cancellation`, `payout-final-state`
 */
export const notice: CodeTable = {
  ...intentStates,
  ...attemptStates,
  ...refundStates,
  ...payoutStates,
  'cancel/SUCCEEDED': canceled(),
  'cancel/FAILED': pollRequired('already-final'),
};
