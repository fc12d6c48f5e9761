import { callTime, type Clock } from '../clock.ts';
import { mayBeGivenBack } from '../core/cancel.ts';
import { unknownOutcome } from '../core/decide.ts';
import { reconcile } from '../core/doctrine.ts';
import { InputError, ReferenceInUseError } from '../core/errors.ts';
import { isSameRequest, isWrite, type WriteOperation } from '../core/operation.ts';
import type { Settlement } from '../core/settlement.ts';
import type { Owners } from '../core/subject.ts';
import { isSameMoney, latest, type Ticket } from '../core/ticket.ts';
import { isFinal, type Outcome, type Verdict } from '../core/verdict.ts';
import type { Adapter } from '../kit/adapter.ts';
import { isOnTarget, keyOf, providerNumbersOf, writeNamed } from './identity.ts';
import type { Intention } from './intention.ts';
import { lastVerdictOf, repeatedSettlement, withoutSecrets, type LastVerdict } from './last-verdict.ts';
import { createLoops, mayBeTakenOver, takeOver, type Loop } from './loops.ts';
import {
  memoryStore,
  MOST_OPEN,
  type Entry,
  type NoticedEntry,
  type PaymentStore,
  type SettledEntry,
} from './payment-store.ts';
import { rowOwners } from './row-owners.ts';
import type { Sealer } from './seal.ts';
import { namesOf } from './settlement-of.ts';

/** A write that a caller asks for. */
export interface Wanted {
  readonly ticket: Ticket;
  readonly digest: string;
  readonly newTry: boolean;
}

export interface Known {
  readonly seen: boolean;
  /** Until then a cancel may give back what is paid. Default: none may. */
  readonly mayBeGivenBackUntil?: string | undefined;
  /** The provider's numbers of earlier tries under the merchant's. */
  readonly earlierNumbers: readonly string[];
}

export type Admission =
  /** Nothing stands against it. `earlierTry`: the number has been used for it. */
  | {
      readonly type: 'fresh';
      readonly newTry: boolean;
      readonly earlierTry?: Ticket;
      readonly earlierNumbers: readonly string[];
    }
  /** It is to be waited for. One that only follows is no end of it: the caller is then to ask again. */
  | { readonly type: 'join'; readonly loop: Loop }
  /**
   * It may have been sent: ask first. `absent`: the gateway has said once, for long enough, that there is no such
   * order. `sentElsewhere`: this object knows of it by notices or queries alone, and a stored ticket tells more of its
   * send.
   */
  | {
      readonly type: 'open';
      readonly ticket: Ticket;
      readonly absent: boolean;
      readonly sentElsewhere: boolean;
      readonly earlierNumbers: readonly string[];
    }
  | { readonly type: 'settled'; readonly settlement: Settlement };

/** Tries under one number whose numbers at the provider are kept. */
const MOST_TRIES = 20;

/** Ends after which the same number may be used for a new try. */
const endsATry: ReadonlySet<Outcome> = new Set<Outcome>(['failed', 'canceled', 'expired']);

/** Ends that a number has had money for. */
const takesMoney: ReadonlySet<Outcome> = new Set<Outcome>(['succeeded', 'authorized', 'refunded']);

const showsMoney = (verdict: Verdict): boolean => verdict.kind === 'terminal' && takesMoney.has(verdict.outcome);

/** How word of a payment came, other than by its loop. */
type Source = 'query' | 'webhook';

/**
 * Doctrine 15, as far as this gateway object knows: one payment has one loop, what may have been sent is asked about
 * before it is sent again, and what the gateway's verdict has settled stays settled.
 */
export class Registry {
  readonly #adapter: Adapter;
  readonly #sealer: Sealer;
  readonly #nowMs: () => number;
  readonly #loops = createLoops();
  readonly #store: PaymentStore;
  readonly #madeAtMs: number;
  /** How many loops run whose payment is not among the open ones of the store. */
  #unlisted = 0;

