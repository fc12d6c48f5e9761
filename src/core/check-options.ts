import { didYouMean } from './did-you-mean.ts';
import { InputError } from './errors.ts';
import type { FieldCheck } from './operation.ts';

/**
 * Every option there is, by the door that takes it. A misspelt one is refused: an `onTickets` that is never called loses
 * payments.
 */
export type Checks<O> = { readonly [name in keyof O]-?: FieldCheck };

/** Checked where it is used, with more to say. */
export const elsewhere: FieldCheck = { expects: 'anything', accepts: () => true };

const hasMethods = (value: unknown, ...names: readonly string[]): boolean =>
  typeof value === 'object' && value !== null && names.every(name => typeof Reflect.get(value, name) === 'function');

export const aFlag: FieldCheck = { expects: 'true or false', accepts: value => typeof value === 'boolean' };

export const aClock: FieldCheck = {
  expects: 'a clock: now(), random() and timer(delayMs, callback)',
  accepts: value => hasMethods(value, 'now', 'random', 'timer'),
};

/** Of which the time alone is asked. */
export const aTimeOfDay: FieldCheck = { expects: 'a clock: now()', accepts: value => hasMethods(value, 'now') };

/** @throws {InputError} for what is no object, a name that is not known, or a value of another kind */
export function checkOptions(who: string, given: unknown, known: Readonly<Record<string, FieldCheck>>): void {
  if (given === undefined) return;
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new InputError(`${who}: pass the options as an object.`);
  for (const [name, value] of Object.entries(given) as [string, unknown][]) {
    const check = Object.hasOwn(known, name) ? known[name] : undefined;
    if (check === undefined) throw new InputError(`${who}: there is no option ${didYouMean(name, Object.keys(known))}`);
    if (value !== undefined && !check.accepts(value)) throw new InputError(`${who}: ${name} must be ${check.expects}.`);
  }
}
