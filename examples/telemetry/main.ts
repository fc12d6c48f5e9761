/**
 * The real OpenTelemetry SDK on simulated gateways: two payments as traces, and the metrics. `node main.ts` prints both.
 */
import { context, SpanKind, type Tracer } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node';
import ky from 'ky';
import { createGateway, parseTicket } from 'tillpaid';
import { qfpay, type QfpayCredentials } from 'tillpaid/adapters/qfpay';
import { zalopay, type ZalopayCredentials } from 'tillpaid/adapters/zalopay';
import { openTelemetry } from 'tillpaid/otel';
import { lives, manualClock, simulateGateway } from 'tillpaid/testing';
import { qfpayVoice } from 'tillpaid/testing/qfpay';
import { zalopayVoice } from 'tillpaid/testing/zalopay';
import { linesOfMetrics, linesOfSpans } from './print.ts';

const wallet: QfpayCredentials = { appCode: 'SHOP', clientKey: 'secret', environment: 'sandbox' };
const merchant: ZalopayCredentials = { appId: 2553, key1: 'secret-1', key2: 'secret-2', environment: 'sandbox' };

/** What an instrumentation of `fetch` does, such as `@opentelemetry/instrumentation-undici`: a CLIENT span for each request. */
const instrumented =
  (fetch: typeof globalThis.fetch, tracer: Tracer, now: () => number): typeof globalThis.fetch =>
  (input, init) => {
    const { method, url } = input instanceof Request ? input : new Request(input, init);
    const options = { kind: SpanKind.CLIENT, startTime: now(), attributes: { 'url.path': new URL(url).pathname } };
    return tracer.startActiveSpan(method, options, span => fetch(input, init).finally(() => span.end(now())));
  };

export async function main(): Promise<{ trace: string[]; metrics: string[] }> {
  const clock = manualClock();
  const now = (): number => clock.now();

  // What a process sets up once, here with exporters that keep all in memory.
  const spans = new InMemorySpanExporter();
  const tracer = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] }).getTracer('shop');
  const exported = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter: exported, exportIntervalMillis: 3_600_000 });
  const meter = new MeterProvider({ readers: [reader] }).getMeter('shop');
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());

  // A shop would say openTelemetry(), and no more: time is simulated here.
  const telemetry = openTelemetry({ tracer, meter, clock, partAfterMs: 60_000 });

  const till = simulateGateway({ voice: qfpayVoice(wallet), clock });
  const web = simulateGateway({ voice: zalopayVoice(merchant), clock });
  const clientOf = (fetch: typeof globalThis.fetch) => ky.create({ fetch: instrumented(fetch, tracer, now) });

  // A payer's code is scanned: the money moves, and the answer is lost.
  till.script('ORDER-1', { life: lives.paidAfter(4000), onSend: ['reset-after-booking'] });
  const charging = createGateway({ adapter: qfpay(wallet), client: clientOf(till.fetch), clock });
  telemetry.observe(charging);
  await clock.run(
    tracer.startActiveSpan('POST /checkout', { kind: SpanKind.SERVER, startTime: now() }, async request => {
      await charging.settle('payment.charge', {
        ...{ out_trade_no: 'ORDER-1', txamt: 1250, txcurrcd: 'HKD', pay_type: '800108' },
        auth_code: '284957310466312987',
      });
      request.end(now());
    }),
  );

  // An order with a link. Its ticket is stored, and another process follows it for as long as the payer takes.
  const process = () => {
    const gateway = createGateway({ adapter: zalopay(merchant), client: clientOf(web.fetch), clock });
    telemetry.observe(gateway);
    return gateway;
  };
  web.script('260101_0002', { life: lives.paidAfter(100_000) });
  const order = { app_trans_id: '260101_0002', app_user: 'user-8', amount: 70_000, description: 'Tea for three' };
  const { ticket } = await clock.run(process().settle('payment.create', order));
  const stored = JSON.stringify(ticket);
  await clock.run(process().untilSettled(parseTicket(stored)));

  await reader.forceFlush();
  await reader.shutdown();
  context.disable();
  return { trace: linesOfSpans(spans.getFinishedSpans()), metrics: linesOfMetrics(exported.getMetrics()) };
}

if (import.meta.main) {
  const { trace, metrics } = await main();
  console.log([...trace, '', ...metrics].join('\n'));
}