  /** @param isCache a journal stands behind it: what is dropped here is still known there */
  constructor(adapter: Adapter, clock: Clock, sealer: Sealer, isCache = false) {
    this.#adapter = adapter;
    this.#sealer = sealer;
    this.#madeAtMs = clock.now();
    // No step of the wall clock makes a verdict old.
    this.#nowMs = callTime(clock);
    this.#store = memoryStore(this.#nowMs, ticket => providerNumbersOf(adapter.operations, ticket), isCache);
  }

  /** What is known under this key. */
  entryOf(key: string): Entry | undefined {
    return this.#store.get(key);
  }

  /** The ticket of the payment that `ticket` names, where it is open as far as is known here. */
  openTicket(ticket: Ticket): Ticket | undefined {
    const operation = writeNamed(this.#adapter.operations, ticket.operation);
    const key = operation && keyOf(ticket, operation);
    const entry = key === undefined ? undefined : this.#store.get(key);
    if (entry === undefined || (entry.state === 'noticed' && entry.read !== undefined)) return undefined;
    return entry.state === 'settled' && entry.last.outcome !== 'created' ? undefined : entry.ticket;
  }

  /** What the journal knows under this key takes the place of what is known here. */
  restore(key: string, entry: Entry | undefined): void {
    if (entry === undefined) this.#store.delete(key);
    else this.#store.put(entry);
  }

  /** What is known of a running loop's payment once its bytes may have left. */
  entryOfLeaving(key: string): Entry | undefined {
    const loop = this.#loops.get(key);
    return loop && { ...this.#knownOf(key, loop), state: 'open', absent: false };
  }

  /**
   * What a caller who wants this write is to do.
   *
   * @throws {ReferenceInUseError} while its number stands for a write with other fields
   * @throws {InputError} when too many payments are open to remember one more
   */
  admit(key: string | undefined, wanted: Wanted): Admission {
    const loop = this.#loops.get(key);
    if (key !== undefined && loop !== undefined) {
      const { ticket } = loop.intention;
      if (!this.#isSame({ digest: loop.digest ?? this.#store.get(key)?.digest, ticket }, wanted))
        throw new ReferenceInUseError(ticket);
      if (!mayBeTakenOver(loop)) return { type: 'join', loop };
      takeOver(loop);
      this.#end(key, loop);
    }
    const entry = this.#store.get(key);
    return entry === undefined ? this.#admitUnknown(wanted) : this.#admitKnown(entry, wanted);
  }

  #admitUnknown({ newTry }: Wanted): Admission {
    if (this.#store.isFull(this.#unlisted)) {
      throw new InputError(
        `${this.#adapter.name}: ${MOST_OPEN} payments are open here, and none of them may be forgotten. Follow them to their end (untilSettled) before you send more.`,
      );
    }
    return { type: 'fresh', newTry, earlierNumbers: [] };
  }

  #admitKnown(entry: Entry, wanted: Wanted): Admission {
    const { ticket, earlierNumbers } = entry;
    if (entry.state === 'noticed' && entry.read !== undefined) return this.#admitRead(entry, entry.read, wanted);
    const same = this.#isSame(entry, wanted);
    if (entry.state === 'settled' && endsATry.has(entry.last.outcome) && (!same || wanted.newTry)) {
      const known = [...earlierNumbers, ...this.#numbersIn(ticket)];
      return { type: 'fresh', newTry: true, earlierTry: ticket, earlierNumbers: known };
    }
    if (!same) throw new ReferenceInUseError(this.#sealer.seal(ticket, ticket));
    if (entry.state === 'settled') return { type: 'settled', settlement: this.#repeated(entry) };
    const isOpen = entry.state === 'open';
    const sentElsewhere = !isOpen || entry.digest === undefined;
    return { type: 'open', ticket, absent: isOpen && entry.absent, sentElsewhere, earlierNumbers };
  }

  /** A read has shown that the number is paid for, and not by which write nor when. */
  #admitRead({ ticket: shown }: NoticedEntry, read: string, { ticket }: Wanted): Admission {
    const operation = writeNamed(this.#adapter.operations, ticket.operation);
    if (operation?.query?.operation !== read) throw new ReferenceInUseError(this.#sealer.seal(shown, shown));
    const { seal: _outdated, ...rest } = ticket;
    const known = { ...rest, seen: true, ageUnknown: true as const };
    return { type: 'open', ticket: known, absent: false, sentElsewhere: false, earlierNumbers: [] };
  }

  /** Of a payment whose ticket was only followed the fields are not known: then the amount must do. */
  #isSame(known: Pick<Entry, 'digest' | 'ticket'>, { digest, ticket }: Wanted): boolean {
    if (!this.#isSameWrite(known.ticket, ticket)) return false;
    return known.digest === undefined ? isSameMoney(known.ticket, ticket) : known.digest === digest;
  }

  /** By the same name, or by another one of the same request, with the money taken in the call or not. */
  #isSameWrite(known: Ticket, wanted: Ticket): boolean {
    if (wanted.operation === known.operation) return true;
    return wanted.charge === known.charge && isSameRequest(this.#adapter, wanted.operation, known.operation);
  }

  /** A loop begins: until it ends, others join it; then what it has learnt is kept. */
  begin(key: string | undefined, loop: Loop): void {
    if (key === undefined) return;
    this.#loops.add(key, loop);
    if (!this.#isListed(key)) this.#unlisted++;
    loop.done.then(
      settlement => this.#end(key, loop, settlement),
      () => this.#end(key, loop),
    );
  }

  #end(key: string, loop: Loop, settlement?: Settlement): void {
    if (!this.#loops.remove(key, loop)) return;
    if (loop.isConcluded !== true) this.conclude(key, loop, settlement);
  }

  /** While its loop runs, nothing else changes whether a payment is among the open ones. */
  #isListed(key: string): boolean {
    return this.#store.get(key)?.state === 'open';
  }

  /** The loop that is running under this key. */
  running(key: string | undefined): Loop | undefined {
    return this.#loops.get(key);
  }

  /** What is being carried out, by every loop that is running. */
  intentions(): Intention[] {
    return Array.from(this.#loops.all(), ({ intention }) => intention);
  }

  /** What is known here of the payment under this key: that the gateway has it, and which numbers are not its own. */
  known(key: string | undefined): Known {
    const entry = this.#store.get(key);
    return {
      seen: entry !== undefined && (entry.state === 'settled' || entry.ticket.seen),
      mayBeGivenBackUntil: entry?.ticket.mayBeGivenBackUntil,
      earlierNumbers: entry?.earlierNumbers ?? [],
    };
  }

  /** Whose a row of a list is that `ticket`'s payment is looked for in. */
  readonly ownersFor = (ticket: Ticket): Owners => {
    const { operations } = this.#adapter;
    const operation = writeNamed(operations, ticket.operation);
    const key = operation === undefined ? undefined : keyOf(ticket, operation);
    return rowOwners(ticket, key, { operations, loops: this.#loops, store: this.#store });
  };

  /**
   * A single query was answered outside the loops, by `ask` or by `step`.
   *
   * @param verdict `undefined`: the payment is still open
   */
  receiveAnswer(ticket: Ticket, verdict: Verdict | undefined): void {
    if (ticket.seen) this.markSeen(ticket, 'query');
    if (verdict !== undefined) this.receiveVerdict(ticket, verdict, 'query');
  }

  /** A final verdict that came outside the loops: by a notice, or by a single query. */
  receiveVerdict(ticket: Ticket, verdict: Verdict, settledBy: Source): void {
    const operation = writeNamed(this.#adapter.operations, ticket.operation);
    if (operation === undefined || verdict.kind !== 'terminal' || !isFinal(verdict, { effect: 'read' })) return;
    const key = keyOf(ticket, operation);
    if (key === undefined || this.#isLeftToLoop(key, ticket, settledBy, verdict)) return;
    const entry = this.#store.get(key) ?? noticedEntry(key, ticket, this.#nowMs());
    // Another order of the same number: what was sent from here was for other money (doctrine 12).
    if (settledBy === 'webhook' && !isSameMoney(entry.ticket, ticket)) return;
    // Whose end a notice tells, under a number that may have been used before, only a query can show (doctrine 13).
    if (settledBy === 'webhook' && entry.state !== 'settled' && entry.ticket.repeats === true)
      return this.#markEntrySeen(entry, verdict);
    const before = lastOf(entry);
    // "Paid" beside a cancel is no end yet.
    const isDoubted = [ticket, entry.ticket].some(each => mayBeGivenBack(each, verdict, this.#nowMs()));
    if (isDoubted && (before === undefined || !isOver(before.outcome))) return this.#markEntrySeen(entry, verdict);
    const known = withNumbersOf(operation, entry, ticket);
    const done = before ?? nothingDone;
    const reference = { ...namesOf(operation, known), ...before?.reference };
    const last: LastVerdict = { ...done, reference, outcome: verdict.outcome, verdict, settledBy, status: undefined };
    const settled: SettledEntry = { ...baseOf(entry), ticket: known, state: 'settled', atMs: this.#nowMs(), last };
    this.#keepLatest(operation, settled, before);
  }

  /** Until when a cancel may give the money back, as its ticket says. */
  keepCancel(ticket: Ticket): void {
    const operation = writeNamed(this.#adapter.operations, ticket.operation);
    const key = operation && keyOf(ticket, operation);
    if (key === undefined) return;
    const entry = this.#store.get(key) ?? noticedEntry(key, ticket, this.#nowMs());
    const { mayBeGivenBackUntil: _before, ...known } = followed(entry, ticket);
    const { mayBeGivenBackUntil } = ticket;
    this.#store.put({
      ...entry,
      ticket: { ...known, ...(mayBeGivenBackUntil !== undefined && { mayBeGivenBackUntil }) },
    });
  }

  /**
   * The gateway has spoken of an order outside the loops: it is not absent, whatever a query says, and what contradicts
   * the last verdict on it is asked about before anything is sent.
   */
  markSeen(ticket: Ticket, from: Source, verdict?: Verdict): void {
    const operation = writeNamed(this.#adapter.operations, ticket.operation);
    const key = operation === undefined ? undefined : keyOf(ticket, operation);
    if (key === undefined || this.#isLeftToLoop(key, ticket, from, verdict)) return;
    const entry = this.#store.get(key);
    if (entry === undefined || (entry.state === 'noticed' && entry.read !== undefined))
      return this.#store.put(noticedEntry(key, ticket, this.#nowMs()));
    this.#markEntrySeen(entry, verdict);
  }

  /**
   * A read of the drop-in was answered, which follows no ticket: where it shows that money was taken under a number,
   * whoever wants to send that number is to ask first.
   *
   * @param asked what the read asked about, as a ticket under the read's own name
   */
  receiveRead(asked: Ticket, verdict: Verdict): void {
    if (!showsMoney(verdict)) return;
    for (const operation of Object.values(this.#adapter.operations)) {
      if (!isWrite(operation) || operation.query?.operation !== asked.operation || isOnTarget(operation)) continue;
      const ticket = { ...asked, operation: operation.name, seen: true };
      const key = keyOf(ticket, operation) ?? this.#ownerOf(ticket);
      if (key === undefined || this.#isLeftToLoop(key, ticket, 'query', verdict)) continue;
      const entry = this.#store.get(key);
      if (entry !== undefined) this.#markEntrySeen(entry, verdict);
      else this.#store.put({ ...noticedEntry(key, ticket, this.#nowMs()), read: asked.operation });
    }
  }

  /**
   * Whether a loop runs under this key: then what came outside it is for the loop to act on. A notice has been brought
   * to it already; of a read it learns here.
   */
  #isLeftToLoop(key: string, ticket: Ticket, from: Source, verdict: Verdict = unknownOutcome('not-asked')): boolean {
    const loop = this.#loops.get(key);
    if (loop === undefined || loop.isConcluded === true) return false;
    if (from === 'webhook') loop.isNoticed = true;
    else if (this.#isAbout(ticket, verdict, loop.intention)) loop.intention.learnFromOutside(verdict, ticket.seen);
    return true;
  }

  /** Of an earlier try under the same number it is no news that it ended, but that it took money. */
  #isAbout(ticket: Ticket, verdict: Verdict, { operation: own, ticket: { repeats, openedAt } }: Intention): boolean {
    const operation = writeNamed(this.#adapter.operations, ticket.operation);
    if (!isWrite(own) || own.follows !== operation?.follows || own.query?.operation !== operation?.query?.operation)
      return false;
    return repeats !== true || openedAt === ticket.openedAt || showsMoney(verdict);
  }

  /** The key of the known payment that one of the provider's numbers in the ticket is of. */
  #ownerOf(ticket: Ticket): string | undefined {
    const owners = providerNumbersOf(this.#adapter.operations, ticket).map(number => this.#store.ownerOf(number));
    return owners.find(owner => owner !== undefined);
  }

  #markEntrySeen(entry: Entry, verdict: Verdict | undefined): void {
    const seen = asSeen(entry.ticket);
    if (entry.state === 'noticed') return this.#store.put({ ...entry, ticket: seen });
    if (entry.state === 'settled' && !isContradicted(entry.last.outcome, verdict))
      return this.#store.put({ ...entry, ticket: seen });
    this.#store.put({ ...baseOf(entry), state: 'open', ticket: seen, absent: false });
  }

  /** Keeps what a loop that has ended has learnt, and what came while it ran and was not acted on. */
  conclude(key: string, loop: Loop, ended: Settlement | undefined): void {
    if (loop.isConcluded !== true && !this.#isListed(key)) this.#unlisted--;
    loop.isConcluded = true;
    const { ticket, notActedOn, settlement = ended } = loop.intention;
    this.#keepEnd(key, loop, settlement);
    // The number of a duplicate is another order's, and so is what is shown under it.
    if (notActedOn === undefined || settlement?.verdict.reason === 'duplicate') return;
    const { verdict, by } = notActedOn;
    if (by === 'webhook') this.receiveVerdict(ticket, verdict, by);
    else this.markSeen(ticket, by, verdict);
  }

  #knownOf(key: string, { digest, intention }: Pick<Loop, 'digest' | 'intention'>): Omit<NoticedEntry, 'state'> {
    const before = this.#store.get(key);
    return {
      key,
      digest: digest ?? before?.digest,
      ticket: !intention.sends && before !== undefined ? followed(before, intention.ticket) : intention.ticket,
      atMs: this.#nowMs(),
      earlierNumbers: this.#triesBefore(before, intention),
    };
  }

  #keepEnd(key: string, loop: Loop, settlement: Settlement | undefined): void {
    const { intention, isNoticed } = loop;
    const { operation, ticket, exposed, sends } = intention;
    if (!isWrite(operation)) return;
    const before = this.#store.get(key);
    // A send is a new try: what was said of earlier ones is not said of it.
    const said = sends ? undefined : lastOf(before);
    const known = this.#knownOf(key, loop);
    const last = settlement && lastVerdictOf(settlement, intention.answers, said);
    if (last !== undefined) return this.#keepLatest(operation, { ...known, state: 'settled', last }, said);
    // A loop that sent nothing leaves what was known before, but what the gateway has told meanwhile.
    if (!exposed) {
      const isTold = settlement === undefined && (ticket.seen || isNoticed === true);
      return isTold ? this.#store.put({ ...known, state: 'noticed' }) : undefined;
    }
    // So does who followed what was never sent, and found nothing.
    if (before === undefined && !sends && isNoticed !== true && this.#isUnsent(ticket)) return;
    // A follower who did not find out has not undone what was said.
    if (said !== undefined) return this.#store.put({ ...known, state: 'settled', last: said });
    this.#store.put({ ...known, state: 'open', absent: settlement?.outcome === 'absent' });
  }

  /** A ticket that tells of no send, and is no older than this object: no earlier run can have sent it. */
  #isUnsent({ seen, lastSentAt, ageUnknown, openedAt }: Ticket): boolean {
    return !seen && lastSentAt === undefined && ageUnknown !== true && Date.parse(openedAt) >= this.#madeAtMs;
  }

  /** The provider's numbers that a new try leaves to those before it. */
  #triesBefore(before: Entry | undefined, { sends, reference }: Intention): readonly string[] {
    if (before === undefined) return [];
    if (!sends || before.state !== 'settled') return before.earlierNumbers;
    const own = new Set(Object.values(reference));
    const left = this.#numbersIn(before.ticket).filter(number => !own.has(number));
    return [...before.earlierNumbers, ...left].slice(-MOST_TRIES);
  }

  #numbersIn({ operation, reference }: Ticket): string[] {
    return (writeNamed(this.#adapter.operations, operation)?.learns ?? []).flatMap(name => reference[name] ?? []);
  }

  /**
   * A payment never goes backwards, but for a new send of its own.
   *
   * @param said the verdict that was known before, of the same send
   */
  #keepLatest(operation: WriteOperation, entry: SettledEntry, said: LastVerdict | undefined): void {
    const latest = said !== undefined && stands(said.outcome, entry.last.outcome) ? said : entry.last;
    // What acts on a target is remembered only as done: a cancel that failed may be tried again.
    if (isOnTarget(operation) && latest.outcome !== 'succeeded') return this.#store.delete(entry.key);
    const last = isOver(latest.outcome) ? withoutSecrets(latest, this.#adapter.answerSecrets) : latest;
    this.#store.put({ ...entry, last });
  }

  /** What was learnt outside a loop is under the seal, too. */
  #repeated({ ticket, atMs, last }: SettledEntry): Settlement {
    return repeatedSettlement(last, structuredClone(this.#sealer.seal(ticket, ticket)), atMs);
  }
}

const lastOf = (entry: Entry | undefined): LastVerdict | undefined =>
  entry?.state === 'settled' ? entry.last : undefined;

/** What an entry has in every state. */
const baseOf = ({ key, digest, ticket, atMs, earlierNumbers }: Entry): Omit<NoticedEntry, 'state'> => ({
  key,
  digest,
  ticket,
  atMs,
  earlierNumbers,
});

const nothingDone = { attempts: 0, polls: 0, elapsedMs: 0, own: undefined } as const;

const noticedEntry = (key: string, ticket: Ticket, atMs: number): NoticedEntry => ({
  key,
  digest: undefined,
  atMs,
  earlierNumbers: [],
  state: 'noticed',
  ticket: { ...ticket, seen: true },
});

/** Who only follows may have another ticket than was sent under: what he has learnt is added to that one. */
function followed({ state, ticket: known }: Entry, ticket: Ticket): Ticket {
  const { reference, seen, polls, lastSentAt, openedAt, mayBeGivenBackUntil } = ticket;
  const { seal: _outdated, ...rest } = known;
  const at = latest(known.lastSentAt, lastSentAt);
  const until = latest(known.mayBeGivenBackUntil, mayBeGivenBackUntil);
  return {
    ...rest,
    ...(state === 'noticed' && openedAt < known.openedAt && { openedAt }),
    reference: { ...reference, ...known.reference },
    seen: known.seen || seen,
    polls: Math.max(known.polls, polls),
    ...(at !== undefined && { lastSentAt: at }),
    ...(until !== undefined && { mayBeGivenBackUntil: until }),
  };
}

/** The provider's numbers, which a refund may have to name, where nobody has learnt them yet. */
function withNumbersOf(operation: WriteOperation, { ticket: known, earlierNumbers }: Entry, told: Ticket): Ticket {
  const learnt = (operation.learns ?? []).flatMap((name): [string, string][] => {
    const number = told.reference[name];
    const isNew = known.reference[name] === undefined && number !== undefined && !earlierNumbers.includes(number);
    return isNew ? [[name, number]] : [];
  });
  if (learnt.length === 0) return known;
  const { seal: _outdated, ...rest } = known;
  return { ...rest, reference: { ...known.reference, ...Object.fromEntries(learnt) } };
}

/** A seal is of the ticket as it was. */
function asSeen(ticket: Ticket): Ticket {
  if (ticket.seen) return ticket;
  const { seal: _outdated, ...rest } = ticket;
  return { ...rest, seen: true };
}

const isOver = (outcome: Outcome): boolean => outcome !== 'created' && outcome !== 'authorized';

/** Whether a payment's end holds against another verdict that comes later. */
const stands = (known: Outcome, next: Outcome): boolean =>
  isOver(known) && (!isOver(next) || reconcile(known, next).outcome === known);

/** Then the last verdict is not the last any more: the gateway is to be asked. */
const isContradicted = (known: Outcome, verdict: Verdict | undefined): boolean =>
  verdict?.kind === 'terminal' && isOver(known) && reconcile(known, verdict.outcome).outcome !== known;
