import type { Schedule } from './schedule.ts';

const WIDTH = 960;
const LEFT = 84;
const RIGHT = 36;
const SENDS_Y = 118;
const ASKS_Y = 154;
const LANES_END_Y = 182;
const PLOT_Y = 222;
const PLOT_END_Y = 372;

interface Colors {
  readonly paper: string;
  readonly ink: string;
  readonly soft: string;
  readonly line: string;
  readonly send: string;
  readonly ask: string;
}

const light: Colors = {
  paper: '#fff',
  ink: '#1b1f24',
  soft: '#5b6572',
  line: '#d8dde3',
  send: '#b4500b',
  ask: '#1f5fa8',
};
const dark: Colors = {
  paper: '#14181d',
  ink: '#e8ebee',
  soft: '#a3adb8',
  line: '#343b44',
  send: '#f0a35e',
  ask: '#7db4f0',
};

const inColors = ({ paper, ink, soft, line, send, ask }: Colors): string =>
  `.paper{fill:${paper}}text{fill:${ink}}.soft{fill:${soft}}.line{stroke:${line};fill:none}.send{fill:${send}}.ask{fill:${ask}}.wait{stroke:${ask};fill:${ask}}`;

/** Light and dark by the reader's own choice; told apart by shape too. */
const STYLE = `text{font:14px system-ui,sans-serif}text.title{font-size:20px;font-weight:600}.wait{stroke-width:1.5;fill-opacity:.15;stroke-linejoin:round}
${inColors(light)}
@media (prefers-color-scheme:dark){${inColors(dark)}}`;

/**
 * A schedule as an SVG picture of its own: when the payment is sent and asked about, and below how long it takes until
 * an end is known that came at a time. Time is drawn by its square root, so that what is close together at first stays
 * apart. Pure: the same picture for the same schedule.
 *
 * @param schedule as `scheduleOf` gives it
 * @example
 * ```ts
 * import { writeFileSync } from 'node:fs';
 *
 * writeFileSync('schedule.svg', drawSchedule(scheduleOf(adapter)));
 * ```
 */
