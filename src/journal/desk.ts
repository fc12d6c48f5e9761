import { InputError } from '../core/errors.ts';
import type { Row, RowContent } from './store.ts';

/** A gateway object's side of its journal. */
export interface Desk {
  /** Whose rows it can serve: the `account` of a row. */
  readonly account: string;
  /** The lease that it needs, in milliseconds. */
  readonly leaseMs: number;
  /** The user's clock. */
  readonly clock: { now(): number };
  /**
   * What a worker does with a row that it has taken: one status query at most, or the one send of a prepared write. What
   * it resolves to is then stored by the worker, with what was delivered meanwhile.
   *
   * Never rejects for what the gateway, the network or the row does.
   */
  takeUp(row: Row): Promise<RowContent>;
}

/** The desk of a gateway. @throws {InputError} for a gateway that was made without a journal */
export function deskOf(gateway: object): Desk {
  const desk = desks.get(gateway);
  if (desk === undefined)
    throw new InputError('createWorker: a gateway has no journal. Make it with createGateway({ adapter, journal }).');
  return desk;
}

const desks = new WeakMap<object, Desk>();
