import { InputError } from '../core/errors.ts';

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
 * How long to wait between two sends, or between two status queries: a value that can be printed, and stored as JSON.
 */
export interface Backoff {
  /** The longest wait this backoff ever gives. */
  readonly maxMs: number;
  /** The next wait in milliseconds. Pure. NaN counts as 5,000. */
  delayMs(step: BackoffStep): number;
  /** The first waits as a list, each at its longest (`chance` is 1). Default 8 of them. */
  list(count?: number): number[];
  /** Such as `steps 1000, 2000, 3000, …`. */
  toString(): string;
  /**
   * What `JSON.stringify` writes, and {@link backoffFrom} reads. Without it a backoff cannot be stored: see {@link
   * defineBackoff}.
   */
  toJSON?(): BackoffData;
}

/** A backoff as JSON: its name and its numbers. One of your own is its name alone. */
export type BackoffData =
  | { readonly name: 'constant'; readonly everyMs: number }
  | { readonly name: 'steps'; readonly delaysMs: readonly number[] }
  | {
      readonly name: 'exponential';
      readonly baseMs: number;
      readonly maxMs: number;
      readonly factor: number;
      readonly jitter: 'full' | 'none';
    }
  | {
      readonly name: 'growing';
      readonly firstMs: number;
      readonly baseMs: number;
      readonly ratio: number;
      readonly maxMs: number;
      /** Missing: it never eases. */
      readonly easesAfterMs?: number;
      /** Missing: none. */
      readonly jitter?: number;
    }
  | LearnedData
  | { readonly name: string };

/** A schedule that {@link learned} has made. */
export interface LearnedBackoff extends Backoff {
  readonly confidence: Confidence;
}

/** How sure a learned schedule is. */
export interface Confidence {
  /** The payments it was learned from. */
  readonly samples: number;
  /** How many of them were seen to settle before the deadline. */
  readonly settled: number;
  /** How much of it is this history, and not what is usual: from 0 to 1. */
  readonly weightOfHistory: number;
  /** In a word: from 95 % of the weight on `very`, from 75 % on `fairly`. */
  readonly sure: 'not' | 'hardly' | 'fairly' | 'very';
  /** In a sentence. */
  readonly why: string;
}

interface LearnedData {
  readonly name: 'learned';
  /** The waits one after the other, each about so long. */
  readonly delaysMs: readonly number[];
  readonly confidence: Confidence;
  /** Without any history: what it is instead. */
  readonly otherwise?: BackoffData;
}

/** @param more what it says of itself beside */
function makeBackoff<More extends object>(
  data: BackoffData,
  maxMs: number,
  delayMs: (step: BackoffStep) => number,
  more?: More,
  told = '',
): Backoff & More {
  const { name } = data;
  const list = (count = 8): number[] => {
    const waits: number[] = [];
    for (let step = 1, elapsedMs = 0; step <= count; step++) {
      const wait = delayMs({ step, elapsedMs, chance: 1 });
      waits.push(wait);
      elapsedMs += wait;
    }
    return waits;
  };
  const backoff = {
    ...(more as More),
    maxMs,
    delayMs,
    list,
    toString: () => `${name} ${list(5).join(', ')}, …${told}`,
  };
  // Not enumerable: a copy with another `delayMs` is another backoff, and must not be stored as this one.
  return Object.freeze(Object.defineProperty(backoff, 'toJSON', { value: () => data }));
}

/** JSON has no Infinity. Nothing waits so long, and nothing is counted so far. */
const NEVER_MS = Number.MAX_SAFE_INTEGER;
const finite = (value: number): number => Math.min(value, NEVER_MS);

/** Refuses what cannot be a duration: negative, NaN, or not a number. */
export function duration(who: string, name: string, value: unknown): number {
  if (typeof value !== 'number' || !(value >= 0)) {
    throw new InputError(`${who}: ${name} must be a number of milliseconds, 0 or more; got ${String(value)}.`);
  }
  return value;
}

/** The same wait every time. @param delayMs milliseconds */
export function constant(delayMs: number): Backoff {
  const everyMs = finite(duration('constant', 'delayMs', delayMs));
  return makeBackoff({ name: 'constant', everyMs }, everyMs, () => everyMs);
}

