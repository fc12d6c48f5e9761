import { describe, expect, it } from 'vitest';
import { constant, type Adapter, type Settlement, type Ticket } from '../../src/index.ts';
import { pollRequired, type WriteOperation } from '../../src/kit/index.ts';
import { sleep } from '../../src/testing/sleep.ts';
import { acme, type AcmeFields } from '../testing/acme.ts';
import { bench, reset, said, state, type Bench } from '../testing/bench.ts';

/**
 * Somebody sets the machine's clock, or it slept: waits and deadlines go by what has passed, and no age is taken for
 * what it is not.
 */

const charge = { order: 'A1', amount: 100 };
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** Runs a charge to its end, with the wall clock set by so much after five seconds. */
async function stepped(
  byMs: number,
  script: Parameters<typeof bench>[0],
  act = ({ gateway }: Bench): Promise<Settlement> => gateway.settle('payment.charge', charge),
): Promise<Settlement> {
  const scene = bench(script);
  scene.clock.timer(5000, () => scene.clock.stepWall(byMs));
  return scene.clock.run(act(scene));
}

describe('a wall clock that is set', () => {
  const pending = { sends: [said('PENDING')], polls: [state('pending')] };

  it.each([
    -MINUTE_MS,
    -HOUR_MS,
    MINUTE_MS,
    16 * MINUTE_MS,
    24 * HOUR_MS,
  ])('by %i ms floods nobody, and moves no deadline', async byMs => {
    const usual = await stepped(0, pending);
    const settlement = await stepped(byMs, pending);
    expect(settlement).toMatchObject({ outcome: 'unresolved', elapsedMs: 120_000, polls: usual.polls });
    expect(settlement.timeline.map(({ elapsedMs }) => elapsedMs)).toEqual(
      usual.timeline.map(({ elapsedMs }) => elapsedMs),
    );
  });

  const believing = {
    poll: { backoff: constant(MINUTE_MS), absentAfterMs: 15 * MINUTE_MS, deadlineMs: 20 * MINUTE_MS },
  };

  it('forward makes nothing absent', async () => {
    const settlement = await stepped(16 * MINUTE_MS, { sends: [reset()], polls: [state('none')], policy: believing });
    expect(settlement).toMatchObject({ outcome: 'absent', elapsedMs: 15 * MINUTE_MS });
  });

  it('back makes nothing absent either: the clock that has seen less time is believed', async () => {
    const settlement = await stepped(-2 * MINUTE_MS, { sends: [reset()], polls: [state('none')], policy: believing });
    expect(settlement).toMatchObject({ outcome: 'absent', elapsedMs: 17 * MINUTE_MS });
  });

  it('back by a day leaves every query’s window open to the end: what was sent today is looked for today', async () => {
    const plain = acme();
    const asked: number[] = [];
    const charging = plain.operations['payment.charge'] as WriteOperation & Adapter['operations'][string];
    const query = {
      operation: 'payment.query' as const,
      fields: (_ticket: Ticket, nowMs: number) => (asked.push(nowMs), { order: 'A1' }),
    };
    const adapter = { ...plain, operations: { ...plain.operations, 'payment.charge': { ...charging, query } } };
    const settlement = await stepped(-26 * HOUR_MS, { adapter, sends: [said('PENDING')], polls: [state('pending')] });
    expect(Math.min(...asked)).toBeGreaterThanOrEqual(Date.parse(settlement.ticket.openedAt));
  });

  it('forward makes no order expired', async () => {
    const plain = acme();
    const codes = {
      ...(plain.operations['payment.query']?.codes as object),
      waiting: pollRequired('awaiting-payer', { expiredWhenOver: true }),
    };
    const adapter = {
      ...plain,
      operations: {
        ...plain.operations,
        'payment.query': { ...plain.operations['payment.query'], codes } as Adapter['operations'][string],
      },
    };
    const follow = ({ gateway, clock }: Bench): Promise<Settlement> => {
      const expiresAt = new Date(clock.now() + 15 * MINUTE_MS).toISOString();
      return gateway.untilSettled({ ...gateway.ticketFor('payment.create', charge), seen: true, expiresAt });
    };
    for (const byMs of [0, 20 * MINUTE_MS, HOUR_MS]) {
      expect(await stepped(byMs, { adapter, polls: [state('waiting')] }, follow)).toMatchObject({
        outcome: 'expired',
        elapsedMs: 16 * MINUTE_MS,
      });
    }
  });

  it.each([
    -26 * HOUR_MS,
    26 * HOUR_MS,
  ])('by %i ms forgets nothing that is settled: asked for again, it sends nothing', async byMs => {
    const { gateway, clock, sends } = bench({ sends: [said('PAID')] });
    await clock.run(gateway.settle('payment.charge', charge));
    clock.stepWall(byMs);
    await clock.run(gateway.settle('payment.charge', { ...charge, order: 'B2' }));
    clock.stepWall(-byMs);
    for (const order of ['A1', 'B2'])
      expect(await clock.run(gateway.settle('payment.charge', { ...charge, order }))).toMatchObject({
        outcome: 'succeeded',
        repeated: true,
      });
    expect(sends.length).toBe(2);
  });

  it('forward by a day makes a key too old to be sent again, as a machine that slept through it would have to think', async () => {
    const { adapter, keyed } = keyedPayout();
    const script = { adapter, sends: [reset(), said('PAID')], policy: { retry: { backoff: constant(10_000) } } };
    expect(await stepped(0, script, keyed)).toMatchObject({ outcome: 'succeeded', attempts: 2 });
    expect(await stepped(24 * HOUR_MS, script, keyed)).toMatchObject({ outcome: 'unresolved', attempts: 1 });
    expect(await stepped(-24 * HOUR_MS, script, keyed)).toMatchObject({ outcome: 'succeeded', attempts: 2 });
  });
});

