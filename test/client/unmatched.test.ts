import ky, { type KyInstance } from 'ky';
import { describe, expect, it } from 'vitest';
import { createGateway, isInputError, type Adapter, type GatewayEvent, type GatewayOptions } from '../../src/index.ts';
import { ifortepay } from '../../src/adapters/ifortepay/index.ts';
import { qfpay } from '../../src/adapters/qfpay/index.ts';
import { rebell } from '../../src/adapters/rebell/index.ts';
import { uqpay } from '../../src/adapters/uqpay/index.ts';
import { zalopay } from '../../src/adapters/zalopay/index.ts';
import { manualClock } from '../../src/testing/manual-clock.ts';
import { acme, type AcmeFields } from '../testing/acme.ts';
import { json } from '../testing/bench.ts';

const own: Adapter<AcmeFields> = { ...acme(), otherBaseUrls: { production: 'https://live.acme.test/api' } };
const charge = { order: 'A1', amount: 100 };

function scene(
  options: Partial<GatewayOptions<AcmeFields>> = {},
  user: (client: KyInstance) => KyInstance = client => client,
) {
  const sent: string[] = [];
  const events: GatewayEvent[] = [];
  const clock = manualClock();
  const answering = (request: Request): Promise<Response> => (
    sent.push(`${request.method} ${request.url}`),
    Promise.resolve(json({ code: 'PAID' }, { status: request.url.includes('busy') ? 503 : 200 }))
  );
  const client = user(ky.create({ fetch: answering as typeof globalThis.fetch, retry: { delay: () => 0 } }));
  const gateway = createGateway<AcmeFields>({
    adapter: own,
    client,
    clock,
    onEvent: event => events.push(event),
    ...options,
  });
  return { gateway, clock, sent, unmatched: () => events.filter(event => event.type === 'unmatched'), events };
}

const thrown = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => expect.fail('resolved'),
    (error: unknown) => error,
  );
const post = { method: 'POST', body: JSON.stringify(charge), headers: { 'content-type': 'application/json' } };

const hints: [what: string, url: string, hint: RegExp | undefined][] = [
  [
    'the production host with a sandbox adapter',
    'https://live.acme.test/api/charge',
    /acme's production host, and this adapter is made for sandbox/,
  ],
  ['a path that nearly is one', 'https://acme.test/api/chrage', /Did you mean https:\/\/acme\.test\/api\/charge\?/],
  ['a slash too many', 'https://acme.test/api//charge/', /Did you mean https:\/\/acme\.test\/api\/charge\?/],
  ['another case', 'https://acme.test/API/Charge', /Did you mean https:\/\/acme\.test\/api\/charge\?/],
  ['a path without its base', 'https://acme.test/charge', /Did you mean https:\/\/acme\.test\/api\/charge\?/],
  ['http in place of https', 'http://acme.test/api/charge', /Did you mean https:\/\/acme\.test\/api\/charge\?/],
  [
    'an operation’s path at a host that is nobody’s',
    'https://acme.tset/api/charge',
    /Did you mean https:\/\/acme\.test\/api\/charge\?/,
  ],
  ['a path that is like none', 'https://acme.test/api/webhooks/register', undefined],
  ['another host and path', 'https://elsewhere.test/orders', undefined],
];

describe('a write that matches no operation', () => {
  it.each(hints)('is told of, with what may have been meant: %s', async (_what, url, hint) => {
    for (const through of ['client', 'fetch'] as const) {
      const { gateway, unmatched, sent } = scene();
      await (through === 'client' ? gateway.client.post(url, { json: charge }) : gateway.fetch(url, post));
      const [event, ...more] = unmatched();
      expect(event).toMatchObject({
        type: 'unmatched',
        gateway: 'acme',
        method: 'POST',
        url,
        at: '2026-01-01T00:00:00.000Z',
      });
      if (hint === undefined) expect(event).not.toHaveProperty('hint');
      else expect(event?.hint).toMatch(hint);
      expect([more, sent]).toEqual([[], [`POST ${url}`]]);
    }
  });

  it('is told of when only the method is another one, or the fields', async () => {
    const { gateway, unmatched } = scene();
    await gateway.client.put('https://acme.test/api/charge', { json: charge });
    expect(unmatched()[0]).toMatchObject({ method: 'PUT', hint: 'That path takes POST.' });
    const operations = Object.fromEntries(
      Object.entries(own.operations).map(([name, operation]) => [name, { ...operation, match: () => false }]),
    );
    for (const through of ['client', 'fetch'] as const) {
      const other = scene({ adapter: { ...own, operations } });
      await (through === 'client'
        ? other.gateway.client.post('charge', { json: charge })
        : other.gateway.fetch('/charge', post));
      expect(other.unmatched()[0]?.hint).toBe('Its fields are of no operation of that path.');
    }
  });

  it('is told of once, however often ky sends it again', async () => {
    const { gateway, unmatched, sent } = scene();
    await thrown(gateway.client.put('https://elsewhere.test/busy', { json: {} }));
    expect([unmatched().length, sent.length]).toEqual([1, 3]);
  });

  it('is told of without credentials, query and fragment', async () => {
    const { gateway, unmatched } = scene();
    await gateway.client.post('https://acme.test/api/token?secret=tok_1#tok_2', { json: {} });
    expect(JSON.stringify(unmatched())).not.toMatch(/tok_/);
  });

  it('is told of when a hook makes it one', async () => {
    const { gateway, unmatched } = scene();
    await gateway.client.post('charge', {
      json: charge,
      hooks: { beforeRequest: [({ request }) => new Request('https://live.acme.test/api/charge', request)] },
    });
    expect(unmatched()).toHaveLength(1);
  });

  it.each(['get', 'head'] as const)('is no %s: nobody is told of a question', async method => {
    const { gateway, unmatched } = scene();
    await gateway.client[method]('https://acme.test/api/chrage');
    await gateway.fetch('https://acme.test/api/chrage', { method: 'OPTIONS' });
    expect(unmatched()).toEqual([]);
  });

  it('is no operation: nobody is told of a payment, its queries, or a token', async () => {
    const { gateway, clock, unmatched, events } = scene();
    await clock.run(gateway.client.post('charge', { json: charge }));
    await clock.run(gateway.settle('payment.charge', { ...charge, order: 'A2' }));
    expect([unmatched(), events.length > 0]).toEqual([[], true]);
  });
});

