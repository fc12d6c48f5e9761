import { describe, expect, it } from 'vitest';
import {
  always,
  anothersAnswer,
  deliveredLate,
  isCut,
  lagging,
  manualClock,
  simulateGateway,
  slowed,
  withRetryAfter,
  type Fault,
  type FaultList,
  type FaultName,
  type Simulator,
  type Voice,
} from 'tillpaid/testing';
import { sleep } from '../../src/testing/sleep.ts';
import { acmeVoice, call, sign } from './acme.ts';

const body = JSON.stringify({ order: 'A1', amount: '100' });
const charge = (gateway: Simulator, init: RequestInit = {}): Promise<Response> =>
  gateway.fetch('https://acme.test/payment.charge', {
    method: 'POST',
    body,
    headers: { 'x-acme-sign': sign(body) },
    ...init,
  });

function simulate(
  onSend: FaultList,
  sameReference?: 'books-again',
): { gateway: Simulator; clock: ReturnType<typeof manualClock> } {
  const clock = manualClock({ startMs: 0 });
  return { clock, gateway: simulateGateway({ voice: acmeVoice(sameReference), clock, faults: { onSend } }) };
}

const bookings = (gateway: Simulator): number => gateway.ledger.payment('A1')?.bookings ?? 0;

describe('a connection that breaks', () => {
  it.each<[FaultName, number, { code: string; syscall?: string }]>([
    ['refused-connection', 0, { code: 'ECONNREFUSED', syscall: 'connect' }],
    ['unknown-host', 0, { code: 'ENOTFOUND', syscall: 'getaddrinfo' }],
    ['bad-certificate', 0, { code: 'CERT_HAS_EXPIRED' }],
    ['reset-before-reading', 0, { code: 'EPIPE', syscall: 'write' }],
    ['reset-before-booking', 0, { code: 'ECONNRESET', syscall: 'read' }],
    ['reset-after-booking', 1, { code: 'ECONNRESET', syscall: 'read' }],
    ['reset-booked-later', 0, { code: 'ECONNRESET', syscall: 'read' }],
  ])('%s books %i times and looks as in Node', async (fault, booked, cause) => {
    const { gateway } = simulate([fault]);
    const error: unknown = await charge(gateway).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(TypeError);
    expect(error).toMatchObject({ name: 'TypeError', message: 'fetch failed', cause });
    expect(isCut(error)).toBe(true);
    expect(bookings(gateway)).toBe(booked);
    expect(gateway.requests).toMatchObject([{ fault, result: booked > 0 ? 'paid' : 'not-taken' }]);
  });

  it('cuts the body of an answer short', async () => {
    const { gateway } = simulate(['truncated']);
    const response = await charge(gateway);
    expect(response.status).toBe(200);
    const reader = response.body?.getReader();
    const first = await reader?.read();
    expect(new TextDecoder().decode(first?.value)).toMatch(/^{"code":"state"/);
    const error: unknown = await reader?.read().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: 'TypeError', message: 'terminated', cause: { code: 'UND_ERR_SOCKET' } });
    expect(isCut(error)).toBe(true);
    expect(bookings(gateway)).toBe(1);
  });

  it('is told apart from any other error', () => {
    for (const other of [new TypeError('fetch failed'), undefined, null, 'ECONNRESET', {}])
      expect(isCut(other)).toBe(false);
  });
});

