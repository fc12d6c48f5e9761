import type { Sample, Samples } from '../../src/testing/sample.ts';
import { ifortepay, type IfortepayCredentials, type IfortepayFields } from '../../src/adapters/ifortepay/index.ts';

/** Made for these samples; it opens nothing. */
const privateKey = `-----BEGIN PRIVATE KEY-----
MIIEvAIBADANBgkqhkiG9w0BAQEFAASCBKYwggSiAgEAAoIBAQC3Rl6o5RWgL/yn
VcPGpUEp7xcIJpG/3/AYXuf1iEOfbG6ZeTAozHq1C5v3u1h/+VW/R7YBDc9gbYv3
bCeimL0jtirQ+JHTjBs5wDfhaQkA/UEFAePLGz8e6HLQ9/B4Z9EQKqWt3OAuaRSx
9pKY3fTnGOjBz+Zf+WCwQpKAlesw1gmoYPgO6sHu7QixBvmHNwRuup1o/YBQzfFg
3sacUfIirgpVTxkkS3sqKCqLaKYrkBLc4zTvu/nVWVMa5PaBj42sZHmXj6kx3VUG
xHHArIQI6vlEtPltUdT96Z2RmEqryAHORch8n9nUYaK5OsHebcS3Tq964679zt+S
3lYz4D9NAgMBAAECgf8BXJIov9xzXxWBD/LJS5A1XFxj51OCBOwt0DIgIUlKRXFq
5UlBwRQuA3PqfmeKCJOStWedYXGszu5Y5jrgrYTTceckU3IHNocCta6bHBLfWvnK
oQmcJQN5BAkTzRVCehGuPMNwfn9sqxEblHufO+DkS5mNGHOTF6fV5yoel/mDBryE
fjVd7EEAQw0NXHYMymNjhS3Uxsb+5K6BB77Z0tzcEmdH2q6ddlC5nQwG3Ac+iNyP
oj2Gk3yZI/10JSA9gd8XNCm8pNhQVzuukCqQHstkaDbbADIq3yoTdS1QCzGOhsyX
PQX/HLA8K1O+rMAS47RJ/r+wbtM1DCmvkTV+3acCgYEA7Gn1Wk2XIiXQQJgcRwAD
XvLkJjZ11VL1EpvK9bMKkjggTs7mCZGk+w6vjogKAS9qxlLZyjrnPQnBMHKTsToA
Q3bTXhBNJWOgwYBD4vKanOA2Xn+BO+y7xvUQz+HfdBu0Z9hETDe7JGpDU2fKsDEA
BDMCQtpl6cOACWGrhnkxZBcCgYEAxnVmS3lH0yGzjeJKnZEt9TK6P5vBRhujQwfS
psy23uqAU8ugHZBmW7On4MLMdeUzOR20fyHBp7qjpxnSnuZyViAain6ps6WBPfA5
9rx6AJ2EYpZ2ezlZrkq63zwLNVoEjEv76GfQvq1kmthWdh9EftO2yDMY+sECbQhq
rma6AjsCgYEAiUNADC1OmaoAzvBCQsr0KhW2d6VZJwGifyprXdqVQa5Ku9cO4vFo
K8gsEAJWZLfGM934y50Fk3/tZhawP88gRgtgz5WBZTsCJDc3szYOpRTdHGLFgyiB
IhQ5ralEVyKazUxY4zPceVklO/DgUwowKz/+iRhK4b37wfauY0ZMcgMCgYEAqlLb
pm7CO+uypFTQYQbWgJg2zJyqdbcGmWK/YbRURmDQHhqmonjpwE4iCH5m58/79EsQ
PAQGpiNCjQlWgFWbT1tiK/alQq8KitP/i0kbFCgcFFi5+uuvkixE0Y5AuFs3iAk2
e7GNr/g0XcjJ+7q+GHMvbgacq6i2okkU9fToMz0CgYB7qZy5qu4R8mX7FL9gIfLk
Z5M7IGbG+S9EEsvEJ3xCESnmWMzJIfxOSSVsgO0X7RsEiM15V300afAmZJtAB4Fo
z0nZkJmA4G14WkT8TgkmQbLJckz5NasKn5PhGdorK9Wo8v9tGDek4zd5Y+aXIS6y
HcnCMg6toVpLwHnz7ak7TQ==
-----END PRIVATE KEY-----
`;

