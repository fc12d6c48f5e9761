import ky, { type BeforeRetryHook, isHTTPError, isTimeoutError, type KyInstance, type Options } from 'ky';
import { describe, expect, it } from 'vitest';
import {
  constant,
  isInputError,
  isResendRefusedError,
  isSettledError,
  isUnresolvedError,
  ticketOf,
  verdictOf,
  type Ticket,
} from '../../src/index.ts';
import { acme } from '../testing/acme.ts';
import { bench, hang, json, refused, reset, said, state } from '../testing/bench.ts';

const base = 'https://acme.test/api';
const charge = { order: 'A1', amount: 100 };
const quick = { retry: { backoff: constant(100) }, poll: { backoff: constant(1000), deadlineMs: 10_000 } };
const withOptions =
  (options: Options) =>
  (fetch: (request: Request) => Promise<Response>): KyInstance =>
    ky.create({ fetch: fetch as typeof globalThis.fetch, ...options });
const thrown = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => expect.fail('resolved'),
    (error: unknown) => error,
  );

describe('the drop-in client: writes', () => {
  it('resolves to the write’s own answer when that settles it', async () => {
    const { gateway, clock, sends } = bench({ sends: [said('PAID')] });
    const response = await clock.run(gateway.client.post(`${base}/charge`, { json: charge }));
    expect(await response.json()).toEqual({ code: 'PAID' });
    expect(response.url).toBe('');
    expect(verdictOf(response)).toMatchObject({ outcome: 'succeeded' });
    expect(ticketOf(response)).toMatchObject({ operation: 'payment.charge', reference: { order: 'A1' } });
    expect(sends[0]?.body).toBe('{"order":"A1","amount":100,"signed":"yes"}');
  });

  it('takes ky’s shortcuts, forms as well as JSON, and keeps the caller’s encoding', async () => {
    const { gateway, clock, sends } = bench({ sends: [said('PAID')] });
    expect(
      await clock.run(
        gateway.client.post(`${base}/charge`, { body: new URLSearchParams({ order: 'A1', amount: '100' }) }).json(),
      ),
    ).toEqual({ code: 'PAID' });
    expect([sends[0]?.body, sends[0]?.headers.get('content-type')]).toEqual([
      'order=A1&amount=100&signed=yes',
      'application/x-www-form-urlencoded',
    ]);
  });

  it('resolves to a query’s answer when the payment succeeded there', async () => {
    const { gateway, clock, sends, polls } = bench({
      sends: [said('PENDING')],
      polls: [state('pending'), state('paid')],
      policy: quick,
    });
    const response = await clock.run(gateway.client.post(`${base}/charge`, { json: charge }));
    expect(await response.json()).toEqual({ state: 'paid' });
    expect([sends.length, polls.length]).toEqual([1, 2]);
  });

  it.each([
    ['failed', 'payment.charge', 'failed'],
    ['canceled', 'payment.charge', 'canceled'],
    ['expired', 'payment.charge', 'expired'],
  ])('rejects with SettledError when a query says %s, since its envelope may read as success', async (name, _operation, outcome) => {
    const { gateway, clock } = bench({ sends: [said('PENDING')], polls: [state(name)], policy: quick });
    const error = await clock.run(thrown(gateway.client.post(`${base}/charge`, { json: charge })));
    expect(isSettledError(error) && error.settlement).toMatchObject({ outcome, settledBy: 'query' });
  });

  it('rejects with UnresolvedError and the ticket when the deadline comes first', async () => {
    const { gateway, clock } = bench({ sends: [reset()], polls: [state('pending')], policy: quick });
    const error = await clock.run(thrown(gateway.client.post(`${base}/charge`, { json: charge })));
    expect(isUnresolvedError(error) && [error.ticket.reference, error.settlement?.outcome]).toEqual([
      { order: 'A1' },
      'unresolved',
    ]);
  });

  it('rejects with SettledError when nothing left this machine', async () => {
    const { gateway, clock, sends } = bench({ sends: [refused()], policy: quick });
    const error = await clock.run(thrown(gateway.client.post(`${base}/charge`, { json: charge })));
    expect(isSettledError(error) && error.settlement.outcome).toBe('unsent');
    expect(sends.length).toBe(3);
  });

  it.each([
    true,
    false,
  ])('decides business answers whatever throwHttpErrors is (%s); it governs only what the caller gets', async throwHttpErrors => {
    const { gateway, clock, sends } = bench({ sends: [() => json({ code: 'DECLINED' }, { status: 402 })] });
    const result = await clock.run(
      gateway.client.post(`${base}/charge`, { json: charge, throwHttpErrors }).catch((error: unknown) => error),
    );
    expect(throwHttpErrors ? isHTTPError(result) : result instanceof Response).toBe(true);
    expect(verdictOf(result)).toMatchObject({ kind: 'terminal', outcome: 'failed' });
    expect(ticketOf(result)).toMatchObject({ reference: { order: 'A1' } });
    expect(sends.length).toBe(1);
  });

  it('returns the last answer of a write that was never processed', async () => {
    const { gateway, clock, sends } = bench({ sends: [() => json({ code: 'BUSY' }, { status: 422 })], policy: quick });
    const error = await clock.run(thrown(gateway.client.post(`${base}/charge`, { json: charge })));
    expect(isHTTPError(error) && error.response.status).toBe(422);
    expect(verdictOf(error)).toMatchObject({ kind: 'retryable' });
    expect(sends.length).toBe(3);
  });

  it('resolves relative paths against the adapter’s base URL, unless the client has its own', async () => {
    const one = bench({ sends: [said('PAID')] });
    await one.clock.run(one.gateway.client.post('charge', { json: charge }));
    await one.clock.run(one.gateway.client.post('/charge', { json: { ...charge, order: 'A2' } }));
    expect(one.sends.map(({ path }) => path)).toEqual(['/api/charge', '/api/charge']);
    const two = bench({ sends: [said('PAID')], client: withOptions({ prefix: 'https://proxy.test/x' }) });
    const response = await two.clock.run(two.gateway.client.post('charge', { json: charge }));
    expect([two.sends[0]?.path, verdictOf(response), two.sends[0]?.headers.has('x-signed-at')]).toEqual([
      '/x/charge',
      undefined,
      false,
    ]);
  });

  it('takes onTicket, onProgress, policy and mayHaveBeenSent from context.tillpaid', async () => {
    const { gateway, clock, sends } = bench({ polls: [state('paid')] });
    const tickets: Ticket[] = [];
    const lines: string[] = [];
    const context = {
      tillpaid: {
        mayHaveBeenSent: true,
        onTicket: (ticket: Ticket) => tickets.push(ticket),
        onProgress: (entry: { type: string }) => lines.push(entry.type),
      },
    };
    const response = await clock.run(gateway.client.post(`${base}/charge`, { json: charge, context }));
    expect([await response.json(), sends.length, lines]).toEqual([{ state: 'paid' }, 0, ['ask', 'status', 'settled']]);
  });

  it('joins a write that is under way in this process', async () => {
    const { gateway, clock, sends } = bench({
      sends: [said('PENDING')],
      polls: [state('pending'), state('paid')],
      policy: quick,
    });
    const answers = await clock.run(
      Promise.all([
        gateway.client.post(`${base}/charge`, { json: charge }).json(),
        gateway.client.post(`${base}/charge`, { json: charge }).json(),
      ]),
    );
    expect([answers, sends.length]).toEqual([[{ state: 'paid' }, { state: 'paid' }], 1]);
  });

  it.each([
    [
      'a stream',
      { body: new ReadableStream({ start: c => c.close() }), duplex: 'half' as const },
      /cannot be signed|names the order|order/,
    ],
    ['text', { body: '{"order":"A1"}' }, /cannot be signed/],
    ['a form given twice', { body: new URLSearchParams('order=A1&order=A2') }, /given twice/],
    ['multipart', { body: new FormData() }, /cannot be signed/],
    ['a JSON array', { json: [1] }, /must be a JSON object/],
    ['an empty reference', { json: { order: '', amount: 1 } }, /order must be/],
    ['no reference', { json: { amount: 1 } }, /order is missing/],
    [
      'an operation of another path',
      { json: charge, context: { tillpaid: { operation: 'payment.query' } } },
      /is not what POST/,
    ],
  ])('refuses %s before anything is sent', async (_what, options, message) => {
    const { gateway, clock, sends } = bench({ sends: [said('PAID')] });
    const error = await clock.run(thrown(gateway.client.post(`${base}/charge`, options as Options)));
    expect(isInputError(error)).toBe(true);
    expect((error as Error).message).toMatch(message);
    expect(sends.length).toBe(0);
  });
});

