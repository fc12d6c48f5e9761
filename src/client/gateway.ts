import ky, { type KyInstance, type Options } from 'ky';
import { isWrite, type Adapter, type FieldsByOperation, type Operation, type ReadName, type WriteOperation } from '../adapter.ts';
import { subjectOf } from '../classify.ts';
import { newKey, noLongerNeeded, orAbort, systemClock, type Clock } from '../clock.ts';
import { InputError, ReferenceInUseError, SettledError, UnresolvedError, isResendRefusedError, isSettledError, isUnresolvedError } from '../errors.ts';
import type { Fields } from '../fields.ts';
import { askableTicket, openTicket, storedTicket, writeOf } from '../open-ticket.ts';
import { createLimiter } from '../policies/limit.ts';
import { defaultPolicy, mergePolicy, type Policy, type ResolvedPolicy } from '../policies/policy.ts';
import { createSealer, type TicketSeal } from '../seal.ts';
import type { GatewayEvent, Settlement, TimelineEntry } from '../settlement.ts';
import { isTicketText, type Ticket } from '../ticket.ts';
import type { Verdict } from '../verdict.ts';
import { dropIn, guarded, isGuardable, optionsOf, type Call, type Middleware } from './drop-in.ts';
import { encode, encodingOf, isDeep, mayMatch, operationIn } from './encode.ts';
import { Intention } from './intention.ts';
import { checkContext, checkOptions, dropInOptions, followOptions, gatewayOptions, settleOptions } from './options.ts';
import { plainFetch, type FetchInit } from './plain-fetch.ts';
import { pollRoute } from './poll-route.ts';
import { createReceiver, type Received } from './receive.ts';
import { ticketOf, verdictOf } from './results.ts';
import { whenUnmatched } from './unmatched.ts';
import { createWire } from './wire.ts';

/** What `createGateway` takes. */
export interface GatewayOptions<F extends FieldsByOperation<F>> {
  /** What tillpaid knows of the provider, such as `zalopay({ … })`. */
  adapter: Adapter<F>;
  /** Any ky instance; its hooks and options keep working. Default: plain ky. */
  client?: KyInstance;
  /** Merged over the adapter's own defaults. */
  policy?: Policy;
  /** Everything that happens, as it happens. May be async; what it throws or rejects with is ignored, and nothing waits for it. */
  onEvent?: (event: GatewayEvent) => unknown;
  /** Seals every ticket that goes out, and refuses those that were changed since. Default: tickets have no seal. */
  ticketSeal?: TicketSeal;
  /**
   * For every write, the drop-in's and `fetch`'s included: called before the first byte leaves, and whenever the ticket learns more.
   * Store it, so that nothing is forgotten, whatever time limit a client of yours has. When it throws the first time, nothing is sent.
   * An `onTicket` of the call's own is called after it.
   */
  onTicket?: (ticket: Ticket) => unknown;
  /**
   * What becomes of a write of the drop-in or `fetch` that matches no operation and goes to the gateway. `refuse`: an
   * {@link InputError}, nothing is sent. Default `event`: it is sent as it is. Either way there is an `unmatched` event.
   */
  unmatched?: 'event' | 'refuse';
  /** Time and chance. Default: the machine's. */
  clock?: Clock;
}

/** What `untilSettled` and `ask` take. */
export interface FollowOptions {
  /** Ends everything: nothing is sent after it aborts, and the promise rejects with its reason. */
  signal?: AbortSignal;
  /** Each line of the timeline as it is written. May be async; what it throws or rejects with is ignored, and nothing waits for it. */
  onProgress?: (entry: TimelineEntry) => unknown;
  /** Merged over the gateway's policy. */
  policy?: Policy;
}

