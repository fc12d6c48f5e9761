// `qfpay` whose verdicts carry none of the sentences of `advice.ts`: a bundle leaves them out.
export { qfpay } from './adapter.ts';
export type {
  QfpayCredentials,
  QfpayCancellationFields,
  QfpayFields,
  QfpayPaymentFields,
  QfpayQueryFields,
  QfpayRefundFields,
} from './adapter.ts';
