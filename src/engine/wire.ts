import { noLongerNeeded, orAbort, type Clock } from '../clock.ts';
import { withoutQuotes } from '../core/conceal.ts';
import { InputError, isInputError } from '../core/errors.ts';
import { isWrite, type Encoding, type Fields, type Operation } from '../core/operation.ts';
import type { Evidence } from '../core/settlement.ts';
import type { Adapter, EncodedSend, SendContext } from '../kit/adapter.ts';
import { readUpTo } from '../kit/read-up-to.ts';
import type { BaseFetch } from './base-fetch.ts';
import { encode } from './encode.ts';
import { evidenceOf } from './evidence.ts';
import type { Lane, Limiter } from './limiter.ts';
import type { ProviderClock } from './provider-clock.ts';

/** One exchange on the wire: slot, signature, send, and the whole answer read once. */
export interface WireRequest {
  readonly operation: Operation;
  readonly fields: Fields;
  readonly encoding: Encoding;
  readonly lane: Lane;
  /** Those of the request as the user's client made it; nothing else of it travels. */
  readonly headers: Headers;
  /** The client's, with the options only it knows (a dispatcher). */
  readonly fetch: BaseFetch;
  readonly timeoutMs: number;
  /** The caller's: when it aborts, so does the exchange, with the signal's reason. */
  readonly signal: AbortSignal;
  readonly context: Omit<SendContext, 'operation' | 'nowMs' | 'fetch' | 'signal'>;
  /**
   * Called when the first byte is about to leave; `false` holds it back: it is lost, not sent, with the code `held`.
   */
  readonly onLeaving?: () => boolean;
}

export type WireResult =
  | { readonly type: 'answered'; readonly answer: Answer; readonly body: unknown }
  | {
      readonly type: 'lost';
      readonly evidence: Exclude<Evidence, 'refused'>;
      readonly code: string;
      readonly error: unknown;
    };

/** An answer, wholly read. */
export interface Answer {
  readonly status: number;
  readonly statusText: string;
  readonly headers: Headers;
  readonly url: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export type Wire = (request: WireRequest) => Promise<WireResult>;

/** More than any gateway's answer; what is longer is no answer. */
const MOST_BYTES = 1024 * 1024;

/** We ended it ourselves: it took longer than it may (`timeout`), or was held back before it left (`held`). */
class GivenUp extends Error {
  readonly code: 'timeout' | 'held';

