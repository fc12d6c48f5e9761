import { stripVTControlCharacters, styleText } from 'node:util';
import type { Settlement, Verdict } from 'tillpaid';
import type { Mark, Scene } from './scenes.ts';

/** A payment as it was seen: marks at milliseconds since the curtain rose. */
export interface Performance {
  readonly scene: Scene;
  readonly marks: readonly Seen[];
  /** Each settlement on the way; the last is its end. */
  readonly settlements: readonly Settlement[];
}

export interface Seen {
  readonly atMs: number;
  readonly mark: Mark;
}

/** `NO_COLOR`, and an output that is no terminal, are obeyed by `styleText`. */
type Style = Parameters<typeof styleText>[0];
const paint = (style: Style, text: string): string => styleText(style, text, { stream: process.stdout });
export const dim = (text: string): string => paint('dim', text);
export const bold = (text: string): string => paint('bold', text);
export const good = (text: string): string => paint('green', text);
export const bad = (text: string): string => paint(['red', 'bold'], text);

const WIDTH = 100;
const LABEL = 28;
const AXIS = WIDTH - LABEL;

/** Milliseconds in one column, so that `endMs` is still on the axis. */
export const scaleFor = (endMs: number): number => Math.max(80, Math.ceil(endMs / (AXIS - 3) / 10) * 10);

interface Sign {
  readonly glyph: string;
  readonly style: Style;
  /** What the line after it means. */
  readonly then: 'wire' | 'wait' | 'nothing';
}

const sent: Sign = { glyph: '▸', style: ['cyan', 'bold'], then: 'wire' };
const asked: Sign = { glyph: '?', style: ['cyan', 'bold'], then: 'wire' };
const answered: Sign = { glyph: '○', style: 'yellow', then: 'wait' };
const told: Sign = { glyph: '◂', style: ['cyan', 'bold'], then: 'wait' };
const lost: Sign = { glyph: '×', style: ['red', 'bold'], then: 'wait' };
const ended: Sign = { glyph: '‖', style: 'magenta', then: 'nothing' };
const done: Sign = { glyph: '●', style: ['green', 'bold'], then: 'nothing' };
const notDone: Sign = { glyph: '■', style: ['blue', 'bold'], then: 'nothing' };
const stillOpen: Sign = { glyph: '◇', style: ['yellow', 'bold'], then: 'nothing' };

const lines: Readonly<Record<Sign['then'], readonly [glyph: string, style: Style]>> = {
  wire: ['━', 'cyan'],
  wait: ['┄', 'dim'],
  nothing: [' ', 'dim'],
};

function signOf(mark: Mark): Sign | undefined {
  switch (mark.type) {
    case 'send':
      return sent;
    case 'ask':
      return asked;
    case 'answer':
    case 'status':
      return answered;
    case 'notice':
      return told;
    case 'lost':
      return lost;
    case 'settled':
      return mark.outcome === 'succeeded' ? done : isOpen(mark.outcome) ? stillOpen : notDone;
    case 'process-ended':
      return ended;
    default:
      return undefined;
  }
}

const isOpen = (outcome: Settlement['outcome']): boolean =>
  outcome === 'created' || outcome === 'unresolved' || outcome === 'authorized';

/** One payment on the time axis, up to `nowMs`. Marks that fall into one column are moved on by one. */
export function axisLine(marks: readonly Seen[], msPerColumn: number, nowMs: number): string {
  let line = '';
  let column = 0;
  let before: Sign['then'] = 'nothing';
  const lineTo = (target: number): void => {
    const [glyph, style] = lines[before];
    const length = Math.min(target, AXIS) - column;
    if (length <= 0) return;
    line += paint(style, glyph.repeat(length));
    column += length;
  };
  for (const { atMs, mark } of marks) {
    const sign = signOf(mark);
    if (sign === undefined) continue;
    lineTo(Math.floor(atMs / msPerColumn));
    line += paint(sign.style, sign.glyph);
    column++;
    before = sign.then;
  }
  lineTo(Math.floor(nowMs / msPerColumn));
  return line;
}

