import type { OpenPayment, Ticket } from 'tillpaid';
import { endOf, sendRefund, type End, type Payments, type Refund } from './payments.ts';

/** What one step tells the workflow. Its history keeps all of it, so nothing secret may be in it. */
export type Stepped =
  | { readonly done: End; readonly open?: undefined; readonly dueInMs?: undefined }
  | { readonly open: OpenPayment; readonly dueInMs: number; readonly done?: undefined };

export interface Activities {
  refund(refund: Refund): Promise<End>;
  step(payment: Ticket | OpenPayment): Promise<Stepped>;
}

/**
 * The activities of a worker. Temporal repeats them as it likes, so `refund` asks first from its second attempt on:
 * `attempt` is `() => Context.current().info.attempt` of `@temporalio/activity`. Temporal is not installed here: no
 * server of its has seen this file.
 */
export const activitiesOf = (payments: Payments, attempt: () => number): Activities => ({
  refund: refund => sendRefund(payments, refund, { isRedelivered: attempt() > 1, remember: () => undefined }),
  async step(payment) {
    const { done, open, dueInMs } = await payments.step(payment);
    return done === undefined ? { open, dueInMs } : { done: endOf(done) };
  },
});

/**
 * The workflow, with `proxyActivities<Activities>({ startToCloseTimeout: '1 minute' })` and `sleep` of
 * `@temporalio/workflow`. Start it with the refund's number as its `workflowId`, and `REJECT_DUPLICATE` as its reuse
 * policy: what is asked for twice is one workflow. It is deterministic: clock and chance are in the activities alone.
 */
export async function refundWorkflow(
  refund: Refund,
  { activities, sleep }: { activities: Activities; sleep: (ms: number) => Promise<void> },
): Promise<End> {
  const sent = await activities.refund(refund);
  if (sent.outcome !== 'unresolved') return sent;
  let payment: Ticket | OpenPayment = sent.ticket;
  for (;;) {
    const { done, open, dueInMs } = await activities.step(payment);
    if (done !== undefined) return done;
    payment = open;
    await sleep(dueInMs);
  }
}
