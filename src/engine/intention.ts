import { callTime, momentOf, noLongerNeeded, orAbort, sleep, type Clock } from '../clock.ts';
import { conceal } from '../core/conceal.ts';
import {
  decide,
  initialState,
  isAnswer,
  isForgotten,
  unknownOutcome,
  type Decision,
  type Moment,
  type Observation,
  type Plan,
  type State,
} from '../core/decide.ts';
import { judge, lost, reconcile, type Judgement } from '../core/doctrine.ts';
import {
  isResendRefusedError,
  isSettledError,
  isUnresolvedError,
  ResendRefusedError,
  SettledError,
  UnresolvedError,
} from '../core/errors.ts';
import type { Exchange } from '../core/exchange.ts';
import { isWrite, type Encoding, type Fields, type Operation, type WriteOperation } from '../core/operation.ts';
import type { Evidence, Settlement, SettlementFacts, TimelineEntry, TimelineFact } from '../core/settlement.ts';
import { subjectOfTicket, type Owners, type Subject } from '../core/subject.ts';
import { isTicketText, type Ticket } from '../core/ticket.ts';
import type { Verdict } from '../core/verdict.ts';
import type { Adapter } from '../kit/adapter.ts';
import { UNREADABLE } from '../kit/readers.ts';
import type { ResolvedPolicy } from '../policies/policy.ts';
import { retryAfterMs } from '../policies/retry-after.ts';
import type { BaseFetch } from './base-fetch.ts';
import { encodingOf } from './encode.ts';
import type { ReadOpen } from './open-payment.ts';
import { pollLoop } from './poll-loop.ts';
import type { Mark, ProviderClock } from './provider-clock.ts';
import { remember, settlementOf } from './results.ts';
import type { Sealer } from './seal.ts';
import { responseOf, type Answer, type Wire, type WireResult } from './wire.ts';

/**
 * Carries a status query through the user's client: his `fetch`, headers and `beforeRequest` hooks, and none of the
 * others.
 */
export type PollRoute = (
  query: Operation,
  fields: Fields,
  send: (headers: Headers, fetch: BaseFetch) => Promise<WireResult>,
  signal: AbortSignal,
) => Promise<WireResult>;

export interface IntentionOptions {
  readonly adapter: Adapter;
  readonly clock: Clock;
  readonly providerClock: ProviderClock;
  readonly wire: Wire;
  readonly operation: Operation;
  /** Empty when only a ticket is followed. */
  readonly fields: Fields;
  readonly encoding?: Encoding;
  readonly ticket: Ticket;
  readonly sealer: Sealer;
  readonly policy: ResolvedPolicy;
  readonly attemptTimeoutMs: number;
  readonly followOnly?: boolean;
  /** An earlier step of the same following, whose next one is due. */
  readonly resumed?: Pick<ReadOpen, 'startedAtMs' | 'followed'>;
  /** What earlier exchanges left behind, such as the token they used. Default: nothing. */
  readonly memory?: Map<string, string>;
  readonly mayHaveBeenSent?: boolean;
  /** An earlier loop ended `absent`: one more "not found" is enough. */
  readonly absentBefore?: boolean;
  /** The number has been used before. */
  readonly newTry?: boolean;
  /** The provider's numbers of earlier tries under this number, as far as they are known here. */
  readonly earlierNumbers?: readonly string[];
  /** Whose a row of a list is. Default: nothing is known. */
  readonly owners?: Owners;
  readonly idempotencyKey?: string;
  readonly route: PollRoute;
  /** The caller's abort. */
  readonly signal: AbortSignal | undefined;
  readonly onTicket?: (ticket: Ticket) => unknown;
  readonly onFact: (entry: TimelineEntry, ticket: Ticket) => void;
}

/**
 * How long before a provider forgets a key nothing more is sent on its strength: clocks differ, and a send may be long
 * on its way.
 */
const KEY_MARGIN_MS = 5 * 60_000;
/** Two clocks that differ by less than this tell the same time. */
const ONE_TIME_MS = 1000;
const KEY_TOO_OLD =
  'The idempotency key is too old to be sent again: the gateway could take it for a new payment. It is only looked up.';

/** What an intention ends with: a response for the drop-in client, or why there is none. */
type End = { settlement: Settlement; response?: Answer };

/**
 * One intention on its way: it carries out what `decide` says, and keeps the ticket, the timeline and the permit. It
 * knows neither ky nor its hooks.
 */
