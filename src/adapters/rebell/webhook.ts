import { idOf, MINUTE_MS, textOf, type Exchange, type Reading, type RsaVerifier } from '../../kit/index.ts';
import {
  refused,
  signedNotices,
  unreceivable,
  wrongSignature,
  type Notice,
  type Replies,
  type Webhook,
} from '../../kit/webhook.ts';
import { notice } from './codes.ts';
import { isSigned, stringToSign } from './sign.ts';

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
  gateway: RsaVerifier | undefined;
  /** A notification holds what an inquiry's answer holds, and is read as one. */
  read: (kind: Kind) => (exchange: Exchange) => Reading;
}): Webhook {
  const { clientId, notifyPath, gateway, read } = options;
  if (gateway === undefined)
    return unreceivable(
      notice,
      'rebell: pass gatewayPublicKey to receive notifications: Rebell signs them with its private half.',
    );
  return signedNotices({
    codes: notice,
    replies,
    whatIsWrong: delivery =>
      wrongSignature(delivery, {
        header: 'Signature',
        // As long as Rebell itself believes a request.
        time: { header: 'Request-Time', withinMs: 5 * MINUTE_MS },
        isRight(given, time) {
          const { method, url, text } = delivery;
          // The text stands for the bytes: bytes that are not UTF-8 are another text than the one that was signed.
          const path = notifyPath ?? url.pathname + url.search;
          return isSigned(gateway, stringToSign({ method, path, clientId, time, body: text }), given);
        },
      }),
    noticeOf: body => noticeOf(body, read),
  });
}

const result = (resultStatus: string, resultCode: string, resultMessage: string): object => ({
  result: { resultCode, resultStatus, resultMessage },
});

/**
 * Rebell sends again what is not answered by a success. Whether it looks at the HTTP status or at the result is not
 * said: both tell.
 */
const replies: Replies = {
  stored: { body: result('S', 'SUCCESS', 'success') },
  again: { status: 500, body: result('U', 'UNKNOWN_EXCEPTION', 'please send it again') },
  refused: { status: 401, body: result('F', 'INVALID_SIGNATURE', 'the notification could not be verified') },
};

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
