import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { constant, isInputError, isSettledError, parseTicket, type Received, type Ticket } from '../../src/index.ts';
import {
  canceled,
  declined,
  expired,
  failed,
  pollRequired,
  refunded,
  succeeded,
  type CodeTable,
} from '../../src/kit/index.ts';
import type { Adapter } from '../../src/kit/adapter.ts';
import { asRecord, idOf, integerOf, statedOf, textOf } from '../../src/kit/readers.ts';
import type { Webhook } from '../../src/kit/webhook.ts';
import { acme, type AcmeFields } from '../testing/acme.ts';
import { bench, json, reset, said, state, type Bench, type Step } from '../testing/bench.ts';

const secret = 'acme-webhook-secret';
const FIVE_MINUTES_MS = 5 * 60_000;

const states: CodeTable = {
  paid: succeeded(),
  open: pollRequired('awaiting-payer'),
  declined: declined(),
  failed: failed(),
  canceled: canceled(),
  expired: expired(),
  refunded: refunded(),
};

/**
 * Acme with webhooks: the signature of body and time is in a header, and what is older than five minutes is refused.
 */
function notifying(options: { confirm?: boolean; hear?: Webhook['hear'] } = {}): Adapter<AcmeFields> {
  const plain = acme();
  const { codes, ...query } = plain.operations['payment.query'] as Adapter['operations'][string];
  const create = plain.operations['payment.create'] as Adapter['operations'][string];
  const webhook: Webhook = {
    codes: states,
    confirm: options.confirm ?? false,
    reply: word => ({
      ...(word === 'stored' ? {} : { status: word === 'again' ? 503 : 401 }),
      headers: { 'x-acme': word },
      body: word === 'stored' ? 'OK' : { word },
    }),
    hear: ({ bytes, text, headers, nowMs }) => {
      const sentAtMs = Number(headers.get('x-acme-time'));
      const right = createHmac('sha256', secret).update(bytes).update(String(sentAtMs)).digest('hex');
      if (headers.get('x-acme-sign') !== right)
        return { verified: false, reason: 'the signature is not that of this body' };
      if (Math.abs(nowMs - sentAtMs) > FIVE_MINUTES_MS)
        return { verified: false, reason: 'it is more than five minutes old' };
      const told: unknown = JSON.parse(text);
      const openedAtMs = integerOf(told, 'openedAtMs');
      return {
        verified: true,
        operation: `${textOf(told, 'about') ?? 'payment'}.create`,
        names: [textOf(told, 'state') ?? ''],
        message: textOf(told, 'message'),
        reference: { order: idOf(told, 'order'), id: idOf(told, 'id') },
        amount: idOf(told, 'amount'),
        ...(openedAtMs !== undefined && { openedAtMs }),
      };
    },
    ...(options.hear !== undefined && { hear: options.hear }),
  };
  const ask = {
    operation: 'refund.query' as const,
    fields: ({ reference }: Ticket) => ({ order: reference['order'] }),
  };
  const operations: Adapter['operations'] = {
    ...plain.operations,
    'payment.query': { ...query, codes: { ...asRecord(codes), refunded: refunded() } as CodeTable },
    'refund.query': { ...query, codes: { ...states, pending: pollRequired('processing') }, name: 'refund.query' },
    'refund.create': {
      ...create,
      name: 'refund.create',
      path: '/refund',
      follows: 'refund',
      query: ask,
      sameReference: 'unknown',
      payerNeedsAnswer: () => false,
    },
  };
  return Object.freeze({ ...plain, operations, webhook });
}

/** A webhook request as Acme sends it. */
function notice(
  clock: Bench['clock'],
  told: object,
  change: { secret?: string; body?: string; sentAtMs?: number } = {},
): Request {
  const body = JSON.stringify(told);
  const sentAt = String(change.sentAtMs ?? clock.now());
  const sign = createHmac('sha256', change.secret ?? secret)
    .update(body)
    .update(sentAt)
    .digest('hex');
  return new Request('https://shop.example/hooks', {
    method: 'POST',
    headers: { 'x-acme-sign': sign, 'x-acme-time': sentAt },
    body: change.body ?? body,
  });
}

const paid = { order: 'A1', id: 'P9', state: 'paid', amount: 100 };
const charge = { order: 'A1', amount: 100 };
const slow = { retry: { backoff: constant(100) }, poll: { backoff: constant(30_000), deadlineMs: 600_000 } };

type Script = NonNullable<Parameters<typeof bench>[0]>;
const shop = ({ confirm, ...script }: Script & { confirm?: boolean } = {}): Bench =>
  bench({ adapter: notifying(confirm === undefined ? {} : { confirm }), policy: slow, ...script });

const verified = (received: Received): Received & { verified: true } => {
  if (!received.verified) throw new Error(`refused: ${received.reason}`);
  return received;
};

const conflicts = ({ events }: Bench): object[] => events.filter(({ type }) => type === 'conflict');

