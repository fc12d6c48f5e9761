import { InputError } from '../core/errors.ts';
import { learnedFrom, type Backoff, type Confidence, type LearnedBackoff } from './backoff.ts';
import { BestWaits, SHORTEST_WAIT_MS, type Economy } from './best-waits.ts';
import { defaultPolicy } from './policy.ts';
import { PRIOR_SAMPLES, settleMix, type SettledWithin, type SettleMix } from './settle-mix.ts';

/**
 * How long a payment took to settle, in milliseconds since polling began. What only queries have seen is known to
 * within two of them: after the last one that found it open (0: there was none), and by the one that found it settled.
 * `byMs: Infinity`, or `Infinity` alone: it was not seen to settle.
 */
export type SettleTime = number | SettledWithin;

/** What {@link learned} takes. */
export interface LearnedOptions {
  /** The settle times of payments, in milliseconds since polling began; in any order. */
  readonly settleTimesMs: readonly SettleTime[];
  /** How many more were still open at the deadline. Default 0. */
  readonly unsettled?: number;
  /** For how long payments are followed, in milliseconds. What settles later counts as unsettled. Default 900,000. */
  readonly deadlineMs?: number;
  /**
   * The most queries that a payment may cost, on average. Default: as many as `otherwise` costs for these samples (with
   * half a second between two queries at least), so that answers come sooner for the same price.
   */
  readonly queriesPerPayment?: number;
  /** Instead: the fewest queries for at most this mean time from settlement to the query that sees it. Milliseconds. */
  readonly maxMeanLatencyMs?: number;
  /** The schedule while there are no samples, and to compare with. Default: that of `defaultPolicy`. */
  readonly otherwise?: Backoff;
}

const DEADLINE_MS = 900_000;
/** It is stored with every open payment that is polled by it: what comes after these waits goes on by a rule. */
const MOST_WAITS = 128;

/**
 * The best schedule for a gateway's own history: of all fixed times, those that cost the fewest queries for how soon
 * they tell. Few samples change little: the fewer there are, the more the usual mix counts, for which the default is
 * made. It is plain data, says how sure it is, and goes through JSON like any backoff.
 *
 * @example
 * ```ts
 * const backoff = learned({ settleTimesMs: [2300, 4100, { afterMs: 5000, byMs: 9000 }], unsettled: 12 });
 * createGateway({ adapter, policy: { poll: { backoff } } });
 * ```
 * @throws {InputError} naming the first sample that is no time
 */
export function learned(options: LearnedOptions): LearnedBackoff {
  return learn(options).backoff;
}

/** A learned schedule, with the mix that it was made for. */
export interface Lesson {
  readonly backoff: LearnedBackoff;
  readonly mix: SettleMix;
}

/** @throws {InputError} */
export function learn(options: LearnedOptions): Lesson {
  const { unsettled = 0, deadlineMs = DEADLINE_MS, otherwise = defaultPolicy.poll.backoff } = checked(options);
  const samples = settleTimes(options.settleTimesMs);
  positive('deadlineMs', deadlineMs);
  if (!Number.isSafeInteger(unsettled) || unsettled < 0)
    throw new InputError(`learned: unsettled must be a whole number, 0 or more; got ${String(unsettled)}.`);
  const most = boundOf(options);
  const mix = settleMix(samples, unsettled, deadlineMs);
  const settled = samples.filter(({ byMs }) => byMs <= deadlineMs).length;
  const confidence = confidenceIn(samples.length + unsettled, settled);
  if (confidence.samples === 0) {
    const data = otherwise.toJSON?.();
    if (data === undefined)
      throw new InputError('learned: otherwise must be a backoff of tillpaid’s, or one made with defineBackoff.');
    return { mix, backoff: learnedFrom({ delaysMs: [], confidence, otherwise: data }, [otherwise]) };
  }
  const best = new BestWaits(mix, deadlineMs);
  const { delaysMs } =
    most === undefined
      ? best.within({ queriesPerPayment: queriesOf(otherwise, best, deadlineMs) }, MOST_WORTH)
      : best.within(most);
  return { mix, backoff: learnedFrom({ delaysMs: delaysMs.slice(0, MOST_WAITS), confidence }) };
}

const known: Readonly<Record<keyof LearnedOptions, true>> = {
  ...{ settleTimesMs: true, unsettled: true, deadlineMs: true },
  ...{ queriesPerPayment: true, maxMeanLatencyMs: true, otherwise: true },
};

