import fc from 'fast-check';
import ky from 'ky';
import { describe, expect, it } from 'vitest';
import { candidates, placeIn } from '../../src/client/match.ts';
import { isWrite } from '../../src/core/operation.ts';
import { createGateway, type Policy, type Settlement } from '../../src/index.ts';
import { retryAfterMs } from '../../src/policies/retry-after.ts';
import { manualClock } from '../../src/testing/manual-clock.ts';
import { keyOf, kits, successNames, type Kit } from './adapters.ts';
import { hostileBodies, hostileTexts } from './hostile.ts';
import { nodesOf } from './mutations.ts';

/** What a broken, foreign or malicious gateway answers to a signed write and to every query about it. */
interface Made {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array<ArrayBuffer>;
}

const MEBIBYTE = 1024 * 1024;
const policy: Policy = { attemptTimeoutMs: 1000, retry: { attempts: 2 }, poll: { deadlineMs: 1000 } };

/** Most providers answer a token request before anything else can be asked. */
const token = (nowMs: number): Response =>
  Response.json({
    auth_token: 'made-up',
    expired_at: Math.floor(nowMs / 1000) + 1800,
    accessToken: 'made-up',
    expiresIn: '900',
  });

/** Settles one write against a gateway that gives every exchange the same strange answer. */
async function settled(
  kit: Kit,
  operation: string,
  answer: () => Response,
): Promise<{ settlement: Settlement; asked: number }> {
  const { adapter, complete } = kit;
  const clock = manualClock();
  let asked = 0;
  const fetch = (request: Request): Promise<Response> => {
    if (candidates(adapter, request.method, placeIn(request.url)).length === 0)
      return Promise.resolve(token(clock.now()));
    asked++;
    return Promise.resolve(answer());
  };
  const gateway = createGateway({
    adapter,
    client: ky.create({ fetch: fetch as typeof globalThis.fetch }),
    clock,
    policy,
  });
  const settlement = await clock.run(
    gateway.settle(operation as never, (complete[operation] ?? {}) as never, keyOf({ adapter }, operation)),
  );
  expect(clock.pending).toBe(0);
  return { settlement, asked };
}

const respond = ({ status, headers, body }: Made): Response =>
  new Response(status === 204 || status === 205 || status === 304 ? null : body, { status, headers });

const headerText = fc.oneof(
  fc.string({ unit: fc.integer({ min: 0x20, max: 0xff }).map(code => String.fromCharCode(code)), maxLength: 40 }),
  fc.constantFrom(
    '',
    '0',
    '-1',
    '1e9',
    '3000000',
    '9'.repeat(400),
    'Wed, 21 Oct 2099 07:28:00 GMT',
    'Mon, 99 Foo 2026',
    '__proto__',
    'algorithm=RSA256,keyVersion=1,signature=AAAA',
    'signature=',
    'signature=%%%',
    `signature=${'A'.repeat(10_000)}`,
    'text/html; charset=utf-16',
    'application/json; charset=shift_jis',
  ),
);
const headers = fc.dictionary(
  fc.constantFrom(
    'retry-after',
    'content-type',
    'signature',
    'response-time',
    'request-time',
    'date',
    'location',
    'x-signature',
  ),
  headerText,
  { maxKeys: 5 },
);
const answers = (keys: readonly string[]): fc.Arbitrary<Made> =>
  fc.record({
    status: fc.oneof(
      fc.constantFrom(200, 200, 200, 201, 204, 302, 400, 401, 404, 429, 500, 503),
      fc.integer({ min: 200, max: 599 }),
    ),
    headers,
    body: fc.oneof(
      hostileBodies(keys).map(body => JSON.stringify(body)),
      // Keys that come twice, text after the end, a mark before the beginning.
      hostileBodies(keys).map(body => `\uFEFF${JSON.stringify(body).replace('{', '{"code":0,"code":1,')}`),
      hostileBodies(keys).map(body => `${JSON.stringify(body)}x`),
      fc.uint8Array({ maxLength: 200 }).map(bytes => new Uint8Array(bytes)),
      fc.constantFrom(...hostileTexts),
    ),
  });

const outcomes = [
  'unresolved',
  'absent',
  'rejected',
  'failed',
  'created',
  'canceled',
  'expired',
  'refunded',
  'authorized',
  'unsent',
  'succeeded',
];