describe('receive: a genuine notice', () => {
  it('gives the verdict, a ticket to follow it by, and both replies', async () => {
    const { gateway, clock, polls, events } = shop();
    const openedAtMs = clock.now() - 60_000;
    const received = verified(await gateway.receive(notice(clock, { ...paid, message: 'thank you', openedAtMs })));
    expect(received.verdict).toEqual({
      kind: 'terminal',
      outcome: 'succeeded',
      reason: 'approved',
      code: 'paid',
      listed: true,
      message: 'thank you',
    });
    expect(received.ticket).toEqual({
      version: 1,
      gateway: 'acme',
      account: 'shop-1',
      environment: 'sandbox',
      operation: 'payment.create',
      reference: { order: 'A1', id: 'P9' },
      openedAt: new Date(openedAtMs).toISOString(),
      seen: true,
      polls: 0,
      expect: { amount: '100' },
    });
    expect([received.reply.status, await received.reply.text(), received.reply.headers.get('x-acme')]).toEqual([
      200,
      'OK',
      'stored',
    ]);
    expect([received.askAgain.status, await received.askAgain.json(), received.askAgain.headers.get('x-acme')]).toEqual(
      [503, { word: 'again' }, 'again'],
    );
    expect([polls.length, clock.pending]).toEqual([0, 0]);
    expect(events).toMatchObject([
      {
        type: 'notice-received',
        operation: 'payment.create',
        reference: { order: 'A1', id: 'P9' },
        verdict: { code: 'paid' },
      },
    ]);
  });

  it('gives a ticket that can be stored, asked about and followed', async () => {
    const { gateway, clock } = shop({ polls: [state('open'), state('paid')] });
    const { ticket } = verified(await gateway.receive(notice(clock, { ...paid, state: 'open' })));
    const stored = JSON.parse(JSON.stringify(ticket)) as Ticket;
    expect(await clock.run(gateway.ask(stored))).toMatchObject({ kind: 'poll-required', reason: 'awaiting-payer' });
    expect(await clock.run(gateway.untilSettled(stored))).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'query',
      ticket: { reference: { id: 'P9' } },
    });
  });

  it('is open when no row knows its name, and when it says so', async () => {
    const { gateway, clock } = shop();
    expect(verified(await gateway.receive(notice(clock, { ...paid, state: 'open' }))).verdict).toMatchObject({
      kind: 'poll-required',
      reason: 'awaiting-payer',
    });
    for (const unknown of ['frozen', '', 'constructor', '__proto__']) {
      const { verdict } = verified(await gateway.receive(notice(clock, { ...paid, state: unknown })));
      expect(verdict).toMatchObject({ kind: 'poll-required', reason: 'unknown-outcome', listed: false });
    }
  });

  it('hands the adapter the very bytes that came, and the time', async () => {
    const bytes = new Uint8Array([0xef, 0xbb, 0xbf, 0x7b, 0xff, 0x7d, 0x0a]);
    const heard: unknown[] = [];
    const hear: Webhook['hear'] = delivery => {
      heard.push([
        [...delivery.bytes],
        delivery.method,
        delivery.url.pathname,
        delivery.headers.get('x-a'),
        delivery.nowMs,
      ]);
      return { verified: false, reason: 'enough' };
    };
    const { gateway, clock } = bench({ adapter: notifying({ hear }) });
    await gateway.receive(
      new Request('https://shop.example/hooks?x=1', { method: 'PUT', headers: { 'x-a': 'b' }, body: bytes }),
    );
    expect(heard).toEqual([[[...bytes], 'PUT', '/hooks', 'b', clock.now()]]);
  });
});

