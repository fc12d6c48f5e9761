import ky from 'ky';
import { describe, expect, it } from 'vitest';
import {
  createGateway,
  isReferenceInUseError,
  type Gateway,
  type GatewayOptions,
  type Settlement,
} from '../../src/index.ts';
import { createJournal, type Journal } from '../../src/journal/journal.ts';
import { memoryJournal } from '../../src/journal/memory.ts';
import { createWorker, type Worker } from '../../src/journal/worker.ts';
import type { Clock } from '../../src/clock.ts';
import { manualClock, type ManualClock } from '../../src/testing/manual-clock.ts';
import { sleep } from '../../src/testing/sleep.ts';
import { acme, type AcmeFields } from '../testing/acme.ts';

/** Writes that are stored beside the caller's order, and sent by a worker, or by the caller after all. */

const order = { order: 'A1', amount: 100 };

function shop(answers: { send?: object; poll?: object } = {}) {
  const clock = manualClock();
  const journal = memoryJournal({ clock });
  const sends: string[] = [];
  const told: Settlement[] = [];
  const fetch = async (request: Request): Promise<Response> => {
    if (new URL(request.url).pathname === '/api/query') return Response.json(answers.poll ?? { state: 'paid' });
    sends.push(await request.text());
    return Response.json(answers.send ?? { code: 'PAID' });
  };
  const open = (options: Partial<GatewayOptions<AcmeFields>> = {}): Gateway<AcmeFields> =>
    createGateway<AcmeFields>({
      adapter: acme(),
      client: ky.create({ fetch: fetch as typeof globalThis.fetch }),
      clock,
      journal,
      ...options,
    });
  const worker = (): Worker =>
    createWorker({ gateways: [open()], journal, clock, onSettled: settlement => void told.push(settlement) });
  /** A worker for so long. */
  const work = async (forMs: number): Promise<void> => {
    const one = worker();
    one.start();
    await clock.run(sleep(clock, forMs));
    await clock.run(one.stop());
  };
  const stateOf = async (): Promise<string | undefined> => (await journal.store.list({}))[0]?.state;
  return { clock, journal, sends, told, open, work, stateOf };
}

