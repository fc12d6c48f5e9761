import { metrics, trace, type Meter, type Tracer } from '@opentelemetry/api';
import type { EventListener, ObserveOptions } from '../client/options.ts';
import { aTimeOfDay, checkOptions, type Checks } from '../core/check-options.ts';
import { InputError } from '../core/errors.ts';
import type { RowCount } from '../journal/store.ts';
import type { WorkerEvent } from '../journal/worker/events.ts';
import { names } from './attributes.ts';
import { Instruments } from './instruments.ts';
import { Measure, seeWorker } from './measure.ts';
import { Spans, type TraceMemory } from './spans.ts';

/** What `openTelemetry` takes. */
export interface OpenTelemetryOptions {
  /** Default: `trace.getTracer('tillpaid')` of the SDK that the process has set up. */
  readonly tracer?: Tracer;
  /** Default: `metrics.getMeter('tillpaid')` of that SDK. */
  readonly meter?: Meter;
  /**
   * Where the first span of each payment is remembered, for the links of later ones. For links between processes give one
   * of your own, such as a Redis. Default: the newest 10,000, in this process.
   */
  readonly traces?: TraceMemory;
  /** Spans have the merchant's own number, as `tillpaid.reference`. No metric ever has. Default `false`. */
  readonly reference?: boolean;
  /**
   * A span that would be open for so long over a wait ends before it, and what follows is one that has a link to it: a
   * payment that is open for days has a span for each query. Milliseconds, default 300,000.
   */
  readonly partAfterMs?: number;
  /** Dates spans. Default: the tracer's own time. */
  readonly clock?: { readonly now: () => number };
}

/** A gateway, as far as it is observed. */
export interface ObservedGateway {
  observe(listener: EventListener, options?: ObserveOptions): () => void;
}

/** A journal, as far as it is counted. */
export interface CountedJournal {
  counts(): Promise<readonly RowCount[]>;
}

/** What makes spans and metrics of gateways, workers and journals. */
export interface Telemetry {
  /**
   * Spans and metrics of all that a gateway does; the spans of its `fetch` calls become children. @returns a function
   * that ends it
   */
  observe(gateway: ObservedGateway): () => void;
  /** Counts what a worker tells: `createWorker({ onEvent: telemetry.onWorkerEvent })`. */
  readonly onWorkerEvent: (event: WorkerEvent) => void;
  /**
   * Counts a journal's rows each time that metrics are collected. Do so in one process: all would count the same rows.
   *
   * @returns a function that ends it
   */
  observeJournal(journal: CountedJournal): () => void;
}

const anObject = (
  expects: string,
  ...methods: string[]
): { expects: string; accepts: (value: unknown) => boolean } => ({
  expects,
  accepts: value =>
    typeof value === 'object' &&
    value !== null &&
    methods.every(name => typeof Reflect.get(value, name) === 'function'),
});

const checks: Checks<OpenTelemetryOptions> = {
  tracer: anObject('a Tracer of @opentelemetry/api', 'startSpan'),
  meter: anObject('a Meter of @opentelemetry/api', 'createCounter', 'createHistogram'),
  traces: anObject('an object with get and set', 'get', 'set'),
  reference: { expects: 'true or false', accepts: value => typeof value === 'boolean' },
  partAfterMs: {
    expects: 'a number of milliseconds, 1000 or more',
    accepts: value => typeof value === 'number' && value >= 1000,
  },
  clock: aTimeOfDay,
};

const NAME = 'tillpaid';
const PART_AFTER_MS = 300_000;
const MOST_TRACES = 10_000;

/**
 * OpenTelemetry for gateways: one INTERNAL span for each payment that a call settles or follows, with links between
 * those of one payment, and metrics. It needs `@opentelemetry/api`, and reports to whatever SDK the process has set up.
 *
 * No span and no metric has a reference (unless asked), an amount, a message of the provider's or a secret.
 *
 * @example
 * ```ts
 * const telemetry = openTelemetry();
 * telemetry.observe(gateway);
 * ```
 * @throws {InputError} for an option that cannot be meant
 */
