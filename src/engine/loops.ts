import { noLongerNeeded, whenAborted } from '../clock.ts';
import type { Settlement } from '../core/settlement.ts';
import type { Hold } from './hold.ts';
import { takenOver, type Intention } from './intention.ts';
import type { Listener } from './timeline.ts';

/** A loop of this gateway object, and its callers. What is known of its payment is the registry's. */
export interface Loop {
  /** Digest of the fields; `undefined` when only a ticket is followed. */
  readonly digest: string | undefined;
  readonly done: Promise<Settlement>;
  /** It stops when its last caller has left. A drop-in request's ends with the request. */
  readonly endsWithCallers: boolean;
  readonly intention: Intention;
  /** Of a write that a journal keeps. */
  readonly hold?: Hold | undefined;
  /** How many callers wait for it. */
  callers: number;
  /** A verified notice of its payment came while it ran. Default: none. */
  isNoticed?: boolean;
  /** What it has learnt is kept; only its callers do not know yet. Default: not yet. */
  isConcluded?: boolean;
}

export interface Loops {
  /** Until it ends, others join it. @throws {Error} while another loop runs under this key: a bug of tillpaid's own */
  add(key: string, loop: Loop): void;
  /** When it has ended. Returns whether it was there; a newer loop under the same key stays. */
  remove(key: string, loop: Loop): boolean;
  get(key: string | undefined): Loop | undefined;
  /** Every loop but the one under `key`. */
  all(exceptKey?: string): Iterable<Loop>;
}

export function createLoops(): Loops {
  const running = new Map<string, Loop>();
  return {
    add(key, loop) {
      if (running.has(key))
        throw new Error(
          'tillpaid: a second loop began for a payment that has one. This is a bug of tillpaid: report it.',
        );
      running.set(key, loop);
    },
    remove: (key, loop) => running.get(key) === loop && running.delete(key),
    get: key => (key === undefined ? undefined : running.get(key)),
    *all(exceptKey) {
      for (const [key, loop] of running) if (key !== exceptKey) yield loop;
    },
  };
}

/** Its last caller has left: it is about to end, and not by an answer. */
export const isAbandoned = ({ endsWithCallers, intention }: Loop): boolean =>
  endsWithCallers && intention.stopped !== undefined;

/** Ends a loop that only follows, for a caller who sends. */
export const takeOver = ({ intention }: Loop): void => intention.stop(takenOver);

export const isTakenOver = ({ intention }: Loop): boolean => intention.stopped?.reason === takenOver;

/** It only follows, and waits: no answer is on its way that a caller who sends should know first. */
export const mayBeTakenOver = ({ intention }: Loop): boolean =>
  !intention.sends && !intention.over && intention.next?.type === 'wait';

/** Resolves when the loop has ended, however it did. */
export const whenEnded = ({ done }: Loop): Promise<unknown> => done.catch(() => undefined);

/** Resolves when the exchange that is on the wire has ended, or the loop has. */
export function whenAtRest(loop: Loop): Promise<unknown> {
  const atRest = Promise.withResolvers<undefined>();
  const unlisten = loop.intention.timeline.listen(({ type }) => {
    if (type === 'wait') atRest.resolve(undefined);
  });
  return Promise.race([atRest.promise, whenEnded(loop)]).finally(unlisten);
}

/** A caller's own part in a loop that others may wait for, too. */
interface Caller {
  readonly signal?: AbortSignal;
  readonly onProgress?: Listener;
}

/** Joins a loop until it ends or the caller's signal aborts; the loop stops when its last caller has left. */
export function attend(loop: Loop, { signal, onProgress }: Caller): Promise<Settlement> {
  loop.callers++;
  const unlisten = onProgress && loop.intention.timeline.listen(onProgress);
  return new Promise((resolve, reject) => {
    let forget: (() => void) | undefined;
    let isHere = true;
    const end = (): void => {
      if (!isHere) return;
      isHere = false;
      forget?.();
      unlisten?.();
      leave(loop, signal);
    };
    // At once, and not only when the rejection is back at the caller's: no byte leaves after an abort.
    const goAway = (): void => {
      end();
      reject(signal?.reason);
    };
    loop.done.then(
      settlement => {
        end();
        resolve(settlement);
      },
      (error: unknown) => {
        end();
        reject(error);
      },
    );
    if (signal?.aborted === true) goAway();
    else forget = signal && whenAborted(signal, goAway);
  });
}

function leave(loop: Loop, signal: AbortSignal | undefined): void {
  loop.callers--;
  if (loop.callers === 0 && loop.endsWithCallers)
    loop.intention.stop(signal?.aborted === true ? signal.reason : noLongerNeeded);
}
