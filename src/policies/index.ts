export { backoffFrom, constant, defineBackoff, exponential, growing, steps } from './backoff.ts';
export type { Backoff, BackoffData, BackoffStep, Confidence, LearnedBackoff } from './backoff.ts';
export { learned } from './learned.ts';
export type { LearnedOptions, SettleTime } from './learned.ts';
export { defaultPolicy, mergePolicy } from './policy.ts';
export type {
  ChooseBackoff,
  LimitPolicy,
  Policy,
  PollPolicy,
  ResolvedPolicy,
  RetryPolicy,
  StartingPayment,
} from './policy.ts';
export { retryAfterMs } from './retry-after.ts';
