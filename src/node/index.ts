import { InputError } from '../core/errors.ts';

/**
 * A request as Node's `http`, Express, Fastify, Koa (`ctx.req`) and Nest have it. No type and no code of theirs is
 * needed here.
 */
export interface NodeRequest {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

/** As much of Node's `ServerResponse` as is used. */
export interface NodeResponse {
  statusCode: number;
  setHeader(name: string, value: string): unknown;
  end(body: Uint8Array): unknown;
}

/**
 * The web-standard `Request` of a Node one, for `gateway.receive`: with the body's raw bytes, which are signed. It is
 * read from the connection, unless a parser has kept its bytes: `express.raw({ type: () => true })`, Fastify's
 * `parseAs: 'buffer'`, a `rawBody` (Nest, cloud functions). What was parsed cannot be made raw again.
 *
 * Its address is what this server was asked for: a proxy before it may have changed host or path. The adapters whose
 * signatures are over the address take the public one (`notifyUrl`, `notifyPath`).
 *
 * @throws {InputError} when the body was parsed already, for what is no Node request, and for one that no `Request` can
 * be, such as TRACE: on a bare `node:http` server catch it
 * @example
 * ```ts
 * app.post('/webhooks/qfpay', async (req, res) => {
 *   const received = await gateway.receive(toRequest(req));
 *   await sendResponse(received.reply, res);
 * });
 * ```
 */
export function toRequest(req: NodeRequest): Request {
  const node = nodeRequestIn(req);
  const { method = 'GET' } = req;
  const headers = new Headers();
  // HTTP/2 has `:path` and the like among them.
  for (const [name, value] of Object.entries(req.headers))
    if (value !== undefined && !name.startsWith(':')) headers.set(name, [value].flat().join(', '));
  const init: RequestInit & { duplex: 'half' } = { method, headers, duplex: 'half' };
  if (method !== 'GET' && method !== 'HEAD') init.body = bodyOf(req, node);
  try {
    return new Request(addressOf(req, headers.get('host')), init);
  } catch (cause) {
    throw new InputError('toRequest: its method or its address is none that a Request can have. Answer it with 400.', {
      cause,
    });
  }
}

/**
 * Sends a web-standard `Response`, such as `received.reply`, as the response of a Node server. Fastify needs none of
 * this: `return received.reply`.
 */
export async function sendResponse(response: Response, res: NodeResponse): Promise<void> {
  const body = new Uint8Array(await response.arrayBuffer());
  res.statusCode = response.status;
  response.headers.forEach((value, name) => res.setHeader(name, value));
  res.end(body);
}

const valueOf = (given: object, name: string): unknown => Reflect.get(given, name);

/** Fastify's has the Node request within. @throws {InputError} */
function nodeRequestIn(req: unknown): object {
  const headers = typeof req === 'object' && req !== null ? valueOf(req, 'headers') : undefined;
  if (typeof req !== 'object' || req === null || typeof headers !== 'object' || headers === null)
    throw new InputError('toRequest: pass the req of Express, Fastify or node:http, as it came.');
  if (typeof valueOf(headers, 'get') === 'function')
    throw new InputError('toRequest: this is a web-standard Request already. Pass it to gateway.receive as it is.');
  const raw = valueOf(req, 'raw');
  return typeof raw === 'object' && raw !== null ? raw : req;
}

/** Put together by hand: a path may begin with `//`, which is no host. */
function addressOf(req: NodeRequest, host: string | null): URL {
  const original = valueOf(req, 'originalUrl');
  const path = typeof original === 'string' ? original : (req.url ?? '/');
  const url = new URL(path.startsWith('/') ? `http://localhost${path}` : path, 'http://localhost');
  // Setters leave alone what is no host and no protocol.
  if (host !== null) url.host = host;
  if (valueOf(req, 'protocol') === 'https') url.protocol = 'https';
  return url;
}

const isBytes = (value: unknown): value is Uint8Array<ArrayBuffer> => value instanceof Uint8Array;
const isStream = (value: object): value is AsyncIterable<Uint8Array> => Symbol.asyncIterator in value;

/** What a parser has kept as it came, else the connection's bytes. @throws {InputError} where neither is left */
function bodyOf(req: object, node: object): ReadableStream<Uint8Array> | Uint8Array<ArrayBuffer> | string {
  for (const kept of [valueOf(req, 'rawBody'), valueOf(req, 'body')])
    if (isBytes(kept) || typeof kept === 'string') return kept;
  if (isStream(node) && valueOf(node, 'readableDidRead') !== true && valueOf(node, 'destroyed') !== true)
    return streamOf(node);
  throw new InputError(
    'toRequest: a body parser has read this request, and its raw bytes, which are signed, are gone. Put the webhook’s route above app.use(express.json()), or keep its bytes: express.raw({ type: () => true }) on that route; in Fastify, in a plugin of its own, removeAllContentTypeParsers() and addContentTypeParser("*", (_req, _body, done) => done(null)); in Nest { rawBody: true }; in a Next.js API route { api: { bodyParser: false } }.',
  );
}

function streamOf(source: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  const chunks = source[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const next = await chunks.next();
      if (next.done === true) controller.close();
      else controller.enqueue(next.value);
    },
    // What is too much is let pass, as Node does with a body that nobody reads: to stop would cut the connection, and
    // the sender would never see the reply.
    async cancel() {
      for (let next = await chunks.next(); next.done !== true; next = await chunks.next());
    },
  });
}
