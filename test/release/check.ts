import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { env, stdout } from 'node:process';
import { root } from '../outside/packed.ts';

/**
 * `npm run check`: all that is not a test, several at a time. What fails is shown whole, once all are through, with the
 * command that shows it alone.
 */
interface Step {
  readonly command: string;
  /** It reads what the build writes. */
  readonly needsBuild?: true;
}

/** The longest first. */
const steps: readonly Step[] = [
  { command: 'npm run build --silent' },
  { command: 'eslint .' },
  { command: 'tsc -p tsconfig.json' },
  { command: 'node test/outside/main.ts', needsBuild: true },
  { command: 'node test/release/api.ts', needsBuild: true },
  { command: 'knip --no-progress' },
  { command: 'attw --pack . --profile esm-only', needsBuild: true },
  { command: 'node bench/size.ts', needsBuild: true },
  { command: 'publint --strict', needsBuild: true },
  { command: 'node test/release/tarball.ts', needsBuild: true },
  { command: 'biome format .' },
];

/** What it printed, where it failed. */
async function failureOf({ command }: Step): Promise<string | undefined> {
  const startedAt = performance.now();
  // No pack builds anew under those that read what was built.
  const child = spawn(command, { cwd: root, shell: true, env: { ...env, npm_config_ignore_scripts: 'true' } });
  const printed: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => printed.push(chunk));
  const code = await new Promise<number | null>(resolve => child.on('close', resolve));
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  stdout.write(`${code === 0 ? 'passed' : 'FAILED'} ${seconds.padStart(6)} s  ${command}\n`);
  return code === 0 ? undefined : `\n== ${command}\n${Buffer.concat(printed).toString()}`;
}

const build = Promise.withResolvers<boolean>();
const failures: string[] = [];

/** Takes one step after another, in their order; what needs the build waits for it, and is left out where it failed. */
async function take(waiting: Step[]): Promise<void> {
  for (let step = waiting.shift(); step !== undefined; step = waiting.shift()) {
    if (step.needsBuild === true && !(await build.promise)) continue;
    const failure = await failureOf(step);
    if (step === steps[0]) build.resolve(failure === undefined);
    if (failure !== undefined) failures.push(failure);
  }
}

const waiting = [...steps];
const startedAt = performance.now();
await Promise.all(Array.from({ length: Math.min(4, availableParallelism()) }, () => take(waiting)));
stdout.write(
  `${failures.length === 0 ? 'passed' : 'FAILED'} ${((performance.now() - startedAt) / 1000).toFixed(1).padStart(6)} s\n`,
);
if (failures.length > 0) {
  console.error(failures.join('\n'));
  process.exitCode = 1;
}
