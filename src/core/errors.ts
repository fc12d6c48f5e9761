import { conceal } from './conceal.ts';
import { printable } from './printable.ts';
import { quotable } from './quotable.ts';
import type { Settlement } from './settlement.ts';
import type { Ticket } from './ticket.ts';

/**
 * Every error tillpaid throws. A declined payment is an answer and is returned; these are for bad input, and for
 * callers of the drop-in client, whose old success test must never see an answer that does not mean success.
 *
 * Printed, none of them shows what was sent or answered: `settlement` and what a cause holds of a request are there by
 * name alone.
 */

/**
 * Bad input, refused before anything is sent: unknown operation, missing field, impossible duration, malformed
 * credentials.
 */
export class InputError extends Error {
  override readonly name = 'InputError';

  constructor(message: string, options?: ErrorOptions) {
    super(printable(message), options);
    conceal(this);
  }
}

/** A ticket that cannot be used here: of another version, gateway, account, environment or base URL, or incomplete. */
export class TicketError extends Error {
  override readonly name = 'TicketError';

  constructor(message: string, options?: ErrorOptions) {
    super(printable(message), options);
    conceal(this);
  }
}

/** The payment is still open: ask again with `gateway.untilSettled(error.ticket)`. It has not failed. */
export class UnresolvedError extends Error {
  override readonly name = 'UnresolvedError';
  readonly ticket: Ticket;
  /** What is known so far, once the loop has ended. */
  readonly settlement: Settlement | undefined;

  constructor(ticket: Ticket, settlement?: Settlement, options?: ErrorOptions) {
    super(
      `${describe(ticket)} is unresolved: it may have been processed. Ask again with untilSettled(error.ticket); do not send a new one.`,
      options,
    );
    this.ticket = ticket;
    this.settlement = settlement;
    conceal(this);
  }
}

/** The write was settled, but not by its own answer and not as a success: see `error.settlement`. */
export class SettledError extends Error {
  override readonly name = 'SettledError';
  readonly settlement: Settlement;

  constructor(settlement: Settlement, options?: ErrorOptions) {
    const { outcome, verdict, ticket } = settlement;
    super(
      `${describe(ticket)} ended ${outcome} (${verdict.reason}, code ${printable(verdict.code)})${quoted(verdict.message)}: see error.settlement.`,
      options,
    );
    this.settlement = settlement;
    conceal(this);
  }
}

/** Something tried to send a write again without proof that the first one was not taken. Nothing was sent. */
export class ResendRefusedError extends Error {
  override readonly name = 'ResendRefusedError';
  readonly ticket: Ticket;
  /** How the write had ended, when it had. */
  readonly settlement: Settlement | undefined;

  constructor(ticket: Ticket, settlement?: Settlement, options?: ErrorOptions) {
    super(
      `${describe(ticket)}: a second send was refused, since the first may have been processed. ` +
        (settlement === undefined
          ? 'Ask with untilSettled(error.ticket).'
          : `It had ended ${settlement.outcome}; see error.settlement.`),
      options,
    );
    this.ticket = ticket;
    this.settlement = settlement;
    conceal(this);
  }
}

/** A loop for this reference is running with other fields, or was left open with others. Nothing was sent. */
export class ReferenceInUseError extends Error {
  override readonly name = 'ReferenceInUseError';
  readonly ticket: Ticket;

  constructor(ticket: Ticket) {
    super(
      `${describe(ticket)} is being settled with other fields, or was left open with others: nothing was sent. ` +
        'Follow that payment with untilSettled(error.ticket). Use one reference for one intention.',
    );
    this.ticket = ticket;
  }
}

function quoted(message = ''): string {
  const text = quotable(message);
  return text === '' ? '' : `, "${text}"`;
}

const describe = (ticket: Ticket): string =>
  printable(`${ticket.gateway} ${ticket.operation} ${Object.values(ticket.reference)[0] ?? '(no reference)'}`);

/** Whatever tillpaid throws. */
export type TillpaidError =
  | InputError
  | TicketError
  | UnresolvedError
  | SettledError
  | ResendRefusedError
  | ReferenceInUseError;

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

const isTicketLike = (value: unknown): boolean =>
  isObject(value) &&
  value['version'] === 1 &&
  typeof value['gateway'] === 'string' &&
  typeof value['operation'] === 'string' &&
  isObject(value['reference']);

const isSettlementLike = (value: unknown): boolean =>
  isObject(value) &&
  typeof value['outcome'] === 'string' &&
  isObject(value['verdict']) &&
  isTicketLike(value['ticket']);

type Payload = Readonly<Record<string, (value: unknown) => boolean>>;

const named =
  <E extends Error>(name: string, payload: Payload = {}) =>
  (error: unknown): error is E =>
    error instanceof Error &&
    error.name === name &&
    Object.entries(payload).every(([key, isThere]) =>
      isThere((error as unknown as Readonly<Record<string, unknown>>)[key]),
    );

type Guard<E extends Error> = (error: unknown) => error is E;

const maybe =
  (isThere: (value: unknown) => boolean) =>
  (value: unknown): boolean =>
    value === undefined || isThere(value);

/**
 * Guards by name and payload, so that they hold across copies of the package, and what a true one promises is there.
 * Another client may have wrapped the error (axios gives its own the name of ours, and nothing else): {@link
 * findTillpaidError} finds it.
 */
export const isInputError: Guard<InputError> = named('InputError');
export const isTicketError: Guard<TicketError> = named('TicketError');
export const isUnresolvedError: Guard<UnresolvedError> = named('UnresolvedError', {
  ticket: isTicketLike,
  settlement: maybe(isSettlementLike),
});
export const isSettledError: Guard<SettledError> = named('SettledError', { settlement: isSettlementLike });
export const isResendRefusedError: Guard<ResendRefusedError> = named('ResendRefusedError', {
  ticket: isTicketLike,
  settlement: maybe(isSettlementLike),
});
export const isReferenceInUseError: Guard<ReferenceInUseError> = named('ReferenceInUseError', { ticket: isTicketLike });

/** With a payload first: a wrapper that took an error's name alone passes for one without. */
const guards: readonly Guard<TillpaidError>[] = [
  isUnresolvedError,
  isSettledError,
  isResendRefusedError,
  isReferenceInUseError,
  isInputError,
  isTicketError,
];

/** Where clients put the error they wrap. */
const wrapping = ['cause', 'error', 'originalError', 'errors'] as const;

/** More than any wrapping that means something. */
const MOST_WRAPPED = 100;

/**
 * Our error inside what another client made of it, the outermost first: it looks into `cause`, `error`, `originalError`
 * and `errors`.
 *
 * @example
 * ```ts
 * const ours = findTillpaidError(error);
 * if (isUnresolvedError(ours)) store(ours.ticket);
 * ```
 */
export function findTillpaidError(error: unknown): TillpaidError | undefined {
  const queue: unknown[] = [error];
  for (let at = 0; at < queue.length; at++) {
    const each = queue[at];
    if (isOurs(each)) return each;
    const inner = wrapping
      .flatMap(key => memberOf(each, key))
      .filter(found => isObject(found) && !queue.includes(found));
    queue.push(...inner.slice(0, MOST_WRAPPED - queue.length));
  }
  return undefined;
}

const isOurs = (error: unknown): error is TillpaidError => {
  try {
    return guards.some(guard => guard(error));
  } catch {
    return false;
  }
};

/** A wrapper's property may be a getter, and throw. */
function memberOf(value: unknown, key: string): unknown {
  try {
    return isObject(value) ? value[key] : undefined;
  } catch {
    return undefined;
  }
}
