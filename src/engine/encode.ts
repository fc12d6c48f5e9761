import { InputError } from '../core/errors.ts';
import type { Encoding, Fields, Operation } from '../core/operation.ts';
import type { Adapter } from '../kit/adapter.ts';

/** The media type of an encoding that has a body. */
const mediaTypes: Readonly<Record<Exclude<Encoding, 'query'>, string>> = {
  json: 'application/json; charset=UTF-8',
  form: 'application/x-www-form-urlencoded',
};

export interface Encoded {
  readonly method: string;
  readonly url: URL;
  /** Empty for a GET. */
  readonly body: string;
  readonly contentType: string | undefined;
}

/** How an operation's fields travel, when the caller did not choose. */
export function encodingOf(adapter: Adapter, operation: Operation): Encoding {
  return operation.method === 'GET' ? 'query' : (operation.encoding ?? adapter.encodings[0] ?? 'json');
}

/** Writes a send's fields into a URL and a body. @throws {InputError} for a field the encoding cannot carry */
export function encode(adapter: Adapter, operation: Operation, fields: Fields, encoding: Encoding): Encoded {
  const inPath = new Set<string>();
  const path = operation.path.replaceAll(/\{(\w+)(?::([\w|]+))?\}/g, (_whole, name: string, listed?: string) => {
    const choices = listed?.split('|');
    const value = (Object.hasOwn(fields, name) ? fields[name] : undefined) ?? choices?.[0];
    inPath.add(name);
    if (choices?.some(choice => choice === value) === false)
      throw new InputError(`${adapter.name} ${operation.name}: ${name} must be one of ${choices.join(', ')}.`);
    // A segment of dots would be another path once the URL is resolved.
    if (
      (typeof value !== 'string' && typeof value !== 'number') ||
      /^\.{0,2}$/.test(String(value)) ||
      !String(value).isWellFormed()
    ) {
      throw new InputError(
        `${adapter.name} ${operation.name}: ${name} is part of the path and must be a non-empty text.`,
      );
    }
    return encodeURIComponent(value);
  });
  const rest = Object.fromEntries(
    Object.entries(fields).filter(([name, value]) => value !== undefined && !inPath.has(name)),
  );
  const url = new URL(adapter.baseUrl + path);
  const method = operation.method ?? 'POST';
  if (encoding === 'query') {
    for (const [name, value] of flat(adapter, operation, rest)) url.searchParams.append(name, value);
    return { method, url, body: '', contentType: undefined };
  }
  const body =
    encoding === 'json' ? JSON.stringify(rest) : new URLSearchParams(flat(adapter, operation, rest)).toString();
  return { method, url, body, contentType: mediaTypes[encoding] };
}

/**
 * Where a send goes, for who needs no body: with the query, where the fields travel in it. @throws {InputError} for a
 * field that the URL cannot carry
 */
export function urlOf(adapter: Adapter, operation: Operation, fields: Fields): URL {
  const encoding = encodingOf(adapter, operation);
  return encode(adapter, operation, fields, encoding).url;
}

/** What stands in the path where the fields say nothing: the first choice. */
export function usualInPath({ path }: Operation): Record<string, string> {
  return Object.fromEntries(
    [...path.matchAll(/\{(\w+):(\w+)[\w|]*\}/g)].map(([, name = '', usual = '']) => [name, usual]),
  );
}

function flat(adapter: Adapter, operation: Operation, fields: Fields): [string, string][] {
  return Object.entries(fields).map(([name, value]) => {
    if (typeof value === 'string') return [name, value];
    if (typeof value === 'number' || typeof value === 'boolean') return [name, String(value)];
    throw new InputError(`${adapter.name} ${operation.name}: ${name} cannot travel in a form; pass it as a text.`);
  });
}
