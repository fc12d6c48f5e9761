export { explain } from './explain.ts';
export type { Explanation, ExplainQuestion, Meaning } from './explain.ts';
export type { ManualPages } from '../kit/manual.ts';
export type { Next, Step } from './next.ts';
export { listCodes } from './tables.ts';
export type { CodesFilter, ListedCode } from './tables.ts';
export { scheduleOf } from './schedule.ts';
export type { Schedule } from './schedule.ts';
