import { fork } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Line } from './chronicle.ts';
import type { DiskNews } from './disk.ts';
import type { Message, Task } from './messages.ts';

/** A process that was started. */
export interface Party {
  readonly name: string;
  readonly pid: number;
  /** How it ended: `true` when it was killed. */
  readonly ended: Promise<boolean>;
  /** It has stopped itself. */
  readonly stopped: Promise<void>;
  readonly ready: Promise<void>;
  /** It has done all that it was to do. */
  readonly done: Promise<void>;
  signal(signal: NodeJS.Signals): void;
  /** It ends at once, if it has not ended yet. */
  end(): void;
  tell(news: DiskNews): void;
}

/** Of each process most of the time would be spent on compiling the same again. */
const CACHE = join(tmpdir(), 'tillpaid-crash-compiled');
const { env: environment } = process;
const child = fileURLToPath(new URL('child.ts', import.meta.url));
/** @param hear gets whatever it says, and how it ended */
export function start(task: Task, hear: (line: Line) => void): Party {
  const process = fork(child, [JSON.stringify(task)], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    env: { ...environment, NODE_COMPILE_CACHE: CACHE },
  });
  const heard = (line: Omit<Line, 'atMs' | 'process'>): void => hear({ atMs: Date.now(), process: task.name, ...line });
  const waiting = new Map<Message['type'], () => void>();
  const until = (type: Message['type']): Promise<void> => new Promise(resolve => void waiting.set(type, resolve));
  const [ready, stopped, done] = [until('ready'), until('stopping'), until('done')];
  process.on('message', (message: Message) => {
    heard({ message });
    waiting.get(message.type)?.();
  });
  let complaint = '';
  process.stderr?.on('data', (text: Buffer) => (complaint += text.toString()));
  const ended = once(process, 'exit').then(([code, signal]) => {
    heard({ words: 'ended' });
    if (signal === 'SIGKILL') return true;
    if (code !== 0) throw new Error(`${task.name} ended with ${String(code ?? signal)}:\n${complaint}`);
    return false;
  });
  return {
    name: task.name,
    pid: process.pid ?? 0,
    ...{ ended, stopped, ready, done },
    signal(signal) {
      heard({ words: signal });
      process.kill(signal);
    },
    end: () => void process.kill('SIGKILL'),
    tell(news) {
      heard({ words: `the disk: ${news}` });
      if (process.connected) process.send(news);
    },
  };
}
