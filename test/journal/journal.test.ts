import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { InputError } from '../../src/core/errors.ts';
import type { Entry } from '../../src/engine/payment-store.ts';
import { createJournal, type Journal } from '../../src/journal/journal.ts';
import { memoryJournal } from '../../src/journal/memory.ts';
import { postgresJournal } from '../../src/journal/postgres.ts';
import { sqliteJournal } from '../../src/journal/sqlite.ts';
import type { JournalStore, Parked, RowData, RowState } from '../../src/journal/store.ts';
import { correlationOfRow } from '../../src/journal/summary.ts';
import { ACCOUNT, after, delivery, rowOf, scene, settlement, stillOpen, type Scene } from './scene.ts';

const DAY_MS = 24 * 60 * 60_000;

const parked = (from: RowState, more: Partial<RowData> = {}): Partial<RowData> => ({
  parked: { reason: 'The gateway has no query.', advice: 'Look at its portal.', atMs: 0, from } satisfies Parked,
  ...more,
});

const settledEntry = (number: string): Entry => {
  const { ticket, verdict, reference } = settlement('succeeded', number);
  const last = { outcome: 'succeeded', verdict, settledBy: 'query', reference, attempts: 1, polls: 1 } as const;
  return {
    ...({ key: number, digest: 'd', atMs: 0, earlierNumbers: [], state: 'settled', ticket } as const),
    last: { ...last, elapsedMs: 1, own: undefined, status: undefined },
  };
};

type Method = (...given: unknown[]) => Promise<unknown>;

/** As somebody without a compiler does. */
const called = (journal: Journal, name: keyof Journal, ...given: unknown[]): Promise<unknown> =>
  Reflect.apply(Reflect.get(journal, name) as Method, journal, given);

const idOf = (number: string): string => `${ACCOUNT} ${number}`;

const idOfPayment = (number: string): string => correlationOfRow(rowOf(scene().clock, number).data);

/** A row that is parked, as an insert cannot make it. */
const insertParked = async ({ insert, clock }: Scene, number: string, data: Partial<RowData>): Promise<void> =>
  insert(rowOf(clock, number, { state: 'parked', dueAtMs: undefined, data }));

describe('each', () => {
  it('gives every row once, however many there are, and refuses a filter that cannot be', async () => {
    const { insert, clock, journal } = scene();
    await insert(
      ...Array.from({ length: 1203 }, (_each, index) => rowOf(clock, `A${index}`, { openedAtMs: index >> 9 })),
    );
    await insertParked({ ...scene(), insert, clock }, 'P1', parked('open'));
    const ids = new Set<string>();
    let rows = 0;
    for await (const { id } of journal.each()) {
      ids.add(id);
      rows += 1;
    }
    expect([rows, ids.size]).toEqual([1204, 1204]);
    for await (const { id } of journal.each({ state: 'parked' })) expect(id).toBe(idOf('P1'));
    const wrong = journal.each({ state: 'park' as 'parked' })[Symbol.asyncIterator]();
    await expect(wrong.next()).rejects.toThrow('state must be one of');
  });
});

describe('find', () => {
  it('finds a row by its id, and rows by a number of the merchant’s or the provider’s, whatever it is called', async () => {
    const { insert, clock, journal } = scene();
    const { ticket } = settlement('created', 'A1');
    const reference = { order: 'A1', gatewayNumber: '2661' };
    await insert(
      {
        ...rowOf(clock, 'A1', { data: { ticket: { ...ticket, reference } } }),
        names: ['["order","A1"]', '["gatewayNumber","2661"]'],
      },
      { ...rowOf(clock, 'A2'), names: ['["order","A2"]'] },
      { ...rowOf(clock, 'B2', { account: 'other' }), names: ['["order","A2"]'] },
    );
    const found = async (number: string): Promise<string[]> => (await journal.find(number)).map(({ id }) => id).sort();
    expect(await found(idOf('A1'))).toEqual([idOf('A1')]);
    expect(await found('2661')).toEqual([idOf('A1')]);
    expect(await found('A2')).toEqual([idOf('A2'), 'other B2']);
    expect(await found('A3')).toEqual([]);
    await expect(journal.find('')).rejects.toThrow('journal.find: pass a number');
  });
});

