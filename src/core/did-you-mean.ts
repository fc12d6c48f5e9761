import { InputError } from './errors.ts';
import type { Fields, Operation } from './operation.ts';
import { printable } from './printable.ts';

/**
 * The known name that a misspelt one nearly is: another case, a letter too many, one missing or wrong, two in a name of
 * six and more.
 */
export function nearest(name: string, known: readonly string[]): string | undefined {
  if (name.length > LONGEST_NAME) return undefined;
  const most = name.length < 6 ? 1 : 2;
  let best: { readonly name: string; readonly distance: number } | undefined;
  for (const each of known) {
    const distance =
      Math.abs(each.length - name.length) > most ? Infinity : distanceOf(name.toLowerCase(), each.toLowerCase());
    if (distance <= most && distance < (best?.distance ?? Infinity)) best = { name: each, distance };
  }
  return best?.name;
}

/** An unknown name, with the known one it nearly is or all there are: ends a sentence. */
export function didYouMean(name: string, known: readonly string[]): string {
  const near = nearest(name, known);
  return `${JSON.stringify(printable(name.slice(0, 60)))}. ${near === undefined ? `Known: ${known.join(', ')}.` : `Did you mean ${near}?`}`;
}

/**
 * A field that nearly is a known one which is not there: a scanned code that goes by as `authCode` makes another order
 * than was meant. Other fields may be what the gateway takes beside.
 */
export function misspeltIn(
  { required, optional = [] }: Pick<Operation, 'required' | 'optional'>,
  fields: Fields,
): { readonly field: string; readonly meant: string } | undefined {
  if (typeof (fields as unknown) !== 'object' || (fields as unknown) === null) return undefined;
  const known = [...Object.keys(required), ...optional];
  const isThere = (name: string): boolean => Object.hasOwn(fields, name) && fields[name] !== undefined;
  for (const field of Object.keys(fields)) {
    if (known.includes(field) || !isThere(field)) continue;
    const missing = known.filter(each => !isThere(each));
    const meant = nearest(field, missing);
    if (meant !== undefined) return { field: printable(field), meant };
  }
  return undefined;
}

/** Refuses a misspelt field. @throws {InputError} */
export function refuseMisspelt(who: string, operation: Pick<Operation, 'required' | 'optional'>, fields: Fields): void {
  const found = misspeltIn(operation, fields);
  if (found !== undefined)
    throw new InputError(`${who} has no field ${JSON.stringify(found.field)}. Did you mean ${found.meant}?`);
}

/** A path of a URL fits; comparing takes the square of it. */
const LONGEST_NAME = 120;

/** How many letters must be added, taken away or changed to make one name of the other. */
function distanceOf(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_each, index) => index);
  for (let index = 0; index < one.length; index++) {
    const next = [index + 1];
    for (let at = 0; at < other.length; at++) {
      const changed = (row[at] ?? 0) + (one[index] === other[at] ? 0 : 1);
      next.push(Math.min(changed, (row[at + 1] ?? 0) + 1, (next[at] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
