import type { Clock } from '../../clock.ts';
import type { JournalStore } from '../store.ts';

/** A lease is asked for anew when a third of it is gone, and it may be late in coming. */
const RENEWALS = 3;
const MOST_ASKS = 3;
/** After a renewal that failed it is asked for sooner. */
const SOONER = 10;

/**
 * The lease of one gateway object on all that it holds. It is kept while anything is held. Its age is the larger of
 * monotonic and wall time: neither a machine that slept nor a clock that was set makes it look younger.
 */
export class DeskLease {
  readonly holder: string;
  readonly #store: JournalStore;
  readonly #clock: Clock;
  readonly #leaseMs: number;
  #granted: { readonly forMs: number; readonly wallMs: number; readonly monotonicMs: number } | undefined;
  /** Grows when the lease has ended before it was renewed: others may have taken over what was held meanwhile. */
  #gaps = 0;
  #held = 0;
  #stopTimer: (() => void) | undefined;
  #asking: { readonly forMs: number; readonly granted: Promise<void> } | undefined;
  /** What the store has still to be told of what is held: without it the lease would keep it from everybody. */
  readonly #untold = new Set<() => Promise<unknown>>();
  #isTelling = false;
  /** Until when the lease is kept for what is untold. By the monotonic clock. */
  #tellUntilMs = 0;

  constructor(store: JournalStore, clock: Clock, leaseMs: number, holder: string) {
    this.#store = store;
    this.#clock = clock;
    this.#leaseMs = leaseMs;
    this.holder = holder;
  }

  /** How long it is good at least. Milliseconds. */
  get leftMs(): number {
    if (this.#granted === undefined) return 0;
    const { forMs, wallMs, monotonicMs } = this.#granted;
    return forMs - Math.max(this.#clock.now() - wallMs, this.#monotonicMs() - monotonicMs);
  }

  /** Two equal ones: it was good all the time between. */
  get gaps(): number {
    return this.#gaps;
  }

  /** Resolves when it is good for so long. @throws what the store throws */
  async cover(forMs: number): Promise<void> {
    for (let asks = 0; this.leftMs < forMs; asks++) {
      if (asks === MOST_ASKS) throw new Error(`${this.#store.name}: its leases come later than they last.`);
      await this.#renew(Math.max(this.#leaseMs, 2 * forMs));
    }
  }

  /** Something more is held. */
  hold(): void {
    this.#held++;
    if (this.#stopTimer === undefined) this.#keep();
  }

  /** And no longer. */
  drop(): void {
    this.#held--;
    this.#stopIfIdle();
  }

  #stopIfIdle(): void {
    if (this.#isNeeded()) return;
    this.#stopTimer?.();
    this.#stopTimer = undefined;
  }

  /** While anything is held, or untold: but for a lease's worth of time, others take over what cannot be told. */
  #isNeeded(): boolean {
    return this.#held > 0 || (this.#untold.size > 0 && this.#monotonicMs() < this.#tellUntilMs);
  }

  /**
   * Tells the store something of what is held: when that fails, again with each renewal, until it is told. The lease is
   * kept for it for a while. Never rejects.
   */
  async tell(work: () => Promise<unknown>): Promise<void> {
    if (await this.#isTold(work)) return;
    this.#untold.add(work);
    this.#tellUntilMs = this.#monotonicMs() + this.#leaseMs;
    if (this.#stopTimer === undefined) this.#keep();
  }

  async #isTold(work: () => Promise<unknown>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch {
      return false;
    }
  }

  async #tellAll(): Promise<void> {
    if (this.#isTelling) return;
    this.#isTelling = true;
    for (const work of [...this.#untold]) if (await this.#isTold(work)) this.#untold.delete(work);
    this.#isTelling = false;
    this.#stopIfIdle();
  }

  #keep(afterMs: number = this.#leaseMs / RENEWALS): void {
    this.#stopTimer?.();
    this.#stopTimer = this.#clock.timer(afterMs, () => {
      this.#stopIfIdle();
      if (this.#stopTimer === undefined) return;
      // What cannot be renewed ends: then others take over what is held, and nothing is sent from here.
      const again = (nextMs?: number): void => {
        if (this.#stopTimer !== undefined) this.#keep(nextMs);
      };
      void this.#renew(this.#leaseMs).then(
        () => again(),
        () => again(this.#leaseMs / SOONER),
      );
    });
  }

  /** One request at a time; it counts from when it was made. */
  #renew(forMs: number): Promise<void> {
    if (this.#asking !== undefined) return this.#asking.granted;
    const wallMs = this.#clock.now();
    const monotonicMs = this.#monotonicMs();
    const longest = Math.max(forMs, this.leftMs);
    const granted = this.#store.renew(this.holder, longest).then(
      () => {
        if (this.leftMs <= 0) this.#gaps++;
        this.#granted = { forMs: longest, wallMs, monotonicMs };
        this.#asking = undefined;
        if (this.#untold.size > 0) void this.#tellAll();
      },
      (error: unknown) => {
        this.#asking = undefined;
        throw error;
      },
    );
    this.#asking = { forMs, granted };
    return granted;
  }

  #monotonicMs(): number {
    return this.#clock.monotonicMs?.() ?? this.#clock.now();
  }
}
