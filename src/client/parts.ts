import type { KyInstance, Options } from 'ky';
import { callTime, systemClock, type Clock } from '../clock.ts';
import { messageOf, type AdapterFault } from '../core/adapter-fault.ts';
import { InputError, isInputError } from '../core/errors.ts';
import type { AboutPayment, GatewayEvent, PaymentEvent } from '../core/events.ts';
import type { TimelineFact } from '../core/settlement.ts';
import { printable } from '../core/printable.ts';
import { quotableVerdict } from '../core/quotable-verdict.ts';
import { quotableCode } from '../core/quotable.ts';
import { isWrite, type Operation, type Fields } from '../core/operation.ts';
import type { Ticket } from '../core/ticket.ts';
import type { Batches, BatchParts } from '../engine/batch.ts';
import { correlationIdOf } from '../engine/correlation.ts';
import { createCrowd } from '../engine/crowd.ts';
import type { Durable } from '../engine/durable.ts';
import { fieldsDigest } from '../engine/fields-digest.ts';
import type { Engine } from '../engine/intention.ts';
import { createLimiter } from '../engine/limiter.ts';
import { startOfTicket } from '../engine/plan.ts';
import { createProviderClock } from '../engine/provider-clock.ts';
import { createRetryQuotas } from '../engine/quota.ts';
import { Registry } from '../engine/registry.ts';
import { createSealer } from '../engine/seal.ts';
import type { OnTicket } from '../engine/ticket-keeper.ts';
import type { ExchangeType, Reporter, Teller } from '../engine/timeline.ts';
import type { Road } from '../engine/way.ts';
import { createWire } from '../engine/wire.ts';
import type { Adapter } from '../kit/adapter.ts';
import type { Backoff } from '../policies/backoff.ts';
import {
  checkActs,
  layeredPolicy,
  policyFor,
  withBackoff,
  type Policy,
  type ResolvedPolicy,
} from '../policies/policy.ts';
import { misspeltIn } from '../core/did-you-mean.ts';
import { optionsOf } from './drop-in.ts';
import {
  checkOptions,
  observeOptions,
  type AboutExchange,
  type EventListener,
  type GatewayOptions,
  type ObserveOptions,
} from './options.ts';
import { createRoad } from './road.ts';

/** What the doors of one gateway share: `settle`, following, the drop-in and webhooks. */
export interface GatewayParts {
  readonly adapter: Adapter;
  readonly engine: Engine;
  /** Which payments are open or settled, as far as this gateway knows. */
  readonly registry: Registry;
  /** What outlives this object, where the user has given a journal. */
  readonly durable: Durable | undefined;
  /** Makes a change of what the registry knows of a payment; the journal's, where there is one. */
  readonly change: (ticket: Ticket, change: () => void, isNews?: boolean) => void | Promise<void>;
  readonly digestOf: (operation: Operation, fields: Fields) => string;
  readonly backoffs: readonly Backoff[];
  /** The gateway's own policy, without a call's. */
  readonly policy: ResolvedPolicy;
  readonly policyOf: (ofTheCall: Policy | undefined) => ResolvedPolicy;
  /**
   * That policy with the backoff that is chosen for a payment, whose polling begins. Never throws: a fault of the user's
   * function costs no payment.
   */
  readonly policyFor: (policy: ResolvedPolicy, ticket: Ticket, isStored?: 'stored') => ResolvedPolicy;
  readonly clientOptions: Options;
  /** For what is sent by no request of the client's. */
  readonly road: Road;
  readonly inform: (event: GatewayEvent, ticket?: Ticket) => void;
  /** Which payment an event is about. */
  readonly about: (ticket: Ticket) => AboutPayment;
  /** One more listener; the returned function ends it. */
  readonly observe: (listener: EventListener, options?: ObserveOptions) => () => void;
  /** Two sources contradict each other about a payment that no loop follows. */
  readonly reportConflict: (ticket: Ticket, code: string) => void;
  /** The adapter threw at something that is of no payment yet. */
  readonly reportFault: (fault: AdapterFault) => void;
  /** A write of the drop-in has a field that nearly is a known one: it is sent as it is. */
  readonly reportMisspelt: (operation: Operation, fields: Fields, ticket: Ticket) => void;
  readonly reporter: Reporter;
  /** Where tickets go: to the gateway's own `onTicket`, and to the call's. */
  readonly onTicketOf: (ofTheCall: OnTicket | undefined) => OnTicket | undefined;
  /** How long one attempt may take: the call's word, the policy's, the client's, or ten seconds. */
  readonly attemptTimeoutMs: (
    policy: ResolvedPolicy,
    ofTheClient: Options['timeout'],
    ofTheCall?: Options['timeout'],
  ) => number;
}

