import axios from 'axios';
import { lives, type Script } from 'tillpaid/testing';
import { describe, expect, it } from 'vitest';
import * as axiosExample from '../examples/clients/axios.ts';
import * as generatedSdk from '../examples/clients/generated-sdk.ts';
import * as ofetchExample from '../examples/clients/ofetch.ts';
import * as openapiFetch from '../examples/clients/openapi-fetch.ts';
import { baseUrl, openShop, refund, told, type GatewayFetch, type RefundAnswer } from '../examples/clients/shop.ts';
import * as wretchExample from '../examples/clients/wretch.ts';

interface Example {
  readonly main: () => Promise<string>;
  readonly sendRefund: (fetch: GatewayFetch) => Promise<RefundAnswer | undefined>;
}

const examples: readonly (readonly [string, Example])[] = [
  ['axios', axiosExample],
  ['openapi-fetch', openapiFetch],
  ['ofetch', ofetchExample],
  ['wretch', wretchExample],
  ['a generated SDK', generatedSdk],
];

/** What happens, what the caller is told, and how often the money moves. */
const weather: readonly (readonly [string, Script, string, number])[] = [
  ['a refund that goes well', {}, 'refunded', 1],
  ['a refund whose answer is lost', { onSend: ['reset-after-booking'] }, 'refunded', 1],
  ['a refund that takes ninety seconds', { life: lives.paidAfter(90_000) }, 'refunded', 1],
  [
    'a refund that is declined after its answer was lost',
    { onSend: ['503-after-booking'], life: lives.declined() },
    'failed: declined',
    0,
  ],
  ['a refund that stays open', { life: lives.open() }, 'still open: ask with the ticket of 260101_2553_1', 0],
];

describe.each(examples)('examples/clients, %s', (_name, { main, sendRefund }) => {
  it('gets an answer though the first one was lost', async () => {
    expect(await main()).toBe('refunded');
  });

  it.each(weather)('tells %s as it is, sends it once, and has its ticket first', async (_what, script, says, moved) => {
    const { fetch, simulated, clock, tickets } = await openShop(script);
    tickets.length = 0;
    expect(await clock.run(told(sendRefund(fetch)))).toBe(says);
    expect(simulated.ledger.refund(refund.m_refund_id)).toMatchObject({ sends: 1, bookings: moved });
    expect(tickets[0]).toMatchObject({ reference: { m_refund_id: refund.m_refund_id }, seen: false });
  });
});

describe('an axios instance that is there already', () => {
  it('goes through the gateway once it is put under it', async () => {
    const { fetch, simulated, clock } = await openShop({ onSend: ['reset-after-booking'] });
    const inAnSdk = axios.create({ baseURL: baseUrl });
    axiosExample.putUnder(fetch, inAnSdk);
    const { data } = await clock.run(inAnSdk.post<RefundAnswer>('/v2/refund', refund));
    expect(data.return_code).toBe(1);
    expect(simulated.ledger.refund(refund.m_refund_id)).toMatchObject({ sends: 1, bookings: 1 });
  });
});
