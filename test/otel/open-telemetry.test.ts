import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  SimpleSpanProcessor,
  type ReadableSpan,
} from '@opentelemetry/sdk-trace-node';
import fc from 'fast-check';
import ky from 'ky';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { circuit, constant, createGateway, steps, type GatewayEvent, type Ticket } from '../../src/index.ts';
import { memoryJournal, type RowCount } from '../../src/journal/index.ts';
import { instruments, openTelemetry, type OpenTelemetryOptions } from '../../src/otel/index.ts';
import { manualClock } from '../../src/testing/manual-clock.ts';
import { acme } from '../testing/acme.ts';
import { bench, reset, said, state, type Bench } from '../testing/bench.ts';

const charge = { order: 'SHOP-ORDER-7', amount: 4321 };
const quick = { retry: { backoff: constant(100) }, poll: { backoff: constant(1000), deadlineMs: 60_000 } };
const slow = { poll: { backoff: steps([1000, 600_000]), deadlineMs: 3_600_000 } };
const pending = { sends: [said('PENDING')], polls: [state('pending'), state('paid')], policy: quick };

beforeEach(() => void context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable()));
afterEach(() => context.disable());

type Script = NonNullable<Parameters<typeof bench>[0]>;

/** The real SDK, which keeps all in memory. */
function sdk() {
  const finished = new InMemorySpanExporter();
  const tracer = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(finished)] }).getTracer('test');
  const exported = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter: exported, exportIntervalMillis: 3_600_000 });
  const meter = new MeterProvider({ readers: [reader] }).getMeter('test');
  return {
    ...{ tracer, meter },
    spans: () => finished.getFinishedSpans(),
    named: (name: string) => finished.getFinishedSpans().filter(span => span.name === name),
    /** By name: the attributes of each point, and its value. */
    points: async (name: string): Promise<{ attributes: object; value: unknown }[]> => {
      await reader.forceFlush();
      const metrics =
        exported
          .getMetrics()
          .at(-1)
          ?.scopeMetrics.flatMap(scope => scope.metrics) ?? [];
      return metrics
        .filter(({ descriptor }) => descriptor.name === name)
        .flatMap(({ dataPoints }) => dataPoints.map(({ attributes, value }) => ({ attributes, value })));
    },
    all: async (): Promise<string> => {
      await reader.forceFlush();
      // Without its times: the nanoseconds of one may look like an amount.
      return JSON.stringify(exported.getMetrics(), (name, value: unknown) =>
        name === 'startTime' || name === 'endTime' ? undefined : value,
      );
    },
  };
}

function scene(script: Script = pending, options: OpenTelemetryOptions = {}) {
  const kit = sdk();
  const { tracer, meter } = kit;
  const client: Script['client'] = fetch =>
    ky.create({
      // An instrumented fetch: a span for each request, in whatever context it is called.
      fetch: ((request: Request) =>
        tracer.startActiveSpan('POST', { kind: SpanKind.CLIENT }, span =>
          fetch(request).finally(() => span.end()),
        )) as typeof globalThis.fetch,
    });
  const made = bench({ client, ...script });
  const telemetry = openTelemetry({ tracer, meter, clock: made.clock, ...options });
  const end = telemetry.observe(made.gateway);
  return { ...made, ...kit, telemetry, end };
}

const parentOf = (span: ReadableSpan): string | undefined => span.parentSpanContext?.spanId;
const linksOf = ({ links }: ReadableSpan): string[] => links.map(({ context: { spanId } }) => spanId);
const idOf = (span: ReadableSpan | undefined): string | undefined => span?.spanContext().spanId;

