import { orAbort, systemClock, type Clock } from '../clock.ts';
import { aClock, checkOptions, type Checks } from '../core/check-options.ts';
import type { FieldCheck } from '../core/operation.ts';
import { printable } from '../core/printable.ts';
import { isCut, playFaults, type FaultList, type Scene } from './faults.ts';
import { keepBooks, type Books, type Opening } from './ledger.ts';
import { lives as usualLives, refuseNoLife, type Life } from './lives.ts';
import type { ManualClock } from './manual-clock.ts';
import type { Answer, Entry, Heard, HeardRequest, Refusal, Voice } from './voice.ts';

export interface SimulatorOptions {
  /** How the gateway hears and speaks: `tillpaid/testing/<gateway>` has one for each adapter. */
  readonly voice: Voice;
  /** A manual clock, or the machine's (the default). */
  readonly clock?: GatewayClock;
  /** How payments and refunds go on, where no script says otherwise. Default: paid at once. */
  readonly lives?: { readonly [act in Opening]?: Life };
  /** What goes wrong with each reference that has no script of its own. */
  readonly faults?: FaultScript;
  /** Replaces what the voice says this gateway does with a second send of the same reference. */
  readonly sameReference?: Voice['sameReference'];
}

type GatewayClock = Clock & Partial<Pick<ManualClock, 'during'>>;

/** What goes wrong with one reference. Each list is used up in order, one fault for each exchange. */
export interface FaultScript {
  /** For writes. */
  readonly onSend?: FaultList;
  /** For status queries. */
  readonly onQuery?: FaultList;
  /** For one operation, instead of the two above: `{ 'payment.cancel': ['reset-after-booking'] }`. */
  readonly on?: Readonly<Record<string, FaultList>>;
}

/** What happens to one reference. */
export interface Script extends FaultScript {
  /** How it goes on; of something that is there already, how it goes on from now. */
  readonly life?: Life;
  /** How a charge under the same number goes on, once one was declined. Default: as `life`. */
  readonly nextTry?: Life;
}

/** A gateway that can be run against any client, one's own included. */
export interface Simulator {
  /** In place of the global `fetch`, or behind an HTTP server. A broken connection rejects as it does in Node. */
  readonly fetch: (input: Request | URL | string, init?: RequestInit) => Promise<Response>;
  /** For msw: `http.all('*', gateway.resolver)`. */
  readonly resolver: (info: { request: Request }) => Promise<Response>;
  readonly ledger: Ledger;
  /** Every request, in the order it came. */
  readonly requests: readonly RequestRecord[];
  /** How it hears and speaks. */
  readonly voice: Voice;
  readonly clock: Clock;
  /**
   * Says what happens to a reference: the merchant's number. May be called at any time; what is left out stays as it
   * was.
   *
   * @throws {InputError} for an option, a life or a fault that there is not
   */
  script(reference: string, script: Script): void;
  /**
   * Calls back whenever a payment or a refund has come to another state, by a request or by time. The returned function
   * ends it, and the timer that it needs.
   */
  onChange(listener: (entry: LedgerEntry) => void): () => void;
  /** Empties the ledger and the scripts: a new gateway under the same address. Tokens that it gave out stay good. */
  reset(): void;
}

/** What the gateway knows, as it is at the moment of looking. */
export interface Ledger {
  readonly entries: readonly LedgerEntry[];
  /** Of several tries under one number, the last. */
  payment(reference: string): LedgerEntry | undefined;
  refund(reference: string): LedgerEntry | undefined;
}

export interface LedgerEntry extends Entry {
  /** Sends of the write that made it, those without an answer included. */
  readonly sends: number;
  /** Status queries about it. */
  readonly queries: number;
  /** How each request about it ended: `reset-after-booking`, `duplicate`, `open`, `open`, `paid`. */
  readonly answers: readonly string[];
}

