import { newSecret } from '../clock.ts';
import { decimalOf } from '../core/decimal.ts';
import type { Fields, Operation } from '../core/operation.ts';
import type { Adapter } from '../kit/adapter.ts';
import { digestOf, sha256 } from '../kit/hashes.ts';
import { usualInPath } from './encode.ts';

/** Equal business fields give equal digests; the key is this object's own, so that nothing can be learnt from them. */
export function fieldsDigest(adapter: Pick<Adapter, 'perSend'>): (operation: Operation, fields: Fields) => string {
  // Of one length, in front of each text, and half of the hash is kept: as good as an HMAC, at half its price.
  const key = btoa(String.fromCharCode(...newSecret()));
  const shapes = new WeakMap<Operation, Shape>();
  return (operation, fields) => {
    let shape = shapes.get(operation);
    if (shape === undefined) shapes.set(operation, (shape = shapeOf(operation, adapter.perSend)));
    const digest = digestOf(sha256, key, businessText(fields, shape));
    // A text of one piece: one that is put together digit by digit keeps its pieces, a kilobyte of them.
    return btoa(String.fromCharCode(...digest.subarray(0, DIGEST_BYTES)));
  };
}

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