const DEFAULT_TIMEOUT_MS = 10_000;

/** With a journal others wait so long before they take over from a process that died: no attempt may take for ever. */
const LONGEST_JOURNALED_MS = 10 * 60_000;

/** @param options checked, with the user's client */
export function createParts(options: GatewayOptions<object>, user: KyInstance): GatewayParts {
  const { backoffs = [] } = options;
  const adapter = options.adapter;
  const policy = layeredPolicy(adapter.policy, options.policy);
  if (policy.poll.notices === true && adapter.webhook === undefined)
    throw new InputError(
      `${adapter.name}: policy.poll.notices has no effect, since it sends no webhooks that can be verified: leave it out.`,
    );
  const clientOptions = optionsOf(user);
  const attemptTimeoutMs = attemptTimeouts(options.journal !== undefined);
  checkActs(options.policy, policy, attemptTimeoutMs(policy, clientOptions.timeout));
  const { listens, inform, observe, arounds } = createListeners(options.onEvent);
  const engine = createEngine(options, policy, { inform, reportFault: fault => reportFault(fault) });
  const registry = new Registry(adapter, engine.clock, engine.sealer, options.journal !== undefined);
  let calls = 0;
  const about = (ticket: Ticket, teller?: Teller): AboutPayment => {
    const { operation, reference } = ticket;
    const correlationId = teller?.correlationId ?? correlationIdOf(adapter, ticket);
    const of = { gateway: adapter.name, operation, reference: printableOf(reference), correlationId };
    if (teller === undefined) return of;
    teller.correlationId = correlationId;
    return { ...of, call: (teller.call ??= ++calls), ...(teller.follows && { follows: true as const }) };
  };
  const reportNow = (fact: TimelineFact, ticket: Ticket): void => {
    if (!listens()) return;
    const nowMs = engine.clock.now();
    const entry = { at: new Date(nowMs).toISOString(), elapsedMs: nowMs - Date.parse(ticket.openedAt), ...fact };
    inform({ ...entry, ...about(ticket) } as PaymentEvent, ticket);
  };
  const reportFault = (fault: AdapterFault): void => {
    const at = new Date(engine.clock.now()).toISOString();
    const of = { gateway: adapter.name, operation: '', reference: {}, correlationId: '' };
    inform({ type: 'adapter-fault', at, elapsedMs: 0, ...of, fault });
  };
  const durable = options.journal?.attach({
    ...{ adapter, clock: engine.clock, registry, sealer: engine.sealer, circuits: engine.circuits },
    onFailure: ticket => reportNow({ type: 'not-journaled' }, ticket),
  });
  return {
    adapter,
    engine,
    registry,
    durable,
    change: (ticket, change, isNews) => (durable === undefined ? change() : durable.change(ticket, change, isNews)),
    digestOf: durable === undefined ? fieldsDigest(adapter) : (...of) => durable.digestOf(...of),
    backoffs,
    policy,
    policyOf: ofTheCall =>
      ofTheCall === undefined ? policy : layeredPolicy(adapter.policy, options.policy, ofTheCall),
    clientOptions,
    policyFor(policy, ticket, isStored) {
      if (policy.poll.chooseBackoff === undefined) return policy;
      const payment = startOfTicket(ticket);
      try {
        return policyFor(policy, payment, isStored && backoffs);
      } catch (error) {
        const message = isInputError(error) ? error.message : messageOf(error, [payment]);
        reportNow({ type: 'backoff-not-chosen', message }, ticket);
        return withBackoff(policy);
      }
    },
    road: createRoad(adapter, user, clientOptions),
    inform,
    observe,
    about,
    reportConflict: (ticket, code) => reportNow({ type: 'conflict', code }, ticket),
    reportFault,
    reportMisspelt(operation, fields, { reference }) {
      const found = listens() ? misspeltIn(operation, fields) : undefined;
      if (found === undefined) return;
      const at = new Date(engine.clock.now()).toISOString();
      const of = { gateway: adapter.name, operation: operation.name, reference: printableOf(reference) };
      inform({ type: 'misspelt', at, elapsedMs: 0, ...of, ...found });
    },
    reporter: {
      get listens() {
        return listens();
      },
      report: (entry, ticket, teller, details) =>
        // What is told may come from anybody's error: to spell it out costs no payment.
        safely(() => inform({ ...entry, ...details?.(), ...about(ticket, teller) } as PaymentEvent, ticket)),
      tell(entry, listeners) {
        for (const listener of [...listeners]) safely(() => listener(entry));
      },
      get enclose() {
        const enclosing = arounds();
        if (enclosing.length === 0) return undefined;
        return <T>(type: ExchangeType, ticket: Ticket, teller: Teller | undefined, run: () => T): T => {
          const exchange = { type, ...about(ticket, teller) };
          return enclosing.reduceRight<() => T>((inner, around) => enclosed(around, exchange, inner), run)();
        };
      },
    },
    onTicketOf: ofTheCall => bothOf(options.onTicket, ofTheCall),
    attemptTimeoutMs,
  };
}

