import { orAbort } from '../clock.ts';
import { endsOfASendAlone } from '../core/decide.ts';
import { isWrite, type Operation } from '../core/operation.ts';
import type { Settlement } from '../core/settlement.ts';
import type { Hold } from '../engine/hold.ts';
import type { Intention } from '../engine/intention.ts';
import { attend, isAbandoned, isTakenOver, whenAtRest, whenEnded, type Loop } from '../engine/loops.ts';
import { responseOf } from '../engine/results.ts';
import { isLeftUncanceled } from './canceling.ts';
import type { MayBegin } from './entrance.ts';
import type { GatewayParts } from './parts.ts';
import type { FollowOptions, SettleOptions } from './options.ts';

/** One payment has one loop, and its callers join it. */
export interface Joining {
  /**
   * From here on callers of the same payment join this loop. Where there is a journal, they know its end once the
   * journal does.
   */
  begin(key: string | undefined, loop: Omit<Loop, 'callers' | 'hold'>, hold: Hold | undefined): Loop;
  /**
   * Waits for a loop as a caller who stores the ticket himself. `undefined`: it has ended, and the payment has not; he
   * goes on with the next loop.
   */
  follow(loop: Loop, options: FollowOptions): Promise<Settlement | undefined>;
  /**
   * The same, for a second caller of the same write. `undefined`: the way may be free, and he asks the registry again.
   * An intention: another process has taken it over, and he waits for that one.
   *
   * @param cancels what the other caller leaves open at his deadline, this one wants canceled at his
   */
  join(
    loop: Loop,
    operation: Operation,
    options: SettleOptions,
    cancels?: boolean,
  ): Promise<Settlement | Intention | undefined>;
  /**
   * What a caller is told whose write another process has taken over, and is through with: whatever that one told has
   * been heeded, and nothing more is sent for him.
   */
  passedOn(intention: Intention, admission: MayBegin, options: SettleOptions): Promise<Settlement>;
  /** A success whose answer no journal keeps: the gateway is asked for one, so that the drop-in has a response. */
  answered(settlement: Settlement, operation: Operation, options: SettleOptions): Promise<Settlement>;
}

/**
 * @param onSettled informed of each settlement
 * @param untilSettled how a second caller goes on when the first one's request has ended without a settlement
 */
export function createJoining(
  { registry, durable }: GatewayParts,
  onSettled: (settlement: Settlement) => void,
  untilSettled: (payment: Pick<Intention, 'ticket'>, options: FollowOptions) => Promise<Settlement>,
): Joining {
  return {
    begin(key, begun, hold) {
      const record = async (settlement?: Settlement): Promise<void> => {
        const keep = (): void => {
          if (key !== undefined) registry.conclude(key, loop, settlement);
        };
        if (hold !== undefined) await hold.conclude(keep, begun.intention, settlement);
        else if (key !== undefined) await durable?.change(begun.intention.ticket, keep);
      };
      const standing = (settlement: Settlement): Settlement =>
        hold?.isLost === true && saysNotBooked.has(settlement.outcome) ? begun.intention.unresolved() : settlement;
      const done = durable === undefined ? begun.done : recorded(begun.done, record, standing);
      const loop: Loop = { ...begun, done, hold, callers: 0 };
      hold?.begin();
      registry.begin(key, loop);
      loop.done.then(onSettled, () => undefined);
      return loop;
    },
    follow(loop, options) {
      if (isAbandoned(loop)) return ended(loop);
      const { sends } = loop.intention;
      return storing(loop, options, 'next', () => attend(loop, options)).then(
        settlement => (sends && endsOfASendAlone.has(settlement.outcome) ? undefined : settlement),
        (error: unknown) => {
          options.signal?.throwIfAborted();
          // How a caller's send failed, or that he left, says nothing about the payment.
          if (sends || isTakenOver(loop)) return undefined;
          throw error;
        },
      );
    },
    async join(loop, operation, options, cancels = false) {
      const { signal } = options;
      if (isAbandoned(loop)) return ended(loop);
      if (!loop.intention.sends) {
        await (signal === undefined ? whenAtRest(loop) : orAbort(whenAtRest(loop), signal));
        return undefined;
      }
      return storing(loop, options, 'now', () =>
        attend(loop, options).then(
          // "Unsent" is no end while a worker may send it, and this caller makes it his own; nor is what was to be canceled.
          settlement => {
            const isNoEnd = loop.hold?.isLeft === true || (cancels && isLeftUncanceled(loop, settlement));
            return isNoEnd ? undefined : settlement;
          },
          (error: unknown) => {
            signal?.throwIfAborted();
            if (loop.hold?.isLost === true) return loop.intention;
            if (loop.endsWithCallers) throw error;
            // The first caller went away before anything was sent.
            if (!loop.intention.exposed) return undefined;
            // Or in the middle; what he sent is still there to ask about.
            if (isWrite(operation) && operation.query !== undefined)
              return untilSettled(loop.intention, followOptionsOf(options));
            // Nothing can be asked: it is open, and not as the first caller's end.
            return loop.intention.unresolved(error);
          },
        ),
      );
    },
    async passedOn(intention, { type }, options) {
      if (type === 'fresh') return intention.unsent();
      const { operation } = intention;
      const canAsk = isWrite(operation) && operation.query !== undefined;
      return canAsk ? untilSettled(intention, followOptionsOf(options)) : intention.unresolved();
    },
    async answered(settlement, operation, options) {
      const canAsk = durable !== undefined && isWrite(operation) && operation.query !== undefined;
      if (!canAsk || settlement.outcome !== 'succeeded' || responseOf(settlement) !== undefined) return settlement;
      const asked = await untilSettled(settlement, followOptionsOf(options));
      return asked.outcome === 'succeeded' ? asked : settlement;
    },
  };
}

/** Ends that do not stand where another process has taken the write over: it may have sent it since. */
const saysNotBooked: ReadonlySet<Settlement['outcome']> = new Set<Settlement['outcome']>([
  'unsent',
  'rejected',
  'absent',
]);

/** Settles as the loop does, once `record` has resolved, with what stands then. */
const recorded = (
  done: Promise<Settlement>,
  record: (settlement?: Settlement) => Promise<void>,
  standing: (settlement: Settlement) => Settlement,
): Promise<Settlement> =>
  done.then(
    async settlement => {
      await record(settlement);
      return standing(settlement);
    },
    async (error: unknown) => {
      await record();
      throw error;
    },
  );

async function ended(loop: Loop): Promise<undefined> {
  await whenEnded(loop);
  return undefined;
}

function storing<T>(
  { intention }: Loop,
  { onTicket }: FollowOptions,
  from: 'now' | 'next',
  wait: () => Promise<T>,
): Promise<T> {
  if (onTicket === undefined) return wait();
  const forget = intention.alsoNotify(onTicket, from);
  return wait().finally(forget);
}

/** Of what `settle` takes, what matters to a caller who only follows. */
const followOptionsOf = ({ signal, onProgress, policy, onTicket }: SettleOptions): FollowOptions => ({
  ...(signal !== undefined && { signal }),
  ...(onProgress !== undefined && { onProgress }),
  ...(policy !== undefined && { policy }),
  ...(onTicket !== undefined && { onTicket }),
});

/** Nothing is to be sent: the ticket is handed out, and nothing waits until it is stored. */
export function repeated(settlement: Settlement, { onTicket }: SettleOptions): Settlement {
  Promise.resolve(settlement.ticket)
    .then(onTicket)
    .catch(() => undefined);
  return settlement;
}
