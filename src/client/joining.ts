import { isWrite, type Operation } from '../core/operation.ts';
import type { Settlement } from '../core/settlement.ts';
import type { Intention } from '../engine/intention.ts';
import { attend, type Loop } from '../engine/loops.ts';
import type { Desk } from './desk.ts';
import type { FollowOptions, SettleOptions } from './options.ts';

/** One payment has one loop, and its callers join it. */
export interface Joining {
  /** From here on callers of the same payment join this loop. */
  begin(key: string | undefined, loop: Omit<Loop, 'callers'>): Loop;
  /** Waits for a loop as a caller who stores the ticket himself. */
  follow(loop: Loop, options: FollowOptions): Promise<Settlement>;
  /** The same, for a second caller of the same write. */
  join(loop: Loop, operation: Operation, options: SettleOptions): Promise<Settlement>;
}

/**
 * @param onSettled informed of each settlement
 * @param untilSettled how a second caller goes on when the first one's request has ended without a settlement
 */
export function createJoining(
  { registry }: Desk,
  onSettled: (settlement: Settlement) => void,
  untilSettled: (intention: Intention, options: FollowOptions) => Promise<Settlement>,
): Joining {
  return {
    begin(key, begun) {
      const loop: Loop = { ...begun, callers: 0 };
      registry.begin(key, loop);
      loop.done.then(onSettled, () => undefined);
      return loop;
    },
    follow: (loop, options) => storing(loop, options, 'next', () => attend(loop, options)),
    join: (loop, operation, options) =>
      storing(loop, options, 'now', () =>
        attend(loop, options).catch((error: unknown) => {
          options.signal?.throwIfAborted();
          // The first caller went away in the middle; what he sent is still there to ask about.
          if (isWrite(operation) && operation.query !== undefined && !loop.endsWithCallers)
            return untilSettled(loop.intention, followOptionsOf(options));
          throw error;
        }),
      ),
  };
}

async function storing(
  { intention }: Loop,
  { onTicket }: FollowOptions,
  from: 'now' | 'next',
  wait: () => Promise<Settlement>,
): Promise<Settlement> {
  const forget = onTicket && intention.alsoNotify(onTicket, from);
  try {
    return await wait();
  } finally {
    forget?.();
  }
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
