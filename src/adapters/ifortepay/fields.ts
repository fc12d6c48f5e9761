/** An amount of rupiah. */
export interface IfortepayAmount {
  /** With two decimals: `'10000.00'`. */
  value: string;
  /** `'IDR'` */
  currency: string;
}

/** The fields of each operation. */
export interface IfortepayFields {
  'qris.create': {
    /** The order's number: at most 64 letters and digits. */
    partnerReferenceNo: string;
    amount: IfortepayAmount;
    /** When the QR code ends, ISO 8601: 15 to 60 minutes from now. Default: 15 minutes. */
    validityPeriod?: string;
    /** At most 16 characters. */
    terminalId?: string;
    additionalInfo: {
      /** Where the payment is notified. */
      callbackUrl: string;
      /** `01`: the payer chooses the tip; `02`: fixed. What is paid is then more than `amount`. */
      tip?: { type: string; value?: string };
      [field: string]: unknown;
    };
  };
  'qris.query': OrderQuery;
  'qris.cancel': OrderCancel & {
    /** At most 256 characters. */
    reason: string;
    /** Default `{ type: 'DYNAMIC' }`. */
    additionalInfo?: { type?: string; [field: string]: unknown };
  };
  'va.create': {
    /** The order's number, at most 64 characters. */
    trxId: string;
    /** The customer's name. The manual wants it. */
    virtualAccountName?: string;
    /**
     * `C`: paid once, this amount; `X`: this amount, many times; `O`: any amount; `I`: in parts. The manual wants it.
     */
    virtualAccountTrxType?: string;
    totalAmount?: IfortepayAmount;
    /** ISO 8601. Default: the channel's. */
    expiredDate?: string;
    /**
     * The bank's number for the merchant, 8 characters, padded with spaces on the left. Default: iFortepay's choice.
     */
    partnerServiceId?: string;
    /** At most 20 digits. Default: iFortepay's choice. */
    customerNo?: string;
    /** `partnerServiceId` and `customerNo`. Default: iFortepay's choice. */
    virtualAccountNo?: string;
    virtualAccountEmail?: string;
    /** `62…`, at most 30 digits. */
    virtualAccountPhone?: string;
    billDetails?: readonly Record<string, unknown>[];
    additionalInfo?: Record<string, unknown>;
  };
  'va.query': {
    /** The order's number, as it was created with. */
    trxId: string;
    /** As the create answered it. The manual wants it, here and below; left out only where that answer was lost. */
    partnerServiceId?: string;
    customerNo?: string;
    virtualAccountNo?: string;
  };
  'debit.charge': {
    /** The payment's number, at most 64 characters. */
    partnerReferenceNo: string;
    amount: IfortepayAmount;
    /** The customer's card token, at most 560 characters. Needed for BRI; wallets have none. */
    bankCardToken?: string;
    /** The manual wants the text `null`. */
    chargeToken?: string;
    /** Where the payment is notified (`PAY_NOTIFY`) and the payer returns to (`PAY_RETURN`, for DANA). */
    urlParams?: readonly { url: string; type: string; isDeeplink: string }[];
    /** `Mobile App`, `Web App` or `Others`. */
    pointOfInitiation?: string;
    payOptionDetails?: readonly Record<string, unknown>[];
    additionalInfo?: {
      /** `Y`: the payer confirms with an OTP; `N`: without. Needed for BRI. */
      isWithOtp?: string;
      [field: string]: unknown;
    };
  };
  'debit.query': Partial<OrderQuery>;
  'debit.cancel': OrderCancel & {
    /** At most 256 characters. */
    reason?: string;
    additionalInfo?: Record<string, unknown>;
  };
  /** Pay later (Indodana, Kredivo): only asked about here. */
  'bnpl.query': Required<Omit<OrderQuery, 'serviceCode'>> & {
    /** `91`: paid on a page; `92`: at a till. */
    serviceCode: '91' | '92';
  };
}

interface OrderQuery {
  /** The order's number, as it was created with. */
  originalPartnerReferenceNo: string;
  /** iFortepay's number, from the create's answer. The manual wants it; left out only where that answer was lost. */
  originalReferenceNo?: string;
  /** Default: the service the order was created with, `47` or `54`. */
  serviceCode?: string;
}

interface OrderCancel {
  /** The order's number, as it was created with. */
  originalPartnerReferenceNo: string;
  /** iFortepay's number, from the create's answer. */
  originalReferenceNo: string;
}
