import { misspeltIn } from '../core/did-you-mean.ts';
import { InputError } from '../core/errors.ts';
import type { FieldCheck, Fields } from '../core/operation.ts';

/** A non-empty text. */
export const text: FieldCheck = {
  expects: 'a non-empty text',
  accepts: value => typeof value === 'string' && value.trim() !== '',
};

/** A whole number, 0 or more, or its digits (a form carries nothing else). */
export const whole: FieldCheck = {
  expects: 'a whole number, 0 or more',
  accepts: value =>
    typeof value === 'number'
      ? Number.isSafeInteger(value) && value >= 0
      : typeof value === 'string' && /^\d+$/.test(value),
};

/** An object with fields of its own. */
export const record: FieldCheck = {
  expects: 'an object',
  accepts: value => typeof value === 'object' && value !== null && !Array.isArray(value),
};

/** A non-empty text of at most `longest` characters. */
export function textUpTo(longest: number): FieldCheck {
  return {
    expects: `a non-empty text of at most ${longest} characters`,
    accepts: value => text.accepts(value) && (value as string).length <= longest,
  };
}

/** Visible characters without a space, as most headers carry. */
export const visibleText: FieldCheck = {
  expects: 'a text of letters, digits and signs, without spaces',
  accepts: value => typeof value === 'string' && /^[!-~]+$/.test(value),
};

/** An address on the web. What credentials are sent to is checked by `checkAddress` as well. */
export const webAddress: FieldCheck = {
  expects: 'an http or https URL',
  accepts: value => typeof value === 'string' && /^https?:/.test(value) && URL.canParse(value),
};

/** The same, or nothing. */
export function optional({ expects, accepts }: FieldCheck): FieldCheck {
  return { expects, accepts: value => value === undefined || accepts(value) };
}

/** One of the listed texts. */
export function oneOf(...choices: readonly string[]): FieldCheck {
  return {
    expects: `one of ${choices.join(', ')}`,
    accepts: value => typeof value === 'string' && choices.includes(value),
  };
}

/**
 * Refuses fields that do not pass their checks, naming each; values are never quoted, since they may be secret.
 *
 * @throws {InputError}
 */
export function checkFields(
  who: string,
  fields: unknown,
  checks: Readonly<Record<string, FieldCheck>>,
): asserts fields is Fields {
  if (!record.accepts(fields)) throw new InputError(`${who}: pass the fields as an object.`);
  const given = fields as Fields;
  const wrong: string[] = [];
  for (const [name, check] of Object.entries(checks)) {
    const value = Object.hasOwn(given, name) ? given[name] : undefined;
    if (!check.accepts(value))
      wrong.push(`${name} ${value === undefined ? 'is missing: it must be' : 'must be'} ${check.expects}`);
  }
  if (wrong.length > 0) throw new InputError(`${who}: ${wrong.join('; ')}.`);
}

/**
 * A text that a header carries: without line ends and without white space around it, as a key read from a file may
 * have.
 */
export function headerTextUpTo(longest: number): FieldCheck {
  return {
    expects: `a text of at most ${longest} printable characters, without white space around it`,
    accepts: value => textUpTo(longest).accepts(value) && /^[!-~](?:[ -~]*[!-~])?$/.test(value as string),
  };
}

/** What a missing environment variable, object or number becomes in a text. */
const mistakes: ReadonlySet<string> = new Set(['undefined', 'null', 'NaN', '[object Object]']);

/**
 * As {@link checkFields}, for what an account is used with: no text in it may be what a missing value is written as.
 *
 * @throws {InputError} naming each; values are never quoted
 */
export function checkCredentials(
  who: string,
  credentials: unknown,
  checks: Readonly<Record<string, FieldCheck>>,
): void {
  checkFields(who, credentials, checks);
  const { field, meant } = misspeltIn({ required: {}, optional: Object.keys(checks) }, credentials) ?? {};
  if (field !== undefined)
    throw new InputError(`${who}: there is no ${JSON.stringify(field.slice(0, 60))}. Did you mean ${meant}?`);
  const missing = Object.entries(credentials).flatMap(([name, value]) =>
    typeof value === 'string' && mistakes.has(value.trim()) ? [name] : [],
  );
  if (missing.length > 0)
    throw new InputError(
      `${who}: ${missing.join(', ')} is what a missing value is written as: is the environment variable set?`,
    );
}

/** The fields but for those named. */
export function without(fields: Fields, names: readonly string[]): Fields {
  if (names.every(name => !Object.hasOwn(fields, name))) return fields;
  const rest: Record<string, unknown> = { ...fields };
  for (const name of names) Reflect.deleteProperty(rest, name);
  return rest;
}

/** The fields that are named, and no others. */
export function only(fields: Fields, names: readonly string[]): Fields {
  return Object.fromEntries(names.flatMap(name => (Object.hasOwn(fields, name) ? [[name, fields[name]]] : [])));
}
