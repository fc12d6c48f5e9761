import { isWrite, type Operation, type WriteOperation } from '../core/operation.ts';
import type { Ticket } from '../core/ticket.ts';

/** What of a ticket names its payment. */
export type Named = Pick<Ticket, 'operation' | 'reference'>;

export type Operations = Readonly<Record<string, Operation>>;

const KEY = 'idempotencyKey';

/**
 * What makes two requests one intention (doctrine 15): the merchant's own number, in its space; the target of a cancel;
 * or else the idempotency key. `undefined` when nothing names it.
 */
export function keyOf(ticket: Named, operation: WriteOperation): string | undefined {
  const key = ticket.reference[KEY];
  return (
    givenKeyOf(ticket, operation) ?? (key === undefined ? undefined : JSON.stringify([ticket.operation, KEY, key]))
  );
}

/** Whether the merchant has named this write, so that the same one, asked for again, is known to be the same. */
export const isNamed = (ticket: Named, operation: WriteOperation): boolean =>
  givenKeyOf(ticket, operation) !== undefined;

/** Whether what names the write is what it acts upon: a payment that is to be canceled. */
export const isOnTarget = ({ identity, follows }: WriteOperation): boolean =>
  identity === 'target' || (identity === undefined && follows === 'cancel');

/** The key that the merchant's fields give, whatever idempotency key the write has. */
function givenKeyOf({ operation: name, reference }: Named, operation: WriteOperation): string | undefined {
  if (isOnTarget(operation)) return targetKeyOf(name, reference, operation.learns);
  const { number, space } = numberOf(operation, reference);
  const own = number === undefined ? undefined : reference[number];
  return own === undefined ? undefined : JSON.stringify([space ?? name, own]);
}

/** Which reference is the merchant's own number. Without a declared identity, the first that his fields gave. */
function numberOf(
  { identity, reference: names, learns }: WriteOperation,
  reference: Ticket['reference'],
): { readonly number?: string | undefined; readonly space?: string } {
  if (typeof identity === 'object') return identity;
  if (typeof names !== 'function') return { number: names[0] };
  return { number: Object.keys(reference).find(name => name !== KEY && learns?.includes(name) !== true) };
}

function targetKeyOf(name: string, reference: Ticket['reference'], learns: readonly string[] = []): string | undefined {
  const target: string[] = [];
  for (const field of Object.keys(reference).sort()) {
    if (field !== KEY && !learns.includes(field)) target.push(field, reference[field] ?? '');
  }
  return target.length === 0 ? undefined : JSON.stringify([name, ...target]);
}

/** The write of that name; `undefined` where there is none. */
export function writeNamed(operations: Operations, name: string): (WriteOperation & Operation) | undefined {
  const operation = Object.hasOwn(operations, name) ? operations[name] : undefined;
  return operation !== undefined && isWrite(operation) ? operation : undefined;
}

/** The provider's numbers in a ticket, each with its name: no two payments have one of them. */
export function providerNumbersOf(operations: Operations, { operation, reference }: Named): string[] {
  const numbers: string[] = [];
  for (const name of writeNamed(operations, operation)?.learns ?? []) {
    const number = reference[name];
    if (number !== undefined) numbers.push(JSON.stringify([name, number]));
  }
  return numbers;
}
