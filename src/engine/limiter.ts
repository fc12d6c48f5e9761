import { monotonicOf, orAbort, type Clock } from '../clock.ts';
import { Line, MOST_PASSING, shareOf, urgencies, type Urgency, type Waiter } from './line.ts';
import { Rate, type Progress, type RateLimits } from './rate.ts';

/** Where an exchange has its slot: a failing charge path must not hold up status queries. */
export type Lane = 'write' | 'read';

/** What an exchange is, to those who wait. */
export interface Turn {
  readonly lane: Lane;
  readonly urgency: Urgency;
  readonly signal: AbortSignal;
  /** It waits no longer than this. Default: as long as it takes. */
  readonly patienceMs?: number;
}

/** A turn, and what it is for. */
interface Entry<T> {
  readonly turn: Turn;
  readonly slots: Slots;
  readonly exchange: (progress: Progress) => Promise<T>;
  readonly resolve: (value: T | Promise<T>) => void;
  readonly reject: (reason: unknown) => void;
  readonly late: (() => T) | undefined;
}

/** The one place that says who goes next: slots on the wire, and what an account's gateway takes in a second. */
export interface Limiter {
  /**
   * Runs `exchange` when a slot of the lane and a permit of the account are free, both at once: neither is held while the
   * other is waited for. It tells how far it has come. Leaving the queue by abort is prompt, and then nothing is run.
   *
   * @param late what it comes to where its turn does not come in time
   */
  run<T>(turn: Turn, exchange: (progress: Progress) => Promise<T>, late?: () => T): Promise<T>;
  /** The gateway wants no queries for so long. What is sent, and the last query of a payment, still goes. */
  holdQueries(forMs: number): void;
}

export interface Limits extends RateLimits {
  /** The most exchanges at once in each lane. */
  readonly concurrency: number;
}

export function createLimiter(limits: Limits, clock: Clock): Limiter {
  return new Queue(limits, clock);
}

/** Those whom a hold kept are let go over as long as it was, and over no longer than this. */
const LET_GO_WITHIN_MS = 5000;
/** A few of them at once, and others no slower than this. */
const LET_GO_AT_ONCE = 5;
const LET_GO_EVERY_MS = 1000 / 60;

/** A lane's slots, and who waits for them. */
class Slots {
  readonly line = new Line();
  active = 0;
  /** Until then nobody goes, and after that one at a time. */
  heldUntilMs = 0;
  /** From then on all go that can. */
  openFromMs = 0;
  #atOnce = 0;
  /** How often the other lane had the permit that both could have used. */
  passing = 0;

  hold(nowMs: number, forMs: number): void {
    if (nowMs + forMs <= this.heldUntilMs) return;
    this.heldUntilMs = nowMs + forMs;
    this.openFromMs = this.heldUntilMs + Math.min(forMs, LET_GO_WITHIN_MS);
    this.#atOnce = LET_GO_AT_ONCE;
  }

  /** Who goes next, were there a slot and a permit. */
  next(nowMs: number): Waiter | undefined {
    return this.heldUntilMs > nowMs ? this.line.first('last-query') : this.line.next;
  }

  take(waiter: Waiter, nowMs: number): void {
    const letGoForMs = this.openFromMs - nowMs;
    const isLetGo = letGoForMs > 0 && waiter.urgency !== 'last-query' && this.#atOnce-- <= 1;
    // All who wait by now are to have gone by then. Timers are late: what they missed by little is made up for.
    if (isLetGo)
      this.heldUntilMs =
        Math.max(this.heldUntilMs, nowMs - LET_GO_EVERY_MS) + Math.min(LET_GO_EVERY_MS, letGoForMs / this.line.size);
    this.line.take(waiter);
  }
}

/** From then on those who need not wait at all count as passing whoever waits. */
const LONG_MS = 60_000;

const untold: Progress = { left: () => undefined, answered: () => undefined };

class Queue implements Limiter {
  readonly #concurrency: number;
  readonly #clock: Clock;
  readonly #rate: Rate | undefined;
  readonly #lanes: Readonly<Record<Lane, Slots>> = { write: new Slots(), read: new Slots() };
  #came = 0;
  #isCalling = false;
  #alarm: { readonly atMs: number; readonly cancel: () => void } | undefined;

  constructor({ concurrency, ...rate }: Limits, clock: Clock) {
    this.#concurrency = concurrency;
    this.#clock = clock;
    const { perSecond = Infinity, perMinute = Infinity } = rate;
    const isLimited = perSecond !== Infinity || perMinute !== Infinity;
    this.#rate = isLimited ? new Rate(rate, clock, () => this.#callNext()) : undefined;
  }

