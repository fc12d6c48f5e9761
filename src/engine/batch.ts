import { callTime, newSendId, noLongerNeeded, orAbort, type Clock } from '../clock.ts';
import { faultOf, type AdapterFault } from '../core/adapter-fault.ts';
import { judge, type Judgement } from '../core/doctrine.ts';
import type { BatchQuery, Fields, Operation } from '../core/operation.ts';
import type { BatchOffEvent } from '../core/events.ts';
import type { Ticket } from '../core/ticket.ts';
import type { Adapter } from '../kit/adapter.ts';
import { BATCH_WINDOW_MS, type BatchPolicy } from '../policies/policy.ts';
import { BatchSwitch } from './batch-switch.ts';
import { encodingOf } from './encode.ts';
import type { Road } from './way.ts';
import { urgencies } from './line.ts';
import type { Answer, Wire, WireRequest, WireResult } from './wire.ts';

/**
 * Status queries that are due at about the same time share one request, where the adapter knows how. What comes back is
 * cut up: each payment gets what its own query would have been answered, and reads it by its own rules. What an answer
 * does not show of an order for sure is not said here: that order is asked about alone.
 */
export interface Batches {
  /** How long one that is not urgent waits for others, at most. */
  readonly windowMs: number;
  /**
   * Joins those that wait. `undefined`: it is to be asked about alone, now.
   *
   * @throws the signal's reason, at once when it aborts: the others go on without this one
   */
  ask(asking: Asking): Promise<Shared | undefined>;
  /** Whether a part says in a listed way what became of the order: what it leaves open is asked about alone. */
  isPlain(judgement: Judgement): boolean;
}

/** One payment's status query. */
export interface Asking {
  readonly batch: BatchQuery;
  readonly asked: Operation;
  readonly ticket: Ticket;
  /** Its own query's. */
  readonly fields: Fields;
  readonly road: Road;
  readonly timeoutMs: number;
  /** What its own query would be to those who wait for a slot or a permit. */
  readonly turn: Pick<WireRequest, 'urgency' | 'patienceMs'>;
  /** Somebody waits for it: it goes at once, with all that is there. */
  readonly isUrgent: boolean;
  readonly signal: AbortSignal;
  /** Called when they are asked about, with how many they are. */
  readonly onAsking: (sharedBy: number) => void;
}

export type Shared =
  /** What of the answer is about this order, as its own query would have been answered. */
  | { readonly type: 'part'; readonly answer: Answer; readonly body: unknown }
  /** The gateway has answered no query now (busy, too many requests, a page of HTML): it is so for each of them. */
  | { readonly type: 'not-now'; readonly answer: Answer; readonly judgement: Judgement }
  /** It wants no question for a while, and shows nothing of this order: that one is asked about alone, afterwards. */
  | { readonly type: 'later'; readonly answer: Answer }
  /** It was asked together, and that told of none: each is asked about alone, but not all of them at once. */
  | { readonly type: 'at-its-turn' }
  /** Nothing is asked together for a while. */
  | { readonly type: 'off' }
  /** No answer: each has lost its query. */
  | { readonly type: 'lost'; readonly result: WireResult & { type: 'lost' }; readonly left: boolean };

export interface BatchParts {
  readonly adapter: Adapter;
  readonly clock: Clock;
  readonly wire: Wire;
  readonly policy: BatchPolicy;
  readonly onFault: (fault: AdapterFault) => void;
  readonly inform: (event: BatchOffEvent) => void;
}

