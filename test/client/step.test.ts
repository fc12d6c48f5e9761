import ky from 'ky';
import { describe, expect, it } from 'vitest';
import {
  constant,
  createGateway,
  defineBackoff,
  exponential,
  growing,
  isInputError,
  isTicketError,
  steps,
  type Adapter,
  type Backoff,
  type Gateway,
  type GatewayOptions,
  type OpenPayment,
  type AskPolicy,
  type Policy,
  type Settlement,
  type Ticket,
} from '../../src/index.ts';
import { retryable } from '../../src/kit/index.ts';
import { acme, type AcmeFields } from '../testing/acme.ts';
import { bench, hang, json, reset, said, state, type Bench, type Step } from '../testing/bench.ts';

/** One step at a time, whoever keeps the state and wherever the next step is made. */

const charge = { order: 'A1', amount: 100 };
const policy: Policy = { poll: { backoff: constant(1000), deadlineMs: 10_000 } };

type Scene = Bench & { readonly another: (more?: Partial<GatewayOptions<AcmeFields>>) => Gateway<AcmeFields> };

function scene(polls: Step[], script: Parameters<typeof bench>[0] = {}): Scene {
  const world = bench({ policy, ...script, polls });
  const client = ky.create({ fetch: world.fetch as typeof globalThis.fetch });
  const another: Scene['another'] = (more = {}) =>
    createGateway<AcmeFields>({
      adapter: script.adapter ?? acme(),
      client,
      clock: world.clock,
      fetchSendsOnce: true,
      policy: script.policy ?? policy,
      onEvent: event => world.events.push(event),
      ...more,
    });
  return { ...world, another };
}

const stored = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

const later = ({ clock }: Bench, delayMs: number): Promise<void> =>
  new Promise(resolve => clock.timer(delayMs, resolve));

/** An engine: its state goes through JSON, and its process ends, after every step. */
async function drive(
  world: Scene,
  from: Ticket | OpenPayment,
  given: { more?: Partial<GatewayOptions<AcmeFields>>; first?: AskPolicy; atMost?: number } = {},
): Promise<Settlement> {
  let at = from;
  for (let count = 0; count < (given.atMost ?? 1000); count++) {
    const options = count === 0 && given.first !== undefined ? { policy: given.first } : {};
    const step = await world.another(given.more).step(stored(at), options);
    if (step.done !== undefined) return step.done;
    await later(world, step.dueInMs);
    at = step.open;
  }
  throw new Error('it never ends');
}

const open = async (world: Scene, given: Ticket | OpenPayment): Promise<OpenPayment> => {
  const step = await world.clock.run(world.another().step(given));
  if (step.open === undefined) throw new Error('it is over');
  return stored(step.open);
};

const ticketOf = ({ gateway }: Bench, operation: 'payment.charge' | 'payment.create' = 'payment.charge'): Ticket =>
  gateway.ticketFor(operation, charge);

const refusal = async (run: () => Promise<unknown>): Promise<unknown> =>
  run().then(
    () => expect.unreachable('it was taken'),
    (error: unknown) => error,
  );

const aged = (world: Bench, agoMs: number): Ticket => ({
  ...ticketOf(world, 'payment.create'),
  openedAt: new Date(world.clock.now() - agoMs).toISOString(),
  lastSentAt: new Date(world.clock.now() - agoMs).toISOString(),
});

