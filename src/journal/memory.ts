import { callTime, newSecret, systemClock, type Clock } from '../clock.ts';
import { aClock, checkOptions, elsewhere } from '../core/check-options.ts';
import { InputError } from '../core/errors.ts';
import { createJournal, type Journal } from './journal.ts';
import { drawPermits, type Bucket } from './permits.ts';
import type { JournalStore, Overdue, Row, RowContent, RowCount, RowData, RowFilter, Turn } from './store.ts';

/**
 * A journal in this process's memory, for several gateway objects to share, and for tests. What it holds ends with the
 * process: for payments that must outlive it, `sqliteJournal` or `postgresJournal`. Its `close` ends nothing, since others
 * may share it.
 *
 * @param options `clock` by which leases and due times are judged, default the machine's; `leaseMs`: see `JournalOptions`
 */
export function memoryJournal(options: { readonly clock?: Clock; readonly leaseMs?: number } = {}): Journal {
  checkOptions('memoryJournal', options, { clock: aClock, leaseMs: elsewhere });
  const { clock = systemClock, leaseMs } = options;
  return createJournal(new MemoryStore(clock), { clock, leaseMs });
}

/** A row as it is kept: replaced as a whole, never changed. Its data is a text, so that nobody has a part of it. */
interface Kept extends Omit<Row, 'data' | 'isHeld' | 'turn'> {
  readonly data: string;
}

/** What an open transaction has changed: its own until it is committed. */
type Pending = Map<string, { readonly before: Kept | undefined; readonly after: Kept }>;

const NO_TIME = Number.POSITIVE_INFINITY;

