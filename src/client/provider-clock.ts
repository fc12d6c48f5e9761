/** A stretch of time in which something happened, in milliseconds since the epoch. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** A moment by the machine's clock. `epoch`: between which of its steps, where that is known. */
export interface Mark {
  readonly atMs: number;
  readonly epoch?: number;
}

/** The provider's clock, as far as its `Date` headers tell. */
export interface ProviderClock {
  /** This moment. */
  mark(): Mark;
  /** An answer has come to what left at `sent`. */
  hear(date: string | null, sent: Mark): void;
  /** When a moment was, by the provider's clock; `undefined` while nothing is known, and for a moment before a clock was set. */
  at(mark: Mark): Span | undefined;
}

/** A `Date` header is cut to the second. */
const CUT_OFF_MS = 999;

/**
 * Each answer was made between the send and its arrival, and says when: that bounds how far the two clocks are apart. All answers
 * together bound it closer; when they contradict each other, a clock was set, and a new epoch begins with the last one.
 */
export function createProviderClock(now: () => number): ProviderClock {
  let epoch = 0;
  let offset: Span | undefined;
  return {
    mark: () => ({ atMs: now(), epoch }),
    hear(date, { atMs: sentAtMs }) {
      const receivedAtMs = now();
      const saidMs = date === null ? NaN : Date.parse(date);
      if (Number.isNaN(saidMs) || receivedAtMs < sentAtMs) return;
      const heard = { fromMs: saidMs - receivedAtMs, toMs: saidMs + CUT_OFF_MS - sentAtMs };
      const both = offset === undefined ? heard : { fromMs: Math.max(offset.fromMs, heard.fromMs), toMs: Math.min(offset.toMs, heard.toMs) };
      const isSet = both.fromMs > both.toMs;
      if (isSet) epoch++;
      offset = isSet ? heard : both;
    },
    at: (mark) => (offset === undefined || (mark.epoch ?? epoch) !== epoch ? undefined : { fromMs: mark.atMs + offset.fromMs, toMs: mark.atMs + offset.toMs }),
  };
}