export class Intention {
  readonly #options: Omit<IntentionOptions, 'fields'>;
  /** What is sent; forgotten when nothing can be sent any more. */
  #fields: Fields;
  /** The time of this call, see `Moment`. */
  readonly #nowMs: () => number;
  readonly #startedAtMs: number;
  readonly #timeline: TimelineEntry[] = [];
  readonly #others = new Set<(ticket: Ticket) => void>();
  readonly #memory: Map<string, string>;
  readonly #ended = new AbortController();
  readonly #done = Promise.withResolvers<Settlement>();
  readonly #signal: AbortSignal;
  #ticket: Ticket;
  /** The last one that left: each is sealed once. */
  #sealed: { readonly of: Ticket; readonly ticket: Ticket } | undefined;
  #state: State;
  /** What is to be done next; `undefined` while an exchange is on the wire. `send` is the permit for one send. */
  #decision: Decision | undefined;
  #end: End | undefined;
  /** The write's own last answer. */
  #own: { answer: Answer; body: unknown; processed: boolean } | undefined;
  #status: { answer: Answer; body: unknown } | undefined;
  /** Bytes of the send on the wire may have left. */
  #leaving = false;
  /** When the first and the last of this loop's sends left. */
  /** By the ticket as it was given: when it was opened, and when the last send had left. */
  readonly #openedAt: Mark;
  readonly #sentBefore: Mark | undefined;
  #sends: { readonly first: Mark; readonly last: Mark } | undefined;
  #onTheWire: Promise<void> | undefined;
  #stored = false;
  /** A later ticket is being told, and whether it has changed since. */
  #telling = false;
  #untold = false;
  #sendId: string;
  #cause: unknown;
  /** A webhook that has not been looked at yet. */
  #notice: (Observation & { type: 'notice' }) | undefined;
  /** What a webhook said that is being asked about. */
  #unconfirmed: Verdict | undefined;
  #wake: (() => void) | undefined;
  #broken: { readonly error: unknown } | undefined;

  constructor({ fields, ...options }: IntentionOptions) {
    this.#options = options;
    this.#fields = fields;
    const { clock, ticket, operation, policy } = options;
    this.#ticket = options.newTry === true ? { ...ticket, repeats: true } : ticket;
    this.#openedAt = options.providerClock.markOf(Date.parse(ticket.openedAt));
    this.#sentBefore =
      ticket.lastSentAt === undefined ? undefined : options.providerClock.markOf(Date.parse(ticket.lastSentAt));
    const { resumed, memory = new Map<string, string>() } = options;
    this.#memory = memory;
    this.#nowMs = callTime(clock);
    this.#startedAtMs = resumed?.startedAtMs ?? this.#nowMs();
    this.#signal =
      options.signal === undefined ? this.#ended.signal : AbortSignal.any([options.signal, this.#ended.signal]);
    this.#sendId = freshId(clock);
    const write = isWrite(operation) ? operation : undefined;
    // Redelivered without its ticket, nobody knows how old the key is: then nothing is sent on its strength.
    const rememberedForMs = write?.idempotencyKey?.rememberedForMs;
    const remembersForMs =
      rememberedForMs === undefined
        ? undefined
        : ticket.ageUnknown === true
          ? 0
          : Math.max(0, rememberedForMs - KEY_MARGIN_MS);
    const chargeableForMs = options.followOnly === true ? undefined : write?.chargeableForMs?.(fields);
    const deadlineMs = options.followOnly !== true && policy.poll.mayEndEarly === true ? write?.deadlineMs : undefined;
    const plan: Plan = {
      effect: operation.effect,
      follows: write?.follows ?? 'payment',
      sameReference: write?.sameReference ?? 'unknown',
      ...(remembersForMs !== undefined && { remembersForMs }),
      policy: deadlineMs === undefined ? policy : { ...policy, poll: { ...policy.poll, deadlineMs } },
      startedAtMs: this.#startedAtMs,
      openedAtMs: Date.parse(ticket.openedAt),
      ...(ticket.expiresAt !== undefined && { expiresAtMs: Date.parse(ticket.expiresAt) }),
      ...(write?.followedForMs !== undefined && { followedForMs: write.followedForMs }),
      ...(write?.query?.answersForMs !== undefined && { answersForMs: write.query.answersForMs }),
      payerNeedsAnswer: write?.payerNeedsAnswer?.(fields) ?? false,
      ofOlderOrder: write?.identity === 'target',
      charge: ticket.charge === true,
      ...(chargeableForMs !== undefined && { chargeableForMs }),
      followOnly: options.followOnly ?? false,
      mayHaveBeenSent: options.mayHaveBeenSent ?? false,
    };
    // Whoever follows a ticket knows of no send but the one it tells of.
    const sentAt = options.absentBefore === true ? (ticket.lastSentAt ?? ticket.openedAt) : ticket.lastSentAt;
    // Nor does whoever goes on from one; without its ticket, an earlier run is taken to have sent by now.
    const goesOn = options.mayHaveBeenSent === true && ticket.ageUnknown !== true;
    const isKnown = options.followOnly === true || options.absentBefore === true || goesOn;
    const sentAtMs = !isKnown ? this.#startedAtMs : sentAt === undefined ? undefined : Date.parse(sentAt);
    const known = {
      seen: ticket.seen,
      polls: ticket.polls,
      notFounds: options.absentBefore === true ? 1 : 0,
      ...this.#reach(),
    };
    this.#state = {
      ...initialState(plan, { ...known, ...(sentAtMs !== undefined && { sentAtMs }) }),
      ...resumed?.followed,
    };
    // Whoever waits for it hears of an abort from here: ky runs no hook for a reason that is no `Error`.
    const stopped = (): void => this.#done.reject(this.#signal.reason);
    const forget = (): void => this.#signal.removeEventListener('abort', stopped);
    this.#signal.addEventListener('abort', stopped, { once: true });
    this.#done.promise.then(forget, forget);
    // A hook of the caller's may have been busy until his time was over.
    if (this.#signal.aborted) stopped();
    this.#observe({ type: resumed === undefined ? 'started' : 'due' });
  }

