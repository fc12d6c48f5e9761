import type { Clock } from '../clock.ts';
import type { LostEntry, SettledEntry, StoppedEntry } from '../core/events.ts';
import type { TimelineEntry, TimelineFact } from '../core/settlement.ts';
import type { Ticket } from '../core/ticket.ts';
import type { Verdict } from '../core/verdict.ts';

/** Is called with each line as it is written. */
export type Listener = (entry: TimelineEntry) => unknown;

/** Who tells: one call. What is not there is made when somebody listens. */
export interface Teller {
  readonly follows: boolean;
  call?: number;
  correlationId?: string;
}

/** What an event says beside the line of the timeline. */
export type Details = Omit<SettledEntry, keyof Extract<TimelineEntry, { type: 'settled' }>> | Pick<LostEntry, 'error'>;

/** Informs of each line as it is written: the gateway's own listener, and those of the payment's callers. */
export interface Reporter {
  /** Whether the gateway listens to every payment: else a line that no caller wants is not spelt out. */
  readonly listens: boolean;
  readonly report: (
    entry: TimelineEntry | StoppedEntry,
    ticket: Ticket,
    teller: Teller | undefined,
    details: (() => Details) | undefined,
  ) => void;
  readonly tell: (entry: TimelineEntry, listeners: Iterable<Listener>) => void;
  /** Runs an exchange in the contexts of those who listen. `undefined`: nobody has one. */
  readonly enclose:
    | (<T>(type: ExchangeType, ticket: Ticket, teller: Teller | undefined, run: () => T) => T)
    | undefined;
}

export type ExchangeType = 'send' | 'ask' | 'cancel';

/** A payment may be asked about for days: of its story the begin is kept, and what came last. */
const FIRST_LINES = 100;
const LAST_LINES = 200;
const MOST_LINES = FIRST_LINES + LAST_LINES;

/** The story of one payment: facts as they happen; their texts are written when they are read. */
export class Timeline {
  #facts: TimelineFact[] = [];
  /** Of each fact when it was, by the wall clock and since the call began: two numbers after one another. */
  #times: number[] = [];
  /** How many were let go, after the first ones. */
  #leftOut = 0;
  readonly #clock: Clock;
  readonly #reporter: Reporter;
  /** `undefined`: the call has ended, and what comes late, such as a ticket store's failure, is of none. */
  #teller: Teller | undefined;
  #listeners: Set<Listener> | undefined;

  constructor(clock: Clock, reporter: Reporter, follows = false) {
    this.#clock = clock;
    this.#reporter = reporter;
    this.#teller = { follows };
  }

  /** One more listener, from now on; the returned function ends that. */
  listen(listener: Listener): () => void {
    const listeners = (this.#listeners ??= new Set());
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  /**
   * @param elapsedMs since the call began
   * @param ticket as it is now, for the listeners
   * @param details what the gateway's listeners are told beside
   */
  record(fact: TimelineFact, elapsedMs: number, ticket: Ticket, details?: () => Details): void {
    const atMs = this.#clock.now();
    this.#facts.push(fact);
    this.#times.push(atMs, elapsedMs);
    if (this.#facts.length >= MOST_LINES + LAST_LINES) this.#shorten();
    const { listens } = this.#reporter;
    const listeners = this.#listeners;
    const teller = this.#teller;
    if (fact.type === 'settled') this.#teller = undefined;
    if (!listens && (listeners === undefined || listeners.size === 0)) return;
    const entry = entryOf(fact, atMs, elapsedMs);
    if (listens) this.#reporter.report(entry, ticket, teller, details);
    if (listeners !== undefined) this.#reporter.tell(entry, listeners);
  }

  /** For the gateway's listeners alone: the call has ended, and the payment has not. */
  stopped(why: () => Pick<StoppedEntry, 'why' | 'error'>, elapsedMs: number, ticket: Ticket): void {
    const teller = this.#teller;
    this.#teller = undefined;
    if (!this.#reporter.listens) return;
    const at = new Date(this.#clock.now()).toISOString();
    this.#reporter.report({ type: 'stopped', at, elapsedMs, ...why() }, ticket, teller, undefined);
  }

  /** Runs an exchange in the contexts of those who listen. */
  enclose<T>(type: ExchangeType, ticket: Ticket, run: () => T): T {
    const { enclose } = this.#reporter;
    return enclose === undefined ? run() : enclose(type, ticket, this.#teller, run);
  }

  /** New lists: whoever has a story that was written before keeps it. */
  #shorten(): void {
    const facts = this.#facts;
    this.#leftOut += facts.length - MOST_LINES;
    this.#facts = [...facts.slice(0, FIRST_LINES), ...facts.slice(-LAST_LINES)];
    this.#times = [...this.#times.slice(0, 2 * FIRST_LINES), ...this.#times.slice(-2 * LAST_LINES)];
  }

  /** The lines so far, as a function: what is written later is not in it. */
  entries(): () => TimelineEntry[] {
    const facts = this.#facts;
    const times = this.#times;
    const count = facts.length;
    const linesFrom = (from: number, to: number): TimelineEntry[] =>
      facts.slice(from, to).map((fact, at) => entryOf(fact, times[2 * (from + at)], times[2 * (from + at) + 1]));
    // The list itself is shortened only now and then.
    const lines = this.#leftOut + Math.max(0, count - MOST_LINES);
    return () => {
      if (lines === 0) return linesFrom(0, count);
      const [first, last] = [linesFrom(0, FIRST_LINES), linesFrom(count - LAST_LINES, count)];
      const { at, elapsedMs } = last[0] ?? entryOf({ type: 'left-out', lines });
      return [...first, { at, elapsedMs, type: 'left-out', lines }, ...last];
    };
  }

  /** What the last answer meant. */
  get lastVerdict(): Verdict | undefined {
    const last = this.#facts.findLast(fact => 'verdict' in fact);
    return last !== undefined && 'verdict' in last ? last.verdict : undefined;
  }
}

const entryOf = (fact: TimelineFact, atMs = 0, elapsedMs = 0): TimelineEntry => ({
  at: new Date(atMs).toISOString(),
  elapsedMs,
  ...fact,
});
