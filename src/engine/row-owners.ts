import type { Owners } from '../core/subject.ts';
import { isSameMoney, type Ticket } from '../core/ticket.ts';
import { providerNumbersOf, type Operations } from './identity.ts';
import type { Intention } from './intention.ts';
import type { Loops } from './loops.ts';
import type { PaymentStore } from './payment-store.ts';

/**
 * Whose a row of a list is, for a payment that is looked for in it: the provider's numbers tell, and where the row has
 * none that is known, every other open payment that it could be of.
 *
 * @param ownKey the payment's own key
 */
export function rowOwners(
  ticket: Ticket,
  ownKey: string | undefined,
  { operations, loops, store }: { operations: Operations; loops: Loops; store: PaymentStore },
): Owners {
  const others = (): Intention[] => Array.from(loops.all(ownKey), ({ intention }) => intention);
  const isRival = (other: Ticket, row: readonly (readonly [string, string])[]): boolean =>
    other.operation === ticket.operation &&
    isNamedBy(row, other) &&
    providerNumbersOf(operations, other).length === 0 &&
    isSameMoney(ticket, other);
  return {
    isKnownElsewhere(reference) {
      const row = { operation: ticket.operation, reference: Object.fromEntries(stated(reference)) };
      const numbers = providerNumbersOf(operations, row);
      const isOwned = numbers.some(number => (store.ownerOf(number) ?? ownKey) !== ownKey);
      return isOwned || others().some(other => knowsOneOf(numbers, operations, other));
    },
    mayBelongToOther(reference) {
      const row = stated(reference);
      for (const { key, ticket: open } of store.open()) if (key !== ownKey && isRival(open, row)) return true;
      return others().some(other => other.exposed && isRival(other.ticket, row));
    },
  };
}

const knowsOneOf = (numbers: readonly string[], operations: Operations, { operation, reference }: Intention): boolean =>
  providerNumbersOf(operations, { operation: operation.name, reference }).some(number => numbers.includes(number));

/** Equal but for what the row does not tell: it names both of them, and the other one has not found its own. */
const isNamedBy = (row: readonly (readonly [string, string])[], { reference }: Ticket): boolean =>
  row.some(([name, value]) => reference[name] === value) &&
  row.every(([name, value]) => (reference[name] ?? value) === value);

const stated = (reference: Readonly<Record<string, string | undefined>>): [string, string][] =>
  Object.entries(reference).filter((pair): pair is [string, string] => pair[1] !== undefined);
