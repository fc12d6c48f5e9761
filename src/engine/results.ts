import type { Settlement } from '../core/settlement.ts';
import type { Ticket } from '../core/ticket.ts';
import type { Verdict } from '../core/verdict.ts';

/** What is known about a response that went through the gate. */
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

/**
 * Gives a settlement its `response`, made when somebody looks: few do, and a `Response` costs as much as all the rest.
 */
export function withResponse(settlement: Settlement, make: () => Response): Settlement {
  let response: Response | undefined;
  makers.set(settlement, make);
  return Object.defineProperty(settlement, 'response', { enumerable: true, get: () => (response ??= make()) });
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
