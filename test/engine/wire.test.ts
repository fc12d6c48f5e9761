import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { sleep } from '../../src/testing/sleep.ts';
import type { Operation } from '../../src/core/operation.ts';
import { createLimiter } from '../../src/engine/limiter.ts';
import { encodingOf } from '../../src/engine/encode.ts';
import { createProviderClock } from '../../src/engine/provider-clock.ts';
import { createWire, responseOf, type Answer, type WireRequest, type WireResult } from '../../src/engine/wire.ts';
import { defineAdapter, type Adapter } from '../../src/index.ts';
import { pollRequired, succeeded, text } from '../../src/kit/index.ts';
import type { AdapterDefinition } from '../../src/kit/adapter.ts';
import { manualClock, type ManualClock } from '../../src/testing/manual-clock.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

interface Fields {
  'order.create': { order: string; amount?: number };
  'order.replace': { order: string; amount?: number };
  'order.update': { order: string; amount?: number };
  'order.remove': { order: string; amount?: number };
  'order.query': { order: string };
}

const write = {
  required: { order: text },
  codes: { done: succeeded(), open: pollRequired('processing') },
  reference: ['order'],
  sameReference: 'unknown',
  query: { operation: 'order.query', fields: () => undefined },
} as const;

/** An invented gateway that speaks every method. */
const shop = (more: Partial<AdapterDefinition<Fields>> = {}): Adapter =>
  defineAdapter<Fields>({
    name: 'shop',
    account: 'shop-1',
    environment: 'sandbox',
    baseUrl: 'https://shop.test/api',
    encodings: ['json', 'form'],
    operations: {
      'order.create': { ...write, path: '/orders' },
      'order.replace': { ...write, path: '/orders/{order}', method: 'PUT' },
      'order.update': { ...write, path: '/orders/{order}', method: 'PATCH' },
      'order.remove': { ...write, path: '/orders/{order}', method: 'DELETE' },
      'order.query': { path: '/orders/{order}', method: 'GET', required: { order: text }, codes: {} },
    },
    read: () => ({ names: ['done'] }),
    ...more,
  });

type Fetch = (request: Request) => Promise<Response>;
type Exchanged = (given?: Partial<WireRequest> & { readonly name?: keyof Fields }) => Promise<WireResult>;

/** A body that never ends, and whether it was canceled. */
function endless(first = 'not the end'): { body: ReadableStream<Uint8Array>; canceled: () => unknown } {
  let why: unknown;
  const body = new ReadableStream<Uint8Array>({
    start: controller => controller.enqueue(new TextEncoder().encode(first)),
    cancel: reason => void (why = reason ?? 'canceled'),
  });
  return { body, canceled: () => why };
}

/** How often somebody began to listen to a signal, and how many still do. */
function watched(): { controller: AbortController; listeners: () => { added: number; left: number } } {
  const controller = new AbortController();
  const { signal } = controller;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  let [added, removed] = [0, 0];
  signal.addEventListener = (...args: Parameters<AbortSignal['addEventListener']>): void => (added++, add(...args));
  signal.removeEventListener = (...args: Parameters<AbortSignal['removeEventListener']>): void => (
    removed++, remove(...args)
  );
  return { controller, listeners: () => ({ added, left: added - removed }) };
}

/** One wire to the shop: what it is asked to send goes to `fetch`. */
function wireTo(fetch: Fetch, adapter = shop()): { exchange: Exchanged; clock: ManualClock } {
  const clock = manualClock({ startMs: 0 });
  const wire = createWire({
    adapter,
    clock,
    providerClock: createProviderClock(() => clock.now()),
    limiter: createLimiter({ concurrency: 2 }, clock),
    maxRetryAfterMs: 60_000,
    fetchSendsOnce: true,
  });
  const exchange: Exchanged = ({ name = 'order.create', ...given } = {}) => {
    const operation = adapter.operations[name] as Operation;
    return wire({
      operation,
      fields: { order: 'A1', amount: 5 },
      encoding: encodingOf(adapter, operation),
      headers: new Headers(),
      fetch: { send: fetch, isPlatforms: false },
      timeoutMs: 10_000,
      urgency: 'charge',
      signal: new AbortController().signal,
      context: { openedAtMs: 0, sendId: '1', reauthenticate: false, memory: new Map() },
      ...given,
    });
  };
  return { exchange, clock };
}

