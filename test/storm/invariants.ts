import type { Outcome, Settlement, Ticket, Verdict } from '../../src/index.ts';
import { parseTicket } from '../../src/index.ts';
import type { LedgerEntry } from '../../src/testing/index.ts';
import type { Scene } from './providers.ts';

/** What must hold in every storm, each in a sentence. */
export const rules = {
  bookedAtMostOnce: 'An intention is booked once at most, wherever the provider deduplicates or can be asked.',
  paidIsNeverCalledOver:
    'What the ledger calls done is never called failed, canceled, expired, absent, unsent or rejected.',
  overIsNeverPaidLater: 'What was called over is not paid afterwards.',
  successIsTrue:
    'Succeeded is only what the ledger calls done, for this order and amount; created is only what is there.',
  openHasATicket: 'Every open payment ends with a ticket that survives JSON.',
  ticketSettlesInTheEnd: 'A ticket settles with the truth once the faults stop.',
  nothingAfterTheEnd: 'Nothing is sent after an abort or after settling.',
  retryAfterIsKept: 'The spacing is never below Retry-After.',
  attemptsAreKept: 'No attempt is made beyond `attempts`.',
  cancelsAtTheDeadline: 'A cancel leaves at the deadline alone, after a question, and never once the end is known.',
  wakesCalmly: 'Past its deadline, however long it slept, a call sends nothing again and asks one last question.',
  nothingIsLeftBehind: 'No timer and no listener is left.',
  endsInTime: 'A call ends with its deadline, but for the exchanges that were on the wire then.',
  neverThrows: 'No call throws for what the gateway or the network does; an abort rejects at once, with its reason.',
  callersAgree: 'Two callers of one intention hear the same.',
  noticesAreHeeded: 'No send leaves once a verified notice has said how it ended.',
  openIsAskedFirst: 'What was left open is asked about before it is sent again.',
  settledStaysSettled:
    'What is settled and asked for again sends nothing: the same fields are told the latest word, others are refused.',
  settlementsKeepTheirShape: 'Every settlement has the shape that its type says, and is plain data.',
  asksCalmly: 'No call asks more often than its pace, whatever the wall clock does.',
  unsentIsTrue:
    'Unsent, and refused without an end, is only what the ledger has not got, whatever circuit and quota say.',
  goesOnAsking:
    'What is open is asked about at its pace until its deadline and then once more, whatever circuit, quota and notices say.',
  keepsToTheLimit: 'No more requests leave a gateway object in any second or minute than its limit.',
  settledOnce: 'With a journal an order is settled once, whatever processes die: every delivery tells the same end.',
  nothingForgotten: 'With a journal every write that was begun is delivered, unsent, parked, or still followed.',
  noticesAreTrue:
    'A received notice is verified when it is the gateway’s own and refused when it is not, and never contradicts the ledger.',
} as const;

export type Rule = keyof typeof rules;

export interface Violation {
  readonly rule: Rule;
  readonly says: string;
}

/** How a call of tillpaid ended, through whichever of its doors. */
export interface Ending {
  readonly outcome: Settlement['outcome'] | 'aborted';
  readonly verdict?: Verdict;
  readonly settledBy?: Settlement['settledBy'];
  readonly ticket?: Ticket;
  /** It was told before. */
  readonly repeated?: boolean;
  /** In what the settlement is not what its type says. */
  readonly unlike?: string;
  /** It came as an error, which some clients take for a reason to send again. */
  readonly isThrown?: boolean;
}

/** A call's end, beside what the ledger said at that moment. */
export interface Moment {
  readonly ending: Ending;
  readonly scene: Scene;
  /** The payment or refund that the intention is about. */
  readonly entry: LedgerEntry | undefined;
  /** As the ledger writes it. */
  readonly amount: string | undefined;
  /** Another intention owns the number. */
  readonly isTaken: boolean;
  /** A proxy has copied the request, and the copy may have been answered (assumptions.ts, 5). */
  readonly isCopied: boolean;
  /** An answer was another order's, and did not say so (assumptions.ts, 2). */
  readonly isMisled: boolean;
}

const over: ReadonlySet<string> = new Set<Settlement['outcome']>([
  'failed',
  'canceled',
  'expired',
  'absent',
  'unsent',
  'rejected',
]);
const open: ReadonlySet<string> = new Set<Settlement['outcome']>(['created', 'authorized', 'unresolved', 'absent']);

export const isOver = ({ outcome }: Ending): boolean => over.has(outcome);
export const isOpen = ({ outcome }: Ending): boolean => open.has(outcome);

/** Whether the ledger says that what was wanted has happened. */
export function isDone({ wants }: Scene, entry: LedgerEntry | undefined): boolean {
  if (entry === undefined) return false;
  return wants === 'paid'
    ? entry.state === 'paid' || entry.state === 'refunded'
    : entry.state === 'canceled' || entry.state === 'expired' || entry.state === 'refunded';
}

