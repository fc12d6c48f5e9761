import { describe, expect, it } from 'vitest';
import { isInputError } from '../../src/index.ts';
import {
  askBy,
  HOUR_MS,
  jsonOf,
  moneyOf,
  msUntil,
  only,
  optional,
  pollRequired,
  recordOf,
  requestToken,
  succeeded,
  text,
  tokenStore,
  visibleText,
  wallTime,
  webAddress,
  without,
  type CodeTable,
  type Ticket,
} from '../../src/kit/index.ts';
import {
  refused,
  signedNotices,
  tellsSuccess,
  unreceivable,
  wrongSignature,
  type Delivery,
  type Notice,
} from '../../src/kit/webhook.ts';

const nowMs = Date.UTC(2026, 10, 20, 18, 30, 15);

describe('a query by reference', () => {
  const ticket = (reference: Record<string, string>): Ticket => ({ reference }) as unknown as Ticket;

  it('asks with those of its names that the ticket knows, in their order', () => {
    const query = askBy('payment.query', ['order', 'id'], { answersForMs: HOUR_MS });
    expect(query).toMatchObject({ operation: 'payment.query', answersForMs: HOUR_MS });
    expect(query.fields(ticket({ other: 'x', id: 'P1', order: 'A1' }), nowMs)).toEqual({ order: 'A1', id: 'P1' });
    expect(query.fields(ticket({ id: 'P1' }), nowMs)).toEqual({ id: 'P1' });
  });

  it('cannot be asked while the ticket knows none', () => {
    expect(askBy('payment.query', 'constructor').fields(ticket({ order: 'A1' }), nowMs)).toBeUndefined();
  });
});

describe('times', () => {
  it('are written as a wall clock shows them, over the end of a day too', () => {
    expect(wallTime(nowMs)).toBe('2026-11-20T18:30:15');
    expect(wallTime(nowMs, 8)).toBe('2026-11-21T02:30:15');
    expect(wallTime(nowMs, -3)).toBe('2026-11-20T15:30:15');
  });

  it('until a moment that a field names are milliseconds; one without its zone names none', () => {
    expect(msUntil({ until: '2026-11-20T20:30:15+01:00' }, 'until', nowMs)).toBe(HOUR_MS);
    expect(msUntil({ until: '2026-11-20T20:30:15' }, 'until', nowMs)).toBeUndefined();
    expect(msUntil({}, 'until', nowMs)).toBeUndefined();
  });
});

describe('values', () => {
  it('of an amount are money only with an amount, and have a currency only where one is stated', () => {
    expect(moneyOf('10', 'EUR')).toEqual({ amount: '10', currency: 'EUR' });
    expect(moneyOf('10', '')).toEqual({ amount: '10' });
    expect(moneyOf('10')).toEqual({ amount: '10' });
    expect(moneyOf(undefined, 'EUR')).toBeUndefined();
  });

  it('are records only where they are the value’s own, and objects', () => {
    expect(recordOf({ a: { b: 1 } }, 'a')).toEqual({ b: 1 });
    for (const value of [{ a: [1] }, { a: 'b' }, { a: null }, null, 'a', {}])
      expect(recordOf(value, 'a')).toBeUndefined();
    expect(recordOf({}, '__proto__')).toBeUndefined();
  });

  it('of a text that is no JSON are undefined, and quoted in no error', () => {
    expect(jsonOf('{"a":1}')).toEqual({ a: 1 });
    expect(jsonOf('secret')).toBeUndefined();
  });

  it('are picked by name and left out by name, and stay as they were', () => {
    const fields = { a: 1, b: undefined, c: 3 };
    expect(only(fields, ['a', 'b', 'toString'])).toEqual({ a: 1, b: undefined });
    expect(without(fields, ['a', 'x'])).toEqual({ b: undefined, c: 3 });
    expect(fields).toEqual({ a: 1, b: undefined, c: 3 });
  });
});

describe('checks', () => {
  it.each([
    ['optional text', optional(text), ['a', undefined], ['', null, 7]],
    ['visible text', visibleText, ['a-1', '~!'], ['', 'a b', ' a', 'a\n', 'é', 7]],
    ['a web address', webAddress, ['https://a.example/x', 'http://127.0.0.1'], ['a.example', 'ftp://a', 'http://', 7]],
    ['a token store', tokenStore, [new Map(), { get() {}, set() {} }], [{}, { get() {} }, null, 'store']],
  ] as const)('%s', (_what, check, right, wrong) => {
    for (const value of right) expect(check.accepts(value)).toBe(true);
    for (const value of wrong) expect(check.accepts(value)).toBe(false);
  });
});

