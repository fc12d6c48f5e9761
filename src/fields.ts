import { InputError } from './errors.ts';

/** A request's fields by name. */
export type Fields = Readonly<Record<string, unknown>>;

/** What a required field must be. */
export interface FieldCheck {
  /** Completes the sentence "must be …". */
  readonly expects: string;
  readonly accepts: (value: unknown) => boolean;
}

/** A non-empty text. */
export const text: FieldCheck = {
  expects: 'a non-empty text',
  accepts: (value) => typeof value === 'string' && value.trim() !== '',
};

/** A whole number, 0 or more, or its digits (a form carries nothing else). */
export const whole: FieldCheck = {
  expects: 'a whole number, 0 or more',
  accepts: (value) => (typeof value === 'number' ? Number.isSafeInteger(value) && value >= 0 : typeof value === 'string' && /^\d+$/.test(value)),
};

/** An object with fields of its own. */
export const record: FieldCheck = {
  expects: 'an object',
  accepts: (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
};

/** A non-empty text of at most `longest` characters. */
export function textUpTo(longest: number): FieldCheck {
  return {
    expects: `a non-empty text of at most ${longest} characters`,
    accepts: (value) => text.accepts(value) && (value as string).length <= longest,
  };
}

/** One of the listed texts. */
export function oneOf(...choices: readonly string[]): FieldCheck {
  return { expects: `one of ${choices.join(', ')}`, accepts: (value) => typeof value === 'string' && choices.includes(value) };
}

/**
 * Refuses fields that do not pass their checks, naming each; values are never quoted, since they may be secret.
 *
 * @throws {InputError}
 */
export function checkFields(who: string, fields: unknown, checks: Readonly<Record<string, FieldCheck>>): asserts fields is Fields {
  if (!record.accepts(fields)) throw new InputError(`${who}: pass the fields as an object.`);
  const given = fields as Fields;
  const wrong = Object.entries(checks)
    .filter(([name, check]) => !check.accepts(Object.hasOwn(given, name) ? given[name] : undefined))
    .map(([name, check]) => `${name} ${Object.hasOwn(given, name) && given[name] !== undefined ? 'must be' : 'is missing: it must be'} ${check.expects}`);
  if (wrong.length > 0) throw new InputError(`${who}: ${wrong.join('; ')}.`);
}

/** What every adapter factory accepts beside its credentials. */
export interface Location {
  environment: 'production' | 'sandbox';
  /** Replaces the provider's base URL. */
  baseUrl?: string;
}

/**
 * Where an adapter sends to: the provider's base URL for the environment, or the user's own.
 *
 * @throws {InputError} for another environment or a base URL that is not http(s)
 */
export function baseUrlOf(
  who: string,
  location: Location,
  known: Readonly<Record<Location['environment'], string>>,
): { baseUrl: string; ownBaseUrl: boolean; otherBaseUrls: Readonly<Partial<Record<Location['environment'], string>>> } {
  if (!Object.hasOwn(known, location.environment)) throw new InputError(`${who}: environment must be 'production' or 'sandbox'.`);
  if (location.baseUrl === undefined) {
    const { [location.environment]: baseUrl, ...otherBaseUrls } = known;
    return { baseUrl, ownBaseUrl: false, otherBaseUrls };
  }
  const url = typeof location.baseUrl === 'string' && URL.canParse(location.baseUrl) ? new URL(location.baseUrl) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '' || /[?#]/.test(location.baseUrl)) {
    throw new InputError(`${who}: baseUrl must be an http or https URL without credentials, query or fragment.`);
  }
  return { baseUrl: location.baseUrl, ownBaseUrl: true, otherBaseUrls: known };
}