  constructor(code: GivenUp['code'], message: string) {
    super(message);
    this.code = code;
  }
}

export function createWire({ fetchSendsOnce, limiter, ...deps }: WireOptions): Wire {
  return spec =>
    limiter.run(spec.lane, spec.signal, () => exchange(deps, spec, fetchSendsOnce ?? spec.fetch.isPlatforms));
}

interface WireOptions {
  readonly adapter: Adapter;
  readonly clock: Clock;
  readonly providerClock: ProviderClock;
  readonly limiter: Limiter;
  /**
   * Whether a failing `fetch` may prove that nothing was sent. One of the user's own may have sent before, or fail
   * after the answer. Default: only the platform's own may.
   */
  readonly fetchSendsOnce: boolean | undefined;
}

async function exchange(
  { adapter, clock, providerClock }: Pick<WireOptions, 'adapter' | 'clock' | 'providerClock'>,
  spec: WireRequest,
  sendsOnce: boolean,
): Promise<WireResult> {
  const attempt = new AbortController();
  const { signal } = attempt;
  const onAbort = (): void => attempt.abort(spec.signal.reason);
  spec.signal.addEventListener('abort', onAbort, { once: true });
  // The slot is had: now the attempt's time counts.
  const stopTimer = clock.timer(spec.timeoutMs, () =>
    attempt.abort(new GivenUp('timeout', 'The attempt took too long.')),
  );
  /** How far it came. */
  const progress = { left: false, answered: false };

  const converse = async (): Promise<WireResult> => {
    const { send, request } = await prepare(adapter, clock, spec, signal);
    // Given up while it was signed: it stays here.
    signal.throwIfAborted();
    if (spec.onLeaving?.() === false) throw new GivenUp('held', 'The send was held back.');
    progress.left = true;
    const left = providerClock.mark();
    const response = await spec.fetch.send(request);
    signal.throwIfAborted();
    progress.answered = true;
    providerClock.hear(response.headers.get('date'), left);
    // Within the attempt's time: a body cut short, dripping or too long is a lost answer.
    const bytes = await readUpTo(response.body, MOST_BYTES, signal);
    const text = new TextDecoder().decode(bytes);
    const answer: Answer = {
      status: response.status,
      statusText: response.statusText,
      headers: response.headers,
      url: response.url,
      bytes,
    };
    const genuine =
      adapter.verify === undefined ||
      (await adapter.verify({ send, status: answer.status, headers: answer.headers, text }));
    return { type: 'answered', answer, body: genuine ? parse(text) : undefined };
  };

  try {
    return await orAbort(converse(), signal);
  } catch (error) {
    // An exchange that ended early leaves no half-read connection behind.
    attempt.abort(noLongerNeeded);
    spec.signal.throwIfAborted();
    const { left, answered } = progress;
    if (!left && isInputError(error)) throw error;
    const { evidence, code } =
      error instanceof GivenUp
        ? { evidence: 'maybe-sent' as const, code: error.code }
        : evidenceOf(error, left ? 'network/unknown' : 'unsigned');
    const mayBeSent = answered || (left && (!sendsOnce || evidence === 'maybe-sent'));
    return { type: 'lost', evidence: mayBeSent ? 'maybe-sent' : 'not-sent', code, error: withoutQuotes(error) };
  } finally {
    stopTimer();
    spec.signal.removeEventListener('abort', onAbort);
  }
}

/** Everything is signed afresh for each send; reference, key and business fields stay the same. */
async function prepare(
  adapter: Adapter,
  clock: Clock,
  spec: WireRequest,
  signal: AbortSignal,
): Promise<{ send: EncodedSend; request: Request }> {
  const { operation } = spec;
  const context: SendContext = {
    ...spec.context,
    operation: operation.name,
    nowMs: clock.now(),
    fetch: spec.fetch.send,
    signal,
  };
  const unsent: readonly string[] = (isWrite(operation) ? operation.unsent : undefined) ?? [];
  const given = Object.fromEntries(Object.entries(spec.fields).filter(([name]) => !unsent.includes(name)));
  const fields = adapter.body(given, context);
  const { method, url, body, contentType } = encode(adapter, operation, fields, spec.encoding);
  const send: EncodedSend = { ...context, method, path: url.pathname + url.search, fields, body };
  const key = keyHeader(adapter, operation, context);
  const signed = [...Object.entries(await adapter.headers(send)), ...key];
  // A redirected write could be repeated elsewhere, and a signature be handed over: a 3xx is an answer like any other.
  const request = new Request(url, {
    method,
    headers: spec.headers,
    signal,
    redirect: 'manual',
    ...withoutCredentials,
    ...(method !== 'GET' && once(body)),
  });
  const { headers } = request;
  headers.delete('content-type');
  headers.delete('content-length');
  if (method !== 'GET') headers.set('content-length', String(new TextEncoder().encode(body).byteLength));
  if (contentType !== undefined) headers.set('content-type', contentType);
  const own = new Headers();
  for (const [name, value] of signed) {
    const before = own.get(name);
    if (before !== null && before !== value)
      throw new InputError(
        `${adapter.name} ${operation.name}: the adapter’s headers name another ${name} than the send’s idempotency key.`,
      );
    own.set(name, value);
    headers.set(name, value);
  }
  return { send, request };
}

/**
 * A body that can be read once: `fetch` keeps a text or bytes, and after an HTTP 421 sends them again by itself. Its
 * length is known all the same, and goes with it as `content-length`: gateways that read forms dislike chunks.
 */
const once = (body: string): RequestInit & { duplex: 'half' } => ({ body: new Response(body).body, duplex: 'half' });

/**
 * Nothing here is for a cookie jar; and to a 401 with a body that can be read once, the `fetch` of Node 24.14 and 24.15
 * gives no answer but fails, unless it is told so (https://github.com/nodejs/undici/issues/5018). Where a `Request` has
 * no such option, it must not be named.
 */
const withoutCredentials: RequestInit = 'credentials' in Request.prototype ? { credentials: 'omit' } : {};

/** A declared idempotency key goes with every send of the write, or nothing does. */
function keyHeader(adapter: Adapter, operation: Operation, { idempotencyKey: key }: SendContext): [string, string][] {
  const declared = isWrite(operation) ? operation.idempotencyKey : undefined;
  if (declared === undefined) return [];
  const who = `${adapter.name} ${operation.name}`;
  if (key === undefined) throw new InputError(`${who} is sent with an idempotency key only, and this send has none.`);
  if (declared.header === undefined) return [];
  // Whatever else would be changed or refused on its way, and be another key then.
  if (!/^[!-~](?:[ -~]*[!-~])?$/.test(key))
    throw new InputError(`${who}: idempotencyKey travels in a header and must be plain ASCII.`);
  return [[declared.header, key]];
}

/** The parsed JSON, or the text where it was not JSON. */
export function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Statuses that may not have a body. */
const bodiless: ReadonlySet<number> = new Set([101, 103, 204, 205, 304]);

/** A status line may hold what no `Response` can be made with, and no terminal should see. */
const unprintableInStatus = /[^\t -~\u00A0-\u00FF]/g;

/** A fresh `Response` of an answer that was read: it can be handed out more than once. */
export function responseOf({ status, statusText, headers, url, bytes }: Answer): Response {
  // Only 200 to 599 can be constructed; anything else is a gateway that does not speak HTTP.
  const response = new Response(bodiless.has(status) ? null : bytes.slice(), {
    status: status >= 200 && status <= 599 ? status : 599,
    statusText: statusText.replaceAll(unprintableInStatus, '?'),
    headers,
  });
  Object.defineProperty(response, 'url', { value: url, enumerable: true });
  return response;
}
