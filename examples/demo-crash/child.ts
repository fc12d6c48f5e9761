import { once } from 'node:events';
import { createWorker } from 'tillpaid/journal';
import { openGateways, orders, send } from './gateways.ts';
import { openShop } from './shop.ts';

/** A process of the shop's: `shop` sends every payment, `worker` follows what is open. Neither knows when it dies. */

const [role, place = '', ...baseUrls] = process.argv.slice(2);
const shop = await openShop(place);
const gateways = openGateways(baseUrls, shop);

if (role === 'shop') {
  await Promise.all(orders.map(order => send(gateways, order)));
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
