import type { LedgerEntry, Simulator } from './simulator.ts';

/** What a shop was told of one payment: a settlement, or a row of the shop's own with its number and how it ended. */
export interface Told {
  readonly reference: string | { readonly merchant: string };
  readonly outcome: string;
  /** A settlement's: a cancel's success says nothing of a payment's. */
  readonly ticket?: { readonly operation?: string } | undefined;
}

/** Whether something about money holds, and what the ledger saw, for either case. */
export interface Finding {
  readonly holds: boolean;
  readonly message: string;
}

type Books = Pick<Simulator, 'ledger'>;

/** Whether this payment's money moved exactly so often. */
export function charged(simulated: Books, reference: string, times: number): Finding {
  return moved(simulated, 'payment', reference, times);
}

/** The same for a refund, by its own number. */
export function refunded(simulated: Books, reference: string, times: number): Finding {
  return moved(simulated, 'refund', reference, times);
}

function moved({ ledger }: Books, kind: LedgerEntry['kind'], reference: string, times: number): Finding {
  const tries = ledger.entries.filter(entry => entry.kind === kind && entry.reference === reference);
  const holds = bookingsOf(tries) === times;
  const known = ledger.entries.filter(entry => entry.kind === kind).map(entry => entry.reference);
  const what = `${kind} ${reference} ${holds ? 'was' : 'should have been'} booked ${timesOf(times)}`;
  if (tries.length > 0) return { holds, message: `${what}; the ledger has: ${tries.map(asSeen).join('; then ')}` };
  return { holds, message: `${what}; the ledger has no such ${kind}. It has ${list(known)}` };
}

/** Whether no number's money moved more than once. */
export function nobodyChargedTwice({ ledger }: Books): Finding {
  const twice = [...byNumber(ledger.entries).values()].filter(tries => bookingsOf(tries) > 1);
  return twice.length === 0
    ? { holds: true, message: `no number was booked twice; the ledger has ${list(ledger.entries.map(named))}` }
    : {
        holds: false,
        message: `booked more than once: ${twice.map(tries => tries.map(asSeen).join('; then ')).join(' | ')}`,
      };
}

/** Whether a settlement ended so, with how it came about. */
export function settledAs(settlement: unknown, outcome: string): Finding {
  const { outcome: reached, verdict, ticket, attempts, polls } = asSettlement(settlement);
  if (reached === undefined)
    return {
      holds: false,
      message: `should be settled as ${outcome}, and is no settlement: await what settle returns`,
    };
  const about = ticket?.operation === undefined ? '' : `${ticket.operation} `;
  const why = verdict?.code === undefined ? '' : `, code ${verdict.code} (${verdict.reason ?? ''})`;
  const holds = reached === outcome;
  return {
    holds,
    message: `${about}${holds ? `is settled as ${outcome}` : `should be settled as ${outcome}, and is ${reached}`}${why}, after ${attempts ?? 0} sends and ${polls ?? 0} queries`,
  };
}

/** Outcomes that say that no money of the payer is with the shop. */
const unpaid: ReadonlySet<string> = new Set(['failed', 'canceled', 'expired', 'rejected', 'absent', 'unsent']);
/** Outcomes that say that it is, or was. */
const paid: ReadonlySet<string> = new Set(['succeeded', 'refunded']);

/**
 * Whether the gateway's books and what the shop was told agree: nobody charged twice; what was booked not called failed;
 * what is called succeeded booked, and nothing that the gateway knows forgotten: the shop has a word for each number,
 * be it `unresolved`, and then its ticket.
 */
export function booksAgree({ ledger }: Books, told: Iterable<Told>): Finding {
  const outcomes = new Map<string, string>();
  for (const { reference, outcome, ticket } of told)
    if (!changesAPayment.test(ticket?.operation ?? ''))
      outcomes.set(typeof reference === 'string' ? reference : reference.merchant, outcome);
  const wrong: string[] = [];
  for (const tries of byNumber(ledger.entries).values()) {
    const last = tries.at(-1);
    if (last === undefined) continue;
    const outcome = outcomes.get(last.reference);
    const why = disagreement(tries, last, outcome);
    if (why !== undefined) wrong.push(`${why}: ${tries.map(asSeen).join('; then ')}`);
  }
  const known = new Set(ledger.entries.map(({ reference }) => reference));
  for (const [reference, outcome] of outcomes)
    if (paid.has(outcome) && !known.has(reference))
      wrong.push(`${reference} is called ${outcome}, and the gateway has no such number`);
  return wrong.length === 0
    ? { holds: true, message: `the gateway's books and the shop agree on ${list([...known])}` }
    : { holds: false, message: `the gateway's books and the shop disagree:\n- ${wrong.join('\n- ')}` };
}

function disagreement(
  tries: readonly LedgerEntry[],
  last: LedgerEntry,
  outcome: string | undefined,
): string | undefined {
  const bookings = bookingsOf(tries);
  const { reference, state } = last;
  if (bookings > 1) return `${reference} was booked ${timesOf(bookings)}`;
  if (outcome === undefined) return `${reference} is forgotten: the shop has no word of it`;
  const isKept = bookings > 0 && state !== 'canceled' && state !== 'refunded';
  if (unpaid.has(outcome) && isKept) return `${reference} is called ${outcome}, and money moved`;
  if (paid.has(outcome) && last.kind === 'payment' && bookings === 0)
    return `${reference} is called ${outcome}, and no money moved`;
  return undefined;
}

/** Writes that go by the number of the payment that they change. */
const changesAPayment = /\.(?:cancel|close|reverse|void|capture)$/;

interface Settled {
  readonly outcome?: string;
  readonly verdict?: { readonly code?: string; readonly reason?: string };
  readonly ticket?: { readonly operation?: string };
  readonly attempts?: number;
  readonly polls?: number;
}

const asSettlement = (value: unknown): Settled => (typeof value === 'object' && value !== null ? value : {});

function byNumber(entries: readonly LedgerEntry[]): Map<string, LedgerEntry[]> {
  const found = new Map<string, LedgerEntry[]>();
  for (const entry of entries) {
    const before = found.get(named(entry));
    if (before === undefined) found.set(named(entry), [entry]);
    else before.push(entry);
  }
  return found;
}

const named = ({ kind, reference }: LedgerEntry): string => `${kind} ${reference}`;

const bookingsOf = (entries: readonly LedgerEntry[]): number =>
  entries.reduce((sum, { bookings }) => sum + bookings, 0);

/** One line of the ledger. */
function asSeen(entry: LedgerEntry): string {
  const { state, amount, currency, bookings, sends, queries, answers } = entry;
  const money = [amount, currency].filter(Boolean).join(' ');
  return `${named(entry)}: ${state}, ${money}, booked ${timesOf(bookings)}, ${sends} sends, ${queries} queries (${answers.join(', ')})`;
}

const timesOf = (count: number): string => (count === 0 ? 'never' : count === 1 ? 'once' : `${count} times`);

/** A few, so that a message can be read. */
const list = (names: readonly string[]): string =>
  names.length === 0
    ? 'nothing'
    : names.length > 8
      ? `${names.slice(0, 8).join(', ')} and ${names.length - 8} more`
      : names.join(', ');
