import { simulateGateway, type Voice } from 'tillpaid/testing';
import { ifortepayVoice } from 'tillpaid/testing/ifortepay';
import { qfpayVoice } from 'tillpaid/testing/qfpay';
import { rebellVoice } from 'tillpaid/testing/rebell';
import { uqpayVoice } from 'tillpaid/testing/uqpay';
import { zalopayVoice } from 'tillpaid/testing/zalopay';
import { madeUp } from '../samples/rebell.ts';
import { credentials as ifortepay } from './surroundings/ifortepay.ts';
import { account } from './surroundings/shop.ts';
import { credentials as uqpay } from './surroundings/uqpay.ts';
import { credentials as zalopay } from './surroundings/zalopay.ts';

/** The five gateways by their hosts, simulated anew, in place of the internet. */
export function simulatedInternet(): typeof fetch {
  const voices: readonly (readonly [RegExp, Voice])[] = [
    [/\.qfapi\.com$/, qfpayVoice(account)],
    [/\.zalopay\.vn$/, zalopayVoice(zalopay)],
    [/\.ifortepay\.id$/, ifortepayVoice(ifortepay)],
    [/\.rebellapp\.com$/, rebellVoice(madeUp)],
    [/\.uqpay(?:tech)?\.com$/, uqpayVoice(uqpay)],
  ];
  const gateways = voices.map(([host, voice]) => [host, simulateGateway({ voice })] as const);
  return async (input, init) => {
    const { hostname } = new URL(input instanceof Request ? input.url : input);
    const [, gateway] = gateways.find(([host]) => host.test(hostname)) ?? [];
    if (gateway === undefined) throw new Error(`No block of code may reach ${hostname}.`);
    return gateway.fetch(input, init);
  };
}
