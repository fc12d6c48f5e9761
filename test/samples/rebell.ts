import type { Fields } from '../../src/core/operation.ts';
import type { Sample, Samples } from '../../src/testing/sample.ts';
import { rebell, type RebellFields } from '../../src/adapters/rebell/index.ts';

/**
 * Made-up credentials, good for nothing but tests. The keys are from
 * `openssl genrsa -out merchant.pem 2048` and `openssl rsa -in gateway.pem -pubout`.
 */
export const madeUp = {
  clientId: 'TEST_5X00000000000000',
  keyVersion: 1,
  environment: 'sandbox',
  privateKey: `-----BEGIN PRIVATE KEY-----
MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQCvwjNU+k340+At
+rkyMwWH5MrmSlNkiDeUOFY9DAg1ZcVIRyOuEBt5VkP9pQwhX7a4h/zSUmp0gjgS
LCqVU5WVkM+x4EL+Wggh2zd7dzjbu+vuRLlNeejlxjusNc7n0IhWI+P8WAlb1MRQ
rb4ju3VN81L++LG6h4j8LyXpL1O/89JERgxQVix9CzT7nQjIp4Y9ZaBfaVh0aG+9
Bd3beI7m5pAIkPKAyj+ks4FgTQRPbr0UzAgVlEh2Miex8zSkCJN/3uwbssAXRz0r
3svoFEJaUwgXkOTfnDBAPiw6zhYmrUge/mN9KHnN7GCawoU1Oo2VbOajcHr+2EQk
9LvHh7WdAgMBAAECggEATfpe1Opysp2qPiwZg3ygjRDEtpSuWBGZexDdrhsK/0nm
U/GAEoeB8P0FkGDsN1hkVI287UF0irmFkAZ5ZCQf3ypPA6+oeXnPVtoQTR5xowfG
nsFt50JZwqwHKJn88NuTyYgF7BzRFiWZbeQP0oGmg02b+pSzIbtlWuG+M610Plp8
zIaUG5YjKRxR5X1cfmX7im8P156diDYKDM7A0c/+kFALsgIuTxYePAR4scERXaP0
01brvbIK2Kdk9mOvXkHfQQa3MAze/UorH4QwfAUqwZYFci15d8tHrgiYavwuxNSV
Rb1vtbQ0ttFgS2I2YFYbcMhHNasqaLuTJmvh/9eH/wKBgQDvWBZwY6PQXUXiuyUd
UvOQJDp+sjY9T9nKGIHF6qUeWfLhg70tA9oN04x/gJ0sEipfBnf9Krc/zu7TZnpo
9699j81wbjLyy4yxOBdtEfVczPz0HsZ2vYWvMVfkfG0HPUWfSK8maV+WXmFLKQS8
I0JacjEgPpGOS4xSVlwC5X2j9wKBgQC7/VaDrip+QaVO/vLR6oGYtPBQ5ItR6o/w
YTr7Id0L2jfOLcnVOlabxrsIfh+bLwOte1495edwsDlGD2BbWQM5uDa0wQo8qSef
6z6fAVFlZMJHZ7jUOeWphBDHgefOh5yd6ZkZS41ihsXWs79hkfIJ5iNbLMwDHN6x
OQBayM0mCwKBgQDHF1wbAxc59Mx0TL4TxXOrHCe4Sh/KIokEjhws+QF+3M2nf4E2
V7TjuWxuhxq2lSm/v87Bve2O22BYYy9B736AEMWQV2p0ApO2uvTpmn2iQzXLD2qB
TSdN0trMyh+bXQFz/O8NIawMldeSwL0ajq3cNI7exo0nc3p25zVEh4dagwKBgCL2
qkmRcgvLb9BycH0ETZg2Rt/0scjJhH3jx5F/qdoTev+Y2ooS8JrGanDY7E3zf46b
fFqs0M/PpsdWAsjalFP+5AXYRWwk1d7TZPEz0Iy4Ib4gF2s5XXKawngovBFYfZON
J9FhkOk7Qb597eFawJaAvCCwAz2s9+okPOGlqSojAoGADOV1Qfb/u2lCe67XtUF4
ghTl56+blPQ9P7YZLWePUkOWP6fJwtXtzXf793Ayrvt1TZk8bv+P8OrxZyenuicK
1OJOhI+4OPuMzd20q6uHenRElOX+wverNkUhyXRqgtG8kUD9hI2NDBbB6udqjqXU
8TX2SlE0zEqosbfd2ocIlqw=
-----END PRIVATE KEY-----`,
  gatewayPublicKey: `-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA1CgxSaor5RbRUHDLF423
cypbBJe6N0e608WJYz7H52McDSa9m+c+U4uC68uadNiQksWKi8PUliQLz2Z5S9Oy
V4acY1wOTqMKBhtTUgHrdqoYf1Pe6j92D+JymBw7/n/gSNtW6B6er+WdCvLWROu3
HnMeDpnlsDVMwNH8YL21u2JyDLdtrSglBW3n3BgAKC2+6OBLykJhBysln7lz33Gm
Mw9q/IloFexmYI4ezpuLSPH3NTUtR+cxRpi8aVq9bAN6xQTKaeMbgZjjn/DBdUrc
fss0O6U4iML6eVLnKE68EWHNCirxZD66GkD+iYKhYOwqMBH0nuDWb8W31vUdvJVs
QwIDAQAB
-----END PUBLIC KEY-----`,
  /** Rebell's own, for the simulator. */
  gatewayPrivateKey: `-----BEGIN PRIVATE KEY-----
MIIEvgIBADANBgkqhkiG9w0BAQEFAASCBKgwggSkAgEAAoIBAQDUKDFJqivlFtFQ
cMsXjbdzKlsEl7o3R7rTxYljPsfnYxwNJr2b5z5Ti4Lry5p02JCSxYqLw9SWJAvP
ZnlL07JXhpxjXA5OowoGG1NSAet2qhh/U97qP3YP4nKYHDv+f+BI21boHp6v5Z0K
8tZE67cecx4OmeWwNUzA0fxgvbW7YnIMt22tKCUFbefcGAAoLb7o4EvKQmEHKyWf
uXPfcaYzD2r8iWgV7GZgjh7Om4tI8fc1NS1H5zFGmLxpWr1sA3rFBMpp4xuBmOOf
8MF1Stx+yzQ7pTiIwvp5UucoTrwRYc0KKvFkProaQP6JgqFg7CowEfSe4NZvxbfW
9R28lWxDAgMBAAECggEAZlvj99IiLnv1TjW1Tu5hga+ATXV080Ho2k7Wq+r44OMZ
ACFeXu9RS1amumQ358Mq8Z1cbHV1xmCq0Ax1XkfLpl38axXZk0gnSG37o7foZo7H
lfsdtHAc4qoTNt98dJw21n/47LIFRwFl5QfnqEX/yjGpYUsQHhWBLBDEDtrI6RhD
UfkMy5/VoGfscZuNmPWGytE7XzUgUkTQBEb8uZGpsKCGMLs/ju5ibmbBR1Bk7CB+
aZwapiGOAhtA153R4+BKkRHcfwjnKl+fsZ/EMqG2uCKGW7sLc12iTogha4Hc/Hfw
CR66K0ipMV2BkWC629VDDkFbCb26+H/Lcv60cv12+QKBgQD6PHvGeKnaKeP/h9Uj
4F5PhzRodL9DZyKV1lGX28PjFmvOTgXVr4fCJ4DUuhY1idqz48JcZbcn7xxNNpjP
MYEqHAoUHoqT3EopVtQfDQdoa2SNOzTYy8XtA7Dmf4vM488KrxJXqPk0G9OkHiSP
ghjoXnfPiB6LkwAt+2Xemrm0qQKBgQDZCyzHMzmnfTVqhFQpGQqLPfd5J+8qDLmL
NzYZiI4+zejEjswcsvGecJc/lCg51qO5jiRdc//znTWC7xmJRUFgF7qSqdmwIxGP
UAjUDOXWY9fykwO9pcitKT/DSMo/04oRXOIcOy2Fr5zHE4pveZSUqvFy2UcbIQRZ
i3x3v3YBCwKBgQCRRswVTbhOkENt9s4nJfua8EPc4OqplxbdJq/4Gf5/uGSeQW3h
wSZv8b85wU9jhcUS6wfL3MGYzZkAutG8eGEksWKoi5KohRwJI//Chy3l0XNvCxCD
TMp778ikCSiAq0FoUnuzqMYFGqKkhVt0dXNAdJfaRIx3O8C+8VUTB4EJAQKBgQC+
xlDMox0JOEgsYTYsjaMz8vrEVrKk7lxkntoBpYMKdykjJDULAMraLjLzooGdHSn6
HpOeRSjz8/omJY33l5U4JoNLCNqcNKbppjqsUM3xHP+ia1C9cKwscHZoa2HCqmjQ
jCj/EZEY0dxnK6jiBSbxajQidBNJKENPhgiYpQTPMwKBgHCMRQ+T1AHcYe3PFwHV
6a0DPBXnPg+oObv0s3RstKknl1Jp7T6snDNwMVr8T+qAs/HULYdjWgkDBu1VAW0g
6nwmf3VV2Lyz2VVxmUF25PcYRj0Q9s5q5wsAgPnZPRG6eyfjL2LDqWxGgF+C2Pu7
gvctam2b+bhBTcfyyIqh9OMq
-----END PRIVATE KEY-----`,
} as const;

