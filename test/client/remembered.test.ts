import { describe, expect, it } from 'vitest';
import { constant, defineAdapter, isReferenceInUseError, type Adapter, type Ticket } from '../../src/index.ts';
import type { Intention } from '../../src/engine/intention.ts';
import { MOST_OPEN } from '../../src/engine/payment-store.ts';
import { Registry } from '../../src/engine/registry.ts';
import { createSealer } from '../../src/engine/seal.ts';
import { pollRequired, succeeded, text, textOf } from '../../src/kit/index.ts';
import type { Webhook } from '../../src/kit/webhook.ts';
import { manualClock } from '../../src/testing/manual-clock.ts';
import { acme, type AcmeFields } from '../testing/acme.ts';
import { bench, json, reset, said, state, type Bench, type Step } from '../testing/bench.ts';

/** What a gateway object has heard holds, through whichever door it came and whoever asks next. */

const charge = { order: 'A1', amount: 100 };
const policy = { retry: { attempts: 1 }, poll: { backoff: constant(1000), deadlineMs: 5000 } };

/** Whoever signs with an order tells what became of it. */
const hooked = (confirm: boolean): Adapter<AcmeFields> => {
  const webhook: Webhook = {
    confirm,
    codes: { paid: succeeded(), pending: pollRequired('processing') },
    reply: () => ({ body: 'OK' }),
    hear: ({ text: body }) => ({
      verified: true,
      operation: 'payment.charge',
      names: [textOf(JSON.parse(body), 'state') ?? ''],
      reference: { order: 'A1' },
    }),
  };
  return Object.freeze({ ...acme(), webhook });
};
const shop = (confirm: boolean, script: { sends?: Step[]; polls?: Step[]; policy?: object } = {}): Bench =>
  bench({ policy, adapter: hooked(confirm), ...script });
const notify = ({ gateway }: Bench, word = 'paid'): Promise<unknown> =>
  gateway.receive(new Request('https://shop.example/hooks', { method: 'POST', body: JSON.stringify({ state: word }) }));

describe('a notice that came while nobody waited, and needs to be confirmed', () => {
  it('of a payment that nobody has sent from here is asked about before anything is sent', async () => {
    const scene = shop(true, { sends: [said('PAID')], polls: [state('paid')] });
    await notify(scene);
    expect(await scene.clock.run(scene.gateway.settle('payment.charge', charge))).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'query',
      attempts: 0,
    });
    expect(scene.sends.length).toBe(0);
  });

  it('of a payment that had failed here makes it open again: the gateway is asked, and no new try is sent', async () => {
    const scene = shop(true, { sends: [said('DECLINED'), said('PAID')], polls: [state('paid')] });
    expect(await scene.clock.run(scene.gateway.settle('payment.charge', charge))).toMatchObject({ outcome: 'failed' });
    await notify(scene);
    await expect(scene.gateway.settle('payment.charge', { ...charge, amount: 200 })).rejects.toSatisfy(
      isReferenceInUseError,
    );
    expect(await scene.clock.run(scene.gateway.settle('payment.charge', charge))).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'query',
    });
    expect(scene.sends.length).toBe(1);
  });

  it('changes nothing of a payment whose end it repeats', async () => {
    const scene = shop(true, { sends: [said('PAID')] });
    await scene.clock.run(scene.gateway.settle('payment.charge', charge));
    await notify(scene);
    await notify(scene, 'pending');
    expect(await scene.gateway.settle('payment.charge', charge)).toMatchObject({
      outcome: 'succeeded',
      repeated: true,
    });
  });
});

