import { parseArgs } from 'node:util';
import { printFlows } from './flows.ts';
import { printJournal } from './journal.ts';
import { printMemory } from './memory.ts';
import { printOverhead } from './overhead.ts';
import { printPolls } from './polls.ts';

/**
 * `npm run bench` prints every table; `npm run bench -- flows` only that one; `-- journal --only sqlite,polls` a part.
 * With `--svg` the plots in `docs/performance/` are drawn anew.
 */
const { positionals: asked, values } = parseArgs({
  allowPositionals: true,
  options: { only: { type: 'string' }, svg: { type: 'boolean' } },
});
const only = values.only?.split(',') ?? [];
/** Each is told whether to draw its plots too. */
const tables: Readonly<Record<string, (draws: boolean) => void | Promise<void>>> = {
  ...{ overhead: printOverhead, memory: printMemory, polls: printPolls, flows: printFlows },
  journal: () => printJournal(only),
};
const unknown = asked.find(name => !Object.hasOwn(tables, name));
if (unknown !== undefined) {
  console.error(`There is no table "${unknown}". Known: ${Object.keys(tables).join(', ')}.`);
  process.exit(2);
}
for (const [name, print] of Object.entries(tables))
  if (asked.length === 0 || asked.includes(name)) await print(values.svg === true);
