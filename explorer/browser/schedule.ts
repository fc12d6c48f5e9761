import { timeOf } from '../../src/cli/output.ts';
import { scheduleOf, type Schedule } from '../../src/explain/index.ts';
import { growing } from '../../src/policies/backoff.ts';
import { layeredPolicy, type Policy } from '../../src/policies/policy.ts';
import { costAt, limitAt, limitFor, type Cost } from '../limit.ts';
import { html, type Html } from '../markup.ts';
import { frontierPlot, type Point } from '../plot.ts';
import type { Provider } from '../provider.ts';
import { askable, sliders, type SliderId } from '../schedule-form.ts';
import { timelineOf, type Lane } from '../timeline.ts';
import { element, inputOf } from './elements.ts';

type Numbers = Readonly<Record<SliderId, number>>;

/** The numbers of the adapter's own policy, for one write. */
function ownNumbers({ adapter }: Provider, operation: string): Numbers {
  const {
    firstMs = 3000,
    baseMs = 2000,
    ratio = 0.13,
    maxMs,
  } = {
    maxMs: 60_000,
    ...(layeredPolicy(adapter.policy, undefined).poll.backoff.toJSON?.() as Partial<
      Record<'firstMs' | 'baseMs' | 'ratio' | 'maxMs', number>
    >),
  };
  const { deadlineMs } = scheduleOf(adapter, { operation });
  return { first: firstMs, base: baseMs, ratio, most: maxMs, deadline: deadlineMs };
}

/** The policy of these numbers. */
const policyOf = ({ first, base, ratio, most, deadline }: Numbers): Policy => ({
  poll: { backoff: growing({ firstMs: first, baseMs: base, ratio, maxMs: most }), deadlineMs: deadline },
});

/** A slider's value that is nearest to a number. */
function placeOf(id: SliderId, value: number): number {
  const values: readonly number[] = sliders.find(slider => slider.id === id)?.values ?? [];
  return values.reduce(
    (best, each, index) => (Math.abs(each - value) < Math.abs((values[best] ?? 0) - value) ? index : best),
    0,
  );
}

const valueAt = (id: SliderId, place: number): number => sliders.find(slider => slider.id === id)?.values[place] ?? 0;

interface Compared {
  readonly name: string;
  readonly kind: Point['kind'];
  readonly schedule: Schedule;
  readonly cost: Cost;
  /** The least mean latency with as many queries, in seconds. */
  readonly leastS: number | undefined;
}

function compared(name: string, kind: Point['kind'], schedule: Schedule): Compared {
  const cost = costAt(schedule.asksAtMs.map(atMs => atMs / 1000));
  return { name, kind, schedule, cost, leastS: limitAt(limitFor(schedule.deadlineMs / 1000), cost.queries) };
}

/** Makes the page draw what its numbers say. */
export function startSchedule(providers: readonly Provider[]): void {
  let isOwn = true;
  const provider = (): Provider => {
    const found = providers.find(({ name }) => name === inputOf('provider').value) ?? providers[0];
    if (found === undefined) throw new Error('There is no provider.');
    return found;
  };
  const numbers = (): Numbers =>
    Object.fromEntries(sliders.map(({ id }) => [id, valueAt(id, Number(inputOf(id).value))])) as Record<
      SliderId,
      number
    >;
  const show = (): void => {
    const [from, operation] = [provider(), inputOf('operation').value];
    const own = compared(`${from.title}’s own`, 'own', scheduleOf(from.adapter, { operation }));
    const mine = compared('yours', 'mine', scheduleOf(from.adapter, { operation, policy: policyOf(numbers()) }));
    draw(isOwn ? [own] : [mine, own], numbers(), isOwn);
    for (const { id } of sliders) tellValue(id);
    remember(isOwn ? undefined : numbers());
  };
  const reset = (): void => {
    isOwn = true;
    const own = ownNumbers(provider(), inputOf('operation').value);
    for (const { id } of sliders) inputOf(id).value = String(placeOf(id, own[id]));
    show();
  };
  const choose = (wanted: string | null): void => {
    const names = askable(provider());
    inputOf('operation').innerHTML = html`${names.map(name => html`<option>${name}</option>`)}`.text;
    inputOf('operation').value =
      names.find(name => name === wanted) ?? names.find(name => name.endsWith('.charge')) ?? names[0] ?? '';
    reset();
  };
  const restore = (): void => {
    const hash = new URLSearchParams(location.hash.slice(1));
    if (providers.some(({ name }) => name === hash.get('p'))) inputOf('provider').value = hash.get('p') ?? '';
    choose(hash.get('o'));
    if (!sliders.some(({ id }) => hash.has(id))) return;
    isOwn = false;
    for (const { id } of sliders) if (hash.has(id)) inputOf(id).value = String(placeOf(id, Number(hash.get(id))));
    show();
  };
  element('schedule').addEventListener('input', ({ target }) => {
    if (target === inputOf('provider')) return choose(null);
    if (target === inputOf('operation')) return reset();
    isOwn = false;
    show();
  });
  element('reset').addEventListener('click', reset);
  addEventListener('hashchange', restore);
  addEventListener('resize', show);
  restore();
}

