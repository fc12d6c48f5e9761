import { isWrite } from '../src/core/operation.ts';
import { html, type Html } from './markup.ts';
import type { Provider } from './provider.ts';

/** What can be moved, in the order of the page. */
export const sliders = [
  {
    id: 'first',
    label: 'First wait',
    values: [250, 500, 750, 1000, 1250, 1500, 2000, 2500, 3000, 4000, 5000, 7500, 10_000, 15_000, 20_000, 30_000],
  },
  {
    id: 'base',
    label: 'Then at least',
    values: [500, 750, 1000, 1500, 2000, 2500, 3000, 3500, 4000, 5000, 7500, 10_000, 15_000, 20_000, 30_000, 60_000],
  },
  {
    id: 'ratio',
    label: 'Growth',
    values: [
      0, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08, 0.09, 0.1, 0.11, 0.12, 0.13, 0.14, 0.15, 0.17, 0.2, 0.25, 0.3,
      0.4, 0.5,
    ],
  },
  {
    id: 'most',
    label: 'Longest wait',
    values: [
      1000, 2000, 3000, 5000, 7500, 10_000, 15_000, 20_000, 30_000, 45_000, 60_000, 90_000, 120_000, 300_000, 600_000,
    ],
  },
  {
    id: 'deadline',
    label: 'Deadline',
    values: [
      30_000, 60_000, 90_000, 120_000, 180_000, 300_000, 360_000, 480_000, 600_000, 900_000, 960_000, 1_200_000,
      1_800_000, 3_600_000,
    ],
  },
] as const;

/** What is named by a slider. */
export type SliderId = (typeof sliders)[number]['id'];

/** The page of schedules, for `browser/schedule.ts`. */
export const scheduleMain = (providers: readonly Provider[]): Html => html`<h1>When does it ask?</h1>
<p class="lead">While a payment stays open, tillpaid asks the provider again and again. Each query costs; each wait costs somebody time. Move the numbers, and see both. After the first wait each one is <i>then at least</i>, and <i>growth</i> of the time passed, up to the longest.</p>
<form id="schedule" class="tool" autocomplete="off">
<div class="fields">
<div class="field"><label for="provider">Provider</label><select id="provider">${providers.map(({ name, title }) => html`<option value="${name}">${title}</option>`)}</select></div>
<div class="field"><label for="operation">Operation</label><select id="operation"></select></div>
<div class="field"><button type="button" id="reset">Its own numbers</button></div>
</div>
<div class="sliders">${sliders.map(({ id, label, values }) => html`<div class="slider"><label for="${id}">${label}</label><output id="${id}-value" for="${id}"></output><input type="range" id="${id}" min="0" max="${values.length - 1}" step="1" value="0"></div>`)}</div>
</form>
<noscript><p class="note">To move the numbers you need JavaScript. The schedules as they are stand on each provider’s page: ${providers.map(({ name, title }, index) => html`${index === 0 ? '' : ', '}<a href="${name}/index.html">${title}</a>`)}.</p></noscript>
<div class="two">
<div><section class="plain"><h2>The times</h2><div id="times"></div></section>
<section class="plain"><h2>In numbers</h2><div class="scroll" role="region" aria-label="In numbers" tabindex="0"><table id="numbers"></table></div></section></div>
<section class="plain"><h2>Against the limit</h2><div id="plot"></div>
<p class="hint">On the usual mix: 80 % of payments settle in about 6 s, 15 % in about 90 s, 5 % never. The limit is the best that any schedule can do which knows the mix and nothing of the single payment. Chance takes half of what it may from each wait.</p></section>
</div>
<section class="plain"><h2>As a policy</h2><pre id="policy" tabindex="0" aria-label="As a policy"></pre></section>`;

/** The writes whose schedule can be looked at. */
export const askable = ({ adapter }: Provider): readonly string[] =>
  Object.values(adapter.operations).flatMap(each => (isWrite(each) && each.query !== undefined ? [each.name] : []));
