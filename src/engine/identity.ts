import type { WriteOperation } from '../core/operation.ts';
import type { Ticket } from '../core/ticket.ts';

/**
 * What makes two requests one intention (doctrine 15): the merchant's own number, in its space; the target of a cancel;
 * or else the idempotency key. `undefined` when nothing names it.
 */
export function keyOf({ operation: name, reference }: Ticket, operation: WriteOperation): string | undefined {
  const identity = operation.identity ?? (operation.follows === 'cancel' ? 'target' : undefined);
  if (identity === 'target') {
    const left = new Set([...(operation.learns ?? []), 'idempotencyKey']);
    const pairs = Object.entries(reference).filter(([field]) => !left.has(field));
    return pairs.length === 0 ? undefined : JSON.stringify([name, ...pairs.sort(byName)]);
  }
  const { number, space = name } = identity ?? { number: ownNumberOf(operation, reference) };
  const own = number === undefined ? undefined : reference[number];
  if (own !== undefined) return JSON.stringify([space, own]);
  const key = reference['idempotencyKey'];
  return key === undefined ? undefined : JSON.stringify([name, 'idempotencyKey', key]);
}

/** Without a declared identity, the first name that the merchant's fields gave. */
const ownNumberOf = (
  { reference: names, learns }: WriteOperation,
  reference: Ticket['reference'],
): string | undefined =>
  typeof names === 'function' ? Object.keys(reference).find(name => learns?.includes(name) !== true) : names[0];

/** Whether the merchant has named this write, so that the same one, asked for again, is known to be the same. */
export function isNamed(ticket: Ticket, operation: WriteOperation): boolean {
  const { idempotencyKey: _made, ...reference } = ticket.reference;
  return keyOf({ ...ticket, reference }, operation) !== undefined;
}

const byName = ([one]: readonly [string, unknown], [other]: readonly [string, unknown]): number =>
  one < other ? -1 : 1;
