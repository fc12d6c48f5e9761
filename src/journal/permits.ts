/** What is left of an account's permits: a bucket that fills as time passes. */
export interface Bucket {
  readonly tokens: number;
  readonly atMs: number;
}

/**
 * Takes whole permits out of a bucket that fills by `perSecond` and holds a second's worth, one at least. A new one has
 * one permit in it: whoever takes up much at once, after a crash, begins at the rate.
 *
 * @returns how many, and what is left
 */
export function drawPermits(
  bucket: Bucket | undefined,
  { wanted, perSecond, nowMs }: { wanted: number; perSecond: number; nowMs: number },
): { granted: number; left: Bucket } {
  const { tokens, atMs } = bucket ?? { tokens: 1, atMs: nowMs };
  // A clock that was set back fills nothing.
  const filled = Math.min(Math.max(1, perSecond), tokens + (Math.max(0, nowMs - atMs) * perSecond) / 1000);
  const granted = Math.max(0, Math.min(Math.floor(wanted), Math.floor(filled)));
  return { granted, left: { tokens: filled - granted, atMs: nowMs } };
}
