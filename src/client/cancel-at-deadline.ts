import { noLongerNeeded } from '../clock.ts';
import { faultOf } from '../core/adapter-fault.ts';
import type { CancelStanding, DeadlineCancel } from '../core/cancel.ts';
import { isReferenceInUseError } from '../core/errors.ts';
import type { Fields, OwnCancel } from '../core/operation.ts';
import type { Settlement } from '../core/settlement.ts';
import type { Ticket } from '../core/ticket.ts';
import type { CancelGate } from '../engine/canceler.ts';
import type { GatewayParts } from './parts.ts';
import type { SettleOptions } from './options.ts';

/** Sends it by the usual door, and ends with its send. */
export type SettleCancel = (
  operation: string,
  fields: Fields,
  options: SettleOptions,
  gate: CancelGate,
) => Promise<Settlement>;

interface Sending {
  readonly parts: GatewayParts;
  readonly settle: SettleCancel;
  readonly cancel: OwnCancel;
  readonly withinMs: number;
}

/**
 * Sends the cancel of one payment as the write that it is: with its own ticket, evidence, row in the journal, and
 * memory of what was sent before. It ends with its send: the payment's own query says what came of it.
 */
export async function sendCancel(
  { parts, settle, cancel, withinMs }: Sending,
  payment: Ticket,
  gate: CancelGate,
  signal: AbortSignal,
): Promise<DeadlineCancel> {
  const made = writeOf(parts, cancel, payment);
  if (made === undefined) return { standing: 'not-sent' };
  const { operation, fields } = made;
  const known: { isOurs: boolean; hasLeft: boolean; ticket?: Ticket } = { isOurs: false, hasLeft: false };
  const left = (): void => {
    known.hasLeft = true;
    gate.left();
  };
  // The other half of the time is for the payment's own query.
  const deadlineMs = Math.floor(withinMs / 2);
  const bound = boundBy(parts, deadlineMs, signal);
  try {
    const settlement = await settle(
      operation,
      fields,
      {
        signal: bound.signal,
        policy: { poll: { deadlineMs, cancelAtDeadline: false } },
        onTicket: given => void (known.ticket = given),
      },
      { ...gate, left, begins: () => void (known.isOurs = true) },
    );
    return {
      operation,
      standing: standingOf(settlement),
      verdict: settlement.ownVerdict ?? settlement.verdict,
      ticket: settlement.ticket,
    };
  } catch (error) {
    // Another cancel is on its way, here or in another process that was waited for.
    const mayHaveLeft = known.hasLeft || isReferenceInUseError(error) || (bound.isOver() && !known.isOurs);
    if (!mayHaveLeft) return { operation, standing: 'not-sent' };
    return { operation, standing: 'unknown', ...(known.ticket !== undefined && { ticket: known.ticket }) };
  } finally {
    bound.end();
  }
}

/** @returns `undefined` where the ticket does not know enough, or the adapter threw */
function writeOf(
  { reportFault }: GatewayParts,
  { operation, fields }: OwnCancel,
  payment: Ticket,
): { readonly operation: string; readonly fields: Fields } | undefined {
  try {
    const given = fields(payment);
    return given && { operation: typeof operation === 'string' ? operation : operation(payment), fields: given };
  } catch (error) {
    reportFault(faultOf(payment.operation, 'cancel.fields', error, [payment.reference]));
    return undefined;
  }
}

/** None of these says how the payment ended. */
const standings: Readonly<Record<Settlement['outcome'], CancelStanding>> = {
  succeeded: 'accepted',
  failed: 'refused',
  rejected: 'refused',
  unsent: 'not-sent',
  // It may be on its way: the payment is asked.
  unresolved: 'unknown',
  absent: 'unknown',
  created: 'unknown',
  authorized: 'unknown',
  canceled: 'unknown',
  expired: 'unknown',
  refunded: 'unknown',
};

/** Refused for now, however often it was sent: nothing was done. */
const standingOf = ({ outcome, verdict }: Settlement): CancelStanding =>
  outcome === 'rejected' && verdict.kind === 'retryable' ? 'unprocessed' : standings[outcome];

/** A signal that aborts with another one, and after so long. */
function boundBy(
  { engine: { clock } }: GatewayParts,
  forMs: number,
  signal: AbortSignal,
): { readonly signal: AbortSignal; readonly isOver: () => boolean; readonly end: () => void } {
  const controller = new AbortController();
  let isOver = false;
  const stop = (): void => controller.abort(signal.reason);
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  const cancel = clock.timer(forMs, () => {
    isOver = true;
    controller.abort(noLongerNeeded);
  });
  return {
    signal: controller.signal,
    isOver: () => isOver,
    end() {
      cancel();
      signal.removeEventListener('abort', stop);
    },
  };
}
