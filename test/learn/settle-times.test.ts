import ky from 'ky';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { constant, createGateway, isInputError, type GatewayEvent, type StartingPayment } from '../../src/index.ts';
import {
  byAmount,
  byHour,
  observeSettleTimes,
  settleTimes,
  type Observed,
  type SettleTimes,
  type SettleTimesChange,
  type SettleTimesOptions,
} from '../../src/learn/index.ts';
import { defaultPolicy } from '../../src/policies/index.ts';
import { sleep } from '../../src/testing/sleep.ts';
import { acme } from '../testing/acme.ts';
import { bench, said, state } from '../testing/bench.ts';

const charge = { order: 'A1', amount: 100 };
const everySecond = { poll: { backoff: constant(1000), deadlineMs: 10_000 } };
const openedMs = Date.UTC(2026, 0, 1);
const isoOf = (ms: number): string => new Date(openedMs + ms).toISOString();
const payment: StartingPayment = {
  ...{ gateway: 'acme', account: '1', environment: 'sandbox', operation: 'payment.charge', openedAt: isoOf(0) },
  charge: true,
  expect: { amount: '100', currency: 'HKD' },
};

/** A gateway whose events are made up: `[milliseconds since the payment was opened, what happened]`. */
function scripted(options: SettleTimesOptions = {}) {
  let told: Parameters<Observed['observe']>[0] | undefined;
  const times = observeSettleTimes({ observe: listener => ((told = listener), () => (told = undefined)) }, options);
  let count = 0;
  const tell = (lines: readonly [number, object][], of: Partial<StartingPayment> = {}, callMs = 0): void => {
    count++;
    for (const [ms, fact] of lines) {
      const entry = { at: isoOf(ms), elapsedMs: ms - callMs, gateway: 'acme', operation: 'payment.charge' };
      told?.({ ...entry, reference: { order: `A${count}` }, ...fact } as unknown as GatewayEvent, {
        ...payment,
        ...of,
      });
    }
  };
  return { times, tell };
}

const open = { type: 'status', verdict: { kind: 'poll-required', reason: 'processing' } };
const notFound = { type: 'status', verdict: { kind: 'poll-required', reason: 'not-found' } };
const paid = { kind: 'terminal', outcome: 'succeeded', reason: 'approved' };
const ask = { type: 'ask' };
const settled = (outcome = 'succeeded', settledBy = 'query'): object => ({ type: 'settled', outcome, settledBy });
const sent: [number, object][] = [
  [0, { type: 'ticket' }],
  [0, { type: 'send' }],
  [300, { type: 'answer', verdict: { kind: 'poll-required' } }],
];
const all = (times: SettleTimes): unknown[] => times.groups().flatMap(group => times.samples(group));

