import type { CodeTable, Row } from '../core/code-table.ts';
import { isWrite, operationOf, type Operation } from '../core/operation.ts';
import type { Verdict } from '../core/verdict.ts';
import type { Adapter } from '../kit/adapter.ts';
import { checkFields } from '../kit/fields.ts';
import type { AdapterSamples, Sample } from './sample.ts';

/** What registers checks: `{ describe, it }` of vitest or `node:test`, or a `{ test }` alone. */
export type ContractRunner =
  | {
      readonly describe: (title: string, body: () => void) => unknown;
      readonly it: (title: string, check: () => void) => unknown;
    }
  | { readonly test: (title: string, check: () => void) => unknown };

/** An adapter, whatever the types of its fields. */
export type ContractAdapter = Pick<Adapter, 'name' | 'operations' | 'read' | 'classify'>;

/**
 * Registers what every adapter must keep, as one check each: the suite that tillpaid's own adapters pass. A check that
 * fails throws a plain `Error` that says which answer was read wrongly; it needs no assertion library.
 *
 * `samples` are yours: answers as the provider's manual shows them, each with the verdict it must get; every code of the
 * manual by operation; complete fields of each operation; and the secrets among the adapter's made-up credentials.
 *
 * Checked is that
 * - every sample gets its verdict, and every kind of verdict and outcome that the tables use has a sample;
 * - every code of the manual has a row in each table of its operation;
 * - the complete fields pass the checks of their operation, and no operation is left out;
 * - an empty, unreadable or strange answer is unlisted and never final, and keeps a write open: it is asked about;
 * - nothing is final under a 5xx, a 3xx or a 429;
 * - once an earlier send may have landed, only the write's own success is final;
 * - `read` and `codes` throw at nothing they are made to read;
 * - no secret is found in the adapter as a value, however it is printed.
 *
 * @example
 * ```ts
 * import { describe, it } from 'node:test'; // or from 'vitest'
 *
 * adapterContract(lantern({ shop: 'shop-1', key: 'made-up-lantern-key' }), samples, { describe, it });
 * ```
 */
export function adapterContract(adapter: ContractAdapter, samples: AdapterSamples, runner: ContractRunner): void {
  const checks = [...sampleChecks(adapter, samples), ...answerChecks(adapter, samples)];
  const register = (add: (title: string, check: () => void) => unknown): void => {
    for (const [title, check] of checks) add(title, check);
  };
  const suite = `the ${adapter.name} adapter keeps the contract`;
  if ('test' in runner) register((title, check) => runner.test(`${suite}: ${title}`, check));
  else runner.describe(suite, () => register(runner.it));
}

type Check = readonly [title: string, check: () => void];

/** What the samples show, and whether they are all there are to show. */
function sampleChecks(adapter: ContractAdapter, { samples, manual, complete, secrets }: AdapterSamples): Check[] {
  const tables = (operation: string): readonly CodeTable[] => tablesOf(adapter, operation, samples);
  return [
    ...samples.map((sample): Check => [sample.title, () => checkSample(adapter, sample)]),
    [
      'has a sample of every kind and outcome its tables use',
      () => {
        const seen = new Set(samples.map(({ exchange }) => wordOf(adapter.classify(exchange))));
        const used = Object.keys(adapter.operations)
          .flatMap(tables)
          .flatMap(table => Object.values(table).map(wordOf));
        none(
          'no sample is',
          [...new Set(used)].filter(word => !seen.has(word)),
        );
      },
    ],
    [
      'has a row, decided on purpose, for every code of the manual',
      () => {
        if (Object.keys(manual).length === 0) throw new Error('The samples name no code of the manual.');
        const missing = Object.entries(manual).flatMap(([operation, codes]) =>
          codes
            .filter(code => !tables(operation).every(table => Object.hasOwn(table, code)))
            .map(code => `${operation} ${code}`),
        );
        none('no row for', missing);
      },
    ],
    [
      'knows complete fields for every operation',
      () => {
        none(
          'no complete fields of',
          Object.keys(adapter.operations).filter(name => !Object.hasOwn(complete, name)),
        );
        for (const { name, required } of Object.values(adapter.operations)) checkFields(name, complete[name], required);
      },
    ],
    ['shows no secret when it is printed', () => checkSecrets(adapter, secrets)],
  ];
}

function checkSample(adapter: ContractAdapter, { exchange, verdict: expected }: Sample): void {
  const verdict = adapter.classify(exchange);
  const differs = Object.entries(expected).filter(([name, value]) => Reflect.get(verdict, name) !== value);
  if (differs.length > 0) fail(`${shown(exchange)} must be ${shown(expected)}`, verdict);
}

function checkSecrets(adapter: ContractAdapter, secrets: readonly string[]): void {
  if (secrets.length === 0) throw new Error('The samples name no secret of the made-up credentials.');
  const texts = [...textsIn(adapter), JSON.stringify(adapter)];
  // Which of them it is, is not printed either.
  const found = secrets.filter(secret => texts.some(text => text.includes(secret))).length;
  if (found > 0) throw new Error(`${found} of the secrets can be read off the adapter: keep them in closures.`);
}

