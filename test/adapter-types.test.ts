import { describe, expect, expectTypeOf, it } from 'vitest';
import type { Gateway, Settlement } from 'tillpaid';
import type { IfortepayAmount, IfortepayAnswers, IfortepayFields } from 'tillpaid/adapters/ifortepay';
import type { QfpayAnswers, QfpayFields } from 'tillpaid/adapters/qfpay';
import type { RebellAmount, RebellAnswers, RebellFields, RebellForm } from 'tillpaid/adapters/rebell';
import type { UqpayAnswers, UqpayFields, UqpayIntent, UqpayNextAction } from 'tillpaid/adapters/uqpay';
import type { ZalopayAnswers, ZalopayFields } from 'tillpaid/adapters/zalopay';

// `tsc -p tsconfig.json` is what runs this file: every write of every adapter, once right, then misspelt, incomplete and
// of a wrong type. What would really send stands in functions that nobody calls.

type Qfpay = Gateway<QfpayFields, QfpayAnswers>;
type Zalopay = Gateway<ZalopayFields, ZalopayAnswers>;
type Ifortepay = Gateway<IfortepayFields, IfortepayAnswers>;
type Rebell = Gateway<RebellFields, RebellAnswers>;
type Uqpay = Gateway<UqpayFields, UqpayAnswers>;

/** A write that the adapter has, with fields and an answer. */
type Write<F> = Exclude<keyof F, `${string}.query` | `${string}.list`>;

const uncalled = (...calls: ((...given: never[]) => unknown)[]): void =>
  calls.forEach(call => expect(call).toBeTypeOf('function'));

describe('qfpay', () => {
  const order = { txamt: 100, txcurrcd: 'HKD', pay_type: '800108', out_trade_no: 'A1' };
  const refund = { txamt: 100, out_trade_no: 'R1', syssn: 'S1' };

  it('payment.create', () =>
    uncalled((g: Qfpay) => [
      g.settle('payment.create', { ...order, expired_time: 10 }),
      g.settle('payment.create', { ...order, auth_code: '28' }),
      // @ts-expect-error: misspelt.
      g.settle('payment.create', { ...order, authCode: '28' }),
      // @ts-expect-error: no pay type.
      g.settle('payment.create', { txamt: 100, txcurrcd: 'HKD', out_trade_no: 'A1' }),
      // @ts-expect-error: a currency is a text.
      g.settle('payment.create', { ...order, txcurrcd: 344 }),
    ]));

  it('payment.charge', () =>
    uncalled((g: Qfpay) => [
      g.settle('payment.charge', { ...order, auth_code: '28' }),
      // @ts-expect-error: misspelt.
      g.settle('payment.charge', { ...order, auth_code: '28', good_name: 'Tea' }),
      // @ts-expect-error: no scanned code.
      g.settle('payment.charge', order),
      // @ts-expect-error: a scanned code is a text.
      g.settle('payment.charge', { ...order, auth_code: 28 }),
    ]));

  it('payment.reverse and payment.close', () =>
    uncalled((g: Qfpay) => [
      g.settle('payment.reverse', { out_trade_no: 'A1', txamt: 100 }),
      g.settle('payment.close', { syssn: 'S1', txamt: '100' }),
      // @ts-expect-error: misspelt.
      g.settle('payment.reverse', { outTradeNo: 'A1', txamt: 100 }),
      // @ts-expect-error: no amount.
      g.settle('payment.reverse', { out_trade_no: 'A1' }),
      // @ts-expect-error: an amount is a number or its digits.
      g.settle('payment.reverse', { out_trade_no: 'A1', txamt: true }),
      // @ts-expect-error: misspelt.
      g.settle('payment.close', { sysn: 'S1', txamt: 100 }),
      // @ts-expect-error: no amount.
      g.settle('payment.close', { syssn: 'S1' }),
      // @ts-expect-error: a number of theirs is a text.
      g.settle('payment.close', { syssn: 1, txamt: 100 }),
    ]));

  it('refund.create', () =>
    uncalled((g: Qfpay) => [
      g.settle('refund.create', refund),
      // @ts-expect-error: misspelt.
      g.settle('refund.create', { ...refund, txdate: '' }),
      // @ts-expect-error: no number of the payment.
      g.settle('refund.create', { txamt: 100, out_trade_no: 'R1' }),
      // @ts-expect-error: a number is a text.
      g.settle('refund.create', { ...refund, syssn: 1 }),
    ]));

  it('every write has a typed answer', () => {
    expectTypeOf<keyof QfpayAnswers>().toEqualTypeOf<Write<QfpayFields>>();
    expectTypeOf<QfpayAnswers['payment.create']['qrcode']>().toEqualTypeOf<string | undefined>();
    expectTypeOf<QfpayAnswers['payment.charge']['syssn']>().toEqualTypeOf<string | null | undefined>();
    expectTypeOf<QfpayAnswers['payment.reverse']['orig_syssn']>().toEqualTypeOf<string | null | undefined>();
    expectTypeOf<QfpayAnswers['payment.close']['orig_syssn']>().toEqualTypeOf<string | null | undefined>();
    expectTypeOf<QfpayAnswers['refund.create']['orig_syssn']>().toEqualTypeOf<string | null | undefined>();
  });
});

