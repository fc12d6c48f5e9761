import ky from 'ky';
import { describe, expect, it } from 'vitest';
import '../../src/client/receive.ts';
import {
  constant,
  createGateway,
  isReferenceInUseError,
  type Adapter,
  type Gateway,
  type GatewayOptions,
  type Settlement,
} from '../../src/index.ts';
import { deskOf } from '../../src/journal/desk/desk.ts';
import { createJournal } from '../../src/journal/journal.ts';
import { memoryJournal } from '../../src/journal/memory.ts';
import type { Row, RowContent, RowState } from '../../src/journal/store.ts';
import { createWorker } from '../../src/journal/worker.ts';
import { succeeded } from '../../src/kit/index.ts';
import { manualClock, type ManualClock } from '../../src/testing/manual-clock.ts';
import { sleep } from '../../src/testing/sleep.ts';
import { acme, type AcmeFields } from '../testing/acme.ts';
import { hang, json, reset, said, state, type Step } from '../testing/bench.ts';

/**
 * One payment over several gateway objects that share a journal, each of which stands for a process: what one has begun,
 * the others know.
 */

const charge = { order: 'A1', amount: 100 };
const quick = { retry: { backoff: constant(100) }, poll: { backoff: constant(1000), deadlineMs: 60_000 } };

/** A gateway with one script of answers, and as many objects before it as a test wants. */
function shop(script: { sends?: Step[]; polls?: Step[]; adapter?: Adapter<AcmeFields> } = {}) {
  const clock = manualClock();
  const journal = memoryJournal({ clock });
  const sends: string[] = [];
  const polls: string[] = [];
  const next = (steps: Step[] | undefined, index: number): Step =>
    steps?.[Math.min(index, steps.length - 1)] ?? (() => json({}, { status: 404 }));
  const fetch = async (request: Request): Promise<Response> => {
    const isPoll = new URL(request.url).pathname === '/api/query';
    const body = await request.clone().text();
    const step = isPoll ? next(script.polls, polls.push(body) - 1) : next(script.sends, sends.push(body) - 1);
    if (step instanceof Error) throw step;
    return step instanceof Response ? step.clone() : step(request, request.signal);
  };
  const open = (options: Partial<GatewayOptions<AcmeFields>> = {}): Gateway<AcmeFields> =>
    createGateway<AcmeFields>({
      adapter: script.adapter ?? acme(),
      client: ky.create({ fetch: fetch as typeof globalThis.fetch }),
      fetchSendsOnce: true,
      clock,
      policy: quick,
      journal,
      ...options,
    });
  const rows = (): Promise<Row[]> => journal.store.list({});
  const row = async (): Promise<Row> => {
    const [first] = await rows();
    if (first === undefined) throw new Error('there is no row');
    return first;
  };
  return { clock, journal, sends, polls, open, rows, row };
}

const plain = (settlement: Settlement): unknown => {
  const { outcome, verdict, settledBy, ticket, reference, attempts, polls } = settlement;
  return { outcome, verdict, settledBy, ticket, reference, attempts, polls };
};

