import { newKey } from '../clock.ts';
import type { Change, Delivery, JournalStore, Row, RowContent, RowData } from '../journal/store.ts';

/** What registers checks: `{ describe, it }` of vitest or `node:test`, or a `{ test }` alone. */
export type JournalContractRunner =
  | {
      readonly describe: (title: string, body: () => void) => unknown;
      readonly it: (title: string, check: () => Promise<void>) => unknown;
    }
  | { readonly test: (title: string, check: () => Promise<void>) => unknown };

/** A journal of its own for the checks: they write to it, and purge it. */
export interface JournalUnderTest {
  /** For the titles. */
  readonly name: string;
  /** A store on the same journal at each call, as another process would have it. The checks close it. */
  open(): JournalStore | Promise<JournalStore>;
  /** The journal's time, in milliseconds since the epoch. */
  nowMs(): number;
  /** Lets so much of the journal's time pass: a step of a manual clock, or a real wait. */
  pass(ms: number): void | Promise<void>;
  /** How long the leases of the checks are, default 60,000 milliseconds: less where time really passes. */
  readonly leaseMs?: number;
  /**
   * Runs `work` in a transaction that is the user's own, and commits it, or undoes it and rejects as `work` does. Default:
   * the store's own `transaction` alone is checked.
   */
  userTransaction?(work: (db: unknown) => Promise<void>): Promise<void>;
}

/**
 * Registers what every journal store must keep, as one check each: the suite that tillpaid's own journals pass. Two
 * stores on one journal stand for two processes. A check that fails throws a plain `Error`; it needs no assertion
 * library.
 *
 * @example
 * ```ts
 * import { describe, it } from 'node:test'; // or from 'vitest'
 *
 * const clock = manualClock();
 * journalContract(
 *   { name: 'mine', open: () => myStore(file, clock), nowMs: () => clock.now(), pass: ms => clock.advance(ms) },
 *   { describe, it },
 * );
 * ```
 */
export function journalContract(journal: JournalUnderTest, runner: JournalContractRunner): void {
  const checks = [
    ...rowChecks,
    ...changeChecks,
    ...takeChecks,
    ...leaseChecks,
    ...permitChecks,
    ...transactionChecks,
    ...(journal.userTransaction === undefined ? [] : userTransactionChecks(journal.userTransaction.bind(journal))),
    ...listChecks,
    ...dataChecks,
  ];
  const register = (add: (title: string, check: () => Promise<void>) => unknown): void => {
    for (const [title, check] of checks) add(title, () => onBench(journal, check));
  };
  const suite = `the ${journal.name} journal keeps the contract`;
  if ('test' in runner) register((title, check) => runner.test(`${suite}: ${title}`, check));
  else runner.describe(suite, () => register(runner.it));
}

/** What a check has: two stores on one journal, and an account that nobody else has rows of. */
interface Bench {
  readonly one: JournalStore;
  readonly other: JournalStore;
  readonly journal: JournalUnderTest;
  readonly account: string;
  readonly leaseMs: number;
  /** A row of the account; its number makes its id, and the second in which it was opened. */
  readonly row: (number: number, change?: Partial<RowContent>) => NewRow;
  /** The same, inserted, as it is then read. */
  readonly inserted: (number: number, change?: Partial<RowContent>) => Promise<Row>;
}

type NewRow = Parameters<JournalStore['insert']>[0];
type Check = readonly [title: string, check: (bench: Bench) => Promise<void>];

async function onBench(journal: JournalUnderTest, check: (bench: Bench) => Promise<void>): Promise<void> {
  const one = await journal.open();
  const other = await journal.open();
  const account = `acme ${newKey()}`;
  const openedAtMs = journal.nowMs() - 1_000_000;
  const row = (number: number, change: Partial<RowContent> = {}): NewRow => ({
    id: `${account} ${number}`,
    account,
    // A store may be exact to the second about which row is the newest.
    openedAtMs: openedAtMs + number * 1000,
    ...{ state: 'open', holder: undefined, dueAtMs: undefined, names: [], data: dataOf(`${number}`) },
    ...change,
  });
  try {
    await check({
      ...{ one, other, journal, account, row },
      leaseMs: journal.leaseMs ?? 60_000,
      async inserted(number, change) {
        same('insert', await one.insert(row(number, change)), true);
        return there(await one.get(row(number).id));
      },
    });
  } finally {
    await one.close();
    await other.close();
  }
}

