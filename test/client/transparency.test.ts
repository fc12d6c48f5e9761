import ky, { replaceOption, type Hooks, type KyInstance, type Options } from 'ky';
import { describe, expect, it } from 'vitest';
import { createGateway, type Adapter } from '../../src/index.ts';
import { acme, type AcmeFields } from '../testing/acme.ts';
import { hang, json, reset, type Step } from '../testing/bench.ts';

/**
 * Whatever matches no operation behaves as the user's own ky would. Every scene is played twice, by plain ky and by the
 * drop-in around it, and all that a caller can see must be equal: what was sent, what the hooks saw, how it ended.
 */
interface Stage {
  /** The user's ky, or the drop-in around it. */
  readonly client: KyInstance;
  readonly url: string;
  readonly fetch: NonNullable<Options['fetch']>;
  /** Notes what a caller can see. */
  readonly see: (...what: unknown[]) => void;
}

/** What it shows, how often plain ky sends, what the network answers (the last repeats), and what is done. */
type Scene = [title: string, sends: number, answers: Step[], play: (stage: Stage) => unknown];

interface Trace {
  readonly sent: unknown[];
  readonly seen: unknown[];
  readonly end: unknown;
}

async function trace([, , answers, play]: Scene, url: string, wrap: (user: KyInstance) => KyInstance): Promise<Trace> {
  const sent: unknown[] = [];
  const seen: unknown[] = [];
  const fetch = async (request: Request, init: unknown): Promise<Response> => {
    request.signal.throwIfAborted();
    // A boundary is chance; that there is one is not.
    const headers = [...request.headers].map(([name, value]) => [name, value.replace(/boundary=.*/, 'boundary')]);
    sent.push([
      request.method,
      request.url,
      headers,
      (await request.clone().text()).replaceAll(/-{4,}[\w-]+/g, 'boundary'),
      init,
    ]);
    const step = answers[Math.min(sent.length, answers.length) - 1] ?? new Response();
    if (step instanceof Error) throw step;
    return step instanceof Response ? step.clone() : step(request, request.signal);
  };
  const asFetch = fetch as NonNullable<Options['fetch']>;
  const user = ky.create({ fetch: asFetch, retry: { delay: () => 0 } });
  let end: unknown;
  try {
    end = {
      resolved: await told(await play({ client: wrap(user), url, fetch: asFetch, see: (...what) => seen.push(what) })),
    };
  } catch (error) {
    end = { rejected: await told(error) };
  }
  return { sent, seen, end };
}

/** What can be compared of a value. */
async function told(value: unknown): Promise<unknown> {
  if (value instanceof Response)
    return { status: value.status, headers: [...value.headers], body: value.bodyUsed ? 'used' : await value.text() };
  if (!(value instanceof Error)) return value;
  const more = value as Error & {
    response?: Response;
    request?: Request;
    data?: unknown;
    code?: unknown;
    issues?: unknown;
  };
  return {
    name: value.name,
    message: value.message,
    kind: value.constructor.name,
    cause: await told(value.cause),
    status: more.response?.status,
    request: more.request === undefined ? undefined : [more.request.method, more.request.url],
    data: more.data,
    code: more.code,
    issues: more.issues,
  };
}

const status = (code: number, init: ResponseInit = {}): Response =>
  new Response(`status ${code}`, { ...init, status: code });
const ok = new Response('ok');
const caught = (promise: unknown): Promise<unknown> => Promise.resolve(promise).then(told, told);
/** A call that may throw before it gives a promise. */
const attempt = async (call: () => unknown): Promise<unknown> => {
  try {
    return ['promised', await caught(call())];
  } catch (error) {
    return ['thrown at once', await told(error)];
  }
};