function checked(options: LearnedOptions): LearnedOptions {
  if (typeof (options as unknown) !== 'object' || (options as unknown) === null)
    throw new InputError('learned: pass an object, such as { settleTimesMs: [2300, 4100] }.');
  const unknown = Object.keys(options).find(name => !Object.hasOwn(known, name));
  if (unknown === undefined) return options;
  throw new InputError(`learned: there is no option "${unknown}". Known: ${Object.keys(known).join(', ')}.`);
}

/** @throws {InputError} naming the first that is none */
function settleTimes(given: unknown): SettledWithin[] {
  if (!Array.isArray(given))
    throw new InputError('learned: settleTimesMs must be a list of times in milliseconds, such as [2300, 4100].');
  return given.map((each: unknown, index) => {
    const time = typeof each === 'number' ? { afterMs: each, byMs: each } : each;
    const { afterMs, byMs } = (time ?? {}) as Partial<SettledWithin>;
    if (typeof afterMs !== 'number' || typeof byMs !== 'number' || !(afterMs >= 0 && byMs >= afterMs))
      throw new InputError(
        `learned: settleTimesMs[${index}] must be milliseconds since polling began, 0 or more, or { afterMs, byMs }, one after the other; got ${shown(each)}.`,
      );
    return { afterMs, byMs };
  });
}

const shown = (value: unknown): string =>
  typeof value === 'object' && value !== null
    ? `{ ${Object.entries(value)
        .slice(0, 2)
        .map(([name, of]) => `${name.slice(0, 20)}: ${String(of).slice(0, 20)}`)
        .join(', ')} }`
    : String(value).slice(0, 40);

/** From this weight of the history on. */
const SURE: readonly (readonly [number, Confidence['sure']])[] = [
  [0.95, 'very'],
  [0.75, 'fairly'],
  [0, 'hardly'],
];

function confidenceIn(samples: number, settled: number): Confidence {
  if (samples === 0)
    return { samples, settled, weightOfHistory: 0, sure: 'not', why: 'there is no history: this is the default' };
  const weight = samples / (samples + PRIOR_SAMPLES);
  const sure = SURE.find(([from]) => weight >= from)?.[1] ?? 'hardly';
  const percent = Math.min(99.9, Math.round(weight * 1000) / 10);
  const why = `${percent} % is the history of ${samples} payments, ${settled} of them settled; the rest is what is usual`;
  return { samples, settled, weightOfHistory: Math.round(weight * 1e4) / 1e4, sure, why };
}

/**
 * A second of mean latency is worth four queries to the default, where it is at its best. What a history leaves over of
 * its price is not spent on what hardly ever happens.
 */
const MOST_WORTH = 12;

/** What a backoff costs for a mix, jitter apart. */
function queriesOf(backoff: Backoff, best: BestWaits, deadlineMs: number): number {
  const timesMs: number[] = [];
  for (let step = 1, elapsedMs = 0; step <= MOST_QUERIES; step++) {
    elapsedMs += Math.max(SHORTEST_WAIT_MS, backoff.delayMs({ step, elapsedMs, chance: 0.5 }));
    if (!(elapsedMs < deadlineMs)) break;
    timesMs.push(elapsedMs);
  }
  return best.economyAt(timesMs).queriesPerPayment;
}

/** A schedule without waits would have no end. */
const MOST_QUERIES = 10_000;

function boundOf({ queriesPerPayment, maxMeanLatencyMs }: LearnedOptions): Partial<Economy> | undefined {
  if (queriesPerPayment !== undefined && maxMeanLatencyMs !== undefined)
    throw new InputError('learned: give queriesPerPayment or maxMeanLatencyMs: each decides what the other comes to.');
  if (queriesPerPayment !== undefined) return { queriesPerPayment: positive('queriesPerPayment', queriesPerPayment) };
  if (maxMeanLatencyMs === undefined) return undefined;
  return { meanLatencyMs: positive('maxMeanLatencyMs', maxMeanLatencyMs) };
}

function positive(name: string, value: unknown): number {
  if (typeof value !== 'number' || !(value > 0) || value === Infinity)
    throw new InputError(`learned: ${name} must be a number above 0; got ${String(value)}.`);
  return value;
}