describe('an answer that does not come', () => {
  it.each<[FaultName, number]>([
    ['hang-before-booking', 0],
    ['hang-after-booking', 1],
  ])('%s ends when the client gives up, and books %i times', async (fault, booked) => {
    const { gateway, clock } = simulate([fault]);
    const timeout = new AbortController();
    const patience = sleep(clock, 10_000).then(() => timeout.abort('timed out'));
    await expect(clock.run(charge(gateway, { signal: timeout.signal }))).rejects.toBe('timed out');
    await patience;
    expect(clock.now()).toBe(10_000);
    expect(bookings(gateway)).toBe(booked);
    expect(clock.pending).toBe(0);
  });

  it('drips a byte a second', async () => {
    const { gateway, clock } = simulate(['drip']);
    const response = await charge(gateway);
    const text = await clock.run(response.text());
    expect(JSON.parse(text)).toMatchObject({ state: 'paid' });
    expect(clock.now()).toBe(text.length * 1000);
    expect(clock.pending).toBe(0);
  });

  it.each<[string, (response: Response, timeout: AbortController) => unknown]>([
    ['the request is aborted', (_response, timeout) => timeout.abort('timed out')],
    ['the body is let go', response => response.body?.cancel()],
  ])('stops to drip when %s', async (_title, giveUp) => {
    const { gateway, clock } = simulate(['drip']);
    const timeout = new AbortController();
    const response = await charge(gateway, { signal: timeout.signal });
    const reader = response.body?.getReader();
    await clock.run(reader?.read() ?? Promise.reject(new Error('no body')));
    const second = reader?.read().catch((thrown: unknown) => thrown);
    expect(clock.pending).toBe(1);
    reader?.releaseLock();
    await second;
    expect(clock.pending).toBe(1);
    giveUp(response, timeout);
    await clock.untilQuiet();
    expect(clock.pending).toBe(0);
  });
});

describe('an answer that says nothing or something else', () => {
  it.each<[FaultName, number, number, string | RegExp]>([
    ['none', 200, 1, /"state":"paid"/],
    ['502-before-booking', 502, 0, /^<html>.*502 Bad Gateway/],
    ['502-after-booking', 502, 1, /^<html>/],
    ['503-before-booking', 503, 0, /^<html>.*503 Service Unavailable/],
    ['503-after-booking', 503, 1, /^<html>/],
    ['504-before-booking', 504, 0, /^<html>.*504 Gateway Time-out/],
    ['504-after-booking', 504, 1, /^<html>/],
    ['504-booked-later', 504, 0, /^<html>/],
    ['garbage', 200, 1, /^<html>/],
    ['captive-portal', 200, 0, /^<html>/],
    ['empty', 200, 1, /^$/],
    ['maintenance', 503, 0, '{"code":"maintenance"}'],
    ['rate-limited', 429, 0, '{"code":"rate-limited"}'],
    ['system-error', 500, 0, '{"code":"system-error"}'],
    ['system-error-after-booking', 500, 1, '{"code":"system-error"}'],
    ['not-found', 200, 0, '{"code":"not-found"}'],
  ])('%s has status %i and books %i times', async (fault, status, booked, text) => {
    const { gateway } = simulate([fault]);
    const response = await charge(gateway);
    expect(response.status).toBe(status);
    expect(await response.text()).toMatch(text);
    expect(bookings(gateway)).toBe(booked);
    expect(response.headers.get('retry-after')).toBe(fault === 'rate-limited' ? '2' : null);
  });

  it('leaves out Retry-After where the gateway says 200', async () => {
    const clock = manualClock();
    const voice: Voice = { ...acmeVoice(), say: ({ answer }) => ({ body: { code: answer } }) };
    const response = await charge(simulateGateway({ voice, clock, faults: { onSend: ['rate-limited'] } }));
    expect(response.status).toBe(200);
    expect(response.headers.has('retry-after')).toBe(false);
  });

  it('sends a client that follows redirects a second time, which can charge twice', async () => {
    const follows = simulate(['redirect-after-booking'], 'books-again');
    expect((await charge(follows.gateway)).status).toBe(200);
    expect(bookings(follows.gateway)).toBe(2);

    const careful = simulate(['redirect-after-booking'], 'books-again');
    const response = await charge(careful.gateway, { redirect: 'manual' });
    expect(response.status).toBe(307);
    expect(response.headers.get('location')).toBe('https://acme.test/payment.charge');
    expect(bookings(careful.gateway)).toBe(1);

    const strict = simulate(['redirect']);
    await expect(charge(strict.gateway, { redirect: 'error' })).rejects.toThrow('fetch failed');
    const circle = simulate([always('redirect')]);
    await expect(charge(circle.gateway)).rejects.toThrow('fetch failed');
    expect(circle.gateway.requests).toHaveLength(21);
  });
});

