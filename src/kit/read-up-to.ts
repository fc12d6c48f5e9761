/** More than any token's answer. */
export const MOST_TOKEN_BYTES: number = 64 * 1024;

/** Room for what comes in pieces, to begin with. */
const FIRST_BYTES = 2048;

/**
 * Reads a whole body, once, in memory of twice its length at most.
 *
 * @throws {Error} when it is longer than `most` bytes or is cut short
 * @throws the signal's reason when it aborts
 */
export async function readUpTo(
  body: ReadableStream<Uint8Array> | null,
  most: number,
  signal?: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  signal?.throwIfAborted();
  if (body === null) return new Uint8Array();
  const reader = body.getReader();
  const onAbort = (): void => stopReading(reader);
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    const bytes = await readAll(reader, most);
    signal?.throwIfAborted();
    return bytes;
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
}

/** What is read of a body. */
type Reader = ReadableStreamDefaultReader<Uint8Array>;

/** A canceled reader ends the read that waits, as if the body ended there, whatever the body's source does. */
export function stopReading(reader: Reader): void {
  reader.cancel().catch(() => undefined);
}

/**
 * As {@link readUpTo}, for who stops the reading himself: what is read until then is no answer.
 *
 * @throws {Error} when it is longer than `most` bytes or is cut short
 */
export async function readAll(reader: Reader, most: number): Promise<Uint8Array<ArrayBuffer>> {
  // One buffer that grows: a chunk is copied and let go, since each may be one byte in a buffer of its own, or of many
  // kilobytes.
  let bytes = new Uint8Array();
  let length = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      if (!ArrayBuffer.isView(value)) throw new TypeError('The body is not made of bytes.');
      const next = length + value.byteLength;
      if (next > most) throw Object.assign(new Error('The body is too long.'), { code: 'body-too-long' });
      if (next > bytes.byteLength) {
        // What comes in one piece, as most answers do, is copied once.
        const room = length === 0 ? next : Math.min(most, Math.max(next, bytes.byteLength * 2, FIRST_BYTES));
        const larger = new Uint8Array(room);
        larger.set(bytes.subarray(0, length));
        bytes = larger;
      }
      bytes.set(value, length);
      length = next;
    }
  } catch (error) {
    stopReading(reader);
    throw error;
  }
  return length === bytes.byteLength ? bytes : bytes.slice(0, length);
}
