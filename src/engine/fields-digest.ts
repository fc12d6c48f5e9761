import { newSecret } from '../clock.ts';
import { decimalOf } from '../core/decimal.ts';
import { InputError } from '../core/errors.ts';
import type { Fields, Operation } from '../core/operation.ts';
import type { Adapter } from '../kit/adapter.ts';
import { toBase64, toBase64Url } from '../kit/bytes.ts';
import { digestOf, hmacOf, sha256 } from '../kit/hashes.ts';
import { usualInPath } from './encode.ts';

/**
 * Equal business fields give equal digests under the same key, from which nothing can be learnt without it.
 *
 * @param key 32 bytes, or the `key` of {@link digestKey}. Default: this object's own, which nobody else has
 */
export function fieldsDigest(
  adapter: Pick<Adapter, 'perSend'>,
  key: Uint8Array | string = newSecret(),
): (operation: Operation, fields: Fields) => string {
  // Of one length, in front of each text, and half of the hash is kept: as good as an HMAC, at half its price.
  const first = typeof key === 'string' ? key : toBase64(key);
  const shapes = new WeakMap<Operation, Shape>();
  return (operation, fields) => {
    let shape = shapes.get(operation);
    if (shape === undefined) shapes.set(operation, (shape = shapeOf(operation, adapter.perSend)));
    const digest = digestOf(sha256, first, businessText(fields, shape));
    // A text of one piece: one that is put together digit by digit keeps its pieces, a kilobyte of them.
    return btoa(String.fromCharCode(...digest.subarray(0, DIGEST_BYTES)));
  };
}

/** A key that several processes share, and what it is called in a row. */
export interface DigestKey {
  /** 32 bytes, in Base64. As secret as what it is made of. */
  readonly key: string;
  /** Tells it from other keys, and nothing of it: 8 characters. */
  readonly keyId: string;
}

/**
 * The key for the digests in a journal: the same for every process that has the same credentials and the same journal.
 * Where an adapter has no secret, whoever reads the journal can make it too.
 *
 * @param salt the journal's, 32 bytes
 * @throws {InputError} for an adapter whose secret is no text, or a salt that is none
 */
export function digestKey(
  { name, account, environment, secret }: Pick<Adapter, 'name' | 'account' | 'environment' | 'secret'>,
  salt: Uint8Array,
): DigestKey {
  const known = secret?.();
  if (secret !== undefined && (typeof known !== 'string' || known === ''))
    throw new InputError(`${name}: the adapter's secret() must give a text that is not empty.`);
  if (salt.length < LEAST_SALT_BYTES)
    throw new InputError(`${name}: salt() of the journal must give 32 bytes, drawn when the journal was made.`);
  // As HKDF does it: what is secret first, then what it is for.
  const extracted = hmacOf(sha256, salt, known ?? '');
  const key = toBase64(hmacOf(sha256, extracted, JSON.stringify(['tillpaid fields 1', name, account, environment])));
  return { key, keyId: toBase64Url(digestOf(sha256, 'tillpaid key name', key)).slice(0, KEY_ID_LENGTH) };
}

const LEAST_SALT_BYTES = 16;
const KEY_ID_LENGTH = 8;

/** So many tell all fields apart that are ever compared. */
const DIGEST_BYTES = 16;

/** How an operation's fields are compared. */
interface Shape {
  /** What stands in the path, with what it is where the fields do not say: a drop-in request always says it. */
  readonly inPath: readonly (readonly [string, string])[];
  /** Compared already, or not at all: what changes from send to send. */
  readonly skipped: ReadonlySet<string>;
}

function shapeOf(operation: Operation, perSend: readonly string[]): Shape {
  const inPath = Object.entries(usualInPath(operation));
  return { inPath, skipped: new Set([...perSend, ...inPath.map(([name]) => name)]) };
}

function businessText(fields: Fields, { inPath, skipped }: Shape): string {
  let text = '';
  for (const [name, usual] of inPath) text += memberText(name, isEmpty(fields[name]) ? usual : fields[name]);
  return text + membersText(fields, skipped);
}

/** Equal values give equal texts, in whatever order and notation they were written. */
function canonical(value: unknown): string {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint')
    return JSON.stringify(notation(String(value)));
  if (typeof value !== 'object' || value === null) return String(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  return hasJson(value) ? canonical(value.toJSON()) : `{${membersText(value as Fields, nothing)}}`;
}

function membersText(members: Fields, skipped: ReadonlySet<string>): string {
  let text = '';
  for (const name of Object.keys(members).sort()) {
    if (!isEmpty(members[name]) && !skipped.has(name)) text += memberText(name, members[name]);
  }
  return text;
}

const memberText = (name: string, value: unknown): string => `${JSON.stringify(name)}:${canonical(value)},`;

const nothing: ReadonlySet<string> = new Set();

/** What is empty is as good as absent. */
const isEmpty = (value: unknown): boolean => value === undefined || value === null || value === '';

/** A `Date`, for one, travels as a text. */
const hasJson = (value: object): value is { toJSON: () => unknown } =>
  'toJSON' in value && typeof value.toJSON === 'function';

/** An amount in one spelling; a number with a leading zero is a name. */
const notation = (text: string): string => (/^0\d/.test(text) ? text : decimalOf(text));