/** What holds for any answer, whoever wrote it. */
function answerChecks(adapter: ContractAdapter, { samples }: AdapterSamples): Check[] {
  const forEach = (check: (adapter: ContractAdapter, sample: Sample) => void) => (): void => {
    for (const sample of samples) check(adapter, sample);
  };
  return [
    ...Object.values(adapter.operations).map(
      (operation): Check => [
        `an empty, unreadable or strange answer to ${operation.name} is unknown, never final`,
        () => checkStrangeAnswers(adapter, operation),
      ],
    ),
    ['believes no final word under a 5xx, a 3xx or a 429', forEach(checkStatuses)],
    [
      'calls no later answer of a write final but its own success, once an earlier send may have landed',
      forEach(checkLaterAnswer),
    ],
    ['never throws, whatever it is made to read', forEach(checkReading)],
  ];
}

function checkStrangeAnswers(adapter: ContractAdapter, operation: Operation): void {
  for (const body of strangeBodies) {
    for (const status of [200, 201, 204, 302, 400, 404, 429, 500, 503]) {
      const verdict = adapter.classify({ operation: operation.name, status, body });
      const what = `${shown(body)} under HTTP ${status}`;
      if (verdict.listed) fail(`${what} must have no row`, verdict);
      if (verdict.kind === 'terminal') fail(`${what} must not be final`, verdict);
      if (isWrite(operation) && verdict.kind !== 'poll-required') fail(`${what} must be asked about`, verdict);
    }
  }
}

function checkStatuses(adapter: ContractAdapter, { title, exchange }: Sample): void {
  for (const status of [302, 429, 500, 503]) {
    const verdict = adapter.classify({ ...exchange, status });
    if (verdict.kind === 'terminal') fail(`${title}: under HTTP ${status} it must not be final`, verdict);
  }
}

function checkLaterAnswer(adapter: ContractAdapter, { title, exchange }: Sample): void {
  if (!isWrite(operationOf(adapter, exchange.operation))) return;
  const verdict = adapter.classify({ ...exchange, attempt: 2, mayHaveLanded: true });
  const isOpen = verdict.kind !== 'terminal' || ['succeeded', 'created', 'authorized'].includes(verdict.outcome);
  if (!isOpen) fail(`${title}: after a send that may have landed it must be asked about`, verdict);
}

/** Throws what the adapter throws. */
function checkReading(adapter: ContractAdapter, { exchange }: Sample): void {
  const operation = operationOf(adapter, exchange.operation);
  for (const body of [
    ...strangeBodies,
    exchange.body,
    JSON.stringify(exchange.body),
    { data: exchange.body },
    { data: [exchange.body, null, 7] },
    [exchange.body],
  ]) {
    const made = { ...exchange, body };
    adapter.classify(made);
    // What `classify` only names, so that the payment stays open, is a mistake all the same.
    if (typeof body === 'object' && body !== null) (operation.read ?? adapter.read)(made);
    if (typeof operation.codes === 'function') operation.codes(made);
  }
}

const strangeBodies: readonly unknown[] = [
  {},
  [],
  null,
  '',
  'ok',
  0,
  1,
  true,
  '<html>',
  Object.assign(Object.create(null) as object, { constructor: '0000' }),
  { respcd: '__proto__', return_code: 'constructor' },
  { code: '__proto__', status: 'constructor' },
];

/** A table chosen by what was sent: every sample of the operation chooses one. */
function tablesOf(adapter: ContractAdapter, name: string, samples: AdapterSamples['samples']): readonly CodeTable[] {
  const { codes } = operationOf(adapter, name);
  if (typeof codes !== 'function') return [codes];
  const chosen = samples.filter(({ exchange }) => exchange.operation === name).map(({ exchange }) => codes(exchange));
  return [...new Set([...chosen, codes({ operation: name, status: 200, body: {} })])];
}

const wordOf = (said: Verdict | Row): string => (said.kind === 'terminal' ? said.outcome : said.kind);

/** Every text that can be read off a value, names included, hidden ones too. */
function textsIn(root: object): readonly string[] {
  const seen = new Set<unknown>();
  const texts: string[] = [];
  const visit = (value: unknown): void => {
    if (typeof value === 'string') texts.push(value);
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null || seen.has(value)) return;
    seen.add(value);
    if (value instanceof Map || value instanceof Set) for (const each of value) visit(each);
    for (const key of Reflect.ownKeys(value)) {
      texts.push(String(key));
      const property = Reflect.getOwnPropertyDescriptor(value, key);
      if (property !== undefined && 'value' in property) visit(property.value);
    }
  };
  visit(root);
  return texts;
}

function none(what: string, found: readonly string[]): void {
  if (found.length > 0) throw new Error(`There is ${what}: ${found.join(', ')}.`);
}

function fail(expected: string, verdict: Verdict): never {
  throw new Error(`${expected}; it was read as ${shown(verdict)}.`);
}

const shown = (value: unknown): string => JSON.stringify(value);
