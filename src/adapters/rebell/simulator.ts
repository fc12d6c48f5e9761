import { asRecord, idOf, textOf } from '../../kit/readers.ts';
import { isCurrency, isIsoTime, isMinorUnits } from '../../testing/field-forms.ts';
import type {
  Answer,
  Entry,
  EntryState,
  Heard,
  HeardRequest,
  Refusal,
  Situation,
  Voice,
  VoiceNotices,
} from '../../testing/voice.ts';
import { baseUrls, type RebellCredentials } from './adapter.ts';

export interface RebellVoiceCredentials extends Pick<RebellCredentials, 'clientId' | 'privateKey'> {
  /** The key behind the adapter's `gatewayPublicKey`: PKCS#8 in PEM. Without it, answers are not signed. */
  gatewayPrivateKey?: string;
}

/** What else the simulated gateway can do. */
export interface RebellVoiceOptions {
  /**
   * A `resultCode` under F that answers every charge and order, of which nothing is done: one of no table, or
   * `QR_EXPIRED`.
   */
  refusal?: string;
  /**
   * A charge without a scanned code sends its payer to the cashier, whose page the form names so. Default: it is
   * charged in the call.
   */
  cashier?: 'redirectionUrl' | 'redirectUrl';
}

/**
 * Rebell as the simulator speaks it. It takes the merchant's public key out of the private one and reads the headers in
 * a way of its own, so that an error in the adapter's signing is not met by the same error here.
 *
 * A void and a capture have no number of the gateway's own here: they go by their payment's.
 */
export function rebellVoice(credentials: RebellVoiceCredentials, options: RebellVoiceOptions = {}): Voice {
  const { clientId, privateKey, gatewayPrivateKey } = credentials;
  let merchantKey: Promise<CryptoKey> | undefined;
  let gatewayKey: Promise<CryptoKey> | undefined;

  const isSigned = async ({ method, url, headers, body }: HeardRequest): Promise<boolean> => {
    const parts = new Map((headers.get('signature') ?? '').split(',').map(part => splitOnce(part.trim(), '=')));
    if (parts.get('algorithm') !== 'SHA256withRSA' || !/^\d+$/.test(parts.get('keyVersion') ?? '')) return false;
    const message = [
      [method, url.pathname + url.search].join(' '),
      [clientId, headers.get('request-time'), body].join('.'),
    ].join('\n');
    merchantKey ??= publicKeyOf(privateKey);
    return crypto.subtle.verify(
      'RSASSA-PKCS1-v1_5',
      await merchantKey,
      bytesOf(parts.get('signature') ?? ''),
      new TextEncoder().encode(message),
    );
  };

  return {
    gateway: 'rebell',
    addresses: Object.values(baseUrls),
    sameReference: 'replays',

    async hear(request: HeardRequest): Promise<Heard | Refusal> {
      const api = /\/v[12]\/(?:payments|messages)\/(\w+)$/.exec(request.url.pathname)?.[1] ?? '';
      const call = request.method === 'POST' && Object.hasOwn(calls, api) ? calls[api] : undefined;
      if (call === undefined) return { refused: { status: 404, body: 'Not Found' } };
      if (request.headers.get('client-id') !== clientId) return { refused: refusal(401, 'INVALID_CLIENT') };
      const time = request.headers.get('request-time') ?? '';
      const ageMs = request.nowMs - Date.parse(time);
      if (!(isIsoTime(time) && Math.abs(ageMs) <= FIVE_MINUTES_MS))
        return { refused: refusal(401, 'REQUEST_TIME_INVALID') };
      if (!(await isSigned(request))) return { refused: refusal(401, 'INVALID_SIGNATURE') };
      const fields = parsed(request.body);
      const reference = call.reference.map(name => textOf(fields, name)).find(found => found !== undefined);
      const of = call.of?.map(name => textOf(fields, name)).find(found => found !== undefined);
      const amount = call.amount === undefined ? undefined : fields[call.amount];
      const value = idOf(amount, 'value');
      const currency = textOf(amount, 'currency');
      const isComplete =
        reference !== undefined &&
        (call.of === undefined || of !== undefined) &&
        (call.amount === undefined || (value !== undefined && currency !== undefined));
      if (!isComplete) return { refused: refusal(400, 'PARAM_ILLEGAL') };
      if (call.amount !== undefined && !isCurrency(currency)) return { refused: refusal(400, 'INVALID_CURRENCY') };
      if (call.amount !== undefined && !isMinorUnits(value, 16)) return { refused: refusal(400, 'INVALID_AMOUNT') };
      const isDated = fields['paymentExpiryTime'] === undefined || isIsoTime(fields['paymentExpiryTime']);
      if (reference.length > 64 || !isDated) return { refused: refusal(400, 'PARAM_ILLEGAL') };
      const isPayment = call.act === 'charge' || call.act === 'create';
      if (isPayment && options.refusal !== undefined) return { refused: failure(options.refusal) };
      const isCashier =
        call.act === 'charge' && options.cashier !== undefined && textOf(fields, 'paymentAuthCode') === undefined;
      return {
        operation: call.operation,
        act: isCashier ? 'create' : call.act,
        fields,
        reference,
        ...(of !== undefined && { of }),
        ...(call.alsoWhenPaid === true && { alsoWhenPaid: true as const }),
        ...(value !== undefined && { amount: value }),
        ...(currency !== undefined && { currency }),
      };
    },

    say({ heard, answer, entry, nowMs }: Situation): Answer {
      const answers: Readonly<Record<Situation['answer'], () => Answer>> = {
        state: () => (entry === undefined ? systemError : stateOf(heard, entry, nowMs, options)),
        done: () => success({ messageId: `M${heard.reference}` }),
        'not-found': () => failure(heard.act === 'refund-query' ? 'REFUND_NOT_EXIST' : 'ORDER_NOT_EXIST'),
        duplicate: () => failure('REPEAT_REQ_INCONSISTENT'),
        'already-final': () =>
          failure(
            heard.act === 'refund' && entry?.state === 'paid'
              ? 'REFUND_AMOUNT_EXCEED'
              : (finals[heard.operation] ?? 'ORDER_IS_CLOSED'),
          ),
        maintenance: () => unknown('SERVICE_UNAVAILABLE'),
        'rate-limited': () => ({ ...unknown('REQUEST_TRAFFIC_EXCEED_LIMIT'), status: 429 }),
        'system-error': () => systemError,
      };
      return answers[answer]();
    },

    async seal(answer, { method, url, nowMs }): Promise<Answer> {
      if (gatewayPrivateKey === undefined) return answer;
      gatewayKey ??= crypto.subtle.importKey('pkcs8', bytesOf(gatewayPrivateKey), rsaSha256, false, ['sign']);
      const time = new Date(nowMs).toISOString();
      const message = [[method, url.pathname + url.search].join(' '), [clientId, time, answer.body].join('.')].join(
        '\n',
      );
      return {
        ...answer,
        headers: {
          ...answer.headers,
          'client-id': clientId,
          'response-time': time,
          signature: await signatureOf(await gatewayKey, message),
        },
      };
    },

    // "SUCCESS", or it is sent again; how often is not said.
    ...(gatewayPrivateKey !== undefined && {
      notices: {
        write: (entry: Entry, nowMs: number, url: URL) =>
          ['paid', 'declined', 'expired'].includes(entry.state)
            ? rebellNotice({ clientId, gatewayPrivateKey, notifyPath: url.pathname + url.search }, entry, nowMs)
            : undefined,
        isAcknowledged: ({ status, body: reply }) => status === 200 && /"resultCode"\s*:\s*"SUCCESS"/.test(reply),
        repeats: 5,
      } satisfies VoiceNotices,
    }),
  };
}

