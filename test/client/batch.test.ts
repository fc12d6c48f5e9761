import ky, { type KyInstance } from 'ky';
import { describe, expect, it } from 'vitest';
// Loads in real time, which no manual clock waits for: here it is there from the start.
import '../../src/engine/batch.ts';
import {
  constant,
  createGateway,
  isInputError,
  responseOf,
  type Gateway,
  type GatewayEvent,
  type GatewayOptions,
  type OpenPayment,
  type Policy,
  type Settlement,
  type Ticket,
} from '../../src/index.ts';
import { retryable } from '../../src/kit/index.ts';
import { memoryJournal } from '../../src/journal/memory.ts';
import { createWorker } from '../../src/journal/worker.ts';
import { manualClock, type ManualClock } from '../../src/testing/index.ts';
import { acme, acmeBatch, type AcmeFields } from '../testing/acme.ts';
import { json, reset, type Step } from '../testing/bench.ts';

/** Status queries that share a request. */

interface Query {
  readonly atMs: number;
  readonly orders: readonly string[];
  readonly headers: Headers;
}

interface Scene {
  readonly clock: ManualClock;
  readonly gateway: Gateway<AcmeFields>;
  /** What each order is by now. One that is not there is not found. */
  readonly states: Map<string, string>;
  readonly queries: Query[];
  readonly sends: string[];
  readonly events: GatewayEvent[];
  /** How requests for several orders are answered, in order; the last one goes on. Default: as they should be. */
  answers: Step[];
  readonly another: (more?: Partial<GatewayOptions<AcmeFields>>) => Promise<Gateway<AcmeFields>>;
}

type Fetch = (request: Request) => Promise<Response>;

const every = constant(2000);

const rowOf = (states: ReadonlyMap<string, string>, order: string): object => ({
  order,
  state: states.get(order) ?? 'none',
});

async function scene(
  policy: Policy = {},
  more: Partial<GatewayOptions<AcmeFields>> = {},
  clientOf = (fetch: Fetch): KyInstance => ky.create({ fetch: fetch as typeof globalThis.fetch }),
): Promise<Scene> {
  const clock = manualClock();
  const startMs = clock.now();
  const states = new Map<string, string>();
  const queries: Query[] = [];
  const sends: string[] = [];
  const events: GatewayEvent[] = [];
  const answers: Step[] = [];
  const fetch = async (request: Request): Promise<Response> => {
    const { order } = (await request.clone().json()) as { order: string };
    if (!request.url.endsWith('/query')) {
      sends.push(order);
      return json({ code: 'PENDING', order });
    }
    const orders = order.split(',');
    queries.push({ atMs: clock.now() - startMs, orders, headers: request.headers });
    const told = orders.length > 1 ? (world.answers.length > 1 ? world.answers.shift() : world.answers[0]) : undefined;
    if (told instanceof Error) throw told;
    if (told !== undefined) return told instanceof Response ? told.clone() : told(request, request.signal);
    if (orders.length === 1) return json(rowOf(states, order));
    return json({ rows: orders.filter(each => states.has(each)).map(each => rowOf(states, each)), more: false });
  };
  const another: Scene['another'] = async (given = {}) => {
    const gateway = createGateway<AcmeFields>({
      adapter: acme({ batch: acmeBatch }),
      client: clientOf(fetch),
      clock,
      fetchSendsOnce: true,
      policy: { ...policy, poll: { backoff: every, deadlineMs: 60_000, batch: true, ...policy.poll } },
      onEvent: event => events.push(event),
      ...more,
      ...given,
    });
    await loaded();
    return gateway;
  };
  const world: Scene = { clock, gateway: await another(), states, queries, sends, events, answers, another };
  return world;
}

const loaded = (): Promise<void> => new Promise(resolve => void setTimeout(resolve, 1));

const after = (clock: ManualClock, delayMs: number): Promise<void> =>
  new Promise(resolve => void clock.timer(delayMs, resolve));

const ticketOf = (gateway: Gateway<AcmeFields>, order: string): Ticket =>
  gateway.ticketFor('payment.create', { order, amount: 5 });

const following = ({ gateway }: Scene, orders: readonly string[], signal?: AbortSignal): Promise<Settlement>[] =>
  orders.map(order => gateway.untilSettled(ticketOf(gateway, order), signal === undefined ? {} : { signal }));

const named = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, index) => `A${from + index}`);

const asked = ({ queries }: Scene): [number, string][] => queries.map(({ atMs, orders }) => [atMs, orders.join(',')]);

const shared = ({ timeline }: Settlement): (number | undefined)[] =>
  timeline.flatMap(fact => (fact.type === 'ask' ? [fact.sharedBy] : []));

