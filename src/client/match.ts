import { adviceOn, faultOf } from '../core/adapter-fault.ts';
import { InputError } from '../core/errors.ts';
import { operationOf, type Encoding, type Operation, type Fields } from '../core/operation.ts';
import { encodingOf } from '../engine/encode.ts';
import type { Adapter } from '../kit/adapter.ts';
import { isDeep } from './depth.ts';

/** What the body of a request holds: as text, or not yet written. */
export type Body =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'pairs'; readonly pairs: readonly (readonly [string, string])[] }
  | { readonly kind: 'json'; readonly value: Fields };

/** A request of the drop-in, as far as it says what it is. */
export interface Asked {
  readonly method: string;
  /** As a `Request` has it. */
  readonly url: string;
  readonly headers: Headers;
  /** The media type of a body that no header names. */
  readonly type: string;
  readonly body: Body;
}

/** A request of the drop-in that is an operation, and what it says. */
export interface Found {
  readonly operation: Operation;
  readonly fields: Fields;
  readonly encoding: Encoding;
  /** As the user's client and hooks left them. */
  readonly headers: Headers;
}

/** The operation a request is, by its fields too; `named` where the caller says which. @throws {InputError} */
export function operationIn(adapter: Adapter, asked: Asked, named: string | undefined): Found | undefined {
  const place = placeIn(asked.url);
  const found = candidates(adapter, asked.method, place);
  if (found.length === 0) return undefined;
  const chosen = named === undefined ? undefined : operationOf(adapter, named);
  if (chosen !== undefined && !found.includes(chosen))
    throw new InputError(
      `${adapter.name} ${chosen.name} is not what ${asked.method} ${new URL(asked.url).pathname} does.`,
    );
  for (const operation of chosen === undefined ? found : [chosen]) {
    const { fields, encoding } = decode(adapter, operation, place, asked);
    if (chosen !== undefined || matches(adapter, operation, fields))
      return { operation, fields, encoding, headers: asked.headers };
  }
  return undefined;
}

/** @throws {InputError} naming the adapter's bug: what may be a write is not sent without its signature */
function matches(adapter: Adapter, operation: Operation, fields: Fields): boolean {
  try {
    return operation.match?.(fields) !== false;
  } catch (error) {
    const fault = faultOf(operation.name, 'match', error, [fields]);
    throw new InputError(`${adapter.name}: ${adviceOn(fault)} Nothing was sent.`);
  }
}

/**
 * What a `Request` says. Its body is used up where its address alone makes it an operation; otherwise it can still be
 * sent.
 */
export async function askedBy(adapter: Adapter, request: Request, mayUseUp: boolean): Promise<Asked> {
  const { method, url, headers } = request;
  const isSure = mayUseUp && candidates(adapter, method, placeIn(url)).some(({ match }) => match === undefined);
  const text = request.body === null ? '' : await (isSure ? request : request.clone()).text();
  return { method, url, headers, type: '', body: { kind: 'text', text } };
}

/** The fields a request carries. @throws {InputError} for a body the adapter cannot read */
function decode(
  adapter: Adapter,
  operation: Operation,
  place: string,
  { url, headers, type, body }: Asked,
): { fields: Fields; encoding: Encoding } {
  const who = `${adapter.name} ${operation.name}`;
  const parameters = pathFields(adapter, operation, place);
  if (operation.method === 'GET')
    return { fields: { ...single(who, new URL(url).searchParams), ...parameters }, encoding: 'query' };
  if (isEmpty(body)) {
    const encoding = encodingOf(adapter, operation);
    const given = encoding === 'query' ? single(who, new URL(url).searchParams) : {};
    return { fields: { ...given, ...parameters }, encoding };
  }

  const accepted = operation.encoding === undefined ? adapter.encodings : [operation.encoding];
  const stated = (headers.get('content-type') ?? type).split(';', 1)[0]?.trim().toLowerCase() ?? '';
  const encoding =
    stated === 'application/x-www-form-urlencoded' ? 'form' : stated === 'application/json' ? 'json' : undefined;
  if (encoding === undefined || !accepted.includes(encoding)) {
    const ways = {
      json: '`json: fields`',
      form: '`body: new URLSearchParams(fields)`',
      query: '`searchParams: fields`',
    };
    throw new InputError(
      `${who}: a body of type ${stated === '' ? 'nothing' : stated} cannot be signed. Send ${accepted.map(way => ways[way]).join(' or ')}.`,
    );
  }
  const fields = encoding === 'form' ? single(who, pairsIn(body)) : objectIn(who, body);
  return { fields: parameters === undefined ? fields : { ...fields, ...parameters }, encoding };
}

