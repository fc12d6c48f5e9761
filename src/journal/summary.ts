import { printable } from '../core/printable.ts';
import type { Settlement } from '../core/settlement.ts';
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
  /** ISO 8601. */
  readonly openedAt: string;
  /** When a worker looks at it next. ISO 8601. Missing: never by itself. */
  readonly dueAt?: string;
  /** The last that is known. */
  readonly outcome?: Settlement['outcome'];
  /** Why it is parked, and what to do. */
  readonly parked?: { readonly reason: string; readonly advice: string; readonly at: string; readonly from: RowState };
  /** How many deliveries `onSettled` has still to take. */
  readonly deliveriesWaiting: number;
  /** How often in a row `onSettled` has failed. */
  readonly failures: number;
}

export function summaryOf({ id, account, state, openedAtMs, dueAtMs, data }: Row): RowSummary {
  const { ticket, entry, deliveries, failures, parked, told } = data;
  const isOpen = isOpenState(state === 'parked' && parked !== undefined ? parked.from : state);
  // That it was not sent, or is not there, was told before it was sent again.
  const last = isOpen && told !== 'created' ? undefined : told;
  const outcome = entry?.state === 'settled' ? entry.last.outcome : (deliveries.at(-1)?.settlement.outcome ?? last);
  const reference = Object.fromEntries(
    Object.entries(ticket.reference).map(([name, value]) => [printable(name), printable(value)]),
  );
  return {
    ...{ id: printable(id), correlationId: correlationOfRow(data) },
    ...{ gateway: printable(ticket.gateway), account: printable(account) },
    ...{ operation: printable(ticket.operation), reference, state, openedAt: isoOf(openedAtMs) },
    ...(dueAtMs !== undefined && { dueAt: isoOf(dueAtMs) }),
    ...(outcome !== undefined && { outcome }),
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
  };
}

/** The id of a row's payment. */
export const correlationOfRow = ({ ticket: { gateway: name, account, environment }, key }: RowData): string =>
  correlationOf({ name, account, environment }, key);

/** A time of no date there is, from a clock gone wrong, is the last one there is. */
const LAST_MS = 8.64e15;
export const isoOf = (ms: number): string => new Date(Math.max(-LAST_MS, Math.min(LAST_MS, ms))).toISOString();
