import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { evidenceOf } from '../../src/engine/evidence.ts';
import { constant, createGateway, type GatewayEvent, type Settlement } from '../../src/index.ts';
import { acme } from '../testing/acme.ts';
import { bench, refused, reset, said, state } from '../testing/bench.ts';

const charge = { order: 'A1', amount: 100 };

const coded = (code: string, more: object = {}): Error => Object.assign(new Error(code), { code, ...more });
/** Node's `fetch` (undici) wraps whatever failed. */
const node = (cause: unknown): Error => new TypeError('fetch failed', { cause });
/** Bun's does not, and has codes of its own. https://github.com/oven-sh/bun/issues/34397 */
const bun = (code: string): Error => coded(code, { path: 'https://acme.test/api/charge', errno: 0 });
/** Deno's says it in words. https://github.com/denoland/deno/issues/24922 */
const deno = (words: string): Error =>
  new TypeError(`error sending request for url (https://acme.test/api/charge): ${words}`);
/** Happy eyeballs: every address of a name was tried. */
const tried = (...errors: unknown[]): Error =>
  Object.assign(new AggregateError(errors), { code: (errors[0] as { code?: string }).code });

describe('what a failed send proves: it never left', () => {
  const connect = { syscall: 'connect', address: '127.0.0.1', port: 443 };
  const proofs: [string, unknown, string][] = [
    ['a refused connection', node(coded('ECONNREFUSED', connect)), 'ECONNREFUSED'],
    [
      'a name that does not resolve',
      node(coded('ENOTFOUND', { syscall: 'getaddrinfo', hostname: 'acme.test' })),
      'ENOTFOUND',
    ],
    ['a resolver that is down', node(coded('EAI_AGAIN', { syscall: 'getaddrinfo' })), 'EAI_AGAIN'],
    ['a connection that took too long', node(coded('UND_ERR_CONNECT_TIMEOUT')), 'UND_ERR_CONNECT_TIMEOUT'],
    ['a connection the system gave up', node(coded('ETIMEDOUT', connect)), 'ETIMEDOUT'],
    ['a host without a route', node(coded('EHOSTUNREACH', connect)), 'EHOSTUNREACH'],
    ['a network that is down', node(coded('ENETUNREACH', connect)), 'ENETUNREACH'],
    ['no free local port', node(coded('EADDRNOTAVAIL', connect)), 'EADDRNOTAVAIL'],
    [
      'every address refused',
      node(tried(coded('ECONNREFUSED', { ...connect, address: '::1' }), coded('ECONNREFUSED', connect))),
      'ECONNREFUSED',
    ],
    [
      'one address refused, another not reached',
      node(tried(coded('ECONNREFUSED', connect), coded('ETIMEDOUT', connect))),
      'ECONNREFUSED',
    ],
    ['a certificate that signed itself', node(coded('DEPTH_ZERO_SELF_SIGNED_CERT')), 'DEPTH_ZERO_SELF_SIGNED_CERT'],
    ['a certificate that has expired', node(coded('CERT_HAS_EXPIRED')), 'CERT_HAS_EXPIRED'],
    ['a certificate of another name', node(coded('ERR_TLS_CERT_ALTNAME_INVALID')), 'ERR_TLS_CERT_ALTNAME_INVALID'],
    [
      'a certificate of an unknown issuer',
      node(coded('UNABLE_TO_VERIFY_LEAF_SIGNATURE')),
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    ],
    ['a refused connection, of Bun', bun('ConnectionRefused'), 'ConnectionRefused'],
    ['a name that does not resolve, of Bun', bun('FailedToOpenSocket'), 'FailedToOpenSocket'],
    ['a certificate that signed itself, of Bun', bun('DEPTH_ZERO_SELF_SIGNED_CERT'), 'DEPTH_ZERO_SELF_SIGNED_CERT'],
    [
      'a refused connection, of Deno',
      deno('client error (Connect): tcp connect error: Connection refused (os error 111)'),
      'unknown',
    ],
    [
      'a refused connection, of Deno 1',
      deno('error trying to connect: tcp connect error: Connection refused (os error 111)'),
      'unknown',
    ],
    [
      'a name that does not resolve, of Deno',
      deno('client error (Connect): dns error: failed to lookup address information: Name or service not known'),
      'unknown',
    ],
    [
      'a certificate of an unknown issuer, of Deno',
      deno('client error (Connect): invalid peer certificate: UnknownIssuer'),
      'unknown',
    ],
    ['the cause of a cause', new Error('our proxy', { cause: node(coded('ECONNREFUSED', connect)) }), 'ECONNREFUSED'],
  ];
  it.each(proofs)('%s', (_what, error, code) => {
    expect(evidenceOf(error)).toEqual({ evidence: 'not-sent', code: `network/${code}` });
  });
});

