import ky from 'ky';
import { describe, expect, it } from 'vitest';
// Loads with the first notice, in real time, which no manual clock waits for: here it is there from the start.
import '../../src/client/receive.ts';
import { zalopay } from '../../src/adapters/zalopay/index.ts';
import { zalopayNotice, zalopayVoice } from '../../src/adapters/zalopay/simulator.ts';
import {
  createGateway,
  isInputError,
  type GatewayEvent,
  type NoticesEvent,
  type OpenPayment,
  type Policy,
  type Settlement,
  type Ticket,
} from '../../src/index.ts';
import { lives, manualClock, simulateGateway, type Life, type ManualClock } from '../../src/testing/index.ts';
import { sleep } from '../../src/testing/sleep.ts';
import { acme } from '../testing/acme.ts';

const account = { appId: 2553, key1: 'key-of-requests', key2: 'key-of-callbacks' };
const SECOND_MS = 1000;
const MINUTE_MS = 60_000;
/** ZaloPay's orders live for a quarter of an hour. */
const LIFE_MS = 15 * MINUTE_MS;
const startMs = Date.UTC(2026, 0, 1);
/** Ten ends that are known; what was over before the first notice came is not. */
const ENOUGH = 11;

const openShop = (policy: Policy = { poll: { notices: true } }) => {
  const clock = manualClock();
  const bank = simulateGateway({ voice: zalopayVoice(account), clock, lives: { create: lives.open() } });
  const events: GatewayEvent[] = [];
  const gateway = createGateway({
    adapter: zalopay({ ...account, environment: 'sandbox' }),
    client: ky.create({ fetch: bank.fetch }),
    policy,
    clock,
    onEvent: event => events.push(event),
  });
  let count = 0;
  const order = async (life: Life = lives.open()): Promise<Ticket> => {
    const app_trans_id = `260101_2553_${count++}`;
    bank.script(app_trans_id, { life });
    const fields = { app_trans_id, app_user: 'user-7', amount: 50_000, description: 'Tea for two' };
    const created = await gateway.settle('payment.create', fields);
    if (created.outcome !== 'created') throw new Error(`it ended ${created.outcome}`);
    return created.ticket;
  };
  const notify = async (
    { reference: { app_trans_id = '' } }: Pick<Ticket, 'reference'>,
    as = account,
  ): Promise<boolean> => {
    const entry = bank.ledger.payment(app_trans_id);
    if (entry === undefined) throw new Error('there is no such order');
    return (await clock.during(gateway.receive(zalopayNotice(as, entry, clock.now())))).verified;
  };
  /** An order that is paid, followed to its end. `noticeAfterMs`: its notice comes so long after. */
  const sell = async (paidAfterMs: number, noticeAfterMs?: number): Promise<Settlement> => {
    const ticket = await order(lives.paidAfter(paidAfterMs));
    if (noticeAfterMs !== undefined) clock.timer(paidAfterMs + noticeAfterMs, () => void notify(ticket));
    return gateway.untilSettled(ticket);
  };
  /** So many, each half a minute after the one before, whose notices come. */
  const sellWithNotices = async (times: number): Promise<void> => {
    for (let index = 0; index < times; index++) {
      await sell(5000, 2 * SECOND_MS);
      await sleep(clock, 25 * SECOND_MS);
    }
  };
  const changes = (): NoticesEvent[] => events.filter(event => event.type === 'notices');
  const queriesOf = ({ reference }: Pick<Ticket, 'reference'>): number[] =>
    bank.requests
      .filter(({ act, reference: number }) => act === 'query' && number === reference['app_trans_id'])
      .map(({ atMs }) => atMs);
  return { clock, bank, gateway, order, notify, sell, sellWithNotices, changes, queriesOf };
};

type Shop = ReturnType<typeof openShop>;

const trusting = async (policy?: Policy): Promise<Shop> => {
  const shop = openShop(policy);
  await shop.clock.run(shop.sellWithNotices(ENOUGH));
  expect(shop.changes()).toMatchObject([{ trusted: true }]);
  return shop;
};

const pause = (clock: ManualClock, forMs: number): Promise<unknown> => clock.run(sleep(clock, forMs));

/** Follows without waiting for the end. */
const follow = ({ gateway }: Shop, tickets: readonly Ticket[]): Promise<Settlement[]> =>
  Promise.all(tickets.map(ticket => gateway.untilSettled(ticket)));

