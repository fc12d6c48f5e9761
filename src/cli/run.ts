import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { isInputError } from '../core/errors.ts';
import { codesCommand, type CodesOptions } from './codes-command.ts';
import { explainCommand, type ExplainOptions } from './explain-command.ts';
import { scheduleCommand, type ScheduleOptions } from './schedule-command.ts';
import { stylesFor, type Console } from './output.ts';
import { providerNames } from './providers.ts';

const EXIT_CODES = `
Exit codes:
  0  it is known: a row of the tables says it, or something was found
  1  it is not known: no row has the code or the answer, or nothing was found
  2  the command is wrong: an unknown provider, operation or option, or what is no JSON
  3  tillpaid itself failed`;

/** Runs one command line, without the two words before it. Returns the exit code, and throws nothing. */
export async function run(words: readonly string[], version: string, terminal: Console): Promise<number> {
  let exitCode = 0;
  const program = programOf(version, terminal, code => (exitCode = code));
  try {
    await program.parseAsync(words, { from: 'user' });
    return exitCode;
  } catch (error) {
    // Help and version end here too; commander has written what is wrong.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    const isWrong = isInputError(error);
    terminal.stderr(`tillpaid: ${error instanceof Error ? error.message : String(error)}\n`);
    return isWrong ? 2 : 3;
  }
}

function programOf(version: string, terminal: Console, ends: (exitCode: number) => void): Command {
  const styles = stylesFor(terminal);
  const program = new Command('tillpaid')
    .description('What payment gateways answer, and what tillpaid does about it. Reads tables only: nothing is sent.')
    .version(version)
    .exitOverride()
    .showSuggestionAfterError()
    .configureOutput({ writeOut: terminal.stdout, writeErr: terminal.stderr })
    .addHelpText('after', EXIT_CODES);
  const providers = `one of ${providerNames().join(', ')}`;

  program
    .command('explain')
    .description('what a code or an answer means, what tillpaid does next, and what a person should do')
    .argument('<provider>', providers)
    .argument('<answer>', 'a code, the JSON body of an answer, or - to read either from standard input')
    .option('-o, --operation <name>', 'only for this operation, such as payment.create')
    .option('-a, --attempt <number>', 'which send was answered; from 2 on an earlier one may have landed', whole, 1)
    .option('-s, --status <number>', 'the HTTP status of the answer', whole, 200)
    .option('--sent <JSON>', 'the fields that were sent, where the meaning depends on them')
    .option('--json', 'as JSON')
    .addHelpText('after', EXIT_CODES)
    .action(async (provider: string, answer: string, options: ExplainOptions) =>
      ends(await explainCommand(provider, answer, options, terminal, styles)),
    );

  program
    .command('codes')
    .description("a provider's codes, as the tables have them")
    .argument('<provider>', providers)
    .argument('[text]', 'only those with this text in the code, the outcome, the reason or the advice')
    .option('-o, --operation <name>', 'only those of this operation')
    .addOption(new Option('-k, --kind <kind>', 'only of this kind').choices(['terminal', 'retryable', 'poll-required']))
    .option('-r, --reason <reason>', 'only with this reason, such as insufficient-funds')
    .option('--json', 'as JSON')
    .addHelpText('after', EXIT_CODES)
    .action(async (provider: string, text: string | undefined, options: CodesOptions) =>
      ends(await codesCommand(provider, text, options, terminal, styles)),
    );

  program
    .command('schedule')
    .description('when a payment that stays open is sent and asked about, and what that costs')
    .argument('<provider>', providers)
    .option('-o, --operation <name>', 'the write; default: the first charge, else the first that can be asked about')
    .option('--json', 'as JSON')
    .addHelpText('after', EXIT_CODES)
    .action(async (provider: string, options: ScheduleOptions) =>
      ends(await scheduleCommand(provider, options, terminal, styles)),
    );
  return program;
}

function whole(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}