const loud = (see: Stage['see'], who: string): Hooks => ({
  init: [() => see(who, 'init')],
  beforeRequest: [({ request, retryCount }) => see(who, 'beforeRequest', request.url, retryCount)],
  beforeRetry: [({ error, retryCount }) => see(who, 'beforeRetry', error.name, retryCount)],
  afterResponse: [({ response, retryCount }) => see(who, 'afterResponse', response.status, retryCount)],
  beforeError: [
    ({ error, retryCount }) => {
      see(who, 'beforeError', error.name, retryCount);
      return error;
    },
  ],
});

const hooks: Scene[] = [
  [
    'run in the same order, the client’s before the call’s',
    3,
    [status(503), reset(), ok],
    ({ client, url, see }) => client.extend({ hooks: loud(see, 'client') }).get(url, { hooks: loud(see, 'call') }),
  ],
  [
    'run in the same order when the call fails',
    3,
    [status(503)],
    ({ client, url, see }) => client.get(url, { hooks: loud(see, 'call') }),
  ],
  [
    'see the same request and options',
    2,
    [status(503), ok],
    ({ client, url, see }) => {
      const look = ({ request, options }: { request: Request; options: object }): void =>
        see(
          request.method,
          [...request.headers],
          Object.keys(options).sort(),
          JSON.stringify(options, (key, value: unknown) => (key === 'signal' ? typeof value : value)),
        );
      return client.put(url, {
        json: { a: 1 },
        context: { team: 'checkout' },
        hooks: { beforeRequest: [look], beforeRetry: [look], afterResponse: [look] },
      });
    },
  ],
  [
    'may answer in place of the network',
    0,
    [ok],
    ({ client, url, see }) => client.get(url, { hooks: { ...loud(see, 'call'), beforeRequest: [() => status(503)] } }),
  ],
  [
    'may replace the request',
    1,
    [ok],
    ({ client, url }) =>
      client.get(url, {
        hooks: { beforeRequest: [({ request }) => new Request(request, { headers: { 'x-own': '1' } })] },
      }),
  ],
  [
    'end the call with what they throw',
    2,
    [ok],
    async ({ client, url, see }) => {
      const broken = (): never => {
        throw new RangeError('mine');
      };
      for (const name of ['init', 'beforeRequest', 'afterResponse'] as const) {
        see(
          name,
          await attempt(() =>
            client.get(url, {
              hooks: { [name]: [broken], beforeError: [({ error }) => Object.assign(error, { code: 'seen' })] },
            }),
          ),
        );
      }
      return client.get(url).text();
    },
  ],
  [
    'may ask for another send, of another request',
    2,
    [json({ again: true }), ok],
    ({ client, url, see }) => {
      const again = ({ retryCount }: { retryCount: number }): ReturnType<typeof ky.retry> | undefined =>
        retryCount === 0 ? ky.retry({ request: new Request(`${url}?again=1`), code: 'AGAIN', delay: 0 }) : undefined;
      return client.get(url, { hooks: { ...loud(see, 'call'), afterResponse: [again] } });
    },
  ],
  [
    'may ask for too many sends',
    3,
    [ok],
    ({ client, url, see }) =>
      client.get(url, { hooks: { ...loud(see, 'call'), afterResponse: [() => ky.retry({ code: 'AGAIN' })] } }),
  ],
  [
    'may answer in place of a re-send',
    1,
    [status(503)],
    ({ client, url, see }) =>
      client.get(url, { hooks: { ...loud(see, 'call'), beforeRetry: [() => new Response('from a hook')] } }),
  ],
  [
    'may answer with an error in place of a re-send',
    1,
    [status(503)],
    ({ client, url, see }) => client.get(url, { hooks: { ...loud(see, 'call'), beforeRetry: [() => status(404)] } }),
  ],
  [
    'may re-send another request',
    2,
    [status(503), ok],
    ({ client, url }) => client.get(url, { hooks: { beforeRetry: [() => new Request(`${url}?other=1`)] } }),
  ],
  [
    'may stop the call, which then resolves to nothing',
    1,
    [status(503)],
    ({ client, url }) => client.get(url, { hooks: { beforeRetry: [() => ky.stop] } }),
  ],
  [
    'may throw in place of a re-send, past the beforeError hooks',
    1,
    [status(503)],
    ({ client, url, see }) =>
      client.get(url, { hooks: { ...loud(see, 'call'), beforeRetry: [() => Promise.reject(new RangeError('mine'))] } }),
  ],
  [
    'may throw the error they were given, through the beforeError hooks',
    1,
    [status(503)],
    ({ client, url, see }) =>
      client.get(url, { hooks: { ...loud(see, 'call'), beforeRetry: [({ error }) => Promise.reject(error)] } }),
  ],
  [
    'may replace the error',
    1,
    [status(404)],
    ({ client, url }) =>
      client.get(url, { hooks: { beforeError: [({ error }) => new RangeError('better', { cause: error })] } }),
  ],
  [
    'of init may change any option, for one call only',
    2,
    [ok],
    async ({ client, url }) => {
      let first = true;
      const change = (options: Options): void => {
        if (!first) return;
        first = false;
        Object.assign(options, {
          headers: { 'x-init': '1' },
          searchParams: { init: 1 },
          json: { ...(options.json as object), init: 1 },
        });
      };
      const changed = client.extend({ json: { a: 1 }, headers: { 'x-team': 'checkout' }, hooks: { init: [change] } });
      await changed.put(url);
      await changed.put(url);
    },
  ],
  [
    'of init may give the call a fetch',
    0,
    [ok],
    ({ client, url }) =>
      client
        .get(url, {
          hooks: { init: [options => void (options.fetch = () => Promise.resolve(new Response('theirs')))] },
        })
        .text(),
  ],
  [
    'can be taken away by extend',
    2,
    [ok],
    async ({ client, url, see }) => {
      const noisy = client.extend({ hooks: loud(see, 'client') });
      await noisy.extend({ hooks: { beforeRequest: undefined } as never }).get(url);
      await noisy.extend({ hooks: replaceOption({ beforeRequest: [() => see('only')] }) }).get(url);
    },
  ],
];