describe('the drop-in client: reads', () => {
  it('are never polled: pending is an answer', async () => {
    const { gateway, clock, polls } = bench({ polls: [state('pending')] });
    const response = await clock.run(gateway.client.post(`${base}/query`, { json: { order: 'A1' } }));
    expect([await response.json(), verdictOf(response)?.kind, ticketOf(response), polls.length]).toEqual([
      { state: 'pending' },
      'poll-required',
      undefined,
      1,
    ]);
  });

  it('are sent again when the answer was lost or the gateway was busy', async () => {
    const { gateway, clock, polls } = bench({ polls: [reset(), state('BUSY'), state('paid')], policy: quick });
    expect(await clock.run(gateway.client.post(`${base}/query`, { json: { order: 'A1' } }).json())).toEqual({
      state: 'paid',
    });
    expect(polls.length).toBe(3);
  });

  it('are asked again by a hook’s ky.retry(), as often as the policy allows', async () => {
    const { gateway, clock, polls } = bench({ polls: [state('pending')] });
    const error = await clock.run(
      thrown(
        gateway.client.post(`${base}/query`, { json: { order: 'A1' }, hooks: { afterResponse: [() => ky.retry()] } }),
      ),
    );
    expect([(error as Error).name, polls.length]).toEqual(['ForceRetryError', 3]);
  });

  it('end as ky would end them when no answer came', async () => {
    const { gateway, clock, polls } = bench({ polls: [reset()], policy: quick });
    const error = await clock.run(thrown(gateway.client.post(`${base}/query`, { json: { order: 'A1' } })));
    expect([(error as Error).name, polls.length]).toEqual(['NetworkError', 3]);
  });
});

