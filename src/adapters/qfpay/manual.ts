import type { ManualPages } from '../../kit/manual.ts';

/** QFPay’s own pages. */
export const manual: ManualPages = {
  codes: 'https://sdk.qfapi.com/docs/api-reference/status-codes',
  operations: {
    'payment.query': 'https://sdk.qfapi.com/docs/common-api/transaction-enquiry',
    'payment.reverse': 'https://sdk.qfapi.com/docs/common-api/reversal',
    'refund.create': 'https://sdk.qfapi.com/docs/common-api/refund',
    'refund.query': 'https://sdk.qfapi.com/docs/common-api/transaction-enquiry',
  },
};
