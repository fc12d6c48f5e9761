import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { constant, type Policy, type Ticket } from '../../src/index.ts';
import { layeredPolicy } from '../../src/policies/policy.ts';
import { acme } from '../testing/acme.ts';
import { bench, hang, json, said, state, type Bench } from '../testing/bench.ts';

/** A gateway that takes so much and no more: what its callers see of that. */

const order = (name: string | number): { order: string; amount: number } => ({ order: `A${name}`, amount: 100 });
const many = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_each, at) => make(at));

/** The most requests in any second. */
const peak = (timesMs: readonly number[]): number =>
  Math.max(0, ...timesMs.map(fromMs => timesMs.filter(atMs => atMs >= fromMs && atMs < fromMs + 1000).length));
const timesOf = (requests: Bench['sends']): number[] => requests.map(({ atMs }) => atMs);

const ticketOf = ({ gateway, clock }: Bench, name: number, agoMs = 0): Ticket => {
  const at = new Date(clock.now() - agoMs).toISOString();
  return { ...gateway.ticketFor('payment.charge', order(name)), openedAt: at, lastSentAt: at };
};

describe('limit.perSecond and limit.perMinute', () => {
  it('are whole numbers, or Infinity; less than one a second is said by the minute', () => {
    for (const name of ['perSecond', 'perMinute'] as const) {
      for (const value of [0, -1, 0.5, Number.NaN, '10', null] as number[])
        expect(() => layeredPolicy({}, { limit: { [name]: value } })).toThrow(
          new RegExp(`limit.${name} must be a whole number, 1 or more, or Infinity for no limit.*limit.perMinute`),
        );
      expect(layeredPolicy({}, { limit: { [name]: 7 } }).limit).toEqual({ concurrency: 32, [name]: 7 });
    }
  });

  it('are the adapter’s where it has any, and the user’s word counts before it', () => {
    const own: Policy = { limit: { perSecond: 100, perMinute: 400 } };
    expect(layeredPolicy(own).limit).toEqual({ concurrency: 32, perSecond: 100, perMinute: 400 });
    expect(layeredPolicy(own, { limit: { perMinute: Infinity } }).limit).toMatchObject({
      perSecond: 100,
      perMinute: Infinity,
    });
  });

  it('hold over charges and queries together, and every charge ends as it would without', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 5, max: 20 }),
        fc.array(fc.constantFrom('PAID', 'PENDING', 'DECLINED', 'lost'), { minLength: 1, maxLength: 60 }),
        async (perSecond, answers) => {
          const scene = bench({
            sends: answers.map(answer => (answer === 'lost' ? () => Promise.reject(new Error('reset')) : said(answer))),
            polls: [state('pending'), state('paid')],
            policy: { limit: { perSecond }, poll: { backoff: constant(1000), deadlineMs: 120_000 } },
          });
          const all = answers.map((_answer, name) => scene.gateway.settle('payment.charge', order(name)));
          const ends = await scene.clock.run(Promise.all(all));
          expect(peak([...timesOf(scene.sends), ...timesOf(scene.polls)])).toBeLessThanOrEqual(perSecond);
          expect(scene.sends).toHaveLength(answers.length);
          expect(ends.filter(({ outcome }) => outcome !== 'succeeded' && outcome !== 'failed')).toEqual([]);
          expect(scene.clock.pending).toBe(0);
        },
      ),
      { numRuns: 25 },
    );
  }, 60_000);

  it('let no charge leave long after its deadline: it is unsent, and says why', async () => {
    const scene = bench({
      sends: [said('PAID')],
      policy: { limit: { perMinute: 10 }, poll: { deadlineMs: 20_000 }, attemptTimeoutMs: 5000 },
    });
    const ends = await scene.clock.run(
      Promise.all(many(30, name => scene.gateway.settle('payment.charge', order(name)))),
    );
    expect(ends.map(({ outcome }) => outcome).sort()).toEqual([
      ...many(10, () => 'succeeded'),
      ...many(20, () => 'unsent'),
    ]);
    for (const { verdict, elapsedMs } of ends.slice(10)) {
      expect(verdict).toMatchObject({ code: 'limit', reason: 'rate-limited' });
      expect(elapsedMs).toBeLessThanOrEqual(20_000);
    }
    expect(scene.sends).toHaveLength(10);
  });

  it('let no call last longer than an attempt after its deadline, and what is not known stays open', async () => {
    const scene = bench({
      sends: [said('PENDING')],
      polls: [state('pending')],
      policy: {
        limit: { perMinute: 12 },
        poll: { backoff: constant(1000), deadlineMs: 20_000 },
        attemptTimeoutMs: 5000,
      },
    });
    const ends = await scene.clock.run(
      Promise.all(many(10, name => scene.gateway.settle('payment.charge', order(name)))),
    );
    for (const { outcome, elapsedMs, ticket } of ends) {
      expect(outcome).toBe('unresolved');
      expect(elapsedMs).toBeLessThanOrEqual(25_000);
      expect(ticket.seen).toBe(true);
    }
    expect(scene.sends.length + scene.polls.length).toBe(12);
  });

  it('keep a permit for nobody who leaves: the next one has it', async () => {
    const scene = bench({ sends: [said('PAID')], policy: { limit: { perSecond: 1 } } });
    const startMs = scene.clock.now();
    const leaving = new AbortController();
    const first = scene.gateway.settle('payment.charge', order(1));
    const left = scene.gateway.settle('payment.charge', order(2), { signal: leaving.signal });
    const next = scene.gateway.settle('payment.charge', order(3));
    const gone = expect(left).rejects.toBe('closing');
    await scene.clock.untilQuiet();
    leaving.abort('closing');
    await gone;
    await scene.clock.run(Promise.all([first, next]));
    expect(timesOf(scene.sends).map(atMs => atMs - startMs)).toEqual([0, 1000]);
    expect(scene.clock.pending).toBe(0);
  });

  it('do not let a charge path that hangs keep the queries of other payments', async () => {
    const scene = bench({
      sends: [hang],
      polls: [state('paid')],
      policy: { limit: { perSecond: 4, concurrency: 4 }, attemptTimeoutMs: 60_000 },
    });
    const charges = many(4, name => scene.gateway.settle('payment.charge', order(name)).catch(() => undefined));
    await scene.clock.untilQuiet();
    const startMs = scene.clock.now();
    await scene.clock.run(Promise.all(many(4, name => scene.gateway.untilSettled(ticketOf(scene, 10 + name)))));
    // What is not answered counts for a second, and a second more.
    expect(scene.clock.now() - startMs).toBeLessThanOrEqual(2000);
    await scene.clock.run(Promise.all(charges));
  });
});

