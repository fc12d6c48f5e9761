import { afterSuccess, costOf, type QuotaPolicy } from '../policies/quota.ts';

/** The retry quotas of one gateway object, one for each operation. */
export interface RetryQuotas {
  /** Whether there is enough for a re-send. */
  canPay(operation: string, afterTimeout: boolean): boolean;
  /** A re-send is decided on. Returns what it takes. */
  take(operation: string, afterTimeout: boolean): number;
  /** A re-send that was decided on does not happen. */
  giveBack(operation: string, paid: number): void;
  /** A send was answered. @param paid what it took; 0: it was a first one */
  succeeded(operation: string, paid: number): void;
}

/** @param onUsedUp called when too little is left for a re-send, until the store was half full again */
export function createRetryQuotas(
  policy: Required<QuotaPolicy>,
  onUsedUp: (operation: string, tokens: number) => void,
): RetryQuotas {
  const stores = new Map<string, number>();
  const usedUp = new Set<string>();
  const leftOf = (operation: string): number => stores.get(operation) ?? policy.tokens;
  const put = (operation: string, tokens: number): void => {
    stores.set(operation, tokens);
    if (tokens >= policy.tokens / 2) usedUp.delete(operation);
  };
  return {
    canPay: (operation, afterTimeout) => leftOf(operation) >= costOf(policy, afterTimeout),
    take(operation, afterTimeout) {
      const left = leftOf(operation);
      const paid = Math.min(left, costOf(policy, afterTimeout));
      put(operation, left - paid);
      if (left - paid < policy.perRetry && !usedUp.has(operation)) {
        usedUp.add(operation);
        onUsedUp(operation, left - paid);
      }
      return paid;
    },
    giveBack: (operation, paid) => put(operation, Math.min(policy.tokens, leftOf(operation) + paid)),
    succeeded: (operation, paid) => put(operation, afterSuccess(policy, leftOf(operation), paid)),
  };
}
