import ky from 'ky';
import { describe, expect, it } from 'vitest';
import { constant, isReferenceInUseError, type Gateway } from '../../src/index.ts';
import type { Operation } from '../../src/core/operation.ts';
import { acme, type AcmeFields } from '../testing/acme.ts';
import { bench, reset, said, state, type Bench, type Step } from '../testing/bench.ts';

/** What a read of the drop-in shows of a number counts, whoever sent it. */

const charge = { order: 'A1', amount: 100 };
const policy = { retry: { attempts: 1 }, poll: { backoff: constant(1000), deadlineMs: 5000 } };
const patient = {
  retry: { attempts: 3, backoff: constant(1000) },
  poll: { backoff: constant(1000), deadlineMs: 20_000, absentAfterMs: 1000, resendWhenAbsent: true },
};
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

/** The ways to look at a payment while its own loop runs. */
const looks: Record<string, (gateway: Gateway<AcmeFields>) => Promise<unknown>> = {
  ask: gateway => gateway.ask(gateway.ticketFor('payment.charge', charge)),
  step: gateway => gateway.step(gateway.ticketFor('payment.charge', charge)),
  'a read of the drop-in': gateway => gateway.client.post('query', { json: { order: 'A1' } }).json(),
};
const ways = Object.entries(looks);

describe('what is read beside a loop that has not sent yet', () => {
  const once = (look: () => Promise<unknown>): (() => Promise<void>) => {
    let isDone = false;
    return async () => {
      if (!isDone) {
        isDone = true;
        await look();
      }
    };
  };

  it.each(ways)('by %s while the ticket is stored: paid is asked about, and nothing is sent', async (_way, see) => {
    const b = scene([said('PAID')], [state('paid')]);
    const settling = b.gateway.settle('payment.charge', charge, { onTicket: once(() => see(b.gateway)) });
    expect(await b.clock.run(settling)).toMatchObject({ outcome: 'succeeded', settledBy: 'query', attempts: 0 });
    expect([b.sends.length, b.polls.length]).toEqual([0, 2]);
  });

  it.each(ways)('by %s before a drop-in write leaves: nothing is sent', async (_way, see) => {
    const b = scene([said('PAID')], [state('paid')]);
    const tillpaid = { onTicket: once(() => see(b.gateway)) };
    const request = b.gateway.client.post('charge', { json: charge, context: { tillpaid } });
    expect(await b.clock.run(request.json())).toEqual({ state: 'paid' });
    expect(b.sends.length).toBe(0);
  });

  it.each(ways)('by %s, and then onTicket fails: the next settle asks before it sends', async (_way, see) => {
    const b = scene([said('PAID')], [state('paid')]);
    const onTicket = async (): Promise<void> => {
      await see(b.gateway);
      throw new Error('The store is down.');
    };
    await expect(b.clock.run(b.gateway.settle('payment.charge', charge, { onTicket }))).rejects.toThrow('down');
    expect(await b.clock.run(b.gateway.settle('payment.charge', charge))).toMatchObject({ outcome: 'succeeded' });
    expect(b.sends.length).toBe(0);
  });

  it.each(ways)('by %s during the backoff before another send: nothing more is sent', async (_way, see) => {
    const b = bench({ policy: patient, sends: [said('BUSY'), said('PAID')], polls: [state('paid')] });
    b.clock.timer(500, () => void see(b.gateway));
    expect(await b.clock.run(b.gateway.settle('payment.charge', charge))).toMatchObject({ settledBy: 'query' });
    expect([b.sends.length, b.polls.length]).toEqual([1, 2]);
  });

  it.each(ways)('by %s while a send is on the wire that is not processed: nothing more is sent', async (_way, see) => {
    const busy: Step = async () => (await see(b.gateway), Response.json({ code: 'BUSY' }));
    const b: Bench = bench({ policy, sends: [busy, said('PAID')], polls: [state('paid')] });
    expect(await b.clock.run(b.gateway.settle('payment.charge', charge))).toMatchObject({ settledBy: 'query' });
    expect([b.sends.length, b.polls.length]).toEqual([1, 2]);
  });

  it.each(
    ways,
  )('by %s while a send is on the wire that is answered: the answer settles, unasked', async (_way, see) => {
    const paid: Step = async () => (await see(b.gateway), Response.json({ code: 'PAID' }));
    const b: Bench = bench({ policy, sends: [paid], polls: [state('paid')] });
    expect(await b.clock.run(b.gateway.settle('payment.charge', charge))).toMatchObject({ settledBy: 'answer' });
    expect([b.sends.length, b.polls.length]).toEqual([1, 1]);
  });

  it.each(
    ways,
  )('by %s while a send is on the wire that is declined: a new try is asked about first', async (_way, see) => {
    const declined: Step = async () => (await see(b.gateway), Response.json({ code: 'DECLINED' }));
    const b: Bench = bench({ policy, sends: [declined, said('PAID')], polls: [state('paid')] });
    expect(await b.clock.run(b.gateway.settle('payment.charge', charge))).toMatchObject({ outcome: 'failed' });
    const again = b.gateway.settle('payment.charge', charge, { newTry: true });
    expect(await b.clock.run(again)).toMatchObject({ outcome: 'succeeded', attempts: 0 });
    expect(b.sends.length).toBe(1);
  });

  it.each([
    'open',
    'paid',
  ])('a write that is refused while the order is shown as %s is asked about before it is sent again', async word => {
    const refused: Step = async () => (await looks['ask']?.(b.gateway), Response.json({ code: 'REFUSED' }));
    const b: Bench = bench({ policy, sends: [refused, said('PAID')], polls: [state(word), state('paid')] });
    expect(await b.clock.run(b.gateway.settle('payment.charge', charge))).toMatchObject({ outcome: 'rejected' });
    expect(await b.clock.run(b.gateway.settle('payment.charge', charge))).toMatchObject({ attempts: 0 });
    expect(b.sends.length).toBe(1);
  });

  it('that the order is not there holds nothing up', async () => {
    const b = scene([said('PAID')], [state('none')]);
    for (const [, see] of ways) {
      const settling = b.gateway.settle('payment.charge', charge, { onTicket: once(() => see(b.gateway)) });
      expect(await b.clock.run(settling)).toMatchObject({ outcome: 'succeeded', settledBy: 'answer' });
    }
    expect(b.sends.length).toBe(1);
  });

  it.each(['DECLINED', 'CANCELED'])('how an earlier try ended (%s) holds no new try up', async word => {
    const b = scene([said(word), said('PAID')], [state(word.toLowerCase())]);
    const { ticket } = await b.clock.run(b.gateway.settle('payment.charge', charge));
    b.clock.advance(5000);
    const onTicket = once(() => b.gateway.ask(ticket));
    const again = b.gateway.settle('payment.charge', charge, { newTry: true, onTicket });
    expect(await b.clock.run(again)).toMatchObject({ outcome: 'succeeded', settledBy: 'answer', attempts: 1 });
  });

  it('that an earlier try took money after all holds a new one up', async () => {
    const b = scene([said('DECLINED'), said('PAID')], [state('paid')]);
    const { ticket } = await b.clock.run(b.gateway.settle('payment.charge', charge));
    b.clock.advance(5000);
    const onTicket = once(() => b.gateway.ask(ticket));
    await b.clock.run(b.gateway.settle('payment.charge', charge, { newTry: true, onTicket }));
    expect(b.sends.length).toBe(1);
  });
});

