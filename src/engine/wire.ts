import { monotonicOf, noLongerNeeded, type Clock } from '../clock.ts';
import { withoutQuotes } from '../core/conceal.ts';
import { isInputError } from '../core/errors.ts';
import type { Evidence } from '../core/settlement.ts';
import type { Adapter, SendContext } from '../kit/adapter.ts';
import { only } from '../kit/fields.ts';
import { readAll, stopReading } from '../kit/read-up-to.ts';
import type { BaseFetch } from './base-fetch.ts';
import { evidenceOf } from './evidence.ts';
import { retryAfterMs } from '../policies/retry-after.ts';
import type { Limiter } from './limiter.ts';
import type { Urgency } from './line.ts';
import type { Progress } from './rate.ts';
import type { ProviderClock } from './provider-clock.ts';
import { requestOf, sign, type ToSend } from './signed-send.ts';

/** One exchange on the wire: slot, signature, send, and the whole answer read once. */
export interface WireRequest extends ToSend {
  /** Those of the request as the user's client made it; nothing else of it travels. */
  readonly headers: Headers;
  /** The client's, with the options only it knows (a dispatcher). */
  readonly fetch: BaseFetch;
  readonly timeoutMs: number;
  readonly urgency: Urgency;
  /**
   * How long the caller can wait: a write that has not begun by then is not sent, and a query has ended by then. Default:
   * as long as it takes.
   */
  readonly patienceMs?: number;
  /** The caller's: when it aborts, so does the exchange, with the signal's reason. */
  readonly signal: AbortSignal;
  readonly context: Omit<SendContext, 'operation' | 'unsent' | 'nowMs' | 'fetch' | 'signal'>;
  /**
   * Called when the first byte is about to leave; `false` holds it back: it is lost, not sent, with the code `held`. What
   * it resolves to is acted on at once.
   */
  readonly onLeaving?: () => boolean | Promise<boolean>;
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
  /** No answer keeps queries back for longer than this. */
  readonly maxRetryAfterMs: number;
}

export function createWire(options: WireOptions): Wire {
  const { limiter, clock } = options;
  return spec => {
    const { operation, urgency, signal, timeoutMs, patienceMs = Infinity } = spec;
    const sinceMs = patienceMs === Infinity ? 0 : monotonicOf(clock);
    const turn = { lane: operation.effect, urgency, signal, patienceMs };
    const begin = (progress: Progress): Promise<WireResult> => {
      const endsHere = operation.effect === 'read' && patienceMs !== Infinity;
      const leftMs = endsHere ? patienceMs - (monotonicOf(clock) - sinceMs) : Infinity;
      // Timers are late on a busy machine: its turn and the end of its time came at once.
      if (leftMs <= 0) return Promise.resolve(outOfPatience());
      return exchange(options, spec, new Attempt(clock, signal, Math.min(timeoutMs, leftMs), progress));
    };
    return limiter.run(turn, begin, outOfPatience);
  };
}

/** Its turn did not come in time. */
const outOfPatience = (): WireResult => ({
  type: 'lost',
  evidence: 'not-sent',
  code: 'limit',
  error: new Error('Its turn within policy.limit did not come in time.'),
});

/** The slot is had, and the attempt's time counts. */
async function exchange(options: WireOptions, spec: WireRequest, attempt: Attempt): Promise<WireResult> {
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
  /** Held as long as the attempt: with a `Request`, Node lets go of its signal too, and then no abort would reach it. */
  request: Request | undefined;
  readonly #controller = new AbortController();
  readonly #caller: AbortSignal;
  readonly #onAbort: () => void;
  readonly #stopTimer: () => void;
  readonly #progress: Progress;
  #left = false;
  #answered = false;
  #reject: ((reason: unknown) => void) | undefined;
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;

  constructor(clock: Clock, signal: AbortSignal, timeoutMs: number, progress: Progress) {
    this.#caller = signal;
    this.#progress = progress;
    this.#onAbort = (): void => this.giveUp(signal.reason);
    signal.addEventListener('abort', this.#onAbort);
    this.#stopTimer = clock.timer(timeoutMs, () => this.giveUp(new GivenUp('timeout', 'The attempt took too long.')));
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Bytes may have left. */
  get left(): boolean {
    return this.#left;
  }

  leave(): void {
    this.#left = true;
    this.#progress.left();
  }

  get answered(): boolean {
    return this.#answered;
  }

  answer(): void {
    this.#answered = true;
    this.#progress.answered();
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
  { adapter, clock, providerClock, limiter, maxRetryAfterMs }: WireOptions,
  spec: WireRequest,
  attempt: Attempt,
): Promise<WireResult> {
  const { signal } = attempt;
  const send = await sign(adapter, spec, {
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
  const leaving = spec.onLeaving?.();
  const mayLeave = leaving instanceof Promise ? await leaving : leaving;
  if (mayLeave === false) throw new GivenUp('held', 'The send was held back.');
  // Given up by who heard that it is about to leave.
  signal.throwIfAborted();
  attempt.leave();
  const leftAt = providerClock.mark();
  const response = await spec.fetch.send(request);
  signal.throwIfAborted();
  attempt.answer();
  providerClock.received(response.headers.get('date'), leftAt);
  // It is of the account: the other payments need not each be told. What a write is told says nothing about queries.
  const isLimited = response.status === 429 && spec.operation.effect === 'read';
  const restMs = isLimited ? retryAfterMs(response.headers, clock.now()) : undefined;
  if (restMs !== undefined) limiter.holdQueries(Math.min(restMs, maxRetryAfterMs));
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

const decoder = new TextDecoder();

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
  const response = new Response(bodiless.has(status) ? null : bytes, {
    status: status >= 200 && status <= 599 ? status : 599,
    statusText: statusText.replaceAll(unprintableInStatus, '?'),
    headers,
  });
  Object.defineProperty(response, 'url', { value: url, enumerable: true });
  return response;
}
