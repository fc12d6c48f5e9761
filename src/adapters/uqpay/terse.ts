// `uqpay` whose verdicts carry none of the sentences of `advice.ts`: a bundle leaves them out.
export { uqpay } from './adapter.ts';
export type { CancellationReason, UqpayCredentials, UqpayFields } from './adapter.ts';
