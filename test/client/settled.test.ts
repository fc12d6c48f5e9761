import ky from 'ky';
import { expect, it } from 'vitest';
import { createGateway } from 'tillpaid';
import { zalopay } from 'tillpaid/adapters/zalopay';
import { lives, manualClock, simulateGateway } from 'tillpaid/testing';
import { zalopayVoice } from 'tillpaid/testing/zalopay';

/**
 * What is kept of a settled payment, and what counts as the same request: with a provider that has secrets and times of
 * its own.
 */

const credentials = {
  appId: 2553,
  key1: 'key-one-of-the-test',
  key2: 'key-two-of-the-test',
  environment: 'sandbox',
} as const;

it('an order that is asked for again is the same order, whenever the second request was made, and its token is forgotten once it is paid', async () => {
  const clock = manualClock({ startMs: Date.UTC(2026, 10, 21, 3, 30) });
  const simulated = simulateGateway({
    voice: zalopayVoice(credentials),
    clock,
    lives: { create: lives.paidAfter(30_000) },
  });
  const gateway = createGateway({
    adapter: zalopay(credentials),
    client: ky.create({ fetch: simulated.fetch }),
    clock,
  });
  const order = { app_trans_id: '261121_1', app_user: 'u', amount: 10_000, description: 'Tea' };

  const first = await clock.run(gateway.settle('payment.create', order));
  expect(first).toMatchObject({
    outcome: 'created',
    answer: { zp_trans_token: expect.any(String) as string, order_url: expect.any(String) as string },
  });
  clock.advance(1000);
  const timed = { ...order, app_time: clock.now() };
  expect(await gateway.settle('payment.create', timed)).toMatchObject({
    outcome: 'created',
    repeated: true,
    answer: first.answer,
  });

  await clock.run(gateway.untilSettled(first.ticket));
  const again = await gateway.settle('payment.create', order);
  expect(again).toMatchObject({
    outcome: 'succeeded',
    settledBy: 'query',
    repeated: true,
    answer: { order_url: expect.any(String) as string },
  });
  expect(again.answer).not.toHaveProperty('zp_trans_token');
  expect(simulated.ledger.entries).toMatchObject([{ sends: 1, bookings: 1 }]);
});
