import type { Row } from 'tillpaid/journal';
import { followAll } from './journal-polls.ts';
import type { OpenStore, Store } from './journal-stores.ts';
import { printTable } from './table.ts';

const sizes = { short: [2000, 50_000], full: [2000, 100_000, 500_000] };
const EMPTY = 100;
const ONE_DUE = 30;
const HOUR_MS = 3_600_000;

const median = (numbers: readonly number[]): string =>
  (numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN).toFixed(2);

/** How long looking takes, in milliseconds each: when nothing is due, and when one payment is. */
async function looks({ journal }: Store, row: Row): Promise<string[]> {
  const { store } = journal;
  const turn = { holder: 'bench', accounts: [row.account], limit: 100 };
  await store.renew('bench', HOUR_MS);
  const look = async (): Promise<{ tookMs: number; rows: number }> => {
    const startedMs = performance.now();
    const { length: rows } = await store.take(turn);
    return { tookMs: performance.now() - startedMs, rows };
  };
  await look();
  const empty: number[] = [];
  for (let count = 0; count < EMPTY; count++) empty.push((await look()).tookMs);
  const one: number[] = [];
  for (let count = 0; count < ONE_DUE; count++) {
    await store.insert({ ...row, id: `${row.id} ${crypto.randomUUID()}`, holder: undefined, dueAtMs: Date.now() - 1 });
    const { tookMs, rows } = await look();
    if (rows === 1) one.push(tookMs);
  }
  return [median(empty), median(one)];
}

/** Open payments that wait for their time, all of one account. */
export async function printWaiting(stores: readonly OpenStore[], row: Row, isFull: boolean): Promise<void> {
  console.log('\nOpen payments that wait: what they take up, and how long a look for due ones takes\n');
  const lines: string[][] = [];
  for (const open of stores) {
    const store = await open();
    for (const size of isFull ? sizes.full : sizes.short) {
      await store.fill(row, size, Date.now() + HOUR_MS);
      const bytes = (await store.bytes()) / size;
      lines.push([store.name, size.toLocaleString('en'), bytes.toFixed(0), ...(await looks(store, row))]);
    }
    await store.end();
  }
  printTable(['', 'waiting', 'bytes each', 'nothing due, ms', 'one due, ms'], lines);
}

/** The pace of those that are measured is the pace of all. */
const recovered = { short: { left: 20_000, measured: 4000 }, full: { left: 100_000, measured: 20_000 } };

/** All are due at once, and paid at the first query: a worker that was away comes back. */
export async function printRecovery(stores: readonly OpenStore[], row: Row, isFull: boolean): Promise<void> {
  const { left, measured } = isFull ? recovered.full : recovered.short;
  console.log(
    `\n${left.toLocaleString('en')} payments were left open: one worker, fetch in memory, no limit by its rate\n`,
  );
  const lines: string[][] = [];
  for (const open of stores) {
    const { name, polls, elapsedMs, cpuUs, statements } = await followAll(open, row, {
      ...{ payments: left, pollsEach: 1, until: measured },
    });
    lines.push([
      name,
      ((elapsedMs * left) / polls / 1000).toFixed(0),
      ((1000 * polls) / elapsedMs).toFixed(0),
      (cpuUs / polls).toFixed(0),
      (statements / polls).toFixed(2),
    ]);
  }
  printTable(['', 'seconds for all', 'payments/s', 'CPU us/payment', 'statements/payment'], lines);
}
