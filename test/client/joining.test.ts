import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import {
  constant,
  isReferenceInUseError,
  isUnresolvedError,
  responseOf,
  ticketOf,
  verdictOf,
  type Adapter,
  type Settlement,
  type Ticket,
} from '../../src/index.ts';
import { createLoops, type Loop } from '../../src/engine/loops.ts';
import { succeeded } from '../../src/kit/index.ts';
import { acme, type AcmeFields } from '../testing/acme.ts';
import { bench, hang, refused, reset, said, state, type Bench } from '../testing/bench.ts';

/**
 * One loop per payment in a process, however many callers wait for it: each with a signal, and a ticket store, of his
 * own.
 */

const charge = { order: 'A1', amount: 100 };
const quick = { retry: { backoff: constant(100) }, poll: { backoff: constant(1000), deadlineMs: 60_000 } };

/** How a call ended, in a word: its outcome, or what it was rejected with. */
const wordOf = (call: Promise<unknown>): Promise<string> =>
  call.then(
    result => (result as Partial<Settlement>).outcome ?? 'answered',
    (error: unknown) => (error as Error).message,
  );

/** Whoever calls says that the charge is paid. */
const notifying = (): Adapter<AcmeFields> => ({
  ...acme(),
  webhook: {
    codes: { paid: succeeded() },
    confirm: false,
    hear: () => ({ verified: true, operation: 'payment.charge', names: ['paid'], reference: { order: 'A1' } }),
    reply: () => ({ body: 'OK' }),
  },
});

interface Leaver {
  readonly signal: AbortSignal;
  readonly leave: (word: string) => void;
}

const leaver = (): Leaver => {
  const controller = new AbortController();
  return { signal: controller.signal, leave: word => controller.abort(new Error(word)) };
};

