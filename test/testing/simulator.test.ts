import ky from 'ky';
import { describe, expect, it } from 'vitest';
import {
  lives,
  manualClock,
  simulateGateway,
  type Life,
  type Simulator,
  type SimulatorOptions,
} from 'tillpaid/testing';
import { acmeVoice, call, sign } from './acme.ts';

function simulate(options: Partial<SimulatorOptions> = {}): {
  gateway: Simulator;
  clock: ReturnType<typeof manualClock>;
} {
  const clock = manualClock();
  return { clock, gateway: simulateGateway({ voice: acmeVoice(), clock, ...options }) };
}

const create = (gateway: Simulator, order = 'A1', more: { key?: string; amount?: string } = {}) =>
  call(gateway, 'payment.create', { order, amount: '100.00', ...more });
const charge = (gateway: Simulator, order = 'A1', more: { key?: string } = {}) =>
  call(gateway, 'payment.charge', { order, amount: '100.00', ...more });
const query = (gateway: Simulator, order = 'A1') => call(gateway, 'payment.query', { order });

describe('the life of a payment', () => {
  it('begins open for an order, which is paid only after its answer was given', async () => {
    const { gateway } = simulate();
    expect(await create(gateway)).toMatchObject({ code: 'state', state: 'open' });
    expect(await query(gateway)).toMatchObject({ state: 'paid' });
    expect(gateway.ledger.payment('A1')).toMatchObject({
      kind: 'payment',
      operation: 'payment.create',
      amount: '100.00',
      currency: 'EUR',
      bookings: 1,
    });
  });

  it('is decided in the call for a charge', async () => {
    const { gateway } = simulate();
    expect(await charge(gateway)).toMatchObject({ state: 'paid' });
    const declining = simulate({ lives: { charge: lives.declined() } });
    expect(await charge(declining.gateway)).toMatchObject({ state: 'declined' });
    expect(declining.gateway.ledger.payment('A1')).toMatchObject({ state: 'declined', bookings: 0 });
  });

  it.each<[string, Life, [atMs: number, state: string][]]>([
    [
      'paid after a while',
      lives.paidAfter(5000),
      [
        [0, 'open'],
        [4999, 'open'],
        [5000, 'paid'],
      ],
    ],
    [
      'expires',
      lives.expiresAfter(60_000),
      [
        [59_999, 'open'],
        [60_000, 'expired'],
        [600_000, 'expired'],
      ],
    ],
    [
      'found paid after two queries',
      lives.paidAfterQueries(2),
      [
        [1, 'open'],
        [2, 'open'],
        [3, 'paid'],
      ],
    ],
    ['open', lives.open(), [[86_400_000, 'open']]],
    [
      'declined, then paid, then refunded',
      lives.steps([
        { afterMs: 100, state: 'declined' },
        { afterMs: 900, state: 'paid' },
        { afterMs: 2000, state: 'refunded' },
      ]),
      [
        [50, 'open'],
        [100, 'declined'],
        [1500, 'paid'],
        [5000, 'refunded'],
      ],
    ],
  ])('can be: %s', async (_title, life, course) => {
    const { gateway, clock } = simulate({ lives: { create: life } });
    await create(gateway);
    const openedAtMs = clock.now();
    for (const [atMs, state] of course) {
      clock.advance(openedAtMs + atMs - clock.now());
      expect(await query(gateway)).toMatchObject({ state });
    }
    expect(gateway.ledger.payment('A1')?.bookings).toBe(course.some(([, state]) => state === 'paid') ? 1 : 0);
    expect(clock.pending).toBe(0);
  });

  it('counts the money that moved although nobody looked at that moment', async () => {
    const { gateway, clock } = simulate({
      lives: {
        create: lives.steps([
          { afterMs: 10, state: 'paid' },
          { afterMs: 20, state: 'refunded' },
        ]),
      },
    });
    await create(gateway);
    clock.advance(1000);
    expect(gateway.ledger.payment('A1')).toMatchObject({ state: 'refunded', bookings: 1 });
  });

  it('is the script’s where there is one, also after the fact', async () => {
    const { gateway, clock } = simulate({ lives: { create: lives.open() } });
    gateway.script('A2', { life: lives.declined() });
    await create(gateway, 'A1');
    await create(gateway, 'A2');
    clock.advance(60_000);
    expect(await query(gateway, 'A1')).toMatchObject({ state: 'open' });
    expect(await query(gateway, 'A2')).toMatchObject({ state: 'declined' });
    gateway.script('A1', { life: lives.paidAfter(500) });
    expect(await query(gateway, 'A1')).toMatchObject({ state: 'open' });
    clock.advance(500);
    expect(await query(gateway, 'A1')).toMatchObject({ state: 'paid' });
  });

  it('refuses steps that go back in time', () => {
    expect(() =>
      lives.steps([
        { afterMs: 10, state: 'paid' },
        { afterMs: 5, state: 'expired' },
      ]),
    ).toThrow(/forward in time/);
  });
});

