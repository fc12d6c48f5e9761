import { run } from '../../src/cli/run.ts';
import type { Console } from '../../src/cli/output.ts';

export interface Ran {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

type Given = Partial<Pick<Console, 'colors' | 'env' | 'confirm' | 'interrupted'>> & {
  readonly stdin?: string;
  /** Called with what is written, as it is written. */
  readonly onStdout?: (text: string) => void;
};

/** Runs a command line in this process. */
export async function tillpaid(words: readonly string[], { stdin = '', onStdout, ...given }: Given = {}): Promise<Ran> {
  let [stdout, stderr] = ['', ''];
  const exitCode = await run(words, '1.2.3', {
    stdout: text => {
      stdout += text;
      onStdout?.(text);
    },
    stderr: text => void (stderr += text),
    stdin: () => Promise.resolve(stdin),
    colors: false,
    columns: 100,
    env: {},
    interrupted: new AbortController().signal,
    ...given,
  });
  return { exitCode, stdout, stderr };
}