describe('many callers of one payment', () => {
  it('share one send and one loop; whoever leaves hears his own reason at once, the others the end, and no listener is left', async () => {
    const { gateway, clock, sends, polls } = bench({
      sends: [said('PENDING')],
      polls: [state('pending'), state('pending'), state('paid')],
      policy: quick,
    });
    const callers = Array.from({ length: 100 }, leaver);
    const calls = callers.map(({ signal }) => wordOf(gateway.settle('payment.charge', charge, { signal })));
    const leave = (from: number, to: number): void =>
      callers.slice(from, to).forEach(({ leave: go }, index) => go(`caller ${from + index}`));
    leave(0, 20);
    await clock.untilQuiet();
    leave(20, 60);
    clock.advance(1000);
    await clock.untilQuiet();
    leave(60, 99);
    expect(await Promise.all(calls.slice(0, 99))).toEqual(
      callers.slice(0, 99).map((_caller, index) => `caller ${index}`),
    );
    expect(await clock.run(calls[99] ?? Promise.reject(new Error('nobody is left')))).toBe('succeeded');
    expect([sends.length, polls.length, clock.pending]).toEqual([1, 3, 0]);
    expect(callers.flatMap(({ signal }) => getEventListeners(signal, 'abort'))).toEqual([]);
  });

  it('gives each caller of the drop-in a response that tells its verdict and its ticket: of one that is joined, and of one that is settled', async () => {
    const { gateway, clock } = bench({
      sends: [said('PENDING')],
      polls: [state('pending'), state('paid')],
      policy: quick,
    });
    const post = (): Promise<Response> => gateway.client.post('charge', { json: charge });
    const first = await clock.run(Promise.all([post(), post()]));
    for (const response of [...first, await post()]) {
      expect([verdictOf(response), ticketOf(response)?.reference]).toEqual([
        expect.objectContaining({ outcome: 'succeeded' }),
        { order: 'A1' },
      ]);
    }
  });

  it('gives a caller of the drop-in a response of his own, though another has read the body already', async () => {
    const { gateway, clock } = bench({ sends: [said('PENDING')], polls: [state('paid')], policy: quick });
    const reading = gateway.settle('payment.charge', charge).then(settlement => responseOf(settlement)?.json());
    const posting = gateway.client.post('charge', { json: charge }).json();
    expect(await clock.run(Promise.all([reading, posting]))).toEqual([{ state: 'paid' }, { state: 'paid' }]);
  });

  it('is the same payment whether its path says what settle may leave out, or not', async () => {
    const plain = acme();
    const operation = {
      ...plain.operations['payment.charge'],
      path: '/{way:charge|pay}',
    } as Adapter['operations'][string];
    const { gateway, clock, sends } = bench({
      adapter: { ...plain, operations: { ...plain.operations, 'payment.charge': operation } },
      sends: [said('PAID')],
    });
    await clock.run(gateway.client.post('charge', { json: charge }));
    expect(await clock.run(gateway.settle('payment.charge', charge))).toMatchObject({
      outcome: 'succeeded',
      repeated: true,
    });
    await expect(gateway.client.post('pay', { json: charge })).rejects.toSatisfy(isReferenceInUseError);
    expect(sends.length).toBe(1);
  });

  it('may come through different doors', async () => {
    const { gateway, clock, sends, polls } = bench({
      sends: [said('PENDING')],
      polls: [state('pending'), state('paid')],
      policy: quick,
    });
    const settling = gateway.settle('payment.charge', charge);
    await clock.untilQuiet();
    const body = JSON.stringify(charge);
    const ends = await clock.run(
      Promise.all([
        wordOf(settling),
        wordOf(gateway.untilSettled(gateway.ticketFor('payment.charge', charge))),
        wordOf(gateway.client.post('charge', { json: charge })),
        wordOf(
          gateway.fetch('https://acme.test/api/charge', {
            method: 'POST',
            body,
            headers: { 'content-type': 'application/json' },
          }),
        ),
      ]),
    );
    expect(ends).toEqual(['succeeded', 'succeeded', 'answered', 'answered']);
    expect([sends.length, polls.length]).toEqual([1, 2]);
  });

  it('end the loop when the last of them has left, and nothing is sent after that', async () => {
    const { gateway, clock, sends, polls } = bench({
      sends: [said('PENDING')],
      polls: [state('pending')],
      policy: quick,
    });
    const [one, other] = [leaver(), leaver()];
    const calls = [one, other].map(({ signal }) => wordOf(gateway.settle('payment.charge', charge, { signal })));
    await clock.untilQuiet();
    one.leave('the first');
    await clock.untilQuiet();
    expect(clock.pending).toBe(1);
    other.leave('the last');
    expect(await Promise.all(calls)).toEqual(['the first', 'the last']);
    await clock.untilQuiet();
    clock.advance(60_000);
    await clock.untilQuiet();
    expect([sends.length, polls.length, clock.pending]).toEqual([1, 0, 0]);
  });

  it('of the drop-in hear how it ends, though the one who sent it went away in the middle', async () => {
    const { gateway, clock, sends } = bench({ sends: [hang], polls: [state('pending'), state('paid')], policy: quick });
    const first = leaver();
    const posting = wordOf(gateway.client.post('charge', { json: charge, signal: first.signal }));
    await clock.untilQuiet();
    const other = gateway.client.post('charge', { json: charge }).json();
    await clock.untilQuiet();
    first.leave('the first');
    expect(await posting).toBe('the first');
    expect(await clock.run(other)).toEqual({ state: 'paid' });
    expect(sends.length).toBe(1);
  });

  it('are not sent away with another’s reason while they are busy storing the ticket', async () => {
    const { gateway, clock, sends } = bench({ sends: [said('PENDING')], polls: [state('paid')], policy: quick });
    const first = leaver();
    const settling = wordOf(gateway.settle('payment.charge', charge, { signal: first.signal }));
    await clock.untilQuiet();
    let stored: () => void = () => undefined;
    const other = wordOf(
      gateway.settle('payment.charge', charge, { onTicket: () => new Promise<void>(resolve => (stored = resolve)) }),
    );
    await clock.untilQuiet();
    first.leave('the first');
    stored();
    expect(await settling).toBe('the first');
    expect(await clock.run(other)).toBe('succeeded');
    expect(sends.length).toBe(1);
  });

  const again: [how: string, (scene: Bench) => Promise<unknown>][] = [
    ['settle', ({ gateway }) => gateway.settle('payment.charge', charge, { mayHaveBeenSent: true })],
    [
      'the drop-in',
      ({ gateway }) =>
        gateway.client.post('charge', { json: charge, context: { tillpaid: { mayHaveBeenSent: true } } }),
    ],
    ['untilSettled', ({ gateway }) => gateway.untilSettled(gateway.ticketFor('payment.charge', charge))],
  ];
  it.each(again)('who come when the last has just left are not sent away with his reason: %s', async (_how, come) => {
    const began: ((scene: Bench, signal: AbortSignal) => Promise<unknown>)[] = [
      ({ gateway }, signal) => gateway.settle('payment.charge', charge, { signal }),
      ({ gateway }, signal) => gateway.untilSettled(gateway.ticketFor('payment.charge', charge), { signal }),
    ];
    for (const begin of began) {
      const scene = bench({ sends: [said('PENDING')], polls: [state('pending'), state('paid')], policy: quick });
      const first = leaver();
      const call = wordOf(begin(scene, first.signal));
      await scene.clock.untilQuiet();
      first.leave('the first');
      expect(await call).toBe('the first');
      expect(await scene.clock.run(wordOf(come(scene)))).toMatch(/^(?:succeeded|answered)$/);
      expect(scene.sends.length).toBeLessThanOrEqual(1);
    }
  });

  it('ask first what the one before them may have sent, also when nobody told them that it was sent', async () => {
    const { gateway, clock, sends, polls } = bench({
      sends: [hang, said('PAID')],
      polls: [state('paid')],
      policy: quick,
    });
    const first = leaver();
    const call = wordOf(gateway.settle('payment.charge', charge, { signal: first.signal }));
    await clock.untilQuiet();
    first.leave('the first');
    const other = wordOf(gateway.settle('payment.charge', charge));
    expect(await call).toBe('the first');
    expect(await clock.run(other)).toBe('succeeded');
    expect([sends.length, polls.length]).toEqual([1, 1]);
  });

  it('each get the ticket whenever it learns more', async () => {
    const { gateway, clock } = bench({ sends: [said('PENDING', { id: 'P9' })], polls: [state('paid')], policy: quick });
    const stored: Ticket[][] = [[], []];
    await clock.run(
      Promise.all(
        stored.map(tickets => gateway.settle('payment.charge', charge, { onTicket: ticket => tickets.push(ticket) })),
      ),
    );
    expect(stored.map(tickets => tickets.at(-1)?.reference)).toEqual([
      { order: 'A1', id: 'P9' },
      { order: 'A1', id: 'P9' },
    ]);
  });
});

