import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { readUpTo } from '../../src/kit/read-up-to.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** What is reachable, in bytes: objects and the buffers behind them. */
function reachable(): number {
  // Twice: buffers are let go in the background, after the objects that held them.
  collectGarbage();
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** So many chunks, and by how much that which is reachable has grown before the last one. */
function inChunks(
  count: number,
  chunk: (index: number) => Uint8Array<ArrayBuffer>,
  measure: () => number = reachable,
): { body: ReadableStream<Uint8Array<ArrayBuffer>>; grown: () => number } {
  let index = 0;
  let before = 0;
  let after = 0;
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      pull(controller) {
        if (index === 0) before = measure();
        if (index === count - 1) after = measure();
        if (index === count) return controller.close();
        controller.enqueue(chunk(index++));
      },
    },
    { highWaterMark: 0 },
  );
  return { body, grown: () => after - before };
}

describe('a body', () => {
  it.each([
    0, 1, 2047, 2048, 2049, 4096, 5000, 10_000,
  ])('of %i bytes is read as it came, however it is cut', async length => {
    const bytes = Uint8Array.from({ length }, (_each, index) => index % 251);
    for (const size of [1, 7, 2048, 3000, length]) {
      const count = size === 0 ? 0 : Math.ceil(length / size);
      const { body } = inChunks(
        count,
        index => bytes.slice(index * size, (index + 1) * size),
        () => 0,
      );
      const read = await readUpTo(body, 10_000);
      expect(read).toEqual(bytes);
      expect(read.buffer.byteLength).toBe(length);
    }
  });

  it('is refused when it is a byte too long, and its source is told to stop', async () => {
    let canceled = false;
    const body = new ReadableStream<Uint8Array>({
      pull: controller => controller.enqueue(new Uint8Array(10)),
      cancel: () => void (canceled = true),
    });
    await expect(readUpTo(body, 99)).rejects.toThrow('too long');
    expect(canceled).toBe(true);
    expect((await readUpTo(new Blob(['x'.repeat(99)]).stream(), 99)).byteLength).toBe(99);
  });

  it('that is not made of bytes is refused', async () => {
    const body: unknown = new ReadableStream<string>({ start: controller => controller.enqueue('12') });
    await expect(readUpTo(body as ReadableStream<Uint8Array>, 100)).rejects.toThrow('not made of bytes');
  });

  it('in two hundred thousand chunks of a byte takes memory for its bytes, not for its chunks', async () => {
    const count = 200_000;
    const { body, grown } = inChunks(count, () => new Uint8Array(1));
    expect((await readUpTo(body, 256 * 1024)).byteLength).toBe(count);
    expect(grown()).toBeLessThan(2 * 1024 * 1024);
  });

  it('of bytes that are views of large buffers keeps none of the buffers', async () => {
    const { body, grown } = inChunks(200, () => new Uint8Array(new ArrayBuffer(256 * 1024), 0, 1));
    expect((await readUpTo(body, 1024)).byteLength).toBe(200);
    expect(grown()).toBeLessThan(8 * 1024 * 1024);
  });
});
