import type { Adapter } from '../../kit/adapter.ts';
import { uqpay as terse, type UqpayCredentials, type UqpayFields } from './adapter.ts';
import { advice } from './advice.ts';

export type { CancellationReason, UqpayCredentials, UqpayFields } from './adapter.ts';

/**
 * UQPAY, Global Acquiring v1.6.
 *
 * @example
 * ```ts
 * const gateway = createGateway({ adapter: uqpay({ clientId, apiKey, environment: 'sandbox' }) });
 * ```
 * @throws {InputError} for credentials that cannot be right
 */
export function uqpay(credentials: UqpayCredentials): Adapter<UqpayFields> {
  return terse(credentials, advice);
}
