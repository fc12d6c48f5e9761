import { writeFileSync } from 'node:fs';
import { InputError } from '../core/errors.ts';
import { drawSchedule, scheduleOf, type Schedule } from '../explain/index.ts';
import { asJson, timeOf, wrapped, type Console, type Styles } from './output.ts';
import { providerList, providerOf } from './providers.ts';
import { EXIT_CODES, exitCodes, type AddCommand, type Shell } from './shell.ts';

interface ScheduleOptions {
  readonly operation?: string;
  readonly json?: boolean;
  readonly svg?: string | true;
}

/** `tillpaid schedule`. */
export const addSchedule: AddCommand = (parent, shell) => {
  parent
    .command('schedule')
    .description('when a payment is sent and asked about')
    .argument('<provider>', providerList())
    .option('-o, --operation <name>', 'the write; default: the first charge, else the first that can be asked about')
    .option('--svg [file]', 'as an SVG picture, on standard output or into a file')
    .option('--json', 'as JSON')
    .addHelpText('after', EXIT_CODES)
    .action(async (provider: string, options: ScheduleOptions) =>
      shell.ends(await scheduleCommand(provider, options, shell)),
    );
};

async function scheduleCommand(
  provider: string,
  { operation, json, svg }: ScheduleOptions,
  { terminal, styles }: Shell,
): Promise<number> {
  const { adapter } = await providerOf(provider);
  const schedule = scheduleOf(adapter, operation === undefined ? {} : { operation });
  if (svg !== undefined) {
    if (json === true) throw new InputError('Say --svg or --json, one of them.');
    if (svg === true) terminal.stdout(drawSchedule(schedule));
    else writePicture(svg, drawSchedule(schedule));
    return exitCodes.done;
  }
  terminal.stdout(json === true ? asJson(schedule) : textOf(schedule, terminal, styles));
  return exitCodes.done;
}

/** @throws {InputError} */
function writePicture(file: string, picture: string): void {
  try {
    writeFileSync(file, picture);
  } catch (error) {
    throw new InputError(
      `The file ${JSON.stringify(file)} cannot be written: its directory must exist, and be writable.`,
      {
        cause: error,
      },
    );
  }
}

const LABEL = 8;

function textOf(schedule: Schedule, { columns }: Console, styles: Styles): string {
  const { provider, operation, sendsAtMs, asksAtMs, deadlineMs, economy } = schedule;
  const width = Math.max(40, Math.min(columns, 120) - LABEL - 2);
  const labelled = (label: string, lines: readonly string[]): string[] =>
    lines.map((line, index) => `  ${styles.dim((index === 0 ? label : '').padEnd(LABEL))}${line}`);
  // A time is not cut in two.
  const list = (times: readonly number[]): string[] =>
    wrapped(times.map(atMs => timeOf(atMs).replaceAll(' ', '\u00a0')).join(', '), width).map(line =>
      line.replaceAll('\u00a0', ' '),
    );
  return `${[
    `${styles.bold(`${provider} ${operation}`)}  deadline ${timeOf(deadlineMs)}`,
    ...labelled('sends', [drawn(sendsAtMs, deadlineMs, width, '▸'), ...list(sendsAtMs)]),
    ...(asksAtMs.length === 0
      ? labelled('asks', ['never: it cannot be asked about'])
      : labelled('asks', [drawn(asksAtMs, deadlineMs, width, '?'), ...list(asksAtMs)])),
    ...(economy === undefined
      ? []
      : labelled('costs', [
          `${economy.queriesPerPayment.toFixed(2)} queries per payment, told ${timeOf(economy.meanLatencyMs)} after it settles, on the usual mix`,
        ])),
  ].join('\n')}\n`;
}

/** A line of time, drawn by its square root: what is close together at first stays apart. */
function drawn(timesMs: readonly number[], endMs: number, width: number, mark: string): string {
  const line = Array.from({ length: width }, () => '┄');
  for (const atMs of timesMs) line[Math.round(Math.sqrt(Math.min(1, atMs / Math.max(1, endMs))) * (width - 1))] = mark;
  return line.join('');
}
