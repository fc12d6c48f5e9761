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
  textOf,
  type CodeTable,
  type Row,
} from '../../kit/index.ts';

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

export const wrongClock: Row = rejected('configuration');

/** The second is the authentication page's name for the same refusal. */
const clockRefusals = { REQUEST_TIME_INVALID: wrongClock, TIMESTAMP_INVALID: wrongClock } satisfies CodeTable;

/** Refused before anything was done: by whom it is signed, what it holds, whom it concerns. */
export const refused: CodeTable = {
  ...clockRefusals,
  INVALID_SIGNATURE: rejected('authentication'),
  INVALID_CLIENT: rejected('authentication'),
  INVALID_ACCESS_TOKEN: rejected('authentication'),
  EXPIRED_ACCESS_TOKEN: rejected('authentication'),
  INSUFFICIENT_SCOPE: rejected('permission'),
  UNAUTHORIZED: rejected('permission'),
  ACCESS_DENIED: rejected('permission'),
  PARAM_ILLEGAL: rejected(),
  MISSING_REQUIRED_PARAM: rejected(),
  INVALID_AMOUNT: rejected('invalid-request'),
  INVALID_CURRENCY: rejected('invalid-request'),
  CURRENCY_NOT_SUPPORT: rejected('unsupported'),
  PARTNER_NOT_EXIST: rejected('configuration'),
  PARTNER_STATUS_ABNORMAL: rejected('configuration'),
  INVALID_AUTH_CLIENT: rejected('configuration'),
  INVALID_AUTH_CLIENT_STATUS: rejected('configuration'),
  INVALID_CODE: rejected('invalid-request'),
  EXPIRED_CODE: rejected('expired'),
  USED_CODE: rejected('invalid-request'),
  INVALID_REFRESH_TOKEN: rejected('authentication'),
  EXPIRED_REFRESH_TOKEN: rejected('authentication'),
  AUTH_CLIENT_UNSUPPORTED_GRANT_TYPE: rejected('unsupported'),
  // Sibling.
  INVALID_AGENT_TOKEN: rejected('authentication'),
  EXPIRED_AGENT_TOKEN: rejected('authentication'),
  INVALID_API: rejected('configuration'),
};

/**
 * Trouble on their side. The manual files these under U, result unknown, and says "retry": after a write that would be
 * a guess. PROCESS_FAIL is filed under F with "retry the request", which cannot both be so.
 */
export const outcomeUnknown: CodeTable = {
  REQUEST_TRAFFIC_EXCEED_LIMIT: pollRequired('rate-limited'),
  SYSTEM_BUSY: pollRequired('unavailable'),
  SERVICE_UNAVAILABLE: pollRequired('unavailable'),
  UNKNOWN_EXCEPTION: pollRequired('unknown-outcome'),
  // Sibling.
  SYSTEM_ERROR: pollRequired('unknown-outcome'),
  PROCESS_FAIL: pollRequired('unknown-outcome'),
};

/** The same on a question: ask again. */
const askAgain = {
  REQUEST_TRAFFIC_EXCEED_LIMIT: retryable('rate-limited', { delayMs: 5000 }),
  SYSTEM_BUSY: retryable('unavailable'),
  SERVICE_UNAVAILABLE: retryable('unavailable'),
  UNKNOWN_EXCEPTION: retryable('unavailable'),
  SYSTEM_ERROR: retryable('unavailable'),
  PROCESS_FAIL: retryable('unavailable'),
} satisfies CodeTable;

export const write: CodeTable = {
  ...refused,
  ...outcomeUnknown,
  ACCEPT: pollRequired('processing'),
  // The manual says to use a new number. Whoever owns this one may have been paid.
  REPEAT_REQ_INCONSISTENT: duplicate(),
  // Sibling.
  PARTNER_BALANCE_NOT_ENOUGH: rejected('insufficient-funds'),
};

/** A success that names no payment, void or refund: it could be any other's. */
export const namesNothing: Row = pollRequired('unknown-outcome');

/** A success beside a state that is none. */
export const contradicts: Row = pollRequired('unknown-outcome');

/**
 * The guide's "F: abort payment", of a code that no page of an API lists: asked about, and believed once the inquiry
 * twice knows no such payment. So is any other F that no table makes final.
 *
 * https://docs.rebellapp.com/payment-integration/qr-order-pay, payment-integration/error-handling
 */
export const aborts: CodeTable = {
  QR_EXPIRED: pollRequired('expired'),
};

const read = { ...refused, ...askAgain } satisfies CodeTable;

/**
 * What a charge and an order have in common: pages openapis/v1/payments/pay, openapis/payments/pay, createQrOrder,
 * linkPayCreate.
 */