/** A payout that nobody can ask about, and that a key known for a day makes safe to send again. */
function keyedPayout(signingMs = 0): {
  adapter: Adapter<AcmeFields>;
  keyed: (scene: Bench, agoMs?: number) => Promise<Settlement>;
  onClockOf: (scene: Bench) => void;
} {
  const plain = acme({ sameReference: 'replays' });
  const operation = {
    ...plain.operations['payout.create'],
    idempotencyKey: { rememberedForMs: 24 * HOUR_MS, header: 'idempotency-key' },
  } as Adapter['operations'][string];
  let scene: Bench | undefined;
  const adapter: Adapter<AcmeFields> = {
    ...plain,
    operations: { ...plain.operations, 'payout.create': operation },
    async headers(send) {
      if (scene !== undefined && signingMs > 0) await sleep(scene.clock, signingMs);
      return plain.headers(send);
    },
  };
  return {
    adapter,
    onClockOf: given => (scene = given),
    keyed: ({ gateway, clock }, agoMs) => {
      if (agoMs === undefined) return gateway.settle('payout.create', { order: 'A1' });
      const ticket = {
        ...gateway.ticketFor('payout.create', { order: 'A1' }),
        openedAt: new Date(clock.now() - agoMs).toISOString(),
      };
      return gateway.settle('payout.create', { order: 'A1' }, { ticket });
    },
  };
}

describe('a key near the end of its life', () => {
  const redelivered = async (agoMs: number, signingMs = 0): Promise<Settlement> => {
    const { adapter, keyed, onClockOf } = keyedPayout(signingMs);
    const scene = bench({ adapter, sends: [said('PAID')] });
    onClockOf(scene);
    return scene.clock.run(keyed(scene, agoMs));
  };

  it('sends nothing again within five minutes of it: clocks differ, and bytes take their time', async () => {
    expect(await redelivered(24 * HOUR_MS - 6 * MINUTE_MS)).toMatchObject({ outcome: 'succeeded', attempts: 1 });
    expect(await redelivered(24 * HOUR_MS - 5 * MINUTE_MS)).toMatchObject({ outcome: 'unresolved', attempts: 0 });
  });

  it('sends nothing where nobody knows how old it is, whoever goes on with its ticket', async () => {
    const { adapter } = keyedPayout();
    const { gateway, clock, sends } = bench({ adapter, sends: [said('PAID')] });
    const redelivered = await clock.run(
      gateway.settle('payout.create', { order: 'A1' }, { idempotencyKey: 'key-of-yesterday', mayHaveBeenSent: true }),
    );
    expect(redelivered).toMatchObject({ outcome: 'unresolved', ticket: { ageUnknown: true } });
    expect(await clock.run(gateway.settle('payout.create', { order: 'A1' }))).toMatchObject({
      outcome: 'unresolved',
      attempts: 0,
    });
    const other = bench({ adapter, sends: [said('PAID')] });
    expect(
      await other.clock.run(other.gateway.settle('payout.create', { order: 'A1' }, { ticket: redelivered.ticket })),
    ).toMatchObject({ outcome: 'unresolved', attempts: 0 });
    expect([...sends, ...other.sends].length).toBe(0);
  });

  it('is checked as the bytes leave, not before a token or a signature that took long', async () => {
    const agoMs = 24 * HOUR_MS - 5 * MINUTE_MS - 3000;
    expect(await redelivered(agoMs, 2000)).toMatchObject({ outcome: 'succeeded' });
    const settlement = await redelivered(agoMs, 8000);
    expect(settlement).toMatchObject({
      outcome: 'unresolved',
      verdict: { code: 'key-too-old', advice: expect.stringContaining('too old') as string },
    });
    expect(settlement.timeline).toContainEqual(
      expect.objectContaining({ type: 'lost', of: 'send', evidence: 'not-sent' }),
    );
  });
});
