import { InputError } from '../../core/errors.ts';
import type { Exchange, Reading } from '../../core/exchange.ts';
import { idOf, textOf } from '../../kit/readers.ts';
import type { Delivery, Notice, Reply, Webhook } from '../../kit/webhook.ts';
import { notice } from './codes.ts';
import { stringToSign, type Verifier } from './sign.ts';

/** What a notification can be about. */
type Kind = 'payment' | 'refund';

/**
 * Rebell's notifications of payments and refunds.
 *
 * @see https://docs.rebellapp.com/payment-integration/webhooks
 */
export function rebellWebhook(options: {
  clientId: string;
  notifyPath: string | undefined;
  /** Knows Rebell's public key. */
  gateway: Verifier | undefined;
  /** A notification holds what an inquiry's answer holds, and is read as one. */
  read: (kind: Kind) => (exchange: Exchange) => Reading;
}): Webhook {
  const { clientId, notifyPath, gateway, read } = options;
  if (gateway === undefined) return { codes: notice, hear: withoutKey, reply: withoutKey };

  const whatIsWrong = async ({ method, url, headers, text, nowMs }: Delivery): Promise<string | undefined> => {
    const time = headers.get('request-time');
    const signature = headers.get('signature');
    if (time === null) return 'the header Request-Time is missing';
    if (signature === null) return 'the header Signature is missing';
    // The text stands for the bytes: bytes that are not UTF-8 are another text than the one that was signed.
    const signed = stringToSign({ method, path: notifyPath ?? url.pathname + url.search, clientId, time, body: text });
    if (!(await gateway.verify(signed, signature))) return 'the signature is not that of this notification';
    const ageMs = nowMs - Date.parse(time);
    return Math.abs(ageMs) <= FRESH_MS ? undefined : 'Request-Time is not within five minutes of this machine’s clock';
  };

  return {
    codes: notice,
    reply: word => replies[word],
    async hear(delivery) {
      const wrong = await whatIsWrong(delivery);
      return wrong === undefined ? noticeOf(JSON.parse(delivery.text), read) : refused(wrong);
    },
  };
}

function withoutKey(): never {
  throw new InputError(
    'rebell: pass gatewayPublicKey to receive notifications: Rebell signs them with its private half.',
  );
}

/** As long as Rebell itself believes a request. */
const FRESH_MS = 5 * 60_000;

const result = (resultStatus: string, resultCode: string, resultMessage: string): object => ({
  result: { resultCode, resultStatus, resultMessage },
});

/**
 * Rebell sends again what is not answered by a success. Whether it looks at the HTTP status or at the result is not
 * said: both tell.
 */
const replies: Readonly<Record<'stored' | 'again' | 'refused', Reply>> = {
  stored: { body: result('S', 'SUCCESS', 'success') },
  again: { status: 500, body: result('U', 'UNKNOWN_EXCEPTION', 'please send it again') },
  refused: { status: 401, body: result('F', 'INVALID_SIGNATURE', 'the notification could not be verified') },
};

const refused = (reason: string): Notice => ({ verified: false, reason });

/**
 * The event that tells of each kind's state. Only the payment's is named in the manual, and only by one of two pages.
 */
const events: Readonly<Record<Kind, string>> = { payment: 'PAYMENT_RESULT', refund: 'REFUND_RESULT' };

/** A refund names its payment too. As several refunds share that number, it is not what a refund goes by. */
const numbers: Readonly<Record<Kind, readonly string[]>> = {
  payment: ['paymentRequestId', 'paymentId'],
  refund: ['refundRequestId', 'refundId'],
};

function noticeOf(body: unknown, read: (kind: Kind) => (exchange: Exchange) => Reading): Notice {
  const isNamed = (kind: Kind): boolean => numbers[kind].some(number => idOf(body, number) !== undefined);
  const kind = (['refund', 'payment'] as const).find(isNamed);
  if (kind === undefined) return refused('it names neither a payment nor a refund');

  const operation = `${kind}.create`;
  const { message, amount, currency } = read(kind)({ operation, status: 200, body });
  const state = textOf(body, `${kind}Status`);
  const event = textOf(body, 'eventType') ?? events[kind];
  const openedAtMs = Date.parse(textOf(body, `${kind}CreatedTime`) ?? '');
  // An event of another name may tell something else by the same word.
  const name = [...(event === events[kind] ? [] : [event]), kind, ...(state === undefined ? [] : [state])].join('/');
  const why = textOf(body, 'failureReason');
  return {
    verified: true,
    operation,
    names: [...(why === undefined ? [] : [`${name}/${why}`]), name],
    message,
    reference: Object.fromEntries(numbers[kind].map(number => [number, idOf(body, number)])),
    amount,
    currency,
    ...(!Number.isNaN(openedAtMs) && { openedAtMs }),
  };
}
