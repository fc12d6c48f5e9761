import type { Adapter } from '../../kit/adapter.ts';
import { ifortepay as terse, type IfortepayCredentials, type IfortepayFields } from './adapter.ts';
import { advice } from './advice.ts';

export type { IfortepayAmount, IfortepayCredentials, IfortepayFields } from './adapter.ts';

/**
 * The adapter of iFortepay's SNAP API: QRIS, virtual accounts, and direct debit with e-wallets.
 *
 * @example
 * ```ts
 * const gateway = createGateway({ adapter: ifortepay({ partnerId, privateKey, channelId: 'QR004', environment:
 * 'sandbox' }) }); const settlement = await gateway.settle('qris.create', {
 *   partnerReferenceNo: 'ORDER1',
 *   amount: { value: '10000.00', currency: 'IDR' },
 *   additionalInfo: { callbackUrl: 'https://shop.example/ifortepay' },
 * });
 * ```
 * @throws {InputError} for credentials that cannot be
 * @see https://developer.ifortepay.id/snap/auth/env-headers
 */
export function ifortepay(credentials: IfortepayCredentials): Adapter<IfortepayFields> {
  return terse(credentials, advice);
}
