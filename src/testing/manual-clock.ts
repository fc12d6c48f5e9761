import type { Clock } from '../clock.ts';
import { countCryptography } from './cryptography.ts';

/** A clock that stands still until a test moves it. */
export interface ManualClock extends Clock {
  monotonicMs(): number;
  /**
   * Sets the wall clock forward, or back, by so much; timers, and the monotonic clock, are not touched. A machine that
   * slept is a step forward too: all but the wall clock stood still.
   */
  stepWall(byMs: number): void;
  /** Timers that are set and have not fired: 0 when nothing was left behind. */
  readonly pending: number;
  /**
   * Moves time on at once and fires what falls due, each timer at its own time.
   *
   * What a promise sets afterwards counts from the new time. To let promises act in between: `run(sleep(clock,
   * delayMs))`.
   */
  advance(delayMs: number): void;
  /**
   * Ends as `work` does. Whenever nothing else goes on, time jumps to the next timer, so that a loop of 15 minutes
   * takes milliseconds.
   *
   * "Nothing goes on" means: for `idleTurns` turns of the event loop (default 2, about a millisecond each) nobody
   * touched the clock, and no cryptography is under way. Other work on the outside needs more turns (30 for real HTTP
   * within this process), or `during`.
   *
   * @throws {Error} when for `stuckTurns` turns (default 2,000) there was no timer to jump to either
   */
  run<T>(work: Promise<T>, options?: { idleTurns?: number; stuckTurns?: number }): Promise<T>;
  /** Ends as `work` does; `run` does not jump before that. For work the clock cannot see, such as reading a file. */
  during<T>(work: Promise<T>): Promise<T>;
}

interface Timer {
  readonly dueMs: number;
  readonly callback: () => void;
}

/**
 * Makes a clock for tests; its chance is drawn from a seed.
 *
 * @example
 * ```ts
 * const clock = manualClock();
 * await clock.run(sleep(clock, 15 * 60_000)); // a few milliseconds later
 * expect(clock.pending).toBe(0);
 * ```
 * @param options `startMs` default 2026-01-01T00:00:00Z, `seed` default 1
 */
export function manualClock(options: { startMs?: number; seed?: number } = {}): ManualClock {
  const { startMs = Date.UTC(2026, 0, 1), seed = 1 } = options;
  const draw = seeded(seed);
  const cryptography = countCryptography();
  const timers = new Set<Timer>();
  /** The monotonic time, by which timers run. */
  let nowMs = 0;
  let wallFromMs = startMs;
  let held = 0;
  /** Grows with every use, which is how `run` knows that something goes on. */
  let touches = 0;

  /** The next timer; of several at one time, the one set first. A timer of `Infinity` never comes. */
  const next = (): Timer | undefined => {
    let earliest: Timer | undefined;
    for (const timer of timers) {
      if (timer.dueMs < (earliest?.dueMs ?? Infinity)) earliest = timer;
    }
    return earliest;
  };

  const moveTo = (targetMs: number): void => {
    for (let timer = next(); timer !== undefined && timer.dueMs <= targetMs; timer = next()) {
      nowMs = Math.max(nowMs, timer.dueMs);
      timers.delete(timer);
      timer.callback();
    }
    nowMs = Math.max(nowMs, targetMs);
  };

  return {
    get pending() {
      return timers.size;
    },
    now() {
      touches++;
      return wallFromMs + nowMs;
    },
    monotonicMs() {
      touches++;
      return nowMs;
    },
    stepWall(byMs) {
      wallFromMs += byMs;
    },
    random() {
      touches++;
      return draw();
    },
    timer(delayMs, callback) {
      touches++;
      const timer: Timer = { dueMs: nowMs + (delayMs > 0 ? delayMs : 0), callback };
      timers.add(timer);
      return () => {
        touches++;
        timers.delete(timer);
      };
    },
    advance(delayMs) {
      moveTo(nowMs + delayMs);
    },
    async during(work) {
      held++;
      try {
        return await work;
      } finally {
        held--;
        touches++;
      }
    },
    async run(work, { idleTurns = 2, stuckTurns = 2000 } = {}) {
      let ended = false;
      const end = (): void => void (ended = true);
      work.then(end, end);
      const goesOn = async (): Promise<boolean> => {
        await turn();
        return !ended;
      };

      let quietTurns = 0;
      let seen = touches;
      while (await goesOn()) {
        const isQuiet = seen === touches && held === 0 && cryptography() === 0;
        quietTurns = isQuiet ? quietTurns + 1 : 0;
        seen = touches;
        if (quietTurns < idleTurns) continue;
        const timer = next();
        if (timer !== undefined) {
          moveTo(timer.dueMs);
          quietTurns = 0;
        } else if (quietTurns >= stuckTurns) {
          throw new Error('manualClock.run: the work has not ended, and there is no timer left to jump to.');
        }
      }
      return work;
    },
  };
}

/** One turn of the event loop. A timer rather than a message, since libraries wait with `setTimeout(0)` themselves. */
const turn = (): Promise<void> => new Promise(resolve => void setTimeout(resolve, 0));

/** Mulberry32: small, and the same numbers on every machine. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
