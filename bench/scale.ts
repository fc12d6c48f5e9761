import ky from 'ky';
import { execFileSync } from 'node:child_process';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createGateway, defineBackoff, type Clock, type Gateway } from 'tillpaid';
import { qfpay, type QfpayFields } from 'tillpaid/adapters/qfpay';
import { collectGarbage } from './gc.ts';
import { observe, type Work } from './observe.ts';
import { printJournaled } from './scale-journal.ts';
import { printTable } from './table.ts';

/**
 * So many payments open at once with one gateway object, in real time, each case in a process of its own: what opening
 * them takes, what each holds, what asking about them does to the event loop, and how soon an abort of all is through.
 * All callers share one signal, as those of a server that is shut down do.
 *
 * All sizes ask at the same rate: that of a hundred thousand payments at the longest wait of the default schedule. What
 * a query and a payment cost can then be compared from size to size.
 */
const doors = ['settle', 'untilSettled'] as const;
type Door = (typeof doors)[number];

const FIRST = 1000;
const sizes: Readonly<Record<Door, readonly number[]>> = {
  settle: [FIRST, 10_000, 100_000],
  untilSettled: [FIRST, 10_000],
};
const fullSizes: typeof sizes = { ...sizes, untilSettled: sizes.settle };
const QUERIES_PER_SECOND = 2200;
const LATENCY_MS = 5;
/** The most exchanges on the wire at once, in each lane. */
const AT_ONCE = 200;
const WARM_UP = 1000;
/** How many are opened in one turn of the event loop. */
const PER_TURN = 50;
/** The time of an attempt: no wait for a query is as long to the millisecond. */
const ATTEMPT_MS = 10_000;
const HOUR_MS = 3_600_000;
const CATCHES_UP_WITHIN_MS = 60_000;

interface Measured {
  readonly opened: Work;
  readonly steady: Work;
  readonly aborted: Work;
  readonly heapBytes: number;
  /** The 99th percentile of how long after its time a query left, while opening and afterwards. */
  readonly lateMs: readonly [opening: number, steady: number];
}

/** A gateway in memory, and when each query was due: answers come, and waits begin, in the order of the exchanges. */
class Till {
  queries = 0;
  answered = 0;
  readonly #dueMs: Float64Array;
  readonly #answeredNumbers: number[] = [];
  #waits = 0;
  #lateMs: number[] = [];

  constructor(count: number) {
    this.#dueMs = new Float64Array(count);
  }

  /** The machine's own, and it notes who waits until when. */
  readonly clock: Clock = {
    now: () => Date.now(),
    monotonicMs: () => performance.now(),
    random: () => Math.random(),
    timer: (delayMs, callback) => {
      const number = delayMs === ATTEMPT_MS ? undefined : this.#answeredNumbers[this.#waits++];
      if (number !== undefined) this.#dueMs[number] = performance.now() + delayMs;
      const handle = globalThis.setTimeout(callback, delayMs);
      return () => clearTimeout(handle);
    },
  };

  /** Its first query is due now. */
  isDue(number: number): void {
    this.#dueMs[number] = performance.now();
  }

  readonly fetch = async (request: Request): Promise<Response> => {
    const isQuery = request.url.endsWith('/query');
    const name = /out_trade_no=([^&]*)/.exec(await request.text())?.[1] ?? '';
    const number = Number(name.slice('ORDER-'.length));
    const dueMs = this.#dueMs[number] ?? 0;
    if (isQuery) this.queries++;
    if (isQuery && dueMs > 0) this.#lateMs.push(performance.now() - dueMs);
    await setTimeout(LATENCY_MS);
    this.#answeredNumbers.push(number);
    this.answered++;
    const row = { txamt: '1250', txcurrcd: 'HKD', pay_type: '800108', out_trade_no: name, syssn: `20260101${name}` };
    return Response.json(
      isQuery
        ? { respcd: '0000', resperr: '', data: [{ ...row, respcd: '1143', cancel: '0', order_type: 'payment' }] }
        : { ...row, respcd: '1143', resperr: '', respmsg: '' },
    );
  };

  /** The 99th percentile since the last look. */
  takeLateMs(): number {
    const sorted = this.#lateMs.sort((a, b) => a - b);
    this.#lateMs = [];
    return sorted[Math.floor(0.99 * sorted.length)] ?? 0;
  }
}