describe('payments that are asked about at about the same time', () => {
  it('share one request, and each hears its own end', async () => {
    const world = await scene();
    const ends = { A1: 'paid', A2: 'failed', A3: 'canceled', A4: 'open' };
    for (const [order, state] of Object.entries(ends)) world.states.set(order, state);
    const all = following(world, Object.keys(ends));
    const [paid, failed, canceled] = await world.clock.run(Promise.all(all.slice(0, 3)));
    expect([paid, failed, canceled].map(end => end?.outcome)).toEqual(['succeeded', 'failed', 'canceled']);
    expect(asked(world)).toEqual([[250, 'A1,A2,A3,A4']]);
    expect(paid).toMatchObject({ settledBy: 'query', polls: 1, reference: { merchant: 'A1' }, ticket: { polls: 1 } });
    expect(shared(paid ?? expect.unreachable())).toEqual([4]);
    // What is left of them goes on alone.
    world.states.set('A4', 'paid');
    expect(await world.clock.run(all[3] ?? expect.unreachable())).toMatchObject({ outcome: 'succeeded', polls: 2 });
    expect(asked(world).slice(1)).toEqual([[2500, 'A4']]);
    expect(world.clock.pending).toBe(0);
  });

  it('and nothing of another payment is in a settlement, in its response or in a timeline', async () => {
    const world = await scene();
    for (const order of ['A1', 'A2']) world.states.set(order, 'paid');
    const [one] = await world.clock.run(Promise.all(following(world, ['A1', 'A2'])));
    expect(one?.body).toEqual({ rows: [{ order: 'A1', state: 'paid' }] });
    const response = responseOf(one ?? expect.unreachable());
    expect(await response?.json()).toEqual(one?.body);
    expect(response?.headers.get('content-length')).toBe(null);
    expect(JSON.stringify(one)).not.toContain('A2');
    expect(
      JSON.stringify(world.events.filter(event => 'reference' in event && event.reference['order'] === 'A1')),
    ).not.toContain('A2');
  });

  it('are as many to a request as the adapter allows, or the policy', async () => {
    const world = await scene({ poll: { batch: { most: 3 } } });
    const orders = named(1, 7);
    for (const order of orders) world.states.set(order, 'paid');
    await world.clock.run(Promise.all(following(world, orders)));
    expect(asked(world)).toEqual([
      [0, 'A1,A2,A3'],
      [0, 'A4,A5,A6'],
      [250, 'A7'],
    ]);
  });

  it('take one slot of the limit together', async () => {
    const world = await scene({ limit: { concurrency: 1 } });
    const orders = named(1, 40);
    for (const order of orders) world.states.set(order, 'paid');
    await world.clock.run(Promise.all(following(world, orders)));
    expect(world.queries).toHaveLength(1);
  });

  it('wait for each other no longer than the policy says, and one alone is asked about as ever', async () => {
    const world = await scene({ poll: { batch: { windowMs: 700 } } });
    world.states.set('A1', 'paid');
    const [end] = await world.clock.run(Promise.all(following(world, ['A1'])));
    expect(asked(world)).toEqual([[700, 'A1']]);
    expect(shared(end ?? expect.unreachable())).toEqual([undefined]);
    expect(end?.body).toEqual({ order: 'A1', state: 'paid' });
  });

  it('share it whatever they are: a write, its cancel and a follower, each by its own rules', async () => {
    const world = await scene();
    world.states.set('A1', 'canceled').set('A2', 'paid');
    const cancel = world.gateway.untilSettled(world.gateway.ticketFor('payment.cancel', { order: 'A1' }));
    const [of1, of2, canceled] = await world.clock.run(Promise.all([...following(world, ['A1', 'A2']), cancel]));
    expect([of1, of2, canceled].map(end => end?.outcome)).toEqual(['canceled', 'succeeded', 'succeeded']);
    expect(asked(world)).toEqual([[250, 'A1,A2']]);
  });

  it('do not share it where `poll.batch` is not set', async () => {
    const world = await scene({ poll: { batch: false } });
    for (const order of ['A1', 'A2']) world.states.set(order, 'paid');
    await world.clock.run(Promise.all(following(world, ['A1', 'A2'])));
    expect(asked(world)).toEqual([
      [0, 'A1'],
      [0, 'A2'],
    ]);
  });
});

