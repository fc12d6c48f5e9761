import type { Fields } from '../../core/operation.ts';
import { isCurrency, isDecimalAmount } from '../../testing/field-forms.ts';
import type { Answer, Entry, EntryState, Heard, HeardRequest, Refusal, Situation, Voice } from '../../testing/voice.ts';
import { baseUrls, type UqpayCredentials } from './adapter.ts';

/**
 * UQPAY as the simulator speaks it: one token at a time, which a new one ends, and idempotency keys that are remembered
 * for a day.
 *
 * An intent is known by its `merchant_order_id`. A refund and a payout have no number of the merchant's: they are known
 * by their idempotency key. A second intent under the same `merchant_order_id` with another key is charged again, as it
 * would be.
 *
 * @param options `strangers`: intents that another system or an earlier day made under the same account, perhaps with
 * the same
 * `merchant_order_id`; they are listed and can be asked about
 */
export function uqpayVoice(
  credentials: Pick<UqpayCredentials, 'clientId' | 'apiKey' | 'onBehalfOf' | 'webhookSecret'>,
  { strangers = [] }: { strangers?: readonly StrangeIntent[] } = {},
): Voice {
  const { clientId, webhookSecret } = credentials;
  /** By key: what was first taken with it, and when. */
  const taken = new Map<string, { operation: string; atMs: number }>();

  const isActive = (token: string, nowMs: number): boolean => {
    const active = activeTokens.get(clientId);
    return active !== undefined && token === `Bearer ${active.value}` && nowMs < active.endsAtMs;
  };

  const refusalOf = ({ headers, nowMs }: HeardRequest): Answer | undefined => {
    const token = headers.get('x-auth-token');
    if (token === null) return { status: 401, body: { error: 'Invalid authorization header' } };
    if (!token.startsWith('Bearer '))
      return error(401, 'unauthorized_error', 'unauthorized_error', 'invalid auth token format');
    if (!isActive(token, nowMs)) return error(401, 'unauthorized_error', 'unauthorized_error', 'token has expired');
    if (headers.get('x-client-id') !== clientId) return error(400, 'account_error', 'account_not_found');
    if (headers.get('x-on-behalf-of') !== (credentials.onBehalfOf ?? null))
      return error(400, 'account_error', 'sub_account_not_found');
    return undefined;
  };

  /** What a repeated send is known by: the key and, as a key is new again after a day, when it was first taken. */
  const repeatOf = (key: string, operation: string, nowMs: number): string | Refusal => {
    if (!isUuidV4.test(key)) return { refused: error(400, 'idempotence_error', 'invalid_key_format', 'Using uuid v4') };
    const first = taken.get(key);
    if (first === undefined || nowMs - first.atMs >= DAY_MS) return `${key} ${nowMs}`;
    return first.operation === operation
      ? `${key} ${first.atMs}`
      : { refused: error(400, 'idempotence_error', 'key_mismatch_api') };
  };

  const hearToken = ({ headers }: HeardRequest): Heard | Refusal => {
    const genuine = headers.get('x-client-id') === clientId && headers.get('x-api-key') === credentials.apiKey;
    if (!genuine) return { refused: { status: 400, body: { code: 400, message: 'Invalid client id' } } };
    return { operation: 'token', act: 'other', fields: {}, reference: clientId };
  };

  const issueToken = (nowMs: number): Answer => {
    const active = { value: `simulated-token-${++issuedTokens}`, endsAtMs: nowMs + HALF_AN_HOUR_MS };
    activeTokens.set(clientId, active);
    return { body: { auth_token: active.value, expired_at: Math.floor(active.endsAtMs / 1000) } };
  };

  return {
    gateway: 'uqpay',
    addresses: Object.values(baseUrls),
    sameReference: 'replays',

    hear(request) {
      const path = `${request.method} ${request.url.pathname.replace(/^\/api(?=\/)/, '')}`;
      if (path === 'POST /v1/connect/token') return hearToken(request);
      const call = calls.find(({ pattern }) => pattern.test(path));
      if (call === undefined) return { refused: { status: 404, body: '404 page not found' } };
      const refusal = refusalOf(request);
      if (refusal !== undefined) return { refused: refusal };
      const sent = request.method === 'GET' ? Object.fromEntries(request.url.searchParams) : parse(request.body);
      if (sent === undefined)
        return { refused: error(400, 'invalid_request_error', 'invalid_parameter', 'parameter is invalid') };
      if (call.required.some(name => textOf(sent, name) === ''))
        return { refused: error(400, 'invalid_request_error', 'missing_parameter') };
      const misshapen = call.money && misshapenIn(sent, call.money);
      if (misshapen !== undefined) return { refused: misshapen };
      const id = decodeURIComponent(call.pattern.exec(path)?.[1] ?? '');
      const asked = { operation: call.operation, fields: sent };
      if (request.method === 'GET' && call.keyed !== true) return { ...asked, ...call.asks({ id, key: '', sent }) };
      const key = request.headers.get('x-idempotency-key') ?? '';
      const idempotencyKey = repeatOf(key, call.operation, request.nowMs);
      if (typeof idempotencyKey === 'object') return idempotencyKey;
      // Nothing is kept of a query's key, as tillpaid never sends one twice.
      if (request.method === 'GET') return { ...asked, ...call.asks({ id, key, sent }) };
      return { operation: call.operation, fields: sent, idempotencyKey, ...call.asks({ id, key, sent }) };
    },

    say({ heard, answer, entry, entries = [], nowMs }) {
      const answers: Readonly<Record<Situation['answer'], () => Answer>> = {
        state: () => {
          const [key, atMs] = heard.idempotencyKey?.split(' ') ?? [];
          if (key !== undefined) taken.set(key, { operation: heard.operation, atMs: Number(atMs) });
          return entry === undefined ? systemError : stateOf(heard, entry);
        },
        done: () => (heard.operation === 'token' ? issueToken(nowMs) : pageOf(heard, entries, strangers)),
        'not-found': () => {
          const stranger =
            heard.operation === 'payment.query' &&
            strangers.find(({ payment_intent_id }) => payment_intent_id === `PI${heard.reference}`);
          if (stranger) return { body: stranger };
          return heard.operation === 'payout.query' ? noSuchPayout : nothingFound;
        },
        duplicate: () => error(400, 'payment_error', 'order_conflict', 'Order number duplication'),
        'already-final': () => (heard.act === 'refund' ? tooMuch : closed),
        maintenance: () => ({ status: 503, body: 'Service Unavailable' }),
        'rate-limited': () => error(429, 'api_error', 'velocity_limit_exceeded'),
        'system-error': () => systemError,
      };
      return answers[answer]();
    },

    // "Return 200 to acknowledge receipt." How often it is sent again is not said.
    ...(webhookSecret !== undefined && {
      notices: {
        write: (entry: Entry, nowMs: number) =>
          ['paid', 'declined', 'expired', 'canceled'].includes(entry.state)
            ? uqpayNotice({ webhookSecret }, entry, nowMs)
            : undefined,
        repeats: 5,
      },
    }),

    forget: () => taken.clear(),
  };
}