describe('two objects on one journal', () => {
  it('send a write once, and both are told how it ended', async () => {
    const { clock, sends, open } = shop({ sends: [said('PENDING')], polls: [state('pending'), state('paid')] });
    const [one, other] = await clock.run(
      Promise.all([open().settle('payment.charge', charge), open().settle('payment.charge', charge)]),
    );
    expect([sends.length, one.outcome, other.outcome]).toEqual([1, 'succeeded', 'succeeded']);
    expect(plain(other)).toEqual(plain(one));
  });

  it('are one at the drop-in and at settle', async () => {
    const { clock, sends, open } = shop({ sends: [said('PENDING')], polls: [state('pending'), state('paid')] });
    const [settlement, response] = await clock.run(
      Promise.all([
        open().settle('payment.charge', charge),
        open()
          .client.post('charge', { json: charge })
          .then(
            () => 'answered',
            (error: unknown) => (error as Error).name,
          ),
      ]),
    );
    expect([settlement.outcome, response, sends.length]).toEqual(['succeeded', 'answered', 1]);
  });

  it('refuse the number for other fields while it is open, and when it is paid', async () => {
    const { clock, sends, open } = shop({ sends: [said('PAID')] });
    const first = await clock.run(open().settle('payment.charge', charge));
    expect(first.outcome).toBe('succeeded');
    const second = open().settle('payment.charge', { ...charge, amount: 200 });
    await expect(clock.run(second)).rejects.toSatisfy(isReferenceInUseError);
    expect(sends).toHaveLength(1);
  });

  it('give the stored settlement, without its answer, which no journal keeps', async () => {
    const { clock, sends, open, row } = shop({ sends: [said('PAID', { link: 'https://pay.test/secret-link' })] });
    await clock.run(open().settle('payment.charge', charge));
    const again = await clock.run(open().settle('payment.charge', charge));
    expect(again).toMatchObject({ outcome: 'succeeded', repeated: true, answerOmitted: true });
    expect(again.answer).toBeUndefined();
    expect(sends).toHaveLength(1);
    expect(JSON.stringify(await row())).not.toContain('secret-link');
  });

  it('are one through two base URLs of an account: the number is not sent twice', async () => {
    const { clock, sends, open } = shop({ sends: [said('PENDING'), said('PAID')], polls: [state('pending')] });
    const proxied = { ...acme(), ownBaseUrl: true, baseUrl: 'https://egress.test/api' };
    expect((await clock.run(open().settle('payment.charge', charge))).outcome).toBe('unresolved');
    const other = clock.run(open({ adapter: proxied }).settle('payment.charge', charge));
    await expect(other).rejects.toThrow(/was begun through the provider’s own base URL. Nothing was sent/);
    expect(sends).toHaveLength(1);
  });

  it('let a new try go after a decline, with other fields', async () => {
    const { clock, sends, open } = shop({ sends: [said('DECLINED'), said('PAID')] });
    const declined = await clock.run(open().settle('payment.charge', charge));
    const paid = await clock.run(open().settle('payment.charge', { ...charge, amount: 90 }));
    expect([declined.outcome, paid.outcome, sends.length]).toEqual(['failed', 'succeeded', 2]);
  });
});

describe('a row', () => {
  it('is intended before the slot, leaving before the first byte, and settled before the caller knows', async () => {
    const seen: string[] = [];
    const desk = shop({
      sends: [
        async () => {
          seen.push((await desk.row()).state);
          return json({ code: 'PAID' });
        },
      ],
    });
    const { clock, open, row, journal } = desk;
    const insert = journal.store.insert.bind(journal.store);
    journal.store.insert = (given, db) => {
      seen.push(given.state);
      return insert(given, db);
    };
    const settlement = await clock.run(
      open()
        .settle('payment.charge', charge)
        .then(async found => {
          seen.push((await row()).state);
          return found;
        }),
    );
    expect(settlement.outcome).toBe('succeeded');
    expect(seen).toEqual(['intended', 'leaving', 'settled']);
    expect((await row()).data.deliveries).toMatchObject([{ settlement: { outcome: 'succeeded' } }]);
  });

  it('is unsent after a refusal, and the same may be sent again', async () => {
    const { clock, open, row, sends } = shop({ sends: [said('REFUSED'), said('PAID')] });
    await clock.run(open().settle('payment.charge', charge));
    expect((await row()).state).toBe('unsent');
    expect((await clock.run(open().settle('payment.charge', charge))).outcome).toBe('succeeded');
    expect(sends).toHaveLength(2);
  });

  it('stays open, and due, when its caller leaves after the send', async () => {
    const { clock, open, row } = shop({ sends: [hang] });
    const controller = new AbortController();
    const call = open().settle('payment.charge', charge, { signal: controller.signal });
    const ended = call.catch((error: unknown) => error);
    await clock.untilQuiet();
    controller.abort(new Error('gone'));
    await clock.untilQuiet();
    expect(await ended).toMatchObject({ message: 'gone' });
    const { state: found, dueAtMs, holder } = await row();
    expect({ found, dueAtMs, holder }).toEqual({ found: 'open', dueAtMs: clock.now(), holder: undefined });
  });
});

