import type { JournalStore, RowContent } from '../../src/journal/store.ts';

type NewRow = Parameters<JournalStore['insert']>[0];

/** A row of one account, by its number. */
export const rowFor = (number: number, change: Partial<RowContent> = {}): NewRow => ({
  ...{ id: `acme ${number}`, account: 'acme', openedAtMs: Date.UTC(2026, 0, 1) + number },
  ...{ state: 'open', holder: undefined, dueAtMs: undefined, names: [`["order","${number}"]`] },
  data: {
    ...{ version: 1, adapterVersion: 1, key: `payment ${number}` },
    ticket: {
      ...{ version: 1, gateway: 'acme', account: 'shop-1', environment: 'sandbox', operation: 'payment.charge' },
      ...{ reference: { order: `${number}` }, openedAt: '2026-01-01T00:00:00.000Z', seen: false, polls: 0 },
    },
    ...{ deliveries: [], delivered: 0, failures: 0 },
  },
  ...change,
});
