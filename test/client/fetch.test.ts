import ky, { type Options } from 'ky';
import { describe, expect, it } from 'vitest';
import {
  constant,
  createGateway,
  isInputError,
  isUnresolvedError,
  ticketOf,
  verdictOf,
  type FetchInit,
  type Ticket,
} from '../../src/index.ts';
import { acme } from '../testing/acme.ts';
import { bench, reset, said, state, type Bench } from '../testing/bench.ts';

/** `gateway.fetch` is a fetch: what native `fetch` takes means the same, and what ky takes means nothing. */

const base = 'https://acme.test/api';
const elsewhere = 'https://elsewhere.test/x';
const quick = { retry: { backoff: constant(100) }, poll: { backoff: constant(1000), deadlineMs: 10_000 } };
const form = new URLSearchParams({ order: 'A1', amount: '100' });
const jsonOf = (fields: object): RequestInit => ({
  method: 'POST',
  body: JSON.stringify(fields),
  headers: { 'content-type': 'application/json' },
});
const thrown = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => expect.fail('resolved'),
    (error: unknown) => error,
  );

/** What can be seen of a request. */
const told = async (request: Request): Promise<unknown> => {
  const headers = [...request.headers].map(([name, value]) => [name, value.replace(/boundary=.*/, 'boundary')]);
  const { method, url, redirect, credentials, cache, mode, keepalive, referrer, integrity, duplex } =
    request as Request & { duplex?: string };
  return {
    method,
    url,
    headers,
    body: (await request.text()).replaceAll(/-{4,}[\w-]+/g, 'boundary'),
    redirect,
    credentials,
    cache,
    mode,
    keepalive,
    referrer,
    integrity,
    duplex,
  };
};

const stream = (): ReadableStream<Uint8Array> => new Blob(['streamed']).stream();
const fields = (): FormData => {
  const data = new FormData();
  data.set('a', '1');
  return data;
};
const post = (): Request =>
  new Request(elsewhere, { method: 'POST', body: 'first', headers: { 'x-one': '1', 'content-type': 'text/special' } });

type Call = [what: string, args: () => [input: string | URL | Request, init?: RequestInit]];

const calls: Call[] = [
  ['a URL as text', () => [elsewhere]],
  ['a URL', () => [new URL(elsewhere)]],
  ['a URL with a query and a fragment', () => [`${elsewhere}?a=1&b=%20#c`]],
  ['a Request with a body', () => [post()]],
  ['a Request and other headers', () => [post(), { headers: { 'x-two': '2' } }]],
  ['a Request and another body', () => [post(), { body: 'second', method: 'PUT' }]],
  ['a URL and a Request in place of init', () => [elsewhere, post()]],
  ['a Request and a Request in place of init', () => [new Request('https://elsewhere.test/y'), post()]],
  ['a text', () => [elsewhere, { method: 'POST', body: 'text' }]],
  ['a form', () => [elsewhere, { method: 'POST', body: form }]],
  ['a multipart form', () => [elsewhere, { method: 'POST', body: fields() }]],
  ['a blob', () => [elsewhere, { method: 'PATCH', body: new Blob(['blob'], { type: 'image/x' }) }]],
  ['bytes', () => [elsewhere, { method: 'POST', body: new Uint8Array([65, 66]) }]],
  ['a stream', () => [elsewhere, { method: 'POST', body: stream(), duplex: 'half' } as RequestInit]],
  [
    'headers as pairs',
    () => [
      elsewhere,
      {
        headers: [
          ['x-a', '1'],
          ['x-a', '2'],
        ],
      },
    ],
  ],
  [
    'keepalive, redirect, credentials, cache and referrer',
    () => [elsewhere, { keepalive: true, redirect: 'manual', credentials: 'omit', cache: 'no-store', referrer: '' }],
  ],
  ['a method in small letters', () => [elsewhere, { method: 'post', body: 'x' }]],
  ['a method of one’s own', () => [elsewhere, { method: 'purge' }]],
];

const refusedCalls: Call[] = [
  ['a body with GET', () => [elsewhere, { body: 'x' }]],
  ['a URL that is none', () => ['http://']],
  ['a URL with credentials', () => ['https://user:word@elsewhere.test/']],
  ['a header that is none', () => [elsewhere, { headers: { 'x y': '1' } }]],
  ['a method that may not be', () => [elsewhere, { method: 'TRACE' }]],
  ['a stream without duplex', () => [elsewhere, { method: 'POST', body: stream() }]],
];

/** ky's options, which a `fetch` knows nothing of. */
const ofKy: Options = {
  timeout: 0,
  totalTimeout: 1,
  json: { from: 'json' },
  searchParams: { from: 'searchParams' },
  prefix: 'https://prefix.test/',
  baseUrl: 'https://base.test/',
  fetch: () => expect.fail('the fetch of init was called'),
  hooks: {
    init: [() => expect.fail('init')],
    beforeRequest: [() => expect.fail('beforeRequest')],
    beforeError: [() => expect.fail('beforeError')],
  },
  retry: { limit: 9, methods: ['post', 'get'], statusCodes: [503] },
  throwHttpErrors: true,
  parseJson: () => expect.fail('parseJson'),
};

