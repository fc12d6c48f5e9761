import { describe, expect, it } from 'vitest';
import { constant, type Settlement } from '../../src/index.ts';
import { acme } from '../testing/acme.ts';
import { bench, hang, json, refused, said, state, type Bench, type Step } from '../testing/bench.ts';

/**
 * A process that slept (a closed laptop, a paused container) finds all its timers due at once. It looks at the clock
 * and plans anew: what it would have done meanwhile is not made up for.
 */

const charge = { order: 'A1', amount: 100 };
const HOUR_MS = 3_600_000;
const policy = {
  retry: { attempts: 5, backoff: constant(1000) },
  poll: { backoff: constant(1000), deadlineMs: 120_000 },
  attemptTimeoutMs: 5000,
};

const counts = ({ sends, polls, clock }: Bench): object => ({
  sends: sends.length,
  polls: polls.length,
  timers: clock.pending,
});

interface Scene {
  readonly when: string;
  readonly script: Parameters<typeof bench>[0];
  /** How much time passes before it falls asleep. */
  readonly awakeMs?: number;
}

/** Sends something, falls asleep, and wakes. */
async function sleeping(
  { script, awakeMs = 0 }: Scene,
  sleepMs: number,
): Promise<Bench & { readonly settling: Promise<Settlement> }> {
  const scene = bench({ policy, ...script });
  const settling = scene.gateway.settle('payment.charge', charge);
  await scene.clock.untilQuiet();
  if (awakeMs > 0) {
    scene.clock.advance(awakeMs);
    await scene.clock.untilQuiet();
  }
  scene.clock.advance(sleepMs);
  await scene.clock.untilQuiet();
  return { ...scene, settling };
}

const busyFor: Step = () => json({ code: 'BUSY' }, { status: 429, headers: { 'retry-after': '3' } });

describe('a process that slept for less than its deadline', () => {
  it.each<Scene>([
    { when: 'while it waited to ask', script: { sends: [said('PENDING')], polls: [state('pending')] } },
    {
      when: 'while it waited to ask again',
      script: { sends: [said('PENDING')], polls: [state('pending')] },
      awakeMs: 1000,
    },
  ])('asks once when it wakes, and then at the usual pace: $when', async scene => {
    const awake = await sleeping(scene, 60_000);
    const polls = 1 + (scene.awakeMs ?? 0) / 1000;
    expect(counts(awake)).toEqual({ sends: 1, polls, timers: 1 });
    awake.clock.advance(999);
    await awake.clock.untilQuiet();
    expect(counts(awake)).toEqual({ sends: 1, polls, timers: 1 });
    awake.clock.advance(1);
    await awake.clock.untilQuiet();
    expect(counts(awake)).toEqual({ sends: 1, polls: polls + 1, timers: 1 });
    expect(await awake.clock.run(awake.settling)).toMatchObject({ outcome: 'unresolved', elapsedMs: 120_000 });
  });

  it.each<Scene>([
    { when: 'the gateway was busy', script: { sends: [said('BUSY')] } },
    { when: 'the gateway said when to come again', script: { sends: [busyFor] } },
    { when: 'the connection was refused', script: { sends: [refused()] } },
  ])('sends once when it wakes, and then at the usual pace: $when', async scene => {
    const awake = await sleeping(scene, 60_000);
    expect(counts(awake)).toEqual({ sends: 2, polls: 0, timers: 1 });
  });
});

describe('a process that slept through its deadline', () => {
  it.each<Scene>([
    { when: 'while it waited to ask', script: { sends: [said('PENDING')], polls: [state('paid')] } },
    {
      when: 'while it waited to ask again',
      script: { sends: [said('PENDING')], polls: [state('pending'), state('paid')] },
      awakeMs: 1000,
    },
    { when: 'while its send was on the wire', script: { sends: [hang], polls: [state('paid')] } },
  ])('asks one last question, and believes it: $when', async scene => {
    const awake = await sleeping(scene, 10 * HOUR_MS);
    expect(await awake.clock.run(awake.settling)).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'query',
      attempts: 1,
    });
    expect(awake.clock.now() - (awake.sends[0]?.atMs ?? 0)).toBe(10 * HOUR_MS + (scene.awakeMs ?? 0));
  });

  it.each<Scene>([
    { when: 'while it waited to ask', script: { sends: [said('PENDING')], polls: [state('pending')] } },
    { when: 'while its send was on the wire', script: { sends: [hang], polls: [state('pending')] } },
    { when: 'while a query was on the wire', script: { sends: [said('PENDING')], polls: [hang] }, awakeMs: 1000 },
  ])('leaves what is still open with its ticket, at once and without a burst: $when', async scene => {
    const awake = await sleeping(scene, 10 * HOUR_MS);
    const settlement = await awake.clock.run(awake.settling);
    expect(settlement).toMatchObject({
      outcome: 'unresolved',
      ticket: { reference: { order: 'A1' } },
      elapsedMs: 10 * HOUR_MS + (scene.awakeMs ?? 0),
    });
    expect(counts(awake)).toEqual({ sends: 1, polls: 1, timers: 0 });
  });

  it.each<[Scene, Settlement['outcome']]>([
    [{ when: 'the gateway was busy', script: { sends: [said('BUSY'), said('PAID')] } }, 'rejected'],
    [{ when: 'the connection was refused', script: { sends: [refused(), said('PAID')] } }, 'unsent'],
    [
      {
        when: 'it could send the same again',
        script: { adapter: acme({ sameReference: 'replays' }), sends: [said('BUSY'), said('PAID')] },
      },
      'rejected',
    ],
  ])('sends nothing again, since nobody waits for it any more: $0.when', async (scene, outcome) => {
    const awake = await sleeping(scene, 10 * HOUR_MS);
    expect(await awake.clock.run(awake.settling)).toMatchObject({ outcome, attempts: 1 });
    expect(counts(awake)).toEqual({ sends: 1, polls: 0, timers: 0 });
  });

  it('does not take the time it slept for time in which the gateway looked', async () => {
    const absent = { ...policy, poll: { ...policy.poll, absentAfterMs: 60_000 } };
    const awake = await sleeping(
      { when: '', script: { sends: [hang], polls: [state('none')], policy: absent } },
      10 * HOUR_MS,
    );
    expect(await awake.clock.run(awake.settling)).toMatchObject({ outcome: 'unresolved', polls: 1 });
  });
});

it('a shop that wakes asks about each of its payments once, and about no more at a time than its policy allows', async () => {
  const scene = bench({
    sends: [said('PENDING')],
    polls: [state('pending')],
    policy: { ...policy, limit: { concurrency: 4 } },
  });
  const settling = Promise.all(
    Array.from({ length: 25 }, (_each, index) =>
      scene.gateway.settle('payment.charge', { order: `A${index}`, amount: 100 }),
    ),
  );
  while (scene.sends.length < 25) await scene.clock.untilQuiet();
  await scene.clock.untilQuiet();
  scene.clock.advance(10 * HOUR_MS);
  const settlements = await scene.clock.run(settling);
  expect(new Set(settlements.map(({ outcome, polls }) => `${outcome} ${polls}`))).toEqual(new Set(['unresolved 1']));
  expect(counts(scene)).toEqual({ sends: 25, polls: 25, timers: 0 });
});
