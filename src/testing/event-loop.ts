/**
 * What a clock must know before it moves: can anything still run at the time it shows?
 *
 * Promises need no watching: they have all acted when a turn of the event loop ends. What else brings work is seen so:
 *
 * - Sockets, messages, finished threads: Node counts the events it has handled.
 * - Files, names, connections being opened, `setImmediate`: Node lists what is under way.
 * - Cryptography, which other threads do: the methods of `crypto.subtle` are made to count.
 * - Short pauses of libraries and tests: `setTimeout` is made to note when the last of them ends.
 */
export interface EventLoop {
  /**
   * One turn: what is ready, runs. It takes microseconds, or about a millisecond while something is under way. Resolves
   * to whether it was quiet: nothing happened in it, and nothing is under way.
   */
  turn(): Promise<boolean>;
  /** The same, of about a millisecond. */
  longTurn(): Promise<boolean>;
}

/** What a runtime may tell of itself. Node does since 22.8; elsewhere every turn is a long one. */
interface Runtime {
  readonly setImmediate?: (callback: () => void) => unknown;
  readonly process?: { getActiveResourcesInfo?(): readonly string[] };
  readonly performance: Performance & {
    readonly nodeTiming?: { readonly uvMetricsInfo?: { readonly events: number } };
  };
}

/** As they are, whatever fakes are put in their places later. */
const { setImmediate, process, performance }: Runtime = globalThis;
const { setTimeout } = globalThis;
const nowMs: () => number = performance.now.bind(performance);

/**
 * A machine's timer of up to this length is a pause, and time stands still until it ends. A longer one is a time-out,
 * which may never come.
 */
const LONGEST_PAUSE_MS = 100;

/** What is under way, for all clocks together. */
interface Work {
  cryptography: number;
  /** Resolves when some of it ends. */
  end: PromiseWithResolvers<void>;
  /** When the last pause ends, in real time. */
  pausedUntilMs: number;
  /** Clocks that wait for the next turn, which is nobody's work. */
  watching: number;
  /** The one that notes nothing. */
  readonly setTimeout: typeof setTimeout;
}

/** Where it is kept, should there be two copies of this module. */
const key = Symbol.for('tillpaid.testing.work');

/** Watches from now on. */
export function watchEventLoop(): EventLoop {
  const work = (Reflect.get(globalThis, key) as Work | undefined) ?? countWork();
  // A fake is left alone: nothing waits for it in real time.
  if (globalThis.setTimeout === work.setTimeout) notePauses(work);
  let events = eventsHandled();

  const millisecond = (): Promise<void> => new Promise(resolve => void work.setTimeout(resolve, 0));
  const immediate = (): Promise<void> =>
    new Promise(resolve => {
      work.watching++;
      setImmediate?.(() => {
        work.watching--;
        resolve();
      });
    });
  const wasQuiet = (): boolean => {
    const before = events;
    events = eventsHandled();
    return events === before && !isBusy(work);
  };

  return {
    async turn() {
      if (events === undefined) await millisecond();
      else {
        if (isBusy(work)) await Promise.race([work.end.promise, millisecond()]);
        await immediate();
      }
      return wasQuiet();
    },
    async longTurn() {
      await millisecond();
      return wasQuiet();
    },
  };
}

/** Sockets that had something, messages that came, threads that were done: so many times since the process began. */
const eventsHandled = (): number | undefined => performance.nodeTiming?.uvMetricsInfo?.events;

/** What Node calls that which is begun once and ends. A socket may stay open for good, and says nothing. */
const endsByItself: ReadonlySet<string> = new Set([
  'FSReqCallback',
  'FSReqPromise',
  'CloseReq',
  'GetAddrInfoReqWrap',
  'GetNameInfoReqWrap',
  'TCPConnectWrap',
  'PipeConnectWrap',
]);

function isBusy(work: Work): boolean {
  if (work.cryptography > 0 || nowMs() <= work.pausedUntilMs) return true;
  let immediates = 0;
  for (const resource of process?.getActiveResourcesInfo?.() ?? []) {
    if (resource === 'Immediate') immediates++;
    else if (endsByItself.has(resource)) return true;
  }
  return immediates > work.watching;
}

function countWork(): Work {
  const work: Work = {
    cryptography: 0,
    end: Promise.withResolvers(),
    pausedUntilMs: -Infinity,
    watching: 0,
    setTimeout,
  };
  countCryptography(work);
  Object.defineProperty(globalThis, key, { value: work });
  return work;
}

type Callable = (...given: unknown[]) => unknown;

/** `crypto.subtle` gets methods that count and otherwise do what they did. */
function countCryptography(work: Work): void {
  const { subtle } = crypto;
  const prototype: unknown = Object.getPrototypeOf(subtle);
  const end = (): void => {
    work.cryptography--;
    work.end.resolve();
    work.end = Promise.withResolvers();
  };
  for (const name of Object.getOwnPropertyNames(prototype)) {
    const method: unknown = Reflect.get(subtle, name);
    if (name === 'constructor' || typeof method !== 'function') continue;
    const counted: Callable = (...given) => {
      const result: unknown = Reflect.apply(method, subtle, given);
      if (result instanceof Promise) {
        work.cryptography++;
        result.then(end, end);
      }
      return result;
    };
    Object.defineProperty(subtle, name, { value: counted, configurable: true, writable: true });
  }
}

/** `setTimeout` notes when the pause will be over, and otherwise does what it did. */
function notePauses(work: Work): void {
  const noting: Callable = (...given) => {
    // Nothing, or no number, is the shortest there is: a millisecond.
    const delayMs = Math.max(Number(given[1] ?? 0) || 0, 1);
    if (delayMs <= LONGEST_PAUSE_MS) work.pausedUntilMs = Math.max(work.pausedUntilMs, nowMs() + delayMs);
    return Reflect.apply(work.setTimeout, globalThis, given);
  };
  Object.defineProperties(noting, Object.getOwnPropertyDescriptors(work.setTimeout));
  Object.defineProperty(globalThis, 'setTimeout', { value: noting, configurable: true, writable: true });
}
