import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import { beginsWithDay, isMinorUnits } from '../../testing/field-forms.ts';
import type { Answer, Entry, EntryState, Heard, HeardRequest, Refusal, Situation, Voice } from '../../testing/voice.ts';
import { baseUrls, type ZalopayCredentials } from './adapter.ts';

/**
 * ZaloPay as the simulator speaks it. Its formulas are its own, so that an error in the adapter's is not met by the
 * same error here.
 *
 * A real `zp_trans_token` names its order to ZaloPay alone. Here it is `AC` and the `app_trans_id` of an order that was
 * created here, or `ZP` and that of one that comes from elsewhere.
 *
 * @param credentials whose signatures are checked
 * @param options `decrypt`: what the code in `payment_code` was when it was scanned: yours, when you encrypt for real.
 * Default: it is the scanned code in base64, which encrypts nothing
 */
export function zalopayVoice(
  credentials: Pick<ZalopayCredentials, 'appId' | 'key1' | 'key2'>,
  { decrypt = atob }: { decrypt?: (paymentCode: string) => string } = {},
): Voice {
  return {
    gateway: 'zalopay',
    addresses: Object.values(baseUrls),
    sameReference: 'refuses',

    hear(request: HeardRequest): Heard | Refusal {
      const call =
        request.method === 'POST' && Object.hasOwn(calls, request.url.pathname)
          ? calls[request.url.pathname]
          : undefined;
      if (call === undefined) return { refused: { status: 404, body: 'Not Found' } };
      const told = fieldsOf(request);
      const signed = call.signed(told, credentials.key1, decrypt);
      const reference = call.reference(told);
      const of = call.of?.(told);
      if (reference === undefined || signed.includes(undefined))
        return { refused: stale, because: 'its number is missing, or a field that mac is made of' };
      if (told.app_id !== String(credentials.appId))
        return { refused: wrongSignature, because: 'app_id is not this merchant’s' };
      if (told.mac !== macOf(credentials.key1, signed.join('|')))
        return { refused: wrongSignature, because: `mac must be ${MAC}` };
      const misshapen = misshapenIn(call, told, reference);
      if (misshapen !== undefined) return misshapen;
      if (call.at !== undefined && !(Math.abs(request.nowMs - Number(told[call.at])) <= FIFTEEN_MINUTES_MS))
        return { refused: call.stale, because: `${call.at} must be within 15 minutes of now, in milliseconds` };
      return {
        operation: call.operation,
        act: call.act,
        fields: told,
        reference,
        ...(of !== undefined && { of }),
        ...(told.amount !== undefined && { amount: told.amount, currency: 'VND' }),
      };
    },

    say({ heard, answer, entry, nowMs }: Situation): Answer {
      const answers: Readonly<Record<Situation['answer'], () => Answer>> = {
        state: () => (entry === undefined ? systemError : stateOf(heard.operation, entry, nowMs, credentials.appId)),
        done: () => success(extras[heard.operation]),
        'not-found': () => fail(-101, 'Giao dịch không tồn tại.'),
        duplicate: () => duplicates[heard.operation] ?? fail(-68, 'Mã giao dịch bị trùng.'),
        'already-final': () => finals[heard.act] ?? fail(-401, 'Dữ liệu yêu cầu không hợp lệ.'),
        maintenance: () => fail(maintenanceCodes[heard.operation] ?? -1801, 'Hệ thống đang bảo trì.'),
        'rate-limited': () => fail(-429, 'Vượt quá giới hạn yêu cầu.'),
        'system-error': () => systemError,
      };
      return answers[answer]();
    },

    // Called again up to three times, until `return_code` is 1. A refund has no callback.
    notices: {
      write: (entry, nowMs) => (isToldOf(entry) ? zalopayNotice(credentials, entry, nowMs) : undefined),
      isAcknowledged: ({ status, body }) => status === 200 && /"return_code"\s*:\s*1\b/.test(body),
      repeats: 3,
    },
  };
}

