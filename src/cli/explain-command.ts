import { InvalidArgumentError } from 'commander';
import type { Verdict } from '../core/verdict.ts';
import { InputError } from '../core/errors.ts';
import { explain, type Explanation, type Meaning, type Next, type Step } from '../explain/index.ts';
import { asJson, labelledBy, timeOf, type Console, type Styles } from './output.ts';
import { providerList, providerOf } from './providers.ts';
import { jsonFrom } from './json-from.ts';
import { EXIT_CODES, exitCodes, type AddCommand, type Shell } from './shell.ts';

interface ExplainOptions {
  readonly operation?: string;
  readonly attempt: number;
  readonly status: number;
  readonly sent?: string;
  readonly json?: boolean;
}

/** `tillpaid explain`. */
export const addExplain: AddCommand = (parent, shell) => {
  parent
    .command('explain')
    .description('what a code or an answer means')
    .argument('<provider>', providerList())
    .argument('<answer>', 'a code, the JSON body of an answer, or - to read either from standard input')
    .option('-o, --operation <name>', 'only for this operation, such as payment.create')
    .option('-a, --attempt <number>', 'which send was answered; from 2 on an earlier one may have landed', whole, 1)
    .option('-s, --status <number>', 'the HTTP status of the answer', whole, 200)
    .option('--sent <JSON>', 'the fields that were sent, where the meaning depends on them')
    .option('--json', 'as JSON')
    .addHelpText('after', EXIT_CODES)
    .action(async (provider: string, answer: string, options: ExplainOptions) =>
      shell.ends(await explainCommand(provider, answer, options, shell)),
    );
};

function whole(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}

async function explainCommand(
  provider: string,
  answer: string,
  options: ExplainOptions,
  { terminal, styles }: Shell,
): Promise<number> {
  const { adapter, manual } = await providerOf(provider);
  const { operation, attempt, status, sent } = options;
  const given = (answer === '-' ? await terminal.stdin() : answer).trim();
  if (given === '') throw new InputError('There is nothing to explain: give a code, or the JSON body of an answer.');
  const explanation = explain(adapter, {
    ...(/^[[{]/.test(given) ? { body: jsonFrom('The answer', given) } : { code: given }),
    ...(operation !== undefined && { operation }),
    ...(sent !== undefined && { sent: fieldsOf(sent) }),
    attempt,
    status,
    manual,
  });
  terminal.stdout(options.json === true ? asJson(explanation) : textOf(explanation, terminal, styles));
  return explanation.listed ? exitCodes.done : exitCodes.notKnown;
}

function fieldsOf(text: string): Readonly<Record<string, unknown>> {
  const fields = jsonFrom('--sent', text);
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields))
    throw new InputError('--sent must be a JSON object with the fields that were sent.');
  return fields as Readonly<Record<string, unknown>>;
}

const LABEL = 17;

function textOf(explanation: Explanation, terminal: Console, styles: Styles): string {
  const { provider, listed, related, meanings, didYouMean } = explanation;
  const lines = meanings.flatMap(meaning => ['', ...linesOf(provider, meaning, terminal, styles)]);
  if (!listed) {
    const near = didYouMean === undefined ? '' : ` Did you mean ${didYouMean}?`;
    lines.unshift(styles.bold(`No row of ${provider}'s tables knows it.${near} What follows from an unknown answer:`));
  }
  if (related.length > 0) lines.push('', `See also: ${related.join(', ')}`);
  return `${lines.join('\n').replace(/^\n/, '')}\n`;
}

function linesOf(provider: string, meaning: Meaning, terminal: Console, styles: Styles): string[] {
  const { code, operations, verdict, row, first, mayHaveLanded, asked = [], todo, depends, pages } = meaning;
  const labelled = labelledBy(terminal, styles, LABEL);
  const step = (label: string, { verdict: seen, next }: Step): string[] =>
    labelled(label, [...(meansSame(seen, verdict) ? [] : [wordsOf(seen)]), whatNext(next)].join(': '));
  return [
    `${styles.bold(`${provider} ${code}`)}  ${operations.join(', ')}`,
    `  ${colored(verdict, styles)}`,
    ...(verdict.message === undefined ? [] : labelled('it says', verdict.message)),
    ...(first === undefined ? [] : step('first send', first)),
    ...(mayHaveLanded === undefined ? [] : step('may have landed', mayHaveLanded)),
    ...asked.flatMap(each => step('asked about', each).concat(labelled('', `(${each.writes.join(', ')})`))),
    ...labelled('to do', todo),
    ...labelled('row', row === undefined ? 'none: a fallback rule decided' : rowOf(code, row)),
    ...(depends
      ? labelled('note', 'What else was sent or answered can change this: give the whole answer, or --sent.')
      : []),
    ...pages.flatMap((page, index) => labelled(index === 0 ? 'manual' : '', page)),
  ];
}

const rowOf = (code: string, row: NonNullable<Meaning['row']>): string => {
  const { kind, reason, advice, ...given } = row;
  const { outcome, ...more } = { outcome: undefined, ...given };
  const rest = Object.entries(more).map(([name, value]) => (value === true ? name : `${name}: ${String(value)}`));
  return [`'${code}'`, kind, ...(outcome === undefined ? [] : [outcome]), reason, ...rest].join(' · ');
};

const meansSame = (one: Verdict, other: Verdict): boolean => wordsOf(one) === wordsOf(other);

const wordsOf = (verdict: Verdict): string =>
  [verdict.kind, ...(verdict.kind === 'terminal' ? [verdict.outcome] : []), verdict.reason].join(' · ');

export function colored(verdict: Pick<Verdict, 'kind' | 'reason'> & { outcome?: string }, styles: Styles): string {
  const { kind, outcome, reason } = verdict;
  const isGood = outcome === 'succeeded' || outcome === 'created' || outcome === 'authorized';
  const style = kind !== 'terminal' ? styles.open : isGood ? styles.good : styles.bad;
  return style([kind, ...(outcome === undefined ? [] : [outcome]), reason].join(' · '));
}

function whatNext(next: Next): string {
  if (next.does === 'settle') return `settles, ${next.outcome}`;
  const when = next.withinMs === 0 ? 'at once' : `within ${timeOf(next.withinMs)}`;
  return next.does === 'ask' ? `asks the gateway ${when}` : `sends the same again ${when}`;
}