describe('what a failed send proves: nothing', () => {
  const connect = { syscall: 'connect' };
  const circular = new Error('round');
  circular.cause = circular;
  const doubts: [string, unknown, string][] = [
    ['a reset while reading', node(coded('ECONNRESET', { syscall: 'read' })), 'ECONNRESET'],
    ['a broken pipe', node(coded('EPIPE', { syscall: 'write' })), 'EPIPE'],
    ['the other side closed', node(coded('UND_ERR_SOCKET')), 'UND_ERR_SOCKET'],
    ['no headers in time', node(coded('UND_ERR_HEADERS_TIMEOUT')), 'UND_ERR_HEADERS_TIMEOUT'],
    ['no body in time', node(coded('UND_ERR_BODY_TIMEOUT')), 'UND_ERR_BODY_TIMEOUT'],
    ['an answer that is not HTTP', node(coded('HPE_INVALID_CONSTANT')), 'HPE_INVALID_CONSTANT'],
    [
      'a body cut short',
      Object.assign(new TypeError('terminated'), { cause: coded('UND_ERR_SOCKET') }),
      'UND_ERR_SOCKET',
    ],
    ['a timeout on an open connection', node(coded('ETIMEDOUT', { syscall: 'read' })), 'ETIMEDOUT'],
    ['a timeout of no known call', node(coded('ETIMEDOUT')), 'ETIMEDOUT'],
    ['a lost route on an open connection', node(coded('EHOSTUNREACH', { syscall: 'write' })), 'EHOSTUNREACH'],
    [
      'a wish for a client certificate, which TLS 1.3 tells after the request',
      node(coded('ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED')),
      'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
    ],
    [
      'a broken TLS record',
      node(coded('ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC')),
      'ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC',
    ],
    [
      'several addresses, one of which was reached',
      node(tried(coded('ECONNREFUSED', connect), coded('ECONNRESET', { syscall: 'read' }))),
      'ECONNREFUSED',
    ],
    [
      'several addresses, of which nothing is known',
      node(Object.assign(new AggregateError([]), { code: 'odd' })),
      'odd',
    ],
    [
      'a reset, with an older refusal as its cause',
      coded('ECONNRESET', { syscall: 'read', cause: coded('ECONNREFUSED', connect) }),
      'ECONNRESET',
    ],
    ['a closed connection, of Bun', bun('ConnectionClosed'), 'ConnectionClosed'],
    ['a reset, of Bun', bun('ECONNRESET'), 'ECONNRESET'],
    ['a timeout, of Bun', Object.assign(new DOMException('The operation timed out.', 'TimeoutError')), 'unknown'],
    [
      'a reset, of Deno',
      deno('client error (SendRequest): connection error: Connection reset by peer (os error 104)'),
      'unknown',
    ],
    [
      'a reset while connecting, of Deno',
      deno('error trying to connect: Connection reset by peer (os error 104)'),
      'unknown',
    ],
    [
      'a closed connection, of Deno',
      deno('client error (SendRequest): connection closed before message completed'),
      'unknown',
    ],
    ['a lost connection, of Workers', new Error('Network connection lost.'), 'unknown'],
    ['an error without a code', new Error('odd'), 'unknown'],
    ['a code that is a number', Object.assign(new Error('odd'), { code: 111 }), 'unknown'],
    ['a name every object has', coded('constructor'), 'constructor'],
    ['a text', 'ECONNREFUSED', 'unknown'],
    ['nothing', undefined, 'unknown'],
    ['null', null, 'unknown'],
    ['an error that is its own cause', circular, 'unknown'],
  ];
  it.each(doubts)('%s', (_what, error, code) => {
    expect(evidenceOf(error)).toEqual({ evidence: 'maybe-sent', code: `network/${code}` });
  });

  it('a code of any length is cut: it goes into logs', () => {
    expect(evidenceOf(coded('X'.repeat(500))).code).toHaveLength('network/'.length + 60);
  });
});