/** Money that was received for an order that ZaloPay knows the amount of, and what became of a binding. */
const isToldOf = ({ kind, operation, state, fields }: Entry): boolean =>
  operation === 'binding.create'
    ? ['paid', 'declined', 'expired', 'canceled'].includes(state)
    : kind === 'payment' && state === 'paid' && fields['amount'] !== undefined;

/**
 * The callback that ZaloPay sends once an order is paid, or a wallet is bound or unbound: the simulator's ledger has
 * the entry.
 */
export function zalopayNotice(
  { appId, key2 }: Pick<ZalopayCredentials, 'appId' | 'key2'>,
  entry: Entry,
  nowMs: number,
): Request {
  const { reference, fields } = entry;
  const isBinding = entry.operation === 'binding.create';
  const about = isBinding
    ? {
        ...bindingData(
          entry,
          byState(entry.state, { paid: 1, open: 1, declined: 4, expired: 4, canceled: 3 }),
          nowMs,
          appId,
        ),
        merchant_user_id: fields['identifier'],
      }
    : {
        app_id: appId,
        app_trans_id: reference,
        app_time: Number(fields['app_time']),
        app_user: fields['app_user'],
        amount: Number(entry.amount),
        embed_data: fields['embed_data'],
        item: fields['item'],
        zp_trans_id: numberFrom(entry.providerId),
        server_time: nowMs,
        channel: 38,
        merchant_user_id: '7ZMSl3nEg5sOUJzOLSoUFT8xKNQVaLOLXHB--8Eytqc',
        user_fee_amount: 0,
        discount_amount: 0,
      };
  const data = JSON.stringify(about);
  const body = JSON.stringify({ data, mac: macOf(key2, data), type: isBinding ? 2 : 1 });
  return new Request('https://shop.example/zalopay', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  });
}

/** Its numbers are int64; what is not a number stays as it is. */
const numberFrom = (providerId: string): number | string =>
  /^\d{1,15}$/.test(providerId) ? Number(providerId) : providerId;

const bindingData = ({ reference, providerId }: Entry, status: number, nowMs: number, appId: number): object => ({
  app_id: appId,
  app_trans_id: reference,
  binding_id: providerId,
  pay_token: `PAY${providerId}`,
  status,
  msg_type: 1,
  server_time: Math.floor(nowMs / 1000),
});

const FIFTEEN_MINUTES_MS = 15 * 60_000;

/** A request's fields as texts. */
type Told = Readonly<Partial<Record<string, string>>>;
type Part = string | undefined;

const common = (code: number, detail: number, message: string): Record<string, unknown> => ({
  return_code: code,
  return_message: code === 2 ? 'Giao dịch thất bại' : message,
  sub_return_code: detail,
  sub_return_message: message,
});
const fail = (detail: number, message: string, extra: object = {}): Answer => ({
  body: { ...common(2, detail, message), ...extra },
});
const success = (extra: object = {}): Answer => ({ body: { ...common(1, 1, 'Giao dịch thành công.'), ...extra } });
const processing = (extra: object = {}): Answer => ({ body: { ...common(3, 3, 'Giao dịch đang xử lý'), ...extra } });
const systemError = fail(-500, 'Lỗi hệ thống.');
const stale = fail(-401, 'Dữ liệu yêu cầu không hợp lệ.');
const wrongSignature = fail(-402, 'Chữ ký không hợp lệ.');
const MAC =
  'the HMAC-SHA256 by key1, in small hex letters, of the fields that the manual names for this call, in its order, with | between them';

/**
 * What a write of a number that is taken is answered, where it is not -68. What a second agreement/pay is told is not
 * written.
 */
const duplicates: Readonly<Partial<Record<string, Answer>>> = {
  'refund.create': fail(-23, 'm_refund_id bị trùng.'),
  'payment.charge': processing(),
};

/** What a write that comes too late is answered. */
const finals: Readonly<Partial<Record<Heard['act'], Answer>>> = {
  charge: processing(),
  cancel: fail(-403, 'Đơn hàng đã được thanh toán.'),
  refund: fail(-14, 'Số tiền hoàn không hợp lệ.'),
};

