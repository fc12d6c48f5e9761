import ky from 'ky';
import { createGateway, steps, type Clock, type Gateway } from 'tillpaid';
import { qfpay, type QfpayCredentials, type QfpayFields } from 'tillpaid/adapters/qfpay';
import { lives, manualClock, simulateGateway, type ManualClock, type Script, type Simulator } from 'tillpaid/testing';
import { qfpayVoice } from 'tillpaid/testing/qfpay';
import { describe, expect, it } from 'vitest';
import { followProcessor, refundProcessor, type Job } from '../../examples/frameworks/bullmq.ts';
import { endOf, sendRefund, type End, type Follow, type Refund } from '../../examples/frameworks/payments.ts';
import { activitiesOf, refundWorkflow } from '../../examples/frameworks/temporal.ts';

const account: QfpayCredentials = { appCode: 'SHOP', clientKey: 'secret', environment: 'sandbox' };
const number = 'REFUND-1';

interface Scene {
  readonly clock: ManualClock;
  readonly simulated: Simulator;
  readonly refund: Refund;
  /** A process, as far as payments are concerned: it knows nothing of the others. */
  readonly process: (its?: Clock) => Gateway<QfpayFields>;
  readonly pass: (ms: number) => Promise<void>;
  readonly moved: () => { sends: number; bookings: number };
}

async function scene(script: Script): Promise<Scene> {
  const clock = manualClock();
  const simulated = simulateGateway({ voice: qfpayVoice(account), clock });
  const process: Scene['process'] = (its = clock) =>
    createGateway({
      ...{ adapter: qfpay(account), client: ky.create({ fetch: simulated.fetch }), clock: its },
      policy: { poll: { backoff: steps([1000, 2000]) } },
    });
  const order = {
    out_trade_no: 'ORDER-1',
    txamt: 12_50,
    txcurrcd: 'HKD',
    pay_type: '800108',
    auth_code: '28495731046',
  };
  const { reference } = await clock.run(process().settle('payment.charge', order));
  simulated.script(number, script);
  return {
    ...{ clock, simulated, process },
    refund: { out_trade_no: number, syssn: reference.provider ?? '', txamt: 12_50 },
    pass: ms => clock.run(new Promise<void>(resolve => clock.timer(ms, resolve))),
    moved() {
      const { sends = 0, bookings = 0 } = simulated.ledger.refund(number) ?? {};
      return { sends, bookings };
    },
  };
}

const weather: readonly (readonly [string, Script, End['outcome'], number])[] = [
  ['goes well', {}, 'succeeded', 1],
  ['takes a while', { life: lives.paidAfter(20_000) }, 'succeeded', 1],
  ['is declined at once', { life: lives.declined() }, 'failed', 0],
  ['loses its answer', { onSend: ['reset-after-booking'], life: lives.paidAfter(5000) }, 'succeeded', 1],
  [
    'is declined after a while',
    { onSend: ['503-after-booking'], life: lives.steps([{ afterMs: 9000, state: 'declined' }]) },
    'failed',
    0,
  ],
];

describe('the job that sends', () => {
  it('delivered twice, one after the other, sends once: the first delivery died with its answer', async () => {
    const { clock, process, refund, moved, pass } = await scene({ onSend: ['hang-after-booking'] });
    // It stands still from its first wait on, as a process does that is killed.
    const killed = process({ now: () => clock.now(), random: () => 0.5, timer: () => () => undefined });
    const tickets: unknown[] = [];
    const job = { isRedelivered: false, remember: (ticket: unknown) => tickets.push(ticket) };
    sendRefund(killed, refund, job).catch(() => undefined);
    await clock.untilQuiet();
    expect([tickets.length > 0, moved()]).toEqual([true, { sends: 1, bookings: 1 }]);
    await pass(60_000);
    const again = await clock.run(sendRefund(process(), refund, { ...job, isRedelivered: true }));
    expect([again.outcome, moved()]).toEqual(['succeeded', { sends: 1, bookings: 1 }]);
  });

  it('delivered twice at once sends once, whichever is first', async () => {
    for (const order of [
      [false, true],
      [true, false],
    ]) {
      const { clock, process, refund, moved, pass } = await scene({ life: lives.paidAfter(3000) });
      const remember = (): undefined => undefined;
      const both = order.map(isRedelivered => sendRefund(process(), refund, { isRedelivered, remember }));
      await clock.run(Promise.all(both));
      await pass(5000);
      expect(moved()).toEqual({ sends: 1, bookings: 1 });
    }
  });

  it('sends nothing where its ticket could not be stored', async () => {
    const { clock, process, refund, moved } = await scene({});
    const job = { isRedelivered: false, remember: () => Promise.reject(new Error('Redis is gone.')) };
    await expect(clock.run(sendRefund(process(), refund, job))).rejects.toThrow('Redis is gone.');
    expect(moved()).toEqual({ sends: 0, bookings: 0 });
  });

  it('gives the queue nothing of the provider’s answer to keep', async () => {
    const { clock, process, refund } = await scene({});
    const settlement = await clock.run(process().settle('refund.create', refund));
    expect(Object.keys(endOf(settlement)).sort()).toEqual(['outcome', 'reference', 'ticket']);
  });
});