/**
 * The notification that Rebell sends once a payment or a refund has come to its end: `simulator.ledger` has the entry.
 *
 * @example
 * ```ts
 * const [paid] = simulated.ledger.entries;
 * if (paid !== undefined) await gateway.receive(await rebellNotice(credentials, paid, Date.now()));
 * ```
 */
export async function rebellNotice(
  credentials: Required<Pick<RebellVoiceCredentials, 'clientId' | 'gatewayPrivateKey'>> &
    Pick<RebellCredentials, 'notifyPath'>,
  entry: Entry,
  nowMs: number,
): Promise<Request> {
  const { clientId, gatewayPrivateKey, notifyPath = '/rebell' } = credentials;
  const time = new Date(nowMs).toISOString();
  const text = JSON.stringify(toldOf(entry, time));
  const key = await crypto.subtle.importKey('pkcs8', bytesOf(gatewayPrivateKey), rsaSha256, false, ['sign']);
  return new Request(`https://shop.example${notifyPath}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json; charset=UTF-8',
      'client-id': clientId,
      'request-time': time,
      signature: await signatureOf(key, [['POST', notifyPath].join(' '), [clientId, time, text].join('.')].join('\n')),
    },
    body: text,
  });
}

function toldOf(
  { kind, reference, providerId, of, amount: value, currency, state, openedAtMs }: Entry,
  time: string,
): object {
  const amount = { currency: currency ?? of?.currency, value };
  const status = byState(state, {
    paid: 'SUCCESS',
    open: 'PROCESSING',
    pending: 'PROCESSING',
    declined: 'FAIL',
    gone: 'FAIL',
  });
  return kind === 'refund'
    ? {
        refundId: providerId,
        refundRequestId: reference,
        paymentId: of?.providerId,
        refundStatus: status,
        refundAmount: amount,
        refundTime: time,
      }
    : {
        eventType: 'PAYMENT_RESULT',
        paymentId: providerId,
        paymentRequestId: reference,
        paymentStatus: status,
        paymentAmount: amount,
        paymentTime: time,
        paymentCreatedTime: new Date(openedAtMs).toISOString(),
        failureReason: status === 'FAIL' ? 'USER_REJECTED' : null,
      };
}

async function signatureOf(key: CryptoKey, message: string): Promise<string> {
  const signature = await crypto.subtle.sign('RSASSA-PKCS1-v1_5', key, new TextEncoder().encode(message));
  return `algorithm=SHA256withRSA, keyVersion=1, signature=${btoa(String.fromCharCode(...new Uint8Array(signature)))}`;
}

const FIVE_MINUTES_MS = 5 * 60_000;
const rsaSha256 = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };

const body = (resultStatus: string, resultCode: string, extra: object): object => ({
  result: { resultCode, resultStatus, resultMessage: resultCode.toLowerCase().replaceAll('_', ' ') },
  ...extra,
});
const success = (extra: object = {}): Answer => ({ body: body('S', 'SUCCESS', extra) });
const accepted = (extra: object): Answer => ({ body: body('A', 'ACCEPT', extra) });
const unknown = (code: string, extra: object = {}): Answer => ({ body: body('U', code, extra) });
const failure = (code: string, extra: object = {}): Answer => ({ body: body('F', code, extra) });
const refusal = (status: number, code: string): Answer => ({ ...failure(code), status });
const systemError = unknown('UNKNOWN_EXCEPTION');

/** What a write that comes too late is answered. */
const finals: Readonly<Partial<Record<string, string>>> = {
  'payment.void': 'VOID_NOT_ALLOWED',
  'payment.capture': 'ORDER_STATUS_INVALID',
  'refund.create': 'REFUND_NOT_ALLOWED',
};

function stateOf(
  { operation, reference, amount: asked }: Heard,
  entry: Entry,
  nowMs: number,
  { cashier }: RebellVoiceOptions,
): Answer {
  const time = new Date(nowMs).toISOString();
  const amount = { currency: entry.currency, value: entry.amount };
  const payment = { paymentRequestId: entry.reference, paymentId: entry.providerId };
  const paid = { ...payment, paymentTime: time, paymentAmount: amount };
  const refund = { refundRequestId: entry.reference, refundId: entry.providerId, refundAmount: amount };
  const voided = { voidRequestId: reference, voidId: entry.providerId, paymentId: entry.providerId };
  const captured = { captureRequestId: reference, captureId: entry.providerId };
  const order = success({
    ...payment,
    qrCode: `https://pay.rebellapp.com/qr/${entry.providerId}`,
    redirectUrl: `rebell://pay?orderToken=${entry.providerId}`,
  });

  const form =
    cashier === undefined || entry.act !== 'create'
      ? {}
      : { redirectActionForm: { method: 'GET', [cashier]: `https://cashier.rebellapp.com/${entry.providerId}` } };

  const told: Readonly<Partial<Record<string, () => Answer>>> = {
    'payment.charge': () =>
      byState(entry.state, {
        paid: success(paid),
        open: accepted({ ...payment, ...form }),
        pending: unknown('PAYMENT_IN_PROCESS', payment),
        declined: failure('INSUFFICIENT_BALANCE', payment),
        gone: failure('ORDER_IS_CLOSED', payment),
      }),
    'payment.create': () => order,
    'payment.query': () =>
      byState(entry.state, {
        paid: success({ ...paid, paymentStatus: 'SUCCESS' }),
        open: success({ ...payment, paymentStatus: 'PROCESSING' }),
        pending: success({ ...payment, paymentStatus: 'PROCESSING' }),
        declined: success({ ...payment, paymentStatus: 'FAIL', failureReason: 'INSUFFICIENT_BALANCE' }),
        // "Payment rejected or expired": what a canceled one answers is not written.
        gone: success({ ...payment, paymentStatus: 'FAIL', failureReason: 'ORDER_IS_CLOSED' }),
      }),
    'payment.cancel': () => success({ paymentId: entry.providerId }),
    'payment.void': () => success({ ...voided, voidTime: time }),
    'void.query': () => success({ ...voided, voidStatus: entry.state === 'canceled' ? 'SUCCESS' : 'PROCESSING' }),
    'payment.capture': () => success({ ...captured, captureAmount: { ...amount, value: asked }, captureTime: time }),
    'capture.query': () =>
      success({
        ...captured,
        captureStatus: entry.state === 'paid' || entry.state === 'refunded' ? 'SUCCESS' : 'PROCESSING',
      }),
    'refund.create': () =>
      byState(entry.state, {
        paid: success({ ...refund, refundTime: time }),
        open: unknown('REFUND_IN_PROCESS', refund),
        pending: unknown('REFUND_IN_PROCESS', refund),
        declined: failure('REFUND_NOT_ALLOWED', refund),
        gone: failure('REFUND_NOT_ALLOWED', refund),
      }),
    'refund.query': () =>
      byState(entry.state, {
        paid: success({ ...refund, refundStatus: 'SUCCESS' }),
        open: success({ ...refund, refundStatus: 'PROCESSING' }),
        pending: success({ ...refund, refundStatus: 'PROCESSING' }),
        declined: success({ ...refund, refundStatus: 'FAIL' }),
        gone: success({ ...refund, refundStatus: 'FAIL' }),
      }),
  };
  return told[operation]?.() ?? systemError;
}

