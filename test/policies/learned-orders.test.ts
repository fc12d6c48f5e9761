import { expect, it } from 'vitest';
import { createGateway, type Policy } from '../../src/index.ts';
import ky from 'ky';
import { learned } from '../../src/policies/index.ts';
import { manualClock } from '../../src/testing/index.ts';
import { acme } from '../testing/acme.ts';
import { json } from '../testing/bench.ts';

async function asksOf(lifeMs: number, policy: Policy = {}): Promise<number[]> {
  const clock = manualClock();
  const startMs = clock.now();
  const asks: number[] = [];
  const fetch = async (request: Request): Promise<Response> => {
    const { order } = (await request.clone().json()) as { order: string };
    if (!request.url.endsWith('/query')) return json({ code: 'CREATED', order });
    asks.push(clock.now() - startMs);
    return json({ order, state: 'open' });
  };
  const gateway = createGateway({
    ...{ adapter: acme(), clock, policy },
    client: ky.create({ fetch: fetch as typeof globalThis.fetch }),
  });
  const { ticket } = await clock.run(gateway.settle('payment.create', { order: 'A1', amount: 5 }));
  const expiresAt = new Date(startMs + lifeMs).toISOString();
  await clock.run(gateway.untilSettled({ ...ticket, expiresAt }));
  return asks;
}

const backoff = learned({ settleTimesMs: Array.from({ length: 1000 }, (_, index) => 2000 + index * 37) });

it('an order by a learned schedule is first asked about after its first wait, and later as seldom as by the default', async () => {
  const lifeMs = 14 * 86_400_000;
  const [own, usual] = [await asksOf(lifeMs, { poll: { backoff } }), await asksOf(lifeMs)];
  expect(own[0]).toBeGreaterThan(500);
  expect(own.length).toBeLessThan(usual.length * 1.5);
});
