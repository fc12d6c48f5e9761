import { InputError } from '../core/errors.ts';
import { isWrite, type Operation } from '../core/operation.ts';
import type { Settlement } from '../core/settlement.ts';
import type { Ticket } from '../core/ticket.ts';
import type { Canceler } from '../engine/canceler.ts';
import type { Loop } from '../engine/loops.ts';
import type { Policy, ResolvedPolicy } from '../policies/policy.ts';
import type { GatewayParts } from './parts.ts';
import type { SettleCancel } from './cancel-at-deadline.ts';

/** What `policy.poll.cancelAtDeadline` comes to, at the doors that may send. */
export interface Canceling {
  /**
   * How a payment of this operation is canceled at its deadline; `undefined` where the policy does not say so, or it
   * has no cancel.
   *
   * @param ofTheCall the call's own policy
   * @throws {InputError} for a call's policy that says so of what cannot be canceled
   */
  of(who: string, operation: Operation, ofTheCall: Policy | undefined, policy: ResolvedPolicy): Canceler | undefined;
}

const DEFAULT_WITHIN_MS = 60_000;

/** @param settle by the gateway’s own door, which is made after this: it may cancel what it has sent */
export function createCanceling(parts: GatewayParts, settle: SettleCancel): Canceling {
  if (parts.policy.poll.cancelAtDeadline === true) withinMsOf(parts, 'createGateway', parts.policy);
  return {
    of(who, operation, ofTheCall, policy) {
      const cancel = isWrite(operation) ? operation.cancel : undefined;
      if (cancel === undefined) {
        if (ofTheCall?.poll?.cancelAtDeadline === true)
          throw new InputError(
            `${who}: poll.cancelAtDeadline has no effect, since nothing cancels this: leave it out. Nothing was sent.`,
          );
        return undefined;
      }
      if (policy.poll.cancelAtDeadline !== true) return undefined;
      const { sparesPaid = false } = cancel;
      const withinMs = withinMsOf(parts, who, policy);
      return {
        ...{ withinMs, sparesPaid },
        keep: ticket => parts.change(ticket, () => parts.registry.keepCancel(ticket)),
        // Most payments come to no deadline: what cancels them loads with the first one that does.
        async send(ticket, gate, signal) {
          const loaded = await import('./cancel-at-deadline.ts').catch(() => undefined);
          if (loaded === undefined) return { standing: 'not-sent' };
          return loaded.sendCancel({ parts, settle, cancel, withinMs }, ticket, gate, signal);
        },
        settled(sent, settlement) {
          if (sent.standing === 'unknown' && sent.ticket !== undefined) void keepEnd(parts, sent.ticket, settlement);
        },
      };
    },
  };
}

/** @throws {InputError} where a query that is answered late would leave no time to cancel */
function withinMsOf({ attemptTimeoutMs, clientOptions }: GatewayParts, who: string, policy: ResolvedPolicy): number {
  const oneMs = attemptTimeoutMs(policy, clientOptions.timeout);
  const isEndless = oneMs === Number.MAX_SAFE_INTEGER;
  const { cancelWithinMs: withinMs = isEndless ? DEFAULT_WITHIN_MS : Math.max(DEFAULT_WITHIN_MS, oneMs) } = policy.poll;
  if (withinMs >= oneMs) return withinMs;
  throw new InputError(
    `${who}: policy.poll.cancelWithinMs (${withinMs}) is shorter than one attempt may take (${isEndless ? 'no timeout' : oneMs}), and a slow query at the deadline would leave no time to cancel: raise it, or lower policy.attemptTimeoutMs. Nothing was sent.`,
  );
}

/** Ends of a payment that no money will come of: that is what a cancel asks for. */
const isOff: ReadonlySet<Settlement['outcome']> = new Set<Settlement['outcome']>([
  'canceled',
  'refunded',
  'expired',
  'failed',
]);

/** A cancel whose answer was lost is done, once the payment is off. */
async function keepEnd(
  { change, registry }: GatewayParts,
  ticket: Ticket,
  { outcome, verdict }: Settlement,
): Promise<void> {
  if (!isOff.has(outcome)) return;
  const done = { ...verdict, kind: 'terminal', outcome: 'succeeded' } as const;
  try {
    await change(ticket, () => registry.receiveVerdict(ticket, done, 'query'));
  } catch {
    // A journal that cannot be written has the cancel open: it is asked about.
  }
}

/** Whether a loop has left open what who joined it wants canceled. */
export const isLeftUncanceled = ({ intention }: Pick<Loop, 'intention'>, { outcome }: Settlement): boolean =>
  outcome === 'unresolved' && !intention.cancels;

/** @throws {InputError} for a gateway's policy that cancels where the provider has no cancel at all */
export function checkCancels(
  { name, operations }: { readonly name: string; readonly operations: Readonly<Record<string, Operation>> },
  policy: Policy | undefined,
): void {
  if (policy?.poll?.cancelAtDeadline !== true) return;
  if (Object.values(operations).some(operation => isWrite(operation) && operation.cancel !== undefined)) return;
  throw new InputError(
    `createGateway: policy.poll.cancelAtDeadline has no effect, since ${name} has no write that cancels another: leave it out.`,
  );
}

/** @throws {InputError} for who only asks: a policy that is silently ignored costs money */
export function refuseCancel(who: string, policy: Policy | undefined): void {
  if (policy?.poll?.cancelAtDeadline === true || policy?.poll?.cancelWithinMs !== undefined)
    throw new InputError(`${who}: it sends nothing, and poll.cancelAtDeadline has no effect: leave it out.`);
}
