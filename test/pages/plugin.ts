import { posix } from 'node:path';
import type { Plugin } from 'vitest/config';

/** Where the blocks would be, as `blocks.ts` says too: it is loaded when the first of them is asked for. */
const folder = posix.join(import.meta.dirname, 'of');
const inRoot = '/test/pages/of';
const blocks = new URL('blocks.ts', import.meta.url).href;
const modules = async (): Promise<ReadonlyMap<string, { source: string }>> =>
  ((await import(blocks)) as { modules: ReadonlyMap<string, { source: string }> }).modules;

/**
 * Gives vitest the blocks of the pages as if each was a file. Every block has surroundings of its own, so that what one
 * charges is no news to the next; and what it registers with `node:test` is a test of vitest's.
 */
export const blocksOfPages: Plugin = {
  name: 'blocks-of-pages',
  enforce: 'pre',
  async resolveId(source, importer = '') {
    if (source.startsWith(folder)) return source;
    // As vite writes what one block imports of another: from its root.
    if (source.startsWith(inRoot)) return folder + source.slice(inRoot.length);
    if (!importer.startsWith(folder) || !source.startsWith('.')) return undefined;
    const file = posix.join(posix.dirname(importer), source);
    return (await modules()).has(file) ? file : `${file}?for=${encodeURIComponent(importer.slice(folder.length))}`;
  },
  async load(id) {
    if (!id.startsWith(folder)) return undefined;
    return (await modules()).get(id)?.source.replaceAll("'node:test'", "'vitest'");
  },
};
