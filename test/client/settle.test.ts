import ky from 'ky';
import { describe, expect, it } from 'vitest';
import { constant, isInputError, isReferenceInUseError, steps, type Settlement, type Ticket } from '../../src/index.ts';
import { acme } from '../testing/acme.ts';
import { bench, hang, json, refused, reset, said, state } from '../testing/bench.ts';

const charge = { order: 'A1', amount: 100 };
const quick = { retry: { backoff: constant(100) }, poll: { backoff: constant(1000), deadlineMs: 60_000 } };

describe('settle: what the first answer settles', () => {
  it('returns a success by its own answer, after one send and no query', async () => {
    const { gateway, clock, sends, polls } = bench({ sends: [said('PAID', { id: 'P9' })] });
    const settlement = await clock.run(gateway.settle('payment.charge', charge));
    expect(settlement).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'answer',
      verdict: { kind: 'terminal', reason: 'approved', code: 'PAID', listed: true },
      answer: { code: 'PAID', id: 'P9' },
      attempts: 1,
      polls: 0,
      reference: { merchant: 'A1', provider: 'P9' },
      ticket: { seen: true, reference: { order: 'A1', id: 'P9' } },
    });
    expect([sends.length, polls.length]).toEqual([1, 0]);
    expect(clock.pending).toBe(0);
  });

  it.each([
    ['DECLINED', 'failed', 'declined'],
    ['REFUSED', 'rejected', 'invalid-request'],
    ['DUPLICATE', 'rejected', 'duplicate'],
  ])('returns %s on a first send as %s, and sends nothing more', async (code, outcome, reason) => {
    const { gateway, clock, sends, polls } = bench({ sends: [said(code)] });
    expect(await clock.run(gateway.settle('payment.charge', charge))).toMatchObject({
      outcome,
      settledBy: 'answer',
      verdict: { reason },
    });
    expect([sends.length, polls.length]).toEqual([1, 0]);
  });

  it('returns a created order with its answer and a ticket to follow it by', async () => {
    const { gateway, clock } = bench({
      sends: [said('CREATED', { link: 'https://pay' })],
      polls: [state('open'), state('paid')],
    });
    const settlement = await clock.run(gateway.settle('payment.create', charge));
    expect(settlement).toMatchObject({
      outcome: 'created',
      answer: { link: 'https://pay' },
      ticket: { operation: 'payment.create', seen: true },
    });
    expect(await clock.run(gateway.untilSettled(settlement.ticket))).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'query',
      polls: 2,
    });
  });

  it('sends again what the gateway did not process, and no more often than the policy says', async () => {
    const first = bench({ sends: [said('BUSY'), said('PAID')], policy: quick });
    expect(await first.clock.run(first.gateway.settle('payment.charge', charge))).toMatchObject({
      outcome: 'succeeded',
      attempts: 2,
      polls: 0,
    });

    const second = bench({
      sends: [said('BUSY')],
      policy: { ...quick, retry: { attempts: 4, backoff: constant(100) } },
    });
    const settlement = await second.clock.run(second.gateway.settle('payment.charge', charge));
    expect(settlement).toMatchObject({
      outcome: 'rejected',
      settledBy: 'answer',
      attempts: 4,
      polls: 0,
      verdict: { kind: 'retryable', reason: 'maintenance' },
    });
    expect(second.sends.map(({ atMs }) => atMs - (second.sends[0]?.atMs ?? 0))).toEqual([0, 100, 200, 300]);
  });

  it('polls a pending answer until it settles, and never sends it again', async () => {
    const { gateway, clock, sends, polls } = bench({
      sends: [said('PENDING')],
      polls: [state('pending'), state('pending'), state('paid')],
      policy: quick,
    });
    expect(await clock.run(gateway.settle('payment.charge', charge))).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'query',
      attempts: 1,
      polls: 3,
    });
    expect([sends.length, polls.length]).toEqual([1, 3]);
  });
});

