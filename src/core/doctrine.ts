import { faultOf, namedBy, type AdapterFault } from './adapter-fault.ts';
import type { Advice, CodeTable, Row, TerminalRow } from './code-table.ts';
import { decimalOf } from './decimal.ts';
import type { Exchange, Reading } from './exchange.ts';
import { operationOf, type Operation, type Tables, type WriteOperation } from './operation.ts';
import { printable } from './printable.ts';
import type { Evidence } from './settlement.ts';
import { subjectOf, type Owners, type Subject } from './subject.ts';
import type { Outcome, PollRequiredVerdict, RetryableVerdict, Verdict } from './verdict.ts';

/**
 * The doctrine: what an exchange means, where that is the same for every provider. Adapters only say what their codes
 * mean on a first send; everything that depends on the effect, the HTTP status, or on what may have landed is here.
 */

export interface Judgement {
  readonly verdict: Verdict;
  /** The row that decided, before the doctrine softened it. */
  readonly row?: Row;
  /** The answer can only exist if our order does. */
  readonly acknowledges: boolean;
  /**
   * A write's own first answer states that nothing was done, by a code that no row makes final; or a later send was
   * answered with a decline where the provider replays; or a query's row states it.
   */
  readonly refuses?: boolean;
  /** The answer gave a code that no row knows. */
  readonly unlisted: boolean;
  /** The adapter could not read the answer: `verdict` says so, and nothing else here is known. */
  readonly fault?: AdapterFault;
  /** Two facts that cannot both be true: another order's answer, or one order paid twice. */
  readonly conflict: boolean;
  /** The row belongs to another order. */
  readonly isOfOtherOrder: boolean;
  /** The row was made before this write was sent: it says nothing about the write, not even that there is no order. */
  readonly older?: true;
  /** For a charge: the same code in queries at least this far apart is its end. */
  readonly failedWhenUnchangedForMs?: number;
  /** A query shows an open payment whose payer is at it. */
  readonly paying?: true;
  /** What the deciding row says it is about. */
  readonly reference: Readonly<Record<string, string | undefined>>;
}

/** The longest code and message a verdict carries: enough for every provider, and no page of HTML in a log. */
const LONGEST_CODE = 80;
const LONGEST_MESSAGE = 300;

export function judge(adapter: Tables, exchange: Exchange, subject?: Subject): Judgement {
  const operation = operationOf(adapter, exchange.operation);
  const faults: AdapterFault[] = [];
  const onFault: OnFault = (part, error) => {
    faults.push(faultOf(operation.name, part, error, [exchange.body, exchange.sent, exchange.headers]));
  };
  const table = tableOf(operation, exchange, onFault);
  const readings = read(adapter, operation, exchange, onFault);
  const [fault] = faults;
  return fault === undefined
    ? judgeReadings(adapter, operation, exchange, subject, table, readings)
    : { ...nothingRead(operation, exchange), verdict: namedBy(fault, fallback(operation, exchange, undefined)), fault };
}

type OnFault = (part: 'read' | 'codes', error: unknown) => void;

/** The judgement of an answer that says nothing. */
const nothingRead = (operation: Operation, exchange: Exchange): Judgement => ({
  verdict: fallback(operation, exchange, undefined),
  acknowledges: false,
  unlisted: false,
  conflict: false,
  isOfOtherOrder: false,
  reference: {},
});

function judgeReadings(
  adapter: Tables,
  operation: Operation,
  exchange: Exchange,
  subject: Subject | undefined,
  table: CodeTable,
  readings: readonly Reading[],
): Judgement {
  const about = subject ?? subjectOf(operation, exchange.sent);
  const judgements = readings.map(reading =>
    judgeReading(operation, exchange, about, reading, find(table, reading, adapter.advice)),
  );
  const listed = about.lookUp === undefined ? undefined : inList(about, about.lookUp, readings, judgements);
  if (listed !== undefined) return listed;

  // Only rows of this order count; where all rows are of other orders, that is a contradiction.
  const ours = judgements.filter(({ isOfOtherOrder, older }) => !isOfOtherOrder && older !== true);
  const rows = ours.length > 0 ? ours : judgements;
  const best = bestOf(rows);
  if (best === undefined) return nothingRead(operation, exchange);

  // One order number paid more than once: the merchant has a refund to make.
  const paid = rows.filter(
    ({ row, conflict }) => !conflict && row?.kind === 'terminal' && row.outcome === 'succeeded',
  ).length;
  if (paid > 1) {
    const advice = `${paid} rows of this order are paid: refund all but one.`;
    return { ...best, conflict: true, verdict: { ...best.verdict, reason: 'conflict', advice } };
  }
  return best;
}

