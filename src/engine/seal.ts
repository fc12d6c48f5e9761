import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import { InputError, TicketError } from '../core/errors.ts';
import type { Fields } from '../core/operation.ts';
import type { Ticket } from '../core/ticket.ts';
import { timingSafeEqual } from '../kit/timing-safe.ts';

/** A key of the merchant's own that seals tickets: one that was changed where it is stored is then refused. */
export interface TicketSeal {
  /** Secret: 32 bytes or more, or a text of 32 characters or more, best from a random generator. */
  key: string | Uint8Array;
  /** Keys that sealed tickets before. Their tickets are taken, and sealed with `key` when they go out again. */
  previousKeys?: readonly (string | Uint8Array)[];
  /**
   * Tickets without a seal are taken until then: those that were stored before there was a key. ISO 8601, or a `Date`.
   * Default: none is taken.
   */
  acceptUnsealedUntil?: string | Date;
}

/** The one place where tickets, and what holds them, are sealed as they leave, and looked at as they come in. */
export interface Sealer {
  /** @param opened the ticket as it came in: without a key, its seal stays only while nothing has changed */
  seal(ticket: Ticket, opened?: Ticket): Ticket;
  /** @throws {TicketError} for a ticket that was changed since it was sealed, or has no seal */
  check(ticket: Ticket): void;
  /** An open payment as it leaves. */
  sealOpen<T extends Sealed>(open: T): T;
  /** @throws {TicketError} for an open payment that was changed since it was sealed, or has no seal */
  checkOpen(open: Sealed): void;
}

interface Sealed {
  readonly seal?: string;
}

const SHORTEST_KEY = 32;

/** @throws {InputError} for a key that is too short, or a time that is none; no key is ever quoted */
export function createSealer(options: TicketSeal | undefined, now: () => number): Sealer {
  if (options === undefined) return withoutKey;
  if (typeof options !== 'object' || (options as unknown) === null)
    throw new InputError('createGateway: ticketSeal must be an object with a key.');
  const { previousKeys = [], acceptUnsealedUntil } = options;
  if (!Array.isArray(previousKeys))
    throw new InputError('createGateway: ticketSeal.previousKeys must be a list of keys.');
  const who = 'createGateway';
  const key = bytesOf(who, options.key, 'ticketSeal.key');
  const keys = [key, ...previousKeys.map((each: string | Uint8Array) => bytesOf(who, each, 'ticketSeal.previousKeys'))];
  const unsealedUntilMs = acceptUnsealedUntil === undefined ? -Infinity : new Date(acceptUnsealedUntil).getTime();
  if (Number.isNaN(unsealedUntilMs))
    throw new InputError('createGateway: ticketSeal.acceptUnsealedUntil must be a time in ISO 8601, or a Date.');

  const check = (what: 'ticket' | 'open payment', sealed: Sealed): void => {
    const { seal } = sealed;
    if (seal === undefined) {
      if (now() <= unsealedUntilMs) return;
      throw new TicketError(
        `This ${what} has no seal, and this gateway takes sealed ones only: pass the ${what} exactly as it was given, or set ticketSeal.acceptUnsealedUntil for older ones.`,
      );
    }
    if (keys.some(each => timingSafeEqual(sealOf(what, sealed, each), seal))) return;
    throw new TicketError(
      `This ${what} is not as it was sealed: it was changed, or sealed with a key that is neither ticketSeal.key nor among previousKeys. Look who can write where your tickets are kept.`,
    );
  };

  return {
    seal: ticket => ({ ...ticket, seal: sealOf('ticket', ticket, key) }),
    check: ticket => check('ticket', ticket),
    sealOpen: open => ({ ...open, seal: sealOf('open payment', open, key) }),
    checkOpen: open => check('open payment', open),
  };
}

/** What a ticket's seal says of it. */
export type SealState =
  /** It is as it was sealed. */
  | 'right'
  /** The same, by one of `previousKeys`. */
  | 'right-by-previous-key'
  /** It was changed since, or sealed with another key. */
  | 'wrong'
  /** It has none. */
  | 'missing';

/**
 * Looks at the seal of a ticket without a gateway: who can write where tickets are kept may have changed one.
 *
 * @param ticket as `parseTicket` gives it
 * @throws {InputError} for a key that is too short; no key is ever quoted
 */
export function checkTicketSeal(
  ticket: Ticket,
  { key, previousKeys = [] }: Pick<TicketSeal, 'key' | 'previousKeys'>,
): SealState {
  const { seal } = ticket;
  const isBy = (each: string | Uint8Array, name: string): boolean =>
    timingSafeEqual(sealOf('ticket', ticket, bytesOf('checkTicketSeal', each, name)), seal ?? '');
  const isRight = isBy(key, 'key');
  const isOlder = previousKeys.map(each => isBy(each, 'previousKeys')).includes(true);
  if (seal === undefined) return 'missing';
  return isRight ? 'right' : isOlder ? 'right-by-previous-key' : 'wrong';
}

/** Without a key no seal can be renewed: what has changed goes out without one, rather than with a wrong one. */
const withoutKey: Sealer = {
  seal(ticket, opened) {
    if (ticket.seal === undefined || ticket === opened) return ticket;
    const { seal: _outdated, ...rest } = ticket;
    return rest;
  },
  check: () => undefined,
  sealOpen: open => open,
  checkOpen: () => undefined,
};

function bytesOf(who: string, key: unknown, name: string): Uint8Array {
  const bytes = typeof key === 'string' ? utf8ToBytes(key) : key instanceof Uint8Array ? key.slice() : undefined;
  const length = typeof key === 'string' ? key.length : (bytes?.length ?? 0);
  if (bytes === undefined || length < SHORTEST_KEY)
    throw new InputError(`${who}: ${name} must be at least ${SHORTEST_KEY} bytes, or a text of as many characters.`);
  return bytes;
}

/** Over every field but the seal itself, in one order, so that a store may write them in another. */
function sealOf(what: 'ticket' | 'open payment', { seal: _own, ...rest }: Sealed, key: Uint8Array): string {
  return bytesToHex(hmac(sha256, key, utf8ToBytes(`tillpaid ${what} ${canonical(rest)}`)));
}

function canonical(ticket: object): string {
  return JSON.stringify(ticket, (_name, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.entries(value as Fields)
          .filter(([, each]) => each !== undefined)
          .sort(([one], [other]) => (one < other ? -1 : 1))
      : value,
  );
}
