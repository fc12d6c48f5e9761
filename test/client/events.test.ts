import fc from 'fast-check';
import ky from 'ky';
import { describe, expect, it } from 'vitest';
import { constant, createGateway, type GatewayEvent, type PaymentEvent, type Ticket } from '../../src/index.ts';
import { correlationIdOf } from '../../src/engine/correlation.ts';
import { Timeline } from '../../src/engine/timeline.ts';
import { errorText } from '../../src/core/error-text.ts';
import { createWorker, memoryJournal, type WorkerEvent } from '../../src/journal/index.ts';
import { manualClock } from '../../src/testing/manual-clock.ts';
import { acme } from '../testing/acme.ts';
import { bench, hang, reset, said, state } from '../testing/bench.ts';

const charge = { order: 'A1', amount: 100 };
const quick = { retry: { backoff: constant(100) }, poll: { backoff: constant(1000), deadlineMs: 60_000 } };
const pending = { sends: [said('PENDING')], polls: [state('pending'), state('paid')], policy: quick };

const idsOf = (events: readonly GatewayEvent[]): Set<string> =>
  new Set(events.flatMap(event => ('correlationId' in event ? [event.correlationId] : [])));

const ofType = <T extends GatewayEvent['type']>(
  events: readonly GatewayEvent[],
  type: T,
): Extract<GatewayEvent, { type: T }>[] =>
  events.filter((event): event is Extract<GatewayEvent, { type: T }> => event.type === type);

describe('the correlation id of a payment', () => {
  it('is one in all events of its first send and of later queries in another process', async () => {
    const first = bench({
      ...pending,
      polls: [state('pending')],
      policy: { ...quick, poll: { backoff: constant(1000), deadlineMs: 2000 } },
    });
    const { ticket } = await first.clock.run(first.gateway.settle('payment.charge', charge));
    const second = bench(pending);
    const third = bench(pending);
    await second.clock.run(second.gateway.untilSettled(JSON.parse(JSON.stringify(ticket)) as Ticket));
    await third.gateway.step(ticket);
    const ids = idsOf([...first.events, ...second.events, ...third.events]);
    expect([...ids]).toEqual([expect.stringMatching(/^[0-9a-f]{32}$/)]);
    expect(ids).toContain(first.gateway.correlationIdOf(ticket));
  });

  it('needs nothing in the ticket: one of the first release has the id too', async () => {
    const old: Ticket = {
      ...{ version: 1, gateway: 'acme', account: 'shop-1', environment: 'sandbox', operation: 'payment.charge' },
      ...{ reference: { order: 'A1' }, openedAt: '2025-12-31T23:59:00.000Z', seen: true, polls: 3, charge: true },
    };
    const { gateway, clock, events } = bench(pending);
    await clock.run(gateway.untilSettled(old));
    expect([...idsOf(events)]).toEqual([gateway.correlationIdOf(gateway.ticketFor('payment.charge', charge))]);
  });

  it('stays while the payment learns its number at the provider, and is another for another payment or account', () => {
    const { gateway } = bench();
    const ticket = gateway.ticketFor('payment.charge', charge);
    const learnt = { ...ticket, reference: { ...ticket.reference, id: 'P9' } };
    expect(gateway.correlationIdOf(learnt)).toBe(gateway.correlationIdOf(ticket));
    const others = [
      gateway.ticketFor('payment.charge', { ...charge, order: 'A2' }),
      gateway.ticketFor('refund.create', { refund: 'A1' }),
    ];
    const ids = [ticket, ...others].map(each => gateway.correlationIdOf(each));
    const elsewhere = correlationIdOf({ ...acme(), account: 'shop-2' }, ticket);
    expect(new Set([...ids, elsewhere]).size).toBe(4);
  });

  it('is that of its row in a journal, and of what the worker tells of it', async () => {
    const clock = manualClock();
    const journal = memoryJournal({ clock });
    const { fetch } = bench({ ...pending, polls: [state('paid')] });
    const client = ky.create({ fetch: fetch as typeof globalThis.fetch });
    const events: GatewayEvent[] = [];
    const told: WorkerEvent[] = [];
    const gateway = createGateway({ adapter: acme(), client, clock, journal, onEvent: event => events.push(event) });
    await clock.run(gateway.settle('payment.charge', charge));
    const worker = createWorker({
      ...{ gateways: [gateway], journal, clock, onSettled: () => undefined },
      onEvent: event => told.push(event),
    });
    worker.start();
    await clock.run(new Promise<void>(resolve => void clock.timer(5000, resolve)));
    await clock.run(worker.stop());
    const [row] = await journal.list();
    expect(told.map(({ type }) => type)).toContain('delivered');
    expect(
      new Set([...idsOf(events), row?.correlationId, ...told.map(({ correlationId }) => correlationId)]).size,
    ).toBe(1);
  });
});

