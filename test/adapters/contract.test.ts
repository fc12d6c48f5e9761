import { readdirSync } from 'node:fs';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { adapterContract, type Samples } from '../../src/testing/index.ts';

const folder = new URL('../../src/adapters/', import.meta.url);
const names = readdirSync(folder, { withFileTypes: true })
  .filter(entry => entry.isDirectory())
  .map(entry => entry.name);

describe.each(names)('%s', async name => {
  const { samples } = (await import(`../samples/${name}.ts`)) as { samples: Samples<object> };
  const { adapter, secrets } = samples;

  adapterContract(adapter, samples, { describe, it });

  it('is named like its folder', () => expect(adapter.name).toBe(name));

  it('shows no secret to Node’s own printer', () => {
    const printed = [inspect(adapter, { depth: 12, showHidden: true }), JSON.stringify(adapter)].join('\n');
    for (const secret of secrets) expect(printed).not.toContain(secret);
  });
});