describe('the span of a payment', () => {
  it('is one INTERNAL span for a settle, below the caller’s, with how it ended', async () => {
    const { gateway, clock, tracer, named } = scene();
    await clock.run(
      tracer.startActiveSpan('request', async request => {
        await gateway.settle('payment.charge', charge);
        request.end();
      }),
    );
    const [span, ...others] = named('settle payment.charge');
    const [request] = named('request');
    expect(others).toEqual([]);
    expect(span?.kind).toBe(SpanKind.INTERNAL);
    expect(span && parentOf(span)).toBe(idOf(request));
    expect(span?.attributes).toEqual({
      'tillpaid.gateway': 'acme',
      'tillpaid.operation': 'payment.charge',
      'tillpaid.correlation_id': gateway.correlationIdOf(gateway.ticketFor('payment.charge', charge)),
      'tillpaid.outcome': 'succeeded',
      'tillpaid.settled_by': 'query',
      'tillpaid.code': 'paid',
      'tillpaid.reason': 'approved',
      'tillpaid.attempts': 1,
      'tillpaid.polls': 2,
    });
    expect(span?.status.code).toBe(SpanStatusCode.UNSET);
    expect(span?.events.map(({ name }) => name)).toEqual([
      ...['ticket', 'send', 'answer', 'wait', 'ask', 'status', 'wait', 'ask', 'status', 'settled'],
    ]);
  });

  it('has the spans of each fetch as children: of the send and of all status queries', async () => {
    const { gateway, clock, named } = scene();
    await clock.run(gateway.settle('payment.charge', charge));
    const [span] = named('settle payment.charge');
    expect(named('POST').map(each => parentOf(each))).toEqual([idOf(span), idOf(span), idOf(span)]);
  });

  it('is that of each of two that go on at once', async () => {
    const { gateway, clock, spans } = scene();
    await clock.run(
      Promise.all([
        gateway.settle('payment.charge', { ...charge, order: 'A1' }),
        gateway.settle('payment.charge', { ...charge, order: 'A2' }),
      ]),
    );
    const settled = spans().filter(({ name }) => name === 'settle payment.charge');
    expect(settled).toHaveLength(2);
    for (const each of settled) {
      const children = spans().filter(other => parentOf(other) === idOf(each));
      expect(children.every(child => child.spanContext().traceId === each.spanContext().traceId)).toBe(true);
      expect(children.length).toBeGreaterThan(0);
    }
  });

  it('is there for the drop-in and for fetch too', async () => {
    const { gateway, clock, named } = scene();
    const url = 'https://acme.test/api/charge';
    const headers = { 'content-type': 'application/json' };
    await clock.run(gateway.client.post(url, { json: { ...charge, order: 'A1' } }).json());
    await clock.run(gateway.fetch(url, { method: 'POST', body: JSON.stringify({ ...charge, order: 'A2' }), headers }));
    const settled = named('settle payment.charge');
    expect(settled.map(({ attributes }) => attributes['tillpaid.outcome'])).toEqual(['succeeded', 'succeeded']);
    const children = named('POST').map(each => parentOf(each));
    expect(new Set(children)).toEqual(new Set(settled.map(each => idOf(each))));
  });

  it.each([
    ['unresolved', { sends: [reset()], polls: [reset()] }, 'TypeError: fetch failed; cause: Error ECONNRESET: read'],
    ['rejected', { sends: [said('REFUSED')] }, 'rejected: REFUSED'],
  ])('is an error where it ends %s', async (outcome, script, message) => {
    const { gateway, clock, named } = scene({ ...script, policy: quick });
    expect(await clock.run(gateway.settle('payment.charge', charge))).toMatchObject({ outcome });
    expect(named('settle payment.charge')[0]?.status).toEqual({ code: SpanStatusCode.ERROR, message });
  });

  it('is no error where the payer’s bank declines', async () => {
    const { gateway, clock, named } = scene({ sends: [said('DECLINED')], policy: quick });
    await clock.run(gateway.settle('payment.charge', charge));
    expect(named('settle payment.charge')[0]?.status.code).toBe(SpanStatusCode.UNSET);
  });

  it('ends when its call is aborted', async () => {
    const { gateway, clock, named } = scene();
    const control = new AbortController();
    const settling = gateway.settle('payment.charge', charge, { signal: control.signal });
    await clock.untilQuiet();
    control.abort();
    await expect(settling).rejects.toThrow();
    expect(named('settle payment.charge')[0]?.attributes['tillpaid.stopped']).toBe('aborted');
  });
});