/** The listed waits, the last of which repeats. @param delaysMs milliseconds, at least one */
export function steps(delaysMs: readonly number[]): Backoff {
  if (!Array.isArray(delaysMs))
    throw new InputError('steps: pass a list of waits in milliseconds, such as steps([1000, 2000, 5000]).');
  const waits = delaysMs.map((delay, index) => finite(duration('steps', `wait ${index + 1}`, delay)));
  const last = waits.at(-1);
  if (last === undefined) throw new InputError('steps: pass at least one wait in milliseconds.');
  return makeBackoff(
    { name: 'steps', delaysMs: Object.freeze(waits) },
    Math.max(...waits),
    ({ step }) => waits[step - 1] ?? last,
  );
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
  if (typeof (options as unknown) !== 'object')
    throw new InputError('exponential: pass the options as an object, such as { baseMs: 500 }.');
  const { baseMs: base = 500, maxMs: most = 30_000, factor: times = 2, jitter = 'full' } = options;
  const baseMs = finite(duration('exponential', 'baseMs', base));
  const maxMs = finite(duration('exponential', 'maxMs', most));
  const factor = ratioOf('exponential', 'factor', times, 1);
  if (!['full', 'none'].includes(jitter))
    throw new InputError(`exponential: jitter is 'full' or 'none'; got ${jitter}.`);
  return makeBackoff({ name: 'exponential', baseMs, maxMs, factor, jitter }, maxMs, ({ step, chance }) => {
    // A base of 0 stays 0, though its factor grows to infinity.
    const ceiling = baseMs === 0 ? 0 : Math.min(maxMs, baseMs * factor ** (step - 1));
    return jitter === 'full' ? Math.round(ceiling * chance) : ceiling;
  });
}

/**
 * `firstMs`, then `baseMs + ratio x elapsed`, up to `maxMs`: front-loaded like the settlements it waits for.
 *
 * `jitter` is the share of each wait that chance may take away, so that payments opened in one second do not ask in one
 * second. With a `ratio` of your own it eases only if you say when.
 *
 * @param options milliseconds but for `ratio` and `jitter`; defaults 3,000, 2,000, 0.13 and 60,000; `easesAfterMs`: what
 * passes after it adds half as much, default 30,000; `jitter`: from 0 to 1, default 0.2
 * @throws {InputError}
 */
export function growing(
  options: {
    firstMs?: number;
    baseMs?: number;
    ratio?: number;
    maxMs?: number;
    easesAfterMs?: number;
    jitter?: number;
  } = {},
): Backoff {
  const { firstMs: first = 3000, baseMs: base = 2000, ratio: part = 0.13, maxMs: most = 60_000 } = options;
  const { easesAfterMs: easesAfter = options.ratio === undefined ? 30_000 : Infinity, jitter = 0.2 } = options;
  const firstMs = finite(duration('growing', 'firstMs', first));
  const baseMs = finite(duration('growing', 'baseMs', base));
  const maxMs = finite(duration('growing', 'maxMs', most));
  const easesAfterMs = finite(duration('growing', 'easesAfterMs', easesAfter));
  const ratio = ratioOf('growing', 'ratio', part, 0);
  if (ratioOf('growing', 'jitter', jitter, 0) > 1)
    throw new InputError(`growing: jitter is a share of the wait, from 0 to 1; got ${jitter}.`);
  const data = {
    ...{ name: 'growing', firstMs, baseMs, ratio, maxMs },
    ...(easesAfterMs < NEVER_MS && { easesAfterMs }),
    ...(jitter > 0 && { jitter }),
  };
  const longestMs = ({ step, elapsedMs }: BackoffStep): number => {
    const countedMs = Math.min(elapsedMs, easesAfterMs) + Math.max(0, elapsedMs - easesAfterMs) / 2;
    return Math.min(maxMs, step === 1 ? firstMs : baseMs + ratio * countedMs);
  };
  return makeBackoff(
    data,
    maxMs,
    step => Math.round(longestMs(step) * (1 - jitter * (1 - step.chance))),
    {},
    jitter > 0 ? `, each up to ${Math.round(jitter * 100)} % shorter` : '',
  );
}

/** No wait of a learned schedule is shorter. */
const LEAST_MS = 500;
/** Each is longer or shorter by up to so much: what began together does not ask together. */
const SPREAD = 0.1;
/** Past its waits, a learned schedule waits for a part of the time that has passed, or as long as it did last. */
const AFTERWARDS = { ratio: 1 / 16, mostMs: 120_000 };

