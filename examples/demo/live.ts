import { axisLine, label, ruler, scaleFor, type Performance, type Seen } from './draw.ts';
import type { Mark, Scene } from './scenes.ts';

/** What is shown while the payments are on their way. */
export interface Live {
  /** Something was seen of a payment. */
  readonly seen: (scene: Scene, seen: Seen) => void;
  /** The payments have ended: what was drawn is cleared, since the report says it all again. */
  readonly end: () => void;
}

const FRAME_MS = 80;
const USUAL_LENGTH_MS = 5200;

/** On a terminal that is large enough all lines grow together; anywhere else each event is a line of its own. */
export function showLive(performances: readonly Performance[], nowMs: () => number): Live {
  const { stdout } = process;
  const fits = stdout.isTTY && stdout.columns >= 100 && stdout.rows >= performances.length + 3;
  return fits ? growing(performances, nowMs) : plain();
}

function growing(performances: readonly Performance[], nowMs: () => number): Live {
  const { stdout } = process;
  let drawn = 0;
  const clear = (): void => void stdout.write(drawn === 0 ? '' : `\u001b[${drawn}A\u001b[J`);
  const showCursor = (): void => void stdout.write('\u001b[?25h');
  const draw = (): void => {
    const now = nowMs();
    const scale = scaleFor(Math.max(USUAL_LENGTH_MS, now));
    const lines = [ruler(scale), ...performances.map(({ scene, marks }) => label(scene) + axisLine(marks, scale, now))];
    clear();
    stdout.write(`${lines.join('\n')}\n`);
    drawn = lines.length;
  };
  stdout.write('\u001b[?25l');
  process.once('exit', showCursor);
  process.once('SIGINT', () => process.exit(130));
  const timer = setInterval(draw, FRAME_MS);
  draw();
  return {
    seen: () => undefined,
    end() {
      clearInterval(timer);
      clear();
      showCursor();
    },
  };
}

function plain(): Live {
  return {
    seen(scene, { atMs, mark }) {
      const words = wordsFor(mark);
      if (words !== undefined) console.log(`${(atMs / 1000).toFixed(2).padStart(6)} s ${label(scene)}${words}`);
    },
    end: () => console.log(),
  };
}

function wordsFor(mark: Mark): string | undefined {
  switch (mark.type) {
    case 'answer':
      return `sent: ${mark.verdict.code} ${mark.verdict.reason}`;
    case 'status':
      return `asked: ${mark.verdict.code} ${mark.verdict.reason}`;
    case 'notice':
      return `told: ${mark.verdict.code} ${mark.verdict.reason}`;
    case 'lost':
      return `${mark.of === 'send' ? 'sent' : 'asked'}: lost (${mark.code})`;
    case 'settled':
      return mark.outcome;
    case 'process-ended':
      return 'its process ends';
    default:
      return undefined;
  }
}
