import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { constant, isReferenceInUseError, isUnresolvedError, type Settlement, type Ticket } from '../../src/index.ts';
import { bench, hang, refused, reset, said, state, type Bench } from './acme.ts';

/** One loop per payment in a process, however many callers wait for it: each with a signal, and a ticket store, of his own. */

const charge = { order: 'A1', amount: 100 };
const quick = { retry: { backoff: constant(100) }, poll: { backoff: constant(1000), deadlineMs: 60_000 } };

/** Lets promises act, with the clock where it is. */
const settleDown = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
};

/** How a call ended, in a word: its outcome, or what it was rejected with. */
const wordOf = (call: Promise<unknown>): Promise<string> =>
  call.then(
    (result) => (result as Partial<Settlement>).outcome ?? 'answered',
    (error: unknown) => (error as Error).message,
  );

interface Leaver {
  readonly signal: AbortSignal;
  readonly leave: (word: string) => void;
}

const leaver = (): Leaver => {
  const controller = new AbortController();
  return { signal: controller.signal, leave: (word) => controller.abort(new Error(word)) };
};

describe('many callers of one payment', () => {
  it('share one send and one loop; whoever leaves hears his own reason at once, the others the end, and no listener is left', async () => {
    const { gateway, clock, sends, polls } = bench({ sends: [said('PENDING')], polls: [state('pending'), state('pending'), state('paid')], policy: quick });
    const callers = Array.from({ length: 100 }, leaver);
    const calls = callers.map(({ signal }) => wordOf(gateway.settle('payment.charge', charge, { signal })));
    const leave = (from: number, to: number): void => callers.slice(from, to).forEach(({ leave: go }, index) => go(`caller ${from + index}`));
    leave(0, 20);
    await settleDown();
    leave(20, 60);
    clock.advance(1000);
    await settleDown();
    leave(60, 99);
    expect(await Promise.all(calls.slice(0, 99))).toEqual(callers.slice(0, 99).map((_caller, index) => `caller ${index}`));
    expect(await clock.run(calls[99] ?? Promise.reject(new Error('nobody is left')))).toBe('succeeded');
    expect([sends.length, polls.length, clock.pending]).toEqual([1, 3, 0]);
    expect(callers.flatMap(({ signal }) => getEventListeners(signal, 'abort'))).toEqual([]);
  });

  it('may come through different doors', async () => {
    const { gateway, clock, sends, polls } = bench({ sends: [said('PENDING')], polls: [state('pending'), state('paid')], policy: quick });
    const settling = gateway.settle('payment.charge', charge);
    await settleDown();
    const body = JSON.stringify(charge);
    const ends = await clock.run(
      Promise.all([
        wordOf(settling),
        wordOf(gateway.untilSettled(gateway.ticketFor('payment.charge', charge))),
        wordOf(gateway.client.post('charge', { json: charge })),
        wordOf(gateway.fetch('https://acme.test/api/charge', { method: 'POST', body, headers: { 'content-type': 'application/json' } })),
      ]),
    );
    expect(ends).toEqual(['succeeded', 'succeeded', 'answered', 'answered']);
    expect([sends.length, polls.length]).toEqual([1, 2]);
  });

  it('end the loop when the last of them has left, and nothing is sent after that', async () => {
    const { gateway, clock, sends, polls } = bench({ sends: [said('PENDING')], polls: [state('pending')], policy: quick });
    const [one, other] = [leaver(), leaver()];
    const calls = [one, other].map(({ signal }) => wordOf(gateway.settle('payment.charge', charge, { signal })));
    await settleDown();
    one.leave('the first');
    await settleDown();
    expect(clock.pending).toBe(1);
    other.leave('the last');
    expect(await Promise.all(calls)).toEqual(['the first', 'the last']);
    await settleDown();
    clock.advance(60_000);
    await settleDown();
    expect([sends.length, polls.length, clock.pending]).toEqual([1, 0, 0]);
  });

  it('of the drop-in hear how it ends, though the one who sent it went away in the middle', async () => {
    const { gateway, clock, sends } = bench({ sends: [hang], polls: [state('pending'), state('paid')], policy: quick });
    const first = leaver();
    const posting = wordOf(gateway.client.post('charge', { json: charge, signal: first.signal }));
    await settleDown();
    const other = gateway.client.post('charge', { json: charge }).json();
    await settleDown();
    first.leave('the first');
    expect(await posting).toBe('the first');
    expect(await clock.run(other)).toEqual({ state: 'paid' });
    expect(sends.length).toBe(1);
  });

  it('are not sent away with another’s reason while they are busy storing the ticket', async () => {
    const { gateway, clock, sends } = bench({ sends: [said('PENDING')], polls: [state('paid')], policy: quick });
    const first = leaver();
    const settling = wordOf(gateway.settle('payment.charge', charge, { signal: first.signal }));
    await settleDown();
    let stored: () => void = () => undefined;
    const other = wordOf(gateway.settle('payment.charge', charge, { onTicket: () => new Promise<void>((resolve) => (stored = resolve)) }));
    await settleDown();
    first.leave('the first');
    stored();
    expect(await settling).toBe('the first');
    expect(await clock.run(other)).toBe('succeeded');
    expect(sends.length).toBe(1);
  });

  const again: [how: string, (scene: Bench) => Promise<unknown>][] = [
    ['settle', ({ gateway }) => gateway.settle('payment.charge', charge, { mayHaveBeenSent: true })],
    ['the drop-in', ({ gateway }) => gateway.client.post('charge', { json: charge, context: { tillpaid: { mayHaveBeenSent: true } } })],
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
      await settleDown();
      first.leave('the first');
      expect(await call).toBe('the first');
      expect(await scene.clock.run(wordOf(come(scene)))).toMatch(/^(?:succeeded|answered)$/);
      expect(scene.sends.length).toBeLessThanOrEqual(1);
    }
  });

  it('ask first what the one before them may have sent, also when nobody told them that it was sent', async () => {
    const { gateway, clock, sends, polls } = bench({ sends: [hang, said('PAID')], polls: [state('paid')], policy: quick });
    const first = leaver();
    const call = wordOf(gateway.settle('payment.charge', charge, { signal: first.signal }));
    await settleDown();
    first.leave('the first');
    const other = wordOf(gateway.settle('payment.charge', charge));
    expect(await call).toBe('the first');
    expect(await clock.run(other)).toBe('succeeded');
    expect([sends.length, polls.length]).toEqual([1, 1]);
  });

  it('each get the ticket whenever it learns more', async () => {
    const { gateway, clock } = bench({ sends: [said('PENDING', { id: 'P9' })], polls: [state('paid')], policy: quick });
    const stored: Ticket[][] = [[], []];
    await clock.run(Promise.all(stored.map((tickets) => gateway.settle('payment.charge', charge, { onTicket: (ticket) => tickets.push(ticket) }))));
    expect(stored.map((tickets) => tickets.at(-1)?.reference)).toEqual([{ order: 'A1', id: 'P9' }, { order: 'A1', id: 'P9' }]);
  });
});

