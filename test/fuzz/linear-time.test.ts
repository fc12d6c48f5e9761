import { performance } from 'node:perf_hooks';
import { describe, expect, it } from 'vitest';
import { askedBy, operationIn } from '../../src/client/match.ts';
import { parseTicket } from '../../src/core/parse-ticket.ts';
import { evidenceOf } from '../../src/engine/evidence.ts';
import { createGateway } from '../../src/index.ts';
import type { EncodedSend } from '../../src/kit/adapter.ts';
import { retryAfterMs } from '../../src/policies/retry-after.ts';
import { manualClock } from '../../src/testing/manual-clock.ts';
import { kits, type Kit } from './adapters.ts';
import { leavesOf, replaced } from './mutations.ts';

/**
 * Eight times as much takes eight times as long. What looks at fields is counted, look by look. What looks at texts
 * cannot be: there the times of one run are compared, and three times as long as expected still passes. Quadratic work
 * would take sixty-four times as long.
 */
const TIMES = 8;

/** How often an answer is looked at while it is read. */
function looksAt(body: unknown, read: (watched: unknown) => unknown): number {
  let looks = 0;
  const watched = new WeakMap<object, object>();
  const watch = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null) return value;
    const known = watched.get(value);
    if (known !== undefined) return known;
    const made = new Proxy(value, {
      get: (target, key) => (looks++, watch(Reflect.get(target, key))),
      has: (target, key) => (looks++, Reflect.has(target, key)),
      getOwnPropertyDescriptor: (target, key) => (looks++, Reflect.getOwnPropertyDescriptor(target, key)),
      ownKeys: target => ((looks += Reflect.ownKeys(target).length), Reflect.ownKeys(target)),
    });
    watched.set(value, made);
    return made;
  };
  read(watch(body));
  return looks;
}

const isBranch = (value: unknown): value is object => typeof value === 'object' && value !== null;

/** Every list as many times over, every object with as many more fields. */
function grown(value: unknown, times: number): unknown {
  if (Array.isArray(value))
    return Array.from({ length: times }, () => (value as unknown[]).map(each => grown(each, 1))).flat();
  if (!isBranch(value)) return value;
  const more = Array.from({ length: times }, (_each, index) => [`x${index}`, index]);
  return Object.fromEntries([...Object.entries(value).map(([key, inner]) => [key, grown(inner, times)]), ...more]);
}

const SIZE = 16 * 1024;
const FLOOR_MS = 5;

/** The best of three: what the machine does besides only ever adds. */
async function bestOf(work: () => unknown): Promise<number> {
  let best = Infinity;
  for (let run = 0; run < 3; run++) {
    const begunMs = performance.now();
    await work();
    best = Math.min(best, performance.now() - begunMs);
  }
  return best;
}

async function expectLinear(work: (size: number) => unknown): Promise<void> {
  await work(100);
  const smallMs = await bestOf(() => work(SIZE));
  const largeMs = await bestOf(() => work(TIMES * SIZE));
  expect(largeMs).toBeLessThan(3 * TIMES * Math.max(smallMs, FLOOR_MS));
}

/** Texts that make a careless pattern try every way there is. */
const texts: readonly (readonly [string, (size: number) => string])[] = [
  ['digits', size => `${'0'.repeat(size)}x`],
  ['spaces', size => `a${' '.repeat(size)}x`],
  ['line ends', size => `${'\n'.repeat(size)}x`],
  ['slashes', size => `${'/'.repeat(size)}x`],
  ['commas', size => `${',signature='.repeat(size / 11)}!`],
  ['quotes', size => `${'\\"'.repeat(size / 2)}x`],
];

describe.each(kits)('$name', (kit: Kit) => {
  const { adapter, samples, complete } = kit;

  it('looks at eight times as many rows and fields eight times as often, at most', () => {
    for (const { exchange, title } of samples) {
      const looks = (times: number): number =>
        looksAt(grown(exchange.body, times), body => adapter.classify({ ...exchange, body }));
      expect(looks(32 * TIMES), title).toBeLessThanOrEqual(TIMES * looks(32) + 100);
    }
  });

  const places = [
    ...new Map(
      samples.flatMap(sample =>
        leavesOf(sample.exchange.body).map(
          leaf => [`${sample.exchange.operation} ${leaf.path.join('.')}`, { sample, leaf }] as const,
        ),
      ),
    ).values(),
  ];
  it.each(texts)('reads %s in linear time, in whatever field of an answer', async (_what, text) => {
    await expectLinear(size => {
      const long = text(size);
      for (const { sample, leaf } of places)
        adapter.classify({ ...sample.exchange, body: replaced(sample.exchange.body, leaf.path, () => long) });
    });
  });

  it.each(texts)('verifies %s in linear time', async (_what, text) => {
    const gateway = createGateway({ adapter, clock: manualClock() });
    const [operation = ''] = Object.keys(complete);
    const send = {
      operation,
      method: 'POST',
      path: '/',
      fields: {},
      body: '',
      nowMs: 0,
      openedAtMs: 0,
      sendId: '1',
    } as EncodedSend;
    await expectLinear(async size => {
      const long = text(size).replaceAll('\n', '\t');
      const headers = Object.fromEntries(
        ['signature', 'x-signature', 'x-qf-sign', 'x-wk-signature', 'x-timestamp', 'x-wk-timestamp'].map(name => [
          name,
          long,
        ]),
      );
      await adapter.verify?.({ send, status: 200, headers: new Headers(headers), text: long });
      const request = new Request('https://shop.example/hooks', {
        method: 'POST',
        headers,
        body: JSON.stringify({ data: long, mac: long }),
      });
      await gateway.receive(request).catch(() => undefined);
    });
  });

  it.each(texts)('decodes %s of a request in linear time', async (_what, text) => {
    const operation = Object.values(adapter.operations).find(({ method }) => method !== 'GET');
    if (operation === undefined) return;
    const url =
      adapter.baseUrl +
      operation.path.replaceAll(/\{\w+(?::(\w+)[^}]*)?\}/g, (_whole, choice?: string) => choice ?? 'ID1');
    await expectLinear(async size => {
      const long = text(size);
      const pairs = Object.fromEntries(Array.from({ length: size / 64 }, (_each, index) => [`k${index}`, 'x']));
      for (const encoding of adapter.encodings) {
        const body =
          encoding === 'form' ? new URLSearchParams({ ...pairs, long }).toString() : JSON.stringify({ ...pairs, long });
        const type = encoding === 'form' ? 'application/x-www-form-urlencoded' : 'application/json';
        const { method = 'POST', name } = operation;
        const request = new Request(url, { method, body, headers: { 'content-type': type } });
        operationIn(adapter, await askedBy(adapter, request, true), name);
      }
    });
  });
});

describe('the core', () => {
  it.each(texts)('reads %s in a ticket, a header and an error in linear time', async (_what, text) => {
    await expectLinear(size => {
      const long = text(size);
      for (const ticket of [
        long,
        JSON.stringify({ version: 1, reference: { a: long }, openedAt: long }),
        { version: 1, reference: { [long]: long }, openedAt: long },
      ]) {
        expect(() => parseTicket(ticket)).toThrow('Not a ticket');
      }
      retryAfterMs(new Headers({ 'retry-after': long.replaceAll('\n', '\t') }), 0);
      evidenceOf(Object.assign(new TypeError(long), { code: long, cause: new Error(long) }));
    });
  });
});