const orderOf = (number: number): QfpayFields['payment.charge'] => ({
  ...{ txamt: 1250, txcurrcd: 'HKD', pay_type: '800108', auth_code: '284957310466312987' },
  out_trade_no: `ORDER-${String(number).padStart(8, '0')}`,
});

function gatewayOn(till: Till, everyMs: number): Gateway<QfpayFields> {
  // Spread from the start, and never two at the same distance, as with the jitter of the defaults.
  const spread = defineBackoff(
    'spread',
    ({ step, chance }) => (step === 1 ? everyMs * chance : everyMs * (0.9 + 0.2 * chance)),
    { maxMs: HOUR_MS },
  );
  return createGateway({
    adapter: qfpay({ appCode: 'SHOP', clientKey: 'secret', environment: 'sandbox' }),
    client: ky.create({ fetch: till.fetch as typeof globalThis.fetch }),
    clock: till.clock,
    policy: {
      attemptTimeoutMs: ATTEMPT_MS,
      poll: { backoff: spread, deadlineMs: 10 * HOUR_MS },
      // QFPay's own limits apart: it is the process that is measured.
      limit: { concurrency: AT_ONCE, perSecond: Infinity, perMinute: Infinity },
    },
  });
}

/** So many open payments; resolves when each had its first answer. */
async function openAll(
  door: Door,
  { gateway, till, signal }: { gateway: Gateway<QfpayFields>; till: Till; signal: AbortSignal },
  count: number,
): Promise<Promise<unknown>[]> {
  const all: Promise<unknown>[] = [];
  for (let number = 0; number < count; number++) {
    const order = orderOf(number);
    if (door === 'settle') all.push(gateway.settle('payment.charge', order, { signal }));
    else {
      till.isDue(number);
      all.push(gateway.untilSettled({ ...gateway.ticketFor('payment.charge', order), seen: true }, { signal }));
    }
    if (number % PER_TURN === 0) await setImmediate();
  }
  void Promise.allSettled(all);
  while (till.answered < count) await setTimeout(1);
  return all;
}

async function heapUsed(): Promise<number> {
  // What is registered for finalization is let go of a turn later.
  for (let i = 0; i < 3; i++) {
    collectGarbage();
    await setTimeout(10);
  }
  return process.memoryUsage().heapUsed;
}

/** What became due while they were opened has been asked about: from here on it is the pace of the schedule. */
async function caughtUp(till: Till): Promise<void> {
  for (let waitedMs = 0; waitedMs < CATCHES_UP_WITHIN_MS; waitedMs += 500) {
    await setTimeout(500);
    if (till.takeLateMs() < 100) return;
  }
}

/** In its own process. */
async function measure(door: Door, count: number, forMs: number): Promise<Measured> {
  const warm = new AbortController();
  const warmTill = new Till(WARM_UP);
  const warmed = await openAll(
    door,
    { gateway: gatewayOn(warmTill, 500), till: warmTill, signal: warm.signal },
    WARM_UP,
  );
  await setTimeout(1000);
  warm.abort();
  await Promise.allSettled(warmed);
  const till = new Till(count);
  const queries = (): number => till.queries;
  const everyMs = (1000 * count) / QUERIES_PER_SECOND;
  const gateway = gatewayOn(till, everyMs);
  const controller = new AbortController();
  const before = await heapUsed();
  let all: Promise<unknown>[] = [];
  const opened = await observe(queries, async () => {
    all = await openAll(door, { gateway, till, signal: controller.signal }, count);
  });
  const late = till.takeLateMs();
  const heapBytes = (await heapUsed()) - before;
  // Who takes up many tickets has them wait for their turn, which is late by no fault of the process.
  if (door === 'settle') await caughtUp(till);
  else await setTimeout(500);
  till.takeLateMs();
  const steady = await observe(queries, () => setTimeout(forMs));
  const lateMs = [late, till.takeLateMs()] as const;
  const aborted = await observe(queries, () => {
    controller.abort(new Error('The shop closes.'));
    return Promise.allSettled(all);
  });
  return { opened, steady, aborted, heapBytes, lateMs };
}

