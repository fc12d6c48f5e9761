/** More than any token's answer. */
export const MOST_TOKEN_BYTES: number = 64 * 1024;

/** As much as most answers and notices measure. */
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
  const giveUp = (): void => void reader.cancel().catch(() => undefined);
  // A canceled stream ends the read that waits for it, whatever its source does.
  signal?.addEventListener('abort', giveUp, { once: true });
  // One buffer that grows: a chunk is copied and let go, since each may be one byte in a buffer of its own, or of many
  // kilobytes.
  let bytes = new Uint8Array(Math.min(most, FIRST_BYTES));
  let length = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      signal?.throwIfAborted();
      if (done) break;
      if (!ArrayBuffer.isView(value)) throw new TypeError('The body is not made of bytes.');
      const next = length + value.byteLength;
      if (next > most) throw Object.assign(new Error('The body is too long.'), { code: 'body-too-long' });
      if (next > bytes.byteLength) {
        const larger = new Uint8Array(Math.min(most, Math.max(next, bytes.byteLength * 2)));
        larger.set(bytes.subarray(0, length));
        bytes = larger;
      }
      bytes.set(value, length);
      length = next;
    }
  } catch (error) {
    giveUp();
    throw error;
  } finally {
    signal?.removeEventListener('abort', giveUp);
  }
  return bytes.slice(0, length);
}
