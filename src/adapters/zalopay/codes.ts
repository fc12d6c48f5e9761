import {
  canceled,
  created,
  declined,
  duplicate,
  expired,
  failed,
  pollRequired,
  rejected,
  retryable,
  succeeded,
  type CodeTable,
  type Row,
  type TerminalRow,
} from '../../kit/index.ts';

/*
 * A row is named `<return_code>` or `<return_code>/<sub_return_code>`; a binding that was found is `1/<status>`.
 *
 * Sources, read in November 2026:
 * [codes]  https://beta-docs.zalopay.vn/docs/developer-tools/knowledge-base/status-codes
 * [sdk]    https://github.com/zalopay-oss/zalopay-nodejs/blob/6e334cc/specs/zlp.yaml
 * [vietqr] ZaloPay's VietQR integration document of June 2026, in public copies; it lists -401 to -999 as
 * `return_code`s. [older]  https://docs.zalopay.vn/en/v2/reference/common/overview.html, frequent errors of the pages
 * before these [public] answers and readings in public integrations: on no page of ZaloPay's
 */

/** What every write may answer. [codes] repeats these rows for each call, always as "initialization failed". */
export const write: CodeTable = {
  // The manual says to look at the sub code, and here is none: -500 is a FAIL too.
  '2': pollRequired('unknown-outcome'),
  '3': pollRequired('processing'),
  '2/-401': rejected('invalid-request'),
  '2/-402': rejected('authentication'),
  // "Needs to reinitialize the order after a certain period of time"; how long, nobody says.
  '2/-429': retryable('rate-limited', { delayMs: 5000 }),
  '2/-500': pollRequired('unknown-outcome'),
};

/**
 * [public] Answers to a new order that ZaloPay did not take; they were seen of orders, and a charge is checked by the
 * same door.
 */
export const refusals: CodeTable = {
  '2/10': rejected('authentication'),
  '-2/-201': rejected('authentication'),
  '2/-10': rejected('invalid-request'),
  '2/-16': rejected('invalid-request'),
};

/**
 * Maintenance is not over within a second: a write waits this long before it is sent again. Nobody says how long it
 * lasts.
 */
const underMaintenance = retryable('maintenance', { delayMs: 15_000 });

/**
 * [codes] says it of the query: "is not in the correct format". A number that cannot be asked about names no order
 * either.
 */
export const malformedNumber: Row = rejected('invalid-request');

/**
 * What every read may answer; -403, -405 and 406 are in [sdk] only. An error of the call says nothing about what it
 * asked for.
 */
export const read: CodeTable = {
  '2': pollRequired('unknown-outcome'),
  '2/-401': rejected('invalid-request'),
  '2/-402': rejected('authentication'),
  '2/-403': rejected('authentication'),
  '2/-405': rejected('invalid-request'),
  '2/-406': rejected('invalid-request'),
  '406': rejected('invalid-request'),
  '2/-429': retryable('rate-limited'),
  '2/-500': retryable('unavailable'),
  '2/-999': retryable('maintenance'),
  '2/-1801': retryable('maintenance'),
};

/** The gateway's own refusals that [sdk] and the tokenization spec list for the two calls that make a binding. */
export const bindingRefusals: CodeTable = {
  '2/-403': rejected('authentication'),
  '2/-405': rejected('invalid-request'),
  // "Illegal status" may mean that the binding is there already.
  '2/-406': pollRequired('unknown-outcome'),
  '406': pollRequired('unknown-outcome'),
};

export const numberTaken: Row = duplicate();

/** [codes] "Create Order". */
export const paymentCreate: CodeTable = {
  ...write,
  ...refusals,
  '1': created(),
  // [sdk] has it of the queries. A second send of an order cannot act twice.
  '2/-33': underMaintenance,
  '2/-68': numberTaken,
  '2/-92': malformedNumber,
  '2/-999': underMaintenance,
};

/**
 * The payer stopped it, and may begin again while the order is open: the end of a charge in the call, not of an order.
 */
export const canceledByPayer: TerminalRow = { ...canceled(), payerMayRetry: true };

/** Why a try to pay failed, whether an order's query tells it or the answer to a charge. */
export const failedTries: CodeTable = {
  // "If order not yet expired, user can top up, and retry payment": what is open can still be paid.
  '2/-63': declined('insufficient-funds'),
  '2/-329': canceledByPayer, // [sdk] "The user canceled the payment."
  '2/-332': declined(),
  '2/-333': declined(),
  '2/-1013': declined('limit-exceeded'), // as when paying by token
  '2/-1330': declined('limit-exceeded'),
  '2/-1331': declined('limit-exceeded'),
  '2/-1332': declined('limit-exceeded'),
  '2/-1333': declined('limit-exceeded'),
  '2/-1340': declined('limit-exceeded'),
  '2/-1341': declined('limit-exceeded'),
  '2/-1342': declined('limit-exceeded'),
  '2/-1343': declined('limit-exceeded'),
};

