import ky, { type Options } from 'ky';
import { callTime, newKey, systemClock } from '../clock.ts';
import { conceal, withoutQuotes } from '../core/conceal.ts';
import { endsOfASendAlone } from '../core/decide.ts';
import {
  InputError,
  SettledError,
  UnresolvedError,
  isResendRefusedError,
  isSettledError,
  isUnresolvedError,
} from '../core/errors.ts';
import { isWrite, type Operation, type WriteOperation, type Fields } from '../core/operation.ts';
import { printable } from '../core/printable.ts';
import type { GatewayEvent, Settlement, TimelineEntry } from '../core/settlement.ts';
import { subjectOf } from '../core/subject.ts';
import { isTicketText, type Ticket } from '../core/ticket.ts';
import type { Verdict } from '../core/verdict.ts';
import { encode, encodingOf } from '../engine/encode.ts';
import { fieldsDigest } from '../engine/fields-digest.ts';
import { isNamed, keyOf } from '../engine/identity.ts';
import { Intention, type IntentionOptions } from '../engine/intention.ts';
import { createLimiter } from '../engine/limiter.ts';
import { attend, isAbandoned, whenEnded, type Loop } from '../engine/loops.ts';
import { followedOf, isOpenPayment, readOpen, type OpenPayment, type ReadOpen } from '../engine/open-payment.ts';
import { askableTicket, openTicket, storedTicket, writeOf } from '../engine/open-ticket.ts';
import { createProviderClock } from '../engine/provider-clock.ts';
import { createRegistry, type Admission } from '../engine/registry.ts';
import { anotherResponseOf, ticketOf, verdictOf } from '../engine/results.ts';
import { createSealer } from '../engine/seal.ts';
import { createWire } from '../engine/wire.ts';
import type { Adapter, AnswersByOperation, FieldsByOperation } from '../kit/adapter.ts';
import {
  checkEffect,
  checkResend,
  followPolicyData,
  layeredPolicy,
  type Policy,
  type ResolvedPolicy,
} from '../policies/policy.ts';
import { refuseMisspelt } from './did-you-mean.ts';
import { withExtraFields } from './extra-fields.ts';
import { dropIn, guarded, isGuardable, optionsOf, type Call, type Middleware } from './drop-in.ts';
import type { Gateway, Step } from './gateway.ts';
import { isDeep, type Found } from './match.ts';
import {
  checkContext,
  checkOptions,
  dropInOptions,
  followOptions,
  gatewayOptions,
  settleOptions,
  type GatewayOptions,
  type FollowOptions,
  type SettleOptions,
} from './options.ts';
import { plainFetch } from './plain-fetch.ts';
import { pollRoute } from './poll-route.ts';
import { createReceiver } from './receive.ts';
import { whenUnmatched } from './unmatched.ts';

/** What an intention starts from. */
type Resumed = Pick<
  IntentionOptions,
  'ticket' | 'mayHaveBeenSent' | 'absentBefore' | 'newTry' | 'earlierNumbers' | 'owners' | 'idempotencyKey'
>;

/** What to do about a write that nobody could tell from another one just like it. */
const whatNames = ({ identity, idempotencyKey }: WriteOperation): string => {
  const ways = [
    typeof identity === 'object' && identity.number !== undefined ? [identity.number] : [],
    idempotencyKey === undefined ? [] : ['an idempotencyKey'],
  ].flat();
  return `two of them with equal fields are two intentions, and nothing names this one. Pass ${ways.join(' or ')}, the same for each try.`;
};

/** Times at a provider are whole seconds: two tries of one number that were opened in the same one would look alike. */
const openedAfter = (before: Ticket, ticket: Ticket): Ticket => {
  const earliestMs = Date.parse(before.openedAt) + 1000;
  return Date.parse(ticket.openedAt) >= earliestMs
    ? ticket
    : { ...ticket, openedAt: new Date(earliestMs).toISOString() };
};

const DEFAULT_TIMEOUT_MS = 10_000;

