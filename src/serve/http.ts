import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { InputError } from '../core/errors.ts';
import { isCut } from '../testing/faults.ts';

/** A handler of web requests behind a real HTTP server on this machine. */
export interface Served {
  /** Without a slash at its end: `http://127.0.0.1:49152`. */
  readonly url: string;
  readonly port: number;
  /** Cuts every connection that is open. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** How an exchange ended on the wire. */
export interface Ending {
  readonly request: Request;
  /** HTTP status; missing when no answer was begun. */
  readonly status?: number;
  /** `cut`: the connection was broken; `client-left`: the client gave up first. */
  readonly ended: 'answered' | 'cut' | 'client-left';
}

export interface HandlerOptions {
  /** Default 0: a port that the system picks. */
  readonly port?: number;
  /** Before the request is handed on, and before its answer leaves. */
  readonly travel?: (request: Request) => Promise<void>;
  readonly onEnd?: (ending: Ending) => void;
}

/** Requests of a payment gateway are small. */
const LONGEST_BODY_BYTES = 1024 * 1024;

/**
 * Puts a handler behind an HTTP server on 127.0.0.1. What the simulator cuts (`isCut`) is cut on the socket: before the
 * headers by a reset, after them behind the bytes that were written.
 *
 * @throws {InputError} when the port is taken
 */
export async function serveHandler(
  handle: (request: Request) => Promise<Response>,
  { port: wanted = 0, ...options }: HandlerOptions = {},
): Promise<Served> {
  // A server that hangs up on idle connections would be a fault that nobody asked for.
  const server = createServer(
    { keepAliveTimeout: 0 },
    (incoming, outgoing) => void exchange(handle, options, incoming, outgoing),
  );
  const port = await listen(server, wanted);
  const close = (): Promise<void> =>
    new Promise(resolve => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { url: `http://127.0.0.1:${port}`, port, close, [Symbol.asyncDispose]: close };
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: Error & { code?: string }) =>
      reject(
        error.code === 'EADDRINUSE'
          ? new InputError(`Port ${port} of 127.0.0.1 is taken. Give another one, or 0 for one that is free.`)
          : error,
      ),
    );
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}

async function exchange(
  handle: (request: Request) => Promise<Response>,
  { travel, onEnd }: HandlerOptions,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const gone = new AbortController();
  outgoing.on('close', () => gone.abort());
  const request = await requestOf(incoming, gone.signal).catch(() => undefined);
  if (request === undefined) return refuse(outgoing);
  const end = (ended: Ending['ended']): void =>
    onEnd?.({ request, ended, ...(outgoing.headersSent && { status: outgoing.statusCode }) });
  try {
    await travel?.(request);
    const response = await handle(request);
    await travel?.(request);
    outgoing.writeHead(response.status, Object.fromEntries(response.headers)).flushHeaders();
    for await (const bytes of response.body ?? []) outgoing.write(bytes);
    outgoing.end();
    end('answered');
  } catch (error) {
    if (gone.signal.aborted) return end('client-left');
    if (!isCut(error)) return fail(outgoing, error);
    // Before the headers a reset, as a crashed process leaves it; after them the bytes that were written still arrive.
    if (outgoing.headersSent) outgoing.destroy();
    else {
      await travel?.(request);
      incoming.socket.resetAndDestroy();
    }
    end('cut');
  }
}

function refuse(outgoing: ServerResponse): void {
  outgoing.writeHead(400, { connection: 'close' }).end('This is no request that a gateway would read.\n');
}

/** A bug of the handler's: no answer of a gateway. */
function fail(outgoing: ServerResponse, error: unknown): void {
  console.error(error);
  if (outgoing.headersSent) outgoing.destroy();
  else
    outgoing.writeHead(500, { 'content-type': 'text/plain' }).end('The simulator failed; its error is in its log.\n');
}

async function requestOf(incoming: IncomingMessage, signal: AbortSignal): Promise<Request> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of incoming as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    if (length > LONGEST_BODY_BYTES) throw new InputError('The body is longer than a mebibyte.');
    chunks.push(chunk);
  }
  const { method = 'GET', url = '/', headers } = incoming;
  return new Request(new URL(url, `http://${headers.host ?? '127.0.0.1'}`), {
    method,
    headers: Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)]),
    signal,
    // A server does not follow its own redirects.
    redirect: 'manual',
    ...(method !== 'GET' && method !== 'HEAD' && { body: Buffer.concat(chunks) }),
  });
}
