import { InvalidArgumentError, type Command } from 'commander';
import { printable } from '../core/printable.ts';
import { ledgerPage, serveSimulator, type LedgerPage, type LogLine, type ServedSimulator } from '../serve/index.ts';
import {
  faultFrom,
  faultNames,
  lifeFrom,
  lifeNames,
  lives,
  simulateGateway,
  type Life,
  type Voice,
} from '../testing/index.ts';
import { CREDENTIALS, type CredentialOptions } from './credentials.ts';
import { jsonFrom } from './json-from.ts';
import { asJson, lineOfJson, wrapped, type Styles } from './output.ts';
import { knownProvider, providerList, providerOf, type Provider } from './providers.ts';
import { placesOf, Refusals } from './refusals.ts';
import { sandboxFor, shownOf, voiceOf, type SandboxCredentials } from './sandbox.ts';
import { EXIT_CODES, exitCodes, type AddCommand, type Shell } from './shell.ts';

interface SimulateOptions extends CredentialOptions {
  readonly port?: number;
  readonly life?: Life;
  readonly refundLife?: Life;
  readonly fault?: readonly Fault[];
  readonly queryFault?: readonly Fault[];
  readonly latency?: number;
  readonly notify?: string;
  readonly json?: boolean;
}

type Fault = ReturnType<typeof faultFrom>;

const listed = (names: readonly string[]): string => wrapped(names.join(', '), 100).join('\n        ');

const HELP = `
Lives   ${listed(lifeNames)}
        with a number: paidAfter:3000 (milliseconds), paidAfterQueries:2
Faults  ${listed(faultNames)}

Faults come in the order given, one for each send of an order: --fault reset-after-booking --fault none. One that
never ends is always:maintenance. From another language, while it runs:
  curl -X POST URL/__script -d '{"reference": "ORDER-1", "life": "declined", "onSend": ["504-after-booking"]}'
  curl URL/__ledger      what became of each order      curl -X POST URL/__reset      begin anew
Ctrl-C ends it with the sum of the ledger; exit code 1 if an order was charged twice.`;

/** `tillpaid simulate`. */
export const addSimulate: AddCommand = (parent, shell) => {
  const command: Command = parent
    .command('simulate')
    .description('the gateway, for any language')
    .argument('<provider>', providerList())
    .option('-p, --port <number>', 'on 127.0.0.1; default: one that is free', aPort)
    .option('-l, --life <life>', 'how payments go on; default: orders paid after 5 s, charges at once', aLife)
    .option('--refund-life <life>', 'how refunds go on; default: given back at once', aLife)
    .option('-f, --fault <fault>', 'what goes wrong with a send; repeat it for the next send', addFault)
    .option('--query-fault <fault>', 'what goes wrong with a status query; repeat it for the next', addFault)
    .option('--latency <ms>', 'how long a request is on its way, and its answer again', aCount)
    .option('-n, --notify <URL>', 'where your webhooks are received: each end is told there, signed')
    .option(
      '--credentials <file>',
      'the merchant’s credentials; made up, and written there, when there is no such file',
    )
    .option('--credentials-env <NAME>', 'the same from an environment variable')
    .option('--json', 'lines of JSON: how to reach it, each request, the ledger')
    .addHelpText('after', `${HELP}\n${CREDENTIALS}\n${EXIT_CODES}`);
  command.action(async (provider: string, options: SimulateOptions) =>
    shell.ends(await simulate(provider, options, shell)),
  );
};

function aCount(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError('It must be a whole number of milliseconds.');
  return Number(text);
}

function aPort(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535)
    throw new InvalidArgumentError('It must be a port, 0 to 65535.');
  return Number(text);
}