const retries: Scene[] = [
  [
    'follow the same statuses',
    0,
    [],
    async ({ client, url, see }) => {
      for (const code of [200, 400, 408, 413, 429, 499, 500, 501, 502, 503, 504]) {
        let sends = 0;
        const fetch = (): Promise<Response> =>
          Promise.resolve(status(code, { headers: { 'x-sends': String(++sends) } }));
        see(code, await caught(client.get(url, { fetch })), sends);
      }
    },
  ],
  [
    'follow the same methods',
    14,
    [status(503)],
    async ({ client, url, see }) => {
      for (const method of ['get', 'put', 'head', 'delete', 'patch'] as const)
        see(method, await caught(client[method](url)));
      see('patch, allowed', await caught(client.patch(url, { retry: { limit: 0, methods: ['patch'] } })));
    },
  ],
  ['follow a network error', 2, [reset(), ok], ({ client, url }) => client.get(url).text()],
  ['end with NetworkError and its cause', 3, [reset()], ({ client, url }) => client.get(url)],
  [
    'do not follow a programmer’s error',
    1,
    [new TypeError('x is not a function')],
    ({ client, url }) => client.get(url),
  ],
  ['do not follow any other error', 1, [new Error('odd')], ({ client, url }) => client.get(url)],
  ['do not follow a timeout', 1, [hang], ({ client, url }) => client.get(url, { timeout: 5 })],
  [
    'follow a timeout when told to',
    2,
    [hang, ok],
    ({ client, url }) => client.get(url, { timeout: 40, retry: { retryOnTimeout: true } }).text(),
  ],
  [
    'ask shouldRetry, with the same errors and counts',
    5,
    [status(503), reset(), new Error('odd'), ok],
    async ({ client, url, see }) => {
      const shouldRetry = ({ error, retryCount }: { error: Error; retryCount: number }): boolean => {
        see(error.name, retryCount);
        return true;
      };
      await client.get(url, { retry: { limit: 5, shouldRetry } });
      see(
        await caught(
          client.get(url, { fetch: () => Promise.resolve(status(503)), retry: { shouldRetry: () => false } }),
        ),
      );
      await client.get(url, { retry: { shouldRetry: () => undefined as never } });
    },
  ],
  [
    'count to the same limit, merged from all options',
    9,
    [status(503)],
    async ({ client, url, see }) => {
      for (const call of [
        () => client.get(url, { retry: 0 }),
        () => client.extend({ retry: { limit: 1 } }).get(url),
        () => client.extend({ retry: 4 }).get(url, { retry: { delay: () => 0 } }),
        () => client.get(url, { retry: { limit: 0 } }),
      ]) {
        see(await caught(call()));
      }
    },
  ],
  [
    'wait as long, by delay, jitter and backoffLimit',
    4,
    [status(503)],
    ({ client, url, see }) => {
      const note = (what: string, result: number) => (given: number) => {
        see(what, given);
        return result;
      };
      return client.get(url, {
        retry: { limit: 3, delay: note('delay', 700), jitter: note('jitter', 900), backoffLimit: 1 },
      });
    },
  ],
  [
    'wait as Retry-After says, up to maxRetryAfter',
    3,
    [status(503, { headers: { 'retry-after': '0' } }), status(429, { headers: { 'retry-after': '3000000' } }), ok],
    ({ client, url }) => client.get(url, { retry: { maxRetryAfter: 1 } }).text(),
  ],
  [
    'send the same body again',
    3,
    [status(503), reset(), ok],
    ({ client, url }) => client.put(url, { json: { a: 1 }, headers: { 'x-a': 'b' } }).text(),
  ],
];

