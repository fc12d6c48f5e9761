import { describe, expect, it } from 'vitest';
import type { Operation } from '../../src/core/operation.ts';
import { createLimiter } from '../../src/engine/limiter.ts';
import { encodingOf } from '../../src/engine/encode.ts';
import { createProviderClock } from '../../src/engine/provider-clock.ts';
import { createWire, type WireRequest, type WireResult } from '../../src/engine/wire.ts';
import { defineAdapter, type Adapter } from '../../src/index.ts';
import { pollRequired, succeeded, text } from '../../src/kit/index.ts';
import type { AdapterDefinition } from '../../src/kit/adapter.ts';
import { manualClock, type ManualClock } from '../../src/testing/manual-clock.ts';

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

/** One wire to the shop: what it is asked to send goes to `fetch`. */
function wireTo(fetch: Fetch, adapter = shop()): { exchange: Exchanged; clock: ManualClock } {
  const clock = manualClock({ startMs: 0 });
  const wire = createWire({
    adapter,
    clock,
    providerClock: createProviderClock(() => clock.now()),
    limiter: createLimiter(2),
    fetchSendsOnce: true,
  });
  const exchange: Exchanged = ({ name = 'order.create', ...given } = {}) => {
    const operation = adapter.operations[name] as Operation;
    return wire({
      operation,
      fields: { order: 'A1', amount: 5 },
      encoding: encodingOf(adapter, operation),
      lane: operation.effect,
      headers: new Headers(),
      fetch: { send: fetch, isPlatforms: false },
      timeoutMs: 10_000,
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
