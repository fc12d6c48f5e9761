import type { DeadlineCancel } from '../core/cancel.ts';
import type { Settlement } from '../core/settlement.ts';
import type { Ticket } from '../core/ticket.ts';

/** How one payment is canceled at its deadline: by the payment's own cancel, as a write of its own. */
export interface Canceler {
  /** How long after the deadline the cancel and its confirmation may take. */
  readonly withinMs: number;
  readonly sparesPaid: boolean;
  /**
   * Keeps beside its open payment that a cancel may give the money back, where no hold does.
   *
   * @throws what the journal throws: then none may leave
   */
  readonly keep: (ticket: Ticket) => unknown;
  /**
   * Sends it, once. Never rejects for what the gateway, the network or the adapter does.
   *
   * @param signal ends it, when the payment's own loop ends
   */
  readonly send: (ticket: Ticket, gate: CancelGate, signal: AbortSignal) => Promise<DeadlineCancel>;
  /** The payment has ended, and the gateway's word on it says how the cancel did, where its answer had not. */
  readonly settled: (cancel: DeadlineCancel, settlement: Settlement) => void;
}

/** So long what the query before a cancel has shown is good enough to cancel by. */
export const QUERY_HOLDS_MS = 3000;

/** The payment's word on its cancel, which may come until the last byte is about to leave. */
export interface CancelGate {
  /** Whether it may still leave: the query before it is not long ago, and nobody has said since how the payment ended. */
  readonly isOpen: () => boolean;
  /** It is this call's to send, and nobody has sent it before. */
  readonly begins: () => void;
  /** Its bytes are leaving. */
  readonly left: () => void;
  /** It was answered; so long nothing is to be sent, nor asked. */
  readonly answered: (retryAfterMs: number | undefined) => void;
}
