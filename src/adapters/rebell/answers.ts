import type { RebellAmount } from './fields.ts';

/**
 * What Rebell answers to each write, as https://docs.rebellapp.com has it. It is handed out as it came, and nothing
 * checks it: every name may be missing.
 */
export interface RebellAnswers {
  'payment.charge': ChargeAnswer;
  'payment.create': OrderAnswer;
  'payment.cancel': PaymentAnswer;
  'payment.void': VoidAnswer;
  'payment.capture': CaptureAnswer;
  'refund.create': RefundAnswer;
  'message.send': MessageAnswer;
}

/** What every answer has. */
interface RebellAnswer {
  result?: {
    /** `SUCCESS`, or why not. */
    resultCode?: string;
    /** `S`: done, `F`: failed, `U`: unknown, `A`: accepted. */
    resultStatus?: string;
    resultMessage?: string;
  };
}

interface PaymentAnswer extends RebellAnswer {
  /** The merchant's number, as it was sent. */
  paymentRequestId?: string;
  /** Rebell's number: what a refund, a void and a capture name. */
  paymentId?: string;
}

/** @see https://docs.rebellapp.com/openapis/payments/pay */
interface ChargeAnswer extends PaymentAnswer {
  /** ISO 8601. */
  paymentTime?: string;
  paymentAmount?: RebellAmount;
  /**
   * Where the payer goes on: a form to open, or the JSON text of one (siblings of Rebell's write it so). Its page is in
   * `redirectionUrl`, or in `redirectUrl`.
   */
  redirectActionForm?: RebellForm | string | null;
}

/** How the payer's browser or app goes on. */
export interface RebellForm {
  /** `GET` or `POST`. */
  method?: string;
  /** The page, as the manual spells it. */
  redirectionUrl?: string;
  /** The page, as siblings spell it. */
  redirectUrl?: string;
}

/** @see https://docs.rebellapp.com/openapis/payments/createQrOrder and linkPayCreate */
interface OrderAnswer extends PaymentAnswer {
  /** Of `createQrOrder`: the content of the QR code that the payer scans. */
  qrCode?: string;
  /** Of `linkPayCreate`: opens the payer's app. */
  redirectUrl?: string;
}

/** @see https://docs.rebellapp.com/openapis/payments/void */
interface VoidAnswer extends RebellAnswer {
  voidRequestId?: string;
  /** Rebell's number of the void. */
  voidId?: string;
  paymentId?: string;
  /** ISO 8601. */
  voidTime?: string;
}

/** @see https://docs.rebellapp.com/openapis/payments/capture */
interface CaptureAnswer extends RebellAnswer {
  captureRequestId?: string;
  /** Rebell's number of the capture. */
  captureId?: string;
  captureAmount?: RebellAmount;
  /** ISO 8601. */
  captureTime?: string;
}

/** @see https://docs.rebellapp.com/openapis/payments/refundApply */
interface RefundAnswer extends RebellAnswer {
  refundRequestId?: string;
  /** Rebell's number of the refund. */
  refundId?: string;
  refundAmount?: RebellAmount;
  /** ISO 8601. */
  refundTime?: string;
}

/** @see https://docs.rebellapp.com/openapis/messages/sendPush */
interface MessageAnswer extends RebellAnswer {
  /** Rebell's number of the message. */
  messageId?: string;
}
