import { InputError } from '../errors.ts';

/** What a backoff may look at when it chooses the next wait. */
export interface BackoffStep {
  /** Which wait this is; the first is 1. */
  readonly step: number;
  /** Milliseconds since the first wait began. */
  readonly elapsedMs: number;
  /** A number in [0, 1), drawn by the caller. */
  readonly chance: number;
}

/**
 * How long to wait between two sends, or between two status queries: a value that can be printed.
 */
export interface Backoff {
  /** The longest wait this backoff ever gives. */
  readonly maxMs: number;
  /** The next wait in milliseconds. Pure. */
  delayMs(step: BackoffStep): number;
  /** The first waits as a list, each at its longest (`chance` is 1). Default 8 of them. */
  list(count?: number): number[];
  /** Such as `steps 1000, 2000, 3000, …`. */
  toString(): string;
}

function makeBackoff(name: string, maxMs: number, delayMs: (step: BackoffStep) => number): Backoff {
  const list = (count = 8): number[] => {
    const waits: number[] = [];
    for (let step = 1, elapsedMs = 0; step <= count; step++) {
      const wait = delayMs({ step, elapsedMs, chance: 1 });
      waits.push(wait);
      elapsedMs += wait;
    }
    return waits;
  };
  return Object.freeze({ maxMs, delayMs, list, toString: () => `${name} ${list(5).join(', ')}, …` });
}

/** Refuses what cannot be a duration: negative, NaN, or not a number. */
export function duration(who: string, name: string, value: unknown): number {
  if (typeof value !== 'number' || !(value >= 0)) {
    throw new InputError(`${who}: ${name} must be a number of milliseconds, 0 or more; got ${String(value)}.`);
  }
  return value;
}

/** The same wait every time. @param delayMs milliseconds */
export function constant(delayMs: number): Backoff {
  duration('constant', 'delayMs', delayMs);
  return makeBackoff('constant', delayMs, () => delayMs);
}

/** The listed waits, the last of which repeats. @param delaysMs milliseconds, at least one */
export function steps(delaysMs: readonly number[]): Backoff {
  if (!Array.isArray(delaysMs)) throw new InputError('steps: pass a list of waits in milliseconds, such as steps([1000, 2000, 5000]).');
  const waits = (delaysMs).map((delay, index) => duration('steps', `wait ${index + 1}`, delay));
  const last = waits.at(-1);
  if (last === undefined) throw new InputError('steps: pass at least one wait in milliseconds.');
  return makeBackoff('steps', Math.max(...waits), ({ step }) => waits[step - 1] ?? last);
}

/**
 * `baseMs`, then `factor` times more at each step, up to `maxMs`.
 *
 * `jitter` (default `'full'`) draws each wait between 0 and that value, so that a fleet does not come back all at once.
 *
 * @param options `baseMs` default 500, `maxMs` default 30,000, `factor` default 2, `jitter` `'full'` or `'none'`
 * @see https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export function exponential(
  options: { baseMs?: number; maxMs?: number; factor?: number; jitter?: 'full' | 'none' } = {},
): Backoff {
  const { baseMs = 500, maxMs = 30_000, factor = 2, jitter = 'full' } = options;
  duration('exponential', 'baseMs', baseMs);
  duration('exponential', 'maxMs', maxMs);
  if (typeof factor !== 'number' || !(factor >= 1)) throw new InputError(`exponential: factor must be 1 or more; got ${String(factor)}.`);
  if (!['full', 'none'].includes(jitter)) throw new InputError(`exponential: jitter is 'full' or 'none'; got ${jitter}.`);
  return makeBackoff('exponential', maxMs, ({ step, chance }) => {
    // A base of 0 stays 0, though its factor grows to infinity.
    const ceiling = baseMs === 0 ? 0 : Math.min(maxMs, baseMs * factor ** (step - 1));
    return jitter === 'full' ? Math.round(ceiling * chance) : ceiling;
  });
}

/**
 * `firstMs`, then `baseMs + ratio x elapsed`, up to `maxMs`: front-loaded like the settlements it waits for.
 *
 * @param options milliseconds but for `ratio`; defaults 3,000, 2,000, 0.08 and 45,000
 */
export function growing(options: { firstMs?: number; baseMs?: number; ratio?: number; maxMs?: number } = {}): Backoff {
  const { firstMs = 3000, baseMs = 2000, ratio = 0.08, maxMs = 45_000 } = options;
  duration('growing', 'firstMs', firstMs);
  duration('growing', 'baseMs', baseMs);
  duration('growing', 'maxMs', maxMs);
  if (typeof ratio !== 'number' || !(ratio >= 0)) throw new InputError(`growing: ratio must be 0 or more; got ${String(ratio)}.`);
  return makeBackoff('growing', maxMs, ({ step, elapsedMs }) =>
    Math.min(maxMs, step === 1 ? firstMs : Math.round(baseMs + ratio * elapsedMs)),
  );
}