const schema = (issues: { message: string }[] | undefined): Parameters<ReturnType<KyInstance>['json']>[0] =>
  ({
    '~standard': {
      version: 1,
      vendor: 'here',
      validate: (value: unknown) => (issues === undefined ? { value: { checked: value } } : { issues }),
    },
  }) as never;

const errors: Scene[] = [
  [
    'HTTPError holds the response, the request and the data',
    1,
    [json({ code: 'NO' }, { status: 404 })],
    ({ client, url }) => client.get(url),
  ],
  [
    'throwHttpErrors may be false',
    1,
    [status(503)],
    ({ client, url }) => client.get(url, { throwHttpErrors: false, retry: 0 }),
  ],
  [
    'throwHttpErrors may be a function',
    2,
    [status(404), status(410)],
    async ({ client, url, see }) => {
      const gone = client.extend({ throwHttpErrors: code => code === 410 });
      see(await told(await gone.get(url)));
      return gone.get(url);
    },
  ],
  [
    'TimeoutError',
    1,
    [hang],
    ({ client, url, see }) => client.get(url, { timeout: 5, retry: 0, hooks: loud(see, 'call') }),
  ],
  [
    'TimeoutError of a body that does not end',
    1,
    [() => new Response(new ReadableStream({ start: c => c.enqueue(new Uint8Array(1)) }))],
    ({ client, url }) => client.get(url, { timeout: 5, retry: 0 }).text(),
  ],
  [
    'TimeoutError of totalTimeout, whatever it was waiting for',
    1,
    [status(503)],
    ({ client, url }) => client.get(url, { totalTimeout: 60, retry: { delay: () => 60_000 } }),
  ],
  [
    'SchemaValidationError',
    1,
    [json({ a: 1 })],
    ({ client, url }) => client.get(url).json(schema([{ message: 'a is odd' }])),
  ],
  ['SyntaxError of a body that is not JSON', 1, [ok], ({ client, url }) => client.get(url).json()],
  [
    'bad options, at the same moment',
    1,
    [ok],
    async ({ client, url, see }) => {
      const bad: [string, () => unknown][] = [
        ['options of another type', () => client.get(url, 'fast' as never)],
        ['options that are null', () => client.get(url, null as never)],
        ['options that are a function', () => client.get(url, (() => ({ retry: 0 })) as never)],
        ['an old option', () => client.get(url, { prefixUrl: url } as never)],
        ['retry methods that are no list', () => client.get(url, { retry: { methods: 'get' } } as never)],
        ['a negative limit', () => client.get(url, { retry: -1 })],
        ['a context that is no object', () => client.get(url, { context: 'x' } as never)],
        ['a timeout too long', () => client.get(url, { timeout: 2 ** 31 })],
        ['a URL that is none', () => client.get('http://')],
        ['no URL', () => client.get(undefined as never)],
        ['another kind of URL', () => client.get(5 as never)],
        ['a progress that is no function', () => client.get(url, { onDownloadProgress: 5 } as never)],
        ['a body with GET', () => client.get(url, { body: 'x' })],
      ];
      for (const [what, call] of bad) see(what, await attempt(call));
    },
  ],
];

