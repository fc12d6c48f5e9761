import { isNetworkError, type KyInstance, type Options } from 'ky';
import { below, hasHooks, isAbsolute, isEmpty } from './as-given.ts';
import { guarded, optionsOf, type Middleware } from './drop-in.ts';
import { askedBy, candidates, operationIn, placeIn } from './match.ts';
import type { DropInContext } from './options.ts';

/** What `gateway.fetch` takes beside what `fetch` takes. Node's own `dispatcher` counts too. */
export interface FetchInit extends RequestInit {
  context?: { tillpaid?: DropInContext };
}

/** What a ky client's options say about its own calls, and not about a `fetch`. */
const ofKyAlone: ReadonlySet<string> = new Set([
  'method',
  'body',
  'json',
  'searchParams',
  'prefix',
  'baseUrl',
  'retry',
  'timeout',
  'throwHttpErrors',
]);

/**
 * The middleware as a `fetch`: whatever native `fetch` takes means the same, and no option of ky's means anything. What
 * is no operation goes to the client's own `fetch` and `dispatcher` as it is; an operation takes its headers and hooks
 * along.
 */
export function plainFetch(
  user: KyInstance,
  middleware: Middleware,
): (input: string | URL | Request, init?: FetchInit) => Promise<Response> {
  const own = optionsOf(user);
  const { adapter } = middleware;
  const kept = Object.fromEntries(Object.entries(own).filter(([name]) => !ofKyAlone.has(name)));
  // A `fetch` has no timeout of its own; what matches keeps the client's.
  const through = guarded(user.create({ ...kept, retry: 0, throwHttpErrors: false, timeout: false }), middleware, own);
  const isHooked = hasHooks(own.hooks);
  const userFetch = own.fetch as ((request: Request, init: RequestInit) => Promise<Response>) | undefined;

  return async (input, init) => {
    const request = new Request(typeof input === 'string' ? resolved(input, own, adapter.baseUrl) : input, init);
    const { context } = init ?? {};
    const dispatcher = dispatcherOf(init) ?? dispatcherOf(own);
    const beside: RequestInit & { dispatcher?: unknown } = dispatcher === undefined ? {} : { dispatcher };
    const there = candidates(adapter, request.method, placeIn(request.url));
    const isSure = there.some(({ match }) => match === undefined);
    // What hooks may change goes to them as it is.
    const asked = there.length === 0 || (isSure && isHooked) ? undefined : await askedBy(adapter, request, !isHooked);
    const isOurs =
      isSure || (asked !== undefined && operationIn(adapter, asked, context?.tillpaid?.operation) !== undefined);
    if (!isOurs) {
      middleware.unmatched(request.method, request.url);
      return userFetch === undefined ? globalThis.fetch(request, beside) : userFetch(request, beside);
    }
    // The caller's own: a request's is a follower that ends with it.
    const signal = init?.signal === undefined ? (input instanceof Request ? input.signal : undefined) : init.signal;
    const { method, headers } = request;
    try {
      const options = {
        ...beside,
        method,
        headers,
        ...(signal && { signal }),
        ...(context !== undefined && { context }),
      };
      return await (isHooked || asked === undefined
        ? through(request, options)
        : through(request.url, options, { given: asked }));
    } catch (error) {
      // Other clients know `fetch`'s errors, not ky's.
      throw isNetworkError(error) && error.cause !== undefined ? error.cause : error;
    }
  };
}

const dispatcherOf = (options: object | undefined): unknown =>
  options === undefined ? undefined : Reflect.get(options, 'dispatcher');

/**
 * Native `fetch` refuses relative URLs in Node; here they are the adapter's, or the client's where it has a `prefix` or
 * `baseUrl`.
 */
function resolved(input: string, { prefix, baseUrl }: Options, adapterBaseUrl: string): string {
  if (URL.canParse(input) || isAbsolute(input)) return input;
  if (!isEmpty(prefix)) {
    const prefixed = below(String(prefix), input);
    return isEmpty(baseUrl) || URL.canParse(prefixed) ? prefixed : new URL(prefixed, baseUrl).href;
  }
  if (!isEmpty(baseUrl)) return new URL(input, baseUrl).href;
  return adapterBaseUrl === '' ? input : below(adapterBaseUrl, input);
}
