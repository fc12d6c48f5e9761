import { describe, expect, it } from 'vitest';
import { constant } from '../../src/index.ts';
import { bench, hang, said, state, type Bench, type Step } from '../testing/bench.ts';

const base = 'https://acme.test/api';
const charge = { order: 'A1', amount: 100 };
const quick = { retry: { backoff: constant(100) }, poll: { backoff: constant(1000), deadlineMs: 60_000 } };
const init = (signal?: AbortSignal): RequestInit => ({
  method: 'POST',
  body: JSON.stringify(charge),
  headers: { 'content-type': 'application/json' },
  ...(signal !== undefined && { signal }),
});

type Door = (gateway: Bench['gateway'], signal?: AbortSignal) => Promise<unknown>;
const doors: [string, Door][] = [
  ['settle', (gateway, signal) => gateway.settle('payment.charge', charge, signal && { signal })],
  [
    'untilSettled',
    (gateway, signal) => gateway.untilSettled(gateway.ticketFor('payment.charge', charge), signal && { signal }),
  ],
  [
    'the drop-in',
    (gateway, signal) =>
      gateway.client.post(`${base}/charge`, { json: charge, ...(signal !== undefined && { signal }) }),
  ],
  ['fetch', (gateway, signal) => gateway.fetch(`${base}/charge`, init(signal))],
  ['fetch with a Request', (gateway, signal) => gateway.fetch(new Request(`${base}/charge`, init(signal)))],
];
const reasons: [string, unknown][] = [
  ['a text', 'stop'],
  ['an empty text', ''],
  ['null', null],
  ['an object', { why: 'stop' }],
  ['a number', 0],
  ['false', false],
  ['a frozen object', Object.freeze({ name: 'AbortError' })],
  ['an Error', new Error('mine')],
];
/** When it aborts, and the door that has no such moment. */
const moments: [when: string, sends: Step[], polls: Step[], afterMs: number, not?: string][] = [
  ['on the wire', [hang, said('PAID')], [state('paid')], 50, 'untilSettled'],
  ['in a backoff', [said('BUSY'), said('PAID')], [state('paid')], 50, 'untilSettled'],
  ['in a wait for a query', [said('PENDING')], [state('pending'), state('paid')], 500],
  ['in a query', [said('PENDING')], [hang, state('paid')], 1500],
];

const cases = doors.flatMap(([door, call]) =>
  reasons.flatMap(([what, reason]) =>
    moments
      .filter(([, , , , only]) => only === undefined || only !== door)
      .map(moment => [door, what, moment[0], call, reason, moment] as const),
  ),
);

describe('an abort with a reason that is no Error', () => {
  it.each(
    cases,
  )('%s, %s, %s: rejects with that very reason, and the next call works', async (_door, _what, _when, call, reason, [
    ,
    sends,
    polls,
    afterMs,
  ]) => {
    const { gateway, clock } = bench({ sends, polls, policy: quick });
    const controller = new AbortController();
    clock.timer(afterMs, () => controller.abort(reason));
    const thrown: unknown = await clock.run(
      call(gateway, controller.signal).then(
        () => expect.fail('resolved'),
        (error: unknown) => error,
      ),
    );
    expect(Object.is(thrown, reason)).toBe(true);
    expect(await clock.run(gateway.settle('payment.charge', charge))).toMatchObject({ outcome: 'succeeded' });
    await clock.run(call(gateway));
    expect(clock.pending).toBe(0);
  });
});
