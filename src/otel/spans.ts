import {
  context,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Attributes,
  type Link,
  type Span,
  type SpanContext,
  type Tracer,
} from '@opentelemetry/api';
import type { AboutExchange } from '../client/options.ts';
import type { AboutPayment, GatewayEvent, PaymentEvent } from '../core/events.ts';
import { quotableCode } from '../core/quotable.ts';
import { names } from './attributes.ts';
import { isTrouble } from './measure.ts';

/**
 * Remembers where the first span of a payment is, so that later ones, of other calls or processes, have a link to it.
 */
export interface TraceMemory {
  /** The traceparent (W3C) kept under this correlation id. May be async. */
  get(correlationId: string): string | undefined | Promise<string | undefined>;
  /** Keeps it, for as long as payments stay open. May be async. */
  set(correlationId: string, traceparent: string): unknown;
}

export interface SpanSettings {
  readonly tracer: () => Tracer;
  readonly memory: TraceMemory;
  readonly showsReference: boolean;
  readonly partAfterMs: number;
  /** Milliseconds since the epoch. `undefined`: the tracer's own time. */
  readonly now: (() => number) | undefined;
}

/** A call whose end has not come. */
interface OpenCall {
  /** Open now; none between two spans of a payment that waits for long. */
  span: Span | undefined;
  /** When that began, since the call did. `undefined`: nothing was told since. */
  sinceMs: number | undefined;
  /** Where its first span is. */
  first: SpanContext | undefined;
}

/** A line of a story that may be longer than a span is meant to be. */
const MOST_OPEN = 100_000;

/** One span for a call; of a payment that waits for long one for each time that something is done. */
export class Spans {
  readonly #settings: SpanSettings;
  readonly #calls = new Map<number, OpenCall>();

  constructor(settings: SpanSettings) {
    this.#settings = settings;
  }

  /** Runs an exchange as a child of its payment's span: so are the spans of the `fetch` in it. */
  around(exchange: AboutExchange, run: () => void): void {
    const span = this.#spanOf(exchange);
    if (span === undefined) run();
    else context.with(trace.setSpan(context.active(), span), run);
  }