describe('while notices come', () => {
  it('the first payments are asked about as usual, until enough notices have come', async () => {
    const [told, untold] = [openShop(), openShop({})];
    for (const { clock, sellWithNotices } of [told, untold]) await clock.run(sellWithNotices(ENOUGH - 1));
    expect(told.bank.requests).toEqual(untold.bank.requests);
    expect(told.changes()).toEqual([]);
    await told.clock.run(told.sellWithNotices(1));
    expect(told.changes()).toEqual([
      {
        type: 'notices',
        at: expect.any(String) as string,
        elapsedMs: 0,
        gateway: 'zalopay',
        operation: 'payment.create',
        reference: {},
        trusted: true,
        text: expect.stringMatching(/asked about rarely/) as string,
      },
    ]);
  });

  it('a payment that is followed is not asked about before its notice usually comes, and rarely then', async () => {
    const [shop, usual] = [await trusting(), openShop({})];
    const queries: number[] = [];
    for (const each of [shop, usual]) {
      const ticket = await each.clock.run(each.order());
      const openedMs = each.clock.now();
      await each.clock.run(each.gateway.untilSettled(ticket));
      queries.push(each.queriesOf(ticket).length);
      if (each === shop) expect(each.queriesOf(ticket)[0]).toBeGreaterThanOrEqual(openedMs + 20 * SECOND_MS);
    }
    const [rarely = 0, often = 0] = queries;
    expect(rarely).toBeLessThanOrEqual(often / 2);
  });

  it('it costs no query at all where its notice comes', async () => {
    const shop = await trusting();
    const settlement = await shop.clock.run(shop.sell(8000, SECOND_MS));
    expect(settlement).toMatchObject({ outcome: 'succeeded', settledBy: 'webhook', polls: 0, elapsedMs: 9000 });
  });

  it('an order that nobody pays ends when it would have ended, with the query at its deadline', async () => {
    const ends: unknown[] = [];
    for (const shop of [await trusting(), openShop({})]) {
      const ticket = await shop.clock.run(shop.order());
      const openedMs = shop.clock.now();
      const { outcome, elapsedMs } = await shop.clock.run(shop.gateway.untilSettled(ticket));
      ends.push([outcome, elapsedMs, (shop.queriesOf(ticket).at(-1) ?? 0) - openedMs]);
    }
    expect(ends[0]).toEqual(ends[1]);
    expect(ends[0]).toEqual(['unresolved', LIFE_MS + MINUTE_MS, LIFE_MS + MINUTE_MS]);
  });

  it.each([1, 30, 200, 800])('one that is paid after %d s is found though its notice is lost', async seconds => {
    const shop = await trusting();
    const settlement = await shop.clock.run(shop.sell(seconds * SECOND_MS));
    expect(settlement).toMatchObject({ outcome: 'succeeded', settledBy: 'query' });
    expect(settlement.elapsedMs).toBeLessThanOrEqual(LIFE_MS + MINUTE_MS);
    expect(settlement.elapsedMs - seconds * SECOND_MS).toBeLessThanOrEqual(
      Math.max(20_000, 0.5 * seconds * SECOND_MS) * 1.3,
    );
  });

  it('a ticket that was left alone is asked about at once all the same', async () => {
    const shop = await trusting();
    const ticket = await shop.clock.run(shop.order(lives.paidAfter(SECOND_MS)));
    await pause(shop.clock, 5 * MINUTE_MS);
    const settlement = await shop.clock.run(shop.gateway.untilSettled(ticket));
    expect(settlement.elapsedMs).toBeLessThanOrEqual(5000);
  });

  it('a charge in the call keeps its pace', async () => {
    const polls: number[][] = [];
    for (const shop of [await trusting(), openShop({})]) {
      const fields = { app_trans_id: '260101_2553_9999', zp_trans_token: 'token', pay_token: 'token' };
      const from = shop.clock.now();
      shop.bank.script('260101_2553_9999', { life: lives.open() });
      await shop.clock.run(shop.gateway.settle('payment.charge', fields as never).catch(() => undefined));
      polls.push(shop.bank.requests.filter(({ atMs }) => atMs >= from).map(({ atMs }) => atMs - from));
    }
    expect(polls[0]).toEqual(polls[1]);
  });

  it('a call may go without them', async () => {
    const shop = await trusting();
    const ticket = await shop.clock.run(shop.order());
    const openedMs = shop.clock.now();
    await shop.clock.run(shop.gateway.untilSettled(ticket, { policy: { poll: { notices: false } } }));
    expect(shop.queriesOf(ticket)[0]).toBeLessThan(openedMs + 10 * SECOND_MS);
  });
});