const bestOf = (rows: readonly Judgement[]): Judgement | undefined =>
  rows.reduce<Judgement | undefined>((a, b) => (a === undefined || placeOf(b) < placeOf(a) ? b : a), undefined);

/**
 * Doctrine 13: a list says something about a write only by exactly one row that names it and belongs to no other
 * intention. `undefined` where the answer has no rows.
 */
function inList(
  subject: Subject,
  { isKnownElsewhere, mayBelongToOther }: Owners,
  readings: readonly Reading[],
  judgements: readonly Judgement[],
): Judgement | undefined {
  const names = ({ reference = {} }: Reading): boolean =>
    Object.entries(reference).some(
      ([name, value]) =>
        value !== undefined && Object.hasOwn(subject.reference, name) && subject.reference[name] === value,
    );
  const isRow = ({ reference = {} }: Reading): boolean => Object.values(reference).some(value => value !== undefined);
  const isOurs = ({ reference = {}, ...reading }: Reading, { isOfOtherOrder, older }: Judgement): boolean =>
    !isOfOtherOrder && older !== true && names({ reference, ...reading }) && !isKnownElsewhere(reference);
  const rows = judgements.filter((_judgement, index) => isRow(readings[index] ?? { names: [] }));
  const [first] = rows;
  if (first === undefined) return undefined;
  // A statement beside the rows, such as: there are more of them, on other pages.
  const aside = bestOf(judgements.filter(judgement => !rows.includes(judgement)));
  if (aside !== undefined) return aside;
  const [ours, ...more] = judgements.filter((judgement, index) => isOurs(readings[index] ?? { names: [] }, judgement));
  if (ours === undefined) return notThere(first.verdict);
  const isShared = more.length === 0 && mayBelongToOther(readings[judgements.indexOf(ours)]?.reference ?? {});
  if (more.length === 0 && !isShared) return ours;
  const { code, message } = ours.verdict;
  const advice = isShared
    ? 'The list has one row for two equal writes that are open, and which one it belongs to is not known: look at both.'
    : `${more.length + 1} rows of the list name this order, and it is not known which belongs to this write.`;
  const verdict: PollRequiredVerdict = {
    kind: 'poll-required',
    code,
    reason: 'conflict',
    listed: true,
    advice,
    ...(message !== undefined && { message }),
  };
  return { verdict, acknowledges: false, unlisted: false, conflict: true, isOfOtherOrder: false, reference: {} };
}

/** A list that lacks this write proves nothing: it was asked for by time, and clocks differ. */
function notThere({ code, message }: Verdict): Judgement {
  const row: Row = { kind: 'poll-required', reason: 'unknown-outcome' };
  const verdict: PollRequiredVerdict = {
    kind: 'poll-required',
    code,
    reason: row.reason,
    listed: true,
    ...(message !== undefined && { message }),
  };
  return { verdict, row, acknowledges: false, unlisted: false, conflict: false, isOfOtherOrder: false, reference: {} };
}

/**
 * A row of an earlier try says nothing about this write. It is no "not found" either: clocks differ, and if the row is
 * this write's own after all, and paid, a "not found" would lead to a second send.
 */
function earlier({ code, message }: Verdict, { kind, reason, ...row }: Row): Judgement {
  const isPaid = kind === 'terminal' && 'outcome' in row && !endsWithout.has(row.outcome);
  const open: Row = {
    kind: 'poll-required',
    reason: isPaid ? 'conflict' : reason === 'not-found' ? 'unknown-outcome' : reason,
    advice: isPaid
      ? 'A payment stands under this number, and by its time it was made before this send: look at it before you take the money another way.'
      : 'It is about a try before this send: the state of this one is not known.',
  };
  const verdict: PollRequiredVerdict = { ...open, code, listed: true, ...(message !== undefined && { message }) };
  return {
    verdict,
    row: open,
    acknowledges: false,
    unlisted: false,
    conflict: false,
    isOfOtherOrder: false,
    older: true,
    reference: {},
  };
}

