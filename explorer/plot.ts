import type { Cost } from './limit.ts';
import { html, type Html } from './markup.ts';

/** A schedule among the others. */
export interface Point extends Cost {
  readonly name: string;
  readonly kind: 'mine' | 'own';
}

const MARGIN = { left: 46, right: 12, top: 10, bottom: 42 };
const queryTicks = [1, 2, 3, 5, 10, 20, 50];
const secondTicks = [0.3, 1, 3, 10, 30, 100, 300];

/**
 * Queries against latency, both on logarithmic scales: the limit as a line, schedules as points. The table beside it
 * says the same in numbers.
 *
 * @param width of the drawing, in pixels
 */
export function frontierPlot(limit: readonly Cost[], points: readonly Point[], width: number): Html {
  const height = Math.max(240, Math.min(360, width * 0.62));
  const [right, bottom] = [width - MARGIN.right, height - MARGIN.bottom];
  const x = scaleOf([1, 60], [MARGIN.left, right]);
  const y = scaleOf([0.25, 400], [bottom, MARGIN.top]);
  const line = limit
    .filter(({ queries, meanS }) => queries <= 60 && meanS <= 400 && meanS >= 0.25)
    .map(({ queries, meanS }) => `${x(queries)},${y(meanS)}`)
    .join(' ');
  const middle = limit[Math.floor(limit.length / 2)];
  return html`<svg class="plot" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="Queries per payment against seconds until told. The table below has the numbers.">
${queryTicks.map(at => html`<line x1="${x(at)}" x2="${x(at)}" y1="${MARGIN.top}" y2="${bottom}" class="grid"></line><text x="${x(at)}" y="${bottom + 16}" text-anchor="middle">${at}</text>`)}
${secondTicks.map(at => html`<line x1="${MARGIN.left}" x2="${right}" y1="${y(at)}" y2="${y(at)}" class="grid"></line><text x="${MARGIN.left - 6}" y="${y(at) + 4}" text-anchor="end">${at} s</text>`)}
<text x="${(MARGIN.left + right) / 2}" y="${height - 6}" text-anchor="middle">queries per payment</text>
<text x="${MARGIN.left + 6}" y="${MARGIN.top + 14}">told after it settles, mean</text>
<polyline points="${line}" class="limit"></polyline>
${middle === undefined ? undefined : html`<text x="${x(middle.queries) - 8}" y="${y(middle.meanS) + 18}" text-anchor="end" class="limit-name">the limit</text>`}
${points.map(point => drawn(point, x(Math.min(60, point.queries)), y(Math.min(400, Math.max(0.25, point.meanS))), right))}</svg>`;
}

function drawn({ name, kind }: Point, x: number, y: number, right: number): Html {
  const mark =
    kind === 'mine'
      ? html`<circle cx="${x}" cy="${y}" r="6" class="mine"></circle>`
      : html`<rect x="${x - 5}" y="${y - 5}" width="10" height="10" class="own"></rect>`;
  // Above the limit there is room to the right, below it to the left.
  const isRight = kind === 'mine' && x < right - 60;
  return html`${mark}<text x="${isRight ? x + 10 : x - 10}" y="${isRight ? y - 8 : y + 18}" text-anchor="${isRight ? 'start' : 'end'}" class="${kind}-name">${name}</text>`;
}

/** A logarithmic scale. */
function scaleOf(
  [from, to]: readonly [number, number],
  [start, end]: readonly [number, number],
): (value: number) => number {
  return value => Number((start + ((end - start) * Math.log(value / from)) / Math.log(to / from)).toFixed(1));
}
