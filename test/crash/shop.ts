import pLimit from 'p-limit';
import { fieldsOf, operationOf } from './orders.ts';
import type { Party } from './child.ts';

/** Several at once, as a shop does. */
const AT_ONCE = 4;

/** Settles each of its orders, and tells what it was told. */
export async function settleAll({ task, gateway, say }: Party): Promise<void> {
  const limit = pLimit(AT_ONCE);
  await say({ type: 'ready' });
  await Promise.all(
    task.orders.map(order =>
      limit(async () => {
        await say({ type: 'began', order });
        try {
          const { outcome, verdict } = await gateway.settle(operationOf(order), fieldsOf(order));
          await say({ type: 'told', order, outcome, code: verdict.code, reason: verdict.reason, atMs: Date.now() });
        } catch (error) {
          await say({ type: 'threw', order, error: String(error) });
        }
      }),
    ),
  );
}