const signals: Scene[] = [
  [
    'before the call',
    0,
    [ok],
    ({ client, url }) => client.get(url, { signal: AbortSignal.abort(new Error('closing')) }),
  ],
  [
    'while sending',
    1,
    [hang],
    ({ client, url, see }) => {
      const controller = new AbortController();
      setTimeout(() => controller.abort(new Error('closing')), 40);
      return client.get(url, { signal: controller.signal, hooks: loud(see, 'call') });
    },
  ],
  [
    'while waiting to send again',
    1,
    [status(503)],
    ({ client, url, see }) => {
      const controller = new AbortController();
      setTimeout(() => controller.abort(new Error('closing')), 40);
      return client.get(url, { signal: controller.signal, retry: { delay: () => 60_000 }, hooks: loud(see, 'call') });
    },
  ],
  [
    'of a Request',
    0,
    [ok],
    ({ client, url }) => client(new Request(url, { signal: AbortSignal.abort(new Error('closing')) })),
  ],
  [
    'of the client as well as of the call',
    0,
    [ok],
    ({ client, url }) =>
      client
        .extend({ signal: AbortSignal.abort(new Error('shop closed')) })
        .get(url, { signal: new AbortController().signal }),
  ],
  [
    'of the client, taken away by the call',
    1,
    [ok],
    ({ client, url }) =>
      client
        .extend({ signal: AbortSignal.abort(new Error('shop closed')) })
        .get(url, { signal: undefined } as never)
        .text(),
  ],
];

const addresses: Scene[] = [
  ['prefix', 1, [ok], ({ client, url }) => client.extend({ prefix: new URL(url).origin }).get(new URL(url).pathname)],
  [
    'baseUrl',
    2,
    [ok],
    async ({ client, url }) => {
      const here = client.extend({ baseUrl: url });
      await here.get('?a=1');
      await here.get(new URL(url).pathname);
    },
  ],
  [
    'prefix and baseUrl together',
    1,
    [ok],
    ({ client, url }) => client.extend({ prefix: '/v1/', baseUrl: url }).get('/orders'),
  ],
  [
    'a URL object and a Request',
    2,
    [ok],
    async ({ client, url }) => {
      await client(new URL(`${url}?a=1`));
      await client(new Request(url, { method: 'PUT', body: 'text', headers: { 'x-a': 'b' } }), {
        headers: { 'x-c': 'd' },
      });
    },
  ],
  [
    'search parameters, merged from all options',
    5,
    [ok],
    async ({ client, url }) => {
      const one = client.extend({ searchParams: { a: 1, b: 2 } });
      await one.get(`${url}?z=0`, { searchParams: { b: undefined, c: 3 } });
      await one.get(`${url}?y=9`, { searchParams: { y: undefined } });
      await one.get(url, { searchParams: new URLSearchParams('d=4') });
      await one.get(url, {
        searchParams: [
          ['e', 5],
          ['f', 6],
        ],
      });
      await client.get(url, { searchParams: '?g=7' });
    },
  ],
  [
    'headers, merged from all options',
    3,
    [ok],
    async ({ client, url }) => {
      const one = client.extend({ headers: { 'x-a': '1', 'x-b': '2' } });
      await one.get(url, { headers: { 'X-B': undefined, 'x-c': '3' } });
      await one.get(url, { headers: new Headers({ 'x-a': 'undefined' }) });
      await one.get(url, { headers: replaceOption({ 'x-only': '1' }) as never });
    },
  ],
  [
    'the options only fetch knows',
    1,
    [ok],
    ({ client, url }) =>
      client
        .extend({ dispatcher: 'proxy' } as Options)
        .get(url, { cache: 'no-store', next: { revalidate: 1 } } as Options),
  ],
];

