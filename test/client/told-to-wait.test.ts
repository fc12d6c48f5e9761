import { describe, expect, it } from 'vitest';
import type { OpenPayment, Ticket } from '../../src/index.ts';
import { bench, json, state, type Bench, type Step } from '../testing/bench.ts';

const SECOND_MS = 1000;
const charge = { order: 'A1', amount: 100 };

/** An answer that wants to be left alone for twenty seconds: in seconds, or until a date. */
const forms: readonly (readonly [string, (scene: Bench) => string])[] = [
  ['in seconds', () => '20'],
  ['as a date', ({ clock }) => new Date(clock.now() + 20 * SECOND_MS).toUTCString()],
];

describe.each(forms)('Retry-After %s', (_name, header) => {
  const told =
    (scene: () => Bench, body: object, status = 200): Step =>
    () =>
      json(body, { status, headers: { 'retry-after': header(scene()) } });
  const made = (sends: (told: Step) => Step[], polls: (told: Step) => Step[], body: object, status?: number): Bench => {
    const scene: Bench = bench({
      sends: sends(told(() => scene, body, status)),
      polls: polls(told(() => scene, body, status)),
    });
    return scene;
  };
  const gap = ([one, other]: readonly { atMs: number }[]): number => (other?.atMs ?? 0) - (one?.atMs ?? 0);
  // A date has whole seconds.
  const LEAST_MS = 19 * SECOND_MS;

  it('is waited for before the next send, in settle and the drop-in', async () => {
    const body = { code: 'BUSY' };
    const paid = (): Response => json({ code: 'PAID' });
    const settled = made(
      told => [told, paid],
      () => [],
      body,
    );
    await settled.clock.run(settled.gateway.settle('payment.charge', charge));
    const dropped = made(
      told => [told, paid],
      () => [],
      body,
    );
    await dropped.clock.run(dropped.gateway.client.post('https://acme.test/api/charge', { json: charge }));
    for (const { sends } of [settled, dropped]) {
      expect(sends).toHaveLength(2);
      expect(gap(sends)).toBeGreaterThanOrEqual(LEAST_MS);
    }
  });

  it('is waited for before the next query, in settle, the drop-in, untilSettled and step', async () => {
    const pending = (): Response => json({ code: 'PENDING' });
    const scene = (): Bench =>
      made(
        () => [pending],
        told => [told, state('paid')],
        { state: 'pending' },
      );
    const [settled, dropped, followed, stepped] = [scene(), scene(), scene(), scene()];
    const ticketIn = ({ gateway }: Bench): Ticket => gateway.ticketFor('payment.charge', charge);
    await settled.clock.run(settled.gateway.settle('payment.charge', charge));
    await dropped.clock.run(dropped.gateway.client.post('https://acme.test/api/charge', { json: charge }));
    await followed.clock.run(followed.gateway.untilSettled(ticketIn(followed)));
    const first = await stepped.clock.run(stepped.gateway.step(ticketIn(stepped)));
    expect(first.dueInMs).toBeGreaterThanOrEqual(LEAST_MS);
    // Before that nothing is asked, from JSON neither.
    const open = JSON.parse(JSON.stringify(first.open)) as OpenPayment;
    stepped.clock.advance(10 * SECOND_MS);
    expect((await stepped.clock.run(stepped.gateway.step(open))).done).toBeUndefined();
    expect(stepped.polls).toHaveLength(1);
    stepped.clock.advance(10 * SECOND_MS);
    expect((await stepped.clock.run(stepped.gateway.step(open))).done?.outcome).toBe('succeeded');
    for (const { polls } of [settled, dropped, followed, stepped]) {
      expect(polls).toHaveLength(2);
      expect(gap(polls)).toBeGreaterThanOrEqual(LEAST_MS);
    }
  });

  it('is waited for after a query that was limited', async () => {
    const limited = made(
      () => [(): Response => json({ code: 'PENDING' })],
      told => [told, state('paid')],
      {},
      429,
    );
    await limited.clock.run(limited.gateway.settle('payment.charge', charge));
    expect(gap(limited.polls)).toBeGreaterThanOrEqual(LEAST_MS);
  });
});
