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
import { baseFetch, type FetchFunction } from '../engine/base-fetch.ts';
import type { Road } from '../engine/intention.ts';
import type { Adapter } from '../kit/adapter.ts';
import type { KyDriver } from './ky-driver.ts';
import { mayMatch, operationIn, type Found } from './match.ts';
import { createRoad } from './road.ts';
import type { Unmatched } from './unmatched.ts';

/**
 * The only room of the house that knows how ky works inside. It puts the gate around whatever `fetch` a request ends up
 * with and lets ky's own retry engine do the sending again, driven by hooks:
 *
 * - the gate returns an answer that settles the request, and throws for everything else (pending, lost, unprocessed);
 * - `shouldRetry` says yes to that, so that ky comes to `beforeRetry`;
 * - our `beforeRetry`, first in line, asks the gateway and returns the settling response, or waits and lets one send
 * through.
 *
 * Our `init` hook is added at each call and therefore comes last: it sees what every other hook and option has become,
 * and nothing that comes with the call can go around it.
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

/** Larger than any loop can use: our own count decides. */
const UNLIMITED = Number.MAX_SAFE_INTEGER;

/** A ky instance that behaves as `user` does, but for requests that match an operation. */
export function dropIn(user: KyInstance, middleware: Middleware): KyInstance {
  const call = guarded(user, middleware);
  const instance = (input: Input, options?: Options): ReturnType<KyInstance> => call(input, options);
  const methods = Object.fromEntries(
    httpMethods.map(method => [method, (input: Input, options?: Options) => call(input, options, method)]),
  );
  return Object.assign(instance, methods, {
    create: (options?: Options) => dropIn(user.create(options), middleware),
    extend: (options: Parameters<KyInstance['extend']>[0]) => dropIn(user.extend(options), middleware),
    stop: user.stop,
    retry: user.retry,
  }) as unknown as KyInstance;
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
): (input: Input, options?: Options, method?: Method) => ReturnType<KyInstance> {
  const hasJson = optionsOf(user).json !== undefined;
  return (input, callOptions, method) => {
    const { client: through, options } = withInitHook(user, hasJson, callOptions, (given, json) =>
      guard({ options: given, json, input, callOptions, user, client }, middleware),
    );
    return method === undefined ? through(input, options) : through[method](input, options);
  };
}

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
): { client: KyInstance; options?: Options } {
  if (!hasJson && canAppend(callOptions)) {
    const { hooks, json } = callOptions ?? {};
    const init = (options: Options): void => hook(options, json);
    return { client: user, options: { ...callOptions, hooks: { ...hooks, init: [...(hooks?.init ?? []), init] } } };
  }
  // Hooks that are replaced or removed are for `extend` to understand; it also checks the options as the call itself
  // would.
  const client = user
    .extend(() => callOptions as Options)
    .extend(unguarded => ({ hooks: { init: [(options: Options): void => hook(options, unguarded.json)] } }));
  return { client };
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

/** Our `init` hook: the last to see a call's options before ky acts on them. */
function guard(
  {
    options,
    json,
    input,
    callOptions,
    user,
    client,
  }: {
    options: Options;
    json: unknown;
    input: Input;
    callOptions: Options | undefined;
    user: KyInstance;
    client: Options | undefined;
  },
  middleware: Middleware,
): void {
  const { adapter } = middleware;
  // ky copies the options for an `init` hook; where there is only ours, the caller's own value travels on.
  if (options.hooks?.init?.length === 1) options.json = json;
  if (
    typeof input === 'string' &&
    isEmpty(options.prefix) &&
    isEmpty(options.baseUrl) &&
    adapter.baseUrl !== '' &&
    !isAbsolute(input)
  ) {
    options.prefix = adapter.baseUrl;
  }
  const asGiven = { ...options };
  const signal = options.signal ?? (input instanceof Request ? input.signal : undefined);
  const callOf = (): Call => ({
    context: asGiven.context,
    timeout: callOptions?.timeout,
    clientTimeout: (client ?? asGiven).timeout,
    road: createRoad(adapter, user, asGiven),
    signal,
  });
  const userFetch = options.fetch as FetchFunction | undefined;
  const hooks = options.hooks ?? {};
  let driver: KyDriver | undefined;

  /** Finds the intention behind a request; a response when another caller has settled it. */
  const match = async (request: Request): Promise<Response | undefined> => {
    if (driver !== undefined || !mayMatch(adapter, new URL(request.url))) return undefined;
    const found = await operationIn(adapter, request, asGiven.context?.tillpaid?.operation);
    if (found === undefined) return undefined;
    const matched = await middleware.match(found, callOf());
    if (matched instanceof Response) return matched;
    driver = matched;
    return undefined;
  };

  let told: string | undefined;
  const unmatched = ({ method, url }: Request): void => {
    if (told === url) return;
    middleware.unmatched(method, url);
    told = url;
  };

  const gate: FetchFunction = async (request, init) => {
    // A hook may have made an operation of the request after `beforeRequest`: nothing reaches the gateway unseen.
    const settled = await match(request);
    if (settled !== undefined) return settled;
    const fetch = baseFetch(userFetch, init);
    if (driver !== undefined) return driver.send(request.headers, fetch);
    unmatched(request);
    return fetch.send(request);
  };
  options.fetch = gate as NonNullable<Options['fetch']>;

  const beforeRequest: BeforeRequestHook = async ({ request, options: normalized }) => {
    const settled = await match(request);
    const ours = driver;
    if (settled !== undefined || ours === undefined) return settled;
    // The one part of ky's normalised options that it reads again at each turn.
    Object.assign(normalized.retry, {
      limit: UNLIMITED,
      methods: [request.method.toLowerCase()],
      shouldRetry: ({ error }: { error: Error }) => !isHTTPError(error) && !ours.over,
      delay: () => 0,
      jitter: undefined,
      backoffLimit: 0,
    });
    // Redelivered by a queue: ask before the first send.
    return ours.proceed();
  };

  const beforeRetry: BeforeRetryHook = async ({ error }) => {
    // `ky.retry()` from an `afterResponse` hook passes by `shouldRetry`.
    if (isForceRetryError(error)) driver?.askedAgain(error);
    return driver?.proceed();
  };

  const converted = (error: unknown): unknown => {
    if (driver === undefined) return error;
    conceal(error);
    if (isHTTPError(error)) return error;
    driver.stop();
    return signal?.aborted === true ? error : driver.errorFor(error);
  };

  const beforeError: BeforeErrorHook = ({ error }) => converted(error) as Error;

  const retrying =
    (hook: BeforeRetryHook): BeforeRetryHook =>
    async state => {
      let result;
      try {
        result = await hook(state);
      } catch (error) {
        // ky hands an error of a `beforeRetry` hook on as it is, past every `beforeError`.
        throw error === state.error ? error : converted(error);
      }
      // `ky.stop` would make the call resolve to `undefined`, which a caller may read as anything.
      if (typeof result === 'symbol' && driver !== undefined) throw converted(state.error);
      return result;
    };

  options.hooks = {
    ...hooks,
    beforeRequest: [...(hooks.beforeRequest ?? []), beforeRequest],
    beforeRetry: [beforeRetry, ...(hooks.beforeRetry ?? [])].map(retrying),
    beforeError: [beforeError, ...(hooks.beforeError ?? [])],
  };
}

export const isEmpty = (value: unknown): boolean => value === undefined || value === null || value === '';

export const isAbsolute = (input: string): boolean => /^[a-z][\d+.a-z-]*:/i.test(input.trimStart());
