/**
 * What ZaloPay answers to each write, as its pages and its SDK's description have it (https://docs.zalopay.vn/docs/specs/,
 * `specs/zlp.yaml` of https://github.com/zalopay-oss/zalopay-nodejs). It is handed out as it came, and nothing checks it:
 * every name may be missing, and a refusal has none but the codes and their words.
 */
export interface ZalopayAnswers {
  'payment.create': OrderAnswer;
  'payment.cancel': ZalopayAnswer;
  'payment.charge': PaidAnswer;
  'payment.scan': PaidAnswer;
  'refund.create': RefundAnswer;
  'binding.create': BindingAnswer;
  'binding.cancel': ZalopayAnswer;
  'card-binding.create': CardBindingAnswer;
  'card-binding.cancel': ZalopayAnswer;
  'card-payment.charge': PaidAnswer;
}

/** What every answer has. */
interface ZalopayAnswer {
  /** 1: done, or for a refund accepted; 2: failed; 3: in progress. */
  return_code?: number;
  return_message?: string;
  /** Why, where `return_code` is 2. */
  sub_return_code?: number;
  sub_return_message?: string;
}

/** @see https://docs.zalopay.vn/docs/specs/order-create */
interface OrderAnswer extends ZalopayAnswer {
  /** Names the order to `payment.charge`, and to ZaloPay's app. Whoever holds it can pay the order. */
  zp_trans_token?: string;
  /** The same for ZaloPay's page. */
  order_token?: string;
  /** Opens ZaloPay's page or app for the payer; its text is also what a QR code may hold. */
  order_url?: string;
  /** The content of a VietQR code that any bank's app pays. */
  qr_code?: string;
  /** ZaloPay's page with a cashier; told by integrators alone. */
  cashier_order_url?: string;
}

/** @see https://docs.zalopay.vn/docs/specs/ (agreement/pay), https://docs.zalopay.vn/v2/docs/quickpay/api.html */
interface PaidAnswer extends ZalopayAnswer {
  app_trans_id?: string;
  /** ZaloPay's number of the payment: what a refund names. Some answers have it as a number. */
  zp_trans_id?: string | number;
  /** Something is still going on, whatever the code says. */
  is_processing?: boolean;
  /** In dong. */
  amount?: number;
  /** Taken off what the payer pays, in dong. */
  discount_amount?: number;
}

/** @see https://docs.zalopay.vn/docs/specs/order-refund */
interface RefundAnswer extends ZalopayAnswer {
  /** ZaloPay's number of the refund. */
  refund_id?: string | number;
}

/** The names of the description and those of an answer in the SDK's tests: they differ. */
interface BindingAnswer extends ZalopayAnswer {
  binding_token?: string;
  /** Opens ZaloPay's app, for the user to agree. */
  deep_link?: string;
  /** The content of a QR code that does the same. */
  binding_qr_link?: string;
  short_link?: string;
  /** The description's: the binding's number and its page. */
  binding_id?: string;
  binding_url?: string;
}

/** @see https://docs.zalopay.vn/docs/specs/ (tokenization-bind) */
interface CardBindingAnswer extends ZalopayAnswer {
  binding_token?: string;
  /** The page where the user binds the card. */
  binding_url?: string;
  reform_url?: string;
  /** Of `BIND_AND_PAY`: ZaloPay's number of the payment; 0 stands for none. */
  zp_trans_id?: string | number;
}
