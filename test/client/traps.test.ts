import ky, { isHTTPError, type KyInstance, type Options } from 'ky';
import { describe, expect, it, vi } from 'vitest';
import {
  constant,
  createGateway,
  exponential,
  isSettledError,
  isUnresolvedError,
  verdictOf,
  type Adapter,
} from '../../src/index.ts';
import { sleep } from '../../src/testing/sleep.ts';
import { manualClock } from '../../src/testing/manual-clock.ts';
import { acme, type AcmeFields } from '../testing/acme.ts';
import { bench, hang, json, refused, reset, said, state, type Bench, type Step } from '../testing/bench.ts';

/**
 * Every trap of ky 2.1 and p-retry 9, and every defect seen in other clients, each with the test that shows we are not
 * in it. A test named without its file is below.
 *
 * | trap of ky | test |
 * | --- | --- |
 * | `beforeRequest` runs once, so a re-send carries the first signature | settle: signs every attempt afresh, with the
 * reference and the business fields as they were |
 * | a network error on POST is followed only with `post` among the methods | settle: sends again what never left this
 * machine; asks after a reset; the client’s own retry options, however strict, stop nothing |
 * | a timeout is followed only with `retryOnTimeout` | settle: asks after a hang; the client’s own retry options,
 * however strict, stop nothing |
 * | the last attempt’s lost answer skips `beforeRetry` | settle: asks after … on the last attempt too |
 * | `ky.retry()` re-sends | drop-in: by an afterResponse hook that asks ky to send again; … another request |
 * | a forced request comes after `beforeRequest` | an operation that a hook makes of a re-send is sent once, and left
 * open when its answer is lost |
 * | `ky.retry()` shares `retry.limit`: no poll loop may hang on it | polls more often than any limit of ky or p-retry |
 * | past the limit it throws `ForceRetryError` | drop-in: are asked again by a hook’s ky.retry(), as often as the
 * policy allows |
 * | `beforeRetry` runs after ky’s backoff | does not wait for ky’s own backoff before it asks |
 * | its Response skips later `beforeRetry` hooks | the user’s beforeRetry hooks run for a re-send, and not for a status
 * query |
 * | its Response passes `afterResponse` | the user’s afterResponse hooks see the settling response only, once |
 * | its non-2xx Response throws at once | a payment that a query calls paid with an HTTP error is paid |
 * | what it throws bypasses `beforeError` | what a query settled is thrown as it is, past the user’s beforeError hooks
 * |
 * | what the user’s hook throws there bypasses it too | drop-in: turns a stop or an error of a beforeRetry hook into an
 * open payment, never into undefined |
 * | a truncated body throws outside every hook | settle: asks after a body cut short; a truncated answer never reaches
 * the caller’s body reader |
 * | `timeout` ends at the headers | settle: asks after a body that drips; gives up on a fetch that does not listen to
 * its signal, and on a signature check that does not end |
 * | `ky.stop` resolves to `undefined` | drop-in: by a beforeRetry hook that stops; turns a stop … into an open payment
 * |
 * | `timeout` starts before the queue | a queue longer than the timeout is no timeout |
 * | `totalTimeout` covers hooks and delays | drop-in: totalTimeout, which becomes an open payment once a send may have
 * landed |
 * | `maxRetryAfter` is infinite | settle: stops unresolved when Retry-After (…) is longer than it may wait |
 * | an `afterResponse` hook costs a copy of the body | copies no body when the user has no afterResponse hook |
 * | retry options set for one request must not leak | requests that match nothing keep the client’s retry options
 * afterwards |
 *
 * | trap of p-retry | test |
 * | --- | --- |
 * | ten retries by default end a payment after eleven polls | polls more often than any limit of ky or p-retry |
 * | no delay of its own per attempt | settle: polls at the backoff’s times, the last time at the deadline |
 * | it stops on a `TypeError` that is not the network’s | a TypeError under a status query does not end the loop |
 * | a broken adapter is such a `TypeError` | an adapter that breaks on an answer leaves the payment open, with its
 * ticket |
 * | the cap comes after the jitter, so late waits are all the cap | waits are drawn below the cap, not cut off at it |
 *
 * | defect elsewhere | test |
 * | --- | --- |
 * | failed for good after one transport error (core-lro) | one failed status query does not end a payment, whatever
 * failed |
 * | statuses matched by substring (core-lro) | a status is matched whole, never by a part or by what every object has |
 * | one more request after an abort (AWS waiter, cockatiel) | sends nothing after an abort: … |
 * | the last poll long before the deadline (AWS waiter) | settle: polls at the backoff’s times, the last time at the
 * deadline |
 * | `Retry-After: 3000000` overflows the timer (axios-retry, core-lro) | a Retry-After longer than any timer does not
 * fire at once |
 * | no jitter on the first retries (stripe) | the first re-sends of a fleet are spread |
 * | pending, no id, budget used up: failed (hyperswitch) | pending without an id is unresolved when the budget is used
 * up, never failed |
 * | a second idempotency key or a re-send on a guess (all of them) | settle: asks after …, and sends nothing again |
 */

