export { backoffFrom, constant, defineBackoff, exponential, growing, steps } from './backoff.ts';
export type { Backoff, BackoffData, BackoffStep, Confidence, LearnedBackoff } from './backoff.ts';
export { learned } from './learned.ts';
export type { LearnedOptions, SettleTime } from './learned.ts';
export { circuit } from './circuit.ts';
export type { Circuit, CircuitOptions } from './circuit.ts';
export { defaultPolicy, mergePolicy } from './policy.ts';
export type {
  BatchPolicy,
  ChooseBackoff,
  AskPolicy,
  CallPolicy,
  CallPollPolicy,
  LimitPolicy,
  Policy,
  PollPolicy,
  ResolvedPolicy,
  RetryPolicy,
  StartingPayment,
} from './policy.ts';
export type { QuotaPolicy } from './quota.ts';
export { retryAfterMs } from './retry-after.ts';
