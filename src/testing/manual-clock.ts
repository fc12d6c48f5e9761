import type { Clock } from '../clock.ts';
import { watchEventLoop, type EventLoop } from './event-loop.ts';

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
   * What a promise sets afterwards counts from the new time. To let promises act in between, `run` a promise that a
   * timer of this clock resolves.
   */
  advance(delayMs: number): void;
  /**
   * Ends as `work` does. Whenever nothing more can happen before time moves, time jumps to the next timer, so that a
   * loop of 15 minutes takes less than a millisecond.
   *
   * On Node the clock sees promises, cryptography, files, HTTP within this process, and pauses by `setTimeout` of up to
   * 100 ms. For what it cannot see, such as a database or a server elsewhere, there is `during`; or `idleTurns`: so many
   * turns of the event loop, of about a millisecond each, that have to be quiet as well (default 0).
   *
   * @throws {Error} when for `stuckTurns` turns of a millisecond (default 2,000) there was no timer to jump to either
   */
  run<T>(work: Promise<T>, options?: { idleTurns?: number; stuckTurns?: number }): Promise<T>;
  /** Resolves when nothing more can happen before time moves, as in `run`. Time does not move. */
  untilQuiet(): Promise<void>;
  /** Ends as `work` does; `run` does not jump before that. For work the clock cannot see, such as a database's. */
  during<T>(work: Promise<T>): Promise<T>;
}

interface Timer {
  readonly dueMs: number;
  readonly callback: () => void;
}

/** A few, since a runtime may read a body in steps that it does not list. */
const QUIET_TURNS = 4;
/** What takes longer is waited for by the millisecond, so that threads and other processes have the processor. */
const TURNS_WITHOUT_REST = 1000;

/**
 * Makes a clock for tests; its chance is drawn from a seed. Where times must be exact, `random: () => 1 - Number.EPSILON`
 * makes every wait its longest, as `list()` of a backoff gives it.
 *
 * @example
 * ```ts
 * const clock = manualClock();
 * const gateway = createGateway({ adapter, client, clock });
 * await clock.run(gateway.untilSettled(ticket)); // minutes of polling, in milliseconds
 * expect(clock.pending).toBe(0);
 * ```
 * @param options `startMs` default 2026-01-01T00:00:00Z, `seed` default 1; `random` in place of a seed: gives numbers in
 * [0, 1)
 */
export function manualClock(options: { startMs?: number; seed?: number; random?: () => number } = {}): ManualClock {
  const { startMs = Date.UTC(2026, 0, 1), seed = 1, random: draw = seeded(seed) } = options;
  const time = new Time();
  const untilQuiet = quietness(time, watchEventLoop());
  let wallFromMs = startMs;
  return {
    get pending() {
      return time.timers.size;
    },
    now() {
      time.touches++;
      return wallFromMs + time.nowMs;
    },
    monotonicMs() {
      time.touches++;
      return time.nowMs;
    },
    stepWall(byMs) {
      wallFromMs += byMs;
    },
    random() {
      time.touches++;
      return draw();
    },
    timer: (delayMs, callback) => time.set(delayMs, callback),
    advance: delayMs => time.moveTo(time.nowMs + delayMs),
    async during(work) {
      time.held++;
      try {
        return await work;
      } finally {
        time.held--;
        time.touches++;
      }
    },
    untilQuiet: () => untilQuiet(0).then(() => undefined),
    async run(work, { idleTurns = 0, stuckTurns = 2000 } = {}) {
      let isOver = (): boolean => false;
      const end = (): void => void (isOver = () => true);
      work.then(end, end);
      while (await untilQuiet(idleTurns, () => isOver())) {
        const timer = time.next();
        if (timer !== undefined) time.moveTo(timer.dueMs);
        else if (await untilQuiet(stuckTurns, () => isOver() || time.next() !== undefined)) {
          throw new Error('manualClock.run: the work has not ended, and there is no timer left to jump to.');
        }
      }
      return work;
    },
  };
}

/** What time it is, what falls due when, and the signs that something goes on. */
class Time {
  /** The monotonic time, by which timers run. */
  nowMs = 0;
  /** How much work is waited for. */
  held = 0;
  /** Grows with every use, which is one sign that something goes on. */
  touches = 0;
  readonly timers: Set<Timer> = new Set();

  set(delayMs: number, callback: () => void): () => void {
    this.touches++;
    const timer: Timer = { dueMs: this.nowMs + (delayMs > 0 ? delayMs : 0), callback };
    this.timers.add(timer);
    return () => {
      this.touches++;
      this.timers.delete(timer);
    };
  }

  /** The next timer; of several at one time, the one set first. A timer of `Infinity` never comes. */
  next(): Timer | undefined {
    let earliest: Timer | undefined;
    for (const timer of this.timers) {
      if (timer.dueMs < (earliest?.dueMs ?? Infinity)) earliest = timer;
    }
    return earliest;
  }

  moveTo(targetMs: number): void {
    for (let timer = this.next(); timer !== undefined && timer.dueMs <= targetMs; timer = this.next()) {
      this.nowMs = Math.max(this.nowMs, timer.dueMs);
      this.timers.delete(timer);
      this.touches++;
      timer.callback();
    }
    this.nowMs = Math.max(this.nowMs, targetMs);
  }
}

/**
 * Lets everything run that can run before time moves, and then passes so many turns of a millisecond that have to be
 * quiet as well. Resolves to false when `isOver` came first.
 */
const quietness =
  (time: Time, eventLoop: EventLoop) =>
  async (longTurns: number, isOver = () => false): Promise<boolean> => {
    let quietTurns = 0;
    for (let turns = 0; quietTurns < QUIET_TURNS + longTurns; turns++) {
      if (isOver()) return false;
      const before = time.touches;
      const isLong = quietTurns >= QUIET_TURNS || turns >= TURNS_WITHOUT_REST;
      const wasQuiet = await (isLong ? eventLoop.longTurn() : eventLoop.turn());
      quietTurns = wasQuiet && time.touches === before && time.held === 0 ? quietTurns + 1 : 0;
    }
    return true;
  };

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
