import { createFetch, type $Fetch } from 'ofetch';
import { openShop, baseUrl, refund, told, type GatewayFetch, type RefundAnswer } from './shop.ts';

/**
 * ofetch, which Nuxt's `$fetch` is too. Leave `retry` at 0: after its own `timeout` it gives each further try a signal
 * that is over. Nothing is sent twice by it, but the caller hears nothing either.
 */
export const ofetchOver = (fetch: GatewayFetch, baseURL: string): $Fetch =>
  createFetch({ fetch, defaults: { baseURL, retry: 0 } });

export const sendRefund = async (fetch: GatewayFetch): Promise<RefundAnswer> =>
  ofetchOver(fetch, baseUrl)<RefundAnswer>('/v2/refund', { method: 'POST', body: refund });

export async function main(): Promise<string> {
  const { fetch, clock } = await openShop({ onSend: ['reset-after-booking'] });
  return clock.run(told(sendRefund(fetch)));
}

if (import.meta.main) console.log(await main());