describe('a second send of the same reference', () => {
  it('is a duplicate where the gateway refuses it', async () => {
    const { gateway } = simulate();
    await charge(gateway);
    expect(await charge(gateway)).toMatchObject({ code: 'duplicate' });
    expect(gateway.ledger.payment('A1')).toMatchObject({ bookings: 1, sends: 2, answers: ['paid', 'duplicate'] });
  });

  it('gets the first answer again where the gateway replays, whatever became of the payment', async () => {
    const { gateway } = simulate({ sameReference: 'replays' });
    const first = await create(gateway);
    await query(gateway);
    expect(await create(gateway)).toEqual(first);
    expect(gateway.ledger.payment('A1')).toMatchObject({
      state: 'paid',
      bookings: 1,
      sends: 2,
      queries: 1,
      answers: ['open', 'paid', 'open'],
    });
  });

  it('is not a query: what is asked twice is looked up twice', async () => {
    const { gateway } = simulate({ sameReference: 'replays', lives: { create: lives.paidAfterQueries(1) } });
    await create(gateway);
    expect(await query(gateway)).toMatchObject({ state: 'open' });
    expect(await query(gateway)).toMatchObject({ state: 'paid' });
  });

  it('is taken afresh where the first one was not accepted', async () => {
    const { gateway } = simulate({ sameReference: 'replays' });
    expect(await call(gateway, 'payment.cancel', { order: 'A1' })).toEqual({ code: 'not-found' });
    gateway.script('A1', { life: lives.open() });
    await create(gateway);
    expect(await call(gateway, 'payment.cancel', { order: 'A1' })).toMatchObject({ state: 'canceled' });
  });

  it('is replayed by its idempotency key, and charged again under another one', async () => {
    const { gateway } = simulate({ voice: acmeVoice('replays') });
    await charge(gateway, 'A1', { key: 'k1' });
    await charge(gateway, 'A1', { key: 'k1' });
    expect(gateway.ledger.payment('A1')?.bookings).toBe(1);
    await charge(gateway, 'A1', { key: 'k2' });
    expect(gateway.ledger.payment('A1')?.bookings).toBe(2);
  });

  it('is a double charge where the gateway books again', async () => {
    const { gateway } = simulate({ sameReference: 'books-again' });
    await charge(gateway);
    await charge(gateway);
    expect(gateway.ledger.payment('A1')).toMatchObject({ bookings: 2, sends: 2 });
  });

  it('is a double charge even after the first one was given back', async () => {
    const { gateway } = simulate({ sameReference: 'books-again' });
    await charge(gateway);
    await call(gateway, 'refund.create', { order: 'R1', of: 'A1', amount: '100.00' });
    await charge(gateway);
    expect(gateway.ledger.payment('A1')).toMatchObject({ bookings: 2 });
  });

  it('is a double charge also when both were accepted before the money moved', async () => {
    const { gateway, clock } = simulate({ sameReference: 'books-again', lives: { charge: lives.paidAfter(1000) } });
    await charge(gateway);
    await charge(gateway);
    expect(gateway.ledger.payment('A1')).toMatchObject({ state: 'pending', bookings: 0 });
    clock.advance(1000);
    expect(gateway.ledger.payment('A1')).toMatchObject({ state: 'paid', bookings: 2 });
  });

  it('is another try after a decline, with a number and a life of its own', async () => {
    const { gateway, clock } = simulate({ sameReference: 'books-again' });
    gateway.script('A1', { life: lives.declined(), nextTry: lives.paidAfter(1000) });
    const first = await charge(gateway);
    const second = await charge(gateway);
    expect([first.state, second.state]).toEqual(['declined', 'pending']);
    expect(second.id).not.toBe(first.id);
    clock.advance(1000);
    expect(gateway.ledger.payment('A1')).toMatchObject({
      state: 'paid',
      bookings: 1,
      earlier: { state: 'declined', providerId: first.id },
    });
    expect(gateway.ledger.entries.map(({ bookings }) => bookings)).toEqual([0, 1]);
  });

  it('books once when both arrive at the same time', async () => {
    for (const sameReference of ['refuses', 'replays'] as const) {
      const { gateway } = simulate({ sameReference });
      await Promise.all([charge(gateway), charge(gateway)]);
      expect(gateway.ledger.payment('A1')).toMatchObject({ bookings: 1, sends: 2 });
    }
  });
});

