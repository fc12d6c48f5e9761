import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isCut } from '../../src/testing/index.ts';

type Fetch = (request: Request) => Promise<Response>;

/** Puts a fetch handler behind a real HTTP server on this machine, broken connections included. */
export async function serve(handle: Fetch): Promise<{ origin: string; close: () => Promise<void> }> {
  // A server that hangs up on idle connections would be a fault that nobody asked for.
  const server = createServer({ keepAliveTimeout: 0 }, (incoming, outgoing) => void answer(handle, incoming, outgoing));
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const close = (): Promise<void> =>
    new Promise(resolve => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close };
}

async function answer(handle: Fetch, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const gone = new AbortController();
  outgoing.on('close', () => gone.abort());
  try {
    const response = await handle(await requestOf(incoming, gone.signal));
    outgoing.writeHead(response.status, Object.fromEntries(response.headers)).flushHeaders();
    for await (const bytes of response.body ?? []) outgoing.write(bytes);
    outgoing.end();
  } catch (error) {
    if (gone.signal.aborted) return;
    if (!isCut(error)) console.error(error);
    // Before the headers a reset, as a crashed process leaves it; after them the bytes that were written still arrive.
    if (outgoing.headersSent) outgoing.destroy();
    else incoming.socket.resetAndDestroy();
  }
}

async function requestOf(incoming: IncomingMessage, signal: AbortSignal): Promise<Request> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Uint8Array);
  const { method = 'GET', url = '/', headers } = incoming;
  return new Request(new URL(url, `http://${headers.host ?? '127.0.0.1'}`), {
    method,
    headers: Object.entries(headers).map(([name, value]) => [name, String(value)] as [string, string]),
    signal,
    // A server does not follow its own redirects.
    redirect: 'manual',
    ...(method !== 'GET' && method !== 'HEAD' && { body: Buffer.concat(chunks) }),
  });
}
