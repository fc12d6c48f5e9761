import ky, { type BeforeRetryHook, type Options } from 'ky';
import { describe, expect, it } from 'vitest';
import {
  constant,
  isInputError,
  isResendRefusedError,
  isUnresolvedError,
  ticketOf,
  verdictOf,
} from '../../src/index.ts';
import { acme } from '../testing/acme.ts';
import { bench, json, refused, reset, said, state, type Bench, type Step } from '../testing/bench.ts';

/**
 * Hooks of the user's that would send a payment again, or something else in its place. More of them: drop-in.test.ts.
 */

const base = 'https://acme.test/api';
const charge = { order: 'A1', amount: 100 };
const quick = { retry: { backoff: constant(100) }, poll: { backoff: constant(1000), deadlineMs: 10_000 } };
const thrown = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => expect.fail('resolved'),
    (error: unknown) => error,
  );

const other = (url = `${base}/charge`): Request =>
  new Request(url, {
    method: 'POST',
    body: JSON.stringify({ order: 'B2', amount: 999 }),
    headers: { 'content-type': 'application/json' },
  });

describe('a hook before a send that is allowed', () => {
  const hooks: [what: string, hook: BeforeRetryHook][] = [
    ['another order', () => other()],
    ['another order, elsewhere', () => other('https://elsewhere.test/charge')],
    ['another operation', () => other(`${base}/payout`)],
    ['another body', ({ request }) => new Request(request, { body: JSON.stringify({ order: 'A1', amount: 1 }) })],
  ];
  it.each(hooks)('cannot make it %s: what is sent again is what was sent', async (_what, hook) => {
    for (const first of [said('BUSY'), refused()]) {
      const { gateway, clock, sends, fetch } = bench({ sends: [first, said('PAID')], policy: quick });
      const urls: string[] = [];
      const listening = (request: Request): Promise<Response> => (urls.push(request.url), fetch(request));
      const response = await clock.run(
        gateway.client.post(`${base}/charge`, {
          json: charge,
          fetch: listening as typeof globalThis.fetch,
          hooks: { beforeRetry: [hook] },
        }),
      );
      expect(ticketOf(response)?.reference).toEqual({ order: 'A1' });
      expect(urls).toEqual([`${base}/charge`, `${base}/charge`]);
      expect(sends.map(({ body }) => body)).toEqual(Array(2).fill('{"order":"A1","amount":100,"signed":"yes"}'));
    }
  });

  it('may read and change the first request: what is sent again carries the same', async () => {
    const seen: string[] = [];
    const { gateway, clock, sends } = bench({ sends: [said('BUSY'), said('PAID')], policy: quick });
    const look = async ({ request }: { request: Request }): Promise<Request> => {
      seen.push(await request.clone().text());
      return new Request(request, {
        body: JSON.stringify({ ...charge, note: 'checked' }),
        headers: { 'x-team': 'till' },
      });
    };
    const client = gateway.client.extend({ headers: { 'content-type': 'application/json' } });
    const response = await clock.run(
      client.post(`${base}/charge`, {
        json: charge,
        hooks: { beforeRequest: [look, ({ request }) => request.headers.set('content-type', 'application/json')] },
      }),
    );
    expect([await response.json(), seen]).toEqual([{ code: 'PAID' }, [JSON.stringify(charge)]]);
    const body = '{"order":"A1","amount":100,"note":"checked","signed":"yes"}';
    expect(sends.map(send => [send.body, send.headers.get('x-team')])).toEqual(Array(2).fill([body, 'till']));
  });

  it('cannot make one of none: the number of sends stays what the policy says', async () => {
    const hook: BeforeRetryHook = ({ request }) => new Request(request);
    const { gateway, clock, sends } = bench({ sends: [said('BUSY')], policy: quick });
    const response = await clock.run(
      gateway.client.post(`${base}/charge`, { json: charge, hooks: { beforeRetry: [hook] }, throwHttpErrors: false }),
    );
    expect(verdictOf(response)).toMatchObject({ kind: 'retryable' });
    expect(sends.length).toBe(3);
  });
});

