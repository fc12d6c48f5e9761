import ky from 'ky';
import {
  createGateway,
  type AnswersByOperation,
  type FieldsByOperation,
  type Gateway,
  type Settlement,
} from 'tillpaid';
import type { Adapter } from 'tillpaid/adapter';
import { simulateGateway, type LedgerEntry, type Simulator, type Voice } from 'tillpaid/testing';

/** A simulated gateway that was sent an order, and what it has in its books: for the notice that it then sends. */
export async function takeOrder<F extends FieldsByOperation<F>, A extends AnswersByOperation<F, A>>(
  adapter: Adapter<F, A>,
  voice: Voice,
  send: (gateway: Gateway<F, A>) => Promise<Settlement>,
): Promise<{ simulated: Simulator; entry: LedgerEntry; settlement: Settlement }> {
  const simulated = simulateGateway({ voice });
  const settlement = await send(createGateway({ adapter, client: ky.create({ fetch: simulated.fetch }) }));
  const [entry] = simulated.ledger.entries;
  if (entry === undefined) throw new Error(`The simulated ${adapter.name} has taken no order.`);
  return { simulated, entry, settlement };
}
