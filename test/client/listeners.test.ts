import ky from 'ky';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { constant, createGateway, type Ticket } from '../../src/index.ts';
import { acme } from '../testing/acme.ts';
import { bench, said, state } from '../testing/bench.ts';

const base = 'https://acme.test/api';
const charge = { order: 'A1', amount: 100 };
const quick = { retry: { backoff: constant(100) }, poll: { backoff: constant(1000), deadlineMs: 60_000 } };
const macrotask = (): Promise<void> => new Promise(resolve => setImmediate(resolve));

describe('a listener that is async and fails is ignored', () => {
  const unhandled: unknown[] = [];
  const onUnhandled = (reason: unknown): void => void unhandled.push(reason);
  beforeEach(() => void process.on('unhandledRejection', onUnhandled));
  afterEach(() => void process.off('unhandledRejection', onUnhandled));

  const failing: [string, () => unknown][] = [
    ['rejects', () => Promise.reject(new Error('log server down'))],
    [
      'throws',
      () => {
        throw new Error('log server down');
      },
    ],
    ['rejects with nothing', () => Promise.reject(undefined)],
    [
      'gives a thenable that throws',
      () => ({
        get then(): never {
          throw new Error('odd');
        },
      }),
    ],
    ['never ends', () => new Promise(() => undefined)],
  ];

  it.each(
    failing,
  )('onEvent and onProgress, of settle, the drop-in, fetch and untilSettled: one that %s', async (_how, listener) => {
    let told = 0;
    const inform = (): unknown => (told++, listener());
    const { clock, fetch, sends } = bench({
      sends: [said('BUSY'), said('PENDING')],
      polls: [state('pending'), state('paid')],
    });
    const gateway = createGateway({
      adapter: acme(),
      client: ky.create({ fetch: fetch as typeof globalThis.fetch }),
      clock,
      policy: quick,
      onEvent: inform,
    });
    expect(await clock.run(gateway.settle('payment.charge', charge, { onProgress: inform }))).toMatchObject({
      outcome: 'succeeded',
    });
    const json = { order: 'A2', amount: 100 };
    expect(
      await clock.run(
        gateway.client.post(`${base}/charge`, { json, context: { tillpaid: { onProgress: inform } } }).json(),
      ),
    ).toEqual({ state: 'paid' });
    const init = {
      method: 'POST',
      body: JSON.stringify({ ...json, order: 'A3' }),
      headers: { 'content-type': 'application/json' },
    };
    expect(await clock.run(gateway.fetch(`${base}/charge`, init)).then(response => response.json())).toEqual({
      state: 'paid',
    });
    expect(
      await clock.run(gateway.untilSettled(gateway.ticketFor('payment.charge', charge), { onProgress: inform })),
    ).toMatchObject({ outcome: 'succeeded' });
    await macrotask();
    expect([told > 20, sends.length, unhandled]).toEqual([true, 4, []]);
  });
});

describe('a later onTicket', () => {
  it.each<[string, () => Promise<void>]>([
    ['hangs', () => new Promise(() => undefined)],
    ['rejects', () => Promise.reject(new Error('disk full'))],
  ])('that %s holds up nothing: the payment ends as if it had been stored', async (how, later) => {
    for (const sends of [
      [said('PAID', { id: 'P9' })],
      [said('PENDING', { id: 'P9' })],
      [said('BUSY'), said('PENDING')],
    ]) {
      let told = 0;
      const { gateway, clock, events } = bench({ sends, polls: [state('pending'), state('paid')], policy: quick });
      const settlement = await clock.run(
        gateway.settle('payment.charge', charge, { onTicket: () => (told++ === 0 ? undefined : later()) }),
      );
      expect(settlement).toMatchObject({ outcome: 'succeeded' });
      expect(settlement.elapsedMs).toBeLessThan(3000);
      expect([told > 1, clock.pending]).toEqual([true, 0]);
      await macrotask();
      expect(events.some(({ type }) => type === 'ticket-not-stored')).toBe(how === 'rejects');
    }
  });

  it('is told one after the other, and the newest last', async () => {
    const stored: Ticket[] = [];
    let busy = 0;
    const { gateway, clock } = bench({
      sends: [said('PENDING')],
      polls: [state('none'), state('pending'), state('paid', { id: 'P9' })],
      policy: quick,
    });
    const onTicket = async (ticket: Ticket): Promise<void> => {
      expect(busy++).toBe(0);
      await new Promise<void>(resolve => clock.timer(1500, resolve));
      busy--;
      stored.push(ticket);
    };
    await clock.run(gateway.settle('payment.charge', charge, { onTicket }));
    await clock.run(new Promise<void>(resolve => clock.timer(10_000, resolve)));
    expect(stored.map(({ seen, reference }) => [seen, reference['id']])).toEqual([
      [false, undefined],
      // As the bytes leave: it says when.
      [false, undefined],
      [true, undefined],
      [true, 'P9'],
    ]);
  });

  it('that hangs the first time holds the send, and an abort ends it with nothing sent', async () => {
    const controller = new AbortController();
    const { gateway, clock, sends } = bench({ sends: [said('PAID')] });
    clock.timer(30_000, () => controller.abort(new Error('closing')));
    await expect(
      clock.run(
        gateway.settle('payment.charge', charge, {
          signal: controller.signal,
          onTicket: () => new Promise(() => undefined),
        }),
      ),
    ).rejects.toThrow('closing');
    expect(sends.length).toBe(0);
  });
});
