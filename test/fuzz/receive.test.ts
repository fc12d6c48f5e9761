import { createHash, createHmac, createPrivateKey, generateKeyPairSync, sign } from 'node:crypto';
import fc from 'fast-check';
import ky from 'ky';
import { describe, expect, it } from 'vitest';
import { isWrite } from '../../src/core/operation.ts';
import { askableTicket } from '../../src/engine/open-ticket.ts';
import { createSealer } from '../../src/engine/seal.ts';
import { createGateway, isInputError, parseTicket, type Received } from '../../src/index.ts';
import type { Adapter } from '../../src/kit/adapter.ts';
import { manualClock } from '../../src/testing/manual-clock.ts';
import type { Entry } from '../../src/testing/voice.ts';
import { kits, type Kit } from './adapters.ts';
import { hostileBodies, hostileJson, hostileNumbers, hostileTexts } from './hostile.ts';
import { dropped, nodesOf, replaced, strangersOf } from './mutations.ts';

/**
 * Anybody can call a webhook's address. Who has no key gets a refusal, in the provider's words, and nothing else
 * happens.
 */

const headerNames = [
  'signature',
  'x-signature',
  'x-qf-sign',
  'x-qf-signtype',
  'x-timestamp',
  'x-partner-id',
  'x-wk-signature',
  'x-wk-timestamp',
  'x-request-id',
  'client-id',
  'request-time',
  'content-type',
  'authorization',
  'retry-after',
  'content-length',
];
const headerText = fc.oneof(
  fc.string({ unit: fc.integer({ min: 0x20, max: 0xff }).map(code => String.fromCharCode(code)), maxLength: 60 }),
  fc.constantFrom(
    '',
    '0',
    'MD5',
    'SHA256',
    '__proto__',
    'constructor',
    'algorithm=SHA256withRSA,keyVersion=1,signature=',
    `signature=${'A'.repeat(5000)}`,
    '0'.repeat(5000),
    't=,v1=',
    '2026-11-21T08:00:00+07:00',
    '1e999',
    'NaN',
  ),
);
const headers = fc.dictionary(fc.constantFrom(...headerNames), headerText, { maxKeys: 6 });

const bodiesOf = (keys: readonly string[]): fc.Arbitrary<BodyInit> =>
  fc.oneof(
    hostileBodies(keys).map(body => JSON.stringify(body)),
    // A notice within a notice: some providers sign a text that is JSON itself.
    fc
      .tuple(hostileJson, fc.string(), hostileBodies(keys))
      .map(([data, mac, more]) =>
        JSON.stringify({ ...(more as object), data: JSON.stringify(data), mac, type: 1, signature: mac, sign: mac }),
      ),
    fc.constantFrom(...hostileTexts),
    fc.uint8Array({ maxLength: 300 }).map(bytes => new Uint8Array(bytes)),
    fc.dictionary(fc.constantFrom(...keys), fc.string()).map(fields => new URLSearchParams(fields).toString()),
    fc.constantFrom(
      '['.repeat(50_000),
      `{"data":${'['.repeat(50_000)}${']'.repeat(50_000)}}`,
      '"',
      '{"data":"\\ud800","mac":"\\ud800"}',
      '',
    ),
  );

const post = (body: BodyInit, init: RequestInit = {}): Request =>
  new Request('https://shop.example/hooks?a=%00', { method: 'POST', body, ...init });

/** What came, or that the adapter has no webhooks. */
async function heard(kit: Kit, request: Request): Promise<Received | undefined> {
  const gateway = createGateway({ adapter: kit.adapter, clock: manualClock() });
  try {
    return await gateway.receive(request);
  } catch (error) {
    expect(isInputError(error), String(error)).toBe(true);
    return undefined;
  }
}

