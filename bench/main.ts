import { parseArgs } from 'node:util';
import { printBatch } from './batch.ts';
import { printFlows } from './flows.ts';
import { printFrontier } from './frontier.ts';
import { printHerd } from './herd.ts';
import { printJournal } from './journal.ts';
import { printLearned } from './learned.ts';
import { printManners } from './manners.ts';
import { printMemory } from './memory.ts';
import { printNotices } from './notices.ts';
import { printOverhead } from './overhead.ts';
import { printScale } from './scale.ts';
import { printTable } from './table.ts';

/**
 * `npm run bench` prints every table, and how long each took; `npm run bench -- flows` only that one; `-- journal --only
 * sqlite,polls` a part. With `--full` the long tables (`memory`, `scale`, `journal`) take their whole time. With `--svg` the plots
 * in `docs/performance/` are drawn anew.
 */
const { positionals: asked, values } = parseArgs({
  allowPositionals: true,
  options: { only: { type: 'string' }, svg: { type: 'boolean' }, full: { type: 'boolean' } },
});
const only = values.only?.split(',') ?? [];
const isFull = values.full === true;
/** Each is told whether to draw its plots too. */
const tables: Readonly<Record<string, (draws: boolean) => void | Promise<void>>> = {
  ...{ overhead: printOverhead, memory: () => printMemory(isFull), frontier: printFrontier, flows: printFlows },
  learned: printLearned,
  batch: printBatch,
  notices: printNotices,
  herd: printHerd,
  manners: printManners,
  ...{ scale: () => printScale(only, isFull), journal: () => printJournal(only, isFull) },
};
const unknown = asked.find(name => !Object.hasOwn(tables, name));
if (unknown !== undefined) {
  console.error(`There is no table "${unknown}". Known: ${Object.keys(tables).join(', ')}.`);
  process.exit(2);
}
const took: string[][] = [];
for (const [name, print] of Object.entries(tables)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  const startedMs = performance.now();
  await print(values.svg === true);
  took.push([name, ((performance.now() - startedMs) / 1000).toFixed(1)]);
}
const total = took.reduce((sum, [, seconds]) => sum + Number(seconds), 0);
console.log('\nHow long each table took\n');
printTable(['', 'seconds'], [...took, ['all', total.toFixed(1)]]);
