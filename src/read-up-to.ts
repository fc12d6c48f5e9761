import { orAbort } from './clock.ts';

/** More than any token's answer. */
export const MOST_TOKEN_BYTES: number = 64 * 1024;

/**
 * Reads a whole body, once.
 *
 * @throws {Error} when it is longer than `most` bytes, is cut short, or the signal aborts
 */
export async function readUpTo(body: ReadableStream<Uint8Array> | null, most: number, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
  if (body === null) return new Uint8Array();
  const reader = body.getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for (;;) {
      const reading = reader.read();
      const { done, value } = await (signal === undefined ? reading : orAbort(reading, signal));
      if (done) break;
      length += value.byteLength;
      if (length > most) throw Object.assign(new Error('The body is too long.'), { code: 'body-too-long' });
      chunks.push(value);
    }
  } catch (error) {
    reader.cancel().catch(() => undefined);
    throw error;
  }
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return bytes;
}
