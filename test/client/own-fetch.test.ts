import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import ky, { type KyInstance, type Options } from 'ky';
import { afterEach, describe, expect, it } from 'vitest';
import { constant, createGateway, isInputError, type Gateway, type GatewayOptions } from '../../src/index.ts';
import { acme, type AcmeFields } from '../testing/acme.ts';
import { refused } from '../testing/bench.ts';
import { manualClock } from '../../src/testing/manual-clock.ts';

const base = 'https://acme.test/api';
const charge = { order: 'A1', amount: 100 };
const policy = { retry: { backoff: constant(10) }, poll: { backoff: constant(10), deadlineMs: 100 } };

type Fetch = (request: Request) => Promise<Response>;
type More = Partial<GatewayOptions<AcmeFields>>;

/** A shop whose `fetch` is its own, over a gateway that books what reaches it. */
function shop(
  wrap: (gateways: Fetch) => Fetch,
  more: More = {},
): { gateway: Gateway<AcmeFields>; clock: ReturnType<typeof manualClock>; booked: string[] } {
  const clock = manualClock();
  const booked: string[] = [];
  const gateways: Fetch = ({ url }) => {
    if (!url.endsWith('/query')) booked.push(url);
    return Promise.resolve(
      Response.json(url.endsWith('/query') ? { state: booked.length > 0 ? 'paid' : 'none' } : { code: 'PAID' }),
    );
  };
  const client = ky.create({ fetch: wrap(gateways) as typeof globalThis.fetch });
  return { gateway: createGateway<AcmeFields>({ adapter: acme(), client, clock, policy, ...more }), clock, booked };
}

/** Writes an audit record after each write's answer, to a host that refuses the connection. */
const audited =
  (gateways: Fetch): Fetch =>
  async request => {
    const response = await gateways(request);
    if (!request.url.endsWith('/query')) throw refused();
    return response;
  };

const neverConnects: () => Fetch = () => () => Promise.reject(refused());

describe('a fetch of the user’s own', () => {
  const doors: [string, (gateway: Gateway<AcmeFields>) => Promise<unknown>][] = [
    ['settle', gateway => gateway.settle('payment.charge', charge).then(({ outcome }) => outcome)],
    [
      'the drop-in',
      gateway =>
        gateway.client
          .post(`${base}/charge`, { json: charge })
          .then(async response => (await response.json<{ state: string }>()).state),
    ],
    [
      'fetch',
      async gateway => {
        const init = { method: 'POST', body: JSON.stringify(charge), headers: { 'content-type': 'application/json' } };
        return ((await (await gateway.fetch(`${base}/charge`, init)).json()) as { state: string }).state;
      },
    ],
  ];
  it.each(
    doors,
  )('that fails after the answer, by an error that looks like a refused connection, books once: %s', async (_door, pay) => {
    const { gateway, clock, booked } = shop(audited);
    expect(['succeeded', 'paid']).toContain(await clock.run(pay(gateway)));
    expect(booked.length).toBe(1);
  });

  it('that never connects is asked about and left open, never called unsent', async () => {
    const { gateway, clock } = shop(neverConnects);
    const settlement = await clock.run(gateway.settle('payment.charge', charge));
    expect(settlement).toMatchObject({ outcome: 'unresolved', attempts: 1, ticket: { reference: { order: 'A1' } } });
    expect(settlement.timeline).toContainEqual(
      expect.objectContaining({ type: 'lost', of: 'send', evidence: 'maybe-sent', code: 'network/ECONNREFUSED' }),
    );
  });

  it('that is declared to send once is believed: what never connected is sent again', async () => {
    const { gateway, clock } = shop(neverConnects, { fetchSendsOnce: true });
    expect(await clock.run(gateway.settle('payment.charge', charge))).toMatchObject({
      outcome: 'unsent',
      attempts: 3,
      polls: 0,
    });
  });

  it('a failure in the queue or while signing is not sent, whoever’s fetch it would have been', async () => {
    for (const fetchSendsOnce of [undefined, false]) {
      const headers = (): Promise<never> => Promise.reject(new Error('no key'));
      const { gateway, clock, booked } = shop(gateways => gateways, {
        adapter: { ...acme(), headers },
        ...(fetchSendsOnce !== undefined && { fetchSendsOnce }),
      });
      expect(await clock.run(gateway.settle('payment.charge', charge))).toMatchObject({
        outcome: 'unsent',
        attempts: 3,
      });
      expect(booked).toEqual([]);
    }
  });

  it.each([1, 'true', null, {}])('fetchSendsOnce is true or false, and nothing else: %s', fetchSendsOnce => {
    let error: unknown;
    try {
      shop(gateways => gateways, { fetchSendsOnce: fetchSendsOnce as unknown as boolean });
    } catch (thrown) {
      error = thrown;
    }
    expect(isInputError(error) && error.message).toBe('createGateway: fetchSendsOnce must be true or false.');
  });
});

