import { InvalidArgumentError, type Command } from 'commander';
import { systemClock } from '../clock.ts';
import { didYouMean } from '../core/did-you-mean.ts';
import { InputError } from '../core/errors.ts';
import { printable } from '../core/printable.ts';
import type { Journal, RowCount, RowFilter, RowState, RowSummary } from '../journal/index.ts';
import { openJournal, WHERE, type SourceOptions } from './journal-source.ts';
import { asJson, labelledBy, lineOfJson, whenOf, type Styles } from './output.ts';
import { EXIT_CODES, exitCodes, type AddCommand, type Shell } from './shell.ts';

interface CommonOptions extends SourceOptions {
  readonly json?: boolean;
}

interface ListOptions extends CommonOptions {
  readonly state?: RowState;
  readonly account?: string;
  readonly limit: number;
  readonly before?: number;
}

interface ShowOptions extends CommonOptions {
  readonly ticket?: boolean;
}

interface ChangeOptions extends CommonOptions {
  readonly yes?: boolean;
}

interface RedriveOptions extends ChangeOptions {
  readonly all?: boolean;
  readonly account?: string;
}

interface ArchiveOptions extends ChangeOptions {
  readonly olderThan?: number;
  readonly undelivered?: boolean;
}

interface PurgeOptions extends ChangeOptions {
  readonly state: 'delivered' | 'archived' | 'unsent';
  readonly olderThan: number;
}

const states: readonly RowState[] = [
  ...(['intended', 'leaving', 'open', 'settled', 'delivered', 'archived', 'unsent', 'parked'] as const),
];

/** `tillpaid journal …`. */
export const addJournal: AddCommand = (parent, shell) => {
  const journal = parent
    .command('journal')
    .usage('<command> <journal> [options]')
    .description('list, show, redrive, export')
    .addHelpText('after', `\nA journal is named by ${WHERE}.\n${EXIT_CODES}`);
  const command = (usage: string, description: string): Command =>
    journal
      .command(usage)
      .description(description)
      .argument('<journal>', WHERE)
      .option('--schema <name>', 'of PostgreSQL: where the tables are (default: tillpaid)')
      .option('--pooler', 'of PostgreSQL: behind a pooler that keeps no session, such as PgBouncer')
      .addHelpText('after', EXIT_CODES);
  addLooks(command, shell);
  addChanges(command, shell);
};

type MakeCommand = (usage: string, description: string) => Command;

/** What only looks: the journal is opened to be read. */
function addLooks(command: MakeCommand, shell: Shell): void {
  command('list', 'rows in plain words, the newest first')
    .option('-s, --state <state>', `only in this state: ${states.join(', ')}`, stateNamed)
    .option('--account <account>', 'only of this account, as “counts” names it')
    .option('-n, --limit <number>', 'how many', aCount, 20)
    .option('--before <time>', 'only opened before this: the next page', aTime)
    .option('--json', 'as JSON')
    .action(async (named: string, options: ListOptions) => shell.ends(await listRows(named, options, shell)));
  command('show', 'all that is known of one row')
    .argument('<number>', 'a number of yours or of the provider’s, or the id of the row')
    .option('--ticket', 'its ticket alone, as JSON: for “tillpaid ticket ask -”')
    .option('--json', 'as JSON')
    .action(async (named: string, number: string, options: ShowOptions) =>
      shell.ends(await showRow(named, number, options, shell)),
    );
  command('counts', 'how many rows each account has in each state, and how many are overdue')
    .option('--json', 'as JSON')
    .action(async (named: string, options: CommonOptions) => shell.ends(await countRows(named, options, shell)));
  command('export', 'every row as a line of JSON, the newest first')
    .option('-s, --state <state>', `only in this state: ${states.join(', ')}`, stateNamed)
    .option('--account <account>', 'only of this account, as “counts” names it')
    .action(async (named: string, options: ListOptions) => shell.ends(await exportRows(named, options, shell)));
}