const said = (resultStatus: string, resultCode: string, extra: object = {}): object => ({
  result: { resultCode, resultStatus, resultMessage: resultCode === 'SUCCESS' ? 'success' : `${resultCode} happened` },
  ...extra,
});
const done = (extra: object = {}): object => said('S', 'SUCCESS', extra);
const unknown = (code: string): object => said('U', code);
const failure = (code: string): object => said('F', code);

const paymentId = '2026112112345678901234';
const euros = (value: string | number): object => ({ currency: 'EUR', value });

const charge: Fields = {
  productCode: '5105010010000100040',
  paymentRequestId: 'SUB-20261121-001',
  paymentAmount: euros('999'),
  accessToken: '281010033AB2F588D14B4323',
};
const order: Fields = {
  bizType: 'ORDER_CODE',
  codeType: 'CGCP',
  productCode: '5105010010000100040',
  paymentRequestId: 'QR-20261121-001',
  paymentAmount: euros(1500),
  order: { orderDescription: 'Table 5 - Dinner' },
};
const ofCharge: Fields = { paymentRequestId: charge['paymentRequestId'] };
const ofOrder: Fields = { paymentRequestId: order['paymentRequestId'] };
const voided: Fields = { paymentId, voidRequestId: 'VOID-20261121-001' };
const captured: Fields = { paymentId, captureRequestId: 'CAP-20261121-001', captureAmount: euros('5000') };
const refunded: Fields = { paymentId, refundRequestId: 'REFUND-20261121-001', refundAmount: euros('1500') };
const message: Fields = {
  requestId: 'MSG-20261121-001',
  targetUserId: '2160220000000001',
  title: 'Your table is ready',
};

