import ky, { type KyInstance } from 'ky';
import type { SameReference } from '../../src/core/operation.ts';
import {
  createGateway,
  defineAdapter,
  type Adapter,
  type Gateway,
  type GatewayEvent,
  type Policy,
} from '../../src/index.ts';
import {
  created,
  declined,
  duplicate,
  pollRequired,
  canceled,
  expired,
  rejected,
  retryable,
  succeeded,
  failed,
  text,
  whole,
  type CodeTable,
} from '../../src/kit/index.ts';
import { textOf } from '../../src/kit/readers.ts';
// Loads with the first notice, in real time, which no manual clock waits for: here it is there from the start.
import '../../src/client/receive.ts';
import { manualClock, type ManualClock } from '../../src/testing/manual-clock.ts';

/** An invented gateway, small enough to see every rule of the client in it. */
export interface AcmeFields {
  'payment.charge': { order: string; amount: number };
  'payment.create': { order: string; amount: number };
  'payment.cancel': { order: string };
  'payout.create': { order: string };
  'payment.query': { order: string };
}

const writes: CodeTable = {
  PAID: succeeded(),
  CREATED: created(),
  BUSY: retryable('maintenance'),
  WAIT: retryable('rate-limited', { delayMs: 7000 }),
  PENDING: pollRequired('processing'),
  DECLINED: declined(),
  REFUSED: rejected('invalid-request'),
  DUPLICATE: duplicate(),
  TOO_LATE: failed('already-final'),
  TOKEN: retryable('authentication', { remedy: 'reauthenticate' }),
};

const states: CodeTable = {
  paid: succeeded(),
  open: pollRequired('awaiting-payer'),
  pending: pollRequired('processing'),
  declined: declined(),
  failed: failed(),
  canceled: canceled(),
  expired: expired(),
  none: pollRequired('not-found'),
  BUSY: retryable('maintenance'),
  REFUSED: rejected('authentication'),
};

export interface AcmeOptions {
  sameReference?: SameReference;
  policy?: Policy;
}

export function acme({ sameReference = 'unknown', policy = {} }: AcmeOptions = {}): Adapter<AcmeFields> {
  const query = {
    operation: 'payment.query' as const,
    fields: ({ reference }: { reference: Record<string, string> }) =>
      reference['order'] === undefined ? undefined : { order: reference['order'] },
  };
  const order = { reference: ['order'] as const, learns: ['id'], query, sameReference };
  const expect = ({ amount }: { amount: number }): { amount: string } => ({ amount: String(amount) });
  return defineAdapter<AcmeFields>({
    name: 'acme',
    account: 'shop-1',
    environment: 'sandbox',
    baseUrl: 'https://acme.test/api',
    encodings: ['json', 'form'],
    policy,
    operations: {
      'payment.charge': { path: '/charge', required: { order: text, amount: whole }, codes: writes, expect, ...order },
      'payment.create': {
        path: '/create',
        required: { order: text, amount: whole },
        codes: writes,
        expect,
        payerNeedsAnswer: () => true,
        ...order,
      },
      'payment.cancel': {
        path: '/cancel',
        required: { order: text },
        codes: { ...writes, DONE: succeeded('canceled') },
        follows: 'cancel',
        ...order,
      },
      'payout.create': {
        path: '/payout',
        required: { order: text },
        codes: writes,
        reference: ['order'],
        sameReference,
      },
      'payment.query': { path: '/query', required: { order: text }, codes: states, reference: { order: 'order' } },
    },
    read: ({ body }) => {
      const name = textOf(body, 'state') ?? textOf(body, 'code');
      return {
        names: name === undefined ? [] : [name],
        reference: { order: textOf(body, 'order'), id: textOf(body, 'id') },
        amount: textOf(body, 'amount'),
      };
    },
    body: fields => ({ ...fields, signed: 'yes' }),
    headers: ({ nowMs }) => ({ 'x-signed-at': String(nowMs) }),
  });
}

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

/** A gateway that answers sends and polls from two scripts, the last step of which repeats. */
export function bench(
  script: {
    sends?: Step[];
    polls?: Step[];
    adapter?: Adapter<AcmeFields>;
    policy?: Policy;
    client?: (fetch: Bench['fetch']) => KyInstance;
  } = {},
): Bench {
  const clock = manualClock();
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