type Life = 'paid' | 'open' | 'pending' | 'declined' | 'gone';

/** Rebell has no word for a hold, and none for a payment that was refunded. */
function byState<T>(state: EntryState, answers: Readonly<Record<Life, T>>): T {
  const lives: Readonly<Record<EntryState, Life>> = {
    open: 'open',
    pending: 'pending',
    authorized: 'pending',
    paid: 'paid',
    refunded: 'paid',
    declined: 'declined',
    canceled: 'gone',
    expired: 'gone',
  };
  return answers[lives[state]];
}

/** How the simulator understands one API: the fields that name what it is about, the first found first. */
interface Call extends Pick<Heard, 'operation' | 'act' | 'alsoWhenPaid'> {
  readonly reference: readonly string[];
  /** The fields that name the payment. */
  readonly of?: readonly string[];
  readonly amount?: string;
}

const charge: Call = {
  operation: 'payment.charge',
  act: 'charge',
  reference: ['paymentRequestId'],
  amount: 'paymentAmount',
};
const create: Call = { ...charge, operation: 'payment.create', act: 'create' };
const refund: Call = {
  operation: 'refund.create',
  act: 'refund',
  reference: ['refundRequestId'],
  of: ['paymentId'],
  amount: 'refundAmount',
};
const message: Call = { operation: 'message.send', act: 'other', reference: ['requestId'] };
const eitherNumber = ['paymentRequestId', 'paymentId'];

