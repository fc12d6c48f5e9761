import type { Exchange } from '../../src/core/exchange.ts';
import type { Fields } from '../../src/core/operation.ts';
import type { Sample, Samples } from '../../src/testing/sample.ts';
import type { ZalopayFields } from '../../src/adapters/zalopay/fields.ts';
import { zalopay } from '../../src/adapters/zalopay/index.ts';

const key1 = 'made-up-mac-key-0123456789abcdef';
const key2 = 'made-up-callback-key-0123456789a';

const said = (code: number, detail: number | undefined, message: string, extra: object = {}): object => ({
  return_code: code,
  return_message: message,
  ...(detail !== undefined && { sub_return_code: detail, sub_return_message: message }),
  ...extra,
});
const success = (extra: object = {}): object => said(1, 1, 'Giao dịch thành công.', extra);
const failure = (detail?: number): object => said(2, detail, 'Giao dịch thất bại');
const processing = (extra: object = {}): object => said(3, 3, 'Giao dịch đang xử lý', extra);

const order: Fields = {
  app_trans_id: '261121_2553_0001',
  app_user: 'user-7',
  amount: 50_000,
  description: 'Payment for the order 261121_2553_0001',
};
const charge: Fields = {
  app_trans_id: '261121_2553_0002',
  identifier: '84900000001',
  zp_trans_token: 'ZP261121_2553_0002',
  pay_token: 'MADEUPPAYTOKEN0001',
};
const scan: Fields = {
  ...order,
  app_trans_id: '261121_2553_0005',
  description: 'Two coffees',
  payment_code_raw: '180000000000000001',
  payment_code: 'MTgwMDAwMDAwMDAwMDAwMDAx',
};
const refund: Fields = {
  m_refund_id: '261121_2553_R001',
  zp_trans_id: '261121000006575',
  amount: 50_000,
  description: 'Out of stock',
};
const binding: Fields = { app_trans_id: '261121_2553_0003', identifier: '84900000001' };
const card: Fields = {
  app_trans_id: '261121_2553_0004',
  identifier: '84900000001',
  binding_type: 'CARD',
  binding_mode: 'BIND',
  device_type: 'MOBILE',
};
const unbind: Fields = {
  identifier: '84900000001',
  binding_id: '261121qQe7vGnqp0agyforLAy0D2b1x3',
  app_trans_id: '261121_2553_0003',
};
const orderOf = ({ app_trans_id }: Fields): Fields => ({ app_trans_id });
const refundOf = ({ m_refund_id }: Fields): Fields => ({ m_refund_id });

const boundAs = (status: number): object =>
  success({
    data: {
      app_id: 2553,
      app_trans_id: binding['app_trans_id'],
      binding_id: unbind['binding_id'],
      pay_token: charge['pay_token'],
      merchant_user_id: binding['identifier'],
      zp_user_id: 'Bs8KJXf2GKyfVv_fnxG7IwG5VbQ8H_qGsOUW2UJAJSM',
      masked_user_phone: '****0001',
      server_time: 1_795_235_400,
      status,
      msg_type: 1,
      expiry_timestamp_in_ms: -62_135_596_800_000,
    },
  });

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
  (operation: keyof ZalopayFields, sent: Fields) =>
  (title: string, body: unknown, verdict: Expected, more: Partial<Exchange> = {}): Sample => ({
    title,
    exchange: { operation, sent, status: 200, body, ...more },
    verdict,
  });

const create = of('payment.create', order);
const query = of('payment.query', orderOf(order));
const cancel = of('payment.cancel', orderOf(order));
const pay = of('payment.charge', charge);
const scanPay = of('payment.scan', scan);
const refundCreate = of('refund.create', refund);
const refundQuery = of('refund.query', refundOf(refund));
const bind = of('binding.create', binding);
const bindQuery = of('binding.query', orderOf(binding));
const bindCancel = of('binding.cancel', unbind);
const balance = of('balance.query', { identifier: '84900000001', pay_token: 'MADEUPPAYTOKEN0001', amount: 50_000 });
const user = of('user.query', { access_token: 'MADEUPPAYTOKEN0001' });
const cardBind = of('card-binding.create', card);
const cardQuery = of('card-binding.query', orderOf(card));
const cardCancel = of('card-binding.cancel', unbind);
const cardPay = of('card-payment.charge', charge);

