import ky from 'ky';
import { describe, expect, it } from 'vitest';
import '../../src/client/cancel-at-deadline.ts';
import { constant, createGateway, type Gateway, type Settlement } from '../../src/index.ts';
import { createJournal, type Journal } from '../../src/journal/journal.ts';
import { memoryJournal } from '../../src/journal/memory.ts';
import { createWorker } from '../../src/journal/worker.ts';
import { manualClock, type ManualClock } from '../../src/testing/index.ts';
import { Mortal, type Death } from '../storm/mortal.ts';
import { acme, type AcmeFields } from '../testing/acme.ts';
import { after } from './scene.ts';

/** A process dies around the cancel at a deadline: what the journal then has, and how it goes on. */

const charge = { order: 'A1', amount: 100 };
const policy = {
  poll: { backoff: constant(10_000), deadlineMs: 10_000, cancelAtDeadline: true, cancelWithinMs: 20_000 },
};
const LONG_ENOUGH_MS = 12 * 60_000;

/** A bank with one payment, whose payer pays within five minutes, unless it is canceled. */
interface Bank {
  readonly sends: string[];
  readonly fetch: typeof fetch;
  readonly state: () => 'none' | 'pending' | 'paid' | 'canceled' | 'refunded';
}

/** A bank that takes a cancel of what is paid by now, and gives the money back minutes later. */
function slowBankOn(clock: ManualClock): Bank {
  let [paysAtMs, backAtMs] = [Infinity, Infinity];
  const sends: string[] = [];
  const now = (): ReturnType<Bank['state']> =>
    clock.now() >= backAtMs ? 'refunded' : clock.now() >= paysAtMs ? 'paid' : sends.length > 0 ? 'pending' : 'none';
  return {
    sends,
    state: now,
    async fetch(input, init) {
      const { pathname } = new URL(new Request(input, init).url);
      if (pathname.endsWith('/query')) return Promise.resolve(Response.json({ state: now() }));
      sends.push(pathname.slice('/api/'.length));
      if (!pathname.endsWith('/cancel')) return Promise.resolve(Response.json({ code: 'PENDING' }));
      [paysAtMs, backAtMs] = [clock.now(), clock.now() + 5 * 60_000];
      return Promise.resolve(Response.json({ code: 'DONE' }));
    },
  };
}

function bankOn(clock: ManualClock): Bank {
  let state: ReturnType<Bank['state']> = 'none';
  const sends: string[] = [];
  const paysAtMs = clock.now() + 5 * 60_000;
  const now = (): typeof state => (state === 'pending' && clock.now() >= paysAtMs ? (state = 'paid') : state);
  return {
    sends,
    state: now,
    async fetch(input, init) {
      const { pathname } = new URL(new Request(input, init).url);
      if (pathname.endsWith('/query')) return Promise.resolve(Response.json({ state: now() }));
      sends.push(pathname.slice('/api/'.length));
      if (pathname.endsWith('/cancel')) {
        if (now() !== 'pending') return Promise.resolve(Response.json({ code: 'TOO_LATE' }));
        state = 'canceled';
        return Promise.resolve(Response.json({ code: 'DONE' }));
      }
      state = 'pending';
      return Promise.resolve(Response.json({ code: 'PENDING' }));
    },
  };
}

interface Process {
  readonly mortal: Mortal;
  readonly gateway: Gateway<AcmeFields>;
  readonly journal: Journal;
}

function birth(clock: ManualClock, shared: Journal, bank: Bank, death?: Death): Process {
  const party = {
    now: () => clock.now(),
    monotonicMs: () => clock.now(),
    random: () => clock.random(),
    timer: (delayMs: number, callback: () => void) => clock.timer(delayMs, callback),
  };
  const mortal = new Mortal(party as unknown as ConstructorParameters<typeof Mortal>[0], death);
  const journal = createJournal(mortal.store(shared.store));
  const gateway = createGateway<AcmeFields>({
    adapter: acme(),
    client: ky.create({ fetch: mortal.fetch(bank.fetch) }),
    ...{ clock: mortal.clock, policy, journal, fetchSendsOnce: true },
  });
  return { mortal, gateway, journal };
}

