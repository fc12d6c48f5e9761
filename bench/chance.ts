import type { Mix } from './frontier-mix.ts';

/** Mulberry32: small, and the same numbers on every machine. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Draws when a payment settles, in milliseconds. */
export function drawing({ parts }: Mix, chance: () => number): () => number {
  return () => {
    let kind = chance();
    const normal = Math.sqrt(-2 * Math.log(1 - chance())) * Math.cos(2 * Math.PI * chance());
    for (const { share, medianS, sigma } of parts) {
      if (kind < share) return medianS * 1000 * Math.exp(sigma * normal);
      kind -= share;
    }
    return Infinity;
  };
}