describe('list', () => {
  it('gives each row in plain words, the newest first, and what is known of its end', async () => {
    const { insert, clock, journal } = scene();
    const startMs = clock.now();
    await insert(
      rowOf(clock, 'A1', { openedAtMs: startMs - 5000 }),
      rowOf(clock, 'A2', { state: 'settled', data: { deliveries: [delivery('A2', 'failed')] } }),
      rowOf(clock, 'A3', {
        ...({ state: 'delivered', openedAtMs: startMs - 9000, dueAtMs: undefined } as const),
        data: { entry: settledEntry('A3') },
      }),
    );
    expect(await journal.list()).toEqual([
      {
        ...{
          id: idOf('A2'),
          correlationId: idOfPayment('A2'),
          gateway: 'acme',
          account: ACCOUNT,
          operation: 'payment.charge',
          reference: { order: 'A2' },
        },
        ...{ state: 'settled', openedAt: '2026-01-01T00:00:00.000Z', dueAt: '2026-01-01T00:00:00.000Z' },
        ...{ changedAt: '2026-01-01T00:00:00.000Z', verdict: { code: 'OK', reason: 'approved' } },
        ...{ outcome: 'failed', deliveriesWaiting: 1, failures: 0, isHeld: false },
      },
      {
        ...{
          id: idOf('A1'),
          correlationId: idOfPayment('A1'),
          gateway: 'acme',
          account: ACCOUNT,
          operation: 'payment.charge',
          reference: { order: 'A1' },
        },
        ...{ state: 'open', openedAt: '2025-12-31T23:59:55.000Z', dueAt: '2026-01-01T00:00:00.000Z' },
        ...{ changedAt: '2026-01-01T00:00:00.000Z', deliveriesWaiting: 0, failures: 0, isHeld: false },
      },
      {
        ...{
          id: idOf('A3'),
          correlationId: idOfPayment('A3'),
          gateway: 'acme',
          account: ACCOUNT,
          operation: 'payment.charge',
          reference: { order: 'A3' },
        },
        ...{ state: 'delivered', openedAt: '2025-12-31T23:59:51.000Z', outcome: 'succeeded' },
        ...{ changedAt: '2026-01-01T00:00:00.000Z', verdict: { code: 'OK', reason: 'approved' } },
        ...{ deliveriesWaiting: 0, failures: 0, isHeld: false },
      },
    ]);
    expect((await journal.list({ state: 'open' })).map(({ id }) => id)).toEqual([idOf('A1')]);
  });

  it('says the money of a row, as far as its write says it', async () => {
    const { insert, clock, journal } = scene();
    const { ticket } = settlement('created', 'A1');
    await insert(rowOf(clock, 'A1', { data: { ticket: { ...ticket, expect: { amount: '100\n', currency: 'HKD' } } } }));
    expect(await journal.list()).toMatchObject([{ expect: { amount: '100 ', currency: 'HKD' } }]);
  });

  it('says why a row is parked and what to do, and breaks no line of a log', async () => {
    const all = scene();
    await insertParked(all, 'A1', parked('leaving', { failures: 3 }));
    await all.insert(rowOf(all.clock, 'A\n2\u001b[31m', { openedAtMs: 0 }));
    const [first, second] = await all.journal.list();
    expect(first).toMatchObject({
      state: 'parked',
      failures: 3,
      parked: { reason: 'The gateway has no query.', advice: 'Look at its portal.', from: 'leaving' },
    });
    expect(JSON.stringify(second)).not.toMatch(/\\n|\\u001b/);
  });

  it.each([
    { stat: 'open' },
    { state: 'opened' },
    { limit: 0 },
    { account: 1 },
  ])('refuses the filter %j', async filter => {
    const { journal } = scene();
    await expect(called(journal, 'list', filter)).rejects.toThrow(InputError);
  });

  it('is beside counts, which tell how many rows are overdue', async () => {
    const { insert, clock, journal } = scene();
    await insert(rowOf(clock, 'A1'), rowOf(clock, 'A2', { dueAtMs: clock.now() + 1000 }));
    expect(await journal.counts()).toEqual([
      { account: ACCOUNT, state: 'open', rows: 2, overdue: 1, oldestDueAtMs: clock.now() },
    ]);
  });
});

