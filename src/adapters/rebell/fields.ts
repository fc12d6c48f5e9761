/**
 * An amount in minor units: `{ currency: 'EUR', value: '1250' }` is 12.50 euro. It is sent as given; the manual shows
 * both texts and numbers.
 */
export interface RebellAmount {
  /** ISO 4217, three capital letters. */
  currency: string;
  value: string | number;
}

/** What every payment may have. */
export interface Payment {
  /** The merchant's number of the payment, which makes a second send harmless. At most 64 characters. */
  paymentRequestId: string;
  paymentAmount: RebellAmount;
  /** Assigned by Rebell; the manual asks for it with every payment. At most 32 characters. */
  productCode?: string;
  order?: Readonly<Record<string, unknown>>;
  /** Where the result is announced. At most 1024 characters. */
  paymentNotifyUrl?: string;
  /** Where the payer comes back to. At most 1024 characters. */
  paymentRedirectUrl?: string;
  /** Until when it may be paid, ISO 8601. */
  paymentExpiryTime?: string;
  settlementStrategy?: Readonly<Record<string, unknown>>;
  /** JSON, at most 2048 characters. */
  extendInfo?: string;
}

export interface RebellFields {
  /** Takes the money in the call. */
  'payment.charge': Payment & {
    /** Which API takes it; not sent. Default `pay`; `retailPay` for a code scanned from the payer's screen. */
    api?: 'pay' | 'retailPay';
    /** The scanned or the authorization code. At most 128 characters. */
    paymentAuthCode?: string;
    /** The payer's token of an agreement (v2 `pay`). At most 128 characters. */
    accessToken?: string;
    cashierNotifyUrl?: string;
    agreedAmount?: RebellAmount;
    /** `yyyy-MM-dd` */
    serviceExpireTime?: string;
    /** `yyyy-MM-dd` */
    nextPaymentDate?: string;
  };
  /** Makes an order the payer pays later. */
  'payment.create': Payment & {
    /** Which API makes it; not sent. Default `createQrOrder`, which the API reference spells `createQROrder`. */
    api?: 'createQrOrder' | 'createQROrder' | 'linkPayCreate';
    /** `ORDER_CODE`, for createQrOrder. */
    bizType?: string;
    /** `CGCP`, for createQrOrder. */
    codeType?: string;
  };
  /** At least one of the two. */
  'payment.query': { paymentRequestId?: string; paymentId?: string };
  /** Calls a payment off before the payer completes it. At least one of the two. */
  'payment.cancel': { paymentRequestId?: string; paymentId?: string };
  /** Takes a payment back on its day, before it is settled. */
  'payment.void': {
    /** The merchant's number of the void. At most 64 characters. */
    voidRequestId: string;
    paymentId: string;
  };
  /** Takes what was authorised. */
  'payment.capture': {
    /** The merchant's number of the capture. At most 64 characters. */
    captureRequestId: string;
    paymentId: string;
    /** At most what was authorised. */
    captureAmount: RebellAmount;
  };
  'refund.create': {
    /** Which API makes it; not sent. Default `refund` in v1, `refundApply` in v2. */
    api?: 'refund' | 'refundApply';
    /** The merchant's number of the refund. At most 64 characters. */
    refundRequestId: string;
    paymentId: string;
    refundAmount: RebellAmount;
    /** Shown to the payer. At most 256 characters. */
    refundReason?: string;
    refundNotifyUrl?: string;
  };
  /** At least one of the two; `refundId` goes first. */
  'refund.query': { refundRequestId?: string; refundId?: string };
  /** At least one of the two. */
  'void.query': { voidRequestId?: string; voidId?: string };
  /** At least one of the two. */
  'capture.query': { captureRequestId?: string; captureId?: string };
  /** What the API's page has beside these goes in `extraFields`. */
  'message.send': {
    /** Which API sends it; not sent itself. Default `sendPush`. */
    api?: 'sendPush' | 'sendInbox' | 'sendSms' | 'sendEmail';
    /** The merchant's number of the message. At most 64 characters. */
    requestId: string;
    /** At most 64 characters. */
    targetUserId?: string;
  };
}