describe('links', () => {
  it('lead from a later query, of another process too, to the first span of the payment', async () => {
    const kept = new Map<string, string>();
    const traces = {
      get: (id: string) => Promise.resolve(kept.get(id)),
      set: (id: string, traceparent: string) => void kept.set(id, traceparent),
    };
    const policy = { ...quick, poll: { ...quick.poll, deadlineMs: 2000 } };
    const first = scene({ ...pending, polls: [state('pending')], policy }, { traces });
    const { ticket } = await first.clock.run(first.gateway.settle('payment.charge', charge));
    const second = scene({ ...pending, polls: [state('paid')] }, { traces });
    await second.clock.run(second.gateway.untilSettled(JSON.parse(JSON.stringify(ticket)) as Ticket));
    const [settled] = first.named('settle payment.charge');
    const [followed] = second.named('follow payment.charge');
    expect(followed && linksOf(followed)).toEqual([idOf(settled)]);
    expect(followed?.spanContext().traceId).not.toBe(settled?.spanContext().traceId);
  });

  it('lead from each step of a payment that is stepped to its first span', async () => {
    const { gateway, clock, named } = scene({ ...pending, policy: slow });
    const ticket = { ...gateway.ticketFor('payment.charge', charge), seen: true };
    const { open, dueInMs = 0 } = await gateway.step(ticket);
    clock.advance(dueInMs);
    if (open !== undefined) await gateway.step(open);
    const [first, second] = named('follow payment.charge');
    expect(second && linksOf(second)).toEqual([idOf(first)]);
    expect(first?.attributes['tillpaid.stopped']).toBe('left');
    expect(second?.attributes['tillpaid.outcome']).toBe('succeeded');
  });

  it('lead from what follows a long wait to what came before: no span is open for hours', async () => {
    const { gateway, clock, named, tracer } = scene({ ...pending, policy: slow });
    await clock.run(tracer.startActiveSpan('request', () => gateway.settle('payment.charge', charge)));
    const [before, after] = named('settle payment.charge');
    expect(before?.attributes['tillpaid.parted']).toBe(true);
    expect(after && [linksOf(after), parentOf(after)]).toEqual([[idOf(before)], undefined]);
    expect(named('POST').map(each => parentOf(each))).toEqual([idOf(before), idOf(before), idOf(after)]);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('down');
      },
    ],
    ['rejects', () => Promise.reject(new Error('down'))],
    ['gives nonsense', () => 'nonsense'],
    ['never answers', () => new Promise<undefined>(() => undefined)],
  ])('are left out where the memory %s, and nothing else is lost', async (_how, get) => {
    const { gateway, clock, named } = scene(pending, { traces: { get, set: get } });
    expect(await clock.run(gateway.settle('payment.charge', charge))).toMatchObject({ outcome: 'succeeded' });
    expect(named('settle payment.charge')).toHaveLength(1);
  });
});