describe('what is done to a payment', () => {
  const paidOrder = async (
    options: Partial<SimulatorOptions> = {},
  ): Promise<{ gateway: Simulator; clock: ReturnType<typeof manualClock>; id: string }> => {
    const simulated = simulate(options);
    const { id = '' } = await charge(simulated.gateway);
    return { ...simulated, id };
  };
  const refund = (gateway: Simulator, order: string, of: string, amount = '100.00') =>
    call(gateway, 'refund.create', { order, of, amount });

  it('cancels an open order for good', async () => {
    const { gateway, clock } = simulate({ lives: { create: lives.paidAfter(1000) } });
    await create(gateway);
    expect(await call(gateway, 'payment.cancel', { order: 'A1' })).toMatchObject({ code: 'state', state: 'canceled' });
    clock.advance(5000);
    expect(await query(gateway)).toMatchObject({ state: 'canceled' });
    expect(await call(gateway, 'payment.cancel', { order: 'A1' })).toMatchObject({ code: 'already-final' });
    expect(gateway.ledger.payment('A1')).toMatchObject({
      bookings: 0,
      sends: 1,
      answers: ['open', 'canceled', 'canceled', 'already-final'],
    });
  });

  it('does not cancel what was paid, unless the write gives the money back', async () => {
    const { gateway } = await paidOrder();
    expect(await call(gateway, 'payment.cancel', { order: 'A1' })).toMatchObject({
      code: 'already-final',
      state: 'paid',
    });
    expect(await call(gateway, 'payment.reverse', { order: 'R1', of: 'A1' })).toMatchObject({
      state: 'canceled',
      refunded: '100.00',
    });
    expect(await query(gateway, 'R1')).toMatchObject({ order: 'A1', state: 'canceled' });
    expect(await charge(gateway, 'R1')).toMatchObject({ order: 'R1', state: 'paid' });
  });

  it.each<[string, Life, 'create' | 'charge', string]>([
    ['an authorization', lives.authorized(), 'charge', 'state'],
    ['a charge that is being decided', lives.open(), 'charge', 'state'],
    ['an order whose payer was declined and may try again', lives.declined(), 'create', 'state'],
    ['a charge that was declined', lives.declined(), 'charge', 'already-final'],
    ['an order that expired', lives.expiresAfter(0), 'create', 'already-final'],
  ])('answers the cancel of %s', async (_title, life, act, code) => {
    const { gateway } = simulate({ lives: { [act]: life } });
    await call(gateway, `payment.${act}`, { order: 'A1', amount: '1' });
    expect(await call(gateway, 'payment.cancel', { order: 'A1' })).toMatchObject({ code });
  });

  it('replays the first answer of a cancel', async () => {
    const { gateway } = simulate({ sameReference: 'replays', lives: { create: lives.open() } });
    await create(gateway);
    const first = await call(gateway, 'payment.cancel', { order: 'A1' });
    expect(first).toMatchObject({ state: 'canceled' });
    expect(await call(gateway, 'payment.cancel', { order: 'A1' })).toEqual(first);
  });

  it('captures what was authorized, once', async () => {
    const { gateway } = await paidOrder({ lives: { charge: lives.authorized() } });
    expect(gateway.ledger.payment('A1')).toMatchObject({ state: 'authorized', bookings: 0 });
    expect(await call(gateway, 'payment.capture', { order: 'C1', of: 'A1' })).toMatchObject({ state: 'paid' });
    expect(await call(gateway, 'payment.capture', { order: 'C2', of: 'A1' })).toMatchObject({ code: 'already-final' });
    expect(gateway.ledger.payment('A1')?.bookings).toBe(1);
  });

  it('confirms an open order, from where the life of a charge begins', async () => {
    const { gateway, clock } = simulate({ lives: { create: lives.open(), charge: lives.paidAfter(1000) } });
    const { id = '' } = await create(gateway);
    expect(await call(gateway, 'payment.confirm', { order: 'K1', of: id })).toMatchObject({
      order: 'A1',
      state: 'pending',
    });
    clock.advance(1000);
    expect(await query(gateway, 'K1')).toMatchObject({ order: 'A1', state: 'paid' });
    expect(await call(gateway, 'payment.confirm', { order: 'A1', of: id })).toMatchObject({ code: 'already-final' });
    expect(gateway.ledger.payment('A1')).toMatchObject({ operation: 'payment.create', bookings: 1, sends: 1 });
  });

  it('refunds in parts and no more than was paid, exact to the last digit', async () => {
    const { gateway, id } = await paidOrder();
    expect(await refund(gateway, 'R1', 'A1', '33.30')).toMatchObject({ state: 'paid' });
    expect(gateway.ledger.payment('A1')).toMatchObject({ state: 'paid', refundedAmount: '33.30' });
    expect(await refund(gateway, 'R2', id, '66.71')).toMatchObject({ code: 'already-final' });
    expect(await refund(gateway, 'R2', id, '66.7')).toMatchObject({ state: 'paid', of: 'refunded' });
    expect(gateway.ledger.payment('A1')).toMatchObject({ state: 'refunded', refundedAmount: '100.00', bookings: 1 });
    expect(gateway.ledger.refund('R2')).toMatchObject({
      kind: 'refund',
      amount: '66.7',
      bookings: 1,
      of: { reference: 'A1', state: 'refunded' },
    });
    expect(gateway.ledger.refund('R1')?.sends).toBe(1);
  });

  it('reserves the amount of a refund that is under way, and releases it when that is declined', async () => {
    const { gateway, clock } = await paidOrder({
      lives: { refund: lives.steps([{ afterMs: 1000, state: 'declined' }]) },
    });
    expect(await refund(gateway, 'R1', 'A1')).toMatchObject({ state: 'pending' });
    expect(await refund(gateway, 'R2', 'A1')).toMatchObject({ code: 'already-final' });
    clock.advance(1000);
    expect(await call(gateway, 'refund.query', { order: 'R1' })).toMatchObject({ state: 'declined' });
    gateway.script('R2', { life: lives.paidAfter(1000) });
    expect(await refund(gateway, 'R2', 'A1')).toMatchObject({ state: 'pending' });
    clock.advance(1000);
    expect(gateway.ledger.payment('A1')).toMatchObject({ state: 'refunded' });
  });

  it('refunds a repeated reference as it takes any repeated write', async () => {
    const { gateway } = await paidOrder();
    await refund(gateway, 'R1', 'A1', '10.00');
    expect(await refund(gateway, 'R1', 'A1', '10.00')).toMatchObject({ code: 'duplicate' });
    const careless = await paidOrder({ sameReference: 'books-again' });
    await refund(careless.gateway, 'R1', 'A1', '60.00');
    expect(await refund(careless.gateway, 'R1', 'A1', '60.00')).toMatchObject({ code: 'already-final' });
    await refund(careless.gateway, 'R2', 'A1', '20.00');
    await refund(careless.gateway, 'R2', 'A1', '20.00');
    expect(careless.gateway.ledger.refund('R2')?.bookings).toBe(2);
    expect(careless.gateway.ledger.payment('A1')).toMatchObject({ state: 'refunded', refundedAmount: '100.00' });

    const slow = await paidOrder({ sameReference: 'books-again', lives: { refund: lives.open() } });
    await refund(slow.gateway, 'R1', 'A1', '40.00');
    await refund(slow.gateway, 'R1', 'A1', '40.00');
    expect(await refund(slow.gateway, 'R2', 'A1', '40.00')).toMatchObject({ code: 'already-final' });
  });

  it('finds nothing under numbers that are not there', async () => {
    const { gateway } = simulate({ lives: { create: lives.open() } });
    await create(gateway);
    for (const answer of [
      await query(gateway, 'A2'),
      await call(gateway, 'refund.query', { order: 'A1' }),
      await call(gateway, 'payment.cancel', { order: 'A2' }),
      await call(gateway, 'payment.capture', { order: 'C1', of: 'A2' }),
      await call(gateway, 'payment.confirm', { order: 'C1', of: 'A2' }),
      await refund(gateway, 'R1', 'A2'),
    ]) {
      expect(answer).toEqual({ code: 'not-found' });
    }
    expect(await refund(gateway, 'R1', 'A1')).toMatchObject({ code: 'already-final', state: 'open' });
    expect(gateway.ledger.entries).toHaveLength(1);
  });

  it('finds a payment by either number', async () => {
    const { gateway, id } = await paidOrder();
    gateway.script('A1', { onQuery: ['not-found'] });
    expect(await query(gateway, id)).toEqual({ code: 'not-found' });
    expect(await query(gateway, id)).toMatchObject({ order: 'A1', state: 'paid' });
    expect(gateway.ledger.payment('A1')?.queries).toBe(2);
  });
});