describe('redrive', () => {
  it('lets a parked row go on where it was, at once, its failures forgotten', async () => {
    const all = scene(row => stillOpen(row, all.clock.now() + DAY_MS));
    const { journal, clock, row } = all;
    await insertParked(all, 'A1', parked('open', { failures: 10, deliverFromMs: clock.now() + DAY_MS }));
    expect(await journal.redrive(idOf('A1'))).toBe(1);
    expect(await row('A1')).toMatchObject({ state: 'open', dueAtMs: clock.now(), data: { failures: 0 } });
    expect((await row('A1')).data).not.toHaveProperty('parked');
    expect((await row('A1')).data).not.toHaveProperty('deliverFromMs');
    all.worker();
    await all.pass(1000);
    expect(all.asked.map(({ number }) => number)).toEqual(['A1']);
    await all.end();
  });

  it('delivers what waited, and tries as often as at first', async () => {
    const all = scene();
    await insertParked(all, 'A1', parked('settled', { failures: 3, deliveries: [delivery('A1')] }));
    await all.journal.redrive({});
    const heard: string[] = [];
    all.worker({
      maxDeliveries: 3,
      onSettled: (_settlement, { deliveryId }) => {
        heard.push(deliveryId);
        if (heard.length < 3) throw new Error('not yet');
      },
    });
    await all.pass(10_000);
    expect(heard).toEqual(['A1#1', 'A1#1', 'A1#1']);
    expect(await all.stateOf('A1')).toBe('delivered');
    await all.end();
  });

  it('refuses a row that is not parked, and one that is not there', async () => {
    const { insert, clock, journal, row } = scene();
    await insert(rowOf(clock, 'A1'));
    await expect(journal.redrive(idOf('A1'))).rejects.toThrow(/is open, and not parked/);
    await expect(journal.redrive('nowhere')).rejects.toThrow(/there is no row nowhere/);
    await expect(called(journal, 'redrive')).rejects.toThrow(InputError);
    await expect(called(journal, 'redrive', { acount: 'x' })).rejects.toThrow(/Did you mean account/);
    expect((await row('A1')).fence).toBe(1);
  });

  it('takes all that are parked, or an account’s, however many were opened in one millisecond', async () => {
    const all = scene();
    for (let at = 0; at < 1200; at++) await insertParked(all, `P${at}`, parked('leaving'));
    await all.insert(
      rowOf(all.clock, 'X1', { state: 'parked', account: 'other', dueAtMs: undefined, data: parked('open') }),
      rowOf(all.clock, 'D1', { state: 'delivered', dueAtMs: undefined }),
    );
    expect(await all.journal.redrive({ account: 'other' })).toBe(1);
    expect(await all.journal.redrive({})).toBe(1200);
    expect(await all.journal.list({ state: 'parked' })).toEqual([]);
    expect(await all.stateOf('D1')).toBe('delivered');
  });

  it('lets what was followed to the end of its time be asked about for ten minutes more', async () => {
    const all = scene();
    const { clock, journal, row } = all;
    const open = { version: 1 } as never;
    await insertParked(all, 'A1', parked('open', { open, followUntilMs: clock.now() - 1 }));
    await insertParked(all, 'A2', parked('open', { open, followUntilMs: clock.now() + DAY_MS }));
    await journal.redrive({});
    expect((await row('A1')).data).toMatchObject({ followUntilMs: clock.now() + 10 * 60_000 });
    expect((await row('A1')).data).not.toHaveProperty('open');
    expect((await row('A2')).data).toMatchObject({ followUntilMs: clock.now() + DAY_MS, open });
  });

  it('never lets a prepared write be sent after its time: its fields are gone by then', async () => {
    const all = scene();
    const { clock, journal, row } = all;
    const prepared = { fields: { order: 'A' }, sendUntilMs: clock.now() + 1000 };
    await insertParked(all, 'A1', parked('intended', { prepared }));
    await insertParked(all, 'A2', parked('intended', { prepared }));
    await journal.redrive(idOf('A1'));
    expect((await row('A1')).data.prepared).toEqual(prepared);
    await all.clock.run(after(clock, 1000));
    await journal.redrive(idOf('A2'));
    expect(await row('A2')).toMatchObject({ state: 'intended', dueAtMs: clock.now() });
    expect((await row('A2')).data).not.toHaveProperty('prepared');
  });

  it('does not undo what somebody else has just made of the row', async () => {
    const all = scene(undefined, {
      over: store => ({
        async get(id) {
          const read = await store.get(id);
          if (read?.state === 'parked') await store.update([{ row: read, set: { ...read, state: 'settled' } }]);
          return read;
        },
      }),
    });
    await insertParked(all, 'A1', parked('open'));
    await expect(all.journal.redrive(idOf('A1'))).rejects.toThrow(/has just changed/);
    expect(await all.stateOf('A1')).toBe('settled');
  });
});