const attemptTimeouts =
  (isJournaled: boolean): GatewayParts['attemptTimeoutMs'] =>
  (ofPolicy, ofTheClient, ofTheCall) => {
    const chosen = ofTheCall ?? ofPolicy.attemptTimeoutMs ?? ofTheClient ?? DEFAULT_TIMEOUT_MS;
    const timeoutMs = chosen === false ? Number.MAX_SAFE_INTEGER : chosen;
    return isJournaled ? Math.min(timeoutMs, LONGEST_JOURNALED_MS) : timeoutMs;
  };

type Reports = Pick<GatewayParts, 'inform' | 'reportFault'>;

function createEngine(
  options: GatewayOptions<object>,
  policy: ResolvedPolicy,
  { inform, reportFault: onFault }: Reports,
): Engine {
  const { clock = systemClock, fetchSendsOnce } = options;
  const adapter = options.adapter;
  const timeMs = callTime(clock);
  const providerClock = createProviderClock(() => clock.now(), timeMs);
  const limiter = createLimiter(policy.limit, clock);
  const wire = createWire({
    ...{ adapter, clock, providerClock, limiter, fetchSendsOnce },
    maxRetryAfterMs: policy.retry.maxRetryAfterMs,
  });
  const batches = loadedBatches(policy.poll.batch, { adapter, clock, wire, inform, onFault });
  return {
    adapter,
    clock,
    providerClock,
    sealer: createSealer(options.ticketSeal, () => clock.now()),
    notices: {},
    ...createGuards(adapter, policy, clock, timeMs, inform),
    wire,
    ...(batches !== undefined && { batches }),
    crowd: createCrowd(clock),
  };
}

interface Observer extends ObserveOptions {
  readonly listener: EventListener;
}

interface Listeners extends Pick<GatewayParts, 'inform' | 'observe'> {
  readonly listens: () => boolean;
  readonly arounds: () => Around[];
}

/** Who is told everything: the gateway's `onEvent`, and those that came later. */
function createListeners(onEvent: GatewayOptions<object>['onEvent']): Listeners {
  const observers = new Set<Observer>();
  const awake = (): Observer[] => [...observers].filter(wantsToKnow);
  const tell = (event: GatewayEvent, ticket?: Ticket): void => {
    if (onEvent !== undefined) safely(() => onEvent(event));
    if (observers.size === 0) return;
    const payment = ticket && startOfTicket(ticket);
    for (const { listener } of awake()) safely(() => listener(event, payment));
  };
  return {
    listens: () => onEvent !== undefined || (observers.size > 0 && awake().length > 0),
    inform(happened, ticket) {
      if (onEvent !== undefined || observers.size > 0) safely(() => tell(quotableEvent(happened), ticket));
    },
    arounds: () =>
      observers.size === 0 ? none : awake().flatMap(({ around }) => (around === undefined ? [] : [around])),
    observe(listener, options = {}) {
      if (typeof (listener as unknown) !== 'function')
        throw new InputError('observe: pass a function that is told what happens: observe(event => …).');
      checkOptions('observe', options, observeOptions);
      const observer = { listener, ...options };
      observers.add(observer);
      return () => void observers.delete(observer);
    },
  };
}