const base = 'https://acme.test/api';
const charge = { order: 'A1', amount: 100 };
const quick = { retry: { backoff: constant(100) }, poll: { backoff: constant(1000), deadlineMs: 60_000 } };
/** For payments that stay open. */
const brief = { ...quick, poll: { backoff: constant(1000), deadlineMs: 3000 } };
const start = Date.UTC(2026, 0, 1);
const withOptions =
  (options: Options) =>
  (fetch: Bench['fetch']): KyInstance =>
    ky.create({ fetch: fetch as typeof globalThis.fetch, ...options });
const thrown = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => expect.fail('resolved'),
    (error: unknown) => error,
  );

describe('traps of ky', () => {
  it.each<[string, Options]>([
    ['no retries', { retry: 0 }],
    ['no methods', { retry: { methods: [] } }],
    ['no statuses', { retry: { statusCodes: [], afterStatusCodes: [] } }],
    ['a shouldRetry that says no', { retry: { shouldRetry: () => false } }],
    ['a shouldRetry that throws', { retry: { shouldRetry: () => Promise.reject(new Error('mine')) } }],
  ])('the client’s own retry options, however strict, stop nothing: %s', async (_what, options) => {
    for (const lost of [reset(), hang, () => new Response('', { status: 503 })]) {
      const { gateway, clock, sends, polls } = bench({
        sends: [refused(), lost],
        polls: [state('pending'), state('paid')],
        policy: quick,
        client: withOptions(options),
      });
      expect(await clock.run(gateway.client.post(`${base}/charge`, { json: charge }).json())).toEqual({
        state: 'paid',
      });
      expect([sends.length, polls.length]).toEqual([2, 2]);
    }
  });

  it.each<[string, Options]>([
    [
      'by ky.retry()',
      {
        hooks: { afterResponse: [({ retryCount }) => (retryCount === 0 ? ky.retry({ request: write() }) : undefined)] },
      },
    ],
    ['by beforeRetry', { hooks: { beforeRetry: [() => write()] } }],
  ])('an operation that a hook makes of a re-send is sent once, and left open when its answer is lost: %s', async (_how, options) => {
    for (const lost of [reset(), said('PENDING')]) {
      const { gateway, clock, sends } = bench({
        sends: [() => new Response('', { status: 503 }), lost],
        polls: [state('pending')],
        policy: brief,
      });
      const error = await clock.run(
        thrown(gateway.client.get('https://elsewhere.test/', { ...options, retry: { limit: 5, delay: () => 0 } })),
      );
      expect(isUnresolvedError(error) && error.ticket.reference).toEqual({ order: 'A1' });
      expect(sends.map(({ path }) => path)).toEqual(['/', '/api/charge']);
    }
  });
  const write = (): Request =>
    new Request(`${base}/charge`, {
      method: 'POST',
      body: JSON.stringify(charge),
      headers: { 'content-type': 'application/json' },
    });

  it('polls more often than any limit of ky or p-retry', async () => {
    const { gateway, clock, sends, polls } = bench({
      sends: [reset()],
      polls: [...Array.from({ length: 39 }, () => state('pending')), state('paid')],
      policy: { retry: { attempts: 1 }, poll: { backoff: constant(1000), deadlineMs: 1_000_000 } },
    });
    expect(await clock.run(gateway.client.post(`${base}/charge`, { json: charge }).json())).toEqual({ state: 'paid' });
    expect([sends.length, polls.length]).toEqual([1, 40]);
  });

  it('does not wait for ky’s own backoff before it asks', async () => {
    const retry = { delay: () => 60_000, jitter: () => 60_000, backoffLimit: 60_000, limit: 9 };
    const { gateway, clock, polls } = bench({
      sends: [refused(), reset()],
      polls: [state('pending'), state('paid')],
      policy: quick,
      client: withOptions({ retry }),
    });
    await clock.run(gateway.client.post(`${base}/charge`, { json: charge }));
    expect(polls.map(({ atMs }) => atMs - start)).toEqual([1100, 2100]);
  });

  it('the user’s beforeRetry hooks run for a re-send, and not for a status query', async () => {
    const seen: [string, number][] = [];
    const hooks = {
      beforeRetry: [
        ({ error, retryCount }: { error: Error; retryCount: number }) => void seen.push([error.name, retryCount]),
      ],
    };
    const { gateway, clock, sends, polls } = bench({
      sends: [said('BUSY'), reset()],
      polls: [state('pending'), state('paid')],
      policy: quick,
    });
    await clock.run(gateway.client.post(`${base}/charge`, { json: charge, hooks }));
    expect([seen.length, sends.length, polls.length]).toEqual([1, 2, 2]);
  });

  it('the user’s afterResponse hooks see the settling response only, once', async () => {
    const seen: unknown[] = [];
    const hooks = {
      afterResponse: [
        async ({ response }: { response: Response }): Promise<void> => void seen.push(await response.json()),
      ],
    };
    const { gateway, clock } = bench({
      sends: [said('BUSY'), said('PENDING')],
      polls: [state('pending'), state('paid')],
      policy: quick,
    });
    expect(await clock.run(gateway.client.post(`${base}/charge`, { json: charge, hooks }).json())).toEqual({
      state: 'paid',
    });
    expect(seen).toEqual([{ state: 'paid' }]);
  });

  it('a payment that a query calls paid with an HTTP error is paid', async () => {
    const script = { sends: [reset()], polls: [() => json({ state: 'paid' }, { status: 409 })], policy: quick };
    const settled = bench(script);
    expect(await settled.clock.run(settled.gateway.settle('payment.charge', charge))).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'query',
    });
    const quiet = bench(script);
    const response = await quiet.clock.run(
      quiet.gateway.client.post(`${base}/charge`, { json: charge, throwHttpErrors: false }),
    );
    expect([response.status, verdictOf(response)]).toMatchObject([409, { outcome: 'succeeded' }]);
    const strict = bench(script);
    const error = await strict.clock.run(thrown(strict.gateway.client.post(`${base}/charge`, { json: charge })));
    expect([isHTTPError(error), verdictOf(error)]).toMatchObject([true, { outcome: 'succeeded' }]);
    for (const { sends, polls } of [settled, quiet, strict]) expect([sends.length, polls.length]).toEqual([1, 1]);
  });

  it('what a query settled is thrown as it is, past the user’s beforeError hooks', async () => {
    const seen: string[] = [];
    const hooks = { beforeError: [({ error }: { error: Error }) => (seen.push(error.name), new Error('replaced'))] };
    const { gateway, clock } = bench({ sends: [reset()], polls: [state('failed')], policy: quick });
    const error = await clock.run(thrown(gateway.client.post(`${base}/charge`, { json: charge, hooks })));
    expect([isSettledError(error) && error.settlement.outcome, seen]).toEqual(['failed', []]);
  });

  it('a truncated answer never reaches the caller’s body reader', async () => {
    const terminated = Object.assign(new TypeError('terminated'), { cause: { code: 'UND_ERR_SOCKET' } });
    const body = (): Response =>
      new Response(
        new ReadableStream({
          start: c => c.enqueue(new TextEncoder().encode('{"code":')),
          pull: c => c.error(terminated),
        }),
      );
    for (const read of ['json', 'text', 'arrayBuffer'] as const) {
      const { gateway, clock, sends } = bench({ sends: [body], polls: [state('pending')], policy: brief });
      const error = await clock.run(thrown(gateway.client.post(`${base}/charge`, { json: charge })[read]()));
      expect(isUnresolvedError(error)).toBe(true);
      expect(sends.length).toBe(1);
    }
  });

  it('gives up on a fetch that does not listen to its signal', async () => {
    const { gateway, clock, sends } = bench({
      sends: [() => new Promise(() => undefined)],
      polls: [state('paid')],
      policy: quick,
    });
    expect(await clock.run(gateway.settle('payment.charge', charge))).toMatchObject({
      outcome: 'succeeded',
      elapsedMs: 11_000,
    });
    expect(sends.length).toBe(1);
  });

  it('gives up on a signature check that does not end', async () => {
    let checks = 0;
    const verify = (): Promise<boolean> => (++checks === 1 ? new Promise(() => undefined) : Promise.resolve(true));
    const { gateway, clock, sends } = bench({
      adapter: { ...acme(), verify },
      sends: [said('PAID')],
      polls: [state('paid')],
      policy: quick,
    });
    expect(await clock.run(gateway.settle('payment.charge', charge), { stuckTurns: 20 })).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'query',
    });
    expect(sends.length).toBe(1);
  });

  it('a queue longer than the timeout is no timeout', async () => {
    const clock = manualClock();
    // ky's own timers are the machine's: here they run by the same clock.
    vi.stubGlobal('setTimeout', (callback: () => void, delayMs = 0) => clock.timer(delayMs, callback));
    vi.stubGlobal('clearTimeout', (cancel?: () => void) => cancel?.());
    const lost: string[] = [];
    const fetch = async (): Promise<Response> => {
      await sleep(clock, 12);
      return json({ code: 'PAID' });
    };
    const gateway = createGateway({
      adapter: acme(),
      client: ky.create({ fetch, timeout: 60 }),
      policy: { limit: { concurrency: 1 } },
      clock,
      onEvent: ({ type }) => (type === 'lost' ? lost.push(type) : undefined),
    });
    const orders = Array.from({ length: 8 }, (_each, index) => ({ order: `A${index}`, amount: 100 }));
    const from = clock.monotonicMs();
    const answers = await clock.run(
      Promise.all(orders.map(order => gateway.client.post(`${base}/charge`, { json: order }).json())),
    );
    expect([answers.length, lost, clock.monotonicMs() - from]).toEqual([8, [], 96]);
    vi.unstubAllGlobals();
  });

  it('copies no body when the user has no afterResponse hook', async () => {
    const clone = vi.spyOn(Response.prototype, 'clone');
    const { gateway, clock } = bench({
      sends: [() => json({ code: 'PENDING' })],
      polls: [() => json({ state: 'paid' })],
      policy: quick,
    });
    await clock.run(gateway.client.post(`${base}/charge`, { json: charge }));
    expect(clone).not.toHaveBeenCalled();
    clone.mockRestore();
  });

  it('requests that match nothing keep the client’s retry options afterwards', async () => {
    const retry = { limit: 1, methods: ['get' as const], delay: () => 0 };
    const busy: Step = () => new Response('', { status: 503 });
    const { gateway, clock, sends } = bench({
      sends: [reset(), busy],
      polls: [state('paid')],
      policy: quick,
      client: withOptions({ retry }),
    });
    await clock.run(gateway.client.post(`${base}/charge`, { json: charge }));
    for (const method of ['get', 'put'] as const) await thrown(gateway.client[method]('https://elsewhere.test/'));
    expect(sends.map(({ method }) => method)).toEqual(['POST', 'GET', 'GET', 'PUT']);
    expect(retry).toMatchObject({ limit: 1, methods: ['get'] });
  });
});