/** What a verified notice means for the payment it is about. */
export function judgeNotice(
  webhook: { readonly codes: CodeTable },
  notice: Reading & { readonly operation: string },
  subject: Subject,
  advice?: Advice,
): Judgement {
  const asked = { effect: 'read' as const };
  return judgeReading(
    asked,
    { operation: notice.operation, status: 200, body: undefined },
    subject,
    notice,
    find(webhook.codes, notice, advice),
  );
}

/** One row of an answer, and what it is the answer to. */
interface Answered {
  readonly operation: Pick<Operation, 'effect'> & Pick<Partial<WriteOperation>, 'sameReference'>;
  readonly exchange: Exchange;
  readonly subject: Subject;
  readonly reading: Reading;
  readonly isRead: boolean;
  /** An earlier send of the write may have landed. */
  readonly landed: boolean;
  /** It states that nothing was done. */
  readonly refuses: boolean;
  readonly message: Pick<Verdict, 'message'>;
}

function judgeReading(
  operation: Answered['operation'],
  exchange: Exchange,
  subject: Subject,
  reading: Reading,
  found: Found | undefined,
): Judgement {
  const isRead = operation.effect === 'read';
  const landed = !isRead && (exchange.mayHaveLanded ?? (exchange.attempt ?? 1) > 1);
  const message =
    reading.message === undefined ? {} : { message: printable(reading.message.slice(0, LONGEST_MESSAGE)) };
  const refuses = isRefusal(operation, exchange, reading, landed, found?.row);
  const answered: Answered = { operation, exchange, subject, reading, isRead, landed, refuses, message };
  if (found === undefined || !isBelievable(found.row, answered)) return unknown(answered, found === undefined);
  const isOfOtherOrder = namesOtherOrder(reading, subject);
  if (isOfOtherOrder || isOtherMoney(reading, subject, found.row)) return mismatch(found, isOfOtherOrder, message);
  return judgeRow(found, answered);
}

function isRefusal(
  operation: Answered['operation'],
  exchange: Exchange,
  reading: Reading,
  landed: boolean,
  row: Row | undefined,
): boolean {
  if (!canBeFinal(exchange.status)) return false;
  // Where a provider answers a later send with the first one's result, a decline is that result.
  const isReplayed =
    landed && operation.sameReference === 'replays' && row?.kind === 'terminal' && row.outcome === 'failed';
  if (isReplayed) return true;
  // `refuses` counts less than a row: under a status that a proxy may have set, or once an earlier send may have
  // landed, it says nothing.
  const mayRefuse = operation.effect === 'read' || (!landed && row?.kind !== 'terminal' && row?.kind !== 'retryable');
  return reading.refuses === true && mayRefuse;
}

function isBelievable(row: Row, { exchange: { status }, isRead }: Answered): boolean {
  // A final state under a status that says the gateway did not finish is not believed.
  if (row.kind === 'terminal') return canBeFinal(status);
  // Doctrine 3: nor is "not processed", for a write, under a status that a proxy in between may have set.
  return row.kind !== 'retryable' || isRead || canBeTheGateways(status);
}

const unknown = ({ operation, exchange, reading, refuses, message }: Answered, isUnlisted: boolean): Judgement => ({
  verdict: { ...fallback(operation, exchange, reading), ...message },
  ...(refuses && { refuses }),
  acknowledges: false,
  unlisted: isUnlisted && canBeFinal(exchange.status),
  conflict: false,
  isOfOtherOrder: false,
  reference: {},
});

function mismatch({ code, row }: Found, isOfOtherOrder: boolean, message: Answered['message']): Judgement {
  const verdict: PollRequiredVerdict = {
    kind: 'poll-required',
    code,
    reason: 'conflict',
    listed: true,
    advice: 'The answer is about another order, amount or currency than was asked for: it is not believed.',
    ...message,
  };
  return { verdict, row, acknowledges: false, unlisted: false, conflict: true, isOfOtherOrder, reference: {} };
}

