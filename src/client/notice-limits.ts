import type { Clock } from '../clock.ts';
import type { Verdict } from '../core/verdict.ts';
import type { Intention } from '../engine/intention.ts';
import { keepNewest } from './keep-newest.ts';

/** A notice that contradicts makes no other query so soon, however often it is sent: a captured one can be replayed. */
const ASKED_AGAIN_AFTER_MS = 2 * 60_000;

/** How many notices are remembered for that: of all payments that were settled, and of each that is not. */
const MOST_ASKED = 1000;
const MOST_WOKEN = 20;

/** How often one notice woke a loop, and since when. */
interface Wakes {
  readonly atMs: number;
  readonly count: number;
}

/** How many queries a notice may cause, however often it comes. */
interface NoticeLimits {
  /** What the gateway says about a notice: asked once, for all who bring the same one meanwhile. */
  askOnce(content: string, ask: () => Promise<Verdict>): Promise<Verdict | undefined>;
  /** Counts a notice that is to wake a loop: whether it has done so `most` times of late. */
  hasWoken(loop: Intention, content: string, most: number): boolean;
}

export function noticeLimits(clock: Clock): NoticeLimits {
  const asked = new Map<string, { readonly atMs: number; readonly verdict: Promise<Verdict | undefined> }>();
  const woken = new WeakMap<Intention, Map<string, Wakes>>();
  const isRecent = (atMs: number): boolean => Math.abs(clock.now() - atMs) < ASKED_AGAIN_AFTER_MS;
  return {
    askOnce(content, ask) {
      const before = asked.get(content);
      if (before !== undefined && isRecent(before.atMs)) return before.verdict;
      const verdict = ask().catch(() => undefined);
      asked.delete(content);
      asked.set(content, { atMs: clock.now(), verdict });
      keepNewest(asked, MOST_ASKED);
      return verdict;
    },
    hasWoken(loop, content, most) {
      const contents = woken.get(loop) ?? new Map<string, Wakes>();
      const before = contents.get(content);
      const recent = before !== undefined && isRecent(before.atMs) ? before : { atMs: clock.now(), count: 0 };
      if (recent.count >= most) return true;
      contents.delete(content);
      contents.set(content, { ...recent, count: recent.count + 1 });
      keepNewest(contents, MOST_WOKEN);
      woken.set(loop, contents);
      return false;
    },
  };
}