describe('a request', () => {
  it.each([
    ['order.create', 'POST', '/api/orders', '{"order":"A1","amount":5}'],
    ['order.replace', 'PUT', '/api/orders/A1', '{"amount":5}'],
    ['order.update', 'PATCH', '/api/orders/A1', '{"amount":5}'],
    ['order.remove', 'DELETE', '/api/orders/A1', '{"amount":5}'],
    ['order.query', 'GET', '/api/orders/A1?amount=5', ''],
  ] as const)('of %s is made with %s, and only a GET has no body', async (name, method, path, body) => {
    const seen: unknown[] = [];
    const { exchange } = wireTo(async request => {
      const { pathname, search } = new URL(request.url);
      seen.push([request.method, pathname + search, await request.text()]);
      seen.push([request.headers.get('content-type'), request.headers.get('content-length')]);
      return Response.json({});
    });
    expect(await exchange({ name })).toMatchObject({ type: 'answered' });
    expect(seen).toEqual([
      [method, path, body],
      body === '' ? [null, null] : ['application/json; charset=UTF-8', String(body.length)],
    ]);
  });
});

describe('what is sent', () => {
  it('is made of a copy of the fields: what a body does to it does not come with the next send', async () => {
    const bodies: string[] = [];
    const body = (fields: object): Record<string, unknown> => Object.assign(fields, { at: bodies.length });
    const { exchange } = wireTo(
      async request => (bodies.push(await request.text()), Response.json({})),
      shop({ body }),
    );
    const fields = { order: 'A1' };
    await exchange({ fields });
    await exchange({ fields });
    expect(fields).toEqual({ order: 'A1' });
    expect(bodies).toEqual(['{"order":"A1","at":0}', '{"order":"A1","at":1}']);
  });

  it('never holds a field that only the ticket needs, and the body is not told of it', async () => {
    const bodies: string[] = [];
    const adapter = shop({ body: fields => ({ ...fields, told: Object.keys(fields).join(' ') }) });
    const operation = { ...(adapter.operations['order.create'] as Operation), unsent: ['order'] } as Operation;
    const { exchange } = wireTo(async request => (bodies.push(await request.text()), Response.json({})), adapter);
    await exchange({ operation });
    expect(bodies).toEqual(['{"amount":5,"told":"amount"}']);
  });

  it('is what was signed, byte for byte, and its length is that of its bytes', async () => {
    let signed: unknown;
    const adapter = shop({ headers: send => ((signed = send), { 'X-Sign': 'for it' }) });
    const seen: Request[] = [];
    const { exchange } = wireTo(request => (seen.push(request), Promise.resolve(Response.json({}))), adapter);
    await exchange({ name: 'order.replace', fields: { order: 'é/1', note: 'größer als 5 €' } });
    const [request] = seen;
    const body = '{"note":"größer als 5 €"}';
    expect(signed).toMatchObject({ method: 'PUT', path: '/api/orders/%C3%A9%2F1', body, fields: { order: 'é/1' } });
    expect(request?.url).toBe('https://shop.test/api/orders/%C3%A9%2F1');
    expect(request?.headers.get('content-length')).toBe(String(Buffer.byteLength(body)));
    expect(request?.headers.get('x-sign')).toBe('for it');
    expect(await request?.text()).toBe(body);
  });

  it('keeps the client’s own headers, but for what describes the body', async () => {
    const seen: Headers[] = [];
    const { exchange } = wireTo(({ headers }) => (seen.push(headers), Promise.resolve(Response.json({}))));
    const headers = new Headers({ 'x-egress': 'key', 'content-type': 'text/plain', 'content-length': '999' });
    await exchange({ headers });
    await exchange({ headers, name: 'order.query' });
    const [write, query] = seen.map(each => Object.fromEntries(each));
    expect(write).toMatchObject({ 'x-egress': 'key', 'content-type': 'application/json; charset=UTF-8' });
    expect(write?.['content-length']).toBe('25');
    expect(query).toEqual({ 'x-egress': 'key' });
    expect(Object.fromEntries(headers)).toMatchObject({ 'content-type': 'text/plain' });
  });

  it('is refused when the adapter names one header twice, with two values', async () => {
    let fetched = 0;
    const twice = wireTo(
      () => (fetched++, Promise.resolve(Response.json({}))),
      shop({ headers: () => ({ 'X-Sign': 'one', 'x-sign': 'other' }) }),
    );
    await expect(twice.exchange()).rejects.toThrow('name another x-sign');
    expect(fetched).toBe(0);
  });
});

