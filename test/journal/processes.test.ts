import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { constant, isReferenceInUseError, isUnresolvedError } from '../../src/index.ts';
import { acme } from '../testing/acme.ts';
import { days, live } from './chaos.ts';
import { chargeable, LEASE_MS, notice, Town, type Fault } from './processes.ts';

/**
 * Several processes on one journal, each of which may stop, fail or die at any of its exchanges with the world, before a
 * gateway that keeps a ledger of its own: nothing is booked twice, nothing false is told, and nothing is forgotten.
 */

const charge = { order: 'A1', amount: 100 };
const MINUTE_MS = 60_000;

/** A fault at the nth exchange of that name. */
const at =
  (name: string, nth: number, fault: Fault) =>
  (exchange: string): Fault | undefined =>
    exchange === name && nth-- === 0 ? fault : undefined;

const ended = (work: Promise<unknown>): Promise<unknown> => work.catch((error: unknown) => error);

describe('a caller who leaves while his write is being claimed', () => {
  it('leaves nothing held: the row is free, and no timer runs', async () => {
    const town = new Town({ slowestMs: 5 });
    const shop = town.process();
    const controller = new AbortController();
    const call = ended(shop.gateway.settle('payment.charge', charge, { signal: controller.signal }));
    while ((await town.rows()).length === 0) await town.pass(1);
    controller.abort(new Error('gone'));
    expect(await town.run(call)).toMatchObject({ message: 'gone' });
    await town.pass(100);
    expect(await town.row('A1')).toMatchObject({ state: 'unsent', holder: undefined });
    expect(shop.timers).toBe(0);
  });
});

describe('a row that its process could not give back', () => {
  it('is taken up when the store failed at the end, however busy that process is', async () => {
    const town = new Town({ fateOf: order => ({ end: 'paid', afterMs: order === 'A1' ? 0 : 20 * MINUTE_MS }) });
    const shop = town.process();
    let fails = false;
    shop.faultOf = name => (fails && name === 'update' ? { type: 'fail', when: 'before' } : undefined);
    const worker = town.process();
    worker.worker();
    // What else the process does keeps its lease alive.
    void shop.gateway.settle(
      'payment.charge',
      { order: 'B1', amount: 5 },
      { policy: { poll: { deadlineMs: 30 * MINUTE_MS } } },
    );
    await town.pass(100);
    const call = shop.gateway.settle('payment.charge', charge);
    while (town.ledger.of('A1').length === 0) await town.pass(0);
    fails = true;
    expect((await town.run(call)).outcome).toBe('succeeded');
    fails = false;
    await town.pass(3 * LEASE_MS);
    expect(town.told).toMatchObject([{ order: 'A1', outcome: 'succeeded' }]);
  });

  it('is taken up when it was claimed and the answer of the store was lost', async () => {
    const town = new Town({ fateOf: order => ({ end: 'paid', afterMs: order === 'A1' ? 0 : 20 * MINUTE_MS }) });
    const shop = town.process();
    town.process().worker();
    void shop.gateway.settle(
      'payment.charge',
      { order: 'B1', amount: 5 },
      { policy: { poll: { deadlineMs: 30 * MINUTE_MS } } },
    );
    await town.pass(100);
    shop.faultOf = at('insert', 0, { type: 'fail', when: 'after' });
    expect(await town.run(ended(shop.gateway.settle('payment.charge', charge)))).toMatchObject({ message: 'made up' });
    await town.pass(3 * LEASE_MS);
    expect(town.told).toMatchObject([{ order: 'A1', outcome: 'unsent' }]);
  });

  it('is given back when a notice came between the claim and the begin', async () => {
    const town = new Town({
      slowestMs: 4,
      fateOf: order => ({ end: 'paid', afterMs: order === 'A1' ? 0 : 20 * MINUTE_MS }),
    });
    const shop = town.process();
    town.process().worker();
    void shop.gateway.settle(
      'payment.charge',
      { order: 'B1', amount: 5 },
      { policy: { poll: { deadlineMs: 30 * MINUTE_MS } } },
    );
    await town.pass(100);
    const call = ended(shop.gateway.settle('payment.charge', charge));
    await ended(town.run(Promise.all([shop.gateway.receive(notice('A1', 'paid', 100)), call])));
    await town.pass(3 * LEASE_MS);
    expect(town.ledger.of('A1')).toHaveLength(0);
    expect((await town.row('A1')).holder).toBeUndefined();
  });
});

