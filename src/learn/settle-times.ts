import { systemClock, type Clock } from '../clock.ts';
import { aTimeOfDay, checkOptions, elsewhere, type Checks } from '../core/check-options.ts';
import { ORDER_PACE } from '../core/decide.ts';
import { InputError } from '../core/errors.ts';
import type { FieldCheck } from '../core/operation.ts';
import type { GatewayEvent } from '../core/events.ts';
import type { Backoff, LearnedBackoff } from '../policies/backoff.ts';
import { learn, type Lesson, type SettleTime } from '../policies/learned.ts';
import { defaultPolicy, type ChooseBackoff, type StartingPayment } from '../policies/policy.ts';
import type { SettledWithin } from '../policies/settle-mix.ts';
import { byOperation, type GroupBy } from './groups.ts';
import { Samples } from './ring.ts';
import { COMPARED, isShifted } from './shift.ts';
import { Watch } from './watch.ts';

/** What `settleTimes` takes. */
export interface SettleTimesOptions {
  /** Which payments have a history in common. Default {@link byOperation}. */
  readonly by?: GroupBy;
  /** The most samples of a group; the most recent stay. At least 30 more than a `learnFrom` of yours. Default 2,000. */
  readonly keep?: number;
  /** The most groups; payments of further ones are one group, `other`. Default 100. */
  readonly groups?: number;
  /** Fewer samples of a group change nothing. Default 50. */
  readonly learnFrom?: number;
  /** For how long payments are followed, in milliseconds. Default 900,000. */
  readonly deadlineMs?: number;
  /** The most queries that a payment may cost, on average. Default: as many as `otherwise` costs. */
  readonly queriesPerPayment?: number;
  /** Instead: the fewest queries for at most this mean time from settlement to its detection. Milliseconds. */
  readonly maxMeanLatencyMs?: number;
  /** What payments are polled by without this: learned schedules cost as many queries. Default: tillpaid's default. */
  readonly otherwise?: Backoff;
  /** What an earlier process has written: `JSON.parse(JSON.stringify(times))`. Default: no history. */
  readonly history?: SettleTimesData;
  /** Told when a group's schedule changes. What it throws or rejects with is ignored. */
  readonly onChange?: (change: SettleTimesChange) => unknown;
  /** Default: the machine's. */
  readonly clock?: Pick<Clock, 'now'>;
}

/**
 * By what a group's payments are polled.
 *
 * - `default`: there are too few samples.
 * - `learned`: by its own history.
 * - `shifted`: the latest payments took another time than what was learned: by the default, until there are enough new
 *   samples.
 */
export type GroupState = 'default' | 'learned' | 'shifted';

/** One sentence for a log, and the words in it. */
export interface SettleTimesChange {
  readonly group: string;
  readonly state: GroupState;
  /** How many samples there are. */
  readonly samples: number;
  /** The learned schedule, where there is one. */
  readonly backoff?: LearnedBackoff;
  readonly message: string;
}

/** The settle times of payments, as plain JSON: each `[afterMs, byMs]`, `null` where it was not seen to settle. */
export interface SettleTimesData {
  readonly version: 1;
  readonly groups: Readonly<Record<string, readonly (readonly [number, number | null])[]>>;
}

/** A gateway, as far as it is observed. */
export interface Observed {
  observe(listener: (event: GatewayEvent, payment: StartingPayment | undefined) => unknown): () => void;
}

/** How long payments take to settle, group by group, and the schedules that are learned from it. */
export interface SettleTimes {
  /** Collects from this gateway's payments too. @returns a function that ends it @throws {InputError} for what is none */
  observe(gateway: Observed): () => void;
  /**
   * The schedule learned for such payments, for `policy.poll.backoff`; `undefined`: the default. It is learned anew on
   * use, once there are a quarter more samples, or after an hour.
   */
  readonly backoff: ChooseBackoff;
  /** The names of the groups there are. */
  groups(): string[];
  /** The samples of a group, the oldest first: what `learned({ settleTimesMs })` takes. */
  samples(group: string): SettleTime[];
  /** By what a group's payments are polled, and why. */
  state(group: string): SettleTimesChange;
  /** What `history` takes. */
  toJSON(): SettleTimesData;
}

const aCount: FieldCheck = {
  expects: 'a whole number, 1 or more',
  accepts: value => Number.isSafeInteger(value) && (value as number) >= 1,
};
const aFunction: FieldCheck = { expects: 'a function', accepts: value => typeof value === 'function' };

const options: Checks<SettleTimesOptions> = {
  ...{ by: aFunction, keep: aCount, groups: aCount, learnFrom: aCount, onChange: aFunction, clock: aTimeOfDay },
  ...{ deadlineMs: elsewhere, queriesPerPayment: elsewhere, maxMeanLatencyMs: elsewhere },
  ...{ otherwise: elsewhere, history: elsewhere },
};