describe('settle: the lost answer', () => {
  const losses: [string, Parameters<typeof bench>[0]][] = [
    ['a reset', { sends: [reset()] }],
    ['a hang', { sends: [hang] }],
    ['a 503', { sends: [() => new Response('<h1>503</h1>', { status: 503 })] }],
    ['a “not processed” under 504', { sends: [() => json({ code: 'BUSY' }, { status: 504 })] }],
    ['a “not processed” under 302', { sends: [() => json({ code: 'BUSY' }, { status: 302 })] }],
    ['a bare 429', { sends: [() => new Response('', { status: 429 })] }],
    ['an unreadable body', { sends: [() => new Response('<html>')] }],
    ['an empty body', { sends: [() => new Response('')] }],
    ['an unlisted code', { sends: [said('NEVER-HEARD')] }],
    [
      'a redirect',
      { sends: [() => new Response(null, { status: 302, headers: { location: 'https://elsewhere.test/' } })] },
    ],
    [
      'a body cut short',
      {
        sends: [
          () =>
            new Response(
              new ReadableStream({
                pull: c => c.error(Object.assign(new TypeError('terminated'), { cause: { code: 'UND_ERR_SOCKET' } })),
              }),
            ),
        ],
      },
    ],
    [
      'a body that never ends',
      { sends: [() => new Response(new ReadableStream({ pull: c => c.enqueue(new Uint8Array(100_000)) }))] },
    ],
    [
      'a body that drips',
      { sends: [() => new Response(new ReadableStream({ start: c => c.enqueue(new Uint8Array(1)) }))] },
    ],
  ];

  it.each(losses)('asks after %s, and sends nothing again', async (_what, script) => {
    const { gateway, clock, sends, polls } = bench({
      ...script,
      polls: [state('pending'), state('paid')],
      policy: quick,
    });
    expect(await clock.run(gateway.settle('payment.charge', charge))).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'query',
      attempts: 1,
      polls: 2,
    });
    expect([sends.length, polls.length]).toEqual([1, 2]);
    expect(clock.pending).toBe(0);
  });

  it.each(losses)('asks after %s on the last attempt too', async (_what, script) => {
    const { gateway, clock, sends } = bench({
      ...script,
      polls: [state('paid')],
      policy: { ...quick, retry: { attempts: 1 } },
    });
    expect(await clock.run(gateway.settle('payment.charge', charge))).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'query',
      attempts: 1,
    });
    expect(sends.length).toBe(1);
  });

  it.each(losses)('ends unresolved after %s when nobody can tell, never failed', async (_what, script) => {
    const { gateway, clock, sends, polls } = bench({
      ...script,
      polls: [() => new Response('', { status: 503 })],
      policy: quick,
    });
    const settlement = await clock.run(gateway.settle('payment.charge', charge));
    expect(settlement).toMatchObject({
      outcome: 'unresolved',
      settledBy: 'none',
      ticket: { reference: { order: 'A1' } },
    });
    expect(sends.length).toBe(1);
    expect(polls.length).toBeGreaterThan(10);
  });

  it('sends again what never left this machine', async () => {
    const { gateway, clock, sends } = bench({ sends: [refused(), refused(), said('PAID')], policy: quick });
    expect(await clock.run(gateway.settle('payment.charge', charge))).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'answer',
      attempts: 3,
      polls: 0,
    });
    expect(sends.length).toBe(3);
  });

  it('is unsent when no attempt left this machine', async () => {
    const { gateway, clock, polls } = bench({ sends: [refused()], policy: quick });
    expect(await clock.run(gateway.settle('payment.charge', charge))).toMatchObject({
      outcome: 'unsent',
      settledBy: 'none',
      attempts: 3,
      verdict: { kind: 'retryable', reason: 'unreachable', code: 'network/ECONNREFUSED' },
    });
    expect(polls.length).toBe(0);
  });

  it('is rejected, not unsent, when the gateway refused one attempt and the others never left', async () => {
    const { gateway, clock } = bench({ sends: [said('BUSY'), refused()], policy: quick });
    expect(await clock.run(gateway.settle('payment.charge', charge))).toMatchObject({
      outcome: 'rejected',
      verdict: { kind: 'retryable', reason: 'maintenance' },
    });
  });

  it('returns a created order without its answer when the payer’s link was lost', async () => {
    const { gateway, clock, sends } = bench({ sends: [reset()], polls: [state('none'), state('open')], policy: quick });
    const settlement = await clock.run(gateway.settle('payment.create', charge));
    expect(settlement).toMatchObject({
      outcome: 'created',
      settledBy: 'query',
      verdict: { advice: expect.stringContaining('cancel it') as string },
    });
    expect(settlement.answer).toBeUndefined();
    expect(sends.length).toBe(1);
  });

  it('sends again to recover the lost link where the provider replays', async () => {
    const { gateway, clock, sends } = bench({
      adapter: acme({ sameReference: 'replays' }),
      sends: [reset(), said('CREATED', { link: 'https://pay' })],
      polls: [state('open')],
      policy: quick,
    });
    expect(await clock.run(gateway.settle('payment.create', charge))).toMatchObject({
      outcome: 'created',
      settledBy: 'answer',
      answer: { link: 'https://pay' },
      attempts: 2,
    });
    expect(sends.length).toBe(2);
  });
});

