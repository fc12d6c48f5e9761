import type { JournalStore, Row, RowContent, RowData } from '../../src/journal/index.ts';

export type NewRow = Parameters<JournalStore['insert']>[0];

/** The data of a row that somebody else has made sense of. */
export const dataOf = (order: string): RowData => ({
  ...{ version: 1, adapterVersion: 1, key: `payment ${order}`, deliveries: [], delivered: 0, failures: 0 },
  ticket: {
    ...{ version: 1, gateway: 'acme', account: 'shop-1', environment: 'sandbox', operation: 'payment.charge' },
    ...{ reference: { order }, openedAt: '2026-01-01T00:00:00.000Z', seen: false, polls: 0 },
  },
});

/** A row that is open, nobody's, and never due, unless `change` says so. */
export const rowOf = (
  account: string,
  number: number,
  change: Partial<RowContent & { openedAtMs: number }> = {},
): NewRow => ({
  ...{ id: `${account} ${number}`, account, openedAtMs: 1_780_000_000_000 + number * 1000, state: 'open' },
  ...{ holder: undefined, dueAtMs: undefined, names: [`["order","${number}"]`], data: dataOf(`${number}`) },
  ...change,
});

export const contentOf = (
  { state, holder, dueAtMs, names, data }: Row,
  change: Partial<RowContent> = {},
): RowContent => ({
  ...{ state, holder, dueAtMs, names, data },
  ...change,
});

/** What its holder makes of a row that has ended. */
export const endOf = (row: Row): RowContent =>
  contentOf(row, { state: 'delivered', holder: undefined, dueAtMs: undefined });

export const many = <T>(count: number, make: (each: number) => T): T[] =>
  Array.from({ length: count }, (_, at) => make(at));