describe('one exchange', () => {
  it('listens to the caller’s signal once, and no longer than it lasts', async () => {
    const { controller, listeners } = watched();
    const { exchange } = wireTo(() => Promise.resolve(Response.json({})));
    for (let count = 1; count <= 20; count++) {
      await exchange({ signal: controller.signal });
      expect(listeners()).toEqual({ added: count, left: 0 });
    }
    const failing = wireTo(() => Promise.reject(new Error('reset')));
    await failing.exchange({ signal: controller.signal });
    expect(listeners()).toEqual({ added: 21, left: 0 });
  });

  it('that was answered is never aborted afterwards, and leaves no timer', async () => {
    const signals: AbortSignal[] = [];
    const { exchange, clock } = wireTo(({ signal }) => (signals.push(signal), Promise.resolve(Response.json({}))));
    const controller = new AbortController();
    expect(await exchange({ signal: controller.signal })).toMatchObject({ type: 'answered' });
    expect(clock.pending).toBe(0);
    controller.abort('later');
    expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
  });

  it('ends with the caller’s own reason at once, though its fetch does not look at its signal', async () => {
    const signals: AbortSignal[] = [];
    const { exchange, clock } = wireTo(({ signal }) => (signals.push(signal), new Promise(() => undefined)));
    for (const reason of ['closing', new Error('shut down'), 0]) {
      const controller = new AbortController();
      const exchanging = exchange({ signal: controller.signal });
      await clock.run(sleep(clock, 10));
      controller.abort(reason);
      await expect(exchanging).rejects.toBe(reason);
      expect(signals.pop()?.reason).toBe(reason);
      expect(clock.pending).toBe(0);
    }
  });

  it('that takes too long is lost and may have been sent; its connection is told to end', async () => {
    const signals: AbortSignal[] = [];
    const { exchange, clock } = wireTo(({ signal }) => (signals.push(signal), new Promise(() => undefined)));
    const lost = await clock.run(exchange());
    expect(lost).toMatchObject({ type: 'lost', evidence: 'maybe-sent', code: 'timeout' });
    expect(signals[0]?.reason).toMatchObject({ message: 'The attempt took too long.' });
  });

  it('whose answer never ends is given up in its time, and the body’s source is told', async () => {
    const { body, canceled } = endless();
    const { exchange, clock } = wireTo(() => Promise.resolve(new Response(body)));
    const exchanging = exchange();
    await clock.run(sleep(clock, 9999));
    expect(canceled()).toBeUndefined();
    expect(await clock.run(exchanging)).toMatchObject({ type: 'lost', evidence: 'maybe-sent', code: 'timeout' });
    expect(canceled()).toBe('canceled');
  });

  it('whose caller leaves in the middle of the answer is no answer, however much of it had come', async () => {
    const { body, canceled } = endless('{"state":"paid"}');
    const { exchange, clock } = wireTo(() => Promise.resolve(new Response(body)));
    const controller = new AbortController();
    const exchanging = exchange({ signal: controller.signal });
    await clock.run(sleep(clock, 10));
    controller.abort('closing');
    await expect(exchanging).rejects.toBe('closing');
    expect(canceled()).toBe('canceled');
  });

  it('with an answer of more than a mebibyte is lost, and not read on', async () => {
    const { body, canceled } = endless('x'.repeat(1024 * 1024 + 1));
    const { exchange } = wireTo(() => Promise.resolve(new Response(body)));
    expect(await exchange()).toMatchObject({ type: 'lost', evidence: 'maybe-sent', code: 'network/body-too-long' });
    expect(canceled()).toBe('canceled');
  });

  it('that is held back, or given up while it is signed, never reaches fetch', async () => {
    let fetched = 0;
    const fetch: Fetch = () => (fetched++, Promise.resolve(Response.json({})));
    const held = wireTo(fetch);
    expect(await held.exchange({ onLeaving: () => false })).toMatchObject({
      type: 'lost',
      evidence: 'not-sent',
      code: 'held',
    });
    const signing = Promise.withResolvers<Record<string, string>>();
    const slow = wireTo(fetch, shop({ headers: () => signing.promise }));
    const given = await slow.clock.run(slow.exchange());
    expect(given).toMatchObject({ type: 'lost', evidence: 'not-sent', code: 'timeout' });
    signing.resolve({});
    await slow.clock.run(sleep(slow.clock, 10));
    expect(fetched).toBe(0);
  });
});

