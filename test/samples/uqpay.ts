import type { Sample, Samples } from '../../src/testing/sample.ts';
import { uqpay, type UqpayFields } from '../../src/adapters/uqpay/index.ts';

const apiKey = 'sample-api-key-5c1f0e7a94b2';
const webhookSecret = 'sample-webhook-secret-d08e6b31';

const order = { merchant_order_id: 'ORDER-1001', amount: '10.12', currency: 'SGD' };
const created = {
  ...order,
  description: 'Two coffees',
  return_url: 'https://shop.example/back',
};
const id = { payment_intent_id: 'PI2043628825316691968' };
const refundId = { payment_refund_id: 'RF2043700000000000001' };
const payoutId = { payout_id: 'PO1968582687224500224' };
const refundSent = { ...id, amount: '5.00', reason: 'Returned' };
const payoutSent = { payout_currency: 'SGD', payout_amount: '100.00', statement_descriptor: 'WEEK 47' };

/** The shape of https://developers.uqpay.com/global-acquiring/v1.6/api-reference/retrieve-payment-intent */
const intent = (intent_status: string, attempt_status?: string, more: object = {}): object => ({
  ...id,
  ...order,
  intent_status,
  description: 'Two coffees',
  available_payment_method_types: null,
  captured_amount: '0.00',
  cancel_time: '',
  cancellation_reason: '',
  client_secret: 'shown-to-the-browser',
  metadata: {},
  return_url: 'https://shop.example/back',
  create_time: '2026-11-21T10:00:00+08:00',
  complete_time: '',
  update_time: '2026-11-21T10:00:00+08:00',
  latest_payment_attempt:
    attempt_status === undefined
      ? null
      : {
          attempt_id: 'PA1961262701099356160',
          amount: order.amount,
          currency: order.currency,
          attempt_status,
          refunded_amount: '0',
        },
  ...more,
});
const refund = (refund_status: string, more: object = {}): object => ({
  ...refundId,
  payment_attempt_id: 'PA1961262701099356160',
  amount: '5.00',
  currency: 'SGD',
  refund_status,
  create_time: '2026-11-21T11:00:00+08:00',
  update_time: '2026-11-21T11:00:00+08:00',
  reason: 'Returned',
  ...more,
});
const payout = (payout_status: string): object => ({
  ...payoutId,
  ...payoutSent,
  payout_status,
  create_time: '2026-11-21T12:00:00+08:00',
  internal_note: '',
  completed_time: '',
});
const error = (type: string, code: string): object => ({ type, code, message: code.replaceAll('_', ' ') });

/** Complete fields of each operation. */
const sentBy: Readonly<Record<keyof UqpayFields, Record<string, unknown>>> = {
  'payment.create': created,
  'payment.confirm': id,
  'payment.query': id,
  'payment.list': { page_size: 100, page_number: 1 },
  'payment.capture': id,
  'payment.cancel': id,
  'refund.create': refundSent,
  'refund.query': refundId,
  'refund.list': { page_size: 100, page_number: 1 },
  'payout.create': payoutSent,
  'payout.query': payoutId,
  'payout.list': { page_size: 100, page_number: 1 },
};

type Row = readonly [status: number, body: unknown, verdict: Sample['verdict'], sent?: Record<string, unknown>];

/** What each answer to an operation means, by title. */
const of = (operation: keyof UqpayFields, rows: Readonly<Record<string, Row>>): Sample[] =>
  Object.entries(rows).map(([title, [status, body, verdict, sent = sentBy[operation]]]) => ({
    title,
    exchange: { operation, status, body, sent },
    verdict,
  }));