describe('the drop-in client: whatever matches nothing', () => {
  it('behaves as the user’s ky would, retries included, and is not signed', async () => {
    const { gateway, sends } = bench({
      sends: [() => new Response('', { status: 503 }), () => new Response('hello')],
      client: withOptions({ retry: { delay: () => 0 } }),
    });
    const response = await gateway.client.get(`${base}/health`);
    expect([await response.text(), sends.length, sends[0]?.headers.has('x-signed-at'), verdictOf(response)]).toEqual([
      'hello',
      2,
      false,
      undefined,
    ]);
  });

  it('keeps ky’s own timeout', async () => {
    const { gateway } = bench({ sends: [hang] });
    expect(isTimeoutError(await thrown(gateway.client.get('https://elsewhere.test/', { timeout: 5, retry: 0 })))).toBe(
      true,
    );
  });

  it('does not sign another origin with the same path', async () => {
    const { gateway, sends } = bench({ sends: [said('PAID')] });
    await gateway.client.post('https://acme.test.evil.test/api/charge', { json: charge });
    await gateway.client.post('http://acme.test/api/charge', { json: charge });
    expect(sends.map(({ headers }) => headers.has('x-signed-at'))).toEqual([false, false]);
  });
});

describe('the gate cannot be gone around', () => {
  const pending = { sends: [said('PENDING')], polls: [state('paid')], policy: quick };

  it.each<[string, (client: KyInstance) => KyInstance]>([
    ['extend', client => client.extend({ retry: { limit: 5, methods: ['post'] } })],
    [
      'extend with hooks removed',
      client =>
        client.extend({ hooks: { init: undefined, beforeRetry: undefined, beforeRequest: undefined } as never }),
    ],
    [
      'extend by a function',
      client => client.extend(parent => ({ ...parent, retry: { limit: 9, methods: ['post'], retryOnTimeout: true } })),
    ],
  ])('by %s', async (_how, change) => {
    const { gateway, clock, sends } = bench({ ...pending, sends: [reset()] });
    expect(await clock.run(change(gateway.client).post(`${base}/charge`, { json: charge }).json())).toEqual({
      state: 'paid',
    });
    expect(sends.length).toBe(1);
  });

  it('by create', async () => {
    const { gateway, clock, fetch, sends } = bench({ ...pending, sends: [reset()] });
    const client = gateway.client.create({ fetch: fetch as typeof globalThis.fetch });
    expect(await clock.run(client.post(`${base}/charge`, { json: charge }).json())).toEqual({ state: 'paid' });
    expect(sends.length).toBe(1);
  });

  it.each<[string, Options]>([
    ['a fetch of the call', {}],
    [
      'retry of the call',
      { retry: { limit: 9, methods: ['post'], statusCodes: [200], shouldRetry: () => true, delay: () => 0 } },
    ],
    [
      'an init hook of the call',
      { hooks: { init: [options => void (options.retry = { limit: 9, methods: ['post'], shouldRetry: () => true })] } },
    ],
    ['a beforeRetry hook of the call', { hooks: { beforeRetry: [({ request }) => new Request(request)] } }],
    ['a beforeRetry hook that throws', { hooks: { beforeRetry: [() => Promise.reject(new Error('mine'))] } }],
    ['a beforeRetry hook that stops', { hooks: { beforeRetry: [() => ky.stop] } }],
  ])('by %s', async (_how, options) => {
    const { gateway, clock, sends, fetch } = bench({ ...pending, sends: [reset()] });
    const answer = await clock.run(
      gateway.client
        .post(`${base}/charge`, { json: charge, ...options, fetch: fetch as typeof globalThis.fetch })
        .json(),
    );
    expect([answer, sends.length]).toEqual([{ state: 'paid' }, 1]);
  });

  it('by an afterResponse hook that asks ky to send again', async () => {
    const { gateway, clock, sends } = bench({ sends: [said('PAID')] });
    const error = await clock.run(
      thrown(gateway.client.post(`${base}/charge`, { json: charge, hooks: { afterResponse: [() => ky.retry()] } })),
    );
    expect(isResendRefusedError(error) && error.settlement?.outcome).toBe('succeeded');
    expect(sends.length).toBe(1);
  });

  it('by an afterResponse hook that asks ky to send another request', async () => {
    const { gateway, clock, sends } = bench({ sends: [said('PAID')] });
    const request = new Request(`${base}/charge`, {
      method: 'POST',
      body: '{"order":"A1","amount":100}',
      headers: { 'content-type': 'application/json' },
    });
    const error = await clock.run(
      thrown(
        gateway.client.post(`${base}/charge`, {
          json: charge,
          hooks: { afterResponse: [() => ky.retry({ request })] },
        }),
      ),
    );
    expect(isResendRefusedError(error)).toBe(true);
    expect(sends.length).toBe(1);
  });

  it('by a read that a hook turns into a write: it is signed and followed like one', async () => {
    const { gateway, clock, sends } = bench({ sends: [said('PAID')] });
    const request = new Request(`${base}/charge`, {
      method: 'POST',
      body: JSON.stringify(charge),
      headers: { 'content-type': 'application/json' },
    });
    const response = await clock.run(
      gateway.client.get('https://elsewhere.test/', { hooks: { beforeRequest: [() => request] } }),
    );
    expect([verdictOf(response)?.kind, sends[0]?.headers.has('x-signed-at')]).toEqual(['terminal', true]);
  });

  it('turns a stop or an error of a beforeRetry hook into an open payment, never into undefined', async () => {
    for (const hook of [() => ky.stop, () => Promise.reject(new Error('mine'))] satisfies BeforeRetryHook[]) {
      const { gateway, clock, sends } = bench({
        sends: [reset()],
        polls: [state('none')],
        policy: { ...quick, poll: { ...quick.poll, absentAfterMs: 0, resendWhenAbsent: true } },
      });
      const error = await clock.run(
        thrown(gateway.client.post(`${base}/charge`, { json: charge, hooks: { beforeRetry: [hook] } })),
      );
      expect(isUnresolvedError(error) && error.ticket.reference).toEqual({ order: 'A1' });
      expect(sends.length).toBe(1);
    }
  });

  it('sees what the user’s own beforeRequest hooks made of the request', async () => {
    const hooks = {
      beforeRequest: [
        ({ request }: { request: Request }) =>
          new Request(request, { body: JSON.stringify({ ...charge, order: 'B2' }) }),
      ],
    };
    const { gateway, clock, sends } = bench({ sends: [said('PAID')] });
    const response = await clock.run(gateway.client.post(`${base}/charge`, { json: charge, hooks }));
    expect([sends[0]?.body.includes('B2'), ticketOf(response)?.reference]).toEqual([true, { order: 'B2' }]);
  });
});