/** One process pays and dies; another one has a worker. */
async function afterDeath(
  death: Death | undefined,
  opened: (clock: ManualClock) => Bank = bankOn,
): Promise<{ bank: Bank; told: Settlement[]; rows: Map<string, string> }> {
  const clock = manualClock();
  const shared = memoryJournal({ clock });
  const bank = opened(clock);
  const first = birth(clock, shared, bank, death);
  const paying = first.gateway.settle('payment.charge', charge).catch(() => undefined);
  await clock.run(Promise.race([paying, first.mortal.died]));
  await clock.run(after(clock, 60_000));
  const { gateway, journal } = birth(clock, shared, bank);
  const told: Settlement[] = [];
  const worker = createWorker({
    ...{ gateways: [gateway], journal, clock, idleMs: 30_000 },
    onSettled: settlement => void told.push(settlement),
  });
  worker.start();
  await clock.run(after(clock, LONG_ENOUGH_MS));
  await clock.run(worker.stop());
  const rows = await shared.store.list({ limit: 10 });
  return { bank, told, rows: new Map(rows.map(({ state, data }) => [data.ticket.operation, state])) };
}

const deaths: readonly [string, Death][] = [
  ['just before its cancel leaves', { at: 'wire', nth: 3, when: 'before' }],
  ['when its cancel has left', { at: 'wire', nth: 3, when: 'sent' }],
  ['when its cancel was answered', { at: 'wire', nth: 3, when: 'answered' }],
  ['before it is confirmed', { at: 'wire', nth: 4, when: 'before' }],
  ['when it is confirmed', { at: 'wire', nth: 4, when: 'answered' }],
  ...Array.from({ length: 12 }, (_each, at) => at + 1).flatMap((nth): [string, Death][] =>
    (['before', 'after'] as const).map(when => [
      `${when} its access ${nth} to the journal`,
      { at: 'store', nth, when },
    ]),
  ),
];

describe('a process that dies around the cancel at a deadline', () => {
  it.each(deaths)('%s: one charge and one cancel at most, and the truth is delivered', async (_what, death) => {
    const { bank, told, rows } = await afterDeath(death);
    expect(bank.sends.filter(path => path === 'charge').length).toBeLessThanOrEqual(1);
    expect(bank.sends.filter(path => path === 'cancel').length).toBeLessThanOrEqual(1);
    const [payment, cancel] = ['payment.charge', 'payment.cancel'].map(operation =>
      told.filter(({ ticket }) => ticket.operation === operation).map(({ outcome }) => outcome),
    );
    const truth = { none: [], pending: ['?'], paid: ['succeeded'], canceled: ['canceled'], refunded: ['refunded'] }[
      bank.state()
    ];
    expect(payment?.filter(outcome => outcome !== 'unsent')).toEqual(truth);
    if (bank.sends.length > 0) expect(rows.get('payment.charge')).toBe('delivered');
    // The cancel has a row of its own: done, or asked about on, since what is paid can still be given back.
    if (bank.state() === 'canceled') expect(cancel).toEqual(['succeeded']);
    else expect(cancel?.filter(outcome => outcome !== 'unsent')).toEqual([]);
  });

  it('asks about a payment that was not canceled in time, and does not cancel it', async () => {
    const { bank, told } = await afterDeath({ at: 'wire', nth: 2, when: 'answered' });
    expect(bank.sends).toEqual(['charge']);
    expect(told.map(({ outcome }) => outcome)).toEqual(['succeeded']);
  });
});

