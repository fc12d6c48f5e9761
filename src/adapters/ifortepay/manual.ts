import type { ManualPages } from '../../kit/manual.ts';

const snap = 'https://developer.ifortepay.id/snap/payment-gateway';

/** iFortepay’s own pages. */
export const manual: ManualPages = {
  codes: 'https://developer.ifortepay.id/appendix',
  operations: {
    'qris.create': `${snap}/qris/generate-qr`,
    'qris.query': `${snap}/qris/query-payment`,
    'qris.cancel': `${snap}/qris/cancel-payment`,
    'va.create': `${snap}/virtual-account/create`,
    'va.query': `${snap}/virtual-account/inquiry`,
    'debit.charge': `${snap}/direct-debit/payment`,
    'debit.query': `${snap}/direct-debit/payment/status`,
    'debit.cancel': `${snap}/direct-debit/payment/cancel`,
    'bnpl.query': 'https://developer.ifortepay.id/payment-gateway/bnpl/check-transaction-status',
  },
};