describe('receive: what is not genuine', () => {
  const forgeries: [string, (clock: Bench['clock']) => Request][] = [
    ['a tampered body', clock => notice(clock, paid, { body: JSON.stringify({ ...paid, order: 'A2' }) })],
    ['another key', clock => notice(clock, paid, { secret: 'guess' })],
    ['a body written again', clock => notice(clock, paid, { body: JSON.stringify(paid, undefined, 1) })],
    [
      'a missing signature',
      () => new Request('https://shop.example/hooks', { method: 'POST', body: JSON.stringify(paid) }),
    ],
    ['a stale time', clock => notice(clock, paid, { sentAtMs: clock.now() - FIVE_MINUTES_MS - 1 })],
    ['signed text that is not JSON', clock => notice(clock, paid, { body: 'x' })],
    ['no body', () => new Request('https://shop.example/hooks')],
  ];

  it.each(forgeries)('%s is refused, with a reason that quotes nothing and the reply for it', async (_what, forge) => {
    const { gateway, clock, polls, events } = shop();
    const received = await gateway.receive(forge(clock));
    expect(Object.keys(received).sort()).toEqual(['reason', 'reply', 'verified']);
    if (received.verified) throw new Error('it was verified');
    expect(received.reason).not.toMatch(/A1|A2|P9|acme-webhook-secret|guess|[0-9a-f]{16}/);
    expect([received.reply.status, received.reply.headers.get('x-acme')]).toEqual([401, 'refused']);
    expect(polls.length).toBe(0);
    expect(events).toEqual([
      {
        ...{ type: 'notice-refused', at: new Date(clock.now()).toISOString(), elapsedMs: 0, gateway: 'acme' },
        ...{ operation: '', reference: {}, why: received.reason },
      },
    ]);
  });

  it.each(forgeries)('%s disturbs no loop that waits for that payment', async (_what, forge) => {
    const { gateway, clock, polls } = shop({ sends: [said('PENDING')], polls: [state('pending'), state('paid')] });
    const settling = gateway.settle('payment.charge', charge);
    await clock.untilQuiet();
    await gateway.receive(forge(clock));
    await clock.untilQuiet();
    expect(polls.length).toBe(0);
    expect(await clock.run(settling)).toMatchObject({ outcome: 'succeeded', settledBy: 'query', polls: 2 });
  });

  it('an adapter that throws refuses', async () => {
    for (const hear of [
      () => Promise.reject(new Error(`broken ${secret}`)),
      () => {
        throw new TypeError(secret);
      },
    ] satisfies Webhook['hear'][]) {
      const { gateway, clock } = bench({ adapter: notifying({ hear }) });
      const received = await gateway.receive(notice(clock, paid));
      expect(received).toMatchObject({ verified: false });
      expect(JSON.stringify(received)).not.toContain(secret);
    }
  });

  it('a body that is too long, endless or cut short never reaches the adapter', async () => {
    let heard = 0;
    const hear: Webhook['hear'] = () => (heard++, { verified: false, reason: 'heard' });
    const { gateway } = bench({ adapter: notifying({ hear }) });
    const streamed = (body: ReadableStream): Request =>
      new Request('https://shop.example/hooks', { method: 'POST', body, duplex: 'half' } as RequestInit);

    expect(
      await gateway.receive(
        new Request('https://shop.example/hooks', { method: 'POST', body: 'x'.repeat(256 * 1024 + 1) }),
      ),
    ).toMatchObject({ verified: false });
    let given = 0;
    let left = false;
    const endless = new ReadableStream({
      pull: controller => (given++, controller.enqueue(new Uint8Array(64 * 1024))),
      cancel: () => void (left = true),
    });
    expect(await gateway.receive(streamed(endless))).toMatchObject({ verified: false });
    expect(given).toBeLessThan(10);
    expect(left).toBe(true);
    const cut = new ReadableStream({
      start: controller => (controller.enqueue(new Uint8Array(9)), controller.error(new Error('reset'))),
    });
    expect(await gateway.receive(streamed(cut))).toMatchObject({ verified: false });
    expect(heard).toBe(0);

    expect(
      await gateway.receive(
        new Request('https://shop.example/hooks', { method: 'POST', body: 'x'.repeat(256 * 1024) }),
      ),
    ).toMatchObject({ reason: 'heard' });
  });

  it('a body that does not arrive within ten seconds is waited for no longer, and its connection is let go', async () => {
    const { gateway, clock } = shop();
    let canceled = false;
    // Whoever drips begins with something that is right.
    const never = new ReadableStream<Uint8Array>({
      start: controller => controller.enqueue(new TextEncoder().encode('{"order":')),
      cancel: () => void (canceled = true),
    });
    const startMs = clock.now();
    const received = await clock.run(
      gateway.receive(
        new Request('https://shop.example/hooks', { method: 'POST', body: never, duplex: 'half' } as RequestInit),
      ),
    );
    expect(received).toMatchObject({ verified: false, reason: 'the body did not arrive in time' });
    expect([clock.now() - startMs, canceled, received.reply.status, clock.pending]).toEqual([10_000, true, 503, 0]);
  });

  it('says so when somebody has read the body before', async () => {
    const { gateway, clock } = shop();
    const request = notice(clock, paid);
    await request.text();
    await expect(gateway.receive(request)).rejects.toSatisfy(
      error => isInputError(error) && /read/.test(error.message),
    );
  });

  it('an adapter without webhooks says so', async () => {
    const { gateway, clock } = bench();
    await expect(gateway.receive(notice(clock, paid))).rejects.toSatisfy(isInputError);
  });
});

