import type { Adapter } from '../../src/index.ts';
import { retryAfterMs } from '../../src/policies/retry-after.ts';

/** What the merchant's code is busy with: one call of tillpaid. */
export interface Watch {
  readonly name: string;
  /** What is open is asked about before it is sent again. */
  readonly asksFirst: boolean;
  /** The most sends of the write it may make. */
  readonly mostSends: number;
  readonly beganAtMs: number;
  /** When polling must end; a process that slept may find itself past it. */
  readonly deadlineMs: number;
  sends: number;
  asks: number;
  /** Asks past the deadline. */
  lateAsks: number;
  /** When the payment was canceled at its deadline. */
  canceledAtMs: number;
  /** No request before this: the gateway said so. */
  notBeforeMs: number;
  /** When it asked last, or sent. */
  lastAtMs: number;
  lastAskAtMs: number;
  /** The longest it was quiet after it had sent or asked, beyond what the gateway asked for. */
  longestQuietMs: number;
  /** The longest `Retry-After` it was told. */
  longestRetryAfterMs: number;
}

/** The wire between tillpaid and the gateway, where everything that leaves is seen. */
export interface Line {
  readonly fetch: typeof fetch;
  /** What leaves from now on is this call's. */
  watch(name: string, mostSends: number, deadlineMs: number, asksFirst: boolean): Watch;
  /** From now on nothing may leave: it is settled, or the caller has left. */
  end(why: 'it was settled' | 'the caller had left'): void;
  /** Meanwhile a webhook is being received, about which the gateway may be asked. */
  receiving<T>(work: Promise<T>): Promise<T>;
  /** A webhook is being received. */
  readonly isReceiving: boolean;
  /** How many requests have left, in all, and how many of them were sends of the write. */
  readonly requests: number;
  readonly sends: number;
  /** When the last of them left. */
  readonly sentAtMs: number;
  /**
   * A notice that needs no confirmation has said how it ended, to the gateway object that is there from now on:
   * `undefined` for a new one.
   */
  heard(outcome: string | undefined): void;
  /** The gateway wants to hear no question at all until then, of no payment of the account. */
  holds(untilMs: number): void;
  /** A question about several payments leaves, this one among them. Returns what is to be told of its answer. */
  joins(): (response: Response) => Promise<void>;
}

export type OnWire = 'send' | 'ask' | 'cancel' | 'token';

