import type { Exchange } from '../../src/core/exchange.ts';
import type { Sample, Samples } from '../../src/testing/sample.ts';
import { qfpay, type QfpayFields } from '../../src/adapters/qfpay/index.ts';

const clientKey = 'A1B2C3D4E5F60718293A4B5C6D7E8F90';
const ORDER = '201907221520536a25477909';
const SYSSN = '20190722000300020081074842';
const REFUND = 'RGNOEIVU9JZLNP9GGYXWXCW7OEMI720F';

const order = { txamt: '1000', txcurrcd: 'HKD', pay_type: '800201', out_trade_no: ORDER };
const scanned = { ...order, pay_type: '800108', auth_code: '134857901234588557' };
const cancellation = { txamt: '1000', txdtm: '2019-07-22 15:20:54', out_trade_no: ORDER };
const refund = { txamt: '1000', syssn: SYSSN, out_trade_no: REFUND };

const flat = {
  pay_type: '800108',
  sysdtm: '2019-07-22 15:20:54',
  txdtm: '2019-07-22 15:20:54',
  txcurrcd: 'HKD',
  txamt: '1000',
  respmsg: '',
  out_trade_no: ORDER,
  syssn: SYSSN,
};

const answered = (respcd: string, rest: object = {}): object => ({
  ...flat,
  respcd,
  resperr: `text of ${respcd}`,
  ...rest,
});

/** As after a reversal: the answer's own number is new. */
const canceled = (respcd: string, rest: object = {}): object =>
  answered(respcd, { orig_syssn: SYSSN, syssn: '20190722000300020081074901', ...rest });

const refunded = (respcd: string, rest: object = {}): object =>
  answered(respcd, { orig_syssn: SYSSN, syssn: '20191227000300020061652643', out_trade_no: REFUND, ...rest });

/**
 * What was not made has no number and no time: the shape of an integrator's answers (https://github.com/CHI-KEKE/joy_,
 * QFPay.md).
 */
const unmade = (respcd: string, resperr: string, respmsg = ''): object => ({
  ...{
    syssn: null,
    orig_syssn: SYSSN,
    txamt: null,
    sysdtm: null,
    paydtm: null,
    txdtm: null,
    udid: null,
    txcurrcd: 'HKD',
    chnlsn: null,
    cardcd: null,
  },
  ...{ respcd, resperr, respmsg, out_trade_no: REFUND },
});
const USED = ['1251', 'Do not use duplicate out_trade_no for request(1251)', 'out_trade_no is used'] as const;

const row = (respcd: unknown, rest: object = {}): object => ({
  pay_type: '800201',
  sysdtm: '2019-07-22 15:20:54',
  paydtm: '',
  txcurrcd: 'HKD',
  txdtm: '2019-07-22 15:20:54',
  txamt: '1000',
  chnlsn: '',
  out_trade_no: ORDER,
  syssn: SYSSN,
  cancel: '0',
  respcd,
  errmsg: `text of ${String(respcd)}`,
  order_type: 'payment',
  ...rest,
});

const refundRow = (respcd: string, rest: object = {}): object =>
  row(respcd, {
    order_type: 'refund',
    out_trade_no: REFUND,
    syssn: '20191227000300020061652643',
    origssn: SYSSN,
    ...rest,
  });

const envelope = (...data: unknown[]): object => ({
  respcd: '0000',
  resperr: 'Request successful',
  respmsg: '',
  page: 1,
  page_size: '10',
  data,
});
const fullPage = (first: object): object =>
  envelope(first, ...Array.from({ length: 9 }, (_, index) => row('1201', { syssn: String(index) })));

const sends =
  (operation: keyof QfpayFields, sent: Record<string, unknown>) =>
  (title: string, body: unknown, verdict: Sample['verdict'], rest: Partial<Exchange> = {}): Sample => ({
    title,
    exchange: { operation, sent, status: 200, body, ...rest },
    verdict,
  });

