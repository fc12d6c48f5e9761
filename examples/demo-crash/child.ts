import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { createWorker } from 'tillpaid/journal';
import { openGateways, orders, send, type Order } from './gateways.ts';
import { openShop } from './shop.ts';

/** A process of the shop's: `shop` sends every payment, `worker` follows what is open. Neither knows when it dies. */

const [role, place = '', ...baseUrls] = process.argv.slice(2);
const shop = await openShop(place);
const gateways = openGateways(baseUrls, shop);

if (role === 'shop') {
  await Promise.all(orders.map(sendOrTryAgain));
} else {
  const worker = createWorker({
    gateways: Object.values(gateways),
    journal: shop.journal,
    ratePerSecond: 60,
    transaction: true,
    onSettled: ({ reference, outcome }, { db }) => shop.settle(db, reference.merchant, outcome),
  });
  worker.start();
  process.send?.('at work');
  await once(process, 'SIGTERM');
  await worker.stop({ drainMs: 1000 });
}
await shop.close();
process.exit();

/** A journal that did not answer in time: nothing was sent, or it is known by now. The same is asked for again. */
async function sendOrTryAgain(order: Order): Promise<void> {
  const idempotencyKey = randomUUID();
  for (;;) {
    try {
      await send(gateways, order, idempotencyKey);
      return;
    } catch {
      await sleep(500);
    }
  }
}
