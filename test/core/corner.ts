import type { Row } from '../../src/core/code-table.ts';
import type { Exchange, Reading } from '../../src/core/exchange.ts';
import { defineAdapter, type Adapter } from '../../src/kit/adapter.ts';
import { text, whole } from '../../src/kit/fields.ts';
import { idOf, textOf } from '../../src/kit/readers.ts';
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
} from '../../src/kit/rows.ts';

/** An invented gateway of a corner shop: one row of each kind, so that every rule of the doctrine shows. */
export interface CornerFields {
  'payment.charge': OrderFields;
  'payment.create': OrderFields;
  'payment.cancel': { order: string };
  'payment.capture': { order: string };
  'refund.create': { refund: string };
  'payment.query': { orderNumber: string };
  'refund.query': { refund: string };
}

interface OrderFields {
  order: string;
  amount: number;
  currency?: string;
}

export type WriteCode =
  | (
      | '0000'
      | 'CREATED'
      | 'HELD'
      | 'DECLINED'
      | 'BLOCKED'
      | 'CANCELED'
      | 'EXPIRED'
      | 'REFUNDED'
      | 'REFUSED'
      | 'DUPLICATE'
      | 'TOO_LATE'
    )
  | ('BUSY' | 'TOKEN' | 'LIMITED' | 'PENDING' | 'UNSURE');

export type StateCode =
  | (
      | 'paid'
      | 'partly-refunded'
      | 'held'
      | 'made'
      | 'open'
      | 'pending'
      | 'declined'
      | 'blocked'
      | 'canceled'
      | 'expired'
      | 'refunded'
    )
  | ('none' | 'none-or-over' | 'known' | 'refused' | 'busy');

/** What a write's answer may say. */
export const writes: Readonly<Record<WriteCode, Row>> = {
  '0000': succeeded(),
  CREATED: created(),
  HELD: authorized(),
  DECLINED: declined('insufficient-funds', 'Ask for another card.'),
  BLOCKED: failed('risk'),
  CANCELED: canceled(),
  EXPIRED: expired(),
  REFUNDED: refunded(),
  REFUSED: rejected('invalid-request'),
  DUPLICATE: duplicate(),
  TOO_LATE: failed('already-final'),
  BUSY: retryable('maintenance', { delayMs: 2000 }),
  TOKEN: retryable('authentication', { remedy: 'reauthenticate' }),
  PENDING: pollRequired('processing'),
  UNSURE: pollRequired('unknown-outcome', { delayMs: 1500 }),
  LIMITED: retryable('rate-limited'),
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
  blocked: failed('risk'),
  canceled: canceled(),
  expired: expired(),
  refunded: refunded(),
  none: pollRequired('not-found'),
  'none-or-over': pollRequired('not-found', { expiredWhenOver: true }),
  known: pollRequired('unknown-outcome', { acknowledges: true }),
  refused: rejected('authentication'),
  busy: retryable('maintenance'),
};

const readOne = (body: unknown): Reading => {
  const code = textOf(body, 'code');
  return {
    names: code === undefined ? [] : [code],
    message: textOf(body, 'message'),
    reference: { order: textOf(body, 'order'), refund: textOf(body, 'refund'), id: textOf(body, 'id') },
    amount: idOf(body, 'amount'),
    currency: textOf(body, 'currency'),
  };
};

/** `{ rows: [...] }` is a list, anything else one answer. */
export const readCorner = ({ body }: Exchange): Reading | Reading[] => {
  const { rows } = body as { rows?: unknown };
  return Array.isArray(rows) ? rows.map(readOne) : readOne(body);
};

const aboutOrder = {
  operation: 'payment.query' as const,
  fields: ({ reference }: { reference: Record<string, string> }) =>
    reference['order'] === undefined ? undefined : { orderNumber: reference['order'] },
};

const order = { reference: ['order'] as const, learns: ['id'], query: aboutOrder, sameReference: 'unknown' as const };

export const corner: Adapter<CornerFields> = defineAdapter<CornerFields>({
  name: 'corner',
  account: 'shop-1',
  environment: 'sandbox',
  baseUrl: 'https://corner.test/',
  encodings: ['json'],
  operations: {
    'payment.charge': {
      path: '/charge',
      required: { order: text, amount: whole },
      codes: writes,
      expect: ({ amount, currency }) => ({ amount: String(amount), ...(currency !== undefined && { currency }) }),
      ...order,
    },
    'payment.create': { path: '/create', required: { order: text, amount: whole }, codes: writes, ...order },
    'payment.cancel': { path: '/cancel', required: { order: text }, codes: writes, follows: 'cancel', ...order },
    'payment.capture': { path: '/capture', required: { order: text }, codes: writes, follows: 'capture', ...order },
    'refund.create': {
      path: '/refund',
      required: { refund: text },
      codes: { ...writes, ACCEPTED: pollRequired('processing') },
      reference: ['refund'],
      follows: 'refund',
      query: { operation: 'refund.query', fields: ({ reference }) => ({ ...reference }) },
      sameReference: 'unknown',
    },
    'payment.query': {
      path: '/query',
      required: { orderNumber: text },
      codes: states,
      reference: { orderNumber: 'order' },
    },
    'refund.query': {
      path: '/refund-query',
      required: { refund: text },
      codes: states,
      reference: { refund: 'refund' },
    },
  },
  read: readCorner,
});