/** Orders and refunds have a code of their own; everything about bindings has -1801. */
const maintenanceCodes: Readonly<Partial<Record<string, number>>> = {
  'payment.create': -999,
  'payment.query': -999,
  'payment.cancel': -999,
  'payment.scan': -999,
  'refund.create': -999,
  'refund.query': -999,
};

/** What calls without a ledger entry tell beside success. */
const extras: Readonly<Partial<Record<string, object>>> = {
  'balance.query': { data: [{ channel: 38, payable: true, bank_code: 'zp_app' }], discount_amount: 0 },
  'user.query': { phone: '****2606' },
};

function stateOf(operation: string, entry: Entry, nowMs: number, appId: number): Answer {
  const { reference, providerId } = entry;
  const number = numberFrom(providerId);
  const token = `AC${reference}`;
  const binding = { binding_token: providerId, deep_link: `zalopay://launch/app/732?view=authorize&b=${providerId}` };
  const charge = { app_trans_id: reference, zp_trans_id: number };
  const bound = (status: number): Answer => success({ data: bindingData(entry, status, nowMs, appId) });
  const ended = {
    declined: fail(-63, 'Số dư không đủ để thanh toán.', { zp_trans_id: number }),
    expired:
      entry.operation === 'payment.scan' ? fail(-322, 'Payment Code hết hạn.') : fail(-54, 'Giao dịch đã hết hạn.'),
    // A charge is canceled by its payer. What an order that was canceled answers is not written; that it can no longer
    // be paid is.
    canceled:
      entry.act === 'charge'
        ? fail(-329, 'User huỷ giao dịch thanh toán.', { zp_trans_id: number })
        : fail(-54, 'Giao dịch đã hết hạn.'),
  };

  const told: Readonly<Partial<Record<string, () => Answer>>> = {
    'payment.create': () =>
      success({
        zp_trans_token: token,
        order_token: token,
        order_url: `https://qcgateway.zalopay.vn/openinapp?order=${token}`,
        qr_code: `00020101021226${token}`,
      }),
    'payment.cancel': () => success(),
    'payment.charge': () =>
      byState(entry.state, {
        paid: success(charge),
        open: processing(charge),
        declined: fail(-1010, 'Tài khoản không thể thanh toán.'),
        expired: systemError,
        canceled: systemError,
      }),
    'payment.scan': () =>
      byState(entry.state, {
        paid: success({ is_processing: false, zp_trans_id: number }),
        // Taken, and not done: what says "success" here is not the payment's.
        open: success({ is_processing: true, zp_trans_id: 0 }),
        ...ended,
      }),
    'payment.query': () =>
      byState(entry.state, {
        paid: success({
          is_processing: false,
          amount: Number(entry.amount),
          discount_amount: 0,
          zp_trans_id: number,
          server_time: nowMs,
        }),
        open: (entry.state === 'pending' ? success : processing)({
          is_processing: true,
          amount: 0,
          zp_trans_id: 0,
          server_time: nowMs,
        }),
        ...ended,
      }),
    'refund.create': () => success({ refund_id: number }),
    'refund.query': () =>
      byState(entry.state, {
        paid: success(),
        // The sub code 2 of a refund in progress, which is not a failure.
        open: { body: common(3, 2, 'Giao dịch đang hoàn tiền') },
        declined: fail(0, 'Hoàn tiền thất bại.'),
        expired: fail(-13, 'Hết thời hạn hoàn tiền.'),
        canceled: fail(0, 'Hoàn tiền thất bại.'),
      }),
    'binding.create': () => success(binding),
    'card-binding.create': () => success({ ...binding, binding_url: `https://binding.zalopay.vn/${providerId}` }),
    'binding.query': () =>
      byState(entry.state, {
        paid: bound(1),
        open: processing(),
        declined: bound(4),
        expired: bound(4),
        canceled: bound(3),
      }),
    'card-binding.query': () =>
      byState(entry.state, {
        paid: success({ ...binding, status: 1 }),
        open: processing(),
        declined: fail(-500, 'Lỗi hệ thống.'),
        expired: success({ status: 4 }),
        canceled: success({ status: 3 }),
      }),
  };
  return told[operation]?.() ?? systemError;
}

