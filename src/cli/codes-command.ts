import { Option } from 'commander';
import { listCodes, type CodesFilter, type ListedCode } from '../explain/index.ts';
import { colored } from './explain-command.ts';
import { asJson, type Styles } from './output.ts';
import { providerList, providerOf } from './providers.ts';
import { EXIT_CODES, exitCodes, type AddCommand, type Shell } from './shell.ts';

interface CodesOptions extends Pick<CodesFilter, 'operation' | 'kind' | 'reason'> {
  readonly json?: boolean;
}

/** `tillpaid codes`. */
export const addCodes: AddCommand = (parent, shell) => {
  parent
    .command('codes')
    .description("a provider's codes, listed and filtered")
    .argument('<provider>', providerList())
    .argument('[text]', 'only those with this text in the code, the outcome, the reason or the advice')
    .option('-o, --operation <name>', 'only those of this operation')
    .addOption(new Option('-k, --kind <kind>', 'only of this kind').choices(['terminal', 'retryable', 'poll-required']))
    .option('-r, --reason <reason>', 'only with this reason, such as insufficient-funds')
    .option('--json', 'as JSON')
    .addHelpText('after', EXIT_CODES)
    .action(async (provider: string, text: string | undefined, options: CodesOptions) =>
      shell.ends(await codesCommand(provider, text, options, shell)),
    );
};

async function codesCommand(
  provider: string,
  text: string | undefined,
  { json, ...filter }: CodesOptions,
  { terminal, styles }: Shell,
): Promise<number> {
  const { adapter, manual } = await providerOf(provider);
  const pagesOf = (operation: string): string[] => [
    ...new Set([manual.operations[operation] ?? manual.codes, manual.codes]),
  ];
  const codes = listCodes(adapter, { ...filter, ...(text !== undefined && { text }) });
  if (json === true) terminal.stdout(asJson(codes.map(each => ({ ...each, pages: pagesOf(each.operation) }))));
  else if (codes.length === 0) terminal.stderr(`tillpaid: ${adapter.name} has no such code.\n`);
  else terminal.stdout(textOf(codes, styles));
  return codes.length > 0 ? exitCodes.done : exitCodes.notKnown;
}

function textOf(codes: readonly ListedCode[], styles: Styles): string {
  const widest = Math.max(...codes.map(({ code }) => code.length));
  const lines = [...Map.groupBy(codes, ({ operation }) => operation)].flatMap(([operation, rows]) => [
    '',
    styles.bold(operation),
    ...rows.flatMap(row => [
      `  ${row.code.padEnd(widest)}  ${colored(row, styles)}`,
      ...(row.advice === undefined ? [] : [`  ${' '.repeat(widest)}  ${styles.dim(row.advice)}`]),
    ]),
  ]);
  return `${lines.slice(1).join('\n')}\n`;
}