describe('receive: a loop that waits', () => {
  const waiting = { sends: [said('PENDING')], polls: [state('pending')] };

  it('ends at once, without another query or a further wait', async () => {
    const { gateway, clock, polls } = shop(waiting);
    const settling = gateway.settle('payment.charge', charge);
    await clock.untilQuiet();
    const before = clock.now();
    expect(clock.pending).toBe(1);
    const { verdict } = verified(await gateway.receive(notice(clock, paid)));
    const settlement = await settling;
    expect(settlement).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'webhook',
      attempts: 1,
      polls: 0,
      elapsedMs: 0,
      verdict,
    });
    expect(settlement.timeline.map(({ type }) => type)).toEqual([
      'ticket',
      'send',
      'answer',
      'wait',
      'notice',
      'settled',
    ]);
    expect([clock.now(), clock.pending, polls.length]).toEqual([before, 0, 0]);
  });

  it.each(['failed', 'canceled', 'expired', 'refunded'] as const)('ends %s when the notice says so', async outcome => {
    const { gateway, clock } = shop(waiting);
    const settling = gateway.settle('payment.charge', charge);
    await clock.untilQuiet();
    await gateway.receive(notice(clock, { ...paid, state: outcome }));
    expect(await settling).toMatchObject({ outcome, settledBy: 'webhook' });
  });

  it('takes a decline as final of a charge, and as open of an order its payer can try again', async () => {
    const one = shop(waiting);
    const settling = one.gateway.settle('payment.charge', charge);
    await one.clock.untilQuiet();
    await one.gateway.receive(notice(one.clock, { ...paid, state: 'declined' }));
    expect(await settling).toMatchObject({ outcome: 'failed', settledBy: 'webhook' });

    const two = shop({ polls: [state('open'), state('paid')] });
    const following = two.gateway.untilSettled(two.gateway.ticketFor('payment.create', charge));
    await two.clock.untilQuiet();
    await two.gateway.receive(notice(two.clock, { ...paid, state: 'declined' }));
    expect(await two.clock.run(following)).toMatchObject({ outcome: 'succeeded', settledBy: 'query' });
  });

  it('that follows a ticket ends too, and so does everybody who waits for it', async () => {
    const { gateway, clock, polls } = shop({ polls: [state('open')] });
    const ticket = gateway.ticketFor('payment.create', charge);
    const both = Promise.all([gateway.untilSettled(ticket), gateway.untilSettled(ticket)]);
    await clock.untilQuiet();
    expect(polls.length).toBe(1);
    await gateway.receive(notice(clock, paid));
    expect((await both).map(({ outcome, settledBy }) => [outcome, settledBy])).toEqual([
      ['succeeded', 'webhook'],
      ['succeeded', 'webhook'],
    ]);
    expect([polls.length, clock.pending]).toEqual([1, 0]);
  });

  it('of the drop-in client ends too; its caller never sees somebody else’s answer', async () => {
    const { gateway, clock } = shop(waiting);
    const posting = gateway.client.post('charge', { json: charge }).catch((error: unknown) => error);
    await clock.untilQuiet();
    await gateway.receive(notice(clock, paid));
    expect(await posting).toSatisfy(
      error =>
        isSettledError(error) && error.settlement.outcome === 'succeeded' && error.settlement.settledBy === 'webhook',
    );
    expect(clock.pending).toBe(0);
  });

  it('asks first where the manual wants it, but does not wait to ask', async () => {
    const { gateway, clock, polls } = shop({ sends: [said('PENDING')], polls: [state('paid')], confirm: true });
    const settling = gateway.settle('payment.charge', charge);
    await clock.untilQuiet();
    const before = clock.now();
    await gateway.receive(notice(clock, paid));
    expect(await settling).toMatchObject({ outcome: 'succeeded', settledBy: 'query', polls: 1, elapsedMs: 0 });
    expect([clock.now(), clock.pending, polls.length]).toEqual([before, 0, 1]);
  });

  it('goes on when the confirming query says that it is still open', async () => {
    const { gateway, clock, polls } = shop({
      sends: [said('PENDING')],
      polls: [state('pending'), state('paid')],
      confirm: true,
    });
    const settling = gateway.settle('payment.charge', charge);
    await clock.untilQuiet();
    await gateway.receive(notice(clock, paid));
    await clock.untilQuiet();
    expect(polls.length).toBe(1);
    expect(await clock.run(settling)).toMatchObject({ outcome: 'succeeded', settledBy: 'query', polls: 2 });
  });

  it('asks at once when a notice says nothing final', async () => {
    const { gateway, clock, polls } = shop({ sends: [said('PENDING')], polls: [state('paid')] });
    const settling = gateway.settle('payment.charge', charge);
    await clock.untilQuiet();
    await gateway.receive(notice(clock, { ...paid, state: 'open' }));
    expect(await settling).toMatchObject({ outcome: 'succeeded', settledBy: 'query', polls: 1, elapsedMs: 0 });
    expect(polls.length).toBe(1);
  });

  it('of another order, or of the same order’s refund, is left alone', async () => {
    const { gateway, clock, polls } = shop(waiting);
    const settling = gateway.settle('payment.charge', charge);
    await clock.untilQuiet();
    await gateway.receive(notice(clock, { ...paid, order: 'A2' }));
    await gateway.receive(notice(clock, { ...paid, about: 'refund', id: 'R1' }));
    await clock.untilQuiet();
    expect([polls.length, clock.pending]).toEqual([0, 1]);
    await gateway.receive(notice(clock, paid));
    expect(await settling).toMatchObject({ outcome: 'succeeded', settledBy: 'webhook' });
  });

  it('of a refund ends by the refund’s notice, never by the payment’s', async () => {
    const { gateway, clock } = shop({ polls: [state('pending')] });
    const ticket = { ...gateway.ticketFor('payment.create', charge), operation: 'refund.create' };
    const following = gateway.untilSettled(ticket);
    await clock.untilQuiet();
    await gateway.receive(notice(clock, paid));
    await clock.untilQuiet();
    expect(clock.pending).toBe(1);
    await gateway.receive(notice(clock, { ...paid, about: 'refund', id: 'R1' }));
    expect(await following).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'webhook',
      ticket: { operation: 'refund.create' },
    });
  });

  it('of a cancel asks when the payment’s notice comes: what it means for the cancel is the query’s to say', async () => {
    const { gateway, clock, polls } = shop({ sends: [said('PENDING')], polls: [state('canceled')] });
    const canceling = gateway.settle('payment.cancel', { order: 'A1' });
    await clock.untilQuiet();
    await gateway.receive(notice(clock, { ...paid, state: 'canceled' }));
    expect(await canceling).toMatchObject({ outcome: 'succeeded', settledBy: 'query', elapsedMs: 0 });
    expect(polls.length).toBe(1);
  });

  it('does not believe a notice of another amount: it asks, and the receiver is told of the conflict', async () => {
    const scene = shop({ sends: [said('PENDING')], polls: [state('pending')] });
    const { gateway, clock, polls } = scene;
    const settling = gateway.settle('payment.charge', charge, { policy: { poll: { deadlineMs: 60_000 } } });
    await clock.untilQuiet();
    const { verdict } = verified(await gateway.receive(notice(clock, { ...paid, amount: 1 })));
    await clock.untilQuiet();
    expect(verdict).toMatchObject({ kind: 'poll-required', reason: 'conflict' });
    expect(conflicts(scene)).toMatchObject([{ code: 'paid', reference: { order: 'A1' } }]);
    expect(polls.length).toBe(1);
    expect(await clock.run(settling)).toMatchObject({ outcome: 'unresolved' });
  });

  it('with an exchange on the wire looks at the notice when that has ended', async () => {
    const answers: [Step, object][] = [
      [said('PENDING'), { outcome: 'succeeded', settledBy: 'webhook' }],
      [said('PAID', { id: 'P9' }), { outcome: 'succeeded', settledBy: 'answer' }],
      [said('DECLINED'), { outcome: 'succeeded', settledBy: 'query' }],
      [() => Promise.reject(reset()), { outcome: 'succeeded', settledBy: 'webhook' }],
    ];
    for (const [answer, settled] of answers) {
      let release: () => void = () => undefined;
      const held = new Promise<void>(resolve => (release = resolve));
      const { gateway, clock } = shop({
        sends: [
          async (request, signal) => (
            await held, answer instanceof Response || answer instanceof Error ? json({}) : answer(request, signal)
          ),
        ],
        polls: [state('paid')],
      });
      const settling = gateway.settle('payment.charge', charge);
      await clock.untilQuiet();
      await gateway.receive(notice(clock, paid));
      release();
      expect(await settling).toMatchObject({ ...settled, elapsedMs: 0 });
      expect(clock.pending).toBe(0);
    }
  });
});