/** What `settle` takes. In the drop-in client: `context: { tillpaid: { … } }`. */
export interface SettleOptions extends FollowOptions {
  /**
   * Called before the first byte leaves, and whenever the ticket learns more: store it, so that nothing is forgotten. The first
   * time nothing is sent until it has resolved, or when it throws. Later ones are told one after the other, and nothing waits for them.
   */
  onTicket?: (ticket: Ticket) => unknown;
  /** For a provider that has them. Default: a fresh UUID. Use one key for one intention. */
  idempotencyKey?: string;
  /**
   * A job queue redelivered: start with a status query, and read answers as after a send that may have landed. `false` says that
   * what this object left open was never sent.
   */
  mayHaveBeenSent?: boolean;
  /**
   * The stored ticket of an earlier run of the same intention, which `mayHaveBeenSent` then knows all about: its idempotency key
   * and how old that is, the provider's number, when it was opened. Implies `mayHaveBeenSent`. A ticket of another amount or
   * currency than the fields is refused.
   */
  ticket?: Ticket;
}

/** `context.tillpaid` of a drop-in request. */
export interface DropInContext extends Omit<SettleOptions, 'signal'> {
  /** Which operation it is, where two share a path. */
  operation?: string;
}

declare module 'ky' {
  interface Options {
    /** What `gateway.client` takes beside what ky does. */
    context?: Record<string, unknown> & { tillpaid?: DropInContext };
  }
}

type WriteName<F> = Exclude<keyof F & string, ReadName>;

/** A provider's API, with every payment followed to its end. */
export interface Gateway<F extends FieldsByOperation<F>> {
  readonly adapter: Adapter<F>;
  /**
   * The drop-in: a ky instance. Requests that match an operation are signed, classified, sent again and polled; all others
   * behave exactly as `client` would.
   *
   * @throws {SettledError} when a write was settled by a query or a webhook, and not as a success
   * @throws {UnresolvedError} when a write is still open at the deadline
   */
  readonly client: KyInstance;
  /**
   * The same middleware as a `fetch`, for clients other than ky: whatever native `fetch` takes means the same, and beside it
   * `context.tillpaid` and Node's `dispatcher`. No option of ky's means anything here. A relative URL is below the adapter's base URL.
   */
  readonly fetch: (input: string | URL | Request, init?: FetchInit) => Promise<Response>;
  /**
   * Sends a write and follows it to its end. Never throws for a business outcome. Fields that the adapter does not know are sent
   * along. A payment that this object left open (aborted, or unresolved) is asked about before it is sent again.
   *
   * @throws {InputError} for bad input, before anything is sent
   * @throws {ReferenceInUseError} when the same reference is being settled, or was left open, with other fields
   * @throws the signal's reason when it aborts; the ticket is out by then
   */
  settle<K extends WriteName<F>, Given extends F[K]>(operation: K, fields: Given, options?: SettleOptions): Promise<Settlement>;
  /**
   * Asks about a ticket until it is settled, or its deadline has come. Never sends anything again.
   *
   * @throws {TicketError} for a ticket that cannot be used here
   */
  untilSettled(ticket: Ticket, options?: FollowOptions): Promise<Settlement>;
  /** One status query. What the network does is part of the verdict. @throws {TicketError} */
  ask(ticket: Ticket, options?: FollowOptions): Promise<Verdict>;
  /**
   * A webhook: verified over its raw bytes, read, and brought to the loop that waits for it.
   *
   * @throws {InputError} when the adapter lacks what verifies it
   */
  receive(request: Request): Promise<Received>;
  /** What a drop-in response meant: see {@link verdictOf}. */
  readonly verdictOf: typeof verdictOf;
  /** The ticket to follow a drop-in write by: see {@link ticketOf}. */
  readonly ticketOf: typeof ticketOf;
  /** The ticket of a write, for whoever stores it before sending. Sends nothing. @throws {InputError} */
  ticketFor<K extends WriteName<F>, Given extends F[K]>(operation: K, fields: Given): Ticket;
}

/** A loop in this process, and those who wait for it. */
interface Running {
  readonly fields: string | undefined;
  readonly done: Promise<Settlement>;
  readonly controller: AbortController | undefined;
  readonly intention: Intention;
  readonly listeners: Set<(entry: TimelineEntry) => unknown>;
  waiting: number;
}

/** A payment that may have been sent from here, and whose end nobody has heard: it is asked about before it is sent again. */
interface LeftOpen {
  readonly fields: string | undefined;
  readonly ticket: Ticket;
}