const rowChecks: readonly Check[] = [
  [
    'inserts a row once: whoever comes second is told so, and changes nothing',
    async ({ one, other, row }) => {
      same('the first insert', await one.insert(row(1, { state: 'intended', holder: 'a', names: ['x'] })), true);
      same('the second insert', await other.insert(row(1, { state: 'unsent', names: ['y'] })), false);
      const { state, holder, names } = there(await other.get(row(1).id));
      same('the row', { state, holder, names }, { state: 'intended', holder: 'a', names: ['x'] });
    },
  ],
  [
    'gives back what was inserted, with fence 1, to every process at once',
    async ({ one, other, row, journal }) => {
      const given = row(1, { state: 'leaving', holder: 'nobody', dueAtMs: journal.nowMs(), names: ['x', 'y'] });
      await one.insert(given);
      for (const store of [one, other]) {
        const { changedAtMs, turn: _turn, ...read } = there(await store.get(given.id));
        same('the row', read, { ...given, fence: 1, isHeld: false });
        isTrue('changedAtMs is the time of the insert', Math.abs(changedAtMs - journal.nowMs()) < 60_000);
      }
    },
  ],
  [
    'lets one of many win who insert the same row at the same time',
    async ({ one, other, row }) => {
      const answers = await Promise.all(many(20, each => (each % 2 === 0 ? one : other).insert(row(1))));
      same('how many were told that it is theirs', answers.filter(Boolean).length, 1);
    },
  ],
  [
    'gives nothing for an id that it does not have',
    async ({ one, row }) => same('get', await one.get(row(1).id), undefined),
  ],
  [
    'finds the rows of an account by any of their names, each once',
    async ({ one, other, row, inserted, account }) => {
      await inserted(1, { names: ['["n","1"]', '["m","1"]'] });
      await inserted(2, { names: ['["n","2"]', '["m","1"]'] });
      await one.insert({ ...row(3, { names: ['["n","1"]'] }), account: `${account} other` });
      const found = async (...names: string[]): Promise<string[]> =>
        (await other.find(account, names)).map(({ id }) => id).sort();
      same('one name', await found('["n","1"]'), [row(1).id]);
      same('a name of two rows', await found('["m","1"]'), [row(1).id, row(2).id]);
      same('all names of a row', await found('["n","1"]', '["m","1"]'), [row(1).id, row(2).id]);
      same('a name of none', await found('["n","3"]', '["n", "1"]', 'n'), []);
      same('no name', await found(), []);
    },
  ],
  [
    'finds a row by the names it has now',
    async ({ one, other, inserted, account }) => {
      const row = await inserted(1, { names: ['old', 'both'] });
      await one.update([{ row, set: { ...contentOf(row), names: ['both', 'new'] } }]);
      const counts = await Promise.all(
        ['old', 'both', 'new'].map(async name => (await other.find(account, [name])).length),
      );
      same('how many are found', counts, [0, 1, 1]);
    },
  ],
];

const changeChecks: readonly Check[] = [
  [
    'changes a row whose fence is what was read: the whole content, and the fence by one',
    async ({ one, other, inserted, journal }) => {
      const row = await inserted(1, { state: 'leaving', holder: 'a', dueAtMs: journal.nowMs(), names: ['x'] });
      const set: RowContent = {
        ...{ state: 'settled', holder: undefined, dueAtMs: undefined, names: ['y'] },
        data: { ...dataOf('changed'), deliveries: [deliveryOf('d')] },
      };
      same('update', await one.update([{ row, set }]), [true]);
      const { changedAtMs, turn: _turn, ...read } = there(await other.get(row.id));
      const { id, account, openedAtMs } = row;
      same('the row', read, { id, account, openedAtMs, ...set, fence: 2, isHeld: false });
      isTrue('changedAtMs does not go back', changedAtMs >= row.changedAtMs);
    },
  ],
  [
    'changes nothing where the fence is another, or the row is not there',
    async ({ one, other, inserted }) => {
      const row = await inserted(1);
      const set = { ...contentOf(row), state: 'parked' } as const;
      same('the first', await one.update([{ row, set: { ...set, state: 'settled' } }]), [true]);
      const stale: Change[] = [
        { row, set },
        { row: { ...row, fence: row.fence + 2 }, set },
        { row: { ...row, id: `${row.id} none` }, set },
      ];
      same('the others', await other.update(stale), [false, false, false]);
      const { state, fence } = there(await one.get(row.id));
      same('the row', { state, fence }, { state: 'settled', fence: 2 });
      same('a row that is not there', await one.get(`${row.id} none`), undefined);
    },
  ],
  [
    'answers each change of one call, in order',
    async ({ one, other, inserted }) => {
      const rows = [await inserted(1), await inserted(2), await inserted(3)];
      const changes = rows.map(
        (row, at): Change => ({
          row: at === 1 ? { ...row, fence: 7 } : row,
          set: { ...contentOf(row), state: 'delivered' },
        }),
      );
      same('the answers', await other.update(changes), [true, false, true]);
      const states = await Promise.all(rows.map(async ({ id }) => (await one.get(id))?.state));
      same('the states', states, ['delivered', 'open', 'delivered']);
      same('no change at all', await one.update([]), []);
    },
  ],
  [
    'makes the changes of one call together, or none of them',
    async ({ one, other, inserted }) => {
      const rows = [await inserted(1), await inserted(2)];
      const changes = rows.map(
        (row, at): Change => ({
          row,
          set: { ...contentOf(row), state: 'settled', ...(at === 1 && { data: unstorable }) },
        }),
      );
      await rejects('a change that cannot be stored', one.update(changes));
      for (const { id } of rows) same('the row', there(await other.get(id)).fence, 1);
      same('and then the first alone', await one.update(changes.slice(0, 1)), [true]);
    },
  ],
  [
    'lets one of two win who change the same row at the same time',
    async ({ one, other, inserted }) => {
      for (const number of many(20, each => each)) {
        const row = await inserted(number);
        const change = (state: Row['state']): Change[] => [{ row, set: { ...contentOf(row), state } }];
        const answers = await Promise.all([one.update(change('settled')), other.update(change('parked'))]);
        same('how many changed it', answers.flat().filter(Boolean).length, 1);
        const { state, fence } = there(await one.get(row.id));
        same('the row', { state, fence }, { state: answers[0][0] === true ? 'settled' : 'parked', fence: 2 });
      }
    },
  ],
];

