import { TicketError } from './errors.ts';
import { isTicketText, type Ticket } from './ticket.ts';

/** The most numbers a ticket goes by; every provider's are fewer. */
const MOST_REFERENCES = 20;

/** Longer than the JSON of the longest ticket there can be. */
const LONGEST_JSON = 100_000;

/** A whole ISO 8601 time: `Date.parse` alone takes a digit for a month. */
const isTime = (value: unknown): value is string =>
  isTicketText(value) && /^(?:19[7-9]|[2-8]\d\d)\d-\d{2}-\d{2}T/.test(value) && !Number.isNaN(Date.parse(value));

/**
 * Reads a ticket from an untrusted place: an object, or its JSON.
 *
 * @throws {TicketError} for anything that is not a ticket of a version this tillpaid knows
 */
export function parseTicket(input: unknown): Ticket {
  const refuse = (why: string): never => {
    throw new TicketError(
      `Not a ticket this version can use: ${why}. Pass the ticket exactly as onTicket or a settlement gave it.`,
    );
  };
  let value = input;
  if (typeof value === 'string') {
    if (value.length > LONGEST_JSON) return refuse('it is longer than any ticket');
    try {
      value = JSON.parse(value);
    } catch {
      refuse('it is not JSON');
    }
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return refuse('it is not an object');
  const found = value as Record<string, unknown>;
  const own = (key: string): unknown => (Object.hasOwn(found, key) ? found[key] : undefined);

  if (own('version') !== 1)
    refuse(`its version is ${typeof own('version') === 'number' ? String(own('version')) : 'missing'}, known is 1`);
  const text = (key: string): string => {
    const given = own(key);
    return isTicketText(given) ? given : refuse(`${key} is missing`);
  };
  const referenceGiven = own('reference');
  if (typeof referenceGiven !== 'object' || referenceGiven === null || Array.isArray(referenceGiven))
    return refuse('reference is missing');
  const pairs: [string, string][] = [];
  // One by one, and no further than a ticket's reference goes: somebody else may have written a million.
  for (const key in referenceGiven) {
    const given = Object.hasOwn(referenceGiven, key) ? (referenceGiven as Record<string, unknown>)[key] : undefined;
    if (pairs.length === MOST_REFERENCES) return refuse('reference is too large');
    if (!isTicketText(given) || !isTicketText(key) || key === '__proto__') return refuse('a reference is not a text');
    pairs.push([key, given]);
  }
  if (pairs.length === 0) return refuse('reference is empty');
  const openedAt = own('openedAt');
  if (!isTime(openedAt)) return refuse('openedAt is not a time');
  const [lastSentAt, expiresAt] = (['lastSentAt', 'expiresAt'] as const).map(key => {
    const given = own(key);
    if (given !== undefined && !isTime(given)) return refuse(`${key} is not a time`);
    return given;
  });
  const seen = own('seen');
  if (typeof seen !== 'boolean') return refuse('seen is not true or false');
  const polls = own('polls');
  if (typeof polls !== 'number' || !Number.isSafeInteger(polls) || polls < 0) return refuse('polls is not a count');
  const [charge, repeats, ageUnknown] = (['charge', 'repeats', 'ageUnknown'] as const).map(key => {
    const given = own(key);
    if (given !== undefined && given !== true) return refuse(`${key} is not true`);
    return given;
  });
  const baseUrl = own('baseUrl');
  if (baseUrl !== undefined && !isTicketText(baseUrl)) return refuse('baseUrl is not a URL');
  const expect = own('expect');
  const amount = expect === undefined ? undefined : (expect as Record<string, unknown> | null)?.['amount'];
  const currency = expect === undefined ? undefined : (expect as Record<string, unknown> | null)?.['currency'];
  if (expect !== undefined && (!isTicketText(amount) || (currency !== undefined && !isTicketText(currency))))
    return refuse('expect has no amount');

  const seal = own('seal');
  if (seal !== undefined && !isTicketText(seal)) return refuse('seal is not a text');

  return {
    version: 1,
    gateway: text('gateway'),
    account: text('account'),
    environment: text('environment'),
    ...(baseUrl !== undefined && { baseUrl }),
    operation: text('operation'),
    reference: Object.fromEntries(pairs),
    openedAt,
    ...(lastSentAt !== undefined && { lastSentAt }),
    ...(expiresAt !== undefined && { expiresAt }),
    seen,
    polls,
    ...(charge === true && { charge }),
    ...(repeats === true && { repeats }),
    ...(ageUnknown === true && { ageUnknown }),
    ...(isTicketText(amount) && { expect: { amount, ...(isTicketText(currency) && { currency }) } }),
    ...(seal !== undefined && { seal }),
  };
}
