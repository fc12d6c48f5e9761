import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * The package as an outside user has it: packed, unpacked in an empty project, without network. There the example
 * provider and a shop that uses every door must type-check as strictly as TypeScript can, and the provider keep the
 * contract under `node:test`.
 *
 * It packs what `npm run build` has built. What the package depends on is linked from here.
 */
const root = fileURLToPath(new URL('../../', import.meta.url));
const modules = join(root, 'node_modules');
const { version, dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  version: string;
  dependencies: Readonly<Record<string, string>>;
};

const project = mkdtempSync(join(tmpdir(), 'tillpaid-outside-'));
try {
  install();
  for (const file of ['own-provider.ts', 'own-provider-contract.ts'])
    cpSync(join(root, 'examples', file), join(project, file));
  cpSync(join(root, 'test', 'outside', 'shop.ts'), join(project, 'shop.ts'));
  const tsc = [join(modules, 'typescript', 'bin', 'tsc'), '-p', project];
  // What is strict with the one setting may not be with the other, and users have both.
  for (const exact of ['true', 'false']) run(process.execPath, ...tsc, '--exactOptionalPropertyTypes', exact);
  const printed = run(process.execPath, '--test', '--test-reporter=tap', 'own-provider-contract.ts');
  const passed = Number(/^# pass (\d+)$/m.exec(printed)?.[1] ?? 0);
  if (passed < 15) throw new Error(`The contract registered ${passed} checks, too few to be one:\n${printed}`);
  const bin = join(project, 'node_modules', 'tillpaid', 'dist', 'cli', 'main.js');
  const explained = JSON.parse(run(process.execPath, bin, 'explain', 'qfpay', '1298', '--json')) as { listed: boolean };
  if (!explained.listed) throw new Error('The command line does not know a code of its own tables.');
  console.log(`outside: tillpaid ${version} from its tarball; tsc is content, ${passed} checks of the contract passed`);
} finally {
  rmSync(project, { recursive: true, force: true });
}

/** An empty project that has the tarball, and nothing else of this repository. */
function install(): void {
  const place = join(project, 'node_modules', 'tillpaid');
  mkdirSync(place, { recursive: true });
  const npm = process.env['npm_execpath'];
  const pack = ['pack', root, '--pack-destination', project, '--ignore-scripts', '--silent'];
  if (npm === undefined) run('npm', ...pack);
  else run(process.execPath, npm, ...pack);
  run('tar', '-xzf', join(project, `tillpaid-${version}.tgz`), '-C', place, '--strip-components=1');
  for (const name of [...Object.keys(dependencies), '@types/node']) {
    const link = join(project, 'node_modules', name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(modules, name), link, 'junction');
  }
  writeFileSync(
    join(project, 'package.json'),
    JSON.stringify({ private: true, type: 'module', dependencies: { tillpaid: version } }),
  );
  writeFileSync(
    join(project, 'tsconfig.json'),
    JSON.stringify({
      compilerOptions: {
        target: 'ES2023',
        module: 'NodeNext',
        types: ['node'],
        noEmit: true,
        strict: true,
        exactOptionalPropertyTypes: true,
        noUncheckedIndexedAccess: true,
        erasableSyntaxOnly: true,
        verbatimModuleSyntax: true,
        allowImportingTsExtensions: true,
        skipLibCheck: false,
      },
      include: ['*.ts'],
    }),
  );
}

/** @throws {Error} with all that it printed, when it fails */
function run(command: string, ...parameters: readonly string[]): string {
  try {
    return execFileSync(command, parameters, { cwd: project, encoding: 'utf8', stdio: 'pipe' });
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    throw new Error(`${command} ${parameters.join(' ')} failed:\n${stdout}${stderr}`, { cause: error });
  }
}