describe.each(kits)('$name', (kit: Kit) => {
  const keys = [
    ...new Set(kit.samples.flatMap(({ exchange }) => nodesOf(exchange.body)).map(({ path }) => String(path.at(-1)))),
    'data',
    'mac',
  ];

  it('verifies nothing that is not signed, whatever it is, and always has a reply', async () => {
    await fc.assert(
      fc.asyncProperty(bodiesOf(keys), headers, async (body, given) => {
        const received = await heard(kit, post(body, { headers: given }));
        if (received === undefined) return;
        expect(received.verified).toBe(false);
        if (received.verified) return;
        expect(received.reply).toBeInstanceOf(Response);
        expect(received.reason.length).toBeLessThan(200);
        const told = `${received.reason} ${await received.reply.text()}`;
        for (const secret of kit.secrets) expect(told).not.toContain(secret);
      }),
      { numRuns: 200 },
    );
  });

  it('verifies no answer of the provider’s as a notice', async () => {
    for (const { exchange } of kit.samples) {
      const received = await heard(
        kit,
        post(JSON.stringify(exchange.body), { headers: { 'content-type': 'application/json' } }),
      );
      expect(received?.verified ?? false).toBe(false);
    }
  });

  it('has no more of a body without end than a notice may measure', async () => {
    const piece = new Uint8Array(16 * 1024).fill(0x5b);
    let read = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        read += piece.byteLength;
        if (read > 4 * 1024 * 1024) throw new Error('nobody stopped');
        controller.enqueue(piece);
      },
    });
    const received = await heard(kit, post(endless, { duplex: 'half' } as RequestInit));
    expect(received?.verified ?? false).toBe(false);
    expect(read).toBeLessThanOrEqual(300 * 1024);
  });

  const deep = (open: string, close: string, inner: string): string =>
    open.repeat(20_000) + inner + close.repeat(20_000);
  const monsters: readonly (readonly [string, BodyInit])[] = [
    ['twenty thousand nested lists', deep('[', ']', '')],
    ['twenty thousand nested objects', deep('{"data":', '}', '1')],
    ['a mebibyte of text', 'x'.repeat(1024 * 1024)],
    ['a mebibyte in one field', JSON.stringify({ data: 'x'.repeat(1024 * 1024), mac: 'x' })],
    [
      'ten thousand fields',
      JSON.stringify(Object.fromEntries(Array.from({ length: 10_000 }, (_each, index) => [`k${index}`, index]))),
    ],
    ['what is not UTF-8', new Uint8Array(10_000).fill(0xff)],
    ['UTF-16', new Uint8Array(Buffer.from('{"data":"{}","mac":"x"}', 'utf16le'))],
    ['fields of the prototype', '{"__proto__":{"data":"{}"},"constructor":{"prototype":{"mac":"x"}}}'],
  ];
  it.each(monsters)('refuses %s', async (_what, body) => {
    for (const type of ['application/json', 'application/x-www-form-urlencoded', '']) {
      const request = post(body, {
        headers: {
          'content-type': type,
          ...Object.fromEntries(headerNames.filter(name => name.includes('sign')).map(name => [name, 'x'])),
        },
      });
      const received = await heard(kit, request);
      expect(received?.verified ?? false).toBe(false);
    }
    expect(({} as Record<string, unknown>)['data']).toBeUndefined();
  });

  it('takes a request whose body was read before, or that has none, for no notice', async () => {
    const used = post('{}');
    await used.text();
    for (const request of [used, new Request('https://shop.example/hooks'), post('')]) {
      const received = await heard(kit, request);
      expect(received?.verified ?? false).toBe(false);
    }
  });
});

/** Made-up credentials for whichever provider: each takes what it knows. Short keys, which sign thousands of notices. */
const [merchant, provider] = [0, 1].map(() =>
  generateKeyPairSync('rsa', {
    modulusLength: 1024,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  }),
);
const credentials = {
  ...{
    environment: 'sandbox',
    appId: 2553,
    key1: 'made-up-key-1',
    key2: 'made-up-key-2',
    appCode: 'SHOP',
    clientKey: 'made-up-client-key',
    keyVersion: 1,
  },
  ...{
    partnerId: 'shop-1',
    channelId: 'QR004',
    clientId: 'shop-1',
    apiKey: 'made-up-api-key',
    clientSecret: 'made-up-client-secret',
    webhookSecret: 'made-up-webhook-secret',
  },
  ...{
    privateKey: merchant?.privateKey,
    gatewayPublicKey: provider?.publicKey,
    gatewayPrivateKey: provider?.privateKey,
  },
};
/** Read once: it signs thousands of notices. */
const gatewayKey = createPrivateKey(credentials.gatewayPrivateKey ?? '');
type Factory = (given: typeof credentials) => Adapter;
type MakeNotice = (given: typeof credentials, entry: Entry, nowMs: number) => Request | Promise<Request>;