/** Made-up credentials for samples and tests. */
export const credentials: IfortepayCredentials & { clientSecret: string } = {
  partnerId: 'IFP2024067944',
  privateKey,
  clientSecret: 'sample-client-secret-6b1f',
  channelId: 'QR004',
  environment: 'sandbox',
};

/** Every HTTP status and case of https://developer.ifortepay.id/appendix, as `500/00`. */
const outcomes = [
  ...['200/00', '202/00', '400/00', '400/01', '400/02', '401/00', '401/01', '401/02', '401/03', '401/04'],
  ...cases('403', 23),
  ...cases('404', 19),
  ...['405/00', '405/01', '409/00', '409/01', '429/00', '500/00', '500/01', '500/02', '504/00'],
];

const services = {
  'qris.create': '47',
  'qris.query': '51',
  'qris.cancel': '77',
  'va.create': '27',
  'va.query': '30',
  'debit.charge': '54',
  'debit.query': '55',
  'debit.cancel': '57',
  'bnpl.query': '94',
} satisfies Record<keyof IfortepayFields, string>;

const states: Partial<Record<keyof IfortepayFields, readonly string[]>> = {
  'qris.query': ['00', '01', '03', '04', '05', '06', '07'],
  'debit.query': ['00', '01', '03', '04', '05', '06', '07'],
  'bnpl.query': ['00', '01', '03', '04', '05', '06', '07'],
  'va.query': ['PAID', 'ACTIVE', 'PROCESSING', 'EXPIRED', 'CANCELED'],
};

function cases(http: string, last: number): string[] {
  return Array.from({ length: last + 1 }, (_none, number) => `${http}/${String(number).padStart(2, '0')}`);
}

const manual = Object.fromEntries(
  (Object.entries(services) as [keyof IfortepayFields, string][]).map(([operation, service]) => [
    operation,
    [
      ...outcomes.map(outcome => outcome.replace('/', service)),
      ...(states[operation] ?? []).map(state => `200${service}00/${state}`),
    ],
  ]),
);

const amount = { value: '10000.00', currency: 'IDR' };
const own = 'ORDER20261120001';
const theirs = '01907cf4e9dd7f01b99da9a25dae6c8e';
const numbers = { originalPartnerReferenceNo: own, originalReferenceNo: theirs };
const accountNumbers = {
  partnerServiceId: '   89169',
  customerNo: '20261120000001',
  virtualAccountNo: '   8916920261120000001',
};

const complete: Record<keyof IfortepayFields, Record<string, unknown>> = {
  'qris.create': { partnerReferenceNo: own, amount, additionalInfo: { callbackUrl: 'https://shop.example/ifortepay' } },
  'qris.query': { ...numbers, serviceCode: '47' },
  'qris.cancel': { ...numbers, reason: 'Out of stock' },
  'va.create': { trxId: own, virtualAccountName: 'Siti Rahma', virtualAccountTrxType: 'C', totalAmount: amount },
  'va.query': { ...accountNumbers, trxId: own },
  'debit.charge': {
    partnerReferenceNo: own,
    amount,
    bankCardToken: 'made-up-card-token',
    chargeToken: 'null',
    urlParams: [{ url: 'https://shop.example/ifortepay', type: 'PAY_NOTIFY', isDeeplink: 'N' }],
    payOptionDetails: [{ payMethod: 'DEBIT_CARD', payOption: 'BRI' }],
    additionalInfo: { isWithOtp: 'N' },
  },
  'debit.query': { ...numbers, serviceCode: '54' },
  'debit.cancel': { ...numbers, reason: 'Out of stock' },
  'bnpl.query': { ...numbers, serviceCode: '92' },
};

type Expected = Sample['verdict'];

/** An answer as the gateway sends it: its HTTP status is the first three digits of the code. */
function sample(
  title: string,
  operation: keyof IfortepayFields,
  responseCode: string,
  rest: Record<string, unknown>,
  verdict: Expected,
  sent = complete[operation],
): Sample {
  const body = { responseCode, responseMessage: 'As in the appendix', ...rest };
  return { title, exchange: { operation, sent, status: Number(responseCode.slice(0, 3)), body }, verdict };
}

