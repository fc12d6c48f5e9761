import type { Clock } from '../clock.ts';
import type { TimelineEntry, TimelineFact } from '../core/settlement.ts';
import type { Ticket } from '../core/ticket.ts';
import type { Verdict } from '../core/verdict.ts';

/** Is called with each line as it is written. */
export type Listener = (entry: TimelineEntry) => unknown;

/** Informs of each line as it is written: the gateway's own listener, and those of the payment's callers. */
export interface Reporter {
  /** Whether the gateway listens to every payment: else a line that no caller wants is not spelt out. */
  readonly listens: boolean;
  readonly report: (entry: TimelineEntry, ticket: Ticket, listeners: Iterable<Listener>) => void;
}

/** The story of one payment: facts as they happen; their texts are written when they are read. */
export class Timeline {
  readonly #facts: TimelineFact[] = [];
  /** Of each fact when it was, by the wall clock and since the call began: two numbers after one another. */
  readonly #times: number[] = [];
  readonly #clock: Clock;
  readonly #reporter: Reporter;
  #listeners: Set<Listener> | undefined;

  constructor(clock: Clock, reporter: Reporter) {
    this.#clock = clock;
    this.#reporter = reporter;
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
   */
  record(fact: TimelineFact, elapsedMs: number, ticket: Ticket): void {
    const atMs = this.#clock.now();
    this.#facts.push(fact);
    this.#times.push(atMs, elapsedMs);
    if (this.#reporter.listens || (this.#listeners?.size ?? 0) > 0)
      this.#reporter.report(entryOf(fact, atMs, elapsedMs), ticket, this.#listeners ?? []);
  }

  /** The lines so far, as a function: what is written later is not in it. */
  entries(): () => TimelineEntry[] {
    const facts = this.#facts;
    const times = this.#times;
    const count = facts.length;
    return () => facts.slice(0, count).map((fact, at) => entryOf(fact, times[2 * at], times[2 * at + 1]));
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