describe('a request that a proxy delivers twice', () => {
  it.each<[FaultName, string]>([
    ['delivered-twice', 'state'],
    ['delivered-twice-second-answer', 'duplicate'],
    ['delivered-twice-later', 'state'],
  ])('%s: is booked once where the gateway refuses a number twice, and the client hears "%s"', async (fault, code) => {
    const { gateway, clock } = simulate([fault]);
    expect(await call(gateway, 'payment.charge', { order: 'A1', amount: '100' })).toMatchObject({ code });
    await clock.run(sleep(clock, 5000));
    expect(gateway.requests).toMatchObject([
      { fault, result: 'paid' },
      { fault, result: 'duplicate' },
    ]);
    expect(bookings(gateway)).toBe(1);
  });

  it.each<[FaultName, number]>([
    ['delivered-twice', 2],
    ['delivered-twice-second-answer', 2],
    ['delivered-twice-later', 1],
  ])('%s: is booked twice where the gateway knows no repeats: %i times by the answer, twice in the end', async (fault, byTheAnswer) => {
    const { gateway, clock } = simulate([fault], 'books-again');
    await charge(gateway);
    expect(bookings(gateway)).toBe(byTheAnswer);
    await clock.run(sleep(clock, 5000));
    expect([bookings(gateway), clock.pending]).toEqual([2, 0]);
  });
});

describe('a request that arrives when its sender has given up', () => {
  it.each<FaultName>(['reset-booked-later', '504-booked-later'])('%s: is booked five seconds later', async fault => {
    const { gateway, clock } = simulate([fault]);
    await charge(gateway).catch(() => undefined);
    await clock.run(sleep(clock, 4999));
    expect(gateway.ledger.payment('A1')).toBeUndefined();
    await clock.run(sleep(clock, 1));
    expect(gateway.ledger.payment('A1')).toMatchObject({ bookings: 1, openedAtMs: 5000 });
  });

  it.each<[when: string, delayMs: number, answers: string[]]>([
    ['before it is sent again', 3000, ['delivered-late', 'delivered-late', 'duplicate']],
    ['after it was sent again', 9000, ['delivered-late', 'paid', 'delivered-late']],
  ])('arrives %s, and is booked once', async (_when, delayMs, answers) => {
    const { gateway, clock } = simulate([deliveredLate(delayMs)]);
    const timeout = new AbortController();
    clock.timer(2000, () => timeout.abort('timed out'));
    await expect(clock.run(charge(gateway, { signal: timeout.signal }))).rejects.toBe('timed out');
    await clock.run(sleep(clock, 3000));
    await charge(gateway);
    await clock.run(sleep(clock, 10_000));
    expect(gateway.ledger.payment('A1')).toMatchObject({ bookings: 1, sends: 3, answers });
    expect(clock.pending).toBe(0);
  });
});

