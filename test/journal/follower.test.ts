import ky from 'ky';
import { describe, expect, it } from 'vitest';
import { createGateway, steps, type Settlement, type Ticket } from '../../src/index.ts';
import { createJournal } from '../../src/journal/journal.ts';
import { memoryJournal } from '../../src/journal/memory.ts';
import { manualClock } from '../../src/testing/manual-clock.ts';
import { sleep } from '../../src/testing/sleep.ts';
import { acme, type AcmeFields } from '../testing/acme.ts';

/** A payment that one caller follows and another one settles, with a journal whose store takes its time. */
function shop() {
  const clock = manualClock();
  const { store } = memoryJournal({ clock });
  const late =
    <Given extends unknown[], T>(work: (...given: Given) => Promise<T>) =>
    async (...given: Given): Promise<T> => {
      await sleep(clock, 5);
      return work(...given);
    };
  const slow = Object.assign(store, { insert: late(store.insert.bind(store)), update: late(store.update.bind(store)) });
  const asked: number[] = [];
  const beganMs = clock.now();
  const fetch = async (request: Request): Promise<Response> => {
    const isQuery = new URL(request.url).pathname === '/api/query';
    const { order } = JSON.parse(await request.text()) as { order: string };
    if (isQuery) asked.push(clock.now() - beganMs);
    await sleep(clock, order === 'slow' ? 1500 : 100);
    return Response.json(isQuery ? { state: 'none' } : { code: 'PAID' });
  };
  const gateway = createGateway<AcmeFields>({
    adapter: acme(),
    client: ky.create({ fetch: fetch as typeof globalThis.fetch }),
    clock,
    journal: createJournal(slow),
    policy: { limit: { concurrency: 1 }, poll: { deadlineMs: 8000, backoff: steps([100, 1000, 5000]) } },
  });
  return { clock, gateway, asked };
}

describe('a caller who follows a payment, and one who settles it', () => {
  it('both come to an end, and it is asked about at the pace of its schedule', async () => {
    const { clock, gateway, asked } = shop();
    const ends: Record<string, Settlement> = {};
    const tell = async (who: string, call: Promise<Settlement>): Promise<void> => void (ends[who] = await call);
    const order = { order: 'A1', amount: 100 };
    await clock.run(
      (async () => {
        const slow = gateway.settle('payment.charge', { order: 'slow', amount: 100 });
        await sleep(clock, 10);
        let ticket: Ticket | undefined;
        const controller = new AbortController();
        clock.timer(1000, () => controller.abort(new Error('gone')));
        const first = gateway.settle('payment.charge', order, {
          signal: controller.signal,
          onTicket: given => void (ticket = given),
        });
        await expect(first).rejects.toThrow('gone');
        if (ticket === undefined) throw new Error('There was no ticket.');
        const following = tell('follows', gateway.untilSettled(ticket));
        await sleep(clock, 1500);
        const settling = tell('settles', gateway.settle('payment.charge', order, { ticket, mayHaveBeenSent: true }));
        await Promise.race([Promise.all([slow, following, settling]), sleep(clock, 120_000)]);
      })(),
    );
    expect(Object.keys(ends).sort()).toEqual(['follows', 'settles']);
    expect(asked.length).toBeLessThan(12);
  });
});
