import { getHeapSnapshot } from 'node:v8';
import ky from 'ky';
import { describe, expect, it } from 'vitest';
import { constant, createGateway, type Settlement } from '../../src/index.ts';
import { manualClock } from '../../src/testing/manual-clock.ts';
import { acme, type AcmeFields } from '../testing/acme.ts';

const policy = { retry: { attempts: 2, backoff: constant(100) }, poll: { backoff: constant(1000), deadlineMs: 3000 } };

/** Everything that is alive, its texts included, after a collection. */
async function heap(): Promise<string> {
  let snapshot = '';
  for await (const chunk of getHeapSnapshot()) snapshot += String(chunk);
  return snapshot;
}

const reversed = (text: string): string => text.split('').reverse().join('');

/** Answers by what the order is called, and keeps nothing. */
async function answer(request: Request): Promise<Response> {
  const text = await request.text();
  if (request.url.endsWith('/query')) return Response.json({ state: text.includes('open-') ? 'pending' : 'paid' });
  if (text.includes('reset-')) throw new TypeError('fetch failed');
  return Response.json({ code: text.includes('busy-') ? 'BUSY' : text.includes('paid-') ? 'PAID' : 'PENDING' });
}

/** Pays through every door, and gives back the settlements and, reversed, the card numbers that were sent. */
async function pay(): Promise<{ gateway: object; settlements: Settlement[]; cards: string[] }> {
  const clock = manualClock();
  const client = ky.create({ fetch: answer as typeof globalThis.fetch, headers: { 'x-shop': 'S1' } });
  const gateway = createGateway<AcmeFields>({ adapter: acme(), client, clock, policy });
  const settlements: Settlement[] = [];
  const cards: string[] = [];
  const fieldsOf = (order: string): AcmeFields['payment.charge'] => {
    const card = `card${Math.random().toString(36).slice(2)}`;
    cards.push(reversed(card));
    return { order, amount: 100, ...{ extra: card } };
  };
  const ignore = (): undefined => undefined;
  for (const how of ['paid', 'pending', 'open', 'busy', 'reset', 'open-reset']) {
    settlements.push(await clock.run(gateway.settle('payment.charge', fieldsOf(`${how}-1`))));
    await clock.run(gateway.client.post('charge', { json: fieldsOf(`${how}-2`) }).then(ignore, ignore));
    const init = {
      method: 'POST',
      body: JSON.stringify(fieldsOf(`${how}-3`)),
      headers: { 'content-type': 'application/json' },
    };
    await clock.run(gateway.fetch('charge', init).then(ignore, ignore));
  }
  const controller = new AbortController();
  clock.timer(500, () => controller.abort());
  await clock.run(
    gateway.settle('payment.charge', fieldsOf('open-4'), { signal: controller.signal }).then(ignore, ignore),
  );
  settlements.push(
    await clock.run(gateway.untilSettled(gateway.ticketFor('payment.charge', { order: 'paid-5', amount: 100 }))),
  );
  // The stack of what a user's fetch threw is the user's; it is not the gateway that keeps it.
  return { gateway, settlements: settlements.filter(({ cause }) => cause === undefined), cards };
}

describe('after its loop has ended', () => {
  it('no field that was sent is reachable from the gateway or a settlement: not of the first payment that was asked about, nor of one left open', async () => {
    const { gateway, settlements, cards } = await pay();
    await new Promise(resolve => setTimeout(resolve, 20));
    const alive = await heap();
    expect(cards.filter(card => alive.includes(reversed(card)))).toEqual([]);
    // They have been alive all the time.
    expect([typeof gateway, settlements.length > 4, cards.length]).toEqual(['object', true, 19]);
    // It would be found, if it were there.
    expect(alive.includes('open-reset-1')).toBe(true);
  });
});
