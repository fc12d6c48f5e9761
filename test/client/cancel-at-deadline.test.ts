import ky from 'ky';
import { describe, expect, it } from 'vitest';
import { parseTicket } from '../../src/core/parse-ticket.ts';
import { GIVES_BACK_WITHIN_MS } from '../../src/core/cancel.ts';
import { canceled, pollRequired, succeeded, textOf } from '../../src/kit/index.ts';
import {
  constant,
  createGateway,
  isInputError,
  isReferenceInUseError,
  isSettledError,
  isUnresolvedError,
  type Adapter,
  type Gateway,
  type SettleOptions,
  type Settlement,
} from '../../src/index.ts';
import { acme, type AcmeFields } from '../testing/acme.ts';
import { bench, hang, json, refused, reset, said, state, type Bench, type Step } from '../testing/bench.ts';

/** `policy.poll.cancelAtDeadline`: one cancel of its own, and only the payment's own query says how it ended. */

const charge = { order: 'A1', amount: 100 };
const DEADLINE_MS = 10_000;
const policy = {
  retry: { attempts: 3, backoff: constant(1000) },
  poll: { backoff: constant(4000), deadlineMs: DEADLINE_MS, cancelAtDeadline: true, cancelWithinMs: 20_000 },
};

interface Scene extends Bench {
  /** Requests to the cancel, in order. */
  readonly cancels: { readonly atMs: number }[];
  readonly pay: (options?: SettleOptions) => Promise<Settlement>;
}

/** A charge that stays pending; `ending` is how its queries go on once a cancel has arrived, or was to. */
function pending(
  given: { cancel?: Step; ending?: Step[]; before?: Step; adapter?: Adapter<AcmeFields>; policy?: object } = {},
): Scene {
  const { cancel = said('DONE'), ending = [state('canceled')], before = state('pending') } = given;
  const cancels: { atMs: number }[] = [];
  let asked = 0;
  const scene: Bench = bench({
    adapter: given.adapter ?? acme(),
    policy: given.policy ?? policy,
    sends: [
      async (request, signal) => {
        if (!request.url.endsWith('/cancel')) return json({ code: 'PENDING', order: 'A1' });
        cancels.push({ atMs: scene.clock.now() });
        if (cancel instanceof Error) throw cancel;
        return cancel instanceof Response ? cancel.clone() : cancel(request, signal);
      },
    ],
    polls: [
      async (request, signal) => {
        const step = cancels.length === 0 ? before : (ending[Math.min(asked++, ending.length - 1)] ?? before);
        if (step instanceof Error) throw step;
        return step instanceof Response ? step.clone() : step(request, signal);
      },
    ],
  });
  return {
    ...scene,
    cancels,
    pay: options => scene.clock.run(scene.gateway.settle('payment.charge', charge, options)),
  };
}

/** So long later. */
const after = ({ clock }: Pick<Bench, 'clock'>, forMs: number): Promise<void> =>
  new Promise(resolve => clock.timer(forMs, resolve));

const startMs = Date.parse('2026-01-01T00:00:00.000Z');