/** BullMQ as its documentation has it: a job of one id, delayed by its processor, and delivered at least once. */
class Delayed extends Error {}

describe.each(weather)('a refund that %s', (_what, script, outcome, bookings) => {
  it('is followed to its end by BullMQ’s jobs, each delivered twice', async () => {
    const { clock, process, refund, moved, pass } = await scene(script);
    const jobs = new Map<string, { data: Follow }>();
    const queue = {
      add: (_name: string, data: Follow, { jobId }: { jobId: string }) => {
        if (!jobs.has(jobId)) jobs.set(jobId, structuredClone({ data }));
        return Promise.resolve();
      },
      remove: (jobId: string) => Promise.resolve(jobs.delete(jobId)),
    };
    const ends: End[] = [];
    const onEnd = (end: End): Promise<unknown> => Promise.resolve(ends.push(end));
    const refunded = { data: refund, attemptsStarted: 1, updateData: never, moveToDelayed: never };
    const send = (attemptsStarted: number): Promise<void> =>
      clock.run(refundProcessor(process(), queue, onEnd)({ ...refunded, attemptsStarted }));
    await send(1);
    const isOver = ends.length > 0;
    expect(jobs.has(number)).toBe(!isOver);
    // What is over was told; its job is done, and is not delivered again.
    if (isOver) return expect([ends.map(end => end.outcome), moved().bookings]).toEqual([[outcome], bookings]);
    await send(2);

    const stored = jobs.get(number) ?? expect.fail('no job follows it');
    for (let turn = 0; turn < 100 && ends.length < 2; turn++) {
      let dueAtMs = clock.now();
      const job: Job<Follow> = {
        ...{ data: structuredClone(stored.data), attemptsStarted: turn + 1 },
        updateData: data => Promise.resolve(void (stored.data = structuredClone(data))),
        moveToDelayed: timestampMs => Promise.resolve(void (dueAtMs = clock.now() + timestampMs - Date.now())),
      };
      const follow = followProcessor(process(), onEnd, Delayed);
      const both = [follow(job, 'lock'), follow(job, 'lock')].map(one =>
        one.catch((error: unknown) => {
          if (!(error instanceof Delayed)) throw error;
        }),
      );
      await clock.run(Promise.all(both));
      if (dueAtMs > clock.now()) await pass(dueAtMs - clock.now());
    }
    expect(ends.map(end => end.outcome)).toEqual([outcome, outcome]);
    expect(moved()).toEqual({ sends: 1, bookings });
  });

  it('is followed to its end by a workflow of Temporal’s, whose activities run twice', async () => {
    const { clock, process, refund, moved, pass } = await scene(script);
    let attempt = 0;
    const worker = activitiesOf(process(), () => ++attempt);
    // The first run of each is lost with its worker; what the second one gives goes into the history, as JSON.
    const twice = async <T>(run: () => Promise<T>): Promise<T> => {
      await run();
      return JSON.parse(JSON.stringify(await run())) as T;
    };
    const activities = {
      refund: (asked: Refund) => twice(() => worker.refund(asked)),
      step: (payment: Follow['payment']) => twice(() => worker.step(payment)),
    };
    const end = await refundWorkflow(refund, {
      activities: {
        refund: asked => clock.run(activities.refund(asked)),
        step: each => clock.run(activities.step(each)),
      },
      sleep: pass,
    });
    expect([end.outcome, moved()]).toEqual([outcome, { sends: 1, bookings }]);
  });
});

const never = (): Promise<never> => Promise.reject(new Error('It is not called.'));