export const payment: CodeTable = {
  ...write,
  ...aborts,
  /** `ACCEPT` with a redirect: the payer goes on in Rebell's cashier. */
  'ACCEPT/redirect': created(),
  PAYMENT_IN_PROCESS: pollRequired('processing'),
  'PAYMENT_IN_PROCESS/redirect': pollRequired('awaiting-payer', { createdWhenOpen: true }),
  // "Create a new payment", says the manual: after a timeout that charges twice.
  PAYMENT_TIMEOUT: pollRequired('unknown-outcome'),
  // "Already completed or cancelled: create a new order."
  ORDER_IS_CLOSED: pollRequired('already-final'),
  ORDER_STATUS_INVALID: pollRequired('unknown-outcome', { acknowledges: true }),
  ORDER_NOT_EXIST: pollRequired('not-found'),
  USER_NOT_EXIST: rejected('invalid-request'),
  USER_STATUS_ABNORMAL: declined(),
  INSUFFICIENT_BALANCE: declined('insufficient-funds'),
  // Sibling.
  USER_BALANCE_NOT_ENOUGH: declined('insufficient-funds'),
  PAYMENT_AMOUNT_EXCEED_LIMIT: declined('limit-exceeded'),
  USER_AMOUNT_EXCEED_LIMIT: declined('limit-exceeded'),
  RISK_REJECT: declined('risk'),
  INVALID_AUTH_CODE: rejected('invalid-request'),
};

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
  'SUCCESS/redirect': pollRequired('awaiting-payer', { createdWhenOpen: true }),
  'SUCCESS/form': pollRequired('awaiting-payer'),
  // The code went into another request, which may have charged the payer.
  AUTH_CODE_ALREADY_USED: duplicate(),
  USED_CODE: duplicate(),
  USER_REJECTED: declined(),
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
  ORDER_IS_CLOSED: rejected('already-final'),
  ORDER_STATUS_INVALID: rejected('already-final'),
  CANCEL_NOT_ALLOWED: rejected('already-final'),
};

/** https://docs.rebellapp.com/openapis/payments/void */
export const voiding: CodeTable = {
  ...write,
  SUCCESS: succeeded('canceled'),
  'SUCCESS/otherwise': contradicts,
  'SUCCESS/unnamed': namesNothing,
  VOID_IN_PROCESS: pollRequired('processing'),
  ORDER_NOT_EXIST: rejected('not-found'),
  ORDER_IS_CLOSED: rejected('already-final'),
  ORDER_STATUS_INVALID: rejected('already-final'),
  VOID_NOT_ALLOWED: rejected('already-final'),
  ORDER_ALREADY_SETTLED: rejected('already-final'),
};

/** https://docs.rebellapp.com/openapis/payments/capture */
export const capture: CodeTable = {
  ...write,
  SUCCESS: succeeded(),
  'SUCCESS/otherwise': contradicts,
  'SUCCESS/unnamed': namesNothing,
  CAPTURE_IN_PROCESS: pollRequired('processing'),
  ORDER_NOT_EXIST: rejected('not-found'),
  ORDER_IS_CLOSED: rejected('already-final'),
  ORDER_STATUS_INVALID: rejected('already-final'),
  CAPTURE_AMOUNT_EXCEED: rejected('limit-exceeded'),
  AUTHORIZATION_EXPIRED: failed('expired'),
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
  ORDER_NOT_EXIST: rejected('not-found'),
  ORDER_IS_CLOSED: rejected('already-final'),
  ORDER_STATUS_INVALID: rejected('already-final'),
  REFUND_AMOUNT_EXCEED: rejected('limit-exceeded'),
  REFUND_NOT_ALLOWED: rejected('unsupported'),
  // Sibling.
  REFUND_WINDOW_EXCEED: rejected('expired'),
};

/**
 * https://docs.rebellapp.com/openapis/messages/sendPush and sendInbox. Nothing asks about a message: its own answer is
 * the last word.
 */
export const message: CodeTable = {
  ...write,
  SUCCESS: succeeded(),
  SENDING: pollRequired('processing'),
  USER_NOT_EXIST: rejected('invalid-request'),
  USER_NOT_SUBSCRIBED: failed('declined'),
  MESSAGE_CONTENT_INVALID: rejected('invalid-request'),
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
export const failedBecause: CodeTable = Object.fromEntries(
  Object.entries(charge).flatMap(([code, { kind, reason }]) =>
    kind === 'terminal' && reasonsOfPayers.has(reason) ? [[`payment/FAIL/${code}`, failed(reason)]] : [],
  ),
);

/**
 * https://docs.rebellapp.com/payment-integration/inquiring-payment-api: "only SUCCESS or FAIL represent final states",
 * so a FAIL ends an order that the payer could otherwise try again. PROCESSING is the one open state there is, whether
 * anybody has come or not.
 */
const paymentStates: CodeTable = {
  ...unlessUnnamed({
    'payment/SUCCESS': succeeded(),
    'payment/FAIL': failed(),
    'payment/PROCESSING': pollRequired('processing'),
    // Sibling (Antom): its inquiry has five states, of which PENDING is "the payment is completed, wait for the final
    // result" (https://docs.antom.com/ac/ams/paymentri_online). Others of the make write one L.
    'payment/CANCELLED': canceled(),
    'payment/CANCELED': canceled(),
    'payment/PENDING': pollRequired('processing', { paying: true }),
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

export const tellsNoState: Row = pollRequired('unknown-outcome');

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