describe('the voice', () => {
  it('refuses a bad signature before the ledger or a fault comes into it', async () => {
    const { gateway } = simulate({ faults: { onSend: ['reset-after-booking'] } });
    const response = await gateway.fetch('https://acme.test/payment.charge', {
      method: 'POST',
      body: '{"order":"A1"}',
      headers: { 'x-acme-sign': 'forged' },
    });
    expect(response.status).toBe(401);
    expect(gateway.ledger.entries).toEqual([]);
    expect(gateway.requests).toMatchObject([{ method: 'POST', path: '/payment.charge', result: 'refused' }]);
    await expect(charge(gateway)).rejects.toThrow('fetch failed');
  });

  it('may seal every answer, refusals included, over the text as it is sent', async () => {
    const voice = acmeVoice();
    const { gateway } = simulate({
      voice: {
        ...voice,
        seal: answer => Promise.resolve({ ...answer, headers: { 'x-acme-sign': sign(answer.body) } }),
      },
      faults: { onQuery: ['maintenance'] },
    });
    for (const [path, headers] of [
      ['payment.charge', {}],
      ['payment.charge', { 'x-acme-sign': sign('{"order":"A1"}') }],
      ['payment.query', { 'x-acme-sign': sign('{"order":"A1"}') }],
    ] as const) {
      const response = await gateway.fetch(`https://acme.test/${path}`, {
        method: 'POST',
        body: '{"order":"A1"}',
        headers,
      });
      expect(response.headers.get('x-acme-sign')).toBe(sign(await response.text()));
    }
  });

  it('tells its time with every answer, as servers do', async () => {
    const { gateway, clock } = simulate();
    clock.advance(61_500);
    const response = await gateway.fetch('https://acme.test/payment.query', { method: 'POST', body: '{}' });
    expect(response.headers.get('date')).toBe(new Date(Math.floor(clock.now() / 1000) * 1000).toUTCString());
  });

  it('answers what the ledger does not keep, untouched by the faults of payments', async () => {
    const { gateway } = simulate({
      faults: { onSend: ['reset-before-booking'], onQuery: ['hang-after-booking'], on: {} },
    });
    expect(await call(gateway, 'token.create', { order: 'shop' })).toEqual({ code: 'done' });
    gateway.script('shop', { on: { 'token.create': ['system-error'] } });
    expect(await call(gateway, 'token.create', { order: 'shop' })).toEqual({ code: 'system-error' });
    expect(await call(gateway, 'token.create', { order: 'shop' })).toEqual({ code: 'done' });
  });

  it('may take its time: a manual clock waits for it', async () => {
    const clock = manualClock({ startMs: 0 });
    const voice = acmeVoice();
    const slowly = () => new Promise(resolve => setTimeout(resolve, 20));
    const slow: SimulatorOptions['voice'] = {
      ...voice,
      hear: request => slowly().then(() => voice.hear(request)),
      seal: answer => slowly().then(() => answer),
    };
    const gateway = simulateGateway({ voice: slow, clock, faults: { onQuery: ['maintenance'] } });
    const stop = clock.timer(10, () => expect.unreachable('the clock jumped while the gateway was busy'));
    expect(await clock.run(charge(gateway))).toMatchObject({ state: 'paid' });
    expect(await clock.run(query(gateway))).toMatchObject({ code: 'maintenance' });
    stop();
  });
});

