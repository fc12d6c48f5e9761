import type { Row } from '../core/code-table.ts';
import type { Settlement } from '../core/settlement.ts';
import type { Step } from './next.ts';

/** What a person does about an end, where the row has no advice of its own. */
export const afterEnd: Readonly<Record<Settlement['outcome'], string>> = {
  succeeded: 'Nothing: what was asked for has happened.',
  failed:
    'It did not happen, and will not under this reference. A payment: the payer may pay another way, under a new one. A refund, or a cancel: the payment is as it was, so do not have it paid again.',
  canceled: 'Nothing: it is called off. A new payment is a new order.',
  expired: 'Nothing: its time is over. A new payment is a new order.',
  refunded: 'Nothing: the money went back.',
  authorized: 'Capture the funds, or release them.',
  created: 'Send the payer on (link, QR code), and follow the ticket: it is not paid yet.',
  rejected: 'Nothing was done. Correct the request or the set-up, then send it again.',
  absent: 'The gateway has no such order. Send again only under the same reference.',
  unresolved:
    'Keep the ticket and ask again later, or look in the provider’s portal. Do not take the money another way.',
  unsent: 'Nothing was sent. Send it again later.',
};

/**
 * The row's advice, where it is for now. A final row's is for its end: "take another card" while the first one may still
 * be charged would charge twice. A query that was refused ends nothing: what is said about it can be done at once.
 */
export function adviceFor({ verdict, next }: Step, effect: 'write' | 'read', row?: Row): string | undefined {
  const isOfAnEnd = row?.kind === 'terminal' && !(effect === 'read' && row.outcome === 'rejected');
  return isOfAnEnd && next.does !== 'settle' ? undefined : verdict.advice;
}

/** What a person should do: the row's advice, then what the end asks for. */
export function todoFor(step: Step, provider: string, effect: 'write' | 'read', row?: Row): string {
  const { next } = step;
  const said = adviceFor(step, effect, row);
  const advice = said === undefined ? [] : [said];
  if (next.does === 'settle') return [...advice, ...(advice.length > 0 ? [] : [afterEnd[next.outcome]])].join(' ');
  const wait =
    next.does === 'send'
      ? 'Nothing now: it is sent again, under the same reference.'
      : effect === 'write'
        ? `Nothing now: ${provider} is asked until it says how it ended. Do not take the money another way meanwhile.`
        : `Nothing now: ${provider} is asked again. The payment is still open.`;
  return [...advice, wait].join(' ');
}