const takeChecks: readonly Check[] = [
  [
    'takes what is due, the newest first, and no more than asked for',
    async ({ one, other, row, inserted, account, journal }) => {
      for (const number of [2, 4, 1, 3]) await inserted(number, { dueAtMs: journal.nowMs() - number });
      await one.renew('worker', 600_000);
      const first = await one.take({ holder: 'worker', accounts: [account], limit: 3 });
      same(
        'the first turn',
        first.map(({ id }) => id),
        [4, 3, 2].map(number => row(number).id),
      );
      const second = await other.take({ holder: 'worker', accounts: [account], limit: 3 });
      same(
        'the second turn',
        second.map(({ id }) => id),
        [row(1).id],
      );
      await one.release('worker');
    },
  ],
  [
    'takes only rows of the accounts it is told: the others stay where they are',
    async ({ one, row, inserted, account, journal }) => {
      await inserted(1, { dueAtMs: journal.nowMs() });
      const others = { ...row(2, { dueAtMs: journal.nowMs() }), account: `${account} other` };
      await one.insert(others);
      await one.renew('worker', 600_000);
      const turn = { holder: 'worker', limit: 10 };
      same('of no account', await one.take({ ...turn, accounts: [] }), []);
      same('of an account without rows', await one.take({ ...turn, accounts: [`${account} none`] }), []);
      const ids = (await one.take({ ...turn, accounts: [account] })).map(({ id }) => id);
      same('of its account', ids, [row(1).id]);
      same('the other', there(await one.get(others.id)).fence, 1);
      const both = await one.take({ ...turn, accounts: [account, others.account] });
      same(
        'of both',
        both.map(({ id }) => id),
        [others.id],
      );
      await one.release('worker');
    },
  ],
  [
    'takes a row when it is due, not before, and never one without a time',
    async ({ one, row, inserted, account, journal, leaseMs }) => {
      await inserted(1);
      await inserted(2, { dueAtMs: journal.nowMs() + leaseMs });
      const turn = { holder: 'worker', accounts: [account], limit: 10 };
      same('before', await one.take(turn), []);
      await journal.pass(leaseMs + 1);
      same(
        'after',
        (await one.take(turn)).map(({ id }) => id),
        [row(2).id],
      );
    },
  ],
  [
    'gives a taken row to its holder, with a fence of one more, and changes nothing else of it',
    async ({ one, other, inserted, account, journal }) => {
      const row = await inserted(1, { dueAtMs: journal.nowMs(), names: ['x'] });
      await one.renew('worker', 600_000);
      const taken = there((await one.take({ holder: 'worker', accounts: [account], limit: 1 }))[0]);
      const { turn: _turn, changedAtMs: _changedAtMs, ...read } = taken;
      const { turn: _before, changedAtMs: _then, ...before } = row;
      same('the taken row', read, { ...before, holder: 'worker', fence: 2, isHeld: true });
      const { turn: _now, changedAtMs: _at, ...stored } = there(await other.get(row.id));
      same('the stored row', stored, read);
      same('a change by who read it before', await other.update([{ row, set: contentOf(row) }]), [false]);
      const freed = { ...contentOf(taken), holder: undefined, dueAtMs: undefined };
      same('a change by its holder', await one.update([{ row: taken, set: freed }]), [true]);
      await one.release('worker');
    },
  ],
  [
    'gives a row to one of many who take at the same time, and each row to somebody',
    async ({ one, other, inserted, account, journal }) => {
      const ids = new Set<string>();
      for (const number of many(40, each => each)) ids.add((await inserted(number, { dueAtMs: journal.nowMs() })).id);
      const holders = many(8, each => `worker ${each}`);
      for (const holder of holders) await one.renew(holder, 600_000);
      const turns = await Promise.all(
        holders.map((holder, at) => (at % 2 === 0 ? one : other).take({ holder, accounts: [account], limit: 10 })),
      );
      const rest = await one.take({ holder: 'worker 0', accounts: [account], limit: 100 });
      const taken = [...turns.flat(), ...rest].map(({ id }) => id);
      same('how many were taken', taken.length, ids.size);
      same('how many of them differ', new Set(taken).size, ids.size);
      for (const holder of holders) await one.release(holder);
    },
  ],
];

