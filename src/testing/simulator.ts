import { orAbort, systemClock, type Clock } from '../clock.ts';
import { isCut, playFaults, type FaultList, type Scene } from './faults.ts';
import { keepBooks, type Opening } from './ledger.ts';
import { lives as usualLives, type Life } from './lives.ts';
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
  /**
   * Says what happens to a reference: the merchant's number. May be called at any time; what is left out stays as it
   * was.
   */
  script(reference: string, script: Script): void;
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
 * const gateway = simulateGateway({ voice: zalopayVoice(credentials), clock });
 * gateway.script('261101_1', { life: lives.paidAfter(90_000), onSend: ['reset-after-booking'] });
 *
 * await clock.run(payOrder('261101_1', { fetch: gateway.fetch }));
 *
 * expect(gateway.ledger.payment('261101_1')).toMatchObject({ state: 'paid', bookings: 1, sends: 1 });
 * ```
 */
export function simulateGateway(options: SimulatorOptions): Simulator {
  const { voice, lives = {}, faults = {}, sameReference = voice.sameReference } = options;
  const clock: GatewayClock = options.clock ?? systemClock;
  const requests: RequestRecord[] = [];
  /** The same by what they are about. */
  const requestsAbout = new Map<string, RequestRecord[]>();
  const plans = new Map<string, Plan>();
  const firstResults = new Map<string, Result>();

  const planOf = (reference: string): Plan => {
    let plan = plans.get(reference);
    if (plan === undefined) plans.set(reference, (plan = { ...nothingPlanned, ...planFrom(faults) }));
    return plan;
  };

  const books = keepBooks({
    clock,
    sameReference,
    lifeOf: (act, reference, isNextTry) =>
      (isNextTry ? planOf(reference).nextTry : undefined) ?? planOf(reference).life ?? lives[act] ?? paid,
  });

  /** While the gateway works, a manual clock stands still; while it hangs or drips, time goes on. */
  const work = <T>(promise: Promise<T>): Promise<T> => clock.during?.(promise) ?? promise;

  /** Does what was asked and finds the words for it, in one go: two requests never mix. */
  const take = (heard: Heard): Result => {
    const repeatKey = JSON.stringify([heard.operation, heard.idempotencyKey ?? heard.reference]);
    const first = sameReference === 'replays' ? firstResults.get(repeatKey) : undefined;
    if (first !== undefined) return first;
    const ruling = books.take(heard);
    const result: Result = {
      name: ruling.answer === 'state' && ruling.entry !== undefined ? ruling.entry.state : ruling.answer,
      answer: voice.say({ heard, nowMs: clock.now(), ...ruling }),
    };
    if (isSend(heard.act) && ruling.answer === 'state') firstResults.set(repeatKey, result);
    return result;
  };

  /** Hears a request and acts on it; what is returned then lets the client know, or not. */
  const receive = async (request: Request): Promise<() => Response | Promise<Response>> => {
    const url = new URL(request.url);
    const { method, headers } = request;
    const received: HeardRequest = { method, url, headers, body: await request.text(), nowMs: clock.now() };
    const respond = async (answer: Answer): Promise<Response> => {
      const written = { ...answer, body: textOf(answer.body) };
      const sealed = (await voice.seal?.(written, received)) ?? written;
      // As any server says it: whole seconds of its own clock.
      return responseOf({ ...sealed, headers: { date: new Date(clock.now()).toUTCString(), ...sealed.headers } });
    };
    const record = (rest: Omit<RequestRecord, 'atMs' | 'method' | 'path'>): void => {
      const made: RequestRecord = { atMs: clock.now(), method, path: url.pathname, ...rest };
      requests.push(made);
      if (rest.act === undefined || rest.reference === undefined) return;
      const key = `${kindOf(rest.act)} ${rest.reference}`;
      const before = requestsAbout.get(key);
      if (before === undefined) requestsAbout.set(key, [made]);
      else before.push(made);
    };
    const refuse = ({ refused }: Refusal): Promise<Response> => {
      record({ result: 'refused', fault: 'none' });
      return respond(refused);
    };

    const heard = await voice.hear(received);
    if ('refused' in heard) {
      const refusal = await refuse(heard);
      return () => refusal;
    }

    const { operation, act } = heard;
    const reference = books.merchantReference(kindOf(act), heard.reference);
    const { name, fault } = nextFault(planOf(reference), heard);
    const answerTo = (taken: Heard): Promise<Response> => {
      const result = take(taken);
      record({ operation, act, reference, result: result.name, fault: name });
      return respond(result.answer);
    };
    // What arrives later is judged then: its signature may have expired.
    const deliver = async (): Promise<Response> => {
      const later = await voice.hear({ ...received, nowMs: clock.now() });
      return 'refused' in later ? refuse(later) : answerTo(later);
    };
    const scene: Scene = {
      request,
      heard,
      clock,
      deliver: () => work(deliver()),
      say: answer => work(respond(voice.say({ heard, nowMs: clock.now(), answer }))),
    };
    if (fault.books) {
      const answer = await answerTo(heard);
      return () => fault.does({ ...scene, answer });
    }
    record({ operation, act, reference, result: 'not-taken', fault: name });
    return () => fault.does(scene);
  };

  const exchange = (request: Request): Promise<Response> => {
    const answer = async (): Promise<Response> => (await work(receive(request)))();
    return request.signal.aborted ? Promise.reject(request.signal.reason) : orAbort(answer(), request.signal);
  };

  const fetch = async (request: Request, redirectsLeft = MOST_REDIRECTS): Promise<Response> => {
    // The only redirect there is leads to the same address.
    const again = request.redirect === 'manual' ? request : request.clone();
    const response = await exchange(request);
    if (response.status !== 307 || again.redirect === 'manual')
      return Object.defineProperty(response, 'url', { value: request.url });
    if (again.redirect === 'error' || redirectsLeft === 0)
      throw new TypeError('fetch failed', { cause: new Error('unexpected redirect') });
    return fetch(again, redirectsLeft - 1);
  };

  const withRequests = (entry: Entry): LedgerEntry => {
    const about = requestsAbout.get(`${entry.kind} ${entry.reference}`) ?? [];
    return Object.freeze({
      ...entry,
      sends: about.filter(({ operation }) => operation === entry.operation).length,
      queries: about.filter(({ act }) => isQuery(act)).length,
      answers: about.map(({ result, fault }) => (fault === 'none' ? result : fault)),
    });
  };
  const entryOf =
    (kind: Entry['kind']) =>
    (reference: string): LedgerEntry | undefined => {
      const entry = books.entries().findLast(each => each.kind === kind && each.reference === reference);
      return entry && withRequests(entry);
    };

  return {
    fetch: (input, init) => fetch(input instanceof Request && init === undefined ? input : new Request(input, init)),
    resolver: async ({ request }) => {
      try {
        return await exchange(request);
      } catch (error) {
        // All that msw can show of a broken connection.
        if (isCut(error) || request.signal.aborted) return Response.error();
        throw error;
      }
    },
    ledger: {
      get entries() {
        return books.entries().map(withRequests);
      },
      payment: entryOf('payment'),
      refund: entryOf('refund'),
    },
    requests,
    script(reference, script) {
      const before = planOf(reference);
      const { on, ...rest } = planFrom(script);
      plans.set(reference, { ...before, ...rest, on: new Map([...before.on, ...on]) });
      if (script.life !== undefined) books.relive(reference, script.life);
    },
  };
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
