import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { createJournal, createWorker, type Journal, type JournalStore, type Row } from 'tillpaid/journal';
import { postgresJournal } from 'tillpaid/journal/postgres';
import { sqliteJournal } from 'tillpaid/journal/sqlite';
import { collectGarbage } from './gc.ts';
import { numberOf, openRow, openShop, TEMPLATE } from './journal-shop.ts';
import { asked, counted, countStatements, openPostgres, openPostgresStore, openSqlite } from './journal-stores.ts';
import type { OpenStore, Store } from './journal-stores.ts';
import { observe, type Work } from './observe.ts';
import { printTable } from './table.ts';

/**
 * The same on a journal: rows of payments that stay open, each due again after as many milliseconds as there are rows,
 * so that a thousand are due each second whatever their number. Workers are processes of their own. New payments come in
 * all the while.
 */
const sizes = { short: { rows: [2000, 20_000], forMs: 4000 }, full: { rows: [10_000, 100_000], forMs: 60_000 } };
const NEW_EVERY_MS = 100;
const FIRST_NEW = 90_000_000;

interface Told extends Work {
  readonly heapBytes: number;
  readonly statements: number;
  /** How long after its time each was asked about, the shortest first: those that were there, and the new ones. */
  readonly lateMs: { readonly old: number[]; readonly new: number[] };
}

function openJournal(kind: string, address: string): { journal: Journal; statements: () => number } {
  if (kind === 'sqlite') {
    countStatements();
    return { journal: sqliteJournal(address), statements: () => asked.statements };
  }
  let count = 0;
  const pool = new pg.Pool({ connectionString: address, max: 6, options: '-c jit=off' });
  return {
    journal: postgresJournal(
      counted(pool, () => {
        count++;
      }),
    ),
    statements: () => count,
  };
}

/** A worker, in its own process. */
async function work(kind: string, address: string, forMs: number): Promise<Told> {
  const { journal: opened, statements } = openJournal(kind, address);
  const dueMs = new Map<string, number>();
  const lateMs: Told['lateMs'] = { old: [], new: [] };
  const take: JournalStore['take'] = async turn => {
    const rows = await opened.store.take(turn);
    for (const { data, dueAtMs = 0 } of rows) dueMs.set(data.ticket.reference['out_trade_no'] ?? '', dueAtMs);
    return rows;
  };
  const journal = createJournal({ ...opened.store, take });
  const shop = openShop('lost', Infinity, undefined, number => {
    const isNew = number >= numberOf(FIRST_NEW);
    lateMs[isNew ? 'new' : 'old'].push(Date.now() - (dueMs.get(number) ?? Date.now()));
    dueMs.delete(number);
  });
  const worker = createWorker({
    gateways: [shop.open({ journal })],
    journal,
    ...{ ratePerSecond: 100_000, batchSize: 100, concurrency: 50 },
  });
  worker.start();
  await setTimeout(1000);
  const before = statements();
  lateMs.old.length = lateMs.new.length = 0;
  const observed = await observe(shop.polls, () => setTimeout(forMs));
  const told = { ...observed, statements: statements() - before };
  collectGarbage();
  const heapBytes = process.memoryUsage().heapUsed;
  await worker.stop();
  const sorted = (all: number[]): number[] => all.toSorted((a, b) => a - b);
  return { ...told, heapBytes, lateMs: { old: sorted(lateMs.old), new: sorted(lateMs.new) } };
}

async function inOwnProcess(kind: string, address: string, forMs: number): Promise<Told> {
  const given = ['work', kind, address, String(forMs)];
  const execArgv = ['--no-warnings'];
  const child = fork(fileURLToPath(import.meta.url), given, { execArgv });
  const [told] = (await once(child, 'message')) as [Told];
  return told;
}

