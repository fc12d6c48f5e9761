/** More than any token's answer. */
export const MOST_TOKEN_BYTES: number = 64 * 1024;

/**
 * Reads a whole body, once.
 *
 * @throws {Error} when it is longer than `most` bytes or is cut short
 * @throws the signal's reason when it aborts
 */
export async function readUpTo(body: ReadableStream<Uint8Array> | null, most: number, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
  signal?.throwIfAborted();
  if (body === null) return new Uint8Array();
  const reader = body.getReader();
  const giveUp = (): void => void reader.cancel().catch(() => undefined);
  // A canceled stream ends the read that waits for it, whatever its source does.
  signal?.addEventListener('abort', giveUp, { once: true });
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      signal?.throwIfAborted();
      if (done) break;
      length += value.byteLength;
      if (length > most) throw Object.assign(new Error('The body is too long.'), { code: 'body-too-long' });
      chunks.push(value);
    }
  } catch (error) {
    giveUp();
    throw error;
  } finally {
    signal?.removeEventListener('abort', giveUp);
  }
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return bytes;
}
