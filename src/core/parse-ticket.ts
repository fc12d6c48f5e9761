import { TicketError } from './errors.ts';
import { isTicketText, type Ticket } from './ticket.ts';

/** The most numbers a ticket goes by; every provider's are fewer. */
const MOST_REFERENCES = 20;

/** Longer than the JSON of the longest ticket there can be. */
const LONGEST_JSON = 100_000;

function refuse(why: string): never {
  throw new TicketError(
    `Not a ticket this version can use: ${why}. Pass the ticket exactly as onTicket or a settlement gave it.`,
  );
}

/** Reads one part of a ticket. @throws {TicketError} naming the part */
type ReadPart = (given: unknown, name: string) => unknown;

const must =
  (isRight: (given: unknown) => boolean, otherwise: string): ReadPart =>
  (given, name) =>
    isRight(given) ? given : refuse(`${name} ${otherwise}`);

const mayBe =
  (read: ReadPart): ReadPart =>
  (given, name) =>
    given === undefined ? undefined : read(given, name);

/** A whole ISO 8601 time: `Date.parse` alone takes a digit for a month. */
const isTime = (given: unknown): boolean =>
  isTicketText(given) && /^(?:19[7-9]|[2-8]\d\d)\d-\d{2}-\d{2}T/.test(given) && !Number.isNaN(Date.parse(given));

const text = must(isTicketText, 'is missing');
const time = must(isTime, 'is not a time');
const flag = mayBe(must(given => given === true, 'is not true'));

/** In the order in which a ticket is written. */
const parts: Readonly<Record<keyof Ticket, ReadPart>> = {
  version: given =>
    given === 1 ? given : refuse(`its version is ${typeof given === 'number' ? String(given) : 'missing'}, known is 1`),
  gateway: text,
  account: text,
  environment: text,
  baseUrl: mayBe(must(isTicketText, 'is not a URL')),
  operation: text,
  reference: referenceOf,
  openedAt: time,
  lastSentAt: mayBe(time),
  expiresAt: mayBe(time),
  seen: must(given => typeof given === 'boolean', 'is not true or false'),
  polls: must(given => Number.isSafeInteger(given) && (given as number) >= 0, 'is not a count'),
  charge: flag,
  repeats: flag,
  ageUnknown: flag,
  mayBeGivenBackUntil: mayBe(time),
  expect: mayBe(expectOf),
  seal: mayBe(must(isTicketText, 'is not a text')),
};

/**
 * Reads a ticket from an untrusted place: an object, or its JSON.
 *
 * @throws {TicketError} for anything that is not a ticket of a version this tillpaid knows
 */
export function parseTicket(input: unknown): Ticket {
  const found = typeof input === 'string' ? jsonOf(input) : input;
  if (!isRecord(found)) return refuse('it is not an object');
  if (!('version' in found) && ('ticket' in found || 'then' in found))
    return refuse(
      'then' in found ? 'it is a promise, so await it' : 'what was passed only has one, so pass its .ticket',
    );
  const ticket: Partial<Record<keyof Ticket, unknown>> = {};
  for (const [name, read] of Object.entries(parts) as [keyof Ticket, ReadPart][]) {
    const value = read(Object.hasOwn(found, name) ? found[name] : undefined, name);
    if (value !== undefined) ticket[name] = value;
  }
  return ticket as Ticket;
}

function jsonOf(text: string): unknown {
  if (text.length > LONGEST_JSON) return refuse('it is longer than any ticket');
  try {
    return JSON.parse(text);
  } catch {
    return refuse('it is not JSON');
  }
}

const isRecord = (given: unknown): given is Readonly<Record<string, unknown>> =>
  typeof given === 'object' && given !== null && !Array.isArray(given);

function referenceOf(given: unknown): Record<string, string> {
  if (!isRecord(given)) return refuse('reference is missing');
  const pairs: [string, string][] = [];
  // One by one, and no further than a ticket's reference goes: a ticket from outside may have a million.
  for (const name in given) {
    const number = Object.hasOwn(given, name) ? given[name] : undefined;
    if (pairs.length === MOST_REFERENCES) return refuse('reference is too large');
    if (!isTicketText(number) || !isTicketText(name) || name === '__proto__')
      return refuse('a reference is not a text');
    pairs.push([name, number]);
  }
  return pairs.length === 0 ? refuse('reference is empty') : Object.fromEntries(pairs);
}

function expectOf(given: unknown): Ticket['expect'] {
  const { amount, currency } = isRecord(given) ? given : {};
  if (!isTicketText(amount) || (currency !== undefined && !isTicketText(currency)))
    return refuse('expect has no amount');
  return { amount, ...(currency !== undefined && { currency }) };
}
