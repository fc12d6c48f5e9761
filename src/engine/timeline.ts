import type { Clock } from '../clock.ts';
import type { TimelineEntry, TimelineFact } from '../core/settlement.ts';
import type { Ticket } from '../core/ticket.ts';
import type { Verdict } from '../core/verdict.ts';

/** Who is informed of each line as it is written. */
export interface Reporter {
  /** Nobody listens: then no line is spelt out. */
  readonly isListening: () => boolean;
  readonly report: (entry: TimelineEntry, ticket: Ticket) => void;
}

interface Line {
  readonly atMs: number;
  readonly elapsedMs: number;
  readonly fact: TimelineFact;
}

const entryOf = ({ atMs, elapsedMs, fact }: Line): TimelineEntry => ({
  at: new Date(atMs).toISOString(),
  elapsedMs,
  ...fact,
});

/** The story of one payment: facts as they happen; their texts are written when somebody looks. */
export class Timeline {
  readonly #lines: Line[] = [];
  readonly #clock: Clock;
  readonly #elapsedMs: () => number;
  readonly #reporter: Reporter;

  /** @param elapsedMs milliseconds since the call began */
  constructor(clock: Clock, elapsedMs: () => number, reporter: Reporter) {
    this.#clock = clock;
    this.#elapsedMs = elapsedMs;
    this.#reporter = reporter;
  }

  /** @param ticket as it is now, for whoever listens */
  record(fact: TimelineFact, ticket: Ticket): void {
    const line = { atMs: this.#clock.now(), elapsedMs: this.#elapsedMs(), fact };
    this.#lines.push(line);
    if (this.#reporter.isListening()) this.#reporter.report(entryOf(line), ticket);
  }

  /** The lines so far, as a function: what is written later is not in it. */
  entries(): () => TimelineEntry[] {
    const lines = this.#lines;
    const count = lines.length;
    return () => lines.slice(0, count).map(entryOf);
  }

  /** What the last answer meant. */
  get lastVerdict(): Verdict | undefined {
    const last = this.#lines.findLast(({ fact }) => 'verdict' in fact)?.fact;
    return last !== undefined && 'verdict' in last ? last.verdict : undefined;
  }
}
