import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import ky, { type KyInstance, type Options } from 'ky';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ifortepay } from '../../src/adapters/ifortepay/index.ts';
import { credentials } from '../samples/ifortepay.ts';
import { uqpay } from '../../src/adapters/uqpay/index.ts';
import { candidates, placeIn } from '../../src/client/match.ts';
import { isWrite } from '../../src/core/operation.ts';
import {
  constant,
  createGateway,
  isUnresolvedError,
  type Policy,
  type Settlement,
  type TokenStore,
} from '../../src/index.ts';
import type { Adapter } from '../../src/kit/adapter.ts';
import { keyOf, kits, type Kit } from './adapters.ts';

/** Over real sockets of this machine, with the runtime's own `fetch`: what no simulated response can show. */

type Handler = (incoming: IncomingMessage, outgoing: ServerResponse) => void;

interface Host {
  readonly origin: string;
  /** Method and path of every request, in order. */
  readonly seen: string[];
  answer: Handler;
}

const servers: Server[] = [];

async function listen(): Promise<Host> {
  const seen: string[] = [];
  const host = { origin: '', seen, answer: ((_incoming, outgoing) => outgoing.end('{}')) as Handler };
  const server = createServer((incoming, outgoing) => {
    seen.push(`${incoming.method ?? ''} ${incoming.url ?? ''}`);
    incoming.resume();
    incoming.on('end', () => host.answer(incoming, outgoing));
  });
  servers.push(server);
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(host, { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
}

let gatewayHost: Host;
let elsewhere: Host;
beforeAll(async () => {
  [gatewayHost, elsewhere] = await Promise.all([listen(), listen()]);
});
afterAll(() => {
  for (const server of servers) {
    server.close();
    server.closeAllConnections();
  }
});

/** The machine's own clock, and nothing to wait for. */
const policy: Policy = { retry: { attempts: 3, backoff: constant(0) }, poll: { backoff: constant(0), deadlineMs: 5 } };

/**
 * Sends to the gateway's stand-in on this machine whatever would go to the provider: method, headers, body and redirect
 * mode as they are.
 */
function rerouted(adapter: Adapter, options: Options = {}): KyInstance {
  const fetch = async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    const request = new Request(input, init);
    const { method, headers, redirect, signal } = request;
    const url = new URL(request.url);
    if (candidates(adapter, method, placeIn(url.href)).length === 0)
      return Response.json({ auth_token: 't', expired_at: 4e9, accessToken: 't' });
    // A body that could be sent again, as the original could.
    const body = method === 'GET' ? null : await request.text();
    return globalThis.fetch(gatewayHost.origin + url.pathname + url.search, {
      method,
      headers,
      redirect,
      signal,
      body,
    });
  };
  return ky.create({ fetch, ...options });
}

const writeOf = ({ adapter }: Kit): string =>
  Object.values(adapter.operations).find(operation => isWrite(operation) && operation.query !== undefined)?.name ?? '';

/** Settles one write over real HTTP, with the stand-in answering everything the same way. */
async function settled(kit: Kit, answer: Handler, options?: Options): Promise<Settlement> {
  gatewayHost.answer = answer;
  gatewayHost.seen.length = 0;
  elsewhere.seen.length = 0;
  const gateway = createGateway({ adapter: kit.adapter, client: rerouted(kit.adapter, options), policy });
  const operation = writeOf(kit);
  return gateway.settle(operation as never, (kit.complete[operation] ?? {}) as never, keyOf(kit, operation));
}

const sendsOf = ({ adapter }: Kit, seen: readonly string[]): number => {
  const base = new URL(adapter.baseUrl).pathname.replace(/\/$/, '');
  const path = base + (adapter.operations[writeOf({ adapter } as Kit)]?.path ?? '').replace(/\{\w+:(\w+)[^}]*\}/, '$1');
  return seen.filter(each => each === `POST ${path}`).length;
};