describe('a query that is answered 429 with Retry-After', () => {
  const limited = (seconds: number) => (): Response =>
    json({}, { status: 429, headers: { 'retry-after': String(seconds) } });
  const policy: Policy = { poll: { backoff: constant(1000), deadlineMs: 300_000 } };

  it('keeps back the queries of all payments for so long, and no charge', async () => {
    const scene = bench({ sends: [said('PAID')], polls: [limited(20), state('paid')], policy });
    const startMs = scene.clock.now();
    const first = scene.gateway.untilSettled(ticketOf(scene, 0));
    await scene.clock.untilQuiet();
    const others = many(4, name => scene.gateway.untilSettled(ticketOf(scene, 1 + name)));
    const charge = scene.gateway.settle('payment.charge', order(9));
    expect(await scene.clock.run(charge)).toMatchObject({ outcome: 'succeeded', elapsedMs: 0 });
    await scene.clock.run(Promise.all([first, ...others]));
    expect(timesOf(scene.polls).map(atMs => atMs - startMs)).toEqual([0, ...many(5, () => 20_000)]);
  });

  it('does so no longer than retry.maxRetryAfterMs, and keeps no last query of a payment', async () => {
    const scene = bench({
      polls: [limited(86_400), state('paid')],
      policy: { ...policy, retry: { maxRetryAfterMs: 30_000 } },
    });
    const startMs = scene.clock.now();
    const first = scene.gateway.untilSettled(ticketOf(scene, 0));
    await scene.clock.untilQuiet();
    const last = scene.gateway.untilSettled(ticketOf(scene, 1), { policy: { poll: { deadlineMs: 0 } } });
    expect(await scene.clock.run(last)).toMatchObject({ outcome: 'succeeded', elapsedMs: 0 });
    const other = scene.gateway.untilSettled(ticketOf(scene, 2));
    await scene.clock.run(Promise.all([first, other]));
    expect(timesOf(scene.polls).map(atMs => atMs - startMs)).toEqual([0, 0, 30_000]);
  });

  it('is another thing than a send’s 429, which keeps back no queries', async () => {
    const scene = bench({ sends: [limited(20)], polls: [state('paid')], policy });
    const charge = scene.gateway.settle('payment.charge', order(0));
    await scene.clock.untilQuiet();
    const other = await scene.clock.run(scene.gateway.untilSettled(ticketOf(scene, 1)));
    expect(other).toMatchObject({ outcome: 'succeeded', elapsedMs: 0 });
    await scene.clock.run(charge);
  });
});