const short = { ...quick, poll: { backoff: constant(1000), deadlineMs: 1500 } };

describe('a payment that this process left open', () => {
  const unresolved = async (scene: Bench): Promise<void> => {
    expect(await scene.clock.run(scene.gateway.settle('payment.charge', charge))).toMatchObject({
      outcome: 'unresolved',
    });
  };

  it('is asked about before it is sent again, though the next caller brings no ticket', async () => {
    const scene = bench({
      sends: [reset(), said('PAID')],
      polls: [state('pending'), state('pending'), state('paid')],
      policy: short,
    });
    await unresolved(scene);
    expect(await scene.clock.run(scene.gateway.settle('payment.charge', charge))).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'query',
      attempts: 0,
    });
    expect([scene.sends.length, scene.polls.length]).toEqual([1, 3]);
  });

  it('of the drop-in too', async () => {
    const scene = bench({
      sends: [reset(), said('PAID')],
      polls: [state('pending'), state('pending'), state('paid')],
      policy: short,
    });
    const post = (): Promise<unknown> => scene.gateway.client.post('charge', { json: charge }).json();
    const error: unknown = await scene.clock.run(post().catch((caught: unknown) => caught));
    expect(isUnresolvedError(error)).toBe(true);
    expect(await scene.clock.run(post())).toEqual({ state: 'paid' });
    expect(scene.sends.length).toBe(1);
  });

  it('is not sent with other fields', async () => {
    const scene = bench({ sends: [reset()], polls: [state('pending')], policy: short });
    await unresolved(scene);
    await expect(scene.gateway.settle('payment.charge', { ...charge, amount: 200 })).rejects.toSatisfy(
      isReferenceInUseError,
    );
    expect(scene.sends.length).toBe(1);
  });

  it('is not sent with other fields, though somebody has followed its ticket since', async () => {
    const scene = bench({ sends: [reset()], polls: [state('pending')], policy: short });
    await unresolved(scene);
    expect(
      await scene.clock.run(scene.gateway.untilSettled(scene.gateway.ticketFor('payment.charge', charge))),
    ).toMatchObject({ outcome: 'unresolved' });
    await expect(scene.gateway.settle('payment.charge', { ...charge, amount: 200 })).rejects.toSatisfy(
      isReferenceInUseError,
    );
  });

  it('is asked about all the same when a caller says that it was not sent', async () => {
    const scene = bench({ sends: [reset(), said('PAID')], polls: [state('pending')], policy: short });
    await unresolved(scene);
    expect(
      await scene.clock.run(scene.gateway.settle('payment.charge', charge, { mayHaveBeenSent: false })),
    ).toMatchObject({ outcome: 'unresolved', attempts: 0 });
    expect(scene.sends.length).toBe(1);
  });

  it('is not remembered when nothing was sent, or all that was sent was refused', async () => {
    const offline = bench({ sends: [refused(), refused(), refused(), said('PAID')], policy: quick });
    expect(await offline.clock.run(offline.gateway.settle('payment.charge', charge))).toMatchObject({
      outcome: 'unsent',
    });
    expect(await offline.clock.run(offline.gateway.settle('payment.charge', charge))).toMatchObject({
      outcome: 'succeeded',
      attempts: 1,
    });

    const wrong = bench({ sends: [said('REFUSED'), said('PAID')], policy: quick });
    expect(await wrong.clock.run(wrong.gateway.settle('payment.charge', charge))).toMatchObject({
      outcome: 'rejected',
    });
    expect(await wrong.clock.run(wrong.gateway.settle('payment.charge', charge))).toMatchObject({
      outcome: 'succeeded',
      attempts: 1,
    });
  });
});