describe('settle: polling', () => {
  it('polls at the backoff’s times, the last time at the deadline', async () => {
    const { gateway, clock, polls } = bench({
      sends: [said('PENDING')],
      polls: [state('pending')],
      policy: { poll: { backoff: steps([1000, 2000, 4000]), deadlineMs: 10_000 } },
    });
    const settlement = await clock.run(gateway.settle('payment.charge', charge));
    const start = Date.UTC(2026, 0, 1);
    expect(polls.map(({ atMs }) => atMs - start)).toEqual([1000, 3000, 7000, 10_000]);
    expect(settlement).toMatchObject({
      outcome: 'unresolved',
      elapsedMs: 10_000,
      polls: 4,
      ticket: { polls: 4, seen: true },
    });
  });

  it('never polls earlier than Retry-After says', async () => {
    const { gateway, clock, polls } = bench({
      sends: [said('PENDING')],
      polls: [() => new Response('', { status: 503, headers: { 'retry-after': '20' } }), state('paid')],
      policy: quick,
    });
    await clock.run(gateway.settle('payment.charge', charge));
    expect(polls.map(({ atMs }) => atMs - Date.UTC(2026, 0, 1))).toEqual([1000, 21_000]);
  });

  it.each([
    '3000000',
    '2147484',
    'Wed, 01 Jan 2126 00:00:00 GMT',
  ])('stops unresolved when Retry-After (%s) is longer than it may wait', async value => {
    const { gateway, clock, polls } = bench({
      sends: [said('PENDING')],
      polls: [() => new Response('', { status: 503, headers: { 'retry-after': value } })],
      policy: quick,
    });
    expect(await clock.run(gateway.settle('payment.charge', charge))).toMatchObject({
      outcome: 'unresolved',
      polls: 1,
    });
    expect(polls.length).toBe(1);
  });

  it('stops rejected when Retry-After on an unprocessed send is longer than it may wait', async () => {
    const { gateway, clock, sends } = bench({
      sends: [() => json({ code: 'BUSY' }, { status: 429, headers: { 'retry-after': '3600' } })],
      policy: quick,
    });
    expect(await clock.run(gateway.settle('payment.charge', charge))).toMatchObject({
      outcome: 'rejected',
      verdict: { kind: 'retryable' },
    });
    expect(sends.length).toBe(1);
  });

  it('asks less often when queries are refused, and stops unresolved after three in a row', async () => {
    const { gateway, clock, polls } = bench({
      sends: [said('PENDING')],
      polls: [state('REFUSED')],
      policy: { poll: { backoff: steps([1000, 9000]), deadlineMs: 60_000 } },
    });
    expect(await clock.run(gateway.settle('payment.charge', charge))).toMatchObject({
      outcome: 'unresolved',
      settledBy: 'none',
      verdict: { kind: 'terminal', outcome: 'rejected' },
    });
    expect(polls.map(({ atMs }) => atMs - Date.UTC(2026, 0, 1))).toEqual([1000, 10_000, 19_000]);
  });

  it('keeps a charge declined in a query final, and an order open', async () => {
    const one = bench({ sends: [said('PENDING')], polls: [state('declined')], policy: quick });
    expect(await one.clock.run(one.gateway.settle('payment.charge', charge))).toMatchObject({
      outcome: 'failed',
      settledBy: 'query',
    });
    const two = bench({ polls: [state('declined'), state('paid')], policy: quick });
    const ticket = two.gateway.ticketFor('payment.create', charge);
    expect(await two.clock.run(two.gateway.untilSettled(ticket))).toMatchObject({ outcome: 'succeeded', polls: 2 });
  });

  it('does not believe an answer about another order or amount', async () => {
    const { gateway, clock, events } = bench({
      sends: [said('PENDING')],
      polls: [
        state('paid', { order: 'B2' }),
        state('paid', { amount: '1' }),
        state('failed', { order: 'B2' }),
        state('paid', { order: 'A1', amount: '100' }),
      ],
      policy: quick,
    });
    expect(await clock.run(gateway.settle('payment.charge', charge))).toMatchObject({ outcome: 'succeeded', polls: 4 });
    expect(events.filter(({ type }) => type === 'conflict')).toHaveLength(3);
  });

  it('follows a cancel: paid fails it only once the cancel itself was finally refused', async () => {
    const open = bench({ sends: [reset()], polls: [state('paid'), state('paid'), state('canceled')], policy: quick });
    expect(await open.clock.run(open.gateway.settle('payment.cancel', { order: 'A1' }))).toMatchObject({
      outcome: 'succeeded',
      polls: 3,
    });
    const late = bench({ sends: [said('TOO_LATE')], policy: quick });
    expect(await late.clock.run(late.gateway.settle('payment.cancel', { order: 'A1' }))).toMatchObject({
      outcome: 'failed',
      verdict: { reason: 'already-final' },
    });
    const again = bench({ sends: [said('TOO_LATE')], polls: [state('paid')], policy: quick });
    const settlement = await again.clock.run(
      again.gateway.settle(
        'payment.cancel',
        { order: 'A1' },
        { mayHaveBeenSent: true, policy: { poll: { absentAfterMs: 0, resendWhenAbsent: true } } },
      ),
    );
    expect(settlement).toMatchObject({ outcome: 'unresolved' });
  });

  it('is unresolved at once for a write that cannot be asked about', async () => {
    const { gateway, clock, sends, polls } = bench({ sends: [reset()], policy: quick });
    const settlement = await clock.run(gateway.settle('payout.create', { order: 'A1' }));
    expect(settlement).toMatchObject({ outcome: 'unresolved', attempts: 1, polls: 0 });
    await expect(gateway.untilSettled(settlement.ticket)).rejects.toThrow(/no status query/);
    expect([sends.length, polls.length]).toEqual([1, 0]);
  });
});

