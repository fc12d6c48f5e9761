import { instantOf } from './readers.ts';

export const MINUTE_MS = 60_000;
export const HOUR_MS: number = 60 * MINUTE_MS;
export const DAY_MS: number = 24 * HOUR_MS;

/** What a wall clock shows so many hours east of UTC: `2026-11-20T13:14:15`. For places that know no summer time. */
export function wallTime(atMs: number, hoursEast = 0): string {
  return new Date(atMs + hoursEast * HOUR_MS).toISOString().slice(0, 19);
}

/**
 * How long it is from `fromMs` until the time that a field names in ISO 8601, in milliseconds; `undefined` where it
 * names none.
 */
export function msUntil(fields: unknown, name: string, fromMs: number): number | undefined {
  const atMs = instantOf(fields, name);
  return atMs === undefined ? undefined : atMs - fromMs;
}
