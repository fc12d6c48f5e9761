import OpenAI from 'openai';
import { openShop, baseUrl, refund, told, type GatewayFetch, type RefundAnswer } from './shop.ts';

/**
 * An SDK that a generator wrote (Stainless, Speakeasy, Fern and others): they take `fetch`, `maxRetries` and `timeout`.
 * OpenAI's stands here for those of payment providers; its `post` is what each of its methods calls.
 *
 * `timeout` must be above the deadline of the loop. `maxRetries` may stay: a retry of theirs asks, and sends nothing.
 */
export const sdkOver = (fetch: GatewayFetch, baseURL: string, maxRetries = 0): OpenAI =>
  new OpenAI({ apiKey: 'not used', baseURL, fetch, maxRetries, timeout: 20 * 60_000 });

export const sendRefund = async (fetch: GatewayFetch): Promise<RefundAnswer> =>
  sdkOver(fetch, baseUrl).post<RefundAnswer>('/v2/refund', { body: refund });

export async function main(): Promise<string> {
  const { fetch, clock } = await openShop({ onSend: ['reset-after-booking'] });
  return clock.run(told(sendRefund(fetch)));
}

if (import.meta.main) console.log(await main());
