import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { env, execPath } from 'node:process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export const root: string = fileURLToPath(new URL('../../', import.meta.url));
export const modules: string = join(root, 'node_modules');

export interface Manifest {
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
}

export const manifest: Manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest;

const execute = promisify(execFile);

/**
 * What it printed on its standard output.
 *
 * @throws {Error} with all that it printed, when it fails
 */
export async function run(cwd: string, command: string, ...parameters: readonly string[]): Promise<string> {
  try {
    return (await execute(command, parameters, { cwd, maxBuffer: 64 * 2 ** 20 })).stdout;
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    throw new Error(`${command} ${parameters.join(' ')} failed:\n${stdout}${stderr}`, { cause: error });
  }
}

/** npm: the one that runs this script, if there is one. */
export const npm = (cwd: string, ...parameters: readonly string[]): Promise<string> => {
  const file = env['npm_execpath'];
  return file === undefined ? run(cwd, 'npm', ...parameters) : run(cwd, execPath, file, ...parameters);
};

/**
 * Makes of an empty folder a project that has the package as it is published, and nothing else of this repository. It
 * packs what `npm run build` has built, and needs no network: what the package depends on is linked from here, and so is
 * what is named beside.
 */
export async function installPacked(project: string, beside: readonly string[] = []): Promise<void> {
  const place = join(project, 'node_modules', 'tillpaid');
  mkdirSync(place, { recursive: true });
  await npm(project, 'pack', root, '--pack-destination', project, '--ignore-scripts', '--silent');
  const { version, dependencies } = manifest;
  await run(project, 'tar', '-xzf', join(project, `tillpaid-${version}.tgz`), '-C', place, '--strip-components=1');
  for (const name of [...Object.keys(dependencies), ...beside]) {
    const link = join(project, 'node_modules', name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(modules, name), link, 'junction');
  }
  writeFileSync(
    join(project, 'package.json'),
    JSON.stringify({ private: true, type: 'module', dependencies: { tillpaid: version } }),
  );
}
