import { readFileSync, readdirSync } from 'node:fs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Samples } from 'tillpaid/testing';
import { main as chargeAndWait } from '../examples/charge-and-wait.ts';
import { main as dropInClient } from '../examples/drop-in-client.ts';
import { main as orderWithQrCode } from '../examples/order-with-qr-code.ts';
import { main as policyPerProvider } from '../examples/policy-per-provider.ts';

const textOf = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');

/** The code blocks of a language, in the order of the page. */
const blocksOf = (markdown: string, language: string): string[] =>
  [...markdown.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(([, code = '']) => code);

describe('the README', () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.restoreAllMocks();
  });

  it('begins with examples/first.ts, word for word', () => {
    expect(blocksOf(textOf('README.md'), 'ts')[0]).toBe(textOf('examples/first.ts'));
  });

  it('says what that example prints', async () => {
    const { setTimeout: wait } = globalThis;
    // Its waits are the real ones: here they pass fifty times as fast.
    vi.stubGlobal('setTimeout', (callback: () => void, delayMs = 0) => wait(callback, delayMs / 50));
    const log = vi.spyOn(console, 'log').mockReturnValue();
    await import('../examples/first.ts');
    expect(log.mock.calls).toEqual([['succeeded', 'by', 'query', { attempts: 1, polls: 1, charges: 1 }]]);
    expect(blocksOf(textOf('README.md'), 'text')).toContain('succeeded by query { attempts: 1, polls: 1, charges: 1 }\n');
  });

  const blocks = blocksOf(textOf('README.md'), 'ts').map((code, index) => [index + 1, code] as const);
  it.each(blocks)('imports only names there are, in block %i', async (_number, code) => {
    for (const [, names = '', from = ''] of code.matchAll(/^import (?:\w+, )?{ ([^}]+) } from '(tillpaid[^']*)';/gm)) {
      const exported = Object.keys((await import(from)) as object);
      expect(exported).toEqual(expect.arrayContaining(names.split(', ').filter((name) => !name.startsWith('type '))));
    }
  });
});

describe('the README’s table of providers', () => {
  const adapters = readdirSync(new URL('../src/adapters/', import.meta.url));
  const rows = [...textOf('README.md').matchAll(/^\| `tillpaid\/adapters\/([\w-]+)` \|.*\| ([^|]+) \|$/gm)].map(([, name = '', webhooks = '']) => [name, webhooks] as const);

  it('has a row for each', () => expect(rows.map(([name]) => name).sort()).toEqual(adapters.sort()));

  it.each(rows)('is right about the webhooks of %s', async (name, webhooks) => {
    const { samples } = (await import(`../src/adapters/${name}/samples.ts`)) as { samples: Samples<object> };
    expect(webhooks.startsWith('yes')).toBe(samples.adapter.webhook !== undefined);
  });
});

describe('the examples', () => {
  it('charges and waits, whatever becomes of the answer', async () => {
    expect(await chargeAndWait()).toEqual([
      expect.stringMatching(/^ORDER-1: paid, known after 4\d\.?\d* s\./),
      'ORDER-2: paid, known after 1.5 s. Hand over the goods.',
      expect.stringMatching(/^ORDER-3: not paid \(insufficient-funds\)/),
      'ORDER-4: still open. Keep the ticket of ORDER-4, and ask again later.',
    ]);
  });

  it('makes an order, and follows it by its stored ticket until the payer has paid', async () => {
    const { link, end } = await orderWithQrCode();
    expect(link).toMatch(/^https:\/\/.*260101_0001$/);
    expect(end).toMatch(/^260101_0001 succeeded, after 2[45]\d s and \d+ status queries$/);
  });

  it('leaves code that uses ky as it is, and lets its caller tell the ends apart', async () => {
    expect(await dropInClient()).toEqual({
      '260101_2553_1': 'refunded',
      '260101_2553_2': 'failed: declined',
      '260101_2553_3': 'still open: ask again with the ticket of 260101_2553_3',
    });
  });

  it('polls each provider by a policy of its own', async () => {
    expect(await policyPerProvider()).toEqual([
      'till: steps 1000, 1000, 2000, 3000, 5000, … gave succeeded after 52 s and 13 queries',
      'web:  steps 5000, 10000, 20000, 30000, 30000, … gave succeeded after 65 s and 5 queries',
    ]);
  });
});