/** What every verdict of a row has. */
type Listed = Omit<Verdict, 'kind' | 'reason'>;

/** A row of this order, with its money. */
function judgeRow({ code, row, advice }: Found, answered: Answered): Judgement {
  const { operation, subject, reading, isRead, landed, refuses, message } = answered;
  const listed: Listed = { code, listed: true, ...(advice !== undefined && { advice }), ...message };
  const standing = isRead && isAboutAnOrder(row) ? standingOf(reading, subject) : 'ours';
  if (standing === 'older') return earlier({ kind: 'poll-required', reason: row.reason, ...listed }, row);
  const unproven = standing === 'unproven';
  const meant = meaningOf(row, answered, listed);
  const isDoubtful = unproven && isEndOfOneTry(meant, row);
  const verdict = isDoubtful ? opened(row.reason, listed) : meant;
  const failedWhenUnchangedForMs = isDoubtful
    ? subject.endsWhenUnchangedForMs
    : unchangedEnd(row, verdict, unproven, subject);
  const isPaying = isRead && row.kind === 'poll-required' && verdict.kind === 'poll-required';
  const mayBeOfAnotherTry = unproven && row.kind === 'poll-required' && !knowsTheOrder.has(row.reason);
  // The numbers of an unproven row are not learnt, else they would prove it next time; the one row of a list is.
  const learns = !isDoubtful && (!unproven || subject.lookUp !== undefined || verdict.kind === 'terminal');
  return {
    verdict,
    row,
    ...(refuses && { refuses }),
    ...(failedWhenUnchangedForMs !== undefined && { failedWhenUnchangedForMs }),
    ...(isPaying && (row.paying === true || reading.paying === true) && { paying: true }),
    // A refusal of the write does not show that it made an order, and an error that may belong to an earlier try does
    // not show that this one's order is open.
    acknowledges: !isDoubtful && !(refuses && !isRead) && !mayBeOfAnotherTry && acknowledges(operation, row, landed),
    unlisted: false,
    conflict: false,
    isOfOtherOrder: false,
    reference: learns ? (reading.reference ?? {}) : {},
  };
}

/** What a row means for the write that is followed, before it is looked at whose it is. */
function meaningOf(row: Row, { subject, isRead, landed }: Answered, listed: Listed): Verdict {
  const { reason } = row;
  if (row.kind === 'poll-required' && row.expiredWhenOver === true && subject.over === true)
    return asFollowed({ kind: 'terminal', outcome: 'expired', reason: 'expired' }, reason, subject, listed);
  if (row.kind !== 'terminal') {
    const { delayMs } = row;
    return {
      ...(row.kind === 'retryable' && row.remedy !== undefined && { remedy: row.remedy }),
      kind: row.kind,
      reason,
      ...listed,
      ...(delayMs !== undefined && { delayMs }),
    };
  }
  // Doctrine 5: once an earlier send may have landed, only the operation's own success is final.
  if (landed && !isOwnSuccess(row.outcome)) return opened(reason, listed);
  // Doctrine 11: the payer can try again until the order is closed.
  if (isRead && row.payerMayRetry === true && subject.charge !== true) return opened(reason, listed);
  return isRead
    ? asFollowed(row, reason, subject, listed)
    : { kind: 'terminal', outcome: row.outcome, reason, ...listed };
}

/**
 * Doctrine 13: an end without the money may belong to an earlier try. A success needs no such proof: the order is paid,
 * with equal money.
 */
const isEndOfOneTry = (verdict: Verdict, row: Row): boolean =>
  verdict.kind === 'terminal' &&
  endsWithout.has(verdict.outcome) &&
  !(row.kind === 'terminal' && row.endsNumber === true);

const opened = (reason: Verdict['reason'], listed: Listed): PollRequiredVerdict => ({
  kind: 'poll-required',
  reason,
  ...listed,
});

