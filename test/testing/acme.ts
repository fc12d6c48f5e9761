import type { CodeTable, Row } from '../../src/core/code-table.ts';
import type { Exchange, Reading } from '../../src/core/exchange.ts';
import type { BatchQuery, SameReference } from '../../src/core/operation.ts';
import { defineAdapter, type Adapter, type Policy } from '../../src/index.ts';
import {
  authorized,
  canceled,
  created,
  declined,
  duplicate,
  expired,
  failed,
  pollRequired,
  refunded,
  rejected,
  retryable,
  succeeded,
  text,
  whole,
} from '../../src/kit/index.ts';
import { idOf, textOf } from '../../src/kit/readers.ts';
import type { Answer, Heard, Simulator, Situation, Voice } from '../../src/testing/index.ts';

/**
 * The invented gateway of these tests, as an adapter knows it and as a simulator plays it. It has one row of each kind,
 * so that every rule shows, and belongs to nobody, so that no provider's peculiarities are in the way.
 */
export interface AcmeFields {
  'payment.charge': OrderFields;
  'payment.create': OrderFields;
  'payment.cancel': { order: string };
  'payment.capture': { order: string };
  'payout.create': { order: string };
  'refund.create': { refund: string };
  'payment.query': { order: string };
  'refund.query': { refund: string };
}

interface OrderFields {
  order: string;
  amount: number;
  currency?: string;
  /** The payer's code: the one field that no journal may store. */
  scanned?: string;
}

export type WriteCode =
  | (
      | 'PAID'
      | '0000'
      | 'CREATED'
      | 'HELD'
      | 'DECLINED'
      | 'NO_FUNDS'
      | 'BLOCKED'
      | 'CANCELED'
      | 'EXPIRED'
      | 'REFUNDED'
      | 'REFUSED'
      | 'DUPLICATE'
      | 'TOO_LATE'
    )
  | ('BUSY' | 'CLOSED' | 'TOKEN' | 'WAIT' | 'LIMITED' | 'PENDING' | 'UNSURE');

export type StateCode =
  | (
      | 'paid'
      | 'partly-refunded'
      | 'held'
      | 'made'
      | 'open'
      | 'pending'
      | 'declined'
      | 'failed'
      | 'blocked'
      | 'canceled'
      | 'expired'
      | 'refunded'
    )
  | ('none' | 'none-or-over' | 'known' | 'refused' | 'REFUSED' | 'busy' | 'BUSY');

/** What a write's answer may say. */
export const writes: Readonly<Record<WriteCode, Row>> = {
  PAID: succeeded(),
  '0000': succeeded(),
  CREATED: created(),
  HELD: authorized(),
  DECLINED: declined(),
  NO_FUNDS: declined('insufficient-funds', 'Ask for another card.'),
  BLOCKED: failed('risk'),
  CANCELED: canceled(),
  EXPIRED: expired(),
  REFUNDED: refunded(),
  REFUSED: rejected('invalid-request'),
  DUPLICATE: duplicate(),
  TOO_LATE: failed('already-final'),
  BUSY: retryable('maintenance'),
  CLOSED: retryable('maintenance', { delayMs: 2000 }),
  TOKEN: retryable('authentication', { remedy: 'reauthenticate' }),
  WAIT: retryable('rate-limited', { delayMs: 7000 }),
  LIMITED: retryable('rate-limited'),
  PENDING: pollRequired('processing'),
  UNSURE: pollRequired('unknown-outcome', { delayMs: 1500 }),
};

/** What a status query may find. */
export const states: Readonly<Record<StateCode, Row>> = {
  paid: succeeded(),
  'partly-refunded': succeeded('partially-refunded'),
  held: authorized(),
  made: created(),
  open: pollRequired('awaiting-payer'),
  pending: pollRequired('processing'),
  declined: declined(),
  failed: failed(),
  blocked: failed('risk'),
  canceled: canceled(),
  expired: expired(),
  refunded: refunded(),
  none: pollRequired('not-found'),
  'none-or-over': pollRequired('not-found', { expiredWhenOver: true }),
  known: pollRequired('unknown-outcome', { acknowledges: true }),
  refused: rejected('authentication'),
  REFUSED: rejected('authentication'),
  busy: retryable('maintenance'),
  BUSY: retryable('maintenance'),
};

/** What the simulator says to whatever it is asked. */
const spoken: CodeTable = { ...states, 'not-found': pollRequired('not-found'), duplicate: duplicate() };

