import { parseArgs } from 'node:util';
import { printFlows } from './flows.ts';
import { printJournal } from './journal.ts';
import { printMemory } from './memory.ts';
import { printOverhead } from './overhead.ts';
import { printPolls } from './polls.ts';

/** `npm run bench` prints every table; `npm run bench -- flows` only that one; `-- journal --only sqlite,polls` a part. */
const { positionals: asked, values } = parseArgs({ allowPositionals: true, options: { only: { type: 'string' } } });
const only = values.only?.split(',') ?? [];
const tables = {
  ...{ overhead: printOverhead, memory: printMemory, polls: printPolls, flows: printFlows },
  journal: () => printJournal(only),
};
const unknown = asked.find(name => !Object.hasOwn(tables, name));
if (unknown !== undefined) {
  console.error(`There is no table "${unknown}". Known: ${Object.keys(tables).join(', ')}.`);
  process.exit(2);
}
for (const [name, print] of Object.entries(tables)) if (asked.length === 0 || asked.includes(name)) await print();
