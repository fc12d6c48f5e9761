/** Why an intent is canceled. */
export type CancellationReason = 'duplicate' | 'fraudulent' | 'requested_by_customer' | 'abandoned';

/**
 * The fields of each operation, as UQPAY names them. Amounts are decimal texts in the currency's main unit, such as
 * `'10.12'`.
 */
export interface UqpayFields {
  'payment.create': {
    amount: string;
    /** Three letters, such as `SGD`. */
    currency: string;
    /** Your order number, 36 characters at most. UQPAY does not keep it unique: use each one once. */
    merchant_order_id: string;
    /** What the payer sees, 32 characters at most. */
    description: string;
    /** Where the payer comes back to, 1,024 characters at most. */
    return_url: string;
    /**
     * With it the intent is confirmed at once: a card is charged in this call. Default: `payment.confirm` brings it
     * later.
     */
    payment_method?: Readonly<Record<string, unknown>>;
    /** The payer's address, needed for 3-D Secure. */
    ip_address?: string;
    /** The payer's browser, needed for 3-D Secure. */
    browser_info?: Readonly<Record<string, unknown>>;
    customer?: Readonly<Record<string, unknown>>;
    customer_id?: string;
    payment_orders?: Readonly<Record<string, unknown>>;
    /** 512 bytes of JSON at most. */
    metadata?: Readonly<Record<string, string>>;
  };
  'payment.confirm': {
    payment_intent_id: string;
    payment_method?: Readonly<Record<string, unknown>>;
    ip_address?: string;
    browser_info?: Readonly<Record<string, unknown>>;
    return_url?: string;
  };
  'payment.query': { payment_intent_id: string };
  'payment.list': {
    /** 1 to 100. */
    page_size: number | string;
    /** From 1. */
    page_number: number | string;
    /** ISO 8601, exclusive. */
    start_time?: string;
    /** ISO 8601, exclusive. */
    end_time?: string;
    /** What the Node SDK calls `start_time`. */
    create_start_time?: string;
    /** What the Node SDK calls `end_time`. */
    create_end_time?: string;
    /** As the Go SDK and the CLI filter; the Node SDK says `intent_status`. */
    payment_intent_status?: string;
    intent_status?: string;
    /** Looks for this order on the page. Never sent: UQPAY has no such filter. */
    merchant_order_id?: string;
  };
  'payment.capture': {
    payment_intent_id: string;
    /** Default: all that was authorized. */
    amount_to_capture?: string;
  };
  'payment.cancel': { payment_intent_id: string; cancellation_reason?: CancellationReason };
  'refund.create': {
    payment_intent_id: string;
    amount: string;
    /** 100 characters at most. */
    reason: string;
    payment_attempt_id?: string;
    metadata?: Readonly<Record<string, string>>;
    /**
     * Your number of this refund, needed unless you give an `idempotencyKey`. Never sent, as UQPAY has no field for it:
     * it keeps two refunds of one payment apart.
     */
    merchant_refund_id?: string;
  };
  'refund.query': { payment_refund_id: string };
  'refund.list': {
    /** 1 to 100. */
    page_size: number | string;
    /** From 1. */
    page_number: number | string;
    /** The refunds of this payment only. */
    payment_intent_id?: string;
    /** The refunds of this order only. */
    merchant_order_id?: string;
    /** ISO 8601. Default: a month ago. */
    start_time?: string;
    /** ISO 8601, three months after the start at most. */
    end_time?: string;
  };
  'payout.create': {
    payout_currency: string;
    payout_amount: string;
    /** What the receiving bank shows, 15 characters at most. */
    statement_descriptor: string;
    internal_note?: string;
    /** A UQPAY account to pay to. Default: the bank account on file. */
    payout_account_id?: string;
    /**
     * Your number of this payout, needed unless you give an `idempotencyKey`. Never sent, as UQPAY has no field for it:
     * it keeps two payouts apart.
     */
    merchant_payout_id?: string;
  };
  'payout.query': { payout_id: string };
  'payout.list': {
    /** 1 to 100. */
    page_size: number | string;
    /** From 1. */
    page_number: number | string;
    /** The first day, `YYYY-MM-DD`. */
    start_time?: string;
    /** The last day, `YYYY-MM-DD`. */
    end_time?: string;
    payout_status?: string;
    /** Looks for this payout on the page. Never sent: UQPAY has no such filter. */
    statement_descriptor?: string;
  };
}
