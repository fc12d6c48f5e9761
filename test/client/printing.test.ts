import { createServer, type AddressInfo, type Server } from 'node:net';
import { inspect } from 'node:util';
import ky, { isHTTPError, type KyInstance, type Options } from 'ky';
import { afterEach, describe, expect, it } from 'vitest';
import {
  constant,
  createGateway,
  isSettledError,
  isUnresolvedError,
  responseOf,
  verdictOf,
  type Adapter,
  type Ticket,
} from '../../src/index.ts';
import { acme, type AcmeFields } from '../testing/acme.ts';
import { bench, json, reset, said, state, type Bench, type Step } from '../testing/bench.ts';

/** Whatever is logged: nothing of a request or an answer is in it, but all of it is still there by name. */

const base = 'https://acme.test/api';
const card = '4111111111111111';
const phone = '+84901234567';
const token = 'tok_live_7f3a';
const charge = { order: 'A1', amount: 100, card, phone };
const quick = { retry: { attempts: 1, backoff: constant(100) }, poll: { backoff: constant(1000), deadlineMs: 5000 } };
const secrets = new RegExp([card, phone.replace('+', '\\+'), token, 'signature-of'].join('|'));

const signing = (): Adapter<AcmeFields> => ({
  ...acme(),
  headers: () => ({ authorization: `Bearer ${token}`, 'x-signature': 'signature-of-it' }),
});
const withHeaders =
  (options: Options = {}) =>
  (fetch: Bench['fetch']): KyInstance =>
    ky.create({ fetch: fetch as typeof globalThis.fetch, headers: { authorization: `Bearer ${token}` }, ...options });
const thrown = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => expect.fail('resolved'),
    (error: unknown) => error,
  );
const printed = (error: unknown): string =>
  inspect(error, { depth: 10, showHidden: false }) +
  JSON.stringify(error) +
  String(error) +
  inspect({ error, list: [error] }, { depth: 12 });

const echo =
  (body: object, status = 200): Step =>
  async request =>
    json({ ...body, card, token, echo: await request.clone().text() }, { status });
const post =
  (options: Options = {}) =>
  ({ gateway }: Bench): Promise<unknown> =>
    gateway.client.post(`${base}/charge`, {
      json: charge,
      headers: { 'x-token': token },
      context: { tillpaid: {}, card },
      ...options,
    });

describe('an error of a matched request, when it is printed', () => {
  const cases: [
    what: string,
    script: { sends?: Step[]; polls?: Step[] },
    play: (scene: Bench) => Promise<unknown>,
    client?: Options,
  ][] = [
    ['a decline (HTTPError)', { sends: [echo({ code: 'DECLINED' }, 402)] }, post()],
    [
      'a decline that a query told (SettledError)',
      { sends: [echo({ code: 'PENDING' })], polls: [echo({ state: 'failed' })] },
      post(),
    ],
    [
      'a payment still open (UnresolvedError)',
      { sends: [echo({ code: 'PENDING' })], polls: [echo({ state: 'pending' })] },
      post(),
    ],
    [
      'the same, through fetch',
      { sends: [reset()], polls: [echo({ state: 'pending' })] },
      ({ gateway }) =>
        gateway.fetch(`${base}/charge`, {
          method: 'POST',
          body: JSON.stringify(charge),
          headers: { 'content-type': 'application/json', 'x-token': token },
        }),
    ],
    [
      'a second send that was refused',
      { sends: [echo({ code: 'PAID' })] },
      post({ hooks: { afterResponse: [() => ky.retry()] } }),
    ],
    [
      'a hook that breaks, with the answer in its error',
      { sends: [echo({ code: 'PAID' })] },
      post({
        hooks: {
          afterResponse: [
            async ({ request, options, response }) =>
              Promise.reject(
                Object.assign(new Error('mine'), { request, options, response, data: await response.json() }),
              ),
          ],
        },
      }),
    ],
    [
      'a query that was lost (NetworkError)',
      { polls: [reset()] },
      ({ gateway }) =>
        gateway.client.post(`${base}/query`, { json: { order: 'A1', card }, headers: { 'x-token': token } }),
    ],
    [
      'a garbled answer, whose bytes are in the cause',
      {
        sends: [
          Object.assign(new TypeError('fetch failed'), {
            cause: Object.assign(new Error('parser'), { data: `${card} ${token}` }),
          }),
        ],
        polls: [state('pending')],
      },
      post(),
    ],
  ];

  it.each(cases)('shows no card number, phone, token, signature or body: %s', async (_what, script, play, client) => {
    const scene = bench({ ...script, adapter: signing(), policy: quick, client: withHeaders(client) });
    const error = await scene.clock.run(thrown(play(scene)));
    expect(error).toBeInstanceOf(Error);
    expect(printed(error)).not.toMatch(secrets);
  });

  it('still has all of it by name', async () => {
    const one = bench({ sends: [echo({ code: 'DECLINED' }, 402)], client: withHeaders() });
    const error = await one.clock.run(thrown(post()(one)));
    if (!isHTTPError(error)) return expect.fail('no HTTPError');
    expect([error.response.status, error.request.method, error.data, verdictOf(error)?.kind]).toMatchObject([
      402,
      'POST',
      { card },
      'terminal',
    ]);
    expect(error.options.context).toMatchObject({ card });

    const two = bench({ sends: [echo({ code: 'PENDING' })], polls: [echo({ state: 'failed' })], policy: quick });
    const settled = await two.clock.run(thrown(post()(two)));
    if (!isSettledError(settled)) return expect.fail('no SettledError');
    const { answer, body } = settled.settlement;
    const response = responseOf(settled.settlement);
    expect([answer, body]).toMatchObject([
      { code: 'PENDING', card },
      { state: 'failed', card },
    ]);
    expect(await response?.json()).toMatchObject({ card });
  });

  it('is as with the user’s own ky for what matches no operation', async () => {
    const { gateway } = bench({ sends: [echo({ code: 'NO' }, 404)] });
    const error = await thrown(gateway.client.get('https://elsewhere.test/'));
    expect(Object.keys(error as object)).toEqual(expect.arrayContaining(['request', 'response', 'options', 'data']));
  });

  it('quotes no token that no header can carry', async () => {
    for (const value of [`Bearer ${token}\n${token}`, `${token}\r\nx-evil: 1`]) {
      const adapter: Adapter<AcmeFields> = { ...acme(), headers: () => ({ authorization: value }) };
      const { gateway, clock, sends } = bench({ adapter, sends: [said('PAID')], policy: quick });
      const settlement = await clock.run(gateway.settle('payment.charge', charge));
      const error = await clock.run(
        thrown(gateway.client.post(`${base}/charge`, { json: { ...charge, order: 'A2' } })),
      );
      expect([settlement.outcome, isSettledError(error) && error.settlement.outcome, sends.length]).toEqual([
        'unsent',
        'unsent',
        0,
      ]);
      expect(inspect(settlement, { depth: 10 }) + printed(error)).not.toMatch(secrets);
      expect((settlement.cause as Error).message).toMatch(/a character that no header may have/);
    }
    const client = (fetch: Bench['fetch']): KyInstance =>
      ky.create({ fetch: fetch as typeof globalThis.fetch, headers: { 'x-team': `${token}\n${token}` } });
    const { gateway, clock } = bench({ client, sends: [said('PAID')] });
    expect(printed(await clock.run(thrown(gateway.settle('payment.charge', charge))))).not.toMatch(secrets);
  });
});

