import { timeOf } from '../src/cli/output.ts';
import { isWrite, type Operation } from '../src/core/operation.ts';
import { explain, listCodes, scheduleOf, type Explanation, type Schedule } from '../src/explain/index.ts';
import { actNames, acts, byAct, casesOf, type Act, type Case } from './acts.ts';
import type { Follow } from './follow.ts';
import { badge, codeText, explained } from './explanation.ts';
import { fileOf, linkOf } from './link.ts';
import { pageOf, upFrom, type Page, type Site } from './layout.ts';
import { html, type Html } from './markup.ts';
import type { Provider } from './provider.ts';
import { scheduleMain } from './schedule-form.ts';
import { timelineOf } from './timeline.ts';
import { toolMain } from './tool-form.ts';
import { unanswered } from './unanswered.ts';

/** Every page, by its address below the explorer's folder. */
export function pagesOf(providers: readonly Provider[], options: Pick<Site, 'version' | 'home'>): Map<string, string> {
  const site: Site = { ...options, providers };
  const pages = [
    indexPage(providers),
    schedulePage(providers),
    ...providers.flatMap(provider => {
      const explanations = explanationsOf(provider);
      return [
        providerPage(provider, explanations),
        ...[...explanations].map(([code, explanation]) => codePage(provider, code, explanation)),
      ];
    }),
  ];
  return new Map(pages.map(page => [page.path, pageOf(page, site)]));
}

const codesOf = (adapter: Provider['adapter']): ReadonlySet<string> =>
  new Set(listCodes(adapter).map(({ code }) => code));

function explanationsOf({ adapter, manual }: Provider): Map<string, Explanation> {
  const codes = [...codesOf(adapter), ...unanswered];
  return new Map(codes.map(code => [code, explain(adapter, { code, manual })]));
}

function indexPage(providers: readonly Provider[]): Page {
  return {
    path: 'index.html',
    title: 'What does this payment code mean? · tillpaid explorer',
    description: `What an answer of ${providers.map(({ title }) => title).join(', ')} means for the money, and what to do about it: hand over, wait, or call.`,
    scripts: ['explorer.js'],
    main: html`<h1>What does this answer mean?</h1>
${toolMain(providers)}
<section class="plain"><h2>All codes</h2>
<div class="scroll" role="region" aria-label="Providers" tabindex="0"><table><thead><tr><th scope="col">Provider</th><th scope="col" class="number">Codes</th><th scope="col" class="operations">Operations</th></tr></thead><tbody>
${providers.map(({ name, title, adapter }) => html`<tr><th scope="row"><a href="${name}/index.html">${title}</a></th><td class="number">${codesOf(adapter).size}</td><td class="operations">${Object.keys(adapter.operations).map((operation, index) => html`${index === 0 ? '' : ', '}<code>${operation}</code>`)}</td></tr>\n`)}</tbody></table></div></section>
${legend()}`,
  };
}

const legend = (): Html => html`<section class="plain"><h2>The words</h2>
<dl class="legend">${actNames.map(act => html`<div><dt>${badge(act)}</dt><dd>${acts[act].sentence}</dd></div>`)}</dl>
<dl class="words"><div><dt>terminal</dt><dd>The provider states an end. Nothing more comes of waiting.</dd></div>
<div><dt>retryable</dt><dd>The provider states that it did not process the request. tillpaid sends the same again, under the same number.</dd></div>
<div><dt>poll-required</dt><dd>Accepted, in progress, or not known. tillpaid asks the provider, and sends nothing.</dd></div>
<div><dt>later send</dt><dd>A second or further send of one payment, where an earlier one may have reached the provider. From then on only success is final.</dd></div></dl></section>`;

const schedulePage = (providers: readonly Provider[]): Page => ({
  path: 'schedule.html',
  title: 'When does tillpaid ask? · tillpaid explorer',
  description:
    'When tillpaid sends and asks about a payment that stays open, what that costs, and the least that it could cost.',
  scripts: ['explorer.js'],
  main: scheduleMain(providers),
});

function providerPage(provider: Provider, explanations: ReadonlyMap<string, Explanation>): Page {
  const { name, title, adapter, manual } = provider;
  const writes = Object.values(adapter.operations).filter(isWrite);
  return {
    path: `${name}/index.html`,
    title: `${title} status and error codes: paid or not? · tillpaid explorer`,
    description: `${codesOf(adapter).size} codes of ${title}: whether it is paid, whether to wait, and what to do.`,
    main: html`<h1>${title} codes</h1>
<p class="lead">${codesOf(adapter).size} codes, and at the end what comes instead of an answer. The provider’s own list: <a href="${manual.codes}" rel="noreferrer">${manual.codes.replace('https://', '')}</a></p>
<form class="filter" id="filter" hidden><label>Filter <input type="search" id="filter-text" autocomplete="off" spellcheck="false"></label>
<label>Operation <select id="filter-operation"><option value="">all</option>${Object.keys(adapter.operations).map(each => html`<option>${each}</option>`)}</select></label>
<label>To do <select id="filter-act"><option value="">all</option>${actNames.map(act => html`<option value="${act}">${acts[act].short}</option>`)}</select></label>
<output id="filter-count" for="filter-text filter-operation filter-act"></output></form>
<div class="scroll" role="region" aria-label="Codes" tabindex="0"><table class="codes" id="codes"><thead><tr><th scope="col">Code</th><th scope="col">To do</th><th scope="col">Reason, and the call it answers</th></tr></thead>
${[...explanations].map(([code, explanation]) => rowsOf(provider, code, explanation))}</table></div>
<section class="plain"><h2>When it asks</h2><p>By the default policy, while a payment stays open. <a href="../schedule.html#p=${name}">Change the numbers</a></p>
${scheduleFigures(adapter, writes)}</section>`,
  };
}

