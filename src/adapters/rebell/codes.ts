import type { CodeTable, Row } from '../../core/code-table.ts';
import { textOf } from '../../kit/readers.ts';
import {
  canceled,
  created,
  declined,
  duplicate,
  failed,
  pollRequired,
  rejected,
  retryable,
  succeeded,
} from '../../kit/rows.ts';

/**
 * Rebell's result codes.
 *
 * Every answer carries `result.resultCode` and `result.resultStatus`: S done, A accepted, U unknown, F failed. A code
 * counts only together with the status that the manual lists it with (see `resultName`).
 *
 * https://docs.rebellapp.com, pages openapis/error-codes and payment-integration/error-handling, and the result codes
 * on each operation's own page. Codes marked "sibling" come from gateways of the same make (Antom, VodaPay, SuperQi),
 * whose words Rebell has.
 */

const wrongClock = rejected('configuration', 'Set this machine’s clock: Rebell accepts five minutes either way.');

/** The second is the authentication page's name for the same refusal. */
const clockRefusals = { REQUEST_TIME_INVALID: wrongClock, TIMESTAMP_INVALID: wrongClock } satisfies CodeTable;

/** Refused before anything was done: by whom it is signed, what it holds, whom it concerns. */
const refused = {
  ...clockRefusals,
  INVALID_SIGNATURE: rejected(
    'authentication',
    'Check privateKey and keyVersion, and that Rebell has the matching public key for this environment.',
  ),
  INVALID_CLIENT: rejected(
    'authentication',
    'Check clientId and the environment: sandbox and production have different ones.',
  ),
  INVALID_ACCESS_TOKEN: rejected('authentication', 'The payer’s access token is not valid: have it authorised again.'),
  EXPIRED_ACCESS_TOKEN: rejected('authentication', 'The payer’s access token has expired: refresh it.'),
  INSUFFICIENT_SCOPE: rejected(
    'permission',
    'The payer’s access token does not cover this operation: ask for more scopes.',
  ),
  UNAUTHORIZED: rejected('permission'),
  ACCESS_DENIED: rejected('permission'),
  PARAM_ILLEGAL: rejected(),
  MISSING_REQUIRED_PARAM: rejected(),
  INVALID_AMOUNT: rejected('invalid-request', 'Amounts are whole numbers of the currency’s minor unit.'),
  INVALID_CURRENCY: rejected('invalid-request', 'Use a three-letter ISO 4217 code that the contract covers.'),
  CURRENCY_NOT_SUPPORT: rejected('unsupported'),
  PARTNER_NOT_EXIST: rejected('configuration'),
  PARTNER_STATUS_ABNORMAL: rejected('configuration', 'Rebell has suspended the merchant: call its support.'),
  INVALID_AUTH_CLIENT: rejected('configuration'),
  INVALID_AUTH_CLIENT_STATUS: rejected('configuration', 'The authorization client is disabled: call Rebell’s support.'),
  INVALID_CODE: rejected('invalid-request', 'The scanned or authorization code is not valid.'),
  EXPIRED_CODE: rejected('expired', 'The scanned or authorization code has expired.'),
  USED_CODE: rejected('invalid-request', 'The authorization code was used before: go on with the tokens it gave.'),
  INVALID_REFRESH_TOKEN: rejected('authentication'),
  EXPIRED_REFRESH_TOKEN: rejected('authentication'),
  AUTH_CLIENT_UNSUPPORTED_GRANT_TYPE: rejected('unsupported'),
  // Sibling.
  INVALID_AGENT_TOKEN: rejected('authentication'),
  EXPIRED_AGENT_TOKEN: rejected('authentication'),
  INVALID_API: rejected('configuration', 'The gateway has no such API: check version and paths.'),
} satisfies CodeTable;

/**
 * Trouble on their side. The manual files these under U, result unknown, and says "retry": after a write that would be
 * a guess. PROCESS_FAIL is filed under F with "retry the request", which cannot both be so.
 */