describe('when notices stop', () => {
  it('that is noticed by the payments that queries find, and said', async () => {
    const shop = await trusting();
    for (let index = 0; index < 3; index++) await shop.clock.run(shop.sell(5000));
    expect(shop.changes()).toMatchObject([
      { trusted: true },
      { trusted: false, text: expect.stringMatching(/usual pace/) as string },
    ]);
    const ticket = await shop.clock.run(shop.order());
    const openedMs = shop.clock.now();
    await shop.clock.run(shop.gateway.untilSettled(ticket));
    expect(shop.queriesOf(ticket)[0]).toBeLessThan(openedMs + 10 * SECOND_MS);
  });

  it('the payments that wait then are asked about at the usual pace again, and not all at once', async () => {
    const shop = await trusting();
    const { clock } = shop;
    const waiting = await clock.run(Promise.all(Array.from({ length: 60 }, () => shop.order())));
    const ended = follow(shop, waiting);
    // They have waited so long that the next query is minutes away.
    await pause(clock, 6 * MINUTE_MS);
    const [one, other] = [shop.sell(5000), shop.sell(5000)];
    await clock.run(Promise.all([one, other]));
    while (shop.changes().length < 2) await pause(clock, SECOND_MS);
    const doubtedMs = clock.now();
    await pause(clock, MINUTE_MS);
    const asked = waiting.map(ticket => shop.queriesOf(ticket).find(atMs => atMs >= doubtedMs - SECOND_MS) ?? Infinity);
    expect(Math.max(...asked)).toBeLessThan(doubtedMs + MINUTE_MS);
    const perSecond = Array.from(
      { length: 60 },
      (_each, second) => asked.filter(atMs => Math.floor((atMs - doubtedMs) / SECOND_MS) === second).length,
    );
    expect(Math.max(...perSecond)).toBeLessThan(12);
    expect((await clock.run(ended)).every(({ outcome }) => outcome === 'unresolved')).toBe(true);
    expect(clock.pending).toBe(0);
  });

  it('they are trusted again when they come again', async () => {
    const shop = await trusting();
    for (let index = 0; index < 3; index++) await shop.clock.run(shop.sell(5000));
    await shop.clock.run(shop.sellWithNotices(10));
    expect(shop.changes().map(({ trusted }) => trusted)).toEqual([true, false, true]);
  });

  it('an hour without any is enough, though nothing was paid', async () => {
    const shop = await trusting();
    await pause(shop.clock, 60 * MINUTE_MS);
    const ticket = await shop.clock.run(shop.order());
    const openedMs = shop.clock.now();
    await shop.clock.run(shop.gateway.untilSettled(ticket));
    expect(shop.queriesOf(ticket)[0]).toBeLessThan(openedMs + 10 * SECOND_MS);
    expect(shop.changes().map(({ trusted }) => trusted)).toEqual([true, false]);
  });

  it('a clock that is set means nothing', async () => {
    const shop = await trusting();
    shop.clock.stepWall(3 * 3_600_000);
    await shop.clock.run(shop.sell(5000, SECOND_MS));
    expect(shop.changes()).toHaveLength(1);
  });
});

describe('what shows that notices come', () => {
  it('is one that comes soon after a query saw the end, and not one that comes late', async () => {
    for (const [afterMs, trusted] of [
      [10 * SECOND_MS, [{ trusted: true }]],
      [20 * SECOND_MS, []],
    ] as const) {
      const shop = openShop();
      for (let index = 0; index < 12; index++) {
        await shop.clock.run(shop.sell(4000, afterMs));
        await pause(shop.clock, MINUTE_MS);
      }
      expect(shop.changes()).toMatchObject(trusted);
    }
  });

  it('is none that is forged, however many there are; and those make no query', async () => {
    const shop = openShop();
    const ticket = await shop.clock.run(shop.order());
    const ended = shop.gateway.untilSettled(ticket);
    await shop.clock.untilQuiet();
    const { length } = shop.bank.requests;
    for (let index = 0; index < 100; index++)
      expect(await shop.notify(ticket, { ...account, key2: 'guessed' })).toBe(false);
    await shop.clock.untilQuiet();
    expect(shop.bank.requests).toHaveLength(length);
    expect(shop.changes()).toEqual([]);
    await shop.clock.run(ended);
  });

  it('is no more than one for each payment, however often it comes', async () => {
    const shop = openShop();
    await shop.clock.run(shop.sellWithNotices(9));
    const ticket = await shop.clock.run(shop.order(lives.paidAfter(0)));
    for (let index = 0; index < 20; index++) await shop.notify({ reference: { app_trans_id: '260101_2553_0' } });
    expect(shop.changes()).toEqual([]);
    await shop.notify(ticket);
    await shop.notify(ticket);
    expect(shop.changes()).toEqual([]);
  });

  it('is none of a payment that this gateway object does not follow', async () => {
    const [shop, other] = [openShop(), openShop()];
    for (let index = 0; index < 20; index++) {
      const { reference } = await other.clock.run(other.order(lives.paid()));
      const entry = other.bank.ledger.payment(reference['app_trans_id'] ?? '');
      if (entry === undefined) throw new Error('it is gone');
      expect(await shop.gateway.receive(zalopayNotice(account, entry, shop.clock.now()))).toMatchObject({
        verified: true,
      });
    }
    expect(shop.changes()).toEqual([]);
  });

  it('is none of another operation', async () => {
    const shop = await trusting();
    const paid = await shop.clock.run(shop.sell(5000, SECOND_MS));
    const { zp_trans_id = '' } = paid.ticket.reference;
    const fields = { m_refund_id: '260101_2553_r1', zp_trans_id, amount: 50_000, description: 'Sorry' };
    const ticket = shop.gateway.ticketFor('refund.create', fields);
    const from = shop.clock.now();
    const policy = { poll: { deadlineMs: MINUTE_MS } };
    await shop.clock.run(shop.gateway.untilSettled({ ...ticket, seen: true }, { policy }));
    const asked = shop.bank.requests.filter(({ atMs, path }) => atMs >= from && path.endsWith('query_refund'));
    expect(asked.length).toBeGreaterThan(5);
  });

  it('is no end that nobody is notified of: an order that expires counts as nothing', async () => {
    const shop = await trusting();
    const tickets = await shop.clock.run(
      Promise.all([0, 1, 2, 3].map(() => shop.order(lives.expiresAfter(MINUTE_MS)))),
    );
    const ends = await shop.clock.run(follow(shop, tickets));
    expect(ends.map(({ outcome }) => outcome)).toEqual(['expired', 'expired', 'expired', 'expired']);
    expect(shop.changes()).toHaveLength(1);
  });

  it('is no payment that was paid before anybody was there to hear', async () => {
    const shop = await trusting();
    const tickets = await shop.clock.run(Promise.all([0, 1, 2, 3].map(() => shop.order(lives.paidAfter(MINUTE_MS)))));
    await pause(shop.clock, 5 * MINUTE_MS);
    await shop.clock.run(follow(shop, tickets));
    await pause(shop.clock, MINUTE_MS);
    await shop.clock.run(shop.sell(5000, SECOND_MS));
    expect(shop.changes()).toHaveLength(1);
  });
});