describe('what is read beside a loop that asks', () => {
  it.each([
    'ask',
    'step',
  ])('by %s is not forgotten when the loop’s own queries find nothing: it is sent once', async way => {
    const b = bench({
      policy: patient,
      sends: [reset(), said('PAID')],
      polls: [state('none'), state('pending'), state('none')],
    });
    b.clock.timer(1500, () => void looks[way]?.(b.gateway));
    const settlement = await b.clock.run(b.gateway.settle('payment.charge', charge));
    expect(settlement).toMatchObject({ outcome: 'unresolved', attempts: 1, ticket: { seen: true } });
    expect(b.sends.length).toBe(1);
  });

  it('by a caller who looks at each step of it makes it ask no sooner', async () => {
    const b = bench({ policy: patient, sends: [reset()], polls: [state('pending')] });
    const onProgress = ({ type }: { type: string }): void => {
      if (type === 'status') void looks['ask']?.(b.gateway);
    };
    const alone = bench({ policy: patient, sends: [reset()], polls: [state('pending')] });
    const watched = await b.clock.run(b.gateway.settle('payment.charge', charge, { onProgress }));
    const { polls } = await alone.clock.run(alone.gateway.settle('payment.charge', charge));
    expect(watched).toMatchObject({ outcome: 'unresolved', polls });
  });
});
