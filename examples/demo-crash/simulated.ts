import { lives, simulateGateway, type Script, type Simulator } from 'tillpaid/testing';
import { qfpayVoice } from 'tillpaid/testing/qfpay';
import { uqpayVoice } from 'tillpaid/testing/uqpay';
import { zalopayVoice } from 'tillpaid/testing/zalopay';
import { orders, qfpayAccount, uqpayAccount, zalopayAccount, type Provider } from './gateways.ts';

/** The three gateways, and what each of the orders meets there. */
export function simulateGateways(): Readonly<Record<Provider, Simulator>> {
  const simulated = {
    qfpay: simulateGateway({ voice: qfpayVoice(qfpayAccount) }),
    zalopay: simulateGateway({ voice: zalopayVoice(zalopayAccount) }),
    uqpay: simulateGateway({ voice: uqpayVoice(uqpayAccount) }),
  };
  orders.forEach(({ provider, number }, index) => simulated[provider].script(number, scriptOf(provider, index)));
  return simulated;
}

/** Every fourth answer is lost, every tenth is a proxy's; an eighth of QFPay's charges is declined. */
function scriptOf(provider: Provider, index: number): Script {
  const decidedAfterMs = 3500 + ((index * 7919) % 9000);
  const isDeclined = provider === 'qfpay' && index % 8 === 7;
  const life = isDeclined
    ? lives.steps([{ afterMs: decidedAfterMs, state: 'declined' }])
    : lives.paidAfter(decidedAfterMs);
  if (index % 4 === 1) return { life, onSend: ['reset-after-booking'] };
  if (index % 10 === 3) return { life, onSend: ['503-after-booking'] };
  return { life };
}