/** The ledger has not decided yet; after a decline, the payer may try again. */
export function isUndecided(entry: LedgerEntry | undefined, { declineIsFinal }: Scene): entry is LedgerEntry {
  if (entry?.state === 'declined') return entry.act === 'create' && declineIsFinal !== true;
  return entry !== undefined && ['open', 'pending', 'authorized'].includes(entry.state);
}

const stateOf = (entry: LedgerEntry | undefined): string =>
  entry === undefined
    ? 'the ledger has no such entry'
    : `the ledger says ${entry.state}, ${entry.amount}, booked ${entry.bookings} times`;

/**
 * "This number is taken", "this was done before", "not processed": said to the copy of a request, it says nothing about
 * the payment.
 */
const isAnswerToACopy = ({ ending: { verdict }, isCopied }: Moment): boolean =>
  isCopied && (verdict?.kind === 'retryable' || ['duplicate', 'already-final'].includes(verdict?.reason ?? ''));

/** Called over, and yet it is this intention that was done. */
function isFalselyOver(moment: Moment): boolean {
  const { ending, scene, entry, isTaken } = moment;
  // An order that expired by itself does not make its cancel a success.
  const isOurDoing = isDone(scene, entry) && (scene.wants === 'paid' || entry?.state === 'canceled');
  return isOver(ending) && isOurDoing && !isTaken && !isAnswerToACopy(moment);
}

export function paidIsNeverCalledOver(moment: Moment): string | undefined {
  const { ending, entry } = moment;
  return isFalselyOver(moment)
    ? `${ending.outcome} (${ending.verdict?.code ?? ''}) though ${stateOf(entry)}`
    : undefined;
}

export function successIsTrue({ ending, scene, entry, amount, isTaken, isMisled }: Moment): string | undefined {
  const says = `${ending.outcome} (${ending.verdict?.code ?? ''}, by ${ending.settledBy ?? '?'}) though ${stateOf(entry)}`;
  switch (ending.outcome) {
    case 'succeeded':
      if (isMisled && ending.settledBy !== 'query' && ending.settledBy !== 'webhook') return undefined;
      return isDone(scene, entry) && !isTaken && (amount === undefined || entry?.amount === amount) ? undefined : says;
    case 'refunded':
      return entry?.state === 'refunded' ? undefined : says;
    case 'authorized':
      return entry?.state === 'authorized' ? undefined : says;
    case 'created':
      return entry !== undefined || isMisled ? undefined : says;
    default:
      return undefined;
  }
}

export function openHasATicket({ ending }: Moment): string | undefined {
  if (!isOpen(ending)) return undefined;
  if (ending.ticket === undefined) return `${ending.outcome} without a ticket`;
  try {
    const again = parseTicket(JSON.stringify(ending.ticket));
    return JSON.stringify(again) === JSON.stringify(parseTicket(ending.ticket))
      ? undefined
      : 'the ticket changes on its way through JSON';
  } catch (error) {
    return String(error);
  }
}

/**
 * What a circuit, a quota or a limit holds back is told as not done. Then it is not there either: not even as an order
 * that nobody has paid yet.
 */
export function unsentIsTrue(moment: Moment): string | undefined {
  const { ending, scene, entry, isTaken, isCopied } = moment;
  const isHeldBack =
    ending.outcome === 'unsent' || (ending.outcome === 'rejected' && ending.verdict?.kind === 'retryable');
  // What is about another payment has that one's entry.
  const isOwn = scene.opens === 'refund' || (scene.opens !== undefined && scene.after === undefined);
  return isHeldBack && isOwn && entry !== undefined && !isTaken && !isCopied
    ? `${ending.outcome} (${ending.verdict?.code ?? ''}) though ${stateOf(entry)}`
    : undefined;
}

/** The rules that every end of a call is held against. */
export const atEveryEnd: readonly (readonly [Rule, (moment: Moment) => string | undefined])[] = [
  ['paidIsNeverCalledOver', paidIsNeverCalledOver],
  ['successIsTrue', successIsTrue],
  ['unsentIsTrue', unsentIsTrue],
  ['openHasATicket', openHasATicket],
];

/**
 * After everything has arrived that ever will.
 *
 * @param strangers what is in the ledger and nobody wanted: a second send under another number or key is booked there
 */
export function bookedAtMostOnce(
  entry: LedgerEntry | undefined,
  copies: number,
  strangers: readonly LedgerEntry[] = [],
): string | undefined {
  const [stranger] = strangers;
  if (stranger !== undefined) return `booked once more, as ${stranger.reference}: ${stateOf(stranger)}`;
  return entry !== undefined && entry.bookings > 1 + copies
    ? `booked ${entry.bookings} times; a proxy made ${copies} copies`
    : undefined;
}

export function overIsNeverPaidLater(moment: Moment): string | undefined {
  const { ending, entry } = moment;
  return isFalselyOver(moment)
    ? `${ending.outcome} (${ending.verdict?.code ?? ''}), and in the end ${stateOf(entry)}`
    : undefined;
}