export interface RequestRecord {
  readonly atMs: number;
  readonly method: string;
  readonly path: string;
  /** What was asked for; unknown when the request was refused (a bad signature, an unknown path). */
  readonly operation?: string;
  readonly act?: Heard['act'];
  readonly reference?: string;
  /**
   * What came of it: the payment's state then, or a word such as `duplicate` or `refused`; `not-taken` when it never
   * got so far.
   */
  readonly result: string;
  /** What went wrong with it, by name, or `none`. */
  readonly fault: string;
}

/** A client that follows redirects gives up after so many. https://fetch.spec.whatwg.org/#http-redirect-fetch */
const MOST_REDIRECTS = 20;

/**
 * Makes a gateway that behaves and misbehaves as told, and keeps count of the money.
 *
 * @example
 * ```ts
 * const clock = manualClock();
 * const simulated = simulateGateway({ voice: zalopayVoice(credentials), clock });
 * simulated.script('260101_1', { life: lives.paidAfter(90_000), onSend: ['reset-after-booking'] });
 *
 * await clock.run(payOrder('260101_1', { fetch: simulated.fetch, clock }));
 *
 * expect(simulated.ledger.payment('260101_1')).toMatchObject({ state: 'paid', bookings: 1, sends: 1 });
 * ```
 * @throws {InputError} for an option, a life or a fault that there is not
 */
export function simulateGateway(options: SimulatorOptions): Simulator {
  checkOptions('simulateGateway', options, simulatorChecks);
  const { voice, lives = {}, faults = {}, sameReference = voice.sameReference } = options;
  checkOptions('simulateGateway: lives', lives, lifeChecks);
  for (const [act, life] of Object.entries(lives)) refuseNoLife(`simulateGateway: lives.${act}`, life);
  checkOptions('simulateGateway: faults', faults, faultChecks);
  const clock: GatewayClock = options.clock ?? systemClock;
  const plans = new Plans(faults);
  const records = new Records(clock);
  const books = keepBooks({
    clock,
    sameReference,
    lifeOf: (act, reference, isNextTry) =>
      (isNextTry ? plans.of(reference).nextTry : undefined) ?? plans.of(reference).life ?? lives[act] ?? paid,
  });
  const watch = new Watch(books, records, clock);
  const gateway = new SimulatedGateway({ voice, clock, books, plans, records, watch, sameReference });
  const entryOf =
    (kind: Entry['kind']) =>
    (reference: string): LedgerEntry | undefined => {
      const entry = books.entries().findLast(each => each.kind === kind && each.reference === reference);
      return entry && records.with(entry);
    };
  return {
    fetch: (input, init) =>
      gateway.fetch(input instanceof Request && init === undefined ? input : new Request(input, init)),
    resolver: ({ request }) => gateway.resolve(request),
    ledger: {
      get entries() {
        return books.entries().map(entry => records.with(entry));
      },
      payment: entryOf('payment'),
      refund: entryOf('refund'),
    },
    requests: records.all,
    voice,
    clock,
    script(reference, script) {
      checkOptions(`script of ${printable(reference)}`, script, scriptChecks);
      for (const life of [script.life, script.nextTry])
        if (life !== undefined) refuseNoLife(`script of ${printable(reference)}`, life);
      plans.add(reference, script);
      if (script.life === undefined) return;
      books.relive(reference, script.life);
      watch.look();
    },
    onChange: listener => watch.add(listener),
    reset() {
      gateway.reset();
      watch.look();
    },
  };
}

const aLife: FieldCheck = { expects: 'a life: take one of lives, such as lives.paid()', accepts: Array.isArray };
const someFaults: FieldCheck = {
  expects: "a list of faults, one for each exchange: ['reset-after-booking']",
  accepts: Array.isArray,
};
const anObject: FieldCheck = { expects: 'an object', accepts: value => typeof value === 'object' && value !== null };
const faultChecks: Checks<FaultScript> = {
  onSend: someFaults,
  onQuery: someFaults,
  on: {
    expects: "lists of faults by operation: { 'payment.cancel': ['reset-after-booking'] }",
    accepts: value => anObject.accepts(value) && Object.values(value as object).every(Array.isArray),
  },
};
const scriptChecks: Checks<Script> = { life: aLife, nextTry: aLife, ...faultChecks };
const lifeChecks: Checks<Record<Opening, Life>> = { create: aLife, charge: aLife, refund: aLife };
const simulatorChecks: Checks<SimulatorOptions> = {
  voice: {
    expects: 'a voice: the one that tillpaid/testing/<provider> makes from credentials',
    accepts: value => anObject.accepts(value) && typeof Reflect.get(value as object, 'hear') === 'function',
  },
  clock: aClock,
  lives: anObject,
  faults: anObject,
  sameReference: {
    expects: "'replays', 'refuses' or 'books-again'",
    accepts: value => ['replays', 'refuses', 'books-again'].includes(value as string),
  },
};