describe('a step', () => {
  it('is one status query, and tells when to come again', async () => {
    const world = scene([state('pending'), state('paid')]);
    const first = await world.clock.run(world.gateway.step(ticketOf(world)));
    expect([first.dueInMs, first.open?.dueAt, world.polls.length]).toEqual([
      1000,
      new Date(world.clock.now() + 1000).toISOString(),
      1,
    ]);
    expect(first.open?.ticket).toMatchObject({ seen: true, polls: 1 });
    await world.clock.run(later(world, 1000));
    const second = await world.clock.run(world.gateway.step(stored(first.open ?? expect.unreachable())));
    expect(second.done).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'query',
      polls: 2,
      elapsedMs: 1000,
      ticket: { polls: 2 },
    });
    expect([world.polls.length, world.sends.length]).toEqual([2, 0]);
  });

  it('before its time asks nothing and waits for nothing', async () => {
    const world = scene([state('pending'), state('paid')]);
    const left = await open(world, ticketOf(world));
    await world.clock.run(later(world, 400));
    const early = await world.gateway.step(left);
    expect([early.dueInMs, early.open?.dueAt, world.polls.length, world.clock.pending]).toEqual([
      600,
      left.dueAt,
      1,
      0,
    ]);
  });

  it('that got no answer leaves it open', async () => {
    const world = scene([reset(), hang, state('paid')], {
      policy: { poll: { backoff: constant(1000), deadlineMs: 60_000 } },
    });
    expect(await world.clock.run(drive(world, ticketOf(world)))).toMatchObject({ outcome: 'succeeded', polls: 3 });
  });

  it('never sends a write, whatever the query says', async () => {
    for (const sameReference of ['replays', 'unknown'] as const) {
      const believing = {
        poll: { backoff: constant(1000), deadlineMs: 20_000, absentAfterMs: 5000, resendWhenAbsent: true },
      };
      const world = scene([state('none')], { adapter: acme({ sameReference }), policy: believing });
      expect(await world.clock.run(drive(world, aged(world, 60_000)))).toMatchObject({ outcome: 'absent' });
      expect(world.sends).toEqual([]);
    }
  });

  it('ends promptly when its signal aborts, with the reason of that', async () => {
    const world = scene([hang]);
    const controller = new AbortController();
    world.clock.timer(100, () => controller.abort('closing time'));
    await expect(world.clock.run(world.gateway.step(ticketOf(world), { signal: controller.signal }))).rejects.toBe(
      'closing time',
    );
    expect(world.clock.pending).toBe(0);
  });

  it('tells its lines and its ticket as it learns', async () => {
    const world = scene([state('pending', { id: 'P9' })]);
    const lines: string[] = [];
    const tickets: Ticket[] = [];
    const step = await world.clock.run(
      world.gateway.step(ticketOf(world), {
        onProgress: ({ type }) => lines.push(type),
        onTicket: ticket => tickets.push(ticket),
      }),
    );
    expect(lines).toEqual(['ask', 'status']);
    expect(tickets).toMatchObject([{ reference: { id: 'P9' }, seen: true }]);
    expect(step.open?.ticket).toEqual(tickets[0]);
  });
});

