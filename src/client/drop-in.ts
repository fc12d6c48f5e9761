import {
  isForceRetryError,
  isHTTPError,
  type BeforeErrorHook,
  type BeforeRequestHook,
  type BeforeRetryHook,
  type Input,
  type KyInstance,
  type Options,
} from 'ky';
import { conceal } from '../core/conceal.ts';
import { InputError } from '../core/errors.ts';
import { baseFetch, type FetchFunction } from '../engine/base-fetch.ts';
import type { Road } from '../engine/way.ts';
import type { Adapter } from '../kit/adapter.ts';
import { bodyAsGiven, hasHooks, isAbsolute, isEmpty, placeAsGiven } from './as-given.ts';
import type { KyDriver } from './ky-driver.ts';
import { askedBy, candidates, mayMatch, operationIn, placeIn, type Asked, type Found } from './match.ts';
import { createRoad } from './road.ts';
import type { Unmatched } from './unmatched.ts';

/**
 * The file that works with ky's hooks (`road.ts` and `as-given.ts` know ky's options too). It puts the gate around
 * whatever `fetch` a request ends up with and lets ky's own retry engine do the sending again, driven by hooks:
 *
 * - the gate returns an answer that settles the request, and throws for everything else (pending, lost, unprocessed);
 * - `shouldRetry` says yes to that, so that ky comes to `beforeRetry`;
 * - our `beforeRetry`, first in line, asks the gateway and returns the settling response, or waits and lets one send
 *   through.
 *
 * Our `init` hook is added at each call and therefore comes last: it sees what every other hook and option has become,
 * and nothing that comes with the call can go around it. There a call is sorted:
 *
 * - the user has hooks, or the options do not plainly say what is asked: the `Request` tells, after his last hook;
 * - an operation, plain to see: its fields are taken from the options, and ky has no body to copy for each send;
 * - no operation, plain to see: only the gate stays around it. A GET or HEAD is passed on as it is.
 */
export interface Middleware {
  /** Whose operations are looked for. Relative URLs resolve against its base URL, unless the client has its own. */
  readonly adapter: Adapter;
  /** What drives a request that is an operation, or a response when another caller has settled it. */
  readonly match: (found: Found, call: Call) => Promise<KyDriver | Response>;
  /** Called for a request that matches none, before it is sent. */
  readonly unmatched: Unmatched;
}

/** What the gateway needs to know of one call of a ky instance, as the user's own hooks and options left it. */
export interface Call {
  readonly context: Options['context'];
  /** The call's own `timeout`. */
  readonly timeout: Options['timeout'];
  /** The `timeout` of the client, where the call has none. */
  readonly clientTimeout: Options['timeout'];
  /** The caller's own abort. */
  readonly signal: AbortSignal | undefined;
  /** How status queries reach the gateway: as this call does. */
  readonly road: Road;
}

/** What a body is, where that is known before ky makes a `Request`. */
type Given = Pick<Asked, 'type' | 'body'>;

/** A ky instance that behaves as `user` does, but for requests that match an operation. */
export function dropIn(user: KyInstance, middleware: Middleware): KyInstance {
  const own = optionsOf(user);
  const call = guarded(user, middleware);
  const start = (input: Input, options: Options | undefined, method?: Method): ReturnType<KyInstance> => {
    const merged = { ...own, ...options };
    const asked = method ?? merged.method ?? 'get';
    if (!isPlainlyNone(middleware.adapter, merged, input, options)) return call(input, options, { method });
    const given = questions.has(asked) ? options : { ...options, fetch: watched(middleware, merged.fetch) };
    return method === undefined ? user(input, given) : user[method](input, given);
  };
  const instance = (input: Input, options?: Options): ReturnType<KyInstance> => start(input, options);
  const methods = Object.fromEntries(
    httpMethods.map(method => [method, (input: Input, options?: Options) => start(input, options, method)]),
  );
  return Object.assign(instance, methods, {
    create: (options?: Options) => dropIn(user.create(options), middleware),
    extend: (options: Parameters<KyInstance['extend']>[0]) => dropIn(user.extend(options), middleware),
    stop: user.stop,
    retry: user.retry,
  }) as unknown as KyInstance;
}