const valueIn = (what: string, text: string): unknown => (/^[[{]/.test(text) ? jsonFrom(what, text) : text);

/** @throws {InputError} with the name that was meant */
const aLife = (text: string): Life => lifeFrom(valueIn('--life', text));

/** @throws {InputError} with the name that was meant */
const addFault = (text: string, before: readonly Fault[] = []): Fault[] => [
  ...before,
  faultFrom(valueIn('--fault', text)),
];

/** An order is paid when its payer has had time to. */
const PAID_AFTER_MS = 5000;

async function simulate(given: string, options: SimulateOptions, shell: Shell): Promise<number> {
  const { terminal, styles } = shell;
  const { interrupted } = terminal;
  const provider = knownProvider(given);
  const credentials = await sandboxFor(provider, options, terminal);
  const tables = await providerOf(provider);
  const refusals = new Refusals(tables.adapter);
  const voice = refusals.heardBy(await voiceOf(provider, credentials));
  const served = await serveFor(voice, options, line => {
    const why = refusals.whyOf(line);
    terminal.stdout(
      options.json === true
        ? lineOfJson({ ...loggedAs(line), ...(why !== undefined && { why }) })
        : `${[logLine(line, styles), ...(why === undefined ? [] : [styles.dim(`              ${why}`)])].join('\n')}\n`,
    );
  });
  const about = { served, credentials, ...tables };
  terminal.stdout(options.json === true ? lineOfJson(listening(about)) : `${banner(about, options, styles)}\n`);
  await untilAborted(interrupted);
  const { simulated } = served;
  await served.close();
  const page = ledgerPage(provider, simulated.clock.now(), simulated.ledger.entries, simulated.requests.length);
  terminal.stdout(options.json === true ? lineOfJson({ type: 'ledger', ...page }) : `${sumOf(page, styles)}\n`);
  return page.sums.bookedTwice > 0 ? exitCodes.notKnown : exitCodes.done;
}

function serveFor(voice: Voice, options: SimulateOptions, onLog: (line: LogLine) => void): Promise<ServedSimulator> {
  const { port, life, refundLife, fault, queryFault, latency, notify } = options;
  const simulated = simulateGateway({
    voice,
    lives: {
      create: life ?? lives.paidAfter(PAID_AFTER_MS),
      charge: life ?? lives.paid(),
      ...(refundLife !== undefined && { refund: refundLife }),
    },
    faults: {
      ...(fault !== undefined && { onSend: fault }),
      ...(queryFault !== undefined && { onQuery: queryFault }),
    },
  });
  return serveSimulator({
    ...{ simulated, onLog },
    ...(port !== undefined && { port }),
    ...(latency !== undefined && { latencyMs: latency }),
    ...(notify !== undefined && { notifyUrl: notify }),
  });
}

const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise(resolve => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });

interface About extends Provider {
  readonly served: ServedSimulator;
  readonly credentials: SandboxCredentials;
}

function listening({ served, credentials, adapter, manual }: About): object {
  const { url } = served;
  return {
    ...{ type: 'listening', provider: adapter.name, url, ledger: `${url}/__ledger`, script: `${url}/__script` },
    ...{
      credentials: shownOf(credentials),
      operations: placesOf(adapter).map(({ pattern: _pattern, ...place }) => place),
      manual: manual.codes,
    },
  };
}

function banner(about: About, options: SimulateOptions, { bold, dim }: Styles): string {
  const { served, credentials, adapter, manual } = about;
  const { url } = served;
  const places = placesOf(adapter);
  const widest = Math.max(...places.map(({ operation }) => operation.length));
  const { notify, credentials: file } = options;
  return [
    `${bold(`${adapter.name} simulated at ${url}`)}  on this machine only; no money moves`,
    '',
    dim(
      file === undefined
        ? 'Credentials of your sandbox merchant'
        : `Credentials of your sandbox merchant, from ${file}`,
    ),
    asJson(shownOf(credentials)).trimEnd(),
    '',
    dim('Operations'),
    ...places.map(({ operation, at }) => `  ${operation.padEnd(widest)}  ${at}`),
    '',
    `${dim('manual  ')} ${[...new Set([manual.codes, ...Object.values(manual.operations)])].join('\n         ')}`,
    `${dim('ledger  ')} curl ${url}/__ledger`,
    `${dim('script  ')} curl -X POST ${url}/__script -d '{"reference": "ORDER-1", "life": "declined"}'`,
    `${dim('webhooks')} ${notify ?? 'sent nowhere: --notify <URL>'}`,
    `${dim('end     ')} Ctrl-C`,
    '',
  ].join('\n');
}

const timeIn = (atMs: number): string => new Date(atMs).toISOString().slice(11, 23);

function loggedAs({ atMs, ...line }: LogLine): object {
  return { at: new Date(atMs).toISOString(), ...line };
}

function logLine(line: LogLine, styles: Styles): string {
  const reference = printable(line.reference ?? '');
  if (line.type === 'notice') {
    const { state, acknowledged, status, problem, attempt, againInMs } = line;
    const reply = acknowledged
      ? styles.good('acknowledged')
      : styles.bad(`not acknowledged: ${problem ?? status ?? ''}`);
    const again = againInMs === undefined ? '' : `, again in ${againInMs / 1000} s`;
    return `${timeIn(line.atMs)}  ${'webhook'.padEnd(16)} ${reference}  ${state}, try ${attempt}: ${reply}${again}`;
  }
  const { operation, method, path, result, fault, status, ended } = line;
  const isRefused = operation === undefined || result === 'refused';
  const style = isRefused ? styles.bad : fault === 'none' ? styles.good : styles.open;
  const end = ended === 'answered' ? String(status) : ended === 'cut' ? 'connection cut' : 'client left';
  const wrong = fault === 'none' ? '' : styles.open(` fault: ${fault}`);
  return `${timeIn(line.atMs)}  ${(operation ?? `${method} ${printable(path)}`).padEnd(16)} ${reference}  ${style(result)}  ${end}${wrong}`;
}

function sumOf({ payments, refunds, sums }: LedgerPage, { bold, bad }: Styles): string {
  const entries = [...Object.values(payments), ...Object.values(refunds)].flatMap(each => [
    each,
    ...(each.earlier ?? []),
  ]);
  const states = [...Map.groupBy(Object.values(payments), ({ state }) => state)];
  const booked = Map.groupBy(
    entries.filter(({ bookings, amount }) => bookings > 0 && isDecimal(amount)),
    ({ currency, operation }) => `${operation.startsWith('refund') ? 'given back' : 'taken'} ${currency ?? ''}`.trim(),
  );
  const counts = states.map(([state, rows]) => `${rows.length} ${state}`).join(', ');
  const twice = Object.entries(payments).filter(([, { bookings }]) => bookings > 1);
  return [
    '',
    bold(`${Object.keys(payments).length} payments${counts === '' ? '' : `: ${counts}`}; ${sums.requests} requests`),
    ...[...booked].map(([what, rows]) => `  ${what}  ${sumOfAmounts(rows)}`),
    ...(twice.length === 0
      ? ['  charged twice: none']
      : twice.map(([reference, { bookings }]) => bad(`  ${printable(reference)} was charged ${bookings} times`))),
  ].join('\n');
}

const isDecimal = (amount: string): boolean => /^\d+(?:\.\d+)?$/.test(amount);

/** Exact: amounts are decimals in a text. */
function sumOfAmounts(rows: readonly { readonly amount: string; readonly bookings: number }[]): string {
  const digits = Math.max(...rows.map(({ amount }) => (amount.split('.')[1] ?? '').length));
  let sum = 0n;
  for (const { amount, bookings } of rows) {
    const [whole = '0', part = ''] = amount.split('.');
    sum += BigInt(whole + part.padEnd(digits, '0')) * BigInt(bookings);
  }
  const text = String(sum).padStart(digits + 1, '0');
  return digits === 0 ? text : `${text.slice(0, -digits)}.${text.slice(-digits)}`;
}
