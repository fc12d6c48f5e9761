import ky from 'ky';
import { createGateway, type NoticesEvent } from 'tillpaid';
import { qfpay } from 'tillpaid/adapters/qfpay';
import { zalopay } from 'tillpaid/adapters/zalopay';
import { lives, manualClock, simulateGateway, type ManualClock } from 'tillpaid/testing';
import { qfpayVoice } from 'tillpaid/testing/qfpay';
import { zalopayNotice, zalopayVoice } from 'tillpaid/testing/zalopay';
import { drawing, seeded } from './chance.ts';
import type { Mix } from './frontier-mix.ts';
import { printTable } from './table.ts';

/**
 * Status queries for each payment that is paid, and how late its end is known, where the provider's notices come, come
 * with losses, stop in the middle, and where nobody relies on them. Orders at ZaloPay, which live for 15 minutes: one every
 * six seconds, for 40 minutes; the payer of 19 out of 20 pays, 80 % around 20 s after his order was made (lognormal, sigma 1), the others
 * around two minutes (sigma 0.8). Notices come one to three seconds after the payment. Manual clock.
 */
const PAYMENTS = 400;
const EVERY_MS = 6000;
const mix: Mix = {
  parts: [
    { share: 0.76, medianS: 20, sigma: 1 },
    { share: 0.19, medianS: 120, sigma: 0.8 },
  ],
};
/** Before the order expires. */
const LATEST_MS = 840_000;
const credentials = { appId: 2553, key1: 'key-of-requests', key2: 'key-of-callbacks' };

interface Scene {
  readonly name: string;
  /** `policy.poll.notices`. */
  readonly relies: boolean;
  /** Whether the notice of the payment that is paid then comes. */
  readonly comes: (paidAtMs: number, chance: number) => boolean;
}

const STOP_MS = 1_200_000;
const scenes: readonly Scene[] = [
  { name: 'no notices', relies: false, comes: () => false },
  { name: 'notices come, and nobody relies on them', relies: false, comes: () => true },
  { name: 'notices: true, and they come', relies: true, comes: () => true },
  { name: 'notices: true, and one in fifty is lost', relies: true, comes: (_paidAtMs, chance) => chance >= 0.02 },
  { name: 'notices: true, and they stop after 20 minutes', relies: true, comes: paidAtMs => paidAtMs < STOP_MS },
  { name: 'notices: true, and none ever comes', relies: true, comes: () => false },
];

interface Paid {
  readonly paidAtMs: number;
  readonly lateMs: number;
  readonly queries: number;
}

export async function printNotices(): Promise<void> {
  await printComing();
  const rows: string[][] = [];
  const told: string[] = [];
  for (const scene of scenes) {
    const { paid, changes } = await play(scene);
    rows.push([scene.name, ...figures(paid)]);
    if (scene.name.includes('stop')) {
      const since = paid.filter(({ paidAtMs }) => paidAtMs >= STOP_MS);
      const [begun = STOP_MS, ended = 2 * STOP_MS] = changes;
      rows.push(['  of it before', ...figures(paid.filter(({ paidAtMs }) => paidAtMs < STOP_MS))]);
      rows.push(['  until it is noticed', ...figures(since.filter(({ paidAtMs }) => paidAtMs < ended))]);
      rows.push(['  from then on', ...figures(since.filter(({ paidAtMs }) => paidAtMs >= ended))]);
      told.push(
        `trusted after ${(begun / 60_000).toFixed(1)} minutes; doubted ${((ended - STOP_MS) / 1000).toFixed(0)} s after they stopped`,
      );
    }
  }
  console.log(`\nStatus queries per paid payment, and seconds from payment to its detection (${PAYMENTS} orders)\n`);
  printTable(['', 'paid', 'queries', 'mean s', 'p50 s', 'p95 s', 'longest s'], rows);
  console.log(`\nOf the notices that stop: ${told.join('; ')}.\n`);
}

function figures(paid: readonly Paid[]): string[] {
  const late = paid.map(({ lateMs }) => lateMs).sort((a, b) => a - b);
  const seconds = (ms = Number.NaN): string => (ms / 1000).toFixed(1);
  const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
  return [
    String(paid.length),
    mean(paid.map(({ queries }) => queries)).toFixed(2),
    ...[mean(late), late[Math.floor(late.length / 2)], late[Math.floor(0.95 * late.length)], late.at(-1)].map(seconds),
  ];
}