/** What is to happen to whom, as far as it was scripted. */
class Plans {
  readonly #plans = new Map<string, Plan>();
  readonly #usual: Script;

  constructor(usual: Script) {
    this.#usual = usual;
  }

  of(reference: string): Plan {
    let plan = this.#plans.get(reference);
    if (plan === undefined) this.#plans.set(reference, (plan = { ...nothingPlanned, ...planFrom(this.#usual) }));
    return plan;
  }

  clear(): void {
    this.#plans.clear();
  }

  add(reference: string, script: Script): void {
    const before = this.of(reference);
    const { on, ...rest } = planFrom(script);
    this.#plans.set(reference, { ...before, ...rest, on: new Map([...before.on, ...on]) });
  }
}

const recordsOf = new WeakMap<Request, RequestRecord>();

/** What a simulator has recorded of a request, once it has read it: for whoever serves it. */
export const recordOf = (request: Request): RequestRecord | undefined => recordsOf.get(request);

/** Every request that was received. */
class Records {
  readonly all: RequestRecord[] = [];
  /** The same by what they are about. */
  readonly #about = new Map<string, RequestRecord[]>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  clear(): void {
    this.all.length = 0;
    this.#about.clear();
  }

  add(record: Omit<RequestRecord, 'atMs'>, request?: Request): void {
    const made: RequestRecord = { atMs: this.#clock.now(), ...record };
    this.all.push(made);
    // What its client is answered by; a proxy's second delivery is another record.
    if (request !== undefined && !recordsOf.has(request)) recordsOf.set(request, made);
    if (record.act === undefined || record.reference === undefined) return;
    const key = `${kindOf(record.act)} ${record.reference}`;
    const before = this.#about.get(key);
    if (before === undefined) this.#about.set(key, [made]);
    else before.push(made);
  }

  with(entry: Entry): LedgerEntry {
    const about = this.#about.get(`${entry.kind} ${entry.reference}`) ?? [];
    return Object.freeze({
      ...entry,
      sends: about.filter(({ operation }) => operation === entry.operation).length,
      queries: about.filter(({ act }) => isQuery(act)).length,
      answers: about.map(({ result, fault }) => (fault === 'none' ? result : fault)),
    });
  }
}

/** Who wants to know of each change, told when it has come about; time is looked at only while somebody does. */
class Watch {
  readonly #books: Books;
  readonly #records: Records;
  readonly #clock: Clock;
  readonly #listeners = new Set<(entry: LedgerEntry) => void>();
  #stopTimer: (() => void) | undefined;

  constructor(books: Books, records: Records, clock: Clock) {
    this.#books = books;
    this.#records = records;
    this.#clock = clock;
  }