describe('a query whose answer is another one’s', () => {
  it('hears of another order, while its own is as it is', async () => {
    const { gateway } = simulate([]);
    for (const order of ['A1', 'A2']) await call(gateway, 'payment.create', { order, amount: '100' });
    let others: Response | undefined;
    const listening = {
      fetch: async (...[input, init]: Parameters<Simulator['fetch']>) =>
        (others = await gateway.fetch(input, init)).clone(),
    };
    await call(listening, 'payment.query', { order: 'A2' });
    gateway.script('A1', { onQuery: [always(anothersAnswer(() => others ?? Response.error()))] });
    for (let time = 0; time < 2; time++)
      expect(await call(gateway, 'payment.query', { order: 'A1' })).toMatchObject({ order: 'A2' });
    expect(gateway.requests.at(-1)).toMatchObject({ reference: 'A1', fault: 'anothers-answer' });
  });

  it('hears of a replica that lags nothing at first, then how it was, then how it is', async () => {
    const { gateway, clock } = simulate([]);
    gateway.script('A1', {
      life: [
        { afterMs: 4000, state: 'pending' },
        { afterMs: 8000, state: 'paid' },
      ],
      onQuery: [always(lagging(3000, () => gateway.ledger.payment('A1')?.openedAtMs))],
    });
    await call(gateway, 'payment.create', { order: 'A1', amount: '100' });
    const course: string[] = [];
    for (let second = 0; second < 13; second++) {
      const { code, state } = await call(gateway, 'payment.query', { order: 'A1' });
      course.push(state ?? code ?? '');
      await clock.run(sleep(clock, 1000));
    }
    const times = (count: number, word: string): string[] => Array.from({ length: count }, () => word);
    expect(course).toEqual([
      ...times(3, 'not-found'),
      ...times(4, 'open'),
      ...times(4, 'pending'),
      ...times(2, 'paid'),
    ]);
  });

  it('hears the gateway itself once the replica has caught up, and of what is not there that it is not', async () => {
    const { gateway, clock } = simulate([]);
    let lagMs = 60_000;
    gateway.script('A1', {
      onQuery: [
        always(
          lagging(
            () => lagMs,
            () => gateway.ledger.payment('A1')?.openedAtMs,
          ),
        ),
      ],
    });
    expect(await call(gateway, 'payment.query', { order: 'A1' })).toMatchObject({ code: 'not-found' });
    await charge(gateway);
    expect(await call(gateway, 'payment.query', { order: 'A1' })).toMatchObject({ code: 'not-found' });
    lagMs = 0;
    expect(await call(gateway, 'payment.query', { order: 'A1' })).toMatchObject({ state: 'paid' });
    expect(clock.pending).toBe(0);
  });
});

describe('a fault made of another', () => {
  it('comes so much later, and ends early when the client gives up', async () => {
    const { gateway, clock } = simulate([
      slowed(4000, '503-after-booking'),
      slowed(4000, 'refused-connection'),
      slowed(4000),
    ]);
    expect((await clock.run(charge(gateway))).status).toBe(503);
    expect([clock.now(), bookings(gateway)]).toEqual([4000, 1]);
    await expect(clock.run(charge(gateway))).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });
    expect([clock.now(), gateway.requests.map(({ fault }) => fault)]).toEqual([
      8000,
      ['503-after-booking', 'refused-connection'],
    ]);
    const timeout = new AbortController();
    clock.timer(1000, () => timeout.abort('timed out'));
    await expect(clock.run(charge(gateway, { signal: timeout.signal }))).rejects.toBe('timed out');
    expect([clock.now(), clock.pending]).toEqual([9000, 0]);
  });

  it('says when to come again, in seconds or by a date, with the answer it had', async () => {
    const date = (nowMs: number): string => new Date(nowMs + 60_000).toUTCString();
    const { gateway, clock } = simulate([
      withRetryAfter('7', 'maintenance'),
      withRetryAfter(date, slowed(1000, 'rate-limited')),
      withRetryAfter('9'),
    ]);
    const heard: unknown[] = [];
    for (let time = 0; time < 3; time++) {
      const response = await clock.run(charge(gateway));
      heard.push([
        response.status,
        response.headers.get('retry-after'),
        ((await response.json()) as { code: string }).code,
      ]);
    }
    expect(heard).toEqual([
      [503, '7', 'maintenance'],
      [429, 'Thu, 01 Jan 1970 00:01:01 GMT', 'rate-limited'],
      [200, '9', 'state'],
    ]);
    expect(gateway.requests.map(({ fault }) => fault)).toEqual(['maintenance', 'rate-limited', 'none']);
  });
});

