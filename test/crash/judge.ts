import type { Row } from '../../src/journal/store.ts';
import type { Arrival, Bank } from './bank.ts';
import type { BookedDelivery } from './books.ts';
import type { Line } from './chronicle.ts';
import { operationOf } from './orders.ts';
import type { Told } from './messages.ts';

/** What must hold of every order, whatever died. */
export const rules = {
  bookedOnce: 'money moved once at most',
  sentOnce: 'a request that may have reached the bank is not sent again where the bank may act on it twice',
  rightVerdict: 'what was told agrees with the books of the bank',
  oneVerdict: 'whoever was told an end was told the same one',
  notForgotten: 'a payment that was begun is delivered, unsent or parked in the end',
  inTime: 'what could not be sent or asked about was unsent or parked in the stated time, counted while a worker lives',
  delivered: 'each end was delivered at least once, and once where it was booked with the journal',
  rowFirst: 'nothing was sent without a row',
  noSecret: 'no secret is in any byte of the database',
} as const;

export type Rule = keyof typeof rules;

export interface Violation {
  readonly rule: Rule;
  readonly order: string;
  readonly says: string;
}

export interface Evidence {
  readonly bank: Bank;
  readonly rows: readonly Row[];
  readonly deliveries: readonly BookedDelivery[];
  /** What happened, in order. */
  readonly lines: readonly Line[];
  /** How long after the last blow an order may take to be unsent or parked. */
  readonly statedMs: number;
}

/** Not done, and it will not be: nothing may be booked. */
const negative: ReadonlySet<string> = new Set(['failed', 'canceled', 'expired']);
/** Nothing was done so far, and nothing will be by who had begun it then. Who begins anew may send it. */
const notYet: ReadonlySet<string> = new Set(['rejected', 'unsent', 'absent']);
/** The word of the bank. */
const isEnd = (outcome: string): boolean => outcome === 'succeeded' || negative.has(outcome);

export function judge(evidence: Evidence): Violation[] {
  const { bank, rows, deliveries, lines } = evidence;
  const rowOf = new Map(rows.map(row => [row.data.ticket.reference['order'] ?? row.id, row]));
  const begun = lines.flatMap(({ message }) => (message?.type === 'began' ? [message.order] : []));
  const orders = new Set([...rowOf.keys(), ...begun, ...bank.arrivals.map(({ order }) => order)]);
  return [...orders].flatMap(order => {
    const found: Violation[] = [];
    const about: About = {
      order,
      bank,
      row: rowOf.get(order),
      deliveries: deliveries.filter(each => each.order === order),
      told: toldOf(lines, order),
      lines,
      statedMs: evidence.statedMs,
      blame: (rule, says) => void found.push({ rule, order, says }),
    };
    for (const check of [checkBookings, checkSends, checkVerdicts, checkRow, checkTime, checkDeliveries]) check(about);
    return found;
  });
}

interface About {
  readonly order: string;
  readonly bank: Bank;
  readonly row: Row | undefined;
  readonly deliveries: readonly BookedDelivery[];
  readonly told: readonly Told[];
  readonly lines: readonly Line[];
  readonly statedMs: number;
  readonly blame: (rule: Rule, says: string) => void;
}

const toldOf = (lines: readonly Line[], order: string): Told[] =>
  lines.flatMap(({ message }) => (message?.type === 'told' && message.order === order ? [message] : []));

function checkBookings({ order, bank, blame }: About): void {
  const times = bank.bookings(order);
  if (times > 1) blame('bookedOnce', `booked ${times} times`);
}

/** Answers that state that nothing was done. */
const undone: ReadonlySet<string> = new Set(['BUSY', 'LATE', 'SIGN']);

function checkSends({ order, bank, blame }: About): void {
  if (operationOf(order) === 'payout.create') return;
  const landed = bank.about(order).filter(({ kind, code }) => kind === 'send' && !undone.has(code));
  if (landed.length > 1) blame('sentOnce', `${landed.length} sends that the bank could act on`);
}

