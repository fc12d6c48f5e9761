export { createJournal } from './journal.ts';
export type { Journal } from './journal.ts';
export { memoryJournal } from './memory.ts';
export type {
  Change,
  Delivery,
  JournalStore,
  Parked,
  Prepared,
  Row,
  RowContent,
  RowCount,
  RowData,
  RowFilter,
  RowState,
  Turn,
} from './store.ts';