describe('a payment that this process left open', () => {
  const short = { ...quick, poll: { backoff: constant(1000), deadlineMs: 1500 } };
  const unresolved = async (scene: Bench): Promise<void> => {
    expect(await scene.clock.run(scene.gateway.settle('payment.charge', charge))).toMatchObject({ outcome: 'unresolved' });
  };

  it('is asked about before it is sent again, though the next caller brings no ticket', async () => {
    const scene = bench({ sends: [reset(), said('PAID')], polls: [state('pending'), state('pending'), state('paid')], policy: short });
    await unresolved(scene);
    expect(await scene.clock.run(scene.gateway.settle('payment.charge', charge))).toMatchObject({ outcome: 'succeeded', settledBy: 'query', attempts: 0 });
    expect([scene.sends.length, scene.polls.length]).toEqual([1, 3]);
  });

  it('of the drop-in too', async () => {
    const scene = bench({ sends: [reset(), said('PAID')], polls: [state('pending'), state('pending'), state('paid')], policy: short });
    const post = (): Promise<unknown> => scene.gateway.client.post('charge', { json: charge }).json();
    const error: unknown = await scene.clock.run(post().catch((caught: unknown) => caught));
    expect(isUnresolvedError(error)).toBe(true);
    expect(await scene.clock.run(post())).toEqual({ state: 'paid' });
    expect(scene.sends.length).toBe(1);
  });

  it('is not sent with other fields', async () => {
    const scene = bench({ sends: [reset()], polls: [state('pending')], policy: short });
    await unresolved(scene);
    await expect(scene.gateway.settle('payment.charge', { ...charge, amount: 200 })).rejects.toSatisfy(isReferenceInUseError);
    expect(scene.sends.length).toBe(1);
  });

  it('is not sent with other fields, though somebody has followed its ticket since', async () => {
    const scene = bench({ sends: [reset()], polls: [state('pending')], policy: short });
    await unresolved(scene);
    expect(await scene.clock.run(scene.gateway.untilSettled(scene.gateway.ticketFor('payment.charge', charge)))).toMatchObject({ outcome: 'unresolved' });
    await expect(scene.gateway.settle('payment.charge', { ...charge, amount: 200 })).rejects.toSatisfy(isReferenceInUseError);
  });

  it('is sent again by a caller who says that it was not sent', async () => {
    const scene = bench({ sends: [reset(), said('PAID')], polls: [state('pending')], policy: short });
    await unresolved(scene);
    expect(await scene.clock.run(scene.gateway.settle('payment.charge', charge, { mayHaveBeenSent: false }))).toMatchObject({ outcome: 'succeeded', attempts: 1 });
    expect(scene.sends.length).toBe(2);
  });

  it('is forgotten once it is settled, and never remembered when nothing was sent', async () => {
    const scene = bench({ sends: [reset(), said('PAID')], polls: [state('pending'), state('pending'), state('declined')], policy: short });
    await unresolved(scene);
    expect(await scene.clock.run(scene.gateway.untilSettled(scene.gateway.ticketFor('payment.charge', charge)))).toMatchObject({ outcome: 'failed' });
    expect(await scene.clock.run(scene.gateway.settle('payment.charge', charge))).toMatchObject({ outcome: 'succeeded', attempts: 1 });

    const offline = bench({ sends: [refused(), refused(), refused(), said('PAID')], policy: quick });
    expect(await offline.clock.run(offline.gateway.settle('payment.charge', charge))).toMatchObject({ outcome: 'unsent' });
    expect(await offline.clock.run(offline.gateway.settle('payment.charge', charge))).toMatchObject({ outcome: 'succeeded', attempts: 1 });
  });
});
