import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { format } from 'node:util';
import { manualClock } from 'tillpaid/testing';
import { vi } from 'vitest';
// What tillpaid loads when it is needed: here it is loaded before time moves.
import '../../src/client/cancel-at-deadline.ts';
import '../../src/client/receive.ts';
import type { Block } from './blocks.ts';
import { simulatedInternet } from './network.ts';

const printing = ['log', 'info', 'warn', 'error', 'table'] as const;

/**
 * Runs a block as `node` would run the file, in an empty folder of its own: on simulated gateways, and in time that jumps
 * to the next timer. Resolves to what it prints. A route that it exports is called with a notice that the order is
 * paid.
 */
export async function run(block: Block): Promise<string> {
  const lines: string[] = [];
  const home = process.cwd();
  const folder = mkdtempSync(join(tmpdir(), 'block-'));
  const listeners = new Set(process.listeners('SIGTERM'));
  for (const name of printing)
    vi.spyOn(console, name).mockImplementation((...given: unknown[]) => void lines.push(format(...given)));
  vi.stubGlobal('fetch', simulatedInternet());
  vi.useFakeTimers({
    toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date', 'performance'],
  });
  process.chdir(folder);
  try {
    await jumping(runAll(block));
    return lines.map(line => `${line}\n`).join('');
  } finally {
    process.chdir(home);
    rmSync(folder, { recursive: true, force: true });
    vi.useRealTimers();
    vi.unstubAllGlobals();
    vi.restoreAllMocks();
    for (const each of process.listeners('SIGTERM')) if (!listeners.has(each)) process.off('SIGTERM', each);
  }
}

async function runAll(block: Block): Promise<void> {
  const { POST: route } = (await import(/* @vite-ignore */ block.file)) as { POST?: unknown };
  if (typeof route !== 'function') return;
  const { request } = (await import(/* @vite-ignore */ block.surroundings[0] ?? '')) as { request: Request };
  const reply: unknown = await Reflect.apply(route, undefined, [request.clone()]);
  if (!(reply instanceof Response) || !reply.ok) throw new Error(`Its route does not take a notice that is genuine.`);
}

/** Whenever nothing more can happen before time moves, it moves. */
async function jumping(work: Promise<void>): Promise<void> {
  let isOver = (): boolean => false;
  const end = (): void => void (isOver = () => true);
  work.then(end, end);
  const clock = manualClock();
  while (!isOver()) {
    await clock.untilQuiet();
    vi.advanceTimersToNextTimer();
  }
  await work;
}