describe('a request for several payments, where the account has few', () => {
  it('waits as the most urgent of them', async () => {
    const world = await scene({ limit: { perSecond: 1 }, poll: { batch: { windowMs: 10_000 } } });
    for (const order of ['A1', 'C1', 'Y1', 'Y2', 'Y3']) world.states.set(order, 'paid');
    const old = { ...ticketOf(world.gateway, 'A1'), openedAt: new Date(world.clock.now() - 600_000).toISOString() };
    const all: Promise<unknown>[] = [
      world.gateway.untilSettled(old),
      world.gateway.settle('payment.charge', { order: 'C1', amount: 5 }),
    ];
    await world.clock.run(after(world.clock, 1900));
    // Orders that are asked about alone: one has the permit, and two wait before the payer at the till comes.
    for (const order of ['Y1', 'Y2', 'Y3']) all.push(world.gateway.ask(ticketOf(world.gateway, order)));
    await world.clock.run(Promise.all(all));
    expect(world.queries.map(({ orders }) => orders.join())).toEqual(['Y1', 'A1,C1', 'Y2', 'Y3']);
  });

  it('is no failure of sharing when its turn does not come, however often', async () => {
    const world = await scene({
      ...{ attemptTimeoutMs: 1000, limit: { perMinute: 1 } },
      poll: { deadlineMs: 5000, backoff: constant(10_000) },
    });
    const ends: string[] = [];
    await world.clock.run(world.gateway.ask(ticketOf(world.gateway, 'the permit')));
    for (const orders of [named(1, 2), named(3, 4), named(5, 6), named(7, 8)])
      ends.push(
        ...(await world.clock.run(Promise.all(following(world, orders)))).map(
          ({ outcome, verdict: { code } }) => `${outcome} ${code}`,
        ),
      );
    expect(ends).toEqual(Array.from({ length: 8 }, () => 'unresolved limit'));
    expect(world.queries).toHaveLength(1);
    await world.clock.run(after(world.clock, 60_000));
    for (const order of ['B1', 'B2']) world.states.set(order, 'paid');
    await world.clock.run(Promise.all(following(world, ['B1', 'B2'])));
    expect(world.queries.slice(1).map(({ orders }) => orders.join())).toEqual(['B1,B2']);
    expect(world.events.filter(({ type }) => type === 'batch-off')).toEqual([]);
  });
});

describe('one with little time', () => {
  it('leaves those who wait for a turn of the limit, is asked about alone, and costs the others nothing', async () => {
    const world = await scene({
      ...{ attemptTimeoutMs: 1000, limit: { perMinute: 3 } },
      poll: { deadlineMs: 300_000 },
    });
    const orders = named(1, 20);
    for (const order of orders) world.states.set(order, 'paid');
    for (let permit = 1; permit <= 3; permit++)
      await world.clock.run(world.gateway.ask(ticketOf(world.gateway, `P${permit}`)));
    const [short = '', ...others] = orders;
    const all = [
      world.gateway.untilSettled(ticketOf(world.gateway, short), { policy: { poll: { deadlineMs: 5000 } } }),
      ...following(world, others),
    ];
    const [first, ...rest] = await world.clock.run(Promise.all(all));
    expect(first?.verdict.code).toBe('limit');
    expect(rest.map(({ outcome, polls }) => [outcome, polls])).toEqual(others.map(() => ['succeeded', 1]));
    expect(world.queries.at(-1)?.orders.length).toBeGreaterThan(18);
  });
});

describe('somebody who waits at a till', () => {
  const charged = (world: Scene, order: string): Promise<Settlement> =>
    world.gateway.settle('payment.charge', { order, amount: 5 });

  it('waits for nobody', async () => {
    const world = await scene();
    world.states.set('C1', 'paid');
    const end = await world.clock.run(charged(world, 'C1'));
    const without = await scene({ poll: { batch: false } });
    without.states.set('C1', 'paid');
    const usual = await without.clock.run(charged(without, 'C1'));
    expect([end.outcome, end.elapsedMs]).toEqual(['succeeded', usual.elapsedMs]);
    expect(world.sends).toEqual(['C1']);
  });

  it('takes along those that wait already', async () => {
    const world = await scene({ poll: { batch: { windowMs: 10_000 } } });
    for (const order of ['A1', 'A2', 'C1']) world.states.set(order, 'paid');
    const all = [...following(world, ['A1', 'A2']), charged(world, 'C1')];
    await world.clock.run(Promise.all(all));
    expect(asked(world)).toEqual([[2000, 'A1,A2,C1']]);
  });

  it('shares with others who are asked about at the very same time, as after a restart', async () => {
    const world = await scene();
    const orders = named(1, 20);
    for (const order of orders) world.states.set(order, 'paid');
    await world.clock.run(Promise.all(orders.map(order => charged(world, order))));
    expect(asked(world)).toEqual([[2000, orders.join(',')]]);
  });

  it('waits like everybody once half a minute is over', async () => {
    const world = await scene({ poll: { deadlineMs: 120_000 } });
    world.states.set('C1', 'pending');
    const end = charged(world, 'C1');
    await world.clock.run(after(world.clock, 29_000));
    const early = world.queries.map(({ atMs }) => atMs);
    expect(early).toEqual(early.map(atMs => Math.ceil(atMs / 2000) * 2000));
    await world.clock.run(after(world.clock, 5000));
    expect(world.queries.at(-1)?.atMs).toBe(32_500);
    world.states.set('C1', 'paid');
    await world.clock.run(end);
  });
});