describe('evidence is what the gate saw', () => {
  const quick = { retry: { backoff: constant(10) }, poll: { backoff: constant(10), deadlineMs: 100 } };

  it('an error while signing is not sent, whatever error it is', async () => {
    const headers = (): Promise<never> => Promise.reject(reset());
    const { gateway, clock, sends, polls } = bench({
      adapter: { ...acme(), headers },
      sends: [said('PAID')],
      policy: quick,
    });
    expect(await clock.run(gateway.settle('payment.charge', charge))).toMatchObject({ outcome: 'unsent', attempts: 3 });
    expect([sends.length, polls.length]).toEqual([0, 0]);
  });

  it('an error after the first byte of an answer is maybe-sent, whatever error it is', async () => {
    const answer = (): Response =>
      new Response(new ReadableStream({ pull: controller => controller.error(refused()) }));
    const { gateway, clock, sends } = bench({ sends: [answer], polls: [state('paid')], policy: quick });
    expect(await clock.run(gateway.settle('payment.charge', charge))).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'query',
      attempts: 1,
    });
    expect(sends.length).toBe(1);
  });

  it('an error while an answer’s signature is checked is maybe-sent, whatever error it is', async () => {
    let checks = 0;
    const verify = (): Promise<boolean> => (++checks === 1 ? Promise.reject(refused()) : Promise.resolve(true));
    const { gateway, clock, sends } = bench({
      adapter: { ...acme(), verify },
      sends: [said('PAID')],
      polls: [state('paid')],
      policy: quick,
    });
    expect(await clock.run(gateway.settle('payment.charge', charge))).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'query',
      attempts: 1,
    });
    expect(sends.length).toBe(1);
  });
});

