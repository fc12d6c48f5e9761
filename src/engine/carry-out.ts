import pRetry, { type Options } from 'p-retry';
import type { Intention } from './intention.ts';

/** One for all: a stack would be written for each exchange, and is never read. */
const goesOn = new Error('The next exchange follows at once.');

/**
 * Carries out what is decided until the intention is settled or stopped (see `ended`), or until there is a permit for
 * a send that is not ours to make.
 *
 * p-retry runs what is going on: an exchange, and those that follow it at once. A payment that only waits is parked on
 * a timer, so that a hundred thousand of them are small. Every wait is ours: on our clock, never before `Retry-After`.
 *
 * @param sends `true`: sends too. `false`: only asks, and `onPermit` is called when there is a permit to send
 */
export function carryOut(intention: Intention, sends: boolean, onPermit?: () => void): void {
  const goOn = (): void => {
    if (intention.over) return;
    if (intention.next?.type === 'wait') return intention.park(goOn);
    if (isExchange(intention, sends)) {
      exchanges(intention, sends).then(goOn, (error: unknown) => intention.fail(error));
      return;
    }
    onPermit?.();
  };
  intention.arrive();
  goOn();
}

const isExchange = ({ next, over }: Intention, sends: boolean): boolean =>
  !over && (next?.type === 'ask' || next?.type === 'cancel' || (sends && next?.type === 'send'));

const exchanges = (intention: Intention, sends: boolean): Promise<void> =>
  pRetry(async () => {
    await exchange(intention);
    if (isExchange(intention, sends)) throw goesOn;
  }, atOnce);

function exchange(intention: Intention): Promise<void> {
  switch (intention.next?.type) {
    case 'send':
      return intention.send();
    case 'cancel':
      return intention.cancel();
    default:
      return intention.ask();
  }
}

/**
 * `retries` is infinite because p-retry's default would end a payment after eleven exchanges, and `minTimeout` is 0
 * because no wait is p-retry's.
 */
const atOnce: Options = {
  retries: Infinity,
  minTimeout: 0,
  onFailedAttempt: ({ error }) => {
    // Anything else is no answer about the payment: it ends the loop, whatever p-retry thinks of its type.
    if (error !== goesOn) throw error;
  },
};