describe('a prepared write', () => {
  it('is not forgotten when the worker’s own claim fails', async () => {
    const town = new Town();
    const shop = town.process();
    shop.faultOf = at('renew', 1, { type: 'fail', when: 'before' });
    await town.run(shop.gateway.prepare('payment.charge', charge));
    shop.worker();
    await town.pass(5 * MINUTE_MS);
    expect(town.told).toMatchObject([{ order: 'A1', outcome: 'succeeded' }]);
  });

  it('is asked about when a notice of another process came between the worker’s take and its claim', async () => {
    const policy = { poll: { backoff: constant(10 * MINUTE_MS) } };
    const town = new Town({ slowestMs: 8, gateway: { policy } });
    const shop = town.process();
    const other = town.process();
    await town.run(shop.gateway.prepare('payment.charge', charge));
    shop.worker({ idleMs: MINUTE_MS });
    while ((await town.row('A1')).holder === undefined) await town.pass(1);
    await town.run(other.gateway.receive(notice('A1', 'pending')));
    await town.pass(30 * MINUTE_MS);
    expect(await town.row('A1')).toMatchObject({ state: 'open', holder: undefined });
    await town.pass(25 * 60 * MINUTE_MS);
    expect(await town.row('A1')).toMatchObject({ state: 'parked', holder: undefined });
  });

  it('is told to be unsent when its time passes between two sends', async () => {
    const town = new Town({ fateOf: () => ({ end: 'paid', afterMs: 0, says: ['busy'] }) });
    const shop = town.process();
    const sendUntil = new Date(town.clock.now() + 300);
    await town.run(shop.gateway.prepare('payment.charge', charge, { sendUntil }));
    shop.worker();
    await town.pass(5 * MINUTE_MS);
    expect(town.told).toMatchObject([{ order: 'A1', outcome: 'unsent' }]);
  });

  it('is sent by a worker when its caller’s process died before the first byte', async () => {
    const town = new Town();
    const shop = town.process();
    await town.run(shop.gateway.prepare('payment.charge', charge));
    shop.faultOf = at('update', 1, { type: 'kill', when: 'before' });
    void shop.gateway.settle('payment.charge', charge);
    await town.pass(1000);
    expect(shop.state).toBe('dead');
    town.process().worker();
    await town.pass(3 * LEASE_MS);
    expect(town.told).toMatchObject([{ order: 'A1', outcome: 'succeeded' }]);
    expect(town.ledger.of('A1')).toHaveLength(1);
  });

  it('may be prepared again once it was unsent', async () => {
    const town = new Town();
    const shop = town.process();
    await town.run(shop.gateway.prepare('payment.charge', charge, { sendUntil: new Date(town.clock.now() + 1000) }));
    await town.pass(2000);
    shop.worker();
    await town.pass(MINUTE_MS);
    expect(town.told).toMatchObject([{ outcome: 'unsent' }]);
    await town.run(shop.gateway.prepare('payment.charge', charge));
    await town.pass(MINUTE_MS);
    expect(town.told).toMatchObject([{ outcome: 'unsent' }, { outcome: 'succeeded' }]);
  });
});