type Life = 'paid' | 'open' | 'declined' | 'expired' | 'canceled';

/** ZaloPay tells five states apart: an order that was refunded is still a paid one. */
function byState<T>(state: EntryState, answers: Readonly<Record<Life, T>>): T {
  const lives: Readonly<Record<EntryState, Life>> = {
    open: 'open',
    pending: 'open',
    authorized: 'open',
    paid: 'paid',
    refunded: 'paid',
    declined: 'declined',
    canceled: 'canceled',
    expired: 'expired',
  };
  return answers[lives[state]];
}

/** How the simulator understands one call. */
interface Call {
  readonly operation: string;
  readonly act: Heard['act'];
  /** The field that must be near the present. */
  readonly at?: string;
  /** What a request that is not near it is told. */
  readonly stale: Answer;
  /** What the mac is over. */
  readonly signed: (told: Told, key1: string, decrypt: (paymentCode: string) => string) => readonly Part[];
  readonly reference: (told: Told) => Part;
  /** The payment of a refund or a cancel, the order a charge is for. */
  readonly of?: (told: Told) => Part;
}

const order = ({ app_trans_id }: Told): Part => app_trans_id;
const newOrder = (t: Told): readonly Part[] => [
  t.app_id,
  t.app_trans_id,
  t.app_user,
  t.amount,
  t.app_time,
  t.embed_data,
  t.item,
];
const orderAndKey = (t: Told, key1: string): readonly Part[] => [t.app_id, t.app_trans_id, key1];
const orderAndDate = (t: Told): readonly Part[] => [t.app_id, t.app_trans_id, t.req_date];

const calls: Readonly<Record<string, Call>> = {
  '/v2/create': {
    operation: 'payment.create',
    act: 'create',
    at: 'app_time',
    stale,
    signed: newOrder,
    reference: order,
  },
  '/v2/quick_pay': {
    operation: 'payment.scan',
    act: 'charge',
    at: 'app_time',
    stale,
    signed: (t, _key1, decrypt) => [
      ...newOrder(t),
      t.payment_code === undefined ? undefined : decrypted(t.payment_code, decrypt),
    ],
    reference: order,
  },
  '/v2/query': { operation: 'payment.query', act: 'query', stale, signed: orderAndKey, reference: order },
  '/v2/cancel': { operation: 'payment.cancel', act: 'cancel', stale, signed: orderAndKey, reference: order, of: order },
  '/v2/agreement/pay': {
    operation: 'payment.charge',
    act: 'charge',
    at: 'req_date',
    stale,
    signed: t => [t.app_id, t.identifier, t.zp_trans_token, t.pay_token, t.req_date],
    reference: t => t.zp_trans_token?.slice('AC'.length),
    of: t => (t.zp_trans_token?.startsWith('AC') === true ? t.zp_trans_token.slice('AC'.length) : undefined),
  },
  '/v2/refund': {
    operation: 'refund.create',
    act: 'refund',
    at: 'timestamp',
    stale: fail(-13, 'Refund vi phạm hạn thời gian.'),
    signed: t => [
      t.app_id,
      t.zp_trans_id,
      t.amount,
      ...(t.refund_fee_amount === undefined ? [] : [t.refund_fee_amount]),
      t.description,
      t.timestamp,
    ],
    reference: t => t.m_refund_id,
    of: t => t.zp_trans_id,
  },
  '/v2/query_refund': {
    operation: 'refund.query',
    act: 'refund-query',
    at: 'timestamp',
    stale,
    signed: t => [t.app_id, t.m_refund_id, t.timestamp],
    reference: t => t.m_refund_id,
  },
  '/v2/agreement/bind': {
    operation: 'binding.create',
    act: 'create',
    at: 'req_date',
    stale,
    signed: t => [t.app_id, t.app_trans_id, t.binding_data, t.binding_type, t.identifier, t.max_amount, t.req_date],
    reference: order,
  },
  '/v2/agreement/query': {
    operation: 'binding.query',
    act: 'query',
    at: 'req_date',
    stale,
    signed: orderAndDate,
    reference: order,
  },
  '/v2/agreement/unbind': {
    operation: 'binding.cancel',
    act: 'other',
    at: 'req_date',
    stale,
    signed: t => [t.app_id, t.identifier, t.binding_id, t.req_date],
    reference: t => t.binding_id,
  },
  '/v2/agreement/balance': {
    operation: 'balance.query',
    act: 'other',
    at: 'req_date',
    stale,
    signed: t => [t.app_id, t.pay_token, t.identifier, t.amount, t.req_date],
    reference: t => t.identifier,
  },
  '/v2/agreement/query_user': {
    operation: 'user.query',
    act: 'other',
    at: 'req_date',
    stale,
    signed: t => [t.app_id, t.access_token, t.req_date],
    // A token, and no number of the merchant's: nothing the ledger should be called by.
    reference: () => '',
  },
  '/v2/tokenization/bind': {
    operation: 'card-binding.create',
    act: 'create',
    at: 'req_date',
    stale,
    signed: t => [
      t.app_id,
      t.app_trans_id,
      t.identifier,
      t.binding_mode,
      t.binding_type,
      t.device_type,
      t.binding_data,
      t.payment_data,
      t.req_date,
    ],
    reference: order,
  },
  '/v2/tokenization/query': {
    operation: 'card-binding.query',
    act: 'query',
    at: 'req_date',
    stale,
    signed: orderAndDate,
    reference: order,
  },
};

