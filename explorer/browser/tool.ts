import { InputError } from '../../src/core/errors.ts';
import { explain, listCodes, type Explanation } from '../../src/explain/index.ts';
import { acts, byAct, casesOf } from '../acts.ts';
import { codeText, explained } from '../explanation.ts';
import { html, type Html } from '../markup.ts';
import { linkOf } from '../link.ts';
import type { Provider } from '../provider.ts';
import { fieldsFrom, pastedFrom, questionFor, type Pasted } from '../question.ts';
import { isUnanswered, unanswered } from '../unanswered.ts';
import { element, inputOf } from './elements.ts';

/** What the form holds. */
export interface Asked {
  readonly given: string;
  /** Empty: any. */
  readonly provider: string;
  readonly operation: string;
  readonly attempt: string;
  readonly status: string;
  readonly sent: string;
}

/** What is shown for it. */
export interface Told {
  readonly found: readonly (readonly [Provider, Explanation])[];
  readonly pasted: Pasted;
  /** What is wrong with the form, or how it was read. */
  readonly note?: string;
  /** Known codes that an unknown one nearly is. */
  readonly near: readonly (readonly [Provider, string])[];
  /** HTTP status that the pasted text says. */
  readonly status?: number;
}

/** Explains what the form holds. Pure. */
export function tell(providers: readonly Provider[], asked: Asked): Told {
  const among = providers.filter(({ name }) => asked.provider === '' || name === asked.provider);
  const pasted = pastedFrom(asked.given, text => among.some(provider => codesOf(provider).has(text)));
  if (pasted.is === 'nothing')
    return { found: [], near: [], pasted, ...(pasted.note !== undefined && { note: pasted.note }) };
  const status = Number(asked.status === '' ? 200 : asked.status);
  const sent = asked.sent.trim() === '' ? undefined : fieldsFrom(asked.sent);
  if (asked.sent.trim() !== '' && sent === undefined)
    return { found: [], near: [], pasted, note: 'The fields that were sent are neither JSON nor a form.' };
  const more = {
    status,
    ...(asked.operation !== '' && { operation: asked.operation }),
    ...(asked.attempt !== '' && { attempt: Number(asked.attempt) }),
    ...(sent !== undefined && { sent }),
  };
  try {
    const all = among.map(
      provider =>
        [provider, explain(provider.adapter, questionFor(pasted, { ...more, manual: provider.manual }))] as const,
    );
    const listed = all.filter(([, { listed: isListed }]) => isListed);
    const found = listed.length > 0 && !isForAny(pasted) ? listed : asked.provider === '' ? [] : all;
    const near =
      listed.length > 0
        ? []
        : all.flatMap(([provider, { didYouMean }]) =>
            didYouMean === undefined ? [] : [[provider, didYouMean] as const],
          );
    const note = noteFor(asked, pasted, found);
    return {
      found,
      near,
      pasted,
      ...(note !== undefined && { note }),
      ...(pasted.status !== undefined && { status: pasted.status }),
    };
  } catch (error) {
    const why = error instanceof InputError ? error.message.replace(/^explain: /, '') : String(error);
    return { found: [], near: [], pasted, note: why };
  }
}

/** What came instead of an answer means something for each provider: one must be chosen. */
const isForAny = (pasted: Pasted): boolean => pasted.is === 'code' && isUnanswered(pasted.code);

function noteFor(
  { provider }: Asked,
  pasted: Pasted,
  found: readonly (readonly [Provider, Explanation])[],
): string | undefined {
  const read = pasted.is === 'answer' ? pasted.note : undefined;
  if (found.some(([, { listed }]) => listed) || isForAny(pasted))
    return found.length === 0 ? 'Choose a provider: what follows depends on it.' : read;
  const unknown =
    provider === ''
      ? 'No provider’s tables know it. Choose a provider to see what follows from an unknown answer.'
      : 'No row of the tables knows it. What follows from an unknown answer:';
  return read === undefined ? unknown : `${read} ${unknown}`;
}

/** What stands below the form's fields. */
function noteOf({ note, near, status }: Told): Html {
  const meant = near.map(
    ([{ name, title }, code], index) =>
      html`${index > 0 && ', or '}<a href="#p=${name}&c=${encodeURIComponent(code)}">${title} ${code}</a>`,
  );
  return html`${note}${near.length > 0 && html` Did you mean ${meant}?`}${status !== undefined && ` HTTP status ${status}, as it says.`}`;
}