function isSatisfied(factory: Factory): boolean {
  try {
    return factory(credentials).webhook !== undefined;
  } catch {
    return false;
  }
}

/** The provider's own notice of a paid payment, one for each write that it sends one for. */
async function genuine(kit: Kit): Promise<{ adapter: Adapter; notices: Request[] }> {
  const { [kit.name]: factory } = (await import(`../../src/adapters/${kit.name}/index.ts`)) as Record<string, Factory>;
  const { [`${kit.name}Notice`]: notice } = (await import(`../../src/adapters/${kit.name}/simulator.ts`)) as Record<
    string,
    MakeNotice
  >;
  // Who needs other credentials, or sends no notices, has tests of his own.
  if (factory === undefined || notice === undefined || !isSatisfied(factory))
    return { adapter: kit.adapter, notices: [] };
  const adapter = factory(credentials);
  const nowMs = manualClock().now();
  const notices: Request[] = [];
  for (const operation of Object.values(adapter.operations).filter(isWrite)) {
    const fields = kit.complete[operation.name] ?? {};
    const entry = {
      kind: operation.follows === 'refund' ? 'refund' : 'payment',
      operation: operation.name,
      act: 'create',
      reference: 'ORDER1',
      providerId: '261121000000001',
      fields,
      amount: '1000',
      currency: 'USD',
      openedAtMs: nowMs,
      state: 'paid',
      bookings: 1,
    } as Entry;
    const request = await Promise.resolve(entry)
      .then(each => notice(credentials, each, nowMs))
      .catch(() => undefined);
    const received =
      request === undefined
        ? undefined
        : await createGateway({ adapter, clock: manualClock() }).receive(request.clone());
    if (request !== undefined && received?.verified === true) notices.push(request);
  }
  return { adapter, notices };
}

describe.each(kits)('$name, of a notice that is genuine,', (kit: Kit) => {
  it('believes no other byte that would say anything else, and no missing signature', async () => {
    const { adapter, notices } = await genuine(kit);
    if (adapter !== kit.adapter) expect(notices.length).toBeGreaterThan(0);
    const gateway = createGateway({ adapter, clock: manualClock() });
    const heard = async (request: Request): Promise<unknown> => {
      const received = await gateway.receive(request);
      return received.verified ? { ...received, reply: undefined, askAgain: undefined } : undefined;
    };
    for (const request of notices) {
      const { method, headers, url } = request;
      const bytes = new Uint8Array(await request.clone().arrayBuffer());
      const told = await heard(request);
      for (let index = 0; index < bytes.length; index += 1 + Math.floor(bytes.length / 40)) {
        const body = bytes.slice();
        body[index] = (body[index] ?? 0) ^ 1;
        // Not every byte of every provider's is signed; what is not signed is not read.
        expect([undefined, told], `byte ${index}`).toContainEqual(
          await heard(new Request(url, { method, headers, body })),
        );
      }
      for (const body of [bytes.slice(0, -1), new Uint8Array([...bytes, 0x7d]), new Uint8Array([...bytes, ...bytes])]) {
        expect(await heard(new Request(url, { method, headers, body }))).toBeUndefined();
      }
      const signatures = [...headers.keys()].filter(name => name.includes('sign') && !name.includes('type'));
      for (const left of signatures) {
        const others = [...headers].filter(([name]) => name !== left);
        for (const wrong of [others, [...others, [left, '']], [...others, [left, 'A'.repeat(344)]]] as [
          string,
          string,
        ][][]) {
          expect(await heard(new Request(url, { method, headers: wrong, body: bytes })), left).toBeUndefined();
        }
      }
    }
  });
});

