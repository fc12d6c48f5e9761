import { callTime, type Clock } from '../clock.ts';
import { decimalOf } from '../core/decimal.ts';
import { reconcile } from '../core/doctrine.ts';
import { InputError, ReferenceInUseError } from '../core/errors.ts';
import { isSameRequest, isWrite, type Operation, type WriteOperation } from '../core/operation.ts';
import type { Settlement, SettlementFacts } from '../core/settlement.ts';
import type { Owners } from '../core/subject.ts';
import type { Ticket } from '../core/ticket.ts';
import { isFinal, type Outcome, type Verdict } from '../core/verdict.ts';
import type { Adapter } from '../kit/adapter.ts';
import { keyOf } from './identity.ts';
import type { Intention } from './intention.ts';
import { createLoops, type Loop } from './loops.ts';
import { remember, settlementOf } from './results.ts';
import type { Sealer } from './seal.ts';
import { parse, responseOf, type Answer } from './wire.ts';

/**
 * Who is open and who is settled, as far as this gateway object knows: one payment has one loop, what may have been
 * sent is asked about before it is sent again, and what the gateway's word has settled stays settled.
 */
export interface Registry {
  /** What a caller who wants this write is to do. @throws {ReferenceInUseError} {InputError} */
  admit(key: string | undefined, wanted: Wanted): Admission;
  /** A loop begins: until it ends, others join it. */
  begin(key: string | undefined, loop: Loop): void;
  /** The loop that is running under this key. */
  running(key: string | undefined): Loop | undefined;
  /** What is being carried out, by every loop that is running. */
  intentions(): Intention[];
  /** A final verdict that came outside the loops: by a notice, or by a single query. */
  receiveVerdict(ticket: Ticket, verdict: Verdict, settledBy: 'query' | 'webhook'): void;
  /**
   * The gateway has spoken of an order outside the loops: it is not absent, whatever a query says, and what contradicts
   * the last verdict on it is asked about before anything is sent.
   */
  markSeen(ticket: Ticket, verdict?: Verdict): void;
  /**
   * What is known here of the payment under this key: that the gateway has it, and which numbers are not its own.
   */
  known(key: string | undefined): Known;
  /** Whose a row of a list is that `ticket`'s payment is looked for in. */
  ownersFor(ticket: Ticket): Owners;
}

export interface Wanted {
  readonly ticket: Ticket;
  readonly digest: string;
  readonly newTry: boolean;
}

