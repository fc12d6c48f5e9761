/** A gateway that is down fails once or twice in a row; a form of request that it does not take always fails. */
const MOST_FAILURES = 3;
const FIRST_OFF_MS = 30_000;
const LONGEST_OFF_MS = 10 * 60_000;

/** Whether one query is asked for many orders at once: not for a while, where that keeps failing. */
export class BatchSwitch {
  readonly #nowMs: () => number;
  readonly #onOff: (code: string, forMs: number) => void;
  #failures = 0;
  #offUntilMs = -Infinity;
  #forMs = 0;

  constructor(nowMs: () => number, onOff: (code: string, forMs: number) => void) {
    this.#nowMs = nowMs;
    this.#onOff = onOff;
  }

  get isOff(): boolean {
    return this.#nowMs() < this.#offUntilMs;
  }

  succeeded(): void {
    this.#failures = 0;
    this.#forMs = 0;
  }

  /** It told of no order. */
  failed(code: string): void {
    this.#failures++;
    if (this.#failures >= MOST_FAILURES)
      this.turnOff(code, Math.min(LONGEST_OFF_MS, Math.max(FIRST_OFF_MS, 2 * this.#forMs)));
  }

  /** Others that were on the wire at the same time change nothing any more. */
  turnOff(code: string, forMs: number = LONGEST_OFF_MS): void {
    if (this.isOff) return;
    this.#forMs = forMs;
    this.#offUntilMs = this.#nowMs() + forMs;
    this.#onOff(code, forMs);
  }
}