describe('step by step, each in a process of its own', () => {
  const pending = state('pending');
  it.each<[string, { polls: Step[]; policy?: Policy; from?: (world: Bench) => Ticket }]>([
    ['a charge', { polls: [pending, pending, pending, state('paid')] }],
    ['a charge at the usual pace', { polls: [pending, reset(), pending, pending, state('declined')], policy: {} }],
    ['a charge that is never known', { polls: [pending] }],
    [
      'an order of half an hour',
      {
        polls: [state('open')],
        policy: {},
        from: world => ({
          ...ticketOf(world, 'payment.create'),
          expiresAt: new Date(world.clock.now() + 1_800_000).toISOString(),
        }),
      },
    ],
    [
      'an order that is nowhere',
      {
        polls: [state('none')],
        policy: { poll: { backoff: growing(), absentAfterMs: 100_000, deadlineMs: 200_000 } },
        from: world => aged(world, 50_000),
      },
    ],
    [
      'a gateway that wants to hear nothing',
      {
        polls: [
          () => json({ state: 'BUSY' }, { status: 429, headers: { 'retry-after': '3' } }),
          pending,
          state('paid'),
        ],
        policy: { poll: { backoff: steps([200, 900]) } },
      },
    ],
    [
      'a gateway that wants to hear nothing for too long',
      { polls: [() => json({ state: 'BUSY' }, { status: 429, headers: { 'retry-after': '300' } })] },
    ],
    [
      'queries that are refused',
      {
        polls: [state('REFUSED')],
        policy: { poll: { backoff: exponential({ baseMs: 100, maxMs: 5000, jitter: 'none' }) } },
      },
    ],
    [
      'queries that are refused in between',
      {
        polls: [state('REFUSED'), state('REFUSED'), pending, state('REFUSED'), state('REFUSED'), state('paid')],
        policy: { poll: { backoff: constant(1000), deadlineMs: Infinity } },
      },
    ],
  ])('it asks when untilSettled would, and says what that would say: %s', async (_what, {
    from = ticketOf,
    ...script
  }) => {
    const [loop, engine] = [scene(script.polls, script), scene(script.polls, script)];
    const followed = await loop.clock.run(loop.gateway.untilSettled(from(loop)));
    const driven = await engine.clock.run(drive(engine, from(engine)));
    expect(engine.polls.map(({ atMs }) => atMs)).toEqual(loop.polls.map(({ atMs }) => atMs));
    const facts = ({
      outcome,
      verdict,
      settledBy,
      polls,
      elapsedMs,
      ticket,
      body,
      reference,
    }: Settlement): unknown => ({ outcome, verdict, settledBy, polls, elapsedMs, ticket, body, reference });
    expect(facts(driven)).toEqual(facts(followed));
  });

  it('no restart makes the deadline later or sooner', async () => {
    const world = scene([state('pending')], { policy: { poll: { backoff: constant(4000), deadlineMs: 10_000 } } });
    const startMs = world.clock.now();
    expect(await world.clock.run(drive(world, ticketOf(world)))).toMatchObject({
      outcome: 'unresolved',
      elapsedMs: 10_000,
      polls: 4,
    });
    expect(world.polls.map(({ atMs }) => atMs - startMs)).toEqual([0, 4000, 8000, 10_000]);
  });

  it('one that comes hours late asks one last question, and believes it', async () => {
    for (const [last, outcome] of [
      [state('paid'), 'succeeded'],
      [state('pending'), 'unresolved'],
    ] as const) {
      const world = scene([state('pending'), last]);
      const left = await open(world, ticketOf(world));
      await world.clock.run(later(world, 5 * 3_600_000));
      expect((await world.clock.run(world.another().step(left))).done).toMatchObject({ outcome, polls: 2 });
      expect(world.polls.length).toBe(2);
    }
  });

  it('no clock that is set back makes it wait longer than was decided', async () => {
    const world = scene([state('pending'), state('paid')]);
    const left = await open(world, ticketOf(world));
    const setBack = { ...left, dueAt: new Date(world.clock.now() + 86_400_000).toISOString() };
    const early = await world.another().step(setBack);
    expect(early.dueInMs).toBe(1000);
    await world.clock.run(later(world, 1000));
    expect(
      (await world.clock.run(world.another().step(stored(early.open ?? expect.unreachable())))).done,
    ).toMatchObject({ outcome: 'succeeded' });
  });

  it('the policy is that of the first step, whatever the gateway of the next one has', async () => {
    const world = scene([state('pending'), state('pending'), state('pending'), state('paid')]);
    const startMs = world.clock.now();
    const settlement = await world.clock.run(
      drive(world, ticketOf(world), {
        first: { poll: { backoff: steps([100, 300, 700]), deadlineMs: 60_000 } },
        more: { policy: { poll: { backoff: constant(5), deadlineMs: 50 } } },
      }),
    );
    expect([settlement.outcome, world.polls.map(({ atMs }) => atMs - startMs)]).toEqual([
      'succeeded',
      [0, 100, 400, 1100],
    ]);
  });

  it('a later policy is refused, since it would have no effect', async () => {
    const world = scene([state('pending')]);
    const left = await open(world, ticketOf(world));
    const error = await refusal(() => world.gateway.step(left, { policy: { poll: { deadlineMs: 5 } } }));
    expect([isInputError(error), String(error)]).toEqual([
      true,
      expect.stringMatching(/keeps the policy of its first step.*step\(open\.ticket\)/),
    ]);
  });
});