function checkVerdicts({ order, bank, deliveries, told, row, lines, blame }: About): void {
  const booked = bank.about(order).filter(({ isBooked }) => isBooked);
  const words = [
    ...told.map(({ outcome, code, atMs }) => ({ outcome, code, atMs, by: 'settle' })),
    ...deliveries.map(({ outcome, code, atMs }) => ({ outcome, code, atMs, by: 'onSettled' })),
  ];
  for (const { outcome, code, atMs, by } of words) {
    const says = `${by} said ${outcome} (${code}), and the bank has booked ${booked.length} times`;
    if (outcome === 'succeeded' && booked.length === 0) blame('rightVerdict', says);
    if (negative.has(outcome) && booked.length > 0) blame('rightVerdict', says);
    const isBegunAnew = ({ from }: Arrival): boolean => beganAtMs(lines, order, from) > atMs;
    if (notYet.has(outcome) && !booked.every(isBegunAnew)) blame('rightVerdict', says);
  }
  if (row?.state === 'unsent' && booked.length > 0) blame('rightVerdict', 'its row says unsent, and it is booked');
  const ends = new Set(words.flatMap(({ outcome }) => (isEnd(outcome) ? [outcome] : [])));
  if (ends.size > 1) blame('oneVerdict', `told ${[...ends].join(' and ')}`);
}

/** When a process has last called `settle` for it. */
const beganAtMs = (lines: readonly Line[], order: string, process: string): number =>
  lines.findLast(line => line.process === process && line.message?.type === 'began' && line.message.order === order)
    ?.atMs ?? 0;

const atRest: ReadonlySet<string> = new Set(['delivered', 'archived', 'unsent', 'parked']);

function checkRow({ order, bank, row, told, blame }: About): void {
  const isSent = bank.about(order).some(({ kind }) => kind === 'send');
  if (row === undefined) {
    if (isSent) blame('rowFirst', 'it was sent, and has no row');
    if (told.some(({ outcome }) => isEnd(outcome))) blame('rowFirst', 'it was told to have ended, and has no row');
    return;
  }
  if (!atRest.has(row.state)) blame('notForgotten', `its row is ${row.state}, due ${String(row.dueAtMs)}`);
  const parked = row.data.parked;
  if (row.state === 'parked' && (parked === undefined || parked.reason === '' || parked.advice === ''))
    blame('notForgotten', 'it is parked without a reason or an advice');
}

/** Who touched it last, and was killed: from then on the time runs, as far as there is a worker. */
function checkTime({ order, row, lines, statedMs, blame }: About): void {
  if (row === undefined || (row.state !== 'unsent' && row.state !== 'parked')) return;
  const beganBy = lines.filter(({ message }) => message?.type === 'began' && message.order === order);
  const last = Math.max(row.openedAtMs, ...beganBy.map(({ atMs }) => atMs), ...endsOf(lines, beganBy));
  const tookMs = servedMs(lines, last, row.changedAtMs);
  if (tookMs > statedMs) blame('inTime', `it is ${row.state} after workers had ${tookMs} ms since its process ended`);
}

/** A worker waits so long for what the one before it had in hand. */
const LEASE_MS = 3500;

/** How long there was a worker that could take anything. */
function servedMs(lines: readonly Line[], fromMs: number, untilMs: number): number {
  const ready = lines.filter(({ process, message }) => process.startsWith('worker') && message?.type === 'ready');
  return ready.reduce((sum, { process, atMs }) => {
    const ended = lines.find(line => line.process === process && line.words === 'ended')?.atMs ?? untilMs;
    return sum + Math.max(0, Math.min(ended, untilMs) - Math.max(atMs + LEASE_MS, fromMs));
  }, 0);
}

const endsOf = (lines: readonly Line[], of: readonly Line[]): number[] => {
  const names = new Set(of.map(line => line.process));
  return lines.flatMap(({ process, atMs, words }) => (words === 'ended' && names.has(process) ? [atMs] : []));
};

function checkDeliveries({ row, deliveries, blame }: About): void {
  if (row === undefined) return;
  const ids = new Set(deliveries.map(({ deliveryId }) => deliveryId));
  if (row.state === 'delivered' && ids.size === 0) blame('delivered', 'its row says delivered, and nothing came');
  if (row.state === 'delivered' && row.data.deliveries.length > 0)
    blame('delivered', `its row says delivered, and ${row.data.deliveries.length} are still to be`);
  for (const id of ids) {
    const withJournal = deliveries.filter(each => each.deliveryId === id && each.books === 'journal');
    if (withJournal.length > 1) blame('delivered', `${id} was booked ${withJournal.length} times with the journal`);
  }
}