describe('a list of faults', () => {
  const course = async (gateway: Simulator, operation: string, order: string, times: number): Promise<string[]> => {
    const seen: string[] = [];
    for (let time = 0; time < times; time++) {
      seen.push(
        await call(gateway, operation, { order }).then(
          ({ code }) => code ?? '',
          () => 'lost',
        ),
      );
    }
    return seen;
  };

  it('strikes once each in order, then all goes well', async () => {
    const { gateway } = simulate(['reset-before-booking', 'none', 'maintenance']);
    expect(await course(gateway, 'payment.charge', 'A1', 5)).toEqual([
      'lost',
      'state',
      'maintenance',
      'duplicate',
      'duplicate',
    ]);
  });

  it('goes on with what is marked to stay', async () => {
    const { gateway } = simulate(['reset-before-booking', always('system-error')]);
    expect(await course(gateway, 'payment.charge', 'A1', 4)).toEqual([
      'lost',
      'system-error',
      'system-error',
      'system-error',
    ]);
  });

  it('is used up by each reference for itself', async () => {
    const { gateway } = simulate(['system-error']);
    for (const order of ['A1', 'A2', '__proto__']) {
      expect(await course(gateway, 'payment.charge', order, 2)).toEqual(['system-error', 'state']);
    }
  });

  it('can be for sends, for queries, or for one operation', async () => {
    const { gateway } = simulate([]);
    gateway.script('A1', {
      onSend: ['maintenance'],
      onQuery: ['not-found'],
      on: { 'payment.cancel': ['system-error'] },
    });
    expect(await course(gateway, 'payment.create', 'A1', 2)).toEqual(['maintenance', 'state']);
    expect(await course(gateway, 'payment.query', 'A1', 2)).toEqual(['not-found', 'state']);
    expect(await course(gateway, 'payment.cancel', 'A1', 2)).toEqual(['system-error', 'already-final']);
  });

  it('may hold a fault of one’s own', async () => {
    const { gateway } = simulate([{ books: true, does: ({ answer }) => new Response(answer.body, { status: 202 }) }]);
    expect((await charge(gateway)).status).toBe(202);
    expect(gateway.requests).toMatchObject([{ fault: 'custom', result: 'paid' }]);
  });

  it('may deliver a request twice, or late', async () => {
    const twice: Fault = { books: true, does: ({ deliver }) => deliver() };
    const { gateway, clock } = simulate([twice], 'books-again');
    await charge(gateway);
    expect(bookings(gateway)).toBe(2);

    const late = (afterMs: number): Fault => ({
      books: false,
      does: ({ clock, deliver }) => {
        clock.timer(afterMs, () => void deliver());
        throw new TypeError('fetch failed');
      },
    });
    const fields = { amount: '1', at: clock.now() };
    gateway.script('L1', { onSend: [late(8000)] });
    gateway.script('L2', { onSend: [late(900_000)] });
    for (const order of ['L1', 'L2'])
      await expect(call(gateway, 'payment.charge', { order, ...fields })).rejects.toThrow('fetch failed');
    expect(gateway.ledger.payment('L1')).toBeUndefined();
    await clock.run(sleep(clock, 901_000));
    expect(gateway.ledger.payment('L1')).toMatchObject({
      state: 'paid',
      openedAtMs: fields.at + 8000,
      answers: ['custom', 'custom'],
    });
    expect(gateway.ledger.payment('L2')).toBeUndefined();
    expect(gateway.requests.at(-1)).toMatchObject({ result: 'refused', atMs: fields.at + 900_000 });
  });

  it('is replaced by a later script, which leaves the rest as it was', async () => {
    const { gateway } = simulate(['system-error', 'system-error', 'system-error']);
    expect(await course(gateway, 'payment.charge', 'A1', 1)).toEqual(['system-error']);
    gateway.script('A1', { onQuery: ['not-found'] });
    expect(await course(gateway, 'payment.charge', 'A1', 1)).toEqual(['system-error']);
    gateway.script('A1', { onSend: ['maintenance'] });
    expect(await course(gateway, 'payment.charge', 'A1', 2)).toEqual(['maintenance', 'state']);
    expect(await course(gateway, 'payment.query', 'A1', 1)).toEqual(['not-found']);
    gateway.script('A1', { on: { 'payment.cancel': ['maintenance'] } });
    gateway.script('A1', { on: { 'payment.capture': ['maintenance'] } });
    expect(await course(gateway, 'payment.cancel', 'A1', 1)).toEqual(['maintenance']);
  });
});
