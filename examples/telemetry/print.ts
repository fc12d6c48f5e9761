import { SpanKind, type Attributes } from '@opentelemetry/api';
import { DataPointType, type ResourceMetrics } from '@opentelemetry/sdk-metrics';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-node';

const msOf = ([seconds, nanoseconds]: readonly [number, number]): number =>
  Math.round(seconds * 1000 + nanoseconds / 1e6);

const shown = (attributes: Attributes | undefined, wanted: readonly string[]): string =>
  wanted.flatMap(name => (attributes?.[name] === undefined ? [] : [`${name}=${String(attributes[name])}`])).join(' ');

const telling = ['tillpaid.outcome', 'tillpaid.settled_by', 'tillpaid.code', 'tillpaid.polls', 'tillpaid.parted'];

/** Traces as trees, in the order in which they began; a link says which span it leads to. */
export function linesOfSpans(spans: readonly ReadableSpan[]): string[] {
  const numbers = new Map(spans.map((span, at) => [span.spanContext().spanId, at + 1]));
  const inOrder = spans.toSorted((one, other) => msOf(one.startTime) - msOf(other.startTime));
  const [first] = inOrder;
  const startMs = first === undefined ? 0 : msOf(first.startTime);
  const lines = (parent: string | undefined, indent: string): string[] =>
    inOrder
      .filter(({ parentSpanContext }) => parentSpanContext?.spanId === parent)
      .flatMap(span => {
        const { name, kind, attributes, links, startTime, endTime } = span;
        const times = `${String((msOf(startTime) - startMs) / 1000)} s +${String(msOf(endTime) - msOf(startTime))} ms`;
        const led = links.map(({ context: { spanId } }) => `-> #${String(numbers.get(spanId) ?? '?')}`);
        const { spanId } = span.spanContext();
        const head = `${indent}#${String(numbers.get(spanId) ?? '?')} ${name} (${SpanKind[kind]}) ${times}`;
        const events = span.events
          .filter(({ name: event }) => event !== 'ask' && event !== 'wait')
          .map(event => `${indent}    . ${event.name} ${shown(event.attributes, telling)}`);
        return [
          [head, ...led, shown(attributes, telling)].filter(part => part !== '').join(' '),
          ...events.map(line => line.trimEnd()),
          ...lines(spanId, `${indent}  `),
        ];
      });
  return lines(undefined, '');
}

/** A line for each metric and set of attributes. */
export function linesOfMetrics(exported: readonly ResourceMetrics[]): string[] {
  const metrics = exported.at(-1)?.scopeMetrics.flatMap(scope => scope.metrics) ?? [];
  return metrics.flatMap(metric => {
    const { name, unit } = metric.descriptor;
    if (metric.dataPointType === DataPointType.HISTOGRAM)
      return metric.dataPoints.map(
        ({ attributes, value: { count, sum = 0 } }) =>
          `${name} ${shown(attributes, Object.keys(attributes))} count=${String(count)} sum=${String(sum)} ${unit}`,
      );
    if (metric.dataPointType === DataPointType.EXPONENTIAL_HISTOGRAM) return [];
    return metric.dataPoints.map(
      ({ attributes, value }) => `${name} ${shown(attributes, Object.keys(attributes))} ${String(value)} ${unit}`,
    );
  });
}