function tellValue(id: SliderId): void {
  const value = valueAt(id, Number(inputOf(id).value));
  const words = id === 'ratio' ? `${Math.round(value * 100)} %` : timeOf(value);
  inputOf(id).setAttribute('aria-valuetext', words);
  element(`${id}-value`).textContent = words;
}

function remember(numbers: Numbers | undefined): void {
  const hash = new URLSearchParams({ p: inputOf('provider').value, o: inputOf('operation').value });
  for (const [id, value] of Object.entries(numbers ?? {})) hash.set(id, String(value));
  history.replaceState(null, '', `#${hash}`);
}

function draw(all: readonly Compared[], numbers: Numbers, isOwn: boolean): void {
  const lanes: Lane[] = all.map(({ name, schedule }) => ({
    name: all.length === 1 ? 'open' : `open, ${name}`,
    follow: {
      steps: schedule.asksAtMs.map(atMs => ({ atMs, does: 'ask' })),
      end: { atMs: schedule.deadlineMs, outcome: 'unresolved' },
    },
  }));
  const [first] = all;
  element('times').innerHTML = timelineOf([...lanes, ...(first === undefined ? [] : [resends(first)])], 'payment').text;
  const plot = element('plot');
  const limit = limitFor((first?.schedule.deadlineMs ?? 0) / 1000);
  const points = all.map(({ name, kind, cost }) => ({ name, kind, ...cost }));
  plot.innerHTML = frontierPlot(limit, points, Math.max(260, plot.clientWidth)).text;
  element('numbers').innerHTML = table(all).text;
  element('policy').textContent = isOwn
    ? 'policy: {}   // the adapter’s own: nothing to set'
    : `policy: {\n  poll: {\n    backoff: growing({ firstMs: ${numbers.first}, baseMs: ${numbers.base}, ratio: ${numbers.ratio}, maxMs: ${numbers.most} }),\n    deadlineMs: ${numbers.deadline},\n  },\n}`;
}

const secondsOf = (seconds: number): string => (seconds < 60 ? `${seconds.toFixed(2)} s` : timeOf(seconds * 1000));

/** When it is sent again while each answer says that it was not processed. */
function resends({ schedule: { sendsAtMs } }: Compared): Lane {
  const steps = sendsAtMs.slice(1).map(atMs => ({ atMs, does: 'send' as const }));
  return { name: 'not processed', follow: { steps, end: { atMs: sendsAtMs.at(-1) ?? 0, outcome: 'rejected' } } };
}

function table(all: readonly Compared[]): Html {
  const row = (name: string, of: (each: Compared) => string): Html =>
    html`<tr><th scope="row">${name}</th>${all.map(each => html`<td class="number">${of(each)}</td>`)}</tr>`;
  return html`<thead><tr><td></td>${all.map(({ name }) => html`<th scope="col" class="number">${name}</th>`)}</tr></thead><tbody>
${row('Queries per payment', ({ cost }) => cost.queries.toFixed(2))}
${row('Told after it settles, mean', ({ cost }) => secondsOf(cost.meanS))}
${row('The least with as many queries', ({ leastS }) => (leastS === undefined ? '–' : secondsOf(leastS)))}
${row('Above the limit', ({ cost, leastS }) => (leastS === undefined ? '–' : `${Math.max(0, (cost.meanS / leastS - 1) * 100).toFixed(1)} %`))}
${row('Queries about one that never settles', ({ schedule }) => String(schedule.asksAtMs.length))}
${row('Deadline', ({ schedule }) => timeOf(schedule.deadlineMs))}</tbody>`;
}