describe('a payment that the gateway’s word has settled', () => {
  const post = ({ gateway }: Bench): Promise<unknown> => gateway.client.post('charge', { json: charge }).json();

  it('is not sent again: who asks for the same hears the latest word, with the first answer', async () => {
    const scene = bench({ sends: [said('PAID', { id: 'P9' })], policy: quick });
    const first = await scene.clock.run(scene.gateway.settle('payment.charge', charge));
    const tickets: Ticket[] = [];
    const again = await scene.gateway.settle(
      'payment.charge',
      { amount: 100, order: 'A1' },
      { onTicket: ticket => tickets.push(ticket) },
    );
    expect(again).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'answer',
      repeated: true,
      answer: first.answer,
      verdict: first.verdict,
      reference: first.reference,
    });
    expect([tickets, scene.sends.length, first.repeated]).toEqual([[first.ticket], 1, undefined]);
  });

  it('is answered through the drop-in as the first time, and by its latest word', async () => {
    const scene = bench({ sends: [said('PAID', { id: 'P9' })], policy: quick });
    const first = await scene.clock.run(post(scene));
    expect(await post(scene)).toEqual(first);

    const lost = bench({ sends: [reset()], polls: [state('paid')], policy: quick });
    expect(await lost.clock.run(post(lost))).toEqual({ state: 'paid' });
    expect(await post(lost)).toEqual({ state: 'paid' });

    const failing = bench({ sends: [reset(), said('PAID')], polls: [state('failed')], policy: quick });
    for (let times = 0; times < 3; times++) {
      const error: unknown = await failing.clock.run(post(failing).catch((caught: unknown) => caught));
      expect(error).toMatchObject({ name: 'SettledError', settlement: { outcome: 'failed' } });
    }
    expect([scene, lost, failing].map(({ sends }) => sends.length)).toEqual([1, 1, 1]);
  });

  it.each<[string, () => Bench]>([
    ['paid', () => bench({ sends: [said('PAID')], policy: quick })],
    ['open', () => bench({ sends: [reset()], polls: [state('pending')], policy: short })],
  ])('or left %s is refused with other fields, whatever the caller says of it', async (_how, make) => {
    const scene = make();
    await scene.clock.run(scene.gateway.settle('payment.charge', charge));
    for (const options of [{}, { newTry: true }, { mayHaveBeenSent: false }]) {
      await expect(scene.gateway.settle('payment.charge', { ...charge, amount: 200 }, options)).rejects.toSatisfy(
        isReferenceInUseError,
      );
    }
    expect(scene.sends.length).toBe(1);
  });

  it('as failed is a new try with other fields, and with equal ones when the caller says so', async () => {
    const scene = bench({ sends: [said('DECLINED'), said('DECLINED'), said('PAID')], policy: quick });
    const settle = (fields: typeof charge, options = {}): Promise<Settlement> =>
      scene.clock.run(scene.gateway.settle('payment.charge', fields, options));
    expect(await settle(charge)).toMatchObject({ outcome: 'failed' });
    expect(await settle(charge)).toMatchObject({ outcome: 'failed', repeated: true });
    expect(await settle({ ...charge, amount: 200 })).toMatchObject({ outcome: 'failed', attempts: 1 });
    expect(await settle({ ...charge, amount: 200 }, { newTry: true })).toMatchObject({
      outcome: 'succeeded',
      attempts: 1,
    });
    expect(await settle({ ...charge, amount: 200 }, { newTry: true })).toMatchObject({
      outcome: 'succeeded',
      repeated: true,
    });
    expect(scene.sends.length).toBe(3);
  });

  it('by whoever followed its ticket stays settled, though he did not know the fields', async () => {
    const scene = bench({ polls: [state('paid')], policy: quick });
    expect(
      await scene.clock.run(scene.gateway.untilSettled(scene.gateway.ticketFor('payment.charge', charge))),
    ).toMatchObject({ outcome: 'succeeded' });
    expect(await scene.gateway.settle('payment.charge', charge)).toMatchObject({
      outcome: 'succeeded',
      repeated: true,
    });
    await expect(scene.gateway.settle('payment.charge', { ...charge, amount: 200 })).rejects.toSatisfy(
      isReferenceInUseError,
    );
    expect(scene.sends.length).toBe(0);
  });

  it('by one question stays settled too, and keeps the first answer', async () => {
    const scene = bench({
      sends: [said('CREATED', { url: 'https://pay.test/A1' })],
      polls: [state('paid')],
      policy: quick,
    });
    const first = await scene.clock.run(scene.gateway.settle('payment.create', charge));
    expect(await scene.clock.run(scene.gateway.ask(first.ticket))).toMatchObject({
      kind: 'terminal',
      outcome: 'succeeded',
    });
    expect(await scene.gateway.settle('payment.create', charge)).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'query',
      repeated: true,
      answer: { url: 'https://pay.test/A1' },
    });
    expect(scene.sends.length).toBe(1);
  });

  it('as absent is asked about first: a late booking is found, and the advice to send again is followed once', async () => {
    const absent = {
      retry: { backoff: constant(100) },
      poll: { backoff: constant(1000), deadlineMs: 60_000, absentAfterMs: 3000 },
    };
    const late = bench({
      sends: [reset(), said('DUPLICATE')],
      polls: [state('none'), state('none'), state('none'), state('paid')],
      policy: absent,
    });
    expect(await late.clock.run(late.gateway.settle('payment.charge', charge))).toMatchObject({ outcome: 'absent' });
    expect(await late.clock.run(late.gateway.settle('payment.charge', charge))).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'query',
      attempts: 0,
    });

    const never = bench({
      sends: [reset(), said('DUPLICATE')],
      polls: [state('none'), state('none'), state('none'), state('none'), state('paid')],
      policy: absent,
    });
    const again = { policy: { poll: { resendWhenAbsent: true } } };
    expect(await never.clock.run(never.gateway.settle('payment.charge', charge))).toMatchObject({ outcome: 'absent' });
    // Its own first send's duplicate: not "refused", while it is paid.
    expect(await never.clock.run(never.gateway.settle('payment.charge', charge, again))).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'query',
      attempts: 1,
    });
    expect([late.sends.length, never.sends.length]).toEqual([1, 2]);
  });

  it('is remembered for a day', async () => {
    const scene = bench({ sends: [said('PAID')], policy: quick });
    await scene.clock.run(scene.gateway.settle('payment.charge', charge));
    scene.clock.advance(24 * 60 * 60_000 - 1);
    expect(await scene.gateway.settle('payment.charge', charge)).toMatchObject({ repeated: true });
    scene.clock.advance(2);
    expect(await scene.clock.run(scene.gateway.settle('payment.charge', charge))).not.toHaveProperty('repeated');
  });

  it('is the same whatever is written differently in the same fields', async () => {
    const scene = bench({ sends: [said('PAID')], policy: quick });
    await scene.clock.run(
      scene.gateway.settle('payment.charge', { ...charge, note: { b: '', a: '10.50', c: undefined } } as typeof charge),
    );
    expect(
      await scene.gateway.settle('payment.charge', { note: { a: '10.5' }, ...charge } as typeof charge),
    ).toMatchObject({ repeated: true });
    await expect(
      scene.gateway.settle('payment.charge', { ...charge, note: { a: '010.5' } } as typeof charge),
    ).rejects.toSatisfy(isReferenceInUseError);
  });

  it('does not end whoever follows a ticket by the refusal of somebody else’s send', async () => {
    const scene = bench({
      sends: [said('BUSY'), said('REFUSED')],
      polls: [state('paid')],
      policy: { ...quick, retry: { backoff: constant(5000) } },
    });
    const settling = wordOf(scene.gateway.settle('payment.charge', charge));
    await scene.clock.untilQuiet();
    const following = scene.gateway.untilSettled(scene.gateway.ticketFor('payment.charge', charge));
    expect(await scene.clock.run(settling)).toBe('rejected');
    expect(await scene.clock.run(following)).toMatchObject({ outcome: 'succeeded', settledBy: 'query' });
  });
});

