import { printFlows } from './flows.ts';
import { printMemory } from './memory.ts';
import { printOverhead } from './overhead.ts';
import { printPolls } from './polls.ts';

/** `npm run bench` prints every table; `npm run bench -- flows` only that one. */
const tables = { overhead: printOverhead, memory: printMemory, polls: printPolls, flows: printFlows };
const asked = process.argv.slice(2);
const unknown = asked.find(name => !Object.hasOwn(tables, name));
if (unknown !== undefined) {
  console.error(`There is no table "${unknown}". Known: ${Object.keys(tables).join(', ')}.`);
  process.exit(2);
}
for (const [name, print] of Object.entries(tables)) if (asked.length === 0 || asked.includes(name)) await print();
