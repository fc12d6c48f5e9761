import { bad, dim, good } from '../demo/draw.ts';

export interface Progress {
  /** What is shown now. On a terminal it replaces what was shown before; elsewhere it is a line only when `isNews`. */
  show(settled: number, of: number, words: string): void;
  /** A line that stays. */
  say(words: string): void;
  end(): void;
}

const BAR = 40;
const EVERY_MS = 3000;

/** One line that is redrawn on a terminal, plain lines elsewhere. */
export function showProgress(beganAtMs: number): Progress {
  const { stdout } = process;
  const isLive = stdout.isTTY && stdout.columns >= 90;
  let shownAtMs = 0;
  const clock = (): string => `${((Date.now() - beganAtMs) / 1000).toFixed(1).padStart(5)} s`;
  const clear = (): void => {
    if (isLive) stdout.write('\r\u001b[K');
  };
  return {
    show(settled, of, words) {
      const full = Math.round((settled / of) * BAR);
      const bar = good('█'.repeat(full)) + dim('░'.repeat(BAR - full));
      const line = ` ${clock()}  ${bar} ${String(settled).padStart(3)} of ${of} settled  ${words}`;
      if (isLive) stdout.write(`\r\u001b[K${line}`);
      else if (Date.now() - shownAtMs >= EVERY_MS) {
        shownAtMs = Date.now();
        console.log(` ${clock()}  ${settled} of ${of} settled  ${words}`);
      }
    },
    say(words) {
      clear();
      console.log(` ${clock()}  ${words.replace('SIGKILL', bad('SIGKILL'))}`);
    },
    end: clear,
  };
}