const list: readonly Sample[] = [
  create(
    'an order that was created waits for its payer',
    success({
      zp_trans_token: 'AC261121_2553_0001',
      order_url: 'https://qcgateway.zalopay.vn/openinapp?order=MADEUP',
      order_token: 'AC261121_2553_0001',
      qr_code: '00020101021226520010vn.zalopay',
    }),
    ended('created', 'awaiting-payer', '1'),
  ),
  create('a number that is taken is rejected on a first send', failure(-68), ended('rejected', 'duplicate', '2/-68')),
  create(
    'a number that is taken is asked about once the first send may have landed',
    failure(-68),
    open('duplicate', '2/-68'),
    { attempt: 2 },
  ),
  create('a system error does not say that there is no order', failure(-500), open('unknown-outcome', '2/-500')),
  create(
    'a system error as the return code is the same',
    said(-500, undefined, 'Lỗi hệ thống'),
    open('unknown-outcome', '2/-500'),
  ),
  create(
    'a wrong signature is rejected',
    said(-402, undefined, 'Chữ ký không hợp lệ'),
    ended('rejected', 'authentication', '2/-402'),
  ),
  create('a malformed field is rejected', failure(-401), ended('rejected', 'invalid-request', '2/-401')),
  create('too many requests may be sent again', failure(-429), again('rate-limited', '2/-429')),
  create('a number of the wrong format is rejected', failure(-92), ended('rejected', 'invalid-request', '2/-92')),
  create('maintenance took nothing in', failure(-999), again('maintenance', '2/-999')),
  create('a failure without a detail is not believed to be final', failure(), open('unknown-outcome', '2')),
  create('a failure that repeats its code as the detail has none', failure(2), open('unknown-outcome', '2')),
  create('a detail nobody has listed is unknown, not a plain failure', failure(-77_777), unlisted('2/-77777')),
  create('a return code nobody has listed is unknown', said(0, undefined, ''), unlisted('0')),
  create('a return code written as a text is no success', { ...success(), return_code: '1' }, unlisted('unreadable')),

  create(
    'an order whose mac is not equal is refused, and nobody polls for it',
    said(2, 10, 'MAC not equal'),
    ended('rejected', 'authentication', '2/10'),
  ),
  create(
    'an order whose mac is invalid is refused',
    said(-2, -201, 'Invalid mac'),
    ended('rejected', 'authentication', '-2/-201'),
  ),
  create('an invalid order is refused', said(2, -10, 'Invalid order'), ended('rejected', 'invalid-request', '2/-10')),
  create(
    'an invalid order is refused under its other code',
    said(2, -16, 'Invalid order'),
    ended('rejected', 'invalid-request', '2/-16'),
  ),
  create(
    'a refused order is asked about once the first send may have landed',
    said(2, -10, 'Invalid order'),
    open('invalid-request', '2/-10'),
    { attempt: 2 },
  ),

  query(
    'a paid order has succeeded',
    success({
      is_processing: false,
      amount: 50_000,
      discount_amount: 0,
      zp_trans_id: 261_121_000_006_575,
      server_time: 1_795_235_400_000,
    }),
    ended('succeeded', 'approved', '1'),
  ),
  query(
    'an order that nobody has paid is still open',
    processing({ is_processing: true, amount: 0, zp_trans_id: 0 }),
    open('processing', '3'),
  ),
  query('an order past its time has expired', failure(-54), ended('expired', 'expired', '2/-54')),
  query(
    'an order past its time has expired, whatever amount it tells',
    { ...failure(-54), amount: 0, zp_trans_id: 0 },
    ended('expired', 'expired', '2/-54'),
  ),
  query('too little balance leaves the order open', failure(-63), open('insufficient-funds', '2/-63')),
  query('a daily limit leaves the order open', failure(-1331), open('limit-exceeded', '2/-1331')),
  query('an error at the payer’s bank leaves the order open', failure(-217), open('declined', '2/-217')),
  query(
    'success that is still in progress is asked again',
    success({ is_processing: true, amount: 50_000, zp_trans_id: 261_121_000_006_575 }),
    open('processing', '1/processing'),
  ),
  query(
    'success without a number of ZaloPay’s is asked again',
    success({ is_processing: false, amount: 50_000, zp_trans_id: 0 }),
    open('processing', '1/processing'),
  ),
  query('an order whose payer canceled once stays open, and says why', failure(-329), open('canceled', '2/-329')),
  query('a payment code that had expired leaves an order open', failure(-322), open('expired', '2/-322')),
  query('a spending limit leaves the order open', failure(-1013), open('limit-exceeded', '2/-1013')),
  query('an order that is closed, canceled or perhaps paid is asked about', failure(-49), open('canceled', '2/-49')),
  query('an app under maintenance says nothing about the payment', failure(-33), again('maintenance', '2/-33')),
  query('a function under maintenance says nothing about the payment', failure(-88), again('maintenance', '2/-88')),
  query('a system under maintenance says nothing about the payment', failure(-135), again('maintenance', '2/-135')),
  query('a system error of the older kind says nothing about the payment', failure(-32), again('unavailable', '2/-32')),
  query('a system error of another kind says nothing about the payment', failure(-301), again('unavailable', '2/-301')),
  query('a channel under maintenance leaves the order open', failure(-34), open('maintenance', '2/-34')),
  query('a channel that is not supported leaves the order open', failure(-35), open('maintenance', '2/-35')),
  query('a bank under maintenance leaves the order open', failure(-43), open('maintenance', '2/-43')),
  query('an order ZaloPay does not have is asked about again', failure(-101), open('not-found', '2/-101')),
  query('a system error says nothing about the payment', failure(-500), again('unavailable', '2/-500')),
  query(
    'maintenance as the return code says nothing about the payment',
    said(-999, undefined, 'Hệ thống đang bảo trì'),
    again('maintenance', '2/-999'),
  ),
  query(
    'a query whose signature was refused is rejected, and only the query',
    said(-403, undefined, 'ILLEGAL_SIGNATURE_REQUEST'),
    ended('rejected', 'authentication', '2/-403'),
  ),
  query('a failure without a detail may be the query’s own', failure(), open('unknown-outcome', '2')),
  query(
    'an answer about another order is a conflict',
    success({ app_trans_id: '261121_2553_9999', amount: 50_000, zp_trans_id: 261_121_000_006_575 }),
    open('conflict', '1'),
  ),

  cancel('an order was canceled', success(), ended('succeeded', 'canceled', '1')),
  cancel('a paid order cannot be canceled', failure(-403), ended('failed', 'already-final', '2/-403')),
  cancel(
    'a paid order cannot be canceled, told as the return code',
    said(-403, undefined, 'ORDER_ALREADY_CAPTURED'),
    ended('failed', 'already-final', '2/-403'),
  ),
  cancel('there is no such order to cancel', failure(-101), ended('rejected', 'not-found', '2/-101')),
  cancel('a system error leaves a cancel unknown', failure(-500), open('unknown-outcome', '2/-500')),

  pay(
    'a token was charged',
    success({ app_trans_id: charge['app_trans_id'], zp_trans_id: 261_121_000_006_576 }),
    ended('succeeded', 'approved', '1'),
  ),
  pay(
    'a charge in progress is asked about',
    processing({ app_trans_id: charge['app_trans_id'], zp_trans_id: 261_121_000_006_576 }),
    open('processing', '3'),
  ),
  pay(
    'a charge whose success is still in progress is asked about',
    success({ is_processing: true, zp_trans_id: 5 }),
    open('processing', '1/processing'),
  ),
  pay(
    'a charge whose success has no number of ZaloPay’s is asked about',
    success({ zp_trans_id: 0 }),
    open('processing', '1/processing'),
  ),
  pay('a success with an error beside it is unknown', said(1, -63, '', { zp_trans_id: 5 }), unlisted('1/-63')),
  pay('a payer without the money ends the charge', failure(-63), ended('failed', 'insufficient-funds', '2/-63')),
  pay('a payer who cancels ends the charge', failure(-329), ended('canceled', 'canceled', '2/-329')),
  pay('a daily limit ends the charge', failure(-1330), ended('failed', 'limit-exceeded', '2/-1330')),
  pay('the rules of a promotion end the charge', failure(-332), ended('failed', 'declined', '2/-332')),
  pay('a charge that the payer’s bank failed at is asked about', failure(-217), open('declined', '2/-217')),
  pay('a charge that met the channel’s maintenance is asked about', failure(-34), open('maintenance', '2/-34')),
  pay(
    'a charge of an order that is closed, canceled or perhaps paid is asked about',
    failure(-49),
    open('canceled', '2/-49'),
  ),
  pay('a token that is unbound has failed', failure(-1002), ended('failed', 'declined', '2/-1002')),
  pay('a token that is expired has failed', failure(-1007), ended('failed', 'expired', '2/-1007')),
  pay('an amount above the payer’s limit has failed', failure(-1013), ended('failed', 'limit-exceeded', '2/-1013')),
  pay('another app’s token is rejected', failure(-1011), ended('rejected', 'permission', '2/-1011')),
  pay(
    'a refused token is asked about once the first send may have landed',
    failure(-1002),
    open('declined', '2/-1002'),
    { mayHaveLanded: true },
  ),
  pay('a system error may have charged the token', failure(-500), open('unknown-outcome', '2/-500')),
  pay('maintenance charged nothing', failure(-1801), again('maintenance', '2/-1801')),
  pay(
    'a charge whose mac is not equal is refused',
    said(2, 10, 'MAC not equal'),
    ended('rejected', 'authentication', '2/10'),
  ),
  pay(
    'a charge whose mac is invalid is refused',
    said(-2, -201, 'Invalid mac'),
    ended('rejected', 'authentication', '-2/-201'),
  ),
  pay(
    'a charge of an invalid order is refused',
    said(2, -10, 'Invalid order'),
    ended('rejected', 'invalid-request', '2/-10'),
  ),
  pay(
    'a charge of an invalid order is refused under its other code',
    said(2, -16, 'Invalid order'),
    ended('rejected', 'invalid-request', '2/-16'),
  ),
  pay('a code that only canceling knows is unknown to a charge', failure(-403), unlisted('2/-403')),

  scanPay(
    'a scanned code was charged',
    success({ is_processing: false, zp_trans_id: 261_121_000_006_577 }),
    ended('succeeded', 'approved', '1'),
  ),
  scanPay(
    'a scanned code whose success is still in progress is asked about',
    success({ is_processing: true, zp_trans_id: 261_121_000_006_577 }),
    open('processing', '1/processing'),
  ),
  scanPay(
    'a scanned code whose success does not say that it is over is asked about',
    success(),
    open('processing', '1/processing'),
  ),
  scanPay('a scanned code waits for the payer’s PIN', processing({ is_processing: true }), open('processing', '3')),
  scanPay('a scanned code that had expired was not charged', failure(-322), ended('failed', 'expired', '2/-322')),
  scanPay('a payer who cancels ends the scan', failure(-329), ended('canceled', 'canceled', '2/-329')),
  scanPay('a payer without the money ends the scan', failure(-63), ended('failed', 'insufficient-funds', '2/-63')),
  scanPay('a scan whose number is taken is rejected', failure(-68), ended('rejected', 'duplicate', '2/-68')),
  scanPay('a system error may have charged the scanned code', failure(-500), open('unknown-outcome', '2/-500')),
  scanPay('a scan that met maintenance of the app is asked about', failure(-33), open('maintenance', '2/-33')),
  scanPay('a scan that the payer’s bank failed at is asked about', failure(-217), open('declined', '2/-217')),
  scanPay('a scan that met the channel’s maintenance is asked about', failure(-43), open('maintenance', '2/-43')),
  scanPay(
    'a scan of an order that is closed, canceled or perhaps paid is asked about',
    failure(-49),
    open('canceled', '2/-49'),
  ),
  scanPay(
    'a scan of other money is a conflict',
    success({ is_processing: false, zp_trans_id: 5, amount: 1 }),
    open('conflict', '1'),
  ),
  scanPay(
    'a scan whose number has the wrong format is rejected',
    failure(-92),
    ended('rejected', 'invalid-request', '2/-92'),
  ),
  scanPay('maintenance charged no scanned code', failure(-999), again('maintenance', '2/-999')),
  scanPay(
    'a scan that expired is asked about once the first send may have landed',
    failure(-322),
    open('expired', '2/-322'),
    { mayHaveLanded: true },
  ),

  refundCreate(
    'a refund was accepted, which is not done',
    success({ refund_id: 261_121_000_000_042 }),
    open('processing', '1'),
  ),
  refundCreate('a refund is in progress', processing(), open('processing', '3')),
  refundCreate('a system error may have refunded', failure(0), open('unknown-outcome', '2/0')),
  refundCreate('a refund that waits for approval is no failure', failure(-1), open('processing', '2/-1')),
  refundCreate(
    'a refund that waits for approval is no failure in the other pairing',
    said(3, -1, 'REFUND_PENDING'),
    open('processing', '3/-1'),
  ),
  refundCreate('a refund in progress is no failure', failure(-16), open('processing', '2/-16')),
  refundCreate('there is no such payment to refund', failure(-101), ended('rejected', 'not-found', '2/-101')),
  refundCreate('a refund number that is taken is rejected', failure(-23), ended('rejected', 'duplicate', '2/-23')),
  refundCreate('a stale or late refund is rejected', failure(-13), ended('rejected', 'expired', '2/-13')),

  refundQuery('a refund is done', success(), ended('succeeded', 'refunded', '1')),
  refundQuery(
    'a refund in progress is no failure, although its sub code is 2',
    said(3, 2, 'REFUND_PROCESSING'),
    open('processing', '3/2'),
  ),
  refundQuery('a refund that waits for approval has not failed', failure(-1), open('processing', '2/-1')),
  refundQuery(
    'a refund that waits for approval has not failed in the other pairing',
    said(3, -1, 'REFUND_PENDING'),
    open('processing', '3/-1'),
  ),
  refundQuery('a refund whose log entry failed is in progress', failure(-16), open('processing', '2/-16')),
  refundQuery(
    'a refund whose log entry failed is in progress in the other pairing',
    said(3, -16, 'Refund in progress'),
    open('processing', '3'),
  ),
  refundQuery('a refund has failed', failure(0), ended('failed', 'declined', '2/0')),
  refundQuery('a payment too old to refund', failure(-13), ended('failed', 'expired', '2/-13')),
  refundQuery('a refund ZaloPay does not have is asked about again', failure(-101), open('not-found', '2/-101')),
  refundQuery(
    'a system under maintenance says nothing about the refund',
    failure(-135),
    again('maintenance', '2/-135'),
  ),
  refundQuery(
    'too many queries may be asked again',
    said(-429, undefined, 'LIMIT_REQUEST_REACH'),
    again('rate-limited', '2/-429'),
  ),

  bind(
    'a binding waits for the user',
    success({
      binding_token: '261121qQe7vGnqp0agyforLAy0D2b1x3',
      deep_link: 'zalopay://launch/app/732?view=authorize',
      short_link: 'https://example.com',
    }),
    ended('created', 'awaiting-payer', '1'),
  ),
  bind('a binding number that is taken is rejected', failure(-68), ended('rejected', 'duplicate', '2/-68')),
  bind(
    'an illegal status may be a binding that exists',
    said(406, undefined, 'ILLEGAL_STATUS'),
    open('unknown-outcome', '406'),
  ),
  bindQuery('a user has confirmed', boundAs(1), ended('succeeded', 'approved', '1/1')),
  bindQuery('a user has canceled, although the query succeeded', boundAs(3), ended('canceled', 'canceled', '1/3')),
  bindQuery('a binding is disabled, although the query succeeded', boundAs(4), ended('canceled', 'canceled', '1/4')),
  bindQuery('a status nobody has listed is unknown, although the query succeeded', boundAs(2), unlisted('1/2')),
  bindQuery('a user has not finished', processing(), open('awaiting-payer', '3')),
  bindCancel('a binding is gone', success(), ended('succeeded', 'canceled', '1')),
  bindCancel('there is no such binding', failure(-101), ended('rejected', 'not-found', '2/-101')),

  balance(
    'a balance was told',
    success({ data: [{ channel: 38, payable: true, bank_code: 'zp_app' }], discount_amount: 0 }),
    ended('succeeded', 'approved', '1'),
  ),
  balance('a locked account has no balance to tell', failure(-1009), ended('failed', 'risk', '2/-1009')),
  balance('maintenance may be asked again', failure(-1801), again('maintenance', '2/-1801')),
  user('a user was told', success({ phone: '****2606' }), ended('succeeded', 'approved', '1')),

  cardBind(
    'a card binding waits for the user',
    success({ binding_token: '261121aaaa', binding_url: 'https://example.com/bind', reform_url: '' }),
    ended('created', 'awaiting-payer', '1'),
  ),
  cardBind('a wrong parameter is rejected', failure(-7002), ended('rejected', 'invalid-request', '2/-7002')),
  cardQuery(
    'a card is bound',
    success({ binding_token: '261121aaaa', zp_trans_id: '0' }),
    ended('succeeded', 'approved', '1'),
  ),
  cardQuery('a user has not finished with the card', processing(), open('awaiting-payer', '3')),
  cardCancel('another user’s card cannot be unbound', failure(-7216), ended('rejected', 'invalid-request', '2/-7216')),
  cardPay(
    'a card was charged',
    success({ app_trans_id: charge['app_trans_id'], zp_trans_id: 261_121_000_006_578 }),
    ended('succeeded', 'approved', '1'),
  ),
  cardPay(
    'a card’s charge whose success has no number of ZaloPay’s is asked about',
    success({ app_trans_id: charge['app_trans_id'] }),
    open('processing', '1/processing'),
  ),
  cardPay('an order that is unknown or timed out is asked about', failure(-7032), open('unknown-outcome', '2/-7032')),
  cardPay('a card token that is no longer active has failed', failure(-7217), ended('failed', 'declined', '2/-7217')),
];

