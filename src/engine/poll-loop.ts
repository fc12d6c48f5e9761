import pRetry from 'p-retry';

/**
 * The payment is still open after a status query. One for all: a stack would be written at each poll, and is never
 * read.
 */
const stillOpen = new Error('The payment is still open.');

/**
 * The status-poll loop, run by p-retry: asks, and while the decision is to wait and ask again, waits and asks again.
 *
 * `retries` is infinite because p-retry's default would end a payment after eleven polls, and `minTimeout` is 0 because
 * every wait is ours: abortable, on our clock, never before `Retry-After`. The loop never sends a write.
 */
export async function pollLoop(loop: {
  /** One status query; `true` while the payment is still open. */
  readonly ask: () => Promise<boolean>;
  readonly wait: () => Promise<void>;
  readonly signal: AbortSignal;
}): Promise<void> {
  await pRetry(
    async () => {
      if (await loop.ask()) throw stillOpen;
    },
    {
      retries: Infinity,
      minTimeout: 0,
      signal: loop.signal,
      onFailedAttempt: async ({ error }) => {
        // Anything else is no answer about the payment: it ends the loop, whatever p-retry thinks of its type.
        if (error !== stillOpen) throw error;
        await loop.wait();
      },
    },
  );
}