describe('a notice', () => {
  it('makes an open payment due now, also after its first step', async () => {
    const town = new Town({ confirm: true, fateOf: () => ({ end: 'paid', afterMs: 2 * MINUTE_MS }) });
    const shop = town.process();
    void ended(shop.gateway.settle('payment.charge', charge));
    await town.pass(1000);
    shop.kill();
    const other = town.process(undefined, { policy: { poll: { backoff: constant(60 * MINUTE_MS) } } });
    other.worker();
    await town.pass(3 * MINUTE_MS);
    expect((await town.row('A1')).data.open).toBeDefined();
    expect(town.told).toEqual([]);
    await town.run(other.gateway.receive(notice('A1', 'paid', 100)));
    await town.pass(10_000);
    expect(town.told).toMatchObject([{ outcome: 'succeeded' }]);
  });

  it('of a write that was only intended here makes it asked about, and never unsent', async () => {
    const town = new Town();
    const shop = town.process(at('update', 0, { type: 'kill', when: 'before' }));
    void shop.gateway.settle('payment.charge', charge);
    await town.pass(1000);
    expect([shop.state, (await town.row('A1')).state]).toEqual(['dead', 'intended']);
    // An older release, without a journal, has sent it.
    town.ledger.send('A1', 100, town.clock.now(), 'older');
    const other = town.process();
    await town.run(other.gateway.receive(notice('A1', 'pending')));
    other.worker();
    await town.pass(3 * LEASE_MS);
    expect(town.told).toMatchObject([{ order: 'A1', outcome: 'succeeded' }]);
  });
});

describe('a settlement', () => {
  it('is delivered under another id after its row was purged', async () => {
    const town = new Town({
      fateOf: (_order, nth) => ({ end: 'paid', afterMs: 0, says: [nth < 3 ? 'unreached' : 'truth'] }),
    });
    const shop = town.process();
    shop.worker();
    await town.run(shop.gateway.settle('payment.charge', charge));
    await town.pass(MINUTE_MS);
    await town.store.purge('unsent', town.clock.now());
    await town.run(shop.gateway.settle('payment.charge', charge));
    await town.pass(MINUTE_MS);
    expect(town.told.map(({ outcome }) => outcome)).toEqual(['unsent', 'succeeded']);
    expect(new Set(town.told.map(({ deliveryId }) => deliveryId)).size).toBe(2);
  });
});

describe('a process that lost its write to another', () => {
  it('does not tell that nothing was sent when the other has sent it', async () => {
    const town = new Town({
      sameReference: 'replays',
      fateOf: (_order, nth) => ({ end: 'paid', afterMs: 0, says: [nth === 0 ? 'unreached' : 'truth'] }),
    });
    const policy = { retry: { attempts: 1 } };
    for (const door of ['settle', 'post'] as const) {
      const order = { order: door, amount: 100 };
      const shop = town.process(at('update', 1, { type: 'freeze', when: 'before', forMs: 2 * LEASE_MS }), { policy });
      const call = ended(
        door === 'settle'
          ? shop.gateway.settle('payment.charge', order)
          : shop.gateway.client.post('charge', { json: order }),
      );
      await town.pass(LEASE_MS + 1000);
      const second = await town.run(town.process().gateway.settle('payment.charge', order));
      expect([second.outcome, town.ledger.of(door).length]).toEqual(['succeeded', 1]);
      const first = await town.run(call);
      if (door === 'settle') expect(first).toMatchObject({ outcome: 'succeeded' });
      else expect(isUnresolvedError(first)).toBe(true);
    }
  });
});