/**
 * The event that UQPAY sends of a payment, a refund or a payout as it is now: `simulator.ledger` has the entry.
 *
 * @example
 * ```ts
 * const [paid] = simulated.ledger.entries;
 * if (paid !== undefined) await gateway.receive(await uqpayNotice(credentials, paid, Date.now()));
 * ```
 */
export async function uqpayNotice(
  { webhookSecret = '' }: Pick<UqpayCredentials, 'webhookSecret'>,
  entry: Entry,
  nowMs: number,
): Promise<Request> {
  const { event, id, data } = eventOf(entry);
  const told = {
    version: 'V1.6.0',
    event_name: 'ACQUIRING',
    event_type: `acquiring.${event}`,
    event_id: `${id}-${nowMs}`,
    source_id: id,
    data,
  };
  const body = JSON.stringify(told);
  const headers = {
    'content-type': 'application/json',
    'x-wk-timestamp': String(nowMs),
    'x-wk-signature': await hmacSha512(webhookSecret, `${body}${nowMs}`),
  };
  return new Request('https://shop.example/uqpay', { method: 'POST', headers, body });
}

function eventOf(entry: Entry): { event: string; id: string; data: object } {
  const { kind, operation, providerId, state, of, amount, currency, fields } = entry;
  if (kind === 'refund')
    return {
      event: `refund.${ends[state]}`,
      id: `RF${providerId}`,
      data: { ...refundOf(entry), payment_intent_id: `PI${of?.providerId ?? ''}` },
    };
  if (operation === 'payout.create')
    return { event: `payout.${ends[state]}`, id: `PO${providerId}`, data: payoutOf(entry) };
  const event = paymentEvents[state];
  const payment_intent_id = `PI${providerId}`;
  const payment_attempt_id = `PA${providerId}`;
  const canceled = { payment_intent_id, amount, currency };
  const order = { ...canceled, merchant_order_id: fields['merchant_order_id'], create_time: timeOf(entry) };
  if (event.startsWith('cancel'))
    return {
      event,
      id: payment_intent_id,
      data: { ...canceled, cancel_status: 'SUCCEEDED', cancel_time: timeOf(entry) },
    };
  return event.startsWith('payment_attempt')
    ? {
        event,
        id: payment_attempt_id,
        data: {
          ...order,
          payment_attempt_id,
          attempt_status: attemptStatuses[state],
          failure_code: failureCodes[state] ?? '',
        },
      }
    : {
        event,
        id: payment_intent_id,
        data: { ...order, intent_status: intentStatuses[state], payment_method: null, metadata: {} },
      };
}

