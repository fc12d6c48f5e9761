import type { KyInstance, Options } from 'ky';
import type { Adapter } from '../kit/adapter.ts';
import { baseFetch, type BaseFetch, type FetchFunction } from '../engine/base-fetch.ts';
import { encode, encodingOf } from '../engine/encode.ts';
import type { PollRoute } from '../engine/intention.ts';
import type { WireResult } from '../engine/wire.ts';

/** Options that belong to the write, not to a status query that follows it. */
const ofTheWrite: ReadonlySet<string> = new Set([
  'method',
  'body',
  'json',
  'searchParams',
  'signal',
  'prefix',
  'baseUrl',
  'fetch',
  'hooks',
  'retry',
  'timeout',
  'totalTimeout',
  'throwHttpErrors',
  'parseJson',
  'stringifyJson',
  'onDownloadProgress',
  'onUploadProgress',
]);

/** What ky makes of a client's options. Where no hook can change it, it is the same for every query. */
interface Road {
  readonly headers: Headers;
  readonly fetch: BaseFetch;
}

/**
 * Status queries take the same road as the write: the same base `fetch`, headers and dispatcher. They run the user's
 * `beforeRequest` hooks (which may authenticate at an egress proxy) and none of the others.
 *
 * @param options of the call that is followed, or the client's own
 */
export function pollRoute(adapter: Adapter, user: KyInstance, options: Options): PollRoute {
  // Nothing else of a call outlives it here: what it sent is among its options.
  const kept = Object.fromEntries(Object.entries(options).filter(([key]) => !ofTheWrite.has(key)));
  const beforeRequest = options.hooks?.beforeRequest ?? [];
  const create = (): KyInstance =>
    user.create({ ...kept, hooks: { beforeRequest }, retry: 0, timeout: false, throwHttpErrors: false });
  let client: KyInstance | undefined;
  const userFetch = options.fetch as FetchFunction | undefined;

  const hasHooks = beforeRequest.length > 0;
  let learnt: Road | undefined;

  return async (query, fields, send, signal) => {
    if (learnt !== undefined) return send(learnt.headers, learnt.fetch);
    const { method, url } = encode(adapter, query, fields, encodingOf(adapter, query));
    let result: WireResult | undefined;
    const gate = async (request: Request, init?: RequestInit): Promise<Response> => {
      const asked = new URL(request.url);
      // What a hook sent elsewhere is not signed, and not asked.
      if (asked.origin === url.origin && asked.pathname === url.pathname) {
        // It is kept: nothing of this query may hang on it.
        const headers = new Headers(request.headers);
        const fetch = baseFetch(userFetch, init);
        if (!hasHooks) learnt = { headers, fetch };
        result = await send(headers, fetch);
      }
      return new Response(null, { status: 204 });
    };
    let cause: unknown = new Error('A beforeRequest hook took the status query elsewhere.');
    try {
      client ??= create();
      await client(url, { method, signal, fetch: gate as NonNullable<Options['fetch']> });
    } catch (error) {
      signal.throwIfAborted();
      cause = error;
    }
    return result ?? { type: 'lost', evidence: 'not-sent', code: 'hook', error: cause };
  };
}
