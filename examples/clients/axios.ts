import axios, { type AxiosInstance } from 'axios';
import { openShop, baseUrl, refund, told, type GatewayFetch, type RefundAnswer } from './shop.ts';

/**
 * axios 1.12 and later. Without `adapter: 'fetch'` it uses Node's http, and nothing of tillpaid: no signature, no
 * question, no protection. Its `timeout` is no longer one of the network: leave it out, or set it above the deadline.
 */
export const axiosOver = (fetch: GatewayFetch, baseURL: string): AxiosInstance =>
  axios.create({ baseURL, adapter: 'fetch', env: { fetch } });

/** Of an instance that is there already, such as one inside an SDK. */
export function putUnder(fetch: GatewayFetch, { defaults }: AxiosInstance): void {
  defaults.adapter = 'fetch';
  defaults.env = { ...defaults.env, fetch };
}

export const sendRefund = async (fetch: GatewayFetch): Promise<RefundAnswer> =>
  (await axiosOver(fetch, baseUrl).post<RefundAnswer>('/v2/refund', refund)).data;

export async function main(): Promise<string> {
  const { fetch, clock } = await openShop({ onSend: ['reset-after-booking'] });
  return clock.run(told(sendRefund(fetch)));
}

if (import.meta.main) console.log(await main());