describe('traps of p-retry', () => {
  it('a TypeError under a status query does not end the loop', async () => {
    let requests = 0;
    const hooks = {
      beforeRequest: [
        (): void => {
          if (++requests === 3) throw new TypeError('undefined is not a function');
        },
      ],
    };
    const polls = [
      () => Promise.reject(new TypeError('Cannot read properties of undefined')),
      state('pending'),
      state('paid'),
    ];
    const { gateway, clock } = bench({ sends: [reset()], polls, policy: quick, client: withOptions({ hooks }) });
    expect(await clock.run(gateway.settle('payment.charge', charge))).toMatchObject({
      outcome: 'succeeded',
      // The one whose hook threw never left.
      polls: 3,
    });
  });

  const bug = (): never => {
    throw new TypeError('Cannot read properties of undefined');
  };
  const withBugIn = (operation: keyof AcmeFields, part: 'read' | 'codes'): Adapter<AcmeFields> => {
    const { operations, ...adapter } = acme();
    return {
      ...adapter,
      operations: { ...operations, [operation]: { ...operations[operation], [part]: bug } } as typeof operations,
    };
  };

  it.each([
    ['payment.charge', 'read'],
    ['payment.charge', 'codes'],
    ['payment.query', 'read'],
    ['payment.query', 'codes'],
  ] as const)('an adapter that breaks on an answer leaves the payment open, with its ticket: %s, %s', async (operation, part) => {
    const script = {
      adapter: withBugIn(operation, part),
      sends: [said('PENDING')],
      polls: [state('pending')],
      policy: brief,
    };
    const settled = bench(script);
    expect(await settled.clock.run(settled.gateway.settle('payment.charge', charge))).toMatchObject({
      outcome: 'unresolved',
      ticket: { reference: { order: 'A1' } },
    });
    const called = bench(script);
    const error = await called.clock.run(thrown(called.gateway.client.post(`${base}/charge`, { json: charge })));
    expect(isUnresolvedError(error) && error.ticket.reference).toEqual({ order: 'A1' });
    expect([settled.sends.length, called.sends.length]).toEqual([1, 1]);
  });

  it('waits are drawn below the cap, not cut off at it', async () => {
    const { gateway, clock, polls } = bench({
      sends: [reset()],
      polls: [state('pending')],
      policy: { poll: { backoff: exponential({ baseMs: 1000, maxMs: 4000 }), deadlineMs: 40_000 } },
    });
    await clock.run(gateway.settle('payment.charge', charge));
    const waits = polls.slice(1).map(({ atMs }, index) => atMs - (polls[index]?.atMs ?? 0));
    expect(Math.max(...waits)).toBeLessThanOrEqual(4000);
    expect(waits.filter(wait => wait === 4000).length).toBeLessThan(2);
    expect(new Set(waits).size).toBeGreaterThan(waits.length / 2);
  });
});