describe('a cancel', () => {
  it('is named by what it cancels, and remembered only as done', async () => {
    const scene = bench({ sends: [said('TOO_LATE'), said('DONE')], policy: quick });
    const cancel = (): Promise<Settlement> => scene.clock.run(scene.gateway.settle('payment.cancel', { order: 'A1' }));
    expect(await cancel()).toMatchObject({ outcome: 'failed' });
    expect(await cancel()).toMatchObject({ outcome: 'succeeded' });
    expect(await cancel()).toMatchObject({ outcome: 'succeeded', repeated: true });
    expect(scene.sends.length).toBe(2);
  });
});

describe('who follows a payment that a caller sends', () => {
  const refusedLater = ({ clock }: Bench): Promise<Response> =>
    new Promise(resolve => clock.timer(500, () => resolve(Response.json({ code: 'REFUSED' }))));

  it('goes on with the others who follow it when the send has ended and the payment has not: one loop, one query at a time', async () => {
    const scene: Bench = bench({
      sends: [said('CREATED')],
      polls: [state('open'), state('open'), state('paid')],
      policy: quick,
    });
    const settling = wordOf(scene.gateway.settle('payment.create', charge));
    const ticket = scene.gateway.ticketFor('payment.create', charge);
    const following = [1, 2, 3].map(() => wordOf(scene.gateway.untilSettled(ticket)));
    expect(await scene.clock.run(Promise.all([settling, ...following]))).toEqual([
      'created',
      'succeeded',
      'succeeded',
      'succeeded',
    ]);
    expect(scene.polls.length).toBe(3);
  });

  it.each([
    'the sender',
    'the follower',
  ])('shares the loop of the next send after one that was refused, whoever comes first: %s', async order => {
    const scene: Bench = bench({
      adapter: notifying(),
      sends: [() => refusedLater(scene), said('PAID')],
      polls: [state('none')],
      policy: quick,
    });
    const { gateway, clock, sends } = scene;
    const first = gateway.settle('payment.charge', charge);
    await clock.untilQuiet();
    const follow = (): Promise<Settlement> => gateway.untilSettled(gateway.ticketFor('payment.charge', charge));
    const early = order === 'the follower' ? follow() : undefined;
    let isStored = false;
    const second = first.then(() =>
      gateway.settle('payment.charge', charge, {
        onTicket: async () => {
          if (isStored) return;
          isStored = true;
          await new Promise<void>(resolve => clock.timer(100, resolve));
          await gateway.receive(new Request('https://shop.example/hooks', { method: 'POST' }));
        },
      }),
    );
    const ends = await clock.run(Promise.all([second, early ?? follow()]));
    expect(ends).toMatchObject([
      { outcome: 'succeeded', settledBy: 'webhook', attempts: 0 },
      { outcome: 'succeeded', settledBy: 'webhook' },
    ]);
    expect(sends.length).toBe(1);
  });

  it('is not sent away when the one who sends goes away, nor when his ticket cannot be stored', async () => {
    const { gateway, clock } = bench({ sends: [hang], polls: [state('pending'), state('paid')], policy: quick });
    const first = leaver();
    const posting = wordOf(gateway.client.post('charge', { json: charge, signal: first.signal }));
    await clock.untilQuiet();
    const following = wordOf(gateway.untilSettled(gateway.ticketFor('payment.charge', charge)));
    await clock.untilQuiet();
    first.leave('the first');
    expect(await posting).toBe('the first');
    expect(await clock.run(following)).toBe('succeeded');

    const other = bench({ sends: [said('PAID')], polls: [state('paid')], policy: quick });
    const storing = async (): Promise<never> => {
      await new Promise<void>(resolve => other.clock.timer(100, resolve));
      throw new Error('db down');
    };
    const failing = wordOf(other.gateway.settle('payment.charge', charge, { onTicket: storing }));
    const others = wordOf(other.gateway.untilSettled(other.gateway.ticketFor('payment.charge', charge)));
    expect(await other.clock.run(Promise.all([failing, others]))).toEqual(['db down', 'succeeded']);
    expect(other.sends.length).toBe(0);
  });
});

