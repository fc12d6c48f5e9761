export { openTelemetry } from './open-telemetry.ts';
export type { CountedJournal, ObservedGateway, OpenTelemetryOptions, Telemetry } from './open-telemetry.ts';
export { instruments } from './instruments.ts';
export type { Metric, MetricName } from './instruments.ts';
export type { TraceMemory } from './spans.ts';
