export { createJournal } from './journal.ts';
export type { Journal, JournalOptions } from './journal.ts';
export { memoryJournal } from './memory.ts';
export type {
  Change,
  Delivery,
  JournalStore,
  Overdue,
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
export type { RowSummary } from './summary.ts';
export type { Age, ToArchive } from './upkeep.ts';
export { createWorker } from './worker.ts';
export type { DeliveryContext, OnSettled } from './worker/courier.ts';
export type { Worker, WorkerOptions } from './worker.ts';
export type { WorkerEvent, WorkerFact, WorkerHealth } from './worker/events.ts';