const open = (reason: string, code?: string): Sample['verdict'] => ({
  kind: 'poll-required',
  reason,
  listed: true,
  ...(code !== undefined && { code }),
});
const unlisted = (code: string): Sample['verdict'] => ({
  kind: 'poll-required',
  reason: 'unknown-outcome',
  listed: false,
  code,
});
const final = (outcome: string, reason: string, code?: string): Sample['verdict'] => ({
  kind: 'terminal',
  outcome,
  reason,
  listed: true,
  ...(code !== undefined && { code }),
});
const lookedFor = { ...sentBy['payment.list'], merchant_order_id: order.merchant_order_id };
const refundsOf = { ...sentBy['refund.list'], ...id };
const payoutLookedFor = { ...sentBy['payout.list'], statement_descriptor: payoutSent.statement_descriptor };
const asked = (reason: string, code?: string): Sample['verdict'] => ({
  kind: 'retryable',
  reason,
  listed: true,
  ...(code !== undefined && { code }),
});
const page = (total_pages: number, ...data: unknown[]): object => ({ total_pages, total_items: data.length, data });

const samples: readonly Sample[] = [
  ...of('payment.create', {
    'a fresh intent waits for its payer': [
      200,
      intent('REQUIRES_PAYMENT_METHOD'),
      final('created', 'awaiting-payer', 'intent/REQUIRES_PAYMENT_METHOD'),
    ],
    'an intent that needs 3-D Secure waits for its payer': [
      201,
      intent('REQUIRES_CUSTOMER_ACTION', 'AUTHENTICATION_REDIRECTED'),
      final('created', 'awaiting-payer'),
    ],
    'a failed attempt is not a failed intent': [
      200,
      intent('REQUIRES_PAYMENT_METHOD', 'FAILED'),
      final('created', 'declined', 'intent/REQUIRES_PAYMENT_METHOD/FAILED'),
    ],
    'an attempt on its way is not yet anything': [
      200,
      intent('REQUIRES_PAYMENT_METHOD', 'PENDING_AUTHORIZATION'),
      open('processing', 'intent/REQUIRES_PAYMENT_METHOD/PENDING_AUTHORIZATION'),
    ],
    'a card that was charged in the call is paid': [
      200,
      intent('SUCCEEDED', 'CAPTURE_REQUESTED'),
      final('succeeded', 'approved'),
    ],
    'a pending intent is asked about, also under 202': [
      202,
      intent('PENDING', 'PENDING_AUTHORIZATION'),
      open('processing'),
    ],
    'an intent without auto_capture is authorized': [
      200,
      intent('REQUIRES_CAPTURE', 'AUTHORIZED'),
      final('authorized', 'authorized'),
    ],
    'a canceled intent is canceled': [200, intent('CANCELLED'), final('canceled', 'canceled')],
    'a canceled intent is canceled in the Go SDK’s spelling too': [
      200,
      intent('CANCELED'),
      final('canceled', 'canceled', 'intent/CANCELED'),
    ],
    'the Go SDK’s other word for a payer who must act means the same': [
      200,
      intent('REQUIRES_ACTION'),
      final('created', 'awaiting-payer'),
    ],
    'an intent that waits for its confirm waits for the merchant': [
      200,
      intent('REQUIRES_CONFIRMATION'),
      final('created', 'awaiting-merchant'),
    ],
    'a card number that is refused under the other type is declined': [
      400,
      error('card_error', 'invalid_number'),
      final('failed', 'declined'),
    ],
    'an account that may not is refused': [
      403,
      error('forbidden', 'forbidden'),
      final('rejected', 'permission', 'forbidden/forbidden'),
    ],
    'the guard’s own 403 is a refusal too': [
      403,
      { error: 'Forbidden', message: 'Access to this resource is forbidden from UAT' },
      final('rejected', 'permission', 'forbidden'),
    ],
    'a key in conflict may be that of our own first send': [
      409,
      error('idempotency_error', 'key_conflict'),
      open('conflict'),
    ],
    'the older envelope’s conflict is asked about': [
      409,
      { code: 409, message: 'Conflict occurred' },
      open('conflict', 'numeric/409'),
    ],
    'the older envelope’s rate limit does not say that nothing was done': [
      429,
      { code: 429, message: 'Too many requests' },
      open('rate-limited', 'numeric/429'),
    ],
    'the HTTP status counts, not a number that contradicts it': [
      400,
      { code: 200, message: 'Something went wrong' },
      open('unknown-outcome', 'numeric/400'),
    ],
    'a number under another status says nothing': [
      418,
      { code: 200, message: 'Something went wrong' },
      unlisted('numeric/418'),
    ],
    'a number that contradicts its status refuses nothing': [
      400,
      { code: 403, message: 'Something went wrong' },
      open('unknown-outcome', 'numeric/400'),
    ],
    'the older envelope’s 403 is a refusal': [
      403,
      { code: 403, message: 'Forbidden' },
      final('rejected', 'permission', 'numeric/403'),
    ],
    'the older envelope’s 404 is a refusal': [
      404,
      { code: 404, message: 'Not found' },
      final('rejected', 'not-found', 'numeric/404'),
    ],
    'a 401 for want of a permission renews no token': [
      401,
      error('unauthorized_error', 'no_permission'),
      final('rejected', 'permission', 'unauthorized_error/forbidden'),
    ],
    'a 401 that speaks of the token renews it, whatever else it says': [
      401,
      { type: 'unauthorized_error', code: 'unauthorized', message: 'the token has no permission any more' },
      { kind: 'retryable', reason: 'authentication', code: 'unauthorized_error' },
    ],
    'a failed intent has failed': [200, intent('FAILED'), final('failed', 'declined')],
    'an amount written with more zeros is the same amount': [
      200,
      intent('SUCCEEDED', undefined, { amount: '10.1200' }),
      final('succeeded', 'approved'),
    ],
    'another amount is not believed': [200, intent('SUCCEEDED', undefined, { amount: '1.12' }), open('conflict')],
    'another currency is not believed': [200, intent('SUCCEEDED', undefined, { currency: 'USD' }), open('conflict')],
    'another order is not believed': [
      200,
      intent('SUCCEEDED', undefined, { merchant_order_id: 'ORDER-1002' }),
      open('conflict'),
    ],
    'a state nobody has heard of is unknown': [200, intent('REQUIRES_PATIENCE'), unlisted('intent/REQUIRES_PATIENCE')],
    'a refused card is declined': [
      400,
      error('payment_error', 'payment_refused'),
      final('failed', 'declined', 'payment_error/payment_refused'),
    ],
    'a timeout under the same type and status is unknown': [
      400,
      error('payment_error', 'timeout'),
      open('unknown-outcome'),
    ],
    'a duplicate at the channel is no decline': [400, error('payment_error', 'order_conflict'), open('conflict')],
    'an issuer that cannot be reached may still have booked': [
      400,
      error('payment_error', 'issuer_unavailable'),
      open('unknown-outcome'),
    ],
    'a payment error nobody has heard of is unknown': [
      400,
      error('payment_error', 'brand_new'),
      unlisted('payment_error/brand_new'),
    ],
    'a code is matched in its own case only': [
      400,
      error('payment_error', '3ds_required'),
      unlisted('payment_error/3ds_required'),
    ],
    'a wrong parameter is rejected': [
      400,
      error('invalid_request_error', 'invalid_parameter'),
      final('rejected', 'invalid-request'),
    ],
    'a refusal with a new code is one by its type': [
      400,
      error('invalid_request_error', 'brand_new'),
      final('rejected', 'invalid-request', 'invalid_request_error'),
    ],
    'a first send that is still running is asked about': [
      400,
      error('idempotence_error', 'request_being_processed'),
      open('processing'),
    ],
    'the other spelling of the type means the same': [
      400,
      error('idempotency_error', 'request_being_processed'),
      open('processing', 'idempotence_error/request_being_processed'),
    ],
    'the older envelope means the same, whatever its number': [
      400,
      { code: 200, message: 'Request is processing, please try again later' },
      open('processing', 'idempotence_error/request_being_processed'),
    ],
    'the older envelope with other words is unknown': [
      400,
      { code: 400, message: 'Something went wrong while Request is processing' },
      open('unknown-outcome', 'numeric/400'),
    ],
    'a key that another call used is the caller’s mistake': [
      400,
      error('idempotency_error', 'key_mismatch_api'),
      final('rejected', 'conflict'),
    ],
    'an ended token is renewed': [
      401,
      error('unauthorized_error', 'token_expired'),
      { kind: 'retryable', reason: 'authentication', code: 'unauthorized_error', listed: true },
    ],
    'the guard’s own 401 is renewed too': [
      401,
      { error: 'Invalid authorization header' },
      { kind: 'retryable', reason: 'authentication', code: 'unauthorized_error' },
    ],
    'an internal error of a write is unknown': [
      500,
      error('api_error', 'api_error'),
      open('unknown-outcome', 'api_error/api_error'),
    ],
    'a velocity limit does not say that nothing was done': [
      429,
      error('api_error', 'velocity_limit_exceeded'),
      open('rate-limited'),
    ],
  }),
  ...of('payment.confirm', {
    'a confirmed card is paid': [200, intent('SUCCEEDED', 'SUCCEEDED'), final('succeeded', 'approved')],
    'a confirm may need the payer': [200, intent('REQUIRES_CUSTOMER_ACTION'), final('created', 'awaiting-payer')],
    'a confirm whose attempt failed leaves the intent open': [
      200,
      intent('REQUIRES_PAYMENT_METHOD'),
      final('created', 'declined'),
    ],
    'a confirm that ran into a lack of funds is declined': [
      400,
      error('payment_error', 'not_enough_balance'),
      final('failed', 'insufficient-funds'),
    ],
    'a closed order may be a paid one': [400, error('payment_error', 'closed_order'), open('already-final')],
    'a confirm of an unknown intent is rejected': [
      400,
      error('not_found', 'payment_intent_not_found'),
      final('rejected', 'not-found'),
    ],
  }),
  ...of('payment.query', {
    'a query of a paid intent is paid': [200, intent('SUCCEEDED', 'CAPTURE_REQUESTED'), final('succeeded', 'approved')],
    'a query of an intent without a payment method waits for the payer': [
      200,
      intent('REQUIRES_PAYMENT_METHOD'),
      open('awaiting-payer'),
    ],
    'a failed attempt on a query leaves the intent open': [
      200,
      intent('REQUIRES_PAYMENT_METHOD', 'FAILED'),
      open('declined'),
    ],
    'a failed attempt that says why leaves the intent open as well': [
      200,
      intent('REQUIRES_PAYMENT_METHOD', undefined, {
        latest_payment_attempt: { attempt_status: 'FAILED', failure_code: 'do_not_honor' },
      }),
      open('declined'),
    ],
    'an attempt that the payer gave up leaves the intent open': [
      200,
      intent('REQUIRES_PAYMENT_METHOD', 'CANCELLED'),
      open('awaiting-payer', 'intent/REQUIRES_PAYMENT_METHOD/CANCELLED'),
    ],
    'an attempt that expired leaves the intent open': [
      200,
      intent('REQUIRES_PAYMENT_METHOD', 'EXPIRED'),
      open('awaiting-payer', 'intent/REQUIRES_PAYMENT_METHOD/EXPIRED'),
    ],
    'a query of an intent that the payer must act for goes on': [
      200,
      intent('REQUIRES_ACTION', 'AUTHENTICATION_REDIRECTED'),
      open('awaiting-payer', 'intent/REQUIRES_ACTION'),
    ],
    'a query of an intent that waits for its confirm goes on': [
      200,
      intent('REQUIRES_CONFIRMATION'),
      open('awaiting-merchant', 'intent/REQUIRES_CONFIRMATION'),
    ],
    'a query in the older envelope that finds no page is asked again': [
      404,
      { code: 404, message: 'Not found' },
      asked('unavailable', 'numeric/404'),
    ],
    'a query of an intent that was canceled in the other spelling is canceled': [
      200,
      intent('CANCELED'),
      final('canceled', 'canceled'),
    ],
    'a query in the older envelope is asked again': [
      400,
      { code: 400, message: 'Something went wrong' },
      asked('unavailable', 'numeric/400'),
    ],
    'a query too many is asked again later': [
      429,
      { code: 429, message: 'Too many requests' },
      asked('rate-limited', 'numeric/429'),
    ],
    'a query that is forbidden says nothing about the payment': [
      403,
      error('forbidden', 'forbidden'),
      final('rejected', 'permission'),
    ],
    'a query of a pending intent goes on': [200, intent('PENDING'), open('processing')],
    'a capture that was requested does not make a pending intent paid': [
      200,
      intent('PENDING', 'CAPTURE_REQUESTED'),
      open('processing'),
    ],
    'a query of an authorized intent is authorized': [
      200,
      intent('REQUIRES_CAPTURE'),
      final('authorized', 'authorized'),
    ],
    'a query of a canceled intent is canceled': [200, intent('CANCELLED'), final('canceled', 'canceled')],
    'an intent that closed unpaid has failed': [200, intent('FAILED', 'EXPIRED'), final('failed', 'expired')],
    'a query answered about another intent is not believed': [
      200,
      intent('SUCCEEDED', undefined, { payment_intent_id: 'PI9' }),
      open('conflict'),
    ],
    'not found is HTTP 400 with a type of its own': [
      400,
      error('not_found', 'payment_intent_not_found'),
      open('not-found', 'not_found'),
    ],
    'an id the channel does not know is not found': [400, error('payment_error', 'not_found_id'), open('not-found')],
    'a query that failed is asked again': [
      400,
      error('payment_error', 'retrieve_payment_intent_failed'),
      { kind: 'retryable', reason: 'unavailable' },
    ],
    'a refused query says nothing about the payment': [
      400,
      error('invalid_request_error', 'invalid_parameter'),
      final('rejected', 'invalid-request'),
    ],
    'a query with an ended token is asked with a new one': [
      401,
      error('unauthorized_error', 'unauthorized_error'),
      { kind: 'retryable', reason: 'authentication' },
    ],
  }),
  ...of('payment.list', {
    'a page of many orders says nothing about one': [200, page(1, intent('SUCCEEDED')), open('unknown-outcome')],
    'one intent instead of a page is nobody’s, whatever it says': [
      200,
      { ...intent('SUCCEEDED'), merchant_order_id: '' },
      { kind: 'retryable', reason: 'unreadable', listed: false },
      lookedFor,
    ],
    'a refused list says nothing about the payment': [
      400,
      error('invalid_request_error', 'invalid_parameter'),
      final('rejected', 'invalid-request'),
      lookedFor,
    ],
    'an order is found among others': [
      200,
      page(
        1,
        intent('SUCCEEDED', undefined, { merchant_order_id: 'ORDER-1', payment_intent_id: 'PI1' }),
        intent('PENDING'),
      ),
      open('processing'),
      lookedFor,
    ],
    'of several intents of one order a paid one wins': [
      200,
      page(1, intent('FAILED', undefined, { payment_intent_id: 'PI1' }), intent('SUCCEEDED')),
      final('succeeded', 'approved'),
      lookedFor,
    ],
    'two paid intents of one order are a conflict': [
      200,
      page(1, intent('SUCCEEDED', undefined, { payment_intent_id: 'PI1' }), intent('SUCCEEDED')),
      { kind: 'terminal', outcome: 'succeeded', reason: 'conflict' },
      lookedFor,
    ],
    'an intent that failed, with other pages behind it, may not be the only one': [
      200,
      page(2, intent('FAILED', undefined, { payment_intent_id: 'PI1' })),
      open('unknown-outcome', 'list/incomplete'),
      lookedFor,
    ],
    'an order that is on no page is not found': [
      200,
      { total_pages: 0, total_items: 0, data: null },
      open('not-found'),
      lookedFor,
    ],
    'an order that is not among those of a time may be of another time, as clocks differ': [
      200,
      page(1),
      open('unknown-outcome', 'list/none-of-these'),
      { ...lookedFor, start_time: '2026-11-21T02:00:00Z' },
    ],
    'an order that is not among those of a status is not absent': [
      200,
      page(1),
      open('unknown-outcome', 'list/none-of-these'),
      { ...lookedFor, payment_intent_status: 'SUCCEEDED' },
    ],
    'an order that is not on the second page may be on the first': [
      200,
      page(1),
      open('unknown-outcome', 'list/incomplete'),
      { ...lookedFor, page_number: '2' },
    ],
    'an order that is not on this page may be on another': [
      200,
      page(3, intent('SUCCEEDED', undefined, { merchant_order_id: 'ORDER-1' })),
      open('unknown-outcome'),
      lookedFor,
    ],
  }),
  ...of('payment.capture', {
    'a captured intent is captured': [200, intent('SUCCEEDED'), final('succeeded', 'approved')],
    'a capture whose answer shows the hold is on its way': [200, intent('REQUIRES_CAPTURE'), open('processing')],
    'a canceled intent cannot be captured': [200, intent('CANCELLED'), final('failed', 'canceled')],
    'an intent that was canceled in the other spelling cannot be captured': [
      200,
      intent('CANCELED'),
      final('failed', 'canceled'),
    ],
    'a closed order refuses a capture': [
      400,
      error('payment_error', 'closed_order'),
      final('rejected', 'already-final', 'payment_error/closed_order'),
    ],
  }),
  ...of('payment.cancel', {
    'a canceled intent was canceled': [200, intent('CANCELLED'), final('succeeded', 'canceled')],
    'a cancel answered in the Go SDK’s spelling is done': [
      200,
      intent('CANCELED'),
      final('succeeded', 'canceled', 'intent/CANCELED'),
    ],
    'a cancel answered with the state from before is on its way': [
      200,
      intent('REQUIRES_CUSTOMER_ACTION', 'AUTHENTICATION_REDIRECTED', { cancellation_reason: 'requested_by_customer' }),
      open('processing'),
    ],
    'a cancel of a paid wallet payment is on its way': [200, intent('SUCCEEDED'), open('processing')],
    'an intent that failed needs no cancel': [200, intent('FAILED'), final('succeeded', 'already-final')],
  }),
  ...of('refund.create', {
    'a refund that was taken is not yet done': [200, refund('INITIATED'), open('processing')],
    'a refund that is done is done': [200, refund('SUCCEEDED'), final('succeeded', 'refunded', 'refund/SUCCEEDED')],
    'a refund of another amount is not believed': [200, refund('SUCCEEDED', { amount: '50.00' }), open('conflict')],
    'a refund of too much is refused': [
      400,
      error('payment_error', 'amount_exceeded'),
      final('failed', 'limit-exceeded'),
    ],
    'a refund error is a refusal by its type': [
      400,
      error('refund_error', 'refund_not_allowed'),
      final('rejected', 'invalid-request', 'refund_error'),
    ],
    'a refund error is none under a status that says nothing': [
      500,
      error('refund_error', 'refund_not_allowed'),
      unlisted('http/500'),
    ],
    'a refund error whose code leaves a payment open leaves the refund open': [
      400,
      error('refund_error', 'operation_in_progress'),
      open('processing', 'refund_error/operation_in_progress'),
    ],
    'a refund that is pending in the Go SDK’s word is asked about': [200, refund('PENDING'), open('processing')],
  }),
  ...of('refund.query', {
    'a refund in process is asked about again': [200, refund('PROCESSING'), open('processing')],
    'a refund that succeeded is given back': [200, refund('SUCCEEDED'), final('succeeded', 'refunded')],
    'a refund that failed has failed': [200, refund('FAILED'), final('failed', 'declined')],
    'a reversal of a refund does not say which way the money went': [
      200,
      refund('REVERSAL_SUCCEEDED'),
      open('unknown-outcome'),
    ],
    'a refund nobody knows is not found': [400, error('not_found', 'refund_not_found'), open('not-found')],
    'a refund error on a query says nothing about the refund': [
      400,
      error('refund_error', 'brand_new'),
      final('rejected', 'invalid-request'),
    ],
  }),
  ...of('refund.list', {
    'a page of many refunds says nothing about one': [
      200,
      page(1, refund('SUCCEEDED')),
      open('unknown-outcome', 'list'),
    ],
    'the only refund of a payment is found': [
      200,
      page(1, refund('SUCCEEDED')),
      final('succeeded', 'refunded'),
      refundsOf,
    ],
    'a refund of another payment, if a row says so, is none of this one': [
      200,
      page(1, refund('SUCCEEDED', { payment_intent_id: 'PI9' })),
      open('not-found', 'list/none'),
      refundsOf,
    ],
    'a payment without refunds has none': [200, page(0), open('not-found', 'list/none'), refundsOf],
  }),
  ...of('payout.create', {
    'a payout that was taken is not yet paid': [200, payout('INITIATED'), open('processing')],
    'a payout without funds has failed': [
      400,
      error('payout_error', 'insufficient_balance'),
      final('failed', 'insufficient-funds'),
    ],
    'a payout that could not be created may have been': [
      400,
      error('payout_error', 'payout_create_fail'),
      open('unknown-outcome'),
    ],
  }),
  ...of('payout.query', {
    'a payout is paid in the API reference’s word': [
      200,
      payout('COMPLETED'),
      final('succeeded', 'approved', 'payout/COMPLETED'),
    ],
    'a payout is paid in the SDK’s word': [200, payout('SUCCEEDED'), final('succeeded', 'approved')],
    'a payout that came back has failed': [200, payout('FAILED_REFUNDED'), final('failed', 'refunded')],
    'a payout nobody knows is not found': [400, error('payout_error', 'payout_not_found'), open('not-found')],
    'a payout query whose key is still in use is asked again': [
      400,
      error('idempotence_error', 'request_being_processed'),
      asked('unavailable'),
    ],
    'a payout query whose key is in conflict is asked again': [
      409,
      error('idempotency_error', 'key_conflict'),
      asked('unavailable'),
    ],
    'a payout query whose key is not taken says nothing about the payout': [
      400,
      error('idempotence_error', 'invalid_key_format'),
      final('rejected', 'invalid-request'),
    ],
    'a payout query whose key another call used says nothing about the payout': [
      400,
      error('idempotence_error', 'key_mismatch_api'),
      final('rejected', 'conflict'),
    ],
  }),
  ...of('payout.list', {
    'a payout is found by what its bank shows': [
      200,
      page(1, payout('PROCESSING'), { ...payout('COMPLETED'), payout_id: 'PO1', statement_descriptor: 'WEEK 46' }),
      open('processing'),
      payoutLookedFor,
    ],
    'a payout that is on no page is not found': [200, page(1), open('not-found', 'list/none'), payoutLookedFor],
    'a page of many payouts says nothing about one': [
      200,
      page(1, payout('COMPLETED')),
      open('unknown-outcome', 'list'),
    ],
  }),
];

