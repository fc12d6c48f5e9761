import type { SettledWithin } from '../policies/settle-mix.ts';

/** The most recent samples of one group: a ring of two numbers each. */
export class Samples {
  readonly #after: Float64Array;
  readonly #by: Float64Array;
  #added = 0;
  /** What was added before this counts no more. */
  #from = 0;

  constructor(keep: number) {
    this.#after = new Float64Array(keep);
    this.#by = new Float64Array(keep);
  }

  get count(): number {
    return Math.min(this.#after.length, this.#added - this.#from);
  }

  /** How many there ever were. */
  get added(): number {
    return this.#added;
  }

  add({ afterMs, byMs }: SettledWithin): void {
    const at = this.#added % this.#after.length;
    this.#after[at] = afterMs;
    this.#by[at] = byMs;
    this.#added++;
  }

  /** The latest, the oldest of them first. */
  latest(most: number = this.count): SettledWithin[] {
    const count = Math.min(most, this.count);
    return Array.from({ length: count }, (_, index) => {
      const at = (this.#added - count + index) % this.#after.length;
      return { afterMs: this.#after[at] ?? 0, byMs: this.#by[at] ?? 0 };
    });
  }

  /** Forgets all but the latest. */
  keepLatest(count: number): void {
    this.#from = Math.max(this.#from, this.#added - count);
  }
}