/** One day of this shop. `changes`: when trust began and ended, from the start. */
async function play({ relies, comes }: Scene): Promise<{ paid: Paid[]; changes: number[] }> {
  const clock = manualClock();
  const startMs = clock.now();
  const bank = simulateGateway({ voice: zalopayVoice(credentials), clock });
  const changes: number[] = [];
  const gateway = createGateway({
    adapter: zalopay({ ...credentials, environment: 'sandbox' }),
    client: ky.create({ fetch: bank.fetch }),
    policy: { poll: { notices: relies } },
    clock,
    onEvent: event => (isNotices(event) ? changes.push(clock.now() - startMs) : undefined),
  });
  const chance = seeded(7);
  const draw = drawing(mix, chance);
  const paid: Paid[] = [];
  const payment = async (index: number): Promise<void> => {
    const number = `260101_2553_${index}`;
    const [drawnMs, lostChance, delayMs] = [draw(), chance(), 1000 + 2000 * chance()];
    const afterMs = drawnMs > LATEST_MS ? Infinity : drawnMs;
    await sleep(clock, index * EVERY_MS);
    bank.script(number, { life: afterMs === Infinity ? lives.open() : lives.paidAfter(Math.ceil(afterMs)) });
    const fields = { app_trans_id: number, app_user: 'user-7', amount: 50_000, description: 'Tea for two' };
    const created = await gateway.settle('payment.create', fields);
    if (created.outcome !== 'created') throw new Error(`${number} ended ${created.outcome}`);
    const paidAtMs = clock.now() - startMs + Math.ceil(afterMs);
    if (afterMs < Infinity && comes(paidAtMs, lostChance)) {
      clock.timer(afterMs + delayMs, () => {
        const entry = bank.ledger.payment(number);
        if (entry !== undefined) void clock.during(gateway.receive(zalopayNotice(credentials, entry, clock.now())));
      });
    }
    const settlement = await gateway.untilSettled(created.ticket);
    if (settlement.outcome !== 'succeeded') return;
    paid.push({ paidAtMs, lateMs: clock.now() - startMs - paidAtMs, queries: settlement.polls });
  };
  await clock.run(Promise.all(Array.from({ length: PAYMENTS }, (_each, index) => payment(index))));
  return { paid, changes };
}

/** QR codes, one every five seconds, whose payer scans after four minutes, or up to a minute later, and pays 12 s after that. */
const SCANNED = 60;
const SCANNED_EVERY_MS = 5000;
const PIN_MS = 12_000;

/** @param sees the states that tell that the payer is at it are heeded */
async function scanned(sees: boolean): Promise<Paid[]> {
  const clock = manualClock();
  const account = { appCode: 'SHOP', clientKey: 'secret' };
  const bank = simulateGateway({ voice: qfpayVoice(account), clock });
  const plain = qfpay({ ...account, environment: 'sandbox' });
  const query = plain.operations['payment.query'];
  if (query === undefined || typeof query.codes === 'function') throw new Error('QFPay has another query now.');
  const deaf = Object.entries(query.codes).map(([name, { ...row }]) => {
    if ('paying' in row && !sees) delete row.paying;
    return [name, row];
  });
  const codes = Object.fromEntries(deaf) as typeof query.codes;
  const adapter = { ...plain, operations: { ...plain.operations, 'payment.query': { ...query, codes } } };
  const gateway = createGateway({
    ...{ adapter, clock },
    client: ky.create({ fetch: bank.fetch }),
  });
  const one = async (index: number): Promise<Paid> => {
    const out_trade_no = `Q${index}`;
    const paidAtMs = 240_000 + index * 1000 + PIN_MS;
    const life = lives.steps([
      { afterMs: paidAtMs - PIN_MS, state: 'pending' },
      { afterMs: paidAtMs, state: 'paid' },
    ]);
    bank.script(out_trade_no, { life });
    await sleep(clock, index * SCANNED_EVERY_MS);
    const fields = { txamt: '100', txcurrcd: 'HKD', pay_type: '800201', out_trade_no, txdtm: '2026-01-01 08:00:00' };
    const created = await gateway.settle('payment.create', fields);
    if (created.outcome !== 'created') throw new Error(`${out_trade_no} ended ${created.outcome}`);
    const { elapsedMs, polls } = await gateway.untilSettled(created.ticket);
    return { paidAtMs, lateMs: elapsedMs - paidAtMs, queries: polls };
  };
  return clock.run(Promise.all(Array.from({ length: SCANNED }, (_each, index) => one(index))));
}

async function printComing(): Promise<void> {
  console.log(
    '\nA QR code whose payer scans after four to five minutes and pays 12 s later: seconds to its detection\n',
  );
  printTable(
    ['', 'paid', 'queries', 'mean s', 'p50 s', 'p95 s', 'longest s'],
    [
      ['as if nothing was told', ...figures(await scanned(false))],
      ['the payer is seen to come', ...figures(await scanned(true))],
    ],
  );
}

const isNotices = (event: { readonly type: string }): event is NoticesEvent => event.type === 'notices';

const sleep = (clock: ManualClock, forMs: number): Promise<void> =>
  new Promise(resolve => void clock.timer(forMs, resolve));
