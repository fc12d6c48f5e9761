import {
  beginCall,
  momentOf,
  newSendId,
  noLongerNeeded,
  orAbort,
  whenAborted,
  type Call,
  type Clock,
} from '../clock.ts';
import { adviceOn, notAskedFor, type AdapterFault } from '../core/adapter-fault.ts';
import { GIVES_BACK_WITHIN_MS, type DeadlineCancel } from '../core/cancel.ts';
import { circuitOpen, deadlineOf, decide, isAnswer, isForgotten, unknownOutcome } from '../core/decide.ts';
import type { Barred, Decision, Moment, NoticeObservation, Observation, State } from '../core/decide.ts';
import { judge, lost, reconcile, type Judgement } from '../core/doctrine.ts';
import { errorText } from '../core/error-text.ts';
import { InputError, isInputError, isUnresolvedError, UnresolvedError } from '../core/errors.ts';
import type { StoppedEntry } from '../core/events.ts';
import type { Exchange } from '../core/exchange.ts';
import { healthIn } from '../core/health.ts';
import { answeredWith, statusWith } from '../core/observed.ts';
import { isWrite, type BatchQuery, type Encoding, type Fields, type Operation } from '../core/operation.ts';
import { printable } from '../core/printable.ts';
import type { Settlement, TimelineFact } from '../core/settlement.ts';
import { subjectOfTicket, type Owners, type Subject } from '../core/subject.ts';
import type { Ticket } from '../core/ticket.ts';
import type { Verdict } from '../core/verdict.ts';
import type { Adapter } from '../kit/adapter.ts';
import type { Circuits, Health, Pass } from '../policies/circuit.ts';
import { retryAfterMs } from '../policies/retry-after.ts';
import type { Batches } from './batch.ts';
import { QUERY_HOLDS_MS, type Canceler, type CancelGate } from './canceler.ts';
import { encodingOf } from './encode.ts';
import type { Hold } from './hold.ts';
import { MOST_RARELY_MS, MOST_RARELY_STEPPED_MS, type Notices } from './notices.ts';
import type { ReadOpen } from './open-payment.ts';
import { firstState, type Beginning } from './plan.ts';
import type { ProviderClock } from './provider-clock.ts';
import { questionFor, reach, type Question } from './question.ts';
import type { RetryQuotas } from './quota.ts';
import type { Sealer } from './seal.ts';
import { SendTimes } from './send-times.ts';
import { settledAs, type ReadAnswer } from './settlement-of.ts';
import { lightened } from './stored-answer.ts';
import { TicketKeeper, type OnTicket } from './ticket-keeper.ts';
import { Timeline, type Details, type ExchangeType, type Reporter } from './timeline.ts';
import type { Road, Way } from './way.ts';
import type { Answer, Wire, WireRequest, WireResult } from './wire.ts';

/** What all intentions of one gateway share. */
export interface Engine {
  readonly adapter: Adapter;
  readonly clock: Clock;
  readonly providerClock: ProviderClock;
  readonly wire: Wire;
  readonly sealer: Sealer;
  readonly notices: Notices;
  /**
   * Asks about many payments in one request, where the policy wants that; `undefined` where it could not be loaded.
   * Default: each is asked alone.
   */
  readonly batches?: Promise<Batches | undefined> | undefined;
  /** Default: every send may be repeated. */
  readonly quotas?: RetryQuotas | undefined;
  /** Default: no send is held back. */
  readonly circuits?: Circuits | undefined;
  /** Counts who begins to follow, see `createCrowd`. */
  readonly crowd: () => number;
}

export interface IntentionOptions extends Beginning {
  readonly encoding?: Encoding;
  readonly attemptTimeoutMs: number;
  /** An earlier step of the same following, whose next one is due. */
  readonly resumed?: Pick<ReadOpen, 'startedAtMs' | 'followed'>;
  /** The call that it is carried out for, where that has waited for another one before: its deadline counts from there. */
  readonly call?: Call;
  /** It is left alone between two steps. Default: it is a loop. */
  readonly stepped?: boolean;
  /** One query, and it is not followed. Default: it is. */
  readonly asksOnce?: boolean;
  /** A worker asks, and nobody waits for it. Default: somebody does. */
  readonly isBackground?: boolean;
  /** What earlier exchanges left behind, such as the token they used. Default: nothing. */
  readonly memory?: Map<string, string>;
  /** The number has been used before. */
  readonly newTry?: boolean;
  /** The provider's numbers of earlier tries under this number, as far as they are known here. */
  readonly earlierNumbers?: readonly string[];
  /** Whose a row of a list is that the payment is looked for in. */
  readonly ownersFor: (ticket: Ticket) => Owners;
  readonly idempotencyKey?: string;
  readonly road: Road;
  /** Other payments take the same road: its status queries may share a request with theirs. Default: they do not. */
  readonly sharesQueries?: boolean;
  readonly onTicket?: OnTicket;
  readonly reporter: Reporter;
  /** The journal's: without it nothing may leave. Default: there is no journal. */
  readonly hold?: Hold | undefined;
  /** Of a cancel that another payment sends at its deadline: that one may still keep it from leaving. */
  readonly gate?: CancelGate | undefined;
}

/** What a status query came to. */
interface Polled {
  readonly verdict: Verdict;
  readonly left: boolean;
  readonly judgement?: Judgement;
  readonly retryAfter?: number | undefined;
  readonly incomplete?: boolean;
}

/** It was not asked about alone yet: so many before it wait for that, in milliseconds. */
interface InLine {
  readonly lineMs: number;
}

/** So long somebody waits at a till for a charge: its queries wait for no other. */
const AT_THE_TILL_MS = 30_000;
/** A payer may still be waiting for one that was opened so long ago. */
const YOUNG_FOR_MS = 120_000;

/** Two clocks that differ by less than this tell the same time. */
const ONE_TIME_MS = 1000;

const keyTooOld: Verdict = {
  ...unknownOutcome('key-too-old'),
  advice:
    'The idempotency key is too old to be sent again: the gateway could take it for a new payment. It is only looked up.',
};

/** Held back before the first byte: nothing was sent, and the same may be tried again. */
const heldBack = (code: string, advice: string): Verdict => ({
  kind: 'retryable',
  code,
  reason: 'unavailable',
  listed: false,
  advice,
});

const notWritten = heldBack(
  'journal',
  'The journal could not be written, and nothing is sent that it does not know of. The cause says why.',
);

const stoodStill = heldBack(
  'paused',
  'This process stood still just before it would have sent, for longer than others wait for it: it did not send.',
);

