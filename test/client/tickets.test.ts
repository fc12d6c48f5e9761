import { describe, expect, it } from 'vitest';
import { constant, isInputError, parseTicket, type Ticket } from '../../src/index.ts';
import { bench, reset, said, state } from '../testing/bench.ts';

/** A ticket is what is left of a payment: whatever goes into it must come out again. */

const charge = { order: 'A1', amount: 100 };
const policy = { retry: { attempts: 1 }, poll: { backoff: constant(1000), deadlineMs: 3000 } };

const unreadable: [what: string, text: string][] = [
  ['longer than a ticket’s text may be', 'x'.repeat(257)],
  ['without end', '9'.repeat(100_000)],
  ['half a character', 'A\uD800'],
];

describe('a ticket that could not be read again', () => {
  it.each(unreadable)('is not opened, and nothing is sent: an order number that is %s', async (_what, order) => {
    const { gateway, clock, sends } = bench({ sends: [reset()], polls: [state('pending')], policy });
    const tickets: Ticket[] = [];
    const ends = [
      () => gateway.settle('payment.charge', { order, amount: 100 }, { onTicket: ticket => tickets.push(ticket) }),
      () => gateway.client.post('charge', { json: { order, amount: 100 } }),
    ];
    for (const begin of ends) {
      const error = await clock.run(
        begin().then(
          () => undefined,
          (thrown: unknown) => thrown,
        ),
      );
      expect(isInputError(error), String(error).slice(0, 200)).toBe(true);
    }
    expect([sends.length, tickets]).toEqual([0, []]);
    expect(() => gateway.ticketFor('payment.charge', { order, amount: 100 })).toThrow(/order/);
  });

  it.each(
    unreadable,
  )('is not made of one that can: a number of the provider’s that is %s is not learnt', async (_what, id) => {
    const { gateway, clock } = bench({ sends: [said('PENDING', { id })], polls: [state('pending', { id })], policy });
    const tickets: Ticket[] = [];
    const { ticket } = await clock.run(
      gateway.settle('payment.charge', charge, { onTicket: given => tickets.push(given) }),
    );
    for (const each of [...tickets, ticket])
      expect(parseTicket(JSON.stringify(each)).reference).toEqual({ order: 'A1' });
    expect(await clock.run(gateway.untilSettled(ticket))).toMatchObject({ outcome: 'unresolved' });
  });
});