export interface AcmeOptions {
  sameReference?: SameReference;
  policy?: Policy;
  /** What the status query calls the order, where that matters. */
  queryField?: string;
  /** Whether it is the simulator that answers, in the words of `acmeVoice`; its own numbers are not learnt then. */
  simulated?: boolean;
  /** How many orders one query may be about. Default: one. */
  batch?: BatchQuery;
  /** Of the adapter. Default 1. */
  version?: number;
  /** The cancel leaves alone what is paid. Default `false`. */
  sparesPaid?: boolean;
  /** What only the merchant's processes know. Default `made-up-acme-secret`; `null`: there is none. */
  secret?: string | null;
}

/** Where each operation is. */
const paths = {
  'payment.charge': '/charge',
  'payment.create': '/create',
  'payment.cancel': '/cancel',
  'payment.capture': '/capture',
  'payout.create': '/payout',
  'refund.create': '/refund',
  'payment.query': '/query',
  'refund.query': '/refund-query',
} satisfies Record<keyof AcmeFields, string>;

const readOne = (body: unknown): Reading => {
  const code = textOf(body, 'code');
  const name = code === undefined || code === 'state' ? textOf(body, 'state') : code;
  return {
    names: name === undefined ? [] : [name],
    message: textOf(body, 'message'),
    reference: { order: textOf(body, 'order'), refund: textOf(body, 'refund'), id: textOf(body, 'id') },
    amount: idOf(body, 'amount'),
    currency: textOf(body, 'currency'),
  };
};

/** `{ rows: [...] }` is a list, anything else one answer. */
export const readAcme = ({ body }: Exchange): Reading | Reading[] => {
  const rows: unknown = typeof body === 'object' && body !== null ? Reflect.get(body, 'rows') : undefined;
  return Array.isArray(rows) ? rows.map(readOne) : readOne(body);
};

/** A comma between the orders; the answer has rows, and says whether there are more. */
export const acmeBatch: BatchQuery = {
  most: 50,
  fields: orders => ({ order: [...new Set(orders.map(({ fields }) => fields['order']))].join(',') }),
  part(body, { order }) {
    const { rows, more } = body as { rows?: { order?: string }[]; more?: boolean };
    if (!Array.isArray(rows) || more !== false) return undefined;
    const own = rows.filter(row => row.order === order);
    return own.length === 0 ? undefined : { rows: own };
  },
};

const expect = ({ amount, currency }: OrderFields): { amount: string; currency?: string } => ({
  amount: String(amount),
  ...(currency !== undefined && { currency }),
});

export function acme(options: AcmeOptions = {}): Adapter<AcmeFields> {
  const { sameReference = 'unknown', policy = {}, queryField = 'order', simulated = false } = options;
  const { version, batch, secret = 'made-up-acme-secret', sparesPaid = false } = options;
  const [written, found] = simulated ? [spoken, spoken] : [writes, states];
  const query = {
    operation: 'payment.query' as const,
    fields: ({ reference: { order } }: { reference: Record<string, string> }) =>
      order === undefined ? undefined : ({ [queryField]: order } as AcmeFields['payment.query']),
    ...(batch !== undefined && { batch }),
  };
  const order = {
    codes: written,
    reference: ['order'] as const,
    storable: ['order'] as const,
    learns: simulated ? [] : ['id'],
    query,
    sameReference,
  };
  const paid = {
    ...order,
    required: { order: text, amount: whole },
    optional: ['currency', 'scanned'] as const,
    storable: ['order', 'amount', 'currency'] as const,
    expect,
    cancel: {
      operation: 'payment.cancel',
      fields: ({ reference: { order: number } }: { reference: Record<string, string> }) =>
        number === undefined ? undefined : { order: number },
      sparesPaid,
    },
  };
  return defineAdapter<AcmeFields>({
    name: 'acme',
    account: 'shop-1',
    environment: 'sandbox',
    ...(version !== undefined && { version }),
    ...(secret !== null && { secret: () => secret }),
    baseUrl: 'https://acme.test/api',
    encodings: ['json', 'form'],
    policy,
    operations: {
      'payment.charge': { path: paths['payment.charge'], ...paid },
      'payment.create': { path: paths['payment.create'], ...paid, payerNeedsAnswer: () => true },
      'payment.cancel': {
        path: paths['payment.cancel'],
        required: { order: text },
        ...order,
        codes: { ...written, DONE: succeeded('canceled') },
        follows: 'cancel',
      },
      'payment.capture': { path: paths['payment.capture'], required: { order: text }, ...order, follows: 'capture' },
      'payout.create': {
        path: paths['payout.create'],
        required: { order: text },
        storable: ['order'],
        codes: written,
        reference: ['order'],
        sameReference,
      },
      'refund.create': {
        path: paths['refund.create'],
        required: { refund: text },
        storable: ['refund'],
        codes: { ...written, ACCEPTED: pollRequired('processing') },
        reference: ['refund'],
        follows: 'refund',
        query: { operation: 'refund.query', fields: ({ reference }) => ({ ...reference }) },
        sameReference,
      },
      'payment.query': {
        path: paths['payment.query'],
        required: { [queryField]: text } as { order: typeof text },
        codes: found,
        reference: { [queryField]: 'order' },
      },
      'refund.query': {
        path: paths['refund.query'],
        required: { refund: text },
        codes: found,
        reference: { refund: 'refund' },
      },
    },
    read: readAcme,
    body: fields => ({ ...fields, signed: 'yes' }),
    headers: ({ body, nowMs }) => ({ 'x-signed-at': String(nowMs), 'x-acme-sign': sign(body) }),
  });
}