export function createBatches(parts: BatchParts): Batches {
  const { windowMs = BATCH_WINDOW_MS } = parts.policy;
  const nowMs = callTime(parts.clock);
  const waiting = new Set<Round>();
  const switches = new Map<BatchQuery, BatchSwitch>();
  const switchOf = ({ batch, asked }: Asking): BatchSwitch => {
    let found = switches.get(batch);
    if (found === undefined) {
      const { adapter, clock, inform } = parts;
      const of = { gateway: adapter.name, operation: asked.name, reference: {} };
      found = new BatchSwitch(nowMs, (code, forMs) =>
        inform({ type: 'batch-off', at: new Date(clock.now()).toISOString(), elapsedMs: 0, ...of, code, forMs }),
      );
      switches.set(batch, found);
    }
    return found;
  };
  return {
    windowMs,
    isPlain,
    ask(asking) {
      const { batch, signal } = asking;
      if (signal.aborted) return Promise.reject(signal.reason);
      const state = switchOf(asking);
      if (state.isOff) return Promise.resolve({ type: 'off' });
      if (!canShare(parts, asking, state)) return Promise.resolve(undefined);
      let round = [...waiting].find(each => each.takes(asking));
      if (round === undefined) {
        const most = Math.min(parts.policy.most ?? batch.most, batch.most);
        const opened: Round = new Round(parts, asking, {
          most,
          windowMs,
          state,
          onClosed: () => waiting.delete(opened),
        });
        round = opened;
        waiting.add(round);
      }
      return round.join(asking);
    },
  };
}

const atTheirTurn = (seats: readonly Seat[]): Shared[] => seats.map(() => ({ type: 'at-its-turn' }));

const isPlain: Batches['isPlain'] = ({ verdict, unlisted, fault, conflict, isOfOtherOrder }) =>
  verdict.listed &&
  verdict.reason !== 'not-found' &&
  verdict.kind !== 'retryable' &&
  !(verdict.kind === 'terminal' && verdict.outcome === 'rejected') &&
  !(unlisted || conflict || isOfOtherOrder || fault !== undefined);

/** Whether it can be asked about with others at all. */
function canShare({ onFault }: BatchParts, { batch, asked, ticket, fields }: Asking, state: BatchSwitch): boolean {
  try {
    return batch.fields([{ ticket, fields }]) !== undefined;
  } catch (error) {
    const fault = faultOf(asked.name, 'batch.fields', error, [ticket.reference]);
    onFault(fault);
    state.turnOff(`adapter/${fault.part}`);
    return false;
  }
}

interface Terms {
  readonly most: number;
  readonly windowMs: number;
  readonly state: BatchSwitch;
  /** It waits for nobody any more. */
  readonly onClosed: () => void;
}

interface Seat {
  readonly asking: Asking;
  readonly resolve: (shared: Shared | undefined) => void;
}

const patienceOf = ({ asking }: Seat): number => asking.turn.patienceMs ?? Infinity;
const longestOf = (seats: readonly Seat[]): number => Math.max(...seats.map(patienceOf));

/** Those that wait for each other, and then their one request. */
class Round {
  readonly #parts: BatchParts;
  readonly #first: Asking;
  readonly #terms: Terms;
  readonly #seats = new Set<Seat>();
  readonly #controller = new AbortController();
  #cancelTimer: (() => void) | undefined;
  #isSoon = false;

  constructor(parts: BatchParts, first: Asking, terms: Terms) {
    this.#parts = parts;
    this.#first = first;
    this.#terms = terms;
    this.#closeIn(terms.windowMs);
  }

  /** It would be the same request: the same query over the same road, with as much time. */
  takes({ batch, asked, road, timeoutMs }: Asking): boolean {
    const first = this.#first;
    return batch === first.batch && asked === first.asked && road === first.road && timeoutMs === first.timeoutMs;
  }

