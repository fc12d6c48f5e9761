import type { ManualPages } from '../../kit/manual.ts';

const docs = 'https://developers.uqpay.com/global-acquiring/v1.6';
const reference = `${docs}/api-reference`;

/** UQPAY’s own pages. */
export const manual: ManualPages = {
  codes: `${docs}/guide/error-code-reference`,
  operations: {
    'payment.create': `${reference}/create-payment-intent`,
    'payment.confirm': `${reference}/confirm-payment-intent`,
    'payment.query': `${reference}/retrieve-payment-intent`,
    'payment.list': `${reference}/list-payment-intents`,
    'refund.create': `${reference}/create-refund`,
    'refund.query': `${reference}/retrieve-refund`,
    'refund.list': `${reference}/list-refunds`,
    'payout.create': `${reference}/create-payout`,
    'payout.query': `${reference}/retrieve-payout`,
    'payout.list': `${reference}/list-payouts`,
  },
};
