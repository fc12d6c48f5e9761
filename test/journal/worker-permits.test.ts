import ky from 'ky';
import { expect, it } from 'vitest';
import { createGateway } from '../../src/index.ts';
import { memoryJournal } from '../../src/journal/memory.ts';
import { createWorker } from '../../src/journal/worker.ts';
import { manualClock } from '../../src/testing/manual-clock.ts';
import { sleep } from '../../src/testing/sleep.ts';
import { acme, type AcmeFields } from '../testing/acme.ts';

const LEFT = 30;

it('a worker that comes back asks about a payment by its first permit, and spends none without a query', async () => {
  const clock = manualClock();
  const journal = memoryJournal({ clock });
  const askedAtMs: number[] = [];
  const fetch = (request: Request): Promise<Response> => {
    const isPoll = new URL(request.url).pathname === '/api/query';
    if (isPoll) askedAtMs.push(clock.now());
    return Promise.resolve(Response.json(isPoll ? { state: 'paid' } : { code: 'PENDING' }));
  };
  const gateway = createGateway<AcmeFields>({
    ...{ adapter: acme(), clock, journal, client: ky.create({ fetch: fetch as typeof globalThis.fetch }) },
  });
  const leaving = new AbortController();
  const left = Array.from({ length: LEFT }, (_, at) =>
    gateway.settle('payment.charge', { order: `A${at}`, amount: 100 }, { signal: leaving.signal }),
  );
  const ended = Promise.allSettled(left);
  await clock.run(sleep(clock, 100));
  leaving.abort();
  await clock.run(ended);
  // They are no longer fresh: whoever resumes many of them by himself spreads their first queries.
  await clock.run(sleep(clock, 5 * 60_000));
  const before = askedAtMs.length;

  const worker = createWorker({ gateways: [gateway], journal, clock, onSettled: () => undefined, ratePerSecond: 2 });
  worker.start();
  await clock.run(sleep(clock, (LEFT / 2 + 5) * 1000));
  expect(askedAtMs.length - before).toBe(LEFT);
  expect(worker.health()).toMatchObject({ asked: LEFT, settled: LEFT });
  // At the rate, all the same.
  for (let from = before; from + 4 < askedAtMs.length; from++)
    expect((askedAtMs[from + 4] ?? 0) - (askedAtMs[from] ?? 0)).toBeGreaterThanOrEqual(500);
  await clock.run(worker.stop());
});
