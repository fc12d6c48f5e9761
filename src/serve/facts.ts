import type { LedgerEntry, RequestRecord } from '../testing/simulator.ts';

/** What the ledger has under one number, as JSON: no credentials, and none of the fields that were sent. */
export interface LedgerFacts {
  readonly operation: string;
  readonly state: LedgerEntry['state'];
  readonly amount: string;
  readonly currency?: string;
  /** How often money really moved. */
  readonly bookings: number;
  readonly sends: number;
  readonly queries: number;
  /** How each request about it ended, in order. */
  readonly answers: readonly string[];
  /** The provider's number. */
  readonly providerId: string;
  /** ISO 8601. */
  readonly openedAt: string;
  /** Of a payment. */
  readonly refunded?: string;
  /** A refund's payment. */
  readonly of?: string;
  /** Tries before it under the same number, which were declined. */
  readonly earlier?: readonly LedgerFacts[];
}

export interface LedgerPage {
  readonly gateway: string;
  /** ISO 8601: the simulator's clock. */
  readonly now: string;
  readonly payments: Readonly<Record<string, LedgerFacts>>;
  readonly refunds: Readonly<Record<string, LedgerFacts>>;
  readonly sums: { readonly requests: number; readonly bookings: number; readonly bookedTwice: number };
}

/** The ledger by reference. */
export function ledgerPage(
  gateway: string,
  nowMs: number,
  entries: readonly LedgerEntry[],
  requests: number,
): LedgerPage {
  return {
    gateway,
    now: isoOf(nowMs),
    payments: byReference(entries.filter(({ kind }) => kind === 'payment')),
    refunds: byReference(entries.filter(({ kind }) => kind === 'refund')),
    sums: {
      requests,
      bookings: entries.reduce((sum, { bookings }) => sum + bookings, 0),
      bookedTwice: entries.filter(({ bookings }) => bookings > 1).length,
    },
  };
}

function byReference(entries: readonly LedgerEntry[]): Record<string, LedgerFacts> {
  const found = new Map<string, LedgerFacts>();
  for (const entry of entries) {
    const before = found.get(entry.reference);
    found.set(entry.reference, factsOf(entry, before));
  }
  return Object.fromEntries(found);
}

function factsOf(entry: LedgerEntry, before: LedgerFacts | undefined): LedgerFacts {
  const { operation, state, amount, currency, bookings, sends, queries, answers, providerId, of, refundedAmount } =
    entry;
  const told = { operation, state, amount, bookings, sends, queries, answers, providerId };
  return {
    ...told,
    openedAt: isoOf(entry.openedAtMs),
    ...(currency !== undefined && { currency }),
    ...(refundedAmount !== undefined && { refunded: refundedAmount }),
    ...(of !== undefined && { of: of.reference }),
    ...(before !== undefined && { earlier: [...(before.earlier ?? []), before] }),
  };
}

/** A request as JSON. */
export const requestFacts = ({ atMs, ...rest }: RequestRecord): object => ({ at: isoOf(atMs), ...rest });

export const isoOf = (atMs: number): string => new Date(atMs).toISOString();