describe.each(kits)('$name over HTTP', (kit: Kit) => {
  it.each([
    301, 302, 303, 307, 308,
  ])('follows no redirect of a signed write or query (%i), to this host or another', async status => {
    for (const to of [() => `${elsewhere.origin}/stolen`, () => `${gatewayHost.origin}/again`]) {
      const settlement = await settled(kit, (_incoming, outgoing) =>
        outgoing.writeHead(status, { location: to() }).end(),
      );
      expect(settlement.outcome).toBe('unresolved');
      expect(elsewhere.seen).toEqual([]);
      expect(gatewayHost.seen.filter(each => each.includes('/again'))).toEqual([]);
      const { sameReference } = kit.adapter.operations[writeOf(kit)] as { sameReference?: string };
      if (sameReference !== 'replays') expect(sendsOf(kit, gatewayHost.seen)).toBe(1);
      expect(settlement.attempts).toBeGreaterThan(0);
    }
  });

  it('nor when the client was told to follow them', async () => {
    await settled(
      kit,
      (_incoming, outgoing) => outgoing.writeHead(307, { location: `${elsewhere.origin}/stolen` }).end(),
      { redirect: 'follow' },
    );
    expect(elsewhere.seen).toEqual([]);
    expect(gatewayHost.seen.length).toBeGreaterThan(0);
  });

  const piece = Buffer.alloc(64 * 1024, 0x20);
  it.each<[string, Handler]>([
    [
      'a body without end',
      (_incoming, outgoing) => {
        const more = (): void => {
          while (!outgoing.destroyed && outgoing.write(piece));
        };
        outgoing.on('drain', more);
        more();
      },
    ],
    [
      'a small body that unpacks to sixteen mebibytes',
      (_incoming, outgoing) => outgoing.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb),
    ],
    [
      'a body that says it is packed and is not',
      (_incoming, outgoing) => outgoing.writeHead(200, { 'content-encoding': 'gzip' }).end('{"code":0}'),
    ],
    [
      'headers without end',
      (_incoming, outgoing) => outgoing.socket?.write(`HTTP/1.1 200 OK\r\nx: ${'x'.repeat(200_000)}`),
    ],
    ['no HTTP', (_incoming, outgoing) => outgoing.socket?.end('SSH-2.0-OpenSSH_9.9\r\n')],
    [
      'a body that is shorter than it was promised',
      (_incoming, outgoing) =>
        outgoing.socket?.end('HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\n{"respcd":"0000","return_code":1}'),
    ],
    [
      'two answers at once',
      (_incoming, outgoing) =>
        outgoing.socket?.end(
          'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}',
        ),
    ],
  ])('takes %s for a lost or unknown answer, and sends nothing again', async (_what, answer) => {
    const settlement = await settled(kit, answer);
    expect(settlement.outcome).toBe('unresolved');
    const { sameReference } = kit.adapter.operations[writeOf(kit)] as { sameReference?: string };
    if (sameReference !== 'replays') expect(sendsOf(kit, gatewayHost.seen)).toBe(1);
  });

  it('closes the connection of a body without end, and keeps no more of it than an answer may measure', async () => {
    const closed: Promise<number>[] = [];
    const settlement = await settled(kit, (_incoming, outgoing) => {
      let written = 0;
      const more = (): void => {
        while (!outgoing.destroyed && (written += piece.byteLength) < 512 * 1024 * 1024 && outgoing.write(piece));
      };
      closed.push(new Promise(resolve => outgoing.on('close', () => resolve(written))));
      outgoing.on('drain', more);
      more();
    });
    expect(settlement.outcome).toBe('unresolved');
    // What sockets and kernel hold in between is theirs; the rest was never asked for.
    for (const written of await Promise.all(closed)) expect(written).toBeLessThan(32 * 1024 * 1024);
  });

  it('the drop-in follows no redirect either, and keeps the ticket', async () => {
    const operation = kit.adapter.operations[writeOf(kit)];
    if (operation === undefined) throw new Error('no write');
    gatewayHost.answer = (_incoming, outgoing) =>
      outgoing.writeHead(307, { location: `${elsewhere.origin}/stolen` }).end();
    elsewhere.seen.length = 0;
    const gateway = createGateway({ adapter: kit.adapter, client: rerouted(kit.adapter), policy });
    const fields = kit.complete[operation.name] ?? {};
    const path = operation.path.replaceAll(
      /\{(\w+)(?::(\w+)[^}]*)?\}/g,
      (_whole, name: string, choice?: string) => choice ?? String(fields[name]),
    );
    const texts = Object.entries(fields).map(([name, value]): [string, string] => [name, String(value)]);
    const body = kit.adapter.encodings[0] === 'form' ? { body: new URLSearchParams(texts) } : { json: fields };
    const end: unknown = await gateway.client
      .post(kit.adapter.baseUrl + path, { ...body, redirect: 'follow' })
      .catch((error: unknown) => error);
    expect(isUnresolvedError(end), String(end)).toBe(true);
    expect(elsewhere.seen).toEqual([]);
  });
});

describe('a machine’s token', () => {
  const forms: [name: string, adapter: Adapter][] = [
    ['uqpay', uqpay({ clientId: 'shop-1', apiKey: 'made-up', environment: 'sandbox', tokens: nowhere() })],
    ['ifortepay', ifortepay({ ...credentials, signature: 'symmetric', environment: 'sandbox', tokens: nowhere() })],
  ];
  it.each(
    forms,
  )('%s: is asked for at its own address only; a redirect is not followed, and nothing is sent without it', async (name, adapter) => {
    const kit = kits.find(each => each.name === name);
    gatewayHost.seen.length = 0;
    elsewhere.seen.length = 0;
    gatewayHost.answer = (_incoming, outgoing) =>
      outgoing.writeHead(307, { location: `${elsewhere.origin}/token` }).end();
    const fetch = (input: Request): Promise<Response> => {
      const { pathname, search } = new URL(input.url);
      const { method, headers, redirect, signal } = input;
      return input
        .text()
        .then(body =>
          globalThis.fetch(gatewayHost.origin + pathname + search, { method, headers, redirect, signal, body }),
        );
    };
    const gateway = createGateway({ adapter, client: ky.create({ fetch: fetch as typeof globalThis.fetch }), policy });
    const operation = kit === undefined ? '' : writeOf(kit);
    const settlement = await gateway.settle(
      operation as never,
      (kit?.complete[operation] ?? {}) as never,
      kit && keyOf(kit, operation),
    );
    expect(settlement.outcome).toBe('unsent');
    expect(elsewhere.seen).toEqual([]);
    expect(gatewayHost.seen.length).toBeGreaterThan(0);
    expect(gatewayHost.seen.filter(each => !each.includes('token'))).toEqual([]);
  });
});

/** Tokens are kept nowhere, so that no other test has one. */
function nowhere(): TokenStore {
  return { get: () => undefined, set: () => undefined };
}

const bomb = gzipSync(Buffer.alloc(16 * 1024 * 1024));
