import { whenAborted, type Clock } from '../../clock.ts';

/** The pauses of one loop: they end early when there is news, or when the signal aborts. */
export interface Rest {
  /** Resolves after `forMs`, when somebody wakes it, or when the signal aborts: whatever comes first. */
  wait(forMs: number): Promise<void>;
  /** Ends the pause. If there is none, the next one does not begin. */
  readonly wake: () => void;
}

export function createRest(clock: Clock, signal: AbortSignal): Rest {
  let isAwake = false;
  let end: (() => void) | undefined;
  const wake = (): void => {
    if (end === undefined) isAwake = true;
    else end();
  };
  signal.addEventListener('abort', wake);
  return {
    wake,
    wait(forMs) {
      if (isAwake || signal.aborted) {
        isAwake = false;
        return Promise.resolve();
      }
      return new Promise(resolve => {
        const cancel = clock.timer(forMs, () => end?.());
        end = () => {
          end = undefined;
          cancel();
          resolve();
        };
      });
    },
  };
}

/** Waits; whoever waits looks at the signal afterwards. */
export const pause = (clock: Clock, forMs: number, signal: AbortSignal): Promise<void> =>
  new Promise(resolve => {
    if (signal.aborted) return resolve();
    const end = (): void => {
      cancel();
      forget();
      resolve();
    };
    const cancel = clock.timer(forMs, end);
    const forget = whenAborted(signal, end);
  });
