import ky from 'ky';
import { describe, expect, it } from 'vitest';
import {
  constant,
  createGateway,
  defineBackoff,
  isInputError,
  type Backoff,
  type ChooseBackoff,
  type Gateway,
  type GatewayEvent,
  type Policy,
  type StartingPayment,
  type Ticket,
} from '../../src/index.ts';
import { learned } from '../../src/policies/index.ts';
import { acme, type AcmeFields } from '../testing/acme.ts';
import { bench, said, state, type Bench } from '../testing/bench.ts';

const charge = { order: 'A1', amount: 100 };
const open = (backoff: Backoff | ChooseBackoff | undefined, more: Policy['poll'] = {}): Bench =>
  bench({
    sends: [said('PENDING')],
    polls: [state('pending')],
    policy: { poll: { deadlineMs: 20_000, ...(backoff && { backoff }), ...more } },
  });

/** When it asked, in milliseconds since the first send. */
const asked = ({ polls, sends }: Bench): number[] => polls.map(({ atMs }) => atMs - (sends[0]?.atMs ?? 0));

/** However a payment is brought on its way: it asks until the deadline, and is sent once. */
const doors: [string, (gateway: Gateway<AcmeFields>) => Promise<unknown>][] = [
  ['settle', gateway => gateway.settle('payment.charge', charge)],
  ['the drop-in', gateway => gateway.client.post('charge', { json: charge }).catch((error: unknown) => error)],
  [
    'fetch',
    gateway =>
      gateway
        .fetch('charge', {
          method: 'POST',
          body: JSON.stringify(charge),
          headers: { 'content-type': 'application/json' },
        })
        .catch((error: unknown) => error),
  ],
];

