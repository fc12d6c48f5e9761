import { InputError } from '../core/errors.ts';
import { operationOf, type Encoding, type Operation, type Fields } from '../core/operation.ts';
import { encodingOf } from '../engine/encode.ts';
import type { Adapter } from '../kit/adapter.ts';

/** The fields a request of the drop-in client carries. @throws {InputError} for a body the adapter cannot read */
export async function decode(
  adapter: Adapter,
  operation: Operation,
  request: Request,
): Promise<{ fields: Fields; encoding: Encoding }> {
  const who = `${adapter.name} ${operation.name}`;
  const url = new URL(request.url);
  const parameters = pathFields(adapter, operation, url) ?? {};
  if (operation.method === 'GET')
    return { fields: { ...single(who, url.searchParams), ...parameters }, encoding: 'query' };

  const accepted = operation.encoding === undefined ? adapter.encodings : [operation.encoding];
  const text = await request.clone().text();
  if (text === '') return { fields: parameters, encoding: encodingOf(adapter, operation) };
  const type = request.headers.get('content-type')?.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  const encoding =
    type === 'application/x-www-form-urlencoded' ? 'form' : type === 'application/json' ? 'json' : undefined;
  if (encoding === undefined || !accepted.includes(encoding)) {
    const ways = {
      json: '`json: fields`',
      form: '`body: new URLSearchParams(fields)`',
      query: '`searchParams: fields`',
    };
    throw new InputError(
      `${who}: a body of type ${type === '' ? 'nothing' : type} cannot be signed. Send ${accepted.map(way => ways[way]).join(' or ')}.`,
    );
  }
  if (encoding === 'form') return { fields: { ...single(who, new URLSearchParams(text)), ...parameters }, encoding };
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new InputError(`${who}: the body says it is JSON but is not.`);
  }
  if (isDeep(parsed)) throw new InputError(`${who}: the body is nested too deeply.`);
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw new InputError(`${who}: the body must be a JSON object.`);
  return { fields: { ...(parsed as Fields), ...parameters }, encoding };
}

/** Nested deeper than any gateway's request; past a few thousand, writing it again would overflow the stack. */
export function isDeep(value: unknown, left = 64): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return left === 0 || Object.values(value).some(each => isDeep(each, left - 1));
}

function single(who: string, parameters: URLSearchParams): Record<string, string> {
  const fields: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const [name, value] of parameters) {
    if (Object.hasOwn(fields, name))
      throw new InputError(`${who}: ${name.slice(0, 40)} is given twice, and only one of them can be signed.`);
    fields[name] = value;
  }
  return { ...fields };
}

/** The path's own fields, or `undefined` when the URL is not this operation's. */
export function pathFields(adapter: Adapter, operation: Operation, url: URL): Record<string, string> | undefined {
  const { origin, paths } = compiled(adapter);
  if (url.origin !== origin) return undefined;
  const found = paths.get(operation.name)?.exec(url.pathname) ?? undefined;
  return (
    found && Object.fromEntries(Object.entries(found.groups ?? {}).map(([name, value]) => [name, safeDecode(value)]))
  );
}

/** Whether a URL is one of the adapter's operations', whatever the method. */
export function mayMatch(adapter: Adapter, url: URL): boolean {
  const { origin, any } = compiled(adapter);
  return url.origin === origin && any.test(url.pathname);
}

/** An adapter's paths as patterns: the same for every request. */
interface Paths {
  readonly origin: string;
  readonly paths: ReadonlyMap<string, RegExp>;
  readonly any: RegExp;
}

const compiledPaths = new WeakMap<Adapter, Paths>();

function compiled(adapter: Adapter): Paths {
  const known = compiledPaths.get(adapter);
  if (known !== undefined) return known;
  const base = URL.canParse(adapter.baseUrl) ? new URL(adapter.baseUrl) : undefined;
  const prefix = literally(base?.pathname.replace(/\/$/, '') ?? '');
  const sendable = Object.values(adapter.operations).filter(operation => operation.sendable !== false);
  const sources = sendable.map(({ name, path }) => [name, prefix + patternOf(path)] as const);
  const made: Paths = {
    // An adapter without a base URL matches nothing: no URL has an empty origin.
    origin: base?.origin ?? '',
    paths: new Map(sources.map(([name, source]) => [name, new RegExp(`^${source}$`)])),
    any: new RegExp(`^(?:${sources.map(([, source]) => source.replaceAll(/\?<\w+>/g, '?:')).join('|') || '(?!)'})$`),
  };
  compiledPaths.set(adapter, made);
  return made;
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

/** The adapter's operations a request may be, by method, origin and path alone. */
export function candidates(adapter: Adapter, method: string, url: URL): Operation[] {
  return Object.values(adapter.operations).filter(
    operation =>
      (operation.method ?? 'POST') === method.toUpperCase() && pathFields(adapter, operation, url) !== undefined,
  );
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
export async function operationIn(
  adapter: Adapter,
  request: Request,
  named: string | undefined,
): Promise<Found | undefined> {
  const url = new URL(request.url);
  const found = candidates(adapter, request.method, url);
  if (found.length === 0) return undefined;
  const chosen = named === undefined ? undefined : operationOf(adapter, named);
  if (chosen !== undefined && !found.includes(chosen))
    throw new InputError(`${adapter.name} ${chosen.name} is not what ${request.method} ${url.pathname} does.`);
  for (const operation of chosen === undefined ? found : [chosen]) {
    const { fields, encoding } = await decode(adapter, operation, request);
    if (chosen !== undefined || operation.match?.(fields) !== false)
      return { operation, fields, encoding, headers: request.headers };
  }
  return undefined;
}

/** Whether a request is an operation. Its body is read only where that depends on its fields. @throws {InputError} */
export async function isOperation(adapter: Adapter, request: Request, named: string | undefined): Promise<boolean> {
  const found = candidates(adapter, request.method, new URL(request.url));
  return (
    found.some(({ match }) => match === undefined) ||
    (found.length > 0 && (await operationIn(adapter, request, named)) !== undefined)
  );
}