describe('receive: repeated, late and contradictory', () => {
  /** Settles the payment `known`, in one way or another. */
  const settled = async (scene: Bench, known: string): Promise<void> => {
    if (known === 'absent') {
      const policy = { poll: { backoff: constant(1000), absentAfterMs: 5000, deadlineMs: 60_000 } };
      expect(
        await scene.clock.run(
          scene.gateway.untilSettled(
            {
              ...scene.gateway.ticketFor('payment.create', charge),
              lastSentAt: new Date(scene.clock.now()).toISOString(),
            },
            { policy },
          ),
        ),
      ).toMatchObject({ outcome: 'absent' });
    } else {
      const { verdict } = verified(await scene.gateway.receive(notice(scene.clock, { ...paid, state: known })));
      expect(verdict).toMatchObject({ outcome: known === 'paid' ? 'succeeded' : known });
    }
    scene.events.length = 0;
    scene.polls.length = 0;
  };

  it('a repeated notice says the same again, and nothing is asked', async () => {
    const scene = shop({ sends: [said('PENDING')], polls: [state('pending')] });
    const settling = scene.gateway.settle('payment.charge', charge);
    await scene.clock.untilQuiet();
    const first = verified(await scene.gateway.receive(notice(scene.clock, paid)));
    await settling;
    scene.clock.advance(60_000);
    const again = verified(await scene.gateway.receive(notice(scene.clock, paid)));
    expect(again.verdict).toEqual(first.verdict);
    expect(again.ticket.reference).toMatchObject({ order: 'A1' });
    expect([again.reply.status, scene.polls.length, conflicts(scene).length, scene.clock.pending]).toEqual([
      200, 0, 0, 0,
    ]);
  });

  /** What a query may say: a state, or nothing at all. */
  const saying = (word: string): Step => (word === 'nothing' ? reset() : state(word));

  const cases: [known: string, heard: string, queried: string, outcome: string][] = [
    ['failed', 'paid', 'paid', 'succeeded'],
    ['failed', 'paid', 'failed', 'failed'],
    ['failed', 'paid', 'pending', 'succeeded'],
    ['failed', 'paid', 'nothing', 'succeeded'],
    ['expired', 'paid', 'paid', 'succeeded'],
    ['expired', 'paid', 'expired', 'expired'],
    ['expired', 'paid', 'nothing', 'succeeded'],
    ['absent', 'paid', 'none', 'succeeded'],
    ['refunded', 'paid', 'refunded', 'refunded'],
    ['refunded', 'paid', 'pending', 'refunded'],
    ['refunded', 'paid', 'nothing', 'refunded'],
    ['canceled', 'paid', 'canceled', 'canceled'],
    ['canceled', 'paid', 'paid', 'succeeded'],
    ['canceled', 'paid', 'nothing', 'canceled'],
    ['paid', 'failed', 'paid', 'succeeded'],
    ['paid', 'failed', 'nothing', 'succeeded'],
    ['paid', 'expired', 'REFUSED', 'succeeded'],
  ];

  it.each(
    cases,
  )('%s, then a notice that says %s and a query that says %s: %s, and a conflict', async (known, heard, queried, outcome) => {
    const scene = shop({ polls: [saying(queried)] });
    await settled(scene, known);
    scene.clock.advance(1000);
    const { verdict, ticket } = verified(
      await scene.clock.run(scene.gateway.receive(notice(scene.clock, { ...paid, state: heard }))),
    );
    expect(verdict).toMatchObject({ kind: 'terminal', outcome });
    expect(ticket.reference).toEqual({ order: 'A1', id: 'P9' });
    expect(scene.polls.length).toBe(1);
    expect(conflicts(scene)).toMatchObject([
      { type: 'conflict', code: heard, gateway: 'acme', reference: { order: 'A1' } },
    ]);
    expect(scene.clock.pending).toBe(0);

    // What stands is what the next notice is held against.
    scene.events.length = 0;
    const same = outcome === 'succeeded' ? 'paid' : outcome;
    verified(await scene.clock.run(scene.gateway.receive(notice(scene.clock, { ...paid, state: same }))));
    expect(conflicts(scene)).toEqual([]);
  });

  it.each(['canceled', 'refunded'])('paid, then %s, is a payment’s ordinary life', async heard => {
    const scene = shop({ polls: [state('paid')] });
    await settled(scene, 'paid');
    expect(verified(await scene.gateway.receive(notice(scene.clock, { ...paid, state: heard }))).verdict).toMatchObject(
      { outcome: heard },
    );
    expect([scene.polls.length, conflicts(scene).length]).toEqual([0, 0]);
  });

  it('what a loop settled counts as much as what a notice did', async () => {
    const scene = shop({ sends: [said('PENDING')], polls: [state('failed'), state('paid')] });
    expect(await scene.clock.run(scene.gateway.settle('payment.charge', charge))).toMatchObject({ outcome: 'failed' });
    const { verdict } = verified(await scene.clock.run(scene.gateway.receive(notice(scene.clock, paid))));
    expect(verdict).toMatchObject({ outcome: 'succeeded' });
    expect(conflicts(scene)).toHaveLength(1);
  });

  it('a late paid notice does not undo a confirmed cancel', async () => {
    for (const query of [state('canceled'), reset(), state('pending')]) {
      const scene = shop({ sends: [said('DONE')], polls: [query] });
      expect(await scene.clock.run(scene.gateway.settle('payment.cancel', { order: 'A1' }))).toMatchObject({
        outcome: 'succeeded',
      });
      const { verdict, ticket } = verified(await scene.clock.run(scene.gateway.receive(notice(scene.clock, paid))));
      expect(verdict).toMatchObject({ kind: 'terminal', outcome: 'canceled' });
      expect(ticket.operation).not.toBe('payment.cancel');
      expect(scene.polls.length).toBe(1);
      expect(conflicts(scene)).toMatchObject([{ code: 'paid' }]);
    }
  });

  it('a payment whose money went back beside its cancel is refunded, also where the gateway cannot be asked', async () => {
    const scene = shop({ sends: [said('DONE')], polls: [reset()] });
    await scene.clock.run(scene.gateway.settle('payment.cancel', { order: 'A1' }));
    const refund = notice(scene.clock, { ...paid, state: 'refunded' });
    const { verdict } = verified(await scene.clock.run(scene.gateway.receive(refund)));
    expect(verdict).toMatchObject({ kind: 'terminal', outcome: 'refunded' });
  });

  it('a cancel that came too late does not make a paid payment failed', async () => {
    const scene = shop({ sends: [said('TOO_LATE')], polls: [state('paid')] });
    await settled(scene, 'paid');
    expect(await scene.clock.run(scene.gateway.settle('payment.cancel', { order: 'A1' }))).toMatchObject({
      outcome: 'failed',
      verdict: { reason: 'already-final' },
    });
    const { verdict } = verified(await scene.clock.run(scene.gateway.receive(notice(scene.clock, paid))));
    expect(verdict).toMatchObject({ outcome: 'succeeded' });
    expect([scene.polls.length, conflicts(scene).length]).toEqual([0, 0]);
  });

  it('a notice of another amount than the settled payment’s is asked about, and a conflict', async () => {
    for (const query of [state('paid', { amount: '100' }), reset()]) {
      const scene = shop({ sends: [said('PAID')], polls: [query] });
      await scene.clock.run(scene.gateway.settle('payment.charge', charge));
      const { verdict, ticket } = verified(
        await scene.clock.run(scene.gateway.receive(notice(scene.clock, { ...paid, amount: 1 }))),
      );
      expect(verdict).toMatchObject({ outcome: 'succeeded' });
      expect(ticket.expect).toEqual({ amount: '100' });
      expect([scene.polls.length, conflicts(scene).length]).toEqual([1, 1]);
    }
  });

  it('a refund and its payment contradict nothing, whatever number they share', async () => {
    const scene = shop();
    await settled(scene, 'paid');
    verified(await scene.gateway.receive(notice(scene.clock, { ...paid, about: 'refund', state: 'failed' })));
    expect(verified(await scene.gateway.receive(notice(scene.clock, paid))).verdict).toMatchObject({
      outcome: 'succeeded',
    });
    expect([scene.polls.length, conflicts(scene).length]).toEqual([0, 0]);
  });

  it('payments with the same provider’s number but other orders contradict nothing', async () => {
    const scene = shop();
    await settled(scene, 'failed');
    expect(verified(await scene.gateway.receive(notice(scene.clock, { ...paid, order: 'A2' }))).verdict).toMatchObject({
      outcome: 'succeeded',
    });
    expect([scene.polls.length, conflicts(scene).length]).toEqual([0, 0]);
  });

  it('a loop that waits asks first, when the notice contradicts what was settled before', async () => {
    for (const [known, queried, outcome] of [
      ['refunded', 'refunded', 'refunded'],
      ['failed', 'paid', 'succeeded'],
    ] as const) {
      const scene = shop({ sends: [said('PENDING')], polls: [state(queried)] });
      await settled(scene, known);
      const settling = scene.gateway.settle('payment.charge', charge);
      await scene.clock.untilQuiet();
      await scene.clock.run(scene.gateway.receive(notice(scene.clock, paid)));
      expect(await settling).toMatchObject({ outcome, settledBy: 'query', elapsedMs: 0 });
    }
  });

  it('a confirming query that contradicts the notice decides, and is a conflict', async () => {
    const scene = shop({ sends: [said('PENDING')], polls: [state('failed')], confirm: true });
    const settling = scene.gateway.settle('payment.charge', charge);
    await scene.clock.untilQuiet();
    await scene.gateway.receive(notice(scene.clock, paid));
    expect(await settling).toMatchObject({ outcome: 'failed', settledBy: 'query' });
    expect(conflicts(scene)).toMatchObject([{ code: 'failed' }]);
  });
});

