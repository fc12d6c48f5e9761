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

/** A text that a header carries: without line ends and without white space around it, as a key read from a file may have. */
export function headerTextUpTo(longest: number): FieldCheck {
  return {
    expects: `a text of at most ${longest} printable characters, without white space around it`,
    accepts: (value) => textUpTo(longest).accepts(value) && /^[!-~](?:[ -~]*[!-~])?$/.test(value as string),
  };
}

/** What a missing environment variable, object or number becomes in a text. */
const mistakes: ReadonlySet<string> = new Set(['undefined', 'null', 'NaN', '[object Object]']);

/**
 * As {@link checkFields}, for what an account is used with: no text in it may be what a missing value is written as.
 *
 * @throws {InputError} naming each; values are never quoted
 */
export function checkCredentials(who: string, credentials: unknown, checks: Readonly<Record<string, FieldCheck>>): void {
  checkFields(who, credentials, checks);
  const missing = Object.entries(credentials).flatMap(([name, value]) => (typeof value === 'string' && mistakes.has(value.trim()) ? [name] : []));
  if (missing.length > 0) throw new InputError(`${who}: ${missing.join(', ')} is what a missing value is written as: is the environment variable set?`);
}

/** What every adapter factory accepts beside its credentials. */
export interface Location {
  environment: 'production' | 'sandbox';
  /** Replaces the provider's base URL. */
  baseUrl?: string;
}

/** What a ticket can hold. */
const LONGEST_URL = 256;

/**
 * Where an adapter sends to: the provider's base URL for the environment, or the user's own.
 *
 * @throws {InputError} for another environment, and as {@link checkAddress} for the base URL
 */
export function baseUrlOf(
  who: string,
  location: Location,
  known: Readonly<Record<Location['environment'], string>>,
): { baseUrl: string; ownBaseUrl: boolean; otherBaseUrls: Readonly<Partial<Record<Location['environment'], string>>> } {
  const { environment, baseUrl } = location;
  if (!Object.hasOwn(known, environment)) throw new InputError(`${who}: environment must be 'production' or 'sandbox'.`);
  if (baseUrl === undefined) {
    const { [environment]: own, ...otherBaseUrls } = known;
    return { baseUrl: own, ownBaseUrl: false, otherBaseUrls };
  }
  checkAddress(`${who}: baseUrl`, baseUrl, environment, known);
  if (baseUrl.length > LONGEST_URL) throw new InputError(`${who}: baseUrl must have at most ${LONGEST_URL} characters, or no ticket could hold it.`);
  return { baseUrl, ownBaseUrl: true, otherBaseUrls: known };
}

/**
 * An address that credentials or payments are sent to.
 *
 * @param what names it in the error, such as `acme: tokenUrl`
 * @param known the provider's own addresses: one environment's is never the other's
 * @throws {InputError} for what is no http(s) URL, for plain http in production (this machine apart), and for the other environment's host
 */
export function checkAddress(
  what: string,
  address: string,
  environment: Location['environment'],
  known: Readonly<Partial<Record<Location['environment'], string>>> = {},
): void {
  const url = typeof address === 'string' && URL.canParse(address) ? new URL(address) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '' || /[?#]/.test(address)) {
    throw new InputError(`${what} must be an http or https URL without credentials, query or fragment.`);
  }
  if (environment === 'production' && url.protocol === 'http:' && !thisMachine.has(url.hostname)) {
    throw new InputError(`${what} must be https in production: over http everybody on the way reads what is sent, and can change it.`);
  }
  const other = environment === 'production' ? 'sandbox' : 'production';
  const [own, others] = [known[environment], known[other]].map((each) => (each === undefined ? undefined : hostOf(new URL(each))));
  if (others !== undefined && others !== own && hostOf(url) === others) throw new InputError(`${what} is the provider's ${other}, but environment is '${environment}'.`);
}

const thisMachine: ReadonlySet<string> = new Set(['127.0.0.1', '[::1]', 'localhost']);

/** `host.` and `host` are one. */
const hostOf = ({ hostname }: URL): string => hostname.replace(/\.$/, '');
