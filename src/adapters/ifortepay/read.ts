import {
  askBy,
  asRecord,
  instantOf,
  moneyOf,
  recordOf,
  statedOf,
  textOf,
  UNREADABLE,
  type CodeTable,
  type Exchange,
  type Money,
  type Reading,
  type ReadName,
  type StatusQuery,
} from '../../kit/index.ts';

/** One kind of order: what names it, and how answers about it read. */
export interface Kind {
  /** The merchant's number, by its name in tickets, queries and readings. */
  readonly own: string;
  /** iFortepay's, which the manual wants in a query and only the create's answer tells. */
  readonly theirs: readonly string[];
  readonly read: (exchange: Exchange) => Reading;
  /** The payment's state. */
  readonly state: (body: unknown) => string | undefined;
}

/** QRIS and direct debit. */
export const order: Kind = {
  own: 'originalPartnerReferenceNo',
  theirs: ['originalReferenceNo'],
  read: ({ body }) => ({
    ...outcomeIn(body),
    // A create's answer calls the numbers by their first names.
    reference: {
      originalPartnerReferenceNo: statedOf(body, 'originalPartnerReferenceNo') ?? statedOf(body, 'partnerReferenceNo'),
      originalReferenceNo: statedOf(body, 'originalReferenceNo') ?? statedOf(body, 'referenceNo'),
    },
    ...amountIn(body, 'amount', 'transAmount'),
    madeAtMs: instantOf(body, 'createdTime') ?? paidAtMs(body),
  }),
  state: body => textOf(body, 'latestTransactionStatus'),
};

/**
 * What was paid before a send is not that send's. Of any other state the time of its payment says too little: it is
 * later than that of the try.
 */
const paidAtMs = (body: unknown): number | undefined =>
  textOf(body, 'latestTransactionStatus') === '00' ? instantOf(body, 'paidTime') : undefined;

const accountNumbers = ['virtualAccountNo', 'partnerServiceId', 'customerNo'] as const;

/** Virtual accounts, whose numbers the merchant may choose as well. */
export const account: Kind = {
  own: 'trxId',
  theirs: accountNumbers,
  read({ body, sent = {} }) {
    const data = recordOf(body, 'virtualAccountData');
    // Numbers that were sent are not held against the answer: banks pad them differently, and trxId names the order.
    const learnt = accountNumbers.flatMap(name =>
      textOf(sent, name) === undefined ? [[name, statedOf(data, name)] as const] : [],
    );
    return {
      ...outcomeIn(body),
      reference: { trxId: statedOf(data, 'trxId') ?? statedOf(body, 'trxId'), ...Object.fromEntries(learnt) },
      ...amountIn(data, 'paidAmount', 'totalAmount'),
    };
  },
  // The manual does not show where the word stands: these are the places its sister APIs use.
  state: body => {
    const data = recordOf(body, 'virtualAccountData');
    const word =
      textOf(body, 'latestTransactionStatus') ??
      textOf(recordOf(data, 'additionalInfo'), 'status') ??
      textOf(data, 'status');
    // A number, which says that something was paid only beside the amount.
    const flag = statedOf(data, 'paidAmount') === undefined ? undefined : textOf(data, 'paymentFlagStatus');
    return word ?? (flag === undefined ? undefined : `paymentFlagStatus=${flag}`);
  },
};

/** How a write of this kind is asked about: with all its ticket knows. */
export const askedBy = ({ own, theirs }: Kind, operation: ReadName): StatusQuery =>
  askBy(operation, [own, ...theirs], {
    // The manual wants all the numbers, and only the create's answer tells iFortepay's.
    incomplete: ({ reference }) => theirs.some(name => !Object.hasOwn(reference, name)),
  });

/**
 * A status query: its tables, what its fields stand for, and its reading.
 *
 * @param toldRows for an answer that tells iFortepay's number unasked: it knows the order, whatever it says of it
 */
export function statusQuery(
  { own, theirs, read, state }: Kind,
  rows: CodeTable,
  blindRows: CodeTable,
  toldRows: CodeTable = blindRows,
): {
  codes: (exchange: Exchange) => CodeTable;
  reference: Readonly<Record<string, string>>;
  read: (exchange: Exchange) => Reading;
} {
  /** Asked by the merchant's number alone, since the create's answer was lost. */
  const isBlind = ({ sent = {} }: Exchange): boolean =>
    textOf(sent, own) !== undefined && theirs.some(name => textOf(sent, name) === undefined);
  const tellsTheirs = (exchange: Exchange): boolean => {
    const { reference = {} } = read(exchange);
    return [own, ...theirs].every(name => reference[name] !== undefined && reference[name] !== UNREADABLE);
  };
  return {
    codes: exchange => (!isBlind(exchange) ? rows : tellsTheirs(exchange) ? toldRows : blindRows),
    reference: Object.fromEntries([own, ...theirs].map(name => [name, name])),
    read(exchange) {
      const reading = read(exchange);
      // Then only an answer that names the order is about it.
      if (isBlind(exchange) && reading.reference?.[own] === undefined) return { ...reading, reference: {} };
      const found = state(exchange.body);
      // A call that was refused has no state to tell.
      const refused = exchange.status >= 400 && exchange.status < 500;
      if (found === undefined || refused) return reading;
      const { body } = exchange;
      const why = textOf(body, 'originalResponseCode');
      return {
        ...reading,
        names: reading.names.flatMap(code => [
          ...(why === undefined ? [] : [`${code}/${found}/${why}`]),
          `${code}/${found}`,
        ]),
        // "Successful", says the call, of a payment that has failed.
        message: textOf(body, 'transactionStatusDesc') ?? textOf(body, 'originalResponseMessage'),
      };
    },
  };
}

/**
 * The payer confirms on the wallet's page or with a payment code, which the answer names, or with an OTP, which the
 * request asked for.
 */
export function payerMustAct({ body, sent = {} }: Exchange): boolean {
  const redirected =
    textOf(body, 'webRedirectUrl') ??
    textOf(body, 'appRedirectUrl') ??
    textOf(recordOf(body, 'additionalInfo'), 'paymentCode');
  return redirected !== undefined || asksForOtp(sent);
}

export const asksForOtp = (fields: unknown): boolean => textOf(recordOf(fields, 'additionalInfo'), 'isWithOtp') === 'Y';

/** What a ticket expects to be paid; a drop-in request's fields may be anything. */
export const sumOf = (amount: unknown): Money | undefined =>
  moneyOf(textOf(amount, 'value'), textOf(amount, 'currency'));

function outcomeIn(body: unknown): Pick<Reading, 'names' | 'message'> {
  const code = textOf(body, 'responseCode');
  return { names: code === undefined ? [] : [code], message: textOf(body, 'responseMessage') };
}

function amountIn(value: unknown, ...names: readonly string[]): Pick<Reading, 'amount' | 'currency'> {
  const stated = names
    .map(name => asRecord(value)?.[name])
    .find(sum => sum !== undefined && sum !== null && sum !== '');
  if (stated === undefined) return {};
  return asRecord(stated) === undefined
    ? { amount: UNREADABLE }
    : { amount: statedOf(stated, 'value'), currency: statedOf(stated, 'currency') };
}
