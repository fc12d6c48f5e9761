import ky from 'ky';
import { describe, expect, it } from 'vitest';
import { constant, isReferenceInUseError } from '../../src/index.ts';
import type { Operation } from '../../src/core/operation.ts';
import { acme } from '../testing/acme.ts';
import { bench, reset, said, state, type Bench, type Step } from '../testing/bench.ts';

/** What a read of the drop-in shows of a number counts, whoever sent it. */

const charge = { order: 'A1', amount: 100 };
const policy = { retry: { attempts: 1 }, poll: { backoff: constant(1000), deadlineMs: 5000 } };
const scene = (sends: Step[], polls: Step[]): Bench => bench({ policy, sends, polls });
const look = ({ gateway, clock }: Bench, order = 'A1'): Promise<unknown> =>
  clock.run(gateway.client.post('query', { json: { order } }).json());

describe('a read of the drop-in that shows money', () => {
  it.each([
    'payment.charge',
    'payment.create',
  ] as const)('under a number that was never sent from here is asked about before %s sends it', async operation => {
    const b = scene([said('PAID')], [state('paid')]);
    await look(b);
    expect(await b.clock.run(b.gateway.settle(operation, charge))).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'query',
      attempts: 0,
    });
    expect([b.sends.length, b.polls.length]).toEqual([0, 2]);
  });

  it('through gateway.fetch is remembered, too', async () => {
    const b = scene([said('PAID')], [state('paid')]);
    const init = { method: 'POST', body: '{"order":"A1"}', headers: { 'content-type': 'application/json' } };
    await b.clock.run(b.gateway.fetch('https://acme.test/api/query', init));
    expect(await b.clock.run(b.gateway.settle('payment.charge', charge))).toMatchObject({ attempts: 0 });
  });

  it('is not sent by the drop-in either', async () => {
    const b = scene([said('PAID')], [state('paid')]);
    await look(b);
    expect(await b.clock.run(b.gateway.client.post('charge', { json: charge }).json())).toEqual({ state: 'paid' });
    expect(b.sends.length).toBe(0);
  });

  it('under a number whose send was refused is asked about before it is sent again', async () => {
    const b = scene([said('REFUSED'), said('PAID')], [state('paid')]);
    expect(await b.clock.run(b.gateway.settle('payment.charge', charge))).toMatchObject({ outcome: 'rejected' });
    await look(b);
    expect(await b.clock.run(b.gateway.settle('payment.charge', charge))).toMatchObject({ outcome: 'succeeded' });
    expect(b.sends.length).toBe(1);
  });

  it('under a number that was declined here makes its payment open again: no new try is sent', async () => {
    const b = scene([said('DECLINED'), said('PAID')], [state('paid')]);
    expect(await b.clock.run(b.gateway.settle('payment.charge', charge))).toMatchObject({ outcome: 'failed' });
    await look(b);
    await expect(b.gateway.settle('payment.charge', { ...charge, amount: 200 })).rejects.toSatisfy(
      isReferenceInUseError,
    );
    const again = b.gateway.settle('payment.charge', charge, { newTry: true });
    expect(await b.clock.run(again)).toMatchObject({ outcome: 'succeeded', attempts: 0 });
    expect(b.sends.length).toBe(1);
  });

  it('by the provider’s number is of the payment that was declined here with it', async () => {
    const adapter = acme();
    const query = { ...(adapter.operations['payment.query'] as Operation), reference: { id: 'id' } } as Operation;
    const b = bench({
      policy,
      adapter: { ...adapter, operations: { ...adapter.operations, 'payment.query': query } },
      sends: [said('DECLINED', { id: 'P9' }), said('PAID')],
      polls: [state('paid', { id: 'P9' })],
    });
    await b.clock.run(b.gateway.settle('payment.charge', charge));
    await b.clock.run(b.gateway.client.post('query', { json: { id: 'P9' } }).json());
    const again = b.gateway.settle('payment.charge', charge, { newTry: true });
    expect(await b.clock.run(again)).toMatchObject({ outcome: 'succeeded', attempts: 0 });
  });

  it('is no proof for other money: that stays unresolved, and unsent', async () => {
    const b = scene([said('PAID')], [state('paid', { amount: '7' })]);
    await look(b);
    expect(await b.clock.run(b.gateway.settle('payment.charge', charge))).toMatchObject({
      outcome: 'unresolved',
      verdict: { reason: 'conflict' },
      attempts: 0,
    });
  });

  it('only when a hook has asked a second time counts, too', async () => {
    const { gateway, clock, polls } = bench({
      policy: { ...policy, retry: { attempts: 2 } },
      sends: [said('PAID')],
      polls: [state('pending'), state('paid')],
    });
    const again = { afterResponse: [() => (polls.length === 1 ? ky.retry() : undefined)] };
    await clock.run(gateway.client.post('query', { json: { order: 'A1' }, hooks: again }).json());
    expect(polls.length).toBe(2);
    expect(await clock.run(gateway.settle('payment.charge', charge))).toMatchObject({ attempts: 0 });
  });

  it('is forgotten after a day, when nothing was sent from here', async () => {
    const b = scene([said('PAID')], [state('paid')]);
    await look(b);
    b.clock.advance(25 * 3_600_000);
    expect(await b.clock.run(b.gateway.settle('payment.charge', charge))).toMatchObject({ attempts: 1 });
  });
});

describe('a read of the drop-in that shows no money', () => {
  it.each([
    'none',
    'open',
    'pending',
    'declined',
    'failed',
    'canceled',
    'expired',
    'REFUSED',
    'BUSY',
  ])('(%s) leaves a number free to be sent', async word => {
    const b = scene([said('PAID')], [state(word)]);
    await look(b).catch(() => undefined);
    expect(await b.clock.run(b.gateway.settle('payment.charge', charge))).toMatchObject({
      outcome: 'succeeded',
      attempts: 1,
    });
  });

  it('of another order, or that was lost, leaves a number free to be sent', async () => {
    const b = scene([said('PAID')], [state('paid', { order: 'B2' }), state('paid', { order: 'B2' }), reset()]);
    await look(b);
    await look(b, 'B2');
    await look(b).catch(() => undefined);
    expect(await b.clock.run(b.gateway.settle('payment.charge', charge))).toMatchObject({ attempts: 1 });
  });

  it('changes nothing of a cancel, which acts on what is paid', async () => {
    const b = scene([said('DONE')], [state('paid')]);
    await look(b);
    expect(await b.clock.run(b.gateway.settle('payment.cancel', { order: 'A1' }))).toMatchObject({ attempts: 1 });
  });
});