describe('a hook that answers in place of the gateway', () => {
  const answers: [when: string, options: Options, first: Step, sent: number][] = [
    ['before anything was sent', { hooks: { beforeRequest: [() => json({ code: 'PAID' })] } }, said('PAID'), 0],
    ['before a second send', { hooks: { beforeRetry: [() => json({ code: 'PAID' })] } }, said('BUSY'), 1],
  ];
  it.each(answers)('makes no payment: %s', async (_when, options, first, sent) => {
    const posted = bench({ sends: [first], polls: [state('none')], policy: quick });
    const response = await posted.clock.run(posted.gateway.client.post(`${base}/charge`, { json: charge, ...options }));
    expect([verdictOf(response), posted.sends.length]).toEqual([undefined, sent]);
  });

  it('makes no payment of settle’s either, and leaves it open: the hook may have sent it', async () => {
    const { gateway, clock, sends } = bench({
      sends: [said('PAID')],
      polls: [state('none')],
      policy: quick,
      client: fetch =>
        ky.create({
          fetch: fetch as typeof globalThis.fetch,
          hooks: { beforeRequest: [() => json({ code: 'PAID' })] },
        }),
    });
    expect(await clock.run(gateway.settle('payment.charge', charge))).toMatchObject({
      outcome: 'unresolved',
      settledBy: 'none',
    });
    expect(sends.length).toBe(0);
  });

  it('is asked before each send of settle, and what it sends itself is asked about', async () => {
    const { gateway, clock, sends } = bench({
      sends: [said('BUSY'), said('PAID')],
      polls: [state('paid')],
      policy: quick,
      client: fetch => {
        let asked = 0;
        return ky.create({
          fetch: fetch as typeof globalThis.fetch,
          hooks: {
            beforeRequest: [
              ({ request }) =>
                request.url.endsWith('/charge') && ++asked === 2 ? json({ code: 'DECLINED' }) : undefined,
            ],
          },
        });
      },
    });
    expect(await clock.run(gateway.settle('payment.charge', charge))).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'query',
      attempts: 2,
    });
    expect(sends.length).toBe(1);
  });

  it('is not run between two sends of settle, nor after its answer: those hooks are the drop-in’s', async () => {
    const run: string[] = [];
    const { gateway, clock, sends } = bench({
      sends: [said('BUSY'), said('PAID')],
      policy: quick,
      client: fetch =>
        ky.create({
          fetch: fetch as typeof globalThis.fetch,
          hooks: {
            beforeRetry: [() => (run.push('beforeRetry'), json({ code: 'DECLINED' }))],
            afterResponse: [() => (run.push('afterResponse'), json({ code: 'DECLINED' }))],
            beforeError: [({ error }) => (run.push('beforeError'), error)],
          },
        }),
    });
    expect(await clock.run(gateway.settle('payment.charge', charge))).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'answer',
      answer: { code: 'PAID' },
    });
    expect([run, sends.length]).toEqual([[], 2]);
  });

  it('makes no query either: its word on the payment is not asked for', async () => {
    const client = (fetch: Bench['fetch']) =>
      ky.create({
        fetch: fetch as typeof globalThis.fetch,
        hooks: {
          beforeRequest: [
            ({ request }) => (request.url.endsWith('/query') ? json({ state: 'paid', order: 'A1' }) : undefined),
          ],
        },
      });
    const { gateway, clock, polls } = bench({ sends: [reset()], client, policy: quick });
    expect(await clock.run(gateway.settle('payment.charge', charge))).toMatchObject({ outcome: 'unresolved' });
    expect(polls.length).toBe(0);
  });
});

describe('a hook after an answer', () => {
  it('may see it, and cannot have another order sent in its place', async () => {
    const tried: unknown[] = [];
    const { gateway, clock, sends } = bench({ sends: [said('DECLINED'), said('PAID')], policy: quick });
    const again = (): ReturnType<typeof ky.retry> => ky.retry({ request: other() });
    const error = await clock.run(
      thrown(
        gateway.client.post(`${base}/charge`, {
          json: charge,
          hooks: { afterResponse: [({ response }) => void tried.push(response.status), again] },
        }),
      ),
    );
    expect(isResendRefusedError(error) && error.settlement?.outcome).toBe('failed');
    expect([tried, sends.length]).toEqual([[200], 1]);
  });

  it('that breaks leaves the payment open, with its ticket, and sends nothing', async () => {
    const options: Options = { hooks: { afterResponse: [() => Promise.reject(new TypeError('fetch failed'))] } };
    const { gateway, clock, sends } = bench({ sends: [said('PAID')], policy: quick });
    const error = await clock.run(thrown(gateway.client.post(`${base}/charge`, { json: charge, ...options })));
    expect(isUnresolvedError(error) && error.ticket.reference).toEqual({ order: 'A1' });
    expect(sends.length).toBe(1);
  });
});

describe('a client that is told to send everything again', () => {
  const eager: Options = {
    retry: {
      limit: 9,
      methods: ['post', 'get'],
      statusCodes: [200, 402, 429, 500, 503],
      afterStatusCodes: [200, 429, 503],
      shouldRetry: () => true,
      retryOnTimeout: true,
      delay: () => 0,
    },
    hooks: {
      beforeRetry: [({ request }) => new Request(request)],
      afterResponse: [({ response }) => (response.ok ? undefined : ky.retry())],
    },
  };
  const client = (fetch: Bench['fetch']) => ky.create({ fetch: fetch as typeof globalThis.fetch, ...eager });

  it.each<[string, Step]>([
    ['a reset', reset()],
    ['HTTP 503', () => new Response('', { status: 503 })],
    ['a bare 429', () => new Response('', { status: 429, headers: { 'retry-after': '0' } })],
    ['an unreadable body', () => new Response('<html>')],
    ['pending', said('PENDING')],
  ])('sends a write once, whoever calls it: %s', async (_what, first) => {
    const doors: ((scene: Bench) => Promise<unknown>)[] = [
      ({ gateway }) => gateway.settle('payment.charge', charge),
      ({ gateway }) => gateway.client.post('charge', { json: charge, ...eager }),
      ({ gateway }) => gateway.client.extend(eager).post('charge', { json: charge }),
      ({ gateway, fetch }) =>
        gateway.client
          .create({ ...eager, fetch: fetch as typeof globalThis.fetch })
          .post(`${base}/charge`, { json: charge }),
      ({ gateway }) =>
        gateway.fetch(`${base}/charge`, { method: 'POST', body: new URLSearchParams({ order: 'A1', amount: '100' }) }),
    ];
    for (const through of doors) {
      const scene = bench({ sends: [first], polls: [state('pending'), state('paid')], policy: quick, client });
      await scene.clock.run(through(scene));
      expect([scene.sends.length, scene.polls.length]).toEqual([1, 2]);
    }
  });

  it('is refused what it cannot sign, before anything is sent', async () => {
    const { gateway, clock, sends } = bench({ adapter: acme(), sends: [said('PAID')], client, policy: quick });
    const error = await clock.run(
      thrown(gateway.client.post('charge', { body: 'order=A1', headers: { 'content-type': 'text/plain' } })),
    );
    expect([isInputError(error), sends.length]).toEqual([true, 0]);
  });
});