const TAKEN_ELSEWHERE =
  'A beforeRequest hook answered this request, or took it elsewhere: tillpaid did not send it, and does not know who did.';

/** Why a loop that only follows ends when a caller comes who sends: its callers go on with his. */
export const takenOver: DOMException = new DOMException('A caller who sends goes on with it.', 'AbortError');

/** A wait that is on: how it ends early, and what follows it. */
interface Parked {
  readonly cancel: () => void;
  readonly resume: () => void;
}

/**
 * One intention on its way: what is decided, what was exchanged, and how it ended. Each method carries out one decision
 * and leaves the next one in `next`; who calls them, and when, is a driver's. It knows neither ky nor p-retry.
 */
export class Intention {
  readonly operation: Operation;
  readonly timeline: Timeline;
  readonly #engine: Engine;
  readonly #options: Omit<IntentionOptions, 'fields' | 'ticket'>;
  readonly #keeper: TicketKeeper;
  readonly #sendTimes: SendTimes;
  #memory: Map<string, string> | undefined;
  /** The time of this call, see `Moment`. */
  readonly #nowMs: () => number;
  readonly #startedAtMs: number;
  /** Made when a caller waits for the end. */
  #done: PromiseWithResolvers<Settlement> | undefined;
  /** What is sent; forgotten when nothing can be sent any more. */
  #fields: Fields;
  #state: State;
  /** What is to be done next; `undefined` while an exchange is on the wire. `send` is the permit for one send. */
  #decision: Decision | undefined;
  #settlement: Settlement | undefined;
  #own: (ReadAnswer & { readonly processed: boolean }) | undefined;
  #status: ReadAnswer | undefined;
  /** What was sent at its deadline. */
  #cancel: DeadlineCancel | undefined;
  /** The next query shares no request. */
  #asksAlone = false;
  #cause: unknown;
  #sendId: string | undefined;
  /** Bytes of the send on the wire may have left. */
  #isLeaving = false;
  /** What the journal knows of the ticket by now. */
  #journaled: string | undefined;
  /** Why the last send was held back, where it was. */
  #heldBack: Verdict | undefined;
  /** What let the send that is leaving through. */
  #pass: Pass | undefined;
  /** What the re-send that is decided on has taken of the quota. */
  #paid = 0;
  /** The last send did. */
  #timedOut = false;
  /** Of the exchange that is on the wire. */
  #exchange: AbortController | undefined;
  /** That is a cancel, and has not left. */
  #mayCallOff = false;
  #parked: Parked | undefined;
  #stopped: { readonly reason: unknown; readonly isFailure: boolean } | undefined;
  /** It began without a place among those who follow. */
  #standsNowhere: boolean;
  /** A webhook that has not been looked at yet. */
  #notice: NoticeObservation | undefined;
  /** What a read outside this loop has shown: it counts before whatever permits a send. */
  #shown: Verdict | undefined;
  /** What a webhook said that is being asked about. */
  #unconfirmed: Verdict | undefined;

  constructor(engine: Engine, beginning: IntentionOptions) {
    const { fields, ticket, ...options } = beginning;
    const { clock, providerClock, sealer } = engine;
    const { resumed } = options;
    this.#engine = engine;
    this.#options = options;
    this.#fields = fields;
    this.operation = options.operation;
    this.#memory = options.memory;
    const call = options.call ?? beginCall(clock);
    this.#nowMs = call.nowMs;
    this.#startedAtMs = resumed?.startedAtMs ?? call.startedAtMs;
    this.timeline = new Timeline(clock, options.reporter, options.followOnly === true);
    this.#sendTimes = new SendTimes(providerClock, ticket);
    this.#keeper = new TicketKeeper(ticket, sealer, options.onTicket, () =>
      this.#record({ type: 'ticket-not-stored' }),
    );
    if (options.newTry === true) this.#keeper.update({ repeats: true });
    // What could not be asked about is not sent.
    const isNew = options.followOnly !== true && options.mayHaveBeenSent !== true;
    const reached = this.#reach(isNew ? fault => refuseToSend(engine.adapter, fault) : undefined);
    const { followOnly, asksOnce, isBackground } = options;
    const isLoop = followOnly === true && asksOnce !== true && resumed === undefined && isBackground !== true;
    // Those that share a request make no crowd, for as long as they can.
    this.#standsNowhere = isLoop && this.#sharedQuery !== undefined;
    const lineMs = isLoop && !this.#standsNowhere ? engine.crowd() : 0;
    const first = firstState({ ...beginning, lineMs }, this.#startedAtMs, reached, this.#nowMs());
    this.#state = { ...first, ...resumed?.followed };
    this.#observe(resumed === undefined ? { type: 'started', barred: this.#barred() } : { type: 'due' });
  }

  /** As it may leave: a copy, and sealed. */
  get ticket(): Ticket {
    return this.#keeper.copy;
  }

  /** The numbers it goes by, without a copy of the whole ticket. */
  get reference(): Readonly<Record<string, string>> {
    return this.#keeper.current.reference;
  }

  get settlement(): Settlement | undefined {
    return this.#settlement;
  }

