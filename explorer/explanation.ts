import { timeOf } from '../src/cli/output.ts';
import type { Fields } from '../src/core/operation.ts';
import type { Verdict } from '../src/core/verdict.ts';
import type { Explanation, Meaning, Step } from '../src/explain/index.ts';
import { acts, byAct, casesOf, type Act, type Case } from './acts.ts';
import { followOf } from './follow.ts';
import { html, type Html } from './markup.ts';
import type { Provider } from './provider.ts';
import { timelineOf } from './timeline.ts';

/** How an explanation is put onto a page. */
export interface Placed {
  /** The level of its headings. */
  readonly level: 2 | 3;
  /** The address of a code's page from here. */
  readonly pageOf: (code: string) => string;
  /** Only the cases of a first send, or of a later one. Default: both. */
  readonly send?: 'first' | 'later';
  /** The fields that were sent, as far as they are known. */
  readonly sent?: Fields;
  /** Where a whole answer can be pasted, for this code. */
  readonly paste?: string;
}

/** What to do first, then why. */
export function explained(provider: Provider, explanation: Explanation, placed: Placed): Html {
  const cases = casesOf(provider, explanation, placed.send);
  return html`${cards(explanation, cases, placed)}${details(provider, explanation, cases, placed)}${related(explanation, placed)}`;
}

/** A word with its sign and colour. */
export const badge = (act: Act): Html =>
  html`<span class="badge ${act}"><span aria-hidden="true">${acts[act].sign}</span> ${acts[act].short}</span>`;

const heading = (level: Placed['level'], inner: Html): Html =>
  level === 2 ? html`<h2>${inner}</h2>` : html`<h3>${inner}</h3>`;

function cards({ related: codes }: Explanation, cases: readonly Case[], { level, paste }: Placed): Html {
  const groups = byAct(cases);
  const choice = groups.length > 1 ? html`<p class="which">It depends on the call that it answers:</p>` : undefined;
  return html`${choice}<div class="cards${groups.length > 1 && ' several'}">${groups.map(([act, its]) => {
    const { sign, short, sentence } = acts[act];
    const says = [...new Set(its.map(inAddition))].filter(each => each !== '');
    const canDiffer = act === 'hand-over' && (codes.length > 0 || its.some(({ meaning }) => meaning.depends));
    return html`<section class="card ${act}"><div class="do">${heading(level, html`<span class="sign" aria-hidden="true">${sign}</span> ${short}`)}<p class="sentence">${sentence}</p>${says.map(each => html`<p class="todo">${each}</p>`)}${canDiffer && html`<p class="todo">What else the answer says can change this: ${toPaste(paste)} to be sure.</p>`}</div><ul class="where">${its.map(each => html`<li>${where(each)}</li>`)}</ul></section>`;
  })}</div>`;
}

const toPaste = (address: string | undefined): Html =>
  address === undefined ? html`paste the whole answer` : html`<a href="${address}">paste the whole answer</a>`;

/** What there is to say beside the sentence of the act. */
const inAddition = ({ act, verdict, todo, step, advice = '' }: Case): string =>
  isHttp(verdict.code) ? '' : saysEnough.has(act) || step?.next.does === 'ask' ? advice : todo;

/** A status alone is in no table, and nobody's to report. */
const isHttp = (code: string): boolean => code.startsWith('http/');

/** What follows by itself is in their sentence. */
const saysEnough: ReadonlySet<Act> = new Set<Act>(['hand-over', 'done', 'wait', 'correct', 'not-done']);

/** Long codes may be broken where they are joined. */
export const codeText = (code: string): Html =>
  html`<code class="code">${code.split(/(?<=[/_])/).map((part, index) => html`${index > 0 && html`<wbr>`}${part}`)}</code>`;

const names = (operations: readonly string[]): Html =>
  html`${operations.map((name, index) => html`${index === 0 ? '' : ', '}<code>${name}</code>`)}`;

function where({ operations, about, send }: Case): Html {
  if (about.length > 0) return html`${names(operations)} <span class="of">asked about ${names(about)}</span>`;
  const which = send === 'first' ? 'first send' : send === 'later' ? 'later send' : '';
  return html`${names(operations)}${which !== '' && html` <span class="of">${which}</span>`}`;
}

