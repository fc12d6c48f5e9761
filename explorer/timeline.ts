import { timeOf } from '../src/cli/output.ts';
import type { Follow } from './follow.ts';
import { html, type Html } from './markup.ts';

/** One line of time. */
export interface Lane {
  readonly name: Html | string;
  readonly follow: Follow;
}

const ticksMs = [0, 1000, 5000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000, 900_000, 1_800_000, 3_600_000];
/** Labels closer together than this, in percent of the width, would touch on a phone. */
const ROOM = 14;
const ROOM_OF_FIRST = 20;
const HEIGHT = 34;

/** Where a time is drawn, in percent: by its square root, so that what is close together at first stays apart. */
const placeFor =
  (endMs: number) =>
  (atMs: number): number =>
    Number((2 + 94 * Math.sqrt(Math.min(1, atMs / Math.max(1, endMs)))).toFixed(2));

/** What follows, drawn, with the same in words below each line. */
export function timelineOf(lanes: readonly Lane[], says: 'answer' | 'payment' = 'answer'): Html {
  const endMs = Math.max(1000, ...lanes.map(({ follow: { end } }) => end.atMs));
  const place = placeFor(endMs);
  const ticks = ticksMs.filter(atMs => atMs < endMs).concat(endMs);
  const kept = ticks.reduce<number[]>((all, atMs) => {
    const room = place(atMs) - place(all.at(-1) ?? 0) >= (all.length === 1 ? ROOM_OF_FIRST : ROOM);
    const isKept = atMs === 0 || atMs === endMs || (room && place(endMs) - place(atMs) >= ROOM);
    return isKept ? [...all, atMs] : all;
  }, []);
  return html`<figure class="timeline">${lanes.map(
    lane =>
      html`<div class="lane"><p class="lane-name">${lane.name}</p>${drawn(lane.follow, place)}<p class="lane-words">${inWords(lane.follow)}</p></div>`,
  )}<svg class="ticks" width="100%" height="22" aria-hidden="true">${kept.map(
    atMs =>
      html`<line x1="${place(atMs)}%" x2="${place(atMs)}%" y1="0" y2="5" class="tick"></line><text x="${place(atMs)}%" y="18" text-anchor="${atMs === 0 ? 'start' : atMs === endMs ? 'end' : 'middle'}">${atMs === 0 ? says : timeOf(atMs)}</text>`,
  )}</svg></figure>`;
}

const middle = HEIGHT / 2;

function drawn({ steps, end }: Follow, place: (atMs: number) => number): Html {
  return html`<svg class="marks" width="100%" height="${HEIGHT}" aria-hidden="true"><line x1="2%" x2="${place(end.atMs)}%" y1="${middle}" y2="${middle}" class="time"></line><circle cx="2%" cy="${middle}" r="4" class="now"></circle>${steps.map(
    ({ atMs, does }) =>
      does === 'ask'
        ? html`<circle cx="${place(atMs)}%" cy="${middle}" r="4.5" class="ask"></circle>`
        : html`<svg x="${place(atMs)}%" y="${middle - 9}" overflow="visible"><path d="M-5 -6 L6 0 L-5 6 Z" class="send"></path></svg>`,
  )}<svg x="${place(end.atMs)}%" y="${middle}" overflow="visible"><rect x="-1.5" y="-11" width="3" height="22" class="end"></rect></svg></svg>`;
}

/** The same for who does not see it. */
function inWords({ steps, end }: Follow): string {
  const asks = steps.filter(({ does }) => does === 'ask').map(({ atMs }) => atMs);
  const sends = steps.filter(({ does }) => does === 'send').map(({ atMs }) => atMs);
  const told = [
    ...(sends.length > 0 ? [`Sent again, under the same number, after ${listed(sends)}.`] : []),
    ...(asks.length > 0 ? [`Asked after ${listed(asks)}.`] : []),
  ];
  return [...told, ends[end.outcome] ?? `Then it ends: ${end.outcome}.`].join(' ');
}

const ends: Readonly<Partial<Record<Follow['end']['outcome'], string>>> = {
  unresolved: 'Still open then: unresolved, the ticket is kept.',
  created: 'Still open then: created, the payer’s turn.',
  rejected: 'The same answer each time: rejected.',
};

const FEW = 5;

function listed(timesMs: readonly number[]): string {
  const words = timesMs.map(timeOf);
  if (words.length <= FEW + 1) return words.join(', ').replace(/, ([^,]*)$/, ' and $1');
  return `${words.slice(0, FEW - 1).join(', ')} … ${words.at(-1) ?? ''} (${words.length} times at most)`;
}