describe('the end is the payment’s own word', () => {
  it('cancels what is open at the deadline, right after one more query, and says canceled once the query does', async () => {
    const scene = pending();
    const settlement = await scene.pay();
    expect(settlement).toMatchObject({
      outcome: 'canceled',
      settledBy: 'query',
      attempts: 1,
      cancel: { operation: 'payment.cancel', standing: 'accepted', verdict: { code: 'DONE' } },
    });
    expect(scene.cancels).toEqual([{ atMs: startMs + DEADLINE_MS }]);
    const last = scene.polls.filter(({ atMs }) => atMs === startMs + DEADLINE_MS);
    expect(last).toHaveLength(2);
    expect(settlement.timeline.map(({ type }) => type).slice(-6)).toEqual([
      'ask',
      'status',
      'cancel',
      'ask',
      'status',
      'settled',
    ]);
    expect(settlement.polls).toBe(scene.polls.length);
    expect(scene.clock.pending).toBe(0);
  });

  it('cancels nothing that ends before its deadline, or whose policy does not say so', async () => {
    const early = pending({ before: state('paid') });
    expect(await early.pay()).toMatchObject({ outcome: 'succeeded' });
    const without = pending({ policy: { ...policy, poll: { ...policy.poll, cancelAtDeadline: false } } });
    const settlement = await without.pay();
    expect(settlement).toMatchObject({ outcome: 'unresolved' });
    expect(settlement.cancel).toBeUndefined();
    expect([early.cancels.length, without.cancels.length]).toEqual([0, 0]);
  });

  it('says succeeded at once where the payment came first and the cancel was refused', async () => {
    const scene = pending({ cancel: said('TOO_LATE'), ending: [state('paid')] });
    const settlement = await scene.pay();
    expect(settlement).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'query',
      verdict: { reason: 'approved' },
      cancel: { standing: 'refused' },
    });
    expect(settlement.elapsedMs).toBe(DEADLINE_MS);
  });

  it('says refunded where the cancel gave the money back, and expired where the order had ended', async () => {
    expect(await pending({ ending: [state('pending'), state('refunded')] }).pay()).toMatchObject({
      outcome: 'refunded',
      cancel: { standing: 'accepted' },
    });
    expect(await pending({ cancel: said('REFUSED'), ending: [state('expired')] }).pay()).toMatchObject({
      outcome: 'expired',
      cancel: { standing: 'refused' },
    });
  });

  it('never says failed or canceled by the cancel’s answer alone: it stays open, and the advice says how the cancel stands', async () => {
    for (const [cancel, standing] of [
      [said('DONE'), 'accepted'],
      [said('TOO_LATE'), 'refused'],
      [said('REFUSED'), 'refused'],
      [said('CANCELED'), 'unknown'],
      [reset(), 'unknown'],
      [said('PENDING'), 'unknown'],
      [said('NEVER-HEARD'), 'unknown'],
      [said('BUSY'), 'unprocessed'],
      [refused(), 'not-sent'],
    ] as const) {
      const scene = pending({ cancel, ending: [state('pending')] });
      const settlement = await scene.pay();
      expect(settlement, standing).toMatchObject({
        outcome: 'unresolved',
        ticket: { operation: 'payment.charge' },
        cancel: { standing },
        verdict: { advice: expect.stringContaining('cancel') as unknown },
      });
      // The last query starts when the time for it is over.
      expect(settlement.elapsedMs).toBeLessThanOrEqual(DEADLINE_MS + 20_000);
    }
  });

  it('sends a cancel whose answer was lost no second time, and believes the query', async () => {
    const scene = pending({ cancel: reset(), ending: [state('pending'), state('canceled')] });
    expect(await scene.pay()).toMatchObject({ outcome: 'canceled', cancel: { standing: 'unknown' } });
    expect(scene.cancels).toHaveLength(1);
    // What became of the payment says what became of the cancel.
    const { clock, gateway } = scene;
    expect(await clock.run(gateway.settle('payment.cancel', { order: 'A1' }))).toMatchObject({
      outcome: 'succeeded',
      repeated: true,
    });
    expect(scene.cancels).toHaveLength(1);
  });

  it('does not call paid what a lost cancel may still give back: it asks again, and to the last it stays open', async () => {
    const scene = pending({ cancel: reset(), ending: [state('paid')] });
    const settlement = await scene.pay();
    expect(settlement).toMatchObject({ outcome: 'unresolved', cancel: { standing: 'unknown' } });
    expect(settlement.verdict.advice).toMatch(/may still arrive/);
    expect(settlement.elapsedMs).toBe(DEADLINE_MS + 20_000);
    // Whoever asks when it cannot be given back any more is told.
    await scene.clock.run(after(scene, GIVES_BACK_WITHIN_MS));
    expect(await scene.clock.run(scene.gateway.untilSettled(settlement.ticket))).toMatchObject({
      outcome: 'succeeded',
    });
    const back = pending({ cancel: reset(), ending: [state('paid'), state('paid'), state('refunded')] });
    expect(await back.pay()).toMatchObject({ outcome: 'refunded' });
    // Where what is paid is never canceled, the payer does not wait.
    const spared = pending({ cancel: reset(), ending: [state('paid')], adapter: acme({ sparesPaid: true }) });
    const atOnce = await spared.pay();
    expect(atOnce).toMatchObject({ outcome: 'succeeded', elapsedMs: DEADLINE_MS });
    expect(atOnce.verdict.advice).toBeUndefined();
  });

  it('calls it a conflict where a cancel was accepted and the query goes on saying paid', async () => {
    for (const adapter of [acme(), acme({ sparesPaid: true })]) {
      const scene = pending({ ending: [state('paid')], adapter });
      const settlement = await scene.pay();
      expect(settlement).toMatchObject({ outcome: 'unresolved', verdict: { reason: 'conflict' } });
      expect(settlement.verdict.advice).toMatch(/was accepted/);
      expect(scene.events.filter(({ type }) => type === 'conflict')).toHaveLength(1);
      const soon = pending({ ending: [state('paid'), state('canceled')], adapter });
      expect(await soon.pay()).toMatchObject({ outcome: 'canceled' });
      expect(soon.events.filter(({ type }) => type === 'conflict')).toHaveLength(0);
    }
  });

  it('keeps the Retry-After of the cancel’s own answer before it asks', async () => {
    const later = (seconds: string): Response => json({ code: 'DONE' }, { headers: { 'retry-after': seconds } });
    expect(await pending({ cancel: later('7') }).pay()).toMatchObject({
      outcome: 'canceled',
      elapsedMs: DEADLINE_MS + 7000,
    });
    expect(await pending({ cancel: later('50') }).pay()).toMatchObject({
      outcome: 'unresolved',
      cancel: { standing: 'accepted' },
    });
  });
});

