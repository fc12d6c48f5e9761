import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout } from 'node:timers/promises';

export interface Work {
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly queries: number;
  /** How long the event loop was held up, in milliseconds: the median, the 99th percentile, and the longest. */
  readonly heldUpMs: readonly [p50: number, p99: number, longest: number];
}

/** What the event loop, the processor and the gateway do while `work` runs. */
export async function observe(queries: () => number, work: () => Promise<unknown>): Promise<Work> {
  const loop = monitorEventLoopDelay({ resolution: 1 });
  const before = queries();
  const cpu = process.cpuUsage();
  const startedMs = performance.now();
  loop.enable();
  await work();
  const wallMs = performance.now() - startedMs;
  const { user, system } = process.cpuUsage(cpu);
  // What held it up to the end is seen by the next turn.
  await setTimeout(2);
  loop.disable();
  // It counts from one look to the next: a millisecond of each is its own.
  const heldUp = [loop.percentile(50), loop.percentile(99), loop.max].map(ns => Math.max(0, ns / 1e6 - 1));
  const [p50 = 0, p99 = 0, longest = 0] = heldUp;
  return { wallMs, cpuMs: (user + system) / 1000, queries: queries() - before, heldUpMs: [p50, p99, longest] };
}