describe('what is known here', () => {
  const lagging = { ...policy, poll: { ...policy.poll, absentAfterMs: 2000 } };

  it('is not forgotten by whoever follows an older ticket: what was paid is not absent', async () => {
    const scene = shop(false, { sends: [said('PAID')], polls: [state('none')], policy: lagging });
    const stored: Ticket[] = [];
    expect(
      await scene.clock.run(
        scene.gateway.settle('payment.charge', charge, { onTicket: ticket => stored.push(ticket) }),
      ),
    ).toMatchObject({ outcome: 'succeeded' });
    const old = stored.at(-1) as Ticket;
    expect(await scene.clock.run(scene.gateway.untilSettled({ ...old, seen: false }))).toMatchObject({
      outcome: 'unresolved',
    });
  });

  it('ends a loop that goes on after “absent” by the notice that says “paid”', async () => {
    const scene = shop(false, { sends: [reset()], polls: [state('none')], policy: lagging });
    expect(await scene.clock.run(scene.gateway.settle('payment.charge', charge))).toMatchObject({ outcome: 'absent' });
    const waiting = scene.gateway.settle('payment.charge', charge, {
      policy: { poll: { absentAfterMs: 60_000, deadlineMs: 120_000 } },
    });
    await scene.clock.untilQuiet();
    await notify(scene);
    expect(await scene.clock.run(waiting)).toMatchObject({ outcome: 'succeeded', settledBy: 'webhook' });
    expect(await scene.gateway.settle('payment.charge', charge)).toMatchObject({
      outcome: 'succeeded',
      repeated: true,
    });
  });

  it('is no send, where a stored ticket knows of none: whoever goes on from it calls nothing absent', async () => {
    const scene = shop(false, { sends: [reset()], polls: [state('none')], policy: lagging });
    const ticket = scene.gateway.ticketFor('payment.charge', charge);
    expect(await scene.clock.run(scene.gateway.settle('payment.charge', charge, { ticket }))).toMatchObject({
      outcome: 'unresolved',
      attempts: 0,
    });
  });
});

describe('a second caller', () => {
  const hanging = { onTicket: () => new Promise(() => undefined) };
  const throwing = {
    onTicket: () => {
      throw new Error('db');
    },
  };

  it.each([
    ['hangs', hanging],
    ['throws', throwing],
  ])('whose ticket store %s hears the end all the same', async (_how, options) => {
    const scene = shop(false, { sends: [said('PENDING')], polls: [state('paid')] });
    const first = scene.gateway.settle('payment.charge', charge);
    await scene.clock.untilQuiet();
    const joined = scene.gateway.settle('payment.charge', charge, options);
    expect(await scene.clock.run(Promise.all([first, joined]))).toMatchObject([
      { outcome: 'succeeded' },
      { outcome: 'succeeded' },
    ]);
    expect(await scene.gateway.settle('payment.charge', charge, options)).toMatchObject({
      outcome: 'succeeded',
      repeated: true,
    });
  });

  it('may have options of its own when the one who sent it has just left', async () => {
    const scene = shop(false, { sends: [said('PENDING')], polls: [state('paid')] });
    const leaving = new AbortController();
    const posting = scene.gateway.client
      .post('charge', { json: charge, signal: leaving.signal })
      .catch((error: unknown) => error);
    await scene.clock.untilQuiet();
    const joined = scene.gateway.settle('payment.charge', charge, { mayHaveBeenSent: true, newTry: false });
    leaving.abort(new Error('left'));
    await posting;
    expect(await scene.clock.run(joined)).toMatchObject({ outcome: 'succeeded' });
  });
});