describe('what is canceled', () => {
  it('nothing that contradicts itself, cannot be asked about, or is no payment', async () => {
    const other = pending({ before: state('pending', { order: 'A2' }) });
    expect(await other.pay()).toMatchObject({ outcome: 'unresolved', verdict: { reason: 'conflict' } });
    expect(other.cancels).toHaveLength(0);
    // Three refused queries end it before its deadline.
    const blind = pending({
      before: state('refused'),
      policy: { ...policy, poll: { ...policy.poll, backoff: constant(10) } },
    });
    expect(await blind.pay()).toMatchObject({ outcome: 'unresolved', verdict: { code: 'refused' } });
    expect(blind.cancels).toHaveLength(0);
    // A gateway's policy means what has a cancel: a refund has none.
    const refund = pending({ before: state('pending') });
    const settlement = await refund.clock.run(refund.gateway.settle('refund.create', { refund: 'R1' }));
    expect([settlement.outcome, settlement.cancel]).toEqual(['unresolved', undefined]);
    expect(refund.cancels).toHaveLength(0);
  });

  it('nothing that was never sent, or was refused', async () => {
    const { clock, gateway, sends } = bench({ sends: [refused()], policy });
    expect(await clock.run(gateway.settle('payment.charge', charge))).toMatchObject({ outcome: 'unsent' });
    expect(sends.filter(({ path }) => path.endsWith('/cancel'))).toHaveLength(0);
  });

  it('keeps Retry-After beyond the deadline before it sends the cancel, and sends none where that is too long', async () => {
    const busy = (afterS: number) =>
      json({ code: 'busy' }, { status: 429, headers: { 'retry-after': String(afterS) } });
    let asked = 0;
    const soon = pending({ before: () => (asked++ === 2 ? busy(8) : json({ state: 'pending' })) });
    expect(await soon.pay()).toMatchObject({ outcome: 'canceled' });
    expect(soon.cancels[0]?.atMs).toBe(startMs + DEADLINE_MS + 8000);
    const late = pending({ before: () => busy(50) });
    expect(await late.pay()).toMatchObject({ outcome: 'unresolved' });
    expect(late.cancels).toHaveLength(0);
  });

  it('sends no cancel where the query before it did not leave: its turn within the limit did not come', async () => {
    const scene = pending({
      policy: {
        ...policy,
        poll: { ...policy.poll, deadlineMs: 0 },
        limit: { perSecond: 1 },
        attemptTimeoutMs: 500,
      },
    });
    expect(await scene.pay()).toMatchObject({ outcome: 'unresolved', verdict: { code: 'limit' }, polls: 0 });
    expect([scene.polls.length, scene.cancels.length]).toEqual([0, 0]);
  });

  it('says that nothing was canceled where the ticket does not know enough, or the adapter throws', async () => {
    for (const fields of [
      () => undefined,
      () => {
        throw new Error('a bug');
      },
    ]) {
      const adapter = acme();
      const { cancel, ...write } = { cancel: undefined, ...adapter.operations['payment.charge'] };
      const changed = { ...write, cancel: { operation: 'payment.cancel', fields } };
      expect(cancel).toBeDefined();
      const operations = { ...adapter.operations, 'payment.charge': changed } as typeof adapter.operations;
      const scene = pending({ adapter: { ...adapter, operations }, ending: [state('pending')] });
      expect(await scene.pay()).toMatchObject({ outcome: 'unresolved', cancel: { standing: 'not-sent' } });
      expect(scene.cancels).toHaveLength(0);
    }
  });

  it('a policy that would be ignored is refused at once', async () => {
    const { gateway, clock, sends, polls } = bench();
    const cancels = { policy: { poll: { cancelAtDeadline: true } } };
    const thrown = async (run: () => Promise<unknown>): Promise<boolean> => {
      const error: unknown = await run().then(
        () => undefined,
        (reason: unknown) => reason,
      );
      return isInputError(error);
    };
    const ticket = gateway.ticketFor('payment.charge', charge);
    const refund = gateway.ticketFor('refund.create', { refund: 'R1' });
    for (const run of [
      () => gateway.settle('refund.create', { refund: 'R1' }, cancels),
      () => gateway.settle('payment.capture', { order: 'A1' }, cancels),
      () => gateway.untilSettled(refund, cancels),
      () => gateway.ask(ticket, cancels as never),
      () => gateway.step(ticket, cancels as never),
      () =>
        gateway.client.post('https://acme.test/api/capture', { json: { order: 'A1' }, context: { tillpaid: cancels } }),
      () => gateway.settle('payment.charge', charge, { policy: { poll: { cancelAtDeadline: 'yes' as never } } }),
    ])
      expect(await clock.run(thrown(run))).toBe(true);
    expect([sends.length, polls.length]).toEqual([0, 0]);
    const without = acme();
    const operations = { ...without.operations };
    for (const name of ['payment.charge', 'payment.create'] as const)
      operations[name] = { ...operations[name], cancel: undefined } as never;
    expect(() => createGateway({ adapter: { ...without, operations }, ...cancels })).toThrow(/no write that cancels/);
  });
});