const codesByProvider = new WeakMap<Provider, ReadonlySet<string>>();

/** A provider's codes, and what a code is made of. */
function codesOf(provider: Provider): ReadonlySet<string> {
  const known = codesByProvider.get(provider);
  if (known !== undefined) return known;
  const codes = new Set(listCodes(provider.adapter).map(({ code }) => code));
  codesByProvider.set(provider, codes);
  return codes;
}

/** All that is shown below the form. */
export function resultOf({ found }: Told, { attempt, sent }: Pick<Asked, 'attempt' | 'sent'>): Html {
  const fields = fieldsFrom(sent);
  const send = sendOf(attempt);
  return html`${found.map(([provider, explanation]) => {
    const codes = [...new Set(explanation.meanings.map(({ code }) => code))];
    const known = codesOf(provider);
    const name = codes.map((code, index) => {
      const words = codeText(code);
      const linked =
        known.has(code) || unanswered.includes(code)
          ? html`<a href="${provider.name}/${linkOf(code)}">${words}</a>`
          : words;
      return html`${index === 0 ? '' : ', '}${linked}`;
    });
    return html`<section class="result"><h2>${provider.title} ${name}</h2>${explained(provider, explanation, {
      level: 3,
      pageOf: code => `${provider.name}/${linkOf(code)}`,
      ...(send !== undefined && { send }),
      ...(fields !== undefined && { sent: fields }),
    })}</section>`;
  })}`;
}

const sendOf = (attempt: string): 'first' | 'later' | undefined =>
  attempt === '' ? undefined : attempt === '1' ? 'first' : 'later';

/** For who does not see the page: what to do, without why. */
function inBrief({ found }: Told, { attempt }: Asked): string {
  const each = found.map(([provider, explanation]) => {
    const what = byAct(casesOf(provider, explanation, sendOf(attempt))).map(([act]) => acts[act].short);
    return `${provider.title}: ${what.join(', or ')}.`;
  });
  return each.join(' ');
}

const names = ['given', 'provider', 'operation', 'attempt', 'status', 'sent'] as const;

/** Makes the form explain as it is filled. */
export function startTool(providers: readonly Provider[]): void {
  const form = element('tool');
  const result = element('result');
  const note = element('status-note');
  const said = element('said');
  const asked = (): Asked =>
    Object.fromEntries(names.map(name => [name, inputOf(name).value])) as Record<(typeof names)[number], string>;
  const show = (): void => {
    const now = asked();
    // Nothing of the answer before stays, whatever happens.
    for (const each of [note, said, result]) each.textContent = '';
    const told = tell(providers, now);
    note.innerHTML = noteOf(told).text;
    said.textContent = inBrief(told, now);
    result.innerHTML = resultOf(told, now).text;
    remember(now, told);
  };
  const choose = (operation: string): void => {
    const { adapter } = providers.find(({ name }) => name === inputOf('provider').value) ?? {};
    const operations = Object.keys(adapter?.operations ?? {});
    inputOf('operation').innerHTML = html`<option value="">any</option>${operations.map(
      name => html`<option>${name}</option>`,
    )}`.text;
    inputOf('operation').value = operations.includes(operation) ? operation : '';
  };
  const restore = (): void => {
    const hash = new URLSearchParams(location.hash.slice(1));
    if (hash.size === 0) return;
    inputOf('provider').value = hash.get('p') ?? '';
    inputOf('given').value = hash.get('c') ?? inputOf('given').value;
    inputOf('attempt').value = hash.get('a') ?? '';
    choose(hash.get('o') ?? '');
    show();
  };
  form.addEventListener('input', event => {
    if (event.target === inputOf('provider')) choose(inputOf('operation').value);
    show();
  });
  form.addEventListener('submit', event => event.preventDefault());
  addEventListener('hashchange', restore);
  choose('');
  restore();
  show();
}

/** A known code can be linked; whatever else is pasted never gets into the address. */
function remember({ provider, operation, attempt }: Asked, { pasted, found }: Told): void {
  const hash = new URLSearchParams();
  if (provider !== '') hash.set('p', provider);
  if (pasted.is === 'code' && found.some(([, { listed }]) => listed)) hash.set('c', pasted.code);
  if (operation !== '') hash.set('o', operation);
  if (attempt !== '') hash.set('a', attempt);
  const next = hash.size === 0 ? '' : `#${hash}`;
  if (next !== location.hash) history.replaceState(null, '', next === '' ? location.pathname : next);
}
