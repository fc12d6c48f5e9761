import { InputError } from '../../core/errors.ts';
import type { JournalStore, Row, RowContent } from '../store.ts';

/** A gateway object's side of its journal. */
export interface Desk {
  /** Whose rows it can serve: the `account` of a row. */
  readonly account: string;
  /** Of its adapter: rows that a newer one wrote are not taken up. */
  readonly adapterVersion: number;
  /** Of its journal. A worker on another one is refused. */
  readonly store: JournalStore;
  /** The lease that it needs, in milliseconds. */
  readonly leaseMs: number;
  /** The user's clock. */
  readonly clock: { now(): number };
  /**
   * What a worker does with a row that it has taken: one status query at most, or the begin of the one send of a prepared
   * write. What it resolves to is then stored by the worker, with what was delivered meanwhile; `undefined`: nothing is,
   * since the row is the gateway's own by now.
   *
   * Never rejects for what the gateway, the network or the row does.
   */
  takeUp(row: Row, tenure: Tenure): Promise<RowContent | undefined>;
  /** Resolves when none of the writes that it was given to send is on its way. Default: there are none. */
  idle?(): Promise<void>;
}

/** What a worker knows of the row that it hands out. */
export interface Tenure {
  /**
   * How long the worker's lease is good at least, in milliseconds: by the larger of monotonic and wall time since it was
   * asked for. Nothing is sent with less of it left than an attempt may take.
   */
  readonly leftMs: () => number;
  /** Aborts when the worker was stopped and will wait no longer. */
  readonly signal: AbortSignal;
}

/** The desk of a gateway. @throws {InputError} for a gateway that was made without a journal */
export function deskOf(gateway: object): Desk {
  const desk = desks.get(gateway);
  if (desk === undefined)
    throw new InputError('createWorker: a gateway has no journal. Make it with createGateway({ adapter, journal }).');
  return desk;
}

/** A gateway has a desk from when it is made. */
export function putDesk(gateway: object, desk: Desk): void {
  desks.set(gateway, desk);
}

const desks = new WeakMap<object, Desk>();
