import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { channelNames } from '../../src/diagnostics/index.ts';
import { instruments, type Metric } from '../../src/otel/index.ts';
import { main } from '../../examples/telemetry/main.ts';

/** What is shipped beside the code, held to it: the dashboard, the alerts, the page and the example. */
const textOf = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const page = textOf('docs/observability.md');
const alerts = textOf('examples/telemetry/alerts.yaml');

interface Panel {
  readonly title: string;
  readonly targets: readonly { readonly expr: string }[];
}
const dashboard = JSON.parse(textOf('examples/telemetry/dashboard.json')) as { panels: Panel[] };
const queries = dashboard.panels.flatMap(({ title, targets }) =>
  targets.map(({ expr }) => [`panel ${title}`, expr] as const),
);

/** Each alert: its name, what it asks, and what it says. */
const rules = alerts
  .split(/^ {6}- alert: /m)
  .slice(1)
  .map(text => {
    const [name = ''] = text.split('\n', 1);
    const expr = /^ {8}expr: (?:\|\n)?(.*?)^ {8}\w/ms.exec(text)?.[1] ?? '';
    return { name, expr, text };
  });

const dotless = (name: string): string => name.replaceAll('.', '_');

/**
 * The names a metric has in Prometheus: by OTLP with its unit, as OpenTelemetry's compatibility page has it; from
 * `@opentelemetry/exporter-prometheus` without.
 */
function prometheusNames(name: string, { kind, unit }: Metric): string[] {
  const bases = unit === 's' ? [`${dotless(name)}_seconds`, dotless(name)] : [dotless(name)];
  if (kind === 'counter') return bases.map(base => `${base}_total`);
  return kind === 'histogram' ? bases.flatMap(base => [`${base}_bucket`, `${base}_sum`, `${base}_count`]) : bases;
}

const metrics = Object.entries(instruments);
const known = new Map(metrics.flatMap(([name, metric]) => prometheusNames(name, metric).map(each => [each, metric])));
const labels = new Set(metrics.flatMap(([, { attributes }]) => attributes.map(dotless)));
const namesIn = (text: string): string[] => [...new Set(text.match(/\btillpaid_\w+/g))];

/** What a query asks, metric by metric, with the labels it selects by. */
const selections = (expr: string): (readonly [string, string[]])[] =>
  [...expr.matchAll(/\b(tillpaid_\w+)(?:\{([^}]*)\})?/g)].flatMap(([, name = '', selector = '']) =>
    known.has(name)
      ? [[name, [...selector.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label = '']) => label)] as const]
      : [],
  );

describe.each([
  ['the dashboard', queries],
  ['the alert rules', rules.map(({ name, expr }) => [name, expr] as const)],
])('%s', (_what, asked) => {
  it.each(asked)('asks for metrics and labels that there are: %s', (_title, expr) => {
    expect(expr.trim()).not.toBe('');
    expect(namesIn(expr).filter(name => !known.has(name) && !labels.has(name))).toEqual([]);
    for (const [name, selected] of selections(expr))
      expect(known.get(name)?.attributes.map(dotless)).toEqual(expect.arrayContaining(selected));
    expect(selections(expr).length).toBeGreaterThan(0);
  });

  it.each(asked)('groups by labels that its metrics have: %s', (_title, expr) => {
    const groups = [...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(/,\s*/));
    const had = selections(expr).flatMap(([name]) => known.get(name)?.attributes.map(dotless) ?? []);
    expect(groups.filter(label => label !== 'le' && !had.includes(label))).toEqual([]);
  });

  it.each(asked)('asks for a name without its unit too, as the exporter of the SDK has it: %s', (_title, expr) => {
    for (const [asked] of expr.matchAll(/\btillpaid_\w+_seconds\w*(?:\{[^}]*\})?/g))
      expect(expr.replaceAll(asked, '')).toContain(asked.replace('_seconds', ''));
  });

  it.each(asked)('closes what it opens: %s', (_title, expr) => {
    const count = (character: string): number => expr.split(character).length;
    expect([count('('), count('{'), count('[')]).toEqual([count(')'), count('}'), count(']')]);
  });
});

it('the dashboard shows every metric', () => {
  const shown = new Set(queries.flatMap(([, expr]) => selections(expr).map(([name]) => known.get(name))));
  expect(metrics.filter(([, metric]) => !shown.has(metric)).map(([name]) => name)).toEqual([]);
});