/** What changes something: it asks first, or needs --yes. */
function addChanges(command: MakeCommand, shell: Shell): void {
  const withYes = (made: Command): Command =>
    made.option('-y, --yes', 'without a question').option('--json', 'as JSON');
  withYes(command('redrive', 'parked rows go on: what failed is tried anew, what stayed open is asked about'))
    .argument('[number]', 'one row, by a number of its or its id')
    .option('--all', 'all that are parked')
    .option('--account <account>', 'all that are parked of this account')
    .action(async (named: string, number: string | undefined, options: RedriveOptions) =>
      shell.ends(await redrive(named, number, options, shell)),
    );
  withYes(command('archive', 'of what is over, or what you have looked up, only number and outcome are kept'))
    .argument('[number]', 'one row, by a number of its or its id: you have found out how it ended')
    .option('--older-than <time>', 'all that is settled and unchanged for so long, such as 30d', aDuration)
    .option('--undelivered', 'also what onSettled has still to take, which is then gone')
    .action(async (named: string, number: string | undefined, options: ArchiveOptions) =>
      shell.ends(await archive(named, number, options, shell)),
    );
  withYes(command('purge', 'deletes rows that are over: their numbers can be used again'))
    .requiredOption('-s, --state <state>', 'delivered, archived or unsent')
    .requiredOption('--older-than <time>', 'unchanged for so long, such as 365d', aDuration)
    .action(async (named: string, options: PurgeOptions) => shell.ends(await purge(named, options, shell)));
}

function stateNamed(given: string): RowState {
  const state = states.find(each => each === given);
  if (state === undefined) throw new InvalidArgumentError(`There is no state ${didYouMean(given, states)}`);
  return state;
}

function aCount(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('It must be a whole number, 1 or more.');
  return Number(text);
}

function aTime(text: string): number {
  const atMs = Date.parse(text);
  if (Number.isNaN(atMs)) throw new InvalidArgumentError('It must be a time in ISO 8601, as “list” shows it.');
  return atMs;
}

const unitsMs: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

function aDuration(text: string): number {
  const [, count, unit = ''] = /^(\d{1,6})([mhd])$/.exec(text) ?? [];
  if (count === undefined) throw new InvalidArgumentError('It must be minutes, hours or days: 90m, 12h, 30d.');
  return Number(count) * (unitsMs[unit] ?? 0);
}

/** Opens it, and closes it whatever happens. */
async function withJournal<T>(
  named: string,
  options: SourceOptions,
  readOnly: boolean,
  { terminal }: Shell,
  work: (journal: Journal) => Promise<T>,
): Promise<T> {
  const { journal, close } = await openJournal(named, options, readOnly, terminal);
  try {
    return await work(journal);
  } finally {
    await close();
  }
}

async function listRows(named: string, options: ListOptions, shell: Shell): Promise<number> {
  const { terminal, styles } = shell;
  const { state, account, limit, before } = options;
  const filter: RowFilter = {
    limit: limit + 1,
    ...(state !== undefined && { state }),
    ...(account !== undefined && { account }),
    ...(before !== undefined && { openedBeforeMs: before }),
  };
  const found = await withJournal(named, options, true, shell, journal => journal.list(filter));
  const rows = found.slice(0, limit);
  if (options.json === true) terminal.stdout(asJson(rows));
  else terminal.stdout(rows.map(row => `${lineOf(row, styles)}\n`).join(''));
  if (rows.length === 0) {
    terminal.stderr('tillpaid: there is no such row.\n');
    return exitCodes.notKnown;
  }
  const next = found[limit];
  if (next !== undefined) terminal.stderr(`tillpaid: there are more: --before ${justAfter(next)}, or --limit.\n`);
  return exitCodes.done;
}

/** Rows of one millisecond may be shown twice, and none is left out. */
const justAfter = ({ openedAt }: RowSummary): string => new Date(Date.parse(openedAt) + 1).toISOString();

const numbersOf = ({ reference }: RowSummary): string => Object.values(reference).join(' ');

const moneyOf = ({ expect }: RowSummary): string =>
  expect === undefined ? '' : [expect.amount, expect.currency ?? ''].join(' ').trim();

function stateIn({ state, outcome }: RowSummary, styles: Styles): string {
  const words = outcome === undefined ? state : `${state} ${outcome}`;
  const isBad = state === 'parked' || outcome === 'failed' || outcome === 'rejected';
  const isOver = state === 'settled' || state === 'delivered' || state === 'archived';
  return (isBad ? styles.bad : isOver ? styles.good : styles.open)(words.padEnd(19));
}

