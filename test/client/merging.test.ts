import { describe, expect, it } from 'vitest';
import { constant, type Received, type Settlement } from '../../src/index.ts';
import { canceled, expired, failed, pollRequired, refunded, succeeded, type CodeTable } from '../../src/kit/index.ts';
import type { Adapter } from '../../src/kit/adapter.ts';
import { idOf, textOf } from '../../src/kit/readers.ts';
import type { Webhook } from '../../src/kit/webhook.ts';
import { acme, type AcmeFields } from '../testing/acme.ts';
import { bench, json, reset, said, state, type Bench, type Step } from '../testing/bench.ts';

/**
 * What a query, a webhook and a late answer say of one payment, in whatever order they come: it only ever goes forward.
 */

const charge = { order: 'A1', amount: 100 };
const policy = {
  retry: { attempts: 1, backoff: constant(100) },
  poll: { backoff: constant(1000), deadlineMs: 60_000 },
  attemptTimeoutMs: 5000,
};

const states: CodeTable = {
  paid: succeeded(),
  open: pollRequired('awaiting-payer'),
  pending: pollRequired('processing'),
  failed: failed(),
  canceled: canceled(),
  expired: expired(),
  refunded: refunded(),
};

/** Acme with webhooks that anybody may send: how they are verified has tests of its own. */
function notifying(): Adapter<AcmeFields> {
  const webhook: Webhook = {
    codes: states,
    confirm: false,
    reply: word => ({ body: word }),
    hear({ text }) {
      const told: unknown = JSON.parse(text);
      return {
        verified: true,
        operation: 'payment.create',
        names: [textOf(told, 'state') ?? ''],
        reference: { order: idOf(told, 'order') },
      };
    },
  };
  return { ...acme(), webhook };
}

const shop = (script: { sends?: Step[]; polls?: Step[] }): Bench => bench({ adapter: notifying(), policy, ...script });

const tell = async ({ gateway }: Bench, word: string): Promise<Received & { verified: true }> => {
  const received = await gateway.receive(
    new Request('https://shop.example/hooks', { method: 'POST', body: JSON.stringify({ order: 'A1', state: word }) }),
  );
  if (!received.verified) throw new Error(received.reason);
  return received;
};

const conflicts = ({ events }: Bench): number => events.filter(({ type }) => type === 'conflict').length;

/** A step whose answer comes when it is let go. */
function held(answer: () => Response): { step: Step; letGo: () => void } {
  let letGo: () => void = () => undefined;
  const gate = new Promise<void>(resolve => (letGo = resolve));
  return { step: () => gate.then(answer), letGo: () => letGo() };
}

describe('a state that flaps', () => {
  const unknown: [what: string, steps: Step[]][] = [
    ['an unlisted state', [state('frozen')]],
    ['"not found"', [state('none'), state('none'), state('none')]],
    ['no answer', [reset()]],
    ['a page of HTML', [() => new Response('<html>')]],
    ['HTTP 500', [() => new Response('', { status: 500 })]],
    ['a refusal', [state('REFUSED')]],
    ['maintenance', [state('BUSY')]],
    ['an earlier state', [state('open')]],
    [
      'all of these',
      [state('frozen'), state('none'), reset(), state('none'), state('BUSY'), state('open'), state('none')],
    ],
  ];
  it.each(unknown)('pending, then %s, then paid is paid', async (_what, steps) => {
    const absent = { ...policy, poll: { ...policy.poll, absentAfterMs: 0 } };
    const polls = [state('pending'), ...steps, state('pending'), ...steps, state('paid')];
    const { gateway, clock, sends } = bench({ sends: [reset()], polls, policy: absent });
    expect(await clock.run(gateway.settle('payment.charge', charge))).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'query',
      polls: polls.length,
    });
    expect(sends.length).toBe(1);
  });

  it.each(
    unknown,
  )('pending, then %s until the deadline, leaves it open: it is never absent, and never failed', async (_what, steps) => {
    const absent = { ...policy, poll: { ...policy.poll, absentAfterMs: 0, resendWhenAbsent: true } };
    const last = steps.at(-1) ?? reset();
    const { gateway, clock, sends } = bench({
      sends: [reset()],
      polls: [state('pending'), ...steps, last],
      policy: { ...absent, retry: { attempts: 3 } },
    });
    expect(await clock.run(gateway.settle('payment.charge', charge))).toMatchObject({
      outcome: 'unresolved',
      ticket: { seen: true },
    });
    expect(sends.length).toBe(1);
  });
});