describe('the platform’s own fetch', () => {
  const ended: (() => void)[] = [];
  const globals = globalThis.fetch;
  afterEach(() => {
    globalThis.fetch = globals;
    for (const end of ended.splice(0)) end();
  });

  const closedPort = async (): Promise<string> => {
    const server = createServer();
    await new Promise<void>(listening => server.listen(0, '127.0.0.1', listening));
    const { port } = server.address() as AddressInfo;
    await new Promise(closed => server.close(closed));
    return `http://127.0.0.1:${port}`;
  };
  const settle = async (client: KyInstance | undefined, more: More = {}, call?: Options): Promise<unknown> => {
    const adapter = { ...acme(), baseUrl: await closedPort(), ownBaseUrl: true };
    const gateway = createGateway<AcmeFields>({ adapter, policy, ...(client !== undefined && { client }), ...more });
    if (call === undefined) return (await gateway.settle('payment.charge', charge)).outcome;
    return gateway.client.post('charge', { json: charge, ...call }).then(
      () => 'resolved',
      (error: unknown) => (error as Error).name,
    );
  };
  /** Books, and then fails as a RetryAgent does whose last try is refused. */
  const retrying = (): { dispatcher: unknown; sent: () => number } => {
    let sent = 0;
    const dispatch = (
      _options: unknown,
      handler: { onConnect?: (abort: () => void) => void; onError?: (error: Error) => void },
    ): boolean => {
      sent++;
      handler.onConnect?.(() => undefined);
      handler.onError?.(Object.assign(new Error('connect'), { code: 'ECONNREFUSED', syscall: 'connect' }));
      return true;
    };
    return { dispatcher: { dispatch }, sent: () => sent };
  };

  it('is believed: a closed port is unsent, also when it is named as the client’s fetch', async () => {
    expect(await settle(undefined)).toBe('unsent');
    expect(await settle(ky.create({ fetch: globalThis.fetch }))).toBe('unsent');
  });

  it('is not, where the merchant says so', async () => {
    expect(await settle(undefined, { fetchSendsOnce: false })).toBe('unresolved');
  });

  it('is taken as it is when the request leaves, not as it was when the gateway was made', async () => {
    let calls = 0;
    const client = ky.create({});
    const gateway = createGateway<AcmeFields>({ adapter: acme(), client, policy });
    globalThis.fetch = () => (calls++, Promise.resolve(Response.json({ code: 'PAID' })));
    expect(await gateway.settle('payment.charge', charge)).toMatchObject({ outcome: 'succeeded' });
    expect(calls).toBe(1);
  });

  it('with a dispatcher of the client’s, the call’s or fetch’s own is not: it may have sent before', async () => {
    const ofTheClient = retrying();
    expect(await settle(ky.create({ dispatcher: ofTheClient.dispatcher } as Options))).toBe('unresolved');
    const ofTheCall = retrying();
    expect(await settle(undefined, {}, { dispatcher: ofTheCall.dispatcher } as Options)).toBe('UnresolvedError');
    const declared = retrying();
    expect(await settle(ky.create({ dispatcher: declared.dispatcher } as Options), { fetchSendsOnce: true })).toBe(
      'unsent',
    );
    expect([ofTheClient.sent() > 1, ofTheCall.sent() > 1, declared.sent()]).toEqual([true, true, 3]);
  });
});
