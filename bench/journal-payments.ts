import type { Journal } from 'tillpaid/journal';
import { fieldsOf, numberOf, openShop, TEMPLATE, writtenBy, type Written } from './journal-shop.ts';
import type { OpenStore } from './journal-stores.ts';
import { printTable } from './table.ts';

const CALLERS = 16;
/** To get warm, and then measured. */
const times = { short: { warmUpMs: 300, forMs: 1000 }, full: { warmUpMs: 1500, forMs: 2500 } };
type Times = (typeof times)['full'];

interface Measured {
  readonly perSecond: number;
  readonly medianMs: number;
  /** The first ones too. */
  readonly runs: number;
  readonly cpuUs: number;
}

/** So many callers, each of which begins anew when it has ended: for a while to get warm, and then measured. */
async function measure(run: (count: number) => Promise<unknown>, { warmUpMs, forMs }: Times): Promise<Measured> {
  let count = 0;
  const callFor = async (durationMs: number): Promise<number[]> => {
    const tookMs: number[] = [];
    const startedMs = performance.now();
    const caller = async (): Promise<void> => {
      while (performance.now() - startedMs < durationMs) {
        const beganMs = performance.now();
        await run(count++);
        tookMs.push(performance.now() - beganMs);
      }
    };
    await Promise.all(Array.from({ length: CALLERS }, caller));
    return tookMs.sort((a, b) => a - b);
  };
  await callFor(warmUpMs);
  const before = process.cpuUsage();
  const startedMs = performance.now();
  const tookMs = await callFor(forMs);
  const elapsedMs = performance.now() - startedMs;
  const { user, system } = process.cpuUsage(before);
  const runs = tookMs.length;
  const medianMs = tookMs[Math.floor(runs / 2)] ?? Number.NaN;
  return { runs: count, medianMs, perSecond: (1000 * runs) / elapsedMs, cpuUs: (user + system) / runs };
}

/** What a charge writes, and nothing else. */
async function threeWrites({ store }: Journal, { inserted, changes }: Written, count: number): Promise<void> {
  const number = numberOf(count);
  const id = inserted.id.replace(TEMPLATE, number);
  const names = [JSON.stringify(['out_trade_no', number])];
  await store.insert({ ...inserted, id, names });
  for (const [index, set] of changes.entries())
    await store.update([{ row: { id, fence: index + 1 }, set: { ...set, names } }]);
}

export async function printPayments(stores: readonly OpenStore[], isFull: boolean): Promise<void> {
  const long = isFull ? times.full : times.short;
  console.log(`\nCharges that their answer settles, ${CALLERS} callers at once, fetch in memory\n`);
  const shop = openShop('paid');
  const written = await writtenBy(shop);
  const none = shop.open();
  const bare = await measure(count => none.settle('payment.charge', fieldsOf(numberOf(count))), long);
  const lines = [['no journal', ...line(bare), '', '']];
  for (const open of stores) {
    const store = await open();
    const gateway = shop.open({ journal: store.journal });
    const before = await store.cost();
    const settled = await measure(count => gateway.settle('payment.charge', fieldsOf(`W${numberOf(count)}`)), long);
    const after = await store.cost();
    const statements = ((after?.statements ?? 0) - (before?.statements ?? 0)) / settled.runs;
    const writes = await measure(count => threeWrites(store.journal, written, count), long);
    lines.push([store.name, ...line(settled), statements.toFixed(1), writes.perSecond.toFixed(0)]);
    await store.end();
  }
  printTable(['', 'settle/s', 'p50 ms', 'CPU us', 'statements', 'three writes/s'], lines);
}

const line = ({ perSecond, medianMs, cpuUs }: Measured): string[] => [
  perSecond.toFixed(0),
  medianMs.toFixed(2),
  cpuUs.toFixed(0),
];