describe('zalopay', () => {
  const order = { app_trans_id: '1', app_user: 'u', amount: 100, description: 'Tea' };
  const scan = { ...order, payment_code: 'x', payment_code_raw: '1' };
  const token = { app_trans_id: '1', identifier: 'u', zp_trans_token: 't', pay_token: 'p' };
  const refund = { m_refund_id: '1', zp_trans_id: '2', amount: 100, description: 'Tea' };
  const binding = { app_trans_id: '1', identifier: 'u' };

  it('payment.create', () =>
    uncalled((g: Zalopay) => [
      g.settle('payment.create', { ...order, expire_duration_seconds: 600 }),
      // @ts-expect-error: misspelt.
      g.settle('payment.create', { ...order, expire_duration_second: 600 }),
      // @ts-expect-error: no amount.
      g.settle('payment.create', { app_trans_id: '1', app_user: 'u', description: 'Tea' }),
      // @ts-expect-error: an amount is a number of dong.
      g.settle('payment.create', { ...order, amount: '100' }),
    ]));

  it('payment.cancel', () =>
    uncalled((g: Zalopay) => [
      g.settle('payment.cancel', { app_trans_id: '1' }),
      // @ts-expect-error: misspelt.
      g.settle('payment.cancel', { app_trans_id: '1', appId: 1 }),
      // @ts-expect-error: no number.
      g.settle('payment.cancel', {}),
      // @ts-expect-error: a number is a text.
      g.settle('payment.cancel', { app_trans_id: 1 }),
    ]));

  it('payment.charge and card-payment.charge', () =>
    uncalled((g: Zalopay) => [
      g.settle('payment.charge', token),
      g.settle('card-payment.charge', token),
      // @ts-expect-error: misspelt.
      g.settle('payment.charge', { ...token, req_dat: 1 }),
      // @ts-expect-error: no token.
      g.settle('payment.charge', { app_trans_id: '1', identifier: 'u', zp_trans_token: 't' }),
      // @ts-expect-error: a token is a text.
      g.settle('payment.charge', { ...token, pay_token: 1 }),
      // @ts-expect-error: misspelt.
      g.settle('card-payment.charge', { ...token, card: 1 }),
      // @ts-expect-error: no token.
      g.settle('card-payment.charge', { app_trans_id: '1', identifier: 'u', zp_trans_token: 't' }),
      // @ts-expect-error: a token is a text.
      g.settle('card-payment.charge', { ...token, pay_token: 1 }),
    ]));

  it('payment.scan', () =>
    uncalled((g: Zalopay) => [
      g.settle('payment.scan', { ...scan, userip: '10.0.0.1' }),
      // @ts-expect-error: misspelt.
      g.settle('payment.scan', { ...scan, user_ip: '10.0.0.1' }),
      // @ts-expect-error: no code as it was scanned.
      g.settle('payment.scan', { ...order, payment_code: 'x' }),
      // @ts-expect-error: a code is a text.
      g.settle('payment.scan', { ...scan, payment_code_raw: 1 }),
    ]));

  it('refund.create', () =>
    uncalled((g: Zalopay) => [
      g.settle('refund.create', { ...refund, refund_fee_amount: 1 }),
      // @ts-expect-error: misspelt.
      g.settle('refund.create', { ...refund, refund_fee: 1 }),
      // @ts-expect-error: no number of its own.
      g.settle('refund.create', { zp_trans_id: '2', amount: 100, description: 'Tea' }),
      // @ts-expect-error: ZaloPay's number is a text.
      g.settle('refund.create', { ...refund, zp_trans_id: 2 }),
    ]));

  it('binding.create and binding.cancel', () =>
    uncalled((g: Zalopay) => [
      g.settle('binding.create', { ...binding, max_amount: 0 }),
      g.settle('binding.cancel', { identifier: 'u', binding_id: '1' }),
      // @ts-expect-error: misspelt.
      g.settle('binding.create', { ...binding, maxAmount: 0 }),
      // @ts-expect-error: no user.
      g.settle('binding.create', { app_trans_id: '1' }),
      // @ts-expect-error: there is one type.
      g.settle('binding.create', { ...binding, binding_type: 'CARD' }),
      // @ts-expect-error: misspelt.
      g.settle('binding.cancel', { identifier: 'u', binding_id: '1', binding: 1 }),
      // @ts-expect-error: no binding.
      g.settle('binding.cancel', { identifier: 'u' }),
      // @ts-expect-error: a binding's number is a text.
      g.settle('binding.cancel', { identifier: 'u', binding_id: 1 }),
    ]));

  it('card-binding.create and card-binding.cancel', () => {
    const card = { ...binding, binding_type: 'CARD', binding_mode: 'BIND', device_type: 'MOBILE' } as const;
    uncalled((g: Zalopay) => [
      g.settle('card-binding.create', card),
      g.settle('card-binding.cancel', { identifier: 'u', binding_id: '1' }),
      // @ts-expect-error: misspelt.
      g.settle('card-binding.create', { ...card, payment: '' }),
      // @ts-expect-error: no device.
      g.settle('card-binding.create', { ...binding, binding_type: 'CARD', binding_mode: 'BIND' }),
      // @ts-expect-error: there are two modes.
      g.settle('card-binding.create', { ...card, binding_mode: 'PAY' }),
      // @ts-expect-error: misspelt.
      g.settle('card-binding.cancel', { identifier: 'u', binding_id: '1', bindingId: 1 }),
      // @ts-expect-error: no binding.
      g.settle('card-binding.cancel', { identifier: 'u' }),
      // @ts-expect-error: a binding's number is a text.
      g.settle('card-binding.cancel', { identifier: 'u', binding_id: 1 }),
    ]);
  });

  it('every write has a typed answer', () => {
    type Answer<K extends keyof ZalopayAnswers> = ZalopayAnswers[K];
    expectTypeOf<keyof ZalopayAnswers>().toEqualTypeOf<Write<ZalopayFields>>();
    expectTypeOf<Answer<'payment.create'>['order_url']>().toEqualTypeOf<string | undefined>();
    expectTypeOf<Answer<'payment.create'>['zp_trans_token']>().toEqualTypeOf<string | undefined>();
    expectTypeOf<Answer<'payment.create'>['qr_code']>().toEqualTypeOf<string | undefined>();
    expectTypeOf<Answer<'payment.charge'>['zp_trans_id']>().toEqualTypeOf<string | number | undefined>();
    expectTypeOf<Answer<'payment.scan'>['is_processing']>().toEqualTypeOf<boolean | undefined>();
    expectTypeOf<Answer<'card-payment.charge'>>().toEqualTypeOf<Answer<'payment.charge'>>();
    expectTypeOf<Answer<'refund.create'>['refund_id']>().toEqualTypeOf<string | number | undefined>();
    expectTypeOf<Answer<'binding.create'>['deep_link']>().toEqualTypeOf<string | undefined>();
    expectTypeOf<Answer<'card-binding.create'>['binding_url']>().toEqualTypeOf<string | undefined>();
    expectTypeOf<Answer<'payment.cancel'>['return_code']>().toEqualTypeOf<number | undefined>();
  });
});