describe('an order that the answer does not show', () => {
  it('is asked about alone, in the same turn', async () => {
    const world = await scene();
    world.states.set('A1', 'paid').set('A2', 'paid');
    world.answers = [json({ rows: [{ order: 'A1', state: 'paid' }], more: false })];
    const [, second] = await world.clock.run(Promise.all(following(world, ['A1', 'A2'])));
    expect(asked(world)).toEqual([
      [250, 'A1,A2'],
      [250, 'A2'],
    ]);
    expect(second).toMatchObject({ outcome: 'succeeded', polls: 1, ticket: { polls: 1 } });
    expect(shared(second ?? expect.unreachable())).toEqual([2, undefined]);
  });

  it('is not absent by that, nor by a row that says so: only its own query may tell, and nothing is sent again', async () => {
    const world = await scene({ poll: { absentAfterMs: 3000, resendWhenAbsent: true, deadlineMs: 60_000 } });
    world.states.set('A2', 'open');
    world.answers = [
      json({ rows: [{ order: 'A2', state: 'open' }], more: false }),
      json({ rows: ['A1', 'A2'].map(order => ({ order, state: order === 'A1' ? 'none' : 'open' })), more: false }),
    ];
    const single = new Set<string>();
    // Its own query never says "not found".
    world.states.set('A1', 'pending');
    const all = Promise.all(
      ['A1', 'A2'].map(order =>
        world.gateway.untilSettled(ticketOf(world.gateway, order), {
          onProgress: entry => entry.type === 'status' && single.add(entry.verdict.reason),
        }),
      ),
    );
    await world.clock.run(after(world.clock, 20_000));
    expect(single).toEqual(new Set(['processing', 'awaiting-payer']));
    expect(world.queries.filter(({ orders }) => orders.join() === 'A1').length).toBeGreaterThan(5);
    world.answers = [];
    world.states.set('A1', 'paid').set('A2', 'paid');
    expect((await world.clock.run(all)).map(({ outcome }) => outcome)).toEqual(['succeeded', 'succeeded']);
    expect(world.sends).toEqual([]);
  });

  it('is asked about alone only after the time for which the answer wants no query, and then alone', async () => {
    const world = await scene();
    world.states.set('A1', 'pending');
    world.answers = [
      json({ rows: [rowOf(world.states, 'A1')], more: false }, { headers: { 'retry-after': '5' } }),
      json({ rows: [rowOf(world.states, 'A1')], more: false }),
    ];
    const ended = Promise.all(following(world, ['A1', 'A2']));
    await world.clock.run(after(world.clock, 6_000));
    world.states.set('A1', 'paid').set('A2', 'paid');
    world.answers = [];
    await world.clock.run(ended);
    const queries = asked(world);
    expect(queries[0]?.[1]).toBe('A1,A2');
    const first = queries[0]?.[0] ?? NaN;
    expect(queries.slice(1).every(([atMs]) => atMs >= first + 5_000)).toBe(true);
    expect(queries.slice(1).find(([, orders]) => orders.includes('A2'))?.[1]).toBe('A2');
  });

  it('is absent after as many queries of its own, and as late, as without sharing', async () => {
    const absent = async (batch: boolean): Promise<[string, number]> => {
      const world = await scene({ poll: { batch, absentAfterMs: 3000 } });
      world.states.set('A2', 'open');
      const ticket = { ...ticketOf(world.gateway, 'A1'), lastSentAt: new Date(world.clock.now()).toISOString() };
      const company = world.gateway.untilSettled(ticketOf(world.gateway, 'A2'));
      const end = await world.clock.run(world.gateway.untilSettled(ticket));
      world.states.set('A2', 'paid');
      await world.clock.run(company);
      return [end.outcome, world.queries.filter(({ orders }) => orders.join() === 'A1').length];
    };
    expect(await absent(true)).toEqual(await absent(false));
    expect((await absent(true))[0]).toBe('absent');
  });
});

