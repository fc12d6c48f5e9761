import type { Adapter } from '../../kit/adapter.ts';
import { zalopay as terse, type ZalopayCredentials } from './adapter.ts';
import { advice } from './advice.ts';
import type { ZalopayAnswers } from './answers.ts';
import type { ZalopayFields } from './fields.ts';

export type { ZalopayCredentials, ZalopayPaths } from './adapter.ts';
export type { ZalopayAnswers } from './answers.ts';
export type { ZalopayFields } from './fields.ts';

/**
 * ZaloPay OpenAPI v2, Vietnam.
 *
 * @example
 * ```ts
 * const gateway = createGateway({ adapter: zalopay({ appId: 2553, key1, key2, environment: 'sandbox' }) });
 * await gateway.settle('payment.create', {
 *   app_trans_id: '260101_0001',
 *   app_user: 'user-7',
 *   amount: 10_000,
 *   description: 'Tea',
 * });
 * ```
 * @throws {InputError} for credentials of the wrong shape
 * @see https://docs.zalopay.vn/docs/specs/
 */
export function zalopay(credentials: ZalopayCredentials): Adapter<ZalopayFields, ZalopayAnswers> {
  return terse(credentials, advice);
}
