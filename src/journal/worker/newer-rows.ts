import type { Clock } from '../../clock.ts';
import type { RowContent } from '../store.ts';

/** So late, no worker of the newer release is about: one that is takes a row within a second of its time. */
const LATE_MS = 30_000;
/** For so long none is expected, once one has let a row become so late. */
const ABSENT_FOR_MS = 10 * 60_000;
/** So long the others of the account are left to those who can read them all. */
const REST_MS = 5000;

/** The rows of an account that a newer release has written: they are for its workers, as long as there are any. */
export interface NewerRows {
  /**
   * What becomes of such a row: given back with its own time, so that no deploy delays it. Only where no newer worker
   * seems to be about it is left for a while, so that this one gets past it.
   */
  leave(content: RowContent): RowContent;
  /** One was met just now: nothing is taken, which would be the same one again. */
  isResting(): boolean;
}

export function createNewerRows(clock: Clock): NewerRows {
  const monotonicMs = (): number => clock.monotonicMs?.() ?? clock.now();
  let absentUntilMs = -Infinity;
  let restUntilMs = -Infinity;
  return {
    leave(content) {
      const [nowMs, sinceMs] = [clock.now(), monotonicMs()];
      if (nowMs - (content.dueAtMs ?? nowMs) > LATE_MS) absentUntilMs = sinceMs + ABSENT_FOR_MS;
      if (sinceMs < absentUntilMs)
        return { ...content, holder: undefined, dueAtMs: Math.ceil(nowMs + LATE_MS * (1 + clock.random())) };
      restUntilMs = sinceMs + REST_MS * (0.5 + clock.random() / 2);
      return { ...content, holder: undefined };
    },
    isResting: () => monotonicMs() < restUntilMs,
  };
}
