import { generateKeyPairSync } from 'node:crypto';
import ky from 'ky';
import { describe, expect, it } from 'vitest';
import { ifortepay } from '../../src/adapters/ifortepay/index.ts';
import { ifortepayVoice } from '../../src/adapters/ifortepay/simulator.ts';
import { qfpay } from '../../src/adapters/qfpay/index.ts';
import { qfpayVoice } from '../../src/adapters/qfpay/simulator.ts';
import { rebell } from '../../src/adapters/rebell/index.ts';
import { rebellVoice } from '../../src/adapters/rebell/simulator.ts';
import { uqpay } from '../../src/adapters/uqpay/index.ts';
import { uqpayVoice } from '../../src/adapters/uqpay/simulator.ts';
import { zalopay } from '../../src/adapters/zalopay/index.ts';
import { zalopayVoice } from '../../src/adapters/zalopay/simulator.ts';
import { createGateway, type GatewayOptions } from '../../src/index.ts';
import { manualClock, simulateGateway, type ManualClock, type Voice } from '../../src/testing/index.ts';

const { privateKey, publicKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});

/** A simulated provider, which answers as its manual and public integrations show. */
function at(
  voice: Voice,
  fault?: 'reset-after-booking',
): Pick<GatewayOptions<object>, 'client'> & { clock: ManualClock } {
  const clock = manualClock();
  const faults = fault === undefined ? {} : { onSend: [fault] };
  return { clock, client: ky.create({ fetch: simulateGateway({ voice, clock, faults }).fetch }) };
}

const aText = expect.any(String) as string;

describe('what the payer or the next call needs is in the answer, by the name that its type gives', () => {
  it('qfpay', async () => {
    const account = { appCode: 'SHOP', clientKey: 'secret', environment: 'sandbox' } as const;
    const scene = at(qfpayVoice(account));
    const gateway = createGateway({ adapter: qfpay(account), ...scene });
    const order = { txamt: 1000, txcurrcd: 'HKD', pay_type: '800201', out_trade_no: 'A1' };
    const { answer } = await scene.clock.run(gateway.settle('payment.create', order));
    expect([answer?.qrcode, answer?.syssn, answer?.respcd]).toEqual([aText, aText, '0000']);
    const scanned = { ...order, out_trade_no: 'A2', auth_code: '134857901234588557' };
    const charged = await scene.clock.run(gateway.settle('payment.charge', scanned));
    const refund = { txamt: 1000, out_trade_no: 'R1', syssn: charged.answer?.syssn ?? '' };
    const refunded = await scene.clock.run(gateway.settle('refund.create', refund));
    expect(refunded.answer?.orig_syssn).toBe(charged.answer?.syssn);
  });

  it('zalopay', async () => {
    const account = { appId: 2553, key1: 'secret-1', key2: 'secret-2', environment: 'sandbox' } as const;
    const scene = at(zalopayVoice(account));
    const gateway = createGateway({ adapter: zalopay(account), ...scene });
    const order = { app_trans_id: '260101_1', app_user: 'u', amount: 10_000, description: 'Tea' };
    const { answer } = await scene.clock.run(gateway.settle('payment.create', order));
    expect([answer?.order_url, answer?.zp_trans_token, answer?.order_token, answer?.qr_code]).toEqual(
      Array.from({ length: 4 }, () => aText),
    );
    const binding = await scene.clock.run(
      gateway.settle('binding.create', { app_trans_id: '260101_2', identifier: 'u' }),
    );
    expect([binding.answer?.binding_token, binding.answer?.deep_link]).toEqual([aText, aText]);
  });

  it('ifortepay', async () => {
    const account = { partnerId: 'SHOP', privateKey, channelId: 'QR004', environment: 'sandbox' } as const;
    const scene = at(ifortepayVoice(account));
    const gateway = createGateway({ adapter: ifortepay(account), ...scene });
    const amount = { value: '10000.00', currency: 'IDR' };
    const additionalInfo = { callbackUrl: 'https://shop.example' };
    const qris = await scene.clock.run(
      gateway.settle('qris.create', { partnerReferenceNo: 'A1', amount, additionalInfo }),
    );
    expect([qris.answer?.qrContent, qris.answer?.qrUrl, qris.answer?.referenceNo]).toEqual([aText, aText, aText]);
    const transfer = await scene.clock.run(gateway.settle('va.create', { trxId: 'A2', totalAmount: amount }));
    expect(transfer.answer?.virtualAccountData?.virtualAccountNo).toEqual(aText);
    const debit = await scene.clock.run(gateway.settle('debit.charge', { partnerReferenceNo: 'A3', amount }));
    expect(debit.answer?.webRedirectUrl).toEqual(aText);
  });

  it('rebell', async () => {
    const account = { clientId: 'SHOP', privateKey, environment: 'sandbox' } as const;
    const scene = at(rebellVoice({ ...account, gatewayPrivateKey: privateKey }));
    const adapter = rebell({ ...account, gatewayPublicKey: publicKey, keyVersion: 1 });
    const gateway = createGateway({ adapter, ...scene });
    const order = { paymentRequestId: 'A1', paymentAmount: { currency: 'EUR', value: '1250' } };
    const { answer } = await scene.clock.run(gateway.settle('payment.create', order));
    expect([answer?.qrCode, answer?.redirectUrl, answer?.paymentId]).toEqual([aText, aText, aText]);
    expect(answer?.result?.resultStatus).toBe('S');
  });

  it('uqpay', async () => {
    const account = { clientId: 'SHOP', apiKey: 'secret', environment: 'sandbox' } as const;
    const scene = at(uqpayVoice(account));
    const gateway = createGateway({ adapter: uqpay(account), ...scene });
    const order = {
      amount: '12.50',
      currency: 'SGD',
      merchant_order_id: 'A1',
      description: 'Tea',
      return_url: 'https://shop.example',
    };
    const { answer } = await scene.clock.run(gateway.settle('payment.create', order));
    expect([answer?.client_secret, answer?.payment_intent_id, answer?.intent_status]).toEqual([aText, aText, aText]);
  });
});

it('an answer that was lost is missing, whatever its type names', async () => {
  const account = { appId: 2553, key1: 'secret-1', key2: 'secret-2', environment: 'sandbox' } as const;
  const scene = at(zalopayVoice(account), 'reset-after-booking');
  const gateway = createGateway({ adapter: zalopay(account), ...scene });
  const order = { app_trans_id: '260101_1', app_user: 'u', amount: 10_000, description: 'Tea' };
  const settlement = await scene.clock.run(gateway.settle('payment.create', order));
  expect(settlement).toMatchObject({ outcome: 'succeeded', settledBy: 'query' });
  expect(settlement.answer?.order_url).toBeUndefined();
  expect('answer' in settlement).toBe(false);
});