/**
 * The gateway itself, for the simulator: a POST of JSON to an operation's path or name, signed by its length and a key.
 * A request is good for five minutes after `at`.
 */
export const key = 'acme-key';

const acts: Readonly<Record<string, Heard['act']>> = {
  'payment.create': 'create',
  'payment.charge': 'charge',
  'payment.confirm': 'charge',
  'payment.query': 'query',
  'payment.cancel': 'cancel',
  'payment.reverse': 'cancel',
  'payment.capture': 'capture',
  'refund.create': 'refund',
  'refund.query': 'refund-query',
  'token.create': 'other',
};

export interface VoiceFields {
  order: string;
  of?: string;
  amount?: string;
  key?: string;
  at?: number;
}

const operationAt = (pathname: string): string => {
  const name = pathname.slice(pathname.lastIndexOf('/') + 1);
  return Object.entries(paths).find(([, path]) => path === `/${name}`)?.[0] ?? name;
};

const refuse = (status: number, code: string): { refused: Answer } => ({ refused: { status, body: { code } } });

export function acmeVoice(sameReference: Voice['sameReference'] = 'refuses'): Voice {
  return {
    gateway: 'acme',
    sameReference,
    hear({ url, headers, body, nowMs }) {
      const operation = operationAt(url.pathname);
      const act = acts[operation];
      if (act === undefined) return refuse(404, 'no-such-path');
      if (headers.get('x-acme-sign') !== sign(body)) return refuse(401, 'bad-signature');
      const { order, of, amount, key: idempotencyKey, at = nowMs } = JSON.parse(body) as VoiceFields;
      if (nowMs - at > 300_000) return refuse(401, 'too-late');
      return {
        operation,
        act,
        fields: { order },
        reference: order,
        currency: 'EUR',
        ...(of !== undefined && { of }),
        ...(amount !== undefined && { amount }),
        ...(idempotencyKey !== undefined && { idempotencyKey }),
        ...(operation === 'payment.reverse' && { alsoWhenPaid: true }),
      };
    },
    say(situation) {
      const status = statuses[situation.answer] ?? 200;
      return { status, body: { code: situation.answer, ...(situation.entry && entryOf(situation)) } };
    },
  };
}

const statuses: Readonly<Partial<Record<Situation['answer'], number>>> = {
  'rate-limited': 429,
  maintenance: 503,
  'system-error': 500,
};

const entryOf = ({ entry }: Situation): object => ({
  id: entry?.providerId,
  order: entry?.reference,
  state: entry?.state,
  refunded: entry?.refundedAmount,
  of: entry?.of?.state,
});

export const sign = (body: string): string => `${key}/${body.length}`;

/** A signed request, and the answer's body. */
export async function call(
  gateway: Pick<Simulator, 'fetch'> | { fetch: typeof fetch },
  operation: string,
  fields: VoiceFields,
  options: { origin?: string; signal?: AbortSignal; redirect?: RequestRedirect } = {},
): Promise<{ code?: string; id?: string; state?: string; refunded?: string; of?: string }> {
  const { origin = 'https://acme.test', ...init } = options;
  const body = JSON.stringify(fields);
  const response = await gateway.fetch(`${origin}/${operation}`, {
    method: 'POST',
    body,
    headers: { 'x-acme-sign': sign(body) },
    ...init,
  });
  return (await response.json()) as { code?: string };
}