describe('a token request', () => {
  const context = (answer: Response, seen: Request[] = []) => ({
    fetch: (request: Request): Promise<Response> => {
      seen.push(request);
      return Promise.resolve(answer);
    },
    signal: new AbortController().signal,
  });

  it('is a POST that follows no redirect, and gives what it was answered', async () => {
    const seen: Request[] = [];
    const made = { headers: { 'x-key': 'k' }, body: '{}' };
    expect(await requestToken(context(Response.json({ token: 't' }), seen), 'https://a.example/t', made)).toEqual({
      ok: true,
      status: 200,
      body: { token: 't' },
    });
    expect(seen[0]).toMatchObject({ method: 'POST', redirect: 'manual', url: 'https://a.example/t' });
    expect([seen[0]?.headers.get('x-key'), await seen[0]?.text()]).toEqual(['k', '{}']);
  });

  it('gives no body for what is no JSON, and fails on what is longer than any token', async () => {
    const odd = new Response('secret', { status: 401 });
    expect(await requestToken(context(odd), 'https://a.example/t', { headers: {} })).toEqual({
      ok: false,
      status: 401,
      body: undefined,
    });
    const long = new Response('x'.repeat(70_000));
    await expect(requestToken(context(long), 'https://a.example/t', { headers: {} })).rejects.toThrow(/too long/);
  });
});

describe('signed notices', () => {
  const codes: CodeTable = { paid: succeeded(), going: pollRequired('processing') };
  const deliveryOf = (headers: Record<string, string>, body = '{"state":"paid"}'): Delivery => ({
    method: 'POST',
    url: new URL('https://shop.example/notices'),
    headers: new Headers(headers),
    bytes: new TextEncoder().encode(body),
    text: body,
    nowMs,
  });
  const checked = (headers: Record<string, string>) =>
    wrongSignature(deliveryOf(headers), {
      header: 'X-Sign',
      isRight: (given, time) => given === `right ${time}`,
      time: { header: 'X-Time', withinMs: 5 * 60_000 },
    });
  const at = (ms: number): string => new Date(nowMs + ms).toISOString();

  it.each<[string, Record<string, string>, RegExp | undefined]>([
    ['genuine and fresh', { 'x-time': at(0), 'x-sign': `right ${at(0)}` }, undefined],
    ['at the edge of its time', { 'x-time': at(-300_000), 'x-sign': `right ${at(-300_000)}` }, undefined],
    ['too old', { 'x-time': at(-301_000), 'x-sign': `right ${at(-301_000)}` }, /^X-Time is not within 5 minutes/],
    ['from the future', { 'x-time': at(301_000), 'x-sign': `right ${at(301_000)}` }, /^X-Time is not within 5 minutes/],
    ['of a time that is none', { 'x-time': 'soon', 'x-sign': 'right soon' }, /^X-Time is not within 5 minutes/],
    ['forged', { 'x-time': at(0), 'x-sign': 'wrong' }, /^the signature is not that of this notice$/],
    ['without a signature', { 'x-time': at(0) }, /^the header X-Sign is missing$/],
    ['without its time', { 'x-sign': 'right ' }, /^the header X-Time is missing$/],
  ])('one that is %s', async (_what, headers, wrong) => {
    if (wrong === undefined) expect(await checked(headers)).toBeUndefined();
    else expect(await checked(headers)).toMatch(wrong);
  });

  it('are read only when nothing is wrong, and answered in the provider’s words', async () => {
    const read: unknown[] = [];
    const webhook = signedNotices({
      codes,
      confirm: true,
      replies: { stored: { body: 'OK' }, again: { status: 500, body: 'AGAIN' }, refused: { status: 401, body: 'NO' } },
      whatIsWrong: ({ headers }) => (headers.has('x-sign') ? undefined : 'it is not signed'),
      noticeOf(body): Notice {
        read.push(body);
        return { verified: true, operation: 'payment.create', names: ['paid'] };
      },
    });
    expect(await webhook.hear(deliveryOf({}, 'not even json'))).toEqual(refused('it is not signed'));
    expect(read).toEqual([]);
    expect(await webhook.hear(deliveryOf({ 'x-sign': '1' }))).toMatchObject({ verified: true });
    expect(read).toEqual([{ state: 'paid' }]);
    expect(webhook).toMatchObject({ codes, confirm: true });
    expect(webhook.reply('again', undefined)).toEqual({ status: 500, body: 'AGAIN' });
  });

  it('tell a success only by a name that has a row of its own', () => {
    expect(tellsSuccess(codes, { names: ['going', 'paid'] })).toBe(true);
    for (const names of [['going'], ['constructor'], []]) expect(tellsSuccess(codes, { names })).toBe(false);
  });

  it('cannot be received without the key, and whoever tries is told which', () => {
    const webhook = unreceivable(codes, 'acme: pass secret to receive notices.');
    for (const act of [() => webhook.hear(deliveryOf({})), () => webhook.reply('stored', undefined)]) {
      let thrown: unknown;
      try {
        void act();
      } catch (error) {
        thrown = error;
      }
      expect(isInputError(thrown)).toBe(true);
      expect(String(thrown)).toContain('acme: pass secret');
    }
  });
});