describe('a request for several payments that fails', () => {
  const orders = named(1, 30);

  it.each<[string, Step]>([
    ['is lost', reset()],
    ['is answered by a proxy', new Response('<html>Bad Gateway</html>', { status: 502 })],
    ['meets a gateway that is busy', json({ code: 'BUSY' })],
    ['is answered by a page that nobody can read', new Response('<html>', { status: 200 })],
  ])('because it %s is a lost query for each, and no herd of others', async (_title, answer) => {
    const world = await scene();
    for (const order of orders) world.states.set(order, 'paid');
    world.answers = [answer, () => json({ rows: orders.map(order => rowOf(world.states, order)), more: false })];
    const all = await world.clock.run(Promise.all(following(world, orders)));
    expect(new Set(all.map(({ outcome, polls }) => `${outcome} ${polls}`))).toEqual(new Set(['succeeded 2']));
    expect(world.queries.map(({ atMs, orders: of }) => [atMs, of.length])).toEqual([
      [250, 30],
      [2500, 30],
    ]);
  });

  it('with Retry-After is heeded by each of them', async () => {
    const world = await scene();
    for (const order of orders) world.states.set(order, 'paid');
    world.answers = [
      new Response('', { status: 429, headers: { 'retry-after': '20' } }),
      () => json({ rows: orders.map(order => rowOf(world.states, order)), more: false }),
    ];
    await world.clock.run(Promise.all(following(world, orders)));
    expect(world.queries.map(({ atMs, orders: of }) => [atMs, of.length])).toEqual([
      [250, 30],
      [20_500, 30],
    ]);
  });

  it('and is refused with Retry-After leads to one query for each, not before that', async () => {
    const world = await scene();
    for (const order of ['A1', 'A2', 'A3']) world.states.set(order, 'paid');
    world.answers = [json({ code: 'NO_LISTS' }, { status: 400, headers: { 'retry-after': '5' } })];
    const settled = await world.clock.run(Promise.all(following(world, ['A1', 'A2', 'A3'])));
    expect(settled.map(({ outcome }) => outcome)).toEqual(['succeeded', 'succeeded', 'succeeded']);
    const [first = [NaN], ...others] = asked(world);
    expect(others.map(([, orders]) => orders).sort()).toEqual(['A1', 'A2', 'A3']);
    expect(Math.min(...others.map(([atMs]) => atMs))).toBeGreaterThanOrEqual(first[0] + 5_000);
  });

  it('three times in a row is given up for half a minute, and then for twice as long', async () => {
    const world = await scene({ poll: { deadlineMs: 600_000 } });
    for (const order of ['A1', 'A2']) world.states.set(order, 'open');
    world.answers = [reset()];
    const all = Promise.all(following(world, ['A1', 'A2']));
    await world.clock.run(after(world.clock, 120_000));
    const together = world.queries.filter(({ orders: of }) => of.length > 1).map(({ atMs }) => atMs);
    expect(together.length).toBe(5);
    const off = world.events.filter(event => event.type === 'batch-off');
    expect(off.map(({ code, forMs, operation }) => [code, forMs, operation])).toEqual([
      ['network/ECONNRESET', 30_000, 'payment.query'],
      ['network/ECONNRESET', 60_000, 'payment.query'],
      ['network/ECONNRESET', 120_000, 'payment.query'],
    ]);
    // Meanwhile each of them was asked about alone.
    expect(world.queries.filter(({ orders: of }) => of.join() === 'A1').length).toBeGreaterThan(30);
    world.answers = [];
    for (const order of ['A1', 'A2']) world.states.set(order, 'paid');
    await world.clock.run(all);
  });

  it('because the gateway refuses it leads to one query for each at once, and to none together for ten minutes', async () => {
    const world = await scene({ poll: { deadlineMs: 1_800_000 } });
    for (const order of ['A1', 'A2', 'A3']) world.states.set(order, 'open');
    world.answers = [json({ code: 'REFUSED' }, { status: 400 })];
    const all = Promise.all(following(world, ['A1', 'A2', 'A3']));
    await world.clock.run(after(world.clock, 300));
    expect(asked(world)).toEqual([
      [250, 'A1,A2,A3'],
      [250, 'A1'],
      [250, 'A2'],
      [250, 'A3'],
    ]);
    expect(world.events.filter(({ type }) => type === 'batch-off')).toEqual([
      {
        ...{ type: 'batch-off', at: '2026-01-01T00:00:00.250Z', elapsedMs: 0, gateway: 'acme' },
        ...{ operation: 'payment.query', reference: {}, code: 'REFUSED', forMs: 600_000 },
      },
    ]);
    world.answers = [];
    await world.clock.run(after(world.clock, 599_000));
    expect(world.queries.filter(({ orders: of }) => of.length > 1)).toHaveLength(1);
    await world.clock.run(after(world.clock, 10_000));
    expect(world.queries.filter(({ orders: of }) => of.length > 1).length).toBeGreaterThan(1);
    for (const order of ['A1', 'A2', 'A3']) world.states.set(order, 'paid');
    await world.clock.run(all);
  });

  it.each<[string, () => Response]>([
    ['is refused', () => json({ code: 'REFUSED' }, { status: 400 })],
    ['shows no rows', () => json({ rows: [], more: false })],
  ])('and %s lets a thousand go on one after another, not all at once', async (_title, answer) => {
    const world = await scene({
      limit: { concurrency: Infinity },
      poll: { backoff: constant(60_000), deadlineMs: 70_000 },
    });
    const orders = named(1, 1000);
    for (const order of orders) world.states.set(order, 'paid');
    world.answers = [answer];
    const all = await world.clock.run(Promise.all(following(world, orders)));
    expect(new Set(all.map(({ outcome }) => outcome))).toEqual(new Set(['succeeded']));
    expect(all[999]?.polls).toBe(1);
    const alone = world.queries.filter(({ orders: of }) => of.length === 1);
    expect(alone).toHaveLength(1000);
    const perSecond = Map.groupBy(alone, ({ atMs }) => Math.floor(atMs / 1000));
    expect(Math.max(...[...perSecond.values()].map(({ length }) => length))).toBeLessThan(100);
  });

  it('leaves those who wait for their place afterwards free to stop', async () => {
    const world = await scene();
    world.answers = [json({ code: 'REFUSED' }, { status: 400 })];
    const controller = new AbortController();
    const all = Promise.allSettled(following(world, named(1, 50), controller.signal));
    await world.clock.run(after(world.clock, 300));
    controller.abort();
    expect((await all).every(({ status }) => status === 'rejected')).toBe(true);
    expect(world.queries.filter(({ orders }) => orders.length === 1).length).toBeLessThan(30);
    expect(world.clock.pending).toBe(0);
  });

  it('for its token is made once more with another, for all of them', async () => {
    const tokens: boolean[] = [];
    const adapter = acme({ batch: acmeBatch });
    const query = adapter.operations['payment.query'] ?? expect.unreachable();
    const codes = { ...(query.codes as object), TOKEN: retryable('authentication', { remedy: 'reauthenticate' }) };
    const world = await scene(
      {},
      {
        adapter: {
          ...adapter,
          operations: { ...adapter.operations, 'payment.query': { ...query, codes } },
          headers: ({ reauthenticate, memory }) => {
            tokens.push(reauthenticate, memory.has('token'));
            memory.set('token', 'T1');
            return {};
          },
        },
      },
    );
    for (const order of ['A1', 'A2']) world.states.set(order, 'paid');
    world.answers = [
      json({ code: 'TOKEN' }, { status: 401 }),
      () => json({ rows: ['A1', 'A2'].map(order => rowOf(world.states, order)), more: false }),
    ];
    const all = await world.clock.run(Promise.all(following(world, ['A1', 'A2'])));
    expect(all.map(({ outcome, polls }) => [outcome, polls])).toEqual([
      ['succeeded', 1],
      ['succeeded', 1],
    ]);
    expect([world.queries.length, tokens]).toEqual([2, [false, false, true, true]]);
  });
});

