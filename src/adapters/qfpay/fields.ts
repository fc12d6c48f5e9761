/** Each operation's fields. `mchid` is not among them: the adapter adds it. */
export interface QfpayFields {
  'payment.create': QfpayPaymentFields;
  'payment.charge': QfpayChargeFields;
  'payment.query': QfpayQueryFields;
  'payment.reverse': QfpayCancellationFields;
  'payment.close': QfpayCancellationFields;
  'refund.create': QfpayRefundFields;
  'refund.query': QfpayQueryFields;
}

/** @see https://sdk.qfapi.com/docs/api-reference/request-format */
export interface QfpayPaymentFields {
  /** Minor units (100 is 1.00), at most 11 digits. QFPay suggests more than 200. */
  txamt: number | string;
  /** Three letters, such as `HKD`. */
  txcurrcd: string;
  /** Six digits, such as `800101`. */
  pay_type: string;
  /** The merchant's number, unique among payments and refunds alike. At most 128 characters, no comma. */
  out_trade_no: string;
  /**
   * The code scanned from the payer's wallet, at most 128 characters. With it the money is taken in the call:
   * `payment.charge` is the clearer name for that.
   */
  auth_code?: string;
  /** `YYYY-MM-DD HH:mm:ss`, Hong Kong time. Default: when the intention was opened. */
  txdtm?: string;
  /** Minutes until a QR code expires, 5 to 120. Default 30, for the pay types that know it. */
  expired_time?: number | string;
  /** At most 64 bytes of UTF-8. */
  goods_name?: string;
  /** The device, at most 40 characters. */
  udid?: string;
  /** Where QFPay sends the notification, at most 256 characters. */
  notify_url?: string;
  /** Where the payer's browser goes afterwards. */
  return_url?: string;
  /** The payer's WeChat openid, at most 128 characters. */
  sub_openid?: string;
  /** `no_credit` forbids credit cards (mainland China). */
  limit_pay?: string;
}

/** A code scanned from the payer's wallet: the money is taken in the call. The same request as `payment.create`. */
export interface QfpayChargeFields extends QfpayPaymentFields {
  auth_code: string;
}

/**
 * Names the payment to undo by `out_trade_no`, by `syssn`, or by both. @see
 * https://sdk.qfapi.com/docs/common-api/reversal
 */
export interface QfpayCancellationFields {
  /** The payment's own number. */
  out_trade_no?: string;
  /** The payment's number at QFPay, at most 40 characters. */
  syssn?: string;
  /** The payment's amount in minor units (100 is 1.00). */
  txamt: number | string;
  /** The payment's `txdtm`: give it where you have it. Default: when this intention was opened. */
  txdtm?: string;
  /** The device, at most 40 characters. */
  udid?: string;
}

/** @see https://sdk.qfapi.com/docs/common-api/refund */
export interface QfpayRefundFields {
  /** The refund's own new number. At most 128 characters, no comma. */
  out_trade_no: string;
  /** The number at QFPay of the payment to refund, at most 128 characters. */
  syssn: string;
  /** What to give back, in minor units (100 is 1.00). */
  txamt: number | string;
  /** `YYYY-MM-DD HH:mm:ss`, Hong Kong time. Default: when the intention was opened. */
  txdtm?: string;
  /** The device, at most 40 characters. */
  udid?: string;
}

/** One of the numbers names the order. @see https://sdk.qfapi.com/docs/common-api/transaction-enquiry */
export interface QfpayQueryFields {
  /** The merchant's number of the payment or of the refund. A list, with commas, has no one verdict. */
  out_trade_no?: string;
  /** QFPay's number. */
  syssn?: string;
  /** `YYYY-MM-DD HH:mm:ss`, Hong Kong time. Default: the start of the current month. */
  start_time?: string;
  /** `YYYY-MM-DD HH:mm:ss`, Hong Kong time. Default: the end of the current month. */
  end_time?: string;
  /** Default 1. */
  page?: number | string;
  /** Default 10, at most 100. */
  page_size?: number | string;
}
