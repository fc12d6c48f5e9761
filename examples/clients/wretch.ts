import wretch, { type Wretch } from 'wretch';
import { openShop, baseUrl, refund, told, type GatewayFetch, type RefundAnswer } from './shop.ts';

/** A retry middleware sends nothing twice, but makes the caller wait once more for what is known to be open. */
export const wretchOver = (fetch: GatewayFetch, url: string): Wretch => wretch(url).fetchPolyfill(fetch);

export const sendRefund = (fetch: GatewayFetch): Promise<RefundAnswer> =>
  wretchOver(fetch, baseUrl).url('/v2/refund').post(refund).json<RefundAnswer>();

export async function main(): Promise<string> {
  const { fetch, clock } = await openShop({ onSend: ['reset-after-booking'] });
  return clock.run(told(sendRefund(fetch)));
}

if (import.meta.main) console.log(await main());
