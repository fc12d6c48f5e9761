import { endOf, sendRefund, type End, type Follow, type Payments, type Refund } from './payments.ts';

/** As much of BullMQ's `Job` as is used. BullMQ is not installed here: no Redis has seen this file. */
export interface Job<Data> {
  readonly data: Data;
  /** How often it was begun, this time included. */
  readonly attemptsStarted: number;
  updateData(data: Data): Promise<void>;
  moveToDelayed(timestampMs: number, token?: string): Promise<void>;
}

/** As much of its `Queue`. */
export interface Queue<Data> {
  add(name: string, data: Data, options: { jobId: string; delay?: number; attempts: number }): Promise<unknown>;
  remove(jobId: string): Promise<unknown>;
}

/**
 * `new Worker('refunds', refundProcessor(payments, queue, onEnd))`. Add a refund with its number as the `jobId`: what is asked
 * for twice is one job.
 */
export const refundProcessor =
  (payments: Payments, follow: Queue<Follow>, onEnd: (end: End) => Promise<unknown>) =>
  async ({ data, attemptsStarted }: Job<Refund>): Promise<void> => {
    // The same jobId again changes nothing.
    const remember = (payment: Follow['payment']): unknown =>
      follow.add('follow', { payment }, { jobId: data.out_trade_no, delay: 60_000, attempts: 1000 });
    const end = await sendRefund(payments, data, { isRedelivered: attemptsStarted > 1, remember });
    if (end.outcome === 'unresolved') return;
    await onEnd(end);
    await follow.remove(data.out_trade_no);
  };

/** `new Worker('follow', followProcessor(payments, onEnd, DelayedError))`, with the `DelayedError` of `bullmq`. */
export const followProcessor =
  (payments: Payments, onEnd: (end: End) => Promise<unknown>, DelayedError: new () => Error) =>
  async (job: Job<Follow>, token?: string): Promise<void> => {
    const { done, open, dueInMs } = await payments.step(job.data.payment);
    if (done !== undefined) {
      await onEnd(endOf(done));
      return;
    }
    await job.updateData({ payment: open });
    await job.moveToDelayed(Date.now() + dueInMs, token);
    throw new DelayedError();
  };