const leaseChecks: readonly Check[] = [
  [
    'holds every row of a holder whose lease is good, also one he got later',
    async ({ one, other, inserted, account, journal, leaseMs }) => {
      const holder = `holder of ${account}`;
      const first = await inserted(1, { holder, dueAtMs: journal.nowMs() });
      isTrue('without a lease nothing is held', !first.isHeld);
      await one.renew(holder, leaseMs);
      const second = await inserted(2, { holder, dueAtMs: journal.nowMs() });
      for (const { id } of [first, second]) isTrue('the row is held', there(await other.get(id)).isHeld);
      for (const worker of ['worker', holder])
        same('what is held is not taken', await other.take({ holder: worker, accounts: [account], limit: 9 }), []);
    },
  ],
  [
    'lets the rows of a dead holder be taken: his own changes then come too late',
    async ({ one, other, inserted, account, journal, leaseMs }) => {
      const holder = `holder of ${account}`;
      await one.renew(holder, leaseMs);
      const row = await inserted(1, { holder, dueAtMs: journal.nowMs() });
      await journal.pass(leaseMs + 1);
      isTrue('it is not held any more', !there(await other.get(row.id)).isHeld);
      const [taken] = await other.take({ holder: 'worker', accounts: [account], limit: 1 });
      same('who has it', taken?.holder, 'worker');
      same('his change', await one.update([{ row, set: { ...contentOf(row), state: 'leaving' } }]), [false]);
    },
  ],
  [
    'renews a lease from now, and again after it ended',
    async ({ one, other, inserted, account, journal, leaseMs }) => {
      const holder = `holder of ${account}`;
      const { id } = await inserted(1, { holder });
      await one.renew(holder, leaseMs);
      await journal.pass(leaseMs * 0.6);
      await one.renew(holder, leaseMs);
      await journal.pass(leaseMs * 0.6);
      isTrue('it is held by the second lease', there(await other.get(id)).isHeld);
      await journal.pass(leaseMs);
      isTrue('it is held no more', !there(await other.get(id)).isHeld);
      await one.renew(holder, leaseMs);
      isTrue('it is held again', there(await other.get(id)).isHeld);
    },
  ],
  [
    'does not shorten a lease by a renewal that comes late',
    async ({ one, other, inserted, account, journal, leaseMs }) => {
      const holder = `holder of ${account}`;
      const { id } = await inserted(1, { holder });
      await one.renew(holder, 2 * leaseMs);
      await one.renew(holder, leaseMs / 2);
      await journal.pass(leaseMs);
      isTrue('it is held by the longer lease', there(await other.get(id)).isHeld);
    },
  ],
  [
    'frees at once what a holder has who gives back his lease, and nothing of others',
    async ({ one, other, row, inserted, account, journal, leaseMs }) => {
      const [gone, here] = [`gone of ${account}`, `here of ${account}`];
      for (const holder of [gone, here]) await one.renew(holder, leaseMs);
      await inserted(1, { holder: gone, dueAtMs: journal.nowMs() });
      await inserted(2, { holder: here, dueAtMs: journal.nowMs() });
      await one.release(gone);
      await one.release(`nobody of ${account}`);
      const taken = await other.take({ holder: 'worker', accounts: [account], limit: 9 });
      same(
        'what is taken',
        taken.map(({ id }) => id),
        [row(1).id],
      );
    },
  ],
];

const permitChecks: readonly Check[] = [
  [
    'never permits more than the rate, however many ask',
    async ({ one, other, account, journal }) => {
      const perSecond = 20;
      const startMs = journal.nowMs();
      let granted = 0;
      for (const waitMs of [0, 50, 100, 300, 0]) {
        await journal.pass(waitMs);
        const grants = await Promise.all(
          many(6, each => (each % 2 === 0 ? one : other).permits(account, 7, perSecond)),
        );
        for (const each of grants)
          isTrue(`0 to 7 were permitted, not ${each}`, Number.isInteger(each) && each >= 0 && each <= 7);
        granted += grants.reduce((sum, each) => sum + each, 0);
        // A second's worth may have been saved up.
        const most = perSecond * (1 + (journal.nowMs() - startMs) / 1000);
        isTrue(`${granted} were permitted where ${most} are the most`, granted <= most);
      }
    },
  ],
  [
    'permits more as time passes, to each account for itself',
    async ({ one, other, account, journal }) => {
      const drain = async (): Promise<number> =>
        (await one.permits(account, 1000, 10)) + (await other.permits(account, 1000, 10));
      await drain();
      await journal.pass(350);
      const granted = await drain();
      isTrue(`3 or more were permitted, not ${granted}`, granted >= 3);
      isTrue('another account has its own', (await other.permits(`${account} other`, 1, 10)) === 1);
      same('for none that is wanted', await one.permits(`${account} other`, 0, 10), 0);
    },
  ],
];

