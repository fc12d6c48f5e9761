#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { text } from 'node:stream/consumers';
import { run } from './run.ts';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};
const { stdout, stderr, stdin, env } = process;
// Whoever reads only the first lines (`| head`) has what he wants.
stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

/** Asked on standard error: standard output may be a file. */
async function confirm(question: string): Promise<boolean> {
  const asked = createInterface({ input: stdin, output: stderr });
  try {
    return /^y(?:es)?$/i.test((await asked.question(`${question} [y/N] `)).trim());
  } finally {
    asked.close();
  }
}

const ending = new AbortController();

process.exitCode = await run(process.argv.slice(2), version, {
  stdout: written => void stdout.write(written),
  stderr: written => void stderr.write(written),
  stdin: () => text(stdin),
  confirm: stdin.isTTY && stderr.isTTY ? confirm : undefined,
  colors: stdout.isTTY && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb',
  columns: stdout.columns || 100,
  env,
  get interrupted() {
    // Only who looks at it changes what Ctrl-C does; a second one ends the process as ever.
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ending.abort());
    return ending.signal;
  },
});
