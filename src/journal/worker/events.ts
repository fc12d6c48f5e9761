import type { Settlement } from '../../core/settlement.ts';
import type { RowSummary } from '../summary.ts';

/** What `onEvent` of a worker gets: plain JSON, without secrets. */
export type WorkerEvent = {
  readonly at: string;
  /** That of the row's payment in all events: see `AboutPayment`. Missing: it is of no payment. */
  readonly correlationId?: string;
} & WorkerFact;

export type WorkerFact =
  /** The journal's store failed; the worker goes on by itself. */
  | { readonly type: 'store-error'; readonly during: string; readonly message: string; readonly retryInMs: number }
  /** The worker was paused beyond its lease, or could not renew it: what it had taken is not its any more. */
  | { readonly type: 'lease-ended'; readonly rows: number }
  /** No gateway of this worker serves the account: its rows stay where they are. */
  | { readonly type: 'unserved'; readonly account: string; readonly rows: number }
  /** A newer release wrote the row: it is left to its workers, with its own time. */
  | { readonly type: 'newer'; readonly id: string; readonly version: number; readonly adapterVersion: number }
  /** Somebody else changed the row meanwhile, such as a notice: it is looked at again. */
  | { readonly type: 'changed-elsewhere'; readonly id: string }
  /** What the gateway has said is stored: it is delivered next. */
  | { readonly type: 'settled'; readonly id: string; readonly outcome: Settlement['outcome'] }
  /** `onSettled` has taken it. */
  | { readonly type: 'delivered'; readonly id: string; readonly deliveryId: string }
  /** `onSettled` threw, or took too long: it is called again. */
  | {
      readonly type: 'delivery-failed';
      readonly id: string;
      readonly deliveryId: string;
      readonly failures: number;
      readonly message: string;
    }
  /** Nothing more is done for it until a person has looked at it: `row.parked` says why, and what to do. */
  | { readonly type: 'parked'; readonly row: RowSummary }
  /** A bug of tillpaid's or an adapter's: the row is looked at again later. */
  | { readonly type: 'fault'; readonly id: string; readonly message: string };

/** What a worker says of itself: plain JSON. */
export interface WorkerHealth {
  readonly running: boolean;
  /** When it last looked for due rows, and the journal answered. ISO 8601. Missing: not yet. */
  readonly lastTurnAt?: string;
  /** Rows taken since the start. */
  readonly taken: number;
  /** Rows that a gateway was asked about, or sent for. */
  readonly asked: number;
  readonly settled: number;
  /** Deliveries that `onSettled` has taken. */
  readonly delivered: number;
  /** Calls of `onSettled` that failed. */
  readonly failures: number;
  readonly parked: number;
  /** Rows that are being worked on now. */
  readonly inHand: number;
  /** How late the oldest due row of its accounts is, in milliseconds, as of the last count: every 15 seconds or more. */
  readonly lagMs: number;
  /** Accounts with due rows that no gateway of this worker serves. */
  readonly unserved: readonly { readonly account: string; readonly rows: number }[];
  /** Times it has left a row of a newer release alone. */
  readonly newer: number;
  /** Text without secrets. */
  readonly lastError?: { readonly at: string; readonly during: string; readonly message: string };
}