function inOwnProcess(door: Door, count: number, forMs: number): Measured {
  const given = [fileURLToPath(import.meta.url), door, String(count), String(forMs)];
  const flags = ['--max-old-space-size=8000', '--no-warnings'];
  return JSON.parse(execFileSync(process.execPath, [...flags, ...given]).toString()) as Measured;
}

const inSeconds = (ms: number): string => (ms / 1000).toFixed(2);
const inMs = (ms: number): string => ms.toFixed(ms < 10 ? 1 : 0);
const ratio = (one: number, first: number): string => (one / first).toFixed(2);

/** Of one case: how it was opened and aborted, and how it was asked about. */
function linesOf(name: readonly string[], count: number, measured: Measured, first: Measured): [string[], string[]] {
  const { opened, steady, aborted, heapBytes, lateMs } = measured;
  const each = (1000 * opened.cpuMs) / count;
  const perQuery = ({ steady: { cpuMs, queries } }: Measured): number => (1000 * cpuMs) / queries;
  return [
    [
      ...[...name, inSeconds(opened.wallMs), inSeconds(opened.cpuMs), each.toFixed(0)],
      ...[ratio(each, (1000 * first.opened.cpuMs) / FIRST), (heapBytes / count / 1000).toFixed(2)],
      ...[inMs(opened.heldUpMs[1]), inMs(opened.heldUpMs[2]), name[0] === 'settle' ? inMs(lateMs[0]) : '-'],
      ...[inMs(aborted.wallMs), inMs(aborted.cpuMs)],
    ],
    [
      ...[...name, ((1000 * steady.queries) / steady.wallMs).toFixed(0)],
      ...[((1000 * steady.queries) / steady.cpuMs).toFixed(0), perQuery(measured).toFixed(0)],
      ratio(perQuery(measured), perQuery(first)),
      ...[...steady.heldUpMs.map(inMs), name[0] === 'settle' ? inMs(lateMs[1]) : '-'],
    ],
  ];
}

const inTheirFirst = `x of ${FIRST.toLocaleString('en')}`;

function printInMemory(ofDoors: typeof sizes, forMs: number): void {
  const openings: string[][] = [];
  const steadies: string[][] = [];
  for (const door of doors) {
    let first: Measured | undefined;
    for (const count of ofDoors[door]) {
      const measured = inOwnProcess(door, count, forMs);
      first ??= measured;
      const [opening, steady] = linesOf([door, count.toLocaleString('en')], count, measured, first);
      openings.push(opening);
      steadies.push(steady);
    }
  }
  console.log(
    '\nOpen payments with one gateway object, all callers on one signal: to open, to hold, and to abort them\n',
  );
  const opening = ['s', 'CPU s', 'CPU us each', inTheirFirst, 'kB each', 'loop p99 ms', 'longest', 'late p99 ms'];
  printTable(['', 'payments', ...opening, 'abort ms', 'CPU ms'], openings);
  console.log(`\nThen asked about for ${forMs / 1000} s, ${QUERIES_PER_SECOND} queries a second of all together\n`);
  const asking = [
    'queries/s',
    'per CPU s',
    'CPU us each',
    inTheirFirst,
    'loop p50 ms',
    'p99',
    'longest',
    'late p99 ms',
  ];
  printTable(['', 'payments', ...asking], steadies);
}

const parts = ['memory', 'sqlite', 'postgres'];

/**
 * @param only some of the parts, as in `--only sqlite,postgres`. Default: all
 * @param isFull each case for longer, 100,000 by both doors, and more rows in the journals
 */
export async function printScale(only: readonly string[], isFull: boolean): Promise<void> {
  const unknown = only.find(name => !parts.includes(name));
  if (unknown !== undefined) throw new Error(`There is no "${unknown}". Known: ${parts.join(', ')}.`);
  const isAsked = (part: string): boolean => only.length === 0 || only.includes(part);
  if (isAsked('memory')) printInMemory(isFull ? fullSizes : sizes, isFull ? 60_000 : 3000);
  await printJournaled({ sqlite: isAsked('sqlite'), postgres: isAsked('postgres') }, isFull);
}

const [, script, door, count, forMs] = process.argv;
if (script === fileURLToPath(import.meta.url) && (door === 'settle' || door === 'untilSettled')) {
  console.log(JSON.stringify(await measure(door, Number(count), Number(forMs))));
  process.exit(0);
}
