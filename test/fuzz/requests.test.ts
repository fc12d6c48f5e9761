import fc from 'fast-check';
import ky from 'ky';
import { describe, expect, it } from 'vitest';
import { askedBy, candidates, operationIn, placeIn } from '../../src/client/match.ts';
import { isWrite, operationOf, type Operation } from '../../src/core/operation.ts';
import {
  createGateway,
  isInputError,
  isReferenceInUseError,
  isResendRefusedError,
  isSettledError,
  isTicketError,
  isUnresolvedError,
  verdictOf,
  type Policy,
} from '../../src/index.ts';
import { manualClock } from '../../src/testing/manual-clock.ts';
import { isSuccess, kits, type Kit } from './adapters.ts';
import { hostileBodies, hostileJson, hostileNames, hostileTexts } from './hostile.ts';

/** What the drop-in client makes of requests that old code, or a stranger's form passed on by it, puts together. */

const isDocumented = (error: unknown): boolean =>
  [isInputError, isReferenceInUseError, isResendRefusedError, isSettledError, isTicketError, isUnresolvedError].some(
    is => is(error),
  );

const policy: Policy = { attemptTimeoutMs: 1000, retry: { attempts: 1 }, poll: { deadlineMs: 0 } };
const types = [
  'application/json',
  'application/x-www-form-urlencoded',
  'application/json; charset=UTF-8',
  'APPLICATION/JSON',
  'text/plain',
  'multipart/form-data; boundary=x',
  'application/json,application/x-www-form-urlencoded',
  'application/json-patch+json',
  '',
  ';',
  '__proto__',
];

interface Sent {
  readonly type: string;
  readonly body: string | Uint8Array<ArrayBuffer>;
}

const pairs = (keys: readonly string[]): fc.Arbitrary<string> =>
  fc
    .array(
      fc.tuple(
        fc.constantFrom(...keys, ...hostileNames),
        fc.oneof(fc.constantFrom<string[]>(...hostileTexts), fc.string()),
      ),
      { maxLength: 8 },
    )
    .map(each => new URLSearchParams(each.map(([key, value]): [string, string] => [key, value])).toString());

const requests = (keys: readonly string[], complete: object): fc.Arbitrary<Sent> =>
  fc.record({
    type: fc.oneof(
      { arbitrary: fc.constantFrom(...types.slice(0, 3)), weight: 3 },
      { arbitrary: fc.constantFrom(...types), weight: 1 },
    ),
    body: fc.oneof(
      // Complete, and then some.
      fc
        .dictionary(fc.constantFrom(...keys, ...hostileNames, 'extra'), hostileJson, { maxKeys: 4 })
        .map(more => JSON.stringify({ ...complete, ...more })),
      hostileJson.map(inner =>
        JSON.stringify({ ...complete, extra: { inner, toString: 1, valueOf: 1 }, another: [{ toString: null }] }),
      ),
      hostileBodies(keys).map(body => JSON.stringify(body)),
      pairs(keys),
      pairs(keys).map(
        form =>
          `${new URLSearchParams(Object.entries(complete).map(([key, value]): [string, string] => [key, String(value)])).toString()}&${form}`,
      ),
      fc.uint8Array({ maxLength: 100 }).map(bytes => new Uint8Array(bytes)),
      fc.constantFrom(...hostileTexts, 'null', '[]', '1', '"x"', '{"a":1,"a":2}', '{', 'a=1&a=2', '%', '=&=', '&'),
    ),
  });

/** The URL of an operation, its path filled in. */
const urlOf = ({ adapter }: Kit, { path }: Operation, value: string): string =>
  adapter.baseUrl +
  path.replaceAll(/\{\w+(?::(\w+)[^}]*)?\}/g, (_whole, choice?: string) => choice ?? encodeURIComponent(value));

/** What a call of the drop-in client ends with: a response, or an error. */
async function called(kit: Kit, url: string, init: RequestInit): Promise<{ end: unknown; sent: string[] }> {
  const clock = manualClock();
  const sent: string[] = [];
  const fetch = (request: Request): Promise<Response> => {
    sent.push(new URL(request.url).origin);
    return Promise.resolve(Response.json({ nothing: 'known', auth_token: 't', expired_at: 4e9 }));
  };
  const gateway = createGateway({
    adapter: kit.adapter,
    client: ky.create({ fetch: fetch as typeof globalThis.fetch, retry: 0 }),
    clock,
    policy,
  });
  const end = await clock.run(Promise.resolve(gateway.client(url, init)).catch((error: unknown) => error));
  expect(clock.pending).toBe(0);
  return { end, sent };
}

function expectHarmless(kit: Kit, { end, sent }: { end: unknown; sent: string[] }, what: string): void {
  if (end instanceof Response) {
    const verdict = verdictOf(end);
    expect(verdict !== undefined && isSuccess(verdict), what).toBe(false);
  } else expect(isDocumented(end), `${String(end)} of ${what}`).toBe(true);
  for (const origin of sent) expect(origin).toBe(new URL(kit.adapter.baseUrl).origin);
}

