import {
  askBy,
  canceled,
  created,
  declined,
  defineAdapter,
  duplicate,
  failed,
  hmacOf,
  moneyOf,
  pollRequired,
  rejected,
  retryable,
  sha256,
  statedOf,
  succeeded,
  text,
  textOf,
  toBase64,
  whole,
  type Adapter,
  type CodeTable,
  type Row,
  type WriteOperation,
} from 'tillpaid/adapter';

/**
 * Lantern Pay, an invented gateway: JSON, signed in a header; a `code` in every answer, and a `state` in what a query
 * found.
 */
export interface LanternFields {
  'payment.charge': { order: string /** In cents. */; amount: number /** From the payer's phone. */; scanned: string };
  'payment.create': { order: string; amount: number };
  'payment.cancel': { order: string };
  'payment.query': { order: string };
  'refund.create': { refund: string; order: string; amount: number };
  'refund.query': { refund: string };
}

/** What the payer types into the app is in this answer; the others are `unknown`. */
export type LanternAnswers = { 'payment.create': { id?: string } };

/** Its manual, chapter 3: these say that nothing was done. */
const undone = {
  BUSY: retryable('maintenance'),
  LIMIT: retryable('rate-limited'),
  SIGN: rejected('authentication', 'Check the key.'),
} satisfies CodeTable;
const write = (ok: Row): CodeTable => ({
  ...undone,
  OK: ok,
  TAKEN: duplicate(),
  NONE: rejected('not-found', 'There is no such order.'),
  LATE: failed('already-final', 'The order can no longer be changed.'),
  DECLINED: declined(),
  PENDING: pollRequired('processing'),
  ERROR: pollRequired('unknown-outcome'), // it proves nothing: ask
});
/** Chapter 4: what a query found. "None" may mean "not yet", and an error says nothing about the payment. */
const found = (done: Row, refused: Row): CodeTable => ({
  ...undone,
  NONE: pollRequired('not-found'),
  ERROR: retryable('unavailable'),
  'OK/open': pollRequired('awaiting-payer'),
  'OK/pending': pollRequired('processing'),
  'OK/done': done,
  'OK/declined': refused,
  'OK/canceled': canceled(),
});

const expect = ({ amount }: { amount: number }) => moneyOf(String(amount));
// Chapter 2 tells what a second refund under one number does. Of a second charge it tells nothing: none is sent on a
// guess.
const order = {
  reference: ['order'],
  learns: ['id'],
  query: askBy('payment.query', 'order'),
  sameReference: 'unknown',
} satisfies Partial<WriteOperation<{ order: string }>>;
const refund = {
  reference: ['refund'],
  query: askBy('refund.query', 'refund'),
  sameReference: 'refuses',
  follows: 'refund',
  storable: ['refund', 'order', 'amount'],
  expect,
} satisfies Partial<WriteOperation<LanternFields['refund.create']>>;
const sum = { order: text, amount: whole };

export const lantern = ({ shop, key }: { shop: string; key: string }): Adapter<LanternFields, LanternAnswers> =>
  defineAdapter<LanternFields, LanternAnswers>({
    name: 'lantern',
    account: shop,
    secret: () => key,
    environment: 'sandbox',
    baseUrl: 'https://sandbox.lantern.example',
    encodings: ['json'],
    operations: {
      'payment.charge': {
        path: '/charge',
        required: { ...sum, scanned: text },
        codes: write(succeeded()),
        expect,
        ...order,
      },
      'payment.create': {
        path: '/create',
        required: sum,
        codes: write(created()),
        expect,
        payerNeedsAnswer: () => true,
        ...order,
      },
      'payment.cancel': {
        path: '/cancel',
        required: { order: text },
        codes: write(succeeded('canceled')),
        follows: 'cancel',
        ...order,
      },
      'payment.query': {
        path: '/query',
        required: { order: text },
        codes: found(succeeded(), declined()),
        reference: { order: 'order' },
      },
      'refund.create': {
        path: '/refund',
        required: { ...sum, refund: text },
        codes: write(pollRequired('processing')),
        ...refund,
      },
      'refund.query': {
        path: '/refunds',
        required: { refund: text },
        codes: found(succeeded(), failed()),
        reference: { refund: 'refund' },
      },
    },
    read({ body }) {
      const [code, state] = [textOf(body, 'code'), textOf(body, 'state')];
      const reference = { order: statedOf(body, 'order'), refund: statedOf(body, 'refund'), id: statedOf(body, 'id') };
      const names = code === undefined ? [] : [state === undefined ? code : `${code}/${state}`];
      return { names, message: textOf(body, 'message'), amount: statedOf(body, 'amount'), reference };
    },
    headers: ({ nowMs, body }) => ({
      'x-time': String(nowMs),
      'x-sign': toBase64(hmacOf(sha256, key, `${nowMs}.${body}`)),
    }),
  });