/** What each provider's key is for: the same notice with something else in it, signed as the provider does. */
const signedAgain: Readonly<Record<string, (told: unknown, genuine: Request) => Request>> = {
  qfpay(told, { url, headers }) {
    const body = JSON.stringify(told);
    return signed(
      { url, headers, body },
      {
        'x-qf-sign': createHash('md5')
          .update(body + credentials.clientKey)
          .digest('hex'),
      },
    );
  },
  zalopay(told, { url, headers }) {
    const data = JSON.stringify(told);
    return new Request(url, {
      method: 'POST',
      headers,
      body: JSON.stringify({ data, mac: createHmac('sha256', credentials.key2).update(data).digest('hex'), type: 1 }),
    });
  },
  ifortepay(told, { url, headers }) {
    const body = JSON.stringify(told);
    const text = [url, 'v1', createHash('sha256').update(body).digest('hex'), headers.get('x-timestamp')].join(':');
    return signed(
      { url, headers, body },
      { 'x-signature': createHmac('sha512', credentials.clientSecret).update(text).digest('base64') },
    );
  },
  rebell(told, { url, headers }) {
    const body = JSON.stringify(told);
    const text = `POST ${new URL(url).pathname}\n${credentials.clientId}.${headers.get('request-time') ?? ''}.${body}`;
    const signature = sign('sha256', Buffer.from(text), gatewayKey).toString('base64');
    return signed(
      { url, headers, body },
      { signature: `algorithm=SHA256withRSA, keyVersion=1, signature=${signature}` },
    );
  },
  uqpay(told, { url, headers }) {
    const body = JSON.stringify(told);
    const signature = createHmac('sha512', credentials.webhookSecret)
      .update(`${body}${headers.get('x-wk-timestamp') ?? ''}`)
      .digest('hex');
    return signed({ url, headers, body }, { 'x-wk-signature': signature });
  },
};

function signed(
  { url, headers, body }: { url: string; headers: Headers; body: string },
  by: Readonly<Record<string, string>>,
): Request {
  return new Request(url, { method: 'POST', headers: { ...Object.fromEntries(headers), ...by }, body });
}

/** What the signature covers. */
const toldBy = async (name: string, request: Request): Promise<unknown> => {
  const body = (await request.clone().json()) as { data?: unknown };
  return name === 'zalopay' ? JSON.parse(String(body.data)) : body;
};

const oddTimes: readonly unknown[] = [
  ...[
    '0001-01-01T00:00:00Z',
    '1969-12-31T23:59:59Z',
    '1970-01-01 00:00:00',
    '1970-01-01T00:00:00+00:00',
    '1999-01-01T00:00:00Z',
    '9000-01-01T00:00:00Z',
    '9999-12-31 23:59:59',
    '+275760-09-13T00:00:00.000Z',
    '-000001-01-01T00:00:00Z',
    '2026',
  ],
  ...[0, -1, 1, 8.64e15, -8.64e15, 8.64e15 + 1, 253_402_300_799_999, -62_135_596_800_000, 1_767_225_600],
];

describe.each(
  kits.filter(({ name }) => Object.hasOwn(signedAgain, name)),
)('$name, of a notice that is signed and odd,', (kit: Kit) => {
  const sealer = createSealer(undefined, () => 0);

  it('hands out no ticket that could not be asked about, and lets nothing odd stick to the next notice', async () => {
    const { adapter, notices } = await genuine(kit);
    if (adapter === kit.adapter) return expect(kit.adapter.webhook).toBeUndefined();
    let verified = 0;
    for (const request of notices) {
      const told = await toldBy(kit.name, request);
      const again = (body: unknown): Request => signedAgain[kit.name]?.(body, request) ?? request;
      const nodes = nodesOf(told);
      const bodies = nodes.flatMap(({ path, value }) => [
        dropped(told, path),
        ...[...oddTimes, ...hostileTexts, ...hostileNumbers, ...strangersOf(value)].map(each =>
          replaced(told, path, () => each),
        ),
      ]);
      // Whoever brings them has one gateway for all.
      const client = ky.create({ fetch: () => Promise.reject(new TypeError('nothing is sent here')) });
      const gateway = createGateway({ adapter, client, clock: manualClock() });
      const openedAt = async (): Promise<string | undefined> => {
        const received = await gateway.receive(again(told));
        return received.verified ? received.ticket.openedAt : undefined;
      };
      const usual = await openedAt();
      expect(usual).toBeDefined();
      for (const body of bodies) {
        const received = await gateway.receive(again(body));
        if (!received.verified) continue;
        verified++;
        const { ticket } = received;
        expect(parseTicket(JSON.stringify(ticket)), JSON.stringify(body)).toEqual(ticket);
        expect(() => askableTicket(adapter, sealer, ticket), JSON.stringify(body)).not.toThrow();
      }
      expect(await openedAt()).toBe(usual);
    }
    expect(verified).toBeGreaterThan(20);
  });
});