describe.each(kits)('$name, as a drop-in,', (kit: Kit) => {
  const { adapter, complete } = kit;
  const operations = Object.values(adapter.operations).filter(({ sendable }) => sendable !== false);
  const posts = operations.filter(({ method }) => method !== 'GET');
  const keysOf = (name: string): string[] => Object.keys(complete[name] ?? {});

  const given = fc
    .constantFrom(...posts.map(({ name }) => name))
    .chain(name => fc.tuple(fc.constant(name), requests(keysOf(name), complete[name] ?? {})));

  it('decodes a body into fields, or refuses it with an InputError', async () => {
    await fc.assert(
      fc.asyncProperty(given, async ([name, { type, body }]) => {
        const operation = operationOf(adapter, name);
        const request = new Request(urlOf(kit, operation, 'ID1'), {
          method: 'POST',
          body,
          ...(type !== '' && { headers: { 'content-type': type } }),
        });
        try {
          const found = operationIn(adapter, await askedBy(adapter, request, true), name);
          if (found === undefined) return expect.fail('it is none');
          const { fields, encoding } = found;
          expect(Object.getPrototypeOf(fields)).toBe(Object.prototype);
          expect(adapter.encodings).toContain(encoding);
        } catch (error) {
          expect(isInputError(error), String(error)).toBe(true);
          expect((error as Error).message.length).toBeLessThan(400);
        }
        expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
      }),
      { numRuns: 150 },
    );
  });

  it('ends every request with a response or a documented error, and with no success that nobody told', async () => {
    await fc.assert(
      fc.asyncProperty(given, async ([name, { type, body }]) => {
        const init: RequestInit = { method: 'POST', body, ...(type !== '' && { headers: { 'content-type': type } }) };
        expectHarmless(
          kit,
          await called(kit, urlOf(kit, operationOf(adapter, name), 'ID1'), init),
          `${name} ${type} ${String(body).slice(0, 300)}`,
        );
      }),
      { numRuns: 40 },
    );
  });

  const [write] = posts.filter(isWrite);
  const fields = complete[write?.name ?? ''] ?? {};
  const nested = (open: string, close: string): string =>
    `${JSON.stringify(fields).slice(0, -1)},"extra":${open.repeat(50_000)}1${close.repeat(50_000)}}`;
  const monsters: readonly (readonly [string, string, string])[] = [
    ['fifty thousand nested lists', 'application/json', nested('[', ']')],
    ['fifty thousand nested objects', 'application/json', nested('{"a":', '}')],
    ['a mebibyte of text', 'application/json', JSON.stringify({ ...fields, extra: 'x'.repeat(1024 * 1024) })],
    [
      'ten thousand fields',
      'application/json',
      JSON.stringify({
        ...fields,
        ...Object.fromEntries(Array.from({ length: 10_000 }, (_each, index) => [`k${index}`, index])),
      }),
    ],
    [
      'ten thousand fields of a form',
      'application/x-www-form-urlencoded',
      Array.from({ length: 10_000 }, (_each, index) => `k${index}=${index}`).join('&'),
    ],
    [
      'objects that cannot be texts',
      'application/json',
      JSON.stringify({ ...fields, a: { toString: 1, valueOf: 1 }, b: [{ toString: null }], c: { toJSON: 1 } }),
    ],
    [
      'a prototype',
      'application/json',
      `${JSON.stringify(fields).slice(0, -1)},"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}`,
    ],
    ['half a character', 'application/json', `${JSON.stringify(fields).slice(0, -1)},"extra":"\\ud800"}`],
  ];
  it.each(monsters)('takes or refuses %s', async (what, type, body) => {
    if (write === undefined) return;
    expectHarmless(
      kit,
      await called(kit, urlOf(kit, write, 'ID1'), { method: 'POST', body, headers: { 'content-type': type } }),
      what,
    );
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  const paths = [
    '..',
    '%2e%2e',
    '%',
    '%zz',
    '%00',
    '%2F',
    'a%2Fb',
    ' ',
    'é',
    '%E9',
    '\u{1F4B8}',
    '//',
    ';',
    '@elsewhere.test',
    '%ud800',
    'x'.repeat(5000),
  ];
  it.each(paths)('knows by URL what it may send: %.40s', path => {
    for (const operation of operations.slice(0, 12)) {
      const url = urlOf(kit, operation, 'ID1').replace('ID1', path);
      for (const changed of [
        url,
        `${url}/`,
        `${url}?a=1&a=2`,
        `${url}#b`,
        url.replace(adapter.baseUrl, `${adapter.baseUrl}/${path}`),
      ]) {
        if (!URL.canParse(changed)) continue;
        expect(() => candidates(adapter, operation.method ?? 'POST', placeIn(new URL(changed).href))).not.toThrow();
      }
    }
  });
});