/** How far a refund or a payout has come. */
const ends: Readonly<Record<EntryState, string>> = {
  open: 'created',
  pending: 'created',
  authorized: 'created',
  paid: 'succeeded',
  declined: 'failed',
  canceled: 'failed',
  expired: 'failed',
  refunded: 'succeeded',
};

/** What UQPAY tells of a payment. A payer who failed may try again: then only the attempt has failed. */
const paymentEvents: Readonly<Record<EntryState, string>> = {
  open: 'payment_intent.created',
  pending: 'payment_attempt.created',
  authorized: 'payment_attempt.created',
  paid: 'payment_intent.succeeded',
  declined: 'payment_attempt.failed',
  canceled: 'cancel.succeeded',
  expired: 'payment_intent.failed',
  refunded: 'payment_intent.succeeded',
};

async function hmacSha512(secret: string, text: string): Promise<string> {
  const encoder = new TextEncoder();
  const key = await crypto.subtle.importKey('raw', encoder.encode(secret), { name: 'HMAC', hash: 'SHA-512' }, false, [
    'sign',
  ]);
  const signature = new Uint8Array(await crypto.subtle.sign('HMAC', key, encoder.encode(text)));
  return Array.from(signature, byte => byte.toString(16).padStart(2, '0')).join('');
}

/** By client, for all simulators of a process: the adapter too keeps its token from one of them to the next. */
const activeTokens = new Map<string, { value: string; endsAtMs: number }>();
let issuedTokens = 0;

const HALF_AN_HOUR_MS = 30 * 60_000;
const DAY_MS = 24 * 60 * 60_000;
const isUuidV4 = /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/i;

const error = (status: number, type: string, code: string, message = code): Answer => ({
  status,
  body: { type, code, message },
});
const noSuchPayout = error(400, 'payout_error', 'payout_not_found', 'Payout not found');
const nothingFound = error(400, 'not_found', 'resource_not_found', 'Resource does not exists');
const tooMuch = error(400, 'refund_error', 'amount_exceeded', 'Amount exceeded');
const closed = error(400, 'payment_error', 'closed_order', 'Closed order');
const refused = error(400, 'payment_error', 'payment_refused', 'Payment refused');
const systemError = error(500, 'api_error', 'api_error', 'internal error');

/** The fields that hold an amount, and what is answered to one that is none. */
interface Money {
  readonly amount: string;
  readonly currency: string | undefined;
  readonly wrongAmount: Answer;
  readonly wrongCurrency: Answer;
}

const ofOrder: Money = {
  amount: 'amount',
  currency: 'currency',
  wrongAmount: error(400, 'payment_error', 'invalid_order_amount', 'Invalid order amount'),
  wrongCurrency: error(400, 'payment_error', 'invalid_order_currency', 'Invalid order currency'),
};
const ofPayout: Money = {
  amount: 'payout_amount',
  currency: 'payout_currency',
  wrongAmount: error(400, 'payout_error', 'invalid_amount', 'Invalid amount'),
  wrongCurrency: error(400, 'payout_error', 'invalid_currency', 'Invalid currency'),
};
/** It is in the payment's currency. No code of a refund is about its form. */
const ofRefund: Money = {
  ...ofOrder,
  currency: undefined,
  wrongAmount: error(400, 'invalid_request_error', 'invalid_parameter', 'parameter is invalid'),
};

