import { describe, expect, it } from 'vitest';
import { constant, growing, type Adapter, type Ticket } from '../../src/index.ts';
import { acme } from '../testing/acme.ts';
import { bench, type Bench, hang, longest, said, state, type Step } from '../testing/bench.ts';

/** Whoever follows a ticket, on whatever machine: what it knows, what it learns, and how often it asks. */

const charge = { order: 'A1', amount: 100 };
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

const iso = (atMs: number): string => new Date(atMs).toISOString();
const at = ({ clock }: Bench): number => clock.now();

/** A ticket as a store gives it back, so many milliseconds later. */
const aged = (scene: Bench, agoMs: number, more: Partial<Ticket> = {}): Ticket => ({
  ...scene.gateway.ticketFor('payment.create', charge),
  openedAt: iso(at(scene) - agoMs),
  ...more,
});

const learning = (learnt: Step[]): Bench =>
  bench({ polls: learnt, policy: { poll: { backoff: constant(1000), deadlineMs: 20_000 } } });

describe('absence', () => {
  const believing = {
    poll: { backoff: constant(MINUTE_MS), absentAfterMs: 15 * MINUTE_MS, deadlineMs: 20 * MINUTE_MS },
  };

  it('counts from when the bytes left, not from when the ticket was made', async () => {
    const scene = bench({ polls: [state('none')], policy: believing });
    const ticket = aged(scene, 16 * MINUTE_MS, { lastSentAt: iso(at(scene) - 2 * MINUTE_MS) });
    expect(await scene.clock.run(scene.gateway.untilSettled(ticket))).toMatchObject({ outcome: 'absent' });
    expect(at(scene) - Date.parse(ticket.lastSentAt ?? '')).toBeGreaterThanOrEqual(15 * MINUTE_MS);
  });

  it('is never concluded of a ticket that says that nothing was sent yet', async () => {
    const scene = bench({ polls: [state('none')], policy: believing });
    expect(await scene.clock.run(scene.gateway.untilSettled(aged(scene, HOUR_MS)))).toMatchObject({
      outcome: 'unresolved',
      verdict: { reason: 'not-found' },
    });
  });

  it('is told apart by the ticket: it says when the bytes left, after the queue and the signature', async () => {
    const scene = bench({ sends: [hang, said('PAID')], policy: { limit: { concurrency: 1 }, attemptTimeoutMs: 8000 } });
    const { gateway, clock } = scene;
    const startMs = clock.now();
    const told: (string | undefined)[] = [];
    const first = gateway.settle('payment.charge', { order: 'A0', amount: 1 }, { policy: { poll: { deadlineMs: 0 } } });
    const second = gateway.settle('payment.charge', charge, {
      onTicket: ({ lastSentAt }) => void told.push(lastSentAt),
    });
    const [, settlement] = await clock.run(Promise.all([first, second]));
    expect(told).toEqual([undefined, iso(startMs + 8000), iso(startMs + 8000)]);
    expect(settlement.ticket.lastSentAt).toBe(iso(startMs + 8000));
  });
});