describe('ifortepay', () => {
  const amount: IfortepayAmount = { value: '10000.00', currency: 'IDR' };
  const qris = { partnerReferenceNo: 'A1', amount, additionalInfo: { callbackUrl: 'https://shop.example' } };
  const numbers = { originalPartnerReferenceNo: 'A1', originalReferenceNo: '1' };

  it('qris.create and qris.cancel', () =>
    uncalled((g: Ifortepay) => [
      g.settle('qris.create', { ...qris, terminalId: 'T7' }),
      g.settle('qris.cancel', { ...numbers, reason: 'cold' }),
      // @ts-expect-error: misspelt.
      g.settle('qris.create', { ...qris, terminalID: 'T7' }),
      // @ts-expect-error: nowhere to notify.
      g.settle('qris.create', { partnerReferenceNo: 'A1', amount }),
      // @ts-expect-error: an amount has a currency.
      g.settle('qris.create', { ...qris, amount: '10000.00' }),
      // @ts-expect-error: misspelt.
      g.settle('qris.cancel', { ...numbers, reason: 'cold', reasons: '' }),
      // @ts-expect-error: no reason.
      g.settle('qris.cancel', numbers),
      // @ts-expect-error: a reason is a text.
      g.settle('qris.cancel', { ...numbers, reason: 1 }),
    ]));

  it('va.create', () =>
    uncalled((g: Ifortepay) => [
      g.settle('va.create', { trxId: 'A1', totalAmount: amount, virtualAccountTrxType: 'C' }),
      // @ts-expect-error: misspelt.
      g.settle('va.create', { trxId: 'A1', total: amount }),
      // @ts-expect-error: no number.
      g.settle('va.create', { totalAmount: amount }),
      // @ts-expect-error: an amount has a currency.
      g.settle('va.create', { trxId: 'A1', totalAmount: 10_000 }),
    ]));

  it('debit.charge and debit.cancel', () =>
    uncalled((g: Ifortepay) => [
      g.settle('debit.charge', { partnerReferenceNo: 'A1', amount, additionalInfo: { isWithOtp: 'Y', bank: 'BRI' } }),
      g.settle('debit.cancel', numbers),
      // @ts-expect-error: misspelt.
      g.settle('debit.charge', { partnerReferenceNo: 'A1', amount, bankToken: 't' }),
      // @ts-expect-error: no amount.
      g.settle('debit.charge', { partnerReferenceNo: 'A1' }),
      // @ts-expect-error: a token is a text.
      g.settle('debit.charge', { partnerReferenceNo: 'A1', amount, bankCardToken: 1 }),
      // @ts-expect-error: misspelt.
      g.settle('debit.cancel', { ...numbers, reasn: '' }),
      // @ts-expect-error: iFortepay's number is missing.
      g.settle('debit.cancel', { originalPartnerReferenceNo: 'A1' }),
      // @ts-expect-error: a reason is a text.
      g.settle('debit.cancel', { ...numbers, reason: 1 }),
    ]));

  it('every write has a typed answer', () => {
    expectTypeOf<keyof IfortepayAnswers>().toEqualTypeOf<Write<IfortepayFields>>();
    expectTypeOf<IfortepayAnswers['qris.create']['qrContent']>().toEqualTypeOf<string | undefined>();
    expectTypeOf<IfortepayAnswers['debit.charge']['webRedirectUrl']>().toEqualTypeOf<string | undefined>();
    expectTypeOf<IfortepayAnswers['debit.charge']['referenceNo']>().toEqualTypeOf<string | undefined>();
    expectTypeOf<NonNullable<IfortepayAnswers['va.create']['virtualAccountData']>['virtualAccountNo']>().toEqualTypeOf<
      string | undefined
    >();
    expectTypeOf<IfortepayAnswers['qris.cancel']['cancelTime']>().toEqualTypeOf<string | undefined>();
    expectTypeOf<IfortepayAnswers['debit.cancel']>().toEqualTypeOf<IfortepayAnswers['qris.cancel']>();
  });
});