/**
 * [sdk] "Payment code expired, the transaction failed, the account has not been debited yet." Only a scanned code can
 * be.
 */
export const codeExpired: CodeTable = {
  '2/-322': declined('expired'),
};

/**
 * Who reports such an error once may still be about to pay; who goes on reporting it has declined a charge in the call.
 */
const unchanged = { acknowledges: true, failedWhenUnchangedForMs: 10_000 } as const;

/**
 * What leaves a try to pay open, whether an order's query tells it or the answer to a charge: [codes] has -217, [sdk]
 * the others but -49.
 */
export const openTries: CodeTable = {
  // The channel, or the payer’s bank, is out of order: "please choose another one".
  '2/-34': pollRequired('maintenance', { ...unchanged }),
  '2/-35': pollRequired('maintenance', { ...unchanged }),
  '2/-43': pollRequired('maintenance', { ...unchanged }),
  // [public] reads it as closed, canceled or expired. [older]: "has not been made or may have been successfully
  // performed".
  '2/-49': pollRequired('canceled'),
  '2/-217': pollRequired('declined', { ...unchanged }),
};

/**
 * [sdk] lists these as what either query may say. Whether they speak of the payment or of the query, nobody says: they
 * end nothing.
 */
const systemErrors = {
  '2/-33': retryable('maintenance'), // the app
  '2/-88': retryable('maintenance'), // this function
  '2/-135': retryable('maintenance'), // the system
  '2/-301': retryable('unavailable'),
} satisfies CodeTable;

/** Success, and in the same breath "in progress" or without a number of ZaloPay's, which every paid order has. */
export const contradicted: Row = pollRequired('processing');

/**
 * [codes] "Query Order's Status", https://docs.zalopay.vn/docs/specs/order-query; -32 to -329 but -54 and -63 are of
 * [sdk].
 */
export const paymentQuery: CodeTable = {
  ...read,
  ...systemErrors,
  ...failedTries,
  ...codeExpired,
  ...openTries,
  '1': succeeded(),
  '1/processing': contradicted,
  // Also what an order answers that nobody has tried to pay.
  '3': pollRequired('processing'),
  '2/-32': retryable('unavailable'),
  // The order's time is over, whoever tried to pay it.
  '2/-54': { ...expired(), endsNumber: true },
  '2/-92': malformedNumber,
  '2/-101': pollRequired('not-found'),
};

/** [codes] "Cancel Order". Here -403 is not a signature: the order is paid. */
export const paymentCancel: CodeTable = {
  ...write,
  '1': succeeded('canceled'),
  '2/-101': rejected('not-found'),
  '2/-403': failed('already-final'),
  '2/-999': underMaintenance,
};

/** A refund that waits for somebody’s approval. */
export const awaitsApproval: Row = pollRequired('processing');

/** [codes] lists both for the refund's query under FAIL, [vietqr] under "in progress": neither is ever a failure. */
export const pendingRefunds: CodeTable = {
  '2/-1': awaitsApproval,
  '2/-16': pollRequired('processing'),
};

/** [codes] "Refund Order", [vietqr] 6.4. Success means accepted: only the refund query knows the end. */
export const refundCreate: CodeTable = {
  ...write,
  ...pendingRefunds,
  '1': pollRequired('processing'),
  '3/-1': awaitsApproval,
  '2/0': pollRequired('unknown-outcome'),
  // Every send carries its own timestamp, so that another one would be refused for the same reason.
  '2/-13': rejected('expired'),
  '2/-14': rejected('invalid-request'), // [vietqr]
  '2/-23': duplicate(), // [vietqr]
  // Named in a public integration's list of codes only: the three ways an m_refund_id is malformed.
  '2/-24': rejected('invalid-request'),
  '2/-25': rejected('invalid-request'),
  '2/-26': rejected('invalid-request'),
  '2/-32': rejected('unsupported'),
  '2/-101': rejected('not-found'),
  '2/-999': underMaintenance,
};

/**
 * [codes] "Query Refund Order's Status", [vietqr] 6.5, the maintenance of [sdk]. -1 and -16 come with `return_code` 2
 * in one and 3 in the other.
 */
export const refundQuery: CodeTable = {
  ...read,
  ...systemErrors,
  ...pendingRefunds,
  '1': succeeded('refunded'),
  '3': pollRequired('processing'),
  '3/-1': awaitsApproval,
  // Read by the sub code alone this is FAIL, and the merchant refunds twice.
  '3/2': pollRequired('processing'),
  '2/0': failed('declined'), // [vietqr]
  '2/-2': failed('invalid-request'),
  '2/-13': failed('expired'),
  '2/-14': failed('invalid-request'),
  '2/-32': failed('unsupported'),
  '2/-101': pollRequired('not-found'),
};

