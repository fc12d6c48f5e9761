import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import ky from 'ky';
import { createGateway, type Clock, type Gateway } from 'tillpaid';
import { qfpay, type QfpayCredentials, type QfpayFields } from 'tillpaid/adapters/qfpay';
import { createWorker, type OnSettled } from 'tillpaid/journal';
import { sqliteJournal } from 'tillpaid/journal/sqlite';
import { lives, manualClock, simulateGateway } from 'tillpaid/testing';
import { qfpayVoice } from 'tillpaid/testing/qfpay';

/**
 * A journal in a SQLite file: every payment is in it from before its first byte until your shop knows how it ended. Here
 * the process that charges dies in the middle; the next one finds the payment, and charges nobody twice.
 */
const account: QfpayCredentials = { appCode: 'SHOP', clientKey: 'secret', environment: 'sandbox' };

const charge = (order: string): QfpayFields['payment.charge'] => ({
  out_trade_no: order,
  txamt: 12_50,
  txcurrcd: 'HKD',
  pay_type: '800108',
  auth_code: '284957310466312987',
});

/**
 * What your shop does with each settlement. `db` is the open transaction of the journal's file: the order and the mark
 * that it was delivered are written together, and so exactly once.
 */
const onSettled: OnSettled = ({ outcome, reference }, { db }) => {
  if (!(db instanceof DatabaseSync)) throw new Error('Start the worker with transaction: true.');
  db.prepare('UPDATE orders SET state = ?, told = told + 1 WHERE number = ?').run(outcome, reference.merchant);
};

export async function main(): Promise<string[]> {
  const clock = manualClock();
  const simulated = simulateGateway({ voice: qfpayVoice(account), clock });
  // The money moves, and the answer does not come in the lifetime of the first process.
  simulated.script('ORDER-1', { life: lives.paidAfter(5000), onSend: ['hang-after-booking'] });

  const file = join(mkdtempSync(join(tmpdir(), 'journal-')), 'payments.db');
  const journal = sqliteJournal(file, { clock });
  const shop = new DatabaseSync(file);
  shop.exec('CREATE TABLE orders (number TEXT PRIMARY KEY, state TEXT, told INTEGER)');
  for (const order of ['ORDER-1', 'ORDER-2']) shop.prepare("INSERT INTO orders VALUES (?, 'placed', 0)").run(order);

  /** A process, as far as payments are concerned: a gateway object. Yours passes neither `client` nor `clock`. */
  const startProcess = (its: Clock): Gateway<QfpayFields> =>
    createGateway({ adapter: qfpay(account), client: ky.create({ fetch: simulated.fetch }), clock: its, journal });

  // This one is killed while it waits for the answer: its time stands still, and nothing of it runs any more.
  const killed = startProcess({ now: () => clock.now(), random: () => 0.5, timer: () => () => undefined });
  killed.settle('payment.charge', charge('ORDER-1')).catch(() => undefined);
  await clock.untilQuiet();
  const [left] = await journal.list();

  const gateway = startProcess(clock);
  const worker = createWorker({ gateways: [gateway], journal, onSettled, transaction: true, clock });
  worker.start();
  // Whoever asks for the same order meanwhile waits for the same charge. The other order is a new one.
  const [again] = await clock.run(
    Promise.all(['ORDER-1', 'ORDER-2'].map(order => gateway.settle('payment.charge', charge(order)))),
  );
  await clock.run(new Promise<void>(resolve => clock.timer(60_000, resolve)));
  await clock.run(worker.stop());

  const orders = shop.prepare('SELECT * FROM orders ORDER BY number').all();
  shop.close();
  await journal.close();
  return [
    `after the crash: ORDER-1 is ${left?.state}`,
    `asked for again: ${again?.outcome}, after ${simulated.ledger.payment('ORDER-1')?.sends} send`,
    ...orders.map(({ number, state, told }) => `${String(number)}: ${String(state)}, told ${Number(told)} time`),
  ];
}

if (import.meta.main) console.log((await main()).join('\n'));