describe('a prepared write', () => {
  it('is sent by a worker, once, and its end is delivered', async () => {
    const { open, work, sends, told, stateOf } = shop();
    const ticket = await open().prepare('payment.charge', order);
    expect(ticket).toMatchObject({ operation: 'payment.charge', reference: { order: 'A1' }, seen: false });
    expect([await stateOf(), sends.length]).toEqual(['intended', 0]);
    await work(5000);
    expect(sends.map(body => JSON.parse(body) as unknown)).toEqual([{ ...order, signed: 'yes' }]);
    expect(told).toMatchObject([{ outcome: 'succeeded', reference: { merchant: 'A1' } }]);
    expect(await stateOf()).toBe('delivered');
  });

  it('is sent by its caller, and then not by a worker', async () => {
    const { clock, open, work, sends, told } = shop();
    const gateway = open();
    await gateway.prepare('payment.charge', order);
    expect((await clock.run(gateway.settle('payment.charge', order))).outcome).toBe('succeeded');
    await work(5000);
    expect([sends.length, told.length]).toEqual([1, 1]);
  });

  it('is not sent after its time, and its merchant is told that it was not', async () => {
    const { clock, open, work, sends, told, stateOf } = shop();
    await open().prepare('payment.charge', order, { sendUntil: new Date(clock.now() + 60_000) });
    clock.advance(61_000);
    await work(5000);
    expect(sends).toEqual([]);
    expect(told).toMatchObject([{ outcome: 'unsent', attempts: 0 }]);
    expect(await stateOf()).toBe('unsent');
  });

  it('is the same when it is prepared again, and refused with other fields, by prepare and by settle', async () => {
    const { clock, open, sends } = shop();
    const ticket = await open().prepare('payment.charge', order);
    expect(await open().prepare('payment.charge', order)).toEqual(ticket);
    const other = { ...order, amount: 200 };
    await expect(open().prepare('payment.charge', other)).rejects.toSatisfy(isReferenceInUseError);
    await expect(clock.run(open().settle('payment.charge', other))).rejects.toSatisfy(isReferenceInUseError);
    expect(sends).toEqual([]);
  });

  it('that ended unsent is prepared once more, and sent; one that is paid is not', async () => {
    const { clock, open, work, sends, told } = shop();
    await open().prepare('payment.charge', order, { sendUntil: new Date(clock.now() + 1000) });
    clock.advance(2000);
    await work(5000);
    expect([sends.length, told.map(({ outcome }) => outcome)]).toEqual([0, ['unsent']]);
    await open().prepare('payment.charge', order);
    await work(5000);
    await open().prepare('payment.charge', order);
    await work(5000);
    expect([sends.length, told.map(({ outcome }) => outcome)]).toEqual([1, ['unsent', 'succeeded']]);
  });

  it('is refused where a field may be secret or the payer needs the answer, without a journal, and once its time has passed', async () => {
    const { clock, open, stateOf } = shop();
    await expect(open().prepare('payment.create', order)).rejects.toThrow(/its payer needs its answer.*settle/);
    const zone = open().prepare('payment.charge', order, { sendUntil: '2027-01-01T00:00' });
    await expect(zone).rejects.toThrow(/sendUntil must be a Date or a time like/);
    const scanned = { ...order, scanned: '6901234567890' };
    await expect(open().prepare('payment.charge', scanned)).rejects.toThrow(/"scanned" may be secret.*settle/);
    const late = open().prepare('payment.charge', order, { sendUntil: new Date(clock.now()) });
    await expect(late).rejects.toThrow(/sendUntil has passed/);
    await expect(createGateway({ adapter: acme() }).prepare('payment.charge', order)).rejects.toThrow(
      /there is no journal.*createGateway\(\{ journal \}\)/,
    );
    expect(await stateOf()).toBeUndefined();
  });
});

describe('a worker and a gateway', () => {
  it('bring a payment that its caller left open to its end, and deliver it', async () => {
    const { clock, open, work, sends, told, stateOf } = shop({ send: { code: 'PENDING' } });
    const controller = new AbortController();
    const left = open().settle('payment.charge', order, { signal: controller.signal });
    const ended = left.catch((error: unknown) => error);
    await clock.untilQuiet();
    controller.abort(new Error('gone'));
    await clock.untilQuiet();
    expect(await ended).toMatchObject({ message: 'gone' });
    await work(10_000);
    expect(sends).toHaveLength(1);
    expect(told).toMatchObject([{ outcome: 'succeeded', settledBy: 'query' }]);
    expect(await stateOf()).toBe('delivered');
  });

  it('deliver a created order once, follow it, and deliver its end', async () => {
    const answers = { send: { code: 'CREATED' }, poll: { state: 'open' } };
    const { clock, open, work, told, stateOf } = shop(answers);
    await clock.run(open().settle('payment.create', order));
    await work(60_000);
    expect(told.map(({ outcome }) => outcome)).toEqual(['created']);
    expect(await stateOf()).toBe('open');
    answers.poll = { state: 'paid' };
    await work(600_000);
    expect(told.map(({ outcome }) => outcome)).toEqual(['created', 'succeeded']);
    expect(await stateOf()).toBe('delivered');
  });

  it('park what can be neither asked nor sent again, and say what a person should do', async () => {
    const { clock, open, work, journal } = shop();
    const hanging = createGateway<AcmeFields>({
      adapter: acme(),
      client: ky.create({ fetch: () => new Promise<Response>(() => undefined) }),
      clock: { ...clock, now: () => clock.now(), timer: () => () => undefined },
      journal,
    });
    void hanging.settle('payout.create', { order: 'P1' }).catch(() => undefined);
    await clock.untilQuiet();
    open();
    await work(120_000);
    const [row] = await journal.store.list({});
    expect(row).toMatchObject({ state: 'parked', data: { parked: { from: 'leaving' } } });
    expect(row?.data.parked?.advice).toMatch(/Look it up at the provider/);
  });

  it('tell the merchant that nothing was sent, where a process died before its first byte', async () => {
    const { clock, open, work, told, sends, stateOf } = shop();
    const dying = open({
      clock: { ...clock, now: () => clock.now(), timer: () => () => undefined },
      onTicket: () => new Promise(() => undefined),
    });
    void dying.settle('payment.charge', order).catch(() => undefined);
    await clock.untilQuiet();
    await work(60_000);
    expect(sends).toEqual([]);
    expect(told).toMatchObject([{ outcome: 'unsent', reference: { merchant: 'A1' } }]);
    expect(await stateOf()).toBe('unsent');
  });
});

