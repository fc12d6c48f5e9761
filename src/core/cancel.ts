import type { Ticket } from './ticket.ts';
import type { PollRequiredVerdict, Verdict } from './verdict.ts';

/** How the cancel that was sent at a payment's deadline stands. None of these says how the payment ended. */
export type CancelStanding =
  /** The gateway has accepted it. */
  | 'accepted'
  /** The gateway has refused it, for good. */
  | 'refused'
  /** It may have reached the gateway. */
  | 'unknown'
  /** The gateway has said that it did not process it, however often it was sent: nothing was canceled. */
  | 'unprocessed'
  /** It never left: nothing was canceled. */
  | 'not-sent';

/** The cancel that was sent at a payment's deadline. */
export interface DeadlineCancel {
  /** The write that cancels. Default: there was none to send. */
  readonly operation?: string;
  readonly standing: CancelStanding;
  /** What its own last answer meant, when it had one. */
  readonly verdict?: Verdict;
  /** The cancel's own ticket, to ask about it by. Default: it never left. */
  readonly ticket?: Ticket;
}

/** Nothing was canceled, and nothing will be by it. */
export const isUndone = (standing: CancelStanding): boolean => standing === 'not-sent' || standing === 'unprocessed';

/** What a decision knows of it. */
export interface KnownCancel {
  readonly standing: CancelStanding;
  /** Until when it may be confirmed, by the time of the call. */
  readonly untilMs: number;
}

/**
 * "Paid" is no end yet beside a cancel that may still give the money back, and none beside one that was accepted: the
 * gateway is asked until the time for it is over.
 *
 * @param sparesPaid the provider refuses to cancel what is paid
 */
export function isDoubtedPaid(
  cancel: Pick<KnownCancel, 'standing'> | undefined,
  sparesPaid: boolean,
  verdict: Verdict,
): boolean {
  if (!isPaid(verdict)) return false;
  return cancel?.standing === 'accepted' || (cancel?.standing === 'unknown' && !sparesPaid);
}

export const isPaid = (verdict: Verdict): boolean =>
  verdict.kind === 'terminal' && (verdict.outcome === 'succeeded' || verdict.outcome === 'authorized');

/** So long after a cancel "paid" is no end, for whoever asks: a gateway gives back within minutes. */
export const GIVES_BACK_WITHIN_MS = 600_000;

/** The same, for who has no more than the ticket. */
export const mayBeGivenBack = (
  { mayBeGivenBackUntil: until }: Pick<Ticket, 'mayBeGivenBackUntil'>,
  verdict: Verdict,
  nowMs: number,
): boolean => until !== undefined && nowMs < Date.parse(until) && isPaid(verdict);

/** "Paid", as it is told while it may not stay so. */
export const doubtedPaid = ({ code, listed, message }: Verdict, isAccepted: boolean): PollRequiredVerdict => ({
  kind: 'poll-required',
  code,
  reason: isAccepted ? 'conflict' : 'processing',
  listed,
  advice: paidBesideCancel,
  ...(message !== undefined && { message }),
});

/** What to do about a payment that a cancel at its deadline has left open. */
export const openBesideCancel: Readonly<Record<CancelStanding, string>> = {
  accepted:
    'The deadline came, and the gateway has accepted a cancel, but its query does not say so yet: ask again before you take the money another way.',
  refused: 'The deadline came, and the gateway refused to cancel it: it can still be paid, or is. Ask again.',
  unknown:
    'The deadline came, and it is not known whether the cancel arrived: it may be canceled, paid, or paid and given back. Ask again before you take the money another way.',
  unprocessed:
    'The deadline came, and the gateway answered the cancel that it did not process it: it can still be paid, or is. Ask again, or cancel it yourself a little later.',
  'not-sent':
    'The deadline came, and no cancel was sent: it can still be paid, or is. Ask again, or cancel it yourself.',
};

/** What to do about a payment whose query says that it is paid, and which may not stay so. */
export const paidBesideCancel =
  'Its query says that it is paid, and a cancel that was sent at the deadline was accepted, or may still arrive and give the money back. Ask again, and look it up before you hand anything over.';
