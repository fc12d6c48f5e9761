import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { thirdParty } from './licences.ts';

const textOf = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

interface Manifest {
  readonly version: string;
  readonly engines: { readonly node: string };
  readonly scripts: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
}
const { version, engines, scripts, peerDependencies } = JSON.parse(textOf('package.json')) as Manifest;

/** Each `@deprecated` of the sources, to the end of its comment, with the name that it stands over. */
const marks = readdirSync(new URL('../../src/', import.meta.url), { recursive: true, encoding: 'utf8' })
  .filter(name => name.endsWith('.ts'))
  .flatMap(name => [
    ...textOf(`src/${name}`).matchAll(/@deprecated (.*?)\*\/\s+(?:export |readonly |const |function |type )*(\w+)/gs),
  ])
  .map(([, text = '', name = '']) => ({ name, text: text.replaceAll(/\s*\n\s*\*?\s*/g, ' ').trim() }));

const oldNames = [...textOf('docs/upgrade.md').matchAll(/^\| `(?:\w+\.)?(\w+)` \| (.+) \| (\d+\.\d+\.\d+) \|$/gm)].map(
  ([, name = '', , ends = '']) => ({ name, ends }),
);

/** Whether a release comes before another. */
const isBefore = (one: string, other: string): boolean => one.localeCompare(other, 'en', { numeric: true }) < 0;

describe('an old name that still works', () => {
  it('says what to use instead, and the release that it ends with', () => {
    expect(marks.filter(({ text }) => !/^Use `.+`\. Ends with \d+\.\d+\.\d+\.$/.test(text))).toEqual([]);
    expect(marks.length).toBeGreaterThan(0);
  });

  it('stands in docs/upgrade.md with its end, and nothing else does', () => {
    const marked = new Map(marks.map(({ name, text }) => [name, /(\d+\.\d+\.\d+)\.$/.exec(text)?.[1]]));
    expect(new Map(oldNames.map(({ name, ends }) => [name, ends]))).toEqual(marked);
  });

  it('is gone by the release that it ends with', () => {
    expect(oldNames.filter(({ ends }) => !isBefore(version, ends))).toEqual([]);
    expect([isBefore('0.2.9', '0.3.0'), isBefore('0.10.0', '0.3.0'), isBefore('0.3.0', '0.3.0')]).toEqual([
      true,
      false,
      false,
    ]);
  });
});

describe('the licences', () => {
  it('of all that an installation brings are permitted, and listed', () =>
    expect(textOf('THIRD-PARTY.md')).toBe(thirdParty()));
});

describe('the workflow of a public host', () => {
  const workflow = textOf('.github/workflows/ci.yml');

  it('tests the oldest Node that the package says it runs on', () => {
    expect(workflow).toContain(`'${engines.node.replace('>=', '')}'`);
  });

  it.each([
    '.github/workflows/ci.yml',
    '.github/workflows/release.yml',
    'CONTRIBUTING.md',
    'docs/runtimes.md',
    '.ci/run',
  ])('runs scripts that there are: %s', page => {
    const named = [...textOf(page).matchAll(/\bnpm run ([\w:-]+)/g)].map(([, name = '']) => name);
    expect(named.filter(name => !Object.hasOwn(scripts, name))).toEqual([]);
    expect(named.length).toBeGreaterThan(0);
  });

  it('takes actions by their commit, not by a name that may be moved', () => {
    for (const page of [workflow, textOf('.github/workflows/release.yml')])
      expect(
        [...page.matchAll(/uses: (\S+)/g)]
          .map(([, action = '']) => action)
          .filter(action => !/@[0-9a-f]{40}$/.test(action)),
      ).toEqual([]);
  });
});

describe('a release', () => {
  const release = textOf('.github/workflows/release.yml');
  const [, publish = ''] = release.split(/^ {2}publish:$/m);

  it('is published by a job that runs no test, no check and no script of a package', () => {
    expect(release.match(/id-token: write/g)).toHaveLength(1);
    expect(publish).toContain('id-token: write');
    expect([...publish.matchAll(/- run: (.+)/g)].map(([, run]) => run)).toEqual([
      'npm ci --ignore-scripts',
      'npm publish',
    ]);
    expect(publish).toContain('needs: check');
  });

  it('can be installed beside any vitest: only types are of it, and whoever has another one still pays', () => {
    expect(peerDependencies['vitest']).toBe('*');
  });
});
