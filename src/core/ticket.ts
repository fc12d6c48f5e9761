import { decimalOf } from './decimal.ts';

/**
 * Plain JSON that names an open payment well enough to ask about it later, on any machine. It holds no secret.
 */
export interface Ticket {
  version: 1;
  /** The adapter's name. */
  gateway: string;
  /** The merchant account; a ticket is asked about only through the same one. */
  account: string;
  environment: string;
  /** The base URL, when it is not the provider's own. */
  baseUrl?: string;
  /** The write this ticket follows. */
  operation: string;
  /** The merchant's numbers first, the provider's once known. */
  reference: Record<string, string>;
  /** ISO 8601. */
  openedAt: string;
  /**
   * When the last send left. Without it no send is known to have left, and following the ticket never ends in `absent`.
   * ISO 8601.
   */
  lastSentAt?: string;
  /** When the order stops being payable. ISO 8601. */
  expiresAt?: string;
  /** The gateway has acknowledged the order. */
  seen: boolean;
  /** Status queries so far. */
  polls: number;
  /** The money was taken in the call (scanned code, token): a decline is final. */
  charge?: true;
  /** The order's number may have been used before: what is found under it may be an earlier try's. */
  repeats?: true;
  /**
   * Redelivered without the ticket of its first run: it may have been sent before `openedAt`, and the age of its key is
   * not known.
   */
  ageUnknown?: true;
  /**
   * A cancel was sent at its deadline, and may still give back by then what its query calls paid: until then that is no
   * end. ISO 8601.
   */
  mayBeGivenBackUntil?: string;
  expect?: { amount: string; currency?: string };
  /** Proves that the ticket was not changed, where the gateway has a `ticketSeal`; elsewhere it means nothing. */
  seal?: string;
}

/** The most a text in a ticket may measure, a base URL included; every provider's own limit is far below. */
const LONGEST_TEXT = 256;

/** What a ticket can hold, and be read with again. */
export const isTicketText = (value: unknown): value is string =>
  typeof value === 'string' && value !== '' && value.length <= LONGEST_TEXT && value.isWellFormed();

/** The later one of two times, as far as they are known. */
export const latest = (...times: readonly (string | undefined)[]): string | undefined =>
  times
    .filter(at => at !== undefined)
    .sort()
    .at(-1);

/** Whether two tickets expect the same amount and currency, as far as both say. */
export const isSameMoney = ({ expect: one }: Ticket, { expect: other }: Ticket): boolean =>
  one === undefined ||
  other === undefined ||
  (decimalOf(one.amount) === decimalOf(other.amount) &&
    (one.currency === undefined || other.currency === undefined || one.currency === other.currency));