const doors: [door: string, send: (scene: Bench) => Promise<unknown>][] = [
  ['settle', ({ gateway }) => gateway.settle('payment.charge', charge)],
  ['the drop-in', ({ gateway }) => gateway.client.post('charge', { json: charge })],
];

describe('who sends a payment that is followed', () => {
  it.each(
    doors,
  )('sends it where nothing says that it was sent, and the followers hear his end: %s', async (_, send) => {
    const scene = bench({ sends: [said('PAID')], polls: [state('none')], policy: quick });
    const following = wordOf(scene.gateway.untilSettled(scene.gateway.ticketFor('payment.charge', charge)));
    await scene.clock.untilQuiet();
    expect(await scene.clock.run(Promise.all([wordOf(send(scene)), following]))).toEqual([
      expect.stringMatching(/^(?:succeeded|answered)$/),
      'succeeded',
    ]);
    expect([scene.sends.length, scene.polls.length, scene.clock.pending]).toEqual([1, 1, 0]);
  });

  it.each(doors)('sends it after they have found nothing of it: %s', async (_, send) => {
    const scene = bench({ sends: [said('PAID')], polls: [state('none')], policy: short });
    const ticket = scene.gateway.ticketFor('payment.charge', charge);
    expect(await scene.clock.run(wordOf(scene.gateway.untilSettled(ticket)))).toBe('unresolved');
    await scene.clock.run(send(scene));
    expect(scene.sends.length).toBe(1);
  });

  it.each(doors)('waits for the answer to their query, and sends nothing when it is paid: %s', async (_, send) => {
    const scene: Bench = bench({
      sends: [said('PAID')],
      polls: [() => new Promise(resolve => scene.clock.timer(500, () => resolve(Response.json({ state: 'paid' }))))],
      policy: quick,
    });
    const following = wordOf(scene.gateway.untilSettled(scene.gateway.ticketFor('payment.charge', charge)));
    const sending = wordOf(send(scene));
    expect(await scene.clock.run(Promise.all([following, sending]))).toEqual([
      'succeeded',
      expect.stringMatching(/^(?:succeeded|answered)$/),
    ]);
    expect([scene.sends.length, scene.polls.length]).toEqual([0, 1]);
  });

  it('leaves at once while he waits for that answer, when his signal aborts', async () => {
    const { gateway, clock, sends } = bench({ sends: [said('PAID')], polls: [hang, state('paid')], policy: quick });
    const following = wordOf(gateway.untilSettled(gateway.ticketFor('payment.charge', charge)));
    const second = leaver();
    const settling = wordOf(gateway.settle('payment.charge', charge, { signal: second.signal }));
    await clock.untilQuiet();
    second.leave('the second');
    expect(await settling).toBe('the second');
    expect(await clock.run(following)).toBe('succeeded');
    expect(sends.length).toBe(0);
  });

  it.each<[string, (scene: Bench) => Ticket, string]>([
    ['the gateway has shown it', ({ gateway }) => gateway.ticketFor('payment.charge', charge), 'pending'],
    [
      'the ticket says so',
      ({ gateway, clock }) => ({
        ...gateway.ticketFor('payment.charge', charge),
        lastSentAt: new Date(clock.now()).toISOString(),
      }),
      'none',
    ],
    [
      'the ticket is older than this gateway object, and an earlier run may not have stored that it was sent',
      ({ gateway, clock }) => ({
        ...gateway.ticketFor('payment.charge', charge),
        openedAt: new Date(clock.now() - 1000).toISOString(),
      }),
      'none',
    ],
  ])('asks first where it may have been sent: %s', async (_why, ticketOfIt, shown) => {
    const scene = bench({ sends: [said('PAID')], polls: [state(shown), state(shown), state('paid')], policy: quick });
    const following = wordOf(scene.gateway.untilSettled(ticketOfIt(scene)));
    await scene.clock.untilQuiet();
    const settling = scene.gateway.settle('payment.charge', charge);
    expect(await scene.clock.run(settling)).toMatchObject({ outcome: 'succeeded', settledBy: 'query', attempts: 0 });
    expect(await scene.clock.run(following)).toBe('succeeded');
    expect(scene.sends.length).toBe(0);
  });

  it('is refused with other fields, and the followers go on', async () => {
    const scene = bench({ polls: [state('none'), state('paid')], policy: quick });
    const following = wordOf(scene.gateway.untilSettled(scene.gateway.ticketFor('payment.charge', charge)));
    await scene.clock.untilQuiet();
    await expect(scene.gateway.settle('payment.charge', { ...charge, amount: 200 })).rejects.toSatisfy(
      isReferenceInUseError,
    );
    expect(await scene.clock.run(following)).toBe('succeeded');
  });
});

