import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as adapter from '../src/kit/index.ts';
import * as webhook from '../src/kit/webhook.ts';
import * as root from '../src/index.ts';
import * as journal from '../src/journal/index.ts';
import * as sqlite from '../src/journal/sqlite.ts';

describe('the public names', () => {
  it('are few enough to be read at once: thirty values at most at the root', () => {
    expect(Object.keys(root).length).toBeLessThanOrEqual(30);
  });

  it('at the root are those of a shop; of an adapter’s parts only defineAdapter is there too', () => {
    const both = Object.keys(adapter).filter(name => Object.hasOwn(root, name));
    expect(both.sort()).toEqual(['InputError', 'defineAdapter']);
    for (const name of both) expect(Reflect.get(adapter, name)).toBe(Reflect.get(root, name));
  });

  it('of the kit are all told of where a provider is added', () => {
    const page = readFileSync(new URL('../docs/add-a-provider.md', import.meta.url), 'utf8');
    const names = [...Object.keys(adapter), ...Object.keys(webhook)];
    expect(names.filter(name => !new RegExp(`\\b${name}\\b`).test(page))).toEqual([]);
  });

  it('of a journal’s database are its own alone: what all journals share is loaded without one', () => {
    expect(Object.keys(sqlite)).toEqual(['sqliteJournal']);
    expect(Object.keys(journal)).toEqual(expect.arrayContaining(['createJournal', 'memoryJournal']));
    expect(Object.keys(journal).filter(name => /sqlite|postgres/i.test(name))).toEqual([]);
  });

  it('of the kit name no provider', () => {
    expect(Object.keys(adapter).filter(name => /qfpay|zalopay|ifortepay|rebell|uqpay/i.test(name))).toEqual([]);
  });
});
