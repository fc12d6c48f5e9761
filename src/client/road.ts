import type { BeforeRequestHook, KyInstance, Options } from 'ky';
import { baseFetch, type BaseFetch, type FetchFunction } from '../engine/base-fetch.ts';
import { urlOf } from '../engine/encode.ts';
import type { Road, Way } from '../engine/way.ts';
import type { Adapter } from '../kit/adapter.ts';
import { without } from '../kit/fields.ts';

/** Options that belong to one request of the client, not to what tillpaid sends by itself. */
const ofOneRequest: ReadonlySet<string> = new Set([
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

/** A ky client's options as ky itself understands them: the same for every request. */
interface Understood extends Way {
  /** What `beforeRequest` hooks are shown. */
  readonly options: Parameters<BeforeRequestHook>[0]['options'];
}

/**
 * The one road to the wire for all that tillpaid sends by itself, the sends of `settle` and every status query: base
 * `fetch`, headers and dispatcher of the user's client, and his `beforeRequest` hooks (which may authenticate at an
 * egress proxy). None of his other hooks, no retry and no timeout of the client.
 *
 * @param options the client's own, or those of the drop-in call that is followed
 */
export function createRoad(adapter: Adapter, user: KyInstance, options: Options): Road {
  // Nothing else of a call outlives it here: what it sent is among its options.
  const kept = Object.fromEntries(Object.entries(options).filter(([name]) => !ofOneRequest.has(name)));
  const userFetch = options.fetch as FetchFunction | undefined;
  const hooks = options.hooks?.beforeRequest ?? [];
  let understood: Understood | Promise<Understood> | undefined;

  const throughHooks: Road = async (operation, fields, signal) => {
    const url = urlOf(adapter, operation, without(fields, operation.unsent ?? []));
    const { method = 'POST' } = operation;
    const { headers, fetch, options: shown } = await (understood ??= understand(user, kept, userFetch));
    let request = new Request(url, { method, headers, signal });
    for (const hook of hooks) {
      const result: unknown = await hook({ request, options: { ...shown, method }, retryCount: 0 });
      if (isRequest(result)) request = result;
      else if (typeof result === 'object' && result !== null) return undefined;
    }
    const asked = new URL(request.url);
    // What a hook sent elsewhere is not signed, and not sent.
    return asked.origin === url.origin && asked.pathname === url.pathname
      ? { headers: request.headers, fetch }
      : undefined;
  };
  if (hooks.length > 0) return throughHooks;
  return () =>
    (understood ??= understand(user, kept, userFetch).then(known => {
      understood = known;
      return known;
    }));
}

/** As ky tells: a client's own `fetch` may come with a `Request` of its own. */
const isRequest = (value: unknown): value is Request =>
  value instanceof Request || Object.prototype.toString.call(value) === '[object Request]';

/** ky is asked once what it makes of a client's options; nothing is sent. */
async function understand(user: KyInstance, kept: Options, userFetch: FetchFunction | undefined): Promise<Understood> {
  let options: Understood['options'] | undefined;
  let way: { headers: Headers; fetch: BaseFetch } | undefined;
  const capture: FetchFunction = (request, init) => {
    way = { headers: new Headers(request.headers), fetch: baseFetch(userFetch, init) };
    return Promise.resolve(new Response(null, { status: 204 }));
  };
  await user.create({
    ...kept,
    hooks: { beforeRequest: [state => void (options = state.options)] },
    retry: 0,
    timeout: false,
    throwHttpErrors: false,
    fetch: capture as NonNullable<Options['fetch']>,
  })('https://nothing.invalid/');
  if (options === undefined || way === undefined) throw new Error('ky did not make a request of its own options.');
  return { ...way, options };
}