function lineOf(row: RowSummary, styles: Styles): string {
  const { openedAt, gateway, operation, parked } = row;
  const line = [openedAt, stateIn(row, styles), `${gateway} ${operation}`.padEnd(24), numbersOf(row), moneyOf(row)];
  const why = parked === undefined ? '' : `\n  ${styles.dim(`${parked.reason} ${parked.advice}`)}`;
  return `${line.join('  ').trimEnd()}${why}`;
}

/** The one row that is meant. @throws {InputError} where several go by that number */
async function rowNamed(journal: Journal, number: string): Promise<RowSummary | undefined> {
  const found = await journal.find(number);
  if (found.length > 1)
    throw new InputError(
      `${found.length} rows go by ${JSON.stringify(number)}. Name one by its id:\n${found.map(({ id }) => `  ${id}`).join('\n')}`,
    );
  return found[0];
}

function noRow(number: string, { terminal }: Shell): number {
  terminal.stderr(`tillpaid: no row goes by ${JSON.stringify(number)}.\n`);
  return exitCodes.notKnown;
}

async function showRow(named: string, number: string, options: ShowOptions, shell: Shell): Promise<number> {
  const { terminal } = shell;
  return withJournal(named, options, true, shell, async journal => {
    const row = await rowNamed(journal, number);
    if (row === undefined) return noRow(number, shell);
    const ticket = (await journal.store.get(row.id))?.data.ticket;
    if (options.ticket === true) terminal.stdout(asJson(ticket));
    else if (options.json === true) terminal.stdout(asJson({ ...row, ticket }));
    else terminal.stdout(`${rowLines(row, shell).join('\n')}\n`);
    return exitCodes.done;
  });
}

const LABEL = 11;

function rowLines(row: RowSummary, { terminal, styles }: Shell): string[] {
  const { id, gateway, operation, reference, openedAt, changedAt, dueAt, verdict, parked } = row;
  const { deliveriesWaiting, failures, isHeld } = row;
  const labelled = labelledBy(terminal, styles, LABEL);
  const nowMs = systemClock.now();
  const money = moneyOf(row);
  return [
    `${styles.bold(`${gateway} ${operation}`)}  ${stateIn(row, styles).trimEnd()}`,
    ...Object.entries(reference).flatMap(([name, value], index) =>
      labelled(index === 0 ? 'number' : '', `${name} ${value}`),
    ),
    ...(money === '' ? [] : labelled('money', money)),
    ...labelled('opened', whenOf(openedAt, nowMs)),
    ...labelled('changed', whenOf(changedAt, nowMs)),
    ...labelled('looked at', dueAt === undefined ? 'never by itself' : whenOf(dueAt, nowMs)),
    ...(isHeld ? labelled('held', 'a process is busy with it') : []),
    ...(verdict === undefined ? [] : labelled('last word', `${verdict.code} · ${verdict.reason}`)),
    ...(verdict?.message === undefined ? [] : labelled('it says', verdict.message)),
    ...(deliveriesWaiting === 0
      ? []
      : labelled('deliveries', `${deliveriesWaiting} that onSettled has still to take, ${failures} failures in a row`)),
    ...(parked === undefined
      ? []
      : [
          ...labelled('parked', `${whenOf(parked.at, nowMs)}, while it was ${parked.from}`),
          ...labelled('why', parked.reason),
          ...labelled('to do', parked.advice),
        ]),
    ...labelled('id', id),
  ];
}

async function countRows(named: string, options: CommonOptions, shell: Shell): Promise<number> {
  const { terminal, styles } = shell;
  const counts = await withJournal(named, options, true, shell, journal => journal.counts());
  if (options.json === true) terminal.stdout(asJson(counts));
  else if (counts.length === 0) terminal.stderr('tillpaid: the journal has no rows.\n');
  else terminal.stdout(`${countLines(counts, styles).join('\n')}\n`);
  return exitCodes.done;
}

function countLines(counts: readonly RowCount[], { bold, bad }: Styles): string[] {
  const nowMs = systemClock.now();
  return [...Map.groupBy(counts, ({ account }) => account)].flatMap(([account, rows]) => [
    bold(printable(account)),
    ...rows.map(({ state, rows: count, overdue, oldestDueAtMs }) => {
      const late = oldestDueAtMs === undefined ? '' : `, since ${whenOf(new Date(oldestDueAtMs).toISOString(), nowMs)}`;
      const line = `  ${state.padEnd(10)}${String(count).padStart(9)}`;
      return overdue === 0 ? line : `${line}  ${bad(`${overdue} overdue${late}`)}`;
    }),
  ]);
}