describe('metrics', () => {
  it('count settlements, how long they took, sends, queries and what was lost', async () => {
    const { gateway, clock, points } = scene({ ...pending, sends: [reset()] });
    await clock.run(gateway.settle('payment.charge', charge));
    const of = { 'tillpaid.gateway': 'acme', 'tillpaid.operation': 'payment.charge' };
    const ended = { ...of, 'tillpaid.outcome': 'succeeded', 'tillpaid.settled_by': 'query' };
    expect(await points('tillpaid.settlements')).toEqual([{ attributes: ended, value: 1 }]);
    expect(await points('tillpaid.payment.duration')).toMatchObject([
      { attributes: ended, value: { count: 1, sum: 2 } },
    ]);
    expect(await points('tillpaid.payment.polls')).toMatchObject([{ value: { count: 1, sum: 2 } }]);
    expect(await points('tillpaid.sends')).toEqual([{ attributes: { ...of, 'tillpaid.resend': false }, value: 1 }]);
    expect(await points('tillpaid.polls')).toEqual([{ attributes: of, value: 2 }]);
    expect(await points('tillpaid.lost')).toMatchObject([
      { attributes: { 'tillpaid.exchange': 'send', 'error.type': 'network/ECONNRESET' }, value: 1 },
    ]);
  });

  it('count open payments up and down', async () => {
    const { gateway, clock, points } = scene();
    const settling = gateway.settle('payment.charge', charge);
    await clock.untilQuiet();
    expect(await points('tillpaid.payments.open')).toMatchObject([{ value: 1 }]);
    await clock.run(settling);
    expect(await points('tillpaid.payments.open')).toMatchObject([{ value: 0 }]);
  });

  it('count none as open, and leave no span open, for a ticket store that fails after the end', async () => {
    const { gateway, clock, points, named } = scene();
    let told = 0;
    const onTicket = async (): Promise<void> => {
      if (told++ === 0) return;
      await new Promise<void>(resolve => clock.timer(300_000, resolve));
      throw new Error('disk full');
    };
    await clock.run(gateway.settle('payment.charge', charge, { onTicket }));
    await clock.run(new Promise<void>(resolve => clock.timer(900_000, resolve)));
    expect(await points('tillpaid.payments.open')).toMatchObject([{ value: 0 }]);
    expect(await points('tillpaid.warnings')).toMatchObject([
      { attributes: { 'tillpaid.event': 'ticket-not-stored' } },
    ]);
    expect(named('settle payment.charge')).toHaveLength(1);
  });

  it('count unresolved payments by the code that left them so', async () => {
    const { gateway, clock, points } = scene({ sends: [reset()], polls: [reset()], policy: quick });
    await clock.run(gateway.settle('payment.charge', charge));
    expect(await points('tillpaid.settlements')).toMatchObject([
      { attributes: { 'tillpaid.outcome': 'unresolved', 'error.type': 'network/ECONNRESET' }, value: 1 },
    ]);
  });

  it('count unlisted codes, and no more names of them than a metric can have', async () => {
    const sends = Array.from({ length: 150 }, (_, at) => said(`NEW-${at}`));
    const { gateway, clock, points } = scene({ sends, polls: [state('paid')], policy: quick });
    for (let at = 0; at < 150; at++) await clock.run(gateway.settle('payment.charge', { ...charge, order: `A${at}` }));
    const counted = await points('tillpaid.unlisted_codes');
    expect(counted.length).toBe(101);
    const other = counted.find(({ attributes }) => Reflect.get(attributes, 'tillpaid.code') === '_OTHER');
    expect(other?.value).toBe(50);
  });

  it('show a circuit that is open, and closed again', async () => {
    const policy = { ...quick, retry: { attempts: 1 }, circuit: circuit({ failures: 1, openForMs: 1000 }) };
    const { gateway, clock, points } = scene({ sends: [reset(), said('PAID')], polls: [state('failed')], policy });
    await clock.run(gateway.settle('payment.charge', { ...charge, order: 'A1' }));
    expect(await points('tillpaid.circuit.open')).toMatchObject([{ value: 1 }]);
    clock.advance(2000);
    await clock.run(gateway.settle('payment.charge', { ...charge, order: 'A2' }));
    expect(await points('tillpaid.circuit.open')).toMatchObject([{ value: 0 }]);
  });

  it('count a worker’s parked payments, deliveries and errors', async () => {
    const { telemetry, points } = scene();
    const row = { gateway: 'acme', operation: 'payment.charge' } as never;
    const at = '2026-01-01T00:00:00.000Z';
    telemetry.onWorkerEvent({ type: 'parked', at, row });
    telemetry.onWorkerEvent({ type: 'delivered', at, id: 'x', deliveryId: 'y' });
    telemetry.onWorkerEvent({ type: 'store-error', at, during: 'take', message: 'x', retryInMs: 1 });
    telemetry.onWorkerEvent({ type: 'changed-elsewhere', at, id: 'x' });
    expect(await points('tillpaid.worker.parked')).toMatchObject([
      { attributes: { 'tillpaid.gateway': 'acme' }, value: 1 },
    ]);
    expect(await points('tillpaid.worker.deliveries')).toMatchObject([
      { attributes: { 'tillpaid.result': 'delivered' } },
    ]);
    expect(await points('tillpaid.worker.errors')).toMatchObject([
      { attributes: { 'tillpaid.event': 'store-error' }, value: 1 },
    ]);
  });

  it('count a journal’s rows, and how late the latest is', async () => {
    const clock = manualClock();
    const journal = memoryJournal({ clock });
    const { fetch } = bench({ ...pending, polls: [state('pending')] });
    const client = ky.create({ fetch: fetch as typeof globalThis.fetch });
    const gateway = createGateway({ adapter: acme(), client, clock, journal, policy: quick });
    await clock.run(gateway.settle('payment.charge', charge));
    clock.advance(3_600_000);
    const { meter, points } = sdk();
    openTelemetry({ meter, clock }).observeJournal(journal);
    expect(await points('tillpaid.journal.rows')).toEqual([
      { attributes: { 'tillpaid.gateway': 'acme', 'tillpaid.state': 'open' }, value: 1 },
    ]);
    expect(await points('tillpaid.journal.overdue')).toMatchObject([{ value: 1 }]);
    const [lag] = await points('tillpaid.journal.lag');
    expect(lag?.value).toBeGreaterThan(3000);
  });

  it('count no row of a journal in a state that it has left: an alert about it would never end', async () => {
    const { meter, points } = sdk();
    const account = '["acme","SHOP"]';
    const counts = vi.fn<() => Promise<RowCount[]>>();
    openTelemetry({ meter, clock: manualClock() }).observeJournal({ counts });
    const valueOf = async (name: string, state?: string): Promise<unknown> =>
      (await points(name)).find(({ attributes }) => state === undefined || Object.values(attributes).includes(state))
        ?.value;
    counts.mockResolvedValue([{ account, state: 'parked', rows: 2, overdue: 1, oldestDueAtMs: 0 }]);
    expect(await valueOf('tillpaid.journal.rows', 'parked')).toBe(2);
    expect(await valueOf('tillpaid.journal.lag')).toBeGreaterThan(0);
    counts.mockResolvedValue([{ account, state: 'archived', rows: 2, overdue: 0 }]);
    expect(await valueOf('tillpaid.journal.rows', 'parked')).toBe(0);
    expect(await valueOf('tillpaid.journal.rows', 'archived')).toBe(2);
    counts.mockResolvedValue([]);
    expect(await valueOf('tillpaid.journal.rows', 'archived')).toBe(0);
    expect([await valueOf('tillpaid.journal.lag'), await valueOf('tillpaid.journal.overdue')]).toEqual([0, 0]);
  });

  it('show a circuit that is open while that of another merchant’s gateway closes', async () => {
    const policy = { ...quick, retry: { attempts: 1 }, circuit: circuit({ failures: 1, openForMs: 1000 }) };
    const { gateway, clock, telemetry, points } = scene({ sends: [reset()], polls: [state('failed')], policy });
    const other = bench({ sends: [reset(), said('PAID')], polls: [state('failed')], policy });
    const endOther = telemetry.observe(other.gateway);
    await clock.run(gateway.settle('payment.charge', charge));
    await other.clock.run(other.gateway.settle('payment.charge', { ...charge, order: 'A1' }));
    other.clock.advance(2000);
    await other.clock.run(other.gateway.settle('payment.charge', { ...charge, order: 'A2' }));
    expect(await points('tillpaid.circuit.open')).toMatchObject([{ value: 1 }]);
    endOther();
    expect(await points('tillpaid.circuit.open')).toMatchObject([{ value: 1 }]);
  });

  it('count nothing open any more, and leave no span open, once the gateway is not observed', async () => {
    const policy = { ...quick, retry: { attempts: 1 }, circuit: circuit({ failures: 1, openForMs: 1000 }) };
    const { gateway, clock, named, points, end } = scene({ sends: [reset()], polls: [state('pending')], policy });
    const settling = gateway.settle('payment.charge', charge);
    await vi.waitFor(async () => expect(await points('tillpaid.circuit.open')).toMatchObject([{ value: 1 }]));
    expect(await points('tillpaid.payments.open')).toMatchObject([{ value: 1 }]);
    end();
    expect(await points('tillpaid.payments.open')).toMatchObject([{ value: 0 }]);
    expect(await points('tillpaid.circuit.open')).toMatchObject([{ value: 0 }]);
    expect(named('settle payment.charge')).toHaveLength(1);
    await clock.run(settling);
    expect(named('settle payment.charge')).toHaveLength(1);
    expect(await points('tillpaid.payments.open')).toMatchObject([{ value: 0 }]);
  });

  it('have the attributes that their table says, and no others', async () => {
    const { gateway, clock, all } = scene({ ...pending, sends: [reset()] });
    await clock.run(gateway.settle('payment.charge', charge));
    type Told = {
      scopeMetrics: { metrics: { descriptor: { name: string }; dataPoints: { attributes: object }[] }[] }[];
    };
    const told = (JSON.parse(await all()) as Told[])
      .flatMap(({ scopeMetrics }) => scopeMetrics)
      .flatMap(({ metrics }) => metrics);
    expect(told.length).toBeGreaterThan(5);
    for (const { descriptor, dataPoints } of told) {
      const { attributes } = Reflect.get(instruments, descriptor.name) as (typeof instruments)['tillpaid.sends'];
      for (const point of dataPoints) expect(attributes).toEqual(expect.arrayContaining(Object.keys(point.attributes)));
    }
  });
});