/** A client that has options of its own for everything. */
const loaded = (fetch: Bench['fetch'], own: Options = {}): ReturnType<typeof ky.create> =>
  ky.create({
    fetch: fetch as typeof globalThis.fetch,
    prefix: 'https://prefix.test/p',
    searchParams: { own: '1' },
    retry: { limit: 3, delay: () => 0 },
    timeout: 5000,
    ...own,
  });

describe('gateway.fetch, for what matches no operation', () => {
  it.each(calls)('sends what native fetch would: %s', async (_what, args) => {
    const seen: unknown[] = [];
    const fetch = async (request: Request): Promise<Response> => (seen.push(await told(request)), new Response('ok'));
    for (const client of [ky.create({ fetch: fetch as typeof globalThis.fetch }), loaded(fetch)]) {
      await createGateway({ adapter: acme(), client }).fetch(...args());
    }
    const wanted = await told(new Request(...args()));
    expect(seen).toEqual([wanted, wanted]);
  });

  it.each(refusedCalls)('refuses what native fetch would, with its own error: %s', async (_what, args) => {
    const wanted = (await thrown(fetch(...args()))) as Error;
    const { gateway, sends } = bench({ sends: [said('PAID')] });
    const error = (await thrown(gateway.fetch(...args()))) as Error;
    expect([error.constructor.name, error.message, sends.length]).toEqual([wanted.constructor.name, wanted.message, 0]);
  });

  it('knows none of ky’s options in init', async () => {
    const { gateway, sends } = bench({ sends: [() => new Response('busy', { status: 503 })] });
    const response = await gateway.fetch(elsewhere, { method: 'POST', body: 'x', ...(ofKy as object) });
    expect([response.status, await response.text(), sends.length, sends[0]?.path, sends[0]?.body]).toEqual([
      503,
      'busy',
      1,
      '/x',
      'x',
    ]);
  });

  it('takes a dispatcher, the call’s over the client’s', async () => {
    const inits: unknown[] = [];
    const fetch = (_request: Request, init: unknown): Promise<Response> => (
      inits.push(init), Promise.resolve(new Response())
    );
    const { fetch: through } = createGateway({
      adapter: acme(),
      client: ky.create({ fetch: fetch as typeof globalThis.fetch, ...({ dispatcher: 'client' } as object) }),
    });
    await through(elsewhere);
    await through(elsewhere, { dispatcher: 'call' } as FetchInit);
    expect(inits).toEqual([{ dispatcher: 'client' }, { dispatcher: 'call' }]);
  });

  it('uses up the body of a Request it was given, as fetch does', async () => {
    const { gateway } = bench({ sends: [said('PAID')] });
    const request = post();
    await gateway.fetch(request);
    expect(request.bodyUsed).toBe(true);
    expect(await thrown(gateway.fetch(request))).toBeInstanceOf(TypeError);
  });

  it('ends with the network’s own error and the abort’s own reason', async () => {
    const lost = reset();
    const { gateway } = bench({ sends: [lost] });
    expect(await thrown(gateway.fetch(elsewhere))).toBe(lost);
    for (const reason of [new Error('closing'), 'no error at all']) {
      expect(
        await thrown(createGateway({ adapter: acme() }).fetch(elsewhere, { signal: AbortSignal.abort(reason) })),
      ).toBe(reason);
    }
  });
});

