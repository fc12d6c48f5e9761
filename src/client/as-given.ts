import type { Input, Options } from 'ky';
import type { Fields } from '../core/operation.ts';
import { DEEPEST } from './depth.ts';
import { placeIn, type Body } from './match.ts';

/**
 * What a call asks for, read from its options before ky makes a `Request` of them. Where that is not plain to see it is
 * `undefined`, and the `Request` tells.
 */

/** Where a call goes, by the rules of ky, as `placeIn` has it. */
export function placeAsGiven(input: Input, { prefix, baseUrl }: Options): string | undefined {
  if (input instanceof URL) return placeIn(String(input));
  if (typeof input !== 'string' || !isText(prefix) || !isText(baseUrl)) return undefined;
  const address = isEmpty(prefix) ? input : below(prefix, input);
  const base = isEmpty(baseUrl) ? undefined : baseUrl;
  return URL.canParse(address, base) ? placeIn(new URL(address, base).href) : undefined;
}

/** Whether hooks have anything to run. */
export function hasHooks(hooks: Options['hooks'], ...names: readonly (keyof NonNullable<Options['hooks']>)[]): boolean {
  return hooks !== undefined && (names.length === 0 ? hookNames : names).some(name => (hooks[name]?.length ?? 0) > 0);
}

const hookNames = ['init', 'beforeRequest', 'afterResponse', 'beforeRetry', 'beforeError'] as const;

/** What a body is, and the media type that `fetch` or ky would give it. */
export function bodyAsGiven({ body, json, stringifyJson }: Options): { type: string; body: Body } | undefined {
  if (json !== undefined) {
    const value = stringifyJson === undefined && isEmpty(body) && isRecord(json) ? copyOf(json) : undefined;
    return value === undefined
      ? undefined
      : { type: 'application/json', body: { kind: 'json', value: value as Fields } };
  }
  if (body === undefined || body === null) return { type: '', body: { kind: 'text', text: '' } };
  if (typeof body === 'string') return { type: 'text/plain', body: { kind: 'text', text: body } };
  if (body instanceof URLSearchParams && Object.getPrototypeOf(body) === URLSearchParams.prototype)
    return { type: 'application/x-www-form-urlencoded', body: { kind: 'pairs', pairs: [...body] } };
  return undefined;
}

/** What JSON makes of a value and gives back; `undefined` for what it would change or refuse, and for what is too deep. */
function copyOf(value: unknown, left = DEEPEST): unknown {
  if (typeof value === 'string' || typeof value === 'boolean' || value === null) return value;
  // JSON has no -0.
  if (typeof value === 'number') return Number.isFinite(value) ? value + 0 : undefined;
  if (typeof value !== 'object' || left === 0 || 'toJSON' in value) return undefined;
  if (Array.isArray(value)) return listOf(value, left - 1);
  return isRecord(value) ? recordOf(value, left - 1) : undefined;
}

function listOf(list: readonly unknown[], left: number): unknown[] | undefined {
  const copy: unknown[] = [];
  for (let at = 0; at < list.length; at++) {
    const each = copyOf(list[at], left);
    if (each === undefined) return undefined;
    copy.push(each);
  }
  return copy;
}

function recordOf(record: Record<string, unknown>, left: number): Record<string, unknown> | undefined {
  const copy: Record<string, unknown> = {};
  for (const name of Object.keys(record)) {
    const value = record[name];
    if (value === undefined) continue;
    const each = name === '__proto__' ? undefined : copyOf(value, left);
    if (each === undefined) return undefined;
    copy[name] = each;
  }
  return copy;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  // One without a prototype may be JSON.rawJSON's.
  return Object.getPrototypeOf(value) === Object.prototype;
}

export const isEmpty = (value: unknown): value is undefined | null | '' =>
  value === undefined || value === null || value === '';

const isText = (value: unknown): value is string | undefined => value === undefined || typeof value === 'string';

export const isAbsolute = (input: string): boolean => /^[a-z][\d+.a-z-]*:/i.test(input.trimStart());

export const below = (base: string, input: string): string =>
  `${base.replace(/\/+$/, '')}/${input.replace(/^\/+/, '')}`;
