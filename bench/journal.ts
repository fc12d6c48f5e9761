import { loadavg } from 'node:os';
import { printPayments } from './journal-payments.ts';
import { printPolls } from './journal-polls.ts';
import { openRow } from './journal-shop.ts';
import { openMemory, openPostgres, openPostgresStore, openSqlite, type OpenStore } from './journal-stores.ts';
import { printRecovery, printWaiting } from './journal-waiting.ts';

const stores = ['memory', 'sqlite', 'postgres'];
const parts = ['payments', 'polls', 'waiting', 'recovery'];

/**
 * What a journal costs, and how much it holds.
 *
 * @param only some of the stores and some of the parts, as in `--only sqlite,polls`. Default: all
 * @param isFull so many payments, and for so long, that the numbers are steady; else as many as a look needs
 */
export async function printJournal(only: readonly string[], isFull: boolean): Promise<void> {
  const unknown = only.find(name => ![...stores, ...parts].includes(name));
  if (unknown !== undefined) throw new Error(`There is no "${unknown}". Known: ${[...stores, ...parts].join(', ')}.`);
  if (!isFull) console.log('\nA short run, of fewer and smaller cases: with --full they take their whole time.');
  const isAsked = (name: string, among: readonly string[]): boolean =>
    only.includes(name) || !among.some(other => only.includes(other));
  const postgres = isAsked('postgres', stores) ? await openPostgres() : undefined;
  if (postgres !== undefined) console.log(`\nPostgreSQL: ${postgres.settings}`);
  const isSqlite = isAsked('sqlite', stores);
  const distributed = postgres === undefined ? [] : [openPostgresStore(postgres)];
  const large: OpenStore[] = [...(isSqlite ? [openSqlite('FULL')] : []), ...distributed];
  const durable: OpenStore[] = [...(isSqlite ? [openSqlite('NORMAL')] : []), ...large];
  const row = await openRow();
  try {
    if (isAsked('payments', parts))
      await printPayments([...(isAsked('memory', stores) ? [openMemory] : []), ...durable], isFull);
    if (isAsked('polls', parts)) await printPolls(durable, postgres, row, isFull);
    if (isAsked('waiting', parts)) await printWaiting(large, row, isFull);
    if (isAsked('recovery', parts)) await printRecovery(large, row, isFull);
    console.log(
      `\nLoad of the machine in the last minutes: ${loadavg()
        .map(load => load.toFixed(1))
        .join(', ')}\n`,
    );
  } finally {
    await postgres?.stop();
  }
}