const under = (type: string, codes: readonly string[]): string[] => codes.map(code => `${type}/${code}`);

/** https://developers.uqpay.com/global-acquiring/v1.6/guide/error-code-reference, and what other pages add. */
const refusals = [
  ...under('invalid_request_error', ['missing_parameter', 'invalid_parameter']),
  ...under('account_error', ['account_not_found', 'sub_account_not_found', 'user_not_found', 'product_not_found']),
  ...under('api_error', ['api_error', 'velocity_limit_exceeded']),
  ...under('idempotence_error', [
    'request_being_processed',
    'key_mismatch_account',
    'key_mismatch_api',
    'invalid_key_format',
    'key_conflict',
  ]),
  ...under('numeric', ['400', '403', '404', '409', '429']),
  'forbidden/forbidden',
  'not_found',
  'unauthorized_error',
];
const paymentErrors = under('payment_error', [
  'missing_billing_info',
  'missing_shipping_info',
  'invalid_order_currency',
  'invalid_order_amount',
  'order_amount_too_small',
  'amount_exceeded',
  'count_exceeded',
  'avs_declined',
  'invalid_payment_method',
  'invalid_billing_info_error',
  'invalid_shipping_info',
  'payment_refused',
  'invalid_card_number',
  'restricted_card',
  'expired_card',
  'invalid_card_expire_date',
  'transtype_error',
  'payment_rejected',
  'abnormal_transaction',
  'expired_order',
  'closed_order',
  'issuer_unavailable',
  'not_enough_balance',
  'transaction_cancelled',
  'invalid_pin',
  'pin_retry_exceeded',
  'pin_validation_not_possible',
  'card_requires_online_pin',
  'mobile_pin_required',
  'fraud',
  'risk_reject',
  'channel_parameters_error',
  'transaction_already_reversed',
  'reversal_not_supported',
  '3ds_not_authenticated',
  '3ds_not_authenticated_error',
  '3ds_not_authenticated_failed',
  'retrieve_payment_fail',
  'order_conflict',
  'idempotency_violation',
  'invalid_refund_window',
  'invalid_qr_code',
  'data_mismatch',
  'system_error',
  'timeout',
  'operation_in_progress',
  'signature_verify_fail',
  '3DS_required',
  'invalid_encoding',
  'resource_not_found',
  'invalid_cardholder_info',
  'awaiting_user_input',
  'internal_error',
  'not_found_id',
]);
const payoutErrors = under('payout_error', [
  'payout_disabled',
  'disabled_transfer_type',
  'invalid_currency',
  'invalid_amount',
  'invalid_parameter',
  'merchant_account_invalid',
  'insufficient_balance',
  'payout_create_fail',
  'payout_not_found',
]);
const ofQueries = under('payment_error', ['resource_not_found', 'not_found_id']);
const intents = under('intent', [
  'REQUIRES_PAYMENT_METHOD',
  'REQUIRES_CUSTOMER_ACTION',
  'REQUIRES_CAPTURE',
  'PENDING',
  'SUCCEEDED',
  'CANCELLED',
  'CANCELED',
  'FAILED',
]);
const refunds = under('refund', [
  'INITIATED',
  'PROCESSING',
  'SUCCEEDED',
  'FAILED',
  'REVERSAL_INITIATED',
  'REVERSAL_PROCESSING',
  'REVERSAL_SUCCEEDED',
]);
const payouts = under('payout', ['INITIATED', 'PROCESSING', 'SUCCEEDED', 'COMPLETED', 'FAILED', 'FAILED_REFUNDED']);