describe('an answer', () => {
  const answer = (more: Partial<Answer> = {}): Answer => ({
    status: 200,
    statusText: 'OK',
    headers: new Headers({ date: 'today' }),
    url: 'https://shop.test/api/orders',
    bytes: new TextEncoder().encode('{"state":"paid"}'),
    ...more,
  });

  it('is handed out as often as it is asked for, whatever a reader does with his bytes', async () => {
    const given = answer();
    const first = responseOf(given);
    new Uint8Array(await first.arrayBuffer()).fill(0);
    const second = responseOf(given);
    second.headers.set('date', 'tomorrow');
    const { status, statusText, url } = second;
    expect([status, statusText, url, await second.json()]).toEqual([200, 'OK', given.url, { state: 'paid' }]);
    expect(responseOf(given).headers.get('date')).toBe('today');
    await expect(responseOf(given).clone().text()).resolves.toBe('{"state":"paid"}');
  });

  it.each([204, 304])('of HTTP %i has no body, and one that is no HTTP has a status that can be read', status => {
    expect(responseOf(answer({ status, bytes: new Uint8Array() }))).toMatchObject({ status, body: null });
    expect(responseOf(answer({ status: 999, statusText: 'a\u0007b' }))).toMatchObject({
      status: 599,
      statusText: 'a?b',
    });
  });
});

describe('in memory', () => {
  /** Lets go of what nobody holds: an object that a promise of this turn has seen lives until the next. */
  const collected = async (): Promise<void> => {
    for (let turn = 0; turn < 3; turn++) {
      await new Promise(resolve => void setImmediate(resolve));
      collectGarbage();
    }
  };

  it('an exchange that ended leaves its result, and nothing else of it is kept by a signal or a client that live on', async () => {
    const made: [string, WeakRef<object>][] = [];
    const note = <T extends object>(name: string, each: T): T => (made.push([name, new WeakRef(each)]), each);
    const headers = new Headers();
    const controller = new AbortController();
    const { exchange } = wireTo(request => {
      note('request', request);
      note('signal', request.signal);
      note('headers', request.headers);
      return Promise.resolve(note('response', Response.json({ state: 'paid' })));
    });
    const lost = wireTo(request => (note('lost request', request), Promise.reject(note('error', new Error('reset')))));
    const result = await exchange({ signal: controller.signal, headers });
    await lost.exchange({ signal: controller.signal, headers });
    await collected();
    expect(made.filter(([, each]) => each.deref() !== undefined).map(([name]) => name)).toEqual([]);
    expect(result).toMatchObject({ type: 'answered', body: { state: 'paid' } });
    expect(controller.signal.aborted).toBe(false);
  });

  it('an abort reaches a fetch that has kept nothing but its signal', async () => {
    const signals: AbortSignal[] = [];
    const { exchange, clock } = wireTo(({ signal }) => (signals.push(signal), new Promise(() => undefined)));
    const controller = new AbortController();
    const exchanging = exchange({ signal: controller.signal });
    await clock.run(sleep(clock, 10));
    await collected();
    controller.abort('closing');
    await expect(exchanging).rejects.toBe('closing');
    expect(signals[0]?.reason).toBe('closing');
  });
});