  join(asking: Asking): Promise<Shared | undefined> {
    const { signal, isUrgent } = asking;
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        signal.removeEventListener('abort', onAbort);
        this.#seats.delete(seat);
      };
      const seat: Seat = {
        asking,
        resolve(shared) {
          leave();
          resolve(shared);
        },
      };
      const onAbort = (): void => {
        leave();
        reject(signal.reason);
        // Nobody is left who would want the answer.
        if (this.#seats.size === 0) this.#end();
      };
      signal.addEventListener('abort', onAbort);
      this.#seats.add(seat);
      if (this.#seats.size >= this.#terms.most) this.#close();
      else if (isUrgent && !this.#isSoon) {
        // Those that are due at this very moment go with it.
        this.#isSoon = true;
        this.#closeIn(0);
      }
    });
  }

  #closeIn(delayMs: number): void {
    this.#cancelTimer?.();
    this.#cancelTimer = this.#parts.clock.timer(delayMs, () => this.#close());
  }

  #end(): void {
    this.#cancelTimer?.();
    this.#terms.onClosed();
    this.#controller.abort(noLongerNeeded);
  }

  #close(): void {
    this.#cancelTimer?.();
    this.#terms.onClosed();
    const seats = [...this.#seats];
    if (seats.length < 2) return this.#handOut([]);
    void this.#ask(seats).then(
      shared => this.#handOut(seats, shared),
      // A hook of the user's, or the adapter, threw: each meets that by itself.
      () => {
        if (!this.#controller.signal.aborted) this.#terms.state.failed('hook');
        this.#handOut(seats, atTheirTurn(seats));
      },
    );
  }

  /** @param shared what each of `seats` is told. Default: it is asked about alone */
  #handOut(seats: readonly Seat[], shared: readonly (Shared | undefined)[] = []): void {
    for (const seat of this.#seats) seat.resolve(shared[seats.indexOf(seat)]);
  }

  async #ask(seats: readonly Seat[]): Promise<readonly (Shared | undefined)[]> {
    const { adapter } = this.#parts;
    const { batch, asked } = this.#first;
    const operation = adapter.operations[batch.operation ?? asked.name];
    const fields = batch.fields(seats.map(({ asking: { ticket, fields: own } }) => ({ ticket, fields: own })));
    if (operation === undefined || fields === undefined) return [];
    for (const { asking } of seats) asking.onAsking(seats.length);
    const memory = new Map<string, string>();
    for (const reauthenticate of [false, true]) {
      const { result, left } = await this.#exchange(seats, operation, fields, memory, reauthenticate);
      if (result.type === 'lost') {
        // That there was no turn for it, or that nobody wants it any more, is no fault of the gateway's.
        if (result.code !== 'limit' && !this.#controller.signal.aborted) this.#terms.state.failed(result.code);
        return seats.map(() => ({ type: 'lost', result, left }));
      }
      const { answer } = result;
      const wantsNone = answer.headers.has('retry-after');
      const orLater = (part: Shared | undefined): Shared | undefined =>
        part ?? (wantsNone ? { type: 'later', answer } : part);
      const shared = this.#partsOf(seats, fields, result);
      if (shared.some(part => part !== undefined)) {
        this.#terms.state.succeeded();
        return shared.map(orLater);
      }
      const judgement = saidToAll(adapter, operation, fields, result);
      const verdict = judgement?.verdict;
      // The machine's token was refused: once, and for all of them, with another one.
      const isForToken = verdict?.kind === 'retryable' && verdict.remedy === 'reauthenticate';
      if (isForToken && !reauthenticate) continue;
      if (verdict?.kind === 'terminal') this.#terms.state.turnOff(verdict.code);
      else this.#terms.state.failed(verdict?.code ?? 'list');
      return judgement !== undefined && judgement.verdict.kind === 'retryable'
        ? seats.map(() => ({ type: 'not-now', answer, judgement }))
        : seats.map(() => orLater(undefined) ?? { type: 'at-its-turn' });
    }
    return [];
  }

  #partsOf(
    seats: readonly Seat[],
    sent: Fields,
    result: WireResult & { type: 'answered' },
  ): readonly (Shared | undefined)[] {
    const { status } = result.answer;
    return status >= 200 && status < 300 ? seats.map(seat => this.#partFor(seat, sent, result)) : [];
  }

  #partFor({ asking }: Seat, sent: Fields, { answer, body }: WireResult & { type: 'answered' }): Shared | undefined {
    const { batch, asked, fields } = asking;
    try {
      const part = batch.part(body, fields, sent);
      return part === undefined ? undefined : { type: 'part', body: part, answer: cut(answer, part) };
    } catch (error) {
      this.#parts.onFault(faultOf(asked.name, 'batch.part', error, [body, sent]));
      return undefined;
    }
  }

  /** As urgent as the most urgent of them, and for as long as the one with the most time can wait. */
  #turnOf(seats: readonly Seat[]): Asking['turn'] {
    const turns = seats.map(({ asking }) => asking.turn);
    const urgency = urgencies.find(each => turns.some(turn => turn.urgency === each)) ?? 'background';
    return { urgency, patienceMs: Math.max(0, longestOf(seats) - this.#first.timeoutMs) };
  }

  /** Who has less time than the others leaves while it can still be asked about alone. @returns ends that */
  #letTheShortLeave(seats: readonly Seat[]): () => void {
    const { timeoutMs } = this.#first;
    const longestMs = longestOf(seats);
    const timers = seats.flatMap(seat => {
      const ms = patienceOf(seat);
      if (ms >= longestMs) return [];
      return [this.#parts.clock.timer(Math.max(0, ms - 2 * timeoutMs), () => seat.resolve(undefined))];
    });
    return () => {
      for (const cancel of timers) cancel();
    };
  }

  async #exchange(
    seats: readonly Seat[],
    operation: Operation,
    fields: Fields,
    memory: Map<string, string>,
    reauthenticate: boolean,
  ): Promise<{ result: WireResult; left: boolean }> {
    const { adapter, clock, wire } = this.#parts;
    const { road, timeoutMs, ticket } = this.#first;
    const { signal } = this.#controller;
    let left = false;
    const prepared = road(operation, fields, signal);
    const way = prepared instanceof Promise ? await orAbort(prepared, signal) : prepared;
    if (way === undefined) throw new Error('A beforeRequest hook answered this request, or took it elsewhere.');
    const theyStay = this.#letTheShortLeave(seats);
    try {
      const result = await wire({
        ...{ operation, fields, timeoutMs, signal, ...way, ...this.#turnOf(seats) },
        encoding: encodingOf(adapter, operation),
        context: { openedAtMs: Date.parse(ticket.openedAt), sendId: newSendId(clock), reauthenticate, memory },
        onLeaving() {
          theyStay();
          return (left = true);
        },
      });
      return { result, left };
    } finally {
      theyStay();
    }
  }
}

