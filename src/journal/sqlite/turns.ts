import { systemClock } from '../../clock.ts';

/** One at a time, and first come, first served. */
export class Turns {
  #isTaken = false;
  readonly #waiting = new Set<() => void>();

  /** Whether the turn was free, and is the caller's now. */
  takeNow(): boolean {
    if (this.#isTaken) return false;
    this.#isTaken = true;
    return true;
  }

  /** Resolves when the turn is the caller's. @returns whether it is: `false` when it was not within `limitMs` */
  take(limitMs: number = Number.POSITIVE_INFINITY): Promise<boolean> {
    if (this.takeNow()) return Promise.resolve(true);
    return new Promise(resolve => {
      const begin = (): void => {
        cancel();
        resolve(true);
      };
      const giveUp = (): void => {
        this.#waiting.delete(begin);
        resolve(false);
      };
      const cancel = limitMs === Number.POSITIVE_INFINITY ? () => undefined : systemClock.timer(limitMs, giveUp);
      this.#waiting.add(begin);
    });
  }

  /** Whose turn it was has done; the next begins. */
  pass(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#isTaken = false;
      return;
    }
    this.#waiting.delete(next);
    next();
  }
}