type Expected = Sample['verdict'];
const ended = (outcome: string, reason: string, code: string): Expected => ({
  kind: 'terminal',
  outcome,
  reason,
  code,
  listed: true,
});
const open = (reason: string, code: string): Expected => ({ kind: 'poll-required', reason, code, listed: true });
const again = (reason: string, code: string): Expected => ({ kind: 'retryable', reason, code, listed: true });
const unlisted = (code: string): Expected => ({
  kind: 'poll-required',
  reason: 'unknown-outcome',
  code,
  listed: false,
});

const of =
  (operation: keyof RebellFields, sent: Fields) =>
  (title: string, body: unknown, verdict: Expected, more: { status?: number; attempt?: number } = {}): Sample => ({
    title,
    exchange: { operation, sent, status: 200, body, ...more },
    verdict,
  });

const pay = of('payment.charge', charge);
const create = of('payment.create', order);
const inquire = of('payment.query', ofCharge);
const cancel = of('payment.cancel', ofOrder);
const undo = of('payment.void', voided);
const capture = of('payment.capture', captured);
const refund = of('refund.create', refunded);
const inquireRefund = of('refund.query', { refundRequestId: refunded['refundRequestId'] });
const inquireVoid = of('void.query', { voidRequestId: voided['voidRequestId'] });
const inquireCapture = of('capture.query', { captureRequestId: captured['captureRequestId'] });
const send = of('message.send', message);

const payment = { ...ofCharge, paymentId };
const paid = { ...payment, paymentTime: '2026-11-21T00:01:00+01:00', paymentAmount: euros('999') };

const theRefused = [
  ...[
    'INVALID_SIGNATURE',
    'INVALID_CLIENT',
    'INVALID_ACCESS_TOKEN',
    'EXPIRED_ACCESS_TOKEN',
    'INSUFFICIENT_SCOPE',
    'UNAUTHORIZED',
    'ACCESS_DENIED',
  ],
  ...[
    'PARAM_ILLEGAL',
    'MISSING_REQUIRED_PARAM',
    'INVALID_AMOUNT',
    'INVALID_CURRENCY',
    'REQUEST_TIME_INVALID',
    'TIMESTAMP_INVALID',
  ],
  ...[
    'CURRENCY_NOT_SUPPORT',
    'PARTNER_NOT_EXIST',
    'PARTNER_STATUS_ABNORMAL',
    'INVALID_AUTH_CLIENT',
    'INVALID_AUTH_CLIENT_STATUS',
    'INVALID_CODE',
  ],
  ...[
    'EXPIRED_CODE',
    'USED_CODE',
    'INVALID_REFRESH_TOKEN',
    'EXPIRED_REFRESH_TOKEN',
    'AUTH_CLIENT_UNSUPPORTED_GRANT_TYPE',
  ],
  ...['INVALID_AGENT_TOKEN', 'EXPIRED_AGENT_TOKEN', 'INVALID_API'],
];
const theTroubled = [
  'SYSTEM_ERROR',
  'REQUEST_TRAFFIC_EXCEED_LIMIT',
  'SYSTEM_BUSY',
  'UNKNOWN_EXCEPTION',
  'PROCESS_FAIL',
  'SERVICE_UNAVAILABLE',
];
const everyRead = [...theRefused, ...theTroubled];
const everyWrite = [...everyRead, 'SUCCESS', 'ACCEPT', 'REPEAT_REQ_INCONSISTENT', 'PARTNER_BALANCE_NOT_ENOUGH'];
const everyPayment = [
  ...everyWrite,
  ...[
    'ORDER_NOT_EXIST',
    'ORDER_IS_CLOSED',
    'ORDER_STATUS_INVALID',
    'PAYMENT_IN_PROCESS',
    'INVALID_AUTH_CODE',
    'INSUFFICIENT_BALANCE',
    'RISK_REJECT',
  ],
  ...[
    'USER_NOT_EXIST',
    'USER_STATUS_ABNORMAL',
    'PAYMENT_TIMEOUT',
    'PAYMENT_AMOUNT_EXCEED_LIMIT',
    'USER_AMOUNT_EXCEED_LIMIT',
  ],
  ...['USER_BALANCE_NOT_ENOUGH', 'QR_EXPIRED'],
];
const ofAnOrder = ['ORDER_NOT_EXIST', 'ORDER_IS_CLOSED', 'ORDER_STATUS_INVALID'];
const statesOf = (kind: string): string[] => [`${kind}/SUCCESS`, `${kind}/FAIL`, `${kind}/PROCESSING`];

