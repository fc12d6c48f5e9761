export { byAmount, byHour, byOperation } from './groups.ts';
export type { GroupBy } from './groups.ts';
export { observeSettleTimes, settleTimes } from './settle-times.ts';
export type {
  GroupState,
  Observed,
  SettleTimes,
  SettleTimesChange,
  SettleTimesData,
  SettleTimesOptions,
} from './settle-times.ts';
