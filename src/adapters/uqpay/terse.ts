// `uqpay` whose verdicts carry none of the sentences of `advice.ts`: a bundle leaves them out.
export { uqpay } from './adapter.ts';
export type { UqpayCredentials } from './adapter.ts';
export type { UqpayAnswers, UqpayAttempt, UqpayIntent, UqpayNextAction, UqpayPayout, UqpayRefund } from './answers.ts';
export type { CancellationReason, UqpayFields } from './fields.ts';
