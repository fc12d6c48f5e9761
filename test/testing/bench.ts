import ky, { type KyInstance } from 'ky';
// They load with their first use, in real time, which no manual clock waits for: here they are there from the start.
import '../../src/client/cancel-at-deadline.ts';
import '../../src/client/drive-request.ts';
import '../../src/client/prepare.ts';
import '../../src/client/receive.ts';
import '../../src/client/step.ts';
import { createGateway, type Adapter, type Gateway, type GatewayEvent, type Policy } from '../../src/index.ts';
import { manualClock, type ManualClock } from '../../src/testing/manual-clock.ts';
import { acme, type AcmeFields } from './acme.ts';

/** What the gateway does with one request. */
export type Step = Response | Error | ((request: Request, signal: AbortSignal) => Response | Promise<Response>);

export const json = (body: unknown, init: ResponseInit = {}): Response => Response.json(body, init);
export const said =
  (code: string, more: object = {}): Step =>
  () =>
    json({ code, ...more });
export const state =
  (name: string, more: object = {}): Step =>
  () =>
    json({ state: name, ...more });
export const reset = (): Error =>
  Object.assign(new TypeError('fetch failed'), { cause: Object.assign(new Error('read'), { code: 'ECONNRESET' }) });
export const refused = (): Error =>
  Object.assign(new TypeError('fetch failed'), {
    cause: Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }),
  });
export const hang: Step = (_request, signal) =>
  new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));

export interface Seen {
  readonly path: string;
  readonly method: string;
  readonly body: string;
  readonly headers: Headers;
  readonly atMs: number;
}

export interface Bench {
  readonly gateway: Gateway<AcmeFields>;
  readonly clock: ManualClock;
  /** Requests to the write paths, in order. */
  readonly sends: Seen[];
  /** Requests to the query path, in order. */
  readonly polls: Seen[];
  readonly events: GatewayEvent[];
  readonly fetch: (request: Request) => Promise<Response>;
}

/** Chance that makes every wait its longest. */
export const longest = (): number => 1 - Number.EPSILON;

/** A gateway that answers sends and polls from two scripts, the last step of which repeats. */
export function bench(
  script: {
    sends?: Step[];
    polls?: Step[];
    adapter?: Adapter<AcmeFields>;
    policy?: Policy;
    /** What the clock draws. Default: from a seed. */
    random?: () => number;
    client?: (fetch: Bench['fetch']) => KyInstance;
  } = {},
): Bench {
  const clock = manualClock(script.random === undefined ? {} : { random: script.random });
  const sends: Seen[] = [];
  const polls: Seen[] = [];
  const events: GatewayEvent[] = [];
  const next = (steps: Step[] | undefined, index: number): Step =>
    steps?.[Math.min(index, steps.length - 1)] ?? (() => json({}, { status: 404 }));
  const fetch = async (request: Request): Promise<Response> => {
    const url = new URL(request.url);
    const seen = {
      path: url.pathname,
      method: request.method,
      body: await request.clone().text(),
      headers: request.headers,
      atMs: clock.now(),
    };
    const isPoll = url.pathname === '/api/query';
    const step = isPoll ? next(script.polls, polls.push(seen) - 1) : next(script.sends, sends.push(seen) - 1);
    if (step instanceof Error) throw step;
    return step instanceof Response ? step.clone() : step(request, request.signal);
  };
  const client = (script.client ?? (base => ky.create({ fetch: base as typeof globalThis.fetch })))(fetch);
  const gateway = createGateway<AcmeFields>({
    adapter: script.adapter ?? acme(),
    client,
    // What the scripts throw is what happened to the request.
    fetchSendsOnce: true,
    clock,
    ...(script.policy !== undefined && { policy: script.policy }),
    onEvent: event => events.push(event),
  });
  return { gateway, clock, sends, polls, events, fetch };
}