describe('settle: absence', () => {
  const absent = { ...quick, poll: { backoff: constant(1000), deadlineMs: 60_000, absentAfterMs: 5000 } };

  it('is never concluded without absentAfterMs', async () => {
    const { gateway, clock } = bench({ sends: [reset()], polls: [state('none')], policy: quick });
    expect(await clock.run(gateway.settle('payment.charge', charge))).toMatchObject({
      outcome: 'unresolved',
      verdict: { reason: 'not-found' },
    });
  });

  it('is concluded after absentAfterMs and two not-founds', async () => {
    const { gateway, clock, sends } = bench({ sends: [reset()], polls: [state('none')], policy: absent });
    expect(await clock.run(gateway.settle('payment.charge', charge))).toMatchObject({
      outcome: 'absent',
      settledBy: 'query',
      polls: 5,
    });
    expect(sends.length).toBe(1);
  });

  it('is never concluded of an order the gateway has acknowledged', async () => {
    const { gateway, clock } = bench({ sends: [said('PENDING')], polls: [state('none')], policy: absent });
    expect(await clock.run(gateway.settle('payment.charge', charge))).toMatchObject({
      outcome: 'unresolved',
      ticket: { seen: true },
    });
  });

  it('sends again, under the same reference, only when the policy says so; later answers are read by what may have landed', async () => {
    const { gateway, clock, sends } = bench({
      sends: [reset(), said('DUPLICATE')],
      polls: [state('none'), state('none'), state('none'), state('none'), state('none'), state('paid')],
      policy: { ...absent, poll: { ...absent.poll, resendWhenAbsent: true } },
    });
    expect(await clock.run(gateway.settle('payment.charge', charge))).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'query',
      attempts: 2,
      ticket: { seen: true },
    });
    expect(sends.map(({ body }) => (JSON.parse(body) as { order: string }).order)).toEqual(['A1', 'A1']);
  });

  it('asks first when a job queue redelivered, and does not take a decline of its own send as final', async () => {
    const { gateway, clock, sends, polls } = bench({
      sends: [said('DECLINED')],
      polls: [state('paid')],
      policy: quick,
    });
    expect(await clock.run(gateway.settle('payment.charge', charge, { mayHaveBeenSent: true }))).toMatchObject({
      outcome: 'succeeded',
      attempts: 0,
      polls: 1,
    });
    expect([sends.length, polls.length]).toEqual([0, 1]);
  });
});

