import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execPath } from 'node:process';
import { build as esbuild, transform } from 'esbuild';
import { build as vite } from 'vite';
import { installPacked, manifest, modules, root, run } from './packed.ts';

/**
 * The package as an outside user has it: packed, unpacked in an empty project, without network. There
 * - the example provider and a shop that uses every door type-check as strictly as TypeScript can,
 * - the provider keeps the contract under `node:test`,
 * - README's first example prints what README says, however the project is set up,
 * - and the command line knows its own tables.
 *
 * It packs what `npm run build` has built. What the package depends on is linked from here.
 */
const project = mkdtempSync(join(tmpdir(), 'tillpaid-outside-'));
const at = (...names: readonly string[]): string => join(project, ...names);
const node = (...parameters: readonly string[]): Promise<string> => run(project, execPath, ...parameters);

/** How many checks of the adapter contract passed. */
async function contract(): Promise<number> {
  const printed = await node('--test', '--test-reporter=tap', 'own-provider-contract.ts');
  const passed = Number(/^# pass (\d+)$/m.exec(printed)?.[1] ?? 0);
  if (passed < 15) throw new Error(`The contract registered ${passed} checks, too few to be one:\n${printed}`);
  return passed;
}

async function commandLine(): Promise<void> {
  const bin = at('node_modules', 'tillpaid', 'dist', 'cli', 'main.js');
  const explained = JSON.parse(await node(bin, 'explain', 'qfpay', '1298', '--json')) as { listed: boolean };
  if (!explained.listed) throw new Error('The command line does not know a code of its own tables.');
}

/** The set-ups that README's first example was run with. */
async function firstExample(): Promise<readonly string[]> {
  const [, said] = /```ts\n.*?```\n\n```text\n(.*?)```/s.exec(readFileSync(join(root, 'README.md'), 'utf8')) ?? [];
  if (said === undefined) throw new Error('README.md has no block of code with what it prints after it.');
  return Promise.all(
    Object.entries(setUps).map(async ([name, make]) => {
      const printed = await node(await make());
      if (printed !== said) throw new Error(`With ${name} README's first example printed:\n${printed}`);
      return name;
    }),
  );
}

/** Each makes a file that Node can run of `first.ts`. */
const setUps: Readonly<Record<string, () => Promise<string>>> = {
  // What is strict with the one setting may not be with the other, and users have both.
  nodenext: () => compiled('nodenext', { module: 'NodeNext', exactOptionalPropertyTypes: true }),
  'bundler resolution': () =>
    compiled('bundler', { module: 'ESNext', moduleResolution: 'Bundler', exactOptionalPropertyTypes: false }),
  async esbuild() {
    const outfile = at('esbuild', 'first.js');
    await esbuild({
      entryPoints: [at('first.ts')],
      outfile,
      bundle: true,
      format: 'esm',
      absWorkingDir: project,
      tsconfigRaw: {},
      logLevel: 'error',
    });
    return outfile;
  },
  async vite() {
    await vite({
      root: project,
      configFile: false,
      logLevel: 'error',
      build: {
        outDir: 'vite',
        target: 'es2022',
        lib: { entry: at('first.ts'), formats: ['es'], fileName: () => 'first.js' },
      },
    });
    return at('vite', 'first.js');
  },
  async 'plain JavaScript'() {
    writeFileSync(at('first.js'), await javaScript());
    return at('first.js');
  },
  /** Node 22.12 and later load modules that way. */
  async 'require()'() {
    const required = (await javaScript()).replaceAll(
      /^import (.+) from (".+");$/gm,
      (_line, names: string, from: string) =>
        `const ${names.startsWith('{') ? names : `{ default: ${names} }`} = require(${from});`,
    );
    writeFileSync(at('first.cjs'), `(async () => {\n${required}\n})();\n`);
    return at('first.cjs');
  },
};

/** The example as one writes it without types. */
const javaScript = async (): Promise<string> =>
  (await transform(readFileSync(at('first.ts'), 'utf8'), { loader: 'ts', format: 'esm' })).code;

/** By tsc, with all else of the project: what it finds fault with ends all. */
async function compiled(name: string, options: object): Promise<string> {
  const config = at(`tsconfig.${name}.json`);
  const compilerOptions = {
    target: 'ES2023',
    types: ['node'],
    outDir: name,
    strict: true,
    noUncheckedIndexedAccess: true,
    erasableSyntaxOnly: true,
    verbatimModuleSyntax: true,
    rewriteRelativeImportExtensions: true,
    skipLibCheck: false,
    ...options,
  };
  writeFileSync(
    config,
    JSON.stringify({ compilerOptions, files: ['first.ts', 'shop.ts', 'own-provider-contract.ts'] }),
  );
  await node(join(modules, 'typescript', 'bin', 'tsc'), '-p', config);
  return at(name, 'first.js');
}

try {
  await installPacked(project, ['@types/node']);
  for (const file of ['examples/own-provider.ts', 'examples/own-provider-contract.ts', 'examples/first.ts'])
    cpSync(join(root, file), at(file.replace('examples/', '')));
  cpSync(join(root, 'test', 'outside', 'shop.ts'), at('shop.ts'));
  const [checks, setUps] = await Promise.all([contract(), firstExample(), commandLine()]);
  console.log(
    `outside: tillpaid ${manifest.version} from its tarball; tsc is content, ${checks} checks of the contract passed; ` +
      `README's first example runs with ${setUps.join(', ')}`,
  );
} finally {
  rmSync(project, { recursive: true, force: true });
}