describe('receive: odd and repeated notices', () => {
  const DAY_MS = 24 * 3_600_000;
  const odd = [
    0,
    -1,
    1_767_225_600,
    Date.UTC(1999, 11, 31),
    Date.UTC(9999, 0),
    8.64e15,
    8.64e15 + 1,
    -8.64e15,
    -1e300,
    253_402_300_799_999,
  ];

  it.each(
    odd,
  )('a notice that says its order was made at %i gets a ticket that can be asked about', async openedAtMs => {
    const { gateway, clock } = shop({ polls: [state('paid')] });
    const { ticket } = verified(await gateway.receive(notice(clock, { ...paid, openedAtMs })));
    expect(ticket.openedAt).toBe(new Date(clock.now()).toISOString());
    expect(await clock.run(gateway.ask(parseTicket(JSON.stringify(ticket))))).toMatchObject({ outcome: 'succeeded' });
  });

  it('a wrong time of one notice does not stick to the later ones', async () => {
    const { gateway, clock } = shop();
    const openedAtMs = clock.now() - DAY_MS;
    // Years too early, and yet a time like any other.
    verified(await gateway.receive(notice(clock, { ...paid, openedAtMs: Date.UTC(2001, 1, 3) })));
    for (const told of [{ ...paid, openedAtMs }, paid]) {
      const { ticket } = verified(await gateway.receive(notice(clock, told)));
      expect(ticket.openedAt).toBe(new Date(told === paid ? clock.now() : openedAtMs).toISOString());
    }
  });

  it('what was sent from here was opened when it was sent, whatever notices say', async () => {
    const { gateway, clock } = shop({ sends: [said('PAID')] });
    const openedAt = (await clock.run(gateway.settle('payment.create', charge))).ticket.openedAt;
    clock.advance(DAY_MS);
    for (const openedAtMs of [Date.UTC(2001, 1, 3), clock.now()]) {
      expect(verified(await gateway.receive(notice(clock, { ...paid, openedAtMs }))).ticket.openedAt).toBe(openedAt);
    }
  });

  it('a notice that names no order is refused', async () => {
    const { gateway, clock } = shop();
    expect(await gateway.receive(notice(clock, { state: 'paid' }))).toMatchObject({
      verified: false,
      reason: 'it names no order',
    });
  });

  it.each([
    '9'.repeat(300),
    'A\uD800',
    { sum: 1 },
  ])('an amount that no ticket can hold is not expected of the next answer', async amount => {
    const hear: Webhook['hear'] = ({ text }) => {
      const told: unknown = JSON.parse(text);
      return {
        verified: true,
        operation: 'payment.create',
        names: ['paid'],
        reference: { order: idOf(told, 'order') },
        amount: statedOf(told, 'amount'),
      };
    };
    const { gateway, clock } = bench({
      adapter: notifying({ hear }),
      policy: slow,
      polls: [state('paid', { amount: '100' })],
    });
    const { ticket } = verified(await gateway.receive(notice(clock, { order: 'A1', amount })));
    expect(parseTicket(JSON.stringify(ticket)).expect).toBeUndefined();
    expect(await clock.run(gateway.ask(ticket))).toMatchObject({ outcome: 'succeeded' });
  });

  it('a thousand replays of a notice that contradicts a settled payment make one query, and another after minutes', async () => {
    const { gateway, clock, polls } = shop({ polls: [state('paid')] });
    verified(await gateway.receive(notice(clock, paid)));
    const failed = { ...paid, state: 'failed' };
    for (let replay = 0; replay < 500; replay++)
      expect(verified(await gateway.receive(notice(clock, failed))).verdict).toMatchObject({ outcome: 'succeeded' });
    await Promise.all(Array.from({ length: 500 }, () => gateway.receive(notice(clock, failed))));
    expect(polls).toHaveLength(1);
    await gateway.receive(notice(clock, { ...failed, amount: 7 }));
    expect(polls).toHaveLength(2);
    clock.advance(2 * 60_000);
    await gateway.receive(notice(clock, failed));
    expect(polls).toHaveLength(3);
  });

  it('a thousand replays of a notice that contradicts an open payment make its loop ask once', async () => {
    const { gateway, clock, polls } = shop({ sends: [said('PENDING', { id: 'P9' })], polls: [state('pending')] });
    const settling = gateway.settle('payment.create', charge);
    await clock.untilQuiet();
    for (let replay = 0; replay < 50; replay++) {
      await gateway.receive(notice(clock, { ...paid, amount: 7 }));
      await clock.untilQuiet();
    }
    for (let replay = 0; replay < 950; replay++) await gateway.receive(notice(clock, { ...paid, amount: 7 }));
    await clock.untilQuiet();
    expect(polls).toHaveLength(1);
    await gateway.receive(notice(clock, paid));
    expect(await settling).toMatchObject({ outcome: 'succeeded', settledBy: 'webhook' });
  });

  it('a thousand replays of a notice that is to be confirmed make few queries while the payment is open', async () => {
    const { gateway, clock, polls } = shop({
      confirm: true,
      sends: [said('PENDING', { id: 'P9' })],
      polls: [...Array.from({ length: 5 }, () => state('pending')), state('paid')],
    });
    const settling = gateway.settle('payment.create', charge);
    await clock.untilQuiet();
    for (let replay = 0; replay < 50; replay++) {
      await gateway.receive(notice(clock, paid));
      await clock.untilQuiet();
    }
    for (let replay = 0; replay < 950; replay++) await gateway.receive(notice(clock, paid));
    await clock.untilQuiet();
    expect(polls).toHaveLength(5);
    // The loop goes on by itself.
    expect(await clock.run(settling)).toMatchObject({ outcome: 'succeeded', settledBy: 'query' });
  });
});

