import type { Adapter } from '../../kit/adapter.ts';
import { qfpay as terse, type QfpayCredentials, type QfpayFields } from './adapter.ts';
import { advice } from './advice.ts';

export type {
  QfpayCredentials,
  QfpayCancellationFields,
  QfpayFields,
  QfpayPaymentFields,
  QfpayQueryFields,
  QfpayRefundFields,
} from './adapter.ts';

/**
 * QFPay's Global API (Hong Kong and others): scanned payment codes, QR codes, redirects, refunds.
 *
 * @example
 * ```ts
 * const gateway = createGateway({ adapter: qfpay({ appCode, clientKey, environment: 'production' }) });
 * await gateway.settle('payment.create', { txamt: 1000, txcurrcd: 'HKD', pay_type: '800108', out_trade_no: 'ORDER-1',
 * auth_code });
 * ```
 * @throws {InputError} for credentials of the wrong shape
 * @see https://sdk.qfapi.com/docs
 */
export function qfpay(credentials: QfpayCredentials): Adapter<QfpayFields> {
  return terse(credentials, advice);
}