describe('the query before it', () => {
  const lost: [string, Step][] = [
    ['has no answer', reset()],
    ['is answered by a page of the proxy', () => new Response('<html>', { status: 503 })],
    ['is refused', state('refused')],
    ['finds no such order any more', state('none')],
    ['shows it in a state that says nothing', state('known')],
    ['shows a state that nobody knows', state('unheard-of')],
  ];
  it.each(lost)('%s: nothing is canceled, since it may be paid by now', async (_what, last) => {
    const scene: Scene = pending({
      before: (request, signal) => {
        const step = scene.clock.now() - startMs < DEADLINE_MS ? state('pending') : last;
        if (step instanceof Error) throw step;
        return step instanceof Response ? step.clone() : step(request, signal);
      },
    });
    const settlement = await scene.pay();
    expect(settlement).toMatchObject({ outcome: 'unresolved', cancel: { standing: 'not-sent' } });
    expect(settlement.verdict.advice).toMatch(/no cancel was sent/);
    expect(settlement.ticket.mayBeGivenBackUntil).toBeUndefined();
    expect(scene.cancels).toHaveLength(0);
  });

  it('is not long ago: a cancel whose turn does not come by then is not sent', async () => {
    for (const limit of [{ perMinute: 4 }, { perSecond: 1, perMinute: 4 }]) {
      const scene = pending({ policy: { ...policy, limit, poll: { ...policy.poll, cancelWithinMs: 60_000 } } });
      const settlement = await scene.pay();
      // A charge and three queries: the cancel would be the fifth in the minute.
      expect(settlement).toMatchObject({ outcome: 'unresolved', cancel: { standing: 'not-sent' } });
      expect(settlement.ticket.mayBeGivenBackUntil).toBeUndefined();
      expect(scene.cancels).toHaveLength(0);
    }
  });

  it('has time to be answered: a cancelWithinMs below one attempt is refused at once', async () => {
    const short = { poll: { cancelAtDeadline: true, cancelWithinMs: 9999 } };
    expect(() => createGateway({ adapter: acme(), policy: short })).toThrow(
      /cancelWithinMs \(9999\).*\(10000\).*raise/,
    );
    expect(() => createGateway({ adapter: acme(), policy: { ...short, attemptTimeoutMs: 9000 } })).not.toThrow();
    const { clock, gateway, sends } = bench();
    const thrown = await clock.run(gateway.settle('payment.charge', charge, { policy: short }).catch(String));
    expect(thrown).toMatch(/cancelWithinMs/);
    expect(sends).toHaveLength(0);
  });
});