describe('a follower', () => {
  it('tells what he learns, so that whoever goes on starts from there', async () => {
    const scene = learning([state('pending', { id: 'P9' })]);
    const { gateway, clock } = scene;
    const stored: Ticket[] = [];
    const controller = new AbortController();
    const following = gateway.untilSettled(aged(scene, 0, { lastSentAt: iso(at(scene)) }), {
      onTicket: ticket => void stored.push(ticket),
      signal: controller.signal,
    });
    clock.timer(1500, () => controller.abort(new Error('the machine died')));
    await expect(clock.run(following)).rejects.toThrow('died');
    expect(stored).toMatchObject([{ seen: true, reference: { order: 'A1', id: 'P9' } }]);

    const [ticket] = stored;
    if (ticket === undefined) throw new Error('nothing was stored');
    const next = bench({
      polls: [state('none')],
      policy: { poll: { backoff: constant(1000), absentAfterMs: 0, deadlineMs: 20_000 } },
    });
    expect(await next.clock.run(next.gateway.untilSettled(ticket))).toMatchObject({ outcome: 'unresolved' });
  });

  it('is told once more by several at once, each with a store of his own', async () => {
    const scene = learning([state('pending', { id: 'P9' }), state('paid')]);
    const told: string[] = [];
    const ticket = aged(scene, 0);
    const follow = (name: string): Promise<unknown> =>
      scene.gateway.untilSettled(ticket, { onTicket: ({ reference }) => void told.push(`${name} ${reference['id']}`) });
    await scene.clock.run(Promise.all([follow('one'), follow('two')]));
    expect(told.sort()).toEqual(['one P9', 'two P9']);
  });

  it('who asks once tells it too', async () => {
    const scene = learning([state('pending', { id: 'P9' })]);
    const told: Ticket[] = [];
    await scene.clock.run(scene.gateway.ask(aged(scene, 0), { onTicket: ticket => void told.push(ticket) }));
    expect(told).toMatchObject([{ seen: true, reference: { id: 'P9' } }]);
  });

  it('goes on at the pace that the payment has come to, and with its count', async () => {
    const scene = bench({
      polls: [state('pending')],
      policy: { poll: { backoff: growing(), deadlineMs: 10 * MINUTE_MS } },
      random: longest,
    });
    const startMs = at(scene);
    const settlement = await scene.clock.run(
      scene.gateway.untilSettled(aged(scene, HOUR_MS, { polls: 60, lastSentAt: iso(startMs - HOUR_MS) })),
    );
    const gaps = scene.polls.slice(1, -1).map(({ atMs }, index) => atMs - (scene.polls[index]?.atMs ?? 0));
    expect(new Set(gaps)).toEqual(new Set([60_000]));
    expect(settlement.ticket.polls).toBe(60 + settlement.polls);
  });

  it('asks at once about what is fresh', async () => {
    const scene = learning([state('paid')]);
    expect(await scene.clock.run(scene.gateway.untilSettled(aged(scene, 30_000)))).toMatchObject({
      outcome: 'succeeded',
      elapsedMs: 0,
    });
  });

  it('of a crowd that resumes at once begins at a time of his own, within seconds', async () => {
    const scene = bench({ polls: [state('paid')] });
    const startMs = at(scene);
    const crowd = Array.from({ length: 300 }, (_each, index) => {
      const ticket = aged(scene, HOUR_MS, { polls: 40 });
      return scene.gateway.untilSettled({ ...ticket, reference: { order: `A${index}` } });
    });
    await scene.clock.run(Promise.all(crowd));
    const perSecond = [0, 1, 2, 3, 4].map(
      second => scene.polls.filter(({ atMs }) => Math.floor((atMs - startMs) / 1000) === second).length,
    );
    expect(perSecond.reduce((sum, each) => sum + each)).toBe(300);
    expect(Math.max(...perSecond)).toBeLessThan(100);
    expect(await scene.gateway.ask(aged(scene, HOUR_MS, { polls: 40 }))).toMatchObject({ outcome: 'succeeded' });
  });
});