export function drawSchedule(schedule: Schedule): string {
  const { provider, operation, sendsAtMs, asksAtMs, deadlineMs, economy } = schedule;
  const isAsked = asksAtMs.length > 0;
  const height = isAsked ? PLOT_END_Y + 60 : LANES_END_Y + 50;
  const x = (atMs: number): number => {
    const part = Math.sqrt(Math.min(1, Math.max(0, atMs) / Math.max(1, deadlineMs)));
    return round(LEFT + part * (WIDTH - LEFT - RIGHT));
  };
  const cost =
    economy === undefined
      ? `until ${shortTime(deadlineMs)}`
      : `until ${shortTime(deadlineMs)}; on the usual mix ${economy.queriesPerPayment.toFixed(2)} queries per payment, told ${shortTime(economy.meanLatencyMs)} after it settles`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-labelledby="title about">`,
    `<title id="title">${escaped(`When ${provider} ${operation} is sent and asked about`)}</title>`,
    `<desc id="about">${escaped(inWords(schedule))}</desc>`,
    `<style>\n${STYLE}\n</style>`,
    `<rect class="paper" width="${WIDTH}" height="${height}"/>`,
    `<text class="title" x="24" y="38">${escaped(`${provider} ${operation}`)}</text>`,
    `<text class="soft" x="24" y="62">${escaped(`An open payment, ${cost}`)}</text>`,
    ...ticks(deadlineMs, x, isAsked ? PLOT_END_Y : LANES_END_Y),
    ...lane('sent', SENDS_Y),
    ...sendsAtMs.map(atMs => `<path class="send" d="M${x(atMs) - 6} ${SENDS_Y - 7}l13 7l-13 7z"/>`),
    ...(isAsked ? lane('asked', ASKS_Y) : []),
    ...asksAtMs.map(atMs => `<circle class="ask" cx="${x(atMs)}" cy="${ASKS_Y}" r="4.5"/>`),
    ...(isAsked
      ? waits(asksAtMs, x)
      : [`<text x="24" y="${ASKS_Y + 5}">never asked about: it has no status query</text>`]),
    `<text class="soft" x="${LEFT}" y="${height - 8}">since the first send; sent again only while each answer says that it was not processed</text>`,
    '</svg>',
    '',
  ].join('\n');
}

const lane = (name: string, y: number): string[] => [
  `<text x="24" y="${y + 5}">${name}</text>`,
  `<path class="line" d="M${LEFT} ${y}H${WIDTH - RIGHT}"/>`,
];

/** How long somebody waits to be told of an end, by when it came: until the next question. */
function waits(asksAtMs: readonly number[], x: (atMs: number) => number): string[] {
  const longestMs = Math.max(...asksAtMs.map((atMs, index) => atMs - (asksAtMs[index - 1] ?? 0)), 1);
  const y = (waitMs: number): number => round(PLOT_END_Y - (waitMs / longestMs) * (PLOT_END_Y - PLOT_Y));
  const points = asksAtMs.flatMap((atMs, index) =>
    sawtooth(asksAtMs[index - 1] ?? 0, atMs).map(([at, wait]) => `${x(at)} ${y(wait)}`),
  );
  return [
    `<text x="${LEFT}" y="${PLOT_Y - 14}">told so long after an end that comes at that time</text>`,
    ...[0.5, 1].map(
      part =>
        `<path class="line" d="M${LEFT} ${y(longestMs * part)}H${WIDTH - RIGHT}"/><text class="soft" x="${LEFT - 10}" y="${y(longestMs * part) + 5}" text-anchor="end">${shortTime(longestMs * part)}</text>`,
    ),
    `<path class="wait" d="M${x(0)} ${PLOT_END_Y}L${points.join('L')}Z"/>`,
  ];
}

const CURVE_STEPS = 8;

/** From one question to the next; on a bent scale that is no straight line. */
const sawtooth = (fromMs: number, toMs: number): [atMs: number, waitMs: number][] =>
  Array.from({ length: CURVE_STEPS + 1 }, (_each, step) => {
    const atMs = fromMs + ((toMs - fromMs) * step) / CURVE_STEPS;
    return [atMs, toMs - atMs];
  });

const [second, minute, hour, day] = [1000, 60_000, 3_600_000, 86_400_000] as const;
const roundTimesMs: readonly number[] = [
  ...[1, 2, 5, 10, 20, 30].map(each => each * second),
  ...[1, 2, 5, 10, 15, 30].map(each => each * minute),
  ...[1, 2, 4, 8, 12].map(each => each * hour),
  ...[1, 2, 4, 7, 14, 30, 60, 120, 365].map(each => each * day),
];
const LEAST_GAP = 46;

/** Round times, as many as have room, and the deadline. */
function ticks(deadlineMs: number, x: (atMs: number) => number, endY: number): string[] {
  const chosen: number[] = [deadlineMs];
  for (const atMs of roundTimesMs.filter(each => each < deadlineMs).reverse())
    if (x(chosen.at(-1) ?? 0) - x(atMs) >= LEAST_GAP && x(atMs) - x(0) >= LEAST_GAP) chosen.push(atMs);
  return [...chosen, 0]
    .reverse()
    .map(
      atMs =>
        `<path class="line" d="M${x(atMs)} 88V${endY}"/><text class="soft" x="${x(atMs)}" y="${endY + 20}" text-anchor="middle">${shortTime(atMs)}</text>`,
    );
}

/** For who cannot see it. */
function inWords({ sendsAtMs, asksAtMs, deadlineMs }: Schedule): string {
  const list = (times: readonly number[]): string => times.map(shortTime).join(', ');
  const asked =
    asksAtMs.length === 0
      ? 'It cannot be asked about.'
      : `It is asked about ${asksAtMs.length} times: at ${list(asksAtMs)}.`;
  return `While each answer says that it was not processed it is sent at ${list(sendsAtMs)}. ${asked} The deadline is ${shortTime(deadlineMs)}.`;
}

/** In the largest unit that it fills: `90 s` is `1.5 min`. */
function shortTime(ms: number): string {
  const [unit, name] =
    ms < second
      ? [1, 'ms']
      : ms < minute
        ? [second, 's']
        : ms < hour
          ? [minute, 'min']
          : ms < 2 * day
            ? [hour, 'h']
            : [day, 'd'];
  return ms === 0 ? '0' : `${Number((ms / unit).toFixed(unit === 1 ? 0 : 1))} ${name}`;
}

const round = (value: number): number => Math.round(value * 10) / 10;

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escaped = (text: string): string => text.replaceAll(/[&<>"]/g, each => entities[each] ?? each);
