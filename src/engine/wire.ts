import { noLongerNeeded, type Clock } from '../clock.ts';
import { withoutQuotes } from '../core/conceal.ts';
import { InputError, isInputError } from '../core/errors.ts';
import { isWrite, type Encoding, type Fields, type Operation } from '../core/operation.ts';
import type { Evidence } from '../core/settlement.ts';
import type { Adapter, EncodedSend, SendContext } from '../kit/adapter.ts';
import { only, without } from '../kit/fields.ts';
import { readAll, stopReading } from '../kit/read-up-to.ts';
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
  readonly context: Omit<SendContext, 'operation' | 'unsent' | 'nowMs' | 'fetch' | 'signal'>;
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

export function createWire(options: WireOptions): Wire {
  return spec => options.limiter.run(spec.lane, spec.signal, () => exchange(options, spec));
}

async function exchange(options: WireOptions, spec: WireRequest): Promise<WireResult> {
  // The slot is had: now the attempt's time counts.
  const attempt = new Attempt(options.clock, spec);
  try {
    return await attempt.orGivenUp(converse(options, spec, attempt));
  } catch (error) {
    // An exchange that ended early leaves no half-read connection behind.
    attempt.giveUp(noLongerNeeded);
    spec.signal.throwIfAborted();
    if (!attempt.left && isInputError(error)) throw error;
    return lostBy(error, attempt, options.fetchSendsOnce ?? spec.fetch.isPlatforms);
  } finally {
    attempt.end();
  }
}

/** One send and its answer, until it is given up: its time is over, or the caller's signal aborts. */
class Attempt {
  /** Bytes may have left. */
  left = false;
  answered = false;
  /** Held as long as the attempt: with a `Request`, Node lets go of its signal too, and then no abort would reach it. */
  request: Request | undefined;
  readonly #controller = new AbortController();
  readonly #caller: AbortSignal;
  readonly #onAbort: () => void;
  readonly #stopTimer: () => void;
  #reject: ((reason: unknown) => void) | undefined;
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;

  constructor(clock: Clock, { signal, timeoutMs }: WireRequest) {
    this.#caller = signal;
    this.#onAbort = (): void => this.giveUp(signal.reason);
    signal.addEventListener('abort', this.#onAbort);
    this.#stopTimer = clock.timer(timeoutMs, () => this.giveUp(new GivenUp('timeout', 'The attempt took too long.')));
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Settles as `conversation` does, unless the attempt is given up first: a user's `fetch` may not look at its signal. */
  orGivenUp<T>(conversation: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      conversation.then(resolve, reject);
    });
  }