describe('unmatched: refuse', () => {
  const toTheGateway = hints.filter(([, url]) => /^https?:\/\/(?:live\.)?acme\.test\//.test(url));

  it.each(toTheGateway)('sends nothing of a write to the gateway: %s', async (_what, url, hint) => {
    for (const through of ['client', 'fetch'] as const) {
      const { gateway, sent, unmatched } = scene({ unmatched: 'refuse' }, client =>
        client.extend({ retry: { limit: 3, methods: ['post'], shouldRetry: () => true } }),
      );
      const error = await thrown(
        through === 'client' ? gateway.client.post(url, { json: charge }) : gateway.fetch(url, post),
      );
      expect([isInputError(error), sent]).toEqual([true, []]);
      expect((error as Error).message).toMatch(hint ?? /Known paths: \/charge, \/create/);
      expect(unmatched().length).toBeGreaterThan(0);
    }
  });

  it('sends nothing either where no listener is told of it', async () => {
    const sent: string[] = [];
    const fetch = (request: Request): Promise<Response> => (sent.push(request.url), Promise.resolve(json({})));
    const client = ky.create({ fetch: fetch as typeof globalThis.fetch });
    const gateway = createGateway<AcmeFields>({ adapter: own, client, unmatched: 'refuse' });
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'POsT']) {
      const error = await thrown(gateway.client('https://acme.test/api/chrage', { method, json: charge }));
      expect([isInputError(error), sent]).toEqual([true, []]);
    }
  });

  it('leaves alone what goes elsewhere, and every question', async () => {
    const { gateway, sent } = scene({ unmatched: 'refuse' });
    await gateway.client.post('https://elsewhere.test/charge', { json: charge });
    await gateway.fetch('https://acme.test:8443/api/charge', post);
    await gateway.fetch('https://acme.tset/api/charge', post);
    await gateway.client.get('https://acme.test/api/health');
    expect(sent).toHaveLength(4);
  });

  it('follows operations as ever', async () => {
    const { gateway, clock } = scene({ unmatched: 'refuse' });
    expect(await clock.run(gateway.client.post('charge', { json: charge }).json())).toEqual({ code: 'PAID' });
  });
});

describe('every provider’s other environment is known', () => {
  const key = 'k'.repeat(32);
  const privateKey = `-----BEGIN PRIVATE KEY-----\n${key}\n-----END PRIVATE KEY-----`;
  const adapters: [name: string, make: (environment: 'production' | 'sandbox') => Adapter][] = [
    ['qfpay', environment => qfpay({ appCode: 'SHOP', clientKey: key, environment })],
    ['zalopay', environment => zalopay({ appId: 2553, key1: key, key2: key, environment })],
    ['ifortepay', environment => ifortepay({ partnerId: 'P', privateKey, channelId: '1', environment })],
    ['rebell', environment => rebell({ clientId: 'C', privateKey, keyVersion: 1, environment })],
    ['uqpay', environment => uqpay({ clientId: 'C', apiKey: key, environment })],
  ];
  it.each(adapters)('%s', (_name, make) => {
    const [production, sandbox] = [make('production'), make('sandbox')];
    expect([production.otherBaseUrls, sandbox.otherBaseUrls]).toEqual([
      { sandbox: sandbox.baseUrl },
      { production: production.baseUrl },
    ]);
  });
});