/**
 * What a number of the merchant's, an amount or a lifetime in another form than the manual's is answered: "parameters in
 * the wrong format", and for a query APPTRANSID_INVALID.
 */
function misshapenIn({ act, operation }: Call, told: Told, reference: string): Refusal | undefined {
  // `yymmdd_…`, and a refund's `yymmdd_appid_…`.
  if (told.app_trans_id !== undefined && !(reference.length <= 40 && beginsWithDay(reference)))
    return {
      refused: operation === 'payment.query' ? fail(-92, 'app_trans_id không hợp lệ.') : stale,
      because:
        'app_trans_id must begin with a day of Vietnam and an underscore, yymmdd_, and be of at most 40 characters',
    };
  const wrong = Object.entries(forms).find(([name, { isRight }]) => {
    const value = told[name];
    return value !== undefined && !(name === 'amount' && act === 'other') && !isRight(value);
  });
  return wrong && { refused: stale, because: `${wrong[0]} must ${wrong[1].must}` };
}

const forms: Readonly<Record<string, { readonly isRight: (value: string) => boolean; readonly must: string }>> = {
  m_refund_id: {
    isRight: value => value.length <= 45 && beginsWithDay(value),
    must: 'begin with a day of Vietnam and an underscore, yymmdd_, and be of at most 45 characters',
  },
  amount: { isRight: value => isMinorUnits(value, 15), must: 'be whole dong, 1 or more' },
  refund_fee_amount: { isRight: value => value === '0' || isMinorUnits(value, 15), must: 'be whole dong, 0 or more' },
  expire_duration_seconds: {
    isRight: value => isMinorUnits(value, 7) && Number(value) >= 300 && Number(value) <= 2_592_000,
    must: 'be 300 to 2592000',
  },
};

/** What no key opens is no code. */
function decrypted(paymentCode: string, decrypt: (paymentCode: string) => string): Part {
  try {
    return decrypt(paymentCode);
  } catch {
    return undefined;
  }
}

/** A form or JSON. */
function fieldsOf({ headers, body }: HeardRequest): Told {
  if (headers.get('content-type')?.startsWith('application/json') !== true)
    return Object.fromEntries(new URLSearchParams(body));
  try {
    return Object.fromEntries(Object.entries(JSON.parse(body) as object).map(([name, value]) => [name, String(value)]));
  } catch {
    return {};
  }
}

const macOf = (key: string, data: string): string => bytesToHex(hmac(sha256, utf8ToBytes(key), utf8ToBytes(data)));
