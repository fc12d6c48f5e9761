import { monotonicOf, type Clock } from '../clock.ts';

/** Of an account: how many requests its gateway takes. */
export interface RateLimits {
  /** In any second. Default: no limit. */
  readonly perSecond?: number;
  /** In any minute. Default: no limit. */
  readonly perMinute?: number;
}

/** How far an exchange has come. */
export interface Progress {
  /** Its first byte is about to leave. */
  left(): void;
  /** Its answer begins to come. */
  answered(): void;
}

/** Of a minute's permits, so much is kept for payers at the till: else a burst of queries would have them wait a minute. */
const KEPT_FOR_THE_TILL = 0.25;

/** What old payments and workers ask has its part of a minute's permits in spans of this. */
const PACED_OVER_MS = 10_000;

/** `all`: also what is kept for payers at the till. `paced`: the rest, spread over the minute. */
export type Share = 'all' | 'rest' | 'paced';

interface Window {
  readonly lengthMs: number;
  readonly most: Readonly<Record<Share, number>>;
}

function windowsOf({ perSecond = Infinity, perMinute = Infinity }: RateLimits): readonly Window[] {
  const rest = perMinute === Infinity ? Infinity : perMinute - Math.floor(perMinute * KEPT_FOR_THE_TILL);
  const paced = Math.ceil((rest * PACED_OVER_MS) / 60_000);
  const windows: readonly Window[] = [
    { lengthMs: 1000, most: { all: perSecond, rest: perSecond, paced: perSecond } },
    { lengthMs: PACED_OVER_MS, most: { all: Infinity, rest: Infinity, paced } },
    { lengthMs: 60_000, most: { all: perMinute, rest, paced: rest } },
  ];
  return windows.filter(({ most }) => most.paced < Infinity);
}

/** What is not answered by then is taken for received: a gateway that hangs does not keep permits. */
const RECEIVED_WITHIN_MS = 1000;

/**
 * Permits for one exchange each, so that a gateway never receives more than it takes.
 *
 * It counts a request when that arrives: at any time from the first byte to the answer, since connections differ. So a
 * permit is used until the answer, and for a second, or a minute, from then on.
 */
export class Rate {
  readonly #clock: Clock;
  readonly #onChange: () => void;
  readonly #windows: readonly Window[];
  /** Those that have a permit, and have not left. */
  #waiting = 0;
  /** When those that left were received at the latest, in order. */
  #receivedMs: number[] = [];
  #forgetAt = 16;

  /** @param onChange called when a permit may be had sooner than was said before */
  constructor(limits: RateLimits, clock: Clock, onChange: () => void) {
    this.#clock = clock;
    this.#onChange = onChange;
    this.#windows = windowsOf(limits);
  }

  /** When the next permit is to be had, by the monotonic clock. `Infinity`: not before one that has a permit has left. */
  freeAtMs(share: Share): number {
    let atMs = -Infinity;
    for (const { lengthMs, most: mostOf } of this.#windows) {
      const most = mostOf[share];
      if (most === Infinity) continue;
      if (this.#waiting >= most) return Infinity;
      // The one that must no longer count.
      const receivedMs = this.#receivedMs.at(this.#waiting - most);
      if (receivedMs !== undefined) atMs = Math.max(atMs, receivedMs + lengthMs);
    }
    return atMs;
  }

  /** @returns how it is used; `end` gives back a permit that was not */
  take(): Progress & { end(): void } {
    this.#waiting++;
    let latestMs: number | undefined;
    return {
      left: () => {
        this.#waiting--;
        const nowMs = monotonicOf(this.#clock);
        latestMs = nowMs + RECEIVED_WITHIN_MS;
        this.#receivedMs.push(latestMs);
        this.#forget(nowMs);
        this.#onChange();
      },
      answered: () => {
        const nowMs = monotonicOf(this.#clock);
        if (latestMs === undefined || latestMs <= nowMs) return;
        this.#receivedMs.splice(this.#receivedMs.lastIndexOf(latestMs), 1);
        this.#receivedMs.splice(this.#receivedMs.findLastIndex(atMs => atMs <= nowMs) + 1, 0, nowMs);
        this.#onChange();
      },
      end: () => {
        if (latestMs === undefined) this.#waiting--;
      },
    };
  }

  /** Now and then, and not each time. */
  #forget(nowMs: number): void {
    if (this.#receivedMs.length < this.#forgetAt) return;
    const longestMs = Math.max(...this.#windows.map(({ lengthMs }) => lengthMs));
    this.#receivedMs = this.#receivedMs.filter(atMs => atMs > nowMs - longestMs);
    this.#forgetAt = 2 * this.#receivedMs.length + 16;
  }
}