const any = ['1', '2', '3'];
const withFail = (...details: number[]): string[] => details.map(detail => `2/${detail}`);

/** What the contract suite needs: made-up credentials, answers as ZaloPay shapes them, and every code of its manual. */
export const samples: Samples<ZalopayFields> = {
  adapter: zalopay({
    appId: 2553,
    key1,
    key2,
    environment: 'sandbox',
    paths: { 'card-binding.cancel': '/v2/tokenization/unbind', 'card-payment.charge': '/v2/tokenization/pay' },
  }),
  secrets: [key1, key2],
  samples: list,
  manual: {
    'payment.create': [...any, '-2/-201', ...withFail(10, -10, -16, -33, -68, -92, -401, -402, -429, -500, -999)],
    'payment.query': [
      ...any,
      ...withFail(-54, -63, -92, -101, -217, -332, -333, -401, -402, -403, -405, -406, -429, -500, -999),
      ...withFail(-32, -33, -34, -35, -43, -49, -88, -135, -301, -322, -329, -1013),
      ...withFail(-1330, -1331, -1332, -1333, -1340, -1341, -1342, -1343),
      '406',
    ],
    'payment.cancel': [...any, ...withFail(-101, -401, -403, -429, -500, -999)],
    'payment.charge': [
      ...any,
      '-2/-201',
      ...withFail(10, -10, -16, -34, -35, -43, -49, -63, -101, -217, -329, -332, -333, -401, -402, -500),
      ...withFail(
        -1002,
        -1007,
        -1009,
        -1010,
        -1011,
        -1013,
        -1019,
        -1330,
        -1331,
        -1332,
        -1333,
        -1340,
        -1341,
        -1342,
        -1343,
        -1800,
        -1801,
      ),
    ],
    'payment.scan': [
      ...any,
      '-2/-201',
      ...withFail(
        10,
        -10,
        -16,
        -33,
        -34,
        -35,
        -43,
        -49,
        -63,
        -68,
        -92,
        -217,
        -322,
        -329,
        -332,
        -333,
        -401,
        -402,
        -429,
        -500,
        -999,
        -1013,
      ),
      ...withFail(-1330, -1331, -1332, -1333, -1340, -1341, -1342, -1343),
    ],
    'refund.create': [
      ...any,
      '3/-1',
      ...withFail(0, -1, -13, -16, -14, -23, -24, -25, -26, -32, -101, -401, -402, -429, -500, -999),
    ],
    'refund.query': [
      ...any,
      '3/-1',
      '3/2',
      '406',
      ...withFail(-33, -88, -135, -301),
      ...withFail(0, -1, -2, -13, -14, -16, -32, -101, -401, -402, -403, -405, -406, -429, -500, -999),
    ],
    'binding.create': [...any, '406', ...withFail(-68, -401, -402, -403, -405, -406, -429, -500, -1801)],
    'binding.query': [...any, '1/1', '1/3', '1/4', ...withFail(-101, -401, -402, -500, -1801)],
    'binding.cancel': [...any, ...withFail(-101, -401, -402, -500, -1011, -1801)],
    'balance.query': [...any, ...withFail(-101, -401, -402, -500, -1002, -1007, -1009, -1011, -1800, -1801)],
    'user.query': [...any, ...withFail(-401, -402, -500, -1801)],
    'card-binding.create': [...any, '406', ...withFail(-68, -401, -402, -403, -405, -406, -429, -500, -7002)],
    'card-binding.query': [...any, ...withFail(-101, -500, -7002)],
    'card-binding.cancel': [...any, ...withFail(-101, -500, -7002, -7216)],
    'card-payment.charge': [...any, ...withFail(-500, -7002, -7032, -7041, -7202, -7217, -7223)],
  },
  complete: {
    'payment.create': order,
    'payment.query': orderOf(order),
    'payment.cancel': orderOf(order),
    'payment.charge': charge,
    'payment.scan': scan,
    'refund.create': refund,
    'refund.query': refundOf(refund),
    'binding.create': binding,
    'binding.query': orderOf(binding),
    'binding.cancel': unbind,
    'balance.query': { identifier: '84900000001', pay_token: 'MADEUPPAYTOKEN0001', amount: 50_000 },
    'user.query': { access_token: 'MADEUPPAYTOKEN0001' },
    'card-binding.create': card,
    'card-binding.query': orderOf(card),
    'card-binding.cancel': unbind,
    'card-payment.charge': charge,
  },
};