describe('the alert rules', () => {
  it('are those that an on-call engineer needs', () => {
    expect(rules.length).toBe(15);
    expect(new Set(rules.map(({ name }) => name)).size).toBe(rules.length);
  });

  it.each(
    rules.map(({ name, text }) => [name, text] as const),
  )('%s says what it is, how urgent, and what to do', (_name, text) => {
    expect(text).toMatch(/^ {8}labels: \{ severity: (?:page|ticket) \}$/m);
    expect(text).toMatch(/^ {10}summary: ".{20,}"$/m);
    expect(/^ {10}description: >-\n(.*)/ms.exec(text)?.[1]?.trim().length).toBeGreaterThan(120);
  });

  it('name in their texts only metrics and labels that there are', () => {
    expect(namesIn(alerts).filter(name => !known.has(name) && !labels.has(name))).toEqual([]);
  });

  it('shows in its text only labels that it groups by', () => {
    for (const { name, expr, text } of rules) {
      const used = [...text.matchAll(/\$labels\.(\w+)/g)].map(([, label = '']) => label);
      for (const label of used) expect([name, expr]).toEqual([name, expect.stringContaining(label)]);
    }
  });

  it('see a counter that begins at 1, wherever one event is enough', () => {
    const single = rules.filter(({ expr }) =>
      /increase\(tillpaid_\w+(?:\{[^}]*\})?\[\w+\]\)\) > 0\s*(?:or|$)/m.test(expr),
    );
    expect(single.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['TillpaidParked', 'TillpaidUnlistedCode', 'TillpaidMoneyWarning', 'TillpaidWarning']),
    );
    for (const { name, expr } of single)
      expect([name, expr]).toEqual([name, expect.stringMatching(/unless \w+ offset/)]);
  });

  it('compare no increase with 0: a series that is gone since a deploy has none, and nothing is equal to it', () => {
    for (const { name, expr } of rules) expect([name, expr]).toEqual([name, expect.not.stringContaining('== 0')]);
  });

  it('are all in the page, and no others', () => {
    const listed = [...page.matchAll(/^\| `(Tillpaid\w+)` \|/gm)].map(([, name]) => name);
    expect(listed).toEqual(rules.map(({ name }) => name));
  });
});

describe('the page', () => {
  it('has a row for each metric, as the code has it', () => {
    const rows = [...page.matchAll(/^\| `(tillpaid\.[\w.]+)` \| (.*) \|$/gm)].map(
      ([, name, rest]) => `${name ?? ''} | ${rest ?? ''}`,
    );
    const wanted = metrics.map(
      ([name, { kind, unit, description, attributes }]) =>
        `${name} | ${kind} | \`${unit}\` | ${description} | ${attributes.map(each => `\`${each}\``).join(', ')}`,
    );
    expect(rows).toEqual(wanted);
  });

  it('has a row for each event, a gateway’s and a worker’s', () => {
    const [, ofGateway = '', ofWorker = ''] = /\n## Events\n(.*?)\nA worker's `onEvent`(.*?)\n## /s.exec(page) ?? [];
    const typesIn = (text: string): string[] => [...text.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, type = '']) => type);
    const types = (prefix: string): string[] =>
      channelNames.filter(name => name.startsWith(prefix)).map(name => name.slice(prefix.length));
    const isOfGateway = (type: string): boolean => type !== 'exchange' && !type.includes(':');
    expect(typesIn(ofGateway).sort()).toEqual(types('tillpaid:').filter(isOfGateway).sort());
    expect(typesIn(ofWorker).sort()).toEqual(types('tillpaid:worker:').sort());
  });

  it('names only metrics of Prometheus that there are', () => {
    expect(namesIn(page).filter(name => !known.has(name) && !labels.has(name))).toEqual([]);
  });
});

describe('the example', () => {
  it('prints a trace as a tree, as the page has it, and the metrics', async () => {
    const { trace, metrics: told } = await main();
    const [, printed = ''] = /```text\n(#5 POST .*?)```/s.exec(page) ?? [];
    expect(trace.slice(0, 11)).toEqual(printed.trimEnd().split('\n'));
    const follows = trace.filter(line => line.includes('follow payment.create'));
    expect(follows.length).toBeGreaterThan(1);
    for (const line of follows) expect(line).toMatch(/-> #\d+/);
    expect(told).toContain(
      'tillpaid.settlements tillpaid.gateway=qfpay tillpaid.operation=payment.charge tillpaid.outcome=succeeded tillpaid.settled_by=query 1 {settlement}',
    );
    expect(told).toContain(
      'tillpaid.payments.open tillpaid.gateway=zalopay tillpaid.operation=payment.create 0 {payment}',
    );
    expect([...trace, ...told].join('\n')).not.toMatch(/ORDER-1|260101|284957|50000|70000|secret/);
  });
});