describe('the user’s ky keeps its own', () => {
  it('headers, dispatcher and beforeRequest hooks, which also go with the polls; the other hooks do not', async () => {
    const seen: string[] = [];
    const inits: unknown[] = [];
    const { gateway, clock, sends, polls } = bench({
      sends: [said('PENDING')],
      polls: [state('paid')],
      policy: quick,
      client: fetch =>
        ky.create({
          headers: { 'x-team': 'checkout' },
          fetch: ((request: Request, init: unknown) => {
            inits.push(init);
            return fetch(request);
          }) as typeof globalThis.fetch,
          hooks: {
            beforeRequest: [({ request }) => void (request.headers.set('x-egress', 'pass'), seen.push('request'))],
            afterResponse: [() => void seen.push('response')],
            beforeRetry: [() => void seen.push('retry')],
          },
          ...({ dispatcher: 'proxy' } as object),
        }),
    });
    await clock.run(gateway.client.post(`${base}/charge`, { json: charge, headers: { 'x-call': '1' } }));
    for (const { headers } of [...sends, ...polls])
      expect([headers.get('x-team'), headers.get('x-egress'), headers.get('x-call')]).toEqual([
        'checkout',
        'pass',
        '1',
      ]);
    expect(inits).toEqual([{ dispatcher: 'proxy' }, { dispatcher: 'proxy' }]);
    expect(seen).toEqual(['request', 'request', 'response']);
  });

  it.each([
    'with a hook, which is run for each of them',
    'without one',
  ])('headers and dispatcher, which go with every poll: %s', async hook => {
    const inits: unknown[] = [];
    let hooked = 0;
    const { gateway, clock, polls } = bench({
      sends: [said('PENDING'), said('PENDING')],
      polls: [state('pending'), state('pending'), state('paid')],
      policy: quick,
      client: fetch =>
        ky.create({
          headers: { 'x-team': 'checkout' },
          fetch: ((request: Request, init: unknown) => {
            inits.push(init);
            return fetch(request);
          }) as typeof globalThis.fetch,
          ...(hook !== 'without one' && {
            hooks: { beforeRequest: [({ request }) => request.headers.set('x-hook', String(++hooked))] },
          }),
          ...({ dispatcher: 'proxy' } as object),
        }),
    });
    await clock.run(gateway.client.post(`${base}/charge`, { json: charge, headers: { 'x-call': 'one' } }));
    await clock.run(gateway.settle('payment.charge', { ...charge, order: 'A2' }));
    expect(polls.map(({ headers }) => headers.get('x-team'))).toEqual(['checkout', 'checkout', 'checkout', 'checkout']);
    // A call's own headers are for its own polls.
    expect(polls.map(({ headers }) => headers.get('x-call'))).toEqual(['one', 'one', 'one', null]);
    expect(polls.map(({ headers }) => headers.get('x-hook'))).toEqual(
      hook === 'without one' ? [null, null, null, null] : ['2', '3', '4', '6'],
    );
    expect(inits).toEqual(Array.from({ length: 6 }, () => ({ dispatcher: 'proxy' })));
  });

  it('parseJson', async () => {
    const { gateway, clock } = bench({
      sends: [said('PAID')],
      client: withOptions({ parseJson: text => ({ parsed: text }) }),
    });
    expect(await clock.run(gateway.client.post(`${base}/charge`, { json: charge }).json())).toEqual({
      parsed: '{"code":"PAID"}',
    });
  });

  it('timeout: of the call over the policy’s over the client’s', async () => {
    const elapsed = async (call: Options, policyMs: number | undefined, client: Options): Promise<number> => {
      const { gateway, clock, events } = bench({
        sends: [hang],
        polls: [state('paid')],
        client: withOptions(client),
        policy: { ...quick, ...(policyMs !== undefined && { attemptTimeoutMs: policyMs }) },
      });
      await clock.run(gateway.client.post(`${base}/charge`, { json: charge, ...call }));
      return events.find(({ type }) => type === 'lost')?.elapsedMs ?? -1;
    };
    expect(await elapsed({ timeout: 700 }, 500, { timeout: 300 })).toBe(700);
    expect(await elapsed({}, 500, { timeout: 300 })).toBe(500);
    expect(await elapsed({}, undefined, { timeout: 300 })).toBe(300);
    expect(await elapsed({}, undefined, {})).toBe(10_000);
  });

  it('totalTimeout, which becomes an open payment once a send may have landed', async () => {
    const { gateway, polls } = bench({
      sends: [reset()],
      polls: [state('pending')],
      policy: { poll: { backoff: constant(1000) } },
    });
    const error = await thrown(gateway.client.post(`${base}/charge`, { json: charge, totalTimeout: 20 }));
    expect(isUnresolvedError(error) && isTimeoutError(error.cause) && error.ticket.reference).toEqual({ order: 'A1' });
    expect(polls.length).toBe(0);
  });

  it('signal, whose abort rejects with its reason at any point', async () => {
    for (const sends of [[hang], [said('PENDING')], [said('BUSY')]]) {
      const { gateway, clock } = bench({ sends, polls: [state('pending')] });
      const controller = new AbortController();
      const call = thrown(gateway.client.post(`${base}/charge`, { json: charge, signal: controller.signal }));
      await clock.untilQuiet();
      controller.abort(new Error('closing'));
      expect(((await call) as Error).message).toBe('closing');
      expect(clock.pending).toBe(0);
    }
  });
});

