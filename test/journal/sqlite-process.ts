import { rowFor } from './rows.ts';
import { sqliteJournal } from '../../src/journal/sqlite.ts';

/**
 * A process of its own on a journal: inserts rows that others insert too, takes what it can get, and says what it did.
 * `sqlite-process.ts <file> <name> <rows>`; the last line that it prints is JSON.
 */
const [path = '', holder = '', total = '0'] = process.argv.slice(2);
const { store } = sqliteJournal(path);

let inserted = 0;
for (let number = 0; number < Number(total); number++) {
  if (await store.insert(rowFor(number, { dueAtMs: 1 }))) inserted++;
  console.log(number);
}

let delivered = 0;
await store.renew(holder, 60_000);
for (;;) {
  const taken = await store.take({ holder, accounts: ['acme'], limit: 7 });
  if (taken.length === 0) break;
  const changes = taken.map(row => ({
    row,
    set: { ...row, state: 'delivered', holder: undefined, dueAtMs: undefined } as const,
  }));
  delivered += (await store.update(changes)).filter(Boolean).length;
}
await store.close();
console.log(JSON.stringify({ inserted, delivered }));