describe('of a payment that is observed', () => {
  it('a sample is the time between the last query that found it open and the one that found it settled', async () => {
    const { gateway, clock } = bench({
      sends: [said('PENDING')],
      polls: [state('pending'), state('pending'), state('paid')],
      policy: everySecond,
    });
    const times = observeSettleTimes(gateway);
    await clock.run(gateway.settle('payment.charge', charge));
    expect(times.groups()).toEqual(['payment.charge in the call']);
    expect(times.samples('payment.charge in the call')).toEqual([{ afterMs: 2000, byMs: 3000 }]);
  });

  it('the same is known where it is followed by untilSettled, or step by step', async () => {
    for (const door of ['untilSettled', 'step'] as const) {
      const { gateway, clock, polls } = bench({
        polls: [state('pending'), state('pending'), state('pending'), state('paid')],
        policy: everySecond,
      });
      const times = observeSettleTimes(gateway);
      const ticket = {
        ...gateway.ticketFor('payment.create', charge),
        lastSentAt: new Date(clock.now()).toISOString(),
      };
      if (door === 'untilSettled') await clock.run(gateway.untilSettled(ticket));
      else
        for (let next = await clock.run(gateway.step(ticket)); next.open !== undefined; ) {
          await clock.run(sleep(clock, next.dueInMs));
          next = await clock.run(gateway.step(JSON.parse(JSON.stringify(next.open)) as typeof next.open));
        }
      const [before, last] = polls.slice(-2).map(({ atMs }) => atMs - openedMs);
      expect(all(times)).toEqual([{ afterMs: before, byMs: last }]);
    }
  });

  it('still open at the deadline, it is known to take longer than until the last query that found it open', async () => {
    const { gateway, clock } = bench({ sends: [said('PENDING')], polls: [state('pending')], policy: everySecond });
    const times = observeSettleTimes(gateway);
    await clock.run(gateway.settle('payment.charge', charge));
    expect(all(times)).toEqual([{ afterMs: 10_000, byMs: Infinity }]);
  });

  it.each<[string, [number, object][], unknown[]]>([
    [
      'settled by a notice is known exactly',
      [
        ...sent,
        [2300, ask],
        [2400, open],
        [3000, { type: 'notice', verdict: paid }],
        [3000, settled('succeeded', 'webhook')],
      ],
      [{ afterMs: 2700, byMs: 2700 }],
    ],
    [
      'settled by a query that confirms a notice is known exactly',
      [...sent, [3000, { type: 'notice', verdict: paid }], [3000, ask], [3400, settled()]],
      [{ afterMs: 2700, byMs: 2700 }],
    ],
    [
      'that was declined counts like one that was paid',
      [...sent, [2300, ask], [2400, settled('failed')]],
      [{ afterMs: 0, byMs: 2000 }],
    ],
    [
      'not found is not known to be open',
      [...sent, [1300, ask], [1400, notFound], [2300, ask], [2400, settled()]],
      [{ afterMs: 0, byMs: 2000 }],
    ],
    [
      'sent again begins anew',
      [
        ...sent,
        [2300, ask],
        [2400, notFound],
        [2500, { type: 'send' }],
        [2700, { type: 'lost', of: 'send' }],
        [5700, ask],
        [5800, settled()],
      ],
      [{ afterMs: 0, byMs: 3000 }],
    ],
    ['settled by its own answer says nothing', [...sent, [300, settled('succeeded', 'answer')]], []],
    ['whose order was only made says nothing', [...sent, [300, settled('created', 'answer')]], []],
    ['that was refused says nothing', [...sent, [300, settled('rejected', 'answer')]], []],
    ['that was never sent says nothing', [...sent, [300, settled('unsent', 'none')]], []],
    ['that is absent says nothing', [...sent, [2300, ask], [2400, notFound], [2400, settled('absent')]], []],
    ['that nobody could ask about says nothing', [...sent, [2300, ask], [2400, settled('unresolved', 'none')]], []],
    [
      'canceled from here at the deadline says nothing',
      [...sent, [2300, ask], [2400, open], [9000, { type: 'cancel' }], [9300, ask], [9400, settled('canceled')]],
      [],
    ],
  ])('one %s', (_title, lines, samples) => {
    const { times, tell } = scripted();
    tell(lines);
    expect(all(times)).toEqual(samples);
  });

  it('aborted, it says nothing; followed again, it is counted from when it was sent', () => {
    const { times, tell } = scripted();
    tell([...sent, [2300, ask], [2400, open]]);
    expect(all(times)).toEqual([]);
    const lastSentAt = isoOf(100);
    tell(
      [
        [60_000, ask],
        [60_100, open],
        [90_000, ask],
        [90_100, settled()],
      ],
      { lastSentAt },
      60_000,
    );
    expect(all(times)).toEqual([{ afterMs: 59_900, byMs: 89_900 }]);
  });

  it('from an old ticket that is settled already, it does not make payments out as long as the process was down', () => {
    const { times, tell } = scripted();
    tell(
      [
        [3_600_000, ask],
        [3_600_100, settled()],
      ],
      { lastSentAt: isoOf(0) },
      3_600_000,
    );
    expect(all(times)).toEqual([]);
    tell(
      [
        [2000, ask],
        [2100, settled()],
      ],
      { lastSentAt: isoOf(0) },
      2000,
    );
    expect(all(times)).toEqual([{ afterMs: 0, byMs: 2000 }]);
  });

  it('while the wall clock was set, it says nothing; nor from a ticket of a clock that is ahead', () => {
    const { times, tell } = scripted();
    tell([
      ...sent,
      [2300, ask],
      [2400, open],
      [5000, { ...ask, at: isoOf(900_000) }],
      [5100, { ...settled(), at: isoOf(900_100) }],
    ]);
    tell(
      [
        [2000, ask],
        [2100, settled()],
      ],
      { lastSentAt: isoOf(60_000) },
      2000,
    );
    expect(all(times)).toEqual([]);
  });

  it('whatever is told in whatever order, a sample is a time, and its end no earlier than its beginning', () => {
    const facts = [ask, open, notFound, settled(), settled('succeeded', 'webhook'), settled('unresolved', 'none')];
    const more = [
      { type: 'send' },
      { type: 'answer' },
      { type: 'lost', of: 'send' },
      { type: 'notice', verdict: paid },
    ];
    const aLine = fc.tuple(fc.nat({ max: 100_000 }), fc.constantFrom(...facts, ...more));
    fc.assert(
      fc.property(fc.array(aLine, { maxLength: 30 }), fc.nat({ max: 50_000 }), (lines, callMs) => {
        const { times, tell } = scripted();
        tell(lines, {}, callMs);
        for (const { afterMs, byMs } of all(times) as { afterMs: number; byMs: number }[])
          expect(afterMs >= 0 && byMs >= afterMs).toBe(true);
      }),
    );
  });
});