describe('who leaves', () => {
  it('leaves the others alone', async () => {
    const world = await scene();
    for (const order of ['A1', 'A2', 'A3']) world.states.set(order, 'paid');
    const caller = new AbortController();
    const [one] = following(world, ['A1'], caller.signal);
    const others = Promise.all(following(world, ['A2', 'A3']));
    const gone = expect(one).rejects.toBe('gone');
    await world.clock.run(after(world.clock, 100));
    caller.abort('gone');
    await gone;
    expect((await world.clock.run(others)).map(({ outcome }) => outcome)).toEqual(['succeeded', 'succeeded']);
    expect(asked(world)).toEqual([[250, 'A2,A3']]);
  });

  it('while the request is on the wire ends it only as the last one', async () => {
    const world = await scene();
    let wire: AbortSignal | undefined;
    world.answers = [
      (_request, signal) => {
        wire = signal;
        return hanging(signal);
      },
    ];
    const callers = [new AbortController(), new AbortController()];
    const gone = Promise.allSettled(callers.flatMap(({ signal }, index) => following(world, [`A${index}`], signal)));
    await world.clock.run(after(world.clock, 300));
    callers[0]?.abort('one');
    await after0();
    expect(wire?.aborted).toBe(false);
    callers[1]?.abort('two');
    expect(await gone).toEqual(['one', 'two'].map(reason => ({ status: 'rejected', reason })));
    await after0();
    expect(wire?.aborted).toBe(true);
    expect(world.clock.pending).toBe(0);
  });

  it('is no failure of sharing, however often', async () => {
    const world = await scene();
    world.answers = [
      (_request, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as Error));
        }),
    ];
    for (const orders of [named(1, 2), named(3, 4), named(5, 6)]) {
      const controller = new AbortController();
      const all = Promise.allSettled(following(world, orders, controller.signal));
      await world.clock.run(after(world.clock, 500));
      controller.abort();
      await world.clock.run(all);
    }
    expect(world.queries.map(({ orders }) => orders.length)).toEqual([2, 2, 2]);
    expect(world.events.filter(({ type }) => type === 'batch-off')).toEqual([]);
  });

  it('before anybody was asked about leaves no timer behind', async () => {
    const world = await scene();
    const caller = new AbortController();
    const gone = Promise.allSettled(following(world, ['A1', 'A2'], caller.signal));
    await world.clock.run(after(world.clock, 100));
    caller.abort('closing');
    await gone;
    expect([world.queries.length, world.clock.pending]).toEqual([0, 0]);
  });
});

const hanging = (signal: AbortSignal): Promise<Response> =>
  new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));

const after0 = (): Promise<void> => new Promise(resolve => void setImmediate(resolve));

