import type { Adapter } from '../../kit/adapter.ts';
import { uqpay as terse, type UqpayCredentials } from './adapter.ts';
import { advice } from './advice.ts';
import type { UqpayAnswers } from './answers.ts';
import type { UqpayFields } from './fields.ts';

export type { UqpayCredentials } from './adapter.ts';
export type { UqpayAnswers, UqpayAttempt, UqpayIntent, UqpayNextAction, UqpayPayout, UqpayRefund } from './answers.ts';
export type { CancellationReason, UqpayFields } from './fields.ts';

/**
 * UQPAY, Global Acquiring v1.6.
 *
 * @example
 * ```ts
 * const gateway = createGateway({ adapter: uqpay({ clientId, apiKey, environment: 'sandbox' }) });
 * ```
 * @throws {InputError} for credentials that cannot be right
 */
export function uqpay(credentials: UqpayCredentials): Adapter<UqpayFields, UqpayAnswers> {
  return terse(credentials, advice);
}