  add(listener: (entry: LedgerEntry) => void): () => void {
    // What was so before is no change.
    if (this.#listeners.size === 0) this.#books.changes();
    const own = (entry: LedgerEntry): void => listener(entry);
    this.#listeners.add(own);
    this.look();
    return () => {
      if (this.#listeners.delete(own) && this.#listeners.size === 0) this.#stopTimer?.();
    };
  }

  look(): void {
    if (this.#listeners.size === 0) return;
    for (const entry of this.#books.changes())
      for (const listener of this.#listeners) listener(this.#records.with(entry));
    this.#stopTimer?.();
    const nextAtMs = this.#books.nextChangeAtMs();
    if (nextAtMs === undefined) return;
    this.#stopTimer = this.#clock.timer(Math.max(0, nextAtMs - this.#clock.now()), () => this.look());
  }
}

interface Parts {
  readonly voice: Voice;
  readonly clock: GatewayClock;
  readonly books: Books;
  readonly plans: Plans;
  readonly records: Records;
  readonly watch: Watch;
  readonly sameReference: Voice['sameReference'];
}

/** The gateway on the wire: receives, acts, and lets the client know, or not. */
class SimulatedGateway {
  readonly #parts: Parts;
  readonly #firstResults = new Map<string, Result>();
  /** How often it was emptied: what was on its way then is lost. */
  #resets = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  reset(): void {
    const { voice, books, plans, records } = this.#parts;
    this.#resets++;
    this.#firstResults.clear();
    books.clear();
    plans.clear();
    records.clear();
    voice.forget?.();
  }

  async fetch(request: Request, redirectsLeft = MOST_REDIRECTS): Promise<Response> {
    // The only redirect there is leads to the same address.
    const again = request.redirect === 'manual' ? request : request.clone();
    const response = await this.#exchange(request);
    if (response.status !== 307 || again.redirect === 'manual')
      return Object.defineProperty(response, 'url', { value: request.url });
    if (again.redirect === 'error' || redirectsLeft === 0)
      throw new TypeError('fetch failed', { cause: new Error('unexpected redirect') });
    return this.fetch(again, redirectsLeft - 1);
  }

  /** The same for msw, which can show no more of a broken connection than an error. */
  async resolve(request: Request): Promise<Response> {
    try {
      return await this.#exchange(request);
    } catch (error) {
      if (isCut(error) || request.signal.aborted) return Response.error();
      throw error;
    }
  }

  #exchange(request: Request): Promise<Response> {
    const answer = async (): Promise<Response> => (await this.#work(this.#receive(request)))();
    return request.signal.aborted ? Promise.reject(request.signal.reason) : orAbort(answer(), request.signal);
  }

  /** While the gateway works, a manual clock stands still; while it hangs or drips, time goes on. */
  #work<T>(promise: Promise<T>): Promise<T> {
    return this.#parts.clock.during?.(promise) ?? promise;
  }

  /** Reads a request and acts on it; what is returned then lets the client know, or not. */
  async #receive(request: Request): Promise<() => Response | Promise<Response>> {
    const { voice, clock, books, plans, records, watch } = this.#parts;
    const received = await this.#read(request);
    const heard = await voice.hear(received);
    if ('refused' in heard) {
      const refusal = await this.#refuse(received, heard, request);
      return () => refusal;
    }
    const { operation, act } = heard;
    const reference = books.merchantReference(kindOf(act), heard.reference);
    const { name, fault } = nextFault(plans.of(reference), heard);
    const about = { method: received.method, path: received.url.pathname, operation, act, reference, fault: name };
    const answerTo = (taken: Heard): Promise<Response> => {
      const result = this.#take(taken);
      records.add({ ...about, result: result.name }, request);
      // Who watches is told once the answer is on its way.
      void Promise.resolve().then(() => watch.look());
      return this.#respond(received, result.answer);
    };
    const resets = this.#resets;
    // What arrives later is judged then: its signature may have expired.
    const deliver = async (): Promise<Response> => {
      if (resets !== this.#resets) return new Response(null, { status: 503 });
      const later = await voice.hear({ ...received, nowMs: clock.now() });
      return 'refused' in later ? this.#refuse(received, later, request) : answerTo(later);
    };
    const scene: Scene = {
      request,
      heard,
      clock,
      deliver: () => this.#work(deliver()),
      say: answer => this.#work(this.#respond(received, voice.say({ heard, nowMs: clock.now(), answer }))),
    };
    if (fault.books) {
      const answer = await answerTo(heard);
      return () => fault.does({ ...scene, answer });
    }
    records.add({ ...about, result: 'not-taken' }, request);
    return () => fault.does(scene);
  }

  async #read(request: Request): Promise<HeardRequest> {
    const { method, headers } = request;
    const url = new URL(request.url);
    return { method, url, headers, body: await request.text(), nowMs: this.#parts.clock.now() };
  }

  /** Does what was asked and finds the words for it, in one go: two requests never mix. */
  #take(heard: Heard): Result {
    const { voice, clock, books, sameReference } = this.#parts;
    const repeatKey = JSON.stringify([heard.operation, heard.idempotencyKey ?? heard.reference]);
    const first = sameReference === 'replays' ? this.#firstResults.get(repeatKey) : undefined;
    if (first !== undefined) return first;
    const ruling = books.take(heard);
    const result: Result = {
      name: ruling.answer === 'state' && ruling.entry !== undefined ? ruling.entry.state : ruling.answer,
      answer: voice.say({ heard, nowMs: clock.now(), ...ruling }),
    };
    if (isSend(heard.act) && ruling.answer === 'state') this.#firstResults.set(repeatKey, result);
    return result;
  }

  #refuse(received: HeardRequest, { refused }: Refusal, request: Request): Promise<Response> {
    const { method, url } = received;
    this.#parts.records.add({ method, path: url.pathname, result: 'refused', fault: 'none' }, request);
    return this.#respond(received, refused);
  }

  async #respond(received: HeardRequest, answer: Answer): Promise<Response> {
    const { voice, clock } = this.#parts;
    const written = { ...answer, body: textOf(answer.body) };
    const sealed = (await voice.seal?.(written, received)) ?? written;
    // As any server says it: whole seconds of its own clock.
    return responseOf({ ...sealed, headers: { date: new Date(clock.now()).toUTCString(), ...sealed.headers } });
  }
}

