import type { Advice, CodeTable } from './code-table.ts';
import { InputError } from './errors.ts';
import type { Exchange, Reading } from './exchange.ts';
import type { Ticket } from './ticket.ts';
import type { Effect } from './verdict.ts';

/**
 * What a provider's API does, as data: enough to say what any answer of it means. How its requests are made and signed
 * is the kit's.
 */

/** A request's fields by name. */
export type Fields = Readonly<Record<string, unknown>>;

/** What a required field must be. */
export interface FieldCheck {
  /** Completes the sentence "must be …". */
  readonly expects: string;
  readonly accepts: (value: unknown) => boolean;
  /**
   * Of an amount: whether it is written so that an answer's could be compared with it. One that is not is refused in the
   * drop-in too, where the gateway judges all other fields. Default: it is no amount.
   */
  readonly readable?: (value: unknown) => boolean;
}

/** How a request carries its fields. `query`: in the URL. */
export type Encoding = 'json' | 'form' | 'query';

/** How a request is made. */
export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** How a provider treats a second send with the same reference. */
export type SameReference =
  /** Answers the first send's result again: a re-send cannot act twice. */
  | 'replays'
  /** Refuses it as a duplicate: a re-send cannot act twice, and its answer proves that the first one landed. */
  | 'refuses'
  /** Not documented: never re-sent after a send that may have landed, unless the policy opts in. */
  | 'unknown';

/** What a status query's state means depends on the write that is followed. */
export type Follows = 'payment' | 'cancel' | 'capture' | 'refund';

/** Names of operations that only ask. */
export type ReadName = `${string}.query` | `${string}.list`;

type OptionalKeys<F> = Exclude<keyof F & string, RequiredKeys<F>>;

type RequiredKeys<F> = { [K in keyof F]-?: undefined extends F[K] ? never : K }[keyof F] & string;

interface OperationBase<F> {
  /**
   * The path below the base URL; `{name}` is filled from the fields, `{name:a|b}` with one of these: the first, unless
   * the field says otherwise.
   */
  readonly path: string;
  /** Default `POST`. The fields of a `GET` travel in the query, those of every other method in the body. */
  readonly method?: Method;
  /** How this operation's request carries its fields, when not as the adapter's first encoding. */
  readonly encoding?: Encoding;
  /** A check for every required field. */
  readonly required: { readonly [K in RequiredKeys<F>]: FieldCheck };
  /**
   * The names of the other fields, as far as they are known: a field that nearly is one of them is refused by `settle`.
   * Default: none.
   */
  readonly optional?: readonly OptionalKeys<F>[];
  /** What each code means for this operation. */
  readonly codes: CodeTable | ((exchange: Exchange) => CodeTable);
  /** Reads an answer of this operation, when the adapter's own `read` does not. */
  readonly read?: (exchange: Exchange) => Reading | readonly Reading[];
  /** Tells apart operations that share a method and a path. Default: they match. */
  readonly match?: (fields: Fields) => boolean;
  /**
   * Fields that stay here: the ticket, a signature or `read` needs them, and the provider has no such field. Under these
   * names nothing is sent; `body` finds them in its context, and may sign them or send them under another name.
   */
  readonly unsent?: readonly (keyof F & string)[];
  /** `false`: tables only, no confirmed path; it is classified but never sent. */
  readonly sendable?: boolean;
}

/** An operation that only asks. */
export interface ReadOperation<F = Fields> extends OperationBase<F> {
  /** Reference names this query's own fields stand for, so that an answer about another order is noticed. */
  readonly reference?: Readonly<Record<string, string>>;
}

