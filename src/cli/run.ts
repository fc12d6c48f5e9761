import { Command, CommanderError, Option } from 'commander';
import { isInputError, isTicketError } from '../core/errors.ts';
import { addCodes } from './codes-command.ts';
import { addExplain } from './explain-command.ts';
import { addJournal } from './journal-command.ts';
import { addSchedule } from './schedule-command.ts';
import { addSimulate } from './simulate-command.ts';
import { addTicket } from './ticket-command.ts';
import { stylesFor, type Console } from './output.ts';
import { exitCodes, type Shell } from './shell.ts';

const EXAMPLES = `
Examples
  tillpaid explain qfpay 1298
  tillpaid explain zalopay - < answer.json
  tillpaid ticket ask ticket.json --credentials zalopay.json
  tillpaid journal list payments.db --state parked
  tillpaid simulate qfpay --port 8080 --fault reset-after-booking

Each command has --help. Exit codes: 0 known or done, 1 not known or not done,
2 wrong command, 3 something failed, 4 ticket not as it was sealed.`;

/** Runs one command line, without the two words before it. Returns the exit code, and throws nothing. */
export async function run(words: readonly string[], version: string, terminal: Console): Promise<number> {
  let exitCode = 0;
  const program = programOf(version, {
    terminal,
    styles: stylesFor(terminal),
    ends: code => (exitCode = code),
  });
  try {
    await program.parseAsync(words, { from: 'user' });
    return exitCode;
  } catch (error) {
    // Help and version end here too; commander has written what is wrong.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.wrong;
    terminal.stderr(`tillpaid: ${wordsOf(error)}\n`);
    return isInputError(error) || isTicketError(error) ? exitCodes.wrong : exitCodes.failed;
  }
}

/** Several failed connections have no words of their own. */
function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.message !== '') return error.message;
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}

function programOf(version: string, shell: Shell): Command {
  const { terminal } = shell;
  const program = new Command('tillpaid')
    .description('What payment gateways answer, and what to do about it.')
    .usage('<command> …')
    .addHelpOption(new Option('-h, --help').hideHelp())
    .helpCommand(false)
    .configureHelp({
      subcommandTerm: command =>
        [
          command.name(),
          command
            .usage()
            .replace(/^\[options\] /, '')
            .replace(/ \[options\]$/, ''),
        ].join(' '),
    })
    .exitOverride()
    .showSuggestionAfterError()
    .configureOutput({
      writeOut: terminal.stdout,
      writeErr: terminal.stderr,
      getOutHelpWidth: () => Math.min(terminal.columns, 120),
      getErrHelpWidth: () => Math.min(terminal.columns, 120),
      outputError: (text, write) => write(text.replace(/^error: /, 'tillpaid: ')),
    })
    .addHelpText('after', EXAMPLES);
  program.version(version).options.at(-1)?.hideHelp();
  program.commandsGroup('What it means: from tables, nothing is sent');
  for (const add of [addExplain, addCodes, addSchedule]) add(program, shell);
  program.commandsGroup('What became of it');
  for (const add of [addTicket, addJournal]) add(program, shell);
  program.commandsGroup('Try it');
  addSimulate(program, shell);
  return program;
}
