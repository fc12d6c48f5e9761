import { isNetworkError, type KyInstance, type Options } from 'ky';
import { guarded, isAbsolute, isEmpty, optionsOf, type Middleware } from './drop-in.ts';
import { isOperation, mayMatch } from './match.ts';
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
  const userFetch = own.fetch as ((request: Request, init: RequestInit) => Promise<Response>) | undefined;

  return async (input, init) => {
    const request = new Request(typeof input === 'string' ? resolved(input, own, adapter.baseUrl) : input, init);
    const { context } = init ?? {};
    const dispatcher = dispatcherOf(init) ?? dispatcherOf(own);
    const beside: RequestInit & { dispatcher?: unknown } = dispatcher === undefined ? {} : { dispatcher };
    const isOurs =
      mayMatch(adapter, new URL(request.url)) && (await isOperation(adapter, request, context?.tillpaid?.operation));
    if (!isOurs) {
      middleware.unmatched(request.method, request.url);
      return userFetch === undefined ? globalThis.fetch(request, beside) : userFetch(request, beside);
    }
    // The caller's own: a request's is a follower that ends with it.
    const signal = init?.signal === undefined ? (input instanceof Request ? input.signal : undefined) : init.signal;
    const { method, headers } = request;
    try {
      return await through(request, {
        ...beside,
        method,
        headers,
        ...(signal && { signal }),
        ...(context !== undefined && { context }),
      });
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
  const below = (base: unknown): string => `${String(base).replace(/\/+$/, '')}/${input.replace(/^\/+/, '')}`;
  if (!isEmpty(prefix))
    return isEmpty(baseUrl) || URL.canParse(below(prefix)) ? below(prefix) : new URL(below(prefix), baseUrl).href;
  if (!isEmpty(baseUrl)) return new URL(input, baseUrl).href;
  return adapterBaseUrl === '' ? input : below(adapterBaseUrl);
}
