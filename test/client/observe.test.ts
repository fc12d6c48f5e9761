import ky from 'ky';
import { describe, expect, it } from 'vitest';
import { constant, createGateway, isInputError, type GatewayEvent, type StartingPayment } from '../../src/index.ts';
import { Timeline } from '../../src/engine/timeline.ts';
import { manualClock } from '../../src/testing/manual-clock.ts';
import { acme } from '../testing/acme.ts';
import { bench, json, said, state } from '../testing/bench.ts';

const charge = { order: 'A1', amount: 100, scanned: 'CODE-OF-THE-PAYER' };
const quick = { poll: { backoff: constant(1000), deadlineMs: 60_000 } };

function scene() {
  const { clock, fetch } = bench({ sends: [said('PENDING')], polls: [state('pending'), state('paid')] });
  const told: GatewayEvent[] = [];
  const client = ky.create({ fetch: fetch as typeof globalThis.fetch });
  const gateway = createGateway({
    adapter: acme(),
    client,
    clock,
    policy: quick,
    onEvent: event => void told.push(event),
  });
  return { gateway, clock, told };
}

describe('observe', () => {
  it('tells a listener all that onEvent is told, from then on until it is ended', async () => {
    const { gateway, clock, told } = scene();
    const seen: GatewayEvent[] = [];
    const end = gateway.observe(event => seen.push(event));
    await clock.run(gateway.settle('payment.charge', charge));
    expect(seen.map(({ type }) => type)).toEqual([
      'ticket',
      'send',
      'answer',
      'wait',
      'ask',
      'status',
      'wait',
      'ask',
      'status',
      'settled',
    ]);
    expect(seen).toEqual(told);
    end();
    end();
    await clock.run(gateway.settle('payment.charge', { ...charge, order: 'A2' }));
    expect(seen).toHaveLength(10);
    expect(told.length).toBeGreaterThan(10);
  });

  it('says what is known of a payment from its start, and nothing of its payer', async () => {
    const { gateway, clock } = scene();
    const payments: (StartingPayment | undefined)[] = [];
    gateway.observe((_event, payment) => payments.push(payment));
    await clock.run(gateway.settle('payment.charge', charge));
    expect(payments.at(-1)).toMatchObject({
      gateway: 'acme',
      operation: 'payment.charge',
      openedAt: '2026-01-01T00:00:00.000Z',
      lastSentAt: '2026-01-01T00:00:00.000Z',
      expect: { amount: '100' },
    });
    expect(JSON.stringify(payments)).not.toMatch(/CODE-OF-THE-PAYER|A1/);
    expect(payments.every(payment => Object.isFrozen(payment))).toBe(true);
  });

  it('ignores what a listener throws or rejects with, and goes on with the others', async () => {
    const { gateway, clock } = scene();
    let seen = 0;
    gateway.observe(() => {
      throw new Error('log server down');
    });
    gateway.observe(() => Promise.reject(new Error('log server down')));
    gateway.observe(() => new Promise(() => undefined));
    gateway.observe(() => seen++);
    expect(await clock.run(gateway.settle('payment.charge', charge))).toMatchObject({ outcome: 'succeeded' });
    expect(seen).toBe(10);
  });

  it('takes the same listener twice, and ends each by its own', async () => {
    const { gateway, clock } = scene();
    let seen = 0;
    const listener = (): number => seen++;
    const endFirst = gateway.observe(listener);
    const endSecond = gateway.observe(listener);
    endFirst();
    endFirst();
    await clock.run(gateway.settle('payment.charge', charge));
    expect(seen).toBe(10);
    endSecond();
  });

  it('hears of a payment that was begun before, and of writes that match no operation', async () => {
    const { gateway, clock } = scene();
    const seen: [string, string | undefined][] = [];
    const paying = gateway.settle('payment.charge', charge);
    await clock.untilQuiet();
    gateway.observe(({ type }, payment) => seen.push([type, payment?.operation]));
    await clock.run(paying);
    expect(seen[0]).toEqual(['ask', 'payment.charge']);
    seen.length = 0;
    const client = ky.create({ fetch: () => Promise.resolve(json({})) });
    const bare = createGateway({ adapter: acme(), client, clock });
    bare.observe(({ type }, payment) => seen.push([type, payment?.operation]));
    await bare.client.post('https://acme.test/api/unknown', { json: {} });
    expect(seen).toEqual([['unmatched', undefined]]);
  });

  it('refuses what is no function', () => {
    const { gateway } = scene();
    let thrown: unknown;
    try {
      gateway.observe('log' as never);
    } catch (error) {
      thrown = error;
    }
    expect(isInputError(thrown)).toBe(true);
  });

  it('costs nothing while nobody listens: a line is not spelt out', () => {
    let [listens, reported] = [false, 0];
    const reporter = {
      get listens() {
        return listens;
      },
      report: () => void (reported += 1),
      tell: () => undefined,
      enclose: undefined,
    };
    const timeline = new Timeline(manualClock(), reporter);
    const ticket = scene().gateway.ticketFor('payment.charge', charge);
    timeline.record({ type: 'ask', poll: 1 }, 0, ticket);
    expect(reported).toBe(0);
    listens = true;
    timeline.record({ type: 'ask', poll: 2 }, 0, ticket);
    expect(reported).toBe(1);
  });
});
