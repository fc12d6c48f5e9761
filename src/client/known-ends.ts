import { reconcile } from '../core/doctrine.ts';
import { isWrite, type Operation } from '../core/operation.ts';
import type { Settlement } from '../core/settlement.ts';
import type { Ticket } from '../core/ticket.ts';
import type { Outcome, Verdict } from '../core/verdict.ts';
import type { Adapter } from '../kit/adapter.ts';
import { MOST_SETTLED, type End, type Ends } from './ends.ts';
import { keepNewest } from './keep-newest.ts';

/** What is known of a payment before its notice comes. */
export interface Known {
  readonly ticket: Ticket;
  /** It was sent from here, or its ticket followed: when it was opened is known, and not only from a notice. */
  readonly followed: boolean;
}

/** How a payment ended, in the payment's own words: a cancel that succeeded is remembered as a canceled payment. */
export interface Settled extends Known {
  readonly outcome: Settlement['outcome'];
  readonly verdict: Verdict;
}

/** The ends that a notice is held against: those of this gateway object, and those of earlier notices. */
export interface KnownEnds {
  readonly remember: (operation: Operation, facts: Settled) => void;
  readonly recall: (operation: Operation, reference: Ticket['reference']) => Settled | undefined;
}

export function knownEnds(adapter: Adapter, ends: Ends): KnownEnds {
  /** By each of its numbers. */
  const memory = new Map<string, Settled>();

  const keysOf = (operation: Operation, reference: Readonly<Record<string, string | undefined>>): string[] =>
    Object.entries(reference).flatMap(([name, value]) =>
      value === undefined ? [] : [JSON.stringify([familyOf(operation), name, value])],
    );

  const find = (operation: Operation, reference: Ticket['reference']): Settled | undefined =>
    keysOf(operation, reference)
      .map(key => memory.get(key))
      .find(found => found !== undefined && isSamePayment(found.ticket.reference, reference));

  const keep = (operation: Operation, facts: Settled): void => {
    for (const key of keysOf(operation, facts.ticket.reference)) {
      memory.delete(key);
      memory.set(key, facts);
    }
    keepNewest(memory, MOST_SETTLED);
  };

  const keepEnd = ({ ticket, outcome, verdict }: End): void => {
    const operation = adapter.operations[ticket.operation];
    if (operation === undefined) return;
    if (isOfItself(operation)) return keep(operation, { ticket, followed: true, outcome, verdict });
    const ofPayment = paymentWord(operation, outcome);
    if (ofPayment === undefined) return;
    const known = find(operation, ticket.reference);
    if (known !== undefined && reconcile(known.outcome, ofPayment).outcome === known.outcome) return;
    keep(operation, {
      ticket,
      followed: true,
      outcome: ofPayment,
      verdict: { ...verdict, kind: 'terminal', outcome: ofPayment },
    });
  };

  return {
    remember(operation, facts) {
      ends.take().forEach(keepEnd);
      keep(operation, facts);
    },
    recall(operation, reference) {
      ends.take().forEach(keepEnd);
      return find(operation, reference);
    },
  };
}

const isOutcome = (outcome: Settlement['outcome']): outcome is Outcome =>
  !['absent', 'unresolved', 'unsent'].includes(outcome);

/** A payment or a refund: what is said of it is said of nothing else. */
export const isOfItself = (operation: Operation): boolean => ['payment', 'refund'].includes(kindOf(operation));

/**
 * What an end means for the payment: one that was canceled by a cancel is canceled; a cancel or capture that failed
 * says nothing of it.
 */
export function paymentWord(operation: Operation, outcome: Settlement['outcome']): Outcome | undefined {
  if (isOfItself(operation)) return isOutcome(outcome) ? outcome : undefined;
  if (outcome !== 'succeeded') return undefined;
  return kindOf(operation) === 'cancel' ? 'canceled' : 'succeeded';
}

export const kindOf = (operation: Operation): string =>
  isWrite(operation) ? (operation.follows ?? 'payment') : 'read';

/**
 * Writes that are asked about by the same query speak of the same thing: a payment, its cancel and its capture; a
 * refund; a binding.
 */
export const familyOf = (operation: Operation): string =>
  (isWrite(operation) ? operation.query?.operation : undefined) ?? operation.name;

/** They share a number, and no number tells them apart. */
export function isSamePayment(one: Readonly<Record<string, string>>, other: Readonly<Record<string, string>>): boolean {
  const shared = Object.keys(one).filter(name => Object.hasOwn(other, name));
  return shared.length > 0 && shared.every(name => one[name] === other[name]);
}
