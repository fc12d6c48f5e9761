import ky from 'ky';
import { describe, expect, it } from 'vitest';
import { qfpay } from '../../src/adapters/qfpay/index.ts';
import { qfpayVoice } from '../../src/adapters/qfpay/simulator.ts';
import { createGateway, type GatewayEvent, type GatewayOptions } from '../../src/index.ts';
import { manualClock, simulateGateway } from '../../src/testing/index.ts';

const account = { appCode: 'SHOP', clientKey: 'secret', environment: 'sandbox' } as const;
const order = { txamt: '1000', txcurrcd: 'HKD', pay_type: '800108', out_trade_no: 'ORDER-1' };

function scene(options: Partial<GatewayOptions<object>> = {}) {
  const clock = manualClock();
  const bank = simulateGateway({ voice: qfpayVoice(account), clock });
  const events: GatewayEvent[] = [];
  const client = ky.create({ fetch: bank.fetch });
  const onEvent = (event: GatewayEvent): number => events.push(event);
  const gateway = createGateway({ adapter: qfpay(account), client, clock, onEvent, ...options });
  const post = (fields: Record<string, string>): Promise<Response> =>
    clock.run(gateway.client.post('trade/v1/payment', { body: new URLSearchParams(fields) }));
  return { bank, post, misspelt: () => events.filter(({ type }) => type === 'misspelt') };
}

describe('a drop-in request with a field that nearly is a known one', () => {
  it('is sent as it is, and makes an event that says what may have been meant', async () => {
    const { bank, post, misspelt } = scene();
    expect((await post({ ...order, authCode: '134857901234588557' })).status).toBe(200);
    expect(bank.ledger.payment('ORDER-1')?.sends).toBe(1);
    expect(misspelt()).toEqual([
      {
        type: 'misspelt',
        at: expect.any(String) as string,
        elapsedMs: 0,
        gateway: 'qfpay',
        operation: 'payment.create',
        reference: { out_trade_no: 'ORDER-1' },
        field: 'authCode',
        meant: 'auth_code',
      },
    ]);
  });

  it('holds no value of the field', async () => {
    const { post, misspelt } = scene();
    await post({ ...order, authCode: '134857901234588557' });
    expect(JSON.stringify(misspelt())).not.toContain('134857901234588557');
  });

  it.each([
    ['all fields are known', {}],
    ['the known one is there too', { authCode: '1', auth_code: '134857901234588557' }],
    ['the other one is like none', { terminal: 'T7' }],
  ])('makes no event where %s', async (_title, more) => {
    const { post, misspelt } = scene();
    await post({ ...order, ...more });
    expect(misspelt()).toEqual([]);
  });

  it('a listener that throws costs no payment', async () => {
    const { bank, post } = scene({
      onEvent: () => {
        throw new Error('broken');
      },
    });
    await post({ ...order, authCode: '134857901234588557' });
    expect(bank.ledger.payment('ORDER-1')?.sends).toBe(1);
  });
});