  /** What is read of a body until the attempt is given up is no answer. */
  read({ body }: Response): Promise<Uint8Array<ArrayBuffer>> | Uint8Array<ArrayBuffer> {
    if (body === null) return new Uint8Array();
    this.#reader = body.getReader();
    return readAll(this.#reader, MOST_BYTES);
  }

  giveUp(reason: unknown): void {
    this.#reject?.(reason);
    this.#controller.abort(reason);
    if (this.#reader !== undefined) stopReading(this.#reader);
  }

  /** Leaves no timer and no listener behind. */
  end(): void {
    this.#stopTimer();
    this.#caller.removeEventListener('abort', this.#onAbort);
  }
}

async function converse(
  { adapter, clock, providerClock }: WireOptions,
  spec: WireRequest,
  attempt: Attempt,
): Promise<WireResult> {
  const { signal } = attempt;
  const send = await signed(adapter, spec, {
    ...spec.context,
    operation: spec.operation.name,
    unsent: only(spec.fields, spec.operation.unsent ?? []),
    nowMs: clock.now(),
    fetch: spec.fetch.send,
    signal,
  });
  const request = requestOf(send, spec.headers);
  attempt.request = request;
  // Given up while it was signed: it stays here.
  signal.throwIfAborted();
  if (spec.onLeaving?.() === false) throw new GivenUp('held', 'The send was held back.');
  attempt.left = true;
  const leftAt = providerClock.mark();
  const response = await spec.fetch.send(request);
  signal.throwIfAborted();
  attempt.answered = true;
  providerClock.hear(response.headers.get('date'), leftAt);
  // Within the attempt's time: a body cut short, dripping or too long is a lost answer.
  const bytes = await attempt.read(response);
  signal.throwIfAborted();
  const text = decoder.decode(bytes);
  const { status, statusText, headers, url } = response;
  const genuine = adapter.verify === undefined || (await adapter.verify({ send: send.encoded, status, headers, text }));
  return {
    type: 'answered',
    answer: { status, statusText, headers, url, bytes },
    body: genuine ? parse(text) : undefined,
  };
}

/** What an exchange without an answer proves. */
function lostBy(error: unknown, { left, answered }: Attempt, sendsOnce: boolean): WireResult {
  const { evidence, code } =
    error instanceof GivenUp
      ? { evidence: 'maybe-sent' as const, code: error.code }
      : evidenceOf(error, left ? 'network/unknown' : 'unsigned');
  const mayBeSent = answered || (left && (!sendsOnce || evidence === 'maybe-sent'));
  return { type: 'lost', evidence: mayBeSent ? 'maybe-sent' : 'not-sent', code, error: withoutQuotes(error) };
}

/** A send with everything of it that is written or signed. */
interface Signed {
  readonly encoded: EncodedSend;
  readonly url: string;
  readonly contentType: string | undefined;
  readonly headers: readonly (readonly [string, string])[];
}

/** Everything is signed afresh for each send; reference, key and business fields stay the same. */
async function signed(adapter: Adapter, spec: WireRequest, context: SendContext): Promise<Signed> {
  const { operation, encoding } = spec;
  const { unsent = [] } = operation;
  // A copy: what `body` may do to it must not come with the next send. What it gives back may not be sent either.
  const fields = without(adapter.body({ ...without(spec.fields, unsent) }, context), unsent);
  const { method, url, path, body, contentType } = encode(adapter, operation, fields, encoding);
  const encoded: EncodedSend = { ...context, method, path, fields, body };
  const key = keyHeader(adapter, operation, context);
  const headers = Object.entries(await adapter.headers(encoded));
  if (key !== undefined) headers.push(key);
  const values = new Map<string, string>();
  for (const [name, value] of headers) {
    const lower = name.toLowerCase();
    if ((values.get(lower) ?? value) !== value)
      throw new InputError(
        `${adapter.name} ${operation.name}: the adapter’s headers name another ${name} than the send’s idempotency key.`,
      );
    values.set(lower, value);
  }
  return { encoded, url, contentType, headers };
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** @param others the request's headers as the user's client made them */
function requestOf(
  { encoded: { method, body, signal }, url, contentType, headers: own }: Signed,
  others: Headers,
): Request {
  const hasBody = method !== 'GET';
  const bytes = encoder.encode(body);
  // A redirected write could be repeated elsewhere, and a signature be handed over: a 3xx is an answer like any other.
  const init: RequestInit = { method, headers: others, signal, redirect: 'manual', ...withoutCredentials };
  const request = new Request(url, hasBody ? { ...init, ...once(bytes) } : init);
  const { headers } = request;
  if (hasBody) headers.set('content-length', String(bytes.byteLength));
  else headers.delete('content-length');
  if (contentType === undefined) headers.delete('content-type');
  else headers.set('content-type', contentType);
  for (const [name, value] of own) headers.set(name, value);
  return request;
}

/**
 * A body that can be read once: `fetch` keeps a text or bytes, and after an HTTP 421 sends them again by itself. Its
 * length is known all the same, and goes with it as `content-length`: gateways that read forms dislike chunks.
 */
const once = (bytes: Uint8Array): RequestInit & { duplex: 'half' } => ({
  body: new ReadableStream({
    start(controller) {
      if (bytes.byteLength > 0) controller.enqueue(bytes);
      controller.close();
    },
  }),
  duplex: 'half',
});

/**
 * Nothing here is for a cookie jar; and to a 401 with a body that can be read once, the `fetch` of Node 24.14 and 24.15
 * gives no answer but fails, unless it is told so (https://github.com/nodejs/undici/issues/5018). Where a `Request` has
 * no such option, it must not be named.
 */
const withoutCredentials: RequestInit = 'credentials' in Request.prototype ? { credentials: 'omit' } : {};

/** A declared idempotency key goes with every send of the write, or nothing does. */
function keyHeader(
  adapter: Adapter,
  operation: Operation,
  { idempotencyKey: key }: SendContext,
): [string, string] | undefined {
  const declared = isWrite(operation) ? operation.idempotencyKey : undefined;
  if (declared === undefined) return undefined;
  const who = `${adapter.name} ${operation.name}`;
  if (key === undefined) throw new InputError(`${who} is sent with an idempotency key only, and this send has none.`);
  if (declared.header === undefined) return undefined;
  // Whatever else would be changed or refused on its way, and be another key then.
  if (!/^[!-~](?:[ -~]*[!-~])?$/.test(key))
    throw new InputError(`${who}: idempotencyKey travels in a header and must be plain ASCII.`);
  return [declared.header, key];
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
