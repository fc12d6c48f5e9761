import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import ky from 'ky';
import { describe, expect, it } from 'vitest';
import {
  constant,
  createGateway,
  isInputError,
  isReferenceInUseError,
  isTicketError,
  isUnresolvedError,
  parseTicket,
  type Gateway,
  type Ticket,
  type TicketSeal,
} from '../../src/index.ts';
import { pollRequired, succeeded } from '../../src/kit/index.ts';
import type { Adapter } from '../../src/kit/adapter.ts';
import { idOf } from '../../src/kit/readers.ts';
import type { Webhook } from '../../src/kit/webhook.ts';
import { acme, type AcmeFields } from '../testing/acme.ts';
import { bench, json, said, state, type Bench, type Step } from '../testing/bench.ts';

/** A ticket that was changed where it is stored must not turn a verdict; nor must one that belongs to other money. */

const key = 'a made-up key of more than 32 characters';
const otherKey = new Uint8Array(32).fill(7);
const charge = { order: 'A1', amount: 100 };
const policy = { retry: { attempts: 1 }, poll: { backoff: constant(1000), deadlineMs: 3000 } };

/** Whoever signs with the name of the order tells that it is paid. */
const webhook: Webhook = {
  codes: { paid: succeeded(), pending: pollRequired('processing') },
  reply: () => ({ body: 'OK' }),
  hear: ({ text }) => ({
    verified: true,
    operation: 'payment.charge',
    names: [idOf(JSON.parse(text), 'state') ?? 'paid'],
    reference: { order: idOf(JSON.parse(text), 'order') },
  }),
};

function shop(
  ticketSeal?: TicketSeal,
  script: { sends?: Step[]; polls?: Step[] } = {},
): Bench & { another: (seal?: TicketSeal) => Gateway<AcmeFields> } {
  const adapter: Adapter<AcmeFields> = Object.freeze({ ...acme(), webhook });
  const world = bench({
    adapter,
    policy,
    sends: [said('PENDING', { id: 'P9' })],
    polls: [state('pending', { order: 'A1' })],
    ...script,
  });
  const client = ky.create({ fetch: world.fetch as typeof globalThis.fetch });
  const another = (seal?: TicketSeal): Gateway<AcmeFields> =>
    createGateway({ adapter, client, clock: world.clock, policy, ...(seal !== undefined && { ticketSeal: seal }) });
  return { ...world, gateway: another(ticketSeal), another };
}

/** Every ticket that leaves a gateway, whichever way. */
async function ticketsOf({ gateway, clock }: Pick<Bench, 'gateway' | 'clock'>): Promise<Ticket[]> {
  const tickets: Ticket[] = [];
  const onTicket = (ticket: Ticket): void => void tickets.push(ticket);
  tickets.push((await clock.run(gateway.settle('payment.charge', charge, { onTicket }))).ticket);
  tickets.push((await clock.run(gateway.untilSettled(tickets[0] as Ticket))).ticket);
  tickets.push(gateway.ticketFor('payment.charge', charge));
  const error: unknown = await clock.run(
    gateway.client.post('charge', { json: { order: 'A2', amount: 100 } }).catch((thrown: unknown) => thrown),
  );
  if (isUnresolvedError(error)) tickets.push(error.ticket);
  const answered = await clock.run(
    gateway.client.post('create', { json: { order: 'A3', amount: 100 } }).catch((thrown: unknown) => thrown),
  );
  const ofAnswer = gateway.ticketOf(answered);
  if (ofAnswer !== undefined) tickets.push(ofAnswer);
  const received = await gateway.receive(
    new Request('https://shop.example/hooks', { method: 'POST', body: '{"order":"A4"}' }),
  );
  if (received.verified) tickets.push(received.ticket);
  return tickets;
}

const sends: Step[] = [said('PENDING', { id: 'P9' }), said('PENDING'), said('CREATED')];

const refusal = async (run: () => Promise<unknown>): Promise<string> => {
  const error: unknown = await run().catch((thrown: unknown) => thrown);
  expect(isTicketError(error), String(error)).toBe(true);
  return String(error);
};

/** Every way in. */
const doors = (gateway: Gateway<AcmeFields>, ticket: Ticket): (() => Promise<unknown>)[] => [
  () => gateway.untilSettled(ticket),
  () => gateway.ask(ticket),
  () => gateway.settle('payment.charge', charge, { ticket }),
  () => gateway.client.post('charge', { json: charge, context: { tillpaid: { ticket } } }),
];