const transactionChecks: readonly Check[] = [
  [
    'makes the changes of a transaction together, seen by nobody before',
    async ({ one, other, row, inserted }) => {
      const rows = [await inserted(1), await inserted(2)];
      const result = await one.transaction(async db => {
        for (const each of rows) {
          const change: Change = { row: each, set: { ...contentOf(each), state: 'delivered' } };
          same('update', await one.update([change], db), [true]);
        }
        same('insert', await one.insert(row(3), db), true);
        same('the row meanwhile', there(await other.get(row(1).id)).state, 'open');
        same('the new row meanwhile', await other.get(row(3).id), undefined);
        return 'the result';
      });
      same('what it resolves to', result, 'the result');
      for (const number of [1, 2]) same('the row', there(await other.get(row(number).id)).state, 'delivered');
      same('the new row', there(await other.get(row(3).id)).fence, 1);
    },
  ],
  [
    'undoes a transaction that rejects, and passes on what it rejected with',
    async ({ one, other, row, inserted }) => {
      const given = await inserted(1, { names: ['x'] });
      const reason = new Error('the order row could not be written');
      const work = one.transaction(async db => {
        await one.update([{ row: given, set: { ...contentOf(given), state: 'delivered', names: ['y'] } }], db);
        await one.insert(row(2, { names: ['y'] }), db);
        throw reason;
      });
      isTrue('it rejects with the very reason', (await rejects('the transaction', work)) === reason);
      for (const store of [one, other]) {
        const { state, fence } = there(await store.get(given.id));
        same('the row', { state, fence }, { state: 'open', fence: 1 });
        same('the new row', await store.get(row(2).id), undefined);
        same('found by the new name', await store.find(given.account, ['y']), []);
        same('found by its name', (await store.find(given.account, ['x'])).length, 1);
      }
      same('a later change', await other.update([{ row: given, set: contentOf(given) }]), [true]);
    },
  ],
  [
    'reads in the transaction: get sees what it has inserted and changed',
    async ({ one, other, row, inserted }) => {
      const given = await inserted(1);
      await one.transaction(async db => {
        await one.insert(row(2, { state: 'parked' }), db);
        await one.update([{ row: given, set: { ...contentOf(given), state: 'settled' } }], db);
        const seen = [there(await one.get(row(2).id, db)), there(await one.get(given.id, db))];
        same(
          'within',
          seen.map(({ state, fence }) => [state, fence]),
          [
            ['parked', 1],
            ['settled', 2],
          ],
        );
        same('beside it', [await other.get(row(2).id), there(await one.get(given.id)).fence], [undefined, 1]);
      });
    },
  ],
  [
    'refuses the db of a transaction once that has ended: what comes late is written nowhere',
    async ({ one, other, row, inserted }) => {
      const given = await inserted(1);
      const change: Change = { row: given, set: { ...contentOf(given), state: 'parked' } };
      const dbs: unknown[] = [];
      await one.transaction(db => Promise.resolve(dbs.push(db)));
      await rejects(
        'the transaction',
        one.transaction(db => Promise.reject(new Error(`his own ${dbs.push(db)}`))),
      );
      for (const db of dbs) {
        await rejects('a late insert', one.insert(row(2), db));
        await rejects('a late update', one.update([change], db));
        await rejects('a late get', one.get(given.id, db));
      }
      await one.transaction(async () => {
        for (const db of dbs) await rejects('an insert within the next transaction', one.insert(row(2), db));
      });
      same('the row', there(await other.get(given.id)).fence, 1);
      same('the new row', await other.get(row(2).id), undefined);
    },
  ],
  [
    'runs transactions that are begun at the same time, each whole',
    async ({ one, other, row, inserted }) => {
      for (const number of many(8, each => each)) await inserted(number);
      await Promise.all(
        many(8, async number => {
          const store = number % 2 === 0 ? one : other;
          await store.transaction(async db => {
            const given = there(await store.get(row(number).id));
            await store.update([{ row: given, set: { ...contentOf(given), state: 'settled' } }], db);
          });
        }),
      );
      for (const number of many(8, each => each))
        same('the state', there(await one.get(row(number).id)).state, 'settled');
    },
  ],
];

