import ky from 'ky';
import { describe, expect, it } from 'vitest';
import { ifortepay } from '../../src/adapters/ifortepay/index.ts';
import { ifortepayNotice, ifortepayVoice } from '../../src/adapters/ifortepay/simulator.ts';
import { qfpay } from '../../src/adapters/qfpay/index.ts';
import { qfpayNotice, qfpayVoice } from '../../src/adapters/qfpay/simulator.ts';
import { rebell } from '../../src/adapters/rebell/index.ts';
import { rebellNotice, rebellVoice } from '../../src/adapters/rebell/simulator.ts';
import { uqpay } from '../../src/adapters/uqpay/index.ts';
import { uqpayNotice, uqpayVoice } from '../../src/adapters/uqpay/simulator.ts';
import { zalopay } from '../../src/adapters/zalopay/index.ts';
import { zalopayNotice, zalopayVoice } from '../../src/adapters/zalopay/simulator.ts';
import { isWrite } from '../../src/core/operation.ts';
import { numbersOf } from '../../src/engine/identity.ts';
import { createGateway, type Adapter, type Ticket } from '../../src/index.ts';
import { createJournal } from '../../src/journal/journal.ts';
import { memoryJournal } from '../../src/journal/memory.ts';
import type { JournalStore, Row } from '../../src/journal/store.ts';
import { manualClock, simulateGateway, type Entry, type Voice } from '../../src/testing/index.ts';
import { keyOf, kits } from '../fuzz/adapters.ts';
import { credentials as ofIfortepay } from '../samples/ifortepay.ts';
import { madeUp as ofRebell } from '../samples/rebell.ts';

/** By what a journal finds its rows: a notice, or a look into a list, must find its own, and no other's. */

type AnyAdapter = Adapter<Record<string, object>>;

/** What is not one order's: the shop's own, a customer's, and what a payout is looked for by in a list. */
const shared: readonly string[] = ['partnerServiceId', 'customerNo', 'statement_descriptor'];

/** The fields of the nth order: each number that its ticket goes by is another one. */
function fieldsOf(fields: object, reference: object, n: number): object {
  const numbers = Object.values(reference);
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      typeof value === 'string' && numbers.includes(value) && !shared.includes(name)
        ? `${value.slice(0, -1)}${n}`
        : (value as unknown),
    ]),
  );
}

describe.each(kits)('the rows of $name', kit => {
  const gateway = createGateway({ adapter: kit.adapter as unknown as AnyAdapter });
  const { operations } = kit.adapter;
  const writes = Object.values(operations)
    .filter(isWrite)
    .filter(({ sendable }) => sendable !== false);

  const ticketOf = (operation: (typeof writes)[number], n: number) => {
    const { name, learns = [] } = operation;
    const complete = { ...kit.complete[name] };
    const { reference } = gateway.ticketFor(name, complete);
    const given = gateway.ticketFor(name, fieldsOf(complete, reference, n));
    const learnt = learns.map(each => [each, shared.includes(each) ? 'the same' : `${each} ${n}`] as const);
    return { ...given, reference: { ...Object.fromEntries(learnt), ...given.reference } };
  };

  it.each(writes)('of a $name are found by numbers that no other order has', operation => {
    const [one, other] = [1, 2].map(n => numbersOf(operations, ticketOf(operation, n)) ?? []);
    expect(one?.length).toBeGreaterThan(0);
    const both = one?.filter(name => other?.includes(name)) ?? [];
    const isLookedFor = operation.name === 'payout.create';
    expect(both.map(name => (JSON.parse(name) as string[])[0])).toEqual(isLookedFor ? ['statement_descriptor'] : []);
  });

  it.each(writes)('of a $name are found however a database has sorted the names in its ticket', operation => {
    const { reference, ...ticket } = ticketOf(operation, 1);
    const sorted = Object.fromEntries(Object.entries(reference).sort(([a], [b]) => a.length - b.length));
    expect(numbersOf(operations, { ...ticket, reference: sorted })).toEqual(
      numbersOf(operations, { ...ticket, reference }),
    );
  });
});

interface Voiced {
  readonly make: () => AnyAdapter;
  readonly voice: () => Voice;
  readonly notice: (entry: Entry, nowMs: number) => Request | Promise<Request>;
}

const environment = 'sandbox' as const;
const ofQfpay = { environment, appCode: 'APP0CODE', clientKey: 'made-up' };
const ofZalopay = { environment, appId: 2553, key1: 'made-up-1', key2: 'made-up-2' };
const ofUqpay = { environment, clientId: 'names', apiKey: 'made-up', webhookSecret: 'made-up' };