describe('a caller who leaves while his row is made ours', () => {
  it('is gone at once, sends nothing, and holds nothing', async () => {
    const { clock, journal, open, sends, row } = shop({ sends: [said('PAID')] });
    const insert = journal.store.insert.bind(journal.store);
    const slow = Promise.withResolvers<undefined>();
    journal.store.insert = async (given, db) => {
      const isNew = await insert(given, db);
      await slow.promise;
      return isNew;
    };
    const controller = new AbortController();
    const call = open().settle('payment.charge', charge, { signal: controller.signal });
    const ended = call.catch((error: unknown) => error);
    await clock.untilQuiet();
    controller.abort(new Error('gone'));
    await clock.untilQuiet();
    expect(await ended).toMatchObject({ message: 'gone' });
    slow.resolve(undefined);
    await clock.untilQuiet();
    const { state: found, holder } = await row();
    expect({ found, holder, sends: sends.length, timers: clock.pending }).toEqual({
      ...{ found: 'unsent', holder: undefined, sends: 0, timers: 0 },
    });
    expect((await clock.run(open().settle('payment.charge', charge))).outcome).toBe('succeeded');
  });
});

describe('a drop-in call that waits for another process', () => {
  it('and ends by its time limit sends nothing afterwards', async () => {
    const { clock, open, sends, row } = shop({ sends: [said('PENDING'), said('PAID')], polls: [hang] });
    const controller = new AbortController();
    const first = open()
      .settle('payment.charge', charge, { signal: controller.signal })
      .catch(() => 'gone');
    await clock.untilQuiet();
    const late = open().client.post('charge', { json: charge, totalTimeout: 20 });
    const ended = await late.catch((error: unknown) => (error as Error).name);
    expect(ended).toBe('TimeoutError');
    controller.abort();
    await first;
    await clock.run(sleep(clock, 5000));
    expect(sends).toHaveLength(1);
    expect((await row()).holder).toBeUndefined();
    expect(clock.pending).toBe(0);
  });
});

describe('after a crash', () => {
  it('what was leaving is asked about before anything is sent, once the lease has ended', async () => {
    const never = new Promise<Response>(() => undefined);
    const { clock, open, sends, polls } = shop({ sends: [() => never], polls: [state('paid')] });
    const dead = open({ policy: { ...quick, attemptTimeoutMs: 10_000_000 }, clock: frozen(clock.now()) });
    void dead.settle('payment.charge', charge).catch(() => undefined);
    await clock.untilQuiet();
    expect(sends).toHaveLength(1);
    const settlement = await clock.run(open().settle('payment.charge', charge));
    expect(settlement.outcome).toBe('succeeded');
    expect([sends.length, polls.length]).toEqual([1, 1]);
  });

  it('it is known that the gateway had acknowledged the order, and it is not called absent', async () => {
    const { clock, open, row } = shop({ sends: [said('PENDING')] });
    const dying = open({ clock: frozen(clock.now()) });
    void dying.settle('payment.charge', charge).catch(() => undefined);
    await clock.untilQuiet();
    expect(await row()).toMatchObject({
      state: 'leaving',
      data: { ticket: { seen: true }, entry: { ticket: { seen: true } } },
    });
  });

  it('what was only intended is sent by whoever asks for it next', async () => {
    const { clock, open, sends, row } = shop({ sends: [said('PAID')] });
    const stuck = open({ clock: frozen(clock.now()), onTicket: () => new Promise(() => undefined) });
    void stuck.settle('payment.charge', charge).catch(() => undefined);
    await clock.untilQuiet();
    expect((await row()).state).toBe('intended');
    expect((await clock.run(open().settle('payment.charge', charge))).outcome).toBe('succeeded');
    expect(sends).toHaveLength(1);
  });

  it('a process that stood still and comes back sends nothing', async () => {
    const { clock, open, sends } = shop({ sends: [said('PAID')] });
    let wake = (): void => undefined;
    const paused = open({
      onTicket: () =>
        new Promise<void>(resolve => {
          wake = resolve;
        }),
      clock: frozen(clock.now()),
    });
    const late = paused.settle('payment.charge', charge).catch((error: unknown) => error);
    await clock.untilQuiet();
    await clock.run(open().settle('payment.charge', charge));
    wake();
    const found = await clock.run(late);
    expect(sends).toHaveLength(1);
    expect(found).toMatchObject({ outcome: 'succeeded' });
  });
});