  /** Resolves when it is settled; rejects when it was stopped, or failed, before. */
  get ended(): Promise<Settlement> {
    if (this.#done === undefined) {
      this.#done = Promise.withResolvers<Settlement>();
      if (this.#settlement !== undefined) this.#done.resolve(this.#settlement);
      else if (this.#stopped !== undefined) this.#done.reject(this.#stopped.reason);
    }
    return this.#done.promise;
  }

  /** Nothing more is to be done for it. */
  get over(): boolean {
    return this.#settlement !== undefined || this.#stopped !== undefined;
  }

  /** Why it ended before it was settled. */
  get stopped(): { readonly reason: unknown } | undefined {
    return this.#stopped;
  }

  /** It ended by a fault of the caller's, his hook's or the adapter's; it was not stopped. */
  get isFailed(): boolean {
    return this.#stopped?.isFailure === true;
  }

  /** What is to be done next; `undefined` while an exchange is on the wire. */
  get next(): Decision | undefined {
    return this.#decision;
  }

  /** A send may have reached the gateway, or did. */
  get exposed(): boolean {
    if (!isWrite(this.operation)) return false;
    const outcome = this.#settlement?.outcome;
    if (outcome !== undefined) return outcome !== 'rejected' && outcome !== 'unsent';
    return this.#state.landed || this.#isLeaving;
  }

  /** It may send, and does not only follow a ticket. */
  get sends(): boolean {
    return this.#options.followOnly !== true;
  }

  /** It is canceled at its deadline. */
  get cancels(): boolean {
    return this.#options.canceler !== undefined;
  }

  /** The write's own last answer, and that of the last status query. */
  get answers(): { readonly own: Answer | undefined; readonly status: Answer | undefined } {
    return { own: this.#own?.answer, status: this.#status?.answer };
  }

  /** What came from outside and was not acted on before the end: a notice believed at once, or what a read showed. */
  get notActedOn(): { readonly verdict: Verdict; readonly by: 'webhook' | 'query' } | undefined {
    if (this.#notice?.confirm === false) return { verdict: this.#notice.verdict, by: 'webhook' };
    return this.#shown && { verdict: this.#shown, by: 'query' };
  }

  /** Why nothing is known, as far as there is an error that tells. */
  get cause(): unknown {
    return this.#cause;
  }

  /** One more caller wants the ticket whenever it learns more, and `now`; the returned function ends that. */
  alsoNotify(onTicket: OnTicket, from: 'now' | 'next' = 'next'): () => void {
    return this.#keeper.alsoNotify(onTicket, from);
  }

  /** Stops when the signal aborts, with its reason; leaves no listener behind when it ends before. */
  stopOn(signal: AbortSignal | undefined): void {
    if (signal === undefined) return;
    if (signal.aborted) return this.stop(signal.reason);
    const forget = whenAborted(signal, () => this.stop(signal.reason));
    this.ended.then(forget, forget);
  }

  /** Ends every wait and exchange, for good. @param reason what `ended` rejects with */
  stop(reason: unknown = noLongerNeeded): void {
    this.#end(reason, false);
  }

  /** The same, for a fault of the caller's, his hook's or the adapter's: none that another try would mend. */
  fail(error: unknown): void {
    this.#end(error, true);
  }

  /**
   * One send, for the permit there is. Afterwards `next` says how it goes on.
   *
   * @param way how the request was prepared. Default: by the road of this intention
   * @throws what is the caller's, his hook's or the adapter's fault: bad input, no place for the ticket, an abort. It is
   * not sent again, and the intention is stopped.
   */
  async send(way?: Way): Promise<void> {
    const before = this.#state;
    this.#decision = undefined;
    try {
      await this.#onTheWire('send', signal => this.#send(before, way, signal));
    } catch (error) {
      this.fail(error);
      throw error;
    } finally {
      // Without an end it tells nothing.
      this.#tellCircuit('unsaid');
    }
    this.#isLeaving = false;
    await this.#storeLearnt();
    this.#arrive();
  }

  /** One status query, when it is time to ask. Afterwards `next` says how it goes on. */
  async ask(): Promise<void> {
    const polled = await this.#poll(this.#options.sharesQueries);
    if ('lineMs' in polled) {
      this.#observe({ type: 'in-line', lineMs: polled.lineMs });
      return this.#arrive();
    }
    const { verdict, judgement, retryAfter, incomplete, left } = polled;
    this.#observe({
      ...statusWith(verdict, judgement),
      left,
      incomplete: incomplete === true,
      ...this.#circumstances(),
      ...(retryAfter !== undefined && { retryAfterMs: retryAfter }),
    });
    if (this.#decision?.type !== 'settle') this.#status = undefined;
    await this.#storeLearnt();
    this.#arrive();
  }

  /** The one cancel at the deadline, for the permit there is. Afterwards `next` says how it goes on. */
  async cancel(): Promise<void> {
    const { canceler, hold } = this.#options;
    if (canceler === undefined) return;
    // Another process goes on with it.
    if (hold?.isLost === true) return this.stop(new UnresolvedError(this.ticket));
    this.#decision = undefined;
    const sinceMs = this.#nowMs();
    this.#mayCallOff = true;
    const told: { retryAfterMs?: number } = {};
    const gate: CancelGate = {
      isOpen: () => !this.over && !this.#isHeld && this.#nowMs() - sinceMs <= QUERY_HOLDS_MS,
      begins: () => undefined,
      left: () => void (this.#mayCallOff = false),
      answered(afterMs) {
        if (afterMs === undefined) delete told.retryAfterMs;
        else told.retryAfterMs = afterMs;
      },
    };
    const before = this.ticket;
    const cancel = await this.#onTheWire('cancel', async (signal): Promise<DeadlineCancel> => {
      if (!canceler.sparesPaid && !(await this.#keepCancel(canceler))) return { standing: 'not-sent' };
      return canceler.send(before, gate, signal);
    });
    this.#mayCallOff = false;
    if (!this.over) await this.#heedCancel(canceler, cancel, before);
    if (this.over) return;
    if (cancel.standing !== 'not-sent' || !this.#isHeld) {
      const { operation, standing, verdict } = cancel;
      this.#cancel = cancel;
      this.#record({
        type: 'cancel',
        standing,
        ...(operation !== undefined && { operation }),
        ...(verdict !== undefined && { verdict }),
      });
      this.#observe({ type: 'cancel', standing, sinceMs, ...this.#reach(), ...told });
    }
    // Else a notice came first, and says what comes next: nothing was sent.
    this.#arrive();
  }

  /** Before it leaves: who asks after this loop, or after a crash, is to know of it. @returns whether it may leave */
  async #keepCancel(canceler: Canceler): Promise<boolean> {
    this.#markCancel(canceler);
    return this.#storeCancel(canceler);
  }

  async #storeCancel(canceler: Canceler): Promise<boolean> {
    const { hold } = this.#options;
    if (hold !== undefined) return hold.learnt(this.ticket);
    try {
      await canceler.keep(this.ticket);
      return true;
    } catch (error) {
      this.#cause = error;
      return false;
    }
  }