describe('a notice that comes while a query is on the wire', () => {
  const olds: [old: string, answer: Step, settlement: Partial<Settlement>, polls: number][] = [
    ['the state before', state('pending'), { outcome: 'succeeded', settledBy: 'webhook' }, 1],
    ['"not found"', state('none'), { outcome: 'succeeded', settledBy: 'webhook' }, 1],
    ['nothing at all', reset(), { outcome: 'succeeded', settledBy: 'webhook' }, 1],
    ['the same', state('paid'), { outcome: 'succeeded', settledBy: 'query' }, 1],
    ['the contrary', state('failed'), { outcome: 'succeeded', settledBy: 'query' }, 2],
  ];
  it.each(olds)('is not undone by what the query says then: %s', async (_old, answer, settlement, polls) => {
    let letGo: () => void = () => undefined;
    const gate = new Promise<void>(resolve => (letGo = resolve));
    const first: Step = async (request, signal) => {
      await gate;
      if (answer instanceof Error) throw answer;
      return answer instanceof Response ? answer : answer(request, signal);
    };
    const scene = shop({ sends: [said('PENDING')], polls: [first, state('paid')] });
    const settling = scene.gateway.settle('payment.charge', charge);
    await scene.clock.untilQuiet();
    scene.clock.advance(1000);
    await scene.clock.untilQuiet();
    expect(scene.polls.length).toBe(1);
    await tell(scene, 'paid');
    letGo();
    expect(await settling).toMatchObject({ ...settlement, elapsedMs: 1000 });
    expect([scene.polls.length, scene.clock.pending]).toEqual([polls, 0]);
  });
});

describe('an answer that comes when nobody waits for it any more', () => {
  it.each(['DECLINED', 'REFUSED', 'PAID'])('settles nothing: %s, after the attempt had timed out', async code => {
    const late = held(() => json({ code }));
    const { gateway, clock, sends, polls } = shop({
      sends: [late.step],
      polls: [state('pending'), state('pending'), state('paid')],
    });
    const settling = gateway.settle('payment.charge', charge);
    await clock.untilQuiet();
    for (let second = 0; second < 7; second++) {
      clock.advance(1000);
      await clock.untilQuiet();
    }
    expect(polls.length).toBe(2);
    late.letGo();
    await clock.untilQuiet();
    expect(await clock.run(settling)).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'query',
      attempts: 1,
      polls: 3,
    });
    expect(sends.length).toBe(1);
  });

  it('settles nothing either when it is a query’s, and the payment is settled', async () => {
    const late = held(() => json({ state: 'failed' }));
    const scene = shop({ sends: [said('PENDING')], polls: [late.step, state('paid')] });
    const settlement = await scene.clock.run(scene.gateway.settle('payment.charge', charge));
    late.letGo();
    await scene.clock.untilQuiet();
    expect(settlement).toMatchObject({ outcome: 'succeeded', settledBy: 'query', polls: 2 });
    expect(scene.events.filter(({ type }) => type === 'settled')).toHaveLength(1);
  });
});

describe('notices that come out of order', () => {
  const settled = async (known: string): Promise<Bench> => {
    const scene = shop({ polls: [state(known)] });
    await tell(scene, known);
    return scene;
  };

  it.each<[known: string, outcome: string]>([
    ['paid', 'succeeded'],
    ['refunded', 'refunded'],
    ['canceled', 'canceled'],
  ])('an earlier state after %s takes nothing back: nobody is asked, and what is known stands', async (known, outcome) => {
    const scene = await settled(known);
    for (const earlier of ['open', 'pending', 'frozen']) await tell(scene, earlier);
    expect([scene.polls.length, conflicts(scene)]).toEqual([0, 0]);
    expect((await tell(scene, known)).verdict).toMatchObject({ kind: 'terminal', outcome });
    expect([scene.polls.length, conflicts(scene)]).toEqual([0, 0]);
  });

  it('paid after refunded is asked about, and stays refunded', async () => {
    const scene = await settled('refunded');
    expect((await scene.clock.run(tell(scene, 'paid'))).verdict).toMatchObject({ outcome: 'refunded' });
    expect([scene.polls.length, conflicts(scene)]).toEqual([1, 1]);
  });

  it('an earlier state does not end the loop of a payment that is open, and a later one does', async () => {
    const scene = shop({ sends: [said('PENDING')], polls: [state('pending')] });
    const settling = scene.gateway.settle('payment.charge', charge);
    await scene.clock.untilQuiet();
    for (const word of ['open', 'pending', 'paid']) {
      await tell(scene, word);
      await scene.clock.untilQuiet();
    }
    expect(await settling).toMatchObject({ outcome: 'succeeded', settledBy: 'webhook', elapsedMs: 0 });
    expect(scene.clock.pending).toBe(0);
  });
});
