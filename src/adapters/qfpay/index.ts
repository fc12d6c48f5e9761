import type { Adapter } from '../../kit/adapter.ts';
import { qfpay as terse, type QfpayCredentials } from './adapter.ts';
import { advice } from './advice.ts';
import type { QfpayAnswers } from './answers.ts';
import type { QfpayFields } from './fields.ts';

export type { QfpayCredentials } from './adapter.ts';
export type {
  QfpayAnswers,
  QfpayCancellationAnswer,
  QfpayPaymentAnswer,
  QfpayRefundAnswer,
} from './answers.ts';
export type {
  QfpayCancellationFields,
  QfpayChargeFields,
  QfpayFields,
  QfpayPaymentFields,
  QfpayQueryFields,
  QfpayRefundFields,
} from './fields.ts';

/**
 * QFPay's Global API (Hong Kong and others): scanned payment codes, QR codes, redirects, refunds.
 *
 * @example
 * ```ts
 * const gateway = createGateway({ adapter: qfpay({ appCode, clientKey, environment: 'production' }) });
 * await gateway.settle('payment.charge', {
 *   out_trade_no: 'ORDER-1',
 *   txamt: 1000,
 *   txcurrcd: 'HKD',
 *   pay_type: '800108',
 *   auth_code,
 * });
 * ```
 * @throws {InputError} for credentials of the wrong shape
 * @see https://sdk.qfapi.com/docs
 */
export function qfpay(credentials: QfpayCredentials): Adapter<QfpayFields, QfpayAnswers> {
  return terse(credentials, advice);
}