/** How long a state must stay the same before it is a charge's end: as the row says, where it belongs to this send. */
function unchangedEnd(
  row: Row,
  verdict: Verdict,
  unproven: boolean,
  { endsWhenUnchangedForMs }: Subject,
): number | undefined {
  if (
    row.kind !== 'poll-required' ||
    row.reason !== verdict.reason ||
    (unproven && endsWhenUnchangedForMs === undefined)
  )
    return undefined;
  return row.failedWhenUnchangedForMs;
}

/** Ends of a payment that leave its payee without the money. */
const endsWithout: ReadonlySet<Outcome> = new Set<Outcome>(['failed', 'canceled', 'expired', 'refunded']);

/** Whether the row says something about an order: a query that was refused, or was not processed, does not. */
const isAboutAnOrder = (row: Row): boolean =>
  row.kind === 'terminal' ? row.outcome !== 'rejected' : row.kind === 'poll-required' && row.reason !== 'not-found';

/** A row's time is rounded down, to the second at the worst. */
const CUT_OFF_MS = 999;

/**
 * Doctrine 13: whether a row is this write's own, where its number may have been used before or a list was looked
 * through.
 */
function standingOf(
  { reference = {}, number, echo, madeAtMs }: Reading,
  subject: Subject,
): 'ours' | 'older' | 'unproven' {
  const { repeats = false, lookUp, follows = 'payment', ownNumbers = [], earlierNumbers = [], sends = {} } = subject;
  // A cancel or a capture is asked about by a payment that was made before it.
  if ((!repeats && lookUp === undefined) || follows === 'cancel' || follows === 'capture') return 'ours';
  const isOwn = (stated: string | undefined, name: string): boolean =>
    stated !== undefined && stated === subject.reference[name];
  if (ownNumbers.some(name => isOwn(reference[name] ?? number, name))) return 'ours';
  if ([number, ...Object.values(reference)].some(each => each !== undefined && earlierNumbers.includes(each)))
    return 'older';
  if (echo !== undefined && echo === subject.echo) return 'ours';
  if (madeAtMs === undefined || !Number.isFinite(madeAtMs)) {
    // Nothing else proves that a row of a list belongs to this write.
    if (lookUp !== undefined) return 'older';
    return repeats ? 'unproven' : 'ours';
  }
  if (sends.notBeforeMs !== undefined && madeAtMs + CUT_OFF_MS < sends.notBeforeMs) return 'older';
  return !repeats || (sends.leftByMs !== undefined && madeAtMs >= sends.leftByMs) ? 'ours' : 'unproven';
}

/** What a status query's state means depends on the write that is followed: the table of docs/doctrine.md. */
function asFollowed(
  row: TerminalRow,
  openReason: Verdict['reason'],
  { follows, refused }: Subject,
  listed: Listed,
): Verdict {
  const end = (outcome: Outcome, reason = row.reason): Verdict => ({ kind: 'terminal', outcome, reason, ...listed });
  const open = (reason = openReason): PollRequiredVerdict => opened(reason, listed);
  const { outcome } = row;
  if (outcome === 'rejected') return end('rejected');
  switch (follows) {
    case 'cancel':
      if (outcome === 'succeeded' || outcome === 'authorized')
        return refused === true ? end('failed', 'already-final') : open('processing');
      // Canceled, refunded, expired or finally failed: no money will be taken, which is what was asked for.
      return outcome === 'created' ? open() : end('succeeded');
    case 'capture':
      if (outcome === 'authorized' || outcome === 'created') return open('processing');
      return outcome === 'succeeded' ? end('succeeded') : end('failed');
    default:
      return outcome === 'created' ? open() : end(outcome);
  }
}

const NO_TURN =
  'It was not sent: its turn within policy.limit did not come in time. Raise the limit, if the gateway takes more.';

/** What a send or a query that got no answer means. */
export function lost(
  effect: Operation['effect'],
  evidence: Evidence,
  code: string,
): RetryableVerdict | PollRequiredVerdict {
  if (code === 'limit') return { kind: 'retryable', code, reason: 'rate-limited', listed: false, advice: NO_TURN };
  if (evidence === 'not-sent' || effect === 'read') {
    return {
      kind: 'retryable',
      code,
      reason: code === 'unsigned' ? 'configuration' : 'unreachable',
      listed: false,
      advice:
        code === 'unsigned'
          ? 'It was not sent: its signature, or the token that it needs, could not be made. The cause says why.'
          : 'Check the network between this machine and the gateway.',
    };
  }
  return {
    kind: 'poll-required',
    code,
    reason: 'unknown-outcome',
    listed: false,
    advice: 'The gateway may have processed it: ask before sending again.',
  };
}

