import ky from 'ky';
import { PgBoss } from 'pg-boss';
import { createGateway, steps, type Clock, type Gateway } from 'tillpaid';
import { qfpay, type QfpayCredentials, type QfpayFields } from 'tillpaid/adapters/qfpay';
import { lives, simulateGateway, type Script, type Simulator } from 'tillpaid/testing';
import { qfpayVoice } from 'tillpaid/testing/qfpay';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { End, Refund } from '../../examples/frameworks/payments.ts';
import { askForRefund, startJobs } from '../../examples/frameworks/pg-boss.ts';
import { testDatabase } from '../testing/postgres-database.ts';

const database = await testDatabase(import.meta.url);
const account: QfpayCredentials = { appCode: 'SHOP', clientKey: 'secret', environment: 'sandbox' };
const started: PgBoss[] = [];
afterEach(async () => {
  await Promise.all(started.splice(0).map(boss => boss.stop({ graceful: false })));
});

async function openBoss(): Promise<PgBoss> {
  const boss = new PgBoss({ connectionString: database?.url ?? '', schedule: false, supervise: false });
  started.push(boss);
  return boss.start();
}

interface Scene {
  readonly simulated: Simulator;
  readonly refund: Refund;
  readonly process: (its?: Clock) => Gateway<QfpayFields>;
  readonly ends: End[];
  readonly onEnd: (end: End) => Promise<unknown>;
}

async function scene(number: string, script: Script): Promise<Scene> {
  const simulated = simulateGateway({ voice: qfpayVoice(account) });
  const process: Scene['process'] = its =>
    createGateway({
      ...{ adapter: qfpay(account), client: ky.create({ fetch: simulated.fetch }), ...(its && { clock: its }) },
      policy: { poll: { backoff: steps([20]) } },
    });
  const order = { out_trade_no: `O-${number}`, txamt: 12_50, txcurrcd: 'HKD', pay_type: '800108', auth_code: '28495' };
  const { reference } = await process().settle('payment.charge', order);
  simulated.script(number, script);
  const ends: End[] = [];
  return {
    ...{ simulated, process, ends, refund: { out_trade_no: number, syssn: reference.provider ?? '', txamt: 12_50 } },
    onEnd: end => Promise.resolve(ends.push(end)),
  };
}

describe.skipIf(database === undefined)('a refund in pg-boss’s jobs', () => {
  it('that is asked for twice is one job, is sent once though its answer is lost, and told at its end', async () => {
    const { simulated, process, refund, ends, onEnd } = await scene('REFUND-1', {
      ...{ onSend: ['reset-after-booking'], life: lives.paidAfterQueries(2) },
    });
    const boss = await openBoss();
    await startJobs(boss, process(), onEnd);
    expect([await askForRefund(boss, refund), await askForRefund(boss, refund)]).toEqual([true, false]);
    await vi.waitFor(() => expect(ends.length).toBeGreaterThan(0), { timeout: 20_000 });
    expect(ends).toMatchObject([{ outcome: 'succeeded', reference: { merchant: 'REFUND-1' } }]);
    expect(simulated.ledger.refund('REFUND-1')).toMatchObject({ sends: 1, bookings: 1 });
  });

  it('whose process ends in the middle is found by the next one, and sent once', async () => {
    const { simulated, process, refund, ends, onEnd } = await scene('REFUND-2', { onSend: ['hang-after-booking'] });
    const first = await openBoss();
    // Its time stands still: nothing of it goes on, as in a process that is killed.
    await startJobs(first, process({ now: () => Date.now(), random: () => 0.5, timer: () => () => undefined }), onEnd);
    await askForRefund(first, refund);
    await vi.waitFor(() => expect(simulated.ledger.refund('REFUND-2')).toBeDefined(), { timeout: 20_000 });
    await first.stop({ graceful: false });

    const next = await openBoss();
    await startJobs(next, process(), onEnd);
    // Half a minute later.
    const { jobs } = await next.update('follow', undefined, { singletonKey: 'REFUND-2', startAfter: new Date() });
    expect(jobs).toHaveLength(1);
    await vi.waitFor(() => expect(ends.length).toBeGreaterThan(0), { timeout: 20_000 });
    expect(ends).toMatchObject([{ outcome: 'succeeded' }]);
    expect(simulated.ledger.refund('REFUND-2')).toMatchObject({ sends: 1, bookings: 1 });
  });
});
