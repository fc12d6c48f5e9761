import ky from 'ky';
import { expect, it } from 'vitest';
import { zalopay } from '../../src/adapters/zalopay/index.ts';
import { zalopayVoice } from '../../src/adapters/zalopay/simulator.ts';
import { createGateway, type Gateway, type Ticket } from '../../src/index.ts';
import { memoryJournal } from '../../src/journal/memory.ts';
import { createWorker } from '../../src/journal/worker.ts';
import { lives, manualClock, simulateGateway, type ManualClock } from '../../src/testing/index.ts';
import { sleep } from '../../src/testing/sleep.ts';

const account = { appId: 2553, key1: 'one', key2: 'two', environment: 'sandbox' } as const;
const HOURS = 2;
const order = {
  ...{ app_trans_id: '261116_1', app_user: 'user-7', amount: 10_000, description: 'Tea', item: '[]' },
  ...{ embed_data: '{}', expire_duration_seconds: HOURS * 3600 },
};

/** How often an order is asked about that lives for two hours and is never paid. */
async function queries(
  follow: (gateway: Gateway<object>, ticket: Ticket, clock: ManualClock) => Promise<unknown>,
  journal?: (clock: ManualClock) => ReturnType<typeof memoryJournal>,
): Promise<number> {
  const clock = manualClock({ startMs: Date.UTC(2026, 10, 16, 3) });
  const simulated = simulateGateway({ voice: zalopayVoice(account), clock, lives: { create: lives.open() } });
  let count = 0;
  const fetch = (input: Request | URL | string, init?: RequestInit): Promise<Response> => {
    if (input instanceof Request && input.url.endsWith('/v2/query')) count++;
    return simulated.fetch(input, init);
  };
  const gateway = createGateway({
    ...{ adapter: zalopay(account), client: ky.create({ fetch }), clock },
    ...(journal !== undefined && { journal: journal(clock) }),
  });
  const { ticket } = await clock.run(gateway.settle('payment.create', order));
  await clock.run(follow(gateway as Gateway<object>, ticket, clock));
  return count;
}

it('a worker asks about an order as seldom as untilSettled does: the pace stretches with the wait', async () => {
  const looped = await queries((gateway, ticket) => gateway.untilSettled(ticket));
  let shared: ReturnType<typeof memoryJournal> | undefined;
  const worked = await queries(
    async (gateway, _ticket, clock) => {
      if (shared === undefined) throw new Error('no journal');
      const worker = createWorker({ gateways: [gateway], journal: shared, clock });
      worker.start();
      await sleep(clock, HOURS * 3_600_000);
      await worker.stop();
    },
    clock => (shared = memoryJournal({ clock })),
  );
  expect(looped).toBeGreaterThan(40);
  expect(worked).toBeGreaterThan(40);
  expect(worked).toBeLessThan(looped + 10);
});
