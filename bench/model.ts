import type { Policy } from 'tillpaid';
import {
  created,
  defineAdapter,
  pollRequired,
  succeeded,
  text,
  whole,
  type Adapter,
  type Fields,
} from 'tillpaid/adapter';

/** A gateway that nobody has: orders and charges by the shop's own number, and queries about one or many. */
export interface ModelFields {
  'payment.create': { order: string };
  'payment.charge': { order: string; amount: number };
  /** Several numbers with commas between them: `{ rows, more }` is the answer, in place of one row. */
  'payment.query': { order: string };
}

/** Of an answer: what is said of one order. */
export interface ModelRow {
  readonly order: string;
  readonly state: 'paid' | 'created' | 'open' | 'none';
}

const codes = {
  paid: succeeded(),
  created: created(),
  open: pollRequired('awaiting-payer'),
  none: pollRequired('not-found'),
};

const numberOf = (fields: Fields): string => String(fields['order']);

const write = {
  codes,
  reference: ['order'],
  sameReference: 'unknown',
  query: {
    operation: 'payment.query',
    fields: ({ reference: { order } }: { reference: Readonly<Record<string, string>> }) =>
      order === undefined ? undefined : { order },
    batch: {
      most: 50,
      fields: (orders: readonly { readonly fields: Fields }[]) => ({
        order: orders.map(({ fields }) => numberOf(fields)).join(','),
      }),
      part(body: unknown, own: Fields) {
        const { rows = [] } = body as { rows?: ModelRow[] };
        const mine = rows.filter(({ order }) => order === numberOf(own));
        return mine.length === 0 ? undefined : { rows: mine };
      },
    },
  },
} as const;

export function modelAdapter(policy: Policy = {}): Adapter<ModelFields> {
  return defineAdapter<ModelFields>({
    ...{ name: 'model', account: 'shop', environment: 'sandbox', baseUrl: 'https://model.test', encodings: ['json'] },
    policy,
    read({ body }) {
      const { rows = [body] } = body as { rows?: unknown[] };
      return (rows as ModelRow[]).map(({ order, state }) => ({ names: [state], reference: { order } }));
    },
    operations: {
      'payment.create': { path: '/create', required: { order: text }, ...write },
      'payment.charge': { path: '/charge', required: { order: text, amount: whole }, ...write },
      'payment.query': { path: '/query', required: { order: text }, codes, reference: { order: 'order' } },
    },
  });
}
