import { listCodes, type CodesFilter, type ListedCode } from '../explain/index.ts';
import { colored } from './explain-command.ts';
import type { Console, Styles } from './output.ts';
import { providerOf } from './providers.ts';

export interface CodesOptions extends Pick<CodesFilter, 'operation' | 'kind' | 'reason'> {
  readonly json?: boolean;
}

/** `tillpaid codes`. Returns the exit code. */
export async function codesCommand(
  provider: string,
  text: string | undefined,
  { json, ...filter }: CodesOptions,
  terminal: Console,
  styles: Styles,
): Promise<number> {
  const { adapter } = await providerOf(provider);
  const codes = listCodes(adapter, { ...filter, ...(text !== undefined && { text }) });
  if (json === true) terminal.stdout(`${JSON.stringify(codes, null, 2)}\n`);
  else if (codes.length === 0) terminal.stderr(`tillpaid: ${adapter.name} has no such code.\n`);
  else terminal.stdout(textOf(codes, styles));
  return codes.length > 0 ? 0 : 1;
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