describe('which call tells an event', () => {
  it('is a number of its own for each, and whether it only follows', async () => {
    const { gateway, clock, events } = bench({ ...pending, polls: [state('pending')] });
    const { ticket } = await clock.run(
      gateway.settle('payment.charge', charge, { policy: { poll: { deadlineMs: 2000 } } }),
    );
    await gateway.ask(ticket);
    const calls = events.map(event => ('call' in event ? [event.call, event.follows === true] : []));
    expect(new Set(calls.map(each => JSON.stringify(each)))).toEqual(new Set(['[1,false]', '[2,true]']));
  });
});

describe('the event of a lost exchange', () => {
  it('says what the error and its causes said', async () => {
    const { gateway, clock, events } = bench({ ...pending, sends: [reset()] });
    await clock.run(gateway.settle('payment.charge', charge));
    expect(ofType(events, 'lost')).toMatchObject([
      { of: 'send', code: 'network/ECONNRESET', error: 'TypeError: fetch failed; cause: Error ECONNRESET: read' },
    ]);
  });

  it('says nothing that the request said', async () => {
    const quoting = new Error('could not send order SHOP-ORDER-SEVENTEEN of 4111 1111 1111 1111');
    const { gateway, clock, events } = bench({ ...pending, sends: [quoting] });
    await clock.run(gateway.settle('payment.charge', { ...charge, order: 'SHOP-ORDER-SEVENTEEN' }));
    expect(ofType(events, 'lost')[0]?.error).toBe('Error: could not send order … of …');
  });

  it('is in no settlement and no timeline: those are stored', async () => {
    const { gateway, clock } = bench({ ...pending, sends: [reset()] });
    const settlement = await clock.run(gateway.settle('payment.charge', charge));
    expect(JSON.stringify(settlement)).not.toContain('fetch failed');
  });
});

const hex = (length: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...Array.from('0123456789abcdef')), minLength: length, maxLength: length });
const base64 = fc.base64String({ minLength: 24, maxLength: 88 }).filter(text => /\d/.test(text));
const card = fc
  .tuple(
    fc.string({ unit: fc.constantFrom(...Array.from('0123456789')), minLength: 16, maxLength: 16 }),
    fc.constantFrom('', ' ', '-'),
  )
  .map(([digits, between]) => digits.match(/.{4}/g)?.join(between) ?? digits);
const jwt = fc.tuple(hex(12), hex(30), hex(20)).map(([head, body, tail]) => `eyJ${head}.eyJ${body}.${tail}`);
const key = fc.tuple(fc.constantFrom('sk_live_', 'pk_', 'key-', ''), hex(24)).map(([prefix, rest]) => prefix + rest);
const password = fc.string({
  unit: fc.constantFrom(...Array.from('abcdefghijkmnpqrstuvwxyz23456789!$')),
  minLength: 6,
  maxLength: 14,
});
const hostile: fc.Arbitrary<{ secret: string; message: string }> = fc
  .oneof(
    fc.tuple(fc.oneof(card, jwt, key, base64), fc.constantFrom('bad $', 'got "$", sorry', '($)', 'x=$;', '$')),
    fc.tuple(
      password,
      fc.constantFrom(
        ...['password=$', 'pass: $', '"client_secret":"$"', 'Authorization: Bearer $', 'token: $ refused'],
        ...['https://shop:$@gateway.example/pay', 'https://gateway.example/pay?key=$', 'api_key = $', 'X-Api-Key: $'],
      ),
    ),
  )
  .map(([secret, form]) => ({ secret, message: form.replace('$', () => secret) }));