export function ruler(msPerColumn: number): string {
  let line = '';
  for (let second = 0; ; second++) {
    const column = Math.round((second * 1000) / msPerColumn);
    if (column + 3 > AXIS) return dim(' '.repeat(LABEL) + line);
    line = `${line.padEnd(column)}${second} s`;
  }
}

const meanings: readonly (readonly [Sign, string])[] = [
  [sent, 'sent'],
  [asked, 'asked'],
  [answered, 'answered'],
  [told, 'webhook'],
  [lost, 'lost'],
  [done, 'done'],
  [notDone, 'not done'],
  [stillOpen, 'still open'],
  [ended, 'process ends'],
];

export const legend = (): string =>
  meanings.map(([{ style, glyph }, meaning]) => `${paint(style, glyph)} ${meaning}`).join('  ');

export const label = ({ number, title }: Scene): string =>
  `${dim(String(number).padStart(3))} ${title.padEnd(LABEL - 4)}`;

/** What happened, in words: `sent: 1145 processing · asked 2×: 1145 processing, 0000 approved`. */
function story(marks: readonly Seen[], wordFor: (verdict: Verdict) => string): string {
  const steps: { readonly verb: string; times: number; readonly came: string[] }[] = [];
  let isWaiting = false;
  let isSettled = false;
  const add = (verb: string, came?: string): void => {
    let step = steps.at(-1);
    if (step?.verb !== verb || isSettled) steps.push((step = { verb, times: 0, came: [] }));
    isSettled = false;
    step.times++;
    if (came !== undefined && step.came.at(-1) !== came) step.came.push(came);
  };
  for (const { mark } of marks) {
    if (mark.type === 'answer') add('sent', wordFor(mark.verdict));
    if (mark.type === 'status') add('asked', wordFor(mark.verdict));
    if (mark.type === 'notice') add('told', wordFor(mark.verdict));
    if (mark.type === 'lost') add(mark.of === 'send' ? 'sent' : 'asked', `lost (${mark.code.replace('network/', '')})`);
    if (mark.type === 'settled' && isOpen(mark.outcome)) add(mark.outcome);
    if (mark.type === 'process-ended' && isWaiting) add('sent, then killed');
    const sign = signOf(mark);
    if (sign !== undefined) isWaiting = sign.then === 'wire';
    if (mark.type === 'settled') isSettled = true;
  }
  const words = ({ verb, times, came }: (typeof steps)[number]): string =>
    (times > 1 ? `${verb} ${times}×` : verb) + (came.length > 0 ? `: ${came.join(', ')}` : '');
  return steps.map(words).join(' · ');
}

/** What happened, in one line: with the providers' codes where there is room for them. */
export function storyLine({ scene, marks }: Performance): string {
  const withCodes = story(marks, ({ code, reason }) => `${code} ${reason}`);
  const words = `${' '.repeat(4)}${scene.provider.name} `;
  return dim(words + (words.length + withCodes.length <= WIDTH ? withCodes : story(marks, ({ reason }) => reason)));
}

/** A table with a rule under its head. Columns whose head starts with a space are numbers, set to the right. */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  widths: readonly number[],
): string {
  const cell = (text: string, index: number): string => {
    const width = widths[index] ?? 0;
    const pad = ' '.repeat(Math.max(0, width - stripVTControlCharacters(text).length));
    return head[index]?.startsWith(' ') === true ? pad + text : text + pad;
  };
  const line = (cells: readonly string[]): string => ` ${cells.map(cell).join('  ')}`.trimEnd();
  const rule = ` ${widths.map(width => '─'.repeat(width)).join('  ')}`;
  return [dim(line(head.map(text => text.trim()))), dim(rule), ...rows.map(line)].join('\n');
}