describe('the last query before the deadline', () => {
  it('is made alone and in time, whatever the others do', async () => {
    const world = await scene({ attemptTimeoutMs: 1000, poll: { deadlineMs: 9000, backoff: constant(3000) } });
    for (const order of ['A1', 'A2']) world.states.set(order, 'open');
    const all = await world.clock.run(Promise.all(following(world, ['A1', 'A2'])));
    expect(all.map(({ outcome, elapsedMs }) => [outcome, elapsedMs])).toEqual([
      ['unresolved', 9000],
      ['unresolved', 9000],
    ]);
    expect(world.queries.slice(-2).map(({ atMs, orders }) => [atMs, orders.length])).toEqual([
      [9000, 1],
      [9000, 1],
    ]);
  });
});

describe('the client’s road', () => {
  it('is taken once for all of them: headers and hooks of the client go with the one request', async () => {
    let runs = 0;
    const world = await scene({}, {}, fetch =>
      ky.create({
        fetch: fetch as typeof globalThis.fetch,
        headers: { 'x-shop': 'one' },
        hooks: { beforeRequest: [({ request }) => request.headers.set('x-run', String(++runs))] },
      }),
    );
    for (const order of ['A1', 'A2']) world.states.set(order, 'paid');
    await world.clock.run(Promise.all(following(world, ['A1', 'A2'])));
    expect(world.queries.map(({ headers }) => [headers.get('x-shop'), headers.get('x-run')])).toEqual([['one', '1']]);
  });

  it.each<[string, () => Response]>([
    [
      'throws',
      () => {
        throw new Error('no egress token');
      },
    ],
    ['answers for the gateway', () => json({ rows: [{ order: 'A1', state: 'paid' }], more: false })],
  ])('that has a hook which %s is then taken by each alone', async (_title, answer) => {
    let runs = 0;
    const world = await scene({}, {}, fetch =>
      ky.create({
        fetch: fetch as typeof globalThis.fetch,
        hooks: { beforeRequest: [() => (++runs === 1 ? answer() : undefined)] },
      }),
    );
    for (const order of ['A1', 'A2']) world.states.set(order, 'paid');
    const all = await world.clock.run(Promise.all(following(world, ['A1', 'A2'])));
    expect(all.map(({ outcome }) => outcome)).toEqual(['succeeded', 'succeeded']);
    expect(asked(world)).toEqual([
      [250, 'A1'],
      [250, 'A2'],
    ]);
  });

  it('of a drop-in call is its own: it shares nothing', async () => {
    const world = await scene();
    for (const order of ['A1', 'A2']) world.states.set(order, 'paid');
    const calls = ['A1', 'A2'].map(order => world.gateway.client.post('charge', { json: { order, amount: 5 } }));
    await world.clock.run(Promise.all(calls));
    expect(world.queries.map(({ orders }) => orders.length)).toEqual([1, 1]);
  });

  it('is taken alone by `ask`, which asks now', async () => {
    const world = await scene();
    for (const order of ['A1', 'A2']) world.states.set(order, 'paid');
    const all = ['A1', 'A2'].map(order => world.gateway.ask(ticketOf(world.gateway, order)));
    await world.clock.run(Promise.all(all));
    expect(asked(world)).toEqual([
      [0, 'A1'],
      [0, 'A2'],
    ]);
  });
});

const thrown = (): never => {
  throw new TypeError('it is broken');
};

describe('an adapter of the user’s own whose batch query', () => {
  const broken: [string, Partial<typeof acmeBatch>][] = [
    ['cannot make the fields', { fields: () => thrown() }],
    ['cannot read the answer', { part: () => thrown() }],
    ['gives what is no JSON', { part: () => ({ rows: [{ amount: 1n }] }) }],
    ['gives the rows of others', { part: body => body }],
    ['gives the row of another', { part: () => ({ rows: [{ order: 'A9', state: 'paid' }] }) }],
    ['gives nothing that can be read', { part: () => 'paid' }],
    ['keeps all of them apart', { fields: orders => (orders.length > 1 ? undefined : {}) }],
  ];

  it.each(broken)('%s costs a query, and no payment', async (_title, part) => {
    const world = await scene({}, { adapter: acme({ batch: { ...acmeBatch, ...part } }) });
    world.states.set('A1', 'paid').set('A2', 'failed');
    const all = await world.clock.run(Promise.all(following(world, ['A1', 'A2'])));
    expect(all.map(({ outcome }) => outcome)).toEqual(['succeeded', 'failed']);
    const faults = world.events.filter(({ type }) => type === 'adapter-fault');
    expect(faults.length > 0).toBe(/cannot|no JSON/.test(_title));
  });
});