export const samples: Samples<RebellFields> = {
  adapter: rebell(madeUp),
  secrets: [madeUp.privateKey, 'Bd3beI7m5pAIkPKAyj+ks4FgTQRPbr0UzAgVlEh2Miex8zSkCJN/3uwbssAXRz0r'],
  complete: {
    'payment.charge': charge,
    'payment.create': order,
    'payment.query': ofCharge,
    'payment.cancel': ofOrder,
    'payment.void': voided,
    'payment.capture': captured,
    'refund.create': refunded,
    'refund.query': { refundRequestId: refunded['refundRequestId'] },
    'void.query': { voidRequestId: voided['voidRequestId'] },
    'capture.query': { captureRequestId: captured['captureRequestId'] },
    'message.send': message,
  },
  manual: {
    'payment.charge': [...everyPayment, 'AUTH_CODE_ALREADY_USED', 'USER_REJECTED', 'PAYMENT_FAIL'],
    'payment.create': everyPayment,
    'payment.query': [
      ...everyRead,
      ...statesOf('payment'),
      'payment/CANCELLED',
      'payment/CANCELED',
      'payment/PENDING',
      'ORDER_NOT_EXIST',
      'PAYMENT_IN_PROCESS',
    ],
    'payment.cancel': [...everyWrite, ...ofAnOrder, 'CANCEL_NOT_ALLOWED'],
    'payment.void': [...everyWrite, ...ofAnOrder, 'VOID_NOT_ALLOWED', 'ORDER_ALREADY_SETTLED', 'VOID_IN_PROCESS'],
    'payment.capture': [
      ...everyWrite,
      ...ofAnOrder,
      'CAPTURE_AMOUNT_EXCEED',
      'AUTHORIZATION_EXPIRED',
      'CAPTURE_IN_PROCESS',
    ],
    'refund.create': [
      ...everyWrite,
      ...ofAnOrder,
      'REFUND_AMOUNT_EXCEED',
      'REFUND_NOT_ALLOWED',
      'REFUND_IN_PROCESS',
      'REFUND_NOT_EXIST',
      'REFUND_WINDOW_EXCEED',
    ],
    'refund.query': [...everyRead, ...statesOf('refund'), 'refund/UNKNOWN', 'REFUND_NOT_EXIST', 'REFUND_IN_PROCESS'],
    'void.query': [...everyRead, ...statesOf('void'), 'VOID_IN_PROCESS'],
    'capture.query': [...everyRead, ...statesOf('capture'), 'CAPTURE_IN_PROCESS'],
    'message.send': [...everyWrite, 'USER_NOT_EXIST', 'USER_NOT_SUBSCRIBED', 'MESSAGE_CONTENT_INVALID', 'SENDING'],
  },
  samples: [
    pay('a charge that went through has succeeded', done(paid), ended('succeeded', 'approved', 'SUCCESS')),
    pay(
      'a charge is paid with the amount as a number too',
      done({ ...paid, paymentAmount: euros(999) }),
      ended('succeeded', 'approved', 'SUCCESS'),
    ),
    pay(
      'a charge that went through for another amount is a conflict',
      done({ ...paid, paymentAmount: euros('99') }),
      open('conflict', 'SUCCESS'),
    ),
    pay(
      'a charge that went through for another order is a conflict',
      done({ ...paid, paymentRequestId: 'SUB-0' }),
      open('conflict', 'SUCCESS'),
    ),
    pay('a charge that was accepted is asked about', said('A', 'ACCEPT', payment), open('processing', 'ACCEPT')),
    pay(
      'a charge that sends the payer to the cashier is created',
      said('A', 'ACCEPT', {
        ...payment,
        redirectActionForm: { method: 'GET', redirectionUrl: 'https://cashier.rebellapp.com/p/1' },
      }),
      ended('created', 'awaiting-payer', 'ACCEPT/redirect'),
    ),
    pay(
      'a charge that sends the payer to a page, spelt as a sibling’s sandbox does, is created',
      said('A', 'ACCEPT', { ...payment, redirectActionForm: { redirectUrl: 'https://cashier.rebellapp.com/p/1' } }),
      ended('created', 'awaiting-payer', 'ACCEPT/redirect'),
    ),
    pay(
      'a charge that was accepted with a form but no page is asked about',
      said('A', 'ACCEPT', { ...payment, redirectActionForm: { method: 'GET' } }),
      open('processing', 'ACCEPT'),
    ),
    pay(
      'a success that sends the payer to a page contradicts itself, and is asked about',
      done({ ...paid, redirectActionForm: { redirectUrl: 'https://cashier.rebellapp.com/p/1' } }),
      open('awaiting-payer', 'SUCCESS/redirect'),
    ),
    pay(
      'a success with a form of any kind contradicts itself',
      done({ ...paid, redirectActionForm: { actionFormType: 'ORDER_CODE' } }),
      open('awaiting-payer', 'SUCCESS/form'),
    ),
    pay(
      'a success whose form is the text of one contradicts itself',
      done({ ...paid, redirectActionForm: '{"redirectUrl":"https://cashier.rebellapp.com/p/1"}' }),
      open('awaiting-payer', 'SUCCESS/redirect'),
    ),
    pay(
      'a success with a sibling’s form contradicts itself',
      done({ ...paid, actionForm: '{"redirectUrl":"https://cashier.rebellapp.com/p/1"}' }),
      open('awaiting-payer', 'SUCCESS/redirect'),
    ),
    pay(
      'a success with a form that nobody can read contradicts itself',
      done({ ...paid, redirectActionForm: 'soon' }),
      open('awaiting-payer', 'SUCCESS/form'),
    ),
    pay(
      'a success with a code for the payer to scan contradicts itself',
      done({ ...paid, qrCode: 'https://pay.rebellapp.com/qr/abc123xyz' }),
      open('awaiting-payer', 'SUCCESS/form'),
    ),
    pay(
      'a success with an empty form is asked about',
      done({ ...paid, redirectActionForm: {} }),
      open('awaiting-payer', 'SUCCESS/form'),
    ),
    pay(
      'a success without a form is one',
      done({ ...paid, redirectActionForm: null, actionForm: '' }),
      ended('succeeded', 'approved', 'SUCCESS'),
    ),
    pay(
      'a success beside a failed state contradicts itself',
      done({ ...paid, paymentStatus: 'FAIL' }),
      open('unknown-outcome', 'SUCCESS/otherwise'),
    ),
    pay(
      'a success beside a state in process contradicts itself',
      done({ ...paid, paymentStatus: 'PROCESSING' }),
      open('unknown-outcome', 'SUCCESS/otherwise'),
    ),
    pay(
      'a success beside the same state is one',
      done({ ...paid, paymentStatus: 'SUCCESS' }),
      ended('succeeded', 'approved', 'SUCCESS'),
    ),
    pay(
      'a success that names nothing is asked about',
      done({ paymentTime: '2026-11-21T00:01:00+01:00' }),
      open('unknown-outcome', 'SUCCESS/unnamed'),
    ),
    pay(
      'a payer without funds has declined, in a sibling’s word too',
      failure('USER_BALANCE_NOT_ENOUGH'),
      ended('failed', 'insufficient-funds', 'USER_BALANCE_NOT_ENOUGH'),
    ),
    pay(
      'a merchant without funds is refused',
      failure('PARTNER_BALANCE_NOT_ENOUGH'),
      ended('rejected', 'insufficient-funds', 'PARTNER_BALANCE_NOT_ENOUGH'),
    ),
    pay('a system error leaves a write open', unknown('SYSTEM_ERROR'), open('unknown-outcome', 'SYSTEM_ERROR')),
    pay(
      'a QR code that is too old is asked about before it is believed',
      failure('QR_EXPIRED'),
      open('expired', 'QR_EXPIRED'),
    ),
    pay(
      'a charge in process is asked about',
      said('U', 'PAYMENT_IN_PROCESS', payment),
      open('processing', 'PAYMENT_IN_PROCESS'),
    ),
    pay(
      'a charge in process that sends the payer to a page is asked about',
      said('U', 'PAYMENT_IN_PROCESS', {
        ...payment,
        redirectActionForm: { redirectUrl: 'https://cashier.rebellapp.com/p/1' },
      }),
      open('awaiting-payer', 'PAYMENT_IN_PROCESS/redirect'),
    ),
    pay(
      'a payer without funds has declined',
      failure('INSUFFICIENT_BALANCE'),
      ended('failed', 'insufficient-funds', 'INSUFFICIENT_BALANCE'),
    ),
    pay('a payer who refused has declined', failure('USER_REJECTED'), ended('failed', 'declined', 'USER_REJECTED')),
    pay('the risk engine’s no is final', failure('RISK_REJECT'), ended('failed', 'risk', 'RISK_REJECT')),
    pay(
      'a stale payment code is refused',
      failure('INVALID_AUTH_CODE'),
      ended('rejected', 'invalid-request', 'INVALID_AUTH_CODE'),
    ),
    pay(
      'a wrong signature is refused',
      failure('INVALID_SIGNATURE'),
      ended('rejected', 'authentication', 'INVALID_SIGNATURE'),
      { status: 401 },
    ),
    pay(
      'a wrong clock is refused',
      failure('TIMESTAMP_INVALID'),
      ended('rejected', 'configuration', 'TIMESTAMP_INVALID'),
      { status: 401 },
    ),
    pay(
      'the same number with other fields is another’s on a first send',
      failure('REPEAT_REQ_INCONSISTENT'),
      ended('rejected', 'duplicate', 'REPEAT_REQ_INCONSISTENT'),
    ),
    pay(
      'the same number with other fields is asked about on a later send',
      failure('REPEAT_REQ_INCONSISTENT'),
      open('duplicate', 'REPEAT_REQ_INCONSISTENT'),
      { attempt: 2 },
    ),
    pay(
      'a code that was used is another’s on a first send',
      failure('AUTH_CODE_ALREADY_USED'),
      ended('rejected', 'duplicate', 'AUTH_CODE_ALREADY_USED'),
    ),
    pay(
      'a code that was used may be ours on a later send',
      failure('AUTH_CODE_ALREADY_USED'),
      open('duplicate', 'AUTH_CODE_ALREADY_USED'),
      { attempt: 2 },
    ),
    pay(
      'a decline after a send that may have landed is asked about',
      failure('INSUFFICIENT_BALANCE'),
      open('insufficient-funds', 'INSUFFICIENT_BALANCE'),
      { attempt: 2 },
    ),
    pay(
      'a refusal after a send that may have landed is asked about',
      failure('PARAM_ILLEGAL'),
      open('invalid-request', 'PARAM_ILLEGAL'),
      { attempt: 2 },
    ),
    pay(
      'processing failed says nothing about the money',
      failure('PROCESS_FAIL'),
      open('unknown-outcome', 'PROCESS_FAIL'),
    ),
    pay('timed out is not unpaid', failure('PAYMENT_TIMEOUT'), open('unknown-outcome', 'PAYMENT_TIMEOUT')),
    pay('closed may mean paid', failure('ORDER_IS_CLOSED'), open('already-final', 'ORDER_IS_CLOSED')),
    pay(
      'too many requests leave a write open',
      unknown('REQUEST_TRAFFIC_EXCEED_LIMIT'),
      open('rate-limited', 'REQUEST_TRAFFIC_EXCEED_LIMIT'),
      { status: 429 },
    ),
    pay(
      'an unknown exception leaves a write open',
      unknown('UNKNOWN_EXCEPTION'),
      open('unknown-outcome', 'UNKNOWN_EXCEPTION'),
    ),
    pay('success under F is no success', said('F', 'SUCCESS', paid), unlisted('F/SUCCESS')),
    pay('success under U is no success', said('U', 'SUCCESS', paid), unlisted('U/SUCCESS')),
    pay('success under A is no success', said('A', 'SUCCESS', paid), unlisted('A/SUCCESS')),
    pay(
      'success without a status is no success',
      { result: { resultCode: 'SUCCESS' }, ...paid },
      unlisted('?/SUCCESS'),
    ),
    pay('a decline under U is not final', unknown('INSUFFICIENT_BALANCE'), unlisted('U/INSUFFICIENT_BALANCE')),
    pay('a decline under S is not final', said('S', 'INSUFFICIENT_BALANCE'), unlisted('S/INSUFFICIENT_BALANCE')),
    pay('a new code under S is no success', said('S', 'PAID_IN_FULL', paid), unlisted('PAID_IN_FULL')),
    pay('a new code under F is not final', failure('WALLET_ON_HOLIDAY'), unlisted('WALLET_ON_HOLIDAY')),
    pay('a code spelt as a payment’s state is none', failure('payment/SUCCESS'), {
      kind: 'poll-required',
      listed: false,
    }),
    pay(
      'an inquiry’s state in a charge’s answer decides nothing',
      { ...said('F', 'WALLET_ON_HOLIDAY'), paymentStatus: 'SUCCESS' },
      unlisted('WALLET_ON_HOLIDAY'),
    ),

    create(
      'an order with a QR code is created',
      done({ ...ofOrder, paymentId, qrCode: 'https://pay.rebellapp.com/qr/abc123xyz' }),
      ended('created', 'awaiting-payer', 'SUCCESS'),
    ),
    create(
      'an order whose payment is still to come is created',
      done({ ...ofOrder, paymentId, paymentStatus: 'PROCESSING' }),
      ended('created', 'awaiting-payer', 'SUCCESS'),
    ),
    create(
      'an order with a link is created',
      done({ paymentId, redirectUrl: 'rebell://pay?orderToken=abcdef123456' }),
      ended('created', 'awaiting-payer', 'SUCCESS'),
    ),
    create(
      'an order that was accepted without its code is asked about',
      said('A', 'ACCEPT', { paymentId }),
      open('processing', 'ACCEPT'),
    ),
    create(
      'an order in an invalid state exists',
      failure('ORDER_STATUS_INVALID'),
      open('unknown-outcome', 'ORDER_STATUS_INVALID'),
    ),
    create(
      'an order of a suspended merchant is refused',
      failure('PARTNER_STATUS_ABNORMAL'),
      ended('rejected', 'configuration', 'PARTNER_STATUS_ABNORMAL'),
    ),

    inquire(
      'a paid payment has succeeded',
      done({ ...paid, paymentStatus: 'SUCCESS' }),
      ended('succeeded', 'approved', 'payment/SUCCESS'),
    ),
    inquire(
      'a failed payment has failed although the inquiry succeeded',
      done({ ...payment, paymentStatus: 'FAIL', failureReason: 'USER_REJECTED' }),
      ended('failed', 'declined', 'payment/FAIL'),
    ),
    inquire(
      'a canceled payment is canceled, in a sibling’s word',
      done({ ...payment, paymentStatus: 'CANCELLED' }),
      ended('canceled', 'canceled', 'payment/CANCELLED'),
    ),
    inquire(
      'a canceled payment is canceled, with one L too',
      done({ ...payment, paymentStatus: 'CANCELED' }),
      ended('canceled', 'canceled', 'payment/CANCELED'),
    ),
    inquire(
      'a paid payment without its number could be any other',
      done({ paymentStatus: 'SUCCESS' }),
      open('unknown-outcome', 'payment/SUCCESS/unnamed'),
    ),
    inquire(
      'a failed payment without its number could be any other',
      done({ paymentStatus: 'FAIL' }),
      open('unknown-outcome', 'payment/FAIL/unnamed'),
    ),
    inquire(
      'a canceled payment without its number could be any other',
      done({ paymentStatus: 'CANCELED' }),
      open('unknown-outcome', 'payment/CANCELED/unnamed'),
    ),
    inquire(
      'a payment that failed for want of funds says so, in a sibling’s field',
      done({ ...payment, paymentStatus: 'FAIL', paymentResultCode: 'USER_BALANCE_NOT_ENOUGH' }),
      ended('failed', 'insufficient-funds', 'payment/FAIL/USER_BALANCE_NOT_ENOUGH'),
    ),
    inquire(
      'a payment that failed for the risk says so',
      done({ ...payment, paymentStatus: 'FAIL', failureReason: 'RISK_REJECT' }),
      ended('failed', 'risk', 'payment/FAIL/RISK_REJECT'),
    ),
    inquire(
      'a reason of no table is a message',
      done({ ...payment, paymentStatus: 'FAIL', failureReason: 'the wallet is asleep' }),
      ended('failed', 'declined', 'payment/FAIL'),
    ),
    inquire(
      'a payment that awaits its result stays open, in a sibling’s word',
      done({ ...payment, paymentStatus: 'PENDING' }),
      open('processing', 'payment/PENDING'),
    ),
    inquire(
      'a system error says nothing about the payment',
      unknown('SYSTEM_ERROR'),
      again('unavailable', 'SYSTEM_ERROR'),
    ),
    inquire(
      'a payment in process stays open',
      done({ ...payment, paymentStatus: 'PROCESSING' }),
      open('processing', 'payment/PROCESSING'),
    ),
    inquire(
      'an inquiry that failed says nothing about the payment',
      said('F', 'PARAM_ILLEGAL', { paymentStatus: 'SUCCESS' }),
      ended('rejected', 'invalid-request', 'PARAM_ILLEGAL'),
    ),
    inquire(
      'an inquiry of unknown result says nothing about the payment',
      said('U', 'UNKNOWN_EXCEPTION', { paymentStatus: 'FAIL' }),
      again('unavailable', 'UNKNOWN_EXCEPTION'),
    ),
    inquire(
      'a payment that is not found may be late',
      failure('ORDER_NOT_EXIST'),
      open('not-found', 'ORDER_NOT_EXIST'),
    ),
    inquire(
      'an inquiry too many is asked again',
      unknown('REQUEST_TRAFFIC_EXCEED_LIMIT'),
      again('rate-limited', 'REQUEST_TRAFFIC_EXCEED_LIMIT'),
      { status: 429 },
    ),
    inquire(
      'an inquiry that answers for another payment is a conflict',
      done({ ...paid, paymentRequestId: 'SUB-0', paymentStatus: 'SUCCESS' }),
      open('conflict', 'payment/SUCCESS'),
    ),
    inquire('an inquiry without a state decides nothing', done(payment), unlisted('SUCCESS')),
    inquire(
      'a new state decides nothing',
      done({ ...payment, paymentStatus: 'AUTH_SUCCESS' }),
      unlisted('payment/AUTH_SUCCESS'),
    ),
    inquire(
      'a state in small letters decides nothing',
      done({ ...payment, paymentStatus: 'success' }),
      unlisted('payment/success'),
    ),
    inquire(
      'a state under a contradictory result decides nothing',
      said('F', 'SUCCESS', { ...paid, paymentStatus: 'SUCCESS' }),
      unlisted('F/SUCCESS'),
    ),

    cancel('a cancel has succeeded', done({ paymentId }), ended('succeeded', 'canceled', 'SUCCESS')),
    cancel(
      'a payment that is closed cannot be canceled',
      failure('ORDER_IS_CLOSED'),
      ended('rejected', 'already-final', 'ORDER_IS_CLOSED'),
    ),
    cancel('a payment to cancel may be late', failure('ORDER_NOT_EXIST'), open('not-found', 'ORDER_NOT_EXIST')),
    undo(
      'a void has succeeded',
      done({ ...voided, voidId: '2026112198765432101234', voidTime: '2026-11-21T10:15:30+01:00' }),
      ended('succeeded', 'canceled', 'SUCCESS'),
    ),
    undo(
      'a void that names nothing is asked about',
      done({ voidTime: '2026-11-21T10:15:30+01:00' }),
      open('unknown-outcome', 'SUCCESS/unnamed'),
    ),
    undo('a void in process is asked about', unknown('VOID_IN_PROCESS'), open('processing', 'VOID_IN_PROCESS')),
    undo(
      'a settled payment cannot be voided',
      failure('ORDER_ALREADY_SETTLED'),
      ended('rejected', 'already-final', 'ORDER_ALREADY_SETTLED'),
    ),
    undo(
      'a void beside another state contradicts itself',
      done({ ...voided, voidStatus: 'FAIL' }),
      open('unknown-outcome', 'SUCCESS/otherwise'),
    ),
    inquireVoid(
      'a void that was made has succeeded',
      done({ ...voided, voidStatus: 'SUCCESS' }),
      ended('succeeded', 'canceled', 'void/SUCCESS'),
    ),
    inquireVoid(
      'a void that failed has failed',
      done({ ...voided, voidStatus: 'FAIL' }),
      ended('failed', 'declined', 'void/FAIL'),
    ),
    capture(
      'a capture has succeeded',
      done({ captureId: '2026112198765432101235', captureAmount: euros('5000') }),
      ended('succeeded', 'approved', 'SUCCESS'),
    ),
    capture(
      'an authorization that expired cannot be captured',
      failure('AUTHORIZATION_EXPIRED'),
      ended('failed', 'expired', 'AUTHORIZATION_EXPIRED'),
    ),
    capture(
      'more than was authorised is refused',
      failure('CAPTURE_AMOUNT_EXCEED'),
      ended('rejected', 'limit-exceeded', 'CAPTURE_AMOUNT_EXCEED'),
    ),
    capture(
      'a capture beside another state contradicts itself',
      done({ captureId: '2026112198765432101235', captureStatus: 'PROCESSING' }),
      open('unknown-outcome', 'SUCCESS/otherwise'),
    ),
    inquireCapture(
      'a capture without its number could be any other',
      done({ captureStatus: 'SUCCESS' }),
      open('unknown-outcome', 'capture/SUCCESS/unnamed'),
    ),
    inquireCapture(
      'a capture that was made has succeeded',
      done({ captureId: '2026112198765432101235', captureStatus: 'SUCCESS' }),
      ended('succeeded', 'approved', 'capture/SUCCESS'),
    ),
    inquireCapture(
      'a capture on its way stays open',
      unknown('CAPTURE_IN_PROCESS'),
      open('processing', 'CAPTURE_IN_PROCESS'),
    ),

    refund(
      'a refund has succeeded',
      done({ refundId: '2026112198765432101236', ...refunded, refundTime: '2026-11-21T10:15:30+01:00' }),
      ended('succeeded', 'refunded', 'SUCCESS'),
    ),
    refund(
      'a refund that names nothing is asked about',
      done({ refundTime: '2026-11-21T10:15:30+01:00' }),
      open('unknown-outcome', 'SUCCESS/unnamed'),
    ),
    refund(
      'a refund that comes too late is refused',
      failure('REFUND_WINDOW_EXCEED'),
      ended('rejected', 'expired', 'REFUND_WINDOW_EXCEED'),
    ),
    refund('a refund that was only accepted is asked about', said('A', 'ACCEPT'), open('processing', 'ACCEPT')),
    refund('a refund in process is asked about', unknown('REFUND_IN_PROCESS'), open('processing', 'REFUND_IN_PROCESS')),
    refund(
      'more than is left is refused',
      failure('REFUND_AMOUNT_EXCEED'),
      ended('rejected', 'limit-exceeded', 'REFUND_AMOUNT_EXCEED'),
    ),
    refund(
      'a refund of an unknown payment is refused',
      failure('ORDER_NOT_EXIST'),
      ended('rejected', 'not-found', 'ORDER_NOT_EXIST'),
    ),
    inquireRefund(
      'a refund that was made has succeeded',
      done({ refundId: '2026112198765432101236', refundStatus: 'SUCCESS' }),
      ended('succeeded', 'refunded', 'refund/SUCCESS'),
    ),
    refund(
      'a refund beside another state contradicts itself',
      done({ ...refunded, refundStatus: 'PROCESSING' }),
      open('unknown-outcome', 'SUCCESS/otherwise'),
    ),
    inquireRefund(
      'a refund that only names its payment could be any other of it',
      done({ paymentId, refundStatus: 'SUCCESS' }),
      open('unknown-outcome', 'refund/SUCCESS/unnamed'),
    ),
    inquireVoid(
      'a void without its number could be any other',
      done({ voidStatus: 'SUCCESS' }),
      open('unknown-outcome', 'void/SUCCESS/unnamed'),
    ),
    inquireRefund(
      'a refund on its way stays open',
      done({ refundStatus: 'PROCESSING' }),
      open('processing', 'refund/PROCESSING'),
    ),
    inquireRefund(
      'a refund of unknown fate stays open',
      done({ refundStatus: 'UNKNOWN' }),
      open('unknown-outcome', 'refund/UNKNOWN'),
    ),
    inquireRefund(
      'a refund that failed has failed',
      done({ refundId: '2026112198765432101236', refundStatus: 'FAIL' }),
      ended('failed', 'declined', 'refund/FAIL'),
    ),
    inquireRefund(
      'a refund that is not found may not have been accepted yet',
      failure('REFUND_NOT_EXIST'),
      open('not-found', 'REFUND_NOT_EXIST'),
    ),

    send(
      'a message that was sent has succeeded',
      done({ messageId: '2026112100000001' }),
      ended('succeeded', 'approved', 'SUCCESS'),
    ),
    send('a message in the queue is not sent yet', unknown('SENDING'), open('processing', 'SENDING')),
    send(
      'a user without notifications gets none',
      failure('USER_NOT_SUBSCRIBED'),
      ended('failed', 'declined', 'USER_NOT_SUBSCRIBED'),
    ),
  ],
};
