// `qfpay` whose verdicts carry none of the sentences of `advice.ts`: a bundle leaves them out.
export { qfpay } from './adapter.ts';
export type { QfpayCredentials } from './adapter.ts';
export type {
  QfpayAnswers,
  QfpayCancellationAnswer,
  QfpayPaymentAnswer,
  QfpayRefundAnswer,
} from './answers.ts';
export type {
  QfpayCancellationFields,
  QfpayChargeFields,
  QfpayFields,
  QfpayPaymentFields,
  QfpayQueryFields,
  QfpayRefundFields,
} from './fields.ts';