/** What the last follow-up must say when nothing goes wrong any more. */
export function tellsTheTruth(ending: Ending, scene: Scene, entry: LedgerEntry | undefined): string | undefined {
  const expected = isDone(scene, entry)
    ? ['succeeded', 'refunded']
    : entry === undefined
      ? ['absent']
      : ['failed', 'canceled', 'expired', 'absent', 'rejected', 'refunded'];
  return expected.includes(ending.outcome)
    ? undefined
    : `${ending.outcome} (${ending.verdict?.code ?? ''}, ${ending.verdict?.reason ?? ''}) though ${stateOf(entry)}`;
}

/** Words of the gateway's that stay: after them nothing is sent again under the same fields. */
const words: ReadonlySet<string> = new Set<Settlement['outcome']>([
  'succeeded',
  'failed',
  'canceled',
  'expired',
  'refunded',
  'authorized',
  'created',
]);

export const isWord = ({ outcome }: Ending): boolean => words.has(outcome);

/**
 * The same, asked for again with the same fields.
 *
 * @param sends what left for it
 * @param mayHaveMoved a notice may have told more meanwhile
 */
export function settledStaysSettled(
  before: Ending,
  after: Ending,
  sends: number,
  mayHaveMoved: boolean,
): string | undefined {
  if (!isWord(before)) return undefined;
  if (sends > 0) return `${sends} sends after ${before.outcome}`;
  if (after.repeated === false) return `${after.outcome} is not told as repeated`;
  const isSame = after.outcome === before.outcome;
  return isSame || mayHaveMoved ? undefined : `${after.outcome} (${after.verdict?.code ?? ''}) after ${before.outcome}`;
}

/** A wait of a fourth of a second is shorter than any backoff's of the storm on average. */
export function asksCalmly(asks: number, tookMs: number): string | undefined {
  const most = 20 + tookMs / 250;
  return asks > most ? `${asks} questions in ${tookMs} ms` : undefined;
}

/** How a call has asked, in milliseconds of the storm. */
export interface Asking {
  readonly beganAtMs: number;
  readonly endedAtMs: number;
  readonly deadlineMs: number;
  readonly asks: number;
  readonly lastAskAtMs: number;
  /** No question before this, as the gateway said. */
  readonly notBeforeMs: number;
  readonly longestQuietMs: number;
}

/**
 * @param isLeftOpen it ended without an end
 * @param paceMs its longest wait
 * @param slackMs how much later than asked a timer may fire, and an exchange may end
 */
export function goesOnAsking(asking: Asking, isLeftOpen: boolean, paceMs: number, slackMs: number): string | undefined {
  const { beganAtMs, endedAtMs, deadlineMs, asks, lastAskAtMs, notBeforeMs, longestQuietMs } = asking;
  if (asks > 0 && longestQuietMs > paceMs + slackMs)
    return `it was quiet for ${longestQuietMs} ms, where the longest wait is ${paceMs} ms`;
  const untilMs = beganAtMs + deadlineMs;
  const hasWaited = isLeftOpen && asks > 0 && endedAtMs >= untilMs && notBeforeMs <= untilMs;
  return hasWaited && lastAskAtMs < untilMs - slackMs
    ? `it ended at its deadline, and was asked about last ${untilMs - lastAskAtMs} ms before`
    : undefined;
}

/**
 * @param leftAtMs when requests left, in order
 * @returns what was too much
 */
export function keepsToTheLimit(leftAtMs: readonly number[], most: number, withinMs: number): string | undefined {
  const at = leftAtMs.findIndex((atMs, index) => {
    const first = leftAtMs[index - most];
    return first !== undefined && atMs - first < withinMs;
  });
  return at < 0 ? undefined : `${most + 1} requests within ${withinMs} ms, the last at ${leftAtMs[at] ?? 0}`;
}

/**
 * A notice's verdict beside the payment it is about. It may be late: what was paid may have been given back since.
 *
 * @param follows what the notice tells of; a cancel that succeeded is a payment that is off the table
 */
export function noticesAreTrue(
  verdict: Verdict,
  entry: LedgerEntry | undefined,
  follows = 'payment',
): string | undefined {
  if (verdict.kind !== 'terminal') return undefined;
  const isPaid = entry?.state === 'paid' || entry?.state === 'refunded';
  const isOff = entry?.state === 'canceled' || entry?.state === 'refunded';
  const isWrong: Readonly<Partial<Record<Outcome, boolean>>> = {
    succeeded: follows === 'cancel' ? !isOff : (entry?.bookings ?? 0) === 0,
    refunded: entry?.state !== 'refunded',
    canceled: isPaid,
    failed: isPaid,
    expired: isPaid,
    rejected: isPaid,
  };
  return isWrong[verdict.outcome] === true
    ? `a notice was read as ${verdict.outcome} though ${stateOf(entry)}`
    : undefined;
}