/** A process that can be stopped, as by SIGSTOP: time passes, and its timers fire when it goes on. */
function stoppable(clock: ManualClock) {
  const late: (() => void)[] = [];
  let isStopped = false;
  return {
    clock: {
      now: () => clock.now(),
      monotonicMs: () => clock.now(),
      random: () => 0.5,
      timer: (delayMs: number, callback: () => void) =>
        clock.timer(delayMs, () => (isStopped ? void late.push(callback) : callback())),
    },
    stop: () => void (isStopped = true),
    goOn() {
      isStopped = false;
      for (const callback of late.splice(0)) callback();
    },
  };
}

it('what nobody was told yet, that a write was not sent, is not told once it is sent after all', async () => {
  const { clock, journal, open, row } = shop({ sends: [said('PAID')] });
  const stuck = open({ clock: frozen(clock.now()), onTicket: () => new Promise(() => undefined) });
  void stuck.settle('payment.charge', charge).catch(() => undefined);
  await clock.untilQuiet();
  const told: string[] = [];
  // One that has no handler finds it unsent, and leaves the delivery to one that has.
  const finder = createWorker({ gateways: [open()], journal, clock });
  finder.start();
  await clock.run(sleep(clock, 90_000));
  await clock.run(finder.stop());
  expect((await row()).data.deliveries.map(({ settlement: { outcome } }) => outcome)).toEqual(['unsent']);
  await clock.run(open().settle('payment.charge', charge));
  const teller = createWorker({
    ...{ gateways: [open()], journal, clock },
    onSettled: ({ outcome }) => void told.push(outcome),
  });
  teller.start();
  await clock.run(sleep(clock, 5000));
  await clock.run(teller.stop());
  expect(told).toEqual(['succeeded']);
});

describe('a process that was stopped for longer than its lease', () => {
  const replaying = acme({ sameReference: 'replays', policy: { poll: { absentAfterMs: 5000, deadlineMs: 60_000 } } });

  /**
   * It stops when a row has come to that state; meanwhile a worker delivers what becomes of it. How callers of it end.
   */
  async function stoppedAt(at: RowState, { count = 2, renewsFirst = false } = {}) {
    const bench = shop({ sends: [said('PAID')], polls: [state('none')], adapter: replaying });
    const { clock, journal, open } = bench;
    const party = stoppable(clock);
    let hasStopped = false;
    const { promise: goneOn, resolve: goOn } = Promise.withResolvers<undefined>();
    const stopping = async <T>(set: RowContent | undefined, made: T): Promise<T> => {
      if (set?.state !== at || hasStopped) return made;
      hasStopped = true;
      party.stop();
      await goneOn;
      return made;
    };
    const { store } = journal;
    const stopped = open({
      clock: party.clock,
      policy: { ...quick, poll: { ...quick.poll, deadlineMs: 600_000 } },
      journal: createJournal({
        ...store,
        insert: async row => stopping(row, await store.insert(row)),
        update: async changes => stopping(changes[0]?.set, await store.update(changes)),
      }),
    });
    const callers = Array.from({ length: count }, () => stopped.settle('payment.charge', charge));
    await clock.untilQuiet();
    const told: string[] = [];
    const worker = createWorker({
      ...{ gateways: [open()], journal, clock },
      onSettled: ({ outcome }) => void told.push(outcome),
    });
    worker.start();
    await clock.run(sleep(clock, 90_000));
    party.goOn();
    if (renewsFirst) await clock.untilQuiet();
    goOn(undefined);
    const ends = await clock.run(Promise.all(callers));
    await clock.run(sleep(clock, 60_000));
    await clock.run(worker.stop());
    return { ...bench, told, ends: ends.map(({ outcome }) => outcome), last: (await bench.row()).state };
  }

  it('between what is durable and the wire sends nothing, and its callers are told what a worker has delivered', async () => {
    const { sends, told, ends, last } = await stoppedAt('leaving');
    expect(sends).toEqual([]);
    expect([told, ends, last]).toEqual([['absent'], ['absent', 'absent'], 'delivered']);
  });

  it('sends nothing either where its lease is renewed before it looks', async () => {
    const { sends, told, ends } = await stoppedAt('leaving', { renewsFirst: true });
    expect(sends).toEqual([]);
    expect([told, ends]).toEqual([['absent'], ['absent', 'absent']]);
  });

  it('before that sends nothing, and its caller is told that it was not sent', async () => {
    const { sends, told, ends, last } = await stoppedAt('intended', { count: 1 });
    expect(sends).toEqual([]);
    expect([told, ends, last]).toEqual([['unsent'], ['unsent'], 'unsent']);
  });
});

