import type { Reading } from './exchange.ts';
import { isWrite, type Fields, type Follows, type Operation, type WriteOperation } from './operation.ts';
import type { Ticket } from './ticket.ts';

/** What the answer should be about: from the ticket that is followed, or from the fields that were sent. */
export interface Subject {
  readonly reference: Readonly<Record<string, string>>;
  readonly expect?: { readonly amount: string; readonly currency?: string };
  /** The write that a query follows. */
  readonly follows?: Follows;
  /** That write took the money in the call: a decline is final. */
  readonly charge?: boolean;
  /** That write (a cancel) was itself finally refused. */
  readonly refused?: boolean;
  /** What only this send carried, as the provider repeats it in its rows. */
  readonly echo?: string;
  /** The gateway had acknowledged the order, and it can no longer be paid. */
  readonly over?: boolean;
  /** The order's number may have been used before. */
  readonly repeats?: boolean;
  /**
   * The order was seen open since the write was made, and is asked about as a whole: the status query's
   * `endsWhenUnchangedForMs`.
   */
  readonly endsWhenUnchangedForMs?: number;
  /** What of `reference` is the provider's own number of this very send. */
  readonly ownNumbers?: readonly string[];
  /**
   * The provider's numbers of earlier tries under the merchant's number: a row with one of them does not belong to this
   * send, whatever its time says.
   */
  readonly earlierNumbers?: readonly string[];
  /**
   * When the write's sends left, by the provider's clock: none before `notBeforeMs`, all by `leftByMs`. Absent: not
   * known.
   */
  readonly sends?: { readonly notBeforeMs?: number; readonly leftByMs?: number };
  /** It is looked for in a list. */
  readonly lookUp?: Owners;
}

/** Which intention a row of a list belongs to, by the numbers in the row. */
export interface Owners {
  /** It is known to belong to another intention. */
  readonly isKnownElsewhere: (reference: Reading['reference'] & object) => boolean;
  /** Another intention is open that would look for the very same row, and has not found its own. */
  readonly mayBelongToOther: (reference: Reading['reference'] & object) => boolean;
}

/** The subject of an exchange that follows no ticket: what was sent, as far as it is known. */
export function subjectOf(operation: Operation, sent: Fields | undefined): Subject {
  if (sent === undefined) return { reference: {} };
  if (!isWrite(operation)) {
    const names = Object.entries(operation.reference ?? {});
    return { reference: texts(names.map(([field, name]) => [name, ownField(sent, field)])) };
  }
  try {
    const expect = operation.expect?.(sent);
    return {
      reference: referenceOf(operation, sent),
      ...(expect !== undefined && Number.isFinite(Number(expect.amount)) && { expect }),
    };
  } catch {
    // Fields that were given only in part identify nothing.
    return { reference: {} };
  }
}

/** The reference of a write's ticket, as far as its fields give it. */
export function referenceOf(operation: WriteOperation, fields: Fields): Record<string, string> {
  const { reference } = operation;
  return texts(
    typeof reference === 'function'
      ? Object.entries(reference(fields))
      : reference.map(name => [name, ownField(fields, name)]),
  );
}

const ownField = (fields: Fields, name: string): unknown => (Object.hasOwn(fields, name) ? fields[name] : undefined);

/** Keeps what can name an order: non-empty texts, and numbers written as such. */
function texts(pairs: readonly (readonly [string, unknown])[]): Record<string, string> {
  return Object.fromEntries(
    pairs.flatMap(([name, value]) =>
      typeof value === 'number'
        ? [[name, String(value)]]
        : typeof value === 'string' && value.trim() !== ''
          ? [[name, value]]
          : [],
    ),
  );
}

/** A payment made in the order's last moment may become visible this much later, and clocks differ. */
const OVER_AFTER_MS = 60_000;

/** Some providers repeat a send's time in whole seconds, and a row may become visible that much later. */
const ECHO_AFTER_MS = 3000;

/** The subject of a status query: the ticket it is asked for. */
export function subjectOfTicket(operation: Operation, ticket: Ticket, refused: boolean, nowMs = 0): Subject {
  const { follows, learns = [], echo, query }: Partial<WriteOperation> = isWrite(operation) ? operation : {};
  const ownNumbers = learns.filter(name => ticket.reference[name] !== undefined);
  // An earlier try in the same second carried the same value: by then the row of this send is in the list as well.
  const isFresh = ticket.lastSentAt !== undefined && nowMs - Date.parse(ticket.lastSentAt) < ECHO_AFTER_MS;
  const echoed = isFresh ? undefined : echo?.(ticket);
  const endsWhenUnchangedForMs = ticket.seen ? query?.endsWhenUnchangedForMs : undefined;
  return {
    reference: ticket.reference,
    ...(ticket.expect !== undefined && { expect: ticket.expect }),
    follows: follows ?? 'payment',
    charge: ticket.charge === true,
    refused,
    ...(ticket.repeats === true && { repeats: true }),
    ...(endsWhenUnchangedForMs !== undefined && { endsWhenUnchangedForMs }),
    ...(ownNumbers.length > 0 && { ownNumbers }),
    ...(echoed !== undefined && { echo: echoed }),
    over: ticket.seen && ticket.expiresAt !== undefined && nowMs >= Date.parse(ticket.expiresAt) + OVER_AFTER_MS,
  };
}
