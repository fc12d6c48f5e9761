import fc from 'fast-check';
import ky, { type Input, type KyInstance, type Options } from 'ky';
import { describe, expect, it } from 'vitest';
import { placeAsGiven } from '../../src/client/as-given.ts';
import { candidates, mayMatch, placeIn } from '../../src/client/match.ts';
import { createGateway, verdictOf, type Adapter, type GatewayEvent } from '../../src/index.ts';
import { manualClock } from '../../src/testing/manual-clock.ts';
import { acme } from '../testing/acme.ts';
import { json } from '../testing/bench.ts';

/**
 * A call of a client without hooks is matched by what it says, before ky makes a `Request` of it. With a hook, even one
 * that does nothing, the `Request` tells. Whatever is called, the two must do the same.
 */
const { operations } = acme();
const [charge, cancel, query] = [
  operations['payment.charge'],
  operations['payment.cancel'],
  operations['payment.query'],
];
if (charge === undefined || cancel === undefined || query === undefined) throw new Error('no such operations');
const adapter: Adapter = {
  ...(acme() as Adapter),
  operations: {
    ...operations,
    'payment.cancel': { ...cancel, path: '/{way:cancel|void}' },
    'payment.query': { ...query, method: 'GET', path: '/orders/{order}' },
    'payout.create': { ...charge, name: 'payout.create', path: '/payout', match: fields => fields['kind'] === 'out' },
  },
};

interface CallOf {
  readonly method: 'get' | 'post' | 'put' | 'head' | undefined;
  readonly input: () => Input;
  readonly options: () => Options | undefined;
  readonly client: Options;
}

interface Trace {
  readonly sent: unknown[];
  readonly events: unknown[];
  readonly end: unknown;
}

/** All that a caller, a listener and the network can see of a call. */
async function trace({ method, input, options, client }: CallOf, hooks: Options['hooks']): Promise<Trace> {
  const clock = manualClock();
  const sent: unknown[] = [];
  const events: unknown[] = [];
  const fetch = async (request: Request): Promise<Response> => {
    const isSigned = request.headers.has('x-signed-at');
    const found = candidates(adapter, request.method, placeIn(request.url));
    // Two that share a path are told apart by their fields.
    if (found.some(({ match }) => match === undefined)) expect(isSigned, `${request.method} ${request.url}`).toBe(true);
    sent.push([request.method, request.url, [...request.headers], await request.text()]);
    return json({ code: 'PAID', state: 'paid', order: 'A1' });
  };
  const gateway = createGateway({
    adapter,
    client: ky.create({ ...client, fetch: fetch as typeof globalThis.fetch, ...(hooks !== undefined && { hooks }) }),
    clock,
    onEvent: ({ type, ...event }: GatewayEvent) => events.push([type, 'url' in event ? event.url : '']),
  });
  const call = (instance: KyInstance): Promise<Response> =>
    method === undefined ? instance(input(), options()) : instance[method](input(), options());
  let end: unknown;
  try {
    const promise = call(gateway.client);
    end = await clock.run(promise.then(told, (error: unknown) => ({ rejected: String(error) })));
  } catch (error) {
    end = { thrown: String(error) };
  }
  return { sent, events, end };
}

const told = async (response: Response): Promise<unknown> => [
  response.status,
  verdictOf(response)?.kind,
  await response.text(),
];

const aHook: Options['hooks'] = { beforeRequest: [() => undefined] };
const expectSame = async (call: CallOf): Promise<Trace> => {
  const traced = await trace(call, undefined);
  expect(traced).toEqual(await trace(call, aHook));
  return traced;
};