describe('a drop-in call that ended before its payment was made', () => {
  const doors: [string, (scene: Bench, signal: AbortSignal, onTicket?: () => unknown) => Promise<unknown>][] = [
    [
      'client',
      ({ gateway }, signal, onTicket) =>
        gateway.client
          .post('charge', {
            json: charge,
            signal,
            ...(onTicket !== undefined && { context: { tillpaid: { onTicket } } }),
          })
          .json(),
    ],
    [
      'fetch',
      ({ gateway }, signal, onTicket) =>
        gateway.fetch('https://acme.test/api/charge', {
          method: 'POST',
          body: JSON.stringify(charge),
          headers: { 'content-type': 'application/json' },
          signal,
          ...(onTicket !== undefined && { context: { tillpaid: { onTicket } } }),
        }),
    ],
  ];

  it.each(doors)('leaves the way free for the next one: its time was over before (%s)', async (_door, call) => {
    const scene = shop(false, { sends: [said('PAID')] });
    await expect(call(scene, AbortSignal.abort('over'))).rejects.toBe('over');
    expect(await scene.clock.run(scene.gateway.settle('payment.charge', charge))).toMatchObject({
      outcome: 'succeeded',
      attempts: 1,
    });
  });

  it.each(
    doors.flatMap(([door, call]) => [null, 'db down', new Error('db')].map(error => [door, error, call] as const)),
  )('leaves the way free for the next one: its ticket could not be stored (%s, %o)', async (_door, error, call) => {
    const scene = shop(false, { sends: [said('PAID')] });
    const storing = (): never => {
      throw error;
    };
    await expect(
      scene.clock.run(
        call(scene, new AbortController().signal, storing).catch(() => Promise.reject(new Error('ended'))),
      ),
    ).rejects.toThrow('ended');
    expect(await scene.clock.run(scene.gateway.settle('payment.charge', charge))).toMatchObject({
      outcome: 'succeeded',
      attempts: 1,
    });
  });
});

it('a declared idempotency key that nothing would send is refused when the adapter is made', () => {
  const make = (idempotencyKey: { rememberedForMs: number; header?: string }): unknown =>
    defineAdapter<{ 'payment.charge': { order: string } }>({
      name: 'mill',
      account: 'shop-1',
      environment: 'sandbox',
      baseUrl: 'https://mill.test',
      encodings: ['json'],
      read: () => ({ names: [] }),
      operations: {
        'payment.charge': {
          path: '/charge',
          required: { order: text },
          codes: {},
          reference: ['order'],
          sameReference: 'replays',
          idempotencyKey,
        },
      },
    });
  expect(() => make({ rememberedForMs: 1000 })).toThrow(/idempotency key that nothing would send\. Name its header/);
  expect(make({ rememberedForMs: 1000, header: 'x-once' })).toBeDefined();
});

it('“not processed” under a status of somebody in between is not sent again', async () => {
  for (const status of [408, 421]) {
    const scene = bench({
      policy,
      sends: [() => json({ code: 'BUSY' }, { status }), said('PAID')],
      polls: [state('paid')],
    });
    expect(await scene.clock.run(scene.gateway.settle('payment.charge', charge))).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'query',
    });
    expect(scene.sends.length).toBe(1);
  }
});