/**
 * Collects how long payments take to settle, and learns from it how to poll them.
 *
 * @example
 * ```ts
 * const times = settleTimes({ by: byOperation, history: JSON.parse(await read('settle-times.json')) });
 * const gateway = createGateway({ adapter, policy: { poll: { backoff: times.backoff } } });
 * times.observe(gateway);
 * ```
 * @throws {InputError} for an option that cannot be meant, and for what is no history
 */
export function settleTimes(given: SettleTimesOptions = {}): SettleTimes {
  checkOptions('settleTimes', given, options);
  const collected = new Collected(given);
  return {
    observe(gateway) {
      if (typeof (gateway as Partial<Observed> | undefined)?.observe !== 'function')
        throw new InputError('settleTimes: pass the gateway to observe, such as observe(createGateway({ … })).');
      const watch = new Watch();
      return gateway.observe((event, payment) => {
        if (payment === undefined) return;
        const sample = watch.see(event, payment);
        if (sample !== undefined) collected.add(payment, sample);
      });
    },
    backoff: payment => collected.backoff(payment),
    groups: () => collected.names(),
    samples: group => collected.samples(group),
    state: group => collected.state(group),
    toJSON: () => collected.toJSON(),
  };
}

/** The same, of one gateway, to look at, or to learn from by hand. @throws {InputError} */
export function observeSettleTimes(gateway: Observed, given: SettleTimesOptions = {}): SettleTimes {
  const times = settleTimes(given);
  times.observe(gateway);
  return times;
}

interface Group {
  readonly name: string;
  readonly samples: Samples;
  /** Its payers pay later, by a code or a link: such orders are polled less often the longer they wait. */
  isOrder: boolean;
  state: GroupState;
  lesson?: (Lesson & { readonly samples: number; readonly added: number; readonly atMs: number }) | undefined;
}

const OTHER = 'other';
const LEARN_AGAIN = { share: 0.25, leastSamples: 50, afterMs: 60 * 60_000 };
/** How often it is looked for a shift, in samples. */
const COMPARE_EVERY = 10;
/** The latest before a shift was noticed are mostly of what came after it. */
const KEPT_AFTER_SHIFT = 30;
const KEEP = 2000;
const LEARN_FROM = 50;

class Collected {
  readonly #options: SettleTimesOptions;
  readonly #groups = new Map<string, Group>();

