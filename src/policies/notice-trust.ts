/**
 * Whether a gateway's notices come, going by how its last payments ended: plain data, one for each of its operations. An
 * end counts once: with the time its notice took, or as one whose notice has not come.
 */
export interface NoticeTrust {
  readonly isTrusted: boolean;
  /** Of the last ends, the oldest first: how long after the payment was opened its notice came; `null`: it did not. */
  readonly ends: readonly (number | null)[];
  /** When a notice came last. */
  readonly lastAtMs?: number;
}

/** How a payment ended. `afterMs`: its notice came so long after it was opened. Default: it has not come. */
export interface NoticedEnd {
  readonly atMs: number;
  readonly afterMs?: number;
}

/** How many ends are looked at. */
const MOST_ENDS = 20;
/** So many ends of late, of which so many may lack their notice, are enough to trust. */
const ENOUGH = 10;
const FEW_MISSES = 1;
/** Notices that are missing so often, in a row or among the ends looked at, are not trusted any more. */
const RUN = 2;
const MANY_MISSES = 4;
/** What came longer ago says nothing of what comes now. */
const GOOD_FOR_MS = 3_600_000;
/** Three notices of four came within the time that is waited for them; that is no shorter and no longer than this. */
const USUAL_SHARE = 0.75;
const SHORTEST_MS = 20_000;
const LONGEST_MS = 300_000;

/** Nothing is known: not trusted. */
export const noTrust: NoticeTrust = Object.freeze({ isTrusted: false, ends: Object.freeze([]) });

/** What one more end makes of it. Whoever is not trusted any more begins anew. Pure. */
export function withEnd(trust: NoticeTrust, { atMs, afterMs }: NoticedEnd): NoticeTrust {
  const ends = [...trust.ends, afterMs ?? null].slice(-MOST_ENDS);
  const lastAtMs = afterMs === undefined ? trust.lastAtMs : atMs;
  const isTrusted = trust.isTrusted ? !isDoubtful(ends) : isConvincing(ends);
  return {
    isTrusted,
    ends: trust.isTrusted && !isTrusted ? [] : ends,
    ...(lastAtMs !== undefined && { lastAtMs }),
  };
}

const missesIn = (ends: NoticeTrust['ends']): number => ends.filter(afterMs => afterMs === null).length;

const isDoubtful = (ends: NoticeTrust['ends']): boolean =>
  missesIn(ends.slice(-RUN)) === RUN || missesIn(ends) >= MANY_MISSES;

function isConvincing(ends: NoticeTrust['ends']): boolean {
  const latest = ends.slice(-ENOUGH);
  return latest.length === ENOUGH && latest.at(-1) !== null && missesIn(latest) <= FEW_MISSES;
}

/** Trust that is as old as this is over. */
export const isStale = ({ isTrusted, lastAtMs }: NoticeTrust, nowMs: number): boolean =>
  isTrusted && nowMs - (lastAtMs ?? nowMs) >= GOOD_FOR_MS;

/**
 * How long after a payment was opened its notice has come as a rule, in milliseconds. `undefined`: notices are not
 * trusted.
 */
export function noticesWithinMs(trust: NoticeTrust, nowMs: number): number | undefined {
  if (!trust.isTrusted || isStale(trust, nowMs)) return undefined;
  const came = trust.ends.filter(afterMs => afterMs !== null).sort((a, b) => a - b);
  const usualMs = came[Math.ceil(USUAL_SHARE * came.length) - 1] ?? LONGEST_MS;
  return Math.min(LONGEST_MS, Math.max(SHORTEST_MS, usualMs));
}
