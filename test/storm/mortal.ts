import type { Clock } from '../../src/clock.ts';
import type { JournalStore } from '../../src/journal/store.ts';
import type { PartyClock } from './clock.ts';
import type { Dice } from './dice.ts';

/** When a process dies: plain data, so that it can be printed. */
export type Death =
  | { readonly at: 'time'; readonly afterMs: number }
  /** Before or after what it does with the journal for the nth time. */
  | { readonly at: 'store'; readonly nth: number; readonly when: 'before' | 'after' }
  /** Before its nth request, as soon as its bytes have left, or when it is answered. */
  | { readonly at: 'wire'; readonly nth: number; readonly when: 'before' | 'sent' | 'answered' };

export function drawDeath(dice: Dice): Death {
  return dice.weigh<Death>([
    [2, { at: 'time', afterMs: dice.between(0, 40_000) }],
    [5, { at: 'store', nth: dice.between(1, 8), when: dice.pick(['before', 'after']) }],
    [4, { at: 'wire', nth: dice.between(1, 4), when: dice.pick(['before', 'sent', 'answered']) }],
  ]);
}

/** A process that dies as one does that is killed: nothing of it goes on, and what was on its way is. */
export class Mortal {
  readonly clock: Clock;
  /** Resolves when it dies. */
  readonly died: Promise<void>;
  readonly #death: Death | undefined;
  readonly #onDeath: () => void;
  #isDead = false;
  #stores = 0;
  #requests = 0;

  constructor(clock: PartyClock, death: Death | undefined) {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.died = promise;
    this.#onDeath = () => resolve(undefined);
    this.#death = death;
    this.clock = {
      now: () => clock.now(),
      monotonicMs: () => clock.monotonicMs(),
      random: () => clock.random(),
      timer: (delayMs, callback) => clock.timer(delayMs, () => (this.#isDead ? undefined : callback())),
    };
    if (death?.at === 'time') clock.timer(death.afterMs, () => this.die());
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  die(): void {
    this.#isDead = true;
    this.#onDeath();
  }

  fetch(send: typeof fetch): typeof fetch {
    return async (input, init) => {
      const death = this.#death;
      const when = death?.at === 'wire' && ++this.#requests === death.nth ? death.when : undefined;
      if (when === 'before') this.die();
      await this.#goOn();
      const answer = send(input, init);
      if (when === 'sent') this.die();
      try {
        return await answer;
      } finally {
        if (when === 'answered') this.die();
        await this.#goOn();
      }
    };
  }

  store(store: JournalStore): JournalStore {
    const mortal = async <T>(work: () => Promise<T>): Promise<T> => {
      const death = this.#death;
      const when = death?.at === 'store' && ++this.#stores === death.nth ? death.when : undefined;
      if (when === 'before') this.die();
      await this.#goOn();
      try {
        return await work();
      } finally {
        if (when === 'after') this.die();
        await this.#goOn();
      }
    };
    return {
      name: store.name,
      insert: (row, db) => mortal(() => store.insert(row, db)),
      get: (id, db) => mortal(() => store.get(id, db)),
      find: (account, names) => mortal(() => store.find(account, names)),
      update: (changes, db) => mortal(() => store.update(changes, db)),
      take: turn => mortal(() => store.take(turn)),
      renew: (holder, forMs) => mortal(() => store.renew(holder, forMs)),
      release: holder => mortal(() => store.release(holder)),
      permits: (account, wanted, perSecond) => mortal(() => store.permits(account, wanted, perSecond)),
      transaction: work => mortal(() => store.transaction(work)),
      list: filter => mortal(() => store.list(filter)),
      counts: () => mortal(() => store.counts()),
      overdue: () => mortal(() => store.overdue()),
      purge: (state, changedBeforeMs) => mortal(() => store.purge(state, changedBeforeMs)),
      salt: db => mortal(() => store.salt(db)),
      close: () => mortal(() => store.close()),
    };
  }

  /** The dead wait for ever. */
  #goOn(): Promise<void> {
    return this.#isDead ? new Promise<never>(() => undefined) : Promise.resolve();
  }
}
