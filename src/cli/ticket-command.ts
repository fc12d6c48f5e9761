import { Option, type Command } from 'commander';
import { systemClock } from '../clock.ts';
import { InputError } from '../core/errors.ts';
import { parseTicket } from '../core/parse-ticket.ts';
import { printable } from '../core/printable.ts';
import type { Ticket } from '../core/ticket.ts';
import { isFinal, type Verdict } from '../core/verdict.ts';
import {
  checkTicketSeal,
  explainTicket,
  todoAfterAsking,
  type SealState,
  type TicketExplanation,
} from '../explain/index.ts';
import { adapterWith, CREDENTIALS, textOfFile, variableOf, type CredentialOptions } from './credentials.ts';
import { colored } from './explain-command.ts';
import { jsonIn } from './json-from.ts';
import { asJson, labelledBy, whenOf, type Console } from './output.ts';
import { providerNames, providerOf } from './providers.ts';
import { EXIT_CODES, exitCodes, type AddCommand, type Shell } from './shell.ts';

interface SealOptions {
  readonly sealKeyEnv?: readonly string[];
  readonly sealKeyEncoding: 'text' | 'hex' | 'base64';
}

interface ShowOptions extends SealOptions {
  readonly json?: boolean;
}

interface AskOptions extends ShowOptions, CredentialOptions {}

/** `tillpaid ticket`, and `tillpaid ticket ask`. */
export const addTicket: AddCommand = (parent, shell) => {
  const ticket = parent
    .command('ticket')
    .usage('[ask] <file> [options]')
    .description('a stored ticket in words; ask once')
    .addHelpText('after', EXIT_CODES);
  const what = 'the JSON of a ticket, or of what has one (a settlement, a journal’s row); - reads standard input';
  const withSeal = (command: Command): Command =>
    command
      .option('--seal-key-env <NAME...>', 'check its seal by the key in this environment variable; older keys after it')
      .addOption(
        new Option('--seal-key-encoding <how>', 'how the variable holds the key')
          .choices(['text', 'hex', 'base64'])
          .default('text'),
      )
      .option('--json', 'as JSON');
  withSeal(
    ticket
      .command('show', { isDefault: true })
      .description('what it is, what is known of it, what you do; sends nothing')
      .argument('<file>', what),
  )
    .addHelpText('after', EXIT_CODES)
    .action(async (file: string, options: ShowOptions) => shell.ends(await showTicket(file, options, shell)));
  withSeal(
    ticket
      .command('ask')
      .description('ask the gateway once how it stands; never sends a payment')
      .argument('<file>', what)
      .option('--credentials <file>', 'a file with your credentials')
      .option('--credentials-env <NAME>', 'an environment variable with them'),
  )
    .addHelpText('after', `${CREDENTIALS}\n${EXIT_CODES}`)
    .action(async (file: string, options: AskOptions) => shell.ends(await askTicket(file, options, shell)));
};

async function showTicket(file: string, options: ShowOptions, shell: Shell): Promise<number> {
  const { terminal } = shell;
  const ticket = await ticketIn(file, terminal);
  const adapter = providerNames().includes(ticket.gateway) ? (await providerOf(ticket.gateway)).adapter : undefined;
  const explanation = explainTicket(ticket, { adapter, nowMs: systemClock.now() });
  const seal = sealOf(ticket, options, terminal);
  terminal.stdout(
    options.json === true
      ? asJson({ ...explanation, ...(seal !== undefined && { seal }) })
      : `${ticketLines(explanation, seal, shell).join('\n')}\n`,
  );
  return isSealWrong(seal) ? exitCodes.notAsSealed : exitCodes.done;
}

async function askTicket(file: string, options: AskOptions, { terminal, styles }: Shell): Promise<number> {
  const ticket = await ticketIn(file, terminal);
  const seal = sealOf(ticket, options, terminal);
  if (isSealWrong(seal)) {
    terminal.stderr(`tillpaid: ${sealWords[seal]} Nothing was asked.\n`);
    return exitCodes.notAsSealed;
  }
  if (!providerNames().includes(ticket.gateway))
    throw new InputError(
      `This command knows no provider ${JSON.stringify(printable(ticket.gateway))}: ask with gateway.ask(ticket).`,
    );
  const adapter = await adapterWith(ticket.gateway, ticket.environment, options, terminal);
  const { createGateway } = await import('../index.ts');
  const [key, ...previousKeys] = keysOf(options, terminal);
  const gateway = createGateway({ adapter, ...(key !== undefined && { ticketSeal: { key, previousKeys } }) });
  let latest = ticket;
  const onTicket = (learnt: Ticket): void => void (latest = learnt);
  const verdict = await gateway.ask(ticket, { onTicket, signal: terminal.interrupted });
  const todo = todoAfterAsking(verdict, adapter.name);
  terminal.stdout(
    options.json === true
      ? asJson({ verdict, isFinal: isFinal(verdict, { effect: 'read' }), todo, ticket: latest })
      : `${answerLines(latest, verdict, todo, { terminal, styles }).join('\n')}\n`,
  );
  return isFinal(verdict, { effect: 'read' }) ? exitCodes.done : exitCodes.notKnown;
}