/** Plainly no operation, without a hook that could make one of it: the user's ky may have it. */
function isPlainlyNone(adapter: Adapter, merged: Options, input: Input, options: unknown): boolean {
  if (options !== undefined && (typeof options !== 'object' || options === null || 'hooks' in options)) return false;
  const place = hasHooks(merged.hooks) ? undefined : placeAsGiven(input, merged);
  return place !== undefined && !mayMatch(adapter, place);
}

const questions: ReadonlySet<string> = new Set(['get', 'head', 'GET', 'HEAD']);

/** The `fetch` of a write that is plainly no operation. */
function watched({ adapter, unmatched }: Middleware, own: Options['fetch']): NonNullable<Options['fetch']> {
  let reported: string | undefined;
  const fetch: FetchFunction = async (request, init) => {
    if (mayMatch(adapter, placeIn(request.url))) throw changedAddress(adapter, request);
    if (reported !== request.url) unmatched(request.method, request.url);
    reported = request.url;
    return baseFetch(own, init).send(request);
  };
  return fetch as NonNullable<Options['fetch']>;
}

/** What is known of a call beside its input and its options. */
interface Beside {
  readonly method?: Method | undefined;
  /** What it asks for, where the caller knows. */
  readonly given?: Given;
}

/**
 * Calls of `user`, with the gate around them.
 *
 * @param client whose `timeout` counts, where that is not the one of `user`
 */
export function guarded(
  user: KyInstance,
  middleware: Middleware,
  client?: Options,
): (input: Input, options?: Options, beside?: Beside) => ReturnType<KyInstance> {
  const own = optionsOf(user);
  let ownRoad: Road | undefined;
  const roadOf = (options: Options, callOptions: Options | undefined): Road =>
    isLikeClient(own, callOptions)
      ? (ownRoad ??= createRoad(middleware.adapter, user, own))
      : createRoad(middleware.adapter, user, options);

  return (input, callOptions, { method, given } = {}) => {
    const guard = (options: Options, json: unknown): void => {
      // ky copies the options for an `init` hook; where there is only ours, the caller's own value travels on.
      if (options.hooks?.init?.length === 1) options.json = json;
      resolveAgainst(middleware.adapter.baseUrl, input, options);
      const asGiven = { ...options };
      const { context, hooks = {} } = asGiven;
      const signal = options.signal ?? (input instanceof Request ? input.signal : undefined);
      const passage: Passage = {
        middleware,
        hooks,
        context,
        signal,
        fetch: options.fetch,
        call: () => ({
          context,
          timeout: callOptions?.timeout,
          clientTimeout: (client ?? asGiven).timeout,
          signal,
          road: roadOf(asGiven, callOptions),
        }),
        given,
        driver: undefined,
        reported: undefined,
      };
      takeThrough(passage, input, options);
    };
    const { through, options } = withInitHook(user, own.json !== undefined, callOptions, guard);
    return method === undefined ? through(input, options) : through[method](input, options);
  };
}

/** A relative URL is the adapter's, unless the client has a `prefix` or `baseUrl` of its own. */
function resolveAgainst(baseUrl: string, input: Input, options: Options): void {
  const isOurs = typeof input === 'string' && isEmpty(options.prefix) && isEmpty(options.baseUrl);
  if (isOurs && baseUrl !== '' && !isAbsolute(input)) options.prefix = baseUrl;
}

/** Whether a call's status queries go the way of any other call without options: nothing of its own concerns them. */
const isLikeClient = ({ hooks }: Options, callOptions: Options | undefined): boolean =>
  !hasHooks(hooks, 'init') &&
  Object.keys(callOptions ?? {}).every(
    name => ofTheCallAlone.has(name) || (name === 'context' && !hasHooks(hooks, 'beforeRequest')),
  );

const ofTheCallAlone: ReadonlySet<string> = new Set([
  'method',
  'body',
  'json',
  'searchParams',
  'signal',
  'timeout',
  'totalTimeout',
  'throwHttpErrors',
]);