describe('gateway.fetch, for an operation', () => {
  it.each<Call>([
    ['a Request', () => [new Request(`${base}/charge`, jsonOf({ order: 'A1', amount: 100 }))]],
    [
      'a URL and a Request in place of init',
      () => [`${base}/charge`, new Request(elsewhere, jsonOf({ order: 'A1', amount: 100 }))],
    ],
    [
      'a Request and another body',
      () => [
        new Request(`${base}/charge`, jsonOf({ order: 'B2', amount: 1 })),
        { body: JSON.stringify({ order: 'A1', amount: 100 }) },
      ],
    ],
    [
      'a URL and bytes',
      () => [
        new URL(`${base}/charge`),
        { ...jsonOf({}), body: new TextEncoder().encode('{"order":"A1","amount":100}') },
      ],
    ],
    [
      'a blob that says what it is',
      () => [
        `${base}/charge`,
        { method: 'POST', body: new Blob(['{"order":"A1","amount":100}'], { type: 'application/json' }) },
      ],
    ],
    [
      'a stream',
      () => [
        `${base}/charge`,
        { ...jsonOf({}), body: new Blob(['{"order":"A1","amount":100}']).stream(), duplex: 'half' } as RequestInit,
      ],
    ],
    ['a path below the base URL', () => ['/charge', jsonOf({ order: 'A1', amount: 100 })]],
  ])('signs and follows it, however it is given: %s', async (_what, args) => {
    const { gateway, clock, sends } = bench({ sends: [said('PAID')] });
    const response = await clock.run(gateway.fetch(...args()));
    expect([ticketOf(response)?.reference, sends[0]?.path, sends[0]?.body]).toEqual([
      { order: 'A1' },
      '/api/charge',
      '{"order":"A1","amount":100,"signed":"yes"}',
    ]);
  });

  it('goes where it says, whatever prefix, baseUrl, query or body the client has of its own', async () => {
    for (const own of [
      {},
      { baseUrl: 'https://base.test/b/' },
      { json: { order: 'B2' } },
      { method: 'put' },
    ] satisfies Options[]) {
      const { gateway, clock, sends } = bench({ sends: [said('PAID')], client: fetch => loaded(fetch, own) });
      const response = await clock.run(gateway.fetch(`${base}/charge`, jsonOf({ order: 'A1', amount: 100 })));
      expect([ticketOf(response)?.reference, sends.map(({ path, method }) => [method, path])]).toEqual([
        { order: 'A1' },
        [['POST', '/api/charge']],
      ]);
    }
  });

  it('keeps the client’s headers and hooks, under the call’s own headers', async () => {
    const client = (fetch: Bench['fetch']) =>
      loaded(fetch, {
        headers: { 'x-team': 'checkout', 'x-who': 'client' },
        hooks: { beforeRequest: [({ request }) => request.headers.set('x-egress', 'pass')] },
      });
    const { gateway, clock, sends, polls } = bench({ sends: [reset()], polls: [state('paid')], policy: quick, client });
    await clock.run(gateway.fetch(`${base}/charge`, { method: 'POST', body: form, headers: { 'x-who': 'call' } }));
    for (const { headers } of [...sends, ...polls])
      expect([headers.get('x-team'), headers.get('x-egress'), headers.get('x-who')]).toEqual([
        'checkout',
        'pass',
        'call',
      ]);
  });

  it('knows none of ky’s options in init: it is sent once, asked about, and its statuses are answers', async () => {
    const { gateway, clock, sends, polls } = bench({ sends: [reset()], polls: [state('paid')], policy: quick });
    const response = await clock.run(
      gateway.fetch(`${base}/charge`, { method: 'POST', body: form, ...(ofKy as object) }),
    );
    expect([await response.json(), sends.length, polls.length]).toEqual([{ state: 'paid' }, 1, 1]);
    const refused = bench({ sends: [() => Response.json({ code: 'DECLINED' }, { status: 402 })] });
    expect(
      (
        await refused.clock.run(
          refused.gateway.fetch(`${base}/charge`, { method: 'POST', body: form, ...(ofKy as object) }),
        )
      ).status,
    ).toBe(402);
  });

  it('takes context.tillpaid', async () => {
    const tickets: Ticket[] = [];
    const { gateway, clock, sends } = bench({ polls: [state('paid')] });
    const context = { tillpaid: { mayHaveBeenSent: true, onTicket: (ticket: Ticket) => tickets.push(ticket) } };
    expect([
      await (await clock.run(gateway.fetch(`${base}/charge`, { method: 'POST', body: form, context }))).json(),
      sends.length,
    ]).toEqual([{ state: 'paid' }, 0]);
  });

  it('ends at once with the abort’s own reason, and leaves the payment to be asked about', async () => {
    const { gateway, clock, sends, polls } = bench({
      sends: [said('PENDING')],
      polls: [state('pending'), state('paid')],
      policy: quick,
    });
    const controller = new AbortController();
    const call = thrown(
      gateway.fetch(
        new Request(`${base}/charge`, { ...jsonOf({ order: 'A1', amount: 100 }), signal: controller.signal }),
      ),
    );
    await clock.untilQuiet();
    controller.abort('left');
    expect(await call).toBe('left');
    expect(await clock.run(gateway.settle('payment.charge', { order: 'A1', amount: 100 }))).toMatchObject({
      outcome: 'succeeded',
    });
    expect([sends.length, polls.length]).toEqual([1, 2]);
  });

  it('ends with errors of ours, never with one that looks like the network’s', async () => {
    const { gateway, clock } = bench({ sends: [reset()], polls: [state('pending')], policy: quick });
    const open = await clock.run(thrown(gateway.fetch(`${base}/charge`, { method: 'POST', body: form })));
    const bad = await thrown(gateway.fetch(`${base}/charge`, { method: 'POST', body: 'order=A1' }));
    expect([isUnresolvedError(open), isInputError(bad)]).toEqual([true, true]);
    for (const error of [open, bad])
      expect([error instanceof TypeError, error instanceof DOMException, 'code' in (error as Error)]).toEqual([
        false,
        false,
        false,
      ]);
  });

  it('is no operation when its fields are none’s: then it is plain fetch too', async () => {
    const operations = Object.fromEntries(
      Object.entries(acme().operations).map(([name, operation]) => [name, { ...operation, match: () => false }]),
    );
    const { gateway, sends } = bench({
      sends: [said('PAID')],
      adapter: { ...acme(), operations },
      client: fetch => loaded(fetch, { headers: { 'x-team': 'checkout' } }),
    });
    const response = await gateway.fetch(`${base}/charge`, jsonOf({ order: 'A1' }));
    expect([verdictOf(response), sends[0]?.path, sends[0]?.body, sends[0]?.headers.has('x-team')]).toEqual([
      undefined,
      '/api/charge',
      '{"order":"A1"}',
      false,
    ]);
  });
});