describe('a cancel that the gateway says it did not process', () => {
  it('is called unprocessed, was sent as often as the policy says, and leaves the ticket without a doubt', async () => {
    const scene = pending({ cancel: said('BUSY'), ending: [state('pending')] });
    const settlement = await scene.pay();
    expect(scene.cancels).toHaveLength(policy.retry.attempts);
    expect(settlement).toMatchObject({
      outcome: 'unresolved',
      cancel: { operation: 'payment.cancel', standing: 'unprocessed', verdict: { code: 'BUSY', kind: 'retryable' } },
    });
    expect(settlement.verdict.advice).toMatch(/did not process it.*cancel it yourself/);
    expect(settlement.ticket.mayBeGivenBackUntil).toBeUndefined();
    // "Paid" is believed at once, by the query right after it too.
    const paid = pending({ cancel: said('BUSY'), ending: [state('paid')] });
    expect(await paid.pay()).toMatchObject({ outcome: 'succeeded', cancel: { standing: 'unprocessed' } });
    // The way to another cancel is free.
    const { clock, gateway } = scene;
    const again = await clock.run(gateway.settle('payment.cancel', { order: 'A1' }));
    expect([again.repeated, scene.cancels.length]).toEqual([undefined, 2 * policy.retry.attempts]);
  });
});

describe('a cancel that never left', () => {
  it('is called not sent, where its time ended in a hook or in the line', async () => {
    for (const [hook, limit] of [
      [() => new Promise<never>(() => undefined), {}],
      [() => undefined, { perMinute: 4 }],
    ] as const) {
      const adapter = acme();
      const scene = pending({
        adapter: {
          ...adapter,
          headers: send =>
            send.operation === 'payment.cancel' ? (hook() ?? adapter.headers(send)) : adapter.headers(send),
        },
        policy: { ...policy, limit },
        ending: [state('pending')],
      });
      expect(await scene.pay()).toMatchObject({ cancel: { standing: 'not-sent' } });
      expect(scene.cancels).toHaveLength(0);
    }
  });
});

