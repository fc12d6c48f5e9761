import { existsSync, globSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = new URL('../', import.meta.url);
const textOf = (file: string): string => readFileSync(new URL(file, root), 'utf8');
const here = (pattern: string): string[] => globSync(pattern, { cwd: root }).map(file => file.replaceAll('\\', '/'));

/** What is true today; the changelog tells of what was. */
const pages = [...here('*.md'), ...here('docs/*.md'), ...here('src/adapters/*/README.md')]
  .filter(page => page !== 'CHANGELOG.md')
  .sort();
const sources = here('src/**/*.ts').sort();
const code = [...sources, ...here('test/**/*.ts'), ...here('bench/*.ts'), ...here('examples/**/*.ts')];

/** `src/adapters/<name>/codes.ts` and `src/*.ts` stand for many. */
const isThere = (path: string): boolean => here(path.replaceAll(/<\w+>/g, '*')).length > 0;

describe('the pages name what is there', () => {
  it('there are pages to look at', () => {
    expect(pages).toEqual(
      expect.arrayContaining([
        'README.md',
        'AGENTS.md',
        'docs/architecture.md',
        'docs/doctrine.md',
        'src/adapters/qfpay/README.md',
      ]),
    );
  });

  it.each(pages)('%s names no path of the repository that does not exist', page => {
    const named = [...textOf(page).matchAll(/(?<![\w/.-])(?:src|test|docs|examples|bench)\/[\w<>*./-]*[\w>*/]/g)].map(
      ([path]) => path,
    );
    expect(named.filter(path => !isThere(path) && !isThere(`${path}.test.ts`))).toEqual([]);
  });

  it.each(pages)('%s links to files that exist', page => {
    const links = [...textOf(page).matchAll(/\]\((?![a-z]+:|#)([^)#\s]+)(?:#[^)]*)?\)/g)].map(([, link = '']) => link);
    expect(links.filter(link => !existsSync(new URL(posix.join(posix.dirname(page), link), root)))).toEqual([]);
  });

  it('the package has every page and folder that its README names', () => {
    const { files } = JSON.parse(textOf('package.json')) as { files: string[] };
    const named = [...textOf('README.md').matchAll(/\]\((?![a-z]+:|#)([^)#\s]+)|`(examples|docs)\//g)].map(
      ([, page, folder]) => page ?? folder ?? '',
    );
    const packed = (path: string): boolean => files.some(file => path === file || path.startsWith(`${file}/`));
    expect(named.filter(path => !packed(path))).toEqual([]);
    expect(named.length).toBeGreaterThan(5);
  });

  it('money-safety.md says of each file what is in it', () => {
    const pairs = [...textOf('docs/money-safety.md').matchAll(/`(src\/[\w/.-]+)`: ((?:`[^`]+`(?:, )?)+)/g)];
    const missing = pairs.flatMap(([, file = '', names = '']) =>
      [...names.matchAll(/`#?(\w+)(?:\(\))?`/g)]
        .filter(([, name = '']) => !new RegExp(`\\b${name}\\b`).test(textOf(file)))
        .map(([, name = '']) => `${file}: ${name}`),
    );
    expect(missing).toEqual([]);
    expect(pairs.length).toBeGreaterThan(10);
  });

  it('architecture.md draws each file in its room', () => {
    const [, drawing = ''] = textOf('docs/architecture.md').split('```');
    let room = '';
    const drawn = drawing.split('\n').flatMap(line => {
      const [, named, file] = /^(?:(\w+)\/)? +([\w-]+\.ts) /.exec(line) ?? [];
      room = named ?? room;
      return file === undefined ? [] : [`src/${room}/${file}`];
    });
    expect(drawn.filter(file => !sources.includes(file))).toEqual([]);
    expect(drawn.length).toBeGreaterThan(10);
    const aside = [...drawing.matchAll(/(?<=[\s(/])[\w-]+\.ts/g)].map(([name]) => name);
    expect(
      aside.filter(name => !sources.some(file => file.endsWith(`/${name}`)) && !sources.includes(`src/${name}`)),
    ).toEqual([]);
  });
});

describe('the doctrine', () => {
  const numbers = [...textOf('docs/doctrine.md').matchAll(/^(\d+)\. \*\*/gm)].map(([, number]) => Number(number));

  it('is numbered without a gap, and says of each rule why', () => {
    expect(numbers).toEqual(Array.from({ length: 17 }, (_each, index) => index + 1));
    const rules = textOf('docs/doctrine.md')
      .split(/^(?=\d+\. \*\*)/m)
      .slice(1);
    expect(rules.filter(rule => !rule.includes('*Why:*'))).toEqual([]);
  });

  it('has every rule that is cited', () => {
    const cited = [...code, ...pages].flatMap(file =>
      [...textOf(file).matchAll(/\bdoctrine ((?:\d+(?:, | and | to )?)+)/gi)].flatMap(([, list = '']) =>
        [...list.matchAll(/\d+/g)].map(([number]) => ({ file, rule: Number(number) })),
      ),
    );
    expect(cited.filter(({ rule }) => !numbers.includes(rule))).toEqual([]);
    expect(cited.length).toBeGreaterThan(20);
  });

  it('is cited by rule: no comment sends its reader to a section of something else', () => {
    expect(code.filter(file => file !== 'test/docs.test.ts' && /\bsection \d/i.test(textOf(file)))).toEqual([]);
  });
});