describe('on real sockets', () => {
  const servers: Server[] = [];
  const open = new Set<Socket>();
  afterEach(() => {
    for (const socket of open) socket.destroy();
    for (const server of servers.splice(0)) server.close();
  });

  const listen = async (server: Server, port = 0): Promise<number> => {
    servers.push(server);
    server.on('connection', socket => {
      open.add(socket);
      socket.on('error', () => undefined).on('close', () => open.delete(socket));
    });
    await new Promise<void>(listening => server.listen(port, '127.0.0.1', listening));
    return (server.address() as AddressInfo).port;
  };

  const http = (body: string, head = ''): string =>
    `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n${head}\r\n${body}`;

  /** A gateway that answers status queries, and does to a write what the test says. */
  const badGateway = (heard: { writes: number; polls: number }, toWrite: (socket: Socket) => void): Server =>
    createServer(socket => {
      socket.once('data', request => {
        if (/^POST \/query /.test(request.toString())) {
          heard.polls++;
          socket.end(http('{"state":"paid","order":"A1"}', 'connection: close\r\n'));
        } else {
          heard.writes++;
          toWrite(socket);
        }
      });
    });

  /** Charges in real time: each limit only ends what a test wants to end by it. */
  const settle = async (
    baseUrl: string,
    {
      deadlineMs = 4000,
      attemptTimeoutMs = 2000,
      fields = charge,
      onEvent,
    }: {
      deadlineMs?: number;
      attemptTimeoutMs?: number;
      fields?: typeof charge;
      onEvent?: (event: GatewayEvent) => void;
    } = {},
  ): Promise<Settlement> => {
    const policy = { retry: { backoff: constant(10) }, poll: { backoff: constant(5), deadlineMs }, attemptTimeoutMs };
    return createGateway({
      adapter: { ...acme(), baseUrl, ownBaseUrl: true },
      policy,
      ...(onEvent !== undefined && { onEvent }),
    }).settle('payment.charge', fields);
  };
  const lostBy = ({ timeline }: Settlement): string[] =>
    timeline.flatMap(entry =>
      entry.type === 'lost' && entry.of === 'send' ? [`${entry.evidence} ${entry.code}`] : [],
    );
  const closedPort = async (): Promise<number> => {
    const server = createServer();
    const port = await listen(server);
    await new Promise(closed => server.close(closed));
    return port;
  };

  it('a closed port is not sent: it is tried again, and ends unsent', async () => {
    const settlement = await settle(`http://127.0.0.1:${await closedPort()}`);
    expect(settlement).toMatchObject({ outcome: 'unsent', attempts: 3, polls: 0 });
    expect(lostBy(settlement)).toEqual(Array(3).fill('not-sent network/ECONNREFUSED'));
  });

  it('a closed port of a name with several addresses is not sent', async () => {
    expect(await settle(`http://localhost:${await closedPort()}`)).toMatchObject({
      outcome: 'unsent',
      attempts: 3,
      polls: 0,
    });
  });

  it('a port that opens in time is sent to once', async () => {
    const port = await closedPort();
    const heard = { writes: 0, polls: 0 };
    const opening = badGateway(heard, socket => socket.end(http('{"code":"PAID"}')));
    const settlement = await settle(`http://127.0.0.1:${port}`, {
      onEvent: ({ type }) => {
        if (type === 'lost' && !opening.listening) void listen(opening, port);
      },
    });
    expect(settlement).toMatchObject({ outcome: 'succeeded', settledBy: 'answer', attempts: 2 });
    expect(heard).toEqual({ writes: 1, polls: 0 });
  });

  const cut = (body: string) => (socket: Socket) => {
    socket.write(body);
    setTimeout(() => socket.resetAndDestroy(), 5);
  };
  const drip = (socket: Socket): void => {
    socket.write('HTTP/1.1 200 OK\r\n\r\n');
    const drops = setInterval(() => socket.write(' '), 5);
    socket.on('close', () => clearInterval(drops));
  };
  const bad: [what: string, toWrite: (socket: Socket) => void, attemptTimeoutMs?: number][] = [
    ['a reset after the request was read', socket => socket.resetAndDestroy()],
    ['a connection closed without an answer', socket => socket.end()],
    ['half a header', cut('HTTP/1.1 200 OK\r\ncontent-le')],
    ['half a body', cut('HTTP/1.1 200 OK\r\ncontent-length: 15\r\n\r\n{"code":')],
    ['a chunk without an end', cut('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nf\r\n{"code":"PAID"}\r\n')],
    ['another protocol', socket => socket.end('SSH-2.0-OpenSSH_9.9\r\n\r\n')],
    ['headers without an end', socket => socket.end(`HTTP/1.1 200 OK\r\nx: ${'x'.repeat(70_000)}\r\n\r\n`)],
    ['a status that cannot be', socket => socket.end(http('{"code":"PAID"}').replace('200', '999'))],
    [
      'a change of protocol',
      socket => socket.end('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: other\r\n\r\n'),
    ],
    ['silence', () => undefined, 120],
    ['headers and then silence', socket => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 15\r\n\r\n'), 120],
    ['a body that drips', drip, 120],
  ];
  it.each(bad)('%s: sent once, and asked about', async (_what, toWrite, attemptTimeoutMs = 2000) => {
    const heard = { writes: 0, polls: 0 };
    const port = await listen(badGateway(heard, toWrite));
    expect(await settle(`http://127.0.0.1:${port}`, { attemptTimeoutMs })).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'query',
      attempts: 1,
    });
    expect(heard.writes).toBe(1);
  });

  it('a reset before the request was read: sent once, and asked about', async () => {
    const heard = { writes: 0, polls: 0 };
    const gateway = badGateway(heard, socket => socket.end(http('{"code":"PAID"}')));
    const port = await listen(
      createServer(socket =>
        servers.length === 1 ? (servers.push(gateway), socket.resetAndDestroy()) : gateway.emit('connection', socket),
      ),
    );
    expect(await settle(`http://127.0.0.1:${port}`)).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'query',
      attempts: 1,
    });
    expect(heard).toEqual({ writes: 0, polls: 1 });
  });

  it('a kept-alive connection that breaks under the next write: that one is sent once, and asked about', async () => {
    const heard: string[] = [];
    const port = await listen(
      createHttpServer((request, response) => {
        heard.push(request.url ?? '');
        if (heard.length === 2) request.socket.resetAndDestroy();
        else
          request
            .resume()
            .on('end', () => response.end(request.url === '/query' ? '{"state":"paid"}' : '{"code":"PAID"}'));
      }),
    );
    expect(await settle(`http://127.0.0.1:${port}`)).toMatchObject({ outcome: 'succeeded', settledBy: 'answer' });
    expect(await settle(`http://127.0.0.1:${port}`)).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'query',
      attempts: 1,
    });
    expect(heard).toEqual(['/charge', '/charge', '/query']);
  });

  it('a redirect is not followed: the signed write goes nowhere else', async () => {
    let elsewhere = 0;
    const other = await listen(createServer(socket => (elsewhere++, socket.end(http('{"code":"PAID"}')))));
    const heard = { writes: 0, polls: 0 };
    const port = await listen(
      badGateway(heard, socket =>
        socket.end(`HTTP/1.1 307 Elsewhere\r\nlocation: http://127.0.0.1:${other}/charge\r\ncontent-length: 0\r\n\r\n`),
      ),
    );
    expect(await settle(`http://127.0.0.1:${port}`)).toMatchObject({
      outcome: 'succeeded',
      settledBy: 'query',
      attempts: 1,
    });
    expect([heard.writes, elsewhere]).toEqual([1, 0]);
  });

  it('HTTP 421, after which fetch itself would send the write again: one arrives, whole and with its length, and is asked about', async () => {
    const heard: string[] = [];
    const port = await listen(
      createHttpServer((request, response) => {
        const body: Buffer[] = [];
        request
          .on('data', (chunk: Buffer) => body.push(chunk))
          .on('end', () => {
            const bytes = Buffer.concat(body);
            heard.push(
              `${request.url ?? ''} ${request.headers['transfer-encoding'] ?? ''}${request.headers['content-length'] ?? ''}/${bytes.length}`,
            );
            const isWrite = request.url === '/charge';
            response.writeHead(isWrite ? 421 : 200).end(isWrite ? '' : '{"state":"paid"}');
          });
      }),
    );
    const settlement = await settle(`http://127.0.0.1:${port}`, { fields: { order: 'Ä1', amount: 100 } });
    expect(settlement).toMatchObject({ outcome: 'succeeded', settledBy: 'query', attempts: 1 });
    expect(heard).toEqual(['/charge 43/43', '/query 30/30']);
  });

  it('HTTP 401 is an answer like any other, in whatever form the body went', async () => {
    const port = await listen(
      createHttpServer((request, response) =>
        request
          .resume()
          .on('end', () => response.writeHead(401, { 'www-authenticate': 'Basic' }).end('{"code":"REFUSED"}')),
      ),
    );
    expect(await settle(`http://127.0.0.1:${port}`)).toMatchObject({
      outcome: 'rejected',
      settledBy: 'answer',
      attempts: 1,
    });
  });

  it('a certificate that signed itself is not sent to', async () => {
    let requests = 0;
    const port = await listen(createHttpsServer(testOnlyCertificate, () => requests++));
    const settlement = await settle(`https://127.0.0.1:${port}`);
    expect(settlement).toMatchObject({ outcome: 'unsent', attempts: 3, polls: 0 });
    expect([lostBy(settlement), requests]).toEqual([Array(3).fill('not-sent network/DEPTH_ZERO_SELF_SIGNED_CERT'), 0]);
  });

  it.each<[string, (socket: Socket) => void]>([
    ['a server that does not speak TLS', socket => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')],
    ['a server that resets the handshake', socket => socket.resetAndDestroy()],
    ['a server that ends the handshake', socket => socket.end()],
  ])('%s leaves it open: one send, and the ticket', async (_what, onHello) => {
    const port = await listen(createServer(socket => socket.once('data', () => onHello(socket))));
    const settlement = await settle(`https://127.0.0.1:${port}`, { deadlineMs: 60 });
    expect(settlement).toMatchObject({ outcome: 'unresolved', attempts: 1, ticket: { reference: { order: 'A1' } } });
    expect(lostBy(settlement)).toEqual([expect.stringMatching(/^maybe-sent /)]);
  });

  it('a server that speaks only TLS leaves it open: one send, and the ticket', async () => {
    const port = await listen(createHttpsServer(testOnlyCertificate));
    expect(await settle(`http://127.0.0.1:${port}`, { deadlineMs: 60 })).toMatchObject({
      outcome: 'unresolved',
      attempts: 1,
    });
  });
});