/** Tells of so many payments that settled at these times, by notices. */
function settle(
  tell: ReturnType<typeof scripted>['tell'],
  settledMs: readonly number[],
  of: Partial<StartingPayment> = {},
): void {
  for (const ms of settledMs) tell([...sent, [300 + ms, settled('succeeded', 'webhook')]], of);
}
const spread = (count: number, medianMs: number): number[] =>
  Array.from({ length: count }, (_, index) => medianMs * Math.exp(((index * 0.618034) % 1) - 0.5));

describe('what is collected', () => {
  it('is bounded: the most recent samples of a group stay, and further groups are one', () => {
    const { times, tell } = scripted({ keep: 3, groups: 2, by: ({ operation }) => operation });
    settle(tell, [1, 2, 3, 4, 5]);
    expect(times.samples('payment.charge')).toEqual([3, 4, 5].map(ms => ({ afterMs: ms, byMs: ms })));
    for (const operation of ['a', 'b', 'c']) settle(tell, [7], { operation });
    expect(times.groups()).toEqual(['payment.charge', 'a', 'other']);
    expect(times.samples('other')).toHaveLength(2);
  });

  it('goes into the next process as JSON', () => {
    const { times, tell } = scripted();
    settle(tell, spread(80, 5000));
    tell([...sent, [2300, ask], [2400, open], [9000, ask], [9100, open], [9200, settled('unresolved', 'none')]]);
    const history = JSON.parse(JSON.stringify(times)) as ReturnType<SettleTimes['toJSON']>;
    const next = settleTimes({ history });
    expect(JSON.stringify(next)).toBe(JSON.stringify(times));
    expect(next.samples('payment.charge in the call')).toHaveLength(81);
    expect(next.backoff(payment)?.list()).toEqual(times.backoff(payment)?.list());
  });

  it.each<[unknown, RegExp]>([
    [{ history: [] }, /history is none/],
    [{ history: { version: 1, groups: { a: [[5, 1]] } } }, /history is none/],
    [{ history: { version: 2, groups: {} } }, /history is none/],
    [{ keep: 0 }, /keep must be a whole number/],
    [{ by: 'hour' }, /by must be a function/],
    [{ deadlineMs: -1 }, /deadlineMs/],
    [{ deadline: 1 }, /deadlineMs/],
  ])('is refused where it cannot be meant: %j', (given, message) => {
    let thrown: unknown;
    try {
      settleTimes(given as SettleTimesOptions);
    } catch (error) {
      thrown = error;
    }
    expect(isInputError(thrown)).toBe(true);
    expect((thrown as Error).message).toMatch(message);
  });

  it('is grouped by what is known when a payment starts', () => {
    const amount = byAmount([50, 500]);
    const hour = byHour('Asia/Hong_Kong');
    expect([amount(payment), amount({ ...payment, expect: { amount: '500.01' } })]).toEqual([
      'payment.charge in the call up to 500 HKD',
      'payment.charge in the call above',
    ]);
    const { expect: _money, ...moneyless } = payment;
    expect(amount(moneyless)).toBe('payment.charge in the call of any amount');
    expect(hour({ ...payment, openedAt: '2026-01-01T16:30:00Z' })).toBe('payment.charge in the call 00 h');
    expect(() => byHour('Hong Kong Street')).toThrow(/time zone/);
    expect(() => byAmount([5, 1])).toThrow(/rising order/);
  });
});