/** A ky instance's own options, without those of a call. */
export function optionsOf(user: KyInstance): Options {
  let found: Options = {};
  user.extend(own => {
    found = own;
    return {};
  });
  return found;
}

/**
 * Whether the gate can be put around a client's `fetch`: an older ky knows no `init` hook, and would send past it. Asks
 * the client's own ky, which sends nothing for it.
 */
export function isGuardable(user: KyInstance): boolean {
  let isSeen = false;
  const init = (): never => {
    isSeen = true;
    throw new Error('Nothing is to be sent.');
  };
  try {
    const nothing: typeof globalThis.fetch = () => Promise.resolve(new Response(null, { status: 204 }));
    user
      .create({ hooks: { init: [init] }, fetch: nothing, retry: 0 })('https://nothing.invalid/')
      .catch(() => undefined);
  } catch {
    // The hook's own error, or a client that is none.
  }
  return isSeen;
}

const httpMethods = ['get', 'post', 'put', 'patch', 'head', 'delete', 'query'] as const;
type Method = (typeof httpMethods)[number];

/** A call with one more `init` hook, the last in line, and the very value of its `json` option. */
function withInitHook(
  user: KyInstance,
  hasJson: boolean,
  callOptions: Options | undefined,
  hook: (options: Options, json: unknown) => void,
): { through: KyInstance; options?: Options } {
  if (!hasJson && canAppend(callOptions)) {
    const { hooks, json } = callOptions ?? {};
    const init = (options: Options): void => hook(options, json);
    return { through: user, options: { ...callOptions, hooks: { ...hooks, init: [...(hooks?.init ?? []), init] } } };
  }
  // Hooks that are replaced or removed are for `extend` to understand; it also checks the options as the call itself
  // would.
  const through = user
    .extend(() => callOptions as Options)
    .extend(unguarded => ({ hooks: { init: [(options: Options): void => hook(options, unguarded.json)] } }));
  return { through };
}

/** Whether a call's hooks are plainly to be added to the client's. */
function canAppend(callOptions: unknown): boolean {
  if (callOptions === undefined) return true;
  if (typeof callOptions !== 'object' || callOptions === null || Array.isArray(callOptions)) return false;
  const { hooks } = callOptions as Options;
  if (hooks === undefined) return !Object.hasOwn(callOptions, 'hooks');
  return (
    Object.getOwnPropertySymbols(hooks).length === 0 && !(Object.hasOwn(hooks, 'init') && hooks.init === undefined)
  );
}

type RetryState = Parameters<BeforeRetryHook>[0];

/** One call on its way through ky. */
interface Passage {
  readonly middleware: Middleware;
  /** The user's, and our `init` hook; none where that is the only one. */
  hooks: NonNullable<Options['hooks']>;
  readonly context: Options['context'];
  /** The caller's own abort. */
  readonly signal: AbortSignal | undefined;
  /** The user's own. */
  readonly fetch: FetchFunction | undefined;
  /** Until it is matched: then nothing of its options is needed, and a call may wait long. */
  call: (() => Call) | undefined;
  /** What its body is, until it is matched; `undefined` where the `Request` tells. */
  given: Given | undefined;
  /** Once it is matched. */
  driver: KyDriver | undefined;
  /** The caller has got an error: nothing more is begun for him. */
  isOver?: boolean;
  /** The URL that was last reported as none of ours. */
  reported: string | undefined;
}

/** Sorts a call, and puts the gate and our hooks into its options: the last to change them before ky acts on them. */
function takeThrough(passage: Passage, input: Input, options: Options): void {
  const fetch: FetchFunction = (request, init) => gate(passage, request, init);
  options.fetch = fetch as NonNullable<Options['fetch']>;
  const place = hasOnlyOurs(passage.hooks) ? placeAsGiven(input, options) : undefined;
  if (place !== undefined && !mayMatch(passage.middleware.adapter, place)) return;
  const given =
    place === undefined ? undefined : (passage.given ?? givenBy(passage.middleware.adapter, place, options));
  if (given === undefined) {
    passage.given = undefined;
    options.hooks = generalHooks(passage);
    return;
  }
  passage.given = given;
  passage.hooks = {};
  Object.assign(options, {
    body: undefined,
    json: undefined,
    // The gate times its attempts itself.
    timeout: false,
    retry: resending(passage, options.method ?? 'get'),
    hooks: {
      beforeRetry: [(state: RetryState) => beforeRetry(passage, state)],
      beforeError: [beforeError(passage)],
    },
  });
}