describe('a caller who waits for another one to leave', () => {
  it('sends what he gave when he called, whatever he does to his fields meanwhile', async () => {
    for (let turns = 0; turns < 8; turns++) {
      const { gateway, clock, sends } = bench({ sends: [hang, said('PAID')], polls: [state('paid')], policy: quick });
      const first = leaver();
      const extraFields = { memo: 'one' };
      const settling = wordOf(gateway.settle('payment.charge', charge, { signal: first.signal, extraFields }));
      first.leave('the first');
      for (let turn = 0; turn < turns; turn++) await Promise.resolve();
      const fields = { ...charge };
      const options = { extraFields: { ...extraFields } };
      const other = gateway.settle('payment.charge', fields, options);
      fields.order = 'B2';
      options.extraFields.memo = 'two';
      expect(await settling).toBe('the first');
      expect((await clock.run(other)).reference).toEqual({ merchant: 'A1' });
      expect(sends.map(({ body }) => body).join()).not.toMatch(/B2|two/);
    }
  });

  it.each(doors)('sends himself where the other one left before his first byte: %s', async (_, send) => {
    const scene = bench({ sends: [said('PAID')], polls: [state('none')], policy: quick });
    const first = leaver();
    const onTicket = (): Promise<void> => new Promise(resolve => scene.clock.timer(1000, resolve));
    const posting = wordOf(
      scene.gateway.client.post('charge', { json: charge, signal: first.signal, context: { tillpaid: { onTicket } } }),
    );
    await scene.clock.untilQuiet();
    const others = [wordOf(send(scene)), wordOf(send(scene))];
    await scene.clock.untilQuiet();
    first.leave('the first');
    expect(await posting).toBe('the first');
    expect(await scene.clock.run(Promise.all(others))).toEqual(
      Array.from({ length: 2 }, () => expect.stringMatching(/^(?:succeeded|answered)$/) as string),
    );
    expect([scene.sends.length, scene.polls.length]).toEqual([1, 0]);
  });
});

it('a second loop never takes the place of one that runs', () => {
  const loops = createLoops();
  const [one, other] = [{}, {}] as [Loop, Loop];
  loops.add('A1', one);
  expect(() => loops.add('A1', other)).toThrow('bug of tillpaid');
  expect([loops.get('A1') === one, loops.remove('A1', other), loops.remove('A1', one)]).toEqual([true, false, true]);
  loops.add('A1', other);
  expect(loops.get('A1')).toBe(other);
});