describe('“paid” beside a cancel that may still give it back, for whoever asks next', () => {
  const doubtful: [string, Step, boolean][] = [
    ['accepted', said('DONE'), false],
    ['lost', reset(), false],
    ['accepted, where what is paid is spared', said('DONE'), true],
  ];
  it.each(
    doubtful,
  )('%s: stays open by every door until that is over, and then it is believed', async (_what, cancel, sparesPaid) => {
    const scene = pending({ cancel, ending: [state('paid')], adapter: acme({ sparesPaid }) });
    const { clock, gateway } = scene;
    const { ticket, outcome } = await scene.pay();
    expect(outcome).toBe('unresolved');
    expect(ticket.mayBeGivenBackUntil).toBe(new Date(startMs + DEADLINE_MS + GIVES_BACK_WITHIN_MS).toISOString());
    const given = parseTicket(JSON.stringify(ticket));
    const { mayBeGivenBackUntil: _left, ...older } = given;
    const again = createGateway({
      adapter: acme(),
      clock,
      client: ky.create({ fetch: scene.fetch as typeof fetch }),
      policy,
    });
    for (const [asking, which] of [
      [gateway, given],
      [gateway, older],
      [again, given],
    ] as const) {
      const asked = await clock.run(asking.ask(which));
      expect(asked).toMatchObject({
        kind: 'poll-required',
        advice: expect.stringMatching(/give the money back/) as unknown,
      });
      const { done } = await clock.run(asking.step(which));
      expect(done).toBeUndefined();
      const until = await clock.run(asking.untilSettled(which));
      expect(until).toMatchObject({
        outcome: 'unresolved',
        ticket: { mayBeGivenBackUntil: ticket.mayBeGivenBackUntil },
      });
    }
    expect(await clock.run(gateway.settle('payment.charge', charge))).toMatchObject({ outcome: 'unresolved' });
    expect(scene.cancels).toHaveLength(1);
    await clock.run(after(scene, GIVES_BACK_WITHIN_MS));
    expect(await clock.run(again.ask(given))).toMatchObject({ kind: 'terminal', outcome: 'succeeded' });
    expect(await clock.run(gateway.settle('payment.charge', charge))).toMatchObject({ outcome: 'succeeded' });
    expect(scene.cancels).toHaveLength(1);
  });

  it('is under the ticket’s seal', async () => {
    const scene = pending({ ending: [state('paid')] });
    const client = ky.create({ fetch: scene.fetch as typeof fetch });
    const ticketSeal = { key: 'a text of at least thirty-two characters' };
    const gateway = createGateway({ adapter: acme(), clock: scene.clock, client, policy, ticketSeal });
    const { ticket } = await scene.clock.run(gateway.settle('payment.charge', charge));
    const { mayBeGivenBackUntil, ...without } = ticket;
    expect(mayBeGivenBackUntil).toBeDefined();
    expect(await scene.clock.run(gateway.ask(ticket))).toMatchObject({ kind: 'poll-required' });
    expect(await scene.clock.run(gateway.ask(without).catch(String))).toMatch(/not as it was sealed/);
  });

  it('is not doubted where the cancel was refused, or its answer lost where what is paid is spared', async () => {
    for (const [cancel, sparesPaid] of [
      [said('REFUSED'), false],
      [reset(), true],
    ] as const) {
      const scene = pending({ cancel, ending: [state('pending')], adapter: acme({ sparesPaid }) });
      const { ticket } = await scene.pay();
      expect(ticket.mayBeGivenBackUntil).toBeUndefined();
    }
  });
});