const hasOnlyOurs = (hooks: NonNullable<Options['hooks']>): boolean =>
  hooks.init?.length === 1 && !hasHooks(hooks, 'beforeRequest', 'afterResponse', 'beforeRetry', 'beforeError');

/** What an operation's body is, where the options say all that there is to know of it. */
function givenBy(adapter: Adapter, place: string, options: Options): Given | undefined {
  const method = options.method ?? 'get';
  if (typeof method !== 'string' || !candidates(adapter, method, place).some(({ match }) => match === undefined))
    return undefined;
  const isUsual = options.onUploadProgress === undefined && isTimeout(options.timeout) && isRetry(options.retry);
  const given = isUsual ? bodyAsGiven(options) : undefined;
  // A body with a GET is for ky to refuse.
  return /^(?:get|head)$/i.test(method) && given?.type !== '' ? undefined : given;
}

/** What ky itself refuses is for ky to refuse. */
const isTimeout = (timeout: unknown): boolean =>
  timeout === undefined || timeout === false || (typeof timeout === 'number' && timeout < 2 ** 31);

const isRetry = (retry: unknown): boolean => {
  if (typeof retry !== 'object' || retry === null) return isCount(retry);
  const { limit, methods, statusCodes, afterStatusCodes } = retry as Partial<Record<string, unknown>>;
  return (
    isCount(limit) && [methods, statusCodes, afterStatusCodes].every(list => list === undefined || Array.isArray(list))
  );
};

const isCount = (value: unknown): boolean =>
  value === undefined || (typeof value === 'number' && Number.isInteger(value) && value >= 0);

/** Where the `Request` tells what is asked: it is looked at after the user's last `beforeRequest` hook. */
function generalHooks(passage: Passage): NonNullable<Options['hooks']> {
  const { hooks } = passage;
  const own: BeforeRetryHook = state => beforeRetry(passage, state);
  return {
    ...hooks,
    beforeRequest: [...(hooks.beforeRequest ?? []), state => beforeRequest(passage, state)],
    beforeRetry: [own, ...(hooks.beforeRetry ?? []).map(hook => guardedHook(passage, hook))],
    beforeError: [beforeError(passage), ...(hooks.beforeError ?? [])],
  };
}

/** ky's retry options for what is matched: it asks each time, and our own count decides. */
const resending = (passage: Passage, method: string): NonNullable<Options['retry']> & object => ({
  // Larger than any loop can use.
  limit: Number.MAX_SAFE_INTEGER,
  methods: [method.toLowerCase()],
  shouldRetry: ({ error }) => !isHTTPError(error) && passage.driver?.over === false,
  delay: () => 0,
  jitter: undefined,
  backoffLimit: 0,
});

/** Finds what drives a request; a response when another caller has settled it. */
async function match(passage: Passage, request: Request, mayUseUp = false): Promise<Response | undefined> {
  const { middleware, given, call } = passage;
  const { adapter } = middleware;
  if (call === undefined || !mayMatch(adapter, placeIn(request.url))) return undefined;
  const asked = given === undefined ? await askedBy(adapter, request, mayUseUp) : askedAsGiven(request, given);
  const found = operationIn(adapter, asked, passage.context?.tillpaid?.operation);
  if (found === undefined) return undefined;
  const matched = await middleware.match(found, call());
  if (matched instanceof Response) return matched;
  passage.driver = matched;
  if (passage.isOver === true) {
    matched.stop();
    throw new Error('The call had ended before it was its turn: nothing was sent.');
  }
  passage.call = undefined;
  return undefined;
}

const askedAsGiven = ({ method, url, headers }: Request, { type, body }: Given): Asked => ({
  method,
  url,
  headers,
  type,
  body,
});