describe('gateway.fetch', () => {
  it('is the same middleware, and returns answers without throwing for their status', async () => {
    const { gateway, clock, sends } = bench({ sends: [() => json({ code: 'DECLINED' }, { status: 402 })] });
    const response = await clock.run(
      gateway.fetch(`${base}/charge`, { method: 'POST', body: new URLSearchParams({ order: 'A1', amount: '100' }) }),
    );
    expect([response.status, verdictOf(response)?.kind, sends.length]).toEqual([402, 'terminal', 1]);
  });

  it('throws errors that no other client takes for a network error', async () => {
    const { gateway, clock } = bench({ sends: [reset()], polls: [state('pending')], policy: quick });
    const error = (await clock.run(
      thrown(
        gateway.fetch(`${base}/charge`, { method: 'POST', body: new URLSearchParams({ order: 'A1', amount: '100' }) }),
      ),
    )) as Error;
    expect([
      isUnresolvedError(error),
      error instanceof TypeError,
      'code' in error,
      /fetch failed|network/i.test(error.message),
    ]).toEqual([true, false, false, false]);
  });

  it('is plain fetch for everything else: one send, no retry, its own errors', async () => {
    const { gateway, sends } = bench({ sends: [() => new Response('', { status: 503 }), reset()] });
    expect((await gateway.fetch('https://elsewhere.test/')).status).toBe(503);
    expect(await thrown(gateway.fetch('https://elsewhere.test/'))).toBeInstanceOf(TypeError);
    expect(sends.length).toBe(2);
  });

  it('times out by the client’s timeout for what matches', async () => {
    const { gateway, clock, events } = bench({
      sends: [hang],
      polls: [state('paid')],
      adapter: acme(),
      client: withOptions({ timeout: 250 }),
    });
    await clock.run(
      gateway.fetch(`${base}/charge`, { method: 'POST', body: new URLSearchParams({ order: 'A1', amount: '100' }) }),
    );
    expect(events.find(({ type }) => type === 'lost')?.elapsedMs).toBe(250);
  });
});