const bodies: Scene[] = [
  [
    'JSON, form, multipart, text and stream',
    5,
    [ok],
    async ({ client, url }) => {
      const form = new FormData();
      form.append('a', '1');
      await client.put(url, { json: { a: undefined, b: null } });
      await client.put(url, { body: new URLSearchParams({ a: '1' }) });
      await client.put(url, { body: form });
      await client.put(url, { body: 'plain', headers: { 'content-type': 'text/x-own' } });
      await client.put(url, {
        body: new ReadableStream({ start: c => (c.enqueue(new TextEncoder().encode('streamed')), c.close()) }),
        retry: 0,
      });
    },
  ],
  [
    'JSON of the client and the call together',
    1,
    [ok],
    ({ client, url }) => client.extend({ json: { a: 1, nested: { b: 2 } } }).put(url, { json: { nested: { c: 3 } } }),
  ],
  [
    'stringifyJson is given the very value, even one that holds itself',
    1,
    [ok],
    async ({ client, url, see }) => {
      const own: { self?: unknown } = {};
      own.self = own;
      await client.put(url, { json: own, stringifyJson: value => String(see(value === own)) });
    },
  ],
  [
    'upload progress',
    1,
    [ok],
    ({ client, url, see }) =>
      client.put(url, {
        body: 'a body',
        onUploadProgress: ({ percent, transferredBytes }) => see(percent, transferredBytes),
      }),
  ],
  [
    'every shortcut, and the Accept it sends',
    6,
    [json({ a: 1 })],
    async ({ client, url, see }) => {
      see(
        await client.get(url).json(),
        await client.get(url).text(),
        (await client.get(url).arrayBuffer()).byteLength,
        (await client.get(url).blob()).size,
      );
      see((await client.get(url).bytes()).length, await client.get(url, { headers: { accept: 'own/type' } }).json());
    },
  ],
  [
    'formData',
    1,
    [() => new Response(new URLSearchParams({ a: '1' }))],
    async ({ client, url, see }) => see([...(await client.get(url).formData())]),
  ],
  [
    'parseJson, with the request and the response',
    2,
    [json({ a: 1 })],
    async ({ client, url, see }) => {
      const parsing = client.extend({
        parseJson: (text, { request, response }) => [text, request.url, response.status],
      });
      see(await parsing.get(url).json(), await (await parsing.get(url)).json());
    },
  ],
  ['a schema', 1, [json({ a: 1 })], ({ client, url }) => client.get(url).json(schema(undefined))],
  [
    'an empty answer',
    3,
    [() => new Response(null, { status: 204 })],
    async ({ client, url, see }) =>
      see(
        await client.get(url).text(),
        await caught(client.get(url).json()),
        await client.get(url).json(schema(undefined)),
      ),
  ],
  [
    'download progress',
    1,
    [ok],
    ({ client, url, see }) =>
      client.get(url, { onDownloadProgress: ({ transferredBytes }) => see(transferredBytes) }).text(),
  ],
  [
    'the very Response that fetch gave, streaming',
    0,
    [],
    async ({ client, url, see }) => {
      const given = new Response(new ReadableStream({ start: c => c.enqueue(new Uint8Array(3)) }));
      const got = await client.get(url, { fetch: () => Promise.resolve(given) });
      see(got === given, (await got.body?.getReader().read())?.value?.length);
    },
  ],
  [
    'a body that breaks while it is read',
    1,
    [() => new Response(new ReadableStream({ pull: c => c.error(new TypeError('terminated')) }))],
    ({ client, url }) => client.get(url).text(),
  ],
];