describe.each(kits)('$name, when the gateway answers', (kit: Kit) => {
  const keys = [
    ...new Set(kit.samples.flatMap(({ exchange }) => nodesOf(exchange.body)).map(({ path }) => String(path.at(-1)))),
  ];
  const writes = Object.values(kit.adapter.operations)
    .filter(operation => isWrite(operation) && operation.sendable !== false)
    .map(({ name }) => name);
  const named = successNames(kit);
  const [write = ''] = writes;

  it('anything at all, settles without a throw, and succeeds at nothing that is not named', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...writes), answers(keys), async (operation, answer) => {
        const { settlement, asked } = await settled(kit, operation, () => respond(answer));
        expect(outcomes).toContain(settlement.outcome);
        expect(asked).toBeGreaterThan(0);
        if (settlement.outcome === 'succeeded')
          expect(named(settlement.body, settlement.verdict.code), JSON.stringify(settlement.body)).toBe(true);
        const story = JSON.stringify([settlement.timeline, settlement.ticket, settlement.verdict]);
        for (const secret of kit.secrets) expect(story).not.toContain(secret);
      }),
      { numRuns: 30 },
    );
  });

  const deep = (open: string, close: string, inner: string): string =>
    open.repeat(100_000) + inner + close.repeat(100_000);
  const monsters: readonly (readonly [string, string | Uint8Array<ArrayBuffer>])[] = [
    ['a hundred thousand nested lists', deep('[', ']', '')],
    ['a hundred thousand nested objects', deep('{"data":', '}', '1')],
    ['a mebibyte of text', 'x'.repeat(MEBIBYTE)],
    [
      'a mebibyte in every known field',
      JSON.stringify(Object.fromEntries(keys.map(key => [key, 'x'.repeat(Math.floor(MEBIBYTE / keys.length / 2))]))),
    ],
    [
      'a hundred thousand fields',
      JSON.stringify(Object.fromEntries(Array.from({ length: 60_000 }, (_each, index) => [`k${index}`, index]))),
    ],
    [
      'forty thousand rows',
      JSON.stringify({ respcd: 'x', data: Array.from({ length: 40_000 }, () => ({ respcd: 1, intent_status: 1 })) }),
    ],
    ['what is not UTF-8', new Uint8Array(10_000).fill(0xff)],
    ['UTF-16', new Uint8Array(Buffer.from('{"respcd":"0000","return_code":1}', 'utf16le'))],
    ['fields of the prototype', '{"__proto__":{"respcd":"0000","return_code":1},"constructor":{"prototype":{}}}'],
  ];
  it.each(monsters)('%s: the payment stays open', async (_what, body) => {
    const { settlement } = await settled(kit, write, () => new Response(body));
    expect(settlement.outcome).toBe('unresolved');
    expect(settlement.verdict.code.length).toBeLessThanOrEqual(80);
    expect(JSON.stringify(settlement.timeline).length).toBeLessThan(20_000);
  });

  it('a body without end, of which no more is read than an answer may measure', async () => {
    const piece = new Uint8Array(64 * 1024).fill(0x20);
    const read: { bytes: number }[] = [];
    const endless = (): Response => {
      const count = { bytes: 0 };
      read.push(count);
      return new Response(
        new ReadableStream<Uint8Array>({
          pull(controller) {
            count.bytes += piece.byteLength;
            if (count.bytes > 8 * MEBIBYTE) throw new Error('nobody stopped');
            controller.enqueue(piece);
          },
        }),
      );
    };
    const { settlement } = await settled(kit, write, endless);
    expect(settlement.outcome).toBe('unresolved');
    expect(settlement.timeline).toContainEqual(
      expect.objectContaining({ type: 'lost', of: 'send', evidence: 'maybe-sent' }),
    );
    expect(read.length).toBeGreaterThan(1);
    expect(Math.max(...read.map(({ bytes }) => bytes))).toBeLessThanOrEqual(MEBIBYTE + 3 * piece.byteLength);
  });

  it('a token request without end: no more of it is read than an answer may measure, and nothing is sent', async () => {
    const piece = new Uint8Array(64 * 1024).fill(0x20);
    let most = 0;
    let writesSent = 0;
    const { adapter, complete } = { ...kit, adapter: { ...kit.adapter } };
    const clock = manualClock({ startMs: Date.UTC(2030, 0, 1) });
    const fetch = (request: Request): Promise<Response> => {
      if (candidates(adapter, request.method, placeIn(request.url)).length > 0) {
        writesSent++;
        return Promise.resolve(new Response('', { status: 503 }));
      }
      let bytes = 0;
      const body = new ReadableStream<Uint8Array>({
        pull(controller) {
          bytes += piece.byteLength;
          most = Math.max(most, bytes);
          if (bytes > 8 * MEBIBYTE) throw new Error('nobody stopped');
          controller.enqueue(piece);
        },
      });
      return Promise.resolve(new Response(body));
    };
    const gateway = createGateway({
      adapter,
      client: ky.create({ fetch: fetch as typeof globalThis.fetch }),
      clock,
      policy,
    });
    const { outcome } = await clock.run(
      gateway.settle(write as never, (complete[write] ?? {}) as never, keyOf({ adapter }, write)),
    );
    // Who asks for no token has sent it by now.
    expect(outcome).toBe(writesSent > 0 ? 'unresolved' : 'unsent');
    expect(most).toBeLessThanOrEqual(MEBIBYTE + 3 * piece.byteLength);
  });
});

describe('Retry-After', () => {
  it('is a wait, or nothing: never a number that no timer knows', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          headerText,
          fc.string({ unit: fc.constantFrom('0', '1', '9', ' ', '-', '.', 'e', ':', ',', 'M', 'o', 'n', 'G', 'T') }),
        ),
        fc.integer({ min: 0, max: 4e12 }),
        (value, nowMs) => {
          const waitMs = retryAfterMs(new Headers({ 'retry-after': value }), nowMs);
          if (waitMs !== undefined) expect(waitMs).toBeGreaterThanOrEqual(0);
        },
      ),
      { numRuns: 1000 },
    );
  });
});
