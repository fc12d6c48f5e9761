/** A stretch of time in which something happened, in milliseconds since the epoch. */
interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** A moment by one of the machine's clocks. `epoch`: between which of its steps, where that is known. */
interface Instant {
  readonly atMs: number;
  readonly epoch?: number;
}

/** A moment by the wall clock, and by the steady one. */
export interface Mark extends Instant {
  readonly steady: Instant;
}

/** The provider's clock, as far as its `Date` headers tell. */
export interface ProviderClock {
  /** This moment. */
  mark(): Mark;
  /** The moment of a ticket's time; best asked for while the wall clock may be trusted. */
  markOf(wallMs: number): Mark;
  /** An answer has come to what left at `sent`. @param date its `Date` header */
  received(date: string | null, sent: Mark): void;
  /**
   * When a moment was, by the provider's clock; `undefined` while nothing is known, and for a moment before a clock was
   * set.
   */
  at(mark: Mark): Span | undefined;
}

/** A `Date` header is cut to the second. */
const CUT_OFF_MS = 999;

/**
 * The wall clock may be set, and the steady one may stand still while the machine sleeps. A time counts
 * only if both clocks agree with it.
 *
 * @param steadyMs default: the wall clock, for one that is never set
 */
export function createProviderClock(wallMs: () => number, steadyMs: () => number = wallMs): ProviderClock {
  const wall = offsetFrom(wallMs);
  const steady = offsetFrom(steadyMs);
  return {
    mark: () => ({ ...wall.now(), steady: steady.now() }),
    markOf: atMs => ({ atMs, steady: { atMs: atMs - wallMs() + steadyMs() } }),
    received(date, sent) {
      wall.received(date, sent);
      steady.received(date, sent.steady);
    },
    at(mark) {
      const [one, other] = [wall.at(mark), steady.at(mark.steady)];
      return one && other && { fromMs: Math.min(one.fromMs, other.fromMs), toMs: Math.max(one.toMs, other.toMs) };
    },
  };
}

interface Offset {
  now(): Instant;
  received(date: string | null, sent: Instant): void;
  at(instant: Instant): Span | undefined;
}

/**
 * Each answer was made between the send and its arrival, and says when: that bounds how far the two clocks are apart.
 * All answers together bound it closer; when they contradict each other, a clock was set, and a new epoch begins with
 * the last one.
 */
function offsetFrom(now: () => number): Offset {
  let epoch = 0;
  let offset: Span | undefined;
  return {
    now: () => ({ atMs: now(), epoch }),
    received(date, { atMs: sentAtMs }) {
      const receivedAtMs = now();
      const saidMs = date === null ? NaN : Date.parse(date);
      if (Number.isNaN(saidMs) || receivedAtMs < sentAtMs) return;
      const bounds = { fromMs: saidMs - receivedAtMs, toMs: saidMs + CUT_OFF_MS - sentAtMs };
      const both =
        offset === undefined
          ? bounds
          : { fromMs: Math.max(offset.fromMs, bounds.fromMs), toMs: Math.min(offset.toMs, bounds.toMs) };
      const isSet = both.fromMs > both.toMs;
      if (isSet) epoch++;
      offset = isSet ? bounds : both;
    },
    at: instant =>
      offset === undefined || (instant.epoch ?? epoch) !== epoch
        ? undefined
        : { fromMs: instant.atMs + offset.fromMs, toMs: instant.atMs + offset.toMs },
  };
}