/** However an error carries it: as its text, its cause's, its name or its code. */
const thrown = fc
  .tuple(hostile, fc.constantFrom('message', 'cause', 'deep', 'name', 'code', 'text'))
  .map(([each, where]) => {
    const { message, secret } = each;
    const plain = new Error('failed');
    const errors: Record<string, unknown> = {
      message: new TypeError(message),
      cause: new TypeError('fetch failed', { cause: new Error(message) }),
      deep: new Error('a', { cause: new Error('b', { cause: new Error(message) }) }),
      name: Object.assign(new Error('failed'), { name: secret }),
      code: Object.assign(plain, { code: secret.length < 15 ? `=${secret}` : secret }),
      text: message,
    };
    return { secret, error: errors[where] };
  });

describe('no event says what is secret', () => {
  it('of a provider that repeats a card number as its code, or in its words', async () => {
    const card = '4111111111111111';
    const { gateway, clock, events } = bench({
      sends: [said(`NO-${card}`, { message: `card ${card} of a@shop.example` })],
      polls: [state(card, { message: `4111 1111 1111 1111 is open` })],
      policy: { poll: { deadlineMs: 10_000 } },
    });
    await clock.run(gateway.settle('payment.charge', { order: 'A1', amount: 100 }));
    const told = JSON.stringify(events);
    expect(told).not.toMatch(/4111|shop\.example/);
    expect(events.map(({ type }) => type)).toEqual(expect.arrayContaining(['answer', 'unlisted', 'status', 'settled']));
  });

  it('of whatever error, however it carries credentials, cards or tokens', () => {
    fc.assert(
      fc.property(thrown, ({ secret, error }) => {
        expect(errorText(error)).not.toContain(secret);
      }),
      { numRuns: 1000 },
    );
  });

  it('where the network, a hook or a ticket store throws such errors', async () => {
    await fc.assert(
      fc.asyncProperty(thrown, fc.constantFrom('send', 'poll', 'hook', 'store'), async ({ secret, error }, where) => {
        const failing = error instanceof Error ? error : new Error(String(error));
        const throws = (): never => {
          throw failing;
        };
        const { gateway, clock, events } = bench({
          sends: where === 'send' ? [failing, said('PENDING')] : [said('PENDING')],
          polls: where === 'poll' ? [failing, state('paid')] : [state('paid')],
          policy: quick,
          client: fetch =>
            ky.create({
              fetch: fetch as typeof globalThis.fetch,
              hooks: { beforeRequest: where === 'hook' ? [throws] : [] },
            }),
        });
        const options = where === 'store' ? { onTicket: throws } : {};
        await clock.run(gateway.settle('payment.charge', charge, options).catch(() => undefined));
        expect(events.length).toBeGreaterThan(0);
        expect(JSON.stringify(events)).not.toContain(JSON.stringify(secret).slice(1, -1));
      }),
      { numRuns: 60 },
    );
  });
});

describe('the event of an end', () => {
  it('says which code decided, what it took, and how long it was open', async () => {
    const { gateway, clock, events } = bench(pending);
    await clock.run(gateway.settle('payment.charge', charge));
    expect(ofType(events, 'settled')).toMatchObject([
      {
        outcome: 'succeeded',
        settledBy: 'query',
        code: 'paid',
        reason: 'approved',
        attempts: 1,
        polls: 2,
        openForMs: 2000,
      },
    ]);
  });

  it('counts how long it was open from when it was opened, in whatever process', async () => {
    const { gateway, clock, events } = bench({ ...pending, polls: [state('paid')] });
    const ticket = gateway.ticketFor('payment.charge', charge);
    clock.advance(600_000);
    await clock.run(gateway.untilSettled({ ...ticket, seen: true, polls: 7 }));
    expect(ofType(events, 'settled')).toMatchObject([{ polls: 8, openForMs: 600_000 }]);
  });

  it('says the error of what is unresolved for it', async () => {
    const { gateway, clock, events } = bench({ ...pending, sends: [reset()], polls: [reset()] });
    await clock.run(gateway.settle('payment.charge', charge, { policy: { poll: { deadlineMs: 3000 } } }));
    expect(ofType(events, 'settled')).toMatchObject([
      { outcome: 'unresolved', error: 'TypeError: fetch failed; cause: Error ECONNRESET: read' },
    ]);
  });
});