const outcomeUnknown = {
  REQUEST_TRAFFIC_EXCEED_LIMIT: pollRequired('rate-limited'),
  SYSTEM_BUSY: pollRequired('unavailable'),
  SERVICE_UNAVAILABLE: pollRequired('unavailable'),
  UNKNOWN_EXCEPTION: pollRequired('unknown-outcome'),
  // Sibling.
  SYSTEM_ERROR: pollRequired('unknown-outcome'),
  PROCESS_FAIL: pollRequired('unknown-outcome', {
    advice: 'Listed as failed and as worth retrying: ask, and send again only under the same number.',
  }),
} satisfies CodeTable;

/** The same on a question: ask again. */
const askAgain = {
  REQUEST_TRAFFIC_EXCEED_LIMIT: retryable('rate-limited', { delayMs: 5000 }),
  SYSTEM_BUSY: retryable('unavailable'),
  SERVICE_UNAVAILABLE: retryable('unavailable'),
  UNKNOWN_EXCEPTION: retryable('unavailable'),
  SYSTEM_ERROR: retryable('unavailable'),
  PROCESS_FAIL: retryable('unavailable'),
} satisfies CodeTable;

const write = {
  ...refused,
  ...outcomeUnknown,
  ACCEPT: pollRequired('processing'),
  // The manual says to use a new number. Whoever owns this one may have been paid.
  REPEAT_REQ_INCONSISTENT: duplicate(
    'This number was sent before with other fields, and may be paid: look it up before anything else.',
  ),
  // Sibling.
  PARTNER_BALANCE_NOT_ENOUGH: rejected('insufficient-funds', 'The merchant’s own balance is too small for this.'),
} satisfies CodeTable;

/** A success that names no payment, void or refund: it could be any other's. */
const namesNothing = pollRequired('unknown-outcome', {
  advice: 'The answer does not name what it is about: the inquiry has to confirm it.',
});

/** A success beside a state that is none. */
const contradicts = pollRequired('unknown-outcome', {
  advice: 'It says "success" beside another state: the inquiry knows which.',
});

/**
 * The guide's "F: abort payment", of a code that no page of an API lists: asked about, and believed once the inquiry
 * twice knows no such payment. So is any other F that no table makes final.
 *
 * https://docs.rebellapp.com/payment-integration/qr-order-pay, payment-integration/error-handling
 */
const aborts = {
  QR_EXPIRED: pollRequired('expired', { advice: 'The QR code is too old: make a new order.' }),
} satisfies CodeTable;

const read = { ...refused, ...askAgain } satisfies CodeTable;

/**
 * What a charge and an order have in common: pages openapis/v1/payments/pay, openapis/payments/pay, createQrOrder,
 * linkPayCreate.
 */
const payment = {
  ...write,
  ...aborts,
  /** `ACCEPT` with a redirect: the payer goes on in Rebell's cashier. */
  'ACCEPT/redirect': created('awaiting-payer', 'Send the payer to redirectActionForm, then follow the ticket.'),
  PAYMENT_IN_PROCESS: pollRequired('processing'),
  'PAYMENT_IN_PROCESS/redirect': pollRequired('awaiting-payer', {
    createdWhenOpen: true,
    advice: 'Send the payer to redirectActionForm, then follow the ticket.',
  }),
  // "Create a new payment", says the manual: after a timeout that charges twice.
  PAYMENT_TIMEOUT: pollRequired('unknown-outcome', {
    advice: 'Timed out is not unpaid: make no other payment before this one is known to have failed.',
  }),
  // "Already completed or cancelled: create a new order."
  ORDER_IS_CLOSED: pollRequired('already-final', { advice: 'Closed may mean paid: the inquiry knows which.' }),
  ORDER_STATUS_INVALID: pollRequired('unknown-outcome', {
    advice: 'An order of this number exists, in a state that does not allow this.',
    acknowledges: true,
  }),
  ORDER_NOT_EXIST: pollRequired('not-found'),
  USER_NOT_EXIST: rejected('invalid-request', 'Check the payer’s id or token.'),
  USER_STATUS_ABNORMAL: declined(),
  INSUFFICIENT_BALANCE: declined('insufficient-funds'),
  // Sibling.
  USER_BALANCE_NOT_ENOUGH: declined('insufficient-funds'),
  PAYMENT_AMOUNT_EXCEED_LIMIT: declined('limit-exceeded'),
  USER_AMOUNT_EXCEED_LIMIT: declined('limit-exceeded'),
  RISK_REJECT: declined('risk'),
  INVALID_AUTH_CODE: rejected(
    'invalid-request',
    'The payer’s payment code is wrong or older than its minute: have it refreshed.',
  ),
} satisfies CodeTable;

