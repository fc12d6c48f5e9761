import { printable } from '../core/printable.ts';
import type { Settlement } from '../core/settlement.ts';
import type { Ticket } from '../core/ticket.ts';
import type { Verdict } from '../core/verdict.ts';
import { isOpenState } from './row-content.ts';
import { correlationOf } from '../engine/correlation.ts';
import type { Row, RowData, RowState } from './store.ts';

/** A row in plain words, for people: JSON that may be printed and logged. */
export interface RowSummary {
  readonly id: string;
  /** That of the payment in all events and spans: see `AboutPayment`. */
  readonly correlationId: string;
  readonly gateway: string;
  /** As the journal knows it: what `list({ account })` takes. */
  readonly account: string;
  readonly operation: string;
  /** The merchant's numbers first, the provider's once known. */
  readonly reference: Readonly<Record<string, string>>;
  readonly state: RowState;
  /** The amount, in the provider's unit, and the currency, as far as the write says them. */
  readonly expect?: NonNullable<Ticket['expect']>;
  /** ISO 8601. */
  readonly openedAt: string;
  /** When the row last changed. ISO 8601. */
  readonly changedAt: string;
  /** When a worker looks at it next. ISO 8601. Missing: never by itself. */
  readonly dueAt?: string;
  /** The last that is known. */
  readonly outcome?: Settlement['outcome'];
  /** The gateway's last word on it, as far as it is stored. */
  readonly verdict?: Pick<Verdict, 'code' | 'reason' | 'message'>;
  /** Why it is parked, and what to do. */
  readonly parked?: { readonly reason: string; readonly advice: string; readonly at: string; readonly from: RowState };
  /** How many deliveries `onSettled` has still to take. */
  readonly deliveriesWaiting: number;
  /** How often in a row `onSettled` has failed. */
  readonly failures: number;
  /** Whether a process is busy with it now. */
  readonly isHeld: boolean;
}

export function summaryOf(row: Row): RowSummary {
  const { id, account, state, openedAtMs, changedAtMs, dueAtMs, isHeld, data } = row;
  const { ticket, entry, deliveries, failures, parked, told } = data;
  const isOpen = isOpenState(state === 'parked' && parked !== undefined ? parked.from : state);
  // That it was not sent, or is not there, was told before it was sent again.
  const last = isOpen && told !== 'created' ? undefined : told;
  const outcome = entry?.state === 'settled' ? entry.last.outcome : (deliveries.at(-1)?.settlement.outcome ?? last);
  const reference = Object.fromEntries(
    Object.entries(ticket.reference).map(([name, value]) => [printable(name), printable(value)]),
  );
  const verdict = entry?.state === 'settled' ? entry.last.verdict : deliveries.at(-1)?.settlement.verdict;
  const { expect } = ticket;
  return {
    ...{ id: printable(id), correlationId: correlationOfRow(data) },
    ...{ gateway: printable(ticket.gateway), account: printable(account) },
    ...{ operation: printable(ticket.operation), reference, state },
    ...(expect !== undefined && { expect: printableMoney(expect) }),
    ...{ openedAt: isoOf(openedAtMs), changedAt: isoOf(changedAtMs) },
    ...(dueAtMs !== undefined && { dueAt: isoOf(dueAtMs) }),
    ...(outcome !== undefined && { outcome }),
    ...(verdict !== undefined && { verdict: printableVerdict(verdict) }),
    ...(parked !== undefined &&
      state === 'parked' && {
        parked: {
          reason: printable(parked.reason),
          advice: printable(parked.advice),
          at: isoOf(parked.atMs),
          from: parked.from,
        },
      }),
    deliveriesWaiting: deliveries.length,
    failures,
    isHeld,
  };
}

/** The id of a row's payment. */
export const correlationOfRow = ({ ticket: { gateway: name, account, environment }, key }: RowData): string =>
  correlationOf({ name, account, environment }, key);

const printableMoney = ({ amount, currency }: NonNullable<Ticket['expect']>): NonNullable<RowSummary['expect']> => ({
  amount: printable(amount),
  ...(currency !== undefined && { currency: printable(currency) }),
});

const printableVerdict = ({ code, reason, message }: Verdict): NonNullable<RowSummary['verdict']> => ({
  code: printable(code),
  reason,
  ...(message !== undefined && { message: printable(message) }),
});

/** A time of no date there is, from a clock gone wrong, is the last one there is. */
const LAST_MS = 8.64e15;
export const isoOf = (ms: number): string => new Date(Math.max(-LAST_MS, Math.min(LAST_MS, ms))).toISOString();
