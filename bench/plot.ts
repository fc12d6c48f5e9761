import { mkdirSync, writeFileSync } from 'node:fs';
import { init } from 'echarts';

/** One kind of thing in a plot. */
export interface Series {
  readonly name: string;
  /** A point may have a label, and a side where the label stands. Default: to its right. */
  readonly points: readonly (readonly [
    x: number,
    y: number,
    label?: string,
    side?: 'left' | 'right' | 'top' | 'bottom',
  ])[];
  /**
   * `line`: straight from point to point; `steps`: the value stays until the next point; `points`: symbols alone.
   * Default `line`.
   */
  readonly as?: 'line' | 'steps' | 'points';
}

export interface Axis {
  readonly name: string;
  /** Default: the scale is linear. */
  readonly log?: boolean;
  readonly min?: number;
  readonly max?: number;
}

export interface Plot {
  readonly title: string;
  /** A sentence below the title. */
  readonly subtitle?: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly Series[];
  /** Spans of the x axis that are shaded, each with its name above it: "gateway down". */
  readonly spans?: readonly { readonly name: string; readonly from: number; readonly to: number }[];
}

/** Told apart in black and white too: by dash, symbol and darkness. */
const looks = [
  { color: '#000000', dash: 'solid', symbol: 'circle' },
  { color: '#1f5fa8', dash: [8, 4], symbol: 'diamond' },
  { color: '#c2410c', dash: [2, 3], symbol: 'triangle' },
  { color: '#5b7f2b', dash: [12, 4, 2, 4], symbol: 'rect' },
  { color: '#8a4f9e', dash: [5, 2], symbol: 'emptyCircle' },
  { color: '#8c8c8c', dash: 'solid', symbol: 'emptyDiamond' },
  { color: '#0f8b8d', dash: [1, 4], symbol: 'emptyTriangle' },
  { color: '#b08900', dash: [14, 5], symbol: 'emptyRect' },
] as const;

/** A line through more points than this has no symbol at each. */
const MOST_SYMBOLS = 60;
const size = { width: 960, height: 600 };

/** Writes `docs/performance/<name>.svg`. A table does so only when it is told to draw: `npm run bench -- <name> --svg`. */
export function savePlot(name: string, plot: Plot): void {
  const folder = new URL('../docs/performance/', import.meta.url);
  mkdirSync(folder, { recursive: true });
  writeFileSync(new URL(`${name}.svg`, folder), drawPlot(plot));
  console.log(`\nDrawn: docs/performance/${name}.svg`);
}

/** The plot as SVG, the same for the same plot. */
function drawPlot({ title, subtitle = '', x, y, series, spans = [] }: Plot): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, ...size });
  const manyNamed = series.length > 1;
  chart.setOption({
    animation: false,
    backgroundColor: '#ffffff',
    textStyle: { fontFamily: 'sans-serif', color: '#000000' },
    title: { text: title, subtext: subtitle, left: 16, top: 8, subtextStyle: { color: '#444444' } },
    ...(manyNamed && { legend: { top: 64, left: 64, itemWidth: 44, data: series.map(({ name }) => name) } }),
    grid: { left: 72, right: 48, top: manyNamed ? 116 : 84, bottom: 64 },
    xAxis: { ...axis(x), nameGap: 32 },
    yAxis: { ...axis(y), nameGap: 48 },
    series: [
      ...series.map((each, index) => ({ ...seriesOf(each), ...lookOf(each, index) })),
      ...(spans.length > 0 ? [shade(spans)] : []),
    ],
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  // The names within count the charts of the process.
  return `${svg.replaceAll(/zr\d+-/g, 'zr-')}\n`;
}

const axis = ({ name, log = false, min, max }: Axis): object => ({
  type: log ? 'log' : 'value',
  name,
  nameLocation: 'middle',
  nameTextStyle: { fontSize: 13 },
  ...(min !== undefined && { min }),
  ...(max !== undefined && { max }),
  axisLine: { show: true, lineStyle: { color: '#000000' } },
  axisTick: { show: true },
  splitLine: { lineStyle: { color: '#dddddd' } },
  ...(log && {
    minorTick: { show: true, splitNumber: 10 },
    minorSplitLine: { show: true, lineStyle: { color: '#f2f2f2' } },
  }),
});

/** Readable where it stands on a line, too. */
const labelLook = { show: true, color: '#000000', backgroundColor: '#ffffffd0', padding: 2 };

const seriesOf = ({ name, points, as = 'line' }: Series): object => ({
  name,
  type: 'line',
  ...(as === 'steps' && { step: 'end' }),
  showSymbol: as === 'points' || (as === 'line' && points.length <= MOST_SYMBOLS),
  data: points.map(([atX, atY, label, position = 'right']) => ({
    value: [atX, atY],
    ...(label !== undefined && { label: { ...labelLook, formatter: label, position } }),
  })),
});

const lookOf = ({ as }: Series, index: number): object => {
  const { color, dash, symbol } = looks[index % looks.length] ?? looks[0];
  const width = as === 'points' ? 0 : 2;
  return { color, symbol, symbolSize: 8, itemStyle: { color }, lineStyle: { color, width, type: dash } };
};

const shade = (spans: NonNullable<Plot['spans']>): object => ({
  type: 'line',
  data: [],
  silent: true,
  markArea: {
    itemStyle: { color: '#eeeeee' },
    label: { color: '#000000' },
    data: spans.map(({ name, from, to }) => [{ name, xAxis: from }, { xAxis: to }]),
  },
});