describe('a thousand payments', () => {
  it('that are resumed at once are not asked about in one second, new or old; one alone is asked about at once', async () => {
    for (const agoMs of [10_000, 3_600_000]) {
      const scene = bench({ polls: [state('paid')], policy: { poll: { deadlineMs: 7_200_000 } } });
      const startMs = scene.clock.now();
      await scene.clock.run(Promise.all(many(1000, name => scene.gateway.untilSettled(ticketOf(scene, name, agoMs)))));
      expect(scene.polls).toHaveLength(1000);
      expect(peak(timesOf(scene.polls))).toBeLessThan(260);
      expect(Math.max(...timesOf(scene.polls)) - startMs).toBeLessThan(45_000);
      // Once the crowd has gone.
      scene.clock.advance(20_000);
      const alone = await scene.clock.run(scene.gateway.untilSettled(ticketOf(scene, 5000, agoMs)));
      expect(alone.elapsedMs).toBe(0);
    }
  });

  it('do not wait for those who are only asked about once', async () => {
    const scene = bench({ adapter: acme(), polls: [state('paid')] });
    const asked = many(400, name => scene.gateway.ask(ticketOf(scene, name, 20_000)));
    const resumed = scene.gateway.untilSettled(ticketOf(scene, 5000, 20_000));
    const [settlement] = await scene.clock.run(Promise.all([resumed, ...asked]));
    expect(settlement).toMatchObject({ outcome: 'succeeded', elapsedMs: 0 });
  });

  it('that are resumed at once reach a gateway with a limit no faster than it says', async () => {
    const scene = bench({ polls: [state('paid')], policy: { limit: { perSecond: 50 } } });
    await scene.clock.run(Promise.all(many(1000, name => scene.gateway.untilSettled(ticketOf(scene, name, 10_000)))));
    expect(scene.polls).toHaveLength(1000);
    expect(peak(timesOf(scene.polls))).toBeLessThanOrEqual(50);
  });

  it('whose steps begin at once from tickets are told when their turn comes, through JSON', async () => {
    const scene = bench({ adapter: acme(), polls: [state('paid')] });
    const steps = await scene.clock.run(
      Promise.all(many(300, name => scene.gateway.step(ticketOf(scene, name, 10_000)))),
    );
    const waiting = steps.filter(({ done }) => done === undefined);
    expect(waiting.length).toBeGreaterThan(290);
    expect(scene.polls.length).toBe(300 - waiting.length);
    scene.clock.advance(60_000);
    const ends = await scene.clock.run(
      Promise.all(waiting.map(({ open }) => scene.gateway.step(JSON.parse(JSON.stringify(open)) as Ticket))),
    );
    expect(ends.every(({ done }) => done?.outcome === 'succeeded')).toBe(true);
  });
});