/** "10.12": a decimal text above 0, with no more decimals than its currency has. */
function misshapenIn(sent: Fields, { amount, currency, wrongAmount, wrongCurrency }: Money): Answer | undefined {
  if (currency !== undefined && !isCurrency(sent[currency])) return wrongCurrency;
  return isDecimalAmount(sent[amount], currency === undefined ? undefined : textOf(sent, currency))
    ? undefined
    : wrongAmount;
}

interface Call {
  readonly operation: string;
  /** Method and path; its group is the id in the path. */
  readonly pattern: RegExp;
  readonly required: readonly string[];
  readonly money?: Money;
  /** A query that must carry a key. */
  readonly keyed?: true;
  readonly asks: (request: {
    id: string;
    key: string;
    sent: Fields;
  }) => Pick<Heard, 'act' | 'reference' | 'of' | 'amount' | 'currency'>;
}

const calls: readonly Call[] = [
  {
    operation: 'payment.create',
    pattern: /^POST \/v2\/payment_intents\/create$/,
    required: ['amount', 'currency', 'merchant_order_id', 'description', 'return_url'],
    money: ofOrder,
    asks: ({ sent }) => ({
      act: 'create',
      reference: textOf(sent, 'merchant_order_id'),
      amount: textOf(sent, 'amount'),
      currency: textOf(sent, 'currency'),
    }),
  },
  {
    operation: 'payment.confirm',
    pattern: /^POST \/v2\/payment_intents\/([^/]+)\/confirm$/,
    required: [],
    asks: ({ id }) => ({ act: 'charge', reference: numberOf('PI', id), of: numberOf('PI', id) }),
  },
  {
    operation: 'payment.capture',
    pattern: /^POST \/v2\/payment_intents\/([^/]+)\/capture$/,
    required: [],
    asks: ({ id }) => ({ act: 'capture', reference: numberOf('PI', id), of: numberOf('PI', id) }),
  },
  {
    operation: 'payment.cancel',
    pattern: /^POST \/v2\/payment_intents\/([^/]+)\/cancel$/,
    required: [],
    asks: ({ id }) => ({ act: 'cancel', reference: numberOf('PI', id), of: numberOf('PI', id) }),
  },
  {
    operation: 'payment.query',
    pattern: /^GET \/v2\/payment_intents\/([^/]+)$/,
    required: [],
    asks: ({ id }) => ({ act: 'query', reference: numberOf('PI', id) }),
  },
  {
    operation: 'payment.list',
    pattern: /^GET \/v2\/payment_intents$/,
    required: ['page_size', 'page_number'],
    asks: () => ({ act: 'list', reference: 'payment.list' }),
  },
  {
    operation: 'refund.create',
    pattern: /^POST \/v2\/payment\/refunds$/,
    required: ['payment_intent_id', 'amount', 'reason'],
    money: ofRefund,
    asks: ({ key, sent }) => ({
      act: 'refund',
      reference: key,
      of: numberOf('PI', textOf(sent, 'payment_intent_id')),
      amount: textOf(sent, 'amount'),
    }),
  },
  {
    operation: 'refund.query',
    pattern: /^GET \/v2\/payment\/refunds\/([^/]+)$/,
    required: [],
    asks: ({ id }) => ({ act: 'refund-query', reference: numberOf('RF', id) }),
  },
  {
    operation: 'refund.list',
    pattern: /^GET \/v2\/payment\/refunds$/,
    required: ['page_size', 'page_number'],
    asks: () => ({ act: 'list', reference: 'refund.list' }),
  },
  {
    operation: 'payout.create',
    pattern: /^POST \/v2\/payment\/payout\/create$/,
    required: ['payout_currency', 'payout_amount', 'statement_descriptor'],
    money: ofPayout,
    asks: ({ key, sent }) => ({
      act: 'charge',
      reference: key,
      amount: textOf(sent, 'payout_amount'),
      currency: textOf(sent, 'payout_currency'),
    }),
  },
  {
    operation: 'payout.query',
    pattern: /^GET \/v2\/payment\/payout\/([^/]+)$/,
    required: [],
    keyed: true,
    asks: ({ id }) => ({ act: 'query', reference: numberOf('PO', id) }),
  },
  {
    operation: 'payout.list',
    pattern: /^GET \/v2\/payment\/payout$/,
    required: ['page_size', 'page_number'],
    keyed: true,
    asks: () => ({ act: 'list', reference: 'payout.list' }),
  },
];

