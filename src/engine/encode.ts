import { InputError } from '../core/errors.ts';
import type { Encoding, Fields, Method, Operation } from '../core/operation.ts';
import type { Adapter } from '../kit/adapter.ts';
import { without } from '../kit/fields.ts';

/** The media type of an encoding that has a body. */
const mediaTypes: Readonly<Record<Exclude<Encoding, 'query'>, string>> = {
  json: 'application/json; charset=UTF-8',
  form: 'application/x-www-form-urlencoded',
};

interface Encoded {
  readonly method: Method;
  readonly url: string;
  /** Path and query of the URL. */
  readonly path: string;
  /** Empty where the fields travel in the query. */
  readonly body: string;
  readonly contentType: string | undefined;
}

/** How an operation's fields travel, when the caller did not choose. */
export function encodingOf(adapter: Adapter, operation: Operation): Encoding {
  return operation.method === 'GET' ? 'query' : (operation.encoding ?? adapter.encodings[0] ?? 'json');
}

/** Writes a send's fields into a URL and a body. @throws {InputError} for a field the encoding cannot carry */
export function encode(adapter: Adapter, operation: Operation, fields: Fields, encoding: Encoding): Encoded {
  const template = templateOf(adapter, operation);
  const { href, pathname, search } = template.address ?? fill(adapter, operation, template, fields);
  const rest = without(
    fields,
    template.slots.map(({ name }) => name),
  );
  const query = encoding === 'query' ? pairs(adapter, operation, rest) : '';
  const added = query === '' ? search : search === '' ? `?${query}` : `${search}&${query}`;
  return {
    method: operation.method ?? 'POST',
    url: href + added,
    path: pathname + added,
    body: encoding === 'query' ? '' : encoding === 'json' ? JSON.stringify(rest) : pairs(adapter, operation, rest),
    contentType: encoding === 'query' ? undefined : mediaTypes[encoding],
  };
}

/**
 * Where a send goes, for who needs no body: with the query, where the fields travel in it.
 *
 * @throws {InputError} for a field that the URL cannot carry
 */
export function urlOf(adapter: Adapter, operation: Operation, fields: Fields): URL {
  if (encodingOf(adapter, operation) === 'query') return new URL(encode(adapter, operation, fields, 'query').url);
  const template = templateOf(adapter, operation);
  const { href, search } = template.address ?? fill(adapter, operation, template, fields);
  return new URL(href + search);
}

/** What stands in the path where the fields say nothing: the first choice. */
export function usualInPath({ path }: Operation): Record<string, string> {
  return Object.fromEntries(
    [...path.matchAll(/\{(\w+):(\w+)[\w|]*\}/g)].map(([, name = '', usual = '']) => [name, usual]),
  );
}

/** A URL in pieces: `href` without the query. */
interface Address {
  readonly href: string;
  readonly pathname: string;
  readonly search: string;
}

/** An operation's path: `first`, then each slot's value and what follows it. */
interface Template {
  readonly first: string;
  readonly slots: readonly {
    readonly name: string;
    readonly choices: readonly string[] | undefined;
    readonly then: string;
  }[];
  /** Where every send goes, when there is no slot. */
  readonly address: Address | undefined;
}

const templates = new WeakMap<Adapter, Map<Operation, Template>>();

/** Read once for each operation. */
function templateOf(adapter: Adapter, operation: Operation): Template {
  let known = templates.get(adapter);
  if (known === undefined) templates.set(adapter, (known = new Map<Operation, Template>()));
  let template = known.get(operation);
  if (template === undefined) known.set(operation, (template = read(adapter.baseUrl, operation.path)));
  return template;
}

function read(baseUrl: string, path: string): Template {
  // Literal, name, choices, and so on, with a literal at the end.
  const [first = '', ...pieces] = path.split(/\{(\w+)(?::([\w|]+))?\}/);
  const slots = [];
  for (let at = 0; at < pieces.length; at += 3)
    slots.push({ name: pieces[at] ?? '', choices: pieces[at + 1]?.split('|'), then: pieces[at + 2] ?? '' });
  return { first, slots, address: slots.length === 0 ? addressOf(baseUrl + path) : undefined };
}

function addressOf(url: string): Address {
  const { origin, pathname, search } = new URL(url);
  return { href: origin + pathname, pathname, search };
}

function fill(adapter: Adapter, operation: Operation, { first, slots }: Template, fields: Fields): Address {
  let path = first;
  for (const { name, choices, then } of slots) {
    const value = (Object.hasOwn(fields, name) ? fields[name] : undefined) ?? choices?.[0];
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
    path += encodeURIComponent(value) + then;
  }
  return addressOf(adapter.baseUrl + path);
}

/** As forms and queries are written. */
function pairs(adapter: Adapter, operation: Operation, fields: Fields): string {
  const parameters = new URLSearchParams();
  for (const name of Object.keys(fields)) {
    const value = fields[name];
    if (typeof value === 'string') parameters.append(name, value);
    else if (typeof value === 'number' || typeof value === 'boolean') parameters.append(name, String(value));
    else if (value !== undefined)
      throw new InputError(`${adapter.name} ${operation.name}: ${name} cannot travel in a form; pass it as a text.`);
  }
  return parameters.toString();
}