  see(event: GatewayEvent): void {
    if (event.type === 'notice-received') return this.#notice(event);
    if (!isOfCall(event)) return;
    if (event.type === 'settled') return this.#settled(event);
    if (event.type === 'stopped') return this.#stopped(event);
    const isNews = event.type !== 'wait' && event.type !== 'notice';
    const open = this.#calls.get(event.call);
    const span = open?.span ?? (isNews ? this.#spanOf(event) : undefined);
    if (span === undefined) return;
    span.addEvent(event.type, detailsOf(event), this.#nowMs);
    const call = this.#calls.get(event.call);
    if (call === undefined) return;
    call.sinceMs ??= event.elapsedMs;
    const isLong =
      event.type === 'wait' && event.elapsedMs + event.delayMs - call.sinceMs >= this.#settings.partAfterMs;
    if (isLong) this.#part(call, span);
  }

  /** It sees no more: what is open ends as it is, so that it is told at all. */
  end(): void {
    for (const { span } of this.#calls.values()) span?.end(this.#nowMs);
    this.#calls.clear();
  }

  /** It waits for long: what comes then is a span of its own, which has a link to this one. */
  #part(call: OpenCall, span: Span): void {
    span.setAttribute(names.parted, true);
    span.end(this.#nowMs);
    call.span = undefined;
    call.sinceMs = undefined;
  }

  #settled(event: Ofcall<'settled'>): void {
    const span = this.#spanOf(event);
    this.#calls.delete(event.call);
    if (span === undefined) return;
    const { outcome, settledBy, reason, attempts, polls, error } = event;
    const code = quotableCode(event.code);
    span.addEvent('settled', {}, this.#nowMs);
    span.setAttributes({
      ...{ [names.outcome]: outcome, [names.settledBy]: settledBy, [names.code]: code, [names.reason]: reason },
      ...{ [names.attempts]: attempts, [names.polls]: polls },
    });
    if (isTrouble.has(outcome)) {
      span.setAttribute(names.errorType, code);
      span.setStatus({ code: SpanStatusCode.ERROR, message: error ?? `${outcome}: ${code}` });
    }
    span.end(this.#nowMs);
  }

  #stopped(event: Ofcall<'stopped'>): void {
    const open = this.#calls.get(event.call);
    const span = event.why === 'fault' ? this.#spanOf(event) : open?.span;
    this.#calls.delete(event.call);
    if (span === undefined) return;
    span.setAttribute(names.stopped, event.why);
    if (event.why === 'fault') {
      span.setAttribute(names.errorType, 'fault');
      span.setStatus({ code: SpanStatusCode.ERROR, ...(event.error !== undefined && { message: event.error }) });
    }
    span.end(this.#nowMs);
  }

  /** A webhook is a span where it came in, with a link to its payment. */
  #notice(event: Extract<GatewayEvent, { type: 'notice-received' }>): void {
    const span = this.#start(`notice ${event.operation}`, event, { parent: 'active' });
    const { code, reason } = event.verdict;
    span.setAttributes({ [names.code]: quotableCode(code), [names.reason]: reason });
    span.end(this.#nowMs);
  }

  /** The open span of a call; it begins where there is none. */
  #spanOf(of: AboutPayment): Span | undefined {
    const { call, follows } = of;
    if (call === undefined) return undefined;
    let open = this.#calls.get(call);
    if (open === undefined) {
      if (this.#calls.size >= MOST_OPEN) return undefined;
      open = { span: undefined, sinceMs: undefined, first: undefined };
      this.#calls.set(call, open);
    }
    const name = `${follows === true ? 'follow' : 'settle'} ${of.operation}`;
    open.span ??= this.#start(name, of, open.first === undefined ? { parent: 'active' } : { first: open.first });
    open.first ??= open.span.spanContext();
    return open.span;
  }

  #start(
    name: string,
    of: Pick<AboutPayment, 'gateway' | 'operation' | 'reference' | 'correlationId' | 'follows'>,
    from: { readonly parent: 'active' } | { readonly first: SpanContext },
  ): Span {
    const attributes: Attributes = {
      ...{ [names.gateway]: of.gateway, [names.operation]: of.operation, [names.correlationId]: of.correlationId },
      ...(of.follows === true && { [names.follows]: true }),
      ...(this.#settings.showsReference && { [names.reference]: Object.values(of.reference)[0] ?? '' }),
    };
    const links: Link[] = 'first' in from ? [{ context: from.first }] : [];
    const startTime = this.#nowMs;
    const options = { kind: SpanKind.INTERNAL, attributes, links, ...(startTime !== undefined && { startTime }) };
    // After a long wait the caller's own span is over: the trace would never end.
    const parent = 'first' in from ? ROOT_CONTEXT : context.active();
    const span = this.#settings.tracer().startSpan(name, options, parent);
    this.#linkToFirst(span, of.correlationId, links[0]?.context.spanId);
    return span;
  }

  /** To the first span of its payment, whatever call or process that was in. */
  #linkToFirst(span: Span, correlationId: string, linked: string | undefined): void {
    const { memory } = this.#settings;
    const own = span.spanContext();
    const heed = (known: unknown): unknown => {
      const first = typeof known === 'string' ? parsed(known) : undefined;
      if (first === undefined) return isRecorded(own) ? memory.set(correlationId, textOf(own)) : undefined;
      if (first.spanId !== own.spanId && first.spanId !== linked) span.addLink({ context: first });
      return undefined;
    };
    const ignore = (): undefined => undefined;
    try {
      const known = memory.get(correlationId);
      if (known instanceof Promise) known.then(heed).catch(ignore);
      else Promise.resolve(heed(known)).catch(ignore);
    } catch {
      // A memory that fails costs a link.
    }
  }

  get #nowMs(): number | undefined {
    return this.#settings.now?.();
  }
}

type Ofcall<T extends PaymentEvent['type']> = Extract<PaymentEvent, { type: T }> & { readonly call: number };

const isOfCall = (event: GatewayEvent): event is Ofcall<PaymentEvent['type']> => 'call' in event;

/** What of an event is shown: never a reference, an amount or a message of the provider's. */
function detailsOf(event: PaymentEvent): Attributes {
  const details: Attributes = {};
  if ('verdict' in event) {
    details[names.code] = quotableCode(event.verdict.code);
    details[names.reason] = event.verdict.reason;
  }
  if ('status' in event) details[names.httpStatus] = event.status;
  if ('code' in event) details[names.code] = quotableCode(event.code);
  if ('evidence' in event) details[names.evidence] = event.evidence;
  if ('attempt' in event) details['tillpaid.attempt'] = event.attempt;
  if ('poll' in event) details['tillpaid.poll'] = event.poll;
  if ('delayMs' in event) details['tillpaid.delay_ms'] = event.delayMs;
  if ('standing' in event) details[names.result] = event.standing;
  if ('error' in event) details['exception.message'] = event.error;
  return details;
}

const isRecorded = ({ traceId }: SpanContext): boolean => !/^0+$/.test(traceId);

const textOf = ({ traceId, spanId, traceFlags }: SpanContext): string =>
  `00-${traceId}-${spanId}-${(traceFlags & TraceFlags.SAMPLED) === 0 ? '00' : '01'}`;

function parsed(traceparent: string): SpanContext | undefined {
  const [, traceId, spanId, flags] = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/.exec(traceparent) ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & TraceFlags.SAMPLED, isRemote: true };
}