describe('a call that ends before its payment', () => {
  it('tells that it was aborted', async () => {
    const { gateway, clock, events } = bench({ sends: [hang], policy: quick });
    const control = new AbortController();
    const settling = gateway.settle('payment.charge', charge, { signal: control.signal });
    await clock.untilQuiet();
    control.abort(new Error('the payer left; password=hunter2'));
    await expect(settling).rejects.toThrow('the payer left');
    expect(ofType(events, 'stopped')).toMatchObject([{ why: 'aborted', call: 1, reference: { order: 'A1' } }]);
    expect(JSON.stringify(events)).not.toContain('hunter2');
  });

  it('tells whose fault it was', async () => {
    const { gateway, clock, events, sends } = bench(pending);
    const onTicket = (): never => {
      throw new Error('disk full');
    };
    await expect(clock.run(gateway.settle('payment.charge', charge, { onTicket }))).rejects.toThrow('disk full');
    expect(ofType(events, 'stopped')).toMatchObject([{ why: 'fault', error: 'Error: disk full' }]);
    expect(sends).toEqual([]);
  });

  it('tells that a step has left it open, and nothing where the step has settled it', async () => {
    const { gateway, clock, events } = bench({ polls: [state('pending'), state('paid')], policy: quick });
    const ticket = { ...gateway.ticketFor('payment.charge', charge), seen: true };
    const { open, dueInMs = 0 } = await gateway.step(ticket);
    expect(ofType(events, 'stopped')).toMatchObject([{ why: 'left', follows: true }]);
    clock.advance(dueInMs);
    if (open !== undefined) await gateway.step(open);
    expect(events.map(({ type }) => type)).toEqual(['ask', 'status', 'stopped', 'ask', 'status', 'settled']);
  });

  it('is told once, and in no timeline', async () => {
    const { gateway, clock, events } = bench({ sends: [said('PENDING')], polls: [hang], policy: quick });
    const control = new AbortController();
    const lines: string[] = [];
    const settling = gateway.settle('payment.charge', charge, {
      signal: control.signal,
      onProgress: ({ type }) => lines.push(type),
    });
    await clock.untilQuiet();
    clock.advance(1500);
    await clock.untilQuiet();
    control.abort();
    await expect(settling).rejects.toThrow();
    await clock.untilQuiet();
    expect(ofType(events, 'stopped')).toHaveLength(1);
    expect(lines).not.toContain('stopped');
  });
});

describe('around', () => {
  const scene = (around: (exchange: object, run: () => void) => unknown) => {
    const made = bench(pending);
    made.gateway.observe(() => undefined, { around });
    return made;
  };

  it('is told of each exchange before it begins', async () => {
    const told: object[] = [];
    const { gateway, clock } = scene((exchange, run) => {
      told.push(exchange);
      run();
    });
    await clock.run(gateway.settle('payment.charge', charge));
    expect(told).toMatchObject([
      { type: 'send', call: 1, operation: 'payment.charge', reference: { order: 'A1' } },
      { type: 'ask', call: 1 },
      { type: 'ask', call: 1 },
    ]);
  });

  it.each<[string, (run: () => void) => unknown]>([
    ['does not run it', () => undefined],
    ['runs it twice', run => [run(), run()]],
    [
      'throws before',
      () => {
        throw new Error('tracer down');
      },
    ],
    [
      'throws after',
      run => {
        run();
        throw new Error('tracer down');
      },
    ],
    ['rejects', run => Promise.reject(new Error('tracer down')).finally(run)],
    ['runs it later', run => void Promise.resolve().then(run)],
  ])('that %s changes nothing: each exchange is made once', async (_how, around) => {
    const { gateway, clock, sends, polls } = scene((_exchange, run) => around(run));
    const settlement = await clock.run(gateway.settle('payment.charge', charge));
    expect(settlement).toMatchObject({ outcome: 'succeeded', attempts: 1, polls: 2 });
    expect([sends.length, polls.length]).toEqual([1, 2]);
  });

  it('leaves what an exchange fails with as it is', async () => {
    const { gateway, clock } = scene((_exchange, run) => run());
    const onTicket = (): never => {
      throw new Error('disk full');
    };
    await expect(clock.run(gateway.settle('payment.charge', charge, { onTicket }))).rejects.toThrow('disk full');
  });
});