/** @throws {InputError} or {TicketError} */
async function ticketIn(file: string, terminal: Console): Promise<Ticket> {
  if (file === 'show' || file === 'ask')
    throw new InputError(
      `Name the file of the ticket: tillpaid ticket ${file} <file>. A file of that name is ./${file}.`,
    );
  const text = file === '-' ? await terminal.stdin() : textOfFile(file);
  const found = jsonIn(file === '-' ? 'Standard input' : `The file ${file}`, text);
  const isHolder = typeof found === 'object' && found !== null && 'ticket' in found;
  return parseTicket(isHolder ? found.ticket : found);
}

function keysOf({ sealKeyEnv = [], sealKeyEncoding }: SealOptions, { env }: Console): (string | Uint8Array)[] {
  return sealKeyEnv.map(name => {
    const value = variableOf(name, env);
    return sealKeyEncoding === 'text' ? value : new Uint8Array(Buffer.from(value, sealKeyEncoding));
  });
}

function sealOf(ticket: Ticket, options: SealOptions, terminal: Console): SealState | undefined {
  const [key, ...previousKeys] = keysOf(options, terminal);
  return key === undefined ? undefined : checkTicketSeal(ticket, { key, previousKeys });
}

const sealWords: Readonly<Record<SealState, string>> = {
  right: 'It is as it was sealed.',
  'right-by-previous-key': 'It is as it was sealed, by an older key.',
  wrong:
    'The seal is wrong: the ticket was changed, or sealed with another key. Do not use it, and look who can write where it was kept.',
  missing: 'The ticket has no seal.',
};

const isSealWrong = (seal: SealState | undefined): seal is 'wrong' | 'missing' =>
  seal === 'wrong' || seal === 'missing';

const LABEL = 10;

function ticketLines(
  explanation: TicketExplanation,
  seal: SealState | undefined,
  { terminal, styles }: Pick<Shell, 'terminal' | 'styles'>,
): string[] {
  const { provider, operation, environment, account, baseUrl, reference, expect, openedAt } = explanation;
  const { lastSentAt, expiresAt, isSealed, query, known, todo } = explanation;
  const labelled = labelledBy(terminal, styles, LABEL);
  const nowMs = systemClock.now();
  const unchecked = isSealed ? 'It has one, which was not checked: --seal-key-env.' : undefined;
  const sealLine = seal === undefined ? unchecked : sealWords[seal];
  return [
    `${styles.bold(`${provider} ${operation}`)}  ${environment}, account ${account}`,
    ...(baseUrl === undefined ? [] : labelled('at', baseUrl)),
    ...Object.entries(reference).flatMap(([name, value], index) =>
      labelled(index === 0 ? 'number' : '', `${name} ${value}`),
    ),
    ...(expect === undefined ? [] : labelled('money', [expect.amount, expect.currency ?? ''].join(' ').trim())),
    ...labelled('opened', whenOf(openedAt, nowMs)),
    ...labelled('sent', lastSentAt === undefined ? 'no send is known' : whenOf(lastSentAt, nowMs)),
    ...(expiresAt === undefined ? [] : labelled('payable', `until ${whenOf(expiresAt, nowMs)}`)),
    ...known.flatMap((each, index) => labelled(index === 0 ? 'known' : '', each)),
    ...(query === undefined ? [] : labelled('asked by', query)),
    ...(sealLine === undefined
      ? []
      : labelled('seal', sealLine).map(line => (isSealWrong(seal) ? styles.bad(line) : line))),
    ...labelled('to do', todo),
  ];
}

function answerLines(
  ticket: Ticket,
  verdict: Verdict,
  todo: string,
  { terminal, styles }: Pick<Shell, 'terminal' | 'styles'>,
): string[] {
  const labelled = labelledBy(terminal, styles, LABEL);
  const numbers = Object.values(ticket.reference).map(printable);
  return [
    `${styles.bold(`${ticket.gateway} ${printable(ticket.operation)}`)}  ${numbers.join(', ')}`,
    `  ${colored(verdict, styles)}`,
    ...labelled('code', printable(verdict.code)),
    ...(verdict.message === undefined ? [] : labelled('it says', printable(verdict.message))),
    ...labelled('to do', todo),
  ];
}