/** What stands in place of `fetch`: nothing reaches the gateway but through here. */
async function gate(passage: Passage, request: Request, init: RequestInit | undefined): Promise<Response> {
  const isGiven = passage.given !== undefined;
  // A hook may have made an operation of the request after `beforeRequest`.
  const settled = passage.driver === undefined ? await match(passage, request) : undefined;
  if (settled !== undefined) return settled;
  const { driver } = passage;
  const fetch = baseFetch(passage.fetch, init);
  if (driver === undefined) {
    if (isGiven) throw changedAddress(passage.middleware.adapter, request);
    report(passage, request);
    return fetch.send(request);
  }
  if (isGiven) {
    passage.given = undefined;
    // Redelivered by a queue: ask before the first send.
    const asked = await driver.proceed();
    if (asked !== undefined) return asked;
  }
  return driver.send(request.headers, fetch);
}

const changedAddress = (adapter: Adapter, { method, url }: Request): InputError =>
  new InputError(
    `${adapter.name}: the client made ${method} ${placeIn(url)} of another address, without a hook. Nothing was sent; pass the address itself.`,
  );

function report(passage: Passage, { method, url }: Request): void {
  if (passage.reported === url) return;
  passage.middleware.unmatched(method, url);
  passage.reported = url;
}

async function beforeRequest(
  passage: Passage,
  { request, options }: Parameters<BeforeRequestHook>[0],
): Promise<Request | Response | undefined> {
  // Nothing of the user's comes after us that would read the body.
  const isLast = !hasHooks(passage.hooks, 'afterResponse', 'beforeRetry', 'beforeError');
  const settled = await match(passage, request, isLast);
  const { driver } = passage;
  if (settled !== undefined || driver === undefined) return settled;
  // The one part of ky's normalised options that it reads again at each turn.
  Object.assign(options.retry, resending(passage, request.method));
  // Redelivered by a queue: ask before the first send.
  return (await driver.proceed()) ?? (isLast ? withoutBody(request) : undefined);
}

/** ky copies what it sends each time, and keeps the copy while it waits; of a matched request only headers travel. */
const withoutBody = ({ url, method, headers, signal }: Request): Request =>
  new Request(url, { method, headers, signal });

/** Ends with a promise, and does not wait for it: a call may wait long, and would keep a frame of this function. */
async function beforeRetry(passage: Passage, { error }: RetryState): Promise<Response | undefined> {
  const { driver } = passage;
  const fail = (thrown: unknown): never => {
    throw pastBeforeError(passage, error, thrown);
  };
  try {
    // `ky.retry()` from an `afterResponse` hook passes by `shouldRetry`.
    if (isForceRetryError(error)) driver?.askedAgain(error);
  } catch (thrown) {
    fail(thrown);
  }
  return driver?.proceed().catch(fail);
}

/** ky hands an error of a `beforeRetry` hook on as it is, past every `beforeError`. */
const pastBeforeError = (passage: Passage, given: Error, thrown: unknown): unknown =>
  thrown === given ? thrown : converted(passage, thrown);

/** What the caller gets of an error that ends a call. */
function converted(passage: Passage, error: unknown): unknown {
  const { driver, signal } = passage;
  passage.isOver = true;
  if (driver === undefined) return error;
  conceal(error);
  if (isHTTPError(error)) return error;
  driver.stop();
  return signal?.aborted === true ? error : driver.errorFor(error);
}

const beforeError =
  (passage: Passage): BeforeErrorHook =>
  ({ error }) =>
    converted(passage, error) as Error;

/** A `beforeRetry` hook of the user's: it may end no payment past `beforeError`, or with nothing. */
const guardedHook =
  (passage: Passage, hook: BeforeRetryHook): BeforeRetryHook =>
  async state => {
    let result;
    try {
      result = await hook(state);
    } catch (error) {
      throw pastBeforeError(passage, state.error, error);
    }
    // `ky.stop` would make the call resolve to `undefined`, which a caller may read as anything.
    if (typeof result === 'symbol' && passage.driver !== undefined) throw converted(passage, state.error);
    return result;
  };