/** What an exchange came to: its name in the records, and the gateway's words. */
interface Result {
  readonly name: string;
  readonly answer: Answer;
}

type NextFault = ReturnType<typeof playFaults>;

/** A script that is being used up. */
interface Plan {
  readonly life?: Life;
  readonly nextTry?: Life;
  readonly onSend: NextFault;
  readonly onQuery: NextFault;
  readonly on: ReadonlyMap<string, NextFault>;
}

const paid = usualLives.paid();
const noFault = playFaults([]);
const nothingPlanned: Plan = { onSend: noFault, onQuery: noFault, on: new Map() };

/** Only what the script speaks of. */
function planFrom({ life, nextTry, onSend, onQuery, on = {} }: Script): Partial<Plan> & Pick<Plan, 'on'> {
  return {
    ...(life !== undefined && { life }),
    ...(nextTry !== undefined && { nextTry }),
    ...(onSend !== undefined && { onSend: playFaults(onSend) }),
    ...(onQuery !== undefined && { onQuery: playFaults(onQuery) }),
    on: new Map(Object.entries(on).map(([operation, list]) => [operation, playFaults(list)])),
  };
}

const isQuery = (act: Heard['act'] | undefined): boolean => act === 'query' || act === 'refund-query' || act === 'list';

const isSend = (act: Heard['act']): boolean => act !== 'other' && !isQuery(act);

const kindOf = (act: Heard['act']): Entry['kind'] =>
  act === 'refund' || act === 'refund-query' ? 'refund' : 'payment';

/** A token request is neither a send nor a query of a payment: it fails only where its operation is named. */
function nextFault(plan: Plan, { operation, act }: Heard): ReturnType<NextFault> {
  const next = plan.on.get(operation) ?? (isSend(act) ? plan.onSend : isQuery(act) ? plan.onQuery : noFault);
  return next();
}

const textOf = (body: unknown): string => (typeof body === 'string' ? body : JSON.stringify(body));

/** Statuses that may not have a body. */
const bodiless: ReadonlySet<number> = new Set([204, 205, 304]);

function responseOf({ status = 200, headers: given, body }: Answer): Response {
  const headers = new Headers(given);
  if (!headers.has('content-type')) headers.set('content-type', 'application/json');
  return new Response(bodiless.has(status) ? null : textOf(body), { status, headers });
}