describe('settle: tickets, joining and ending', () => {
  it('gives the ticket before the first byte leaves, as it leaves, and again when it learns more', async () => {
    const { gateway, clock, sends } = bench({
      sends: [said('PENDING', { id: 'P9' })],
      polls: [state('paid')],
      policy: quick,
    });
    const tickets: { ticket: Ticket; sent: number }[] = [];
    await clock.run(
      gateway.settle('payment.charge', charge, { onTicket: ticket => tickets.push({ ticket, sent: sends.length }) }),
    );
    expect(tickets.map(({ sent, ticket }) => [sent, ticket.seen, ticket.reference])).toEqual([
      [0, false, { order: 'A1' }],
      [0, false, { order: 'A1' }],
      [1, true, { order: 'A1', id: 'P9' }],
    ]);
    expect(tickets[0]?.ticket).toEqual({
      version: 1,
      gateway: 'acme',
      account: 'shop-1',
      environment: 'sandbox',
      operation: 'payment.charge',
      reference: { order: 'A1' },
      openedAt: '2026-01-01T00:00:00.000Z',
      seen: false,
      polls: 0,
      charge: true,
      expect: { amount: '100' },
    });
    expect(tickets[1]?.ticket).toEqual({ ...tickets[0]?.ticket, lastSentAt: '2026-01-01T00:00:00.000Z' });
  });

  it('sends nothing when the ticket cannot be stored', async () => {
    const { gateway, clock, sends } = bench({ sends: [said('PAID')] });
    await expect(
      clock.run(gateway.settle('payment.charge', charge, { onTicket: () => Promise.reject(new Error('disk full')) })),
    ).rejects.toThrow('disk full');
    expect(sends.length).toBe(0);
  });

  it('resumes a ticket in another process', async () => {
    const one = bench({
      sends: [said('PENDING')],
      polls: [state('pending')],
      policy: { poll: { backoff: constant(1000), deadlineMs: 3000 } },
    });
    const open = await one.clock.run(one.gateway.settle('payment.charge', charge));
    expect(open.outcome).toBe('unresolved');
    const stored = JSON.stringify(open.ticket);
    const two = bench({ polls: [state('pending'), state('paid')], policy: quick });
    const settled = await two.clock.run(two.gateway.untilSettled(JSON.parse(stored) as Ticket));
    expect(settled).toMatchObject({ outcome: 'succeeded', attempts: 0, polls: 2, ticket: { polls: 5 } });
    expect(two.sends.length).toBe(0);
  });

  it('joins a second settle of equal fields, and refuses one of other fields', async () => {
    const { gateway, clock, sends } = bench({
      sends: [said('PENDING')],
      polls: [state('pending'), state('paid')],
      policy: quick,
    });
    const first = gateway.settle('payment.charge', charge);
    const second = gateway.settle('payment.charge', { amount: 100, order: 'A1' });
    const third = gateway.settle('payment.charge', { order: 'A1', amount: 101 });
    await expect(third).rejects.toSatisfy(isReferenceInUseError);
    const [a, b] = await clock.run(Promise.all([first, second]));
    expect([a.outcome, b.outcome, sends.length]).toEqual(['succeeded', 'succeeded', 1]);
  });

  it('shares one loop among those who wait for a ticket, each with a signal of its own', async () => {
    const { gateway, clock, polls } = bench({
      polls: [state('pending'), state('pending'), state('paid')],
      policy: quick,
    });
    const ticket = gateway.ticketFor('payment.charge', charge);
    const impatient = new AbortController();
    const one = gateway.untilSettled(ticket, { signal: impatient.signal });
    const two = gateway.untilSettled(ticket);
    impatient.abort(new Error('enough'));
    await expect(one).rejects.toThrow('enough');
    expect(await clock.run(two)).toMatchObject({ outcome: 'succeeded', polls: 3 });
    expect(polls.length).toBe(3);
  });

  it('rejects with the signal’s reason, sends nothing after it, and leaves no timer', async () => {
    const { gateway, clock, sends, polls } = bench({
      sends: [said('PENDING')],
      polls: [state('pending')],
      policy: quick,
    });
    const controller = new AbortController();
    let ticket: Ticket | undefined;
    const settling = gateway.settle('payment.charge', charge, {
      signal: controller.signal,
      onTicket: given => (ticket = given),
    });
    settling.catch(() => undefined);
    await clock.run(new Promise<void>(resolve => clock.timer(2500, resolve)));
    controller.abort(new Error('shutdown'));
    await expect(settling).rejects.toThrow('shutdown');
    const before = [sends.length, polls.length];
    expect(clock.pending).toBe(0);
    await clock.untilQuiet();
    expect([sends.length, polls.length]).toEqual(before);
    expect(ticket?.reference).toEqual({ order: 'A1' });
  });

  it.each([
    [
      'an unknown operation',
      (g: ReturnType<typeof bench>['gateway']) => g.settle('payment.steal' as 'payment.charge', charge),
      /no operation "payment.steal".*payment.charge/,
    ],
    [
      'a read',
      (g: ReturnType<typeof bench>['gateway']) => g.settle('payment.query' as 'payment.charge', charge),
      /only asks/,
    ],
    [
      'a missing field',
      (g: ReturnType<typeof bench>['gateway']) => g.settle('payment.charge', { order: 'A1' } as never),
      /amount is missing/,
    ],
    [
      'an empty reference',
      (g: ReturnType<typeof bench>['gateway']) => g.settle('payment.charge', { order: ' ', amount: 1 }),
      /order must be a non-empty text/,
    ],
    [
      'a negative duration',
      (g: ReturnType<typeof bench>['gateway']) =>
        g.settle('payment.charge', charge, { policy: { poll: { deadlineMs: -1 } } }),
      /deadlineMs/,
    ],
    [
      'a NaN duration',
      (g: ReturnType<typeof bench>['gateway']) =>
        g.settle('payment.charge', charge, { policy: { attemptTimeoutMs: Number.NaN } }),
      /attemptTimeoutMs/,
    ],
    [
      'a misspelt policy',
      (g: ReturnType<typeof bench>['gateway']) =>
        g.settle('payment.charge', charge, { policy: { retry: { atempts: 3 } as never } }),
      /no retry.atempts/,
    ],
    [
      'an idempotency key the provider does not have',
      (g: ReturnType<typeof bench>['gateway']) => g.settle('payment.charge', charge, { idempotencyKey: 'k' }),
      /no idempotency key/,
    ],
  ])('refuses %s before anything is sent', async (_what, act, message) => {
    const { gateway, sends } = bench({ sends: [said('PAID')] });
    const error: unknown = await act(gateway).catch((thrown: unknown) => thrown);
    expect(isInputError(error)).toBe(true);
    expect((error as Error).message).toMatch(message);
    expect(sends.length).toBe(0);
  });

  it.each([
    ['another gateway', { gateway: 'other' }],
    ['another version', { version: 2 }],
    ['another account', { account: 'shop-2' }],
    ['another environment', { environment: 'production' }],
    ['another base URL', { baseUrl: 'https://evil.test' }],
    ['another adapter’s operation', { operation: 'payment.fly' }],
    ['no reference', { reference: {} }],
  ])('refuses a ticket of %s', async (_what, change) => {
    const { gateway, polls } = bench({ polls: [state('paid')] });
    const ticket = { ...gateway.ticketFor('payment.charge', charge), ...change } as Ticket;
    for (const act of [gateway.untilSettled(ticket), gateway.ask(ticket)])
      await expect(act).rejects.toMatchObject({ name: 'TicketError' });
    expect(polls.length).toBe(0);
  });

  it('asks once, and tells what the network did as a verdict', async () => {
    const { gateway, clock } = bench({ polls: [state('paid'), reset(), refused()] });
    const ticket = gateway.ticketFor('payment.charge', charge);
    expect(await clock.run(gateway.ask(ticket))).toMatchObject({ kind: 'terminal', outcome: 'succeeded' });
    expect(await clock.run(gateway.ask(ticket))).toMatchObject({ kind: 'retryable', code: 'network/ECONNRESET' });
    expect(await clock.run(gateway.ask(ticket))).toMatchObject({ kind: 'retryable', code: 'network/ECONNREFUSED' });
  });

  it('signs every attempt afresh, with the reference and the business fields as they were', async () => {
    const { gateway, clock, sends } = bench({ sends: [said('BUSY'), said('PAID')], policy: quick });
    const fields = { ...charge };
    const settling = gateway.settle('payment.charge', fields);
    fields.amount = 999;
    await clock.run(settling);
    expect(sends.map(({ headers }) => headers.get('x-signed-at'))).toEqual([
      String(Date.UTC(2026, 0, 1)),
      String(Date.UTC(2026, 0, 1) + 100),
    ]);
    expect(sends.map(({ body }) => body)).toEqual(Array(2).fill('{"order":"A1","amount":100,"signed":"yes"}'));
  });

  it('is not touched by what a user’s afterResponse hook throws: that hook is the drop-in’s', async () => {
    const { gateway, clock } = bench({
      sends: [said('PAID')],
      client: fetch =>
        ky.create({
          fetch: fetch as typeof globalThis.fetch,
          hooks: { afterResponse: [() => Promise.reject(new Error('logger broke'))] },
        }),
    });
    const settlement: Settlement = await clock.run(gateway.settle('payment.charge', charge));
    expect(settlement).toMatchObject({ outcome: 'succeeded', settledBy: 'answer' });
  });

  it('becomes unresolved, with its cause, when a user’s hook throws once a send has landed', async () => {
    const { gateway, clock, sends } = bench({
      adapter: acme({ sameReference: 'replays' }),
      sends: [reset()],
      polls: [state('none')],
      client: fetch => {
        let asked = 0;
        return ky.create({
          fetch: fetch as typeof globalThis.fetch,
          hooks: {
            beforeRequest: [
              ({ request }) => {
                if (request.url.endsWith('/create') && ++asked === 2) throw new Error('no egress');
              },
            ],
          },
        });
      },
    });
    const settlement: Settlement = await clock.run(gateway.settle('payment.create', charge));
    expect(settlement).toMatchObject({
      outcome: 'unresolved',
      cause: { message: 'no egress' },
      ticket: { reference: { order: 'A1' } },
    });
    expect(sends.length).toBe(1);
  });

  it('rejects with the hook’s error when it throws before anything was sent', async () => {
    const { gateway, clock, sends } = bench({
      sends: [said('PAID')],
      client: fetch =>
        ky.create({
          fetch: fetch as typeof globalThis.fetch,
          hooks: { beforeRequest: [() => Promise.reject(new Error('no egress'))] },
        }),
    });
    await expect(clock.run(gateway.settle('payment.charge', charge))).rejects.toThrow('no egress');
    expect(sends.length).toBe(0);
  });

  it('gives a timeline that is plain JSON', async () => {
    const { gateway, clock } = bench({ sends: [reset()], polls: [state('paid')], policy: quick });
    const { timeline } = await clock.run(gateway.settle('payment.charge', charge));
    expect(timeline.map(({ type }) => type)).toEqual(['ticket', 'send', 'lost', 'wait', 'ask', 'status', 'settled']);
    expect(JSON.parse(JSON.stringify(timeline))).toEqual(timeline);
  });
});