/**
 * What the adapter's `read` returned, as far as it has the right shape: an adapter of the user's own may throw, or
 * return anything.
 */
function read(
  adapter: Pick<Tables, 'read'>,
  operation: Operation,
  exchange: Exchange,
  onFault: OnFault,
): readonly Reading[] {
  if (typeof exchange.body !== 'object' || exchange.body === null) return [];
  let found: unknown;
  try {
    found = (operation.read ?? adapter.read)(exchange);
  } catch (error) {
    onFault('read', error);
    return [];
  }
  return (Array.isArray(found) ? (found as unknown[]) : [found]).flatMap(each => {
    if (typeof each !== 'object' || each === null) return [];
    const { names, message, ...reading } = each as Readonly<Record<string, unknown>>;
    const texts = Array.isArray(names) ? names.filter((name): name is string => typeof name === 'string') : [];
    return texts.length === 0
      ? []
      : [
          {
            ...(reading as Omit<Reading, 'names'>),
            names: texts,
            message: typeof message === 'string' ? message : undefined,
          },
        ];
  });
}

function tableOf(operation: Operation, exchange: Exchange, onFault: OnFault): CodeTable {
  if (typeof operation.codes !== 'function') return operation.codes;
  try {
    const table: unknown = operation.codes(exchange);
    if (isTable(table)) return table;
    onFault('codes', new TypeError('codes is not a table'));
  } catch (error) {
    onFault('codes', error);
  }
  return {};
}

const isTable = (given: unknown): given is CodeTable => typeof given === 'object' && given !== null;

/** The row that decides an answer, with its advice. */
interface Found {
  readonly code: string;
  readonly row: Row;
  readonly advice: string | undefined;
}

function find(table: CodeTable, reading: Reading, adviceFor: Advice | undefined): Found | undefined {
  for (const code of reading.names) {
    const row = Object.hasOwn(table, code) ? table[code] : undefined;
    if (isTable(row)) return { code, row, advice: adviceFor?.(row) ?? row.advice };
  }
  return undefined;
}

/** Doctrine 7: what is not listed is unknown on a write, and worth asking again on a read. */
function fallback(operation: Pick<Operation, 'effect'>, { status }: Exchange, reading: Reading | undefined): Verdict {
  const stated = reading?.names[0]?.slice(0, LONGEST_CODE);
  const name = stated === undefined ? undefined : printable(stated);
  const http = `http/${status}`;
  const code = name !== undefined && canBeFinal(status) ? name : status >= 300 ? http : 'unreadable';
  if (operation.effect === 'write') {
    return {
      kind: 'poll-required',
      code,
      reason: 'unknown-outcome',
      listed: false,
      advice: 'Not in the tables: ask the gateway, and report the code to the adapter’s maintainer.',
    };
  }
  if (status >= 500) return { kind: 'retryable', code, reason: 'unavailable', listed: false };
  if (status === 429) return { kind: 'retryable', code, reason: 'rate-limited', listed: false };
  if (reading === undefined) return { kind: 'retryable', code, reason: 'unreadable', listed: false };
  return { kind: 'poll-required', code, reason: 'unknown-outcome', listed: false };
}

/** 408 and 421 come from a server in between: it waited too long, or was the wrong one. */
const betweenUs: ReadonlySet<number> = new Set([408, 421]);

const canBeFinal = (status: number): boolean =>
  (status >= 200 && status < 300) || (status >= 400 && status < 500 && status !== 429);

const canBeTheGateways = (status: number): boolean => (canBeFinal(status) || status === 429) && !betweenUs.has(status);

/** Doctrine 12: an answer that names another order is not an answer to ours, not even as a refusal. */
function namesOtherOrder(reading: Reading, subject: Subject): boolean {
  return Object.entries(reading.reference ?? {}).some(
    ([name, value]) =>
      value !== undefined && Object.hasOwn(subject.reference, name) && subject.reference[name] !== value,
  );
}