/** TEST ONLY: made for this file, for 127.0.0.1, and trusted by nobody. */
const testOnlyCertificate = {
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgyZp3cUhma0RiXNSC
Zvkb64ATqIwimnUiKUG/A54IzomhRANCAARtZmhBCXtRfxtWsROB0e6yha2gD3Vt
2ZmrPfiaSU2jEN/rHAcnPFFOmHEO7umaPyFAOkyDCi04OaXV9t/quwco
-----END PRIVATE KEY-----`,
  cert: `-----BEGIN CERTIFICATE-----
MIIBkDCCATagAwIBAgIUSA+EpyAXTj2cx4QZodPoGv9zAkYwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMTA2MzU0N1oYDzIxMjYxMDI4
MDYzNTQ3WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAARtZmhBCXtRfxtWsROB0e6yha2gD3Vt2ZmrPfiaSU2jEN/rHAcnPFFO
mHEO7umaPyFAOkyDCi04OaXV9t/quwcoo2QwYjAdBgNVHQ4EFgQUQeldRj/l+WOF
R0Guys9GrO3cKvEwHwYDVR0jBBgwFoAUQeldRj/l+WOFR0Guys9GrO3cKvEwDwYD
VR0TAQH/BAUwAwEB/zAPBgNVHREECDAGhwR/AAABMAoGCCqGSM49BAMCA0gAMEUC
IQDUyZxYpuJBxeZYOJPMqMEygmctRSpc4Fhf1cpZVv5wtwIgYrc4mrsLANs3S0a6
mtlW+qzTO3TUsoALayMxfhrBtVA=
-----END CERTIFICATE-----`,
};