describe('with a seal', () => {
  it('every ticket that leaves is sealed, and taken again by every gateway with the key', async () => {
    const world = shop({ key }, { sends });
    const tickets = await ticketsOf(world);
    expect(tickets.length).toBeGreaterThanOrEqual(7);
    for (const ticket of tickets) {
      expect(ticket.seal).toMatch(/^[0-9a-f]{64}$/);
      const read = parseTicket(JSON.stringify(ticket));
      expect(read).toEqual(ticket);
      const reordered = {
        ...Object.fromEntries(Object.entries(read).reverse()),
        reference: Object.fromEntries(Object.entries(read.reference).reverse()),
      };
      expect((await world.clock.run(world.another({ key }).ask(parseTicket(reordered)))).kind).toBe('poll-required');
    }
  });

  it('a ticket is followed, and sent again, as without one', async () => {
    const {
      gateway,
      another,
      clock,
      sends: sent,
    } = shop(
      { key },
      {
        polls: [
          state('pending', { order: 'A1' }),
          state('pending', { order: 'A1' }),
          state('pending', { order: 'A1' }),
          state('pending', { order: 'A1' }),
          state('paid', { order: 'A1' }),
        ],
      },
    );
    const { ticket } = await clock.run(gateway.settle('payment.charge', charge));
    expect(await clock.run(another({ key }).settle('payment.charge', charge, { ticket }))).toMatchObject({
      outcome: 'succeeded',
      ticket: { seal: expect.any(String) as string },
    });
    expect(sent).toHaveLength(1);
  });

  it('a ticket that was changed in any field is refused at every door, before anything is sent', async () => {
    const { gateway, clock, sends: sent, polls } = shop({ key }, { sends });
    const ticket = { ...gateway.ticketFor('payment.charge', charge) };
    const { expect: _expect, ...moneyless } = ticket;
    const { charge: _charge, ...asOrder } = ticket;
    const changed: Ticket[] = [
      moneyless,
      asOrder,
      { ...ticket, expect: { amount: '1' } },
      { ...ticket, expect: { amount: '100', currency: 'EUR' } },
      { ...ticket, expiresAt: '2020-01-01T00:00:00.000Z' },
      { ...ticket, lastSentAt: '2020-01-01T00:00:00.000Z' },
      { ...ticket, openedAt: '2020-01-01T00:00:00.000Z' },
      { ...ticket, seen: true },
      { ...ticket, polls: 7 },
      { ...ticket, operation: 'payment.create' },
      { ...ticket, reference: { order: 'A1', id: 'P7' } },
      { ...ticket, seal: '0'.repeat(64) },
      { ...ticket, seal: `${ticket.seal ?? ''}0` },
    ];
    for (const each of changed) {
      for (const door of doors(gateway, each)) expect(await refusal(() => clock.run(door()))).toMatch(/sealed/);
    }
    expect([sent.length, polls.length]).toEqual([0, 0]);
  });

  it('no change of a ticket’s text that still is a ticket passes, unless it says the same', async () => {
    const { gateway, clock } = shop({ key });
    const ticket = gateway.ticketFor('payment.charge', charge);
    const text = JSON.stringify(ticket);
    await fc.assert(
      fc.asyncProperty(fc.nat(text.length - 1), fc.integer({ min: 0x20, max: 0x7e }), async (index, code) => {
        const edited = text.slice(0, index) + String.fromCharCode(code) + text.slice(index + 1);
        let read: Ticket;
        try {
          read = parseTicket(edited);
        } catch {
          return;
        }
        if (JSON.stringify(read) === text) return;
        await refusal(() => clock.run(gateway.ask(read)));
      }),
      { numRuns: 300 },
    );
  });

  it('a ticket without a seal is refused, but for the time that older ones are let in', async () => {
    const unsealed = shop().gateway.ticketFor('payment.charge', charge);
    const { gateway, clock, another } = shop({ key });
    for (const door of doors(gateway, unsealed)) expect(await refusal(() => clock.run(door()))).toMatch(/no seal/);
    const untilMs = clock.now() + 3_600_000;
    for (const acceptUnsealedUntil of [new Date(untilMs), new Date(untilMs).toISOString()]) {
      expect((await clock.run(another({ key, acceptUnsealedUntil }).untilSettled(unsealed))).ticket.seal).toBeDefined();
    }
    clock.advance(3_600_000);
    expect(
      await refusal(() => clock.run(another({ key, acceptUnsealedUntil: new Date(untilMs) }).ask(unsealed))),
    ).toMatch(/no seal/);
  });

  it('a ticket of a previous key is taken, and leaves with the new one', async () => {
    const { clock, another } = shop();
    const ticket = another({ key }).ticketFor('payment.charge', charge);
    const renewed = (await clock.run(another({ key: otherKey, previousKeys: [key] }).untilSettled(ticket))).ticket;
    expect(await refusal(() => clock.run(another({ key: otherKey }).ask(ticket)))).toMatch(/sealed/);
    expect((await clock.run(another({ key: otherKey }).ask(renewed))).kind).toBe('poll-required');
    expect(await refusal(() => clock.run(another({ key }).ask(renewed)))).toMatch(/sealed/);
  });

  it('is HMAC-SHA256 over the ticket, so that nobody makes one without the key', () => {
    const ticket = shop({ key }).gateway.ticketFor('payment.charge', charge);
    const { seal: _seal, ...plain } = ticket;
    const sorted = (value: object): [string, unknown][] =>
      Object.entries(value)
        .map(([name, each]): [string, unknown] => [
          name,
          typeof each === 'object' && each !== null ? sorted(each as object) : each,
        ])
        .sort(([one], [other]) => (one < other ? -1 : 1));
    expect(ticket.seal).toBe(
      createHmac('sha256', key)
        .update(`tillpaid ticket ${JSON.stringify(sorted(plain))}`)
        .digest('hex'),
    );
  });

  it('a key that is too short, or a time that is none, is refused without being shown', () => {
    const wrong: unknown[] = [
      { key: 'short-secret' },
      { key: new Uint8Array(31) },
      { key: undefined },
      { key: 7 },
      {},
      null,
      { key, previousKeys: ['short-secret'] },
      { key, previousKeys: 'short-secret' },
      { key, acceptUnsealedUntil: 'soon' },
      { key, acceptUnsealedUntil: new Date(NaN) },
    ];
    for (const ticketSeal of wrong) {
      try {
        createGateway({ adapter: acme(), ticketSeal: ticketSeal as TicketSeal });
        expect.unreachable(JSON.stringify(ticketSeal));
      } catch (error) {
        expect(isInputError(error), String(error)).toBe(true);
        expect(String(error)).toMatch(/ticketSeal/);
        expect(String(error)).not.toMatch(/short-secret|made-up/);
      }
    }
  });
});

