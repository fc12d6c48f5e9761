import type { Attributes, Counter, Gauge, Histogram, Meter, MetricOptions, UpDownCounter } from '@opentelemetry/api';
import { names } from './attributes.ts';

type Kind = 'counter' | 'up-down-counter' | 'histogram' | 'gauge' | 'observable-gauge';

/** A metric, as `docs/observability.md` lists it. */
export interface Metric {
  readonly kind: Kind;
  /** UCUM. What is counted stands in braces. */
  readonly unit: string;
  readonly description: string;
  readonly attributes: readonly string[];
  /** Of a histogram: where its buckets end. */
  readonly buckets?: readonly number[];
}

type CounterName =
  | 'tillpaid.settlements'
  | 'tillpaid.sends'
  | 'tillpaid.polls'
  | 'tillpaid.lost'
  | 'tillpaid.unlisted_codes'
  | 'tillpaid.notices'
  | 'tillpaid.cancels'
  | 'tillpaid.warnings'
  | 'tillpaid.worker.parked'
  | 'tillpaid.worker.deliveries'
  | 'tillpaid.worker.errors';
type HistogramName = 'tillpaid.payment.duration' | 'tillpaid.payment.polls';
type ObservableName = 'tillpaid.journal.rows' | 'tillpaid.journal.overdue' | 'tillpaid.journal.lag';

export type MetricName =
  | CounterName
  | HistogramName
  | ObservableName
  | 'tillpaid.payments.open'
  | 'tillpaid.circuit.open';

const { gateway, operation, outcome, settledBy, code, event, exchange, evidence, resend, result, state, errorType } =
  names;
const ofOperation = [gateway, operation];

/** Every metric there is. */
export const instruments: Readonly<Record<MetricName, Metric>> = {
  'tillpaid.payment.duration': {
    kind: 'histogram',
    unit: 's',
    description: 'From the opening of a payment to the end that its call told, in whatever process it was opened.',
    attributes: [...ofOperation, outcome, settledBy],
    buckets: [0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600, 900, 1800, 3600, 86_400],
  },
  'tillpaid.payment.polls': {
    kind: 'histogram',
    unit: '{poll}',
    description: 'Status queries about a payment until its end.',
    attributes: [...ofOperation, outcome],
    buckets: [0, 1, 2, 3, 5, 8, 13, 21, 34, 55],
  },
  'tillpaid.settlements': {
    kind: 'counter',
    unit: '{settlement}',
    description: 'Ends that calls told. `error.type` is the code of those that no payer decided.',
    attributes: [...ofOperation, outcome, settledBy, errorType],
  },
  'tillpaid.payments.open': {
    kind: 'up-down-counter',
    unit: '{payment}',
    description: 'Payments that a call of this process settles or follows now.',
    attributes: ofOperation,
  },
  'tillpaid.sends': {
    kind: 'counter',
    unit: '{send}',
    description: 'Sends of writes, re-sends among them.',
    attributes: [...ofOperation, resend],
  },
  'tillpaid.polls': {
    kind: 'counter',
    unit: '{poll}',
    description: 'Status queries.',
    attributes: ofOperation,
  },
  'tillpaid.lost': {
    kind: 'counter',
    unit: '{exchange}',
    description: 'Sends and status queries without an answer.',
    attributes: [...ofOperation, exchange, evidence, errorType],
  },
  'tillpaid.unlisted_codes': {
    kind: 'counter',
    unit: '{answer}',
    description: 'Answers with a code that no row of the adapter’s tables has.',
    attributes: [...ofOperation, code],
  },
  'tillpaid.circuit.open': {
    kind: 'gauge',
    unit: '{circuit}',
    description:
      '1 while the circuit of an operation, of any gateway object, holds sends back or lets one through to try; else 0.',
    attributes: ofOperation,
  },
  'tillpaid.notices': {
    kind: 'counter',
    unit: '{notice}',
    description: 'Webhooks that `receive` was given: `received` if genuine, else `refused`.',
    attributes: [gateway, result],
  },
  'tillpaid.cancels': {
    kind: 'counter',
    unit: '{cancel}',
    description: 'Cancels at a deadline, by how they stand.',
    attributes: [...ofOperation, result],
  },
  'tillpaid.warnings': {
    kind: 'counter',
    unit: '{event}',
    description: 'Events that somebody should know of.',
    attributes: [...ofOperation, event],
  },
  'tillpaid.worker.parked': {
    kind: 'counter',
    unit: '{payment}',
    description: 'Payments that a worker has parked: a person has to look at them.',
    attributes: ofOperation,
  },
  'tillpaid.worker.deliveries': {
    kind: 'counter',
    unit: '{delivery}',
    description: 'Calls of `onSettled`: `delivered` or `failed`.',
    attributes: [result],
  },
  'tillpaid.worker.errors': {
    kind: 'counter',
    unit: '{error}',
    description: 'What goes wrong with a worker itself: its store, its lease, an account that nobody serves.',
    attributes: [event],
  },
  'tillpaid.journal.rows': {
    kind: 'observable-gauge',
    unit: '{payment}',
    description: 'Payments in the journal, by their state.',
    attributes: [gateway, state],
  },
  'tillpaid.journal.overdue': {
    kind: 'observable-gauge',
    unit: '{payment}',
    description: 'Payments in the journal that a worker should have looked at by now.',
    attributes: [gateway],
  },
  'tillpaid.journal.lag': {
    kind: 'observable-gauge',
    unit: 's',
    description: 'How late the longest overdue payment of the journal is.',
    attributes: [gateway],
  },
};