describe('what is learned', () => {
  it('is the default for the first samples, and then the group’s own schedule', () => {
    const { times, tell } = scripted();
    expect(times.backoff(payment)).toBeUndefined();
    settle(tell, spread(49, 2000));
    expect(times.backoff(payment)).toBeUndefined();
    settle(tell, [2000]);
    const [first = 0] = times.backoff(payment)?.list(1) ?? [];
    expect(first).toBeLessThan(3000);
    expect(times.backoff({ ...payment, operation: 'payment.create' })).toBeUndefined();
    expect(times.state('payment.charge in the call')).toMatchObject({ state: 'learned', samples: 50 });
    expect(times.state('payment.charge in the call').message).toMatch(
      /its own history: learned \d+.*fairly|hardly sure/,
    );
  });

  it('is learned anew once there are enough new samples, or after an hour', () => {
    let nowMs = 0;
    const { times, tell } = scripted({ clock: { now: () => nowMs } });
    settle(tell, spread(100, 2000));
    const before = times.backoff(payment);
    settle(tell, spread(49, 3000));
    expect(times.backoff(payment)).toBe(before);
    settle(tell, [3000]);
    const after = times.backoff(payment);
    expect(after).not.toBe(before);
    settle(tell, [3000]);
    expect(times.backoff(payment)).toBe(after);
    nowMs += 3_600_000;
    expect(times.backoff(payment)).not.toBe(after);
  });

  it('polls the payments of a gateway that has it as its policy, and leaves the others to the default', async () => {
    const times = settleTimes();
    const { clock, fetch, polls } = bench({ sends: [said('PENDING')], polls: [state('pending')] });
    const client = ky.create({ fetch: fetch as typeof globalThis.fetch });
    const gateway = createGateway({ adapter: acme(), client, clock, policy: { poll: { backoff: times.backoff } } });
    times.observe(gateway);
    const { tell, times: other } = scripted();
    settle(tell, spread(500, 8000), { operation: 'payment.charge' });
    const [samples] = Object.values(other.toJSON().groups);
    const history = { version: 1, groups: { 'payment.charge in the call': samples ?? [] } } as const;
    const known = settleTimes({ history });
    const learnedGateway = createGateway({
      adapter: acme(),
      client,
      clock,
      policy: { poll: { backoff: known.backoff } },
    });
    const asked: number[] = [];
    for (const each of [gateway, learnedGateway]) {
      polls.length = 0;
      const startMs = clock.now();
      await clock.run(each.settle('payment.charge', charge));
      asked.push((polls[0]?.atMs ?? 0) - startMs);
    }
    expect(asked[0]).toBeLessThan(4000);
    expect(asked[1]).toBeGreaterThan(4500);
  });

  it('is given up when payments begin to take another time, which is told, and learned anew from then on', () => {
    const changes: SettleTimesChange[] = [];
    const { times, tell } = scripted({ onChange: change => changes.push(change) });
    settle(tell, spread(1000, 2000));
    times.backoff(payment);
    let late = 0;
    for (const ms of spread(300, 12_000)) {
      settle(tell, [ms]);
      if (times.backoff(payment) === undefined) late++;
    }
    expect(changes.map(({ state }) => state)).toEqual(['learned', 'shifted', 'learned']);
    expect(late).toBeGreaterThan(20);
    expect(late).toBeLessThan(101);
    expect(changes[1]?.message).toMatch(/took another time than what was learned; polled by the default until 80/);
    expect(times.backoff(payment)?.list(1)[0]).toBeGreaterThan(5000);
    expect(defaultPolicy.poll.backoff.list(1)[0]).toBeLessThan(5000);
  });

  it('stays while payments take what they always took', () => {
    const changes: SettleTimesChange[] = [];
    const { times, tell } = scripted({ onChange: change => changes.push(change) });
    for (let turn = 0; turn < 30; turn++) {
      settle(tell, spread(100, 4000));
      times.backoff(payment);
    }
    expect(changes.map(({ state }) => state)).toEqual(['learned']);
  });

  it('does not depend on a listener that throws', () => {
    const { times, tell } = scripted({
      onChange: () => {
        throw new Error('log server down');
      },
    });
    settle(tell, spread(60, 2000));
    expect(times.backoff(payment)).toBeDefined();
  });
});