describe('archive', () => {
  it('keeps of old settled rows the ticket and the outcome, of undelivered ones when told so, and leaves all others', async () => {
    const all = scene();
    const { insert, clock, journal, row } = all;
    const waiting = { deliveries: [delivery('A1')], entry: settledEntry('A1'), failures: 2 };
    await insert(
      rowOf(clock, 'A1', { state: 'settled', data: { ...waiting, deliverFromMs: 5, followUntilMs: 9 } }),
      rowOf(clock, 'A2', { state: 'delivered', dueAtMs: undefined, data: { entry: settledEntry('A2') } }),
      ...(['intended', 'leaving', 'open', 'unsent', 'parked'] as const).map(state => rowOf(clock, state, { state })),
    );
    await all.pass(DAY_MS);
    await insert(rowOf(clock, 'A3', { state: 'delivered' }));
    expect(await journal.archive({ olderThanMs: DAY_MS - 1 })).toBe(1);
    expect(await all.stateOf('A1')).toBe('settled');
    expect(await journal.archive({ olderThanMs: DAY_MS - 1, undelivered: true })).toBe(1);
    const archived = await row('A1');
    expect(archived).toMatchObject({ state: 'archived', dueAtMs: undefined, holder: undefined });
    expect(archived.data).toEqual({
      ...{ version: 1, adapterVersion: 1, key: 'A1', ticket: settlement('created', 'A1').ticket },
      ...{ entry: settledEntry('A1'), deliveries: [], delivered: 0, failures: 0 },
    });
    expect(await all.stateOf('A3')).toBe('delivered');
    for (const state of ['intended', 'leaving', 'open', 'unsent', 'parked'] as const)
      expect(await all.stateOf(state)).toBe(state);
    expect((await journal.list({ state: 'archived' })).map(({ outcome }) => outcome)).toEqual([
      'succeeded',
      'succeeded',
    ]);
  });

  it('takes one row by its id, which may be parked, and none that may be open', async () => {
    const all = scene();
    await insertParked(all, 'A1', parked('open'));
    await all.insert(rowOf(all.clock, 'A2'));
    expect(await all.journal.archive(idOf('A1'))).toBe(1);
    expect(await all.row('A1')).toMatchObject({ state: 'archived', data: { ticket: { reference: { order: 'A1' } } } });
    await expect(all.journal.archive(idOf('A2'))).rejects.toThrow(
      /is open, and not settled or delivered or parked or unsent/,
    );
    await expect(all.journal.archive('nowhere')).rejects.toThrow(/there is no row nowhere/);
  });

  it('takes no row by its id that has something to deliver, unless it is told so', async () => {
    const all = scene();
    await all.insert(
      ...(['settled', 'unsent'] as const).map(state =>
        rowOf(all.clock, state, { state, data: { deliveries: [delivery(state)] } }),
      ),
    );
    for (const state of ['settled', 'unsent']) {
      await expect(all.journal.archive(idOf(state))).rejects.toThrow(/still to take.*undelivered: true/);
      expect((await all.row(state)).data.deliveries).toHaveLength(1);
      expect(await all.journal.archive(idOf(state), { undelivered: true })).toBe(1);
      expect(await all.stateOf(state)).toBe('archived');
    }
    await expect(called(all.journal, 'archive', 'x', { undelivered: 1 })).rejects.toThrow(InputError);
  });

  it('takes by its id what was parked before it had ended, whatever it had to deliver, and else only when told so', async () => {
    const all = scene();
    for (const from of ['open', 'leaving', 'settled'] as const) {
      await insertParked(all, from, parked(from));
      const row = await all.row(from);
      await all.store.update([{ row, set: { ...row, data: { ...row.data, deliveries: [delivery(from)] } } }]);
    }
    expect(await all.journal.archive(idOf('open'))).toBe(1);
    expect(await all.journal.archive(idOf('leaving'))).toBe(1);
    await expect(all.journal.archive(idOf('settled'))).rejects.toThrow(/still to take/);
  });

  it('takes no row from a process that is busy with it', async () => {
    const all = scene();
    await all.insert(rowOf(all.clock, 'A1', { state: 'settled', holder: 'another' }));
    await all.store.renew('another', 1000);
    await expect(all.journal.archive(idOf('A1'))).rejects.toThrow(/a process is busy with the row/);
    await all.pass(1001);
    expect(await all.journal.archive(idOf('A1'))).toBe(1);
  });

  it('takes what is unsent and undelivered when told so, which can then be purged', async () => {
    const all = scene();
    await all.insert(rowOf(all.clock, 'A1', { state: 'unsent', data: { deliveries: [delivery('A1')] } }));
    await all.pass(1000);
    expect(await all.journal.archive({ olderThanMs: 10 })).toBe(0);
    expect(await all.journal.archive({ olderThanMs: 10, undelivered: true })).toBe(1);
    await all.pass(1000);
    expect(await all.journal.counts()).toMatchObject([{ state: 'archived', rows: 1, overdue: 0 }]);
    expect(await all.journal.purge({ state: 'archived', olderThanMs: 10 })).toBe(1);
  });

  it('comes past many rows of one millisecond that are too young', async () => {
    const all = scene();
    const openedAtMs = all.clock.now() - DAY_MS;
    for (let at = 0; at < 1100; at++)
      await all.insert(rowOf(all.clock, `D${at}`, { state: 'delivered', openedAtMs, dueAtMs: undefined }));
    await all.pass(1000);
    const young = await all.row('D7');
    await all.store.update([{ row: young, set: young }]);
    expect(await all.journal.archive({ olderThanMs: 500 })).toBe(1099);
    expect(await all.stateOf('D7')).toBe('delivered');
  });

  it.each([
    undefined,
    {},
    { olderThanMs: -1 },
    { olderThan: 1 },
    { olderThanMs: Number.NaN },
  ])('refuses %j', async age => {
    const { journal } = scene();
    await expect(called(journal, 'archive', age)).rejects.toThrow(InputError);
  });
});