const origins = [
  'https://acme.test',
  'HTTPS://Acme.TEST:443',
  'http://acme.test',
  'https://other.test',
  '//acme.test',
  '',
];
const paths = [
  ...['/api/charge', '/api/charge/', '/api//charge', '//api/charge', '/api/./charge', '/api/x/../charge', 'charge'],
  ...['/api/%63harge', '/api/CHARGE', '/api/charge?x=1', '/api/charge#f', '/api/charge%3F', '\\api\\charge'],
  ...['/api/char\tge', ' /api/charge ', '/charge', '../api/charge', './charge', '/api/x/%2e%2e/charge', ''],
  ...['/api/orders/A1', '/api/orders/A1?a=1', '/api/orders/a%2Fb', '/api/orders/..', '/api/orders/%2e%2e/charge'],
  ...['/api/orders/é', '/api/orders/', '/api/cancel', '/api/void', '/api/Void', '/api/cancelvoid', '/api/payout'],
  ...['/api/shop/prices', '?a=1', '/api/char\u200Bge', 'charge:1', '/api/charge;v=1', '@acme.test/api/charge'],
];
const addresses = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom('https://acme.test/api/charge', 'https://acme.test/api/cancel') },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.constantFrom(...origins), fc.constantFrom(...paths)).map(parts => parts.join('')),
  },
);
const inputs = fc.oneof(
  { weight: 8, arbitrary: addresses.map(text => (): Input => text) },
  {
    weight: 1,
    arbitrary: addresses.filter(text => URL.canParse(text)).map(text => (): Input => new URL(text)),
  },
  {
    weight: 1,
    arbitrary: addresses
      .filter(text => URL.canParse(text) && !text.includes('@'))
      .map(
        text => (): Input => new Request(text, { method: 'POST', body: JSON.stringify({ order: 'A1', amount: 1 }) }),
      ),
  },
);

const bases: readonly Options[] = [
  ...[
    {},
    {},
    {},
    {},
    {},
    {},
    {},
    {},
    { prefix: 'https://acme.test/api' },
    { prefix: 'https://acme.test/api///' },
    { prefix: '/api' },
  ],
  ...[{ prefix: '' }, { baseUrl: 'https://acme.test/api/' }, { baseUrl: 'https://acme.test' }, { baseUrl: '' }],
  ...[{ prefix: '/api/', baseUrl: 'https://acme.test/x/' }, { baseUrl: new URL('https://acme.test/api/') }],
  ...[{ prefix: new URL('https://acme.test/api') as never }, { baseUrl: '/api' }, { prefix: 'api' }],
];