const byCreate = sends('payment.create', scanned);
const byCharge = sends('payment.charge', scanned);
/** A scanned code means the same by either name. */
const charging = (title: string, ...rest: [unknown, Sample['verdict'], Partial<Exchange>?]): Sample[] => [
  byCreate(title, ...rest),
  byCharge(`${title} (payment.charge)`, ...rest),
];
const ordering = sends('payment.create', order);
const asking = sends('payment.query', { out_trade_no: ORDER });
const reversing = sends('payment.reverse', cancellation);
const closing = sends('payment.close', cancellation);
const refunding = sends('refund.create', refund);
const askingForRefund = sends('refund.query', { out_trade_no: REFUND });

const poll = { kind: 'poll-required', listed: true } as const;
const final = (outcome: string, reason: NonNullable<Sample['verdict']['reason']>, code: string): Sample['verdict'] => ({
  kind: 'terminal',
  outcome,
  reason,
  code,
  listed: true,
});

/** https://sdk.qfapi.com/docs/api-reference/status-codes, and four that other pages name. */
const documented = [
  '0000',
  '1001',
  '1100',
  '1101',
  '1102',
  '1103',
  '1104',
  '1105',
  '1106',
  '1107',
  '1108',
  '1125',
  '1136',
  '1142',
  '1143',
  '1145',
  '1147',
  '1150',
  '1155',
  '1181',
  '1201',
  '1202',
  '1203',
  '1204',
  '1205',
  '1212',
  '1241',
  '1242',
  '1243',
  '1250',
  '1251',
  '1252',
  '1254',
  '1260',
  '1261',
  '1262',
  '1263',
  '1264',
  '1265',
  '1266',
  '1267',
  '1268',
  '1269',
  '1270',
  '1271',
  '1272',
  '1294',
  '1295',
  '1296',
  '1297',
  '1298',
  '2005',
  '2011',
  '1124',
  '1161',
  '2999',
];

const failedQueries = documented.filter(code => code !== '0000').map(code => `query/${code}`);

