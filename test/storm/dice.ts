/** Chance from a seed: the same numbers on every machine. */
export interface Dice {
  /** In [0, 1). */
  (): number;
  /** True so often, in percent. */
  percent(chance: number): boolean;
  /** A whole number from `least` up to `most`, both included. */
  between(least: number, most: number): number;
  pick<T>(choices: readonly [T, ...T[]]): T;
  /** By weight. */
  weigh<T>(choices: readonly (readonly [number, T])[]): T;
}

/** Mulberry32. */
export function dice(seed: number): Dice {
  let state = Math.imul(seed, 0x9e3779b1) | 0;
  const roll = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const between = (least: number, most: number): number => least + Math.floor(roll() * (most - least + 1));
  return Object.assign(roll, {
    percent: (chance: number) => roll() * 100 < chance,
    between,
    pick: <T>(choices: readonly [T, ...T[]]): T => choices[between(0, choices.length - 1)] ?? choices[0],
    weigh<T>(choices: readonly (readonly [number, T])[]): T {
      let left = roll() * choices.reduce((sum, [weight]) => sum + weight, 0);
      const found = choices.find(([weight]) => (left -= weight) < 0) ?? choices.at(-1);
      if (found === undefined) throw new Error('There is nothing to choose from.');
      return found[1];
    },
  });
}