const fields = { order: 'A1', amount: 100 };
class Order {
  readonly order = 'A1';
  readonly amount = 100;
}
const circular: Record<string, unknown> = { ...fields };
circular['self'] = circular;
const nested = (depth: number): unknown => (depth === 0 ? 1 : { inner: nested(depth - 1) });
const values = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom<unknown[]>(undefined, Number.NaN, Infinity, -0, 1e21, new Date(0), new Order(), () => 1, Symbol('s')),
  fc.constantFrom<unknown[]>(
    [undefined],
    { a: undefined, b: [new Date(0)] },
    10n,
    '\uD800',
    Object.create(null),
    circular,
  ),
  fc.constantFrom<unknown[]>(
    { toJSON: () => 'own' },
    { toJSON: 1 },
    nested(63),
    nested(64),
    nested(70),
    new Map([[1, 2]]),
  ),
  fc.constantFrom<unknown[]>(JSON.parse('{"__proto__":{"a":1}}'), new String('boxed'), new Number(5), [, 1], [[[]]]),
);
const objects = fc.oneof(
  fc.dictionary(fc.oneof(fc.constantFrom('order', 'amount', 'kind', 'extra'), fc.string()), values, { maxKeys: 3 }),
  fc.constantFrom<object[]>(
    { extra: JSON.parse('{"__proto__":{"a":1}}') as unknown },
    { kind: 'out' },
    { order: undefined },
    { order: 7 },
    {},
    {},
    {},
  ),
);
const texts = fc.constantFrom(
  ...[
    'order=A1&amount=100',
    'order=A1&order=A2',
    'order=%zz',
    '{"order":"A1","amount":100}',
    '{"order":"A1"',
    '[]',
    '',
  ],
  ...['{"order":"A1","amount":1,"amount":2}', 'order=A+1&amount=100', '{"order":"\\ud800"}', 'null'],
);
const types = fc.constantFrom(
  ...['application/json', 'application/x-www-form-urlencoded', 'APPLICATION/JSON; charset=UTF-8', 'text/plain', ''],
);
const pairs = fc.constantFrom<string[]>('', 'order=A1&amount=100', 'order=A1&amount=100&kind=out', 'order=A1&order=A2');
const contents: fc.Arbitrary<() => Options> = fc.oneof(
  fc.constant(() => ({ json: fields })),
  fc.constant(() => ({ body: new URLSearchParams({ order: 'A1', amount: '100' }) })),
  objects.map(more => () => ({ json: { ...fields, ...more } })),
  fc.constantFrom<unknown[]>(new Order(), circular, null, [], 'A1', 5).map(value => () => ({ json: value })),
  pairs.map(given => () => ({ body: new URLSearchParams(given) })),
  fc.tuple(texts, types).map(([body, type]) => () => ({ body, headers: type === '' ? {} : { 'content-type': type } })),
  fc.tuple(pairs, types).map(([given, type]) => () => ({
    body: new URLSearchParams(given),
    headers: new Headers(type === '' ? {} : { 'Content-Type': type }),
  })),
  fc.tuple(objects, types).map(([more, type]) => () => ({
    json: { ...fields, ...more },
    headers: { 'Content-Type': type },
  })),
  texts.map(body => () => ({ body: new TextEncoder().encode(body), headers: { 'content-type': 'application/json' } })),
  texts.map(body => () => ({ body, json: fields })),
  fc.constant(() => ({ json: fields, stringifyJson: () => '{"order":"A1","amount":5}' })),
  fc.constant(() => ({ body: null })),
  fc.constant(() => ({})),
);
const others: fc.Arbitrary<Options> = fc.oneof(
  { weight: 4, arbitrary: fc.constant({}) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Options[]>(
      { searchParams: { a: 1 } },
      { searchParams: '' },
      { headers: { accept: 'own/type' } },
      { retry: 0 },
      { retry: -1 },
      { retry: { limit: 1 } },
      { retry: { limit: 1.5 } },
      { retry: { methods: 'post' } } as never,
      { timeout: false },
      { timeout: 2 ** 31 },
      { throwHttpErrors: false },
      { context: { tillpaid: { operation: 'payment.charge' } } },
      { context: { tillpaid: { operation: 'payment.query' } } },
      { context: { tillpayed: {} } } as never,
      { signal: new AbortController().signal },
      { signal: AbortSignal.abort(new Error('closing')) },
      { onUploadProgress: () => undefined },
      { prefixUrl: 'https://acme.test' } as never,
      { hooks: {} },
    ),
  },
);
const methods = fc.constantFrom(
  'post',
  'POST',
  'Post',
  'get',
  'GET',
  'Get',
  'put',
  'delete',
  'patch',
  'a b',
  5 as never,
);

const calls: fc.Arbitrary<CallOf> = fc.record({
  method: fc.constantFrom(...(['post', 'post', 'post', 'post', 'get', 'put', 'head', undefined] as const)),
  input: inputs,
  options: fc
    .tuple(contents, others, fc.option(methods, { nil: undefined, freq: 6 }))
    .map(([content, other, method]) => () => ({
      ...content(),
      ...other,
      ...(method !== undefined && { method }),
    })),
  client: fc
    .tuple(
      fc.constantFrom(...bases),
      fc.oneof({ weight: 4, arbitrary: fc.constant({}) }, { weight: 1, arbitrary: others }),
    )
    .map(([base, other]) => ({ ...other, ...base })),
});