describe('an order', () => {
  const paidAfter = (scene: () => Bench, ms: number): Step => {
    const startMs = Date.UTC(2026, 0, 1);
    return (request, signal) => {
      const step = state(at(scene()) - startMs >= ms ? 'paid' : 'open');
      return typeof step === 'function' ? step(request, signal) : Response.json({});
    };
  };
  const followed = async (
    paidMs: number,
    livesMs: number,
    more: Parameters<typeof bench>[0] = {},
  ): Promise<{ scene: Bench; outcome: string; elapsedMs: number; polls: number }> => {
    const scene: Bench = bench({ polls: [paidAfter(() => scene, paidMs)], ...more });
    const { outcome, elapsedMs, polls } = await scene.clock.run(
      scene.gateway.untilSettled(aged(scene, 0, { expiresAt: iso(at(scene) + livesMs) })),
    );
    return { scene, outcome, elapsedMs, polls };
  };

  it('is first asked about after the first wait since it was made, and not at the moment it was', async () => {
    const firstAtMs = async (ageMs: number, more: Parameters<typeof bench>[0] = {}): Promise<number> => {
      const scene = bench({ polls: [state('paid')], random: longest, ...more });
      const ticket = aged(scene, ageMs, { expiresAt: iso(at(scene) + HOUR_MS) });
      return (await scene.clock.run(scene.gateway.untilSettled(ticket))).elapsedMs;
    };
    expect(await firstAtMs(0)).toBe(3000);
    expect(await firstAtMs(1000)).toBe(2000);
    expect(await firstAtMs(3000)).toBe(0);
    expect(await firstAtMs(0, { policy: { poll: { backoff: constant(5000) } } })).toBe(0);
  });

  it('is stretched by what chance leaves of a wait, like any other', async () => {
    const gapsMs = async (chance: number): Promise<number[]> => {
      const scene = bench({ polls: [state('open')], random: () => chance });
      const startMs = at(scene);
      await scene.clock.run(scene.gateway.untilSettled(aged(scene, 0, { expiresAt: iso(at(scene) + 30 * MINUTE_MS) })));
      return scene.polls.map(({ atMs }, index) => atMs - (scene.polls[index - 1]?.atMs ?? startMs));
    };
    const [shortest, most] = [await gapsMs(0), await gapsMs(1 - Number.EPSILON)];
    expect([shortest[0], most[0]]).toEqual([2400, 3000]);
    expect(Math.max(...most)).toBeLessThanOrEqual(115_000);
    expect(Math.max(...shortest)).toBeLessThanOrEqual(0.8 * 115_000);
    expect(shortest.length).toBeLessThan(1.3 * most.length);
  });

  it('that is paid after two hours is told within two minutes, after tens of queries', async () => {
    const { outcome, elapsedMs, polls } = await followed(2 * HOUR_MS, 24 * HOUR_MS);
    expect(outcome).toBe('succeeded');
    expect(elapsedMs - 2 * HOUR_MS).toBeLessThan(2 * MINUTE_MS);
    expect(polls).toBeLessThan(90);
  });

  it('that nobody pays for a day is asked about some two hundred times, and not seven hundred', async () => {
    const { outcome, polls } = await followed(Infinity, 24 * HOUR_MS);
    expect(outcome).toBe('unresolved');
    expect(polls).toBeLessThan(250);
  });

  it('whose life nobody states is followed as long as its operation says, and a minute; one that is older as long as a charge', async () => {
    const plain = acme();
    const adapter = {
      ...plain,
      operations: {
        ...plain.operations,
        'payment.create': {
          ...plain.operations['payment.create'],
          followedForMs: 30 * MINUTE_MS,
        } as Adapter['operations'][string],
      },
    };
    const scene = bench({ adapter, polls: [state('open')] });
    expect(await scene.clock.run(scene.gateway.untilSettled(aged(scene, 0)))).toMatchObject({
      outcome: 'unresolved',
      elapsedMs: 31 * MINUTE_MS,
    });
    expect(await scene.clock.run(scene.gateway.untilSettled(aged(scene, HOUR_MS)))).toMatchObject({
      outcome: 'unresolved',
      elapsedMs: 2 * MINUTE_MS,
    });
    expect(
      await scene.clock.run(scene.gateway.untilSettled(aged(scene, 0), { policy: { poll: { deadlineMs: 1000 } } })),
    ).toMatchObject({ elapsedMs: 1000 });
  });

  it('is followed to the end of its life, and a minute', async () => {
    expect(await followed(Infinity, 30 * MINUTE_MS)).toMatchObject({
      outcome: 'unresolved',
      elapsedMs: 31 * MINUTE_MS,
    });
    expect(await followed(29 * MINUTE_MS, 30 * MINUTE_MS)).toMatchObject({ outcome: 'succeeded' });
  });

  it('is followed so whatever the adapter says of a charge, but not past the user’s own deadline, nor more slowly than he wants', async () => {
    const adapter = acme({ policy: { poll: { deadlineMs: MINUTE_MS } } });
    expect(await followed(Infinity, 30 * MINUTE_MS, { adapter })).toMatchObject({ elapsedMs: 31 * MINUTE_MS });
    expect(await followed(Infinity, 30 * MINUTE_MS, { policy: { poll: { deadlineMs: MINUTE_MS } } })).toMatchObject({
      elapsedMs: MINUTE_MS,
    });
    expect(await followed(Infinity, 30 * MINUTE_MS, { policy: { poll: { backoff: constant(10_000) } } })).toMatchObject(
      { polls: 1 + 31 * 6 },
    );
  });

  it('whose life is not known, and a charge, has two minutes', async () => {
    const scene = bench({ polls: [state('pending')] });
    expect(await scene.clock.run(scene.gateway.untilSettled(aged(scene, 0)))).toMatchObject({
      elapsedMs: 2 * MINUTE_MS,
    });
    const other = bench({ polls: [state('pending')] });
    const ticket = { ...other.gateway.ticketFor('payment.charge', charge), expiresAt: iso(at(other) + HOUR_MS) };
    expect(await other.clock.run(other.gateway.untilSettled(ticket))).toMatchObject({ elapsedMs: 2 * MINUTE_MS });
  });

  it('that was answered as pending is followed to its end, and one that nobody answered like a charge', async () => {
    const plain = acme();
    const create = {
      ...plain.operations['payment.create'],
      payableForMs: () => 10 * MINUTE_MS,
    } as (typeof plain.operations)[string];
    const adapter = { ...plain, operations: { ...plain.operations, 'payment.create': create } };
    const answered = bench({ adapter, sends: [said('PENDING')], polls: [state('pending')] });
    expect(await answered.clock.run(answered.gateway.settle('payment.create', charge))).toMatchObject({
      outcome: 'unresolved',
      elapsedMs: 11 * MINUTE_MS,
    });
    const lost = bench({ adapter, sends: [hang], polls: [state('none')] });
    expect(await lost.clock.run(lost.gateway.settle('payment.create', charge))).toMatchObject({
      outcome: 'unresolved',
      elapsedMs: 2 * MINUTE_MS,
    });
  });
});

