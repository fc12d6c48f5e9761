import { cpSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { argv } from 'node:process';
import { CompilerState, Extractor, ExtractorConfig, ExtractorLogLevel } from '@microsoft/api-extractor';
import { doors } from './doors.ts';
import { root } from '../outside/packed.ts';

/**
 * The public surface, door by door, as text: `api/<door>.api.md`. Whoever changes what users see changes a line there,
 * and a reviewer sees it.
 *
 * `npm run api` writes the reports; without `--write` this compares them with what `npm run build` has built, and fails
 * where they differ.
 */
const isWriting = argv.includes('--write');
const committed = join(root, 'api');
const made = mkdtempSync(join(tmpdir(), 'tillpaid-api-'));

/** Where types that no door exports are written out: a base of theirs is seen through what extends it. Once is enough. */
const withHidden: ReadonlySet<string> = new Set(['tillpaid', 'adapter', 'journal', 'testing']);

const silent = { default: { logLevel: ExtractorLogLevel.None } };

/** As a user's project reads declarations, whatever this repository's own settings are. */
const overrideTsconfig = {
  compilerOptions: {
    target: 'ES2023',
    lib: ['ES2024', 'DOM', 'DOM.Iterable', 'DOM.AsyncIterable'],
    module: 'NodeNext',
    types: ['node'],
    strict: true,
    noEmit: true,
    allowImportingTsExtensions: true,
    skipLibCheck: true,
  },
  include: ['dist'],
};

/** One program of TypeScript for all doors. */
function report(): void {
  const configs = doors().map(({ name, types }) =>
    ExtractorConfig.prepare({
      configObject: {
        projectFolder: root,
        mainEntryPointFilePath: join(root, types),
        newlineKind: 'lf',
        compiler: { overrideTsconfig },
        apiReport: {
          enabled: true,
          reportFileName: `${name}.api.md`,
          reportFolder: made,
          reportTempFolder: join(made, 'temp'),
          // A base that no door exports is seen through the types that extend it.
          includeForgottenExports: withHidden.has(name),
        },
        docModel: { enabled: false },
        dtsRollup: { enabled: false },
        tsdocMetadata: { enabled: false },
        messages: {
          extractorMessageReporting: silent,
          tsdocMessageReporting: silent,
        },
      },
      configObjectFullPath: undefined,
      packageJsonFullPath: join(root, 'package.json'),
    }),
  );
  const [first, ...others] = configs;
  if (first === undefined) throw new Error('package.json exports no types.');
  const compilerState = CompilerState.create(first, {
    additionalEntryPoints: others.map(({ mainEntryPointFilePath }) => mainEntryPointFilePath),
  });
  for (const config of configs) {
    const { errorCount } = Extractor.invoke(config, {
      compilerState,
      localBuild: true,
      messageCallback: message => {
        message.handled = message.logLevel !== ExtractorLogLevel.Error;
      },
    });
    if (errorCount > 0) throw new Error(`${config.mainEntryPointFilePath}: API Extractor found ${errorCount} errors.`);
  }
  rmSync(join(made, 'temp'), { recursive: true, force: true });
  for (const name of readdirSync(made)) writeFileSync(join(made, name), tidied(readFileSync(join(made, name), 'utf8')));
}

/** Without what says nothing of the surface. */
const tidied = (text: string): string => text.replaceAll(/^ *\/\/ \(undocumented\)\n/gm, '').trimEnd() + '\n';

/** How each report differs from the committed one: the lines that went, and those that came. */
function compare(): string[] {
  const names = new Set([committed, made].flatMap(folder => (existsSync(folder) ? readdirSync(folder) : [])));
  return [...names].sort().flatMap(name => {
    const [before = '', now = ''] = [committed, made].map(folder => contentOf(join(folder, name)));
    if (before === now) return [];
    const gone = linesBeyond(before, now).map(line => `- ${line}`);
    const come = linesBeyond(now, before).map(line => `+ ${line}`);
    return [[`api/${name}`, ...gone, ...come].join('\n')];
  });
}

const contentOf = (file: string): string => (existsSync(file) ? readFileSync(file, 'utf8') : '');

/** The lines of a text that another one has not, or not as often. */
function linesBeyond(text: string, other: string): string[] {
  const left = other.split('\n');
  return text.split('\n').filter(line => {
    const index = left.indexOf(line);
    if (index >= 0) left.splice(index, 1);
    return index < 0;
  });
}

function accept(): void {
  rmSync(committed, { recursive: true, force: true });
  cpSync(made, committed, { recursive: true });
}

try {
  report();
  const differing = isWriting ? [] : compare();
  if (isWriting) accept();
  if (differing.length > 0) {
    console.error(differing.join('\n\n'));
    console.error('\nThe public surface has changed. If that is meant: npm run api, and commit what it writes.');
    process.exitCode = 1;
  } else console.log(`api: ${readdirSync(made).length} doors${isWriting ? ' written' : ', as their reports say'}`);
} finally {
  rmSync(made, { recursive: true, force: true });
}