  /** One that never left, or was refused, gives nothing back. */
  async #heedCancel(canceler: Canceler, { standing }: DeadlineCancel, before: Ticket): Promise<void> {
    const mayGiveBack = standing === 'accepted' || (standing === 'unknown' && !canceler.sparesPaid);
    const { mayBeGivenBackUntil: now } = this.#keeper.current;
    if (mayGiveBack ? now !== undefined : now === before.mayBeGivenBackUntil) return;
    if (mayGiveBack) this.#markCancel(canceler);
    else this.#keeper.mayBeGivenBack(before.mayBeGivenBackUntil);
    await this.#storeCancel(canceler);
  }

  #markCancel({ withinMs }: Canceler): void {
    const untilMs = this.#engine.clock.now() + Math.max(withinMs, GIVES_BACK_WITHIN_MS);
    this.#keeper.mayBeGivenBack(new Date(untilMs).toISOString());
  }

  /** One status query that decides nothing. Never throws for what the gateway or the network does. */
  async askOnce(): Promise<Verdict> {
    const polled = await this.#poll();
    return 'lineMs' in polled ? unknownOutcome('not-asked') : polled.verdict;
  }

  /** Where nothing is on the wire: a webhook is heeded before the next byte leaves, and an end is an end. */
  arrive(): void {
    this.#arrive();
  }

  /** Waits without a frame on the stack or a promise: a timer, and what follows it. */
  park(resume: () => void): void {
    const decision = this.#decision;
    if (decision?.type !== 'wait' || this.#stopped !== undefined) return;
    this.#record({ type: 'wait', delayMs: decision.delayMs, next: decision.next });
    const parked: Parked = {
      // Decided once the clock stands still: a process that slept finds all its timers due at once.
      cancel: this.#engine.clock.timer(decision.delayMs, () => void Promise.resolve().then(() => this.#unpark(parked))),
      resume,
    };
    this.#parked = parked;
    if (this.#hasNotice) this.#unpark(parked);
  }

  /**
   * A webhook about this payment: a wait ends at once, an exchange on the wire first.
   *
   * @param isOurs it is about this very payment: the ticket then says that the gateway has it
   */
  notify(judgement: Judgement, confirm: boolean, isOurs: boolean): void {
    if (this.over) return;
    if (isOurs) this.#learn(judgement);
    this.#record({ type: 'notice', verdict: judgement.verdict });
    if (judgement.conflict) this.#record({ type: 'conflict', code: judgement.verdict.code });
    this.#notice = weightier(this.#notice, { type: 'notice', verdict: judgement.verdict, confirm });
    if (this.#parked !== undefined) this.#unpark(this.#parked);
    else this.#callOff();
  }

  /** An unsigned notice: no more than a reason to ask at once, where a query is waited for. */
  hint({ verdict }: Judgement): void {
    if (this.over) return;
    this.#record({ type: 'notice', verdict });
    if (this.#parked !== undefined && this.#decision?.type === 'wait' && this.#decision.next === 'ask')
      this.#unpark(this.#parked, { type: 'hint' });
  }

  /** The gateway's notices have stopped: what is waited for longer than usual for one is waited for as usual. */
  doubtNotices(): void {
    if (this.#parked !== undefined && this.#state.usuallyDueMs !== undefined)
      this.#unpark(this.#parked, { type: 'quiet' });
  }

  /**
   * A read outside this loop has shown the payment: the gateway is asked before anything is sent, and no query makes it
   * absent. What is on the wire goes on, and so does the wait for a query.
   */
  learnFromOutside(verdict: Verdict, acknowledges: boolean): void {
    if (this.over) return;
    const { landed, seen } = this.#state;
    if (acknowledges) {
      this.#keeper.learn([], {}, true);
      this.#state = { ...this.#state, seen: true };
    }
    if (landed && seen) return;
    if (this.sends) this.#shown = verdict;
    if (this.#parked !== undefined && this.#hasNotice) this.#unpark(this.#parked);
    else if (this.#isHeld) this.#callOff();
  }

  /** Somebody has said how it stands before its cancel left: that is looked at first. */
  #callOff(): void {
    if (this.#mayCallOff) this.#exchange?.abort(noLongerNeeded);
  }

  /** The caller, or his hook, wants what is settled to be sent once more. Returns whether there is a permit for it. */
  sendAgain(): boolean {
    this.#observe({ type: 'again', barred: this.#barred() });
    if (this.#decision?.type !== 'send') return false;
    this.#settlement = undefined;
    return true;
  }

  /** A send without a permit was held back. */
  refuseResend(): void {
    this.#record({ type: 'resend-refused' });
  }

  /** Of a payment that is followed and still open: what is known, and in how many milliseconds its next step is due. */
  get left(): { readonly state: State; readonly dueInMs: number } {
    return { state: this.#state, dueInMs: this.#decision?.type === 'wait' ? this.#decision.delayMs : 0 };
  }

  /** What is left to say when something from outside ended it. */
  unresolved(cause?: unknown): Settlement {
    const verdict = this.#settlement?.verdict ?? this.timeline.lastVerdict ?? unknownOutcome('not-asked');
    return this.#settlementOf({ outcome: 'unresolved', verdict, settledBy: 'none' }, cause);
  }

  /** Another process had taken it over, and has left it unsent. */
  unsent(): Settlement {
    return this.#settlementOf({ outcome: 'unsent', verdict: stoodStill, settledBy: 'none' }, undefined);
  }

  /** What a notice about the payment is held against. */
  get subject(): Subject {
    return this.#subject('query');
  }

  get #elapsedMs(): number {
    return this.#nowMs() - this.#startedAtMs;
  }

  #end(reason: unknown, isFailure: boolean): void {
    const sent = this.#fields;
    this.#fields = {};
    if (this.over) return;
    this.#stopped = { reason, isFailure };
    this.#parked?.cancel();
    this.#parked = undefined;
    this.#tellCircuit('unsaid');
    if (!this.#isLeaving) this.#takeBack();
    this.#exchange?.abort(reason);
    this.#done?.reject(reason);
    const isLeft = reason === noLongerNeeded || reason === takenOver || isUnresolvedError(reason);
    const why = (): Pick<StoppedEntry, 'why' | 'error'> =>
      isFailure ? { why: 'fault', error: errorText(reason, [sent]) } : { why: isLeft ? 'left' : 'aborted' };
    this.timeline.stopped(why, this.#elapsedMs, this.#keeper.current);
  }

  async #onTheWire<T>(type: ExchangeType, exchange: (signal: AbortSignal) => Promise<T>): Promise<T> {
    if (this.#stopped !== undefined) throw this.#stopped.reason;
    const controller = new AbortController();
    this.#exchange = controller;
    try {
      return await this.timeline.enclose(type, this.#keeper.current, () => exchange(controller.signal));
    } finally {
      this.#exchange = undefined;
      if (this.#memory?.size === 0) this.#memory = undefined;
    }
  }

  async #send(before: State, given: Way | undefined, signal: AbortSignal): Promise<void> {
    const { operation } = this;
    const { attempts: attempt } = before;
    if (!before.repeatsSend) this.#sendId = undefined;
    const way = given ?? (await this.#prepare(operation, this.#fields, signal));
    signal.throwIfAborted();
    if (isWrite(operation)) await this.#storeBeforeSending(attempt, signal);
    this.#record({ type: 'send', attempt });
    const result: WireResult =
      way === undefined
        ? { type: 'lost', evidence: 'maybe-sent', code: 'hook', error: new Error(TAKEN_ELSEWHERE) }
        : await this.#exchangeOn(way, operation, this.#fields, signal, () => this.#leave());
    if (result.type === 'answered') return this.#receiveAnswer(before, result);
    this.#recordLost('send', result);
    if (!this.#isWanted && !this.#isLeaving) return this.stop();
    if (this.#isHeld && result.evidence === 'not-sent' && !this.#isLeaving) {
      // The notice decides what comes next. Nothing was sent: the permit was not used.
      this.#state = { ...before, attempts: attempt - 1 };
      return;
    }
    if (this.#heldBack !== notWritten) this.#cause = result.error;
    const verdict =
      result.code === 'held' && this.#heldBack !== undefined
        ? this.#heldBack
        : lost(operation.effect, result.evidence, result.code);
    const landed = result.evidence === 'maybe-sent';
    if (this.#isLeaving) this.#tellOfSend('down', result.code);
    this.#observe({ type: 'lost', verdict, landed, left: this.#isLeaving, ...this.#circumstances() });
  }

  #receiveAnswer(before: State, result: WireResult & { type: 'answered' }): void {
    const { adapter, clock } = this.#engine;
    const sent = this.#fields;
    const judgement = judge(
      adapter,
      exchangeOf(this.operation, sent, result, before.landed),
      isWrite(this.operation) ? ownSubject(this.#keeper.current) : undefined,
    );
    const { verdict } = judgement;
    const observed = answeredWith(judgement);
    this.#own = { ...result, processed: isAnswer(observed) };
    this.#recordJudged(judgement, {
      type: 'answer',
      attempt: before.attempts,
      status: result.answer.status,
      verdict,
    });
    const retryAfter = retryAfterMs(result.answer.headers, clock.now());
    this.#options.gate?.answered(retryAfter);
    this.#learn(judgement);
    this.#tellOfSend(healthIn(verdict, result.answer.status), verdict.code);
    this.#observe({
      ...observed,
      ...this.#circumstances(),
      ...(retryAfter !== undefined && { retryAfterMs: retryAfter }),
    });
    if (this.#decision?.type !== 'settle') this.#own = { ...this.#own, answer: lightened(result.answer) };
  }

  async #poll(together = false): Promise<Polled | InLine> {
    const { adapter } = this.#engine;
    const question = questionFor(adapter, this.operation, this.#keeper.current, this.#latestMs());
    if (question === undefined) return { verdict: unknownOutcome('not-asked'), left: false };
    if ('fault' in question) {
      this.#record({ type: 'adapter-fault', fault: question.fault });
      return { verdict: notAskedFor(question.fault), left: false };
    }
    const { asked, fields, incomplete, kind } = question;
    const poll = this.#keeper.current.polls + 1;
    this.#keeper.update({ polls: poll });
    const shared = together ? await this.#askTogether(question, poll) : undefined;
    if (shared !== undefined) return shared;
    this.#record({ type: 'ask', poll });
    const { result, left } = await this.#onTheWire('ask', signal => this.#askOnTheWire(question, signal));
    if (result.type === 'lost') return this.#lostPoll(result, left);
    const judgement = judge(adapter, exchangeOf(asked, fields, result, false), this.#subject(kind));
    return { ...this.#answeredPoll(poll, result, judgement), left, incomplete };
  }

  #lostPoll(result: WireResult & { type: 'lost' }, left: boolean): Polled {
    const { evidence, code, error } = result;
    this.#recordLost('poll', result);
    this.#cause = error;
    if (left) this.#engine.circuits?.asked(this.operation.name, 'down');
    return { verdict: lost('read', evidence, code), left };
  }

  #answeredPoll(poll: number, found: ReadAnswer, judgement: Judgement): Omit<Polled, 'left'> {
    this.#status = found;
    const { verdict } = judgement;
    const { status, headers } = found.answer;
    this.#engine.circuits?.asked(this.operation.name, healthIn(verdict, status));
    this.#recordJudged(judgement, { type: 'status', poll, status, verdict });
    this.#learn(judgement);
    return { verdict, judgement, retryAfter: retryAfterMs(headers, this.#engine.clock.now()) };
  }

  /**
   * By one request for several payments, as far as its answer shows this one plainly. `undefined`: it is to be asked
   * about alone, since nobody else asks now, or the answer leaves a doubt. That there is no such order is always asked
   * alone.
   */
  async #askTogether(
    { kind, asked, fields, incomplete }: Question,
    poll: number,
  ): Promise<Polled | InLine | undefined> {
    const { adapter, batches } = this.#engine;
    const { road, attemptTimeoutMs: timeoutMs } = this.#options;
    const asksAlone = this.#asksAlone;
    this.#asksAlone = false;
    const batch = kind === 'query' && !asksAlone ? this.#sharedQuery : undefined;
    if (batch === undefined || incomplete || this.#state.needsToken) return undefined;
    const together = await batches;
    if (together === undefined) return undefined;
    // Before the deadline there must be time left to ask alone after it.
    if (this.#nowMs() + together.windowMs + timeoutMs >= deadlineOf(this.#state)) return undefined;
    const ticket = this.#keeper.current;
    const isUrgent = (ticket.charge === true && this.#elapsedMs < AT_THE_TILL_MS) || this.#unconfirmed !== undefined;
    const onAsking = (sharedBy: number): void => this.#record({ type: 'ask', poll, sharedBy });
    const said = await this.#onTheWire('ask', signal =>
      together.ask({
        batch,
        asked,
        ticket,
        fields,
        road,
        timeoutMs,
        turn: this.#turnOf(false),
        isUrgent,
        signal,
        onAsking,
      }),
    );
    if (said?.type === 'lost') return this.#lostPoll(said.result, said.left);
    if (said?.type === 'not-now')
      return { ...this.#answeredPoll(poll, { ...said, body: undefined }, said.judgement), left: true };
    if (said === undefined) return undefined;
    if (said.type === 'at-its-turn' || said.type === 'off') return isUrgent ? undefined : this.#lineUp(poll, said.type);
    if (said.type === 'part') {
      const judgement = judge(adapter, exchangeOf(asked, fields, said, false), this.#subject(kind));
      if (together.isPlain(judgement)) return { ...this.#answeredPoll(poll, said, judgement), left: true };
    }
    return this.#putOff(poll, said.answer);
  }

  /** Many whose request was in vain are not all asked about at once. `undefined`: it is, now. */
  #lineUp(poll: number, why: 'at-its-turn' | 'off'): InLine | undefined {
    const isLoop = this.#options.stepped !== true && this.#options.isBackground !== true;
    const needsPlace = why === 'at-its-turn' || this.#standsNowhere;
    this.#standsNowhere = false;
    const lineMs = isLoop && needsPlace ? this.#engine.crowd() : 0;
    if (lineMs === 0) return undefined;
    this.#asksAlone = true;
    // Its query is still to come.
    this.#keeper.update({ polls: poll - 1 });
    return { lineMs };
  }

  /** It is to be asked about alone, but not before `Retry-After`. `undefined`: at once. */
  #putOff(poll: number, { status, headers }: Answer): Polled | undefined {
    const retryAfter = retryAfterMs(headers, this.#engine.clock.now()) ?? 0;
    if (retryAfter === 0) return undefined;
    this.#asksAlone = true;
    const verdict = unknownOutcome('list');
    this.#record({ type: 'status', poll, status, verdict });
    return { verdict, retryAfter, left: true };
  }

  async #askOnTheWire(
    { asked, fields }: Question,
    signal: AbortSignal,
  ): Promise<{ result: WireResult; left: boolean }> {
    let left = false;
    const notSent = (error: unknown): WireResult => ({ type: 'lost', evidence: 'not-sent', code: 'hook', error });
    let way: Way | undefined;
    try {
      way = await this.#prepare(asked, fields, signal);
    } catch (error) {
      signal.throwIfAborted();
      return { result: notSent(error), left };
    }
    if (way === undefined) return { result: notSent(new Error(TAKEN_ELSEWHERE)), left };
    const result = await this.#exchangeOn(way, asked, fields, signal, () => (left = true));
    return { result, left };
  }

  #prepare(operation: Operation, fields: Fields, signal: AbortSignal): Way | Promise<Way | undefined> {
    const way = this.#options.road(operation, fields, signal);
    return way instanceof Promise ? orAbort(way, signal) : way;
  }

  #exchangeOn(
    { headers, fetch }: Way,
    operation: Operation,
    fields: Fields,
    signal: AbortSignal,
    onLeaving: () => boolean | Promise<boolean>,
  ): Promise<WireResult> {
    const { adapter, clock, wire } = this.#engine;
    const { attemptTimeoutMs, idempotencyKey, encoding } = this.#options;
    const isOwn = operation === this.operation;
    return wire({
      operation,
      fields,
      ...this.#turnOf(isOwn),
      encoding: (isOwn ? encoding : undefined) ?? encodingOf(adapter, operation),
      headers,
      fetch,
      timeoutMs: attemptTimeoutMs,
      signal,
      context: {
        openedAtMs: Date.parse(this.#keeper.current.openedAt),
        sendId: isOwn ? (this.#sendId ??= newSendId(clock)) : newSendId(clock),
        ...(idempotencyKey !== undefined && { idempotencyKey }),
        reauthenticate: this.#state.needsToken,
        memory: (this.#memory ??= new Map<string, string>()),
      },
      onLeaving,
    });
  }

  /** How others are asked about in one request with it, where that is wanted. */
  get #sharedQuery(): BatchQuery | undefined {
    if (this.#engine.batches === undefined || this.#options.sharesQueries !== true) return undefined;
    return isWrite(this.operation) ? this.operation.query?.batch : undefined;
  }

  /** What it is to those who wait for a slot or a permit, and for how long it can wait. */
  #turnOf(isSend: boolean): Pick<WireRequest, 'urgency' | 'patienceMs'> {
    const { attempts, landed, plan } = this.#state;
    const { attemptTimeoutMs, isBackground } = this.#options;
    const nowMs = this.#nowMs();
    const leftMs = Math.max(0, deadlineOf(this.#state) - nowMs);
    if (this.#options.gate !== undefined) return { urgency: 'cancel', patienceMs: Math.min(leftMs, QUERY_HOLDS_MS) };
    if (isSend && isWrite(this.operation)) {
      const isFirst = attempts <= 1 && !landed;
      if (!isFirst) return { urgency: 're-send', patienceMs: leftMs };
      // The policy may have no time for a query at all.
      return {
        urgency: plan.charge === true ? 'charge' : 'first-send',
        patienceMs: Math.max(leftMs, attemptTimeoutMs),
      };
    }
    const patienceMs = leftMs + attemptTimeoutMs;
    if (isBackground === true) return { urgency: 'background', patienceMs };
    if (leftMs <= attemptTimeoutMs && !isSend) return { urgency: 'last-query', patienceMs };
    const isYoung = nowMs - plan.openedAtMs < YOUNG_FOR_MS && !(isSend && attempts > 1);
    const urgency = !isYoung ? 'old-query' : plan.charge === true ? 'charge-query' : 'young-query';
    return { urgency, patienceMs };
  }

  #observe(observation: Observation): void {
    const before = this.#state;
    const { state, decision } = decide(before, observation, this.#moment());
    this.#state = state;
    this.#decision = decision;
    this.#pay(decision);
    const isConfirmed = decision.type === 'settle' && decision === before.end;
    if (observation.type === 'notice' && !isConfirmed)
      this.#unconfirmed = decision.type === 'ask' ? observation.verdict : undefined;
    else if (observation.type === 'status') this.#compareWithNotice(decision);
  }

  /** A webhook and the query that was to confirm it contradict each other: both are in the timeline. */
  #compareWithNotice(decision: Decision): void {
    if (decision.type !== 'settle' || decision.verdict.kind !== 'terminal' || this.#unconfirmed?.kind !== 'terminal')
      return;
    const { conflict } = reconcile(this.#unconfirmed.outcome, decision.verdict.outcome);
    if (conflict) this.#record({ type: 'conflict', code: decision.verdict.code });
  }

  #arrive(): void {
    if (this.#stopped !== undefined) return;
    this.#heedNotice();
    if (this.#decision?.type === 'settle') this.#conclude(this.#decision);
  }

  /**
   * A webhook that came while an exchange was on the wire, or before the next one, counts before a send, and before
   * an end is given. A wait looks at it by itself, and a query that is due is made first.
   */
  #heedNotice(): void {
    const next = this.#decision;
    if (next?.type === 'wait' || next?.type === 'ask') return;
    const notice = this.#takeNotice();
    if (notice !== undefined) this.#observe(notice);
  }

  /** A wait is over, or a webhook ends it. */
  #unpark(parked: Parked, otherwise: Observation = { type: 'due' }): void {
    if (this.#parked !== parked) return;
    this.#parked = undefined;
    parked.cancel();
    try {
      this.#observe(this.#takeNotice() ?? otherwise);
      this.#arrive();
    } catch (error) {
      // A policy of the caller's own may throw.
      return this.fail(error);
    }
    parked.resume();
  }

  /** What came from outside counts before what is decided. */
  get #hasNotice(): boolean {
    return this.#notice !== undefined || (this.#shown !== undefined && permitsSend(this.#decision));
  }

  /** Whoever sends it at his deadline still wants it. */
  get #isWanted(): boolean {
    return this.#options.gate?.isOpen() ?? true;
  }

  /** A send that is being prepared does not leave. */
  get #isHeld(): boolean {
    return this.#notice !== undefined || this.#shown !== undefined;
  }

  #takeNotice(): NoticeObservation | undefined {
    if (!this.#hasNotice) return undefined;
    // Where it cannot be asked about, what was read elsewhere is not how it ends.
    const shown: NoticeObservation = { type: 'notice', verdict: unknownOutcome('not-asked'), confirm: true };
    const notice = this.#notice ?? shown;
    if (notice === shown) this.#shown = undefined;
    this.#notice = undefined;
    return { ...notice, ...this.#circumstances() };
  }

  /** The settled decision, carried out once. */
  #conclude({ outcome, verdict, settledBy }: Decision & { type: 'settle' }): void {
    if (this.#settlement !== undefined) return;
    if (this.#cancel !== undefined && verdict.reason === 'conflict')
      this.#record({ type: 'conflict', code: verdict.code });
    const cause = outcome === 'unresolved' || outcome === 'unsent' ? this.#cause : undefined;
    this.#record({ type: 'settled', outcome, settledBy }, () => this.#detailsOf(verdict, cause));
    this.#settlement = this.#settlementOf({ outcome, verdict, settledBy }, cause);
    if (this.#cancel !== undefined) this.#options.canceler?.settled(this.#cancel, this.#settlement);
    this.#done?.resolve(this.#settlement);
    // A read may be asked again.
    if (isWrite(this.operation)) this.#fields = {};
  }

  #settlementOf(end: Pick<Settlement, 'outcome' | 'verdict' | 'settledBy'>, cause: unknown): Settlement {
    return settledAs({
      end,
      operation: this.operation,
      ticket: this.ticket,
      state: this.#state,
      own: this.#own,
      status: this.#status,
      cancel: this.#cancel ?? cancelOf(this.#state),
      elapsedMs: this.#elapsedMs,
      timeline: this.timeline.entries(),
      cause,
    });
  }

  /**
   * The first byte is about to leave: from here absence counts, and the ticket says so. What may have landed before is
   * sent again only on the strength of a key that the provider still knows when the bytes arrive, however long slot,
   * token and signature took.
   */
  #leave(): boolean | Promise<boolean> {
    // A verified notice came while it stood in the queue or was signed: that is heeded first.
    if (this.#isHeld || !this.#isWanted) return false;
    if (isWrite(this.operation)) {
      const isTooOld = this.#state.landed && isForgotten(this.#state, this.#moment());
      this.#heldBack = isTooOld ? keyTooOld : undefined;
      if (isTooOld) return false;
      if (!this.#passCircuit()) return false;
      this.#markSent();
      const { hold } = this.#options;
      if (hold !== undefined) return this.#leaveDurably(hold);
      this.#keeper.changed();
    }
    this.#left();
    return true;
  }

  /** Many may have stood in the queue when it opened. */
  #passCircuit(): boolean {
    const { circuits } = this.#engine;
    if (circuits === undefined) return true;
    this.#pass = circuits.leave(this.operation.name);
    if (this.#pass === undefined) this.#heldBack = circuitOpen;
    return this.#pass !== undefined;
  }

  /** A journal knows of it before the first byte leaves, and has the last word on whether it may. */
  async #leaveDurably(hold: Hold): Promise<boolean> {
    const { attemptTimeoutMs } = this.#options;
    let isOurs: boolean;
    const { seen, reference } = this.#keeper.current;
    this.#journaled = JSON.stringify([seen, reference]);
    try {
      isOurs = await hold.leaving(this.ticket, attemptTimeoutMs);
    } catch (error) {
      if (isInputError(error)) throw error;
      this.#cause = error;
      this.#heldBack = notWritten;
      return false;
    }
    if (hold.isLost) this.stop(new UnresolvedError(this.ticket));
    else if (!isOurs) this.#shown ??= unknownOutcome('not-asked');
    // A notice came while it was stored, or this process stood still for long.
    if (isOurs && !hold.mayLeave(attemptTimeoutMs)) this.#heldBack = stoodStill;
    if (!isOurs || this.#isHeld || !this.#isWanted || this.#heldBack !== undefined) return false;
    this.#keeper.changed();
    this.#left();
    return true;
  }

  #left(): void {
    this.#sendTimes.leave();
    this.#isLeaving = true;
    this.#options.gate?.left();
  }

  /** Write-ahead: the caller has the ticket before the first byte leaves, and a failure to store it stops the send. */
  async #storeBeforeSending(attempt: number, signal: AbortSignal): Promise<void> {
    if (attempt > 1 || this.#options.mayHaveBeenSent === true) this.#markSent();
    if (this.#keeper.isStored) return this.#keeper.changed();
    this.#record({ type: 'ticket', seen: this.#keeper.current.seen });
    const storing = this.#keeper.storeFirst();
    if (storing !== undefined) await orAbort(storing, signal);
  }

  #markSent(): void {
    this.#keeper.update({ lastSentAt: new Date(this.#engine.clock.now()).toISOString() });
  }

  /** What the gateway has told of an open payment outlives this process: that it has the order, and its number there. */
  async #storeLearnt(): Promise<void> {
    const { hold } = this.#options;
    if (hold === undefined || this.#decision?.type === 'settle') return;
    const { seen, reference } = this.#keeper.current;
    const known = JSON.stringify([seen, reference]);
    if (known === this.#journaled) return;
    this.#journaled = known;
    await hold.learnt(this.ticket);
  }

  /** What an answer adds to the ticket. */
  #learn({ reference, acknowledges }: Judgement): void {
    if (isWrite(this.operation)) this.#keeper.learn(this.operation.learns ?? [], reference, acknowledges);
  }

  #recordJudged({ verdict: { code }, fault, unlisted, conflict }: Judgement, fact: TimelineFact): void {
    this.#record(fact);
    if (fault !== undefined) this.#record({ type: 'adapter-fault', fault });
    if (unlisted) this.#record({ type: 'unlisted', code });
    if (conflict) this.#record({ type: 'conflict', code });
  }

  #record(fact: TimelineFact, details?: () => Details): void {
    this.timeline.record(fact, this.#elapsedMs, this.#keeper.current, details);
  }

  #recordLost(of: 'send' | 'poll', { evidence, code, error }: WireResult & { type: 'lost' }): void {
    this.#record({ type: 'lost', of, evidence, code }, () => ({ error: this.#textOf(error) }));
  }

  /** What an error says, without what is secret, or was sent. */
  #textOf(error: unknown): string {
    return errorText(error, [this.#fields]);
  }

  /** What an end says to the gateway's listeners. */
  #detailsOf({ code, reason }: Verdict, cause: unknown): Details {
    const { openedAt, polls } = this.#keeper.current;
    return {
      ...{ code: printable(code), reason, attempts: this.#state.attempts, polls },
      openForMs: Math.max(0, this.#engine.clock.now() - Date.parse(openedAt)),
      ...(cause !== undefined && { error: this.#textOf(cause) }),
    };
  }

  /** What stands against a send now: for the first one, the circuit alone. */
  #barred(): Barred | undefined {
    const { circuits, quotas } = this.#engine;
    const { name } = this.operation;
    if (!this.sends) return undefined;
    if (isWrite(this.operation) && circuits?.admits(name) === false) return 'circuit';
    const isPaid = this.#state.attempts === 0 || this.#paid > 0;
    return isPaid || quotas === undefined || quotas.canPay(name, this.#timedOut) ? undefined : 'quota';
  }

  /** A re-send that is decided on is paid for at once, and given back where it does not come to it. */
  #pay(decision: Decision): void {
    const { attempts, needsToken } = this.#state;
    const isResend =
      decision.type === 'send' ? attempts > 1 : decision.type === 'wait' && decision.next === 'send' && attempts > 0;
    if (!isResend) return this.#takeBack();
    if (this.#paid === 0 && !needsToken)
      this.#paid = this.#engine.quotas?.take(this.operation.name, this.#timedOut) ?? 0;
  }

  #takeBack(): void {
    if (this.#paid > 0) this.#engine.quotas?.giveBack(this.operation.name, this.#paid);
    this.#paid = 0;
  }

  /** What a send that has left tells of the gateway. */
  #tellOfSend(health: Health, code: string): void {
    this.#tellCircuit(health, code);
    if (health === 'up') this.#engine.quotas?.succeeded(this.operation.name, this.#paid);
    this.#paid = 0;
    this.#timedOut = code === 'timeout';
  }

  #tellCircuit(health: Health, code = ''): void {
    if (this.#pass !== undefined) this.#engine.circuits?.sent(this.operation.name, this.#pass, health, code);
    this.#pass = undefined;
  }

  #moment(): Moment {
    const moment = momentOf(this.#engine.clock, this.#nowMs);
    const withinMs = this.#engine.notices.watch?.withinMs(this.operation.name);
    if (withinMs === undefined) return moment;
    const atMostMs = this.#options.stepped === true ? MOST_RARELY_STEPPED_MS : MOST_RARELY_MS;
    return { ...moment, notices: { withinMs, atMostMs } };
  }

  /** A window of time that ends now must not end before the send because the clock was set back. */
  #latestMs(): number {
    return Math.max(this.#engine.clock.now(), this.#nowMs());
  }

  #reach(onFault?: (fault: AdapterFault) => void): { askable: boolean; lookable: boolean } {
    return reach(this.#engine.adapter, this.operation, this.#keeper.current, this.#latestMs(), onFault);
  }

  #circumstances(): { askable: boolean; lookable: boolean; barred: Barred | undefined } {
    return { ...this.#reach(), barred: this.#barred() };
  }

  /** What the gateway's word on the payment is held against. */
  #subject(kind: Question['kind']): Subject {
    const { followOnly, mayHaveBeenSent, earlierNumbers, ownersFor } = this.#options;
    const ticket = this.#keeper.current;
    const nowMs = Math.min(this.#nowMs(), this.#engine.clock.now() + ONE_TIME_MS);
    const subject = subjectOfTicket(this.operation, ticket, this.#state.refused, nowMs);
    // It is the other order that is asked about, whenever that was made.
    if (this.#state.askedOnce === true) return { ...subject, repeats: false };
    // An earlier run may have sent since the ticket was opened; without its ticket it is not known when.
    const isSentBefore = followOnly === true || mayHaveBeenSent === true;
    const since = isSentBefore ? (ticket.ageUnknown === true ? 'nothing' : 'opened') : 'first-send';
    return {
      ...subject,
      sends: this.#sendTimes.span(since),
      ...(earlierNumbers !== undefined && { earlierNumbers }),
      ...(kind === 'lookUp' && { lookUp: ownersFor(ticket) }),
    };
  }
}

/** None was sent: what its last query has shown was not open. */
const cancelOf = ({ cancel }: State): DeadlineCancel | undefined => cancel && { standing: cancel.standing };

/** It leads to a send, or to an end after which the same may simply be sent. */
function permitsSend(decision: Decision | undefined): boolean {
  if (decision?.type === 'wait') return decision.next === 'send';
  if (decision?.type !== 'settle') return decision?.type !== 'ask';
  return decision.outcome !== 'unresolved' && decision.verdict.kind !== 'terminal';
}

/** Of two notices that came while something was on the wire: the one that says more. Two ends that differ are asked about. */
function weightier(before: NoticeObservation | undefined, next: NoticeObservation): NoticeObservation {
  if (before === undefined) return next;
  const [one, other] = [endOf(before), endOf(next)];
  if (one !== undefined && other !== undefined)
    return { ...next, confirm: one !== other || (before.confirm && next.confirm) };
  return one !== undefined ? before : next;
}

const endOf = ({ verdict }: NoticeObservation): string | undefined =>
  verdict.kind === 'terminal' && verdict.outcome !== 'rejected' && verdict.outcome !== 'created'
    ? verdict.outcome
    : undefined;

/** A write's own answer is held against its ticket; a read of the drop-in client against what it asked. */
const ownSubject = ({ reference, expect }: Ticket): Subject => ({
  reference,
  ...(expect !== undefined && { expect }),
});

const exchangeOf = (
  { name }: Operation,
  fields: Fields,
  { answer, body }: ReadAnswer,
  mayHaveLanded: boolean,
): Exchange => ({
  operation: name,
  mayHaveLanded,
  sent: { ...fields },
  status: answer.status,
  headers: answer.headers,
  body,
});

/** @throws {InputError} naming the adapter's bug */
function refuseToSend({ name }: Adapter, fault: AdapterFault): never {
  throw new InputError(`${name}: ${adviceOn(fault)} Nothing was sent.`);
}