  constructor(given: SettleTimesOptions) {
    this.#options = given;
    const { keep = KEEP, learnFrom } = given;
    // Without a word on learning they may be there to be looked at alone.
    if (learnFrom !== undefined && keep < learnFrom + KEPT_AFTER_SHIFT)
      throw new InputError(
        `settleTimes: keep (${keep}) must be at least ${KEPT_AFTER_SHIFT} more than learnFrom (${learnFrom}), or too few samples would ever be there to learn from.`,
      );
    // What cannot be meant is refused now, and not when the first payment is polled.
    learn({ ...this.#goal(), settleTimesMs: [] });
    if (given.history !== undefined) this.#restore(given.history);
  }

  add(payment: StartingPayment, sample: SettledWithin): void {
    const group = this.#groupOf(payment);
    group.isOrder = payment.charge !== true;
    group.samples.add(sample);
    const { lesson, samples } = group;
    if (lesson === undefined || samples.added % COMPARE_EVERY !== 0 || samples.count < 2 * COMPARED) return;
    const { weightOfHistory } = lesson.backoff.confidence;
    if (!isShifted(samples.latest(COMPARED), lesson.mix, lesson.samples, weightOfHistory)) return;
    samples.keepLatest(KEPT_AFTER_SHIFT);
    group.lesson = undefined;
    this.#change(group, 'shifted');
  }

  backoff(payment: StartingPayment): Backoff | undefined {
    const group = this.#groups.get(this.#nameOf(payment)) ?? this.#groups.get(OTHER);
    if (group === undefined || group.samples.count < this.#leastOf(group)) return undefined;
    const { lesson, samples } = group;
    const nowMs = (this.#options.clock ?? systemClock).now();
    if (lesson !== undefined && !isOld(lesson, samples, nowMs)) return lesson.backoff;
    const settled = samples.latest();
    const made = learn({ ...this.#goal(group), settleTimesMs: settled });
    group.lesson = { ...made, samples: settled.length, added: samples.added, atMs: nowMs };
    if (group.state !== 'learned') this.#change(group, 'learned');
    return made.backoff;
  }

  names(): string[] {
    return [...this.#groups.keys()];
  }

  samples(name: string): SettledWithin[] {
    return this.#groups.get(name)?.samples.latest() ?? [];
  }

  state(name: string): SettleTimesChange {
    const group = this.#groups.get(name);
    if (group !== undefined) return told(group, this.#leastOf(group));
    return {
      group: name,
      state: 'default',
      samples: 0,
      message: `${name}: polled by the default; no payment was seen.`,
    };
  }

  toJSON(): SettleTimesData {
    const groups = [...this.#groups.values()].map(({ name, samples }) => [
      name,
      samples.latest().map(({ afterMs, byMs }) => [Math.round(afterMs), byMs === Infinity ? null : Math.round(byMs)]),
    ]);
    return { version: 1, groups: Object.fromEntries(groups) as SettleTimesData['groups'] };
  }

  /** After a shift, as many again as what was kept. */
  #leastOf({ state }: Group): number {
    const { learnFrom = LEARN_FROM } = this.#options;
    return state === 'shifted' ? KEPT_AFTER_SHIFT + learnFrom : learnFrom;
  }

  #goal(group?: Group): Omit<Parameters<typeof learn>[0], 'settleTimesMs'> {
    const { deadlineMs, queriesPerPayment, maxMeanLatencyMs, otherwise = defaultPolicy.poll.backoff } = this.#options;
    return {
      ...(deadlineMs !== undefined && { deadlineMs }),
      ...(queriesPerPayment !== undefined && { queriesPerPayment }),
      ...(maxMeanLatencyMs !== undefined && { maxMeanLatencyMs }),
      otherwise: group?.isOrder === true ? stretched(otherwise) : otherwise,
    };
  }

  #nameOf(payment: StartingPayment): string {
    const { by = byOperation } = this.#options;
    const name: unknown = by(payment);
    if (typeof name !== 'string') throw new InputError('settleTimes: by must give the name of a group, a text.');
    return name.slice(0, 200);
  }

  #groupOf(payment: StartingPayment): Group {
    const name = this.#nameOf(payment);
    return this.#groups.get(name) ?? this.#group(name);
  }

  #group(wanted: string): Group {
    const { groups = 100, keep = KEEP } = this.#options;
    const name = this.#groups.size < groups ? wanted : OTHER;
    let group = this.#groups.get(name);
    if (group === undefined) {
      group = { name, samples: new Samples(keep), isOrder: false, state: 'default' };
      this.#groups.set(name, group);
    }
    return group;
  }

  #change(group: Group, state: GroupState): void {
    group.state = state;
    const { onChange } = this.#options;
    try {
      const result: unknown = onChange?.(told(group, this.#leastOf(group)));
      if (result instanceof Promise) result.catch(() => undefined);
    } catch {
      // It is the listener's own.
    }
  }

  /** @throws {InputError} */
  #restore(history: unknown): void {
    const refuse = (): never => {
      throw new InputError('settleTimes: history is none. Pass what JSON.stringify has made of settle times, parsed.');
    };
    const { version, groups } = (history ?? {}) as Partial<SettleTimesData>;
    if (version !== 1 || typeof groups !== 'object' || (groups as unknown) === null) return refuse();
    for (const [name, samples] of Object.entries(groups) as [string, unknown][]) {
      if (!Array.isArray(samples)) return refuse();
      const group = this.#group(name);
      for (const each of samples as unknown[]) {
        const [afterMs, by] = (Array.isArray(each) ? each : []) as unknown[];
        const byMs = by === null ? Infinity : by;
        if (typeof afterMs !== 'number' || typeof byMs !== 'number' || !(afterMs >= 0 && byMs >= afterMs))
          return refuse();
        group.samples.add({ afterMs, byMs });
      }
    }
  }
}

/** The default waits longer for an order the longer it has waited: that is what its queries are counted by. */
const stretched = (backoff: Backoff): Backoff => ({
  ...backoff,
  delayMs: step => Math.max(backoff.delayMs(step), Math.min(ORDER_PACE.ratio * step.elapsedMs, ORDER_PACE.maxMs)),
});

function isOld(
  { samples, added, atMs }: NonNullable<Group['lesson']>,
  { added: now }: Samples,
  nowMs: number,
): boolean {
  const fresh = now - added;
  const { share, leastSamples, afterMs } = LEARN_AGAIN;
  return fresh >= Math.max(leastSamples, share * samples) || (fresh > 0 && nowMs - atMs >= afterMs);
}

function told({ name, state, samples, lesson }: Group, least: number): SettleTimesChange {
  const { count } = samples;
  const why = {
    default: `polled by the default; ${count} of the ${least} samples that are needed are there.`,
    learned: `polled by its own history: ${String(lesson?.backoff)}.`,
    shifted: `the latest ${COMPARED} payments took another time than what was learned; polled by the default until ${least} samples are there.`,
  }[state];
  const backoff = lesson?.backoff;
  return { group: name, state, samples: count, ...(backoff && { backoff }), message: `${name}: ${why}` };
}
