/** What a request goes through in the end. */
export interface BaseFetch {
  readonly send: (request: Request) => Promise<Response>;
  /**
   * It is the platform's own `fetch`, with no dispatcher of the user's: it sends once, and fails with what the
   * connection did.
   */
  readonly isPlatforms: boolean;
}

/** A `fetch` as ky calls it. */
export type FetchFunction = (request: Request, init?: RequestInit) => Promise<Response>;

/**
 * The user's own `fetch`, or the platform's. It keeps nothing of any request: it outlives the one that it was made for.
 *
 * @param own the user's, where he has one
 * @param init what only `fetch` knows of the client's options, such as Node's `dispatcher`
 */
export function baseFetch(own: FetchFunction | undefined, init: RequestInit | undefined): BaseFetch {
  const isPlatforms =
    (own === undefined || own === globalThis.fetch) &&
    (init === undefined || !('dispatcher' in init) || init.dispatcher === undefined);
  return { send: request => (own === undefined ? globalThis.fetch(request, init) : own(request, init)), isPlatforms };
}
