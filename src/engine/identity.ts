import { isWrite, type Operation, type StatusQuery, type WriteOperation } from '../core/operation.ts';
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

/**
 * What a journal finds a write by, each number with its name: those that no other order has. The merchant's own and the
 * provider's; of a write that acts on an order, the order's; and what it is looked for by in a list.
 *
 * `undefined`: this release has no such write.
 */
export function numbersOf(operations: Operations, { operation: name, reference }: Named): string[] | undefined {
  const operation = writeNamed(operations, name);
  if (operation === undefined) return undefined;
  const { query, lookUp, learns = [] } = operation;
  const { number } = isOnTarget(operation) ? {} : numberOf(operation, reference);
  const target = number === undefined ? targetIn(reference, askedBy(operations, query)) : [];
  const names = new Set([
    ...target,
    ...(number === undefined ? [] : [number]),
    ...learns.slice(0, 1),
    ...askedBy(operations, lookUp),
  ]);
  return [...names].filter(each => reference[each] !== undefined).map(each => JSON.stringify([each, reference[each]]));
}

/** What a query stands for, by the names it has in a ticket. */
function askedBy(operations: Operations, query: StatusQuery | undefined): string[] {
  const read = query && operations[query.operation];
  return read === undefined || isWrite(read) ? [] : Object.keys(read.reference ?? {});
}

/** The numbers of the order acted upon: those it is asked about by, or else the first that was given. */
function targetIn(reference: Ticket['reference'], asked: readonly string[]): string[] {
  const given = asked.filter(name => reference[name] !== undefined);
  return given.length > 0
    ? given
    : Object.keys(reference)
        .filter(name => name !== KEY)
        .slice(0, 1);
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
