import type { Moment } from './core/decide.ts';

/**
 * The one door through which time and chance enter, so that tests run on a manual clock and a durable engine on its
 * own.
 */
export interface Clock {
  /** Milliseconds since the epoch: the wall clock, which may be set forward or back. */
  now(): number;
  /**
   * Milliseconds from any start, which only ever grow, as time passes; they may stand still while the machine sleeps.
   * Waits and deadlines are counted by it. Default: `now()`, for a clock that is never set.
   */
  monotonicMs?(): number;
  /** A number in [0, 1). */
  random(): number;
  /** Calls back once after `delayMs`; the returned function cancels. */
  timer(delayMs: number, callback: () => void): () => void;
}

/** Timers above this fire at once in every JavaScript runtime. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The machine's clock. The globals are looked up at each call, so that fake timers installed later are obeyed. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  random: () => Math.random(),
  timer(delayMs, callback) {
    if (delayMs > LONGEST_TIMER_MS) return longTimer(delayMs, callback);
    // As many wait as there are open payments: nothing is held but what is needed.
    const handle = setTimeout(callback, delayMs);
    return () => clearTimeout(handle);
  },
};

/** Timers for work in the background, under the names pg-boss calls them by: none of them keeps a process alive. */
export const backgroundTimers: {
  now(): number;
  setTimeout(callback: () => void, delayMs: number): unknown;
  setInterval(callback: () => void, everyMs: number): unknown;
  clearTimeout(timer: unknown): void;
  clearInterval(timer: unknown): void;
} = {
  now: () => Date.now(),
  setTimeout: (callback, delayMs) => inBackground(setTimeout(callback, delayMs)),
  setInterval: (callback, everyMs) => inBackground(setInterval(callback, everyMs)),
  clearTimeout: timer => clearTimeout(timer as Timer),
  clearInterval: timer => clearInterval(timer as Timer),
};

type Timer = ReturnType<typeof setTimeout>;

/** Where timers are numbers, nothing waits for them anyway. */
function inBackground(timer: unknown): unknown {
  if (typeof timer === 'object' && timer !== null && 'unref' in timer) (timer as { unref(): unknown }).unref();
  return timer;
}

function longTimer(delayMs: number, callback: () => void): () => void {
  let handle: ReturnType<typeof setTimeout>;
  const arm = (leftMs: number): void => {
    handle = setTimeout(
      () => (leftMs > LONGEST_TIMER_MS ? arm(leftMs - LONGEST_TIMER_MS) : callback()),
      Math.min(leftMs, LONGEST_TIMER_MS),
    );
  };
  arm(delayMs);
  return () => clearTimeout(handle);
}

/** What is used of a runtime that has it. It is no time, so that fake timers that are installed later leave it alone. */
const setImmediate = /* @__PURE__ */ Reflect.get(globalThis, 'setImmediate') as
  | ((callback: () => void) => unknown)
  | undefined;

/** Resolves once all that is ready now has run. */
export const soon = (): Promise<void> =>
  new Promise(resolve => {
    if (setImmediate === undefined) setTimeout(resolve, 0);
    else setImmediate(resolve);
  });

export function momentOf(clock: Clock, time: () => number = () => clock.now()): Moment {
  return { nowMs: time(), wallMs: clock.now(), chance: clock.random() };
}

/** The time of a call that begins now: no step of the wall clock moves it. */
export function callTime(clock: Clock): () => number {
  const startedAtMs = clock.now();
  const fromMs = monotonicOf(clock);
  return () => startedAtMs + Math.round(monotonicOf(clock) - fromMs);
}

/** A call of the user's: its time, and when it began. */
export interface Call {
  readonly nowMs: () => number;
  readonly startedAtMs: number;
}

export function beginCall(clock: Clock): Call {
  const nowMs = callTime(clock);
  return { nowMs, startedAtMs: nowMs() };
}

/** Milliseconds that only ever grow, from any start. */
export const monotonicOf = (clock: Clock): number => clock.monotonicMs?.() ?? clock.now();

/** Who waits for the abort of a signal, through its one listener. */
class Waiting {
  readonly #signal: AbortSignal;
  readonly #callbacks = new Set<() => void>();
  readonly #onAbort = (): void => {
    for (const callback of this.#callbacks) {
      callback();
      this.delete(callback);
    }
  };

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener('abort', this.#onAbort);
  }

  add(callback: () => void): void {
    this.#callbacks.add(callback);
  }

  delete(callback: () => void): void {
    if (!this.#callbacks.delete(callback) || this.#callbacks.size > 0) return;
    // Nothing is left behind on a signal that outlives all who wait.
    this.#signal.removeEventListener('abort', this.#onAbort);
    waiting.delete(this.#signal);
  }
}

const waiting = new WeakMap<AbortSignal, Waiting>();

/**
 * Calls back once when the signal aborts; the returned function ends that. Each caller passes a function of its own,
 * which does not throw.
 *
 * A hundred thousand callers may share one signal, and a signal looks through all of its listeners whenever one comes
 * or goes: so it has one of ours, however many wait.
 */
export function whenAborted(signal: AbortSignal, callback: () => void): () => void {
  const known = waiting.get(signal);
  const all = known ?? new Waiting(signal);
  if (known === undefined) waiting.set(signal, all);
  all.add(callback);
  return () => all.delete(callback);
}

/** Settles as `promise` does, unless the signal aborts first. Leaves no listener behind. */
export function orAbort<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      promise.catch(() => undefined);
      return reject(signal.reason);
    }
    const forget = whenAborted(signal, () => reject(signal.reason));
    const settling =
      <V>(settle: (value: V) => void) =>
      (value: V): void => {
        forget();
        settle(value);
      };
    promise.then(settling(resolve), settling(reject));
  });
}

/**
 * The abort reason of what is no longer needed. One for all: by default every `abort()` makes an error with a stack,
 * which is never read.
 */
export const noLongerNeeded: DOMException = new DOMException('It is no longer needed.', 'AbortError');

/** A new idempotency key: UUID v4. */
export const newKey = (): string => crypto.randomUUID();

/** A key that this process alone knows, for digests that are compared only here. */
export const newSecret = (): Uint8Array => crypto.getRandomValues(new Uint8Array(32));

/** 18 digits that name one send: 13 of time and 5 of chance. */
export function newSendId(clock: Clock): string {
  return `${Math.floor(clock.now())}`.padStart(13, '0') + `${Math.floor(clock.random() * 100_000)}`.padStart(5, '0');
}
