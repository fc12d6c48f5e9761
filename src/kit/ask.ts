import type { Fields, ReadName, StatusQuery } from '../core/operation.ts';
import type { Ticket } from '../core/ticket.ts';

/** A status query by the ticket's numbers: those of the names that it knows. It cannot be asked while it knows none. */
export function askBy(
  operation: ReadName,
  names: string | readonly string[],
  more: Omit<StatusQuery, 'operation' | 'fields'> = {},
): StatusQuery {
  return { operation, fields: knownOf(names), ...more };
}

/** The fields of a query that is asked by what the ticket knows of these names; `undefined` when it knows none. */
export function knownOf(names: string | readonly string[]): (ticket: Pick<Ticket, 'reference'>) => Fields | undefined {
  const wanted: readonly string[] = typeof names === 'string' ? [names] : names;
  return ({ reference }) => {
    const known = wanted.filter(name => Object.hasOwn(reference, name));
    return known.length === 0 ? undefined : Object.fromEntries(known.map(name => [name, reference[name]]));
  };
}