export function tapLine(options: {
  readonly adapter: Adapter;
  readonly operation: string;
  /** How long a cancel at the deadline, and its confirmation, may take. 0: there is none. */
  readonly cancelMs: number;
  /** The time that passes; and the merchant's wall clock, by which a date is read. */
  readonly now: () => number;
  readonly wallMs: () => number;
  readonly fetch: (request: Request) => Promise<Response>;
  /** A request leaves that is no token's: the gateway object counts them. */
  readonly onLeaving: () => void;
  /** What comes while the answer is on its way. */
  readonly onAnswer: (kind: OnWire) => Promise<void>;
  readonly onBreach: (
    rule:
      | 'nothingAfterTheEnd'
      | 'retryAfterIsKept'
      | 'attemptsAreKept'
      | 'cancelsAtTheDeadline'
      | 'wakesCalmly'
      | 'openIsAskedFirst'
      | 'noticesAreHeeded',
    says: string,
  ) => void;
}): Line {
  const { adapter, operation, cancelMs, now, wallMs, onBreach } = options;
  const path = pathOf(adapter, operation);
  const cancels = cancelMs === 0 ? [] : cancelsOf(adapter, operation).map(name => pathOf(adapter, name));
  const reads = Object.values(adapter.operations)
    .filter(({ effect }) => effect === 'read')
    .map(({ name }) => pathOf(adapter, name));
  let current: Watch | undefined;
  let over = 'it began';
  let endedAtMs = -Infinity;
  let heldUntilMs = -Infinity;
  let receptions = 0;
  let notices = 0;
  let sentAtMs = -Infinity;
  let heard: string | undefined;
  let requests = 0;
  let sends = 0;

  const kindOf = ({ url, method }: Request): OnWire => {
    const { pathname } = new URL(url);
    if (method !== 'GET' && path.test(pathname)) return 'send';
    if (cancels.some(cancel => cancel.test(pathname))) return 'cancel';
    return reads.some(read => read.test(pathname)) ? 'ask' : 'token';
  };

  const check = (kind: OnWire): void => {
    if (current === undefined) {
      // A webhook that contradicts what was settled is a reason to ask.
      if (receptions === 0 || kind === 'send' || kind === 'cancel')
        onBreach('nothingAfterTheEnd', `a ${kind} left after ${over}`);
      return;
    }
    noteTime(current, kind);
    if (kind === 'token') return;
    if (now() < current.notBeforeMs)
      onBreach('retryAfterIsKept', `a ${kind} left ${current.notBeforeMs - now()} ms before Retry-After had passed`);
    const isLate = now() > Math.max(current.beganAtMs + current.deadlineMs, current.canceledAtMs) + cancelMs;
    // The last question, and one more for each notice that has come.
    if (kind === 'ask' && isLate && ++current.lateAsks > 1 + Math.max(1, notices))
      onBreach('wakesCalmly', `question ${current.lateAsks} past the deadline`);
    if (kind === 'send' && (isLate || current.canceledAtMs > -Infinity) && current.sends > 0)
      onBreach('wakesCalmly', `send ${current.sends + 1} left past the deadline`);
    if (kind === 'send' && heard !== undefined)
      onBreach('noticesAreHeeded', `send ${current.sends + 1} left though a notice had said ${heard}`);
    if (kind === 'send' && current.asksFirst && current.asks === 0)
      onBreach('openIsAskedFirst', `${current.name} sent without a question`);
    if (kind === 'cancel') return checkCancel(current);
    if (kind === 'ask') current.asks++;
    else if (++current.sends > current.mostSends)
      onBreach('attemptsAreKept', `send ${current.sends} of ${current.mostSends}`);
  };

  const noteTime = (watch: Watch, kind: OnWire): void => {
    const sinceMs = Math.max(watch.lastAtMs, watch.notBeforeMs, heldUntilMs);
    if (watch.lastAtMs > -Infinity) watch.longestQuietMs = Math.max(watch.longestQuietMs, now() - sinceMs);
    watch.lastAtMs = now();
    // Where its token fails, a question goes no further.
    if (kind === 'ask' || kind === 'token') watch.lastAskAtMs = now();
  };

  /** Not before the deadline, not without a question, and not against a notice that has said how it ended. */
  const checkCancel = (watch: Watch): void => {
    watch.canceledAtMs = now();
    if (now() < watch.beganAtMs + watch.deadlineMs)
      onBreach('cancelsAtTheDeadline', `${watch.name} canceled ${now() - watch.beganAtMs} ms after it began`);
    if (watch.asks === 0) onBreach('cancelsAtTheDeadline', `${watch.name} canceled without a question`);
    if (heard !== undefined) onBreach('noticesAreHeeded', `a cancel left though a notice had said ${heard}`);
  };

  const told = (asked: Watch | undefined, response: Response): void => {
    const waitMs = retryAfterMs(response.headers, wallMs());
    if (asked === undefined || waitMs === undefined) return;
    asked.notBeforeMs = now() + waitMs;
    asked.longestRetryAfterMs = Math.max(asked.longestRetryAfterMs, waitMs);
  };

  return {
    holds(untilMs) {
      heldUntilMs = Math.max(heldUntilMs, untilMs);
    },
    joins() {
      requests++;
      // Who leaves while the others' request leaves may still be named in it.
      if (current !== undefined || now() > endedAtMs) check('ask');
      const asked = current;
      return async response => {
        await options.onAnswer('ask');
        told(asked, response);
      };
    },
    async fetch(input) {
      // tillpaid hands over nothing else, and a copy costs as much as all the rest of it.
      const request = input as Request;
      const kind = kindOf(request);
      requests++;
      if (kind === 'send') {
        sends++;
        sentAtMs = now();
      }
      check(kind);
      if (kind !== 'token') options.onLeaving();
      const asked = current;
      const response = await options.fetch(request);
      await options.onAnswer(kind);
      // A `Request` that nobody holds is collected, and its signal follows no more.
      request.signal.throwIfAborted();
      if (kind !== 'token') told(asked, response);
      return response;
    },
    watch(name, mostSends, deadlineMs, asksFirst) {
      current = {
        name,
        mostSends,
        deadlineMs,
        asksFirst,
        beganAtMs: now(),
        sends: 0,
        asks: 0,
        lateAsks: 0,
        canceledAtMs: -Infinity,
        notBeforeMs: 0,
        lastAtMs: -Infinity,
        lastAskAtMs: -Infinity,
        longestQuietMs: 0,
        longestRetryAfterMs: 0,
      };
      return current;
    },
    end(why) {
      if (current !== undefined) over = why;
      endedAtMs = now();
      current = undefined;
    },
    async receiving(work) {
      receptions++;
      notices++;
      try {
        return await work;
      } finally {
        receptions--;
      }
    },
    get isReceiving() {
      return receptions > 0;
    },
    get requests() {
      return requests;
    },
    get sends() {
      return sends;
    },
    get sentAtMs() {
      return sentAtMs;
    },
    heard(outcome) {
      heard = outcome;
    },
  };
}

/** What may cancel a payment at its deadline. */
function cancelsOf(adapter: Adapter, operation: string): string[] {
  const { follows = 'payment' } = { follows: undefined, ...adapter.operations[operation] };
  return Object.values(adapter.operations).flatMap(each =>
    'follows' in each && each.follows === 'cancel' && follows === 'payment' ? [each.name] : [],
  );
}

/** An operation's path, whatever stands for its parameters. */
function pathOf(adapter: Adapter, operation: string): RegExp {
  const path = new URL(adapter.baseUrl).pathname.replace(/\/$/, '') + (adapter.operations[operation]?.path ?? '');
  let pattern = patterns.get(path);
  if (pattern === undefined) {
    const source = path
      .replaceAll(/[.*+?^$()[\]\\]/g, String.raw`\$&`)
      .replaceAll(/\{\w+(?::([\w|]+))?\}/g, (_whole, choices?: string) => `(?:${choices ?? '[^/]+'})`);
    patterns.set(path, (pattern = new RegExp(`^${source}$`)));
  }
  return pattern;
}

/** By path: payments are many, operations few. */
const patterns = new Map<string, RegExp>();