export interface Known {
  readonly seen: boolean;
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
  | { readonly type: 'join'; readonly loop: Loop }
  /**
   * It may have been sent: ask first. `absent`: the gateway has said once, for long enough, that there is no such
   * order.
   */
  | {
      readonly type: 'open';
      readonly ticket: Ticket;
      readonly absent: boolean;
      readonly earlierNumbers: readonly string[];
    }
  | { readonly type: 'settled'; readonly settlement: Settlement };

/** The gateway's last word, light enough to keep a hundred thousand of them. */
interface Word extends Pick<Settlement, 'verdict' | 'settledBy' | 'reference' | 'attempts' | 'polls' | 'elapsedMs'> {
  readonly outcome: Outcome;
  /** The write's own answer. */
  readonly own: Kept | undefined;
  /** The answer that settled it. */
  readonly exchange: Kept | undefined;
}

interface Kept extends Omit<Answer, 'headers'> {
  /** As JSON: a text is the lightest to keep. */
  readonly headers: string;
}

interface Entry {
  readonly key: string;
  digest: string | undefined;
  ticket: Ticket;
  /** `undefined` while it is open. */
  word: Word | undefined;
  /** When it was last heard of. */
  atMs: number;
  absent: boolean;
  /** Only a notice has told of it: nothing was sent from here. It may be forgotten in time. */
  noticed?: true;
  /** The provider's numbers of earlier tries. */
  earlierNumbers?: readonly string[];
}

const DAY_MS = 24 * 60 * 60_000;
const MOST_SETTLED = 100_000;
const MOST_OPEN = 100_000;
/** Tries under one number whose numbers at the provider are kept. */
const MOST_TRIES = 20;
/** A longer answer is handed out, but not kept. */
const LONGEST_KEPT = 64 * 1024;

/** Ends after which the same number may be used for a new try. */
const endsATry: ReadonlySet<Settlement['outcome']> = new Set<Settlement['outcome']>(['failed', 'canceled', 'expired']);

/** Outcomes that are no word of the gateway's on the payment. */
const noWord: ReadonlySet<Settlement['outcome']> = new Set<Settlement['outcome']>([
  'unresolved',
  'absent',
  'unsent',
  'rejected',
]);
const isWord = (outcome: Settlement['outcome']): outcome is Outcome => !noWord.has(outcome);

export function createRegistry(adapter: Adapter, clock: Clock, sealer: Sealer): Registry {
  /** No step of the wall clock makes a word old. */
  const nowMs = callTime(clock);
  const loops = createLoops();
  const open = new Map<string, Entry>();
  /** The oldest word first. */
  const settled = new Map<string, Entry>();
  /** Whose a number of the provider's is. */
  const owners = new Map<string, string>();

  const numbersOf = ({ operation: name, reference }: Pick<Ticket, 'operation' | 'reference'>): string[] => {
    const operation = adapter.operations[name];
    const learns = operation !== undefined && isWrite(operation) ? (operation.learns ?? []) : [];
    return learns.flatMap(each => (reference[each] === undefined ? [] : [JSON.stringify([each, reference[each]])]));
  };

  const forget = (entry: Entry): void => {
    open.delete(entry.key);
    settled.delete(entry.key);
    for (const number of numbersOf(entry.ticket)) if (owners.get(number) === entry.key) owners.delete(number);
  };

  const keep = (entry: Entry): void => {
    forget(entry);
    (entry.word === undefined && entry.noticed !== true ? open : settled).set(entry.key, entry);
    for (const number of numbersOf(entry.ticket)) owners.set(number, entry.key);
    dropOld();
  };

  const dropOld = (): void => {
    const sinceMs = nowMs() - DAY_MS;
    for (const entry of settled.values()) {
      if (settled.size <= MOST_SETTLED && entry.atMs > sinceMs) break;
      forget(entry);
    }
  };

  const entryOf = (key: string | undefined): Entry | undefined =>
    key === undefined ? undefined : (open.get(key) ?? settled.get(key));

  const writeOf = ({ operation: name }: Ticket): (WriteOperation & Operation) | undefined => {
    const operation = Object.hasOwn(adapter.operations, name) ? adapter.operations[name] : undefined;
    return operation !== undefined && isWrite(operation) ? operation : undefined;
  };

  /** By the same name, or by another one of the same request, with the money taken in the call or not. */
  const isSameWrite = (known: Ticket, ticket: Ticket): boolean =>
    ticket.operation === known.operation ||
    (ticket.charge === known.charge && isSameRequest(adapter, ticket.operation, known.operation));

  /** Whoever only followed a ticket does not know the fields: then the amount must do. */
  const isSame = (known: { digest: string | undefined; ticket: Ticket }, { digest, ticket }: Wanted): boolean =>
    isSameWrite(known.ticket, ticket) &&
    (known.digest === undefined ? isSameMoney(known.ticket, ticket) : known.digest === digest);

  const admit = (key: string | undefined, wanted: Wanted): Admission => {
    const loop = loops.get(key);
    if (loop !== undefined) {
      if (!isSame({ digest: loop.digest ?? entryOf(key)?.digest, ticket: loop.intention.ticket }, wanted))
        throw new ReferenceInUseError(loop.intention.ticket);
      return { type: 'join', loop };
    }
    dropOld();
    const entry = entryOf(key);
    if (entry === undefined) {
      if (open.size >= MOST_OPEN) {
        throw new InputError(
          `${adapter.name}: ${MOST_OPEN} payments are open here, and none of them may be forgotten. Follow them to their end (untilSettled) before you send more.`,
        );
      }
      return { type: 'fresh', newTry: wanted.newTry, earlierNumbers: [] };
    }
    const { word, ticket, absent, earlierNumbers = [] } = entry;
    const same = isSame(entry, wanted);
    if (word !== undefined && endsATry.has(word.outcome) && (!same || wanted.newTry))
      return {
        type: 'fresh',
        newTry: true,
        earlierTry: ticket,
        earlierNumbers: [...earlierNumbers, ...providersOf(ticket)],
      };
    if (!same) throw new ReferenceInUseError(sealer.seal(ticket, ticket));
    return word === undefined
      ? { type: 'open', ticket, absent, earlierNumbers }
      : { type: 'settled', settlement: latestOf(entry, word) };
  };

  const begin = (key: string | undefined, loop: Loop): void => {
    if (key === undefined) return;
    loops.add(key, loop);
    const end = (settlement?: Settlement): void => {
      loops.remove(key, loop);
      conclude(key, loop, settlement);
    };
    loop.done.then(end, () => end());
  };

  /** What is kept of a loop that has ended. */
  const conclude = (key: string, { digest, intention }: Loop, ended: Settlement | undefined): void => {
    const { operation, ticket, exposed } = intention;
    if (!isWrite(operation)) return;
    const settlement = intention.settlement ?? ended;
    const before = entryOf(key);
    const entry: Entry = {
      key,
      digest: digest ?? before?.digest,
      ticket,
      word: before?.word,
      absent: false,
      atMs: nowMs(),
      ...triesBefore(before, intention),
    };
    if (settlement !== undefined && isWord(settlement.outcome)) {
      const { outcome, verdict, settledBy, reference, attempts, polls, elapsedMs, answer } = settlement;
      const { own, status } = intention.answers;
      const ownAnswer = kept(own);
      const word: Word = {
        ...{ outcome, verdict, settledBy, reference, attempts, polls, elapsedMs },
        own: (answer === undefined ? undefined : ownAnswer) ?? before?.word?.own,
        exchange: settledBy === 'answer' ? ownAnswer : settledBy === 'query' ? kept(status) : undefined,
      };
      return hearWord(entry, operation, word, !intention.sends);
    }
    // A loop that sent nothing leaves what was known before.
    if (!exposed) return;
    // A follower who did not find out has not undone what was said; whoever sent has: a new try is open.
    if (!intention.sends && before?.word !== undefined) return keep({ ...entry, word: before.word });
    keep({ ...entry, word: undefined, absent: settlement?.outcome === 'absent' });
  };

  /** What a new try leaves of those before it. */
  const triesBefore = (before: Entry | undefined, { sends, reference }: Intention): Pick<Entry, 'earlierNumbers'> => {
    if (before === undefined) return {};
    const own = new Set(Object.values(reference));
    const theirs =
      sends && before.word !== undefined ? providersOf(before.ticket).filter(number => !own.has(number)) : [];
    const earlierNumbers = [...(before.earlierNumbers ?? []), ...theirs].slice(-MOST_TRIES);
    return earlierNumbers.length === 0 ? {} : { earlierNumbers };
  };

  const providersOf = (ticket: Ticket): string[] =>
    (writeOf(ticket)?.learns ?? []).flatMap(name => ticket.reference[name] ?? []);

  const known = (key: string | undefined): Known => {
    const entry = entryOf(key);
    return {
      seen: entry !== undefined && (entry.word !== undefined || entry.ticket.seen),
      earlierNumbers: entry?.earlierNumbers ?? [],
    };
  };

  /** A payment never goes backwards, but for a new send of its own. */
  const hearWord = (entry: Entry, operation: WriteOperation, word: Word, beside: boolean): void => {
    const known = beside ? entry.word : undefined;
    const latest =
      known !== undefined &&
      isOver(known.outcome) &&
      (!isOver(word.outcome) || reconcile(known.outcome, word.outcome).outcome === known.outcome)
        ? known
        : word;
    const isTarget =
      operation.identity === 'target' || (operation.identity === undefined && operation.follows === 'cancel');
    // What acts on a target is remembered only as done: a cancel that failed may be tried again.
    if (isTarget && latest.outcome !== 'succeeded') return forget(entry);
    const withoutSecrets = isOver(latest.outcome)
      ? { ...latest, own: stripped(latest.own), exchange: stripped(latest.exchange) }
      : latest;
    const { noticed: _noticed, ...heard } = entry;
    keep({ ...heard, word: withoutSecrets });
  };

  /** An answer without what opens the payment to whoever holds it: an order that has ended needs it no more. */
  const stripped = (answer: Kept | undefined): Kept | undefined => {
    if (answer === undefined || adapter.answerSecrets.length === 0) return answer;
    const secret = new Set(adapter.answerSecrets);
    const body = parse(new TextDecoder().decode(answer.bytes));
    if (typeof body !== 'object') return answer;
    return {
      ...answer,
      bytes: new TextEncoder().encode(
        JSON.stringify(body, (name, value: unknown) => (secret.has(name) ? undefined : value)),
      ),
    };
  };

  const receiveVerdict = (ticket: Ticket, verdict: Verdict, settledBy: 'query' | 'webhook'): void => {
    const operation = writeOf(ticket);
    if (operation === undefined || verdict.kind !== 'terminal' || !isFinal(verdict, { effect: 'read' })) return;
    const key = keyOf(ticket, operation);
    if (key === undefined || loops.get(key) !== undefined) return;
    const before = entryOf(key);
    const known = before?.ticket ?? ticket;
    const [merchant = ''] = Object.values(known.reference);
    const entry: Entry = {
      ...(before ?? { key, digest: undefined, ticket, word: undefined, absent: false }),
      atMs: nowMs(),
    };
    const {
      reference,
      attempts = 0,
      polls = 0,
      elapsedMs = 0,
      own,
    } = before?.word ?? { reference: { merchant }, own: undefined };
    hearWord(
      entry,
      operation,
      { outcome: verdict.outcome, verdict, settledBy, reference, attempts, polls, elapsedMs, own, exchange: undefined },
      true,
    );
  };

  const markSeen = (ticket: Ticket, verdict?: Verdict): void => {
    const operation = writeOf(ticket);
    const key = operation === undefined ? undefined : keyOf(ticket, operation);
    if (key === undefined || loops.get(key) !== undefined) return;
    const entry = entryOf(key);
    if (entry === undefined)
      return keep({
        key,
        digest: undefined,
        ticket: { ...ticket, seen: true },
        word: undefined,
        absent: false,
        atMs: nowMs(),
        noticed: true,
      });
    const { seal: _outdated, ...before } = entry.ticket;
    const seen: Entry = {
      ...entry,
      ticket: entry.ticket.seen ? entry.ticket : { ...before, seen: true },
      absent: false,
    };
    // A last word that this one contradicts is not the last any more: the gateway is to be asked.
    const isOld =
      entry.word !== undefined &&
      verdict?.kind === 'terminal' &&
      isOver(entry.word.outcome) &&
      reconcile(entry.word.outcome, verdict.outcome).outcome !== entry.word.outcome;
    keep(isOld ? { ...seen, word: undefined } : seen);
  };

  /** The latest word, for somebody who asks for the same again. */
  const latestOf = ({ ticket, atMs }: Entry, { own, exchange, ...word }: Word): Settlement => {
    // What was learnt beside a loop is under the seal too.
    const sealed = structuredClone(sealer.seal(ticket, ticket));
    const facts: SettlementFacts = {
      ...word,
      ...(own !== undefined && { answer: bodyOf(own) }),
      ...(exchange !== undefined && { body: bodyOf(exchange) }),
      ticket: sealed,
      repeated: true,
      timeline: [
        {
          at: new Date(atMs).toISOString(),
          elapsedMs: word.elapsedMs,
          type: 'settled',
          outcome: word.outcome,
          settledBy: word.settledBy,
        },
      ],
    };
    if (exchange === undefined) return settlementOf(facts);
    const headers = new Headers(JSON.parse(exchange.headers) as [string, string][]);
    return settlementOf(facts, () =>
      remember(responseOf({ ...exchange, headers }), { verdict: word.verdict, ticket: structuredClone(sealed) }),
    );
  };

  const ownersFor = (ticket: Ticket): Owners => {
    const operation = writeOf(ticket);
    const own = operation === undefined ? undefined : keyOf(ticket, operation);
    const others = (): Intention[] => Array.from(loops.all(own), ({ intention }) => intention);
    return {
      isKnownElsewhere(reference) {
        const numbers = numbersOf({ operation: ticket.operation, reference: stated(reference) });
        if (numbers.some(number => owners.has(number) && owners.get(number) !== own)) return true;
        return others().some(intention =>
          numbersOf({ operation: intention.operation.name, reference: intention.reference }).some(number =>
            numbers.includes(number),
          ),
        );
      },
      mayBeAnothers(reference) {
        const row = Object.entries(stated(reference));
        // Equal but for what the row does not tell: it names both of them, and the other one has not found its own.
        const isRival = (other: Ticket): boolean =>
          other.operation === ticket.operation &&
          row.some(([name, value]) => other.reference[name] === value) &&
          row.every(([name, value]) => (other.reference[name] ?? value) === value) &&
          numbersOf(other).length === 0 &&
          isSameMoney(ticket, other);
        for (const [key, entry] of open) if (key !== own && isRival(entry.ticket)) return true;
        return others().some(intention => intention.exposed && isRival(intention.ticket));
      },
    };
  };

  return {
    admit,
    begin,
    running: key => loops.get(key),
    intentions: () => Array.from(loops.all(), ({ intention }) => intention),
    receiveVerdict,
    markSeen,
    known,
    ownersFor,
  };
}

const isOver = (outcome: Settlement['outcome']): boolean => outcome !== 'created' && outcome !== 'authorized';

const isSameMoney = ({ expect: one }: Ticket, { expect: other }: Ticket): boolean =>
  one === undefined ||
  other === undefined ||
  (decimalOf(one.amount) === decimalOf(other.amount) &&
    (one.currency === undefined || other.currency === undefined || one.currency === other.currency));

const kept = (answer: Answer | undefined): Kept | undefined =>
  answer === undefined || answer.bytes.length > LONGEST_KEPT
    ? undefined
    : { ...answer, headers: JSON.stringify([...answer.headers]) };

const bodyOf = (answer: Kept | undefined): unknown =>
  answer === undefined ? undefined : parse(new TextDecoder().decode(answer.bytes));

const stated = (reference: Readonly<Record<string, string | undefined>>): Record<string, string> =>
  Object.fromEntries(Object.entries(reference).filter((pair): pair is [string, string] => pair[1] !== undefined));
