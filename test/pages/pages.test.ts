import { globSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { blocks, root } from './blocks.ts';
import { complaints } from './compile.ts';
import { simulatedInternet } from './network.ts';
import { run } from './run.ts';

const typescript = blocks.filter(({ language }) => language === 'ts');
/** What registers tests is run as such. */
const isOfTests = ({ code }: { code: string }): boolean => /from '(?:node:test|vitest)'/.test(code);

describe('the code of the pages and docstrings', () => {
  it('is there', () => {
    expect(typescript.filter(({ page }) => page.endsWith('.md')).length).toBeGreaterThan(20);
    expect(typescript.filter(({ page }) => page.endsWith('.ts')).length).toBeGreaterThan(20);
  });

  it('says its language', () => {
    const languages = ['ts', 'js', 'sh', 'text', 'json', 'yaml', 'sql', 'python', 'php', 'go', 'html', 'diff'];
    expect(blocks.filter(({ language }) => !languages.includes(language)).map(({ title }) => title)).toEqual([]);
  });

  it('compiles in a strict project of a user', { timeout: 120_000 }, () => expect(complaints()).toEqual([]));

  const runnable = typescript.filter(block => block.compiledOnly === undefined && !isOfTests(block));
  it.each(runnable)('runs: $title', async block => {
    const printed = await run(block);
    if (block.prints !== undefined) expect(printed).toBe(block.prints);
  });

  describe.each(
    typescript.filter(block => block.compiledOnly === undefined && isOfTests(block)),
  )('as tests: $title', async block => {
    beforeEach(() => void vi.stubGlobal('fetch', simulatedInternet()));
    await import(/* @vite-ignore */ block.file);
  });

  it('is JSON where it says so', () => {
    for (const { code } of blocks.filter(({ language }) => language === 'json'))
      expect(() => void JSON.parse(code)).not.toThrow();
  });
});

describe('the commands of the pages', () => {
  const { scripts } = JSON.parse(readFileSync(posix.join(root, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  const lines = blocks
    .filter(({ language }) => language === 'sh')
    .flatMap(({ title, code }) => code.split('\n').map(line => ({ title, line })));

  it('name scripts that there are', () => {
    const named = lines.flatMap(({ title, line }) =>
      [...line.matchAll(/\bnpm (?:run ([\w:-]+)|(test)\b)/g)].map(([, script, test]) => ({
        title,
        script: script ?? test ?? '',
      })),
    );
    expect(named.filter(({ script }) => !Object.hasOwn(scripts, script))).toEqual([]);
    expect(named.length).toBeGreaterThan(10);
  });

  it('name commands that tillpaid has', () => {
    const sources = globSync('src/cli/**/*.ts', { cwd: root }).map(file =>
      readFileSync(posix.join(root, file), 'utf8'),
    );
    const has = (command: string): boolean => sources.some(source => source.includes(`.command('${command}`));
    const named = lines.flatMap(({ title, line }) =>
      [...line.matchAll(/\bnpx tillpaid (\w+)/g)].map(([, command = '']) => ({ title, command })),
    );
    expect(named.filter(({ command }) => !has(command))).toEqual([]);
    expect(named.length).toBeGreaterThan(3);
  });
});