const optionsOf = ({ unit, description, buckets }: Metric): MetricOptions => ({
  unit,
  description,
  ...(buckets !== undefined && { advice: { explicitBucketBoundaries: [...buckets] } }),
});

/** The instruments of a meter, each made when it is first used. */
export class Instruments {
  readonly #meter: () => Meter;
  readonly #made = new Map<MetricName, unknown>();
  /** Of each operation of a gateway, whose circuit is open: several gateway objects, of many merchants, have one line. */
  readonly #circuits = new Map<string, { readonly of: Attributes; readonly open: Set<object> }>();

  constructor(meter: () => Meter) {
    this.#meter = meter;
  }

  counter(name: CounterName): Counter {
    return this.#once(name, (meter, options) => meter.createCounter(name, options));
  }

  upDown(name: 'tillpaid.payments.open'): UpDownCounter {
    return this.#once(name, (meter, options) => meter.createUpDownCounter(name, options));
  }

  histogram(name: HistogramName): Histogram {
    return this.#once(name, (meter, options) => meter.createHistogram(name, options));
  }

  gauge(name: 'tillpaid.circuit.open'): Gauge {
    return this.#once(name, (meter, options) => meter.createGauge(name, options));
  }

  /** One circuit of one gateway object has opened or closed. */
  circuit(whose: object, isOpen: boolean, of: Attributes): void {
    const key = JSON.stringify([of[gateway], of[operation]]);
    const { open } = this.#circuits.get(key) ?? { open: new Set<object>() };
    this.#circuits.set(key, { of, open });
    if (isOpen) open.add(whose);
    else open.delete(whose);
    this.gauge('tillpaid.circuit.open').record(open.size > 0 ? 1 : 0, of);
  }

  /** Nothing more is seen of it: its circuits count no more. */
  forget(whose: object): void {
    for (const { of, open } of this.#circuits.values()) if (open.has(whose)) this.circuit(whose, false, of);
  }

  get meter(): Meter {
    return this.#meter();
  }

  observable(name: ObservableName): ReturnType<Meter['createObservableGauge']> {
    return this.#once(name, (meter, options) => meter.createObservableGauge(name, options));
  }

  #once<T>(name: MetricName, make: (meter: Meter, options: MetricOptions) => T): T {
    const known = this.#made.get(name);
    if (known !== undefined) return known as T;
    const made = make(this.#meter(), optionsOf(instruments[name]));
    this.#made.set(name, made);
    return made;
  }
}
