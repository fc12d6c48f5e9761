import type { Fields, Operation } from '../core/operation.ts';
import type { BaseFetch } from './base-fetch.ts';

/** How an exchange reaches the gateway: what the user's client adds to it. */
export interface Way {
  readonly headers: Headers;
  readonly fetch: BaseFetch;
}

/**
 * Prepares an exchange as the user's client would: his `fetch`, headers and `beforeRequest` hooks, and none of the
 * others. `undefined`: a hook took the request elsewhere, or answered it.
 */
export type Road = (operation: Operation, fields: Fields, signal: AbortSignal) => Way | Promise<Way | undefined>;
