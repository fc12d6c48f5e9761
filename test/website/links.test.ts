import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { doorsByFile } from '../../website/doors.ts';
import { guides, sentenceOf } from '../../website/guides.ts';
import { brokenLinks } from '../../website/links.ts';

describe('the links of the built site', () => {
  const folder = mkdtempSync(join(tmpdir(), 'site-'));
  mkdirSync(join(folder, 'guides'));
  writeFileSync(join(folder, 'index.html'), '<h2 id="a-b">A b</h2>');
  const broken = (html: string): string[] => {
    writeFileSync(join(folder, 'guides/page.html'), html);
    return brokenLinks(folder, ['guides/page.html']);
  };
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each([
    '<a class="x" href="../index.html">',
    '<a href="../index.html#a-b">',
    '<a href="../index.html#p=qfpay&amp;c=1298">',
    '<a href="#">',
    '<a href="https://sdk.qfapi.com/docs#no-matter">',
    '<img src="data:image/png;base64,AA==">',
  ])('may be %s', html => expect(broken(html)).toEqual([]));

  it.each([
    ['a page that is not there', '<a href="../no.html">'],
    ['a heading that is not there', '<a href="../index.html#c">'],
    ['a heading of its own page that is not there', '<a href="#c">'],
    ['a folder, which a file’s address does not open', '<a href="../">'],
    ['what only a server would find', '<a href="/index.html">'],
    ['a script from elsewhere', '<script src="https://cdn.example/x.js"></script>'],
    ['a style from elsewhere', '<link rel="stylesheet" href="//cdn.example/x.css">'],
  ])('may not lead to %s', (_what, html) => expect(broken(html)).toHaveLength(1));
});

describe('the index of the pages', () => {
  it('has a sentence for each door of the package', () => {
    const doors = [...doorsByFile().values()];
    expect(doors.filter(door => sentenceOf(door) === undefined)).toEqual([]);
    expect(doors.length).toBeGreaterThan(30);
  });

  it('stands first, and names each page once', () => {
    const files = guides().map(({ file }) => file);
    expect(files[0]).toBe('docs/README.md');
    expect(new Set(files).size).toBe(files.length);
    expect(files).toEqual(expect.arrayContaining(['docs/on-call.md', 'src/adapters/qfpay/README.md', 'SECURITY.md']));
  });
});
