import { globSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { posix } from 'node:path';
import { brokenLinks } from './links.ts';

/**
 * What typedoc leaves to do: addresses that are relative on every page, and files of code that a browser shows.
 *
 * @returns how many pages there are
 * @throws {Error} naming every link that leads nowhere
 */
export function finish(folder: string): number {
  showFiles(folder);
  const pages = globSync('**/*.html', { cwd: folder }).map(page => page.replaceAll('\\', '/'));
  for (const page of pages.filter(each => !each.startsWith('explorer/'))) {
    const file = posix.join(folder, page);
    const up = posix.relative(posix.dirname(page), '.') || '.';
    const before = readFileSync(file, 'utf8');
    const after = before.replaceAll('href="explorer/', `href="${up}/explorer/`);
    if (after !== before) writeFileSync(file, after);
  }
  const broken = brokenLinks(folder, pages);
  if (broken.length > 0) throw new Error(`Links that lead nowhere:\n${broken.join('\n')}`);
  return pages.length;
}

/** Pages in place of linked files that a browser would save, or take for a film (`.ts`). */
function showFiles(folder: string): void {
  const shown = globSync('media/*', { cwd: folder }).filter(file => !/\.(?:svg|png|html)$/.test(file));
  if (shown.length === 0) return;
  for (const file of shown) {
    const text = readFileSync(posix.join(folder, file), 'utf8');
    writeFileSync(posix.join(folder, `${file}.html`), pageOf(posix.basename(file), text));
    rmSync(posix.join(folder, file));
  }
  for (const page of globSync('**/*.html', { cwd: folder })) {
    const file = posix.join(folder, page);
    const before = readFileSync(file, 'utf8');
    const after = before.replaceAll(
      /(href="(?:\.\.\/)*)(media\/[^"#]+)(?=["#])/g,
      (whole, start: string, to: string) => (shown.includes(to) ? `${start}${to}.html` : whole),
    );
    if (after !== before) writeFileSync(file, after);
  }
}

const pageOf = (title: string, text: string): string => `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>${escaped(title)} · tillpaid</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="stylesheet" href="../assets/style.css"><link rel="stylesheet" href="../assets/custom.css"></head>
<body class="file"><p><a href="../index.html">tillpaid</a> / ${escaped(title)}</p><pre><code>${escaped(text)}</code></pre></body></html>
`;

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
