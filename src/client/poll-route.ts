import type { KyInstance, Options } from 'ky';
import type { Adapter } from '../adapter.ts';
import { encode, encodingOf } from './encode.ts';
import type { PollRoute } from './intention.ts';
import type { WireResult } from './wire.ts';

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

/**
 * Status queries take the same road as the write: the same base `fetch`, headers and dispatcher. They run the user's
 * `beforeRequest` hooks (which may authenticate at an egress proxy) and none of the others.
 *
 * @param options of the call that is followed, or the client's own
 */
export function pollRoute(adapter: Adapter, user: KyInstance, options: Options): PollRoute {
  const create = (): KyInstance => {
    const kept = Object.fromEntries(Object.entries(options).filter(([key]) => !ofTheWrite.has(key)));
    return user.create({ ...kept, hooks: { beforeRequest: options.hooks?.beforeRequest ?? [] }, retry: 0, timeout: false, throwHttpErrors: false });
  };
  let client: KyInstance | undefined;
  const userFetch = options.fetch as ((request: Request, init?: RequestInit) => Promise<Response>) | undefined;

  return async (query, fields, send, signal) => {
    const { method, url } = encode(adapter, query, fields, encodingOf(adapter, query));
    let result: WireResult | undefined;
    const gate = async (request: Request, init?: RequestInit): Promise<Response> => {
      const asked = new URL(request.url);
      // What a hook sent elsewhere is not signed, and not asked.
      if (asked.origin === url.origin && asked.pathname === url.pathname) {
        result = await send(request, (sent) => (userFetch === undefined ? globalThis.fetch(sent, init) : userFetch(sent, init)));
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