describe('what is told', () => {
  it('has no reference, amount or secret, whatever the payment is', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uuid(), fc.integer({ min: 1_000_000, max: 9_999_999 }), async (order, amount) => {
        const { gateway, clock, spans, all } = scene({
          sends: [said('PENDING', { message: `order ${order} of ${amount}` })],
          polls: [state('paid', { id: `P-${order}` })],
          policy: quick,
        });
        await clock.run(gateway.settle('payment.charge', { order, amount, scanned: 'CODE-OF-THE-PAYER' }));
        const shown = spans().map(({ name, attributes, events, status }) => ({ name, attributes, events, status }));
        const told = JSON.stringify(shown) + (await all());
        for (const secret of [order, String(amount), 'CODE-OF-THE-PAYER', 'acme-key'])
          expect(told).not.toContain(secret);
      }),
      { numRuns: 20 },
    );
  });

  it('has no card number that a provider gives as its code', async () => {
    const card = '4111111111111111';
    const { gateway, clock, spans, all } = scene({ sends: [said(`NO-${card}`)], polls: [state(card)], policy: quick });
    await clock.run(gateway.settle('payment.charge', charge));
    const shown = spans().map(({ attributes, events, status }) => ({ attributes, events, status }));
    expect(JSON.stringify(shown) + (await all())).not.toContain(card);
    expect(JSON.stringify(shown)).toContain('…');
  });

  it('has the merchant’s number on spans where that is asked for, and on no metric', async () => {
    const { gateway, clock, named, all } = scene(pending, { reference: true });
    await clock.run(gateway.settle('payment.charge', charge));
    expect(named('settle payment.charge')[0]?.attributes['tillpaid.reference']).toBe('SHOP-ORDER-7');
    expect(await all()).not.toContain('SHOP-ORDER-7');
  });

  it('is told until it is ended', async () => {
    const { gateway, clock, spans, end } = scene();
    end();
    await clock.run(gateway.settle('payment.charge', charge));
    expect(spans().map(({ name }) => name)).toEqual(['POST', 'POST', 'POST']);
  });

  it('costs no payment where the tracer and the meter throw', async () => {
    const broken = new Proxy(
      {},
      {
        get: () => () => {
          throw new Error('SDK down');
        },
      },
    );
    const { gateway, clock, sends } = scene(pending, { tracer: broken as never, meter: broken as never });
    expect(await clock.run(gateway.settle('payment.charge', charge))).toMatchObject({ outcome: 'succeeded' });
    expect(sends).toHaveLength(1);
  });

  it('needs no SDK: without one nothing is told', async () => {
    const made: Bench = bench(pending);
    openTelemetry().observe(made.gateway);
    expect(await made.clock.run(made.gateway.settle('payment.charge', charge))).toMatchObject({ outcome: 'succeeded' });
    expect(trace.getActiveSpan()).toBeUndefined();
    expect(made.events.filter((event: GatewayEvent) => event.type === 'settled')).toHaveLength(1);
  });
});

describe('the options', () => {
  it.each([
    [{ tracr: {} }, /Did you mean tracer\?/],
    [{ tracer: {} }, /tracer must be a Tracer/],
    [{ partAfterMs: 5 }, /partAfterMs must be a number of milliseconds, 1000 or more/],
    [{ reference: 'yes' }, /reference must be true or false/],
    [{ traces: new Set() }, /traces must be an object with get and set/],
  ])('%j is refused at once', (options, message) => {
    expect(() => openTelemetry(options as never)).toThrow(message);
  });

  it('what is no gateway and no journal is refused', () => {
    expect(() => openTelemetry().observe({} as never)).toThrow(/pass a gateway/);
    expect(() => openTelemetry().observeJournal(undefined as never)).toThrow(/pass a journal/);
  });
});