describe('a payment of which notices alone are known here', () => {
  const plain = hooked(true);
  /** It answers a second send under the same key with the first one's result, and the payer needs that answer. */
  const keyed: Adapter<AcmeFields> = {
    ...plain,
    webhook: {
      ...(plain.webhook as Webhook),
      hear: () => ({
        verified: true,
        operation: 'payment.create',
        names: ['pending'],
        reference: { order: 'A1', id: 'P9' },
      }),
    },
    operations: {
      ...plain.operations,
      'payment.create': {
        ...plain.operations['payment.create'],
        sameReference: 'replays',
        idempotencyKey: { rememberedForMs: 86_400_000, header: 'x-key' },
      } as Adapter['operations'][string],
    },
  };

  it.each([
    'a notice',
    'a follower',
  ])('is sent again under the key of its stored ticket, which knows the send; what %s has shown is added', async how => {
    const earlier = bench({ policy, adapter: keyed, sends: [reset()], polls: [state('pending')] });
    const { ticket } = await earlier.clock.run(earlier.gateway.settle('payment.create', charge));
    earlier.clock.advance(1000);

    const scene = bench({
      policy,
      adapter: keyed,
      sends: [said('CREATED', { url: 'https://pay.test/A1' })],
      polls: [state('open', { id: 'P9' })],
    });
    if (how === 'a notice') await notify(scene, 'pending');
    else {
      const following = scene.gateway.untilSettled(scene.gateway.ticketFor('payment.create', charge));
      expect(await scene.clock.run(following)).toMatchObject({ outcome: 'unresolved' });
    }
    const settlement = await scene.clock.run(scene.gateway.settle('payment.create', charge, { ticket }));
    expect(settlement).toMatchObject({ outcome: 'created', answer: { url: 'https://pay.test/A1' } });
    expect(settlement.ticket).toMatchObject({
      seen: true,
      openedAt: ticket.openedAt,
      reference: { ...ticket.reference, id: 'P9' },
    });
    expect(scene.sends.map(({ headers }) => headers.get('x-key'))).toEqual([ticket.reference['idempotencyKey']]);
  });

  it.each([
    true,
    false,
  ])('is not sent under a new key where its ticket lacks the one that it was sent under; noticed: %s', async isNoticed => {
    for (const shown of ['open', 'none']) {
      const scene = bench({ policy, adapter: keyed, sends: [said('CREATED')], polls: [state(shown)] });
      if (isNoticed) await notify(scene, 'pending');
      const { reference, ...rest } = scene.gateway.ticketFor('payment.create', charge);
      const ticket = { ...rest, reference: { order: reference['order'] ?? '' } };
      const settlement = await scene.clock.run(scene.gateway.settle('payment.create', charge, { ticket }));
      expect(settlement).toMatchObject({ outcome: shown === 'open' ? 'created' : 'unresolved', attempts: 0 });
      expect(settlement).not.toHaveProperty('cause');
      expect(scene.sends.length).toBe(0);
    }
  });

  it('keeps the key under which it was sent from here, whatever ticket comes with the next call', async () => {
    const scene = bench({
      policy,
      adapter: keyed,
      sends: [reset(), said('CREATED')],
      polls: [reset(), reset(), state('open')],
    });
    const first = await scene.clock.run(
      scene.gateway.settle('payment.create', charge, { policy: { poll: { deadlineMs: 500 } } }),
    );
    expect(first).toMatchObject({ outcome: 'unresolved' });
    const ticket = scene.gateway.ticketFor('payment.create', charge);
    await scene.clock.run(scene.gateway.settle('payment.create', charge, { ticket }));
    const keys = scene.sends.map(({ headers }) => headers.get('x-key'));
    expect(keys).toEqual([1, 2].map(() => first.ticket.reference['idempotencyKey']));
  });
});

it('no more payments are begun than may be left open: those that run count as those that were left open do', async () => {
  const clock = manualClock();
  const adapter = acme();
  const registry = new Registry(
    adapter,
    clock,
    createSealer(undefined, () => clock.now()),
  );
  const { gateway } = bench();
  const ticket = gateway.ticketFor('payment.charge', charge);
  const wanted = { ticket, digest: 'fields', newTry: false };
  const ends: (() => void)[] = [];
  const begin = (number: number, exposed: boolean): void => {
    const ending = Promise.withResolvers<never>();
    ends.push(() => ending.reject(new Error('left')));
    const operation = adapter.operations['payment.charge'];
    const intention = { operation, ticket, exposed, sends: true } as unknown as Intention;
    const loop = { digest: 'fields', intention, done: ending.promise, endsWithCallers: true, callers: 1 };
    registry.begin(`order ${number}`, loop);
  };
  for (let number = 0; number < MOST_OPEN; number++) begin(number, number === 0);
  expect(() => registry.admit('one more', wanted)).toThrow(/100000 payments are open here/);
  // One is left open, and asked about by a loop of its own: it counts once.
  ends[0]?.();
  await clock.untilQuiet();
  expect(() => registry.admit('one more', wanted)).toThrow(/100000 payments are open here/);
  begin(0, true);
  ends[1]?.();
  await clock.untilQuiet();
  expect(registry.admit('one more', wanted)).toMatchObject({ type: 'fresh' });
});