/** A process whose timers do not fire: its lease is not renewed. */
const silent = (clock: ManualClock): Clock => ({
  now: () => clock.now(),
  monotonicMs: () => clock.monotonicMs(),
  random: () => clock.random(),
  timer: (delayMs, callback) => (delayMs > 5000 ? () => undefined : clock.timer(delayMs, callback)),
});

describe('a prepared write whose row is its worker’s no longer', () => {
  /** A store whose next `get` waits until it is let go. */
  function stalling(journal: Journal): {
    readonly stalled: Journal;
    readonly begin: () => void;
    readonly end: () => void;
  } {
    const released = Promise.withResolvers<undefined>();
    let isStalled = false;
    const { store } = journal;
    const stalled = createJournal({
      ...store,
      get: async id => {
        if (isStalled) await released.promise;
        return store.get(id);
      },
    });
    return { stalled, begin: () => (isStalled = true), end: () => released.resolve(undefined) };
  }

  it('is not sent by it, late, once its merchant was told that it was not', async () => {
    const { clock, journal, open, sends, told } = shop();
    const { stalled, begin, end } = stalling(journal);
    const sendUntil = new Date(clock.now() + 20_000);
    await open().prepare('payment.charge', order, { sendUntil });
    begin();
    const onSettled = (settlement: Settlement): void => void told.push(settlement);
    const slow = createWorker({
      gateways: [open({ journal: stalled, clock: silent(clock) })],
      journal: stalled,
      clock: silent(clock),
      onSettled,
    });
    slow.start();
    await clock.run(sleep(clock, 1000));
    await clock.run(sleep(clock, 60_000));
    const other = createWorker({ gateways: [open()], journal, clock, onSettled });
    other.start();
    await clock.run(sleep(clock, 10_000));
    expect(told.map(({ outcome }) => outcome)).toEqual(['unsent']);
    end();
    await clock.run(sleep(clock, 60_000));
    await clock.run(other.stop());
    expect([sends.length, told.length]).toEqual([0, 1]);
  });

  it('is not sent once its worker has stopped', async () => {
    const { clock, journal, open, sends } = shop();
    const { stalled, begin, end } = stalling(journal);
    await open().prepare('payment.charge', order);
    begin();
    const worker = createWorker({ gateways: [open({ journal: stalled })], journal: stalled, clock });
    worker.start();
    await clock.run(sleep(clock, 1000));
    await clock.run(worker.stop({ drainMs: 500 }));
    end();
    await clock.run(sleep(clock, 10_000));
    expect(sends).toEqual([]);
  });

  it('is sent after its credentials were changed, and refused with another amount', async () => {
    const { clock, open, work, sends, told } = shop();
    await open({ adapter: acme({ secret: 'of-last-year' }) }).prepare('payment.charge', order);
    const other = { ...order, amount: 200 };
    await expect(clock.run(open().settle('payment.charge', other))).rejects.toSatisfy(isReferenceInUseError);
    await work(5000);
    expect([sends.length, told.map(({ outcome }) => outcome)]).toEqual([1, ['succeeded']]);
  });
});
