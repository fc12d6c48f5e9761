import { http } from 'msw';
import { setupServer } from 'msw/node';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { constant, createGateway } from 'tillpaid';
import { uqpay, type UqpayCredentials } from 'tillpaid/adapters/uqpay';
import { simulateGateway, simulatorHandlers } from 'tillpaid/testing';
import { uqpayVoice } from 'tillpaid/testing/uqpay';
import { acmeVoice } from './acme.ts';

const credentials: UqpayCredentials = { clientId: 'SHOP', apiKey: 'a-key', environment: 'sandbox' };
const simulated = simulateGateway({ voice: uqpayVoice(credentials) });
const server = setupServer(...simulatorHandlers(http, simulated));

describe('a simulator behind msw, in one line', () => {
  beforeAll(() => server.listen({ onUnhandledFrame: 'error' }));
  afterEach(() => server.resetHandlers());
  afterAll(() => server.close());

  it('stands for the gateway at the provider’s own address, tokens included', async () => {
    simulated.script('ORDER-1', { onSend: ['reset-after-booking'] });
    const gateway = createGateway({ adapter: uqpay(credentials), policy: { poll: { backoff: constant(1) } } });
    const settlement = await gateway.settle('payment.create', {
      ...{ merchant_order_id: 'ORDER-1', amount: '12.50', currency: 'SGD', description: 'Tea' },
      return_url: 'https://shop.example/thanks',
    });
    expect(settlement).toMatchObject({ outcome: 'created' });
    expect(await gateway.untilSettled(settlement.ticket)).toMatchObject({ outcome: 'succeeded' });
    expect(simulated.ledger.payment('ORDER-1')?.bookings).toBe(1);
  });

  it('leaves what is not the gateway’s to the other handlers', async () => {
    server.use(http.get('https://shop.example/prices', () => Response.json([1, 2])));
    expect(await (await fetch('https://shop.example/prices')).json()).toEqual([1, 2]);
    vi.spyOn(console, 'error').mockReturnValueOnce();
    const before = simulated.requests.length;
    await expect(fetch('https://elsewhere.example/')).rejects.toThrow();
    expect(simulated.requests.length).toBe(before);
  });

  it('takes addresses of one’s own, and asks for them where the voice knows none', () => {
    const own = simulateGateway({ voice: acmeVoice() });
    expect(simulatorHandlers(http, own, ['https://acme.test/api/v1'])).toMatchObject([
      { info: { path: 'https://acme.test/*' } },
    ]);
    expect(() => simulatorHandlers(http, own)).toThrow(
      'simulatorHandlers: where is acme? Pass its addresses: simulatorHandlers(http, simulated, [adapter.baseUrl]).',
    );
    expect(() => simulatorHandlers(http, own, ['/api'])).toThrow('simulatorHandlers: "/api" is no absolute address');
  });
});