describe('who wants it', () => {
  it('untilSettled sends nothing by the gateway’s policy, and one cancel where its own call says so', async () => {
    const scene = pending();
    const { clock, gateway, cancels } = scene;
    const ticket = gateway.ticketFor('payment.create', charge);
    expect(await clock.run(gateway.untilSettled(ticket))).toMatchObject({ outcome: 'unresolved' });
    expect(cancels).toHaveLength(0);
    const asked = { policy: { poll: { cancelAtDeadline: true, deadlineMs: 6000 } } };
    expect(await clock.run(gateway.untilSettled(ticket, asked))).toMatchObject({
      outcome: 'canceled',
      cancel: { standing: 'accepted' },
      attempts: 0,
    });
    expect(cancels).toHaveLength(1);
    expect(scene.sends).toHaveLength(1);
  });

  it('two callers of one payment have one cancel, and hear the same', async () => {
    const scene = pending({ cancel: reset(), ending: [state('pending'), state('canceled')] });
    const { clock, gateway, cancels } = scene;
    const [one, other] = await clock.run(
      Promise.all([gateway.settle('payment.charge', charge), gateway.settle('payment.charge', charge)]),
    );
    expect([one.outcome, other.outcome]).toEqual(['canceled', 'canceled']);
    expect(cancels).toHaveLength(1);
  });

  it('who joins a loop that does not cancel, and wants it canceled, goes on until his own deadline', async () => {
    const plain = { policy: { poll: { cancelAtDeadline: false } } };
    const { clock, gateway, cancels } = pending();
    const [one, other] = await clock.run(
      Promise.all([gateway.settle('payment.charge', charge, plain), gateway.settle('payment.charge', charge)]),
    );
    expect([one.outcome, other.outcome]).toEqual(['unresolved', 'canceled']);
    expect(cancels).toHaveLength(1);

    const more = pending();
    const ticket = more.gateway.ticketFor('payment.charge', charge);
    const asked = { policy: { poll: { cancelAtDeadline: true } } };
    const [first, second] = await more.clock.run(
      Promise.all([more.gateway.untilSettled(ticket), more.gateway.untilSettled(ticket, asked)]),
    );
    expect([first.outcome, second.outcome]).toEqual(['unresolved', 'canceled']);
    expect(more.cancels).toHaveLength(1);
  });

  it('who joins with a shorter deadline has it canceled as soon as the first loop has ended, not another deadline later', async () => {
    const plain = { policy: { poll: { cancelAtDeadline: false } } };
    const soon = { policy: { poll: { cancelAtDeadline: true, deadlineMs: 5000 } } };
    const byEach: readonly ((scene: Scene) => Promise<unknown>)[] = [
      ({ gateway }) => gateway.settle('payment.charge', charge, soon),
      ({ gateway }) =>
        gateway.client
          .post('https://acme.test/api/charge', { json: charge, context: { tillpaid: soon } })
          .catch((error: unknown) => isSettledError(error) && error.settlement),
    ];
    for (const again of byEach) {
      const scene = pending();
      const { clock, gateway, cancels } = scene;
      const joined = after(scene, 2000).then(() => again(scene));
      const [, other] = await clock.run(Promise.all([gateway.settle('payment.charge', charge, plain), joined]));
      expect(other).toMatchObject({ outcome: 'canceled', elapsedMs: DEADLINE_MS - 2000 });
      expect(cancels).toEqual([{ atMs: startMs + DEADLINE_MS }]);
    }
  });

  it('sends no other where a cancel of the user’s own is on its way, and asks about the payment at once', async () => {
    const answer = Promise.withResolvers<undefined>();
    const scene = pending({
      cancel: async () => {
        await answer.promise;
        return json({ code: 'DONE' });
      },
      ending: [state('pending'), state('canceled')],
    });
    const { clock, gateway, cancels } = scene;
    const paying = gateway.settle('payment.charge', charge);
    clock.timer(DEADLINE_MS - 5, () => void gateway.settle('payment.cancel', { order: 'A1' }));
    clock.timer(DEADLINE_MS + 2000, () => answer.resolve(undefined));
    expect(await clock.run(paying)).toMatchObject({ outcome: 'canceled', cancel: { standing: 'unknown' } });
    expect(cancels).toHaveLength(1);
  });

  it('a user who cancels while the deadline’s cancel is out joins it, or is told', async () => {
    const scene = pending({ cancel: hang, ending: [state('canceled')] });
    const { clock, gateway, cancels } = scene;
    const told: string[] = [];
    const also = (extraFields?: Record<string, string>): void =>
      void gateway.settle('payment.cancel', { order: 'A1' }, { ...(extraFields && { extraFields }) }).then(
        ({ outcome }) => told.push(outcome),
        (error: unknown) => told.push(isReferenceInUseError(error) ? 'in use' : 'thrown'),
      );
    clock.timer(DEADLINE_MS + 2000, () => also());
    clock.timer(DEADLINE_MS + 2000, () => also({ note: 'other fields' }));
    expect(await scene.pay()).toMatchObject({ outcome: 'canceled', cancel: { standing: 'unknown' } });
    await clock.untilQuiet();
    expect(told.sort()).toEqual(['in use', 'unresolved']);
    expect(cancels).toHaveLength(1);
  });

  it('the drop-in cancels too: canceled is a SettledError, paid is the query’s answer, open an UnresolvedError', async () => {
    const send = (scene: Scene, door: 'client' | 'fetch'): Promise<unknown> =>
      scene.clock.run(
        (door === 'client'
          ? scene.gateway.client.post('https://acme.test/api/charge', { json: charge })
          : scene.gateway.fetch('https://acme.test/api/charge', {
              method: 'POST',
              headers: { 'content-type': 'application/json' },
              body: JSON.stringify(charge),
            })
        ).then(
          async response => [response.status, (await response.json()) as unknown],
          (error: unknown) => error,
        ),
      );
    for (const door of ['client', 'fetch'] as const) {
      const off = pending();
      const error = await send(off, door);
      expect(isSettledError(error) && error.settlement).toMatchObject({
        outcome: 'canceled',
        cancel: { standing: 'accepted' },
      });
      expect(off.cancels).toHaveLength(1);
      expect(await send(pending({ cancel: said('TOO_LATE'), ending: [state('paid')] }), door)).toEqual([
        200,
        { state: 'paid' },
      ]);
      const open = await send(pending({ ending: [state('pending')] }), door);
      expect(isUnresolvedError(open) && open.settlement?.cancel?.standing).toBe('accepted');
    }
  });
});