describe('the simulator', () => {
  it('is a fetch for ky', async () => {
    const { gateway } = simulate();
    const body = JSON.stringify({ order: 'A1', amount: '5' });
    const response = await ky.post('https://acme.test/payment.charge', {
      fetch: gateway.fetch,
      body,
      headers: { 'x-acme-sign': sign(body) },
    });
    expect(response.url).toBe('https://acme.test/payment.charge');
    expect(await response.json()).toMatchObject({ state: 'paid' });
  });

  it('keeps a record of every request, with the time and without its body', async () => {
    const { gateway, clock } = simulate({ faults: { onSend: ['503-before-booking'] } });
    const atMs = clock.now();
    await expect(charge(gateway)).rejects.toThrow();
    clock.advance(10);
    await charge(gateway);
    const common = {
      method: 'POST',
      path: '/payment.charge',
      operation: 'payment.charge',
      act: 'charge',
      reference: 'A1',
    };
    expect(gateway.requests).toEqual([
      { ...common, atMs, result: 'not-taken', fault: '503-before-booking' },
      { ...common, atMs: atMs + 10, result: 'paid', fault: 'none' },
    ]);
    expect(gateway.ledger.payment('A1')).toMatchObject({ sends: 2, answers: ['503-before-booking', 'paid'] });
  });

  it('does nothing for a request that was aborted before it left', async () => {
    const { gateway } = simulate();
    await expect(
      call(gateway, 'payment.charge', { order: 'A1' }, { signal: AbortSignal.abort('never mind') }),
    ).rejects.toBe('never mind');
    expect(gateway.requests).toEqual([]);
  });

  it('works on the machine’s clock too', async () => {
    const gateway = simulateGateway({ voice: acmeVoice() });
    expect(await charge(gateway)).toMatchObject({ state: 'paid' });
  });
});
