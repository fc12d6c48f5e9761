import type { Clock } from '../../src/clock.ts';
import { watchEventLoop } from '../../src/testing/event-loop.ts';

/**
 * One clock for thousands of payments side by side. `manualClock` jumps to each timer by itself; here timers that fall
 * due at about the same time share the turns of the event loop in which all they set going comes to rest.
 */
export interface StormClock {
  now(): number;
  /** The clock as one party has it. */
  party(options: {
    readonly of: number;
    readonly chance: () => number;
    readonly skewMs?: number;
    readonly frozen?: Frozen;
    readonly steps?: readonly Step[];
  }): PartyClock;
  /**
   * Moves on from timer to timer until `work` has ended. @throws {StuckError} when there is no timer left to move to
   */
  run(work: Promise<unknown>): Promise<void>;
}

/** A process that sleeps: what falls due meanwhile fires when it wakes, all at once. */
export interface Frozen {
  readonly fromMs: number;
  readonly untilMs: number;
}

/** Somebody sets the wall clock wrong, and right again. */
export interface Step {
  readonly fromMs: number;
  readonly untilMs: number;
  readonly byMs: number;
}

/** One party's: its own chance and its own error. */
export interface PartyClock extends Clock {
  monotonicMs(): number;
  /** From now on the wall clock does not step any more. */
  setRight(): void;
  /** Timers that are set and have not fired. */
  readonly pending: number;
  /** Time does not move before `work` has ended. */
  during<T>(work: Promise<T>): Promise<T>;
}

/** Somebody waits for what will never come. */
export class StuckError extends Error {}

interface Timer {
  readonly of: number;
  readonly dueMs: number;
  readonly fire: () => void;
}

/** Timers fire late, never early, and the later in the storm the coarser: a timer may always be late. */
const grid: readonly { readonly untilMs: number; readonly stepMs: number }[] = [
  { untilMs: 5_000, stepMs: 100 },
  { untilMs: 60_000, stepMs: 1_000 },
  { untilMs: 10 * 60_000, stepMs: 5_000 },
  { untilMs: 2 * 3_600_000, stepMs: 30_000 },
  { untilMs: Infinity, stepMs: 60_000 },
];

/** How much later than asked a timer may fire at that time of the storm. */
export function latenessMs(elapsedMs: number): number {
  return grid.find(({ untilMs }) => elapsedMs < untilMs)?.stepMs ?? 0;
}

const roundUp = (elapsedMs: number): number => {
  const stepMs = latenessMs(elapsedMs);
  return Math.ceil(elapsedMs / stepMs) * stepMs;
};

/** Payments whose timers fire in one turn of the event loop. */
export const AT_ONCE = 50;

/** Quiet turns of the event loop, after which nothing more can happen before time moves. */
const QUIET_TURNS = 4;
/** Turns of a millisecond, when there is no timer to move to either, or when somebody holds the clock. */
const STUCK_TURNS = 500;
const HELD_TURNS = 10_000;

export function stormClock(startMs: number): StormClock {
  const eventLoop = watchEventLoop();
  const timers = new Map<number, Set<Timer>>();
  /** The keys of `timers`, in order. */
  const moments: number[] = [];
  let nowMs = startMs;
  let held = 0;
  /** Grows with every use, which is how `run` knows that something goes on. */
  let touches = 0;

  const set = (timer: Timer): (() => void) => {
    if (timer.dueMs === Infinity) return () => undefined;
    const momentMs = startMs + roundUp(timer.dueMs - startMs);
    let due = timers.get(momentMs);
    if (due === undefined) {
      timers.set(momentMs, (due = new Set()));
      const place = moments.findIndex(other => other > momentMs);
      moments.splice(place < 0 ? moments.length : place, 0, momentMs);
    }
    due.add(timer);
    return () => due.delete(timer);
  };

  /**
   * Moves to the next moment that has timers, and fires them: a payment's own at once and in the order in which they
   * are due, and a few payments at a time. What a thousand do at once would also be in memory at once.
   */
  const moveOn = async (): Promise<boolean> => {
    for (let momentMs = moments.shift(); momentMs !== undefined; momentMs = moments.shift()) {
      const due = timers.get(momentMs);
      timers.delete(momentMs);
      if (due === undefined || due.size === 0) continue;
      nowMs = momentMs;
      let payments = 0;
      let last: number | undefined;
      for (const timer of [...due].sort((one, other) => one.of - other.of || one.dueMs - other.dueMs)) {
        if (timer.of !== last && ++payments % AT_ONCE === 0) await breath();
        last = timer.of;
        // One that fired before may have canceled it.
        if (due.delete(timer)) timer.fire();
      }
      return true;
    }
    return false;
  };

  return {
    now: () => nowMs,

    party({ of, chance, skewMs = 0, frozen, steps = [] }) {
      let pending = 0;
      let isRight = steps.length === 0;
      const steppedMs = (): number =>
        isRight
          ? 0
          : steps.reduce((sum, { fromMs, untilMs, byMs }) => sum + (nowMs >= fromMs && nowMs < untilMs ? byMs : 0), 0);
      const awakeMs = (dueMs: number): number =>
        frozen !== undefined && dueMs >= frozen.fromMs && dueMs < frozen.untilMs ? frozen.untilMs : dueMs;
      return {
        get pending() {
          return pending;
        },
        now() {
          touches++;
          return nowMs + skewMs + steppedMs();
        },
        monotonicMs() {
          touches++;
          return nowMs - startMs;
        },
        setRight() {
          isRight = true;
        },
        random() {
          touches++;
          return chance();
        },
        timer(delayMs, callback) {
          touches++;
          pending++;
          let isSet = true;
          const end = (): void => {
            if (isSet) pending--;
            isSet = false;
          };
          const cancel = set({
            of,
            dueMs: awakeMs(nowMs + (delayMs > 0 ? delayMs : 0)),
            fire() {
              end();
              callback();
            },
          });
          return () => {
            touches++;
            cancel();
            end();
          };
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
      };
    },

    async run(work) {
      let isOver = (): boolean => false;
      const end = (): void => void (isOver = () => true);
      work.then(end, end);
      let quietTurns = 0;
      let heldTurns = 0;
      while (!isOver()) {
        const seen = touches;
        const isLong = quietTurns >= QUIET_TURNS;
        const wasQuiet = await (isLong ? eventLoop.longTurn() : eventLoop.turn());
        quietTurns = wasQuiet && seen === touches ? quietTurns + 1 : 0;
        if (quietTurns < QUIET_TURNS) continue;
        if (held > 0) {
          if (++heldTurns >= HELD_TURNS) throw new StuckError('Somebody holds the clock for good.');
          continue;
        }
        heldTurns = 0;
        if (await moveOn()) quietTurns = 0;
        else if (quietTurns >= STUCK_TURNS) throw new StuckError('Nobody has set a timer, and somebody still waits.');
      }
    },
  };
}

/** Lets promises act. */
export const breath = (): Promise<void> => new Promise(resolve => void setImmediate(resolve));