describe('a listener that listens only at times', () => {
  it('is told while it does', async () => {
    const { fetch, clock } = bench(pending);
    const client = ky.create({ fetch: fetch as typeof globalThis.fetch });
    const gateway = createGateway({ adapter: acme(), client, clock, policy: quick });
    const seen: string[] = [];
    let listening = false;
    gateway.observe(event => seen.push(event.type), { when: () => listening, around: () => seen.push('around') });
    await clock.run(gateway.settle('payment.charge', charge));
    expect(seen).toEqual([]);
    listening = true;
    await clock.run(gateway.settle('payment.charge', { ...charge, order: 'A2' }));
    expect(seen.slice(0, 4)).toEqual(['around', 'ticket', 'send', 'answer']);
  });

  it('costs nothing while it does not: nothing is told, spelt out or enclosed', () => {
    const refuse = (): never => {
      throw new Error('Nobody listens.');
    };
    const reporter = { listens: false, report: refuse, tell: refuse, enclose: undefined };
    const timeline = new Timeline(manualClock(), reporter);
    const ticket = bench().gateway.ticketFor('payment.charge', charge);
    timeline.record({ type: 'settled', outcome: 'failed', settledBy: 'answer' }, 0, ticket, refuse);
    timeline.stopped(refuse, 0, ticket);
    expect(timeline.enclose('send', ticket, () => 7)).toBe(7);
  });

  it('is told where its when throws, and that costs no payment', async () => {
    const { gateway, clock } = bench(pending);
    const seen: string[] = [];
    const when = (): never => {
      throw new Error('odd');
    };
    gateway.observe(event => seen.push(event.type), { when });
    expect(await clock.run(gateway.settle('payment.charge', charge))).toMatchObject({ outcome: 'succeeded' });
    expect(seen).toContain('settled');
  });

  it('must be a function, and its options are checked', () => {
    const { gateway } = bench();
    expect(() => gateway.observe(() => undefined, { arround: () => 0 } as never)).toThrow(/Did you mean around\?/);
    expect(() => gateway.observe(() => undefined, { when: true } as never)).toThrow(/when must be a function/);
  });
});

describe('what comes after the end of a call', () => {
  it('is of its payment and of no call: whoever counts or traces calls opens none for it', async () => {
    const { gateway, clock, events } = bench(pending);
    let told = 0;
    const onTicket = async (): Promise<void> => {
      if (told++ === 0) return;
      await new Promise<void>(resolve => clock.timer(300_000, resolve));
      throw new Error('disk full');
    };
    await clock.run(gateway.settle('payment.charge', charge, { onTicket }));
    await clock.run(new Promise<void>(resolve => clock.timer(900_000, resolve)));
    const after = events.slice(events.findIndex(({ type }) => type === 'settled') + 1);
    expect(after.map(({ type }) => type)).toContain('ticket-not-stored');
    expect(after.filter(event => 'call' in event)).toEqual([]);
    expect(idsOf(events).size).toBe(1);
  });
});

describe('an error that cannot be looked at', () => {
  it.each([false, true])('costs an event at most, and no payment, whoever listens (%s)', async listens => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    const { fetch, clock } = bench({ sends: [said('PENDING')], polls: [state('paid')] });
    let asked = 0;
    const beforeRequest = (): void => {
      if (++asked === 2) throw new Error('no egress token', { cause: proxy });
    };
    const client = ky.create({ fetch: fetch as typeof globalThis.fetch, hooks: { beforeRequest: [beforeRequest] } });
    const gateway = createGateway({ adapter: acme(), client, clock, ...(listens && { onEvent: () => undefined }) });
    const settlement = await clock.run(gateway.settle('payment.charge', charge));
    expect(settlement).toMatchObject({ outcome: 'succeeded', polls: 1 });
  });
});

describe('the type of events', () => {
  it('is one union: the type tells what else there is', () => {
    const told = (event: GatewayEvent): string => {
      switch (event.type) {
        case 'lost':
          return `${event.code} ${event.error ?? ''}`;
        case 'settled':
          return `${event.outcome} ${event.code} ${event.openForMs}`;
        case 'stopped':
          return event.why;
        case 'notice-received':
          return event.verdict.code;
        case 'notice-refused':
          return event.why;
        case 'circuit':
          return event.state;
        default:
          return event.gateway;
      }
    };
    const isOfPayment = (event: GatewayEvent): event is PaymentEvent => 'call' in event;
    expect([told, isOfPayment].map(each => typeof each)).toEqual(['function', 'function']);
  });
});