/** An event is made for logs: it repeats no card number and no token that an answer may hold as its code or its message. */
function quotableEvent<E extends GatewayEvent>(event: E): E {
  const code = 'code' in event ? quotableCode(event.code) : undefined;
  const verdict = 'verdict' in event ? quotableVerdict(event.verdict) : undefined;
  return { ...event, ...(code !== undefined && { code }), ...(verdict !== undefined && { verdict }) };
}

/** One whose `when` throws is told: that says nothing about the event. */
function wantsToKnow({ when }: Observer): boolean {
  try {
    return when?.() !== false;
  } catch {
    return true;
  }
}

type Around = NonNullable<ObserveOptions['around']>;

const none: Around[] = [];

/** Runs once, at once and whatever `around` does: how the exchange went is all that comes of it. */
function enclosed<T>(around: Around, exchange: AboutExchange, run: () => T): () => T {
  return () => {
    let ran: (() => T) | undefined;
    const once = (): void => {
      if (ran !== undefined) return;
      try {
        const result = run();
        ran = () => result;
      } catch (error) {
        ran = () => {
          throw error;
        };
      }
    };
    safely(() => around(exchange, once));
    once();
    // It has run, whoever called it.
    return (ran as unknown as () => T)();
  };
}

/** What keeps an outage of the provider's from making more load, or more payments that are not known. */
function createGuards(
  { name: gateway }: Adapter,
  { circuit, retry }: ResolvedPolicy,
  clock: Clock,
  timeMs: () => number,
  inform: GatewayParts['inform'],
): Pick<Engine, 'circuits' | 'quotas'> {
  const about = (operation: string) =>
    ({ at: new Date(clock.now()).toISOString(), elapsedMs: 0, gateway, operation, reference: {} }) as const;
  return {
    circuits: circuit?.watch(timeMs, (operation, { is, failedAtMs }, code) =>
      inform({ type: 'circuit', ...about(operation), state: is, code, failures: failedAtMs.length }),
    ),
    quotas:
      typeof retry.quota === 'object'
        ? createRetryQuotas(retry.quota, (operation, tokens) => inform({ type: 'quota', ...about(operation), tokens }))
        : undefined,
  };
}

/**
 * Who does not want it never loads it; until it is loaded each payment is asked about alone.
 *
 * @throws {InputError} where the provider is asked about one payment at a time
 */
function loadedBatches(
  wanted: ResolvedPolicy['poll']['batch'] = false,
  parts: Omit<BatchParts, 'policy'>,
): Engine['batches'] {
  if (wanted === false) return undefined;
  const { adapter } = parts;
  if (!Object.values(adapter.operations).some(each => isWrite(each) && each.query?.batch !== undefined)) {
    throw new InputError(
      `policy: poll.batch has no effect, since ${adapter.name} answers about one payment at a time: leave it out.`,
    );
  }
  return import('../engine/batch.ts').then(
    ({ createBatches }): Batches => createBatches({ ...parts, policy: wanted === true ? {} : wanted }),
    () => undefined,
  );
}

/** A listener's fault must not cost a payment. */
function safely(call: () => unknown): void {
  try {
    const result = call();
    if (result !== undefined) Promise.resolve(result).catch(() => undefined);
  } catch {
    // It is the listener's own.
  }
}

const printableOf = (reference: Ticket['reference']): Record<string, string> =>
  Object.fromEntries(Object.entries(reference).map(([name, value]) => [name, printable(value)]));

function bothOf(one: OnTicket | undefined, other: OnTicket | undefined): OnTicket | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return async ticket => {
    await Promise.all([one(ticket), other(ticket)]);
  };
}