const voices: Readonly<Record<string, Voiced>> = {
  ifortepay: {
    make: () => ifortepay(ofIfortepay) as unknown as AnyAdapter,
    voice: () => ifortepayVoice(ofIfortepay),
    notice: (entry, nowMs) => ifortepayNotice(ofIfortepay, entry, nowMs),
  },
  qfpay: {
    make: () => qfpay(ofQfpay) as unknown as AnyAdapter,
    voice: () => qfpayVoice(ofQfpay),
    notice: (entry, nowMs) => qfpayNotice(ofQfpay, entry, nowMs),
  },
  rebell: {
    make: () => rebell(ofRebell) as unknown as AnyAdapter,
    voice: () => rebellVoice(ofRebell),
    notice: (entry, nowMs) => rebellNotice(ofRebell, entry, nowMs),
  },
  uqpay: {
    make: () => uqpay(ofUqpay) as unknown as AnyAdapter,
    voice: () => uqpayVoice(ofUqpay),
    notice: (entry, nowMs) => uqpayNotice(ofUqpay, entry, nowMs),
  },
  zalopay: {
    make: () => zalopay(ofZalopay) as unknown as AnyAdapter,
    voice: () => zalopayVoice(ofZalopay),
    notice: (entry, nowMs) => zalopayNotice(ofZalopay, entry, nowMs),
  },
};

/** Three orders of a write, made by one process; another one hears of the second. */
async function heardElsewhere(gateway: string, operation: string) {
  const { make, voice, notice } = voices[gateway] ?? {};
  const kit = kits.find(({ name }) => name === gateway);
  if (make === undefined || voice === undefined || notice === undefined || kit === undefined)
    throw new Error(`there is no ${gateway}`);
  const clock = manualClock({ startMs: Date.UTC(2026, 10, 21, 3, 30) });
  const simulator = simulateGateway({ voice: voice(), clock });
  const client = ky.create({ fetch: simulator.fetch });
  const { store } = memoryJournal({ clock });
  const found: Row[] = [];
  const looking: JournalStore = {
    ...store,
    find: async (...asked) => {
      const rows = await store.find(...asked);
      found.push(...rows);
      return rows;
    },
  };
  const here = createGateway({ adapter: make(), client, clock, journal: createJournal(store, { clock }) });
  const elsewhere = createGateway({ adapter: make(), client, clock, journal: createJournal(looking, { clock }) });
  const settle = async (write: string, n: number, change: object = {}) => {
    const fields = { ...kit.complete[write], ...change };
    const { reference } = here.ticketFor(write, fields);
    return clock.run(here.settle(write, { ...fieldsOf(fields, reference, n), ...change }, keyOf(kit, write)));
  };
  const isRefund = operation === 'refund.create';
  const tickets: Ticket[] = [];
  for (const n of [1, 2, 3]) {
    // What a refund gives back was paid before.
    const target = (isRefund ? targets[gateway] : undefined) ?? '';
    const paid = isRefund ? (await settle('payment.create', n)).ticket.reference[target] : undefined;
    tickets.push((await settle(operation, n, isRefund ? { [target]: paid } : {})).ticket);
  }
  const entry = simulator.ledger.entries.filter(({ kind }) => (kind === 'refund') === isRefund)[1];
  if (entry === undefined) throw new Error('there is no such entry');
  const received = await clock.run(elsewhere.receive(await notice(entry, clock.now())));
  return { meant: tickets[1], received, found };
}

/** What a refund calls the payment. */
const targets: Readonly<Record<string, string>> = { qfpay: 'syssn', rebell: 'paymentId', uqpay: 'payment_intent_id' };

it.each([
  ['ifortepay', 'qris.create'],
  ['ifortepay', 'va.create'],
  ['ifortepay', 'debit.charge'],
  ['qfpay', 'payment.create'],
  ['qfpay', 'payment.charge'],
  ['qfpay', 'refund.create'],
  ['rebell', 'payment.create'],
  ['rebell', 'payment.charge'],
  ['rebell', 'refund.create'],
  ['uqpay', 'payment.create'],
  ['uqpay', 'refund.create'],
  ['uqpay', 'payout.create'],
  ['zalopay', 'payment.create'],
  ['zalopay', 'binding.create'],
])('a notice of %s’s about a %s finds the row of that one alone', async (gateway, operation) => {
  const { meant, received, found } = await heardElsewhere(gateway, operation);
  expect(received.verified).toBe(true);
  expect(found.map(({ data }) => data.ticket.reference)).toEqual([meant?.reference]);
});