/**
 * Adds retail pay: pages openapis/payments/retailPay, payment-integration/retail-pay and
 * payment-integration/error-handling.
 */
export const charge: CodeTable = {
  ...payment,
  SUCCESS: succeeded(),
  'SUCCESS/otherwise': contradicts,
  'SUCCESS/unnamed': namesNothing,
  // Paid, and a page to pay on: one of the two is not so. A sibling (SuperQi) says it of a payment that was only begun.
  'SUCCESS/redirect': pollRequired('awaiting-payer', {
    createdWhenOpen: true,
    advice: 'It says "success", and is not paid: send the payer to redirectActionForm, then follow the ticket.',
  }),
  'SUCCESS/form': pollRequired('awaiting-payer', {
    advice: 'It says "success" and wants the payer to act: the inquiry knows which.',
  }),
  // The code went into another request, which may have charged the payer.
  AUTH_CODE_ALREADY_USED: duplicate(
    'The payer’s code was used by another request, which may be paid: look that one up before scanning again.',
  ),
  USED_CODE: duplicate(
    'The payer’s code was used by another request, which may be paid: look that one up before scanning again.',
  ),
  USER_REJECTED: declined('declined', 'The payer refused.'),
  PAYMENT_FAIL: declined(),
};

/** Reasons that lie with the payer's account, and tell more than "declined". */
const reasonsOfPayers: ReadonlySet<Row['reason']> = new Set<Row['reason']>([
  'insufficient-funds',
  'limit-exceeded',
  'risk',
]);

/** An order the payer pays later: SUCCESS means that it exists. */
export const create: CodeTable = {
  ...payment,
  SUCCESS: created(),
};

/** https://docs.rebellapp.com/openapis/payments/cancel */
export const cancel: CodeTable = {
  ...write,
  SUCCESS: succeeded('canceled'),
  // The payment may only be late in arriving.
  ORDER_NOT_EXIST: pollRequired('not-found'),
  ORDER_IS_CLOSED: rejected(
    'already-final',
    'Already paid or already canceled: ask payment.query which, and refund it if paid.',
  ),
  ORDER_STATUS_INVALID: rejected('already-final', 'Ask payment.query for the state, and refund it if paid.'),
  CANCEL_NOT_ALLOWED: rejected('already-final', 'Ask payment.query for the state, and refund it if paid.'),
};

/** https://docs.rebellapp.com/openapis/payments/void */
export const voiding: CodeTable = {
  ...write,
  SUCCESS: succeeded('canceled'),
  'SUCCESS/otherwise': contradicts,
  'SUCCESS/unnamed': namesNothing,
  VOID_IN_PROCESS: pollRequired('processing'),
  ORDER_NOT_EXIST: rejected('not-found', 'Check paymentId.'),
  ORDER_IS_CLOSED: rejected('already-final'),
  ORDER_STATUS_INVALID: rejected('already-final'),
  VOID_NOT_ALLOWED: rejected('already-final', 'If it was not voided, refund it instead.'),
  ORDER_ALREADY_SETTLED: rejected('already-final', 'If it was not voided, refund it instead.'),
};

/** https://docs.rebellapp.com/openapis/payments/capture */
export const capture: CodeTable = {
  ...write,
  SUCCESS: succeeded(),
  'SUCCESS/otherwise': contradicts,
  'SUCCESS/unnamed': namesNothing,
  CAPTURE_IN_PROCESS: pollRequired('processing'),
  ORDER_NOT_EXIST: rejected('not-found', 'Check paymentId.'),
  ORDER_IS_CLOSED: rejected('already-final'),
  ORDER_STATUS_INVALID: rejected('already-final'),
  CAPTURE_AMOUNT_EXCEED: rejected('limit-exceeded', 'More than was authorised, or than is left of it.'),
  AUTHORIZATION_EXPIRED: failed('expired', 'The hold on the payer’s funds is gone.'),
};