describe('foreign text', () => {
  const odd = 'PAID\n\u001b[2J\u001b[31mfor ever\u0000\u202Eesrever\u2028\u{E0041}\uD800';
  const unprintable = /\p{Cc}|\p{Cf}|\p{Cs}|\u2028/u;

  it('is made printable in codes, messages and references of events, timelines, verdicts and errors', async () => {
    const adapter: Adapter<AcmeFields> = {
      ...acme(),
      read: ({ body }) => ({ names: [(body as { code?: string }).code ?? odd], message: odd }),
    };
    const { gateway, clock, events } = bench({
      adapter,
      sends: [() => json({ code: odd })],
      polls: [() => json({ state: odd })],
      policy: quick,
    });
    const order = 'A1\u001b[31m\u202E';
    const error = await clock.run(thrown(gateway.client.post(`${base}/charge`, { json: { ...charge, order } })));
    if (!isUnresolvedError(error)) return expect.fail('no UnresolvedError');
    const { verdict, timeline } = error.settlement ?? expect.fail('no settlement');
    const texts = (value: unknown): string[] =>
      typeof value === 'string'
        ? [value]
        : typeof value === 'object' && value !== null
          ? Object.values(value).flatMap(texts)
          : [];
    for (const text of texts([events, verdict, timeline, error.message])) expect(text).not.toMatch(unprintable);
    expect(verdict.code).toContain('PAID \uFFFD[2J\uFFFD[31mfor ever');
    expect(error.message).toContain('A1\uFFFD[31m\uFFFD');
    // What names the order is never altered.
    expect(error.ticket.reference).toEqual({ order });
  });

  it('is made printable in errors about a ticket and about fields', async () => {
    const { gateway } = bench();
    const ticket = {
      version: 1,
      gateway: odd.toWellFormed(),
      account: 'a',
      environment: 'e',
      operation: 'o',
      reference: { a: 'b' },
      openedAt: '2026-01-01T00:00:00Z',
      seen: false,
      polls: 0,
    } as Ticket;
    for (const promise of [
      gateway.untilSettled(ticket),
      gateway.settle(odd as 'payment.charge', charge),
      gateway.settle('payment.charge', charge, { [odd]: 1 } as object),
    ]) {
      expect(((await thrown(promise)) as Error).message).not.toMatch(unprintable);
    }
  });

  let server: Server | undefined;
  afterEach(() => void server?.close());

  it('in a status line costs no payment: a Response cannot even be made with it', async () => {
    const body = '{"code":"PAID"}';
    server = createServer(socket => {
      socket.on('error', () => undefined);
      socket.once('data', () =>
        socket.end(`HTTP/1.1 200 \u001b[31mpaid\u001b[0m\r\ncontent-length: ${body.length}\r\n\r\n${body}`),
      );
    });
    await new Promise<void>(resolve => server?.listen(0, '127.0.0.1', resolve));
    const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api`;
    const gateway = createGateway({ adapter: { ...acme(), baseUrl, ownBaseUrl: true } });
    const response = await gateway.client.post('charge', { json: charge });
    expect([verdictOf(response)?.kind, response.statusText, await response.json()]).toEqual([
      'terminal',
      '?[31mpaid?[0m',
      { code: 'PAID' },
    ]);
    const settlement = await gateway.settle('payment.charge', { ...charge, order: 'A2' });
    expect([settlement.outcome, responseOf(settlement)?.statusText]).toEqual(['succeeded', '?[31mpaid?[0m']);
  });
});
