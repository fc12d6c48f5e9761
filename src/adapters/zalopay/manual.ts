import type { ManualPages } from '../../kit/manual.ts';

/** ZaloPay’s own pages. */
export const manual: ManualPages = {
  codes: 'https://beta-docs.zalopay.vn/docs/developer-tools/knowledge-base/status-codes',
  operations: {
    'payment.query': 'https://docs.zalopay.vn/docs/specs/order-query',
    'payment.scan': 'https://docs.zalopay.vn/v2/docs/quickpay/api.html',
    'binding.query': 'https://beta-docs.zalopay.vn/docs/specs/agreement-query',
    'card-binding.create': 'https://docs.zalopay.vn/docs/specs/tokenization-bind',
  },
};