const userTransactionChecks = (userTransaction: NonNullable<JournalUnderTest['userTransaction']>): readonly Check[] => [
  [
    'writes in the caller’s own transaction: there once it is committed, and gone when it is undone',
    async ({ one, other, row, inserted }) => {
      const given = await inserted(1);
      const change: Change = { row: given, set: { ...contentOf(given), state: 'parked' } };
      const write = async (db: unknown): Promise<void> => {
        same('insert', await one.insert(row(2), db), true);
        same('insert again', await one.insert(row(2), db), false);
        same('update', await one.update([change, { ...change, row: { ...given, fence: 9 } }], db), [true, false]);
        same('meanwhile', [there(await other.get(given.id)).state, await other.get(row(2).id)], ['open', undefined]);
      };
      const reason = new Error('his own');
      const undone = userTransaction(async db => {
        await write(db);
        throw reason;
      });
      isTrue('it rejects with his own reason', (await rejects('his transaction', undone)) === reason);
      same('undone', [there(await other.get(given.id)).fence, await one.get(row(2).id)], [1, undefined]);
      await userTransaction(write);
      same('committed', [there(await one.get(given.id)).state, there(await other.get(row(2).id)).fence], ['parked', 1]);
    },
  ],
  [
    'reads in the caller’s own transaction: get sees what it has inserted and changed, and there is the same salt',
    async ({ one, other, row, inserted }) => {
      const given = await inserted(1);
      const salt = [...(await other.salt())];
      await userTransaction(async db => {
        same('before', [await one.get(row(2).id, db), there(await one.get(given.id, db)).fence], [undefined, 1]);
        await one.insert(row(2, { state: 'parked' }), db);
        await one.update([{ row: given, set: { ...contentOf(given), state: 'settled' } }], db);
        const seen = [there(await one.get(row(2).id, db)), there(await one.get(given.id, db))];
        same(
          'within',
          seen.map(({ state, fence }) => [state, fence]),
          [
            ['parked', 1],
            ['settled', 2],
          ],
        );
        same('beside it', [await one.get(row(2).id), there(await other.get(given.id)).fence], [undefined, 1]);
        same('the salt', [...(await one.salt(db))], salt);
      });
    },
  ],
];

const listChecks: readonly Check[] = [
  [
    'lists the newest first, by state and account, a page at a time',
    async ({ one, other, row, inserted, account }) => {
      for (const number of [3, 1, 4, 2]) await inserted(number, { state: number === 4 ? 'parked' : 'open' });
      await one.insert({ ...row(5), account: `${account} other` });
      const numbers = async (filter: Parameters<JournalStore['list']>[0]): Promise<number[]> =>
        (await other.list(filter)).map(({ id }) => Number(id.split(' ').at(-1)));
      same('all', await numbers({ account }), [4, 3, 2, 1]);
      same('of one state', await numbers({ account, state: 'open' }), [3, 2, 1]);
      same('the first page', await numbers({ account, limit: 2 }), [4, 3]);
      same('the second page', await numbers({ account, limit: 2, openedBeforeMs: row(3).openedAtMs }), [2, 1]);
      const everywhere = await one.list({ state: 'open', limit: 100_000 });
      same('of every account', everywhere.filter(({ account: of }) => of.startsWith(account)).length, 4);
    },
  ],
  [
    'lists a hundred rows, when it is not told how many',
    async ({ one, row, account }) => {
      await Promise.all(many(105, each => one.insert(row(each))));
      same('how many', (await one.list({ account })).length, 100);
    },
  ],
  [
    'counts the rows of each account and state, and what is overdue',
    async ({ other, inserted, account, journal }) => {
      const nowMs = journal.nowMs();
      await inserted(1, { dueAtMs: nowMs - 2000 });
      await inserted(2, { dueAtMs: nowMs - 5000 });
      await inserted(3, { dueAtMs: nowMs + 10_000_000 });
      await inserted(4);
      await inserted(5, { state: 'parked' });
      const counts = (await other.counts()).filter(({ account: of }) => of === account);
      same(
        'the counts',
        counts.sort((a, b) => a.state.localeCompare(b.state)),
        [
          { account, state: 'open', rows: 4, overdue: 2, oldestDueAtMs: nowMs - 5000 },
          { account, state: 'parked', rows: 1, overdue: 0 },
        ],
      );
    },
  ],
  [
    'says what is overdue in each account, but for what a live holder has',
    async ({ one, other, row, inserted, account, journal }) => {
      const dueAtMs = journal.nowMs() - 1000;
      const holder = `holder of ${account}`;
      await one.renew(holder, 600_000);
      await inserted(1, { dueAtMs, holder });
      await inserted(2, { dueAtMs });
      await inserted(3, { dueAtMs: dueAtMs - 7, holder: `nobody of ${account}`, state: 'settled' });
      await inserted(4);
      await one.insert({ ...row(5, { dueAtMs: dueAtMs - 5 }), account: `${account} other` });
      await one.insert({ ...row(6, { dueAtMs: dueAtMs + 10_000_000 }), account: `${account} third` });
      const overdue = (await other.overdue()).filter(({ account: of }) => of.startsWith(account));
      same(
        'what is overdue',
        overdue.sort((a, b) => b.rows - a.rows),
        [
          { account, rows: 2, oldestDueAtMs: dueAtMs - 7 },
          { account: `${account} other`, rows: 1, oldestDueAtMs: dueAtMs - 5 },
        ],
      );
      await one.release(holder);
    },
  ],
  [
    'counts what a live holder is busy with as overdue only once his lease is over',
    async ({ one, other, inserted, account, journal, leaseMs }) => {
      const nowMs = journal.nowMs();
      const holder = `holder of ${account}`;
      await one.renew(holder, leaseMs);
      await inserted(1, { holder, dueAtMs: nowMs - 5000 });
      await inserted(2, { holder: `nobody of ${account}`, dueAtMs: nowMs - 2000 });
      await inserted(3, { state: 'settled', holder, dueAtMs: nowMs - 7000 });
      const counts = async (): Promise<unknown> =>
        (await other.counts())
          .filter(({ account: of }) => of === account)
          .sort((a, b) => a.state.localeCompare(b.state));
      same('while he lives', await counts(), [
        { account, state: 'open', rows: 2, overdue: 1, oldestDueAtMs: nowMs - 2000 },
        { account, state: 'settled', rows: 1, overdue: 0 },
      ]);
      await journal.pass(leaseMs + 1);
      same('when he is gone', await counts(), [
        { account, state: 'open', rows: 2, overdue: 2, oldestDueAtMs: nowMs - 5000 },
        { account, state: 'settled', rows: 1, overdue: 1, oldestDueAtMs: nowMs - 7000 },
      ]);
    },
  ],
  [
    'purges old rows of one state, and never one that has something to deliver',
    async ({ one, other, row, inserted, journal, account }) => {
      await one.purge('archived', journal.nowMs() + 1);
      const archived = { state: 'archived', names: ['x'] } as const;
      for (const number of [1, 2]) await inserted(number, archived);
      await inserted(3, { ...archived, data: { ...dataOf('3'), deliveries: [deliveryOf('d')] } });
      await inserted(4, { state: 'delivered' });
      await journal.pass(20);
      const sinceMs = journal.nowMs();
      await journal.pass(20);
      await inserted(5, archived);
      const changed = there(await one.get(row(2).id));
      await one.update([{ row: changed, set: contentOf(changed) }]);
      same('how many are purged', await other.purge('archived', sinceMs), 1);
      const left = await Promise.all(
        [1, 2, 3, 4, 5].map(async number => (await one.get(row(number).id)) !== undefined),
      );
      same('what is left', left, [false, true, true, true, true]);
      same('what is found', (await one.find(account, ['x'])).length, 3);
      same('a row of that id can be inserted again', await other.insert(row(1)), true);
      same('and is found by its own names alone', (await one.find(account, ['x'])).length, 3);
    },
  ],
];