describe('steps', () => {
  const stored = (value: OpenPayment | undefined): OpenPayment =>
    JSON.parse(JSON.stringify(value ?? expect.unreachable())) as OpenPayment;

  it('that are made together share a request, through JSON and another object', async () => {
    const world = await scene();
    const orders = named(1, 20);
    for (const order of orders) world.states.set(order, 'open');
    const first = await world.clock.run(
      Promise.all(orders.map(order => world.gateway.step(ticketOf(world.gateway, order)))),
    );
    expect(world.queries.map(({ orders: of }) => of.length)).toEqual([20]);
    for (const order of orders) world.states.set(order, 'paid');
    await world.clock.run(after(world.clock, 2000));
    const other = await world.another();
    const open = first.map(step => stored(step.open));
    expect(JSON.stringify(open)).not.toContain('batch');
    const second = await world.clock.run(Promise.all(open.map(each => other.step(each))));
    expect(second.map(({ done }) => done?.outcome)).toEqual(orders.map(() => 'succeeded'));
    expect(world.queries.map(({ orders: of }) => of.length)).toEqual([20, 20]);
  });

  it('go on by the gateway that makes them: an open payment says nothing of sharing', async () => {
    const world = await scene();
    for (const order of ['A1', 'A2']) world.states.set(order, 'open');
    const alone = await world.another({ policy: { poll: { backoff: every, deadlineMs: 60_000 } } });
    const steps = await world.clock.run(Promise.all(['A1', 'A2'].map(order => alone.step(ticketOf(alone, order)))));
    await world.clock.run(after(world.clock, 2000));
    const open = steps.map(step => stored(step.open));
    await world.clock.run(Promise.all(open.map(each => world.gateway.step(each))));
    expect(world.queries.map(({ orders }) => orders.length)).toEqual([1, 1, 2]);
  });

  it('of a worker share requests: many due rows, few queries', async () => {
    const world = await scene();
    const journal = memoryJournal({ clock: world.clock });
    const gateway = await world.another({ journal });
    const orders = named(1, 30);
    const callers = new AbortController();
    const begun = orders.map(order =>
      gateway.settle('payment.create', { order, amount: 5 }, { signal: callers.signal }).catch(() => undefined),
    );
    await world.clock.run(after(world.clock, 100));
    callers.abort('closing');
    await Promise.all(begun);
    for (const order of orders) world.states.set(order, 'paid');
    world.queries.length = 0;
    const ends: string[] = [];
    const worker = createWorker({
      ...{ gateways: [gateway], journal, clock: world.clock, ratePerSecond: 1000, concurrency: 30 },
      onSettled: ({ outcome }) => ends.push(outcome),
    });
    worker.start();
    await world.clock.run(after(world.clock, 600_000));
    await world.clock.run(worker.stop());
    expect(ends).toEqual(orders.map(() => 'succeeded'));
    expect(world.queries.length).toBeLessThanOrEqual(3);
    expect(world.sends).toHaveLength(30);
  });
});

describe('the policy of sharing', () => {
  const make = (policy: unknown, adapter = acme({ batch: acmeBatch })): unknown =>
    createGateway<AcmeFields>({ adapter, policy: policy as Policy });
  const refusal = (run: () => unknown): string => {
    try {
      run();
    } catch (error) {
      if (isInputError(error)) return error.message;
      throw error;
    }
    return 'taken';
  };

  it.each<[unknown, RegExp]>([
    ['yes', /poll\.batch must be true, false or \{ windowMs, most \}; got yes/],
    [[], /poll\.batch must be true, false/],
    [null, /poll\.batch must be true, false/],
    [{ windowMs: -1 }, /poll\.batch\.windowMs/],
    [{ windowMs: '1s' }, /poll\.batch\.windowMs/],
    [{ most: 1 }, /poll\.batch\.most must be 2 or more/],
    [{ most: 2.5 }, /poll\.batch\.most must be a whole number/],
    [{ window: 5 }, /there is no poll\.batch\.window\. Known: windowMs, most/],
  ])('%j is refused at once', (batch, message) => {
    expect(refusal(() => make({ poll: { batch } }))).toMatch(message);
  });

  it.each([true, false, {}, { windowMs: 0 }, { most: Infinity }, { windowMs: 10, most: 2 }])('%j is taken', batch => {
    expect(refusal(() => make({ poll: { batch } }))).toBe('taken');
  });

  it('is refused for a provider that answers about one payment at a time, and for one call', async () => {
    expect(refusal(() => make({ poll: { batch: true } }, acme()))).toBe(
      'policy: poll.batch has no effect, since acme answers about one payment at a time: leave it out.',
    );
    const { gateway } = await scene();
    const policy: object = { poll: { batch: false } };
    await expect(gateway.untilSettled(ticketOf(gateway, 'A1'), { policy })).rejects.toThrow(
      /poll\.batch has no effect on one call/,
    );
  });

  it('needs an adapter whose batch query can be', () => {
    expect(refusal(() => acme({ batch: { ...acmeBatch, most: 1 } }))).toMatch(/`most` is not 2 or more/);
    expect(refusal(() => acme({ batch: { ...acmeBatch, operation: 'payment.list' } }))).toMatch(
      /asked about by payment\.list, which is not an operation/,
    );
  });
});