describe('a row that another process has', () => {
  it('is not written over by a send that was given up before its process stood still', async () => {
    const town = new Town({ slowestMs: 50 });
    const shop = town.process(at('update', 0, { type: 'freeze', when: 'before', forMs: 45_000 }));
    const writes: string[] = [];
    const update = town.store.update.bind(town.store);
    Object.assign(town.store, {
      update: async (...given: Parameters<typeof update>) => {
        const made = await update(...given);
        const after = (await town.rows())[0];
        if (made[0] === true && after !== undefined) writes.push(after.state);
        return made;
      },
    });
    const call = ended(shop.gateway.settle('payment.charge', charge));
    await town.pass(29_000);
    const second = await town.run(town.process().gateway.settle('payment.charge', charge));
    expect(await town.run(call)).toMatchObject({ outcome: 'succeeded' });
    expect([second.outcome, town.ledger.of('A1').length]).toEqual(['succeeded', 1]);
    expect(writes.slice(writes.indexOf('settled'))).not.toContain('leaving');
    expect((await town.row('A1')).data.entry?.state).toBe('settled');
  });

  it('is not prepared anew while its bytes are on the way, though it is followed here', async () => {
    const town = new Town({ fateOf: () => ({ end: 'paid', afterMs: MINUTE_MS }) });
    const other = town.process();
    const followed = ended(other.gateway.untilSettled(other.gateway.ticketFor('payment.charge', charge)));
    await town.pass(500);
    const call = ended(town.process().gateway.settle('payment.charge', charge));
    await town.pass(100);
    const prepared = ended(other.gateway.prepare('payment.charge', { ...charge, amount: 7 }));
    expect(isReferenceInUseError(await town.run(prepared))).toBe(true);
    expect(await town.row('A1')).toMatchObject({ state: 'leaving', data: { ticket: { expect: { amount: '100' } } } });
    expect(await town.run(call)).toMatchObject({ outcome: 'succeeded' });
    await town.run(followed);
  });
});

describe('a provider with idempotency keys', () => {
  it('gets the same key from the process that takes over, and charges once', async () => {
    const idempotencyKey = { header: 'x-key', rememberedForMs: 24 * 60 * MINUTE_MS };
    const adapter = chargeable(acme({ sameReference: 'replays' }), { idempotencyKey });
    const town = new Town({
      sameReference: 'replays',
      fateOf: () => ({ end: 'paid', afterMs: 0, lagMs: 40_000 }),
    });
    const shop = town.process(at('send', 0, { type: 'kill', when: 'after' }), { adapter });
    void ended(shop.gateway.settle('payment.charge', charge, { idempotencyKey: 'key-of-A1' }));
    await town.pass(LEASE_MS + 1000);
    const other = town.process(undefined, { adapter });
    const settlement = await town.run(other.gateway.settle('payment.charge', charge));
    expect(settlement.outcome).toBe('succeeded');
    expect(town.ledger.arrived.map(({ key }) => key)).toEqual(['key-of-A1', 'key-of-A1']);
    expect(town.ledger.of('A1')).toHaveLength(1);
  });
});

describe('an order whose payer must act', () => {
  it('is delivered once as created and once as paid, though its process died', async () => {
    const town = new Town({ fateOf: () => ({ end: 'paid', afterMs: 3 * MINUTE_MS, says: ['created'] }) });
    const shop = town.process();
    const created = await town.run(shop.gateway.settle('payment.create', charge));
    expect(created.outcome).toBe('created');
    shop.kill();
    for (const worker of [town.process(), town.process()]) worker.worker();
    await town.pass(10 * MINUTE_MS);
    expect(town.told.map(({ outcome }) => outcome)).toEqual(['created', 'succeeded']);
    expect(await town.row('A1')).toMatchObject({ state: 'delivered', holder: undefined });
  });
});

describe('a write that nobody can ask about', () => {
  it('is parked, and not sent again, when its process died with its bytes on the way', async () => {
    const town = new Town();
    const shop = town.process(at('send', 0, { type: 'kill', when: 'after' }));
    void ended(shop.gateway.settle('payout.create', { order: 'A1' }));
    await town.pass(1000);
    const other = town.process();
    other.worker();
    await town.pass(2 * LEASE_MS);
    expect(await town.row('A1')).toMatchObject({ state: 'parked', data: { parked: { from: 'leaving' } } });
    expect(town.ledger.arrived).toHaveLength(1);
    const again = await town.run(ended(other.gateway.settle('payout.create', { order: 'A1' })));
    expect(again).toMatchObject({ outcome: 'unresolved' });
    expect(town.ledger.arrived).toHaveLength(1);
  });
});

