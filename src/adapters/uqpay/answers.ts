/**
 * What UQPAY answers to each write, as its reference and its Node SDK's types have it
 * (https://developers.uqpay.com/global-acquiring/v1.6/api-reference, `src/resources/payment/types.ts` of
 * https://github.com/uqpay/uqpay-node). It is handed out as it came, and nothing checks it: every name may be missing,
 * and a refusal has none but `type`, `code` and `message`.
 */
export interface UqpayAnswers {
  'payment.create': UqpayIntent;
  'payment.confirm': UqpayIntent;
  'payment.capture': UqpayIntent;
  'payment.cancel': UqpayIntent;
  'refund.create': UqpayRefund;
  'payout.create': UqpayPayout;
}

/** What a refusal has. */
interface UqpayError {
  type?: string;
  /** Why; the older envelope has a number here. */
  code?: string | number;
  message?: string;
}

/** A payment intent, by create, confirm, capture or cancel. */
export interface UqpayIntent extends UqpayError {
  /** UQPAY's number: what a confirm, a capture, a cancel and a refund name. */
  payment_intent_id?: string;
  /** Your order number, as it was sent. */
  merchant_order_id?: string;
  /** A decimal text in the currency's main unit. */
  amount?: string;
  currency?: string;
  /** `REQUIRES_PAYMENT_METHOD`, `REQUIRES_CUSTOMER_ACTION`, `REQUIRES_CAPTURE`, `PENDING`, `SUCCEEDED`, `FAILED`, … */
  intent_status?: string;
  /** What UQPAY's script in the payer's browser needs. Whoever holds it can pay the intent. */
  client_secret?: string;
  /**
   * What the payer must do next, such as a page for 3-D Secure or a QR code: by the payment method. `null` where there
   * is nothing.
   */
  next_action?: UqpayNextAction | null;
  /** What the payer may pay with, such as `card`. */
  available_payment_method_types?: readonly string[] | null;
  return_url?: string;
  /** A decimal text: what has been captured. */
  captured_amount?: string;
  cancellation_reason?: string;
  /** ISO 8601; empty where it has not come to that. */
  create_time?: string;
  cancel_time?: string;
  complete_time?: string;
  metadata?: Readonly<Record<string, string>>;
  /** The latest try to pay it. */
  latest_payment_attempt?: UqpayAttempt | null;
}

/** What stands in it depends on the payment method. */
export interface UqpayNextAction {
  /** Which of them it is, such as `redirect_to_url`. */
  type?: string;
  /** The page that the payer's browser goes to. */
  redirect_to_url?: { url?: string };
  readonly [name: string]: unknown;
}

/** One try to pay an intent. A failed attempt is not a failed intent. */
export interface UqpayAttempt {
  attempt_id?: string;
  /** `INITIATED`, `AUTHENTICATION_REDIRECTED`, `AUTHORIZED`, `CAPTURE_REQUESTED`, `SUCCEEDED`, `FAILED`, … */
  attempt_status?: string;
  /** Why it failed, by the issuer's code. */
  failure_code?: string;
  /** The acquirer's and the retrieval reference number. */
  arn?: string;
  rrn?: string;
}

/** A refund. @see https://developers.uqpay.com/global-acquiring/v1.6/api-reference (refunds) */
export interface UqpayRefund extends UqpayError {
  /** UQPAY's number of the refund. */
  payment_refund_id?: string;
  payment_attempt_id?: string;
  amount?: string;
  currency?: string;
  /** `INITIATED`, `PROCESSING`, `SUCCEEDED`, `FAILED`, … */
  refund_status?: string;
}

/** A payout. @see https://developers.uqpay.com/global-acquiring/v1.6/api-reference (payouts) */
export interface UqpayPayout extends UqpayError {
  /** UQPAY's number of the payout. */
  payout_id?: string;
  payout_currency?: string;
  payout_amount?: string;
  statement_descriptor?: string;
  /** `INITIATED`, `PROCESSING`, `SUCCEEDED`, `FAILED`. */
  payout_status?: string;
  internal_note?: string;
  /** ISO 8601; empty where it has not come to that. */
  create_time?: string;
  completed_time?: string;
}