describe('a summary', () => {
  it('has the outcome that was delivered, also where only the row knows it: absent, or unsent, unless it is open again', async () => {
    const all = scene();
    const { insert, clock, journal } = all;
    const states = { unsent: 'unsent', settled: 'absent', delivered: 'absent', archived: 'succeeded' } as const;
    for (const [state, told] of Object.entries(states) as [keyof typeof states, 'unsent' | 'absent' | 'succeeded'][])
      await insert(rowOf(clock, state, { state, dueAtMs: undefined, data: { told } }));
    await insert(rowOf(clock, 'open', { data: { told: 'created' } }));
    await insert(rowOf(clock, 'again', { state: 'leaving', data: { told: 'unsent' } }));
    await insertParked(all, 'parked again', { ...parked('open'), told: 'absent' });
    const outcomes = (await journal.list()).map(({ state, outcome }) => [state, outcome]);
    expect(Object.fromEntries(outcomes)).toEqual({ ...states, open: 'created', leaving: undefined, parked: undefined });
  });
});

describe('purge', () => {
  it('deletes old rows of a state whose payments have ended', async () => {
    const all = scene();
    const { insert, clock, journal } = all;
    await insert(rowOf(clock, 'A1', { state: 'archived', dueAtMs: undefined }));
    await all.pass(DAY_MS);
    await insert(rowOf(clock, 'A2', { state: 'archived', dueAtMs: undefined }));
    expect(await journal.purge({ state: 'archived', olderThanMs: 1000 })).toBe(1);
    expect((await journal.list()).map(({ id }) => id)).toEqual([idOf('A2')]);
  });

  it.each([
    'intended',
    'leaving',
    'open',
    'settled',
    'parked',
  ] as const)('never deletes what is %s: nobody would know of it', async state => {
    const all = scene();
    await all.insert(rowOf(all.clock, 'A1', { state }));
    await all.pass(DAY_MS);
    await expect(called(all.journal, 'purge', { state, olderThanMs: 0 })).rejects.toThrow(/state must be one of/);
    expect(await all.stateOf('A1')).toBe(state);
  });

  it('leaves rows that have something to deliver', async () => {
    const all = scene();
    await all.insert(rowOf(all.clock, 'A1', { state: 'unsent', data: { deliveries: [delivery('A1')] } }));
    await all.pass(DAY_MS);
    expect(await all.journal.purge({ state: 'unsent', olderThanMs: 0 })).toBe(0);
    expect(await all.stateOf('A1')).toBe('unsent');
  });

  it.each([
    undefined,
    { olderThanMs: 1 },
    { state: 'archived' },
    { state: 'delivered', olderThanMs: '1' },
  ])('refuses %j', async which => {
    const { journal } = scene();
    await expect(called(journal, 'purge', which)).rejects.toThrow(InputError);
  });
});