/** The ledger's number in one of UQPAY's: what has another prefix names nothing. */
const numberOf = (prefix: string, id: string): string => (id.startsWith(prefix) ? id.slice(prefix.length) : '');

const textOf = (fields: Fields, name: string): string => {
  const value = fields[name];
  return typeof value === 'string' ? value : '';
};

function parse(body: string): Fields | undefined {
  try {
    const parsed: unknown = JSON.parse(body === '' ? '{}' : body);
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? (parsed as Fields) : undefined;
  } catch {
    return undefined;
  }
}

function stateOf(heard: Heard, entry: Entry): Answer {
  // A decline in the call is an error; a query shows it as an attempt that failed.
  if (heard.operation === 'payment.confirm' && entry.state === 'declined') return refused;
  if (entry.kind === 'refund') return { body: refundOf(entry) };
  if (entry.operation === 'payout.create') return { body: payoutOf(entry) };
  // The answer to a cancel has another spelling than the query's.
  return {
    body:
      heard.operation === 'payment.cancel' && entry.state === 'canceled'
        ? { ...intentOf(entry), intent_status: 'CANCELED' }
        : intentOf(entry),
  };
}

const timeOf = ({ openedAtMs }: Entry): string => new Date(openedAtMs).toISOString();

/** An intent that is in no ledger, as UQPAY shows it. */
export interface StrangeIntent {
  readonly payment_intent_id: string;
  readonly merchant_order_id: string;
  readonly amount: string;
  readonly currency: string;
  readonly intent_status: string;
  /** ISO 8601. */
  readonly create_time: string;
}

/** One page of a list. Its rows name neither the payment of a refund nor the merchant's number of a payout. */
function pageOf({ operation, fields }: Heard, entries: readonly Entry[], strangers: readonly StrangeIntent[]): Answer {
  const isPayout = (entry: Entry): boolean => entry.operation === 'payout.create';
  const ofPayment = (entry: Entry | undefined): boolean => {
    const wanted = [textOf(fields, 'payment_intent_id'), textOf(fields, 'merchant_order_id')];
    return [`PI${entry?.providerId ?? ''}`, entry?.fields['merchant_order_id']].every(
      (own, index) => wanted[index] === '' || wanted[index] === own,
    );
  };
  const within = (time: string): boolean => {
    const [from, to] = [textOf(fields, 'start_time'), textOf(fields, 'end_time')];
    return (from === '' || Date.parse(from) < Date.parse(time)) && (to === '' || Date.parse(time) < Date.parse(to));
  };
  // By day, in UQPAY's own zone, both days included.
  const withinDays = (time: string): boolean => {
    const day = new Date(Date.parse(time) + EIGHT_HOURS_MS).toISOString().slice(0, 10);
    const [from, to] = [textOf(fields, 'start_time'), textOf(fields, 'end_time')];
    return (from === '' || from <= day) && (to === '' || day <= to);
  };
  const rows: Readonly<Record<string, () => object[]>> = {
    'payment.list': () => [
      ...entries.filter(entry => entry.kind === 'payment' && !isPayout(entry) && within(timeOf(entry))).map(intentOf),
      ...strangers.filter(({ create_time }) => within(create_time)),
    ],
    'refund.list': () =>
      entries.filter(entry => entry.kind === 'refund' && ofPayment(entry.of) && within(timeOf(entry))).map(refundOf),
    'payout.list': () => entries.filter(entry => isPayout(entry) && withinDays(timeOf(entry))).map(payoutOf),
  };
  const data = rows[operation]?.() ?? [];
  const [size, number] = [Number(textOf(fields, 'page_size')), Number(textOf(fields, 'page_number'))];
  return {
    body: {
      total_pages: Math.ceil(data.length / size),
      total_items: data.length,
      data: data.slice(size * (number - 1), size * number),
    },
  };
}