class MemoryStore implements JournalStore {
  readonly name = 'memory';
  readonly #clock: Clock;
  /** A clock that is never set: no step of the wall clock ends a lease. */
  readonly #time: () => number;
  readonly #rows = new RowTable();
  /** Until when each holder's lease is good. */
  readonly #leases = new Map<string, number>();
  readonly #buckets = new Map<string, Bucket>();
  readonly #transactions = new WeakMap<object, Pending>();
  readonly #salt = newSecret();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#time = callTime(clock);
  }

  readonly insert: JournalStore['insert'] = (row, db) =>
    promised(() => {
      const table = this.#tableFor(db);
      if (table.get(row.id) !== undefined) return false;
      const { id, account, openedAtMs } = row;
      table.put({ id, account, openedAtMs, ...contentOf(row), fence: 1, changedAtMs: this.#clock.now() });
      return true;
    });

  readonly get: JournalStore['get'] = (id, db) =>
    promised(() => {
      const row = this.#tableFor(db).get(id);
      return row && this.#read(row);
    });

  readonly find: JournalStore['find'] = (account, names) =>
    promised(() => this.#rows.find(account, names).map(row => this.#read(row)));

  readonly update: JournalStore['update'] = (changes, db) =>
    promised(() => {
      const table = this.#tableFor(db);
      // All are copied before the first is made: what cannot be stored leaves everything as it was.
      const copies = changes.map(({ row: { id, fence }, set }) => ({ id, fence, content: contentOf(set) }));
      return copies.map(({ id, fence, content }) => {
        const row = table.get(id);
        if (row?.fence !== fence) return false;
        table.put({ ...row, ...content, fence: fence + 1, changedAtMs: this.#clock.now() });
        return true;
      });
    });

  readonly take: JournalStore['take'] = turn =>
    promised(() => {
      const due = this.#rows.due(turn, this.#clock.now(), row => this.#isHeld(row));
      return due.map(row => {
        const taken = { ...row, holder: turn.holder, fence: row.fence + 1 };
        this.#rows.put(taken);
        return this.#read(taken);
      });
    });

  readonly renew: JournalStore['renew'] = (holder, forMs) =>
    promised(() => void this.#leases.set(holder, Math.max(this.#leases.get(holder) ?? 0, this.#time() + forMs)));

  readonly release: JournalStore['release'] = holder => promised(() => void this.#leases.delete(holder));

  readonly permits: JournalStore['permits'] = (account, wanted, perSecond) =>
    promised(() => {
      const { granted, left } = drawPermits(this.#buckets.get(account), { wanted, perSecond, nowMs: this.#time() });
      this.#buckets.set(account, left);
      return granted;
    });

  readonly transaction: JournalStore['transaction'] = async work => {
    const pending: Pending = new Map();
    const db = {};
    this.#transactions.set(db, pending);
    try {
      const result = await work(db);
      this.#commit(pending);
      return result;
    } finally {
      this.#transactions.delete(db);
    }
  };

  readonly list: JournalStore['list'] = filter => promised(() => this.#rows.list(filter).map(row => this.#read(row)));

  readonly counts: JournalStore['counts'] = () =>
    promised(() => this.#rows.counts(this.#clock.now(), row => this.#isHeld(row)));

  readonly overdue: JournalStore['overdue'] = () =>
    promised(() => this.#rows.overdue(this.#clock.now(), row => this.#isHeld(row)));

  readonly purge: JournalStore['purge'] = (state, changedBeforeMs) =>
    promised(() => {
      const old = [...this.#rows.all()].filter(
        row => row.state === state && row.changedAtMs < changedBeforeMs && dataOf(row).deliveries.length === 0,
      );
      for (const row of old) this.#rows.delete(row);
      return old.length;
    });

  readonly salt: JournalStore['salt'] = () => Promise.resolve(this.#salt.slice());

  readonly close: JournalStore['close'] = () => Promise.resolve();

  #isHeld({ holder }: Kept): boolean {
    return holder !== undefined && (this.#leases.get(holder) ?? 0) > this.#time();
  }

  #read(row: Kept): Row {
    return { ...row, names: [...row.names], data: dataOf(row), isHeld: this.#isHeld(row) };
  }

  /** Reads and writes for whoever has this transaction, or none. */
  #tableFor(db: unknown): Pick<RowTable, 'get' | 'put'> {
    if (db === undefined) return this.#rows;
    const pending = typeof db === 'object' && db !== null ? this.#transactions.get(db) : undefined;
    if (pending === undefined)
      throw new InputError('memory journal: db is not that of an open transaction of this journal. Leave it out.');
    return {
      get: id => pending.get(id)?.after ?? this.#rows.get(id),
      put: after => {
        const before = pending.has(after.id) ? pending.get(after.id)?.before : this.#rows.get(after.id);
        pending.set(after.id, { before, after });
      },
    };
  }

  #commit(pending: Pending): void {
    for (const [id, { before }] of pending)
      if (this.#rows.get(id) !== before)
        throw new Error('memory journal: a row of the transaction was changed meanwhile.');
    for (const { after } of pending.values()) this.#rows.put(after);
  }
}

/** The rows, and which of them go by a name or are ever due. */
class RowTable {
  readonly #rows = new Map<string, Kept>();
  readonly #withTime = new Map<string, Kept>();
  readonly #named = new Map<string, Set<string>>();

  get(id: string): Kept | undefined {
    return this.#rows.get(id);
  }

  all(): Iterable<Kept> {
    return this.#rows.values();
  }

  put(row: Kept): void {
    const before = this.#rows.get(row.id);
    this.#rows.set(row.id, row);
    if (row.dueAtMs === undefined) this.#withTime.delete(row.id);
    else this.#withTime.set(row.id, row);
    if (before?.names === row.names) return;
    if (before !== undefined) this.#forgetNames(before);
    for (const key of namesOf(row)) {
      const ids = this.#named.get(key);
      if (ids === undefined) this.#named.set(key, new Set([row.id]));
      else ids.add(row.id);
    }
  }

  delete(row: Kept): void {
    this.#rows.delete(row.id);
    this.#withTime.delete(row.id);
    this.#forgetNames(row);
  }

  find(account: string, names: readonly string[]): Kept[] {
    const ids = new Set(names.flatMap(name => [...(this.#named.get(nameKey(account, name)) ?? [])]));
    return [...ids].flatMap(id => this.#rows.get(id) ?? []);
  }

  due({ accounts, limit }: Turn, nowMs: number, isHeld: (row: Kept) => boolean): Kept[] {
    const served = new Set(accounts);
    return [...this.#withTime.values()]
      .filter(row => (row.dueAtMs ?? NO_TIME) <= nowMs && served.has(row.account) && !isHeld(row))
      .sort(newestFirst)
      .slice(0, limit);
  }

  list({ state, account, limit = 100, openedBeforeMs = NO_TIME }: RowFilter): Kept[] {
    return [...this.#rows.values()]
      .filter(
        row =>
          (state === undefined || row.state === state) &&
          (account === undefined || row.account === account) &&
          row.openedAtMs < openedBeforeMs,
      )
      .sort(newestFirst)
      .slice(0, limit);
  }

  counts(nowMs: number, isHeld: (row: Kept) => boolean): RowCount[] {
    const groups = Map.groupBy(this.#rows.values(), ({ account, state }) => JSON.stringify([account, state]));
    return [...groups.values()].flatMap(group => {
      const [first] = group;
      if (first === undefined) return [];
      const due = group.flatMap(row =>
        row.dueAtMs !== undefined && row.dueAtMs <= nowMs && !isHeld(row) ? [row.dueAtMs] : [],
      );
      const oldestDueAtMs = due.reduce((oldest, each) => Math.min(oldest, each), NO_TIME);
      return [
        {
          account: first.account,
          state: first.state,
          rows: group.length,
          overdue: due.length,
          ...(due.length > 0 && { oldestDueAtMs }),
        },
      ];
    });
  }

  overdue(nowMs: number, isHeld: (row: Kept) => boolean): Overdue[] {
    const due = [...this.#withTime.values()].filter(row => (row.dueAtMs ?? NO_TIME) <= nowMs && !isHeld(row));
    return [...Map.groupBy(due, ({ account }) => account)].map(([account, rows]) => ({
      account,
      rows: rows.length,
      oldestDueAtMs: rows.reduce((oldest, { dueAtMs = NO_TIME }) => Math.min(oldest, dueAtMs), NO_TIME),
    }));
  }

  #forgetNames(row: Kept): void {
    for (const key of namesOf(row)) {
      const ids = this.#named.get(key);
      ids?.delete(row.id);
      if (ids?.size === 0) this.#named.delete(key);
    }
  }
}

const nameKey = (account: string, name: string): string => JSON.stringify([account, name]);
const namesOf = ({ account, names }: Kept): string[] => names.map(name => nameKey(account, name));
const newestFirst = (one: Kept, other: Kept): number => other.openedAtMs - one.openedAtMs;

const contentOf = ({
  state,
  holder,
  dueAtMs,
  names,
  data,
}: RowContent): Omit<RowContent, 'data'> & { data: string } => ({
  ...{ state, holder, dueAtMs },
  names: [...names],
  data: JSON.stringify(data),
});

const dataOf = ({ data }: Kept): RowData => JSON.parse(data) as RowData;

/** Done at once; what it throws is what the promise rejects with. */
const promised = <T>(work: () => T): Promise<T> => new Promise(resolve => resolve(work()));
