import { callTime, newSecret, systemClock, type Clock } from '../clock.ts';
import { InputError } from '../core/errors.ts';
import { createJournal, type Journal } from './journal.ts';
import { drawPermits, type Bucket } from './permits.ts';
import type { Change, JournalStore, Row, RowContent, RowCount, RowData, RowFilter, Turn } from './store.ts';

/**
 * A journal in this process's memory, for several gateway objects to share, and for tests. What it holds ends with the
 * process: for payments that must outlive it, `sqliteJournal` or `postgresJournal`.
 *
 * @param options `clock` by which leases and due times are judged, default the machine's
 */
export function memoryJournal(options: { readonly clock?: Clock } = {}): Journal {
  const clock = options.clock ?? systemClock;
  return createJournal(storeInMemory(clock), { clock });
}

/** A row as it is kept: replaced as a whole, never changed. Its data is a text, so that nobody has a part of it. */
interface Kept extends Omit<Row, 'data' | 'isHeld' | 'turn'> {
  readonly data: string;
}

/** What an open transaction has changed: its own until it is committed. */
type Pending = Map<string, { readonly before: Kept | undefined; readonly after: Kept }>;

const NO_TIME = Number.POSITIVE_INFINITY;

function storeInMemory(clock: Clock): JournalStore {
  const rows = new RowTable();
  /** Until when each holder's lease is good, on a clock that is never set. */
  const leases = new Map<string, number>();
  const buckets = new Map<string, Bucket>();
  const transactions = new WeakMap<object, Pending>();
  const salt = newSecret();
  const time = callTime(clock);

  const isHeld = ({ holder }: Kept): boolean => holder !== undefined && (leases.get(holder) ?? 0) > time();
  const read = (row: Kept): Row => ({
    ...row,
    names: [...row.names],
    data: JSON.parse(row.data) as RowData,
    isHeld: isHeld(row),
  });
  const pendingOf = (db: unknown): Pending => {
    const pending = typeof db === 'object' && db !== null ? transactions.get(db) : undefined;
    if (pending === undefined)
      throw new InputError('memory journal: db is not that of an open transaction of this journal. Leave it out.');
    return pending;
  };
  /** Reads and writes for whoever has this transaction, or none. */
  const tableFor = (db: unknown): Pick<RowTable, 'get' | 'put'> => {
    if (db === undefined) return rows;
    const pending = pendingOf(db);
    return {
      get: id => pending.get(id)?.after ?? rows.get(id),
      put(after) {
        const before = pending.has(after.id) ? pending.get(after.id)?.before : rows.get(after.id);
        pending.set(after.id, { before, after });
      },
    };
  };
  const commit = (pending: Pending): void => {
    for (const [id, { before }] of pending)
      if (rows.get(id) !== before) throw new Error('memory journal: a row of the transaction was changed meanwhile.');
    for (const { after } of pending.values()) rows.put(after);
  };

  return {
    name: 'memory',
    insert: (row, db) =>
      promised(() => {
        const table = tableFor(db);
        if (table.get(row.id) !== undefined) return false;
        const { id, account, openedAtMs } = row;
        table.put({ id, account, openedAtMs, ...contentOf(row), fence: 1, changedAtMs: clock.now() });
        return true;
      }),
    get: id => promised(() => optional(rows.get(id), read)),
    find: (account, names) => promised(() => rows.find(account, names).map(read)),
    update: (changes, db) =>
      promised(() => {
        const table = tableFor(db);
        // All are copied before the first is made: what cannot be stored leaves everything as it was.
        return changes.map(copyOf).map(({ id, fence, content }) => {
          const row = table.get(id);
          if (row?.fence !== fence) return false;
          table.put({ ...row, ...content, fence: fence + 1, changedAtMs: clock.now() });
          return true;
        });
      }),
    take: turn =>
      promised(() =>
        rows.due(turn, clock.now(), isHeld).map(row => {
          const taken = { ...row, holder: turn.holder, fence: row.fence + 1 };
          rows.put(taken);
          return read(taken);
        }),
      ),
    renew: (holder, forMs) => promised(() => void leases.set(holder, time() + forMs)),
    release: holder => promised(() => void leases.delete(holder)),
    permits: (account, wanted, perSecond) =>
      promised(() => {
        const { granted, left } = drawPermits(buckets.get(account), { wanted, perSecond, nowMs: time() });
        buckets.set(account, left);
        return granted;
      }),
    async transaction(work) {
      const pending: Pending = new Map();
      const db = {};
      transactions.set(db, pending);
      try {
        const result = await work(db);
        commit(pending);
        return result;
      } finally {
        transactions.delete(db);
      }
    },
    list: filter => promised(() => rows.list(filter).map(read)),
    counts: () => promised(() => rows.counts(clock.now())),
    purge: (state, changedBeforeMs) =>
      promised(() => {
        const old = [...rows.all()].filter(
          row =>
            row.state === state &&
            row.changedAtMs < changedBeforeMs &&
            (JSON.parse(row.data) as RowData).deliveries.length === 0,
        );
        for (const row of old) rows.delete(row);
        return old.length;
      }),
    salt: () => promised(() => salt.slice()),
    close: () => Promise.resolve(),
  };
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

  counts(nowMs: number): RowCount[] {
    const groups = Map.groupBy(this.#rows.values(), ({ account, state }) => JSON.stringify([account, state]));
    return [...groups.values()].flatMap(group => {
      const [first] = group;
      if (first === undefined) return [];
      const due = group.flatMap(({ dueAtMs = NO_TIME }) => (dueAtMs <= nowMs ? [dueAtMs] : []));
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

const copyOf = ({
  row: { id, fence },
  set,
}: Change): { id: string; fence: number; content: ReturnType<typeof contentOf> } => ({
  ...{ id, fence },
  content: contentOf(set),
});

const optional = <T, R>(value: T | undefined, map: (value: T) => R): R | undefined =>
  value === undefined ? undefined : map(value);

/** Done at once; what it throws is what the promise rejects with. */
const promised = <T>(work: () => T): Promise<T> => new Promise(resolve => resolve(work()));