const kit: Samples<UqpayFields> = {
  adapter: uqpay({ clientId: 'sample-client', apiKey, webhookSecret, environment: 'sandbox' }),
  secrets: [apiKey, webhookSecret],
  samples,
  manual: {
    'payment.create': [...refusals, ...paymentErrors, 'card_error/invalid_number', ...intents],
    'payment.confirm': [...refusals, ...paymentErrors, 'card_error/invalid_number', ...intents],
    'payment.capture': [...refusals, ...paymentErrors, ...intents],
    'payment.cancel': [...refusals, ...paymentErrors, ...intents],
    'payment.query': [...refusals, ...ofQueries, ...intents],
    'payment.list': [...refusals, ...ofQueries, ...intents],
    'refund.create': [...refusals, ...paymentErrors, 'refund_error', ...refunds],
    'refund.query': [...refusals, ...ofQueries, 'refund_error', ...refunds],
    'refund.list': [...refusals, ...ofQueries, 'refund_error', ...refunds],
    'payout.create': [...refusals, ...payoutErrors, ...payouts],
    'payout.query': [...refusals, ...under('payout_error', ['payout_not_found']), ...payouts],
    'payout.list': [...refusals, ...under('payout_error', ['payout_not_found']), ...payouts],
  },
  complete: sentBy,
};

export { kit as samples };
