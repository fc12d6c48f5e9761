import type { Clock } from '../clock.ts';
import { didYouMean } from '../core/did-you-mean.ts';
import { InputError } from '../core/errors.ts';
import { sleep } from './sleep.ts';
import type { Heard, Situation } from './voice.ts';

/**
 * What can go wrong with one exchange. `…-after-booking`: the gateway did what was asked, and its answer is what
 * suffers.
 */
export type FaultName =
  /** Nothing goes wrong. */
  | 'none'
  /** The connection is refused: nothing was sent. */
  | 'refused-connection'
  /** The gateway's name is not found: nothing was sent. */
  | 'unknown-host'
  /** The gateway's certificate does not pass: nothing was sent. */
  | 'bad-certificate'
  /** The connection is reset while the request is written: the gateway never reads it. */
  | 'reset-before-reading'
  /** The connection is reset without a byte of an answer; the request was read. */
  | 'reset-before-booking'
  | 'reset-after-booking'
  /** The same, and the gateway does five seconds later what it was asked. */
  | 'reset-booked-later'
  /** No answer ever comes: the exchange ends when the client gives up. */
  | 'hang-before-booking'
  | 'hang-after-booking'
  /** A proxy's HTML page with this status. */
  | '502-before-booking'
  | '502-after-booking'
  | '503-before-booking'
  | '503-after-booking'
  | '504-before-booking'
  | '504-after-booking'
  /** The proxy gave up on a gateway that is only slow: what was asked is done five seconds later. */
  | '504-booked-later'
  /** The answer's headers and half of its body, then a reset. */
  | 'truncated'
  /** The answer's headers, then one byte a second. */
  | 'drip'
  /** Status 200 with a page of HTML. */
  | 'garbage'
  /** The same from a portal on the way: the gateway never heard of it. */
  | 'captive-portal'
  /** Status 200 without a body. */
  | 'empty'
  /** The gateway says that it is closed, and did nothing. */
  | 'maintenance'
  /** The gateway says that it was asked too often, and did nothing. */
  | 'rate-limited'
  /** The gateway says that something broke on its side. */
  | 'system-error'
  | 'system-error-after-booking'
  /** A proxy hands the request to the gateway twice; the client gets the first answer, or the second. */
  | 'delivered-twice'
  | 'delivered-twice-second-answer'
  /** The second one comes five seconds after the first. */
  | 'delivered-twice-later'
  /** A replica that lags behind knows nothing yet. For queries. */
  | 'not-found'
  /** Sent to the same address again (307): a client that follows it sends twice. */
  | 'redirect'
  | 'redirect-after-booking';

/**
 * What goes wrong with one exchange, as one row: whether the gateway does what it was asked, then what the client sees.
 *
 * @example A proxy that delivers a request twice
 * ```ts
 * const twice: Fault = { books: true, does: ({ deliver }) => deliver() };
 * simulated.script('ORDER-1', { onSend: [twice] });
 * ```
 */
export type Fault =
  | { readonly name?: string; readonly books: false; readonly does: (scene: Scene) => Response | Promise<Response> }
  | {
      readonly name?: string;
      readonly books: true;
      readonly does: (scene: AnsweredScene) => Response | Promise<Response>;
    };

/** What a fault has to work with. */
export interface Scene {
  readonly request: Request;
  /** What was asked. */
  readonly heard: Heard;
  readonly clock: Clock;
  /** Hands the same request to the gateway, now: once more, or late. The promise is what the gateway answers. */
  readonly deliver: () => Promise<Response>;
  /** What this gateway says in a situation that needs no entry. */
  readonly say: (answer: Exclude<Situation['answer'], 'state'>) => Promise<Response>;
}

export interface AnsweredScene extends Scene {
  /** What the gateway really answers. */
  readonly answer: Response;
}

/** From here on, every time. */
export interface Always {
  readonly always: FaultName | Fault;
}

