export { backoffFrom, constant, defineBackoff, exponential, growing, steps } from './backoff.ts';
export type { Backoff, BackoffData, BackoffStep } from './backoff.ts';
export { defaultPolicy, mergePolicy } from './policy.ts';
export type { LimitPolicy, Policy, PollPolicy, ResolvedPolicy, RetryPolicy } from './policy.ts';
export { retryAfterMs } from './retry-after.ts';