/** The payer's token was refused: [codes] lists these for paying and for asking the balance. */
export const tokenRefusals: CodeTable = {
  '2/-101': failed('declined'),
  '2/-1002': failed('declined'),
  '2/-1007': failed('expired'),
  '2/-1009': failed('risk'),
  '2/-1011': rejected('permission'),
  '2/-1800': failed('limit-exceeded'),
};

/**
 * [codes] "Pay By Token (Wallet)". Its table has no row for a try that failed or is open for its channel's sake: told
 * here, such a code means what the order's query means by it.
 */
export const paymentCharge: CodeTable = {
  ...write,
  ...refusals,
  ...failedTries,
  ...openTries,
  ...tokenRefusals,
  '1': succeeded(),
  '1/processing': contradicted,
  '2/-1010': failed('declined'),
  '2/-1013': failed('limit-exceeded'),
  '2/-1019': failed('limit-exceeded'),
  '2/-1801': underMaintenance,
};

/**
 * A scanned payment code, https://docs.zalopay.vn/v2/docs/quickpay/api.html. The page lists no sub codes: what refuses
 * an order refuses it here, and what became of a try is told as its query tells it. [sdk] has -33 ("app maintenance")
 * of the queries only: that a scanned code was not processed, nobody says.
 */
export const paymentScan: CodeTable = {
  ...write,
  ...refusals,
  ...failedTries,
  ...codeExpired,
  ...openTries,
  '1': succeeded(),
  '1/processing': contradicted,
  '2/-33': pollRequired('maintenance'),
  '2/-68': duplicate(),
  '2/-92': malformedNumber,
  '2/-999': underMaintenance,
};

/** [codes] "Query Balance (Wallet)". */
export const balanceQuery: CodeTable = {
  ...read,
  ...tokenRefusals,
  '1': succeeded(),
  '3': pollRequired('processing'),
};

/** [codes] "Query User Info". */
export const userQuery: CodeTable = {
  ...read,
  '1': succeeded(),
  '3': pollRequired('processing'),
};

/** [codes] "Create Binding (Wallet)", [sdk]. */
export const bindingCreate: CodeTable = {
  ...write,
  ...bindingRefusals,
  '1': created(),
  '2/-68': numberTaken,
  '2/-1801': underMaintenance,
};

export const disabledBinding: Row = canceled();

/**
 * [codes] "Query Payment Token (Wallet)"; the status is `data.status` of
 * https://beta-docs.zalopay.vn/docs/specs/agreement-query
 */
export const bindingQuery: CodeTable = {
  ...read,
  '1': succeeded(),
  '1/1': succeeded(),
  '1/3': canceled(),
  '1/4': disabledBinding,
  '3': pollRequired('awaiting-payer'),
  '2/-101': pollRequired('not-found'),
};

/** [codes] "Un Binding (Wallet)". */
export const bindingCancel: CodeTable = {
  ...write,
  '1': succeeded('canceled'),
  '2/-101': rejected('not-found'),
  '2/-1011': rejected('permission'),
  '2/-1801': underMaintenance,
};

export const wrongParameter: Row = rejected('invalid-request');

/** [codes] "Create Binding (Card)", https://docs.zalopay.vn/docs/specs/tokenization-bind */
export const cardBindingCreate: CodeTable = {
  ...write,
  ...bindingRefusals,
  '1': created(),
  '2/-68': numberTaken,
  '2/-7002': wrongParameter,
};

/** [codes] "Query Binding (Card)"; what its `status` means is not written: read as the wallet's. */
export const cardBindingQuery: CodeTable = {
  ...bindingQuery,
  '2/-7002': wrongParameter,
};

/** [codes] "Un Binding (Card)". */
export const cardBindingCancel: CodeTable = {
  ...write,
  '1': succeeded('canceled'),
  '2/-101': rejected('not-found'),
  '2/-7002': wrongParameter,
  '2/-7216': rejected('invalid-request'),
};

/** [codes] "Pay by Token (Card)". */
export const cardPaymentCharge: CodeTable = {
  ...write,
  '1': succeeded(),
  '1/processing': contradicted,
  '2/-7002': wrongParameter,
  // "Invalid or has exceeded timeout limit": the order's time, or this call's? Only the query knows.
  '2/-7032': pollRequired('unknown-outcome'),
  '2/-7041': failed('declined'),
  '2/-7202': rejected('invalid-request'),
  '2/-7217': failed('declined'),
  '2/-7223': failed('declined'),
};

/**
 * Callbacks: of an order when it is paid, and never otherwise; of an agreement by its `status`.
 * https://beta-docs.zalopay.vn/docs/developer-tools/knowledge-base/callback
 */
export const notice: CodeTable = {
  order: succeeded(),
  'agreement/1': succeeded(),
  'agreement/3': canceled(),
  'agreement/4': disabledBinding,
};