describe('“paid” beside a cancel that gives it back minutes later', () => {
  it.each<[string, Death | undefined]>([
    ['nobody dies', undefined],
    ['it dies when its cancel has left', { at: 'wire', nth: 3, when: 'sent' }],
    ['it dies when its cancel was answered', { at: 'wire', nth: 3, when: 'answered' }],
    ['it dies before it is confirmed', { at: 'wire', nth: 4, when: 'before' }],
    ['it dies when a query has said so', { at: 'wire', nth: 4, when: 'answered' }],
  ])('%s: a worker never calls it paid', async (_what, death) => {
    const { bank, told } = await afterDeath(death, slowBankOn);
    expect(bank.sends).toEqual(['charge', 'cancel']);
    const ends = told.filter(({ ticket }) => ticket.operation === 'payment.charge').map(({ outcome }) => outcome);
    expect(ends).toEqual(['refunded']);
  });

  it('has it in the journal before the cancel leaves, whoever cancels: settle, or untilSettled by its own call', async () => {
    for (const door of ['settle', 'untilSettled'] as const) {
      const clock = manualClock();
      const journal = memoryJournal({ clock });
      const bank = slowBankOn(clock);
      const known: (string | undefined)[] = [];
      const client = ky.create({
        fetch: async (input, init) => {
          if (input instanceof Request && input.url.endsWith('/cancel')) {
            const rows = await journal.store.list({ limit: 10 });
            const row = rows.find(({ data }) => data.ticket.operation === 'payment.charge');
            known.push(row?.data.ticket.mayBeGivenBackUntil);
          }
          return bank.fetch(input, init);
        },
      });
      const gateway = createGateway<AcmeFields>({ adapter: acme(), client, clock, policy, journal });
      const plain = { policy: { poll: { cancelAtDeadline: false } } };
      const first = await clock.run(gateway.settle('payment.charge', charge, door === 'settle' ? {} : plain));
      if (door === 'untilSettled') await clock.run(gateway.untilSettled(first.ticket, { policy }));
      expect(known, door).toEqual([expect.stringMatching(/^2026-/)]);
    }
  });

  it('sends no cancel that the journal could not be told of', async () => {
    const clock = manualClock();
    const shared = memoryJournal({ clock });
    const bank = slowBankOn(clock);
    const { store } = shared;
    let isDown = false;
    const failing: typeof store = Object.create(store, {
      update: {
        value: (...given: Parameters<typeof store.update>) =>
          isDown ? Promise.reject(new Error('down')) : store.update(...given),
      },
    }) as typeof store;
    const gateway = createGateway<AcmeFields>({
      adapter: acme(),
      client: ky.create({
        fetch: async (input, init) => {
          const answer = await bank.fetch(input, init);
          isDown = clock.now() - startedAtMs === 10_000;
          return answer;
        },
      }),
      ...{ clock, policy, journal: createJournal(failing) },
    });
    const startedAtMs = clock.now();
    clock.timer(10_500, () => (isDown = false));
    const settlement = await clock.run(gateway.settle('payment.charge', charge));
    expect(settlement).toMatchObject({ outcome: 'unresolved', cancel: { standing: 'not-sent' } });
    expect(bank.sends).toEqual(['charge']);
  });
});

describe('several processes', () => {
  it('have one cancel for one payment, and hear the same', async () => {
    const clock = manualClock();
    const shared = memoryJournal({ clock });
    const bank = bankOn(clock);
    const [one, other] = [birth(clock, shared, bank), birth(clock, shared, bank)];
    const ends = await clock.run(
      Promise.all([one, other].map(({ gateway }) => gateway.settle('payment.charge', charge))),
    );
    expect(ends.map(({ outcome }) => outcome)).toEqual(['canceled', 'canceled']);
    expect(bank.sends).toEqual(['charge', 'cancel']);
    // What is known of both outlives them.
    const third = birth(clock, shared, bank);
    expect(await clock.run(third.gateway.settle('payment.cancel', { order: 'A1' }))).toMatchObject({
      outcome: 'succeeded',
      repeated: true,
    });
    expect(bank.sends).toEqual(['charge', 'cancel']);
  });
});
