import { once } from 'node:events';
import { createWorker } from '../../src/journal/worker.ts';
import type { Party } from './child.ts';

/** Takes up what is open until it is told to end. */
export async function work({ task, gateway, journal, place, trap, say }: Party): Promise<void> {
  const told = once(process, 'SIGTERM');
  let calls = 0;
  const worker = createWorker({
    gateways: [gateway],
    journal,
    ratePerSecond: 200,
    idleMs: 100,
    // What it has taken when it dies counts against each of the rows.
    batchSize: 20,
    transaction: task.books === 'journal',
    async onSettled(settlement, { deliveryId, db }) {
      await trap('handler');
      if (++calls % 100 < task.failing) throw new Error('The shop cannot book it now.');
      const delivery = {
        deliveryId,
        order: settlement.reference.merchant,
        outcome: settlement.outcome,
        code: settlement.verdict.code,
        books: task.books,
        process: task.name,
        atMs: Date.now(),
      };
      await (task.books === 'own' ? place.books.book(delivery, trap) : place.books.bookWith(db, delivery));
    },
  });
  worker.start();
  await say({ type: 'ready' });
  await told;
  await worker.stop({ drainMs: 2000 });
}