function rowsOf(provider: Provider, code: string, explanation: Explanation): Html {
  const groups = byAct(casesOf(provider, explanation));
  const operations = [...new Set(explanation.meanings.flatMap(each => each.operations))];
  return html`<tbody data-acts="${groups.map(([act]) => act).join(' ')}" data-operations="${operations.join(' ')}">${groups.map(
    ([act, cases], index) =>
      html`<tr>${index === 0 && html`<th scope="rowgroup" rowspan="${groups.length}"><a href="${linkOf(code)}">${codeText(code)}</a></th>`}<td>${badge(act)}</td><td>${[...new Set(cases.map(({ verdict }) => verdict.reason))].join(', ')} <span class="of">${answersTo(act, cases, groups.length, operations)}</span></td></tr>\n`,
  )}</tbody>`;
}

const MANY = 3;

/** In short: the code's own page has it in full. Only waiting may be told of all that is not listed. */
function answersTo(act: Act, cases: readonly Case[], groups: number, operations: readonly string[]): string {
  if (groups === 1 && operations.length > MANY) return 'any answer';
  if (act === 'wait' && groups > 1) return 'any other answer';
  const alike = Map.groupBy(cases, ({ about, send }) => {
    const of = about.length > 0 ? ` about ${about.join(', ')}` : '';
    return of + (send === 'first' || send === 'later' ? ` (${send} send)` : '');
  });
  return [...alike].map(([more, its]) => its.flatMap(each => each.operations).join(', ') + more).join('; ');
}

/** Writes that are asked about at the same times, together. */
function scheduleFigures(adapter: Provider['adapter'], writes: readonly Operation[]): Html {
  const schedules = writes.map(({ name }) => scheduleOf(adapter, { operation: name }));
  const alike = Map.groupBy(schedules, ({ asksAtMs, deadlineMs }) => JSON.stringify([asksAtMs, deadlineMs]));
  return html`${[...alike.values()].map(group => {
    const names = group.map(({ operation }, index) => html`${index > 0 && ', '}<code>${operation}</code>`);
    return html`<h3>${names}</h3>${group.slice(0, 1).map(scheduleFigure)}`;
  })}`;
}

function scheduleFigure({ asksAtMs, deadlineMs, economy }: Schedule): Html {
  if (asksAtMs.length === 0 || economy === undefined)
    return html`<p>It cannot be asked about: only its own answer, or a notice, tells.</p>`;
  const follow: Follow = {
    steps: asksAtMs.map(atMs => ({ atMs, does: 'ask' })),
    end: { atMs: deadlineMs, outcome: 'unresolved' },
  };
  return html`${timelineOf([{ name: '', follow }], 'payment')}<p>${economy.queriesPerPayment.toFixed(1)} queries per payment, told ${timeOf(economy.meanLatencyMs)} after it settles, on the usual mix of payments.</p>`;
}

function codePage(provider: Provider, code: string, explanation: Explanation): Page {
  const { name, title } = provider;
  const path = `${name}/${fileOf(code)}`;
  const up = upFrom(path);
  const paste = `${up}index.html#p=${name}&c=${encodeURIComponent(code)}`;
  const cases = casesOf(provider, explanation);
  const present = byAct(cases).map(([act]) => act);
  return {
    path,
    title: `${title} code ${code}: ${inShort(present)} · tillpaid`,
    description: descriptionOf(title, code, cases, present),
    main: html`<p class="crumbs"><a href="${up}index.html">Explain</a> › <a href="${up}${name}/index.html">${title}</a></p>
<h1>${title} ${codeText(code)}</h1>
${explained(provider, explanation, { level: 2, pageOf: other => `${up}${name}/${linkOf(other)}`, paste })}
<p class="related"><a href="${paste}">Paste the whole answer</a></p>`,
  };
}

const inShort = (present: readonly Act[]): string =>
  present.length > 3
    ? 'it depends on the call'
    : present
        .map((act, index) => (index === 0 ? acts[act].short : acts[act].short.toLowerCase()))
        .join(', or ')
        .toLowerCase();

function descriptionOf(title: string, code: string, cases: readonly Case[], present: readonly Act[]): string {
  const sentences = [...new Set(present.map(act => acts[act].sentence))].slice(0, 2);
  const todo = [...new Set(cases.map(({ verdict }) => verdict.advice))].flatMap(each =>
    each === undefined ? [] : [each],
  );
  return [`${title} ${code}:`, ...sentences, ...todo.slice(0, 1)].join(' ');
}
