import type { Adapter } from '../../kit/adapter.ts';
import { ifortepay as terse, type IfortepayCredentials } from './adapter.ts';
import { advice } from './advice.ts';
import type { IfortepayAnswers } from './answers.ts';
import type { IfortepayFields } from './fields.ts';

export type { IfortepayCredentials } from './adapter.ts';
export type { IfortepayAnswers } from './answers.ts';
export type { IfortepayAmount, IfortepayFields } from './fields.ts';

/**
 * The adapter of iFortepay's SNAP API: QRIS, virtual accounts, and direct debit with e-wallets.
 *
 * @example
 * ```ts
 * const gateway = createGateway({
 *   adapter: ifortepay({ partnerId, privateKey, channelId: 'QR004', environment: 'sandbox' }),
 * });
 * const settlement = await gateway.settle('qris.create', {
 *   partnerReferenceNo: 'ORDER1',
 *   amount: { value: '10000.00', currency: 'IDR' },
 *   additionalInfo: { callbackUrl: 'https://shop.example/ifortepay' },
 * });
 * ```
 * @throws {InputError} for credentials that cannot be
 * @see https://developer.ifortepay.id/snap/auth/env-headers
 */
export function ifortepay(credentials: IfortepayCredentials): Adapter<IfortepayFields, IfortepayAnswers> {
  return terse(credentials, advice);
}