describe('two accounts in one journal', () => {
  it('have nothing to do with each other, under equal numbers', async () => {
    const town = new Town({ sameReference: 'unknown' });
    const one = town.process();
    const other = town.process(undefined, { adapter: { ...acme(), account: 'shop-2' } });
    const settled = await town.run(
      Promise.all([
        one.gateway.settle('payment.charge', charge),
        other.gateway.settle('payment.charge', { ...charge, amount: 7 }),
      ]),
    );
    expect(settled.map(({ outcome }) => outcome)).toEqual(['succeeded', 'succeeded']);
    expect(await town.rows()).toHaveLength(2);
    one.worker();
    await town.pass(LEASE_MS);
    expect(town.told.map(({ amount }) => amount)).toEqual(['100']);
  });
});

describe('sealed tickets', () => {
  const ticketSeal = { key: 'k'.repeat(32) };
  it('are followed by a worker after a notice has changed what is known', async () => {
    const town = new Town({
      confirm: true,
      gateway: { ticketSeal },
      fateOf: () => ({ end: 'paid', afterMs: 2 * MINUTE_MS }),
    });
    const shop = town.process();
    void ended(shop.gateway.settle('payment.charge', charge));
    await town.pass(1000);
    shop.kill();
    const other = town.process();
    await town.run(other.gateway.receive(notice('A1', 'pending')));
    other.worker();
    await town.pass(5 * MINUTE_MS);
    expect(town.told).toMatchObject([{ outcome: 'succeeded' }]);
  });

  it('are followed when the caller said that it may have been sent, and died', async () => {
    const town = new Town({ gateway: { ticketSeal } });
    town.ledger.send('A1', 100, town.clock.now(), 'older');
    const shop = town.process(at('poll', 0, { type: 'kill', when: 'before' }));
    void ended(shop.gateway.settle('payment.charge', charge, { mayHaveBeenSent: true }));
    await town.pass(1000);
    expect(shop.state).toBe('dead');
    town.process().worker();
    await town.pass(5 * MINUTE_MS);
    expect(town.told).toMatchObject([{ outcome: 'succeeded' }]);
  });
});

describe('a caller', () => {
  it('with other fields is refused while it is open elsewhere', async () => {
    const town = new Town({ fateOf: () => ({ end: 'paid', afterMs: MINUTE_MS }) });
    const shop = town.process();
    void ended(shop.gateway.settle('payment.charge', charge));
    await town.pass(1000);
    const other = town.process();
    const call = ended(other.gateway.settle('payment.charge', { ...charge, amount: 7 }));
    expect(isReferenceInUseError(await town.run(call))).toBe(true);
  });
});

describe('a follower with a ticket of other fields', () => {
  it('changes nothing of what was sent under its number', async () => {
    const town = new Town();
    const shop = town.process();
    await town.run(shop.gateway.settle('payment.charge', charge));
    // Nothing is known in this process, not even how fields are compared.
    const other = town.process();
    const ticket = other.gateway.ticketFor('payment.charge', { ...charge, amount: 7 });
    await town.run(other.gateway.ask(ticket));
    await ended(town.run(other.gateway.untilSettled(ticket, { policy: { poll: { deadlineMs: 1000 } } })));
    for (const amount of [7, 8]) {
      const call = ended(town.process().gateway.settle('payment.charge', { ...charge, amount }));
      expect(isReferenceInUseError(await town.run(call))).toBe(true);
    }
    const again = await town.run(town.process().gateway.settle('payment.charge', charge));
    expect(again).toMatchObject({ outcome: 'succeeded', repeated: true, ticket: { expect: { amount: '100' } } });
  });
});

describe('whatever happens', () => {
  const runs = Number(process.env['PROCESSES_RUNS'] ?? 40);
  const seed = Number(process.env['PROCESSES_SEED'] ?? 1);

  it(`nothing is booked twice, told falsely or forgotten (seed ${seed})`, {
    timeout: 60_000 + runs * 1000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(days, async day => {
        expect(await live(day)).toEqual([]);
      }),
      { numRuns: runs, seed },
    );
  });
});
