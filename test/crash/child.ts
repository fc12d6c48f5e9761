import { flushCompileCache } from 'node:module';
import ky from 'ky';
import { createGateway, type Gateway } from '../../src/index.ts';
import { createJournal, type Journal } from '../../src/journal/journal.ts';
import { bank, type BankFields } from './bank-adapter.ts';
import { listenForDisk } from './disk.ts';
import type { Message, Task } from './messages.ts';
import { trapAt, trapped, trappedFetch, type Trap } from './points.ts';
import { openPlace, type OpenPlace } from './place.ts';
import { settleAll } from './shop.ts';
import { work } from './worker.ts';

/** A process of the shop's, or a worker: it does its task until it is done, or killed. */

export interface Party {
  readonly task: Task;
  readonly gateway: Gateway<BankFields>;
  readonly journal: Journal;
  readonly place: OpenPlace;
  readonly trap: Trap;
  readonly say: (message: Message) => Promise<void>;
}

/** Short, since the crash test runs in real time. An attempt may take longer: then the lease is longer too. */
const LEASE_MS = 1500;

const say = (message: Message): Promise<void> =>
  new Promise(resolve => {
    if (process.send === undefined) throw new Error('Start it with fork: it speaks to who started it.');
    process.send(message, () => resolve());
  });

async function main(task: Task): Promise<void> {
  listenForDisk();
  // Who is killed would keep nothing for the next one.
  flushCompileCache();
  const trap = trapAt(task.point, task.nth, async () => {
    if (task.blow === 'kill') process.kill(process.pid, 'SIGKILL');
    await say({ type: 'stopping', point: task.point });
    process.kill(process.pid, 'SIGSTOP');
  });
  const place = await openPlace(task.place);
  const journal = createJournal(trapped(place.journal.store, task.role, trap), { leaseMs: LEASE_MS });
  const gateway = createGateway({
    adapter: bank(task.bankUrl, task.account),
    client: ky.create({ fetch: trappedFetch(task.name, trap) }),
    fetchSendsOnce: true,
    // A worker cannot do without.
    ...((task.hasJournal || task.role === 'worker') && { journal }),
    onEvent(event) {
      const order = event.reference['order'];
      if (order !== undefined) void say({ type: 'event', order, words: wordsFor(event) });
    },
  });
  const party: Party = { task, gateway, journal, place, trap, say };
  await (task.role === 'shop' ? settleAll(party) : work(party));
  await say({ type: 'done' });
  process.exit(0);
}

/** Of an event what a story needs. */
function wordsFor(event: object): string {
  const told = Object.entries(event).filter(([name]) => !['at', 'gateway', 'operation', 'reference'].includes(name));
  return JSON.stringify(Object.fromEntries(told));
}

await main(JSON.parse(process.argv[2] ?? '') as Task);
