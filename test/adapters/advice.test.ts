import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Advice, CodeTable, Row } from '../../src/core/code-table.ts';
import { judge } from '../../src/core/doctrine.ts';
import type { Sentences } from '../../src/kit/advice.ts';
import type { Samples } from '../../src/testing/sample.ts';

const folder = new URL('../../src/adapters/', import.meta.url);
const names = readdirSync(folder, { withFileTypes: true })
  .filter(entry => entry.isDirectory())
  .map(entry => entry.name);

const isTable = (value: unknown): value is CodeTable =>
  typeof value === 'object' && value !== null && !(value instanceof Set) && !('kind' in value);

describe.each(names)('the advice of the %s adapter', async name => {
  const of = (file: string): Promise<unknown> => import(new URL(`${name}/${file}`, folder).href);
  const { sentences, advice } = (await of('advice.ts')) as { sentences: readonly Sentences[]; advice: Advice };
  const codes = (await of('codes.ts')) as Record<string, unknown>;
  const { samples: kit } = (await import(`../samples/${name}.ts`)) as { samples: Samples<object> };

  it('is about rows that there are, and says one thing of each', () => {
    const said = new Map<Row | undefined, string>();
    for (const [row, sentence] of sentences.flat()) {
      expect(said.get(row) ?? sentence).toBe(sentence);
      said.set(row, sentence);
    }
    expect([...said.keys()]).not.toContain(undefined);
  });

  it('is kept apart from the tables, all of it', () => {
    const own = Object.values(codes)
      .filter(isTable)
      .flatMap(table => Object.values<Row>(table))
      .filter(row => row.advice !== undefined && row.reason !== 'duplicate');
    expect(own).toEqual([]);
  });

  it('is what index.ts gives and terse.ts does not', async () => {
    const factory = (file: string): Promise<unknown> =>
      of(file).then(module => (module as Record<string, unknown>)[name]);
    expect(kit.adapter.advice).toBe(advice);
    expect(await factory('terse.ts')).toBe(await factory('adapter.ts'));
    expect(await factory('terse.ts')).not.toBe(await factory('index.ts'));
  });

  it('is all that a verdict is without when it is left out', () => {
    const verdicts = kit.samples.map(({ exchange }) => {
      const full = judge(kit.adapter, exchange).verdict;
      const terse = judge({ ...kit.adapter, advice: undefined }, exchange).verdict;
      expect({ ...terse, advice: '' }).toEqual({ ...full, advice: '' });
      return { full, terse };
    });
    expect(verdicts.some(({ full, terse }) => full.advice !== undefined && terse.advice === undefined)).toBe(true);
  });
});