describe('the factories of journals', () => {
  const directory = mkdtempSync(join(tmpdir(), 'tillpaid-journal-'));
  const made: Journal[] = [];
  afterAll(async () => {
    for (const journal of made) await journal.close();
    rmSync(directory, { recursive: true, force: true });
  });
  const pool = { query: () => Promise.reject(new Error('not asked')), connect: () => Promise.reject(new Error('no')) };
  const file = join(directory, 'journal.db');
  const factories: [string, (options?: object) => Journal][] = [
    ['memoryJournal', options => memoryJournal(options)],
    ['sqliteJournal', options => sqliteJournal(file, options)],
    ['postgresJournal', options => postgresJournal(pool, options)],
    ['createJournal', options => createJournal(memoryJournal().store, options)],
  ];
  it.each(factories)('%s takes a lease, and refuses a misspelt option and a lease that is none', (_name, make) => {
    made.push(make({ leaseMs: 5000 }), make({}));
    expect(made.slice(-2).map(({ leaseMs }) => leaseMs)).toEqual([5000, 30_000]);
    expect(() => make({ leasMs: 5000 })).toThrow(/"leasMs".*leaseMs/);
    expect(() => make({ leaseMs: 10 })).toThrow(/leaseMs must be at least 100/);
  });

  it.each(factories)('%s says what it takes where it is given null, or a clock that is none', (name, make) => {
    for (const options of [null, 'sqlite', 5] as unknown[]) {
      expect(() => make(options as object)).toThrow(InputError);
      expect(() => make(options as object)).toThrow(`${name}: pass the options as an object.`);
    }
    for (const clock of [{}, null, 7, { now: 5 }]) {
      expect(() => make({ clock })).toThrow(InputError);
      expect(() => make({ clock })).toThrow(name === 'postgresJournal' ? 'no option "clock"' : 'clock must be a clock');
    }
  });

  it('createJournal says what of a store is missing', () => {
    const most = { ...memoryJournal().store, get: undefined };
    for (const store of [undefined, null, {}, 'payments.db', memoryJournal(), most]) {
      expect(() => createJournal(store as JournalStore)).toThrow(InputError);
      expect(() => createJournal(store as JournalStore)).toThrow('createJournal: pass a store');
    }
    expect(() => createJournal(most as unknown as JournalStore)).toThrow('it lacks get');
  });
});