/** Some megabytes at most. */
const MOST_LEFT_OPEN = 10_000;

const isLeftOpen = ({ exposed, settlement }: Intention): boolean => exposed && (settlement === undefined || settlement.outcome === 'unresolved');

/** The last who waited for it has left: it is about to end, and not by an answer. */
const isLeft = ({ controller }: Running): boolean => controller?.signal.aborted === true;

const ended = ({ done }: Running): Promise<unknown> => done.catch(() => undefined);

const DEFAULT_TIMEOUT_MS = 10_000;

/**
 * Puts tillpaid between your code and a payment gateway.
 *
 * @example
 * ```ts
 * const gateway = createGateway({ adapter: zalopay({ appId: 2553, key1, key2, environment: 'sandbox' }) });
 * const settlement = await gateway.settle('payment.charge', fields);
 * ```
 * @throws {InputError} for a policy or an adapter that cannot be used, and for a client of ky 1
 */
export function createGateway<F extends FieldsByOperation<F>>(options: GatewayOptions<F>): Gateway<F> {
  checkOptions('createGateway', options, gatewayOptions);
  const { onEvent, clock = systemClock } = options;
  const adapter = options.adapter as Adapter;
  if (typeof (adapter as Partial<Adapter> | undefined)?.classify !== 'function') throw new InputError('createGateway: pass an adapter, such as zalopay({ … }).');
  const user = options.client ?? ky;
  if (typeof user !== 'function' || typeof user.extend !== 'function') throw new InputError('createGateway: client must be a ky instance.');
  if (!isGuardable(user)) {
    throw new InputError('createGateway: client is an instance of ky 1 or older, past whose retries nothing could be protected. Install ky 2 (npm install ky@2) and make the client with it.');
  }
  const gatewayPolicy = mergePolicy(mergePolicy(defaultPolicy, adapter.policy), options.policy);
  const sealer = createSealer(options.ticketSeal, () => clock.now());
  const wire = createWire(adapter, clock, createLimiter(gatewayPolicy.limit.concurrency));
  const running = new Map<string, Running>();
  const leftOpen = new Map<string, LeftOpen>();

  const clientOptions = optionsOf(user);
  const clientRoute = pollRoute(adapter, user, clientOptions);

  const safely = (call: () => unknown): void => {
    try {
      const told = call();
      if (told !== undefined) Promise.resolve(told).catch(() => undefined);
    } catch {
      // A listener's fault must not cost a payment.
    }
  };

  const inform = (event: GatewayEvent): void => {
    if (onEvent !== undefined) safely(() => onEvent(event));
  };

  const tell = (listeners: Iterable<(entry: TimelineEntry) => unknown>, entry: TimelineEntry, ticket: Ticket): void => {
    inform({ ...entry, gateway: adapter.name, operation: ticket.operation, reference: { ...ticket.reference } });
    for (const listener of [...listeners]) safely(() => listener(entry));
  };

  /** Where a write's tickets go: to the gateway's own `onTicket`, then to the call's. */
  const storing = (ofTheCall: SettleOptions['onTicket']): Pick<SettleOptions, 'onTicket'> => {
    const { onTicket } = options;
    if (onTicket === undefined) return ofTheCall === undefined ? {} : { onTicket: ofTheCall };
    return {
      async onTicket(ticket) {
        await onTicket(ticket);
        await ofTheCall?.(ticket);
      },
    };
  };

  const timeoutOf = (policy: ResolvedPolicy, client: Options['timeout'], call?: Options['timeout']): number => {
    const chosen = call ?? policy.attemptTimeoutMs ?? client ?? DEFAULT_TIMEOUT_MS;
    return chosen === false ? Number.MAX_SAFE_INTEGER : chosen;
  };

  /** A write's ticket: the stored one, or a new one with its idempotency key where the provider has them. */
  const open = (operation: Operation & WriteOperation & { effect: 'write' }, fields: Fields, check: 'all' | 'reference', given: SettleOptions = {}): Ticket => {
    const { idempotencyKey } = given;
    const who = `${adapter.name} ${operation.name}`;
    const fresh = openTicket(adapter, operation, fields, clock.now(), check);
    if (operation.idempotencyKey === undefined && idempotencyKey !== undefined) throw new InputError(`${who} has no idempotency key: leave idempotencyKey out.`);
    if (idempotencyKey !== undefined && (!isTicketText(idempotencyKey) || idempotencyKey.trim() === '')) {
      throw new InputError(`${who}: idempotencyKey must be a non-empty text of at most 256 characters.`);
    }
    const ticket = given.ticket === undefined ? fresh : storedTicket(adapter, sealer, fresh, given.ticket);
    if (operation.idempotencyKey === undefined) return ticket;
    const stored = ticket.reference['idempotencyKey'];
    if (stored !== undefined && idempotencyKey !== undefined && stored !== idempotencyKey) throw new InputError(`${who}: the ticket has another idempotencyKey. Use one key for one intention.`);
    return { ...ticket, reference: { ...ticket.reference, idempotencyKey: idempotencyKey ?? stored ?? newKey() } };
  };

  /** What a redelivered job knows: that it may have been sent, and with the ticket, when. */
  const redelivery = (given: SettleOptions): { mayHaveBeenSent: boolean; ageUnknown: boolean } => ({
    mayHaveBeenSent: given.mayHaveBeenSent ?? given.ticket !== undefined,
    ageUnknown: given.mayHaveBeenSent === true && given.ticket === undefined,
  });

  /**
   * One loop per payment: the key it is known by, or `undefined` when nothing names it. Two writes with keys of their own are two
   * intentions, however equal they look.
   */
  const keyOf = ({ operation: name, reference }: Ticket, operation: WriteOperation, ownKey: boolean): string | undefined => {
    const left = new Set([...(operation.learns ?? []), ...(ownKey ? [] : ['idempotencyKey'])]);
    const pairs = Object.entries(reference).filter(([field]) => !left.has(field));
    return pairs.length === 0 ? undefined : JSON.stringify([name, ...pairs.sort(byName)]);
  };

  /** The loop that settles a ticket's very intention. */
  const loopOf = (ticket: Ticket, operation: WriteOperation): Running | undefined =>
    [true, false]
      .map((ownKey) => running.get(keyOf(ticket, operation, ownKey) ?? ''))
      .find((loop) => loop !== undefined && loop.intention.ticket.reference['idempotencyKey'] === ticket.reference['idempotencyKey']);

  /** A payment that was left open is known by its loop's key, and by the one without its idempotency key if it has been before. */
  const rememberIfOpen = (key: string, { intention, fields }: Omit<Running, 'waiting'>): void => {
    const { ticket, operation } = intention;
    const keyless = isWrite(operation) ? (keyOf(ticket, operation, false) ?? key) : key;
    const isKnown = leftOpen.get(keyless)?.ticket.reference['idempotencyKey'] === ticket.reference['idempotencyKey'];
    // Whoever only follows a ticket does not know the fields.
    const sent = fields ?? leftOpen.get(key)?.fields;
    for (const name of isKnown ? [key, keyless] : [key]) {
      leftOpen.delete(name);
      if (isLeftOpen(intention)) leftOpen.set(name, { fields: sent, ticket });
    }
    for (const oldest of leftOpen.keys()) {
      if (leftOpen.size <= MOST_LEFT_OPEN) break;
      leftOpen.delete(oldest);
    }
  };

  const run = (key: string | undefined, loop: Omit<Running, 'waiting'>): Running => {
    const entry: Running = { ...loop, waiting: 0 };
    if (key !== undefined) {
      running.set(key, entry);
      const forget = (): void => {
        if (running.get(key) === entry) running.delete(key);
        rememberIfOpen(key, loop);
      };
      loop.done.then(forget, forget);
    }
    loop.done.then(receiver.settled, () => undefined);
    return entry;
  };

  /**
   * Waits for a loop as one of several; the loop ends when the last of them has left.
   *
   * @param store what is to be done first: whoever is busy with his ticket waits for the loop already
   */
  const attend = async (loop: Running, { signal, onProgress }: FollowOptions, store?: (ticket: Ticket) => unknown): Promise<Settlement> => {
    const settled = async (): Promise<Settlement> => {
      await store?.(loop.intention.ticket);
      return loop.done;
    };
    loop.waiting++;
    if (onProgress !== undefined) loop.listeners.add(onProgress);
    try {
      return await (signal === undefined ? settled() : orAbort(settled(), signal));
    } finally {
      loop.waiting--;
      if (onProgress !== undefined) loop.listeners.delete(onProgress);
      if (loop.waiting === 0) loop.controller?.abort(signal?.aborted === true ? signal.reason : noLongerNeeded);
    }
  };

  const settle = async (name: string, fields: Fields, given: SettleOptions = {}): Promise<Settlement> => {
    checkOptions(`${adapter.name} settle`, given, settleOptions);
    const operation = writeOf(adapter, name);
    if (operation.sendable === false) throw new InputError(`${adapter.name} ${name} has no confirmed path: name one in the adapter's paths option.`);
    const policy = mergePolicy(gatewayPolicy, given.policy);
    if (isDeep(fields)) throw new InputError(`${adapter.name} ${name}: the fields are nested too deeply.`);
    const ticket = open(operation, fields, 'all', given);
    given.signal?.throwIfAborted();
    const key = keyOf(ticket, operation, given.idempotencyKey !== undefined || given.ticket !== undefined);
    const found = running.get(key ?? '');
    if (found !== undefined && isLeft(found)) {
      await ended(found);
      return settle(name, fields, given);
    }
    if (found !== undefined) return join(found, operation, fields, given);
    const before = sentBefore(key, fields, given);
    if (before !== undefined) return settle(name, fields, { ...given, ...before });

    const frozen = structuredClone(fields);
    const controller = new AbortController();
    const listeners = new Set<(entry: TimelineEntry) => unknown>();
    const intention = new Intention({
      adapter,
      clock,
      wire,
      operation,
      fields: frozen,
      ticket,
      sealer,
      policy,
      attemptTimeoutMs: timeoutOf(policy, clientOptions.timeout),
      ...redelivery(given),
      ...(ticket.reference['idempotencyKey'] !== undefined && { idempotencyKey: ticket.reference['idempotencyKey'] }),
      route: clientRoute,
      signal: controller.signal,
      ...storing(given.onTicket),
      onFact: (entry, current) => tell(listeners, entry, current),
    });
    const unsent: readonly string[] = operation.unsent ?? [];
    const shown = Object.fromEntries(Object.entries(frozen).filter(([field]) => !unsent.includes(field)));
    const { method, url, body, contentType } = encode(adapter, operation, shown, encodingOf(adapter, operation));
    const send = async (): Promise<Settlement> => {
      try {
        await through(url, {
          method,
          ...(contentType !== undefined && { body, headers: { 'content-type': contentType } }),
          signal: controller.signal,
          throwHttpErrors: false,
          timeout: false,
        }, intention);
        return intention.settlement ?? intention.unresolved(new Error('A hook answered in place of the gateway.'));
      } catch (error) {
        controller.signal.throwIfAborted();
        if (isSettledError(error) || isUnresolvedError(error) || isResendRefusedError(error)) {
          const settlement = error.settlement ?? intention.settlement;
          if (settlement !== undefined) return settlement;
        }
        if (intention.exposed) return intention.unresolved(error);
        throw error;
      } finally {
        intention.stop();
      }
    };
    const loop = run(key, { fields: canonical(frozen), intention, done: send(), controller, listeners });
    return attend(loop, given);
  };

  const checkSame = (before: LeftOpen, fields: Fields): void => {
    if (before.fields !== undefined && before.fields !== canonical(fields)) throw new ReferenceInUseError(before.ticket);
  };

  /** What this process knows of an intention that it left open. A caller's own ticket, or his word that nothing was sent, comes first. */
  const sentBefore = (key: string | undefined, fields: Fields, given: SettleOptions): Pick<SettleOptions, 'ticket' | 'mayHaveBeenSent'> | undefined => {
    const before = given.ticket === undefined && given.mayHaveBeenSent !== false ? leftOpen.get(key ?? '') : undefined;
    if (before === undefined) return undefined;
    checkSame(before, fields);
    return { ticket: before.ticket, mayHaveBeenSent: true };
  };

  /** A second caller of the same intention. */
  const join = async (loop: Running, operation: Operation, fields: Fields, given: SettleOptions): Promise<Settlement> => {
    checkSame({ fields: loop.fields, ticket: loop.intention.ticket }, fields);
    const { onTicket } = given;
    const forget = onTicket && loop.intention.alsoTell(onTicket);
    try {
      return await attend(loop, given, onTicket);
    } catch (error) {
      given.signal?.throwIfAborted();
      // The caller who sent it went away in the middle; what he sent is still there to ask about.
      if (isWrite(operation) && operation.query !== undefined && loop.controller === undefined) return await untilSettled(loop.intention.ticket, given);
      throw error;
    } finally {
      forget?.();
    }
  };

  const following = (ticket: Ticket, operation: Operation, policy: ResolvedPolicy, signal: AbortSignal | undefined, listeners: Iterable<(entry: TimelineEntry) => unknown>): Intention => {
    return new Intention({
      adapter,
      clock,
      wire,
      operation,
      fields: {},
      ticket,
      sealer,
      policy,
      attemptTimeoutMs: timeoutOf(policy, clientOptions.timeout),
      followOnly: true,
      route: clientRoute,
      signal,
      onFact: (entry, current) => tell(listeners, entry, current),
    });
  };

  const untilSettled = async (given: Ticket, followed: FollowOptions = {}): Promise<Settlement> => {
    checkOptions(`${adapter.name} untilSettled`, followed, followOptions);
    const { ticket, operation } = askableTicket(adapter, sealer, given);
    const policy = mergePolicy(gatewayPolicy, followed.policy);
    followed.signal?.throwIfAborted();
    const key = keyOf(ticket, operation, true);
    const found = loopOf(ticket, operation);
    if (found !== undefined && !isLeft(found)) {
      const settlement = await attend(found, followed);
      // A create that is being settled ends when its order exists; the payment goes on.
      if (settlement.outcome !== 'created' && settlement.outcome !== 'unsent') return settlement;
    }
    const controller = new AbortController();
    const listeners = new Set<(entry: TimelineEntry) => unknown>();
    const intention = following(ticket, operation, policy, controller.signal, listeners);
    const done = intention.follow().finally(() => intention.stop());
    return attend(run(key, { fields: undefined, intention, done, controller, listeners }), followed);
  };

  const ask = async (given: Ticket, asked: FollowOptions = {}): Promise<Verdict> => {
    checkOptions(`${adapter.name} ask`, asked, followOptions);
    const { ticket, operation } = askableTicket(adapter, sealer, given);
    asked.signal?.throwIfAborted();
    const listeners = asked.onProgress === undefined ? [] : [asked.onProgress];
    const intention = following(ticket, operation, mergePolicy(gatewayPolicy, asked.policy), asked.signal, listeners);
    try {
      return await intention.askOnce();
    } finally {
      intention.stop();
    }
  };

  /** The intention behind a request of the drop-in client. */
  const match = async (request: Request, call: Call, clientTimeout: Options['timeout']): Promise<Intention | Response | undefined> => {
    const { options, callOptions, signal } = call;
    const found = await operationIn(adapter, request, options.context?.tillpaid?.operation);
    if (found !== undefined) {
      const { operation, fields, encoding } = found;
      const who = `${adapter.name} ${operation.name}`;
      checkContext(who, options.context);
      const context = options.context?.tillpaid ?? {};
      checkOptions(`${who}: context.tillpaid`, context, dropInOptions);
      const policy = mergePolicy(gatewayPolicy, context.policy);
      const header = isWrite(operation) ? operation.idempotencyKey?.header : undefined;
      const key = context.idempotencyKey ?? (header === undefined ? undefined : (request.headers.get(header) ?? undefined));
      const ticket = isWrite(operation) ? open(operation, fields, 'reference', { ...context, ...(key !== undefined && { idempotencyKey: key }) }) : ticketOfRead(operation, fields);
      const runningKey = isWrite(operation) ? keyOf(ticket, operation, key !== undefined || context.ticket !== undefined) : undefined;
      const other = running.get(runningKey ?? '');
      if (other !== undefined && isLeft(other)) {
        await ended(other);
        return match(request, call, clientTimeout);
      }
      if (other !== undefined) return settledElsewhere(await join(other, operation, fields, { ...context, ...(signal !== undefined && { signal }) }));

      const before = isWrite(operation) ? sentBefore(runningKey, fields, context) : undefined;
      if (before !== undefined) {
        const tillpaid = { ...context, ...before };
        return match(request, { ...call, options: { ...options, context: { ...options.context, tillpaid } } }, clientTimeout);
      }
      const listeners = new Set(context.onProgress === undefined ? [] : [context.onProgress]);
      const intention: Intention = new Intention({
        adapter,
        clock,
        wire,
        operation,
        fields,
        encoding,
        ticket,
        sealer,
        policy,
        attemptTimeoutMs: timeoutOf(policy, clientTimeout, callOptions?.timeout),
        ...redelivery(context),
        ...(ticket.reference['idempotencyKey'] !== undefined && { idempotencyKey: ticket.reference['idempotencyKey'] }),
        route: pollRoute(adapter, user, options),
        signal,
        ...storing(context.onTicket),
        onFact: (entry, current) => tell(listeners, entry, current),
      });
      run(runningKey, { fields: canonical(fields), intention, done: intention.ended, controller: undefined, listeners });
      return intention;
    }
    return undefined;
  };

  /** A read of the drop-in client has no payment to follow; only its messages need a name. */
  const ticketOfRead = (operation: Operation, fields: Fields): Ticket => ({
    version: 1,
    gateway: adapter.name,
    account: adapter.account,
    environment: adapter.environment,
    operation: operation.name,
    reference: { ...subjectOf(operation, fields).reference },
    openedAt: new Date(clock.now()).toISOString(),
    seen: false,
    polls: 0,
  });

  const receiver = createReceiver({
    adapter,
    clock,
    sealer,
    loops: () => [...running.values()].map(({ intention }) => intention),
    ask: (ticket) => ask(ticket),
    onConflict(ticket, code) {
      const nowMs = clock.now();
      tell([], { at: new Date(nowMs).toISOString(), elapsedMs: nowMs - Date.parse(ticket.openedAt), type: 'conflict', code }, ticket);
    },
  });

  const middleware: Middleware = {
    baseUrl: adapter.baseUrl,
    mayMatch: (url) => mayMatch(adapter, url),
    match: (request, call) => match(request, call, call.options.timeout),
    unmatched: whenUnmatched(adapter, clock, options.unmatched ?? 'event', inform),
  };

  const through = guarded(user, middleware);

  return {
    adapter: options.adapter,
    client: dropIn(user, middleware),
    // A `fetch` has no timeout of its own; what matches keeps the client's.
    fetch: plainFetch(user, { ...middleware, match: (request, call) => match(request, call, clientOptions.timeout) }, async (request, context) =>
      (await operationIn(adapter, request, context?.tillpaid?.operation)) !== undefined),
    settle: (name, fields, given) => settle(name, fields as Fields, given),
    untilSettled,
    ask,
    receive: receiver.receive,
    verdictOf,
    ticketOf,
    ticketFor(name, fields) {
      return sealer.seal(open(writeOf(adapter, name), fields as Fields, 'all'));
    },
  };
}

/** What a second caller of a drop-in write gets. */
function settledElsewhere(settlement: Settlement): Response {
  const { outcome, settledBy, response } = settlement;
  if (response !== undefined && (settledBy === 'answer' || (settledBy === 'query' && outcome === 'succeeded'))) return response.clone();
  throw outcome === 'unresolved' ? new UnresolvedError(settlement.ticket, settlement) : new SettledError(settlement);
}

/** Equal fields give equal texts, in whatever order they were written. */
function canonical(fields: Fields): string {
  return JSON.stringify(fields, (_key, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.fromEntries(Object.entries(value).sort(byName)) : value,
  );
}

const byName = ([one]: readonly [string, unknown], [other]: readonly [string, unknown]): number => (one < other ? -1 : 1);