function details(provider: Provider, explanation: Explanation, cases: readonly Case[], placed: Placed): Html {
  const { meanings } = explanation;
  return html`<div class="meanings">${meanings.map(meaning => {
    const its = cases.filter(each => each.meaning === meaning);
    return html`<section class="meaning">${heading(placed.level, names(meaning.operations))}<dl>${facts(meaning, its, placed)}</dl>${timeline(provider, its, placed)}</section>`;
  })}</div>`;
}

const fact = (name: string, told: Html | string | undefined): Html | undefined =>
  told === undefined ? undefined : html`<div><dt>${name}</dt><dd>${told}</dd></div>`;

function facts(
  { code, verdict, row, depends, pages, effect }: Meaning,
  cases: readonly Case[],
  { paste }: Placed,
): Html {
  const steps = cases.map(each =>
    each.step === undefined
      ? undefined
      : fact(
          each.about.length > 0
            ? 'For'
            : each.send === 'later'
              ? 'Later send'
              : each.send === 'first'
                ? 'First send'
                : 'Then',
          html`${each.about.length > 0 ? html`${names(each.about)}: ` : undefined}${stepWords(each.step, verdict)}`,
        ),
  );
  return html`${[
    fact('Verdict', wordsOf(verdict)),
    fact('It says', verdict.message),
    ...steps,
    fact(
      'Row',
      row === undefined
        ? html`none: ${effect === 'write' ? 'what is not listed is unknown, so tillpaid asks' : 'what is not listed says nothing, so tillpaid asks again'}`
        : html`<code>${code}</code> ${flagsOf(row)}`,
    ),
    fact('Depends', depends ? html`What else was sent or answered can change this: ${toPaste(paste)}.` : undefined),
    fact(
      'Manual',
      pages.length === 0
        ? undefined
        : html`${pages.map((page, index) => html`${index === 0 ? '' : html`<br>`}<a href="${page}" rel="noreferrer">${page.replace('https://', '')}</a>`)}`,
    ),
  ]}`;
}

function flagsOf({ kind, reason, advice, ...given }: NonNullable<Meaning['row']>): string {
  const { outcome, ...more } = { outcome: undefined, ...given };
  const flags = Object.entries(more).map(([name, value]) => (value === true ? name : `${name}: ${String(value)}`));
  return flags.join(' · ');
}

/** A verdict in its own words. */
const wordsOf = (verdict: Verdict): string =>
  [verdict.kind, ...(verdict.kind === 'terminal' ? [verdict.outcome] : []), verdict.reason].join(' · ');

function stepWords({ verdict, next }: Step, plain: Verdict): string {
  const seen = wordsOf(verdict) === wordsOf(plain) ? '' : `${wordsOf(verdict)}: `;
  if (next.does === 'settle') return `${seen}settles, ${next.outcome}`;
  const when = next.withinMs === 0 ? 'at once' : `within ${timeOf(next.withinMs)}`;
  return `${seen}${next.does === 'ask' ? 'asks the gateway' : 'sends the same again'} ${when}`;
}

function timeline({ adapter }: Provider, cases: readonly Case[], { sent }: Placed): Html | undefined {
  const lanes = cases.flatMap(each => {
    const among = each.about.length > 0 ? each.about : each.operations;
    return among.flatMap(name => {
      const follow = followOf(adapter, each, name, sent);
      return follow === undefined || follow.steps.length === 0 ? [] : [{ name, send: each.send, follow }];
    });
  });
  const groups = [...Map.groupBy(lanes, ({ send, follow }) => JSON.stringify([send, follow])).values()];
  if (groups.length === 0) return undefined;
  return timelineOf(
    groups.flatMap(each => {
      const [first] = each;
      if (first === undefined) return [];
      const which = first.send === 'first' || first.send === 'later' ? `, ${first.send} send` : '';
      return [{ name: html`${names(each.map(({ name }) => name))}${which}`, follow: first.follow }];
    }),
  );
}

function related({ related: codes }: Explanation, { pageOf }: Placed): Html | undefined {
  if (codes.length === 0) return undefined;
  return html`<p class="related">See also ${codes.map((code, index) => html`${index === 0 ? '' : ', '}<a href="${pageOf(code)}"><code>${code}</code></a>`)}</p>`;
}