describe('who says stop', () => {
  it('an abort rejects at once with its reason, before the cancel, during it and after it, and nothing is sent then', async () => {
    for (const afterMs of [DEADLINE_MS - 1, DEADLINE_MS + 1, DEADLINE_MS + 6000]) {
      const scene = pending({ cancel: afterMs > DEADLINE_MS + 1 ? said('DONE') : hang, ending: [state('pending')] });
      const { clock, gateway } = scene;
      const controller = new AbortController();
      let [ticket, requests] = ['', 0];
      clock.timer(afterMs, () => {
        requests = scene.sends.length + scene.polls.length;
        controller.abort(new Error('The payer has left.'));
      });
      const options: SettleOptions = { signal: controller.signal, onTicket: given => void (ticket = given.operation) };
      const settling = gateway.settle('payment.charge', charge, options).then(
        () => 'settled',
        (error: unknown) => [String(error), clock.now() - startMs],
      );
      expect(await clock.run(settling)).toEqual(['Error: The payer has left.', afterMs]);
      // The caller's ticket stays the payment's.
      expect(ticket).toBe('payment.charge');
      await clock.untilQuiet();
      expect(scene.sends.length + scene.polls.length).toBe(requests);
      expect(clock.pending).toBe(0);
    }
  });

  it('a verified notice that comes while the cancel is being signed stops it; one that comes later is asked about', async () => {
    const told = async (when: 'signing' | 'sent', name: string, ending: Step): Promise<[Scene, Settlement]> => {
      const adapter = notifying({
        beforeCancel: () => (when === 'signing' ? notice(scene.gateway, name) : undefined),
      });
      const scene: Scene = pending({
        adapter,
        cancel: async () => {
          if (when === 'sent') await notice(scene.gateway, name);
          throw reset();
        },
        ending: [ending],
        before: state('pending'),
      });
      return [scene, await scene.pay()];
    };
    const [first, paid] = await told('signing', 'paid', state('paid'));
    expect(paid).toMatchObject({ outcome: 'succeeded', settledBy: 'webhook', elapsedMs: DEADLINE_MS });
    expect(paid.cancel).toBeUndefined();
    expect(first.cancels).toHaveLength(0);
    const [second, open] = await told('signing', 'open', state('canceled'));
    // It is no end: the query says so, and then the cancel goes out after all.
    expect(open).toMatchObject({ outcome: 'canceled' });
    expect(second.cancels).toHaveLength(1);
    // The lost cancel may still give the money back: the notice is no end yet.
    const [, late] = await told('sent', 'paid', state('refunded'));
    expect(late).toMatchObject({ outcome: 'refunded', settledBy: 'query' });
  });
});

/** Signs its notices, and does something before a cancel is signed. */
function notifying({ beforeCancel }: { beforeCancel: () => unknown }): Adapter<AcmeFields> {
  const adapter = acme();
  let isFirst = true;
  return {
    ...adapter,
    async headers(send) {
      if (send.operation === 'payment.cancel' && isFirst) {
        isFirst = false;
        await beforeCancel();
      }
      return adapter.headers(send);
    },
    webhook: {
      codes: { paid: succeeded(), canceled: canceled(), open: pollRequired('awaiting-payer') },
      hear: ({ text }) => ({
        verified: true,
        operation: 'payment.charge',
        names: [textOf(JSON.parse(text), 'state') ?? ''],
        reference: { order: 'A1' },
      }),
      reply: () => ({ body: 'OK' }),
    },
  };
}

const notice = (gateway: Gateway<AcmeFields>, name: string): Promise<unknown> =>
  gateway.receive(new Request('https://shop.test/hooks', { method: 'POST', body: JSON.stringify({ state: name }) }));
