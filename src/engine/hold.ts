import type { Settlement } from '../core/settlement.ts';
import type { Ticket } from '../core/ticket.ts';

/** What a loop has carried out, as far as a journal asks. */
export interface Carried {
  readonly ticket: Ticket;
  /** A send may have reached the gateway, or did. */
  readonly exposed: boolean;
}

/** A write that this object may send, as long as no other process has taken it over. */
export interface Hold {
  /** Another process has it: nothing more is sent from here. */
  readonly isLost: boolean;
  /** The circuit has held it back, and it stays prepared: a worker sends it later, unless a caller does. */
  readonly isLeft: boolean;
  /** A loop begins on it. */
  begin(): void;
  /**
   * Bytes are about to leave: resolves when that is durable. `false`: they may not leave now, since a notice came or
   * another process has it.
   *
   * @param forMs how long the attempt may take: the lease holds longer
   * @throws what the store throws: nothing may leave
   */
  leaving(ticket: Ticket, forMs: number): Promise<boolean>;
  /** Whether the lease still holds for so long: asked in the very moment before the bytes leave. */
  mayLeave(forMs: number): boolean;
  /**
   * Stores what an answer has told of a payment that is still open: a process that dies forgets nothing of it.
   *
   * @returns whether it is stored: the row may have changed, or the store has failed
   */
  learnt(ticket: Ticket): Promise<boolean>;
  /**
   * Stores how the loop ended, before its callers know.
   *
   * @param keep puts it into the registry
   */
  conclude(keep: () => void, loop: Carried, settlement: Settlement | undefined): Promise<void>;
}
