import { InputError } from '../core/errors.ts';
import { isWrite, type Fields, type Operation, type WriteOperation } from '../core/operation.ts';
import { printable } from '../core/printable.ts';

/**
 * All that is sent: the fields, and what the gateway takes beside. Whatever the adapter knows must be among the fields,
 * where it is checked, and where the ticket and the tables look for it.
 *
 * @throws {InputError} for a name that the adapter knows, or that is given twice
 */
export function withExtraFields(who: string, operation: Operation, fields: Fields, extra: Fields | undefined): Fields {
  if (extra === undefined) return fields;
  const known = namesOf(operation);
  for (const name of Object.keys(extra)) {
    const shown = JSON.stringify(printable(name.slice(0, 60)));
    if (known.has(name))
      throw new InputError(`${who} knows the field ${shown}: pass it with the fields, not in extraFields.`);
    if (Object.hasOwn(fields, name))
      throw new InputError(`${who}: ${shown} is given twice, in the fields and in extraFields.`);
  }
  return { ...fields, ...extra };
}

/** Every field that the adapter has a use for. */
function namesOf(operation: Operation): ReadonlySet<string> {
  const { required, optional = [], unsent = [] } = operation;
  const { reference = [] }: Partial<WriteOperation> = isWrite(operation) ? operation : {};
  const named = typeof reference === 'function' ? [] : reference;
  return new Set([...Object.keys(required), ...optional, ...named, ...unsent, ...inPathOf(operation.path)]);
}

/** The fields that a path is filled from. */
const inPathOf = (path: string): string[] => [...path.matchAll(/\{(\w+)[^}]*\}/g)].map(([, name = '']) => name);
