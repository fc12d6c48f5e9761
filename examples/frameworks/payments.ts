import type { Gateway, OpenPayment, Settlement, Ticket } from 'tillpaid';
import type { QfpayFields } from 'tillpaid/adapters/qfpay';

/** What the job queues beside this file work with. */
export type Payments = Pick<Gateway<QfpayFields>, 'settle' | 'step'>;
export type Refund = QfpayFields['refund.create'];

/** A job that follows a payment: its ticket at first, then what each step gives. All of it is plain JSON. */
export interface Follow {
  readonly payment: Ticket | OpenPayment;
}

/** What a queue may keep of an end. The settlement itself has the provider's answer, and secrets may be in that. */
export type End = Pick<Settlement, 'outcome' | 'reference' | 'ticket'>;
export const endOf = ({ outcome, reference, ticket }: Settlement): End => ({ outcome, reference, ticket });

/**
 * The one job that sends. A queue may deliver it again, also while the first delivery still runs: so from the second
 * time on it asks first, and sends nothing that may have been sent. What is not known at once is followed by another
 * job, which `remember` has stored before the first byte leaves: a process may end at any moment.
 */
export async function sendRefund(
  payments: Payments,
  refund: Refund,
  job: { readonly isRedelivered: boolean; readonly remember: (ticket: Ticket) => unknown },
): Promise<End> {
  let first: unknown;
  const settlement = await payments.settle('refund.create', refund, {
    mayHaveBeenSent: job.isRedelivered,
    // The first ticket is enough to find the refund by, and the end has the last one.
    onTicket: ticket => (first ??= job.remember(ticket) ?? true),
    policy: { poll: { deadlineMs: 0 } },
  });
  return endOf(settlement);
}

/** One number, whatever the ticket has learnt meanwhile. */
export const numberOf = ({ payment }: Follow): string => {
  const { reference } = 'ticket' in payment ? payment.ticket : payment;
  return reference['out_trade_no'] ?? JSON.stringify(reference);
};
