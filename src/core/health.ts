import type { Health } from '../policies/circuit.ts';
import type { Reason, Verdict } from './verdict.ts';

/** The gateway, or what stands before it, says itself that it is not working. */
const outages: ReadonlySet<Reason> = new Set<Reason>(['unavailable', 'maintenance', 'unreadable']);

/**
 * What an answer tells of the gateway, whatever it says of the payment: a decline or a refusal comes from one that works,
 * a 5xx, a page of a proxy's or a "system error" does not. A rate limit, and what is not listed, tell neither.
 */
export function healthIn({ kind, reason, listed, code }: Verdict, status: number): Health {
  if (kind === 'terminal') return 'up';
  if (status >= 500 || code === 'unreadable' || outages.has(reason)) return 'down';
  if (reason === 'unknown-outcome') return listed ? 'down' : 'unsaid';
  return kind === 'retryable' ? 'unsaid' : 'up';
}