  /** As it may leave: a copy, and sealed. */
  get ticket(): Ticket {
    if (this.#sealed?.of !== this.#ticket)
      this.#sealed = { of: this.#ticket, ticket: this.#options.sealer.seal(this.#ticket, this.#options.ticket) };
    const { ticket } = this.#sealed;
    return {
      ...ticket,
      reference: { ...ticket.reference },
      ...(ticket.expect !== undefined && { expect: { ...ticket.expect } }),
    };
  }

  /** The numbers it goes by, for whoever looks through many. */
  get reference(): Readonly<Record<string, string>> {
    return this.#ticket.reference;
  }

  get settlement(): Settlement | undefined {
    return this.#end?.settlement;
  }

  get operation(): Operation {
    return this.#options.operation;
  }

  /** A send may have reached the gateway, or did. */
  get exposed(): boolean {
    if (!isWrite(this.#options.operation)) return false;
    const outcome = this.#end?.settlement.outcome;
    if (outcome !== undefined) return outcome !== 'rejected' && outcome !== 'unsent';
    return this.#state.landed || this.#leaving;
  }

  /** It may send, and does not only follow a ticket. */
  get sends(): boolean {
    return this.#options.followOnly !== true;
  }

  /** The write's own last answer, and that of the last status query. */
  get answers(): { readonly own: Answer | undefined; readonly status: Answer | undefined } {
    return { own: this.#own?.answer, status: this.#status?.answer };
  }

  /**
   * One more caller wants the ticket whenever it learns more, and `now`; the returned function ends that. Nobody waits
   * for him.
   */
  alsoTell(onTicket: (ticket: Ticket) => unknown, from: 'now' | 'next' = 'next'): () => void {
    let told: Promise<unknown> = Promise.resolve();
    // One after the other, so that none is stored over a newer one.
    const tell = (ticket: Ticket): void => {
      told = told.then(() => onTicket(ticket)).catch(() => this.#record({ type: 'ticket-not-stored' }));
    };
    this.#others.add(tell);
    if (from === 'now') tell(this.ticket);
    return () => this.#others.delete(tell);
  }

  /** Nothing more is to be done for it. */
  get over(): boolean {
    return this.#end !== undefined || this.#broken !== undefined || this.#signal.aborted;
  }

  /** Resolves when it is settled; rejects when it was stopped before. */
  get ended(): Promise<Settlement> {
    return this.#done.promise;
  }

  /** Stops every wait and exchange of this intention. */
  stop(): void {
    this.#ended.abort(noLongerNeeded);
    this.#fields = {};
  }

  /**
   * The gate: one send, if there is a permit for it. Returns the answer that settles the write.
   *
   * @throws {ResendRefusedError} without a permit; nothing is sent
   * @throws {UnresolvedError} when the answer settles nothing: `proceed` says what comes next
   */
  send(request: Request, fetch: BaseFetch): Promise<Response> {
    const sending = this.#send(request, fetch);
    const settled = (): void => undefined;
    this.#onTheWire = sending.then(settled, settled);
    return sending;
  }

  async #send(request: Request, fetch: BaseFetch): Promise<Response> {
    if (this.#decision?.type !== 'send') {
      this.#record({ type: 'resend-refused' });
      throw new ResendRefusedError(this.ticket, this.settlement);
    }
    const { operation, wire, encoding, adapter, attemptTimeoutMs } = this.#options;
    const fields = this.#fields;
    this.#decision = undefined;
    const before = this.#state;
    const attempt = before.attempts;
    if (!before.repeatsSend) this.#sendId = freshId(this.#options.clock);
    try {
      if (isWrite(operation)) await this.#storeBeforeSending(attempt);
      this.#record({ type: 'send', attempt });
      const result = await wire({
        operation,
        fields,
        encoding: encoding ?? encodingOf(adapter, operation),
        lane: operation.effect,
        headers: request.headers,
        fetch,
        timeoutMs: attemptTimeoutMs,
        signal: this.#signal,
        context: this.#context(),
        onLeaving: () => this.#leave(),
      });
      if (result.type === 'lost' && this.#notice !== undefined && !this.#leaving) {
        // The notice decides what comes next. Nothing was sent: the permit was not used.
        this.#state = { ...before, attempts: attempt - 1 };
        this.#record({ type: 'lost', of: 'send', evidence: result.evidence, code: result.code });
      } else if (result.type === 'lost') {
        this.#lose('send', result);
        const verdict =
          result.code === 'held'
            ? { ...unknownOutcome('key-too-old'), advice: KEY_TOO_OLD }
            : lost(operation.effect, result.evidence, result.code);
        this.#observe({ type: 'lost', verdict, landed: result.evidence === 'maybe-sent', left: this.#leaving });
      } else {
        const judgement = judge(adapter, this.#exchange(operation, fields, result, before.landed), this.#ownSubject());
        const ofAnotherSend = judgement.row?.kind === 'poll-required' && judgement.row.ofAnotherSend === true;
        this.#own = { ...result, processed: isAnswer({ ...judgement, ofAnotherSend }) };
        this.#hear(judgement, { type: 'answer', attempt, status: result.answer.status, verdict: judgement.verdict });
        const retryAfter = retryAfterMs(result.answer.headers, this.#options.clock.now());
        const refused =
          judgement.row?.kind === 'terminal' &&
          (judgement.row.outcome === 'rejected' || judgement.row.outcome === 'failed');
        this.#learn(judgement);
        this.#observe({
          type: 'answered',
          verdict: judgement.verdict,
          acknowledges: judgement.acknowledges,
          refused,
          refuses: judgement.refuses === true,
          askedOnce: judgement.row?.kind === 'terminal' && judgement.row.askedOnce === true,
          ofAnotherSend,
          createdWhenOpen: judgement.row?.kind === 'poll-required' && judgement.row.createdWhenOpen === true,
          ...this.#reach(),
          ...(retryAfter !== undefined && { retryAfterMs: retryAfter }),
        });
      }
    } catch (error) {
      // The caller's fault or wish (bad input, no place for the ticket, an abort) or the adapter's, not the network's:
      // it is not tried again.
      this.#broken = { error };
      // Nobody else tells those who wait: ky runs no hook for what is no `Error`.
      this.#done.reject(error);
      throw error;
    }
    this.#leaving = false;
    this.#heedNotice();
    if (this.#next().type === 'settle') return this.#finish();
    throw new UnresolvedError(this.ticket);
  }

  /**
   * Waits and asks until there is a permit to send (`undefined`), or the intention is settled (a response).
   *
   * @throws {SettledError} {UnresolvedError} when it is settled without an answer the caller may read as success
   */
  async proceed(): Promise<Response | undefined> {
    for (;;) {
      // A timeout of somebody else's may have given up on a send that is still on the wire: only its end tells.
      await this.#onTheWire;
      this.#signal.throwIfAborted();
      if (this.#broken !== undefined) throw this.#broken.error;
      if (this.#decision !== undefined) this.#heedNotice();
      const decision = this.#next();
      if (decision.type === 'send') return undefined;
      if (decision.type === 'settle') return this.#finish();
      if (decision.type === 'wait') await this.#wait(decision);
      else {
        await pollLoop({
          ask: () => this.#ask(),
          wait: () => this.#wait(this.#next()),
          signal: this.#signal,
        });
      }
    }
  }

  /**
   * A webhook about this payment: a wait ends at once, an exchange on the wire first.
   *
   * @param isOurs it is verified, and about this very payment: whoever goes on with the ticket must know that the
   * gateway has it
   */
  notify(judgement: Judgement, confirm: boolean, isOurs: boolean): void {
    if (this.over) return;
    if (isOurs) this.#learn(judgement);
    this.#record({ type: 'notice', verdict: judgement.verdict });
    if (judgement.conflict) this.#record({ type: 'conflict', code: judgement.verdict.code });
    this.#notice = { type: 'notice', verdict: judgement.verdict, confirm };
    this.#wake?.();
  }

  /**
   * A hook asked for another send of what is settled already. A question may be asked again, as often as the policy
   * allows.
   *
   * @throws {ResendRefusedError} for a write
   * @param error what is thrown when there are no attempts left
   */
  askedAgain(error: unknown): void {
    if (isWrite(this.#options.operation)) {
      this.#record({ type: 'resend-refused' });
      throw new ResendRefusedError(this.ticket, this.settlement);
    }
    const { end: _over, ...state } = this.#state;
    const { attempts, plan } = state;
    if (attempts >= plan.policy.retry.attempts) throw error;
    this.#end = undefined;
    this.#state = { ...state, attempts: attempts + 1 };
    this.#decision = { type: 'send' };
  }

  /** Follows the ticket to its end, step by step. */
  async follow(): Promise<Settlement> {
    await pollLoop({
      ask: async () => (await this.step()) === undefined,
      wait: () => this.#wait(this.#next()),
      signal: this.#signal,
    });
    return this.settlement ?? this.unresolved();
  }

  /**
   * One step of following: one status query, if it is time to ask. `undefined` while the payment is open: see `left`.
   */
  async step(): Promise<Settlement | undefined> {
    this.#signal.throwIfAborted();
    this.#heedNotice();
    if (this.#next().type === 'ask') await this.#ask();
    return this.#next().type === 'settle' ? this.#conclude().settlement : undefined;
  }

  /** Of a payment that is followed and still open: what is known, and in how many milliseconds its next step is due. */
  get left(): { readonly state: State; readonly dueInMs: number } {
    const next = this.#next();
    return { state: this.#state, dueInMs: next.type === 'wait' ? next.delayMs : 0 };
  }

  /** What is left to say when something from outside ended it. */
  unresolved(cause?: unknown): Settlement {
    const last = this.#end?.settlement.verdict ?? this.#lastVerdict() ?? unknownOutcome('not-asked');
    return this.#settlement({ outcome: 'unresolved', verdict: last, settledBy: 'none' }, cause);
  }

  /**
   * What a caller of the drop-in client gets when `error` ended it from outside: once a send may have landed, an open
   * payment.
   */
  errorFor(error: unknown): unknown {
    const isOurs = isSettledError(error) || isUnresolvedError(error) || isResendRefusedError(error);
    return isOurs || !this.exposed ? error : new UnresolvedError(this.ticket, this.unresolved(error), { cause: error });
  }

  /** One status query. Never throws for what the gateway or the network does. */
  async askOnce(): Promise<Verdict> {
    const { verdict } = await this.#poll();
    return verdict;
  }

  async #ask(): Promise<boolean> {
    // A webhook may have settled it during the wait.
    if (this.#next().type !== 'ask') return false;
    const { verdict, judgement, retryAfter, incomplete, left } = await this.#poll();
    const { row, failedWhenUnchangedForMs: forMs } = judgement ?? {};
    const open = row?.kind === 'poll-required' && row.reason === verdict.reason ? row : undefined;
    this.#observe({
      type: 'status',
      verdict,
      acknowledges: judgement?.acknowledges ?? false,
      left,
      refuses: judgement?.refuses === true,
      incomplete: incomplete === true,
      needsAction: open?.needsAction === true,
      ...(forMs !== undefined && { failedWhenUnchangedForMs: forMs }),
      ...(retryAfter !== undefined && { retryAfterMs: retryAfter }),
    });
    this.#heedNotice();
    const next = this.#next();
    if (next.type === 'settle' && next.verdict.kind === 'terminal' && this.#unconfirmed?.kind === 'terminal') {
      const { conflict } = reconcile(this.#unconfirmed.outcome, next.verdict.outcome);
      if (conflict) this.#record({ type: 'conflict', code: next.verdict.code });
    }
    return next.type === 'wait' && next.next === 'ask';
  }

  async #poll(): Promise<{
    verdict: Verdict;
    left: boolean;
    judgement?: Judgement;
    retryAfter?: number | undefined;
    incomplete?: boolean;
  }> {
    const { adapter, wire, attemptTimeoutMs, route, clock } = this.#options;
    const question = this.#question('query') ?? this.#question('lookUp');
    if (question === undefined) return { verdict: unknownOutcome('not-asked'), left: false };
    const { asked, fields, incomplete, kind } = question;
    const poll = this.#ticket.polls + 1;
    this.#ticket = { ...this.#ticket, polls: poll };
    this.#record({ type: 'ask', poll });
    let left = false;
    const result = await route(
      asked,
      fields,
      (headers, fetch) =>
        wire({
          operation: asked,
          fields,
          encoding: encodingOf(adapter, asked),
          lane: 'read',
          headers,
          fetch,
          timeoutMs: attemptTimeoutMs,
          signal: this.#signal,
          context: { ...this.#context(), sendId: freshId(clock) },
          onLeaving: () => (left = true),
        }),
      this.#signal,
    );
    if (result.type === 'lost') {
      this.#lose('poll', result);
      this.#cause = result.error;
      return { verdict: lost('read', result.evidence, result.code), left };
    }
    this.#status = result;
    const judgement = judge(adapter, this.#exchange(asked, fields, result, false), this.#subject(kind));
    const { verdict } = judgement;
    this.#hear(judgement, { type: 'status', poll, status: result.answer.status, verdict });
    this.#learn(judgement);
    return { verdict, left, judgement, incomplete, retryAfter: retryAfterMs(result.answer.headers, clock.now()) };
  }

  #observe(observation: Observation): void {
    const before = this.#state;
    const step = decide(before, observation, this.#moment());
    this.#state = step.state;
    this.#decision = step.decision;
    const { decision } = step;
    const isConfirmed = decision.type === 'settle' && decision === before.end;
    if (observation.type === 'notice' && !isConfirmed)
      this.#unconfirmed = decision.type === 'ask' ? observation.verdict : undefined;
  }

  #next(): Decision {
    // Only two sends at once could find none: the second one has no permit, and waits for nothing.
    if (this.#decision === undefined) throw new ResendRefusedError(this.ticket, this.settlement);
    return this.#decision;
  }

  /**
   * A webhook that came while an exchange was on the wire, or before the next one, is heeded before a send, and before
   * an end is told. A wait looks at it by itself, and a question is asked first.
   */
  #heedNotice(): void {
    const notice = this.#notice;
    const next = this.#decision;
    if (notice === undefined || next?.type === 'wait' || next?.type === 'ask') return;
    this.#notice = undefined;
    this.#observe(notice);
  }

  async #wait(decision: Decision): Promise<void> {
    if (decision.type !== 'wait') return;
    this.#record({ type: 'wait', delayMs: decision.delayMs, next: decision.next });
    if (this.#notice === undefined) {
      const woken = new Promise<void>(resolve => (this.#wake = resolve));
      await sleep(this.#options.clock, decision.delayMs, this.#signal, woken);
      this.#wake = undefined;
    }
    const notice = this.#notice;
    this.#notice = undefined;
    this.#observe(notice ?? { type: 'due' });
  }

  /** The settled decision, carried out once. */
  #conclude(): End {
    const decision = this.#next();
    if (decision.type !== 'settle') throw new UnresolvedError(this.ticket);
    if (this.#end === undefined) {
      const { outcome, settledBy, verdict } = decision;
      const answer =
        settledBy === 'answer'
          ? this.#own?.answer
          : settledBy === 'query' && outcome === 'succeeded'
            ? this.#status?.answer
            : undefined;
      this.#record({ type: 'settled', outcome, settledBy });
      this.#end = {
        settlement: this.#settlement(
          { outcome, settledBy, verdict },
          outcome === 'unresolved' || outcome === 'unsent' ? this.#cause : undefined,
        ),
        ...(answer !== undefined && { response: answer }),
      };
      this.#done.resolve(this.#end.settlement);
      // A read may be asked again.
      if (isWrite(this.#options.operation)) this.#fields = {};
    }
    return this.#end;
  }

  /** What a caller of the drop-in client gets of the settled decision. */
  #finish(): Response {
    const { settlement, response } = this.#conclude();
    if (response !== undefined) return this.#remembered(response, settlement.verdict);
    // A read that got no answer ends as it would without us.
    if (!isWrite(this.#options.operation)) throw this.#cause;
    const cause = settlement.cause === undefined ? undefined : { cause: settlement.cause };
    throw settlement.outcome === 'unresolved'
      ? new UnresolvedError(settlement.ticket, settlement, cause)
      : new SettledError(settlement, cause);
  }

  #settlement(
    { outcome, verdict, settledBy }: Pick<Settlement, 'outcome' | 'verdict' | 'settledBy'>,
    cause?: unknown,
  ): Settlement {
    const { operation } = this.#options;
    conceal(cause);
    const exchange = settledBy === 'answer' ? this.#own : settledBy === 'query' ? this.#status : undefined;
    const ticket = this.ticket;
    const write: WriteOperation | undefined = isWrite(operation) ? operation : undefined;
    const [merchant = ''] = Object.values(ticket.reference);
    const { own, other } = this.#state;
    const provider = (write?.learns ?? []).map(name => ticket.reference[name]).find(value => value !== undefined);
    const facts: SettlementFacts = {
      outcome,
      verdict,
      settledBy,
      ...(this.#own !== undefined && (this.#own.processed || settledBy === 'answer') && { answer: this.#own.body }),
      ...(own !== undefined && own !== verdict && settledBy !== 'answer' && { ownVerdict: own }),
      ...(other !== undefined && { otherVerdict: other }),
      ...(exchange !== undefined && { body: exchange.body }),
      ticket,
      reference: { merchant, ...(provider !== undefined && { provider }) },
      attempts: this.#state.attempts,
      polls: this.#state.polls,
      elapsedMs: this.#nowMs() - this.#startedAtMs,
      timeline: [...this.#timeline],
      ...(cause !== undefined && { cause }),
    };
    if (exchange === undefined) return settlementOf(facts);
    const { answer } = exchange;
    return settlementOf(facts, () => remember(responseOf(answer), { verdict, ticket: write && ticket }));
  }

  #remembered(answer: Answer, verdict: Verdict): Response {
    return remember(responseOf(answer), {
      verdict,
      ticket: isWrite(this.#options.operation) ? this.ticket : undefined,
    });
  }

  #lastVerdict(): Verdict | undefined {
    return this.#timeline.flatMap(entry => ('verdict' in entry ? [entry.verdict] : [])).at(-1);
  }

  /**
   * The first byte is about to leave: from here absence counts, and the ticket says so. What may have landed before is
   * sent again only on the strength of a key that the provider still knows when the bytes arrive, however long slot,
   * token and signature took.
   */
  #leave(): boolean {
    // A verified notice came while it stood in the queue or was signed: that is heeded first.
    if (this.#notice !== undefined) return false;
    const { operation, clock } = this.#options;
    if (isWrite(operation)) {
      if (this.#state.landed && isForgotten(this.#state, this.#moment())) return false;
      this.#ticket = { ...this.#ticket, lastSentAt: new Date(clock.now()).toISOString() };
      this.#tellAgain();
    }
    const mark = this.#options.providerClock.mark();
    this.#sends = { first: this.#sends?.first ?? mark, last: mark };
    this.#leaving = true;
    return true;
  }

  #moment(): Moment {
    return momentOf(this.#options.clock, this.#nowMs);
  }

  /** Write-ahead: the caller has the ticket before the first byte leaves, and a failure to store it stops the send. */
  async #storeBeforeSending(attempt: number): Promise<void> {
    if (attempt > 1 || this.#options.mayHaveBeenSent === true) {
      this.#ticket = { ...this.#ticket, lastSentAt: new Date(this.#options.clock.now()).toISOString() };
    }
    if (!this.#stored) {
      this.#record({ type: 'ticket', seen: this.#ticket.seen });
      await orAbort(Promise.resolve(this.#options.onTicket?.(this.ticket)), this.#signal);
      this.#stored = true;
      this.#tellOthers();
    } else this.#tellAgain();
  }

  /**
   * Later the payment matters more than its ticket: the caller has one already, and nothing waits for him. He is told
   * one ticket after the other, so that none is stored over a newer one.
   */
  #tellAgain(): void {
    this.#untold = true;
    if (!this.#telling) void this.#tellNewest();
    this.#tellOthers();
  }

  async #tellNewest(): Promise<void> {
    this.#telling = true;
    while (this.#untold) {
      this.#untold = false;
      try {
        await this.#options.onTicket?.(this.ticket);
      } catch {
        this.#record({ type: 'ticket-not-stored' });
      }
    }
    this.#telling = false;
  }

  /** Those who came later have the ticket already: what they cannot store holds up nobody. */
  #tellOthers(): void {
    for (const tell of this.#others) tell(this.ticket);
  }

  /** What an answer adds to the ticket. */
  #learn({ reference, acknowledges }: Judgement): void {
    const { operation } = this.#options;
    if (!isWrite(operation)) return;
    const names = operation.learns ?? [];
    const learnt = Object.entries(reference).filter(
      (pair): pair is [string, string] =>
        names.includes(pair[0]) &&
        isTicketText(pair[1]) &&
        pair[1] !== UNREADABLE &&
        !Object.hasOwn(this.#ticket.reference, pair[0]),
    );
    const seen = this.#ticket.seen || acknowledges;
    if (learnt.length === 0 && seen === this.#ticket.seen) return;
    this.#ticket = { ...this.#ticket, seen, reference: { ...this.#ticket.reference, ...Object.fromEntries(learnt) } };
    this.#tellAgain();
  }

  #hear(judgement: Judgement, fact: TimelineFact): void {
    this.#record(fact);
    const { code } = judgement.verdict;
    if (judgement.unlisted) this.#record({ type: 'unlisted', code });
    if (judgement.conflict) this.#record({ type: 'conflict', code });
  }

  #lose(of: 'send' | 'poll', { evidence, code, error }: { evidence: Evidence; code: string; error: unknown }): void {
    this.#cause = error;
    this.#record({ type: 'lost', of, evidence, code });
  }

  #record(fact: TimelineFact): void {
    const at = new Date(this.#options.clock.now()).toISOString();
    const entry: TimelineEntry = { at, elapsedMs: this.#nowMs() - this.#startedAtMs, ...fact };
    this.#timeline.push(entry);
    this.#options.onFact(entry, this.#ticket);
  }

  #exchange(
    operation: Operation,
    fields: Fields,
    { answer, body }: { answer: Answer; body: unknown },
    mayHaveLanded: boolean,
  ): Exchange {
    return {
      operation: operation.name,
      mayHaveLanded,
      sent: { ...fields },
      status: answer.status,
      headers: answer.headers,
      body,
    };
  }

  /** What a notice about the payment is held against. */
  get subject(): Subject {
    return this.#subject('query');
  }

  /** What the gateway's word on the payment is held against. */
  #subject(kind: 'query' | 'lookUp'): Subject {
    const {
      operation,
      clock,
      providerClock,
      followOnly,
      mayHaveBeenSent,
      earlierNumbers,
      owners = nobodyElse,
    } = this.#options;
    const subject = subjectOfTicket(
      operation,
      this.#ticket,
      this.#state.refused,
      Math.min(this.#nowMs(), clock.now() + ONE_TIME_MS),
    );
    // It is the other order that is asked about, whenever that was made.
    if (this.#state.askedOnce === true) return { ...subject, repeats: false };
    // An earlier run may have sent since the ticket was opened; without its ticket nobody knows when.
    const opened = this.#ticket.ageUnknown === true ? undefined : this.#openedAt;
    const first = followOnly === true || mayHaveBeenSent === true ? opened : (this.#sends?.first ?? opened);
    const last = this.#sends?.last ?? this.#sentBefore;
    const notBeforeMs = first && providerClock.at(first)?.fromMs;
    const leftByMs = last && providerClock.at(last)?.toMs;
    return {
      ...subject,
      sends: { ...(notBeforeMs !== undefined && { notBeforeMs }), ...(leftByMs !== undefined && { leftByMs }) },
      ...(earlierNumbers !== undefined && { earlierNumbers }),
      ...(kind === 'lookUp' && { lookUp: owners }),
    };
  }

  /** A write's own answer is held against its ticket too; a read of the drop-in client against what it asked. */
  #ownSubject(): { reference: Record<string, string>; expect?: { amount: string; currency?: string } } | undefined {
    if (!isWrite(this.#options.operation)) return undefined;
    const { reference, expect } = this.#ticket;
    return { reference, ...(expect !== undefined && { expect }) };
  }

  /** What can be asked with what the ticket knows. */
  #question(
    kind: 'query' | 'lookUp',
  ): { kind: 'query' | 'lookUp'; asked: Operation; fields: Fields; incomplete: boolean } | undefined {
    const { operation, adapter, clock } = this.#options;
    const query = isWrite(operation) ? operation[kind] : undefined;
    const asked = query === undefined ? undefined : adapter.operations[query.operation];
    // A window of time that ends now must not end before the send because somebody set the clock back.
    const fields = query?.fields(this.#ticket, Math.max(clock.now(), this.#nowMs()));
    return asked === undefined || fields === undefined
      ? undefined
      : { kind, asked, fields, incomplete: query?.incomplete?.(this.#ticket) === true };
  }

  #reach(): { askable: boolean; lookable: boolean } {
    return { askable: this.#question('query') !== undefined, lookable: this.#question('lookUp') !== undefined };
  }

  #context(): {
    openedAtMs: number;
    sendId: string;
    idempotencyKey?: string;
    reauthenticate: boolean;
    memory: Map<string, string>;
  } {
    const { idempotencyKey } = this.#options;
    return {
      openedAtMs: Date.parse(this.#ticket.openedAt),
      sendId: this.#sendId,
      ...(idempotencyKey !== undefined && { idempotencyKey }),
      reauthenticate: this.#state.needsToken,
      memory: this.#memory,
    };
  }
}

const nobodyElse: Owners = { isKnownElsewhere: () => false, mayBeAnothers: () => false };

/** 18 digits: 13 of time and 5 of chance. */
function freshId(clock: Clock): string {
  return `${Math.floor(clock.now())}`.padStart(13, '0') + `${Math.floor(clock.random() * 100_000)}`.padStart(5, '0');
}