describe('receive: what verifies, loaded with the first notice', () => {
  const loading = (load: () => Promise<Webhook>): Bench =>
    shop({ adapter: Object.freeze({ ...notifying(), webhook: load }) });
  const { webhook: ready } = notifying();

  it('is not loaded before, and reads as ever', async () => {
    let loads = 0;
    const { gateway, clock } = loading(() => {
      loads++;
      return Promise.resolve(ready as Webhook);
    });
    expect(loads).toBe(0);
    expect(verified(await gateway.receive(notice(clock, paid))).verdict).toMatchObject({ outcome: 'succeeded' });
    expect(await gateway.receive(notice(clock, paid, { secret: 'another' }))).toMatchObject({
      verified: false,
      reason: 'the signature is not that of this body',
    });
  });

  it('that cannot be loaded refuses no notice: receive rejects, and the next one is read', async () => {
    const loads = [() => Promise.reject(new Error('the file is gone')), () => Promise.resolve(ready as Webhook)];
    const { gateway, clock } = loading(() => loads.shift()?.() ?? Promise.reject(new Error('no more')));
    const request = notice(clock, paid);
    await expect(gateway.receive(request)).rejects.toThrow('the file is gone');
    expect(request.bodyUsed).toBe(false);
    expect(verified(await gateway.receive(request)).verdict).toMatchObject({ outcome: 'succeeded' });
  });
});