export const samples: Samples<QfpayFields> = {
  adapter: qfpay({ appCode: 'APP0CODE', clientKey, mchid: 'ZaMVg12345', environment: 'sandbox' }),
  secrets: [clientKey],

  complete: {
    'payment.create': order,
    'payment.charge': scanned,
    'payment.query': { out_trade_no: ORDER },
    'payment.reverse': cancellation,
    'payment.close': cancellation,
    'refund.create': refund,
    'refund.query': { out_trade_no: REFUND },
  },

  manual: {
    'payment.create': documented,
    'payment.charge': documented,
    'payment.query': [
      ...documented,
      ...failedQueries,
      '0000/cancel=1',
      '0000/cancel=2',
      '0000/cancel=3',
      '0000/cancel=4',
      '0000/cancel=5',
    ],
    'payment.reverse': documented,
    'payment.close': documented,
    'refund.create': documented,
    'refund.query': [...documented, ...failedQueries],
  },

  samples: [
    ...charging(
      'a scanned code that was charged is paid',
      answered('0000', { cardcd: '2088802362210279' }),
      final('succeeded', 'approved', '0000'),
    ),
    ...charging('a scanned code whose payer types the password is open', answered('1143'), {
      ...poll,
      reason: 'awaiting-payer',
      code: '1143',
    }),
    ...charging('a scanned code in progress is open', answered('1145'), { ...poll, reason: 'processing' }),
    ...charging('a charge on a slow connection is unknown', answered('1298'), { ...poll, reason: 'unknown-outcome' }),
    ...charging(
      'a charge on a slow connection is unknown, whatever other method the manual offers',
      answered('1296'),
      poll,
    ),
    ...charging('a busy bank may have charged', answered('1297'), poll),
    ...charging('a bank error may have charged', answered('1204'), poll),
    ...charging('a system error may have charged', answered('1252'), poll),
    ...charging('a charge that must be reversed is unknown', answered('1101'), poll),
    ...charging(
      '2999 says failed in its text and is pending',
      answered('2999', { resperr: '交易失败，请联系客服(2999)' }),
      { ...poll, reason: 'processing' },
    ),
    ...charging('1161 is unknown by its own name', answered('1161'), { ...poll, reason: 'unknown-outcome' }),
    ...charging('a payer without funds is declined', answered('1201'), final('failed', 'insufficient-funds', '1201')),
    ...charging('an expired payment code is declined', answered('2005'), final('failed', 'declined', '2005')),
    ...charging('a payment the bank forbids has failed', answered('1294'), final('failed', 'risk', '1294')),
    ...charging(
      'an app code that QFPay does not know is refused',
      { respcd: '1001', respmsg: 'Invalid app code' },
      final('rejected', 'authentication', '1001'),
    ),
    ...charging(
      'a number that is used already is a duplicate',
      { ...unmade(...USED), orig_syssn: null, out_trade_no: ORDER },
      final('rejected', 'duplicate', '1251/out_trade_no'),
    ),
    ...charging(
      'a number that is used already is asked about, once a send may have landed',
      { ...unmade(...USED), orig_syssn: null, out_trade_no: ORDER },
      { ...poll, reason: 'duplicate' },
      { mayHaveLanded: true },
    ),
    ...charging(
      'a store that is being set up is refused',
      { respcd: '1251', resperr: '该门店配置异常，我们正在加紧处理中(1251)', respmsg: '' },
      final('rejected', 'configuration', '1251'),
    ),
    ...charging(
      'a wrong signature is refused',
      { respcd: '1108', resperr: '签名错误(1108)', respmsg: '' },
      final('rejected', 'authentication', '1108'),
    ),
    ...charging(
      'a number that was paid before is a duplicate',
      answered('1260'),
      final('rejected', 'duplicate', '1260'),
    ),
    ...charging(
      'a number that was paid before is asked about, once a send may have landed',
      answered('1260'),
      { ...poll, reason: 'duplicate' },
      { mayHaveLanded: true },
    ),
    ...charging('a repeated serial number is a duplicate', answered('2011'), final('rejected', 'duplicate', '2011')),
    ...charging(
      'maintenance is worth another send',
      { respcd: '1100', resperr: '系统维护中(1100)', respmsg: '' },
      { kind: 'retryable', reason: 'maintenance', listed: true },
    ),
    ...charging('an answer about another order is not believed', answered('0000', { out_trade_no: 'another' }), {
      ...poll,
      reason: 'conflict',
    }),
    ...charging('an answer about another amount is not believed', answered('0000', { txamt: 999 }), {
      ...poll,
      reason: 'conflict',
    }),
    ...charging('an amount may be a number', answered('0000', { txamt: 1000 }), final('succeeded', 'approved', '0000')),
    ...charging('a code that is a number is no code', answered('0000', { respcd: 0 }), {
      kind: 'poll-required',
      listed: false,
    }),
    ...charging('an unlisted code is unknown', answered('2007'), {
      kind: 'poll-required',
      listed: false,
      code: '2007',
      reason: 'unknown-outcome',
    }),
    ...charging(
      'a page of a proxy is unknown',
      '<html>502 Bad Gateway</html>',
      { kind: 'poll-required', listed: false, code: 'http/502' },
      { status: 502 },
    ),
    ...charging(
      'too many requests are unknown on a write',
      'Too Many Requests',
      { kind: 'poll-required', listed: false, code: 'http/429' },
      { status: 429 },
    ),
    ...charging(
      'a success without a number of its own is asked about',
      { respcd: '0000', resperr: 'ok' },
      { ...poll, reason: 'unknown-outcome', code: '0000/contradicted' },
    ),
    ...charging(
      'a success beside a status that failed is asked about',
      answered('0000', { data: { txstatus: 'FAILED' } }),
      { ...poll, code: '0000/contradicted' },
    ),
    ...charging(
      'a success beside a status that is pending is asked about',
      answered('0000', { data: { txstatus: 'PENDING' } }),
      { ...poll, code: '0000/contradicted' },
    ),
    ...charging(
      'a success beside the same status is believed',
      answered('0000', { data: { txstatus: 'SUCCESS' } }),
      final('succeeded', 'approved', '0000'),
    ),
    ...charging('a success that was taken back is asked about', answered('0000', { cancel: '1' }), {
      ...poll,
      code: '0000/contradicted',
    }),
    ...charging(
      'a success with a code for the payer is asked about',
      answered('0000', { qrcode: 'https://qr.example/1' }),
      { ...poll, code: '0000/contradicted' },
    ),
    ...charging(
      'a success with empty fields for the payer is believed',
      answered('0000', { qrcode: '', pay_url: null, cancel: '0' }),
      final('succeeded', 'approved', '0000'),
    ),
    ordering(
      'an order with a QR code is created, not paid',
      answered('0000', { pay_type: '800201', qrcode: 'weixin://wxpay/bizpayurl?pr=hBvNxhc' }),
      final('created', 'awaiting-payer', '0000'),
    ),
    {
      title: 'an empty auth_code is none: the order is created',
      exchange: { operation: 'payment.create', sent: { ...order, auth_code: '' }, status: 200, body: answered('0000') },
      verdict: final('created', 'awaiting-payer', '0000'),
    },
    ordering(
      'a pay_type that is not open is refused',
      { respcd: '1104', resperr: '', respmsg: 'filter error' },
      final('rejected', 'invalid-request', '1104'),
    ),

    asking('a row with 0000 is paid', envelope(row('0000')), final('succeeded', 'approved', '0000')),
    asking('a query that worked does not make its order paid', envelope(row('1145')), {
      ...poll,
      reason: 'processing',
      code: '1145',
    }),
    asking('a row that waits for the payer is open', envelope(row('1143')), {
      ...poll,
      reason: 'awaiting-payer',
      code: '1143',
    }),
    asking('no row is not found, and proves nothing', envelope(), { ...poll, reason: 'not-found', code: 'not-found' }),
    asking(
      'the row of another order is another’s answer: it neither settles ours nor says that there is none',
      envelope(row('0000', { out_trade_no: 'another' })),
      { ...poll, reason: 'conflict' },
    ),
    asking('the row of a refund is not the payment', envelope(row('0000', { order_type: 'refund' })), {
      ...poll,
      reason: 'not-found',
    }),
    asking('the row of a close is not the payment', envelope(row('0000', { order_type: 'close' })), {
      ...poll,
      reason: 'not-found',
    }),
    asking(
      'a row without a type is a payment',
      envelope(row('0000', { order_type: '' })),
      final('succeeded', 'approved', '0000'),
    ),
    asking(
      'a row without a currency is believed',
      envelope(row('0000', { txcurrcd: '' })),
      final('succeeded', 'approved', '0000'),
    ),
    asking(
      'a reversed payment keeps 0000 and is canceled',
      envelope(row('0000', { cancel: '1' })),
      final('canceled', 'canceled', '0000/cancel=1'),
    ),
    asking(
      'a canceled order keeps 0000 and is canceled',
      envelope(row('0000', { cancel: 2 })),
      final('canceled', 'canceled', '0000/cancel=2'),
    ),
    asking(
      'a refunded payment keeps 0000 and is refunded',
      envelope(row('0000', { cancel: '3' })),
      final('refunded', 'refunded', '0000/cancel=3'),
    ),
    asking('a finished pre-authorisation is not known to be paid', envelope(row('0000', { cancel: '4' })), {
      ...poll,
      reason: 'unknown-outcome',
    }),
    asking(
      'a partly refunded payment is paid',
      envelope(row('0000', { cancel: '5' })),
      final('succeeded', 'partially-refunded', '0000/cancel=5'),
    ),
    asking('a flag no manual names is not paid', envelope(row('0000', { cancel: '6' })), {
      kind: 'poll-required',
      listed: false,
      code: '0000/cancel=6',
    }),
    asking('a flag of a strange kind is not paid', envelope(row('0000', { cancel: ['0'] })), {
      kind: 'poll-required',
      listed: false,
      code: '0000/cancel=?',
    }),
    asking('a closed order is canceled', envelope(row('1142', { cancel: '2' })), final('canceled', 'canceled', '1142')),
    asking('an expired order is expired', envelope(row('1181')), final('expired', 'expired', '1181')),
    asking('a row that says refunded is refunded', envelope(row('1262')), final('refunded', 'refunded', '1262')),
    asking('a row that says canceled is canceled', envelope(row('1263')), final('canceled', 'canceled', '1263')),
    asking('a row that says paid in other words than 0000 is asked again', envelope(row('1260')), poll),
    asking('a row of a channel that failed is open, and a decline by its reason', envelope(row('1205')), {
      ...poll,
      reason: 'declined',
      code: '1205',
    }),
    asking('a row of a busy bank is the same', envelope(row('1297')), { ...poll, reason: 'declined', code: '1297' }),
    asking('a row of a bank that erred is the same', envelope(row('1204')), {
      ...poll,
      reason: 'declined',
      code: '1204',
    }),
    asking('a row of WeChat’s error is the same', envelope(row('1147')), { ...poll, reason: 'declined', code: '1147' }),
    asking('a row of a slow connection tells of no decline', envelope(row('1296')), {
      ...poll,
      reason: 'unknown-outcome',
      code: '1296',
    }),
    asking(
      'an open try wins over a channel that failed',
      envelope(row('1205', { syssn: '1' }), row('1143', { syssn: '2' })),
      { ...poll, code: '1143' },
    ),
    asking('a full page is not all there is: nothing on it is final', fullPage(row('0000')), {
      ...poll,
      reason: 'unknown-outcome',
      code: 'one-page',
    }),
    {
      title: 'ten rows of a hundred are all there are',
      exchange: {
        operation: 'payment.query',
        sent: { out_trade_no: ORDER, page_size: 100 },
        status: 200,
        body: { ...fullPage(row('0000')), page_size: 100 },
      },
      verdict: final('succeeded', 'approved', '0000'),
    },
    {
      title: 'a hundred rows of a hundred are not known to be all',
      exchange: {
        operation: 'payment.query',
        sent: { out_trade_no: ORDER, page_size: 100 },
        status: 200,
        body: { ...envelope(...Array.from({ length: 100 }, () => row('1201'))), page_size: 100 },
      },
      verdict: { ...poll, code: 'one-page' },
    },
    {
      title: 'a later page alone ends nothing',
      exchange: {
        operation: 'payment.query',
        sent: { out_trade_no: ORDER, page: 2 },
        status: 200,
        body: envelope(row('1142')),
      },
      verdict: { ...poll, code: 'one-page' },
    },
    asking('a declined try leaves the order open', envelope(row('1201')), { ...poll, reason: 'insufficient-funds' }),
    asking(
      'a paid row wins over a declined one',
      envelope(row('1201', { syssn: '1' }), row('0000', { syssn: '2' })),
      final('succeeded', 'approved', '0000'),
    ),
    asking('an open row wins over a declined one', envelope(row('1143', { syssn: '1' }), row('1201', { syssn: '2' })), {
      ...poll,
      code: '1143',
    }),
    asking(
      'two paid rows are paid, and a conflict',
      envelope(row('0000', { syssn: '1' }), row('0000', { syssn: '2' })),
      final('succeeded', 'conflict', '0000'),
    ),
    asking(
      'a query with an unknown app code says nothing of the payment',
      { respcd: '1001', respmsg: 'Invalid app code' },
      final('rejected', 'authentication', 'query/1001'),
    ),
    asking(
      'a failed query says nothing of the payment',
      { respcd: '1108', resperr: '签名错误(1108)' },
      final('rejected', 'authentication', 'query/1108'),
    ),
    asking(
      'a query during maintenance is asked again',
      { respcd: '1100', resperr: '系统维护中(1100)' },
      { kind: 'retryable', reason: 'maintenance', code: 'query/1100' },
    ),
    asking(
      'a query on a slow connection is asked again',
      { respcd: '1298', resperr: '' },
      { kind: 'retryable', code: 'query/1298' },
    ),
    asking(
      'a query that finds nothing is not found',
      { respcd: '1268', resperr: '' },
      { ...poll, reason: 'not-found', code: 'query/1268' },
    ),
    asking('a declining envelope declines nothing', { respcd: '1201', resperr: '' }, { ...poll, code: 'query/1201' }),
    asking(
      'an envelope without rows is unreadable',
      { respcd: '0000', data: { txstatus: 'SUCCESS' } },
      { kind: 'retryable', reason: 'unreadable', listed: false },
    ),
    asking('a row whose code is a number is unreadable', envelope(row(0)), {
      kind: 'retryable',
      reason: 'unreadable',
      listed: false,
    }),
    asking(
      'too many queries are asked again',
      'Too Many Requests',
      { kind: 'retryable', reason: 'rate-limited', listed: false },
      { status: 429 },
    ),
    {
      title: "a query by QFPay's number counts the rows of that number",
      exchange: {
        operation: 'payment.query',
        sent: { syssn: SYSSN },
        status: 200,
        body: envelope(row('1201', { syssn: '1' }), row('0000')),
      },
      verdict: final('succeeded', 'approved', '0000'),
    },
    {
      title: 'a list of orders has no one verdict',
      exchange: {
        operation: 'payment.query',
        sent: { start_time: '2019-07-01 00:00:00' },
        status: 200,
        body: envelope(row('0000'), row('0000', { out_trade_no: 'another' })),
      },
      verdict: { ...poll, code: 'several-orders' },
    },

    reversing('a reversal that was done has canceled', canceled('0000'), final('succeeded', 'canceled', '0000')),
    reversing('a reversal in progress is followed', canceled('1143'), { ...poll, reason: 'processing' }),
    reversing('a reversal error is asked about', canceled('1101'), poll),
    reversing('a paid payment cannot be reversed', canceled('1260'), final('failed', 'already-final', '1260')),
    reversing('a payment that was canceled before is confirmed by a query', canceled('1263'), {
      ...poll,
      reason: 'already-final',
    }),
    reversing('a payment that is not visible yet is asked about', canceled('1136'), { ...poll, reason: 'not-found' }),
    reversing(
      'a reversal under a number that is used already is asked about',
      canceled('1251', { resperr: USED[1], respmsg: USED[2] }),
      { ...poll, code: '1251/out_trade_no' },
    ),
    reversing(
      'a merchant whose contract knows no reversal is refused',
      canceled('1150'),
      final('rejected', 'unsupported', '1150'),
    ),
    reversing(
      'the reversal of another payment is not believed',
      canceled('0000', { orig_syssn: '1', out_trade_no: 'another' }),
      { ...poll, reason: 'conflict' },
    ),
    closing(
      'a close that was done has canceled',
      canceled('0000', { out_trade_no: undefined }),
      final('succeeded', 'canceled', '0000'),
    ),
    closing('a close that only names the original did nothing', canceled('0000', { syssn: undefined }), {
      ...poll,
      code: '0000/no-syssn',
    }),
    closing('a pay_type that may not be closable is asked about', canceled('1297'), poll),

    refunding('a refund that was done has refunded', refunded('0000'), final('succeeded', 'refunded', '0000')),
    refunding('a refund in progress is followed', refunded('1145'), { ...poll, reason: 'processing' }),
    refunding('a pending refund is followed', refunded('2999', { origssn: SYSSN }), { ...poll, reason: 'processing' }),
    refunding(
      'a refund of a part that the card takes back whole only is followed, and not called in progress',
      refunded('1124'),
      { ...poll, reason: 'unsupported', code: '1124' },
    ),
    refunding(
      'a part of a card payment cannot be given back on the same day',
      unmade('1124', 'For void request, it must be a full refund, please correct refund amount and re-initiate it'),
      final('rejected', 'unsupported', '1124/no-syssn'),
    ),
    refunding('a refund in the closed half-hour is asked about', refunded('1265'), {
      ...poll,
      reason: 'declined',
      code: '1265',
    }),
    refunding('a refund past its period is asked about', unmade('1265', '該筆訂單被禁止退款，已經超出可退款時限'), {
      ...poll,
      reason: 'declined',
      code: '1265',
    }),
    refunding(
      'a refund that QFPay has no money for now is asked about',
      unmade(
        '1269',
        'Sorry, we are unable to process the refund request for this transaction at this moment. Please try again after the data update at 11 AM.',
      ),
      { ...poll, reason: 'insufficient-funds', code: '1269' },
    ),
    refunding(
      'a refund number that is used already is a duplicate',
      unmade(...USED),
      final('rejected', 'duplicate', '1251/out_trade_no'),
    ),
    refunding(
      'a refund that was asked for before is a duplicate',
      refunded('1264'),
      final('rejected', 'duplicate', '1264'),
    ),
    refunding(
      'a payment that is refunded already cannot be refunded',
      refunded('1262'),
      final('failed', 'already-final', '1262'),
    ),
    refunding('more than is left cannot be refunded', refunded('1272'), final('rejected', 'limit-exceeded', '1272')),
    refunding('a denied refund has failed', refunded('1155'), final('failed', 'declined', '1155')),
    refunding('the refund of another payment is not believed', refunded('0000', { orig_syssn: '1' }), {
      ...poll,
      reason: 'conflict',
    }),

    askingForRefund(
      'a refund row with 0000 is refunded',
      envelope(refundRow('0000')),
      final('succeeded', 'refunded', '0000'),
    ),
    askingForRefund('the row of the payment is not the refund', envelope(row('0000', { out_trade_no: REFUND })), {
      ...poll,
      reason: 'not-found',
    }),
    askingForRefund(
      'a row without a type is not known to be a refund',
      envelope(refundRow('0000', { order_type: undefined })),
      { ...poll, reason: 'not-found' },
    ),
    askingForRefund('a refund row in progress is open', envelope(refundRow('1145')), { ...poll, reason: 'processing' }),
    askingForRefund('a refund row of a part that the card takes back whole only is open', envelope(refundRow('1124')), {
      ...poll,
      reason: 'unsupported',
      code: '1124',
    }),
    askingForRefund('a denied refund row has failed', envelope(refundRow('1155')), final('failed', 'declined', '1155')),
    askingForRefund('a refund row that says it cannot be refunded ends nothing alone', envelope(refundRow('1265')), {
      ...poll,
      reason: 'declined',
      code: '1265',
    }),
    askingForRefund('a refund row without money to give back ends nothing alone', envelope(refundRow('1269')), {
      ...poll,
      reason: 'insufficient-funds',
      code: '1269',
    }),
    askingForRefund('a full page of refunds ends nothing', fullPage(refundRow('0000')), { ...poll, code: 'one-page' }),
    askingForRefund(
      'a refund row that was itself taken back is unknown',
      envelope(refundRow('0000', { cancel: '1' })),
      { kind: 'poll-required', listed: false },
    ),
    askingForRefund(
      'a refused query says nothing of the refund',
      { respcd: '1104', resperr: '' },
      final('rejected', 'invalid-request', 'query/1104'),
    ),
  ],
};
