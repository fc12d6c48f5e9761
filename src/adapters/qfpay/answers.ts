/**
 * What QFPay answers to each write, as its pages and an integrator's answers have it
 * (https://sdk.qfapi.com/docs/api-reference/response-format, https://github.com/CHI-KEKE/joy_, QFPay.md). It is handed
 * out as it came, and nothing checks it: every name may be missing, and what was not made has `null` for its numbers and
 * times.
 */
export interface QfpayAnswers {
  'payment.create': QfpayPaymentAnswer;
  'payment.charge': QfpayPaymentAnswer;
  'payment.reverse': QfpayCancellationAnswer;
  'payment.close': QfpayCancellationAnswer;
  'refund.create': QfpayRefundAnswer;
}

/** What every answer has. */
interface QfpayAnswer {
  /** Four characters: `0000`, or why not. */
  respcd?: string;
  /** The code in words, and more words. */
  resperr?: string;
  respmsg?: string;
  /** The merchant's number, as it was sent. */
  out_trade_no?: string | null;
  /** In minor units (100 is 1.00). */
  txamt?: string | number | null;
  txcurrcd?: string | null;
  /** The merchant's own time, as it was sent. */
  txdtm?: string | null;
  /** QFPay's own time: `YYYY-MM-DD HH:mm:ss`, Hong Kong time. */
  sysdtm?: string | null;
}

/** The answer to a payment: an order for the payer to pay, or the money taken in the call. */
export interface QfpayPaymentAnswer extends QfpayAnswer {
  /** QFPay's number: what a refund names. At most 40 characters. */
  syssn?: string | null;
  pay_type?: string;
  /** The content of the QR code that the payer scans. */
  qrcode?: string;
  /** The page that the payer's browser goes to. */
  pay_url?: string;
  /**
   * What the wallet's script or app is called with, such as WeChat's JSAPI: an object, or the text of one. No public
   * answer shows it. @see
   * https://sdk.qfapi.com/docs/online-shop/integration-by-payment-type/wechat/wechat-jsapi-payment
   */
  pay_params?: Readonly<Record<string, unknown>> | string;
  /** When it was paid, Hong Kong time; empty before. */
  paydtm?: string | null;
  /** The channel's number. */
  chnlsn?: string | null;
  /** The payer's card or account at the channel. */
  cardcd?: string | null;
}

/** The answer to a reversal or a close. @see https://sdk.qfapi.com/docs/common-api/reversal */
export interface QfpayCancellationAnswer extends QfpayAnswer {
  /** QFPay's number of the cancellation itself. */
  syssn?: string | null;
  /** QFPay's number of the payment. */
  orig_syssn?: string | null;
}

/** The answer to a refund. @see https://sdk.qfapi.com/docs/common-api/refund */
export interface QfpayRefundAnswer extends QfpayAnswer {
  /** QFPay's number of the refund itself; `null` where none was made. */
  syssn?: string | null;
  /** QFPay's number of the payment that is refunded. */
  orig_syssn?: string | null;
}