const dataChecks: readonly Check[] = [
  [
    'stores any JSON, and gives it back as it was',
    async ({ one, other, inserted, account }) => {
      const names = [JSON.stringify(['n', strange]), "'; DROP TABLE rows; --", '%', '_', '"', '\\'];
      const odd = JSON.parse(JSON.stringify(oddData).replace('"proto"', '"__proto__"')) as RowData;
      isTrue('the data has a key of its own that is __proto__', JSON.stringify(odd).includes('"__proto__":'));
      const holder = `o'holder "${account}" ${strange}`;
      const row = await inserted(1, { names, holder, data: odd });
      const stored = there(await other.get(row.id));
      same('the data', stored.data, odd);
      same('its keys', JSON.stringify(stored.data).includes('"__proto__":'), true);
      same('holder and names', [stored.holder, stored.names], [holder, names]);
      for (const name of names) same(`found by ${name}`, (await other.find(account, [name])).length, 1);
      same('update', await one.update([{ row, set: contentOf(row) }]), [true]);
      same('the data again', there(await other.get(row.id)).data, odd);
    },
  ],
  [
    'takes any text as an id and an account',
    async ({ one, other, row, account }) => {
      const odd = { ...row(1), id: `${account} ${strange}`, account: `${account}' OR 1=1 -- ${strange}` };
      same('insert', await one.insert(odd), true);
      same('get', (await other.get(odd.id))?.account, odd.account);
      same(
        'insert of what differs in case',
        await one.insert({ ...odd, id: `${account} ${strange.toUpperCase()}` }),
        true,
      );
      same('insert of what ends in a space', await one.insert({ ...odd, id: `${odd.id} ` }), true);
      same('list', (await other.list({ account: odd.account })).length, 3);
    },
  ],
  [
    'shares nothing with its callers: what they do to a row later changes nothing',
    async ({ one, other, row }) => {
      const names = ['x'];
      const deliveries = [deliveryOf('d')];
      const given = row(1, { names, data: { ...dataOf('1'), deliveries } });
      const insert = one.insert(given);
      names.push('y');
      deliveries.pop();
      await insert;
      const read = there(await one.get(given.id));
      try {
        read.data.ticket.reference['order'] = 'another';
        (read.names as string[]).push('z');
      } catch {
        // What is frozen is as good.
      }
      for (const store of [one, other]) {
        const { names: stored, data } = there(await store.get(given.id));
        same('the row', [stored, data.deliveries.length, data.ticket.reference], [['x'], 1, { order: '1' }]);
      }
      const changed = ['z'];
      const update = one.update([{ row: read, set: { ...contentOf(given), names: changed } }]);
      changed.pop();
      same('update', await update, [true]);
      same('the names', there(await other.get(given.id)).names, ['z']);
    },
  ],
  [
    'hands out many rows, each once, while others change them',
    async ({ one, other, row, account, journal }) => {
      const total = 400;
      const dueAtMs = journal.nowMs();
      await Promise.all(many(total, each => (each % 2 === 0 ? one : other).insert(row(each, { dueAtMs }))));
      await one.renew('worker', 600_000);
      const ids: string[] = [];
      for (;;) {
        const turn = { holder: 'worker', accounts: [account], limit: 30 };
        const taken = (await Promise.all([one.take(turn), other.take(turn)])).flat();
        if (taken.length === 0) break;
        ids.push(...taken.map(({ id }) => id));
        const changes = taken.map(
          (each): Change => ({
            row: each,
            set: { ...contentOf(each), state: 'delivered', holder: undefined, dueAtMs: undefined },
          }),
        );
        isTrue('every change is made', (await one.update(changes)).every(Boolean));
      }
      same('how many were taken', ids.length, total);
      same('how many of them differ', new Set(ids).size, total);
      await one.release('worker');
    },
  ],
  [
    'has one salt for all, of 32 bytes, which nobody can change',
    async ({ one, other, journal }) => {
      const salt = await one.salt();
      same('its length', salt.length, 32);
      const copy = [...salt];
      salt.fill(0);
      same('for the others', [...(await other.salt())], copy);
      same('for the same', [...(await one.salt())], copy);
      const third = await journal.open();
      same('for who opens it later', [...(await third.salt())], copy);
      await third.close();
      isTrue('it is by chance', new Set(copy).size > 8);
    },
  ],
  [
    'goes on for the others when one is closed',
    async ({ one, row, journal }) => {
      const third = await journal.open();
      await third.insert(row(1));
      await third.close();
      same('the row', there(await one.get(row(1).id)).fence, 1);
      same('insert', await one.insert(row(2)), true);
    },
  ],
];