const instances: Scene[] = [
  [
    'has the same functions',
    0,
    [],
    ({ client, see }) =>
      see(
        Object.keys(client).sort(),
        client.stop === ky.stop,
        client.retry === ky.retry,
        typeof client.extend({}).create().get,
      ),
  ],
  [
    'extend, by an object and by a function of the parent’s options',
    2,
    [ok],
    async ({ client, url, see }) => {
      const one = client.extend({ headers: { 'x-a': '1' }, context: { a: 1 }, retry: 5 });
      await one
        .extend(parent => ({
          headers: { 'x-retry': JSON.stringify(parent.retry), 'x-keys': Object.keys(parent).sort().join(' ') },
        }))
        .get(url);
      await one
        .extend({ hooks: { beforeRequest: [({ options }) => see(options.context)] } })
        .get(url, { context: { b: 2 } });
      see(await attempt(() => one.extend('x' as never)));
    },
  ],
  [
    'create forgets the parent’s options',
    1,
    [ok],
    ({ client, url, fetch, see }) =>
      client
        .extend({ headers: { 'x-a': '1' }, hooks: loud(see, 'parent') })
        .create({ fetch })
        .get(url),
  ],
  [
    'takes the method from the options and from a Request, in the same order',
    3,
    [ok],
    async ({ client, url }) => {
      await client(url, { method: 'put' });
      await client.delete(url, { method: 'put' });
      await client.patch(new Request(url, { method: 'PUT' }));
    },
  ],
  [
    'can be called many times at once',
    40,
    [ok],
    ({ client, url }) =>
      Promise.all(Array.from({ length: 40 }, (_each, index) => client.get(url, { searchParams: { index } }).text())),
  ],
];

/** The example gateway, whose operations take no fields at all to be theirs. */
const choosy: Adapter<AcmeFields> = {
  ...acme(),
  operations: Object.fromEntries(
    Object.entries(acme().operations).map(([name, operation]) => [
      name,
      { ...operation, method: 'GET', match: () => false },
    ]),
  ),
};

/** Every operation of the example gateway is a POST; no scene sends one. */
const targets: [which: string, url: string, adapter: Adapter<AcmeFields>][] = [
  ['another origin', 'https://elsewhere.test/api/charge', acme()],
  ['a path that is no operation', 'https://acme.test/api/health', acme()],
  ['an operation’s path by another method', 'https://acme.test/api/charge', acme()],
  ['an operation’s path and method with other fields', 'https://acme.test/api/charge', choosy],
];

const topics: [string, Scene[]][] = [
  ['hooks', hooks],
  ['retries', retries],
  ['errors', errors],
  ['an abort', signals],
  ['addresses and headers', addresses],
  ['bodies', bodies],
  ['an instance', instances],
];

describe.each(targets)('whatever matches nothing is as with the user’s own ky: %s', (_which, url, adapter) => {
  describe.each(topics)('%s', (_topic, scenes) => {
    it.each(scenes.map(scene => ({ title: scene[0], scene })))('$title', { timeout: 1000 }, async ({ scene }) => {
      const wanted = await trace(scene, url, user => user);
      expect(wanted.sent).toHaveLength(scene[1]);
      expect(
        await trace(
          scene,
          url,
          user => createGateway({ adapter, client: user, policy: { limit: { concurrency: 1 } } }).client,
        ),
      ).toEqual(wanted);
    });
  });
});