/** One fault for each exchange, in order; then all goes well. */
export type FaultList = readonly (FaultName | Fault | Always)[];

/**
 * From here on, every time.
 *
 * @example
 * ```ts
 * simulated.script('ORDER-1', { onQuery: ['none', always('maintenance')] });
 * ```
 */
export function always(fault: FaultName | Fault): Always {
  return { always: fault };
}

/**
 * The gateway gets the request so much later, when the client may have given up or sent it again. The client hears
 * nothing.
 *
 * @example A request that was stuck on its way for a minute
 * ```ts
 * simulated.script('ORDER-1', { onSend: [deliveredLate(60_000)] });
 * ```
 */
export function deliveredLate(delayMs: number): Fault {
  return { name: 'delivered-late', ...bookedLater(hang, delayMs) };
}

/**
 * A proxy mixes up two exchanges: the gateway does what it was asked, and the client gets this answer, which is another
 * order's.
 *
 * @param answer may be asked for more than once
 */
export function anothersAnswer(answer: () => Response): Fault {
  return { name: 'anothers-answer', books: true, does: () => answer().clone() };
}

/**
 * A replica answers that is so far behind: it knows nothing at first, and then what was so a while ago. For queries;
 * one for each order, since it remembers what the gateway has said about it.
 *
 * @param openedAtMs since when the gateway itself has the order
 * @example
 * ```ts
 * const openedAtMs = () => simulated.ledger.payment('ORDER-1')?.openedAtMs;
 * simulated.script('ORDER-1', { onQuery: [always(lagging(30_000, openedAtMs))] });
 * ```
 */
export function lagging(lagMs: number | (() => number), openedAtMs: () => number | undefined): Fault {
  const told: { readonly atMs: number; readonly answer: Response }[] = [];
  return {
    name: 'lagging',
    books: true,
    does({ answer, say, clock }) {
      const atMs = clock.now();
      const behindMs = typeof lagMs === 'number' ? lagMs : lagMs();
      const seesUntilMs = atMs - behindMs;
      told.push({ atMs, answer: answer.clone() });
      const sinceMs = openedAtMs();
      if (sinceMs === undefined || behindMs === 0) return answer;
      if (sinceMs > seesUntilMs) return say('not-found');
      // No older than the lag: the first that was said since.
      return told.find(each => each.atMs >= seesUntilMs)?.answer.clone() ?? answer;
    },
  };
}

/** The same, but its answer is so much longer on its way. */
export function slowed(delayMs: number, fault: FaultName | Fault = 'none'): Fault {
  const { name, fault: slow } = named(fault);
  const wait = ({ clock, request }: Scene): Promise<void> => sleep(clock, delayMs, request.signal);
  return slow.books
    ? { name, books: true, does: async scene => (await wait(scene), slow.does(scene)) }
    : { name, books: false, does: async scene => (await wait(scene), slow.does(scene)) };
}

/** The same, and its answer has a `Retry-After`: seconds, or an HTTP date. */
export function withRetryAfter(
  retryAfter: string | ((nowMs: number) => string),
  fault: FaultName | Fault = 'none',
): Fault {
  const { name, fault: told } = named(fault);
  const tell = async ({ clock }: Scene, answer: Response | Promise<Response>): Promise<Response> => {
    const { status, headers, body } = await answer;
    const more = new Headers(headers);
    more.set('retry-after', typeof retryAfter === 'string' ? retryAfter : retryAfter(clock.now()));
    return new Response(body, { status, headers: more });
  };
  return told.books
    ? { name, books: true, does: scene => tell(scene, told.does(scene)) }
    : { name, books: false, does: scene => tell(scene, told.does(scene)) };
}

/** Hands out a list's faults one by one, by name where they have one. */
export function playFaults(list: FaultList): () => { name: string; fault: Fault } {
  refuseNoFaults(list);
  let next = 0;
  return () => {
    let fault = list[next] ?? 'none';
    if (typeof fault === 'object' && 'always' in fault) fault = fault.always;
    else next++;
    return named(fault);
  };
}