/** A learned schedule as `learned` makes it, and as it comes back from JSON. @throws {InputError} */
export function learnedFrom(given: Omit<LearnedData, 'name'>, own: readonly Backoff[] = []): LearnedBackoff {
  const { delaysMs, confidence: told, otherwise } = given;
  const isWhole = Array.isArray(delaysMs) && typeof (told as unknown) === 'object' && (told as unknown) !== null;
  if (!isWhole || (delaysMs.length === 0 && otherwise === undefined))
    throw new InputError('learned: this is no learned schedule. Pass what JSON.stringify has made of one.');
  const waits = delaysMs.map((delay, index) =>
    Math.max(LEAST_MS, finite(duration('learned', `wait ${index + 1}`, delay))),
  );
  const confidence = Object.freeze({ ...told });
  const data: LearnedData = {
    name: 'learned',
    delaysMs: Object.freeze(waits),
    confidence,
    ...(otherwise && { otherwise }),
  };
  const inWords = ` (${confidence.sure} sure: ${confidence.why})`;
  const last = waits.at(-1);
  if (last === undefined) {
    const instead = backoffFrom(otherwise, own);
    return makeBackoff(data, instead.maxMs, step => instead.delayMs(step), { confidence }, inWords);
  }
  const mostMs = Math.max(AFTERWARDS.mostMs, ...waits);
  let sum = 0;
  const timesMs = waits.map(wait => (sum += wait));
  // By the time that has passed, not by counting: an answer that took long, or an early query, puts nothing off.
  const delayMs = ({ elapsedMs, chance }: BackoffStep): number => {
    const next = timesMs.findIndex((atMs, index) => elapsedMs < atMs - (waits[index] ?? 0) / 2);
    const wait = waits[next] ?? Math.max(last, Math.min(AFTERWARDS.ratio * elapsedMs, mostMs));
    const leftMs = next < 0 ? wait : (timesMs[next] ?? 0) - elapsedMs;
    return Math.max(LEAST_MS, Math.min(mostMs, Math.round(leftMs + wait * SPREAD * (2 * chance - 1))));
  };
  return makeBackoff(data, mostMs, delayMs, { confidence }, inWords);
}

const builtIn: Readonly<Record<string, (data: never, own: readonly Backoff[]) => Backoff>> = {
  constant: ({ everyMs }: { everyMs: number }) => constant(everyMs),
  steps: ({ delaysMs }: { delaysMs: number[] }) => steps(delaysMs),
  exponential,
  // One that was stored before there was jitter has none.
  growing: (data: object) => growing({ jitter: 0, ...data }),
  learned: learnedFrom,
};

/**
 * A backoff of your own, with a name by which stored payments find it again: pass it in `createGateway({ backoffs: [ …
 * ] })` too.
 *
 * @param name a name of your own; keep it for as long as payments are stored with it
 * @param delayMs the next wait in milliseconds. Pure: time and chance come with the step
 * @param options `maxMs`: no wait is longer, and a refused status query is repeated after so long. Default 60,000
 * @throws {InputError}
 */
export function defineBackoff(
  name: string,
  delayMs: (step: BackoffStep) => number,
  options: { maxMs?: number } = {},
): Backoff {
  if (typeof name !== 'string' || name.trim() === '' || name.length > LONGEST_NAME)
    throw new InputError(`defineBackoff: name must be a text of at most ${LONGEST_NAME} characters.`);
  if (Object.hasOwn(builtIn, name))
    throw new InputError(`defineBackoff: ${name} is a backoff of tillpaid's. Choose a name of your own.`);
  if (typeof delayMs !== 'function')
    throw new InputError(`defineBackoff: ${name} needs a function that gives the next wait in milliseconds.`);
  const { maxMs: most = 60_000 } = options;
  const maxMs = finite(duration('defineBackoff', 'maxMs', most));
  return makeBackoff({ name }, maxMs, step => Math.min(maxMs, delayMs(step)));
}

const LONGEST_NAME = 100;

/**
 * The backoff that its JSON describes.
 *
 * @param own backoffs of your own that it may be
 * @throws {InputError} for what is no backoff, and one of a name that is not among `own`
 */
export function backoffFrom(data: unknown, own: readonly Backoff[] = []): Backoff {
  const name = typeof data === 'object' && data !== null && 'name' in data ? data.name : undefined;
  if (typeof name !== 'string')
    throw new InputError(
      'backoff: one that has no name cannot be stored. Make it with defineBackoff(name, delayMs), and pass it in createGateway({ backoffs: [ … ] }).',
    );
  if (Object.hasOwn(builtIn, name))
    return (builtIn[name] as (given: unknown, own: readonly Backoff[]) => Backoff)(data, own);
  const found = own.find(each => each.toJSON?.().name === name);
  if (found !== undefined) return found;
  throw new InputError(
    `backoff: there is no "${name.slice(0, LONGEST_NAME)}" here. Make it with defineBackoff, and pass it in createGateway({ backoffs: [ … ] }).`,
  );
}

function ratioOf(who: string, name: string, value: unknown, least: 0 | 1): number {
  if (typeof value !== 'number' || !(value >= least))
    throw new InputError(`${who}: ${name} must be ${least} or more; got ${String(value)}.`);
  return finite(value);
}