export function openTelemetry(options: OpenTelemetryOptions = {}): Telemetry {
  checkOptions('openTelemetry', options, checks);
  const { tracer, meter, traces = newestTraces(), reference = false, partAfterMs = PART_AFTER_MS, clock } = options;
  const instruments = new Instruments(() => meter ?? metrics.getMeter(NAME));
  const settings = {
    tracer: () => tracer ?? trace.getTracer(NAME),
    ...{ memory: traces, showsReference: reference, partAfterMs },
    now: clock && (() => clock.now()),
  };
  return {
    observe(gateway) {
      checkHas(gateway, 'observe', 'observe: pass a gateway of createGateway.');
      const [spans, measure] = [new Spans(settings), new Measure(instruments)];
      const seeing: EventListener = event => {
        // Neither of them costs the other one.
        try {
          spans.see(event);
        } finally {
          measure.see(event);
        }
      };
      const stop = gateway.observe(seeing, { around: (exchange, run) => spans.around(exchange, run) });
      return () => {
        stop();
        try {
          spans.end();
        } finally {
          measure.end();
        }
      };
    },
    onWorkerEvent: event => seeWorker(instruments, event),
    observeJournal(journal) {
      checkHas(journal, 'counts', 'observeJournal: pass a journal, such as sqliteJournal(…).');
      return countRows(instruments, journal, clock ?? Date);
    },
  };
}

/** @throws {InputError} */
function checkHas(given: unknown, method: string, message: string): void {
  if (typeof given !== 'object' || given === null || typeof Reflect.get(given, method) !== 'function')
    throw new InputError(`openTelemetry: ${message}`);
}

function countRows(instruments: Instruments, journal: CountedJournal, clock: { now: () => number }): () => void {
  const rows = instruments.observable('tillpaid.journal.rows');
  const overdue = instruments.observable('tillpaid.journal.overdue');
  const lag = instruments.observable('tillpaid.journal.lag');
  const observed = [rows, overdue, lag];
  // The SDK goes on telling the last value of what is not observed again: what is gone is observed as 0.
  const byState = new Map<string, number>();
  const byGateway = new Map<string, { overdue: number; lagMs: number }>();
  type Observe = Parameters<typeof instruments.meter.addBatchObservableCallback>[0];
  const observe: Observe = async result => {
    const counts = await journal.counts();
    for (const key of byState.keys()) byState.set(key, 0);
    for (const gateway of byGateway.keys()) byGateway.set(gateway, { overdue: 0, lagMs: 0 });
    for (const { account, state, rows: count, overdue: late, oldestDueAtMs } of counts) {
      const key = JSON.stringify([gatewayOf(account), state]);
      byState.set(key, (byState.get(key) ?? 0) + count);
      const known = byGateway.get(gatewayOf(account)) ?? { overdue: 0, lagMs: 0 };
      const lagMs = late === 0 || oldestDueAtMs === undefined ? 0 : Math.max(0, clock.now() - oldestDueAtMs);
      byGateway.set(gatewayOf(account), {
        overdue: known.overdue + late,
        lagMs: Math.max(known.lagMs, lagMs),
      });
    }
    for (const [key, count] of byState) {
      const [gateway, state] = JSON.parse(key) as [string, string];
      result.observe(rows, count, { [names.gateway]: gateway, [names.state]: state });
    }
    for (const [gateway, known] of byGateway) {
      result.observe(overdue, known.overdue, { [names.gateway]: gateway });
      result.observe(lag, known.lagMs / 1000, { [names.gateway]: gateway });
    }
  };
  const { meter } = instruments;
  meter.addBatchObservableCallback(observe, observed);
  return () => meter.removeBatchObservableCallback(observe, observed);
}

/** An account begins with its gateway's name; the rest is the merchant's. */
function gatewayOf(account: string): string {
  try {
    const [name] = JSON.parse(account) as unknown[];
    return typeof name === 'string' ? name : 'unknown';
  } catch {
    return 'unknown';
  }
}

/** Of so many payments the first span is known, the newest first. */
function newestTraces(): TraceMemory {
  const known = new Map<string, string>();
  return {
    get: correlationId => known.get(correlationId),
    set(correlationId, traceparent) {
      known.set(correlationId, traceparent);
      const [oldest] = known.keys();
      if (known.size > MOST_TRACES && oldest !== undefined) known.delete(oldest);
    },
  };
}