const strange = 'Zahlung für 茶 ☕️ 𝒳 ‮ \u2028 "quoted" \'single\' \\ / <b> {} $1 ? ä́';

const dataOf = (order: string): RowData => ({
  ...{ version: 1, adapterVersion: 1, key: `payment ${order}` },
  ticket: {
    ...{ version: 1, gateway: 'acme', account: 'shop-1', environment: 'sandbox', operation: 'payment.charge' },
    ...{ reference: { order }, openedAt: '2026-01-01T00:00:00.000Z', seen: false, polls: 0 },
  },
  ...{ deliveries: [], delivered: 0, failures: 0 },
});

const deliveryOf = (id: string): Delivery => ({
  id,
  settlement: {
    outcome: 'succeeded',
    verdict: { kind: 'terminal', outcome: 'succeeded', code: 'OK', reason: 'approved', listed: true },
    ...{ settledBy: 'answer', body: undefined, ticket: dataOf('1').ticket, reference: { merchant: '1' } },
    ...{ attempts: 1, polls: 0, elapsedMs: 1, timeline: [] },
  },
});

/** A text with what some databases cannot hold as it is: a NUL, and half a character. */
const oddData: RowData = {
  ...dataOf(strange),
  ticket: {
    ...dataOf('1').ticket,
    reference: {
      proto: 'own',
      constructor: 'own',
      order: `${strange} \u0000 \ud800`,
      '': 'empty',
      long: 'x'.repeat(70_000),
    },
  },
  delivered: Number.MAX_SAFE_INTEGER,
  failures: 0.1 + 0.2,
};

const unstorable: RowData = { ...dataOf('1'), key: 1n as unknown as string };

const contentOf = ({ state, holder, dueAtMs, names, data }: RowContent): RowContent => ({
  ...{ state, holder, dueAtMs, names, data },
});

const many = <T>(count: number, make: (each: number) => T): T[] =>
  Array.from({ length: count }, (_none, at) => make(at));

function there<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('There is no row where one must be.');
  return value;
}

function isTrue(claim: string, holds: boolean): void {
  if (!holds) throw new Error(`It must be true that ${claim}.`);
}

function same(what: string, found: unknown, expected: unknown): void {
  const [one, other] = [shown(found), shown(expected)];
  if (one !== other) throw new Error(`${what}: it must be ${other}, and is ${one}.`);
}

async function rejects(what: string, promise: Promise<unknown>): Promise<unknown> {
  const settled = await promise.then(
    () => undefined,
    (reason: unknown) => ({ reason }),
  );
  if (settled === undefined) throw new Error(`${what} must reject.`);
  return settled.reason;
}

/** As JSON, whatever the order of the keys; what is undefined is not there. */
const shown = (value: unknown): string =>
  value === undefined ? 'undefined' : JSON.stringify(value, (_key, each: unknown) => sorted(each));

const sorted = (value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
    : value;
