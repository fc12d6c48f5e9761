import { describe, expect, it } from 'vitest';
import { memoryJournal } from '../../src/journal/index.ts';
import type { JournalStore, Row, RowData } from '../../src/journal/store.ts';
import { journalContract, manualClock } from '../../src/testing/index.ts';

/** A store in memory, but for what is wrong with it. */
type Fault = (good: JournalStore) => Partial<JournalStore>;

/** The checks that such a store does not pass, by title, each with what it says. */
async function failuresOf(fault: Fault): Promise<ReadonlyMap<string, string>> {
  const clock = manualClock();
  const { store } = memoryJournal({ clock });
  const checks = new Map<string, () => Promise<void>>();
  journalContract(
    {
      name: 'faulty',
      open: () => ({ ...store, ...fault(store) }),
      nowMs: () => clock.now(),
      pass: ms => clock.advance(ms),
      userTransaction: work => store.transaction(work),
    },
    { test: (title, check) => checks.set(title.replace('the faulty journal keeps the contract: ', ''), check) },
  );
  const failures = new Map<string, string>();
  for (const [title, check] of checks)
    await check().catch((error: unknown) => failures.set(title, error instanceof Error ? error.message : ''));
  return failures;
}

const faults: readonly (readonly [what: string, fault: Fault, failing: RegExp])[] = [
  [
    'overwrites what is there',
    good => ({
      async insert(row, db) {
        if (await good.insert(row, db)) return true;
        const before = await good.get(row.id);
        if (before !== undefined) await good.update([{ row: before, set: row }]);
        return true;
      },
    }),
    /inserts a row once/,
  ],
  [
    'changes a row whatever its fence',
    good => ({
      async update(changes, db) {
        const now = await Promise.all(
          changes.map(async each => ({ ...each, row: (await good.get(each.row.id)) ?? each.row })),
        );
        return good.update(now, db);
      },
    }),
    /changes nothing where the fence is another/,
  ],
  [
    'makes each change for itself',
    good => ({
      async update(changes, db) {
        const answers: boolean[] = [];
        for (const change of changes) answers.push(...(await good.update([change], db)));
        return answers;
      },
    }),
    /makes the changes of one call together/,
  ],
  ['finds the rows of other accounts too', findsAll, /finds the rows of an account/],
  [
    'takes more than it was asked for',
    good => ({ take: turn => good.take({ ...turn, limit: 1000 }) }),
    /takes what is due, the newest first/,
  ],
  [
    'takes the oldest first',
    good => ({ take: async turn => (await good.take(turn)).reverse() }),
    /takes what is due, the newest first/,
  ],
  [
    'shortens a lease',
    good => ({ renew: (holder, forMs) => good.release(holder).then(() => good.renew(holder, forMs)) }),
    /does not shorten a lease/,
  ],
  ['takes what others hold', good => ({ renew: () => good.renew('nobody', 1) }), /holds every row of a holder/],
  [
    'never lets go of what a dead holder has',
    good => ({ renew: holder => good.renew(holder, Number.MAX_SAFE_INTEGER) }),
    /lets the rows of a dead holder be taken/,
  ],
  ['keeps what a holder gives back', () => ({ release: () => Promise.resolve() }), /frees at once what a holder has/],
  [
    'permits all that is wanted',
    () => ({ permits: (_account, wanted) => Promise.resolve(wanted) }),
    /never permits more/,
  ],
  ['permits nothing', () => ({ permits: () => Promise.resolve(0) }), /permits more as time passes/],
  [
    'commits what rejects',
    good => ({
      async transaction(work) {
        const done = await good.transaction(async db =>
          work(db).then(
            value => ({ value }),
            (error: unknown) => ({ error }),
          ),
        );
        if ('error' in done) throw done.error;
        return done.value;
      },
    }),
    /undoes a transaction that rejects/,
  ],
  [
    'writes at once what belongs to a transaction',
    good => ({ update: changes => good.update(changes), insert: row => good.insert(row) }),
    /seen by nobody before/,
  ],
  ['reads beside the transaction', good => ({ get: id => good.get(id) }), /get sees what it has inserted and changed/],
  ['purges what is to be delivered', purgesAll, /never one that has something to deliver/],
  [
    'has a salt for each',
    () => ({ salt: () => Promise.resolve(crypto.getRandomValues(new Uint8Array(32))) }),
    /one salt/,
  ],
  [
    'gives back JSON without the keys it does not like',
    good => ({
      get: async id => {
        const row = await good.get(id);
        return row && { ...row, data: JSON.parse(JSON.stringify(row.data).replaceAll('\\u0000', '')) as RowData };
      },
    }),
    /stores any JSON/,
  ],
  [
    'shares a row with who read it',
    good => {
      const shared = new Map<string, Row>();
      return {
        async get(id) {
          const row = shared.get(id) ?? (await good.get(id));
          if (row !== undefined) shared.set(id, row);
          return row;
        },
      };
    },
    /shares nothing with its callers/,
  ],
  [
    'counts what is not due',
    good => ({ counts: async () => (await good.counts()).map(each => ({ ...each, overdue: each.rows })) }),
    /counts the rows/,
  ],
  ['knows of nothing overdue', () => ({ overdue: () => Promise.resolve([]) }), /says what is overdue/],
  [
    'lists the oldest first',
    good => ({ list: async filter => (await good.list(filter)).reverse() }),
    /lists the newest/,
  ],
];

function findsAll(good: JournalStore): Partial<JournalStore> {
  return {
    async find(_account, names) {
      const rows = await good.list({ limit: 100_000 });
      return rows.filter(row => row.names.some(name => names.includes(name)));
    },
  };
}

function purgesAll(good: JournalStore): Partial<JournalStore> {
  return {
    async purge(state, changedBeforeMs) {
      for (const row of await good.list({ state, limit: 100_000 }))
        if (row.changedAtMs < changedBeforeMs)
          await good.update([{ row, set: { ...row, data: { ...row.data, deliveries: [] } } }]);
      return good.purge(state, Number.MAX_SAFE_INTEGER);
    },
  };
}

describe('the contract of journals', () => {
  it('registers what a store must keep, and a good one passes all of it', async () => {
    expect(await failuresOf(() => ({}))).toEqual(new Map());
  });

  it.each(faults)('finds a store that %s', async (_what, fault, failing) => {
    const failures = [...(await failuresOf(fault))].map(([title, message]) => `${title} | ${message}`);
    expect(failures.filter(failure => failing.test(failure))).not.toEqual([]);
    for (const failure of failures) expect(failure).toMatch(/\| .+/);
  });

  it('leaves out the user’s own transactions where there are none', () => {
    const titles: string[] = [];
    const { store } = memoryJournal();
    journalContract(
      { name: 'small', open: () => store, nowMs: () => 0, pass: () => undefined },
      { describe: (title, body) => (titles.push(title), body()), it: title => titles.push(title) },
    );
    expect(titles[0]).toBe('the small journal keeps the contract');
    expect(titles.filter(title => title.includes('caller’s own transaction'))).toEqual([]);
    expect(titles.length).toBeGreaterThan(30);
  });
});
