import type { Settlement, SettlementFacts } from '../core/settlement.ts';
import type { Ticket } from '../core/ticket.ts';
import type { Verdict } from '../core/verdict.ts';

/** What is known about a response that tillpaid made. */
interface Known {
  readonly verdict: Verdict;
  /** Only of a write. */
  readonly ticket: Ticket | undefined;
}

const known = new WeakMap<Response, Known>();

export function remember(response: Response, facts: Known): Response {
  known.set(response, facts);
  return response;
}

const makers = new WeakMap<Settlement, () => Response>();

/** Those that were asked for. */
const made = new WeakMap<Settlement, Response>();

/**
 * The one place where settlements are made: plain data, and beside it, not enumerable, what cannot be written down (its
 * cause, its response). The response is made when it is asked for: few do, and a `Response` costs as much as all the
 * rest.
 */
export function settlementOf(facts: SettlementFacts, makeResponse?: () => Response, cause?: unknown): Settlement {
  // Which facts belong to which outcome is the decision's to know; a test holds every outcome to its shape.
  const settlement = facts as Settlement;
  if (cause !== undefined) Object.defineProperty(settlement, 'cause', { value: cause, enumerable: false });
  if (makeResponse === undefined) return settlement;
  makers.set(settlement, makeResponse);
  return Object.defineProperty(settlement, 'response', { enumerable: false, get: () => responseOf(settlement) });
}

/**
 * The response of the exchange that settled a payment: the same one each time, so read a `clone()` where others may read
 * it too. `undefined` where no exchange did (the deadline came first, or a webhook settled it), where its answer is no longer
 * kept, and of a copy of the settlement.
 *
 * @example
 * ```ts
 * const settlement = await gateway.settle('payment.charge', fields);
 * console.log(responseOf(settlement)?.headers.get('date'));
 * ```
 */
export function responseOf(settlement: Settlement): Response | undefined {
  const response = made.get(settlement) ?? makers.get(settlement)?.();
  if (response !== undefined) made.set(settlement, response);
  return response;
}

/** One more response of a settlement, for one more caller: the first may have been read. */
export const anotherResponseOf = (settlement: Settlement): Response | undefined => makers.get(settlement)?.();

function find(source: unknown): Known | undefined {
  if (source instanceof Response) return known.get(source);
  const response = typeof source === 'object' && source !== null && 'response' in source ? source.response : undefined;
  return response instanceof Response ? known.get(response) : undefined;
}

/**
 * What a drop-in response meant. Takes a `Response` or a ky `HTTPError`; `undefined` for one that matched no operation.
 */
export function verdictOf(source: unknown): Verdict | undefined {
  return find(source)?.verdict;
}

/**
 * The ticket to follow a drop-in write by. Takes a `Response` or a ky `HTTPError`; `undefined` for one that matched no
 * write.
 */
export function ticketOf(source: unknown): Ticket | undefined {
  return find(source)?.ticket;
}
