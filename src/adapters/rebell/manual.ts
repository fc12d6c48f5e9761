import type { ManualPages } from '../../kit/manual.ts';

const docs = 'https://docs.rebellapp.com';

/** Rebell’s own pages. */
export const manual: ManualPages = {
  codes: `${docs}/openapis/error-codes`,
  operations: {
    'payment.create': `${docs}/payment-integration/qr-order-pay`,
    'payment.query': `${docs}/payment-integration/inquiring-payment-api`,
    'payment.cancel': `${docs}/openapis/payments/cancel`,
    'payment.void': `${docs}/openapis/payments/void`,
    'payment.capture': `${docs}/openapis/payments/capture`,
    'refund.create': `${docs}/openapis/payments/refundApply`,
    'refund.query': `${docs}/openapis/v1/payments/inquiryRefund`,
    'message.send': `${docs}/openapis/messages/sendPush`,
  },
};
