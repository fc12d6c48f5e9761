import type { DeadlineCancel } from '../core/cancel.ts';
import type { Settlement } from '../core/settlement.ts';
import type { Ticket } from '../core/ticket.ts';

/** How one payment is canceled at its deadline: by the payment's own cancel, as a write of its own. */
export interface Canceler {
  /** How long after the deadline the cancel and its confirmation may take. */
  readonly withinMs: number;
  readonly sparesPaid: boolean;
  /**
   * Sends it, once. Never rejects for what the gateway, the network or the adapter does.
   *
   * @param signal ends it, when the payment's own loop ends
   */
  readonly send: (ticket: Ticket, gate: CancelGate, signal: AbortSignal) => Promise<DeadlineCancel>;
  /** The payment has ended, and the gateway's word on it says how the cancel did, where its answer had not. */
  readonly settled: (cancel: DeadlineCancel, settlement: Settlement) => void;
}

/** The payment's word on its cancel, which may come until the last byte is about to leave. */
export interface CancelGate {
  /** Whether it may still leave: nobody has said meanwhile how the payment ended. */
  readonly isOpen: () => boolean;
  /** Its bytes are leaving. */
  readonly left: () => void;
  /** It was answered; so long nothing is to be sent, nor asked. */
  readonly answered: (retryAfterMs: number | undefined) => void;
}