describe('a call that is matched by its options', () => {
  it('does what the same call does with a hook, where its Request tells', async () => {
    await fc.assert(
      fc.asyncProperty(calls, async call => {
        await expectSame(call);
      }),
      { numRuns: 250 },
    );
  }, 60_000);

  it('carries what the same call carries with a hook, whatever its body is', async () => {
    let settled = 0;
    const carried = fc.record({
      method: fc.constant('post' as const),
      input: fc.constantFrom('https://acme.test/api/charge', 'https://acme.test/api/payout').map(text => () => text),
      options: contents,
      client: fc.constant({}),
    });
    await fc.assert(
      fc.asyncProperty(carried, async call => {
        const { end } = await expectSame(call);
        if (Array.isArray(end) && end[1] === 'terminal') settled++;
      }),
      { numRuns: 250 },
    );
    expect(settled).toBeGreaterThan(30);
  }, 60_000);

  it('goes where its Request goes, wherever the options say', async () => {
    const client = fc.constantFrom(...bases);
    await fc.assert(
      fc.asyncProperty(addresses, client, async (input, base) => {
        let url: string | undefined;
        const hook = ({ request }: { request: Request }): Response => {
          url = request.url;
          return new Response();
        };
        try {
          await ky.create({ ...base, hooks: { beforeRequest: [hook] } })(input);
        } catch {
          // ky knows no such address.
        }
        const place = placeAsGiven(input, base);
        if (place === undefined || url === undefined) return;
        expect(place).toBe(placeIn(url));
        expect(mayMatch(adapter, place)).toBe(mayMatch(adapter, placeIn(url)));
      }),
      { numRuns: 1000 },
    );
  });

  it('sends what it was given, whatever becomes of the caller’s objects afterwards', async () => {
    const clock = manualClock();
    const bodies: string[] = [];
    const fetch = async (request: Request): Promise<Response> => {
      bodies.push(await request.text());
      return json({ code: 'PAID', order: 'A1' });
    };
    const client = ky.create({ fetch: fetch as typeof globalThis.fetch });
    for (const give of ['json', 'body'] as const) {
      const gateway = createGateway({ adapter, client, clock });
      const inner = { note: 'first' };
      const given = { order: 'A1', amount: 100, inner };
      const form = new URLSearchParams({ order: 'A1', amount: '100' });
      const call = gateway.client.post('charge', give === 'json' ? { json: given } : { body: form });
      given.amount = 1;
      inner.note = 'changed';
      form.set('amount', '1');
      await clock.run(Promise.resolve(call));
    }
    expect(bodies[0]).toContain('"amount":100,"inner":{"note":"first"}');
    expect(bodies[1]).toContain('amount=100');
  });
});

describe('a client that is no plain ky', () => {
  /** It changes addresses without a hook, where nothing can look at it. */
  const rewriting = (from: string, to: string, fetch: unknown): KyInstance => {
    const base = ky.create({ fetch: fetch as typeof globalThis.fetch });
    const moved = (input: Input): Input => (input as string).replace(from, to);
    const wrapper = (input: Input, options?: Options): Promise<Response> => base(moved(input), options);
    const post = (input: Input, options?: Options): Promise<Response> => base.post(moved(input), options);
    return Object.assign(wrapper, base, { post });
  };

  it.each([
    ['an operation of what is none', '/shop', '/charge'],
    ['no operation of what is one', '/charge', '/shop'],
  ])('has nothing sent when it makes %s', async (_what, from, to) => {
    const sent: string[] = [];
    const fetch = (request: Request): Promise<Response> => {
      sent.push(request.url);
      return Promise.resolve(json({ code: 'PAID' }));
    };
    const clock = manualClock();
    const gateway = createGateway({ adapter, client: rewriting(from, to, fetch), clock });
    const call = gateway.client.post(`https://acme.test/api${from}`, { json: fields });
    await expect(clock.run(Promise.resolve(call))).rejects.toThrow(/another address, without a hook. Nothing was sent/);
    expect(sent).toEqual([]);
  });
});