const open = (reason: NonNullable<Expected['reason']>): Expected => ({ kind: 'poll-required', reason, listed: true });
const ended = (outcome: string, reason?: NonNullable<Expected['reason']>): Expected => ({
  kind: 'terminal',
  outcome,
  ...(reason !== undefined && { reason }),
  listed: true,
});
const unlisted: Expected = { kind: 'poll-required', reason: 'unknown-outcome', listed: false };

const stateOf =
  (serviceCode: string) =>
  (latestTransactionStatus: string): Record<string, unknown> => ({
    ...numbers,
    serviceCode,
    latestTransactionStatus,
    amount,
  });
const qrisState = stateOf('47');
const debitState = stateOf('54');
const accountState = (status: string): Record<string, unknown> => ({
  virtualAccountData: { ...accountNumbers, trxId: own, totalAmount: amount, additionalInfo: { status } },
});
const blindOrder = { originalPartnerReferenceNo: own };
const blindAccount = { trxId: own };

export const samples: Samples<IfortepayFields> = {
  adapter: ifortepay(credentials),
  secrets: [credentials.clientSecret, ...privateKey.split('\n').slice(1, -2)],
  complete,
  manual,
  samples: [
    sample(
      'a QR code that was made is created',
      'qris.create',
      '2004700',
      { referenceNo: theirs, partnerReferenceNo: own, qrContent: '00020101021226…', qrUrl: 'https://qr.example/1' },
      { ...ended('created', 'awaiting-payer'), code: '2004700' },
    ),
    sample('a QR code still in the making is processing', 'qris.create', '2024700', {}, open('processing')),
    sample('a malformed order is refused', 'qris.create', '4004701', {}, ended('rejected', 'invalid-request')),
    sample(
      'a token that has ended is renewed',
      'qris.create',
      '4014701',
      {},
      { kind: 'retryable', reason: 'authentication' },
    ),
    sample(
      'a channel in its cut-off is tried again',
      'qris.create',
      '4034706',
      {},
      { kind: 'retryable', reason: 'maintenance' },
    ),
    sample(
      'an amount above the limit refuses the order',
      'qris.create',
      '4034702',
      {},
      ended('rejected', 'limit-exceeded'),
    ),
    sample('the same send arriving twice is asked about', 'qris.create', '4094700', {}, open('duplicate')),
    sample(
      'a number that has succeeded before belongs to another order',
      'qris.create',
      '4094701',
      {},
      ended('rejected', 'duplicate'),
    ),
    sample(
      'a number with other content belongs to another order',
      'qris.create',
      '4044718',
      {},
      ended('rejected', 'duplicate'),
    ),
    sample(
      'a bill said to be paid belongs to another order, which was paid',
      'qris.create',
      '4044714',
      {},
      ended('rejected', 'duplicate'),
    ),
    sample(
      'a failure of any service is read like one of its own',
      'qris.create',
      '4010000',
      {},
      { ...ended('rejected', 'authentication'), code: '4010000' },
    ),
    sample(
      'a token refused for any service is renewed',
      'qris.create',
      '4010001',
      {},
      { kind: 'retryable', reason: 'authentication' },
    ),
    sample('a general error of any service is unknown', 'debit.charge', '5000000', {}, open('unknown-outcome')),
    sample(
      'a success of any service is unlisted',
      'debit.charge',
      '2000000',
      { webRedirectUrl: 'https://wallet.example/pay' },
      unlisted,
    ),
    sample(
      'a general error after a create is unknown',
      'qris.create',
      '5004700',
      {},
      { ...open('unknown-outcome'), code: '5004700' },
    ),
    sample('a failure that says "please retry" is unknown', 'qris.create', '5004701', {}, open('unknown-outcome')),
    sample('too many requests leave a create unknown', 'qris.create', '4294700', {}, open('rate-limited')),
    sample('the code of another service is unlisted', 'qris.create', '4005401', {}, unlisted),
    {
      title: 'a code that is a number is unlisted',
      exchange: { operation: 'qris.create', status: 200, body: { responseCode: 2004700 } },
      verdict: unlisted,
    },
    {
      title: 'a success under HTTP 500 is not believed, and asked for again',
      exchange: {
        operation: 'qris.query',
        sent: complete['qris.query'],
        status: 500,
        body: { responseCode: '2005100', ...qrisState('00') },
      },
      verdict: { kind: 'retryable', reason: 'unavailable' },
    },

    sample('a paid QR code is succeeded', 'qris.query', '2005100', qrisState('00'), {
      ...ended('succeeded', 'approved'),
      code: '2005100/00',
    }),
    sample('a query that succeeded without a state is not paid', 'qris.query', '2005100', numbers, {
      ...open('unknown-outcome'),
      code: '2005100',
    }),
    sample(
      'a QR code nobody has scanned awaits its payer',
      'qris.query',
      '2005100',
      qrisState('01'),
      open('awaiting-payer'),
    ),
    sample('a pending QRIS payment is processing', 'qris.query', '2005100', qrisState('03'), open('processing')),
    sample('a refunded QRIS payment is refunded', 'qris.query', '2005100', qrisState('04'), ended('refunded')),
    sample('a canceled QR code is canceled', 'qris.query', '2005100', qrisState('05'), ended('canceled')),
    sample('a failed QRIS payment is failed', 'qris.query', '2005100', qrisState('06'), ended('failed', 'declined')),
    sample('status 07 of QRIS is not found', 'qris.query', '2005100', qrisState('07'), {
      ...open('not-found'),
      code: '2005100/07',
    }),
    sample('status 02, which the manual does not have, is unlisted', 'qris.query', '2005100', qrisState('02'), {
      ...unlisted,
      code: '2005100/02',
    }),
    sample('a word in place of a status is unlisted for QRIS', 'qris.query', '2005100', qrisState('PAID'), unlisted),
    sample('a QRIS order that is not found is open', 'qris.query', '4045101', {}, open('not-found')),
    sample('a state beside a refused call is not read', 'qris.query', '4045101', qrisState('00'), {
      ...open('not-found'),
      code: '4045101',
    }),
    sample(
      'a refused QRIS query says nothing of the payment',
      'qris.query',
      '4005102',
      {},
      ended('rejected', 'invalid-request'),
    ),
    sample(
      'a QRIS query that failed is asked again',
      'qris.query',
      '5045100',
      {},
      { kind: 'retryable', reason: 'unavailable' },
    ),
    sample(
      'another order’s QRIS state is not believed',
      'qris.query',
      '2005100',
      { ...qrisState('00'), originalPartnerReferenceNo: 'ORDER2' },
      open('conflict'),
    ),
    sample(
      'asked by the merchant’s number alone, an answer that names it counts',
      'qris.query',
      '2005100',
      qrisState('00'),
      ended('succeeded'),
      blindOrder,
    ),
    sample(
      'asked by the merchant’s number alone, an answer that names no order does not',
      'qris.query',
      '2005100',
      { latestTransactionStatus: '00' },
      open('unknown-outcome'),
      blindOrder,
    ),
    sample(
      'asked by the merchant’s number alone, an answer that names another does not',
      'qris.query',
      '2005100',
      { ...qrisState('00'), originalPartnerReferenceNo: 'ORDER2' },
      open('conflict'),
      blindOrder,
    ),
    sample(
      'asked by the merchant’s number alone, a refusal refuses the question only',
      'qris.query',
      '4005102',
      {},
      { ...ended('rejected', 'invalid-request'), code: '4005102' },
      blindOrder,
    ),
    sample(
      'asked by the merchant’s number alone, not found is not found out',
      'qris.query',
      '4045101',
      {},
      open('unknown-outcome'),
      blindOrder,
    ),

    sample(
      'a canceled QR code is a cancel done',
      'qris.cancel',
      '2007700',
      { ...numbers, cancelTime: '2026-11-20T13:14:15+07:00' },
      ended('succeeded', 'canceled'),
    ),
    sample('a cancel that comes too late is failed', 'qris.cancel', '4047714', {}, ended('failed', 'already-final')),
    sample(
      'a cancel that cannot be done now is refused',
      'qris.cancel',
      '4057701',
      {},
      ended('rejected', 'unsupported'),
    ),

    sample(
      'a virtual account that was made is created',
      'va.create',
      '2002700',
      { virtualAccountData: { ...accountNumbers, trxId: own, totalAmount: amount } },
      ended('created', 'awaiting-payer'),
    ),
    sample('a virtual account that has expired is expired', 'va.create', '4042719', {}, ended('expired')),
    sample('a paid virtual account is succeeded', 'va.query', '2003000', accountState('PAID'), {
      ...ended('succeeded', 'approved'),
      code: '2003000/PAID',
    }),
    sample(
      'an active virtual account awaits its payer',
      'va.query',
      '2003000',
      accountState('ACTIVE'),
      open('awaiting-payer'),
    ),
    sample(
      'a virtual account in the bank’s hands is processing',
      'va.query',
      '2003000',
      { latestTransactionStatus: 'PROCESSING' },
      open('processing'),
    ),
    sample(
      'an expired virtual account is expired',
      'va.query',
      '2003000',
      { virtualAccountData: { trxId: own, status: 'EXPIRED' } },
      ended('expired'),
    ),
    sample(
      'a canceled virtual account is canceled',
      'va.query',
      '2003000',
      accountState('CANCELED'),
      ended('canceled'),
    ),
    sample(
      'a number in place of a word is unlisted for a virtual account',
      'va.query',
      '2003000',
      { latestTransactionStatus: '00' },
      { ...unlisted, code: '2003000/00' },
    ),
    sample(
      'a flag of 00 beside what was paid is a paid virtual account',
      'va.query',
      '2003000',
      { virtualAccountData: { trxId: own, paymentFlagStatus: '00', paidAmount: { value: '10000', currency: 'IDR' } } },
      { ...ended('succeeded'), code: '2003000/paymentFlagStatus=00' },
    ),
    sample(
      'a flag of 00 without what was paid says nothing',
      'va.query',
      '2003000',
      { virtualAccountData: { trxId: own, paymentFlagStatus: '00' } },
      { ...open('unknown-outcome'), code: '2003000' },
    ),
    sample(
      'a flag of 01 leaves a virtual account open',
      'va.query',
      '2003000',
      { virtualAccountData: { trxId: own, paymentFlagStatus: '01', paidAmount: amount } },
      open('unknown-outcome'),
    ),
    sample(
      'a virtual account blocked, suspended or unknown is open',
      'va.query',
      '4043012',
      {},
      open('unknown-outcome'),
    ),
    sample(
      'a virtual account asked for by its order alone counts when it is named',
      'va.query',
      '2003000',
      accountState('PAID'),
      ended('succeeded'),
      blindAccount,
    ),
    sample(
      'a virtual account asked for by its order alone does not count unnamed',
      'va.query',
      '2003000',
      { latestTransactionStatus: 'PAID' },
      open('unknown-outcome'),
      blindAccount,
    ),

    sample(
      'a charge that was accepted is processing, not paid',
      'debit.charge',
      '2005400',
      { referenceNo: theirs, partnerReferenceNo: own },
      { ...open('processing'), code: '2005400' },
    ),
    sample(
      'a wallet payment with a page to go to is created',
      'debit.charge',
      '2005400',
      { referenceNo: theirs, partnerReferenceNo: own, webRedirectUrl: 'https://wallet.example/pay' },
      ended('created', 'awaiting-payer'),
    ),
    sample(
      'a charge the payer confirms with an OTP is created',
      'debit.charge',
      '2005400',
      { referenceNo: theirs },
      ended('created'),
      { ...complete['debit.charge'], additionalInfo: { isWithOtp: 'Y' } },
    ),
    sample(
      'a charge paid with a code that the payer takes along is created',
      'debit.charge',
      '2005400',
      { additionalInfo: { paymentCode: '8801' } },
      ended('created'),
    ),
    sample(
      'an OTP on its way, under HTTP 403, is created and awaits the payer',
      'debit.charge',
      '4035413',
      {},
      ended('created', 'awaiting-payer'),
    ),
    sample('an OTP that came too late ends its charge', 'debit.charge', '4035412', {}, ended('expired')),
    sample('an OTP that is wrong does not end its charge', 'debit.charge', '4045415', {}, open('awaiting-payer')),
    sample('a bill said to be paid is another charge’s', 'debit.charge', '4045414', {}, ended('rejected', 'duplicate')),
    sample(
      'a number that has succeeded is another charge’s',
      'debit.charge',
      '4095401',
      {},
      ended('rejected', 'duplicate'),
    ),
    sample('a charge without funds is failed', 'debit.charge', '4035414', {}, ended('failed', 'insufficient-funds')),
    sample('a charge suspected of fraud is failed', 'debit.charge', '4035403', {}, ended('failed', 'risk')),
    sample('a charge the payer canceled is canceled', 'debit.charge', '4045404', {}, ended('canceled')),
    sample('a timeout at the issuer is unknown', 'debit.charge', '5045400', {}, open('unknown-outcome')),
    sample(
      'an unprocessed charge in the cut-off is tried again',
      'debit.charge',
      '4035406',
      {},
      { kind: 'retryable', reason: 'maintenance' },
    ),
    sample('a paid charge is succeeded', 'debit.query', '2005500', debitState('00'), {
      ...ended('succeeded', 'approved'),
      code: '2005500/00',
    }),
    sample(
      'a charge that waits for its OTP awaits the payer',
      'debit.query',
      '2005500',
      debitState('01'),
      open('awaiting-payer'),
    ),
    sample(
      'a charge pending at the bank is processing',
      'debit.query',
      '2005500',
      debitState('03'),
      open('processing'),
    ),
    sample(
      'a charge whose OTP came too late is canceled',
      'debit.query',
      '2005500',
      debitState('05'),
      ended('canceled'),
    ),
    sample('a failed charge is failed', 'debit.query', '2005500', debitState('06'), {
      ...ended('failed', 'declined'),
      code: '2005500/06',
    }),
    sample(
      'a failed charge tells why, where the query does',
      'debit.query',
      '2005500',
      { ...debitState('06'), originalResponseCode: '4035414' },
      { ...ended('failed', 'insufficient-funds'), code: '2005500/06/4035414' },
    ),
    sample(
      'a failed charge is failed, whatever the reason',
      'debit.query',
      '2005500',
      { ...debitState('06'), originalResponseCode: '2005400' },
      { ...ended('failed', 'declined'), code: '2005500/06' },
    ),
    sample(
      'a paid charge is paid, whatever its answer was',
      'debit.query',
      '2005500',
      { ...debitState('00'), originalResponseCode: '4035414' },
      ended('succeeded'),
    ),
    sample(
      'status 07 of direct debit is not the 07 of QRIS, and not final',
      'debit.query',
      '2005500',
      debitState('07'),
      open('expired'),
    ),
    sample('a charge that is not found is open', 'debit.query', '4045501', {}, open('not-found')),
    sample(
      'a decline in a query’s outcome refuses the query, not the payment',
      'debit.query',
      '4035514',
      {},
      ended('rejected', 'insufficient-funds'),
    ),
    sample(
      'a canceled charge is a cancel done',
      'debit.cancel',
      '2005700',
      { ...numbers, cancelTime: '2026-11-20T13:14:15+07:00' },
      ended('succeeded', 'canceled'),
    ),
    sample('a cancel of an expired payment is asked about', 'debit.cancel', '4035700', {}, open('expired')),
    sample('a cancel the gateway fumbled is unknown', 'debit.cancel', '5005702', {}, open('unknown-outcome')),

    sample('a paid purchase on credit is succeeded', 'bnpl.query', '2009400', stateOf('92')('00'), {
      ...ended('succeeded'),
      code: '2009400/00',
    }),
    sample(
      'a purchase on credit that its payer has not confirmed awaits him',
      'bnpl.query',
      '2009400',
      stateOf('92')('01'),
      open('awaiting-payer'),
    ),
    sample('a failed purchase on credit is failed', 'bnpl.query', '2009400', stateOf('92')('06'), ended('failed')),
    sample('a purchase on credit that is not found is open', 'bnpl.query', '4049401', {}, open('not-found')),
  ],
};