/** An operation that changes something at the provider. */
export interface WriteOperation<F = Fields> extends OperationBase<F> {
  /** The fields that identify the intention, the merchant's own number first; or what to call them in the ticket. */
  readonly reference: readonly (keyof F & string)[] | ((fields: F) => Readonly<Record<string, string | undefined>>);
  /**
   * What makes two requests one intention: a new number of the merchant's own, by its reference name, unique among the
   * writes that share its `space`; or (`target`) the order that the write acts upon. Without a number, two intentions
   * differ only by an idempotency key. Default: `target` for a cancel, else the first name of `reference`, in a space
   * that is this operation's alone.
   */
  readonly identity?: 'target' | { readonly number?: string; readonly space?: string };
  /**
   * The payer or the merchant may try again under one number, so that what is found under it may belong to an earlier
   * try (doctrine 13). Default `false`.
   */
  readonly numberRepeats?: (fields: F) => boolean;
  /**
   * What only this send carries and the provider repeats in its rows: a row with it belongs to this send, whatever its
   * time.
   */
  readonly echo?: (ticket: Ticket) => string | undefined;
  /**
   * How long the request can still succeed at all (a scanned payment code lives a minute), in milliseconds. Where the
   * provider replays, one "not found" permits a second send until then. Default: not known for a charge, which is then
   * not sent again; for an order or a refund, until the order expires or the provider forgets the number.
   */
  readonly chargeableForMs?: (fields: F) => number | undefined;
  /** Names the provider's answers may add to the reference; the first is the provider's own number. */
  readonly learns?: readonly string[];
  /** How to ask about it. Without one it can only be answered in the call. */
  readonly query?: StatusQuery;
  /**
   * How to look for it while the ticket lacks what `query` needs, such as a list by time. Asked last, when nothing else
   * is left.
   */
  readonly lookUp?: StatusQuery;
  /** Default `payment`. */
  readonly follows?: Follows;
  readonly sameReference: SameReference;
  /** The amount and currency an answer must speak of. */
  readonly expect?: (fields: F) => { amount: string; currency?: string } | undefined;
  /** How long the order stays payable from when it was opened, in milliseconds. */
  readonly payableForMs?: (fields: F, openedAtMs: number) => number | undefined;
  /**
   * How long an order without a known end of its life is followed from when it was opened, in milliseconds. Default: to
   * the policy's deadline.
   */
  readonly followedForMs?: number;
  /**
   * From the call to the last status query where a payer waits at a till, in milliseconds. Default: the policy's
   * deadline, which is also used where the user set anything about deadlines or absence.
   */
  readonly deadlineMs?: number;
  /** The money is taken in the call (scanned code, token). Default: the operation is named `.charge`. */
  readonly charge?: (fields: F) => boolean;
  /**
   * Sent with an idempotency key, remembered for so many milliseconds; past that the write is only looked up. With a
   * `header` every send carries it there; without one, `body` or `headers` must put `context.idempotencyKey` where the
   * provider reads it.
   */
  readonly idempotencyKey?: { readonly rememberedForMs: number; readonly header?: string };
  /** The payer needs this write's own answer (a link, a QR code). Default `false`. */
  readonly payerNeedsAnswer?: (fields: F) => boolean;
  /** How a payment that is still open at the deadline is canceled, where the policy says so. Default: it cannot be. */
  readonly cancel?: OwnCancel;
  /**
   * Fields that are neither secret nor personal, whatever they hold: a journal may store them, so that a worker can send
   * this write later. A write whose given fields are not all storable cannot be prepared. Default: none.
   */
  readonly storable?: readonly (keyof F & string)[];
}

/** How a payment is canceled by another write. */
export interface OwnCancel {
  /** The write that cancels it, which has `follows: 'cancel'`. */
  readonly operation: string | ((ticket: Ticket) => string);
  /** That write's fields, or `undefined` when the ticket does not know enough. */
  readonly fields: (ticket: Ticket) => Fields | undefined;
  /**
   * The provider refuses to cancel what is paid: "paid" then stands at once, whatever became of the cancel. Default
   * `false`: the cancel of a paid order may give the money back.
   */
  readonly sparesPaid?: boolean;
}