describe('a backoff of the user’s own', () => {
  const own = (): Backoff => defineBackoff('slower and slower', ({ step }) => step * 500);
  const following: AskPolicy = { poll: { backoff: own(), deadlineMs: 60_000 } };

  it('is found by its name, in whatever process', async () => {
    const world = scene([state('pending'), state('pending'), state('pending'), state('paid')]);
    const startMs = world.clock.now();
    await world.clock.run(drive(world, ticketOf(world), { first: following, more: { backoffs: [constantly, own()] } }));
    expect(world.polls.map(({ atMs }) => atMs - startMs)).toEqual([0, 500, 1500, 3000]);
  });

  const constantly = defineBackoff('constantly', () => 1);

  it('is refused before anything is asked where nobody could find it again', async () => {
    const world = scene([state('pending')]);
    for (const backoff of [own(), { ...constant(5), delayMs: () => 7 }]) {
      const error = await refusal(() => world.gateway.step(ticketOf(world), { policy: { poll: { backoff } } }));
      expect([isInputError(error), String(error)]).toEqual([true, expect.stringMatching(/createGateway\(\{ backoffs/)]);
    }
    expect(world.polls).toEqual([]);
  });

  it('is refused where it is missing later, and asks nothing', async () => {
    const world = scene([state('pending')]);
    const left = await world.clock.run(
      world.another({ backoffs: [own()] }).step(ticketOf(world), { policy: following }),
    );
    await world.clock.run(later(world, 1000));
    const error = await refusal(() => world.another().step(stored(left.open ?? expect.unreachable())));
    expect([isInputError(error), String(error)]).toEqual([
      true,
      expect.stringMatching(/no "slower and slower" here.*createGateway\(\{ backoffs/),
    ]);
    expect(world.polls.length).toBe(1);
  });

  it('may be anything in settle and untilSettled, which store nothing', async () => {
    const world = scene([state('pending'), state('paid')]);
    expect(
      await world.clock.run(
        world.gateway.untilSettled(ticketOf(world), {
          policy: { poll: { backoff: { ...constant(5), delayMs: () => 7 } } },
        }),
      ),
    ).toMatchObject({ outcome: 'succeeded', elapsedMs: 7 });
  });

  it.each([
    [[constant(5), constant(6)]],
    [[{ ...constant(5), delayMs: () => 7 }]],
    [[own(), own()]],
    [5],
    [[null]],
  ])('createGateway refuses backoffs that cannot be told apart by a name: %#', backoffs => {
    expect(() => scene([]).another({ backoffs: backoffs as Backoff[] })).toThrow(/backoffs must be a list of backoffs/);
  });
});

describe('what is stored', () => {
  it('is plain JSON, and small', async () => {
    const world = scene([state('pending')], { policy: { poll: { deadlineMs: Infinity } } });
    const step = await world.clock.run(world.gateway.step(ticketOf(world)));
    expect(stored(step.open)).toEqual(step.open);
    expect(structuredClone(step.open)).toEqual(step.open);
    expect(JSON.stringify(step.open).length).toBeLessThan(1000);
  });

  it.each<[string, (open: OpenPayment) => object, RegExp]>([
    ['of another version', left => ({ ...left, version: 2 }), /its version is 2, known is 1.*step\(open\.ticket\)/],
    ['without a version', ({ version: _none, ...left }) => left, /its version is missing/],
    ['of another gateway', left => ({ ...left, ticket: { ...left.ticket, gateway: 'other' } }), /of gateway other/],
    ['of another account', left => ({ ...left, ticket: { ...left.ticket, account: 'shop-2' } }), /of account shop-2/],
    ['without a ticket', left => ({ ...left, ticket: null }), /Not a ticket/],
    ['without a state', ({ state: _none, ...left }) => left, /its state is missing/],
    [
      'with a count that is none',
      left => ({ ...left, state: { ...left.state, notFounds: -1 } }),
      /state\.notFounds is not what it was/,
    ],
    ['with half a state', left => ({ ...left, state: { polls: 5 } }), /state\.\w+ is not what it was/],
    ['without a time', left => ({ ...left, dueAt: 'soon' }), /when it is due/],
  ])('is refused %s, and nothing is asked', async (_what, change, message) => {
    const world = scene([state('pending')]);
    const left = await open(world, ticketOf(world));
    await world.clock.run(later(world, 1000));
    const error = await refusal(() => world.gateway.step(change(left) as OpenPayment));
    expect([isTicketError(error), String(error)]).toEqual([true, expect.stringMatching(message)]);
    expect(world.polls.length).toBe(1);
  });

  it('is taken from a later release that has added to it', async () => {
    const world = scene([state('pending'), state('paid')]);
    const left = await open(world, ticketOf(world));
    await world.clock.run(later(world, 1000));
    const newer = {
      ...left,
      note: 'new',
      state: {
        ...left.state,
        more: 1,
        policy: { ...left.state.policy, poll: { ...left.state.policy.poll, fresh: true } },
      },
    };
    expect((await world.clock.run(world.gateway.step(newer))).done).toMatchObject({ outcome: 'succeeded' });
  });

  it('is sealed where tickets are, and refused when anything in it was changed', async () => {
    const ticketSeal = { key: 'a made-up key of more than 32 characters' };
    const world = scene([state('none')], {
      policy: { poll: { backoff: constant(1000), absentAfterMs: 9000, deadlineMs: 10_000 } },
    });
    const sealed = world.another({ ticketSeal });
    const fresh = world.another({ ticketSeal }).ticketFor('payment.charge', charge);
    const left = stored((await world.clock.run(sealed.step(fresh))).open ?? expect.unreachable());
    expect(left.seal).toMatch(/^[0-9a-f]{64}$/);
    expect(left.ticket.seal).toMatch(/^[0-9a-f]{64}$/);
    await world.clock.run(later(world, 1000));
    const reordered = Object.fromEntries(Object.entries(left).reverse()) as unknown as OpenPayment;
    expect((await world.clock.run(sealed.step(reordered))).open).toBeDefined();
    const changed: object[] = [
      { ...left, state: { ...left.state, notFounds: 5 } },
      {
        ...left,
        state: {
          ...left.state,
          policy: { ...left.state.policy, poll: { ...left.state.policy.poll, absentAfterMs: 0 } },
        },
      },
      { ...left, dueAt: new Date(0).toISOString() },
      { ...left, seal: undefined },
      { ...left, seal: left.ticket.seal },
      { ...left, more: 1 },
    ];
    for (const each of changed) {
      const error = await refusal(() => sealed.step(each as OpenPayment));
      expect([isTicketError(error), String(error)]).toEqual([
        true,
        expect.stringMatching(/open payment (?:has no seal|is not as it was sealed)/),
      ]);
    }
    expect(world.polls.length).toBe(2);
  });
});

describe('what a step finds out', () => {
  it('is known to whoever settles the same in this process: nothing is sent', async () => {
    const world = scene([state('pending'), state('paid')], { sends: [said('PAID')] });
    const { gateway, clock } = world;
    const first = await clock.run(gateway.step(ticketOf(world)));
    await clock.run(later(world, 1000));
    expect((await clock.run(gateway.step(first.open ?? expect.unreachable()))).done).toMatchObject({
      outcome: 'succeeded',
    });
    expect(await clock.run(gateway.settle('payment.charge', charge))).toMatchObject({
      outcome: 'succeeded',
      repeated: true,
    });
    expect(world.sends).toEqual([]);
  });

  it.each([
    'step',
    'ask',
  ] as const)('undoes what was called absent here, by %s: the order is there, and not sent again', async way => {
    const believing: Policy = {
      poll: { backoff: constant(1000), absentAfterMs: 3000, deadlineMs: 8000, resendWhenAbsent: true },
      retry: { attempts: 1 },
    };
    let isThere = false;
    const answer: Step = (request, signal) => {
      const step = state(isThere ? 'pending' : 'none');
      return typeof step === 'function' ? step(request, signal) : step instanceof Error ? Promise.reject(step) : step;
    };
    const world = scene([answer], { sends: [reset(), said('PAID')], policy: believing });
    const { gateway, clock } = world;
    const absent = await clock.run(gateway.settle('payment.charge', charge));
    expect(absent).toMatchObject({ outcome: 'absent' });
    const asked = async (): Promise<unknown> => {
      if (way === 'ask') return gateway.ask(absent.ticket);
      const { open: left, dueInMs } = await gateway.step(absent.ticket);
      await later(world, dueInMs ?? 0);
      return gateway.step(left ?? expect.unreachable());
    };
    isThere = true;
    await clock.run(asked());
    isThere = false;
    expect(await clock.run(gateway.settle('payment.charge', charge))).toMatchObject({ outcome: 'unresolved' });
    expect(world.sends.length).toBe(1);
  });
});

describe('a query that never left', () => {
  it('is not counted, in a loop or from step to step', async () => {
    let fails = 2;
    const { gateway, clock, polls } = bench({
      polls: [state('pending'), state('paid')],
      policy,
      client: fetch =>
        ky.create({
          fetch: fetch as typeof globalThis.fetch,
          hooks: {
            beforeRequest: [
              () => {
                if (fails-- > 0) throw new Error('no proxy');
              },
            ],
          },
        }),
    });
    let at: Ticket | OpenPayment = gateway.ticketFor('payment.charge', charge);
    for (;;) {
      const step: Awaited<ReturnType<typeof gateway.step>> = await clock.run(gateway.step(stored(at)));
      if (step.done !== undefined) {
        expect([step.done.outcome, step.done.polls, polls.length]).toEqual(['succeeded', 2, 2]);
        break;
      }
      await clock.run(later({ clock } as Bench, step.dueInMs));
      at = step.open;
    }
    fails = 1;
    polls.length = 0;
    const other = gateway.ticketFor('payment.charge', { ...charge, order: 'A2' });
    const settlement = await clock.run(gateway.untilSettled(other));
    expect([settlement.polls, polls.length]).toEqual([2, 2]);
  });
});

describe('a token that a query was refused for', () => {
  const withTokens = (renewed: boolean[]): Adapter<AcmeFields> => {
    const { operations, ...plain } = acme();
    const query = operations['payment.query'];
    const codes = {
      ...(query?.codes as object),
      TOKEN: retryable('authentication', { remedy: 'reauthenticate' as const }),
    };
    return {
      ...plain,
      operations: { ...operations, 'payment.query': { ...query, codes } },
      headers: ({ reauthenticate }: { reauthenticate: boolean }) => (renewed.push(reauthenticate), {}),
    } as Adapter<AcmeFields>;
  };

  it('is renewed by the next step, which is due at once, in whatever process; and once', async () => {
    const renewed: boolean[] = [];
    const world = scene([state('TOKEN'), state('TOKEN'), state('paid')], { adapter: withTokens(renewed) });
    const startMs = world.clock.now();
    expect(await world.clock.run(drive(world, ticketOf(world)))).toMatchObject({ outcome: 'succeeded' });
    expect(renewed).toEqual([false, true, false]);
    expect(world.polls.map(({ atMs }) => atMs - startMs)).toEqual([0, 0, 1000]);
  });
});
