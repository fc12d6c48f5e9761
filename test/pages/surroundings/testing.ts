import ky, { type KyInstance } from 'ky';
import { createGateway, type Clock, type Gateway, type Ticket } from 'tillpaid';
import type { ZalopayAnswers, ZalopayFields } from 'tillpaid/adapters/zalopay';
import { memoryJournal, type JournalStore } from 'tillpaid/journal';
import { manualClock, simulateGateway, type ManualClock, type Simulator } from 'tillpaid/testing';
import { zalopayVoice } from 'tillpaid/testing/zalopay';
import { adapter, credentials, fields } from './zalopay.ts';

/** What a test has around the lines that a docstring of `tillpaid/testing` shows. */
export { expect } from 'vitest';
export { samples } from '../../../examples/own-provider-contract.ts';
export { lantern } from '../../../examples/own-provider.ts';
export { adapter, credentials, payOrder } from './zalopay.ts';

export const clock: ManualClock = manualClock();
export const simulated: Simulator = simulateGateway({ voice: zalopayVoice(credentials), clock });
export const client: KyInstance = ky.create({ fetch: simulated.fetch });
export const gateway: Gateway<ZalopayFields, ZalopayAnswers> = createGateway({ adapter, client, clock });
export const ticket: Ticket = gateway.ticketFor('payment.create', fields);

export const file = 'payments.db';
const stores = new Map<Clock, JournalStore>();
/** One for each clock, whoever opens it. */
export function myStore(...[, its]: [file: string, clock: Clock]): JournalStore {
  const store = stores.get(its) ?? memoryJournal({ clock: its }).store;
  stores.set(its, store);
  return store;
}