/**
 * https://docs.rebellapp.com/openapis/payments/refundApply: SUCCESS is a refund that was made, REFUND_IN_PROCESS one on
 * its way.
 */
export const refund: CodeTable = {
  ...write,
  SUCCESS: succeeded('refunded'),
  'SUCCESS/otherwise': contradicts,
  'SUCCESS/unnamed': namesNothing,
  REFUND_IN_PROCESS: pollRequired('processing'),
  REFUND_NOT_EXIST: pollRequired('not-found'),
  ORDER_NOT_EXIST: rejected('not-found', 'Check paymentId.'),
  ORDER_IS_CLOSED: rejected('already-final'),
  ORDER_STATUS_INVALID: rejected('already-final'),
  REFUND_AMOUNT_EXCEED: rejected('limit-exceeded', 'More than is left to refund: count the refunds already made.'),
  REFUND_NOT_ALLOWED: rejected('unsupported', 'Check that the payment is paid and still refundable.'),
  // Sibling.
  REFUND_WINDOW_EXCEED: rejected('expired', 'The time in which this payment could be refunded is over.'),
};

/**
 * https://docs.rebellapp.com/openapis/messages/sendPush and sendInbox. Nothing asks about a message: its own answer is
 * the last word.
 */
export const message: CodeTable = {
  ...write,
  SUCCESS: succeeded(),
  SENDING: pollRequired('processing'),
  USER_NOT_EXIST: rejected('invalid-request', 'Check targetUserId.'),
  USER_NOT_SUBSCRIBED: failed('declined', 'The user has turned notifications off.'),
  MESSAGE_CONTENT_INVALID: rejected('invalid-request', 'The text breaks Rebell’s content rules.'),
};

/** An end that names nothing could be any other's, as a write's success could. */
function unlessUnnamed(states: Readonly<Record<string, Row>>): CodeTable {
  const ends = Object.entries(states).filter(([, { kind }]) => kind === 'terminal');
  return { ...states, ...Object.fromEntries(ends.map(([name]) => [`${name}/unnamed`, namesNothing])) };
}

/**
 * Why a payment has failed, where the inquiry tells by a code: `failureReason`, or a sibling's `paymentResultCode`. The
 * words are those of a charge's own answer; what is no more than "declined" goes without.
 *
 * https://docs.rebellapp.com/payment-integration/webhooks
 */
const failedBecause: CodeTable = Object.fromEntries(
  Object.entries(charge).flatMap(([code, { kind, reason, advice }]) =>
    kind === 'terminal' && reasonsOfPayers.has(reason) ? [[`payment/FAIL/${code}`, failed(reason, advice)]] : [],
  ),
);

/**
 * https://docs.rebellapp.com/payment-integration/inquiring-payment-api: "only SUCCESS or FAIL represent final states",
 * so a FAIL ends an order that the payer could otherwise try again.
 */
const paymentStates: CodeTable = {
  ...unlessUnnamed({
    'payment/SUCCESS': succeeded(),
    'payment/FAIL': failed(),
    'payment/PROCESSING': pollRequired('processing'),
    // Sibling (Antom): its inquiry has five states. Others of the make write one L.
    'payment/CANCELLED': canceled(),
    'payment/CANCELED': canceled(),
    'payment/PENDING': pollRequired('processing'),
  }),
  ...failedBecause,
};

const refundStates = unlessUnnamed({
  'refund/SUCCESS': succeeded('refunded'),
  'refund/FAIL': failed(),
  'refund/PROCESSING': pollRequired('processing'),
  // Sibling.
  'refund/UNKNOWN': pollRequired('unknown-outcome'),
});

/** https://docs.rebellapp.com/payment-integration/inquiring-payment-api */
export const paymentState: CodeTable = {
  ...read,
  ...paymentStates,
  PAYMENT_IN_PROCESS: pollRequired('processing'),
  ORDER_NOT_EXIST: pollRequired('not-found'),
};

/** https://docs.rebellapp.com/openapis/v1/payments/inquiryRefund */
export const refundState: CodeTable = {
  ...read,
  ...refundStates,
  REFUND_IN_PROCESS: pollRequired('processing'),
  // "Not yet accepted or does not exist."
  REFUND_NOT_EXIST: pollRequired('not-found'),
};

