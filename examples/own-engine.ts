import { mkdtempSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ky from 'ky';
import { createGateway, type Gateway, type OpenPayment, type Settlement, type Ticket } from 'tillpaid';
import { qfpay, type QfpayCredentials, type QfpayFields } from 'tillpaid/adapters/qfpay';
import { lives, manualClock, simulateGateway } from 'tillpaid/testing';
import { qfpayVoice } from 'tillpaid/testing/qfpay';

/**
 * An engine of your own: all that is known lies in a file, written after every step, and the process may end at any
 * moment. Yours may be a job queue, a cron job, or a table that is looked through.
 */
export interface Payment {
  readonly order: string;
  /** In cents. */
  readonly amount: number;
  /** From the payer's phone. */
  readonly scanned: string;
  /** From here on the charge may have left: it is only asked about. */
  readonly ticket?: Ticket;
  readonly open?: OpenPayment;
  readonly outcome?: Settlement['outcome'];
}

export function read(file: string): Payment[] {
  const stored: unknown = JSON.parse(readFileSync(file, 'utf8'));
  if (!arePayments(stored)) throw new Error(`${file} holds no payments.`);
  return stored;
}

const arePayments = (stored: unknown): stored is Payment[] => Array.isArray(stored);

/** All or nothing, whenever the process ends. */
export function write(file: string, payments: readonly Payment[]): void {
  writeFileSync(`${file}.new`, JSON.stringify(payments));
  renameSync(`${file}.new`, file);
}

const save = (file: string, changed: Payment): void =>
  write(
    file,
    read(file).map(each => (each.order === changed.order ? changed : each)),
  );

const dueAtMs = ({ open }: Payment): number => (open === undefined ? 0 : Date.parse(open.dueAt));

/**
 * Makes the step that is due first. Returns how many milliseconds there are until the next one, `undefined` when all
 * payments are over.
 */
export async function nextStep(file: string, gateway: Gateway<QfpayFields>): Promise<number | undefined> {
  const [payment] = read(file)
    .filter(({ outcome }) => outcome === undefined)
    .sort((one, other) => dueAtMs(one) - dueAtMs(other));
  if (payment === undefined) return undefined;
  if (payment.ticket === undefined) {
    save(file, await charge(file, gateway, payment));
    return 0;
  }
  const { done, open, dueInMs } = await gateway.step(payment.open ?? payment.ticket);
  save(file, done === undefined ? { ...payment, open } : { ...payment, ticket: done.ticket, outcome: done.outcome });
  return dueInMs ?? 0;
}

/** Sends the charge: once, since its ticket is in the file before the first byte leaves. */
async function charge(file: string, gateway: Gateway<QfpayFields>, payment: Payment): Promise<Payment> {
  const { order, amount, scanned } = payment;
  const fields = {
    out_trade_no: order,
    txamt: amount,
    txcurrcd: 'HKD',
    pay_type: '800108',
    auth_code: scanned,
  };
  const { outcome, ticket } = await gateway.settle('payment.charge', fields, {
    onTicket: known => save(file, { ...payment, ticket: known }),
    // What is not known after one question is followed step by step.
    policy: { poll: { deadlineMs: 0 } },
  });
  return outcome === 'unresolved' ? { ...payment, ticket } : { ...payment, ticket, outcome };
}

/**
 * Here gateway and time are simulated, and every step is made by a gateway object that knows nothing of the one before.
 */
export async function main(): Promise<string[]> {
  const account: QfpayCredentials = { appCode: 'SHOP', clientKey: 'secret', environment: 'sandbox' };
  const clock = manualClock();
  const simulated = simulateGateway({ voice: qfpayVoice(account), clock });
  simulated.script('ORDER-1', { life: lives.paidAfter(20_000), onSend: ['reset-after-booking'] });
  simulated.script('ORDER-2', { life: lives.steps([{ afterMs: 8000, state: 'declined' }]) });
  const file = join(mkdtempSync(join(tmpdir(), 'own-engine-')), 'payments.json');
  write(
    file,
    ['ORDER-1', 'ORDER-2'].map(order => ({ order, amount: 12_50, scanned: '284957310466312987' })),
  );

  const client = ky.create({ fetch: simulated.fetch });
  const run = async (): Promise<void> => {
    for (;;) {
      const waitMs = await nextStep(file, createGateway({ adapter: qfpay(account), client, clock }));
      if (waitMs === undefined) return;
      await new Promise<void>(resolve => clock.timer(waitMs, resolve));
    }
  };
  await clock.run(run());
  return read(file).map(
    ({ order, outcome = 'open' }) =>
      `${order}: ${outcome}, after ${simulated.ledger.payment(order)?.sends} send; money moved: ${simulated.ledger.payment(order)?.bookings}`,
  );
}

if (import.meta.main) console.log(await main());
