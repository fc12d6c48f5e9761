import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { findProviders } from './providers.ts';
import { printReplay } from './replay.ts';
import { printReport } from './print.ts';
import { addTo, emptyReport, report, storm, type JournalKind, type Report } from './storm.ts';

/*
 * npm run storm                     100,000 payments
 * npm run storm -- --payments 5000  fewer
 * npm run storm -- --first 100001   others
 * npm run storm -- --seed 4711      one payment, with everything that happened to it
 * npm run storm -- --journal memory with a journal, and processes that die; `sqlite`: in files; with --seed too
 * npm run storm -- --peers          the same weather for other clients
 *
 * Every core has a worker that keeps it busy, so that threads of the garbage collector's own would only be in the way
 * (`--single-threaded-gc` in package.json).
 */

/** Side by side on one clock: enough to share the turns of the event loop, few enough to be forgotten soon; whole shops (shop.ts). */
const BATCH = 480;
/** Storms at once in a worker: while one waits for a turn, another goes on. */
const STORMS = 4;

if (isMainThread) process.exitCode = await command();
else await work();

async function command(): Promise<number> {
  const { values } = parseArgs({
    options: {
      payments: { type: 'string', default: '100000' },
      first: { type: 'string', default: '1' },
      seed: { type: 'string' },
      workers: { type: 'string', default: String(availableParallelism()) },
      peers: { type: 'boolean', default: false },
      journal: { type: 'string', default: 'none' },
    },
  });
  if (values.peers) {
    const { comparePeers } = await import('./peers.ts');
    console.log(await comparePeers(values.payments === '100000' ? 300 : Number(values.payments)));
    return 0;
  }
  const journal = journalKind(values.journal);
  if (values.seed !== undefined) return (await printReplay(Number(values.seed), journal)) ? 0 : 1;

  const beganAtMs = performance.now();
  const sum = await inParallel(Number(values.first), Number(values.payments), Number(values.workers), journal);
  printReport(sum, (performance.now() - beganAtMs) / 1000);
  for (const seed of [...new Set(sum.found.map(found => found.seed))].sort((one, other) => one - other).slice(0, 3))
    await printReplay(seed, journal);
  return sum.found.length === 0 ? 0 : 1;
}

interface Batch {
  readonly from: number;
  readonly to: number;
  readonly journal: JournalKind;
}

function journalKind(given: string): JournalKind {
  if (given === 'none' || given === 'memory' || given === 'sqlite') return given;
  throw new Error('--journal is memory or sqlite.');
}

/** Hands out batches to workers as they ask for them. */
async function inParallel(first: number, payments: number, workers: number, journal: JournalKind): Promise<Report> {
  const sum = emptyReport();
  let next = first;
  const end = first + payments;
  const run = (): Promise<void> =>
    new Promise((resolve, reject) => {
      // Most of what a payment leaves behind is short-lived: a large nursery saves a fifth of the time.
      const worker = new Worker(new URL(import.meta.url), { resourceLimits: { maxYoungGenerationSizeMb: 128 } });
      let blowing = 0;
      const hand = (): void => {
        const from = next;
        next = Math.min(end, from + BATCH);
        if (from < end) {
          blowing++;
          worker.postMessage({ from, to: next, journal });
        } else if (blowing === 0) void worker.terminate().then(() => resolve(), reject);
      };
      worker.on('message', (done: Report) => {
        blowing--;
        addTo(sum, done);
        if (process.stderr.isTTY) process.stderr.write(`\r${sum.payments} payments`);
        hand();
      });
      worker.on('error', reject);
      for (let storm = 0; storm < STORMS; storm++) hand();
    });
  await Promise.all(Array.from({ length: workers }, run));
  if (process.stderr.isTTY) process.stderr.write('\r');
  return sum;
}

async function work(): Promise<void> {
  // Nobody reads a stack here: what is found is told again, in full, by its seed.
  Error.stackTraceLimit = 0;
  const providers = await findProviders();
  const blow = async ({ from, to, journal }: Batch): Promise<void> => {
    parentPort?.postMessage(
      report(
        await storm(
          Array.from({ length: to - from }, (_, index) => from + index),
          providers,
          undefined,
          journal,
        ),
      ),
    );
  };
  parentPort?.on('message', (batch: Batch) => void blow(batch));
}