/** Time as a process sees it that is dead, or stands still. */
const frozen = (nowMs: number) => ({
  now: () => nowMs,
  monotonicMs: () => 0,
  random: () => 0.5,
  timer: () => () => undefined,
});

/** Whoever calls says that the charge is paid. */
const notifying = (): Adapter<AcmeFields> => ({
  ...acme(),
  webhook: {
    codes: { paid: succeeded() },
    confirm: false,
    hear: () => ({ verified: true, operation: 'payment.charge', names: ['paid'], reference: { order: 'A1' } }),
    reply: () => ({ body: 'OK' }),
  },
});

describe('a notice', () => {
  it('that another process received stops a send that is about to leave, which is asked about instead', async () => {
    const { clock, open, sends, polls } = shop({
      sends: [reset()],
      polls: [state('paid')],
      adapter: notifying(),
    });
    const other = open();
    const sender = open({ onTicket: () => other.receive(new Request('https://shop.test/')) });
    const settlement = await clock.run(sender.settle('payment.charge', charge));
    expect(settlement.outcome).toBe('succeeded');
    expect([sends.length, polls.length]).toEqual([0, 1]);
  });

  it('settles a payment that another process has left open, at the merchant’s amount, and is delivered', async () => {
    const { clock, open, row } = shop({ sends: [said('PENDING')], polls: [state('pending')], adapter: notifying() });
    const left = await clock.run(open().settle('payment.charge', charge));
    expect(left.outcome).toBe('unresolved');
    const received = await clock.run(open().receive(new Request('https://shop.test/')));
    expect(received).toMatchObject({ verified: true, ticket: { expect: { amount: '100' } } });
    expect(await row()).toMatchObject({
      state: 'settled',
      data: { deliveries: [{ settlement: { outcome: 'succeeded', settledBy: 'webhook' } }] },
    });
  });
});

describe('a notice of a payment that the journal does not know', () => {
  it('is delivered, and its number is then known as paid', async () => {
    const { clock, open, row, sends } = shop({ sends: [said('PAID')], adapter: notifying() });
    await clock.run(open().receive(new Request('https://shop.test/')));
    expect(await row()).toMatchObject({
      state: 'settled',
      dueAtMs: clock.now(),
      data: { deliveries: [{ settlement: { outcome: 'succeeded', settledBy: 'webhook' } }] },
    });
    const again = open().settle('payment.charge', charge);
    expect(await clock.run(again)).toMatchObject({ outcome: 'succeeded', repeated: true });
    expect(sends).toEqual([]);
  });
});

describe('a caller who waits for a process that died before it sent', () => {
  it('sends, and no worker tells the merchant meanwhile that nothing was sent', async () => {
    const { clock, open, sends, row, journal } = shop({ sends: [said('PAID')] });
    const stuck = open({ clock: frozen(clock.now()), onTicket: () => new Promise(() => undefined) });
    void stuck.settle('payment.charge', charge).catch(() => undefined);
    await clock.untilQuiet();
    const told: string[] = [];
    const onSettled = ({ outcome }: Settlement): void => void told.push(outcome);
    const worker = createWorker({ gateways: [open()], journal, clock, onSettled });
    worker.start();
    expect((await clock.run(open().settle('payment.charge', charge))).outcome).toBe('succeeded');
    await clock.run(sleep(clock, 60_000));
    await clock.run(worker.stop());
    expect([sends.length, told, (await row()).state]).toEqual([1, ['succeeded'], 'delivered']);
  });
});

it('a gateway without a journal has no desk', () => {
  expect(() => deskOf(createGateway({ adapter: acme() }))).toThrow(/has no journal/);
});