describe('defects of other clients', () => {
  it.each<[string, Step]>([
    ['a reset', reset()],
    ['a refused connection', refused()],
    ['a hang', hang],
    ['HTTP 400', () => new Response('Bad Request', { status: 400 })],
    ['HTTP 404', () => new Response('Not Found', { status: 404 })],
    ['HTTP 500', () => new Response('', { status: 500 })],
    ['a page of HTML', () => new Response('<html>')],
    ['a refusal', state('REFUSED')],
    ['maintenance', state('BUSY')],
  ])('one failed status query does not end a payment, whatever failed: %s', async (_what, failing) => {
    const { gateway, clock, sends } = bench({ sends: [reset()], polls: [failing, state('paid')], policy: quick });
    expect(await clock.run(gateway.settle('payment.charge', charge))).toMatchObject({ outcome: 'succeeded', polls: 2 });
    expect(sends.length).toBe(1);
  });

  it.each([
    'unpaid',
    'paid-later',
    'PAID',
    ' paid',
    'not failed',
    'failed-over',
    'canceled?',
    '__proto__',
    'constructor',
    'toString',
  ])('a status is matched whole, never by a part or by what every object has: %s', async name => {
    const { gateway, clock, polls, events } = bench({
      sends: [said('PENDING')],
      polls: [state(name), state('paid')],
      policy: quick,
    });
    expect(await clock.run(gateway.settle('payment.charge', charge))).toMatchObject({ outcome: 'succeeded', polls: 2 });
    expect([polls.length, events.filter(({ type }) => type === 'unlisted').length]).toEqual([2, 1]);
  });

  const waiting: [string, Parameters<typeof bench>[0], number][] = [
    ['while the write is on the wire', { sends: [hang] }, 0],
    ['while waiting to send again', { sends: [said('BUSY')] }, 0],
    ['while waiting to ask', { sends: [said('PENDING')] }, 0],
    ['while a status query is on the wire', { sends: [said('PENDING')], polls: [hang] }, 1],
    ['while waiting to ask again', { sends: [said('PENDING')], polls: [state('pending')] }, 1],
  ];
  it.each(waiting)('sends nothing after an abort: %s', async (_when, script, polled) => {
    for (const act of ['settle', 'client'] as const) {
      const { gateway, clock, sends, polls } = bench({
        ...script,
        policy: { retry: { backoff: constant(1000) }, poll: { backoff: constant(1000) } },
      });
      const controller = new AbortController();
      const { signal } = controller;
      const ending = thrown(
        act === 'settle'
          ? gateway.settle('payment.charge', charge, { signal })
          : gateway.client.post(`${base}/charge`, { json: charge, signal }),
      );
      await clock.untilQuiet();
      while (polls.length < polled) {
        clock.advance(1000);
        await clock.untilQuiet();
      }
      controller.abort(new Error('closing'));
      expect(await ending).toMatchObject({ message: 'closing' });
      expect(clock.pending).toBe(0);
      clock.advance(100_000);
      await clock.untilQuiet();
      expect([sends.length, polls.length]).toEqual([1, polled]);
    }
  });

  it.each<[string, Parameters<typeof bench>[0]]>([
    ['before a re-send', { sends: [() => json({ code: 'BUSY' }, { headers: { 'retry-after': '3000000' } })] }],
    ['before a status query', { sends: [() => json({ code: 'PENDING' }, { headers: { 'retry-after': '3000000' } })] }],
    [
      'before the next status query',
      {
        sends: [said('PENDING')],
        polls: [() => json({ state: 'pending' }, { headers: { 'retry-after': '3000000' } })],
      },
    ],
  ])('a Retry-After longer than any timer does not fire at once: %s', async (_when, script) => {
    const { sends, polls, clock, fetch } = bench(script);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const policy = {
      retry: { backoff: constant(0), maxRetryAfterMs: Infinity },
      poll: { backoff: constant(0), deadlineMs: Infinity },
    };
    const gateway = createGateway({ adapter: acme(), client: withOptions({})(fetch), policy });
    const controller = new AbortController();
    const ending = thrown(gateway.settle('payment.charge', charge, { signal: controller.signal }));
    // The machine's timers, as the runtimes have them: what is too long for them fires at once.
    for (let waits = 0; waits < 5; waits++) {
      await clock.untilQuiet();
      vi.advanceTimersByTime(1);
    }
    expect([sends.length, polls.length]).toEqual([1, script?.polls?.length ?? 0]);
    controller.abort(new Error('closing'));
    expect(await ending).toMatchObject({ message: 'closing' });
    vi.useRealTimers();
  });

  it('the first re-sends of a fleet are spread', async () => {
    const waits = await Promise.all(
      Array.from({ length: 20 }, async (_each, seed) => {
        const { sends, fetch } = bench({ sends: [said('BUSY')] });
        const clock = manualClock({ seed });
        const gateway = createGateway({ adapter: acme(), client: withOptions({})(fetch), clock });
        const { timeline } = await clock.run(gateway.settle('payment.charge', charge));
        expect(sends.length).toBe(3);
        return timeline.flatMap(entry => (entry.type === 'wait' ? [entry.delayMs] : []));
      }),
    );
    for (const retry of [0, 1]) expect(new Set(waits.map(each => each[retry])).size).toBeGreaterThan(15);
  });

  it.each([
    'payment.charge',
    'payment.create',
    'payout.create',
  ] as const)('pending without an id is unresolved when the budget is used up, never failed: %s', async operation => {
    const { gateway, clock, sends } = bench({
      sends: [said('PENDING')],
      polls: [state('pending')],
      policy: { ...brief, retry: { attempts: 1 } },
    });
    expect(await clock.run(gateway.settle(operation, charge))).toMatchObject({
      outcome: 'unresolved',
      settledBy: 'none',
      ticket: { reference: { order: 'A1' } },
    });
    expect(sends.length).toBe(1);
  });
});
