import type { Settlement } from './settlement.ts';
import type { Ticket } from './ticket.ts';

/**
 * Every error tillpaid throws. A declined payment is an answer and is returned; these are for bad input, and for callers
 * of the drop-in client, whose old success test must never see an answer that does not mean success.
 */

/** Bad input, refused before anything is sent: unknown operation, missing field, impossible duration, malformed credentials. */
export class InputError extends Error {
  override readonly name = 'InputError';
}

/** A ticket that cannot be used here: of another version, gateway, account, environment or base URL, or incomplete. */
export class TicketError extends Error {
  override readonly name = 'TicketError';
}

/** The payment is still open: ask again with `gateway.untilSettled(error.ticket)`. It has not failed. */
export class UnresolvedError extends Error {
  override readonly name = 'UnresolvedError';
  readonly ticket: Ticket;
  /** What is known so far, once the loop has ended. */
  readonly settlement: Settlement | undefined;

  constructor(ticket: Ticket, settlement?: Settlement, options?: ErrorOptions) {
    super(`${describe(ticket)} is unresolved: it may have been processed. Ask again with untilSettled(error.ticket); do not send a new one.`, options);
    this.ticket = ticket;
    this.settlement = settlement;
  }
}

/** The write was settled, but not by its own answer and not as a success: see `error.settlement`. */
export class SettledError extends Error {
  override readonly name = 'SettledError';
  readonly settlement: Settlement;

  constructor(settlement: Settlement, options?: ErrorOptions) {
    const { outcome, verdict, ticket } = settlement;
    super(`${describe(ticket)} ended ${outcome} (${verdict.reason}, code ${verdict.code}): see error.settlement.`, options);
    this.settlement = settlement;
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
        (settlement === undefined ? 'Ask with untilSettled(error.ticket).' : `It had ended ${settlement.outcome}; see error.settlement.`),
      options,
    );
    this.ticket = ticket;
    this.settlement = settlement;
  }
}

/** A loop for this reference is running with other fields, or was left open with others. Nothing was sent. */
export class ReferenceInUseError extends Error {
  override readonly name = 'ReferenceInUseError';
  readonly ticket: Ticket;

  constructor(ticket: Ticket) {
    super(`${describe(ticket)} is being settled with other fields, or was left open with others. Use one reference for one intention.`);
    this.ticket = ticket;
  }
}

const describe = (ticket: Ticket): string =>
  `${ticket.gateway} ${ticket.operation} ${Object.values(ticket.reference)[0] ?? '(no reference)'}`;

const named =
  <E extends Error>(name: string) =>
  (error: unknown): error is E =>
    error instanceof Error && error.name === name;

type Guard<E extends Error> = (error: unknown) => error is E;

/** Guards by name, so that they hold across copies of the package. */
export const isInputError: Guard<InputError> = named('InputError');
export const isTicketError: Guard<TicketError> = named('TicketError');
export const isUnresolvedError: Guard<UnresolvedError> = named('UnresolvedError');
export const isSettledError: Guard<SettledError> = named('SettledError');
export const isResendRefusedError: Guard<ResendRefusedError> = named('ResendRefusedError');
export const isReferenceInUseError: Guard<ReferenceInUseError> = named('ReferenceInUseError');