describe('without a seal', () => {
  it('no ticket has one, and one that comes along is carried while nothing changes', async () => {
    const { gateway, another, clock } = shop(undefined, { sends });
    for (const ticket of await ticketsOf({ gateway, clock })) expect(ticket).not.toHaveProperty('seal');
    const sealed = another({ key }).ticketFor('payment.charge', charge);
    expect(parseTicket(sealed).seal).toBe(sealed.seal);
    // It was asked about since: the old seal would be wrong.
    expect((await clock.run(gateway.untilSettled(sealed))).ticket).not.toHaveProperty('seal');
  });
});

describe('a stored ticket of other money', () => {
  const cases: [
    what: string,
    differs: RegExp,
    fields: { order: string; amount: number },
    change: (ticket: Ticket) => Ticket,
  ][] = [
    ['another amount', /another amount/, { order: 'A1', amount: 999 }, ticket => ticket],
    [
      'a currency that the fields have not',
      /another currency/,
      charge,
      ticket => ({ ...ticket, expect: { amount: '100', currency: 'EUR' } }),
    ],
    ['no charge in the call', /taken in the call/, charge, ({ charge: _charge, ...ticket }) => ticket],
  ];
  it.each(cases)('is refused before anything is sent: %s', async (_what, differs, fields, change) => {
    const {
      gateway,
      clock,
      sends: sent,
      polls,
    } = shop(undefined, { polls: [() => json({ state: 'paid', order: 'A1' })] });
    const ticket = change(gateway.ticketFor('payment.charge', charge));
    expect(await refusal(() => clock.run(gateway.settle('payment.charge', fields, { ticket })))).toMatch(differs);
    expect(
      await refusal(() =>
        clock.run(gateway.client.post('charge', { json: fields, context: { tillpaid: { ticket } } })),
      ),
    ).toMatch(differs);
    expect([sent.length, polls.length]).toEqual([0, 0]);
  });

  it('but the same amount in another spelling is the same money', async () => {
    const { gateway, clock } = shop(undefined, { polls: [() => json({ state: 'paid', order: 'A1' })] });
    const ticket = { ...gateway.ticketFor('payment.charge', charge), expect: { amount: '100.00' } };
    expect(await clock.run(gateway.settle('payment.charge', charge, { ticket }))).toMatchObject({
      outcome: 'succeeded',
    });
  });

  it('an older ticket that expects nothing expects what the fields say', async () => {
    const { gateway, clock } = shop(undefined, { polls: [() => json({ state: 'paid', order: 'A1', amount: '7' })] });
    const { expect: _expect, ...ticket } = gateway.ticketFor('payment.charge', charge);
    expect(await clock.run(gateway.settle('payment.charge', charge, { ticket }))).toMatchObject({
      outcome: 'unresolved',
      ticket: { expect: { amount: '100' } },
    });
  });
});

it('what a notice adds to a ticket that is remembered is sealed with the rest', async () => {
  const { gateway, clock } = shop(
    { key },
    { sends: [() => new Response('', { status: 500 })], polls: [state('none')] },
  );
  const tell = (body: object): Promise<unknown> =>
    gateway.receive(new Request('https://shop.example/hooks', { method: 'POST', body: JSON.stringify(body) }));
  expect(await clock.run(gateway.settle('payment.charge', charge))).toMatchObject({ outcome: 'unresolved' });
  await tell({ order: 'A1', state: 'pending' });
  const refused: unknown = await gateway
    .settle('payment.charge', { ...charge, amount: 200 })
    .catch((error: unknown) => error);
  const open = isReferenceInUseError(refused) ? refused.ticket : undefined;
  expect(open).toMatchObject({ seen: true });
  await clock.run(gateway.ask(open as Ticket));

  await tell({ order: 'A9' });
  const { ticket, repeated } = await gateway.settle('payment.charge', { order: 'A9', amount: 1 });
  expect(repeated).toBe(true);
  await clock.run(gateway.ask(ticket));
});
