import { globSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { root } from './doors.ts';

/** A page of the documentation, as `docs/README.md` lists it. */
export interface Guide {
  /** Below the repository's root. */
  readonly file: string;
  readonly title: string;
  /** The heading that it stands under. */
  readonly group: string;
}

const index = 'docs/README.md';
const textOf = (file: string): string => readFileSync(posix.join(root, file), 'utf8');

/**
 * Every page that the index links to, in its order; the index first. What it names twice stands where it is named first,
 * and a page of `docs/` that it does not name at the end.
 */
export function guides(): Guide[] {
  const found = new Map<string, Guide>([[index, { file: index, title: titleOf(index), group: 'Start here' }]]);
  let group = 'Start here';
  for (const line of textOf(index).split('\n')) {
    group = /^## (.+)$/.exec(line)?.[1] ?? group;
    for (const [, link = ''] of line.matchAll(/\]\(([\w./-]+\.md)(?:#[\w-]*)?\)/g)) {
      const file = posix.join(posix.dirname(index), link);
      if (!found.has(file) && file !== 'README.md') found.set(file, { file, title: titleOf(file), group });
    }
  }
  for (const page of globSync('docs/*.md', { cwd: root }).sort()) {
    const file = page.replaceAll('\\', '/');
    if (!found.has(file)) found.set(file, { file, title: titleOf(file), group: 'More' });
  }
  return [...found.values()];
}

/** The doors, each in a sentence, by what the index's table says: `<name>` stands for every provider. */
export function sentenceOf(door: string): string | undefined {
  const names = globSync('src/adapters/*', { cwd: root }).map(folder => posix.basename(folder.replaceAll('\\', '/')));
  for (const [, pattern = '', sentence] of textOf(index).matchAll(/^\| `(tillpaid[\w/<>-]*)` \| (.+?) \|$/gm))
    if (new RegExp(`^${pattern.replace('<name>', `(?:${names.join('|')})`)}$`).test(door)) return sentence;
  return undefined;
}

const titleOf = (file: string): string => (/^# (.+)$/m.exec(textOf(file))?.[1] ?? file).replaceAll('`', '');
