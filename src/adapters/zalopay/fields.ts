/** Each operation's fields. `app_id`, the time and the mac are filled in; other fields of ZaloPay's pass through. */
export interface ZalopayFields {
  'payment.create': OrderFields;
  'payment.query': AppTransId;
  'payment.cancel': AppTransId;
  'payment.charge': TokenPaymentFields;
  'payment.scan': ScanFields;
  'refund.create': RefundFields;
  'refund.query': RefundId;
  'binding.create': BindingFields;
  'binding.query': AppTransId;
  'binding.cancel': UnbindFields;
  'balance.query': BalanceFields;
  'user.query': UserFields;
  'card-binding.create': CardBindingFields;
  'card-binding.query': AppTransId;
  'card-binding.cancel': UnbindFields;
  'card-payment.charge': TokenPaymentFields;
}

interface Account {
  /** Default: the credentials' own, and no other. */
  app_id?: number;
}

interface AppTransId extends Account {
  /**
   * The merchant's number: `yymmdd` of the day in Vietnam, then anything; at most 40 characters. Never re-made for a
   * second send.
   */
  app_trans_id: string;
}

interface RefundId extends Account {
  /** The merchant's number of the refund: `yymmdd_appid_…`, the day in Vietnam; at most 45 characters. */
  m_refund_id: string;
}

interface AnyOrderFields extends AppTransId {
  /** Who pays: an id or a name, at most 50 characters. */
  app_user: string;
  /** In dong. */
  amount: number;
  /** What the payer reads, at most 256 characters; of a scanned code, at most 100. */
  description: string;
  /** JSON list as a text, at most 2,048 characters (of a scanned code 1,024). Default `[]`. */
  item?: string;
  /** JSON object as a text, at most 1,024 characters. Default `{}`. */
  embed_data?: string;
  /** Where ZaloPay reports the payment. Default: the app's own. */
  callback_url?: string;
  redirect_url?: string;
  /** JSON object as a text. */
  device_info?: string;
}

interface OrderFields extends AnyOrderFields {
  /** How long the order can be paid, in seconds: 300 to 2,592,000. Default 900. */
  expire_duration_seconds?: number;
  bank_code?: string;
  title?: string;
  /** At most 50 characters. */
  sub_app_id?: string;
  /** `AGREEMENT` for an order that is paid with a token. */
  product_code?: 'AGREEMENT';
  phone?: string;
  email?: string;
  address?: string;
}

interface ScanFields extends AnyOrderFields {
  /** The code from the payer's app, encrypted with the RSA public key that ZaloPay gave you (PKCS #1 v1.5, base64). */
  payment_code: string;
  /** The same code as it was scanned. It is signed, and never sent. */
  payment_code_raw: string;
  /** The payer's IP address. */
  userip?: string;
}

interface TokenPaymentFields extends AppTransId {
  /**
   * The order's own number. It is not sent: ZaloPay knows the order by `zp_trans_token`, but is asked about it by this.
   */
  app_trans_id: string;
  /** The user, as the merchant called it when binding. */
  identifier: string;
  /** From the answer of `payment.create`. */
  zp_trans_token: string;
  /** From the answer of `binding.query`. */
  pay_token: string;
}

interface RefundFields extends RefundId {
  /** ZaloPay's number of the payment. */
  zp_trans_id: string;
  /** In dong. */
  amount: number;
  /** Taken off what the payer gets back, in dong. */
  refund_fee_amount?: number;
  /** The reason, at most 100 characters. */
  description: string;
}

interface BindingFields extends AppTransId {
  /** The user, as the merchant calls it. */
  identifier: string;
  /** JSON object as a text. Default `{}`. */
  binding_data?: string;
  /** Default `WALLET`. */
  binding_type?: 'WALLET';
  /** The most a charge may take, in dong. Default 0: what the user has. */
  max_amount?: number;
  callback_url?: string;
  redirect_url?: string;
  redirect_deep_link?: string;
}

interface UnbindFields extends Account {
  /** The user, as the merchant called it when binding. */
  identifier: string;
  binding_id: string;
  /** The number the binding was made with. It is not sent; with it, a lost answer can be looked up. */
  app_trans_id?: string;
}

interface BalanceFields extends Account {
  /** The user, as the merchant called it when binding. */
  identifier: string;
  pay_token: string;
  /** What is to be paid, in dong. */
  amount: number;
}

interface UserFields extends Account {
  /** The user's `pay_token`. */
  access_token: string;
}

interface CardBindingFields extends AppTransId {
  /** The user, as the merchant calls it. */
  identifier: string;
  binding_type: 'WALLET' | 'CARD';
  binding_mode: 'BIND' | 'BIND_AND_PAY';
  device_type: 'MOBILE' | 'DESKTOP';
  /** JSON object as a text: where to go afterwards. Default `{}`. */
  binding_data?: string;
  /** JSON object as a text: amount and description for `BIND_AND_PAY`. Default `{}`. */
  payment_data?: string;
}