describe('rebell', () => {
  const euros: RebellAmount = { currency: 'EUR', value: '1250' };
  const payment = { paymentRequestId: 'A1', paymentAmount: euros };
  const capture = { captureRequestId: 'C1', paymentId: '1', captureAmount: euros };
  const refund = { refundRequestId: 'R1', paymentId: '1', refundAmount: euros };

  it('payment.charge and payment.create', () =>
    uncalled((g: Rebell) => [
      g.settle('payment.charge', { ...payment, api: 'retailPay', paymentAuthCode: '28' }),
      g.settle('payment.create', { ...payment, api: 'linkPayCreate' }),
      // @ts-expect-error: misspelt.
      g.settle('payment.charge', { ...payment, authCode: '28' }),
      // @ts-expect-error: no amount.
      g.settle('payment.charge', { paymentRequestId: 'A1' }),
      // @ts-expect-error: there is no such API.
      g.settle('payment.charge', { ...payment, api: 'scanPay' }),
      // @ts-expect-error: a code is the charge's.
      g.settle('payment.create', { ...payment, paymentAuthCode: '28' }),
      // @ts-expect-error: no number.
      g.settle('payment.create', { paymentAmount: euros }),
      // @ts-expect-error: an amount has a currency.
      g.settle('payment.create', { ...payment, paymentAmount: 1250 }),
    ]));

  it('payment.cancel and payment.void', () =>
    uncalled((g: Rebell) => [
      g.settle('payment.cancel', { paymentRequestId: 'A1' }),
      g.settle('payment.void', { voidRequestId: 'V1', paymentId: '1' }),
      // @ts-expect-error: misspelt.
      g.settle('payment.cancel', { paymentRequestID: 'A1' }),
      // @ts-expect-error: a number is a text.
      g.settle('payment.cancel', { paymentId: 1 }),
      // @ts-expect-error: misspelt.
      g.settle('payment.void', { voidRequestId: 'V1', paymentId: '1', reason: '' }),
      // @ts-expect-error: no payment.
      g.settle('payment.void', { voidRequestId: 'V1' }),
      // @ts-expect-error: a number is a text.
      g.settle('payment.void', { voidRequestId: 1, paymentId: '1' }),
    ]));

  it('payment.capture and refund.create', () =>
    uncalled((g: Rebell) => [
      g.settle('payment.capture', capture),
      g.settle('refund.create', { ...refund, api: 'refundApply', refundReason: 'cold' }),
      // @ts-expect-error: misspelt.
      g.settle('payment.capture', { ...capture, amount: euros }),
      // @ts-expect-error: no amount.
      g.settle('payment.capture', { captureRequestId: 'C1', paymentId: '1' }),
      // @ts-expect-error: an amount has a currency.
      g.settle('payment.capture', { ...capture, captureAmount: '1250' }),
      // @ts-expect-error: misspelt.
      g.settle('refund.create', { ...refund, reason: 'cold' }),
      // @ts-expect-error: no number of its own.
      g.settle('refund.create', { paymentId: '1', refundAmount: euros }),
      // @ts-expect-error: a reason is a text.
      g.settle('refund.create', { ...refund, refundReason: 7 }),
    ]));

  it('message.send', () =>
    uncalled((g: Rebell) => [
      g.settle('message.send', { requestId: 'M1' }, { extraFields: { title: 'Your table is ready' } }),
      // @ts-expect-error: what only its API knows goes in extraFields.
      g.settle('message.send', { requestId: 'M1', title: 'Your table is ready' }),
      // @ts-expect-error: no number.
      g.settle('message.send', { targetUserId: '1' }),
      // @ts-expect-error: there is no such API.
      g.settle('message.send', { requestId: 'M1', api: 'sendFax' }),
    ]));

  it('every write has a typed answer', () => {
    expectTypeOf<keyof RebellAnswers>().toEqualTypeOf<Write<RebellFields>>();
    expectTypeOf<RebellAnswers['payment.create']['qrCode']>().toEqualTypeOf<string | undefined>();
    expectTypeOf<RebellAnswers['payment.create']['redirectUrl']>().toEqualTypeOf<string | undefined>();
    expectTypeOf<RebellAnswers['payment.charge']['redirectActionForm']>().toEqualTypeOf<
      RebellForm | string | null | undefined
    >();
    expectTypeOf<RebellAnswers['payment.cancel']['paymentId']>().toEqualTypeOf<string | undefined>();
    expectTypeOf<RebellAnswers['payment.void']['voidId']>().toEqualTypeOf<string | undefined>();
    expectTypeOf<RebellAnswers['payment.capture']['captureId']>().toEqualTypeOf<string | undefined>();
    expectTypeOf<RebellAnswers['refund.create']['refundId']>().toEqualTypeOf<string | undefined>();
    expectTypeOf<RebellAnswers['message.send']['messageId']>().toEqualTypeOf<string | undefined>();
  });
});