describe('a payment that is stepped while notices come', () => {
  it('is left alone for two minutes at most, since nothing wakes it, and its open payment goes through JSON', async () => {
    const shop = await trusting();
    let payment: Ticket | OpenPayment = await shop.clock.run(shop.order());
    const waits: number[] = [];
    for (;;) {
      const step = await shop.clock.run(shop.gateway.step(payment));
      if (step.done !== undefined) break;
      payment = JSON.parse(JSON.stringify(step.open)) as OpenPayment;
      waits.push(step.dueInMs);
      await pause(shop.clock, step.dueInMs);
    }
    expect(waits[0]).toBeGreaterThanOrEqual(19 * SECOND_MS);
    expect(Math.max(...waits)).toBeGreaterThan(MINUTE_MS);
    expect(Math.max(...waits)).toBeLessThanOrEqual(1.2 * 115 * SECOND_MS);
  });

  it('shows that they come as well', async () => {
    const shop = openShop();
    for (let index = 0; index < 10; index++) {
      const ticket = await shop.clock.run(shop.order(lives.paidAfter(5000)));
      await shop.clock.run(shop.gateway.step(ticket));
      await pause(shop.clock, 6000);
      await shop.notify(ticket);
    }
    expect(shop.changes()).toMatchObject([{ trusted: true }]);
  });

  it('of a gateway that knows nothing of notices goes on at the usual pace', async () => {
    const [shop, plain] = [await trusting(), openShop({})];
    const ticket = await shop.clock.run(shop.order());
    const { open } = await shop.clock.run(shop.gateway.step(ticket));
    const number = ticket.reference['app_trans_id'] ?? '';
    plain.bank.script(number, { life: lives.open() });
    await pause(plain.clock, shop.clock.now() - startMs + MINUTE_MS);
    const step = await plain.clock.run(plain.gateway.step(JSON.parse(JSON.stringify(open)) as OpenPayment));
    expect(step.dueInMs).toBeLessThan(20 * SECOND_MS);
  });
});

describe('policy.poll.notices', () => {
  const refusal = (make: () => unknown): string => {
    try {
      make();
    } catch (error) {
      if (isInputError(error)) return error.message;
      throw error;
    }
    return 'none';
  };

  it('is true or false', () => {
    expect(refusal(() => openShop({ poll: { notices: 'yes' as never } }))).toMatch(
      /poll.notices must be true or false/,
    );
  });

  it('is refused for a provider that sends none that can be verified', () => {
    expect(refusal(() => createGateway({ adapter: acme(), policy: { poll: { notices: true } } }))).toMatch(
      /acme: policy.poll.notices has no effect/,
    );
  });

  it('is refused for one call, where the gateway does not have it', async () => {
    const shop = openShop({});
    const ticket = await shop.clock.run(shop.order());
    await expect(shop.gateway.untilSettled(ticket, { policy: { poll: { notices: true as never } } })).rejects.toThrow(
      /give it to createGateway/,
    );
  });
});