/** @throws {InputError} for what is no list, and a fault that there is not */
function refuseNoFaults(given: unknown): void {
  if (!Array.isArray(given)) throw new InputError("Faults are a list, one for each exchange: ['reset-after-booking'].");
  given.forEach(refuseUnknown);
}

function refuseUnknown(given: unknown): void {
  const fault = isRecord(given) && 'always' in given ? given['always'] : given;
  if (typeof fault === 'string') {
    if (!Object.hasOwn(faults, fault)) throw new InputError(`There is no fault ${didYouMean(fault, faultNames)}`);
  } else if (!isRecord(fault) || typeof fault['does'] !== 'function')
    throw new InputError('A fault is a name, or an object with "books" and "does".');
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

const named = (fault: FaultName | Fault): { name: string; fault: Fault } =>
  typeof fault === 'string' ? { name: fault, fault: faults[fault] } : { name: fault.name ?? 'custom', fault };

const cuts = new WeakSet();

/**
 * Whether an error of the simulator stands for a connection that broke: a server then destroys the socket instead of
 * answering.
 */
export function isCut(error: unknown): boolean {
  return typeof error === 'object' && error !== null && cuts.has(error);
}

/** The error Node's `fetch` throws when a connection breaks, so that a client tells it by the same signs. */
function cut(message: string, cause: { code: string; message: string; syscall?: string }): TypeError {
  const { message: why, ...signs } = cause;
  const error = new TypeError(message, { cause: Object.assign(new Error(why), signs) });
  cuts.add(error);
  return error;
}

const refuseConnection = (): never => {
  throw cut('fetch failed', { code: 'ECONNREFUSED', message: 'connect ECONNREFUSED', syscall: 'connect' });
};

const failToResolve = (): never => {
  throw cut('fetch failed', { code: 'ENOTFOUND', message: 'getaddrinfo ENOTFOUND', syscall: 'getaddrinfo' });
};

const failToTrust = (): never => {
  throw cut('fetch failed', { code: 'CERT_HAS_EXPIRED', message: 'certificate has expired' });
};

const breakPipe = (): never => {
  throw cut('fetch failed', { code: 'EPIPE', message: 'write EPIPE', syscall: 'write' });
};

const reset = (): never => {
  throw cut('fetch failed', { code: 'ECONNRESET', message: 'read ECONNRESET', syscall: 'read' });
};

/** The simulator gives up when the request's signal aborts; until then there is nothing to hear. */
const hang = (): Promise<never> => new Promise(() => undefined);

const page = (status: number, title: string): Response =>
  new Response(`<html><head><title>${title}</title></head><body><h1>${title}</h1></body></html>`, {
    status,
    headers: { 'content-type': 'text/html' },
  });

const badGateway = (): Response => page(502, '502 Bad Gateway');

const unavailable = (): Response => page(503, '503 Service Unavailable');

const gatewayTimeout = (): Response => page(504, '504 Gateway Time-out');

const garbage = (): Response => page(200, 'Welcome');

const empty = (): Response => new Response('', { headers: { 'content-type': 'application/json' } });

const redirect = ({ request }: Scene): Response =>
  new Response(null, { status: 307, headers: { location: request.url } });

const says =
  (answer: Exclude<Situation['answer'], 'state'>) =>
  ({ say }: Scene): Promise<Response> =>
    say(answer);

/** `Retry-After` comes with an HTTP refusal; a gateway that answers 200 says it in its own words or not at all. */
async function tooOften({ say }: Scene): Promise<Response> {
  const answer = await say('rate-limited');
  if (answer.status >= 400 && !answer.headers.has('retry-after')) answer.headers.set('retry-after', '2');
  return answer;
}

/** The same answer with a body that comes in pieces, under the length that was promised. */
async function inPieces(
  answer: Response,
  bodyOf: (bytes: Uint8Array<ArrayBuffer>) => UnderlyingDefaultSource<Uint8Array>,
): Promise<Response> {
  const bytes = new Uint8Array(await answer.arrayBuffer());
  const { status } = answer;
  const headers = new Headers(answer.headers);
  headers.set('content-length', String(bytes.length));
  return new Response(new ReadableStream(bodyOf(bytes), { highWaterMark: 0 }), { status, headers });
}

const truncate = ({ answer }: AnsweredScene): Promise<Response> =>
  inPieces(answer, bytes => {
    let half: Uint8Array | undefined = bytes.slice(0, Math.floor(bytes.length / 2));
    return {
      pull(controller) {
        if (half === undefined) throw cut('terminated', { code: 'UND_ERR_SOCKET', message: 'other side closed' });
        controller.enqueue(half);
        half = undefined;
      },
    };
  });

const DRIP_MS = 1000;

const drip = ({ answer, request, clock }: AnsweredScene): Promise<Response> =>
  inPieces(answer, bytes => {
    const canceled = new AbortController();
    const signal = AbortSignal.any([request.signal, canceled.signal]);
    let sent = 0;
    return {
      async pull(controller) {
        if (sent === bytes.length) return controller.close();
        await sleep(clock, DRIP_MS, signal);
        controller.enqueue(bytes.slice(sent, ++sent));
      },
      cancel: () => canceled.abort(),
    };
  });

/** How late a proxy's copy comes, or a request that the client takes for lost. */
const LATER_MS = 5000;

const bookedLater = (does: () => Response | Promise<Response>, delayMs = LATER_MS): Fault => ({
  books: false,
  does({ clock, deliver }) {
    clock.timer(delayMs, () => void deliver());
    return does();
  },
});

const deliverAgainLater = ({ answer, clock, deliver }: AnsweredScene): Response => {
  clock.timer(LATER_MS, () => void deliver());
  return answer;
};

const before = (does: (scene: Scene) => Response | Promise<Response>): Fault => ({ books: false, does });
const after = (does: (scene: AnsweredScene) => Response | Promise<Response>): Fault => ({ books: true, does });

const faults: Readonly<Record<FaultName, Fault>> = {
  none: after(({ answer }) => answer),
  'refused-connection': before(refuseConnection),
  'unknown-host': before(failToResolve),
  'bad-certificate': before(failToTrust),
  'reset-before-reading': before(breakPipe),
  'reset-before-booking': before(reset),
  'reset-after-booking': after(reset),
  'reset-booked-later': bookedLater(reset),
  'hang-before-booking': before(hang),
  'hang-after-booking': after(hang),
  '502-before-booking': before(badGateway),
  '502-after-booking': after(badGateway),
  '503-before-booking': before(unavailable),
  '503-after-booking': after(unavailable),
  '504-before-booking': before(gatewayTimeout),
  '504-after-booking': after(gatewayTimeout),
  '504-booked-later': bookedLater(gatewayTimeout),
  truncated: after(truncate),
  drip: after(drip),
  garbage: after(garbage),
  'captive-portal': before(garbage),
  empty: after(empty),
  maintenance: before(says('maintenance')),
  'rate-limited': before(tooOften),
  'system-error': before(says('system-error')),
  'system-error-after-booking': after(says('system-error')),
  'delivered-twice': after(async ({ answer, deliver }) => (await deliver(), answer)),
  'delivered-twice-second-answer': after(({ deliver }) => deliver()),
  'delivered-twice-later': after(deliverAgainLater),
  'not-found': before(says('not-found')),
  redirect: before(redirect),
  'redirect-after-booking': after(redirect),
};

/** Every fault that has a name. */
export const faultNames: readonly FaultName[] = /* @__PURE__ */ Object.keys(faults) as FaultName[];
