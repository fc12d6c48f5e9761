import { InputError } from '../core/errors.ts';

/**
 * How many sends may be repeated, so that an outage does not triple the load: a store of tokens for each operation of a
 * gateway object, as the SDKs of AWS have it. A re-send takes some; success brings them back. While too few are left, an
 * intention ends as when its attempts are used up. The first send of an intention needs none, and no status query does.
 */
export interface QuotaPolicy {
  /** Tokens in the full store, which it begins with. A whole number, default 500. */
  tokens?: number;
  /** What a re-send takes. A whole number, default 5. */
  perRetry?: number;
  /** What a re-send takes after a send that timed out. A whole number, default 10. */
  perTimeout?: number;
  /** What a first send that was answered brings. A re-send that was brings what it took. A whole number, default 1. */
  perSuccess?: number;
}

/** AWS's numbers. */
export const defaultQuota: Readonly<Required<QuotaPolicy>> = Object.freeze({
  tokens: 500,
  perRetry: 5,
  perTimeout: 10,
  perSuccess: 1,
});

/** @throws {InputError} for a store that could never pay for a re-send */
export function checkQuota({ tokens, perRetry, perTimeout }: Required<QuotaPolicy>): void {
  const most = Math.max(perRetry, perTimeout);
  if (most > tokens)
    throw new InputError(
      `policy: retry.quota.tokens (${tokens}) would never pay for a re-send that takes ${most}: make it larger, or set retry.attempts to 1.`,
    );
}

/** What a re-send takes. */
export const costOf = ({ perRetry, perTimeout }: Required<QuotaPolicy>, afterTimeout: boolean): number =>
  afterTimeout ? perTimeout : perRetry;

/** What is in the store after a send that was answered. @param paid what it took; 0: it was a first one */
export const afterSuccess = ({ tokens, perSuccess }: Required<QuotaPolicy>, left: number, paid: number): number =>
  Math.min(tokens, left + (paid > 0 ? paid : perSuccess));