/** How a write's outcome is asked about. */
export interface StatusQuery {
  readonly operation: ReadName;
  /** The query's fields, or `undefined` when the ticket does not know enough to ask. */
  readonly fields: (ticket: Ticket, nowMs: number) => Fields | undefined;
  /**
   * The ticket lacks a field that the provider may insist on: a query that was refused is then not repeated, and only a
   * notice can settle the payment. Default `false`.
   */
  readonly incomplete?: (ticket: Ticket) => boolean;
  /**
   * The query shows one state per order, that of its last try, and none per try. Where an order that was seen open
   * shows the same end for so long, this charge has ended so, although nothing in the answer says which try it is about
   * (doctrine 13). Milliseconds, default never.
   */
  readonly endsWhenUnchangedForMs?: number;
  /**
   * How long the provider answers for an order; after that "not found" means nothing. Milliseconds, default forever.
   */
  readonly answersForMs?: number;
  /** How one request asks about many orders at once, for `policy.poll.batch`. Default: each is asked about alone. */
  readonly batch?: BatchQuery;
}

/**
 * One request that asks about many orders. Only what its answer shows for sure is taken from it: an order that it does
 * not show is asked about alone, and is never "not found" because of it.
 */
export interface BatchQuery {
  /** The most orders in one request: 2 or more, and so few that they fit into one page of the answer. */
  readonly most: number;
  /** The read that asks about many. Default: the status query's own. */
  readonly operation?: ReadName;
  /**
   * The fields of the one request. It is also called with each order alone: `undefined` there keeps that order out;
   * `undefined` for several keeps those apart.
   */
  readonly fields: (orders: readonly { readonly ticket: Ticket; readonly fields: Fields }[]) => Fields | undefined;
  /**
   * The body that the order's own query would have been answered, cut out of this one: nothing of another order may be
   * in it. `undefined` where the answer does not show the whole of the order for sure: it names it in no row, its page
   * is full, or it is no list.
   *
   * @param own the fields of the order's own query
   * @param sent those of the one request
   */
  readonly part: (body: unknown, own: Fields, sent: Fields) => unknown;
}

/** An operation as the loops see it. */
export type Operation = (ReadOperation | WriteOperation) & { readonly name: string; readonly effect: Effect };

/** What of an adapter the doctrine looks at. */
export interface Tables {
  readonly name: string;
  readonly operations: Readonly<Record<string, Operation>>;
  readonly read: (exchange: Exchange) => Reading | readonly Reading[];
  readonly advice?: Advice | undefined;
}

/** Whether an operation is a write, for the compiler. */
export function isWrite(
  operation: Operation,
): operation is WriteOperation & { readonly name: string; readonly effect: 'write' } {
  return operation.effect === 'write';
}

/**
 * Whether two names mean one request: equal fields then go to the same place as the same bytes, and are asked about in
 * the same way, whichever of the names is used.
 */
export function isSameRequest({ operations }: Pick<Tables, 'operations'>, one: string, other: string): boolean {
  if (one === other) return true;
  const [a, b] = [one, other].map(name => (Object.hasOwn(operations, name) ? operations[name] : undefined));
  if (a === undefined || b === undefined || !isWrite(a) || !isWrite(b)) return false;
  const isThere = a.path === b.path && (a.method ?? 'POST') === (b.method ?? 'POST');
  return isThere && a.follows === b.follows && a.query?.operation === b.query?.operation;
}

/** The operation of that name. @throws {InputError} naming the operations there are */
export function operationOf(adapter: Omit<Tables, 'read'>, name: unknown): Operation {
  const operation =
    typeof name === 'string' && Object.hasOwn(adapter.operations, name) ? adapter.operations[name] : undefined;
  if (operation === undefined) {
    throw new InputError(
      `${adapter.name} has no operation ${JSON.stringify(String(name).slice(0, 60))}. Known: ${Object.keys(adapter.operations).join(', ')}.`,
    );
  }
  return operation;
}