async function exportRows(named: string, options: ListOptions, shell: Shell): Promise<number> {
  const { state, account } = options;
  const filter = { ...(state !== undefined && { state }), ...(account !== undefined && { account }) };
  return withJournal(named, options, true, shell, async journal => {
    for await (const row of journal.each(filter)) shell.terminal.stdout(lineOfJson(row));
    return exitCodes.done;
  });
}

/** @returns whether it may be done @throws {InputError} where nobody can be asked */
async function mayChange(question: string, { yes }: ChangeOptions, { terminal }: Shell): Promise<boolean> {
  if (yes === true) return true;
  if (terminal.confirm === undefined) throw new InputError(`${question} Nobody can be asked here: say --yes.`);
  return terminal.confirm(question);
}

function told(rows: number, words: string, { json }: CommonOptions, { terminal }: Shell): number {
  terminal.stdout(json === true ? asJson({ rows }) : `${words}: ${rowsOf(rows)}\n`);
  return rows > 0 ? exitCodes.done : exitCodes.notKnown;
}

const rowsOf = (count: number): string => (count === 1 ? '1 row' : `${count} rows`);

function notDone({ terminal }: Shell): number {
  terminal.stderr('tillpaid: nothing was changed.\n');
  return exitCodes.notKnown;
}

async function redrive(
  named: string,
  number: string | undefined,
  options: RedriveOptions,
  shell: Shell,
): Promise<number> {
  const { all = false, account } = options;
  if ([number !== undefined, all, account !== undefined].filter(Boolean).length !== 1)
    throw new InputError(
      'Say what goes on: one row by its number, or --all, or --account. See “journal list --state parked”.',
    );
  const done = 'A worker takes up at its next turn';
  return withJournal(named, options, false, shell, async journal => {
    if (number !== undefined) {
      const row = await rowNamed(journal, number);
      if (row === undefined) return noRow(number, shell);
      shell.terminal.stderr(`${rowLines(row, shell).join('\n')}\n`);
      if (!(await mayChange('Let this row go on?', options, shell))) return notDone(shell);
      return told(await journal.redrive(row.id), done, options, shell);
    }
    const counts = (await journal.counts()).filter(
      each => each.state === 'parked' && (all || each.account === account),
    );
    const parked = counts.reduce((sum, { rows }) => sum + rows, 0);
    if (parked === 0) return told(0, 'Parked', options, shell);
    if (!(await mayChange(`Let ${rowsOf(parked)} go on?`, options, shell))) return notDone(shell);
    return told(await journal.redrive(account === undefined ? {} : { account }), done, options, shell);
  });
}

async function archive(
  named: string,
  number: string | undefined,
  options: ArchiveOptions,
  shell: Shell,
): Promise<number> {
  const { olderThan, undelivered = false } = options;
  if ((number === undefined) === (olderThan === undefined))
    throw new InputError('Say what is archived: one row by its number, or --older-than 30d.');
  const lost = undelivered ? ' What onSettled has still to take of it is then gone.' : '';
  return withJournal(named, options, false, shell, async journal => {
    if (olderThan !== undefined) {
      if (!(await mayChange(`Archive all that is settled and so old?${lost}`, options, shell))) return notDone(shell);
      return told(await journal.archive({ olderThanMs: olderThan, undelivered }), 'Archived', options, shell);
    }
    const row = await rowNamed(journal, number ?? '');
    if (row === undefined) return noRow(number ?? '', shell);
    shell.terminal.stderr(`${rowLines(row, shell).join('\n')}\n`);
    if (!(await mayChange(`Archive this row? Nothing more is done for it.${lost}`, options, shell)))
      return notDone(shell);
    return told(await journal.archive(row.id, { undelivered }), 'Archived', options, shell);
  });
}

async function purge(named: string, options: PurgeOptions, shell: Shell): Promise<number> {
  const { state, olderThan } = options;
  return withJournal(named, options, false, shell, async journal => {
    const question = `Delete every row that is ${state} and so old? Its number can then be used again.`;
    if (!(await mayChange(question, options, shell))) return notDone(shell);
    return told(await journal.purge({ state, olderThanMs: olderThan }), 'Deleted', options, shell);
  });
}