const isEmpty = (body: Body): boolean =>
  body.kind === 'text' ? body.text === '' : body.kind === 'pairs' && body.pairs.length === 0;

const pairsIn = (body: Body): Iterable<readonly [string, string]> =>
  body.kind === 'pairs'
    ? body.pairs
    : new URLSearchParams(body.kind === 'json' ? JSON.stringify(body.value) : body.text);

function objectIn(who: string, body: Body): Fields {
  if (body.kind === 'json') return body.value;
  const text =
    body.kind === 'text' ? body.text : new URLSearchParams(body.pairs.map(([name, value]) => [name, value])).toString();
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new InputError(`${who}: the body says it is JSON but is not.`);
  }
  if (isDeep(parsed)) throw new InputError(`${who}: the body is nested too deeply.`);
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw new InputError(`${who}: the body must be a JSON object.`);
  return parsed as Fields;
}

function single(who: string, parameters: Iterable<readonly [string, string]>): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const [name, value] of parameters) {
    if (Object.hasOwn(fields, name))
      throw new InputError(`${who}: ${name.slice(0, 40)} is given twice, and only one of them can be signed.`);
    if (name === '__proto__') Object.defineProperty(fields, name, { value, enumerable: true, configurable: true });
    else fields[name] = value;
  }
  return fields;
}

/** An adapter's addresses, each as `placeIn` has it: the same for every request. */
interface Addresses {
  /** Without variables: every operation there. */
  readonly fixed: ReadonlyMap<string, readonly Operation[]>;
  readonly variable: readonly { readonly operation: Operation; readonly pattern: RegExp }[];
}

const known = new WeakMap<Adapter, Addresses>();

function addressesOf(adapter: Adapter): Addresses {
  const before = known.get(adapter);
  if (before !== undefined) return before;
  const base = URL.canParse(adapter.baseUrl) ? new URL(adapter.baseUrl) : undefined;
  const root = base === undefined ? '' : base.origin + base.pathname.replace(/\/$/, '');
  // An adapter without a base URL matches nothing.
  const sendable = root === '' ? [] : Object.values(adapter.operations).filter(each => each.sendable !== false);
  const patterns = sendable.map(operation => ({
    operation,
    place: root + operation.path,
    pattern: new RegExp(`^${patternOf(root + operation.path)}$`),
  }));
  const variable = patterns.filter(({ operation }) => operation.path.includes('{'));
  const fixed = new Map(
    patterns
      .filter(each => !variable.includes(each))
      .map(({ place }) => [
        place,
        patterns.filter(({ pattern }) => pattern.test(place)).map(({ operation }) => operation),
      ]),
  );
  const made = { fixed, variable };
  known.set(adapter, made);
  return made;
}

/** Origin and path of a URL as a `Request` or `URL` has it. */
export function placeIn(url: string): string {
  const end = url.search(/[?#]/);
  return end === -1 ? url : url.slice(0, end);
}

/** Whether a place is one of the adapter's operations', whatever the method. */
export function mayMatch(adapter: Adapter, place: string): boolean {
  const { fixed, variable } = addressesOf(adapter);
  return fixed.has(place) || variable.some(({ pattern }) => pattern.test(place));
}

/** The adapter's operations a request may be, by method and place alone. */
export function candidates(adapter: Adapter, method: string, place: string): readonly Operation[] {
  const { fixed, variable } = addressesOf(adapter);
  const there =
    fixed.get(place) ?? variable.filter(({ pattern }) => pattern.test(place)).map(({ operation }) => operation);
  const asked = method.toUpperCase();
  return there.filter(operation => (operation.method ?? 'POST') === asked);
}

/** The path's own fields, where it has any. */
function pathFields(adapter: Adapter, operation: Operation, place: string): Record<string, string> | undefined {
  if (!operation.path.includes('{')) return undefined;
  const found = addressesOf(adapter)
    .variable.find(each => each.operation === operation)
    ?.pattern.exec(place);
  return Object.fromEntries(Object.entries(found?.groups ?? {}).map(([name, value]) => [name, safeDecode(value)]));
}

const literally = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);

/** `/a/{id}/{api:pay|retailPay}` as the source of a pattern. */
function patternOf(path: string): string {
  return path
    .split(/(\{\w+(?::[\w|]+)?\})/)
    .map(part => {
      const [, name, choices] = /^\{(\w+)(?::([\w|]+))?\}$/.exec(part) ?? [];
      return name === undefined ? literally(part) : `(?<${name}>${choices ?? '[^/]+'})`;
    })
    .join('');
}

function safeDecode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
