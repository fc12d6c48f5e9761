import type { Db, PgBoss } from 'pg-boss';
import { endOf, numberOf, sendRefund, type End, type Follow, type Payments, type Refund } from './payments.ts';

const REFUNDS = 'refunds';
const FOLLOW = 'follow';

/** Your row, in the transaction in which the job ends. It may be told twice: write by the number. */
export type OnEnd = (end: End, db: Db) => Promise<unknown>;

/** `exclusive`: a refund that is asked for twice is one job. `stately`: one job that runs, and one that is next. */
export async function startJobs(boss: PgBoss, payments: Payments, onEnd: OnEnd): Promise<void> {
  const patient = { retryLimit: 1000, retryDelay: 5, retryBackoff: true, retryDelayMax: 300, expireInSeconds: 60 };
  await boss.createQueue(REFUNDS, { ...patient, policy: 'exclusive' });
  await boss.createQueue(FOLLOW, { ...patient, policy: 'stately' });
  const key = ({ out_trade_no }: Refund): { singletonKey: string } => ({ singletonKey: out_trade_no });

  await boss.work(
    REFUNDS,
    { transactional: true, includeMetadata: true, pollingIntervalSeconds: 0.5 },
    async (jobs: { data: Refund; retryCount: number }[], db) => {
      for (const { data, retryCount } of jobs) {
        let follower: string | undefined;
        // Not in the transaction: it must be there before the first byte leaves. Within a minute this process asks itself.
        const remember = async (payment: Follow['payment']): Promise<void> => {
          [follower] = (await boss.upsert(FOLLOW, { payment }, { ...key(data), startAfter: 60 })).jobs;
        };
        const end = await sendRefund(payments, data, { isRedelivered: retryCount > 0, remember });
        if (end.outcome === 'unresolved')
          await boss.upsert(FOLLOW, { payment: end.ticket }, { ...key(data), startAfter: 0 });
        else {
          await onEnd(end, db);
          if (follower !== undefined) await boss.deleteJob(FOLLOW, follower, { db });
        }
      }
    },
  );
  // This job ends and the next one begins in one transaction: a crash leaves either, and never both or none.
  await boss.work(
    FOLLOW,
    { transactional: true, pollingIntervalSeconds: 0.5 },
    async (jobs: { data: Follow }[], db) => {
      for (const { data } of jobs) {
        const { done, open, dueInMs } = await payments.step(data.payment);
        if (done !== undefined) await onEnd(endOf(done), db);
        else {
          const startAfter = new Date(Date.now() + dueInMs);
          await boss.send(FOLLOW, { payment: open }, { singletonKey: numberOf(data), startAfter, db });
        }
      }
    },
  );
}

/** @returns whether it is a new one */
export const askForRefund = async (boss: PgBoss, refund: Refund): Promise<boolean> =>
  (await boss.send(REFUNDS, refund, { singletonKey: refund.out_trade_no })) !== null;