const EIGHT_HOURS_MS = 8 * 60 * 60_000;

const intentStatuses: Readonly<Record<EntryState, string>> = {
  open: 'REQUIRES_PAYMENT_METHOD',
  pending: 'PENDING',
  authorized: 'REQUIRES_CAPTURE',
  paid: 'SUCCEEDED',
  declined: 'REQUIRES_PAYMENT_METHOD',
  canceled: 'CANCELLED',
  expired: 'FAILED',
  refunded: 'SUCCEEDED',
};
const attemptStatuses: Readonly<Partial<Record<EntryState, string>>> = {
  pending: 'PENDING_AUTHORIZATION',
  authorized: 'AUTHORIZED',
  paid: 'CAPTURE_REQUESTED',
  declined: 'FAILED',
  refunded: 'SETTLED',
};

const failureCodes: Readonly<Partial<Record<EntryState, string>>> = { declined: 'do_not_honor' };

function intentOf(entry: Entry): object {
  const { providerId, amount, currency, fields, state, refundedAmount } = entry;
  const needsPayer = state === 'open' && fields['payment_method'] !== undefined;
  const attempt = needsPayer ? 'AUTHENTICATION_REDIRECTED' : attemptStatuses[state];
  const captured = state === 'paid' || state === 'refunded' ? amount : '0.00';
  return {
    payment_intent_id: `PI${providerId}`,
    amount,
    currency,
    intent_status: needsPayer ? 'REQUIRES_CUSTOMER_ACTION' : intentStatuses[state],
    merchant_order_id: fields['merchant_order_id'],
    description: fields['description'],
    return_url: fields['return_url'],
    metadata: fields['metadata'] ?? {},
    available_payment_method_types: null,
    captured_amount: captured,
    client_secret: `simulated-client-secret-${providerId}`,
    next_action: needsPayer
      ? { type: 'redirect_to_url', redirect_to_url: { url: `https://checkout.example/${providerId}` } }
      : null,
    cancel_time: '',
    cancellation_reason: '',
    create_time: timeOf(entry),
    complete_time: '',
    update_time: timeOf(entry),
    latest_payment_attempt:
      attempt === undefined
        ? null
        : {
            attempt_id: `PA${providerId}`,
            amount,
            currency,
            attempt_status: attempt,
            captured_amount: captured,
            refunded_amount: refundedAmount ?? '0',
            failure_code: failureCodes[state] ?? '',
          },
  };
}

const refundStatuses: Readonly<Record<EntryState, string>> = {
  open: 'INITIATED',
  pending: 'PROCESSING',
  authorized: 'PROCESSING',
  paid: 'SUCCEEDED',
  declined: 'FAILED',
  canceled: 'FAILED',
  expired: 'FAILED',
  refunded: 'SUCCEEDED',
};

function refundOf(entry: Entry): object {
  return {
    payment_refund_id: `RF${entry.providerId}`,
    payment_attempt_id: `PA${entry.of?.providerId ?? ''}`,
    amount: entry.amount,
    currency: entry.of?.currency,
    refund_status: refundStatuses[entry.state],
    reason: entry.fields['reason'],
    create_time: timeOf(entry),
    update_time: timeOf(entry),
  };
}

const payoutStatuses: Readonly<Record<EntryState, string>> = {
  open: 'INITIATED',
  pending: 'PROCESSING',
  authorized: 'PROCESSING',
  paid: 'COMPLETED',
  declined: 'FAILED',
  canceled: 'FAILED',
  expired: 'FAILED',
  refunded: 'FAILED_REFUNDED',
};

function payoutOf(entry: Entry): object {
  return {
    payout_id: `PO${entry.providerId}`,
    payout_currency: entry.currency,
    payout_amount: entry.amount,
    statement_descriptor: entry.fields['statement_descriptor'],
    internal_note: entry.fields['internal_note'] ?? '',
    payout_status: payoutStatuses[entry.state],
    create_time: timeOf(entry),
    completed_time: '',
  };
}
