import type { IfortepayAmount } from './fields.ts';

/**
 * What iFortepay answers to each write, as the pages below https://developer.ifortepay.id/snap have it. It is handed out
 * as it came, and nothing checks it: every name may be missing, and a refusal has none but the code and its words.
 */
export interface IfortepayAnswers {
  'qris.create': QrisAnswer;
  'qris.cancel': CancelAnswer;
  'va.create': AccountAnswer;
  'debit.charge': DebitAnswer;
  'debit.cancel': CancelAnswer;
}

/** What every answer has. */
interface IfortepayAnswer {
  /** Seven digits: HTTP status, service, case. What became of the call, not of the payment. */
  responseCode?: string;
  responseMessage?: string;
}

/** The numbers of what was made. */
interface MadeAnswer extends IfortepayAnswer {
  /** iFortepay's number: the status query and a cancel want it as `originalReferenceNo`. */
  referenceNo?: string;
  /** The order's number, as it was sent. */
  partnerReferenceNo?: string;
}

/** @see https://developer.ifortepay.id/snap/payment-gateway/qris/generate-qr */
interface QrisAnswer extends MadeAnswer {
  /** The content of the QR code that the payer scans. */
  qrContent?: string;
  /** A picture of it. */
  qrUrl?: string;
  terminalId?: string;
}

/** @see https://developer.ifortepay.id/snap/payment-gateway/virtual-account/create */
interface AccountAnswer extends IfortepayAnswer {
  virtualAccountData?: {
    /** The number that the payer transfers to. */
    virtualAccountNo?: string;
    /** The bank's number for the merchant, padded with spaces on the left. */
    partnerServiceId?: string;
    customerNo?: string;
    virtualAccountName?: string;
    /** The order's number, as it was sent. */
    trxId?: string;
    totalAmount?: IfortepayAmount;
    /** ISO 8601. */
    expiredDate?: string;
    additionalInfo?: Readonly<Record<string, unknown>>;
  };
}

/**
 * @see https://developer.ifortepay.id/snap/payment-gateway/direct-debit/payment; siblings of SNAP (DANA) answer a
 * payment code
 */
interface DebitAnswer extends MadeAnswer {
  /** The wallet's page, where the payer confirms. */
  webRedirectUrl?: string;
  /** The same, in the wallet's app. */
  appRedirectUrl?: string;
  additionalInfo?: {
    /** What the payer types in, where there is no page. */
    paymentCode?: string;
    [field: string]: unknown;
  };
}

/**
 * @see https://developer.ifortepay.id/snap/payment-gateway/qris/cancel-payment,
 * https://developer.ifortepay.id/snap/payment-gateway/direct-debit/payment/cancel
 */
interface CancelAnswer extends IfortepayAnswer {
  originalReferenceNo?: string;
  originalPartnerReferenceNo?: string;
  /** ISO 8601. */
  cancelTime?: string;
}