const calls: Readonly<Record<string, Call>> = {
  pay: charge,
  retailPay: charge,
  createQrOrder: create,
  createQROrder: create,
  linkPayCreate: create,
  inquiryPayment: { operation: 'payment.query', act: 'query', reference: eitherNumber },
  cancel: { operation: 'payment.cancel', act: 'cancel', reference: eitherNumber, of: eitherNumber },
  void: {
    operation: 'payment.void',
    act: 'cancel',
    reference: ['voidRequestId'],
    of: ['paymentId'],
    alsoWhenPaid: true,
  },
  inquiryVoid: { operation: 'void.query', act: 'query', reference: ['voidRequestId', 'voidId'] },
  capture: {
    operation: 'payment.capture',
    act: 'capture',
    reference: ['captureRequestId'],
    of: ['paymentId'],
    amount: 'captureAmount',
  },
  inquiryCapture: { operation: 'capture.query', act: 'query', reference: ['captureRequestId', 'captureId'] },
  refund,
  refundApply: refund,
  // "If both are given, refundId goes first."
  inquiryRefund: { operation: 'refund.query', act: 'refund-query', reference: ['refundId', 'refundRequestId'] },
  sendPush: message,
  sendInbox: message,
  sendSms: message,
  sendEmail: message,
};

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    return asRecord(JSON.parse(text)) ?? {};
  } catch {
    return {};
  }
}

/** The part before the first separator and the part after it: Base64 ends in `=`. */
function splitOnce(part: string, separator: string): [string, string] {
  const at = part.indexOf(separator);
  return at < 0 ? [part, ''] : [part.slice(0, at), part.slice(at + 1)];
}

/** The bytes of Base64 or Base64URL, with or without armour; none for what is neither. */
function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  const base64 = text
    .split('\n')
    .filter(line => !line.startsWith('-----'))
    .join('')
    .replaceAll('-', '+')
    .replaceAll('_', '/');
  try {
    return Uint8Array.from(atob(base64), character => character.charCodeAt(0));
  } catch {
    return new Uint8Array();
  }
}

async function publicKeyOf(privateKey: string): Promise<CryptoKey> {
  const key = await crypto.subtle.importKey('pkcs8', bytesOf(privateKey), rsaSha256, true, ['sign']);
  const { kty, n, e } = await crypto.subtle.exportKey('jwk', key);
  return crypto.subtle.importKey(
    'jwk',
    { ...(kty !== undefined && { kty }), ...(n !== undefined && { n }), ...(e !== undefined && { e }) },
    rsaSha256,
    false,
    ['verify'],
  );
}
