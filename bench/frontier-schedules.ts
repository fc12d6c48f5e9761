import { decide, initialState, unknownOutcome, type Observation, type Plan } from '../src/core/decide.ts';
import { growing, type Backoff, type Policy } from '../src/index.ts';
import { layeredPolicy } from '../src/policies/policy.ts';
import { seeded } from './chance.ts';
import { DEADLINE_S, type Times } from './frontier-mix.ts';

/** Draws the times of one payment's queries; `chance` is drawn anew for each wait. */
export type Schedule = (chance: () => number) => Times;

/** So many payments' times. The first wait's chances are spread evenly, so that few draws give a smooth mean. */
export function draw(schedule: Schedule, count: number): Times[] {
  const chance = seeded(1);
  return Array.from({ length: count }, (_each, index) => {
    let isFirst = true;
    return schedule(() => {
      const drawn = isFirst ? (index + 0.5) / count : chance();
      isFirst = false;
      return drawn;
    });
  });
}

/** A schedule by its waits, in seconds. `atOnce`: it asks as soon as the payment was sent, too. */
function byWaits(waitS: (step: number, chance: number) => number, atOnce = false): Schedule {
  return chance => {
    const times: number[] = atOnce ? [0] : [];
    for (let atS = 0, step = 1; atS < DEADLINE_S; step++) {
      atS = Math.min(DEADLINE_S, atS + waitS(step, chance()));
      times.push(atS);
    }
    return times;
  };
}

export const ofBackoff =
  (backoff: Backoff): Schedule =>
  chance => {
    const times: number[] = [];
    for (let nowMs = 0, step = 1; nowMs < DEADLINE_S * 1000; step++) {
      nowMs = Math.min(DEADLINE_S * 1000, nowMs + backoff.delayMs({ step, elapsedMs: nowMs, chance: chance() }));
      times.push(nowMs / 1000);
    }
    return times;
  };

const MINUTE_MS = 60_000;
const processing = { ...unknownOutcome('processing'), reason: 'processing' as const };
const seen = { verdict: processing, acknowledges: true, askable: true };

/** The times at which the real decision asks, under an adapter's own policy, about a payment that stays open. */
export function asDecided(kind: 'charge' | 'order', adapter?: Policy): Schedule {
  // An order is followed to the end of its life and a minute; a charge to a deadline, which is made the same here.
  const isOrder = kind === 'order';
  const policy = layeredPolicy(adapter, isOrder ? undefined : { poll: { deadlineMs: DEADLINE_S * 1000 } });
  const plan: Plan = {
    effect: 'write',
    follows: 'payment',
    sameReference: 'unknown',
    policy,
    startedAtMs: 0,
    openedAtMs: 0,
    ...(isOrder && { expiresAtMs: DEADLINE_S * 1000 - MINUTE_MS }),
    payerNeedsAnswer: false,
    charge: !isOrder,
    followOnly: isOrder,
    mayHaveBeenSent: false,
  };
  return chance => {
    const times: number[] = [];
    let [state, nowMs] = [initialState(plan, { seen: true, askable: true, sentAtMs: 0 }), 0];
    for (let observation: Observation = { type: 'started' }; ; ) {
      const next = decide(state, observation, { nowMs, chance: chance() });
      const { decision } = next;
      state = next.state;
      if (decision.type === 'settle') return times;
      if (decision.type === 'ask') times.push(nowMs / 1000);
      if (decision.type === 'wait') nowMs += decision.delayMs;
      observation =
        decision.type === 'send'
          ? { type: 'answered', refused: false, ...seen }
          : decision.type === 'ask'
            ? { type: 'status', ...seen }
            : { type: 'due' };
    }
  };
}

/** Before there was jitter: the default of the first release. */
export const formerDefault: Backoff = growing({ firstMs: 3000, baseMs: 2000, ratio: 0.08, maxMs: 45_000, jitter: 0 });

const fibonacciS = [1, 2, 3, 5, 8, 13, 21, 34, 55];

/** AWS's waiter: it asks at once, then after a wait drawn between the least and twice as much at each step. */
const awsWaiter = (leastS: number, mostS: number): Schedule =>
  byWaits((step, chance) => {
    const ceilingS = leastS * 2 ** (step - 1);
    return ceilingS > mostS ? mostS : leastS + chance * (ceilingS - leastS);
  }, true);

/** What others do, each with a last query at the deadline added. */
export const peers: Readonly<Record<string, Schedule>> = {
  'every 2 s (Azure core-lro)': byWaits(() => 2),
  'every 4 s (WeChat Pay’s advice)': byWaits(() => 4),
  'every 5 s': byWaits(() => 5),
  'AWS waiter, 2 to 10 s': awsWaiter(2, 10),
  'AWS waiter’s default, 2 to 120 s': awsWaiter(2, 120),
  'Fibonacci, to 60 s': byWaits(step => fibonacciS[step - 1] ?? 60),
  '5 s x 1.5, to 300 s, full jitter': byWaits((step, chance) => Math.min(300, 5 * 1.5 ** (step - 1)) * chance),
  'hyperswitch’s default': byWaits(step => (step === 1 ? 60 : 300)),
};