describe('uqpay', () => {
  const page = { description: 'Tea', return_url: 'https://shop.example' };
  const order = { amount: '12.50', currency: 'SGD', merchant_order_id: 'A1', ...page };
  const refund = { payment_intent_id: 'PI1', amount: '5.00', reason: 'cold' };
  const payout = { payout_currency: 'SGD', payout_amount: '10.00', statement_descriptor: 'TEA' };

  it('payment.create and payment.confirm', () =>
    uncalled((g: Uqpay) => [
      g.settle('payment.create', { ...order, metadata: { table: '7' } }),
      g.settle('payment.confirm', { payment_intent_id: 'PI1', payment_method: { type: 'paynow' } }),
      // @ts-expect-error: misspelt.
      g.settle('payment.create', { ...order, meta: {} }),
      // @ts-expect-error: no number.
      g.settle('payment.create', { amount: '12.50', currency: 'SGD', ...page }),
      // @ts-expect-error: an amount is a decimal text.
      g.settle('payment.create', { ...order, amount: 12.5 }),
      // @ts-expect-error: misspelt.
      g.settle('payment.confirm', { payment_intent_id: 'PI1', method: {} }),
      // @ts-expect-error: no intent.
      g.settle('payment.confirm', {}),
      // @ts-expect-error: a method is an object.
      g.settle('payment.confirm', { payment_intent_id: 'PI1', payment_method: 'paynow' }),
    ]));

  it('payment.capture and payment.cancel', () =>
    uncalled((g: Uqpay) => [
      g.settle('payment.capture', { payment_intent_id: 'PI1', amount_to_capture: '5.00' }),
      g.settle('payment.cancel', { payment_intent_id: 'PI1', cancellation_reason: 'abandoned' }),
      // @ts-expect-error: misspelt.
      g.settle('payment.capture', { payment_intent_id: 'PI1', amount: '5.00' }),
      // @ts-expect-error: no intent.
      g.settle('payment.capture', { amount_to_capture: '5.00' }),
      // @ts-expect-error: an amount is a decimal text.
      g.settle('payment.capture', { payment_intent_id: 'PI1', amount_to_capture: 5 }),
      // @ts-expect-error: misspelt.
      g.settle('payment.cancel', { payment_intent_id: 'PI1', reason: 'abandoned' }),
      // @ts-expect-error: no intent.
      g.settle('payment.cancel', {}),
      // @ts-expect-error: there are four reasons.
      g.settle('payment.cancel', { payment_intent_id: 'PI1', cancellation_reason: 'bored' }),
    ]));

  it('refund.create and payout.create', () =>
    uncalled((g: Uqpay) => [
      g.settle('refund.create', { ...refund, merchant_refund_id: 'R1' }),
      g.settle('payout.create', payout, { idempotencyKey: 'K' }),
      // @ts-expect-error: misspelt.
      g.settle('refund.create', { ...refund, refund_id: 'R1' }),
      // @ts-expect-error: no reason.
      g.settle('refund.create', { payment_intent_id: 'PI1', amount: '5.00' }),
      // @ts-expect-error: an amount is a decimal text.
      g.settle('refund.create', { ...refund, amount: 5 }),
      // @ts-expect-error: misspelt.
      g.settle('payout.create', { ...payout, note: '' }),
      // @ts-expect-error: no descriptor.
      g.settle('payout.create', { payout_currency: 'SGD', payout_amount: '10.00' }),
      // @ts-expect-error: an amount is a decimal text.
      g.settle('payout.create', { ...payout, payout_amount: 10 }),
    ]));

  it('every write has a typed answer', () => {
    expectTypeOf<keyof UqpayAnswers>().toEqualTypeOf<Write<UqpayFields>>();
    expectTypeOf<UqpayAnswers['payment.create']['client_secret']>().toEqualTypeOf<string | undefined>();
    expectTypeOf<UqpayAnswers['payment.confirm']['next_action']>().toEqualTypeOf<UqpayNextAction | null | undefined>();
    expectTypeOf<UqpayAnswers['payment.capture']>().toEqualTypeOf<UqpayIntent>();
    expectTypeOf<UqpayAnswers['payment.cancel']>().toEqualTypeOf<UqpayIntent>();
    expectTypeOf<UqpayAnswers['refund.create']['payment_refund_id']>().toEqualTypeOf<string | undefined>();
    expectTypeOf<UqpayAnswers['payout.create']['payout_id']>().toEqualTypeOf<string | undefined>();
  });
});

