import createClient, { type Client } from 'openapi-fetch';
import { openShop, baseUrl, refund, told, type GatewayFetch, type RefundAnswer } from './shop.ts';

/** As `openapi-typescript` writes it of a provider's OpenAPI document. */
export type Paths = Record<
  '/v2/refund',
  {
    post: {
      requestBody: { content: { 'application/json': typeof refund } };
      responses: { 200: { content: { 'application/json': RefundAnswer } } };
    };
  }
>;

/** `fetch` is an option of the client, and of each call. */
export const openapiOver = <P extends object = Paths>(fetch: GatewayFetch, baseUrl: string): Client<P> =>
  createClient<P>({ baseUrl, fetch });

/** `error` is there for an HTTP status above 299 only, and a refusal of ZaloPay's comes with 200: look into `data`. */
export async function sendRefund(fetch: GatewayFetch): Promise<RefundAnswer | undefined> {
  const { data } = await openapiOver(fetch, baseUrl).POST('/v2/refund', { body: refund });
  return data;
}

export async function main(): Promise<string> {
  const { fetch, clock } = await openShop({ onSend: ['reset-after-booking'] });
  return clock.run(told(sendRefund(fetch)));
}

if (import.meta.main) console.log(await main());
