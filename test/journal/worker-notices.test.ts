import ky from 'ky';
import { expect, it } from 'vitest';
// Loads with the first notice, in real time, which no manual clock waits for: here it is there from the start.
import '../../src/client/receive.ts';
import { zalopay } from '../../src/adapters/zalopay/index.ts';
import { zalopayNotice, zalopayVoice } from '../../src/adapters/zalopay/simulator.ts';
import { createGateway, type Settlement } from '../../src/index.ts';
import { memoryJournal } from '../../src/journal/memory.ts';
import { createWorker } from '../../src/journal/worker.ts';
import { lives, manualClock, simulateGateway } from '../../src/testing/index.ts';
import { sleep } from '../../src/testing/sleep.ts';

const account = { appId: 2553, key1: 'one', key2: 'two', environment: 'sandbox' } as const;
const MINUTE_MS = 60_000;
const ORDERS = 26;
/** Each is paid two minutes after it was made. */
const PAID_MS = 2 * MINUTE_MS;

/**
 * One order every half a minute, followed by a worker of a journal; the notices come a second after the payment.
 *
 * @param hears whose gateway object receives them
 * @param stopMs from then on none comes
 */
async function shop(hears: 'worker' | 'other' | 'nobody', notices: boolean, stopMs = Infinity) {
  const clock = manualClock();
  const bank = simulateGateway({ voice: zalopayVoice(account), clock, lives: { create: lives.paidAfter(PAID_MS) } });
  const journal = memoryJournal({ clock });
  const gatewayOf = () =>
    createGateway({
      adapter: zalopay(account),
      client: ky.create({ fetch: bank.fetch }),
      policy: { poll: { notices } },
      ...{ clock, journal },
    });
  const [own, other] = [gatewayOf(), gatewayOf()];
  const startMs = clock.now();
  const late: number[] = [];
  const outcomes: Settlement['outcome'][] = [];
  const worker = createWorker({
    ...{ gateways: [own], journal, clock },
    onSettled: ({ outcome, ticket }) => {
      if (outcome === 'created') return;
      outcomes.push(outcome);
      late.push(clock.now() - Date.parse(ticket.openedAt) - PAID_MS);
    },
  });
  worker.start();
  const sell = async (index: number): Promise<void> => {
    await sleep(clock, index * 30_000);
    const app_trans_id = `260101_${index}`;
    await own.settle('payment.create', { app_trans_id, app_user: 'user-7', amount: 10_000, description: 'Tea' });
    await sleep(clock, PAID_MS + 1000);
    const entry = bank.ledger.payment(app_trans_id);
    if (hears === 'nobody' || entry === undefined || clock.now() - startMs > stopMs) return;
    await (hears === 'worker' ? own : other).receive(zalopayNotice(account, entry, clock.now()));
  };
  await clock.run(Promise.all(Array.from({ length: ORDERS }, (_each, index) => sell(index))));
  await clock.run(sleep(clock, 5 * MINUTE_MS));
  await clock.run(worker.stop());
  expect(outcomes).toEqual(Array.from({ length: ORDERS }, () => 'succeeded'));
  const queries = bank.requests.filter(({ act }) => act === 'query').length;
  return { queries, latestMs: Math.max(...late) };
}

it('a worker asks rarely while its own gateway object hears the notices', async () => {
  const [usual, rarely] = [await shop('worker', false), await shop('worker', true)];
  expect(rarely.queries).toBeLessThan(0.75 * usual.queries);
  expect(rarely.latestMs).toBeLessThanOrEqual(3000);
});

it('a worker whose notices go to another process asks as it would without them, and loses nothing by it', async () => {
  const [usual, elsewhere] = [await shop('other', false), await shop('other', true)];
  expect(elsewhere).toEqual(usual);
});

it('a worker whose notices stop finds every payment all the same, within minutes', async () => {
  const { latestMs } = await shop('worker', true, 9 * MINUTE_MS);
  expect(latestMs).toBeLessThanOrEqual(1.2 * 115_000);
});

it('a worker that hears no notice at all asks as it would without them', async () => {
  expect(await shop('nobody', true)).toEqual(await shop('nobody', false));
});
