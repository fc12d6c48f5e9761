import type { Share } from './rate.ts';

/**
 * What an exchange is, the most urgent first: payers at the till, then status queries, and a cancel that waits for one,
 * before what is sent again, new payments before old ones, and last what a worker does behind the scenes.
 */
export const urgencies = [
  'charge',
  'first-send',
  'last-query',
  'cancel',
  'charge-query',
  'young-query',
  're-send',
  'old-query',
  'background',
] as const;

export type Urgency = (typeof urgencies)[number];

/**
 * Which of a minute's permits it may use: all, where somebody waits for it at a till, or it is the last time that a payment
 * can be asked about in its call.
 */
export const shareOf: Readonly<Record<Urgency, Share>> = {
  charge: 'all',
  'first-send': 'all',
  'last-query': 'all',
  cancel: 'all',
  'charge-query': 'all',
  'young-query': 'rest',
  're-send': 'rest',
  'old-query': 'paced',
  background: 'paced',
};

/** Somebody in a line. */
export interface Waiter {
  readonly urgency: Urgency;
  /** Grows with each who comes. */
  readonly number: number;
  /** By the monotonic clock. */
  readonly sinceMs: number;
  readonly start: () => void;
  before?: Waiter | undefined;
  behind?: Waiter | undefined;
}

/** So many may pass somebody; then it is his turn. */
export const MOST_PASSING = 3;

/**
 * Who waits in one lane: a queue for each urgency. To join, to leave and to find the next one takes the same time however
 * many wait.
 */
export class Line {
  readonly #first = new Map<Urgency, Waiter>();
  readonly #last = new Map<Urgency, Waiter>();
  /** How many have passed the one that has waited longest. */
  #passing = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get isEmpty(): boolean {
    return this.#first.size === 0;
  }

  first(urgency: Urgency): Waiter | undefined {
    return this.#first.get(urgency);
  }

  /** Whoever is next has been passed as often as may be. */
  get isPassed(): boolean {
    return this.#passing >= MOST_PASSING;
  }

  /** The most urgent; each fourth time the one that has waited longest, so that nobody waits without end. */
  get next(): Waiter | undefined {
    if (this.isPassed) return this.#longest;
    const urgency = urgencies.find(each => this.#first.has(each));
    return urgency && this.#first.get(urgency);
  }

  get #longest(): Waiter | undefined {
    let longest: Waiter | undefined;
    for (const first of this.#first.values())
      if (longest === undefined || first.number < longest.number) longest = first;
    return longest;
  }

  join(waiter: Waiter): void {
    const { urgency } = waiter;
    this.#size++;
    const before = this.#last.get(urgency);
    if (before === undefined) this.#first.set(urgency, waiter);
    else before.behind = waiter;
    waiter.before = before;
    this.#last.set(urgency, waiter);
  }

  /** It is his turn. */
  take(waiter: Waiter): void {
    this.#passing = waiter === this.#longest ? 0 : this.#passing + 1;
    this.leave(waiter);
  }

  leave(waiter: Waiter): void {
    const { urgency, before, behind } = waiter;
    this.#size--;
    if (before !== undefined) before.behind = behind;
    else if (behind !== undefined) this.#first.set(urgency, behind);
    else this.#first.delete(urgency);
    if (behind !== undefined) behind.before = before;
    else if (before !== undefined) this.#last.set(urgency, before);
    else this.#last.delete(urgency);
  }
}