/** What an answer says that tells of no order, and so to all of them. `undefined`: nothing. */
function saidToAll(
  adapter: Adapter,
  { name }: Operation,
  sent: Fields,
  { answer: { status, headers }, body }: WireResult & { type: 'answered' },
): Judgement | undefined {
  const exchange = { operation: name, mayHaveLanded: false, sent: { ...sent }, status, headers };
  const judgement = judge(adapter, { ...exchange, body }, { reference: {} });
  const isAboutNone = Object.values(judgement.reference).every(number => number === undefined);
  // A gateway that is down has answered nobody, whatever else stands there.
  if (status >= 500 || status === 429)
    return isAboutNone && judgement.verdict.kind === 'retryable'
      ? judgement
      : judge(adapter, { ...exchange, body: {} });
  // A list that shows none of them is no page that nobody can read.
  const isList = status >= 200 && status < 300 && typeof body === 'object' && body !== null;
  return isAboutNone && (judgement.verdict.listed || !isList) ? judgement : undefined;
}

/** What of an answer's headers holds for a part of it: its length and its signature do not. */
const keptHeaders = ['content-type', 'date', 'retry-after'];

const encoder = new TextEncoder();

/** The answer without what is about other orders. */
function cut(answer: Answer, part: unknown): Answer {
  const headers = new Headers();
  for (const name of keptHeaders) {
    const value = answer.headers.get(name);
    if (value !== null) headers.set(name, value);
  }
  return { ...answer, headers, bytes: encoder.encode(JSON.stringify(part)) };
}
