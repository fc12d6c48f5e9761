import { printable } from '../core/printable.ts';

/** Where a command writes, and what it may ask of the terminal and of the process. */
export interface Console {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  /** All of standard input. */
  readonly stdin: () => Promise<string>;
  /** Asks whoever sits at the terminal for a yes. Missing: nobody does. */
  readonly confirm?: ((question: string) => Promise<boolean>) | undefined;
  /** Standard output is a terminal that shows colours. */
  readonly colors: boolean;
  /** How wide it is. */
  readonly columns: number;
  /** The process's environment. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborts when a person ends the command (Ctrl-C). */
  readonly interrupted: AbortSignal;
}

export interface Styles {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly open: (text: string) => string;
}

export function stylesFor({ colors }: Pick<Console, 'colors'>): Styles {
  const style =
    (on: number, off: number) =>
    (text: string): string =>
      colors && text !== '' ? `\u001b[${on}m${text}\u001b[${off}m` : text;
  return { bold: style(1, 22), dim: style(2, 22), good: style(32, 39), bad: style(31, 39), open: style(33, 39) };
}

/** As JSON, for a person or a program: what a terminal would obey or turn around is escaped. */
export const asJson = (value: unknown): string => `${harmless(JSON.stringify(value, null, 2))}\n`;

/** The same in one line. */
export const lineOfJson = (value: unknown): string => `${harmless(JSON.stringify(value))}\n`;

const harmless = (json: string): string =>
  json.replaceAll(/(?!\n)[\p{Cc}\p{Cf}\u2028\u2029]/gu, each =>
    Array.from({ length: each.length }, (_unit, at) => `\\u${each.charCodeAt(at).toString(16).padStart(4, '0')}`).join(
      '',
    ),
  );

/** A time as a person says it. */
export function timeOf(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${Number((ms / 1000).toFixed(1))} s`;
  const seconds = Math.round(ms / 1000);
  const [minutes, rest] = [Math.floor(seconds / 60), seconds % 60];
  return rest === 0 ? `${minutes} min` : `${minutes} min ${rest} s`;
}

/** The two largest units of a time: how long ago, or until, as a person says it. */
function roughly(ms: number): string {
  if (ms < 3_600_000) return timeOf(Math.max(1, Math.round(ms / 1000)) * 1000);
  const hours = Math.round(ms / 3_600_000);
  if (hours < 48) return `${hours} h`;
  return `${Math.round(hours / 24)} days`;
}

/** An instant, and how far away it is. */
export function whenOf(at: string, nowMs: number): string {
  const byMs = nowMs - Date.parse(at);
  return `${printable(at)} (${byMs >= 0 ? `${roughly(byMs)} ago` : `in ${roughly(-byMs)}`})`;
}

/** A text in lines of at most so many characters; a word that is longer has a line of its own. */
export function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}

/** Lines beside a label: `  to do   Ask the gateway.` */
export function labelledBy(
  { columns }: Pick<Console, 'columns'>,
  { dim }: Styles,
  label: number,
): (name: string, text: string) => string[] {
  const width = Math.max(40, Math.min(columns, 120) - label - 2);
  return (name, text) =>
    wrapped(text, width).map((line, index) => `  ${dim((index === 0 ? name : '').padEnd(label))}${line}`);
}