describe('a charge', () => {
  it('is asked about early enough for a PIN of one second', async () => {
    const scene = bench({ sends: [said('PENDING')], polls: [state('paid')], random: longest });
    expect(await scene.clock.run(scene.gateway.settle('payment.charge', charge))).toMatchObject({
      outcome: 'succeeded',
      elapsedMs: 1500,
    });
    const slow = bench({
      sends: [said('PENDING')],
      polls: [state('pending'), state('pending'), state('pending'), state('paid')],
      random: longest,
    });
    await slow.clock.run(slow.gateway.settle('payment.charge', charge));
    // From there on the pace is the usual one: nobody waits longer for having been asked about early.
    expect(slow.polls.map(({ atMs }) => atMs - Date.UTC(2026, 0, 1))).toEqual([1500, 3695, 6175, 8978]);
    const own = bench({
      sends: [said('PENDING')],
      polls: [state('paid')],
      adapter: acme({ policy: { poll: { backoff: constant(4000) } } }),
    });
    expect(await own.clock.run(own.gateway.settle('payment.charge', charge))).toMatchObject({ elapsedMs: 4000 });
  });

  it('is asked about at its own moment within a fifth of the wait, so that a crowd is spread', async () => {
    const firstMs = async (chance: number): Promise<number> => {
      const scene = bench({ sends: [said('PENDING')], polls: [state('paid')], random: () => chance });
      return (await scene.clock.run(scene.gateway.settle('payment.charge', charge))).elapsedMs;
    };
    expect([await firstMs(0), await firstMs(0.5), await firstMs(1 - Number.EPSILON)]).toEqual([1200, 1350, 1500]);
  });
});

describe('a policy that could never act', () => {
  const never = { poll: { absentAfterMs: 300_000, deadlineMs: 60_000 } };

  it('is refused where writes are made, before anything is sent', async () => {
    expect(() => bench({ policy: never })).toThrow(/absentAfterMs .* has no effect/);
    const { gateway, sends } = bench();
    await expect(gateway.settle('payment.charge', charge, { policy: never })).rejects.toThrow(/has no effect/);
    expect(sends).toEqual([]);
  });

  it('is taken from a follower: his ticket may be old enough', async () => {
    const scene = bench({ polls: [state('none')] });
    const ticket = aged(scene, HOUR_MS, { lastSentAt: iso(at(scene) - HOUR_MS) });
    expect(await scene.clock.run(scene.gateway.untilSettled(ticket, { policy: never }))).toMatchObject({
      outcome: 'absent',
    });
  });
});