/** Payments whose last step was refused for its token, and who are about to ask again at once. */
const MOST_MEMORIES = 10_000;

/** The last instant that a `Date` can hold. */
const LAST_DATE_MS = 8.64e15;

const numberOf = ({ operation, reference }: Ticket): string => JSON.stringify([operation, reference]);

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
export function createGateway<F extends FieldsByOperation<F>, A extends AnswersByOperation<F, A> = object>(
  options: GatewayOptions<F, A>,
): Gateway<F, A> {
  checkOptions('createGateway', options, gatewayOptions);
  const { onEvent, clock = systemClock, backoffs = [] } = options;
  const adapter = options.adapter as Adapter;
  if (typeof (adapter as Partial<Adapter> | undefined)?.classify !== 'function')
    throw new InputError('createGateway: pass an adapter, such as zalopay({ … }).');
  const user = options.client ?? ky;
  if (typeof user !== 'function' || typeof user.extend !== 'function')
    throw new InputError('createGateway: client must be a ky instance.');
  if (!isGuardable(user)) {
    throw new InputError(
      'createGateway: client is an instance of ky 1 or older, past whose retries nothing could be protected. Install ky 2 (npm install ky@2) and make the client with it.',
    );
  }
  checkEffect(options.policy);
  const gatewayPolicy = layeredPolicy(adapter.policy, options.policy);
  const policyOf = (ofTheCall: Policy | undefined): ResolvedPolicy =>
    ofTheCall === undefined ? gatewayPolicy : layeredPolicy(adapter.policy, options.policy, ofTheCall);
  const sealer = createSealer(options.ticketSeal, () => clock.now());
  const providerClock = createProviderClock(() => clock.now(), callTime(clock));
  const wire = createWire({
    adapter,
    clock,
    providerClock,
    limiter: createLimiter(gatewayPolicy.limit.concurrency),
    fetchSendsOnce: options.fetchSendsOnce,
  });
  const registry = createRegistry(adapter, clock, sealer);
  const digestOf = fieldsDigest(adapter);
  /** By payment, the token that its last step was refused for. */
  const memories = new Map<string, Map<string, string>>();

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
    inform({
      ...entry,
      gateway: adapter.name,
      operation: ticket.operation,
      reference: Object.fromEntries(Object.entries(ticket.reference).map(([name, value]) => [name, printable(value)])),
    });
    for (const listener of [...listeners]) safely(() => listener(entry));
  };

  /** Where tickets go: to the gateway's own `onTicket`, and to the call's. */
  const storing = (ofTheCall: SettleOptions['onTicket']): Pick<SettleOptions, 'onTicket'> => {
    const { onTicket } = options;
    if (onTicket === undefined) return ofTheCall === undefined ? {} : { onTicket: ofTheCall };
    return {
      async onTicket(ticket) {
        await Promise.all([onTicket(ticket), ofTheCall?.(ticket)]);
      },
    };
  };

  const timeoutOf = (policy: ResolvedPolicy, client: Options['timeout'], call?: Options['timeout']): number => {
    const chosen = call ?? policy.attemptTimeoutMs ?? client ?? DEFAULT_TIMEOUT_MS;
    return chosen === false ? Number.MAX_SAFE_INTEGER : chosen;
  };

  /** A write's ticket: the stored one, or a new one with its idempotency key where the provider has them. */
  const open = (
    operation: Operation & WriteOperation & { effect: 'write' },
    fields: Fields,
    check: 'all' | 'reference',
    given: SettleOptions = {},
  ): Ticket => {
    const { idempotencyKey } = given;
    const who = `${adapter.name} ${operation.name}`;
    if (check === 'all') refuseMisspelt(who, operation, fields);
    const fresh = openTicket(adapter, operation, fields, clock.now(), check);
    if (operation.idempotencyKey === undefined && idempotencyKey !== undefined)
      throw new InputError(`${who} has no idempotency key: leave idempotencyKey out.`);
    if (idempotencyKey !== undefined && (!isTicketText(idempotencyKey) || idempotencyKey.trim() === '')) {
      throw new InputError(`${who}: idempotencyKey must be a non-empty text of at most 256 characters.`);
    }
    const ticket = given.ticket === undefined ? fresh : storedTicket(adapter, sealer, fresh, given.ticket);
    if (operation.idempotencyKey === undefined) return ticket;
    const stored = ticket.reference['idempotencyKey'];
    if (stored !== undefined && idempotencyKey !== undefined && stored !== idempotencyKey)
      throw new InputError(`${who}: the ticket has another idempotencyKey. Use one key for one intention.`);
    return { ...ticket, reference: { ...ticket.reference, idempotencyKey: idempotencyKey ?? stored ?? newKey() } };
  };

  const run = (key: string | undefined, begun: Omit<Loop, 'callers'>): Loop => {
    const loop: Loop = { ...begun, callers: 0 };
    registry.begin(key, loop);
    loop.done.then(receiver.settled, () => undefined);
    return loop;
  };

  const settle = async (name: string, fields: Fields, given: SettleOptions = {}): Promise<Settlement> => {
    checkOptions(`${adapter.name} settle`, given, settleOptions);
    const operation = writeOf(adapter, name);
    if (operation.sendable === false)
      throw new InputError(`${adapter.name} ${name} has no confirmed path: name one in the adapter's paths option.`);
    checkEffect(given.policy);
    const policy = policyOf(given.policy);
    if (isDeep(fields) || isDeep(given.extraFields))
      throw new InputError(`${adapter.name} ${name}: the fields are nested too deeply.`);
    const ticket = open(operation, fields, 'all', given);
    const whole = withExtraFields(`${adapter.name} ${name}`, operation, fields, given.extraFields);
    given.signal?.throwIfAborted();
    const key = keyOf(ticket, operation);
    if (!isNamed(ticket, operation) && given.idempotencyKey === undefined && given.ticket === undefined)
      throw new InputError(`${adapter.name} ${name}: ${whatNames(operation)}`);
    const digest = digestOf(operation, whole);
    const admission = registry.admit(key, {
      ticket,
      digest,
      newTry: given.newTry === true,
    });
    if (admission.type === 'settled') return told(admission.settlement, given);
    if (admission.type === 'join') {
      if (!isAbandoned(admission.loop)) return join(admission.loop, operation, given);
      await whenEnded(admission.loop);
      return settle(name, fields, given);
    }
    const resumed = resume(admission, given, ticket);
    if (resumed.mayHaveBeenSent !== true) checkResend(given.policy);

    const frozen = structuredClone(whole);
    const controller = new AbortController();
    const listeners = new Set<(entry: TimelineEntry) => unknown>();
    const intention = new Intention({
      adapter,
      clock,
      providerClock,
      wire,
      operation,
      fields: frozen,
      sealer,
      policy,
      attemptTimeoutMs: timeoutOf(policy, clientOptions.timeout),
      ...resumed,
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
        await through(
          url,
          {
            method,
            ...(contentType !== undefined && { body, headers: { 'content-type': contentType } }),
            signal: controller.signal,
            throwHttpErrors: false,
            timeout: false,
          },
          intention,
        );
        return intention.settlement ?? intention.unresolved(new Error('A hook answered in place of the gateway.'));
      } catch (error) {
        controller.signal.throwIfAborted();
        if (isSettledError(error) || isUnresolvedError(error) || isResendRefusedError(error)) {
          const settlement = error.settlement ?? intention.settlement;
          if (settlement !== undefined) return settlement;
        }
        if (intention.exposed) return intention.unresolved(error);
        conceal(error);
        throw withoutQuotes(error);
      } finally {
        intention.stop();
      }
    };
    const loop = run(key, { digest, intention, done: send(), controller, listeners });
    return attend(loop, given);
  };

  /**
   * What is known of a write that is about to be sent, or to be asked about first: what was left open here comes before
   * what the caller says.
   */
  const resume = (admission: Admission & { type: 'fresh' | 'open' }, given: SettleOptions, fresh: Ticket): Resumed => {
    const isOpen = admission.type === 'open';
    // Redelivered without its ticket, nobody knows when it was first sent, or its key first used.
    const isUndated = given.mayHaveBeenSent === true && given.ticket === undefined;
    const before = isOpen ? undefined : admission.earlierTry;
    const ticket: Ticket = isOpen
      ? admission.ticket
      : isUndated
        ? { ...fresh, ageUnknown: true }
        : before === undefined
          ? fresh
          : openedAfter(before, fresh);
    const idempotencyKey = ticket.reference['idempotencyKey'];
    return {
      ticket,
      mayHaveBeenSent: isOpen || (given.mayHaveBeenSent ?? given.ticket !== undefined),
      absentBefore: isOpen && admission.absent,
      newTry: admission.type === 'fresh' && admission.newTry,
      earlierNumbers: admission.earlierNumbers,
      owners: registry.ownersFor(ticket),
      ...(idempotencyKey !== undefined && { idempotencyKey }),
    };
  };

  /** Nothing is to be sent: the ticket is told, and nobody waits for its store. */
  const told = (settlement: Settlement, { onTicket }: SettleOptions): Settlement => {
    Promise.resolve(settlement.ticket)
      .then(onTicket)
      .catch(() => undefined);
    return settlement;
  };

  /** A second caller of the same intention. */
  const join = async (loop: Loop, operation: Operation, given: SettleOptions): Promise<Settlement> => {
    const { signal, onProgress, policy, onTicket } = given;
    const forget = onTicket && loop.intention.alsoTell(onTicket, 'now');
    try {
      return await attend(loop, given);
    } catch (error) {
      given.signal?.throwIfAborted();
      // The caller who sent it went away in the middle; what he sent is still there to ask about.
      if (isWrite(operation) && operation.query !== undefined && loop.controller === undefined) {
        return await untilSettled(loop.intention.ticket, {
          ...(signal !== undefined && { signal }),
          ...(onProgress !== undefined && { onProgress }),
          ...(policy !== undefined && { policy }),
          ...(onTicket !== undefined && { onTicket }),
        });
      }
      throw error;
    } finally {
      forget?.();
    }
  };

  const following = (
    ticket: Ticket,
    operation: Operation,
    policy: ResolvedPolicy,
    signal: AbortSignal | undefined,
    listeners: Iterable<(entry: TimelineEntry) => unknown>,
    more: Pick<IntentionOptions, 'resumed' | 'memory'> = {},
  ): Intention => {
    // What this object has heard of the payment holds for whoever follows an older ticket of it.
    const known = registry.known(isWrite(operation) ? keyOf(ticket, operation) : undefined);
    const { seal: _outdated, ...unsealed } = ticket;
    return new Intention({
      ...more,
      adapter,
      clock,
      providerClock,
      wire,
      operation,
      fields: {},
      ticket: known.seen && !ticket.seen ? { ...unsealed, seen: true } : ticket,
      sealer,
      policy,
      attemptTimeoutMs: timeoutOf(policy, clientOptions.timeout),
      followOnly: true,
      earlierNumbers: known.earlierNumbers,
      owners: registry.ownersFor(ticket),
      route: clientRoute,
      signal,
      ...storing(undefined),
      onFact: (entry, current) => tell(listeners, entry, current),
    });
  };

  const untilSettled = async (given: Ticket, followed: FollowOptions = {}): Promise<Settlement> => {
    checkOptions(`${adapter.name} untilSettled`, followed, followOptions);
    const { ticket, operation } = askableTicket(adapter, sealer, given);
    const policy = policyOf(followed.policy);
    followed.signal?.throwIfAborted();
    const key = keyOf(ticket, operation);
    const found = registry.running(key);
    if (found !== undefined && !isAbandoned(found)) {
      const settlement = await attendAndHear(found, followed);
      if (!endsOfASendAlone.has(settlement.outcome)) return settlement;
    }
    const controller = new AbortController();
    const listeners = new Set<(entry: TimelineEntry) => unknown>();
    const intention = following(ticket, operation, policy, controller.signal, listeners);
    const done = intention.follow().finally(() => intention.stop());
    return attendAndHear(run(key, { digest: undefined, intention, done, controller, listeners }), followed);
  };

  /** As one of several who each keep the ticket themselves. */
  const attendAndHear = async (loop: Loop, followed: FollowOptions): Promise<Settlement> => {
    const forget = followed.onTicket && loop.intention.alsoTell(followed.onTicket);
    try {
      return await attend(loop, followed);
    } finally {
      forget?.();
    }
  };

  /** What was found out beside the loops. */
  const hear = ({ ticket }: Intention, verdict: Verdict | undefined): void => {
    if (ticket.seen) registry.markSeen(ticket);
    if (verdict !== undefined) registry.receiveVerdict(ticket, verdict, 'query');
  };

  const step = async (given: Ticket | OpenPayment, followed: FollowOptions = {}): Promise<Step> => {
    const who = `${adapter.name} step`;
    checkOptions(who, followed, followOptions);
    const resumed = isOpenPayment(given) ? readOpen(adapter, sealer, gatewayPolicy, backoffs, given) : undefined;
    if (resumed !== undefined && followed.policy !== undefined)
      throw new InputError(
        `${who}: an open payment keeps the policy of its first step. Leave policy out, or follow it anew from its ticket: step(open.ticket).`,
      );
    const { ticket, operation } = resumed ?? askableTicket(adapter, sealer, given);
    const policy = resumed?.policy ?? policyOf(followed.policy);
    const told = followPolicyData(policy, backoffs);
    followed.signal?.throwIfAborted();
    const openAs = (
      current: Ticket,
      dueInMs: number,
      { startedAtMs, ...known }: Pick<ReadOpen, 'startedAtMs' | 'followed'>,
    ): Step => {
      const dueAt = new Date(Math.min(clock.now() + dueInMs, LAST_DATE_MS)).toISOString();
      const left: OpenPayment = {
        version: 1,
        ticket: current,
        dueAt,
        dueInMs,
        state: { startedAtMs, policy: told, ...known.followed },
      };
      return { open: sealer.sealOpen(left), dueInMs };
    };
    if (resumed !== undefined) {
      // A wall clock that was set back makes nobody wait longer than was decided.
      const leftMs = Math.min(resumed.dueAtMs - clock.now(), resumed.dueInMs);
      if (leftMs > 0) return openAs(sealer.seal(ticket, ticket), leftMs, resumed);
    }
    const listeners = followed.onProgress === undefined ? [] : [followed.onProgress];
    const number = numberOf(ticket);
    const memory = memories.get(number) ?? new Map<string, string>();
    memories.delete(number);
    const intention = following(ticket, operation, policy, followed.signal, listeners, {
      memory,
      ...(resumed !== undefined && { resumed }),
    });
    const forget = followed.onTicket && intention.alsoTell(followed.onTicket);
    try {
      const done = await intention.step();
      hear(intention, done?.verdict);
      if (done !== undefined) {
        receiver.settled(done);
        return { done };
      }
      const { state, dueInMs } = intention.left;
      if (state.needsToken && memories.size < MOST_MEMORIES) memories.set(numberOf(intention.ticket), memory);
      return openAs(intention.ticket, dueInMs, { startedAtMs: state.plan.startedAtMs, followed: followedOf(state) });
    } finally {
      forget?.();
      intention.stop();
    }
  };

  const ask = async (given: Ticket, asked: FollowOptions = {}): Promise<Verdict> => {
    checkOptions(`${adapter.name} ask`, asked, followOptions);
    const { ticket, operation } = askableTicket(adapter, sealer, given);
    asked.signal?.throwIfAborted();
    const listeners = asked.onProgress === undefined ? [] : [asked.onProgress];
    const intention = following(ticket, operation, policyOf(asked.policy), asked.signal, listeners);
    const forget = asked.onTicket && intention.alsoTell(asked.onTicket);
    try {
      const verdict = await intention.askOnce();
      hear(intention, verdict);
      return verdict;
    } finally {
      forget?.();
      intention.stop();
    }
  };

  /** The intention behind a request of the drop-in client. */
  const match = async (found: Found, call: Call): Promise<Intention | Response> => {
    const { signal } = call;
    const { operation, fields, encoding, headers } = found;
    const who = `${adapter.name} ${operation.name}`;
    checkContext(who, call.context);
    const context = call.context?.tillpaid ?? {};
    checkOptions(`${who}: context.tillpaid`, context, dropInOptions);
    checkEffect(context.policy);
    const policy = policyOf(context.policy);
    const header = isWrite(operation) ? operation.idempotencyKey?.header : undefined;
    const key = context.idempotencyKey ?? (header === undefined ? undefined : (headers.get(header) ?? undefined));
    const ticket = isWrite(operation)
      ? open(operation, fields, 'reference', { ...context, ...(key !== undefined && { idempotencyKey: key }) })
      : ticketOfRead(operation, fields);
    const ofWrite = isWrite(operation) ? keyOf(ticket, operation) : undefined;
    const digest = ofWrite === undefined ? undefined : digestOf(operation, fields);
    const admission: Admission =
      digest === undefined
        ? { type: 'fresh', newTry: false, earlierNumbers: [] }
        : registry.admit(ofWrite, { ticket, digest, newTry: context.newTry === true });
    if (admission.type === 'settled') return settledElsewhere(told(admission.settlement, context));
    if (admission.type === 'join') {
      if (!isAbandoned(admission.loop))
        return settledElsewhere(
          await join(admission.loop, operation, { ...context, ...(signal !== undefined && { signal }) }),
        );
      await whenEnded(admission.loop);
      return match(found, call);
    }
    const resumed = resume(admission, context, ticket);
    if (resumed.mayHaveBeenSent !== true) checkResend(context.policy);
    const listeners = new Set(context.onProgress === undefined ? [] : [context.onProgress]);
    const intention: Intention = new Intention({
      adapter,
      clock,
      providerClock,
      wire,
      operation,
      fields,
      encoding,
      sealer,
      policy,
      attemptTimeoutMs: timeoutOf(policy, call.clientTimeout, call.timeout),
      ...resumed,
      route: call.route,
      signal,
      ...storing(context.onTicket),
      onFact: (entry, current) => tell(listeners, entry, current),
    });
    run(ofWrite, { digest, intention, done: intention.ended, controller: undefined, listeners });
    return intention;
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
    loops: () => registry.intentions(),
    ask: ticket => ask(ticket),
    onFinal: (ticket, verdict) => registry.receiveVerdict(ticket, verdict, 'webhook'),
    onSeen: (ticket, verdict) => registry.markSeen(ticket, verdict),
    onConflict(ticket, code) {
      const nowMs = clock.now();
      tell(
        [],
        { at: new Date(nowMs).toISOString(), elapsedMs: nowMs - Date.parse(ticket.openedAt), type: 'conflict', code },
        ticket,
      );
    },
  });

  const middleware: Middleware = {
    adapter,
    match,
    unmatched: whenUnmatched(adapter, clock, options.unmatched ?? 'event', inform),
  };

  const through = guarded(user, middleware);

  return {
    adapter: options.adapter,
    client: dropIn(user, middleware),
    fetch: plainFetch(user, middleware),
    // What a write answers is the adapter's to say: nothing here looks into it.
    settle: settle as Gateway<F, A>['settle'],
    untilSettled,
    step,
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
  const { outcome, settledBy } = settlement;
  const response =
    settledBy === 'answer' || (settledBy === 'query' && outcome === 'succeeded')
      ? anotherResponseOf(settlement)
      : undefined;
  if (response !== undefined) return response;
  throw outcome === 'unresolved' ? new UnresolvedError(settlement.ticket, settlement) : new SettledError(settlement);
}