describe('a backoff that is chosen for a payment', () => {
  it.each(doors)('is asked for once, when the loop begins, by what is known then: %s', async (_door, pay) => {
    const payments: StartingPayment[] = [];
    const scene = open(payment => (payments.push(payment), constant(4000)));
    await scene.clock.run(pay(scene.gateway));
    expect(asked(scene)).toEqual([4000, 8000, 12_000, 16_000, 20_000]);
    expect(payments).toHaveLength(1);
    expect(payments[0]).toMatchObject({ gateway: 'acme', operation: 'payment.charge', expect: { amount: '100' } });
    expect(scene.sends).toHaveLength(1);
  });

  it('is asked for a ticket that is followed, and differs from payment to payment', async () => {
    const scene = open(({ operation }) => constant(operation === 'payment.create' ? 1000 : 7000), {
      deadlineMs: 14_000,
    });
    const { gateway, clock } = scene;
    for (const [operation, times] of [
      ['payment.create', 15],
      ['payment.charge', 3],
    ] as const) {
      scene.polls.length = 0;
      await clock.run(gateway.untilSettled(gateway.ticketFor(operation, { ...charge, order: operation })));
      expect(scene.polls).toHaveLength(times);
    }
  });

  it.each<[string, () => unknown, RegExp]>([
    [
      'throws',
      () => {
        throw new TypeError('x is not a function');
      },
      /^TypeError: x is not a function$/,
    ],
    [
      'throws with a secret in it',
      () => {
        throw new Error('no schedule for key 4711-SECRET');
      },
      /^Error$/,
    ],
    ['gives a number', () => 5000, /must be a backoff/],
    ['gives null', () => null, /must be a backoff/],
    ['is async', () => Promise.resolve(constant(1)), /must be a backoff/],
    ['is async, and rejects', () => Promise.reject(new Error('later')), /must be a backoff/],
  ])('costs no payment where the function %s: it is polled by the default, and an event says so', async (...of) => {
    const [, choose, message] = of;
    for (const [, pay] of doors) {
      const usual = open(undefined);
      await usual.clock.run(pay(usual.gateway));
      const scene = open(choose as ChooseBackoff);
      await scene.clock.run(pay(scene.gateway));
      expect(asked(scene)).toEqual(asked(usual));
      expect(scene.sends).toHaveLength(1);
      const told = scene.events.filter(event => event.type === 'backoff-not-chosen');
      expect(told).toMatchObject([{ operation: 'payment.charge', reference: { order: 'A1' } }]);
      expect(told[0]?.message).toMatch(message);
    }
  });

  it('is the default, fitted to a charge and to an order as ever, where the function gives none', async () => {
    for (const operation of ['payment.charge', 'payment.create'] as const) {
      const [usual, chosen] = [open(undefined), open(() => undefined)];
      for (const { gateway, clock } of [usual, chosen])
        await clock.run(gateway.untilSettled(gateway.ticketFor(operation, charge)));
      expect(chosen.polls.map(({ atMs }) => atMs)).toEqual(usual.polls.map(({ atMs }) => atMs));
      expect(chosen.events.filter(({ type }) => type === 'backoff-not-chosen')).toEqual([]);
    }
  });

  it('stands before the gateway’s own where the call has one, and the other way round', async () => {
    const scene = open(() => constant(9000));
    const ofTheCall = { policy: { poll: { backoff: constant(4000) } } };
    await scene.clock.run(scene.gateway.settle('payment.charge', charge, ofTheCall));
    expect(asked(scene)[0]).toBe(4000);
    const other = open(constant(4000));
    const chosen = { policy: { poll: { backoff: (): Backoff => constant(9000) } } };
    await other.clock.run(other.gateway.settle('payment.charge', charge, chosen));
    expect(asked(other)[0]).toBe(9000);
  });

  it('is kept as data by an open payment, for whatever process makes the next step', async () => {
    const times = learned({ settleTimesMs: [2000, 2500, 3000, 9000], unsettled: 1 });
    let asks = 0;
    const scene = open(() => (asks++, times), { deadlineMs: 60_000 });
    const { gateway, clock } = scene;
    const first = await clock.run(gateway.step(gateway.ticketFor('payment.charge', charge)));
    const stored = JSON.parse(JSON.stringify(first.open)) as NonNullable<typeof first.open>;
    expect(stored.state.policy.poll.backoff).toEqual(JSON.parse(JSON.stringify(times)));
    // Another process has no function at all.
    const elsewhere = bench({ polls: [state('pending')] });
    const second = await elsewhere.clock.run(elsewhere.gateway.step(stored));
    expect(second.open?.state.policy.poll.backoff).toEqual(stored.state.policy.poll.backoff);
    expect(asks).toBe(1);
  });

  it('is the default for a step where what is chosen could not be stored, and an event says so', async () => {
    const night = defineBackoff('night', () => 7000);
    const events: GatewayEvent[] = [];
    const { fetch, clock } = open(undefined);
    const make = (backoffs: Backoff[], backoff: ChooseBackoff): Gateway<AcmeFields> =>
      createGateway({
        adapter: acme(),
        client: ky.create({ fetch: fetch as typeof globalThis.fetch }),
        clock,
        backoffs,
        policy: { poll: { backoff } },
        onEvent: event => events.push(event),
      });
    const named = ({ state: { policy } }: { state: { policy: { poll: { backoff: { name: string } } } } }): string =>
      policy.poll.backoff.name;
    const ticketIn = (gateway: Gateway<AcmeFields>): Ticket => gateway.ticketFor('payment.charge', charge);
    for (const [backoffs, choose, name] of [
      [[night], () => night, 'night'],
      [[], () => night, 'growing'],
      [[], () => ({ ...night }), 'growing'],
    ] as [Backoff[], ChooseBackoff, string][]) {
      const gateway = make(backoffs, choose);
      const { open: left } = await clock.run(gateway.step(ticketIn(gateway)));
      expect(left && named(left)).toBe(name);
    }
    expect(events.filter(({ type }) => type === 'backoff-not-chosen')).toHaveLength(2);
  });

  it('is a policy that is checked at once: a text is neither a backoff nor a function, nor is a retry’s a function', () => {
    for (const policy of [{ poll: { backoff: 'often' } }, { retry: { backoff: () => constant(1) } }]) {
      let thrown: unknown;
      try {
        bench({ policy: policy as unknown as Policy });
      } catch (error) {
        thrown = error;
      }
      expect(isInputError(thrown)).toBe(true);
    }
  });
});