describe('an answer', () => {
  it('is that of the write, and may be missing', () => {
    uncalled(async (zalo: Zalopay, qf: Qfpay) => {
      const order = await zalo.settle('payment.create', {
        app_trans_id: '1',
        app_user: 'u',
        amount: 1,
        description: '',
      });
      expectTypeOf(order).toEqualTypeOf<Settlement<ZalopayAnswers['payment.create']>>();
      expectTypeOf(order.answer).toEqualTypeOf<ZalopayAnswers['payment.create'] | undefined>();
      // @ts-expect-error: it may have been lost.
      expect(order.answer.order_url).toBeDefined();
      // @ts-expect-error: ZaloPay answers no such thing.
      expect(order.answer?.qrcode).toBeDefined();
      const { answer } = await qf.settle('refund.create', { txamt: 1, out_trade_no: 'R', syssn: 'S' });
      expectTypeOf(answer?.orig_syssn).toEqualTypeOf<string | null | undefined>();
    });
  });

  it('of a gateway whose type does not say what it is, is unknown', () => {
    uncalled(async (known: Zalopay) => {
      const older: Gateway<ZalopayFields> = known;
      const { answer } = await older.settle('payment.cancel', { app_trans_id: '1' });
      expectTypeOf(answer).toEqualTypeOf<unknown>();
    });
  });
});
