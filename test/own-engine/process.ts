import { steps, createGateway } from 'tillpaid';
import { qfpay } from 'tillpaid/adapters/qfpay';
import { nextStep } from '../../examples/own-engine.ts';

/** A process of the engine: it makes one step, says so, and goes on for as long as nobody kills it. */
const [file = '', baseUrl = ''] = process.argv.slice(2);
const adapter = qfpay({ appCode: 'SHOP', clientKey: 'secret', environment: 'sandbox', baseUrl });
const waitMs = await nextStep(file, createGateway({ adapter, policy: { poll: { backoff: steps([5, 10, 20]) } } }));
console.log(waitMs ?? 'over');
setInterval(() => undefined, 60_000);
