import type { Adapter } from '../../kit/adapter.ts';
import { rebell as terse, type RebellCredentials } from './adapter.ts';
import { advice } from './advice.ts';
import type { RebellAnswers } from './answers.ts';
import type { RebellFields } from './fields.ts';

export type { RebellCredentials } from './adapter.ts';
export type { RebellAnswers, RebellForm } from './answers.ts';
export type { RebellAmount, RebellFields } from './fields.ts';

/**
 * Rebell: the SuperApp's payment OpenAPI.
 *
 * @example
 * ```ts
 * const gateway = createGateway({
 *   adapter: rebell({ clientId, privateKey, gatewayPublicKey, keyVersion: 1, environment: 'sandbox' }),
 * });
 * const settlement = await gateway.settle('payment.charge', {
 *   api: 'retailPay',
 *   paymentRequestId: 'order-1',
 *   paymentAuthCode: scanned,
 *   paymentAmount: { currency: 'EUR', value: '1250' },
 * });
 * ```
 * @throws {InputError} for credentials of the wrong shape
 * @see https://docs.rebellapp.com
 */
export function rebell(credentials: RebellCredentials): Adapter<RebellFields, RebellAnswers> {
  return terse(credentials, advice);
}