/** New payments come in until the signal aborts. @returns how many */
async function sell({ journal: { store } }: Store, row: Row, signal: AbortSignal): Promise<number> {
  let sold = 0;
  while (!signal.aborted) {
    const nowMs = Date.now();
    const text = JSON.stringify(row).replaceAll(TEMPLATE, numberOf(FIRST_NEW + sold++));
    const own = JSON.parse(text) as Row;
    await store.insert({ ...own, holder: undefined, dueAtMs: nowMs, openedAtMs: nowMs });
    await setTimeout(NEW_EVERY_MS);
  }
  return sold;
}

/** Its next step is due, whenever its row is. */
const due = (row: Row): Row =>
  row.data.open === undefined
    ? row
    : { ...row, data: { ...row.data, open: { ...row.data.open, dueAt: new Date(0).toISOString() } } };

interface Case {
  readonly open: OpenStore;
  readonly kind: 'sqlite' | 'postgres';
  readonly workers: number;
}

/** One line: so many rows, followed by so many workers. */
async function measure({ open, kind, workers }: Case, rows: number, forMs: number): Promise<string[]> {
  const store = await open();
  const row = due(await openRow(rows));
  await store.fill(row, rows, Date.now());
  const ended = new AbortController();
  const selling = sell(store, row, ended.signal);
  const all = await Promise.all(Array.from({ length: workers }, () => inOwnProcess(kind, store.address, forMs)));
  ended.abort();
  await selling;
  await store.end();
  const sum = (of: (told: Told) => number): number => all.reduce((total, told) => total + of(told), 0);
  const polls = sum(told => told.queries);
  const late = (which: 'old' | 'new', part: number): string => {
    const sorted = all.flatMap(({ lateMs }) => lateMs[which]).toSorted((a, b) => a - b);
    return (sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? Number.NaN).toFixed(0);
  };
  return [
    ...[`${store.name.split(',')[0]}, ${workers}`, rows.toLocaleString('en'), ((1000 * polls) / forMs).toFixed(0)],
    ...[((1000 * sum(told => told.cpuMs)) / polls).toFixed(0), (sum(told => told.statements) / polls).toFixed(2)],
    ...[Math.max(...all.map(told => told.heldUpMs[1])), Math.max(...all.map(told => told.heldUpMs[2]))].map(ms =>
      ms.toFixed(0),
    ),
    (Math.max(...all.map(told => told.heapBytes)) / 1e6).toFixed(1),
    ...[late('new', 0.5), late('new', 0.99), late('old', 0.99), late('old', 1)],
  ];
}

export async function printJournaled(
  asked: { readonly sqlite: boolean; readonly postgres: boolean },
  isFull: boolean,
): Promise<void> {
  if (!asked.sqlite && !asked.postgres) return;
  const { rows, forMs } = isFull ? sizes.full : sizes.short;
  const lines: string[][] = [];
  const add = async (each: Case): Promise<void> => {
    for (const count of rows) lines.push(await measure(each, count, forMs));
  };
  if (asked.sqlite) await add({ open: openSqlite('FULL'), kind: 'sqlite', workers: 1 });
  if (asked.postgres) {
    const postgres = await openPostgres();
    try {
      await add({ open: openPostgresStore(postgres), kind: 'postgres', workers: 3 });
    } finally {
      await postgres.stop();
    }
  }
  console.log(
    `\nOpen payments in a journal, a thousand due each second and ten new ones, for ${forMs / 1000} s: workers that ask about them\n`,
  );
  const load = ['polls/s', 'CPU us/poll', 'statements/poll', 'loop p99 ms', 'longest', 'heap MB'];
  const late = ['new late p50 ms', 'p99', 'old late p99', 'most'];
  printTable(['workers', 'rows', ...load, ...late], lines);
}

const [, script, command, kind, address, forMs] = process.argv;
if (script === fileURLToPath(import.meta.url) && command === 'work' && kind !== undefined && address !== undefined) {
  process.send?.(await work(kind, address, Number(forMs)));
  process.exit(0);
}
