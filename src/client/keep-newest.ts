/** Forgets the oldest, many at a time: a `Map` walks past each one that it has forgotten. */
export function keepNewest(map: Map<string, unknown>, most: number): void {
  if (map.size <= most * 1.25) return;
  for (const oldest of map.keys()) {
    if (map.size <= most) break;
    map.delete(oldest);
  }
}
