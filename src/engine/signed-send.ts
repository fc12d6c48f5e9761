import { InputError } from '../core/errors.ts';
import { isWrite, type Encoding, type Fields, type Operation } from '../core/operation.ts';
import type { Adapter, EncodedSend, SendContext } from '../kit/adapter.ts';
import { without } from '../kit/fields.ts';
import { encode } from './encode.ts';

/** What is to be sent, before anything of it is written. */
export interface ToSend {
  readonly operation: Operation;
  readonly fields: Fields;
  readonly encoding: Encoding;
}

/** A send with everything of it that is written or signed. */
interface SignedSend {
  readonly encoded: EncodedSend;
  readonly url: string;
  readonly contentType: string | undefined;
  readonly headers: readonly (readonly [string, string])[];
}

/** Everything is signed afresh for each send; reference, key and business fields stay the same. */
export async function sign(
  adapter: Adapter,
  { operation, encoding, fields: given }: ToSend,
  context: SendContext,
): Promise<SignedSend> {
  const { unsent = [] } = operation;
  // A copy: what `body` may do to it must not come with the next send. What it gives back may not be sent either.
  const fields = without(adapter.body({ ...without(given, unsent) }, context), unsent);
  const { method, url, path, body, contentType } = encode(adapter, operation, fields, encoding);
  const encoded: EncodedSend = { ...context, method, path, fields, body };
  const key = keyHeader(adapter, operation, context);
  const headers = Object.entries(await adapter.headers(encoded));
  if (key !== undefined) headers.push(key);
  const values = new Map<string, string>();
  for (const [name, value] of headers) {
    const lower = name.toLowerCase();
    if ((values.get(lower) ?? value) !== value)
      throw new InputError(
        `${adapter.name} ${operation.name}: the adapter’s headers name another ${name} than the send’s idempotency key.`,
      );
    values.set(lower, value);
  }
  return { encoded, url, contentType, headers };
}

const encoder = new TextEncoder();

/** @param others the request's headers as the user's client made them */
export function requestOf(
  { encoded: { method, body, signal }, url, contentType, headers: own }: SignedSend,
  others: Headers,
): Request {
  const hasBody = method !== 'GET';
  const bytes = encoder.encode(body);
  // A redirected write could be repeated elsewhere, and a signature be handed over: a 3xx is an answer like any other.
  const init: RequestInit = { method, headers: others, signal, redirect: 'manual', ...withoutCredentials };
  const request = new Request(url, hasBody ? { ...init, ...once(bytes) } : init);
  const { headers } = request;
  if (hasBody) headers.set('content-length', String(bytes.byteLength));
  else headers.delete('content-length');
  if (contentType === undefined) headers.delete('content-type');
  else headers.set('content-type', contentType);
  for (const [name, value] of own) headers.set(name, value);
  return request;
}

/**
 * A body that can be read once: `fetch` keeps a text or bytes, and after an HTTP 421 sends them again by itself. Its
 * length is known all the same, and goes with it as `content-length`: gateways that read forms dislike chunks.
 */
const once = (bytes: Uint8Array): RequestInit & { duplex: 'half' } => ({
  body: new ReadableStream({
    start(controller) {
      if (bytes.byteLength > 0) controller.enqueue(bytes);
      controller.close();
    },
  }),
  duplex: 'half',
});

/**
 * Nothing here is for a cookie jar; and to a 401 with a body that can be read once, the `fetch` of Node 24.14 and 24.15
 * gives no answer but fails, unless it is told so (https://github.com/nodejs/undici/issues/5018). Where a `Request` has
 * no such option, it must not be named.
 */
const withoutCredentials: RequestInit = 'credentials' in Request.prototype ? { credentials: 'omit' } : {};

/** A declared idempotency key goes with every send of the write, or nothing does. */
function keyHeader(
  adapter: Adapter,
  operation: Operation,
  { idempotencyKey: key }: SendContext,
): [string, string] | undefined {
  const declared = isWrite(operation) ? operation.idempotencyKey : undefined;
  if (declared === undefined) return undefined;
  const who = `${adapter.name} ${operation.name}`;
  if (key === undefined) throw new InputError(`${who} is sent with an idempotency key only, and this send has none.`);
  if (declared.header === undefined) return undefined;
  // Whatever else would be changed or refused on its way, and be another key then.
  if (!/^[!-~](?:[ -~]*[!-~])?$/.test(key))
    throw new InputError(`${who}: idempotencyKey travels in a header and must be plain ASCII.`);
  return [declared.header, key];
}
