import { InputError } from '../core/errors.ts';
import type { StartingPayment } from '../policies/policy.ts';

/** Which payments have a history in common: the name of a payment's group, by what is known when it starts. */
export type GroupBy = (payment: StartingPayment) => string;

/** By the write, and whether the money is taken in the call: a scanned code is another matter than a QR code. */
export const byOperation: GroupBy = ({ operation, charge }) =>
  charge === true ? `${operation} in the call` : operation;

/**
 * By the write, and the amount: up to each of these, or above all.
 *
 * @param edges amounts in the currency's own unit, each larger than the one before
 * @throws {InputError}
 */
export function byAmount(edges: readonly number[]): GroupBy {
  const isRising = (given: unknown): boolean =>
    Array.isArray(given) &&
    given.length > 0 &&
    given.every((edge: unknown, at) => typeof edge === 'number' && edge > (edges[at - 1] ?? 0));
  if (!isRising(edges))
    throw new InputError('byAmount: pass one amount or more, as numbers in rising order, such as [100, 1000].');
  return payment => {
    const { amount, currency = '' } = payment.expect ?? {};
    const edge = amount === undefined ? undefined : edges.find(each => Number(amount) <= each);
    const band = amount === undefined ? 'of any amount' : edge === undefined ? 'above' : `up to ${edge}`;
    return [byOperation(payment), band, currency].filter(text => text !== '').join(' ');
  };
}

/**
 * By the write, and the hour in which it was opened.
 *
 * @param timeZone such as `Asia/Hong_Kong`
 * @throws {InputError} for a time zone that there is not
 */
export function byHour(timeZone: string): GroupBy {
  let hours: Intl.DateTimeFormat;
  try {
    hours = new Intl.DateTimeFormat('en', { timeZone, hour: '2-digit', hourCycle: 'h23' });
  } catch {
    throw new InputError('byHour: pass a time zone, such as Asia/Hong_Kong.');
  }
  return payment => `${byOperation(payment)} ${hours.format(Date.parse(payment.openedAt))} h`;
}