  run<T>(turn: Turn, exchange: (progress: Progress) => Promise<T>, late?: () => T): Promise<T> {
    const { lane, urgency, signal } = turn;
    if (signal.aborted) return Promise.reject(signal.reason);
    const slots = this.#lanes[lane];
    const isFree = slots.line.isEmpty && slots.active < this.#concurrency;
    if (
      isFree &&
      (slots.openFromMs === 0 || slots.openFromMs <= this.#nowMs) &&
      this.#permitAtMs(urgency) <= this.#nowMs
    ) {
      const isLastSlot = slots.active + 1 >= this.#concurrency;
      this.#countPassing(slots);
      const carried = this.#carry(slots, exchange);
      // Exchanges look at the signal themselves. Where others may wait for the slot, nobody depends on it.
      return isLastSlot ? orAbort(carried, signal) : carried;
    }
    return new Promise((resolve, reject) => this.#wait({ turn, slots, exchange, resolve, reject, late }));
  }

  holdQueries(forMs: number): void {
    this.#lanes.read.hold(this.#nowMs, forMs);
    this.#callNext();
  }

  /** Payers at the till may leave their own permits alone, and none to those who wait for the others. */
  #countPassing(by: Slots): void {
    const { write, read } = this.#lanes;
    const passed = by === write ? read : write;
    const waiter = passed.line.next;
    if (waiter !== undefined && this.#nowMs - waiter.sinceMs >= LONG_MS) passed.passing++;
  }

  get #nowMs(): number {
    return monotonicOf(this.#clock);
  }

  /** When there is a permit for it. Who has been passed too often may use those that are kept for payers, too. */
  #permitAtMs(urgency: Urgency, isPassed = false): number {
    return this.#rate?.freeAtMs(isPassed ? 'all' : shareOf[urgency]) ?? -Infinity;
  }

  async #carry<T>(slots: Slots, exchange: (progress: Progress) => Promise<T>): Promise<T> {
    slots.active++;
    const permit = this.#rate?.take();
    try {
      return await exchange(permit ?? untold);
    } finally {
      slots.active--;
      permit?.end();
      this.#callNext();
    }
  }

  #wait<T>({ turn, slots, exchange, resolve, reject, late }: Entry<T>): void {
    const { urgency, signal, patienceMs = Infinity } = turn;
    const leave = (): void => {
      stop();
      slots.line.leave(waiter);
      this.#callNext();
    };
    const stop = (): void => {
      cancel?.();
      signal.removeEventListener('abort', onAbort);
    };
    const onAbort = (): void => {
      leave();
      reject(signal.reason);
    };
    const giveUp = (end: () => T): void => {
      leave();
      resolve(end());
    };
    const cancel =
      late === undefined || patienceMs === Infinity ? undefined : this.#clock.timer(patienceMs, () => giveUp(late));
    const waiter: Waiter = {
      urgency,
      number: this.#came++,
      sinceMs: this.#nowMs,
      start: () => {
        stop();
        resolve(orAbort(this.#carry(slots, exchange), signal));
      },
    };
    signal.addEventListener('abort', onAbort);
    slots.line.join(waiter);
    this.#callNext();
  }

  /** Lets all go that can. */
  #callNext(): void {
    const { write, read } = this.#lanes;
    // Whoever ends at once is called from within: then the next one is being looked for already.
    if (this.#isCalling) return;
    if (write.line.isEmpty && read.line.isEmpty && this.#alarm === undefined) return;
    this.#isCalling = true;
    const nowMs = this.#nowMs;
    for (;;) {
      const slots = this.#nextLane(nowMs);
      const waiter = slots?.next(nowMs);
      if (slots === undefined || waiter === undefined) break;
      slots.take(waiter, nowMs);
      waiter.start();
    }
    this.#isCalling = false;
    this.#setAlarm(nowMs);
  }

  /** Each lane has a fourth of the permits at least, if it can use them. */
  #nextLane(nowMs: number): Slots | undefined {
    const { write, read } = this.#lanes;
    const next = (slots: Slots): Waiter | undefined =>
      slots.active < this.#concurrency ? slots.next(nowMs) : undefined;
    const isPermitted = (slots: Slots, waiter: Waiter): boolean => this.#waiterAtMs(slots, waiter) <= nowMs;
    const [sending, asking] = [next(write), next(read)];
    if (sending === undefined || asking === undefined) {
      const [slots, waiter] = sending === undefined ? [read, asking] : [write, sending];
      if (waiter === undefined || !isPermitted(slots, waiter)) return undefined;
      slots.passing = 0;
      return slots;
    }
    const isSendFirst = urgencies.indexOf(sending.urgency) < urgencies.indexOf(asking.urgency);
    const isPassed = (isSendFirst ? read : write).passing >= MOST_PASSING;
    const byTurn: [Slots, Waiter][] =
      isSendFirst === isPassed
        ? [
            [read, asking],
            [write, sending],
          ]
        : [
            [write, sending],
            [read, asking],
          ];
    const goes = byTurn.find(([slots, waiter]) => isPermitted(slots, waiter))?.[0];
    if (goes === undefined) return undefined;
    goes.passing = 0;
    (goes === write ? read : write).passing++;
    return goes;
  }

  #waiterAtMs({ line, passing }: Slots, { urgency }: Waiter): number {
    return this.#permitAtMs(urgency, line.isPassed || passing >= MOST_PASSING);
  }

  /** Where a permit or the end of a hold is waited for, and not a slot, somebody must look again. */
  #setAlarm(nowMs: number): void {
    let atMs = Infinity;
    for (const slots of Object.values(this.#lanes)) {
      if (slots.line.isEmpty || slots.active >= this.#concurrency) continue;
      const waiter = slots.next(nowMs);
      atMs = Math.min(atMs, waiter === undefined ? slots.heldUntilMs : Math.max(0, this.#waiterAtMs(slots, waiter)));
    }
    if (this.#alarm?.atMs === atMs) return;
    this.#alarm?.cancel();
    this.#alarm = undefined;
    if (atMs === Infinity) return;
    const cancel = this.#clock.timer(Math.max(0, Math.ceil(atMs - nowMs)), () => {
      this.#alarm = undefined;
      this.#callNext();
    });
    this.#alarm = { atMs, cancel };
  }
}
