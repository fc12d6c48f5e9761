import type { JournalStore, RowContent, RowState } from '../../src/journal/store.ts';

export type Point =
  | 'before-intended'
  | 'intended'
  | 'before-leaving'
  | 'leaving'
  | 'wire'
  | 'sent'
  | 'answered'
  | 'before-end'
  | 'ended'
  | 'taken'
  | 'asking'
  | 'asked'
  | 'before-stored'
  | 'stored'
  | 'handler'
  | 'before-commit'
  | 'after-commit'
  | 'before-delivered'
  | 'delivered'
  | 'random';

/** Where a process dies, or is stopped, and which kind of process is ever there. */
export const points: Readonly<Record<Point, 'shop' | 'worker' | 'any'>> = {
  /** Nothing is stored yet. */
  'before-intended': 'shop',
  /** The intention is durable; it has no slot yet. */
  intended: 'shop',
  'before-leaving': 'shop',
  /** `leaving` is durable, and nothing is on the wire. */
  leaving: 'shop',
  /** Past every check: in the `fetch` that takes the bytes. */
  wire: 'shop',
  /** The bytes have left, and the answer is on its way. */
  sent: 'shop',
  /** The answer is here; nobody has looked at it. */
  answered: 'shop',
  'before-end': 'shop',
  /** What the answer says is durable; the caller does not know yet. */
  ended: 'shop',
  taken: 'worker',
  /** In the `fetch` of a status query, before and after. */
  asking: 'worker',
  asked: 'worker',
  /** What the worker found out is about to be stored; it is stored. */
  'before-stored': 'worker',
  stored: 'worker',
  handler: 'worker',
  'before-commit': 'worker',
  'after-commit': 'worker',
  'before-delivered': 'worker',
  delivered: 'worker',
  /** At any time, from outside. */
  random: 'any',
};

export const pointsOf = (role: 'shop' | 'worker'): readonly Point[] =>
  (Object.keys(points) as Point[]).filter(point => points[point] === role || points[point] === 'any');

/** Says that execution is at a point. The one that it is to die at, it does not return from. */
export type Trap = (point: Point) => Promise<void>;

/** @param nth which time the point is met; the first is 1 */
export function trapAt(wanted: Point, nth: number, blow: () => Promise<void>): Trap {
  let met = 0;
  return async point => {
    if (point === wanted && ++met === nth) await blow();
  };
}

const moments: Readonly<Partial<Record<RowState, { readonly before: Point; readonly after: Point }>>> = {
  leaving: { before: 'before-leaving', after: 'leaving' },
  open: { before: 'before-end', after: 'ended' },
  settled: { before: 'before-end', after: 'ended' },
  unsent: { before: 'before-end', after: 'ended' },
  delivered: { before: 'before-delivered', after: 'delivered' },
};

/** The journal's own store, with the points before and after what it makes durable. */
export function trapped(store: JournalStore, role: 'shop' | 'worker', trap: Trap): JournalStore {
  const around = async <T>(contents: readonly RowContent[], change: () => Promise<T>): Promise<T> => {
    const met = contents.flatMap(({ state }) => moments[state] ?? []);
    const stores = role === 'worker' && contents.length > 0;
    for (const { before } of met) await trap(before);
    if (stores) await trap('before-stored');
    const done = await change();
    for (const { after } of met) await trap(after);
    if (stores) await trap('stored');
    return done;
  };
  return {
    ...boundTo(store),
    async insert(row, db) {
      await trap('before-intended');
      const isNew = await store.insert(row, db);
      if (isNew) await trap('intended');
      return isNew;
    },
    update: (changes, db) =>
      around(
        changes.map(({ set }) => set),
        () => store.update(changes, db),
      ),
    async take(turn) {
      const rows = await store.take(turn);
      if (rows.length > 0) await trap('taken');
      return rows;
    },
  };
}

/** Every method of a store, whether it is an object or an instance. */
function boundTo(store: JournalStore): JournalStore {
  return {
    name: store.name,
    insert: (row, db) => store.insert(row, db),
    get: (id, db) => store.get(id, db),
    find: (account, names) => store.find(account, names),
    update: (changes, db) => store.update(changes, db),
    take: turn => store.take(turn),
    renew: (holder, forMs) => store.renew(holder, forMs),
    release: holder => store.release(holder),
    permits: (account, wanted, perSecond) => store.permits(account, wanted, perSecond),
    transaction: work => store.transaction(work),
    list: filter => store.list(filter),
    counts: () => store.counts(),
    overdue: () => store.overdue(),
    purge: (state, changedBeforeMs) => store.purge(state, changedBeforeMs),
    salt: db => store.salt(db),
    close: () => store.close(),
  };
}

/** The way to the bank, with the points before and after it. Which process it is, the bank is told. */
export function trappedFetch(name: string, trap: Trap): typeof fetch {
  return async (input, init) => {
    const request = new Request(input, init);
    if (new URL(request.url).pathname === '/token') return fetch(request);
    request.headers.set('x-process', name);
    const isQuery = /quer|payouts/.test(new URL(request.url).pathname);
    await trap(isQuery ? 'asking' : 'wire');
    const answering = fetch(request);
    if (!isQuery) {
      answering.catch(() => undefined);
      await new Promise(resolve => setTimeout(resolve, 5));
      await trap('sent');
    }
    const response = await answering;
    await trap(isQuery ? 'asked' : 'answered');
    return response;
  };
}