function isOtherMoney(reading: Reading, { expect }: Subject, row: Row): boolean {
  if (expect === undefined || (row.kind === 'terminal' && row.outcome === 'rejected')) return false;
  return (
    (reading.amount !== undefined && decimalOf(reading.amount) !== decimalOf(expect.amount)) ||
    (reading.currency !== undefined && expect.currency !== undefined && reading.currency !== expect.currency)
  );
}

const isOwnSuccess = (outcome: Outcome): boolean =>
  outcome === 'succeeded' || outcome === 'created' || outcome === 'authorized';

/** Reasons that an answer cannot give without knowing the order. */
const knowsTheOrder: ReadonlySet<Verdict['reason']> = new Set<Verdict['reason']>([
  'processing',
  'awaiting-payer',
  'awaiting-merchant',
  'already-final',
]);

function acknowledges(operation: Pick<Operation, 'effect'>, row: Row, landed: boolean): boolean {
  if (row.kind === 'retryable') return false;
  if (row.kind === 'poll-required') return row.acknowledges === true || knowsTheOrder.has(row.reason);
  if (row.outcome === 'rejected') return operation.effect === 'write' && landed && row.reason === 'duplicate';
  return true;
}

/**
 * Of several rows of one order, the one whose state comes first in this list decides; of two in one line, the one that
 * was read first. The rows' own states are compared: a cancel has not succeeded while one row of the order is paid.
 */
const precedence: readonly (readonly RowState[])[] = [
  // The money was taken: the rows beside it are other tries.
  ['succeeded'],
  // The money may still be taken, or it is not known: then the end of another row is not the order's end.
  ['open'],
  ['authorized'],
  ['refunded', 'created'],
  // Ends without the money, by how surely nothing more comes of them.
  ['canceled'],
  ['expired'],
  ['failed'],
  // The row says nothing about the order.
  ['rejected'],
  ['nothing'],
];

type RowState = Outcome | 'open' | 'nothing';

const placeOf = (judgement: Judgement): number => {
  const state = rowStateOf(judgement);
  return precedence.findIndex(states => states.includes(state));
};

function rowStateOf({ row, conflict }: Judgement): RowState {
  if (row === undefined || conflict) return 'open';
  if (row.kind === 'terminal') return row.outcome;
  if (row.kind === 'retryable' || row.reason === 'not-found') return 'nothing';
  return declines.has(row.reason) ? 'failed' : 'open';
}

const declines: ReadonlySet<Verdict['reason']> = new Set<Verdict['reason']>([
  'declined',
  'insufficient-funds',
  'limit-exceeded',
  'risk',
]);

/**
 * Which of two final states of one payment stands when they contradict each other, until the gateway has been asked.
 *
 * A payment never goes backwards: what was refunded or canceled stays so whatever a late "paid" says; "paid" overrules
 * `failed`, `expired` and `absent`, which can be reported too early.
 *
 * @returns the state that stands, and whether the two contradict each other
 */
export function reconcile<Known extends Outcome | 'absent' | 'unresolved' | 'unsent'>(
  known: Known,
  next: Outcome,
): { outcome: Known | Outcome; conflict: boolean } {
  const [knownStage, nextStage] = [stageOf(known), stageOf(next)];
  if (known === next || knownStage === NO_END) return { outcome: next, conflict: false };
  if (nextStage === NO_END) return { outcome: known, conflict: false };
  const isOrdinary = known === 'succeeded' && afterPaid.includes(next);
  return { outcome: nextStage > knownStage ? next : known, conflict: !isOrdinary };
}

/** The states that a paid payment can reach in its ordinary life. */
const afterPaid: readonly string[] = ['canceled', 'refunded'];

/** Final verdicts by how late in a payment's life they are: a later one stands, since a payment never goes backwards. */
const stages: readonly (readonly string[])[] = [
  // Each can be reported too early, while the payment is still on its way.
  ['absent', 'failed', 'expired'],
  ['succeeded'],
  afterPaid,
];

const NO_END = -1;

const stageOf = (outcome: string): number => stages.findIndex(stage => stage.includes(outcome));