/** inquiryVoid is named by the manual, but has no page: its states are read as those of a refund. */
export const voidState: CodeTable = {
  ...read,
  ...unlessUnnamed({
    'void/SUCCESS': succeeded('canceled'),
    'void/FAIL': failed(),
    'void/PROCESSING': pollRequired('processing'),
  }),
  VOID_IN_PROCESS: pollRequired('processing'),
  ORDER_NOT_EXIST: pollRequired('not-found'),
};

/** inquiryCapture likewise. */
export const captureState: CodeTable = {
  ...read,
  ...unlessUnnamed({
    'capture/SUCCESS': succeeded(),
    'capture/FAIL': failed(),
    'capture/PROCESSING': pollRequired('processing'),
  }),
  CAPTURE_IN_PROCESS: pollRequired('processing'),
  ORDER_NOT_EXIST: pollRequired('not-found'),
};

const tellsNoState = pollRequired('unknown-outcome', { advice: 'The notification tells no state.' });

/**
 * Notifications: https://docs.rebellapp.com/payment-integration/webhooks, openapis/payments/notifyPayment and
 * notifyRefund. One without a state, such as notifyCashierUrl, is a reason to ask.
 */
export const notice: CodeTable = { ...paymentStates, ...refundStates, payment: tellsNoState, refund: tellsNoState };

const tables: readonly CodeTable[] = [
  charge,
  create,
  cancel,
  voiding,
  capture,
  refund,
  message,
  paymentState,
  refundState,
  voidState,
  captureState,
];

/** The status each code is listed with. Whatever a table lists beside these is listed with F. */
const statuses: Readonly<Record<string, string>> = {
  SUCCESS: 'S',
  ACCEPT: 'A',
  REQUEST_TRAFFIC_EXCEED_LIMIT: 'U',
  SYSTEM_BUSY: 'U',
  SERVICE_UNAVAILABLE: 'U',
  UNKNOWN_EXCEPTION: 'U',
  SYSTEM_ERROR: 'U',
  PAYMENT_IN_PROCESS: 'U',
  REFUND_IN_PROCESS: 'U',
  VOID_IN_PROCESS: 'U',
  CAPTURE_IN_PROCESS: 'U',
  SENDING: 'U',
};

/** Whether any table has a row of this name. */
export const isListed = (name: string): boolean => tables.some(table => Object.hasOwn(table, name));

/**
 * It says that the two clocks differ by more than Rebell accepts: the one answer whose own time is bound to look wrong.
 */
export const refusesClock = (result: unknown): boolean => Object.hasOwn(clockRefusals, resultName(result) ?? '');

/**
 * The name a `result` goes by: its code. A listed code under another status than the manual's contradicts itself and
 * goes by both (`F/SUCCESS`, `U/INSUFFICIENT_BALANCE`), which no table lists: such an answer decides nothing.
 */
export function resultName(result: unknown): string | undefined {
  const code = textOf(result, 'resultCode');
  // A slash marks the names made here. No code of Rebell's has one, and none may pass for ours.
  if (code === undefined || code.includes('/')) return undefined;
  const listed = Object.hasOwn(statuses, code) ? statuses[code] : isListed(code) ? 'F' : undefined;
  const given = textOf(result, 'resultStatus');
  return listed === undefined || listed === given ? code : `${given ?? '?'}/${code}`;
}

/** Its message fits its status: "success" does not explain a failure. */
export const isAsItSays = (result: unknown): boolean =>
  textOf(result, 'resultStatus') === 'S' || !/^success/i.test(textOf(result, 'resultMessage') ?? '');

/** What under F says too little of a write: a payment that a cancel does not find may only be late. */
const saysLittle: Readonly<Record<string, string>> = { 'payment.cancel': 'ORDER_NOT_EXIST' };

/**
 * F that is no contradiction: it states that nothing was done. What no table makes final is believed once the inquiry
 * twice knows of nothing.
 */
export function refuses(operation: string, result: unknown): boolean {
  const name = resultName(result);
  const isOnlyLate = Object.hasOwn(saysLittle, operation) && saysLittle[operation] === name;
  return (
    name !== undefined && textOf(result, 'resultStatus') === 'F' && textOf(result, 'resultCode') === name && !isOnlyLate
  );
}
